/* SPDX-License-Identifier: MIT */
/*
 * What the boot lists need of the devices without a header of their own. Devices do not include this.
 */
#ifndef DEV_DEV_H
#define DEV_DEV_H

#include "kern/cap.h"
#include "kern/dev.h"
#include "kern/kern.h"

/* ---- devpipe ------------------------------------------------------------------------------------------------------ */

/* Both ends of a new pipe, open; owned. -ENOMEM */
int devpipe_new(Call *c, Chan **r, Chan **w);

extern const CapKind cap_pipe;

/* ---- devcap ------------------------------------------------------------------------------------------------------- */

File *devcap_view(void);            /* the file that stands for the /cap of whoever looks; owned */
bool devcap_is_view(const File *f); /* of any task, dynamic or not */
void devcap_task_exited(Task *t);   /* what only its view held goes. Hold no lock */

extern const CapKind cap_tmpfs;     /* by the mount type of that name */

/* ---- devdev ------------------------------------------------------------------------------------------------------- */

File *devdev_root(void);            /* /dev; owned */
File *devdev_null(void);            /* /dev/null; owned */

#endif
