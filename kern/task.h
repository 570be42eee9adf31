/* SPDX-License-Identifier: MIT */
/*
 * A task: what a process has, apart from what runs it. Its files are dev/devtask.c; the steps of its life are here.
 *
 * State moves new -> running <-> paused -> dead, under the task's lock; the last step is task_ended (exit.c). The tree of
 * tasks (parent, children, groups, ids) is guarded by Kernel.lock. Ids never come back; a Chan of devtask holds an id.
 */
#ifndef KERN_TASK_H
#define KERN_TASK_H

#include "kern/account.h"
#include "kern/call.h"
#include "kern/chan.h"
#include "kern/env.h"
#include "kern/fdtab.h"
#include "kern/kern.h"
#include "kern/ns.h"
#include "kern/text.h"

typedef enum TaskState { TASK_NEW, TASK_RUNNING, TASK_PAUSED, TASK_DEAD } TaskState;
typedef enum TaskType { TASK_AUTO, TASK_WASI, TASK_LINUX } TaskType;

enum {                              /* Task.attention: why the program should look */
    ATTEND_KILL = 1, ATTEND_PAUSE = 2, ATTEND_EXEC = 4, ATTEND_STOP = 8, ATTEND_NICE = 16,
};

#define SIGNAL_COUNT 32
enum {
    SIG_HUP = 1, SIG_INT = 2, SIG_QUIT = 3, SIG_KILL = 9, SIG_USR1 = 10, SIG_PIPE = 13, SIG_ALRM = 14, SIG_TERM = 15, SIG_CHLD = 17,
    SIG_CONT = 18, SIG_STOP = 19, SIG_TSTP = 20, SIG_TTIN = 21, SIG_TTOU = 22, SIG_URG = 23, SIG_WINCH = 28,
};

struct Task {
    Ref ref;
    uint64_t id;                    /* never changes */
    Kernel *kernel;
    Account *account;               /* owned, never changes */

    /* Kernel.lock */
    Task *parent;                   /* owned; NULL for the root */
    Task *children, *sibling_next, *sibling_prev;           /* owned by the parent's list until removed */
    uint64_t group;
    struct EventSub *event_subs;    /* open `events` files (events.c) */
    uint32_t waited_for;            /* children that exited and were waited for */
    bool removed;

    Mutex lock;                     /* guards from here on, but for the atomics */
    TaskState state;
    TaskType type;
    Strv args, env;                 /* cmdline, environ */
    Chan *cwd;                      /* owned; an unopened directory Chan */
    Ns *ns;                         /* owned; NULL once dead. Use task_ns */
    FdTab *fds;                     /* owned; lives until the task is freed (taps) */
    uint32_t umask;
    int nice;
    int exit_code;                  /* once dead */
    int end_signal;                 /* the signal that ended it, or 0 */
    bool waited;                    /* its exit was read by wait or events */
    char *error;                    /* words: why it trapped or did not start; owned or NULL */
    Task *vfork_child;              /* while the parent's calls act on it: owned */
    Call *waiting;                  /* calls that wait now */
    TaskThread *threads;            /* of its program, running */
    uint32_t sig_ignored, sig_pending;  /* bit N: signal N */
    bool sig_reader;                /* the signal file is open */
    uint64_t tree_dying;            /* `kill tree` forbids new children */
    const Engine *engine;           /* once loaded */
    void *image;                    /* of an exec that is to come */
    void *run;                      /* the engine's own, while it runs */

    Queue exited;                   /* woken once, at exit */
    Queue resumed;                  /* woken when a pause ends */
    Queue signalled;                /* a signal became pending for the reader of `signal` */

    atomic_uint attention;          /* ATTEND_... */
    atomic_uint eintr;              /* a signal is unread: waiting calls but the reader's answer EINTR */
};

struct TaskThread {
    Task *task;
    Call call;
    TaskThread *next, *prev;        /* Task.threads */
    int64_t worker;                 /* worker_self(), for nice */
    uint64_t user0, system0;        /* CPU time at its start */
    void *engine;                   /* the engine's own */
};

