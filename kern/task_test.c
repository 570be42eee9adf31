/* SPDX-License-Identifier: MIT */
/*
 * Lives of tasks, through their files, with programs of the test engine.
 */
#include "kern/task.h"

#include <stdio.h>
#include <string.h>

#include "kern/life.h"
#include "test/testengine.h"
#include "test/world.h"

PROGRAM(exit_with)
{
    int code = 0;
    sscanf(act_arg(a, 1), "%d", &code);
    return code;
}

PROGRAM(spin)
{
    while (act_on(a)) {
    }
    return 0;
}

/* Its words, each behind a bar. */
PROGRAM(args)
{
    for (unsigned i = 0; act_arg(a, i)[0] != '\0'; i++) {
        (void)act_puts(a, 1, "|");
        (void)act_puts(a, 1, act_arg(a, i));
    }
    return 0;
}

/* put PATH TEXT: the errno of a write. */
PROGRAM(put)
{
    char path[256], text[256];
    snprintf(path, sizeof path, "%s", act_arg(a, 1));
    snprintf(text, sizeof text, "%s\n", act_arg(a, 2));
    return -act_put(a, path, text);
}

/* get PATH: the file to descriptor 1. */
PROGRAM(get)
{
    char path[256], text[4096];
    snprintf(path, sizeof path, "%s", act_arg(a, 1));
    int r = act_get(a, path, text, sizeof text);
    if (r == 0)
        r = act_puts(a, 1, text);
    return -r;
}

/* Waits in a read of descriptor 0 until it gets something. */
PROGRAM(listen)
{
    char byte;
    return act_read(a, 0, &byte, 1) == 1 ? byte : 99;
}

#define PROGRAMS                                                                                                       \
    "/bin/exit_with=test:exit_with /bin/spin=test:spin /bin/args=test:args /bin/put=test:put /bin/get=test:get "       \
    "/bin/listen=test:listen "

TEST(a_task_is_made_configured_started_waited_for_and_removed)
{
    World w = world(PROGRAMS);
    uint64_t id = world_new(&w);
    EQ(id, 2);
    STR_EQ(world_read(&w, "/task/2/status"), "stopped\n");
    STR_EQ(world_read(&w, "/task/2/exitcode"), "");
    STR_EQ(world_read(&w, "/task/2/type"), "auto\n");
    OK(world_write(&w, "/task/2/ctl", "cmd exit_with 7\n"));
    MEM_EQ(world_read(&w, "/task/2/cmdline"), "exit_with\0007\0", 12);
    OK(world_write(&w, "/task/2/ctl", "start\n"));
    STR_EQ(world_read(&w, "/task/2/wait"), "7\n");
    STR_EQ(world_read(&w, "/task/2/wait"), "7\n");
    STR_EQ(world_read(&w, "/task/2/status"), "exited\n");
    STR_EQ(world_read(&w, "/task/2/exitcode"), "7\n");
    STR_EQ(world_read(&w, "/task/2/type"), "wasi\n");
    STR_EQ(world_read(&w, "/task/2/parent"), "1\n");
    OK(world_write(&w, "/task/2/ctl", "remove\n"));
    STR_EQ(world_read(&w, "/task/2/status"), "error 2");
    EQ(world_new(&w), 3);
    world_end(&w);
}

/* ---- where a program is, and what it is ------------------------------------------------------------------------------ */

