/* SPDX-License-Identifier: MIT */
/*
 * The naive namespace. Plain lists, plain recursion; whatever is slow here is meant to be.
 */
#include "test/nsmodel.h"

#include <stdlib.h>
#include <string.h>

#include "os/err.h"

typedef struct MMember {
    const MPlace *place;
    bool rdonly, create, was;
    unsigned line, gen;
} MMember;

typedef struct MEntry MEntry;
struct MEntry {                     /* what stands at one path */
    char path[MODEL_DEPTH + 1];
    bool hidden;
    unsigned nmember;
    MMember member[MODEL_LIST];
    unsigned gen;
    bool keep;                      /* undoing it keeps what is below */
    const MEntry *saved[MODEL_LIST];    /* what stood at the path and below, to come back */
    unsigned nsaved;
    MFile *hides[MODEL_LIST];
    unsigned nhides;
};

struct MState {
    const MEntry *entry[MODEL_LIST];
    unsigned n;
    MFile *hidden[2 * MODEL_LIST];
    unsigned nhidden;
    unsigned gen, line;
};

/* ---- memory ------------------------------------------------------------------------------------------------------- */

static struct Block {
    struct Block *next;
} * blocks;

static void *make(size_t n)
{
    struct Block *b = calloc(1, sizeof *b + n);
    if (b == NULL)
        abort();
    b->next = blocks;
    blocks = b;
    return b + 1;
}

static MFile *synths[1024];
static unsigned nsynth;

void model_reset(void)
{
    while (blocks != NULL) {
        struct Block *b = blocks;
        blocks = b->next;
        free(b);
    }
    nsynth = 0;
}

static void *copy_of(const void *p, size_t n)
{
    return memcpy(make(n), p, n);
}

MFile *model_file(bool dir, unsigned fs)
{
    MFile *f = make(sizeof *f);
    f->dir = dir;
    f->fs = fs;
    return f;
}

/* The synthetic directory for a name: the same for the same directory. */
static MFile *synth(MFile *in, char name)
{
    for (unsigned i = 0; i < nsynth; i++)
        if (synths[i]->made_in == in && synths[i]->made_name == name)
            return synths[i];
    MFile *f = model_file(true, 0);
    f->made_in = in;
    f->made_name = name;
    if (nsynth == sizeof synths / sizeof synths[0])
        abort();
    return synths[nsynth++] = f;
}

MState *model_state(void)
{
    MState *s = make(sizeof *s);
    s->gen = s->line = 1;
    return s;
}

/* ---- paths and lists ---------------------------------------------------------------------------------------------- */

static bool is_below(const char *path, const char *dir)     /* strictly */
{
    size_t n = strlen(dir);
    return strncmp(path, dir, n) == 0 && path[n] != '\0';
}

typedef struct MPath {
    char s[2 * MODEL_DEPTH];
} MPath;

static MPath with(const char *path, char name)
{
    MPath p = { "" };
    size_t n = strlen(path);
    memcpy(p.s, path, n);
    p.s[n] = name;
    return p;
}

static const MEntry *entry_at(const MState *s, const char *path)
{
    for (unsigned i = 0; s != NULL && i < s->n; i++)
        if (strcmp(s->entry[i]->path, path) == 0)
            return s->entry[i];
    return NULL;
}

static const MEntry *bound_at(const MState *s, const char *path)
{
    const MEntry *e = entry_at(s, path);
    return e != NULL && !e->hidden ? e : NULL;
}

static bool any_below(const MState *s, const char *path)
{
    for (unsigned i = 0; s != NULL && i < s->n; i++)
        if (is_below(s->entry[i]->path, path))
            return true;
    return false;
}

static bool is_hidden(const MState *now, const MFile *f)
{
    for (unsigned i = 0; i < now->nhidden; i++)
        if (now->hidden[i] == f)
            return true;
    return false;
}

static MPlace *place(const MState *s, const char *path, const MPlace *below, MFile *file)
{
    MPlace *p = make(sizeof *p);
    p->state = s;
    strcpy(p->path, path);
    p->below = below;
    p->file = file;
    return p;
}

