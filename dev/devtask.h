/* SPDX-License-Identifier: MIT */
/*
 * /task: every task as a directory of files. The names and their walk are devtask.c, what is read and written devtask_file.c. What the
 * files do is the kernel's (task.h, view.h). doc/dev/task.md is what users see.
 *
 * A file is known by the task's id (space) and by what it is (id): the same through whatever view it was reached. It holds
 * no reference of the task. The view is remembered beside that, since it bounds what `kill N group` may reach.
 */
#ifndef DEV_DEVTASK_H
#define DEV_DEVTASK_H

#include "kern/dev.h"
#include "kern/kern.h"
#include "kern/task.h"

extern const Dev devtask;

/* For boot lists. */
File *devtask_view(void);           /* the view of whoever looks (FILE_DYNAMIC); owned, NULL without memory */
bool devtask_is_view(const File *f);
int devtask_fd_file(const File *f, uint64_t *task, int *fd);

/* ---- between the files of this device ------------------------------------------------------------------------------- */

typedef enum TaskFileKind {
    TF_VIEW = 1,
    TF_NEW,
    TF_SELF,
    TF_DIR,
    TF_CTL,
    TF_CMDLINE,
    TF_ENVIRON,
    TF_TYPE,
    TF_PARENT,
    TF_GROUP,
    TF_ENV,
    TF_CWD,
    TF_STATUS,
    TF_WAIT,
    TF_EVENTS,
    TF_EXITCODE,
    TF_ERROR,
    TF_SIGNAL,
    TF_ATTR,
    TF_FD_DIR,
    TF_FD,
    TF_FD_CTL,
    TF_NS_DIR,
    TF_NS_CTL,
    TF_NS_MOUNTS,
    TF_NS_BINDS,
    TF_NS_DUMP,
    TF_NS_FROM,
    TF_NS_PLACE,
    TF_STAT_DIR,
    TF_STAT_MEM,
    TF_STAT_CPU,
    TF_STAT_IO
} TaskFileKind;

typedef struct TaskFile {
    File file;                      /* first; id is kind + number << 8 */
    uint64_t view;                  /* the holder of the view by which it was reached */
} TaskFile;

static inline TaskFileKind taskfile_kind(const File *f)
{
    return (TaskFileKind)(f->id & 255);
}
static inline uint64_t taskfile_number(const File *f)
{
    return f->id >> 8;
} /* of a descriptor, or a source */
static inline uint64_t taskfile_view(const File *f)
{
    return ((const TaskFile *)f)->view;
}
bool taskfile_writable(const File *f);
/* The task that f is about; owned. NULL: removed. */
Task *taskfile_task(Call *c, const File *f);

int devtask_reopen(Call *c, Chan *ch, unsigned flags, Chan **out);
int devtask_open(Call *c, Chan *ch, unsigned flags);
void devtask_close(Chan *ch);
int devtask_flush(Call *c, Chan *ch);
int64_t devtask_read(Call *c, Chan *ch, void *buf, size_t n, uint64_t off);
int64_t devtask_write(Call *c, Chan *ch, const void *buf, size_t n, uint64_t off);
int64_t devtask_append(Call *c, Chan *ch, const void *buf, size_t n, uint64_t *end);
int devtask_ready(Call *c, Chan *ch, unsigned events, uint64_t *bytes);

#endif
