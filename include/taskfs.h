/* SPDX-License-Identifier: MIT */
/*
 * libtaskfs: a taskfs kernel inside a C program.
 *
 *     taskfs *k;
 *     taskfs_boot(0, &k);
 *     taskfs_bind_host(k, "/srv/data", "/data", TASKFS_RDONLY);
 *     const char *argv[] = { "/data/hello.wasm", NULL };
 *     taskfs_task *t;
 *     taskfs_spawn(k, &(taskfs_program){ .argv = argv }, &t);
 *     int code;
 *     taskfs_wait(t, &code);
 *     taskfs_task_free(t);
 *     taskfs_end(k);
 *
 * A call that can fail returns a negative error number of Linux (-ENOENT, as in <errno.h>), otherwise 0 or a count; its result
 * comes back through the last pointer argument, untouched on failure. taskfs_words says more about the last failure.
 *
 * All functions may be called from any thread, also at once with the same objects; what is freed must not be in use. Calls ask
 * as task 1, the root: paths are of its namespace, relative ones begin at "/". Calls that wait block the calling thread
 * only; taskfs_poll waits for several files, and files opened with TASKFS_NONBLOCK never block (-EAGAIN).
 *
 * Everything a task shows is a file: taskfs_open(k, "/task/2/ctl", ...) and so on do what has no function here.
 */
#ifndef TASKFS_H
#define TASKFS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TASKFS_VERSION "0.1.0"

typedef struct taskfs taskfs;               /* a kernel that runs */
typedef struct taskfs_file taskfs_file;     /* an open file or directory */
typedef struct taskfs_task taskfs_task;     /* a task that was spawned here */

/* The version of the library, such as "0.1.0". */
const char *taskfs_version(void);

/*
 * Why the calling thread's last call failed, in words; "" when there is no more to say than the number, or it did not fail.
 * Good until the thread's next call.
 */
const char *taskfs_words(void);

/* ---- a kernel ----------------------------------------------------------------------------------------------------- */

enum {
    TASKFS_BARE = 1                         /* taskfs_boot: an empty root, without /bin, /tmp, /dev, /task and /cap */
};

/*
 * Boots a kernel. Several may run in one process. SIGPIPE should be ignored, and each open host file is a descriptor of the process.
 *   flags  0 or TASKFS_BARE
 *   out    to be given to taskfs_end
 * -EINVAL unknown flags, -ENOMEM
 */
int taskfs_boot(unsigned flags, taskfs **out);

/* Kills every task, waits for their ends and frees the kernel. Its files and tasks are to be closed and freed before. */
void taskfs_end(taskfs *k);

enum {                                      /* taskfs_bind, taskfs_bind_host, taskfs_mount */
       TASKFS_RDONLY = 1,  /* read-only, and so is all that is reached through it */
       TASKFS_BEFORE = 2,  /* in front of what is there: a union */
       TASKFS_AFTER = 4,   /* behind what is there */
       TASKFS_CREATE = 8,  /* new names are made in this member of a union */
       TASKFS_SHALLOW = 16 /* without what is bound below the source */
};

/*
 * The directory or file that the host calls host appears at guest. Nothing else of the host can be reached through it.
 *   flags  TASKFS_RDONLY ...
 * -ENOENT, -EACCES and so on of the host; -EISDIR, -ENOTDIR a file over a directory, or the other way; -ENOMEM
 */
int taskfs_bind_host(taskfs *k, const char *host, const char *guest, unsigned flags);

/* The directory or file at src appears at dst, too. Errors as above, of the namespace. */
int taskfs_bind(taskfs *k, const char *src, const char *dst, unsigned flags);

/*
 * Mounts a file system at dst.
 *   type    "tmpfs", "tar"
 *   source  a path in the namespace, for types that take one; else NULL
 * -ENODEV unknown type, -EINVAL source wanted or not, and what reading the source answers
 */
int taskfs_mount(taskfs *k, const char *type, const char *source, const char *dst, unsigned flags);

/* Undoes what was bound at dst; where nothing was, hides it. */
int taskfs_unbind(taskfs *k, const char *dst);

/* ---- files -------------------------------------------------------------------------------------------------------- */

enum {                                      /* taskfs_open */
       TASKFS_READ = 1,
       TASKFS_WRITE = 2,
       TASKFS_TRUNC = 4,
       TASKFS_APPEND = 8,
       TASKFS_NONBLOCK = 16,
       TASKFS_NEW = 32,       /* make it when it is not there */
       TASKFS_EXCL = 64,      /* with TASKFS_NEW: fail with -EEXIST when it is there */
       TASKFS_DIRECTORY = 128 /* fail with -ENOTDIR when it is none */
};

/*
 * Opens path.
 *   flags  TASKFS_READ, TASKFS_WRITE or both, and others
 *   mode   permission bits of a new file
 * -EINVAL unknown flags; -ENOENT, -ENOTDIR, -EISDIR, -EEXIST, -ELOOP, -EROFS, -EPERM, -ENOSPC, -ENOMEM
 */
int taskfs_open(taskfs *k, const char *path, unsigned flags, unsigned mode, taskfs_file **out);

/* Closes f; its memory is freed whatever is returned: the error of an unfinished control line. */
int taskfs_close(taskfs_file *f);

