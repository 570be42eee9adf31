/* SPDX-License-Identifier: MIT */
/*
 * Files of a Linux host. A handle is an O_PATH descriptor: it names an inode, whatever happens to its names, and is opened through
 * /proc/self/fd, which reaches that inode and no other. Names are looked up one at a time from a handle, never ".." and
 * never through a link, by openat2 with RESOLVE_BENEATH; on a kernel without it (before 5.6, or where a sandbox refuses it)
 * by openat with O_NOFOLLOW, which is as safe for a single name. Nothing here needs a privilege.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "os/host.h"
#include "os/local.h"

enum { HANDLE = O_PATH | O_NOFOLLOW | O_CLOEXEC, NANOSECONDS = 1000000000, PROC_MAGIC = 0x9fa0 };

/* The error of the last call of the host. That this process has no more descriptors is no fault of the task that asks. */
static int failed(void)
{
    return -host_err(errno == EMFILE ? ENFILE : errno);
}

/* 0 or a descriptor becomes 0, and the descriptor goes to *out. */
static int opened(int fd, int *out)
{
    if (fd < 0)
        return failed();
    *out = fd;
    return 0;
}

typedef struct ProcPath {
    char s[32];
} ProcPath;

static ProcPath proc_path(int fd)
{
    ProcPath p;
    snprintf(p.s, sizeof p.s, "/proc/self/fd/%d", fd);
    return p;
}

static int done(int result)
{
    return result < 0 ? failed() : 0;
}

/* ---- names ---------------------------------------------------------------------------------------------------------- */

static int check_name(const char *name)
{
    if (name[0] == '\0')
        return -host_err(ENOENT);
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strchr(name, '/') != NULL)
        return -host_err(EINVAL);
    return 0;
}

/* /proc must be the real one: what is opened through it is what a handle names. */
static bool proc_is_there(void)
{
    struct statfs s;
    return statfs("/proc/self/fd", &s) == 0 && s.f_type == PROC_MAGIC;
}

int host_root(const char *path, int *fd)
{
    if (!proc_is_there())
        return -host_err(ENOSYS);
    return opened(open(path, O_PATH | O_CLOEXEC), fd);
}

int host_walk(int dir, const char *name, int *fd)
{
    static atomic_bool missing;                 /* the kernel has no openat2 */
    int r = check_name(name);
    if (r < 0)
        return r;
    if (!atomic_load_explicit(&missing, memory_order_relaxed)) {
        struct open_how how = { .flags = HANDLE,
                                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
        long got = syscall(SYS_openat2, dir, name, &how, sizeof how);
        if (got >= 0 || (errno != ENOSYS && errno != EPERM))
            return opened(host_not_served((int)got), fd);
        if (errno == ENOSYS)
            atomic_store_explicit(&missing, true, memory_order_relaxed);
    }
    return opened(host_not_served(openat(dir, name, HANDLE)), fd);
}

int host_create(int dir, const char *name, uint32_t mode, int *fd, int *made)
{
    int r = check_name(name);
    if (r < 0)
        return r;
    int file = openat(dir, name, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, (mode_t)mode);
    if (file < 0)
        return failed();
    r = opened(open(proc_path(file).s, O_PATH | O_CLOEXEC), fd);
    if (r < 0) {
        (void)unlinkat(dir, name, 0);           /* what failed has made nothing */
        close(file);
    } else {
        *made = file;
    }
    return r;
}

int host_mkdir(int dir, const char *name, uint32_t mode)
{
    int r = check_name(name);
    return r < 0 ? r : done(mkdirat(dir, name, (mode_t)mode));
}

int host_symlink(int dir, const char *name, const char *target)
{
    int r = check_name(name);
    return r < 0 ? r : done(symlinkat(target, dir, name));
}

int64_t host_readlink(int fd, char *buf, size_t n)
{
    ssize_t got = readlinkat(fd, "", buf, n);
    return got < 0 ? failed() : got;
}

int host_link(int file, int dir, const char *name)
{
    int r = check_name(name);
    return r < 0 ? r : done(linkat(AT_FDCWD, proc_path(file).s, dir, name, AT_SYMLINK_FOLLOW));
}

int host_rename(int from, const char *name, int to, const char *newname)
{
    int r = check_name(name);
    if (r == 0)
        r = check_name(newname);
    return r < 0 ? r : done(renameat(from, name, to, newname));
}

int host_unlink(int dir, const char *name, bool is_dir)
{
    int r = check_name(name);
    return r < 0 ? r : done(unlinkat(dir, name, is_dir ? AT_REMOVEDIR : 0));
}

/* ---- an open file --------------------------------------------------------------------------------------------------- */

int host_open(int fd, unsigned flags, int *out)
{
    int how = O_CLOEXEC | O_NOCTTY;
    how |= (flags & HOST_WRITE) == 0 ? O_RDONLY : (flags & HOST_READ) != 0 ? O_RDWR : O_WRONLY;
    how |= (flags & HOST_TRUNC) != 0 ? O_TRUNC : 0;
    how |= (flags & HOST_NONBLOCK) != 0 ? O_NONBLOCK : 0;
    return opened(open(proc_path(fd).s, how), out);
}

void host_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

int host_dup(int fd, int *out)
{
    return opened(fcntl(fd, F_DUPFD_CLOEXEC, 3), out);
}

int64_t host_read(int fd, void *buf, size_t n, uint64_t off)
{
    ssize_t got;
    do
        got = pread(fd, buf, n, (off_t)off);
    while (got < 0 && errno == EINTR);
    return got < 0 ? failed() : got;
}

/* off < 0: at the end. */
static int64_t write_part(int fd, const void *buf, size_t n, off_t off, int flags)
{
    struct iovec part = { .iov_base = (void *)(uintptr_t)buf, .iov_len = n };
    ssize_t put;
    do
        put = pwritev2(fd, &part, 1, off, flags);
    while (put < 0 && errno == EINTR);
    return put;
}

static int sync_flags(unsigned sync)
{
    return (sync & HOST_SYNC) != 0 ? RWF_SYNC : (sync & HOST_DSYNC) != 0 ? RWF_DSYNC : 0;
}

int64_t host_write(int fd, const void *buf, size_t n, uint64_t off, unsigned sync)
{
    ssize_t put = sync != 0 ? write_part(fd, buf, n, (off_t)off, sync_flags(sync)) : -1;
    if (sync != 0 && (put >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS)))
        return put < 0 ? failed() : put;
    do
        put = pwrite(fd, buf, n, (off_t)off);
    while (put < 0 && errno == EINTR);
    if (put < 0)
        return failed();
    int r = sync != 0 ? host_fsync(fd, (sync & HOST_SYNC) == 0) : 0;
    return r < 0 ? r : put;
}

