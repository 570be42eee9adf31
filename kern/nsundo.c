/* SPDX-License-Identifier: MIT */
/*
 * Hiding names of a namespace, and undoing what was bound. Hidden is a name, and the files that stood there: by identity, so that
 * no other name of this namespace reaches them. What unbind takes away is only what was bound since the seal; below
 * an older bind it never shows anything.
 */
#include "kern/nsedit.h"

#include <string.h>

#include "kern/walkto.h"

/* ---- hide --------------------------------------------------------------------------------------------------------- */

/* A hidden name, which hides these files too (takes hides); what stood there goes for good. */
static int hidden_name(Edit *e, NsNode *old, Map *hides, NsNode **out)
{
    NsNode *node = node_new(e->a, path_last(e->path), NODE_HIDDEN, NULL, NULL, 0, 0);
    if (node == NULL) {
        nsobj_put((NsObj *)hides);
        return -ENOMEM;
    }
    node->hides = hides;
    node->gen = e->root->gen;
    node->line = e->root->next_line;
    NsLine line = { .hide = true, .what = "", .dst = e->path };
    int r = old == NULL ? 0 : nslog_forget(e->a, e->root, old);
    if (r == 0)
        r = nslog_add(e->a, e->root, &line);
    if (r < 0) {
        node_put(node);
        return r;
    }
    *out = node;
    return 0;
}

/* All that members are: their files, or those of the unions that they graft. */
static int hide_members(Edit *e, const NsMember *m, unsigned n, Map **hides)
{
    int r = 0;
    for (unsigned i = 0; i < n && r == 0; i++) {
        const NsNode *inner = m[i].inner;
        NsHidden file = hidden_of(m[i].file);
        r = node_is(inner, NODE_BOUND) ? hide_members(e, inner->member, inner->nmember, hides)
                                       : edit_hide(e, &file, hides);
    }
    return r;
}

typedef struct HideEach {
    Edit *e;
    Map **hides;
} HideEach;

static int hide_item(void *arg, MapItem *item)
{
    HideEach *h = arg;
    return edit_hide(h->e, (const NsHidden *)item, h->hides);
}

static int hide_at(Edit *e, NsNode *old, NsNode **out)
{
    if (node_is(old, NODE_HIDDEN)) {
        *out = nsobj_get((NsObj *)old);
        return 0;
    }
    Map *hides = NULL;
    HideEach each = { .e = e, .hides = &hides };
    int r = map_each(e->hides, hide_item, &each);
    if (r == 0 && node_is(old, NODE_BOUND))
        r = hide_members(e, old->member, old->nmember, &hides);
    if (r == 0 && e->there != NULL) {
        /* What the walk saw: the file itself, the union that a graft brought, the file that a view stands for. */
        NsMember seen[2] = { { .file = e->there->file }, { .file = e->there->file, .inner = e->there->inner } };
        r = hide_members(e, seen, 2, &hides);
    }
    if (r < 0) {
        nsobj_put((NsObj *)hides);
        return r;
    }
    return hidden_name(e, old, hides, out);
}

/* The hidden name that a graft brought to name in a directory, or NULL. */
static const NsNode *hidden_inside(const NsNode *own, const NsNode *inner, const char *name, uint64_t hash)
{
    const NsNode *kid = node_kid(own, name, hash);
    if (kid != NULL)
        return node_is(kid, NODE_HIDDEN) ? kid : NULL;
    if (!node_is(own, NODE_BOUND))
        return inner == NULL ? NULL : hidden_inside(inner, NULL, name, hash);
    for (unsigned i = 0; i < own->nmember && kid == NULL; i++)
        if (own->member[i].inner != NULL)
            kid = hidden_inside(own->member[i].inner, NULL, name, hash);
    return kid;
}

/* What a name that is not there hides: told on, so that a dump, replayed from sources that hide it already, hides as much. */
static int hidden_before(Call *c, WalkFrom from, const Path *path, Map **hides)
{
    char up[PATH_MAX_LEN + 1];
    const char *name = path_last(path->s);
    size_t n = (size_t)(name - path->s);
    memcpy(up, path->s, n);
    up[n] = '\0';
    AUTO_CHAN Chan *dir = NULL;
    int r = walk_path(c, (WalkFrom){ .ns = from.ns }, up, WALK_NOFOLLOW, &dir);
    if (r < 0)
        return r == WAIT || r == -ENOMEM ? r : 0;
    const NsNode *node = hidden_inside(dir->own, dir->inner, name, name_hash(name, strlen(name)));
    *hides = node == NULL ? NULL : nsobj_get((NsObj *)node->hides);
    return 0;
}

