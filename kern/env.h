/* SPDX-License-Identifier: MIT */
/*
 * A vector of strings, kept as one block of NUL-ended strings: arguments and environments.
 */
#ifndef KERN_ENV_H
#define KERN_ENV_H

#include "kern/kern.h"
#include "kern/text.h"

typedef struct Strv {
    Account *account;               /* who is charged */
    char *s;                        /* owned: len bytes, the strings one after the other, each with its NUL */
    size_t len, size;               /* size: bytes there is room for, and that are charged */
    bool open;                      /* the last NUL was added here: what is appended goes on before it */
} Strv;

#define STRV_MAX (16u << 20)        /* bytes in all; E2BIG beyond */

void strv_free(Strv *v);
int strv_copy(Strv *to, const Strv *from, Account *a);      /* to is empty */
int strv_set_block(Strv *v, const void *s, size_t len);     /* replaces all; a missing last NUL is added */
/* Goes on where the last write ended, in mid-string too (see cmdline). */
int strv_append_block(Strv *v, const void *s, size_t len);
/* A write to the file of it: at offset 0 replaces, at the end (of what was written) appends, -EINVAL elsewhere. */
int strv_write(Strv *v, const void *s, size_t len, uint64_t off);
int strv_add(Strv *v, const char *s);
size_t strv_count(const Strv *v);
const char *strv_at(const Strv *v, size_t i);               /* borrowed, or NULL */

/* As an environment: NAME=value strings. */
const char *env_get(const Strv *v, const char *name);       /* the value, borrowed, or NULL */
int env_set(Strv *v, const char *assignment);               /* NAME=value sets, NAME alone removes; -EINVAL empty name */
void env_text(const Strv *v, Text *out);                    /* a line each, newlines as \n */

#endif
