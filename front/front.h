/* SPDX-License-Identifier: MIT */
/*
 * The command line: taskfs.c dispatches, each subcommand is a function that returns the exit code.
 */
#ifndef FRONT_FRONT_H
#define FRONT_FRONT_H

#include <stdbool.h>

enum {                              /* exit codes; else a program's own, or 128 + a signal */
       EXIT_TASKFS = 125, /* taskfs itself failed, or was used wrongly */
       EXIT_NOT_EXECUTABLE = 126,
       EXIT_NOT_FOUND = 127,
       EXIT_SIGNAL = 128,
};

/* argv[0] is the subcommand. verbose: says on standard error what is done. */
int run_command(int argc, char **argv, bool verbose);
int mount_command(int argc, char **argv, bool verbose);

/* "taskfs: ..." on standard error, with a newline. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
