/* SPDX-License-Identifier: MIT */
/*
 * What a shell cannot ask of a file system: reads that a signal interrupts, what close says, poll, many readers. Results are words on
 * standard output; test/fuse.sh compares them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int die(const char *what)
{
    printf("%s: %s\n", what, strerrorname_np(errno));
    exit(1);
}

static int open_or_die(const char *file, int flags)
{
    int fd = open(file, flags, 0666);
    return fd < 0 ? die("open") : fd;
}

static const char *result(ssize_t n)
{
    static char s[32];
    if (n < 0)
        return strerrorname_np(errno);
    snprintf(s, sizeof s, "%zd", n);
    return s;
}

static void nothing(int n)
{
    (void)n;
}

/* read FILE: one read, which SIGUSR1 interrupts; "." once it is about to begin. */
static int read_once(char **argv)
{
    struct sigaction a = { .sa_handler = nothing };
    char buf[4096];
    int fd = open_or_die(argv[0], O_RDONLY);
    sigaction(SIGUSR1, &a, NULL);
    puts(".");
    fflush(stdout);
    ssize_t n = read(fd, buf, sizeof buf);
    puts(result(n));
    return 0;
}

/* close FILE TEXT...: writes each, closes; what write, which SIGUSR1 interrupts, and close said. */
static int close_it(char **argv)
{
    struct sigaction a = { .sa_handler = nothing };
    int fd = open_or_die(argv[0], O_WRONLY);
    sigaction(SIGUSR1, &a, NULL);
    for (argv++; *argv != NULL; argv++)
        printf("write %s ", result(write(fd, *argv, strlen(*argv))));
    printf("close %s\n", result(close(fd)));
    return 0;
}

/* share FILE ONE TWO: writes ONE, another process closes its copy of the descriptor, writes TWO. */
static int share(char **argv)
{
    int fd = open_or_die(argv[0], O_WRONLY);
    printf("write %s ", result(write(fd, argv[1], strlen(argv[1]))));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(close(fd) < 0 ? errno : 0);
    int status = 0;
    waitpid(child, &status, 0);
    printf("close %d ", WEXITSTATUS(status));
    printf("write %s ", result(write(fd, argv[2], strlen(argv[2]))));
    printf("close %s\n", result(close(fd)));
    return 0;
}

/* many N FILE: so many processes read it; "." once all are there, then how many got what the first got. */
static int many(char **argv)
{
    int n = atoi(argv[0]), ready[2], done[2];
    if (pipe(ready) < 0 || pipe(done) < 0)
        return die("pipe");
    for (int i = 0; i < n; i++) {
        pid_t child = fork();
        if (child < 0)
            return die("fork");
        if (child == 0) {
            char buf[64] = "";
            int fd = open_or_die(argv[1], O_RDONLY);
            if (write(ready[1], "", 1) != 1)
                _exit(1);
            ssize_t got = read(fd, buf, sizeof buf - 1);
            char c = got == 2 && buf[0] == '0' ? '=' : got < 0 ? 'E' : '?';
            _exit(write(done[1], &c, 1) != 1);
        }
    }
    char c;
    for (int i = 0; i < n; i++)
        if (read(ready[0], &c, 1) != 1)
            return die("ready");
    puts(".");
    fflush(stdout);
    int same = 0, failed = 0;
    for (int i = 0; i < n; i++) {
        if (read(done[0], &c, 1) != 1)
            return die("done");
        same += c == '=';
        failed += c == 'E';
    }
    printf("%d read, %d failed\n", same, failed);
    return 0;
}

/* poll FILE in|out MS: what holds within the time. */
static int poll_it(char **argv)
{
    int in = strcmp(argv[1], "in") == 0;
    int fd = open_or_die(argv[0], (in ? O_RDONLY : O_WRONLY) | O_NONBLOCK);
    struct pollfd p = { .fd = fd, .events = in ? POLLIN : POLLOUT };
    puts(".");
    fflush(stdout);
    int n = poll(&p, 1, atoi(argv[2]));
    if (n < 0)
        return die("poll");
    printf("%s%s%s%s\n", n == 0 ? "nothing" : "", (p.revents & POLLIN) != 0 ? "in" : "",
           (p.revents & POLLOUT) != 0 ? "out" : "", (p.revents & POLLHUP) != 0 ? "hup" : "");
    return 0;
}

/* see FILE TEXT COMMAND: maps and reads FILE, runs COMMAND, which changes it; does the same descriptor show TEXT then, both ways? */
static int see(char **argv)
{
    char buf[64];
    int fd = open_or_die(argv[0], O_RDONLY);
    char *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return die("mmap");
    ssize_t before = pread(fd, buf, sizeof buf, 0);
    int first = map[0];
    if (before < 1 || first != buf[0] || system(argv[2]) != 0)
        return die("before");
    ssize_t n = pread(fd, buf, sizeof buf, 0);
    size_t len = strlen(argv[1]);
    printf("read %s, ", n == (ssize_t)len && memcmp(buf, argv[1], len) == 0 ? "new" : "old");
    printf("mapped %s\n", memcmp(map, argv[1], len) == 0 ? "new" : "old");
    return 0;
}

/* gone FILE: unlinked while it is open: still a file, without a name. */
static int gone(char **argv)
{
    struct stat st;
    char c = 0;
    int fd = open_or_die(argv[0], O_RDWR | O_CREAT | O_EXCL);
    if (write(fd, "x", 1) != 1 || unlink(argv[0]) < 0)
        return die("unlink");
    sleep(3);                           /* until nobody has used the name for a while */
    if (fstat(fd, &st) < 0 || pread(fd, &c, 1, 0) != 1)
        return die("fstat");
    printf("%d links, %ld bytes, %c\n", (int)st.st_nlink, (long)st.st_size, c);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int args;
        int (*run)(char **argv);
    } verbs[] = {
        { "read", 1, read_once }, { "close", 1, close_it }, { "share", 3, share }, { "many", 2, many },
        { "poll", 3, poll_it },   { "see", 3, see },        { "gone", 1, gone },
    };
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (argc > 1 && strcmp(verbs[i].name, argv[1]) == 0 && argc >= 2 + verbs[i].args)
            return verbs[i].run(argv + 2);
    fprintf(stderr, "usage: fuse_probe VERB ARG...\n");
    return 2;
}
