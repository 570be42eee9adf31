/* SPDX-License-Identifier: MIT */
/*
 * Engines: what runs a program. The kernel knows them as this table; front/boot_*.c lists them. A task's handle is not the
 * engine's instance: Task.run is the engine's own pointer, and nothing outside keeps a pointer into the program's memory.
 *
 * The life of a program:
 *   load    inside the `start` (or `exec`) write, on the writer's call; reads the file, compiles, caches. May return WAIT
 *           (call_blocking): then start is entered again. Failure leaves the task startable.
 *   run     begins it on a worker of its own (worker_run) and returns. Each thread of the program registers with
 *           task_thread_begin and uses the Call in it; the thread that ends the program says task_ended once, when no
 *           thread of the program uses kernel or guest memory any more.
 *   notice  Task.attention changed (kill, pause, continue, exec): the program must call task_attend soon, a compute loop included.
 */
#ifndef KERN_ENGINE_H
#define KERN_ENGINE_H

#include "kern/chan.h"
#include "kern/kern.h"
#include "kern/task.h"

struct Engine {
    const char *name;               /* "wasmtime", "test" */
    TaskType type;
    bool (*accepts)(const uint8_t *head, size_t n);         /* the first bytes (up to 64) of a program */
    int (*load)(Call *c, Task *t, Chan *program,
                void **image);                 /* program: open for reading. -ENOEXEC with words, ... */
    int (*run)(Call *c, Task *t, void *image);              /* takes image, on failure too */
    void (*unload)(void *image);                            /* an image that is not run after all */
    void (*notice)(Task *t);        /* called with no lock held; the task may have ended meanwhile */
    /*
     * Optional, for who waits in a long load: how many programs this process has begun to compile, and, into kept (n bytes), the
     * directory that keeps what comes of it; "" when it is not kept.
     */
    unsigned (*compiles)(char *kept, size_t n);
};

/* What the engine asks of the kernel, beside the calls of its program. */

/*
 * A thread of t begins: th is the caller's, for the thread's life; th->call is its Call. Applies nice, counts CPU from here.
 * task_thread_end: the last use of the call; adds the CPU time to the account.
 */
void task_thread_begin(Task *t, TaskThread *th);
void task_thread_end(TaskThread *th);

/*
 * At the end of every host call, and when notice asks: looks at Task.attention. The usual answer costs one load.
 *   0        go on (a pause was waited for in here)
 *   -EINTR   end now: killed, another thread exited, or exec is to replace the program
 */
int task_attend(TaskThread *th);
static inline int task_attend_fast(Task *t, TaskThread *th)
{
    return atomic_load_explicit(&t->attention, memory_order_acquire) == 0 ? 0 : task_attend(th);
}

/* One thread ends the whole program (proc_exit, a trap): the others' waits end and task_attend answers -EINTR. The first code counts. */
void task_stop_threads(Task *t, int code);

/*
 * The program has ended, all its threads are gone. code: exit code of the program (taken & 255), unless a signal ended it or exec replaces it.
 * Last use of t by the engine (Task.run included), unless exec: then load's image is run by the same worker through engine->run.
 */
void task_ended(Task *t, int code);

/* Words for /task/ID/error: why it trapped. */
void task_set_error(Task *t, const char *words);

/* Memory of the program, charged to the task: -ENOMEM means memory.grow gives -1. delta in bytes; negative gives back. */
int task_charge_memory(Task *t, int64_t delta);

#endif
