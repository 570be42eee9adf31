/* SPDX-License-Identifier: MIT */
/*
 * The log of a namespace: the lines that made it what it is, by number. Listings walk the log, never the tree; whether a
 * line is in force the tree says (does the node at its path come from it?), so that nothing has to be kept in step.
 * What is covered keeps its lines, for it may come back; what goes for good takes them along.
 */
#include <stdlib.h>
#include <string.h>

#include "kern/count.h"
#include "kern/nsedit.h"
#include "kern/task.h"

static bool line_same(const MapItem *item, const void *key)
{
    (void)item;
    (void)key;
    return true;                    /* a line's number is its hash, and no two have the same */
}

static int put_line(Account *a, NsRoot *root, uint64_t k, const NsLine *line)
{
    size_t what = strlen(line->what) + 1, dst = strlen(line->dst) + 1;
    NsLogLine *l = nsobj_new(a, NS_LINE, sizeof *l + what + dst);
    if (l == NULL)
        return -ENOMEM;
    l->item.hash = k;
    l->flags = line->flags;
    l->hide = line->hide;
    l->mount = line->mount;
    l->src = line->src == NULL ? NULL : chan_get(line->src);
    l->what = memcpy(l + 1, line->what, what);
    l->dst = memcpy(l->what + what, line->dst, dst);
    Map *lines = NULL;
    int r = map_with(a, root->lines, &l->item, line_same, NULL, &lines);
    nsobj_put(&l->item.obj);
    if (r < 0)
        return r;
    nsobj_put((NsObj *)root->lines);
    root->lines = lines;
    return 0;
}

int nslog_add(Account *a, NsRoot *root, const NsLine *line)
{
    int r = put_line(a, root, root->next_line, line);
    if (r == 0)
        root->next_line++;
    return r;
}

NsLogLine *nslog_find(const NsRoot *root, uint64_t k)
{
    return (NsLogLine *)map_find(root->lines, k, line_same, NULL);
}

int nslog_replace_src(Account *a, NsRoot *root, uint64_t k, Chan *src)
{
    const NsLogLine *l = nslog_find(root, k);
    if (l == NULL)
        return 0;
    NsLine line = { .flags = l->flags, .mount = l->mount, .what = l->what, .dst = l->dst, .src = src };
    return put_line(a, root, k, &line);
}

int nslog_forget_line(Account *a, NsRoot *root, uint64_t k)
{
    Map *lines = NULL;
    int r = k == 0 ? 0 : map_without(a, root->lines, k, line_same, NULL, &lines);
    if (k == 0 || r < 0)
        return r;
    nsobj_put((NsObj *)root->lines);
    root->lines = lines;
    return 0;
}

/* ---- forgetting a whole tree -------------------------------------------------------------------------------------- */

typedef struct Work {               /* nodes still to visit: a list, since trees may be deep */
    const NsNode **node;
    size_t n, room;
    int failed;
} Work;

static void work_add(Work *w, const NsNode *n)
{
    if (n == NULL || w->failed != 0)
        return;
    if (w->n == w->room) {
        size_t room = w->room == 0 ? 32 : 2 * w->room;
        const NsNode **more = mem_resize((void *)w->node, room * sizeof *more);
        if (more == NULL) {
            w->failed = -ENOMEM;
            return;
        }
        w->node = more;
        w->room = room;
    }
    w->node[w->n++] = n;
}

static int work_add_item(void *arg, MapItem *item)
{
    work_add(arg, (const NsNode *)item);
    return 0;
}

static int forget(Account *a, NsRoot *root, Work *list)
{
    Work w = *list;
    int r = 0;
    while (w.n > 0 && r == 0) {
        const NsNode *n = w.node[--w.n];
        r = nslog_forget_line(a, root, n->line);
        for (unsigned i = 0; i < n->nmember && r == 0; i++)
            r = nslog_forget_line(a, root, n->member[i].line);
        work_add(&w, n->covered);
        map_each(n->kids, work_add_item, &w);
    }
    mem_free((void *)w.node);
    return r < 0 ? r : w.failed;
}

int nslog_forget(Account *a, NsRoot *root, const NsNode *node)
{
    Work w = { 0 };
    work_add(&w, node);
    return forget(a, root, &w);
}

int nslog_forget_kids(Account *a, NsRoot *root, const NsNode *node)
{
    Work w = { 0 };
    map_each(node->kids, work_add_item, &w);
    return forget(a, root, &w);
}

/* ---- what is in force --------------------------------------------------------------------------------------------- */

NsNode *root_node(const NsRoot *root, const char *path)
{
    NsNode *n = root->top;
    char name[NAME_MAX_LEN + 1];
    while (n != NULL && n->state != NODE_HIDDEN && path_next(&path, name) == 1)
        n = node_kid(n, name, name_hash(name, strlen(name)));
    return n == NULL || path[strspn(path, "/")] != '\0' ? NULL : n;
}

bool nslog_seen(const NsRoot *root, const char *path)
{
    const NsNode *n = root->top;
    char name[NAME_MAX_LEN + 1];
    while (n != NULL) {
        if (n->state == NODE_HIDDEN || (n != root->top && n->state == NODE_BOUND && !node_seen(root, n)))
            return false;           /* names below a root of which all is hidden are there */
        if (path_next(&path, name) != 1)
            break;
        n = node_kid(n, name, name_hash(name, strlen(name)));
    }
    return true;
}

bool nslog_line_seen(const NsRoot *root, const NsNode *node, uint64_t k)
{
    for (unsigned i = 0; i < node->nmember; i++) {
        if (node->member[i].line == k && member_seen(root, &node->member[i]))
            return true;
    }
    return false;
}

