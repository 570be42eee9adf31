/* SPDX-License-Identifier: MIT */
/*
 * Escape attempts, by name: out of a hidden name and out of a read-only bind, by whatever else could lead there. The attempts of a confined
 * task: /d/s is hidden from it, /ro is read-only and the only name of what it shows. doc/security.md lists them all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern/ns.h"
#include "test/names.h"
#include "test/testengine.h"

#define SHOW(path) names_show(&w, path)
#define CTL(...) names_ctl(&w, NULL, __VA_ARGS__)

typedef struct Cage {
    World w;
    Task *t;                        /* owned: who tries */
} Cage;

/* What stands outside: made by task 1, which sees everything. */
static Cage cage(void)
{
    Cage g = { .w = world("/d/s/f=secret /d/x/f=open /d/f=open /tmp/t=mine /v/f=1 /v/e/f=2 /bin/true=test:escape_true "
                          "/d/s/prog=test:escape_true ") };
    World *w = &g.w;
    OK(names_link(w, "/d/s/f", "/d/hard"));
    OK(names_symlink(w, "/d/s", "/d/absolute"));
    OK(names_symlink(w, "x/../s", "/d/relative"));
    OK(names_symlink(w, "relative", "/d/chain1"));
    OK(names_symlink(w, "/d/chain1", "/d/chain2"));
    g.t = names_task(w);
    OK(names_ctl(w, g.t, "bind -r /v /ro"));
    OK(names_ctl(w, g.t, "hide /v"));
    OK(names_ctl(w, g.t, "bind -r /v /ro"));
    OK(names_ctl(w, g.t, "hide /d/s"));
    Ns *ns = task_ns(g.t);
    OK(ns_seal(ns));                /* as its start does */
    ns_put(ns);
    names_be(w, g.t);
    return g;
}

/* Nothing that was tried has changed what it was for. */
static void cage_end(Cage *g)
{
    names_be(&g->w, g->w.root);
    STR_EQ(names_show(&g->w, "/d/s/f"), "secret");
    STR_EQ(names_show(&g->w, "/v/f"), "1");
    STR_EQ(names_show(&g->w, "/v/e/f"), "2");
    STR_EQ(names_show(&g->w, "/v"), "e/ f");
    task_put(g->t);
    world_end(&g->w);
}

PROGRAM(escape_true)
{
    (void)a;
    return 0;
}

/* ---- out of a hidden name -------------------------------------------------------------------------------------------- */

#define HIDDEN(path) EQ(names_open(&g.w, path, OPEN_READ), -ENOENT)

TEST(hidden_dots_and_slashes)
{
    Cage g = cage();
    HIDDEN("/d/s/f");
    HIDDEN("/d/s");
    HIDDEN("/d/s/");
    HIDDEN("/d/s/.");
    HIDDEN("/d//s///f");
    HIDDEN("/d/./s/./f");
    HIDDEN("/d/x/../s/f");
    HIDDEN("/../../d/s/f");
    HIDDEN("/d/x/../../d/s/../s/f");
    HIDDEN("/d/s/../s/f");
    HIDDEN("/d/s/../f");            /* the way leads through it */
    HIDDEN("/tmp/../d/s/f");
    STR_EQ(names_show(&g.w, "/d"), "absolute@ chain1@ chain2@ f hard relative@ x/");
    cage_end(&g);
}

TEST(hidden_links_absolute_relative_and_in_chains)
{
    Cage g = cage();
    HIDDEN("/d/absolute/f");
    HIDDEN("/d/absolute/");
    HIDDEN("/d/relative/f");
    HIDDEN("/d/chain2/f");
    OK(names_symlink(&g.w, "/d/s/f", "/tmp/own"));
    HIDDEN("/tmp/own");
    EQ(names_open(&g.w, "/tmp/own", OPEN_WRITE), -ENOENT);
    OK(names_symlink(&g.w, "../d/./s/", "/tmp/again"));
    HIDDEN("/tmp/again/f");
    OK(names_symlink(&g.w, "own", "/tmp/long"));
    HIDDEN("/tmp/long");
    cage_end(&g);
}

