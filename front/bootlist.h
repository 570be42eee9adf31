/* SPDX-License-Identifier: MIT */
/*
 * What the builds consist of. boot_native.c and boot_web.c are the only places that name devices and engines.
 */
#ifndef FRONT_BOOTLIST_H
#define FRONT_BOOTLIST_H

#include "kern/boot.h"
#include "kern/call.h"
#include "kern/kern.h"

extern const BootList boot_native;
extern const BootList boot_web;

/* The root that a first task gets, into the namespace of c's task: /bin, /tmp, /dev, /task, /cap. -ENOMEM */
int boot_populate(Call *c, Kernel *k);

/* Binds a device's file at dst, in the names of c's task. Takes file; NULL is -ENOMEM. */
int boot_bind(Call *c, File *file, const char *dst, unsigned flags);

#endif