MPlace model_root_of(MFile *root)
{
    return (MPlace){ .file = root };
}

/* ---- looking up: `now` is who looks, for what is hidden ----------------------------------------------------------- */

/* The first file that a place is, of those that are not hidden; NULL: all are. */
static MFile *leaf(const MState *now, const MPlace *p, bool rdonly, bool *ro)
{
    const MEntry *e = bound_at(p->state, p->path);
    if (e == NULL && p->below != NULL)
        return leaf(now, p->below, rdonly, ro);
    if (e == NULL) {
        if (is_hidden(now, p->file))
            return NULL;
        *ro = rdonly;
        return p->file;
    }
    for (unsigned i = 0; i < e->nmember; i++) {
        MFile *f = leaf(now, e->member[i].place, rdonly || e->member[i].rdonly, ro);
        if (f != NULL)
            return f;
    }
    return NULL;
}

/* A plain file below names that only lead elsewhere is not hidden here: who looked it up has seen to that. */
static const MEntry *members_of(const MPlace *p)
{
    while (p != NULL) {
        const MEntry *e = bound_at(p->state, p->path);
        if (e != NULL)
            return e;
        p = p->below;
    }
    return NULL;
}

static MFile *member_leaf(const MState *now, const MMember *m)
{
    bool ro;
    return leaf(now, m->place, false, &ro);
}

typedef struct Look {
    const MState *now;
    char name;
    bool hidden;
} Look;

static int look(Look *l, const MPlace *d, MFile *file, bool rdonly, MPlace *out);

/* What another place's names led to: its names stay below, and so do the rights by which it was reached. */
static void nest(MPlace *out, bool rdonly)
{
    out->rdonly = out->rdonly || rdonly;
    if (out->state == NULL)
        return;
    const MPlace *below = copy_of(out, sizeof *out);
    *out = (MPlace){ .below = below, .file = below->file, .rdonly = below->rdonly, .self_rdonly = below->self_rdonly };
}

static int look_under(Look *l, const MPlace *d, MFile *file, bool rdonly, MPlace *out)
{
    const MEntry *e = bound_at(d->state, d->path);
    if (e != NULL) {
        int r = -ENOENT;
        for (unsigned i = 0; i < e->nmember && r == -ENOENT && !l->hidden; i++) {
            MFile *f = member_leaf(l->now, &e->member[i]);
            bool ro = rdonly || e->member[i].rdonly;
            if (f != NULL)
                r = look(l, e->member[i].place, f, ro, out);
            if (f != NULL && r == 0)
                nest(out, ro);
        }
        return r;
    }
    if (d->below != NULL) {
        int r = look(l, d->below, file, rdonly, out);
        if (r == 0)
            nest(out, rdonly);
        return r;
    }
    if (!file->dir)
        return -ENOTDIR;
    MFile *f = file->child[l->name - 'a'];
    if (f == NULL)
        return -ENOENT;
    l->hidden = is_hidden(l->now, f);
    *out = (MPlace){ .file = f, .rdonly = rdonly };
    return l->hidden ? -ENOENT : 0;
}

static int look(Look *l, const MPlace *d, MFile *file, bool rdonly, MPlace *out)
{
    const MPath path = with(d->path, l->name);
    const MEntry *e = entry_at(d->state, path.s);
    if (e != NULL) {
        bool ro = false;
        MPlace at = { .state = d->state };
        strcpy(at.path, path.s);
        at.file = e->hidden ? NULL : leaf(l->now, &at, false, &ro);
        l->hidden = at.file == NULL;
        at.self_rdonly = ro;
        *out = at;
        return l->hidden ? -ENOENT : 0;
    }
    int r = look_under(l, d, file, rdonly, out);
    if (!any_below(d->state, path.s) || (r < 0 && (r != -ENOENT || l->hidden)))
        return r;
    MPlace at = { .state = d->state };
    strcpy(at.path, path.s);
    if (r == 0 && out->file->dir) {
        at.below = copy_of(out, sizeof *out);
        at.file = out->file;
        at.rdonly = out->rdonly;
        at.self_rdonly = out->self_rdonly;
    } else {
        at.file = synth(file, l->name);
        l->hidden = is_hidden(l->now, at.file);
    }
    *out = at;
    return l->hidden ? -ENOENT : 0;
}

