/* SPDX-License-Identifier: MIT */
/*
 * The tree of tasks: children, who adopts them, and how long one that exited is kept. All of it is guarded by Kernel.lock.
 * Who is in the tree has its parent there too, which has not exited: an exiting task gives its living children to its own
 * parent in the same step. So no child needs a reference of its parent.
 */
#include <stdlib.h>
#include <string.h>

#include "kern/life.h"

#define KEPT_LATER 1024u            /* an exited task goes when so many later ones were waited for */

/* ---- lists ------------------------------------------------------------------------------------------------------- */

static void list_append(TaskList *l, Task *t)
{
    t->sibling_next = NULL;
    t->sibling_prev = l->last;
    if (l->last != NULL)
        l->last->sibling_next = t;
    else
        l->first = t;
    l->last = t;
}

static void list_remove(TaskList *l, Task *t)
{
    if (t->sibling_prev != NULL)
        t->sibling_prev->sibling_next = t->sibling_next;
    else
        l->first = t->sibling_next;
    if (t->sibling_next != NULL)
        t->sibling_next->sibling_prev = t->sibling_prev;
    else
        l->last = t->sibling_prev;
    t->sibling_next = t->sibling_prev = NULL;
}

/* ---- growing and shrinking --------------------------------------------------------------------------------------- */

void tree_add_locked(Task *t, Task *parent)
{
    assert_held(&t->kernel->lock);
    task_get(t);
    t->parent = parent;
    if (parent != NULL)
        list_append(&parent->children, t);
    tasktab_add(t->kernel->table, t);
    group_join_locked(t->kernel, t, parent != NULL ? parent->group : t->id);
}

/* t is in nobody's list any more; its reference goes to *out. */
static void let_go(Task *t, TaskList *out)
{
    t->removed = true;
    t->parent = NULL;
    tasktab_remove(t->kernel->table, t);
    list_append(out, t);
}

/*
 * For each kept one there is to know how many that exited later were waited for. That is the sum of `pushes` from it to the end
 * of the list: a wait counts at the one before, who is not there any more has left its count to the one before it.
 */
static void dead_remove(Task *parent, Task *t)
{
    if (t->sibling_prev != NULL)
        t->sibling_prev->pushes += t->pushes;
    else
        parent->later_waited -= t->pushes;
    list_remove(&parent->dead, t);
}

/* The oldest of the kept go when enough later ones were waited for. */
static void trim_dead(Task *parent, TaskList *out)
{
    for (Task *oldest; parent->later_waited >= KEPT_LATER && (oldest = parent->dead.first) != NULL;) {
        dead_remove(parent, oldest);
        let_go(oldest, out);
    }
}

void tree_waited_locked(Task *t, TaskList *out)
{
    assert_held(&t->kernel->lock);
    if (t->waited)
        return;
    t->waited = true;
    if (t->parent == NULL)
        return;
    if (t->sibling_prev == NULL)
        return;                     /* there is none that exited before */
    t->sibling_prev->pushes++;
    t->parent->later_waited++;
    trim_dead(t->parent, out);
}

static void give_children(Task *t, Task *heir)
{
    for (Task *child; (child = t->children.first) != NULL;) {
        list_remove(&t->children, child);
        child->parent = heir;
        child->adopted = true;
        list_append(&heir->children, child);
    }
}

/* Out of the living: what t keeps of its children goes, its living children go to its parent. */
static void leave_living(Task *t, TaskList *out)
{
    t->gone = true;
    events_end_locked(t);
    group_leave_locked(t->kernel, t);
    for (Task *kept; (kept = t->dead.first) != NULL;) {
        dead_remove(t, kept);
        let_go(kept, out);
    }
    if (t->parent != NULL)
        give_children(t, t->parent);
}

void tree_exit_locked(Task *t, TaskList *out)
{
    assert_held(&t->kernel->lock);
    Task *parent = t->parent;
    leave_living(t, out);
    list_remove(&parent->children, t);
    list_append(&parent->dead, t);
    if (t->adopted)
        tree_waited_locked(t, out);
}

void tree_remove_locked(Task *t, TaskList *out)
{
    assert_held(&t->kernel->lock);
    Task *parent = t->parent;
    bool living = !t->gone;
    if (living)
        leave_living(t, out);
    if (parent != NULL && living)
        list_remove(&parent->children, t);
    else if (parent != NULL)
        dead_remove(parent, t);
    let_go(t, out);
}

