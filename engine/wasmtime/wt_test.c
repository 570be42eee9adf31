/* SPDX-License-Identifier: MIT */
/*
 * Programs under wasmtime as whole tasks: how they end, what they may have, how they are stopped. Each world is a kernel with one
 * memory file system at its root; programs are written there from text, and what they say goes to /out.
 */
#include "engine/wasmtime/wt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/devmem.h"
#include "engine/wasmtime/wt_disk_test.h"
#include "kern/boot.h"
#include "kern/count.h"
#include "test/test.h"

typedef struct World {
    Kernel *kernel;
    Call call;                      /* of the root task */
} World;

static void sleep_ms(unsigned ms)
{
    Mutex m;
    Cond cond;
    mutex_init(&m, RANK_LEAF);
    cond_init(&cond);
    mutex_lock(&m);
    cond_wait_until(&cond, &m, clock_now(CLOCK_MONO) + UINT64_C(1000000) * ms);
    mutex_unlock(&m);
    cond_destroy(&cond);
    mutex_destroy(&m);
}

static int populate(Call *c, Kernel *k)
{
    (void)k;
    File *root = NULL;
    int r = devmem_new(c, &root);
    if (r < 0)
        return r;
    AUTO_CHAN Chan *ch = chan_new(c, root, NULL);
    Ns *ns = task_ns(c->task);
    r = ns_bind(c, (WalkFrom){ .ns = ns }, ch, "/", BIND_CREATE);
    ns_put(ns);
    return r < 0 ? r : task_set_cwd(c, c->task, "/");
}

static int64_t null_read(Call *c, Chan *ch, void *buf, size_t n, uint64_t off)
{
    (void)c;
    (void)ch;
    (void)buf;
    (void)n;
    (void)off;
    return 0;
}

static int null_getattr(Call *c, File *f, Attr *a)
{
    (void)c;
    *a = (Attr){ .mode = f->type | 0666u };
    return 0;
}

static void null_free(File *f)
{
    mem_free(f);
}

static const Dev devnone = { .name = "none", .read = null_read, .getattr = null_getattr, .free = null_free };

static File *null_file(void)
{
    File *f = mem_alloc(sizeof(*f));
    if (f != NULL)
        file_init(f, &devnone, TYPE_CHAR, FILE_STREAM, 0, 1);
    return f;
}

static void world_begin(World *w)
{
    static const Engine *const engines[] = { &engine_wasmtime, NULL };
    static const MountType *const mounts[] = { &mount_tmpfs, NULL };
    static const BootList list = { .engines = engines, .mounts = mounts, .populate = populate, .null_file = null_file };
    disk_off();
    OK(kernel_boot(&list, 1000, 1000, &w->kernel));
    call_init(&w->call, w->kernel->root);
}

static void world_end(World *w)
{
    call_destroy(&w->call);
    kernel_end(w->kernel);
    image_forget_all();
    for (unsigned i = 0; count_of(OBJ_IMAGE) > 0 && i < 5000; i++)
        sleep_ms(1);                /* who compiled may still hold one */
    EQ(count_of(OBJ_IMAGE), 0);
    EQ(count_of(OBJ_INSTANCE), 0);
}

static void put_file(World *w, const char *path, const void *data, size_t n)
{
    Call *c = &w->call;
    AUTO_CHAN Chan *ch = NULL;
    int64_t r;
    CALL_RUN(c, r, walk_open(c, walk_self(c), path, 0, OPEN_WRITE | OPEN_CREATE | OPEN_TRUNC, 0644, &ch));
    OK(r);
    for (size_t at = 0; at < n; at += (size_t)r) {
        CALL_RUN(c, r, chan_write(c, ch, (const char *)data + at, n - at, at));
        TRUE(r > 0);
    }
}

static const char *get_file(World *w, const char *path)
{
    static char text[4096];
    Call *c = &w->call;
    AUTO_CHAN Chan *ch = NULL;
    int64_t r;
    CALL_RUN(c, r, walk_open(c, walk_self(c), path, 0, OPEN_READ, 0, &ch));
    OK(r);
    CALL_RUN(c, r, chan_read(c, ch, text, sizeof(text) - 1, 0));
    OK(r);
    text[r] = '\0';
    return text;
}

