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

enum { HOST_READ = 1, HOST_WRITE = 2, HOST_TRUNC = 4, HOST_APPEND = 8, HOST_CREATE = 16, HOST_EXCL = 32, HOST_DIR = 64,
       HOST_NONBLOCK = 128 };

/* A handle for a whole tree or a single file: path as the host's process names it. -ENOENT, -EACCES ... */
int host_root(const char *path, int *fd);
/* One name in dir, not followed when it is a link; the handle only names it (O_PATH). "..", "/" in name: -EINVAL. */
int host_walk(int dir, const char *name, int *fd);
/* Opens what the O_PATH handle fd names. flags: HOST_READ ... TRUNC, APPEND. */
int host_open(int fd, unsigned flags, int *out);
/* Creates name in dir (HOST_EXCL honoured). *out is opened with flags; made tells whether it was created. */
int host_create(int dir, const char *name, unsigned flags, uint32_t mode, int *out);
void host_close(int fd);
int host_stat(int fd, HostStat *st);
int64_t host_read(int fd, void *buf, size_t n, uint64_t off);
int64_t host_write(int fd, const void *buf, size_t n, uint64_t off);
int64_t host_append(int fd, const void *buf, size_t n);          /* at the end, whatever others wrote */
int host_truncate(int fd, uint64_t size);                        /* fd opened for writing, or an O_PATH handle */
int host_allocate(int fd, uint64_t off, uint64_t n);
int host_chmod(int fd, uint32_t mode);
int host_utimes(int fd, const int64_t *atime, const int64_t *mtime);   /* NULL leaves one as it is */
int host_mkdir(int dir, const char *name, uint32_t mode);
int host_symlink(int dir, const char *name, const char *target);
int64_t host_readlink(int fd, char *buf, size_t n);
int host_link(int file, int dir, const char *name);
int host_rename(int from, const char *name, int to, const char *newname);
int host_unlink(int dir, const char *name, bool is_dir);
int host_fsync(int fd, bool data_only);
int host_statfs(int fd, uint64_t *bsize, uint64_t *blocks, uint64_t *bfree, uint64_t *files, uint64_t *ffree);

typedef struct HostDir HostDir;
int host_dir_open(int fd, HostDir **out);
/* Entries from cookie on (0 starts; the cookie of an entry goes on behind it). 1 an entry, 0 the end, negative. */
int host_dir_next(HostDir *d, uint64_t cookie, char name[256], uint64_t *ino, uint8_t *type, uint64_t *next);
void host_dir_close(HostDir *d);

/*
 * Streams of the process itself (its standard descriptors, terminals, pipes): what can block. Reads and writes are done
 * by a helper thread of that descriptor that works only while somebody asks; see dev/devhost.c.
 */
typedef enum HostKind { HOST_FILE, HOST_TTY, HOST_STREAM } HostKind;
HostKind host_kind(int fd);
int64_t host_stream_read(int fd, void *buf, size_t n);           /* blocks; -EINTR when host_stream_interrupt came */
int64_t host_stream_write(int fd, const void *buf, size_t n);
bool host_stream_ready(int fd, bool for_write);
int host_dup(int fd, int *out);                                  /* with close-on-exec */

#endif
