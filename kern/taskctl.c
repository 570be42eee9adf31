/* SPDX-License-Identifier: MIT */
/*
 * The verbs of /task/ID/ctl.
 */
#include <string.h>

#include "kern/life.h"
#include "kern/trace.h"
#include "kern/view.h"

typedef struct Target {
    Task *task;
    uint64_t view;                  /* the holder of the view by which the file was reached */
} Target;

static Task *task_of(void *object)
{
    return ((Target *)object)->task;
}

static int verb_cmd(Call *c, void *object, int argc, char **argv)
{
    Task *t = task_of(object);
    int r = task_check_configurable(c, t, "cmd");
    if (r < 0)
        return r;
    Strv args = { .account = t->account };
    for (int i = 1; r == 0 && i < argc; i++)
        r = strv_add(&args, argv[i]);
    Strv old = args;
    if (r == 0) {
        mutex_lock(&t->lock);
        old = t->args;
        t->args = args;
        mutex_unlock(&t->lock);
    }
    strv_free(&old);
    return r;
}

static int verb_start(Call *c, void *object, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return task_start(c, task_of(object));
}

static int kill_group(Call *c, const Target *target, int signal)
{
    Kernel *k = target->task->kernel;
    AUTO_TASK *holder = task_find(k, target->view);
    if (holder == NULL)
        return task_kill(c, target->task, signal, KILL_GROUP);
    int r = task_kill(c, target->task, 0, KILL_ONE);
    if (r == 0)
        r = group_signal(k, task_group_id(target->task), signal, holder);
    return r == -ESRCH
               ? fail(c, r, "kill: nobody is left in the group of task %llu", (unsigned long long)target->task->id)
               : r;
}

static int verb_kill(Call *c, void *object, int argc, char **argv)
{
    int signal = signal_number(argv[1]);
    if (signal < 0)
        return fail(c, -EINVAL, "kill: %.100s is no signal", argv[1]);
    if (argc == 2)
        return task_kill(c, task_of(object), signal, KILL_ONE);
    if (strcmp(argv[2], "tree") == 0)
        return task_kill(c, task_of(object), signal, KILL_TREE);
    if (strcmp(argv[2], "group") == 0)
        return kill_group(c, object, signal);
    return fail(c, -EINVAL, "kill: tree or group, not %.100s", argv[2]);
}

/* ---- limits ---------------------------------------------------------------------------------------------------------- */

/* The task itself, and what it made, can only lower what its parent set. */
static bool is_above(Call *c, Task *t)
{
    return c->task != t && !task_is_below(c->task, t);
}

static int check_alive(Call *c, Task *t, const char *what)
{
    mutex_lock(&t->lock);
    bool dead = t->state == TASK_DEAD;
    mutex_unlock(&t->lock);
    return dead ? fail(c, -ESRCH, "%s: task %llu has exited", what, (unsigned long long)t->id) : 0;
}

typedef int ParseFn(const char *s, uint64_t *out);
typedef int LimitFn(Call *c, Account *a, uint64_t n, bool by_parent);

static int set_limit(Call *c, void *object, char **argv, ParseFn *parse, LimitFn *set)
{
    Task *t = task_of(object);
    uint64_t n = ACCOUNT_MAX;
    if (strcmp(argv[1], "max") != 0 && parse(argv[1], &n) < 0)
        return fail(c, -EINVAL, "%s: a number or max, not %.100s", argv[0], argv[1]);
    int r = check_alive(c, t, argv[0]);
    if (r == 0)
        r = set(c, t->account, n, is_above(c, t));
    if (r == 0 && set == account_limit_fds)
        fdtab_limit(t->fds, n);
    return r;
}

static int verb_memlimit(Call *c, void *object, int argc, char **argv)
{
    (void)argc;
    return set_limit(c, object, argv, parse_size, account_limit_memory);
}

static int verb_tasklimit(Call *c, void *object, int argc, char **argv)
{
    (void)argc;
    return set_limit(c, object, argv, parse_u64, account_limit_tasks);
}

static int verb_fdlimit(Call *c, void *object, int argc, char **argv)
{
    (void)argc;
    return set_limit(c, object, argv, parse_u64, account_limit_fds);
}

static int verb_nice(Call *c, void *object, int argc, char **argv)
{
    (void)argc;
    int64_t n;
    if (parse_i64(argv[1], &n) < 0 || n < -20 || n > 19)
        return fail(c, -EINVAL, "nice: from -20 to 19, not %.100s", argv[1]);
    return task_set_nice(c, task_of(object), (int)n);
}

/* ---- what a program begins with -------------------------------------------------------------------------------------- */

