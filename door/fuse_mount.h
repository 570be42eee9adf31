/* SPDX-License-Identifier: MIT */
/*
 * The host's side of mounting: whether it can be done, and clear words where not. Apart from the rest of the door because the host's
 * <errno.h> and the kernel's numbers do not go together; errors are the host's numbers, negative.
 */
#ifndef DOOR_FUSE_MOUNT_H
#define DOOR_FUSE_MOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* *out: the directory's absolute path without links, to be freed with mount_free; words (room bytes) are filled on failure. */
int mount_point(const char *dir, bool nonempty, char **out, char *words, size_t room);
void mount_free(char *dir);
/* May this process mount through FUSE? Before libfuse tries, which says less. */
int mount_allowed(char *words, size_t room);

/* Before dir is mounted over: a descriptor that goes on naming what it covers, or negative. */
int mount_covered(const char *dir);
void mount_covered_close(int fd);
/* The device number of what is mounted at dir; nobody is asked who may not serve yet. 0: unknown. */
uint64_t mount_device(const char *dir);
/*
 * Linux's connection behind fd ends, and fd becomes one that is in error: so libfuse takes the mount for unmounted and leaves alone what
 * is at the mount point. False: no descriptors.
 */
bool mount_cut(int fd);

#endif
