/* SPDX-License-Identifier: MIT */
/*
 * The device of synthetic directories. Their names come from the namespace alone; what is missing here is refused by
 * chan.c with EPERM.
 */
#include "kern/synth.h"

#include "kern/boot.h"
#include "kern/call.h"
#include "kern/task.h"

static int synth_readdir(Call *c, Chan *dir, uint64_t cookie, DirFn *fn, void *arg)
{
    (void)c, (void)dir, (void)cookie, (void)fn, (void)arg;
    return 0;
}

static int synth_getattr(Call *c, File *f, Attr *a)
{
    Kernel *k = c->task == NULL ? NULL : c->task->kernel;
    a->ino = f->id;
    a->mode = TYPE_DIR | 0555;
    a->nlink = 2;
    a->blksize = 4096;
    if (k != NULL) {
        a->uid = k->uid;
        a->gid = k->gid;
        a->atime = a->mtime = a->ctime = (int64_t)k->boot_time;
    }
    return 0;
}

static void synth_free(File *f)
{
    mem_free(f);
}

const Dev synth_dev = {
    .name = "root",
    .readdir = synth_readdir,
    .getattr = synth_getattr,
    .free = synth_free,
};

File *synth_dir(uint64_t id)
{
    File *f = mem_alloc(sizeof *f);
    if (f != NULL)
        file_init(f, &synth_dev, TYPE_DIR, 0, 0, id);
    return f;
}
