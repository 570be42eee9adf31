/* SPDX-License-Identifier: MIT */
/*
 * Listings. A directory of which the namespace says nothing is listed by its device, entry by entry. Else a DirList is
 * collected: names of the namespace first, then each member's files in order; the first to have a name wins.
 *
 * "." and ".." have the cookies 1 and 2; a device's cookies are moved up by two, those of a list are positions in it.
 */
#include "kern/union.h"

#include <string.h>

#include "kern/chan.h"
#include "kern/nsnode.h"
#include "kern/synth.h"
#include "kern/task.h"
#include "kern/walk.h"

enum { COOKIE_SHIFT = 2 };

typedef struct ListEntry {
    const Dev *dev;
    uint64_t space, id, ino;
    size_t name;                    /* offset in names */
    uint16_t type;
    bool shown;                     /* a hidden name takes its place in the table, and is not shown */
} ListEntry;

struct DirList {
    ListEntry *entry;
    size_t n, room;
    char *names;
    size_t names_len, names_room;
    uint32_t *table;                /* index + 1 by hash of the name; a power of two in size */
    size_t table_size;
    uint64_t seed;                  /* whoever chooses the names does not choose where they stand */
};

static DirList no_list;             /* the directory is listed by its device; never changes */

void dirlist_free(DirList *l)
{
    if (l == NULL || l == &no_list)
        return;
    mem_free(l->entry);
    mem_free(l->names);
    mem_free(l->table);
    mem_free(l);
}

/* ---- collecting --------------------------------------------------------------------------------------------------- */

static uint32_t *slot_for(DirList *l, const char *name)
{
    size_t at = hash_seeded(name, strlen(name), l->seed) & (l->table_size - 1);
    while (l->table[at] != 0 && strcmp(l->names + l->entry[l->table[at] - 1].name, name) != 0)
        at = (at + 1) & (l->table_size - 1);
    return &l->table[at];
}

static int grow_table(DirList *l)
{
    size_t size = l->table_size == 0 ? 64 : 2 * l->table_size;
    uint32_t *old = l->table, *more = mem_alloc(size * sizeof *more);
    if (more == NULL)
        return -ENOMEM;
    l->table = more;
    l->table_size = size;
    for (size_t i = 0; i < l->n; i++)
        *slot_for(l, l->names + l->entry[i].name) = (uint32_t)i + 1;
    mem_free(old);
    return 0;
}

static int make_room(DirList *l, size_t name_len)
{
    if (2 * (l->n + 1) > l->table_size) {
        int r = grow_table(l);
        if (r < 0)
            return r;
    }
    if (l->n == l->room) {
        size_t room = l->room == 0 ? 32 : 2 * l->room;
        ListEntry *more = mem_resize(l->entry, room * sizeof *more);
        if (more == NULL)
            return -ENOMEM;
        l->entry = more;
        l->room = room;
    }
    if (l->names_len + name_len + 1 > l->names_room) {
        size_t room = 2 * l->names_room + name_len + 256;
        char *more = mem_resize(l->names, room);
        if (more == NULL)
            return -ENOMEM;
        l->names = more;
        l->names_room = room;
    }
    return 0;
}

/* The first to have a name wins. */
static int add(DirList *l, const char *name, const ListEntry *e)
{
    size_t n = strlen(name);
    int r = make_room(l, n);
    if (r < 0)
        return r;
    uint32_t *slot = slot_for(l, name);
    if (*slot != 0)
        return 0;
    l->entry[l->n] = *e;
    l->entry[l->n].name = l->names_len;
    memcpy(l->names + l->names_len, name, n + 1);
    l->names_len += n + 1;
    *slot = (uint32_t)++l->n;
    return 0;
}

typedef struct Collect {
    Call *c;
    const NsRoot *root;
    DirList *list;
    const File *dir;                /* whose names are being added */
    size_t first;                   /* entries from here on are of this directory, not of members before it */
    bool passes;                    /* names that only lead to others, not what is bound or hidden */
} Collect;

/* A name that only leads to others: a directory, also where others have put a file meanwhile. */
static int add_pass(Collect *k, const NsNode *kid)
{
    uint64_t id = made_id(k->dir, kid);
    ListEntry e = { .shown = !root_hides(k->root, &synth_dev, 0, id), .dev = &synth_dev, .type = TYPE_DIR };
    e.ino = e.id = id;
    int r = make_room(k->list, kid->name_len);
    if (r < 0)
        return r;
    uint32_t *slot = slot_for(k->list, kid->name);
    if (*slot == 0)
        return add(k->list, kid->name, &e);
    ListEntry *there = &k->list->entry[*slot - 1];
    if (*slot > k->first && there->shown && there->type != TYPE_DIR) {
        e.name = there->name;
        *there = e;
    }
    return 0;
}

