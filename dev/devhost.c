/* SPDX-License-Identifier: MIT */
/*
 * A directory or file of the host as a tree of Files. A File is an O_PATH handle, known by the host's device and inode number, so
 * that two names of one file are one file. Names are looked up one at a time below a handle and links of the host are read
 * here and followed by the walk, within the namespace: neither leaves what was granted.
 *
 * Files of a disk are read and written by the calling thread. What can wait for somebody (FIFOs, terminals, devices) is opened so
 * that it does not, and is a Stream. The lock of an open file guards its listing and its appends.
 */
#include "dev/devhost.h"

#include <string.h>

#include "kern/account.h"
#include "kern/boot.h"
#include "kern/call.h"
#include "kern/chan.h"
#include "kern/count.h"
#include "kern/task.h"

enum { MODE_BITS = 07777, DESCRIPTOR_COST = 512 };      /* about what a descriptor costs the host */

typedef struct HostFile {
    File file;                      /* first; space and id: the host's device and inode number */
    int fd;                         /* O_PATH, owned */
    atomic_int made;                /* from its creation, open for the first who opens it: owned, or -1 */
    bool mine;                      /* the owner is shown as who runs the kernel */
    uint32_t uid, gid;              /* who that is */
    Account *account;               /* owned */
} HostFile;

typedef struct HostOpen {           /* Chan.aux */
    Mutex lock;                     /* RANK_CHAN */
    int fd;                         /* of a file; -1: opened neither for reading nor for writing */
    HostDir *dir;
    Stream *stream;
} HostOpen;

static HostFile *host_of(File *f)
{
    return (HostFile *)f;
}

/* ---- files ---------------------------------------------------------------------------------------------------------- */

enum { TTY_FIRST = 4, TTY_CONSOLE = 5, PTS_FIRST = 136, PTS_LAST = 143, MAJOR_SHIFT = 8, MAJOR_MASK = 0xfff };

/* By Linux's list of device numbers: nothing may be opened to find out. */
static bool is_terminal(const HostStat *st)
{
    unsigned major = (unsigned)(st->rdev >> MAJOR_SHIFT) & MAJOR_MASK;
    return (st->mode & TYPE_MASK) == TYPE_CHAR &&
           (major == TTY_FIRST || major == TTY_CONSOLE || (major >= PTS_FIRST && major <= PTS_LAST));
}

static uint16_t flags_of(const HostStat *st)
{
    unsigned type = st->mode & TYPE_MASK;
    bool stream = type == TYPE_FIFO || type == TYPE_CHAR || type == TYPE_SOCK;
    return (uint16_t)((stream ? FILE_STREAM : 0) | (is_terminal(st) ? FILE_TTY : 0));
}

/* A File for the handle fd, which is taken, on failure too. */
static int hostfile_new(Call *c, int fd, File **out)
{
    HostStat st;
    int r = host_stat(fd, &st);
    Account *a = call_account(c);
    if (r == 0 && account_charge(a, sizeof(HostFile) + DESCRIPTOR_COST) < 0)
        r = -ENOMEM;
    if (r < 0) {
        host_close(fd);
        return r;
    }
    HostFile *h = mem_alloc(sizeof *h);
    if (h == NULL) {
        account_uncharge(a, sizeof(HostFile) + DESCRIPTOR_COST);
        host_close(fd);
        return -ENOMEM;
    }
    file_init(&h->file, &devhost, (uint16_t)(st.mode & TYPE_MASK), flags_of(&st), st.dev, st.ino);
    count_add(OBJ_HOSTFILE, h);
    h->fd = fd;
    atomic_init(&h->made, -1);
    h->account = account_get(a);
    h->mine = c->task != NULL && c->task->kernel != NULL;
    h->uid = h->mine ? c->task->kernel->uid : st.uid;
    h->gid = h->mine ? c->task->kernel->gid : st.gid;
    *out = &h->file;
    return 0;
}

static void hostfile_free(File *f)
{
    HostFile *h = host_of(f);
    host_close(h->fd);
    host_close(atomic_load(&h->made));
    account_uncharge(h->account, sizeof *h + DESCRIPTOR_COST);
    account_put(h->account);
    count_sub(OBJ_HOSTFILE, h);
    mem_free(h);
}

int devhost_new(Call *c, const char *hostpath, File **root)
{
    int fd = -1;
    int r = host_root(hostpath, &fd);
    if (r == -ENOSYS)
        return fail(c, r, "%s: the host's /proc is not mounted; without it no file of the host can be opened",
                    hostpath);
    if (r < 0)
        return r;
    return hostfile_new(c, fd, root);
}

