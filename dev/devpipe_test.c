/* SPDX-License-Identifier: MIT */
/*
 * Pipes: bytes in order, whole writes, ends of file, both sides at once, and what a pipe object of /cap takes.
 */
#include "dev/devpipe.h"

#include <string.h>

#include "kern/account.h"
#include "test/world.h"

typedef struct Ends {
    Chan *r, *w;
} Ends;

static Ends ends(World *w)
{
    Ends e = { 0 };
    OK(devpipe_new(w->call, &e.r, &e.w));
    chan_hold(e.r, true);
    chan_hold(e.w, true);
    return e;
}

static void let_go(World *w, Chan **ch)
{
    if (*ch == NULL)
        return;
    OK(chan_unhold(w->call, *ch, true));
    chan_put(STEAL(*ch));
}

static void end(World *w, Ends *e)
{
    let_go(w, &e->r);
    let_go(w, &e->w);
    world_end(w);
}

static int64_t try_write(World *w, Chan *ch, const void *buf, size_t n)
{
    int64_t r;
    w->call->mode = CALL_NONBLOCK;
    CALL_RUN(w->call, r, chan_write(w->call, ch, buf, n, 0));
    w->call->mode = 0;
    return r;
}

static int64_t try_read(World *w, Chan *ch, void *buf, size_t n)
{
    int64_t r;
    w->call->mode = CALL_NONBLOCK;
    CALL_RUN(w->call, r, chan_read(w->call, ch, buf, n, 0));
    w->call->mode = 0;
    return r;
}

static int ready(World *w, Chan *ch, unsigned events, uint64_t *bytes)
{
    int r;
    w->call->mode = CALL_NONBLOCK;
    CALL_RUN(w->call, r, chan_ready(w->call, ch, events, bytes));
    w->call->mode = 0;
    return r;
}

TEST(what_is_written_is_read_in_order)
{
    World w = world("");
    Ends e = ends(&w);
    char buf[16] = "";
    EQ(try_read(&w, e.r, buf, 4), -EAGAIN);
    EQ(try_write(&w, e.w, "hello ", 6), 6);
    EQ(try_write(&w, e.w, "world", 5), 5);
    EQ(try_read(&w, e.r, buf, 8), 8);
    MEM_EQ(buf, "hello wo", 8);
    EQ(try_read(&w, e.r, buf, 8), 3);
    MEM_EQ(buf, "rld", 3);
    EQ(try_write(&w, e.w, "", 0), 0);
    EQ(try_read(&w, e.r, buf, 0), 0);
    EQ(try_read(&w, e.r, buf, 1), -EAGAIN);
    end(&w, &e);
}

TEST(each_end_is_for_one_direction)
{
    World w = world("");
    Ends e = ends(&w);
    char c;
    Chan *again = NULL;
    EQ(try_write(&w, e.r, "x", 1), -EBADF);
    EQ(try_read(&w, e.w, &c, 1), -EBADF);
    EQ(chan_open(w.call, e.r, OPEN_WRITE, &again), -EPERM);
    EQ(chan_open(w.call, e.w, OPEN_READ | OPEN_WRITE, &again), -EPERM);
    uint64_t pos;
    EQ(chan_seek(w.call, e.r, 0, SEEK_FROM_START, &pos), -ESPIPE);
    Attr a;
    OK(chan_getattr(w.call, e.r, &a));
    EQ(a.mode, TYPE_FIFO | 0400);
    TRUE(!file_same(e.r->file, e.w->file));
    end(&w, &e);
}

TEST(a_small_write_is_whole_or_waits_and_a_large_one_takes_what_room_there_is)
{
    World w = world("");
    Ends e = ends(&w);
    static char block[70000], back[70000];
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (char)(i * 7 + i / 251);
    EQ(try_write(&w, e.w, block, 65536 - 100), 65536 - 100);
    EQ(try_write(&w, e.w, block, 4096), -EAGAIN);
    EQ(try_write(&w, e.w, block, 101), -EAGAIN);
    EQ(ready(&w, e.w, READY_WRITE, NULL), -EAGAIN);
    EQ(try_write(&w, e.w, block + 65536 - 100, 4500), 100);
    EQ(try_write(&w, e.w, block, 1), -EAGAIN);
    EQ(try_read(&w, e.r, back, sizeof back), 65536);
    MEM_EQ(back, block, 65536);
    EQ(ready(&w, e.w, READY_WRITE, NULL), READY_WRITE);
    end(&w, &e);
}

