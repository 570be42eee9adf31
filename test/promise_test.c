/* SPDX-License-Identifier: MIT */
/*
 * What the manual promises and no device or part of the kernel keeps alone: limits that nobody escapes, who is kept and for how
 * long, what an exit leaves, what a failing verb leaves as it was.
 */
#include <stdio.h>
#include <string.h>

#include "kern/life.h"
#include "test/testengine.h"
#include "test/world.h"

PROGRAM(promise_exit)
{
    int code = 0;
    sscanf(act_arg(a, 1), "%d", &code);
    return code;
}

PROGRAM(promise_sleep)
{
    (void)act_sleep(a, 1000000);
    return 0;
}

/* put PATH TEXT: the errno of a write. */
PROGRAM(promise_put)
{
    char path[256], text[256];
    snprintf(path, sizeof path, "%s", act_arg(a, 1));
    snprintf(text, sizeof text, "%s\n", act_arg(a, 2));
    return -act_put(a, path, text);
}

#define PROGRAMS                                                                                                       \
    "/bin/exit=test:promise_exit /bin/sleep=test:promise_sleep /bin/put=test:promise_put "                             \
    "/bin/daemon=test:promise_daemon /bin/writer=test:promise_writer /bin/cap=test:promise_cap "

/* ---- who is kept ----------------------------------------------------------------------------------------------------- */

TEST_SLOW(children_that_exited_before_do_not_push_one_out, 30)
{
    enum { MANY = 1100 };
    World w = world(PROGRAMS);
    static uint64_t id[MANY];
    for (int i = 0; i < MANY; i++) {
        id[i] = world_start(&w, "exit 7");
        world_until(&w, world_path(id[i], "status"), "exited\n");
    }
    for (int i = 0; i < MANY; i++)
        EQ(world_wait(&w, id[i]), 7);
    STR_EQ(world_read(&w, world_path(id[MANY - 1024], "exitcode")), "7\n");
    STR_EQ(world_read(&w, world_path(id[MANY - 1025], "exitcode")), "error 2");
    world_end(&w);
}

/* The same, waited for from the last one to the first. */
TEST_SLOW(later_children_push_one_out_in_any_order, 30)
{
    enum { MANY = 1100 };
    World w = world(PROGRAMS);
    static uint64_t id[MANY];
    for (int i = 0; i < MANY; i++) {
        id[i] = world_start(&w, "exit 7");
        world_until(&w, world_path(id[i], "status"), "exited\n");
    }
    for (int i = MANY - 1; i >= MANY - 1023; i--)
        EQ(world_wait(&w, id[i]), 7);
    STR_EQ(world_read(&w, world_path(id[0], "exitcode")), "7\n");
    EQ(world_wait(&w, id[MANY - 1024]), 7);
    STR_EQ(world_read(&w, world_path(id[MANY - 1025], "exitcode")), "error 2");
    STR_EQ(world_read(&w, world_path(id[0], "exitcode")), "error 2");
    world_end(&w);
}

/* ---- limits ---------------------------------------------------------------------------------------------------------- */

/* Makes a task that makes tasks, as often as it may, when it is told to; and exits itself. */
PROGRAM(promise_daemon)
{
    char id[32], line[96], text[32];
    if (strcmp(act_arg(a, 1), "go") != 0) {
        OK(act_get(a, "/task/new", id, sizeof id));
        snprintf(line, sizeof line, "/task/%s/ctl", id);
        OK(act_put(a, line, "cmd daemon go\nstart"));
        return 0;
    }
    while (act_get(a, "/go", text, sizeof text) < 0)
        if (act_sleep(a, 1) < 0)
            return 0;
    int n = 0;
    while (n < 20 && act_get(a, "/task/new", id, sizeof id) == 0)
        n++;
    snprintf(line, sizeof line, "%d", n);
    OK(act_put(a, "/count", line));
    return 0;
}

