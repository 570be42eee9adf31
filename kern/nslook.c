/* SPDX-License-Identifier: MIT */
/*
 * Looking a name up in a tree of names. One order holds everywhere, here and in listings (union.c): the node's own child, then
 * member by member, its inner tree before its file; the first that has the name. What is hidden, by name or by identity,
 * ends the search. A member that is itself hidden by identity is passed over.
 *
 * Trees nest through members only, and bind bounds how deep (NsNode.depth): that bounds the recursion here.
 */
#include <string.h>

#include "kern/chan.h"
#include "kern/ns.h"
#include "kern/nsnode.h"
#include "kern/synth.h"

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

/* ---- members ------------------------------------------------------------------------------------------------------ */

typedef struct Leaf {
    File *file;                     /* borrowed, not resolved */
    bool rdonly;
} Leaf;

/* The first file of a bound node that is not hidden. */
static bool first_leaf(const NsRoot *root, const NsNode *node, bool rdonly, Leaf *out)
{
    for (unsigned i = 0; i < node->nmember; i++) {
        const NsMember *m = &node->member[i];
        bool ro = rdonly || (m->flags & BIND_RDONLY) != 0;
        if (node_is(m->inner, NODE_BOUND)) {
            if (first_leaf(root, m->inner, ro, out))
                return true;
        } else if (!root_hides_file(root, m->file)) {
            *out = (Leaf){ .file = m->file, .rdonly = ro };
            return true;
        }
    }
    return false;
}

File *node_file(const NsRoot *root, const NsNode *node)
{
    Leaf leaf;
    return first_leaf(root, node, false, &leaf) ? leaf.file : NULL;
}

bool node_seen(const NsRoot *root, const NsNode *node)
{
    return root->hidden == NULL || node_file(root, node) != NULL;
}

uint16_t node_flags(const NsRoot *root, const NsNode *node)
{
    Leaf first;
    return first_leaf(root, node, false, &first) && first.rdonly ? CHAN_SELF_RDONLY : 0;
}

/* Fills s with file (borrowed), or with the one that it stands for. */
static int resolve(Call *c, const NsRoot *root, File *file, Spot *s)
{
    s->file = file;
    s->owned = false;
    if ((file->flags & FILE_DYNAMIC) == 0)
        return 0;
    File *real = NULL;
    int r = file->dev->resolve(c, file, &real);
    if (r < 0)
        return r;
    s->file = real;
    s->owned = true;
    if (!root_hides_file(root, real))
        return 0;
    spot_drop(s);
    return -ENOENT;
}

/* What a member is: its own file, or the first one of a union that it grafts. */
static int resolve_member(Call *c, const NsRoot *root, const NsMember *m, Spot *s)
{
    Leaf leaf = { .file = m->file };
    bool seen =
        node_is(m->inner, NODE_BOUND) ? first_leaf(root, m->inner, false, &leaf) : !root_hides_file(root, m->file);
    return seen ? resolve(c, root, leaf.file, s) : -ENOENT;
}

int member_file(Call *c, const NsRoot *root, const NsMember *m, File **out)
{
    Spot s = { 0 };
    int r = resolve_member(c, root, m, &s);
    if (r == 0)
        *out = s.owned ? s.file : file_get(s.file);
    return r;
}

/* ---- looking up --------------------------------------------------------------------------------------------------- */

typedef struct Lookup {
    Call *c;
    const NsRoot *root;
    Temps *temps;
    const char *name;
    uint64_t hash;
    bool hidden;
} Lookup;

static int lookup_in(Lookup *l, const Spot *dir, Spot *out);

static int hidden_here(Lookup *l)
{
    l->hidden = true;
    return -ENOENT;
}

/* What stands at a bound node: its first member decides what it is, all members what is in it. */
static int enter_bound(Lookup *l, NsNode *node, Spot *out)
{
    Leaf first = { .file = node->member[0].file, .rdonly = (node->member[0].flags & BIND_RDONLY) != 0 };
    bool simple = l->root->hidden == NULL && node->member[0].inner == NULL;
    if (!simple && !first_leaf(l->root, node, false, &first))
        return hidden_here(l);
    *out = (Spot){ .own = node };
    int r = resolve(l->c, l->root, first.file, out);
    if (r == -ENOENT)
        return hidden_here(l);
    out->flags = first.rdonly ? CHAN_SELF_RDONLY : 0;
    return r;
}

