/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kern/account.h"
#include "kern/count.h"
#include "kern/dev.h"
#include "kern/ring.h"
#include "test/test.h"

/* Writes the bytes from position at on of an endless pattern, as a device would that takes them all. */
static int64_t put(Call *c, Ring *r, uint64_t at, size_t n)
{
    static uint8_t s[200000];
    size_t reserved = 0;
    TRUE(n <= sizeof s);
    for (size_t i = 0; i < n; i++)
        s[i] = (uint8_t)((at + i) * 7 + (at + i) / 251);
    int64_t room = ring_reserve(c, r, n, false, &reserved);
    if (room > 0)
        ring_commit(r, s, (size_t)room, reserved);
    return room;
}

static void check(const uint8_t *s, uint64_t at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        EQ(s[i], (uint8_t)((at + i) * 7 + (at + i) / 251));
}

/* Reads n bytes, which are those from position at on. */
static void get(Call *c, Tap *t, uint64_t at, size_t n)
{
    uint8_t *s = mem_alloc(n);
    for (size_t done = 0; done < n;) {
        int64_t r = tap_read(c, t, s + done, n - done);
        OK(r);
        TRUE(r > 0);
        done += (size_t)r;
    }
    check(s, at, n);
    mem_free(s);
}

TEST(a_tap_begins_with_the_last_64_KiB)
{
    Call c;
    char byte;
    uint64_t bytes = 0;
    Ring *r = ring_new(NULL);
    call_init(&c, NULL);
    for (uint64_t at = 0; at < 200000; at += 1000)
        EQ(put(&c, r, at, 1000), 1000);
    Tap *t = tap_open(r, true, NULL);
    EQ(tap_ready(&c, t, &bytes), READY_READ);
    EQ(bytes, RING_SIZE);
    get(&c, t, 200000 - RING_SIZE, RING_SIZE);
    EQ(tap_read(&c, t, &byte, 1), WAIT);
    EQ(tap_ready(&c, t, &bytes), WAIT);
    EQ(tap_ready(NULL, t, &bytes), 0);
    EQ(put(&c, r, 200000, 300), 300);
    get(&c, t, 200000, 300);
    ring_close(r);
    TRUE(ring_closed(r));
    EQ(tap_ready(&c, t, &bytes), READY_READ | READY_HANGUP);
    EQ(tap_read(&c, t, &byte, 1), 0);
    call_end(&c);
    tap_close(t);
    ring_put(r);
    call_destroy(&c);
}

TEST(a_short_ring_is_small)
{
    Call c;
    Account *a = account_new(NULL);
    AccountSums s;
    call_init(&c, NULL);
    Ring *r = ring_new(a);
    EQ(put(&c, r, 0, 200), 200);
    account_sums(a, &s);
    TRUE(s.mem_current < 1024);
    EQ(put(&c, r, 200, 100), 100);
    EQ(put(&c, r, 300, 20000), 20000);
    EQ(put(&c, r, 20300, 200000), 200000);
    account_sums(a, &s);
    TRUE(s.mem_current < RING_SIZE + 1024);
    Tap *t = tap_open(r, true, a);
    get(&c, t, 220300 - RING_SIZE, RING_SIZE);
    tap_close(t);
    TRUE(ring_shrink(r));
    TRUE(!ring_shrink(r));
    account_sums(a, &s);
    TRUE(s.mem_current < 1024);
    t = tap_open(r, true, a);
    get(&c, t, 220300 - 256, 256);
    tap_close(t);
    ring_put(r);
    account_sums(a, &s);
    EQ(s.mem_current, 0);
    account_put(a);
    call_destroy(&c);
}