/* Where the file system knows no RWF_APPEND: at what is the end now. */
static int64_t append_by_size(int fd, const void *buf, size_t n, unsigned sync, uint64_t *end)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return failed();
    int64_t put = host_write(fd, buf, n, (uint64_t)st.st_size, sync);
    if (put >= 0)
        *end = (uint64_t)(st.st_size + put);
    return put;
}

int64_t host_append(int fd, const void *buf, size_t n, unsigned sync, uint64_t *end)
{
    int64_t put = write_part(fd, buf, n, -1, RWF_APPEND | sync_flags(sync));
    if (put < 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
        return append_by_size(fd, buf, n, sync, end);
    if (put < 0)
        return failed();
    off_t at = lseek(fd, 0, SEEK_CUR);
    *end = at < 0 ? (uint64_t)put : (uint64_t)at;
    return put;
}

int host_truncate(int fd, uint64_t size)
{
    if (ftruncate(fd, (off_t)size) == 0)
        return 0;
    return errno == EBADF || errno == EINVAL ? done(truncate(proc_path(fd).s, (off_t)size)) : failed();
}

int host_allocate(int fd, uint64_t off, uint64_t n)
{
    return done(fallocate(fd, 0, (off_t)off, (off_t)n));
}

int host_fsync(int fd, bool data_only)
{
    return done(data_only ? fdatasync(fd) : fsync(fd));
}

/* ---- attributes ----------------------------------------------------------------------------------------------------- */

static int64_t nanoseconds(const struct timespec *t)
{
    return (int64_t)t->tv_sec * NANOSECONDS + t->tv_nsec;
}

int host_stat(int fd, HostStat *out)
{
    struct stat st;
    if (fstatat(fd, "", &st, AT_EMPTY_PATH) < 0)
        return failed();
    *out = (HostStat){
        .dev = st.st_dev,
        .ino = st.st_ino,
        .size = (uint64_t)st.st_size,
        .nlink = st.st_nlink,
        .blocks = (uint64_t)st.st_blocks,
        .rdev = st.st_rdev,
        .mode = st.st_mode,
        .uid = st.st_uid,
        .gid = st.st_gid,
        .blksize = (uint32_t)st.st_blksize,
        .atime = nanoseconds(&st.st_atim),
        .mtime = nanoseconds(&st.st_mtim),
        .ctime = nanoseconds(&st.st_ctim),
    };
    return 0;
}

int host_chmod(int fd, uint32_t mode)
{
    return done(chmod(proc_path(fd).s, (mode_t)mode));
}

int host_chown_same(int fd)
{
    return done(fchownat(fd, "", (uid_t)-1, (gid_t)-1, AT_EMPTY_PATH));
}

/* Times before 1970 have a negative second and a positive rest. */
static struct timespec timespec_of(const int64_t *ns)
{
    if (ns == NULL)
        return (struct timespec){ .tv_nsec = UTIME_OMIT };
    if (*ns == HOST_TIME_NOW)
        return (struct timespec){ .tv_nsec = UTIME_NOW };
    int64_t rest = *ns % NANOSECONDS;
    int64_t seconds = *ns / NANOSECONDS - (rest < 0);
    return (struct timespec){ .tv_sec = (time_t)seconds, .tv_nsec = (long)(rest < 0 ? rest + NANOSECONDS : rest) };
}

int host_utimes(int fd, const int64_t *atime, const int64_t *mtime)
{
    struct timespec times[2] = { timespec_of(atime), timespec_of(mtime) };
    if (utimensat(fd, "", times, AT_EMPTY_PATH) == 0)
        return 0;
    return errno == EINVAL || errno == ENOENT ? done(utimensat(AT_FDCWD, proc_path(fd).s, times, 0)) : failed();
}

int host_statfs(int fd, uint64_t *bsize, uint64_t *blocks, uint64_t *bfree, uint64_t *files, uint64_t *ffree)
{
    struct statfs s;
    if (fstatfs(fd, &s) < 0)
        return failed();
    *bsize = (uint64_t)s.f_bsize;
    *blocks = s.f_blocks;
    *bfree = s.f_bavail;
    *files = s.f_files;
    *ffree = s.f_ffree;
    return 0;
}