TEST(a_limit_outlives_the_task_that_it_was_set_for)
{
    World w = world(PROGRAMS);
    uint64_t id = world_new(&w);
    OK(world_ctl(&w, id, "tasklimit 5\ncmd daemon\nstart"));
    EQ(world_wait(&w, id), 0);
    OK(world_ctl(&w, id, "remove"));
    OK(world_write(&w, "/go", "x"));
    EQ(world_wait(&w, id + 1), 0);
    STR_EQ(world_read(&w, "/count"), "4");
    OK(world_ctl(&w, id + 1, "remove"));
    world_end(&w);
}

TEST(nobody_gives_a_child_more_descriptors_than_he_may_have)
{
    World w = world(PROGRAMS);
    uint64_t id = world_new(&w);
    OK(world_ctl(&w, id, "fdlimit 10"));
    /* What it made: a child of its own view, reached from outside here, asked by the task itself. */
    char command[128], task[64];
    snprintf(task, sizeof task, "/task/%llu/task/new", (unsigned long long)id);
    uint64_t child = 0;
    sscanf(world_read(&w, task), "%llu", (unsigned long long *)&child);
    TRUE(child > id);
    snprintf(command, sizeof command, "cmd put /task/%llu/ctl 'fdlimit 100'\nstart", (unsigned long long)child);
    OK(world_ctl(&w, id, command));
    EQ(world_wait(&w, id), EPERM);
    world_end(&w);
}

/* Fills the ring of descriptor 2, then writes to 1 what only fits when that ring goes. */
PROGRAM(promise_writer)
{
    static char block[4096];
    for (int i = 0; i < 16; i++)
        OK(act_write(a, 2, block, sizeof block));
    int64_t r = 0;
    int n = 0;
    while (n < 60 && (r = act_write(a, 1, block, sizeof block)) > 0)
        n++;
    return r < 0 ? 200 : n;
}

TEST(rings_of_all_descriptors_make_room_for_a_write)
{
    World w = world(PROGRAMS);
    uint64_t id = world_new(&w);
    OK(world_write(&w, world_path(id, "fd/1/ctl"), "dup /out"));
    OK(world_ctl(&w, id, "memlimit 320K\ncmd writer\nstart"));
    EQ(world_wait(&w, id), 60);
    world_end(&w);
}

/* ---- what a failing verb leaves -------------------------------------------------------------------------------------- */

TEST(half_a_pipe_is_not_made)
{
    World w = world(PROGRAMS "/f=text");
    uint64_t a = world_new(&w), b = world_new(&w);
    char line[64];
    OK(world_write(&w, world_path(a, "fd/1/ctl"), "dup /f r"));
    snprintf(line, sizeof line, "pipe %llu/fd/2000", (unsigned long long)b);
    EQ(world_write(&w, world_path(a, "fd/1/ctl"), line), -EBADF);
    STR_EQ(world_read(&w, world_path(a, "fd/1/ctl")), "path /f\nmode r\noffset 0\n");
    OK(world_write(&w, world_path(a, "fd/0/ctl"), "dup /f r"));
    snprintf(line, sizeof line, "pipe %llu/fd/0", (unsigned long long)a);
    EQ(world_write(&w, world_path(b, "fd/2000/ctl"), line), -EBADF);
    STR_EQ(world_read(&w, world_path(a, "fd/0/ctl")), "path /f\nmode r\noffset 0\n");
    world_end(&w);
}

