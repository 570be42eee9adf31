/* SPDX-License-Identifier: MIT */
/*
 * Calls: their waits and what they remember between tries.
 *
 * A wait cannot miss its end. Who kills a task, or lets a signal be unread, first sets Task.attention or Task.eintr and then,
 * under Task.lock, wakes the calls in Task.waiting; a call looks at both and enters that list under the same lock. What
 * else wakes it leaves a bit in Call.state, which is the word that the sleeper sleeps on.
 *
 * Being woken comes before being interrupted: the reader of `signal` is woken by the very signal that interrupts all other
 * calls. The interrupt is kept for the next wait of the call, so that it only ever costs one more try.
 */
#include <stdarg.h>
#include <stdio.h>

#include "kern/call.h"
#include "kern/fdtab.h"
#include "kern/ns.h"
#include "kern/task.h"
#include "kern/walk.h"

enum { SPIN_MOST = 1500, SPIN_LEAST = 32, SPIN_AGAIN = 256 };      /* looks (some 50 us), and each how many parks */

/* Call.state */
#define CALL_WOKEN 1u               /* enter again */
#define CALL_INTERRUPTED 2u
#define CALL_SUSPENDED 4u           /* a door's: wake() is owed */
#define CALL_ASLEEP 8u              /* a thread's: it sleeps, or is about to, until the word changes */

void call_init(Call *c, Task *task)
{
    *c = (Call){ .task = task, .spin = SPIN_LEAST, .waker = -1 };
}

void call_destroy(Call *c)
{
    ASSERT(!c->listed && c->first.call == NULL && c->ops == NULL);
    ns_unpin(c);
    fd_unpin(c);
    wait_trim(c, true);
}

void call_begin(Call *c)
{
    atomic_store_explicit(&c->state, 0, memory_order_relaxed);
    c->walk_next = 0;
    c->done = 0;
    c->words[0] = '\0';
}

void call_end(Call *c)
{
    if (c->walks != 0 || c->kept != 0)
        walk_forget(c);
    while (c->ops != NULL) {
        Op *op = c->ops;
        c->ops = op->next;
        op->cancel(op);
    }
    if (c->first.call != NULL) {
        wait_disarm(c);
        if (c->more != NULL)
            wait_trim(c, false);
    }
}

/* ---- being woken ------------------------------------------------------------------------------------------------- */

/*
 * The waker holds a lock that the call has to pass before it ends: the waiter's stripe, Task.lock, or one of its door. Returns
 * the word on which a thread sleeps, to be woken, or NULL.
 */
static atomic_uint *call_post(Call *c, unsigned bit)
{
    unsigned old = atomic_load_explicit(&c->state, memory_order_relaxed);
    atomic_store_explicit(&c->waker, thread_processor(), memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&c->state, &old, (old | bit) & ~(CALL_SUSPENDED | CALL_ASLEEP))) {
    }
    if ((old & CALL_SUSPENDED) != 0)
        c->wake(c);
    return (old & CALL_ASLEEP) != 0 ? &c->state : NULL;
}

atomic_uint *call_wake_later(Call *c)
{
    return call_post(c, CALL_WOKEN);
}

void call_wake(Call *c)
{
    atomic_uint *asleep = call_post(c, CALL_WOKEN);
    if (asleep != NULL)
        word_wake(asleep, true);
}

void call_interrupt(Call *c)
{
    atomic_uint *asleep = call_post(c, CALL_INTERRUPTED);
    if (asleep != NULL)
        word_wake(asleep, true);
}

/* ---- the task's list --------------------------------------------------------------------------------------------- */

static void list_locked(Call *c)
{
    if (c->listed)
        return;
    c->prev = NULL;
    c->next = c->task->waiting;
    if (c->next != NULL)
        c->next->prev = c;
    c->task->waiting = c;
    c->listed = true;
}

static void unlist_locked(Call *c)
{
    if (!c->listed || c->task == NULL)
        return;
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        c->task->waiting = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    c->next = c->prev = NULL;
    c->listed = false;
}

static void lock_task(Call *c)
{
    if (c->task != NULL)
        mutex_lock(&c->task->lock);
}

static void unlock_task(Call *c)
{
    if (c->task != NULL)
        mutex_unlock(&c->task->lock);
}

/* A thread of the program ends with the program; another's call on behalf of the task only when the task is killed. */
static bool call_dying(const Call *c)
{
    if (c->task == NULL)
        return false;
    unsigned ends = c->thread != NULL ? ATTEND_KILL | ATTEND_STOP | ATTEND_EXEC : ATTEND_KILL;
    return (atomic_load(&c->task->attention) & ends) != 0;
}

static bool call_paused(const Call *c)
{
    return c->thread != NULL && (atomic_load(&c->task->attention) & ATTEND_PAUSE) != 0;
}

static bool call_expired(const Call *c)
{
    return c->deadline != 0 && clock_now(CLOCK_MONO) >= c->deadline;
}

/* ---- waiting ------------------------------------------------------------------------------------------------------ */

/*
 * Looks for a moment before it sleeps: two threads that answer each other so never enter the host, which takes twenty times as
 * long (bench/bench_pipe.c). It looks longer once that was of use and less long each time it was in vain, down to next to
 * nothing; and long now and then, since two that sleep for each other would never find out otherwise. It does not look at all when
 * who woke it last ran on this very processor: that one runs again only when this thread sleeps. True: a bit came.
 */
