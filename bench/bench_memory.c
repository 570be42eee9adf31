/* SPDX-License-Identifier: MIT */
/*
 * What ten thousand blocked tasks take: each has a namespace, descriptors, a thread and an instance, and reads a pipe that stays
 * empty. Resident memory and page tables of the whole process, and its mappings, of which Linux gives 65,530.
 */
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TASKS = 10000, SETTLE = 1000000000 };    /* nanoseconds until the last one has begun to wait */
#define TARGET_KIB 64.0

static const char blocked[] =
    "(module (import \"wasi_snapshot_preview1\" \"fd_read\" (func $r (param i32 i32 i32 i32) (result i32)))"
    " (memory (export \"memory\") 1) (data (i32.const 0) \"\\08\\00\\00\\00\\01\\00\\00\\00\")"
    " (func (export \"_start\") (drop (call $r (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))))";

/* VmRSS and VmPTE. */
static double resident_kib(void)
{
    char line[256];
    double sum = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "VmRSS:", 6) == 0 || strncmp(line, "VmPTE:", 6) == 0)
            sum += strtod(line + 6, NULL);
    if (f != NULL)
        fclose(f);
    return sum;
}

static unsigned mappings(void)
{
    unsigned n = 0;
    FILE *f = fopen("/proc/self/maps", "r");
    for (int c; f != NULL && (c = fgetc(f)) != EOF;)
        n += c == '\n';
    if (f != NULL)
        fclose(f);
    return n;
}

void bench_memory(Rig *m)
{
    unsigned *ids = calloc(TASKS, sizeof *ids);
    char pipe[32], line[64];
    rig_program(m, "/tmp/blocked", blocked);
    size_t n = rig_get(m, "/cap/new/pipe", pipe, sizeof pipe - 1);
    pipe[strcspn(pipe, "\n")] = pipe[n] = '\0';
    snprintf(line, sizeof line, "dup /cap/%s/r r\n", pipe);
    double before = resident_kib();
    unsigned maps = mappings();
    for (unsigned i = 0; i < TASKS; i++) {
        ids[i] = rig_new_task(m);
        rig_task(m, ids[i], "fd/0/ctl", line);
        rig_task(m, ids[i], "ctl", "cmd /tmp/blocked\nstart\n");
    }
    for (uint64_t end = clock_now(CLOCK_MONO) + SETTLE; clock_now(CLOCK_MONO) < end;)
        thread_yield();
    double each = (resident_kib() - before) / TASKS;
    printf("memory: %d blocked tasks %20.1f KiB a task, %.2f mappings a task; target %.0f KiB %s\n", TASKS, each,
           (double)(mappings() - maps) / TASKS, TARGET_KIB, each <= TARGET_KIB ? "" : "missed");
    for (unsigned i = 0; i < TASKS; i++) {
        char path[64], code[16];
        rig_task(m, ids[i], "ctl", "kill 9\n");
        snprintf(path, sizeof path, "/task/%u/wait", ids[i]);
        rig_get(m, path, code, sizeof code);
        rig_task(m, ids[i], "ctl", "remove\n");
    }
    free(ids);
}
