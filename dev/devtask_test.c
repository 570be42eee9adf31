/* SPDX-License-Identifier: MIT */
/*
 * The files of /task: names, listings, attributes, texts, refusals.
 */
#include "dev/devtask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern/life.h"
#include "test/testengine.h"
#include "test/world.h"

PROGRAM(devtask_sleep)
{
    (void)act_sleep(a, 1000000);
    return 0;
}

PROGRAM(devtask_get)
{
    char path[128], text[512];
    snprintf(path, sizeof path, "%s", act_arg(a, 1));
    int r = act_get(a, path, text, sizeof text);
    return r < 0 ? -r : act_puts(a, 1, text);
}

PROGRAM(devtask_put)
{
    char path[128], text[128];
    snprintf(path, sizeof path, "%s", act_arg(a, 1));
    snprintf(text, sizeof text, "%s\n", act_arg(a, 2));
    return -act_put(a, path, text);
}

#define PROGRAMS "/bin/sleep=test:devtask_sleep /bin/get=test:devtask_get /bin/put=test:devtask_put "

/* ---- names ------------------------------------------------------------------------------------------------------------ */

typedef struct Names {
    char text[1024];
    unsigned room;                  /* entries taken before it says that there is none */
    uint64_t next;
} Names;

static int take_name(void *arg, const Dirent *e)
{
    Names *n = arg;
    if (n->room-- == 0)
        return 1;
    if (strcmp(e->name, ".") != 0 && strcmp(e->name, "..") != 0) {
        strcat(n->text, e->name);
        strcat(n->text, file_is_dir(&(File){ .type = e->type }) ? "/ " : " ");
    }
    n->next = e->next;
    return 0;
}

/* Lists path, a few entries a call. */
static const char *list(World *w, const char *path, unsigned at_once)
{
    static Names n;
    Chan *dir;
    int r;
    n = (Names){ .room = 0 };
    OK(world_open(w, path, OPEN_READ | OPEN_DIRECTORY, &dir));
    for (uint64_t cookie = 0;;) {
        n.room = at_once;
        n.next = cookie;
        CALL_RUN(w->call, r, chan_readdir(w->call, dir, cookie, take_name, &n));
        OK(r);
        if (n.next == cookie)
            break;
        cookie = n.next;
    }
    OK(world_close(w, dir));
    return n.text;
}

static uint32_t mode_of(World *w, const char *path)
{
    AUTO_CHAN Chan *ch = NULL;
    Attr a;
    int r;
    CALL_RUN(w->call, r, walk_path(w->call, walk_self(w->call), path, WALK_NOFOLLOW, &ch));
    OK(r);
    OK(chan_getattr(w->call, ch, &a));
    return a.mode;
}

TEST(a_view_shows_its_holder_and_what_it_made)
{
    World w = world(PROGRAMS);
    STR_EQ(list(&w, "/task", 100), "new self 1/ ");
    world_new(&w);
    uint64_t id = world_start(&w, "sleep");
    STR_EQ(list(&w, "/task", 100), "new self 1/ 2/ 3/ ");
    STR_EQ(list(&w, "/task", 1), "new self 1/ 2/ 3/ ");
    STR_EQ(list(&w, "/task/3/task", 100), "new 3/ ");       /* who looks is not in it */
    STR_EQ(world_read(&w, "/task/3/task/self/status"), "error 2");
    STR_EQ(world_read(&w, "/task/2/task/new"), "4\n");      /* made through another's view: its child */
    STR_EQ(world_read(&w, "/task/4/status"), "error 2");
    STR_EQ(world_read(&w, "/task/2/task/4/parent"), "2\n");
    STR_EQ(world_read(&w, "/task/02/status"), "error 2");
    STR_EQ(world_read(&w, "/task/x/status"), "error 2");
    OK(world_ctl(&w, id, "kill 9"));
    EQ(world_wait(&w, id), 137);
    STR_EQ(list(&w, "/task", 2), "new self 1/ 2/ 3/ ");
    OK(world_write(&w, "/task/2/ctl", "remove"));
    STR_EQ(list(&w, "/task", 100), "new self 1/ 3/ 4/ ");
    world_end(&w);
}

