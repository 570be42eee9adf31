/* SPDX-License-Identifier: MIT */
/*
 * The rewriter: what it makes is valid and does what the module did, but that growing asks first and waits come in slices.
 */
#include "engine/wasmtime/wasm_rewrite.h"

#include <string.h>
#include <wasm.h>
#include <wasmtime.h>

#include "kern/kern.h"
#include "test/test.h"

/* A rewritten module with an instance, and what its host says. */
typedef struct Rewritten {
    wasm_engine_t *engine;
    wasmtime_module_t *module;
    wasmtime_store_t *store;
    wasmtime_context_t *context;
    wasmtime_instance_t instance;
    wasmtime_sharedmemory_t *shared;
    int64_t allowed, asked;         /* pages */
    unsigned epochs;
} Rewritten;

static void no_error(wasmtime_error_t *error)
{
    if (error == NULL)
        return;
    wasm_name_t words;
    wasmtime_error_message(error, &words);
    FAIL("%.*s", (int)words.size, words.data);
}

static wasm_trap_t *grow(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *args, size_t n)
{
    (void)caller;
    (void)n;
    Rewritten *r = env;
    bool yes = args[1].i64 <= r->allowed;
    if (yes) {
        r->allowed -= args[1].i64;
        r->asked += args[1].i64;
    }
    args[0].i32 = !yes;
    return NULL;
}

static wasm_engine_t *make_engine(void)
{
    wasm_config_t *config = wasm_config_new();
    wasmtime_config_epoch_interruption_set(config, true);
    wasmtime_config_wasm_threads_set(config, true);
    wasmtime_config_shared_memory_set(config, true);
    wasmtime_config_wasm_function_references_set(config, true);
    wasmtime_config_wasm_gc_set(config, true);
    wasmtime_config_wasm_exceptions_set(config, true);
    wasmtime_config_wasm_multi_memory_set(config, true);
    wasmtime_config_wasm_memory64_set(config, true);
    return wasm_engine_new_with_config(config);
}

static wasmtime_error_t *epoch(wasmtime_context_t *context, void *data, uint64_t *delta,
                               wasmtime_update_deadline_kind_t *kind)
{
    (void)context;
    Rewritten *r = data;
    r->epochs++;
    *delta = 0;
    *kind = WASMTIME_UPDATE_DEADLINE_CONTINUE;
    return r->epochs > 5 ? wasmtime_error_new("enough") : NULL;
}

static void set_grow(Rewritten *r)
{
    wasm_valtype_t *p[2] = { wasm_valtype_new_i32(), wasm_valtype_new_i64() };
    wasm_valtype_t *q[1] = { wasm_valtype_new_i32() };
    wasm_valtype_vec_t params, results;
    wasm_valtype_vec_new(&params, 2, p);
    wasm_valtype_vec_new(&results, 1, q);
    wasm_functype_t *type = wasm_functype_new(&params, &results);
    wasmtime_val_t f = { .kind = WASMTIME_FUNCREF };
    wasmtime_func_new_unchecked(r->context, type, grow, r, NULL, &f.of.funcref);
    wasm_functype_delete(type);
    wasmtime_extern_t e;
    TRUE(wasmtime_instance_export_get(r->context, &r->instance, REWRITE_GROW, strlen(REWRITE_GROW), &e));
    EQ(e.kind, WASMTIME_EXTERN_GLOBAL);
    no_error(wasmtime_global_set(r->context, &e.of.global, &f));
}

