/* SPDX-License-Identifier: MIT */
/*
 * What a namespace is made of. Everything here is immutable and counted; there are no locks. Looking names up is nslook.c's.
 */
#include "kern/nsnode.h"

#include <string.h>

#include "kern/chan.h"
#include "kern/count.h"
#include "kern/ns.h"

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
    drop((NsObj *)n->hides, dead);
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
        case NS_MAP:
            drop_map((Map *)o, &dead);
            break;
        case NS_NODE:
            drop_node((NsNode *)o, &dead);
            break;
        case NS_ROOT:
            drop_root((NsRoot *)o, &dead);
            break;
        case NS_LINE:
            chan_put(((NsLogLine *)o)->src);
            break;
        case NS_HIDDEN:
            break;
        }
        Account *a = o->account;
        count_sub(object_kind[o->kind], o);
        account_free(a, o, o->size);
        if (a != NULL)
            account_put(a);
    }
}

bool node_same(const MapItem *item, const void *name)
{
    return strcmp(((const NsNode *)item)->name, name) == 0;
}

static bool hidden_same(const MapItem *item, const void *key)
{
    const NsHidden *h = (const NsHidden *)item, *k = key;
    return h->dev == k->dev && h->space == k->space && h->id == k->id;
}

static NsHidden hidden_key(const Dev *dev, uint64_t space, uint64_t id)
{
    return (NsHidden){ .item.hash = hash_u64(id ^ hash_u64(space)), .dev = dev, .space = space, .id = id };
}

NsHidden hidden_of(const File *f)
{
    return hidden_key(f->dev, f->space, f->id);
}

bool root_hides(const NsRoot *r, const Dev *dev, uint64_t space, uint64_t id)
{
    if (r->hidden == NULL)
        return false;
    NsHidden key = hidden_key(dev, space, id);
    return map_find(r->hidden, key.item.hash, hidden_same, &key) != NULL;
}

int hidden_add(Account *a, Map **map, const NsHidden *file)
{
    NsHidden *h = nsobj_new(a, NS_HIDDEN, sizeof *h);
    if (h == NULL)
        return -ENOMEM;
    h->item.hash = file->item.hash;
    h->dev = file->dev;
    h->space = file->space;
    h->id = file->id;
    Map *more = NULL;
    int r = map_with(a, *map, &h->item, hidden_same, h, &more);
    nsobj_put(&h->item.obj);
    if (r < 0)
        return r;
    nsobj_put((NsObj *)*map);
    *map = more;
    return 0;
}

int hidden_take(Account *a, Map **map, const NsHidden *file)
{
    Map *less = NULL;
    int r = map_without(a, *map, file->item.hash, hidden_same, file, &less);
    if (r < 0)
        return r;
    nsobj_put((NsObj *)*map);
    *map = less;
    return 0;
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
        const NsNode *inner = m[i].inner;
        node->member[i] = m[i];
        file_get(m[i].file);
        nsobj_get((NsObj *)inner);
        node->files += node_is(inner, NODE_BOUND) ? inner->files : 1;
        if (inner != NULL && inner->depth >= node->depth)
            node->depth = inner->depth + 1;
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
    if (inner->state == NODE_BOUND)
        below.file = inner->member[0].file;     /* which may stand for another, by who looks */
    *out = node_new(a, own->name, NODE_BOUND, own->kids, &below, 1, 0);
    if (*out == NULL)
        return -ENOMEM;
    (*out)->mask = own->mask;
    return 0;
}
