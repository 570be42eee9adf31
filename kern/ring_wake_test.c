/* SPDX-License-Identifier: MIT */
/*
 * Who waits for a ring goes on: writers when a tap reads, goes away or gives room back, readers when there is something.
 */
#include <string.h>

#include "kern/call.h"
#include "kern/ring.h"
#include "test/test.h"

/* A call of a door, which notes that it was woken. */
typedef struct Door {
    Call call;
    atomic_bool woken;
} Door;

static void note_wake(Call *c)
{
    atomic_store(&((Door *)c->door)->woken, true);
}

static void door_begin(Door *d)
{
    call_init(&d->call, NULL);
    d->call.wake = note_wake;
    d->call.door = d;
    atomic_init(&d->woken, false);
    call_begin(&d->call);
}

static void door_end(Door *d)
{
    call_end(&d->call);
    call_destroy(&d->call);
}

/* After a WAIT: it has been put aside. */
static void aside(Door *d)
{
    OK(call_suspend(&d->call));
    TRUE(!atomic_load(&d->woken));
}

static void goes_on(Door *d)
{
    TRUE(atomic_load(&d->woken));
    OK(call_resume(&d->call));
}

static uint8_t block[RING_SIZE];

/* Full for its tap. */
static Ring *full_ring(Call *c, Tap **tap)
{
    size_t reserved = 0;
    Ring *r = ring_new(NULL);
    *tap = tap_open(r, true, NULL);
    EQ(ring_reserve(c, r, sizeof block, false, &reserved), (int64_t)sizeof block);
    ring_commit(r, block, sizeof block, reserved);
    return r;
}

static int64_t reserve(Door *d, Ring *r, size_t n)
{
    size_t reserved = 0;
    int64_t got = ring_reserve(&d->call, r, n, false, &reserved);
    if (got > 0)
        ring_commit(r, block, (size_t)got, reserved);
    return got;
}

TEST(a_tap_that_goes_away_lets_writers_go_on)
{
    Door d;
    Tap *tap;
    door_begin(&d);
    Ring *r = full_ring(&d.call, &tap);
    EQ(reserve(&d, r, 100), WAIT);
    aside(&d);
    tap_close(tap);
    goes_on(&d);
    for (int i = 0; i < 10; i++)    /* and nobody waits for it ever after */
        EQ(reserve(&d, r, sizeof block), (int64_t)sizeof block);
    door_end(&d);
    ring_put(r);
}

TEST(a_tap_that_reads_lets_writers_go_on)
{
    static uint8_t read[sizeof block];
    Door d;
    Tap *tap;
    door_begin(&d);
    Ring *r = full_ring(&d.call, &tap);
    EQ(reserve(&d, r, 100), WAIT);
    aside(&d);
    EQ(tap_read(NULL, tap, read, sizeof read), (int64_t)sizeof read);
    goes_on(&d);
    EQ(reserve(&d, r, 100), 100);
    tap_close(tap);
    door_end(&d);
    ring_put(r);
}

/* What was reserved and then not written makes room for another writer. */
TEST(a_short_write_lets_writers_go_on)
{
    Door d;
    size_t reserved = 0;
    door_begin(&d);
    Ring *r = ring_new(NULL);
    Tap *tap = tap_open(r, true, NULL);
    EQ(ring_reserve(&d.call, r, sizeof block, false, &reserved), (int64_t)sizeof block);
    EQ(reserve(&d, r, 100), WAIT);
    aside(&d);
    ring_commit(r, block, 10, reserved);
    goes_on(&d);
    EQ(reserve(&d, r, 100), 100);
    tap_close(tap);
    door_end(&d);
    ring_put(r);
}

TEST(a_write_and_the_end_let_readers_go_on)
{
    char s[8];
    Door d;
    size_t reserved = 0;
    door_begin(&d);
    Ring *r = ring_new(NULL);
    Tap *tap = tap_open(r, true, NULL);
    EQ(tap_read(&d.call, tap, s, sizeof s), WAIT);
    aside(&d);
    EQ(ring_reserve(&d.call, r, 2, false, &reserved), 2);
    ring_commit(r, "ab", 2, reserved);
    goes_on(&d);
    EQ(tap_read(&d.call, tap, s, sizeof s), 2);
    atomic_store(&d.woken, false);
    EQ(tap_read(&d.call, tap, s, sizeof s), WAIT);
    aside(&d);
    ring_close(r);
    goes_on(&d);
    EQ(tap_read(&d.call, tap, s, sizeof s), 0);
    tap_close(tap);
    door_end(&d);
    ring_put(r);
}

/* Nobody writes to a slot that was closed: who waited to do so looks at it again. */
TEST(the_end_lets_writers_go_on)
{
    Door d;
    Tap *tap;
    door_begin(&d);
    Ring *r = full_ring(&d.call, &tap);
    EQ(reserve(&d, r, 100), WAIT);
    aside(&d);
    ring_close(r);
    goes_on(&d);
    tap_close(tap);
    door_end(&d);
    ring_put(r);
}
