/* SPDX-License-Identifier: MIT */
/*
 * From a path to a Chan: a stack of places from where the walk began, one name at a time. `..` takes one off the stack;
 * above its bottom the walk begins again from the root with the text of the path. No lock is held while a device is called.
 *
 * When a device says WAIT the whole walk is kept with the Call and goes on there at the next try, with the namespace
 * root that it began with. Finished walks of a try are kept too, so that a later WAIT does not repeat them.
 */
#include "kern/walkto.h"

#include <string.h>

#include "kern/boot.h"
#include "kern/count.h"
#include "kern/ns.h"
#include "kern/nsnode.h"
#include "kern/task.h"

enum { LEVELS_INLINE = 12 };

typedef struct Level {
    Spot spot;
    size_t path_len;                /* of Walk.path up to here */
} Level;

typedef enum Phase { PHASE_REFRESH, PHASE_MAIN } Phase;

/* Large, and on the stack of whoever walks: nothing in it is cleared that need not be. */
typedef struct Walk {
    Call *c;
    uint64_t ns_id, version;
    const NsRoot *root;
    bool kept;                      /* over a WAIT: root and base are the walk's own references, else the call's and the caller's */
    bool missing, hidden;           /* the last name is not there; because the namespace hides it */
    bool slash;                     /* a slash followed the last name */
    bool near;                      /* one name at a time: the far way was no good */
    Phase phase;
    WalkMode mode;
    unsigned flags, links;
    Chan *base;                     /* where relative paths begin; NULL: the root */
    const char *rest;               /* what is still to walk: in the caller's path, or in pending */
    const char *after;              /* while refreshing: the caller's path */
    Temps temps;
    size_t depth, size;             /* levels in use (at least 1), and room */
    Level *level;                   /* inline_level, or allocated */
    size_t path_len;
    char last[NAME_MAX_LEN + 1];
    Level inline_level[LEVELS_INLINE];
    char path[PATH_MAX_LEN + 1];    /* the path walked: clean, no NUL */
    char pending[PATH_MAX_LEN + 1];
} Walk;

static Level *top(Walk *w)
{
    return &w->level[w->depth - 1];
}

static void pop_to(Walk *w, size_t depth)
{
    while (w->depth > depth)
        spot_drop(&w->level[--w->depth].spot);
    w->path_len = depth == 0 ? 0 : top(w)->path_len;
}

static void walk_drop(Walk *w)
{
    pop_to(w, 0);
    temps_free(&w->temps);
    if (w->level != w->inline_level)
        mem_free(w->level);
    if (w->kept) {
        nsobj_put((NsObj *)w->root);
        chan_put(w->base);
    }
}

static int push(Walk *w, const Spot *s, const char *name, size_t n)
{
    size_t base = w->path_len == 1 ? 0 : w->path_len;
    if (base + 1 + n > PATH_MAX_LEN)
        return -ENAMETOOLONG;
    if (w->depth == w->size) {
        bool was_inline = w->level == w->inline_level;
        Level *more = mem_resize(was_inline ? NULL : w->level, 2 * w->size * sizeof *more);
        if (more == NULL)
            return -ENOMEM;
        if (was_inline)
            memcpy(more, w->inline_level, sizeof w->inline_level);
        w->level = more;
        w->size *= 2;
    }
    w->path[base] = '/';
    memcpy(w->path + base + 1, name, n);
    w->path_len = base + 1 + n;
    w->level[w->depth++] = (Level){ .spot = *s, .path_len = w->path_len };
    return 0;
}

static int to_root(Walk *w)
{
    pop_to(w, 0);
    Spot s;
    int r = spot_root(w->c, w->root, &s);
    if (r < 0)
        return r;
    w->path[0] = '/';
    w->path_len = 1;
    w->level[w->depth++] = (Level){ .spot = s, .path_len = 1 };
    return 0;
}

/* The bottom is the base itself, as it is kept in its Chan. */
static void to_base(Walk *w)
{
    pop_to(w, 0);
    const Chan *b = w->base;
    memcpy(w->path, b->path->s, b->path->len);
    w->path_len = b->path->len;
    Spot s = { .file = b->file, .own = b->own, .inner = b->inner, .flags = b->flags };
    w->level[w->depth++] = (Level){ .spot = s, .path_len = w->path_len };
}

