/* SPDX-License-Identifier: MIT */
/*
 * Escape attempts, by name: at tasks, descriptors and objects that are not in a task's view, and past its limits. A task `t` tries; its
 * sibling `other`, whom it cannot name, and task 1 are what it would reach. doc/security.md lists them all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern/ns.h"
#include "test/names.h"
#include "test/testengine.h"

typedef struct Pair {
    World w;
    Task *t, *other;                /* owned */
} Pair;

static Pair pair(const char *files)
{
    Pair p = { .w = world(files) };
    p.t = names_task(&p.w);
    p.other = names_task(&p.w);
    OK(world_write(&p.w, world_path(p.other->id, "fd/5/ctl"), "dup /f rw"));
    names_be(&p.w, p.t);
    return p;
}

static void pair_end(Pair *p)
{
    names_be(&p->w, p->w.root);
    STR_EQ(names_show(&p->w, "/f"), "secret");
    STR_EQ(world_read(&p->w, world_path(p->other->id, "status")), "stopped\n");
    STR_EQ(world_read(&p->w, world_path(p->other->id, "fd/5/ctl")), "path /f\nmode rw\noffset 0\n");
    task_put(p->t);
    task_put(p->other);
    world_end(&p->w);
}

#define BEGIN(files) Pair p = pair("/f=secret /tmp/ /bin/sleep=test:escape_sleep /bin/fill=test:escape_fill " files)

/* A path with the number of a task in it. Good for the next three calls of it. */
static const char *numbered(const char *format, uint64_t id)
{
    static char s[4][128];
    static unsigned next;
    char *at = s[next++ % LEN(s)];
    const char *hash = strchr(format, '#');
    snprintf(at, sizeof s[0], "%.*s%llu%s", (int)(hash - format), format, (unsigned long long)id, hash + 1);
    return at;
}

PROGRAM(escape_sleep)
{
    (void)act_sleep(a, 1000000);
    return 0;
}

/* fill PATH KIB: the errno of a write that does not fit. */
PROGRAM(escape_fill)
{
    static char block[1024];
    char path[128];
    snprintf(path, sizeof path, "%s", act_arg(a, 1));
    int n = atoi(act_arg(a, 2)), fd = act_open(a, path, OPEN_WRITE | OPEN_CREATE);
    int64_t r = fd;
    for (int i = 0; i < n && r >= 0; i++)
        r = act_write(a, fd, block, sizeof block);
    return r < 0 ? (int)-r : 0;
}

/* ---- tasks that are not in view --------------------------------------------------------------------------------------- */

TEST(tasks_by_number)
{
    static const char *const way[] = { "/task/#",
                                       "/task/#/",
                                       "/task/#/ctl",
                                       "/task/#/ns/ctl",
                                       "/task/0#/ctl",
                                       "/task/+#/ctl",
                                       "/task/./#/ctl",
                                       "/task/self/../#/ctl",
                                       "/task/self/task/#/ctl",
                                       "/task/new/../#/ctl",
                                       "/dev/../task/#/status",
                                       "/task/#/fd/5",
                                       "/task/#/task/new" };
    BEGIN("");
    for (unsigned i = 0; i < LEN(way); i++) {
        NE(names_open(&p.w, numbered(way[i], 1), OPEN_READ), 0);
        NE(names_open(&p.w, numbered(way[i], p.other->id), OPEN_READ), 0);
        EQ(names_ctl(&p.w, NULL, "bind %s /x", numbered(way[i], 1)) < 0, 1);
    }
    char self[32];
    snprintf(self, sizeof self, "new self %d", (int)p.t->id);
    OK(names_symlink(&p.w, numbered("/task/#/ctl", 1), "/tmp/link"));
    EQ(names_open(&p.w, "/tmp/link", OPEN_WRITE), -ENOENT);
    pair_end(&p);
}

TEST(tasks_by_the_view_of_a_child)
{
    BEGIN("");
    uint64_t child = world_new(&p.w);
    char path[96];
    const uint64_t wanted[] = { 1, p.other->id, p.t->id };
    for (unsigned i = 0; i < LEN(wanted); i++) {
        snprintf(path, sizeof path, "/task/%d/task/%d/ctl", (int)child, (int)wanted[i]);
        EQ(names_open(&p.w, path, OPEN_WRITE), -ENOENT);
    }
    OK(names_ctl(&p.w, NULL, "bind /task/%d/task /view", (int)child));
    EQ(names_open(&p.w, "/view/1/ctl", OPEN_WRITE), -ENOENT);
    EQ(names_open(&p.w, numbered("/view/#/ctl", p.t->id), OPEN_WRITE), -ENOENT);
    EQ(names_open(&p.w, "/view/self/ctl", OPEN_WRITE), -ENOENT);
    OK(world_ctl(&p.w, child, "remove"));
    pair_end(&p);
}

