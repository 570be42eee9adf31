/* SPDX-License-Identifier: MIT */
/*
 * From the words of `cmdline` to a program that runs: where it is, by the task's own names; what it is, by its first bytes; which
 * engine takes it. Interpreter lines are followed as Linux does. All of this may have to wait and is then done again from its
 * start; nothing of the task changes before the program is loaded, so a start that fails can be tried again.
 */
#include <stdio.h>
#include <string.h>

#include "kern/life.h"

enum {
    HEAD = 256,                     /* bytes looked at; an interpreter line is no longer */
    INTERPRETERS = 5,               /* one behind the other */
};

#define DEFAULT_PATH "/bin"

void loaded_free(Loaded *l)
{
    if (l == NULL)
        return;
    if (l->image != NULL)
        l->engine->unload(l->image);
    strv_free(&l->args);
    mem_free(l);
}

/* ---- where it is --------------------------------------------------------------------------------------------------- */

/* One place: 0 and *out, an unopened file; else why not. */
static int look_at(Call *c, Task *t, const char *path, Chan **out)
{
    AUTO_CHAN Chan *ch = NULL;
    int r = walk_path(c, walk_task(c, t), path, 0, &ch);
    if (r < 0)
        return r;
    if (file_is_dir(ch->file))
        return -EACCES;
    *out = STEAL(ch);
    return 0;
}

/* The next directory of a PATH into s, with a slash behind it. False at the end. */
static bool next_dir(const char **rest, char *s, size_t room, size_t *n)
{
    if (*rest == NULL)
        return false;
    const char *end = strchr(*rest, ':');
    size_t len = end != NULL ? (size_t)(end - *rest) : strlen(*rest);
    if (len == 0)
        *n = 0;                     /* an empty one is the directory of the task */
    else if (len + 1 < room) {
        memcpy(s, *rest, len);
        s[len] = '/';
        *n = len + 1;
    } else {
        *n = room;                  /* too long to name anything */
    }
    *rest = end != NULL ? end + 1 : NULL;
    return true;
}

/* Looks through PATH. What could not be entered matters only when the name is nowhere. */
static int look_in_path(Call *c, Task *t, const char *dirs, const char *name, char *found, Chan **out)
{
    size_t n, len = strlen(name);
    int worst = -ENOENT;
    while (next_dir(&dirs, found, PATH_MAX_LEN, &n)) {
        if (n + len > PATH_MAX_LEN)
            continue;
        memcpy(found + n, name, len + 1);
        int r = look_at(c, t, found, out);
        if (r == 0 || r == WAIT || r == -ENOMEM)
            return r;
        if (r != -ENOENT && r != -ENOTDIR)
            worst = r;
    }
    return worst;
}

static char *path_variable(Task *t)
{
    mutex_lock(&t->lock);
    const char *v = env_get(&t->env, "PATH");
    char *copy = mem_dup(v != NULL ? v : DEFAULT_PATH, strlen(v != NULL ? v : DEFAULT_PATH));
    mutex_unlock(&t->lock);
    return copy;
}

/* The file that the task was handed as its program: owned, or NULL. */
static Chan *given_program(Task *t)
{
    mutex_lock(&t->lock);
    Chan *ch = t->program == NULL ? NULL : chan_get(t->program);
    mutex_unlock(&t->lock);
    return ch;
}

/* found: PATH_MAX_LEN + 1 bytes, for the path by which it was found. */
static int find_program(Call *c, Task *t, const char *name, char *found, Chan **out)
{
    size_t n = strlen(name);
    if (n == 0)
        return -ENOENT;
    if (n > PATH_MAX_LEN)
        return -ENAMETOOLONG;
    if (strchr(name, '/') != NULL) {
        memcpy(found, name, n + 1);
        return look_at(c, t, name, out);
    }
    AUTO_FREE char *dirs = path_variable(t);
    return dirs == NULL ? -ENOMEM : look_in_path(c, t, dirs, name, found, out);
}

/* ---- what it is ---------------------------------------------------------------------------------------------------- */

static int64_t read_head(Call *c, Chan *program, char *head)
{
    int64_t n = 0;
    while (n < HEAD) {
        int64_t r = chan_read(c, program, head + n, (size_t)(HEAD - n), (uint64_t)n);
        if (r < 0)
            return r;
        if (r == 0)
            break;
        n += r;
    }
    return n;
}

/* `#! INTERPRETER [ARG]`: cuts head into both. -ENOEXEC when there is no name. */
static int parse_interpreter(char *head, size_t n, char **name, char **arg)
{
    char *end = memchr(head, '\n', n);
    if (end == NULL && n == HEAD)
        return -ENOEXEC;            /* longer than what was read */
    size_t len = end != NULL ? (size_t)(end - head) : n;
    while (len > 2 && strchr(" \t\r", head[len - 1]) != NULL)
        len--;
    head[len] = '\0';
    *name = head + 2 + strspn(head + 2, " \t");
    char *blank = *name + strcspn(*name, " \t");
    *arg = blank + strspn(blank, " \t");
    *blank = '\0';
    return **name == '\0' || strlen(head + 2) + 2 > len ? -ENOEXEC : 0;
}

