/* SPDX-License-Identifier: MIT */
#include "kern/walk.h"

#include <stdio.h>
#include <string.h>

#include "test/names.h"

#define CTL(...) names_ctl(&w, NULL, __VA_ARGS__)
#define SHOW(path) names_show(&w, path)
#define MODE(path) names_mode(&w, path)

/* The path by which a walk says that it got there. */
static const char *reached(World *w, const char *path, unsigned flags)
{
    static char s[PATH_MAX_LEN + 1];
    AUTO_CHAN Chan *ch = NULL;
    int r = names_walk(w, path, flags, &ch);
    snprintf(s, sizeof s, "error %d", -r);
    return r < 0 ? s : strcpy(s, ch->path->s);
}

TEST(paths_are_cleaned)
{
    World w = world("/a/b/c/x=1");
    STR_EQ(reached(&w, "/", 0), "/");
    STR_EQ(reached(&w, "//a//b/", 0), "/a/b");
    STR_EQ(reached(&w, "/a/./b/../b/c/x", 0), "/a/b/c/x");
    STR_EQ(reached(&w, "/../../a", 0), "/a");
    STR_EQ(reached(&w, "/a/b/c/../../..", 0), "/");
    STR_EQ(reached(&w, "a/b", 0), "/a/b");
    STR_EQ(reached(&w, ".", 0), "/");
    STR_EQ(reached(&w, "", 0), "error 2");
    world_end(&w);
}

TEST(what_is_no_directory_ends_the_walk)
{
    World w = world("/a/x=1");
    EQ(MODE("/a/x/"), -ENOTDIR);
    EQ(MODE("/a/x/y"), -ENOTDIR);
    EQ(MODE("/a/x/."), -ENOTDIR);
    EQ(MODE("/a/x/.."), -ENOTDIR);
    EQ(MODE("/a/z"), -ENOENT);
    EQ(MODE("/a/z/"), -ENOENT);
    EQ(MODE("/a/z/.."), -ENOENT);
    STR_EQ(reached(&w, "/a/x", WALK_DIRECTORY), "error 20");
    STR_EQ(reached(&w, "/a", WALK_DIRECTORY), "/a");
    world_end(&w);
}

TEST(lengths_of_names_and_paths)
{
    World w = world("/a/");
    char name[NAME_MAX_LEN + 3] = "/";
    memset(name + 1, 'n', NAME_MAX_LEN);
    name[NAME_MAX_LEN + 1] = '\0';
    OK(world_write(&w, name, "1"));
    STR_EQ(SHOW(name), "1");
    strcat(name, "n");
    EQ(MODE(name), -ENAMETOOLONG);
    EQ(names_mkdir(&w, name), -ENAMETOOLONG);
    char path[PATH_MAX_LEN + 2];
    memset(path, '/', sizeof path);
    memcpy(path + PATH_MAX_LEN - 1, "a", 2);
    EQ(strlen(path), PATH_MAX_LEN);
    STR_EQ(reached(&w, path, 0), "/a");
    memcpy(path + PATH_MAX_LEN, "/", 2);
    EQ(MODE(path), -ENAMETOOLONG);
    world_end(&w);
}

TEST(a_place_may_be_deeper_than_a_path_is_long)
{
    World w = world("/a/");
    AUTO_CHAN Chan *at = NULL;
    OK(names_walk(&w, "/", 0, &at));
    int r = 0;
    unsigned depth = 0;
    for (; r == 0 && depth < 3000; depth++) {
        AUTO_CHAN Chan *next = NULL;
        r = chan_mkdir(w.call, at, "dd", 0755);
        if (r == -EEXIST)
            r = 0;
        if (r == 0)
            r = names_walk_at(&w, at, "dd", 0, &next);
        if (r == 0) {
            chan_put(at);
            at = STEAL(next);
        }
    }
    EQ(r, -ENAMETOOLONG);
    EQ(depth, PATH_MAX_LEN / 3 + 1);
    AUTO_CHAN Chan *open = NULL;
    EQ(RUN_CALL(chan_mkdir(w.call, at, "dd", 0755)), -ENAMETOOLONG);      /* and it was not made */
    EQ(RUN_CALL(chan_unlink(w.call, at, "dd", true)), -ENOENT);
    EQ(RUN_CALL(chan_symlink(w.call, at, "dd", "x")), -ENAMETOOLONG);
    EQ(RUN_CALL(chan_create(w.call, at, "dd", 0644, OPEN_READ, &open)), -ENAMETOOLONG);
    EQ(RUN_CALL(chan_unlink(w.call, at, "dd", false)), -ENOENT);
    chan_put(STEAL(at));
    world_end(&w);
}