TEST(hidden_hard_links)
{
    Cage g = cage();
    EQ(names_link(&g.w, "/d/s/f", "/tmp/f"), -ENOENT);
    EQ(names_link(&g.w, "/d/s", "/tmp/s"), -ENOENT);
    /* A second name from before: what is below a hidden directory is not hidden by itself; the manual says so. */
    STR_EQ(names_show(&g.w, "/d/hard"), "secret");
    OK(names_ctl(&g.w, NULL, "hide /d/hard"));
    HIDDEN("/d/hard");
    cage_end(&g);
}

TEST(hidden_file_by_its_second_name)
{
    World w = world("/d/f=secret /e/");
    OK(names_link(&w, "/d/f", "/e/g"));
    OK(CTL("hide /d/f"));
    STR_EQ(SHOW("/e/g"), "error 2");
    STR_EQ(SHOW("/e"), "");
    EQ(names_link(&w, "/e/g", "/e/h"), -ENOENT);
    EQ(names_rename(&w, "/e/g", "/e/h"), -ENOENT);
    EQ(CTL("bind /e/g /h"), -ENOENT);
    world_end(&w);
}

TEST(hidden_renames_of_it_and_of_what_is_above)
{
    Cage g = cage();
    EQ(names_rename(&g.w, "/d/s", "/tmp/s"), -ENOENT);
    EQ(names_rename(&g.w, "/d", "/tmp/d"), -EBUSY);
    EQ(names_rename(&g.w, "/d/x", "/d/s"), -ENOENT);
    EQ(names_rmdir(&g.w, "/d/s"), -ENOENT);
    /* Somebody who sees it moves it: it is hidden wherever it is. */
    names_be(&g.w, g.w.root);
    OK(names_rename(&g.w, "/d", "/moved"));
    names_be(&g.w, g.t);
    HIDDEN("/moved/s/f");
    STR_EQ(names_show(&g.w, "/moved/x/f"), "open");
    names_be(&g.w, g.w.root);
    OK(names_rename(&g.w, "/moved/s", "/tmp/other"));
    names_be(&g.w, g.t);
    HIDDEN("/tmp/other/f");
    names_be(&g.w, g.w.root);
    OK(names_rename(&g.w, "/tmp/other", "/moved/s"));
    OK(names_rename(&g.w, "/moved", "/d"));
    cage_end(&g);
}

TEST(hidden_open_directories)
{
    Cage g = cage();
    World w = g.w;
    AUTO_CHAN Chan *d = NULL, *ch = NULL;
    OK(world_open(&g.w, "/d", OPEN_READ, &d));
    EQ(names_walk_at(&g.w, d, "s/f", 0, &ch), -ENOENT);
    EQ(names_walk_at(&g.w, d, "x/../s/f", 0, &ch), -ENOENT);
    EQ(names_walk_at(&g.w, d, "absolute/f", 0, &ch), -ENOENT);
    EQ(names_walk_at(&g.w, d, "x/../../d/s", 0, &ch), -ENOENT);
    EQ(RUN_CALL(walk_one(w.call, d, "s", &ch)), -ENOENT);
    EQ(RUN_CALL(chan_mkdir(w.call, d, "s", 0755)), -ENOENT);
    EQ(RUN_CALL(chan_unlink(w.call, d, "s", true)), -ENOENT);
    OK(world_close(&g.w, STEAL(d)));
    cage_end(&g);
}

/* A directory that was given open shows what is below it; what is hidden from who has it is hidden there, too. */
TEST(hidden_below_a_directory_that_was_given)
{
    Cage g = cage();
    AUTO_CHAN Chan *given = NULL, *ch = NULL;
    names_be(&g.w, g.w.root);
    OK(world_open(&g.w, "/d", OPEN_READ, &given));
    OK(world_write(&g.w, world_path(g.t->id, "fd/8/ctl"), "dup /d r"));
    names_be(&g.w, g.t);
    OK(names_walk_at(&g.w, given, "x/f", WALK_CONFINED, &ch));
    chan_put(STEAL(ch));
    EQ(names_walk_at(&g.w, given, "s/f", WALK_CONFINED, &ch), -ENOENT);
    EQ(names_walk_at(&g.w, given, "x/../s/f", WALK_CONFINED, &ch), -ENOENT);
    EQ(names_walk_at(&g.w, given, "relative/f", WALK_CONFINED, &ch), -ENOENT);
    EQ(names_walk_at(&g.w, given, "absolute/f", WALK_CONFINED, &ch), -EPERM);
    EQ(names_walk_at(&g.w, given, "..", WALK_CONFINED, &ch), -EPERM);
    EQ(names_walk_at(&g.w, given, "../v/f", 0, &ch), -ENOENT);
    EQ(names_open(&g.w, "/dev/fd/8/s/f", OPEN_READ), -ENOTDIR);
    EQ(names_open(&g.w, "/dev/fd/8/../8/s/f", OPEN_READ), -ENOTDIR);
    OK(names_ctl(&g.w, NULL, "bind /dev/fd/8 /n"));
    EQ(names_open(&g.w, "/n/s/f", OPEN_READ), -ENOTDIR);
    OK(world_close(&g.w, STEAL(given)));
    cage_end(&g);
}

