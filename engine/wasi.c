/* SPDX-License-Identifier: MIT */
/*
 * A WASI program's beginning and the frame of its calls.
 *
 * Preopens: descriptor 3 is `/`. When the directory is another, 4 is `.`, and from 5 on comes each directory of `/`: wasi-libc
 * takes `/` and `.` for the same prefix and the later one wins, so that absolute paths need the others. These are made anew
 * for each program and so are closed when it is replaced; those that `taskfs run --dir` named stay. What else the task
 * had open from 3 up comes behind them, in its old order.
 */
#include "engine/wasi.h"

#include <stdio.h>
#include <string.h>

#include "engine/wasi_call.h"

#define PREOPENS_MAX 256            /* directories of `/` that become preopens */

FdTab *wasi_fds(WasiThread *w)
{
    Task *t = w->wasi->task;
    if (__builtin_expect(atomic_load_explicit(&t->vfork_child, memory_order_relaxed) == NULL && w->acting == NULL, 1))
        return t->fds;
    if (w->acting == NULL)
        w->acting = call_acting(wasi_kcall(w));
    return task_fds(w->acting);
}

uint32_t wasi_umask(WasiThread *w)
{
    AUTO_TASK *t = call_acting(wasi_kcall(w));
    mutex_lock(&t->lock);
    uint32_t mask = t->umask;
    mutex_unlock(&t->lock);
    return mask;
}

int32_t wasi_call_park(WasiThread *w)
{
    int r = call_park(wasi_kcall(w));
    if (r < 0)
        return wasi_errno(r);
    w->again = true;
    return WASI_WAIT;
}

/* ---- the beginning ---------------------------------------------------------------------------------------------- */

typedef struct Preopen {
    Chan *chan;                     /* owned, open */
    char *name;                     /* owned; NULL: not a preopen but a descriptor of the task's own */
    uint64_t rights, inheriting;
    bool made;                      /* here, for this program */
} Preopen;

typedef struct Start {
    Call *c;
    Task *task;
    Preopen *list;                  /* owned */
    size_t n, size;
    int error;
} Start;

/* Takes p's chan and name, on failure too. */
static int start_add(Start *s, Preopen p)
{
    if (s->n == s->size) {
        size_t size = s->size == 0 ? 16 : 2 * s->size;
        Preopen *more = mem_resize(s->list, size * sizeof *more);
        if (more == NULL) {
            chan_put(p.chan);
            mem_free(p.name);
            return -ENOMEM;
        }
        s->list = more;
        s->size = size;
    }
    s->list[s->n++] = p;
    return 0;
}

static int start_open(Start *s, const char *path, const char *name)
{
    Chan *ch = NULL;
    int r;
    CALL_RUN(s->c, r, walk_open(s->c, walk_self(s->c), path, 0, OPEN_READ | OPEN_DIRECTORY, 0, &ch));
    if (r < 0)
        return r;
    Preopen p = { .chan = ch,
                  .name = mem_dup(name, strlen(name)),
                  .rights = UINT64_MAX,
                  .inheriting = UINT64_MAX,
                  .made = true };
    if (p.name == NULL) {
        chan_put(ch);
        return -ENOMEM;
    }
    return start_add(s, p);
}

/* The directories of `/`, as one text of NUL-ended absolute paths. */
static int add_root_name(void *arg, const Dirent *e)
{
    Text *names = arg;
    if (e->type == TYPE_DIR && strcmp(e->name, ".") != 0 && strcmp(e->name, "..") != 0) {
        text_add(names, "/", 1);
        text_add(names, e->name, strlen(e->name) + 1);
    }
    return 0;
}

/* A text of a listing that waited halfway would have names twice. */
static int list_root(Call *c, Chan *root, Text *names)
{
    text_free(names);
    *names = (Text){ 0 };
    return chan_readdir(c, root, 0, add_root_name, names);
}