static void put_program(World *w, const char *path, const char *wat)
{
    wasm_byte_vec_t bytes;
    wasmtime_error_t *error = wasmtime_wat2wasm(wat, strlen(wat), &bytes);
    char words[512];
    if (error != NULL) {
        wt_error_words(error, words, sizeof(words));
        FAIL("%s", words);
    }
    put_file(w, path, bytes.data, bytes.size);
    wasm_byte_vec_delete(&bytes);
}

/* A task that will run path, its descriptors 1 and 2 /out. */
static Task *new_task(World *w, const char *path)
{
    Call *c = &w->call;
    Task *t = NULL;
    int r;
    CALL_RUN(c, r, task_new(c, w->kernel->root, NULL, &t));
    OK(r);
    mutex_lock(&t->lock);
    OK(strv_set_block(&t->args, path, strlen(path) + 1));
    mutex_unlock(&t->lock);
    Chan *out = NULL;
    CALL_RUN(c, r, walk_open(c, walk_self(c), "/out", 0, OPEN_WRITE | OPEN_CREATE | OPEN_APPEND, 0644, &out));
    OK(r);
    for (int fd = 1; fd <= 2; fd++) {
        call_begin(c);
        EQ(fd_put(c, task_fds(t), fd, chan_get(out), UINT64_MAX, UINT64_MAX, false), 0);
        call_end(c);
    }
    chan_put(out);
    return t;
}

static int start(World *w, Task *t)
{
    Call *c = &w->call;
    int r;
    CALL_RUN(c, r, task_start(c, t));
    return r;
}

static int wait_for(World *w, Task *t)
{
    Call *c = &w->call;
    int r, code = -1;
    CALL_RUN(c, r, task_wait(c, t, &code));
    OK(r);
    return code;
}

static void send_signal(World *w, Task *t, int signal)
{
    Call *c = &w->call;
    int r;
    CALL_RUN(c, r, task_kill(c, t, signal, KILL_ONE));
    OK(r);
}

/* Writes, starts and waits for a program; its code. */
static int run_wat(World *w, const char *wat, Task **out)
{
    put_program(w, "/program", wat);
    Task *t = new_task(w, "/program");
    OK(start(w, t));
    int code = wait_for(w, t);
    *out = t;
    return code;
}

#define WASI "(import \"wasi_snapshot_preview1\" "
#define FD_WRITE WASI "\"fd_write\" (func $fd_write (param i32 i32 i32 i32) (result i32)))"
#define PROC_EXIT WASI "\"proc_exit\" (func $proc_exit (param i32)))"

TEST(a_program_says_hello_and_exits)
{
    World w;
    world_begin(&w);
    Task *t = NULL;
    EQ(run_wat(
           &w,
           "(module " FD_WRITE PROC_EXIT
           "(memory (export \"memory\") 1) (data (i32.const 8) \"\\10\\00\\00\\00\\06\\00\\00\\00hello\\0a\")"
           "(func (export \"_start\") (drop (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0)))"
           " (call $proc_exit (i32.const 42)) unreachable))",
           &t),
       42);
    STR_EQ(get_file(&w, "/out"), "hello\n");
    task_put(t);
    world_end(&w);
}

TEST(a_program_that_returns_exits_with_0)
{
    World w;
    world_begin(&w);
    Task *t = NULL;
    EQ(run_wat(&w, "(module (func (export \"_start\")))", &t), 0);
    task_put(t);
    world_end(&w);
}

TEST(the_start_function_comes_first)
{
    World w;
    world_begin(&w);
    Task *t = NULL;
    EQ(run_wat(&w,
               "(module " PROC_EXIT
               "(global $g (mut i32) (i32.const 1)) (func $s (global.set $g (i32.const 9))) (start $s)"
               "(func (export \"_start\") (call $proc_exit (global.get $g))))",
               &t),
       9);
    task_put(t);
    world_end(&w);
}

static void expect_trap(World *w, const char *wat, const char *words)
{
    Task *t = NULL;
    EQ(run_wat(w, wat, &t), 134);
    mutex_lock(&t->lock);
    TRUE(t->error != NULL);
    char error[512];
    snprintf(error, sizeof(error), "%s", t->error);
    mutex_unlock(&t->lock);
    STR_EQ(error, words);
    task_put(t);
}

