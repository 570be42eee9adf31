/* SPDX-License-Identifier: MIT */
/*
 * /dev, for the boot lists: doc/dev/dev.md.
 */
#ifndef DEV_DEVDEV_H
#define DEV_DEVDEV_H

#include "kern/dev.h"
#include "kern/kern.h"

File *devdev_root(void);            /* /dev; owned, NULL without memory */
File *devdev_null(void);            /* /dev/null */

#endif
