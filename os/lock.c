/* SPDX-License-Identifier: MIT */
/*
 * Locks and conditions of our own, over one word each: half the time of a pthread mutex when nobody else wants it (os/os.h has that
 * part), and a short look before sleeping when somebody does, because what is held for a few lines is soon free.
 *
 * A lock is released by a plain store and a look at whether anybody sleeps; the sleeper pays for the barrier between the two
 * (fence_all). Either the release sees the sleeper counted, or the sleeper sees the lock free, after the barrier.
 *
 * Built with LOCK_CHECK (test builds) each thread keeps the list of the locks it holds; taking one whose rank is not above
 * all of theirs aborts and names both, with the code addresses that took them.
 *
 * Sources: U. Drepper, Futexes are tricky; membarrier(2).
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

#include "os/err.h"
#include "os/local.h"
#include "os/os.h"

enum { LOOKS = 40 };                            /* before it sleeps: some two microseconds */

/* WebAssembly has no address of the caller. */
#ifdef __wasm__
#define CALLER() NULL
#else
#define CALLER() __builtin_return_address(0)
#endif

atomic_uint mutex_sleepers[MUTEX_SLEEPERS];

void mutex_await(Mutex *m)
{
    for (unsigned n = LOOKS; n > 0; n--) {
        unsigned is_free = MUTEX_FREE;
        if (atomic_load_explicit(&m->state, memory_order_relaxed) == MUTEX_FREE &&
            atomic_compare_exchange_strong_explicit(&m->state, &is_free, MUTEX_HELD, memory_order_acquire,
                                                    memory_order_relaxed))
            return;
        cpu_relax();
    }
    atomic_uint *sleepers = mutex_sleepers_of(m);
    (void)atomic_fetch_add(sleepers, 1);
    fence_all();
    while (atomic_exchange(&m->state, MUTEX_HELD) != MUTEX_FREE)
        (void)word_wait(&m->state, MUTEX_HELD, 0);
    (void)atomic_fetch_sub(sleepers, 1);
}

void mutex_release_slow(Mutex *m)
{
    (void)atomic_exchange(&m->state, MUTEX_FREE);
    if (atomic_load(mutex_sleepers_of(m)) != 0)
        word_wake(&m->state, false);
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

static bool try_it(Mutex *m)
{
    unsigned is_free = MUTEX_FREE;
    return atomic_compare_exchange_strong_explicit(&m->state, &is_free, MUTEX_HELD, memory_order_acquire,
                                                   memory_order_relaxed);
}

static void lock_it(Mutex *m)
{
    if (!try_it(m))
        mutex_await(m);
}

bool mutex_try(Mutex *m)
{
    if (!try_it(m))
        return false;
    note_taken(m, CALLER());
    return true;
}

void mutex_lock(Mutex *m)
{
    void *where = CALLER();
    shake();
    check_order(m, where);
    lock_it(m);
    note_taken(m, where);
}

static void lock_second(Mutex *m)
{
    lock_it(m);
    note_taken(m, CALLER());
}

void mutex_unlock(Mutex *m)
{
    note_released(m);
    mutex_release(m);
}

#else

void lock_shake(unsigned one_in)
{
    (void)one_in;
}

static void lock_second(Mutex *m)
{
    mutex_lock(m);
}

#endif

void mutex_init(Mutex *m, unsigned rank)
{
    *m = (Mutex)MUTEX_INIT(rank);
}

void mutex_destroy(Mutex *m)
{
    ASSERT(atomic_load_explicit(&m->state, memory_order_relaxed) == MUTEX_FREE);
}

void mutex_lock_pair(Mutex *a, Mutex *b)
{
    Mutex *first = a < b ? a : b;
    Mutex *second = a < b ? b : a;
    ASSERT(a->rank == b->rank);
    mutex_lock(first);                          /* checks the rank of both */
    if (second != first)
        lock_second(second);
}

void mutex_unlock_pair(Mutex *a, Mutex *b)
{
    mutex_unlock(a);
    if (b != a)
        mutex_unlock(b);
}

/* ---- conditions --------------------------------------------------------------------------------------------------- */

void cond_init(Cond *c)
{
    *c = (Cond){ 0 };
}

void cond_destroy(Cond *c)
{
    (void)c;
}

/* Who sleeps is counted before it looks at the turn, who wakes moves the turn before it looks for sleepers. */
static int wait_turn(Cond *c, Mutex *m, uint64_t until)
{
    (void)atomic_fetch_add(&c->sleepers, 1);
    unsigned turn = atomic_load(&c->turn);
    mutex_unlock(m);
    int r = word_wait(&c->turn, turn, until);
    (void)atomic_fetch_sub(&c->sleepers, 1);
    mutex_lock(m);
    return r;
}

void cond_wait(Cond *c, Mutex *m)
{
    (void)wait_turn(c, m, 0);
}

int cond_wait_until(Cond *c, Mutex *m, uint64_t until)
{
    return wait_turn(c, m, until != 0 ? until : 1);
}

void cond_wake_all(Cond *c)
{
    (void)atomic_fetch_add(&c->turn, 1);
    if (atomic_load(&c->sleepers) != 0)
        word_wake(&c->turn, true);
}
