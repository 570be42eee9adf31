/* SPDX-License-Identifier: MIT */
/*
 * The FUSE door: a kernel's root as a directory of the host (doc/door/fuse.md). It belongs to the command alone; libtaskfs knows
 * nothing of libfuse.
 *
 *     r = fuse_door_open(k, &mount, &door, words);        // mounted: programs that look there wait for fuse_door_serve
 *     r = fuse_door_serve(door);                          // the calling thread stays in here
 *     fuse_door_end(door);                                // another thread, or nobody: `umount DIR` ends it as well
 *     fuse_door_close(door);                              // nothing is mounted, waits or is open any more
 *     kernel_end(k);
 *
 * Every request is a Call of the kernel's root task. Who is mounted over is the process's business: a process that has blocked
 * signals before (process_take_signals) hands that on to the threads that are made here.
 */
#ifndef DOOR_FUSE_H
#define DOOR_FUSE_H

#include <stdbool.h>

#include "kern/kern.h"

typedef struct FuseDoor FuseDoor;

typedef struct FuseMount {
    const char *dir;                /* where: an empty directory of the host, absolute or relative */
    bool allow_other;               /* other users may look, too; modes decide (an ordinary user: user_allow_other in fuse.conf) */
    bool nonempty;                  /* dir need not be empty */
    bool verbose;                   /* what libfuse says of a mount that succeeded goes to standard error */
} FuseMount;

enum { FUSE_WORDS = 512 };          /* room for words */

/*
 * Mounts the root of k, which must live until fuse_door_close. words (FUSE_WORDS bytes) is filled on failure: one line, which names
 * the directory and what to do.
 *   -ENOENT, -ENOTDIR      no such directory          -ENOTEMPTY  something is in it
 *   -EBUSY                 what was mounted there has ended: `fusermount3 -u DIR`
 *   -ENODEV                no /dev/fuse               -EACCES, -EPERM  not allowed to
 *   -ENOMEM, -EIO          anything else; words has what libfuse said
 */
int fuse_door_open(Kernel *k, const FuseMount *m, FuseDoor **out, char *words);

/* The mount point: absolute, without links. Lives as long as the door. */
const char *fuse_door_dir(const FuseDoor *d);

/* Answers requests until it is unmounted from outside or fuse_door_end. 0, or -EAGAIN: no threads (nothing was served). */
int fuse_door_serve(FuseDoor *d);

/*
 * From any thread, any number of times, before or while somebody serves: unmounts (lazily where something is busy there, so that
 * no new name leads to it) and makes fuse_door_serve return. What waited for an answer gets ENOTCONN or EINTR.
 */
void fuse_door_end(FuseDoor *d);

/* Once nobody serves: ends what waited, unmounts if that is still to do, and lets everything go. NULL is allowed. */
void fuse_door_close(FuseDoor *d);

#endif
