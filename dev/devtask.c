/* SPDX-License-Identifier: MIT */
/*
 * The names of /task: views, a directory a task, and what is in it. Nothing is kept between two calls: a file is made when it
 * is walked to, from the task's id and what it is.
 */
#include "dev/devtask.h"

#include <stdio.h>
#include <string.h>

#include "kern/boot.h"
#include "kern/fdtab.h"
#include "kern/ns.h"
#include "kern/view.h"

enum { VIEW_BATCH = 64, DEVICE_NUMBER = 0x7461736b };

typedef struct Name {
    const char *name;
    TaskFileKind kind;
    uint16_t type, flags;
    bool writable, hidden;          /* hidden: can be walked to, is not listed */
} Name;

#define TEXT_FILE(title, what)                                                                                         \
    {                                                                                                                  \
        .name = title, .kind = what, .type = TYPE_FILE, .flags = FILE_TEXT                                             \
    }
#define CTL_FILE(title, what)                                                                                          \
    {                                                                                                                  \
        .name = title, .kind = what, .type = TYPE_FILE, .flags = FILE_TEXT, .writable = true                           \
    }
#define STREAM(title, what, can_write)                                                                                 \
    {                                                                                                                  \
        .name = title, .kind = what, .type = TYPE_FIFO, .flags = FILE_TEXT | FILE_STREAM, .writable = can_write        \
    }
#define DIRECTORY(title, what)                                                                                         \
    {                                                                                                                  \
        .name = title, .kind = what, .type = TYPE_DIR                                                                  \
    }

static const Name in_task[] = {
    CTL_FILE("ctl", TF_CTL),
    CTL_FILE("cmdline", TF_CMDLINE),
    CTL_FILE("environ", TF_ENVIRON),
    TEXT_FILE("type", TF_TYPE),
    TEXT_FILE("parent", TF_PARENT),
    CTL_FILE("group", TF_GROUP),
    CTL_FILE("env", TF_ENV),
    CTL_FILE("cwd", TF_CWD),
    TEXT_FILE("status", TF_STATUS),
    TEXT_FILE("wait", TF_WAIT),
    STREAM("events", TF_EVENTS, false),
    TEXT_FILE("exitcode", TF_EXITCODE),
    TEXT_FILE("error", TF_ERROR),
    STREAM("signal", TF_SIGNAL, false),
    STREAM("attr", TF_ATTR, true),
    DIRECTORY("fd", TF_FD_DIR),
    DIRECTORY("ns", TF_NS_DIR),
    DIRECTORY("stat", TF_STAT_DIR),
    { .name = "task", .kind = TF_VIEW, .type = TYPE_DIR, .hidden = true },
};
static const Name in_ns[] = {
    CTL_FILE("ctl", TF_NS_CTL),
    TEXT_FILE("mounts", TF_NS_MOUNTS),
    TEXT_FILE("binds", TF_NS_BINDS),
    TEXT_FILE("dump", TF_NS_DUMP),
    { .name = "from", .kind = TF_NS_FROM, .type = TYPE_DIR, .hidden = true },
};
static const Name in_stat[] = {
    TEXT_FILE("mem", TF_STAT_MEM),
    TEXT_FILE("cpu", TF_STAT_CPU),
    TEXT_FILE("io", TF_STAT_IO),
};
/* Those in no table. */
static const Name fixed[] = {
    TEXT_FILE("new", TF_NEW),
    { .name = "self", .kind = TF_SELF, .type = TYPE_LINK },
    { .name = "", .kind = TF_DIR, .type = TYPE_DIR },
    { .name = "", .kind = TF_VIEW, .type = TYPE_DIR },
    { .name = "", .kind = TF_FD, .type = TYPE_FIFO, .flags = FILE_TEXT | FILE_STREAM | FILE_WALK, .writable = true },
    CTL_FILE("ctl", TF_FD_CTL),
    { .name = "", .kind = TF_NS_PLACE, .type = TYPE_FILE, .flags = FILE_PLACE },
};

typedef struct Table {
    const Name *name;
    size_t n;
} Table;

static Table table_of(TaskFileKind kind)
{
    switch (kind) {
    case TF_DIR:
        return (Table){ in_task, LEN(in_task) };
    case TF_NS_DIR:
        return (Table){ in_ns, LEN(in_ns) };
    case TF_STAT_DIR:
        return (Table){ in_stat, LEN(in_stat) };
    default:
        return (Table){ NULL, 0 };
    }
}

static const Name *find_kind(Table t, TaskFileKind kind)
{
    for (size_t i = 0; i < t.n; i++)
        if (t.name[i].kind == kind)
            return &t.name[i];
    return NULL;
}