static int look_name(const MState *s, const MPlace *d, char name, MPlace *out, bool *hidden)
{
    Look l = { .now = s, .name = name };
    if (!d->file->dir)
        return -ENOTDIR;
    int r = look(&l, d, d->file, d->rdonly, out);
    *hidden = l.hidden;
    return r;
}

static MPlace root_of(const MState *s)
{
    MPlace p = { .state = s };
    bool ro = false;
    p.file = bound_at(s, "") != NULL ? leaf(s, &p, false, &ro) : NULL;
    if (p.file == NULL)
        p.file = synth(NULL, '/');
    p.self_rdonly = ro;
    return p;
}

int model_walk(const MState *s, const char *path, MPlace *out)
{
    MPlace p = root_of(s);
    for (; *path != '\0'; path++) {
        bool hidden;
        MPlace next;
        int r = look_name(s, &p, *path, &next, &hidden);
        if (r < 0)
            return r;
        p = next;
    }
    *out = p;
    return 0;
}

/* DST: what is not there is only text. */
static int walk_dst(const MState *s, const char *path, MPlace *out, bool *missing)
{
    MPlace p = root_of(s);
    *missing = false;
    for (; *path != '\0'; path++) {
        bool hidden;
        MPlace next;
        int r = *missing ? 0 : look_name(s, &p, *path, &next, &hidden);
        if (r == -ENOENT && (!hidden || path[1] == '\0'))
            *missing = true;
        else if (r < 0)
            return r;
        p = next;
    }
    *out = p;
    return 0;
}

void model_list(const MState *s, const MPlace *p, char *types)
{
    for (char name = 'a'; name < 'a' + MODEL_NAMES; name++) {
        bool hidden;
        MPlace found;
        int r = look_name(s, p, name, &found, &hidden);
        types[name - 'a'] = r < 0 ? 0 : found.file->dir ? 'd' : 'f';
    }
}

/* ---- changing a state --------------------------------------------------------------------------------------------- */

static void add_file(MFile **list, unsigned *n, MFile *f)
{
    for (unsigned i = 0; i < *n; i++)
        if (list[i] == f)
            return;
    list[(*n)++] = f;
}

static void show(MState *s, const MFile *f)
{
    unsigned n = 0;
    for (unsigned i = 0; i < s->nhidden; i++)
        if (s->hidden[i] != f)
            s->hidden[n++] = s->hidden[i];
    s->nhidden = n;
}

/* All files that a place is. */
static void leaves(const MPlace *p, MFile **list, unsigned *n)
{
    const MEntry *e = bound_at(p->state, p->path);
    if (e == NULL && p->below != NULL)
        leaves(p->below, list, n);
    else if (e == NULL)
        add_file(list, n, p->file);
    for (unsigned i = 0; e != NULL && i < e->nmember; i++)
        leaves(e->member[i].place, list, n);
}

static MFile *first_file(const MPlace *p)
{
    const MEntry *e = members_of(p);
    return e != NULL ? first_file(e->member[0].place) : p->file;
}

static void drop_entries(MState *s, const char *path, bool itself)
{
    unsigned n = 0;
    for (unsigned i = 0; i < s->n; i++)
        if (!is_below(s->entry[i]->path, path) && (!itself || strcmp(s->entry[i]->path, path) != 0))
            s->entry[n++] = s->entry[i];
    s->n = n;
}

static void drop_one(MState *s, const char *path)
{
    unsigned n = 0;
    for (unsigned i = 0; i < s->n; i++)
        if (strcmp(s->entry[i]->path, path) != 0)
            s->entry[n++] = s->entry[i];
    s->n = n;
}