/* args become INTERPRETER [ARG] SCRIPT and what was behind the first word. */
static int put_interpreter(Strv *args, const char *name, const char *arg, const char *script)
{
    Strv all = { .account = args->account };
    int r = strv_add(&all, name);
    if (r == 0 && arg[0] != '\0')
        r = strv_add(&all, arg);
    if (r == 0)
        r = strv_add(&all, script);
    for (size_t i = 1, n = strv_count(args); r == 0 && i < n; i++)
        r = strv_add(&all, strv_at(args, i));
    Strv old = r == 0 ? *args : all;
    if (r == 0)
        *args = all;
    strv_free(&old);
    return r;
}

static const Engine *engine_for(Task *t, const char *head, size_t n)
{
    mutex_lock(&t->lock);
    TaskType type = t->type;
    mutex_unlock(&t->lock);
    const Engine *const *e = t->kernel->list->engines;
    for (; *e != NULL; e++)
        if ((type == TASK_AUTO || type == (*e)->type) && (*e)->accepts((const uint8_t *)head, n < 64 ? n : 64))
            break;
    return *e;
}

/* ---- loaded -------------------------------------------------------------------------------------------------------- */

static int copy_args(Call *c, Task *t, Strv *args)
{
    mutex_lock(&t->lock);
    int r = strv_copy(args, &t->args, t->account);
    mutex_unlock(&t->lock);
    if (r == 0 && strv_count(args) == 0)
        return fail(c, -ENOENT, "start: no program was named (cmd)");
    return r;
}

/* Follows interpreter lines from args to a program that is none. *program is open, head has *n bytes of it. */
static int find_real(Call *c, Task *t, Strv *args, bool *changed, Chan **program, char *head, size_t *n)
{
    char found[PATH_MAX_LEN + 1];
    for (int depth = 0; depth <= INTERPRETERS; depth++) {
        AUTO_CHAN Chan *place = depth == 0 ? given_program(t) : NULL, *open = NULL;
        const char *name = strv_at(args, 0);
        int r = 0;
        if (place == NULL)
            r = find_program(c, t, name, found, &place);
        else if (file_is_dir(place->file))
            r = -EACCES;
        else
            snprintf(found, sizeof found, "%s", name);
        if (r == 0)
            r = chan_open(c, place, OPEN_READ, &open);
        if (r < 0)
            return r == WAIT || c->words[0] != '\0' ? r : fail(c, r, "start: %.200s", name);
        int64_t got = read_head(c, open, head);
        if (got < 0)
            return (int)got;
        if (got < 2 || memcmp(head, "#!", 2) != 0) {
            *n = (size_t)got;
            *program = STEAL(open);
            return 0;
        }
        char *interpreter, *arg;
        r = parse_interpreter(head, (size_t)got, &interpreter, &arg);
        if (r < 0)
            return fail(c, r, "start: %.200s: its interpreter line names nothing", name);
        char here[HEAD + 3] = "./";
        if (strchr(interpreter, '/') == NULL)           /* PATH does not count: from the directory */
            interpreter = strcat(here, interpreter);
        r = put_interpreter(args, interpreter, arg, found);
        if (r < 0)
            return r;
        *changed = true;
    }
    return fail(c, -ELOOP, "start: too many interpreters");
}

static int load_with(Call *c, Task *t, Loaded *l)
{
    AUTO_CHAN Chan *program = NULL;
    Strv args = { .account = t->account };
    char head[HEAD + 3];
    size_t n = 0;
    bool changed = false;
    int r = copy_args(c, t, &args);
    if (r == 0)
        r = find_real(c, t, &args, &changed, &program, head, &n);
    if (r == 0) {
        l->engine = engine_for(t, head, n);
        r = l->engine == NULL ? fail(c, -ENOEXEC, "start: %.200s: nothing here runs it", program->path->s)
                              : l->engine->load(c, t, program, &l->image);
    }
    if (r == 0 && changed) {
        l->args = args;
        args = (Strv){ 0 };
    }
    strv_free(&args);
    return r;
}

/* The task's program and the engine that took it. Words of a failure stay for `error`. */
static int program_load(Call *c, Task *t, Loaded **out)
{
    Loaded *l = mem_alloc(sizeof *l);
    if (l == NULL)
        return -ENOMEM;
    int r = load_with(c, t, l);
    if (r == 0) {
        *out = l;
        return 0;
    }
    loaded_free(l);
    if (r != WAIT && r != -EINTR && r != -EAGAIN) {
        if (c->words[0] == '\0')
            (void)fail(c, r, "start: the program cannot be loaded (error %d)", -r);
        task_set_error(t, c->words);
    }
    return r;
}

