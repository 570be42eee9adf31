/* SPDX-License-Identifier: MIT */
/*
 * Threads on POSIX. Stacks are carved from slabs of 64, one mapping that its guards split in two a thread: ten thousand
 * threads then need twenty thousand of the 65,530 mappings that Linux gives a process. A slot is
 *     guard | stack | signal stack
 * and the signal stack is as large as wasmtime wants it, so that it does not map one of its own for each thread.
 * Priorities count from that of the process. The lock guards the list of slabs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os/local.h"
#include "os/os.h"

enum {
    SLAB_SLOTS = 64,
    GUARD_SIZE = 64 * 1024,
    STACK_SIZE = 4 * 1024 * 1024,               /* only reserved; 1 MiB of it is for wasm, and sanitizers want much */
    SIGNAL_SIZE = 256 * 1024,                   /* wasmtime's MIN_STACK_SIZE */
    SLOT_SIZE = GUARD_SIZE + STACK_SIZE + SIGNAL_SIZE,
    SLAB_SIZE = SLAB_SLOTS * SLOT_SIZE,
};

typedef struct Slab Slab;
struct Slab {
    Slab *next;
    char *base;
    uint64_t unused;                            /* a bit a slot */
};

static pthread_mutex_t slab_lock = PTHREAD_MUTEX_INITIALIZER;
static Slab *slabs;
static atomic_bool any_niced;                   /* someone has changed a priority: threads ask before they are kept */

static Slab *slab_new(void)
{
    Slab *s = mem_alloc(sizeof *s);
    if (s == NULL)
        return NULL;
    s->base =
        mmap(NULL, SLAB_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (s->base == MAP_FAILED) {
        mem_free(s);
        return NULL;
    }
    (void)madvise(s->base, SLAB_SIZE, MADV_NOHUGEPAGE);      /* a huge page would make a whole stack resident */
    for (size_t i = 0; i < SLAB_SLOTS; i++) {
        if (mprotect(s->base + i * (size_t)SLOT_SIZE, GUARD_SIZE, PROT_NONE) < 0) {
            munmap(s->base, SLAB_SIZE);
            mem_free(s);
            return NULL;
        }
    }
    s->unused = UINT64_MAX;
    return s;
}

/* The lowest byte of a free stack, or NULL. */
static char *stack_get(void)
{
    pthread_mutex_lock(&slab_lock);
    Slab *s = slabs;
    while (s != NULL && s->unused == 0)
        s = s->next;
    if (s == NULL) {
        s = slab_new();
        if (s != NULL) {
            s->next = slabs;
            slabs = s;
        }
    }
    char *stack = NULL;
    if (s != NULL) {
        size_t i = (size_t)__builtin_ctzll(s->unused);
        s->unused &= ~(UINT64_C(1) << i);
        stack = s->base + i * (size_t)SLOT_SIZE + GUARD_SIZE;
    }
    pthread_mutex_unlock(&slab_lock);
    return stack;
}

static void stack_put(char *stack)
{
    (void)madvise(stack, STACK_SIZE + SIGNAL_SIZE, MADV_DONTNEED);
    pthread_mutex_lock(&slab_lock);
    for (Slab *s = slabs; s != NULL; s = s->next) {
        if (stack >= s->base && stack < s->base + SLAB_SIZE)
            s->unused |= UINT64_C(1) << ((stack - s->base) / SLOT_SIZE);
    }
    pthread_mutex_unlock(&slab_lock);
}

void thread_trim(void)
{
    pthread_mutex_lock(&slab_lock);
    for (Slab **at = &slabs; *at != NULL;) {
        Slab *s = *at;
        if (s->unused != UINT64_MAX) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        munmap(s->base, SLAB_SIZE);
        mem_free(s);
    }
    pthread_mutex_unlock(&slab_lock);
}

static void *thread_main(void *arg)
{
    Thread *t = arg;
    stack_t old = { .ss_flags = 0 };
    stack_t ours = { .ss_sp = t->stack + STACK_SIZE, .ss_size = SIGNAL_SIZE };
    /* The address sanitizer brings one of its own, and unmaps at the end whatever it finds. */
    if (sigaltstack(NULL, &old) == 0 && (old.ss_flags & SS_DISABLE) != 0)
        (void)sigaltstack(&ours, NULL);
    return t->fn(t->arg);
}

/* Everything but what a thread's own instructions raise. */
static void mask_signals(sigset_t *mask)
{
    static const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS };
    sigfillset(mask);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        sigdelset(mask, own[i]);
}

int thread_start(Thread *t, void *(*fn)(void *arg), void *arg)
{
    *t = (Thread){ .stack = stack_get(), .fn = fn, .arg = arg };
    if (t->stack == NULL)
        return -host_err(EAGAIN);
    sigset_t mask, before;
    pthread_attr_t attr;
    mask_signals(&mask);
    pthread_attr_init(&attr);
    int r = pthread_attr_setstack(&attr, t->stack, STACK_SIZE);
    pthread_sigmask(SIG_SETMASK, &mask, &before);
    if (r == 0)
        r = pthread_create(&t->id, &attr, thread_main, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (r != 0) {
        stack_put(t->stack);
        return -host_err(EAGAIN);
    }
    return 0;
}

void thread_join(Thread *t)
{
    ASSERT(pthread_join(t->id, NULL) == 0);
    stack_put(t->stack);
}

void thread_yield(void)
{
    sched_yield();
}

int thread_processor(void)
{
    return sched_getcpu();                      /* a word that Linux keeps for each thread (rseq) */
}

static int clamp_nice(int base, int nice)
{
    int n = base + nice;
    return n < -20 ? -20 : n > 19 ? 19 : n;
}

int64_t worker_self(void)
{
    return gettid();
}

int worker_nice_of(int64_t id, int nice)
{
    int base = getpriority(PRIO_PROCESS, (id_t)getpid());
    atomic_store(&any_niced, true);
    if (setpriority(PRIO_PROCESS, (id_t)id, clamp_nice(base, nice)) < 0)
        return -host_err(errno);
    return 0;
}

int worker_nice(int nice)
{
    return worker_nice_of(gettid(), nice);
}

bool thread_is_niced(void)
{
    return atomic_load_explicit(&any_niced, memory_order_relaxed) &&
           getpriority(PRIO_PROCESS, (id_t)gettid()) != getpriority(PRIO_PROCESS, (id_t)getpid());
}
