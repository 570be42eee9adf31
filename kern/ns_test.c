/* SPDX-License-Identifier: MIT */
#include "kern/ns.h"

#include <stdio.h>
#include <string.h>

#include "test/names.h"

#define CTL(...) names_ctl(&w, NULL, __VA_ARGS__)
#define SHOW(path) names_show(&w, path)

/* ---- plain binds -------------------------------------------------------------------------------------------------- */

TEST(a_bind_covers_and_unbind_uncovers)
{
    World w = world("/a/x=1 /b/x=2 /b/y=3");
    OK(CTL("bind /b /a"));
    STR_EQ(SHOW("/a"), "x y");
    STR_EQ(SHOW("/a/x"), "2");
    OK(CTL("unbind /a"));
    STR_EQ(SHOW("/a"), "x");
    STR_EQ(SHOW("/a/x"), "1");
    world_end(&w);
}

TEST(a_file_is_bound_over_a_file)
{
    World w = world("/a/x=1 /b/x=2 /d/");
    OK(CTL("bind /b/x /a/x"));
    STR_EQ(SHOW("/a/x"), "2");
    STR_EQ(SHOW("/a"), "x");
    EQ(CTL("bind /b/x /d"), -EISDIR);
    EQ(CTL("bind /d /b/x"), -ENOTDIR);
    EQ(CTL("bind /b/x /d/"), -EISDIR);
    EQ(CTL("bind /b/x /new/"), -ENOTDIR);
    EQ(CTL("bind /a/x /a/x/y"), -ENOTDIR);
    EQ(CTL("bind -a /a/x /b/x"), -ENOTDIR);
    EQ(CTL("bind -b /a/x /d/z"), -ENOTDIR);
    EQ(CTL("bind /nothing /d"), -ENOENT);
    world_end(&w);
}

TEST(what_is_bound_over_since_the_seal_is_undone_together)
{
    World w = world("/a/x=1 /b/x=2 /c/x=3 /d/x=4");
    OK(CTL("bind /b /a"));
    OK(CTL("bind /c /a"));
    OK(CTL("bind -b /d /a"));
    STR_EQ(SHOW("/a/x"), "4");
    OK(CTL("unbind /a"));
    STR_EQ(SHOW("/a/x"), "1");
    world_end(&w);
}

TEST(a_name_that_is_not_there_is_made)
{
    World w = world("/a/x=1");
    OK(CTL("bind /a /new/deep/er"));
    STR_EQ(SHOW("/new"), "deep/");
    STR_EQ(SHOW("/new/deep"), "er/");
    STR_EQ(SHOW("/new/deep/er"), "x");
    TRUE(strstr(SHOW("/"), "new/") != NULL);
    EQ(names_mode(&w, "/new"), TYPE_DIR | 0555);
    EQ(names_mkdir(&w, "/new/y"), -EPERM);
    EQ(world_write(&w, "/new/y", "1"), -EPERM);
    EQ(names_symlink(&w, "t", "/new/y"), -EPERM);
    EQ(names_chmod(&w, "/new", 0777), -EPERM);
    EQ(names_rmdir(&w, "/new/deep"), -EBUSY);
    EQ(names_mkdir(&w, "/new/deep"), -EEXIST);
    OK(CTL("unbind /new/deep/er"));
    EQ(names_mode(&w, "/new"), -ENOENT);
    OK(CTL("bind /a/x /file"));
    STR_EQ(SHOW("/file"), "1");
    world_end(&w);
}

