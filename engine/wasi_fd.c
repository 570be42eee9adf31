/* SPDX-License-Identifier: MIT */
/*
 * Descriptors: what they are, their flags, rights and attributes, opening's other half.
 */
#include "engine/wasi_call.h"

int32_t wasi_fd_advise(WasiThread *w, uint32_t fd, uint64_t off, uint64_t len, uint32_t advice)
{
    FdInfo info;
    int r = wasi_get(w, fd, 0, &info);
    if (r < 0)
        return wasi_errno(r);
    AUTO_CHAN Chan *ch = info.chan;
    if (file_is_dir(ch->file))
        return WASI_EBADF;
    if ((ch->file->flags & FILE_STREAM) != 0)
        return WASI_ESPIPE;
    if ((info.rights & RIGHT_FD_ADVISE) == 0)
        return WASI_ENOTCAPABLE;
    /* The kernel caches nothing that advice could change. */
    return advice >= WASI_ADVICE_COUNT || off > INT64_MAX || len > INT64_MAX ? WASI_EINVAL : WASI_OK;
}

int32_t wasi_fd_allocate(WasiThread *w, uint32_t fd, uint64_t off, uint64_t len)
{
    FdInfo info;
    int r = wasi_get(w, fd, 0, &info);
    if (r < 0)
        return wasi_errno(r);
    AUTO_CHAN Chan *ch = info.chan;
    if ((ch->mode & OPEN_WRITE) != 0 && (info.rights & RIGHT_FD_ALLOCATE) == 0)
        return WASI_ENOTCAPABLE;
    return wasi_errno(chan_allocate(wasi_kcall(w), ch, off, len));
}

int32_t wasi_fd_close(WasiThread *w, uint32_t fd)
{
    return wasi_errno(fd_close(wasi_kcall(w), wasi_fds(w), wasi_fdnum(fd)));
}

int32_t wasi_fd_renumber(WasiThread *w, uint32_t from, uint32_t to)
{
    return wasi_errno(fd_renumber(wasi_kcall(w), wasi_fds(w), wasi_fdnum(from), wasi_fdnum(to)));
}

/* any: one of these rights will do. */
static int sync_file(WasiThread *w, uint32_t fd, uint64_t any, bool data_only)
{
    FdInfo info;
    int r = wasi_get(w, fd, 0, &info);
    if (r < 0)
        return r;
    AUTO_CHAN Chan *ch = info.chan;
    return (info.rights & any) == 0 ? NOTCAPABLE : chan_fsync(wasi_kcall(w), ch, data_only);
}

int32_t wasi_fd_sync(WasiThread *w, uint32_t fd)
{
    return wasi_errno(sync_file(w, fd, RIGHT_FD_SYNC, false));
}

/* wasi-libc opens without FD_DATASYNC for reading, where POSIX lets one fdatasync: who may do more may do this. */
int32_t wasi_fd_datasync(WasiThread *w, uint32_t fd)
{
    return wasi_errno(sync_file(w, fd, RIGHT_FD_DATASYNC | RIGHT_FD_SYNC, true));
}

/* ---- fdstat ----------------------------------------------------------------------------------------------------- */

static const struct {
    uint16_t wasi, open;
} flag_map[] = {
    { WASI_APPEND, OPEN_APPEND },
    { WASI_DSYNC, OPEN_DSYNC },
    { WASI_NONBLOCK, OPEN_NONBLOCK },
    { WASI_RSYNC | WASI_SYNC, OPEN_SYNC },
};

unsigned wasi_open_flags(uint32_t fdflags)
{
    unsigned flags = 0;
    for (size_t i = 0; i < LEN(flag_map); i++)
        flags |= fdflags & flag_map[i].wasi ? flag_map[i].open : 0;
    return flags;
}

static int put_fdstat(WasiThread *w, uint32_t addr, const FdInfo *info)
{
    const Chan *ch = info->chan;
    unsigned flags = atomic_load_explicit(&info->chan->oflags, memory_order_relaxed);
    uint16_t fdflags = 0;
    for (size_t i = 0; i < LEN(flag_map); i++)
        fdflags |= flags & flag_map[i].open ? flag_map[i].wasi & ~WASI_RSYNC : 0;
    uint8_t record[sizeof(WasiFdstat)];
    Cursor c = cursor_over(record, sizeof record);
    cursor_put(&c, 1, wasi_filetype(ch->file->type));
    cursor_zero(&c, 1);
    cursor_put(&c, 2, fdflags);
    cursor_zero(&c, 4);
    cursor_put(&c, 8, info->rights & wasi_rights_of(ch));
    cursor_put(&c, 8, info->inheriting & wasi_inheriting_of(ch));
    ASSERT(!c.overrun && c.at == c.end);
    return guest_write(&w->guest, addr, record, sizeof record);
}

