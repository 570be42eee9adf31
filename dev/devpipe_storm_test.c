/* SPDX-License-Identifier: MIT */
/*
 * Pipes in a storm: pieces of random length through a descriptor, its tap and a pipe, while waits are interrupted and tasks are
 * killed at random moments. Reader and tap compare every byte with an endless sequence, so that one lost, doubled or out of
 * order is seen where it happens, and a lost wake-up as a test that does not end.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dev/devpipe.h"
#include "kern/account.h"
#include "test/testengine.h"
#include "test/world.h"

enum { BLOCK = 70000 };

static uint8_t byte_at(uint64_t at)
{
    return (uint8_t)(at * 7 + at / 251);
}

static void fill(uint8_t *s, uint64_t at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        s[i] = byte_at(at + i);
}

static void check(const char *who, const uint8_t *s, uint64_t at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] != byte_at(at + i))
            FAIL("%s: byte %" PRIu64 " differs", who, at + i);
}

static unsigned next(unsigned *random)
{
    *random = *random * 1664525u + 1013904223u;
    return (*random >> 8) * 2654435761u >> 12;
}

/* Mostly short, sometimes around a page, sometimes more than a pipe holds. */
static size_t piece(unsigned *random)
{
    unsigned kind = next(random) % 8;
    return 1 + next(random) % (kind < 4 ? 100 : kind < 6 ? 5000 : BLOCK);
}

/* ---- interrupted waits ---------------------------------------------------------------------------------------------- */

typedef struct Side {
    Call call;
    FdTab *fds;
    Tap *tap;                       /* of the writer, for the side that reads it */
    unsigned random;
    uint64_t total, at;             /* bytes in all, and those done */
    uint64_t interrupts;
    atomic_bool done;
} Side;

/* A try that ends with an interrupt is begun anew, and has moved nothing. */
static int64_t again(Side *s, int64_t r)
{
    if (r != -EINTR) {
        OK(r);
        return r;
    }
    s->interrupts++;
    return 0;
}

static void write_side(void *arg)
{
    Side *s = arg;
    uint8_t *block = mem_alloc(BLOCK);
    while (s->at < s->total) {
        size_t n = piece(&s->random);
        if (n > s->total - s->at)
            n = (size_t)(s->total - s->at);
        fill(block, s->at, n);
        IoVec v[2] = { { block, n / 3 }, { block + n / 3, n - n / 3 } };
        int64_t r;
        CALL_RUN(&s->call, r, fd_writev(&s->call, s->fds, 1, v, 2, NULL, 0));
        if (r > 0 && n <= 4096)
            EQ(r, n);
        s->at += (uint64_t)again(s, r);
    }
    fdtab_close_all(&s->call, s->fds);
    mem_free(block);
    atomic_store(&s->done, true);
}

static int64_t read_once(Side *s, uint8_t *block, size_t n)
{
    IoVec v = { block, n };
    int64_t r;
    if (s->tap != NULL)
        CALL_RUN(&s->call, r, tap_read(&s->call, s->tap, block, n));
    else
        CALL_RUN(&s->call, r, fd_readv(&s->call, s->fds, 0, &v, 1, NULL, 0));
    return r;
}

static void read_side(void *arg)
{
    Side *s = arg;
    uint8_t *block = mem_alloc(BLOCK);
    for (;;) {
        int64_t r = read_once(s, block, piece(&s->random));
        if (r == 0)
            break;
        size_t n = (size_t)again(s, r);
        check(s->tap != NULL ? "the tap" : "the reader", block, s->at, n);
        s->at += n;
    }
    EQ(s->at, s->total);
    if (s->tap == NULL)
        fdtab_close_all(&s->call, s->fds);
    mem_free(block);
    atomic_store(&s->done, true);
}

static void side_init(World *w, Side *s, unsigned random, uint64_t total)
{
    *s = (Side){ .random = random, .total = total, .fds = fdtab_new(w->root->account, FD_LIMIT_DEFAULT) };
    fdtab_activate(s->fds);
    call_init(&s->call, w->root);
}

static void side_end(Side *s)
{
    EQ(s->at, s->total);
    fdtab_put(s->fds);
    call_destroy(&s->call);
}

static bool all_done(Side *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (!atomic_load(&s[i].done))
            return false;
    return true;
}