TEST(the_directory_of_a_task)
{
    World w = world(PROGRAMS);
    STR_EQ(list(&w, "/task/1", 3),
           "ctl cmdline environ type parent group env cwd status wait events exitcode error signal "
           "attr fd/ ns/ stat/ ");
    STR_EQ(list(&w, "/task/1/stat", 1), "mem cpu io ");
    STR_EQ(list(&w, "/task/1/fd", 1), "0 0.ctl 1 1.ctl 2 2.ctl ");
    STR_EQ(list(&w, "/task/1/ns", 100), "ctl mounts binds dump ");
    /* What leads back up is there, and not listed: find ends. */
    TRUE(strstr(list(&w, "/task/1/ns/from", 100), "/ ") != NULL);
    TRUE(strstr(list(&w, "/task/1/task", 100), "self ") != NULL);
    EQ(mode_of(&w, "/task/1"), TYPE_DIR | 0555);
    EQ(mode_of(&w, "/task"), TYPE_DIR | 0755);
    EQ(mode_of(&w, "/task/1/task"), TYPE_DIR | 0755);
    world_end(&w);
}

TEST(a_file_is_the_same_through_every_view)
{
    World w = world(PROGRAMS);
    world_new(&w);
    AUTO_CHAN Chan *a = NULL, *b = NULL;
    int r;
    CALL_RUN(w.call, r, walk_path(w.call, walk_self(w.call), "/task/2/ctl", 0, &a));
    OK(r);
    CALL_RUN(w.call, r, walk_path(w.call, walk_self(w.call), "/task/self/task/2/task/2/ctl", 0, &b));
    OK(r);
    TRUE(file_same(a->file, b->file));
    Attr one, two;
    OK(chan_getattr(w.call, a, &one));
    OK(chan_getattr(w.call, b, &two));
    EQ(one.ino, two.ino);
    EQ(one.mode, TYPE_FILE | 0644);
    EQ(one.uid, 1000);
    chan_put(STEAL(a));
    chan_put(STEAL(b));
    world_end(&w);
}

TEST(one_open_file_makes_one_task)
{
    World w = world(PROGRAMS);
    Chan *ch;
    char s[16];
    uint64_t pos;
    OK(world_open(&w, "/task/new", OPEN_READ, &ch));
    EQ(world_get(&w, ch, s, 1), 1);
    EQ(s[0], '2');
    EQ(world_get(&w, ch, s, 16), 1);
    EQ(world_get(&w, ch, s, 16), 0);
    OK(chan_seek(w.call, ch, 0, SEEK_FROM_START, &pos));
    EQ(world_get(&w, ch, s, 16), 2);
    EQ(s[0], '2');
    OK(world_close(&w, ch));
    STR_EQ(list(&w, "/task", 100), "new self 1/ 2/ ");
    EQ(world_write(&w, "/task/new", "x"), -EPERM);
    OK(world_write(&w, "/task/1/ns/ctl", "bind -r /task /t"));
    STR_EQ(world_read(&w, "/t/new"), "error 30");           /* EROFS */
    EQ(world_write(&w, "/t/2/ctl", "kill 9"), -EROFS);
    STR_EQ(world_read(&w, "/t/2/status"), "stopped\n");
    world_end(&w);
}

TEST(a_shared_view_makes_children_of_its_holder)
{
    World w = world(PROGRAMS);
    uint64_t id = world_new(&w);
    OK(world_write(&w, world_path(id, "ns/ctl"), "bind /task /task"));
    OK(world_ctl(&w, id, "cmd get /task/new\nstart"));
    EQ(world_wait(&w, id), 0);
    STR_EQ(world_read(&w, world_path(id, "fd/1")), "3");
    STR_EQ(world_read(&w, "/task/3/parent"), "1\n");
    OK(world_write(&w, "/task/3/ctl", "cmd get /task/self/parent\nstart"));
    EQ(world_wait(&w, 3), 0);
    STR_EQ(world_read(&w, "/task/3/fd/1"), "1");            /* a view of its own again */
    world_end(&w);
}