TEST(a_trap_is_134_with_words)
{
    World w;
    world_begin(&w);
    expect_trap(&w, "(module (func $boom unreachable) (func (export \"_start\") (call $boom)))",
                "wasm trap: wasm `unreachable` instruction executed, in boom < function 1");
    expect_trap(&w, "(module (memory 1) (func $f (export \"_start\") (drop (i32.load (i32.const 65536)))))",
                "memory fault at wasm address 0x10000 in linear memory of size 0x10000: wasm trap: out of bounds "
                "memory access, in f");
    expect_trap(&w, "(module (func $f (export \"_start\") (drop (i32.div_u (i32.const 1) (i32.const 0)))))",
                "wasm trap: integer divide by zero, in f");
    expect_trap(&w, "(module (func $r (export \"_start\") (call $r)))",
                "wasm trap: call stack exhausted, in r < r < r < r");
    expect_trap(&w, "(module (tag $e) (func $f (export \"_start\") (throw $e)))", "thrown Wasm exception, in f");
    world_end(&w);
}

static void expect_refusal(World *w, const char *wat, const char *words)
{
    put_program(w, "/program", wat);
    AUTO_TASK *t = new_task(w, "/program");
    EQ(start(w, t), -ENOEXEC);
    TRUE(strstr(w->call.words, words) != NULL);
    STR_EQ(strstr(w->call.words, words), words);
}

TEST(what_cannot_run_is_enoexec_and_says_why)
{
    World w;
    world_begin(&w);
    expect_refusal(&w, "(module (import \"env\" \"fork\" (func (result i32))) (func (export \"_start\")))",
                   "import env fork is not provided");
    /* Said before the body is looked at, since a compile may take minutes. */
    expect_refusal(&w, "(module (import \"env\" \"fork\" (func)) (func (export \"_start\") i32.const 1))",
                   "import env fork is not provided");
    expect_refusal(&w,
                   "(module (import \"wasi_snapshot_preview1\" \"fd_write\" (global i32)) (func (export \"_start\")))",
                   "import wasi_snapshot_preview1 fd_write is not provided");
    expect_refusal(&w, "(module (func (export \"main\")))", "not a program: it exports no _start");
    expect_refusal(
        &w,
        "(module (import \"env\" \"memory\" (memory 1 2 shared)) (import \"env\" \"other\" (memory 1 2 shared))"
        " (func (export \"_start\")))",
        "import env other is not provided");
    put_file(&w, "/program", "\0asm\1\0\0\0\1\77", 10);
    AUTO_TASK *t = new_task(&w, "/program");
    EQ(start(&w, t), -ENOEXEC);
    TRUE(w.call.words[0] != '\0');
    world_end(&w);
}

/* A refused program leaves the task startable. */
TEST(start_can_be_tried_again)
{
    World w;
    world_begin(&w);
    put_program(&w, "/program", "(module)");
    Task *t = new_task(&w, "/program");
    EQ(start(&w, t), -ENOEXEC);
    put_program(&w, "/program", "(module (func (export \"_start\")))");
    OK(start(&w, t));
    EQ(wait_for(&w, t), 0);
    task_put(t);
    world_end(&w);
}

static int try_start(void *arg)
{
    World *w = arg;
    Task *t = new_task(w, "/program");
    int r = start(w, t);
    if (r == 0)
        EQ(wait_for(w, t), 0);
    task_put(t);
    return r;
}

/* The program is known, then not: neither way of loading it leaves anything behind when memory ends. */
TEST(start_without_memory_is_enomem)
{
    World w;
    world_begin(&w);
    put_program(&w, "/program", "(module (memory 1) (func (export \"_start\")))");
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned n = 1;; n++) {
            Task *t = new_task(&w, "/program");
            mem_fail_at(n);
            int r = start(&w, t);
            bool done = mem_fail_pending();
            mem_fail_at(0);
            TRUE(r == 0 || r == -ENOMEM || r == -EAGAIN);      /* no thread */
            if (r == 0)
                EQ(wait_for(&w, t), 0);
            task_put(t);
            if (done)
                break;
        }
        sleep_ms(50);
        OK(try_start(&w));
    }
    world_end(&w);
}

