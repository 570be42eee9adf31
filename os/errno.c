/* SPDX-License-Identifier: MIT */
/*
 * The host's error numbers to those of the wire (os/err.h). This file includes the host's <errno.h>, so it cannot see the
 * names of os/err.h, which are the same; the numbers stand here, and err_test.c compares the two files.
 */
#include <errno.h>
#include <stddef.h>

#include "os/local.h"

typedef struct ErrPair {
    int host, wire;
} ErrPair;

static const ErrPair pairs[] = {
    { EPERM, 1 },       { ENOENT, 2 },      { ESRCH, 3 },       { EINTR, 4 },    { EIO, 5 },           { ENXIO, 6 },
    { E2BIG, 7 },       { ENOEXEC, 8 },     { EBADF, 9 },       { ECHILD, 10 },  { EAGAIN, 11 },       { ENOMEM, 12 },
    { EACCES, 13 },     { EFAULT, 14 },     { EBUSY, 16 },      { EEXIST, 17 },  { EXDEV, 18 },        { ENODEV, 19 },
    { ENOTDIR, 20 },    { EISDIR, 21 },     { EINVAL, 22 },     { ENFILE, 23 },  { EMFILE, 24 },       { ENOTTY, 25 },
    { ETXTBSY, 26 },    { EFBIG, 27 },      { ENOSPC, 28 },     { ESPIPE, 29 },  { EROFS, 30 },        { EMLINK, 31 },
    { EPIPE, 32 },      { EDOM, 33 },       { ERANGE, 34 },     { EDEADLK, 35 }, { ENAMETOOLONG, 36 }, { ENOLCK, 37 },
    { ENOSYS, 38 },     { ENOTEMPTY, 39 },  { ELOOP, 40 },      { EILSEQ, 84 },  { EOVERFLOW, 75 },    { ENOTSOCK, 88 },
    { EOPNOTSUPP, 95 }, { ETIMEDOUT, 110 }, { ECANCELED, 125 }, { ENOTSUP, 95 }, { EWOULDBLOCK, 11 },  { ESTALE, 116 },
};

int host_err(int host)
{
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (pairs[i].host == host)
            return pairs[i].wire;
    }
    return 5;                                   /* EIO */
}