TEST(a_slow_tap_holds_the_writer_and_loses_nothing)
{
    Call c;
    Ring *r = ring_new(NULL);
    call_init(&c, NULL);
    Tap *slow = tap_open(r, true, NULL);
    Tap *quick = tap_open(r, true, NULL);
    uint64_t at = 0;
    uint64_t read = 0;
    for (unsigned round = 0; round < 50; round++) {
        int64_t n;
        while ((n = put(&c, r, at, 5000)) > 0) {
            get(&c, quick, at, (size_t)n);
            at += (uint64_t)n;
        }
        EQ(n, WAIT);
        TRUE(at - read > RING_SIZE - 4096);
        get(&c, slow, read, 7000 + round);
        read += 7000 + round;
    }
    size_t reserved = 5;
    EQ(ring_reserve(&c, r, 60000, true, &reserved) > 0, true);
    ring_commit(r, NULL, 0, reserved);
    while (put(&c, r, at, 100) > 0)
        at += 100;
    EQ(ring_reserve(&c, r, 100, true, &reserved), -EAGAIN);
    EQ(reserved, 0);
    tap_close(slow);
    get(&c, quick, at - RING_SIZE, 0);
    while (tap_ready(NULL, quick, NULL) != 0) {
        char buf[4096];
        OK(tap_read(&c, quick, buf, sizeof buf));
    }
    EQ(put(&c, r, at, 100), 100);
    get(&c, quick, at, 100);
    call_end(&c);
    tap_close(quick);
    ring_put(r);
    call_destroy(&c);
}

TEST(short_writes_are_not_cut_by_a_slow_tap)
{
    Call c;
    Ring *r = ring_new(NULL);
    call_init(&c, NULL);
    Tap *t = tap_open(r, true, NULL);
    EQ(put(&c, r, 0, RING_SIZE - 100), RING_SIZE - 100);
    EQ(put(&c, r, RING_SIZE - 100, 4096), WAIT);
    EQ(put(&c, r, RING_SIZE - 100, 100000), WAIT);
    EQ(put(&c, r, RING_SIZE - 100, 100), 100);
    get(&c, t, 0, 5000);
    EQ(put(&c, r, RING_SIZE, 100000), 5000);
    get(&c, t, 5000, RING_SIZE);
    call_end(&c);
    tap_close(t);
    ring_put(r);
    call_destroy(&c);
}

TEST(a_tap_that_does_not_wait_hears_of_a_gap_once)
{
    Call c;
    char buf[16];
    Ring *r = ring_new(NULL);
    call_init(&c, NULL);
    Tap *t = tap_open(r, false, NULL);
    EQ(tap_read(&c, t, buf, 16), -EAGAIN);
    EQ(put(&c, r, 0, 10), 10);
    get(&c, t, 0, 4);
    EQ(put(&c, r, 10, RING_SIZE), RING_SIZE);
    EQ(tap_ready(&c, t, NULL), READY_READ);
    EQ(tap_read(&c, t, buf, 16), -EOVERFLOW);
    get(&c, t, 10, RING_SIZE);
    EQ(tap_read(&c, t, buf, 16), -EAGAIN);
    EQ(put(&c, r, 10 + RING_SIZE, 200000), 200000);
    EQ(put(&c, r, 210 + RING_SIZE, 200000), 200000);
    EQ(tap_read(&c, t, buf, 16), -EOVERFLOW);
    OK(tap_read(&c, t, buf, 16));
    tap_close(t);
    ring_put(r);
    call_destroy(&c);
}

/* What a ring gives back is a gap for a tap that did not keep it, not other bytes. */
TEST(a_tap_hears_of_what_a_shorter_ring_lost)
{
    Call c;
    char buf[16];
    Ring *r = ring_new(NULL);
    call_init(&c, NULL);
    Tap *t = tap_open(r, false, NULL);
    EQ(put(&c, r, 0, 10000), 10000);
    get(&c, t, 0, 100);
    TRUE(ring_shrink(r));
    EQ(tap_read(&c, t, buf, 16), -EOVERFLOW);
    get(&c, t, 10000 - 256, 256);
    EQ(tap_read(&c, t, buf, 16), -EAGAIN);
    /* A ring that had grown for a slow tap, which is closed. */
    size_t reserved;
    static uint8_t bytes[RING_SIZE + 20000];
    EQ(ring_reserve(&c, r, sizeof bytes, false, &reserved), sizeof bytes);
    Tap *slow = tap_open(r, true, NULL);
    ring_commit(r, bytes, sizeof bytes, reserved);
    tap_close(slow);
    EQ(tap_read(&c, t, buf, 16), -EOVERFLOW);
    uint64_t left;
    EQ(tap_ready(&c, t, &left), READY_READ);
    EQ(left, RING_SIZE);
    tap_close(t);
    ring_put(r);
    call_destroy(&c);
}

