/* SPDX-License-Identifier: MIT */
/*
 * Open files and their attributes.
 *
 * close(2): an unfinished control line runs when it is closed by the process that wrote it, so that close tells its error and what
 * that process does next finds it done. Linux tells each close of a descriptor, not which is the last one: so whoever has a copy and
 * closes it without having written does not end somebody else's line, nor does a close after which the process or its parent still
 * has the file (a shell with `printf x >&3`, commands that write one after the other); then it is up to whoever closes next.
 */
#include "door/fuse_holder.h"
#include "door/fuse_ops.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* ---- handles ----------------------------------------------------------------------------------------------------------- */

FuseHandle *handle_new(FuseDoor *d, Chan *ch)
{
    FuseHandle *h = mem_alloc(sizeof *h);
    if (h == NULL) {
        chan_put(ch);
        return NULL;
    }
    h->chan = ch;
    h->lines = (ch->file->flags & FILE_TEXT) != 0 && (ch->file->flags & FILE_STREAM) == 0 &&
               (ch->mode & OPEN_WRITE) != 0 && ch->file->dev->flush != NULL;
    chan_hold(ch, true);
    mutex_lock(&d->lock);
    h->next = d->handles;
    if (h->next != NULL)
        h->next->prev = h;
    d->handles = h;
    mutex_unlock(&d->lock);
    return h;
}

void handle_at(FuseDoor *d, FuseHandle *h, FuseNode *n, Chan *place)
{
    h->node = n;
    node_pin(d, n, place);
}

/* h is not held any more. */
static void handle_drop(FuseDoor *d, FuseHandle *h)
{
    mutex_lock(&d->lock);
    if (h->prev != NULL)
        h->prev->next = h->next;
    else
        d->handles = h->next;
    if (h->next != NULL)
        h->next->prev = h->prev;
    mutex_unlock(&d->lock);
    watch_end(d, h);
    if (h->node != NULL)
        node_unpin(d, h->node);
    chan_put(h->chan);
    mem_free(h);
}

void handle_free(FuseDoor *d, FuseHandle *h)
{
    Call c;
    call_init(&c, d->kernel->root);
    c.mode = CALL_NONBLOCK;
    call_begin(&c);
    (void)chan_unhold(&c, h->chan, true);
    call_end(&c);
    call_destroy(&c);
    handle_drop(d, h);
}

/* ---- opening ----------------------------------------------------------------------------------------------------------- */

static unsigned open_flags(int flags)
{
    unsigned mode = (flags & O_ACCMODE) == O_RDONLY   ? OPEN_READ
                    : (flags & O_ACCMODE) == O_WRONLY ? OPEN_WRITE
                                                      : OPEN_READ | OPEN_WRITE;
    static const struct {
        int theirs;
        unsigned ours;
    } bits[] = {
        { O_TRUNC, OPEN_TRUNC },  { O_APPEND, OPEN_APPEND }, { O_NONBLOCK, OPEN_NONBLOCK },
        { O_CREAT, OPEN_CREATE }, { O_EXCL, OPEN_EXCL },     { O_DIRECTORY, OPEN_DIRECTORY },
        { O_DSYNC, OPEN_DSYNC },
    };
    for (size_t i = 0; i < LEN(bits); i++)
        if ((flags & bits[i].theirs) != 0)
            mode |= bits[i].ours;
    return (flags & O_SYNC) == O_SYNC ? mode | OPEN_SYNC : mode;
}

/* How Linux is to treat the open file; file is what its node is. */
static void describe(FuseRequest *r, FuseHandle *h, const File *file)
{
    h->direct = fuse_waits(file);
    r->fi.direct_io = h->direct;
    r->fi.nonseekable = (h->chan->file->flags & FILE_STREAM) != 0;
    r->fi.noflush = !h->lines;
    r->fi.keep_cache = 0;
}

