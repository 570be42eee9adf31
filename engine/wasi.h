/* SPDX-License-Identifier: MIT */
/*
 * WASI preview 1, once, for every engine that runs wasm: each call of the program is a function over kernel calls and
 * the guest's memory. Nothing here parks: a call that cannot go on returns WASI_WAIT with its Call armed, so that
 * every host call can end normally, be entered again with the same arguments, or be unwound. doc/wasi.md says what
 * each call does and answers.
 *
 * An engine gives each thread of the program a WasiThread, and generates its imports from WASI_CALLS:
 *
 *     #define WASI_32(n) ((uint32_t)args[n].i32)
 *     #define WASI_64(n) ((uint64_t)args[n].i64)
 *     #define IMPORT(name, params, results, arguments)                                  \
 *         static wasm_trap_t *import_##name(...)                                        \
 *         {                                                                             \
 *             WasiThread *w = ...;          (and the current base and length in w->guest) \
 *             int32_t r;                                                                \
 *             WASI_RUN(w, r, wasi_##name arguments);                                    \
 *             ... r >= 0: the result (proc_exit has none); r < 0: unwind the thread     \
 *         }
 *     WASI_CALLS(IMPORT)
 *
 * `thread-spawn` of wasi-threads is the engine's own: it makes the instance.
 */
#ifndef ENGINE_WASI_H
#define ENGINE_WASI_H

#include "engine/wasi_abi.h"
#include "engine/wasi_mem.h"
#include "kern/engine.h"
#include "kern/task.h"

/* What a call answers: an errno of WASI (0 is success), or one of these. */
enum {
    WASI_WAIT = -1,                 /* the Call is armed: park or unwind, then enter again */
    WASI_EXIT = -2,                 /* proc_exit: the program ends with Wasi.exit_code; unwind this thread */
    WASI_END = -3,                  /* the task was killed, ended by another thread, or replaced: unwind this thread */
};

/* One program, shared by its threads. */
typedef struct Wasi {
    Task *task;                     /* borrowed: the engine holds the task while its program runs */
    atomic_int exit_code;           /* of proc_exit; the first one counts. 0 when _start returned */
    atomic_bool exited;
} Wasi;

/* One thread of it. The engine fills in the first four; the rest is zeroed when the thread begins. */
typedef struct WasiThread {
    Wasi *wasi;
    TaskThread *thread;             /* begun with task_thread_begin; its Call serves all calls of this thread */
    Guest guest;                    /* set before each call */
    void *engine;                   /* the engine's own */

    bool again;                     /* this entry goes on with a call that waited */
    uint64_t since;                 /* poll_oneoff: when its first try began, on CLOCK_MONO */
    Task *acting;                   /* owned for the call: the vfork child that stands in, when there is one */
} WasiThread;

/*
 * Once, on the program's first thread, before its first instruction: sets PWD, opens the preopens and moves the
 * task's own descriptors behind them. A slot from 3 up that has a preopen name already (taskfs run --dir) stays a
 * preopen, after those of the namespace. Parks where it must.
 *   -EINTR  the task is being ended    -EMFILE, -ENOMEM, and what opening / and the directory answers
 */
int wasi_begin(Wasi *wasi, Task *task, TaskThread *thread);

/* ---- one call ----------------------------------------------------------------------------------------------------- */

static inline void wasi_call_begin(WasiThread *w)
{
    call_begin(&w->thread->call);
    w->thread->call.deadline = 0;
    w->again = false;
}

/* After WASI_WAIT, for a thread that may park: WASI_WAIT to enter again, or the errno that ends the call (EINTR). */
int32_t wasi_call_park(WasiThread *w);

/* The end of a call with result r: r, or WASI_END when the task is to end (a pause is waited for in here). */
static inline int32_t wasi_call_end(WasiThread *w, int32_t r)
{
    call_end(&w->thread->call);
    if (__builtin_expect(w->acting != NULL, 0))
        task_put(STEAL(w->acting));
    if (__builtin_expect(task_attend_fast(w->wasi->task, w->thread) < 0, 0))
        return r == WASI_EXIT ? r : WASI_END;
    return r;
}