TEST(synthetic_directories_are_told_apart)
{
    World w = world("/a/x=1");
    OK(CTL("bind /a /p/d/a"));
    OK(CTL("bind /a /q/d/a"));
    AUTO_CHAN Chan *p = NULL, *q = NULL, *deep = NULL;
    OK(CTL("bind /a /p/p/p/a"));
    OK(names_walk(&w, "/p/d", 0, &p));
    OK(names_walk(&w, "/q/d", 0, &q));
    TRUE(!file_same(p->file, q->file));
    OK(names_walk(&w, "/p/p/p", 0, &deep));
    AUTO_CHAN Chan *up = NULL;
    OK(names_walk(&w, "/p/p", 0, &up));
    TRUE(!file_same(deep->file, up->file));
    OK(CTL("hide /p/d"));
    STR_EQ(SHOW("/q/d"), "a/");
    chan_put(STEAL(p));
    chan_put(STEAL(q));
    chan_put(STEAL(deep));
    chan_put(STEAL(up));
    world_end(&w);
}

TEST(a_source_is_a_thing_not_a_name)
{
    World w = world("/a/x=1 /b/");
    OK(CTL("bind /a /b"));
    OK(names_rename(&w, "/a", "/c"));
    STR_EQ(SHOW("/b/x"), "1");
    OK(names_unlink(&w, "/b/x"));
    OK(names_rmdir(&w, "/c"));
    STR_EQ(SHOW("/b"), "");
    EQ(world_write(&w, "/b/y", "1"), -ENOENT);
    world_end(&w);
}

TEST(links_at_dst_are_followed_when_the_bind_is_made)
{
    World w = world("/a/x=1 /b/x=2 /c/x=3");
    OK(names_symlink(&w, "/b", "/link"));
    OK(CTL("bind /a /link"));
    STR_EQ(SHOW("/b/x"), "1");
    OK(names_unlink(&w, "/link"));
    STR_EQ(SHOW("/b/x"), "1");
    OK(names_symlink(&w, "c/new", "/link"));        /* to where nothing is yet */
    OK(CTL("bind /a /link"));
    STR_EQ(SHOW("/c/new/x"), "1");
    OK(CTL("unbind /link"));
    EQ(names_mode(&w, "/c/new"), -ENOENT);
    world_end(&w);
}

TEST(dst_cannot_be_reached_by_dots_behind_nothing)
{
    World w = world("/a/x=1 /f=1 /b/");
    EQ(CTL("bind /a /nothing/../f"), -ENOENT);
    EQ(CTL("bind /a /b/../f"), -ENOTDIR);
    OK(CTL("bind /a /b/../b/./z"));
    STR_EQ(SHOW("/b/z/x"), "1");
    world_end(&w);
}

TEST(names_and_paths_have_their_lengths)
{
    World w = world("/a/x=1");
    char name[NAME_MAX_LEN + 3], path[PATH_MAX_LEN + 10];
    name[0] = '/';
    memset(name + 1, 'n', NAME_MAX_LEN + 1);
    name[NAME_MAX_LEN + 2] = '\0';
    EQ(CTL("bind /a %s", name), -ENAMETOOLONG);
    name[NAME_MAX_LEN + 1] = '\0';
    OK(CTL("bind /a %s", name));
    memset(path, 0, sizeof path);
    for (unsigned i = 0; i < PATH_MAX_LEN; i++)
        path[i] = i % 2 == 0 ? '/' : 'd';
    path[PATH_MAX_LEN - 1] = 'd';                   /* 4095 bytes, ends in /d plus one */
    EQ(strlen(path), PATH_MAX_LEN);
    OK(CTL("bind /a %s", path));
    EQ(names_mode(&w, path) & TYPE_MASK, TYPE_DIR);
    strcat(path, "d");
    EQ(CTL("bind /a %s", path), -ENAMETOOLONG);
    world_end(&w);
}

/* ---- grafts ------------------------------------------------------------------------------------------------------- */

