/* SPDX-License-Identifier: MIT */
/*
 * The kernel's error numbers as WASI's. The one table; a number that is not in it is a mistake of ours and becomes EIO.
 */
#include "engine/wasi_call.h"

static const uint8_t numbers[] = {
    [EPERM] = WASI_EPERM,
    [ENOENT] = WASI_ENOENT,
    [ESRCH] = WASI_ESRCH,
    [EINTR] = WASI_EINTR,
    [EIO] = WASI_EIO,
    [ENXIO] = WASI_ENXIO,
    [E2BIG] = WASI_E2BIG,
    [ENOEXEC] = WASI_ENOEXEC,
    [EBADF] = WASI_EBADF,
    [ECHILD] = WASI_ECHILD,
    [EAGAIN] = WASI_EAGAIN,
    [ENOMEM] = WASI_ENOMEM,
    [EACCES] = WASI_EACCES,
    [EFAULT] = WASI_EFAULT,
    [EBUSY] = WASI_EBUSY,
    [EEXIST] = WASI_EEXIST,
    [EXDEV] = WASI_EXDEV,
    [ENODEV] = WASI_ENODEV,
    [ENOTDIR] = WASI_ENOTDIR,
    [EISDIR] = WASI_EISDIR,
    [EINVAL] = WASI_EINVAL,
    [ENFILE] = WASI_ENFILE,
    [EMFILE] = WASI_EMFILE,
    [ENOTTY] = WASI_ENOTTY,
    [ETXTBSY] = WASI_ETXTBSY,
    [EFBIG] = WASI_EFBIG,
    [ENOSPC] = WASI_ENOSPC,
    [ESPIPE] = WASI_ESPIPE,
    [EROFS] = WASI_EROFS,
    [EMLINK] = WASI_EMLINK,
    [EPIPE] = WASI_EPIPE,
    [EDOM] = WASI_EDOM,
    [ERANGE] = WASI_ERANGE,
    [EDEADLK] = WASI_EDEADLK,
    [ENOLCK] = WASI_ENOLCK,
    [ENOSYS] = WASI_ENOSYS,
    [ENAMETOOLONG] = WASI_ENAMETOOLONG,
    [ENOTEMPTY] = WASI_ENOTEMPTY,
    [ELOOP] = WASI_ELOOP,
    [EILSEQ] = WASI_EILSEQ,
    [EOVERFLOW] = WASI_EOVERFLOW,
    [ENOTSOCK] = WASI_ENOTSOCK,
    [EOPNOTSUPP] = WASI_ENOTSUP,
    [ETIMEDOUT] = WASI_ETIMEDOUT,
    [ESTALE] = WASI_ESTALE,
    [ECANCELED] = WASI_ECANCELED,
};

int32_t wasi_errno(int64_t r)
{
    if (r >= 0)
        return WASI_OK;
    if (r == WAIT)
        return WASI_WAIT;
    if (r == NOTCAPABLE)
        return WASI_ENOTCAPABLE;
    if (r <= -(int64_t)LEN(numbers) || numbers[-r] == 0)
        return WASI_EIO;
    return numbers[-r];
}
