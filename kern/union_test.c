/* SPDX-License-Identifier: MIT */
#include "kern/union.h"

#include <stdio.h>
#include <string.h>

#include "test/names.h"

#define CTL(...) names_ctl(&w, NULL, __VA_ARGS__)
#define SHOW(path) names_show(&w, path)

TEST(a_union_takes_the_first_and_names_once)
{
    World w = world("/a/x=a /a/n=a /b/x=b /b/m=b /c/x=c /c/n=c /c/o=c");
    OK(CTL("bind -b /b /a"));
    OK(CTL("bind -a /c /a"));
    STR_EQ(SHOW("/a"), "m n o x");
    STR_EQ(SHOW("/a/x"), "b");
    STR_EQ(SHOW("/a/n"), "a");
    STR_EQ(SHOW("/a/o"), "c");
    OK(CTL("unbind /a"));
    STR_EQ(SHOW("/a"), "n x");
    world_end(&w);
}

TEST(a_union_is_one_level_deep)
{
    World w = world("/a/d/x=1 /b/d/y=2 /b/e/z=3");
    OK(CTL("bind -b /b /a"));
    STR_EQ(SHOW("/a"), "d/ e/");
    STR_EQ(SHOW("/a/d"), "y");
    world_end(&w);
}

TEST(creation_goes_where_c_says)
{
    World w = world("/a/ /b/ /c/");
    OK(CTL("bind -b /b /a"));
    EQ(world_write(&w, "/a/n", "1"), -EPERM);
    EQ(names_mkdir(&w, "/a/n"), -EPERM);
    EQ(names_symlink(&w, "t", "/a/n"), -EPERM);
    OK(CTL("bind -a -c /c /a"));
    OK(world_write(&w, "/a/n", "1"));
    OK(names_mkdir(&w, "/a/d"));
    STR_EQ(SHOW("/c"), "d/ n");
    EQ(names_mkdir(&w, "/a/d"), -EEXIST);
    EQ(world_write(&w, "/a/d", ""), -EISDIR);
    OK(names_unlink(&w, "/a/n"));
    OK(names_rmdir(&w, "/a/d"));
    STR_EQ(SHOW("/c"), "");
    OK(CTL("bind /a /g"));                          /* a graft of it keeps its -c */
    OK(names_mkdir(&w, "/g/e"));
    STR_EQ(SHOW("/c"), "e/");
    OK(CTL("bind -a /a /h"));                       /* but as a member of another union it needs its own */
    EQ(names_mkdir(&w, "/h/e2"), -EPERM);
    world_end(&w);
}

TEST(a_hidden_member_takes_no_names)
{
    World w = world("/a/ /b/ /c/");
    OK(CTL("bind -a -c -r /a /b"));
    OK(CTL("bind -a -c /c /b"));
    EQ(names_mkdir(&w, "/b/d"), -EROFS);
    OK(CTL("hide /a"));
    OK(names_mkdir(&w, "/b/d"));
    STR_EQ(SHOW("/c"), "d/");
    world_end(&w);
}

TEST(between_members_is_exdev)
{
    World w = world("/a/x=1 /b/y=2 /b/z=3");
    OK(CTL("bind -a -c /b /a"));
    EQ(names_rename(&w, "/a/x", "/a/new"), -EXDEV);
    EQ(names_rename(&w, "/a/x", "/a/y"), -EXDEV);
    OK(names_rename(&w, "/a/y", "/a/new"));
    OK(names_rename(&w, "/a/new", "/a/z"));
    STR_EQ(SHOW("/a"), "x z");
    STR_EQ(SHOW("/b/z"), "2");
    EQ(names_link(&w, "/a/x", "/a/new"), -EXDEV);
    OK(names_link(&w, "/a/z", "/a/new"));
    world_end(&w);
}

