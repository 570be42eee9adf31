/* SPDX-License-Identifier: MIT */
/*
 * Listing a directory of the host. The host's positions take 63 bits (ext4's are hashes), so that those met are kept in a table
 * and the cookie is the number of the place there. A place once given out never changes; a second pass over an unchanged
 * directory finds the same ones again.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/host.h"
#include "os/local.h"
#include "os/os.h"

enum { BUFFER = 16384, TYPE_SHIFT = 12 };

/* What getdents64(2) gives. */
typedef struct HostEntry {
    uint64_t ino;
    int64_t off;
    uint16_t len;
    uint8_t type;
    char name[];
} HostEntry;

struct HostDir {
    int fd;
    int64_t *places;                            /* places[k - 1]: the host's position for cookie k */
    size_t count, room;
    uint64_t at;                                /* the cookie of the last entry handed out */
    size_t next, filled;                        /* in buffer */
    _Alignas(uint64_t) char buffer[BUFFER];
};

int host_dir_open(int fd, HostDir **out)
{
    HostDir *d = mem_alloc(sizeof *d);
    if (d == NULL)
        return -host_err(ENOMEM);
    /* Not as ".", which wants permission to search as well. */
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->fd < 0) {
        int r = -host_err(errno == EMFILE ? ENFILE : errno);
        mem_free(d);
        return r;
    }
    *out = d;
    return 0;
}

void host_dir_close(HostDir *d)
{
    if (d == NULL)
        return;
    close(d->fd);
    mem_free(d->places);
    mem_free(d);
}

int host_dir_fd(const HostDir *d)
{
    return d->fd;
}

static int go_to(HostDir *d, uint64_t cookie)
{
    /* The start is gone to also from there: an empty directory has handed out nothing, and may have filled. */
    if (cookie == d->at && cookie != 0)
        return 0;
    if (cookie > d->count)
        return -host_err(EINVAL);
    if (lseek(d->fd, cookie == 0 ? 0 : d->places[cookie - 1], SEEK_SET) < 0)
        return -host_err(errno);
    d->at = cookie;
    d->next = d->filled = 0;
    return 0;
}

/* The next entry of the host, or NULL: the end, or *error. */
static const HostEntry *next_entry(HostDir *d, int *error)
{
    if (d->next == d->filled) {
        long got = syscall(SYS_getdents64, d->fd, d->buffer, sizeof d->buffer);
        if (got <= 0) {
            *error = got < 0 && errno != ENOENT ? -host_err(errno) : 0;        /* ENOENT: it was removed */
            return NULL;
        }
        d->next = 0;
        d->filled = (size_t)got;
    }
    const HostEntry *e = (const HostEntry *)(d->buffer + d->next);
    d->next += e->len;
    return e;
}

/* The cookie for the position off, which is the one behind d->at. */
static int cookie_for(HostDir *d, int64_t off, uint64_t *cookie)
{
    if (d->at < d->count && d->places[d->at] == off) {
        *cookie = d->at + 1;
        return 0;
    }
    if (d->count == d->room) {
        size_t room = d->room == 0 ? 64 : 2 * d->room;
        int64_t *places = mem_resize(d->places, room * sizeof *places);
        if (places == NULL)
            return -host_err(ENOMEM);
        d->places = places;
        d->room = room;
    }
    d->places[d->count++] = off;
    *cookie = d->count;
    return 0;
}

static uint32_t type_of(const HostDir *d, const HostEntry *e)
{
    struct stat st;
    if (e->type != DT_UNKNOWN)
        return (uint32_t)e->type << TYPE_SHIFT;
    return fstatat(d->fd, e->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? S_IFREG : st.st_mode & S_IFMT;
}

int host_dir_next(HostDir *d, uint64_t cookie, char name[256], uint64_t *ino, uint32_t *type, uint64_t *next)
{
    int r = go_to(d, cookie);
    if (r < 0)
        return r;
    const HostEntry *e;
    do
        e = next_entry(d, &r);
    while (e != NULL && (strcmp(e->name, ".") == 0 || strcmp(e->name, "..") == 0));
    if (e == NULL)
        return r;
    r = cookie_for(d, e->off, next);
    if (r < 0) {
        d->at = UINT64_MAX;                     /* the entry is not handed out: the next call goes back */
        return r;
    }
    size_t n = strlen(e->name);
    memcpy(name, e->name, n + 1);
    *ino = e->ino;
    *type = type_of(d, e);
    d->at = *next;
    return 1;
}
