/* SPDX-License-Identifier: MIT */
/*
 * What waits: poll_oneoff over descriptors and clocks, reads that park, and calls that are entered again or given up.
 */
#include <pthread.h>
#include <string.h>

#include "dev/devpipe.h"
#include "engine/wasi_call.h"
#include "kern/wait.h"
#include "test/guest.h"

#define SUB 48u
#define EVENT 32u
#define MS UINT64_C(1000000)

typedef struct Subs {
    Prog *p;
    uint32_t at, events, n;
} Subs;

static Subs subs_begin(Prog *p)
{
    return (Subs){ .p = p, .at = prog_room(p, 16 * SUB), .events = prog_room(p, 16 * EVENT) };
}

static void sub_clock(Subs *s, uint32_t id, uint64_t timeout, uint16_t flags)
{
    uint32_t at = s->at + s->n++ * SUB;
    prog_set64(s->p, at, 1000 + s->n);
    prog_set32(s->p, at + 8, WASI_EVENT_CLOCK);
    prog_set32(s->p, at + 16, id);
    prog_set64(s->p, at + 24, timeout);
    prog_set32(s->p, at + 40, flags);
}

static void sub_fd(Subs *s, uint8_t tag, uint32_t fd)
{
    uint32_t at = s->at + s->n++ * SUB;
    prog_set64(s->p, at, 1000 + s->n);
    prog_set32(s->p, at + 8, tag);
    prog_set32(s->p, at + 16, fd);
}

/* The number of events, or minus the errno. */
static int poll_them(Subs *s)
{
    int32_t r = DO(s->p, poll_oneoff, s->at, s->events, s->n, 0);
    return r == 0 ? (int)prog_u32(s->p, 0) : -r;
}

static uint64_t event_of(Subs *s, unsigned i)
{
    return prog_u64(s->p, s->events + i * EVENT);
}
static uint32_t error_of(Subs *s, unsigned i)
{
    return prog_u32(s->p, s->events + i * EVENT + 8) & 0xffff;
}
static uint32_t type_of(Subs *s, unsigned i)
{
    return prog_u32(s->p, s->events + i * EVENT + 8) >> 16 & 0xff;
}
static uint64_t bytes_of(Subs *s, unsigned i)
{
    return prog_u64(s->p, s->events + i * EVENT + 16);
}

static uint32_t flags_of(Subs *s, unsigned i)
{
    return prog_u32(s->p, s->events + i * EVENT + 24) & 0xffff;
}

TEST(the_earliest_clock_wins)
{
    Prog p;
    prog_begin(&p, false);
    Subs s = subs_begin(&p);
    uint64_t before = clock_now(CLOCK_MONO);
    sub_clock(&s, WASI_CLOCK_MONOTONIC, 60000 * MS, 0);
    sub_clock(&s, WASI_CLOCK_REALTIME, 20 * MS, 0);
    sub_clock(&s, WASI_CLOCK_MONOTONIC, UINT64_MAX, 0);
    EQ(poll_them(&s), 1);
    uint64_t took = clock_now(CLOCK_MONO) - before;
    TRUE(took >= 20 * MS && took < 5000 * MS);
    EQ(event_of(&s, 0), 1002);
    EQ(error_of(&s, 0), 0);
    EQ(type_of(&s, 0), WASI_EVENT_CLOCK);
    prog_end(&p);
}

TEST(absolute_clocks)
{
    Prog p;
    prog_begin(&p, false);
    Subs s = subs_begin(&p);
    sub_clock(&s, WASI_CLOCK_MONOTONIC, clock_now(CLOCK_MONO) + 10 * MS, WASI_ABSTIME);
    EQ(poll_them(&s), 1);
    s.n = 0;
    uint64_t until = clock_now(CLOCK_REAL) + 10 * MS;
    sub_clock(&s, WASI_CLOCK_REALTIME, until, WASI_ABSTIME);
    EQ(poll_them(&s), 1);
    TRUE(clock_now(CLOCK_REAL) + MS >= until);
    s.n = 0;
    sub_clock(&s, WASI_CLOCK_REALTIME, 5, WASI_ABSTIME);
    sub_clock(&s, WASI_CLOCK_MONOTONIC, 0, WASI_ABSTIME);
    sub_clock(&s, WASI_CLOCK_MONOTONIC, 0, 0);
    EQ(poll_them(&s), 3);
    prog_end(&p);
}

