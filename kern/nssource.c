/* SPDX-License-Identifier: MIT */
/*
 * What the source of a bind brings: members, as its writer sees it. All of it is found before the namespace is locked, since views may
 * have to be asked for what they stand for.
 */
#include "kern/nsedit.h"

#include "kern/walkto.h"

/* What a Chan is as a node: the union, or the file that stands for another by who looks; NULL: just its file. */
static NsNode *chan_node(const Chan *ch)
{
    if (ch->own != NULL)
        return node_is(ch->own, NODE_BOUND) ? ch->own : NULL;
    return node_is(ch->inner, NODE_BOUND) ? ch->inner : NULL;
}

/* The file that a bind of ch holds: not resolved. */
File *chan_raw_file(const Chan *ch)
{
    const NsNode *node = chan_node(ch);
    if (node == NULL && node_is(ch->inner, NODE_BOUND))
        node = ch->inner;
    return node == NULL ? ch->file : node->member[0].file;
}

/* A source is what its writer sees: is a member something else? */
static bool needs_look(const Edit *e, const NsMember *m, bool other_ns)
{
    return (other_ns && (m->file->flags & FILE_DYNAMIC) != 0) || (e->writer != NULL && !member_seen(e->writer, m));
}

/*
 * Node as the writer sees it: without members that are hidden from it; where the bind is made in another namespace, with the file that the
 * writer sees in place of one that stands for others by who looks. *out is owned.
 */
static int as_seen(Edit *e, NsNode *node, bool other_ns, NsNode **out)
{
    unsigned n = 0, odd = 0;
    for (unsigned i = 0; i < node->nmember; i++)
        odd += needs_look(e, &node->member[i], other_ns);
    if (odd == 0) {
        *out = nsobj_get((NsObj *)node);
        return 0;
    }
    NsMember *m = mem_alloc(node->nmember * sizeof *m);
    if (m == NULL)
        return -ENOMEM;
    int r = 0;
    for (unsigned i = 0; i < node->nmember && r == 0; i++) {
        m[n] = node->member[i];
        if (e->writer != NULL && !member_seen(e->writer, &m[n]))
            continue;
        if (other_ns && (m[n].file->flags & FILE_DYNAMIC))
            r = m[n].file->dev->resolve(e->c, m[n].file, &m[n].file);
        else
            file_get(m[n].file);
        n += r == 0;
    }
    if (r == 0) {                   /* n is 0 for a root of which all is hidden: then it is an empty directory */
        *out = node_new(e->a, node->name, n > 0 ? NODE_BOUND : NODE_PASS, node->kids, m, n, 0);
        r = *out == NULL ? -ENOMEM : 0;
    }
    if (r == 0)
        (*out)->mask = node->mask;
    while (n > 0)
        file_put(m[--n].file);
    mem_free(m);
    return r;
}

void edit_source_end(Edit *e)
{
    for (unsigned i = 0; i < e->nmember; i++) {
        node_put(e->member[i].inner);
        file_put(e->member[i].file);
    }
    mem_free(e->member);
}

/* Takes a member of the source among those that it brings. create: it takes new names there. */
static void bring_member(Edit *e, const NsMember *from, unsigned flags, bool rdonly, bool create)
{
    bool plain = (e->flags & (BIND_BEFORE | BIND_AFTER)) == 0;
    create = create && (plain || (flags & BIND_CREATE));
    NsNode *inner = e->flags & BIND_SHALLOW ? NULL : from->inner;
    e->member[e->nmember++] = (NsMember){ .file = file_get(from->file),
                                          .inner = nsobj_get((NsObj *)inner),
                                          .flags = (rdonly ? BIND_RDONLY : 0) | (create ? BIND_CREATE : 0) };
}

/* The members of a union become members here; with -x their files alone, also of unions that they graft. */
static void bring_members(Edit *e, const NsNode *node, unsigned flags, bool rdonly, bool create)
{
    for (unsigned i = 0; i < node->nmember; i++) {
        const NsMember *m = &node->member[i];
        bool ro = rdonly || (m->flags & BIND_RDONLY) != 0, takes = create && (m->flags & BIND_CREATE) != 0;
        if (e->writer != NULL && !member_seen(e->writer, m))
            continue;
        if ((e->flags & BIND_SHALLOW) && node_is(m->inner, NODE_BOUND))
            bring_members(e, m->inner, flags, ro, takes || (create && node->nmember == 1));
        else
            bring_member(e, m, flags, ro, takes);
    }
}

/* A union without names bound below it, or with -x. */
static int splice_members(Edit *e, const NsNode *node, unsigned flags)
{
    e->member = mem_alloc(node->files * sizeof *e->member);
    if (e->member == NULL)
        return -ENOMEM;
    bring_members(e, node, flags, (flags & BIND_RDONLY) != 0, true);
    if (e->nmember == 1)
        e->member[0].flags |= flags & BIND_CREATE;
    return 0;
}

/* One member: the file, with what is bound below it. */
static int single_member(Edit *e, NsNode *own, NsNode *inner, unsigned flags)
{
    const Chan *s = e->src;
    e->member = mem_alloc(sizeof *e->member);
    if (e->member == NULL)
        return -ENOMEM;
    e->nmember = 1;
    NsMember *m = &e->member[0];
    *m = (NsMember){ .file = file_get(s->file), .flags = flags };
    const NsNode *grafted = node_is(own, NODE_BOUND) ? own : inner;
    for (unsigned i = 0; node_is(grafted, NODE_BOUND) && grafted->nmember > 1 && i < grafted->nmember; i++)
        if ((e->flags & (BIND_BEFORE | BIND_AFTER)) == 0)
            m->flags |= grafted->member[i].flags & BIND_CREATE;     /* as when its members are taken one by one */
    if (e->flags & BIND_SHALLOW)
        return 0;
    int r = node_overlay(e->a, s->file, own, inner, s->flags & CHAN_RDONLY ? BIND_RDONLY : 0, &m->inner);
    if (r == 0 && node_is(m->inner, NODE_BOUND)) {
        file_put(m->file);
        m->file = file_get(m->inner->member[0].file);
    }
    return r;
}

int edit_source(Edit *e, bool other_ns)
{
    const Chan *s = e->src;
    bool as_writer = other_ns && (s->flags & CHAN_SOURCE) == 0;
    unsigned flags = (s->flags & CHAN_RDONLY ? BIND_RDONLY : 0) | (e->flags & (BIND_RDONLY | BIND_CREATE));
    NsNode *own = nsobj_get((NsObj *)s->own), *inner = nsobj_get((NsObj *)s->inner);
    NsNode **bound = node_is(own, NODE_BOUND) ? &own : node_is(inner, NODE_BOUND) ? &inner : NULL;
    int r = 0;
    if (bound != NULL) {
        NsNode *seen = NULL;
        r = as_seen(e, *bound, as_writer, &seen);
        if (r == 0) {
            node_put(*bound);
            *bound = seen;
        }
    }
    NsNode *whole = bound != NULL && (bound == &own || own == NULL || (e->flags & BIND_SHALLOW)) ? *bound : NULL;
    if (r == 0 && node_is(whole, NODE_BOUND) && (whole->kids == NULL || (e->flags & BIND_SHALLOW)))
        r = splice_members(e, whole, flags);
    else if (r == 0)
        r = single_member(e, own, inner, flags);
    node_put(own);
    node_put(inner);
    return r;
}
