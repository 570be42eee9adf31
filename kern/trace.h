/* SPDX-License-Identifier: MIT */
/*
 * What the kernel does, as it happens: a ring of events, one line each, that /dev/trace reads. Off, it costs one load.
 *
 *     if (trace_on(TRACE_DEV, c->task))
 *         trace(TRACE_DEV, c->task, "pipe read %zu = %" PRId64, n, r);
 *
 * A line: seconds since the ring was first used, the task, the class, the words: `0.001234 task 3 dev pipe read 5 = 5`.
 */
#ifndef KERN_TRACE_H
#define KERN_TRACE_H

#include "kern/kern.h"
#include "kern/text.h"

enum {
    TRACE_SYS = 1,
    TRACE_DEV = 2,
    TRACE_9P = 4,
    TRACE_LOCK = 8, /* classes: for all tasks */
    TRACE_ALL = 15,
    TRACE_TASKS = 16,               /* some tasks are traced, with all classes */
};

extern atomic_uint trace_classes;

bool trace_wanted(const Task *t);   /* t is traced by itself */

static inline bool trace_on(unsigned class, const Task *t)
{
    unsigned now = atomic_load_explicit(&trace_classes, memory_order_relaxed);
    return __builtin_expect(now != 0, 0) && ((now & class) != 0 || trace_wanted(t));
}

/* One event; what does not fit in a line is cut. t may be NULL: the kernel itself. Any lock may be held. */
void trace(unsigned class, const Task *t, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* "sys,dev", "all", "" or "off": the classes that are traced for all tasks from now on. -EINVAL, and nothing changes. */
int trace_set(const char *classes);
/* `trace` and `trace off` in a task's ctl. The last 16 tasks are traced. */
void trace_task(const Task *t, bool on);
/* The events that are kept, oldest first; a first line says how many were lost. */
void trace_text(Text *out);
void trace_clear(void);

#endif
