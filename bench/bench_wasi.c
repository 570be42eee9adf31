/* SPDX-License-Identifier: MIT */
/*
 * System calls of a WASI program: the same module as a task and under wasmtime's own WASI over tmpfs, in this process; and
 * against the host's own calls on tmpfs. The module times its loop itself and writes the nanoseconds to descriptor 1.
 */
#include "bench/bench.h"

#include <stdio.h>
#include <string.h>
#include <wasi.h>
#include <wasmtime.h>

#define WASI_MODULE "\"wasi_snapshot_preview1\""
#define IMPORT(name, params) "(import " WASI_MODULE " \"" name "\" (func $" name " (param " params ") (result i32)))"

/*
 * Memory: 0 a piece of 64 bytes at 4096 and 8 where its count goes; 16 the result's piece, its eight bytes at 32; 64 a new
 * descriptor's number; 1024 the path. The file is written once, so that it does not grow; every 1024 calls begin at its start.
 */
static const char module[] = "(module " IMPORT("clock_time_get", "i32 i64 i32") IMPORT("fd_write", "i32 i32 i32 i32")
    IMPORT("fd_read", "i32 i32 i32 i32") IMPORT("fd_seek", "i32 i64 i32 i32") IMPORT("fd_close", "i32") IMPORT(
        "path_open",
        "i32 i32 i32 i32 i32 i64 i64 i32 i32") "(memory (export \"memory\") 1)"
                                               "(data (i32.const 0) \"\\00\\10\\00\\00\\40\\00\\00\\00\") (data "
                                               "(i32.const 16) \"\\20\\00\\00\\00\\08\\00\\00\\00\")"
                                               "(data (i32.const 1024) \"tmp/a/b/c/f\")"
                                               "(func $must (param i32) (if (local.get 0) (then unreachable)))"
                                               "(func $now (result i64) (call $must (call $clock_time_get (i32.const "
                                               "1) (i64.const 1) (i32.const 32))) (i64.load (i32.const 32)))"
                                               "(func $open (param $flags i32) (result i32) (call $must (call "
                                               "$path_open (i32.const 3) (i32.const 1) (i32.const 1024) (i32.const 11)"
                                               " (local.get $flags) (i64.const 0x6e) (i64.const 0) (i32.const 0) "
                                               "(i32.const 64))) (i32.load (i32.const 64)))"
                                               "(func $rewind (param $fd i32) (call $must (call $fd_seek (local.get "
                                               "$fd) (i64.const 0) (i32.const 0) (i32.const 72))))"
                                               "(func $write (param $fd i32) (call $must (call $fd_write (local.get "
                                               "$fd) (i32.const 0) (i32.const 1) (i32.const 8))))"
                                               "(func $read (param $fd i32) (call $must (call $fd_read (local.get $fd) "
                                               "(i32.const 0) (i32.const 1) (i32.const 8))))"
                                               "(func (export \"_start\") (local $i i32) (local $fd i32) (local $t i64)"
                                               " (local.set $fd (call $open (i32.const 1)))"
                                               " (local.set $i (i32.const 1024))"
                                               " (loop $fill (call $write (local.get $fd)) (br_if $fill (local.tee $i "
                                               "(i32.sub (local.get $i) (i32.const 1)))))"
                                               " (local.set $t (call $now)) (local.set $i (i32.const %u))"
                                               " (loop $l %s (br_if $l (local.tee $i (i32.sub (local.get $i) "
                                               "(i32.const 1)))))"
                                               " (i64.store (i32.const 32) (i64.sub (call $now) (local.get $t)))"
                                               " (call $must (call $fd_write (i32.const 1) (i32.const 16) (i32.const "
                                               "1) (i32.const 8)))))";

#define REWIND "(if (i32.eqz (i32.and (local.get $i) (i32.const 1023))) (then (call $rewind (local.get $fd))))"
static const char write_body[] = REWIND "(call $write (local.get $fd))";
static const char read_body[] = REWIND "(call $read (local.get $fd))";
static const char open_body[] = "(call $must (call $fd_close (call $open (i32.const 0))))";

typedef struct Work {
    Rig *m;
    const char *scratch;
    const char *body;
    unsigned n;                     /* repetitions that both programs were made for */
    wasm_engine_t *engine;
    wasmtime_module_t *compiled;    /* for wasmtime's own WASI */
} Work;

static void check(wasmtime_error_t *e, const char *what)
{
    if (e == NULL)
        return;
    wasm_name_t words;
    wasmtime_error_message(e, &words);
    die("%s: %.*s", what, (int)words.size, words.data);
}

