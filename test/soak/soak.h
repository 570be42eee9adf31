/* SPDX-License-Identifier: MIT */
/*
 * The long hostile run (make soak): what its parts share. Everything happens in one process, in one kernel with the wasm engine and
 * the test engine, so that the sanitizers and the lock checker see all of it.
 */
#ifndef TEST_SOAK_SOAK_H
#define TEST_SOAK_SOAK_H

#include "front/lib.h"
#include "kern/boot.h"
#include "kern/call.h"
#include "kern/text.h"
#include "test/soak/player.h"

typedef struct Soak {
    taskfs lib;                     /* the kernel, as the library has it */
    Call call;                      /* of the main thread, as task 1 */
    uint64_t seed;
    unsigned seconds;               /* how long; 0: a fixed number of everything */
    uint64_t until;                 /* on CLOCK_MONO */
    unsigned rounds, count;
    const char *driver;             /* a player that is a WASI program: a file of the host, or NULL */
    bool traced;
} Soak;

/* ---- soak.c -------------------------------------------------------------------------------------------------------- */

void soak_boot(Soak *s);
void soak_end(Soak *s);
void must(Soak *s, const char *what, int64_t r);            /* ends the program when r is an error */
_Noreturn void soak_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int soak_put(Soak *s, const char *path, const void *data, size_t n);        /* makes and replaces the file */
int64_t soak_get(Soak *s, const char *path, char *text, size_t n);          /* its text, ended by NUL */
int soak_line(Soak *s, uint64_t id, const char *file, const char *line);
uint64_t soak_new(Soak *s);
/* Kills, waits for and removes every task but the root, until there is none. */
void soak_sweep(Soak *s);
/* Waits until the kernel has as many objects as `before` says, or fails with both texts. */
void soak_settle(Soak *s, const char *before);
void soak_objects(Soak *s, Text *out);             /* once they stand still */
bool soak_over(Soak *s);            /* the time is up */
void soak_sleep(unsigned ms);
uint64_t soak_rss(void);            /* bytes, with what malloc keeps given back */

/* A number that grows while somebody gets on; when it stands still for long, everything is shown and the program ends. */
void watch_begin(Soak *s, uint64_t (*progress)(void *arg), void (*show)(void *arg), void *arg);
void watch_end(void);

/* ---- kdoor.c: a thread's own Call, and the C library ---------------------------------------------------------------- */

Door *kdoor_new(Soak *s);
Door *libdoor_new(Soak *s);
void kdoor_free(Door *d);

/* ---- programs.c: what tasks run ------------------------------------------------------------------------------------- */

extern const char *const soak_programs[];       /* command lines, ended by NULL */
void programs_put(Soak *s);         /* into /bin */
void programs_each(void (*fn)(void *arg, char *wasm, size_t n), void *arg);      /* the WASI ones; fn frees */
bool wat_to_wasm(const char *wat, char **out, size_t *n);   /* *out: malloc'ed */

/* ---- the runs -------------------------------------------------------------------------------------------------------- */

int lives_run(Soak *s);
int modules_run(Soak *s, char **files, unsigned n);

#endif
