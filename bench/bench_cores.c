/* SPDX-License-Identifier: MIT */
/*
 * Two tasks at once that share nothing: how much more they do than one, against two processes of the host. Each computes, writes
 * and reads a file of its own, and sends 64 bytes through a pipe of its own of which it has both ends, so that it never sleeps.
 * Each is bound to a processor: left to itself a host that has other work often puts two threads of a process, or two processes, on one.
 */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define IMPORT(name, params)                                                                                                     \
    "(import \"wasi_snapshot_preview1\" \"" name "\" (func $" name " (param " params ") (result i32)))"
#define IMPORTS                                                                                                                  \
    IMPORT("fd_write", "i32 i32 i32 i32")                                                                                        \
    IMPORT("fd_read", "i32 i32 i32 i32")                                                                                         \
    IMPORT("fd_seek", "i32 i64 i32 i32")                                                                                         \
    IMPORT("fd_close", "i32")                                                                                                    \
    IMPORT("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32")

/*
 * Memory: 0 a piece of 64 bytes at 4096 and 8 where its count goes; 64 a new descriptor's number; 1024 the path. work_once below
 * is the same in C.
 */
static const char module[] =
    "(module " IMPORTS "(memory (export \"memory\") 1)"
    " (data (i32.const 0) \"\\00\\10\\00\\00\\40\\00\\00\\00\") (data (i32.const 1024) \"own/f\")"
    " (func $must (param i32) (if (local.get 0) (then unreachable)))"
    " (func $compute (param $x i64) (result i64) (local $k i32) (local.set $k (i32.const 256))"
    "  (loop $l (local.set $x (i64.add (i64.mul (local.get $x) (i64.const 6364136223846793005)) (i64.const 11)))"
    "   (br_if $l (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))"
    "  (local.get $x))"
    " (func $write (param $fd i32)"
    "  (call $must (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))"
    " (func $read (param $fd i32)"
    "  (call $must (call $fd_read (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))"
    " (func $file (local $fd i32)"
    "  (call $must (call $path_open (i32.const 3) (i32.const 1) (i32.const 1024) (i32.const 5) (i32.const 1)"
    "   (i64.const 0x6e) (i64.const 0) (i32.const 0) (i32.const 64)))"
    "  (local.set $fd (i32.load (i32.const 64)))"
    "  (call $write (local.get $fd)) (call $write (local.get $fd))"
    "  (call $write (local.get $fd)) (call $write (local.get $fd))"
    "  (call $must (call $fd_seek (local.get $fd) (i64.const 0) (i32.const 0) (i32.const 72)))"
    "  (call $read (local.get $fd)) (call $read (local.get $fd))"
    "  (call $read (local.get $fd)) (call $read (local.get $fd))"
    "  (call $must (call $fd_close (local.get $fd))))"
    " (func (export \"_start\") (local $i i32) (local.set $i (i32.const %u))"
    "  (loop $again"
    "   (i64.store (i32.const 4096) (call $compute (i64.load (i32.const 4096))))"
    "   (call $file)"
    "   (call $write (i32.const 1)) (call $read (i32.const 0))"
    "   (br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))))";

static cpu_set_t all;               /* where this process may run */

static void must(bool ok, const char *what)
{
    if (!ok)
        die("cores: %s failed", what);
}

/* The calling thread, and what it makes, runs on the number-th of its processors. */
static void bind_to(unsigned number)
{
    cpu_set_t set;
    int cpu = 0;
    for (unsigned left = number + 1;; cpu++)
        if (CPU_ISSET(cpu, &all) && --left == 0)
            break;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    must(sched_setaffinity(0, sizeof set, &set) == 0, "sched_setaffinity");
}

/* ---- the host's processes --------------------------------------------------------------------------------------------- */

static void work_once(int dir, const int *ends, uint64_t *piece)
{
    for (int k = 0; k < 256; k++)
        piece[0] = piece[0] * UINT64_C(6364136223846793005) + 11;
    int fd = openat(dir, "own/f", O_RDWR | O_CREAT, 0600);
    must(fd >= 0, "own/f");
    for (int k = 0; k < 4; k++)
        must(write(fd, piece, 64) == 64, "write");
    must(lseek(fd, 0, SEEK_SET) == 0, "lseek");
    for (int k = 0; k < 4; k++)
        must(read(fd, piece, 64) == 64, "read");
    close(fd);
    must(write(ends[1], piece, 64) == 64 && read(ends[0], piece, 64) == 64, "own pipe");
}

