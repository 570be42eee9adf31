/* SPDX-License-Identifier: MIT */
/*
 * How many objects of each kind exist: what /dev/objects shows, and what tests compare before and after.
 */
#ifndef KERN_COUNT_H
#define KERN_COUNT_H

#include "kern/kern.h"
#include "kern/text.h"

typedef enum ObjectKind {
    OBJ_TASK,
    OBJ_CHAN,
    OBJ_FILE,
    OBJ_PATH,
    OBJ_NS,
    OBJ_NSROOT,
    OBJ_NSNODE,
    OBJ_MAP,
    OBJ_FDTAB,
    OBJ_RING,
    OBJ_TAP,
    OBJ_SYNFILE,
    OBJ_PIPE,
    OBJ_INODE,
    OBJ_BLOCK,
    OBJ_ACCOUNT,
    OBJ_WAITER,
    OBJ_OP,
    OBJ_MEMO,
    OBJ_LOCK,
    OBJ_EVENTSUB,
    OBJ_EVENT,
    OBJ_STRV,
    OBJ_HOSTFILE,
    OBJ_CAP,
    OBJ_IMAGE,
    OBJ_INSTANCE,
    OBJ_THREAD,
    OBJ_COUNT,
} ObjectKind;

void count_move(ObjectKind kind, int64_t delta);
/* p: the object, for who reads the call. */
static inline void count_add(ObjectKind kind, const void *p)
{
    (void)p;
    count_move(kind, 1);
}
static inline void count_sub(ObjectKind kind, const void *p)
{
    (void)p;
    count_move(kind, -1);
}
int64_t count_of(ObjectKind kind);
void count_text(Text *out);         /* `kind number` a line */

#endif