TEST(descriptors_of_a_task_that_exited_are_esrch)
{
    World w = world(PROGRAMS "/f=text");
    uint64_t a = world_new(&w);
    OK(world_write(&w, world_path(a, "fd/3/ctl"), "dup /f"));
    OK(world_ctl(&w, a, "cmd exit\nstart"));
    EQ(world_wait(&w, a), 0);
    EQ(world_write(&w, world_path(a, "fd/3/ctl"), "dup /f"), -ESRCH);
    EQ(world_write(&w, world_path(a, "fd/3/ctl"), "close"), -ESRCH);
    EQ(world_write(&w, world_path(a, "fd/3/ctl"), "flags append"), -ESRCH);
    EQ(world_write(&w, world_path(a, "fd/3/ctl"), "lock r"), -ESRCH);
    EQ(world_write(&w, world_path(a, "fd/3/ctl"), "pipe 1/fd/0"), -ESRCH);
    EQ(world_write(&w, world_path(a, "ns/ctl"), "bind /f /g"), -ESRCH);
    EQ(world_write(&w, world_path(a, "ns/ctl"), "clear"), -ESRCH);
    EQ(world_write(&w, world_path(a, "cwd"), "/"), -ESRCH);
    EQ(world_write(&w, world_path(a, "env"), "A=1"), -ESRCH);
    EQ(world_write(&w, world_path(a, "group"), "0"), -ESRCH);
    EQ(world_write(&w, world_path(a, "cmdline"), "x"), -ESRCH);
    EQ(world_ctl(&w, a, "start"), -ESRCH);
    EQ(world_ctl(&w, a, "cmd x"), -ESRCH);
    EQ(world_ctl(&w, a, "kill 0"), -ESRCH);
    EQ(world_ctl(&w, a, "kill 9 tree"), -ESRCH);
    EQ(world_ctl(&w, a, "memlimit max"), -ESRCH);
    EQ(world_ctl(&w, a, "tasklimit max"), -ESRCH);
    EQ(world_ctl(&w, a, "fdlimit max"), -ESRCH);
    EQ(world_ctl(&w, a, "nice 1"), -ESRCH);
    EQ(world_ctl(&w, a, "ignore 1"), -ESRCH);
    EQ(world_ctl(&w, a, "umask 0"), -ESRCH);
    EQ(world_ctl(&w, a, "type auto"), -ESRCH);
    EQ(world_ctl(&w, a, "vfork"), -ESRCH);
    EQ(world_write(&w, world_path(a, "attr"), "/f"), -ESRCH);
    EQ(world_write(&w, world_path(a, "fd/0"), "x"), -EPERM);
    world_end(&w);
}

/* ---- what an exit leaves --------------------------------------------------------------------------------------------- */

PROGRAM(promise_cap)
{
    char text[32], path[64];
    static char block[65536];
    OK(act_get(a, "/cap/new/tmpfs", text, sizeof text));
    snprintf(path, sizeof path, "/cap/%s/root/f", text);
    int fd = act_open(a, path, OPEN_WRITE | OPEN_CREATE);
    OK(fd);
    OK(act_write(a, fd, block, sizeof block));
    OK(act_get(a, "/cap/new/pipe", text, sizeof text));
    return 0;
}

TEST(objects_of_a_view_go_before_wait_is_answered)
{
    World w = world(PROGRAMS);
    for (int i = 0; i < 300; i++) {
        int64_t inodes = count_of(OBJ_INODE), blocks = count_of(OBJ_BLOCK), caps = count_of(OBJ_CAP),
                pipes = count_of(OBJ_PIPE);
        EQ(world_run(&w, "cap"), 0);
        EQ(count_of(OBJ_CAP), caps);
        EQ(count_of(OBJ_PIPE), pipes);
        EQ(count_of(OBJ_INODE), inodes);
        EQ(count_of(OBJ_BLOCK), blocks);
    }
    world_end(&w);
}

/* ---- words ----------------------------------------------------------------------------------------------------------- */

