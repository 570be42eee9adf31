/* SPDX-License-Identifier: MIT */
/*
 * taskfs(1): finds the subcommand. TASKFS_TRACE names classes of events that are printed at the end, on standard error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "front/front.h"
#include "front/nearest.h"
#include "kern/trace.h"
#include "taskfs.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv, bool verbose);
    const char *help;
} commands[] = {
    { "run", run_command, "run a WASI program as a task" },
    { "mount", mount_command, "show a kernel's files as a directory" },
};

static void help(FILE *to)
{
    fputs("usage: taskfs [-v] COMMAND [ARG...]\n"
          "\n"
          "A kernel in which every task is a directory of files.\n"
          "\n"
          "commands:\n",
          to);
    for (size_t i = 0; i < LEN(commands); i++)
        fprintf(to, "  %-8s %s; `taskfs help %s` says how\n", commands[i].name, commands[i].help, commands[i].name);
    fputs("  help     print this, or what a command takes\n"
          "\n"
          "options:\n"
          "  -v, --verbose   say what is done\n"
          "  -V, --version   print the version\n"
          "  -h, --help      print this\n"
          "\n"
          "TASKFS_TRACE=sys,dev,9p,lock prints what the kernel did, at the end; TASKFS_BIN\n"
          "is the directory at /bin. The manual: taskfs(1), and taskfs(4) for the files.\n",
          to);
}

static void print_trace(void)
{
    Text t = { 0 };
    trace_text(&t);
    if (t.len > 0)
        fwrite(t.s, 1, t.len, stderr);
    text_free(&t);
}

static int unknown(const char *word)
{
    const char *names[LEN(commands)];
    for (size_t i = 0; i < LEN(commands); i++)
        names[i] = commands[i].name;
    const char *meant = nearest(word, names, LEN(commands));
    if (strchr(word, '/') != NULL || strstr(word, ".wasm") != NULL)
        complain("no command %s; `taskfs run %s` runs a program", word, word);
    else if (meant != NULL)
        complain("no command %s; did you mean `taskfs %s`?", word, meant);
    else
        complain("no command %s; see `taskfs --help`", word);
    return EXIT_TASKFS;
}

static int dispatch(int argc, char **argv, bool verbose)
{
    for (size_t i = 0; i < LEN(commands); i++)
        if (strcmp(argv[0], commands[i].name) == 0)
            return commands[i].run(argc, argv, verbose);
    return unknown(argv[0]);
}

/* `taskfs help COMMAND` is `taskfs COMMAND --help`. */
static int help_command(char *command)
{
    char option[] = "--help", *argv[] = { command, option, NULL };
    if (command != NULL)
        return dispatch(2, argv, false);
    help(stdout);
    return 0;
}

int main(int argc, char **argv)
{
    bool verbose = false;
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
            help(stdout);
            return 0;
        }
        if (strcmp(argv[i], "-V") == 0 || strcmp(argv[i], "--version") == 0) {
            printf("taskfs %s\n", taskfs_version());
            return 0;
        }
        if (strcmp(argv[i], "-v") != 0 && strcmp(argv[i], "--verbose") != 0) {
            complain("unknown option %s; see `taskfs --help`", argv[i]);
            return EXIT_TASKFS;
        }
        verbose = true;
    }
    if (i == argc) {
        help(stderr);
        return EXIT_TASKFS;
    }
    if (strcmp(argv[i], "help") == 0)
        return help_command(argv[i + 1]);
    const char *classes = getenv("TASKFS_TRACE");
    if (classes != NULL && trace_set(classes) < 0) {
        complain("TASKFS_TRACE=%s: classes are sys, dev, 9p, lock and all", classes);
        return EXIT_TASKFS;
    }
    int code = dispatch(argc - i, argv + i, verbose);
    if (classes != NULL)
        print_trace();
    return code;
}
