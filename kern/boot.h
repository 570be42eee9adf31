/* SPDX-License-Identifier: MIT */
/*
 * The machine that is booted: its devices, its engines, its tasks. Several may live in one process; they share
 * nothing but counters, the trace and the workers.
 */
#ifndef KERN_BOOT_H
#define KERN_BOOT_H

#include "kern/kern.h"
#include "kern/task.h"

typedef struct TaskTable TaskTable; /* tasktab.c */
typedef struct BootList BootList;

struct Kernel {
    const BootList *list;
    uint32_t uid, gid;              /* the owner of everything */
    uint64_t boot_time;             /* CLOCK_REAL, for the times of synthetic files */
    atomic_uint_least64_t next_id;
    Mutex lock;                     /* RANK_KERNEL: the tree of tasks */
    Task *root;                     /* owned */
    TaskTable *table;
    Task *due, *due_last;           /* signalled tasks for which something is left to do (signal.c); owned */
    unsigned running;               /* programs that have not quite ended */
    Cond quiet;                     /* running became 0 */
    bool ending;                    /* no new tasks any more */
};

/* A named kind of file system for `mount TYPE ARG... DST` and --mount: registered by the boot list. */
typedef struct MountType {
    const char *name;               /* "tmpfs", "tar" */
    int min, max;                   /* arguments */
    /* Makes the root. Paths in argv are looked up by c's task. */
    int (*make)(Call *c, int argc, char **argv, File **root);
} MountType;

/*
 * What one build consists of. The kernel knows devices only through Files, but for what its own verbs must make or recognize:
 * those are the functions here, which devices provide.
 */
struct BootList {
    const Engine *const *engines;   /* ended by NULL */
    const MountType *const *mounts; /* ended by NULL */
    /* Binds what is there for the first task: c->task is the root, its namespace is empty. */
    int (*populate)(Call *c, Kernel *k);
    /* devpipe: both ends of a new pipe, open. */
    int (*pipe)(Call *c, Chan **r, Chan **w);
    /* devtask, devcap: the files that stand for the view of whoever looks (FILE_DYNAMIC); owned. */
    File *(*task_view)(void);
    File *(*cap_view)(void);
    bool (*is_task_view)(const File *f);        /* a view of any task, dynamic or not */
    bool (*is_cap_view)(const File *f);
    /* devtask: which descriptor of which task f is (fd/N or fd/N/ctl), or -EINVAL. */
    int (*fd_file)(const File *f, uint64_t *task, int *fd);
    File *(*null_file)(void);       /* /dev/null; owned */
    const CapKind *const *caps;     /* what /cap/new shows (cap.h); ended by NULL */
    /* devcap: what only t's view held goes. Called with no lock held, when t lets go of what it has and once it is dead. */
    void (*task_exited)(Task *t);
};

int kernel_boot(const BootList *list, uint32_t uid, uint32_t gid, Kernel **out);
/* Kills every task, waits for them, lets everything go. */
void kernel_end(Kernel *k);
const MountType *kernel_mount_type(Kernel *k, const char *name);

#endif
