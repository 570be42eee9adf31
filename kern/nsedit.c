/* SPDX-License-Identifier: MIT */
/*
 * Changing a namespace. Every change makes a new root: the node at one path is replaced by what a small function makes of
 * the old one, the nodes above it are copied, all else is shared. The new root is swapped in under the namespace's lock;
 * the old one is let go after it.
 *
 * What unbind (nsundo.c) restores hangs below the node that covers it (NsNode.covered): what stood there at the last seal. Things bound over each
 * other since that seal go together, so there is one such node a seal, and only of the current seal is it ever taken back.
 */
#include "kern/nsedit.h"

#include <string.h>

#include "kern/count.h"
#include "kern/task.h"
#include "kern/walkto.h"

/* ---- what is hidden by identity ----------------------------------------------------------------------------------- */

/* Hiding a graft of the root leaves the root. */
static bool is_root_file(const Edit *e, const NsHidden *f)
{
    const NsNode *top = e->root->top;
    for (unsigned i = 0; i < top->nmember; i++) {
        const File *t = top->member[i].file;
        if (t->dev == f->dev && t->space == f->space && t->id == f->id)
            return true;
    }
    return false;
}

int edit_hide(Edit *e, const NsHidden *file, Map **hides)
{
    if (is_root_file(e, file))
        return 0;
    int r = hidden_add(e->a, hides, file);
    return r < 0 ? r : hidden_add(e->a, &e->root->hidden, file);
}

/* Only what the writer can name: not what is hidden from it, too. */
static int show_members(Edit *e, const NsMember *m, unsigned n)
{
    int r = 0;
    for (unsigned i = 0; i < n && r == 0; i++) {
        const NsNode *inner = m[i].inner;
        NsHidden file = hidden_of(m[i].file);
        if (node_is(inner, NODE_BOUND))         /* it grafts a union, which is what this is */
            r = show_members(e, inner->member, inner->nmember);
        else if (root_hides_file(e->root, m[i].file) && e->writer != NULL && !root_hides_file(e->writer, m[i].file))
            r = hidden_take(e->a, &e->root->hidden, &file);
    }
    return r;
}

/* ---- one change --------------------------------------------------------------------------------------------------- */

static NsNode *node_clone(Account *a, const NsNode *n, Map *kids)
{
    NsNode *copy = node_new(a, n->name, n->state, kids, n->member, n->nmember, 0);
    if (copy == NULL)
        return NULL;
    copy->mask = n->mask;
    copy->keep_kids = n->keep_kids;
    copy->gen = n->gen;
    copy->line = n->line;
    copy->covered = nsobj_get((NsObj *)n->covered);
    copy->hides = nsobj_get((NsObj *)n->hides);
    return copy;
}