/* A module that takes a while to compile. */
static void put_large(World *w, unsigned functions)
{
    Text t = { 0 };
    text_put(&t, "(module (memory 1) (func (export \"_start\"))");
    for (unsigned i = 0; i < functions; i++) {
        text_printf(&t, "(func (param i64 i64) (result i64) (local i64) (local.set 2 (i64.const %u))", i);
        for (unsigned k = 0; k < 40; k++)
            text_put(&t, "(local.set 2 (i64.mul (i64.add (local.get 2) (i64.load (i32.wrap_i64 (local.get 0)))) "
                         "(local.get 1)))");
        text_put(&t, "(local.get 2))");
    }
    text_put(&t, ")");
    OK(text_ok(&t));
    put_program(w, "/program", t.s);
    text_free(&t);
}

static void *interrupt_soon(void *arg)
{
    sleep_ms(3);
    call_interrupt(arg);
    return NULL;
}

TEST_SLOW(a_first_compile_can_be_interrupted_and_is_found_later, 60)
{
    World w;
    world_begin(&w);
    put_large(&w, 300);
    Task *t = new_task(&w, "/program");
    pthread_t other;
    EQ(pthread_create(&other, NULL, interrupt_soon, &w.call), 0);
    uint64_t before = clock_now(CLOCK_MONO);
    EQ(start(&w, t), -EINTR);
    uint64_t interrupted = clock_now(CLOCK_MONO) - before;
    pthread_join(other, NULL);
    EQ(count_of(OBJ_IMAGE), 1);     /* still being compiled */
    OK(start(&w, t));
    TRUE(clock_now(CLOCK_MONO) - before > interrupted);
    EQ(wait_for(&w, t), 0);
    task_put(t);
    world_end(&w);
}

#define LOOP "(module (func (export \"_start\") (loop (br 0))))"

TEST(a_compute_loop_dies_of_kill_at_once)
{
    World w;
    world_begin(&w);
    put_program(&w, "/program", LOOP);
    Task *t = new_task(&w, "/program");
    OK(start(&w, t));
    sleep_ms(20);
    uint64_t before = clock_now(CLOCK_MONO);
    send_signal(&w, t, SIG_KILL);
    EQ(wait_for(&w, t), 128 + SIG_KILL);
    TRUE(clock_now(CLOCK_MONO) - before < UINT64_C(1000000000) * test_stretch());
    task_put(t);
    world_end(&w);
}

/* Counts in its memory; another host thread looks through /out, to which it writes now and then. */
#define TICKER                                                                                                         \
    "(module " FD_WRITE "(memory (export \"memory\") 1) (data (i32.const 8) \"\\10\\00\\00\\00\\01\\00\\00\\00x\")"   \
    "(func (export \"_start\") (local i32) (loop $again (local.set 0 (i32.const 100000))"                             \
    " (loop $spin (br_if $spin (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))"                                 \
    " (drop (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0))) (br $again))))"

TEST(a_compute_loop_pauses_and_goes_on)
{
    World w;
    world_begin(&w);
    put_program(&w, "/program", TICKER);
    Task *t = new_task(&w, "/program");
    OK(start(&w, t));
    while (strlen(get_file(&w, "/out")) < 3)
        sleep_ms(1);
    send_signal(&w, t, SIG_STOP);
    sleep_ms(50);
    size_t paused = strlen(get_file(&w, "/out"));
    sleep_ms(50);
    EQ(strlen(get_file(&w, "/out")), paused);
    send_signal(&w, t, SIG_CONT);
    for (unsigned i = 0; strlen(get_file(&w, "/out")) == paused && paused < 4095; i++) {
        TRUE(i < 2000);
        sleep_ms(1);
    }
    send_signal(&w, t, SIG_KILL);
    EQ(wait_for(&w, t), 128 + SIG_KILL);
    task_put(t);
    world_end(&w);
}