TEST(tasks_by_the_sources_of_a_namespace)
{
    BEGIN("");
    char path[96];
    for (int k = 0; k < 20; k++) {
        snprintf(path, sizeof path, "/task/self/ns/from/%d/1/ctl", k);
        EQ(names_open(&p.w, path, OPEN_WRITE) < 0, 1);
        snprintf(path, sizeof path, "/task/self/ns/from/%d/task/1/ctl", k);
        EQ(names_open(&p.w, path, OPEN_WRITE) < 0, 1);
    }
    pair_end(&p);
}

/* A view that was lent as /task is not passed on. By another name it is a thing that t can name, and goes where t's names go. */
TEST(tasks_by_a_lent_view_that_is_inherited)
{
    BEGIN("");
    names_be(&p.w, p.w.root);
    OK(names_ctl(&p.w, p.t, "bind /task /task"));
    OK(names_ctl(&p.w, p.t, "bind /task /tmp/v"));
    names_be(&p.w, p.t);
    OK(names_open(&p.w, numbered("/task/#/ctl", p.other->id), OPEN_WRITE));
    Task *child = names_task(&p.w);
    names_be(&p.w, child);
    EQ(names_open(&p.w, numbered("/task/#/ctl", p.other->id), OPEN_WRITE), -ENOENT);
    EQ(names_open(&p.w, "/task/1/ctl", OPEN_WRITE), -ENOENT);
    OK(names_open(&p.w, numbered("/tmp/v/#/ctl", p.other->id), OPEN_WRITE));
    names_be(&p.w, p.t);
    task_put(child);
    pair_end(&p);
}

/* ---- signals ---------------------------------------------------------------------------------------------------------- */

TEST(signals_to_tasks_that_are_not_in_view)
{
    BEGIN("");
    EQ(world_write(&p.w, "/task/1/ctl", "kill 9"), -ENOENT);
    EQ(world_write(&p.w, numbered("/task/#/ctl", p.other->id), "kill 9"), -ENOENT);
    EQ(world_write(&p.w, numbered("/task/#/ctl", p.other->id), "kill 9 tree"), -ENOENT);
    pair_end(&p);
}

/* Whatever group it joins: the group is reached as far as the view goes. */
TEST(signals_by_a_group)
{
    BEGIN("");
    names_be(&p.w, p.w.root);
    uint64_t id = world_start(&p.w, "sleep");
    OK(world_write(&p.w, world_path(id, "group"), "0"));
    names_be(&p.w, p.t);
    uint64_t child = world_new(&p.w);
    (void)world_write(&p.w, world_path(child, "group"), numbered("#", id));
    (void)world_write(&p.w, world_path(p.t->id, "group"), numbered("#", id));
    (void)world_write(&p.w, world_path(p.t->id, "group"), "1");
    (void)world_ctl(&p.w, child, "kill 9 group");
    names_be(&p.w, p.w.root);
    STR_EQ(world_read(&p.w, world_path(id, "status")), "running\n");
    OK(world_ctl(&p.w, id, "kill 9"));
    EQ(world_wait(&p.w, id), 137);
    names_be(&p.w, p.t);
    pair_end(&p);
}

TEST(signals_read_by_another)
{
    BEGIN("");
    uint64_t child = world_new(&p.w);
    EQ(names_open(&p.w, world_path(child, "signal"), OPEN_READ), -EPERM);
    OK(world_ctl(&p.w, child, "remove"));
    pair_end(&p);
}

/* ---- exec, vfork ------------------------------------------------------------------------------------------------------ */