TEST(a_start_that_fails_says_why_and_can_be_tried_again)
{
    World w = world(PROGRAMS "/bin/text=hello /bin/none=test:none /bin/dir/");
    uint64_t id = world_new(&w);
    EQ(world_ctl(&w, id, "start"), -ENOENT);
    STR_EQ(world_read(&w, world_path(id, "error")), "start: no program was named (cmd)\n");
    OK(world_ctl(&w, id, "cmd missing"));
    EQ(world_ctl(&w, id, "start"), -ENOENT);
    STR_EQ(world_read(&w, world_path(id, "error")), "start: missing\n");
    OK(world_ctl(&w, id, "cmd /bin/dir"));
    EQ(world_ctl(&w, id, "start"), -EACCES);
    OK(world_ctl(&w, id, "cmd text"));
    EQ(world_ctl(&w, id, "start"), -ENOEXEC);
    STR_EQ(world_read(&w, world_path(id, "error")), "start: /bin/text: nothing here runs it\n");
    OK(world_ctl(&w, id, "cmd none"));
    EQ(world_ctl(&w, id, "start"), -ENOEXEC);
    OK(world_ctl(&w, id, "type linux"));
    OK(world_ctl(&w, id, "cmd exit_with 3"));
    EQ(world_ctl(&w, id, "start"), -ENOEXEC);
    OK(world_ctl(&w, id, "type auto"));
    OK(world_ctl(&w, id, "start"));
    EQ(world_wait(&w, id), 3);
    EQ(world_ctl(&w, id, "start"), -ESRCH);
    EQ(world_ctl(&w, id, "cmd x"), -ESRCH);
    world_end(&w);
}

TEST(a_program_without_a_slash_is_looked_up_in_path)
{
    World w = world(PROGRAMS "/a/tool=test:exit_with /b/tool=text /c/d/tool=test:exit_with");
    uint64_t id = world_new(&w);
    OK(world_write(&w, world_path(id, "env"), "PATH=/nothing:/a:/b\n"));
    OK(world_ctl(&w, id, "cmd tool 4\nstart"));
    EQ(world_wait(&w, id), 4);
    id = world_new(&w);
    OK(world_write(&w, world_path(id, "env"), "PATH=/b:/a\n"));
    EQ(world_ctl(&w, id, "cmd tool 4\nstart"), -ENOEXEC);
    OK(world_write(&w, world_path(id, "env"), "PATH=:/b\n"));
    OK(world_write(&w, world_path(id, "cwd"), "/c/d"));
    OK(world_ctl(&w, id, "start"));
    EQ(world_wait(&w, id), 4);
    id = world_new(&w);
    OK(world_write(&w, world_path(id, "cwd"), "/c\n"));
    OK(world_ctl(&w, id, "cmd d/tool 5\nstart"));
    EQ(world_wait(&w, id), 5);
    world_end(&w);
}

TEST(an_interpreter_line_names_what_runs_a_script)
{
    World w = world(PROGRAMS
                    "/s/one=$'#!/bin/args -x  y \\nbody' /s/two=$'#! /s/one\\n' /s/none=$'#!  \\n' /s/self='#!/s/self' "
                    "/s/here=$'#!one\\n'");
    uint64_t id = world_start(&w, "/s/one p q");
    EQ(world_wait(&w, id), 0);
    STR_EQ(world_read(&w, world_path(id, "fd/1")), "|/bin/args|-x  y|/s/one|p|q");
    id = world_start(&w, "/s/two p");
    EQ(world_wait(&w, id), 0);
    STR_EQ(world_read(&w, world_path(id, "fd/1")), "|/bin/args|-x  y|/s/one|/s/two|p");
    id = world_new(&w);
    EQ(world_ctl(&w, id, "cmd /s/none\nstart"), -ENOEXEC);
    EQ(world_ctl(&w, id, "cmd /s/self\nstart"), -ELOOP);
    EQ(world_ctl(&w, id, "cmd /s/here\nstart"), -ENOENT);
    OK(world_write(&w, world_path(id, "cwd"), "/s"));
    OK(world_ctl(&w, id, "start"));
    EQ(world_wait(&w, id), 0);
    world_end(&w);
}

TEST(a_program_replaces_itself)
{
    World w = world(PROGRAMS "/bin/become=test:become");
    uint64_t id = world_start(&w, "become");
    EQ(world_wait(&w, id), 5);
    MEM_EQ(world_read(&w, world_path(id, "cmdline")), "exit_with\0005\0", 12);
    EQ(world_ctl(&w, id, "exec"), -EPERM);
    world_end(&w);
}

static int keeps_spinning(Actor *a)
{
    while (act_on(a)) {
    }
    return 0;
}

PROGRAM(become)
{
    OK(act_thread(a, keeps_spinning));
    OK(act_put(a, "/task/self/ctl", "cmd no_such_program"));
    EQ(act_put(a, "/task/self/ctl", "exec"), -ENOENT);
    OK(act_put(a, "/task/self/ctl", "cmd exit_with 5"));
    EQ(act_put(a, "/task/self/ctl", "exec"), -EINTR);       /* the call is the program's last */
    TRUE(!act_on(a));
    return 1;
}

