/* SPDX-License-Identifier: MIT */
/*
 * Error numbers: the ones that 9P2000.L carries, which are Linux's. Every layer speaks them, negative; os/ translates
 * the host's. A file that includes the host's <errno.h> must not include this one (only os/ and what exists
 * for one system does).
 */
#ifndef OS_ERR_H
#define OS_ERR_H

#ifdef EPERM
#error "os/err.h and the host's errno.h in one file"
#endif

#define EPERM 1            /* operation not permitted */
#define ENOENT 2           /* no such file or directory */
#define ESRCH 3            /* no such task */
#define EINTR 4            /* interrupted; nothing was consumed */
#define EIO 5              /* input/output error */
#define ENXIO 6            /* no such device or address */
#define E2BIG 7            /* too long */
#define ENOEXEC 8          /* not a program that any engine runs */
#define EBADF 9            /* bad descriptor */
#define ECHILD 10          /* no child */
#define EAGAIN 11          /* would wait, and the caller asked not to; or a limit of tasks */
#define ENOMEM 12          /* out of memory, or over the limit */
#define EACCES 13          /* permission denied */
#define EFAULT 14          /* bad address */
#define EBUSY 16           /* busy */
#define EEXIST 17          /* exists */
#define EXDEV 18           /* across file systems or union members */
#define ENODEV 19          /* no such device */
#define ENOTDIR 20         /* not a directory */
#define EISDIR 21          /* is a directory */
#define EINVAL 22          /* invalid argument */
#define ENFILE 23          /* too many open files in the system */
#define EMFILE 24          /* too many open files in the task */
#define ENOTTY 25          /* not a terminal */
#define ETXTBSY 26         /* program busy */
#define EFBIG 27           /* file too large */
#define ENOSPC 28          /* no space left */
#define ESPIPE 29          /* no position in a stream */
#define EROFS 30           /* read-only */
#define EMLINK 31          /* too many links */
#define EPIPE 32           /* nobody reads */
#define EDOM 33            /* out of domain */
#define ERANGE 34          /* result too large */
#define EDEADLK 35         /* would wait for ever */
#define ENAMETOOLONG 36    /* name too long */
#define ENOLCK 37          /* no locks */
#define ENOSYS 38          /* no such call */
#define ENOTEMPTY 39       /* directory not empty */
#define ELOOP 40           /* too many symbolic links */
#define EILSEQ 84          /* illegal byte sequence */
#define EOVERFLOW 75       /* value too large; for a tap: bytes were lost */
#define ENOTSOCK 88        /* not a socket */
#define EOPNOTSUPP 95      /* not supported */
#define ETIMEDOUT 110      /* time is up */
#define ESTALE 116         /* what the name led to is not there any more */
#define ECANCELED 125      /* cancelled */

#endif