/* ---- names ---------------------------------------------------------------------------------------------------------- */

static int hostdev_walk(Call *c, File *dir, const char *name, File **out)
{
    int fd = -1;
    int r = host_walk(host_of(dir)->fd, name, &fd);
    return r < 0 ? r : hostfile_new(c, fd, out);
}

static int hostdev_create(Call *c, File *dir, const char *name, uint32_t mode, unsigned flags, File **out)
{
    (void)flags;
    int fd = -1, made = -1;
    int r = host_create(host_of(dir)->fd, name, mode & MODE_BITS, &fd, &made);
    if (r < 0)
        return r;
    r = hostfile_new(c, fd, out);
    if (r < 0) {
        (void)host_unlink(host_of(dir)->fd, name, false);       /* what failed has made nothing */
        host_close(made);
        return r;
    }
    atomic_store(&host_of(*out)->made, made);
    return 0;
}

static int hostdev_mkdir(Call *c, File *dir, const char *name, uint32_t mode, File **out)
{
    int r = host_mkdir(host_of(dir)->fd, name, mode & MODE_BITS);
    if (r < 0)
        return r;
    r = hostdev_walk(c, dir, name, out);
    if (r < 0)
        (void)host_unlink(host_of(dir)->fd, name, true);
    return r;
}

static int hostdev_symlink(Call *c, File *dir, const char *name, const char *target, File **out)
{
    int r = host_symlink(host_of(dir)->fd, name, target);
    if (r < 0)
        return r;
    r = hostdev_walk(c, dir, name, out);
    if (r < 0)
        (void)host_unlink(host_of(dir)->fd, name, false);
    return r;
}

static int hostdev_link(Call *c, File *dir, const char *name, File *file)
{
    (void)c;
    if (file_is_dir(file))
        return -EPERM;
    return host_link(host_of(file)->fd, host_of(dir)->fd, name);
}

static int hostdev_rename(Call *c, File *from, const char *name, File *to, const char *newname)
{
    (void)c;
    return host_rename(host_of(from)->fd, name, host_of(to)->fd, newname);
}

static int hostdev_unlink(Call *c, File *dir, const char *name, bool rmdir)
{
    (void)c;
    return host_unlink(host_of(dir)->fd, name, rmdir);
}

static int64_t hostdev_readlink(Call *c, File *link, char *buf, size_t n)
{
    (void)c;
    return host_readlink(host_of(link)->fd, buf, n);
}

/* ---- opened and closed ---------------------------------------------------------------------------------------------- */

static void hostopen_free(HostOpen *o)
{
    host_close(o->fd);
    host_dir_close(o->dir);
    if (o->stream != NULL)
        stream_end(o->stream);
    mutex_destroy(&o->lock);
    mem_free(o);
}

static unsigned how_to_open(const Chan *ch, unsigned flags)
{
    return ((ch->mode & OPEN_READ) != 0 ? HOST_READ : 0u) | ((ch->mode & OPEN_WRITE) != 0 ? HOST_WRITE : 0u) |
           ((flags & OPEN_TRUNC) != 0 && (ch->mode & OPEN_WRITE) != 0 ? HOST_TRUNC : 0u);
}

static int open_file(Chan *ch, unsigned flags, HostOpen *o)
{
    unsigned how = how_to_open(ch, flags);
    if (how != 0) {
        o->fd = atomic_exchange(&host_of(ch->file)->made, -1);
        if (o->fd >= 0)
            return 0;               /* a new file can be written by its maker, whatever its mode: as with open(2) */
    }
    bool only_truncates = (flags & OPEN_TRUNC) != 0 && (how & HOST_TRUNC) == 0;
    int r = only_truncates ? host_truncate(host_of(ch->file)->fd, 0) : 0;
    /* Nonblocking: between the look and the open it stays the same file, but a lease of another process could hold it up. */
    return r < 0 || how == 0 ? r : host_open(host_of(ch->file)->fd, how | HOST_NONBLOCK, &o->fd);
}

static int open_stream(Call *c, Chan *ch, unsigned flags, HostOpen *o)
{
    if (ch->file->type == TYPE_SOCK)
        return fail(c, -ENXIO, "%s: a socket of the host cannot be opened", ch->path->s);
    unsigned how = how_to_open(ch, flags) & ~(unsigned)HOST_TRUNC;
    if (how == 0)
        return 0;
    int fd = -1;
    int r = host_open(host_of(ch->file)->fd, how | HOST_NONBLOCK, &fd);
    if (r < 0)
        return r;
    HostStream host;
    host_stream_of(fd, &host);
    return stream_new(&host, &o->stream);
}

