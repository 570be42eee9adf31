/* SPDX-License-Identifier: MIT */
/*
 * devmem behind a wait. Its files are devmem's own, with another table.
 */
#include "test/waitdev.h"

#include <string.h>

#include "dev/devmem.h"
#include "kern/call.h"
#include "kern/chan.h"
#include "kern/count.h"
#include "test/test.h"

enum { ASKED_MAX = 256 };

/* What a call has asked so far. */
typedef struct Asked {
    Op op;
    unsigned n;
    uint64_t question[ASKED_MAX];
} Asked;

static const Dev wait_dev;
static WaitPlan now;
static unsigned questions, waits;
static bool busy;
static Mutex lock = MUTEX_INIT(RANK_FILE);
static Queue answered;

void waitdev_plan(const WaitPlan *plan)
{
    now = plan == NULL ? (WaitPlan){ 0 } : *plan;
    questions = waits = 0;
}

unsigned waitdev_waits(void)
{
    return waits;
}

static void asked_free(Op *op)
{
    count_sub(OBJ_OP, op);
    mem_free(op);
}

/* True when c asks this for the first time. */
static bool is_new(Call *c, uint64_t question)
{
    Asked *a = (Asked *)call_op(c, &answered);
    if (a == NULL) {
        a = mem_alloc(sizeof *a);
        if (a == NULL)
            return false;
        a->op = (Op){ .key = &answered, .cancel = asked_free };
        count_add(OBJ_OP, a);
        call_add_op(c, &a->op);
    }
    for (unsigned i = 0; i < a->n; i++)
        if (a->question[i] == question)
            return false;
    TRUE(a->n < ASKED_MAX);
    a->question[a->n++] = question;
    return true;
}

static void wake(void *arg)
{
    (void)arg;
    mutex_lock(&lock);
    queue_wake(&answered);
    mutex_unlock(&lock);
}

/* 0, or WAIT: asked again, it goes on. */
static int ask(Call *c, const char *what, const File *f, const char *name)
{
    if (now.every == 0 || busy)
        return 0;
    uint64_t question = f->id * 31 + f->space;
    for (const char *s = what; *s != '\0'; s++)
        question = question * 1000003 + (unsigned char)*s;
    for (const char *s = name; *s != '\0'; s++)
        question = question * 1000003 + (unsigned char)*s;
    if (now.remote ? !is_new(c, question) : ++questions % now.every != 0)
        return 0;
    mutex_lock(&lock);
    int r = wait_arm(c, &answered);
    mutex_unlock(&lock);
    if (r != WAIT)
        return r;
    waits++;
    busy = true;
    if (now.meanwhile != NULL)
        now.meanwhile(now.arg);
    busy = false;
    if (!now.from_worker || worker_run(wake, NULL, 0) < 0)
        wake(NULL);
    return WAIT;
}

static int ours(int r, File **out)
{
    if (r == 0)
        (*out)->dev = &wait_dev;
    return r;
}

static int wait_walk(Call *c, File *dir, const char *name, File **out)
{
    int r = ask(c, "walk", dir, name);
    return r < 0 ? r : ours(devmem.walk(c, dir, name, out), out);
}

static int wait_create(Call *c, File *dir, const char *name, uint32_t mode, unsigned flags, File **out)
{
    int r = ask(c, "create", dir, name);
    return r < 0 ? r : ours(devmem.create(c, dir, name, mode, flags, out), out);
}

static int wait_mkdir(Call *c, File *dir, const char *name, uint32_t mode, File **out)
{
    int r = ask(c, "mkdir", dir, name);
    return r < 0 ? r : ours(devmem.mkdir(c, dir, name, mode, out), out);
}

static int wait_symlink(Call *c, File *dir, const char *name, const char *target, File **out)
{
    int r = ask(c, "symlink", dir, name);
    return r < 0 ? r : ours(devmem.symlink(c, dir, name, target, out), out);
}

static int wait_link(Call *c, File *dir, const char *name, File *file)
{
    int r = ask(c, "link", dir, name);
    return r < 0 ? r : devmem.link(c, dir, name, file);
}

static int wait_rename(Call *c, File *from, const char *name, File *to, const char *newname)
{
    int r = ask(c, "rename", from, newname);
    return r < 0 ? r : devmem.rename(c, from, name, to, newname);
}

static int wait_unlink(Call *c, File *dir, const char *name, bool rmdir)
{
    int r = ask(c, "unlink", dir, name);
    return r < 0 ? r : devmem.unlink(c, dir, name, rmdir);
}

static int64_t wait_readlink(Call *c, File *link, char *buf, size_t n)
{
    int r = ask(c, "readlink", link, "");
    return r < 0 ? r : devmem.readlink(c, link, buf, n);
}

static int wait_open(Call *c, Chan *ch, unsigned flags)
{
    int r = ask(c, "open", ch->file, "");
    return r < 0 ? r : devmem.open(c, ch, flags);
}

static int64_t wait_read(Call *c, Chan *ch, void *buf, size_t n, uint64_t off)
{
    int r = ask(c, "read", ch->file, "");
    return r < 0 ? r : devmem.read(c, ch, buf, n, off);
}

static int64_t wait_write(Call *c, Chan *ch, const void *buf, size_t n, uint64_t off)
{
    int r = ask(c, "write", ch->file, "");
    return r < 0 ? r : devmem.write(c, ch, buf, n, off);
}

static int wait_readdir(Call *c, Chan *dir, uint64_t cookie, DirFn *fn, void *arg)
{
    int r = ask(c, "readdir", dir->file, "");
    return r < 0 ? r : devmem.readdir(c, dir, cookie, fn, arg);
}

static int wait_setattr(Call *c, File *f, unsigned what, const Attr *a)
{
    int r = ask(c, "setattr", f, "");
    return r < 0 ? r : devmem.setattr(c, f, what, a);
}

static int wait_getattr(Call *c, File *f, Attr *a)
{
    return devmem.getattr(c, f, a);
}

static void wait_free(File *f)
{
    devmem.free(f);
}

static const Dev wait_dev = {
    .name = "wait",
    .walk = wait_walk,
    .create = wait_create,
    .mkdir = wait_mkdir,
    .symlink = wait_symlink,
    .link = wait_link,
    .rename = wait_rename,
    .unlink = wait_unlink,
    .readlink = wait_readlink,
    .open = wait_open,
    .read = wait_read,
    .write = wait_write,
    .readdir = wait_readdir,
    .getattr = wait_getattr,
    .setattr = wait_setattr,
    .free = wait_free,
};

int waitdev_new(Call *c, File **root)
{
    return ours(devmem_new(c, root), root);
}
