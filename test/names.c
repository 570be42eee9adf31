/* SPDX-License-Identifier: MIT */
/*
 * Calls on names, for tests.
 */
#include "test/names.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern/text.h"

enum { TEXTS = 64, TEXT_ROOM = 1 << 16 };

/* Kept for the last 64 answers, of all threads together. */
static char *text_slot(void)
{
    static char texts[TEXTS][TEXT_ROOM];
    static atomic_uint next;
    return texts[atomic_fetch_add(&next, 1) % TEXTS];
}

/* ---- the namespace ------------------------------------------------------------------------------------------------ */

int names_ctl(World *w, Task *t, const char *format, ...)
{
    char line[2 * PATH_MAX_LEN], copy[2 * PATH_MAX_LEN];
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    Call *c = w->call;
    size_t n = strlen(line);
    int r;
    call_begin(c);
    do {
        memcpy(copy, line, n + 1);
        r = ns_ctl_line(c, t == NULL ? c->task : t, copy, n);
    } while (r == WAIT && (r = call_park(c)) == 0);
    call_end(c);
    return r;
}

static const char *ns_text(Task *t, int (*make)(Ns *ns, Text *out))
{
    Text text = { 0 };
    Ns *ns = task_ns(t);
    OK(make(ns, &text));
    ns_put(ns);
    char *s = text_slot();
    snprintf(s, TEXT_ROOM, "%s", text.s == NULL ? "" : text.s);
    text_free(&text);
    return s;
}

static _Thread_local uint64_t dumped;

static int dump_of(Ns *ns, Text *out)
{
    return ns_text_dump(ns, world_path(dumped, "ns"), out);
}

const char *names_binds(World *w, Task *t)
{
    return ns_text(t == NULL ? w->call->task : t, ns_text_binds);
}

const char *names_dump(World *w, Task *t)
{
    dumped = (t == NULL ? w->call->task : t)->id;
    return ns_text(t == NULL ? w->call->task : t, dump_of);
}

/* ---- names -------------------------------------------------------------------------------------------------------- */

/* What is done in a directory, by its name. */
typedef int NameFn(Call *c, Chan *dir, const char *name, const void *arg);

static int in_dir(Call *c, const char *path, NameFn *fn, const void *arg)
{
    AUTO_CHAN Chan *dir = NULL;
    char name[NAME_MAX_LEN + 1];
    int r = walk_parent(c, walk_self(c), path, 0, &dir, name, NULL);
    return r < 0 ? r : fn(c, dir, name, arg);
}

static int with_name(World *w, const char *path, NameFn *fn, const void *arg)
{
    int r;
    CALL_RUN(w->call, r, in_dir(w->call, path, fn, arg));
    return r;
}

static int do_mkdir(Call *c, Chan *dir, const char *name, const void *arg)
{
    (void)arg;
    return chan_mkdir(c, dir, name, 0755);
}

static int do_unlink(Call *c, Chan *dir, const char *name, const void *arg)
{
    return chan_unlink(c, dir, name, arg != NULL);
}

static int do_symlink(Call *c, Chan *dir, const char *name, const void *arg)
{
    return chan_symlink(c, dir, name, arg);
}

static int do_rename(Call *c, Chan *dir, const char *name, const void *arg)
{
    AUTO_CHAN Chan *to = NULL;
    char newname[NAME_MAX_LEN + 1];
    int r = walk_parent(c, walk_self(c), arg, 0, &to, newname, NULL);
    return r < 0 ? r : chan_rename(c, dir, name, to, newname);
}

static int do_link(Call *c, Chan *dir, const char *name, const void *arg)
{
    AUTO_CHAN Chan *file = NULL;
    int r = walk_path(c, walk_self(c), arg, WALK_NOFOLLOW, &file);
    return r < 0 ? r : chan_link(c, file, dir, name);
}

int names_mkdir(World *w, const char *path)
{
    return with_name(w, path, do_mkdir, NULL);
}
int names_unlink(World *w, const char *path)
{
    return with_name(w, path, do_unlink, NULL);
}
int names_rmdir(World *w, const char *path)
{
    return with_name(w, path, do_unlink, "");
}
int names_rename(World *w, const char *from, const char *to)
{
    return with_name(w, from, do_rename, to);
}
int names_link(World *w, const char *from, const char *to)
{
    return with_name(w, to, do_link, from);
}
int names_symlink(World *w, const char *target, const char *path)
{
    return with_name(w, path, do_symlink, target);
}

