/* SPDX-License-Identifier: MIT */
/*
 * /cap: what is made in whose view, how long it lives, and how a parent hands out fewer kinds.
 */
#include "dev/devcap.h"

#include <string.h>

#include "kern/count.h"
#include "test/testengine.h"
#include "test/world.h"

typedef struct Names {
    char s[256];
    uint64_t last;
    unsigned n, most;
} Names;

static int add_name(void *arg, const Dirent *e)
{
    Names *names = arg;
    if (e->name[0] == '.')
        return 0;
    if (names->n == names->most)
        return 1;
    names->n++;
    names->last = e->next;
    strcat(strcat(names->s, names->s[0] == '\0' ? "" : " "), e->name);
    return 0;
}

static Names names;

static const char *list(World *w, const char *path, uint64_t from, unsigned most)
{
    Chan *dir = NULL;
    int r;
    names = (Names){ .most = most };
    OK(world_open(w, path, OPEN_READ, &dir));
    CALL_RUN(w->call, r, chan_readdir(w->call, dir, from, add_name, &names));
    OK(r);
    OK(world_close(w, dir));
    return names.s;
}

static int remove_dir(World *w, const char *name)
{
    AUTO_CHAN Chan *cap = NULL;
    int r;
    CALL_RUN(w->call, r, walk_path(w->call, walk_self(w->call), "/cap", 0, &cap));
    OK(r);
    CALL_RUN(w->call, r, chan_unlink(w->call, cap, name, true));
    return r;
}

static uint32_t mode_of(World *w, const char *path)
{
    AUTO_CHAN Chan *ch = NULL;
    Attr a;
    int r;
    CALL_RUN(w->call, r, walk_path(w->call, walk_self(w->call), path, 0, &ch));
    OK(r);
    OK(chan_getattr(w->call, ch, &a));
    return a.mode;
}

TEST(modes_let_an_owner_do_what_works)
{
    World w = world("");
    STR_EQ(world_read(&w, "/cap/new/pipe"), "1\n");
    EQ(mode_of(&w, "/cap"), TYPE_DIR | 0755);           /* rmdir /cap/1 */
    EQ(mode_of(&w, "/cap/1"), TYPE_DIR | 0555);
    EQ(mode_of(&w, "/cap/1/ctl"), TYPE_FILE | 0644);
    EQ(mode_of(&w, "/cap/1/w"), TYPE_FIFO | 0200);
    world_end(&w);
}

TEST(an_open_file_makes_one_object)
{
    World w = world("");
    char buf[8] = "";
    Chan *new = NULL;
    STR_EQ(list(&w, "/cap", 0, 99), "new");
    STR_EQ(list(&w, "/cap/new", 0, 99), "pipe tmpfs");
    OK(world_open(&w, "/cap/new/pipe", OPEN_READ, &new));
    EQ(chan_read(w.call, new, buf, 8, 0), 2);
    EQ(chan_read(w.call, new, buf, 8, 2), 0);
    EQ(chan_read(w.call, new, buf, 8, 0), 2);
    STR_EQ(buf, "1\n");
    OK(world_close(&w, new));
    STR_EQ(world_read(&w, "/cap/new/tmpfs"), "2\n");
    STR_EQ(list(&w, "/cap", 0, 99), "new 1 2");
    STR_EQ(list(&w, "/cap/1", 0, 99), "type ctl r w");
    STR_EQ(list(&w, "/cap/2", 0, 99), "type ctl root");
    STR_EQ(world_read(&w, "/cap/1/type"), "pipe\n");
    STR_EQ(world_read(&w, "/cap/2/type"), "tmpfs\n");
    STR_EQ(world_read(&w, "/cap/01/type"), "error 2");
    STR_EQ(world_read(&w, "/cap/3/type"), "error 2");
    EQ(world_write(&w, "/cap/new/pipe", "x"), -EPERM);
    EQ(world_write(&w, "/cap/1/type", "x"), -EPERM);
    world_end(&w);
}

TEST(a_listing_goes_on_where_it_was)
{
    World w = world("");
    for (int i = 0; i < 70; i++)
        world_read(&w, "/cap/new/pipe");
    STR_EQ(list(&w, "/cap", 0, 3), "new 1 2");
    OK(world_write(&w, "/cap/3/ctl", "remove\n"));
    STR_EQ(list(&w, "/cap", names.last, 2), "4 5");
    (void)list(&w, "/cap", names.last, 62);
    STR_EQ(list(&w, "/cap", names.last, 9), "68 69 70");
    STR_EQ(list(&w, "/cap", names.last, 9), "");
    world_end(&w);
}

