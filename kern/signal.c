/* SPDX-License-Identifier: MIT */
/*
 * Signals, as POSIX has them for processes: default actions, ignored ones, and ones that wait to be read by the task itself
 * from its `signal` file. A signal is delivered in one step under Task.lock; what has to be done without a lock
 * (telling the engine, ending a task that never started, events) follows. For a tree or a group all deliveries happen under
 * one hold of Kernel.lock, which every new task has to pass: none escapes between two of them.
 */
#include <string.h>

#include "kern/life.h"

enum {                              /* Task.due */
       DUE_NOTICE = 1,
       DUE_FINISH = 2,
       DUE_STOPPED = 4,
       DUE_CONTINUED = 8
};

typedef enum Action { ACT_END, ACT_IGNORE, ACT_STOP, ACT_CONTINUE } Action;

#define BIT(n) (UINT32_C(1) << (n))
#define STOPS (BIT(SIG_STOP) | BIT(SIG_TSTP) | BIT(SIG_TTIN) | BIT(SIG_TTOU))

static const char *const names[SIGNAL_COUNT] = {
    NULL,   "HUP",  "INT",    "QUIT", "ILL",  "TRAP", "ABRT", "BUS",  "FPE",  "KILL", "USR1",
    "SEGV", "USR2", "PIPE",   "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN",
    "TTOU", "URG",  "XCPU",   "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR",  "SYS",
};

const char *signal_name(int n)
{
    return n > 0 && n < SIGNAL_COUNT ? names[n] : "0";
}

int signal_number(const char *word)
{
    uint64_t n;
    if (parse_u64(word, &n) == 0)
        return n < SIGNAL_COUNT ? (int)n : -EINVAL;
    if (strncmp(word, "SIG", 3) == 0)
        word += 3;
    for (int i = 1; i < SIGNAL_COUNT; i++)
        if (strcmp(names[i], word) == 0)
            return i;
    return -EINVAL;
}

static Action default_action(int signal)
{
    if ((STOPS & BIT(signal)) != 0)
        return ACT_STOP;
    switch (signal) {
    case SIG_CONT:
        return ACT_CONTINUE;
    case SIG_CHLD:
    case SIG_URG:
    case SIG_WINCH:
        return ACT_IGNORE;
    default:
        return ACT_END;
    }
}

/* ---- delivery, under Task.lock: the result is what is due ---------------------------------------------------------- */

void task_interrupt_locked(Task *t)
{
    assert_held(&t->lock);
    for (Call *c = t->waiting; c != NULL; c = c->next)
        call_interrupt(c);
}

static unsigned resume_locked(Task *t)
{
    if (t->state != TASK_PAUSED)
        return 0;
    t->state = TASK_RUNNING;
    atomic_fetch_and(&t->attention, ~(unsigned)ATTEND_PAUSE);
    queue_wake(&t->resumed);
    return DUE_CONTINUED;
}

static unsigned stop_locked(Task *t, int signal)
{
    t->sig_pending &= ~BIT(SIG_CONT);
    if (t->state != TASK_RUNNING)
        return 0;
    t->state = TASK_PAUSED;
    t->stop_signal = signal;
    atomic_fetch_or(&t->attention, ATTEND_PAUSE);
    return DUE_NOTICE | DUE_STOPPED;
}

static unsigned end_locked(Task *t, int signal)
{
    t->end_signal = signal;
    atomic_fetch_or(&t->attention, ATTEND_KILL);
    task_interrupt_locked(t);
    if (t->state == TASK_NEW)
        return DUE_FINISH;
    (void)resume_locked(t);
    return DUE_NOTICE;
}

/* The reader's own wait is woken by the queue; being woken comes before being interrupted (call.c). */
static void pend_locked(Task *t, int signal)
{
    t->sig_pending |= BIT(signal);
    atomic_store(&t->eintr, 1);
    queue_wake(&t->signalled);
    task_interrupt_locked(t);
}

static unsigned deliver_locked(Task *t, int signal)
{
    assert_held(&t->lock);
    if (t->state == TASK_DEAD || t == t->kernel->root || signal == 0 || task_killed(t))
        return 0;
    if (t->ending) {
        if (signal == SIG_KILL) {
            atomic_fetch_or(&t->attention, ATTEND_KILL);
            task_interrupt_locked(t);
        }
        return 0;
    }
    unsigned due = 0;
    if (signal == SIG_CONT) {
        t->sig_pending &= ~STOPS;
        due = resume_locked(t);
    }
    bool sure = signal == SIG_KILL || signal == SIG_STOP;
    if (!sure && (t->sig_ignored & BIT(signal)) != 0)
        return due;
    if (!sure && t->sig_reader) {
        if (default_action(signal) == ACT_STOP)
            t->sig_pending &= ~BIT(SIG_CONT);
        pend_locked(t, signal);
        return due;
    }
    switch (default_action(signal)) {
    case ACT_END:
        return due | end_locked(t, signal);
    case ACT_STOP:
        return due | stop_locked(t, signal);
    default:
        return due;
    }
}

/* ---- what follows, with no lock held ------------------------------------------------------------------------------- */

static void follow(Task *t, unsigned due)
{
    if (due == 0)
        return;
    mutex_lock(&t->lock);
    const Engine *e = (due & DUE_NOTICE) != 0 && t->state != TASK_DEAD ? t->engine : NULL;
    int stopped = t->stop_signal;
    mutex_unlock(&t->lock);
    if (e != NULL)
        e->notice(t);
    if ((due & DUE_FINISH) != 0)
        task_finish_unstarted(t, 0);
    if ((due & DUE_STOPPED) != 0)
        events_post(t, "stopped", stopped);
    if ((due & DUE_CONTINUED) != 0)
        events_post(t, "continued", -1);
}

