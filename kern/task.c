/* SPDX-License-Identifier: MIT */
/*
 * Tasks: made, looked at, configured. What happens to one that runs is in start.c, signal.c and exit.c.
 */
#include "kern/task.h"

#include <string.h>

#include "kern/count.h"
#include "kern/life.h"
#include "kern/nsnode.h"

Task *task_get(Task *t)
{
    ref_get(&t->ref);
    return t;
}

static void task_free(Task *t)
{
    ASSERT(t->waiting == NULL && t->threads == NULL && t->ns == NULL && t->feed == NULL);
    if (t->fds != NULL)
        fdtab_put(t->fds);
    strv_free(&t->args);
    strv_free(&t->env);
    mem_free(t->error);
    notes_free(t->notes);
    queue_close(&t->exited);
    queue_close(&t->resumed);
    queue_close(&t->signalled);
    mutex_destroy(&t->lock);
    Account *a = t->account;
    count_sub(OBJ_TASK, t);
    account_free(a, t, sizeof *t);
    account_put(a);
}

void task_put(Task *t)
{
    if (t != NULL && ref_put(&t->ref))
        task_free(t);
}

void auto_task(Task **t)
{
    task_put(*t);
}

/* ---- made -------------------------------------------------------------------------------------------------------- */

/* A task that has only an account and a number yet. */
static int task_alloc(Kernel *k, Account *above, Task **out)
{
    Account *a = account_new(above);
    if (a == NULL)
        return -ENOMEM;
    Task *t = account_alloc(a, sizeof *t);
    if (t == NULL) {
        account_put(a);
        return -ENOMEM;
    }
    ref_init(&t->ref);
    t->account = a;
    t->kernel = k;
    t->id = atomic_fetch_add(&k->next_id, 1);
    mutex_init(&t->lock, RANK_TASK);
    queue_init(&t->exited);
    queue_init(&t->resumed);
    queue_init(&t->signalled);
    t->args.account = t->env.account = a;
    t->umask = 022;
    count_add(OBJ_TASK, t);
    *out = t;
    return 0;
}

/* What never came into the tree goes again. */
static void task_abandon(Task *t)
{
    t->ending = true;
    task_dismantle(t);
    t->state = TASK_DEAD;
    account_task(t->account, -1);
    account_fold(t->account);
}

int task_root(Kernel *k, Task **out)
{
    AUTO_TASK *t = NULL;
    int r = task_alloc(k, NULL, &t);
    if (r < 0)
        return r;
    t->fds = fdtab_new(t->account, FD_LIMIT_DEFAULT);
    if (t->fds == NULL)
        return -ENOMEM;
    t->ns = ns_new(t->account);
    if (t->ns == NULL)
        return -ENOMEM;
    t->state = TASK_RUNNING;
    mutex_lock(&k->lock);
    tree_add_locked(t, NULL);
    mutex_unlock(&k->lock);
    *out = STEAL(t);
    return 0;
}

/* The reader's directory, by its path in the new namespace, so that what is bound there later is seen from it too. */
static int inherit_cwd(Call *c, Task *t, Task *from)
{
    AUTO_CHAN Chan *cwd = task_cwd(from);
    if (cwd == NULL)
        return 0;                   /* the root */
    int r = walk_path(c, (WalkFrom){ .ns = t->ns }, cwd->path->s, WALK_DIRECTORY, &t->cwd);
    if (r == WAIT || r == -ENOMEM)
        return r;
    if (r == 0 && file_same(t->cwd->file, cwd->file))
        return 0;
    chan_put(STEAL(t->cwd));
    t->cwd = STEAL(cwd);            /* it has no name any more, but it is still the place */
    return 0;
}

int task_open_null(Call *c, Chan **out)
{
    File *f = c->task->kernel->list->null_file();
    Path *p = path_new("/dev/null", 9);
    AUTO_CHAN Chan *ch = NULL;
    if (f != NULL)
        ch = chan_new(c, f, p);
    path_put(p);
    return ch == NULL ? -ENOMEM : chan_open(c, ch, OPEN_READ | OPEN_WRITE, out);
}

static int inherit_fds(Call *c, Task *t, Task *from, Chan *avoid)
{
    for (int fd = 0; fd < 3; fd++) {
        FdInfo info;
        if (fd_get(from->fds, fd, &info) < 0)
            continue;
        int r;
        Chan *null = NULL;
        if (info.chan != avoid)
            r = fdtab_copy(c, from->fds, fd, t->fds, fd);
        else if ((r = task_open_null(c, &null)) == 0)
            r = fd_put(c, t->fds, fd, null, UINT64_MAX, UINT64_MAX, false);
        chan_put(info.chan);
        if (r < 0 && r != -EBADF)   /* closed meanwhile, or beyond the limit: it has none there */
            return r;
    }
    return 0;
}

