/* SPDX-License-Identifier: MIT */
/*
 * Escape attempts while a second thread, or a task outside, changes what is walked through. /d/s is hidden from who tries; /ro is read-only and
 * the only name of what it shows. Walker and mover each go round a number of times.
 */
#include <stdio.h>
#include <string.h>

#include "test/names.h"
#include "test/testengine.h"

enum { TRIES = 3000, ROUNDS = 300 };

static atomic_bool over;            /* the mover stops */
static atomic_uint rounds;          /* of the mover */

static bool moving(void)
{
    atomic_fetch_add(&rounds, 1);
    return !atomic_load(&over);
}

/* The walker goes on until both had their turns. */
static bool trying(unsigned *tries)
{
    if (++*tries <= TRIES || atomic_load(&rounds) < ROUNDS)
        return true;
    atomic_store(&over, true);
    return false;
}

/* The names of an actor's task, for what names.h has. */
static World world_of(Actor *a)
{
    return (World){ .k = a->task->kernel, .call = a->call };
}

static World race_world(uint64_t *id)
{
    World w = world("/d/s/f=secret /d/x/f=open /v/f=1 /v/e/f=2 /tmp/w/f=mine /tmp/w/e/f=mine /tmp/p/q/r/f=mine "
                    "/bin/link=test:race_link /bin/parent=test:race_parent /bin/bind=test:race_bind "
                    "/bin/rights=test:race_rights /bin/descriptor=test:race_descriptor /bin/watch=test:race_watch");
    *id = world_new(&w);
    OK(world_write(&w, world_path(*id, "ns/ctl"), "hide /v\nbind -r /v /ro\nhide /d/s"));
    return w;
}

static void race_end(World *w)
{
    STR_EQ(names_show(w, "/d/s/f"), "secret");
    STR_EQ(names_show(w, "/v/f"), "1");
    STR_EQ(names_show(w, "/v/e/f"), "2");
    STR_EQ(names_show(w, "/v"), "e/ f");
    world_end(w);
}

static void race(const char *program)
{
    uint64_t id;
    World w = race_world(&id);
    char line[64];
    snprintf(line, sizeof line, "cmd %s\nstart", program);
    OK(world_ctl(&w, id, line));
    EQ(world_wait(&w, id), 0);
    race_end(&w);
}

/* ---- links ----------------------------------------------------------------------------------------------------------- */

static int move_link(Actor *a)
{
    static const char *const target[] = { "/d/x", "/d/s", "../d/x", "../d/x/../s" };
    World w = world_of(a);
    for (unsigned i = 0; moving(); i++) {
        OK(names_symlink(&w, target[i % LEN(target)], "/tmp/next"));
        OK(names_rename(&w, "/tmp/next", "/tmp/l"));
    }
    return 0;
}

PROGRAM(race_link)
{
    World w = world_of(a);
    OK(act_thread(a, move_link));
    for (unsigned n = 0; trying(&n);) {
        const char *s = names_show(&w, "/tmp/l/f");
        if (strcmp(s, "open") != 0)
            STR_EQ(s, "error 2");
    }
    return 0;
}

TEST(race_of_a_link_that_is_swapped)
{
    race("link");
}

/* ---- parents --------------------------------------------------------------------------------------------------------- */

static int move_parent(Actor *a)
{
    World w = world_of(a);
    while (moving()) {
        OK(names_rename(&w, "/tmp/p/q", "/tmp/q"));
        OK(names_symlink(&w, "../w", "/tmp/p/q"));
        OK(names_unlink(&w, "/tmp/p/q"));
        OK(names_rename(&w, "/tmp/q", "/tmp/p/q"));
    }
    return 0;
}

/* Confined to /tmp/p, as a preopen is: q is a directory in it, is away, or is a link that leads out. */
PROGRAM(race_parent)
{
    static const char *const out[] = { "q/r/../../../w/f", "q/../../w/f",          "q/f", "q/e/f",
                                       "q/../f",           "q/r/../../../../d/s/f" };
    World w = world_of(a);
    AUTO_CHAN Chan *base = NULL;
    OK(names_walk(&w, "/tmp/p", 0, &base));
    OK(act_thread(a, move_parent));
    for (unsigned n = 0; trying(&n);)
        for (unsigned k = 0; k < LEN(out); k++) {
            AUTO_CHAN Chan *ch = NULL;
            NE(names_walk_at(&w, base, out[k], WALK_CONFINED, &ch), 0);
        }
    return 0;
}

