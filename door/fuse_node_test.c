/* SPDX-License-Identifier: MIT */
/*
 * Nodes without libfuse: which lookups give the same one, what Linux forgets, what is put away and found again.
 */
#include <stdio.h>
#include <string.h>

#include "door/fuse_door.h"
#include "test/world.h"

typedef struct Rig {
    World w;
    FuseDoor d;
    FuseRequest r;
} Rig;

static void rig_begin(Rig *g, const char *files)
{
    memset(g, 0, sizeof *g);
    g->w = world(files);
    g->d.kernel = g->w.k;
    call_init(&g->r.call, g->w.k->root);
    g->r.door = &g->d;
    Chan *root = NULL;
    int r;
    CALL_RUN(&g->r.call, r, walk_path(&g->r.call, walk_self(&g->r.call), "/", 0, &root));
    OK(r);
    OK(nodes_init(&g->d.nodes, root));
}

static void rig_end(Rig *g)
{
    nodes_free(&g->d.nodes);
    call_destroy(&g->r.call);
    world_end(&g->w);
}

static FuseNode *root(Rig *g)
{
    return g->d.nodes.root;
}

/* As Linux looks it up: NULL when it is not there. */
static FuseNode *look(Rig *g, FuseNode *dir, const char *name)
{
    Call *c = &g->r.call;
    Chan *at = NULL, *ch = NULL;
    int r;
    CALL_RUN(c, r, node_place(&g->r, dir, &at));
    OK(r);
    CALL_RUN(c, r, walk_one(c, at, name, &ch));
    chan_put(at);
    if (r < 0)
        return NULL;
    FuseNode *n = node_enter(&g->d, dir, name, ch);
    TRUE(n != NULL);
    return n;
}

/* What the place of n says. */
static int place(Rig *g, FuseNode *n, const char **path)
{
    static char s[256];
    Chan *ch = NULL;
    int r;
    CALL_RUN(&g->r.call, r, node_place(&g->r, n, &ch));
    if (r == 0) {
        snprintf(s, sizeof s, "%s", ch->path->s);
        *path = s;
    }
    chan_put(ch);
    return r;
}

static void idle(Rig *g)
{
    for (int i = 0; i < 3; i++)
        nodes_sweep_once(&g->d.nodes);
}

static unsigned count(Rig *g)
{
    unsigned n = 0;
    for (FuseNode *at = g->d.nodes.all; at != NULL; at = at->next)
        n++;
    return n;
}

TEST(one_name_is_one_node_as_long_as_it_leads_to_the_same)
{
    Rig g;
    rig_begin(&g, "/d/x=1 /d/y=2 /e/");
    FuseNode *d = look(&g, root(&g), "d"), *x = look(&g, d, "x");
    PTR_EQ(look(&g, d, "x"), x);
    TRUE(look(&g, d, "y") != x);
    TRUE(look(&g, d, "z") == NULL);
    /* Another file in its place is another node, and so are other rights. */
    OK(world_write(&g.w, "/task/1/ns/ctl", "bind /d/y /d/x\n"));
    FuseNode *bound = look(&g, d, "x");
    TRUE(bound != x);
    OK(world_write(&g.w, "/task/1/ns/ctl", "unbind /d/x\n"));
    OK(world_write(&g.w, "/task/1/ns/ctl", "bind -r /d/y /d/y\n"));
    FuseNode *readonly = look(&g, d, "y");
    TRUE(readonly->rights != 0);
    PTR_EQ(look(&g, d, "y"), readonly);
    /* One file by two names is two nodes of one number. */
    OK(world_write(&g.w, "/task/1/ns/ctl", "bind /d /e\n"));
    FuseNode *e = look(&g, root(&g), "e");
    TRUE(e != d);
    EQ(fuse_number(e->dev, e->space, e->id), fuse_number(d->dev, d->space, d->id));
    EQ(node_depth(&g.d, root(&g)), 0);
    EQ(node_depth(&g.d, x), 2);
    rig_end(&g);
}

TEST(what_may_wait_is_a_node_of_its_own_each_time)
{
    Rig g;
    rig_begin(&g, "/x=1");
    FuseNode *task = look(&g, root(&g), "task"), *one = look(&g, task, "1");
    PTR_EQ(look(&g, task, "1"), one);
    FuseNode *ctl = look(&g, one, "ctl");
    TRUE(look(&g, one, "ctl") != ctl);
    FuseNode *fd = look(&g, one, "fd");
    TRUE(look(&g, fd, "0") != look(&g, fd, "0"));
    FuseNode *dev = look(&g, root(&g), "dev");
    TRUE(look(&g, dev, "null") != look(&g, dev, "null"));
    rig_end(&g);
}