TEST(a_paused_program_dies)
{
    World w;
    world_begin(&w);
    put_program(&w, "/program", LOOP);
    Task *t = new_task(&w, "/program");
    OK(start(&w, t));
    send_signal(&w, t, SIG_STOP);
    sleep_ms(20);
    send_signal(&w, t, SIG_KILL);
    EQ(wait_for(&w, t), 128 + SIG_KILL);
    task_put(t);
    world_end(&w);
}

/* Grows until it is refused and exits with the pages it has. */
#define GROWER                                                                                                         \
    "(module " PROC_EXIT "(memory (export \"memory\") 1) (func (export \"_start\")"                                    \
    " (loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (call $proc_exit memory.size)))"

TEST(memory_grows_to_the_limit_and_no_further)
{
    World w;
    world_begin(&w);
    put_program(&w, "/program", GROWER);
    Task *t = new_task(&w, "/program");
    Call *c = &w.call;
    int r;
    CALL_RUN(c, r, account_limit_memory(c, t->account, 4 << 20, true));
    OK(r);
    OK(start(&w, t));
    int pages = wait_for(&w, t);
    TRUE(pages >= 50 && pages <= 63);
    AccountSums sums;
    account_sums(t->account, &sums);
    TRUE(sums.mem_current < 256 * 1024);    /* all given back before wait is answered */
    TRUE(sums.mem_peak > 3 << 20);
    task_put(t);
    world_end(&w);
}

/*
 * random_get of 16 bytes is EFAULT (21) just behind the memory, and right there once it has grown; not so behind the new end. The
 * errnos are summed.
 */
#define TOUCH(addr)                                                                                                        "(local.set $sum (i32.add (local.get $sum) (call $random_get (i32.const " addr ") (i32.const 16))))"
#define GROWS_AND_TOUCHES                                                                                              \
    "(module " PROC_EXIT WASI "\"random_get\" (func $random_get (param i32 i32) (result i32)))"                        \
    "(memory (export \"memory\") 1) (func (export \"_start\") (local $sum i32)" TOUCH("0")                             \
        TOUCH("65536") "(drop (memory.grow (i32.const 1)))" TOUCH("65536")                                             \
            TOUCH("131072") "(drop (memory.grow (i32.const 100)))" TOUCH("6684656") TOUCH("6684665")                   \
                TOUCH("131072") "(call $proc_exit (local.get $sum))))"

TEST(calls_see_the_memory_that_has_grown)
{
    World w;
    world_begin(&w);
    put_program(&w, "/program", GROWS_AND_TOUCHES);
    Task *t = new_task(&w, "/program");
    OK(start(&w, t));
    EQ(wait_for(&w, t), 3 * 21);
    task_put(t);
    world_end(&w);
}

TEST(a_program_too_large_for_its_limit_does_not_start)
{
    World w;
    world_begin(&w);
    put_program(&w, "/program", "(module (memory (export \"memory\") 200) (func (export \"_start\")))");
    Task *t = new_task(&w, "/program");
    Call *c = &w.call;
    int r;
    CALL_RUN(c, r, account_limit_memory(c, t->account, 4 << 20, true));
    OK(r);
    EQ(start(&w, t), -ENOMEM);
    task_put(t);
    world_end(&w);
}

#define THREADS                                                                                                        \
    "(import \"env\" \"memory\" (memory 1 100 shared))"                                                                \
    "(import \"wasi\" \"thread-spawn\" (func $spawn (param i32) (result i32)))"

/* Four threads add their argument to a sum; the first waits for them and exits with it. */
TEST(threads_share_memory)
{
    World w;
    world_begin(&w);
    Task *t = NULL;
    EQ(run_wat(&w,
               "(module " PROC_EXIT THREADS "(func (export \"wasi_thread_start\") (param i32 i32)"
               " (drop (i32.atomic.rmw.add (i32.const 0) (local.get 1))) (drop (i32.atomic.rmw.add (i32.const 4) "
               "(i32.const 1)))"
               " (drop (memory.atomic.notify (i32.const 4) (i32.const 1))))"
               "(func (export \"_start\") (local i32) (local.set 0 (i32.const 1))"
               " (loop (br_if 0 (i32.and (i32.gt_s (call $spawn (local.get 0)) (i32.const 0))"
               "   (i32.ne (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 5)))))"
               " (loop (local.set 0 (i32.atomic.load (i32.const 4)))"
               "   (if (i32.ne (local.get 0) (i32.const 4))"
               "     (then (drop (memory.atomic.wait32 (i32.const 4) (local.get 0) (i64.const -1))) (br 1))))"
               " (call $proc_exit (i32.atomic.load (i32.const 0)))))",
               &t),
       1 + 2 + 3 + 4);
    task_put(t);
    world_end(&w);
}