TEST(clocks_that_cannot_be_waited_for)
{
    Prog p;
    prog_begin(&p, false);
    Subs s = subs_begin(&p);
    sub_clock(&s, WASI_CLOCK_PROCESS_CPUTIME, 5, 0);
    EQ(poll_them(&s), 1);
    EQ(error_of(&s, 0), WASI_ENOTSUP);
    s.n = 0;
    sub_clock(&s, 4, 5, 0);
    EQ(poll_them(&s), -WASI_EINVAL);
    s.n = 0;
    sub_clock(&s, WASI_CLOCK_MONOTONIC, 5, 2);
    EQ(poll_them(&s), -WASI_EINVAL);
    prog_end(&p);
}

TEST(descriptors_that_are_ready_are_told_with_their_bytes)
{
    Prog p;
    prog_begin(&p, false);
    Subs s = subs_begin(&p);
    int file = prog_open(&p, "dir/file", 0, RIGHTS_RW | RIGHT_POLL_FD_READWRITE);
    int quiet = prog_odd(&p, "wait", OPEN_READ | OPEN_WRITE);
    OK(file);
    EQ(DO(&p, fd_seek, (uint32_t)file, 4, WASI_SEEK_SET, 8), 0);
    sub_fd(&s, WASI_EVENT_READ, (uint32_t)file);
    sub_fd(&s, WASI_EVENT_READ, (uint32_t)quiet);
    sub_fd(&s, WASI_EVENT_WRITE, (uint32_t)file);
    sub_fd(&s, WASI_EVENT_READ, 99);
    sub_clock(&s, WASI_CLOCK_MONOTONIC, 60000 * MS, 0);
    EQ(poll_them(&s), 3);
    EQ(event_of(&s, 0), 1001);
    EQ(bytes_of(&s, 0), 6);
    EQ(flags_of(&s, 0), 0);
    EQ(event_of(&s, 1), 1003);
    EQ(type_of(&s, 1), WASI_EVENT_WRITE);
    EQ(error_of(&s, 2), WASI_EBADF);
    prog_end(&p);
}

TEST(rights_of_what_is_polled)
{
    Prog p;
    prog_begin(&p, false);
    Subs s = subs_begin(&p);
    int reader = prog_open(&p, "dir/file", 0, RIGHT_FD_READ | RIGHT_POLL_FD_READWRITE);
    int mute = prog_open(&p, "dir/file", 0, RIGHTS_RW);
    sub_fd(&s, WASI_EVENT_WRITE, (uint32_t)reader);
    sub_fd(&s, WASI_EVENT_READ, (uint32_t)mute);
    sub_fd(&s, WASI_EVENT_READ, (uint32_t)reader);
    EQ(poll_them(&s), 3);
    EQ(error_of(&s, 0), WASI_EBADF);
    EQ(error_of(&s, 1), WASI_ENOTCAPABLE);
    EQ(error_of(&s, 2), 0);
    prog_end(&p);
}

/* ---- waiting ---------------------------------------------------------------------------------------------------- */

static void *wake_soon(void *arg)
{
    uint64_t until = clock_now(CLOCK_MONO) + 20 * MS;
    while (clock_now(CLOCK_MONO) < until)
        thread_yield();
    ((void (*)(void))arg)();
    return NULL;
}

TEST(a_poll_is_woken_by_one_of_many)
{
    Prog p;
    pthread_t other;
    prog_begin(&p, false);
    Subs s = subs_begin(&p);
    int a = prog_odd(&p, "wait", OPEN_READ), b = prog_odd(&p, "wait", OPEN_WRITE);
    for (int i = 0; i < 6; i++)
        sub_fd(&s, WASI_EVENT_READ, (uint32_t)a);
    sub_fd(&s, WASI_EVENT_WRITE, (uint32_t)b);
    sub_clock(&s, WASI_CLOCK_MONOTONIC, 60000 * MS, 0);
    EQ(pthread_create(&other, NULL, wake_soon, (void *)prog_wake), 0);
    EQ(poll_them(&s), 7);
    EQ(bytes_of(&s, 0), 7);
    pthread_join(other, NULL);
    prog_end(&p);
}

static Chan *pipe_writer;

static void write_it(void)
{
    Call c;
    call_init(&c, NULL);
    call_begin(&c);
    EQ(chan_write(&c, pipe_writer, "abc", 3, 0), 3);
    call_end(&c);
    call_destroy(&c);
}

