/* SPDX-License-Identifier: MIT */
/*
 * The one wasmtime engine of the process: its configuration, its pool, and the words of its errors.
 *
 * The pool reserves address space for each instance at once, so that starting a program maps nothing new but its
 * image. How much there is to reserve is the host's to say: half as many are tried until it agrees, and without any,
 * memories are mapped one by one. TASKFS_POOL sets the number (a sanitizer wants a small one).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/wasmtime/wt.h"
#include "engine/wasmtime/wt_reserve.h"
#include "kern/text.h"

enum { SLOTS_USUAL = 12000, SLOTS_LEAST = 16, TABLE_ELEMENTS = 200000, WASM_STACK = 1024 * 1024 };

#define MEMORY_MAX (UINT64_C(4) << 30)
#define MEMORY_STRIDE (MEMORY_MAX + (UINT64_C(32) << 20))      /* with its guard */
#define SLOT_SIZE (MEMORY_STRIDE + TABLE_ELEMENTS * sizeof(void *))

static WtEngine the_engine;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static unsigned choose_slots(void)
{
    const char *wanted = getenv("TASKFS_POOL");
    uint64_t slots = SLOTS_USUAL;
    if (wanted != NULL && (parse_u64(wanted, &slots) < 0 || slots > 100000))
        slots = SLOTS_USUAL;
    while (slots > 0 && !reserve_possible(slots * SLOT_SIZE))
        slots = slots / 2 < SLOTS_LEAST ? 0 : slots / 2;
    return (unsigned)slots;
}

static void configure_pool(wasm_config_t *config, unsigned slots)
{
    wasmtime_pooling_allocation_config_t *pool = wasmtime_pooling_allocation_config_new();
    wasmtime_pooling_allocation_config_total_core_instances_set(pool, slots);
    wasmtime_pooling_allocation_config_total_memories_set(pool, slots);
    wasmtime_pooling_allocation_config_total_tables_set(pool, slots);
    wasmtime_pooling_allocation_config_max_tables_per_module_set(pool, 8);
    wasmtime_pooling_allocation_config_max_memories_per_module_set(pool, 8);
    wasmtime_pooling_allocation_config_max_core_instance_size_set(pool, 4 << 20);
    wasmtime_pooling_allocation_config_table_elements_set(pool, TABLE_ELEMENTS);
    wasmtime_pooling_allocation_config_max_memory_size_set(pool, MEMORY_MAX);
    wasmtime_pooling_allocation_config_max_unused_warm_slots_set(pool, 64);
    wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(pool, 64 * 1024);
    wasmtime_pooling_allocation_config_table_keep_resident_set(pool, 16 * 1024);
    wasmtime_pooling_allocation_config_total_gc_heaps_set(pool, slots < 1000 ? slots : 1000);
#ifdef WASMTIME_FEATURE_ASYNC
    wasmtime_pooling_allocation_config_total_stacks_set(pool, 0);
#endif
    wasmtime_pooling_allocation_strategy_set(config, pool);
    wasmtime_pooling_allocation_config_delete(pool);
}

static wasm_config_t *make_config(unsigned slots)
{
    wasm_config_t *config = wasm_config_new();
    wasmtime_config_epoch_interruption_set(config, true);
    wasmtime_config_max_wasm_stack_set(config, WASM_STACK);
    wasmtime_config_wasm_threads_set(config, true);
    wasmtime_config_shared_memory_set(config, true);
    wasmtime_config_wasm_tail_call_set(config, true);
    wasmtime_config_wasm_function_references_set(config, true);
    wasmtime_config_wasm_gc_set(config, true);
    wasmtime_config_wasm_exceptions_set(config, true);
    wasmtime_config_wasm_multi_memory_set(config, true);
    wasmtime_config_wasm_memory64_set(config, true);
    wasmtime_config_memory_reservation_set(config, MEMORY_MAX);
    wasmtime_config_memory_guard_size_set(config, MEMORY_STRIDE - MEMORY_MAX);
    if (slots > 0)
        configure_pool(config, slots);
    return config;
}

/* (param i32 i64) (result i32) */
static wasm_functype_t *make_grow_type(void)
{
    wasm_valtype_t *params[2] = { wasm_valtype_new_i32(), wasm_valtype_new_i64() };
    wasm_valtype_t *results[1] = { wasm_valtype_new_i32() };
    wasm_valtype_vec_t p, r;
    wasm_valtype_vec_new(&p, 2, params);
    wasm_valtype_vec_new(&r, 1, results);
    return wasm_functype_new(&p, &r);
}