static bool confined(const Walk *w)
{
    return (w->flags & WALK_CONFINED) != 0 && w->base != NULL && (w->base->flags & CHAN_ROOT) == 0;
}

/* text, a slash and what is still to walk become what is to walk. */
static int replace_rest(Walk *w, const char *text, size_t n)
{
    size_t m = strlen(w->rest);
    bool slash = m > 0 && w->rest[0] != '/';
    if (n + slash + m > PATH_MAX_LEN)
        return -ENAMETOOLONG;
    char tail[PATH_MAX_LEN + 1];
    memcpy(tail, w->rest, m + 1);
    memcpy(w->pending, text, n);
    size_t at = n;
    if (slash)
        w->pending[at++] = '/';
    memcpy(w->pending + at, tail, m + 1);
    w->rest = w->pending;
    return 0;
}

/* `..` from the bottom: the parent of the base's path, from the root. */
static int above_base(Walk *w)
{
    if (top(w)->spot.flags & CHAN_ROOT)
        return 0;
    if (confined(w))
        return fail(w->c, -EPERM, "the path leads above the directory it begins in");
    if (w->base->path->s[0] != '/')
        return -ENOENT;             /* a place without a name has nothing above it */
    size_t n = w->path_len;
    while (n > 1 && w->path[n - 1] != '/')
        n--;
    int r = replace_rest(w, w->path, n);
    return r < 0 ? r : to_root(w);
}

static int follow(Walk *w, const Spot *link)
{
    if (++w->links > LINK_MAX_DEPTH)
        return -ELOOP;
    char target[PATH_MAX_LEN + 1];
    const Dev *dev = link->file->dev;
    int64_t n = dev->readlink == NULL ? -EINVAL : dev->readlink(w->c, link->file, target, sizeof target - 1);
    if (n <= 0) {
        w->links--;
        return n == 0 ? -ENOENT : (int)n;
    }
    if (target[0] == '/' && confined(w))
        return fail(w->c, -EPERM, "a link leads out of the directory where the path begins");
    int r = replace_rest(w, target, (size_t)n);
    if (r == 0 && target[0] == '/')
        r = to_root(w);
    return r;
}

static bool is_last(const char *rest)
{
    while (*rest == '/')
        rest++;
    return *rest == '\0';
}

/* Stops with the last name not looked up, or not there. */
static int stop_at(Walk *w, const char *name, const char *rest, bool missing)
{
    strcpy(w->last, name);
    w->slash = *rest == '/';
    w->missing = missing;
    w->rest = rest;
    return 1;
}

/* WALK_MODE_TEXT: what is not there is only text. */
static int missing_name(Walk *w, const char *name, const char *rest)
{
    size_t base = w->path_len == 1 ? 0 : w->path_len, n = strlen(name);
    if (strcmp(name, "..") == 0)
        return -ENOENT;
    if (strcmp(name, ".") != 0) {
        if (base + 1 + n > PATH_MAX_LEN)
            return -ENAMETOOLONG;
        w->path[base] = '/';
        memcpy(w->path + base + 1, name, n);
        w->path_len = base + 1 + n;
    }
    w->missing = true;
    w->slash = *rest == '/' && is_last(rest);
    w->rest = rest;
    return 0;
}