/* pause: the longest time between two interrupts, in looks; 0: there are none, and a lost wake-up stays lost. */
static void storm(unsigned random, uint64_t total, unsigned pause)
{
    World w = world("");
    Side s[3];                      /* writer, reader, tap */
    Chan *r = NULL, *wr = NULL;
    int e;
    for (unsigned i = 0; i < LEN(s); i++)
        side_init(&w, &s[i], random + i, total);
    OK(devpipe_new(w.call, &r, &wr));
    OK(fd_put(w.call, s[0].fds, 1, wr, UINT64_MAX, UINT64_MAX, true));
    OK(fd_put(w.call, s[1].fds, 0, r, UINT64_MAX, UINT64_MAX, true));
    Ring *ring = fd_ring(s[0].fds, 1, &e);
    OK(e);
    s[2].tap = tap_open(ring, true, w.root->account);
    OK(worker_run(read_side, &s[1], 0));
    OK(worker_run(read_side, &s[2], 0));
    OK(worker_run(write_side, &s[0], 0));
    while (!all_done(s, LEN(s))) {
        for (unsigned n = pause > 0 ? next(&random) % pause : 0; n > 0; n--)
            cpu_relax();
        if (pause > 0)
            call_interrupt(&s[next(&random) % LEN(s)].call);
        else
            thread_yield();
    }
    workers_drain();
    tap_close(s[2].tap);
    ring_put(ring);
    for (unsigned i = 0; i < LEN(s); i++)
        side_end(&s[i]);
    world_end(&w);
}

TEST_SLOW(no_byte_is_lost_or_doubled_by_interrupts_at_any_moment, 60)
{
    static const unsigned pauses[] = { 10, 100, 2000, 0 };
    for (unsigned i = 0; i < 12; i++)
        storm(i * 77 + 1, 1 << 20, pauses[i % LEN(pauses)]);
}

/* ---- killed tasks --------------------------------------------------------------------------------------------------- */

static atomic_uint_least64_t sunk;  /* bytes that the sink has got */

/* Writes the sequence for ever, in pieces by the seed that is its word. */
PROGRAM(spring)
{
    unsigned random = (unsigned)act_arg(a, 1)[0];
    uint8_t *block = mem_alloc(BLOCK);
    uint64_t at = 0;
    for (int64_t r = 0; r >= 0;) {
        size_t n = piece(&random);
        fill(block, at, n);
        r = act_write(a, 1, block, n);
        at += n;
    }
    mem_free(block);
    return 0;
}

PROGRAM(sink)
{
    unsigned random = (unsigned)act_arg(a, 1)[0];
    uint8_t *block = mem_alloc(BLOCK);
    int64_t r;
    while ((r = act_read(a, 0, block, piece(&random))) > 0) {
        check("the sink", block, atomic_load(&sunk), (size_t)r);
        atomic_fetch_add(&sunk, (uint64_t)r);
    }
    mem_free(block);
    return 0;
}

/* The tap's reader kills one of the two in the middle and reads on until the end. Returns the bytes that the tap gave. */
static uint64_t tap_and_kill(World *w, uint64_t first, uint64_t victim, unsigned *random)
{
    static uint8_t block[BLOCK];
    Chan *tap = NULL;
    uint64_t at = 0, until = next(random) % 400000;
    OK(world_open(w, world_path(first, "fd/1"), OPEN_READ, &tap));
    OK(world_ctl(w, first, "start\n"));
    for (bool killed = false;;) {
        int64_t n = world_get(w, tap, block, piece(random));
        OK(n);
        if (n == 0)
            break;
        check("the tap", block, at, (size_t)n);
        at += (uint64_t)n;
        if (at < until || killed)
            continue;
        OK(world_ctl(w, victim, next(random) % 2 == 0 ? "kill 9\n" : "kill 15\n"));
        killed = true;
    }
    OK(world_close(w, tap));
    return at;
}

TEST(a_killed_end_of_a_pipe_leaves_a_whole_sequence_to_the_other_and_to_the_tap)
{
    World w = world("/bin/spring='test:spring' /bin/sink='test:sink'");
    unsigned random = 11;
    for (unsigned i = 0; i < 40; i++) {
        char line[64];
        uint64_t a = world_new(&w), b = world_new(&w);
        bool kill_first = i % 2 == 0;
        atomic_store(&sunk, 0);
        snprintf(line, sizeof line, "cmd spring %c\n", 'a' + (char)(i % 26));
        OK(world_ctl(&w, a, line));
        snprintf(line, sizeof line, "cmd sink %c\n", 'z' - (char)(i % 26));
        OK(world_ctl(&w, b, line));
        snprintf(line, sizeof line, "pipe /task/%" PRIu64 "/fd/0\n", b);
        OK(world_write(&w, world_path(a, "fd/1/ctl"), line));
        OK(world_ctl(&w, b, "start\n"));
        uint64_t tapped = tap_and_kill(&w, a, kill_first ? a : b, &random);
        int codes[] = { world_wait(&w, a), world_wait(&w, b) };
        uint64_t got = atomic_load(&sunk);
        if (kill_first) {
            EQ(got, tapped);                    /* the last one's bytes are all there, then comes the end */
            EQ(codes[1], 0);
            TRUE(codes[0] == 128 + 9 || codes[0] == 128 + 15);
        } else {
            TRUE(got <= tapped && tapped - got <= 65536 + BLOCK);
            EQ(codes[0], 128 + 13);
        }
        OK(world_ctl(&w, a, "remove\n"));
        OK(world_ctl(&w, b, "remove\n"));
    }
    world_end(&w);
}

