/* SPDX-License-Identifier: MIT */
/*
 * The door of a program that has files: open, read, write and close of the system it runs on. Natively that is a mount, inside it is
 * the namespace of the task.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "test/soak/player.h"

typedef struct PosixDoor {
    Door door;
    char prefix[200];
} PosixDoor;

static const char *full(Door *d, const char *path, char *s, size_t n)
{
    snprintf(s, n, "%s%s", ((PosixDoor *)d)->prefix, path);
    return s;
}

static int file_open(Door *d, const char *path, unsigned flags, void **file)
{
    static const int modes[] = { O_RDONLY, O_RDONLY, O_WRONLY, O_RDWR };
    char s[512];
    int how = modes[flags & 3] | (flags & DOOR_CREATE ? O_CREAT : 0) | (flags & DOOR_TRUNC ? O_TRUNC : 0) |
              (flags & DOOR_NONBLOCK ? O_NONBLOCK : 0);
    int fd = open(full(d, path, s, sizeof s), how, 0644);
    if (fd < 0)
        return -errno;
    *file = (void *)(intptr_t)(fd + 1);
    return 0;
}

static int fd_of(void *file)
{
    return (int)(intptr_t)file - 1;
}

static int64_t file_read(Door *d, void *file, void *buf, size_t n)
{
    (void)d;
    ssize_t r = read(fd_of(file), buf, n);
    return r < 0 ? -errno : r;
}

static int64_t file_write(Door *d, void *file, const void *buf, size_t n)
{
    (void)d;
    ssize_t r = write(fd_of(file), buf, n);
    return r < 0 ? -errno : r;
}

static int file_close(Door *d, void *file)
{
    (void)d;
    return close(fd_of(file)) < 0 ? -errno : 0;
}

static int file_rmdir(Door *d, const char *path)
{
    char s[512];
    return rmdir(full(d, path, s, sizeof s)) < 0 ? -errno : 0;
}

Door *pdoor_new(const char *prefix)
{
    PosixDoor *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->door = (Door){ .name = "files",
                      .open = file_open,
                      .read = file_read,
                      .write = file_write,
                      .close = file_close,
                      .rmdir = file_rmdir };
    snprintf(p->prefix, sizeof p->prefix, "%s", prefix);
    return &p->door;
}
