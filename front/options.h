/* SPDX-License-Identifier: MIT */
/*
 * The options of `taskfs run`.
 */
#ifndef FRONT_OPTIONS_H
#define FRONT_OPTIONS_H

#include "front/grant.h"
#include "kern/kern.h"

typedef struct Options {
    Grant *grants;                  /* in the order given */
    size_t ngrant;
    const char **env;               /* NAME=VALUE, or NAME: the host's value */
    size_t nenv;
    const char *cwd;                /* or NULL */
    uint64_t memlimit;              /* bytes; UINT64_MAX: none */
    int nice;
    bool bare, inside, help;
    int argc;                       /* PROGRAM and its arguments */
    char **argv;
} Options;

/* argv[0] is skipped. -EINVAL and others with words in c. */
int options_parse(Call *c, int argc, char **argv, Options *out);
void options_free(Options *o);

#endif