static bool in_force(const NsRoot *root, const NsLogLine *l)
{
    const NsNode *n = root_node(root, l->dst);
    if (node_is(n, NODE_HIDDEN))
        return n->line == l->item.hash;
    for (unsigned i = 0; n != NULL && i < n->nmember; i++)
        if (n->member[i].line == l->item.hash)
            return true;
    return false;
}

uint64_t nslog_first(const NsRoot *root, const NsNode *node, bool seen)
{
    uint64_t first = UINT64_MAX;
    for (unsigned i = 0; i < node->nmember; i++)
        if (node->member[i].line < first && (!seen || member_seen(root, &node->member[i])))
            first = node->member[i].line;
    return first;
}

typedef struct Item {
    const NsLogLine *line;
    uint64_t key;                   /* its place in the order: twice the line's number, or less */
    unsigned depth;
} Item;

typedef struct Items {
    const NsRoot *root;
    Item *item;
    size_t n;
} Items;

static int count_line(void *arg, MapItem *item)
{
    (void)item;
    ++*(size_t *)arg;
    return 0;
}

static int take_line(void *arg, MapItem *item)
{
    Items *l = arg;
    const NsLogLine *line = (const NsLogLine *)item;
    if (in_force(l->root, line))
        l->item[l->n++] = (Item){ .line = line, .key = 2 * item->hash };
    return 0;
}

static int by_key(const void *a, const void *b)
{
    const Item *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->depth > y->depth) - (x->depth < y->depth);
}

static Item *item_of(Items *l, uint64_t k)
{
    size_t from = 0, to = l->n;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (l->item[mid].line->item.hash < k)
            from = mid + 1;
        else
            to = mid;
    }
    return from < l->n && l->item[from].line->item.hash == k ? &l->item[from] : NULL;
}

/* The first line of a name will be a plain bind: it comes before all lines below the name, so that it covers none of them. */
static void put_before(Items *l, const NsLogLine *line)
{
    const NsNode *n = l->root->top;
    const char *path = line->dst;
    char name[NAME_MAX_LEN + 1];
    for (unsigned depth = 0; n != NULL && path[strspn(path, "/")] != '\0'; depth++) {
        Item *above = node_is(n, NODE_BOUND) ? item_of(l, nslog_first(l->root, n, node_seen(l->root, n))) : NULL;
        if (above != NULL && above->key > 2 * line->item.hash) {
            above->key = 2 * line->item.hash - 1;
            above->depth = depth;
        }
        if (path_next(&path, name) != 1)
            return;
        n = node_kid(n, name, name_hash(name, strlen(name)));
    }
}

int nslog_each(const NsRoot *root, bool to_replay, NsLineFn *fn, void *arg)
{
    size_t n = 0;
    int r = 0;
    map_each(root->lines, count_line, &n);
    Items l = { .root = root, .item = mem_alloc((n + 1) * sizeof *l.item) };
    if (l.item == NULL)
        return -ENOMEM;
    map_each(root->lines, take_line, &l);
    qsort(l.item, l.n, sizeof *l.item, by_key);
    if (to_replay) {
        for (size_t i = 0; i < l.n; i++)
            put_before(&l, l.item[i].line);
        qsort(l.item, l.n, sizeof *l.item, by_key);
    }
    for (size_t i = 0; i < l.n && r == 0; i++) {
        const NsLogLine *x = l.item[i].line;
        NsLine line = { .k = x->item.hash,
                        .flags = x->flags,
                        .hide = x->hide,
                        .mount = x->mount,
                        .what = x->what,
                        .dst = x->dst,
                        .src = x->src };
        r = fn(arg, &line);
    }
    mem_free(l.item);
    return r;
}

int ns_lines(Ns *ns, NsLineFn *fn, void *arg)
{
    uint64_t version;
    NsRoot *root = ns_root(ns, &version);
    int r = nslog_each(root, false, fn, arg);
    nsobj_put(&root->obj);
    return r;
}

/* ---- a line's source ---------------------------------------------------------------------------------------------- */

/*
 * The source as this namespace shows it: the members of the line, under the names that it binds or hides below the line's DST; so
 * from/K never shows what they cover, nor what -x left out.
 */
static int source_place(Call *c, const NsRoot *root, const NsLogLine *l, Chan **out)
{
    const NsNode *at = root_node(root, l->dst);
    NsMember *m = mem_alloc(at->nmember * sizeof *m);
    unsigned n = 0;
    if (m == NULL)
        return -ENOMEM;
    for (unsigned i = 0; i < at->nmember; i++)
        if (at->member[i].line == l->item.hash && member_seen(root, &at->member[i]))
            m[n++] = at->member[i];
    NsNode *own = node_new(call_account(c), "", NODE_BOUND, at->kids, m, n, 0);
    File *f = NULL;
    int r = own == NULL ? -ENOMEM : -ENOENT;
    for (unsigned i = 0; i < n && r == -ENOENT; i++)
        r = member_file(c, root, &m[i], &f);
    mem_free(m);
    Chan *ch = r < 0 ? NULL : chan_new(c, f, NULL);
    if (ch == NULL) {
        node_put(own);
        return r < 0 ? r : -ENOMEM;
    }
    own->mask = true;
    ch->own = own;
    ch->flags = node_flags(root, own);
    *out = ch;
    return 0;
}

int ns_source(Call *c, Ns *ns, uint64_t k, Chan **out)
{
    uint64_t version;
    NsRoot *root = ns_root(ns, &version);
    const NsLogLine *l = nslog_find(root, k);
    int r = -ENOENT;
    if (l != NULL && l->src != NULL && in_force(root, l) && nslog_seen(root, l->dst))
        r = source_place(c, root, l, out);
    nsobj_put(&root->obj);
    return r;
}