/* One name. 0: go on; 1: the walk is finished; negative, WAIT included: w->rest is still before the name. */
static int step(Walk *w)
{
    const char *rest = w->rest;
    char name[NAME_MAX_LEN + 1];
    int n = path_next_len(&rest, name), r;
    if (n <= 0)
        return n < 0 ? n : 1;
    bool dots = n <= 2 && rest[-1] == '.' && rest[-n] == '.';
    if (w->missing)
        return missing_name(w, name, rest);
    Spot *cur = &top(w)->spot;
    if (!file_has_names(cur->file))
        return -ENOTDIR;
    bool last = w->phase == PHASE_MAIN && is_last(rest);
    if (last && w->mode == WALK_MODE_PARENT)
        return stop_at(w, name, rest, false);
    if (dots) {
        w->rest = rest;
        if (n == 1)
            return 0;
        if (w->depth == 1)
            return above_base(w);
        pop_to(w, w->depth - 1);
        return 0;
    }
    Spot found;
    r = spot_lookup(w->c, w->root, &w->temps, cur, name, &found, &w->hidden);
    if (r == -ENOENT && last && w->mode == WALK_MODE_CREATE && !w->hidden)
        return stop_at(w, name, rest, true);
    if (r == -ENOENT && w->mode == WALK_MODE_TEXT && w->phase == PHASE_MAIN && (!w->hidden || last))
        return missing_name(w, name, rest);
    if (r < 0)
        return r;
    if (found.file->type == TYPE_LINK && w->phase == PHASE_MAIN &&
        (!last || *rest == '/' || !(w->flags & WALK_NOFOLLOW))) {
        const char *before = w->rest;
        w->rest = rest;
        r = follow(w, &found);
        if (r < 0)
            w->rest = before;
        spot_drop(&found);
        return r;
    }
    r = push(w, &found, name, (size_t)n);
    if (r < 0) {
        spot_drop(&found);
        return r;
    }
    w->rest = rest;
    w->slash = last && *rest == '/';
    return 0;
}

/*
 * The names that are left, of a path that is clean and short: how many, the last one's end in *end. 0: it is neither. But for the last
 * one, where the walk stops before that.
 */
static unsigned names_left(const Walk *w, NameRef *names, const char **end)
{
    const char *s = w->rest;
    unsigned n = 0;
    while (*s == '/')
        s++;
    for (;; s++) {
        const char *from = s;
        while (*s != '\0' && *s != '/')
            s++;
        size_t len = (size_t)(s - from);
        bool dots = from[0] == '.' && (len == 1 || (len == 2 && from[1] == '.'));
        bool last = *s == '\0';
        if (len == 0 || len > NAME_MAX_LEN || dots || n == WALK_FAR_NAMES)
            return 0;
        if (last && w->mode == WALK_MODE_PARENT)
            return n;
        names[n++] = (NameRef){ from, len };
        *end = s;
        if (last)
            return n;
    }
}

/*
 * All that is left, in one step: where the namespace has no say, and nothing on the way can lead back (the places between are not
 * kept). It spares a step 25 of 60 ns (bench/bench_wasi.c, four levels). 1: done; 0: name by name, please.
 */
static int go_far(Walk *w)
{
    NameRef names[WALK_FAR_NAMES];
    const char *end;
    uint16_t flags;
    File *dir = spot_plain(w->root, &top(w)->spot, &flags), *found = NULL;
    if (dir == NULL || dir->dev->walk_far == NULL || !file_is_dir(dir))
        return 0;
    w->near = true;
    unsigned n = names_left(w, names, &end);
    if (n == 0)
        return 0;
    int r = dir->dev->walk_far(w->c, dir, names, n, &found);
    if (r != 0)
        return r < 0 ? r : 0;
    if (found->type == TYPE_LINK && (w->mode == WALK_MODE_PARENT || (w->flags & WALK_NOFOLLOW) == 0)) {
        file_put(found);
        return 0;
    }
    Spot s = { .file = found, .owned = true, .flags = flags };
    r = push(w, &s, names[0].s, (size_t)(end - names[0].s));
    if (r < 0) {
        spot_drop(&s);
        return r;
    }
    w->rest = end;
    return 1;
}

/* The base's own path has been walked again: its names are taken from there if the same file stands there still. */
static void end_refresh(Walk *w, bool reached)
{
    w->phase = PHASE_MAIN;
    w->rest = w->after;
    w->hidden = false;
    if (!reached || !file_same(top(w)->spot.file, w->base->file)) {
        to_base(w);
        return;
    }
    Level keep = *top(w);
    w->depth--;
    pop_to(w, 0);
    keep.spot.flags |= chan_kept_rights(w->base, keep.spot.flags);
    w->path_len = keep.path_len;
    w->level[w->depth++] = keep;
}

