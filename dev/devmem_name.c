/* SPDX-License-Identifier: MIT */
/*
 * What makes, moves and removes names of a file system in memory, by the rules of POSIX and in Linux's order of complaints.
 *
 * A directory that goes (rmdir, or a rename over it) is first found empty and marked dead under its own lock, and its name is
 * taken away after that: MemFs.lock keeps the name from changing in between, and the mark keeps new names out.
 */
#include "dev/devmem.h"

#include <string.h>

#include "kern/call.h"

enum { LINKS_MAX = 65000, SET_GROUP = 02000 };          /* names of one file; a mode bit */

static void touched_locked(Inode *dir, int64_t now)
{
    assert_held(&dir->lock);
    dir->mtime = dir->ctime = inode_stamp(dir, now);
}

/* ---- making --------------------------------------------------------------------------------------------------------- */

/* May name be made in dir? */
static int vacant_locked(Inode *dir, const char *name)
{
    assert_held(&dir->lock);
    if (dir->dir.dead)
        return -ENOENT;
    return memdir_find(&dir->dir, dir->fs, name, strlen(name)) == NULL ? 0 : -EEXIST;
}

/* One more name for a file that has a lock below a directory's. */
static int add_link(Inode *i, int64_t now, bool is_new)
{
    int r = 0;
    mutex_lock(&i->lock);
    if (!is_new && i->nlink == 0)
        r = -ENOENT;
    else if (i->nlink >= LINKS_MAX)
        r = -EMLINK;
    if (r == 0) {
        i->nlink++;
        if (!is_new)
            i->ctime = inode_stamp(i, now);
    }
    mutex_unlock(&i->lock);
    return r;
}

/* Adds e to dir unless its name is taken. */
static int insert(Account *a, Inode *dir, DirEntry *e, bool is_new, Piece **freed)
{
    int64_t now = mem_now();
    mutex_lock(&dir->lock);
    int r = vacant_locked(dir, e->name);
    if (r == 0)
        r = memdir_room(&dir->dir, a, freed);
    if (r == 0 && !file_is_dir(&e->inode->file))
        r = add_link(e->inode, now, is_new);
    if (r == 0) {
        if (file_is_dir(&e->inode->file)) {
            e->inode->nlink = 2;
            e->inode->dir.parent = dir;
            dir->nlink++;
        }
        memdir_add(&dir->dir, e);
        touched_locked(dir, now);
    }
    memdir_trim(&dir->dir, freed);
    mutex_unlock(&dir->lock);
    return r;
}

/* A name for i in dir. */
static int enter(Account *a, Inode *dir, const char *name, Inode *i, bool is_new)
{
    DirEntry *e = NULL;
    int r = direntry_new(a, dir->fs, name, i, &e);
    if (r < 0)
        return r;
    Piece *freed = NULL;
    r = insert(a, dir, e, is_new, &freed);
    if (r < 0)
        piece_drop(&e->piece, &freed);
    pieces_free(freed);
    return r;
}

static int make(Call *c, File *dir, const char *name, uint16_t type, uint32_t mode, const char *target, File **out)
{
    Inode *d = inode_of(dir);
    Account *a = call_account(c);
    mutex_lock(&d->lock);
    int r = vacant_locked(d, name);
    uint32_t group = d->mode & SET_GROUP;               /* which directories hand on */
    mutex_unlock(&d->lock);
    if (r < 0)
        return r;                   /* before anything is allocated: files are often "created" that are there */
    if (type == TYPE_DIR)
        mode |= group;
    Inode *i = NULL;
    r = inode_new(a, d->fs, type, mode, target, &i);
    if (r < 0)
        return r;
    r = enter(a, d, name, i, true);
    if (r < 0) {
        inode_put(i);
        return r;
    }
    *out = &i->file;
    return 0;
}

int devmem_create(Call *c, File *dir, const char *name, uint32_t mode, unsigned flags, File **out)
{
    (void)flags;
    return make(c, dir, name, TYPE_FILE, mode, NULL, out);
}