static int add_kid(void *arg, MapItem *item)
{
    Collect *k = arg;
    const NsNode *kid = (const NsNode *)item;
    if ((kid->state == NODE_PASS) != k->passes)
        return 0;
    if (k->passes)
        return add_pass(k, kid);
    ListEntry e = { 0 };
    const File *f = kid->state == NODE_BOUND ? node_file(k->root, kid) : NULL;
    if (f != NULL) {
        e = (ListEntry){ .shown = true, .dev = f->dev, .type = f->type, .ino = f->id, .space = f->space, .id = f->id };
    }
    return add(k->list, kid->name, &e);
}

static int add_kids(Collect *k, const File *dir, const NsNode *node, bool passes, size_t first)
{
    k->dir = dir;
    k->first = first;
    k->passes = passes;
    return node == NULL ? 0 : map_each(node->kids, add_kid, k);
}

typedef struct Layer {
    Collect *k;
    Chan *dir;
} Layer;

static int add_dirent(void *arg, const Dirent *d)
{
    Layer *l = arg;
    const Dev *dev = l->dir->file->dev;
    bool shown = !root_hides(l->k->root, dev, d->space, d->id);
    ListEntry e = { .shown = shown, .dev = dev, .type = d->type, .ino = d->ino, .space = d->space, .id = d->id };
    return add(l->k->list, d->name, &e);
}

/* One member's file: opened, read to its end, closed. Each try of the call reads it whole. */
static int add_layer(Collect *k, File *file)
{
    if (file->dev->readdir == NULL)
        return 0;
    AUTO_CHAN Chan *closed = chan_new(k->c, file_get(file), NULL);
    AUTO_CHAN Chan *dir = NULL;
    if (closed == NULL)
        return -ENOMEM;
    int r = chan_open(k->c, closed, OPEN_READ | OPEN_DIRECTORY, &dir);
    if (r < 0)
        return r;
    Layer l = { .k = k, .dir = dir };
    return file->dev->readdir(k->c, dir, 0, add_dirent, &l);
}

/* In the order in which a name is looked up (nslook.c): what a node binds or hides, its members, and the names that lead to others. */
static int collect_in(Collect *k, File *file, const NsNode *own, const NsNode *inner)
{
    size_t first = k->list->n;
    int r = add_kids(k, file, own, false, first);
    if (r < 0)
        return r;
    if (node_is(own, NODE_BOUND)) {
        for (unsigned i = 0; i < own->nmember && r >= 0; i++) {
            AUTO_FILE *f = NULL;
            r = member_file(k->c, k->root, &own->member[i], &f);
            if (r == 0)
                r = collect_in(k, f, own->member[i].inner, NULL);
            else if (r == -ENOENT)
                r = 0;
        }
    } else {
        r = inner != NULL ? collect_in(k, file, inner, NULL) : add_layer(k, file);
    }
    return r < 0 || own == NULL || own->mask ? r : add_kids(k, file, own, true, first);
}

