/* SPDX-License-Identifier: MIT */
/*
 * Programs that are C functions. The rules are those of any engine (kern/engine.h): each thread registers, attends at the
 * end of every call, and the last one says task_ended.
 */
#include "test/testengine.h"

#include <stdio.h>
#include <string.h>

#include "kern/count.h"

typedef struct Image {
    const ActorProgram *program;
} Image;

struct ActorRun {
    Task *task;
    const ActorProgram *program;
    atomic_uint threads;
    char arg[256];                  /* act_arg's */
};

static ActorProgram *programs;

void testengine_add(ActorProgram *p)
{
    p->next = programs;
    programs = p;
}

static bool accepts(const uint8_t *head, size_t n)
{
    return n >= 5 && memcmp(head, "test:", 5) == 0;
}

static int load(Call *c, Task *t, Chan *file, void **image)
{
    (void)t;
    char text[64] = "";
    int64_t n = chan_read(c, file, text, sizeof text - 1, 0);
    if (n < 0)
        return (int)n;
    char *name = text + 5;
    name[strcspn(name, " \n")] = '\0';
    const ActorProgram *p = programs;
    while (p != NULL && strcmp(p->name, name) != 0)
        p = p->next;
    if (p == NULL)
        return fail(c, -ENOEXEC, "test: there is no program %s", name);
    Image *i = mem_alloc(sizeof *i);
    if (i == NULL)
        return -ENOMEM;
    i->program = p;
    count_add(OBJ_IMAGE, i);
    *image = i;
    return 0;
}

static void unload(void *image)
{
    count_sub(OBJ_IMAGE, image);
    mem_free(image);
}

/* A thread is done; code: of the program, or -1 from a further thread. */
static void leave(Actor *a, int code)
{
    ActorRun *run = a->run;
    Task *t = a->task;
    if (code >= 0)
        task_stop_threads(t, code);
    task_thread_end(&a->thread);
    if (atomic_fetch_sub(&run->threads, 1) != 1)
        return;
    count_sub(OBJ_INSTANCE, run);
    mem_free(run);
    task_ended(t, 0);
}

static void enter(Actor *a, ActorRun *run)
{
    *a = (Actor){ .task = run->task, .run = run };
    task_thread_begin(a->task, &a->thread);
    a->call = &a->thread.call;
}

static void run_main(void *arg)
{
    ActorRun *run = arg;
    Actor a;
    enter(&a, run);
    int code = act_on(&a) ? run->program->fn(&a) : 0;
    leave(&a, code);
}

typedef struct Further {
    ActorRun *run;
    ActorFn *fn;
} Further;

static void run_further(void *arg)
{
    Further f = *(Further *)arg;
    Actor a;
    mem_free(arg);
    enter(&a, f.run);
    if (act_on(&a))
        (void)f.fn(&a);
    leave(&a, -1);
}

static int run(Call *c, Task *t, void *image)
{
    ActorRun *r = mem_alloc(sizeof *r);
    const ActorProgram *program = ((Image *)image)->program;
    unload(image);
    if (r == NULL)
        return -ENOMEM;
    r->task = t;
    r->program = program;
    atomic_init(&r->threads, 1);
    count_add(OBJ_INSTANCE, r);
    mutex_lock(&t->lock);
    int nice = t->nice;
    mutex_unlock(&t->lock);
    int e = worker_run(run_main, r, nice);
    if (e < 0) {
        count_sub(OBJ_INSTANCE, r);
        mem_free(r);
        return fail(c, e, "test: no more threads");
    }
    return 0;
}

/* Programs look by themselves: those that only compute call act_on. */
static void notice(Task *t)
{
    (void)t;
}

const Engine test_engine = {
    .name = "test",
    .type = TASK_WASI,
    .accepts = accepts,
    .load = load,
    .run = run,
    .unload = unload,
    .notice = notice,
};

/* ---- for programs ---------------------------------------------------------------------------------------------------- */

const char *act_arg(Actor *a, unsigned i)
{
    mutex_lock(&a->task->lock);
    const char *s = strv_at(&a->task->args, i);
    snprintf(a->run->arg, sizeof a->run->arg, "%s", s != NULL ? s : "");
    mutex_unlock(&a->task->lock);
    return a->run->arg;
}

bool act_on(Actor *a)
{
    if (!a->ending && task_attend_fast(a->task, &a->thread) < 0)
        a->ending = true;
    return !a->ending;
}