void tree_release(TaskList *out)
{
    for (Task *t; (t = out->first) != NULL;) {
        list_remove(out, t);
        account_fold(t->account);
        task_put(t);
    }
}

void task_note_waited(Task *t)
{
    TaskList out = { 0 };
    mutex_lock(&t->kernel->lock);
    tree_waited_locked(t, &out);
    mutex_unlock(&t->kernel->lock);
    tree_release(&out);
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

Task *tree_next_locked(Task *top, Task *t)
{
    if (t->children.first != NULL)
        return t->children.first;
    while (t != top && t->sibling_next == NULL)
        t = t->parent;
    return t == top ? NULL : t->sibling_next;
}

bool tree_below_locked(const Task *t, const Task *ancestor)
{
    do
        t = t->parent;
    while (t != NULL && t != ancestor);
    return t != NULL;
}

bool task_is_below(Task *t, Task *ancestor)
{
    mutex_lock(&t->kernel->lock);
    bool below = tree_below_locked(t, ancestor);
    mutex_unlock(&t->kernel->lock);
    return below;
}

bool task_shows(Task *holder, Task *t)
{
    if (t == holder)
        return true;
    mutex_lock(&t->kernel->lock);
    bool shown = t->parent == holder;
    mutex_unlock(&t->kernel->lock);
    return shown;
}

uint64_t task_parent_id(Task *t)
{
    mutex_lock(&t->kernel->lock);
    uint64_t id = t->parent != NULL ? t->parent->id : 0;
    mutex_unlock(&t->kernel->lock);
    return id;
}

uint64_t task_group_id(Task *t)
{
    mutex_lock(&t->kernel->lock);
    uint64_t id = t->group;
    mutex_unlock(&t->kernel->lock);
    return id;
}

static size_t count_list(const TaskList *l)
{
    size_t n = 0;
    for (const Task *t = l->first; t != NULL; t = t->sibling_next)
        n++;
    return n;
}

static size_t fill_ids(const TaskList *l, uint64_t from, uint64_t *ids, size_t n, size_t room)
{
    for (const Task *t = l->first; t != NULL; t = t->sibling_next)
        if (t->id > from && n < room)
            ids[n++] = t->id;
    return n;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

int task_child_ids(Task *t, uint64_t from, uint64_t *ids, unsigned max)
{
    mutex_lock(&t->kernel->lock);
    size_t room = count_list(&t->children) + count_list(&t->dead);
    mutex_unlock(&t->kernel->lock);
    room += room / 8 + 8;           /* those that come meanwhile */
    uint64_t *all = mem_alloc(room * sizeof *all);
    if (all == NULL)
        return -ENOMEM;
    mutex_lock(&t->kernel->lock);
    size_t n = fill_ids(&t->children, from, all, 0, room);
    n = fill_ids(&t->dead, from, all, n, room);
    mutex_unlock(&t->kernel->lock);
    qsort(all, n, sizeof *all, by_number);
    if (n > max)
        n = max;
    memcpy(ids, all, n * sizeof *ids);
    mem_free(all);
    return (int)n;
}

/* Owned references of all children, or all below t; the number, or -ENOMEM. */
static int64_t snapshot(Task *t, bool deep, Task ***out)
{
    size_t room = 16;
    for (;;) {
        Task **all = mem_alloc(room * sizeof(Task *));
        if (all == NULL)
            return -ENOMEM;
        size_t n = 0;
        mutex_lock(&t->kernel->lock);
        if (deep) {
            for (Task *at = t; (at = tree_next_locked(t, at)) != NULL; n++)
                if (n < room)
                    all[n] = task_get(at);
        } else {
            for (Task *at = t->children.first; at != NULL; at = at->sibling_next, n++)
                if (n < room)
                    all[n] = task_get(at);
        }
        mutex_unlock(&t->kernel->lock);
        if (n <= room) {
            *out = all;
            return (int64_t)n;
        }
        for (size_t i = 0; i < room; i++)
            task_put(all[i]);
        mem_free(all);
        room = n + n / 8;
    }
}

int task_each_child(Task *t, bool deep, int (*fn)(void *arg, Task *child), void *arg)
{
    Task **all;
    int64_t n = snapshot(t, deep, &all);
    if (n < 0)
        return (int)n;
    int r = 0;
    for (int64_t i = 0; i < n; i++) {
        if (r == 0)
            r = fn(arg, all[i]);
        task_put(all[i]);
    }
    mem_free(all);
    return r;
}