static int collect(Call *c, const NsRoot *root, const Spot *dir, DirList **out)
{
    DirList *l = mem_alloc(sizeof *l);
    if (l == NULL)
        return -ENOMEM;
    random_bytes(&l->seed, sizeof l->seed);
    Collect k = { .c = c, .root = root, .list = l };
    int r = collect_in(&k, dir->file, dir->own, dir->inner);
    if (r < 0) {
        dirlist_free(l);
        return r;
    }
    *out = l;
    return 0;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

/* True when the namespace has a word on what is in this directory. */
static bool has_word(const NsNode *own, const NsNode *inner)
{
    if (inner != NULL)
        return true;
    if (own == NULL)
        return false;
    return own->kids != NULL || own->nmember > 1 || (own->nmember == 1 && own->member[0].inner != NULL);
}

/* Makes the listing that is to be kept with dir, if the namespace has a word there. */
static int make_list(Call *c, Ns *ns, Chan *dir)
{
    AUTO_CHAN Chan *fresh = NULL;
    DirList *l = &no_list;
    uint64_t version;
    int r = walk_refresh(c, ns, dir, &fresh);
    if (r < 0)
        return r;
    const Chan *now = fresh != NULL ? fresh : dir;
    if (has_word(now->own, now->inner)) {
        Spot s = { .file = dir->file, .own = now->own, .inner = now->inner };
        NsRoot *root = ns_root(ns, &version);
        r = collect(c, root, &s, &l);
        nsobj_put(&root->obj);
    }
    if (r < 0)
        return r;
    mutex_lock(&dir->lock);
    DirList *old = dir->list;
    dir->list = l;
    mutex_unlock(&dir->lock);
    dirlist_free(old);
    return 0;
}

/* Copies the i-th shown entry at or behind position *at out of the list. 1, or 0 at the end. */
static int list_entry(Chan *dir, uint64_t *at, ListEntry *e, char *name)
{
    int r = 0;
    mutex_lock(&dir->lock);
    DirList *l = dir->list;
    while (l != NULL && *at < l->n && !l->entry[*at].shown)
        ++*at;
    if (l != NULL && *at < l->n) {
        *e = l->entry[*at];
        strcpy(name, l->names + e->name);
        r = 1;
    }
    mutex_unlock(&dir->lock);
    return r;
}

static int read_list(Chan *dir, uint64_t at, DirFn *fn, void *arg)
{
    ListEntry e = { 0 };
    char name[NAME_MAX_LEN + 1];
    for (; list_entry(dir, &at, &e, name) == 1; at++) {
        Dirent d = { .name = name,
                     .dev = e.dev,
                     .space = e.space,
                     .id = e.id,
                     .ino = e.ino,
                     .type = e.type,
                     .next = at + 1 + COOKIE_SHIFT };
        int r = fn(arg, &d);
        if (r != 0)
            return r < 0 ? r : 0;
    }
    return 0;
}

/* The device's own listing, moved up by the shift and without what is hidden by identity. */
typedef struct Direct {
    const NsRoot *root;
    const Dev *dev;
    DirFn *fn;
    void *arg;
} Direct;

static int direct_entry(void *arg, const Dirent *d)
{
    Direct *x = arg;
    if (root_hides(x->root, x->dev, d->space, d->id))
        return 0;
    Dirent moved = *d;
    moved.dev = x->dev;
    moved.next += COOKIE_SHIFT;
    return x->fn(x->arg, &moved);
}

/* Returns 1 when the caller has no room, 0 to go on behind the dots. */
static int dots(Call *c, Chan *dir, uint64_t *cookie, DirFn *fn, void *arg)
{
    Attr a;
    int r = chan_getattr(c, dir, &a);
    for (; r == 0 && *cookie < COOKIE_SHIFT; ++*cookie) {
        Dirent d = { .name = *cookie == 0 ? "." : "..",
                     .dev = dir->file->dev,
                     .ino = a.ino,
                     .id = dir->file->id,
                     .space = dir->file->space,
                     .type = TYPE_DIR,
                     .next = *cookie + 1 };
        r = fn(arg, &d);
    }
    return r;
}

int chan_readdir(Call *c, Chan *dir, uint64_t cookie, DirFn *fn, void *arg)
{
    if (!file_is_dir(dir->file))
        return -ENOTDIR;
    if (!dir->open)
        return -EBADF;
    Ns *ns = walk_at(c, dir).ns;
    if (ns == NULL)
        return -ESRCH;
    int r = 0;
    mutex_lock(&dir->lock);
    bool made = dir->list != NULL;
    mutex_unlock(&dir->lock);
    if (cookie == 0 || !made)
        r = make_list(c, ns, dir);
    if (r == 0)
        r = dots(c, dir, &cookie, fn, arg);
    if (r != 0)
        return r < 0 ? r : 0;
    mutex_lock(&dir->lock);
    bool listed = dir->list != &no_list;
    mutex_unlock(&dir->lock);
    if (listed)
        return read_list(dir, cookie - COOKIE_SHIFT, fn, arg);
    const Dev *dev = dir->file->dev;
    if (dev->readdir == NULL)
        return 0;
    uint64_t version;
    NsRoot *root = ns_root(ns, &version);
    Direct x = { .root = root, .dev = dev, .fn = fn, .arg = arg };
    r = dev->readdir(c, dir, cookie - COOKIE_SHIFT, direct_entry, &x);
    nsobj_put(&root->obj);
    return r > 0 ? 0 : r;
}