static void put_entry(MState *s, const MEntry *e)
{
    if (s->n == MODEL_LIST)
        abort();
    s->entry[s->n++] = e;
}

static bool since_seal(const MState *s, const MEntry *e)
{
    return e != NULL && !e->hidden && e->gen == s->gen;
}

static const MEntry *saved_at(const MEntry *e)
{
    for (unsigned i = 0; i < e->nsaved; i++)
        if (strcmp(e->saved[i]->path, e->path) == 0)
            return e->saved[i];
    return NULL;
}

/* What is to come back when `e`, which takes the place of old, is undone. */
static void save(const MState *s, const MEntry *old, MEntry *e)
{
    const MEntry *was = old != NULL ? saved_at(old) : NULL;
    if (since_seal(s, old) && (!old->keep || e->keep)) {
        memcpy(e->saved, old->saved, sizeof e->saved);
        e->nsaved = old->nsaved;
        return;
    }
    if (since_seal(s, old)) {
        if (was != NULL)
            e->saved[e->nsaved++] = was;
        if (was != NULL && was->hidden)
            return;
    } else if (old != NULL) {
        e->saved[e->nsaved++] = old;
    }
    for (unsigned i = 0; i < s->n; i++)
        if (is_below(s->entry[i]->path, e->path))
            e->saved[e->nsaved++] = s->entry[i];
}

typedef struct Bring {
    const MState *writer;
    unsigned flags;
    MMember *m;
    unsigned n;
    bool full;
} Bring;

static void bring(Bring *b, const MEntry *e, bool rdonly, bool create)
{
    for (unsigned i = 0; i < e->nmember; i++) {
        const MMember *from = &e->member[i];
        const MEntry *inner = (b->flags & M_SHALLOW) ? members_of(from->place) : NULL;
        bool plain = (b->flags & (M_BEFORE | M_AFTER)) == 0, asked = (b->flags & M_CREATE) != 0;
        bool ro = rdonly || from->rdonly, takes = create && from->create;
        if (member_leaf(b->writer, from) == NULL)
            continue;
        if (inner != NULL) {
            bring(b, inner, ro, takes || (create && e->nmember == 1));
            continue;
        }
        if (b->n == MODEL_LIST) {
            b->full = true;
            return;
        }
        MMember *m = &b->m[b->n++];
        *m = (MMember){ .place = from->place, .rdonly = ro };
        m->create = takes && (plain || asked);
        if (b->flags & M_SHALLOW)
            m->place = place(NULL, "", NULL, from->place->file);
    }
}

/* The place without the members that the writer does not see. */
static const MPlace *as_seen(const MState *writer, const MPlace *p)
{
    const MEntry *e = bound_at(p->state, p->path);
    MPlace *seen = copy_of(p, sizeof *p);
    if (e == NULL && p->below != NULL)
        seen->below = as_seen(writer, p->below);
    if (e == NULL)
        return seen;
    MState *s = copy_of(p->state, sizeof *s);
    MEntry *left = copy_of(e, sizeof *e);
    left->nmember = 0;
    for (unsigned i = 0; i < e->nmember; i++)
        if (member_leaf(writer, &e->member[i]) != NULL)
            left->member[left->nmember++] = e->member[i];
    for (unsigned i = 0; i < s->n; i++)
        if (s->entry[i] == e)
            s->entry[i] = left->nmember > 0 ? left : s->entry[--s->n];
    seen->state = s;
    return seen;
}