TEST(error_says_why_the_last_write_failed)
{
    World w = world(PROGRAMS "/f=text");
    uint64_t a = world_new(&w), b = world_new(&w);
    EQ(world_ctl(&w, a, "nonsense"), -EINVAL);
    OK(world_write(&w, world_path(a, "fd/3/ctl"), "dup /f r"));
    EQ(world_write(&w, world_path(a, "fd/3/ctl"), "lock w"), -EBADF);
    STR_EQ(world_read(&w, world_path(a, "error")), "lock: descriptor 3 is not open for that\n");
    OK(world_write(&w, world_path(b, "fd/3/ctl"), "dup /f rw\nlock w"));
    OK(world_write(&w, world_path(a, "fd/3/ctl"), "flags nonblock"));
    EQ(world_write(&w, world_path(a, "fd/3/ctl"), "lock r"), -EAGAIN);
    STR_EQ(world_read(&w, world_path(a, "error")), "lock: somebody else has locked a part of it\n");
    OK(world_ctl(&w, a, "umask 0"));            /* what succeeds changes nothing */
    STR_EQ(world_read(&w, world_path(a, "error")), "lock: somebody else has locked a part of it\n");
    EQ(world_write(&w, world_path(a, "cwd"), "/f"), -ENOTDIR);
    STR_EQ(world_read(&w, world_path(a, "error")), "cwd: /f\n");
    world_end(&w);
}

TEST(a_descriptor_without_a_name_is_a_question_mark)
{
    World w = world(PROGRAMS "/f=text /dir/");
    uint64_t a = world_new(&w), b = world_new(&w);
    OK(world_write(&w, world_path(a, "fd/1/ctl"), "pipe 3/fd/0"));
    STR_EQ(world_read(&w, world_path(a, "fd/1/ctl")), "path ?\nmode w\noffset 0\n");
    OK(world_write(&w, world_path(b, "fd/5/ctl"), "dup '/dir/?' rw"));
    STR_EQ(world_read(&w, world_path(b, "fd/5/ctl")), "path '/dir/?'\nmode rw\noffset 0\n");
    world_end(&w);
}

/* ---- every object counts --------------------------------------------------------------------------------------------- */

static int hoard_once(Actor *a, const char *kind, int i)
{
    char path[64], line[4096], id[32];
    if (strcmp(kind, "names") == 0) {
        snprintf(path, sizeof path, "/tmp/name%d", i);
        return act_put(a, path, "");
    }
    if (strcmp(kind, "binds") == 0) {
        snprintf(line, sizeof line, "bind /tmp /bound%d", i);
        return act_put(a, "/task/self/ns/ctl", line);
    }
    if (strcmp(kind, "hides") == 0) {
        snprintf(line, sizeof line, "hide /hidden%d", i);
        return act_put(a, "/task/self/ns/ctl", line);
    }
    if (strcmp(kind, "files") == 0)
        return act_open(a, "/tmp", OPEN_READ);
    if (strcmp(kind, "texts") == 0) {           /* open texts, read once: what they say is kept */
        int fd = i > 100 ? -EDOM : act_open(a, "/task/self/environ", OPEN_READ);
        return fd < 0 ? fd : (int)act_read(a, fd, line, 1);
    }
    if (strcmp(kind, "lines") == 0) {           /* unfinished lines */
        int fd = i > 100 ? -EDOM : act_open(a, "/task/self/ctl", OPEN_WRITE);
        memset(line, 'x', sizeof line);
        return fd < 0 ? fd : (int)act_write(a, fd, line, sizeof line);
    }
    if (strcmp(kind, "events") == 0)
        return act_open(a, "/task/self/events", OPEN_READ);
    if (strcmp(kind, "taps") == 0)
        return act_open(a, "/task/self/fd/1", OPEN_READ);
    if (strcmp(kind, "env") == 0) {
        snprintf(line, sizeof line, "NAME%d=%0500d", i, i);
        return act_put(a, "/task/self/env", line);
    }
    if (strcmp(kind, "locks") == 0) {
        snprintf(line, sizeof line, "lock w %d 1", i * 2);
        return act_put(a, "/task/self/fd/3/ctl", line);
    }
    snprintf(path, sizeof path, "%s",
             strcmp(kind, "tasks") == 0   ? "/task/new"
             : strcmp(kind, "pipes") == 0 ? "/cap/new/pipe"
                                          : "/cap/new/tmpfs");
    return act_get(a, path, id, sizeof id);
}

