/* SPDX-License-Identifier: MIT */
/*
 * Reading files out of a mounted archive. Nothing is kept: the archive's own file is read at the place where the data is, by the
 * same call, so that what waits there waits here.
 */
#include "dev/devtar.h"

#include <string.h>

#include "kern/account.h"
#include "kern/call.h"
#include "kern/task.h"
#include "kern/walk.h"

enum { BLOCK = 4096, SECTOR = 512, NAME_COST = 256 };
#define STATFS_TYPE UINT64_C(0x746172)

static TarNode *node_of(File *f)
{
    return (TarNode *)f;
}

/* ---- mounting --------------------------------------------------------------------------------------------------------- */

/* An archive that is being read: kept by the call, because the file it comes from may make it wait. */
typedef struct BuildOp {
    Op op;                          /* first */
    Tar *tar;                       /* owned */
    TarReader *reader;              /* owned */
} BuildOp;

static const char build_key;

static void build_cancel(Op *op)
{
    BuildOp *b = (BuildOp *)op;
    tarreader_free(b->reader);
    tar_put(b->tar);
    mem_free(b);
}

static int build_begin(Call *c, Chan *ch, const char *name, BuildOp **out)
{
    if ((ch->file->flags & FILE_STREAM) != 0)
        return fail(c, -ESPIPE, "tar: %s: a stream; the archive is read in any order", name);
    BuildOp *b = mem_alloc(sizeof *b);
    if (b == NULL)
        return -ENOMEM;
    b->op = (Op){ .key = &build_key, .cancel = build_cancel };
    int r = tar_new(c, ch, &b->tar);
    if (r < 0) {
        mem_free(b);
        return r;
    }
    b->reader = tarreader_new(b->tar, name);
    if (b->reader == NULL) {
        build_cancel(&b->op);
        return -ENOMEM;
    }
    call_add_op(c, &b->op);
    *out = b;
    return 0;
}

static int build_run(Call *c, BuildOp *b, File **root)
{
    int r = tarreader_run(c, b->reader);
    if (r == WAIT)
        return r;
    if (r == 0)
        r = tar_finish(b->tar);
    if (r == 0)
        *root = tar_file(b->tar->root);
    call_drop_op(c, &b->op);
    build_cancel(&b->op);
    return r;
}

int devtar_new(Call *c, Chan *ch, const char *name, File **root)
{
    BuildOp *b = (BuildOp *)call_op(c, &build_key);
    int r = b == NULL ? build_begin(c, ch, name, &b) : 0;
    return r < 0 ? r : build_run(c, b, root);
}

static int tar_make(Call *c, int argc, char **argv, File **root)
{
    (void)argc;
    BuildOp *b = (BuildOp *)call_op(c, &build_key);
    if (b != NULL)
        return build_run(c, b, root);
    AUTO_CHAN Chan *ch = NULL;
    int r = walk_open(c, walk_self(c), argv[0], 0, OPEN_READ, 0, &ch);
    return r < 0 ? r : devtar_new(c, ch, argv[0], root);
}

const MountType mount_tar = { .name = "tar", .min = 1, .max = 1, .make = tar_make };

/* ---- the device ------------------------------------------------------------------------------------------------------- */

static int tar_walk(Call *c, File *dir, const char *name, File **out)
{
    (void)c;
    TarNode *d = node_of(dir);
    TarName *n = tar_find(d->tar, d, name, strlen(name));
    if (n == NULL)
        return -ENOENT;
    *out = tar_file(n->node);
    return 0;
}

static int tar_open(Call *c, Chan *ch, unsigned flags)
{
    if ((ch->mode & OPEN_WRITE) != 0 || (flags & OPEN_TRUNC) != 0)
        return fail(c, -EROFS, "an archive is read-only");
    return ch->file->type == TYPE_FILE || ch->file->type == TYPE_DIR ? 0 : -ENXIO;
}

static int64_t tar_read(Call *c, Chan *ch, void *buf, size_t n, uint64_t off)
{
    TarNode *f = node_of(ch->file);
    if (off >= f->size || n == 0)
        return 0;
    if (n > f->size - off)
        n = (size_t)(f->size - off);
    int64_t r = chan_read(c, f->tar->archive, buf, n, f->offset + off);
    return r != 0 ? r : fail(c, -EIO, "the archive has become shorter");
}