/* Runs `call` (an expression wasi_...) to its end, parking between its tries: r is an errno, WASI_EXIT or WASI_END. */
#define WASI_RUN(w, r, call)                                                                                           \
    do {                                                                                                               \
        wasi_call_begin(w);                                                                                            \
        while (((r) = (call)) == WASI_WAIT)                                                                            \
            if (((r) = wasi_call_park(w)) != WASI_WAIT)                                                                \
                break;                                                                                                 \
        (r) = wasi_call_end(w, (r));                                                                                   \
    } while (0)

/* ---- the calls ---------------------------------------------------------------------------------------------------- */

/*
 * All of preview 1: X(name, parameters, results, arguments); i is a 32-bit, I a 64-bit integer. `arguments` is the
 * argument list of wasi_NAME, in terms of w and of WASI_32(n), WASI_64(n): the n-th parameter, which the user of the
 * list defines.
 */
#define WASI_CALLS(X)                                                                                                  \
    X(args_get, "ii", "i", (w, WASI_32(0), WASI_32(1)))                                                                \
    X(args_sizes_get, "ii", "i", (w, WASI_32(0), WASI_32(1)))                                                          \
    X(environ_get, "ii", "i", (w, WASI_32(0), WASI_32(1)))                                                             \
    X(environ_sizes_get, "ii", "i", (w, WASI_32(0), WASI_32(1)))                                                       \
    X(clock_res_get, "ii", "i", (w, WASI_32(0), WASI_32(1)))                                                           \
    X(clock_time_get, "iIi", "i", (w, WASI_32(0), WASI_64(1), WASI_32(2)))                                             \
    X(fd_advise, "iIIi", "i", (w, WASI_32(0), WASI_64(1), WASI_64(2), WASI_32(3)))                                     \
    X(fd_allocate, "iII", "i", (w, WASI_32(0), WASI_64(1), WASI_64(2)))                                                \
    X(fd_close, "i", "i", (w, WASI_32(0)))                                                                             \
    X(fd_datasync, "i", "i", (w, WASI_32(0)))                                                                          \
    X(fd_fdstat_get, "ii", "i", (w, WASI_32(0), WASI_32(1)))                                                           \
    X(fd_fdstat_set_flags, "ii", "i", (w, WASI_32(0), WASI_32(1)))                                                     \
    X(fd_fdstat_set_rights, "iII", "i", (w, WASI_32(0), WASI_64(1), WASI_64(2)))                                       \
    X(fd_filestat_get, "ii", "i", (w, WASI_32(0), WASI_32(1)))                                                         \
    X(fd_filestat_set_size, "iI", "i", (w, WASI_32(0), WASI_64(1)))                                                    \
    X(fd_filestat_set_times, "iIIi", "i", (w, WASI_32(0), WASI_64(1), WASI_64(2), WASI_32(3)))                         \
    X(fd_pread, "iiiIi", "i", (w, WASI_32(0), WASI_32(1), WASI_32(2), WASI_64(3), WASI_32(4)))                         \
    X(fd_prestat_get, "ii", "i", (w, WASI_32(0), WASI_32(1)))                                                          \
    X(fd_prestat_dir_name, "iii", "i", (w, WASI_32(0), WASI_32(1), WASI_32(2)))                                        \
    X(fd_pwrite, "iiiIi", "i", (w, WASI_32(0), WASI_32(1), WASI_32(2), WASI_64(3), WASI_32(4)))                        \
    X(fd_read, "iiii", "i", (w, WASI_32(0), WASI_32(1), WASI_32(2), WASI_32(3)))                                       \
    X(fd_readdir, "iiiIi", "i", (w, WASI_32(0), WASI_32(1), WASI_32(2), WASI_64(3), WASI_32(4)))                       \
    X(fd_renumber, "ii", "i", (w, WASI_32(0), WASI_32(1)))                                                             \
    X(fd_seek, "iIii", "i", (w, WASI_32(0), WASI_64(1), WASI_32(2), WASI_32(3)))                                       \
    X(fd_sync, "i", "i", (w, WASI_32(0)))                                                                              \
    X(fd_tell, "ii", "i", (w, WASI_32(0), WASI_32(1)))                                                                 \
    X(fd_write, "iiii", "i", (w, WASI_32(0), WASI_32(1), WASI_32(2), WASI_32(3)))                                      \
    X(path_create_directory, "iii", "i", (w, WASI_32(0), WASI_32(1), WASI_32(2)))                                      \
    X(path_filestat_get, "iiiii", "i", (w, WASI_32(0), WASI_32(1), WASI_32(2), WASI_32(3), WASI_32(4)))                \
    X(path_filestat_set_times, "iiiiIIi", "i",                                                                         \
      (w, WASI_32(0), WASI_32(1), WASI_32(2), WASI_32(3), WASI_64(4), WASI_64(5), WASI_32(6)))                         \
    X(path_link, "iiiiiii", "i",                                                                                       \
      (w, WASI_32(0), WASI_32(1), WASI_32(2), WASI_32(3), WASI_32(4), WASI_32(5), WASI_32(6)))                         \
    X(path_open, "iiiiiIIii", "i",                                                                                     \
      (w, WASI_32(0), WASI_32(1), WASI_32(2), WASI_32(3), WASI_32(4), WASI_64(5), WASI_64(6), WASI_32(7), WASI_32(8))) \
    X(path_readlink, "iiiiii", "i", (w, WASI_32(0), WASI_32(1), WASI_32(2), WASI_32(3), WASI_32(4), WASI_32(5)))       \
    X(path_remove_directory, "iii", "i", (w, WASI_32(0), WASI_32(1), WASI_32(2)))                                      \
    X(path_rename, "iiiiii", "i", (w, WASI_32(0), WASI_32(1), WASI_32(2), WASI_32(3), WASI_32(4), WASI_32(5)))         \
    X(path_symlink, "iiiii", "i", (w, WASI_32(0), WASI_32(1), WASI_32(2), WASI_32(3), WASI_32(4)))                     \
    X(path_unlink_file, "iii", "i", (w, WASI_32(0), WASI_32(1), WASI_32(2)))                                           \
    X(poll_oneoff, "iiii", "i", (w, WASI_32(0), WASI_32(1), WASI_32(2), WASI_32(3)))                                   \
    X(proc_exit, "i", "", (w, WASI_32(0)))                                                                             \
    X(proc_raise, "i", "i", (w, WASI_32(0)))                                                                           \
    X(random_get, "ii", "i", (w, WASI_32(0), WASI_32(1)))                                                              \
    X(sched_yield, "", "i", (w))                                                                                       \
    X(sock_accept, "iii", "i", (w, WASI_32(0), WASI_32(1), WASI_32(2)))                                                \
    X(sock_recv, "iiiiii", "i", (w, WASI_32(0), WASI_32(1), WASI_32(2), WASI_32(3), WASI_32(4), WASI_32(5)))           \
    X(sock_send, "iiiii", "i", (w, WASI_32(0), WASI_32(1), WASI_32(2), WASI_32(3), WASI_32(4)))                        \
    X(sock_shutdown, "ii", "i", (w, WASI_32(0), WASI_32(1)))

