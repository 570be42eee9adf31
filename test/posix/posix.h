/* SPDX-License-Identifier: MIT */
/*
 * What POSIX and Linux ask of a file system, a case a rule, tried on a real directory through the host's own system calls.
 *
 *     RULE(rmdir_of_a_directory_with_names_is_ENOTEMPTY)
 *     {
 *         OK(mkdir("d", 0755));
 *         file_make("d/x", "");
 *         FAILS(rmdir("d"), ENOTEMPTY);
 *     }
 *
 * A rule is found without being registered. It runs in a process of its own, in an empty directory of its own, with the umask
 * 022; the first comparison that does not hold prints what was wanted and what came, and ends it.
 *
 * Where taskfs promises something else than POSIX, posix_differ.c has a DIFFERENT rule of the same name with the reason, which is
 * checked in place of the first: nothing is left out in silence.
 */
#ifndef TEST_POSIX_H
#define TEST_POSIX_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { ON_HOST = 1, ON_TMPFS = 2, ON_DIR = 4, ON_MOUNT = ON_TMPFS | ON_DIR };     /* what the directory is on */
enum { BY_ANYBODY, BY_USER, BY_ROOT };                                            /* who can try a rule */

typedef struct Rule {
    const char *name, *file, *reason;               /* the reason: of a DIFFERENT rule only */
    void (*run)(void);
    unsigned who, where;
    struct Rule *next;
} Rule;

void rule_add(Rule *r);

#define RULE_OF(title, tag, by, on, why)                                                                               \
    static void tag##title(void);                                                                                      \
    static Rule tag##entry_##title = { .name = #title,                                                                 \
                                       .file = __FILE__,                                                               \
                                       .run = tag##title,                                                              \
                                       .who = (by),                                                                    \
                                       .where = (on),                                                                  \
                                       .reason = (why) };                                                              \
    __attribute__((constructor)) static void tag##add_##title(void)                                                    \
    {                                                                                                                  \
        rule_add(&tag##entry_##title);                                                                                 \
    }                                                                                                                  \
    static void tag##title(void)
#define RULE(title) RULE_OF(title, rule_, BY_ANYBODY, 0, NULL)
#define USER_RULE(title) RULE_OF(title, rule_, BY_USER, 0, NULL)        /* about permissions, which root does not feel */
#define ROOT_RULE(title) RULE_OF(title, rule_, BY_ROOT, 0, NULL)
#define DIFFERENT(on, title, why) RULE_OF(title, differs_, BY_ANYBODY, on, why)

/* A call that has to succeed: its result. One that has to fail with this number, or with either of two. */
#define OK(call) check_ok(__FILE__, __LINE__, #call, (int64_t)(call))
#define FAILS(call, number) check_fails(__FILE__, __LINE__, #call, (int64_t)(call), number, number)
#define FAILS_2(call, a, b) check_fails(__FILE__, __LINE__, #call, (int64_t)(call), a, b)
#define EQ(a, b) COMPARE(a, ==, b)
#define COMPARE(a, op, b)                                                                                              \
    do {                                                                                                               \
        int64_t left = (int64_t)(a), right = (int64_t)(b);                                                             \
        check_compare(__FILE__, __LINE__, #a " " #op " " #b, left, right, left op right);                              \
    } while (0)
#define TRUE(what) check_true(__FILE__, __LINE__, #what, (what) ? true : false)
#define STR_EQ(a, b) check_text(__FILE__, __LINE__, #a, (a), (b))

int64_t check_ok(const char *file, int line, const char *call, int64_t result);
void check_fails(const char *file, int line, const char *call, int64_t result, int a, int b);
void check_compare(const char *file, int line, const char *what, int64_t a, int64_t b, bool holds);
void check_true(const char *file, int line, const char *what, bool holds);
void check_text(const char *file, int line, const char *what, const char *got, const char *wanted);
_Noreturn void skip(const char *why);               /* the rule cannot be tried here */

/* ---- files (posix_help.c); what fails here ends the rule ------------------------------------------------------------- */

void file_make(const char *name, const char *text); /* mode 0644; replaces what is there */
const char *file_text(const char *name);            /* all of it, up to 64 KiB: good until the next call */
void dir_make(const char *name);
int open_ok(const char *name, int flags);           /* mode 0644 where it is created */
struct stat stat_of(const char *name);              /* of a link itself */
bool there(const char *name);
static inline unsigned mode_of(const char *name)
{
    return stat_of(name).st_mode & 07777;
}
static inline unsigned type_of(const char *name)
{
    return stat_of(name).st_mode & S_IFMT;
}

/* Nanoseconds since 1970. */
int64_t atime_of(const char *name);
int64_t mtime_of(const char *name);
int64_t ctime_of(const char *name);
/* Some milliseconds: what is stamped from here on is later than what was stamped before, by the coarse clock too. */
void tick(void);

/* The rule about times that `what` touches. Where POSIX says "marked for update", a later time is wanted. */
typedef struct Times {
    int64_t atime, mtime, ctime;
} Times;
Times times_of(const char *name);                   /* and a tick */
#define TIMES_ARE(name, old, a, m, c) check_times(__FILE__, __LINE__, (name), &(old), #a, #m, #c)
/* moved (later than old), kept (as old), any */
void check_times(const char *file, int line, const char *name, const Times *old, const char *a, const char *m,
                 const char *c);

/* n bytes of 'x', and a path of n bytes that leads to name by way of "./": good until the next call. */
const char *long_name(size_t n);
const char *long_path(size_t n, const char *name);

/* A process that runs fn(arg) and ends with what it returns. */
pid_t child_start(int (*fn)(void *arg), void *arg);
int child_end(pid_t pid);                           /* its exit code; a signal ends the rule */
void be_in(const char *dir);                        /* chdir */
bool is_root(void);
void remove_tree(const char *name);

/* Where a rule is running: what --host, --tmpfs or --dir said; the directory that is mounted read-only, or NULL. */
extern unsigned on_what;
extern const char *readonly_dir;
extern const char *twin_dir;        /* on a file system of the host, or NULL */
extern unsigned random_seed;

#endif
