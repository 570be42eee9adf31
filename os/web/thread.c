/* SPDX-License-Identifier: MIT */
/*
 * Threads of the page: Emscripten's pthreads, each a Worker over the same memory. The host gives the stacks, there are no
 * signals and no priorities.
 */
#define _GNU_SOURCE
#include <emscripten/threading.h>
#include <pthread.h>

#include "os/err.h"
#include "os/local.h"
#include "os/os.h"

enum { STACK_SIZE = 256 * 1024 };

int thread_start(Thread *t, void *(*fn)(void *arg), void *arg)
{
    pthread_attr_t attr;
    *t = (Thread){ .fn = fn, .arg = arg };
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    int r = pthread_create(&t->id, &attr, fn, arg);
    pthread_attr_destroy(&attr);
    return r == 0 ? 0 : -EAGAIN;
}

void thread_join(Thread *t)
{
    ASSERT(pthread_join(t->id, NULL) == 0);
}

void thread_trim(void)
{
}

/* sched_yield does nothing in a Worker; this lets the browser run another. */
void thread_yield(void)
{
    static uint32_t never;
    emscripten_futex_wait(&never, 0, 0.02);
}

int thread_processor(void)
{
    return -1;
}

int worker_nice_of(int64_t id, int nice)
{
    (void)id;
    return nice == 0 ? 0 : -EPERM;
}

int worker_nice(int nice)
{
    return worker_nice_of(0, nice);
}

bool thread_is_niced(void)
{
    return false;
}
