/* SPDX-License-Identifier: MIT */
/*
 * Nodes: the names that Linux knows. They are found by (directory, name), and kept until Linux has forgotten them as often as
 * it looked them up and nothing below them is known any more. Places are put, and memory is freed, with no lock held.
 *
 * A directory that was renamed stays the same node under its new name, so that who works in it goes on. The places of what is
 * below it are right again as soon as they are looked up, and until then lead to the same files: a place holds its file.
 *
 * Before Linux uses a name it looks it up again, and so gives it a place again that was put away; only who has a directory as his
 * own, or an open file, goes without: node_place walks there, the open file is pinned.
 */
#include "door/fuse_door.h"

#include <string.h>

#include "kern/path.h"

enum { BUCKETS_FIRST = 256 };

/* What n must lead to, to be what it is. */
static void identify(FuseNode *n, const Chan *ch)
{
    n->dev = ch->file->dev;
    n->space = ch->file->space;
    n->id = ch->file->id;
    n->rights = ch->flags;
}

int nodes_init(FuseNodes *t, Chan *root)
{
    *t = (FuseNodes){ .buckets = BUCKETS_FIRST };
    mutex_init(&t->lock, RANK_LEAF);
    t->bucket = mem_alloc(t->buckets * sizeof *t->bucket);
    t->root = mem_alloc(sizeof *t->root);
    if (t->bucket == NULL || t->root == NULL) {
        mem_free(t->bucket);
        mem_free(t->root);
        chan_put(root);
        return -ENOMEM;
    }
    *t->root = (FuseNode){ .chan = root, .lookups = 1, .refs = 1, .pins = 1 };
    identify(t->root, root);
    t->all = t->root;
    return 0;
}

static void node_free(FuseNode *n)
{
    chan_put(n->chan);
    mem_free(n->name);
    mem_free(n);
}

void nodes_free(FuseNodes *t)
{
    while (t->all != NULL) {
        FuseNode *n = t->all;
        t->all = n->next;
        node_free(n);
    }
    mem_free(t->bucket);
    mutex_destroy(&t->lock);
}

FuseNode *node_of(FuseDoor *d, fuse_ino_t ino)
{
    return ino == FUSE_ROOT_ID ? d->nodes.root : (FuseNode *)(uintptr_t)ino;
}

fuse_ino_t node_ino(const FuseDoor *d, const FuseNode *n)
{
    return n == d->nodes.root ? FUSE_ROOT_ID : (uintptr_t)n;
}

unsigned node_depth(FuseDoor *d, const FuseNode *n)
{
    unsigned depth = 0;
    mutex_lock(&d->nodes.lock);
    for (; n->parent != NULL; n = n->parent)
        depth++;
    mutex_unlock(&d->nodes.lock);
    return depth;
}

uint64_t node_number_above(FuseDoor *d, const FuseNode *n)
{
    mutex_lock(&d->nodes.lock);
    const FuseNode *p = n->parent != NULL ? n->parent : n;
    uint64_t number = fuse_number(p->dev, p->space, p->id);
    mutex_unlock(&d->nodes.lock);
    return number;
}

/* ---- the table ------------------------------------------------------------------------------------------------------- */

static uint32_t hash_of(const FuseNode *dir, const char *name)
{
    uint64_t h = (uintptr_t)dir / 16 * UINT64_C(0x9e3779b97f4a7c15);
    for (; *name != '\0'; name++)
        h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return (uint32_t)(h ^ h >> 32);
}

/* The link that points to the node, or to NULL. */
static FuseNode **slot_locked(FuseNodes *t, const FuseNode *dir, const char *name, uint32_t hash)
{
    assert_held(&t->lock);
    FuseNode **at = &t->bucket[hash & (t->buckets - 1)];
    while (*at != NULL && ((*at)->hash != hash || (*at)->parent != dir || strcmp((*at)->name, name) != 0))
        at = &(*at)->chain;
    return at;
}

static void hide_locked(FuseNodes *t, FuseNode *n)
{
    if (!n->found)
        return;
    FuseNode **at = &t->bucket[n->hash & (t->buckets - 1)];
    while (*at != n)
        at = &(*at)->chain;
    *at = n->chain;
    n->chain = NULL;
    n->found = false;
    t->count--;
}

