/* SPDX-License-Identifier: MIT */
/*
 * What the host does for the same work: a small process made at the start, so that posix_spawn has little to copy. It gets
 * (work, n) through a pipe and answers with nanoseconds.
 */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct Order {
    HostWork work;
    unsigned n;
} Order;

static int to_host[2], from_host[2];
static pid_t host;
static const char *scratch_dir, *program_dir;
static char block[65536];

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void must(bool ok, const char *what)
{
    if (!ok)
        die("host: %s failed", what);
}

static void spawn(const char *name, unsigned n)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", program_dir, name);
    char *args[] = { path, NULL }, *env[] = { NULL };
    for (unsigned i = 0; i < n; i++) {
        pid_t pid;
        int status;
        must(posix_spawn(&pid, path, NULL, NULL, args, env) == 0, path);
        must(waitpid(pid, &status, 0) == pid && status == 0, "waitpid");
    }
}

static void file_work(bool write_it, unsigned n)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/host-file", scratch_dir);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    must(fd >= 0 && pwrite(fd, block, sizeof block, 0) == sizeof block, path);
    for (unsigned i = 0; i < n; i++) {
        if (i % 1024 == 0)
            lseek(fd, 0, SEEK_SET);
        ssize_t r = write_it ? write(fd, block, 64) : read(fd, block, 64);
        must(r == 64, "64 bytes");
    }
    close(fd);
}

static void open_work(unsigned n)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/tmp/a/b/c", scratch_dir);
    int dir = open(scratch_dir, O_PATH);
    for (unsigned i = 0; i < n; i++) {
        int fd = openat(dir, "tmp/a/b/c/f", O_RDONLY);
        must(fd >= 0, path);
        close(fd);
    }
    close(dir);
}

/* Another process writes n blocks; this one reads them all. */
static void pipe_blocks(unsigned n)
{
    int p[2];
    must(pipe(p) == 0, "pipe");
    pid_t pid = fork();
    if (pid == 0) {
        for (unsigned i = 0; i < n; i++)
            for (size_t at = 0; at < sizeof block;)
                at += (size_t)write(p[1], block + at, sizeof block - at);
        _exit(0);
    }
    close(p[1]);
    while (read(p[0], block, sizeof block) > 0)
        ;
    close(p[0]);
    waitpid(pid, NULL, 0);
}

static double pipe_bytes(unsigned n)
{
    int there[2], back[2];
    must(pipe(there) == 0 && pipe(back) == 0, "pipe");
    pid_t pid = fork();
    char c = 'x';
    if (pid == 0) {
        close(there[1]);
        while (read(there[0], &c, 1) == 1 && write(back[1], &c, 1) == 1)
            ;
        _exit(0);
    }
    close(there[0]);
    double start = now();
    for (unsigned i = 0; i < n; i++)
        must(write(there[1], &c, 1) == 1 && read(back[0], &c, 1) == 1, "a byte there and back");
    double ns = now() - start;
    close(there[1]);
    close(back[0]);
    close(back[1]);
    waitpid(pid, NULL, 0);
    return ns;
}

static double do_work(Order o)
{
    double start = now();
    switch (o.work) {
    case HOST_SPAWN_DYNAMIC:
        spawn("true-dynamic", o.n);
        break;
    case HOST_SPAWN_STATIC:
        spawn("true-static", o.n);
        break;
    case HOST_WRITE:
        file_work(true, o.n);
        break;
    case HOST_READ_FILE:
        file_work(false, o.n);
        break;
    case HOST_OPEN:
        open_work(o.n);
        break;
    case HOST_PIPE_BLOCKS:
        pipe_blocks(o.n);
        break;
    case HOST_PIPE_BYTES:
        return pipe_bytes(o.n);
    case HOST_ONE_CORE:
    case HOST_TWO_CORES:
        return cores_on_host(scratch_dir, o.work == HOST_TWO_CORES ? 2 : 1, o.n);
    }
    return now() - start;
}

static void make_tree(void)
{
    static const char *const dirs[] = { "tmp", "tmp/a", "tmp/a/b", "tmp/a/b/c" };
    char path[4096];
    for (size_t i = 0; i < LEN(dirs); i++) {
        snprintf(path, sizeof path, "%s/%s", scratch_dir, dirs[i]);
        must(mkdir(path, 0700) == 0, path);
    }
    snprintf(path, sizeof path, "%s/tmp/a/b/c/f", scratch_dir);
    close(open(path, O_CREAT | O_WRONLY, 0600));
}

void host_begin(const char *scratch, const char *programs)
{
    scratch_dir = scratch;
    program_dir = programs;
    must(pipe(to_host) == 0 && pipe(from_host) == 0, "pipe");
    make_tree();
    host = fork();
    if (host != 0) {
        close(to_host[0]);
        close(from_host[1]);
        return;
    }
    close(to_host[1]);
    Order o;
    while (read(to_host[0], &o, sizeof o) == sizeof o) {
        double ns = do_work(o);
        must(write(from_host[1], &ns, sizeof ns) == sizeof ns, "answer");
    }
    _exit(0);
}

void host_end(void)
{
    close(to_host[1]);
    waitpid(host, NULL, 0);
}

double host_run(void *work, unsigned n)
{
    Order o = { .work = *(HostWork *)work, .n = n };
    double ns;
    must(write(to_host[1], &o, sizeof o) == sizeof o, "order");
    must(read(from_host[0], &ns, sizeof ns) == sizeof ns, "answer");
    return ns;
}

void host_one_processor(bool one)
{
    static cpu_set_t all;
    if (CPU_COUNT(&all) == 0)
        must(sched_getaffinity(0, sizeof all, &all) == 0, "sched_getaffinity");
    cpu_set_t set = all;
    if (one) {
        CPU_ZERO(&set);
        CPU_SET(sched_getcpu(), &set);
    }
    must(sched_setaffinity(host, sizeof set, &set) == 0, "sched_setaffinity");
    DIR *threads = opendir("/proc/self/task");
    must(threads != NULL, "/proc/self/task");
    for (struct dirent *e; (e = readdir(threads)) != NULL;)
        if (e->d_name[0] != '.')
            (void)sched_setaffinity(atoi(e->d_name), sizeof set, &set);     /* one that has just ended needs none */
    closedir(threads);
}