/* ---- who has what ---------------------------------------------------------------------------------------------------- */

TEST(a_new_task_has_copies_of_the_readers_things)
{
    World w = world(PROGRAMS "/dir/x=1");
    uint64_t id = world_new(&w);
    OK(world_write(&w, world_path(id, "env"), "A=1 2\nB='3'\nC=4\n"));
    OK(world_write(&w, world_path(id, "env"), "C"));
    OK(world_write(&w, world_path(id, "cwd"), "/dir"));
    STR_EQ(world_read(&w, world_path(id, "env")), "A=1 2\nB='3'\n");
    STR_EQ(world_read(&w, world_path(id, "cwd")), "/dir\n");
    OK(world_ctl(&w, id, "ignore HUP\nnice 3\numask 077\ncmd put task/new x\nstart"));
    EQ(world_wait(&w, id), ENOENT);
    id = world_new(&w);
    OK(world_write(&w, world_path(id, "env"), "A=1\n"));
    OK(world_write(&w, world_path(id, "cwd"), "/dir"));
    OK(world_ctl(&w, id, "cmd get /task/new\nstart"));
    EQ(world_wait(&w, id), 0);
    char child[64];
    snprintf(child, sizeof child, "%s", world_read(&w, world_path(id, "fd/1")));
    char path[128];
    snprintf(path, sizeof path, "/task/%s/env", child);
    STR_EQ(world_read(&w, path), "A=1\n");                  /* its maker is gone: it is ours now */
    snprintf(path, sizeof path, "/task/%s/cwd", child);
    STR_EQ(world_read(&w, path), "/dir\n");
    snprintf(path, sizeof path, "/task/%s/parent", child);
    STR_EQ(world_read(&w, path), "1\n");
    world_end(&w);
}

TEST(what_precedes_start_is_busy_later)
{
    World w = world(PROGRAMS);
    uint64_t id = world_start(&w, "spin");
    EQ(world_ctl(&w, id, "cmd x"), -EBUSY);
    EQ(world_ctl(&w, id, "start"), -EBUSY);
    EQ(world_ctl(&w, id, "type auto"), -EBUSY);
    EQ(world_ctl(&w, id, "umask 0"), -EBUSY);
    EQ(world_ctl(&w, id, "remove"), -EBUSY);
    EQ(world_write(&w, world_path(id, "env"), "A=1"), -EBUSY);
    EQ(world_write(&w, world_path(id, "cwd"), "/"), -EBUSY);
    EQ(world_write(&w, world_path(id, "cmdline"), "x"), -EBUSY);
    OK(world_ctl(&w, id, "kill 9"));
    EQ(world_wait(&w, id), 137);
    EQ(world_write(&w, world_path(id, "env"), "A=1"), -ESRCH);
    world_end(&w);
}

TEST(children_of_a_task_that_exits_belong_to_its_parent)
{
    World w = world(PROGRAMS "/bin/family=test:family");
    uint64_t id = world_start(&w, "family");
    EQ(id, 2);
    EQ(world_wait(&w, id), 0);
    /* 3 runs on, 4 has exited and went with its parent, 5 never started and is kept. */
    STR_EQ(world_read(&w, "/task/3/parent"), "1\n");
    STR_EQ(world_read(&w, "/task/3/status"), "running\n");
    STR_EQ(world_read(&w, "/task/4/status"), "error 2");
    STR_EQ(world_read(&w, "/task/5/status"), "stopped\n");
    OK(world_write(&w, "/task/5/ctl", "remove"));
    OK(world_write(&w, "/task/3/ctl", "kill 9"));
    EQ(world_wait(&w, 3), 137);
    world_end(&w);
}

