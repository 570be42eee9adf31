/* SPDX-License-Identifier: MIT */
/*
 * What the tasks of a soak run: functions of the test engine, which do what programs do with /task, and small WASI programs that
 * wait, compute, trap, grow and make threads under the real engine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wasm.h>
#include <wasmtime.h>

#include "test/soak/soak.h"
#include "test/testengine.h"

/* ---- functions ------------------------------------------------------------------------------------------------------ */

PROGRAM(soak_exit)
{
    (void)a;
    return 7;
}

PROGRAM(soak_sleep)
{
    (void)act_sleep(a, 1000000);
    return 0;
}

PROGRAM(soak_copy)
{
    char s[512];
    int64_t n;
    while ((n = act_read(a, 0, s, sizeof s)) > 0)
        if (act_write(a, 1, s, (size_t)n) < 0)
            return 1;
    return 0;
}

PROGRAM(soak_write)
{
    static const char s[1000] = "some text";
    for (int i = 0; i < 200; i++)
        if (act_write(a, 1 + i % 2, s, sizeof s) < 0)
            return 1;
    return 0;
}

/* Children of its own: one runs, one exits, one is killed before it started, one is left as it is. */
PROGRAM(soak_family)
{
    static const char *const lines[] = { "cmd sleep\nstart\n", "cmd exit\nstart\n", "kill 9\n", "cmd copy\n" };
    char id[32], path[64];
    for (unsigned i = 0; i < LEN(lines) && act_get(a, "/task/new", id, sizeof id) == 0; i++) {
        snprintf(path, sizeof path, "/task/%s/ctl", id);
        (void)act_put(a, path, lines[i]);
    }
    (void)act_sleep(a, 20);
    return 0;
}

PROGRAM(soak_exec)
{
    (void)act_put(a, "/task/self/cmdline", "copy");
    (void)act_put(a, "/task/self/ctl", "exec\n");
    (void)act_sleep(a, 1000);
    return 0;
}

PROGRAM(soak_vfork)
{
    char id[32], path[64];
    for (int i = 0; i < 3 && act_get(a, "/task/new", id, sizeof id) == 0; i++) {
        snprintf(path, sizeof path, "/task/%s/ctl", id);
        if (act_put(a, path, "vfork\n") < 0)
            continue;
        (void)act_put(a, "/task/self/fd/1/ctl", "dup /tmp/f4\n");
        (void)act_put(a, "/task/self/cwd", "/tmp\n");
        (void)act_put(a, path, i == 0 ? "exit 3\n" : i == 1 ? "cmd exit\nstart\n" : "cmd sleep\n");
    }
    return 0;
}

PROGRAM(soak_signals)
{
    char line[32];
    int fd = act_open(a, "/task/self/signal", OPEN_READ);
    while (fd >= 0 && act_read(a, fd, line, sizeof line) > 0) {
    }
    return 1;
}

static int second(Actor *a)
{
    return act_sleep(a, 50);
}

PROGRAM(soak_threads)
{
    for (int i = 0; i < 3; i++)
        (void)act_thread(a, second);
    (void)act_sleep(a, 10);
    return 0;
}

PROGRAM(soak_objects)
{
    char id[32], line[96];
    if (act_get(a, "/cap/new/tmpfs", id, sizeof id) == 0) {
        snprintf(line, sizeof line, "bind /cap/%s/root /mine\n", id);
        (void)act_put(a, "/task/self/ns/ctl", line);
        (void)act_put(a, "/mine/file", "text");
    }
    (void)act_put(a, "/task/self/ns/ctl", "mount tmpfs /mine/sub\nhide /dev\nunbind /mine\n");
    (void)act_put(a, "/task/self/fd/5/ctl", "dup /tmp/f5 rw\n");
    (void)act_put(a, "/task/self/fd/5/ctl", "lock w 0 9\n");
    if (act_get(a, "/cap/new/pipe", id, sizeof id) == 0) {
        snprintf(line, sizeof line, "/cap/%s/w", id);
        (void)act_open(a, line, OPEN_WRITE);
    }
    (void)act_sleep(a, 30);
    return 0;
}

/* ---- WASI programs -------------------------------------------------------------------------------------------------- */

#define P1(name, params)                                                                                               \
    "(import \"wasi_snapshot_preview1\" \"" name "\" (func $" name " (param " params ") (result i32)))"
#define WASI_EXIT "(import \"wasi_snapshot_preview1\" \"proc_exit\" (func $proc_exit (param i32)))"