int devmem_mkdir(Call *c, File *dir, const char *name, uint32_t mode, File **out)
{
    return make(c, dir, name, TYPE_DIR, mode, NULL, out);
}

int devmem_symlink(Call *c, File *dir, const char *name, const char *target, File **out)
{
    if (strlen(target) > PATH_MAX_LEN)
        return -ENAMETOOLONG;
    return make(c, dir, name, TYPE_LINK, 0777, target, out);
}

int devmem_link(Call *c, File *dir, const char *name, File *file)
{
    if (file_is_dir(file))
        return -EPERM;
    return enter(call_account(c), inode_of(dir), name, inode_of(file), false);
}

/* ---- removing ------------------------------------------------------------------------------------------------------- */

/* One name of a file less. */
static void drop_link(Inode *i, int64_t now)
{
    mutex_lock(&i->lock);
    i->nlink--;
    i->ctime = inode_stamp(i, now);
    mutex_unlock(&i->lock);
}

/* Marks an empty directory as removed: no name is made in it any more. MemFs.lock is held. */
static int bury(Inode *dir, int64_t now)
{
    int r = 0;
    mutex_lock(&dir->lock);
    if (dir->dir.live > 0) {
        r = -ENOTEMPTY;
    } else {
        dir->dir.dead = true;
        dir->nlink = 0;
        dir->ctime = inode_stamp(dir, now);
    }
    mutex_unlock(&dir->lock);
    return r;
}

static int remove_file(Inode *dir, const char *name, int64_t now, Inode **gone, Piece **freed)
{
    int r = 0;
    mutex_lock(&dir->lock);
    DirEntry *e = memdir_find(&dir->dir, dir->fs, name, strlen(name));
    if (e == NULL) {
        r = -ENOENT;
    } else if (file_is_dir(&e->inode->file)) {
        r = -EISDIR;
    } else {
        *gone = e->inode;
        memdir_remove(&dir->dir, e, freed);
        touched_locked(dir, now);
        drop_link(*gone, now);
    }
    mutex_unlock(&dir->lock);
    return r;
}

/* MemFs.lock is held. */
static int remove_dir(Inode *dir, const char *name, int64_t now, Inode **gone, Piece **freed)
{
    mutex_lock(&dir->lock);
    DirEntry *e = memdir_find(&dir->dir, dir->fs, name, strlen(name));
    int r = e == NULL ? -ENOENT : file_is_dir(&e->inode->file) ? 0 : -ENOTDIR;
    mutex_unlock(&dir->lock);
    if (r < 0)
        return r;
    Inode *i = e->inode;            /* stays: the name of a directory */
    r = bury(i, now);
    if (r < 0)
        return r;
    mutex_lock(&dir->lock);
    memdir_remove(&dir->dir, e, freed);
    dir->nlink--;
    touched_locked(dir, now);
    mutex_unlock(&dir->lock);
    i->dir.parent = NULL;
    *gone = i;
    return 0;
}

int devmem_unlink(Call *c, File *dir, const char *name, bool rmdir)
{
    (void)c;
    Inode *d = inode_of(dir);
    int64_t now = mem_now();
    Inode *gone = NULL;
    Piece *freed = NULL;
    int r;
    if (rmdir) {
        mutex_lock(&d->fs->lock);
        r = remove_dir(d, name, now, &gone, &freed);
        mutex_unlock(&d->fs->lock);
    } else {
        r = remove_file(d, name, now, &gone, &freed);
    }
    pieces_free(freed);
    inode_put(gone);
    return r;
}

/* ---- renaming ------------------------------------------------------------------------------------------------------- */

typedef struct Rename {
    Inode *from, *to;
    const char *name, *newname;
    Account *account;
    int64_t now;
    DirEntry *fresh;                /* the new name, in case there is none yet: owned until it is added */
    Inode *buried;                  /* an empty directory at the new name, marked dead */
    Inode *moved, *replaced;        /* what to do when no lock is held: owned */
    Piece *freed;
} Rename;

