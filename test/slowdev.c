/* SPDX-License-Identifier: MIT */
#include "test/slowdev.h"

#include "dev/devmem.h"
#include "kern/call.h"
#include "kern/chan.h"

static SlowMode mode;
static unsigned odds, waits;
static uint64_t seed;
static Mutex lock;
static Queue queue;

static const Dev slow_dev;

void slow_set(SlowMode new_mode, unsigned one_in)
{
    mode = new_mode;
    odds = one_in;
    waits = 0;
    seed = 88172645463325252u;
    mutex_init(&lock, RANK_FILE);
    queue_init(&queue);
}

unsigned slow_waits(void)
{
    return waits;
}

/* 0, or WAIT with the end of the wait on its way already. */
static int wait_first(Call *c)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    if (mode == SLOW_OFF || c == NULL || c->thread == NULL || seed % odds != 0)
        return 0;
    mutex_lock(&lock);
    int r = wait_arm(c, &queue);
    mutex_unlock(&lock);
    if (r != WAIT)
        return r;
    waits++;
    if (mode == SLOW_INTERRUPT)
        call_interrupt(c);
    else
        queue_wake(&queue);
    return WAIT;
}

/* A file of devmem becomes one of ours: whoever finds it comes through here. */
static int ours(int r, File **out)
{
    if (r == 0)
        (*out)->dev = &slow_dev;
    return r;
}

static int slow_walk(Call *c, File *dir, const char *name, File **out)
{
    int r = wait_first(c);
    return r < 0 ? r : ours(devmem.walk(c, dir, name, out), out);
}

static int slow_create(Call *c, File *dir, const char *name, uint32_t perm, unsigned flags, File **out)
{
    int r = wait_first(c);
    return r < 0 ? r : ours(devmem.create(c, dir, name, perm, flags, out), out);
}

static int slow_mkdir(Call *c, File *dir, const char *name, uint32_t perm, File **out)
{
    int r = wait_first(c);
    return r < 0 ? r : ours(devmem.mkdir(c, dir, name, perm, out), out);
}

static int slow_symlink(Call *c, File *dir, const char *name, const char *target, File **out)
{
    int r = wait_first(c);
    return r < 0 ? r : ours(devmem.symlink(c, dir, name, target, out), out);
}

static int slow_link(Call *c, File *dir, const char *name, File *file)
{
    int r = wait_first(c);
    return r < 0 ? r : devmem.link(c, dir, name, file);
}

static int slow_rename(Call *c, File *from, const char *name, File *to, const char *newname)
{
    int r = wait_first(c);
    return r < 0 ? r : devmem.rename(c, from, name, to, newname);
}

static int slow_unlink(Call *c, File *dir, const char *name, bool rmdir)
{
    int r = wait_first(c);
    return r < 0 ? r : devmem.unlink(c, dir, name, rmdir);
}

static int64_t slow_readlink(Call *c, File *link, char *buf, size_t n)
{
    int r = wait_first(c);
    return r < 0 ? r : devmem.readlink(c, link, buf, n);
}

static int slow_open(Call *c, Chan *ch, unsigned flags)
{
    int r = mode == SLOW_INTERRUPT ? 0 : wait_first(c);
    return r < 0 ? r : devmem.open(c, ch, flags);
}

static int64_t slow_read(Call *c, Chan *ch, void *buf, size_t n, uint64_t off)
{
    int r = wait_first(c);
    return r < 0 ? r : devmem.read(c, ch, buf, n, off);
}

static int64_t slow_write(Call *c, Chan *ch, const void *buf, size_t n, uint64_t off)
{
    int r = wait_first(c);
    return r < 0 ? r : devmem.write(c, ch, buf, n, off);
}

static int64_t slow_append(Call *c, Chan *ch, const void *buf, size_t n, uint64_t *end)
{
    int r = wait_first(c);
    return r < 0 ? r : devmem.append(c, ch, buf, n, end);
}

static int slow_readdir(Call *c, Chan *dir, uint64_t cookie, DirFn *fn, void *arg)
{
    int r = wait_first(c);
    return r < 0 ? r : devmem.readdir(c, dir, cookie, fn, arg);
}

static int slow_fsync(Call *c, Chan *ch, bool data_only)
{
    (void)ch, (void)data_only;
    return wait_first(c);
}

static int slow_allocate(Call *c, Chan *ch, uint64_t off, uint64_t n)
{
    int r = wait_first(c);
    return r < 0 ? r : devmem.allocate(c, ch, off, n);
}

static int slow_getattr(Call *c, File *f, Attr *a)
{
    return devmem.getattr(c, f, a);
}

static int slow_setattr(Call *c, File *f, unsigned what, const Attr *a)
{
    int r = wait_first(c);
    return r < 0 ? r : devmem.setattr(c, f, what, a);
}

static void slow_free(File *f)
{
    devmem.free(f);
}

static const Dev slow_dev = {
    .name = "slow",
    .walk = slow_walk,
    .create = slow_create,
    .mkdir = slow_mkdir,
    .symlink = slow_symlink,
    .link = slow_link,
    .rename = slow_rename,
    .unlink = slow_unlink,
    .readlink = slow_readlink,
    .open = slow_open,
    .read = slow_read,
    .write = slow_write,
    .append = slow_append,
    .readdir = slow_readdir,
    .fsync = slow_fsync,
    .allocate = slow_allocate,
    .getattr = slow_getattr,
    .setattr = slow_setattr,
    .free = slow_free,
};

int slow_new(Call *c, File **root)
{
    int r = devmem_new(c, root);
    if (r == 0 && mode != SLOW_OFF)
        (*root)->dev = &slow_dev;
    return r;
}