PROGRAM(family)
{
    char id[32];
    OK(act_get(a, "/task/new", id, sizeof id));
    STR_EQ(id, "3");
    OK(act_put(a, "/task/3/ctl", "cmd spin\nstart"));
    OK(act_get(a, "/task/new", id, sizeof id));
    OK(act_put(a, "/task/4/ctl", "cmd exit_with 1\nstart"));
    OK(act_get(a, "/task/4/wait", id, sizeof id));
    STR_EQ(id, "1");
    OK(act_get(a, "/task/new", id, sizeof id));
    STR_EQ(id, "5");
    OK(act_get(a, "/task/self/task/3/parent", id, sizeof id));
    STR_EQ(id, "2");
    EQ(act_get(a, "/task/1/status", id, sizeof id), -ENOENT);      /* its view shows itself and what it made */
    return 0;
}

TEST_SLOW(a_task_that_exited_is_kept_until_many_later_ones_were_waited_for, 30)
{
    World w = world(PROGRAMS);
    uint64_t first = world_start(&w, "exit_with 1");
    world_until(&w, world_path(first, "status"), "exited\n");      /* never waited for */
    for (int i = 0; i < 1023; i++)
        EQ(world_run(&w, "exit_with 2"), 2);
    STR_EQ(world_read(&w, world_path(first, "exitcode")), "1\n");
    EQ(world_run(&w, "exit_with 2"), 2);
    STR_EQ(world_read(&w, world_path(first, "exitcode")), "error 2");
    STR_EQ(world_read(&w, world_path(first + 1, "exitcode")), "2\n");
    EQ(count_of(OBJ_TASK) - w.before[OBJ_TASK], 1 + 1024);
    world_end(&w);
}

TEST(limits_of_tasks_and_memory_hold)
{
    World w = world(PROGRAMS "/bin/breed=test:breed");
    uint64_t id = world_new(&w);
    OK(world_ctl(&w, id, "tasklimit 3\ncmd breed\nstart"));
    EQ(world_wait(&w, id), 2);
    id = world_new(&w);
    OK(world_ctl(&w, id, "memlimit 1M\ncmd put /task/self/ctl 'memlimit 2M'\nstart"));
    EQ(world_wait(&w, id), EPERM);
    id = world_new(&w);
    OK(world_ctl(&w, id, "memlimit 64K\ncmd breed\nstart"));
    TRUE(world_wait(&w, id) < 200);                         /* over its limit of memory long before */
    world_end(&w);
}

/* How many children it may have. */
PROGRAM(breed)
{
    char id[32];
    int n = 0, r;
    while ((r = act_get(a, "/task/new", id, sizeof id)) == 0 && n < 200)
        n++;
    TRUE(r == -EAGAIN || r == -ENOMEM);     /* ENOMEM: not even the file could be opened */
    return n;
}

TEST(a_failed_allocation_leaves_nothing_behind)
{
    World w = world(PROGRAMS "/dir/x=1");
    uint64_t model = world_new(&w);
    OK(world_write(&w, world_path(model, "env"), "A=1\nB=2"));
    OK(world_ctl(&w, model, "remove"));
    int64_t before = count_of(OBJ_TASK), chans = count_of(OBJ_CHAN), accounts = count_of(OBJ_ACCOUNT);
    for (unsigned n = 1; n < 10000; n++) {
        Task *t = NULL;
        int r;
        mem_fail_at(n);
        CALL_RUN(w.call, r, task_new(w.call, w.root, NULL, &t));
        bool through = mem_fail_pending();
        mem_fail_at(0);
        if (r == 0) {
            CALL_RUN(w.call, r, task_remove(w.call, t));
            OK(r);
            task_put(t);
        } else {
            EQ(r, -ENOMEM);
        }
        EQ(count_of(OBJ_TASK), before);
        EQ(count_of(OBJ_CHAN), chans);
        EQ(count_of(OBJ_ACCOUNT), accounts);
        if (through)
            break;
        NE(n, 9999);
    }
    world_end(&w);
}

TEST(a_start_with_a_failed_allocation_can_be_repeated)
{
    World w = world(PROGRAMS);
    uint64_t id = world_new(&w);
    OK(world_ctl(&w, id, "cmd exit_with 6"));
    AUTO_TASK *t = task_find(w.k, id);
    int r = -ENOMEM;
    for (unsigned n = 1; r == -ENOMEM || r == -EAGAIN; n++) {
        mem_fail_at(n);
        CALL_RUN(w.call, r, task_start(w.call, t));
        mem_fail_at(0);
        if (r < 0)
            STR_EQ(world_read(&w, world_path(id, "status")), "stopped\n");
    }
    OK(r);
    EQ(world_wait(&w, id), 6);
    task_put(STEAL(t));
    world_end(&w);
}

