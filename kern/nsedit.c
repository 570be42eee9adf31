/* SPDX-License-Identifier: MIT */
/*
 * Changing a namespace. Every change makes a new root: the node at one path is replaced by what a small function makes of
 * the old one, the nodes above it are copied, all else is shared. The new root is swapped in under the namespace's lock;
 * the old one is let go after it.
 *
 * What unbind restores hangs below the node that covers it (NsNode.covered): what stood there at the last seal. Things bound over each
 * other since that seal go together, so there is one such node a seal, and only of the current seal is it ever taken back.
 */
#include "kern/nsedit.h"

#include <string.h>

#include "kern/count.h"
#include "kern/task.h"
#include "kern/walkto.h"

/* ---- one change --------------------------------------------------------------------------------------------------- */

typedef struct Edit {
    Call *c;
    Account *a;
    Ns *ns;
    NsRoot *root;                   /* being made: lines and hidden files are changed in it */
    const char *path;               /* the name that is changed */
    Chan *there;                    /* what the walk found at it, or NULL: nothing */
    Chan *src;
    unsigned flags;
    const char *what;               /* for the log */
    bool mount;
    File *file;                     /* ns_replace */
} Edit;

/* Makes the new node of the old one (NULL: the namespace had no word on this name). *out owned, NULL: no word any more. */
typedef int EditFn(Edit *e, NsNode *old, NsNode **out);

static NsNode *node_clone(Account *a, const NsNode *n, Map *kids)
{
    NsNode *copy = node_new(a, n->name, n->state, kids, n->member, n->nmember, 0);
    if (copy == NULL)
        return NULL;
    copy->keep_kids = n->keep_kids;
    copy->gen = n->gen;
    copy->line = n->line;
    copy->covered = nsobj_get((NsObj *)n->covered);
    return copy;
}

/* A copy of parent (NULL: it had no word on this name yet) with one kid put in, replaced or taken out. */
static int with_kid(Account *a, const NsNode *parent, const char *parent_name, const char *name, NsNode *kid, bool is_top, NsNode **out)
{
    Map *old = parent == NULL ? NULL : parent->kids, *kids = NULL;
    uint64_t hash = name_hash(name, strlen(name));
    int r = kid != NULL ? map_with(a, old, &kid->item, node_same, name, &kids) : map_without(a, old, hash, node_same, name, &kids);
    if (r < 0)
        return r;
    *out = NULL;
    bool empty = kids == NULL && !is_top && (parent == NULL || parent->state == NODE_PASS);
    if (!empty) {
        *out = parent == NULL ? node_new(a, parent_name, NODE_PASS, kids, NULL, 0, 0) : node_clone(a, parent, kids);
        r = *out == NULL ? -ENOMEM : 0;
    }
    nsobj_put((NsObj *)kids);
    return r;
}

typedef struct Trail {              /* the nodes from the top to the changed name */
    char *names;                    /* the path, each name ended by NUL */
    const char **name;
    NsNode **node;                  /* borrowed; NULL where there was none */
    size_t n;
} Trail;

static void trail_free(Trail *t)
{
    mem_free(t->names);
    mem_free((void *)t->name);
    mem_free((void *)t->node);
}

static int trail_make(const NsRoot *root, const char *path, Trail *t)
{
    size_t len = strlen(path);
    t->names = mem_dup(path, len);
    t->name = mem_alloc((len + 2) * sizeof *t->name);
    t->node = mem_alloc((len + 2) * sizeof *t->node);
    if (t->names == NULL || t->name == NULL || t->node == NULL)
        return -ENOMEM;
    t->name[0] = "";
    t->node[0] = root->top;
    t->n = 1;
    for (char *s = t->names; *s != '\0';) {
        while (*s == '/')
            *s++ = '\0';
        if (*s == '\0')
            break;
        char *end = s + strcspn(s, "/");
        char was = *end;
        *end = '\0';
        NsNode *up = t->node[t->n - 1];
        if (up != NULL && up->state == NODE_HIDDEN)
            return -ENOENT;
        t->node[t->n] = node_kid(up, s, name_hash(s, strlen(s)));
        t->name[t->n++] = s;
        *end = was;
        s = end;
    }
    return 0;
}