static int try_open(FuseRequest *r)
{
    Chan *place, *open = NULL;
    int n = request_place(r, &place);
    if (n == 0)
        n = chan_open(&r->call, place, open_flags(r->fi.flags) & ~(unsigned)(OPEN_CREATE | OPEN_EXCL), &open);
    if (n < 0)
        return n;
    FuseHandle *h = handle_new(r->door, open);
    if (h == NULL)
        return -ENOMEM;
    handle_at(r->door, h, r->node, place);
    describe(r, h, place->file);
    return answer_open(r, h);
}

/* The file is made and open: what its name leads to now becomes its node. */
static int created(FuseRequest *r, FuseHandle *h, Chan *dir)
{
    AUTO_CHAN Chan *ch = NULL;
    Attr a;
    struct stat st;
    int n = walk_one(&r->call, dir, r->name, &ch);
    if (n == 0)
        n = chan_getattr(&r->call, ch, &a);
    if (n < 0)
        return n;
    fuse_stat(ch->file, &a, &st);
    describe(r, h, ch->file);
    FuseNode *node = node_enter(r->door, r->node, r->name, chan_get(ch));
    if (node == NULL)
        return -ENOMEM;
    handle_at(r->door, h, node, ch);
    return answer_create(r, node, &st, h);
}

static int try_create(FuseRequest *r)
{
    Chan *dir;
    int n = request_place(r, &dir);
    if (n < 0)
        return n;
    if (r->step == 0) {
        Chan *open = NULL;
        n = chan_create(&r->call, dir, r->name, r->mode & 07777, open_flags(r->fi.flags) | OPEN_CREATE, &open);
        if (n < 0)
            return n;
        r->handle = handle_new(r->door, open);
        if (r->handle == NULL)
            return -ENOMEM;
        request_step(r);
    }
    n = created(r, r->handle, dir);
    if (n < 0 && n != WAIT)
        handle_free(r->door, STEAL(r->handle));
    return n;
}

void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    FuseRequest *r = request_new(req, ino, try_open);
    if (r == NULL)
        return;
    r->fi = *fi;
    if ((fi->flags & O_NONBLOCK) != 0)
        r->call.mode = CALL_NONBLOCK;
    request_run(r);
}

void on_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
    FuseRequest *r = request_new(req, parent, try_create);
    if (r == NULL)
        return;
    r->fi = *fi;
    r->name = name;
    r->mode = mode;
    request_run(r);
}

/* ---- an open file ------------------------------------------------------------------------------------------------------ */

/* For fi's file; O_NONBLOCK as it is now: it can be changed while the file is open. */
static FuseRequest *ask(fuse_req_t req, fuse_ino_t ino, const struct fuse_file_info *fi, FuseRun *run)
{
    FuseRequest *r = request_new(req, ino, run);
    if (r == NULL)
        return NULL;
    r->fi = *fi;
    r->handle = handle_of(fi);
    return r;
}

static int try_read(FuseRequest *r)
{
    Chan *ch = r->handle->chan;
    char *buf = request_buffer(r->size);
    if (buf == NULL)
        return -ENOMEM;
    size_t got = 0;
    int64_t n;
    do {
        n = chan_read(&r->call, ch, buf + got, r->size - got, (uint64_t)r->off + got);
        if (n > 0)
            got += (size_t)n;
    } while (n > 0 && got < r->size && !r->handle->direct);
    /* Linux takes less than it asked for as the end of the file: what is read again is the same. */
    if (n < 0 && (got == 0 || n == WAIT))
        return (int)n;
    return answer_bytes(r, buf, got);
}

/* What is written back from a mapping goes where it was, also where the file that is open appends. */
static int write_back(FuseRequest *r, Chan **out)
{
    Chan *ch = r->handle->chan;
    if (!r->fi.writepage || (atomic_load_explicit(&ch->oflags, memory_order_relaxed) & OPEN_APPEND) == 0) {
        *out = chan_get(ch);
        return 0;
    }
    Chan *place;
    int n = request_place(r, &place);
    return n < 0 ? n : chan_open(&r->call, place, OPEN_WRITE, out);
}

