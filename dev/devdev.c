/* SPDX-License-Identifier: MIT */
/*
 * /dev: null, zero, full, random, urandom, tty, fd/N, and for the root task objects and trace. doc/dev/dev.md is what users see.
 *
 * fd/N and tty stand for files that are open already. Opening one gives that very open file (Dev.reopen), as a dup would: so
 * the offset is shared, and there is nothing that could have more rights. What is asked for must be among N's modes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dev/devdev.h"
#include "kern/boot.h"
#include "kern/chan.h"
#include "kern/count.h"
#include "kern/task.h"
#include "kern/trace.h"

enum {
    ID_ROOT = 1,
    ID_FDS,
    ID_NULL,
    ID_ZERO,
    ID_FULL,
    ID_RANDOM,
    ID_URANDOM,
    ID_TTY,
    ID_OBJECTS,
    ID_TRACE,
    ID_FD = 1 << 20,                /* + N */
};

static const struct {
    const char *name;
    uint64_t id;
    uint16_t type, flags;
    uint16_t mode;
    uint8_t major, minor;           /* as Linux has them */
    bool root_only;
} entries[] = {
    { "null", ID_NULL, TYPE_CHAR, FILE_STREAM, 0666, 1, 3, false },
    { "zero", ID_ZERO, TYPE_CHAR, FILE_STREAM, 0666, 1, 5, false },
    { "full", ID_FULL, TYPE_CHAR, FILE_STREAM, 0666, 1, 7, false },
    { "random", ID_RANDOM, TYPE_CHAR, FILE_STREAM, 0666, 1, 8, false },
    { "urandom", ID_URANDOM, TYPE_CHAR, FILE_STREAM, 0666, 1, 9, false },
    { "tty", ID_TTY, TYPE_CHAR, FILE_STREAM, 0666, 5, 0, false },
    { "fd", ID_FDS, TYPE_DIR, 0, 0555, 0, 0, false },
    { "objects", ID_OBJECTS, TYPE_FILE, FILE_TEXT, 0444, 0, 0, true },
    { "trace", ID_TRACE, TYPE_FILE, FILE_TEXT, 0644, 0, 0, true },
};

static const Dev devdev;

static bool asks_as_root(const Call *c)
{
    return c->task != NULL && c->task == c->task->kernel->root;
}

static File *file_make(uint16_t type, uint16_t flags, uint64_t id)
{
    File *f = mem_alloc(sizeof *f);
    if (f != NULL)
        file_init(f, &devdev, type, flags, 0, id);
    return f;
}

File *devdev_root(void)
{
    return file_make(TYPE_DIR, 0, ID_ROOT);
}
File *devdev_null(void)
{
    return file_make(TYPE_CHAR, FILE_STREAM, ID_NULL);
}

/* ---- descriptors -------------------------------------------------------------------------------------------------- */

/* The rights of a descriptor that reading and writing want, as WASI numbers them (fdtab.h). */
#define RIGHT_READ (UINT64_C(1) << 1)
#define RIGHT_WRITE (UINT64_C(1) << 6)

/* What the opener's descriptor fd is, owned, and OPEN_READ and OPEN_WRITE as it may be used. -ENOENT: not open. */
static int fd_chan(Call *c, int fd, Chan **out, unsigned *mode)
{
    if (c->task == NULL)
        return -ENOENT;
    AUTO_TASK *t = call_acting(c);
    FdInfo info;
    if (fd_get(task_fds(t), fd, &info) < 0)
        return -ENOENT;
    *out = info.chan;
    if (mode != NULL)
        *mode = info.chan->mode &
                ((info.rights & RIGHT_READ ? OPEN_READ : 0u) | (info.rights & RIGHT_WRITE ? OPEN_WRITE : 0u));
    return 0;
}

static int walk_fds(Call *c, const char *name, File **out)
{
    uint64_t fd;
    AUTO_CHAN Chan *ch = NULL;
    if ((name[0] == '0' && name[1] != '\0') || parse_u64(name, &fd) < 0 || fd >= FD_LIMIT_MAX)
        return -ENOENT;
    int r = fd_chan(c, (int)fd, &ch, NULL);
    if (r < 0)
        return r;
    /* Nothing is below an open directory by this way. */
    uint16_t type = file_is_dir(ch->file) ? TYPE_FILE : ch->file->type;
    *out = file_make(type, ch->file->flags & (uint16_t)(FILE_STREAM | FILE_TTY), ID_FD + fd);
    return *out == NULL ? -ENOMEM : 0;
}

