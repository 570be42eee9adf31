/* SPDX-License-Identifier: MIT */
/*
 * WASI calls in the life of a task: programs of the test engine that see the kernel only as WASI shows it.
 */
#include <stdio.h>
#include <string.h>

#include "engine/wasi.h"
#include "test/testengine.h"
#include "test/world.h"

#define MS UINT64_C(1000000)
#define MEMORY 65536

/* A program's memory, and one thread of it. */
typedef struct Prog {
    Wasi wasi;
    WasiThread w;
    uint8_t memory[MEMORY];
} Prog;

/* What WASI answers; negative when the program is to end. */
#define W(p, name, ...)                                                                                                \
    ({                                                                                                                 \
        int32_t r_;                                                                                                    \
        WASI_RUN(&(p)->w, r_, wasi_##name(&(p)->w, ##__VA_ARGS__));                                                    \
        r_;                                                                                                            \
    })

enum { RESULT = 0, IOV = 16, SUBS = 64, EVENTS = 256, PATH = 512, DATA = 1024, SPACE = 4096 };

static void set(Prog *p, uint32_t at, unsigned bytes, uint64_t v)
{
    Cursor c = cursor_over(p->memory + at, bytes);
    cursor_put(&c, bytes, v);
}

static uint32_t get(Prog *p, uint32_t at)
{
    Cursor c = cursor_over(p->memory + at, 4);
    return (uint32_t)cursor_get(&c, 4);
}

static void start(Prog *p, Actor *a)
{
    memset(p, 0, sizeof *p);
    OK(wasi_begin(&p->wasi, a->task, &a->thread));
    p->w = (WasiThread){ .wasi = &p->wasi, .thread = &a->thread, .guest = { .base = p->memory, .len = MEMORY } };
}

/* From the preopen `/`. The number, or minus the errno. */
static int open_path(Prog *p, const char *path, uint64_t rights)
{
    strcpy((char *)p->memory + PATH, path + 1);
    int32_t r = W(p, path_open, 3, WASI_FOLLOW, PATH, (uint32_t)strlen(path) - 1, 0, rights, 0, 0, RESULT);
    return r != 0 ? -r : (int)get(p, RESULT);
}

static int32_t read_fd(Prog *p, int fd)
{
    memset(p->memory + DATA, 0, SPACE);
    set(p, IOV, 4, DATA);
    set(p, IOV + 4, 4, SPACE - 1);
    return W(p, fd_read, (uint32_t)fd, IOV, 1, RESULT);
}

static int32_t write_fd(Prog *p, int fd, const char *text)
{
    strcpy((char *)p->memory + DATA, text);
    set(p, IOV, 4, DATA);
    set(p, IOV + 4, 4, strlen(text));
    return W(p, fd_write, (uint32_t)fd, IOV, 1, RESULT);
}

/* Whole files. */
static const char *text_of(Prog *p, const char *path)
{
    int fd = open_path(p, path, RIGHT_FD_READ);
    if (fd < 0)
        return "none";
    EQ(read_fd(p, fd), 0);
    EQ(W(p, fd_close, (uint32_t)fd), 0);
    return (char *)p->memory + DATA;
}

static void put_text(Prog *p, const char *path, const char *text)
{
    int fd = open_path(p, path, RIGHT_FD_WRITE);
    OK(fd);
    int32_t r = write_fd(p, fd, text);
    TRUE(r == 0 || r == WASI_END);          /* who waits for the text may kill as soon as it is there */
    r = W(p, fd_close, (uint32_t)fd);
    TRUE(r == 0 || r == WASI_END);
}

static void sub_clock(Prog *p, unsigned i, uint64_t timeout)
{
    memset(p->memory + SUBS + 48 * i, 0, 48);
    set(p, SUBS + 48 * i + 8, 1, WASI_EVENT_CLOCK);
    set(p, SUBS + 48 * i + 16, 4, WASI_CLOCK_MONOTONIC);
    set(p, SUBS + 48 * i + 24, 8, timeout);
}

static void sub_read(Prog *p, unsigned i, int fd)
{
    memset(p->memory + SUBS + 48 * i, 0, 48);
    set(p, SUBS + 48 * i, 8, 70 + i);
    set(p, SUBS + 48 * i + 8, 1, WASI_EVENT_READ);
    set(p, SUBS + 48 * i + 16, 4, (uint64_t)fd);
}

#define PROGRAMS                                                                                                       \
    "/bin/sleeper='test:wasi_sleeper' /bin/listener='test:wasi_listener' /bin/raiser='test:wasi_raiser' "              \
    "/bin/exiter='test:wasi_exiter' /bin/parent='test:wasi_parent' /bin/vforker='test:wasi_vforker' "                  \
    "/bin/crowd='test:wasi_crowd' /bin/catter='test:wasi_catter' "

/* ---- the end ---------------------------------------------------------------------------------------------------- */

static atomic_int sleeper_result;

PROGRAM(wasi_sleeper)
{
    static Prog p;
    start(&p, a);
    sub_clock(&p, 0, 60000 * MS);
    put_text(&p, "/ready", "yes");
    atomic_store(&sleeper_result, W(&p, poll_oneoff, SUBS, EVENTS, 1, RESULT));
    return 0;
}

TEST(a_kill_ends_a_poll)
{
    World w = world(PROGRAMS "/ready=");
    uint64_t id = world_start(&w, "sleeper");
    world_until(&w, "/ready", "yes");
    OK(world_ctl(&w, id, "kill 9"));
    EQ(world_wait(&w, id), 137);
    EQ(atomic_load(&sleeper_result), WASI_END);
    world_end(&w);
}

PROGRAM(wasi_raiser)
{
    static Prog p;
    start(&p, a);
    EQ(W(&p, proc_raise, 16), 0);           /* CHLD is ignored */
    EQ(W(&p, proc_raise, 15), WASI_END);
    return 0;
}

TEST(a_program_raises_a_signal)
{
    World w = world(PROGRAMS);
    EQ(world_run(&w, "raiser"), 143);
    world_end(&w);
}

PROGRAM(wasi_exiter)
{
    static Prog p;
    start(&p, a);
    EQ(W(&p, proc_exit, 263), WASI_EXIT);
    EQ(W(&p, sched_yield), WASI_END);
    return 99;
}

TEST(a_program_exits)
{
    World w = world(PROGRAMS);
    EQ(world_run(&w, "exiter"), 7);
    world_end(&w);
}

/* Threads of one program, of which one ends all. */
static Prog crowd;

static int crowd_waits(Actor *a)
{
    static atomic_uint next;
    static struct {
        WasiThread w;
        uint8_t memory[512];
    } one[4];
    unsigned i = atomic_fetch_add(&next, 1);
    Prog *p = &crowd;
    WasiThread *w = &one[i].w;
    *w = (WasiThread){ .wasi = &p->wasi, .thread = &a->thread, .guest = { .base = p->memory, .len = MEMORY } };
    int32_t r;
    WASI_RUN(w, r, wasi_poll_oneoff(w, SUBS, EVENTS + 32 * i, 1, 512 + 4 * i));
    EQ(r, WASI_END);
    return 0;
}

PROGRAM(wasi_crowd)
{
    start(&crowd, a);
    sub_clock(&crowd, 0, 60000 * MS);
    for (int i = 0; i < 4; i++)
        OK(act_thread(a, crowd_waits));
    EQ(W(&crowd, proc_exit, 5), WASI_EXIT);
    return 0;
}

TEST(one_thread_ends_the_waits_of_all)
{
    World w = world(PROGRAMS);
    EQ(world_run(&w, "crowd"), 5);
    world_end(&w);
}

/* ---- signals and children --------------------------------------------------------------------------------------- */

PROGRAM(wasi_listener)
{
    static Prog p;
    start(&p, a);
    int fd = open_path(&p, "/task/self/signal", RIGHT_FD_READ | RIGHT_POLL_FD_READWRITE);
    OK(fd);
    put_text(&p, "/ready", "yes");
    sub_read(&p, 0, fd);
    sub_clock(&p, 1, 60000 * MS);
    EQ(W(&p, poll_oneoff, SUBS, EVENTS, 2, RESULT), 0);
    EQ(get(&p, RESULT), 1);
    EQ(get(&p, EVENTS), 70);
    /* While it is unread nothing else waits. */
    sub_clock(&p, 0, 60000 * MS);
    EQ(W(&p, poll_oneoff, SUBS, EVENTS, 1, RESULT), WASI_EINTR);
    EQ(read_fd(&p, fd), 0);
    STR_EQ((char *)p.memory + DATA, "15 TERM\n");
    sub_clock(&p, 0, 5 * MS);
    EQ(W(&p, poll_oneoff, SUBS, EVENTS, 1, RESULT), 0);
    return 3;
}

TEST(a_signal_is_polled_for_and_read)
{
    World w = world(PROGRAMS "/ready=");
    uint64_t id = world_start(&w, "listener");
    world_until(&w, "/ready", "yes");
    OK(world_ctl(&w, id, "kill TERM"));
    EQ(world_wait(&w, id), 3);
    world_end(&w);
}

PROGRAM(wasi_catter)
{
    static Prog p;
    start(&p, a);
    while (read_fd(&p, 0) == 0 && get(&p, RESULT) > 0) {
        char line[SPACE];
        strcpy(line, (char *)p.memory + DATA);
        EQ(write_fd(&p, 1, line), 0);
    }
    return 4;
}

/* Makes a child, feeds it through a pipe, reads what it writes by a tap, waits for it. */
PROGRAM(wasi_parent)
{
    static Prog p;
    start(&p, a);
    char id[16], path[64];
    snprintf(id, sizeof id, "%.*s", (int)strcspn(text_of(&p, "/task/new"), "\n"), (char *)p.memory + DATA);
    snprintf(path, sizeof path, "/task/%s/fd/0", id);
    int in = open_path(&p, path, RIGHT_FD_WRITE);
    OK(in);
    snprintf(path, sizeof path, "/task/%s/fd/1/ctl", id);
    put_text(&p, path, "dup /out\n");
    snprintf(path, sizeof path, "/task/%s/fd/1", id);
    int tap = open_path(&p, path, RIGHT_FD_READ | RIGHT_POLL_FD_READWRITE);
    OK(tap);
    snprintf(path, sizeof path, "/task/%s/ctl", id);
    put_text(&p, path, "cmd catter\nstart\n");
    EQ(write_fd(&p, in, "through a pipe"), 0);
    sub_read(&p, 0, tap);
    sub_clock(&p, 1, 60000 * MS);
    EQ(W(&p, poll_oneoff, SUBS, EVENTS, 2, RESULT), 0);
    EQ(read_fd(&p, tap), 0);
    STR_EQ((char *)p.memory + DATA, "through a pipe");
    EQ(W(&p, fd_close, (uint32_t)in), 0);
    snprintf(path, sizeof path, "/task/%s/wait", id);
    STR_EQ(text_of(&p, path), "4\n");
    EQ(read_fd(&p, tap), 0);
    EQ(get(&p, RESULT), 0);
    return 0;
}

TEST(a_program_has_a_child)
{
    World w = world(PROGRAMS "/out=");
    EQ(world_run(&w, "parent"), 0);
    STR_EQ(world_read(&w, "/out"), "through a pipe");
    world_end(&w);
}

/* Between vfork and start what the program does to its descriptors it does to its child's. */
PROGRAM(wasi_vforker)
{
    static Prog p;
    start(&p, a);
    char id[16], path[64];
    int mine = open_path(&p, "/mine", RIGHT_FD_READ | RIGHT_FD_SEEK);
    OK(mine);
    snprintf(id, sizeof id, "%.*s", (int)strcspn(text_of(&p, "/task/new"), "\n"), (char *)p.memory + DATA);
    snprintf(path, sizeof path, "/task/%s/ctl", id);
    int ctl = open_path(&p, path, RIGHT_FD_WRITE);
    OK(ctl);
    EQ(write_fd(&p, ctl, "vfork\n"), 0);
    int in = open_path(&p, "/mine", RIGHT_FD_READ), out = open_path(&p, "/out", RIGHT_FD_WRITE);
    OK(in);
    OK(out);
    EQ(W(&p, fd_renumber, (uint32_t)in, 0), 0);
    EQ(W(&p, fd_renumber, (uint32_t)out, 1), 0);
    EQ(W(&p, fd_close, (uint32_t)mine), 0);
    EQ(write_fd(&p, ctl, "cmd catter\nstart\n"), 0);
    /* Its own again. */
    EQ(read_fd(&p, mine), 0);
    STR_EQ((char *)p.memory + DATA, "text");
    EQ(W(&p, fd_close, (uint32_t)in), WASI_EBADF);
    snprintf(path, sizeof path, "/task/%s/wait", id);
    STR_EQ(text_of(&p, path), "4\n");
    return 0;
}

TEST(a_program_acts_for_its_vfork_child)
{
    World w = world(PROGRAMS "/out= /mine=text");
    EQ(world_run(&w, "vforker"), 0);
    STR_EQ(world_read(&w, "/out"), "text");
    world_end(&w);
}