PROGRAM(maker)
{
    char text[64], path[128];
    OK(act_get(a, "/task/new", text, sizeof text));
    snprintf(path, sizeof path, "/task/%s/fd/2/ctl", text);
    EQ(act_get(a, path, text, sizeof text), -EBADF);
    return 0;
}

TEST(a_descriptor_beyond_the_limit_is_not_inherited)
{
    World w = world(PROGRAMS "/bin/maker=test:maker");
    uint64_t id = world_new(&w);
    OK(world_ctl(&w, id, "fdlimit 2\ncmd maker\nstart"));
    EQ(world_wait(&w, id), 0);
    world_end(&w);
}

/* ---- vfork ----------------------------------------------------------------------------------------------------------- */

TEST(a_parent_acts_for_its_vfork_child_until_it_starts)
{
    World w = world(PROGRAMS "/dir/x=1 /bin/spawner=test:spawner");
    uint64_t id = world_start(&w, "spawner");
    EQ(world_wait(&w, id), 0);
    STR_EQ(world_read(&w, "/dir/out"), "|args|x");
    world_end(&w);
}

PROGRAM(spawner)
{
    char text[64];
    OK(act_get(a, "/task/new", text, sizeof text));
    STR_EQ(text, "3");
    EQ(act_put(a, "/task/self/ctl", "vfork"), -EPERM);
    OK(act_put(a, "/task/3/ctl", "vfork"));
    EQ(act_put(a, "/task/3/ctl", "vfork"), -EBUSY);
    OK(act_put(a, "/task/self/cwd", "/dir"));
    OK(act_put(a, "/task/self/group", "0"));
    OK(act_put(a, "/task/self/fd/1/ctl", "dup out"));
    EQ(act_open(a, "x", OPEN_READ), 3);                     /* the child's 3 */
    OK(act_close(a, 3));
    OK(act_get(a, "/task/3/cwd", text, sizeof text));
    STR_EQ(text, "/dir");
    OK(act_get(a, "/task/3/group", text, sizeof text));
    STR_EQ(text, "3");
    OK(act_put(a, "/task/3/ctl", "cmd args x\nstart"));
    OK(act_get(a, "/task/self/cwd", text, sizeof text));
    STR_EQ(text, "/");
    OK(act_get(a, "/task/self/group", text, sizeof text));
    STR_EQ(text, "1");
    OK(act_get(a, "/task/3/wait", text, sizeof text));
    STR_EQ(text, "0");
    OK(act_get(a, "/task/new", text, sizeof text));
    OK(act_put(a, "/task/4/ctl", "vfork\nexit 300"));
    OK(act_get(a, "/task/4/wait", text, sizeof text));
    STR_EQ(text, "44");
    EQ(act_put(a, "/task/4/ctl", "exit 1"), -EPERM);
    OK(act_get(a, "/task/new", text, sizeof text));
    OK(act_put(a, "/task/5/ctl", "vfork"));                 /* goes with its parent */
    return 0;
}

/* ---- waiting --------------------------------------------------------------------------------------------------------- */

TEST(waiting_for_what_never_comes_is_refused)
{
    World w = world(PROGRAMS);
    STR_EQ(world_read(&w, "/task/1/wait"), "error 35");     /* EDEADLK */
    uint64_t id = world_start(&w, "get /task/self/wait");
    EQ(world_wait(&w, id), EDEADLK);
    Chan *ch;
    char s[8];
    id = world_new(&w);
    OK(world_open(&w, world_path(id, "wait"), OPEN_READ, &ch));
    EQ(world_try(&w, ch, s, sizeof s), -EAGAIN);
    OK(world_ctl(&w, id, "remove"));
    EQ(world_try(&w, ch, s, sizeof s), -ENOENT);
    OK(world_close(&w, ch));
    EQ(world_ctl(&w, 1, "remove"), -EPERM);
    world_end(&w);
}

