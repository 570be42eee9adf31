/* SPDX-License-Identifier: MIT */
/*
 * What unions, grafts and sources must not let through: read-only places stay so, and hidden files stay hidden.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern/ns.h"
#include "test/names.h"
#include "test/testengine.h"

#define CTL(...) names_ctl(&w, NULL, __VA_ARGS__)
#define SHOW(path) names_show(&w, path)

TEST(what_a_union_is_put_over_stays_read_only)
{
    World w = world("/a/s/f=1 /b/g=2");
    OK(CTL("bind -r /a /ro"));
    OK(CTL("bind -a /b /ro/s"));
    STR_EQ(SHOW("/ro/s"), "f g");
    EQ(names_open(&w, "/ro/s/f", OPEN_WRITE), -EROFS);
    EQ(names_unlink(&w, "/ro/s/f"), -EROFS);
    EQ(names_link(&w, "/ro/s/f", "/b/f"), -EROFS);
    OK(names_open(&w, "/ro/s/g", OPEN_WRITE));
    STR_EQ(SHOW("/a/s/f"), "1");
    world_end(&w);
}

/* A directory that was reached read-only: a bind that comes later gives it no more. */
TEST(a_place_keeps_the_rights_that_it_was_reached_with)
{
    World w = world("/a/d/x=1");
    AUTO_CHAN Chan *ro = NULL, *file = NULL;
    OK(CTL("bind -r /a /p"));
    OK(names_walk(&w, "/p", 0, &ro));
    OK(CTL("bind /a /p"));
    OK(names_open(&w, "/p/d/x", OPEN_WRITE));
    OK(names_walk_at(&w, ro, "d/x", 0, &file));
    EQ(file->flags & CHAN_NO_WRITE, CHAN_RDONLY);
    EQ(RUN_CALL(chan_mkdir(w.call, ro, "new", 0755)), -EROFS);
    chan_put(STEAL(file));
    chan_put(STEAL(ro));
    world_end(&w);
}

TEST(what_a_union_is_put_over_keeps_what_is_bound_below)
{
    World w = world("/a/s/f=1 /b/g=2 /c/h=3");
    OK(CTL("bind /c /a/s/k"));
    OK(CTL("bind /a /p"));
    OK(CTL("bind -a /b /p/s"));
    STR_EQ(SHOW("/p/s"), "f g k/");
    STR_EQ(SHOW("/p/s/k"), "h");
    world_end(&w);
}

/* The number of the last source of t's namespace. */
static int last_source(World *w, Task *t)
{
    int k = -1;
    for (const char *at = names_dump(w, t); (at = strstr(at, "from/")) != NULL; at += 5)
        k = atoi(at + 5);
    TRUE(k >= 0);
    return k;
}

TEST(a_source_is_hidden_from_whom_it_is_hidden)
{
    World w = world("/secret/x=1 /open/y=2");
    Task *t = names_task(&w);
    char path[64];
    OK(names_ctl(&w, t, "bind /secret /s"));
    snprintf(path, sizeof path, "/task/%d/ns/from/%d", (int)t->id, last_source(&w, t));
    STR_EQ(SHOW(path), "x");
    OK(CTL("hide /secret"));
    STR_EQ(SHOW(path), "error 2");
    EQ(CTL("bind %s /again", path), -ENOENT);
    task_put(t);
    world_end(&w);
}