static bool call_spin(Call *c)
{
    int waker = atomic_load_explicit(&c->waker, memory_order_relaxed);
    if (waker >= 0 && waker == thread_processor())
        return false;
    unsigned n = ++c->parks % SPIN_AGAIN == 0 ? SPIN_MOST : c->spin;
    for (; n > 0; n--) {
        if (atomic_load_explicit(&c->state, memory_order_relaxed) != 0) {
            c->spin = SPIN_MOST;
            return true;
        }
        cpu_relax();
    }
    if (c->spin > SPIN_LEAST)
        c->spin /= 2;
    return false;
}

/* Until a bit comes, or the deadline; the bits are left to the caller. */
static void call_sleep(Call *c, bool until_deadline)
{
    if (until_deadline && c->deadline == 0 && call_spin(c))
        return;
    unsigned nothing = 0;
    if (!atomic_compare_exchange_strong(&c->state, &nothing, CALL_ASLEEP))
        return;
    uint64_t until = until_deadline ? c->deadline : 0;
    while (atomic_load(&c->state) == CALL_ASLEEP && word_wait(&c->state, CALL_ASLEEP, until) != -ETIMEDOUT) {
    }
    (void)atomic_fetch_and(&c->state, ~CALL_ASLEEP);
}

/* What became of the wait: 0, -EINTR, or WAIT to go on with it. got: the bits that came so far. */
static int wait_verdict(const Call *c, unsigned got, bool expired)
{
    if (call_dying(c))
        return -EINTR;
    if (call_paused(c))
        return WAIT;
    if ((got & CALL_WOKEN) != 0 || expired)
        return 0;
    if ((got & CALL_INTERRUPTED) != 0 || (c->task != NULL && atomic_load(&c->task->eintr) != 0))
        return -EINTR;
    return WAIT;
}

/* The wait is over: out of all queues. An interrupt that did not decide it is kept. */
static int wait_over(Call *c, unsigned got, int r)
{
    wait_disarm(c);
    unsigned keep = r == 0 ? got & CALL_INTERRUPTED : 0;
    unsigned late = atomic_fetch_and(&c->state, ~CALL_WOKEN);
    if (keep != 0 && (late & CALL_INTERRUPTED) == 0)
        atomic_fetch_or(&c->state, keep);
    c->walk_next = 0;
    return r;
}

int call_park(Call *c)
{
    unsigned got = 0;
    int r;
    if ((c->mode & CALL_NONBLOCK) != 0)
        return -EAGAIN;             /* nothing has armed it */
    ns_unpin(c);
    fd_unpin(c);
    for (;;) {
        lock_task(c);
        got |= atomic_exchange(&c->state, 0);
        r = wait_verdict(c, got, call_expired(c));
        bool paused = r == WAIT && call_paused(c);
        if (paused) {
            /* Whatever comes meanwhile, the call is entered again when the pause ends. Its first waiter is free for that. */
            wait_disarm(c);
            ASSERT(wait_arm(c, &c->task->resumed) == WAIT);
        }
        if (c->task != NULL && r == WAIT)
            list_locked(c);
        else
            unlist_locked(c);
        unlock_task(c);
        if (r != WAIT)
            return wait_over(c, got, r);
        call_sleep(c, !paused);
    }
}

int call_suspend(Call *c)
{
    ns_unpin(c);
    fd_unpin(c);
    lock_task(c);
    unsigned got = atomic_load(&c->state);
    int r = wait_verdict(c, got, false);
    if (r != -EINTR && c->task != NULL)
        list_locked(c);
    unlock_task(c);
    if (r == -EINTR) {
        atomic_exchange(&c->state, 0);
        return wait_over(c, 0, r);
    }
    /* Once the bit is set, somebody else may wake, resume and end the call: it is not touched any more. */
    while ((got & (CALL_WOKEN | CALL_INTERRUPTED)) == 0)
        if (atomic_compare_exchange_weak(&c->state, &got, got | CALL_SUSPENDED))
            return 0;
    c->wake(c);
    return 0;
}

int call_resume(Call *c)
{
    lock_task(c);
    unlist_locked(c);
    unlock_task(c);
    wait_disarm(c);
    unsigned got = atomic_exchange(&c->state, 0);
    int r = wait_verdict(c, got, false);
    return wait_over(c, got, r == WAIT ? 0 : r);
}

/* ---- words, who pays, what was begun ------------------------------------------------------------------------------ */

int fail(Call *c, int error, const char *format, ...)
{
    if (c == NULL)
        return error;
    va_list list;
    va_start(list, format);
    vsnprintf(c->words, sizeof c->words, format, list);
    va_end(list);
    return error;
}

Account *call_account(Call *c)
{
    return c != NULL && c->task != NULL ? c->task->account : NULL;
}

Op *call_op(Call *c, const void *key)
{
    Op *op = c->ops;
    while (op != NULL && op->key != key)
        op = op->next;
    return op;
}

void call_add_op(Call *c, Op *op)
{
    op->next = c->ops;
    c->ops = op;
}

void call_drop_op(Call *c, Op *op)
{
    Op **at = &c->ops;
    while (*at != op) {
        ASSERT(*at != NULL);
        at = &(*at)->next;
    }
    *at = op->next;
    op->next = NULL;
}