TEST(a_read_only_member_stays_so)
{
    World w = world("/a/x=1 /b/y=2 /c/");
    OK(CTL("bind -a -c /c /a"));
    OK(CTL("bind -b -r /b /a"));
    EQ(world_write(&w, "/a/y", "9"), -EROFS);
    EQ(names_unlink(&w, "/a/y"), -EROFS);
    EQ(names_rename(&w, "/a/y", "/a/q"), -EROFS);
    EQ(names_chmod(&w, "/a/y", 0600), -EROFS);
    EQ(names_chmod(&w, "/a", 0700), -EROFS);        /* the directory itself is b's */
    OK(world_write(&w, "/a/x", "5"));
    OK(world_write(&w, "/a/new", "6"));
    STR_EQ(SHOW("/c/new"), "6");
    OK(CTL("bind /a /g"));
    EQ(names_chmod(&w, "/g", 0700), -EROFS);
    EQ(world_write(&w, "/g/y", "9"), -EROFS);
    OK(world_write(&w, "/g/x", "5"));
    OK(CTL("bind /c /a/k"));
    OK(CTL("bind /a /h"));                          /* with names below */
    EQ(names_chmod(&w, "/h", 0700), -EROFS);
    EQ(world_write(&w, "/h/y", "9"), -EROFS);
    world_end(&w);
}

TEST(read_only_for_every_verb)
{
    World w = world("/a/x=1 /a/d/ /a/e/f=2 /b/x=3");
    OK(names_symlink(&w, "x", "/a/l"));
    OK(CTL("bind -r /a /ro"));
    EQ(names_open(&w, "/ro/x", OPEN_WRITE), -EROFS);
    EQ(names_open(&w, "/ro/x", OPEN_READ | OPEN_TRUNC), -EROFS);
    EQ(names_open(&w, "/ro/x", OPEN_READ | OPEN_WRITE), -EROFS);
    EQ(names_open(&w, "/ro/l", OPEN_WRITE), -EROFS);
    OK(names_open(&w, "/ro/x", OPEN_READ | OPEN_CREATE));
    EQ(names_open(&w, "/ro/new", OPEN_READ | OPEN_CREATE), -EROFS);
    EQ(names_open(&w, "/ro/e/f", OPEN_WRITE), -EROFS);
    EQ(names_mkdir(&w, "/ro/new"), -EROFS);
    EQ(names_mkdir(&w, "/ro/d"), -EEXIST);
    EQ(names_symlink(&w, "t", "/ro/new"), -EROFS);
    EQ(names_unlink(&w, "/ro/x"), -EROFS);
    EQ(names_rmdir(&w, "/ro/d"), -EROFS);
    EQ(names_rename(&w, "/ro/x", "/ro/y"), -EROFS);
    EQ(names_rename(&w, "/ro/x", "/a/y"), -EROFS);
    EQ(names_rename(&w, "/a/x", "/ro/y"), -EROFS);
    EQ(names_link(&w, "/ro/x", "/a/y"), -EROFS);
    EQ(names_link(&w, "/a/x", "/ro/y"), -EROFS);
    EQ(names_chmod(&w, "/ro/x", 0), -EROFS);
    EQ(names_chmod(&w, "/ro", 0), -EROFS);
    OK(CTL("bind /ro/d /again"));                   /* rights only shrink */
    EQ(names_mkdir(&w, "/again/n"), -EROFS);
    OK(CTL("bind /ro/x /file"));
    EQ(names_open(&w, "/file", OPEN_WRITE), -EROFS);
    OK(CTL("bind /b /ro/d"));                       /* at this very name: its own flags */
    OK(world_write(&w, "/ro/d/x", "4"));
    OK(CTL("bind / /r"));
    EQ(world_write(&w, "/r/ro/x", "4"), -EROFS);
    OK(world_write(&w, "/r/ro/d/x", "4"));
    OK(CTL("bind -r / /rr"));
    EQ(world_write(&w, "/rr/ro/d/x", "4"), -EROFS);
    EQ(world_write(&w, "/rr/b/x", "4"), -EROFS);
    AUTO_CHAN Chan *ch = NULL, *o = NULL;
    Attr attr = { .size = 0 };
    OK(names_walk(&w, "/ro/x", 0, &ch));
    EQ(RUN_CALL(chan_setattr(w.call, ch, SET_SIZE, &attr)), -EROFS);
    OK(RUN_CALL(chan_open(w.call, ch, OPEN_READ, &o)));
    EQ(RUN_CALL(chan_truncate(w.call, o, 0)), -EINVAL);
    EQ(RUN_CALL(chan_write(w.call, o, "x", 1, 0)), -EBADF);
    chan_put(STEAL(o));
    chan_put(STEAL(ch));
    world_end(&w);
}

