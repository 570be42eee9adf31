/* SPDX-License-Identifier: MIT */
/*
 * Byte-range locks of open files: chan_lock is in chan.h; this is for chan.c.
 */
#ifndef KERN_FLOCK_H
#define KERN_FLOCK_H

#include "kern/kern.h"

/* An open file goes: all its locks are let go of. Costs one load when nothing is locked. */
void flock_release(Chan *ch);

#endif
