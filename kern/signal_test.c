/* SPDX-License-Identifier: MIT */
/*
 * Signals: what they do to programs that compute, that wait, that read them; to trees and groups.
 */
#include <stdio.h>
#include <string.h>

#include "kern/life.h"
#include "test/testengine.h"
#include "test/world.h"

PROGRAM(signal_spin)
{
    while (act_on(a)) {
    }
    return 0;
}

/* Reads its descriptor 0. */
PROGRAM(signal_read)
{
    char byte;
    int64_t r = act_read(a, 0, &byte, 1);
    return r < 0 ? (int)-r : (int)r;
}

/* Waits for the file of its first word. */
PROGRAM(signal_wait)
{
    char path[128], text[64];
    snprintf(path, sizeof path, "%s", act_arg(a, 1));
    int r = act_get(a, path, text, sizeof text);
    return r < 0 ? -r : 0;
}

PROGRAM(signal_sleep)
{
    (void)act_sleep(a, 1000000);
    return 1;
}

/* Counts in descriptor 1 as fast as it may. */
PROGRAM(signal_count)
{
    while (act_puts(a, 1, ".") == 0 && act_sleep(a, 1) == 0) {
    }
    return 0;
}

#define PROGRAMS                                                                                                       \
    "/bin/spin=test:signal_spin /bin/read=test:signal_read /bin/wait=test:signal_wait /bin/sleep=test:signal_sleep "   \
    "/bin/count=test:signal_count "

static uint64_t start_with_pipe(World *w, const char *command, Chan **writer)
{
    uint64_t id = world_new(w);
    char line[256];
    OK(world_open(w, world_path(id, "fd/0"), OPEN_WRITE, writer));
    snprintf(line, sizeof line, "cmd %s\nstart", command);
    OK(world_ctl(w, id, line));
    return id;
}

static void a_little(void)
{
    uint64_t end = clock_now(CLOCK_MONO) + 3000000;
    while (clock_now(CLOCK_MONO) < end)
        thread_yield();
}

TEST(numbers_and_names)
{
    EQ(signal_number("9"), 9);
    EQ(signal_number("KILL"), 9);
    EQ(signal_number("SIGTERM"), 15);
    EQ(signal_number("0"), 0);
    EQ(signal_number("31"), 31);
    EQ(signal_number("32"), -EINVAL);
    EQ(signal_number("term"), -EINVAL);
    EQ(signal_number(""), -EINVAL);
    EQ(signal_number("SIG"), -EINVAL);
    for (int i = 1; i < SIGNAL_COUNT; i++)
        EQ(signal_number(signal_name(i)), i);
}

TEST(kill_ends_what_computes_and_what_waits)
{
    World w = world(PROGRAMS);
    static const char *const commands[] = { "spin", "sleep", "wait /task/1/wait" };
    for (unsigned i = 0; i < 3; i++) {
        uint64_t id = world_new(&w);
        OK(world_write(&w, world_path(id, "ns/ctl"), "bind /task /task"));
        char line[128];
        snprintf(line, sizeof line, "cmd %s\nstart", commands[i]);
        OK(world_ctl(&w, id, line));
        a_little();
        OK(world_ctl(&w, id, "kill 0"));
        OK(world_ctl(&w, id, "kill KILL"));
        EQ(world_wait(&w, id), 137);
        EQ(world_ctl(&w, id, "kill 9"), -ESRCH);
        EQ(world_ctl(&w, id, "kill 0"), -ESRCH);
    }
    Chan *pipe;
    uint64_t id = start_with_pipe(&w, "read", &pipe);
    a_little();
    OK(world_ctl(&w, id, "kill TERM"));
    EQ(world_wait(&w, id), 143);
    OK(world_close(&w, pipe));
    EQ(world_ctl(&w, 1, "kill 9"), -EPERM);
    EQ(world_ctl(&w, 1, "kill 9 tree"), -EPERM);
    EQ(world_ctl(&w, id, "kill 32"), -EINVAL);
    EQ(world_ctl(&w, id, "kill NONE"), -EINVAL);
    EQ(world_ctl(&w, id, "kill"), -EINVAL);
    world_end(&w);
}