TEST(what_is_bound_below_comes_along_as_it_is)
{
    World w = world("/a/sub/x=1 /b/y=2 /c/z=3 /g/");
    OK(CTL("bind /b /a/sub"));
    OK(CTL("bind /a /g"));
    OK(CTL("bind -x /a /h"));
    STR_EQ(SHOW("/g/sub"), "y");
    STR_EQ(SHOW("/h/sub"), "x");
    OK(CTL("bind /c /a/sub"));                      /* later: not seen through the graft */
    STR_EQ(SHOW("/a/sub"), "z");
    STR_EQ(SHOW("/g/sub"), "y");
    OK(CTL("unbind /a/sub"));
    STR_EQ(SHOW("/a/sub"), "x");
    STR_EQ(SHOW("/g/sub"), "y");
    OK(CTL("unbind /g/sub"));                       /* where nothing was bound by this name: it hides */
    EQ(names_mode(&w, "/g/sub"), -ENOENT);
    world_end(&w);
}

TEST(binding_the_root_below_itself_is_finite)
{
    World w = world("/a/x=1");
    OK(CTL("bind / /r"));
    STR_EQ(SHOW("/r/a"), "x");
    TRUE(strstr(SHOW("/r"), "r/") == NULL);
    EQ(names_mode(&w, "/r/r"), -ENOENT);
    OK(CTL("bind / /r"));
    STR_EQ(SHOW("/r/r/a/x"), "1");
    EQ(names_mode(&w, "/r/r/r"), -ENOENT);
    world_end(&w);
}

TEST_SLOW(ten_thousand_grafts_of_the_root, 30)
{
    World w = world("/a/x=1");
    for (unsigned i = 0; i < 10000; i++)
        OK(CTL("bind / /r"));
    STR_EQ(SHOW("/r/r/r/r/a/x"), "1");
    char path[PATH_MAX_LEN + 1];
    for (unsigned i = 0; i < 2000; i++)
        memcpy(path + 2 * i, "/r", 3);
    EQ(names_mode(&w, path) & TYPE_MASK, TYPE_DIR);
    OK(CTL("clear"));
    world_end(&w);
}

/* Names below each bind keep it from becoming flat; each goes through the one before. */
TEST(binds_through_one_another_are_bounded)
{
    World w = world("/a/ /b/ /f=1");
    int r = 0;
    unsigned n = 0;
    for (; r == 0 && n < 1000; n++) {
        bool odd = n % 2 != 0;
        r = CTL("bind /f %s/k%u", odd ? "/b" : "/a", n);
        if (r == 0)
            r = CTL("bind %s", odd ? "/b /a" : "/a /b");
    }
    EQ(r, -ELOOP);
    TRUE(n > 30);
    STR_EQ(SHOW("/a/k0"), "1");
    EQ(names_mode(&w, "/a/nothing"), -ENOENT);
    world_end(&w);
}

TEST(unions_of_themselves_are_bounded)
{
    World w = world("/a/ /b/ /f=1");
    int r = 0;
    unsigned n = 0;
    OK(CTL("bind -a /b /a"));
    for (; r == 0 && n < 100; n++) {
        r = CTL("bind /f /a/k%u", n);
        if (r == 0)
            r = CTL("bind -a /a /a");
    }
    EQ(r, -E2BIG);
    TRUE(n < 20);
    EQ(names_mode(&w, "/a/nothing"), -ENOENT);
    world_end(&w);
}

/* ---- hidden ------------------------------------------------------------------------------------------------------- */

