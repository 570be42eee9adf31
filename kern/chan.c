/* SPDX-License-Identifier: MIT */
/*
 * Chans, and the only calls into devices: rights, read-only, directory or not, bind points and missing entries of a Dev
 * are answered here, once. Names in directories are channame.c's.
 *
 * The position of an open file is moved by one call at a time: pos_busy says that somebody has taken it, so that a read at the
 * position is whole also when several tasks share the file, without a lock over the device's call. A device that has a lock for each
 * file anyway moves the position under that (Dev.read_pos), which saves two exchanges of the seven that a write took.
 */
#include "kern/chan.h"

#include <inttypes.h>
#include <string.h>

#include "kern/account.h"
#include "kern/count.h"
#include "kern/flock.h"
#include "kern/nsnode.h"
#include "kern/trace.h"
#include "kern/union.h"

void file_init(File *f, const Dev *dev, uint16_t type, uint16_t flags, uint64_t space, uint64_t id)
{
    ref_init(&f->ref);
    f->dev = dev;
    f->type = type;
    f->flags = flags;
    f->space = space;
    f->id = id;
    count_add(OBJ_FILE, f);
}

void file_put(File *f)
{
    if (f == NULL || !ref_put(&f->ref))
        return;
    count_sub(OBJ_FILE, f);
    f->dev->free(f);
}

void auto_file(File **f)
{
    file_put(*f);
}
void auto_chan(Chan **ch)
{
    chan_put(*ch);
}

Chan *chan_new(Call *c, File *file, Path *path)
{
    return chan_new_at(c, file, path != NULL ? path_get(path) : path_new("?", 1));
}

Chan *chan_new_at(Call *c, File *file, Path *path)
{
    Account *a = call_account(c);
    Chan *ch = path == NULL ? NULL : account_alloc(a, sizeof *ch);
    if (ch == NULL) {
        path_put(path);
        file_put(file);
        return NULL;
    }
    ref_init(&ch->ref);
    ch->file = file;
    ch->path = path;
    ch->account = a == NULL ? NULL : account_get(a);
    queue_init(&ch->pos_free);
    mutex_init(&ch->lock, RANK_CHAN);
    count_add(OBJ_CHAN, ch);
    return ch;
}

void chan_put(Chan *ch)
{
    if (ch == NULL || !ref_put_alone(&ch->ref))
        return;
    if (ch->open) {
        if (ch->file->dev->close != NULL)
            ch->file->dev->close(ch);
        flock_release(ch);
    }
    dirlist_free(ch->list);
    file_put(ch->file);
    path_put(ch->path);
    node_put(ch->own);
    node_put(ch->inner);
    queue_close(&ch->pos_free);
    mutex_destroy(&ch->lock);
    count_sub(OBJ_CHAN, ch);
    Account *a = ch->account;
    account_free(a, ch, sizeof *ch);
    if (a != NULL)
        account_put(a);
}

/* What a device answered, for the trace. */
static int64_t traced(Call *c, const Chan *ch, const char *what, uint64_t n, int64_t r)
{
    Task *t = c == NULL ? NULL : c->task;
    if (trace_on(TRACE_DEV, t) && r != WAIT)
        trace(TRACE_DEV, t, "%s %s %s %" PRIu64 " = %" PRId64, ch->file->dev->name, what, ch->path->s, n, r);
    return r;
}

/* ---- opened and closed ------------------------------------------------------------------------------------------- */

static int check_open(Call *c, const Chan *ch, unsigned flags)
{
    uint16_t type = ch->file->type;
    bool writes = (flags & (OPEN_WRITE | OPEN_TRUNC | OPEN_APPEND)) != 0;
    if (type == TYPE_LINK)
        return -ELOOP;
    if ((flags & OPEN_DIRECTORY) && type != TYPE_DIR)
        return -ENOTDIR;
    if (writes && type == TYPE_DIR)
        return -EISDIR;
    if (writes && (ch->flags & CHAN_NO_WRITE))
        return fail(c, -EROFS, "%s: bound read-only", ch->path->s);
    return 0;
}

/* A new Chan at the place of ch. */
static Chan *chan_copy(Call *c, const Chan *ch)
{
    Chan *copy = chan_new(c, file_get(ch->file), ch->path);
    if (copy == NULL)
        return NULL;
    copy->flags = ch->flags;
    copy->ns_id = ch->ns_id;
    copy->version = ch->version;
    copy->own = nsobj_get((NsObj *)ch->own);
    copy->inner = nsobj_get((NsObj *)ch->inner);
    return copy;
}