static void make_engine(void)
{
    WtEngine *e = &the_engine;
    e->slots = choose_slots();
    atomic_init(&e->used, 0);
    snprintf(e->variant, sizeof(e->variant), "%s-%s-%s", WASMTIME_VERSION, REWRITE_VERSION,
             e->slots > 0 ? "pool" : "map");
    wasm_engine_t *engine = wasm_engine_new_with_config(make_config(e->slots));
    e->linker = wasmtime_linker_new(engine);
    e->grow_type = make_grow_type();
    wasmtime_error_t *error = host_define(e->linker);
    ASSERT(error == NULL);
    e->engine = engine;
}

WtEngine *wt_engine(void)
{
    pthread_once(&once, make_engine);
    return the_engine.engine != NULL ? &the_engine : NULL;
}

int wt_slot_take(WtEngine *e)
{
    unsigned used = atomic_fetch_add(&e->used, 1);
    if (e->slots == 0 || used < e->slots)
        return 0;
    atomic_fetch_sub(&e->used, 1);
    return -EAGAIN;
}

void wt_slot_give(WtEngine *e)
{
    atomic_fetch_sub(&e->used, 1);
}

/* ---- words ------------------------------------------------------------------------------------------------------ */

static const char *find_word(const char *p, const char *end, const char *word, size_t n)
{
    for (; (size_t)(end - p) >= n; p++)
        if (memcmp(p, word, n) == 0)
            return p;
    return NULL;
}

/* Wasmtime's text of several causes: "...\n\nCaused by:\n    0: this\n    1: that", or without numbers when there is one. */
void wt_cause(const char *text, size_t len, char *words, size_t n)
{
    static const char mark[] = "Caused by:\n";
    const char *end = text + len;
    const char *p = find_word(text, end, mark, sizeof(mark) - 1);
    p = p == NULL ? text : p + sizeof(mark) - 1;
    size_t used = 0;
    words[0] = '\0';
    while (p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        if (eol == NULL)
            eol = end;
        while (p < eol && *p == ' ')
            p++;
        if (p + 2 < eol && p[0] >= '0' && p[0] <= '9' && p[1] == ':')
            p += 3;
        if (eol > p && used < n) {
            int r = snprintf(words + used, n - used, "%s%.*s", used > 0 ? ": " : "", (int)(eol - p), p);
            used += r > 0 ? (size_t)r : 0;
        }
        p = eol + 1;
    }
}

void wt_error_words(wasmtime_error_t *error, char *words, size_t n)
{
    wasm_name_t text;
    wasmtime_error_message(error, &text);
    wt_cause(text.data, text.size, words, n);
    wasm_byte_vec_delete(&text);
    wasmtime_error_delete(error);
}

/* " in a < b < c": the innermost functions. */
static void add_frames(const wasm_trap_t *trap, char *words, size_t n)
{
    enum { FRAMES = 4 };
    wasm_frame_vec_t frames;
    wasm_trap_trace(trap, &frames);
    size_t used = strlen(words);
    for (size_t i = 0; i < frames.size && i < FRAMES && used < n; i++) {
        const wasm_name_t *name = wasmtime_frame_func_name(frames.data[i]);
        int r;
        if (name != NULL)
            r = snprintf(words + used, n - used, "%s%.*s", i == 0 ? ", in " : " < ", (int)name->size, name->data);
        else
            r = snprintf(words + used, n - used, "%sfunction %u", i == 0 ? ", in " : " < ",
                         wasm_frame_func_index(frames.data[i]));
        used += r > 0 ? (size_t)r : 0;
    }
    wasm_frame_vec_delete(&frames);
}

void wt_trap_words(wasm_trap_t *trap, char *words, size_t n)
{
    wasm_message_t text;
    wasm_trap_message(trap, &text);
    wt_cause(text.data, text.size > 0 && text.data[text.size - 1] == '\0' ? text.size - 1 : text.size, words, n);
    wasm_byte_vec_delete(&text);
    add_frames(trap, words, n);
    wasm_trap_delete(trap);
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

static bool wt_accepts(const uint8_t *head, size_t n)
{
    return n >= 4 && memcmp(head, "\0asm", 4) == 0;
}

static void wt_unload(void *image)
{
    image_put(image);
}

/* Every program's code looks at its task at its next loop or call; one number for all makes that a cheap look. */
static void wt_notice(Task *t)
{
    (void)t;
    WtEngine *e = wt_engine();
    if (e != NULL)
        wasmtime_engine_increment_epoch(e->engine);
}

const Engine engine_wasmtime = {
    .name = "wasmtime",
    .type = TASK_WASI,
    .accepts = wt_accepts,
    .load = wt_load,
    .run = wt_run,
    .unload = wt_unload,
    .notice = wt_notice,
    .compiles = wt_compiles,
};