TEST(hidden_is_hidden_by_every_name)
{
    World w = world("/a/x=1 /a/y=2 /b/ /c/z=3");
    OK(names_link(&w, "/a/x", "/b/other"));
    OK(CTL("bind /a /g"));
    OK(CTL("bind /a/x /f"));
    OK(CTL("hide /a/x"));
    EQ(names_mode(&w, "/a/x"), -ENOENT);
    EQ(names_mode(&w, "/g/x"), -ENOENT);
    EQ(names_mode(&w, "/f"), -ENOENT);
    EQ(names_mode(&w, "/b/other"), -ENOENT);
    STR_EQ(SHOW("/a"), "y");
    STR_EQ(SHOW("/g"), "y");
    STR_EQ(SHOW("/b"), "");
    TRUE(strstr(SHOW("/"), " f ") == NULL);
    EQ(world_write(&w, "/a/x", "1"), -ENOENT);
    EQ(names_mkdir(&w, "/a/x"), -ENOENT);
    EQ(names_unlink(&w, "/a/x"), -ENOENT);
    EQ(names_unlink(&w, "/b/other"), -ENOENT);
    EQ(names_rename(&w, "/a/y", "/a/x"), -ENOENT);
    EQ(names_rename(&w, "/b/other", "/b/more"), -ENOENT);
    EQ(CTL("bind /c /a/x/y"), -ENOENT);
    EQ(CTL("bind /a/x /c/z"), -ENOENT);
    OK(CTL("bind /c/z /a/x"));                      /* the name can be used again */
    STR_EQ(SHOW("/a/x"), "3");
    EQ(names_mode(&w, "/b/other"), -ENOENT);
    OK(CTL("unbind /a/x"));
    EQ(names_mode(&w, "/a/x"), -ENOENT);
    EQ(CTL("hide /"), -EINVAL);
    OK(CTL("hide /not/there"));
    EQ(world_write(&w, "/not/there", ""), -ENOENT);
    world_end(&w);
}

TEST(a_hidden_directory_hides_what_is_below)
{
    World w = world("/a/d/x=1 /b/");
    OK(CTL("bind /a/d /b/d"));
    OK(CTL("bind /a /g"));
    OK(CTL("hide /a/d"));
    EQ(names_mode(&w, "/b/d/x"), -ENOENT);
    EQ(names_mode(&w, "/g/d/x"), -ENOENT);
    STR_EQ(SHOW("/b"), "");
    STR_EQ(SHOW("/g"), "");
    world_end(&w);
}

TEST(hide_does_not_follow_the_last_link)
{
    World w = world("/a/x=1");
    OK(names_symlink(&w, "/a/x", "/link"));
    OK(CTL("hide /link"));
    EQ(names_mode(&w, "/link"), -ENOENT);
    STR_EQ(SHOW("/a/x"), "1");
    world_end(&w);
}

TEST(hiding_a_graft_of_the_root_leaves_the_root)
{
    World w = world("/a/x=1");
    OK(CTL("bind / /r"));
    OK(CTL("hide /r"));
    EQ(names_mode(&w, "/r"), -ENOENT);
    STR_EQ(SHOW("/a"), "x");
    world_end(&w);
}

TEST(a_member_that_is_hidden_is_passed_over)
{
    World w = world("/a/x=1 /b/x=2 /b/y=2 /c/z=3");
    OK(CTL("bind -b /b /a"));
    OK(CTL("bind -a /c /a"));
    OK(CTL("bind /a /g"));
    OK(CTL("hide /b"));
    STR_EQ(SHOW("/a"), "x z");
    STR_EQ(SHOW("/a/x"), "1");
    STR_EQ(SHOW("/g"), "x z");
    EQ(names_mode(&w, "/a/y"), -ENOENT);
    OK(CTL("hide /a"));
    EQ(names_mode(&w, "/g"), -ENOENT);
    world_end(&w);
}

TEST(hiding_a_union_that_a_graft_brought_hides_its_members)
{
    World w = world("/a/u/x=1 /b/y=2 /c/");
    OK(CTL("bind -a /b /a/u"));
    OK(CTL("bind /a /g"));
    OK(CTL("hide /g/u"));
    EQ(names_mode(&w, "/a/u"), -ENOENT);
    EQ(names_mode(&w, "/b"), -ENOENT);
    world_end(&w);
}