static int reopen_fd(Call *c, int fd, unsigned flags, Chan **out)
{
    AUTO_CHAN Chan *ch = NULL;
    unsigned mode;
    int r = fd_chan(c, fd, &ch, &mode);
    if (r < 0)
        return r;
    if ((flags & (OPEN_READ | OPEN_WRITE) & ~mode) != 0)
        return fail(c, -EACCES, "descriptor %d is not open for this", fd);
    *out = STEAL(ch);
    return 0;
}

/* The terminal that the opener has as a standard descriptor. */
static int reopen_tty(Call *c, unsigned flags, Chan **out)
{
    for (int fd = 0; fd < 3; fd++) {
        AUTO_CHAN Chan *ch = NULL;
        unsigned mode;
        if (fd_chan(c, fd, &ch, &mode) == 0 && (ch->file->flags & FILE_TTY) != 0 &&
            (flags & (OPEN_READ | OPEN_WRITE) & ~mode) == 0) {
            *out = STEAL(ch);
            return 0;
        }
    }
    return fail(c, -ENXIO, "none of the descriptors 0 to 2 is a terminal that is open for this");
}

static int dev_reopen(Call *c, Chan *ch, unsigned flags, Chan **out)
{
    uint64_t id = ch->file->id;
    if (id == ID_TTY)
        return reopen_tty(c, flags, out);
    return id >= ID_FD ? reopen_fd(c, (int)(id - ID_FD), flags, out) : 1;
}

/* ---- names -------------------------------------------------------------------------------------------------------- */

static int dev_walk(Call *c, File *dir, const char *name, File **out)
{
    if (dir->id == ID_FDS)
        return walk_fds(c, name, out);
    for (unsigned i = 0; i < LEN(entries); i++) {
        if (strcmp(entries[i].name, name) == 0 && (!entries[i].root_only || asks_as_root(c))) {
            *out = file_make(entries[i].type, entries[i].flags, entries[i].id);
            return *out == NULL ? -ENOMEM : 0;
        }
    }
    return -ENOENT;
}

static int list_root(Call *c, uint64_t cookie, DirFn *fn, void *arg)
{
    int r = 0;
    for (uint64_t i = cookie; i < LEN(entries) && r == 0; i++) {
        if (entries[i].root_only && !asks_as_root(c))
            continue;
        Dirent e = { .name = entries[i].name,
                     .id = entries[i].id,
                     .ino = entries[i].id,
                     .next = i + 1,
                     .type = entries[i].type };
        r = fn(arg, &e);
    }
    return r;
}

static int list_fds(Call *c, uint64_t cookie, DirFn *fn, void *arg)
{
    if (c->task == NULL)
        return 0;
    AUTO_TASK *t = call_acting(c);
    int r = 0;
    for (int fd = (int)cookie; r == 0 && (fd = fd_next(task_fds(t), fd)) >= 0; fd++) {
        char name[16];
        AUTO_CHAN Chan *ch = NULL;
        if (fd_chan(c, fd, &ch, NULL) < 0)
            continue;
        snprintf(name, sizeof name, "%d", fd);
        uint64_t id = ID_FD + (uint64_t)fd;
        Dirent e = { .name = name, .id = id, .ino = id, .next = (uint64_t)fd + 1, .type = ch->file->type };
        if (e.type == TYPE_DIR)
            e.type = TYPE_FILE;
        r = fn(arg, &e);
    }
    return r;
}

static int dev_readdir(Call *c, Chan *dir, uint64_t cookie, DirFn *fn, void *arg)
{
    if (cookie >= FD_LIMIT_MAX)
        return 0;
    int r = dir->file->id == ID_FDS ? list_fds(c, cookie, fn, arg) : list_root(c, cookie, fn, arg);
    return r < 0 ? r : 0;
}

