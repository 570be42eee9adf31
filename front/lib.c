/* SPDX-License-Identifier: MIT */
/*
 * The C library: the kernel, and names in its root's namespace. Each function makes one whole call, which parks the calling
 * thread where it has to wait.
 */
#include "front/lib.h"

#include <string.h>

#include "dev/devhost.h"
#include "front/bootlist.h"
#include "front/grant.h"
#include "front/machine.h"
#include "kern/ns.h"
#include "kern/walk.h"

LIB_SAME(TASKFS_RDONLY, BIND_RDONLY);
LIB_SAME(TASKFS_BEFORE, BIND_BEFORE);
LIB_SAME(TASKFS_AFTER, BIND_AFTER);
LIB_SAME(TASKFS_CREATE, BIND_CREATE);
LIB_SAME(TASKFS_SHALLOW, BIND_SHALLOW);

enum { BIND_FLAGS = BIND_RDONLY | BIND_BEFORE | BIND_AFTER | BIND_CREATE | BIND_SHALLOW };

/* Words belong to the calling thread, since several may fail at once. */
static _Thread_local char last_words[sizeof((Call *)0)->words];

const char *taskfs_version(void)
{
    return TASKFS_VERSION;
}
const char *taskfs_words(void)
{
    return last_words;
}

void lib_begin(taskfs *k, Call *c)
{
    call_init(c, k->kernel->root);
}

int64_t lib_end(Call *c, int64_t r)
{
    strcpy(last_words, r < 0 ? c->words : "");
    call_destroy(c);
    return r;
}

/* ---- a kernel ----------------------------------------------------------------------------------------------------- */

int taskfs_boot(unsigned flags, taskfs **out)
{
    last_words[0] = '\0';
    if ((flags & ~(unsigned)TASKFS_BARE) != 0)
        return -EINVAL;
    taskfs *k = mem_alloc(sizeof *k);
    if (k == NULL)
        return -ENOMEM;
    int r = machine_boot((flags & TASKFS_BARE) != 0, &k->kernel, last_words);
    if (r < 0) {
        mem_free(k);
        return r;
    }
    *out = k;
    return 0;
}

void taskfs_end(taskfs *k)
{
    if (k == NULL)
        return;
    kernel_end(k->kernel);
    mem_free(k);
}

static int bind_host(Call *c, const char *host, const char *guest, unsigned flags)
{
    File *root;
    if ((flags & ~(unsigned)BIND_FLAGS) != 0)
        return -EINVAL;
    int r = devhost_new(c, host, &root);
    return r < 0 ? r : boot_bind(c, root, guest, flags);
}

int taskfs_bind_host(taskfs *k, const char *host, const char *guest, unsigned flags)
{
    int r;
    LIB_CALL(k, r, bind_host(c, host, guest, flags));
    return r;
}

static int bind(Call *c, const char *src, const char *dst, unsigned flags)
{
    AUTO_CHAN Chan *ch = NULL;
    if ((flags & ~(unsigned)BIND_FLAGS) != 0)
        return -EINVAL;
    int r = walk_path(c, walk_self(c), src, 0, &ch);
    return r < 0 ? r : ns_bind(c, walk_self(c), ch, dst, flags);
}

int taskfs_bind(taskfs *k, const char *src, const char *dst, unsigned flags)
{
    int r;
    LIB_CALL(k, r, bind(c, src, dst, flags));
    return r;
}

static int mount(Call *c, const char *type, const char *source, const char *dst, unsigned flags)
{
    const MountType *m = kernel_mount_type(c->task->kernel, type);
    int argc = source != NULL;
    if (m == NULL)
        return fail(c, -ENODEV, "no file system of type %s", type);
    if (argc < m->min || argc > m->max || (flags & ~(unsigned)BIND_FLAGS) != 0)
        return fail(c, -EINVAL, "%s takes %s source", type, m->min > 0 ? "a" : "no");
    AUTO_FREE char *copy = mem_dup(source != NULL ? source : "", source != NULL ? strlen(source) : 0);
    char *argv[] = { copy, NULL };
    AUTO_FILE *root = NULL;
    Text what = { 0 };
    int r = copy == NULL ? -ENOMEM : m->make(c, argc, argv, &root);
    if (r < 0)
        return r;
    text_put(&what, m->name);
    if (argc > 0) {
        text_put(&what, " ");
        text_quoted(&what, source);
    }
    r = text_ok(&what);
    if (r == 0)
        r = ns_mount(c, walk_self(c), root, what.s, dst, flags | BIND_CREATE);
    text_free(&what);
    return r;
}

int taskfs_mount(taskfs *k, const char *type, const char *source, const char *dst, unsigned flags)
{
    int r;
    LIB_CALL(k, r, mount(c, type, source, dst, flags));
    return r;
}

int taskfs_unbind(taskfs *k, const char *dst)
{
    int r;
    LIB_CALL(k, r, ns_unbind(c, walk_self(c), NULL, dst));
    return r;
}

/* ---- names -------------------------------------------------------------------------------------------------------- */

static void attr_out(const Attr *a, taskfs_stat *out)
{
    *out = (taskfs_stat){
        .dev = a->dev,
        .ino = a->ino,
        .size = a->size,
        .nlink = a->nlink,
        .blocks = a->blocks,
        .rdev = a->rdev,
        .mode = a->mode,
        .uid = a->uid,
        .gid = a->gid,
        .blksize = a->blksize,
        .atime = a->atime,
        .mtime = a->mtime,
        .ctime = a->ctime,
    };
}

