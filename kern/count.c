/* SPDX-License-Identifier: MIT */
/*
 * Object counters: each thread counts on its own, without an exchange, and what all have counted is added up when somebody looks. A
 * thread's counters alone may be negative, when an object moved; their sum is exact. (Opening and closing a file moves six: with
 * an exchange each, as before, that was 25 of 440 ns; bench/bench_wasi.c.)
 */
#include "kern/count.h"

typedef struct Counters {
    bool listed;
    struct Counters *next, *prev;   /* counters_lock */
    atomic_int_least64_t n[OBJ_COUNT];      /* only its thread adds */
} Counters;

static _Thread_local Counters mine;
static Mutex counters_lock = MUTEX_INIT(RANK_COUNT);
static Counters *all;
static int64_t gone[OBJ_COUNT];     /* of threads that have ended */
static pthread_key_t at_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const char *const names[OBJ_COUNT] = {
    [OBJ_TASK] = "task",       [OBJ_CHAN] = "chan",     [OBJ_FILE] = "file",
    [OBJ_PATH] = "path",       [OBJ_NS] = "ns",         [OBJ_NSROOT] = "nsroot",
    [OBJ_NSNODE] = "nsnode",   [OBJ_MAP] = "map",       [OBJ_FDTAB] = "fdtab",
    [OBJ_RING] = "ring",       [OBJ_TAP] = "tap",       [OBJ_SYNFILE] = "synfile",
    [OBJ_PIPE] = "pipe",       [OBJ_INODE] = "inode",   [OBJ_BLOCK] = "block",
    [OBJ_ACCOUNT] = "account", [OBJ_WAITER] = "waiter", [OBJ_OP] = "op",
    [OBJ_MEMO] = "memo",       [OBJ_LOCK] = "lock",     [OBJ_EVENTSUB] = "eventsub",
    [OBJ_EVENT] = "event",     [OBJ_STRV] = "strv",     [OBJ_HOSTFILE] = "hostfile",
    [OBJ_CAP] = "cap",         [OBJ_IMAGE] = "image",   [OBJ_INSTANCE] = "instance",
    [OBJ_THREAD] = "thread",
};

/* The thread ends. Should it count after this, it is listed once more. */
static void thread_gone(void *arg)
{
    Counters *c = arg;
    mutex_lock(&counters_lock);
    for (unsigned kind = 0; kind < OBJ_COUNT; kind++) {
        gone[kind] += atomic_load_explicit(&c->n[kind], memory_order_relaxed);
        atomic_store_explicit(&c->n[kind], 0, memory_order_relaxed);
    }
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        all = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    c->listed = false;
    mutex_unlock(&counters_lock);
}

static void make_key(void)
{
    ASSERT(pthread_key_create(&at_end, thread_gone) == 0);
}

static void list_mine(void)
{
    pthread_once(&once, make_key);
    mutex_lock(&counters_lock);
    mine.listed = true;
    mine.prev = NULL;
    mine.next = all;
    if (all != NULL)
        all->prev = &mine;
    all = &mine;
    mutex_unlock(&counters_lock);
    ASSERT(pthread_setspecific(at_end, &mine) == 0);
}

void count_move(ObjectKind kind, int64_t delta)
{
    if (__builtin_expect(!mine.listed, 0))
        list_mine();
    int64_t n = atomic_load_explicit(&mine.n[kind], memory_order_relaxed);
    atomic_store_explicit(&mine.n[kind], n + delta, memory_order_relaxed);
}

int64_t count_of(ObjectKind kind)
{
    mutex_lock(&counters_lock);
    int64_t sum = gone[kind];
    for (Counters *c = all; c != NULL; c = c->next)
        sum += atomic_load_explicit(&c->n[kind], memory_order_relaxed);
    mutex_unlock(&counters_lock);
    return sum;
}

void count_text(Text *out)
{
    for (unsigned kind = 0; kind < OBJ_COUNT; kind++)
        text_printf(out, "%s %lld\n", names[kind], (long long)count_of((ObjectKind)kind));
}