static void deliver_later_locked(Task *t, int signal)
{
    Kernel *k = t->kernel;
    assert_held(&k->lock);
    mutex_lock(&t->lock);
    unsigned due = deliver_locked(t, signal);
    mutex_unlock(&t->lock);
    if (due == 0)
        return;
    if (t->due == 0) {
        t->due_next = NULL;
        if (k->due_last != NULL)
            k->due_last->due_next = t;
        else
            k->due = t;
        k->due_last = t;
        task_get(t);
    }
    t->due |= (uint8_t)due;
}

static void follow_all(Kernel *k)
{
    for (;;) {
        mutex_lock(&k->lock);
        Task *t = k->due;
        unsigned due = 0;
        if (t != NULL) {
            k->due = t->due_next;
            if (k->due == NULL)
                k->due_last = NULL;
            due = t->due;
            t->due = 0;
        }
        mutex_unlock(&k->lock);
        if (t == NULL)
            return;
        follow(t, due);
        task_put(t);
    }
}

/* ---- sending ------------------------------------------------------------------------------------------------------- */

void task_signal(Task *t, int signal)
{
    mutex_lock(&t->lock);
    unsigned due = deliver_locked(t, signal);
    mutex_unlock(&t->lock);
    follow(t, due);
}

void tree_signal(Kernel *k, Task *top, int signal, bool itself)
{
    mutex_lock(&k->lock);
    if (itself)
        deliver_later_locked(top, signal);
    for (Task *t = top; (t = tree_next_locked(top, t)) != NULL;)
        deliver_later_locked(t, signal);
    mutex_unlock(&k->lock);
    follow_all(k);
}

int group_signal(Kernel *k, uint64_t group, int signal, Task *reach)
{
    int r = -ESRCH;
    mutex_lock(&k->lock);
    Task *first = group_first_locked(k, group), *t = first;
    if (first != NULL) {
        do {
            if (reach == NULL || t == reach || tree_below_locked(t, reach)) {
                deliver_later_locked(t, signal);
                r = 0;
            }
            t = t->group_next;
        } while (t != first);
    }
    mutex_unlock(&k->lock);
    follow_all(k);
    return r;
}

static int signal_check(Call *c, Task *t, int signal)
{
    if (signal < 0 || signal >= SIGNAL_COUNT)
        return fail(c, -EINVAL, "kill: there is no signal %d", signal);
    if (t == t->kernel->root && signal != 0)
        return fail(c, -EPERM, "kill: task 1 is the root");
    mutex_lock(&t->lock);
    bool dead = t->state == TASK_DEAD;
    mutex_unlock(&t->lock);
    return dead ? fail(c, -ESRCH, "kill: task %llu has exited", (unsigned long long)t->id) : 0;
}

int task_kill(Call *c, Task *t, int signal, int scope)
{
    int r = signal_check(c, t, signal);
    if (r < 0)
        return r;
    if (scope == KILL_TREE) {
        tree_signal(t->kernel, t, signal, true);
    } else if (scope == KILL_GROUP) {
        r = group_signal(t->kernel, task_group_id(t), signal, c->task);
        if (r < 0)
            return fail(c, r, "kill: nobody of the group is below the writer");
    } else {
        task_signal(t, signal);
    }
    return 0;
}

/* ---- ignored, and read by the task itself -------------------------------------------------------------------------- */

int task_set_ignored(Call *c, Task *t, uint32_t signals)
{
    if ((signals & (BIT(SIG_KILL) | BIT(SIG_STOP) | BIT(0))) != 0)
        return fail(c, -EINVAL, "ignore: not this one");
    int r = task_check_configurable(c, t, "ignore");
    if (r < 0)
        return r;
    mutex_lock(&t->lock);
    t->sig_ignored = signals;
    t->sig_pending &= ~signals;
    if (t->sig_pending == 0)
        atomic_store(&t->eintr, 0);
    mutex_unlock(&t->lock);
    return 0;
}

int signal_open(Call *c, Task *t)
{
    if (c->task != t)
        return fail(c, -EPERM, "signal: only task %llu itself reads its signals", (unsigned long long)t->id);
    mutex_lock(&t->lock);
    bool busy = t->sig_reader;
    t->sig_reader = true;
    mutex_unlock(&t->lock);
    return busy ? fail(c, -EBUSY, "signal: it is open already") : 0;
}

/* What was not read takes its default action, as when a program stops catching a signal that is pending. */
void signal_close(Task *t)
{
    unsigned due = 0;
    mutex_lock(&t->lock);
    uint32_t pending = t->sig_pending;
    t->sig_reader = false;
    t->sig_pending = 0;
    atomic_store(&t->eintr, 0);
    for (int n = 1; n < SIGNAL_COUNT; n++)
        if ((pending & BIT(n)) != 0)
            due |= deliver_locked(t, n);
    mutex_unlock(&t->lock);
    follow(t, due);
}

int signal_take(Call *c, Task *t, int *signal, bool nonblock)
{
    int r = 0;
    mutex_lock(&t->lock);
    if (t->sig_pending != 0) {
        *signal = __builtin_ctz(t->sig_pending);
        t->sig_pending &= t->sig_pending - 1;
        if (t->sig_pending == 0)
            atomic_store(&t->eintr, 0);
    } else {
        r = nonblock ? -EAGAIN : wait_arm(c, &t->signalled);
    }
    mutex_unlock(&t->lock);
    return r;
}

int signal_ready(Call *c, Task *t)
{
    mutex_lock(&t->lock);
    int r = t->sig_pending != 0 ? 1 : c != NULL ? wait_arm(c, &t->signalled) : 0;
    mutex_unlock(&t->lock);
    return r;
}