TEST(a_source_that_was_read_only_stays_so)
{
    World w = world("/a/d/x=1");
    Task *t = names_task(&w);
    char path[64];
    OK(CTL("bind -r /a /ro"));
    OK(names_ctl(&w, t, "bind /ro/d /s"));
    snprintf(path, sizeof path, "/task/%d/ns/from/%d/x", (int)t->id, last_source(&w, t));
    STR_EQ(SHOW(path), "1");
    EQ(names_open(&w, path, OPEN_WRITE), -EROFS);
    EQ(names_chmod(&w, path, 0600), -EROFS);
    EQ(names_unlink(&w, path), -EROFS);
    OK(names_ctl(&w, t, "bind /ro/d/x /sx"));           /* a file, which is the place itself */
    snprintf(path, sizeof path, "/task/%d/ns/from/%d", (int)t->id, last_source(&w, t));
    STR_EQ(SHOW(path), "1");
    EQ(names_open(&w, path, OPEN_WRITE), -EROFS);
    EQ(names_chmod(&w, path, 0600), -EROFS);
    task_put(t);
    world_end(&w);
}

/* A view by its number is the view that /task stands for. */
TEST(a_view_is_hidden_by_each_of_its_names)
{
    World w = world("");
    AUTO_CHAN Chan *ch = NULL;
    Task *t = names_task(&w);
    names_be(&w, t);
    OK(names_walk(&w, "/task/new", 0, &ch));
    chan_put(STEAL(ch));
    OK(CTL("hide /task/%d/task", (int)t->id));
    EQ(names_walk(&w, "/task/new", 0, &ch), -ENOENT);
    EQ(names_walk(&w, "/task", 0, &ch), -ENOENT);
    names_be(&w, w.root);
    task_put(t);
    world_end(&w);
}

TEST(only_the_first_of_a_union_that_was_bound_is_what_was_bound)
{
    World w = world("/a/x=1 /b/y=2 /c/z=3");
    OK(CTL("bind /a /u"));
    OK(CTL("bind -a /b /u"));
    OK(CTL("bind /c /v"));
    OK(CTL("bind -a /u /v"));
    STR_EQ(SHOW("/v"), "x y z");
    EQ(CTL("unbind /b /v"), -EINVAL);
    STR_EQ(SHOW("/v"), "x y z");
    OK(CTL("unbind /u /v"));
    STR_EQ(SHOW("/v"), "z");
    world_end(&w);
}

TEST(nothing_is_left_to_hide_below_what_is_hidden)
{
    World w = world("/a/d/x=1");
    OK(CTL("hide /a"));
    OK(CTL("hide /a/d/x"));
    world_end(&w);
}

TEST(a_hidden_bind_is_in_no_dump)
{
    World w = world("/a/x=1");
    OK(CTL("bind /a /n"));
    OK(CTL("hide /n"));
    TRUE(strstr(names_dump(&w, NULL), " /n\n") != NULL);
    TRUE(strstr(names_binds(&w, NULL), "/a /n") == NULL);
    TRUE(strstr(strstr(names_dump(&w, NULL), " /n\n") + 1, " /n\n") == NULL);
    world_end(&w);
}

/* Hidden by identity, in a listing that several directories make together, too. */
TEST(what_is_hidden_is_in_no_listing_of_a_union)
{
    World w = world("/a/x=1 /a/s=2 /b/y=3");
    OK(CTL("bind /a /u"));
    OK(CTL("bind -a /b /u"));
    OK(CTL("hide /a/s"));
    STR_EQ(SHOW("/u"), "x y");
    EQ(names_open(&w, "/u/s", OPEN_READ), -ENOENT);
    world_end(&w);
}

/* 0 when what stood at /a before the bind does not come back. */
PROGRAM(right_unbind)
{
    if (act_put(a, "/task/self/ns/ctl", "unbind /a") < 0)
        return 1;
    return act_open(a, "/a/x", OPEN_READ) == -ENOENT ? 0 : 2;
}

TEST(a_start_seals_what_was_bound)
{
    World w = world("/a/x=1 /b/y=2 /bin/unbind=test:right_unbind");
    uint64_t id = world_new(&w);
    OK(world_write(&w, world_path(id, "ns/ctl"), "bind /b /a"));
    OK(world_ctl(&w, id, "cmd unbind\nstart"));
    EQ(world_wait(&w, id), 0);
    world_end(&w);
}