static uint64_t fd_limit(const AccountLimits *l)
{
    return l->fds == ACCOUNT_MAX ? FD_LIMIT_DEFAULT : l->fds < FD_LIMIT_MAX ? l->fds : FD_LIMIT_MAX;
}

/* A new record has its parent's limit of descriptors. */
static int make_fds(Task *t)
{
    AccountLimits limits;
    account_limits(t->account, &limits);
    t->fds = fdtab_new(t->account, fd_limit(&limits));
    return t->fds == NULL ? -ENOMEM : 0;
}

static int inherit_from_reader(Call *c, Task *t)
{
    Task *from = c->task;
    AUTO_TASK *acting = call_acting(c);
    Ns *ns = task_ns(from);
    if (ns == NULL)
        return -ESRCH;
    int r = ns_fork_for_task(c, ns, t->account, &t->ns);
    ns_put(ns);
    if (r < 0)
        return r;
    mutex_lock(&from->lock);
    r = strv_copy(&t->env, &from->env, t->account);
    t->nice = from->nice;
    mutex_unlock(&from->lock);
    if (r < 0)
        return r;
    mutex_lock(&acting->lock);
    t->umask = acting->umask;
    mutex_unlock(&acting->lock);
    return inherit_cwd(c, t, acting);
}

static int inherit_from_holder(Call *c, Task *t, Task *holder, Chan *avoid)
{
    mutex_lock(&holder->lock);
    t->sig_ignored = holder->sig_ignored;
    if (holder->nice > t->nice)
        t->nice = holder->nice;
    mutex_unlock(&holder->lock);
    AUTO_TASK *acting = call_target(c, holder);
    return inherit_fds(c, t, acting, avoid);
}

static int join_tree(Call *c, Task *t, Task *holder)
{
    Kernel *k = t->kernel;
    int r = 0;
    mutex_lock(&k->lock);
    if (holder->gone)
        r = -ESRCH;
    else if (k->ending || task_killed(holder) || task_killed(c->task))
        r = -EAGAIN;
    else
        tree_add_locked(t, holder);
    mutex_unlock(&k->lock);
    if (r == -ESRCH)
        return fail(c, r, "new: task %llu has exited", (unsigned long long)holder->id);
    return r < 0 ? fail(c, r, "new: the tree of task %llu is being ended", (unsigned long long)holder->id) : 0;
}

/* A new task over a limit of memory is EAGAIN, as one over the limit of tasks; ENOMEM is the host's. */
static int new_failed(Call *c, Task *holder, int r)
{
    enum { LEAST = 16384 };         /* about what a task takes */
    if (r != -ENOMEM)
        return r;
    if (account_charge(holder->account, LEAST) < 0)
        return fail(c, -EAGAIN, "new: over the limit of memory");
    account_uncharge(holder->account, LEAST);
    return r;
}

int task_new(Call *c, Task *holder, Chan *avoid, Task **out)
{
    AUTO_TASK *t = NULL;
    int r = task_alloc(holder->kernel, holder->account, &t);
    if (r < 0)
        return new_failed(c, holder, r);
    r = account_task(t->account, 1);
    if (r < 0) {
        account_fold(t->account);
        return fail(c, r, "new: over the limit of tasks");
    }
    r = make_fds(t);
    if (r == 0)
        r = inherit_from_reader(c, t);
    if (r == 0)
        r = inherit_from_holder(c, t, holder, avoid);
    if (r == 0)
        r = join_tree(c, t, holder);
    if (r < 0) {
        task_abandon(t);
        return new_failed(c, holder, r);
    }
    *out = STEAL(t);
    return 0;
}

/* ---- looked at --------------------------------------------------------------------------------------------------- */

Ns *task_ns(Task *t)
{
    mutex_lock(&t->lock);
    Ns *ns = t->ns != NULL ? ns_get(t->ns) : NULL;
    mutex_unlock(&t->lock);
    return ns;
}

Chan *task_cwd(Task *t)
{
    mutex_lock(&t->lock);
    Chan *cwd = t->cwd != NULL ? chan_get(t->cwd) : NULL;
    mutex_unlock(&t->lock);
    return cwd;
}

FdTab *task_fds(Task *t)
{
    return t->fds;
}