TEST(race_of_a_parent_that_is_renamed)
{
    race("parent");
}

/* Renamed by somebody outside, who sees it. */
PROGRAM(race_watch)
{
    static const char *const way[] = { "/d/s/f", "/d/x/s/f", "/tmp/s/f", "/tmp/w/../s/f", "/d/x/../s/f" };
    World w = world_of(a);
    for (unsigned n = 0; trying(&n);)
        for (unsigned k = 0; k < LEN(way); k++)
            STR_EQ(names_show(&w, way[k]), "error 2");
    return 0;
}

TEST(race_of_a_hidden_directory_that_is_moved)
{
    uint64_t id;
    World w = race_world(&id);
    OK(world_ctl(&w, id, "cmd watch\nstart"));
    while (moving()) {
        OK(names_rename(&w, "/d/s", "/tmp/s"));
        OK(names_rename(&w, "/tmp/s", "/d/x/s"));
        OK(names_rename(&w, "/d/x/s", "/d/s"));
    }
    EQ(world_wait(&w, id), 0);
    race_end(&w);
}

/* ---- binds ----------------------------------------------------------------------------------------------------------- */

static int move_bind(Actor *a)
{
    World w = world_of(a);
    while (moving()) {
        OK(names_ctl(&w, NULL, "bind /tmp/w /d/s"));
        OK(names_ctl(&w, NULL, "bind /d /n"));
        OK(names_ctl(&w, NULL, "unbind /d/s"));
        OK(names_ctl(&w, NULL, "bind -a /tmp/w /d"));
        OK(names_ctl(&w, NULL, "unbind /d"));
    }
    return 0;
}

PROGRAM(race_bind)
{
    World w = world_of(a);
    OK(act_thread(a, move_bind));
    for (unsigned n = 0; trying(&n);)
        for (int k = 0; k < 2; k++) {
            const char *s = names_show(&w, k == 0 ? "/d/s/f" : "/n/s/f");
            if (strcmp(s, "mine") != 0)
                STR_EQ(s, "error 2");
        }
    return 0;
}

TEST(race_of_a_hidden_name_that_is_bound_over)
{
    race("bind");
}

static int move_rights(Actor *a)
{
    World w = world_of(a);
    while (moving()) {
        OK(names_ctl(&w, NULL, "bind -c /tmp/w /o"));
        OK(names_ctl(&w, NULL, "bind -c /ro /o"));
    }
    return 0;
}

PROGRAM(race_rights)
{
    World w = world_of(a);
    OK(names_ctl(&w, NULL, "bind /tmp/w /o"));
    OK(act_thread(a, move_rights));
    for (unsigned n = 0; trying(&n);) {
        (void)world_write(&w, "/o/f", "changed");
        (void)names_chmod(&w, "/o/e/f", 0600);
        (void)names_link(&w, "/o/f", "/o/g");
        (void)names_unlink(&w, "/o/g");
        (void)names_rename(&w, "/o/e/f", "/tmp/w/stolen");
    }
    return 0;
}

TEST(race_of_a_read_only_bind_with_one_that_is_not)
{
    race("rights");
}

/* ---- descriptors ----------------------------------------------------------------------------------------------------- */

static int move_descriptor(Actor *a)
{
    World w = world_of(a);
    while (moving()) {
        OK(world_write(&w, "/task/self/fd/20/ctl", "dup /tmp/w/f rw"));
        OK(world_write(&w, "/task/self/fd/20/ctl", "dup /ro/f r"));
    }
    return 0;
}

PROGRAM(race_descriptor)
{
    World w = world_of(a);
    OK(world_write(&w, "/task/self/fd/20/ctl", "dup /ro/f r"));
    OK(act_thread(a, move_descriptor));
    for (unsigned n = 0; trying(&n);) {
        (void)world_write(&w, "/task/self/fd/21/ctl", "dup /dev/fd/20 rw");
        (void)act_puts(a, 21, "changed");
        (void)act_puts(a, 20, "changed");
    }
    return 0;
}

TEST(race_of_a_descriptor_that_is_replaced)
{
    race("descriptor");
}