static int dev_getattr(Call *c, File *f, Attr *a)
{
    if (f->id >= ID_FD) {           /* what it stands for */
        AUTO_CHAN Chan *ch = NULL;
        int r = fd_chan(c, (int)(f->id - ID_FD), &ch, NULL);
        return r < 0 ? r : chan_getattr(c, ch, a);
    }
    if (c->task != NULL) {
        Kernel *k = c->task->kernel;
        a->uid = k->uid;
        a->gid = k->gid;
        a->atime = a->mtime = a->ctime = (int64_t)k->boot_time;
    }
    a->ino = f->id;
    a->nlink = file_is_dir(f) ? 2 : 1;
    a->blksize = 4096;
    a->mode = TYPE_DIR | 0555;
    for (unsigned i = 0; i < LEN(entries); i++) {
        if (entries[i].id == f->id) {
            a->mode = (uint32_t)entries[i].type | entries[i].mode;
            a->rdev = (uint64_t)entries[i].major << 8 | entries[i].minor;
        }
    }
    return 0;
}

/* O_TRUNC changes nothing; neither does setting the size of a descriptor by another name. */
static int dev_setattr(Call *c, File *f, unsigned what, const Attr *a)
{
    (void)c, (void)a;
    return what == SET_SIZE && !file_is_dir(f) ? 0 : -EPERM;
}

/* ---- reading and writing ------------------------------------------------------------------------------------------ */

static int dev_open(Call *c, Chan *ch, unsigned flags)
{
    uint64_t id = ch->file->id;
    if (id != ID_OBJECTS && id != ID_TRACE)
        return 0;
    if (!asks_as_root(c) || (id == ID_OBJECTS && (flags & OPEN_WRITE) != 0))
        return -EPERM;
    ch->aux = syn_new(call_account(c));
    return ch->aux == NULL ? -ENOMEM : 0;
}

static void dev_close(Chan *ch)
{
    syn_free(ch->aux);
}

static int make_text(Call *c, void *arg, Text *out)
{
    (void)c;
    const File *f = arg;
    if (f->id == ID_OBJECTS)
        count_text(out);
    else
        trace_text(out);
    return 0;
}

static int64_t dev_read(Call *c, Chan *ch, void *buf, size_t n, uint64_t off)
{
    switch (ch->file->id) {
    case ID_NULL:
        return 0;
    case ID_ZERO:
    case ID_FULL:
        memset(buf, 0, n);
        return (int64_t)n;
    case ID_RANDOM:
    case ID_URANDOM:
        random_bytes(buf, n);
        return (int64_t)n;
    case ID_OBJECTS:
    case ID_TRACE:
        return syn_read(c, ch->aux, buf, n, off, make_text, ch->file);
    default:
        return -EINVAL;
    }
}

/* The classes that are traced from now on, or `clear`. */
static int trace_line(Call *c, void *arg, char *line, size_t len)
{
    (void)arg, (void)len;
    if (strcmp(line, "clear") == 0) {
        trace_clear();
        return 0;
    }
    return trace_set(line) == 0 ? 0 : fail(c, -EINVAL, "trace: classes are sys, dev, 9p, lock, all, off; not %s", line);
}

static int64_t dev_write(Call *c, Chan *ch, const void *buf, size_t n, uint64_t off)
{
    (void)off;
    switch (ch->file->id) {
    case ID_NULL:
    case ID_ZERO:
    case ID_RANDOM:
    case ID_URANDOM:
        return (int64_t)n;
    case ID_FULL:
        return n == 0 ? 0 : -ENOSPC;
    case ID_TRACE:
        return syn_write(c, ch->aux, buf, n, trace_line, NULL);
    default:
        return -EINVAL;
    }
}

static int dev_flush(Call *c, Chan *ch)
{
    return ch->file->id == ID_TRACE && ch->aux != NULL ? syn_flush(c, ch->aux, trace_line, NULL) : 0;
}

static void dev_free(File *f)
{
    mem_free(f);
}

static const Dev devdev = {
    .name = "dev",
    .walk = dev_walk,
    .open = dev_open,
    .reopen = dev_reopen,
    .close = dev_close,
    .flush = dev_flush,
    .read = dev_read,
    .write = dev_write,
    .readdir = dev_readdir,
    .getattr = dev_getattr,
    .setattr = dev_setattr,
    .free = dev_free,
};