/* ---- links -------------------------------------------------------------------------------------------------------- */

TEST(links_are_followed)
{
    World w = world("/a/x=1 /b/y=2");
    OK(names_symlink(&w, "/a", "/abs"));
    OK(names_symlink(&w, "../a/x", "/b/rel"));
    OK(names_symlink(&w, "abs/", "/slash"));
    OK(names_symlink(&w, "nothing", "/dangling"));
    STR_EQ(reached(&w, "/abs/x", 0), "/a/x");
    STR_EQ(reached(&w, "/abs", WALK_NOFOLLOW), "/abs");
    STR_EQ(reached(&w, "/abs/", WALK_NOFOLLOW), "/a");
    STR_EQ(reached(&w, "/abs/.", WALK_NOFOLLOW), "/a");
    STR_EQ(reached(&w, "/b/rel", 0), "/a/x");
    STR_EQ(reached(&w, "/b/rel/", 0), "error 20");
    STR_EQ(reached(&w, "/slash/x", 0), "/a/x");
    STR_EQ(reached(&w, "/slash", 0), "/a");
    STR_EQ(reached(&w, "/dangling", 0), "error 2");
    STR_EQ(reached(&w, "/dangling", WALK_NOFOLLOW), "/dangling");
    STR_EQ(reached(&w, "/abs/../b", 0), "/b");      /* by the path walked */
    world_end(&w);
}

TEST(chains_of_links_may_be_40_long)
{
    World w = world("/x=1");
    char from[32], to[32] = "/x";
    for (unsigned i = 1; i <= 41; i++) {
        snprintf(from, sizeof from, "/l%u", i);
        OK(names_symlink(&w, to, from));
        strcpy(to, from);
    }
    STR_EQ(reached(&w, "/l40", 0), "/x");
    STR_EQ(reached(&w, "/l41", 0), "error 40");
    STR_EQ(reached(&w, "/l41", WALK_NOFOLLOW), "/l41");
    OK(names_symlink(&w, "loop", "/loop"));
    STR_EQ(reached(&w, "/loop", 0), "error 40");
    STR_EQ(reached(&w, "/loop/x", 0), "error 40");
    EQ(names_open(&w, "/loop", OPEN_WRITE | OPEN_CREATE), -ELOOP);
    world_end(&w);
}

TEST(a_file_is_made_where_a_link_leads)
{
    World w = world("/a/ /b/");
    OK(names_symlink(&w, "../b/new", "/a/l"));
    OK(world_write(&w, "/a/l", "1"));
    STR_EQ(SHOW("/b/new"), "1");
    OK(names_unlink(&w, "/b/new"));
    EQ(names_open(&w, "/a/l", OPEN_WRITE | OPEN_CREATE | OPEN_EXCL), -EEXIST);
    EQ(names_open(&w, "/a/n/", OPEN_WRITE | OPEN_CREATE), -EISDIR);
    EQ(names_open(&w, "/nothing/n", OPEN_WRITE | OPEN_CREATE), -ENOENT);
    OK(names_symlink(&w, "/nothing/n", "/a/m"));
    EQ(names_open(&w, "/a/m", OPEN_WRITE | OPEN_CREATE), -ENOENT);
    world_end(&w);
}

