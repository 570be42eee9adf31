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

PROGRAM(say)
{
    (void)act_puts(a, 1, act_arg(a, 1));
    return 0;
}

#define PROGRAMS "/bin/exit_with=test:exit_with /bin/spin=test:spin /bin/say=test:say "

TEST(a_task_is_made_configured_started_waited_for_and_removed)
{
    World w = world(PROGRAMS);
    uint64_t id = world_new(&w);
    EQ(id, 2);
    STR_EQ(world_read(&w, "/task/2/status"), "stopped\n");
    STR_EQ(world_read(&w, "/task/2/exitcode"), "");
    OK(world_write(&w, "/task/2/ctl", "cmd exit_with 7\n"));
    STR_EQ(world_read(&w, "/task/2/cmdline"), "exit_with");
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
