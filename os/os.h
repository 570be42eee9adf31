/* SPDX-License-Identifier: MIT */
/*
 * The machine below: memory, locks, threads, clocks, random bytes. os/posix and os/web implement it; nothing above
 * includes a system header. Every function that can fail returns a negative number of os/err.h.
 * Threads are POSIX threads in both builds, so <pthread.h> is the one system header seen through this file; locks are our own.
 */
#ifndef OS_OS_H
#define OS_OS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- memory (os/mem.c) ------------------------------------------------------------------------------------------ */

/* n zeroed bytes, or NULL. n may be 0 (then a pointer that may be freed). */
void *mem_alloc(size_t n);
/* Like realloc; the new part is not zeroed. On failure NULL, and p stays valid. */
void *mem_resize(void *p, size_t n);
void mem_free(void *p);
char *mem_dup(const void *p, size_t n);         /* a copy with a NUL byte after it, or NULL */
/* Tests: the n-th allocation from now on (1 is the next) fails, once; 0 switches it off. Of the calling thread only. */
void mem_fail_at(unsigned n);
bool mem_fail_pending(void);                    /* the failure set above has not happened yet */

/* Pages of the system, zeroed, read and write; for stacks and large file data. NULL when there are none. */
void *pages_alloc(size_t n);
void pages_free(void *p, size_t n);

/* ---- sleeping on a word (os/posix/word.c, os/web/word.c) -------------------------------------------------------- */

/*
 * Sleeps while *word is value: what all waits here are made of. Returns when it is woken, at once when *word is something
 * else, and now and then for no reason. until: on clock_now(CLOCK_MONO), 0 for ever.
 *   -ETIMEDOUT
 */
int word_wait(atomic_uint *word, unsigned value, uint64_t until);
void word_wake(atomic_uint *word, bool all);    /* one sleeper, or all. Only the address is used */

/* ---- barriers from one side (os/posix/fence.c, os/web/fence.c) -------------------------------------------------- */

/*
 * Two threads that each write a word and then read the other's must not both miss: each needs a barrier in between. Where the host
 * can put one into all threads at once (fence_one_sided), who passes seldom calls fence_all, and who passes often needs nothing
 * but the compiler to keep the order (atomic_signal_fence). Elsewhere fence_all does nothing and both sides exchange.
 */
extern bool fence_one_sided;                    /* does not change once main runs */
void fence_all(void);

/* ---- locks (os/lock.c) ------------------------------------------------------------------------------------------ */

/*
 * A lock has a rank, from the list in kern/kern.h. With LOCK_CHECK (test builds) taking a lock whose rank is not above
 * all ranks that the thread holds aborts, naming both; assert_held checks the owner.
 */
typedef struct Mutex {
    atomic_uint state;                          /* a MUTEX_ of below */
    unsigned rank;
#ifdef LOCK_CHECK
    pthread_t owner;
    atomic_bool held;
#endif
} Mutex;
#define MUTEX_INIT(its_rank)                                                                                           \
    {                                                                                                                  \
        .rank = (its_rank)                                                                                             \
    }

enum { MUTEX_FREE, MUTEX_HELD };

/*
 * Who sleeps until a lock is released is counted here, by the lock's address, and not in the lock: a lock may be gone with its object
 * as soon as it is free.
 */
enum { MUTEX_SLEEPERS = 256 };
extern atomic_uint mutex_sleepers[MUTEX_SLEEPERS];
static inline atomic_uint *mutex_sleepers_of(const Mutex *m)
{
    uintptr_t x = (uintptr_t)m;
    return &mutex_sleepers[(x >> 4 ^ x >> 12) % MUTEX_SLEEPERS];
}

typedef struct Cond {
    atomic_uint turn;                           /* moves with every wake */
    atomic_uint sleepers;
} Cond;

void mutex_init(Mutex *m, unsigned rank);
void mutex_destroy(Mutex *m);
/* Two locks of one rank, in the order of their addresses; a and b may be the same. */
void mutex_lock_pair(Mutex *a, Mutex *b);
void mutex_unlock_pair(Mutex *a, Mutex *b);
void mutex_await(Mutex *m);                     /* for mutex_lock: somebody else holds it */
void mutex_release_slow(Mutex *m);              /* for mutex_unlock, where fences are not one-sided */

