/* SPDX-License-Identifier: MIT */
/*
 * What a namespace is made of, and looking a name up in it. Everything here is immutable and counted; there are no locks.
 */
#include "kern/nsnode.h"

#include <string.h>

#include "kern/boot.h"
#include "kern/chan.h"
#include "kern/count.h"
#include "kern/ns.h"
#include "kern/synth.h"

static const ObjectKind object_kind[] = {
    [NS_MAP] = OBJ_MAP, [NS_NODE] = OBJ_NSNODE, [NS_LINE] = OBJ_MAP, [NS_HIDDEN] = OBJ_MAP, [NS_ROOT] = OBJ_NSROOT,
};

void *nsobj_new(Account *a, NsKind kind, size_t size)
{
    NsObj *o = account_alloc(a, size);
    if (o == NULL)
        return NULL;
    ref_init(&o->ref);
    o->kind = kind;
    o->size = (uint32_t)size;
    o->account = a == NULL ? NULL : account_get(a);
    count_add(object_kind[kind], o);
    return o;
}

/* One reference less; the last one puts o on the list of what is to be freed. */
static void drop(NsObj *o, NsObj **dead)
{
    if (o == NULL || !ref_put(&o->ref))
        return;
    o->dead = *dead;
    *dead = o;
}

static void drop_map(Map *m, NsObj **dead)
{
    unsigned n = (unsigned)__builtin_popcount(m->nodes | m->items) + m->chained;
    for (unsigned i = 0; i < n; i++)
        drop(m->slot[i], dead);
}

static void drop_node(NsNode *n, NsObj **dead)
{
    for (unsigned i = 0; i < n->nmember; i++) {
        file_put(n->member[i].file);
        drop((NsObj *)n->member[i].inner, dead);
    }
    drop((NsObj *)n->kids, dead);
    drop((NsObj *)n->covered, dead);
}

static void drop_root(NsRoot *r, NsObj **dead)
{
    drop((NsObj *)r->top, dead);
    drop((NsObj *)r->hidden, dead);
    drop((NsObj *)r->lines, dead);
}

/* Trees may be deep and chains long: what dies is put on a list, never on the stack. */
void nsobj_put(NsObj *o)
{
    NsObj *dead = NULL;
    drop(o, &dead);
    while (dead != NULL) {
        o = dead;
        dead = o->dead;
        switch ((NsKind)o->kind) {
        case NS_MAP: drop_map((Map *)o, &dead); break;
        case NS_NODE: drop_node((NsNode *)o, &dead); break;
        case NS_ROOT: drop_root((NsRoot *)o, &dead); break;
        case NS_LINE: chan_put(((NsLogLine *)o)->src); break;
        case NS_HIDDEN: break;
        }
        Account *a = o->account;
        count_sub(object_kind[o->kind], o);
        account_free(a, o, o->size);
        if (a != NULL)
            account_put(a);
    }
}

bool node_same(const MapItem *item, const void *name) { return strcmp(((const NsNode *)item)->name, name) == 0; }

static bool hidden_same(const MapItem *item, const void *key)
{
    const NsHidden *h = (const NsHidden *)item, *k = key;
    return h->dev == k->dev && h->space == k->space && h->id == k->id;
}

bool root_hides(const NsRoot *r, const Dev *dev, uint64_t space, uint64_t id)
{
    if (r->hidden == NULL)
        return false;
    NsHidden key = { .dev = dev, .space = space, .id = id };
    return map_find(r->hidden, hash_u64(id ^ hash_u64(space)), hidden_same, &key) != NULL;
}

NsNode *node_new(Account *a, const char *name, NodeState state, Map *kids, const NsMember *m, unsigned n, unsigned more)
{
    size_t len = strlen(name);
    NsNode *node = nsobj_new(a, NS_NODE, sizeof *node + (n + more) * sizeof(NsMember) + len + 1);
    if (node == NULL)
        return NULL;
    node->item.hash = name_hash(name, len);
    node->state = state;
    node->nmember = (uint16_t)n;
    node->name_len = (uint16_t)len;
    node->member = (NsMember *)(node + 1);
    node->name = (char *)(node->member + n + more);
    memcpy(node->name, name, len + 1);
    node->kids = nsobj_get((NsObj *)kids);
    for (unsigned i = 0; i < n; i++) {
        node->member[i] = m[i];
        file_get(m[i].file);
        nsobj_get((NsObj *)m[i].inner);
    }
    return node;
}

