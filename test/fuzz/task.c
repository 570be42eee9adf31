/* SPDX-License-Identifier: MIT */
/*
 * Lives of tasks in any order: made, configured, started, signalled, fed, watched, replaced, removed, through their files, by the
 * root and by the tasks themselves, while their programs run. Whatever happens, nothing may be left when the kernel ends.
 *
 * Input: steps of four bytes: what, whose file, who asks, a detail. Nobody waits: what would is EAGAIN.
 */
#include <stdio.h>
#include <string.h>

#include "test/testengine.h"
#include "test/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_STEPS = 200, OPEN = 8 };

PROGRAM(fuzz_exit)
{
    (void)a;
    return 3;
}

PROGRAM(fuzz_sleep)
{
    (void)act_sleep(a, 1000000);
    return 0;
}

PROGRAM(fuzz_copy)
{
    char s[64];
    int64_t n;
    while ((n = act_read(a, 0, s, sizeof s)) > 0)
        if (act_write(a, 1, s, (size_t)n) < 0)
            return 1;
    return 0;
}

PROGRAM(fuzz_family)
{
    char id[32], path[64];
    for (int i = 0; i < 3 && act_get(a, "/task/new", id, sizeof id) == 0; i++) {
        snprintf(path, sizeof path, "/task/%s/ctl", id);
        if (act_put(a, path, i == 0 ? "cmd sleep\nstart" : i == 1 ? "cmd exit\nstart" : "kill 9") < 0)
            break;
    }
    return 0;
}

static const char files[] = "/bin/exit=test:fuzz_exit /bin/sleep=test:fuzz_sleep /bin/copy=test:fuzz_copy "
                            "/bin/family=test:fuzz_family /bin/script='#!/bin/copy' /bin/text=x /in=hello";

static const char *const lines[] = {
    "cmd exit",      "cmd sleep", "cmd copy",    "cmd family", "cmd script a", "cmd text",     "cmd none",
    "start",         "start",     "start",       "kill 9",     "kill 9 tree",  "kill TERM",    "kill TERM group",
    "kill 15 tree",  "kill 19",   "kill 18",     "kill 20",    "kill 18 tree", "kill CHLD",    "kill 0",
    "remove",        "vfork",     "exit 3",      "exec",       "ignore 15 1",  "ignore",       "nice 5",
    "umask 77",      "type wasi", "type linux",  "type auto",  "memlimit 1M",  "memlimit max", "tasklimit 3",
    "tasklimit max", "fdlimit 4", "fdlimit max", "nonsense",   "kill 9 group",
};
static const char *const fd_lines[] = {
    "dup /in",     "dup /out a",    "dup /dev/null",      "dup /task/new",  "close", "pipe 2/fd/1",
    "pipe 3/fd/0", "pipe 4/fd/5",   "flags append",       "flags cloexec",  "flags", "lock w 0 5",
    "lock u",      "dup /dev/fd/1", "dup /task/2/fd/1 r", "pipe self/fd/7",
};
static const char *const names[] = {
    "status",
    "wait",
    "exitcode",
    "error",
    "fd/0",
    "fd/1",
    "fd/2",
    "fd/5",
    "cmdline",
    "environ",
    "env",
    "cwd",
    "parent",
    "group",
    "type",
    "stat/mem",
    "stat/cpu",
    "stat/io",
    "ns/binds",
    "ns/dump",
    "ctl",
    "signal",
    "events",
    "task/new",
    "fd/0/ctl",
    "fd/1.ctl",
    "attr",
    "ns/from/1/in",
    "task/self/status",
    "ns/mounts",
};

typedef struct Player {
    World w;
    Chan *open[OPEN];
    unsigned opened;
} Player;

/* Keeps ch open for a while: the oldest one goes. */
static void keep(Player *p, Chan *ch)
{
    unsigned i = p->opened++ % OPEN;
    if (p->open[i] != NULL)
        (void)world_close(&p->w, p->open[i]);
    p->open[i] = ch;
}

static void write_file(Player *p, const char *path, const char *text)
{
    (void)world_write(&p->w, path, text);
}

static void read_file(Player *p, const char *path, uint8_t detail)
{
    char s[512];
    Chan *ch;
    if (world_open(&p->w, path, OPEN_READ | (detail & 1 ? OPEN_NONBLOCK : 0), &ch) < 0)
        return;
    while (world_get(&p->w, ch, s, 1 + detail) > 0 && (detail & 2) != 0) {
    }
    if ((detail & 4) != 0)
        keep(p, ch);
    else
        (void)world_close(&p->w, ch);
}

static void feed(Player *p, uint64_t id, uint8_t detail)
{
    Chan *ch;
    if (world_open(&p->w, world_path(id, "fd/0"), OPEN_WRITE, &ch) < 0)
        return;
    (void)world_put(&p->w, ch, "some bytes\n");
    if ((detail & 1) != 0)
        keep(p, ch);
    else
        (void)world_close(&p->w, ch);
}

static void step(Player *p, const uint8_t *in)
{
    uint64_t id = 1 + in[1] % 8;
    const char *fd = (const char *[]){ "fd/0/ctl", "fd/1/ctl", "fd/2.ctl", "fd/5/ctl" }[in[3] >> 6];
    switch (in[0] % 8) {
    case 0:
        (void)world_read(&p->w, in[3] % 4 == 0 ? world_path(id, "task/new") : "/task/new");
        break;
    case 1:
    case 2:
        write_file(p, world_path(id, "ctl"), lines[in[3] % LEN(lines)]);
        break;
    case 3:
        write_file(p, world_path(id, fd), fd_lines[in[3] % LEN(fd_lines)]);
        break;
    case 4:
        read_file(p, world_path(id, names[in[3] % LEN(names)]), in[0]);
        break;
    case 5:
        feed(p, id, in[3]);
        break;
    case 6:
        write_file(p, world_path(id, in[3] & 1 ? "group" : "cwd"), in[3] & 2 ? "/bin\n" : "0\n");
        break;
    default:
        write_file(p, world_path(id, "ns/ctl"),
                   in[3] & 1   ? "bind /task /task\n"
                   : in[3] & 2 ? "clear\n"
                               : "hide /bin\n");
        break;
    }
}

/* A step by the root, or by a task, as a door that is attached to it would take it. */
static void step_as(Player *p, const uint8_t *in)
{
    AUTO_TASK *t = in[2] % 4 == 0 ? task_find(p->w.k, 1 + in[2] / 4 % 8) : NULL;
    Call *own = p->w.call, c;
    if (t != NULL) {
        call_init(&c, t);
        p->w.call = &c;
    }
    p->w.call->mode = CALL_NONBLOCK;
    step(p, in);
    p->w.call = own;
    if (t != NULL)
        call_destroy(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Player p = { .w = world(files) };
    for (unsigned i = 0; i < MAX_STEPS && size >= 4; i++, data += 4, size -= 4)
        step_as(&p, data);
    p.w.call->mode = CALL_NONBLOCK;
    for (unsigned i = 0; i < OPEN; i++)
        if (p.open[i] != NULL)
            (void)world_close(&p.w, p.open[i]);
    world_end(&p.w);
    return 0;
}
