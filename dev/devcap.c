/* SPDX-License-Identifier: MIT */
/*
 * /cap: objects that tasks make for themselves, each in the view of the task through which it was made. doc/dev/cap.md is
 * what users see; what kinds there are the boot list says (kern/cap.h).
 *
 * A view is its holder's id, so nothing here keeps a task; the objects are a ring in the holder, guarded by Task.lock, the newest
 * one in Task.caps. An object holds its files, and the view holds the object until it is removed or the holder exits. The
 * files are their own devices': what is open, bound or mounted so keeps them, and nothing more, alive.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dev/devcap.h"
#include "kern/account.h"
#include "kern/boot.h"
#include "kern/chan.h"
#include "kern/count.h"
#include "kern/task.h"

enum {                              /* File.id: these, and object * PER_OBJECT + one of the latter. File.space: the holder */
       ID_VIEW = 0,
       ID_NEW = 1,
       ID_KIND = 2,
       KINDS_MAX = 14,
       PER_OBJECT = 16,
       PART_DIR = 0,
       PART_TYPE = 1,
       PART_CTL = 2,
       LISTED = 32, /* objects that are listed at once */
       VERBS_MAX = 8,
};

typedef struct CapObject {
    Ref ref;
    struct CapObject *next;         /* in the ring, by age */
    uint64_t id;
    const CapKind *kind;
    Account *account;               /* owned or NULL */
    File *files[CAP_FILES];         /* owned */
} CapObject;

static const Dev devcap;

/* ---- objects ------------------------------------------------------------------------------------------------------ */

static void object_put(CapObject *o)
{
    if (o == NULL || !ref_put(&o->ref))
        return;
    for (unsigned i = 0; i < CAP_FILES; i++)
        file_put(o->files[i]);
    count_sub(OBJ_CAP, o);
    Account *a = o->account;
    account_free(a, o, sizeof *o);
    if (a != NULL)
        account_put(a);
}

static void auto_object(CapObject **o)
{
    object_put(*o);
}
#define AUTO_OBJECT __attribute__((cleanup(auto_object))) CapObject

static int object_new(Call *c, const CapKind *kind, CapObject **out)
{
    Account *a = call_account(c);
    AUTO_OBJECT *o = account_alloc(a, sizeof *o);
    if (o == NULL)
        return -ENOMEM;
    ref_init(&o->ref);
    o->kind = kind;
    o->account = a == NULL ? NULL : account_get(a);
    count_add(OBJ_CAP, o);
    int r = kind->make(c, o->files);
    if (r < 0)
        return r;
    *out = STEAL(o);
    return 0;
}

static Task *holder_find(Call *c, uint64_t id)      /* owned, or NULL */
{
    return c->task == NULL ? NULL : task_find(c->task->kernel, id);
}

/* The view takes a reference of its own. -ESRCH: the holder has exited. */
static int view_add(Call *c, uint64_t holder, CapObject *o)
{
    AUTO_TASK *t = holder_find(c, holder);
    if (t == NULL)
        return -ESRCH;
    int r = -ESRCH;
    mutex_lock(&t->lock);
    if (t->state != TASK_DEAD) {
        o->id = ++t->cap_last;
        o->next = t->caps == NULL ? o : t->caps->next;
        if (t->caps != NULL)
            t->caps->next = o;
        t->caps = o;
        ref_get(&o->ref);
        r = 0;
    }
    mutex_unlock(&t->lock);
    return r;
}

/* The object before id in the ring, or NULL when id is not there. */
static CapObject *before_locked(Task *t, uint64_t id)
{
    CapObject *o = t->caps;
    if (o == NULL)
        return NULL;
    do {
        if (o->next->id == id)
            return o;
        o = o->next;
    } while (o != t->caps);
    return NULL;
}

static int view_find(Call *c, uint64_t holder, uint64_t id, CapObject **out)
{
    AUTO_TASK *t = holder_find(c, holder);
    if (t == NULL)
        return -ENOENT;
    mutex_lock(&t->lock);
    CapObject *before = before_locked(t, id);
    if (before != NULL) {
        ref_get(&before->next->ref);
        *out = before->next;
    }
    mutex_unlock(&t->lock);
    return before != NULL ? 0 : -ENOENT;
}

static int view_remove(Call *c, uint64_t holder, uint64_t id)
{
    AUTO_TASK *t = holder_find(c, holder);
    if (t == NULL)
        return -ENOENT;
    AUTO_OBJECT *gone = NULL;
    mutex_lock(&t->lock);
    CapObject *before = before_locked(t, id);
    if (before != NULL) {
        gone = before->next;
        before->next = gone->next;
        if (t->caps == gone)
            t->caps = before == gone ? NULL : before;
    }
    mutex_unlock(&t->lock);
    return gone != NULL ? 0 : -ENOENT;
}