TEST(hidden_names_cannot_be_made_anew)
{
    Cage g = cage();
    NE(names_open(&g.w, "/d/s", OPEN_WRITE | OPEN_CREATE), 0);
    NE(names_mkdir(&g.w, "/d/s"), 0);
    NE(names_symlink(&g.w, "/tmp", "/d/s"), 0);
    NE(names_link(&g.w, "/tmp/t", "/d/s"), 0);
    NE(names_rename(&g.w, "/tmp/t", "/d/s"), 0);
    EQ(names_open(&g.w, "/d/s/new", OPEN_WRITE | OPEN_CREATE), -ENOENT);
    EQ(names_unlink(&g.w, "/d/s"), -ENOENT);
    HIDDEN("/d/s/f");
    cage_end(&g);
}

TEST(hidden_bind_and_union)
{
    Cage g = cage();
    EQ(names_ctl(&g.w, NULL, "bind /d/s /n"), -ENOENT);
    EQ(names_ctl(&g.w, NULL, "bind /d/absolute /n"), -ENOENT);
    OK(names_ctl(&g.w, NULL, "bind /d /n"));
    HIDDEN("/n/s/f");
    OK(names_ctl(&g.w, NULL, "bind -a /d /u"));
    OK(names_ctl(&g.w, NULL, "bind -a /tmp /u"));
    HIDDEN("/u/s/f");
    OK(names_ctl(&g.w, NULL, "bind -x / /n"));
    HIDDEN("/n/d/s/f");
    OK(names_ctl(&g.w, NULL, "bind /tmp /d/s"));
    STR_EQ(names_show(&g.w, "/d/s/t"), "mine");
    OK(names_ctl(&g.w, NULL, "bind -a /tmp /d"));
    HIDDEN("/d/s/f");
    OK(names_ctl(&g.w, NULL, "unbind /d"));
    HIDDEN("/d/s/f");
    cage_end(&g);
}

TEST(hidden_unbind)
{
    Cage g = cage();
    OK(names_ctl(&g.w, NULL, "unbind /d/s"));
    HIDDEN("/d/s/f");
    OK(names_ctl(&g.w, NULL, "bind /tmp /d/s"));
    OK(names_ctl(&g.w, NULL, "unbind /d/s"));
    HIDDEN("/d/s/f");
    OK(names_ctl(&g.w, NULL, "bind /tmp /d"));
    OK(names_ctl(&g.w, NULL, "unbind /d"));
    HIDDEN("/d/s/f");
    OK(names_ctl(&g.w, NULL, "mount tmpfs /d"));
    OK(names_ctl(&g.w, NULL, "unbind /d"));
    HIDDEN("/d/s/f");
    EQ(names_ctl(&g.w, NULL, "unbind /"), -EPERM);
    HIDDEN("/d/s/f");
    cage_end(&g);
}

/* Every source of the own namespace, bound anew without any of its flags. */
TEST(hidden_and_read_only_from_own_sources)
{
    Cage g = cage();
    const char *dump = names_dump(&g.w, g.t);
    unsigned tried = 0;
    for (const char *at = dump; (at = strstr(at, "/from/")) != NULL; at += 6) {
        OK(names_ctl(&g.w, NULL, "bind -c /task/self/ns/from/%d /again", atoi(at + 6)));
        HIDDEN("/again/s/f");
        HIDDEN("/again/d/s/f");
        HIDDEN("/again/v/f");
        if (strcmp(names_show(&g.w, "/again"), "e/ f") == 0) {
            EQ(names_open(&g.w, "/again/f", OPEN_WRITE), -EROFS);
            EQ(names_mkdir(&g.w, "/again/new"), -EROFS);
            tried += 100;
        }
        OK(names_ctl(&g.w, NULL, "unbind /again"));
        tried++;
    }
    TRUE(tried > 104);              /* at least those of the world, and /ro among them */
    cage_end(&g);
}

