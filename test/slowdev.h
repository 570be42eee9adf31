/* SPDX-License-Identifier: MIT */
/*
 * A memory file system that says WAIT now and then, by chance but always the same: what waits must come out as if it had
 * not. Its calls either go on at once, or are interrupted.
 */
#ifndef TEST_SLOWDEV_H
#define TEST_SLOWDEV_H

#include "kern/dev.h"

typedef enum SlowMode { SLOW_OFF, SLOW_WAIT, SLOW_INTERRUPT } SlowMode;

/* Every one_in-th entry waits, on average. An interrupted open after a create is spared: the file would be there. */
void slow_set(SlowMode mode, unsigned one_in);
unsigned slow_waits(void);          /* so many since slow_set */
/* Like devmem_new. While the mode is SLOW_OFF it is devmem itself. */
int slow_new(Call *c, File **root);

#endif
