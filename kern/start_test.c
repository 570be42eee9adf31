/* SPDX-License-Identifier: MIT */
/*
 * What a start finds, what it closes, and what a program begins with; who may raise a limit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern/life.h"
#include "test/names.h"
#include "test/testengine.h"

/* has N...: 0 when none of these descriptors is open. */
PROGRAM(start_has)
{
    for (unsigned i = 1; act_arg(a, i)[0] != '\0'; i++) {
        char byte;
        if (act_read(a, act_arg(a, i)[0] - '0', &byte, 1) != -EBADF)
            return (int)i;
    }
    return 0;
}

#define PROGRAMS "/f=x /bin/has=test:start_has "

TEST(interpreters_of_interpreters_end)
{
    World w = world(PROGRAMS "/s/1='#!/bin/has' /s/2='#!/s/1' /s/3='#!/s/2' /s/4='#!/s/3' /s/5='#!/s/4' /s/6='#!/s/5'");
    uint64_t id = world_new(&w);
    EQ(world_ctl(&w, id, "cmd /s/6\nstart"), -ELOOP);
    OK(world_ctl(&w, id, "cmd /s/5\nstart"));
    (void)world_wait(&w, id);
    world_end(&w);
}

TEST(an_interpreter_line_has_an_end)
{
    char line[400] = "#!/bin/has ";
    World w = world(PROGRAMS);
    memset(line + strlen(line), 'x', 300);
    OK(world_write(&w, "/long", line));
    uint64_t id = world_new(&w);
    EQ(world_ctl(&w, id, "cmd /long\nstart"), -ENOEXEC);
    OK(world_ctl(&w, id, "remove"));
    world_end(&w);
}

TEST(a_path_through_files_leads_nowhere)
{
    World w = world(PROGRAMS);
    uint64_t id = world_new(&w);
    OK(world_write(&w, world_path(id, "env"), "PATH=/f:/nothing:/bin"));
    EQ(world_ctl(&w, id, "cmd missing\nstart"), -ENOENT);
    OK(world_ctl(&w, id, "cmd has 7\nstart"));
    EQ(world_wait(&w, id), 0);
    world_end(&w);
}

TEST(a_start_closes_what_was_not_for_the_program)
{
    World w = world(PROGRAMS);
    uint64_t id = world_new(&w);
    OK(world_write(&w, world_path(id, "fd/5.ctl"), "dup /f r\nflags cloexec"));
    OK(world_write(&w, world_path(id, "fd/6.ctl"), "dup /f r"));
    OK(world_ctl(&w, id, "cmd has 5 6\nstart"));
    EQ(world_wait(&w, id), 2);                  /* 6 is open */
    world_end(&w);
}

static int reads_forever(Actor *a)
{
    char byte;
    return (int)act_read(a, 0, &byte, 1);
}

/* Another thread waits for its input, which never comes. */
PROGRAM(start_become)
{
    int fd = act_open(a, "/f", OPEN_READ), other = act_open(a, "/f", OPEN_READ);
    char path[64], line[64];
    snprintf(path, sizeof path, "/task/self/fd/%d.ctl", fd);
    OK(act_put(a, path, "flags cloexec"));
    OK(act_thread(a, reads_forever));
    for (bool waits = false; !waits && act_on(a); thread_yield()) {
        mutex_lock(&a->task->lock);
        waits = a->task->waiting != NULL;
        mutex_unlock(&a->task->lock);
    }
    snprintf(line, sizeof line, "cmd has %d %d", fd, other);
    OK(act_put(a, "/task/self/ctl", line));
    EQ(act_put(a, "/task/self/ctl", "exec"), -EINTR);
    return 9;
}

TEST(a_program_that_replaces_itself_ends_its_threads_and_closes)
{
    World w = world(PROGRAMS "/bin/become=test:start_become");
    Chan *feed;
    uint64_t id = world_new(&w);
    OK(world_open(&w, world_path(id, "fd/0"), OPEN_WRITE, &feed));
    OK(world_ctl(&w, id, "cmd become\nstart"));
    EQ(world_wait(&w, id), 2);
    OK(world_close(&w, feed));
    world_end(&w);
}

/* Its other thread waits for input when the first one is done. */
PROGRAM(start_leave)
{
    OK(act_thread(a, reads_forever));
    for (bool waits = false; !waits && act_on(a); thread_yield()) {
        mutex_lock(&a->task->lock);
        waits = a->task->waiting != NULL;
        mutex_unlock(&a->task->lock);
    }
    return 7;
}

