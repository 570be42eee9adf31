/* SPDX-License-Identifier: MIT */
/*
 * Paths below a descriptor. A program names everything from a directory that it has open: absolute paths are EPERM, and
 * from any directory but `/` so is what leads above it (the walk sees to that: WALK_CONFINED).
 */
#include "engine/wasi_call.h"

int wasi_at(WasiThread *w, uint32_t fd, uint64_t right, uint32_t path, uint32_t path_len, WasiAt *at)
{
    at->lent = wasi_fds(w);
    int r = fd_lend(wasi_kcall(w), at->lent, wasi_fdnum(fd), &at->dir);
    if (r == -EBUSY) {              /* the second directory of a rename or link */
        at->lent = NULL;
        r = wasi_get(w, fd, 0, &at->dir);
    }
    if (r < 0)
        return r;
    if (!file_is_dir(at->dir.chan->file))
        r = -ENOTDIR;
    else if ((at->dir.rights & right) != right)
        r = NOTCAPABLE;
    else
        r = guest_path(&w->guest, path, path_len, &at->path);
    if (r == 0 && at->path.s[0] == '/')
        r = fail(wasi_kcall(w), -EPERM, "%s: absolute, where a path begins in a directory", at->path.s);
    if (r < 0) {
        wasi_at_end(w, at);
        return r;
    }
    at->from = walk_at(wasi_kcall(w), at->dir.chan);
    return 0;
}

void wasi_at_end(WasiThread *w, WasiAt *at)
{
    if (at->lent != NULL)
        fd_give_back(wasi_kcall(w), at->lent);
    else
        chan_put(at->dir.chan);
}

int wasi_at_walk(WasiThread *w, WasiAt *at, uint32_t lookup, Chan **out)
{
    if (lookup > WASI_FOLLOW)
        return -EINVAL;
    unsigned flags = WALK_CONFINED | (lookup & WASI_FOLLOW ? 0 : WALK_NOFOLLOW);
    return walk_path(wasi_kcall(w), at->from, at->path.s, flags, out);
}

int wasi_at_name(WasiThread *w, WasiAt *at, WasiName *n)
{
    return walk_parent(wasi_kcall(w), at->from, at->path.s, WALK_CONFINED, &n->dir, n->name, &n->slash);
}

int wasi_name_type(WasiThread *w, WasiName *n)
{
    AUTO_CHAN Chan *ch = NULL;
    int r = walk_one(wasi_kcall(w), n->dir, n->name, &ch);
    return r < 0 ? r : ch->file->type;
}