enum { RENAME_BURY = 1 };           /* the directory r->buried has to be marked first */

/* Is i the directory dir, or above it? MemFs.lock is held. */
static bool is_above(const Inode *i, const Inode *dir)
{
    while (dir != NULL && dir != i)
        dir = dir->dir.parent;
    return dir != NULL;
}

/* Replaces what e names. Where that is a directory it is dead already. */
static void replace(Rename *r, DirEntry *e, Inode *moved)
{
    r->replaced = e->inode;
    e->inode = moved;
    file_get(&moved->file);
    if (!file_is_dir(&r->replaced->file)) {
        drop_link(r->replaced, r->now);
        return;
    }
    r->replaced->dir.parent = NULL;
    r->to->nlink--;
}

static int may_replace(const Rename *r, const DirEntry *source, const DirEntry *target)
{
    bool from_dir = file_is_dir(&source->inode->file);
    bool over_dir = file_is_dir(&target->inode->file);
    if (from_dir != over_dir)
        return from_dir ? -ENOTDIR : -EISDIR;
    return !over_dir || r->buried == target->inode ? 0 : RENAME_BURY;
}

/* All that needs both directories. 0 done, RENAME_BURY: to be called again, or an error. */
static int rename_locked(Rename *r)
{
    DirEntry *source = memdir_find(&r->from->dir, r->from->fs, r->name, strlen(r->name));
    if (source == NULL)
        return -ENOENT;
    Inode *moved = source->inode;
    bool is_dir = file_is_dir(&moved->file);
    if (is_dir && is_above(moved, r->to))
        return -EINVAL;
    if (r->to->dir.dead)
        return -ENOENT;
    DirEntry *target = memdir_find(&r->to->dir, r->to->fs, r->newname, strlen(r->newname));
    if (target != NULL && target->inode == moved)
        return 0;                   /* two names of one file: nothing happens */
    int res = target != NULL ? may_replace(r, source, target) : memdir_room(&r->to->dir, r->account, &r->freed);
    if (res != 0) {
        if (res == RENAME_BURY)
            r->buried = target->inode;
        return res;
    }
    if (target != NULL) {
        replace(r, target, moved);
    } else {
        r->fresh->inode = moved;
        memdir_add(&r->to->dir, STEAL(r->fresh));
    }
    memdir_remove(&r->from->dir, source, &r->freed);
    r->moved = moved;               /* the old name's reference */
    if (is_dir) {
        moved->dir.parent = r->to;
        r->from->nlink--;
        r->to->nlink++;
    }
    touched_locked(r->from, r->now);
    touched_locked(r->to, r->now);
    return 0;
}

static int rename_try(Rename *r)
{
    for (;;) {
        mutex_lock_pair(&r->from->lock, &r->to->lock);
        int res = rename_locked(r);
        mutex_unlock_pair(&r->from->lock, &r->to->lock);
        if (res != RENAME_BURY)
            return res;
        /* The next try cannot fail: what moves is a directory too, and MemFs.lock keeps both names as they are. */
        res = bury(r->buried, r->now);
        if (res < 0)
            return res;
    }
}

int devmem_rename(Call *c, File *from, const char *name, File *to, const char *newname)
{
    Rename r = { .from = inode_of(from),
                 .to = inode_of(to),
                 .name = name,
                 .newname = newname,
                 .account = call_account(c),
                 .now = mem_now() };
    int res = direntry_new(r.account, r.to->fs, newname, NULL, &r.fresh);
    if (res < 0)
        return res;
    mutex_lock(&r.from->fs->lock);
    res = rename_try(&r);
    mutex_unlock(&r.from->fs->lock);
    if (r.moved != NULL) {
        mutex_lock(&r.moved->lock);
        r.moved->ctime = inode_stamp(r.moved, r.now);
        mutex_unlock(&r.moved->lock);
    }
    if (r.fresh != NULL)
        piece_drop(&r.fresh->piece, &r.freed);
    pieces_free(r.freed);
    inode_put(r.moved);
    inode_put(r.replaced);
    return res;
}
