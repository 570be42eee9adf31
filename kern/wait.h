/* SPDX-License-Identifier: MIT */
/*
 * Waiting without a thread. A device that cannot go on arms the call on the queue of what it waits for, under the
 * lock that guards the condition, and returns WAIT. Whoever changes the condition wakes the queue under the same lock.
 * A woken call is entered again from its start; waking too often is harmless, so queues always wake all.
 *
 * Waiters are guarded by a fixed set of locks (by the queue's address), so that a call can leave a queue whose object
 * is already gone: queue_close leaves no waiter behind.
 */
#ifndef KERN_WAIT_H
#define KERN_WAIT_H

#include "kern/kern.h"

struct Queue {
    _Atomic(Waiter *) head;         /* NULL when nobody waits: then waking costs one load */
};

struct Waiter {
    Call *call;
    Queue *queue;                   /* NULL when not in a queue */
    Waiter *next, *prev;            /* in the queue */
    Waiter *more;                   /* of the call: the next one */
    unsigned stripe;                /* which lock guards this waiter */
};

static inline void queue_init(Queue *q)
{
    atomic_init(&q->head, NULL);
}

/*
 * Arms c on q; a call may be armed on many queues. The lock of the condition is held.
 * Returns WAIT, so that a device says `return wait_arm(c, &p->readable);`, or
 *   -ENOMEM  no memory for one more waiter
 *   -EAGAIN  c may not wait (CALL_NONBLOCK)
 */
int wait_arm(Call *c, Queue *q);

/* Wakes all calls armed on q and empties it. */
void queue_wake(Queue *q);

/* Before the object that holds q is freed: the same, by its other name. */
void queue_close(Queue *q);

/* Takes c out of all queues. */
void wait_disarm(Call *c);

/* For call.c: frees the waiters of c, which is in no queue; all of them, or what one call is not likely to need again. */
void wait_trim(Call *c, bool all);

#endif
