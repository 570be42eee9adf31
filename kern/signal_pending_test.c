/* SPDX-License-Identifier: MIT */
/*
 * Signals that wait to be read, and those that the kernel sends.
 */
#include <stdio.h>
#include <string.h>

#include "kern/life.h"
#include "test/names.h"
#include "test/testengine.h"

PROGRAM(pending_exit)
{
    (void)a;
    return 3;
}

PROGRAM(pending_spin)
{
    while (act_on(a)) {
    }
    return 0;
}

/* A task that was not started and reads its signals. */
typedef struct Catcher {
    Task *t;
    Call call;
} Catcher;

static void catcher_begin(Catcher *x, Task *t)
{
    x->t = t;
    call_init(&x->call, t);
    call_begin(&x->call);
    OK(signal_open(&x->call, t));
}

static void catcher_end(Catcher *x)
{
    signal_close(x->t);
    call_end(&x->call);
    call_destroy(&x->call);
    task_put(x->t);
}

/* The next signal to read, or 0. */
static int next_signal(Catcher *x)
{
    int signal;
    int r = signal_take(&x->call, x->t, &signal, true);
    EQ(r < 0 ? -r : 0, r < 0 ? EAGAIN : 0);
    return r < 0 ? 0 : signal;
}

TEST(a_stop_and_a_continue_cancel_each_other)
{
    World w = world("");
    Catcher x;
    catcher_begin(&x, names_task(&w));
    task_signal(x.t, SIG_TSTP);
    task_signal(x.t, SIG_CONT);
    EQ(next_signal(&x), SIG_CONT);
    EQ(next_signal(&x), 0);
    task_signal(x.t, SIG_CONT);
    task_signal(x.t, SIG_TTIN);
    EQ(next_signal(&x), SIG_TTIN);
    EQ(next_signal(&x), 0);
    task_signal(x.t, SIG_CONT);
    task_signal(x.t, SIG_STOP);                 /* which cannot be read */
    EQ(next_signal(&x), 0);
    catcher_end(&x);
    world_end(&w);
}

TEST(what_is_ignored_from_now_on_is_not_read_any_more)
{
    World w = world("");
    Catcher x;
    catcher_begin(&x, names_task(&w));
    task_signal(x.t, SIG_HUP);
    task_signal(x.t, SIG_TERM);
    OK(task_set_ignored(&x.call, x.t, UINT32_C(1) << SIG_HUP));
    EQ(next_signal(&x), SIG_TERM);
    EQ(next_signal(&x), 0);
    EQ(atomic_load(&x.t->eintr), 0);
    catcher_end(&x);
    world_end(&w);
}

TEST(a_parent_has_a_signal_for_each_change_of_a_child)
{
    World w = world("/bin/exit=test:pending_exit /bin/spin=test:pending_spin");
    Catcher x;
    Task *t = names_task(&w);
    names_be(&w, t);
    catcher_begin(&x, t);
    EQ(world_run(&w, "exit"), 3);
    /* The answer to `wait` comes before the signal. */
    int signal;
    while ((signal = next_signal(&x)) == 0)
        thread_yield();
    EQ(signal, SIG_CHLD);
    uint64_t id = world_start(&w, "spin");
    EQ(next_signal(&x), 0);
    OK(world_ctl(&w, id, "kill STOP"));
    EQ(next_signal(&x), SIG_CHLD);
    OK(world_ctl(&w, id, "kill CONT"));
    EQ(next_signal(&x), SIG_CHLD);
    OK(world_ctl(&w, id, "kill KILL"));
    EQ(world_wait(&w, id), 137);
    names_be(&w, w.root);
    catcher_end(&x);
    world_end(&w);
}

/* ---- vfork ------------------------------------------------------------------------------------------------------------- */

PROGRAM(pending_vfork)
{
    char id[32], path[64], text[64];
    OK(act_get(a, "/task/new", id, sizeof id));
    snprintf(path, sizeof path, "/task/%s/ctl", id);
    OK(act_put(a, path, "vfork"));
    OK(act_put(a, path, "remove"));
    OK(act_put(a, "/task/self/cwd", "/d"));     /* its own again */
    OK(act_get(a, "/task/self/cwd", text, sizeof text));
    STR_EQ(text, "/d");
    return 0;
}

TEST(a_vfork_child_that_is_removed_gives_the_parent_back)
{
    World w = world("/d/ /bin/vfork=test:pending_vfork");
    EQ(world_run(&w, "vfork"), 0);
    world_end(&w);
}
