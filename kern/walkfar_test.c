/* SPDX-License-Identifier: MIT */
/*
 * A walk of several names in one step (Dev.walk_far) ends where one of single names does. It is not taken while anything is hidden
 * by identity, so each path is tried before and after an unrelated file is hidden.
 */
#include "kern/walk.h"

#include <stdio.h>
#include <string.h>

#include "test/names.h"

#define CTL(...) names_ctl(&w, NULL, __VA_ARGS__)

static const char *const paths[] = {
    "a/b/c/x",
    "a/b/c",
    "a/b/c/",
    "a/b/c/x/",
    "/a/b/c/x",
    "//a/b/c/x",
    "a//b/c/x",
    "a/./b/c/x",
    "a/b/../b/c/x",
    "a/b/c/..",
    "a/b/c/.",
    "a/b/c/...",
    "a/b/none",
    "a/none/c",
    "a/b/c/x/y",
    "a/b/none/",
    "a/b/up/x",
    "a/b/up",
    "a/b/up/",
    "a/b/c/back",
    "a/b/c/back/../c/x",
    "a/b/c/lost",
    "a/b/c/loop",
    "a/b/c/abs",
    "a/b/c/self/self/self/x",
    "a/many/8",
    "a/many/9",
    "a/dead",
    "ro/b/c/x",
    "over/c/x",
    "over/own/x",
    "over/own",
    "d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/x",
    "d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/x",
};

typedef struct Result {
    char text[2 * PATH_MAX_LEN];
} Result;

/* How a walk ends, where, at which file and with which rights; and where a walk to its parent ends. */
static void note(World *w, const char *from, const char *path, unsigned flags, Result *out)
{
    AUTO_CHAN Chan *base = NULL, *ch = NULL, *dir = NULL;
    Call *c = w->call;
    char name[NAME_MAX_LEN + 1] = "";
    bool slash = false;
    int r, p;
    OK(names_walk(w, from, 0, &base));
    CALL_RUN(c, r, walk_path(c, walk_at(c, base), path, flags, &ch));
    CALL_RUN(c, p, walk_parent(c, walk_at(c, base), path, flags, &dir, name, &slash));
    snprintf(out->text, sizeof out->text, "%s from %s: %d %s %d %x; %d %s %s %d", path, from, r,
             ch != NULL ? ch->path->s : "", ch != NULL ? (int)ch->file->id : 0, ch != NULL ? ch->flags : 0u, p,
             dir != NULL ? dir->path->s : "", name, slash);
}

enum { FROMS = 3, FLAGS = 4 };

static void note_all(World *w, Result *out)
{
    static const char *const from[FROMS] = { "/", "/d", "/a" };
    static const unsigned flags[FLAGS] = { 0, WALK_NOFOLLOW, WALK_CONFINED, WALK_CONFINED | WALK_DIRECTORY };
    for (size_t i = 0; i < LEN(paths); i++)
        for (size_t k = 0; k < FROMS * FLAGS; k++)
            note(w, from[k / FLAGS], paths[i], flags[k % FLAGS], out++);
}

TEST(many_names_in_one_step_end_where_single_ones_do)
{
    static Result far[LEN(paths) * FROMS * FLAGS], near[LEN(paths) * FROMS * FLAGS];
    World w = world("/a/b/c/x=1 /d/ /aside=2 /own/x=3");
    for (int i = 0; i < 20; i++) {
        char name[64];
        snprintf(name, sizeof name, "/a/many%s%d", i == 0 ? "" : "/", i);
        OK(i == 0 ? names_mkdir(&w, "/a/many") : world_write(&w, name, "1"));
    }
    OK(names_symlink(&w, "..", "/a/b/up"));
    OK(names_symlink(&w, "../../b/c/x", "/a/b/c/back"));
    OK(names_symlink(&w, "nowhere/at/all", "/a/b/c/lost"));
    OK(names_symlink(&w, "loop", "/a/b/c/loop"));
    OK(names_symlink(&w, "/a/b/c/x", "/a/b/c/abs"));
    OK(names_symlink(&w, ".", "/a/b/c/self"));
    char deep[64] = "/d";
    for (int i = 0; i < 18; i++) {
        strcat(deep, "/d");
        OK(names_mkdir(&w, deep));
    }
    OK(CTL("bind -r /a /ro"));
    OK(CTL("bind /a/b /over"));
    OK(CTL("bind /own /over/own"));
    note_all(&w, far);
    OK(CTL("hide /aside"));
    note_all(&w, near);
    for (size_t i = 0; i < LEN(far); i++)
        STR_EQ(far[i].text, near[i].text);
    EQ(strncmp(far[0].text, "a/b/c/x from /: 0 /a/b/c/x ", 26), 0);
    world_end(&w);
}
