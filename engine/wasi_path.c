/* SPDX-License-Identifier: MIT */
/*
 * Calls that take a path. What a slash behind the last name means is POSIX's, as Linux has it.
 */
#include "engine/wasi_call.h"

#include <string.h>

/* The last name for what makes one: "." and ".." and "/" exist already. */
static int new_name(WasiThread *w, WasiAt *at, WasiName *n)
{
    int r = wasi_at_name(w, at, n);
    bool dots = r == -EINVAL || r == -ENOTEMPTY || r == -EBUSY;
    return dots ? -EEXIST : r;
}

/* A slash behind the name of something to be made that is no directory. */
static int slash_error(WasiThread *w, WasiName *n)
{
    int type = wasi_name_type(w, n);
    return type >= 0 ? -EEXIST : type;
}

int32_t wasi_path_create_directory(WasiThread *w, uint32_t fd, uint32_t path, uint32_t path_len)
{
    WasiAt at;
    WasiName n;
    int r = wasi_at(w, fd, RIGHT_PATH_CREATE_DIRECTORY, path, path_len, &at);
    if (r < 0)
        return wasi_errno(r);
    r = new_name(w, &at, &n);
    if (r == 0) {
        r = chan_mkdir(wasi_kcall(w), n.dir, n.name, 0777 & ~wasi_umask(w));
        wasi_name_end(&n);
    }
    wasi_at_end(w, &at);
    return wasi_errno(r);
}

int32_t wasi_path_filestat_get(WasiThread *w, uint32_t fd, uint32_t lookup, uint32_t path, uint32_t path_len,
                               uint32_t result)
{
    WasiAt at;
    Attr a;
    AUTO_CHAN Chan *ch = NULL;
    int r = wasi_at(w, fd, RIGHT_PATH_FILESTAT_GET, path, path_len, &at);
    if (r < 0)
        return wasi_errno(r);
    r = wasi_at_walk(w, &at, lookup, &ch);
    if (r == 0)
        r = chan_getattr(wasi_kcall(w), ch, &a);
    if (r >= 0)
        r = wasi_put_filestat(w, result, &a);
    wasi_at_end(w, &at);
    return wasi_errno(r);
}

int32_t wasi_path_filestat_set_times(WasiThread *w, uint32_t fd, uint32_t lookup, uint32_t path, uint32_t path_len,
                                     uint64_t atime, uint64_t mtime, uint32_t flags)
{
    WasiAt at;
    Attr a;
    unsigned what = 0;
    AUTO_CHAN Chan *ch = NULL;
    int r = wasi_at(w, fd, RIGHT_PATH_FILESTAT_SET_TIMES, path, path_len, &at);
    if (r < 0)
        return wasi_errno(r);
    r = wasi_times(atime, mtime, flags, &what, &a);
    if (r == 0)
        r = wasi_at_walk(w, &at, lookup, &ch);
    if (r == 0 && what != 0)
        r = chan_setattr(wasi_kcall(w), ch, what, &a);
    wasi_at_end(w, &at);
    return wasi_errno(r);
}

/* ---- links ------------------------------------------------------------------------------------------------------ */

static int link_to(WasiThread *w, WasiAt *to, Chan *file)
{
    WasiName n;
    int r = new_name(w, to, &n);
    if (r < 0)
        return r;
    r = n.slash ? slash_error(w, &n) : chan_link(wasi_kcall(w), file, n.dir, n.name);
    wasi_name_end(&n);
    return r;
}

int32_t wasi_path_link(WasiThread *w, uint32_t old_fd, uint32_t lookup, uint32_t old_path, uint32_t old_len,
                       uint32_t new_fd, uint32_t new_path, uint32_t new_len)
{
    WasiAt from, to;
    AUTO_CHAN Chan *file = NULL;
    int r = wasi_at(w, old_fd, RIGHT_PATH_LINK_SOURCE, old_path, old_len, &from);
    if (r < 0)
        return wasi_errno(r);
    r = wasi_at(w, new_fd, RIGHT_PATH_LINK_TARGET, new_path, new_len, &to);
    if (r == 0) {
        r = wasi_at_walk(w, &from, lookup, &file);
        if (r == 0)
            r = link_to(w, &to, file);
        wasi_at_end(w, &to);
    }
    wasi_at_end(w, &from);
    return wasi_errno(r);
}

int32_t wasi_path_symlink(WasiThread *w, uint32_t target, uint32_t target_len, uint32_t fd, uint32_t path,
                          uint32_t path_len)
{
    WasiAt at;
    WasiName n;
    GuestPath text;
    int r = wasi_at(w, fd, RIGHT_PATH_SYMLINK, path, path_len, &at);
    if (r < 0)
        return wasi_errno(r);
    r = guest_path(&w->guest, target, target_len, &text);
    if (r == 0)
        r = new_name(w, &at, &n);
    if (r == 0) {
        r = n.slash ? slash_error(w, &n) : chan_symlink(wasi_kcall(w), n.dir, n.name, text.s);
        wasi_name_end(&n);
    }
    wasi_at_end(w, &at);
    return wasi_errno(r);
}