/* What a source brings: its members, or it as one. */
static unsigned members(const MState *writer, const MPlace *src, unsigned flags, MMember *m)
{
    const MPlace *whole = as_seen(writer, src), *at = whole;
    while (at->state == NULL && at->below != NULL)
        at = at->below;
    const MEntry *e = flags & M_SHALLOW ? members_of(at) : bound_at(at->state, at->path);
    bool plain = (flags & (M_BEFORE | M_AFTER)) == 0;
    bool ro = src->rdonly || (flags & M_RDONLY) != 0;
    if (e != NULL && ((flags & M_SHALLOW) || !any_below(at->state, at->path))) {
        Bring b = { .writer = writer, .flags = flags, .m = m };
        bring(&b, e, ro, true);
        if (b.n == 1)
            m[0].create = m[0].create || (flags & M_CREATE) != 0;
        return b.full ? MODEL_LIST + 1 : b.n;
    }
    m[0] = (MMember){ .place = flags & M_SHALLOW ? place(NULL, "", NULL, src->file) : whole,
                      .rdonly = ro,
                      .create = (flags & M_CREATE) != 0 };
    const MEntry *grafted = members_of(whole);
    for (unsigned i = 0; grafted != NULL && grafted->nmember > 1 && plain && i < grafted->nmember; i++)
        m[0].create = m[0].create || grafted->member[i].create;
    return 1;
}

static void add_was(const MState *s, const MPlace *there, MEntry *e)
{
    const MPlace *p = there;
    if (there->state == s)
        p = there->below != NULL ? there->below : place(NULL, "", NULL, there->file);
    e->member[e->nmember++] = (MMember){ .place = copy_of(p, sizeof *p),
                                         .rdonly = there->rdonly,
                                         .was = true,
                                         .line = s->line,
                                         .gen = s->gen };
}

static MState *change(const MState *s)
{
    return copy_of(s, sizeof *s);
}

int model_bind(MState **sp, const MState *writer, const MPlace *src, const char *dst, unsigned flags)
{
    MPlace there;
    bool missing;
    int r = walk_dst(*sp, dst, &there, &missing);
    if (r < 0)
        return r;
    if (!missing && src->file->dir != there.file->dir)
        return src->file->dir ? -ENOTDIR : -EISDIR;
    if (!src->file->dir && (flags & (M_BEFORE | M_AFTER)))
        return -ENOTDIR;
    MState *s = change(*sp);
    const MEntry *old = entry_at(s, dst);
    MEntry *e = make(sizeof *e);
    MMember m[MODEL_LIST];
    unsigned n = members(writer, src, flags, m), nwas = 0;
    if (n > MODEL_LIST)
        return -E2BIG;
    strcpy(e->path, dst);
    if (flags & (M_BEFORE | M_AFTER)) {
        MEntry was = { .nmember = 0 };
        MPlace at = { .state = s };
        bool ro;
        strcpy(at.path, dst);
        if (old != NULL && !old->hidden && leaf(s, &at, false, &ro) != NULL)
            was = *old;
        if (!missing && old == NULL)
            add_was(*sp, &there, &was);
        nwas = was.nmember;
        if (nwas + n > MODEL_LIST)
            return -E2BIG;
        memcpy(e->member + (flags & M_BEFORE ? n : 0), was.member, nwas * sizeof *m);
        e->keep = !since_seal(s, old) || old->keep;
    }
    s->line += 2;
    for (unsigned i = 0; i < n; i++) {
        m[i].line = s->line;
        m[i].gen = s->gen;
        MFile *list[MODEL_LIST];
        unsigned k = 0;
        leaves(m[i].place, list, &k);
        while (k-- > 0)
            if (!is_hidden(writer, list[k]))
                show(s, list[k]);
    }
    memcpy(e->member + (flags & M_BEFORE ? 0 : nwas), m, n * sizeof *m);
    e->nmember = nwas + n;
    e->gen = s->gen;
    save(s, old, e);
    if (flags & (M_BEFORE | M_AFTER))
        drop_one(s, dst);
    else
        drop_entries(s, dst, true);
    put_entry(s, e);
    *sp = s;
    return 0;
}

static void hide_name(MState *s, const char *dst, MEntry *e)
{
    strcpy(e->path, dst);
    e->hidden = true;
    e->gen = s->gen;
    s->line++;
    drop_entries(s, dst, true);
    put_entry(s, e);
}