TEST(exec_and_vfork_of_others)
{
    BEGIN("");
    uint64_t child = world_new(&p.w);
    char grandchild[96];
    EQ(world_ctl(&p.w, child, "exec"), -EPERM);
    EQ(world_ctl(&p.w, child, "exit 3"), -EPERM);
    EQ(world_ctl(&p.w, p.t->id, "vfork"), -EPERM);
    snprintf(grandchild, sizeof grandchild, "/task/%d/task/new", (int)child);
    uint64_t id = strtoull(world_read(&p.w, grandchild), NULL, 10);
    TRUE(id > child);
    snprintf(grandchild, sizeof grandchild, "/task/%d/task/%d/ctl", (int)child, (int)id);
    EQ(world_write(&p.w, grandchild, "vfork"), -EPERM);
    pair_end(&p);
}

/* The one who acts for a child has the child's descriptors and directory, and its own names. */
TEST(vfork_and_the_names_of_the_child)
{
    BEGIN("");
    OK(names_ctl(&p.w, NULL, "hide /f"));
    uint64_t child = world_new(&p.w);
    OK(world_ctl(&p.w, child, "vfork"));
    EQ(names_open(&p.w, "/f", OPEN_READ), -ENOENT);
    EQ(world_write(&p.w, "/task/1/ctl", "kill 9"), -ENOENT);
    EQ(world_write(&p.w, "/task/self/fd/7/ctl", "dup /f"), -ENOENT);
    OK(world_ctl(&p.w, child, "exit 0"));
    EQ(names_open(&p.w, "/f", OPEN_READ), -ENOENT);
    pair_end(&p);
}

/* ---- descriptors ------------------------------------------------------------------------------------------------------ */

TEST(descriptors_of_tasks_that_are_not_in_view)
{
    BEGIN("");
    char line[96];
    uint64_t child = world_new(&p.w);
    snprintf(line, sizeof line, "pipe %d/fd/5", (int)p.other->id);
    EQ(world_write(&p.w, world_path(child, "fd/0/ctl"), line), -ENOENT);
    snprintf(line, sizeof line, "pipe /task/%d/fd/5", (int)p.other->id);
    EQ(world_write(&p.w, world_path(child, "fd/0/ctl"), line), -ENOENT);
    snprintf(line, sizeof line, "dup /task/%d/fd/5", (int)p.other->id);
    EQ(world_write(&p.w, world_path(child, "fd/0/ctl"), line), -ENOENT);
    EQ(world_write(&p.w, world_path(child, "fd/0/ctl"), "pipe 1/fd/1"), -ENOENT);
    EQ(world_write(&p.w, world_path(child, "fd/0/ctl"), "dup /task/1/fd/1"), -ENOENT);
    OK(world_ctl(&p.w, child, "remove"));
    pair_end(&p);
}

/* /dev/fd is the opener's own: neither the holder's of a view nor those of a task whose directory it has. */
TEST(descriptors_by_dev_fd)
{
    BEGIN("");
    OK(world_write(&p.w, "/task/self/fd/9/ctl", "dup /f rw"));
    Task *child = names_task(&p.w);
    names_be(&p.w, child);
    EQ(names_open(&p.w, "/dev/fd/9", OPEN_READ), -ENOENT);
    EQ(names_open(&p.w, "/dev/fd/5", OPEN_READ), -ENOENT);
    NE(names_open(&p.w, "/dev/fd/-1", OPEN_READ), 0);
    NE(names_open(&p.w, "/dev/fd/99999999999999999999", OPEN_READ), 0);
    NE(names_open(&p.w, "/dev/fd/9/../../../f/", OPEN_READ), 0);
    names_be(&p.w, p.t);
    task_put(child);
    pair_end(&p);
}

/* Mode and rights of a descriptor are no more through its second handle. */
TEST(descriptors_gain_nothing_by_a_second_handle)
{
    BEGIN("");
    OK(world_write(&p.w, "/task/self/fd/9/ctl", "dup /f r"));
    EQ(names_open(&p.w, "/dev/fd/9", OPEN_WRITE) < 0, 1);
    EQ(world_write(&p.w, "/task/self/fd/10/ctl", "dup /dev/fd/9 rw") < 0, 1);
    EQ(world_write(&p.w, "/task/self/fd/10/ctl", "dup /task/self/fd/9 w") < 0, 1);
    EQ(names_open(&p.w, "/task/self/fd/9", OPEN_WRITE) < 0, 1);
    OK(world_write(&p.w, "/task/self/fd/11/ctl", "dup /tmp/w w"));
    EQ(names_open(&p.w, "/dev/fd/11", OPEN_READ) < 0, 1);
    pair_end(&p);
}