/* Task.lock: the program of l is the task's from now on. Its interpreter's arguments too; the old ones are in l then. */
static void adopt_locked(Task *t, Loaded *l)
{
    assert_held(&t->lock);
    t->engine = l->engine;
    t->type = l->engine->type;
    if (l->args.s != NULL) {
        Strv old = t->args;
        t->args = l->args;
        l->args = old;
    }
}

/* ---- started ------------------------------------------------------------------------------------------------------- */

static int check_new(Call *c, Task *t)
{
    mutex_lock(&t->lock);
    TaskState state = t->state;
    bool killed = task_killed(t);
    mutex_unlock(&t->lock);
    if (state == TASK_DEAD || (state == TASK_NEW && killed))
        return fail(c, -ESRCH, "start: task %llu has exited", (unsigned long long)t->id);
    return state == TASK_NEW ? 0 : fail(c, -EBUSY, "start: task %llu is running", (unsigned long long)t->id);
}

/* The engine could not begin: the task is as before, unless it was killed meanwhile. */
static int start_undo(Call *c, Task *t, int r)
{
    mutex_lock(&t->lock);
    bool killed = task_killed(t);
    t->engine = NULL;
    if (!killed) {
        t->state = TASK_NEW;
        atomic_store(&t->attention, 0);
    }
    mutex_unlock(&t->lock);
    if (killed)
        task_finish_unstarted(t, 0);
    Kernel *k = t->kernel;
    task_put(t);                    /* task_began's */
    task_not_begun(k);
    if (c->words[0] == '\0')
        (void)fail(c, r, "start: the program cannot be begun (error %d)", -r);
    return r;
}

static int run_loaded(Call *c, Task *t, Loaded *l)
{
    Ns *ns = task_ns(t);
    int r = ns != NULL ? ns_seal(ns) : -ESRCH;
    if (ns != NULL)
        ns_put(ns);
    if (r < 0)
        return r;
    Chan *given = NULL;
    mutex_lock(&t->lock);
    bool ours = t->state == TASK_NEW && !task_killed(t);
    if (ours) {
        t->state = TASK_RUNNING;
        adopt_locked(t, l);
        given = STEAL(t->program);
    }
    mutex_unlock(&t->lock);
    chan_put(given);
    if (!ours)
        return check_new(c, t);
    task_began(t);
    fdtab_close_on_exec(c, t->fds); /* what its parent opened for itself while it acted for it */
    fdtab_activate(t->fds);
    r = l->engine->run(c, t, STEAL(l->image));
    return r < 0 ? start_undo(c, t, r) : 0;
}

int task_start(Call *c, Task *t)
{
    Loaded *l = NULL;
    int r = check_new(c, t);
    if (r == 0)
        r = program_load(c, t, &l);
    if (r < 0)
        return r;
    r = run_loaded(c, t, l);
    loaded_free(l);
    if (r == 0)
        vfork_end(t);
    return r;
}

/* ---- replaced ------------------------------------------------------------------------------------------------------ */

int task_exec(Call *c, Task *t)
{
    if (c->task != t)
        return fail(c, -EPERM, "exec: only task %llu itself replaces its program", (unsigned long long)t->id);
    if (c->thread == NULL || atomic_load(&t->vfork_child) != NULL)
        return fail(c, -EBUSY, "exec: task %llu has no program of its own to replace", (unsigned long long)t->id);
    Loaded *l = NULL;
    int r = program_load(c, t, &l);
    if (r < 0)
        return r;
    mutex_lock(&t->lock);
    unsigned a = atomic_load(&t->attention);
    const Engine *running = t->engine;
    if ((a & (ATTEND_KILL | ATTEND_STOP | ATTEND_EXEC)) != 0) {
        r = -EINTR;
    } else {
        t->next_program = STEAL(l);
        atomic_fetch_or(&t->attention, ATTEND_EXEC);
        task_interrupt_locked(t);
    }
    mutex_unlock(&t->lock);
    loaded_free(l);
    if (r == 0)
        running->notice(t);
    return r;
}

int task_run_next(Task *t, Loaded *l)
{
    Call c;
    call_init(&c, t);
    call_begin(&c);
    fdtab_close_on_exec(&c, t->fds);
    mutex_lock(&t->lock);
    adopt_locked(t, l);
    mutex_unlock(&t->lock);
    int r = l->engine->run(&c, t, STEAL(l->image));
    if (r < 0)
        task_set_error(t, c.words[0] != '\0' ? c.words : "exec: the program cannot be begun");
    call_end(&c);
    call_destroy(&c);
    loaded_free(l);
    return r;
}
