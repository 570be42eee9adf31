/* SPDX-License-Identifier: MIT */
/*
 * What somebody who mistyped a word may have meant.
 */
#ifndef FRONT_NEAREST_H
#define FRONT_NEAREST_H

#include <stddef.h>

/* The one of n names that needs the fewest changes of a letter (swapped neighbours count as one); NULL when none is near. */
const char *nearest(const char *word, const char *const *names, size_t n);

#endif
