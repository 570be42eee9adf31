/* SPDX-License-Identifier: MIT */
/* What LOCK_CHECK must stop: each mistake is made in a forked process, which has to die of it and say why. */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/os.h"
#include "test/test.h"

enum { LOW = 10, HIGH = 20 };

static void expect_abort(void (*mistake)(void), const char *words)
{
    int ends[2];
    char said[512] = "";
    TRUE(pipe(ends) == 0);
    pid_t pid = fork();
    TRUE(pid >= 0);
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        mistake();
        _exit(0);
    }
    close(ends[1]);
    for (size_t n = 0; n < sizeof said - 1;) {
        ssize_t got = read(ends[0], said + n, sizeof said - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    close(ends[0]);
    int status = 0;
    TRUE(waitpid(pid, &status, 0) == pid);
    if (strstr(said, words) == NULL)
        FAIL("\"%s\" is not in \"%s\"", words, said);
    TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void take_the_lower_second(void)
{
    Mutex low, high;
    mutex_init(&low, LOW);
    mutex_init(&high, HIGH);
    mutex_lock(&high);
    mutex_lock(&low);
}

static void take_two_of_a_rank(void)
{
    Mutex one, other;
    mutex_init(&one, LOW);
    mutex_init(&other, LOW);
    mutex_lock(&one);
    mutex_lock(&other);
}

static void assert_without_holding(void)
{
    Mutex m;
    mutex_init(&m, LOW);
    assert_held(&m);
}

static void unlock_without_holding(void)
{
    Mutex m;
    mutex_init(&m, LOW);
    mutex_unlock(&m);
}

TEST(a_lower_rank_taken_second_aborts_and_names_both)
{
    expect_abort(take_the_lower_second, "lock order: rank 10");
    expect_abort(take_the_lower_second, "while rank 20");
}

TEST(two_locks_of_one_rank_abort)
{
    expect_abort(take_two_of_a_rank, "lock order: rank 10");
}

TEST(assert_held_wants_the_lock)
{
    expect_abort(assert_without_holding, "cannot be");
}

TEST(only_what_is_held_is_released)
{
    expect_abort(unlock_without_holding, "cannot be");
}
