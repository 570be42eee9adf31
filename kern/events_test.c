/* SPDX-License-Identifier: MIT */
/*
 * What a task is told of its children.
 */
#include <stdio.h>
#include <string.h>

#include "kern/life.h"
#include "test/testengine.h"
#include "test/world.h"

PROGRAM(events_exit)
{
    int code = 0;
    sscanf(act_arg(a, 1), "%d", &code);
    return code;
}

PROGRAM(events_sleep)
{
    (void)act_sleep(a, 1000000);
    return 0;
}

#define PROGRAMS "/bin/exit=test:events_exit /bin/sleep=test:events_sleep "

static void until(World *w, Chan *events, const char *text)
{
    char s[512];
    size_t got = 0, n = strlen(text);
    while (got < n) {
        int64_t r = world_get(w, events, s + got, sizeof s - 1 - got);
        OK(r);
        NE(r, 0);
        got += (size_t)r;
    }
    s[got] = '\0';
    STR_EQ(s, text);
}

TEST(a_line_comes_for_each_change_of_a_child)
{
    World w = world(PROGRAMS);
    Chan *events;
    char s[64];
    OK(world_open(&w, "/task/self/events", OPEN_READ, &events));
    EQ(world_try(&w, events, s, sizeof s), -EAGAIN);
    EQ(world_start(&w, "exit 3"), 2);
    until(&w, events, "2 exited 3\n");
    EQ(world_start(&w, "sleep"), 3);
    OK(world_write(&w, "/task/3/ctl", "kill 19"));
    until(&w, events, "3 stopped 19\n");
    OK(world_write(&w, "/task/3/ctl", "kill 19\nkill 18"));
    until(&w, events, "3 continued\n");
    OK(world_write(&w, "/task/3/ctl", "kill TERM"));
    until(&w, events, "3 killed 15\n");
    EQ(world_new(&w), 4);
    OK(world_write(&w, "/task/4/ctl", "remove"));
    EQ(world_try(&w, events, s, sizeof s), -EAGAIN);
    OK(world_close(&w, events));
    EQ(world_write(&w, "/task/self/events", "x"), -EPERM);
    world_end(&w);
}

TEST(each_open_file_is_told_and_nothing_is_lost)
{
    World w = world(PROGRAMS);
    Chan *early, *late;
    char s[64];
    OK(world_open(&w, "/task/1/events", OPEN_READ, &early));
    for (int i = 0; i < 20; i++)
        EQ(world_run(&w, "exit 1"), 1);
    OK(world_open(&w, "/task/1/events", OPEN_READ, &late));
    EQ(world_run(&w, "exit 2"), 2);
    until(&w, late, "22 exited 2\n");
    EQ(world_try(&w, late, s, sizeof s), -EAGAIN);
    for (int i = 0; i < 20; i++) {
        char line[32];
        snprintf(line, sizeof line, "%d exited 1\n", i + 2);
        for (const char *p = line; *p != '\0'; p++) {      /* a byte at a time */
            EQ(world_get(&w, early, s, 1), 1);
            EQ(s[0], *p);
        }
    }
    EQ(world_get(&w, early, s, 5), 5);
    MEM_EQ(s, "22 ex", 5);
    EQ(world_get(&w, early, s, 64), 7);
    OK(world_close(&w, early));
    OK(world_close(&w, late));
    world_end(&w);
}

TEST(reading_an_exit_is_waiting_for_it)
{
    World w = world(PROGRAMS);
    Chan *events;
    OK(world_open(&w, "/task/1/events", OPEN_READ, &events));
    EQ(world_start(&w, "exit 1"), 2);
    until(&w, events, "2 exited 1\n");
    EQ(world_start(&w, "exit 2"), 3);
    until(&w, events, "3 exited 2\n");
    AUTO_TASK *t = task_find(w.k, 3);
    mutex_lock(&w.k->lock);
    TRUE(t->waited);
    EQ(w.root->later_waited, 1);
    mutex_unlock(&w.k->lock);
    EQ(world_wait(&w, 3), 2);
    EQ(world_wait(&w, 2), 1);
    EQ(w.root->later_waited, 1);
    EQ(world_start(&w, "sleep"), 4);
    OK(world_ctl(&w, 4, "kill TERM"));
    until(&w, events, "4 killed 15\n");
    AUTO_TASK *killed = task_find(w.k, 4);
    mutex_lock(&w.k->lock);
    TRUE(killed->waited);
    mutex_unlock(&w.k->lock);
    task_put(STEAL(killed));
    task_put(STEAL(t));
    OK(world_close(&w, events));
    world_end(&w);
}