/* A larger table where it is time and memory allows; a smaller one only makes lookups slower. */
static void grow_locked(FuseNodes *t)
{
    if (t->count < t->buckets)
        return;
    FuseNode **more = mem_alloc(4 * t->buckets * sizeof *more);
    if (more == NULL)
        return;
    for (size_t i = 0; i < t->buckets; i++)
        while (t->bucket[i] != NULL) {
            FuseNode *n = t->bucket[i];
            t->bucket[i] = n->chain;
            n->chain = more[n->hash & (4 * t->buckets - 1)];
            more[n->hash & (4 * t->buckets - 1)] = n;
        }
    mem_free(t->bucket);
    t->bucket = more;
    t->buckets *= 4;
}

static void show_locked(FuseNodes *t, FuseNode *n)
{
    grow_locked(t);
    n->hash = hash_of(n->parent, n->name);
    FuseNode **head = &t->bucket[n->hash & (t->buckets - 1)];
    n->chain = *head;
    *head = n;
    n->found = true;
    t->count++;
}

static void list_locked(FuseNodes *t, FuseNode *n)
{
    n->next = t->all;
    t->all->prev = n;               /* the root is always there */
    t->all = n;
}

/* ---- places: warm, or put away --------------------------------------------------------------------------------------- */

static void warm_in_locked(FuseNodes *t, FuseNode *n)
{
    n->warm_prev = NULL;
    n->warm_next = t->warm;
    if (t->warm != NULL)
        t->warm->warm_prev = n;
    else
        t->warm_last = n;
    t->warm = n;
}

static void warm_out_locked(FuseNodes *t, FuseNode *n)
{
    if (n->warm_prev != NULL)
        n->warm_prev->warm_next = n->warm_next;
    else
        t->warm = n->warm_next;
    if (n->warm_next != NULL)
        n->warm_next->warm_prev = n->warm_prev;
    else
        t->warm_last = n->warm_prev;
}

/* n's place is from now on ch, which is taken. Returns what is to be put. */
static Chan *give_place_locked(FuseNodes *t, FuseNode *n, Chan *ch)
{
    Chan *old = n->chan;
    n->chan = ch;
    n->used = t->turn;
    if (old == NULL && n != t->root) {
        if (t->warm == NULL) {
            atomic_fetch_add(&t->woken, 1);
            word_wake(&t->woken, false);
        }
        warm_in_locked(t, n);
    }
    return old;
}

enum { SWEPT = 128, IDLE = 1000000000 };    /* places put away under one lock; a turn, in nanoseconds */

/* At most `looks` of the least used: those used in this turn or the last stay. Returns how many of chans are to be put. */
static unsigned sweep_locked(FuseNodes *t, unsigned *looks, Chan **chans)
{
    unsigned n = 0;
    for (; *looks > 0 && n < SWEPT && t->warm_last != NULL; --*looks) {
        FuseNode *last = t->warm_last;
        warm_out_locked(t, last);
        if (last->pins > 0 || t->turn - last->used < 2) {
            warm_in_locked(t, last);
        } else {
            chans[n++] = last->chan;
            last->chan = NULL;
        }
    }
    return n;
}

bool nodes_sweep_once(FuseNodes *t)
{
    Chan *chans[SWEPT];
    unsigned looks = 0, n;
    mutex_lock(&t->lock);
    t->turn++;
    for (FuseNode *w = t->warm; w != NULL; w = w->warm_next)
        looks++;
    bool any = looks > 0;
    do {
        n = sweep_locked(t, &looks, chans);
        mutex_unlock(&t->lock);
        for (unsigned i = 0; i < n; i++)
            chan_put(chans[i]);
        mutex_lock(&t->lock);
    } while (n > 0 && looks > 0);
    mutex_unlock(&t->lock);
    return any;
}

void nodes_sweep(FuseNodes *t)
{
    for (bool any = false;;) {
        mutex_lock(&t->lock);
        unsigned woken = atomic_load(&t->woken);
        bool over = t->over;
        any = t->warm != NULL;
        mutex_unlock(&t->lock);
        if (over)
            return;
        /* Woken by the first that is warm, or by the end; with something warm only the end is looked for. */
        if (!any)
            word_wait(&t->woken, woken, 0);
        else if (word_wait(&t->woken, woken, clock_now(CLOCK_MONO) + IDLE) == -ETIMEDOUT)
            nodes_sweep_once(t);
    }
}

