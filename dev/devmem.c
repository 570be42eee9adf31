/* SPDX-License-Identifier: MIT */
/*
 * tmpfs: the life of an inode, what can be done with one that is open, and the table of the device. Nothing here waits.
 *
 * Times are as POSIX has them, in the host's ticks; the access time moves at the first read after a change (as relatime).
 */
#include "dev/devmem.h"

#include <string.h>

#include "kern/account.h"
#include "kern/chan.h"
#include "kern/count.h"
#include "kern/task.h"

enum {
    MODE_BITS = 07777,
    ROOT_MODE = 0777,
    PAGE = 4096,
    SECTOR = 512,
    NAME_COST = 256, /* units of what stat and statfs show */
};
#define SPACE_FIRST UINT64_C(0x6d000000)                /* device numbers of file systems in memory */
#define STATFS_TYPE UINT64_C(0x01021994)                /* Linux's number for tmpfs */
#define UNLIMITED (UINT64_C(1) << 40)                   /* what statfs shows as free where no limit is */

/* ---- inodes --------------------------------------------------------------------------------------------------------- */

enum { SET_BACK = 1000000000 };     /* nanoseconds: a time so far ahead was given before the clock was set back */

/* The last exact time that was given. Seldom written: no files are tied together by it that nobody looks at all the time. */
static atomic_int_least64_t latest;

int64_t mem_now(void)
{
    int64_t now = (int64_t)clock_coarse();
    int64_t given = atomic_load_explicit(&latest, memory_order_relaxed);
    return given > now && given - now <= SET_BACK ? given : now;
}

static int64_t exact_time(int64_t after)
{
    int64_t now = (int64_t)clock_now(CLOCK_REAL);
    if (now <= after)
        now = after + 1;
    int64_t given = atomic_load_explicit(&latest, memory_order_relaxed);
    while ((given < now || given - now > SET_BACK) && !atomic_compare_exchange_weak(&latest, &given, now))
        ;
    return now;
}

int64_t inode_stamp(Inode *i, int64_t now)
{
    assert_held(&i->lock);
    bool seen = i->seen;
    i->seen = false;
    if (i->ctime < now || i->ctime - now > SET_BACK)
        return now;
    return seen ? exact_time(i->ctime) : i->ctime;
}

static int charged_alloc(Account *a, size_t n, void **out)
{
    if (account_charge(a, n) < 0)
        return -ENOSPC;
    *out = mem_alloc(n);
    if (*out != NULL)
        return 0;
    account_uncharge(a, n);
    return -ENOMEM;
}

static void fs_put(MemFs *fs)
{
    if (!ref_put(&fs->ref))
        return;
    account_uncharge(fs->account, sizeof *fs);
    account_put(fs->account);
    mutex_destroy(&fs->lock);
    mem_free(fs);
}

int inode_new(Account *a, MemFs *fs, uint16_t type, uint32_t mode, const char *target, Inode **out)
{
    size_t size = sizeof(Inode) + (target == NULL ? 0 : strlen(target) + 1);
    void *p = NULL;
    int r = charged_alloc(a, size, &p);
    if (r < 0)
        return r;
    Inode *i = p;
    uint64_t ino = atomic_fetch_add_explicit(&fs->next_ino, 1, memory_order_relaxed);
    file_init(&i->file, &devmem, type, 0, fs->space, ino);
    count_add(OBJ_INODE, i);
    ref_get(&fs->ref);
    i->fs = fs;
    i->account = account_get(a);
    i->size = size;
    mutex_init(&i->lock, type == TYPE_DIR ? RANK_DIR : RANK_FILE);
    i->mode = mode & MODE_BITS;
    i->atime = i->mtime = i->ctime = mem_now();
    if (target != NULL) {
        strcpy((char *)(i + 1), target);
        i->target = (char *)(i + 1);
    }
    *out = i;
    return 0;
}

/* Lets go of a directory's names. What this was the last reference of goes to *list: deep trees are freed without recursion. */
static void dir_release(Inode *dir, Inode **list, Piece **freed)
{
    mutex_lock(&dir->fs->lock);                         /* a rename may be climbing through here */
    for (DirEntry *e = memdir_after(&dir->dir, 0); e != NULL; e = memdir_after(&dir->dir, e->cookie))
        if (file_is_dir(&e->inode->file))
            e->inode->dir.parent = NULL;
    mutex_unlock(&dir->fs->lock);
    for (DirEntry *e = memdir_after(&dir->dir, 0); e != NULL;) {
        Inode *child = e->inode;
        uint64_t cookie = e->cookie;
        memdir_remove(&dir->dir, e, freed);
        if (ref_put(&child->file.ref)) {
            count_sub(OBJ_FILE, &child->file);
            child->next_free = *list;
            *list = child;
        }
        e = memdir_after(&dir->dir, cookie);
    }
}