static int getattr(Call *c, const char *path, int nofollow, Attr *a)
{
    AUTO_CHAN Chan *ch = NULL;
    int r = walk_path(c, walk_self(c), path, nofollow ? WALK_NOFOLLOW : 0, &ch);
    return r < 0 ? r : chan_getattr(c, ch, a);
}

int taskfs_getattr(taskfs *k, const char *path, int nofollow, taskfs_stat *out)
{
    Attr a;
    int r;
    LIB_CALL(k, r, getattr(c, path, nofollow, &a));
    if (r == 0)
        attr_out(&a, out);
    return r;
}

int taskfs_fgetattr(taskfs_file *f, taskfs_stat *out)
{
    Attr a;
    int r;
    LIB_CALL(f->k, r, chan_getattr(c, f->chan, &a));
    if (r == 0)
        attr_out(&a, out);
    return r;
}

static int chmod(Call *c, const char *path, unsigned mode)
{
    AUTO_CHAN Chan *ch = NULL;
    Attr a = { .mode = mode };
    int r = walk_path(c, walk_self(c), path, 0, &ch);
    return r < 0 ? r : chan_setattr(c, ch, SET_MODE, &a);
}

int taskfs_chmod(taskfs *k, const char *path, unsigned mode)
{
    int r;
    LIB_CALL(k, r, chmod(c, path, mode));
    return r;
}

/* Where a new name is to be made: one that cannot be is there already. */
static int new_name(Call *c, const char *path, Chan **dir, char *name, bool *slash)
{
    int r = walk_parent(c, walk_self(c), path, 0, dir, name, slash);
    return r == -EINVAL || r == -ENOTEMPTY || r == -EBUSY ? -EEXIST : r;
}

static int mkdir(Call *c, const char *path, unsigned mode)
{
    AUTO_CHAN Chan *dir = NULL;
    char name[NAME_MAX_LEN + 1];
    int r = new_name(c, path, &dir, name, NULL);
    return r < 0 ? r : chan_mkdir(c, dir, name, mode);
}

int taskfs_mkdir(taskfs *k, const char *path, unsigned mode)
{
    int r;
    LIB_CALL(k, r, mkdir(c, path, mode));
    return r;
}

static int unlink(Call *c, const char *path, bool rmdir)
{
    AUTO_CHAN Chan *dir = NULL;
    char name[NAME_MAX_LEN + 1];
    bool slash = false;
    int r = walk_parent(c, walk_self(c), path, 0, &dir, name, &slash);
    if (r < 0)
        return r;
    return slash && !rmdir ? -ENOTDIR : chan_unlink(c, dir, name, rmdir);
}

int taskfs_unlink(taskfs *k, const char *path)
{
    int r;
    LIB_CALL(k, r, unlink(c, path, false));
    return r;
}

int taskfs_rmdir(taskfs *k, const char *path)
{
    int r;
    LIB_CALL(k, r, unlink(c, path, true));
    return r;
}

static int rename(Call *c, const char *from, const char *to)
{
    AUTO_CHAN Chan *a = NULL, *b = NULL;
    char name[NAME_MAX_LEN + 1], newname[NAME_MAX_LEN + 1];
    int r = walk_parent(c, walk_self(c), from, 0, &a, name, NULL);
    if (r == 0)
        r = walk_parent(c, walk_self(c), to, 0, &b, newname, NULL);
    return r < 0 ? r : chan_rename(c, a, name, b, newname);
}

int taskfs_rename(taskfs *k, const char *from, const char *to)
{
    int r;
    LIB_CALL(k, r, rename(c, from, to));
    return r;
}

static int link(Call *c, const char *file, const char *path)
{
    AUTO_CHAN Chan *ch = NULL, *dir = NULL;
    char name[NAME_MAX_LEN + 1];
    int r = walk_path(c, walk_self(c), file, WALK_NOFOLLOW, &ch);
    if (r == 0)
        r = new_name(c, path, &dir, name, NULL);
    return r < 0 ? r : chan_link(c, ch, dir, name);
}

int taskfs_link(taskfs *k, const char *file, const char *path)
{
    int r;
    LIB_CALL(k, r, link(c, file, path));
    return r;
}

static int symlink(Call *c, const char *target, const char *path)
{
    AUTO_CHAN Chan *dir = NULL;
    char name[NAME_MAX_LEN + 1];
    int r = new_name(c, path, &dir, name, NULL);
    return r < 0 ? r : chan_symlink(c, dir, name, target);
}

int taskfs_symlink(taskfs *k, const char *target, const char *path)
{
    int r;
    LIB_CALL(k, r, symlink(c, target, path));
    return r;
}

static int64_t readlink(Call *c, const char *path, char *buf, size_t n)
{
    AUTO_CHAN Chan *ch = NULL;
    int r = walk_path(c, walk_self(c), path, WALK_NOFOLLOW, &ch);
    return r < 0 ? r : chan_readlink(c, ch, buf, n);
}

int64_t taskfs_readlink(taskfs *k, const char *path, char *buf, size_t n)
{
    int64_t r;
    LIB_CALL(k, r, readlink(c, path, buf, n));
    return r;
}