int chan_open_here(Call *c, Chan *ch, unsigned flags)
{
    int r = check_open(c, ch, flags);
    if (r < 0)
        return r;
    const Dev *dev = ch->file->dev;
    ch->mode = flags & (OPEN_READ | OPEN_WRITE);
    atomic_init(&ch->oflags, flags & (OPEN_APPEND | OPEN_NONBLOCK | OPEN_SYNC | OPEN_DSYNC));
    r = (int)traced(c, ch, "open", flags, dev->open == NULL ? 0 : dev->open(c, ch, flags));
    if (r < 0) {
        ch->mode = 0;
        return r;
    }
    ch->open = true;
    return 0;
}

int chan_open(Call *c, Chan *ch, unsigned flags, Chan **out)
{
    int r = check_open(c, ch, flags);
    if (r < 0)
        return r;
    const Dev *dev = ch->file->dev;
    if (dev->reopen != NULL && (r = dev->reopen(c, ch, flags, out)) != 1)
        return r;
    AUTO_CHAN Chan *o = chan_copy(c, ch);
    if (o == NULL)
        return -ENOMEM;
    r = chan_open_here(c, o, flags);
    if (r == 0)
        *out = STEAL(o);
    return r;
}

void chan_active(Chan *ch, bool on)
{
    const Dev *dev = ch->file->dev;
    if (dev->active == NULL)
        return;
    int before = on ? atomic_fetch_add(&ch->actives, 1) : atomic_fetch_sub(&ch->actives, 1);
    if (on ? before == 0 : before == 1)
        dev->active(ch, on);
}

void chan_hold(Chan *ch, bool active)
{
    if (!chan_counts_holders(ch))
        return;
    atomic_fetch_add(&ch->holders, 1);
    if (active)
        chan_active(ch, true);
}

int chan_unhold(Call *c, Chan *ch, bool active)
{
    const Dev *dev = ch->file->dev;
    if (!chan_counts_holders(ch))
        return 0;
    int r = 0;
    if (atomic_fetch_sub(&ch->holders, 1) == 1 && dev->flush != NULL)
        r = dev->flush(c, ch);
    if (active)
        chan_active(ch, false);
    return r;
}

/* ---- reading and writing ------------------------------------------------------------------------------------------ */

int64_t chan_read(Call *c, Chan *ch, void *buf, size_t n, uint64_t off)
{
    if ((ch->mode & OPEN_READ) == 0)
        return -EBADF;
    if (file_is_dir(ch->file))
        return -EISDIR;
    const Dev *dev = ch->file->dev;
    return traced(c, ch, "read", n, dev->read == NULL ? -EINVAL : dev->read(c, ch, buf, n, off));
}

/* *end: where the position is to be afterwards. */
static int64_t write_at(Call *c, Chan *ch, const void *buf, size_t n, uint64_t off, uint64_t *end)
{
    if ((ch->mode & OPEN_WRITE) == 0)
        return -EBADF;
    const Dev *dev = ch->file->dev;
    unsigned oflags = atomic_load_explicit(&ch->oflags, memory_order_relaxed);
    int64_t r;
    if ((oflags & OPEN_APPEND) && dev->append != NULL) {
        r = traced(c, ch, "append", n, dev->append(c, ch, buf, n, end));
    } else {
        if (off > INT64_MAX - n)
            return -EFBIG;
        r = traced(c, ch, "write", n, dev->write == NULL ? -EINVAL : dev->write(c, ch, buf, n, off));
        *end = off + (r > 0 ? (uint64_t)r : 0);
    }
    return r;
}

int64_t chan_write(Call *c, Chan *ch, const void *buf, size_t n, uint64_t off)
{
    uint64_t end;
    return write_at(c, ch, buf, n, off, &end);
}

static int take_pos(Call *c, Chan *ch)
{
    unsigned is_free = 0;
    if (atomic_compare_exchange_strong(&ch->pos_busy, &is_free, 1))
        return 0;
    mutex_lock(&ch->lock);
    int r = atomic_exchange(&ch->pos_busy, 2) == 0 ? 0 : wait_arm(c, &ch->pos_free);
    mutex_unlock(&ch->lock);
    return r;
}

static void leave_pos(Chan *ch)
{
    if (atomic_exchange(&ch->pos_busy, 0) != 2)
        return;
    mutex_lock(&ch->lock);
    queue_wake(&ch->pos_free);
    mutex_unlock(&ch->lock);
}

int64_t chan_read_pos(Call *c, Chan *ch, void *buf, size_t n)
{
    const Dev *dev = ch->file->dev;
    if (ch->file->flags & FILE_STREAM)
        return chan_read(c, ch, buf, n, 0);
    if (dev->read_pos != NULL && (ch->mode & OPEN_READ) != 0 && !file_is_dir(ch->file))
        return traced(c, ch, "read", n, dev->read_pos(c, ch, buf, n));
    int r = take_pos(c, ch);
    if (r < 0)
        return r;
    int64_t got = chan_read(c, ch, buf, n, ch->pos);
    if (got > 0)
        ch->pos += (uint64_t)got;
    leave_pos(ch);
    return got;
}

