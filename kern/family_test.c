/* SPDX-License-Identifier: MIT */
/*
 * Tasks among each other: who makes whom, what a failed making leaves, who is in a group, who may be nicer than whom.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kern/life.h"
#include "test/names.h"
#include "test/testengine.h"

PROGRAM(family_exit)
{
    (void)a;
    return 0;
}

PROGRAM(family_spin)
{
    while (act_on(a)) {
    }
    return 0;
}

/* Leaves a child behind that goes on. */
PROGRAM(family_leave)
{
    char id[32], path[64];
    OK(act_get(a, "/task/new", id, sizeof id));
    snprintf(path, sizeof path, "/task/%s/ctl", id);
    return act_put(a, path, "cmd spin\nstart") == 0 ? 0 : 1;
}

#define PROGRAMS "/bin/exit=test:family_exit /bin/spin=test:family_spin /bin/leave=test:family_leave "

/* Nobody would ever wait for a child whose parent has gone. */
TEST(an_adopted_child_counts_as_waited_for)
{
    World w = world(PROGRAMS);
    uint64_t id = world_start(&w, "leave");
    EQ(world_wait(&w, id), 0);
    AUTO_TASK *child = task_find(w.k, id + 1);
    OK(world_ctl(&w, id + 1, "kill KILL"));
    world_until(&w, world_path(id + 1, "status"), "exited\n");
    mutex_lock(&w.k->lock);
    TRUE(child->waited);
    mutex_unlock(&w.k->lock);
    task_put(STEAL(child));
    world_end(&w);
}

TEST(a_group_ends_with_the_last_that_lives)
{
    World w = world(PROGRAMS);
    char group[32];
    uint64_t id = world_new(&w), other = world_new(&w);
    snprintf(group, sizeof group, "%d", (int)id);
    OK(world_write(&w, world_path(id, "group"), "0"));
    OK(world_write(&w, world_path(other, "group"), group));
    OK(world_write(&w, world_path(other, "group"), "1"));
    OK(world_ctl(&w, id, "cmd exit\nstart"));
    EQ(world_wait(&w, id), 0);
    EQ(world_write(&w, world_path(other, "group"), group), -EPERM);
    world_end(&w);
}

static const char *new_by(World *w, Task *holder)
{
    static char path[64];
    snprintf(path, sizeof path, "/task/%d/task/new", (int)holder->id);
    return world_read(w, path);
}

TEST(what_is_being_killed_makes_nobody)
{
    World w = world(PROGRAMS);
    Task *t = names_task(&w);
    atomic_fetch_or(&t->attention, ATTEND_KILL);
    STR_EQ(new_by(&w, t), "error 11");
    OK(names_ctl(&w, t, "bind /task /task"));       /* by a view that it was lent, neither */
    names_be(&w, t);
    STR_EQ(world_read(&w, "/task/new"), "error 11");
    names_be(&w, w.root);
    atomic_fetch_and(&t->attention, ~(unsigned)ATTEND_KILL);
    task_put(t);
    world_end(&w);
}

TEST(a_new_task_that_fails_counts_nothing)
{
    World w = world(PROGRAMS);
    OK(world_ctl(&w, 1, "tasklimit 2"));
    for (unsigned n = 1; n < 80; n++) {
        mem_fail_at(n);
        uint64_t id = 0;
        const char *text = world_read(&w, "/task/new");
        mem_fail_at(0);
        if (sscanf(text, "%" SCNu64, &id) == 1)
            OK(world_ctl(&w, id, "remove"));
    }
    OK(world_ctl(&w, world_new(&w), "remove"));
    world_end(&w);
}

/* The directory is a place: what was bound over its name since then is not it. */
TEST(a_child_begins_in_its_parents_directory_itself)
{
    World w = world("/d/x=1 /e/y=2");
    OK(world_write(&w, "/task/1/cwd", "/d"));
    OK(names_ctl(&w, NULL, "bind /e /d"));
    Task *t = names_task(&w);
    TRUE(file_same(t->cwd->file, w.root->cwd->file));
    task_put(t);
    world_end(&w);
}

TEST(nobody_is_made_less_nice_than_his_maker)
{
    World w = world("");
    Task *t = names_task(&w), *u = names_task(&w);
    OK(world_ctl(&w, t->id, "nice 5"));
    OK(names_ctl(&w, u, "bind /task /task"));
    names_be(&w, t);
    Task *child = names_task(&w);
    names_be(&w, w.root);
    OK(names_ctl(&w, child, "bind /task /task"));
    names_be(&w, child);                            /* from below: only nicer */
    EQ(world_ctl(&w, t->id, "nice 4"), -EPERM);
    OK(world_ctl(&w, t->id, "nice 8"));
    EQ(world_ctl(&w, t->id, "nice 6"), -EPERM);     /* though its own is 5 */
    names_be(&w, u);                                /* a neighbour, of nice 0: down to his own */
    EQ(world_ctl(&w, t->id, "nice -1"), -EPERM);
    OK(world_ctl(&w, t->id, "nice 3"));
    OK(world_ctl(&w, u->id, "nice 9"));
    OK(world_ctl(&w, t->id, "nice 4"));             /* below his own, but nicer than before */
    EQ(world_ctl(&w, t->id, "nice 2"), -EPERM);
    names_be(&w, w.root);
    OK(world_ctl(&w, t->id, "nice -3"));
    task_put(child);
    task_put(u);
    task_put(t);
    world_end(&w);
}
