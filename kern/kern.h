/* SPDX-License-Identifier: MIT */
/*
 * What every part of the kernel shares: the names of its types, the lock order, and the machine that is booted.
 *
 * Lock order: a thread takes locks in the order of this list only (os/lock.c checks it in test builds). Three rules:
 * no lock is held across a call through a Dev or an Engine; none while a reference is released; a device never waits.
 */
#ifndef KERN_KERN_H
#define KERN_KERN_H

#include "os/err.h"
#include "os/os.h"

typedef struct Account Account;     /* account.h  limits and accounts of one task */
typedef struct Attr Attr;           /* dev.h      what stat shows */
typedef struct Call Call;           /* call.h     who asks, how the wait ends, the words of an error */
typedef struct CapKind CapKind;     /* cap.h      a kind of object that /cap makes */
typedef struct Chan Chan;           /* chan.h     a place in a file tree, opened or not */
typedef struct Dev Dev;             /* dev.h      a device: a constant table of functions */
typedef struct Engine Engine;       /* engine.h   what runs a program */
typedef struct FdTab FdTab;         /* fdtab.h    descriptors */
typedef struct File File;           /* dev.h      a device's file */
typedef struct Kernel Kernel;       /* boot.h     the machine that is booted */
typedef struct Ns Ns;               /* ns.h       a namespace */
typedef struct NsRoot NsRoot;       /* ns.h       one state of it, immutable */
typedef struct NsNode NsNode;       /* ns.h       one name in it */
typedef struct Op Op;               /* call.h     what a device has begun for a call */
typedef struct Path Path;           /* path.h     an absolute path, counted */
typedef struct Queue Queue;         /* wait.h     calls that wait for one condition */
typedef struct Ring Ring;           /* ring.h     the last bytes written to a descriptor, for taps */
typedef struct Task Task;           /* task.h     a process */
typedef struct TaskThread TaskThread;
typedef struct Waiter Waiter;       /* wait.h */

enum LockRank {
    RANK_KERNEL = 1,                /* Kernel.lock: ids, the tree of tasks, groups */
    RANK_TASK,                      /* Task.lock */
    RANK_VIEW,                      /* a device's table of objects (cap, host streams) */
    RANK_FDTAB,                     /* FdTab.lock */
    RANK_NS,                        /* Ns.lock */
    RANK_CHAN,                      /* state of an open file: texts, line buffers, directory snapshots */
    RANK_FS,                        /* a file system as a whole (devmem: renames) */
    RANK_DIR,                       /* a directory of a device */
    RANK_FILE,                      /* a file or pipe of a device */
    RANK_RING,                      /* Ring.lock */
    RANK_FLOCK,                     /* file locks */
    RANK_ACCOUNT,                   /* Account.lock */
    RANK_WAIT,                      /* the waiters' locks (wait.c) */
    RANK_LEAF,                      /* what calls nothing: trace, pools */
    RANK_COUNT,                     /* the list of the threads' counters (count.c): may be taken wherever an object is made */
};

/*
 * WAIT: what was asked cannot go on; the call is armed on the queue of what it waits for and is to be entered again.
 * A code of our own, far from every error number; it never leaves the kernel's callers (engines, doors).
 */
#define WAIT (-100000)

#define NAME_MAX_LEN 255            /* bytes of one name */
#define PATH_MAX_LEN 4095           /* bytes of a path */
#define LINK_MAX_DEPTH 40           /* symbolic links in one walk, then ELOOP */

/* ---- counted references ----------------------------------------------------------------------------------------- */

typedef struct Ref {
    atomic_uint n;
} Ref;

static inline void ref_init(Ref *r)
{
    atomic_init(&r->n, 1);
}
static inline void ref_get(Ref *r)
{
    atomic_fetch_add_explicit(&r->n, 1, memory_order_relaxed);
}

/* True when this was the last reference: the caller frees the object. */
static inline bool ref_put(Ref *r)
{
    return atomic_fetch_sub_explicit(&r->n, 1, memory_order_acq_rel) == 1;      /* no fence: tsan knows none */
}

/*
 * The same for what can only be found by who has a reference: the last one needs no exchange, because nobody else can be about to
 * take another.
 */
static inline bool ref_put_alone(Ref *r)
{
    return atomic_load_explicit(&r->n, memory_order_acquire) == 1 || ref_put(r);
}

/* Scope-bound release: AUTO_CHAN, AUTO_FILE, AUTO_TASK, AUTO_FREE; STEAL hands a reference on. */
void auto_free(void *p);
#define AUTO_FREE __attribute__((cleanup(auto_free)))
#define STEAL(p)                                                                                                       \
    ({                                                                                                                 \
        __typeof__(p) stolen_ = (p);                                                                                   \
        (p) = NULL;                                                                                                    \
        stolen_;                                                                                                       \
    })

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

#endif