static void rewritten(Rewritten *r, const char *wat, bool shared)
{
    *r = (Rewritten){ .engine = make_engine(), .allowed = 1 << 20 };
    wasm_byte_vec_t bytes;
    no_error(wasmtime_wat2wasm(wat, strlen(wat), &bytes));
    no_error(wasmtime_module_validate(r->engine, (uint8_t *)bytes.data, bytes.size));
    uint8_t *out = NULL;
    size_t n = 0;
    const char *why = "";
    OK(wasm_rewrite((uint8_t *)bytes.data, bytes.size, &out, &n, &why));
    no_error(wasmtime_module_new(r->engine, out, n, &r->module));
    mem_free(out);
    wasm_byte_vec_delete(&bytes);
    r->store = wasmtime_store_new(r->engine, NULL, NULL);
    r->context = wasmtime_store_context(r->store);
    wasmtime_store_epoch_deadline_callback(r->store, epoch, r, NULL);
    wasmtime_context_set_epoch_deadline(r->context, 1000);
    wasmtime_extern_t import = { .kind = WASMTIME_EXTERN_SHAREDMEMORY };
    if (shared) {
        wasm_memorytype_t *type = NULL;
        no_error(wasmtime_memorytype_new(1, true, 10, false, true, 16, &type));
        no_error(wasmtime_sharedmemory_new(r->engine, type, &r->shared));
        wasm_memorytype_delete(type);
        import.of.sharedmemory = r->shared;
    }
    wasm_trap_t *trap = NULL;
    no_error(wasmtime_instance_new(r->context, r->module, &import, shared ? 1 : 0, &r->instance, &trap));
    TRUE(trap == NULL);
    set_grow(r);
}

static void rewritten_end(Rewritten *r)
{
    wasmtime_store_delete(r->store);
    wasmtime_module_delete(r->module);
    if (r->shared != NULL)
        wasmtime_sharedmemory_delete(r->shared);
    wasm_engine_delete(r->engine);
}

/* Calls an export that takes nothing; its 32-bit result, or -1000 when it trapped. */
static int32_t run(Rewritten *r, const char *name)
{
    wasmtime_extern_t e;
    TRUE(wasmtime_instance_export_get(r->context, &r->instance, name, strlen(name), &e));
    wasmtime_val_t result = { .kind = WASMTIME_I32 };
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error = wasmtime_func_call(r->context, &e.of.func, NULL, 0, &result, 1, &trap);
    bool trapped = error != NULL || trap != NULL;
    if (error != NULL)
        wasmtime_error_delete(error);
    if (trap != NULL)
        wasm_trap_delete(trap);
    return trapped ? -1000 : result.of.i32;
}

TEST(memory_grow_asks_the_host)
{
    Rewritten r;
    rewritten(&r,
              "(module (memory 1 5) (func (export \"two\") (result i32) (memory.grow (i32.const 2)))"
              " (func (export \"many\") (result i32) (memory.grow (i32.const 100)))"
              " (func (export \"size\") (result i32) memory.size))",
              false);
    EQ(run(&r, "two"), 1);
    EQ(r.asked, 2);
    EQ(run(&r, "size"), 3);
    EQ(run(&r, "many"), -1);        /* over the module's own maximum: given back */
    EQ(r.asked, 2);
    r.allowed = 1;
    EQ(run(&r, "two"), -1);
    EQ(run(&r, "size"), 3);
    EQ(r.asked, 2);
    rewritten_end(&r);
}

TEST(every_memory_grows_by_its_own_kind)
{
    Rewritten r;
    rewritten(&r,
              "(module (memory 1) (memory $big i64 1)"
              " (func (export \"a\") (result i32) (memory.grow 0 (i32.const 3)))"
              " (func (export \"b\") (result i32) (i32.wrap_i64 (memory.grow $big (i64.const 4))))"
              " (func (export \"c\") (result i32) (i32.wrap_i64 (memory.grow $big (i64.const 0)))))",
              false);
    EQ(run(&r, "a"), 1);
    EQ(run(&r, "b"), 1);
    EQ(run(&r, "c"), 5);
    EQ(r.asked, 7);
    rewritten_end(&r);
}

#define SHARED "(module (import \"env\" \"memory\" (memory 1 10 shared))"