TEST(a_reservation_is_room_that_a_new_tap_cannot_fill)
{
    Call c;
    Ring *r = ring_new(NULL);
    uint8_t bytes[1000] = { 0 };
    size_t reserved = 0;
    call_init(&c, NULL);
    EQ(put(&c, r, 0, RING_SIZE), RING_SIZE);
    Tap *first = tap_open(r, true, NULL);
    get(&c, first, 0, RING_SIZE);
    EQ(ring_reserve(&c, r, 1000, false, &reserved), 1000);
    Tap *second = tap_open(r, true, NULL);
    get(&c, second, 1000, 1);
    ring_commit(r, bytes, 1000, reserved);
    get(&c, second, 1001, RING_SIZE - 1001);
    char zero;
    EQ(tap_read(&c, second, &zero, 1), 1);
    EQ(zero, 0);
    tap_close(first);
    tap_close(second);
    ring_put(r);
    call_destroy(&c);
}

/* The writer saw no tap; one is there when it commits. */
TEST(a_tap_that_comes_during_a_write_loses_nothing)
{
    Call c;
    Account *a = account_new(NULL);
    AccountSums s;
    Ring *r = ring_new(a);
    uint8_t *bytes = mem_alloc(300000);
    size_t reserved = 0;
    call_init(&c, NULL);
    EQ(put(&c, r, 0, RING_SIZE), RING_SIZE);
    EQ(ring_reserve(&c, r, 300000, false, &reserved), 300000);
    EQ(reserved, 0);
    Tap *t = tap_open(r, true, a);
    get(&c, t, 0, 10);
    ring_commit(r, bytes, 300000, reserved);
    get(&c, t, 10, RING_SIZE - 10);
    uint8_t *back = mem_alloc(300000);
    EQ(tap_read(&c, t, back, 300000), 300000);
    MEM_EQ(back, bytes, 300000);
    EQ(put(&c, r, 0, 5000), 5000);
    tap_close(t);
    account_sums(a, &s);
    TRUE(s.mem_current < RING_SIZE + 1024);
    t = tap_open(r, true, a);
    EQ(tap_read(&c, t, back, 300000), RING_SIZE);
    check(back + RING_SIZE - 5000, 0, 5000);
    tap_close(t);
    ring_put(r);
    account_put(a);
    mem_free(bytes);
    mem_free(back);
    call_destroy(&c);
}

TEST(without_memory_the_ring_stays_small_and_the_write_goes_on)
{
    Call c;
    Account *a = account_new(NULL);
    call_init(&c, NULL);
    Ring *r = ring_new(a);
    AccountSums sums;
    account_sums(a, &sums);
    OK(account_limit_memory(NULL, a, sums.mem_current, true));
    EQ(put(&c, r, 0, 5000), 5000);
    Tap *t = tap_open(r, true, NULL);
    get(&c, t, 5000 - 256, 256);
    EQ(put(&c, r, 5000, 5000), 256);
    EQ(put(&c, r, 5256, 10), WAIT);
    get(&c, t, 5000, 256);
    EQ(put(&c, r, 5256, 10), 10);
    call_end(&c);
    tap_close(t);
    ring_put(r);
    account_put(a);
    call_destroy(&c);
}

static int session(void *arg)
{
    Account *a = arg;
    Call c;
    uint8_t bytes[10000] = { 0 };
    call_init(&c, NULL);
    Ring *r = ring_new(a);
    if (r == NULL) {
        call_destroy(&c);
        return -ENOMEM;
    }
    int64_t n = put(&c, r, 0, 100);
    size_t reserved = 0;
    n = ring_reserve(&c, r, sizeof bytes, false, &reserved);
    EQ(n, sizeof bytes);
    Tap *t = tap_open(r, true, a);
    ring_commit(r, bytes, sizeof bytes, reserved);
    bool complete = t != NULL;
    for (size_t got = 0; t != NULL && got < sizeof bytes + 100;) {
        n = tap_read(&c, t, bytes, sizeof bytes);
        complete = complete && n != -EOVERFLOW;
        if (n == WAIT)
            break;
        got += n > 0 ? (size_t)n : 0;
    }
    call_end(&c);
    if (t != NULL)
        tap_close(t);
    ring_put(r);
    call_destroy(&c);
    return complete ? 0 : -ENOMEM;
}