TEST(rmdir_removes_a_task)
{
    World w = world(PROGRAMS);
    world_new(&w);
    uint64_t id = world_start(&w, "sleep");
    AUTO_CHAN Chan *view = NULL;
    int r;
    CALL_RUN(w.call, r, walk_path(w.call, walk_self(w.call), "/task", 0, &view));
    OK(r);
    CALL_RUN(w.call, r, chan_unlink(w.call, view, "2", true));
    OK(r);
    CALL_RUN(w.call, r, chan_unlink(w.call, view, "3", true));
    EQ(r, -EBUSY);
    CALL_RUN(w.call, r, chan_unlink(w.call, view, "1", true));
    EQ(r, -EPERM);
    CALL_RUN(w.call, r, chan_unlink(w.call, view, "new", false));
    EQ(r, -EPERM);
    CALL_RUN(w.call, r, chan_mkdir(w.call, view, "9", 0755));
    EQ(r, -EPERM);
    chan_put(STEAL(view));
    OK(world_ctl(&w, id, "kill 9"));
    world_end(&w);
}

/* ---- texts ------------------------------------------------------------------------------------------------------------ */

TEST(cmdline_and_environ_are_written_as_blocks)
{
    World w = world(PROGRAMS);
    uint64_t id = world_new(&w);
    Chan *ch;
    char s[64];
    uint64_t pos;
    OK(world_open(&w, world_path(id, "cmdline"), OPEN_READ | OPEN_WRITE, &ch));
    OK(world_put(&w, ch, "get"));
    EQ(world_put(&w, ch, " /x"), 3);
    OK(chan_seek(w.call, ch, 0, SEEK_FROM_START, &pos));
    EQ(world_get(&w, ch, s, sizeof s), 7);
    MEM_EQ(s, "get /x\0", 7);
    OK(world_close(&w, ch));
    OK(world_open(&w, world_path(id, "environ"), OPEN_WRITE | OPEN_APPEND, &ch));
    OK(world_put(&w, ch, "A=1"));
    OK(world_close(&w, ch));
    STR_EQ(world_read(&w, world_path(id, "env")), "A=1\n");
    int r;
    int64_t n;
    OK(world_open(&w, world_path(id, "environ"), OPEN_WRITE, &ch));
    CALL_RUN(w.call, n, chan_write(w.call, ch, "X", 1, 100));
    EQ(n, -EINVAL);
    CALL_RUN(w.call, n, chan_write(w.call, ch, "X=2\0Y=3\0", 8, 0));
    EQ(n, 8);
    OK(world_close(&w, ch));
    STR_EQ(world_read(&w, world_path(id, "env")), "X=2\nY=3\n");
    OK(world_open(&w, world_path(id, "environ"), OPEN_WRITE | OPEN_TRUNC, &ch));
    CALL_RUN(w.call, r, chan_truncate(w.call, ch, 0));
    OK(r);
    OK(world_close(&w, ch));
    STR_EQ(world_read(&w, world_path(id, "env")), "X=2\nY=3\n");        /* truncating changes nothing */
    static char big[1 << 20];
    memset(big, 'x', sizeof big - 1);
    OK(world_write(&w, world_path(id, "cmdline"), big));
    world_end(&w);
}

TEST(lines_run_however_they_are_cut)
{
    World w = world(PROGRAMS);
    uint64_t id = world_new(&w);
    Chan *ch;
    OK(world_open(&w, world_path(id, "ctl"), OPEN_WRITE, &ch));
    OK(world_put(&w, ch, "umask 0"));
    OK(world_put(&w, ch, "77\nnice 5\nni"));
    OK(world_put(&w, ch, "ce 7"));
    TRUE(strstr(world_read(&w, world_path(id, "stat/cpu")), "nice 5\n") != NULL);
    OK(world_close(&w, ch));
    TRUE(strstr(world_read(&w, world_path(id, "stat/cpu")), "nice 7\n") != NULL);
    EQ(world_ctl(&w, id, "nice 9\nnonsense\nnice 10\n"), -EINVAL);
    TRUE(strstr(world_read(&w, world_path(id, "stat/cpu")), "nice 9\n") != NULL);
    EQ(world_ctl(&w, id, "cmd 'x"), -EINVAL);
    EQ(world_ctl(&w, id, "start now"), -EINVAL);
    EQ(world_ctl(&w, id, "umask 8"), -EINVAL);
    EQ(world_ctl(&w, id, "umask 1000"), -EINVAL);
    EQ(world_ctl(&w, id, "nice 20"), -EINVAL);
    EQ(world_ctl(&w, id, "memlimit much"), -EINVAL);
    EQ(world_ctl(&w, id, "type elf"), -EINVAL);
    EQ(world_write(&w, world_path(id, "group"), "x"), -EINVAL);
    EQ(world_write(&w, world_path(id, "env"), "=x"), -EINVAL);
    EQ(world_write(&w, world_path(id, "cwd"), "/missing"), -ENOENT);
    EQ(world_write(&w, world_path(id, "cwd"), "/bin/get"), -ENOTDIR);
    TRUE(strstr(world_read(&w, world_path(id, "ctl")), "start  load") != NULL);
    TRUE(strstr(world_read(&w, world_path(id, "ns/ctl")), "bind") != NULL);
    world_end(&w);
}