void nodes_sweep_over(FuseNodes *t)
{
    mutex_lock(&t->lock);
    t->over = true;
    atomic_fetch_add(&t->woken, 1);
    mutex_unlock(&t->lock);
    word_wake(&t->woken, true);
}

/* ---- the end of a node ------------------------------------------------------------------------------------------------- */

/* Nobody has n any more. It, and then what it was the last to have, is put on *dead. */
static void drop_locked(FuseNodes *t, FuseNode *n, FuseNode **dead)
{
    while (n != NULL && --n->refs == 0) {
        FuseNode *parent = n->parent;
        hide_locked(t, n);
        if (n->chan != NULL)
            warm_out_locked(t, n);
        if (n->prev != NULL)
            n->prev->next = n->next;
        else
            t->all = n->next;
        if (n->next != NULL)
            n->next->prev = n->prev;
        n->chain = *dead;
        *dead = n;
        n = parent;
    }
}

static void free_dead(FuseNode *dead)
{
    while (dead != NULL) {
        FuseNode *n = dead;
        dead = n->chain;
        node_free(n);
    }
}

/* ---- what Linux looks up and forgets ------------------------------------------------------------------------------- */

/* Through this name Linux would go on to the same file with the same rights. */
static bool leads_to(const FuseNode *n, const Chan *ch)
{
    return n->dev == ch->file->dev && n->space == ch->file->space && n->id == ch->file->id && n->rights == ch->flags;
}

/* The node of the name, one lookup more; its place is from now on ch, *old what is to be put. Or NULL. */
static FuseNode *again_locked(FuseNodes *t, FuseNode *dir, const char *name, uint32_t hash, Chan *ch, Chan **old)
{
    FuseNode *n = *slot_locked(t, dir, name, hash);
    if (n == NULL)
        return NULL;
    if (!leads_to(n, ch)) {
        hide_locked(t, n);
        return NULL;
    }
    if (n->lookups++ == 0)
        n->refs++;
    *old = give_place_locked(t, n, ch);
    return n;
}

static FuseNode *node_new(FuseNode *dir, const char *name, Chan *ch)
{
    FuseNode *n = mem_alloc(sizeof *n);
    char *copy = mem_dup(name, strlen(name));
    if (n == NULL || copy == NULL) {
        mem_free(n);
        mem_free(copy);
        return NULL;
    }
    *n = (FuseNode){ .parent = dir, .name = copy, .lookups = 1, .refs = 1 };
    identify(n, ch);
    return n;
}

FuseNode *node_enter(FuseDoor *d, FuseNode *dir, const char *name, Chan *ch)
{
    FuseNodes *t = &d->nodes;
    bool alone = fuse_waits(ch->file);
    uint32_t hash = alone ? 0 : hash_of(dir, name);
    Chan *old = NULL;
    FuseNode *n = NULL;
    if (!alone) {
        mutex_lock(&t->lock);
        n = again_locked(t, dir, name, hash, ch, &old);
        mutex_unlock(&t->lock);
    }
    if (n == NULL) {
        FuseNode *fresh = node_new(dir, name, ch);
        if (fresh == NULL) {
            chan_put(ch);
            return NULL;
        }
        mutex_lock(&t->lock);
        n = alone ? NULL : again_locked(t, dir, name, hash, ch, &old);
        if (n == NULL) {
            n = fresh;
            dir->refs++;
            list_locked(t, n);
            old = give_place_locked(t, n, ch);
            if (!alone)
                show_locked(t, n);
        }
        mutex_unlock(&t->lock);
        if (n != fresh)
            node_free(fresh);
    }
    chan_put(old);
    return n;
}

void node_forget(FuseDoor *d, FuseNode *n, uint64_t lookups)
{
    FuseNodes *t = &d->nodes;
    FuseNode *dead = NULL;
    if (n == t->root)
        return;
    mutex_lock(&t->lock);
    n->lookups -= lookups < n->lookups ? lookups : n->lookups;
    if (n->lookups == 0)
        drop_locked(t, n, &dead);
    mutex_unlock(&t->lock);
    free_dead(dead);
}

/* ---- places that are used ------------------------------------------------------------------------------------------------ */