int node_overlay(Account *a, File *file, NsNode *own, NsNode *inner, unsigned flags, NsNode **out)
{
    if (own == NULL || inner == NULL || own->state == NODE_BOUND) {     /* a bound node brings its members along */
        *out = nsobj_get((NsObj *)(own != NULL ? own : inner));
        return 0;
    }
    NsMember below = { .file = file, .inner = inner, .flags = flags & BIND_RDONLY };
    *out = node_new(a, own->name, NODE_BOUND, own->kids, &below, 1, 0);
    return *out == NULL ? -ENOMEM : 0;
}

void spot_drop(Spot *s)
{
    if (s->owned)
        file_put(s->file);
    s->owned = false;
    s->file = NULL;
}

void temps_free(Temps *t)
{
    for (size_t i = 0; i < t->n; i++)
        node_put(t->node[i]);
    mem_free(t->node);
    *t = (Temps){ 0 };
}

/* Takes n. */
static int temps_add(Temps *t, NsNode *n)
{
    NsNode **more = mem_resize(t->node, (t->n + 1) * sizeof *more);
    if (more == NULL) {
        node_put(n);
        return -ENOMEM;
    }
    t->node = more;
    t->node[t->n++] = n;
    return 0;
}

/* ---- looking up ------------------------------------------------------------------------------------------------- */

typedef struct Lookup {
    Call *c;
    const NsRoot *root;
    Temps *temps;
    const char *name;
    uint64_t hash;
    bool hidden;
} Lookup;

static int lookup_in(Lookup *l, const Spot *dir, Spot *out);

/* A file that stands for another one, by who looks (a view). */
static int resolve(Lookup *l, Spot *s)
{
    if ((s->file->flags & FILE_DYNAMIC) == 0)
        return 0;
    File *real = NULL;
    int r = s->file->dev->resolve(l->c, s->file, &real);
    if (r < 0)
        return r;
    spot_drop(s);
    s->file = real;
    s->owned = true;
    return 0;
}

/* What stands at a bound node: its first member decides what it is, all members what is in it. */
static int enter_bound(Lookup *l, NsNode *node, uint16_t flags, Spot *out)
{
    const NsMember *m = &node->member[0];
    *out = (Spot){ .file = m->file, .own = node, .flags = flags };
    if (node->nmember == 1 && (m->flags & BIND_RDONLY))
        out->flags |= CHAN_RDONLY;
    return resolve(l, out);
}

/* A file that stands for a place of another namespace: that place, with its names and its rights. Takes f. */
static int enter_place(Lookup *l, File *f, uint16_t flags, Spot *out)
{
    AUTO_CHAN Chan *ch = NULL;
    int r = f->dev->place(l->c, f, &ch);
    file_put(f);
    if (r < 0)
        return r;
    if (root_hides_file(l->root, ch->file)) {
        l->hidden = true;
        return -ENOENT;
    }
    if (ch->own != NULL)
        r = temps_add(l->temps, nsobj_get((NsObj *)ch->own));
    if (r == 0 && ch->inner != NULL)
        r = temps_add(l->temps, nsobj_get((NsObj *)ch->inner));
    if (r < 0)
        return r;
    *out = (Spot){ .file = file_get(ch->file), .owned = true, .own = ch->own, .inner = ch->inner,
                   .flags = (uint16_t)(flags | (ch->flags & CHAN_RDONLY)) };
    r = resolve(l, out);
    if (r < 0)
        spot_drop(out);
    return r;
}