static int try_write(FuseRequest *r)
{
    FuseHandle *h = r->handle;
    AUTO_CHAN Chan *ch = NULL;
    int64_t n = write_back(r, &ch);
    if (n < 0)
        return (int)n;
    size_t put = 0;
    do {
        n = chan_write(&r->call, ch, r->data + put, r->size - put, (uint64_t)r->off + put);
        if (n > 0)
            put += (size_t)n;
    } while (n > 0 && put < r->size && !h->direct);
    if (n < 0 && put == 0)
        return (int)n;
    if (h->lines && put > 0) {
        atomic_store(&h->end, (uint64_t)r->off + put);
        atomic_store(&h->unfinished, r->data[put - 1] == '\n' ? 0 : r->fi.lock_owner);
    }
    return answer_written(r, put);
}

void on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
    FuseRequest *r = ask(req, ino, fi, try_read);
    if (r == NULL)
        return;
    r->size = size;
    r->off = off;
    if ((fi->flags & O_NONBLOCK) != 0)
        r->call.mode = CALL_NONBLOCK;
    request_run(r);
}

void on_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off, struct fuse_file_info *fi)
{
    FuseRequest *r = ask(req, ino, fi, try_write);
    if (r == NULL)
        return;
    r->data = buf;
    r->size = size;
    r->off = off;
    if ((fi->flags & O_NONBLOCK) != 0)
        r->call.mode = CALL_NONBLOCK;
    request_run(r);
}

static int try_flush(FuseRequest *r)
{
    FuseHandle *h = r->handle;
    /* A line that waits is entered again with the file held as before. */
    int n = chan_unhold(&r->call, h->chan, false);
    chan_hold(h->chan, false);
    return n < 0 ? n : answer_error(r, 0);
}

void on_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    FuseHandle *h = handle_of(fi);
    uint64_t owner = atomic_load(&h->unfinished);
    bool his = owner != 0 && (owner == fi->lock_owner || owner == FUSE_ANYONE);
    if (his) {
        const File *f = h->chan->file;
        pid_t pid = fuse_req_ctx(req)->pid;
        bool left = holder_left(pid, fuse_number(f->dev, f->space, f->id), atomic_load(&h->end));
        his = atomic_compare_exchange_strong(&h->unfinished, &owner, left ? FUSE_ANYONE : 0) && !left;
    }
    if (!his) {
        fuse_reply_err(req, 0);
        return;
    }
    FuseRequest *r = ask(req, ino, fi, try_flush);
    if (r != NULL)
        request_run(r);
}

static int try_release(FuseRequest *r)
{
    FuseHandle *h = r->handle;
    int n = chan_unhold(&r->call, h->chan, r->step == 0);
    if (n == WAIT) {
        chan_hold(h->chan, false);
        r->step = 1;
        return n;
    }
    handle_drop(r->door, h);
    return answer_error(r, 0);
}

void on_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    FuseRequest *r = ask(req, ino, fi, try_release);
    if (r == NULL)
        return;
    /* Nobody waits for the answer: a line that is still unfinished here is one whose close was interrupted. */
    r->call.mode = CALL_NONBLOCK;
    request_run(r);
}

static int try_fsync(FuseRequest *r)
{
    int n = chan_fsync(&r->call, r->handle->chan, r->flags != 0);
    return n < 0 ? n : answer_error(r, 0);
}

void on_fsync(fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *fi)
{
    FuseRequest *r = ask(req, ino, fi, try_fsync);
    if (r == NULL)
        return;
    r->flags = data_only != 0;
    request_run(r);
}

static int try_allocate(FuseRequest *r)
{
    int n = chan_allocate(&r->call, r->handle->chan, (uint64_t)r->off, r->size);
    return n < 0 ? n : answer_error(r, 0);
}

void on_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t n, struct fuse_file_info *fi)
{
    if (mode != 0) {
        fuse_reply_err(req, EOPNOTSUPP);
        return;
    }
    FuseRequest *r = ask(req, ino, fi, try_allocate);
    if (r == NULL)
        return;
    r->off = off;
    r->size = (size_t)n;
    request_run(r);
}

static int try_flock(FuseRequest *r)
{
    int n = chan_flock(&r->call, r->handle->chan, (int)r->flags);
    return n < 0 ? n : answer_error(r, 0);
}

