/* SPDX-License-Identifier: MIT */
/*
 * A call: who asks, how the wait ends early, the words behind an error, and the progress that survives a WAIT.
 *
 * A thread of a task keeps one Call for its life: call_begin, tries, call_end. A try that returns WAIT has armed the
 * call; the thread parks (call_park) and enters the same function again. A door keeps a Call a request and sets `wake`.
 *
 *     call_begin(c);
 *     while ((r = sys_something(c, ...)) == WAIT)
 *         if ((r = call_park(c)) < 0)
 *             break;
 *     call_end(c);                        // or CALL_RUN(c, r, sys_something(c, ...))
 *
 * Progress: what may not be done twice is remembered. Results of walks are kept in order (the n-th walk of a try is the
 * n-th walk of the next); `done` counts the bytes of a control write whose lines have run; Ops are what devices began.
 * A call that has moved a byte never returns WAIT: it returns short.
 */
#ifndef KERN_CALL_H
#define KERN_CALL_H

#include "kern/kern.h"
#include "kern/wait.h"

/* What a device has begun for a call and will find again at the next try; call_end cancels it. */
struct Op {
    const void *key;                /* whose: the device's table or object, to find it by */
    void (*cancel)(Op *op);         /* undoes what may still come, and frees the Op */
    Op *next;
};

/* A walk of this call, finished or interrupted: what its next try takes instead of walking again (walk.c). */
typedef struct WalkMemo {
    Chan *chan;                     /* finished: owned */
    char *name;                     /* finished before the last name, which is not there or not looked up: owned */
    bool slash;                     /* a slash followed it */
    bool missing;                   /* it is not there */
    bool in_path;                   /* interrupted: what is left is at this offset of the caller's path */
    size_t offset;
    struct Walk *walk;              /* interrupted: owned */
} WalkMemo;
#define CALL_WALKS 6                /* walks in one try that are remembered */

enum { CALL_NONBLOCK = 1 };         /* Call.mode: what would wait is -EAGAIN */

/*
 * A descriptor as this call last used it, with references of its own: good for as long as the table's version has not moved, so
 * that the usual read or write takes no lock and moves no count (fdio.c).
 */
typedef struct FdPin {
    uint64_t table, version;        /* which table (0: no pin), in which state */
    int fd;
    Chan *chan;                     /* owned */
    Ring *ring;                     /* owned, or NULL while nothing was written */
    uint64_t rights, inheriting;
} FdPin;

enum { CALL_FD_PINS = 4 };          /* by the lowest bits of the number */

struct Call {
    Task *task;                     /* who asks; borrowed, outlives the call */
    TaskThread *thread;             /* the task's thread that asks, or NULL for a door */
    void (*wake)(Call *c);          /* a door's: puts the request back on its run queue; NULL: a thread parks. Locks up to
                                       RANK_WAIT are held: it may take RANK_LEAF alone, and must not enter the call itself */
    void *door;                     /* the door's own */
    unsigned mode;                  /* CALL_NONBLOCK */
    uint64_t deadline;              /* on CLOCK_MONO; 0 none. A parked call is woken then, and entered again */

    unsigned spin, parks;           /* how long to look before sleeping, and how often it parked (call.c) */
    atomic_int waker;               /* the processor of who woke it last, or -1 */
    atomic_uint state;              /* CALL_WOKEN and the others (call.c); what a parked thread sleeps on */

    Waiter first;                   /* the usual single waiter */
    Waiter *more;                   /* further ones, for polls */
    Call *next, *prev;              /* in Task.waiting, under Task.lock, while it waits */
    bool listed;

    uint64_t pin_id, pin_version;   /* the namespace root that this thread keeps pinned while it does not wait: ns_pin */
    NsRoot *pin_root;               /* call_park and call_destroy let go of it: ns_unpin */
    FdPin fd_pins[CALL_FD_PINS];    /* descriptors at hand; dropped while it waits */
    bool fd_busy;                   /* one of them is in use: fd_unpin leaves them */
    Ring *ring;                     /* of the descriptor that is being written, borrowed: the device may put bytes there itself */
    size_t ringed;                  /* and says here how many (ring_borrow) */

    unsigned walk_next;             /* index of the next walk in this try: call_begin, call_park and call_resume set 0 */
    unsigned walks;                 /* memos in use */
    unsigned kept;                  /* namespaces and directories in use where its walks begin */
    WalkMemo memo[CALL_WALKS];      /* call_end forgets all of it (walk_forget) when walks or kept is not 0 */
    Ns *kept_ns[CALL_WALKS];
    Chan *kept_chan[CALL_WALKS];
    size_t done;                    /* bytes of a control write whose lines have run */
    Op *ops;

    char words[256];                /* behind the last error of this call; empty when none */
};

/* Prepares c for the life of its thread or request. task is borrowed. */
void call_init(Call *c, Task *task);
void call_destroy(Call *c);

void call_begin(Call *c);           /* a new call: no words, no progress */
void call_end(Call *c);             /* drops progress, cancels Ops, leaves all queues */

/*
 * Parks the calling thread until c is woken or its deadline passes; afterwards c is in no queue.
 *   0       enter again
 *   -EINTR  the task dies, a signal wants to be read, or call_interrupt
 * A paused task's thread stays in here until it goes on.
 */
int call_park(Call *c);

/* The same for a door: called after a try returned WAIT. 0: wake() will be called (once; maybe already); -EINTR. */
int call_suspend(Call *c);
/* A door, before it enters again after wake(): leaves the task's list and all queues. 0 or -EINTR as call_park. */
int call_resume(Call *c);

/* From another thread: ends the wait (kill, Tflush, FUSE interrupt). The call then answers -EINTR. */
void call_interrupt(Call *c);
void call_wake(Call *c);            /* for wait.c and task.c: enter again */
/* The same, but the sleeper, if any, is left to the caller: word_wake on the result, when c may be gone already. */
atomic_uint *call_wake_later(Call *c);

/* Runs one expression as a whole call, parking between its tries. */
#define CALL_RUN(c, r, expr)                                                                                           \
    do {                                                                                                               \
        call_begin(c);                                                                                                 \
        while (((r) = (expr)) == WAIT)                                                                                 \
            if (((r) = call_park(c)) < 0)                                                                              \
                break;                                                                                                 \
        call_end(c);                                                                                                   \
    } while (0)

Account *call_account(Call *c);     /* who pays for what c makes: c->task's record, borrowed; NULL when c has no task */

/* Stores the words of an error and returns it: return fail(c, -EBUSY, "start: task %d is running", id); */
int fail(Call *c, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

Op *call_op(Call *c, const void *key);          /* the Op begun under key, or NULL */
void call_add_op(Call *c, Op *op);              /* takes op */
void call_drop_op(Call *c, Op *op);             /* forgets op without cancelling it; the caller owns it again */

/*
 * Runs work(arg) on a helper thread for what can only block (a compile, an fsync) and returns WAIT until it is done, then
 * its result. A call that ends earlier abandons it: release(arg) then runs when the work ends. key tells several apart.
 * work may look at *abandoned now and then. arg is taken, also on failure (release is called in every case, once, after the
 * result has been handed out by done(arg, user) on the caller's thread, which may move results out of arg).
 */
typedef struct Blocking {
    int (*work)(void *arg, atomic_bool *abandoned);
    void (*release)(void *arg);
} Blocking;
int call_blocking(Call *c, const void *key, const Blocking *b, void *(*make_arg)(void *user),
                  void (*done)(void *arg, void *user), void *user);

#endif