TEST(a_program_ends_though_a_thread_of_it_waits)
{
    World w = world(PROGRAMS "/bin/leave=test:start_leave");
    Chan *feed;
    uint64_t id = world_new(&w);
    OK(world_open(&w, world_path(id, "fd/0"), OPEN_WRITE, &feed));
    OK(world_ctl(&w, id, "cmd leave\nstart"));
    EQ(world_wait(&w, id), 7);
    OK(world_close(&w, feed));
    world_end(&w);
}

/* Threads are kept for the next task, which does not pay for what they did before. */
TEST(a_task_pays_only_for_its_own_time)
{
    AccountSums sums;
    uint64_t user = 0, system = 0;
    for (volatile unsigned i = 0; user + system < 50000000 && i < 400000000; i++)
        if (i % 65536 == 0)
            clock_thread_usage(&user, &system);
    if (user + system == 0)
        skip("no clock of threads here");
    World w = world("");
    Task *t = names_task(&w);
    TaskThread thread = { .engine = NULL };
    task_thread_begin(t, &thread);              /* this very thread */
    task_thread_end(&thread);
    account_sums(t->account, &sums);
    TRUE(sums.user_ns + sums.system_ns < user + system);
    task_put(t);
    world_end(&w);
}

PROGRAM(start_busy)
{
    char id[32], path[64];
    OK(act_get(a, "/task/new", id, sizeof id));
    snprintf(path, sizeof path, "/task/%s/ctl", id);
    OK(act_put(a, "/task/self/ctl", "cmd has"));
    OK(act_put(a, path, "vfork"));
    EQ(act_put(a, "/task/self/ctl", "exec"), -EBUSY);
    OK(act_put(a, "/task/self/ctl", "umask 070"));          /* the child's */
    EQ(a->task->umask, 022);
    OK(act_put(a, path, "exit 0"));
    EQ(act_put(a, "/task/self/ctl", "exec"), -EINTR);
    return 9;
}

TEST(who_acts_for_a_vfork_child_has_no_program_to_replace)
{
    World w = world(PROGRAMS "/bin/busy=test:start_busy");
    EQ(world_run(&w, "busy"), 0);
    world_end(&w);
}

TEST(a_child_begins_with_its_parents_umask_nice_and_ignored_signals)
{
    World w = world("");
    Task *t = names_task(&w);
    OK(world_ctl(&w, t->id, "umask 077\nnice 5\nignore HUP"));
    names_be(&w, t);
    Task *child = names_task(&w);
    EQ(child->umask, 077);
    EQ(child->nice, 5);
    EQ(child->sig_ignored, UINT32_C(1) << SIG_HUP);
    names_be(&w, w.root);
    char path[64];
    snprintf(path, sizeof path, "/task/%d/task/new", (int)t->id);
    AUTO_TASK *other = task_find(w.k, (uint64_t)atoi(world_read(&w, path)));
    EQ(other->nice, 5);                         /* of the holder: nobody is made less nice by whom he is made */
    task_put(STEAL(other));
    task_put(child);
    task_put(t);
    world_end(&w);
}

PROGRAM(start_spin)
{
    while (act_on(a)) {
    }
    return 0;
}

/* Its group may live on, but is not reached by way of it. */
TEST(a_task_that_has_exited_has_no_group_to_signal)
{
    World w = world(PROGRAMS "/bin/spin=test:start_spin");
    uint64_t spin = world_start(&w, "spin"), gone = world_start(&w, "has");
    EQ(world_wait(&w, gone), 0);
    EQ(world_ctl(&w, gone, "kill TERM group"), -ESRCH);
    STR_EQ(world_read(&w, world_path(spin, "status")), "running\n");
    OK(world_ctl(&w, spin, "kill KILL"));
    EQ(world_wait(&w, spin), 137);
    world_end(&w);
}

/* A view that was lent does not make a task its ancestor's parent. */
TEST(a_task_does_not_raise_the_limits_of_those_above_it)
{
    static const char *const raises[] = { "memlimit max", "tasklimit max", "fdlimit 1000" };
    World w = world("");
    Task *t = names_task(&w);
    OK(world_ctl(&w, t->id, "memlimit 10M\ntasklimit 10\nfdlimit 100"));
    names_be(&w, t);
    Task *child = names_task(&w);
    names_be(&w, w.root);
    OK(names_ctl(&w, child, "bind /task /task"));
    names_be(&w, child);
    for (unsigned i = 0; i < LEN(raises); i++)
        EQ(world_write(&w, world_path(t->id, "ctl"), raises[i]), -EPERM);
    OK(world_write(&w, world_path(t->id, "ctl"), "memlimit 5M"));
    names_be(&w, w.root);
    OK(world_ctl(&w, t->id, "memlimit 20M"));
    task_put(child);
    task_put(t);
    world_end(&w);
}
