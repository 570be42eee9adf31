/* SPDX-License-Identifier: MIT */
/*
 * A file system in memory through the whole kernel: times that others rely on, and trees that go from the top.
 */
#include <stdio.h>
#include <string.h>

#include "kern/account.h"
#include "test/names.h"

static Attr attr_of(World *w, const char *path)
{
    AUTO_CHAN Chan *ch = NULL;
    Attr a;
    int r;
    OK(names_walk(w, path, 0, &ch));
    CALL_RUN(w->call, r, chan_getattr(w->call, ch, &a));
    OK(r);
    return a;
}

static void set_old(World *w, const char *path)
{
    AUTO_CHAN Chan *ch = NULL;
    Attr a = { .atime = 5, .mtime = 5 };
    int r;
    OK(names_walk(w, path, 0, &ch));
    CALL_RUN(w->call, r, chan_setattr(w->call, ch, SET_ATIME | SET_MTIME, &a));
    OK(r);
    EQ(attr_of(w, path).mtime, 5);
}

/* make and rsync look at nothing else. */
TEST(every_change_is_seen_by_its_time)
{
    World w = world("/d/f=hello /d/e/");
    set_old(&w, "/d/f");
    OK(names_open(&w, "/d/f", OPEN_READ));
    EQ(attr_of(&w, "/d/f").mtime, 5);
    OK(names_open(&w, "/d/f", OPEN_WRITE | OPEN_TRUNC));
    TRUE(attr_of(&w, "/d/f").mtime > 5);
    set_old(&w, "/d/f");
    OK(world_write(&w, "/d/f", "x"));
    TRUE(attr_of(&w, "/d/f").mtime > 5);
    set_old(&w, "/d");
    OK(names_rename(&w, "/d/f", "/d/g"));
    TRUE(attr_of(&w, "/d").mtime > 5);
    set_old(&w, "/d");
    OK(names_link(&w, "/d/g", "/d/h"));
    TRUE(attr_of(&w, "/d").mtime > 5);
    set_old(&w, "/d");
    OK(names_unlink(&w, "/d/h"));
    TRUE(attr_of(&w, "/d").mtime > 5);
    set_old(&w, "/d");
    OK(names_rmdir(&w, "/d/e"));
    TRUE(attr_of(&w, "/d").mtime > 5);
    set_old(&w, "/d");
    OK(names_mkdir(&w, "/d/e"));
    TRUE(attr_of(&w, "/d").mtime > 5);
    world_end(&w);
}

/* What fits is written and said; only the next write is told that it is full. */
TEST(a_write_into_too_little_room_is_short)
{
    enum { LONG = 1 << 20 };
    static char bytes[LONG];
    World w = world("/d/");
    AccountSums sums;
    Chan *f;
    OK(world_open(&w, "/d/f", OPEN_WRITE | OPEN_CREATE, &f));
    account_sums(w.root->account, &sums);
    OK(account_limit_memory(w.call, w.root->account, sums.mem_current + 400000, true));
    int64_t put = world_put(&w, f, "x");
    EQ(put, 1);
    CALL_RUN(w.call, put, chan_write_pos(w.call, f, bytes, LONG));
    TRUE(put > 100000 && put < LONG);
    EQ(attr_of(&w, "/d/f").size, put + 1);
    int64_t full;
    do
        CALL_RUN(w.call, full, chan_write_pos(w.call, f, bytes, LONG));
    while (full > 0);
    EQ(full, -ENOSPC);
    OK(account_limit_memory(w.call, w.root->account, ACCOUNT_MAX, true));
    OK(world_close(&w, f));
    world_end(&w);
}