TEST(a_pipe_is_polled_to_its_end)
{
    Prog p;
    Chan *r = NULL, *w = NULL;
    pthread_t other;
    prog_begin(&p, false);
    OK(devpipe_new(&p.thread.call, &r, &w));
    pipe_writer = w;
    uint32_t reader = (uint32_t)prog_add(&p, r), writer = (uint32_t)prog_add(&p, w);
    Subs s = subs_begin(&p);
    sub_fd(&s, WASI_EVENT_READ, reader);
    EQ(pthread_create(&other, NULL, wake_soon, (void *)write_it), 0);
    EQ(poll_them(&s), 1);
    pthread_join(other, NULL);
    EQ(bytes_of(&s, 0), 3);
    EQ(flags_of(&s, 0), 0);
    sub_fd(&s, WASI_EVENT_WRITE, writer);
    EQ(poll_them(&s), 2);
    EQ(type_of(&s, 1), WASI_EVENT_WRITE);
    EQ(DO(&p, fd_close, writer), WASI_OK);
    s.n = 1;
    EQ(poll_them(&s), 1);
    EQ(bytes_of(&s, 0), 3);
    EQ(DO(&p, fd_read, reader, prog_iov(&p, 64, 8), 1, 0), WASI_OK);
    EQ(poll_them(&s), 1);
    EQ(bytes_of(&s, 0), 0);
    EQ(flags_of(&s, 0), WASI_HANGUP);
    prog_end(&p);
}

static Prog *closing;

static void close_it(void)
{
    Call c;
    call_init(&c, &closing->task);
    call_begin(&c);
    OK(fd_close(&c, closing->task.fds, 4));
    call_end(&c);
    call_destroy(&c);
}

TEST(a_poll_sees_its_descriptor_go)
{
    Prog p;
    pthread_t other;
    prog_begin(&p, false);
    Subs s = subs_begin(&p);
    EQ(prog_odd(&p, "wait", OPEN_READ), 4);
    sub_fd(&s, WASI_EVENT_READ, 4);
    closing = &p;
    EQ(pthread_create(&other, NULL, wake_soon, (void *)close_it), 0);
    EQ(poll_them(&s), 1);
    EQ(error_of(&s, 0), WASI_EBADF);
    pthread_join(other, NULL);
    prog_end(&p);
}

TEST(a_read_parks_and_goes_on)
{
    Prog p;
    pthread_t other;
    prog_begin(&p, false);
    uint32_t fd = (uint32_t)prog_odd(&p, "wait", OPEN_READ), iov = prog_iov(&p, 64, 8);
    EQ(TRY(&p, fd_read, fd, iov, 1, 0), WASI_WAIT);
    prog_undo(&p);
    EQ(pthread_create(&other, NULL, wake_soon, (void *)prog_wake), 0);
    EQ(DO(&p, fd_read, fd, iov, 1, 0), WASI_OK);
    EQ(prog_u32(&p, 0), 0);
    pthread_join(other, NULL);
    prog_end(&p);
}

/* An engine that unwinds: the try is given up, its thread runs something else, and the call is entered again from its start. */
TEST(a_wait_can_be_unwound_and_entered_again)
{
    Prog p;
    prog_begin(&p, false);
    Subs s = subs_begin(&p);
    uint32_t fd = (uint32_t)prog_odd(&p, "wait", OPEN_READ), iov = prog_iov(&p, 64, 8);
    sub_fd(&s, WASI_EVENT_READ, fd);
    for (int i = 0; i < 3; i++) {
        EQ(TRY(&p, poll_oneoff, s.at, s.events, 1, 0), WASI_WAIT);
        prog_undo(&p);
        EQ(TRY(&p, fd_read, fd, iov, 1, 0), WASI_WAIT);
        prog_undo(&p);
        EQ(DO(&p, clock_time_get, 0, 0, 0), WASI_OK);
    }
    prog_wake();
    EQ(poll_them(&s), 1);
    prog_end(&p);
}

static Prog *interrupted;
static void interrupt_it(void)
{
    call_interrupt(&interrupted->thread.call);
}

TEST(an_interrupt_is_eintr)
{
    Prog p;
    pthread_t other;
    prog_begin(&p, false);
    interrupted = &p;
    uint32_t fd = (uint32_t)prog_odd(&p, "wait", OPEN_READ), iov = prog_iov(&p, 64, 8);
    EQ(pthread_create(&other, NULL, wake_soon, (void *)interrupt_it), 0);
    EQ(DO(&p, fd_read, fd, iov, 1, 0), WASI_EINTR);
    pthread_join(other, NULL);
    Subs s = subs_begin(&p);
    sub_clock(&s, WASI_CLOCK_MONOTONIC, 60000 * MS, 0);
    EQ(pthread_create(&other, NULL, wake_soon, (void *)interrupt_it), 0);
    EQ(poll_them(&s), -WASI_EINTR);
    pthread_join(other, NULL);
    EQ(p.thread.call.deadline != 0, true);
    /* The deadline of a poll does not outlive it. */
    EQ(TRY(&p, fd_read, fd, iov, 1, 0), WASI_WAIT);
    EQ(p.thread.call.deadline, 0);
    prog_undo(&p);
    prog_end(&p);
}