/* Its place as it is, owned; or NULL, and then *parent is one reference more of its directory, and *name a copy, owned. */
static Chan *warm_place(FuseNodes *t, FuseNode *n, FuseNode **parent, char **name)
{
    mutex_lock(&t->lock);
    Chan *ch = n->chan != NULL ? chan_get(n->chan) : NULL;
    if (ch != NULL) {
        n->used = t->turn;
    } else {
        *parent = n->parent;
        n->parent->refs++;
        *name = mem_dup(n->name, strlen(n->name));
    }
    mutex_unlock(&t->lock);
    return ch;
}

static void put_parent(FuseNodes *t, FuseNode *parent)
{
    FuseNode *dead = NULL;
    mutex_lock(&t->lock);
    drop_locked(t, parent, &dead);
    mutex_unlock(&t->lock);
    free_dead(dead);
}

static int walk_again(FuseRequest *r, FuseNode *n, FuseNode *parent, const char *name, Chan **out)
{
    FuseNodes *t = &r->door->nodes;
    AUTO_CHAN Chan *dir = NULL;
    AUTO_CHAN Chan *ch = NULL;
    AUTO_CHAN Chan *old = NULL;
    int e = name == NULL ? -ENOMEM : node_place(r, parent, &dir);
    if (e == 0)
        e = walk_one(&r->call, dir, name, &ch);
    if (e == -ENOENT || e == -ENOTDIR || (e == 0 && !leads_to(n, ch)))
        e = -ESTALE;
    if (e < 0)
        return e;
    mutex_lock(&t->lock);
    old = give_place_locked(t, n, chan_get(ch));
    mutex_unlock(&t->lock);
    *out = STEAL(ch);
    return 0;
}

int node_place(FuseRequest *r, FuseNode *n, Chan **out)
{
    FuseNodes *t = &r->door->nodes;
    FuseNode *parent = NULL;
    AUTO_FREE char *name = NULL;
    *out = warm_place(t, n, &parent, &name);
    if (*out != NULL)
        return 0;
    int e = walk_again(r, n, parent, name, out);
    put_parent(t, parent);
    /* The next try may find the place warm, and its walks are counted from there: none of these is remembered. */
    walk_forget(&r->call);
    return e;
}

void node_pin(FuseDoor *d, FuseNode *n, Chan *place)
{
    FuseNodes *t = &d->nodes;
    Chan *old = NULL;
    mutex_lock(&t->lock);
    n->pins++;
    if (n->chan == NULL)
        old = give_place_locked(t, n, chan_get(place));
    mutex_unlock(&t->lock);
    chan_put(old);
}

void node_unpin(FuseDoor *d, FuseNode *n)
{
    FuseNodes *t = &d->nodes;
    mutex_lock(&t->lock);
    n->pins--;
    n->used = t->turn;
    mutex_unlock(&t->lock);
}

/* ---- names that change ----------------------------------------------------------------------------------------------- */

void node_gone(FuseDoor *d, FuseNode *dir, const char *name)
{
    FuseNodes *t = &d->nodes;
    mutex_lock(&t->lock);
    FuseNode *n = *slot_locked(t, dir, name, hash_of(dir, name));
    if (n != NULL)
        hide_locked(t, n);
    mutex_unlock(&t->lock);
}

void node_moved(FuseDoor *d, FuseNode *from, const char *name, FuseNode *to, const char *newname)
{
    FuseNodes *t = &d->nodes;
    FuseNode *dead = NULL;
    char *copy = mem_dup(newname, strlen(newname)), *old = copy;
    mutex_lock(&t->lock);
    FuseNode *n = *slot_locked(t, from, name, hash_of(from, name));
    FuseNode *there = *slot_locked(t, to, newname, hash_of(to, newname));
    if (n != NULL && n != there) {
        if (there != NULL)
            hide_locked(t, there);
        hide_locked(t, n);
        if (copy != NULL) {         /* else the next lookup makes another node of it */
            old = n->name;
            n->name = copy;
            n->parent = to;
            to->refs++;
            show_locked(t, n);
            drop_locked(t, from, &dead);
        }
    } else if (n == NULL && there != NULL) {
        hide_locked(t, there);
    }
    mutex_unlock(&t->lock);
    mem_free(old);
    free_dead(dead);
}
