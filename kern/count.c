/* SPDX-License-Identifier: MIT */
/*
 * Object counters, in shards that are added up when somebody looks: two tasks that make objects of one kind seldom touch
 * the same cache line. A shard alone may be negative, when an object moved; their sum is exact. No lock.
 */
#include "kern/count.h"

enum { SHARDS = 16, CACHE_LINE = 64 };

typedef struct Shard {
    _Alignas(CACHE_LINE) atomic_int_least64_t n[OBJ_COUNT];
} Shard;

static Shard shards[SHARDS];

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

/* Objects are allocated at different distances: bits from above and below a page both choose. */
static Shard *shard_of(const void *p)
{
    uintptr_t x = (uintptr_t)p;
    return &shards[(x >> 6 ^ x >> 12 ^ x >> 20) % SHARDS];
}

void count_add(ObjectKind kind, const void *p)
{
    atomic_fetch_add_explicit(&shard_of(p)->n[kind], 1, memory_order_relaxed);
}

void count_sub(ObjectKind kind, const void *p)
{
    atomic_fetch_sub_explicit(&shard_of(p)->n[kind], 1, memory_order_relaxed);
}

int64_t count_of(ObjectKind kind)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < SHARDS; i++)
        sum += atomic_load_explicit(&shards[i].n[kind], memory_order_relaxed);
    return sum;
}

void count_text(Text *out)
{
    for (unsigned kind = 0; kind < OBJ_COUNT; kind++)
        text_printf(out, "%s %lld\n", names[kind], (long long)count_of((ObjectKind)kind));
}