/* For mutex_unlock. An exchange takes 4 ns, three quarters more than all the rest (bench/bench_wasi.c: a write passes three locks). */
static inline void mutex_release(Mutex *m)
{
    if (__builtin_expect(!fence_one_sided, 0)) {
        mutex_release_slow(m);
        return;
    }
    atomic_store_explicit(&m->state, MUTEX_FREE, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    if (__builtin_expect(atomic_load_explicit(mutex_sleepers_of(m), memory_order_relaxed) != 0, 0))
        word_wake(&m->state, false);            /* only an address by now */
}
#ifdef LOCK_CHECK
void mutex_lock(Mutex *m);
/* Takes m if it is free. Nobody waits, so that its rank does not matter. */
bool mutex_try(Mutex *m);
void mutex_unlock(Mutex *m);
void assert_held(Mutex *m);
#else
static inline bool mutex_try(Mutex *m)
{
    unsigned is_free = MUTEX_FREE;
    return atomic_compare_exchange_strong_explicit(&m->state, &is_free, MUTEX_HELD, memory_order_acquire,
                                                   memory_order_relaxed);
}
static inline void mutex_lock(Mutex *m)
{
    if (!mutex_try(m))
        mutex_await(m);
}
static inline void mutex_unlock(Mutex *m)
{
    mutex_release(m);
}
static inline void assert_held(Mutex *m)
{
    (void)m;
}
#endif

void cond_init(Cond *c);
void cond_destroy(Cond *c);
void cond_wait(Cond *c, Mutex *m);
/* until: on clock_now(CLOCK_MONO). Returns 0 or -ETIMEDOUT. */
int cond_wait_until(Cond *c, Mutex *m, uint64_t until);
void cond_wake_all(Cond *c);

/* ---- threads (os/posix/worker.c, os/web/worker.c) --------------------------------------------------------------- */

typedef void WorkerFn(void *arg);

/*
 * Runs fn(arg) on a kept thread (made when none is idle; its stack comes from a slab, so that ten thousand threads
 * need few mappings). nice: -20..19, 0 for the usual priority; a thread that ran niced is not kept.
 *   -EAGAIN  no more threads
 */
int worker_run(WorkerFn *fn, void *arg, int nice);
/* Sets the calling worker's priority, or -EPERM/-EACCES when the host refuses (lowering nice wants a privilege). */
int worker_nice(int nice);
/* Id of the calling thread's schedulable entity, for worker_nice_of; 0 where there is none. */
int64_t worker_self(void);
int worker_nice_of(int64_t id, int nice);
/* Ends idle kept threads and waits for them; busy ones end when they are done. For the end of a process and for tests. */
void workers_drain(void);
unsigned workers_live(void);                    /* threads that exist now, idle ones included */
void thread_yield(void);
int thread_processor(void);                     /* which one runs this thread, at this moment; -1 where the host cannot tell */
/* In a loop that looks at memory again and again: leaves the processor's other thread more room. */
static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* ---- time, random ----------------------------------------------------------------------------------------------- */

typedef enum ClockId { CLOCK_REAL, CLOCK_MONO, CLOCK_CPU_PROCESS, CLOCK_CPU_THREAD } ClockId;

uint64_t clock_now(ClockId id);                 /* nanoseconds */
uint64_t clock_coarse(void);                    /* CLOCK_REAL, some milliseconds old at most: cheap, for the times of files */
uint64_t clock_resolution(ClockId id);          /* nanoseconds */
/* CPU time of the calling thread, user and system apart, in nanoseconds (system 0 where the host cannot tell). */
void clock_thread_usage(uint64_t *user, uint64_t *system);
/* CPU time of a running thread by its worker_self, in nanoseconds; 0 where the host cannot tell. */
uint64_t clock_worker(int64_t id);
void random_bytes(void *buf, size_t n);         /* from the system's generator; cannot fail */

/* ---- last resort ------------------------------------------------------------------------------------------------ */

/* Prints file, line and what on standard error and aborts. */
_Noreturn void os_panic(const char *file, int line, const char *what);
/* Only what our own mistake can break; stays on in release builds. */
#define ASSERT(cond) ((cond) ? (void)0 : os_panic(__FILE__, __LINE__, #cond))

#endif