/* An absolute path has no directory, and no slash, before it. */
TEST(a_path_may_have_4095_bytes)
{
    World w = world(PROGRAMS);
    uint64_t id = world_new(&w);
    char path[PATH_MAX_LEN + 2];
    memset(path, '/', sizeof path);
    memcpy(path + PATH_MAX_LEN - 3, "bin", 4);
    OK(world_write(&w, world_path(id, "cwd"), path));
    STR_EQ(world_read(&w, world_path(id, "cwd")), "/bin\n");
    OK(world_write(&w, world_path(id, "attr"), path));
    memcpy(path + PATH_MAX_LEN - 3, "/bin", 5);
    EQ(world_write(&w, world_path(id, "cwd"), path), -ENAMETOOLONG);
    EQ(world_write(&w, world_path(id, "attr"), path), -ENAMETOOLONG);
    world_end(&w);
}

TEST(error_shows_each_writer_its_own_words)
{
    World w = world(PROGRAMS);
    uint64_t id = world_new(&w);
    STR_EQ(world_read(&w, world_path(id, "error")), "");
    EQ(world_ctl(&w, id, "cmd nothing\nstart"), -ENOENT);
    EQ(world_ctl(&w, id, "nice 99"), -EINVAL);
    STR_EQ(world_read(&w, world_path(id, "error")), "nice: from -20 to 19, not 99\n");
    uint64_t other = world_new(&w);
    OK(world_write(&w, world_path(other, "ns/ctl"), "bind /task /task"));
    OK(world_ctl(&w, other, "cmd get /task/2/error\nstart"));
    EQ(world_wait(&w, other), 0);
    STR_EQ(world_read(&w, world_path(other, "fd/1")), "start: nothing");        /* not what we did wrong */
    for (int i = 0; i < 12; i++) {                          /* only the last few writers are remembered */
        other = world_new(&w);
        OK(world_write(&w, world_path(other, "ns/ctl"), "bind /task /task"));
        OK(world_ctl(&w, other, "cmd put /task/2/ctl 'nice x'\nstart"));
        EQ(world_wait(&w, other), EINVAL);
    }
    STR_EQ(world_read(&w, world_path(id, "error")), "start: nothing\n");
    world_end(&w);
}

TEST(attr_tells_and_changes_what_a_path_is)
{
    World w = world("/dir/file=x");
    Chan *ch;
    char s[128];
    OK(world_open(&w, "/task/1/attr", OPEN_READ | OPEN_WRITE, &ch));
    EQ(world_get(&w, ch, s, sizeof s), 0);
    OK(world_put(&w, ch, "/dir/file\n"));
    int64_t n = world_get(&w, ch, s, sizeof s - 1);
    s[n] = '\0';
    MEM_EQ(s, "0666 1000 1000 ", 15);
    TRUE(strstr(s, " 1 0 file\n") != NULL);
    EQ(world_get(&w, ch, s, sizeof s), 0);
    OK(world_put(&w, ch, "mode 0600 /dir/file"));           /* no newline: the read runs it */
    n = world_get(&w, ch, s, 4);
    MEM_EQ(s, "0600", 4);
    OK(world_put(&w, ch, "/dir\n"));
    n = world_get(&w, ch, s, sizeof s - 1);
    s[n] = '\0';
    TRUE(strstr(s, " dir\n") != NULL);
    EQ(world_put(&w, ch, "/missing\n"), -ENOENT);
    EQ(world_put(&w, ch, "mode 0600 /task/1/ctl\n"), -EPERM);
    OK(world_close(&w, ch));
    world_end(&w);
}