TEST(the_end_comes_when_the_last_writer_is_gone_and_not_before_there_was_one)
{
    World w = world("");
    Ends e = { 0 };
    char c;
    uint64_t bytes = 99;
    OK(devpipe_new(w.call, &e.r, &e.w));
    chan_hold(e.r, true);
    chan_hold(e.w, false);
    EQ(try_read(&w, e.r, &c, 1), -EAGAIN);      /* nobody counts as a writer yet */
    EQ(ready(&w, e.r, READY_READ, &bytes), -EAGAIN);
    chan_active(e.w, true);
    EQ(try_write(&w, e.w, "x", 1), 1);
    EQ(ready(&w, e.r, READY_READ, &bytes), READY_READ);
    EQ(bytes, 1);
    let_go(&w, &e.w);
    EQ(ready(&w, e.r, READY_READ, &bytes), READY_READ | READY_HANGUP);
    EQ(try_read(&w, e.r, &c, 1), 1);
    EQ(try_read(&w, e.r, &c, 1), 0);
    EQ(ready(&w, e.r, READY_READ, &bytes), READY_READ | READY_HANGUP);
    EQ(bytes, 0);
    end(&w, &e);
}

TEST(writing_fails_once_the_last_reader_is_gone)
{
    World w = world("");
    Ends e = ends(&w);
    EQ(try_write(&w, e.w, "x", 1), 1);
    let_go(&w, &e.r);
    EQ(try_write(&w, e.w, "x", 1), -EPIPE);
    EQ(ready(&w, e.w, READY_WRITE, NULL), READY_WRITE | READY_HANGUP);
    end(&w, &e);
}

/* ---- two threads -------------------------------------------------------------------------------------------------- */

typedef struct Feeder {
    World *w;
    Chan *ch;                       /* owned: let go at the end */
    size_t total, block;
    atomic_bool done;
} Feeder;

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 31 + i / 977);
}

static void feed(void *arg)
{
    Feeder *f = arg;
    Call c;
    call_init(&c, f->w->root);
    uint8_t block[9000];
    for (size_t at = 0; at < f->total;) {
        size_t n = f->block < f->total - at ? f->block : f->total - at;
        for (size_t i = 0; i < n; i++)
            block[i] = byte_at(at + i);
        int64_t r;
        CALL_RUN(&c, r, chan_write(&c, f->ch, block, n, 0));
        OK(r);
        if (f->block <= 4096)
            EQ(r, n);
        at += (size_t)r;
    }
    int r;
    CALL_RUN(&c, r, chan_unhold(&c, f->ch, true));
    OK(r);
    chan_put(f->ch);
    call_destroy(&c);
    atomic_store(&f->done, true);
}

static void drain(World *w, Chan *r, size_t total, size_t most)
{
    static uint8_t buf[70000];
    size_t at = 0;
    for (;;) {
        int64_t n;
        CALL_RUN(w->call, n, chan_read(w->call, r, buf, most, 0));
        OK(n);
        if (n == 0)
            break;
        for (int64_t i = 0; i < n; i++, at++)
            if (buf[i] != byte_at(at))
                FAIL("byte %zu differs", at);
    }
    EQ(at, total);
}

static void through(size_t block, size_t most, size_t total)
{
    World w = world("");
    Ends e = ends(&w);
    Feeder f = { .w = &w, .ch = e.w, .total = total, .block = block };
    e.w = NULL;
    OK(worker_run(feed, &f, 0));
    drain(&w, e.r, total, most);
    while (!atomic_load(&f.done))
        thread_yield();
    workers_drain();
    end(&w, &e);
}

TEST(bytes_pass_whole_from_thread_to_thread_in_large_blocks)
{
    through(9000, 65536, 20 << 20);
}
TEST(bytes_pass_whole_from_thread_to_thread_in_small_blocks)
{
    through(100, 70, 300000);
}
TEST(a_reader_of_single_bytes_wakes_a_writer_of_pages)
{
    through(4096, 1, 200000);
}

static bool is_piece(const uint8_t *s, size_t at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] != byte_at(at + i))
            return false;
    return true;
}