static int verb_ignore(Call *c, void *object, int argc, char **argv)
{
    uint32_t signals = 0;
    for (int i = 1; i < argc; i++) {
        int n = signal_number(argv[i]);
        if (n <= 0)
            return fail(c, -EINVAL, "ignore: %.100s is no signal", argv[i]);
        signals |= UINT32_C(1) << n;
    }
    return task_set_ignored(c, task_of(object), signals);
}

static int parse_octal(const char *s, uint32_t *out)
{
    uint32_t n = 0;
    for (const char *p = s; *p != '\0'; p++) {
        if (*p < '0' || *p > '7' || n > 07777)
            return -EINVAL;
        n = n * 8 + (uint32_t)(*p - '0');
    }
    *out = n;
    return *s == '\0' ? -EINVAL : 0;
}

static int verb_umask(Call *c, void *object, int argc, char **argv)
{
    (void)argc;
    uint32_t mask;
    if (parse_octal(argv[1], &mask) < 0 || mask > 0777)
        return fail(c, -EINVAL, "umask: %.100s is no mode", argv[1]);
    int r = task_check_configurable(c, task_of(object), "umask");
    if (r < 0)
        return r;
    AUTO_TASK *t = call_target(c, task_of(object));
    mutex_lock(&t->lock);
    t->umask = mask;
    mutex_unlock(&t->lock);
    return 0;
}

static int verb_type(Call *c, void *object, int argc, char **argv)
{
    static const char *const types[] = { [TASK_AUTO] = "auto", [TASK_WASI] = "wasi", [TASK_LINUX] = "linux" };
    (void)argc;
    Task *t = task_of(object);
    int r = task_check_configurable(c, t, "type");
    if (r < 0)
        return r;
    for (unsigned i = 0; i < LEN(types); i++)
        if (strcmp(argv[1], types[i]) == 0) {
            mutex_lock(&t->lock);
            t->type = (TaskType)i;
            mutex_unlock(&t->lock);
            return 0;
        }
    return fail(c, -EINVAL, "type: wasi, linux or auto, not %.100s", argv[1]);
}

/* ---- the rest -------------------------------------------------------------------------------------------------------- */

static int verb_exec(Call *c, void *object, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return task_exec(c, task_of(object));
}

static int verb_vfork(Call *c, void *object, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return task_vfork(c, task_of(object));
}

static int verb_exit(Call *c, void *object, int argc, char **argv)
{
    (void)argc;
    int64_t code;
    if (parse_i64(argv[1], &code) < 0)
        return fail(c, -EINVAL, "exit: %.100s is no code", argv[1]);
    return task_vfork_exit(c, task_of(object), (int)(code & 255));
}

static int verb_remove(Call *c, void *object, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return task_remove(c, task_of(object));
}

static int verb_trace(Call *c, void *object, int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "off") != 0)
        return fail(c, -EINVAL, "trace: off, or nothing behind it");
    trace_task(task_of(object), argc == 1);
    return 0;
}

static const CtlVerb verbs[] = {
    { "cmd", 1, -1, verb_cmd, "cmd PROGRAM ARG...  what is to be started; a name without / is looked up in PATH" },
    { "start", 0, 0, verb_start, "start  load the program and run it" },
    { "kill", 1, 2, verb_kill, "kill N|NAME [tree|group]  send a signal, to all below too, or to the process group" },
    { "memlimit", 1, 1, verb_memlimit, "memlimit SIZE|max  bytes for it and all that it makes" },
    { "tasklimit", 1, 1, verb_tasklimit, "tasklimit N|max  tasks, itself and all that it makes" },
    { "fdlimit", 1, 1, verb_fdlimit, "fdlimit N|max  descriptors" },
    { "nice", 1, 1, verb_nice, "nice N  priority, -20 to 19" },
    { "ignore", 0, -1, verb_ignore, "ignore N...  the signals that do nothing" },
    { "umask", 1, 1, verb_umask, "umask MODE  bits that new files do not get" },
    { "type", 1, 1, verb_type, "type wasi|linux|auto  what kind of program to expect" },
    { "exec", 0, 0, verb_exec, "exec  by the task itself: run cmdline in its place" },
    { "vfork", 0, 0, verb_vfork, "vfork  by its parent: the parent's calls act on this task until start or exit" },
    { "exit", 1, 1, verb_exit, "exit CODE  by its parent after vfork: it ends unstarted" },
    { "trace", 0, 1, verb_trace, "trace [off]  what it does is shown by /dev/trace" },
    { "remove", 0, 0, verb_remove, "remove  forget a task that does not run" },
};

int task_ctl_line(Call *c, Task *t, uint64_t view, char *line, size_t len)
{
    Target target = { .task = t, .view = view };
    return ctl_run(c, verbs, LEN(verbs), &target, line, len);
}

void task_ctl_help(Text *out)
{
    ctl_help(verbs, LEN(verbs), out);
}
