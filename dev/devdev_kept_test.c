/* SPDX-License-Identifier: MIT */
/*
 * What /dev and /cap keep from whom, and what they refuse.
 */
#include <stdio.h>
#include <string.h>

#include "kern/life.h"
#include "test/names.h"

TEST(objects_are_the_roots_alone)
{
    World w = world("");
    AUTO_CHAN Chan *objects = NULL, *open = NULL;
    TRUE(strstr(names_show(&w, "/dev"), "objects") != NULL);
    OK(names_walk(&w, "/dev/objects", 0, &objects));
    Task *t = names_task(&w);
    names_be(&w, t);
    TRUE(strstr(names_show(&w, "/dev"), "objects") == NULL);
    EQ(names_open(&w, "/dev/objects", OPEN_READ), -ENOENT);
    EQ(RUN_CALL(chan_open(w.call, objects, OPEN_READ, &open)), -EPERM);        /* found by somebody else */
    names_be(&w, w.root);
    OK(names_open(&w, "/dev/objects", OPEN_READ));
    EQ(names_open(&w, "/dev/objects", OPEN_WRITE), -EPERM);
    chan_put(STEAL(objects));
    task_put(t);
    world_end(&w);
}

TEST(no_bytes_fit_into_what_is_full)
{
    World w = world("");
    Chan *full;
    OK(world_open(&w, "/dev/full", OPEN_WRITE, &full));
    EQ(RUN_CALL(chan_write(w.call, full, "x", 0, 0)), 0);
    EQ(RUN_CALL(chan_write(w.call, full, "x", 1, 0)), -ENOSPC);
    OK(world_close(&w, full));
    world_end(&w);
}

/* One writer's many failures do not push out what others were told. */
TEST(each_writer_has_one_note)
{
    World w = world("");
    Task *t = names_task(&w), *other = names_task(&w);
    OK(names_ctl(&w, other, "bind /task /task"));
    const char *ctl = world_path(t->id, "ctl");
    names_be(&w, other);
    EQ(world_write(&w, ctl, "first"), -EINVAL);
    names_be(&w, w.root);
    for (int i = 0; i < 100; i++)
        EQ(world_write(&w, ctl, "second"), -EINVAL);
    TRUE(strstr(world_read(&w, world_path(t->id, "error")), "second") != NULL);
    names_be(&w, other);
    TRUE(strstr(world_read(&w, world_path(t->id, "error")), "first") != NULL);
    names_be(&w, w.root);
    task_put(other);
    task_put(t);
    world_end(&w);
}