/* The last reference is gone: nobody else finds the inode, but a walk may still be in a directory (mem_walk_far). */
static void pass_lock(Inode *dir)
{
    mutex_lock(&dir->lock);
    mutex_unlock(&dir->lock);
}

static void mem_free_inode(File *f)
{
    Inode *list = inode_of(f);
    list->next_free = NULL;
    while (list != NULL) {
        Inode *i = list;
        Piece *freed = NULL;
        list = i->next_free;
        if (i->file.type == TYPE_DIR) {
            pass_lock(i);
            dir_release(i, &list, &freed);
        } else if (i->file.type == TYPE_FILE) {
            memdata_resize(&i->data, 0, &freed);
        }
        pieces_free(freed);
        account_uncharge(i->account, i->size);
        account_put(i->account);
        mutex_destroy(&i->lock);
        fs_put(i->fs);
        count_sub(OBJ_INODE, i);
        mem_free(i);
    }
}

int devmem_new(Call *c, File **root)
{
    static atomic_uint_least64_t spaces;                /* a number for each, so that no two files are taken for one */
    Account *a = call_account(c);
    void *p = NULL;
    int r = charged_alloc(a, sizeof(MemFs), &p);
    if (r < 0)
        return -ENOMEM;             /* there is no file system yet that could be full */
    MemFs *fs = p;
    ref_init(&fs->ref);
    mutex_init(&fs->lock, RANK_FS);
    fs->space = SPACE_FIRST + atomic_fetch_add(&spaces, 1);
    fs->account = account_get(a);
    atomic_init(&fs->next_ino, 1);
    random_bytes(fs->key, sizeof fs->key);
    if (c->task != NULL && c->task->kernel != NULL) {
        fs->uid = c->task->kernel->uid;
        fs->gid = c->task->kernel->gid;
    }
    Inode *i = NULL;
    r = inode_new(a, fs, TYPE_DIR, ROOT_MODE, NULL, &i);
    fs_put(fs);
    if (r < 0)
        return -ENOMEM;
    i->nlink = 2;
    *root = &i->file;
    return 0;
}

static int tmpfs_make(Call *c, int argc, char **argv, File **root)
{
    (void)argc;
    (void)argv;
    return devmem_new(c, root);
}

const MountType mount_tmpfs = { .name = "tmpfs", .min = 0, .max = 0, .make = tmpfs_make };

/* ---- looking -------------------------------------------------------------------------------------------------------- */

static int mem_walk(Call *c, File *dir, const char *name, File **out)
{
    (void)c;
    Inode *d = inode_of(dir);
    mutex_lock(&d->lock);
    DirEntry *e = memdir_find(&d->dir, d->fs, name, strlen(name));
    if (e != NULL)
        *out = file_get(&e->inode->file);
    mutex_unlock(&d->lock);
    return e != NULL ? 0 : -ENOENT;
}

/*
 * From directory to directory, the next one's lock taken before the last one's is released. So it lives on without a reference: a
 * directory is marked dead under its own lock before its name goes, and is freed only when that lock was free once more
 * (pass_lock). Who holds one never waits for the next, since a rename takes two of them in another order.
 */
static int mem_walk_far(Call *c, File *dir, const NameRef *names, unsigned n, File **out)
{
    (void)c;
    Inode *d = inode_of(dir);
    int r = 1;
    mutex_lock(&d->lock);
    for (unsigned i = 0; i < n; i++) {
        DirEntry *e = memdir_find(&d->dir, d->fs, names[i].s, names[i].n);
        if (e == NULL) {
            r = -ENOENT;
            break;
        }
        Inode *child = e->inode;
        if (i + 1 == n) {
            *out = file_get(&child->file);
            r = 0;
            break;
        }
        if (!file_is_dir(&child->file) || !mutex_try(&child->lock))
            break;
        if (child->dir.dead) {
            mutex_unlock(&child->lock);
            break;
        }
        mutex_unlock(&d->lock);
        d = child;
    }
    mutex_unlock(&d->lock);
    return r;
}

static uint64_t size_locked(const Inode *i)
{
    switch (i->file.type) {
    case TYPE_FILE:
        return i->data.size;
    case TYPE_LINK:
        return strlen(i->target);
    default:
        return (uint64_t)i->dir.live * NAME_COST;
    }
}

static void accessed_locked(Inode *i)
{
    assert_held(&i->lock);
    if (i->atime <= i->mtime || i->atime <= i->ctime)
        i->atime = mem_now();
}

static int64_t mem_readlink(Call *c, File *link, char *buf, size_t n)
{
    (void)c;
    Inode *i = inode_of(link);
    size_t len = strlen(i->target);
    if (n > len)
        n = len;
    memcpy(buf, i->target, n);
    mutex_lock(&i->lock);
    accessed_locked(i);
    mutex_unlock(&i->lock);
    return (int64_t)n;
}

