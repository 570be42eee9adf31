/* SPDX-License-Identifier: MIT */
/*
 * Names: looking them up, making, linking, renaming and removing them.
 */
#include "door/fuse_ops.h"
#include "door/fuse_link.h"

#include <string.h>
#include <sys/stat.h>

/* The text of link, as Linux is to follow it: PATH_MAX_LEN + 1 bytes. */
static int shown_target(FuseRequest *r, Chan *link, unsigned above, char *shown)
{
    char target[PATH_MAX_LEN + 1];
    int64_t n = chan_readlink(&r->call, link, target, sizeof target - 1);
    if (n < 0)
        return (int)n;
    target[n] = '\0';
    return link_shown(r->door->dir, above, target, shown, PATH_MAX_LEN + 1);
}

int place_stat(FuseRequest *r, Chan *ch, unsigned above, struct stat *st)
{
    Attr a;
    int n = chan_getattr(&r->call, ch, &a);
    if (n < 0)
        return n;
    fuse_stat(ch->file, &a, st);
    if (ch->file->type != TYPE_LINK)
        return 0;
    char shown[PATH_MAX_LEN + 1];
    n = shown_target(r, ch, above, shown);
    if (n == 0)
        st->st_size = (off_t)strlen(shown);
    return n == WAIT ? WAIT : 0;    /* one that cannot be read is there all the same */
}

/* Answers with what name in dir, the place of dirnode, is. */
static int entry_in(FuseRequest *r, FuseNode *dirnode, Chan *dir, const char *name)
{
    AUTO_CHAN Chan *ch = NULL;
    int n = walk_one(&r->call, dir, name, &ch);
    if (n < 0)
        return n;
    struct stat st;
    n = place_stat(r, ch, ch->file->type == TYPE_LINK ? node_depth(r->door, dirnode) : 0, &st);
    if (n < 0)
        return n;
    FuseNode *node = node_enter(r->door, dirnode, name, STEAL(ch));
    return node == NULL ? -ENOMEM : answer_entry(r, node, &st);
}

static int try_lookup(FuseRequest *r)
{
    Chan *dir;
    int n = request_place(r, &dir);
    return n < 0 ? n : entry_in(r, r->node, dir, r->name);
}

static int try_mkdir(FuseRequest *r)
{
    Chan *dir;
    int n = request_place(r, &dir);
    if (n == 0 && r->step == 0) {
        n = chan_mkdir(&r->call, dir, r->name, r->mode & 07777);
        if (n == 0)
            request_step(r);
    }
    return n < 0 ? n : entry_in(r, r->node, dir, r->name);
}

/* A plain file; the file system has no others. */
static int try_mknod(FuseRequest *r)
{
    if (!S_ISREG(r->mode))
        return -EPERM;
    Chan *dir;
    int n = request_place(r, &dir);
    if (n == 0 && r->step == 0) {
        AUTO_CHAN Chan *made = NULL;
        n = chan_create(&r->call, dir, r->name, r->mode & 07777, OPEN_READ | OPEN_CREATE | OPEN_EXCL, &made);
        if (n == 0)
            request_step(r);
    }
    return n < 0 ? n : entry_in(r, r->node, dir, r->name);
}

static int try_symlink(FuseRequest *r)
{
    Chan *dir;
    int n = request_place(r, &dir);
    if (n == 0 && r->step == 0) {
        n = chan_symlink(&r->call, dir, r->name, link_stored(r->door->dir, r->name2));
        if (n == 0)
            request_step(r);
    }
    return n < 0 ? n : entry_in(r, r->node, dir, r->name);
}

/* node gets another name in the directory node2. */
static int try_link(FuseRequest *r)
{
    Chan *file, *dir;
    int n = request_place(r, &file);
    if (n == 0)
        n = request_place2(r, &dir);
    if (n == 0 && r->step == 0) {
        n = chan_link(&r->call, file, dir, r->name);
        if (n == 0)
            request_step(r);
    }
    return n < 0 ? n : entry_in(r, r->node2, dir, r->name);
}

static int try_unlink(FuseRequest *r)
{
    Chan *dir;
    int n = request_place(r, &dir);
    if (n == 0)
        n = chan_unlink(&r->call, dir, r->name, r->flags != 0);
    if (n < 0)
        return n;
    node_gone(r->door, r->node, r->name);
    return answer_error(r, 0);
}

/* What renameat2 can ask beyond rename is not to be had in one step that tasks cannot come between. */
static int try_rename(FuseRequest *r)
{
    if (r->flags != 0)
        return -EINVAL;
    Chan *from, *to;
    int n = request_place(r, &from);
    if (n == 0)
        n = request_place2(r, &to);
    if (n == 0)
        n = chan_rename(&r->call, from, r->name, to, r->name2);
    if (n < 0)
        return n;
    node_moved(r->door, r->node, r->name, r->node2, r->name2);
    return answer_error(r, 0);
}

static int try_readlink(FuseRequest *r)
{
    Chan *link;
    char shown[PATH_MAX_LEN + 1];
    unsigned depth = node_depth(r->door, r->node);
    int n = request_place(r, &link);
    if (n == 0)
        n = shown_target(r, link, depth == 0 ? 0 : depth - 1, shown);
    return n < 0 ? n : answer_link(r, shown);
}

/* ---- what libfuse calls ------------------------------------------------------------------------------------------------ */

static void ask(fuse_req_t req, fuse_ino_t ino, const char *name, mode_t mode, unsigned flags, FuseRun *run)
{
    FuseRequest *r = request_new(req, ino, run);
    if (r == NULL)
        return;
    r->name = name;
    r->mode = mode;
    r->flags = flags;
    request_run(r);
}

void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    ask(req, parent, name, 0, 0, try_lookup);
}

void on_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    ask(req, parent, name, mode, 0, try_mkdir);
}

void on_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
    (void)rdev;
    ask(req, parent, name, mode, 0, try_mknod);
}

void on_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    ask(req, parent, name, 0, 0, try_unlink);
}

void on_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    ask(req, parent, name, 0, 1, try_unlink);
}

void on_readlink(fuse_req_t req, fuse_ino_t ino)
{
    ask(req, ino, NULL, 0, 0, try_readlink);
}

void on_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
    FuseRequest *r = request_new(req, parent, try_symlink);
    if (r == NULL)
        return;
    r->name = name;
    r->name2 = target;
    request_run(r);
}

void on_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
    FuseRequest *r = request_new(req, ino, try_link);
    if (r == NULL)
        return;
    r->node2 = node_of(r->door, parent);
    r->name = name;
    request_run(r);
}

void on_rename(fuse_req_t req, fuse_ino_t from, const char *name, fuse_ino_t to, const char *newname, unsigned flags)
{
    FuseRequest *r = request_new(req, from, try_rename);
    if (r == NULL)
        return;
    r->node2 = node_of(r->door, to);
    r->name = name;
    r->name2 = newname;
    r->flags = flags;
    request_run(r);
}

void on_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
    FuseDoor *d = fuse_req_userdata(req);
    node_forget(d, node_of(d, ino), lookups);
    fuse_reply_none(req);
}

void on_forget_many(fuse_req_t req, size_t n, struct fuse_forget_data *all)
{
    FuseDoor *d = fuse_req_userdata(req);
    for (size_t i = 0; i < n; i++)
        node_forget(d, node_of(d, all[i].ino), all[i].nlookup);
    fuse_reply_none(req);
}