int names_walk(World *w, const char *path, unsigned flags, Chan **out)
{
    int r;
    CALL_RUN(w->call, r, walk_path(w->call, walk_self(w->call), path, flags, out));
    return r;
}

int names_walk_at(World *w, Chan *base, const char *path, unsigned flags, Chan **out)
{
    int r;
    CALL_RUN(w->call, r, walk_path(w->call, walk_at(w->call, base), path, flags, out));
    return r;
}

int names_chmod(World *w, const char *path, unsigned mode)
{
    AUTO_CHAN Chan *ch = NULL;
    Attr a = { .mode = mode };
    int r = names_walk(w, path, 0, &ch);
    if (r == 0)
        CALL_RUN(w->call, r, chan_setattr(w->call, ch, SET_MODE, &a));
    return r;
}

int names_open(World *w, const char *path, unsigned flags)
{
    Chan *ch = NULL;
    int r = world_open(w, path, flags, &ch);
    return r < 0 ? r : world_close(w, ch);
}

int names_mode(World *w, const char *path)
{
    AUTO_CHAN Chan *ch = NULL;
    Attr a;
    int r = names_walk(w, path, WALK_NOFOLLOW, &ch);
    if (r == 0)
        r = chan_getattr(w->call, ch, &a);
    return r < 0 ? r : (int)a.mode;
}

/* ---- listings ----------------------------------------------------------------------------------------------------- */

typedef struct Listing {
    char *name[1024];
    unsigned n;
    uint64_t cookie;
} Listing;

static int keep_entry(void *arg, const Dirent *d)
{
    Listing *l = arg;
    char name[NAME_MAX_LEN + 2];
    if (l->n == LEN(l->name))
        return 1;
    l->cookie = d->next;
    if (strcmp(d->name, ".") == 0 || strcmp(d->name, "..") == 0)
        return 0;
    snprintf(name, sizeof name, "%s%s", d->name, d->type == TYPE_DIR ? "/" : d->type == TYPE_LINK ? "@" : "");
    l->name[l->n++] = mem_dup(name, strlen(name));
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list(World *w, Chan *dir, char *s)
{
    Listing l = { 0 };
    size_t at = 0;
    int r;
    do {                            /* a device may wait in between, having given out some */
        CALL_RUN(w->call, r, chan_readdir(w->call, dir, l.cookie, keep_entry, &l));
    } while (r == -EAGAIN);
    qsort(l.name, l.n, sizeof l.name[0], by_name);
    for (unsigned i = 0; i < l.n; i++) {
        at += (size_t)snprintf(s + at, at < TEXT_ROOM ? TEXT_ROOM - at : 0, "%s%s", i > 0 ? " " : "", l.name[i]);
        mem_free(l.name[i]);
    }
    return r;
}

const char *names_show(World *w, const char *path)
{
    AUTO_CHAN Chan *ch = NULL;
    char *s = text_slot();
    s[0] = '\0';
    int64_t r = names_walk(w, path, WALK_NOFOLLOW, &ch);
    if (r == 0 && ch->file->type == TYPE_LINK) {
        memcpy(s, "-> ", 4);
        CALL_RUN(w->call, r, chan_readlink(w->call, ch, s + 3, PATH_MAX_LEN));
        if (r >= 0)
            s[3 + r] = '\0';
    } else if (r == 0) {
        AUTO_CHAN Chan *open = NULL;
        CALL_RUN(w->call, r, chan_open(w->call, ch, OPEN_READ, &open));
        if (r == 0 && file_is_dir(ch->file)) {
            r = list(w, open, s);
        } else if (r == 0) {
            r = world_get(w, open, s, TEXT_ROOM - 1);
            s[r < 0 ? 0 : r] = '\0';
        }
    }
    if (r < 0)
        snprintf(s, TEXT_ROOM, "error %d", (int)-r);
    return s;
}

/* ---- who calls ---------------------------------------------------------------------------------------------------- */

void names_be(World *w, Task *t)
{
    call_destroy(w->call);
    call_init(w->call, t);
}

Task *names_task(World *w)
{
    Task *t = task_find(w->k, world_new(w));
    TRUE(t != NULL);
    return t;
}