TEST(writes_of_several_threads_up_to_a_page_do_not_mix)
{
    World w = world("");
    Ends e = ends(&w);
    enum { WRITERS = 3, LINES = 200, LINE = 4096 };
    Feeder f[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        f[i] = (Feeder){ .w = &w, .total = (size_t)LINES * LINE, .block = LINE };
        f[i].ch = chan_get(e.w);
        chan_hold(e.w, true);
    }
    let_go(&w, &e.w);
    for (int i = 0; i < WRITERS; i++)
        OK(worker_run(feed, &f[i], 0));
    static uint8_t line[LINE];
    size_t got = 0;
    for (int lines = 0; lines < WRITERS * LINES; lines++) {
        for (got = 0; got < LINE;) {
            int64_t n;
            CALL_RUN(w.call, n, chan_read(w.call, e.r, line + got, LINE - got, 0));
            TRUE(n > 0);
            got += (size_t)n;
        }
        /* Every line is a piece of the one sequence, at a multiple of its length. */
        size_t at = 0;
        while (at < (size_t)LINES * LINE && !is_piece(line, at, LINE))
            at += LINE;
        if (at == (size_t)LINES * LINE)
            FAIL("line %d is mixed", lines);
    }
    for (int i = 0; i < WRITERS; i++)
        while (!atomic_load(&f[i].done))
            thread_yield();
    workers_drain();
    end(&w, &e);
}

/* ---- interrupted --------------------------------------------------------------------------------------------------- */

typedef struct Waits {
    Chan *ch;
    Call call;
    char *buf;
    size_t n;
    bool writes;
    atomic_bool done;
    int64_t result;
} Waits;

static void wait_in(void *arg)
{
    Waits *x = arg;
    Call *c = &x->call;
    CALL_RUN(c, x->result, x->writes ? chan_write(c, x->ch, x->buf, x->n, 0) : chan_read(c, x->ch, x->buf, x->n, 0));
    atomic_store(&x->done, true);
}

static int64_t interrupted(World *w, Chan *ch, char *buf, size_t n, bool writes)
{
    Waits x = { .ch = ch, .buf = buf, .n = n, .writes = writes };
    call_init(&x.call, w->root);
    OK(worker_run(wait_in, &x, 0));
    uint64_t until = clock_now(CLOCK_MONO) + 10000000;
    while (clock_now(CLOCK_MONO) < until)
        TRUE(!atomic_load(&x.done));
    while (!atomic_load(&x.done)) {
        call_interrupt(&x.call);                /* again, should it have been before the call began */
        thread_yield();
    }
    workers_drain();
    call_destroy(&x.call);
    return x.result;
}

TEST(an_interrupted_wait_has_moved_nothing)
{
    World w = world("");
    Ends e = ends(&w);
    static char block[65536], back[65536];
    EQ(interrupted(&w, e.r, back, 10, false), -EINTR);
    EQ(try_write(&w, e.w, block, 65000), 65000);
    EQ(interrupted(&w, e.w, block, 4096, true), -EINTR);
    EQ(try_read(&w, e.r, back, sizeof back), 65000);
    EQ(try_read(&w, e.r, back, 1), -EAGAIN);
    end(&w, &e);
}

/* ---- what taps see that come later --------------------------------------------------------------------------------- */

/* The last 64 KiB of `total`, though the pipe has another buffer now, or is gone. */
static void check_tap(World *w, FdTab *fds, uint64_t total)
{
    static uint8_t s[65536 + 1];
    int e;
    Ring *ring = fd_ring(fds, 1, &e);
    OK(e);
    Tap *t = tap_open(ring, false, w->root->account);
    EQ(tap_read(w->call, t, s, sizeof s), 65536);
    for (size_t i = 0; i < 65536; i++)
        EQ(s[i], byte_at((size_t)total - 65536 + i));
    tap_close(t);
    ring_put(ring);
}

TEST(what_a_descriptor_wrote_last_outlives_the_buffer_of_the_pipe)
{
    World w = world("");
    static uint8_t block[65536];
    Chan *r = NULL, *wr = NULL;
    FdTab *fds = fdtab_new(w.root->account, FD_LIMIT_DEFAULT);
    fdtab_activate(fds);
    STR_EQ(world_read(&w, "/cap/new/pipe"), "1\n");
    OK(world_write(&w, "/cap/1/ctl", "size 1M\n"));
    OK(world_open(&w, "/cap/1/r", OPEN_READ, &r));
    OK(world_open(&w, "/cap/1/w", OPEN_WRITE, &wr));
    OK(fd_put(w.call, fds, 1, chan_get(wr), UINT64_MAX, UINT64_MAX, false));
    for (size_t at = 0; at < 5 * sizeof block; at += sizeof block) {
        for (size_t i = 0; i < sizeof block; i++)
            block[i] = byte_at(at + i);
        IoVec v = { block, sizeof block };
        int64_t n;
        CALL_RUN(w.call, n, fd_writev(w.call, fds, 1, &v, 1, NULL, 0));
        EQ(n, sizeof block);
        if (at == 2 * sizeof block)
            check_tap(&w, fds, 3 * sizeof block);
    }
    fd_unpin(w.call);
    OK(world_close(&w, wr));
    OK(fd_close(w.call, fds, 1));
    OK(world_close(&w, r));
    OK(world_write(&w, "/cap/1/ctl", "remove\n"));
    check_tap(&w, fds, 5 * sizeof block);
    fdtab_close_all(w.call, fds);
    fdtab_put(fds);
    world_end(&w);
}