int act_thread(Actor *a, ActorFn *fn)
{
    Further *f = mem_alloc(sizeof *f);
    if (f == NULL)
        return -ENOMEM;
    f->run = a->run;
    f->fn = fn;
    atomic_fetch_add(&a->run->threads, 1);
    int r = worker_run(run_further, f, 0);
    if (r < 0) {
        atomic_fetch_sub(&a->run->threads, 1);
        mem_free(f);
    }
    return r;
}

static int until(uint64_t end)
{
    return clock_now(CLOCK_MONO) >= end ? 0 : WAIT;
}

int act_sleep(Actor *a, unsigned ms)
{
    uint64_t end = clock_now(CLOCK_MONO) + (uint64_t)ms * 1000000;
    a->call->deadline = end;
    int64_t r = ACT(a, until(end));
    a->call->deadline = 0;
    return (int)r;
}

/* The table that calls act on: the task's, or its vfork child's. It lives as long as a task that is kept. */
static FdTab *fds(Actor *a)
{
    AUTO_TASK *t = call_acting(a->call);
    return t->fds;
}

static int open_step(Actor *a, const char *path, unsigned flags)
{
    AUTO_TASK *t = call_acting(a->call);
    AUTO_CHAN Chan *ch = NULL;
    int r = walk_open(a->call, walk_self(a->call), path, 0, flags, 0666 & ~t->umask, &ch);
    return r < 0 ? r : fd_add(a->call, t->fds, STEAL(ch), 0, UINT64_MAX, UINT64_MAX, false);
}

int act_open(Actor *a, const char *path, unsigned flags)
{
    return (int)ACT(a, open_step(a, path, flags));
}
int act_close(Actor *a, int fd)
{
    return (int)ACT(a, fd_close(a->call, fds(a), fd));
}

int64_t act_read(Actor *a, int fd, void *buf, size_t n)
{
    IoVec v = { buf, n };
    return ACT(a, fd_readv(a->call, fds(a), fd, &v, 1, NULL, 0));
}

int64_t act_write(Actor *a, int fd, const void *buf, size_t n)
{
    size_t done = 0;
    while (done < n) {
        IoVec v = { (char *)(uintptr_t)buf + done, n - done };
        int64_t r = ACT(a, fd_writev(a->call, fds(a), fd, &v, 1, NULL, 0));
        if (r < 0)
            return r;
        done += (size_t)r;
    }
    return (int64_t)n;
}

int act_puts(Actor *a, int fd, const char *s)
{
    int64_t r = act_write(a, fd, s, strlen(s));
    return r < 0 ? (int)r : 0;
}

/* Without a descriptor: which table calls act on may change meanwhile (vfork). */
static Chan *open_file(Actor *a, const char *path, unsigned flags, int *r)
{
    Chan *ch = NULL;
    *r = (int)ACT(a, walk_open(a->call, walk_self(a->call), path, 0, flags, 0644, &ch));
    if (ch != NULL)
        chan_hold(ch, true);
    return ch;
}

static int close_file(Actor *a, Chan *ch)
{
    int r = -EINTR;
    if (!a->ending) {
        call_begin(a->call);
        while ((r = chan_unhold(a->call, ch, true)) == WAIT) {
            chan_hold(ch, true);
            if ((r = call_park(a->call)) < 0)
                break;
        }
        call_end(a->call);
        if (!act_on(a))
            r = -EINTR;
    }
    chan_put(ch);
    return r;
}

int act_put(Actor *a, const char *path, const char *s)
{
    int r;
    size_t n = strlen(s), done = 0;
    Chan *ch = open_file(a, path, OPEN_WRITE | OPEN_CREATE | OPEN_TRUNC, &r);
    while (ch != NULL && r >= 0 && done < n) {
        r = (int)ACT(a, chan_write_pos(a->call, ch, s + done, n - done));
        done += r > 0 ? (size_t)r : 0;
    }
    int end = ch != NULL ? close_file(a, ch) : 0;
    return r < 0 ? r : end;
}

int act_get(Actor *a, const char *path, char *buf, size_t n)
{
    int r;
    size_t got = 0;
    Chan *ch = open_file(a, path, OPEN_READ, &r);
    while (ch != NULL && got < n - 1 && (r = (int)ACT(a, chan_read_pos(a->call, ch, buf + got, n - 1 - got))) > 0)
        got += (size_t)r;
    buf[got] = '\0';
    if (got > 0 && buf[got - 1] == '\n')
        buf[got - 1] = '\0';
    if (ch != NULL)
        (void)close_file(a, ch);
    return r < 0 ? r : 0;
}
