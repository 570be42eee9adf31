/* SPDX-License-Identifier: MIT */
/*
 * Reading, writing and positions. fd_read and fd_write add to the kernel's fd_readv and fd_writev no more than the
 * check of the vectors: data goes between the file and guest memory, and nothing is allocated for sixteen vectors or fewer.
 */
#include "engine/wasi_call.h"

/* A result of fd_readv or fd_writev that may mean a missing right: the kernel says -EPERM for that, and devices too. */
static int64_t sort_out_perm(WasiThread *w, uint32_t fd, uint64_t right, uint16_t mode)
{
    FdInfo info;
    int r = wasi_get(w, fd, 0, &info);
    if (r < 0)
        return r;
    bool opened = (info.chan->mode & mode) != 0;
    bool dir = file_is_dir(info.chan->file);
    chan_put(info.chan);
    if ((info.rights & right) == right)
        return -EPERM;
    if (dir && mode == OPEN_READ)
        return -EISDIR;
    return opened ? NOTCAPABLE : -EBADF;
}

/* Positions of streams, and beyond what a file can have. */
static int check_offset(WasiThread *w, uint32_t fd, uint64_t off)
{
    FdInfo info;
    int r = wasi_get(w, fd, 0, &info);
    if (r < 0)
        return r;
    r = info.chan->file->flags & FILE_STREAM ? -ESPIPE : off > INT64_MAX ? -EINVAL : 0;
    chan_put(info.chan);
    return r;
}

static int32_t do_read(WasiThread *w, uint32_t fd, uint32_t iovs, uint32_t count, const uint64_t *off, uint32_t result)
{
    uint64_t right = off != NULL ? RIGHT_FD_READ | RIGHT_FD_SEEK : RIGHT_FD_READ;
    GuestIov io;
    if (!guest_has(&w->guest, result, sizeof(uint32_t)))
        return WASI_EFAULT;
    int64_t r = guest_iov_begin(&w->guest, iovs, count, false, &io);
    if (r < 0)
        return wasi_errno(r);
    r = fd_readv(wasi_kcall(w), wasi_fds(w), wasi_fdnum(fd), io.v, io.n, off, right);
    if (r >= 0) {
        guest_iov_commit(&w->guest, &io, (size_t)r);
        guest_put_u32(&w->guest, result, (uint32_t)r);
    } else if (r == -EPERM) {
        r = sort_out_perm(w, fd, right, OPEN_READ);
    }
    guest_iov_end(&io);
    return wasi_errno(r);
}

static int32_t do_write(WasiThread *w, uint32_t fd, uint32_t iovs, uint32_t count, const uint64_t *off, uint32_t result)
{
    uint64_t right = off != NULL ? RIGHT_FD_WRITE | RIGHT_FD_SEEK : RIGHT_FD_WRITE;
    GuestIov io;
    if (!guest_has(&w->guest, result, sizeof(uint32_t)))
        return WASI_EFAULT;
    int64_t r = guest_iov_begin(&w->guest, iovs, count, true, &io);
    if (r < 0)
        return wasi_errno(r);
    r = fd_writev(wasi_kcall(w), wasi_fds(w), wasi_fdnum(fd), io.v, io.n, off, right);
    if (r >= 0)
        guest_put_u32(&w->guest, result, (uint32_t)r);
    else if (r == -EPERM)
        r = sort_out_perm(w, fd, right, OPEN_WRITE);
    guest_iov_end(&io);
    return wasi_errno(r);
}

int32_t wasi_fd_read(WasiThread *w, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t result)
{
    return do_read(w, fd, iovs, count, NULL, result);
}

int32_t wasi_fd_write(WasiThread *w, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t result)
{
    return do_write(w, fd, iovs, count, NULL, result);
}

int32_t wasi_fd_pread(WasiThread *w, uint32_t fd, uint32_t iovs, uint32_t count, uint64_t off, uint32_t result)
{
    int r = check_offset(w, fd, off);
    return r < 0 ? wasi_errno(r) : do_read(w, fd, iovs, count, &off, result);
}

int32_t wasi_fd_pwrite(WasiThread *w, uint32_t fd, uint32_t iovs, uint32_t count, uint64_t off, uint32_t result)
{
    int r = check_offset(w, fd, off);
    return r < 0 ? wasi_errno(r) : do_write(w, fd, iovs, count, &off, result);
}

/* ---- positions -------------------------------------------------------------------------------------------------- */

/* rights: any of them will do; to seek implies to tell. */
static int seek(WasiThread *w, uint32_t fd, uint64_t rights, int64_t off, int whence, uint32_t result)
{
    FdInfo info;
    if (!guest_has(&w->guest, result, sizeof(uint64_t)))
        return -EFAULT;
    int r = wasi_get(w, fd, 0, &info);
    if (r < 0)
        return r;
    AUTO_CHAN Chan *ch = info.chan;
    uint64_t pos = 0;
    /* A directory is read by cookies, and a stream has no position: said before the rights, which they lack too. */
    if (file_is_dir(ch->file))
        return -EBADF;
    if ((ch->file->flags & FILE_STREAM) != 0)
        return -ESPIPE;
    if ((info.rights & rights) == 0)
        return NOTCAPABLE;
    r = chan_seek(wasi_kcall(w), ch, off, whence, &pos);
    return r < 0 ? r : guest_put_u64(&w->guest, result, pos);
}

int32_t wasi_fd_seek(WasiThread *w, uint32_t fd, uint64_t off, uint32_t whence, uint32_t result)
{
    static const int from[] = {
        [WASI_SEEK_SET] = SEEK_FROM_START,
        [WASI_SEEK_CUR] = SEEK_FROM_HERE,
        [WASI_SEEK_END] = SEEK_FROM_END,
    };
    if (whence >= LEN(from))
        return WASI_EINVAL;
    uint64_t rights = RIGHT_FD_SEEK | (off == 0 && whence == WASI_SEEK_CUR ? RIGHT_FD_TELL : 0);
    return wasi_errno(seek(w, fd, rights, (int64_t)off, from[whence], result));
}

int32_t wasi_fd_tell(WasiThread *w, uint32_t fd, uint32_t result)
{
    return wasi_errno(seek(w, fd, RIGHT_FD_SEEK | RIGHT_FD_TELL, 0, SEEK_FROM_HERE, result));
}