TEST(stat_counts_what_a_task_uses)
{
    World w = world(PROGRAMS);
    uint64_t id = world_new(&w);
    OK(world_ctl(&w, id, "memlimit 8M"));
    TRUE(strstr(world_read(&w, world_path(id, "stat/mem")), "\nmax 8388608\n") != NULL);
    OK(world_ctl(&w, id, "memlimit max"));
    TRUE(strstr(world_read(&w, world_path(id, "stat/mem")), "\nmax max\n") != NULL);
    OK(world_ctl(&w, id, "cmd get /bin/sleep\nstart"));
    EQ(world_wait(&w, id), 0);
    TRUE(strstr(world_read(&w, world_path(id, "stat/io")), "wbytes 18\n") != NULL);
    TRUE(strstr(world_read(&w, world_path(id, "stat/cpu")), "usage_usec ") != NULL);
    world_end(&w);
}

PROGRAM(devtask_spin)
{
    while (act_on(a)) {
    }
    return 0;
}

/* usage_usec of a task. */
static unsigned long usage(World *w, uint64_t id)
{
    return strtoul(world_read(w, world_path(id, "stat/cpu")) + strlen("usage_usec "), NULL, 10);
}

TEST(the_time_of_a_running_child_counts_and_stays)
{
    if (clock_worker(worker_self()) == 0)
        skip("this host has no clock for another thread");
    World w = world("/bin/spin=test:devtask_spin");
    uint64_t id = world_start(&w, "spin");
    while (usage(&w, id) < 5000)
        thread_yield();
    TRUE(usage(&w, 1) >= 5000);
    OK(world_ctl(&w, id, "kill 9"));
    EQ(world_wait(&w, id), 137);
    TRUE(usage(&w, id) >= 4000);
    OK(world_ctl(&w, id, "remove"));
    TRUE(usage(&w, 1) >= 4000);                             /* it belongs to its parent now */
    world_end(&w);
}

TEST(files_of_a_removed_task_answer_enoent)
{
    World w = world(PROGRAMS);
    uint64_t id = world_new(&w);
    Chan *status, *ctl, *dir;
    char s[16];
    OK(world_open(&w, world_path(id, "status"), OPEN_READ, &status));
    OK(world_open(&w, world_path(id, "ctl"), OPEN_WRITE, &ctl));
    OK(world_open(&w, world_path(id, "fd"), OPEN_READ, &dir));
    OK(world_ctl(&w, id, "remove"));
    EQ(world_get(&w, status, s, sizeof s), -ENOENT);
    EQ(world_put(&w, ctl, "start\n"), -ENOENT);
    OK(world_put(&w, ctl, "star"));
    int r;
    CALL_RUN(w.call, r, chan_readdir(w.call, dir, 0, take_name, &(Names){ .room = 10 }));
    EQ(r, -ENOENT);
    OK(world_close(&w, status));
    EQ(world_close(&w, ctl), -ENOENT);                      /* the unfinished line runs, and is told */
    OK(world_close(&w, dir));
    world_end(&w);
}

TEST(sources_of_a_namespace_are_places)
{
    World w = world("/a/x=1 /b/y=2");
    uint64_t id = world_new(&w);
    const char *ns = world_path(id, "ns/ctl");
    OK(world_write(&w, ns, "bind -r /a /only\n"));
    const char *dump = world_read(&w, world_path(id, "ns/dump"));
    TRUE(strstr(dump, "/ns/from/") != NULL);
    uint64_t other = world_new(&w);
    OK(world_write(&w, world_path(other, "ns/ctl"), "clear"));
    OK(world_write(&w, world_path(other, "ns/ctl"), dump));
    TRUE(strstr(world_read(&w, world_path(other, "ns/binds")), " /only -r\n") != NULL);
    /* The source came by a read-only bind: it stays so. */
    const char *at = strstr(dump, "from/");
    const char *last = at;
    while ((at = strstr(at + 1, "from/")) != NULL)
        last = at;
    char path[64];
    snprintf(path, sizeof path, "/task/%d/ns/from/%d/x", (int)id, (int)strtol(last + 5, NULL, 10));
    STR_EQ(world_read(&w, path), "1");
    EQ(world_write(&w, path, "3"), -EROFS);
    world_end(&w);
}
