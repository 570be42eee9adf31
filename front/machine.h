/* SPDX-License-Identifier: MIT */
/*
 * A machine and the tasks that are put into it from outside: what `taskfs run` and the library share. All run whole calls of
 * a Call whose task is the root; words behind an error stay in it.
 */
#ifndef FRONT_MACHINE_H
#define FRONT_MACHINE_H

#include "front/grant.h"
#include "kern/boot.h"
#include "kern/task.h"

/*
 * Boots the native machine. bare: its root's namespace stays empty. words: at least 256 bytes, for why it failed.
 */
int machine_boot(bool bare, Kernel **out, char *words);

/*
 * The grants, in their order, but those at "/" first: over them the usual root is bound again, unless bare. programs: the directory of
 * the host that is at /bin, read-only, unless bare; NULL: none. c's task is the root.
 */
int machine_grant(Call *c, const Grant *grants, size_t n, bool bare, const char *programs);

/* What start is to run instead of looking the first argument up: a file of the host. -ENOENT, -EISDIR, ... */
int machine_program(Call *c, Task *t, const char *host);

/* Descriptor fd of t is the process's own hostfd from now on; one that is not open (-1) is closed in t too. */
int machine_stream(Call *c, Task *t, int fd, int hostfd);

/*
 * Descriptor 0 of t is the process's descriptor 0. When that is a regular file, programs may move in it: *file is then the open file
 * (owned), which begins where the host's stands; machine_input_done tells the host where it stands in the end, so that
 * what reads after this process goes on there. Else *file is NULL.
 */
int machine_input(Call *c, Task *t, Chan **file);
void machine_input_done(Call *c, Chan *file);   /* takes file; NULL is allowed */

/* A preopen of t, at the lowest free descriptor from 3 up: the directory at path, in t's names. */
int machine_preopen(Call *c, Task *t, const char *path, const char *name);

#endif
