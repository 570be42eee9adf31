/* SPDX-License-Identifier: MIT */
/*
 * What programs import: preview 1, generated from the list in engine/wasi.h as unchecked functions (arguments and result in
 * one array, no values boxed: a fifteenth of the checked kind's time), and thread-spawn.
 * The linker checks a program's types against the ones given here once, when it is loaded.
 */
#include <string.h>

#include "engine/wasmtime/wt.h"
#include "kern/trace.h"

/*
 * The calling thread, its guest's memory up to date. Nothing but memory.grow moves or lengthens a memory, and that asks host_grow
 * first (wasm_rewrite.h); to ask each time takes 5 of the 38 ns of a read (bench/bench_wasi.c).
 */
static Thread *host_enter(wasmtime_caller_t *caller)
{
    wasmtime_context_t *context = wasmtime_caller_context(caller);
    Thread *th = wasmtime_context_get_data(context);
    Guest *g = &th->wasi.guest;
    if (__builtin_expect(th->may_have_grown, 0)) {
        th->may_have_grown = false;
        g->base = wasmtime_memory_data(context, &th->memory);
        g->len = wasmtime_memory_data_size(context, &th->memory);
    } else if (__builtin_expect(th->shared != NULL, 0)) {
        g->len = wasmtime_sharedmemory_data_size(th->shared);       /* other threads make it grow */
    }
    return th;
}

/* Unwinds the thread: its program has ended, or is to. */
static wasm_trap_t *host_unwind(Thread *th, int32_t r)
{
    if (r == WASI_EXIT)
        program_stop(th->program, atomic_load(&th->program->wasi.exit_code));
    static const char words[] = "the program has ended";
    th->unwinding = true;
    return wasmtime_trap_new(words, sizeof(words) - 1);
}

#define WASI_32(n) ((uint32_t)args[n].i32)
#define WASI_64(n) ((uint64_t)args[n].i64)
#define IMPORT(name, params, results, arguments)                                                                       \
    static wasm_trap_t *import_##name(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *args, size_t n)        \
    {                                                                                                                  \
        (void)env;                                                                                                     \
        (void)n;                                                                                                       \
        Thread *th = host_enter(caller);                                                                               \
        WasiThread *w = &th->wasi;                                                                                     \
        int32_t r;                                                                                                     \
        WASI_RUN(w, r, wasi_##name arguments);                                                                         \
        if (trace_on(TRACE_SYS, w->wasi->task))                                                                        \
            trace(TRACE_SYS, w->wasi->task, "%s = %d", #name, (int)r);                                                 \
        if (__builtin_expect(r < 0, 0))                                                                                \
            return host_unwind(th, r);                                                                                 \
        if (results[0] != '\0')                                                                                        \
            args[0].i32 = r;                                                                                           \
        return NULL;                                                                                                   \
    }
WASI_CALLS(IMPORT)
#undef IMPORT

/* Spec: wasi-threads, thread-spawn: the new thread's number, positive, or negative on failure. */
static wasm_trap_t *import_thread_spawn(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *args, size_t n)
{
    (void)env;
    (void)n;
    Thread *th = host_enter(caller);
    args[0].i32 = thread_spawn(th->program, args[0].i32);
    if (task_attend_fast(th->program->task, &th->thread) < 0)
        return host_unwind(th, WASI_END);
    return NULL;
}

/* (memory, pages) -> 0 when the program may have them. Every page counts as a WebAssembly page of 64 KiB. */
wasm_trap_t *host_grow(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *args, size_t n)
{
    (void)env;
    (void)n;
    Thread *th = wasmtime_context_get_data(wasmtime_caller_context(caller));
    int64_t pages = args[1].i64;
    int64_t most = INT64_C(1) << 32;
    th->may_have_grown = th->has_memory;
    bool yes = pages > -most && pages < most && program_charge(th->program, pages * 65536) == 0;
    args[0].i32 = yes ? 0 : 1;
    return NULL;
}

typedef struct Import {
    const char *module, *name, *params, *results;
    wasmtime_func_unchecked_callback_t call;
} Import;

#define ENTRY(name, params, results, arguments) { WASI_MODULE, #name, params, results, import_##name },
static const Import imports[] = {
    WASI_CALLS(ENTRY){ "wasi", "thread-spawn", "i", "i", import_thread_spawn },
};
#undef ENTRY

/* "iI": one 32-bit and one 64-bit integer. */
static void types_of(const char *letters, wasm_valtype_vec_t *out)
{
    wasm_valtype_vec_new_uninitialized(out, strlen(letters));
    for (size_t i = 0; i < out->size; i++)
        out->data[i] = wasm_valtype_new(letters[i] == 'I' ? WASM_I64 : WASM_I32);
}

wasmtime_error_t *host_define(wasmtime_linker_t *linker)
{
    for (size_t i = 0; i < LEN(imports); i++) {
        const Import *m = &imports[i];
        wasm_valtype_vec_t params, results;
        types_of(m->params, &params);
        types_of(m->results, &results);
        wasm_functype_t *type = wasm_functype_new(&params, &results);
        wasmtime_error_t *error = wasmtime_linker_define_func_unchecked(linker, m->module, strlen(m->module), m->name,
                                                                        strlen(m->name), type, m->call, NULL, NULL);
        wasm_functype_delete(type);
        if (error != NULL)
            return error;
    }
    return NULL;
}

static bool name_is(WasmName name, const char *word)
{
    return name.n == strlen(word) && memcmp(name.s, word, name.n) == 0;
}

bool host_provides(WasmName module, WasmName name)
{
    for (size_t i = 0; i < LEN(imports); i++)
        if (name_is(module, imports[i].module) && name_is(name, imports[i].name))
            return true;
    return false;
}
