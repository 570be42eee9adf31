/* SPDX-License-Identifier: MIT */
/*
 * Locks and conditions: pthreads with nothing added, unless built with LOCK_CHECK (test builds). Then each thread keeps
 * the list of the locks it holds; taking one whose rank is not above all of theirs aborts and names both, with the code
 * addresses that took them. Condition variables count on the monotonic clock.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "os/local.h"
#include "os/os.h"

#define NANOSECONDS UINT64_C(1000000000)
#define LONGEST (3600 * NANOSECONDS)            /* one wait; the page's host counts milliseconds in 32 bits */

/* WebAssembly has no address of the caller. */
#ifdef __wasm__
#define CALLER() NULL
#else
#define CALLER() __builtin_return_address(0)
#endif

static void must(int result, const char *what)
{
    if (result != 0)
        os_panic(__FILE__, __LINE__, what);
}

#ifdef LOCK_CHECK

enum { MAX_HELD = 16 };

typedef struct HeldLock {
    Mutex *mutex;
    void *where;                                /* the code that took it */
} HeldLock;

static _Thread_local HeldLock held[MAX_HELD];
static _Thread_local unsigned held_count;
static _Thread_local unsigned shake_state;
static atomic_uint shake_one_in;

void lock_shake(unsigned one_in)
{
    atomic_store(&shake_one_in, one_in);
}

/* A small generator of the thread's own: the order of the yields differs from run to run. */
static void shake(void)
{
    unsigned one_in = atomic_load_explicit(&shake_one_in, memory_order_relaxed);
    if (one_in == 0)
        return;
    if (shake_state == 0)
        random_bytes(&shake_state, sizeof shake_state);
    shake_state = shake_state * 1664525u + 1013904223u;
    if ((shake_state >> 8) % one_in == 0)
        thread_yield();
}

static void check_order(const Mutex *m, void *where)
{
    for (unsigned i = 0; i < held_count; i++) {
        if (held[i].mutex->rank < m->rank)
            continue;
        fprintf(stderr, "lock order: rank %u (%p) taken at %p, while rank %u (%p) is held since %p\n", m->rank,
                (const void *)m, where, held[i].mutex->rank, (void *)held[i].mutex, held[i].where);
        abort();
    }
}

static void note_taken(Mutex *m, void *where)
{
    ASSERT(held_count < MAX_HELD);
    held[held_count++] = (HeldLock){ m, where };
    m->owner = pthread_self();
    atomic_store(&m->held, true);
}

static void note_released(Mutex *m)
{
    unsigned i = held_count;
    while (i > 0 && held[i - 1].mutex != m)
        i--;
    ASSERT(i > 0);
    for (; i < held_count; i++)
        held[i - 1] = held[i];
    held_count--;
    atomic_store(&m->held, false);
}

void assert_held(Mutex *m)
{
    ASSERT(atomic_load(&m->held) && pthread_equal(m->owner, pthread_self()));
}

static void init_check(Mutex *m)
{
    atomic_init(&m->held, false);
}

#else

void lock_shake(unsigned one_in)
{
    (void)one_in;
}

static void shake(void)
{
}

static void check_order(const Mutex *m, void *where)
{
    (void)m;
    (void)where;
}

static void note_taken(Mutex *m, void *where)
{
    (void)m;
    (void)where;
}

static void note_released(Mutex *m)
{
    (void)m;
}

void assert_held(Mutex *m)
{
    (void)m;
}

static void init_check(Mutex *m)
{
    (void)m;
}

#endif

void mutex_init(Mutex *m, unsigned rank)
{
    must(pthread_mutex_init(&m->lock, NULL), "pthread_mutex_init");
    m->rank = rank;
    init_check(m);
}

void mutex_destroy(Mutex *m)
{
    must(pthread_mutex_destroy(&m->lock), "pthread_mutex_destroy");
}

void mutex_lock(Mutex *m)
{
    void *where = CALLER();
    shake();
    check_order(m, where);
    must(pthread_mutex_lock(&m->lock), "pthread_mutex_lock");
    note_taken(m, where);
}

void mutex_unlock(Mutex *m)
{
    note_released(m);
    must(pthread_mutex_unlock(&m->lock), "pthread_mutex_unlock");
}

void mutex_lock_pair(Mutex *a, Mutex *b)
{
    Mutex *first = a < b ? a : b;
    Mutex *second = a < b ? b : a;
    ASSERT(a->rank == b->rank);
    mutex_lock(first);                          /* checks the rank of both */
    if (second == first)
        return;
    must(pthread_mutex_lock(&second->lock), "pthread_mutex_lock");
    note_taken(second, CALLER());
}

void mutex_unlock_pair(Mutex *a, Mutex *b)
{
    mutex_unlock(a);
    if (b != a)
        mutex_unlock(b);
}

void cond_init(Cond *c)
{
    pthread_condattr_t attr;
    must(pthread_condattr_init(&attr), "pthread_condattr_init");
    must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), "pthread_condattr_setclock");
    must(pthread_cond_init(&c->cond, &attr), "pthread_cond_init");
    pthread_condattr_destroy(&attr);
}

void cond_destroy(Cond *c)
{
    must(pthread_cond_destroy(&c->cond), "pthread_cond_destroy");
}

void cond_wait(Cond *c, Mutex *m)
{
    void *where = CALLER();
    note_released(m);
    must(pthread_cond_wait(&c->cond, &m->lock), "pthread_cond_wait");
    note_taken(m, where);
}

int cond_wait_until(Cond *c, Mutex *m, uint64_t until)
{
    void *where = CALLER();
    uint64_t now = clock_now(CLOCK_MONO);
    uint64_t left = until > now ? until - now : 0;
    uint64_t slice = left < LONGEST ? left : LONGEST;
    struct timespec t = { 0 };
    must(clock_gettime(CLOCK_MONOTONIC, &t), "clock_gettime");     /* what pthreads count on; in a page not clock_now's */
    slice += (uint64_t)t.tv_nsec;
    t.tv_sec += (time_t)(slice / NANOSECONDS);
    t.tv_nsec = (long)(slice % NANOSECONDS);
    note_released(m);
    int r = pthread_cond_timedwait(&c->cond, &m->lock, &t);
    note_taken(m, where);
    if (r != 0 && r != ETIMEDOUT)
        must(r, "pthread_cond_timedwait");
    return r == 0 || left > LONGEST ? 0 : -host_err(ETIMEDOUT);
}

void cond_wake_all(Cond *c)
{
    must(pthread_cond_broadcast(&c->cond), "pthread_cond_broadcast");
}