TEST(an_object_that_is_removed_goes_on_while_it_is_used)
{
    World w = world("/m/");
    char c;
    Chan *r = NULL, *wr = NULL;
    STR_EQ(world_read(&w, "/cap/new/pipe"), "1\n");
    OK(world_open(&w, "/cap/1/r", OPEN_READ, &r));
    OK(world_open(&w, "/cap/1/w", OPEN_WRITE, &wr));
    EQ(world_write(&w, "/cap/1/ctl", "forget\n"), -EINVAL);
    EQ(world_write(&w, "/cap/1/ctl", "remove it\n"), -EINVAL);
    OK(world_write(&w, "/cap/1/ctl", "remove\n"));
    STR_EQ(world_read(&w, "/cap/1/type"), "error 2");
    EQ(remove_dir(&w, "1"), -ENOENT);
    EQ(remove_dir(&w, "new"), -EPERM);
    EQ(world_put(&w, wr, "x"), 1);
    EQ(world_get(&w, r, &c, 1), 1);
    OK(world_close(&w, r));
    OK(world_close(&w, wr));

    STR_EQ(world_read(&w, "/cap/new/tmpfs"), "2\n");
    OK(world_write(&w, "/cap/2/root/f", "kept"));
    OK(world_write(&w, "/task/1/ns/ctl", "bind /cap/2/root /m\n"));
    OK(remove_dir(&w, "2"));
    STR_EQ(world_read(&w, "/m/f"), "kept");
    EQ(count_of(OBJ_CAP), 0);
    world_end(&w);
}

/* Makes a pipe, says its id, and waits. */
PROGRAM(make_pipe)
{
    char id[32];
    int r = act_get(a, "/cap/new/pipe", id, sizeof id);
    if (r == 0)
        r = act_puts(a, 1, id);
    char c;
    (void)act_read(a, 0, &c, 1);
    return -r;
}

TEST(a_view_is_its_tasks_own_and_ends_with_it)
{
    World w = world("/bin/make_pipe=test:make_pipe /out=");
    STR_EQ(world_read(&w, "/cap/new/tmpfs"), "1\n");
    uint64_t id = world_new(&w);
    OK(world_ctl(&w, id, "cmd make_pipe"));
    OK(world_write(&w, world_path(id, "fd/1/ctl"), "dup /out\n"));
    Chan *in = NULL;
    OK(world_open(&w, world_path(id, "fd/0"), OPEN_WRITE, &in));
    OK(world_ctl(&w, id, "start"));
    world_until(&w, "/out", "1");
    EQ(count_of(OBJ_CAP), 2);
    STR_EQ(world_read(&w, "/cap/1/type"), "tmpfs\n");
    STR_EQ(list(&w, "/cap", 0, 99), "new 1");
    OK(world_close(&w, in));
    EQ(world_wait(&w, id), 0);
    EQ(count_of(OBJ_CAP), 1);
    world_end(&w);
}

/* try PATH: the errno of reading it. */
PROGRAM(try_read)
{
    char path[64], text[64];
    strcpy(path, act_arg(a, 1));
    return -act_get(a, path, text, sizeof text);
}

static int try_as(World *w, const char *rule, const char *path)
{
    char command[80] = "cmd try_read ";
    uint64_t id = world_new(w);
    OK(world_write(w, world_path(id, "ns/ctl"), rule));
    OK(world_ctl(w, id, strcat(command, path)));
    OK(world_ctl(w, id, "start"));
    return world_wait(w, id);
}

TEST(a_parent_hands_out_fewer_kinds)
{
    World w = world("/bin/try_read=test:try_read");
    EQ(try_as(&w, "hide /cap/new/tmpfs", "/cap/new/tmpfs"), ENOENT);
    EQ(try_as(&w, "hide /cap/new/tmpfs", "/cap/new/pipe"), 0);
    EQ(try_as(&w, "bind -r /cap/new /cap/new", "/cap/new/pipe"), EROFS);
    EQ(try_as(&w, "hide /cap", "/cap/new/pipe"), ENOENT);
    world_end(&w);
}

static int make_object(void *arg)
{
    return strcmp(world_read(arg, "/cap/new/pipe"), "error 12") == 0 ? -ENOMEM : 0;
}

TEST(an_object_that_cannot_be_made_leaves_nothing)
{
    World w = world("");
    test_each_failure(make_object, &w);
    world_end(&w);
}
