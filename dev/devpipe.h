/* SPDX-License-Identifier: MIT */
/*
 * Pipes, for the boot lists: doc/dev/pipe.md.
 */
#ifndef DEV_DEVPIPE_H
#define DEV_DEVPIPE_H

#include "kern/cap.h"
#include "kern/kern.h"

/* Both ends of a new pipe, open; owned. -ENOMEM */
int devpipe_new(Call *c, Chan **r, Chan **w);

extern const CapKind cap_pipe;      /* /cap/new/pipe */

#endif