/* Rebuilds from the changed name up to the top. Takes leaf. */
static int rebuild(Edit *e, const Trail *t, NsNode *leaf)
{
    NsNode *kid = leaf;
    int r = 0;
    for (size_t i = t->n - 1; i > 0 && r == 0; i--) {
        NsNode *up = NULL;
        r = with_kid(e->a, t->node[i - 1], t->name[i - 1], t->name[i], kid, i == 1, &up);
        node_put(kid);
        kid = up;
    }
    if (r == 0 && kid == NULL) {
        kid = node_new(e->a, "", NODE_PASS, NULL, NULL, 0, 0);
        r = kid == NULL ? -ENOMEM : 0;
    }
    if (r < 0) {
        node_put(kid);
        return r;
    }
    node_put(e->root->top);
    e->root->top = kid;
    return 0;
}

static NsRoot *root_copy(Account *a, const NsRoot *old)
{
    NsRoot *root = nsobj_new(a, NS_ROOT, sizeof *root);
    if (root == NULL)
        return NULL;
    root->top = nsobj_get((NsObj *)old->top);
    root->hidden = nsobj_get((NsObj *)old->hidden);
    root->lines = nsobj_get((NsObj *)old->lines);
    root->gen = old->gen;
    root->next_line = old->next_line;
    return root;
}

static int edit_root(Edit *e, EditFn *fn)
{
    Trail t = { 0 };
    NsNode *leaf = NULL;
    int r = trail_make(e->root, e->path, &t);
    /* The old nodes stay while the new ones are made. */
    NsNode *top = nsobj_get((NsObj *)e->root->top);
    if (r == 0)
        r = fn(e, t.node[t.n - 1], &leaf);
    if (r == 0)
        r = rebuild(e, &t, leaf);
    node_put(top);
    trail_free(&t);
    return r;
}

static int edit(Edit *e, EditFn *fn)
{
    e->a = e->ns->account;
    mutex_lock(&e->ns->lock);
    NsRoot *old = e->ns->root;
    e->root = root_copy(e->a, old);
    int r = e->root == NULL ? -ENOMEM : 0;
    if (r == 0 && fn != NULL)
        r = edit_root(e, fn);
    NsRoot *gone = e->root;
    if (r == 0) {
        e->ns->root = e->root;
        atomic_fetch_add_explicit(&e->ns->version, 1, memory_order_release);
        gone = old;
    }
    mutex_unlock(&e->ns->lock);
    nsobj_put((NsObj *)gone);
    return r;
}

/* ---- what is hidden by identity ----------------------------------------------------------------------------------- */

static bool hidden_same(const MapItem *item, const void *key)
{
    const NsHidden *h = (const NsHidden *)item, *k = key;
    return h->dev == k->dev && h->space == k->space && h->id == k->id;
}

static uint64_t hidden_hash(const File *f) { return hash_u64(f->id ^ hash_u64(f->space)); }

static int hide_file(Edit *e, const File *f)
{
    NsHidden *h = nsobj_new(e->a, NS_HIDDEN, sizeof *h);
    if (h == NULL)
        return -ENOMEM;
    h->item.hash = hidden_hash(f);
    h->dev = f->dev;
    h->space = f->space;
    h->id = f->id;
    Map *more = NULL;
    int r = map_with(e->a, e->root->hidden, &h->item, hidden_same, h, &more);
    nsobj_put(&h->item.obj);
    if (r < 0)
        return r;
    nsobj_put((NsObj *)e->root->hidden);
    e->root->hidden = more;
    return 0;
}

static int show_file(Edit *e, const File *f)
{
    if (!root_hides_file(e->root, f))
        return 0;
    NsHidden key = { .dev = f->dev, .space = f->space, .id = f->id };
    Map *less = NULL;
    int r = map_without(e->a, e->root->hidden, hidden_hash(f), hidden_same, &key, &less);
    if (r < 0)
        return r;
    nsobj_put((NsObj *)e->root->hidden);
    e->root->hidden = less;
    return 0;
}