TEST(failing_allocations_leave_nothing_behind)
{
    int64_t rings = count_of(OBJ_RING);
    int64_t taps = count_of(OBJ_TAP);
    Account *a = account_new(NULL);
    AccountSums s;
    test_each_failure(session, a);
    account_sums(a, &s);
    EQ(s.mem_current, 0);
    EQ(count_of(OBJ_RING), rings);
    EQ(count_of(OBJ_TAP), taps);
    account_put(a);
}

/* ---- threads ------------------------------------------------------------------------------------------------------ */

enum { STREAM = 400000, READERS = 3 };

typedef struct Stream {
    Ring *ring;
    Tap *taps[READERS];
    atomic_uint next;
    Mutex lock;                     /* RANK_LEAF */
    Cond changed;
    unsigned ended;
} Stream;

static void stream_end(Stream *s)
{
    mutex_lock(&s->lock);
    s->ended++;
    cond_wake_all(&s->changed);
    mutex_unlock(&s->lock);
}

static void read_stream(void *arg)
{
    Stream *s = arg;
    Call c;
    uint8_t buf[3000];
    uint64_t at = 0;
    int64_t n;
    Tap *t = s->taps[atomic_fetch_add(&s->next, 1)];
    call_init(&c, NULL);
    do {
        CALL_RUN(&c, n, tap_read(&c, t, buf, sizeof buf));
        OK(n);
        check(buf, at, (size_t)n);
        at += (uint64_t)n;
    } while (n > 0);
    EQ(at, STREAM);
    tap_close(t);
    call_destroy(&c);
    stream_end(s);
}

/* Others come and go while it runs. */
static void visit_stream(void *arg)
{
    Stream *s = arg;
    Call c;
    uint8_t buf[500];
    call_init(&c, NULL);
    while (!ring_closed(s->ring)) {
        Tap *t = tap_open(s->ring, true, NULL);
        int64_t n = 1;
        for (unsigned i = 0; i < 20 && n > 0; i++) {
            CALL_RUN(&c, n, tap_read(&c, t, buf, sizeof buf));
            OK(n);
        }
        tap_close(t);
    }
    call_destroy(&c);
    stream_end(s);
}

TEST_SLOW(readers_see_all_that_a_writer_writes, 60)
{
    Call c;
    Stream s = { .ring = ring_new(NULL) };
    mutex_init(&s.lock, RANK_LEAF);
    cond_init(&s.changed);
    call_init(&c, NULL);
    for (unsigned i = 0; i < READERS; i++)
        s.taps[i] = tap_open(s.ring, true, NULL);
    for (unsigned i = 0; i < READERS; i++)
        OK(worker_run(read_stream, &s, 0));
    OK(worker_run(visit_stream, &s, 0));
    for (uint64_t at = 0; at < STREAM;) {
        size_t n = 1 + at * 31 % 9000;
        int64_t r;
        CALL_RUN(&c, r, put(&c, s.ring, at, n < STREAM - at ? n : STREAM - at));
        OK(r);
        at += (uint64_t)r;
    }
    ring_close(s.ring);
    mutex_lock(&s.lock);
    while (s.ended < READERS + 1)
        cond_wait(&s.changed, &s.lock);
    mutex_unlock(&s.lock);
    ring_put(s.ring);
    call_destroy(&c);
    workers_drain();
}

/* ---- borrowed bytes ------------------------------------------------------------------------------------------------- */

/* A buffer as a pipe has one: the bytes of the pattern from position at on go to their places in it. */
typedef struct Lender {
    uint8_t buf[2 * RING_SIZE];
    size_t size;
    uint64_t end;
} Lender;

static bool lend(Lender *l, Ring *r, uint64_t at, size_t n)
{
    static uint8_t s[RING_SIZE];
    for (size_t i = 0; i < n; i++)
        s[i] = (uint8_t)((at + i) * 7 + (at + i) / 251);
    bool may = ring_borrow(r, l->buf, l->size, l->end, s, n);
    if (may)
        l->end += n;
    return may;
}