TEST(a_wait_answers_as_before)
{
    Rewritten r;
    rewritten(
        &r,
        SHARED
        " (func (export \"differs\") (result i32) (memory.atomic.wait32 (i32.const 0) (i32.const 7) (i64.const -1)))"
        " (func (export \"late\") (result i32) (memory.atomic.wait64 offset=8 (i32.const 0) (i64.const 0) (i64.const "
        "50000000)))"
        " (func (export \"at_once\") (result i32) (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0)))"
        " (func (export \"odd\") (result i32) (memory.atomic.wait32 (i32.const 2) (i32.const 0) (i64.const 0)))"
        " (func (export \"out\") (result i32) (memory.atomic.wait32 (i32.const 65536) (i32.const 0) (i64.const 0))))",
        true);
    EQ(run(&r, "differs"), 1);
    uint64_t before = clock_now(CLOCK_MONO);
    EQ(run(&r, "late"), 2);
    TRUE(clock_now(CLOCK_MONO) - before >= 50000000);
    EQ(run(&r, "at_once"), 2);
    EQ(run(&r, "odd"), -1000);
    EQ(run(&r, "out"), -1000);
    rewritten_end(&r);
}

TEST(an_endless_wait_meets_epochs)
{
    Rewritten r;
    rewritten(&r,
              SHARED " (func (export \"ever\") (result i32)"
                     " (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))",
              true);
    wasmtime_context_set_epoch_deadline(r.context, 0);
    EQ(run(&r, "ever"), -1000);
    EQ(r.epochs, 6);
    rewritten_end(&r);
}

static void *change_soon(void *arg)
{
    Rewritten *r = arg;
    uint64_t until = clock_now(CLOCK_MONO) + 3 * WAIT_SLICE;
    while (clock_now(CLOCK_MONO) < until)
        thread_yield();
    __atomic_store_n((int32_t *)(void *)wasmtime_sharedmemory_data(r->shared), 9, __ATOMIC_SEQ_CST);
    return NULL;
}

/* Between two slices nobody is there to be notified; the value tells. */
TEST(a_change_between_slices_is_a_wake)
{
    Rewritten r;
    rewritten(&r,
              SHARED " (func (export \"wait\") (result i32)"
                     " (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))",
              true);
    pthread_t other;
    EQ(pthread_create(&other, NULL, change_soon, &r), 0);
    EQ(run(&r, "wait"), 0);
    pthread_join(other, NULL);
    rewritten_end(&r);
}

TEST(the_start_function_is_left_to_the_host)
{
    Rewritten r;
    rewritten(&r,
              "(module (memory 1) (func $s (drop (memory.grow (i32.const 1)))) (start $s)"
              " (func (export \"size\") (result i32) memory.size))",
              false);
    EQ(run(&r, "size"), 1);
    wasmtime_extern_t e;
    TRUE(wasmtime_instance_export_get(r.context, &r.instance, REWRITE_START, strlen(REWRITE_START), &e));
    wasm_trap_t *trap = NULL;
    no_error(wasmtime_func_call(r.context, &e.of.func, NULL, 0, NULL, 0, &trap));
    EQ(run(&r, "size"), 2);
    rewritten_end(&r);
}

/* All shapes of instructions around one that is replaced, in a module with every section. */
TEST(everything_else_stays_as_it_was)
{
    Rewritten r;
    rewritten(
        &r,
        "(module (type $s (struct (field (mut i32)))) (rec (type $f (func (result i32))) (type $a (array (mut i8))))"
        " (memory 1) (table $t 3 funcref) (table 1 (ref null $f)) (tag $e (param i32))"
        " (global $g (mut i32) (i32.const 5)) (data $d \"abc\") (data (i32.const 8) \"\\2a\")"
        " (elem $el func $seven) (elem (table $t) (i32.const 0) func $seven)"
        " (func $seven (type $f) (i32.const 7))"
        " (func (export \"go\") (result i32) (local i64 i64 f64 v128 (ref null $s)) (local $n i32)"
        "  (local.set 4 (struct.new $s (i32.const 1)))"
        "  (drop (array.new_data $a $d (i32.const 0) (i32.const 3)))"
        "  (local.set 3 (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (v128.const i32x4 1 2 3 4) (local.get 3)))"
        "  (drop (i8x16.extract_lane_u 3 (local.get 3))) (v128.store8_lane offset=4 5 (i32.const 0) (local.get 3))"
        "  (memory.init $d (i32.const 0) (i32.const 0) (i32.const 3)) (data.drop $d)"
        "  (memory.copy (i32.const 16) (i32.const 0) (i32.const 3)) (table.init $t $el (i32.const 1) (i32.const 0) "
        "(i32.const 1))"
        "  (local.set $n (i32.add (memory.grow (i32.const 1)) (call_indirect $t (type $f) (i32.const 1))))"
        "  (block $b (block $c (br_table $b $c $b (i32.const 0))))"
        "  (local.set $n (i32.add (local.get $n) (block $h (result i32)"
        "    (try_table (result i32) (catch $e $h) (throw $e (i32.const 100))))))"
        "  (drop (select (result f64) (f64.const 1) (local.get 2) (i32.const 0)))"
        "  (drop (i32.trunc_sat_f64_s (f64.const 1e9))) (drop (ref.is_null (ref.null func))) (drop (ref.func $seven))"
        "  (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1))) (atomic.fence)"
        "  (i32.add (i32.add (local.get $n) (i32.load8_u (i32.const 8))) (global.get $g))))",
        false);
    EQ(run(&r, "go"), 1 + 7 + 100 + 42 + 5);
    EQ(r.asked, 1);
    rewritten_end(&r);
}