TEST(targets_that_are_long)
{
    World w = world("/a/x=1");
    char target[PATH_MAX_LEN + 2], path[PATH_MAX_LEN + 2];
    memset(target, '/', sizeof target);
    memcpy(target + PATH_MAX_LEN - 1, "a", 2);
    OK(names_symlink(&w, target, "/l"));
    STR_EQ(reached(&w, "/l", 0), "/a");
    STR_EQ(reached(&w, "/l/x", 0), "error 36");     /* target and rest together are too long */
    target[PATH_MAX_LEN] = 'a';
    target[PATH_MAX_LEN + 1] = '\0';
    EQ(names_symlink(&w, target, "/m"), -ENAMETOOLONG);
    EQ(names_symlink(&w, "", "/m"), -ENOENT);
    memset(path, 0, sizeof path);
    world_end(&w);
}

/* ---- dot dot ------------------------------------------------------------------------------------------------------ */

TEST(dot_dot_goes_by_the_path)
{
    World w = world("/a/s/x=1 /b/y=2 /c/");
    OK(CTL("bind /a/s /c"));
    STR_EQ(reached(&w, "/c/..", 0), "/");
    STR_EQ(SHOW("/c/../b"), "y");
    AUTO_CHAN Chan *s = NULL, *up = NULL;
    OK(names_walk(&w, "/a/s", 0, &s));
    OK(names_rename(&w, "/a/s", "/b/t"));
    OK(names_walk_at(&w, s, "..", 0, &up));
    STR_EQ(up->path->s, "/a");
    chan_put(STEAL(up));
    OK(names_walk_at(&w, s, "x", 0, &up));          /* still the place */
    chan_put(STEAL(up));
    OK(names_rename(&w, "/a", "/q"));
    EQ(names_walk_at(&w, s, "..", 0, &up), -ENOENT);
    OK(names_walk_at(&w, s, "./x", 0, &up));
    chan_put(STEAL(up));
    chan_put(STEAL(s));
    world_end(&w);
}

TEST(confined_walks_stay_inside)
{
    World w = world("/a/s/x=1 /a/y=2 /b/z=3");
    AUTO_CHAN Chan *a = NULL, *root = NULL, *ch = NULL;
    OK(names_walk(&w, "/a", 0, &a));
    OK(names_walk(&w, "/", 0, &root));
    OK(names_symlink(&w, "/b", "/a/abs"));
    OK(names_symlink(&w, "../b", "/a/rel"));
    OK(names_symlink(&w, "s/../y", "/a/in"));
    OK(names_symlink(&w, "../../../b", "/a/s/far"));
    unsigned f = WALK_CONFINED;
    EQ(names_walk_at(&w, a, "..", f, &ch), -EPERM);
    EQ(names_walk_at(&w, a, "s/../..", f, &ch), -EPERM);
    EQ(names_walk_at(&w, a, "/a", f, &ch), -EPERM);
    EQ(names_walk_at(&w, a, "abs", f, &ch), -EPERM);
    EQ(names_walk_at(&w, a, "abs/z", f | WALK_NOFOLLOW, &ch), -EPERM);
    EQ(names_walk_at(&w, a, "rel", f, &ch), -EPERM);
    EQ(names_walk_at(&w, a, "s/far/z", f, &ch), -EPERM);
    EQ(names_walk_at(&w, a, "s/../../a/y", f, &ch), -EPERM);
    OK(names_walk_at(&w, a, "abs", f | WALK_NOFOLLOW, &ch));
    chan_put(STEAL(ch));
    OK(names_walk_at(&w, a, "in", f, &ch));
    STR_EQ(ch->path->s, "/a/y");
    chan_put(STEAL(ch));
    OK(names_walk_at(&w, a, "s/..", f, &ch));
    chan_put(STEAL(ch));
    OK(names_walk_at(&w, root, "../b/z", f, &ch));  /* the root confines nothing */
    chan_put(STEAL(ch));
    OK(names_walk_at(&w, root, "/a/abs/z", f, &ch));
    chan_put(STEAL(ch));
    OK(CTL("bind /b /q"));                          /* also when the names are looked up again */
    EQ(names_walk_at(&w, a, "..", f, &ch), -EPERM);
    EQ(names_walk_at(&w, a, "abs", f, &ch), -EPERM);
    chan_put(STEAL(a));
    chan_put(STEAL(root));
    world_end(&w);
}

