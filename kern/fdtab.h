/* SPDX-License-Identifier: MIT */
/*
 * A task's descriptors. A slot holds an open Chan, the rights that WASI attaches to a descriptor, and the ring that taps read.
 * Slots can change while a call of the task waits in them: the call is woken and goes on with the new descriptor.
 * Every descriptor operation of a program goes through here, so that taps, accounts and rights see it.
 */
#ifndef KERN_FDTAB_H
#define KERN_FDTAB_H

#include "kern/chan.h"
#include "kern/kern.h"
#include "kern/ring.h"

#define FD_LIMIT_DEFAULT 1024
#define FD_LIMIT_MAX 65536

typedef struct FdInfo {
    Chan *chan;                     /* owned by the caller (fd_get) */
    uint64_t rights, inheriting;    /* WASI's; all ones where nobody narrowed them */
    bool cloexec;
    const char *preopen;            /* the name a preopened directory was given, or NULL; lives as long as the slot */
} FdInfo;

FdTab *fdtab_new(Account *a, uint64_t limit);
void fdtab_put(FdTab *t);           /* closes nothing: fdtab_close_all first */
void fdtab_limit(FdTab *t, uint64_t limit);

/* Copies slot `from` of one table to slot `to` of another (new tasks). */
int fdtab_copy(Call *c, FdTab *src, int from, FdTab *dst, int to);
/* Copies all slots from number `from` up, with their preopens and close-on-exec: a vfork child has what its parent has. */
int fdtab_copy_rest(Call *c, FdTab *src, int from, FdTab *dst);
/* The task starts: its files count from now on as reader or writer. */
void fdtab_activate(FdTab *t);
/* Exit: all descriptors let go (unfinished control lines run with c), rings are closed but stay for taps. */
void fdtab_close_all(Call *c, FdTab *t);
void fdtab_close_on_exec(Call *c, FdTab *t);

int fd_get(FdTab *t, int fd, FdInfo *out);                  /* -EBADF; out->chan is owned by the caller */
/* Puts ch at the lowest free number >= min. Takes ch, on failure too. Returns the number, -EMFILE, -ENOMEM. */
int fd_add(Call *c, FdTab *t, Chan *ch, int min, uint64_t rights, uint64_t inheriting, bool cloexec);
/* Puts ch at exactly fd; what was there lets go. Takes ch. -EBADF beyond the limit. */
int fd_room(FdTab *t, int fd);      /* makes sure that fd_put will find a place at fd: -EBADF, -ESRCH once exited, -ENOMEM */
int fd_put(Call *c, FdTab *t, int fd, Chan *ch, uint64_t rights, uint64_t inheriting, bool cloexec);
int fd_close(Call *c, FdTab *t, int fd);                    /* -EBADF; the error of an unfinished control line */
int fd_renumber(Call *c, FdTab *t, int from, int to);       /* WASI: both must be open */
int fd_set_rights(FdTab *t, int fd, uint64_t rights, uint64_t inheriting);  /* only shrink, else -EPERM (ENOTCAPABLE) */
int fd_set_cloexec(FdTab *t, int fd, bool on);
int fd_set_preopen(FdTab *t, int fd, const char *name);     /* copied */
/* The preopen's name, copied; its length, or -EBADF when it is none. */
int fd_preopen(FdTab *t, int fd, char *name, size_t n);
int fd_next(FdTab *t, int fd);      /* the lowest open number >= fd, or -EBADF: to list them */

/* What fd/N reads as when it was open for writing: its ring, made when there is none yet. NULL: it never was (*r -ENOENT). */
Ring *fd_ring(FdTab *t, int fd, int *r);

/*
 * A program's reads and writes, by number: rights (-EPERM for a missing one when `rights` asks for it), taps, accounts (c->task's).
 * off: NULL for the position. A vector is done until the first short count.
 */
typedef struct IoVec {
    void *base;
    size_t len;
} IoVec;
int64_t fd_readv(Call *c, FdTab *t, int fd, const IoVec *v, unsigned n, const uint64_t *off, uint64_t rights);
int64_t fd_writev(Call *c, FdTab *t, int fd, const IoVec *v, unsigned n, const uint64_t *off, uint64_t rights);

/*
 * The same without a reference of the caller's own: *out is good until fd_give_back, and -EBUSY says that c has lent one already.
 * Meanwhile c may not read or write by number.
 */
int fd_lend(Call *c, FdTab *t, int fd, FdInfo *out);
void fd_give_back(Call *c, FdTab *t);

void fd_unpin(Call *c);             /* c lets go of the descriptors that it keeps at hand (call_destroy; kern/call.h, FdPin) */

/*
 * For what waits in a descriptor by other ways (poll, locks): fd_version before fd_get, and fd_arm after the device said WAIT. The
 * call is then woken when an open slot changes; at once, when one has changed since. WAIT or -ENOMEM.
 */
uint64_t fd_version(FdTab *t);
int fd_arm(Call *c, FdTab *t, uint64_t version);

#endif