/* What is read from dump before clear holds nothing that the task could not name. */
TEST(hidden_and_read_only_by_clear_and_replay)
{
    Cage g = cage();
    AUTO_CHAN Chan *ctl = NULL, *from = NULL;
    char dump[4096], line[512];
    snprintf(dump, sizeof dump, "%s", names_dump(&g.w, g.t));
    OK(world_open(&g.w, "/task/self/ns/ctl", OPEN_WRITE, &ctl));
    OK(names_walk(&g.w, "/task/self/ns/from", 0, &from));
    EQ(world_put(&g.w, ctl, "clear\n"), 6);
    STR_EQ(names_show(&g.w, "/"), "");
    HIDDEN("/d");
    for (char *s = dump, *end; (end = strchr(s, '\n')) != NULL; s = end + 1) {
        snprintf(line, sizeof line, "%.*s\n", (int)(end - s), s);
        if (strncmp(line, "bind", 4) == 0)
            EQ(world_put(&g.w, ctl, line), -ENOENT);
    }
    HIDDEN("/d/s/f");
    for (int k = 0; k < 20; k++) {  /* by the directory that it had open */
        AUTO_CHAN Chan *ch = NULL;
        snprintf(line, sizeof line, "%d", k);
        EQ(names_walk_at(&g.w, from, line, 0, &ch), -ENOENT);
    }
    OK(world_close(&g.w, STEAL(ctl)));
    chan_put(STEAL(from));
    cage_end(&g);
}

TEST(hidden_and_read_only_for_children)
{
    Cage g = cage();
    Task *child = names_task(&g.w);
    char path[64];
    OK(names_ctl(&g.w, child, "bind /d /n"));
    OK(names_ctl(&g.w, child, "bind -c /ro /rw"));
    EQ(names_ctl(&g.w, child, "bind /d/s /d/s"), -ENOENT);
    OK(names_ctl(&g.w, child, "unbind /d/s"));
    OK(names_ctl(&g.w, child, "unbind /ro"));
    OK(names_ctl(&g.w, child, "unbind /v"));
    names_be(&g.w, child);
    HIDDEN("/d/s/f");
    HIDDEN("/n/s/f");
    HIDDEN("/v/f");
    HIDDEN("/ro/f");
    EQ(names_open(&g.w, "/rw/f", OPEN_WRITE), -EROFS);
    names_be(&g.w, g.t);
    /* And by what the child has, from outside. */
    for (int k = 0; k < 20; k++) {
        snprintf(path, sizeof path, "/task/%d/ns/from/%d/s/f", (int)child->id, k);
        HIDDEN(path);
        snprintf(path, sizeof path, "/task/%d/ns/from/%d/d/s/f", (int)child->id, k);
        HIDDEN(path);
    }
    task_put(child);
    cage_end(&g);
}

TEST(hidden_dup_cwd_attr_and_programs)
{
    Cage g = cage();
    Task *child = names_task(&g.w);
    uint64_t id = child->id;
    task_put(child);
    EQ(world_write(&g.w, world_path(id, "fd/5/ctl"), "dup /d/s/f"), -ENOENT);
    EQ(world_write(&g.w, world_path(id, "fd/5.ctl"), "dup /d/absolute/f r"), -ENOENT);
    EQ(world_write(&g.w, world_path(id, "fd/1/ctl"), "dup /d/s/new"), -ENOENT);
    EQ(world_write(&g.w, world_path(id, "cwd"), "/d/s"), -ENOENT);
    OK(world_write(&g.w, world_path(id, "cwd"), "/d/x"));
    EQ(world_write(&g.w, world_path(id, "cwd"), "../s"), -ENOENT);
    EQ(world_write(&g.w, world_path(id, "attr"), "/d/s/f"), -ENOENT);
    EQ(world_write(&g.w, world_path(id, "attr"), "mode 0777 /d/s"), -ENOENT);
    EQ(world_ctl(&g.w, id, "cmd /d/s/prog\nstart"), -ENOENT);
    EQ(world_ctl(&g.w, id, "cmd ../s/prog\nstart"), -ENOENT);
    OK(world_write(&g.w, "/tmp/script", "#!/d/s/prog\n"));
    EQ(world_ctl(&g.w, id, "cmd /tmp/script\nstart"), -ENOENT);
    OK(world_write(&g.w, world_path(id, "env"), "PATH=/d/s:/d/absolute"));
    EQ(world_ctl(&g.w, id, "cmd prog\nstart"), -ENOENT);
    OK(world_ctl(&g.w, id, "remove"));
    cage_end(&g);
}