/* ---- bind --------------------------------------------------------------------------------------------------------- */

static bool since_seal(const Edit *e, const NsNode *n) { return n != NULL && n->state == NODE_BOUND && n->gen == e->root->gen; }

/* The members that a source brings. *m is allocated; inner nodes in it are owned. */
static int source_members(Edit *e, uint64_t line, NsMember **m, unsigned *n)
{
    const Chan *s = e->src;
    unsigned flags = (s->flags & CHAN_RDONLY ? BIND_RDONLY : 0) | (e->flags & (BIND_RDONLY | BIND_CREATE));
    bool plain = (e->flags & (BIND_BEFORE | BIND_AFTER)) == 0;
    bool splice = s->own != NULL && s->own->state == NODE_BOUND && (s->own->kids == NULL || (e->flags & BIND_SHALLOW));
    *n = splice ? s->own->nmember : 1;
    *m = mem_alloc(*n * sizeof **m);
    if (*m == NULL)
        return -ENOMEM;
    for (unsigned i = 0; splice && i < *n; i++) {
        const NsMember *from = &s->own->member[i];
        unsigned create = plain ? from->flags & BIND_CREATE : flags & from->flags & BIND_CREATE;
        unsigned more = *n == 1 ? flags & BIND_CREATE : create;
        NsNode *inner = e->flags & BIND_SHALLOW ? NULL : from->inner;
        (*m)[i] = (NsMember){ .file = from->file, .inner = nsobj_get((NsObj *)inner), .line = line, .gen = e->root->gen,
                              .flags = (from->flags & BIND_RDONLY) | (flags & BIND_RDONLY) | more };
    }
    if (splice)
        return 0;
    (*m)[0] = (NsMember){ .file = s->file, .flags = flags, .line = line, .gen = e->root->gen };
    if (s->own != NULL && s->own->state == NODE_BOUND)
        (*m)[0].file = s->own->member[0].file;      /* dynamic files stay so */
    if (e->flags & BIND_SHALLOW)
        return 0;
    int r = node_overlay(e->a, s->file, s->own, s->inner, s->flags & CHAN_RDONLY ? BIND_RDONLY : 0, &(*m)[0].inner);
    if (r < 0) {
        mem_free(*m);
        *m = NULL;
    }
    return r;
}

static void members_free(NsMember *m, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        node_put(m[i].inner);
    mem_free(m);
}

static const char *last_name(const char *path) { return path[1] == '\0' ? "" : strrchr(path, '/') + 1; }

/* -b or -a: the new members before or after what is there, which becomes a member when it was none. */
static int bind_union(Edit *e, NsNode *old, NsMember *m, unsigned n, NsNode **out)
{
    NsMember what_was = { 0 };
    const NsMember *was = &what_was;
    unsigned nwas = 0;
    if (old != NULL && old->state == NODE_BOUND) {
        was = old->member;
        nwas = old->nmember;
    } else if (e->there != NULL && (old == NULL || old->state == NODE_PASS)) {
        what_was = (NsMember){ .file = e->there->file, .inner = e->there->inner, .flags = e->there->flags & CHAN_RDONLY ? BIND_RDONLY : 0 };
        nwas = 1;
    }
    if (nwas + n > 1024)
        return fail(e->c, -E2BIG, "bind: a union has at most 1024 members");
    NsMember *all = mem_alloc((nwas + n) * sizeof *all);
    if (all == NULL)
        return -ENOMEM;
    memcpy(all + (e->flags & BIND_BEFORE ? 0 : nwas), m, n * sizeof *m);
    memcpy(all + (e->flags & BIND_BEFORE ? n : 0), was, nwas * sizeof *was);
    Map *kids = old == NULL ? NULL : old->kids;
    NsNode *node = node_new(e->a, last_name(e->path), NODE_BOUND, kids, all, nwas + n, 0);
    mem_free(all);
    if (node == NULL)
        return -ENOMEM;
    node->keep_kids = !since_seal(e, old) || old->keep_kids;
    *out = node;
    return 0;
}

