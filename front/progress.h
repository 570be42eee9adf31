/* SPDX-License-Identifier: MIT */
/*
 * What a user is told while a program is compiled for the first time.
 */
#ifndef FRONT_PROGRESS_H
#define FRONT_PROGRESS_H

#include "kern/boot.h"
#include "kern/kern.h"

enum { PROGRESS_LATE = 500 };       /* milliseconds without a word */

typedef struct Progress {
    const BootList *list;
    const char *program;            /* as it was typed */
    bool aloud;                     /* somebody reads it: a terminal, or -v */
    bool verbose;
    unsigned before;                /* compiles in this process */
    uint64_t began;
    atomic_bool said;
} Progress;

void progress_begin(Progress *p, const BootList *list, const char *program, bool verbose);
/* The start takes long. From any thread, any number of times: says so once, and only if something is being compiled. */
void progress_late(Progress *p);
/* The start is over. With -v: what was compiled, and how long that took. */
void progress_done(Progress *p);

#endif
