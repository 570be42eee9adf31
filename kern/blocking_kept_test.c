/* SPDX-License-Identifier: MIT */
/*
 * Work that nobody waits for any more.
 */
#include "kern/call.h"
#include "test/test.h"

static atomic_bool released;

static int until_abandoned(void *arg, atomic_bool *abandoned)
{
    (void)arg;
    while (!atomic_load(abandoned))
        thread_yield();
    return 0;
}

static void release(void *arg)
{
    mem_free(arg);
    atomic_store(&released, true);
}

static void *make(void *user)
{
    (void)user;
    return mem_alloc(1);
}

TEST(work_is_told_that_its_call_has_gone)
{
    static const Blocking blocking = { .work = until_abandoned, .release = release };
    Call c;
    call_init(&c, NULL);
    call_begin(&c);
    EQ(call_blocking(&c, &blocking, &blocking, make, NULL, NULL), WAIT);
    call_end(&c);
    while (!atomic_load(&released))
        thread_yield();
    workers_drain();
    call_destroy(&c);
}
