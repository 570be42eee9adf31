/* SPDX-License-Identifier: MIT */
/*
 * Absolute paths as text, counted and immutable, and the splitting of paths into names.
 */
#ifndef KERN_PATH_H
#define KERN_PATH_H

#include "kern/kern.h"

struct Path {
    Ref ref;
    uint32_t len;
    char s[];                       /* "/", or "/a/b": clean, no "." or "..", no slash at the end; ended by NUL */
};

Path *path_new(const char *s, size_t len);                  /* s is clean already. NULL without memory */
Path *path_join(const Path *dir, const char *name);         /* owned, or NULL */
static inline Path *path_get(Path *p)
{
    ref_get(&p->ref);
    return p;
}
void path_put(Path *p);             /* NULL is allowed */

/* True when p is dir itself or below it. */
bool path_below(const char *p, const char *dir);

/* Takes the next name off *rest into name (NAME_MAX_LEN + 1 bytes). 1 a name, 0 the end, -ENAMETOOLONG. Slashes are skipped. */
int path_next(const char **rest, char *name);
int path_next_len(const char **rest, char *name);           /* the same, but it gives the length of the name */

/* A name that a directory can hold: -ENOENT empty, -EINVAL "." or ".." or with a slash, -ENAMETOOLONG. */
int name_check(const char *name);

#endif