static void make_programs(Work *w, unsigned n)
{
    if (w->n == n)
        return;
    char wat[8192];
    snprintf(wat, sizeof wat, module, n, w->body);
    rig_program(w->m, "/tmp/calls", wat);
    wasm_byte_vec_t bytes;
    check(wasmtime_wat2wasm(wat, strlen(wat), &bytes), "wat");
    if (w->compiled != NULL)
        wasmtime_module_delete(w->compiled);
    check(wasmtime_module_new(w->engine, (uint8_t *)bytes.data, bytes.size, &w->compiled), "compile");
    wasm_byte_vec_delete(&bytes);
    w->n = n;
}

static double as_task(void *arg, unsigned n)
{
    Work *w = arg;
    Rig *m = w->m;
    make_programs(w, n);
    unsigned id = rig_new_task(m);
    char path[64], code[16];
    rig_task(m, id, "fd/1/ctl", "dup /tmp/result w\n");
    rig_task(m, id, "ctl", "cmd /tmp/calls\nstart\n");
    snprintf(path, sizeof path, "/task/%u/wait", id);
    if (rig_get(m, path, code, sizeof code) != 2 || code[0] != '0')
        die("task %u: exit code %.3s", id, code);
    uint64_t ns = 0;
    rig_get(m, "/tmp/result", &ns, sizeof ns);
    rig_task(m, id, "ctl", "remove\n");
    return (double)ns;
}

static double under_wasmtime(void *arg, unsigned n)
{
    Work *w = arg;
    make_programs(w, n);
    char result[4096];
    snprintf(result, sizeof result, "%s/result", w->scratch);
    wasmtime_store_t *store = wasmtime_store_new(w->engine, NULL, NULL);
    wasmtime_context_t *context = wasmtime_store_context(store);
    wasi_config_t *wasi = wasi_config_new();
    if (!wasi_config_set_stdout_file(wasi, result) || !wasi_config_preopen_dir(wasi, w->scratch, "/", true))
        die("wasmtime's WASI: no access to %s", w->scratch);
    check(wasmtime_context_set_wasi(context, wasi), "wasi");
    wasmtime_linker_t *linker = wasmtime_linker_new(w->engine);
    check(wasmtime_linker_define_wasi(linker), "linker");
    wasmtime_instance_t instance;
    wasm_trap_t *trap = NULL;
    wasmtime_extern_t start;
    check(wasmtime_linker_instantiate(linker, context, w->compiled, &instance, &trap), "instantiate");
    if (!wasmtime_instance_export_get(context, &instance, "_start", 6, &start))
        die("no _start");
    check(wasmtime_func_call(context, &start.of.func, NULL, 0, NULL, 0, &trap), "call");
    if (trap != NULL)
        die("wasmtime's WASI: a trap");
    wasmtime_linker_delete(linker);
    wasmtime_store_delete(store);
    uint64_t ns = 0;
    FILE *f = fopen(result, "r");
    if (f == NULL || fread(&ns, sizeof ns, 1, f) != 1)
        die("%s: no result", result);
    fclose(f);
    return (double)ns;
}

void bench_wasi(Rig *m, const char *scratch)
{
    static HostWork write_work = HOST_WRITE, read_work = HOST_READ_FILE, open_work = HOST_OPEN;
    rig_mkdir(m, "/tmp/a");
    rig_mkdir(m, "/tmp/a/b");
    rig_mkdir(m, "/tmp/a/b/c");
    wasm_engine_t *engine = wasm_engine_new();
    const struct {
        const char *title, *body;
        HostWork *host;
        double faster, than_host;
        unsigned n;
    } rows[] = {
        { "wasi: fd_write, 64 bytes", write_body, &write_work, 100, 4, 20000 },
        { "wasi: fd_read, 64 bytes", read_body, &read_work, 100, 4, 20000 },
        { "wasi: path_open, 4 deep, fd_close", open_body, &open_work, 20, 2, 5000 },
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        Work w = { .m = m, .scratch = scratch, .body = rows[i].body, .engine = engine };
        Side ours = { "task", as_task, &w };
        bench_pair(rows[i].title, ours, (Side){ "wasmtime's WASI, tmpfs", under_wasmtime, &w }, rows[i].n,
                   rows[i].faster);
        bench_pair(rows[i].title, ours, (Side){ "the host, tmpfs", host_run, rows[i].host }, rows[i].n,
                   rows[i].than_host);
        wasmtime_module_delete(w.compiled);
    }
    wasm_engine_delete(engine);
}
