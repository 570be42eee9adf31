/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <string.h>

#include "test/names.h"

#define CTL(...) names_ctl(&w, NULL, __VA_ARGS__)
#define SHOW(path) names_show(&w, path)

TEST(lines_that_are_wrong)
{
    World w = world("/a/ /b/");
    EQ(CTL("frob /a"), -EINVAL);
    EQ(CTL("bind /a"), -EINVAL);
    EQ(CTL("bind /a /b /c"), -EINVAL);
    EQ(CTL("bind -z /a /b"), -EINVAL);
    TRUE(strstr(world_words(&w), "-z") != NULL);
    EQ(CTL("bind -a -b /a /b"), -EINVAL);
    EQ(CTL("bind -ab /a /b"), -EINVAL);
    EQ(CTL("bind -r /a"), -EINVAL);
    EQ(CTL("unbind"), -EINVAL);
    EQ(CTL("hide"), -EINVAL);
    EQ(CTL("hide /a /b"), -EINVAL);
    EQ(CTL("mount"), -EINVAL);
    EQ(CTL("mount nfs /a"), -ENODEV);
    EQ(CTL("mount tmpfs x /a"), -EINVAL);
    EQ(CTL("clear now"), -EINVAL);
    EQ(CTL("bind '' /a"), -ENOENT);
    EQ(CTL("bind /a ''"), -ENOENT);
    OK(CTL(" "));
    world_end(&w);
}

TEST(options_may_stand_together_and_end)
{
    World w = world("/a/ /b/");
    OK(CTL("bind -rac /a /b"));
    OK(CTL("bind -r -x -- /a /-d"));
    EQ(CTL("bind -d /a"), -EINVAL);
    STR_EQ(names_binds(&w, NULL), "tmpfs /\ndev /dev\ntask /task\ncap /cap\n/b /b\n/a /b -r -a -c\n/a /-d -r -x\n");
    world_end(&w);
}

TEST(names_are_quoted)
{
    World w = world("'/a b/x=1' /c/");
    OK(CTL("bind '/a b' '/it'\\''s'"));
    OK(CTL("bind /c $'/new\\nline'"));
    OK(CTL("hide '/c/a b'"));
    TRUE(strstr(names_binds(&w, NULL), "'/a b' '/it'\\''s'\n/c $'/new\\nline'\n'/c/a b' hidden\n") != NULL);
    TRUE(strstr(names_dump(&w, NULL), "hide '/c/a b'\n") != NULL);
    world_end(&w);
}

TEST(src_is_the_writers_and_dst_the_tasks)
{
    World w = world("/a/x=1 /b/x=2 /c/");
    AUTO_TASK *t = names_task(&w);
    OK(names_ctl(&w, t, "bind /b /a"));
    OK(names_ctl(&w, t, "bind /a /c"));             /* the writer's /a is the old one */
    names_be(&w, t);
    STR_EQ(SHOW("/a/x"), "2");
    STR_EQ(SHOW("/c/x"), "1");
    names_be(&w, w.root);
    STR_EQ(SHOW("/c"), "");
    task_put(STEAL(t));
    world_end(&w);
}

TEST(relative_paths_go_by_the_directories)
{
    World w = world("/a/x=1 /b/c/");
    OK(world_write(&w, "/task/self/cwd", "/a"));
    AUTO_TASK *t = names_task(&w);
    OK(world_write(&w, world_path(t->id, "cwd"), "/b"));
    OK(names_ctl(&w, t, "bind . c"));
    names_be(&w, t);
    STR_EQ(SHOW("/b/c"), "x");
    names_be(&w, w.root);
    task_put(STEAL(t));
    world_end(&w);
}

TEST(a_mount_is_listed)
{
    World w = world("/a/");
    OK(CTL("mount tmpfs /a/t"));
    OK(world_write(&w, "/a/t/x", "1"));
    TRUE(strstr(world_read(&w, "/task/self/ns/mounts"), "tmpfs /a/t\n") != NULL);
    OK(CTL("unbind /a/t"));
    EQ(names_mode(&w, "/a/t"), -ENOENT);
    TRUE(strstr(world_read(&w, "/task/self/ns/mounts"), "/a/t") == NULL);
    world_end(&w);
}

