/* SPDX-License-Identifier: MIT */
/*
 * A machine begins with task 1, which has no program, and ends when all its programs have.
 */
#include "kern/boot.h"

#include <string.h>

#include "kern/count.h"
#include "kern/life.h"

static Kernel *kernel_alloc(const BootList *list, uint32_t uid, uint32_t gid)
{
    Kernel *k = mem_alloc(sizeof *k);
    if (k == NULL)
        return NULL;
    k->table = tasktab_new();
    if (k->table == NULL) {
        mem_free(k);
        return NULL;
    }
    k->list = list;
    k->uid = uid;
    k->gid = gid;
    k->boot_time = clock_now(CLOCK_REAL);
    atomic_init(&k->next_id, 1);
    mutex_init(&k->lock, RANK_KERNEL);
    cond_init(&k->quiet);
    return k;
}

static void kernel_free(Kernel *k)
{
    tasktab_free(k->table);
    cond_destroy(&k->quiet);
    mutex_destroy(&k->lock);
    mem_free(k);
}

/* The root's descriptors 0-2 are /dev/null. */
static int null_fds(Call *c, Task *root)
{
    for (int fd = 0; fd < 3; fd++) {
        Chan *null = NULL;
        int r = task_open_null(c, &null);
        if (r == 0)
            r = fd_put(c, root->fds, fd, null, UINT64_MAX, UINT64_MAX, false);
        if (r < 0)
            return r;
    }
    fdtab_activate(root->fds);
    return 0;
}

static int populate(Kernel *k)
{
    Call c;
    int r;
    call_init(&c, k->root);
    CALL_RUN(&c, r, k->list->populate(&c, k));
    if (r == 0)
        CALL_RUN(&c, r, null_fds(&c, k->root));
    if (r == 0)
        r = ns_seal(k->root->ns);   /* what was given is older than all that is bound over it */
    call_destroy(&c);
    return r;
}

int kernel_boot(const BootList *list, uint32_t uid, uint32_t gid, Kernel **out)
{
    Kernel *k = kernel_alloc(list, uid, gid);
    if (k == NULL)
        return -ENOMEM;
    int r = task_root(k, &k->root);
    if (r < 0) {
        kernel_free(k);
        return r;
    }
    r = populate(k);
    if (r < 0) {
        kernel_end(k);
        return r;
    }
    *out = k;
    return 0;
}

static void end_root(Kernel *k)
{
    Task *root = k->root;
    TaskList out = { 0 };
    mutex_lock(&root->lock);
    root->ending = true;
    mutex_unlock(&root->lock);
    task_dismantle(root);
    mutex_lock(&k->lock);
    ASSERT(root->children.first == NULL);
    mutex_lock(&root->lock);
    root->state = TASK_DEAD;
    mutex_unlock(&root->lock);
    tree_remove_locked(root, &out);
    mutex_unlock(&k->lock);
    if (k->list->task_exited != NULL)
        k->list->task_exited(root);
    tree_release(&out);
    task_put(root);
}

void kernel_end(Kernel *k)
{
    mutex_lock(&k->lock);
    k->ending = true;
    mutex_unlock(&k->lock);
    tree_signal(k, k->root, SIG_KILL, false);
    mutex_lock(&k->lock);
    while (k->running > 0)
        cond_wait(&k->quiet, &k->lock);
    mutex_unlock(&k->lock);
    end_root(k);
    kernel_free(k);
}

const MountType *kernel_mount_type(Kernel *k, const char *name)
{
    for (const MountType *const *m = k->list->mounts; *m != NULL; m++)
        if (strcmp((*m)->name, name) == 0)
            return *m;
    return NULL;
}