TEST(facts_are_known_without_compiling)
{
    wasm_byte_vec_t bytes;
    const char *wat = "(module (import \"env\" \"memory\" (memory 3 4 shared)) (memory 2) (memory i64 1 9))";
    no_error(wasmtime_wat2wasm(wat, strlen(wat), &bytes));
    WasmFacts f;
    OK(wasm_facts((uint8_t *)bytes.data, bytes.size, NULL, NULL, &f));
    EQ(f.memory_bytes, 3 * 65536);
    EQ(f.memories, 2);
    TRUE(f.shared_import);
    wasm_byte_vec_delete(&bytes);
    EQ(wasm_facts((const uint8_t *)"\0asm\1\0\0", 7, NULL, NULL, &f), -ENOEXEC);
    EQ(wasm_facts((const uint8_t *)"", 0, NULL, NULL, &f), -ENOEXEC);
}

static int only_in_env(void *arg, WasmName module, WasmName name)
{
    ++*(int *)arg;
    return module.n == 3 && memcmp(module.s, "env", 3) == 0 && name.n == 1 ? 0 : -EPERM;
}

TEST(imported_functions_are_told_until_one_is_refused)
{
    wasm_byte_vec_t bytes;
    const char *wat = "(module (import \"env\" \"a\" (func)) (import \"env\" \"g\" (global i32))"
                      " (import \"other\" \"b\" (func)) (import \"env\" \"c\" (func)))";
    no_error(wasmtime_wat2wasm(wat, strlen(wat), &bytes));
    WasmFacts f;
    int asked = 0;
    EQ(wasm_facts((uint8_t *)bytes.data, bytes.size, only_in_env, &asked, &f), -EPERM);
    EQ(asked, 2);
    wasm_byte_vec_delete(&bytes);
}

/* Whatever is cut off or changed: an answer, and nothing read outside. */
TEST(broken_modules_are_refused_or_rewritten)
{
    wasm_byte_vec_t bytes;
    const char *wat =
        SHARED " (func (export \"f\") (param i32) (result i32) (block (br_table 0 0 (i32.const 1)))"
               " (drop (memory.grow (local.get 0))) (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 1))))";
    no_error(wasmtime_wat2wasm(wat, strlen(wat), &bytes));
    for (size_t i = 0; i < bytes.size; i++)
        for (unsigned change = 0; change < 9; change++) {
            size_t n = change == 8 ? i : bytes.size;
            uint8_t *copy = (uint8_t *)mem_dup(bytes.data, n);
            if (change < 8)
                copy[i] ^= (uint8_t)(1u << change);
            uint8_t *out = NULL;
            size_t out_n = 0;
            const char *why = "";
            int r = wasm_rewrite(copy, n, &out, &out_n, &why);
            TRUE(r == 0 || r == -ENOEXEC);
            mem_free(out);
            mem_free(copy);
        }
    wasm_byte_vec_delete(&bytes);
}