TEST(a_union_takes_no_hidden_member_along)
{
    World w = world("/a/x=1 /b/y=2 /c/ /k/q=3");
    OK(CTL("bind -b /b /a"));
    OK(CTL("hide /b"));
    OK(CTL("bind /a /u"));
    EQ(names_mode(&w, "/u/y"), -ENOENT);
    OK(CTL("bind /a /"));
    STR_EQ(SHOW("/"), "x");
    OK(CTL("unbind /"));
    STR_EQ(SHOW("/a"), "x");
    AUTO_TASK *t = task_find(w.k, world_new(&w));
    OK(names_ctl(&w, t, "clear"));
    OK(names_ctl(&w, t, "bind /k /"));
    OK(names_ctl(&w, t, "bind /a /u"));             /* into a namespace that hides as much */
    names_be(&w, t);
    STR_EQ(SHOW("/u"), "x");
    names_be(&w, w.root);
    task_put(STEAL(t));
    world_end(&w);
}

TEST(a_union_over_what_is_hidden_begins_anew)
{
    World w = world("/b/y=2 /c/z=3");
    AUTO_TASK *t = names_task(&w);
    OK(names_ctl(&w, t, "bind /b /n"));
    OK(names_ctl(&w, t, "hide /b"));
    OK(CTL("bind -a /b /u"));
    OK(CTL("bind -a /c /u"));
    OK(names_ctl(&w, t, "bind -r -a /u /n"));       /* shows b again, but not that old bind of it */
    names_be(&w, t);
    STR_EQ(SHOW("/n"), "y z");
    EQ(names_chmod(&w, "/n", 0700), -EROFS);
    EQ(world_write(&w, "/n/y", "5"), -EROFS);
    names_be(&w, w.root);
    task_put(STEAL(t));
    world_end(&w);
}

TEST(shallow_takes_the_members_of_a_union_alone)
{
    World w = world("/a/s/x=1 /b/t/y=2 /c/z=3");
    OK(CTL("bind /c /a/s"));
    OK(CTL("bind -a /b /a"));
    OK(CTL("bind /c /a/k"));
    OK(CTL("bind -x /a /u"));
    STR_EQ(SHOW("/u"), "s/ t/");
    STR_EQ(SHOW("/u/s"), "x");
    OK(CTL("bind /a /g"));                          /* with the names below: a member that grafts a union */
    OK(CTL("bind -x /g /v"));
    STR_EQ(SHOW("/v"), "s/ t/");
    world_end(&w);
}

TEST(a_root_of_which_all_is_hidden_is_empty)
{
    World w = world("/a/x=1 /b/");
    OK(CTL("bind / /b/r"));
    OK(CTL("bind /b /"));
    STR_EQ(SHOW("/r/a"), "x");
    OK(CTL("hide /r"));
    OK(CTL("unbind /"));                            /* the old root, which is hidden now */
    EQ(names_mode(&w, "/"), TYPE_DIR | 0555);
    EQ(names_mode(&w, "/a"), -ENOENT);
    EQ(names_mkdir(&w, "/new"), -EPERM);
    STR_EQ(SHOW("/"), "b/ cap/ dev/ task/");
    world_end(&w);
}

/* ---- unbind, and the seal ----------------------------------------------------------------------------------------- */

TEST(an_inherited_bind_is_never_uncovered)
{
    World w = world("/a/x=1 /b/x=2 /c/x=3 /d/");
    OK(CTL("bind /b /a"));
    OK(CTL("hide /d"));
    AUTO_TASK *t = names_task(&w);
    OK(names_ctl(&w, t, "bind /c /a"));
    names_be(&w, t);
    STR_EQ(SHOW("/a/x"), "3");
    OK(CTL("unbind /a"));
    STR_EQ(SHOW("/a/x"), "2");
    EQ(CTL("unbind /b /a"), -EPERM);
    OK(CTL("unbind /a"));
    EQ(names_mode(&w, "/a"), -ENOENT);
    OK(CTL("unbind /a"));                           /* still hidden */
    EQ(names_mode(&w, "/a"), -ENOENT);
    OK(CTL("bind /c /d"));                          /* over an inherited hide */
    OK(CTL("unbind /d"));
    EQ(names_mode(&w, "/d"), -ENOENT);
    names_be(&w, w.root);
    STR_EQ(SHOW("/a/x"), "2");
    OK(CTL("unbind /a"));
    STR_EQ(SHOW("/a/x"), "1");
    task_put(STEAL(t));
    world_end(&w);
}