static const Name *name_of_kind(TaskFileKind kind)
{
    static const TaskFileKind tables[] = { TF_DIR, TF_NS_DIR, TF_STAT_DIR };
    const Name *n = find_kind((Table){ fixed, LEN(fixed) }, kind);
    for (size_t i = 0; n == NULL && i < LEN(tables); i++)
        n = find_kind(table_of(tables[i]), kind);
    return n;
}

bool taskfile_writable(const File *f)
{
    return name_of_kind(taskfile_kind(f))->writable;
}

/* ---- files ----------------------------------------------------------------------------------------------------------- */

static uint64_t id_of(TaskFileKind kind, uint64_t number)
{
    return kind | number << 8;
}

static int make(uint64_t task, uint64_t view, const Name *name, uint64_t number, File **out)
{
    TaskFile *f = mem_alloc(sizeof *f);
    if (f == NULL)
        return -ENOMEM;
    file_init(&f->file, &devtask, name->type, name->flags, task, id_of(name->kind, number));
    f->view = view;
    *out = &f->file;
    return 0;
}

static int make_fixed(uint64_t task, uint64_t view, TaskFileKind kind, uint64_t number, File **out)
{
    return make(task, view, find_kind((Table){ fixed, LEN(fixed) }, kind), number, out);
}

static void devtask_free(File *f)
{
    mem_free(f);
}

File *devtask_view(void)
{
    static const Name dynamic = { .name = "", .kind = TF_VIEW, .type = TYPE_DIR, .flags = FILE_DYNAMIC };
    File *f = NULL;
    (void)make(0, 0, &dynamic, 0, &f);
    return f;
}

bool devtask_is_view(const File *f)
{
    return f->dev == &devtask && taskfile_kind(f) == TF_VIEW;
}

int devtask_fd_file(const File *f, uint64_t *task, int *fd)
{
    if (f->dev != &devtask || (taskfile_kind(f) != TF_FD && taskfile_kind(f) != TF_FD_CTL))
        return -EINVAL;
    *task = f->space;
    *fd = (int)taskfile_number(f);
    return 0;
}

static int devtask_resolve(Call *c, File *f, File **out)
{
    (void)f;
    return make_fixed(c->task->id, c->task->id, TF_VIEW, 0, out);
}

Task *taskfile_task(Call *c, const File *f)
{
    /* Most ask about themselves. */
    return f->space == c->task->id ? task_get(c->task) : task_find(c->task->kernel, f->space);
}

/* ---- walking --------------------------------------------------------------------------------------------------------- */

/* A number as listings write it: no sign, no leading zero. */
static int parse_name(const char *name, uint64_t *out)
{
    if (name[0] < '0' || name[0] > '9' || (name[0] == '0' && name[1] != '\0'))
        return -ENOENT;
    return parse_u64(name, out) < 0 ? -ENOENT : 0;
}

/* The task called name in holder's view, owned. */
static int shown(Call *c, Task *holder, const char *name, Task **out)
{
    uint64_t id;
    if (parse_name(name, &id) < 0)
        return -ENOENT;
    AUTO_TASK *t = task_find(c->task->kernel, id);
    if (t == NULL || !task_shows(holder, t))
        return -ENOENT;
    *out = STEAL(t);
    return 0;
}

static int walk_view(Call *c, Task *holder, const char *name, File **out)
{
    if (strcmp(name, "new") == 0)
        return make_fixed(holder->id, holder->id, TF_NEW, 0, out);
    if (strcmp(name, "self") == 0)
        return task_shows(holder, c->task) ? make_fixed(holder->id, holder->id, TF_SELF, 0, out) : -ENOENT;
    AUTO_TASK *t = NULL;
    int r = shown(c, holder, name, &t);
    return r < 0 ? r : make_fixed(t->id, holder->id, TF_DIR, 0, out);
}

/* N, or N.ctl. */
static int walk_fd_dir(const File *dir, const char *name, File **out)
{
    char digits[8];
    size_t n = strspn(name, "0123456789");
    uint64_t fd;
    if (n == 0 || n >= sizeof digits)
        return -ENOENT;
    memcpy(digits, name, n);
    digits[n] = '\0';
    if (parse_name(digits, &fd) < 0 || fd >= FD_LIMIT_MAX)
        return -ENOENT;
    if (name[n] == '\0')
        return make_fixed(dir->space, taskfile_view(dir), TF_FD, fd, out);
    return strcmp(name + n, ".ctl") == 0 ? make_fixed(dir->space, taskfile_view(dir), TF_FD_CTL, fd, out) : -ENOENT;
}

static int walk_table(const File *dir, const char *name, File **out)
{
    Table t = table_of(taskfile_kind(dir));
    for (size_t i = 0; i < t.n; i++)
        if (strcmp(t.name[i].name, name) == 0) {
            uint64_t view = t.name[i].kind == TF_VIEW ? dir->space : taskfile_view(dir);
            return make(dir->space, view, &t.name[i], 0, out);
        }
    return -ENOENT;
}

