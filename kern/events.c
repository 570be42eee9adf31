/* SPDX-License-Identifier: MIT */
/*
 * Events: what happened to the children of a task, for each open `events` file of it a list of its own. The list of open
 * files hangs on the task, under Kernel.lock; what a file has to read is guarded by the file's lock.
 */
#include <stdio.h>
#include <string.h>

#include "kern/count.h"
#include "kern/life.h"

typedef struct Event {
    struct Event *next;
    uint64_t child;
    bool exited;                    /* reading it is waiting for the child */
    unsigned len;
    char line[48];
} Event;

struct EventSub {
    Kernel *kernel;
    Account *account;               /* counted: who opened it pays */
    Task *task;                     /* Kernel.lock: whose children, NULL once it is gone */
    EventSub *next, *prev;          /* Kernel.lock: in Task.event_subs */

    Mutex lock;
    Queue ready;
    Event *first, *last;
    unsigned at;                    /* bytes of the first that were read */
    bool lost;                      /* there was no memory for one */
    bool ended;                     /* no more will come */
};

EventSub *events_open(Call *c, Task *t)
{
    Account *a = account_get(call_account(c));
    EventSub *s = account_alloc(a, sizeof *s);
    if (s == NULL) {
        account_put(a);
        return NULL;
    }
    s->kernel = t->kernel;
    s->account = a;
    mutex_init(&s->lock, RANK_CHAN);
    queue_init(&s->ready);
    count_add(OBJ_EVENTSUB, s);
    mutex_lock(&t->kernel->lock);
    s->ended = t->gone;
    if (!t->gone) {
        s->task = t;
        s->next = t->event_subs;
        if (s->next != NULL)
            s->next->prev = s;
        t->event_subs = s;
    }
    mutex_unlock(&t->kernel->lock);
    return s;
}

static void event_free(EventSub *s, Event *e)
{
    count_sub(OBJ_EVENT, e);
    account_free(s->account, e, sizeof *e);
}

static void unlink_locked(EventSub *s)
{
    if (s->prev != NULL)
        s->prev->next = s->next;
    else
        s->task->event_subs = s->next;
    if (s->next != NULL)
        s->next->prev = s->prev;
    s->next = s->prev = NULL;
    s->task = NULL;
}

void events_close(EventSub *s)
{
    mutex_lock(&s->kernel->lock);
    if (s->task != NULL)
        unlink_locked(s);
    mutex_unlock(&s->kernel->lock);
    for (Event *e; (e = s->first) != NULL;) {
        s->first = e->next;
        event_free(s, e);
    }
    queue_close(&s->ready);
    mutex_destroy(&s->lock);
    count_sub(OBJ_EVENTSUB, s);
    Account *a = s->account;
    account_free(a, s, sizeof *s);
    account_put(a);
}

/* ---- posted -------------------------------------------------------------------------------------------------------- */

static Event *event_new(EventSub *s, Task *child, const char *what, int n)
{
    Event *e = account_alloc(s->account, sizeof *e);
    if (e == NULL)
        return NULL;
    count_add(OBJ_EVENT, e);
    e->child = child->id;
    e->exited = strcmp(what, "exited") == 0 || strcmp(what, "killed") == 0;
    int len = n < 0 ? snprintf(e->line, sizeof e->line, "%llu %s\n", (unsigned long long)child->id, what)
                    : snprintf(e->line, sizeof e->line, "%llu %s %d\n", (unsigned long long)child->id, what, n);
    e->len = (unsigned)len;
    return e;
}

void events_post_locked(Task *child, const char *what, int n)
{
    assert_held(&child->kernel->lock);
    if (child->parent == NULL)
        return;
    for (EventSub *s = child->parent->event_subs; s != NULL; s = s->next) {
        Event *e = event_new(s, child, what, n);
        mutex_lock(&s->lock);
        if (e == NULL)
            s->lost = true;
        else if (s->first == NULL)
            s->first = s->last = e;
        else
            s->last = s->last->next = e;
        queue_wake(&s->ready);
        mutex_unlock(&s->lock);
    }
}

void events_post(Task *child, const char *what, int n)
{
    mutex_lock(&child->kernel->lock);
    events_post_locked(child, what, n);
    Task *parent = child->parent != NULL ? task_get(child->parent) : NULL;
    mutex_unlock(&child->kernel->lock);
    if (parent != NULL)
        task_signal(parent, SIG_CHLD);
    task_put(parent);
}

void events_end_locked(Task *t)
{
    assert_held(&t->kernel->lock);
    while (t->event_subs != NULL) {
        EventSub *s = t->event_subs;
        unlink_locked(s);
        mutex_lock(&s->lock);
        s->ended = true;
        queue_wake(&s->ready);
        mutex_unlock(&s->lock);
    }
}

/* ---- read ---------------------------------------------------------------------------------------------------------- */

/* Moves lines into buf; those that were read to their end go to *done. */
static size_t take_lines(EventSub *s, char *buf, size_t n, Event **done)
{
    size_t got = 0;
    while (s->first != NULL && got < n) {
        Event *e = s->first;
        size_t left = e->len - s->at;
        if (left > n - got && got > 0)
            break;
        size_t part = left < n - got ? left : n - got;
        memcpy(buf + got, e->line + s->at, part);
        got += part;
        s->at += (unsigned)part;
        if (part < left)
            break;
        s->at = 0;
        s->first = e->next;
        e->next = *done;
        *done = e;
    }
    return got;
}

static int nothing_to_read(Call *c, EventSub *s, bool nonblock)
{
    if (s->lost) {
        s->lost = false;
        return fail(c, -ENOMEM, "events: there was no memory to keep an event");
    }
    if (s->ended)
        return 0;
    return nonblock ? -EAGAIN : wait_arm(c, &s->ready);
}

int64_t events_read(Call *c, EventSub *s, void *buf, size_t n, bool nonblock)
{
    Event *done = NULL;
    if (n == 0)
        return 0;
    mutex_lock(&s->lock);
    int64_t r = s->first != NULL ? (int64_t)take_lines(s, buf, n, &done) : nothing_to_read(c, s, nonblock);
    mutex_unlock(&s->lock);
    for (Event *e; (e = done) != NULL;) {
        done = e->next;
        AUTO_TASK *child = e->exited ? task_find(s->kernel, e->child) : NULL;
        if (child != NULL)
            task_note_waited(child);
        event_free(s, e);
    }
    return r;
}

int events_ready(Call *c, EventSub *s, uint64_t *bytes)
{
    mutex_lock(&s->lock);
    int r = READY_READ;
    *bytes = s->first != NULL ? s->first->len - s->at : 0;
    if (s->first == NULL && !s->lost && !s->ended)
        r = c != NULL ? wait_arm(c, &s->ready) : 0;
    mutex_unlock(&s->lock);
    return r;
}
