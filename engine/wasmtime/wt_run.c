/* SPDX-License-Identifier: MIT */
/*
 * One run of a program, from its first thread's beginning to the task's end.
 *
 * Memory is charged before it is had: the memories of the module when the run is made, growth by host_grow, a stack for
 * each thread. All is given back before the task is said to have ended, as whoever waits for that may look.
 */
#include <stdio.h>
#include <string.h>

#include "engine/wasmtime/wt.h"

enum { CODE_NOT_BEGUN = 126 };

int program_charge(Program *p, int64_t bytes)
{
    int r = task_charge_memory(p->task, bytes);
    if (r == 0)
        atomic_fetch_add(&p->charged, bytes);
    return r;
}

void program_stop(Program *p, int code)
{
    if (atomic_exchange(&p->ending, true))
        return;
    atomic_store(&p->code, code);
    task_stop_threads(p->task, code);
    wasmtime_engine_increment_epoch(wt_engine()->engine);
}

void program_fail(Program *p, int code, const char *words)
{
    if (!atomic_load(&p->ending))
        task_set_error(p->task, words);
    program_stop(p, code);
}

static void program_free(Program *p)
{
    if (p->pre != NULL)
        wasmtime_instance_pre_delete(p->pre);
    if (p->shared != NULL)
        wasmtime_sharedmemory_delete(p->shared);
    (void)task_charge_memory(p->task, -atomic_load(&p->charged));
    image_put(p->image);
    mem_free(p);
}

void program_leave(Program *p)
{
    if (atomic_fetch_sub(&p->threads, 1) != 1)
        return;
    Task *t = p->task;
    int code = atomic_load(&p->code);
    program_free(p);
    task_ended(t, code);
    task_put(t);
}

/* The memory that the program imports, new for this run, and the imports with it. */
static int program_share(Program *p, char *words, size_t n)
{
    SharedImport *s = &p->image->shared;
    if (s->module == NULL)
        return 0;
    WtEngine *e = wt_engine();
    wasmtime_error_t *error = wasmtime_sharedmemory_new(e->engine, s->type, &p->shared);
    if (error == NULL) {
        wasmtime_linker_t *linker = wasmtime_linker_clone(e->linker);
        wasmtime_store_t *store = wasmtime_store_new(e->engine, NULL, NULL);
        wasmtime_extern_t memory = { .kind = WASMTIME_EXTERN_SHAREDMEMORY, .of.sharedmemory = p->shared };
        error = wasmtime_linker_define(linker, wasmtime_store_context(store), s->module, strlen(s->module), s->name,
                                       strlen(s->name), &memory);
        if (error == NULL)
            error = wasmtime_linker_instantiate_pre(linker, p->image->module, &p->pre);
        wasmtime_store_delete(store);
        wasmtime_linker_delete(linker);
    }
    if (error == NULL)
        return 0;
    wt_error_words(error, words, n);
    return -ENOMEM;
}

static int first_prepare(Thread *th, char *words, size_t n)
{
    Program *p = th->program;
    int r = wasi_begin(&p->wasi, p->task, &th->thread);
    if (r < 0) {
        snprintf(words, n, "preparing its descriptors failed (%d)", -r);
        return r;
    }
    r = program_share(p, words, n);
    if (r == 0)
        r = thread_instantiate(th, words, n);
    return r;
}

/* The first thread's whole life. */
static void first_main(void *arg)
{
    Thread *th = arg;
    Program *p = th->program;
    char words[512] = "";
    task_thread_begin(p->task, &th->thread);
    int r = first_prepare(th, words, sizeof(words));
    if (r < 0 && r != -EINTR)
        program_fail(p, CODE_NOT_BEGUN, words);
    else if (r == 0 && thread_call(th, REWRITE_START, NULL, 0) && thread_call(th, "_start", NULL, 0))
        program_stop(p, 0);
    thread_release(th);
    task_thread_end(&th->thread);
    thread_free(th);
    program_leave(p);
}

static int task_nice(Task *t)
{
    mutex_lock(&t->lock);
    int nice = t->nice;
    mutex_unlock(&t->lock);
    return nice;
}

static int program_new(Task *t, Image *im, Program **out)
{
    Program *p = mem_alloc(sizeof(*p));
    if (p == NULL)
        return -ENOMEM;
    p->task = t;
    int r = program_charge(p, (int64_t)(im->memory_bytes + im->shared.min * 65536));
    if (r < 0) {
        mem_free(p);
        return r;
    }
    (void)task_get(t);
    p->image = image_get(im);
    atomic_init(&p->threads, 1);
    *out = p;
    return 0;
}

/* What was made for a run that does not begin. */
static void program_undo(Program *p)
{
    Task *t = p->task;
    program_free(p);
    task_put(t);
}

int wt_run(Call *c, Task *t, void *image)
{
    Image *im = image;
    Program *p = NULL;
    int r = program_new(t, im, &p);
    image_put(im);
    if (r < 0)
        return fail(c, r, "no room for the program's memory");
    Thread *th = NULL;
    r = thread_new(p, &th);
    if (r == 0)
        r = worker_run(first_main, th, task_nice(t));
    if (r < 0) {
        if (th != NULL)
            thread_free(th);
        program_undo(p);
        return fail(c, r, "too many programs are running");
    }
    return 0;
}