static int open_root_names(Start *s, Chan *root)
{
    Text names = { 0 };
    int r;
    CALL_RUN(s->c, r, list_root(s->c, root, &names));
    if (r == 0)
        r = text_ok(&names);
    for (size_t at = 0; r >= 0 && at < names.len && s->n < PREOPENS_MAX; at += strlen(names.s + at) + 1) {
        r = start_open(s, names.s + at, names.s + at);
        /* One that cannot be opened is no preopen. */
        if (r < 0 && r != -EINTR && r != -ENOMEM)
            r = 0;
    }
    text_free(&names);
    return r;
}

/* PWD, and the preopens of the namespace. A namespace without `/` has none. */
static int open_preopens(Start *s)
{
    AUTO_CHAN Chan *cwd = task_cwd(s->task);
    const char *dir = cwd != NULL ? cwd->path->s : "/";
    char pwd[PATH_MAX_LEN + sizeof "PWD="];
    snprintf(pwd, sizeof pwd, "PWD=%s", dir);
    mutex_lock(&s->task->lock);
    int r = env_set(&s->task->env, pwd);
    mutex_unlock(&s->task->lock);
    if (r < 0)
        return r;
    r = start_open(s, "/", "/");
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if (strcmp(dir, "/") == 0)
        return 0;
    r = start_open(s, ".", ".");
    return r < 0 ? r : open_root_names(s, s->list[0].chan);
}

/* The descriptors from 3 up: preopens that stay in the first pass, the task's own in the second. */
static int collect(Start *s, bool preopens)
{
    FdTab *fds = task_fds(s->task);
    for (int fd = 3; (fd = fd_next(fds, fd)) >= 0; fd++) {
        Preopen p = { 0 };
        FdInfo info;
        char name[PATH_MAX_LEN + 1];
        if (fd_get(fds, fd, &info) < 0)
            continue;
        bool named = fd_preopen(fds, fd, name, sizeof name) >= 0;
        if (named != preopens || (named && info.cloexec)) {
            chan_put(info.chan);
            continue;
        }
        p = (Preopen){ .chan = info.chan, .rights = info.rights, .inheriting = info.inheriting };
        if (named && (p.name = mem_dup(name, strlen(name))) == NULL) {
            chan_put(p.chan);
            return -ENOMEM;
        }
        int r = start_add(s, p);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Everything from 3 up goes, and comes again in the order of the list. */
static int place(Start *s)
{
    FdTab *fds = task_fds(s->task);
    int r = 0, closed;
    /* Held meanwhile, so that no pipe sees its last writer go. */
    for (size_t i = 0; i < s->n; i++)
        chan_hold(s->list[i].chan, true);
    for (int fd = 3; (fd = fd_next(fds, fd)) >= 0; fd++)
        CALL_RUN(s->c, closed, fd_close(s->c, fds, fd));
    for (size_t i = 0; i < s->n && r >= 0; i++) {
        Preopen *p = &s->list[i];
        r = fd_add(s->c, fds, chan_get(p->chan), 3, p->rights, p->inheriting, p->made);
        if (r >= 0 && p->name != NULL)
            r = fd_set_preopen(fds, r, p->name);
        if (r == -EMFILE && p->made)
            r = 0;
    }
    for (size_t i = 0; i < s->n; i++)
        CALL_RUN(s->c, closed, chan_unhold(s->c, s->list[i].chan, true));
    (void)closed;
    return r < 0 ? r : 0;
}

static void start_free(Start *s)
{
    for (size_t i = 0; i < s->n; i++) {
        chan_put(s->list[i].chan);
        mem_free(s->list[i].name);
    }
    mem_free(s->list);
}

int wasi_begin(Wasi *wasi, Task *task, TaskThread *thread)
{
    *wasi = (Wasi){ .task = task };
    Start s = { .c = &thread->call, .task = task };
    int r = open_preopens(&s);
    if (r >= 0)
        r = collect(&s, true);
    if (r >= 0)
        r = collect(&s, false);
    if (r >= 0)
        r = place(&s);
    start_free(&s);
    return r;
}
