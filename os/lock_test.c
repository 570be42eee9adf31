/* SPDX-License-Identifier: MIT */
#include "os/err.h"
#include "os/local.h"
#include "os/os.h"
#include "test/test.h"

enum { LOW = 10, HIGH = 20, THREADS = 4, TURNS = 20000 };

typedef struct Counter {
    Mutex lock;
    Cond changed;
    unsigned value;                             /* guarded by lock, as is what follows */
    unsigned done;
} Counter;

static void counter_init(Counter *c)
{
    mutex_init(&c->lock, LOW);
    cond_init(&c->changed);
    c->value = c->done = 0;
}

static void counter_destroy(Counter *c)
{
    while (workers_live() > 0) {                /* the last may still be on its way out of fn */
        workers_drain();
        thread_yield();
    }
    cond_destroy(&c->changed);
    mutex_destroy(&c->lock);
}

static void count_up(void *arg)
{
    Counter *c = arg;
    for (unsigned i = 0; i < TURNS; i++) {
        mutex_lock(&c->lock);
        assert_held(&c->lock);
        c->value++;
        mutex_unlock(&c->lock);
    }
    mutex_lock(&c->lock);
    c->done++;
    cond_wake_all(&c->changed);
    mutex_unlock(&c->lock);
}

TEST(a_lock_keeps_threads_apart)
{
    Counter c;
    counter_init(&c);
    lock_shake(100);
    for (int i = 0; i < THREADS; i++)
        OK(worker_run(count_up, &c, 0));
    mutex_lock(&c.lock);
    while (c.done < THREADS)
        cond_wait(&c.changed, &c.lock);
    mutex_unlock(&c.lock);
    EQ(c.value, THREADS * TURNS);
    counter_destroy(&c);
}

TEST(a_wait_that_nobody_answers_ends_in_time)
{
    Counter c;
    counter_init(&c);
    uint64_t start = clock_now(CLOCK_MONO);
    mutex_lock(&c.lock);
    EQ(cond_wait_until(&c.changed, &c.lock, start + 30000000), -ETIMEDOUT);
    EQ(cond_wait_until(&c.changed, &c.lock, 0), -ETIMEDOUT);
    mutex_unlock(&c.lock);
    uint64_t took = clock_now(CLOCK_MONO) - start;
    TRUE(took >= 29000000 && took < UINT64_C(5000000000) * test_stretch());
    counter_destroy(&c);
}

TEST(a_wait_for_ever_is_woken)
{
    Counter c;
    counter_init(&c);
    mutex_lock(&c.lock);
    OK(worker_run(count_up, &c, 0));
    while (c.done == 0)
        OK(cond_wait_until(&c.changed, &c.lock, UINT64_MAX));
    mutex_unlock(&c.lock);
    counter_destroy(&c);
}

/*
 * Each lock goes with its object as soon as the last one has had it: the release touches nothing of it afterwards, and everybody
 * who slept has been woken.
 */
typedef struct Baton {
    Mutex lock;
    atomic_uint users;
} Baton;

static void pass_baton(void *arg)
{
    Baton *b = arg;
    mutex_lock(&b->lock);
    thread_yield();                             /* so that the others come while it is held, and sleep */
    bool last = atomic_fetch_sub(&b->users, 1) == 1;
    mutex_unlock(&b->lock);
    if (last) {
        mutex_destroy(&b->lock);
        mem_free(b);
    }
}

static void pass_batons(void)
{
    for (int turn = 0; turn < 300; turn++) {
        Baton *b = mem_alloc(sizeof *b);
        TRUE(b != NULL);
        mutex_init(&b->lock, LOW);
        atomic_init(&b->users, THREADS);
        for (int i = 0; i < THREADS; i++)
            OK(worker_run(pass_baton, b, 0));
    }
    while (workers_live() > 0) {
        workers_drain();
        thread_yield();
    }
    for (unsigned i = 0; i < MUTEX_SLEEPERS; i++)
        EQ(atomic_load(&mutex_sleepers[i]), 0);
}

TEST_SLOW(who_sleeps_for_a_lock_is_woken_and_the_last_one_may_free_it, 60)
{
    pass_batons();
}

TEST_SLOW(a_lock_is_right_without_barriers_from_one_side, 60)
{
    fence_one_sided = false;
    pass_batons();
}

TEST(ranks_that_rise_are_allowed_in_any_order_of_release)
{
    Mutex low, high;
    mutex_init(&low, LOW);
    mutex_init(&high, HIGH);
    for (int i = 0; i < 3; i++) {
        mutex_lock(&low);
        mutex_lock(&high);
        mutex_unlock(&low);
        mutex_unlock(&high);
    }
    mutex_destroy(&low);
    mutex_destroy(&high);
}

TEST(a_pair_of_one_rank_is_taken_in_any_order_and_once_when_it_is_one)
{
    Mutex one, other;
    mutex_init(&one, LOW);
    mutex_init(&other, LOW);
    mutex_lock_pair(&one, &other);
    assert_held(&one);
    assert_held(&other);
    mutex_unlock_pair(&one, &other);
    mutex_lock_pair(&other, &one);
    mutex_unlock_pair(&other, &one);
    mutex_lock_pair(&one, &one);
    mutex_unlock_pair(&one, &one);
    mutex_destroy(&one);
    mutex_destroy(&other);
}
