/* SPDX-License-Identifier: MIT */
/*
 * /dev.
 */
#include "dev/devdev.h"

#include <string.h>

#include "kern/trace.h"
#include "test/testengine.h"
#include "test/world.h"

static int64_t read_some(World *w, const char *path, void *buf, size_t n)
{
    Chan *ch = NULL;
    OK(world_open(w, path, OPEN_READ, &ch));
    int64_t r = world_get(w, ch, buf, n);
    OK(world_close(w, ch));
    return r;
}

TEST(null_zero_full_and_random_do_as_their_names_say)
{
    World w = world("");
    char a[64], b[64], zero[64] = { 0 };
    STR_EQ(world_read(&w, "/dev/null"), "");
    OK(world_write(&w, "/dev/null", "gone"));
    memset(a, 1, sizeof a);
    EQ(read_some(&w, "/dev/zero", a, sizeof a), sizeof a);
    MEM_EQ(a, zero, sizeof a);
    memset(a, 1, sizeof a);
    EQ(read_some(&w, "/dev/full", a, sizeof a), sizeof a);
    MEM_EQ(a, zero, sizeof a);
    EQ(world_write(&w, "/dev/full", "x"), -ENOSPC);
    EQ(read_some(&w, "/dev/random", a, sizeof a), sizeof a);
    EQ(read_some(&w, "/dev/urandom", b, sizeof b), sizeof b);
    TRUE(memcmp(a, b, sizeof a) != 0);
    OK(world_write(&w, "/dev/random", "seed"));
    STR_EQ(world_read(&w, "/dev/missing"), "error 2");
    EQ(world_write(&w, "/dev/new", "x"), -EPERM);
    world_end(&w);
}

/* Reads two bytes at descriptor 0's own handle, then two by /dev/fd/0: the offset is one. */
PROGRAM(by_fd)
{
    char buf[8] = "";
    if (act_read(a, 0, buf, 2) != 2)
        return 1;
    int fd = act_open(a, "/dev/fd/0", OPEN_READ);
    if (fd < 0)
        return -fd;
    if (act_read(a, fd, buf + 2, 2) != 2)
        return 3;
    (void)act_close(a, fd);
    if (act_read(a, 0, buf + 4, 2) != 2 || strcmp(buf, "abcdef") != 0)
        return 4;
    if (fd_set_rights(task_fds(a->task), 0, ~(UINT64_C(1) << 1), 0) < 0 ||
        act_open(a, "/dev/fd/0", OPEN_READ) != -EACCES)
        return 8;                               /* given up by descriptor 0, and not to be had back */
    if (act_open(a, "/dev/fd/0", OPEN_WRITE) != -EACCES || act_open(a, "/dev/fd/77", OPEN_READ) != -ENOENT)
        return 5;
    if (act_open(a, "/dev/fd/00", OPEN_READ) != -ENOENT || act_open(a, "/dev/tty", OPEN_READ) != -ENXIO)
        return 6;
    return act_open(a, "/dev/objects", OPEN_READ) == -ENOENT && act_open(a, "/dev/trace", OPEN_READ) == -ENOENT ? 0 : 7;
}

TEST(fd_is_a_second_handle_on_the_openers_own_descriptor)
{
    World w = world("/bin/by_fd=test:by_fd /in=abcdefgh");
    uint64_t id = world_new(&w);
    OK(world_ctl(&w, id, "cmd by_fd"));
    OK(world_write(&w, world_path(id, "fd/0/ctl"), "dup /in\n"));
    OK(world_ctl(&w, id, "start"));
    EQ(world_wait(&w, id), 0);
    world_end(&w);
}

TEST(objects_counts_for_the_root_task)
{
    World w = world("");
    TRUE(strstr(world_read(&w, "/dev/objects"), "\ntask 1\n") != NULL ||
         strstr(world_read(&w, "/dev/objects"), "task 1\n") != NULL);
    EQ(world_write(&w, "/dev/objects", "x"), -EPERM);
    world_end(&w);
}

TEST(trace_shows_events_of_the_chosen_classes)
{
    World w = world("");
    OK(world_write(&w, "/dev/trace", "clear\nsys,dev\n"));
    if (trace_on(TRACE_DEV, w.root))
        trace(TRACE_DEV, w.root, "pipe read %d", 5);
    TRUE(!trace_on(TRACE_9P, w.root));
    TRUE(strstr(world_read(&w, "/dev/trace"), " task 1 dev pipe read 5\n") != NULL);
    EQ(world_write(&w, "/dev/trace", "nonsense\n"), -EINVAL);
    OK(world_write(&w, "/dev/trace", "off"));
    TRUE(!trace_on(TRACE_ALL, w.root));
    trace_clear();
    world_end(&w);
}