static int begin(Walk *w, const char *path)
{
    w->rest = path;
    w->phase = PHASE_MAIN;
    if (path[0] == '\0')
        return -ENOENT;
    if (strlen(path) > PATH_MAX_LEN)
        return -ENAMETOOLONG;
    if (path[0] == '/' && confined(w))
        return fail(w->c, -EPERM, "%s: absolute, where the path begins in a directory", path);
    const Chan *b = w->base;
    if (path[0] == '/' || b == NULL || (b->ns_id == w->ns_id && (b->flags & CHAN_ROOT)))
        return to_root(w);
    if (b->ns_id == w->ns_id && b->version != w->version) {
        w->phase = PHASE_REFRESH;
        w->after = path;
        w->rest = b->path->s;
        return to_root(w);
    }
    to_base(w);
    return 0;
}

static int run(Walk *w)
{
    for (;;) {
        bool far = !w->near && w->phase == PHASE_MAIN && !w->missing &&
                   (w->mode == WALK_MODE_FULL || w->mode == WALK_MODE_PARENT);
        int r = far ? go_far(w) : 0;
        if (r >= 0)
            r = step(w);
        if (r == 0)
            continue;
        if (w->phase == PHASE_REFRESH && r != WAIT) {
            end_refresh(w, r == 1);
            continue;
        }
        return r == 1 ? 0 : r;
    }
}

/* The walk ended well: is it what was asked for? */
static int check_end(Walk *w)
{
    if (w->mode == WALK_MODE_PARENT || w->missing)
        return 0;
    bool dir = file_is_dir(top(w)->spot.file);
    return !dir && (w->slash || (w->flags & WALK_DIRECTORY)) ? -ENOTDIR : 0;
}

static int make_chan(Walk *w, Chan **out)
{
    Spot *s = &top(w)->spot;
    Path *p = path_new(w->path, w->path_len);
    if (p == NULL)
        return -ENOMEM;
    File *f = s->owned ? s->file : file_get(s->file);
    s->owned = false;
    Chan *ch = chan_new_at(w->c, f, p);
    if (ch == NULL)
        return -ENOMEM;
    ch->own = nsobj_get((NsObj *)s->own);
    ch->inner = nsobj_get((NsObj *)s->inner);
    ch->flags = s->flags;
    ch->ns_id = w->ns_id;
    ch->version = w->version;
    *out = ch;
    return 0;
}

/* ---- what a call remembers of its walks --------------------------------------------------------------------------- */

void walk_forget(Call *c)
{
    for (unsigned i = 0; i < c->walks; i++) {
        WalkMemo *m = &c->memo[i];
        chan_put(m->chan);
        mem_free(m->name);
        if (m->walk != NULL) {
            walk_drop(m->walk);
            mem_free(m->walk);
            count_sub(OBJ_MEMO, m->walk);
        }
        *m = (WalkMemo){ 0 };
    }
    for (unsigned i = 0; i < c->kept; i++) {
        ns_put(c->kept_ns[i]);
        chan_put(c->kept_chan[i]);
    }
    c->walks = c->kept = 0;
    c->walk_next = 0;
}

/* Keeps an interrupted walk. Without memory it is walked again from its start, which is only slower. */
static void keep_interrupted(WalkMemo *m, Walk *w)
{
    Walk *kept = mem_alloc(sizeof *kept);
    if (kept == NULL) {
        walk_drop(w);
        return;
    }
    memcpy(kept, w, sizeof *kept);
    if (w->level == w->inline_level)
        kept->level = kept->inline_level;
    if (w->rest >= w->pending && w->rest <= w->pending + PATH_MAX_LEN)
        kept->rest = kept->pending + (w->rest - w->pending);
    if (!w->kept) {
        nsobj_get((NsObj *)kept->root);
        if (kept->base != NULL)
            chan_get(kept->base);
        kept->kept = true;
    }
    count_add(OBJ_MEMO, kept);
    m->walk = kept;
}

/* Goes on with the kept walk in w. The caller's path may stand elsewhere at this try. */
static void resume(WalkMemo *m, Walk *w, const char *path)
{
    Walk *kept = m->walk;
    memcpy(w, kept, sizeof *w);
    if (kept->level == kept->inline_level)
        w->level = w->inline_level;
    if (kept->rest >= kept->pending && kept->rest <= kept->pending + PATH_MAX_LEN)
        w->rest = w->pending + (kept->rest - kept->pending);
    count_sub(OBJ_MEMO, kept);
    mem_free(kept);
    m->walk = NULL;
    if (m->in_path)
        w->rest = path + m->offset;
    w->after = path;
}

