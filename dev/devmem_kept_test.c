/* SPDX-License-Identifier: MIT */
/*
 * A file system in memory through the whole kernel: times that others rely on, and trees that go from the top.
 */
#include <stdio.h>
#include <string.h>

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