/* ---- places older than the namespace ------------------------------------------------------------------------------ */

TEST(an_old_place_sees_the_names_in_force)
{
    World w = world("/a/s/x=1 /b/y=2 /c/y=3");
    AUTO_CHAN Chan *a = NULL, *ch = NULL;
    OK(names_walk(&w, "/a", 0, &a));
    OK(CTL("bind /b /a/s"));
    OK(names_walk_at(&w, a, "s/y", 0, &ch));
    chan_put(STEAL(ch));
    EQ(names_walk_at(&w, a, "s/x", 0, &ch), -ENOENT);
    OK(CTL("hide /a/s"));
    EQ(names_walk_at(&w, a, "s", 0, &ch), -ENOENT);
    EQ(RUN_CALL(chan_mkdir(w.call, a, "s", 0755)), -ENOENT);
    OK(CTL("bind /c /a"));                          /* covered: it keeps what it was */
    EQ(names_walk_at(&w, a, "y", 0, &ch), -ENOENT);
    chan_put(STEAL(a));
    world_end(&w);
}

TEST(names_are_changed_by_the_names_in_force)
{
    World w = world("/a/s/x=1 /b/y=2 /c/");
    AUTO_CHAN Chan *a = NULL, *ch = NULL;
    OK(names_walk(&w, "/a", 0, &a));
    OK(CTL("bind /b /a/s"));
    EQ(RUN_CALL(chan_unlink(w.call, a, "s", true)), -EBUSY);
    EQ(RUN_CALL(chan_rename(w.call, a, "s", a, "t")), -EBUSY);
    EQ(RUN_CALL(chan_create(w.call, a, "s", 0666, OPEN_WRITE, &ch)), -EISDIR);
    OK(CTL("bind -r /a /a"));
    EQ(RUN_CALL(chan_mkdir(w.call, a, "new", 0755)), -EROFS);
    chan_put(STEAL(a));
    world_end(&w);
}

TEST(a_place_of_another_namespace_keeps_its_names)
{
    World w = world("/a/s/x=1 /b/y=2");
    AUTO_CHAN Chan *a = NULL, *ch = NULL;
    OK(CTL("bind /b /a/s"));
    OK(names_walk(&w, "/a", 0, &a));
    AUTO_TASK *t = names_task(&w);
    OK(names_ctl(&w, t, "clear"));
    OK(names_ctl(&w, t, "bind -x / /"));
    names_be(&w, t);
    OK(names_walk_at(&w, a, "s/y", 0, &ch));
    chan_put(STEAL(ch));
    EQ(names_walk_at(&w, a, "../b/y", 0, &ch), 0);  /* above it are the names of who walks */
    chan_put(STEAL(ch));
    names_be(&w, w.root);
    OK(CTL("unbind /a/s"));
    names_be(&w, t);
    OK(names_walk_at(&w, a, "s/y", 0, &ch));
    chan_put(STEAL(ch));
    OK(CTL("hide /b"));                             /* but what is hidden from the walker is hidden */
    EQ(names_walk_at(&w, a, "s/y", 0, &ch), -ENOENT);
    names_be(&w, w.root);
    chan_put(STEAL(a));
    task_put(STEAL(t));
    world_end(&w);
}