TEST(what_linux_has_forgotten_is_gone)
{
    Rig g;
    rig_begin(&g, "/d/e/f=1");
    EQ(count(&g), 1);
    FuseNode *d = look(&g, root(&g), "d"), *e = look(&g, d, "e"), *f = look(&g, e, "f");
    look(&g, d, "e");
    EQ(count(&g), 4);
    /* A directory stays as long as something below it is known. */
    node_forget(&g.d, d, 1);
    node_forget(&g.d, e, 2);
    EQ(count(&g), 4);
    PTR_EQ(look(&g, root(&g), "d"), d);         /* and is the same again meanwhile */
    node_forget(&g.d, d, 1);
    node_forget(&g.d, f, 1);
    EQ(count(&g), 1);
    node_forget(&g.d, root(&g), 1);
    EQ(count(&g), 1);
    rig_end(&g);
}

TEST(a_node_stays_until_it_is_forgotten_as_often_as_it_was_found)
{
    Rig g;
    rig_begin(&g, "/d/x=1");
    FuseNode *d = look(&g, root(&g), "d");
    PTR_EQ(look(&g, root(&g), "d"), d);
    node_forget(&g.d, d, 1);
    EQ(count(&g), 2);
    /* Forgotten, kept by what is below it, and found once more: then the child is not what keeps it. */
    FuseNode *x = look(&g, d, "x");
    node_forget(&g.d, d, 1);
    EQ(count(&g), 3);
    PTR_EQ(look(&g, root(&g), "d"), d);
    node_forget(&g.d, x, 1);
    EQ(count(&g), 2);
    node_forget(&g.d, d, 1);
    EQ(count(&g), 1);
    rig_end(&g);
}

TEST(what_was_moved_keeps_its_new_directory_and_not_the_old_one)
{
    Rig g;
    rig_begin(&g, "/d/x=1 /e/");
    FuseNode *d = look(&g, root(&g), "d"), *e = look(&g, root(&g), "e"), *x = look(&g, d, "x");
    node_moved(&g.d, d, "x", e, "x");
    node_forget(&g.d, d, 1);
    EQ(count(&g), 3);
    node_forget(&g.d, e, 1);
    EQ(count(&g), 3);
    node_forget(&g.d, x, 1);
    EQ(count(&g), 1);
    rig_end(&g);
}

TEST(a_name_that_is_gone_or_moved)
{
    Rig g;
    const char *path = NULL;
    rig_begin(&g, "/d/x=1 /d/y=2 /e/");
    FuseNode *d = look(&g, root(&g), "d"), *e = look(&g, root(&g), "e");
    FuseNode *x = look(&g, d, "x"), *y = look(&g, d, "y");
    Call *c = &g.r.call;
    Chan *from = NULL, *to = NULL;
    int r;
    CALL_RUN(c, r, node_place(&g.r, d, &from));
    OK(r);
    CALL_RUN(c, r, node_place(&g.r, e, &to));
    OK(r);
    CALL_RUN(c, r, chan_rename(c, from, "x", to, "z"));
    OK(r);
    node_moved(&g.d, d, "x", e, "z");
    PTR_EQ(look(&g, e, "z"), x);
    EQ(node_depth(&g.d, x), 2);
    OK(place(&g, x, &path));
    STR_EQ(path, "/e/z");
    /* Over a name that is known: that one is gone. */
    CALL_RUN(c, r, chan_rename(c, from, "y", to, "z"));
    OK(r);
    node_moved(&g.d, d, "y", e, "z");
    PTR_EQ(look(&g, e, "z"), y);
    CALL_RUN(c, r, chan_unlink(c, to, "z", false));
    OK(r);
    node_gone(&g.d, e, "z");
    OK(world_write(&g.w, "/e/z", "new"));
    TRUE(look(&g, e, "z") != y);
    node_gone(&g.d, e, "nothing");
    node_moved(&g.d, e, "nothing", d, "here");
    node_forget(&g.d, x, 2);
    chan_put(from);
    chan_put(to);
    rig_end(&g);
}