/* A tap of a task that never writes. */
TEST(kill_ends_who_waits_in_a_tap)
{
    World w = world(PROGRAMS);
    uint64_t quiet = world_start(&w, "sleep");
    uint64_t id = world_new(&w);
    OK(world_write(&w, world_path(id, "ns/ctl"), "bind /task /task"));
    char line[128];
    snprintf(line, sizeof line, "cmd wait /task/%d/fd/1\nstart", (int)quiet);
    OK(world_ctl(&w, id, line));
    a_little();
    STR_EQ(world_read(&w, world_path(id, "exitcode")), "");
    OK(world_ctl(&w, id, "kill 9"));
    EQ(world_wait(&w, id), 137);
    world_end(&w);
}

TEST(default_actions)
{
    World w = world(PROGRAMS);
    uint64_t id = world_start(&w, "sleep");
    OK(world_ctl(&w, id, "kill CHLD\nkill URG\nkill WINCH\nkill CONT"));
    STR_EQ(world_read(&w, world_path(id, "status")), "running\n");
    OK(world_ctl(&w, id, "kill TSTP"));
    STR_EQ(world_read(&w, world_path(id, "status")), "stopped\n");
    OK(world_ctl(&w, id, "kill TSTP\nkill CONT"));
    STR_EQ(world_read(&w, world_path(id, "status")), "running\n");
    OK(world_ctl(&w, id, "kill USR1"));
    EQ(world_wait(&w, id), 128 + 10);
    id = world_new(&w);
    OK(world_ctl(&w, id, "kill STOP\nkill CONT\nkill CHLD"));
    STR_EQ(world_read(&w, world_path(id, "status")), "stopped\n");
    OK(world_ctl(&w, id, "kill 15"));                       /* one that never started ends too */
    EQ(world_wait(&w, id), 143);
    STR_EQ(world_read(&w, world_path(id, "status")), "exited\n");
    EQ(world_ctl(&w, id, "start"), -ESRCH);
    world_end(&w);
}

TEST(ignored_signals_do_nothing)
{
    World w = world(PROGRAMS);
    uint64_t id = world_new(&w);
    EQ(world_ctl(&w, id, "ignore 9"), -EINVAL);
    EQ(world_ctl(&w, id, "ignore STOP"), -EINVAL);
    EQ(world_ctl(&w, id, "ignore 0"), -EINVAL);
    OK(world_ctl(&w, id, "ignore HUP TERM 20\ncmd sleep\nstart"));
    OK(world_ctl(&w, id, "kill HUP\nkill TERM\nkill TSTP"));
    STR_EQ(world_read(&w, world_path(id, "status")), "running\n");
    EQ(world_ctl(&w, id, "ignore"), -EBUSY);
    OK(world_ctl(&w, id, "kill INT"));
    EQ(world_wait(&w, id), 130);
    world_end(&w);
}

TEST(a_paused_task_does_nothing_until_it_goes_on)
{
    World w = world(PROGRAMS);
    uint64_t id = world_start(&w, "count");
    Chan *tap;
    char s[4096];
    OK(world_open(&w, world_path(id, "fd/1"), OPEN_READ | OPEN_NONBLOCK, &tap));
    while (world_get(&w, tap, s, sizeof s) <= 0)
        thread_yield();
    OK(world_ctl(&w, id, "kill 19"));
    STR_EQ(world_read(&w, world_path(id, "status")), "stopped\n");
    a_little();                                             /* a write under way may still come */
    while (world_get(&w, tap, s, sizeof s) > 0) {
    }
    a_little();
    EQ(world_get(&w, tap, s, sizeof s), -EAGAIN);
    OK(world_ctl(&w, id, "kill 18"));
    while (world_get(&w, tap, s, sizeof s) <= 0)
        thread_yield();
    OK(world_ctl(&w, id, "kill 19\nkill 9"));               /* a paused one dies as fast */
    EQ(world_wait(&w, id), 137);
    OK(world_close(&w, tap));
    world_end(&w);
}