/* What a graft hides at this name already. */
static const MEntry *hidden_inside(const MPlace *d, char name)
{
    const MPath path = with(d->path, name);
    const MEntry *e = entry_at(d->state, path.s);
    if (e != NULL || any_below(d->state, path.s))
        return e != NULL && e->hidden ? e : NULL;
    e = bound_at(d->state, d->path);
    const MEntry *found = NULL;
    for (unsigned i = 0; e != NULL && found == NULL && i < e->nmember; i++)
        found = hidden_inside(e->member[i].place, name);
    return e == NULL && d->below != NULL ? hidden_inside(d->below, name) : found;
}

int model_hide(MState **sp, const char *dst)
{
    MPlace there, up;
    bool missing, none;
    int r = walk_dst(*sp, dst, &there, &missing);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if (dst[0] == '\0')
        return -EINVAL;
    MState *s = change(*sp);
    const MEntry *old = entry_at(s, dst);
    MEntry *e = make(sizeof *e);
    if (old != NULL && old->hidden)
        return 0;
    MFile *list[MODEL_LIST];
    unsigned n = 0;
    char parent[MODEL_DEPTH + 1];
    strcpy(parent, dst);
    parent[strlen(dst) - 1] = '\0';
    if (missing && walk_dst(s, parent, &up, &none) == 0 && !none) {
        const MEntry *inside = hidden_inside(&up, dst[strlen(dst) - 1]);
        for (unsigned i = 0; inside != NULL && i < inside->nhides; i++)
            add_file(list, &n, inside->hides[i]);
    }
    MPlace at = { .state = s };
    strcpy(at.path, dst);
    if (old != NULL)
        leaves(&at, list, &n);
    if (!missing) {
        add_file(list, &n, there.file);
        leaves(&there, list, &n);
    }
    MFile *roots[MODEL_LIST];
    unsigned nroot = 0;
    MPlace root = { .state = s };
    const MEntry *top = bound_at(s, "");
    for (unsigned i = 0; top != NULL && i < top->nmember; i++)
        add_file(roots, &nroot, first_file(top->member[i].place));
    (void)root;
    for (unsigned i = 0; i < n; i++) {
        bool is_root = false;
        for (unsigned k = 0; k < nroot; k++)
            is_root = is_root || roots[k] == list[i];
        if (is_root)
            continue;
        add_file(s->hidden, &s->nhidden, list[i]);
        add_file(e->hides, &e->nhides, list[i]);
    }
    hide_name(s, dst, e);
    *sp = s;
    return 0;
}

static int undo(MState *s, const MEntry *e)
{
    if (!since_seal(s, e)) {
        if (e->path[0] == '\0')
            return -EPERM;
        hide_name(s, e->path, make(sizeof *e));
        return 0;
    }
    const MEntry *was = saved_at(e);
    if (e->keep && !(was != NULL && was->hidden)) {
        drop_one(s, e->path);
        if (was != NULL)
            put_entry(s, was);
    } else {
        drop_entries(s, e->path, true);
        for (unsigned i = 0; i < e->nsaved; i++)
            if (!e->keep || e->saved[i] == was)
                put_entry(s, e->saved[i]);
    }
    return 0;
}

int model_unbind(MState **sp, const MPlace *src, const char *dst)
{
    MPlace there;
    bool missing;
    int r = walk_dst(*sp, dst, &there, &missing);
    if (r < 0)
        return r;
    MState *s = change(*sp);
    const MEntry *e = entry_at(s, dst);
    if (src == NULL) {
        if (e != NULL && e->hidden)
            return 0;
        if (e == NULL)
            return model_hide(sp, dst);
        r = undo(s, e);
        if (r == 0)
            *sp = s;
        return r;
    }
    if (e == NULL || e->hidden)
        return -EINVAL;
    const MMember *gone = NULL;
    for (unsigned i = 0; i < e->nmember; i++) {
        const MMember *m = &e->member[i];
        if (i > 0 && m->line == m[-1].line)
            continue;
        MFile *f = first_file(m->place);
        if ((f == src->file || f == first_file(src)) && (gone == NULL || m->line > gone->line))
            gone = m;
    }
    if (gone == NULL)
        return -EINVAL;
    if (gone->gen != s->gen)
        return -EPERM;
    MEntry *left = copy_of(e, sizeof *e);
    unsigned bound = 0;
    left->nmember = 0;
    for (unsigned i = 0; i < e->nmember; i++) {
        const MMember *m = &e->member[i];
        if (m->line == gone->line)
            continue;
        left->member[left->nmember++] = *m;
        bound += !m->was && m->gen == s->gen;
    }
    if (bound > 0) {
        drop_one(s, dst);
        put_entry(s, left);
        r = 0;
    } else {
        r = undo(s, e);
    }
    if (r == 0)
        *sp = s;
    return r;
}