/* Reads and writes at the position of f, which moves. The bytes done, 0 at the end of file. -EBADF, -EAGAIN, -EPIPE, ... */
int64_t taskfs_read(taskfs_file *f, void *buf, size_t n);
int64_t taskfs_write(taskfs_file *f, const void *buf, size_t n);
/* The same at off, in bytes; the position stays. */
int64_t taskfs_pread(taskfs_file *f, void *buf, size_t n, uint64_t off);
int64_t taskfs_pwrite(taskfs_file *f, const void *buf, size_t n, uint64_t off);

/* Sets the position: off from the start (0), from where it is (1), or from the end (2). Its new value. -ESPIPE, -EINVAL */
int64_t taskfs_seek(taskfs_file *f, int64_t off, int whence);

typedef struct taskfs_stat {
    uint64_t dev, ino, size, nlink, blocks, rdev;
    uint32_t mode;                          /* type and permission bits, as Linux has them */
    uint32_t uid, gid, blksize;
    int64_t atime, mtime, ctime;            /* nanoseconds since 1970 */
} taskfs_stat;

/* What path names; nofollow: a link itself. */
int taskfs_getattr(taskfs *k, const char *path, int nofollow, taskfs_stat *out);
int taskfs_fgetattr(taskfs_file *f, taskfs_stat *out);
int taskfs_chmod(taskfs *k, const char *path, unsigned mode);
int taskfs_truncate(taskfs_file *f, uint64_t size);
int taskfs_fsync(taskfs_file *f);

typedef struct taskfs_dirent {
    const char *name;                       /* good until the function returns */
    uint64_t ino;
    uint32_t type;                          /* the type bits of a mode */
} taskfs_dirent;

/*
 * Calls fn for every entry of an open directory, "." and ".." included, until it returns another value than 0, which is then
 * returned (a negative one stands for itself). -ENOTDIR
 */
int taskfs_readdir(taskfs_file *f, int (*fn)(void *arg, const taskfs_dirent *e), void *arg);

int taskfs_mkdir(taskfs *k, const char *path, unsigned mode);
int taskfs_rmdir(taskfs *k, const char *path);
int taskfs_unlink(taskfs *k, const char *path);
int taskfs_rename(taskfs *k, const char *from, const char *to);
int taskfs_link(taskfs *k, const char *file, const char *path);
int taskfs_symlink(taskfs *k, const char *target, const char *path);
/* The target into buf, without a NUL; its length, cut to n. -EINVAL not a link */
int64_t taskfs_readlink(taskfs *k, const char *path, char *buf, size_t n);

/* A pipe: its reading and its writing end. */
int taskfs_pipe(taskfs *k, taskfs_file **r, taskfs_file **w);

enum {                                      /* taskfs_pollfd */
       TASKFS_CAN_READ = 1, /* reading does not wait */
       TASKFS_CAN_WRITE = 2,
       TASKFS_HANGUP = 4 /* the other side is gone: only an answer */
};

typedef struct taskfs_pollfd {
    taskfs_file *file;
    uint32_t events, revents;               /* asked for; found */
} taskfs_pollfd;

/*
 * Waits until one of n files is ready, all of the same kernel.
 *   timeout  in nanoseconds; 0 only looks, negative waits for ever
 * How many are ready, 0 when the time is up. -EINVAL files of different kernels, -ENOMEM
 */
int taskfs_poll(taskfs_pollfd *files, size_t n, int64_t timeout);

/* ---- tasks -------------------------------------------------------------------------------------------------------- */

typedef struct taskfs_program {
    const char *host;                       /* the program: a file of the host; NULL: argv[0], looked up in the namespace */
    const char *const *argv;                /* ended by NULL; at least one */
    const char *const *env;                 /* "NAME=value", ended by NULL; NULL: none */
    const char *cwd;                        /* NULL: "/" */
    taskfs_file *const *files;              /* descriptors 0, 1, ...; a NULL among the first three is /dev/null */
    size_t nfiles;
    uint64_t memlimit;                      /* bytes; 0: none */
    int nice;                               /* -20 .. 19 */
} taskfs_program;

/*
 * Starts a program as a new task, a child of task 1 with a copy of its namespace. Returns once it is loaded: a first compile
 * of a large program takes long.
 *   p    read before the call returns; the files stay the caller's
 *   out  to be given to taskfs_task_free
 * -EINVAL no argv, -ENOENT, -EACCES, -ENOEXEC (with words), -EAGAIN too many tasks, -ENOMEM
 */
int taskfs_spawn(taskfs *k, const taskfs_program *p, taskfs_task **out);

/* Its number: its files are in /task/ID. */
uint64_t taskfs_task_id(const taskfs_task *t);

/* Waits for the end; *code is the exit code, 128 + N when signal N ended it, 134 when it trapped. */
int taskfs_wait(taskfs_task *t, int *code);
/* The same without waiting: -EAGAIN while it runs. */
int taskfs_trywait(taskfs_task *t, int *code);

/* Sends a signal, numbered as Linux does; 0 only asks. -ESRCH it has exited, -EINVAL */
int taskfs_kill(taskfs_task *t, int signal);

/* Forgets the task, which goes on if it runs. */
void taskfs_task_free(taskfs_task *t);

#ifdef __cplusplus
}
#endif

#endif