#define WASI_MODULE "wasi_snapshot_preview1"

/* Pointers are addresses in guest memory; path and path_len name a string there. Results go to the last pointers. */
int32_t wasi_args_get(WasiThread *w, uint32_t argv, uint32_t buf);
int32_t wasi_args_sizes_get(WasiThread *w, uint32_t count, uint32_t size);
int32_t wasi_environ_get(WasiThread *w, uint32_t environ, uint32_t buf);
int32_t wasi_environ_sizes_get(WasiThread *w, uint32_t count, uint32_t size);
int32_t wasi_clock_res_get(WasiThread *w, uint32_t id, uint32_t result);
int32_t wasi_clock_time_get(WasiThread *w, uint32_t id, uint64_t precision, uint32_t result);

int32_t wasi_fd_advise(WasiThread *w, uint32_t fd, uint64_t off, uint64_t len, uint32_t advice);
int32_t wasi_fd_allocate(WasiThread *w, uint32_t fd, uint64_t off, uint64_t len);
int32_t wasi_fd_close(WasiThread *w, uint32_t fd);
int32_t wasi_fd_datasync(WasiThread *w, uint32_t fd);
int32_t wasi_fd_fdstat_get(WasiThread *w, uint32_t fd, uint32_t result);
int32_t wasi_fd_fdstat_set_flags(WasiThread *w, uint32_t fd, uint32_t flags);
int32_t wasi_fd_fdstat_set_rights(WasiThread *w, uint32_t fd, uint64_t rights, uint64_t inheriting);
int32_t wasi_fd_filestat_get(WasiThread *w, uint32_t fd, uint32_t result);
int32_t wasi_fd_filestat_set_size(WasiThread *w, uint32_t fd, uint64_t size);
int32_t wasi_fd_filestat_set_times(WasiThread *w, uint32_t fd, uint64_t atime, uint64_t mtime, uint32_t flags);
int32_t wasi_fd_pread(WasiThread *w, uint32_t fd, uint32_t iovs, uint32_t count, uint64_t off, uint32_t result);
int32_t wasi_fd_prestat_get(WasiThread *w, uint32_t fd, uint32_t result);
int32_t wasi_fd_prestat_dir_name(WasiThread *w, uint32_t fd, uint32_t buf, uint32_t len);
int32_t wasi_fd_pwrite(WasiThread *w, uint32_t fd, uint32_t iovs, uint32_t count, uint64_t off, uint32_t result);
int32_t wasi_fd_read(WasiThread *w, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t result);
int32_t wasi_fd_readdir(WasiThread *w, uint32_t fd, uint32_t buf, uint32_t len, uint64_t cookie, uint32_t result);
int32_t wasi_fd_renumber(WasiThread *w, uint32_t from, uint32_t to);
int32_t wasi_fd_seek(WasiThread *w, uint32_t fd, uint64_t off, uint32_t whence, uint32_t result);
int32_t wasi_fd_sync(WasiThread *w, uint32_t fd);
int32_t wasi_fd_tell(WasiThread *w, uint32_t fd, uint32_t result);
int32_t wasi_fd_write(WasiThread *w, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t result);