int64_t chan_write_pos(Call *c, Chan *ch, const void *buf, size_t n)
{
    uint64_t end;
    const Dev *dev = ch->file->dev;
    if (ch->file->flags & FILE_STREAM)
        return write_at(c, ch, buf, n, 0, &end);
    if (dev->write_pos != NULL && (ch->mode & OPEN_WRITE) != 0)
        return traced(c, ch, "write", n, dev->write_pos(c, ch, buf, n));
    int r = take_pos(c, ch);
    if (r < 0)
        return r;
    int64_t put = write_at(c, ch, buf, n, ch->pos, &end);
    if (put > 0)
        ch->pos = end;
    leave_pos(ch);
    return put;
}

int chan_seek(Call *c, Chan *ch, int64_t off, int whence, uint64_t *pos)
{
    if (ch->file->flags & FILE_STREAM)
        return -ESPIPE;
    if (whence != SEEK_FROM_START && whence != SEEK_FROM_HERE && whence != SEEK_FROM_END)
        return -EINVAL;
    if (ch->file->dev->seek != NULL)
        return ch->file->dev->seek(c, ch, off, whence, pos);
    Attr a = { 0 };
    if (whence == SEEK_FROM_END) {
        int r = chan_getattr(c, ch, &a);
        if (r < 0)
            return r;
    }
    int r = take_pos(c, ch);
    if (r < 0)
        return r;
    uint64_t from = whence == SEEK_FROM_START ? 0 : whence == SEEK_FROM_HERE ? ch->pos : a.size;
    r = seek_to(from, off, pos);
    if (r == 0)
        ch->pos = *pos;
    leave_pos(ch);
    return r;
}

int chan_fsync(Call *c, Chan *ch, bool data_only)
{
    const Dev *dev = ch->file->dev;
    return dev->fsync == NULL ? 0 : dev->fsync(c, ch, data_only);
}

int chan_allocate(Call *c, Chan *ch, uint64_t off, uint64_t n)
{
    const Dev *dev = ch->file->dev;
    if ((ch->mode & OPEN_WRITE) == 0)
        return -EBADF;
    if (n == 0 || off > INT64_MAX || n > INT64_MAX - off)
        return n == 0 ? -EINVAL : -EFBIG;
    if (file_is_dir(ch->file))
        return -ENODEV;
    if (ch->file->flags & FILE_STREAM)
        return -ESPIPE;
    return dev->allocate == NULL ? -EOPNOTSUPP : dev->allocate(c, ch, off, n);
}

int chan_ready(Call *c, Chan *ch, unsigned events, uint64_t *bytes)
{
    const Dev *dev = ch->file->dev;
    return dev->ready == NULL ? (int)(events & (READY_READ | READY_WRITE)) : dev->ready(c, ch, events, bytes);
}

/* ---- attributes --------------------------------------------------------------------------------------------------- */

int chan_getattr(Call *c, Chan *ch, Attr *a)
{
    *a = (Attr){ 0 };
    return ch->file->dev->getattr(c, ch->file, a);
}

int chan_setattr(Call *c, Chan *ch, unsigned what, const Attr *a)
{
    const Dev *dev = ch->file->dev;
    if (ch->flags & CHAN_NO_WRITE)
        return fail(c, -EROFS, "%s: bound read-only", ch->path->s);
    if ((what & SET_SIZE) && file_is_dir(ch->file))
        return -EISDIR;
    if ((what & SET_SIZE) && a->size > INT64_MAX)
        return -EFBIG;
    if ((what & SET_SIZE) && dev->truncate != NULL && ch->open && (ch->mode & OPEN_WRITE)) {
        int r = dev->truncate(c, ch, a->size);
        what &= ~(unsigned)SET_SIZE;
        if (r != 0 || what == 0)
            return r;
    }
    return dev->setattr == NULL ? -EPERM : dev->setattr(c, ch->file, what, a);
}

int chan_truncate(Call *c, Chan *ch, uint64_t size)
{
    if ((ch->mode & OPEN_WRITE) == 0)
        return -EINVAL;
    Attr a = { .size = size };
    return chan_setattr(c, ch, SET_SIZE, &a);
}

int chan_statfs(Call *c, Chan *ch, StatFs *s)
{
    const Dev *dev = ch->file->dev;
    *s = (StatFs){ .bsize = 4096, .namelen = NAME_MAX_LEN };
    return dev->statfs == NULL ? 0 : dev->statfs(c, ch->file, s);
}

int64_t chan_readlink(Call *c, Chan *link, char *buf, size_t n)
{
    const Dev *dev = link->file->dev;
    if (link->file->type != TYPE_LINK || dev->readlink == NULL)
        return -EINVAL;
    return dev->readlink(c, link->file, buf, n);
}