/* One member: its inner names first, then its file. */
static int lookup_member(Lookup *l, File *file, NsNode *inner, uint16_t flags, Spot *out)
{
    if (inner != NULL) {
        Spot dir = { .file = file, .own = inner, .flags = flags };
        int r = lookup_in(l, &dir, out);
        if (r < 0)
            return r;
        /* What the inner tree calls its own is inner seen from here. */
        NsNode *both = NULL;
        r = node_overlay(call_account(l->c), out->file, out->own, out->inner, 0, &both);
        if (r == 0 && both != NULL && both != out->own && both != out->inner)
            r = temps_add(l->temps, both);
        else
            node_put(both);
        if (r < 0) {
            spot_drop(out);
            return r;
        }
        out->inner = both;
        out->own = NULL;
        out->flags |= flags;
        return 0;
    }
    if (!file_has_names(file))
        return -ENOTDIR;
    File *found = NULL;
    int r = file->dev->walk == NULL ? -ENOENT : file->dev->walk(l->c, file, l->name, &found);
    if (r < 0)
        return r;
    if ((found->flags & FILE_PLACE) != 0)
        return enter_place(l, found, flags, out);
    if (root_hides_file(l->root, found)) {
        file_put(found);
        l->hidden = true;
        return -ENOENT;
    }
    *out = (Spot){ .file = found, .owned = true, .flags = flags };
    return 0;
}

static uint16_t member_flags(uint16_t dir, const NsMember *m)
{
    uint16_t flags = dir & CHAN_RDONLY;
    return m->flags & BIND_RDONLY ? flags | CHAN_RDONLY : flags;
}

/* Member by member; the first that has the name. */
static int lookup_under(Lookup *l, const Spot *dir, Spot *out)
{
    if (dir->own == NULL || dir->own->state != NODE_BOUND)
        return lookup_member(l, dir->file, dir->inner, dir->flags & CHAN_RDONLY, out);
    const NsNode *node = dir->own;
    int r = -ENOENT;
    for (unsigned i = 0; i < node->nmember && r == -ENOENT && !l->hidden; i++) {
        Spot at = { .file = node->member[i].file, .flags = dir->flags };
        r = resolve(l, &at);
        if (r == 0)
            r = lookup_member(l, at.file, node->member[i].inner, member_flags(dir->flags, &node->member[i]), out);
        spot_drop(&at);
    }
    return r;
}

static int lookup_in(Lookup *l, const Spot *dir, Spot *out)
{
    NsNode *kid = node_kid(dir->own, l->name, l->hash);
    if (kid != NULL && kid->state == NODE_HIDDEN) {
        l->hidden = true;
        return -ENOENT;
    }
    if (kid != NULL && kid->state == NODE_BOUND) {
        int r = enter_bound(l, kid, 0, out);     /* made at this very name: its own flags count */
        if (r == 0 && root_hides_file(l->root, out->file)) {
            spot_drop(out);
            l->hidden = true;
            return -ENOENT;
        }
        return r;
    }
    int r = lookup_under(l, dir, out);
    if (kid == NULL)
        return r;
    if (r == -ENOENT && !l->hidden) {
        /* Only what is bound below makes this name. */
        File *made = synth_dir(kid->item.hash);
        if (made == NULL)
            return -ENOMEM;
        *out = (Spot){ .file = made, .owned = true };
        r = 0;
    }
    if (r == 0)
        out->own = kid;
    return r;
}

int spot_lookup(Call *c, const NsRoot *root, Temps *t, const Spot *dir, const char *name, Spot *out, bool *hidden)
{
    Lookup l = { .c = c, .root = root, .temps = t, .name = name };
    if (dir->own != NULL || dir->inner != NULL)
        l.hash = name_hash(name, strlen(name));
    int r = lookup_in(&l, dir, out);
    if (hidden != NULL)
        *hidden = l.hidden;
    return r;
}

int spot_root(Call *c, const NsRoot *root, Spot *out)
{
    Lookup l = { .c = c, .root = root };
    NsNode *top = root->top;
    int r = 0;
    if (top->state == NODE_BOUND) {
        r = enter_bound(&l, top, 0, out);
    } else {
        File *made = synth_dir(0);
        if (made == NULL)
            return -ENOMEM;
        *out = (Spot){ .file = made, .own = top, .owned = true };
    }
    out->flags |= CHAN_ROOT;
    return r;
}