/* A process that is ready, and once it may, works n times. */
_Noreturn static void work_in_process(const char *scratch, unsigned number, unsigned n, int ready, int go)
{
    char path[4096];
    bind_to(number);
    snprintf(path, sizeof path, "%s/core%u", scratch, number);
    mkdir(path, 0700);
    int dir = open(path, O_PATH | O_DIRECTORY), ends[2];
    must(dir >= 0 && (mkdirat(dir, "own", 0700) == 0 || errno == EEXIST), path);
    must(pipe(ends) == 0, "pipe");
    uint64_t piece[8] = { 0 };
    work_once(dir, ends, piece);
    char c = 'r';
    must(write(ready, &c, 1) == 1 && read(go, &c, 1) == 1, "start");
    for (unsigned i = 0; i < n; i++)
        work_once(dir, ends, piece);
    _exit(0);
}

double cores_on_host(const char *scratch, unsigned processes, unsigned n)
{
    int ready[2], go[2], status;
    char c[2] = { 'g', 'g' };
    must(sched_getaffinity(0, sizeof all, &all) == 0, "sched_getaffinity");
    must(pipe(ready) == 0 && pipe(go) == 0, "pipe");
    for (unsigned i = 0; i < processes; i++)
        if (fork() == 0)
            work_in_process(scratch, i, n, ready[1], go[0]);
    for (unsigned i = 0; i < processes; i++)
        must(read(ready[0], c, 1) == 1, "ready");
    uint64_t start = clock_now(CLOCK_MONO);
    must(write(go[1], c, processes) == (ssize_t)processes, "go");
    for (unsigned i = 0; i < processes; i++)
        must(wait(&status) > 0 && status == 0, "a process");
    uint64_t ns = clock_now(CLOCK_MONO) - start;
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(go[i]);
    }
    return (double)ns;
}

/* ---- tasks ------------------------------------------------------------------------------------------------------------ */

typedef struct Mix {
    Rig *m;
    unsigned tasks;
    bool bind;                      /* own directories of one file system, else own file systems */
} Mix;

static unsigned new_task(const Mix *x, unsigned number)
{
    unsigned id = rig_new_task(x->m);
    char line[64];
    snprintf(line, sizeof line, x->bind ? "bind -c /tmp/core%u /own\n" : "mount tmpfs /own\n", number);
    rig_task(x->m, id, "ns/ctl", line);
    snprintf(line, sizeof line, "pipe /task/%u/fd/0\n", id);
    rig_task(x->m, id, "fd/1/ctl", line);
    rig_task(x->m, id, "ctl", "cmd /tmp/mix\n");
    return id;
}

static double run_tasks(void *arg, unsigned n)
{
    const Mix *x = arg;
    unsigned ids[2];
    char text[sizeof module + 16], path[64], code[16];
    snprintf(text, sizeof text, module, n);
    rig_program(x->m, "/tmp/mix", text);
    for (unsigned i = 0; i < x->tasks; i++)
        ids[i] = new_task(x, i);
    workers_drain();                /* a new thread runs where its maker is bound to, a kept one where it was */
    uint64_t start = clock_now(CLOCK_MONO);
    for (unsigned i = 0; i < x->tasks; i++) {
        bind_to(i);
        rig_task(x->m, ids[i], "ctl", "start\n");
    }
    for (unsigned i = 0; i < x->tasks; i++) {
        snprintf(path, sizeof path, "/task/%u/wait", ids[i]);
        if (rig_get(x->m, path, code, sizeof code) != 2 || code[0] != '0')
            die("task %u: exit code %.3s", ids[i], code);
    }
    uint64_t ns = clock_now(CLOCK_MONO) - start;
    must(sched_setaffinity(0, sizeof all, &all) == 0, "sched_setaffinity");
    workers_drain();
    for (unsigned i = 0; i < x->tasks; i++)
        rig_task(x->m, ids[i], "ctl", "remove\n");
    return (double)ns;
}

void bench_cores(Rig *m)
{
    static HostWork one = HOST_ONE_CORE, two = HOST_TWO_CORES;
    must(sched_getaffinity(0, sizeof all, &all) == 0, "sched_getaffinity");
    if (CPU_COUNT(&all) < 2) {
        puts("cores: skipped, one processor here");
        return;
    }
    rig_mkdir(m, "/tmp/core0");
    rig_mkdir(m, "/tmp/core1");
    for (int bind = 0; bind < 2; bind++) {
        Mix alone = { .m = m, .tasks = 1, .bind = bind }, both = { .m = m, .tasks = 2, .bind = bind };
        bench_scale(bind ? "cores: two tasks, own directories" : "cores: two tasks, own tmpfs",
                    (Side){ "task", run_tasks, &alone }, (Side){ "tasks", run_tasks, &both },
                    (Side){ "process", host_run, &one }, (Side){ "two processes, tmpfs", host_run, &two }, 20000, 0.95);
    }
}