/* The ids above `from`, in order, at most LISTED. */
static unsigned view_list(Call *c, uint64_t holder, uint64_t from, uint64_t *ids)
{
    AUTO_TASK *t = holder_find(c, holder);
    unsigned n = 0;
    if (t == NULL)
        return 0;
    mutex_lock(&t->lock);
    if (t->caps != NULL) {
        CapObject *o = t->caps;
        do {
            o = o->next;
            if (o->id > from)
                ids[n++] = o->id;
        } while (o != t->caps && n < LISTED);
    }
    mutex_unlock(&t->lock);
    return n;
}

void devcap_task_exited(Task *t)
{
    mutex_lock(&t->lock);
    CapObject *newest = STEAL(t->caps);
    mutex_unlock(&t->lock);
    if (newest == NULL)
        return;
    CapObject *o = newest->next;
    while (o != newest) {
        CapObject *next = o->next;
        object_put(o);
        o = next;
    }
    object_put(newest);
}

/* ---- files -------------------------------------------------------------------------------------------------------- */

static uint64_t object_of(const File *f)
{
    return f->id / PER_OBJECT;
}
static bool is_object(const File *f, unsigned part)
{
    return f->id >= PER_OBJECT && f->id % PER_OBJECT == part;
}

static const CapKind *kind_at(Call *c, uint64_t n)
{
    const CapKind *const *kinds = c->task->kernel->list->caps;
    for (uint64_t i = 0; kinds[i] != NULL && i < KINDS_MAX; i++)
        if (i == n)
            return kinds[i];
    return NULL;
}

static int file_make(uint16_t type, uint16_t flags, uint64_t holder, uint64_t id, File **out)
{
    File *f = mem_alloc(sizeof *f);
    if (f == NULL)
        return -ENOMEM;
    file_init(f, &devcap, type, flags, holder, id);
    *out = f;
    return 0;
}

File *devcap_view(void)
{
    File *f = NULL;
    (void)file_make(TYPE_DIR, FILE_DYNAMIC, 0, ID_VIEW, &f);
    return f;
}

bool devcap_is_view(const File *f)
{
    return f->dev == &devcap && f->id == ID_VIEW;
}

static int cap_resolve(Call *c, File *f, File **out)
{
    (void)f;
    return c->task == NULL ? -ENOENT : file_make(TYPE_DIR, 0, c->task->id, ID_VIEW, out);
}

static int walk_view(Call *c, File *dir, const char *name, File **out)
{
    uint64_t id;
    AUTO_OBJECT *o = NULL;
    if (strcmp(name, "new") == 0)
        return file_make(TYPE_DIR, 0, dir->space, ID_NEW, out);
    /* One name an object: no other spelling of its number. */
    if (name[0] == '0' || parse_u64(name, &id) < 0 || id > UINT64_MAX / PER_OBJECT)
        return -ENOENT;
    int r = view_find(c, dir->space, id, &o);
    return r < 0 ? r : file_make(TYPE_DIR, 0, dir->space, id * PER_OBJECT + PART_DIR, out);
}

static int walk_object(Call *c, File *dir, const char *name, File **out)
{
    AUTO_OBJECT *o = NULL;
    int r = view_find(c, dir->space, object_of(dir), &o);
    if (r < 0)
        return r;
    if (strcmp(name, "type") == 0)
        return file_make(TYPE_FILE, FILE_TEXT, dir->space, dir->id + PART_TYPE, out);
    if (strcmp(name, "ctl") == 0)
        return file_make(TYPE_FILE, FILE_TEXT, dir->space, dir->id + PART_CTL, out);
    for (unsigned i = 0; i < CAP_FILES && o->kind->files[i] != NULL; i++) {
        if (strcmp(name, o->kind->files[i]) == 0) {
            *out = file_get(o->files[i]);
            return 0;
        }
    }
    return -ENOENT;
}

static int cap_walk(Call *c, File *dir, const char *name, File **out)
{
    if (dir->id == ID_VIEW)
        return walk_view(c, dir, name, out);
    if (dir->id != ID_NEW)
        return walk_object(c, dir, name, out);
    const CapKind *kind;
    for (uint64_t i = 0; (kind = kind_at(c, i)) != NULL; i++)
        if (strcmp(kind->name, name) == 0)
            return file_make(TYPE_FILE, FILE_TEXT, dir->space, ID_KIND + i, out);
    return -ENOENT;
}