/* hoard KIND: makes things until it may not; the errno. */
PROGRAM(promise_hoard)
{
    char kind[16];
    int r = 0;
    snprintf(kind, sizeof kind, "%s", act_arg(a, 1));
    for (int i = 0; r >= 0 && i < 20000; i++)
        r = hoard_once(a, kind, i);
    return -r;
}

TEST_SLOW(nobody_hoards_anything_beyond_his_limit, 60)
{
    static const struct {
        const char *kind;
        int error;
    } kinds[] = {
        { "names", ENOSPC }, { "binds", ENOMEM },  { "hides", ENOMEM }, { "files", ENOMEM }, { "texts", ENOMEM },
        { "lines", ENOMEM }, { "events", ENOMEM }, { "taps", ENOMEM },  { "env", ENOMEM },   { "locks", ENOMEM },
        { "tasks", EAGAIN }, { "pipes", ENOMEM },  { "tmpfs", ENOMEM },
    };
    World w = world(PROGRAMS "/bin/hoard=test:promise_hoard /tmp/ /f=0123");
    for (unsigned i = 0; i < LEN(kinds); i++) {
        char line[5000];
        uint64_t id = world_new(&w);
        snprintf(line, sizeof line, "LONG=%04000d", 0);
        OK(world_write(&w, world_path(id, "environ"), line));
        OK(world_write(&w, world_path(id, "fd/3/ctl"), "dup /f rw"));
        snprintf(line, sizeof line, "memlimit 300K\nfdlimit 60000\ncmd hoard %s\nstart", kinds[i].kind);
        OK(world_ctl(&w, id, line));
        int code = world_wait(&w, id);
        /* What is one too many may also be the open file that it takes to make another. */
        if (code != kinds[i].error && code != ENOMEM)
            FAIL("%s: %d instead of %d", kinds[i].kind, code, kinds[i].error);
        OK(world_ctl(&w, id, "remove"));
    }
    world_end(&w);
}

/* ---- asked without a call -------------------------------------------------------------------------------------------- */

static int ready_without_call(Actor *a, const char *path)
{
    uint64_t bytes;
    AUTO_CHAN Chan *ch = NULL;
    int r = (int)ACT(a, walk_open(a->call, walk_self(a->call), path, 0, OPEN_READ, 0, &ch));
    return r < 0 ? r : chan_ready(NULL, ch, READY_READ, &bytes);
}

/* A poll that has found one file ready only asks the others, without a call that could be armed. */
PROGRAM(promise_ask)
{
    char id[32], path[64];
    OK(act_get(a, "/task/new", id, sizeof id));
    snprintf(path, sizeof path, "/task/%s/wait", id);
    EQ(ready_without_call(a, path), 0);
    EQ(ready_without_call(a, "/task/self/wait"), 0);
    EQ(ready_without_call(a, "/task/self/signal"), 0);
    EQ(ready_without_call(a, "/task/self/events"), 0);
    EQ(ready_without_call(a, "/task/self/fd/1"), 0);
    EQ(ready_without_call(a, "/task/self/status"), READY_READ);
    Chan *wait = NULL;
    OK(ACT(a, walk_open(a->call, walk_self(a->call), path, 0, OPEN_READ, 0, &wait)));
    snprintf(path, sizeof path, "/task/%s/ctl", id);
    OK(act_put(a, path, "kill 9"));
    uint64_t bytes;
    EQ(chan_ready(NULL, wait, READY_READ, &bytes), READY_READ);
    OK(act_put(a, path, "remove"));
    EQ(chan_ready(NULL, wait, READY_READ, &bytes), READY_READ);
    chan_put(wait);
    return 0;
}

TEST(readiness_is_told_without_a_call)
{
    World w = world(PROGRAMS "/bin/ask=test:promise_ask");
    EQ(world_run(&w, "ask"), 0);
    world_end(&w);
}
