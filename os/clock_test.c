/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "os/os.h"
#include "test/test.h"

enum { MILLISECOND = 1000000 };

TEST(the_monotonic_clock_goes_on)
{
    uint64_t start = clock_now(CLOCK_MONO);
    uint64_t last = start;
    while (last < start + 2 * MILLISECOND) {
        uint64_t now = clock_now(CLOCK_MONO);
        TRUE(now >= last);
        last = now;
    }
}

TEST(the_real_clock_counts_from_1970)
{
    TRUE(clock_now(CLOCK_REAL) > UINT64_C(1700000000) * 1000 * MILLISECOND);
}

TEST(every_clock_has_a_resolution)
{
    static const ClockId all[] = { CLOCK_REAL, CLOCK_MONO, CLOCK_CPU_PROCESS, CLOCK_CPU_THREAD };
    for (unsigned i = 0; i < 4; i++)
        TRUE(clock_resolution(all[i]) > 0 && clock_resolution(all[i]) < UINT64_C(1000) * MILLISECOND);
}

TEST(work_uses_processor_time)
{
    uint64_t before = clock_now(CLOCK_CPU_THREAD);
    uint64_t user = 0, system = 0;
    uint64_t end = clock_now(CLOCK_MONO) + 30 * MILLISECOND;
    while (clock_now(CLOCK_MONO) < end) {
        /* busy */
    }
    clock_thread_usage(&user, &system);
    TRUE(clock_now(CLOCK_CPU_THREAD) > before);
    TRUE(user + system > 0);
    TRUE(clock_now(CLOCK_CPU_PROCESS) > 0);
}

TEST(random_bytes_fill_the_whole_buffer)
{
    unsigned char buf[1000], zero[1000] = { 0 };
    memset(buf, 0, sizeof buf);
    random_bytes(buf, 0);
    TRUE(memcmp(buf, zero, sizeof buf) == 0);
    random_bytes(buf, sizeof buf);
    for (size_t i = 0; i + 20 <= sizeof buf; i += 20)
        TRUE(memcmp(buf + i, zero, 20) != 0);
}

TEST(the_coarse_clock_is_hardly_behind)
{
    uint64_t before = clock_now(CLOCK_REAL);
    uint64_t coarse = clock_coarse();
    TRUE(coarse + 100 * MILLISECOND * test_stretch() > before);
    TRUE(coarse <= clock_now(CLOCK_REAL));
}

static void look_at_the_clock(void *arg)
{
    atomic_store((_Atomic uint64_t *)arg, clock_now(CLOCK_MONO));
}

TEST(threads_see_the_same_monotonic_clock)
{
    for (int i = 0; i < 4; i++) {
        _Atomic uint64_t theirs = 0;
        uint64_t before = clock_now(CLOCK_MONO);
        OK(worker_run(look_at_the_clock, &theirs, 0));
        while (atomic_load(&theirs) == 0)
            thread_yield();
        TRUE(atomic_load(&theirs) + 100000 >= before);
        TRUE(atomic_load(&theirs) <= clock_now(CLOCK_MONO) + 100000);
        workers_drain();
    }
}
