/* SPDX-License-Identifier: MIT */
/*
 * Kept threads, for both builds: a finished thread waits on a stack of idle ones, the last used on top because its memory is
 * still in the cache, and takes the next function without a lock on the way (its semaphore is its own). What ended is
 * joined by the next start, since only then its stack is free. The pool's lock guards the lists; a leaf, never held
 * while anything is called that locks.
 */
#define _GNU_SOURCE
#include <semaphore.h>

#include "os/err.h"
#include "os/local.h"
#include "os/os.h"

/* More than this many idle threads end: a burst of ten thousand tasks should not keep its stacks. */
enum { MAX_IDLE = 256 };

typedef struct Worker Worker;
struct Worker {
    Thread thread;
    sem_t go;                                   /* posted when fn is set, or when the worker is to end */
    WorkerFn *fn;                               /* NULL: end */
    void *arg;
    int nice;
    unsigned drains;                            /* pool.drains when the run began */
    Worker *next;                               /* in idle or ended */
};

typedef struct Pool {
    pthread_mutex_t lock;
    Worker *idle, *ended;
    unsigned idle_count, live;
    unsigned drains;                            /* so often were the threads sent home */
} Pool;

static Pool pool = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void pool_lock(void)
{
    pthread_mutex_lock(&pool.lock);
}

static void pool_unlock(void)
{
    pthread_mutex_unlock(&pool.lock);
}

/* Puts w where it belongs after a run; false: the thread ends now. */
static bool worker_rest(Worker *w)
{
    bool keep = !thread_is_niced();
    w->fn = NULL;
    pool_lock();
    keep = keep && w->drains == pool.drains && pool.idle_count < MAX_IDLE;
    w->next = keep ? pool.idle : pool.ended;
    *(keep ? &pool.idle : &pool.ended) = w;
    pool.idle_count += keep;
    pool_unlock();
    return keep;
}

static void worker_await(Worker *w)
{
    while (sem_wait(&w->go) < 0) {
        /* only a signal handler of the host's process ends it early */
    }
}

static void *worker_main(void *arg)
{
    Worker *w = arg;
    do {
        worker_await(w);
        if (w->fn == NULL)
            break;                              /* workers_drain has it in its hands */
        if (w->nice != 0)
            (void)worker_nice(w->nice);         /* a host that refuses leaves the usual priority */
        w->fn(w->arg);
    } while (worker_rest(w));
    return NULL;
}

/* Frees the workers of an ended list, which are at their last instructions. */
static void workers_join(Worker *list)
{
    while (list != NULL) {
        Worker *w = list;
        list = w->next;
        thread_join(&w->thread);
        sem_destroy(&w->go);
        mem_free(w);
        pool_lock();
        pool.live--;
        pool_unlock();
    }
}

static int worker_new(Worker **out)
{
    Worker *w = mem_alloc(sizeof *w);
    if (w == NULL)
        return -EAGAIN;
    sem_init(&w->go, 0, 0);
    int r = thread_start(&w->thread, worker_main, w);
    if (r < 0) {
        sem_destroy(&w->go);
        mem_free(w);
        return r;
    }
    pool_lock();
    pool.live++;
    pool_unlock();
    *out = w;
    return 0;
}

int worker_run(WorkerFn *fn, void *arg, int nice)
{
    pool_lock();
    Worker *w = pool.idle;
    if (w != NULL) {
        pool.idle = w->next;
        pool.idle_count--;
    }
    Worker *ended = pool.ended;
    unsigned drains = pool.drains;
    pool.ended = NULL;
    pool_unlock();
    workers_join(ended);
    if (w == NULL) {
        int r = worker_new(&w);
        if (r < 0)
            return r;
    }
    w->fn = fn;
    w->arg = arg;
    w->nice = nice;
    w->drains = drains;
    sem_post(&w->go);
    return 0;
}

void workers_drain(void)
{
    pool_lock();
    pool.drains++;
    Worker *idle = pool.idle;
    Worker *ended = pool.ended;
    pool.idle = NULL;
    pool.ended = NULL;
    pool.idle_count = 0;
    pool_unlock();
    for (Worker *w = idle; w != NULL; w = w->next)
        sem_post(&w->go);                       /* fn is NULL since it rested */
    workers_join(idle);
    workers_join(ended);
    thread_trim();
}

unsigned workers_live(void)
{
    pool_lock();
    unsigned n = pool.live;
    pool_unlock();
    return n;
}