static int bind_plain(Edit *e, NsNode *old, NsMember *m, unsigned n, NsNode **out)
{
    NsNode *node = node_new(e->a, last_name(e->path), NODE_BOUND, NULL, m, n, 0);
    if (node == NULL)
        return -ENOMEM;
    int r = 0;
    if (since_seal(e, old)) {       /* what goes now cannot come back: only what it covers can */
        for (unsigned i = 0; i < old->nmember && r == 0; i++)
            if (old->member[i].gen == e->root->gen)
                r = nslog_forget_line(e->a, e->root, old->member[i].line);
        if (r == 0 && !old->keep_kids) {
            NsNode kids_only = { .kids = old->kids };
            r = nslog_forget(e->a, e->root, &kids_only);
        }
    }
    if (r < 0) {
        node_put(node);
        return r;
    }
    *out = node;
    return 0;
}

/* What unbind will restore: what stood there at the seal. Names bound below since then stay with it if they would have. */
static int cover(Edit *e, NsNode *old, NsNode *node)
{
    node->gen = e->root->gen;
    if (!since_seal(e, old)) {
        node->covered = nsobj_get((NsObj *)old);
        return 0;
    }
    if (!old->keep_kids || node->keep_kids) {
        node->covered = nsobj_get((NsObj *)old->covered);
        return 0;
    }
    if (old->covered != NULL)
        node->covered = node_clone(e->a, old->covered, old->kids);
    else if (old->kids != NULL)
        node->covered = node_new(e->a, old->name, NODE_PASS, old->kids, NULL, 0, 0);
    else
        return 0;
    return node->covered == NULL ? -ENOMEM : 0;
}

static int bind_at(Edit *e, NsNode *old, NsNode **out)
{
    NsMember *m = NULL;
    unsigned n = 0;
    NsLine line = { .flags = e->flags, .mount = e->mount, .what = e->what, .dst = e->path, .src = e->src };
    uint64_t k = e->root->next_line;
    int r = nslog_add(e->a, e->root, &line);
    if (r == 0)
        r = source_members(e, k, &m, &n);
    if (r < 0)
        return r;
    for (unsigned i = 0; i < n && r == 0; i++)
        r = show_file(e, m[i].file);
    NsNode *node = NULL;
    if (r == 0)
        r = e->flags & (BIND_BEFORE | BIND_AFTER) ? bind_union(e, old, m, n, &node) : bind_plain(e, old, m, n, &node);
    members_free(m, n);
    if (r == 0)
        r = cover(e, old, node);
    if (r < 0) {
        node_put(node);
        return r;
    }
    *out = node;
    return 0;
}

/* Looks DST up: text of the path (in end->chan) and what is there. */
static int look_dst(Call *c, WalkFrom from, const char *dst, unsigned walkflags, WalkEnd *end)
{
    if (from.ns == NULL)
        return fail(c, -ESRCH, "the task has exited");
    return walk_to(c, from, dst, WALK_MODE_TEXT, walkflags, end);
}

static int bind_line(Call *c, WalkFrom from, Chan *src, const char *what, bool mount, const char *dst, unsigned flags)
{
    WalkEnd end;
    int r = look_dst(c, from, dst, 0, &end);
    if (r < 0)
        return r;
    AUTO_CHAN Chan *at = end.chan;
    bool dir = file_is_dir(src->file);
    if (!end.missing && dir != file_is_dir(at->file))
        return fail(c, dir ? -ENOTDIR : -EISDIR, "bind: %s is %s directory, %s is %s", what, dir ? "a" : "no", dst, dir ? "none" : "one");
    if (!dir && (flags & (BIND_BEFORE | BIND_AFTER)))
        return fail(c, -ENOTDIR, "bind: %s: a union is made of directories", what);
    Edit e = { .c = c, .ns = from.ns, .path = at->path->s, .there = end.missing ? NULL : at, .src = src, .flags = flags, .what = what, .mount = mount };
    return edit(&e, bind_at);
}

int ns_bind(Call *c, WalkFrom dst_from, Chan *src, const char *dst, unsigned flags)
{
    return bind_line(c, dst_from, src, src->path->s, false, dst, flags);
}

