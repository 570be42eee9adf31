/* SPDX-License-Identifier: MIT */
/* What the slabs promise: few mappings for many threads, guards, a signal stack; and priorities. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os/os.h"
#include "test/test.h"

enum { MANY = 1000, LOW = 10 };

/* The sanitizers map memory and signal stacks of their own for each thread. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

typedef struct Gate {
    Mutex lock;
    Cond changed;
    unsigned there, gone;                       /* guarded by lock */
    bool open;
    int nice;
    size_t signal_stack;
} Gate;

static void gate_init(Gate *g)
{
    *g = (Gate){ .nice = -100 };
    mutex_init(&g->lock, LOW);
    cond_init(&g->changed);
}

static void pass(void *arg)
{
    Gate *g = arg;
    stack_t s = { .ss_flags = 0 };
    sigaltstack(NULL, &s);
    mutex_lock(&g->lock);
    g->signal_stack = (s.ss_flags & SS_DISABLE) == 0 ? s.ss_size : 0;
    g->nice = getpriority(PRIO_PROCESS, (id_t)worker_self());
    g->there++;
    cond_wake_all(&g->changed);
    while (!g->open)
        cond_wait(&g->changed, &g->lock);
    g->gone++;
    cond_wake_all(&g->changed);
    mutex_unlock(&g->lock);
}

static void gate_wait(Gate *g, unsigned n)
{
    mutex_lock(&g->lock);
    while (g->there < n)
        cond_wait(&g->changed, &g->lock);
    mutex_unlock(&g->lock);
}

static void gate_open(Gate *g, unsigned n)
{
    mutex_lock(&g->lock);
    g->open = true;
    cond_wake_all(&g->changed);
    while (g->gone < n)
        cond_wait(&g->changed, &g->lock);
    mutex_unlock(&g->lock);
    while (workers_live() > 0) {                /* the last may still be on its way out of fn */
        workers_drain();
        thread_yield();
    }
}

static unsigned count_mappings(void)
{
    FILE *f = fopen("/proc/self/maps", "r");
    unsigned n = 0;
    TRUE(f != NULL);
    for (int c = getc(f); c != EOF; c = getc(f))
        n += c == '\n';
    fclose(f);
    return n;
}

TEST_SLOW(a_thousand_threads_need_few_mappings, 60)
{
    Gate g;
    if (sanitized)
        skip("the sanitizer maps memory for each thread");
    gate_init(&g);
    unsigned before = count_mappings();
    unsigned made = 0;
    while (made < MANY && worker_run(pass, &g, 0) == 0)
        made++;
    if (made < MANY) {
        gate_open(&g, made);
        skip("the host gives no thousand threads");
    }
    gate_wait(&g, MANY);
    unsigned with = count_mappings();
    gate_open(&g, MANY);
    printf("%u mappings before, %u with %u threads\n", before, with, MANY);
    TRUE(with - before < 2 * MANY + 200);
    TRUE(count_mappings() < before + 100);
}

TEST(a_thread_has_a_signal_stack_as_large_as_wasmtime_wants_it)
{
    Gate g;
    gate_init(&g);
    OK(worker_run(pass, &g, 0));
    gate_open(&g, 1);
    if (sanitized)
        skip("the sanitizer has put its own there");
    TRUE(g.signal_stack >= 256 * 1024);
}

TEST(a_niced_thread_is_not_kept)
{
    Gate g;
    gate_init(&g);
    OK(worker_run(pass, &g, 5));
    gate_wait(&g, 1);
    EQ(g.nice, getpriority(PRIO_PROCESS, 0) + 5 < 19 ? getpriority(PRIO_PROCESS, 0) + 5 : 19);
    mutex_lock(&g.lock);
    g.open = true;
    cond_wake_all(&g.changed);
    while (g.gone < 1)
        cond_wait(&g.changed, &g.lock);
    mutex_unlock(&g.lock);
    OK(worker_run(pass, &g, 0));
    gate_open(&g, 2);
    EQ(g.nice, getpriority(PRIO_PROCESS, 0));
}

TEST(a_thread_that_is_gone_cannot_be_niced)
{
    EQ(worker_nice_of(0x3fffffff, 1), -ESRCH);
}

TEST(a_thread_knows_its_processor)
{
    cpu_set_t all, one;
    TRUE(sched_getaffinity(0, sizeof all, &all) == 0);
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (!CPU_ISSET(i, &all))
            continue;
        CPU_ZERO(&one);
        CPU_SET(i, &one);
        TRUE(sched_setaffinity(0, sizeof one, &one) == 0);
        EQ(thread_processor(), i);
    }
}
