/* SPDX-License-Identifier: MIT */
/*
 * The C library: open files.
 */
#include "front/lib.h"

#include "kern/walk.h"

LIB_SAME(TASKFS_READ, OPEN_READ);
LIB_SAME(TASKFS_WRITE, OPEN_WRITE);
LIB_SAME(TASKFS_TRUNC, OPEN_TRUNC);
LIB_SAME(TASKFS_APPEND, OPEN_APPEND);
LIB_SAME(TASKFS_NONBLOCK, OPEN_NONBLOCK);
LIB_SAME(TASKFS_NEW, OPEN_CREATE);
LIB_SAME(TASKFS_EXCL, OPEN_EXCL);
LIB_SAME(TASKFS_DIRECTORY, OPEN_DIRECTORY);
LIB_SAME(TASKFS_CAN_READ, READY_READ);
LIB_SAME(TASKFS_CAN_WRITE, READY_WRITE);
LIB_SAME(TASKFS_HANGUP, READY_HANGUP);

enum {
    OPEN_FLAGS =
        OPEN_READ | OPEN_WRITE | OPEN_TRUNC | OPEN_APPEND | OPEN_NONBLOCK | OPEN_CREATE | OPEN_EXCL | OPEN_DIRECTORY,
};

int lib_file(taskfs *k, Chan *ch, taskfs_file **out)
{
    taskfs_file *f = mem_alloc(sizeof *f);
    if (f == NULL) {
        chan_put(ch);
        return -ENOMEM;
    }
    f->k = k;
    f->chan = ch;
    chan_hold(ch, true);
    *out = f;
    return 0;
}

int taskfs_open(taskfs *k, const char *path, unsigned flags, unsigned mode, taskfs_file **out)
{
    Chan *ch = NULL;
    int r = -EINVAL;
    if ((flags & ~(unsigned)OPEN_FLAGS) != 0 || (flags & (OPEN_READ | OPEN_WRITE)) == 0)
        return r;
    LIB_CALL(k, r, walk_open(c, walk_self(c), path, 0, flags, mode & 07777, &ch));
    return r < 0 ? r : lib_file(k, ch, out);
}

/* Lets go of ch. The unfinished line of a control file that has to wait is entered again with it held as before. */
static int unhold(Call *c, Chan *ch, bool *active)
{
    int r = chan_unhold(c, ch, *active);
    *active = false;
    if (r == WAIT)
        chan_hold(ch, false);
    return r;
}

int taskfs_close(taskfs_file *f)
{
    if (f == NULL)
        return 0;
    int r;
    bool active = true;
    LIB_CALL(f->k, r, unhold(c, f->chan, &active));
    chan_put(f->chan);
    mem_free(f);
    return r;
}

int64_t taskfs_read(taskfs_file *f, void *buf, size_t n)
{
    int64_t r;
    LIB_CALL(f->k, r, chan_read_pos(c, f->chan, buf, n));
    return r;
}

int64_t taskfs_write(taskfs_file *f, const void *buf, size_t n)
{
    int64_t r;
    LIB_CALL(f->k, r, chan_write_pos(c, f->chan, buf, n));
    return r;
}

int64_t taskfs_pread(taskfs_file *f, void *buf, size_t n, uint64_t off)
{
    int64_t r;
    LIB_CALL(f->k, r, chan_read(c, f->chan, buf, n, off));
    return r;
}

int64_t taskfs_pwrite(taskfs_file *f, const void *buf, size_t n, uint64_t off)
{
    int64_t r;
    LIB_CALL(f->k, r, chan_write(c, f->chan, buf, n, off));
    return r;
}

int64_t taskfs_seek(taskfs_file *f, int64_t off, int whence)
{
    uint64_t pos = 0;
    int r;
    LIB_CALL(f->k, r, chan_seek(c, f->chan, off, whence, &pos));
    return r < 0 ? r : (int64_t)pos;
}

int taskfs_truncate(taskfs_file *f, uint64_t size)
{
    int r;
    LIB_CALL(f->k, r, chan_truncate(c, f->chan, size));
    return r;
}

int taskfs_fsync(taskfs_file *f)
{
    int r;
    LIB_CALL(f->k, r, chan_fsync(c, f->chan, false));
    return r;
}

/* ---- directories -------------------------------------------------------------------------------------------------- */

typedef struct Listing {
    int (*fn)(void *arg, const taskfs_dirent *e);
    void *arg;
    uint64_t cookie;                /* behind what fn has seen: where a listing that waited goes on */
    int answer;
} Listing;

static int list_one(void *arg, const Dirent *e)
{
    Listing *l = arg;
    taskfs_dirent out = { .name = e->name, .ino = e->ino, .type = e->type };
    l->answer = l->fn(l->arg, &out);
    l->cookie = e->next;
    return l->answer != 0;
}

int taskfs_readdir(taskfs_file *f, int (*fn)(void *arg, const taskfs_dirent *e), void *arg)
{
    Listing l = { .fn = fn, .arg = arg };
    int r;
    LIB_CALL(f->k, r, chan_readdir(c, f->chan, l.cookie, list_one, &l));
    return r < 0 ? r : l.answer;
}

/* ---- pipes, waiting ----------------------------------------------------------------------------------------------- */

int taskfs_pipe(taskfs *k, taskfs_file **r, taskfs_file **w)
{
    Chan *read_end = NULL, *write_end = NULL;
    taskfs_file *reader = NULL;
    int e;
    LIB_CALL(k, e, k->kernel->list->pipe(c, &read_end, &write_end));
    if (e < 0)
        return e;
    e = lib_file(k, read_end, &reader);
    if (e < 0) {
        chan_put(write_end);
        return e;
    }
    e = lib_file(k, write_end, w);
    if (e < 0) {
        (void)taskfs_close(reader);
        return e;
    }
    *r = reader;
    return 0;
}

/* One look at all; none ready is WAIT, with the call armed on all of them. */
static int poll_once(Call *c, taskfs_pollfd *files, size_t n)
{
    int found = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t bytes;
        int r = chan_ready(c, files[i].file->chan, files[i].events, &bytes);
        files[i].revents = r > 0 ? (uint32_t)r : 0;
        found += r > 0;
        if (r < 0 && r != WAIT && r != -EAGAIN)
            return r;
    }
    bool over = (c->mode & CALL_NONBLOCK) != 0 || (c->deadline != 0 && clock_now(CLOCK_MONO) >= c->deadline);
    return found > 0 || over ? found : WAIT;
}

int taskfs_poll(taskfs_pollfd *files, size_t n, int64_t timeout)
{
    if (n == 0)
        return -EINVAL;
    for (size_t i = 1; i < n; i++)
        if (files[i].file->k != files[0].file->k)
            return -EINVAL;
    Call c;
    int r;
    lib_begin(files[0].file->k, &c);
    if (timeout == 0)
        c.mode = CALL_NONBLOCK;
    else if (timeout > 0)
        c.deadline = clock_now(CLOCK_MONO) + (uint64_t)timeout;
    CALL_RUN(&c, r, poll_once(&c, files, n));
    return (int)lib_end(&c, r);
}