TEST(bind_points_are_busy)
{
    World w = world("/a/d/x=1 /b/ /f=1 /g=2");
    OK(CTL("bind /b /a/d/new/p"));
    OK(CTL("bind /f /g"));
    EQ(names_rmdir(&w, "/a/d/new/p"), -EBUSY);
    EQ(names_rmdir(&w, "/a/d/new"), -EBUSY);
    EQ(names_rmdir(&w, "/a/d"), -EBUSY);
    EQ(names_rename(&w, "/a/d", "/a/e"), -EBUSY);
    EQ(names_rename(&w, "/a", "/c"), -EBUSY);
    EQ(names_unlink(&w, "/g"), -EBUSY);
    EQ(names_rename(&w, "/g", "/h"), -EBUSY);
    EQ(names_rename(&w, "/f", "/g"), -EBUSY);
    EQ(names_link(&w, "/f", "/g"), -EEXIST);
    OK(CTL("unbind /a/d/new/p"));
    OK(names_rename(&w, "/a/d", "/a/e"));
    OK(CTL("unbind /g"));
    STR_EQ(SHOW("/g"), "2");
    world_end(&w);
}

TEST(what_others_do_leaves_the_name)
{
    World w = world("/a/d/x=1 /b/y=2 /f=1");
    AUTO_TASK *t = names_task(&w);
    OK(names_ctl(&w, t, "bind /b /a/d/p"));
    OK(names_unlink(&w, "/a/d/x"));
    OK(names_rmdir(&w, "/a/d"));
    names_be(&w, t);
    STR_EQ(SHOW("/a"), "d/");
    STR_EQ(SHOW("/a/d"), "p/");
    STR_EQ(SHOW("/a/d/p"), "y");
    names_be(&w, w.root);
    OK(world_write(&w, "/a/d", "a file"));
    names_be(&w, t);
    STR_EQ(SHOW("/a"), "d/");
    STR_EQ(SHOW("/a/d/p"), "y");
    names_be(&w, w.root);
    task_put(STEAL(t));
    world_end(&w);
}

TEST(a_hidden_name_hides_what_later_members_have)
{
    World w = world("/a/n=1 /b/n=2 /b/m=3");
    OK(CTL("hide /a/n"));
    OK(CTL("bind /a /u"));
    OK(CTL("bind -a /b /u"));
    EQ(names_mode(&w, "/u/n"), -ENOENT);
    STR_EQ(SHOW("/u"), "m");
    OK(CTL("bind -b /b /v"));
    OK(CTL("bind -a /a /v"));                       /* behind one that has the name it hides nothing */
    STR_EQ(SHOW("/v/n"), "2");
    STR_EQ(SHOW("/v"), "m n");
    world_end(&w);
}

TEST(names_bound_in_members_are_in_the_order_of_members)
{
    World w = world("/a/n=1 /b/m=2 /f=9 /d/q=1");
    OK(CTL("bind /d /b/n"));
    OK(CTL("bind /f /b/k"));
    OK(CTL("bind /a /u"));
    OK(CTL("bind -a /b /u"));
    STR_EQ(SHOW("/u/n"), "1");
    STR_EQ(SHOW("/u"), "k m n");
    OK(names_unlink(&w, "/u/n"));                   /* a's file, not b's bind point */
    STR_EQ(SHOW("/u"), "k m n/");
    EQ(names_rmdir(&w, "/u/n"), -EBUSY);
    world_end(&w);
}

TEST(a_graft_lists_its_own_names_only)
{
    World w = world("/a/n=1 /b/n/k=2 /f=3");
    OK(CTL("bind /f /b/n/m"));
    OK(CTL("bind /a /u"));
    OK(CTL("bind -a /b /u"));                       /* b's n leads to others, and is behind a's */
    STR_EQ(SHOW("/u"), "n");
    STR_EQ(SHOW("/u/n"), "1");
    OK(CTL("bind -b /b /v"));
    OK(CTL("bind -a /a /v"));
    STR_EQ(SHOW("/v"), "n/");
    STR_EQ(SHOW("/v/n"), "k m");
    world_end(&w);
}

TEST(a_hidden_synthetic_directory_is_not_listed)
{
    World w = world("/a/x=1");
    OK(CTL("bind /a /s/t"));
    OK(CTL("bind / /r"));
    OK(CTL("hide /s"));
    EQ(names_mode(&w, "/r/s"), -ENOENT);
    STR_EQ(SHOW("/r"), "a/ cap/ dev/ task/");
    world_end(&w);
}