static const struct {
    const char *name, *wat;
} modules[] = {
    { "wexit", "(module " WASI_EXIT "(memory (export \"memory\") 1) (func (export \"_start\") (call $proc_exit "
               "(i32.const 7))))" },
    { "wtrap", "(module (memory (export \"memory\") 1) (func (export \"_start\") unreachable))" },
    { "wspin", "(module (memory (export \"memory\") 1) (func (export \"_start\") (loop $l (br $l))))" },
    /* One subscription: the monotonic clock, in 1,000 seconds. */
    { "wsleep",
      "(module " P1("poll_oneoff",
                    "i32 i32 i32 i32") "(memory (export \"memory\") 1) (data (i32.const 16) "
                                       "\"\\01\") (data (i32.const 24) \"\\00\\10\\a5\\d4\\e8\") (func (export "
                                       "\"_start\") (drop (call "
                                       "$poll_oneoff (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))" },
    { "wcopy",
      "(module " P1("fd_read", "i32 i32 i32 i32")
          P1("fd_write",
             "i32 i32 i32 i32") "(memory (export \"memory\") 1) (func (export \"_start\") (loop $l"
                                " (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 4096))"
                                " (if (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)) (then "
                                "return))"
                                " (i32.store (i32.const 4) (i32.load (i32.const 8)))"
                                " (if (i32.eqz (i32.load (i32.const 8))) (then return))"
                                " (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (then "
                                "return))"
                                " (br $l))))" },
    { "wgrow", "(module (memory (export \"memory\") 1 200) (func (export \"_start\") (loop $l (if (i32.ne (memory.grow "
               "(i32.const 3)) (i32.const -1)) (then (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) "
               "(i32.const 8)) (i32.const 1)) (br $l))))))" },
    { "wthreads",
      "(module (import \"env\" \"memory\" (memory 1 4 shared)) (import \"wasi\" \"thread-spawn\" (func $spawn "
      "(param i32) (result i32))) (export \"memory\" (memory 0)) (func (export \"wasi_thread_start\") (param "
      "i32 i32) (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 50000000)))) (func (export "
      "\"_start\") (drop (call $spawn (i32.const 1))) (drop (call $spawn (i32.const 2))) (drop "
      "(memory.atomic.wait32 (i32.const 8) (i32.const 0) (i64.const 20000000)))))" },
};

const char *const soak_programs[] = {
    "exit",    "sleep",    "copy",    "write",   "family",  "exec",    "vfork", "signals", "threads",
    "objects", "script a", "copy x",  "write 1", "wexit 1", "wtrap",   "wspin", "wsleep",  "wcopy",
    "wgrow",   "wthreads", "wcopy 2", "text",    "none",    "sleep 2", NULL,
};

bool wat_to_wasm(const char *wat, char **out, size_t *n)
{
    wasm_byte_vec_t bytes;
    wasmtime_error_t *error = wasmtime_wat2wasm(wat, strlen(wat), &bytes);
    if (error != NULL) {
        wasm_name_t text;
        wasmtime_error_message(error, &text);
        fprintf(stderr, "%.*s\n", (int)text.size, text.data);
        wasm_byte_vec_delete(&text);
        wasmtime_error_delete(error);
        return false;
    }
    *out = malloc(bytes.size);
    *n = bytes.size;
    if (*out != NULL)
        memcpy(*out, bytes.data, bytes.size);
    wasm_byte_vec_delete(&bytes);
    return *out != NULL;
}

void programs_each(void (*fn)(void *arg, char *wasm, size_t n), void *arg)
{
    for (unsigned i = 0; i < LEN(modules); i++) {
        char *wasm;
        size_t n;
        if (!wat_to_wasm(modules[i].wat, &wasm, &n))
            soak_fail("%s is no module", modules[i].name);
        fn(arg, wasm, n);
    }
}

static void put_text(Soak *s, const char *path, const char *text)
{
    must(s, path, soak_put(s, path, text, strlen(text)));
}

void programs_put(Soak *s)
{
    static const char *const functions[] = { "exit", "sleep", "copy",    "write",   "family",
                                             "exec", "vfork", "signals", "threads", "objects" };
    char path[64], text[64];
    for (unsigned i = 0; i < LEN(functions); i++) {
        snprintf(path, sizeof path, "/bin/%s", functions[i]);
        snprintf(text, sizeof text, "test:soak_%s\n", functions[i]);
        put_text(s, path, text);
    }
    put_text(s, "/bin/script", "#!/bin/copy\n");
    put_text(s, "/bin/text", "no program\n");
    for (unsigned i = 0; i < LEN(modules); i++) {
        char *wasm;
        size_t n;
        if (!wat_to_wasm(modules[i].wat, &wasm, &n))
            soak_fail("%s is no module", modules[i].name);
        snprintf(path, sizeof path, "/bin/%s", modules[i].name);
        must(s, path, soak_put(s, path, wasm, n));
        free(wasm);
    }
}
