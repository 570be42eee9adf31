/* SPDX-License-Identifier: MIT */
/*
 * Files of the host (os/posix/host.c only; the web build has no such files and no device that asks for them).
 * Everything is below a root directory: lookups go one name at a time from a handle, without following links, with
 * openat2 RESOLVE_BENEATH where a name is opened, so that nothing outside can be reached whatever others rename meanwhile.
 * A handle is a host descriptor. Errors are numbers of os/err.h.
 */
#ifndef OS_HOST_H
#define OS_HOST_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

typedef struct HostStat {
    uint64_t dev, ino, size, nlink, blocks, rdev;
    uint32_t mode;                              /* with S_IF bits as Linux has them */
    uint32_t uid, gid, blksize;
    int64_t atime, mtime, ctime;                /* nanoseconds since 1970 */
} HostStat;

enum { HOST_READ = 1, HOST_WRITE = 2, HOST_TRUNC = 4, HOST_NONBLOCK = 8 };
enum { HOST_SYNC = 1, HOST_DSYNC = 2 };         /* a write returns when it is on the disk; DSYNC: what is needed to read it */

/*
 * A handle for a whole tree or a single file: path as the host's process names it. -ENOENT, -EACCES ...
 *   -ENOSYS  /proc is not mounted: without it no handle can be opened
 */
int host_root(const char *path, int *fd);
/* One name in dir, not followed when it is a link; the handle only names it (O_PATH). ".", "..", "/" in name: -EINVAL. */
int host_walk(int dir, const char *name, int *fd);
/*
 * dev is a file system that this process serves itself (a FUSE mount): who walks into it from here would wait for himself. So host_walk
 * shows in its place what it covers, the directory that the O_PATH handle `covered` names; it is borrowed until host_served_over.
 * -ENOMEM: there are too many.
 */
int host_served(uint64_t dev, int covered);
void host_served_over(uint64_t dev);
/*
 * Opens what the O_PATH handle fd names. flags: HOST_READ ... TRUNC, NONBLOCK. Never waits with HOST_NONBLOCK.
 *   -ENXIO  a socket; a FIFO for writing that nobody reads; a device that is not there
 */
int host_open(int fd, unsigned flags, int *out);
/*
 * Makes a new file: name in dir; *fd names it, as host_walk's; *made is open for reading and writing, which the mode alone might
 * forbid to whoever opens it again. -EEXIST
 */
int host_create(int dir, const char *name, uint32_t mode, int *fd, int *made);
void host_close(int fd);
int host_stat(int fd, HostStat *st);
int64_t host_read(int fd, void *buf, size_t n, uint64_t off);
int64_t host_write(int fd, const void *buf, size_t n, uint64_t off, unsigned sync);      /* HOST_SYNC, HOST_DSYNC or 0 */
/* At the end, whatever others wrote; *end is where the file ends then. One at a time for each descriptor. */
int64_t host_append(int fd, const void *buf, size_t n, unsigned sync, uint64_t *end);
int host_truncate(int fd, uint64_t size);                        /* fd opened for writing, or an O_PATH handle */
int host_allocate(int fd, uint64_t off, uint64_t n);
int host_chmod(int fd, uint32_t mode);
int host_chown_same(int fd);    /* to whom it belongs, which moves the change time */
#define HOST_TIME_NOW INT64_MAX
int host_utimes(int fd, const int64_t *atime, const int64_t *mtime);   /* NULL leaves one as it is; HOST_TIME_NOW */
int host_mkdir(int dir, const char *name, uint32_t mode);
int host_symlink(int dir, const char *name, const char *target);
int64_t host_readlink(int fd, char *buf, size_t n);
int host_link(int file, int dir, const char *name);
int host_rename(int from, const char *name, int to, const char *newname);
int host_unlink(int dir, const char *name, bool is_dir);
int host_fsync(int fd, bool data_only);
int host_statfs(int fd, uint64_t *bsize, uint64_t *blocks, uint64_t *bfree, uint64_t *files, uint64_t *ffree);

/*
 * A directory that is listed. A cookie is a number of ours for the host's position behind an entry, good as long as d is open:
 * the host's own use all 63 bits. Without "." and "..". One call at a time.
 */
typedef struct HostDir HostDir;
int host_dir_open(int fd, HostDir **out);
/* The entry behind cookie (0: the first), and its cookie. type: as the upper bits of a mode. 1 an entry, 0 the end, negative. */
int host_dir_next(HostDir *d, uint64_t cookie, char name[256], uint64_t *ino, uint32_t *type, uint64_t *next);
int host_dir_fd(const HostDir *d);                               /* borrowed */
void host_dir_close(HostDir *d);

/* ---- streams: standard descriptors, terminals, pipes, sockets ---------------------------------------------------- */

typedef enum HostKind { HOST_FILE, HOST_TTY, HOST_STREAM } HostKind;
HostKind host_kind(int fd);

typedef enum HostIo {
    HOST_DIRECT,                    /* a regular file: hardly waits; with the position that its descriptor has */
    HOST_POLLED,                    /* says -EAGAIN instead of waiting */
    HOST_BLOCKING,                  /* waits: on a helper's thread only */
} HostIo;

typedef struct HostStream {
    int fd;                         /* owned */
    HostIo io;
    bool socket, fifo, tty;
} HostStream;

/*
 * The stream behind fd, which stays the caller's. That a descriptor does not block is a property that all processes share who
 * have it: so pipes and terminals are opened anew, without it for others, and sockets asked for each call.
 */
int host_stream_open(int fd, HostStream *s);
void host_stream_of(int fd, HostStream *s);                      /* takes fd, which was opened with HOST_NONBLOCK */
void host_stream_close(HostStream *s);
/* What read(2) and write(2) give; -EAGAIN and waiting by s->io. SIGPIPE must be ignored by who runs the process. */
int64_t host_stream_read(HostStream *s, void *buf, size_t n);
int64_t host_stream_write(HostStream *s, const void *buf, size_t n);
bool host_stream_ready(const HostStream *s, bool for_write);     /* now */
bool host_stream_hung_up(const HostStream *s);                   /* nobody is at the other end any more */
uint64_t host_stream_pending(const HostStream *s);               /* bytes that can be read now, when known, else 0 */
/* Waits until s is ready, the alarm was rung, or ms milliseconds have passed (-1: for ever). True when s is ready. */
bool host_stream_wait(const HostStream *s, bool for_write, int alarm, int ms);
int host_alarm_new(int *alarm);                                  /* closed by host_close */
void host_alarm_ring(int alarm);                                 /* for good */

int host_dup(int fd, int *out);                                  /* with close-on-exec */

#endif