int ns_hide(Call *c, WalkFrom from, const char *dst)
{
    WalkEnd end = { 0 };
    int r = edit_look(c, from, dst, WALK_NOFOLLOW, &end);
    if (r < 0)
        return end.hidden ? 0 : r;  /* below what is hidden nothing is left to hide */
    AUTO_CHAN Chan *at = end.chan;
    if (at->path->len == 1)
        return fail(c, -EINVAL, "hide: not the root");
    Edit e = { .c = c, .ns = from.ns, .path = at->path->s, .there = end.missing ? NULL : at };
    if (end.missing)
        r = hidden_before(c, from, at->path, &e.hides);
    if (r == 0)
        r = edit_run(&e, hide_at);
    nsobj_put((NsObj *)e.hides);
    return r;
}

/* ---- unbind ------------------------------------------------------------------------------------------------------- */

/* What was bound since the seal goes, what stood there then comes back. What is older leaves a hidden name. */
static int unbind_at(Edit *e, NsNode *old, NsNode **out)
{
    if (!edit_since_seal(e, old))
        return e->path[1] == '\0' ? fail(e->c, -EPERM, "unbind: the root is older than the task")
                                  : hidden_name(e, old, NULL, out);
    int r = edit_forget_members(e, old);
    if (r < 0)
        return r;
    if (old->keep_kids)
        return edit_covered(e, old, out);
    r = nslog_forget_kids(e->a, e->root, old);
    if (r == 0)
        *out = nsobj_get((NsObj *)old->covered);
    return r;
}

/* The newest member that src is, or NULL. */
static const NsMember *member_of(const NsNode *node, const Chan *src)
{
    const NsMember *found = NULL;
    for (unsigned i = 0; i < node->nmember; i++) {
        const NsMember *m = &node->member[i];
        if (i > 0 && m->line == m[-1].line)
            continue;               /* of a union that was bound, the first member is what was bound */
        bool same = file_same(m->file, src->file) || file_same(m->file, chan_raw_file(src));
        if (same && (found == NULL || m->line > found->line))
            found = m;
    }
    return found;
}

/* Without the members of one line. When nothing that was bound since the seal is left but what was there before, all is undone. */
static int without_line(Edit *e, NsNode *old, uint64_t line, NsNode **out)
{
    NsMember *left = mem_alloc(old->nmember * sizeof *left);
    if (left == NULL)
        return -ENOMEM;
    unsigned n = 0, bound = 0;
    for (unsigned i = 0; i < old->nmember; i++) {
        const NsMember *m = &old->member[i];
        if (m->line == line)
            continue;
        left[n++] = *m;
        bound += (m->flags & MEMBER_WAS) == 0 && m->gen == e->root->gen;
    }
    if (bound == 0) {
        mem_free(left);
        return unbind_at(e, old, out);
    }
    NsNode *node = node_new(e->a, old->name, NODE_BOUND, old->kids, left, n, 0);
    mem_free(left);
    int r = node == NULL ? -ENOMEM : nslog_forget_line(e->a, e->root, line);
    if (r < 0) {
        node_put(node);
        return r;
    }
    node->gen = old->gen;
    node->keep_kids = old->keep_kids;
    node->covered = nsobj_get((NsObj *)old->covered);
    *out = node;
    return 0;
}

static int unbind_member(Edit *e, NsNode *old, NsNode **out)
{
    if (!node_is(old, NODE_BOUND))
        return fail(e->c, -EINVAL, "unbind: %s: nothing is bound there", e->path);
    const NsMember *gone = member_of(old, e->src);
    if (gone == NULL)
        return fail(e->c, -EINVAL, "unbind: %s is not bound at %s", e->src->path->s, e->path);
    if (gone->gen != e->root->gen)
        return fail(e->c, -EPERM, "unbind: %s at %s is older than the task", e->src->path->s, e->path);
    return without_line(e, old, gone->line, out);
}

int ns_unbind(Call *c, WalkFrom from, Chan *src, const char *dst)
{
    WalkEnd end;
    int r = edit_look(c, from, dst, 0, &end);
    if (r < 0)
        return r;
    AUTO_CHAN Chan *at = end.chan;
    Edit e = { .c = c, .ns = from.ns, .path = at->path->s, .src = src };
    if (src != NULL)
        return edit_run(&e, unbind_member);
    uint64_t version;
    const NsNode *node = root_node(ns_pin(c, from.ns, &version), at->path->s);
    if (node_is(node, NODE_HIDDEN))
        return 0;
    return node_is(node, NODE_BOUND) ? edit_run(&e, unbind_at) : ns_hide(c, from, dst);
}
