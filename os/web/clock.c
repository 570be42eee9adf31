/* SPDX-License-Identifier: MIT */
/*
 * Clocks and random bytes of the page. It has no clock for the processor time: that of the process counts since the page was
 * loaded, that of a thread since its first question, whose time so serves as the thread's id.
 */
#define _GNU_SOURCE
#include <time.h>
#include <unistd.h>

#include "os/os.h"

static uint64_t read_clock(clockid_t id)
{
    struct timespec t = { 0 };
    ASSERT(clock_gettime(id, &t) == 0);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

int64_t worker_self(void)
{
    static _Thread_local int64_t first;
    if (first == 0)
        first = (int64_t)read_clock(CLOCK_MONOTONIC);
    return first;
}

uint64_t clock_worker(int64_t id)
{
    return read_clock(CLOCK_MONOTONIC) - (uint64_t)id;
}

uint64_t clock_now(ClockId id)
{
    if (id == CLOCK_REAL)
        return read_clock(CLOCK_REALTIME);
    if (id == CLOCK_CPU_THREAD)
        return clock_worker(worker_self());
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_coarse(void)
{
    return read_clock(CLOCK_REALTIME);
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