void model_seal(MState **sp)
{
    *sp = change(*sp);
    (*sp)->gen++;
}

void model_clear(MState **sp)
{
    *sp = change(*sp);
    (*sp)->n = 0;
}

/* ---- names of files ----------------------------------------------------------------------------------------------- */

/* The directory that takes a new name. */
static int taker(const MState *now, const MPlace *d, MFile *file, bool rdonly, MFile **out)
{
    const MEntry *e = bound_at(d->state, d->path);
    if (e == NULL && d->below != NULL)
        return taker(now, d->below, file, rdonly, out);
    if (e == NULL) {
        if (rdonly)
            return -EROFS;
        *out = file;
        return 0;
    }
    for (unsigned i = 0; i < e->nmember; i++) {
        const MMember *m = &e->member[i];
        bool ro = rdonly || m->rdonly;
        if (e->nmember > 1 && !m->create)
            continue;
        MFile *f = member_leaf(now, m);
        int r = -ENOENT;
        if (f != NULL && ro && members_of(m->place) == NULL)
            r = -EROFS;
        else if (f != NULL)
            r = taker(now, m->place, f, ro, out);
        if (r != -ENOENT && r != -EPERM)
            return r;
    }
    return -EPERM;
}

static int parent_of(const MState *s, const char *path, MPlace *dir, char *name)
{
    char up[MODEL_DEPTH + 1];
    size_t n = strlen(path);
    strcpy(up, path);
    if (n == 0)
        return -EBUSY;
    *name = up[n - 1];
    up[n - 1] = '\0';
    int r = model_walk(s, up, dir);
    return r == 0 && !dir->file->dir ? -ENOTDIR : r;
}

static int new_place(const MState *s, const MPlace *d, char name, MFile **in)
{
    MPlace found;
    bool hidden;
    int r = look_name(s, d, name, &found, &hidden);
    if (r == 0)
        return -EEXIST;
    return r != -ENOENT || hidden ? r : taker(s, d, d->file, d->rdonly, in);
}

static int check_dir(const MFile *in)
{
    return in->fs == 0 ? -EPERM : in->dead ? -ENOENT : 0;
}

int model_make(const MState *s, const char *path, bool dir, MFile **made)
{
    MPlace d;
    MFile *in = NULL;
    char name;
    int r = parent_of(s, path, &d, &name);
    if (r == 0)
        r = new_place(s, &d, name, &in);
    if (r == 0)
        r = check_dir(in);
    if (r < 0)
        return r;
    *made = in->child[name - 'a'] = model_file(dir, in->fs);
    return 0;
}

enum { NOT_HERE = 1 };

static int holder(const MState *now, const MPlace *d, MFile *file, bool rdonly, char name, MFile **in)
{
    const MPath path = with(d->path, name);
    const MEntry *e = entry_at(d->state, path.s);
    bool ro;
    if (e != NULL) {
        MPlace at = { .state = d->state };
        strcpy(at.path, path.s);
        return e->hidden || leaf(now, &at, false, &ro) == NULL ? -ENOENT : -EBUSY;
    }
    if (any_below(d->state, path.s))
        return -EBUSY;
    e = bound_at(d->state, d->path);
    if (e == NULL && d->below != NULL)
        return holder(now, d->below, file, rdonly, name, in);
    if (e == NULL) {
        MFile *f = file->dir ? file->child[name - 'a'] : NULL;
        if (f == NULL)
            return NOT_HERE;
        if (is_hidden(now, f))
            return -ENOENT;
        *in = file;
        return rdonly ? -EROFS : 0;
    }
    int r = NOT_HERE;
    for (unsigned i = 0; i < e->nmember && r == NOT_HERE; i++) {
        MFile *f = member_leaf(now, &e->member[i]);
        if (f != NULL)
            r = holder(now, e->member[i].place, f, rdonly || e->member[i].rdonly, name, in);
    }
    return r;
}

