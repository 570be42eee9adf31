/* SPDX-License-Identifier: MIT */
/*
 * Benchmarks: two sides that do the same work, in turn, in one process run; the ratio of their medians, and of their fastest
 * rounds, is the result. Machines are shared and noisy, so a figure alone says little and two figures from two runs nothing.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>

#include "kern/boot.h"
#include "kern/call.h"
#include "kern/kern.h"

typedef struct Side {
    const char *name;
    /* Does the work n times; returns nanoseconds for all of it, as measured by the side itself. */
    double (*run)(void *arg, unsigned n);
    void *arg;
} Side;

/* Runs both in turn, n times a round, every other round theirs first, and prints a row. target: how many times faster ours is meant to be; 0 for none. */
void bench_pair(const char *what, Side ours, Side theirs, unsigned n, double target);
/* How much more two at once do than one alone, each n times, on our side and theirs; all four in turn. target: ours as a part of theirs. */
void bench_scale(const char *what, Side one, Side two, Side their_one, Side their_two, unsigned n, double target);

/* ---- the host's side: a small process of its own, made before anything large exists (bench_host.c) ------------------------- */

typedef enum HostWork {
    HOST_SPAWN_DYNAMIC,
    HOST_SPAWN_STATIC,
    HOST_WRITE,
    HOST_READ_FILE,
    HOST_OPEN,
    HOST_PIPE_BLOCKS,
    HOST_PIPE_BYTES,
    HOST_ONE_CORE,
    HOST_TWO_CORES
} HostWork;

/* scratch: a directory on tmpfs; programs: where the two `true`s are. */
void host_begin(const char *scratch, const char *programs);
void host_end(void);
double host_run(void *work, unsigned n);        /* work: a HostWork * */
/* From now on all threads of this process and the host's side share one processor; false: they run where the host likes. */
void host_one_processor(bool one);
/* The work of so many of the host's processes at once, 1 or 2, each n times; nanoseconds from their start to the last one's exit (bench_cores.c). */
double cores_on_host(const char *scratch, unsigned processes, unsigned n);

/* ---- the kernel's side (rig.c) ------------------------------------------------------------------------------------ */

typedef struct Rig {
    Kernel *kernel;
    Call call;                      /* the root task's */
} Rig;

void rig_begin(Rig *m);
void rig_end(Rig *m);
/* As a door does it: open, write or read, close. They end the process with words when they fail. */
void rig_put(Rig *m, const char *path, const void *text, size_t n);
size_t rig_get(Rig *m, const char *path, void *buf, size_t n);
void rig_mkdir(Rig *m, const char *path);
unsigned rig_new_task(Rig *m);
void rig_task(Rig *m, unsigned id, const char *file, const char *line);
void rig_say(Rig *m, const char *path, const char *line);
/* The module that wat describes becomes a program. */
void rig_program(Rig *m, const char *path, const char *wat);

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The groups of rows. scratch: a directory on tmpfs. */
void bench_tasks(Rig *m);
void bench_wasi(Rig *m, const char *scratch);
void bench_pipes(Rig *m);
void bench_cores(Rig *m);
void bench_namespaces(Rig *m);
void bench_memory(Rig *m);
void bench_fuse(const char *scratch, const char *programs);     /* programs: where passthrough_ll is, or not */

#endif