TEST(an_inherited_union_comes_back_whole)
{
    World w = world("/a/x=1 /b/y=2 /c/z=3 /d/q=4");
    OK(CTL("bind -a /b /a"));
    AUTO_TASK *t = names_task(&w);
    OK(names_ctl(&w, t, "bind -a /c /a"));
    names_be(&w, t);
    STR_EQ(SHOW("/a"), "x y z");
    EQ(CTL("unbind /b /a"), -EPERM);
    OK(CTL("unbind /c /a"));
    STR_EQ(SHOW("/a"), "x y");
    OK(CTL("bind -b /d /a"));
    OK(CTL("unbind /a"));
    STR_EQ(SHOW("/a"), "x y");
    names_be(&w, w.root);
    task_put(STEAL(t));
    world_end(&w);
}

TEST(a_second_seal_makes_all_inherited)
{
    World w = world("/a/x=1 /b/x=2");
    Ns *ns = task_ns(w.root);
    OK(CTL("bind /b /a"));
    OK(ns_seal(ns));
    OK(CTL("unbind /a"));
    EQ(names_mode(&w, "/a"), -ENOENT);
    ns_put(ns);
    world_end(&w);
}

TEST(names_bound_below_go_with_a_plain_bind_and_stay_with_a_union)
{
    World w = world("/a/s/ /b/s/ /c/x=1");
    OK(CTL("bind /b /a"));
    OK(CTL("bind /c /a/s"));
    OK(CTL("unbind /a"));
    STR_EQ(SHOW("/a/s"), "");
    OK(CTL("bind -b /b /a"));
    OK(CTL("bind /c /a/s"));
    OK(CTL("unbind /a"));
    STR_EQ(SHOW("/a/s"), "x");
    OK(CTL("unbind /a/s"));
    STR_EQ(SHOW("/a/s"), "");
    STR_EQ(names_binds(&w, NULL), "tmpfs /\ndev /dev\ntask /task\ncap /cap\n");
    world_end(&w);
}

TEST(a_name_that_leads_to_nothing_any_more_goes)
{
    World w = world("/a/x=1 /b/y=2");
    OK(CTL("bind /b /a/c/d"));
    OK(CTL("bind -a /b /a/c"));
    OK(CTL("unbind /a/c/d"));
    OK(CTL("unbind /a/c"));
    STR_EQ(SHOW("/a"), "x");
    EQ(names_mode(&w, "/a/c"), -ENOENT);
    world_end(&w);
}

TEST(the_root_can_be_bound_over_and_uncovered)
{
    World w = world("/a/x=1 /b/");
    OK(CTL("bind /a /"));
    STR_EQ(SHOW("/"), "x");
    OK(CTL("unbind /"));
    STR_EQ(SHOW("/a"), "x");
    EQ(CTL("unbind /"), -EPERM);
    STR_EQ(SHOW("/a"), "x");
    world_end(&w);
}

TEST(unbind_of_one_member)
{
    World w = world("/a/x=1 /b/y=2 /c/z=3");
    EQ(CTL("unbind /b /a"), -EINVAL);
    OK(CTL("bind -a /b /a"));
    OK(CTL("bind -b /c /a"));
    EQ(CTL("unbind /dev /a"), -EINVAL);
    OK(CTL("unbind /b /a"));
    STR_EQ(SHOW("/a"), "x z");
    OK(CTL("unbind /c /a"));
    STR_EQ(SHOW("/a"), "x");
    OK(CTL("bind /b /a"));
    OK(CTL("bind -a /c /a"));
    OK(CTL("unbind /b /a"));                        /* what is left does not uncover the old one */
    STR_EQ(SHOW("/a"), "z");
    OK(CTL("unbind /c /a"));
    STR_EQ(SHOW("/a"), "x");
    world_end(&w);
}