/* A part of a listing, copied so that no lock is held while it is handed out. */
typedef struct Listed {
    uint64_t id, cookie;
    uint16_t type;
    char name[NAME_MAX_LEN + 1];
} Listed;

enum { LISTED = 16 };

static unsigned list_some(Inode *d, uint64_t cookie, Listed *some)
{
    unsigned n = 0;
    mutex_lock(&d->lock);
    for (DirEntry *e = memdir_after(&d->dir, cookie); e != NULL && n < LISTED; e = memdir_after(&d->dir, e->cookie)) {
        Listed *l = &some[n++];
        l->id = e->inode->file.id;
        l->type = e->inode->file.type;
        l->cookie = e->cookie;
        memcpy(l->name, e->name, (size_t)e->len + 1);
    }
    accessed_locked(d);
    mutex_unlock(&d->lock);
    return n;
}

static int mem_readdir(Call *c, Chan *dir, uint64_t cookie, DirFn *fn, void *arg)
{
    (void)c;
    Inode *d = inode_of(dir->file);
    Listed some[LISTED];
    for (unsigned n = LISTED; n == LISTED;) {
        n = list_some(d, cookie, some);
        for (unsigned i = 0; i < n; i++) {
            Dirent e = { .name = some[i].name,
                         .space = d->fs->space,
                         .id = some[i].id,
                         .ino = some[i].id,
                         .next = some[i].cookie,
                         .type = some[i].type };
            int r = fn(arg, &e);
            if (r != 0)
                return r < 0 ? r : 0;
            cookie = some[i].cookie;
        }
    }
    return 0;
}

/* ---- an open file --------------------------------------------------------------------------------------------------- */

static void changed_locked(Inode *i, int64_t now)
{
    assert_held(&i->lock);
    i->mtime = i->ctime = inode_stamp(i, now);
}

static int truncate_to(Inode *i, uint64_t size)
{
    if (i->file.type != TYPE_FILE)
        return file_is_dir(&i->file) ? -EISDIR : -EINVAL;
    if (size > MEM_SIZE_MAX)
        return -EFBIG;
    int64_t now = mem_now();
    Piece *freed = NULL;
    mutex_lock(&i->lock);
    memdata_resize(&i->data, size, &freed);
    changed_locked(i, now);
    mutex_unlock(&i->lock);
    pieces_free(freed);
    return 0;
}

static int mem_open(Call *c, Chan *ch, unsigned flags)
{
    (void)c;
    Inode *i = inode_of(ch->file);
    return (flags & OPEN_TRUNC) != 0 && i->file.type == TYPE_FILE ? truncate_to(i, 0) : 0;
}

static int64_t mem_read(Call *c, Chan *ch, void *buf, size_t n, uint64_t off)
{
    (void)c;
    Inode *i = inode_of(ch->file);
    mutex_lock(&i->lock);
    size_t got = memdata_read(&i->data, buf, n, off);
    accessed_locked(i);
    mutex_unlock(&i->lock);
    return (int64_t)got;
}

static int64_t mem_read_pos(Call *c, Chan *ch, void *buf, size_t n)
{
    (void)c;
    Inode *i = inode_of(ch->file);
    mutex_lock(&i->lock);
    size_t got = memdata_read(&i->data, buf, n, ch->pos);
    ch->pos += got;
    accessed_locked(i);
    mutex_unlock(&i->lock);
    return (int64_t)got;
}

/* off: NULL for the end. off and end may be the position of an open file: they are used under the lock. */
static int64_t write_at(Call *c, Inode *i, const void *buf, size_t n, const uint64_t *off, uint64_t *end)
{
    Account *a = call_account(c);
    int64_t now = mem_now();
    Piece *freed = NULL;
    mutex_lock(&i->lock);
    uint64_t at = off == NULL ? i->data.size : *off;
    int64_t r = memdata_write(&i->data, a, buf, n, at, &freed);
    if (r > 0)
        changed_locked(i, now);
    if (r >= 0 && end != NULL)
        *end = at + (uint64_t)r;
    mutex_unlock(&i->lock);
    if (freed != NULL)
        pieces_free(freed);
    return r;
}

static int64_t mem_write(Call *c, Chan *ch, const void *buf, size_t n, uint64_t off)
{
    return write_at(c, inode_of(ch->file), buf, n, &off, NULL);
}

static int64_t mem_append(Call *c, Chan *ch, const void *buf, size_t n, uint64_t *end)
{
    return write_at(c, inode_of(ch->file), buf, n, NULL, end);
}

static int64_t mem_write_pos(Call *c, Chan *ch, const void *buf, size_t n)
{
    bool append = (atomic_load_explicit(&ch->oflags, memory_order_relaxed) & OPEN_APPEND) != 0;
    return write_at(c, inode_of(ch->file), buf, n, append ? NULL : &ch->pos, &ch->pos);
}

