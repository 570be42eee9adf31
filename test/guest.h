/* SPDX-License-Identifier: MIT */
/*
 * A WASI program in C: memory of its own, a task of its own over a memory file system, and the steps of engine/wasi*
 * called as an engine would. With `copied` its memory is out of the kernel's reach, as in the page.
 *
 *     Prog p;
 *     prog_begin(&p, false);
 *     EQ(DO(&p, path_unlink_file, 3, prog_str(&p, "no"), 2), WASI_ENOENT);
 *     prog_end(&p);
 */
#ifndef TEST_GUEST_H
#define TEST_GUEST_H

#include "engine/wasi.h"
#include "kern/boot.h"
#include "test/test.h"

#define GUEST_MEMORY (1u << 20)
#define GUEST_HEAP 4096             /* below: for results at fixed places */

typedef struct Prog {
    Kernel kernel;
    Task task;
    TaskThread thread;
    Wasi wasi;
    WasiThread w;
    uint8_t *memory;
    uint32_t top;                   /* of what was given out */
} Prog;

/*
 * A task whose namespace is one memory file system, with /dir, /dir/file ("0123456789"), /empty and the link /link -> dir/file;
 * begun: 3 is the preopen `/`; 0 to 2 are "null" (below).
 */
void prog_begin(Prog *p, bool copied);
void prog_end(Prog *p);             /* all is closed; nothing may be left */

/* Guest memory: room, filled with zeroes or data; addresses. */
uint32_t prog_room(Prog *p, uint32_t n);
uint32_t prog_put(Prog *p, const void *data, uint32_t n);
uint32_t prog_str(Prog *p, const char *s);
uint32_t prog_iov(Prog *p, uint32_t addr, uint32_t len);            /* one vector */
uint32_t prog_u32(Prog *p, uint32_t addr);
uint64_t prog_u64(Prog *p, uint32_t addr);
void prog_set32(Prog *p, uint32_t addr, uint32_t v);
void prog_set64(Prog *p, uint32_t addr, uint64_t v);

/* The kernel's side: puts an open Chan (taken) into the task's table; its number. */
int prog_add(Prog *p, Chan *ch);
/* A file of one of the odd devices below, opened so. */
int prog_odd(Prog *p, const char *name, unsigned flags);

/* Mounts a memory file system at an absolute path. */
int prog_tmpfs(Prog *p, const char *where);

/* Opens a path below 3 with these flags and rights; the number, or minus the errno. */
int prog_open(Prog *p, const char *path, uint32_t oflags, uint64_t rights);
#define RIGHTS_RW                                                                                                      \
    (RIGHT_FD_READ | RIGHT_FD_WRITE | RIGHT_FD_SEEK | RIGHT_FD_TELL | RIGHT_FD_ALLOCATE | RIGHT_FD_FILESTAT_SET_SIZE)

/* ---- calls, counted by result ----------------------------------------------------------------------------------- */

#define GUEST_CALL(name, params, results, arguments) CALL_##name,
enum { WASI_CALLS(GUEST_CALL) CALL_COUNT };

/* Calls that are interrupted are made again until they are not. */
extern bool prog_goes_on;

/* A kernel call of p's thread, to its end. */
#define KERNEL(p, expr)                                                                                                \
    ({                                                                                                                 \
        int r_;                                                                                                        \
        do                                                                                                             \
            CALL_RUN(&(p)->thread.call, r_, (expr));                                                                   \
        while (r_ == -EINTR && prog_goes_on);                                                                          \
        r_;                                                                                                            \
    })

/* Runs one call to its end, noting what it answered. */
#define DO(p, name, ...)                                                                                               \
    ({                                                                                                                 \
        int32_t r_;                                                                                                    \
        do                                                                                                             \
            WASI_RUN(&(p)->w, r_, wasi_##name(&(p)->w, ##__VA_ARGS__));                                                \
        while (r_ == WASI_EINTR && prog_goes_on);                                                                      \
        prog_note(CALL_##name, r_);                                                                                    \
        r_;                                                                                                            \
    })
/* One try of it; prog_undo lets go of what it began. */
#define TRY(p, name, ...)                                                                                              \
    ({                                                                                                                 \
        wasi_call_begin(&(p)->w);                                                                                      \
        wasi_##name(&(p)->w, ##__VA_ARGS__);                                                                           \
    })
void prog_undo(Prog *p);

void prog_note(int call, int32_t r);
bool prog_noted(int call, int32_t r);
const char *prog_call_name(int call);
const char *wasi_errno_name(int errno_number);
/* The errno of this name, or -1. */
int wasi_errno_named(const char *name, size_t n);

/*
 * Odd files: "tty" (a terminal), "null" (a character device), "wait" (reads and writes wait until prog_wake), "eio", "eperm"
 * (every read and write fails so), "full" (writes are ENOSPC).
 */
void prog_wake(void);

#endif