/* ---- views -------------------------------------------------------------------------------------------------------- */

TEST(a_view_is_shared_by_binding_it_into_another_namespace)
{
    World w = world("/a/");
    AUTO_TASK *t = names_task(&w), *other = names_task(&w);
    char number[32];
    snprintf(number, sizeof number, "/task/%llu", (unsigned long long)other->id);
    names_be(&w, t);
    EQ(names_mode(&w, number), -ENOENT);            /* its own view */
    names_be(&w, w.root);
    OK(names_ctl(&w, t, "bind /task /task"));
    names_be(&w, t);
    TRUE(names_mode(&w, number) > 0);
    AUTO_TASK *child = names_task(&w);              /* made through a lent view, but its own is its own */
    names_be(&w, child);
    EQ(names_mode(&w, number), -ENOENT);
    names_be(&w, w.root);
    task_put(STEAL(child));
    task_put(STEAL(other));
    task_put(STEAL(t));
    world_end(&w);
}

TEST(a_lent_view_anywhere_in_a_union_is_not_inherited)
{
    World w = world("/a/ /v/x=1");
    AUTO_TASK *t = names_task(&w), *other = names_task(&w);
    char number[32];
    snprintf(number, sizeof number, "/task/%llu", (unsigned long long)other->id);
    OK(names_ctl(&w, t, "bind /v /task"));
    OK(names_ctl(&w, t, "bind -a /task /task"));
    names_be(&w, t);
    TRUE(names_mode(&w, number) > 0);
    AUTO_TASK *child = names_task(&w);
    names_be(&w, child);
    EQ(names_mode(&w, number), -ENOENT);
    STR_EQ(SHOW("/task/x"), "1");
    names_be(&w, w.root);
    task_put(STEAL(child));
    task_put(STEAL(other));
    task_put(STEAL(t));
    world_end(&w);
}

TEST(a_view_bound_by_its_owner_stays_by_who_looks)
{
    World w = world("/a/");
    OK(CTL("bind /task /mine"));
    AUTO_TASK *t = names_task(&w);
    char number[32];
    snprintf(number, sizeof number, "/mine/%llu", (unsigned long long)t->id);
    TRUE(names_mode(&w, number) > 0);
    names_be(&w, t);
    EQ(names_mode(&w, "/mine/1"), -ENOENT);
    TRUE(names_mode(&w, number) > 0);
    OK(CTL("hide /task"));
    EQ(names_mode(&w, "/mine"), -ENOENT);
    names_be(&w, w.root);
    OK(CTL("unbind /task /mine"));
    EQ(names_mode(&w, "/mine"), -ENOENT);
    task_put(STEAL(t));
    world_end(&w);
}

/* ---- failing allocations ------------------------------------------------------------------------------------------ */

typedef struct Step {
    World *w;
    const char *line;
    const char *before;             /* what binds reads as, unless the line succeeds */
} Step;

static int try_line(void *arg)
{
    Step *s = arg;
    int r = names_ctl(s->w, NULL, "%s", s->line);
    unsigned left = mem_fail_pending() ? 1 : 0;
    if (r == -ENOMEM && left == 0)
        STR_EQ(names_binds(s->w, NULL), s->before);
    return r;
}

