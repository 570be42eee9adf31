/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of tasks from outside: fd/N, fd/N/ctl, taps, pipes between tasks, live redirection.
 */
#include <stdio.h>
#include <string.h>

#include "kern/life.h"
#include "test/testengine.h"
#include "test/world.h"

/* Copies descriptor 0 to 1. */
PROGRAM(fd_cat)
{
    char s[256];
    int64_t n;
    while ((n = act_read(a, 0, s, sizeof s)) > 0)
        if (act_write(a, 1, s, (size_t)n) < 0)
            return 2;
    return n < 0 ? 1 : 0;
}

PROGRAM(fd_echo)
{
    char s[256];
    snprintf(s, sizeof s, "%s\n", act_arg(a, 1));
    return act_puts(a, 1, s) < 0 ? 1 : 0;
}

PROGRAM(fd_sleep)
{
    (void)act_sleep(a, 1000000);
    return 0;
}

#define PROGRAMS "/bin/cat=test:fd_cat /bin/echo=test:fd_echo /bin/sleep=test:fd_sleep "

TEST(dup_opens_what_the_writer_names)
{
    World w = world(PROGRAMS "/in=hello /dir/");
    uint64_t id = world_new(&w);
    OK(world_write(&w, world_path(id, "fd/0/ctl"), "dup /in"));
    OK(world_write(&w, world_path(id, "fd/1.ctl"), "dup /out"));
    STR_EQ(world_read(&w, world_path(id, "fd/0/ctl")), "path /in\nmode r\noffset 0\n");
    STR_EQ(world_read(&w, world_path(id, "fd/1/ctl")), "path /out\nmode w\noffset 0\n");
    STR_EQ(world_read(&w, world_path(id, "fd/0")), "hello");            /* a file, from its start */
    OK(world_ctl(&w, id, "cmd cat\nstart"));
    EQ(world_wait(&w, id), 0);
    STR_EQ(world_read(&w, "/out"), "hello");
    STR_EQ(world_read(&w, world_path(id, "fd/1")), "hello");            /* and its tap, after its end */
    EQ(world_write(&w, world_path(id, "fd/0/ctl"), "dup /in"), -ESRCH);
    world_end(&w);
}

TEST(modes_of_dup)
{
    World w = world("/a=123456 /dir/");
    uint64_t id = world_new(&w);
    OK(world_write(&w, world_path(id, "fd/5/ctl"), "dup /a"));
    STR_EQ(world_read(&w, world_path(id, "fd/5/ctl")), "path /a\nmode rw\noffset 0\n");
    OK(world_write(&w, world_path(id, "fd/5/ctl"), "dup /dir"));
    STR_EQ(world_read(&w, world_path(id, "fd/5/ctl")), "path /dir\nmode r\noffset 0\n");
    OK(world_write(&w, world_path(id, "fd/6/ctl"), "dup /a a"));
    STR_EQ(world_read(&w, world_path(id, "fd/6/ctl")), "path /a\nmode w\noffset 0\nflags append\n");
    OK(world_write(&w, world_path(id, "fd/6/ctl"), "flags nonblock cloexec"));
    STR_EQ(world_read(&w, world_path(id, "fd/6/ctl")), "path /a\nmode w\noffset 0\nflags nonblock cloexec\n");
    OK(world_write(&w, world_path(id, "fd/6/ctl"), "flags"));
    STR_EQ(world_read(&w, world_path(id, "fd/6/ctl")), "path /a\nmode w\noffset 0\n");
    EQ(world_write(&w, world_path(id, "fd/6/ctl"), "flags fast"), -EINVAL);
    STR_EQ(world_read(&w, "/a"), "123456");
    OK(world_write(&w, world_path(id, "fd/6/ctl"), "dup /a w"));
    STR_EQ(world_read(&w, "/a"), "");
    OK(world_write(&w, world_path(id, "fd/7/ctl"), "dup /made rw"));
    STR_EQ(world_read(&w, "/made"), "");
    EQ(world_write(&w, world_path(id, "fd/7/ctl"), "dup /a x"), -EINVAL);
    EQ(world_write(&w, world_path(id, "fd/7/ctl"), "dup /missing r"), -ENOENT);
    EQ(world_write(&w, world_path(id, "fd/7/ctl"), "dup /dir w"), -EISDIR);
    EQ(world_write(&w, world_path(id, "fd/2000/ctl"), "dup /a"), -EBADF);
    EQ(world_write(&w, world_path(id, "fd/70000/ctl"), "dup /a"), -ENOENT);
    OK(world_write(&w, world_path(id, "fd/7/ctl"), "close"));
    EQ(world_write(&w, world_path(id, "fd/7/ctl"), "close"), -EBADF);
    STR_EQ(world_read(&w, world_path(id, "fd/7/ctl")), "error 9");
    world_end(&w);
}