static int cap_unlink(Call *c, File *dir, const char *name, bool rmdir)
{
    uint64_t id;
    if (dir->id != ID_VIEW || !rmdir || parse_u64(name, &id) < 0)
        return -EPERM;
    return view_remove(c, dir->space, id);
}

/* ---- listing ------------------------------------------------------------------------------------------------------ */

typedef struct Listing {
    DirFn *fn;
    void *arg;
    uint64_t cookie;                /* entries up to this one are known */
} Listing;

/* 0: go on. */
static int list_one(Listing *l, const char *name, const File *f, uint64_t next)
{
    if (next <= l->cookie)
        return 0;
    Dirent e = { .name = name, .space = f->space, .id = f->id, .ino = f->id, .next = next, .type = f->type };
    return l->fn(l->arg, &e);
}

static int list_view(Call *c, const File *dir, Listing *l)
{
    File f = { .space = dir->space, .id = ID_NEW, .type = TYPE_DIR };
    int r = list_one(l, "new", &f, 1);
    uint64_t from = l->cookie > 1 ? l->cookie - 1 : 0, ids[LISTED];
    for (unsigned n = LISTED; n == LISTED && r == 0;) {
        n = view_list(c, dir->space, from, ids);
        for (unsigned i = 0; i < n && r == 0; i++) {
            char name[24];
            snprintf(name, sizeof name, "%" PRIu64, ids[i]);
            f.id = ids[i] * PER_OBJECT + PART_DIR;
            from = ids[i];
            r = list_one(l, name, &f, ids[i] + 1);
        }
    }
    return r;
}

static int list_new(Call *c, const File *dir, Listing *l)
{
    const CapKind *kind;
    int r = 0;
    for (uint64_t i = 0; r == 0 && (kind = kind_at(c, i)) != NULL; i++) {
        File f = { .space = dir->space, .id = ID_KIND + i, .type = TYPE_FILE };
        r = list_one(l, kind->name, &f, i + 1);
    }
    return r;
}

static int list_object(Call *c, const File *dir, Listing *l)
{
    AUTO_OBJECT *o = NULL;
    int r = view_find(c, dir->space, object_of(dir), &o);
    if (r < 0)
        return r;
    File f = { .space = dir->space, .id = dir->id + PART_TYPE, .type = TYPE_FILE };
    r = list_one(l, "type", &f, 1);
    f.id = dir->id + PART_CTL;
    if (r == 0)
        r = list_one(l, "ctl", &f, 2);
    for (unsigned i = 0; r == 0 && i < CAP_FILES && o->kind->files[i] != NULL; i++)
        r = list_one(l, o->kind->files[i], o->files[i], 3 + i);
    return r;
}

static int cap_readdir(Call *c, Chan *dir, uint64_t cookie, DirFn *fn, void *arg)
{
    const File *f = dir->file;
    Listing l = { .fn = fn, .arg = arg, .cookie = cookie };
    int r = f->id == ID_VIEW ? list_view(c, f, &l) : f->id == ID_NEW ? list_new(c, f, &l) : list_object(c, f, &l);
    return r < 0 ? r : 0;
}

/* ---- texts and control lines -------------------------------------------------------------------------------------- */

static int cap_open(Call *c, Chan *ch, unsigned flags)
{
    (void)c;
    const File *f = ch->file;
    if (file_is_dir(f))
        return 0;
    if ((flags & OPEN_WRITE) != 0 && !is_object(f, PART_CTL))
        return -EPERM;
    ch->aux = syn_new(call_account(c));
    return ch->aux == NULL ? -ENOMEM : 0;
}

static void cap_close(Chan *ch)
{
    syn_free(ch->aux);
}

/* Reading new/KIND: this open file makes one object in its life. */
static int make_object(Call *c, Chan *ch, uint64_t *id)
{
    SynFile *syn = ch->aux;
    mutex_lock(&syn->lock);
    *id = syn->value[0];
    mutex_unlock(&syn->lock);
    if (*id != 0)
        return 0;
    if ((ch->flags & CHAN_NO_WRITE) != 0)
        return fail(c, -EROFS, "%s: bound read-only", ch->path->s);
    const CapKind *kind = kind_at(c, ch->file->id - ID_KIND);
    AUTO_OBJECT *o = NULL;
    int r = kind == NULL ? -ENOENT : object_new(c, kind, &o);
    if (r == 0)
        r = view_add(c, ch->file->space, o);
    if (r < 0)
        return r;
    mutex_lock(&syn->lock);
    bool first = syn->value[0] == 0;
    if (first)
        syn->value[0] = o->id;
    *id = syn->value[0];
    mutex_unlock(&syn->lock);
    return first ? 0 : view_remove(c, ch->file->space, o->id);
}