Task *call_acting(Call *c)
{
    Task *t = c->task;
    if (atomic_load_explicit(&t->vfork_child, memory_order_acquire) == NULL)
        return task_get(t);
    mutex_lock(&t->lock);
    Task *child = atomic_load(&t->vfork_child);
    Task *acting = task_get(child != NULL ? child : t);
    mutex_unlock(&t->lock);
    return acting;
}

Task *call_target(Call *c, Task *t)
{
    return t == c->task ? call_acting(c) : task_get(t);
}

/* What a task's threads have used and not yet given to its account. Time is all the user's: the host tells no more. */
static int add_running(void *arg, Task *t)
{
    AccountSums *sums = arg;
    mutex_lock(&t->lock);
    for (const TaskThread *th = t->threads; th != NULL; th = th->next) {
        uint64_t now = clock_worker(th->worker), before = th->user0 + th->system0;
        if (now > before)
            sums->user_ns += now - before;
        sums->rios += atomic_load_explicit(&th->in.calls, memory_order_relaxed);
        sums->rbytes += atomic_load_explicit(&th->in.bytes, memory_order_relaxed);
        sums->wios += atomic_load_explicit(&th->out.calls, memory_order_relaxed);
        sums->wbytes += atomic_load_explicit(&th->out.bytes, memory_order_relaxed);
    }
    mutex_unlock(&t->lock);
    return 0;
}

void task_sums(Task *t, AccountSums *out)
{
    account_sums(t->account, out);
    (void)add_running(out, t);
    (void)task_each_child(t, true, add_running, out);
}

int task_charge_memory(Task *t, int64_t delta)
{
    if (delta >= 0)
        return account_charge(t->account, (size_t)delta);
    account_uncharge(t->account, (size_t)-delta);
    return 0;
}

/* ---- configured -------------------------------------------------------------------------------------------------- */

int task_check_configurable(Call *c, Task *t, const char *what)
{
    mutex_lock(&t->lock);
    TaskState state = t->state;
    mutex_unlock(&t->lock);
    if (state == TASK_DEAD)
        return fail(c, -ESRCH, "%s: task %llu has exited", what, (unsigned long long)t->id);
    if (state == TASK_NEW || c->task == t)
        return 0;
    return fail(c, -EBUSY, "%s: task %llu has started", what, (unsigned long long)t->id);
}

/* path as the task would say it: a relative one goes by the writer's directory. s has room for PATH_MAX_LEN and its NUL. */
int task_path(Call *c, Task *t, const char *path, char *s)
{
    AUTO_TASK *writer = call_acting(c);
    AUTO_CHAN Chan *cwd = path[0] == '/' || writer == t ? NULL : task_cwd(writer);
    const char *base = cwd != NULL ? cwd->path->s : "";
    size_t n = strlen(base), m = strlen(path);
    if (path[0] == '\0')
        return -ENOENT;
    if (n + (n > 0) + m > PATH_MAX_LEN)
        return -ENAMETOOLONG;
    memcpy(s, base, n);
    if (n > 0)
        s[n++] = '/';
    memcpy(s + n, path, m + 1);
    return 0;
}

int task_set_cwd(Call *c, Task *t, const char *path)
{
    AUTO_TASK *target = call_target(c, t);
    char s[PATH_MAX_LEN + 1];
    int r = task_check_configurable(c, t, "cwd");
    if (r == 0)
        r = task_path(c, target, path, s);
    if (r < 0)
        return r;
    AUTO_CHAN Chan *dir = NULL;
    r = walk_path(c, walk_task(c, target), s, WALK_DIRECTORY, &dir);
    if (r < 0)
        return r == WAIT || c->words[0] != '\0' ? r : fail(c, r, "cwd: %s", path);
    mutex_lock(&target->lock);
    if (target->state == TASK_DEAD) {
        r = -ESRCH;
    } else {
        Chan *old = target->cwd;
        target->cwd = dir;
        dir = old;
    }
    mutex_unlock(&target->lock);
    return r;
}

int task_set_group(Call *c, Task *t, uint64_t group)
{
    AUTO_TASK *target = call_target(c, t);
    Kernel *k = t->kernel;
    if (group == 0)
        group = target->id;
    int r = 0;
    mutex_lock(&k->lock);
    if (target->gone) {
        r = -ESRCH;
    } else if (group != target->id && group_first_locked(k, group) == NULL) {
        r = -EPERM;
    } else {
        group_leave_locked(k, target);
        group_join_locked(k, target, group);
    }
    mutex_unlock(&k->lock);
    if (r == -ESRCH)
        return fail(c, r, "group: task %llu has exited", (unsigned long long)target->id);
    return r < 0 ? fail(c, r, "group: there is no group %llu", (unsigned long long)group) : 0;
}

