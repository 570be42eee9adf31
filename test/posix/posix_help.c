/* SPDX-License-Identifier: MIT */
/* What the rules share: files made and looked at, times, long names, processes. */
#include "posix.h"

#include <sys/wait.h>
#include <time.h>

enum { TEXT_MAX = 65536, NANOSECONDS = 1000000000 };

void file_make(const char *name, const char *text)
{
    int fd = open_ok(name, O_WRONLY | O_CREAT | O_TRUNC);
    size_t n = strlen(text);
    if (n > 0)
        EQ(OK(write(fd, text, n)), n);
    OK(close(fd));
}

const char *file_text(const char *name)
{
    static char text[TEXT_MAX + 1];
    int fd = open_ok(name, O_RDONLY);
    size_t n = 0;
    for (ssize_t got = 1; got > 0 && n < TEXT_MAX; n += (size_t)got)
        got = (ssize_t)OK(read(fd, text + n, TEXT_MAX - n));
    text[n] = '\0';
    OK(close(fd));
    return text;
}

void dir_make(const char *name)
{
    OK(mkdir(name, 0755));
}

int open_ok(const char *name, int flags)
{
    return (int)OK(open(name, flags, 0644));
}

struct stat stat_of(const char *name)
{
    struct stat st;
    OK(lstat(name, &st));
    return st;
}

bool there(const char *name)
{
    struct stat st;
    if (lstat(name, &st) == 0)
        return true;
    FAILS(lstat(name, &st), ENOENT);
    return false;
}

/* ---- times ---------------------------------------------------------------------------------------------------------- */

static int64_t nanoseconds(struct timespec t)
{
    return (int64_t)t.tv_sec * NANOSECONDS + t.tv_nsec;
}

int64_t atime_of(const char *name)
{
    return nanoseconds(stat_of(name).st_atim);
}

int64_t mtime_of(const char *name)
{
    return nanoseconds(stat_of(name).st_mtim);
}

int64_t ctime_of(const char *name)
{
    return nanoseconds(stat_of(name).st_ctim);
}

static int64_t now_by(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return nanoseconds(t);
}

void tick(void)
{
    int64_t now = now_by(CLOCK_REALTIME);
    struct timespec pause = { .tv_nsec = 1000000 };
    while (now_by(CLOCK_REALTIME_COARSE) <= now)
        nanosleep(&pause, NULL);
}

Times times_of(const char *name)
{
    struct stat st = stat_of(name);
    tick();
    return (Times){ nanoseconds(st.st_atim), nanoseconds(st.st_mtim), nanoseconds(st.st_ctim) };
}

/* ---- long names ----------------------------------------------------------------------------------------------------- */

const char *long_name(size_t n)
{
    static char name[2 * PATH_MAX];
    memset(name, 'x', n);
    name[n] = '\0';
    return name;
}

const char *long_path(size_t n, const char *name)
{
    static char path[2 * PATH_MAX];
    size_t len = strlen(name);
    memcpy(path + n - len, name, len + 1);
    /* "./" as often as it goes; one more slash where the rest is odd. */
    for (size_t i = 0; i < n - len; i++)
        path[i] = i % 2 == 0 && i + 1 < n - len ? '.' : '/';
    return path;
}

/* ---- processes ------------------------------------------------------------------------------------------------------ */

pid_t child_start(int (*fn)(void *arg), void *arg)
{
    fflush(stdout);
    pid_t pid = fork();
    OK(pid);
    if (pid == 0)
        _exit(fn(arg));
    return pid;
}

int child_end(pid_t pid)
{
    int status = 0;
    OK(waitpid(pid, &status, 0));
    TRUE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

void be_in(const char *dir)
{
    OK(chdir(dir));
}

bool is_root(void)
{
    return geteuid() == 0;
}

/* Below the current directory; goes down by descriptors, since names may be deeper than a path is long. */
static void empty_dir(int dir)
{
    DIR *d = fdopendir(dir);
    if (d == NULL)
        return;
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (unlinkat(dirfd(d), e->d_name, 0) == 0)
            continue;
        (void)fchmodat(dirfd(d), e->d_name, 0700, 0);
        int below = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (below >= 0)
            empty_dir(below);
        (void)unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
    }
    closedir(d);
}

void remove_tree(const char *name)
{
    (void)chmod(name, 0700);
    int fd = open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (fd >= 0)
        empty_dir(fd);
}