int ns_mount(Call *c, WalkFrom dst_from, File *root, const char *what, const char *dst, unsigned flags)
{
    AUTO_CHAN Chan *src = chan_new(c, file_get(root), NULL);
    if (src == NULL)
        return -ENOMEM;
    return bind_line(c, dst_from, src, what, true, dst, flags);
}

static int replace_at(Edit *e, NsNode *old, NsNode **out)
{
    NsMember m = old->member[0];
    m.file = e->file;
    m.inner = NULL;
    NsNode *node = node_new(e->a, old->name, NODE_BOUND, old->kids, &m, 1, 0);
    if (node == NULL)
        return -ENOMEM;
    node->gen = old->gen;
    node->covered = nsobj_get((NsObj *)old->covered);
    *out = node;
    return nslog_replace_src(e->a, e->root, m.line, e->src);
}

int ns_replace(Call *c, Ns *ns, const char *path, File *file)
{
    AUTO_CHAN Chan *src = chan_new(c, file, NULL);
    if (src == NULL)
        return -ENOMEM;
    Edit e = { .c = c, .ns = ns, .path = path, .file = file, .src = src };
    return edit(&e, replace_at);
}

/* ---- hide and unbind ---------------------------------------------------------------------------------------------- */

/* A hidden name; what stood there goes for good. */
static int hidden_name(Edit *e, NsNode *old, NsNode **out)
{
    int r = old == NULL ? 0 : nslog_forget(e->a, e->root, old);
    NsLine line = { .hide = true, .what = "", .dst = e->path };
    uint64_t k = e->root->next_line;
    if (r == 0)
        r = nslog_add(e->a, e->root, &line);
    if (r < 0)
        return r;
    NsNode *node = node_new(e->a, last_name(e->path), NODE_HIDDEN, NULL, NULL, 0, 0);
    if (node == NULL)
        return -ENOMEM;
    node->gen = e->root->gen;
    node->line = k;
    *out = node;
    return 0;
}

static int hide_at(Edit *e, NsNode *old, NsNode **out)
{
    if (old != NULL && old->state == NODE_HIDDEN) {
        *out = nsobj_get((NsObj *)old);
        return 0;
    }
    int r = 0;
    if (old != NULL && old->state == NODE_BOUND) {
        for (unsigned i = 0; i < old->nmember && r == 0; i++)
            r = hide_file(e, old->member[i].file);
    } else if (e->there != NULL) {
        r = hide_file(e, e->there->file);
    }
    return r < 0 ? r : hidden_name(e, old, out);
}

static int hide_path(Call *c, Ns *ns, Chan *at, bool missing)
{
    if (at->path->len == 1)
        return fail(c, -EINVAL, "hide: not the root");
    Edit e = { .c = c, .ns = ns, .path = at->path->s, .there = missing ? NULL : at };
    return edit(&e, hide_at);
}

int ns_hide(Call *c, WalkFrom from, const char *dst)
{
    WalkEnd end;
    int r = look_dst(c, from, dst, WALK_NOFOLLOW, &end);
    if (r < 0)
        return r;
    AUTO_CHAN Chan *at = end.chan;
    return hide_path(c, from.ns, at, end.missing);
}

/* What was bound since the seal goes, what stood there then comes back. What is older leaves a hidden name. */
static int unbind_at(Edit *e, NsNode *old, NsNode **out)
{
    if (!since_seal(e, old))
        return e->path[1] == '\0' ? fail(e->c, -EPERM, "unbind: the root is older than the task") : hidden_name(e, old, out);
    int r = 0;
    for (unsigned i = 0; i < old->nmember && r == 0; i++)
        if (old->member[i].gen == e->root->gen)
            r = nslog_forget_line(e->a, e->root, old->member[i].line);
    if (!old->keep_kids) {
        NsNode kids_only = { .kids = old->kids };
        if (r == 0)
            r = nslog_forget(e->a, e->root, &kids_only);
        *out = nsobj_get((NsObj *)old->covered);
        return r;
    }
    if (old->covered != NULL)
        *out = node_clone(e->a, old->covered, old->kids);
    else if (old->kids != NULL)
        *out = node_new(e->a, old->name, NODE_PASS, old->kids, NULL, 0, 0);
    else
        return r;
    return *out == NULL ? -ENOMEM : r;
}

