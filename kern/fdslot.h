/* SPDX-License-Identifier: MIT */
/*
 * A table of descriptors from the inside: for fdtab.c, which changes slots, and fdio.c, which reads and writes through them.
 */
#ifndef KERN_FDSLOT_H
#define KERN_FDSLOT_H

#include "kern/fdtab.h"

typedef struct FdSlot {
    Chan *chan;                     /* owned; NULL: not open */
    Ring *ring;                     /* owned; made at the first write, stays when the descriptor is closed */
    uint64_t rights, inheriting;
    char *preopen;                  /* owned, or NULL */
    bool cloexec;
    bool active;                    /* what chan_hold was told */
    bool written;                   /* was open for writing: a tap may ask for its ring */
} FdSlot;

struct FdTab {
    Ref ref;
    uint64_t id;                    /* never 0, never the same again */
    Account *account;               /* owned */
    atomic_uint_least64_t version;  /* moves with every change of a slot; written under lock */

    Mutex lock;                     /* RANK_FDTAB */
    FdSlot *slots;                  /* owned */
    int size;                       /* slots there are */
    int lowest;                     /* no number below is free */
    uint64_t limit;
    bool active;                    /* the task has started */
    bool closed;                    /* it has exited */
    Queue changed;                  /* calls that wait in a slot */
};

/* An open slot, or NULL. */
FdSlot *fd_slot_locked(FdTab *t, int fd);

/* What fd_get gives, with the version for which it is good and the ring (owned, or NULL), made when for_write wants one. */
typedef struct FdHold {
    Chan *chan;                     /* owned */
    Ring *ring;                     /* owned, or NULL */
    uint64_t rights, inheriting, version;
} FdHold;
int fd_hold(FdTab *t, int fd, bool for_write, FdHold *out);
/* The slot fd was emptied when the version was `before`: c lets go of it, and keeps what else it has at hand. */
void fd_unpin_one(Call *c, FdTab *t, int fd, uint64_t before);
/* Gives back what rings hold beyond what waiting taps still read. Whether it was anything. */
bool fdtab_shrink_rings(FdTab *t);

#endif
