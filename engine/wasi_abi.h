/* SPDX-License-Identifier: MIT */
/*
 * The numbers and layouts of WASI preview 1 (wasi_snapshot_preview1.witx): errors, rights, flags, and the records that
 * go through guest memory. The records are never overlaid on guest bytes: wasi_mem.c's cursors write them field by
 * field; the sizes and offsets here are what they are checked against.
 */
#ifndef ENGINE_WASI_ABI_H
#define ENGINE_WASI_ABI_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

enum {                              /* errno */
       WASI_OK = 0,
       WASI_E2BIG = 1,
       WASI_EACCES = 2,
       WASI_EADDRINUSE = 3,
       WASI_EADDRNOTAVAIL = 4,
       WASI_EAFNOSUPPORT = 5,
       WASI_EAGAIN = 6,
       WASI_EALREADY = 7,
       WASI_EBADF = 8,
       WASI_EBADMSG = 9,
       WASI_EBUSY = 10,
       WASI_ECANCELED = 11,
       WASI_ECHILD = 12,
       WASI_ECONNABORTED = 13,
       WASI_ECONNREFUSED = 14,
       WASI_ECONNRESET = 15,
       WASI_EDEADLK = 16,
       WASI_EDESTADDRREQ = 17,
       WASI_EDOM = 18,
       WASI_EDQUOT = 19,
       WASI_EEXIST = 20,
       WASI_EFAULT = 21,
       WASI_EFBIG = 22,
       WASI_EHOSTUNREACH = 23,
       WASI_EIDRM = 24,
       WASI_EILSEQ = 25,
       WASI_EINPROGRESS = 26,
       WASI_EINTR = 27,
       WASI_EINVAL = 28,
       WASI_EIO = 29,
       WASI_EISCONN = 30,
       WASI_EISDIR = 31,
       WASI_ELOOP = 32,
       WASI_EMFILE = 33,
       WASI_EMLINK = 34,
       WASI_EMSGSIZE = 35,
       WASI_EMULTIHOP = 36,
       WASI_ENAMETOOLONG = 37,
       WASI_ENETDOWN = 38,
       WASI_ENETRESET = 39,
       WASI_ENETUNREACH = 40,
       WASI_ENFILE = 41,
       WASI_ENOBUFS = 42,
       WASI_ENODEV = 43,
       WASI_ENOENT = 44,
       WASI_ENOEXEC = 45,
       WASI_ENOLCK = 46,
       WASI_ENOLINK = 47,
       WASI_ENOMEM = 48,
       WASI_ENOMSG = 49,
       WASI_ENOPROTOOPT = 50,
       WASI_ENOSPC = 51,
       WASI_ENOSYS = 52,
       WASI_ENOTCONN = 53,
       WASI_ENOTDIR = 54,
       WASI_ENOTEMPTY = 55,
       WASI_ENOTRECOVERABLE = 56,
       WASI_ENOTSOCK = 57,
       WASI_ENOTSUP = 58,
       WASI_ENOTTY = 59,
       WASI_ENXIO = 60,
       WASI_EOVERFLOW = 61,
       WASI_EOWNERDEAD = 62,
       WASI_EPERM = 63,
       WASI_EPIPE = 64,
       WASI_EPROTO = 65,
       WASI_EPROTONOSUPPORT = 66,
       WASI_EPROTOTYPE = 67,
       WASI_ERANGE = 68,
       WASI_EROFS = 69,
       WASI_ESPIPE = 70,
       WASI_ESRCH = 71,
       WASI_ESTALE = 72,
       WASI_ETIMEDOUT = 73,
       WASI_ETXTBSY = 74,
       WASI_EXDEV = 75,
       WASI_ENOTCAPABLE = 76,
};

#define WASI_ERRNO_COUNT 77

/* Rights: each call below names the one that it needs. */
#define RIGHT_FD_DATASYNC (UINT64_C(1) << 0)
#define RIGHT_FD_READ (UINT64_C(1) << 1)
#define RIGHT_FD_SEEK (UINT64_C(1) << 2)
#define RIGHT_FD_FDSTAT_SET_FLAGS (UINT64_C(1) << 3)
#define RIGHT_FD_SYNC (UINT64_C(1) << 4)
#define RIGHT_FD_TELL (UINT64_C(1) << 5)
#define RIGHT_FD_WRITE (UINT64_C(1) << 6)
#define RIGHT_FD_ADVISE (UINT64_C(1) << 7)
#define RIGHT_FD_ALLOCATE (UINT64_C(1) << 8)
#define RIGHT_PATH_CREATE_DIRECTORY (UINT64_C(1) << 9)
#define RIGHT_PATH_CREATE_FILE (UINT64_C(1) << 10)
#define RIGHT_PATH_LINK_SOURCE (UINT64_C(1) << 11)
#define RIGHT_PATH_LINK_TARGET (UINT64_C(1) << 12)
#define RIGHT_PATH_OPEN (UINT64_C(1) << 13)
#define RIGHT_FD_READDIR (UINT64_C(1) << 14)
#define RIGHT_PATH_READLINK (UINT64_C(1) << 15)
#define RIGHT_PATH_RENAME_SOURCE (UINT64_C(1) << 16)
#define RIGHT_PATH_RENAME_TARGET (UINT64_C(1) << 17)
#define RIGHT_PATH_FILESTAT_GET (UINT64_C(1) << 18)
#define RIGHT_PATH_FILESTAT_SET_SIZE (UINT64_C(1) << 19)
#define RIGHT_PATH_FILESTAT_SET_TIMES (UINT64_C(1) << 20)
#define RIGHT_FD_FILESTAT_GET (UINT64_C(1) << 21)
#define RIGHT_FD_FILESTAT_SET_SIZE (UINT64_C(1) << 22)
#define RIGHT_FD_FILESTAT_SET_TIMES (UINT64_C(1) << 23)
#define RIGHT_PATH_SYMLINK (UINT64_C(1) << 24)
#define RIGHT_PATH_REMOVE_DIRECTORY (UINT64_C(1) << 25)
#define RIGHT_PATH_UNLINK_FILE (UINT64_C(1) << 26)
#define RIGHT_POLL_FD_READWRITE (UINT64_C(1) << 27)
#define RIGHT_SOCK_SHUTDOWN (UINT64_C(1) << 28)
#define RIGHT_SOCK_ACCEPT (UINT64_C(1) << 29)
#define RIGHT_ALL ((UINT64_C(1) << 30) - 1)