TEST(a_pause_holds_a_read_that_has_its_byte)
{
    World w = world(PROGRAMS);
    Chan *pipe;
    uint64_t id = start_with_pipe(&w, "read", &pipe);
    a_little();
    OK(world_ctl(&w, id, "kill STOP"));
    OK(world_put(&w, pipe, "x"));
    a_little();
    STR_EQ(world_read(&w, world_path(id, "status")), "stopped\n");
    OK(world_ctl(&w, id, "kill CONT"));
    EQ(world_wait(&w, id), 1);
    OK(world_close(&w, pipe));
    world_end(&w);
}

/* ---- read by the task itself ------------------------------------------------------------------------------------------ */

/* Says what it reads until TERM comes. */
PROGRAM(signal_catch)
{
    char line[32];
    int fd = act_open(a, "/task/self/signal", OPEN_READ);
    if (fd < 0)
        return -fd;
    EQ(act_open(a, "/task/self/signal", OPEN_READ), -EBUSY);
    (void)act_puts(a, 1, "ready\n");
    for (;;) {
        int64_t n = act_read(a, fd, line, sizeof line - 1);
        if (n <= 0)
            return 99;
        line[n] = '\0';
        if (act_puts(a, 1, line) < 0)
            return 98;
        if (strcmp(line, "15 TERM\n") == 0)
            return 7;
    }
}

static void read_exactly(World *w, Chan *ch, const char *text)
{
    char s[256];
    size_t got = 0, n = strlen(text);
    while (got < n) {
        int64_t r = world_get(w, ch, s + got, n - got);
        OK(r);
        NE(r, 0);
        got += (size_t)r;
    }
    s[got] = '\0';
    STR_EQ(s, text);
}

TEST(signals_are_read_by_who_opened_the_file)
{
    World w = world(PROGRAMS "/bin/catch=test:signal_catch");
    uint64_t id = world_start(&w, "catch");
    Chan *tap;
    OK(world_open(&w, world_path(id, "fd/1"), OPEN_READ, &tap));
    read_exactly(&w, tap, "ready\n");
    STR_EQ(world_read(&w, world_path(id, "signal")), "error 1");
    OK(world_ctl(&w, id, "kill HUP"));
    read_exactly(&w, tap, "1 HUP\n");
    OK(world_ctl(&w, id, "kill CHLD"));
    read_exactly(&w, tap, "17 CHLD\n");
    OK(world_ctl(&w, id, "kill STOP"));                     /* cannot be caught */
    STR_EQ(world_read(&w, world_path(id, "status")), "stopped\n");
    OK(world_ctl(&w, id, "kill INT\nkill INT\nkill CONT"));
    read_exactly(&w, tap, "2 INT\n18 CONT\n");
    OK(world_ctl(&w, id, "kill TERM"));
    read_exactly(&w, tap, "15 TERM\n");
    EQ(world_wait(&w, id), 7);
    OK(world_close(&w, tap));
    world_end(&w);
}

static atomic_bool reader_runs;

static int reads_zero(Actor *a)
{
    char byte;
    atomic_store(&reader_runs, true);
    int64_t r = act_read(a, 0, &byte, 1);
    char text[32];
    snprintf(text, sizeof text, "read %d\n", (int)r);
    (void)act_puts(a, 1, text);
    return 0;
}

PROGRAM(signal_threads)
{
    char line[32];
    int fd = act_open(a, "/task/self/signal", OPEN_READ);
    OK(act_thread(a, reads_zero));
    while (!atomic_load(&reader_runs))          /* a Worker of the page takes its time */
        thread_yield();
    (void)act_puts(a, 1, "ready\n");
    int64_t n = act_read(a, fd, line, sizeof line - 1);     /* woken, not interrupted */
    (void)act_puts(a, 1, n == 8 ? "read +8\n" : "read ??\n");
    (void)act_sleep(a, 1000000);
    return 0;
}

