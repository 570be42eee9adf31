/* SPDX-License-Identifier: MIT */
/*
 * What an engine says for the threads of its programs, and what it asks: go on, or end?
 */
#include "kern/count.h"
#include "kern/life.h"

void task_thread_begin(Task *t, TaskThread *th)
{
    *th = (TaskThread){ .task = t, .worker = worker_self(), .engine = th->engine };
    call_init(&th->call, t);
    th->call.thread = th;
    clock_thread_usage(&th->user0, &th->system0);
    count_add(OBJ_THREAD, th);
    mutex_lock(&t->lock);
    int nice = t->nice;
    th->next = t->threads;
    if (th->next != NULL)
        th->next->prev = th;
    t->threads = th;
    mutex_unlock(&t->lock);
    account_at_hand(t->account);
    if (nice != 0)
        (void)worker_nice(nice);    /* a host that refuses leaves the usual priority */
}

void task_thread_end(TaskThread *th)
{
    Task *t = th->task;
    uint64_t user, system;
    clock_thread_usage(&user, &system);
    mutex_lock(&t->lock);
    if (th->prev != NULL)
        th->prev->next = th->next;
    else
        t->threads = th->next;
    if (th->next != NULL)
        th->next->prev = th->prev;
    mutex_unlock(&t->lock);
    account_cpu(t->account, user - th->user0, system - th->system0);
    account_io(t->account, false, th->in.calls, th->in.bytes);
    account_io(t->account, true, th->out.calls, th->out.bytes);
    call_destroy(&th->call);
    account_at_hand(NULL);
    count_sub(OBJ_THREAD, th);
}

static int wait_for_resume(Call *c, Task *t)
{
    mutex_lock(&t->lock);
    bool paused = (atomic_load(&t->attention) & ATTEND_PAUSE) != 0;
    int r = paused ? wait_arm(c, &t->resumed) : 0;
    mutex_unlock(&t->lock);
    return r;
}

int task_attend(TaskThread *th)
{
    Task *t = th->task;
    Call *c = &th->call;
    unsigned mode = c->mode;
    uint64_t deadline = c->deadline;
    int r = 0;
    while (r == 0) {
        unsigned a = atomic_load(&t->attention);
        if ((a & (ATTEND_KILL | ATTEND_STOP | ATTEND_EXEC)) != 0) {
            r = -EINTR;
        } else if ((a & ATTEND_PAUSE) == 0) {
            break;
        } else {
            int waited;
            c->mode = 0;
            c->deadline = 0;
            CALL_RUN(c, waited, wait_for_resume(c, t));     /* -EINTR: to be seen above */
        }
    }
    c->mode = mode;
    c->deadline = deadline;
    return r;
}

void task_stop_threads(Task *t, int code)
{
    mutex_lock(&t->lock);
    if ((atomic_load(&t->attention) & (ATTEND_STOP | ATTEND_EXEC)) == 0) {
        t->stop_code = code;
        atomic_fetch_or(&t->attention, ATTEND_STOP);
        task_interrupt_locked(t);
    }
    mutex_unlock(&t->lock);
}
