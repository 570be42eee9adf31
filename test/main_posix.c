/* SPDX-License-Identifier: MIT */
/*
 * Runs the unit tests natively: each in a forked process and group of its own, as many at once as there are processors, its
 * output kept apart by a pipe and shown only when it failed. A test that is over its time is killed with its group.
 *   unit [-l] [-v] [-1] [PATTERN]     -l lists, -v shows all output and times, -1 runs the test in this process
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/local.h"
#include "os/os.h"
#include "test/test.h"

enum { MAX_JOBS = 16, MAX_OUTPUT = 64 * 1024 };

typedef struct Job {
    TestCase *test;                             /* NULL: free */
    pid_t pid;
    int pipe;
    uint64_t started, limit;                    /* nanoseconds */
    bool over, late;
    size_t n;
    char output[MAX_OUTPUT];
} Job;

static Job jobs[MAX_JOBS];
static unsigned passed, failed, skipped;
static bool verbose;

/* Threads that are kept for the next task are no leak. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "report_thread_leaks=0";
}

void test_end(int code)
{
    fflush(NULL);
    _exit(code);
}

/* A random yield at every lock finds mistakes of order that two processors seldom show. */
static void run_here(TestCase *t)
{
    const char *shake = getenv("TEST_SHAKE");
    if (shake != NULL)
        lock_shake((unsigned)atoi(shake));
    t->run();
    mem_fail_at(0);
    workers_drain();
    exit(TEST_PASSED);                          /* not _exit: the leak check runs here */
}

static void job_start(Job *j, TestCase *t)
{
    int ends[2];
    fflush(NULL);
    if (pipe(ends) < 0) {
        perror("pipe");
        exit(TEST_FAILED);
    }
    pid_t pid = fork();
    if (pid < 0) {
        perror("fork");
        exit(TEST_FAILED);
    }
    if (pid == 0) {
        setpgid(0, 0);
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        run_here(t);
    }
    setpgid(pid, pid);
    close(ends[1]);
    *j = (Job){ .test = t, .pid = pid, .pipe = ends[0], .started = clock_now(CLOCK_MONO) };
    j->limit = (uint64_t)(t->limit != 0 ? t->limit : TEST_SECONDS) * test_stretch() * UINT64_C(1000000000);
}

static void job_show(const Job *j, const char *what)
{
    printf("%-4s %s.%s (%.2f s)\n", what, j->test->file, j->test->name,
           (double)(clock_now(CLOCK_MONO) - j->started) / 1e9);
    for (size_t i = 0; i < j->n;) {
        const char *line = j->output + i;
        const char *end = memchr(line, '\n', j->n - i);
        size_t n = end != NULL ? (size_t)(end - line) : j->n - i;
        printf("     %.*s\n", (int)n, line);
        i += n + 1;
    }
}

static void job_end(Job *j)
{
    int status = 0;
    close(j->pipe);
    if (waitpid(j->pid, &status, 0) < 0)
        status = 1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == TEST_PASSED) {
        passed++;
        if (verbose)
            job_show(j, "ok");
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == TEST_SKIPPED) {
        skipped++;
        job_show(j, "SKIP");
    } else {
        failed++;
        job_show(j, "FAIL");
        if (j->late)
            printf("     killed after %u s\n", (unsigned)(j->limit / UINT64_C(1000000000)));
        else if (WIFSIGNALED(status))
            printf("     ended by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
        else
            printf("     exit code %d\n", WEXITSTATUS(status));
    }
    j->test = NULL;
}

/* Takes what the test wrote; false at the end of file. Output beyond the limit is read and dropped. */
static bool job_read(Job *j)
{
    char rest[4096];
    bool full = j->n == sizeof j->output;
    ssize_t n = read(j->pipe, full ? rest : j->output + j->n, full ? sizeof rest : sizeof j->output - j->n);
    if (n > 0 && !full)
        j->n += (size_t)n;
    return n > 0;
}

/* The process has ended; it is still waited for, so that its group's number is not given to another. */
static bool job_is_over(const Job *j)
{
    siginfo_t info = { .si_pid = 0 };
    return waitid(P_PID, (id_t)j->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

/* Waits until something happens to the running tests, and deals with it. */
static void jobs_step(unsigned count)
{
    struct pollfd fds[MAX_JOBS];
    for (unsigned i = 0; i < count; i++)
        fds[i] = (struct pollfd){ .fd = jobs[i].test != NULL ? jobs[i].pipe : -1, .events = POLLIN };
    poll(fds, count, 100);
    uint64_t now = clock_now(CLOCK_MONO);
    for (unsigned i = 0; i < count; i++) {
        Job *j = &jobs[i];
        if (j->test == NULL)
            continue;
        if (!j->over && (job_is_over(j) || now - j->started > j->limit)) {
            j->late = !job_is_over(j);
            j->over = true;
            kill(-j->pid, SIGKILL);             /* with whatever it started, so that the pipe ends */
        }
        if (fds[i].revents != 0 && !job_read(j))
            job_end(j);
    }
}

static void run_all(const char *pattern, unsigned count)
{
    TestCase *t = test_list();
    for (;;) {
        unsigned running = 0;
        for (unsigned i = 0; i < count; i++) {
            while (t != NULL && !test_wanted(t, pattern))
                t = t->next;
            if (jobs[i].test == NULL && t != NULL) {
                job_start(&jobs[i], t);
                t = t->next;
            }
            running += jobs[i].test != NULL;
        }
        if (running == 0)
            return;
        jobs_step(count);
    }
}

static void list(const char *pattern)
{
    for (TestCase *t = test_list(); t != NULL; t = t->next) {
        if (test_wanted(t, pattern))
            printf("%s.%s\n", t->file, t->name);
    }
}

int main(int argc, char **argv)
{
    bool only_list = false, here = false;
    int option;
    while ((option = getopt(argc, argv, "lv1")) != -1) {
        only_list |= option == 'l';
        verbose |= option == 'v';
        here |= option == '1';
        if (option == '?')
            return 2;
    }
    const char *pattern = optind < argc ? argv[optind] : NULL;
    if (only_list) {
        list(pattern);
        return 0;
    }
    if (here) {
        for (TestCase *t = test_list(); t != NULL; t = t->next) {
            if (test_wanted(t, pattern))
                run_here(t);
        }
        return 2;
    }
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    run_all(pattern, processors < 1 ? 1 : processors > MAX_JOBS ? MAX_JOBS : (unsigned)processors);
    printf("%u passed, %u failed", passed, failed);
    printf(skipped > 0 ? ", %u skipped\n" : "\n", skipped);
    return failed > 0 || passed + skipped == 0;
}
