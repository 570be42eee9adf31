/* SPDX-License-Identifier: MIT */
/*
 * Names in directories: making, linking, renaming, removing. What the namespace itself makes (bind points, and names above
 * them) is EBUSY; what it hides is ENOENT; a union takes new names in its first member with -c.
 */
#include <string.h>

#include "kern/chan.h"
#include "kern/count.h"
#include "kern/ns.h"
#include "kern/nsnode.h"
#include "kern/task.h"

/* The directory as a walk sees it, and the names in force: the caller's namespace decides what is hidden. */
typedef struct DirView {
    Spot spot;
    const NsRoot *root;
    Chan *fresh;                    /* owned or NULL: whose names are in spot */
    Temps temps;
} DirView;

static int view_begin(Call *c, Chan *dir, const char *name, DirView *v)
{
    *v = (DirView){ 0 };
    if (!file_is_dir(dir->file))
        return -ENOTDIR;
    int r = name_check(name);
    if (r < 0)
        return r;
    uint64_t version;
    Ns *ns = walk_at(c, dir).ns;
    if (ns == NULL)
        return -ESRCH;
    r = walk_refresh(c, ns, dir, &v->fresh);
    if (r < 0)
        return r;
    const Chan *now = v->fresh != NULL ? v->fresh : dir;
    v->spot = (Spot){ .file = dir->file, .own = now->own, .inner = now->inner, .flags = now->flags };
    v->root = ns_pin(c, ns, &version);
    return 0;
}

static void view_end(DirView *v)
{
    temps_free(&v->temps);
    chan_put(v->fresh);
}

/* 0: the name is not there, nor anything that hides it. */
static int must_be_new(Call *c, DirView *v, const char *name)
{
    Spot found;
    bool hidden;
    int r = spot_lookup(c, v->root, &v->temps, &v->spot, name, &found, &hidden);
    if (r == 0) {
        spot_drop(&found);
        return -EEXIST;
    }
    return r == -ENOENT && !hidden ? 0 : r;
}

/* What could not be named is not made: the path of a place is no longer than PATH_MAX_LEN. */
static int must_be_short(const Chan *dir, const char *name)
{
    size_t base = dir->path->len == 1 ? 0 : dir->path->len;
    return base + 1 + strlen(name) <= PATH_MAX_LEN ? 0 : -ENAMETOOLONG;
}

/* Where a new name goes. EEXIST goes before EROFS and EPERM, as POSIX has it. *in is owned. */
static int place_new(Call *c, Chan *dir, const char *name, File **in)
{
    DirView v;
    int r = view_begin(c, dir, name, &v);
    if (r == 0)
        r = must_be_new(c, &v, name);
    if (r == 0)
        r = must_be_short(dir, name);
    if (r == 0)
        r = spot_create_dir(c, v.root, &v.spot, in);
    view_end(&v);
    if (r == -EROFS)
        return fail(c, r, "%s: bound read-only", dir->path->s);
    return r == -EPERM ? fail(c, r, "%s: no member of this union takes new names (bind -c)", dir->path->s) : r;
}

/* An open Chan for name in dir, once the file is known. Takes file. */
static int open_made(Call *c, Chan *dir, const char *name, const Spot *s, unsigned flags, Chan **out)
{
    Path *p = path_join(dir->path, name);
    if (p == NULL)
        return -ENOMEM;
    AUTO_CHAN Chan *ch = chan_new(c, file_get(s->file), p);
    path_put(p);
    if (ch == NULL)
        return -ENOMEM;
    ch->flags = s->flags;
    ch->ns_id = dir->ns_id;
    ch->version = dir->version;
    ch->own = nsobj_get((NsObj *)s->own);
    ch->inner = nsobj_get((NsObj *)s->inner);
    return chan_open(c, ch, flags, out);
}

/* A file that was made while its open has to wait: the next try opens it. */
typedef struct MadeOp {
    Op op;
    File *file;
} MadeOp;

static const char made_key;

static void made_cancel(Op *op)
{
    MadeOp *m = (MadeOp *)op;
    file_put(m->file);
    count_sub(OBJ_OP, m);
    mem_free(m);
}

static void remember_made(Call *c, File *file)
{
    MadeOp *m = mem_alloc(sizeof *m);
    if (m == NULL)
        return;                     /* the next try finds the file by its name */
    *m = (MadeOp){ .op = { .key = &made_key, .cancel = made_cancel }, .file = file_get(file) };
    count_add(OBJ_OP, m);
    call_add_op(c, &m->op);
}

static int open_existing(Call *c, Chan *dir, const char *name, unsigned flags, Chan **out, bool *hidden)
{
    DirView v;
    Spot found;
    int r = view_begin(c, dir, name, &v);
    if (r == 0)
        r = spot_lookup(c, v.root, &v.temps, &v.spot, name, &found, hidden);
    if (r < 0) {
        view_end(&v);
        return r;
    }
    r = flags & OPEN_EXCL ? -EEXIST : 0;
    if (r == 0 && file_is_dir(found.file) && (flags & OPEN_DIRECTORY) == 0)
        r = -EISDIR;
    if (r == 0)
        r = open_made(c, dir, name, &found, flags & ~(unsigned)(OPEN_CREATE | OPEN_EXCL), out);
    spot_drop(&found);
    view_end(&v);
    return r;
}

