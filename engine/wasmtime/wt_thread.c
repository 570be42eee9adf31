/* SPDX-License-Identifier: MIT */
/*
 * A thread of a program: a store and an instance of its own, on a worker. Further threads (wasi-threads) share the first
 * one's memory and end with the program.
 *
 * What ends a thread early: its host calls ask the task at their end; its code asks at every loop and call, once the engine's
 * epoch has moved (see wt_notice). The epoch's callback is also where a paused program waits.
 */
#include <stdio.h>
#include <string.h>

#include "engine/wasmtime/wt.h"
#include "kern/count.h"

enum { CODE_TRAP = 134, STACK_CHARGE = 64 * 1024, TID_MAX = 0x1fffffff, TABLE_LIMIT = 10000000 };

static uint8_t no_memory;           /* the address of a memory without bytes */

int thread_new(Program *p, Thread **out)
{
    int r = wt_slot_take(wt_engine());
    if (r < 0)
        return r;
    Thread *th = mem_alloc(sizeof(*th));
    r = th == NULL ? -ENOMEM : program_charge(p, STACK_CHARGE);
    if (r < 0) {
        mem_free(th);
        wt_slot_give(wt_engine());
        return r;
    }
    count_add(OBJ_INSTANCE, th);
    th->program = p;
    th->wasi.wasi = &p->wasi;
    th->wasi.thread = &th->thread;
    th->wasi.engine = th;
    th->wasi.guest.base = &no_memory;
    *out = th;
    return 0;
}

void thread_free(Thread *th)
{
    count_sub(OBJ_INSTANCE, th);
    (void)program_charge(th->program, -STACK_CHARGE);
    mem_free(th);
    wt_slot_give(wt_engine());
}

/* ---- instance --------------------------------------------------------------------------------------------------- */

/* The epoch has moved: somebody's task is to be killed, paused or continued; perhaps ours. */
static wasmtime_error_t *thread_epoch(wasmtime_context_t *context, void *data, uint64_t *delta,
                                      wasmtime_update_deadline_kind_t *kind)
{
    (void)context;
    Thread *th = data;
    *delta = 1;
    *kind = WASMTIME_UPDATE_DEADLINE_CONTINUE;
    if (task_attend_fast(th->program->task, &th->thread) == 0)
        return NULL;
    th->unwinding = true;
    return wasmtime_error_new("the program has ended");
}

static bool thread_export(Thread *th, const char *name, wasmtime_extern_t *out)
{
    return wasmtime_instance_export_get(th->context, &th->instance, name, strlen(name), out);
}

static void find_memory(Thread *th)
{
    wasmtime_extern_t e;
    if (!thread_export(th, "memory", &e))
        e.kind = WASMTIME_EXTERN_FUNC;
    if (e.kind == WASMTIME_EXTERN_MEMORY) {
        th->memory = e.of.memory;
        th->has_memory = th->may_have_grown = true;
    } else if (e.kind == WASMTIME_EXTERN_SHAREDMEMORY) {
        th->shared = e.of.sharedmemory;
    } else if (th->program->shared != NULL) {
        th->shared = wasmtime_sharedmemory_clone(th->program->shared);
    }
    if (th->shared != NULL)
        th->wasi.guest.base = wasmtime_sharedmemory_data(th->shared);
}

/* Every image was rewritten to have this global, and validated before: see wasm_rewrite.h. */
static wasmtime_error_t *set_grow(Thread *th)
{
    wasmtime_extern_t e;
    if (!thread_export(th, REWRITE_GROW, &e) || e.kind != WASMTIME_EXTERN_GLOBAL)
        return wasmtime_error_new("the module was not rewritten");
    wasmtime_val_t grow = { .kind = WASMTIME_FUNCREF };
    wasmtime_func_new_unchecked(th->context, wt_engine()->grow_type, host_grow, NULL, NULL, &grow.of.funcref);
    return wasmtime_global_set(th->context, &e.of.global, &grow);
}

/*
 * Linear memory is charged, and limited so. What is left is the heap of a program with garbage collection: it may be as
 * large as the task's limit, beside the rest.
 */
static int64_t memory_limit(Task *t)
{
    AccountLimits limits;
    account_limits(t->account, &limits);
    return limits.memory < (UINT64_C(1) << 40) ? (int64_t)limits.memory : -1;
}

