/* SPDX-License-Identifier: MIT */
/*
 * From a path to a Chan. A walk takes the namespace root once, holds no lock while it calls devices, and goes on
 * where it was when a device said WAIT.
 *
 * `..` comes from the path walked, never from a device. Symbolic links are followed by the walk; an absolute target
 * starts at the root of the namespace. A trailing slash asks for a directory.
 */
#ifndef KERN_WALK_H
#define KERN_WALK_H

#include "kern/chan.h"
#include "kern/kern.h"

enum {
    WALK_NOFOLLOW = 1,              /* the last name is not followed when it is a link (unless a slash follows it) */
    WALK_CONFINED =
        2, /* from base: `..` above it and absolute links and paths are EPERM (WASI); ignored when base is "/" */
    WALK_DIRECTORY = 4,             /* ENOTDIR when it is none */
};

/* In whose names: ns, and where relative paths begin. Usually walk_self. */
typedef struct WalkFrom {
    Ns *ns;
    Chan *base;                     /* a directory; NULL: the root */
} WalkFrom;

/* The caller's own namespace and directory (a vfork child's directory while it stands in for it). base is borrowed from a
 * lock-free snapshot that lives until call_end. */
WalkFrom walk_self(Call *c);
WalkFrom walk_at(Call *c, Chan *base);      /* the caller's namespace, from an open directory: what WASI paths use */
WalkFrom walk_task(Call *c, Task *t);       /* another task's */

/*
 * Looks path up. *out is an owned, unopened Chan.
 *   -ENOENT, -ENOTDIR, -ELOOP, -ENAMETOOLONG, -EPERM (WALK_CONFINED), -ENOMEM, what devices add
 */
int walk_path(Call *c, WalkFrom from, const char *path, unsigned flags, Chan **out);

/*
 * For what makes, removes or renames a name: *dir is the directory (owned), name (NAME_MAX_LEN + 1 bytes) the last name, not looked
 * up. *slash tells whether a slash followed it.
 *   -EINVAL last name is ".", -ENOTEMPTY or -EBUSY for ".." and "/" (as POSIX has it for rmdir: "." EINVAL, ".." ENOTEMPTY, "/" EBUSY);
 *   create-like callers turn these into EEXIST
 */
int walk_parent(Call *c, WalkFrom from, const char *path, unsigned flags, Chan **dir, char *name, bool *slash);

/*
 * The names in force at dir now: when it was reached in ns and that has changed since, *fresh is another Chan at the same place, if
 * its path still leads there; else NULL: dir's own names are right. 0, -ENOMEM, WAIT.
 */
int walk_refresh(Call *c, Ns *ns, Chan *dir, Chan **fresh);

void walk_forget(Call *c);          /* call_end: drops what the walks of c remember */

/* One name in dir (a door's lookup; no link is followed, "." and ".." too). *out owned. */
int walk_one(Call *c, Chan *dir, const char *name, Chan **out);

/* open(2) in one: walk, create when OPEN_CREATE, open. Links are followed unless WALK_NOFOLLOW (then -ELOOP for a link). */
int walk_open(Call *c, WalkFrom from, const char *path, unsigned walkflags, unsigned openflags, uint32_t mode,
              Chan **out);

/* How the namespace of `reader` names ch: its path when that path there reaches the same file, else "?". NULL without memory. May WAIT
 * through *r. */
Path *walk_name_for(Call *c, Task *reader, Chan *ch, int *r);

#endif