static int make_file(Call *c, Chan *dir, const char *name, uint32_t mode, unsigned flags, Chan **out)
{
    AUTO_FILE *in = NULL;
    int r = place_new(c, dir, name, &in);
    if (r < 0)
        return r;
    AUTO_FILE *made = NULL;
    r = in->dev->create == NULL ? -EPERM : in->dev->create(c, in, name, mode & 07777, flags | OPEN_EXCL, &made);
    if (r < 0)
        return r;
    Spot s = { .file = made };
    r = open_made(c, dir, name, &s, flags & ~(unsigned)(OPEN_CREATE | OPEN_EXCL | OPEN_TRUNC), out);
    if (r == WAIT)
        remember_made(c, made);
    return r;
}

int chan_create(Call *c, Chan *dir, const char *name, uint32_t mode, unsigned flags, Chan **out)
{
    MadeOp *m = (MadeOp *)call_op(c, &made_key);
    if (m != NULL) {
        Spot s = { .file = m->file };
        return open_made(c, dir, name, &s, flags & ~(unsigned)(OPEN_CREATE | OPEN_EXCL | OPEN_TRUNC), out);
    }
    /* Somebody may make or remove the name between the look and the act: then look again. */
    for (int tries = 0; tries < 100; tries++) {
        bool hidden = false;
        int r = open_existing(c, dir, name, flags, out, &hidden);
        if (r != -ENOENT || hidden)
            return r;
        r = make_file(c, dir, name, mode, flags, out);
        if (r != -EEXIST || (flags & OPEN_EXCL))
            return r;
    }
    return -EEXIST;
}

int chan_mkdir(Call *c, Chan *dir, const char *name, uint32_t mode)
{
    AUTO_FILE *in = NULL;
    int r = place_new(c, dir, name, &in);
    if (r < 0)
        return r;
    AUTO_FILE *made = NULL;
    return in->dev->mkdir == NULL ? -EPERM : in->dev->mkdir(c, in, name, mode & 07777, &made);
}

int chan_symlink(Call *c, Chan *dir, const char *name, const char *target)
{
    size_t n = strlen(target);
    if (n == 0 || n > PATH_MAX_LEN)
        return n == 0 ? -ENOENT : -ENAMETOOLONG;
    AUTO_FILE *in = NULL;
    int r = place_new(c, dir, name, &in);
    if (r < 0)
        return r;
    AUTO_FILE *made = NULL;
    return in->dev->symlink == NULL ? -EPERM : in->dev->symlink(c, in, name, target, &made);
}

/* Where a name is that is to go: the member's directory and the file, both owned. */
static int old_name(Call *c, Chan *dir, const char *name, File **in, File **found)
{
    DirView v;
    int r = view_begin(c, dir, name, &v);
    if (r == 0)
        r = spot_holder(c, v.root, &v.spot, name, in, found);
    view_end(&v);
    if (r == -EBUSY)
        return fail(c, r, "%s: something is bound there or below", name);
    return r == -EROFS ? fail(c, r, "%s: bound read-only", dir->path->s) : r;
}

/* -EXDEV: file's own name is in this very directory, which is a union, but in another member than `in`. */
static int same_member(Call *c, Chan *file, Chan *dir, const File *in)
{
    const char *name = strrchr(file->path->s, '/');
    if (name == NULL || (dir->own == NULL && dir->inner == NULL))
        return 0;
    size_t n = (size_t)(name - file->path->s);
    if (n + (n == 0) != dir->path->len || memcmp(file->path->s, dir->path->s, dir->path->len) != 0 || name[1] == '\0')
        return 0;
    AUTO_FILE *holder = NULL, *found = NULL;
    int r = old_name(c, dir, name + 1, &holder, &found);
    if (r == WAIT || r == -ENOMEM)
        return r;
    return r == 0 && file_same(found, file->file) && !file_same(holder, in) ? -EXDEV : 0;
}

int chan_link(Call *c, Chan *file, Chan *dir, const char *name)
{
    AUTO_FILE *in = NULL;
    int r = place_new(c, dir, name, &in);
    if (r < 0)
        return r;
    if (file_is_dir(file->file))
        return -EPERM;
    if (file->flags & CHAN_NO_WRITE)
        return fail(c, -EROFS, "%s: bound read-only", file->path->s);
    if (in->dev != file->file->dev || in->space != file->file->space)
        return -EXDEV;
    r = same_member(c, file, dir, in);
    if (r < 0)
        return r;
    return in->dev->link == NULL ? -EPERM : in->dev->link(c, in, name, file->file);
}

int chan_unlink(Call *c, Chan *dir, const char *name, bool rmdir)
{
    AUTO_FILE *in = NULL, *found = NULL;
    int r = old_name(c, dir, name, &in, &found);
    if (r < 0)
        return r;
    if (rmdir && !file_is_dir(found))
        return -ENOTDIR;
    if (!rmdir && file_is_dir(found))
        return -EISDIR;
    return in->dev->unlink == NULL ? -EPERM : in->dev->unlink(c, in, name, rmdir);
}

int chan_rename(Call *c, Chan *from, const char *name, Chan *to, const char *newname)
{
    AUTO_FILE *in = NULL, *in_to = NULL, *found = NULL, *there = NULL;
    int r = old_name(c, from, name, &in, &found);
    if (r < 0)
        return r;
    r = old_name(c, to, newname, &in_to, &there);
    if (r == -ENOENT)
        r = place_new(c, to, newname, &in_to);
    if (r < 0)
        return r;
    bool other_member = file_same(from->file, to->file) && !file_same(in, in_to);
    if (in->dev != in_to->dev || in->space != in_to->space || other_member)
        return -EXDEV;
    return in->dev->rename == NULL ? -EPERM : in->dev->rename(c, in, name, in_to, newname);
}
