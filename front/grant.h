/* SPDX-License-Identifier: MIT */
/*
 * What a user grants to a machine: directories and files of the host, and file systems. For `taskfs run` and the library.
 */
#ifndef FRONT_GRANT_H
#define FRONT_GRANT_H

#include "kern/call.h"
#include "kern/kern.h"

typedef struct Grant {
    char *type;                     /* of a file system; NULL: what is at source on the host */
    char *source;                   /* a path on the host, without links for a --dir; NULL when the type takes none */
    char *dst;                      /* absolute, in the namespace */
    char *name;                     /* how a --dir was named: the name of its preopen; else NULL */
    bool rdonly;
} Grant;                            /* all strings are owned */

/* Parse HOST[::GUEST][:ro] and TYPE[:SOURCE]::DST. -EINVAL with words, -ENOENT and other errors of HOST, -ENOMEM. */
int grant_parse_dir(Call *c, const char *text, Grant *out);
int grant_parse_mount(Call *c, const char *text, Grant *out);
void grant_free(Grant *g);

/* Puts it into the namespace of c's task. Runs whole calls of c, which is not in one. Words behind an error stay in c. */
int grant_apply(Call *c, const Grant *g);

/* Where host, an absolute path without links, is by g in the namespace; NULL when it is not below it. To be freed. */
char *grant_map(const Grant *g, const char *host);

/* An absolute and clean path, owned: "." and "" are "/", relative ones begin there. -EINVAL it climbs out, -ENOMEM */
int clean_path(const char *path, char **out);

#endif