static int64_t read_link(WasiThread *w, Chan *link, uint32_t buf, uint32_t len)
{
    GuestIov io;
    if (link->file->type != TYPE_LINK)
        return -EINVAL;
    int64_t r = guest_window_begin(&w->guest, buf, len, &io);
    if (r < 0)
        return r;
    /* Nothing to fill is still asked of the device with one byte, which it must not put into the guest. */
    char byte;
    if (io.total == 0)
        r = chan_readlink(wasi_kcall(w), link, &byte, 1);
    else
        r = chan_readlink(wasi_kcall(w), link, io.v[0].base, io.total);
    if (io.total == 0 && r > 0)
        r = 0;
    if (r > 0)
        guest_iov_commit(&w->guest, &io, (size_t)r);
    guest_iov_end(&io);
    return r;
}

int32_t wasi_path_readlink(WasiThread *w, uint32_t fd, uint32_t path, uint32_t path_len, uint32_t buf, uint32_t len,
                           uint32_t result)
{
    WasiAt at;
    AUTO_CHAN Chan *link = NULL;
    if (!guest_has(&w->guest, result, sizeof(uint32_t)))
        return WASI_EFAULT;
    int64_t r = wasi_at(w, fd, RIGHT_PATH_READLINK, path, path_len, &at);
    if (r < 0)
        return wasi_errno(r);
    r = wasi_at_walk(w, &at, 0, &link);
    if (r == 0)
        r = read_link(w, link, buf, len);
    if (r >= 0)
        r = guest_put_u32(&w->guest, result, (uint32_t)r);
    wasi_at_end(w, &at);
    return wasi_errno(r);
}

/* ---- removing and renaming -------------------------------------------------------------------------------------- */

int32_t wasi_path_remove_directory(WasiThread *w, uint32_t fd, uint32_t path, uint32_t path_len)
{
    WasiAt at;
    WasiName n;
    int r = wasi_at(w, fd, RIGHT_PATH_REMOVE_DIRECTORY, path, path_len, &at);
    if (r < 0)
        return wasi_errno(r);
    r = wasi_at_name(w, &at, &n);
    if (r == 0) {
        r = chan_unlink(wasi_kcall(w), n.dir, n.name, true);
        wasi_name_end(&n);
    }
    wasi_at_end(w, &at);
    return wasi_errno(r);
}

static int unlink_name(WasiThread *w, WasiName *n)
{
    if (n->slash) {
        int type = wasi_name_type(w, n);
        return type < 0 ? type : type == TYPE_DIR ? -EISDIR : -ENOTDIR;
    }
    return chan_unlink(wasi_kcall(w), n->dir, n->name, false);
}

int32_t wasi_path_unlink_file(WasiThread *w, uint32_t fd, uint32_t path, uint32_t path_len)
{
    WasiAt at;
    WasiName n;
    int r = wasi_at(w, fd, RIGHT_PATH_UNLINK_FILE, path, path_len, &at);
    if (r < 0)
        return wasi_errno(r);
    r = wasi_at_name(w, &at, &n);
    if (r == 0) {
        r = unlink_name(w, &n);
        wasi_name_end(&n);
    } else if (r == -EINVAL || r == -ENOTEMPTY || r == -EBUSY) {
        r = -EISDIR;                /* ".", ".." and "/" are directories */
    }
    wasi_at_end(w, &at);
    return wasi_errno(r);
}

static int rename_name(WasiThread *w, WasiName *from, WasiName *to)
{
    if (from->slash || to->slash) {
        int type = wasi_name_type(w, from);
        if (type < 0)
            return type;
        if (type != TYPE_DIR)
            return -ENOTDIR;
    }
    return chan_rename(wasi_kcall(w), from->dir, from->name, to->dir, to->name);
}

/* As POSIX has it for rename: "." and ".." are invalid, the root is busy. */
static int renamed_name(WasiThread *w, WasiAt *at, WasiName *n)
{
    int r = wasi_at_name(w, at, n);
    return r == -ENOTEMPTY ? -EINVAL : r;
}

int32_t wasi_path_rename(WasiThread *w, uint32_t old_fd, uint32_t old_path, uint32_t old_len, uint32_t new_fd,
                         uint32_t new_path, uint32_t new_len)
{
    WasiAt from, to;
    WasiName old, new;
    int r = wasi_at(w, old_fd, RIGHT_PATH_RENAME_SOURCE, old_path, old_len, &from);
    if (r < 0)
        return wasi_errno(r);
    r = wasi_at(w, new_fd, RIGHT_PATH_RENAME_TARGET, new_path, new_len, &to);
    if (r == 0) {
        r = renamed_name(w, &from, &old);
        if (r == 0) {
            r = renamed_name(w, &to, &new);
            if (r == 0) {
                r = rename_name(w, &old, &new);
                wasi_name_end(&new);
            }
            wasi_name_end(&old);
        }
        wasi_at_end(w, &to);
    }
    wasi_at_end(w, &from);
    return wasi_errno(r);
}
