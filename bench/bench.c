/* SPDX-License-Identifier: MIT */
/*
 * `make bench`: runs every group and prints a table. With an argument only the groups whose name begins with it:
 * task, wasi, pipe, cores, namespace, memory, fuse.
 *
 * The work is a child's; the first process only waits and then removes the scratch directory, however the child ended.
 */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 16 };            /* even: each side goes first as often as second */

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_time(double ns)
{
    if (ns >= 1e6)
        printf("%8.2f ms", ns / 1e6);
    else if (ns >= 1e4)
        printf("%8.2f us", ns / 1e3);
    else
        printf("%8.1f ns", ns);
}

void bench_pair(const char *what, Side ours, Side theirs, unsigned n, double target)
{
    double a[ROUNDS], b[ROUNDS];
    ours.run(ours.arg, n / 10 + 1);
    theirs.run(theirs.arg, n / 10 + 1);
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 2 == 0)
            a[i] = ours.run(ours.arg, n) / n;
        b[i] = theirs.run(theirs.arg, n) / n;
        if (i % 2 != 0)
            a[i] = ours.run(ours.arg, n) / n;
    }
    qsort(a, ROUNDS, sizeof *a, by_value);
    qsort(b, ROUNDS, sizeof *b, by_value);
    printf("%-34s ", what);
    print_time(a[0]);
    print_time(a[ROUNDS / 2]);
    printf("   %-24s", theirs.name);
    print_time(b[0]);
    print_time(b[ROUNDS / 2]);
    printf("  %7.2fx %7.2fx", b[0] / a[0], b[ROUNDS / 2] / a[ROUNDS / 2]);
    if (target > 0)
        printf("  %5.1fx %s", target, b[ROUNDS / 2] / a[ROUNDS / 2] >= target ? "" : "missed");
    putchar('\n');
    fflush(stdout);
}

void bench_scale(const char *what, Side one, Side two, Side their_one, Side their_two, unsigned n, double target)
{
    const Side sides[] = { one, their_one, two, their_two };
    double ns[LEN(sides)][ROUNDS];
    for (int i = -1; i < ROUNDS; i++)
        for (unsigned k = 0; k < LEN(sides); k++) {
            unsigned turn = (k + (unsigned)(i + 1)) % LEN(sides);
            double t = sides[turn].run(sides[turn].arg, i < 0 ? n / 10 + 1 : n);
            if (i >= 0)
                ns[turn][i] = t;
        }
    for (unsigned k = 0; k < LEN(sides); k++)
        qsort(ns[k], ROUNDS, sizeof *ns[k], by_value);
    enum { ONE, THEIR_ONE, TWO, THEIR_TWO };
    double ours[2], theirs[2];
    for (int i = 0; i < 2; i++) {
        int at = i == 0 ? 0 : ROUNDS / 2;
        ours[i] = 2 * ns[ONE][at] / ns[TWO][at];
        theirs[i] = 2 * ns[THEIR_ONE][at] / ns[THEIR_TWO][at];
    }
    printf("%-34s %10.2fx%10.2fx   %-24s%10.2fx%10.2fx  %7.2fx %7.2fx  %5.2fx %s\n", what, ours[0], ours[1],
           their_two.name, theirs[0], theirs[1], ours[0] / theirs[0], ours[1] / theirs[1], target,
           ours[1] / theirs[1] >= target ? "" : "missed");
    fflush(stdout);
}

static bool wanted(int argc, char **argv, const char *group)
{
    return argc < 2 || strncmp(group, argv[1], strlen(argv[1])) == 0;
}

static int run_groups(int argc, char **argv, const char *scratch)
{
    char *slash = strrchr(argv[0], '/');
    if (slash != NULL)
        *slash = '\0';
    const char *programs = slash != NULL ? argv[0] : ".";
    host_begin(scratch, programs);
    Rig m;
    rig_begin(&m);
    printf("%-34s %11s%11s   %-24s%11s%11s  %8s %8s  target\n", "taskfs", "min", "median", "against", "min", "median",
           "by min", "by median");
    if (wanted(argc, argv, "task"))
        bench_tasks(&m);
    if (wanted(argc, argv, "wasi"))
        bench_wasi(&m, scratch);
    if (wanted(argc, argv, "pipe"))
        bench_pipes(&m);
    if (wanted(argc, argv, "cores"))
        bench_cores(&m);
    if (wanted(argc, argv, "namespace"))
        bench_namespaces(&m);
    if (wanted(argc, argv, "memory"))
        bench_memory(&m);
    if (wanted(argc, argv, "fuse"))
        bench_fuse(scratch, programs);
    rig_end(&m);
    host_end();
    return 0;
}

static volatile sig_atomic_t worker;

static void stop_worker(int signal)
{
    (void)signal;
    if (worker > 0)
        kill((pid_t)worker, SIGKILL);
}

int main(int argc, char **argv)
{
    char scratch[] = "/dev/shm/taskfs-bench-XXXXXX";
    static const int stops[] = { SIGINT, SIGTERM, SIGHUP };
    for (size_t i = 0; i < LEN(stops); i++)
        signal(stops[i], stop_worker);
    if (mkdtemp(scratch) == NULL)
        die("no scratch directory below /dev/shm");
    worker = fork();
    if (worker == 0) {
        for (size_t i = 0; i < LEN(stops); i++)
            signal(stops[i], SIG_DFL);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        exit(run_groups(argc, argv, scratch));
    }
    int status = 1;
    while (worker > 0 && waitpid((pid_t)worker, &status, 0) < 0) {
        /* interrupted: the worker is being stopped */
    }
    char command[sizeof scratch + 32];
    snprintf(command, sizeof command, "rm -rf --one-file-system %s", scratch);
    return system(command) == 0 && status == 0 ? 0 : 1;
}