/* Sixteen random bytes to the very end of the memory, and one byte past it. */
TEST(shared_memory_has_an_end)
{
    World w;
    world_begin(&w);
    Task *t = NULL;
    EQ(run_wat(&w,
               "(module " PROC_EXIT THREADS WASI "\"random_get\" (func $random (param i32 i32) (result i32)))"
               "(func (export \"_start\") (call $proc_exit (i32.add"
               " (i32.mul (call $random (i32.const 65520) (i32.const 16)) (i32.const 100))"
               " (call $random (i32.const 65521) (i32.const 16))))))",
               &t),
       21);                         /* FAULT */
    task_put(t);
    world_end(&w);
}

#define WAIT_FOREVER "(drop (memory.atomic.wait32 (i32.const 64) (i32.const 0) (i64.const -1)))"

TEST(kill_ends_an_endless_atomic_wait_in_any_thread)
{
    World w;
    world_begin(&w);
    put_program(
        &w, "/program",
        "(module " THREADS "(func (export \"wasi_thread_start\") (param i32 i32) " WAIT_FOREVER ")"
        "(func (export \"_start\") (drop (call $spawn (i32.const 0))) (drop (call $spawn (i32.const 0))) " WAIT_FOREVER
        "))");
    Task *t = new_task(&w, "/program");
    OK(start(&w, t));
    sleep_ms(50);
    uint64_t before = clock_now(CLOCK_MONO);
    send_signal(&w, t, SIG_KILL);
    EQ(wait_for(&w, t), 128 + SIG_KILL);
    TRUE(clock_now(CLOCK_MONO) - before < UINT64_C(1000000000) * test_stretch());
    task_put(t);
    world_end(&w);
}

TEST(one_thread_ends_them_all)
{
    World w;
    world_begin(&w);
    Task *t = NULL;
    EQ(run_wat(&w,
               "(module " PROC_EXIT THREADS
               "(func (export \"wasi_thread_start\") (param i32 i32) (call $proc_exit (i32.const 7)))"
               "(func (export \"_start\") (drop (call $spawn (i32.const 0))) " WAIT_FOREVER "))",
               &t),
       7);
    task_put(t);
    EQ(run_wat(&w,
               "(module " THREADS "(func (export \"wasi_thread_start\") (param i32 i32) unreachable)"
               "(func (export \"_start\") (drop (call $spawn (i32.const 0))) (loop (br 0))))",
               &t),
       134);
    task_put(t);
    EQ(run_wat(&w,
               "(module " THREADS "(func (export \"wasi_thread_start\") (param i32 i32) (loop (br 0)))"
               "(func (export \"_start\") (drop (call $spawn (i32.const 0)))))",
               &t),
       0);
    task_put(t);
    world_end(&w);
}

TEST(thread_spawn_fails_without_shared_memory)
{
    World w;
    world_begin(&w);
    Task *t = NULL;
    EQ(run_wat(&w,
               "(module " PROC_EXIT "(import \"wasi\" \"thread-spawn\" (func $spawn (param i32) (result i32)))"
               "(func (export \"_start\") (call $proc_exit (i32.lt_s (call $spawn (i32.const 0)) (i32.const 0)))))",
               &t),
       1);
    task_put(t);
    world_end(&w);
}

/* The same bytes are compiled once, and a program that was changed runs as what it is now. */
TEST(programs_are_known_by_their_bytes)
{
    World w;
    world_begin(&w);
    put_program(&w, "/one", "(module (func (export \"_start\")))");
    put_program(&w, "/two", "(module (func (export \"_start\")))");
    sleep_ms(50);                   /* younger files are not remembered */
    for (unsigned i = 0; i < 4; i++) {
        AUTO_TASK *t = new_task(&w, i % 2 == 0 ? "/one" : "/two");
        OK(start(&w, t));
        EQ(wait_for(&w, t), 0);
        EQ(count_of(OBJ_IMAGE), 1);
    }
    put_program(&w, "/one", "(module (func (export \"_start\") unreachable))");
    AUTO_TASK *t = new_task(&w, "/one");
    OK(start(&w, t));
    EQ(wait_for(&w, t), 134);
    world_end(&w);
}

