/* SPDX-License-Identifier: MIT */
/*
 * The C library: tasks.
 */
#include "front/lib.h"

#include <string.h>

#include "front/machine.h"
#include "kern/account.h"

static int set_texts(const taskfs_program *p, Task *t)
{
    int r = 0;
    mutex_lock(&t->lock);
    for (size_t i = 0; r == 0 && p->argv[i] != NULL; i++)
        r = strv_add(&t->args, p->argv[i]);
    for (size_t i = 0; r == 0 && p->env != NULL && p->env[i] != NULL; i++)
        r = env_set(&t->env, p->env[i]);
    mutex_unlock(&t->lock);
    return r;
}

static int set_files(Call *c, const taskfs_program *p, Task *t)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < p->nfiles; i++)
        if (p->files[i] != NULL)
            CALL_RUN(c, r, fd_put(c, task_fds(t), (int)i, chan_get(p->files[i]->chan), UINT64_MAX, UINT64_MAX, false));
    return r;
}

static int set_up(Call *c, const taskfs_program *p, Task *t)
{
    int r = set_texts(p, t);
    if (r == 0)
        CALL_RUN(c, r, task_set_cwd(c, t, p->cwd != NULL ? p->cwd : "/"));
    if (r == 0)
        r = set_files(c, p, t);
    if (r == 0 && p->host != NULL)
        r = machine_program(c, t, p->host);
    if (r == -EISDIR)
        r = -EACCES;                /* as execve has it, and start for a path of the namespace */
    if (r == 0 && p->memlimit != 0)
        r = account_limit_memory(c, t->account, p->memlimit, true);
    if (r == 0 && p->nice != 0)
        r = task_set_nice(c, t, p->nice);
    if (r == 0)
        CALL_RUN(c, r, task_start(c, t));
    return r;
}

/* A task that did not start goes again; the words of its failure stay. */
static void abandon(Call *c, Task *t)
{
    char words[sizeof c->words];
    int r;
    strcpy(words, c->words);
    CALL_RUN(c, r, task_remove(c, t));
    strcpy(c->words, words);
}

int taskfs_spawn(taskfs *k, const taskfs_program *p, taskfs_task **out)
{
    if (p->argv == NULL || p->argv[0] == NULL || p->nfiles > FD_LIMIT_DEFAULT)
        return -EINVAL;
    taskfs_task *made = mem_alloc(sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    Call c;
    int r;
    lib_begin(k, &c);
    made->k = k;
    CALL_RUN(&c, r, task_new(&c, c.task, NULL, &made->task));
    if (r == 0) {
        r = set_up(&c, p, made->task);
        if (r < 0)
            abandon(&c, made->task);
    }
    (void)lib_end(&c, r);
    if (r < 0) {
        task_put(made->task);
        mem_free(made);
        return r;
    }
    *out = made;
    return 0;
}

uint64_t taskfs_task_id(const taskfs_task *t)
{
    return t->task->id;
}

int taskfs_wait(taskfs_task *t, int *code)
{
    int r, got = 0;
    LIB_CALL(t->k, r, task_wait(c, t->task, &got));
    if (r == 0)
        *code = got;
    return r;
}

int taskfs_trywait(taskfs_task *t, int *code)
{
    Call c;
    int r, got = 0;
    lib_begin(t->k, &c);
    c.mode = CALL_NONBLOCK;
    CALL_RUN(&c, r, task_wait(&c, t->task, &got));
    if (r == 0)
        *code = got;
    return (int)lib_end(&c, r);
}

int taskfs_kill(taskfs_task *t, int signal)
{
    int r;
    LIB_CALL(t->k, r, task_kill(c, t->task, signal, KILL_ONE));
    return r;
}

void taskfs_task_free(taskfs_task *t)
{
    if (t == NULL)
        return;
    task_put(t->task);
    mem_free(t);
}
