/* SPDX-License-Identifier: MIT */
/*
 * What waits ten thousandfold. Tasks: each has a namespace, descriptors, a thread and an instance, and reads a pipe that stays
 * empty. Calls of a door: each waits for the exit of such a task, without a thread. Resident memory and page tables of the whole
 * process, its mappings, of which Linux gives 65,530, and its threads.
 */
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern/chan.h"
#include "kern/walk.h"

enum { MANY = 10000, SETTLE = 1000000000 };     /* nanoseconds until the last one has begun to wait */
#define TARGET_KIB 64.0

static const char blocked[] =
    "(module (import \"wasi_snapshot_preview1\" \"fd_read\" (func $r (param i32 i32 i32 i32) (result i32)))"
    " (memory (export \"memory\") 1) (data (i32.const 0) \"\\08\\00\\00\\00\\01\\00\\00\\00\")"
    " (func (export \"_start\") (drop (call $r (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))))";

typedef struct Usage {
    double rss, pte;                /* VmRSS and VmPTE, KiB */
    double threads, maps;
} Usage;

static double number_after(const char *text, const char *key)
{
    const char *s = strstr(text, key);
    return s != NULL ? strtod(s + strlen(key), NULL) : 0;
}

static Usage usage(void)
{
    char text[8192] = "";
    Usage u = { 0 };
    FILE *f = fopen("/proc/self/status", "r");
    if (f != NULL) {
        (void)!fread(text, 1, sizeof text - 1, f);
        fclose(f);
    }
    u.rss = number_after(text, "VmRSS:");
    u.pte = number_after(text, "VmPTE:");
    u.threads = number_after(text, "Threads:");
    f = fopen("/proc/self/maps", "r");
    for (int c; f != NULL && (c = fgetc(f)) != EOF;)
        u.maps += c == '\n';
    if (f != NULL)
        fclose(f);
    return u;
}

static void settle(void)
{
    for (uint64_t end = clock_now(CLOCK_MONO) + SETTLE; clock_now(CLOCK_MONO) < end;)
        thread_yield();
}

/* ---- calls of a door ------------------------------------------------------------------------------------------------ */

static atomic_uint woken;

static void wake(Call *c)
{
    (void)c;
    (void)atomic_fetch_add(&woken, 1);
}

static Chan *open_wait(Rig *m, unsigned id)
{
    char path[64];
    Chan *ch = NULL;
    int r;
    snprintf(path, sizeof path, "/task/%u/wait", id);
    CALL_RUN(&m->call, r, walk_open(&m->call, walk_self(&m->call), path, 0, OPEN_READ, 0, &ch));
    if (r < 0)
        die("%s: error %d", path, -r);
    return ch;
}

/* All of them wait for the exit of one task, which is then killed. */
static void door_calls(Rig *m, unsigned id)
{
    char code[16];
    Usage before = usage();
    Chan *ch = open_wait(m, id);
    Call *calls = mem_alloc(MANY * sizeof *calls);
    for (unsigned i = 0; i < MANY; i++) {
        Call *c = &calls[i];
        call_init(c, m->kernel->root);
        c->wake = wake;
        call_begin(c);
        if (chan_read(c, ch, code, sizeof code, 0) != WAIT || call_suspend(c) != 0)
            die("call %u does not wait", i);
    }
    Usage after = usage();
    printf("memory: %d blocked calls of a door %6.1f KiB a call, %.0f threads in all\n", MANY,
           (after.rss + after.pte - before.rss - before.pte) / MANY, after.threads - before.threads);
    rig_task(m, id, "ctl", "kill 9\n");
    for (unsigned i = 0; i < MANY; i++) {
        Call *c = &calls[i];
        while (atomic_load(&woken) < MANY)
            thread_yield();
        int64_t n = call_resume(c) < 0 ? 0 : chan_read(c, ch, code, sizeof code, 0);
        if (n != 4 || memcmp(code, "137\n", 4) != 0)
            die("call %u has not seen the exit", i);
        call_end(c);
        call_destroy(c);
    }
    mem_free(calls);
    chan_put(ch);
}

/* ---- tasks ---------------------------------------------------------------------------------------------------------- */

static unsigned start_blocked(Rig *m, const char *pipe_line)
{
    unsigned id = rig_new_task(m);
    rig_task(m, id, "fd/0/ctl", pipe_line);
    rig_task(m, id, "ctl", "cmd /tmp/blocked\nstart\n");
    return id;
}

static void end_blocked(Rig *m, unsigned id)
{
    char path[64], code[16];
    rig_task(m, id, "ctl", "kill 9\n");
    snprintf(path, sizeof path, "/task/%u/wait", id);
    rig_get(m, path, code, sizeof code);
    rig_task(m, id, "ctl", "remove\n");
}

void bench_memory(Rig *m)
{
    unsigned *ids = calloc(MANY, sizeof *ids);
    char pipe[32], line[64];
    rig_program(m, "/tmp/blocked", blocked);
    size_t n = rig_get(m, "/cap/new/pipe", pipe, sizeof pipe - 1);
    pipe[strcspn(pipe, "\n")] = pipe[n] = '\0';
    snprintf(line, sizeof line, "dup /cap/%s/r r\n", pipe);
    Usage before = usage();
    for (unsigned i = 0; i < MANY; i++)
        ids[i] = start_blocked(m, line);
    settle();
    Usage after = usage();
    double rss = (after.rss - before.rss) / MANY, pte = (after.pte - before.pte) / MANY;
    printf("memory: %d blocked tasks %15.1f KiB a task (VmRSS %.1f, VmPTE %.1f), %.2f mappings a task, %.0f in all; "
           "target %.0f KiB, 65530 mappings %s\n",
           MANY, rss + pte, rss, pte, (after.maps - before.maps) / MANY, after.maps, TARGET_KIB,
           rss + pte <= TARGET_KIB && after.maps <= 65530 ? "" : "missed");
    for (unsigned i = 0; i < MANY; i++)
        end_blocked(m, ids[i]);
    free(ids);
    unsigned one = start_blocked(m, line);
    door_calls(m, one);
    rig_task(m, one, "ctl", "remove\n");
}