TEST(a_line_is_not_cut_where_another_one_went_before_it)
{
    World w = world(PROGRAMS);
    Chan *events;
    char s[20];
    OK(world_open(&w, "/task/1/events", OPEN_READ, &events));
    EQ(world_run(&w, "exit 1"), 1);
    EQ(world_run(&w, "exit 2"), 2);
    EQ(world_get(&w, events, s, sizeof s), 11);         /* "2 exited 1\n" */
    EQ(world_get(&w, events, s, sizeof s), 11);
    MEM_EQ(s, "3 exited 2\n", 11);
    OK(world_close(&w, events));
    world_end(&w);
}

TEST(events_of_a_task_end_with_it)
{
    World w = world(PROGRAMS);
    Chan *events, *after;
    char s[8];
    uint64_t id = world_start(&w, "sleep");
    OK(world_open(&w, world_path(id, "events"), OPEN_READ, &events));
    EQ(world_try(&w, events, s, sizeof s), -EAGAIN);
    OK(world_ctl(&w, id, "kill 9"));
    EQ(world_get(&w, events, s, sizeof s), 0);
    OK(world_open(&w, world_path(id, "events"), OPEN_READ, &after));
    EQ(world_get(&w, after, s, sizeof s), 0);
    OK(world_ctl(&w, id, "remove"));
    OK(world_close(&w, events));
    OK(world_close(&w, after));
    world_end(&w);
}

TEST(an_event_without_memory_is_told_once)
{
    World w = world(PROGRAMS);
    Chan *events;
    char s[64];
    uint64_t id = world_start(&w, "sleep");
    OK(world_open(&w, "/task/1/events", OPEN_READ, &events));
    AUTO_TASK *t = task_find(w.k, id);
    mem_fail_at(1);
    events_post(t, "continued", -1);
    mem_fail_at(0);
    events_post(t, "continued", -1);
    until(&w, events, "2 continued\n");
    EQ(world_try(&w, events, s, sizeof s), -ENOMEM);
    EQ(world_try(&w, events, s, sizeof s), -EAGAIN);
    task_put(STEAL(t));
    OK(world_close(&w, events));
    world_end(&w);
}

/* ---- interrupted waits ----------------------------------------------------------------------------------------------- */

typedef struct Reader {
    World *w;
    const char *path;
    Call call;
    Chan *ch;
    atomic_int result;              /* 1: still at it */
} Reader;

static void read_once(void *arg)
{
    Reader *r = arg;
    char s[64];
    int64_t got;
    CALL_RUN(&r->call, got, chan_read_pos(&r->call, r->ch, s, sizeof s));
    atomic_store(&r->result, (int)(got > 0 ? 2 : got));
}

/* Every wait of a file of /task ends with an interrupt, and has taken nothing. */
TEST(an_interrupted_read_has_taken_nothing)
{
    static const char *const paths[] = { "/task/1/events", "/task/2/wait", "/task/2/fd/1" };
    World w = world(PROGRAMS);
    EQ(world_start(&w, "sleep"), 2);
    for (unsigned i = 0; i < LEN(paths); i++) {
        Reader r = { .w = &w, .path = paths[i] };
        atomic_init(&r.result, 1);
        call_init(&r.call, w.root);
        OK(world_open(&w, paths[i], OPEN_READ, &r.ch));
        OK(worker_run(read_once, &r, 0));
        while (atomic_load(&r.result) == 1) {
            mutex_lock(&w.root->lock);
            for (Call *c = w.root->waiting; c != NULL; c = c->next)
                if (c == &r.call)
                    call_interrupt(c);
            mutex_unlock(&w.root->lock);
            thread_yield();
        }
        EQ(atomic_load(&r.result), -EINTR);
        call_destroy(&r.call);
        if (i == 0) {
            OK(world_write(&w, "/task/2/ctl", "kill 19\nkill 18"));
            until(&w, r.ch, "2 stopped 19\n2 continued\n");
        }
        OK(world_close(&w, r.ch));
    }
    OK(world_write(&w, "/task/2/ctl", "kill 9"));
    EQ(world_wait(&w, 2), 137);
    world_end(&w);
}