static WalkMemo *next_memo(Call *c)
{
    unsigned i = c->walk_next++;
    if (i >= CALL_WALKS)
        return NULL;
    if (i >= c->walks)
        c->walks = i + 1;
    return &c->memo[i];
}

static void begin_fields(Walk *w, Call *c, WalkFrom from, WalkMode mode, unsigned flags)
{
    w->c = c;
    w->root = ns_pin(c, from.ns, &w->version);
    w->ns_id = ns_id(from.ns);
    w->kept = false;
    w->missing = w->hidden = w->slash = w->near = false;
    w->mode = mode;
    w->flags = flags;
    w->links = 0;
    w->base = from.base;
    w->temps = (Temps){ 0 };
    w->depth = 0;
    w->size = LEVELS_INLINE;
    w->level = w->inline_level;
    w->path_len = 0;
    w->last[0] = '\0';
}

static int finish(Walk *w, WalkMemo *m, WalkEnd *end)
{
    AUTO_CHAN Chan *ch = NULL;
    int r = check_end(w);
    if (r == 0)
        r = make_chan(w, &ch);
    if (r == 0 && m != NULL && w->last[0] != '\0') {
        m->name = mem_dup(w->last, strlen(w->last));
        if (m->name == NULL)
            r = -ENOMEM;
    }
    if (r < 0)
        return r;
    if (m != NULL && (w->flags & WALK_UNKEPT) == 0) {
        m->chan = chan_get(ch);
        m->slash = w->slash;
        m->missing = w->missing;
    }
    strcpy(end->name, w->last);
    end->missing = w->missing;
    end->slash = w->slash;
    end->chan = STEAL(ch);
    return 0;
}

int walk_to(Call *c, WalkFrom from, const char *path, WalkMode mode, unsigned flags, WalkEnd *end)
{
    WalkMemo *m = next_memo(c);
    if (m != NULL && m->chan != NULL) {
        end->chan = chan_get(m->chan);
        strcpy(end->name, m->name == NULL ? "" : m->name);
        end->missing = m->missing;
        end->slash = m->slash;
        return 0;
    }
    if (from.ns == NULL)
        return -ESRCH;
    Walk w;
    int r = 0;
    if (m != NULL && m->walk != NULL) {
        resume(m, &w, path);
    } else {
        begin_fields(&w, c, from, mode, flags);
        r = begin(&w, path);
    }
    if (r == 0)
        r = run(&w);
    if (r == WAIT && m != NULL) {
        m->in_path = w.phase == PHASE_MAIN && !(w.rest >= w.pending && w.rest <= w.pending + PATH_MAX_LEN);
        m->offset = m->in_path ? (size_t)(w.rest - path) : 0;
        keep_interrupted(m, &w);
        return r;
    }
    if (r == 0)
        r = finish(&w, m, end);
    if (m != NULL && (flags & WALK_UNKEPT) != 0 && m == &c->memo[c->walks - 1])
        c->walks--;                 /* nothing is in it that call_end would have to let go of */
    end->hidden = r == -ENOENT && w.hidden;
    walk_drop(&w);
    return r;
}

static WalkMemo *last_memo(Call *c)
{
    return c->walk_next == 0 || c->walk_next > CALL_WALKS ? NULL : &c->memo[c->walk_next - 1];
}

bool walk_own(Call *c, Chan *ch)
{
    WalkMemo *m = last_memo(c);
    if (m != NULL && m->chan == ch) {
        m->chan = NULL;
        chan_put(ch);
    }
    return atomic_load_explicit(&ch->ref.n, memory_order_acquire) == 1;
}

void walk_remember(Call *c, Chan *ch)
{
    WalkMemo *m = last_memo(c);
    if (m == NULL || m->chan != NULL)
        return;
    m->chan = chan_get(ch);
    if (c->walks < c->walk_next)
        c->walks = c->walk_next;
}
