/* SPDX-License-Identifier: MIT */
/*
 * Doors inside the process: one makes calls of its own as task 1, as FUSE and 9P do, and never waits but where a player asks for
 * it; the other is the C library.
 */
#include <stdlib.h>
#include <string.h>

#include "kern/chan.h"
#include "kern/walk.h"
#include "test/soak/soak.h"

typedef struct KernelDoor {
    Door door;
    Soak *soak;
    Call call;
} KernelDoor;

static Call *call_of(Door *d)
{
    return &((KernelDoor *)d)->call;
}

static unsigned kernel_flags(unsigned flags)
{
    return ((flags & DOOR_READ) != 0 ? OPEN_READ : 0u) | ((flags & DOOR_WRITE) != 0 ? OPEN_WRITE : 0u) |
           ((flags & DOOR_CREATE) != 0 ? OPEN_CREATE : 0u) | ((flags & DOOR_TRUNC) != 0 ? OPEN_TRUNC : 0u) |
           ((flags & DOOR_NONBLOCK) != 0 ? OPEN_NONBLOCK : 0u);
}

static int kernel_open(Door *d, const char *path, unsigned flags, void **file)
{
    Call *c = call_of(d);
    Chan *ch = NULL;
    int r;
    CALL_RUN(c, r, walk_open(c, walk_self(c), path, 0, kernel_flags(flags), 0666, &ch));
    if (r < 0)
        return r;
    chan_hold(ch, true);
    *file = ch;
    return 0;
}

static int64_t kernel_read(Door *d, void *file, void *buf, size_t n)
{
    Call *c = call_of(d);
    int64_t r;
    CALL_RUN(c, r, chan_read_pos(c, file, buf, n));
    return r;
}

/* A line that has to wait for a lock of bytes is given up: somebody may hold it for ever. */
static bool is_lock(const char *s, size_t n)
{
    return n > 4 && memcmp(s, "lock", 4) == 0;
}

static int64_t kernel_write(Door *d, void *file, const void *buf, size_t n)
{
    Call *c = call_of(d);
    int64_t r;
    c->mode = is_lock(buf, n) ? CALL_NONBLOCK : 0;
    CALL_RUN(c, r, chan_write_pos(c, file, buf, n));
    c->mode = 0;
    return r;
}

static int kernel_close(Door *d, void *file)
{
    Call *c = call_of(d);
    Chan *ch = file;
    int r;
    call_begin(c);
    while ((r = chan_unhold(c, ch, true)) == WAIT) {
        chan_hold(ch, true);
        if ((r = call_park(c)) < 0)
            break;
    }
    call_end(c);
    chan_put(ch);
    return r;
}

static int kernel_rmdir(Door *d, const char *path)
{
    Call *c = call_of(d);
    AUTO_CHAN Chan *dir = NULL;
    char name[NAME_MAX_LEN + 1];
    int r;
    CALL_RUN(c, r, walk_parent(c, walk_self(c), path, 0, &dir, name, NULL));
    if (r == 0)
        CALL_RUN(c, r, chan_unlink(c, dir, name, true));
    return r;
}

Door *kdoor_new(Soak *s)
{
    KernelDoor *k = calloc(1, sizeof *k);
    ASSERT(k != NULL);
    k->door = (Door){ .name = "calls",
                      .open = kernel_open,
                      .read = kernel_read,
                      .write = kernel_write,
                      .close = kernel_close,
                      .rmdir = kernel_rmdir,
                      .careful = true };
    k->soak = s;
    call_init(&k->call, s->lib.kernel->root);
    return &k->door;
}

void kdoor_free(Door *d)
{
    if (d->open == kernel_open)
        call_destroy(call_of(d));
    free(d);
}

/* ---- the C library -------------------------------------------------------------------------------------------------- */

static int lib_open(Door *d, const char *path, unsigned flags, void **file)
{
    taskfs_file *f;
    int r = taskfs_open(&((KernelDoor *)d)->soak->lib, path, kernel_flags(flags), 0666, &f);
    if (r == 0)
        *file = f;
    return r;
}

static int64_t lib_read(Door *d, void *file, void *buf, size_t n)
{
    (void)d;
    return taskfs_read(file, buf, n);
}

static int64_t lib_write(Door *d, void *file, const void *buf, size_t n)
{
    (void)d;
    return taskfs_write(file, buf, n);
}

static int lib_close(Door *d, void *file)
{
    (void)d;
    return taskfs_close(file);
}

static int lib_rmdir(Door *d, const char *path)
{
    return taskfs_rmdir(&((KernelDoor *)d)->soak->lib, path);
}

Door *libdoor_new(Soak *s)
{
    KernelDoor *k = calloc(1, sizeof *k);
    ASSERT(k != NULL);
    k->soak = s;
    k->door = (Door){ .name = "library",
                      .open = lib_open,
                      .read = lib_read,
                      .write = lib_write,
                      .close = lib_close,
                      .rmdir = lib_rmdir };
    return &k->door;
}