static int devtask_walk(Call *c, File *dir, const char *name, File **out)
{
    AUTO_TASK *t = taskfile_task(c, dir);
    if (t == NULL)
        return -ENOENT;
    uint64_t number;
    switch (taskfile_kind(dir)) {
    case TF_VIEW:
        return walk_view(c, t, name, out);
    case TF_FD_DIR:
        return walk_fd_dir(dir, name, out);
    case TF_FD:
        return strcmp(name, "ctl") == 0 ? make_fixed(t->id, taskfile_view(dir), TF_FD_CTL, taskfile_number(dir), out)
                                        : -ENOENT;
    case TF_NS_FROM:
        return parse_name(name, &number) < 0 ? -ENOENT
                                             : make_fixed(t->id, taskfile_view(dir), TF_NS_PLACE, number, out);
    default:
        return walk_table(dir, name, out);
    }
}

static int devtask_place(Call *c, File *f, Chan **out)
{
    AUTO_TASK *t = taskfile_task(c, f);
    Ns *ns = t != NULL ? task_ns(t) : NULL;
    if (ns == NULL)
        return -ENOENT;
    int r = ns_source(c, ns, taskfile_number(f), out);
    ns_put(ns);
    return r;
}

static int64_t devtask_readlink(Call *c, File *f, char *buf, size_t n)
{
    AUTO_TASK *holder = taskfile_task(c, f);
    if (holder == NULL || !task_shows(holder, c->task))
        return -ENOENT;
    char s[24];
    size_t len = (size_t)snprintf(s, sizeof s, "%llu", (unsigned long long)c->task->id);
    if (len > n)
        len = n;
    memcpy(buf, s, len);
    return (int64_t)len;
}

/* rmdir /task/ID is the verb remove. */
static int devtask_unlink(Call *c, File *dir, const char *name, bool rmdir)
{
    AUTO_TASK *holder = taskfile_task(c, dir);
    AUTO_TASK *t = NULL;
    if (holder == NULL)
        return -ENOENT;
    if (taskfile_kind(dir) != TF_VIEW || !rmdir)
        return -EPERM;
    int r = shown(c, holder, name, &t);
    return r < 0 ? r : task_remove(c, t);
}

/* ---- listing --------------------------------------------------------------------------------------------------------- */

static uint64_t ino_of(uint64_t task, uint64_t id)
{
    return task << 24 | (id & 0xffffff);
}

static int emit(DirFn *fn, void *arg, uint64_t task, const Name *kind, const char *name, uint64_t number, uint64_t next)
{
    uint64_t id = id_of(kind->kind, number);
    Dirent e = { .name = name, .space = task, .id = id, .ino = ino_of(task, id), .next = next, .type = kind->type };
    return fn(arg, &e);
}

static const Name *fixed_name(TaskFileKind kind)
{
    return find_kind((Table){ fixed, LEN(fixed) }, kind);
}

enum { COOKIE_NEW = 1, COOKIE_SELF = 2 };       /* a task's is COOKIE_SELF + its id */

/* Ids from all above `from`, the holder's among them. The number, or -ENOMEM. */
static int view_batch(Task *holder, uint64_t from, uint64_t *ids)
{
    int n = task_child_ids(holder, from, ids, VIEW_BATCH - 1);
    if (n < 0 || holder->id <= from)
        return n;
    int at = n;
    while (at > 0 && ids[at - 1] > holder->id) {
        ids[at] = ids[at - 1];
        at--;
    }
    ids[at] = holder->id;
    return n + 1;
}

static int list_view(Call *c, Task *holder, uint64_t cookie, DirFn *fn, void *arg)
{
    int r = 0;
    if (cookie < COOKIE_NEW)
        r = emit(fn, arg, holder->id, fixed_name(TF_NEW), "new", 0, COOKIE_NEW);
    if (r == 0 && cookie < COOKIE_SELF && task_shows(holder, c->task))
        r = emit(fn, arg, holder->id, fixed_name(TF_SELF), "self", 0, COOKIE_SELF);
    uint64_t from = cookie > COOKIE_SELF ? cookie - COOKIE_SELF : 0;
    int n = 1;
    while (r == 0 && n > 0) {
        uint64_t ids[VIEW_BATCH];
        n = view_batch(holder, from, ids);
        if (n < 0)
            return n;
        for (int i = 0; r == 0 && i < n; i++) {
            char name[24];
            snprintf(name, sizeof name, "%llu", (unsigned long long)ids[i]);
            r = emit(fn, arg, ids[i], fixed_name(TF_DIR), name, 0, COOKIE_SELF + ids[i]);
            from = ids[i];
        }
    }
    return r < 0 ? r : 0;
}