/* ---- cookies ------------------------------------------------------------------------------------------------------ */

typedef struct Some {
    char names[4096];
    unsigned n, most;
    uint64_t next;
} Some;

static int take_some(void *arg, const Dirent *d)
{
    Some *s = arg;
    if (s->n == s->most)
        return 1;
    s->n++;
    s->next = d->next;
    strcat(s->names, d->name);
    strcat(s->names, " ");
    return 0;
}

static const char *read_some(World *w, Chan *dir, uint64_t cookie, unsigned most, Some *s)
{
    int r;
    *s = (Some){ .most = most, .next = cookie };
    CALL_RUN(w->call, r, chan_readdir(w->call, dir, cookie, take_some, s));
    OK(r);
    return s->names;
}

static Chan *open_dir(World *w, const char *path)
{
    Chan *dir = NULL;
    AUTO_CHAN Chan *ch = NULL;
    OK(names_walk(w, path, 0, &ch));
    OK(chan_open(w->call, ch, OPEN_READ, &dir));
    return dir;
}

TEST(cookies_survive_changes)
{
    World w = world("/a/a1=1 /a/a2=1 /b/b1=1 /b/b2=1 /b/b3=1");
    OK(CTL("bind -a -c /b /a"));
    AUTO_CHAN Chan *dir = open_dir(&w, "/a");
    Some s;
    STR_EQ(read_some(&w, dir, 0, 4, &s), ". .. a1 a2 ");
    uint64_t at = s.next;
    STR_EQ(read_some(&w, dir, at, 1, &s), "b1 ");
    uint64_t behind = s.next;
    OK(world_write(&w, "/a/b0", ""));
    OK(names_unlink(&w, "/a/b2"));
    OK(CTL("bind /b /a/new"));
    STR_EQ(read_some(&w, dir, behind, 100, &s), "b2 b3 ");      /* as it was at its start */
    STR_EQ(read_some(&w, dir, s.next, 100, &s), "");
    STR_EQ(read_some(&w, dir, at, 1, &s), "b1 ");
    STR_EQ(read_some(&w, dir, 0, 100, &s), ". .. new a1 a2 b1 b3 b0 ");
    chan_put(STEAL(dir));
    world_end(&w);
}

TEST(cookies_of_a_plain_directory_survive_changes)
{
    World w = world("/a/a1=1 /a/a2=1 /a/a3=1 /a/a4=1");
    AUTO_CHAN Chan *dir = open_dir(&w, "/a");
    Some s;
    STR_EQ(read_some(&w, dir, 0, 4, &s), ". .. a1 a2 ");
    uint64_t at = s.next;
    OK(names_unlink(&w, "/a/a3"));
    OK(world_write(&w, "/a/a5", ""));
    STR_EQ(read_some(&w, dir, at, 100, &s), "a4 a5 ");
    STR_EQ(read_some(&w, dir, 1, 1, &s), ".. ");
    OK(CTL("bind /a /a/k"));
    STR_EQ(read_some(&w, dir, at, 100, &s), "a4 a5 ");
    STR_EQ(read_some(&w, dir, 0, 3, &s), ". .. k ");
    chan_put(STEAL(dir));
    world_end(&w);
}

TEST(a_listing_from_the_middle_hides_too)
{
    World w = world("/a/x=1 /a/y=2 /b/z=3");
    OK(CTL("hide /a/y"));
    OK(CTL("bind /b/z /a/x"));
    AUTO_CHAN Chan *dir = open_dir(&w, "/a");
    Some s;
    STR_EQ(read_some(&w, dir, 2, 100, &s), "x ");
    chan_put(STEAL(dir));
    world_end(&w);
}

TEST(an_open_directory_shows_the_names_in_force)
{
    World w = world("/a/x=1 /a/y=2 /b/z=3");
    AUTO_CHAN Chan *dir = open_dir(&w, "/a");
    Some s;
    OK(CTL("bind /b /a/k"));
    OK(CTL("hide /a/x"));
    STR_EQ(read_some(&w, dir, 0, 100, &s), ". .. k y ");
    OK(CTL("bind /b /a"));                          /* its place is covered: it stays what it is */
    STR_EQ(read_some(&w, dir, 0, 100, &s), ". .. y ");
    chan_put(STEAL(dir));
    world_end(&w);
}

