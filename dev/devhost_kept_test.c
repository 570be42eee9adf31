/* SPDX-License-Identifier: MIT */
/*
 * The host through the whole kernel: what must not be left behind, let through to other programs, or shown twice.
 */
#define _POSIX_C_SOURCE 200809L       /* no more: the rest has names that the kernel uses too */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dev/devhost.h"
#include "os/host.h"
#include "test/names.h"

/* A new directory of the host at /h; its path there in dir. */
static World host_world(char *dir)
{
    World w = world("/x/");
    File *root = NULL;
    strcpy(dir, "/tmp/kept-XXXXXX");
    TRUE(mkdtemp(dir) != NULL);
    OK(RUN_CALL(devhost_new(w.call, dir, &root)));
    OK(RUN_CALL(ns_mount(w.call, walk_self(w.call), root, "host", "/h", BIND_CREATE)));
    file_put(root);
    return w;
}

static void host_world_end(World *w, const char *dir)
{
    char command[64];
    world_end(w);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    TRUE(system(command) == 0);
}

static struct stat stat_of(const char *dir, const char *name)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    TRUE(stat(path, &st) == 0);
    return st;
}

TEST(truncating_needs_no_writing)
{
    char dir[32];
    World w = host_world(dir);
    OK(world_write(&w, "/h/f", "hello"));
    EQ(stat_of(dir, "f").st_size, 5);
    OK(names_open(&w, "/h/f", OPEN_READ | OPEN_TRUNC));
    EQ(stat_of(dir, "f").st_size, 0);
    host_world_end(&w, dir);
}

TEST(now_is_not_a_time_that_was_given)
{
    char dir[32];
    World w = host_world(dir);
    AUTO_CHAN Chan *f = NULL;
    Attr a = { .atime = 5, .mtime = 5 };
    OK(world_write(&w, "/h/f", "hello"));
    OK(names_walk(&w, "/h/f", 0, &f));
    OK(RUN_CALL(chan_setattr(w.call, f, SET_ATIME | SET_MTIME, &a)));
    EQ(stat_of(dir, "f").st_atim.tv_sec, 0);
    OK(RUN_CALL(chan_setattr(w.call, f, SET_ATIME_NOW | SET_MTIME_NOW, &a)));
    TRUE(stat_of(dir, "f").st_atim.tv_sec > 1000);
    TRUE(stat_of(dir, "f").st_mtim.tv_sec > 1000);
    chan_put(STEAL(f));
    host_world_end(&w, dir);
}

TEST(attributes_count_names_and_room)
{
    char dir[32];
    World w = host_world(dir);
    AUTO_CHAN Chan *f = NULL;
    Attr a;
    StatFs fs;
    OK(world_write(&w, "/h/f", "hello"));
    OK(names_link(&w, "/h/f", "/h/g"));
    OK(names_walk(&w, "/h/f", 0, &f));
    OK(RUN_CALL(chan_getattr(w.call, f, &a)));
    EQ(a.nlink, 2);
    OK(RUN_CALL(chan_statfs(w.call, f, &fs)));
    TRUE(fs.bfree < fs.blocks && fs.bavail <= fs.bfree);
    chan_put(STEAL(f));
    host_world_end(&w, dir);
}

/* ---- descriptors ---------------------------------------------------------------------------------------------------- */

static unsigned open_descriptors(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/fd");
    TRUE(d != NULL);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

static int make_and_remove(void *arg)
{
    World *w = arg;
    int r = names_open(w, "/h/new", OPEN_WRITE | OPEN_CREATE);
    (void)names_unlink(w, "/h/new");
    return r;
}

TEST(no_descriptor_is_left_by_what_failed)
{
    char dir[32];
    unsigned before = open_descriptors();
    World w = host_world(dir);
    test_each_failure(make_and_remove, &w);
    host_world_end(&w, dir);
    EQ(open_descriptors(), before);
}

static void is_ours_alone(int fd)
{
    TRUE(fd > 2);
    EQ(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close(fd);
}

/* What a program that this process starts would inherit, it could use. */
TEST(no_descriptor_goes_to_other_programs)
{
    char dir[] = "/tmp/kept-XXXXXX", command[64];
    int root = -1, fd = -1, made = -1, again = -1, copy = -1;
    TRUE(mkdtemp(dir) != NULL);
    OK(host_root(dir, &root));
    OK(host_create(root, "f", 0600, &fd, &made));
    OK(host_walk(root, "f", &again));
    OK(host_dup(made, &copy));
    is_ours_alone(copy);
    OK(host_open(again, HOST_READ, &copy));
    is_ours_alone(copy);
    is_ours_alone(made);
    is_ours_alone(again);
    is_ours_alone(fd);
    is_ours_alone(root);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    TRUE(system(command) == 0);
}

/* ---- listings ------------------------------------------------------------------------------------------------------- */

enum { SEEN = 64 };

typedef struct Seen {
    unsigned n;
    uint64_t cookie[SEEN];
} Seen;

static int see(void *arg, const Dirent *e)
{
    Seen *s = arg;
    if (e->name[0] != '.' && s->n < SEEN)
        s->cookie[s->n++] = e->next;
    return 0;
}

TEST(a_listing_from_its_start_shows_what_is_there_now)
{
    char dir[32];
    World w = host_world(dir);
    Chan *d;
    Seen first = { 0 }, second = { 0 };
    OK(names_mkdir(&w, "/h/d"));
    OK(world_open(&w, "/h/d", OPEN_READ | OPEN_DIRECTORY, &d));
    OK(RUN_CALL(chan_readdir(w.call, d, 0, see, &first)));
    EQ(first.n, 0);
    for (int i = 0; i < 10; i++) {
        char path[32];
        snprintf(path, sizeof path, "/h/d/%d", i);
        OK(world_write(&w, path, "x"));
    }
    OK(RUN_CALL(chan_readdir(w.call, d, 0, see, &first)));
    EQ(first.n, 10);
    OK(RUN_CALL(chan_readdir(w.call, d, 0, see, &second)));     /* the same again has the same cookies */
    MEM_EQ(&first, &second, sizeof first);
    OK(world_close(&w, d));
    host_world_end(&w, dir);
}

/* ---- streams -------------------------------------------------------------------------------------------------------- */

TEST(a_closed_socket_ends_a_write_not_the_process)
{
    int pair[2];
    HostStream s;
    signal(SIGPIPE, SIG_DFL);
    TRUE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    OK(host_stream_open(pair[0], &s));
    close(pair[1]);
    EQ(host_stream_write(&s, "x", 1), -EPIPE);
    host_stream_close(&s);
    close(pair[0]);
}

TEST(a_full_pipe_does_not_hold_who_may_not_wait)
{
    static char block[4096];
    World w = world("/x/");
    int pair[2];
    File *f = NULL;
    AUTO_CHAN Chan *ch = NULL, *open = NULL;
    TRUE(pipe(pair) == 0);
    OK(devstream_new(pair[1], &f));
    ch = chan_new(w.call, f, NULL);
    TRUE(ch != NULL);
    OK(RUN_CALL(chan_open(w.call, ch, OPEN_WRITE | OPEN_NONBLOCK, &open)));
    int64_t r;
    do
        r = RUN_CALL(chan_write(w.call, open, block, sizeof block, 0));
    while (r > 0);
    EQ(r, -EAGAIN);
    chan_put(STEAL(open));
    chan_put(STEAL(ch));
    close(pair[0]);
    close(pair[1]);
    world_end(&w);
}
