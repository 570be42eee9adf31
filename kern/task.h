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
       ATTEND_KILL = 1,
       ATTEND_PAUSE = 2,
       ATTEND_EXEC = 4,
       ATTEND_STOP = 8,
       ATTEND_NICE = 16
};

#define SIGNAL_COUNT 32
enum {
    SIG_HUP = 1,
    SIG_INT = 2,
    SIG_QUIT = 3,
    SIG_KILL = 9,
    SIG_USR1 = 10,
    SIG_PIPE = 13,
    SIG_ALRM = 14,
    SIG_TERM = 15,
    SIG_CHLD = 17,
    SIG_CONT = 18,
    SIG_STOP = 19,
    SIG_TSTP = 20,
    SIG_TTIN = 21,
    SIG_TTOU = 22,
    SIG_URG = 23,
    SIG_WINCH = 28
};

typedef struct TaskList {
    Task *first, *last;
} TaskList;

struct Task {
    Ref ref;
    uint64_t id;                    /* never changes */
    Kernel *kernel;
    Account *account;               /* owned, never changes */

    /* Kernel.lock */
    Task *parent;                   /* NULL for the root, and once removed. Who is in the tree has its parent there too */
    TaskList children, dead;        /* owned until removed: those that live or did not start; those that exited, in order */
    Task *sibling_next, *sibling_prev;
    uint64_t group;
    Task *group_next, *group_prev;  /* the ring of a group's living members */
    Task *group_chain;              /* tasktab.c: heads of groups with one hash */
    struct EventSub *event_subs;    /* open `events` files (events.c) */
    uint32_t later_waited;          /* how many were waited for of those that exited after the first in `dead` */
    uint32_t pushes;                /* a part of the parent's later_waited: what leaves it with this one (tree.c) */
    bool gone;                      /* left the tree's living: no more children */
    bool removed;                   /* not found any more */
    bool adopted;                   /* its parent is not who made it: nobody will wait for it */
    bool waited;                    /* its exit was read by wait or events */
    uint8_t due;                    /* signal.c: what is to follow once no lock is held */
    Task *due_next;

    Task *table_next;               /* tasktab.c, under a lock of its own */

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
    bool feeding;                   /* a pipe is on its way to fd/0 */
    bool ending;                    /* its program has ended: only its things are still to go */
    bool ended;                     /* it exited: there is a code. A task removed unstarted is dead without */
    int stop_signal;                /* that paused it last */
    int stop_code;                  /* of the thread that ended the program for all (ATTEND_STOP) */
    char *error;                    /* words: why it trapped or did not start; owned or NULL */
    struct Note *notes;             /* words of failed writes, by writer; owned (notes.c) */
    _Atomic(Task *) vfork_child;    /* while the parent's calls act on it: owned */
    Call *waiting;                  /* calls that wait now */
    TaskThread *threads;            /* of its program, running */
    uint32_t sig_ignored, sig_pending;  /* bit N: signal N */
    bool sig_reader;                /* the signal file is open */
    Chan *feed;                     /* the writing end of the pipe that fd/0 was given (fdctl.c); owned, no writer itself */
    File *feed_read;                /* the file of its reading end, to know it by; owned */
    const Engine *engine;           /* once loaded */
    Chan *program;                  /* what start runs instead of looking the first word up: a file that has no name here
                                       (taskfs run), unopened; owned, NULL once started */
    struct Loaded *next_program;    /* of an exec that is to come (start.c); owned */
    void *run;                      /* the engine's own, while it runs */
    struct CapObject *caps;         /* devcap: what was made through its view, until it is dead */
    uint64_t cap_last;              /* devcap: the last id given out */

    Queue exited;                   /* woken once, at exit */
    Queue resumed;                  /* woken when a pause ends */
    Queue signalled;                /* a signal became pending for the reader of `signal` */

    atomic_uint attention;          /* ATTEND_... */
    atomic_uint eintr;              /* a signal is unread: waiting calls but the reader's answer EINTR */
};

typedef struct ThreadIo {           /* only the thread itself adds: no exchange is needed */
    atomic_uint_least64_t calls, bytes;
} ThreadIo;