TEST(binds_are_shown_in_the_order_of_lookup)
{
    World w = world("/a/ /b/ /c/");
    OK(CTL("bind -a -c /b /a"));
    OK(CTL("bind -b /c /a"));
    TRUE(strstr(names_binds(&w, NULL), "cap /cap\n/c /a -b\n/a /a\n/b /a -a -c\n") != NULL);
    OK(CTL("hide /b"));
    TRUE(strstr(names_binds(&w, NULL), "/b hidden\n") != NULL);
    OK(CTL("clear"));
    STR_EQ(names_binds(&w, NULL), "");
    world_end(&w);
}

/* ---- dump --------------------------------------------------------------------------------------------------------- */

/* The tree below path, one name after the other, three levels deep. */
static void tree(World *w, const char *path, unsigned levels, char *out, size_t room)
{
    char names[2048];
    snprintf(names, sizeof names, "%s", names_show(w, path));
    size_t at = strlen(out);
    snprintf(out + at, room - at, "%s: %s\n", path, names);
    char *rest = names;
    for (char *name = strtok_r(names, " ", &rest); name != NULL && levels > 0; name = strtok_r(NULL, " ", &rest)) {
        char below[512];
        size_t n = strcspn(name, "/@");
        snprintf(below, sizeof below, "%s/%.*s", path[1] == '\0' ? "" : path, (int)n, name);
        if (strstr(below, "/dev") != NULL || strstr(below, "/task") != NULL || strstr(below, "/cap") != NULL)
            continue;
        if (name[n] != '\0') {
            tree(w, below, levels - 1, out, room);
        } else {
            at = strlen(out);
            snprintf(out + at, room - at, "%s= %s\n", below, names_show(w, below));
        }
    }
}