TEST(an_unread_signal_interrupts_all_other_waits)
{
    World w = world(PROGRAMS "/bin/threads=test:signal_threads");
    Chan *pipe, *tap;
    uint64_t id = start_with_pipe(&w, "threads", &pipe);
    OK(world_open(&w, world_path(id, "fd/1"), OPEN_READ, &tap));
    read_exactly(&w, tap, "ready\n");
    a_little();
    OK(world_ctl(&w, id, "kill USR1"));
    char s[32] = "";
    for (int64_t got = 0, n; got < 16; got += n) {
        n = world_get(&w, tap, s + got, (size_t)(16 - got));
        TRUE(n > 0);
    }
    TRUE(strstr(s, "read -4\n") != NULL && strstr(s, "read +8\n") != NULL);
    OK(world_ctl(&w, id, "kill 9"));
    EQ(world_wait(&w, id), 137);
    OK(world_close(&w, tap));
    OK(world_close(&w, pipe));
    world_end(&w);
}

PROGRAM(signal_unread)
{
    int fd = act_open(a, "/task/self/signal", OPEN_READ);
    (void)act_puts(a, 1, "ready\n");
    while (act_on(a) && atomic_load(&a->task->eintr) == 0) {
    }
    (void)act_close(a, fd);
    while (act_on(a)) {
    }
    return 0;
}

TEST(what_was_not_read_takes_its_default_action)
{
    World w = world(PROGRAMS "/bin/unread=test:signal_unread");
    uint64_t id = world_start(&w, "unread");
    Chan *tap;
    OK(world_open(&w, world_path(id, "fd/1"), OPEN_READ, &tap));
    read_exactly(&w, tap, "ready\n");
    OK(world_ctl(&w, id, "kill HUP"));
    EQ(world_wait(&w, id), 129);
    OK(world_close(&w, tap));
    world_end(&w);
}

/* ---- trees and groups -------------------------------------------------------------------------------------------------- */

/* Makes children of its own kind without end. */
PROGRAM(signal_bomb)
{
    char id[32], path[64];
    while (act_on(a)) {
        if (act_get(a, "/task/new", id, sizeof id) < 0)
            continue;
        snprintf(path, sizeof path, "/task/%s/ctl", id);
        (void)act_put(a, path, "cmd bomb\nstart");
    }
    return 0;
}

TEST(kill_tree_ends_a_fork_bomb)
{
    World w = world("/bin/bomb=test:signal_bomb");
    uint64_t id = world_new(&w);
    OK(world_ctl(&w, id, "tasklimit 100\ncmd bomb\nstart"));
    while (count_of(OBJ_TASK) - w.before[OBJ_TASK] < 90)
        thread_yield();
    OK(world_ctl(&w, id, "kill 9 tree"));
    EQ(world_wait(&w, id), 137);
    /* Whoever outlived its parent for a moment was adopted, dying. */
    mutex_lock(&w.k->lock);
    while (w.k->running > 0)
        cond_wait(&w.k->quiet, &w.k->lock);
    mutex_unlock(&w.k->lock);
    world_end(&w);
}

PROGRAM(signal_family)
{
    char id[32], path[64];
    for (int i = 0; i < 3; i++) {
        if (act_get(a, "/task/new", id, sizeof id) < 0)
            return 1;               /* being killed */
        snprintf(path, sizeof path, "/task/%s/ctl", id);
        if (act_put(a, path, i == 2 ? "cmd sleep" : "cmd sleep\nstart") < 0)
            return 1;
    }
    (void)act_puts(a, 1, "ready\n");
    (void)act_sleep(a, 1000000);
    return 0;
}