static int list_table(uint64_t task, TaskFileKind kind, uint64_t cookie, DirFn *fn, void *arg)
{
    Table t = table_of(kind);
    int r = 0;
    for (size_t i = cookie; r == 0 && i < t.n; i++)
        if (!t.name[i].hidden)
            r = emit(fn, arg, task, &t.name[i], t.name[i].name, 0, i + 1);
    return r < 0 ? r : 0;
}

/* N and N.ctl for each that is open: cookies 2N + 1 and 2N + 2 stand behind them. */
static int list_fds(Task *t, uint64_t cookie, DirFn *fn, void *arg)
{
    int r = 0;
    for (;;) {
        int fd = cookie / 2 < FD_LIMIT_MAX ? fd_next(t->fds, (int)(cookie / 2)) : -EBADF;
        if (fd < 0 || r != 0)
            return r < 0 ? r : 0;
        uint64_t first = 2 * (uint64_t)fd;
        char name[16];
        snprintf(name, sizeof name, "%d", fd);
        if (cookie <= first)
            r = emit(fn, arg, t->id, fixed_name(TF_FD), name, (uint64_t)fd, first + 1);
        strcat(name, ".ctl");
        if (r == 0)
            r = emit(fn, arg, t->id, fixed_name(TF_FD_CTL), name, (uint64_t)fd, first + 2);
        cookie = first + 2;
    }
}

typedef struct FromList {
    uint64_t task, cookie;
    DirFn *fn;
    void *arg;
} FromList;

static int list_source(void *arg, const NsLine *line)
{
    FromList *l = arg;
    char name[24];
    if (line->hide || line->k < l->cookie)
        return 0;
    snprintf(name, sizeof name, "%llu", (unsigned long long)line->k);
    Name place = *fixed_name(TF_NS_PLACE);
    place.type = line->src->file->type;
    return emit(l->fn, l->arg, l->task, &place, name, line->k, line->k + 1);
}

static int list_from(Task *t, uint64_t cookie, DirFn *fn, void *arg)
{
    FromList l = { .task = t->id, .cookie = cookie, .fn = fn, .arg = arg };
    Ns *ns = task_ns(t);
    if (ns == NULL)
        return 0;
    int r = ns_lines(ns, list_source, &l);
    ns_put(ns);
    return r < 0 ? r : 0;
}

static int devtask_readdir(Call *c, Chan *dir, uint64_t cookie, DirFn *fn, void *arg)
{
    AUTO_TASK *t = taskfile_task(c, dir->file);
    if (t == NULL)
        return -ENOENT;
    switch (taskfile_kind(dir->file)) {
    case TF_VIEW:
        return list_view(c, t, cookie, fn, arg);
    case TF_FD_DIR: {
        AUTO_TASK *target = call_target(c, t);
        return list_fds(target, cookie, fn, arg);
    }
    case TF_NS_FROM:
        return list_from(t, cookie, fn, arg);
    default:
        return list_table(t->id, taskfile_kind(dir->file), cookie, fn, arg);
    }
}

/* ---- attributes ------------------------------------------------------------------------------------------------------ */

static int devtask_getattr(Call *c, File *f, Attr *a)
{
    Kernel *k = c->task->kernel;
    uint32_t bits = f->type == TYPE_DIR ? 0555 : f->type == TYPE_LINK ? 0777 : taskfile_writable(f) ? 0644 : 0444;
    if (taskfile_kind(f) == TF_VIEW)
        bits = 0755;                /* rmdir of a task: whoever asks modes must find that its owner may */
    a->dev = DEVICE_NUMBER;
    a->ino = ino_of(f->space, f->id);
    a->mode = f->type | bits;
    a->nlink = f->type == TYPE_DIR ? 2 : 1;
    a->blksize = 4096;
    a->uid = k->uid;
    a->gid = k->gid;
    a->atime = a->mtime = a->ctime = (int64_t)k->boot_time;
    return 0;
}

/* Truncating changes nothing, nor do times; modes and owners are not to be had. */
static int devtask_setattr(Call *c, File *f, unsigned what, const Attr *a)
{
    (void)f;
    (void)a;
    return (what & (SET_MODE | SET_UID | SET_GID)) == 0 ? 0
                                                        : fail(c, -EPERM, "files of a task have no owner to change");
}

const Dev devtask = {
    .name = "task",
    .walk = devtask_walk,
    .resolve = devtask_resolve,
    .place = devtask_place,
    .unlink = devtask_unlink,
    .readlink = devtask_readlink,
    .reopen = devtask_reopen,
    .open = devtask_open,
    .close = devtask_close,
    .flush = devtask_flush,
    .read = devtask_read,
    .write = devtask_write,
    .append = devtask_append,
    .readdir = devtask_readdir,
    .ready = devtask_ready,
    .getattr = devtask_getattr,
    .setattr = devtask_setattr,
    .free = devtask_free,
};