TEST(a_relative_bind_from_a_directory_that_is_gone)
{
    World w = world("/a/s/x=1 /b/y=2");
    OK(world_write(&w, "/task/self/cwd", "/a/s"));
    OK(names_rename(&w, "/a", "/q"));
    OK(CTL("bind /b /n"));                          /* the namespace has changed since */
    EQ(CTL("bind /b x"), -ENOTDIR);                 /* the file is still there */
    OK(CTL("bind /b new"));
    STR_EQ(SHOW("/a/s/new"), "y");
    OK(world_write(&w, "/task/self/cwd", "/"));
    world_end(&w);
}

/* ---- for what makes names ----------------------------------------------------------------------------------------- */

TEST(last_names)
{
    World w = world("/a/b/x=1");
    AUTO_CHAN Chan *dir = NULL;
    char name[NAME_MAX_LEN + 1];
    bool slash;
    Call *c = w.call;
    int r;
    CALL_RUN(c, r, walk_parent(c, walk_self(c), "/a/b/new/", 0, &dir, name, &slash));
    OK(r);
    STR_EQ(dir->path->s, "/a/b");
    STR_EQ(name, "new");
    TRUE(slash);
    chan_put(STEAL(dir));
    CALL_RUN(c, r, walk_parent(c, walk_self(c), "x", 0, &dir, name, &slash));
    OK(r);
    STR_EQ(dir->path->s, "/");
    TRUE(!slash);
    chan_put(STEAL(dir));
    EQ(names_rmdir(&w, "/"), -EBUSY);
    EQ(names_rmdir(&w, "/a/."), -EINVAL);
    EQ(names_rmdir(&w, "/a/b/.."), -ENOTEMPTY);
    EQ(names_rmdir(&w, "/a/b/x/y"), -ENOTDIR);
    EQ(names_rmdir(&w, "/n/y"), -ENOENT);
    world_end(&w);
}

TEST(one_name)
{
    World w = world("/a/b/x=1");
    AUTO_CHAN Chan *b = NULL, *ch = NULL;
    Call *c = w.call;
    int r;
    OK(names_walk(&w, "/a/b", 0, &b));
    CALL_RUN(c, r, walk_one(c, b, "x", &ch));
    OK(r);
    chan_put(STEAL(ch));
    CALL_RUN(c, r, walk_one(c, b, "..", &ch));
    OK(r);
    STR_EQ(ch->path->s, "/a");
    chan_put(STEAL(ch));
    EQ(RUN_CALL(walk_one(c, b, "x/y", &ch)), -EINVAL);
    EQ(RUN_CALL(walk_one(c, b, "", &ch)), -ENOENT);
    chan_put(STEAL(b));
    world_end(&w);
}

TEST(a_place_without_a_name_has_nothing_above_it)
{
    World w = world("/a/b/x=1");
    AUTO_CHAN Chan *b = NULL, *ch = NULL;
    OK(names_walk(&w, "/a/b", 0, &b));
    AUTO_CHAN Chan *bare = chan_new(w.call, file_get(b->file), NULL);
    OK(names_walk_at(&w, bare, "x", 0, &ch));
    chan_put(STEAL(ch));
    EQ(names_walk_at(&w, bare, "..", 0, &ch), -ENOENT);
    OK(world_write(&w, "/a/b/y", ""));
    EQ(names_walk_at(&w, bare, "../x", 0, &ch), -ENOENT);
    chan_put(STEAL(bare));
    chan_put(STEAL(b));
    world_end(&w);
}

static int some_walks(void *arg)
{
    World *w = arg;
    AUTO_CHAN Chan *ch = NULL;
    int r = names_walk(w, "/g/l/1/2/3/4/5/6/7/8/9/10/11/12/13/14/k", 0, &ch);
    return r;
}

TEST(walks_without_memory)
{
    World w = world("/a/1/2/3/4/5/6/7/8/9/10/11/12/13/14/x=1 /f=2");
    OK(names_symlink(&w, ".", "/a/l"));
    OK(CTL("bind /f /a/1/2/3/4/5/6/7/8/9/10/11/12/13/14/k"));
    OK(CTL("bind /a /g"));
    test_each_failure(some_walks, &w);
    world_end(&w);
}
