/* SPDX-License-Identifier: MIT */
/*
 * Locks of byte ranges.
 */
#include "kern/flock.h"

#include "test/world.h"

static Chan *open_file(World *w)
{
    Chan *ch = NULL;
    OK(world_open(w, "/f", OPEN_READ | OPEN_WRITE, &ch));
    return ch;
}

static int lock(World *w, Chan *ch, int type, uint64_t start, uint64_t len)
{
    int r;
    w->call->mode = CALL_NONBLOCK;
    CALL_RUN(w->call, r, chan_lock(w->call, ch, type, start, len));
    w->call->mode = 0;
    return r;
}

TEST(readers_share_and_a_writer_does_not)
{
    World w = world("/f=x");
    Chan *a = open_file(&w), *b = open_file(&w);
    OK(lock(&w, a, LOCK_READ, 0, 10));
    OK(lock(&w, b, LOCK_READ, 5, 10));
    EQ(lock(&w, b, LOCK_WRITE, 5, 10), -EAGAIN);
    OK(lock(&w, b, LOCK_WRITE, 10, 5));         /* behind a's */
    EQ(lock(&w, a, LOCK_READ, 12, 1), -EAGAIN);
    OK(lock(&w, a, LOCK_UNLOCK, 0, 0));
    OK(lock(&w, b, LOCK_WRITE, 0, 0));          /* its own in the way are replaced */
    EQ(lock(&w, a, LOCK_READ, 1000000, 1), -EAGAIN);
    OK(world_close(&w, b));                     /* the open file goes, its locks with it */
    OK(lock(&w, a, LOCK_WRITE, 0, 0));
    OK(world_close(&w, a));
    world_end(&w);
}

static int flock_now(World *w, Chan *ch, int type)
{
    int r;
    w->call->mode = CALL_NONBLOCK;
    CALL_RUN(w->call, r, chan_flock(w->call, ch, type));
    w->call->mode = 0;
    return r;
}

TEST(flock_does_not_ask_what_the_file_is_open_for)
{
    World w = world("/f=x");
    Chan *reader = NULL, *b = open_file(&w);
    OK(world_open(&w, "/f", OPEN_READ, &reader));
    EQ(lock(&w, reader, LOCK_WRITE, 0, 0), -EBADF);
    OK(flock_now(&w, reader, LOCK_WRITE));
    EQ(flock_now(&w, b, LOCK_READ), -EAGAIN);
    EQ(lock(&w, b, LOCK_READ, 1000, 1), -EAGAIN);       /* the whole file, for who locks ranges too */
    OK(flock_now(&w, reader, LOCK_UNLOCK));
    OK(flock_now(&w, b, LOCK_WRITE));
    EQ(flock_now(&w, reader, 0), -EINVAL);
    OK(world_close(&w, reader));
    OK(world_close(&w, b));
    world_end(&w);
}

TEST(unlocking_the_middle_leaves_both_sides)
{
    World w = world("/f=x");
    Chan *a = open_file(&w), *b = open_file(&w);
    OK(lock(&w, a, LOCK_WRITE, 0, 30));
    OK(lock(&w, a, LOCK_UNLOCK, 10, 10));
    OK(lock(&w, b, LOCK_WRITE, 10, 10));
    EQ(lock(&w, b, LOCK_READ, 9, 1), -EAGAIN);
    EQ(lock(&w, b, LOCK_READ, 20, 1), -EAGAIN);
    OK(lock(&w, a, LOCK_READ, 20, 10));         /* the upper part only */
    OK(lock(&w, b, LOCK_READ, 20, 10));
    EQ(lock(&w, b, LOCK_READ, 0, 1), -EAGAIN);
    OK(world_close(&w, a));
    OK(lock(&w, b, LOCK_READ, 0, 1));
    OK(world_close(&w, b));
    world_end(&w);
}

TEST(what_is_asked_for_must_make_sense)
{
    World w = world("/f=x");
    Chan *r = NULL, *a = open_file(&w);
    OK(world_open(&w, "/f", OPEN_READ, &r));
    EQ(lock(&w, r, LOCK_WRITE, 0, 1), -EBADF);
    OK(lock(&w, r, LOCK_READ, 0, 1));
    EQ(lock(&w, a, 77, 0, 1), -EINVAL);
    EQ(lock(&w, a, LOCK_READ, UINT64_MAX, 1), -EOVERFLOW);
    OK(lock(&w, a, LOCK_UNLOCK, 7, 7));         /* nothing is locked there */
    OK(world_close(&w, r));
    OK(world_close(&w, a));
    world_end(&w);
}

typedef struct Waits {
    World *w;
    Chan *ch;
    Call call;
    atomic_int result;              /* 1: still waiting */
} Waits;

static void wait_for_lock(void *arg)
{
    Waits *x = arg;
    int r;
    CALL_RUN(&x->call, r, chan_lock(&x->call, x->ch, LOCK_WRITE, 0, 1));
    atomic_store(&x->result, r);
}

static int wait_result(Waits *x)
{
    while (atomic_load(&x->result) == 1)
        thread_yield();
    workers_drain();
    return atomic_load(&x->result);
}

/* Another thread waits for byte 0 of ch, which somebody else has. */
static void begin_wait(Waits *x, World *w, Chan *ch)
{
    x->w = w;
    x->ch = ch;
    call_init(&x->call, w->root);
    atomic_init(&x->result, 1);
    OK(worker_run(wait_for_lock, x, 0));
    uint64_t until = clock_now(CLOCK_MONO) + 20000000;
    while (clock_now(CLOCK_MONO) < until)
        EQ(atomic_load(&x->result), 1);
}

TEST(a_waiting_lock_gets_its_turn)
{
    World w = world("/f=x");
    Chan *a = open_file(&w), *b = open_file(&w);
    Waits x;
    OK(lock(&w, a, LOCK_WRITE, 0, 0));
    begin_wait(&x, &w, b);
    OK(lock(&w, a, LOCK_UNLOCK, 0, 1));
    EQ(wait_result(&x), 0);
    call_destroy(&x.call);
    EQ(lock(&w, a, LOCK_READ, 0, 1), -EAGAIN);
    OK(world_close(&w, a));
    OK(world_close(&w, b));
    world_end(&w);
}

TEST(a_wait_for_a_lock_is_interrupted)
{
    World w = world("/f=x");
    Chan *a = open_file(&w), *b = open_file(&w);
    Waits x;
    OK(lock(&w, a, LOCK_WRITE, 0, 0));
    begin_wait(&x, &w, b);
    while (atomic_load(&x.result) == 1) {
        call_interrupt(&x.call);                /* again, should it have been before the call began */
        thread_yield();
    }
    EQ(wait_result(&x), -EINTR);
    call_destroy(&x.call);
    OK(lock(&w, a, LOCK_UNLOCK, 0, 0));
    OK(lock(&w, b, LOCK_WRITE, 0, 0));
    OK(world_close(&w, a));
    OK(world_close(&w, b));
    world_end(&w);
}

static int lock_all(void *arg)
{
    Waits *x = arg;
    int r = lock(x->w, x->ch, LOCK_WRITE, 0, 30);
    if (r == 0)
        r = lock(x->w, x->ch, LOCK_UNLOCK, 10, 10);
    flock_release(x->ch);
    return r;
}

TEST(a_lock_that_cannot_be_made_leaves_nothing)
{
    World w = world("/f=x");
    Waits x = { .w = &w, .ch = open_file(&w) };
    test_each_failure(lock_all, &x);
    EQ(count_of(OBJ_LOCK), 0);
    OK(world_close(&w, x.ch));
    world_end(&w);
}