struct TaskThread {
    Task *task;
    Call call;
    ThreadIo in, out;               /* what it moved, until its end */
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
bool task_is_below(Task *t, Task *ancestor);                /* not itself */
uint64_t task_parent_id(Task *t);                           /* 0: none */
uint64_t task_group_id(Task *t);
/* The ids of what a view of t shows beside t itself, those above `from`, sorted; at most max. Returns how many, or -ENOMEM. */
int task_child_ids(Task *t, uint64_t from, uint64_t *ids, unsigned max);
bool task_shows(Task *holder, Task *t);                     /* t is holder or its child */

Ns *task_ns(Task *t);               /* owned; NULL once dead */
Chan *task_cwd(Task *t);            /* owned; NULL once dead */
FdTab *task_fds(Task *t);           /* borrowed: lives as long as t */
/* Whose descriptors, directory and umask the calls of c act on: the task's, or its vfork child's. Owned. */
Task *call_acting(Call *c);
/* Whom a write of c to a file of t concerns: t, or t's vfork child when it is t itself that writes. Owned. */
Task *call_target(Call *c, Task *t);

/* ---- life ------------------------------------------------------------------------------------------------------- */

/* The root task of k (front ends and doors ask as it). */
int task_root(Kernel *k, Task **out);

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

/*
 * Signal 0 asks whether it is there. KILL_TREE: t and all below it, in one step that no new task escapes. KILL_GROUP: the members of
 * t's group that are c's task or below it.
 *   -EPERM  the root    -ESRCH  dead    -EINVAL  no such signal
 */
enum { KILL_ONE, KILL_TREE, KILL_GROUP };
int task_kill(Call *c, Task *t, int signal, int scope);
/* The members of group that are `reach` or below it (NULL: all): what a view of reach can name. -ESRCH: none. */
int group_signal(Kernel *k, uint64_t group, int signal, Task *reach);
/* SIGPIPE and the like, from the kernel itself. */
void task_signal(Task *t, int signal);
int signal_number(const char *word);                        /* "15", "TERM", "SIGTERM"; -EINVAL */
const char *signal_name(int n);                             /* "TERM" */

/* Blocks until t is dead; then its code. -EDEADLK when t asks itself, -ENOENT removed unstarted. */
int task_wait(Call *c, Task *t, int *code);
int task_code(Task *t);             /* once dead: code & 255, or 128 + signal */

/* path as t would say it: a relative one goes by the writer's directory. s has room for PATH_MAX_LEN and a NUL. -ENAMETOOLONG, -ENOENT. */
int task_path(Call *c, Task *t, const char *path, char *s);
int task_set_cwd(Call *c, Task *t, const char *path);
int task_set_group(Call *c, Task *t, uint64_t group);
int task_set_nice(Call *c, Task *t, int nice);
int task_set_ignored(Call *c, Task *t, uint32_t signals);
/* `signal`: c's task opens, reads and closes its own. EPERM for another's, EBUSY when it is open. */
int signal_open(Call *c, Task *t);
void signal_close(Task *t);
int signal_take(Call *c, Task *t, int *signal, bool nonblock);      /* the lowest unread one; WAIT, -EAGAIN */
int signal_ready(Call *c, Task *t);                         /* 1, or WAIT */
/* EBUSY for what must precede start when somebody else than t asks for it later; ESRCH for a dead task. */
int task_check_configurable(Call *c, Task *t, const char *what);
void task_sums(Task *t, AccountSums *out);                  /* account_sums and what the running threads used so far */
/* A call of a task's thread moved bytes through a descriptor. A door's is the door's own affair. */
static inline void task_io(Call *c, bool write, uint64_t bytes)
{
    if (c->thread == NULL)
        return;
    ThreadIo *io = write ? &c->thread->out : &c->thread->in;
    uint64_t calls = atomic_load_explicit(&io->calls, memory_order_relaxed);
    uint64_t before = atomic_load_explicit(&io->bytes, memory_order_relaxed);
    atomic_store_explicit(&io->calls, calls + 1, memory_order_relaxed);
    atomic_store_explicit(&io->bytes, before + bytes, memory_order_relaxed);
}
/* The words of c's last failed write to t's files, kept for its reader (task t, writer c->task). */
void task_note_failure(Call *c, Task *t);
/* One text for /task/ID/error as c's task sees it. */
int task_error_text(Call *c, Task *t, Text *out);

/* ---- events ----------------------------------------------------------------------------------------------------- */

typedef struct EventSub EventSub;
EventSub *events_open(Call *c, Task *t);                    /* of t's children, from now on. NULL without memory */
void events_close(EventSub *s);
/* Whole lines as long as they fit; WAIT, -EAGAIN; 0 once t has exited and all was read. */
int64_t events_read(Call *c, EventSub *s, void *buf, size_t n, bool nonblock);
int events_ready(Call *c, EventSub *s, uint64_t *bytes);
void events_post(Task *child, const char *what, int n);     /* "stopped" 19, "continued" -1; and SIGCHLD to the parent */

#endif