/* ---- objects of others ------------------------------------------------------------------------------------------------ */

TEST(objects_of_others)
{
    BEGIN("");
    char path[64];
    names_be(&p.w, p.other);
    int id = atoi(world_read(&p.w, "/cap/new/tmpfs"));
    snprintf(path, sizeof path, "/cap/%d/root/f", id);
    OK(world_write(&p.w, path, "theirs"));
    names_be(&p.w, p.t);
    for (int i = 0; i < id + 5; i++) {
        snprintf(path, sizeof path, "/cap/%d/root/f", i);
        EQ(names_open(&p.w, path, OPEN_READ), -ENOENT);
        snprintf(path, sizeof path, "/cap/%d/ctl", i);
        EQ(world_write(&p.w, path, "remove"), -ENOENT);
        EQ(names_ctl(&p.w, NULL, "bind /cap/%d/root /x", i), -ENOENT);
    }
    names_be(&p.w, p.other);
    snprintf(path, sizeof path, "/cap/%d/root/f", id);
    STR_EQ(names_show(&p.w, path), "theirs");
    names_be(&p.w, p.t);
    pair_end(&p);
}

/* A view of objects that was taken away does not come back in a child, nor from a source. */
TEST(objects_where_the_view_was_taken_away)
{
    BEGIN("");
    names_be(&p.w, p.w.root);
    OK(names_ctl(&p.w, p.t, "unbind /cap"));
    Ns *ns = task_ns(p.t);
    OK(ns_seal(ns));
    ns_put(ns);
    names_be(&p.w, p.t);
    EQ(names_open(&p.w, "/cap/new/pipe", OPEN_READ), -ENOENT);
    OK(names_ctl(&p.w, NULL, "unbind /cap"));
    EQ(names_ctl(&p.w, NULL, "bind /cap /cap"), -ENOENT);
    Task *child = names_task(&p.w);
    names_be(&p.w, child);
    EQ(names_open(&p.w, "/cap/new/pipe", OPEN_READ), -ENOENT);
    char path[64];
    for (int k = 0; k < 20; k++) {
        snprintf(path, sizeof path, "/task/self/ns/from/%d/new/pipe", k);
        EQ(names_open(&p.w, path, OPEN_READ) < 0, 1);
    }
    names_be(&p.w, p.t);
    task_put(child);
    pair_end(&p);
}

/* ---- limits ----------------------------------------------------------------------------------------------------------- */

static void limit(Pair *p, const char *line)
{
    names_be(&p->w, p->w.root);
    OK(world_ctl(&p->w, p->t->id, line));
    names_be(&p->w, p->t);
}

TEST(limits_raised_by_the_task_itself)
{
    BEGIN("");
    limit(&p, "memlimit 400K\ntasklimit 5\nfdlimit 20\nnice 5");
    EQ(world_ctl(&p.w, p.t->id, "memlimit max"), -EPERM);
    EQ(world_ctl(&p.w, p.t->id, "memlimit 401K"), -EPERM);
    EQ(world_ctl(&p.w, p.t->id, "tasklimit 6"), -EPERM);
    EQ(world_ctl(&p.w, p.t->id, "tasklimit max"), -EPERM);
    EQ(world_ctl(&p.w, p.t->id, "fdlimit 21"), -EPERM);
    EQ(world_ctl(&p.w, p.t->id, "nice 4"), -EPERM);
    EQ(world_write(&p.w, "/task/self/fd/20/ctl", "dup /f"), -EBADF);
    pair_end(&p);
}

/* A child's own limit may say anything: those above it hold. */
TEST(limits_raised_for_a_child)
{
    BEGIN("");
    limit(&p, "memlimit 400K\nfdlimit 20\nnice 5");
    uint64_t child = world_new(&p.w);
    (void)world_ctl(&p.w, child, "memlimit max");
    (void)world_ctl(&p.w, child, "memlimit 100M");
    EQ(world_ctl(&p.w, child, "fdlimit 21"), -EPERM);
    EQ(world_ctl(&p.w, child, "nice 4"), -EPERM);
    OK(world_ctl(&p.w, child, "cmd fill /tmp/x 1000\nstart"));
    EQ(world_wait(&p.w, child), ENOSPC);
    pair_end(&p);
}