TEST(a_pipe_joins_two_tasks)
{
    World w = world(PROGRAMS);
    uint64_t left = world_new(&w), right = world_new(&w);
    EQ(left, 2);
    EQ(world_write(&w, "/task/2/fd/0/ctl", "pipe 3/fd/0"), -EINVAL);
    EQ(world_write(&w, "/task/2/fd/1/ctl", "pipe 2/fd/1"), -EINVAL);
    EQ(world_write(&w, "/task/2/fd/1/ctl", "pipe 4/fd/0"), -ENOENT);
    EQ(world_write(&w, "/task/2/fd/1/ctl", "pipe 3/status"), -EINVAL);
    OK(world_write(&w, "/task/2/fd/1/ctl", "pipe 3/fd/0"));
    OK(world_write(&w, "/task/2/ctl", "cmd echo hello\nstart"));
    EQ(world_wait(&w, left), 0);
    OK(world_write(&w, "/task/3/ctl", "cmd cat\nstart"));           /* what was written waits for it */
    EQ(world_wait(&w, right), 0);
    STR_EQ(world_read(&w, "/task/3/fd/1"), "hello\n");
    world_new(&w);
    world_new(&w);
    OK(world_write(&w, "/task/4/fd/0/ctl", "pipe /task/5/fd/1"));   /* the other way round */
    OK(world_write(&w, "/task/5/ctl", "cmd echo again\nstart"));
    OK(world_write(&w, "/task/4/ctl", "cmd cat\nstart"));
    EQ(world_wait(&w, 4), 0);
    STR_EQ(world_read(&w, "/task/4/fd/1"), "again\n");
    world_end(&w);
}

TEST(writing_to_fd_0_feeds_a_task)
{
    World w = world(PROGRAMS);
    Chan *first, *second;
    uint64_t id = world_new(&w);
    OK(world_write(&w, world_path(id, "fd/0"), "one "));            /* kept until it starts */
    OK(world_open(&w, world_path(id, "fd/0"), OPEN_WRITE, &first));
    OK(world_ctl(&w, id, "cmd cat\nstart"));
    OK(world_put(&w, first, "two "));
    OK(world_open(&w, world_path(id, "fd/0"), OPEN_WRITE, &second));
    OK(world_close(&w, first));
    OK(world_put(&w, second, "three"));
    OK(world_close(&w, second));
    EQ(world_wait(&w, id), 0);
    STR_EQ(world_read(&w, world_path(id, "fd/1")), "one two three");
    EQ(world_write(&w, world_path(id, "fd/0"), "x"), -EPERM);
    id = world_start(&w, "sleep");
    EQ(world_write(&w, world_path(id, "fd/0"), "x"), -EPERM);       /* /dev/null is there */
    EQ(world_write(&w, world_path(id, "fd/1"), "x"), -EPERM);
    STR_EQ(world_read(&w, world_path(id, "fd/9")), "error 2");
    world_end(&w);
}

TEST(a_waiting_read_goes_on_with_a_new_descriptor)
{
    World w = world(PROGRAMS "/in=late");
    Chan *pipe;
    uint64_t id = world_new(&w);
    OK(world_open(&w, world_path(id, "fd/0"), OPEN_WRITE, &pipe));
    OK(world_ctl(&w, id, "cmd cat\nstart"));
    for (int i = 0; i < 1000; i++)
        thread_yield();
    OK(world_write(&w, world_path(id, "fd/0/ctl"), "dup /in"));
    EQ(world_wait(&w, id), 0);
    STR_EQ(world_read(&w, world_path(id, "fd/1")), "late");
    OK(world_close(&w, pipe));
    world_end(&w);
}

