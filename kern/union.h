/* SPDX-License-Identifier: MIT */
/*
 * Listings of directories in which the namespace has a word: names that binds make, names that are hidden, and the members of a
 * union merged, each name once. Such a listing is made whole at the read of cookie 0 and kept with the open directory, so that
 * cookies stay right whatever changes meanwhile.
 */
#ifndef KERN_UNION_H
#define KERN_UNION_H

#include "kern/kern.h"

typedef struct DirList DirList;

void dirlist_free(DirList *l);      /* NULL is allowed */

#endif