/* One member goes. When only what was there before the first -b or -a is left, the union is undone. */
static int unbind_member(Edit *e, NsNode *old, NsNode **out)
{
    if (old == NULL || old->state != NODE_BOUND)
        return fail(e->c, -EINVAL, "unbind: %s: nothing is bound there", e->path);
    const NsMember *gone = NULL;
    bool newer = false;
    for (unsigned i = 0; i < old->nmember; i++) {
        const NsMember *m = &old->member[i];
        newer = newer || (m->gen == e->root->gen && m->line != 0);
        if (m->line != 0 && file_same(m->file, e->src->file) && (gone == NULL || m->line > gone->line))
            gone = m;
    }
    if (gone == NULL)
        return fail(e->c, -EINVAL, "unbind: %s is not bound at %s", e->src->path->s, e->path);
    if (gone->gen != e->root->gen)
        return fail(e->c, -EPERM, "unbind: %s at %s is older than the task", e->src->path->s, e->path);
    uint64_t line = gone->line;
    NsMember *left = mem_alloc(old->nmember * sizeof *left);
    if (left == NULL)
        return -ENOMEM;
    unsigned n = 0, others = 0;
    for (unsigned i = 0; i < old->nmember; i++) {
        if (old->member[i].line == line)
            continue;
        left[n++] = old->member[i];
        others += old->member[i].line != 0 && old->member[i].gen == e->root->gen;
    }
    int r = 0;
    if (others == 0) {
        r = unbind_at(e, old, out);
    } else {
        NsNode *node = node_new(e->a, old->name, NODE_BOUND, old->kids, left, n, 0);
        r = node == NULL ? -ENOMEM : nslog_forget_line(e->a, e->root, line);
        if (node != NULL) {
            node->gen = old->gen;
            node->keep_kids = old->keep_kids;
            node->covered = nsobj_get((NsObj *)old->covered);
        }
        *out = node;
    }
    mem_free(left);
    return r;
}

int ns_unbind(Call *c, WalkFrom from, Chan *src, const char *dst)
{
    WalkEnd end;
    int r = look_dst(c, from, dst, 0, &end);
    if (r < 0)
        return r;
    AUTO_CHAN Chan *at = end.chan;
    uint64_t version;
    NsRoot *root = ns_pin(c, from.ns, &version);
    const NsNode *node = root_node(root, at->path->s);
    if (node != NULL && node->state == NODE_HIDDEN && src == NULL)
        return 0;
    if (src == NULL && (node == NULL || node->state != NODE_BOUND))
        return ns_hide(c, from, dst);
    Edit e = { .c = c, .ns = from.ns, .path = at->path->s, .src = src };
    return edit(&e, src == NULL ? unbind_at : unbind_member);
}

/* ---- the whole namespace ------------------------------------------------------------------------------------------ */

int ns_seal(Ns *ns)
{
    mutex_lock(&ns->lock);
    NsRoot *old = ns->root, *root = root_copy(ns->account, old);
    if (root != NULL) {
        root->gen++;
        ns->root = root;            /* no name changes: no new version */
    }
    mutex_unlock(&ns->lock);
    if (root != NULL)
        nsobj_put(&old->obj);
    return root == NULL ? -ENOMEM : 0;
}

/* Nothing is named any more. What was hidden by identity stays hidden from what is bound next. */
int ns_clear(Ns *ns)
{
    Ns *empty = ns_new(ns->account);
    if (empty == NULL)
        return -ENOMEM;
    mutex_lock(&ns->lock);
    NsRoot *old = ns->root, *root = empty->root;
    root->hidden = nsobj_get((NsObj *)old->hidden);
    root->gen = old->gen;
    root->next_line = old->next_line;
    ns->root = nsobj_get(&root->obj);
    atomic_fetch_add_explicit(&ns->version, 1, memory_order_release);
    mutex_unlock(&ns->lock);
    nsobj_put(&old->obj);
    ns_put(empty);
    return 0;
}