TEST(nobody_waits_on_when_a_task_is_removed_unstarted)
{
    World w = world(PROGRAMS);
    uint64_t id = world_new(&w);
    char command[64];
    snprintf(command, sizeof command, "get /task/%d/wait", (int)id);
    uint64_t waiter = world_new(&w);
    OK(world_write(&w, world_path(waiter, "ns/ctl"), "bind /task /task"));
    char line[128];
    snprintf(line, sizeof line, "cmd %s\nstart", command);
    Task *removed = task_find(w.k, id);         /* also while somebody still refers to it */
    TRUE(removed != NULL);
    OK(world_ctl(&w, waiter, line));
    while (atomic_load(&removed->exited.head) == NULL)
        thread_yield();
    OK(world_ctl(&w, id, "remove"));
    EQ(world_wait(&w, waiter), ENOENT);
    task_put(removed);
    world_end(&w);
}

TEST(what_was_removed_unstarted_counts_no_more)
{
    World w = world(PROGRAMS);
    OK(world_ctl(&w, 1, "tasklimit 3"));
    for (int i = 0; i < 10; i++)
        OK(world_ctl(&w, world_new(&w), "remove"));
    world_end(&w);
}

TEST(an_exit_code_is_a_byte)
{
    World w = world(PROGRAMS);
    uint64_t id = world_start(&w, "exit_with 263");
    EQ(world_wait(&w, id), 7);
    STR_EQ(world_read(&w, world_path(id, "exitcode")), "7\n");
    world_end(&w);
}

/* start PATH: makes a child with that program; the errno of its start. */
PROGRAM(starter)
{
    char id[32], ctl[64], line[128];
    snprintf(line, sizeof line, "cmd %s\nstart", act_arg(a, 1));
    int r = act_get(a, "/task/new", id, sizeof id);
    snprintf(ctl, sizeof ctl, "/task/%s/ctl", id);
    return r < 0 ? 99 : -act_put(a, ctl, line);
}

TEST(a_start_that_waits_can_be_killed)
{
    World w = world(PROGRAMS "/bin/starter=test:starter");
    STR_EQ(world_read(&w, "/cap/new/pipe"), "1\n");
    Chan *writer;
    OK(world_open(&w, "/cap/1/w", OPEN_WRITE, &writer));
    uint64_t id = world_new(&w);
    OK(world_write(&w, world_path(id, "ns/ctl"), "bind /cap/1/r /bin/pipe\n"));
    OK(world_ctl(&w, id, "cmd starter /bin/pipe\nstart"));
    char path[64];
    snprintf(path, sizeof path, "/task/%d/task/%d/status", (int)id, (int)id + 1);
    world_until(&w, path, "stopped\n");
    for (int i = 0; i < 1000; i++)
        thread_yield();
    OK(world_ctl(&w, id, "kill 9"));
    EQ(world_wait(&w, id), 137);
    STR_EQ(world_read(&w, world_path(id + 1, "status")), "stopped\n");     /* ours now, and it can still be started */
    OK(world_ctl(&w, id + 1, "cmd exit_with 3\nstart"));
    EQ(world_wait(&w, id + 1), 3);
    OK(world_close(&w, writer));
    world_end(&w);
}

TEST(ten_thousand_tasks_are_small)
{
    World w = world(PROGRAMS);
    AccountSums before, after;
    task_sums(w.root, &before);
    for (int i = 0; i < 10000; i++)
        world_new(&w);
    task_sums(w.root, &after);
    TRUE(sizeof(Task) <= 1024);
    TRUE(after.mem_current - before.mem_current < 10000 * 4096ul);
    STR_EQ(world_read(&w, "/task/10001/status"), "stopped\n");
    world_end(&w);
}

TEST(what_a_thread_moves_is_seen_before_and_after_its_end)
{
    World w = world(PROGRAMS);
    TaskThread th = { .engine = NULL };
    AccountSums sums;
    task_thread_begin(w.root, &th);
    task_io(&th.call, true, 10);
    task_io(&th.call, true, 5);
    task_io(&th.call, false, 7);
    for (int i = 0; i < 2; i++) {
        task_sums(w.root, &sums);
        EQ(sums.wios, 2);
        EQ(sums.wbytes, 15);
        EQ(sums.rios, 1);
        EQ(sums.rbytes, 7);
        if (i == 0)
            task_thread_end(&th);
    }
    world_end(&w);
}