int32_t wasi_path_create_directory(WasiThread *w, uint32_t fd, uint32_t path, uint32_t path_len);
int32_t wasi_path_filestat_get(WasiThread *w, uint32_t fd, uint32_t lookup, uint32_t path, uint32_t path_len,
                               uint32_t result);
int32_t wasi_path_filestat_set_times(WasiThread *w, uint32_t fd, uint32_t lookup, uint32_t path, uint32_t path_len,
                                     uint64_t atime, uint64_t mtime, uint32_t flags);
int32_t wasi_path_link(WasiThread *w, uint32_t old_fd, uint32_t lookup, uint32_t old_path, uint32_t old_len,
                       uint32_t new_fd, uint32_t new_path, uint32_t new_len);
int32_t wasi_path_open(WasiThread *w, uint32_t fd, uint32_t lookup, uint32_t path, uint32_t path_len, uint32_t oflags,
                       uint64_t rights, uint64_t inheriting, uint32_t fdflags, uint32_t result);
int32_t wasi_path_readlink(WasiThread *w, uint32_t fd, uint32_t path, uint32_t path_len, uint32_t buf, uint32_t len,
                           uint32_t result);
int32_t wasi_path_remove_directory(WasiThread *w, uint32_t fd, uint32_t path, uint32_t path_len);
int32_t wasi_path_rename(WasiThread *w, uint32_t old_fd, uint32_t old_path, uint32_t old_len, uint32_t new_fd,
                         uint32_t new_path, uint32_t new_len);
int32_t wasi_path_symlink(WasiThread *w, uint32_t target, uint32_t target_len, uint32_t fd, uint32_t path,
                          uint32_t path_len);
int32_t wasi_path_unlink_file(WasiThread *w, uint32_t fd, uint32_t path, uint32_t path_len);

int32_t wasi_poll_oneoff(WasiThread *w, uint32_t subs, uint32_t events, uint32_t count, uint32_t result);
int32_t wasi_proc_exit(WasiThread *w, uint32_t code);               /* WASI_EXIT */
int32_t wasi_proc_raise(WasiThread *w, uint32_t signal);
int32_t wasi_random_get(WasiThread *w, uint32_t buf, uint32_t len);
int32_t wasi_sched_yield(WasiThread *w);
int32_t wasi_sock_accept(WasiThread *w, uint32_t fd, uint32_t flags, uint32_t result);
int32_t wasi_sock_recv(WasiThread *w, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t flags, uint32_t result,
                       uint32_t result_flags);
int32_t wasi_sock_send(WasiThread *w, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t flags, uint32_t result);
int32_t wasi_sock_shutdown(WasiThread *w, uint32_t fd, uint32_t how);

#endif