Task *task_get(Task *t);
void task_put(Task *t);             /* NULL is allowed */
void auto_task(Task **t);
#define AUTO_TASK __attribute__((cleanup(auto_task))) Task

/* ---- finding ---------------------------------------------------------------------------------------------------- */

Task *task_find(Kernel *k, uint64_t id);                    /* owned, or NULL: never was, or removed */
/* Calls fn for each child of t (all descendants when deep), with an owned-by-callee-not reference and no lock held. fn nonzero stops. */
int task_each_child(Task *t, bool deep, int (*fn)(void *arg, Task *child), void *arg);
bool task_is_below(Task *t, Task *ancestor);

Ns *task_ns(Task *t);               /* owned; NULL once dead */
Chan *task_cwd(Task *t);            /* owned; NULL once dead */
FdTab *task_fds(Task *t);           /* borrowed: lives as long as t */
/* Whose descriptors, directory and umask the calls of c act on: the task's, or its vfork child's. Owned. */
Task *call_acting(Call *c);

/* ---- life ------------------------------------------------------------------------------------------------------- */

/* The root task of k (front ends and doors ask as it). */
int task_root(Kernel *k, Ns *ns, Task **out);

/*
 * A new task, not started: child of holder; namespace, environment and directory of c->task; descriptors 0-2 of holder.
 * avoid: the open file that is being read to make it (a descriptor that is this very file becomes /dev/null).
 *   -EAGAIN  a limit of tasks, or the tree is being killed    -ENOMEM
 */
int task_new(Call *c, Task *holder, Chan *avoid, Task **out);

int task_start(Call *c, Task *t);                           /* `start`; also ends a vfork */
int task_exec(Call *c, Task *t);
int task_vfork(Call *c, Task *t);                           /* EPERM unless c->task is its parent */
int task_vfork_exit(Call *c, Task *t, int code);            /* `exit CODE`: a vfork child that never started */
int task_remove(Call *c, Task *t);                          /* EBUSY while running or paused; EPERM for the root */

enum { KILL_ONE, KILL_TREE, KILL_GROUP };
int task_kill(Call *c, Task *t, int signal, int scope);     /* signal 0 asks whether it is there. EPERM root, ESRCH dead, EINVAL */
/* SIGPIPE and the like, from the kernel itself. */
void task_signal(Task *t, int signal);
int signal_number(const char *word);                        /* "15", "TERM", "SIGTERM"; -EINVAL */
const char *signal_name(int n);                             /* "TERM" */

/* Blocks until t is dead; then its code. -EDEADLK when t asks itself, -ENOENT removed unstarted. */
int task_wait(Call *c, Task *t, int *code);
int task_code(Task *t);             /* once dead: code & 255, or 128 + signal */

int task_set_cwd(Call *c, Task *t, const char *path);
int task_set_group(Call *c, Task *t, uint64_t group);
int task_set_nice(Call *c, Task *t, int nice);
/* EBUSY for what must precede start when somebody else than t asks for it later; ESRCH for a dead task. */
int task_check_configurable(Call *c, Task *t, const char *what);
void task_sums(Task *t, AccountSums *out);                  /* account_sums and what the running threads used so far */
/* The words of c's last failed write to t's files, kept for its reader (task t, writer c->task). */
void task_note_failure(Call *c, Task *t);
/* One text for /task/ID/error as c's task sees it. */
int task_error_text(Call *c, Task *t, Text *out);

/* ---- events ----------------------------------------------------------------------------------------------------- */

typedef struct EventSub EventSub;
EventSub *events_open(Task *t);                             /* of t's children, from now on */
void events_close(EventSub *s);
int64_t events_read(Call *c, EventSub *s, void *buf, size_t n);     /* whole lines; WAIT, -EAGAIN, 0 when t has no child and none is pending? never: it waits */
int events_ready(Call *c, EventSub *s);
void events_post(Task *child, const char *what, int n);     /* "exited" 3, "killed" 9, "stopped" 19, "continued" -1 */

#endif
