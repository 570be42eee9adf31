/* SPDX-License-Identifier: MIT */
/*
 * The trace ring: the last events of this process, of all its kernels. One lock, which calls nothing; the traced tasks are a
 * short list of their own.
 */
#include "kern/trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kern/task.h"

enum { EVENTS = 1024, WORDS = 112, TASKS = 16 };

typedef struct Event {
    uint64_t time;                  /* nanoseconds since the ring's start */
    uint64_t task;                  /* 0: the kernel itself */
    unsigned class;
    char words[WORDS];
} Event;

static const struct {
    const char *name;
    unsigned class;
} names[] = {
    { "sys", TRACE_SYS }, { "dev", TRACE_DEV }, { "9p", TRACE_9P }, { "lock", TRACE_LOCK }, { "all", TRACE_ALL }
};

atomic_uint trace_classes;

static Mutex lock = MUTEX_INIT(RANK_LEAF);
static Event ring[EVENTS];
static uint64_t count;              /* events since the last clear */
static uint64_t start;              /* CLOCK_MONO */
static struct {
    const Kernel *kernel;
    uint64_t id;                    /* 0: free */
} traced[TASKS];
static unsigned next_traced;         /* the slot that the next one takes, whoever had it */

/* ---- what is traced ----------------------------------------------------------------------------------------------- */

static bool is_traced_locked(const Task *t)
{
    for (unsigned i = 0; i < TASKS; i++)
        if (traced[i].id == t->id && traced[i].kernel == t->kernel)
            return true;
    return false;
}

bool trace_wanted(const Task *t)
{
    if (t == NULL || (atomic_load_explicit(&trace_classes, memory_order_relaxed) & TRACE_TASKS) == 0)
        return false;
    mutex_lock(&lock);
    bool wanted = is_traced_locked(t);
    mutex_unlock(&lock);
    return wanted;
}

void trace_task(const Task *t, bool on)
{
    bool any = false;
    mutex_lock(&lock);
    if (on && !is_traced_locked(t)) {
        traced[next_traced].id = t->id;
        traced[next_traced].kernel = t->kernel;
        next_traced = (next_traced + 1) % TASKS;
    }
    for (unsigned i = 0; i < TASKS; i++) {
        if (!on && traced[i].id == t->id && traced[i].kernel == t->kernel)
            traced[i].id = 0;
        any = any || traced[i].id != 0;
    }
    if (any)
        atomic_fetch_or(&trace_classes, TRACE_TASKS);
    else
        atomic_fetch_and(&trace_classes, ~(unsigned)TRACE_TASKS);
    mutex_unlock(&lock);
}

int trace_set(const char *classes)
{
    unsigned set = 0;
    const char *at = strcmp(classes, "off") == 0 ? "" : classes;
    while (*at != '\0') {
        size_t n = strcspn(at, ", ");
        unsigned class = 0;
        for (unsigned i = 0; i < LEN(names); i++)
            if (strlen(names[i].name) == n && memcmp(names[i].name, at, n) == 0)
                class = names[i].class;
        if (class == 0 && n > 0)
            return -EINVAL;
        set |= class;
        at += n;
        at += strspn(at, ", ");
    }
    unsigned old = atomic_load(&trace_classes);
    while (!atomic_compare_exchange_weak(&trace_classes, &old, (old & TRACE_TASKS) | set)) {
    }
    return 0;
}

/* ---- events ------------------------------------------------------------------------------------------------------- */

void trace(unsigned class, const Task *t, const char *format, ...)
{
    char words[WORDS];
    va_list list;
    va_start(list, format);
    vsnprintf(words, sizeof words, format, list);
    va_end(list);
    for (char *p = words; *p != '\0'; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
    uint64_t now = clock_now(CLOCK_MONO);
    mutex_lock(&lock);
    if (start == 0)
        start = now;
    Event *e = &ring[count++ % EVENTS];
    e->time = now < start ? 0 : now - start;
    e->task = t == NULL ? 0 : t->id;
    e->class = class;
    memcpy(e->words, words, sizeof words);
    mutex_unlock(&lock);
}

static const char *class_name(unsigned class)
{
    for (unsigned i = 0; i < LEN(names); i++)
        if (names[i].class == class)
            return names[i].name;
    return "?";
}

/* The event that was the at-th; the next one that is kept when it is lost already. False: none is left. */
static bool event_get(uint64_t *at, Event *e, uint64_t *lost)
{
    mutex_lock(&lock);
    uint64_t oldest = count < EVENTS ? 0 : count - EVENTS;
    if (*at < oldest) {
        *lost += oldest - *at;
        *at = oldest;
    }
    bool there = *at < count;
    if (there)
        *e = ring[(*at)++ % EVENTS];
    mutex_unlock(&lock);
    return there;
}

void trace_text(Text *out)
{
    Event e;
    uint64_t at = 0, lost = 0, said = 0;
    for (unsigned i = 0; i < EVENTS && event_get(&at, &e, &lost); i++) {
        if (lost != said)
            text_printf(out, "%" PRIu64 " events lost\n", lost - said);
        said = lost;
        text_printf(out, "%" PRIu64 ".%06" PRIu64 " task %" PRIu64 " %s %s\n", e.time / 1000000000,
                    e.time / 1000 % 1000000, e.task, class_name(e.class), e.words);
    }
}

void trace_clear(void)
{
    mutex_lock(&lock);
    count = 0;
    start = 0;
    mutex_unlock(&lock);
}
