/* SPDX-License-Identifier: MIT */
/*
 * Processes of `taskfs mount`. The first one makes no threads and opens nothing: it sleeps in sigwaitinfo alone, and so forks safely.
 *
 * Who sent a signal tells what to do with it. A terminal's (from the kernel) went to the command as well, which is in the same group;
 * but for SIGHUP, which a terminal that goes away sends only to the first process of a session.
 */
#define _GNU_SOURCE
#include "front/job.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "front/front.h"

#define SIG_READY SIGRTMIN

static const int passed_on[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGCONT, SIGWINCH, SIGUSR1, SIGUSR2 };

typedef struct Job {
    const char *dir;
    char **argv;                    /* of the command, or NULL */
    int server, command;            /* 0: not there, or no more */
    bool ready;                     /* the server's */
    int early;                      /* the signal that came before it was; 0 none */
    int server_status, code;
} Job;

/* What this process fetches: but what was ignored from the start (nohup), stays ignored. */
static void fill(sigset_t *set)
{
    sigemptyset(set);
    for (size_t i = 0; i < sizeof passed_on / sizeof passed_on[0]; i++) {
        struct sigaction now;
        if (sigaction(passed_on[i], NULL, &now) != 0 || now.sa_handler != SIG_IGN)
            sigaddset(set, passed_on[i]);
    }
    sigaddset(set, SIGCHLD);
    sigaddset(set, SIGPIPE);        /* not ignored, so that the command inherits what was there */
    sigaddset(set, SIG_READY);
}

void job_begin(void)
{
    sigset_t set;
    signal(SIGCHLD, SIG_DFL);       /* ignored, it would take our children away */
    fill(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

int job_split(int *first)
{
    *first = getpid();
    fflush(NULL);
    pid_t pid = fork();
    if (pid != 0)
        return pid < 0 ? -errno : pid;
    setpgid(0, 0);
    signal(SIGTTOU, SIG_IGN);       /* it may say something from the background */
    signal(SIGTERM, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != *first)
        raise(SIGTERM);             /* it was already gone */
    return 0;
}

void job_ready(int first)
{
    if (getppid() == first)         /* else it is gone, and the signal would go to somebody else */
        kill(first, SIG_READY);
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static _Noreturn void become(const Job *j)
{
    sigset_t set;
    fill(&set);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    if (chdir(j->dir) != 0) {
        complain("%s: %s", j->dir, strerror(errno));
        _exit(EXIT_TASKFS);
    }
    if (setenv("TASKFS_MOUNT", j->dir, 1) == 0)
        execvp(j->argv[0], j->argv);
    int error = errno;
    complain("%s: %s", j->argv[0], strerror(error));
    _exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

static void end_server(const Job *j)
{
    if (j->server > 0)
        kill(j->server, SIGTERM);
}

static void start_command(Job *j)
{
    j->ready = true;
    if (j->argv == NULL || j->early != 0)
        return;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        become(j);
    if (pid < 0) {
        complain("%s: %s", j->argv[0], strerror(errno));
        j->code = EXIT_TASKFS;
        end_server(j);
        return;
    }
    j->command = pid;
}

/* ---- what happens ------------------------------------------------------------------------------------------------ */

static int code_of(int status)
{
    return WIFSIGNALED(status) ? EXIT_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

static void command_changed(Job *j, int status)
{
    if (WIFSTOPPED(status)) {
        /* So that our shell takes the terminal back. What makes us go on makes the command go on (take_signal). */
        kill(getpid(), SIGSTOP);
        return;
    }
    j->command = 0;
    j->code = code_of(status);
    end_server(j);
}

static void reap(Job *j)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
        if (pid == j->command)
            command_changed(j, status);
        if (pid != j->server || WIFSTOPPED(status))
            continue;
        j->server = 0;
        j->server_status = status;
    }
}

static void take_signal(Job *j, const siginfo_t *info)
{
    int n = info->si_signo;
    bool sent = info->si_code <= 0;             /* by a process, not by the kernel */
    if (n == SIGCHLD) {
        reap(j);
    } else if (n == SIG_READY) {
        if (!j->ready)
            start_command(j);
    } else if (j->command > 0) {
        if (sent || n == SIGHUP || n == SIGCONT)
            kill(j->command, n);
    } else if (n == SIGHUP || n == SIGINT || n == SIGQUIT || n == SIGTERM) {
        if (!j->ready)
            j->early = n;
        end_server(j);
    } else if (n == SIGTSTP) {
        kill(getpid(), SIGSTOP);
    }
}

/* A server that was killed has left a mount behind, where every access fails. */
static void clean_up(const Job *j)
{
    struct stat st;
    complain("%s: what served it was ended by signal %d", j->dir, WTERMSIG(j->server_status));
    if (!j->ready || stat(j->dir, &st) == 0 || umount2(j->dir, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
        return;
    pid_t pid = fork();
    if (pid == 0) {
        execlp("fusermount3", "fusermount3", "-u", "-z", "--", j->dir, (char *)NULL);
        _exit(EXIT_NOT_FOUND);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

int job_wait(int server, const char *dir, char **command)
{
    Job j = { .dir = dir, .argv = command, .server = server, .code = -1 };
    sigset_t set;
    siginfo_t info;
    fill(&set);
    while (j.server > 0 || j.command > 0)
        if (sigwaitinfo(&set, &info) > 0)
            take_signal(&j, &info);
    if (WIFSIGNALED(j.server_status))
        clean_up(&j);
    if (j.code >= 0)
        return j.code;
    if (j.early != 0 && command != NULL)
        return EXIT_SIGNAL + j.early;
    return WIFSIGNALED(j.server_status) ? EXIT_TASKFS : WEXITSTATUS(j.server_status);
}