TEST(an_idle_place_is_put_away_and_walked_to_again)
{
    Rig g;
    const char *path = NULL;
    rig_begin(&g, "/d/e/f=1 /d/e/g=2");
    FuseNode *d = look(&g, root(&g), "d"), *e = look(&g, d, "e"), *f = look(&g, e, "f"), *h = look(&g, e, "g");
    nodes_sweep_once(&g.d.nodes);
    TRUE(f->chan != NULL);                      /* it was used a moment ago */
    idle(&g);
    TRUE(d->chan == NULL && e->chan == NULL && f->chan == NULL);
    TRUE(!nodes_sweep_once(&g.d.nodes));
    OK(place(&g, f, &path));
    STR_EQ(path, "/d/e/f");
    TRUE(d->chan != NULL && e->chan != NULL && f->chan != NULL && h->chan == NULL);
    idle(&g);
    PTR_EQ(look(&g, e, "f"), f);                /* a lookup warms it as well */
    TRUE(f->chan != NULL);
    idle(&g);
    OK(world_write(&g.w, "/task/1/ns/ctl", "hide /d/e/f\n"));
    EQ(place(&g, f, &path), -ESTALE);
    OK(world_write(&g.w, "/task/1/ns/ctl", "bind /d/e/g /d/e/f\n"));
    EQ(place(&g, f, &path), -ESTALE);           /* there is something, but another file */
    OK(place(&g, h, &path));
    rig_end(&g);
}

TEST(an_open_file_keeps_its_place)
{
    Rig g;
    const char *path = NULL;
    rig_begin(&g, "/d/f=1");
    FuseNode *d = look(&g, root(&g), "d"), *f = look(&g, d, "f");
    Chan *at = NULL;
    int r;
    CALL_RUN(&g.r.call, r, node_place(&g.r, f, &at));
    OK(r);
    idle(&g);
    TRUE(f->chan == NULL);
    node_pin(&g.d, f, at);
    chan_put(at);
    OK(world_write(&g.w, "/task/1/ns/ctl", "hide /d/f\n"));
    idle(&g);
    TRUE(f->chan != NULL && d->chan == NULL);
    OK(place(&g, f, &path));
    node_unpin(&g.d, f);
    idle(&g);
    EQ(place(&g, f, &path), -ESTALE);
    rig_end(&g);
}

TEST(many_names_are_all_found)
{
    enum { MANY = 3000 };
    static FuseNode *n[MANY];
    Rig g;
    char name[32];
    rig_begin(&g, "/d/");
    FuseNode *d = look(&g, root(&g), "d");
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "/d/%d", i);
        OK(world_write(&g.w, name, ""));
        n[i] = look(&g, d, name + 3);
    }
    for (int i = 0; i < MANY; i += 2)
        node_forget(&g.d, n[i], 1);
    for (int i = 1; i < MANY; i += 2) {
        snprintf(name, sizeof name, "%d", i);
        PTR_EQ(look(&g, d, name), n[i]);
    }
    EQ(count(&g), MANY / 2 + 2);
    idle(&g);
    for (FuseNode *at = g.d.nodes.all; at != NULL; at = at->next)
        TRUE((at->chan == NULL) == (at != root(&g)));
    rig_end(&g);
}

TEST(a_failed_allocation_loses_nothing)
{
    Rig g;
    Chan *at = NULL, *ch = NULL;
    rig_begin(&g, "/d/f=1");
    FuseNode *d = look(&g, root(&g), "d"), *f = look(&g, d, "f");
    idle(&g);
    Call *c = &g.r.call;
    int r;
    for (unsigned i = 1; i < 60; i++) {
        mem_fail_at(i);
        CALL_RUN(c, r, node_place(&g.r, f, &at));
        bool ended = mem_fail_pending();
        mem_fail_at(0);
        if (r == 0) {
            chan_put(at);
            idle(&g);
        } else {
            EQ(r, -ENOMEM);
        }
        if (ended)
            break;
    }
    CALL_RUN(c, r, node_place(&g.r, d, &at));
    OK(r);
    for (unsigned i = 1;; i++) {
        CALL_RUN(c, r, walk_one(c, at, "f", &ch));
        OK(r);
        node_gone(&g.d, d, "f");                /* so that each is a new one */
        mem_fail_at(i);
        FuseNode *n = node_enter(&g.d, d, "f", ch);
        bool ended = mem_fail_pending();
        mem_fail_at(0);
        TRUE(n != NULL || !ended);
        if (ended)
            break;
    }
    chan_put(at);
    rig_end(&g);
}