/* ---- taps that come late -------------------------------------------------------------------------------------------- */

/* Writes numbers of four bytes that count up, for ever, so that a tap that comes late knows its place. */
PROGRAM(counter)
{
    unsigned random = (unsigned)act_arg(a, 1)[0];
    uint32_t *block = mem_alloc(BLOCK + 4);
    uint32_t at = 0;
    for (int64_t r = 0; r >= 0;) {
        size_t n = piece(&random) / 4 + 1;
        for (size_t i = 0; i < n; i++)
            block[i] = at++;
        r = act_write(a, 1, block, n * 4);
    }
    mem_free(block);
    return 0;
}

PROGRAM(drain)
{
    unsigned random = (unsigned)act_arg(a, 1)[0];
    uint8_t *block = mem_alloc(BLOCK);
    while (act_read(a, 0, block, piece(&random)) > 0)
        ;
    mem_free(block);
    return 0;
}

static bool counts(const uint8_t *s, size_t n)
{
    uint32_t first, here;
    memcpy(&first, s, 4);
    for (size_t i = 4; i + 4 <= n; i += 4) {
        memcpy(&here, s + i, 4);
        if (here != first + i / 4)
            return false;
    }
    return true;
}

/* Opens a tap, reads some of it, closes it. */
static void look(World *w, uint64_t id, unsigned *random)
{
    static uint8_t s[4 * BLOCK];
    Chan *tap = NULL;
    size_t n = 0, enough = 100 + next(random) % (3 * BLOCK);
    OK(world_open(w, world_path(id, "fd/1"), OPEN_READ, &tap));
    while (n < enough) {
        int64_t r = world_get(w, tap, s + n, piece(random));
        OK(r);
        TRUE(r > 0);
        n += (size_t)r;
    }
    OK(world_close(w, tap));
    if (!counts(s, n) && !counts(s + 1, n - 1) && !counts(s + 2, n - 2) && !counts(s + 3, n - 3))
        FAIL("a late tap has not seen what was written last");
}

/* Writers of one pipe take turns in its buffer, from which the taps of each must get that one's own bytes. */
static void late_taps(unsigned writers, const char *size, unsigned random)
{
    World w = world("/bin/counter='test:counter' /bin/drain='test:drain'");
    uint64_t id[4], to = world_new(&w);
    int64_t rings = count_of(OBJ_RING);
    char line[64];
    STR_EQ(world_read(&w, "/cap/new/pipe"), "1\n");
    OK(world_write(&w, "/cap/1/ctl", size));
    OK(world_write(&w, world_path(to, "fd/0/ctl"), "dup /cap/1/r r\n"));
    for (unsigned i = 0; i < writers; i++) {
        id[i] = world_new(&w);
        OK(world_write(&w, world_path(id[i], "fd/1/ctl"), "dup /cap/1/w w\n"));
        snprintf(line, sizeof line, "cmd counter %c\nstart\n", 'a' + (char)i);
        OK(world_ctl(&w, id[i], line));
    }
    OK(world_ctl(&w, to, "cmd drain x\nstart\n"));
    for (unsigned i = 0; i < 60; i++)
        look(&w, id[next(&random) % writers], &random);
    for (unsigned i = 0; i < writers; i++) {
        OK(world_ctl(&w, id[i], "kill 9\n"));
        EQ(world_wait(&w, id[i]), 128 + 9);
    }
    EQ(world_wait(&w, to), 0);
    for (unsigned i = 0; i < writers; i++) {
        Chan *tap = NULL;           /* what it wrote last is there after it and after the pipe's last writer */
        static uint8_t s[65536];
        OK(world_open(&w, world_path(id[i], "fd/1"), OPEN_READ, &tap));
        int64_t n = world_get(&w, tap, s, sizeof s);
        EQ(n, sizeof s);
        TRUE(counts(s, 65536) || counts(s + 1, 65535) || counts(s + 2, 65534) || counts(s + 3, 65533));
        OK(world_close(&w, tap));
        OK(world_ctl(&w, id[i], "remove\n"));
    }
    OK(world_ctl(&w, to, "remove\n"));
    /* The pipe is still there, and keeps none of them alive. (A task's last thread lets go of it after its exit is known.) */
    while (count_of(OBJ_RING) != rings)
        thread_yield();
    world_end(&w);
}

TEST(taps_that_come_late_see_what_was_written_last)
{
    late_taps(1, "size 64K\n", 1);
    late_taps(1, "size 200K\n", 2);
}

TEST(each_tap_of_writers_that_share_a_pipe_sees_its_own_writer)
{
    late_taps(3, "size 64K\n", 3);
    late_taps(3, "size 1M\n", 4);
}
