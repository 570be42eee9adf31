/* SPDX-License-Identifier: MIT */
/*
 * Synthetic directories: what stands where only binds make names. Mode 0555, always empty, and nothing can be made in them.
 */
#ifndef KERN_SYNTH_H
#define KERN_SYNTH_H

#include "kern/dev.h"
#include "kern/kern.h"

extern const Dev synth_dev;         /* the device of all of them */

/* The synthetic directory known by id (two Files of one id are the same file). Owned; NULL without memory. */
File *synth_dir(uint64_t id);

#endif