static int hostdev_open(Call *c, Chan *ch, unsigned flags)
{
    HostOpen *o = mem_alloc(sizeof *o);
    if (o == NULL)
        return -ENOMEM;
    mutex_init(&o->lock, RANK_CHAN);
    o->fd = -1;
    int r;
    if (file_is_dir(ch->file))
        r = host_dir_open(host_of(ch->file)->fd, &o->dir);
    else if ((ch->file->flags & FILE_STREAM) != 0)
        r = open_stream(c, ch, flags, o);
    else
        r = open_file(ch, flags, o);
    if (r < 0) {
        hostopen_free(o);
        return r;
    }
    ch->aux = o;
    return 0;
}

static void hostdev_close(Chan *ch)
{
    hostopen_free(ch->aux);
}

/* ---- an open file --------------------------------------------------------------------------------------------------- */

static int64_t hostdev_read(Call *c, Chan *ch, void *buf, size_t n, uint64_t off)
{
    HostOpen *o = ch->aux;
    if (o->stream != NULL)
        return stream_read(c, o->stream, chan_nonblock(c, ch), buf, n);
    return off > INT64_MAX ? -EINVAL : host_read(o->fd, buf, n, off);
}

/* By the host, and not on a helper's thread: what was written once must not be entered again. */
static unsigned how_to_sync(Chan *ch)
{
    unsigned oflags = atomic_load_explicit(&ch->oflags, memory_order_relaxed);
    return ((oflags & OPEN_SYNC) != 0 ? HOST_SYNC : 0u) | ((oflags & OPEN_DSYNC) != 0 ? HOST_DSYNC : 0u);
}

static int64_t hostdev_write(Call *c, Chan *ch, const void *buf, size_t n, uint64_t off)
{
    HostOpen *o = ch->aux;
    if (o->stream != NULL)
        return stream_write(c, o->stream, chan_nonblock(c, ch), buf, n);
    return off > INT64_MAX ? -EFBIG : host_write(o->fd, buf, n, off, how_to_sync(ch));
}

static int64_t hostdev_append(Call *c, Chan *ch, const void *buf, size_t n, uint64_t *end)
{
    HostOpen *o = ch->aux;
    if (o->stream != NULL) {
        *end = 0;
        return stream_write(c, o->stream, chan_nonblock(c, ch), buf, n);
    }
    mutex_lock(&o->lock);
    int64_t r = host_append(o->fd, buf, n, how_to_sync(ch), end);
    mutex_unlock(&o->lock);
    return r;
}

static int hostdev_readdir(Call *c, Chan *dir, uint64_t cookie, DirFn *fn, void *arg)
{
    (void)c;
    HostOpen *o = dir->aux;
    char name[NAME_MAX_LEN + 1];
    Dirent e = { .name = name, .space = dir->file->space };
    for (;;) {
        uint32_t type = 0;
        mutex_lock(&o->lock);
        int r = host_dir_next(o->dir, cookie, name, &e.ino, &type, &e.next);
        mutex_unlock(&o->lock);
        if (r <= 0)
            return r;
        e.id = e.ino;
        e.type = (uint16_t)type;
        r = fn(arg, &e);
        if (r != 0)
            return r < 0 ? r : 0;
        cookie = e.next;
    }
}

/* An fsync may take as long as the disk wants: on a helper's thread, with a descriptor of its own. */
typedef struct Sync {
    int fd;
    bool data_only;
} Sync;

static int sync_work(void *arg, atomic_bool *abandoned)
{
    (void)abandoned;
    Sync *s = arg;
    return host_fsync(s->fd, s->data_only);
}

static void sync_release(void *arg)
{
    Sync *s = arg;
    host_close(s->fd);
    mem_free(s);
}

static void *sync_new(void *user)
{
    const Sync *wanted = user;
    Sync *s = mem_alloc(sizeof *s);
    if (s == NULL)
        return NULL;
    s->data_only = wanted->data_only;
    if (host_dup(wanted->fd, &s->fd) == 0)
        return s;
    mem_free(s);
    return NULL;
}

static int hostdev_fsync(Call *c, Chan *ch, bool data_only)
{
    static const Blocking blocking = { .work = sync_work, .release = sync_release };
    HostOpen *o = ch->aux;
    Sync wanted = { .fd = o->dir != NULL ? host_dir_fd(o->dir) : o->fd, .data_only = data_only };
    if (wanted.fd < 0)
        return o->stream != NULL ? -EINVAL : 0;
    return call_blocking(c, o, &blocking, sync_new, NULL, &wanted);
}