/* ---- out of a read-only bind ------------------------------------------------------------------------------------------ */

#define ROFS(path) EQ(names_open(&g.w, path, OPEN_WRITE), -EROFS)

TEST(read_only_dots_links_and_slashes)
{
    Cage g = cage();
    ROFS("/ro/f");
    ROFS("/ro/e/../f");
    ROFS("/ro/e/f");
    ROFS("/ro/../ro/f");
    OK(names_symlink(&g.w, "/ro/f", "/tmp/absolute"));
    ROFS("/tmp/absolute");
    OK(names_symlink(&g.w, "../ro/e", "/tmp/relative"));
    ROFS("/tmp/relative/f");
    EQ(names_mkdir(&g.w, "/tmp/relative/new/"), -EROFS);
    EQ(names_open(&g.w, "/ro/f", OPEN_READ | OPEN_TRUNC), -EROFS);
    EQ(names_open(&g.w, "/ro/new", OPEN_READ | OPEN_CREATE), -EROFS);
    EQ(names_open(&g.w, "/v/f", OPEN_READ), -ENOENT);
    cage_end(&g);
}

TEST(read_only_links_and_renames_out_of_it)
{
    Cage g = cage();
    EQ(names_link(&g.w, "/ro/f", "/tmp/f"), -EROFS);
    EQ(names_link(&g.w, "/ro/f", "/ro/g"), -EROFS);
    EQ(names_link(&g.w, "/tmp/t", "/ro/t"), -EROFS);
    EQ(names_rename(&g.w, "/ro/f", "/tmp/f"), -EROFS);
    EQ(names_rename(&g.w, "/ro/e", "/tmp/e"), -EROFS);
    EQ(names_rename(&g.w, "/tmp/t", "/ro/f"), -EROFS);
    EQ(names_rename(&g.w, "/ro", "/tmp/ro"), -EBUSY);
    EQ(names_unlink(&g.w, "/ro/f"), -EROFS);
    EQ(names_chmod(&g.w, "/ro/f", 0666), -EROFS);
    cage_end(&g);
}

TEST(read_only_bound_again)
{
    static const char *const how[] = { "", "-c", "-b -c", "-a -c", "-x -c" };
    Cage g = cage();
    for (unsigned i = 0; i < LEN(how); i++) {
        OK(names_mkdir(&g.w, "/tmp/over"));
        OK(names_ctl(&g.w, NULL, "bind %s /ro /tmp/over", how[i]));
        ROFS("/tmp/over/f");
        EQ(names_unlink(&g.w, "/tmp/over/f"), -EROFS);
        OK(names_ctl(&g.w, NULL, "unbind /tmp/over"));
        OK(names_ctl(&g.w, NULL, "bind %s /ro/e /tmp/over", how[i]));
        ROFS("/tmp/over/f");
        EQ(names_chmod(&g.w, "/tmp/over/f", 0666), -EROFS);
        OK(names_ctl(&g.w, NULL, "unbind /tmp/over"));
        OK(names_rmdir(&g.w, "/tmp/over"));
    }
    OK(names_ctl(&g.w, NULL, "bind /ro/f /tmp/t"));
    ROFS("/tmp/t");
    OK(names_ctl(&g.w, NULL, "bind /ro /ro"));
    ROFS("/ro/f");
    OK(names_ctl(&g.w, NULL, "bind -b -c /tmp /ro"));
    ROFS("/ro/e/f");
    OK(names_ctl(&g.w, NULL, "unbind /ro"));
    ROFS("/ro/f");
    cage_end(&g);
}