TEST(many_programs_at_once)
{
    enum { MANY = 64 };
    World w;
    world_begin(&w);
    put_program(&w, "/program", LOOP);
    Task *tasks[MANY];
    unsigned most = wt_engine()->slots, n = most > 0 && most < MANY ? most : MANY;
    for (unsigned i = 0; i < n; i++) {
        tasks[i] = new_task(&w, "/program");
        OK(start(&w, tasks[i]));
    }
    if (n == most) {                /* a full pool is an answer; the task can be started later */
        AUTO_TASK *t = new_task(&w, "/program");
        EQ(start(&w, t), -EAGAIN);
    }
    for (unsigned i = 0; i < n; i++)
        send_signal(&w, tasks[i], SIG_KILL);
    for (unsigned i = 0; i < n; i++) {
        EQ(wait_for(&w, tasks[i]), 128 + SIG_KILL);
        task_put(tasks[i]);
    }
    world_end(&w);
}

typedef struct Starter {
    World world;                    /* the same kernel, a Call of its own */
    unsigned seed;
    pthread_t thread;
} Starter;

static unsigned draw(Starter *s, unsigned n)
{
    s->seed = s->seed * 1103515245u + 12345u;
    return (s->seed >> 16) % n;
}

/* One program's life, ended in one of several ways at one of several moments. */
static void one_life(Starter *s)
{
    static const char *const programs[] = { "/loop", "/wait", "/return", "/trap" };
    World *w = &s->world;
    Task *t = new_task(w, programs[draw(s, LEN(programs))]);
    int r = start(w, t);
    if (r == -EAGAIN) {             /* a small pool is full */
        task_put(t);
        return;
    }
    OK(r);
    if (draw(s, 2) == 0)
        sleep_ms(draw(s, 5));
    Call *c = &w->call;
    for (unsigned i = draw(s, 3); i > 0; i--) {
        CALL_RUN(c, r, task_kill(c, t, i % 2 == 0 ? SIG_STOP : SIG_CONT, KILL_ONE));
        TRUE(r == 0 || r == -ESRCH);
    }
    CALL_RUN(c, r, task_kill(c, t, SIG_KILL, KILL_ONE));
    TRUE(r == 0 || r == -ESRCH);
    int code = wait_for(w, t);
    TRUE(code == 0 || code == 134 || code == 128 + SIG_KILL);
    task_put(t);
}

static void *starter_main(void *arg)
{
    Starter *s = arg;
    call_init(&s->world.call, s->world.kernel->root);
    for (unsigned i = 0; i < 40; i++)
        one_life(s);
    call_destroy(&s->world.call);
    return NULL;
}

TEST_SLOW(lives_of_all_kinds_side_by_side, 60)
{
    enum { STARTERS = 4 };
    World w;
    world_begin(&w);
    put_program(&w, "/loop", LOOP);
    put_program(&w, "/return", "(module (memory 1) (func (export \"_start\") (drop (memory.grow (i32.const 1)))))");
    put_program(&w, "/trap", "(module (func (export \"_start\") unreachable))");
    put_program(&w, "/wait",
                "(module " THREADS "(func (export \"wasi_thread_start\") (param i32 i32) " WAIT_FOREVER ")"
                "(func (export \"_start\") (drop (call $spawn (i32.const 0))) " WAIT_FOREVER "))");
    Starter starters[STARTERS];
    for (unsigned i = 0; i < STARTERS; i++) {
        starters[i] = (Starter){ .world.kernel = w.kernel, .seed = i + 1 };
        EQ(pthread_create(&starters[i].thread, NULL, starter_main, &starters[i]), 0);
    }
    for (unsigned i = 0; i < STARTERS; i++)
        pthread_join(starters[i].thread, NULL);
    EQ(atomic_load(&wt_engine()->used), 0);
    world_end(&w);
}