static void starter_thread(void *arg)
{
    World *w = ((void **)arg)[0];
    atomic_uint *left = ((void **)arg)[1];
    Call c;
    int r;
    call_init(&c, w->root);
    for (uint64_t id = 2; id < 22; id++) {
        AUTO_TASK *t = task_find(w->k, id);
        if (t == NULL)
            continue;               /* the other one was here */
        CALL_RUN(&c, r, task_start(&c, t));
        TRUE(r == 0 || r == -EBUSY || r == -ESRCH);
        CALL_RUN(&c, r, task_remove(&c, t));
        TRUE(r == 0 || r == -EBUSY || r == -ENOENT);
    }
    call_destroy(&c);
    atomic_fetch_sub(left, 1);
}

TEST(two_threads_start_and_remove_at_once)
{
    World w = world(PROGRAMS);
    atomic_uint left;
    void *arg[] = { &w, &left };
    atomic_init(&left, 2);
    for (int i = 0; i < 20; i++)
        OK(world_ctl(&w, world_new(&w), "cmd exit_with 1"));
    OK(worker_run(starter_thread, arg, 0));
    starter_thread(arg);
    while (atomic_load(&left) != 0)
        thread_yield();
    world_end(&w);
}

/* ---- what an exit leaves --------------------------------------------------------------------------------------------- */

/* Leaves an unfinished line in a child's ctl, and everything open. */
PROGRAM(careless)
{
    char id[32], ctl[64];
    if (act_get(a, "/task/new", id, sizeof id) < 0)
        return 1;
    snprintf(ctl, sizeof ctl, "/task/%s/ctl", id);
    int fd = act_open(a, ctl, OPEN_WRITE);
    return fd < 0 || act_puts(a, fd, "cmd args z") < 0 ? 1 : 0;
}

TEST(descriptors_are_closed_before_wait_is_answered)
{
    World w = world(PROGRAMS "/bin/careless=test:careless");
    uint64_t left = world_new(&w), right = world_new(&w);
    OK(world_write(&w, world_path(left, "fd/5/ctl"), "pipe 3/fd/0"));
    OK(world_ctl(&w, left, "cmd exit_with 0"));
    OK(world_ctl(&w, right, "cmd listen\nstart"));
    OK(world_ctl(&w, left, "start"));
    EQ(world_wait(&w, left), 0);
    EQ(world_wait(&w, right), 99);                          /* end of file */
    EQ(world_run(&w, "careless"), 0);
    MEM_EQ(world_read(&w, "/task/5/cmdline"), "args\0z\0", 7);
    STR_EQ(world_read(&w, world_path(left, "cwd")), "/\n");
    STR_EQ(world_read(&w, world_path(left, "ns/binds")), "");
    EQ(world_write(&w, world_path(left, "ns/ctl"), "hide /tmp\n"), -ESRCH);
    STR_EQ(world_read(&w, world_path(left, "task/new")), "error 3");
    world_end(&w);
}

TEST(a_child_does_not_get_the_very_file_that_made_it)
{
    World w = world(PROGRAMS);
    OK(world_write(&w, "/task/1/fd/0/ctl", "dup /task/new"));
    FdInfo info;
    char s[8];
    OK(fd_get(w.root->fds, 0, &info));
    EQ(world_get(&w, info.chan, s, sizeof s), 2);
    chan_put(info.chan);
    STR_EQ(world_read(&w, "/task/2/fd/0/ctl"), "path /dev/null\nmode rw\noffset 0\n");
    world_new(&w);                                          /* another open file of it is like any other */
    STR_EQ(world_read(&w, "/task/3/fd/0/ctl"), "path /task/new\nmode r\noffset 2\n");
    OK(world_write(&w, "/task/1/fd/0/ctl", "close"));
    STR_EQ(world_read(&w, world_path(world_new(&w), "fd/0.ctl")), "error 9");
    world_end(&w);
}