int32_t wasi_fd_fdstat_get(WasiThread *w, uint32_t fd, uint32_t result)
{
    FdInfo info;
    int r = wasi_get(w, fd, 0, &info);
    if (r < 0)
        return wasi_errno(r);
    AUTO_CHAN Chan *ch = info.chan;
    (void)ch;
    return wasi_errno(put_fdstat(w, result, &info));
}

int32_t wasi_fd_fdstat_set_flags(WasiThread *w, uint32_t fd, uint32_t flags)
{
    FdInfo info;
    int r = wasi_get(w, fd, RIGHT_FD_FDSTAT_SET_FLAGS, &info);
    if (r < 0)
        return wasi_errno(r);
    AUTO_CHAN Chan *ch = info.chan;
    if (flags > WASI_FDFLAGS)
        return WASI_EINVAL;
    unsigned mask = wasi_open_flags(WASI_FDFLAGS), set = wasi_open_flags(flags);
    unsigned old = atomic_load_explicit(&ch->oflags, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&ch->oflags, &old, (old & ~mask) | set)) {
    }
    return WASI_OK;
}

int32_t wasi_fd_fdstat_set_rights(WasiThread *w, uint32_t fd, uint64_t rights, uint64_t inheriting)
{
    FdInfo info;
    int r = wasi_get(w, fd, 0, &info);
    if (r < 0)
        return wasi_errno(r);
    AUTO_CHAN Chan *ch = info.chan;
    uint64_t has = info.rights & wasi_rights_of(ch), passes = info.inheriting & wasi_inheriting_of(ch);
    if ((rights & ~has) != 0 || (inheriting & ~passes) != 0)
        return WASI_ENOTCAPABLE;
    r = fd_set_rights(wasi_fds(w), wasi_fdnum(fd), rights, inheriting);
    return wasi_errno(r == -EPERM ? NOTCAPABLE : r);
}

/* ---- attributes ------------------------------------------------------------------------------------------------- */

int32_t wasi_fd_filestat_get(WasiThread *w, uint32_t fd, uint32_t result)
{
    FdInfo info;
    Attr a;
    int r = wasi_get(w, fd, RIGHT_FD_FILESTAT_GET, &info);
    if (r < 0)
        return wasi_errno(r);
    AUTO_CHAN Chan *ch = info.chan;
    r = chan_getattr(wasi_kcall(w), ch, &a);
    return wasi_errno(r < 0 ? r : wasi_put_filestat(w, result, &a));
}

int32_t wasi_fd_filestat_set_size(WasiThread *w, uint32_t fd, uint64_t size)
{
    FdInfo info;
    int r = wasi_get(w, fd, 0, &info);
    if (r < 0)
        return wasi_errno(r);
    AUTO_CHAN Chan *ch = info.chan;
    if ((ch->mode & OPEN_WRITE) != 0 && (info.rights & RIGHT_FD_FILESTAT_SET_SIZE) == 0)
        return WASI_ENOTCAPABLE;
    if (size > INT64_MAX || (ch->file->flags & FILE_STREAM) != 0)
        return WASI_EINVAL;
    return wasi_errno(chan_truncate(wasi_kcall(w), ch, size));
}

int32_t wasi_fd_filestat_set_times(WasiThread *w, uint32_t fd, uint64_t atime, uint64_t mtime, uint32_t flags)
{
    FdInfo info;
    Attr a;
    unsigned what;
    int r = wasi_get(w, fd, RIGHT_FD_FILESTAT_SET_TIMES, &info);
    if (r < 0)
        return wasi_errno(r);
    AUTO_CHAN Chan *ch = info.chan;
    r = wasi_times(atime, mtime, flags, &what, &a);
    if (r == 0 && what != 0)
        r = chan_setattr(wasi_kcall(w), ch, what, &a);
    return wasi_errno(r);
}

/* ---- preopens --------------------------------------------------------------------------------------------------- */

int32_t wasi_fd_prestat_get(WasiThread *w, uint32_t fd, uint32_t result)
{
    char name[PATH_MAX_LEN + 1];
    int n = fd_preopen(wasi_fds(w), wasi_fdnum(fd), name, sizeof name);
    if (n < 0)
        return wasi_errno(n);
    uint8_t record[WASI_PRESTAT_SIZE];
    Cursor c = cursor_over(record, sizeof record);
    cursor_put(&c, 1, WASI_PREOPEN_DIR);
    cursor_zero(&c, 3);
    cursor_put(&c, 4, (uint64_t)n);
    return wasi_errno(guest_write(&w->guest, result, record, sizeof record));
}

int32_t wasi_fd_prestat_dir_name(WasiThread *w, uint32_t fd, uint32_t buf, uint32_t len)
{
    char name[PATH_MAX_LEN + 1];
    int n = fd_preopen(wasi_fds(w), wasi_fdnum(fd), name, sizeof name);
    if (n < 0)
        return wasi_errno(n);
    return len < (uint32_t)n ? WASI_ENAMETOOLONG : wasi_errno(guest_write(&w->guest, buf, name, (size_t)n));
}
