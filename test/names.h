/* SPDX-License-Identifier: MIT */
/*
 * What tests of namespaces do with names: each a whole call of the world's caller, its result 0 or a negative error number.
 */
#ifndef TEST_NAMES_H
#define TEST_NAMES_H

#include "test/world.h"

/* One expression over w.call as a whole call of the World w. */
#define RUN_CALL(expr)                                                                                                 \
    ({                                                                                                                 \
        int64_t run_r_;                                                                                                \
        CALL_RUN(w.call, run_r_, (expr));                                                                              \
        run_r_;                                                                                                        \
    })

/* A line for the ns/ctl of t (NULL: the caller's own). It may be printed into, as by printf. */
int names_ctl(World *w, Task *t, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The texts of t's namespace; good for the next seven calls. */
const char *names_binds(World *w, Task *t);
const char *names_dump(World *w, Task *t);

int names_mkdir(World *w, const char *path);
int names_unlink(World *w, const char *path);
int names_rmdir(World *w, const char *path);
int names_rename(World *w, const char *from, const char *to);
int names_link(World *w, const char *from, const char *to);
int names_symlink(World *w, const char *target, const char *path);
int names_chmod(World *w, const char *path, unsigned mode);
int names_open(World *w, const char *path, unsigned flags);     /* opened and closed again */
/* Type and permissions, or a negative error number; the last link is not followed. */
int names_mode(World *w, const char *path);
int names_walk(World *w, const char *path, unsigned flags, Chan **out);
int names_walk_at(World *w, Chan *base, const char *path, unsigned flags, Chan **out);
/* What path (not followed) reads as: a directory's sorted names, "/" behind those of directories and "@" behind links, a file's text, a
 * link's target behind "-> "; "error N". Good for the next seven calls. */
const char *names_show(World *w, const char *path);

/* From now on the world's caller is t. */
void names_be(World *w, Task *t);
Task *names_task(World *w);     /* a new task, not started, by /task/new of the caller's namespace; owned */

#endif
