/* SPDX-License-Identifier: MIT */
/*
 * The end of a task. First it lets go of what it has: descriptors (their unfinished control lines run as the task, while it can still
 * be killed), directory, namespace and with it mounts; only then, in one step under Kernel.lock, it is dead, its children are
 * its parent's, and events and `wait` tell.
 */
#include <string.h>

#include "kern/life.h"

static void drop_vfork_child(Task *t)
{
    mutex_lock(&t->lock);
    Task *child = atomic_exchange(&t->vfork_child, NULL);
    bool ends = false;
    mutex_unlock(&t->lock);
    if (child == NULL)
        return;
    mutex_lock(&child->lock);
    if (child->state == TASK_NEW && !task_killed(child)) {
        atomic_fetch_or(&child->attention, ATTEND_KILL);
        ends = true;
    }
    mutex_unlock(&child->lock);
    if (ends)
        task_finish_unstarted(child, 0);
    task_put(child);
}

void task_dismantle(Task *t)
{
    vfork_end(t);                   /* while there still is what its parent acts on */
    drop_vfork_child(t);
    if (t->fds != NULL) {
        Call c;
        call_init(&c, t);
        call_begin(&c);
        fdtab_close_all(&c, t->fds);
        call_end(&c);
        call_destroy(&c);
    }
    if (t->kernel->list->task_exited != NULL)
        t->kernel->list->task_exited(t);
    mutex_lock(&t->lock);
    Ns *ns = STEAL(t->ns);
    Chan *cwd = STEAL(t->cwd), *feed = STEAL(t->feed), *program = STEAL(t->program);
    File *feed_read = STEAL(t->feed_read);
    Loaded *next = STEAL(t->next_program);
    mutex_unlock(&t->lock);
    loaded_free(next);
    chan_put(cwd);
    chan_put(feed);
    chan_put(program);
    file_put(feed_read);
    if (ns != NULL)
        ns_put(ns);
}

/* Everything is let go of: t is dead from here on. */
static void finish(Task *t, int code)
{
    TaskList out = { 0 };
    account_task(t->account, -1);
    mutex_lock(&t->kernel->lock);
    mutex_lock(&t->lock);
    t->exit_code = code & 255;
    t->ended = true;
    t->state = TASK_DEAD;
    t->engine = NULL;
    int signal = t->end_signal;
    queue_wake(&t->exited);
    mutex_unlock(&t->lock);
    events_post_locked(t, signal != 0 ? "killed" : "exited", signal != 0 ? signal : code & 255);
    Task *parent = t->parent != NULL ? task_get(t->parent) : NULL;
    tree_exit_locked(t, &out);
    mutex_unlock(&t->kernel->lock);
    if (t->kernel->list->task_exited != NULL)
        t->kernel->list->task_exited(t);
    if (parent != NULL)
        task_signal(parent, SIG_CHLD);
    task_put(parent);
    tree_release(&out);
}

void task_finish_unstarted(Task *t, int code)
{
    task_dismantle(t);
    finish(t, code);
}

void task_began(Task *t)
{
    Kernel *k = t->kernel;
    task_get(t);
    mutex_lock(&k->lock);
    k->running++;
    mutex_unlock(&k->lock);
}

/* The last thing that a program's end does with the kernel: kernel_end waits for it. */
void task_not_begun(Kernel *k)
{
    mutex_lock(&k->lock);
    if (--k->running == 0)
        cond_wake_all(&k->quiet);
    mutex_unlock(&k->lock);
}

/* The program to run instead, when the last one ended for that; owned. */
static Loaded *take_next(Task *t, int *code)
{
    Loaded *next = NULL;
    mutex_lock(&t->lock);
    unsigned a = atomic_load(&t->attention);
    if ((a & ATTEND_STOP) != 0)
        *code = t->stop_code;
    if ((a & (ATTEND_KILL | ATTEND_EXEC)) == ATTEND_EXEC) {
        next = STEAL(t->next_program);
        atomic_fetch_and(&t->attention, ~(unsigned)ATTEND_EXEC);
    }
    t->ending = next == NULL;
    t->run = NULL;
    mutex_unlock(&t->lock);
    return next;
}

void task_ended(Task *t, int code)
{
    Kernel *k = t->kernel;
    Loaded *next = take_next(t, &code);
    if (next != NULL) {
        if (task_run_next(t, next) == 0)
            return;
        code = 126;
        mutex_lock(&t->lock);
        t->ending = true;
        mutex_unlock(&t->lock);
    }
    task_dismantle(t);
    finish(t, code);
    task_put(t);
    task_not_begun(k);
}

/* ---- asked for ----------------------------------------------------------------------------------------------------- */

int task_code(Task *t)
{
    mutex_lock(&t->lock);
    int code = t->end_signal != 0 ? 128 + t->end_signal : t->exit_code;
    mutex_unlock(&t->lock);
    return code;
}

int task_wait(Call *c, Task *t, int *code)
{
    if (c->task == t)
        return fail(c, -EDEADLK, "wait: a task does not wait for itself");
    int r = 0;
    mutex_lock(&t->lock);
    if (t->state != TASK_DEAD)
        r = wait_arm(c, &t->exited);
    else if (!t->ended)
        r = fail(c, -ENOENT, "wait: task %llu was removed unstarted", (unsigned long long)t->id);
    mutex_unlock(&t->lock);
    if (r < 0)
        return r;
    task_note_waited(t);
    *code = task_code(t);
    return 0;
}

/* Claims a task that did not start. 1: it is the caller's to end; 0: it has exited. */
static int claim(Call *c, Task *t)
{
    int r = 0;
    mutex_lock(&t->lock);
    if (t->state == TASK_NEW && !task_killed(t)) {
        atomic_fetch_or(&t->attention, ATTEND_KILL);
        r = 1;
    } else if (t->state != TASK_DEAD) {
        r = -EBUSY;
    }
    mutex_unlock(&t->lock);
    return r < 0 ? fail(c, r, "remove: task %llu is running", (unsigned long long)t->id) : r;
}

int task_remove(Call *c, Task *t)
{
    if (t == t->kernel->root)
        return fail(c, -EPERM, "remove: task 1 is the root");
    int unstarted = claim(c, t);
    if (unstarted < 0)
        return unstarted;
    if (unstarted) {
        task_dismantle(t);
        account_task(t->account, -1);
    }
    TaskList out = { 0 };
    mutex_lock(&t->kernel->lock);
    int r = t->removed ? -ENOENT : 0;
    if (r == 0)
        tree_remove_locked(t, &out);
    mutex_lock(&t->lock);
    t->state = TASK_DEAD;
    queue_wake(&t->exited);
    mutex_unlock(&t->lock);
    mutex_unlock(&t->kernel->lock);
    if (unstarted && t->kernel->list->task_exited != NULL)
        t->kernel->list->task_exited(t);
    tree_release(&out);
    return r;
}
