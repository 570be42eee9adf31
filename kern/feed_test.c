/* SPDX-License-Identifier: MIT */
/*
 * What is put into the descriptors of a task from outside: with which rights it is made, what stays when it fails.
 */
#include <stdio.h>
#include <string.h>

#include "kern/life.h"
#include "test/names.h"
#include "test/testengine.h"

PROGRAM(feed_first)
{
    char byte = 0;
    return act_read(a, 0, &byte, 1) == 1 ? byte : 99;
}

static int dup_to(World *w, uint64_t id, int fd, const char *line)
{
    char file[32];
    snprintf(file, sizeof file, "fd/%d/ctl", fd);
    return world_write(w, world_path(id, file), line);
}

static const char *slot(World *w, uint64_t id, int fd)
{
    char file[32];
    snprintf(file, sizeof file, "fd/%d/ctl", fd);
    return world_read(w, world_path(id, file));
}

TEST(dup_makes_files_with_the_writers_umask)
{
    World w = world("/x=1");
    uint64_t id = world_new(&w);
    OK(world_ctl(&w, 1, "umask 027"));
    OK(dup_to(&w, id, 1, "dup /new"));
    EQ(names_mode(&w, "/new") & 07777, 0640);
    world_end(&w);
}

TEST(dup_without_a_mode_does_what_is_usual)
{
    World w = world("/x=1");
    uint64_t id = world_new(&w);
    OK(dup_to(&w, id, 2, "dup /err"));
    STR_EQ(slot(&w, id, 2), "path /err\nmode w\noffset 0\n");
    OK(dup_to(&w, id, 5, "dup /task/self/status"));    /* which nobody writes */
    TRUE(strstr(slot(&w, id, 5), "\nmode r\n") != NULL);
    EQ(dup_to(&w, id, 0, "dup /missing"), -ENOENT);
    world_end(&w);
}

TEST(half_a_pipe_is_none)
{
    World w = world("/in=hello /bin/first=test:feed_first");
    uint64_t id = world_new(&w), gone = world_start(&w, "first");
    char line[64];
    EQ(world_wait(&w, gone), 99);
    OK(dup_to(&w, id, 0, "dup /in"));
    snprintf(line, sizeof line, "pipe %d/fd/1", (int)gone);
    EQ(dup_to(&w, id, 0, line), -ESRCH);
    STR_EQ(slot(&w, id, 0), "path /in\nmode r\noffset 0\n");
    world_end(&w);
}

static void note_wake(Call *c)
{
    atomic_store((atomic_bool *)c->door, true);
}

/* Who waits for a lock of a descriptor that changes looks again. */
TEST(a_wait_for_a_lock_ends_with_its_descriptor)
{
    static const char line[] = "lock w 0 0\n";
    World w = world("/f=x");
    Chan *f, *ctl;
    atomic_bool woken = false;
    Call c;
    FdInfo held;
    uint64_t id = world_new(&w);
    OK(world_open(&w, "/f", OPEN_READ | OPEN_WRITE, &f));
    OK(RUN_CALL(chan_lock(w.call, f, LOCK_WRITE, 0, 0)));
    OK(dup_to(&w, id, 5, "dup /f rw"));
    AUTO_TASK *t = task_find(w.k, id);
    OK(fd_get(t->fds, 5, &held));               /* the open file stays, as that of another task */
    OK(world_open(&w, world_path(id, "fd/5/ctl"), OPEN_WRITE, &ctl));
    call_init(&c, w.root);
    c.wake = note_wake;
    c.door = &woken;
    call_begin(&c);
    EQ(chan_write(&c, ctl, line, sizeof line - 1, 0), WAIT);
    OK(call_suspend(&c));
    TRUE(!atomic_load(&woken));
    OK(dup_to(&w, id, 5, "close"));
    TRUE(atomic_load(&woken));
    OK(call_resume(&c));
    EQ(chan_write(&c, ctl, line, sizeof line - 1, 0), -EBADF);
    call_end(&c);
    call_destroy(&c);
    chan_put(held.chan);
    task_put(STEAL(t));
    OK(world_close(&w, ctl));
    OK(world_close(&w, f));
    world_end(&w);
}

/* A pipe that was replaced before the start is not fed any more: a new one takes its place. */
TEST(descriptor_0_is_fed_anew_after_something_else_was_there)
{
    World w = world("/in=hello /bin/first=test:feed_first");
    uint64_t id = world_new(&w);
    const char *zero = world_path(id, "fd/0");
    OK(world_write(&w, zero, "old"));
    OK(dup_to(&w, id, 0, "dup /in"));
    OK(world_write(&w, zero, "new"));
    OK(world_ctl(&w, id, "cmd first\nstart"));
    EQ(world_wait(&w, id), 'n');
    world_end(&w);
}
