/* SPDX-License-Identifier: MIT */
/*
 * `taskfs mount` against libfuse's own passthrough_ll, mounted at once over the same directory of the host's tmpfs, without timeouts:
 * Linux asks for every name and every attribute, and forgets what it has read of a file when that is opened again. On our side
 * also the kernel's own tmpfs, at the same depth. Ours has Linux check permissions; passthrough_ll is there with that and without it,
 * when Linux asks for three things instead of five for a stat, because nobody looks whether the directories may be searched.
 *
 * All share one processor: who asks and who serves take turns anyway, and on two the rounds of either side differ fivefold by where
 * Linux wakes whom.
 */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIZE = 1 << 20, PATIENCE = 5000 /* milliseconds until it is mounted */, ALIGNED = 4096 };

typedef struct Served {
    pid_t pid;
    char dir[128];
} Served;

typedef struct Reading {
    const char *path;
    int flags;
    char *buf; /* SIZE bytes, aligned for O_DIRECT */
} Reading;

static bool is_mounted(const char *dir)
{
    char above[160];
    struct stat at, over;
    snprintf(above, sizeof above, "%s/..", dir);
    return stat(dir, &at) == 0 && stat(above, &over) == 0 && at.st_dev != over.st_dev;
}

/* False: it ended, or it has not mounted anything. */
static bool serve(Served *s, char *const args[], bool quiet)
{
    s->pid = fork();
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* both then unmount */
        if (quiet)
            dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        execv(args[0], args);
        _exit(127);
    }
    for (unsigned i = 0; i < PATIENCE; i++) {
        if (is_mounted(s->dir))
            return true;
        if (waitpid(s->pid, NULL, WNOHANG) != 0)
            break;
        usleep(1000);
    }
    return false;
}

static void end_serving(Served *s)
{
    if (s->pid > 0 && kill(s->pid, SIGTERM) == 0)
        (void)waitpid(s->pid, NULL, 0);
}

static void make_file(const char *path)
{
    char *block = calloc(1, SIZE);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    if (fd < 0 || write(fd, block, SIZE) != SIZE || close(fd) < 0)
        die("%s cannot be written", path);
    free(block);
}

static double stats(void *arg, unsigned n)
{
    const Reading *r = arg;
    struct stat st;
    uint64_t start = clock_now(CLOCK_MONO);
    for (unsigned i = 0; i < n; i++)
        if (stat(r->path, &st) < 0 || st.st_size != SIZE)
            die("stat %s", r->path);
    return (double)(clock_now(CLOCK_MONO) - start);
}

static double reads(void *arg, unsigned n)
{
    const Reading *r = arg;
    uint64_t start = clock_now(CLOCK_MONO);
    for (unsigned i = 0; i < n; i++) {
        int fd = open(r->path, O_RDONLY | r->flags);
        if (fd < 0 || read(fd, r->buf, SIZE) != SIZE)
            die("read %s", r->path);
        close(fd);
    }
    return (double)(clock_now(CLOCK_MONO) - start);
}

enum { CHECKED, UNCHECKED, THEIRS };

static void row(const char *name, double (*run)(void *arg, unsigned n), unsigned n, Reading ours, Reading theirs,
                bool checked)
{
    bench_pair(name, (Side){ "taskfs mount", run, &ours },
               (Side){ checked ? "passthrough_ll" : "passthrough_ll, unchecked", run, &theirs }, n, 0.9);
}

static void rows(const char *what, const char *name, const Served *ours, const Served *theirs, char *buf)
{
    char path[160], passed[THEIRS][160], title[64];
    snprintf(path, sizeof path, "%s/%s/f", ours->dir, name);
    for (int i = 0; i < THEIRS; i++)
        snprintf(passed[i], sizeof passed[i], "%s/src/f", theirs[i].dir);
    snprintf(title, sizeof title, "fuse: stat, %s", what);
    for (int i = 0; i < THEIRS; i++)
        row(title, stats, 2000, (Reading){ path, 0, buf }, (Reading){ passed[i], 0, buf }, i == CHECKED);
    snprintf(title, sizeof title, "fuse: 1 MiB read anew, %s", what);
    row(title, reads, 100, (Reading){ path, 0, buf }, (Reading){ passed[CHECKED], 0, buf }, true);
    snprintf(title, sizeof title, "fuse: 1 MiB direct, %s", what);
    row(title, reads, 100, (Reading){ path, O_DIRECT, buf }, (Reading){ passed[CHECKED], O_DIRECT, buf }, true);
}

static void compare(const Served *ours, const Served *theirs)
{
    char own[160];
    snprintf(own, sizeof own, "%s/tmp/f", ours->dir);
    make_file(own);
    char *buf = aligned_alloc(ALIGNED, SIZE);
    memset(buf, 0, SIZE);
    rows("own tmpfs", "tmp", ours, theirs, buf);
    rows("granted", "src", ours, theirs, buf);
    free(buf);
}

static void make_dir(const char *scratch, const char *name, char *path, size_t n)
{
    snprintf(path, n, "%s/%s", scratch, name);
    if (mkdir(path, 0700) < 0)
        die("%s cannot be made", path);
}

void bench_fuse(const char *scratch, const char *programs)
{
    char passed[128], granted[128], file[160], grant[160], options[THEIRS][256], taskfs[4096], passthrough[4096];
    Served ours = { .pid = 0 }, theirs[THEIRS] = { { .pid = 0 } };
    snprintf(taskfs, sizeof taskfs, "%s/../taskfs", programs);
    snprintf(passthrough, sizeof passthrough, "%s/passthrough_ll", programs);
    if (access(passthrough, X_OK) < 0) {
        printf("fuse: skipped, since libfuse's example passthrough_ll.c is not there to be compiled\n");
        return;
    }
    make_dir(scratch, "ours", ours.dir, sizeof ours.dir);
    make_dir(scratch, "checked", theirs[CHECKED].dir, sizeof theirs[CHECKED].dir);
    make_dir(scratch, "unchecked", theirs[UNCHECKED].dir, sizeof theirs[UNCHECKED].dir);
    make_dir(scratch, "served", passed, sizeof passed);
    make_dir(scratch, "served/src", granted, sizeof granted);
    snprintf(file, sizeof file, "%s/f", granted);
    make_file(file);
    snprintf(grant, sizeof grant, "%s::/src", granted);
    char *our_args[] = { taskfs, "mount", "--dir", grant, ours.dir, NULL };
    host_one_processor(true);
    bool all = serve(&ours, our_args, false);
    for (int i = 0; i < THEIRS && all; i++) {
        snprintf(options[i], sizeof options[i], "source=%s,timeout=0,cache=auto%s", passed,
                 i == CHECKED ? ",default_permissions" : "");
        char *their_args[] = { passthrough, "-f", "-o", options[i], theirs[i].dir, NULL };
        all = serve(&theirs[i], their_args, true); /* it complains of its own default for the number of threads */
    }
    if (all)
        compare(&ours, theirs);
    else
        printf("fuse: skipped, since nothing can be mounted here\n");
    for (int i = 0; i < THEIRS; i++)
        end_serving(&theirs[i]);
    end_serving(&ours);
    host_one_processor(false);
}
