/* SPDX-License-Identifier: MIT */
/*
 * What the rest of the kernel and the doors ask of a walk (the walk itself: walkto.c).
 */
#include "kern/walk.h"

#include <string.h>

#include "kern/ns.h"
#include "kern/nsnode.h"
#include "kern/task.h"
#include "kern/walkto.h"

int walk_path(Call *c, WalkFrom from, const char *path, unsigned flags, Chan **out)
{
    WalkEnd end;
    int r = walk_to(c, from, path, WALK_MODE_FULL, flags, &end);
    if (r == 0)
        *out = end.chan;
    return r;
}

int walk_parent(Call *c, WalkFrom from, const char *path, unsigned flags, Chan **dir, char *name, bool *slash)
{
    WalkEnd end;
    int r = walk_to(c, from, path, WALK_MODE_PARENT, flags, &end);
    if (r < 0)
        return r;
    AUTO_CHAN Chan *parent = end.chan;
    if (end.name[0] == '\0')
        return -EBUSY;
    if (strcmp(end.name, ".") == 0)
        return -EINVAL;
    if (strcmp(end.name, "..") == 0)
        return -ENOTEMPTY;
    strcpy(name, end.name);
    if (slash != NULL)
        *slash = end.slash;
    *dir = STEAL(parent);
    return 0;
}

int walk_one(Call *c, Chan *dir, const char *name, Chan **out)
{
    if (strchr(name, '/') != NULL)
        return -EINVAL;
    return walk_path(c, walk_at(c, dir), name, WALK_NOFOLLOW, out);
}

int walk_open(Call *c, WalkFrom from, const char *path, unsigned walkflags, unsigned openflags, uint32_t mode,
              Chan **out)
{
    WalkEnd end;
    /* O_EXCL with O_CREAT never follows the last link: POSIX open. */
    if ((openflags & (OPEN_CREATE | OPEN_EXCL)) == (OPEN_CREATE | OPEN_EXCL))
        walkflags |= WALK_NOFOLLOW;
    int r = openflags & OPEN_CREATE ? walk_to(c, from, path, WALK_MODE_CREATE, walkflags, &end)
                                    : walk_to(c, from, path, WALK_MODE_FULL, walkflags | WALK_UNKEPT, &end);
    if (r < 0)
        return r;
    AUTO_CHAN Chan *ch = end.chan;
    if (end.missing && end.slash)
        return fail(c, -EISDIR, "%s: a file is not made with a slash behind its name", path);
    if (end.missing)
        return chan_create(c, ch, end.name, mode, openflags, out);
    if ((openflags & OPEN_CREATE) && (openflags & OPEN_EXCL))
        return fail(c, -EEXIST, "%s: exists", path);
    if ((openflags & OPEN_CREATE) && file_is_dir(ch->file) && (openflags & OPEN_DIRECTORY) == 0)
        return -EISDIR;
    openflags &= ~(unsigned)(OPEN_CREATE | OPEN_EXCL);
    if (ch->file->dev->reopen != NULL)
        walk_remember(c, ch);
    if (ch->file->dev->reopen != NULL || !walk_own(c, ch))
        return chan_open(c, ch, openflags, out);
    r = chan_open_here(c, ch, openflags);
    if (r == WAIT)
        walk_remember(c, ch);
    if (r == 0)
        *out = STEAL(ch);
    return r;
}

Path *walk_name_for(Call *c, Task *reader, Chan *ch, int *r)
{
    AUTO_CHAN Chan *there = NULL;
    *r = walk_path(c, walk_task(c, reader), ch->path->s, WALK_NOFOLLOW, &there);
    if (*r == WAIT)
        return NULL;
    bool same = *r == 0 && file_same(there->file, ch->file);
    *r = 0;
    return same ? path_get(ch->path) : path_new("?", 1);
}

int walk_refresh(Call *c, Ns *ns, Chan *dir, Chan **fresh)
{
    uint64_t version;
    if (dir->ns_id != ns_id(ns))
        return 0;
    ns_pin(c, ns, &version);
    if (dir->version == version)
        return 0;
    AUTO_CHAN Chan *now = NULL;
    int r = walk_path(c, (WalkFrom){ .ns = ns }, dir->path->s, WALK_NOFOLLOW, &now);
    if (r == WAIT || r == -ENOMEM)
        return r;
    if (r == 0 && file_same(now->file, dir->file)) {
        now->flags |= chan_kept_rights(dir, now->flags);
        *fresh = STEAL(now);
    }
    return 0;
}

/* ---- where a walk begins ------------------------------------------------------------------------------------------ */

/* Takes both; they stay until call_end. The same pair again, at the call's next try, is not kept twice. */
static WalkFrom keep(Call *c, Ns *ns, Chan *base)
{
    unsigned i = 0;
    while (i < c->kept && (c->kept_ns[i] != ns || c->kept_chan[i] != base))
        i++;
    if (i == CALL_WALKS || i < c->kept) {
        ns_put(ns);
        chan_put(base);
        return i == CALL_WALKS ? (WalkFrom){ 0 } : (WalkFrom){ .ns = ns, .base = base };
    }
    c->kept_ns[i] = ns;
    c->kept_chan[i] = base;
    c->kept = i + 1;
    return (WalkFrom){ .ns = ns, .base = base };
}

WalkFrom walk_task(Call *c, Task *t)
{
    return keep(c, task_ns(t), task_cwd(t));
}

/* The names are the task's own, also while it acts for a vfork child, whose directory may go with it at any moment. */
WalkFrom walk_self(Call *c)
{
    AUTO_TASK *t = call_acting(c);
    Chan *cwd = task_cwd(t);
    return keep(c, task_ns(c->task), cwd == NULL && t != c->task ? task_cwd(c->task) : cwd);
}

WalkFrom walk_at(Call *c, Chan *base)
{
    /* A namespace goes only at the task's end, when its threads are gone: they borrow it. */
    if (c->thread != NULL)
        return (WalkFrom){ .ns = c->task->ns, .base = base };
    WalkFrom from = keep(c, task_ns(c->task), NULL);
    from.base = base;
    return from;
}