TEST(large_unions_are_listed)
{
    World w = world("/a/ /b/");
    for (unsigned i = 0; i < 300; i++) {
        char path[32];
        snprintf(path, sizeof path, "/%c/n%u", i % 3 ? 'a' : 'b', i);
        OK(world_write(&w, path, ""));
    }
    OK(CTL("bind -a /b /a"));
    unsigned n = 1;
    for (const char *s = SHOW("/a"); *s != '\0'; s++)
        n += *s == ' ';
    EQ(n, 300);
    world_end(&w);
}

static int list_once(void *arg)
{
    World *w = arg;
    AUTO_CHAN Chan *ch = NULL, *dir = NULL;
    Some s = { .most = 100 };
    int r = names_walk(w, "/a", 0, &ch);
    if (r == 0)
        r = chan_open(w->call, ch, OPEN_READ, &dir);
    if (r == 0)
        CALL_RUN(w->call, r, chan_readdir(w->call, dir, 0, take_some, &s));
    return r;
}

TEST(a_listing_without_memory)
{
    World w = world("/a/x=1 /b/y=2 /c/z=3");
    OK(CTL("bind -a /b /a"));
    OK(CTL("bind /c /a/k"));
    OK(CTL("bind /a /g"));
    OK(CTL("bind -a /g /a"));
    test_each_failure(list_once, &w);
    world_end(&w);
}

TEST(no_directory_and_not_open)
{
    World w = world("/a/x=1");
    AUTO_CHAN Chan *x = NULL, *o = NULL, *a = NULL;
    Some s = { .most = 1 };
    OK(names_walk(&w, "/a/x", 0, &x));
    OK(names_walk(&w, "/a", 0, &a));
    OK(RUN_CALL(chan_open(w.call, x, OPEN_READ, &o)));
    EQ(RUN_CALL(chan_readdir(w.call, o, 0, take_some, &s)), -ENOTDIR);
    EQ(RUN_CALL(chan_readdir(w.call, a, 0, take_some, &s)), -EBADF);
    chan_put(STEAL(o));
    chan_put(STEAL(x));
    chan_put(STEAL(a));
    world_end(&w);
}

/* ---- what an entry is ---------------------------------------------------------------------------------------------- */

typedef struct Known {
    char name[16][NAME_MAX_LEN + 1];
    Dirent entry[16];
    unsigned n;
} Known;

static int know_entry(void *arg, const Dirent *d)
{
    Known *k = arg;
    if (d->name[0] == '.')
        return 0;
    strcpy(k->name[k->n], d->name);
    k->entry[k->n++] = *d;
    return 0;
}

/* Each entry says of which device, space and number the file is that its name leads to. */
static unsigned entries_are_right(World *w, const char *path)
{
    Known k = { .n = 0 };
    AUTO_CHAN Chan *dir = NULL;
    int r;
    OK(world_open(w, path, OPEN_READ | OPEN_DIRECTORY, &dir));
    CALL_RUN(w->call, r, chan_readdir(w->call, dir, 0, know_entry, &k));
    OK(r);
    for (unsigned i = 0; i < k.n; i++) {
        AUTO_CHAN Chan *ch = NULL;
        CALL_RUN(w->call, r, walk_one(w->call, dir, k.name[i], &ch));
        OK(r);
        PTR_EQ(k.entry[i].dev, ch->file->dev);
        EQ(k.entry[i].space, ch->file->space);
        EQ(k.entry[i].id, ch->file->id);
    }
    OK(world_close(w, STEAL(dir)));
    return k.n;
}

TEST(an_entry_tells_which_file_its_name_leads_to)
{
    World w = world("/a/x=1 /a/y/ /b/z=2");
    EQ(entries_are_right(&w, "/a"), 2);
    OK(world_write(&w, "/task/1/ns/ctl", "bind /dev/null /a/n\nbind -a /b /a\nbind /b /c/d\n"));
    EQ(entries_are_right(&w, "/a"), 4);
    EQ(entries_are_right(&w, "/c"), 1);
    EQ(entries_are_right(&w, "/dev"), 9);
    world_end(&w);
}
