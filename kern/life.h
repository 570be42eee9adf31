/* SPDX-License-Identifier: MIT */
/*
 * What the files about a task's life share among themselves: task.c, tree.c, start.c, exit.c, signal.c, events.c, notes.c.
 * Functions called ..._locked want Kernel.lock, unless they say another.
 */
#ifndef KERN_LIFE_H
#define KERN_LIFE_H

#include "kern/boot.h"
#include "kern/engine.h"
#include "kern/task.h"

/* ---- tasktab.c: ids and groups ----------------------------------------------------------------------------------- */

TaskTable *tasktab_new(void);
void tasktab_free(TaskTable *tab);
void tasktab_add(TaskTable *tab, Task *t);      /* borrows t: removed before it goes */
void tasktab_remove(TaskTable *tab, Task *t);
void group_join_locked(Kernel *k, Task *t, uint64_t group);
void group_leave_locked(Kernel *k, Task *t);
Task *group_first_locked(Kernel *k, uint64_t group);            /* borrowed; a member of the ring, or NULL */

/* ---- tree.c ------------------------------------------------------------------------------------------------------ */

/* t becomes a child of parent, and can be found. Takes a reference of its own. */
void tree_add_locked(Task *t, Task *parent);
/* The next one of the living in top's subtree behind t, depth first; NULL at the end. */
Task *tree_next_locked(Task *top, Task *t);
bool tree_below_locked(const Task *t, const Task *ancestor);
/*
 * t has exited: it leaves the living, its children go to its parent, and what it kept of children that exited is
 * put on *out, for tree_release once no lock is held.
 */
void tree_exit_locked(Task *t, TaskList *out);
/* Takes t out of the tree for good. */
void tree_remove_locked(Task *t, TaskList *out);
void tree_release(TaskList *out);
/* The exit of t was read; the oldest of what its parent keeps may be put on *out. */
void tree_waited_locked(Task *t, TaskList *out);
void task_note_waited(Task *t);                 /* the same, whole. Hold no lock */

/* ---- exit.c ------------------------------------------------------------------------------------------------------ */

/* Lets go of all that t has but its texts and rings. Nobody runs in t any more; the caller is the one that set ATTEND_KILL or `ending`. */
void task_dismantle(Task *t);
/* A task that never started ends: by a signal, or by `exit CODE`. */
void task_finish_unstarted(Task *t, int code);
void task_began(Task *t);                       /* counted until task_ended has returned, or task_not_begun */
void task_not_begun(Kernel *k);

/* ---- start.c ----------------------------------------------------------------------------------------------------- */

typedef struct Loaded {             /* a program that is ready to run */
    const Engine *engine;
    void *image;                    /* owned */
    Strv args;                      /* when interpreter lines changed them: args.s is not NULL */
} Loaded;
void loaded_free(Loaded *l);        /* NULL is allowed */
/* The program that has just ended is replaced: on its worker. Negative: it cannot be. */
int task_run_next(Task *t, Loaded *l);

/* ---- task.c ------------------------------------------------------------------------------------------------------ */

int task_open_null(Call *c, Chan **out);        /* /dev/null, open */
void vfork_end(Task *t);            /* its parent's calls are the parent's own again */

/* ---- signal.c ---------------------------------------------------------------------------------------------------- */

static inline bool task_killed(Task *t)
{
    return (atomic_load(&t->attention) & ATTEND_KILL) != 0;
}
void task_interrupt_locked(Task *t);            /* Task.lock: every waiting call looks again */
void tree_signal(Kernel *k, Task *top, int signal, bool itself);

/* ---- events.c, notes.c ------------------------------------------------------------------------------------------- */

void events_post_locked(Task *child, const char *what, int n);
void events_end_locked(Task *t);                /* no more will come; what is open reads its rest, then end of file */
void notes_free(struct Note *n);

#endif
