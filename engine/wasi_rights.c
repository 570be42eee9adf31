/* SPDX-License-Identifier: MIT */
/*
 * Rights of WASI descriptors. The table of descriptors keeps what a program was left with (all ones where nobody took any
 * away); what a descriptor shows is that, cut to what means something for its file. A right that was taken away is
 * ENOTCAPABLE; what the file or the way it was opened does not do is the kernel's to refuse, with POSIX's numbers.
 */
#include "engine/wasi_call.h"

#define RIGHTS_ANY                                                                                                     \
    (RIGHT_FD_DATASYNC | RIGHT_FD_SYNC | RIGHT_FD_FDSTAT_SET_FLAGS | RIGHT_FD_FILESTAT_GET |                           \
     RIGHT_FD_FILESTAT_SET_TIMES | RIGHT_POLL_FD_READWRITE)
#define RIGHTS_POSITION (RIGHT_FD_SEEK | RIGHT_FD_TELL)
#define RIGHTS_WRITING (RIGHT_FD_WRITE | RIGHT_FD_ALLOCATE | RIGHT_FD_FILESTAT_SET_SIZE)

const uint64_t wasi_rights_file = RIGHTS_ANY | RIGHTS_POSITION | RIGHTS_WRITING | RIGHT_FD_READ | RIGHT_FD_ADVISE;

const uint64_t wasi_rights_dir =
    RIGHTS_ANY | RIGHT_FD_READDIR | RIGHT_PATH_CREATE_DIRECTORY | RIGHT_PATH_CREATE_FILE | RIGHT_PATH_LINK_SOURCE |
    RIGHT_PATH_LINK_TARGET | RIGHT_PATH_OPEN | RIGHT_PATH_READLINK | RIGHT_PATH_RENAME_SOURCE |
    RIGHT_PATH_RENAME_TARGET | RIGHT_PATH_FILESTAT_GET | RIGHT_PATH_FILESTAT_SET_SIZE | RIGHT_PATH_FILESTAT_SET_TIMES |
    RIGHT_PATH_SYMLINK | RIGHT_PATH_REMOVE_DIRECTORY | RIGHT_PATH_UNLINK_FILE;

uint64_t wasi_rights_of(const Chan *ch)
{
    const File *f = ch->file;
    if (file_is_dir(f))
        return wasi_rights_dir;
    uint64_t rights = wasi_rights_file;
    if ((ch->mode & OPEN_READ) == 0)
        rights &= ~RIGHT_FD_READ;
    if ((ch->mode & OPEN_WRITE) == 0)
        rights &= ~RIGHTS_WRITING;
    if (f->type != TYPE_FILE || (f->flags & FILE_STREAM) != 0)
        rights &= ~(RIGHT_FD_ALLOCATE | RIGHT_FD_FILESTAT_SET_SIZE | RIGHT_FD_ADVISE);
    /* A character device without these two is what programs take for a terminal, so /dev/null shows them. */
    if ((f->flags & FILE_TTY) != 0 || ((f->flags & FILE_STREAM) != 0 && f->type != TYPE_CHAR))
        rights &= ~RIGHTS_POSITION;
    return rights;
}

uint64_t wasi_inheriting_of(const Chan *ch)
{
    return file_is_dir(ch->file) ? wasi_rights_dir | wasi_rights_file : 0;
}

uint8_t wasi_filetype(uint16_t type)
{
    switch (type) {
    case TYPE_DIR:
        return WASI_TYPE_DIR;
    case TYPE_FILE:
        return WASI_TYPE_FILE;
    case TYPE_LINK:
        return WASI_TYPE_LINK;
    case TYPE_CHAR:
        return WASI_TYPE_CHAR;
    case TYPE_BLOCK:
        return WASI_TYPE_BLOCK;
    case TYPE_FIFO:                 /* wasi-libc has one number for FIFOs and sockets, and takes this one for both */
    case TYPE_SOCK:
        return WASI_TYPE_STREAM;
    default:
        return WASI_TYPE_UNKNOWN;
    }
}

int wasi_get(WasiThread *w, uint32_t fd, uint64_t right, FdInfo *out)
{
    FdInfo info;
    int r = fd_get(wasi_fds(w), wasi_fdnum(fd), &info);
    if (r < 0)
        return r;
    if ((info.rights & right) != right) {
        chan_put(info.chan);
        return NOTCAPABLE;
    }
    *out = info;
    return 0;
}
