/* SPDX-License-Identifier: MIT */
/*
 * The host's side of taskfs(1). SIGCONT is fetched like the others, so that a task that was stopped from outside goes on with us.
 */
#define _GNU_SOURCE
#include "front/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const int passed_on[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGCONT, SIGWINCH, SIGUSR1, SIGUSR2 };

uint32_t process_uid(void)
{
    return (uint32_t)getuid();
}
uint32_t process_gid(void)
{
    return (uint32_t)getgid();
}

uint32_t process_take_umask(void)
{
    return (uint32_t)umask(0);
}

int process_realpath(const char *path, char **out)
{
    char *real = realpath(path, NULL);
    if (real == NULL)
        return -errno;
    *out = real;
    return 0;
}

int process_cwd(char **out)
{
    char *cwd = getcwd(NULL, 0);
    if (cwd == NULL)
        return -errno;
    *out = cwd;
    return 0;
}

void process_free(char *s)
{
    free(s);
}

void process_raise_files(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
        l.rlim_cur = l.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &l);
    }
}

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/*
 * A `bin` beside the program is ours in a build tree only, where the library is beside it as well: elsewhere it may be anybody's.
 */
static char *programs_near(const char *own)
{
    static const char *const near[] = { "../lib/taskfs/bin", "bin" };
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/libtaskfs.so.0", own);
    size_t n = access(path, F_OK) == 0 ? sizeof near / sizeof near[0] : 1;
    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", own, near[i]);
        if (is_dir(path))
            return strdup(path);
    }
    return NULL;
}

char *process_programs(void)
{
    const char *told = getenv("TASKFS_BIN");
    if (told != NULL)
        return told[0] == '\0' ? NULL : strdup(told);
    char own[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
    if (n <= 0)
        return NULL;
    own[n] = '\0';
    *strrchr(own, '/') = '\0';
    return programs_near(own);
}

unsigned process_closed_streams(void)
{
    unsigned closed = 0;
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) == fd)
            closed |= 1u << fd;
    return closed;
}

unsigned process_stream_mode(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? 0 : (flags & O_ACCMODE) == O_RDWR ? 3 : (flags & O_ACCMODE) == O_WRONLY ? 2 : 1;
}

bool process_is_terminal(int fd)
{
    return isatty(fd) == 1;
}

int process_position(int fd, uint64_t *pos)
{
    struct stat st;
    off_t at = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? lseek(fd, 0, SEEK_CUR) : -1;
    if (at < 0)
        return -ESPIPE;
    *pos = (uint64_t)at;
    return 0;
}

void process_move(int fd, uint64_t pos)
{
    lseek(fd, (off_t)pos, SEEK_SET);
}

/* ---- signals ------------------------------------------------------------------------------------------------------ */

static void fill(sigset_t *set)
{
    sigemptyset(set);
    for (unsigned i = 0; i < sizeof passed_on / sizeof passed_on[0]; i++)
        sigaddset(set, passed_on[i]);
    sigaddset(set, SIGRTMIN);       /* process_poke */
}

void process_take_signals(void)
{
    sigset_t set;
    fill(&set);
    /* One that was ignored from the start (nohup) stays ignored: blocked, it would be fetched. */
    for (unsigned i = 0; i < sizeof passed_on / sizeof passed_on[0]; i++) {
        struct sigaction now;
        if (sigaction(passed_on[i], NULL, &now) == 0 && now.sa_handler == SIG_IGN)
            sigdelset(&set, passed_on[i]);
    }
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);       /* a closed standard descriptor is an error of the task's write */
}

int process_next_signal(int ms)
{
    const struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
    sigset_t set;
    fill(&set);
    int n;
    do
        n = ms < 0 ? sigwaitinfo(&set, NULL) : sigtimedwait(&set, NULL, &time);
    while (n < 0 && errno == EINTR);
    return n == SIGRTMIN || n < 0 ? 0 : n;
}

void process_poke(void)
{
    kill(getpid(), SIGRTMIN);
}
void process_stop(void)
{
    kill(getpid(), SIGSTOP);
}