void on_flock(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, int op)
{
    FuseRequest *r = ask(req, ino, fi, try_flock);
    if (r == NULL)
        return;
    int what = op & ~LOCK_NB;
    r->flags = what == LOCK_SH ? LOCK_READ : what == LOCK_EX ? LOCK_WRITE : LOCK_UNLOCK;
    if ((op & LOCK_NB) != 0)
        r->call.mode = CALL_NONBLOCK;
    request_run(r);
}

/* ---- attributes -------------------------------------------------------------------------------------------------------- */

static int answer_attr_of(FuseRequest *r, Chan *ch)
{
    struct stat st;
    unsigned depth = ch->file->type == TYPE_LINK ? node_depth(r->door, r->node) : 0;
    int n = place_stat(r, ch, depth == 0 ? 0 : depth - 1, &st);
    return n < 0 ? n : answer_attr(r, &st);
}

static int try_getattr(FuseRequest *r)
{
    Chan *ch;
    int n = request_place(r, &ch);
    return n < 0 ? n : answer_attr_of(r, ch);
}

void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)fi;
    FuseRequest *r = request_new(req, ino, try_getattr);
    if (r != NULL)
        request_run(r);
}

static int64_t nanoseconds(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int try_setattr(FuseRequest *r)
{
    static const struct {
        int theirs;
        unsigned ours;
    } bits[] = {
        { FUSE_SET_ATTR_MODE, SET_MODE },
        { FUSE_SET_ATTR_SIZE, SET_SIZE },
        { FUSE_SET_ATTR_UID, SET_UID },
        { FUSE_SET_ATTR_GID, SET_GID },
    };
    int theirs = (int)r->flags;
    unsigned what = 0;
    for (size_t i = 0; i < LEN(bits); i++)
        if ((theirs & bits[i].theirs) != 0)
            what |= bits[i].ours;
    if ((theirs & FUSE_SET_ATTR_ATIME) != 0)
        what |= (theirs & FUSE_SET_ATTR_ATIME_NOW) != 0 ? SET_ATIME_NOW : SET_ATIME;
    if ((theirs & FUSE_SET_ATTR_MTIME) != 0)
        what |= (theirs & FUSE_SET_ATTR_MTIME_NOW) != 0 ? SET_MTIME_NOW : SET_MTIME;
    Attr a = {
        .mode = r->attr.st_mode & 07777,
        .size = (uint64_t)r->attr.st_size,
        .uid = r->attr.st_uid,
        .gid = r->attr.st_gid,
        .atime = nanoseconds(r->attr.st_atim),
        .mtime = nanoseconds(r->attr.st_mtim),
    };
    Chan *ch;
    int n = request_place(r, &ch);
    if (n == 0 && what != 0)
        n = chan_setattr(&r->call, r->handle != NULL ? r->handle->chan : ch, what, &a);
    return n < 0 ? n : answer_attr_of(r, ch);
}

void on_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int what, struct fuse_file_info *fi)
{
    FuseRequest *r = request_new(req, ino, try_setattr);
    if (r == NULL)
        return;
    r->attr = *attr;
    r->flags = (unsigned)what;
    r->handle = fi != NULL && (what & FUSE_SET_ATTR_SIZE) != 0 ? handle_of(fi) : NULL;      /* what is open may be cut */
    request_run(r);
}

static int try_statfs(FuseRequest *r)
{
    Chan *ch;
    StatFs s;
    int n = request_place(r, &ch);
    if (n == 0)
        n = chan_statfs(&r->call, ch, &s);
    if (n < 0)
        return n;
    struct statvfs v = {
        .f_bsize = s.bsize,
        .f_frsize = s.bsize,
        .f_blocks = s.blocks,
        .f_bfree = s.bfree,
        .f_bavail = s.bavail,
        .f_files = s.files,
        .f_ffree = s.ffree,
        .f_favail = s.ffree,
        .f_namemax = s.namelen,
    };
    return answer_statfs(r, &v);
}

void on_statfs(fuse_req_t req, fuse_ino_t ino)
{
    FuseRequest *r = request_new(req, ino, try_statfs);
    if (r != NULL)
        request_run(r);
}