TEST(read_only_dup_and_dev_fd)
{
    Cage g = cage();
    Task *child = names_task(&g.w);
    uint64_t id = child->id;
    task_put(child);
    EQ(world_write(&g.w, world_path(id, "fd/5/ctl"), "dup /ro/f w"), -EROFS);
    EQ(world_write(&g.w, world_path(id, "fd/5/ctl"), "dup /ro/f rw"), -EROFS);
    EQ(world_write(&g.w, world_path(id, "fd/1/ctl"), "dup /ro/f"), -EROFS);
    OK(world_write(&g.w, "/task/self/fd/5/ctl", "dup /ro/f r"));
    NE(names_open(&g.w, "/dev/fd/5", OPEN_WRITE), 0);
    OK(names_open(&g.w, "/dev/fd/5", OPEN_READ | OPEN_TRUNC));      /* a second handle: nothing is cut */
    STR_EQ(names_show(&g.w, "/ro/f"), "1");
    NE(world_write(&g.w, world_path(id, "fd/6/ctl"), "dup /dev/fd/5 w"), 0);
    NE(world_write(&g.w, world_path(id, "fd/6/ctl"), "dup /dev/fd/5 a"), 0);
    NE(world_write(&g.w, world_path(id, "fd/6/ctl"), "dup /dev/fd/5 rw"), 0);
    EQ(names_open(&g.w, "/task/self/fd/5", OPEN_WRITE), -EPERM);
    OK(world_ctl(&g.w, id, "remove"));
    cage_end(&g);
}

/* A task's directory that was lent to be looked at. */
TEST(read_only_task_directory)
{
    Cage g = cage();
    names_be(&g.w, g.w.root);
    Task *other = names_task(&g.w);
    uint64_t id = other->id;
    OK(names_ctl(&g.w, other, "bind /v /n"));
    OK(world_write(&g.w, world_path(id, "fd/5/ctl"), "dup /v/f rw"));
    OK(names_ctl(&g.w, g.t, "bind -r /task/%d /other", (int)id));
    int k = -1;
    for (const char *at = names_dump(&g.w, other); (at = strstr(at, "/from/")) != NULL; at += 6)
        k = atoi(at + 6);
    names_be(&g.w, g.t);
    STR_EQ(names_show(&g.w, "/other/status"), "stopped\n");
    EQ(names_open(&g.w, "/other/ctl", OPEN_WRITE), -EROFS);
    EQ(names_open(&g.w, "/other/ns/ctl", OPEN_WRITE), -EROFS);
    EQ(names_open(&g.w, "/other/fd/5/ctl", OPEN_WRITE), -EROFS);
    EQ(names_open(&g.w, "/other/fd/5.ctl", OPEN_WRITE), -EROFS);
    EQ(names_open(&g.w, "/other/fd/0", OPEN_WRITE), -EROFS);
    EQ(names_open(&g.w, "/other/attr", OPEN_READ | OPEN_WRITE), -EROFS);
    STR_EQ(world_read(&g.w, "/other/task/new"), "error 30");
    char path[64];
    snprintf(path, sizeof path, "/other/ns/from/%d/f", k);
    EQ(names_open(&g.w, path, OPEN_WRITE), -EROFS);
    EQ(names_unlink(&g.w, path), -EROFS);
    OK(names_ctl(&g.w, NULL, "bind -c /other/ns/from/%d /again", k));
    ROFS("/again/f");
    OK(names_ctl(&g.w, NULL, "bind /other /again"));
    EQ(names_open(&g.w, "/again/ctl", OPEN_WRITE), -EROFS);
    names_be(&g.w, g.w.root);
    OK(world_ctl(&g.w, id, "remove"));
    task_put(other);
    cage_end(&g);
}

TEST(read_only_views_make_nothing)
{
    Cage g = cage();
    OK(names_ctl(&g.w, NULL, "bind -r /task /t"));
    OK(names_ctl(&g.w, NULL, "bind -r /cap /c"));
    STR_EQ(world_read(&g.w, "/t/new"), "error 30");
    STR_EQ(world_read(&g.w, "/t/self/task/new"), "error 30");
    EQ(names_open(&g.w, "/t/self/ctl", OPEN_WRITE), -EROFS);
    STR_EQ(world_read(&g.w, "/c/new/tmpfs"), "error 30");
    cage_end(&g);
}