/* A task, and what it made, only ever makes itself nicer; nobody makes another less nice than himself. */
static int check_nice(Call *c, Task *t, int nice)
{
    int own = INT8_MIN, now;
    mutex_lock(&t->lock);
    now = t->nice;
    bool dead = t->state == TASK_DEAD;
    mutex_unlock(&t->lock);
    if (dead)
        return fail(c, -ESRCH, "nice: task %llu has exited", (unsigned long long)t->id);
    if (c->task == t || task_is_below(c->task, t))
        own = now;
    else if (c->task != t->kernel->root) {
        mutex_lock(&c->task->lock);
        own = c->task->nice;
        mutex_unlock(&c->task->lock);
    }
    return nice < own && nice < now ? fail(c, -EPERM, "nice: %d is below %d", nice, own) : 0;
}

int task_set_nice(Call *c, Task *t, int nice)
{
    if (nice < -20 || nice > 19)
        return fail(c, -EINVAL, "nice: from -20 to 19");
    int r = check_nice(c, t, nice);
    if (r < 0)
        return r;
    mutex_lock(&t->lock);
    for (TaskThread *th = t->threads; th != NULL && r == 0; th = th->next)
        r = worker_nice_of(th->worker, nice);
    if (r == 0)
        t->nice = nice;
    mutex_unlock(&t->lock);
    return r < 0 ? fail(c, -EPERM, "nice: the host does not allow %d", nice) : 0;
}

/* ---- vfork ------------------------------------------------------------------------------------------------------- */

/* parent's calls are its own again, if it is t that they act on. */
static void vfork_undo(Task *parent, Task *t)
{
    mutex_lock(&parent->lock);
    Task *child = atomic_load(&parent->vfork_child);
    if (child == t)
        atomic_store(&parent->vfork_child, NULL);
    mutex_unlock(&parent->lock);
    if (child == t)
        task_put(child);
}

/* t begins to be a task like any other, or ends. */
void vfork_end(Task *t)
{
    mutex_lock(&t->kernel->lock);
    Task *parent = t->parent != NULL ? task_get(t->parent) : NULL;
    mutex_unlock(&t->kernel->lock);
    if (parent == NULL)
        return;
    vfork_undo(parent, t);
    task_put(parent);
}

int task_vfork(Call *c, Task *t)
{
    Task *self = c->task;
    mutex_lock(&t->kernel->lock);
    bool mine = t->parent == self, removed = t->removed;
    mutex_unlock(&t->kernel->lock);
    if (removed)
        return fail(c, -ENOENT, "vfork: task %llu was removed", (unsigned long long)t->id);
    if (!mine)
        return fail(c, -EPERM, "vfork: task %llu is no child of the writer", (unsigned long long)t->id);
    int r = task_check_configurable(c, t, "vfork");
    if (r == 0 && atomic_load(&self->vfork_child) == NULL)
        r = fdtab_copy_rest(c, self->fds, 3, t->fds);
    if (r < 0)
        return r;
    mutex_lock(&self->lock);
    if (atomic_load(&self->vfork_child) != NULL)
        r = -EBUSY;
    else
        atomic_store(&self->vfork_child, task_get(t));
    mutex_unlock(&self->lock);
    if (r < 0)
        return fail(c, r, "vfork: another one is under way");
    /* Who ended or started it before it stood there has ended no vfork. */
    mutex_lock(&t->lock);
    bool late = t->state != TASK_NEW || task_killed(t);
    mutex_unlock(&t->lock);
    if (!late)
        return 0;
    vfork_undo(self, t);
    r = task_check_configurable(c, t, "vfork");
    return r < 0 ? r : fail(c, -ESRCH, "vfork: task %llu is being ended", (unsigned long long)t->id);
}


int task_vfork_exit(Call *c, Task *t, int code)
{
    if (atomic_load(&c->task->vfork_child) != t)
        return fail(c, -EPERM, "exit: task %llu is no vfork child of the writer", (unsigned long long)t->id);
    mutex_lock(&t->lock);
    bool ends = t->state == TASK_NEW && !task_killed(t);
    if (ends)
        atomic_fetch_or(&t->attention, ATTEND_KILL);        /* nobody starts it any more */
    mutex_unlock(&t->lock);
    if (!ends)
        return fail(c, -EBUSY, "exit: task %llu has started", (unsigned long long)t->id);
    task_finish_unstarted(t, code);
    return 0;
}