static int hostdev_allocate(Call *c, Chan *ch, uint64_t off, uint64_t n)
{
    (void)c;
    return host_allocate(((HostOpen *)ch->aux)->fd, off, n);
}

/* By the descriptor, which may write even where the mode forbids it by now. */
static int hostdev_truncate(Call *c, Chan *ch, uint64_t size)
{
    (void)c;
    HostOpen *o = ch->aux;
    return o->fd < 0 ? -EINVAL : host_truncate(o->fd, size);
}

static int hostdev_ready(Call *c, Chan *ch, unsigned events, uint64_t *bytes)
{
    HostOpen *o = ch->aux;
    return o->stream == NULL ? (int)(events & (READY_READ | READY_WRITE)) : stream_ready(c, o->stream, events, bytes);
}

/* ---- attributes ----------------------------------------------------------------------------------------------------- */

static int hostdev_getattr(Call *c, File *f, Attr *a)
{
    (void)c;
    HostFile *h = host_of(f);
    HostStat st;
    int r = host_stat(h->fd, &st);
    if (r < 0)
        return r;
    *a = (Attr){ .dev = st.dev,
                 .ino = st.ino,
                 .size = st.size,
                 .nlink = st.nlink,
                 .blocks = st.blocks,
                 .rdev = st.rdev,
                 .mode = st.mode,
                 .uid = h->uid,
                 .gid = h->gid,
                 .blksize = st.blksize,
                 .atime = st.atime,
                 .mtime = st.mtime,
                 .ctime = st.ctime };
    return 0;
}

static int set_times(HostFile *h, unsigned what, const Attr *a)
{
    int64_t atime = (what & SET_ATIME) != 0 ? a->atime : HOST_TIME_NOW;
    int64_t mtime = (what & SET_MTIME) != 0 ? a->mtime : HOST_TIME_NOW;
    bool set_atime = (what & (SET_ATIME | SET_ATIME_NOW)) != 0;
    bool set_mtime = (what & (SET_MTIME | SET_MTIME_NOW)) != 0;
    if (!set_atime && !set_mtime)
        return 0;
    return host_utimes(h->fd, set_atime ? &atime : NULL, set_mtime ? &mtime : NULL);
}

static int hostdev_setattr(Call *c, File *f, unsigned what, const Attr *a)
{
    HostFile *h = host_of(f);
    if (((what & SET_UID) != 0 && a->uid != h->uid) || ((what & SET_GID) != 0 && a->gid != h->gid))
        return fail(c, -EPERM, "owner: everything belongs to who runs the kernel");
    int r = 0;
    if ((what & SET_SIZE) != 0)
        r = f->type != TYPE_FILE ? (file_is_dir(f) ? -EISDIR : -EINVAL) : host_truncate(h->fd, a->size);
    if (r == 0 && (what & SET_MODE) != 0)
        r = f->type == TYPE_LINK ? -EOPNOTSUPP : host_chmod(h->fd, a->mode & MODE_BITS);
    if (r == 0 && (what & (SET_UID | SET_GID)) != 0)
        r = host_chown_same(h->fd);
    return r < 0 ? r : set_times(h, what, a);
}

static int hostdev_statfs(Call *c, File *f, StatFs *s)
{
    (void)c;
    *s = (StatFs){ .fsid = f->space, .namelen = NAME_MAX_LEN };
    int r = host_statfs(host_of(f)->fd, &s->bsize, &s->blocks, &s->bfree, &s->files, &s->ffree);
    s->bavail = s->bfree;
    return r;
}

const Dev devhost = {
    .name = "host",
    .walk = hostdev_walk,
    .create = hostdev_create,
    .mkdir = hostdev_mkdir,
    .symlink = hostdev_symlink,
    .link = hostdev_link,
    .rename = hostdev_rename,
    .unlink = hostdev_unlink,
    .readlink = hostdev_readlink,
    .open = hostdev_open,
    .close = hostdev_close,
    .read = hostdev_read,
    .write = hostdev_write,
    .append = hostdev_append,
    .readdir = hostdev_readdir,
    .fsync = hostdev_fsync,
    .allocate = hostdev_allocate,
    .truncate = hostdev_truncate,
    .ready = hostdev_ready,
    .getattr = hostdev_getattr,
    .setattr = hostdev_setattr,
    .statfs = hostdev_statfs,
    .free = hostfile_free,
};
