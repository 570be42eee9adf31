/* SPDX-License-Identifier: MIT */
/*
 * Files of /task: what they refuse, what they do not pass on, how their listings go on.
 */
#include <stdio.h>
#include <string.h>

#include "kern/life.h"
#include "test/names.h"
#include "test/testengine.h"

/* Reads three bytes, one at a time, and writes two, at once. */
PROGRAM(kept_io)
{
    char s[2];
    for (int i = 0; i < 3; i++)
        if (act_read(a, 0, s, 1) != 1)
            return 1;
    return act_write(a, 1, s, 2) == 2 ? 0 : 2;
}

TEST(a_view_has_a_self_only_for_whom_it_shows)
{
    World w = world("");
    char path[64];
    uint64_t id = world_new(&w);
    snprintf(path, sizeof path, "/task/%d/task/self", (int)id);
    EQ(names_mode(&w, path), -ENOENT);
    STR_EQ(names_show(&w, "/task/self"), "-> 1");
    /* A link that was found before does not tell others who they are. */
    AUTO_CHAN Chan *self = NULL;
    OK(names_walk(&w, "/task/self", WALK_NOFOLLOW, &self));
    Task *t = task_find(w.k, id);
    names_be(&w, t);
    Task *grandchild = names_task(&w);
    char buf[8];
    names_be(&w, grandchild);
    EQ(RUN_CALL(chan_readlink(w.call, self, buf, sizeof buf)), -ENOENT);
    names_be(&w, w.root);
    task_put(grandchild);
    task_put(t);
    chan_put(STEAL(self));
    world_end(&w);
}

/* What is opened by way of a descriptor has no more than was asked for, and the descriptor had. */
TEST(opening_a_descriptor_gains_nothing)
{
    World w = world("/in=hello");
    uint64_t id = world_new(&w);
    Chan *ch;
    OK(world_write(&w, world_path(id, "fd/0/ctl"), "dup /in"));
    EQ(names_open(&w, world_path(id, "fd/0"), OPEN_READ | OPEN_WRITE), -EPERM);
    EQ(names_open(&w, world_path(id, "fd/1"), OPEN_WRITE), -EPERM);
    OK(world_open(&w, world_path(id, "fd/0"), OPEN_READ, &ch));
    EQ(ch->mode, OPEN_READ);
    EQ(RUN_CALL(chan_write(w.call, ch, "x", 1, 0)), -EBADF);
    OK(world_close(&w, ch));
    STR_EQ(world_read(&w, "/in"), "hello");
    world_end(&w);
}

TEST(a_line_has_no_nul_inside)
{
    static const char line[] = "A=1\0B=2\n";
    World w = world("/x/");
    Chan *ch;
    uint64_t id = world_new(&w);
    OK(world_open(&w, world_path(id, "env"), OPEN_WRITE, &ch));
    EQ(RUN_CALL(chan_write_pos(w.call, ch, line, sizeof line - 1)), -EINVAL);
    OK(world_close(&w, ch));
    TRUE(strstr(world_read(&w, world_path(id, "env")), "A=1") == NULL);
    world_end(&w);
}

TEST(attr_takes_permissions_and_no_more)
{
    World w = world("/x=1");
    OK(world_write(&w, "/task/1/attr", "mode 0600 /x"));
    EQ(world_write(&w, "/task/1/attr", "mode 017777 /x"), -ENOENT);    /* it is a path then */
    EQ(world_write(&w, "/task/1/attr", "mode 0800 /x"), -ENOENT);
    EQ(names_mode(&w, "/x"), TYPE_FILE | 0600);
    world_end(&w);
}

TEST(stat_tells_reads_from_writes)
{
    World w = world("/in=hello /bin/io=test:kept_io");
    uint64_t id = world_new(&w);
    OK(world_write(&w, world_path(id, "fd/0/ctl"), "dup /in"));
    OK(world_ctl(&w, id, "cmd io\nstart"));
    EQ(world_wait(&w, id), 0);
    STR_EQ(world_read(&w, world_path(id, "stat/io")), "rbytes 3\nwbytes 2\nrios 3\nwios 1\n");
    Task *t = task_find(w.k, id);
    account_cpu(t->account, 5000000, 7000000);
    unsigned usage = 0, user = 0, system = 0;
    EQ(sscanf(world_read(&w, world_path(id, "stat/cpu")), "usage_usec %u\nuser_usec %u\nsystem_usec %u\n", &usage,
              &user, &system),
       3);
    TRUE(user >= 5000 && user < 5000000 && system >= 7000 && system < 7000000);
    EQ(usage / 1000, (user + system) / 1000);
    task_put(t);
    world_end(&w);
}

static int take_one(void *arg, const Dirent *e)
{
    Dirent *seen = arg;
    if (seen->next != 0)
        return 1;
    *seen = *e;
    return 0;
}

/* One entry a call, as by a client with small buffers. */
TEST(listings_go_on_entry_by_entry)
{
    static const char *const dirs[] = { "", "ns", "ns/from", "fd", "stat" };
    World w = world("/a/ /b/ /c/");
    uint64_t id = world_new(&w);
    OK(world_write(&w, world_path(id, "ns/ctl"), "bind /a /1\nbind /b /2\nbind /c /3\n"));
    for (unsigned i = 0; i < LEN(dirs); i++) {
        Chan *ch;
        unsigned whole = 1, n = 0;
        const char *path = world_path(id, dirs[i]);
        for (const char *s = names_show(&w, path); *s != '\0'; s++)
            whole += *s == ' ';
        OK(world_open(&w, path, OPEN_READ | OPEN_DIRECTORY, &ch));
        for (uint64_t cookie = 0;; n++) {
            Dirent e = { .next = 0 };
            OK(RUN_CALL(chan_readdir(w.call, ch, cookie, take_one, &e)));
            if (e.next == 0)
                break;
            TRUE(n < 100);
            cookie = e.next;
        }
        EQ(n, whole + 2);                       /* and the dots */
        OK(world_close(&w, ch));
    }
    world_end(&w);
}
