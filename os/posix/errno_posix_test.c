/* SPDX-License-Identifier: MIT */
/* On Linux the host's numbers are the wire's: every entry of the table in os/errno.c maps to itself. */
#include <errno.h>

#include "os/local.h"
#include "test/test.h"

TEST(linux_numbers_stay_what_they_are)
{
    static const int known[] = { EPERM,     ENOENT,   ESRCH,        EINTR,     EIO,      ENXIO,     E2BIG,  ENOEXEC,
                                 EBADF,     ECHILD,   EAGAIN,       ENOMEM,    EACCES,   EFAULT,    EBUSY,  EEXIST,
                                 EXDEV,     ENODEV,   ENOTDIR,      EISDIR,    EINVAL,   ENFILE,    EMFILE, ENOTTY,
                                 ETXTBSY,   EFBIG,    ENOSPC,       ESPIPE,    EROFS,    EMLINK,    EPIPE,  EDOM,
                                 ERANGE,    EDEADLK,  ENAMETOOLONG, ENOLCK,    ENOSYS,   ENOTEMPTY, ELOOP,  EILSEQ,
                                 EOVERFLOW, ENOTSOCK, EOPNOTSUPP,   ETIMEDOUT, ECANCELED, ESTALE };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        EQ(host_err(known[i]), known[i]);
}