/* The same question to a node and the inner trees of its members. */
static int bound_in(const NsNode *own, const NsNode *inner, const char *name, uint64_t hash)
{
    const NsNode *kid = node_kid(own, name, hash);
    if (kid != NULL)
        return kid->state == NODE_HIDDEN ? -ENOENT : 1;
    if (own == NULL || own->state != NODE_BOUND)
        return inner == NULL ? 0 : bound_in(inner, NULL, name, hash);
    for (unsigned i = 0; i < own->nmember; i++) {
        int r = own->member[i].inner == NULL ? 0 : bound_in(own->member[i].inner, NULL, name, hash);
        if (r != 0)
            return r;
    }
    return 0;
}

int spot_bound(const Spot *dir, const char *name)
{
    if (dir->own == NULL && dir->inner == NULL)
        return 0;
    return bound_in(dir->own, dir->inner, name, name_hash(name, strlen(name)));
}

/* ---- the members of a directory --------------------------------------------------------------------------------- */

static int layers_of(File *file, const NsNode *own, const NsNode *inner, bool rdonly, SpotFn *fn, void *arg)
{
    if (own == NULL || own->state != NODE_BOUND) {
        if (inner != NULL)
            return layers_of(file, inner, NULL, rdonly, fn, arg);
        return fn(arg, file, own, rdonly);
    }
    for (unsigned i = 0; i < own->nmember; i++) {
        const NsMember *m = &own->member[i];
        bool ro = rdonly || (m->flags & BIND_RDONLY) != 0;
        File *f = i == 0 ? file : m->file;          /* file is the first member's, resolved */
        int r = m->inner != NULL ? layers_of(f, m->inner, NULL, ro, fn, arg) : fn(arg, f, NULL, ro);
        if (r != 0)
            return r;
    }
    return 0;
}

int spot_each_layer(const Spot *dir, SpotFn *fn, void *arg)
{
    return layers_of(dir->file, dir->own, dir->inner, (dir->flags & CHAN_RDONLY) != 0, fn, arg);
}

/* A union that a member of a union grafts counts as one: where its members differ, its own -c decides. */
static int create_in(File *file, const NsNode *own, const NsNode *inner, bool rdonly, File **out)
{
    if (own != NULL && own->state == NODE_BOUND) {
        bool lone = own->nmember == 1;
        for (unsigned i = 0; i < own->nmember; i++) {
            const NsMember *m = &own->member[i];
            if (lone || (m->flags & BIND_CREATE))
                return create_in(m->file, m->inner, NULL, rdonly || (m->flags & BIND_RDONLY) != 0, out);
        }
        return -EPERM;
    }
    if (inner != NULL)
        return create_in(file, inner, NULL, rdonly, out);
    if (rdonly)
        return -EROFS;
    *out = file;
    return 0;
}

int spot_create_dir(const Spot *dir, File **out)
{
    return create_in(dir->file, dir->own, dir->inner, (dir->flags & CHAN_RDONLY) != 0, out);
}

typedef struct Holder {
    Call *c;
    const NsRoot *root;
    const char *name;
    File *dir, *found;
} Holder;

static int holder_layer(void *arg, File *file, const NsNode *kids, bool rdonly)
{
    Holder *h = arg;
    (void)kids;
    int r = file->dev->walk == NULL ? -ENOENT : file->dev->walk(h->c, file, h->name, &h->found);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return r;
    if (root_hides_file(h->root, h->found)) {
        file_put(h->found);
        h->found = NULL;
        return -ENOENT;
    }
    h->dir = file;
    return rdonly ? -EROFS : 1;
}

int spot_holder(Call *c, const NsRoot *root, const Spot *dir, const char *name, File **holder, File **found)
{
    Holder h = { .c = c, .root = root, .name = name };
    int r = spot_each_layer(dir, holder_layer, &h);
    if (r == 1) {
        *holder = h.dir;
        *found = h.found;
        return 0;
    }
    file_put(h.found);
    return r == 0 ? -ENOENT : r;
}
