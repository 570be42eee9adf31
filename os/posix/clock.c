/* SPDX-License-Identifier: MIT */
/* Clocks and random bytes of a POSIX host. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>

#include "os/os.h"

static const clockid_t host_clocks[] = {
    [CLOCK_REAL] = CLOCK_REALTIME,
    [CLOCK_MONO] = CLOCK_MONOTONIC,
    [CLOCK_CPU_PROCESS] = CLOCK_PROCESS_CPUTIME_ID,
    [CLOCK_CPU_THREAD] = CLOCK_THREAD_CPUTIME_ID,
};

static uint64_t nanoseconds(const struct timespec *t)
{
    return (uint64_t)t->tv_sec * UINT64_C(1000000000) + (uint64_t)t->tv_nsec;
}

static uint64_t microseconds(const struct timeval *t)
{
    return ((uint64_t)t->tv_sec * 1000000u + (uint64_t)t->tv_usec) * 1000u;
}

uint64_t clock_now(ClockId id)
{
    struct timespec t = { 0 };
    ASSERT(clock_gettime(host_clocks[id], &t) == 0);
    return nanoseconds(&t);
}

uint64_t clock_coarse(void)
{
    struct timespec t = { 0 };
    ASSERT(clock_gettime(CLOCK_REALTIME_COARSE, &t) == 0);
    return nanoseconds(&t);
}

uint64_t clock_resolution(ClockId id)
{
    struct timespec t = { 0 };
    ASSERT(clock_getres(host_clocks[id], &t) == 0);
    return nanoseconds(&t);
}

void clock_thread_usage(uint64_t *user, uint64_t *system)
{
    struct rusage usage = { 0 };
    ASSERT(getrusage(RUSAGE_THREAD, &usage) == 0);
    *user = microseconds(&usage.ru_utime);
    *system = microseconds(&usage.ru_stime);
}

uint64_t clock_worker(int64_t id)
{
    /* What pthread_getcpuclockid makes of a thread: linux/include/linux/posix-timers.h, MAKE_THREAD_CPUCLOCK. */
    clockid_t clock = (clockid_t)(~(unsigned)id << 3 | 6);
    struct timespec t = { 0 };
    return clock_gettime(clock, &t) == 0 ? nanoseconds(&t) : 0;
}

void random_bytes(void *buf, size_t n)
{
    uint8_t *p = buf;
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        ASSERT(got > 0);
        p += got;
        n -= (size_t)got;
    }
}
