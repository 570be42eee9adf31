/* SPDX-License-Identifier: MIT */
/*
 * /cap, for the boot lists: doc/dev/cap.md.
 */
#ifndef DEV_DEVCAP_H
#define DEV_DEVCAP_H

#include "kern/cap.h"
#include "kern/kern.h"

File *devcap_view(void);            /* the file that stands for the /cap of whoever looks; owned, NULL without memory */
bool devcap_is_view(const File *f); /* of any task, dynamic or not */
void devcap_task_exited(Task *t);   /* what only its view held goes. Hold no lock */

extern const CapKind cap_tmpfs;     /* /cap/new/tmpfs, by the mount type of that name */

#endif
