/* SPDX-License-Identifier: MIT */
/* What dev/devhost_test.c does not reach: kernels without openat2, a host without /proc, and names that are no names. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/host.h"
#include "os/local.h"
#include "test/test.h"

typedef struct Tree {
    char path[64];
    int root;
} Tree;

static void tree_begin(Tree *t)
{
    char name[128];
    strcpy(t->path, "/tmp/host-XXXXXX");
    TRUE(mkdtemp(t->path) != NULL);
    snprintf(name, sizeof name, "%s/link", t->path);
    TRUE(symlink("..", name) == 0);
    snprintf(name, sizeof name, "%s/dir", t->path);
    TRUE(mkdir(name, 0755) == 0);
    OK(host_root(t->path, &t->root));
}

static void tree_end(Tree *t)
{
    char command[128];
    host_close(t->root);
    snprintf(command, sizeof command, "rm -rf %s", t->path);
    TRUE(system(command) == 0);
}

static void names_are_looked_up(const Tree *t)
{
    HostStat st;
    int fd = -1;
    OK(host_walk(t->root, "dir", &fd));
    host_close(fd);
    OK(host_walk(t->root, "link", &fd));
    OK(host_stat(fd, &st));
    EQ(st.mode & S_IFMT, S_IFLNK);
    int below = -1;
    EQ(host_walk(fd, "dir", &below), -ENOTDIR);
    host_close(fd);
    EQ(host_walk(t->root, "none", &fd), -ENOENT);
}

TEST(names_that_are_none_are_refused_everywhere)
{
    static const struct {
        const char *name;
        int expect;
    } bad[] = { { "", -ENOENT },    { ".", -EINVAL }, { "..", -EINVAL },
                { "a/b", -EINVAL }, { "/", -EINVAL }, { "../x", -EINVAL } };
    Tree t;
    tree_begin(&t);
    int fd = -1, made = -1;
    OK(host_create(t.root, "file", 0644, &fd, &made));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *name = bad[i].name;
        int none = -1;
        EQ(host_walk(t.root, name, &none), bad[i].expect);
        EQ(host_create(t.root, name, 0644, &none, &none), bad[i].expect);
        EQ(host_mkdir(t.root, name, 0755), bad[i].expect);
        EQ(host_symlink(t.root, name, "x"), bad[i].expect);
        EQ(host_link(fd, t.root, name), bad[i].expect);
        EQ(host_rename(t.root, "file", t.root, name), bad[i].expect);
        EQ(host_rename(t.root, name, t.root, "new"), bad[i].expect);
        EQ(host_unlink(t.root, name, false), bad[i].expect);
        EQ(host_unlink(t.root, name, true), bad[i].expect);
    }
    host_close(made);
    host_close(fd);
    tree_end(&t);
}

/* The rest of this process gets error from one system call. */
static bool refuse(unsigned number, unsigned error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { .len = sizeof code / sizeof code[0], .filter = code };
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(a_kernel_without_openat2_looks_names_up_as_safely)
{
    Tree t;
    tree_begin(&t);
    names_are_looked_up(&t);
    if (!refuse(SYS_openat2, ENOSYS))
        skip("no seccomp here");
    names_are_looked_up(&t);
    tree_end(&t);
}

TEST(a_sandbox_that_refuses_openat2_is_no_obstacle)
{
    Tree t;
    tree_begin(&t);
    if (!refuse(SYS_openat2, EPERM))
        skip("no seccomp here");
    names_are_looked_up(&t);
    tree_end(&t);
}

TEST(a_host_without_proc_says_so_at_once)
{
    int root = -1;
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", "/proc", "tmpfs", 0, NULL) < 0)
        skip("this user may not hide /proc");
    EQ(host_root("/tmp", &root), -ENOSYS);
    /* Streams still work, one way or the other. */
    HostStream s;
    int ends[2];
    char byte = 0;
    TRUE(pipe(ends) == 0);
    OK(host_stream_open(ends[0], &s));
    EQ(s.io, HOST_BLOCKING);
    TRUE(!host_stream_ready(&s, false));
    TRUE(write(ends[1], "x", 1) == 1);
    TRUE(host_stream_wait(&s, false, -1, 1000));
    EQ(host_stream_read(&s, &byte, 1), 1);
    host_stream_close(&s);
    TRUE(umount("/proc") == 0);              /* the sanitizers look there at the end */
}

TEST(a_mode_and_times_reach_a_file_that_cannot_be_opened)
{
    Tree t;
    HostStat st;
    int fd = -1, made = -1;
    int64_t before_1970 = -1, now = HOST_TIME_NOW;
    tree_begin(&t);
    OK(host_create(t.root, "secret", 0000, &fd, &made));
    EQ(host_write(made, "x", 1, 0, 0), 1);
    host_close(made);
    OK(host_utimes(fd, &before_1970, &now));
    OK(host_stat(fd, &st));
    EQ(st.atime, -1);
    TRUE(st.mtime > 0);
    OK(host_chmod(fd, 0600));
    OK(host_truncate(fd, 7));
    OK(host_stat(fd, &st));
    EQ(st.mode, S_IFREG | 0600);
    EQ(st.size, 7);
    host_close(fd);
    tree_end(&t);
}

TEST(an_append_goes_behind_what_others_wrote)
{
    Tree t;
    int fd = -1, made = -1, one = -1, other = -1;
    uint64_t end = 0;
    char text[8] = "";
    tree_begin(&t);
    OK(host_create(t.root, "log", 0600, &fd, &made));
    host_close(made);
    OK(host_open(fd, HOST_READ | HOST_WRITE, &one));
    OK(host_open(fd, HOST_WRITE, &other));
    EQ(host_append(one, "a", 1, 0, &end), 1);
    EQ(host_append(other, "bb", 2, HOST_DSYNC, &end), 2);
    EQ(end, 3);
    EQ(host_append(one, "c", 1, HOST_SYNC, &end), 1);
    EQ(end, 4);
    EQ(host_read(one, text, sizeof text, 0), 4);
    STR_EQ(text, "abbc");
    host_close(fd);
    host_close(one);
    host_close(other);
    tree_end(&t);
}

static uint64_t ino_in(int dir, const char *name)
{
    HostStat st;
    int fd = -1;
    OK(host_walk(dir, name, &fd));
    OK(host_stat(fd, &st));
    host_close(fd);
    return st.ino;
}

TEST(what_this_process_serves_is_not_walked_into)
{
    Tree t;
    HostStat proc, covered;
    struct stat own;
    int root = -1, dir = -1;
    tree_begin(&t);
    OK(host_root("/", &root));
    OK(host_walk(t.root, "dir", &dir));
    OK(host_stat(dir, &covered));
    TRUE(stat("/proc", &own) == 0);
    proc = (HostStat){ .dev = own.st_dev, .ino = own.st_ino };
    uint64_t tmp = ino_in(root, "tmp");
    OK(host_served(proc.dev, dir));                     /* as if /proc were a mount of our own */
    EQ(ino_in(root, "proc"), covered.ino);
    EQ(ino_in(root, "tmp"), tmp);
    OK(host_served(1, dir));
    host_served_over(proc.dev);
    EQ(ino_in(root, "proc"), proc.ino);
    host_served_over(1);
    host_served_over(1);                                /* not there any more: nothing happens */
    for (int i = 0; i < 16; i++)
        OK(host_served(1, dir));
    EQ(host_served(1, dir), -ENOMEM);
    for (int i = 0; i < 16; i++)
        host_served_over(1);
    host_close(dir);
    host_close(root);
    tree_end(&t);
}