static int mem_seek(Call *c, Chan *ch, int64_t off, int whence, uint64_t *pos)
{
    (void)c;
    Inode *i = inode_of(ch->file);
    mutex_lock(&i->lock);
    uint64_t from = whence == SEEK_FROM_START ? 0 : whence == SEEK_FROM_HERE ? ch->pos : size_locked(i);
    int r = seek_to(from, off, pos);
    if (r == 0)
        ch->pos = *pos;
    mutex_unlock(&i->lock);
    return r;
}

static int mem_allocate(Call *c, Chan *ch, uint64_t off, uint64_t n)
{
    Inode *i = inode_of(ch->file);
    Account *a = call_account(c);
    int64_t now = mem_now();
    Piece *freed = NULL;
    mutex_lock(&i->lock);
    int r = memdata_reserve(&i->data, a, off, n, &freed);
    if (r == 0)
        changed_locked(i, now);
    mutex_unlock(&i->lock);
    pieces_free(freed);
    return r;
}

/* ---- attributes ----------------------------------------------------------------------------------------------------- */

static int mem_getattr(Call *c, File *f, Attr *a)
{
    (void)c;
    Inode *i = inode_of(f);
    *a = (Attr){ .dev = i->fs->space, .ino = f->id, .uid = i->fs->uid, .gid = i->fs->gid, .blksize = PAGE };
    mutex_lock(&i->lock);
    a->mode = f->type | i->mode;
    a->nlink = i->nlink;
    a->atime = i->atime;
    a->mtime = i->mtime;
    a->ctime = i->ctime;
    i->seen = true;
    a->size = size_locked(i);
    if (f->type == TYPE_FILE)
        a->blocks = i->data.stored / SECTOR + (i->data.stored % SECTOR != 0);
    mutex_unlock(&i->lock);
    return 0;
}

static int mem_setattr(Call *c, File *f, unsigned what, const Attr *a)
{
    Inode *i = inode_of(f);
    if (((what & SET_UID) != 0 && a->uid != i->fs->uid) || ((what & SET_GID) != 0 && a->gid != i->fs->gid))
        return fail(c, -EPERM, "owner: everything belongs to who runs the kernel");
    if ((what & SET_SIZE) != 0) {
        int r = truncate_to(i, a->size);
        if (r < 0)
            return r;
    }
    int64_t now = mem_now();
    mutex_lock(&i->lock);
    now = inode_stamp(i, now);
    if ((what & SET_MODE) != 0)
        i->mode = a->mode & MODE_BITS;
    if ((what & (SET_ATIME | SET_ATIME_NOW)) != 0)
        i->atime = (what & SET_ATIME) != 0 ? a->atime : now;
    if ((what & (SET_MTIME | SET_MTIME_NOW)) != 0)
        i->mtime = (what & SET_MTIME) != 0 ? a->mtime : now;
    if (what != 0)
        i->ctime = now;
    mutex_unlock(&i->lock);
    return 0;
}

/* What there is to give out is the memory of who asks. */
static int mem_statfs(Call *c, File *f, StatFs *s)
{
    MemFs *fs = inode_of(f)->fs;
    Account *a = call_account(c);
    AccountSums sums = { .mem_max = ACCOUNT_MAX };
    if (a != NULL)
        account_sums(a, &sums);
    bool limited = sums.mem_max != ACCOUNT_MAX;
    uint64_t total = limited ? sums.mem_max : sums.mem_current + UNLIMITED;
    uint64_t left = total > sums.mem_current ? total - sums.mem_current : 0;
    *s = (StatFs){ .type = STATFS_TYPE,
                   .bsize = PAGE,
                   .blocks = total / PAGE,
                   .bfree = left / PAGE,
                   .files = total / sizeof(Inode),
                   .ffree = left / sizeof(Inode),
                   .fsid = fs->space,
                   .namelen = NAME_MAX_LEN };
    s->bavail = s->bfree;
    return 0;
}

const Dev devmem = {
    .name = "mem",
    .walk = mem_walk,
    .walk_far = mem_walk_far,
    .create = devmem_create,
    .mkdir = devmem_mkdir,
    .symlink = devmem_symlink,
    .link = devmem_link,
    .rename = devmem_rename,
    .unlink = devmem_unlink,
    .readlink = mem_readlink,
    .open = mem_open,
    .read = mem_read,
    .write = mem_write,
    .append = mem_append,
    .read_pos = mem_read_pos,
    .write_pos = mem_write_pos,
    .seek = mem_seek,
    .readdir = mem_readdir,
    .allocate = mem_allocate,
    .getattr = mem_getattr,
    .setattr = mem_setattr,
    .statfs = mem_statfs,
    .free = mem_free_inode,
};
