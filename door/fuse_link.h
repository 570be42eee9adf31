/* SPDX-License-Identifier: MIT */
/*
 * Symbolic links towards Linux. What a task wrote into one must not lead a program of the host out of the mount: an absolute target
 * is one below the mount point, and one that climbs out stops at the mount point. Only text is looked at here.
 */
#ifndef DOOR_FUSE_LINK_H
#define DOOR_FUSE_LINK_H

#include <stddef.h>

/*
 * What Linux reads: into out (room bytes with the NUL). mount: the mount point, absolute and clean; depth: how many names the link's
 * directory is below it. A target that is harmless as it stands is not changed but for the mount point before it.
 *   -ENAMETOOLONG
 */
int link_shown(const char *mount, unsigned depth, const char *target, char *out, size_t room);

/* What is stored when Linux writes target: without the mount point before it. A part of target, or "/". */
const char *link_stored(const char *mount, const char *target);

#endif
