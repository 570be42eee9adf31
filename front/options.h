/* SPDX-License-Identifier: MIT */
/*
 * The options of taskfs(1)'s commands: one table, from which they are parsed and `--help` is made.
 */
#ifndef FRONT_OPTIONS_H
#define FRONT_OPTIONS_H

#include "front/grant.h"
#include "kern/kern.h"
#include "kern/text.h"

typedef enum OptionsOf { OPTIONS_RUN = 1, OPTIONS_MOUNT = 2 } OptionsOf;     /* whose: a bit each */

typedef struct Options {
    Grant *grants;                  /* in the order given */
    size_t ngrant;
    const char **env;               /* NAME=VALUE, or NAME: the host's value */
    size_t nenv;
    const char *cwd;                /* or NULL */
    uint64_t memlimit;              /* bytes; UINT64_MAX: none */
    int nice;
    bool bare, inside, allow_other, nonempty, verbose, help;
    int argc;                       /* what follows the options: PROGRAM or DIR, and more */
    char **argv;
} Options;

/* argv[0] is skipped. -EINVAL and others with words in c. */
int options_parse(Call *c, OptionsOf of, int argc, char **argv, Options *out);
void options_free(Options *o);

/* What -v says of the grants. */
void options_say_grants(const Options *o);

/* A line or two for each option, as `--help` shows them: 80 columns. */
void options_help(OptionsOf of, Text *out);

#endif
