/* SPDX-License-Identifier: MIT */
/*
 * What the files of the C library share: lib.c the kernel and names, lib_file.c open files, lib_task.c tasks.
 */
#ifndef FRONT_LIB_H
#define FRONT_LIB_H

#include <assert.h>

#include "kern/boot.h"
#include "kern/call.h"
#include "kern/chan.h"
#include "taskfs.h"

struct taskfs {
    Kernel *kernel;
};

struct taskfs_file {
    taskfs *k;
    Chan *chan;                     /* owned, open, held as a door's handle is */
};

struct taskfs_task {
    taskfs *k;
    Task *task;                     /* owned */
};

/* Every function of the library: begins a call of the root task, and ends with its result, keeping the words of a failure. */
void lib_begin(taskfs *k, Call *c);
int64_t lib_end(Call *c, int64_t r);

/* A function that is one call: LIB_CALL(k, r, expression with c). The result is in r, of type int64_t or int. */
#define LIB_CALL(k, r, expr)                                                                                           \
    do {                                                                                                               \
        Call call_, *c = &call_;                                                                                       \
        lib_begin(k, c);                                                                                               \
        CALL_RUN(c, r, expr);                                                                                          \
        lib_end(c, r);                                                                                                 \
    } while (0)

/* A flag of the library is the kernel's own. */
#define LIB_SAME(ours, kernels) static_assert((unsigned)(ours) == (unsigned)(kernels), #ours)

/* An open file for the user. Takes ch. -ENOMEM */
int lib_file(taskfs *k, Chan *ch, taskfs_file **out);

#endif
