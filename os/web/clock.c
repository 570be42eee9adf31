/* SPDX-License-Identifier: MIT */
/*
 * Clocks and random bytes of the page. It has no clock for the processor time: that of the process is the monotonic clock, that
 * of a thread counts since its first question, whose time so serves as the thread's id.
 */
#define _GNU_SOURCE
#include <emscripten.h>
#include <time.h>
#include <unistd.h>

#include "os/os.h"

/* Milliseconds. Emscripten's own monotonic clock differs between Workers by what it took to start them. */
/* clang-format off */
EM_JS(double, page_milliseconds, (void), { return performance.timeOrigin + performance.now(); })
/* clang-format on */

static uint64_t monotonic(void)
{
    return (uint64_t)(page_milliseconds() * 1000) * 1000;
}

static uint64_t real(void)
{
    struct timespec t = { 0 };
    ASSERT(clock_gettime(CLOCK_REALTIME, &t) == 0);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

int64_t worker_self(void)
{
    static _Thread_local int64_t first;
    if (first == 0)
        first = (int64_t)monotonic();
    return first;
}

uint64_t clock_worker(int64_t id)
{
    return monotonic() - (uint64_t)id;
}

uint64_t clock_now(ClockId id)
{
    if (id == CLOCK_REAL)
        return real();
    if (id == CLOCK_CPU_THREAD)
        return clock_worker(worker_self());
    return monotonic();
}

uint64_t clock_coarse(void)
{
    return real();
}

uint64_t clock_resolution(ClockId id)
{
    (void)id;
    return 5000;                                /* what browsers give an isolated page */
}

void clock_thread_usage(uint64_t *user, uint64_t *system)
{
    *user = clock_now(CLOCK_CPU_THREAD);
    *system = 0;
}

void random_bytes(void *buf, size_t n)
{
    enum { MOST = 256 };                        /* of getentropy */
    uint8_t *p = buf;
    while (n > 0) {
        size_t step = n < MOST ? n : MOST;
        ASSERT(getentropy(p, step) == 0);
        p += step;
        n -= step;
    }
}