int thread_instantiate(Thread *th, char *words, size_t n)
{
    Program *p = th->program;
    th->store = wasmtime_store_new(wt_engine()->engine, th, NULL);
    th->context = wasmtime_store_context(th->store);
    wasmtime_store_limiter(th->store, memory_limit(p->task), TABLE_LIMIT, -1, -1, -1);
    wasmtime_store_epoch_deadline_callback(th->store, thread_epoch, th, NULL);
    wasmtime_context_set_epoch_deadline(th->context, 1);
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error =
        wasmtime_instance_pre_instantiate(p->pre != NULL ? p->pre : p->image->pre, th->context, &th->instance, &trap);
    if (trap != NULL) {
        wt_trap_words(trap, words, n);
        return -ENOEXEC;
    }
    if (error == NULL)
        error = set_grow(th);
    if (error != NULL) {
        wt_error_words(error, words, n);
        return -ENOMEM;
    }
    find_memory(th);
    return 0;
}

void thread_release(Thread *th)
{
    if (th->shared != NULL)
        wasmtime_sharedmemory_delete(th->shared);
    if (th->store != NULL)
        wasmtime_store_delete(th->store);
    th->shared = NULL;
    th->store = NULL;
}

/* ---- running ---------------------------------------------------------------------------------------------------- */

/* The thread's code did not come to its end. Why, unless we made it so, is the task's error. */
static void thread_failed(Thread *th, wasmtime_error_t *error, wasm_trap_t *trap)
{
    char words[512];
    if (trap != NULL)
        wt_trap_words(trap, words, sizeof(words));
    else
        wt_error_words(error, words, sizeof(words));
    if (!th->unwinding)
        program_fail(th->program, CODE_TRAP, words);
}

bool thread_call(Thread *th, const char *name, const wasmtime_val_t *args, size_t n)
{
    wasmtime_extern_t e;
    if (!thread_export(th, name, &e))
        return true;
    /* The deadline is set: a notice from here on is seen by the code, an earlier one here. */
    if (task_attend_fast(th->program->task, &th->thread) < 0)
        return false;
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error;
    if (e.kind == WASMTIME_EXTERN_FUNC)
        error = wasmtime_func_call(th->context, &e.of.func, args, n, NULL, 0, &trap);
    else
        error = wasmtime_error_new("an export of the program is not a function");
    if (error == NULL && trap == NULL)
        return true;
    thread_failed(th, error, trap);
    return false;
}

/* ---- wasi-threads ----------------------------------------------------------------------------------------------- */

/* The whole life of a thread that thread-spawn made. Spec: wasi-threads, wasi_thread_start. */
static void spawned_main(void *arg)
{
    Thread *th = arg;
    Program *p = th->program;
    char words[512] = "";
    task_thread_begin(p->task, &th->thread);
    int r = thread_instantiate(th, words, sizeof(words));
    if (r < 0)
        program_fail(p, CODE_TRAP, words);
    wasmtime_val_t args[2] = {
        { .kind = WASMTIME_I32, .of.i32 = th->tid },
        { .kind = WASMTIME_I32, .of.i32 = th->arg },
    };
    if (r == 0)
        (void)thread_call(th, "wasi_thread_start", args, 2);
    thread_release(th);
    task_thread_end(&th->thread);
    thread_free(th);
    program_leave(p);
}

int32_t thread_spawn(Program *p, int32_t arg)
{
    if (p->shared == NULL || atomic_load(&p->ending))
        return -WASI_ENOTSUP;
    Thread *th = NULL;
    if (thread_new(p, &th) < 0)
        return -WASI_EAGAIN;
    th->tid = (int32_t)(atomic_fetch_add(&p->last_tid, 1) % TID_MAX) + 1;
    th->arg = arg;
    mutex_lock(&p->task->lock);
    int nice = p->task->nice;
    mutex_unlock(&p->task->lock);
    int32_t tid = th->tid;
    atomic_fetch_add(&p->threads, 1);
    if (worker_run(spawned_main, th, nice) == 0)
        return tid;
    atomic_fetch_sub(&p->threads, 1);
    thread_free(th);
    return -WASI_EAGAIN;
}