TEST(a_tap_follows_what_a_task_writes)
{
    World w = world(PROGRAMS);
    Chan *feed, *tap;
    char s[64];
    uint64_t id = world_new(&w);
    OK(world_open(&w, world_path(id, "fd/1"), OPEN_READ, &tap));
    OK(world_open(&w, world_path(id, "fd/0"), OPEN_WRITE, &feed));
    OK(world_ctl(&w, id, "cmd cat\nstart"));
    EQ(world_try(&w, tap, s, sizeof s), -EAGAIN);
    OK(world_put(&w, feed, "a"));
    EQ(world_get(&w, tap, s, sizeof s), 1);
    OK(world_put(&w, feed, "bc"));
    EQ(world_get(&w, tap, s, 1), 1);
    EQ(world_get(&w, tap, s, sizeof s), 1);
    EQ(s[0], 'c');
    OK(world_close(&w, feed));
    EQ(world_get(&w, tap, s, sizeof s), 0);
    OK(world_close(&w, tap));
    STR_EQ(world_read(&w, world_path(id, "fd/1")), "abc");
    EQ(world_wait(&w, id), 0);
    OK(world_ctl(&w, id, "remove"));
    world_end(&w);
}

TEST(locks_of_two_tasks_exclude_each_other)
{
    World w = world("/f=0123456789");
    world_new(&w);
    world_new(&w);
    OK(world_write(&w, "/task/2/fd/3/ctl", "dup /f rw"));
    OK(world_write(&w, "/task/3/fd/3/ctl", "dup /f rw"));
    OK(world_write(&w, "/task/2/fd/3/ctl", "lock w 0 5"));
    w.call->mode |= CALL_NONBLOCK;
    EQ(world_write(&w, "/task/3/fd/3/ctl", "lock w 4 1\n"), -EAGAIN);
    OK(world_write(&w, "/task/3/fd/3/ctl", "lock w 5 1\n"));
    OK(world_write(&w, "/task/2/fd/3/ctl", "lock u\n"));
    OK(world_write(&w, "/task/3/fd/3/ctl", "lock w 4 1\n"));
    w.call->mode = 0;
    EQ(world_write(&w, "/task/3/fd/3/ctl", "lock x"), -EINVAL);
    EQ(world_write(&w, "/task/3/fd/3/ctl", "lock r 1"), -EINVAL);
    EQ(world_write(&w, "/task/3/fd/4/ctl", "lock r"), -EBADF);
    world_end(&w);
}

TEST(who_writes_to_nobody_gets_sigpipe)
{
    World w = world(PROGRAMS);
    uint64_t left = world_new(&w), right = world_new(&w);
    OK(world_write(&w, world_path(left, "fd/1/ctl"), "pipe 3/fd/0"));
    OK(world_ctl(&w, right, "cmd sleep\nstart"));
    OK(world_ctl(&w, right, "kill 9"));
    EQ(world_wait(&w, right), 137);
    OK(world_ctl(&w, left, "cmd echo x\nstart"));
    EQ(world_wait(&w, left), 128 + 13);
    world_end(&w);
}

TEST(a_task_that_is_not_started_is_no_reader_and_no_writer)
{
    World w = world(PROGRAMS);
    uint64_t left = world_new(&w), right = world_new(&w);
    OK(world_write(&w, world_path(left, "fd/1/ctl"), "pipe 3/fd/0"));
    OK(world_write(&w, world_path(left, "fd/5/ctl"), "dup /dev/null"));
    OK(world_ctl(&w, left, "cmd echo x\nstart"));          /* nobody reads yet: it is kept */
    EQ(world_wait(&w, left), 0);
    uint64_t idle = world_new(&w);                          /* holds the writing end, and does nothing */
    OK(world_write(&w, world_path(idle, "fd/1/ctl"), "pipe 3/fd/5"));
    OK(world_ctl(&w, right, "cmd cat\nstart"));
    EQ(world_wait(&w, right), 0);
    STR_EQ(world_read(&w, world_path(right, "fd/1")), "x\n");
    world_end(&w);
}