static int ctl_remove(Call *c, void *files, int argc, char **argv)
{
    (void)c, (void)files, (void)argc, (void)argv;
    return 1;                       /* cap_line does it: it knows the view */
}

static const CtlVerb verb_remove = { "remove", 0, 0, ctl_remove, "remove  forget the object; what is in use goes on" };

static size_t object_verbs(const CapObject *o, CtlVerb *verbs)
{
    size_t n = 0;
    for (size_t i = 0; i < o->kind->nverb && n < VERBS_MAX - 1; i++)
        verbs[n++] = o->kind->verbs[i];
    verbs[n++] = verb_remove;
    return n;
}

static int make_text(Call *c, void *arg, Text *out)
{
    Chan *ch = arg;
    AUTO_OBJECT *o = NULL;
    uint64_t id;
    if (ch->file->id < PER_OBJECT) {
        int r = make_object(c, ch, &id);
        if (r == 0)
            text_printf(out, "%" PRIu64 "\n", id);
        return r;
    }
    int r = view_find(c, ch->file->space, object_of(ch->file), &o);
    if (r < 0)
        return r;
    if (is_object(ch->file, PART_TYPE)) {
        text_printf(out, "%s\n", o->kind->name);
        return 0;
    }
    CtlVerb verbs[VERBS_MAX];
    ctl_help(verbs, object_verbs(o, verbs), out);
    return 0;
}

static int64_t cap_read(Call *c, Chan *ch, void *buf, size_t n, uint64_t off)
{
    return syn_read(c, ch->aux, buf, n, off, make_text, ch);
}

static int cap_line(Call *c, void *arg, char *line, size_t len)
{
    const File *f = arg;
    AUTO_OBJECT *o = NULL;
    int r = view_find(c, f->space, object_of(f), &o);
    if (r < 0)
        return r;
    CtlVerb verbs[VERBS_MAX];
    r = ctl_run(c, verbs, object_verbs(o, verbs), o->files, line, len);
    return r == 1 ? view_remove(c, f->space, o->id) : r;
}

static int64_t cap_write(Call *c, Chan *ch, const void *buf, size_t n, uint64_t off)
{
    (void)off;
    return syn_write(c, ch->aux, buf, n, cap_line, ch->file);
}

static int cap_flush(Call *c, Chan *ch)
{
    return ch->aux == NULL ? 0 : syn_flush(c, ch->aux, cap_line, ch->file);
}

static int cap_getattr(Call *c, File *f, Attr *a)
{
    if (c->task != NULL) {
        Kernel *k = c->task->kernel;
        a->uid = k->uid;
        a->gid = k->gid;
        a->atime = a->mtime = a->ctime = (int64_t)k->boot_time;
    }
    a->ino = f->id;
    /* A view is its owner's to change, since rmdir removes an object. */
    a->mode = f->type | (f->id == ID_VIEW ? 0755u : file_is_dir(f) ? 0555u : is_object(f, PART_CTL) ? 0644u : 0444u);
    a->nlink = file_is_dir(f) ? 2 : 1;
    a->blksize = 4096;
    return 0;
}

/* What truncates before it writes (echo x > ctl) is not in the way. */
static int cap_setattr(Call *c, File *f, unsigned what, const Attr *a)
{
    (void)c, (void)a;
    return what == SET_SIZE && is_object(f, PART_CTL) ? 0 : -EPERM;
}

static void cap_free(File *f)
{
    mem_free(f);
}

static const Dev devcap = {
    .name = "cap",
    .walk = cap_walk,
    .resolve = cap_resolve,
    .unlink = cap_unlink,
    .open = cap_open,
    .close = cap_close,
    .flush = cap_flush,
    .read = cap_read,
    .write = cap_write,
    .readdir = cap_readdir,
    .getattr = cap_getattr,
    .setattr = cap_setattr,
    .free = cap_free,
};

/* ---- the kind tmpfs ----------------------------------------------------------------------------------------------- */

static int tmpfs_make(Call *c, File **files)
{
    const MountType *type = kernel_mount_type(c->task->kernel, "tmpfs");
    return type == NULL ? -ENODEV : type->make(c, 0, NULL, &files[0]);
}

const CapKind cap_tmpfs = { .name = "tmpfs", .files = { "root" }, .make = tmpfs_make };