static int64_t tar_readlink(Call *c, File *link, char *buf, size_t n)
{
    (void)c;
    const char *target = node_of(link)->target;
    size_t len = strlen(target);
    if (n > len)
        n = len;
    memcpy(buf, target, n);
    return (int64_t)n;
}

static int tar_readdir(Call *c, Chan *dir, uint64_t cookie, DirFn *fn, void *arg)
{
    (void)c;
    TarNode *d = node_of(dir->file);
    for (uint64_t i = cookie; i < d->count; i++) {
        const TarName *n = d->tar->list[d->first + i];
        Dirent e = { .name = n->name,
                     .space = d->file.space,
                     .id = n->node->file.id,
                     .ino = n->node->file.id,
                     .next = i + 1,
                     .type = n->node->file.type };
        int r = fn(arg, &e);
        if (r != 0)
            return r < 0 ? r : 0;
    }
    return 0;
}

static int tar_getattr(Call *c, File *f, Attr *a)
{
    (void)c;
    TarNode *n = node_of(f);
    *a = (Attr){ .dev = f->space,
                 .ino = f->id,
                 .size = n->size,
                 .nlink = n->nlink,
                 .rdev = n->rdev,
                 .blocks = (n->size + SECTOR - 1) / SECTOR,
                 .mode = f->type | n->mode,
                 .uid = n->tar->uid,
                 .gid = n->tar->gid,
                 .blksize = BLOCK,
                 .atime = n->mtime,
                 .mtime = n->mtime,
                 .ctime = n->mtime };
    if (f->type == TYPE_DIR)
        a->size = n->count * NAME_COST;
    else if (f->type == TYPE_LINK)
        a->size = strlen(n->target);
    return 0;
}

static int tar_statfs(Call *c, File *f, StatFs *s)
{
    Tar *t = node_of(f)->tar;
    Attr a = { 0 };
    int r = chan_getattr(c, t->archive, &a);
    *s = (StatFs){ .type = STATFS_TYPE,
                   .bsize = SECTOR,
                   .blocks = a.size / SECTOR,
                   .files = t->node_count,
                   .fsid = t->space,
                   .namelen = NAME_MAX_LEN };
    return r;
}

/* ---- what a read-only file system answers ----------------------------------------------------------------------------- */

static int no_create(Call *c, File *dir, const char *name, uint32_t mode, unsigned flags, File **out)
{
    (void)dir, (void)name, (void)mode, (void)flags, (void)out;
    return fail(c, -EROFS, "an archive is read-only");
}

static int no_mkdir(Call *c, File *dir, const char *name, uint32_t mode, File **out)
{
    return no_create(c, dir, name, mode, 0, out);
}

static int no_symlink(Call *c, File *dir, const char *name, const char *target, File **out)
{
    (void)target;
    return no_create(c, dir, name, 0, 0, out);
}

static int no_link(Call *c, File *dir, const char *name, File *file)
{
    (void)file;
    return no_create(c, dir, name, 0, 0, NULL);
}

static int no_rename(Call *c, File *from, const char *name, File *to, const char *newname)
{
    (void)to, (void)newname;
    return no_create(c, from, name, 0, 0, NULL);
}

static int no_unlink(Call *c, File *dir, const char *name, bool rmdir)
{
    (void)rmdir;
    return no_create(c, dir, name, 0, 0, NULL);
}

static int no_setattr(Call *c, File *f, unsigned what, const Attr *a)
{
    (void)what, (void)a;
    return no_create(c, f, "", 0, 0, NULL);
}

static void tar_free_file(File *f)
{
    tar_put(node_of(f)->tar);
}

const Dev devtar = {
    .name = "tar",
    .walk = tar_walk,
    .create = no_create,
    .mkdir = no_mkdir,
    .symlink = no_symlink,
    .link = no_link,
    .rename = no_rename,
    .unlink = no_unlink,
    .readlink = tar_readlink,
    .open = tar_open,
    .read = tar_read,
    .readdir = tar_readdir,
    .getattr = tar_getattr,
    .setattr = no_setattr,
    .statfs = tar_statfs,
    .free = tar_free_file,
};