TEST(a_failed_allocation_leaves_the_namespace_as_it_was)
{
    World w = world("/a/s/x=1 /b/y=2 /c/z=3 /f=4");
    static const char *const lines[] = {
        "bind /b /a",      "bind -a /c /a", "bind /a /new/name", "bind -b /new/name /a",
        "bind /f /a/s/k",  "bind /a /g",    "unbind /c /a",      "bind / /r",
        "bind -r /r/a /q", "unbind /a",     "hide /new",         "hide /f",
        "mount tmpfs /t",  "unbind /t",     "unbind /g",         "bind -x / /s",
        "bind /b /f2",     "hide /c/q",     "bind -b /b /c/q",   "bind /b /c/q/k/x",
        "unbind /b /c/q",  "clear",
    };
    for (unsigned i = 0; i < LEN(lines); i++) {
        char before[8192];
        snprintf(before, sizeof before, "%s", names_binds(&w, NULL));
        Step s = { .w = &w, .line = lines[i], .before = before };
        test_each_failure(try_line, &s);
    }
    world_end(&w);
}

static int try_fork(void *arg)
{
    World *w = arg;
    Ns *ns = task_ns(w->root), *copy = NULL;
    int r;
    CALL_RUN(w->call, r, ns_fork_for_task(w->call, ns, w->root->account, &copy));
    ns_put(copy);
    ns_put(ns);
    return r;
}

TEST(a_fork_without_memory)
{
    World w = world("/a/");
    AUTO_TASK *t = names_task(&w);
    OK(names_ctl(&w, t, "bind /task /task"));
    names_be(&w, t);
    test_each_failure(try_fork, &w);
    names_be(&w, w.root);
    task_put(STEAL(t));
    world_end(&w);
}

/* ---- threads ------------------------------------------------------------------------------------------------------ */

enum { ROUNDS = 400 };

typedef struct Shared {
    World *w;
    atomic_uint left;
    unsigned k;
} Shared;

/* /u is always /a or /b: both hold x, and never the directory below. */
static void look_up(void *arg)
{
    Shared *s = arg;
    World mine = *s->w;
    Call call;
    mine.call = &call;
    call_init(&call, mine.root);
    for (unsigned i = 0; i < ROUNDS; i++) {
        AUTO_CHAN Chan *x = NULL, *open = NULL;
        char text[4] = "";
        OK(names_walk(&mine, "/u/x", 0, &x));
        EQ(names_mode(&mine, "/u/u"), -ENOENT);
        OK(chan_open(&call, x, OPEN_READ, &open));
        EQ(chan_read(&call, open, text, sizeof text, 0), 1);
        TRUE(text[0] == '1' || text[0] == '2');
        Ns *ns = task_ns(mine.root), *copy = ns_fork(ns, NULL);
        ns_put(ns);
        ns_put(copy);
    }
    call_destroy(&call);
    atomic_fetch_sub(&s->left, 1);
}

static void rebind(void *arg)
{
    Shared *s = arg;
    World mine = *s->w;
    Call call;
    mine.call = &call;
    call_init(&call, mine.root);
    for (unsigned i = 0; i < ROUNDS; i++) {
        OK(names_ctl(&mine, NULL, "bind %s /u", i % 2 ? "/a" : "/b"));
        OK(names_ctl(&mine, NULL, "bind / /r"));
        OK(names_ctl(&mine, NULL, "bind /a /n%u/k", i));
        if (i % 3 == 0)
            OK(names_ctl(&mine, NULL, "unbind /n%u/k", i));
    }
    call_destroy(&call);
    atomic_fetch_sub(&s->left, 1);
}

TEST_SLOW(lookups_binds_and_forks_of_several_threads, 60)
{
    World w = world("/a/x=1 /b/x=2");
    OK(CTL("bind /a /u"));
    Shared s = { .w = &w, .left = 4 };
    OK(worker_run(rebind, &s, 0));
    OK(worker_run(rebind, &s, 0));
    OK(worker_run(look_up, &s, 0));
    OK(worker_run(look_up, &s, 0));
    while (atomic_load(&s.left) > 0)
        thread_yield();
    STR_EQ(SHOW("/u"), "x");
    workers_drain();
    world_end(&w);
}