enum {                              /* clockid */
       WASI_CLOCK_REALTIME,
       WASI_CLOCK_MONOTONIC,
       WASI_CLOCK_PROCESS_CPUTIME,
       WASI_CLOCK_THREAD_CPUTIME,
};

enum {                              /* filetype */
       WASI_TYPE_UNKNOWN,
       WASI_TYPE_BLOCK,
       WASI_TYPE_CHAR,
       WASI_TYPE_DIR,
       WASI_TYPE_FILE,
       WASI_TYPE_DGRAM,
       WASI_TYPE_STREAM,
       WASI_TYPE_LINK,
};

enum { WASI_SEEK_SET, WASI_SEEK_CUR, WASI_SEEK_END };
enum { WASI_ADVICE_COUNT = 6 };
enum { WASI_APPEND = 1, WASI_DSYNC = 2, WASI_NONBLOCK = 4, WASI_RSYNC = 8, WASI_SYNC = 16, WASI_FDFLAGS = 31 };
enum { WASI_ATIM = 1, WASI_ATIM_NOW = 2, WASI_MTIM = 4, WASI_MTIM_NOW = 8, WASI_FSTFLAGS = 15 };
enum { WASI_FOLLOW = 1 };           /* lookupflags */
enum { WASI_CREAT = 1, WASI_DIRECTORY = 2, WASI_EXCL = 4, WASI_TRUNC = 8, WASI_OFLAGS = 15 };
enum { WASI_EVENT_CLOCK, WASI_EVENT_READ, WASI_EVENT_WRITE };
enum { WASI_HANGUP = 1 };           /* eventrwflags */
enum { WASI_ABSTIME = 1 };          /* subclockflags */
enum { WASI_PREOPEN_DIR = 0 };
enum { WASI_SIGNAL_COUNT = 31 };    /* 0 none, 1 HUP ... 30 SYS */

typedef struct WasiFdstat {
    uint8_t filetype;
    uint16_t flags;
    uint64_t rights, inheriting;
} WasiFdstat;
static_assert(sizeof(WasiFdstat) == 24 && offsetof(WasiFdstat, flags) == 2 && offsetof(WasiFdstat, rights) == 8 &&
                  offsetof(WasiFdstat, inheriting) == 16,
              "fdstat");

typedef struct WasiFilestat {
    uint64_t dev, ino;
    uint8_t filetype;
    uint64_t nlink, size, atim, mtim, ctim;
} WasiFilestat;
static_assert(sizeof(WasiFilestat) == 64 && offsetof(WasiFilestat, filetype) == 16 &&
                  offsetof(WasiFilestat, nlink) == 24 && offsetof(WasiFilestat, ctim) == 56,
              "filestat");

typedef struct WasiDirent {         /* the name follows, without a NUL */
    uint64_t next, ino;
    uint32_t namlen;
    uint8_t type;
} WasiDirent;
static_assert(sizeof(WasiDirent) == 24 && offsetof(WasiDirent, namlen) == 16 && offsetof(WasiDirent, type) == 20,
              "dirent");

typedef struct WasiSubscription {
    uint64_t userdata;
    uint8_t tag, padding[7];        /* WASI_EVENT_ */
    uint32_t id;                    /* the clock, or the descriptor */
    uint64_t timeout, precision;
    uint16_t flags;
} WasiSubscription;
static_assert(sizeof(WasiSubscription) == 48 && offsetof(WasiSubscription, tag) == 8 &&
                  offsetof(WasiSubscription, id) == 16 && offsetof(WasiSubscription, timeout) == 24 &&
                  offsetof(WasiSubscription, flags) == 40,
              "subscription");

typedef struct WasiEvent {
    uint64_t userdata;
    uint16_t error;
    uint8_t type;
    uint64_t nbytes;
    uint16_t flags;
} WasiEvent;
static_assert(sizeof(WasiEvent) == 32 && offsetof(WasiEvent, type) == 10 && offsetof(WasiEvent, nbytes) == 16, "event");

enum { WASI_IOVEC_SIZE = 8, WASI_PRESTAT_SIZE = 8 };

#endif