/* The dump of the caller's namespace, replayed in a cleared one, gives the same tree; and once more from there. */
static void replays(World *w)
{
    char dump[16384], is[32768] = "", was[32768] = "";
    tree(w, "/", 4, was, sizeof was);
    AUTO_TASK *from = task_get(w->call->task);
    for (unsigned round = 0; round < 2; round++) {
        names_be(w, w->root);
        snprintf(dump, sizeof dump, "%s", names_dump(w, from));
        AUTO_TASK *t = names_task(w);
        Ns *plain = ns_new(w->root->account), *old;     /* nothing of the other one's is left in it */
        mutex_lock(&t->lock);
        old = t->ns;
        t->ns = plain;
        mutex_unlock(&t->lock);
        ns_put(old);
        char *rest = dump;
        for (char *line = strtok_r(dump, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
            int r = names_ctl(w, t, "%s", line);
            if (r < 0)
                FAIL("%s: %d %s", line, r, world_words(w));
        }
        names_be(w, t);
        is[0] = '\0';
        tree(w, "/", 4, is, sizeof is);
        STR_EQ(is, was);
        task_put(STEAL(from));
        from = task_get(t);
        task_put(STEAL(t));
    }
    names_be(w, w->root);
    task_put(STEAL(from));
}

TEST(a_dump_replays_binds_and_hides)
{
    World w = world("/a/s/x=1 /a/y=2 /b/z=3 /c/q=4 /f=5");
    OK(CTL("bind /b /a/s"));
    OK(CTL("bind -r /a /g"));
    OK(CTL("bind /f /new/name"));
    OK(CTL("hide /a/y"));
    OK(CTL("hide /nothing"));
    OK(CTL("bind / /r"));
    replays(&w);
    world_end(&w);
}

TEST(a_dump_replays_unions)
{
    World w = world("/a/x=1 /b/x=2 /b/y=2 /c/z=3 /d/s/k=4");
    OK(CTL("bind -b /b /a"));
    OK(CTL("bind -a -c /c /a"));
    OK(CTL("bind /a /g"));
    OK(CTL("bind /d /a/s"));
    OK(CTL("bind /a /h"));
    OK(CTL("bind -a /d /c"));
    replays(&w);
    world_end(&w);
}

TEST(a_dump_replays_a_union_whose_first_member_is_gone)
{
    World w = world("/a/x=1 /b/y=2 /c/z=3 /d/q=4");
    OK(CTL("bind /b /a"));
    OK(CTL("bind -a /c /a"));
    OK(CTL("bind /d /a/k"));
    OK(CTL("bind -b /d /a"));
    OK(CTL("unbind /b /a"));
    replays(&w);
    world_end(&w);
}

TEST(a_dump_replays_what_was_there_before_a_union)
{
    World w = world("/a/s/x=1 /b/s/y=2 /c/z=3");
    OK(CTL("bind -b /b /a"));
    OK(CTL("bind -a /c /a/s"));                     /* b's s, and c */
    OK(CTL("unbind /b /a"));
    STR_EQ(SHOW("/a/s"), "y z");
    replays(&w);
    world_end(&w);
}

TEST(a_dump_replays_a_union_over_a_hidden_name)
{
    World w = world("/a/x=1 /b/y=2");
    OK(CTL("hide /a"));
    OK(CTL("bind -a /b /a"));
    STR_EQ(SHOW("/a"), "y");
    replays(&w);
    world_end(&w);
}

TEST(a_dump_replays_what_is_hidden_by_identity)
{
    World w = world("/a/x=1 /b/y=2 /c/z=3");
    OK(CTL("bind /b /c"));
    OK(CTL("bind -a /a /u"));
    OK(CTL("bind -a /b /u"));
    OK(CTL("hide /b"));
    EQ(names_mode(&w, "/c"), -ENOENT);
    STR_EQ(SHOW("/u"), "x");
    replays(&w);
    world_end(&w);
}

TEST(a_dump_replays_a_bind_over_an_inherited_one)
{
    World w = world("/a/x=1 /b/y=2 /c/z=3");
    OK(CTL("bind /b /a"));
    OK(CTL("hide /c"));
    AUTO_TASK *t = names_task(&w);
    OK(names_ctl(&w, t, "bind -b /b /a"));
    names_be(&w, t);
    OK(CTL("bind /b /c"));
    replays(&w);
    task_put(STEAL(t));
    world_end(&w);
}

/* ---- from/K ------------------------------------------------------------------------------------------------------- */

/* Where from/K leads for the last line of t's dump that binds dst. */
static const char *from_of(World *w, Task *t, const char *dst, char *path, size_t room)
{
    char dump[8192];
    char *rest = dump;
    snprintf(dump, sizeof dump, "%s", names_dump(w, t));
    path[0] = '\0';
    for (char *line = strtok_r(dump, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        char *end = strrchr(line, ' '), *from = strstr(line, "/task/");
        if (end == NULL || from == NULL || strcmp(end + 1, dst) != 0)
            continue;
        snprintf(path, room, "%.*s", (int)(end - from), from);
    }
    return path;
}

TEST(from_shows_no_more_than_the_namespace_does)
{
    World w = world("/a/s/x=1 /a/t/x=2 /a/y=3 /b/z=4");
    char from[256], path[600];
    OK(CTL("bind /b /a/s"));
    OK(CTL("hide /a/y"));
    from_of(&w, w.root, "/", from, sizeof from);
    snprintf(path, sizeof path, "%s/a", from);
    STR_EQ(SHOW(path), "s/ t/");
    snprintf(path, sizeof path, "%s/a/s", from);
    STR_EQ(SHOW(path), "z");
    snprintf(path, sizeof path, "%s/a/y", from);
    EQ(names_mode(&w, path), -ENOENT);
    OK(CTL("bind -r /b /ro"));
    from_of(&w, w.root, "/ro", from, sizeof from);
    snprintf(path, sizeof path, "%s/new", from);
    EQ(world_write(&w, path, "1"), -EROFS);
    snprintf(path, sizeof path, "%s/z", from);
    EQ(world_write(&w, path, "1"), -EROFS);
    world_end(&w);
}

TEST(from_of_a_bind_without_names_below_shows_none)
{
    World w = world("/a/s/x=1 /secret/k=2");
    char from[256], path[600];
    OK(CTL("bind /secret /a/s"));
    AUTO_TASK *t = names_task(&w);
    OK(names_ctl(&w, t, "clear"));
    OK(names_ctl(&w, t, "bind -x /a /"));
    from_of(&w, t, "/", from, sizeof from);
    snprintf(path, sizeof path, "%s/s", from);
    STR_EQ(SHOW(path), "x");
    task_put(STEAL(t));
    world_end(&w);
}

TEST(from_of_what_is_not_in_force_is_not_there)
{
    World w = world("/a/x=1 /b/y=2 /c/");
    char from[256];
    OK(CTL("bind /b /c"));
    from_of(&w, w.root, "/c", from, sizeof from);
    STR_EQ(SHOW(from), "y");
    OK(CTL("bind /a /c"));
    EQ(names_mode(&w, from), -ENOENT);
    from_of(&w, w.root, "/c", from, sizeof from);
    STR_EQ(SHOW(from), "x");
    OK(CTL("hide /a"));
    EQ(names_mode(&w, from), -ENOENT);
    EQ(names_mode(&w, "/task/1/ns/from/0"), -ENOENT);
    EQ(names_mode(&w, "/task/1/ns/from/999999"), -ENOENT);
    world_end(&w);
}

TEST(a_dump_lends_no_view)
{
    World w = world("/a/x=1");
    AUTO_TASK *t = names_task(&w), *other = names_task(&w);
    char dump[4096], number[32];
    snprintf(dump, sizeof dump, "clear\n%s", names_dump(&w, NULL));
    OK(world_write(&w, world_path(t->id, "ns/ctl"), dump));
    snprintf(number, sizeof number, "/task/%llu", (unsigned long long)other->id);
    names_be(&w, t);
    EQ(names_mode(&w, number), -ENOENT);
    TRUE(names_mode(&w, "/task/self") > 0);
    STR_EQ(SHOW("/a/x"), "1");
    names_be(&w, w.root);
    task_put(STEAL(other));
    task_put(STEAL(t));
    world_end(&w);
}

TEST(what_was_there_before_a_union_has_a_line)
{
    World w = world("/a/x=1 /b/y=2");
    OK(CTL("bind -a /b /a"));
    TRUE(strstr(names_binds(&w, NULL), "/a /a\n/b /a -a\n") != NULL);
    OK(CTL("unbind /a"));
    TRUE(strstr(names_binds(&w, NULL), "/a") == NULL);
    world_end(&w);
}

typedef struct Below {
    World *w;
    char path[300];
} Below;

static int walk_below(void *arg)
{
    Below *b = arg;
    AUTO_CHAN Chan *ch = NULL;
    return names_walk(b->w, b->path, 0, &ch);
}

static int make_texts(void *arg)
{
    Below *b = arg;
    Text text = { 0 };
    Ns *ns = task_ns(b->w->root);
    int r = ns_text_dump(ns, "/ns", &text);
    if (r == 0)
        r = ns_text_binds(ns, &text);
    if (r == 0)
        r = ns_text_mounts(ns, &text);
    text_free(&text);
    ns_put(ns);
    return r;
}

TEST(sources_and_texts_without_memory)
{
    World w = world("/a/s/x=1 /b/z=4 /c/");
    char from[256];
    OK(CTL("bind /c /a/s/x2/deep"));
    OK(CTL("bind -a /b /a/s"));
    OK(CTL("hide /a/y"));
    Below b = { .w = &w };
    from_of(&w, w.root, "/", from, sizeof from);
    snprintf(b.path, sizeof b.path, "%s/a/s/x2/deep", from);
    OK(CTL("bind %s/a /g", from));
    test_each_failure(walk_below, &b);
    snprintf(b.path, sizeof b.path, "/g/s/x2/deep");
    test_each_failure(walk_below, &b);
    test_each_failure(make_texts, &b);
    world_end(&w);
}