/* What the inner tree calls its own is inner seen from here. */
static int lookup_inner(Lookup *l, File *file, NsNode *inner, uint16_t flags, Spot *out)
{
    Spot dir = { .file = file, .own = inner, .flags = flags };
    int r = lookup_in(l, &dir, out);
    if (r < 0)
        return r;
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

/* A file that stands for a place of another namespace: that place, with its names and its rights. Takes f. */
static int enter_place(Lookup *l, File *f, uint16_t flags, Spot *out)
{
    AUTO_CHAN Chan *ch = NULL;
    NsNode *names = NULL;
    int r = f->dev->place(l->c, f, &ch);
    file_put(f);
    if (r < 0)
        return r;
    if (root_hides_file(l->root, ch->file))
        return hidden_here(l);
    r = node_overlay(call_account(l->c), ch->file, ch->own, ch->inner, 0, &names);
    if (r == 0 && names != NULL)
        r = temps_add(l->temps, names);
    if (r < 0)
        return r;
    *out = (Spot){ .file = file_get(ch->file),
                   .owned = true,
                   .inner = names,
                   .flags = (uint16_t)(flags | ch->flags | CHAN_SOURCE) };
    return 0;
}

/* One member: its inner names first, then its file. */
static int lookup_member(Lookup *l, File *file, NsNode *inner, uint16_t flags, Spot *out)
{
    if (inner != NULL)
        return lookup_inner(l, file, inner, flags, out);
    if (!file_has_names(file))
        return -ENOTDIR;
    File *found = NULL;
    int r = file->dev->walk == NULL ? -ENOENT : file->dev->walk(l->c, file, l->name, &found);
    if (r < 0)
        return r;
    if (found->flags & FILE_PLACE)
        return enter_place(l, found, flags, out);
    if (root_hides_file(l->root, found)) {
        file_put(found);
        return hidden_here(l);
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
    const NsNode *node = dir->own;
    if (!node_is(node, NODE_BOUND))
        return lookup_member(l, dir->file, dir->inner, dir->flags & CHAN_RDONLY, out);
    if (node->nmember == 1 &&
        (l->root->hidden == NULL || member_seen(l->root, &node->member[0]))) /* its file is dir's */
        return lookup_member(l, dir->file, node->member[0].inner, member_flags(dir->flags, &node->member[0]), out);
    int r = -ENOENT;
    for (unsigned i = 0; i < node->nmember && r == -ENOENT && !l->hidden; i++) {
        const NsMember *m = &node->member[i];
        Spot at = { 0 };
        r = resolve_member(l->c, l->root, m, &at);
        if (r == 0)
            r = lookup_member(l, at.file, m->inner, member_flags(dir->flags, m), out);
        spot_drop(&at);
    }
    return r;
}

uint64_t made_id(const File *dir, const NsNode *kid)
{
    return hash_u64(kid->item.hash ^ hash_u64(dir->id ^ hash_u64(dir->space)));
}

/* Only what is bound below makes this name. */
static int make_dir(Lookup *l, const Spot *dir, NsNode *kid, Spot *out)
{
    File *made = synth_dir(made_id(dir->file, kid));
    if (made == NULL)
        return -ENOMEM;
    if (root_hides_file(l->root, made)) {
        file_put(made);
        return hidden_here(l);
    }
    *out = (Spot){ .file = made, .own = kid, .owned = true };
    return 0;
}

/* What is below a mask is one, too. */
static int pass_mask(Lookup *l, NsNode *kid, Spot *out)
{
    NsNode *mask = node_new(call_account(l->c), kid->name, NODE_PASS, kid->kids, NULL, 0, 0);
    int r = -ENOMEM;
    if (mask != NULL) {
        mask->mask = true;
        r = temps_add(l->temps, mask);
    }
    if (r < 0)
        spot_drop(out);
    else
        out->own = mask;
    return r;
}

static int lookup_in(Lookup *l, const Spot *dir, Spot *out)
{
    NsNode *kid = node_kid(dir->own, l->name, l->hash);
    if (node_is(kid, NODE_HIDDEN))
        return hidden_here(l);
    if (node_is(kid, NODE_BOUND))
        return enter_bound(l, kid, out);            /* made at this very name: its own flags count */
    int r = lookup_under(l, dir, out);
    if (kid == NULL || (r < 0 && (r != -ENOENT || l->hidden)))
        return r;
    if (dir->own->mask)
        return r < 0 || !file_has_names(out->file) ? r : pass_mask(l, kid, out);
    if (r == 0 && !file_has_names(out->file)) {     /* others put a file there: the names below stay */
        spot_drop(out);
        r = -ENOENT;
    }
    if (r == -ENOENT)
        return make_dir(l, dir, kid, out);
    out->own = kid;
    return 0;
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

File *spot_plain(const NsRoot *root, const Spot *dir, uint16_t *flags)
{
    const NsNode *node = dir->own;
    if (root->hidden != NULL || dir->inner != NULL)
        return NULL;
    if (node == NULL) {
        *flags = dir->flags & CHAN_RDONLY;
        return dir->file;
    }
    if (node->state != NODE_BOUND || node->kids != NULL || node->mask || node->nmember != 1 ||
        node->member[0].inner != NULL)
        return NULL;
    *flags = member_flags(dir->flags, &node->member[0]);
    return dir->file;
}

int spot_root(Call *c, const NsRoot *root, Spot *out)
{
    Lookup l = { .c = c, .root = root };
    NsNode *top = root->top;
    int r = top->state == NODE_BOUND ? enter_bound(&l, top, out) : -ENOENT;
    if (r == -ENOENT) {             /* nothing is bound there, or all of it is hidden */
        r = 0;
        File *made = synth_dir(0);
        if (made == NULL)
            return -ENOMEM;
        *out = (Spot){ .file = made, .own = top, .owned = true };
    }
    if (r == 0)
        out->flags |= CHAN_ROOT;
    return r;
}

/* ---- where a new name goes ---------------------------------------------------------------------------------------- */

static int take(Call *c, const NsRoot *root, const NsMember *m, bool rdonly, File **out)
{
    if (rdonly)
        return member_seen(root, m) ? -EROFS : -ENOENT;
    return member_file(c, root, m, out);
}

/* A union that a member of a union grafts counts as one: where its members differ, its own -c decides. */
static int create_in(Call *c, const NsRoot *root, const NsNode *node, bool rdonly, File **out)
{
    for (unsigned i = 0; i < node->nmember; i++) {
        const NsMember *m = &node->member[i];
        if (node->nmember > 1 && (m->flags & BIND_CREATE) == 0)
            continue;
        bool ro = rdonly || (m->flags & BIND_RDONLY) != 0;
        int r = node_is(m->inner, NODE_BOUND) ? create_in(c, root, m->inner, ro, out) : take(c, root, m, ro, out);
        if (r != -ENOENT && r != -EPERM)    /* hidden, or a union that takes none: the next one that takes names does */
            return r;
    }
    return -EPERM;
}

int spot_create_dir(Call *c, const NsRoot *root, const Spot *dir, File **out)
{
    bool rdonly = (dir->flags & CHAN_RDONLY) != 0;
    const NsNode *node = node_is(dir->own, NODE_BOUND) ? dir->own : dir->inner;
    if (node_is(node, NODE_BOUND))
        return create_in(c, root, node, rdonly, out);
    if (rdonly)
        return -EROFS;
    *out = file_get(dir->file);
    return 0;
}

/* ---- who has a name ----------------------------------------------------------------------------------------------- */

typedef struct Holder {
    Call *c;
    const NsRoot *root;
    const char *name;
    uint64_t hash;
    File *dir, *found;              /* owned */
} Holder;

enum { HOLDER_NONE = 1 };           /* not here: go on */

static int hold_in(Holder *h, File *file, const NsNode *own, const NsNode *inner, bool rdonly);

static int hold_member(Holder *h, File *file, const NsNode *inner, bool rdonly)
{
    if (inner != NULL)
        return hold_in(h, file, inner, NULL, rdonly);
    File *found = NULL;
    int r = file->dev->walk == NULL ? -ENOENT : file->dev->walk(h->c, file, h->name, &found);
    if (r < 0)
        return r == -ENOENT ? HOLDER_NONE : r;
    if (root_hides_file(h->root, found) || rdonly) {
        bool hidden = root_hides_file(h->root, found);
        file_put(found);
        return hidden ? -ENOENT : -EROFS;
    }
    h->dir = file_get(file);
    h->found = found;
    return 0;
}

static int hold_in(Holder *h, File *file, const NsNode *own, const NsNode *inner, bool rdonly)
{
    const NsNode *kid = node_kid(own, h->name, h->hash);
    if (kid != NULL && (kid->state != NODE_PASS || !own->mask))
        return kid->state == NODE_HIDDEN || (kid->state == NODE_BOUND && !node_seen(h->root, kid)) ? -ENOENT : -EBUSY;
    if (!node_is(own, NODE_BOUND))
        return hold_member(h, file, inner, rdonly);
    int r = HOLDER_NONE;
    for (unsigned i = 0; i < own->nmember && r == HOLDER_NONE; i++) {
        const NsMember *m = &own->member[i];
        AUTO_FILE *f = NULL;
        r = member_file(h->c, h->root, m, &f);
        if (r == 0)
            r = hold_member(h, f, m->inner, rdonly || (m->flags & BIND_RDONLY) != 0);
        else if (r == -ENOENT)
            r = HOLDER_NONE;
    }
    return r;
}

int spot_holder(Call *c, const NsRoot *root, const Spot *dir, const char *name, File **holder, File **found)
{
    Holder h = { .c = c, .root = root, .name = name, .hash = name_hash(name, strlen(name)) };
    int r = hold_in(&h, dir->file, dir->own, dir->inner, (dir->flags & CHAN_RDONLY) != 0);
    if (r < 0 || r == HOLDER_NONE)
        return r < 0 ? r : -ENOENT;
    *holder = h.dir;
    *found = h.found;
    return 0;
}
