/* SPDX-License-Identifier: MIT */
/*
 * A parent that acts for its vfork child: what it borrows, what it keeps, and what happens when others end the child meanwhile.
 */
#include <stdio.h>
#include <string.h>

#include "kern/life.h"
#include "test/world.h"

/* A name that the child does not see is the parent's all the same: it acts on descriptors, directory, group and umask alone. */
TEST(a_parent_keeps_its_own_names_while_it_acts_for_a_child)
{
    World w = world("/f=text /dir/x=below");
    uint64_t id = world_new(&w);
    OK(world_write(&w, world_path(id, "ns/ctl"), "hide /f\n"));
    OK(world_ctl(&w, id, "vfork\n"));
    OK(world_write(&w, "/task/self/cwd", "/dir\n"));
    STR_EQ(world_read(&w, "/f"), "text");
    STR_EQ(world_read(&w, "x"), "below");
    OK(world_write(&w, world_path(id, "ns/ctl"), "clear\n"));
    STR_EQ(world_read(&w, "/f"), "text");
    OK(world_ctl(&w, id, "exit 3\n"));
    EQ(world_wait(&w, id), 3);
    world_end(&w);
}

TEST(a_child_that_is_ended_by_others_gives_its_parent_back)
{
    static const char *const ends[] = { "kill 9\n", "kill 9 tree\n", "remove\n" };
    World w = world("/f=text");
    for (unsigned i = 0; i < LEN(ends); i++) {
        uint64_t id = world_new(&w);
        OK(world_ctl(&w, id, "vfork\n"));
        OK(world_ctl(&w, id, ends[i]));
        STR_EQ(world_read(&w, "/f"), "text");
        PTR_EQ(atomic_load(&w.root->vfork_child), NULL);
    }
    world_end(&w);
}

typedef struct Ender {
    World *w;
    uint64_t id;
    const char *line;
    atomic_uint ready;
} Ender;

static void *end_child(void *arg)
{
    Ender *e = arg;
    World other = *e->w;
    Call c;
    char path[64];
    call_init(&c, e->w->root);
    other.call = &c;
    snprintf(path, sizeof path, "/task/%llu/ctl", (unsigned long long)e->id);
    atomic_store(&e->ready, 1);
    (void)world_write(&other, path, e->line);
    call_destroy(&c);
    return NULL;
}

/* Ended between the look whether it is new and the beginning of the acting: nobody would end the acting any more. */
TEST_SLOW(nobody_acts_for_a_child_that_ends_at_the_same_moment, 30)
{
    static const char *const ends[] = { "kill 9\n", "remove\n" };
    World w = world("/f=text");
    for (unsigned i = 0; i < 500; i++) {
        Ender e = { .w = &w, .id = world_new(&w), .line = ends[i % LEN(ends)] };
        char path[64];
        pthread_t thread;
        snprintf(path, sizeof path, "/task/%llu/ctl", (unsigned long long)e.id);
        EQ(pthread_create(&thread, NULL, end_child, &e), 0);
        while (atomic_load(&e.ready) == 0)
            thread_yield();
        Chan *ctl;
        int r = world_open(&w, path, OPEN_WRITE, &ctl);
        if (r == 0) {
            r = (int)world_put(&w, ctl, "vfork\n");
            (void)world_close(&w, ctl);
        }
        if (r < 0 && r != -ESRCH && r != -ENOENT)
            FAIL("vfork: %d %s", r, world_words(&w));
        pthread_join(thread, NULL);
        PTR_EQ(atomic_load(&w.root->vfork_child), NULL);
        STR_EQ(world_read(&w, "/f"), "text");
        (void)world_write(&w, path, "remove\n");
    }
    world_end(&w);
}
