/* SPDX-License-Identifier: MIT */
/*
 * From ids to tasks, and from group numbers to their members. Ids are spread over shards with a lock each, so that finding a
 * task does not meet Kernel.lock; groups change rarely and are guarded by that. A table that cannot grow only gets
 * slower: adding never fails.
 */
#include "kern/life.h"

enum { SHARDS = 16, FIRST_BUCKETS = 4 };

typedef struct Shard {
    Mutex lock;                     /* RANK_LEAF */
    Task **bucket;                  /* first, or allocated */
    size_t size, count;
    Task *first[FIRST_BUCKETS];
} Shard;

struct TaskTable {
    Shard shard[SHARDS];
    Task **group;                   /* first_group, or allocated; linked by group_chain */
    size_t groups, group_size;
    Task *first_group[FIRST_BUCKETS];
};

TaskTable *tasktab_new(void)
{
    TaskTable *tab = mem_alloc(sizeof *tab);
    if (tab == NULL)
        return NULL;
    for (unsigned i = 0; i < SHARDS; i++) {
        Shard *s = &tab->shard[i];
        mutex_init(&s->lock, RANK_LEAF);
        s->bucket = s->first;
        s->size = FIRST_BUCKETS;
    }
    tab->group = tab->first_group;
    tab->group_size = FIRST_BUCKETS;
    return tab;
}

void tasktab_free(TaskTable *tab)
{
    if (tab == NULL)
        return;
    for (unsigned i = 0; i < SHARDS; i++) {
        Shard *s = &tab->shard[i];
        ASSERT(s->count == 0);
        if (s->bucket != s->first)
            mem_free(s->bucket);
        mutex_destroy(&s->lock);
    }
    if (tab->group != tab->first_group)
        mem_free(tab->group);
    mem_free(tab);
}

/* ---- ids --------------------------------------------------------------------------------------------------------- */

static Shard *shard_of(TaskTable *tab, uint64_t id)
{
    return &tab->shard[id % SHARDS];
}
static Task **bucket_of(Shard *s, uint64_t id)
{
    return &s->bucket[id / SHARDS & (s->size - 1)];
}

static void shard_grow(Shard *s)
{
    size_t size = s->size * 2;
    Task **more = mem_alloc(size * sizeof *more);
    if (more == NULL)
        return;
    for (size_t i = 0; i < s->size; i++)
        for (Task *t = s->bucket[i], *next; t != NULL; t = next) {
            next = t->table_next;
            Task **at = &more[t->id / SHARDS & (size - 1)];
            t->table_next = *at;
            *at = t;
        }
    if (s->bucket != s->first)
        mem_free(s->bucket);
    s->bucket = more;
    s->size = size;
}

void tasktab_add(TaskTable *tab, Task *t)
{
    Shard *s = shard_of(tab, t->id);
    mutex_lock(&s->lock);
    if (s->count >= s->size)
        shard_grow(s);
    Task **at = bucket_of(s, t->id);
    t->table_next = *at;
    *at = t;
    s->count++;
    mutex_unlock(&s->lock);
}

void tasktab_remove(TaskTable *tab, Task *t)
{
    Shard *s = shard_of(tab, t->id);
    mutex_lock(&s->lock);
    Task **at = bucket_of(s, t->id);
    while (*at != t) {
        ASSERT(*at != NULL);
        at = &(*at)->table_next;
    }
    *at = t->table_next;
    s->count--;
    mutex_unlock(&s->lock);
}

Task *task_find(Kernel *k, uint64_t id)
{
    Shard *s = shard_of(k->table, id);
    mutex_lock(&s->lock);
    Task *t = *bucket_of(s, id);
    while (t != NULL && t->id != id)
        t = t->table_next;
    if (t != NULL)
        task_get(t);                /* the tree's own reference goes only after the table's */
    mutex_unlock(&s->lock);
    return t;
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

static Task **group_at(TaskTable *tab, uint64_t group)
{
    Task **at = &tab->group[group & (tab->group_size - 1)];
    while (*at != NULL && (*at)->group != group)
        at = &(*at)->group_chain;
    return at;
}

static void groups_grow(TaskTable *tab)
{
    size_t size = tab->group_size * 2;
    Task **more = mem_alloc(size * sizeof *more);
    if (more == NULL)
        return;
    for (size_t i = 0; i < tab->group_size; i++)
        for (Task *t = tab->group[i], *next; t != NULL; t = next) {
            next = t->group_chain;
            Task **at = &more[t->group & (size - 1)];
            t->group_chain = *at;
            *at = t;
        }
    if (tab->group != tab->first_group)
        mem_free(tab->group);
    tab->group = more;
    tab->group_size = size;
}

Task *group_first_locked(Kernel *k, uint64_t group)
{
    assert_held(&k->lock);
    return *group_at(k->table, group);
}

void group_join_locked(Kernel *k, Task *t, uint64_t group)
{
    assert_held(&k->lock);
    TaskTable *tab = k->table;
    if (tab->groups >= tab->group_size)
        groups_grow(tab);
    t->group = group;
    Task **at = group_at(tab, group);
    Task *head = *at;
    if (head == NULL) {
        t->group_next = t->group_prev = t;
        t->group_chain = NULL;
        *at = t;
        tab->groups++;
        return;
    }
    t->group_next = head;
    t->group_prev = head->group_prev;
    head->group_prev->group_next = t;
    head->group_prev = t;
}

void group_leave_locked(Kernel *k, Task *t)
{
    assert_held(&k->lock);
    TaskTable *tab = k->table;
    Task **at = group_at(tab, t->group);
    if (*at == t) {
        Task *heir = t->group_next;
        if (heir == t) {
            *at = t->group_chain;
            tab->groups--;
        } else {
            heir->group_chain = t->group_chain;
            *at = heir;
        }
    }
    t->group_prev->group_next = t->group_next;
    t->group_next->group_prev = t->group_prev;
    t->group_next = t->group_prev = t->group_chain = NULL;
}
