/* SPDX-License-Identifier: MIT */
/*
 * Whether a process still has an open file of ours, as far as Linux tells (proc(5), fdinfo).
 */
#ifndef DOOR_FUSE_HOLDER_H
#define DOOR_FUSE_HOLDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Has pid, or its parent, a descriptor of the file with this inode number that stands at pos? Not told (another user's process, no /proc,
 * a Linux before 5.14): false.
 */
bool holder_left(pid_t pid, uint64_t ino, uint64_t pos);

#endif