static void spoil(Lender *l)
{
    memset(l->buf, 0xee, sizeof l->buf);
}

static void check_kept(Ring *r, uint64_t from, uint64_t to)
{
    Call c;
    uint64_t bytes;
    call_init(&c, NULL);
    Tap *t = tap_open(r, true, NULL);
    EQ(tap_ready(&c, t, &bytes), READY_READ);
    EQ(bytes, to - from);
    get(&c, t, from, (size_t)(to - from));
    tap_close(t);
    call_destroy(&c);
}

TEST(borrowed_bytes_follow_what_was_there_and_come_before_what_is_written_later)
{
    static Lender l = { .size = RING_SIZE, .end = 12345 };
    Call c;
    call_init(&c, NULL);
    Ring *r = ring_new(NULL);
    EQ(put(&c, r, 0, 1000), 1000);
    TRUE(lend(&l, r, 1000, 20000));
    TRUE(lend(&l, r, 21000, 10000));
    EQ(put(&c, r, 31000, 500), 500);
    TRUE(lend(&l, r, 31500, 9000));
    check_kept(r, 0, 40500);
    spoil(&l);
    check_kept(r, 0, 40500);        /* whoever looked has made it copy them */
    ring_put(r);
    call_destroy(&c);
}

TEST(of_borrowed_bytes_too_the_last_64_KiB_are_kept)
{
    static const size_t sizes[] = { RING_SIZE, 2 * RING_SIZE };
    static Lender l;
    Call c;
    call_init(&c, NULL);
    for (size_t i = 0; i < LEN(sizes); i++) {
        l = (Lender){ .size = sizes[i] };
        Ring *r = ring_new(NULL);
        uint64_t at = 0;
        EQ(put(&c, r, 0, 1000), 1000);
        for (at = 1000; at < 300000; at += 17000)
            TRUE(lend(&l, r, at, 17000));
        check_kept(r, at - RING_SIZE, at);
        ring_put(r);
    }
    call_destroy(&c);
}

TEST(a_lender_that_needs_its_buffer_leaves_the_bytes_to_the_ring)
{
    static Lender l = { .size = RING_SIZE }, other = { .size = RING_SIZE, .end = 777 };
    Ring *r = ring_new(NULL);
    TRUE(lend(&l, r, 0, 30000));
    ring_settle(r, other.buf);      /* nothing is borrowed there */
    ring_settle(r, l.buf);
    spoil(&l);
    TRUE(lend(&other, r, 30000, 20000));
    l.end = 0;
    TRUE(lend(&l, r, 50000, 8000)); /* from one lender to another */
    spoil(&other);
    check_kept(r, 0, 58000);
    ring_put(r);
}

TEST(with_a_tap_open_nothing_is_borrowed)
{
    static Lender l = { .size = RING_SIZE };
    Call c;
    call_init(&c, NULL);
    Ring *r = ring_new(NULL);
    TRUE(lend(&l, r, 0, 9000));
    Tap *t = tap_open(r, false, NULL);
    TRUE(!lend(&l, r, 9000, 9000));
    EQ(put(&c, r, 9000, 100), 100);
    get(&c, t, 0, 9100);
    tap_close(t);
    TRUE(lend(&l, r, 9100, 9000));
    check_kept(r, 0, 18100);
    ring_put(r);
    call_destroy(&c);
}

TEST(without_memory_a_ring_keeps_the_last_of_what_it_had_borrowed)
{
    static Lender l = { .size = RING_SIZE };
    Call c;
    uint64_t bytes = 0;
    AccountSums s;
    Account *a = account_new(NULL);
    call_init(&c, NULL);
    Ring *r = ring_new(a);
    TRUE(lend(&l, r, 0, 50000));
    account_sums(a, &s);
    OK(account_limit_memory(&c, a, s.mem_current + 5000, true));
    ring_settle(r, l.buf);
    spoil(&l);
    Tap *t = tap_open(r, true, NULL);
    EQ(tap_ready(&c, t, &bytes), READY_READ);
    EQ(bytes, 4096);
    get(&c, t, 50000 - 4096, 4096);
    tap_close(t);
    ring_put(r);
    account_put(a);
    call_destroy(&c);
}