/* A copy of parent (NULL: it had no word on this name yet) with one kid put in, replaced or taken out. */
static int with_kid(Account *a, const NsNode *parent, const char *parent_name, const char *name, NsNode *kid,
                    bool is_top, NsNode **out)
{
    Map *old = parent == NULL ? NULL : parent->kids, *kids = NULL;
    uint64_t hash = name_hash(name, strlen(name));
    int r = kid != NULL ? map_with(a, old, &kid->item, node_same, name, &kids)
                        : map_without(a, old, hash, node_same, name, &kids);
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

int edit_run(Edit *e, EditFn *fn)
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

/* ---- bind --------------------------------------------------------------------------------------------------------- */

bool edit_since_seal(const Edit *e, const NsNode *n)
{
    return node_is(n, NODE_BOUND) && n->gen == e->root->gen;
}

enum { DEPTH_MAX = 64, FILES_MAX = 1024 };      /* what a lookup in one directory may cost */

static int check_size(Edit *e, const NsNode *node)
{
    if (node->files > FILES_MAX)
        return fail(e->c, -E2BIG, "bind: a union has at most %d members", FILES_MAX);
    return node->depth > DEPTH_MAX ? fail(e->c, -ELOOP, "bind: more than %d binds through one another", DEPTH_MAX) : 0;
}

/* What the walk found at the name becomes a member, with a line of its own, when the first -a or -b is made there. */
static int what_was(Edit *e, NsMember *m)
{
    unsigned flags = e->there->flags & CHAN_RDONLY ? BIND_RDONLY : 0;
    NsLine line = { .flags = flags, .what = e->there->path->s, .dst = e->path, .src = e->there };
    *m = (NsMember){ .file = chan_raw_file(e->there),
                     .inner = e->there->inner,
                     .flags = flags | MEMBER_WAS,
                     .line = e->root->next_line,
                     .gen = e->root->gen };
    return nslog_add(e->a, e->root, &line);
}

int edit_forget_members(Edit *e, const NsNode *node)
{
    int r = 0;
    for (unsigned i = 0; i < node->nmember && r == 0; i++)
        if (node->member[i].gen == e->root->gen)
            r = nslog_forget_line(e->a, e->root, node->member[i].line);
    return r;
}

/* -b or -a: the new members before or after what is there, which becomes a member when it was none. */
static int bind_union(Edit *e, NsNode *old, bool seen, NsNode **out)
{
    NsMember was_there;
    const NsMember *was = &was_there;
    unsigned nwas = 0, n = e->nmember;
    int r = 0;
    if (seen) {
        was = old->member;
        nwas = old->nmember;
    } else if (node_is(old, NODE_BOUND)) {      /* all hidden: as if nothing were there */
        r = edit_forget_members(e, old);
    } else if (e->there != NULL && !node_is(old, NODE_HIDDEN)) {
        r = what_was(e, &was_there);
        nwas = 1;
    }
    if (r < 0)
        return r;
    NsMember *all = mem_alloc((nwas + n) * sizeof *all);
    if (all == NULL)
        return -ENOMEM;
    memcpy(all + (e->flags & BIND_BEFORE ? 0 : nwas), e->member, n * sizeof *all);
    memcpy(all + (e->flags & BIND_BEFORE ? n : 0), was, nwas * sizeof *all);
    Map *kids = old == NULL ? NULL : old->kids;
    NsNode *node = node_new(e->a, path_last(e->path), NODE_BOUND, kids, all, nwas + n, 0);
    mem_free(all);
    if (node == NULL)
        return -ENOMEM;
    node->keep_kids = !edit_since_seal(e, old) || old->keep_kids;
    *out = node;
    return 0;
}

static int bind_plain(Edit *e, NsNode *old, NsNode **out)
{
    NsNode *node = node_new(e->a, path_last(e->path), NODE_BOUND, NULL, e->member, e->nmember, 0);
    if (node == NULL)
        return -ENOMEM;
    int r = 0;
    if (edit_since_seal(e, old)) {  /* what goes now cannot come back: only what it covers can */
        r = edit_forget_members(e, old);
        if (r == 0 && !old->keep_kids)
            r = nslog_forget_kids(e->a, e->root, old);
    }
    if (r < 0) {
        node_put(node);
        return r;
    }
    *out = node;
    return 0;
}

int edit_covered(Edit *e, NsNode *old, NsNode **out)
{
    const NsNode *covered = old->covered;
    if (node_is(covered, NODE_HIDDEN)) {        /* nothing is below a hidden name */
        int r = nslog_forget_kids(e->a, e->root, old);
        if (r == 0)
            *out = nsobj_get((NsObj *)covered);
        return r;
    }
    if (old->kids == NULL && (covered == NULL || covered->state == NODE_PASS))
        return 0;                   /* a name that leads to nothing is none */
    if (covered != NULL)
        *out = node_clone(e->a, covered, old->kids);
    else
        *out = node_new(e->a, old->name, NODE_PASS, old->kids, NULL, 0, 0);
    return *out == NULL ? -ENOMEM : 0;
}

/* What unbind will restore: what stood there at the seal. Names bound below since then stay with it if they would have. */
static int cover(Edit *e, NsNode *old, NsNode *node)
{
    node->gen = e->root->gen;
    if (edit_since_seal(e, old) && old->keep_kids && !node->keep_kids)
        return edit_covered(e, old, &node->covered);
    node->covered = nsobj_get((NsObj *)(edit_since_seal(e, old) ? old->covered : old));
    return 0;
}

static int bind_at(Edit *e, NsNode *old, NsNode **out)
{
    NsNode *node = NULL;
    bool seen = node_is(old, NODE_BOUND) && node_seen(e->root, old);    /* before the bind shows what was hidden */
    int r = show_members(e, e->member, e->nmember);
    bool is_union = (e->flags & (BIND_BEFORE | BIND_AFTER)) != 0;
    if (r == 0 && is_union)
        r = bind_union(e, old, seen, &node);
    else if (r == 0)
        r = bind_plain(e, old, &node);
    NsLine line = { .flags = e->flags, .mount = e->mount, .what = e->what, .dst = e->path, .src = e->src };
    uint64_t k = e->root->next_line;
    if (r == 0)
        r = nslog_add(e->a, e->root, &line);
    if (r == 0)
        r = check_size(e, node);
    if (r == 0)
        r = cover(e, old, node);
    if (r < 0) {
        node_put(node);
        return r;
    }
    for (unsigned i = 0; i < node->nmember; i++)
        if (node->member[i].line == 0) {        /* the new ones */
            node->member[i].line = k;
            node->member[i].gen = e->root->gen;
        }
    *out = node;
    return 0;
}

int edit_look(Call *c, WalkFrom from, const char *dst, unsigned walkflags, WalkEnd *end)
{
    if (from.ns == NULL)
        return fail(c, -ESRCH, "the task has exited");
    return walk_to(c, from, dst, WALK_MODE_TEXT, walkflags, end);
}

static int bind_line(Call *c, WalkFrom from, Chan *src, const char *what, bool mount, const char *dst, unsigned flags)
{
    WalkEnd end;
    int r = edit_look(c, from, dst, 0, &end);
    if (r < 0)
        return r;
    AUTO_CHAN Chan *at = end.chan;
    bool dir = file_is_dir(src->file);
    if (!end.missing && dir != file_is_dir(at->file))
        return fail(c, dir ? -ENOTDIR : -EISDIR, "bind: %s is %s directory, %s is %s", what, dir ? "a" : "no", dst,
                    dir ? "none" : "one");
    if (!dir && (end.slash || (flags & (BIND_BEFORE | BIND_AFTER))))
        return fail(c, -ENOTDIR, "bind: %s: no directory", what);
    Edit e = { .c = c,
               .a = from.ns->account,
               .ns = from.ns,
               .path = at->path->s,
               .there = end.missing ? NULL : at,
               .src = src,
               .flags = flags,
               .what = what,
               .mount = mount };
    Ns *own = walk_at(c, NULL).ns;
    uint64_t version;
    NsRoot *writer = own == NULL ? NULL : ns_root(own, &version);
    e.writer = writer;
    r = edit_source(&e, own != from.ns);
    if (r == 0)
        r = edit_run(&e, bind_at);
    edit_source_end(&e);
    nsobj_put((NsObj *)writer);
    return r;
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
    NsNode *node = node_clone(e->a, old, old->kids);
    int r = node == NULL ? -ENOMEM : 0;
    for (unsigned i = 0; i < old->nmember && r == 0; i++) {
        NsMember *m = &node->member[i];
        if ((m->file->flags & FILE_DYNAMIC) != 0 || !e->is_view(m->file))
            continue;
        node_put(m->inner);         /* names below the other one's view are not this one's */
        m->inner = NULL;
        m->file = file_get(e->file);
        file_put(old->member[i].file);
        r = nslog_replace_src(e->a, e->root, m->line, e->src);
    }
    if (r < 0) {
        node_put(node);
        return r;
    }
    *out = node;
    return 0;
}

int ns_replace(Call *c, Ns *ns, const char *path, bool (*is_view)(const File *), File *file)
{
    AUTO_CHAN Chan *src = chan_new(c, file_get(file), NULL);
    if (src == NULL)
        return -ENOMEM;
    Edit e = { .c = c, .ns = ns, .path = path, .is_view = is_view, .file = file, .src = src };
    return edit_run(&e, replace_at);
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