/* ---- memory ------------------------------------------------------------------------------------------------------- */

static int make_and_use(void *arg)
{
    World *w = arg;
    Chan *r = NULL, *wr = NULL;
    int e = devpipe_new(w->call, &r, &wr);
    if (e == 0) {
        chan_hold(r, true);
        chan_hold(wr, true);
        int64_t n = try_write(w, wr, "12345", 5);
        e = n < 0 ? (int)n : 0;
        OK(chan_unhold(w->call, wr, true));
        OK(chan_unhold(w->call, r, true));
    }
    chan_put(r);
    chan_put(wr);
    return e;
}

TEST(a_pipe_that_cannot_be_made_leaves_nothing)
{
    World w = world("");
    test_each_failure(make_and_use, &w);
    world_end(&w);
}

/* A ring that may not grow serves as it is. */
TEST(a_pipe_over_the_limit_goes_on_with_what_it_has)
{
    World w = world("");
    Ends e = ends(&w);
    AccountSums sums;
    static char block[65536];
    EQ(try_write(&w, e.w, block, 10), 10);
    account_sums(w.root->account, &sums);
    OK(account_limit_memory(w.call, w.root->account, sums.mem_current + 1000, true));
    int64_t n = try_write(&w, e.w, block, 65536);
    TRUE(n > 0 && n < 65536);
    EQ(try_write(&w, e.w, block, 4096), -EAGAIN);
    EQ(try_read(&w, e.r, block, sizeof block), 10 + n);
    OK(account_limit_memory(w.call, w.root->account, ACCOUNT_MAX, true));
    EQ(try_write(&w, e.w, block, 65536), 65536);
    end(&w, &e);
}

/* ---- /cap --------------------------------------------------------------------------------------------------------- */

TEST(a_pipe_of_cap_has_a_size)
{
    World w = world("");
    static char block[131072];
    Chan *r = NULL, *wr = NULL;
    STR_EQ(world_read(&w, "/cap/new/pipe"), "1\n");
    OK(world_open(&w, "/cap/1/r", OPEN_READ, &r));
    OK(world_open(&w, "/cap/1/w", OPEN_WRITE, &wr));
    EQ(try_write(&w, wr, block, sizeof block), 65536);
    EQ(world_write(&w, "/cap/1/ctl", "size 4K\n"), -EBUSY);
    OK(world_write(&w, "/cap/1/ctl", "size 128K\n"));
    EQ(try_write(&w, wr, block, sizeof block), 65536);
    EQ(try_read(&w, r, block, sizeof block), 131072);
    OK(world_write(&w, "/cap/1/ctl", "size 4096\n"));
    EQ(try_write(&w, wr, block, sizeof block), 4096);
    EQ(world_write(&w, "/cap/1/ctl", "size 100\n"), -EINVAL);
    EQ(world_write(&w, "/cap/1/ctl", "size 1G\n"), -EINVAL);
    OK(world_close(&w, r));
    OK(world_close(&w, wr));
    world_end(&w);
}

/* What a writer loses, a later one goes on with: how a pipe behind fd/0 is used. */
TEST(a_later_writer_goes_on)
{
    World w = world("");
    Chan *r = NULL, *wr = NULL;
    char c;
    STR_EQ(world_read(&w, "/cap/new/pipe"), "1\n");
    OK(world_open(&w, "/cap/1/r", OPEN_READ, &r));
    OK(world_write(&w, "/cap/1/w", "a"));
    EQ(world_try(&w, r, &c, 1), 1);
    EQ(world_try(&w, r, &c, 1), 0);
    OK(world_open(&w, "/cap/1/w", OPEN_WRITE, &wr));
    EQ(world_try(&w, r, &c, 1), -EAGAIN);
    EQ(world_put(&w, wr, "b"), 1);
    OK(world_close(&w, wr));
    EQ(world_try(&w, r, &c, 1), 1);
    EQ(c, 'b');
    EQ(world_try(&w, r, &c, 1), 0);
    OK(world_close(&w, r));
    world_end(&w);
}
