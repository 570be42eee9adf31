/* SPDX-License-Identifier: MIT */
/*
 * Control verbs that /task's files take (taskctl.c, fdctl.c), apart from the files themselves (dev/devtask.c).
 */
#ifndef KERN_VIEW_H
#define KERN_VIEW_H

#include "kern/kern.h"
#include "kern/task.h"
#include "kern/text.h"

/* /task/ID/ctl; view: the holder of the view by which it was reached, which bounds `kill N group`. */
int task_ctl_line(Call *c, Task *t, uint64_t view, char *line, size_t len);
void task_ctl_help(Text *out);
int fd_ctl_line(Call *c, Task *t, int fd, char *line, size_t len);  /* /task/ID/fd/N/ctl */
void fd_ctl_help(Text *out);
/* Opens fd/0 for writing: a pipe is put there when t has not started. -EPERM: it has, and something else is there. */
int fd_feed(Call *c, Task *t, unsigned flags, Chan **out);
int fd_ctl_text(Call *c, Task *t, int fd, Text *out);               /* path, mode, offset */

#endif