static int old_place(const MState *s, const MPlace *d, char name, MFile **in)
{
    int r = holder(s, d, d->file, d->rdonly, name, in);
    return r == NOT_HERE ? -ENOENT : r;
}

static bool is_empty(const MFile *f)
{
    for (unsigned i = 0; i < MODEL_NAMES; i++)
        if (f->child[i] != NULL)
            return false;
    return true;
}

int model_unlink(const MState *s, const char *path, bool rmdir)
{
    MPlace d;
    MFile *in;
    char name;
    int r = parent_of(s, path, &d, &name);
    if (r == 0)
        r = old_place(s, &d, name, &in);
    if (r < 0)
        return r;
    MFile *f = in->child[name - 'a'];
    if (rmdir != f->dir)
        return rmdir ? -ENOTDIR : -EISDIR;
    if (rmdir && !is_empty(f))
        return -ENOTEMPTY;
    f->dead = rmdir;
    in->child[name - 'a'] = NULL;
    return 0;
}

static bool contains(const MFile *dir, const MFile *f)
{
    if (dir == f)
        return true;
    for (unsigned i = 0; i < MODEL_NAMES; i++)
        if (dir->child[i] != NULL && dir->child[i]->dir && contains(dir->child[i], f))
            return true;
    return false;
}

static int move(MFile *in, char name, MFile *to, char newname)
{
    MFile *f = in->child[name - 'a'], *there = to->child[newname - 'a'];
    if (f->dir && contains(f, to))
        return -EINVAL;
    if (to->dead)
        return -ENOENT;
    if (there == f)
        return 0;
    if (there != NULL && there->dir != f->dir)
        return f->dir ? -ENOTDIR : -EISDIR;
    if (there != NULL && there->dir && !is_empty(there))
        return -ENOTEMPTY;
    if (there != NULL)
        there->dead = there->dir;
    in->child[name - 'a'] = NULL;
    to->child[newname - 'a'] = f;
    return 0;
}

int model_rename(const MState *s, const char *from, const char *to)
{
    MPlace d, dto;
    MFile *in, *into;
    char name, newname;
    int r = parent_of(s, from, &d, &name);
    if (r == 0)
        r = parent_of(s, to, &dto, &newname);
    if (r == 0)
        r = old_place(s, &d, name, &in);
    if (r < 0)
        return r;
    r = old_place(s, &dto, newname, &into);
    if (r == -ENOENT)
        r = new_place(s, &dto, newname, &into);
    if (r < 0)
        return r;
    if (in->fs != into->fs || (d.file == dto.file && in != into))
        return -EXDEV;
    return move(in, name, into, newname);
}

int model_link(const MState *s, const char *from, const char *to)
{
    MPlace d, f, dfrom;
    MFile *in = NULL, *held = NULL;
    char name, oldname;
    int r = parent_of(s, to, &d, &name);
    if (r == 0)
        r = model_walk(s, from, &f);
    if (r == 0)
        r = new_place(s, &d, name, &in);
    if (r < 0)
        return r;
    if (f.file->dir)
        return -EPERM;
    if (f.rdonly || f.self_rdonly)
        return -EROFS;
    if (in->fs != f.file->fs)
        return -EXDEV;
    if (strlen(from) == strlen(to) && strncmp(from, to, strlen(to) - 1) == 0 &&
        parent_of(s, from, &dfrom, &oldname) == 0 && old_place(s, &dfrom, oldname, &held) == 0 && held != in &&
        held->child[oldname - 'a'] == f.file)
        return -EXDEV;
    r = check_dir(in);
    if (r < 0)
        return r;
    in->child[name - 'a'] = f.file;
    return 0;
}