TEST(kill_tree_takes_all_below_started_or_not)
{
    World w = world(PROGRAMS "/bin/family=test:signal_family");
    uint64_t id = world_start(&w, "family");
    EQ(id, 2);
    Chan *tap, *events;
    OK(world_open(&w, "/task/2/fd/1", OPEN_READ, &tap));
    OK(world_open(&w, "/task/2/events", OPEN_READ, &events));
    read_exactly(&w, tap, "ready\n");
    OK(world_write(&w, "/task/2/ctl", "kill TERM tree"));
    EQ(world_wait(&w, 2), 143);
    char lines[256] = "";
    for (size_t got = 0; strchr(lines, '\0') - lines < 3 * 13; got = strlen(lines)) {
        int64_t n = world_get(&w, events, lines + got, sizeof lines - 1 - got);
        OK(n);
        if (n == 0)
            break;
    }
    OK(world_close(&w, tap));
    OK(world_close(&w, events));
    world_end(&w);
}

TEST(kill_group_reaches_the_group_and_no_further_than_the_view)
{
    World w = world(PROGRAMS);
    uint64_t a = world_start(&w, "sleep"), b = world_start(&w, "sleep"), other = world_start(&w, "sleep");
    EQ(world_write(&w, world_path(b, "group"), "12345"), -EPERM);
    OK(world_write(&w, world_path(a, "group"), "0"));
    char text[32];
    snprintf(text, sizeof text, "%d\n", (int)a);
    OK(world_write(&w, world_path(b, "group"), text));
    STR_EQ(world_read(&w, world_path(b, "group")), text);
    STR_EQ(world_read(&w, world_path(other, "group")), "1\n");
    OK(world_ctl(&w, a, "kill TERM group"));
    EQ(world_wait(&w, a), 143);
    EQ(world_wait(&w, b), 143);
    STR_EQ(world_read(&w, world_path(other, "status")), "running\n");
    EQ(world_ctl(&w, other, "kill 0 both"), -EINVAL);
    world_end(&w);
}

/* Kills its group, which it shares with its parent and its brothers. */
PROGRAM(signal_suicide)
{
    (void)act_put(a, "/task/self/ctl", "kill 9 group");
    return 0;
}

TEST(a_task_cannot_signal_those_above_it)
{
    World w = world(PROGRAMS "/bin/suicide=test:signal_suicide");
    uint64_t brother = world_start(&w, "sleep"), id = world_start(&w, "suicide");
    EQ(world_wait(&w, id), 137);
    AUTO_TASK *t = task_find(w.k, brother);
    TRUE(!task_killed(t));                      /* a status may be late */
    STR_EQ(world_read(&w, world_path(brother, "status")), "running\n");
    task_put(STEAL(t));
    world_end(&w);
}

/* ---- many at once ------------------------------------------------------------------------------------------------------ */

typedef struct Killers {
    World *w;
    uint64_t id;
    atomic_uint left;
    const char *line;
} Killers;

static void killer(void *arg)
{
    Killers *k = arg;
    Call c;
    AUTO_TASK *t = task_find(k->w->k, k->id);
    int r;
    call_init(&c, k->w->root);
    for (int i = 0; i < 50; i++) {
        CALL_RUN(&c, r, task_kill(&c, t, i % 2 ? SIG_CONT : SIG_STOP, i % 3 ? KILL_ONE : KILL_TREE));
        TRUE(r == 0 || r == -ESRCH);
    }
    CALL_RUN(&c, r, task_kill(&c, t, SIG_KILL, KILL_TREE));
    TRUE(r == 0 || r == -ESRCH);
    call_destroy(&c);
    atomic_fetch_sub(&k->left, 1);
}

TEST(two_threads_kill_at_once)
{
    World w = world(PROGRAMS "/bin/family=test:signal_family");
    for (int i = 0; i < 10; i++) {
        Killers k = { .w = &w, .id = world_start(&w, i % 2 ? "family" : "spin") };
        atomic_init(&k.left, 3);
        OK(worker_run(killer, &k, 0));
        OK(worker_run(killer, &k, 0));
        killer(&k);
        EQ(world_wait(&w, k.id), 137);
        while (atomic_load(&k.left) != 0)
            thread_yield();
    }
    world_end(&w);
}
