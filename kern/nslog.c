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

NsLogLine *nslog_find(const NsRoot *root, uint64_t k) { return (NsLogLine *)map_find(root->lines, k, line_same, NULL); }

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

int nslog_forget(Account *a, NsRoot *root, const NsNode *node)
{
    Work w = { 0 };
    int r = 0;
    work_add(&w, node);
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

/* ---- what is in force --------------------------------------------------------------------------------------------- */

NsNode *root_node(const NsRoot *root, const char *path)
{
    NsNode *n = root->top;
    char name[NAME_MAX_LEN + 1];
    while (n != NULL && n->state != NODE_HIDDEN && path_next(&path, name) == 1)
        n = node_kid(n, name, name_hash(name, strlen(name)));
    return n == NULL || path[strspn(path, "/")] != '\0' ? NULL : n;
}

static bool in_force(const NsRoot *root, const NsLogLine *l)
{
    const NsNode *n = root_node(root, l->dst);
    if (n == NULL)
        return false;
    if (n->state == NODE_HIDDEN)
        return n->line == l->item.hash;
    for (unsigned i = 0; i < n->nmember; i++)
        if (n->member[i].line == l->item.hash)
            return true;
    return false;
}

typedef struct Lines {
    const NsRoot *root;
    const NsLogLine **line;
    size_t n;
} Lines;

static int count_line(void *arg, MapItem *item)
{
    (void)item;
    ++*(size_t *)arg;
    return 0;
}

static int take_line(void *arg, MapItem *item)
{
    Lines *l = arg;
    const NsLogLine *line = (const NsLogLine *)item;
    if (in_force(l->root, line))
        l->line[l->n++] = line;
    return 0;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = (*(const NsLogLine *const *)a)->item.hash, y = (*(const NsLogLine *const *)b)->item.hash;
    return (x > y) - (x < y);
}

int ns_lines(Ns *ns, NsLineFn *fn, void *arg)
{
    uint64_t version;
    size_t n = 0;
    int r = 0;
    NsRoot *root = ns_root(ns, &version);
    map_each(root->lines, count_line, &n);
    Lines l = { .root = root, .line = mem_alloc((n + 1) * sizeof *l.line) };
    if (l.line == NULL) {
        nsobj_put(&root->obj);
        return -ENOMEM;
    }
    map_each(root->lines, take_line, &l);
    qsort((void *)l.line, l.n, sizeof *l.line, by_number);
    for (size_t i = 0; i < l.n && r == 0; i++) {
        const NsLogLine *x = l.line[i];
        NsLine line = { .k = x->item.hash, .flags = x->flags, .hide = x->hide, .mount = x->mount, .what = x->what, .dst = x->dst, .src = x->src };
        r = fn(arg, &line);
    }
    mem_free((void *)l.line);
    nsobj_put(&root->obj);
    return r;
}

/* ---- a line's source ---------------------------------------------------------------------------------------------- */

/*
 * The source as this namespace shows it: names that it binds or hides below the line's DST stand over it, so that from/K never shows
 * what they cover.
 */
static int source_place(const NsRoot *root, const NsLogLine *l, Chan *ch)
{
    const NsNode *at = root_node(root, l->dst);
    if (at->kids == NULL) {
        ch->own = nsobj_get((NsObj *)l->src->own);
        ch->inner = nsobj_get((NsObj *)l->src->inner);
        return 0;
    }
    NsNode *inner = NULL;
    int r = node_overlay(ch->account, ch->file, l->src->own, l->src->inner, l->src->flags & CHAN_RDONLY ? BIND_RDONLY : 0, &inner);
    if (r < 0)
        return r;
    ch->own = node_new(ch->account, "", NODE_PASS, at->kids, NULL, 0, 0);
    ch->inner = inner;
    return ch->own == NULL ? -ENOMEM : 0;
}

int ns_source(Call *c, Ns *ns, uint64_t k, Chan **out)
{
    uint64_t version;
    NsRoot *root = ns_root(ns, &version);
    const NsLogLine *l = nslog_find(root, k);
    int r = -ENOENT;
    if (l != NULL && l->src != NULL && in_force(root, l) && !root_hides_file(root, l->src->file)) {
        AUTO_CHAN Chan *ch = chan_new(c, file_get(l->src->file), NULL);
        r = ch == NULL ? -ENOMEM : source_place(root, l, ch);
        if (r == 0) {
            ch->flags = l->src->flags & CHAN_RDONLY;
            if (l->flags & BIND_RDONLY)
                ch->flags |= CHAN_RDONLY;
            *out = STEAL(ch);
        }
    }
    nsobj_put(&root->obj);
    return r;
}
