/* SPDX-License-Identifier: MIT */
/*
 * Queues of waiting calls. Waiters are guarded by one of a fixed set of locks, chosen by the queue's address: a call can so
 * leave a queue whose object is gone. A waiter belongs to its call's own thread (call, stripe, more), but for its place in a
 * queue, which the stripe guards. Whoever wakes holds the stripe until the call is told: the call cannot end before,
 * because it has to pass the same stripe to leave the queue.
 */
#include "kern/call.h"
#include "kern/count.h"
#include "kern/wait.h"

enum {
    STRIPES = 64,
    KEPT = 4,                       /* further waiters that a call keeps for its next wait */
    LATER = 8,                      /* sleepers that are woken when the stripe is free again */
};

static Mutex stripes[STRIPES] = { [0 ... STRIPES - 1] = MUTEX_INIT(RANK_WAIT) };

static unsigned stripe_of(const Queue *q)
{
    uint64_t x = (uintptr_t)q / 16;
    return (unsigned)((x * UINT64_C(0x9e3779b97f4a7c15)) >> 58) % STRIPES;
}

/* A waiter of c that is not armed, or NULL. */
static Waiter *waiter_get(Call *c)
{
    if (c->first.call == NULL)
        return &c->first;
    Waiter *w = c->more;
    while (w != NULL && w->call != NULL)
        w = w->more;
    if (w != NULL)
        return w;
    w = mem_alloc(sizeof *w);
    if (w == NULL)
        return NULL;
    count_add(OBJ_WAITER, w);
    w->more = c->more;
    c->more = w;
    return w;
}

int wait_arm(Call *c, Queue *q)
{
    if ((c->mode & CALL_NONBLOCK) != 0)
        return -EAGAIN;
    Waiter *w = waiter_get(c);
    if (w == NULL)
        return -ENOMEM;
    w->call = c;
    w->stripe = stripe_of(q);
    mutex_lock(&stripes[w->stripe]);
    Waiter *head = atomic_load_explicit(&q->head, memory_order_relaxed);
    w->queue = q;
    w->prev = NULL;
    w->next = head;
    if (head != NULL)
        head->prev = w;
    atomic_store_explicit(&q->head, w, memory_order_release);
    mutex_unlock(&stripes[w->stripe]);
    return WAIT;
}

void queue_wake(Queue *q)
{
    /* Arming happens under the lock of the condition, as this does: nobody is missed. */
    if (atomic_load_explicit(&q->head, memory_order_acquire) == NULL)
        return;
    /* Whoever wakes up may take this thread's processor at once, and wants the stripe first of all. */
    atomic_uint *asleep[LATER];
    unsigned n = 0;
    Mutex *lock = &stripes[stripe_of(q)];
    mutex_lock(lock);
    Waiter *w = atomic_load_explicit(&q->head, memory_order_relaxed);
    atomic_store_explicit(&q->head, NULL, memory_order_release);
    while (w != NULL) {
        Waiter *next = w->next;
        w->queue = NULL;
        w->next = w->prev = NULL;
        if (n == LATER)
            word_wake(asleep[--n], true);
        asleep[n] = call_wake_later(w->call);
        n += asleep[n] != NULL;
        w = next;
    }
    mutex_unlock(lock);
    while (n > 0)
        word_wake(asleep[--n], true);
}

void queue_close(Queue *q)
{
    queue_wake(q);
}

static void waiter_leave(Waiter *w)
{
    if (w->call == NULL)
        return;
    Mutex *lock = &stripes[w->stripe];
    mutex_lock(lock);
    if (w->queue != NULL) {
        if (w->prev != NULL)
            w->prev->next = w->next;
        else
            atomic_store_explicit(&w->queue->head, w->next, memory_order_release);      /* who sees none may free it */
        if (w->next != NULL)
            w->next->prev = w->prev;
        w->queue = NULL;
        w->next = w->prev = NULL;
    }
    mutex_unlock(lock);
    w->call = NULL;
}

void wait_disarm(Call *c)
{
    /* The first one is always taken first. */
    if (c->first.call == NULL)
        return;
    waiter_leave(&c->first);
    for (Waiter *w = c->more; w != NULL; w = w->more)
        waiter_leave(w);
}

void wait_trim(Call *c, bool all)
{
    Waiter **at = &c->more;
    for (unsigned n = all ? KEPT : 0; *at != NULL && n < KEPT; n++)
        at = &(*at)->more;
    while (*at != NULL) {
        Waiter *w = *at;
        *at = w->more;
        count_sub(OBJ_WAITER, w);
        mem_free(w);
    }
}