TEST(limits_and_children_that_exit)
{
    BEGIN("");
    limit(&p, "memlimit 400K");
    EQ(world_run(&p.w, "fill /tmp/a 200"), 0);
    EQ(world_run(&p.w, "fill /tmp/b 300"), ENOSPC);
    uint64_t child = world_start(&p.w, "fill /tmp/c 300");
    EQ(world_wait(&p.w, child), ENOSPC);
    OK(world_ctl(&p.w, child, "remove"));
    OK(names_unlink(&p.w, "/tmp/b"));
    OK(names_unlink(&p.w, "/tmp/c"));
    EQ(world_run(&p.w, "fill /tmp/d 300"), ENOSPC);
    OK(names_unlink(&p.w, "/tmp/d"));
    OK(names_unlink(&p.w, "/tmp/a"));
    EQ(world_run(&p.w, "fill /tmp/e 200"), 0);  /* what was given back is there again */
    pair_end(&p);
}

static int grow(World *w, Chan *ch, int kib)
{
    static char block[1025];
    memset(block, 'x', sizeof block - 1);
    int64_t r = 0;
    for (int i = 0; i < kib && r >= 0; i++)
        r = world_put(w, ch, block);
    return r < 0 ? (int)r : 0;
}

TEST(limits_and_files_without_a_name)
{
    BEGIN("");
    Chan *open[3];
    limit(&p, "memlimit 400K");
    for (int i = 0; i < 3; i++) {
        OK(world_open(&p.w, "/tmp/x", OPEN_WRITE | OPEN_CREATE, &open[i]));
        EQ(grow(&p.w, open[i], 150), i < 2 ? 0 : -ENOSPC);
        OK(names_unlink(&p.w, "/tmp/x"));
    }
    for (int i = 0; i < 3; i++)
        OK(world_close(&p.w, open[i]));
    pair_end(&p);
}

/* A file system that was removed while a file of it is open, or it is bound, is paid for. */
TEST(limits_and_objects_that_were_removed)
{
    BEGIN("");
    char path[64];
    Chan *open[3];
    limit(&p, "memlimit 400K");
    for (int i = 0; i < 3; i++) {
        int id = atoi(world_read(&p.w, "/cap/new/tmpfs"));
        snprintf(path, sizeof path, "/cap/%d/root/f", id);
        OK(world_open(&p.w, path, OPEN_WRITE | OPEN_CREATE, &open[i]));
        EQ(grow(&p.w, open[i], 150), i < 2 ? 0 : -ENOSPC);
        OK(names_ctl(&p.w, NULL, "bind /cap/%d/root /kept%d", id, i));
        snprintf(path, sizeof path, "/cap/%d/ctl", id);
        OK(world_write(&p.w, path, "remove"));
    }
    for (int i = 0; i < 3; i++)
        OK(world_close(&p.w, open[i]));
    EQ(world_run(&p.w, "fill /tmp/a 150"), ENOSPC);
    pair_end(&p);
}

/* Whose file system it is does not matter. */
TEST(limits_and_file_systems_of_others)
{
    BEGIN("");
    names_be(&p.w, p.w.root);
    int id = atoi(world_read(&p.w, "/cap/new/tmpfs"));
    OK(names_ctl(&p.w, p.t, "bind -c /cap/%d/root /theirs", id));
    limit(&p, "memlimit 400K");
    EQ(world_run(&p.w, "fill /theirs/x 1000"), ENOSPC);
    EQ(world_run(&p.w, "fill /theirs/y 400"), ENOSPC);
    OK(names_ctl(&p.w, NULL, "unbind /theirs"));
    EQ(world_run(&p.w, "fill /tmp/z 300"), ENOSPC);
    pair_end(&p);
}

TEST(limits_of_tasks_and_those_that_are_not_started)
{
    BEGIN("");
    limit(&p, "tasklimit 3");
    uint64_t a = world_new(&p.w), b = world_new(&p.w);
    STR_EQ(world_read(&p.w, "/task/new"), "error 11");
    STR_EQ(world_read(&p.w, numbered("/task/#/task/new", a)), "error 11");
    OK(world_ctl(&p.w, b, "remove"));
    OK(world_ctl(&p.w, a, "tasklimit max"));
    STR_EQ(world_read(&p.w, "/task/self/status"), "stopped\n");
    b = world_new(&p.w);
    STR_EQ(world_read(&p.w, numbered("/task/#/task/new", b)), "error 11");
    pair_end(&p);
}
