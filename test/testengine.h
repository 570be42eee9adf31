/* SPDX-License-Identifier: MIT */
/*
 * An engine whose programs are C functions, for tests of everything around them: lives, signals, descriptors, threads.
 *
 *     PROGRAM(greet)                               // a file with "test:greet WORD..." runs it
 *     {
 *         act_puts(a, 1, act_arg(a, 1));           // the words of cmdline
 *         return 0;
 *     }
 *
 * A program goes through the kernel with the Call of its thread. After each call it looks whether it is to end; then that
 * call and all later ones answer -EINTR, and the program should return.
 */
#ifndef TEST_TESTENGINE_H
#define TEST_TESTENGINE_H

#include "kern/chan.h"
#include "kern/engine.h"
#include "kern/task.h"
#include "kern/walk.h"

extern const Engine test_engine;

typedef struct ActorRun ActorRun;

typedef struct Actor {              /* one thread of a program */
    Task *task;
    Call *call;
    ActorRun *run;
    TaskThread thread;
    bool ending;
} Actor;

typedef int ActorFn(Actor *a);

typedef struct ActorProgram {
    const char *name;
    ActorFn *fn;
    struct ActorProgram *next;
} ActorProgram;

#define PROGRAM(title)                                                                                                 \
    static int program_##title(Actor *a);                                                                              \
    static ActorProgram entry_##title = { .name = #title, .fn = program_##title };                                     \
    __attribute__((constructor)) static void add_##title(void)                                                         \
    {                                                                                                                  \
        testengine_add(&entry_##title);                                                                                \
    }                                                                                                                  \
    static int program_##title(Actor *a)

void testengine_add(ActorProgram *p);

/* A word of cmdline; the empty string where there is none. Good until the next call of it. */
const char *act_arg(Actor *a, unsigned i);
/* Between calls, and in loops that only compute: false when the program is to end. A pause is waited for in here. */
bool act_on(Actor *a);
/* One more thread of the program. Its result counts for nothing. 0, -EAGAIN */
int act_thread(Actor *a, ActorFn *fn);
int act_sleep(Actor *a, unsigned ms);

/* Runs one expression, in terms of a->call, as a whole call. */
#define ACT(a, expr)                                                                                                   \
    ({                                                                                                                 \
        int64_t act_r_ = -EINTR;                                                                                       \
        if (!(a)->ending) {                                                                                            \
            CALL_RUN((a)->call, act_r_, (expr));                                                                       \
            if (!act_on(a))                                                                                            \
                act_r_ = -EINTR;                                                                                       \
        }                                                                                                              \
        act_r_;                                                                                                        \
    })

/* Descriptors of the task. Results are negative errors, or what the call gives. */
int act_open(Actor *a, const char *path, unsigned flags);       /* the lowest free number */
int act_close(Actor *a, int fd);
int64_t act_read(Actor *a, int fd, void *buf, size_t n);
int64_t act_write(Actor *a, int fd, const void *buf, size_t n); /* all of it */
int act_puts(Actor *a, int fd, const char *s);
/* Whole files by name. A text is cut at n - 1 bytes, and loses its last newline. */
int act_put(Actor *a, const char *path, const char *s);
int act_get(Actor *a, const char *path, char *buf, size_t n);

#endif
