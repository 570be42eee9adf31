/* SPDX-License-Identifier: MIT */
/*
 * The walk itself, for walk.c and ns.c.
 */
#ifndef KERN_WALKTO_H
#define KERN_WALKTO_H

#include "kern/walk.h"

typedef enum WalkMode {
    WALK_MODE_FULL,                 /* everything must be there */
    WALK_MODE_PARENT,               /* stops before the last name */
    WALK_MODE_CREATE,               /* like FULL, but the last name may be missing (links are followed to where it would be) */
    WALK_MODE_TEXT,                 /* any name may be missing: what a namespace binds at. */
} WalkMode;

/*
 * Among the flags: the call does not remember where a FULL walk ended, so that the caller has the Chan alone. When what follows may
 * have to wait, walk_remember has it remembered.
 */
enum { WALK_UNKEPT = 0x100 };

typedef struct WalkEnd {
    Chan *chan;                     /* owned: what was reached, or the directory of `name` */
    bool missing;                   /* CREATE: name is not there. TEXT: only chan->path means something */
    bool slash;                     /* a slash followed the last name */
    bool hidden;                    /* the walk failed with -ENOENT because the namespace hides a name on the way */
    char name[NAME_MAX_LEN + 1];    /* PARENT: the last name ("" when the path is "/"); CREATE: the missing one */
} WalkEnd;

/* *end is filled on success only, but for hidden. */
int walk_to(Call *c, WalkFrom from, const char *path, WalkMode mode, unsigned flags, WalkEnd *end);

/*
 * The call forgets that its last walk ended at ch, so that the caller has ch alone: true; false when others have it too. When what
 * follows has to wait, walk_remember gives it back.
 */
bool walk_own(Call *c, Chan *ch);
void walk_remember(Call *c, Chan *ch);

#endif
