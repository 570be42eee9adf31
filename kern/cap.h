/* SPDX-License-Identifier: MIT */
/*
 * Kinds of objects that a task makes through /cap/new/KIND (dev/devcap.c). Devices offer them, the boot list names them.
 */
#ifndef KERN_CAP_H
#define KERN_CAP_H

#include "kern/dev.h"
#include "kern/kern.h"
#include "kern/text.h"

enum { CAP_FILES = 4 };

struct CapKind {
    const char *name;               /* "pipe", "tmpfs" */
    const char *files[CAP_FILES];   /* names below /cap/ID, in the order of make's files; NULL ends them */
    /* Makes an object: one owned File for each name. They keep the object alive. */
    int (*make)(Call *c, File **files);
    /* Verbs of /cap/ID/ctl beside `remove`; their object is a File **, the object's files. */
    const CtlVerb *verbs;
    size_t nverb;
};

#endif
