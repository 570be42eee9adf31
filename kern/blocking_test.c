/* SPDX-License-Identifier: MIT */
#include "kern/call.h"
#include "kern/count.h"
#include "test/test.h"

typedef struct Labour {
    Mutex lock;
    Cond changed;
    bool go, began, released;
    bool no_arg;
    unsigned done;
} Labour;

static void labour_init(Labour *l)
{
    *l = (Labour){ .go = false };
    mutex_init(&l->lock, RANK_LEAF);
    cond_init(&l->changed);
}

static void set(Labour *l, bool *what)
{
    mutex_lock(&l->lock);
    *what = true;
    cond_wake_all(&l->changed);
    mutex_unlock(&l->lock);
}

static void await(Labour *l, const bool *what)
{
    mutex_lock(&l->lock);
    while (!*what)
        cond_wait(&l->changed, &l->lock);
    mutex_unlock(&l->lock);
}

static int toil(void *arg, atomic_bool *abandoned)
{
    Labour *l = arg;
    set(l, &l->began);
    await(l, &l->go);
    return atomic_load(abandoned) ? -ECANCELED : 42;
}

static void release(void *arg)
{
    Labour *l = arg;
    TRUE(!l->released);
    set(l, &l->released);
}

static void *make(void *user)
{
    Labour *l = user;
    return l->no_arg ? NULL : l;
}

static void done(void *arg, void *user)
{
    Labour *l = arg;
    PTR_EQ(arg, user);
    TRUE(!l->released);
    l->done++;
}

static const Blocking labour = { .work = toil, .release = release };

static int labour_call(Call *c, Labour *l)
{
    return call_blocking(c, &labour, &labour, make, done, l);
}

TEST(work_is_done_elsewhere_and_its_result_comes_back)
{
    Labour l;
    Call c;
    int64_t before = count_of(OBJ_OP);
    labour_init(&l);
    call_init(&c, NULL);
    call_begin(&c);
    EQ(labour_call(&c, &l), WAIT);
    EQ(labour_call(&c, &l), WAIT);
    set(&l, &l.go);
    int r = call_park(&c);
    while (r == 0 && (r = labour_call(&c, &l)) == WAIT)
        r = call_park(&c);
    EQ(r, 42);
    EQ(l.done, 1);
    call_end(&c);
    await(&l, &l.released);
    call_destroy(&c);
    workers_drain();
    EQ(count_of(OBJ_OP), before);
}

TEST(work_that_is_abandoned_is_released_when_it_ends)
{
    Labour l;
    Call c;
    int64_t before = count_of(OBJ_OP);
    labour_init(&l);
    call_init(&c, NULL);
    call_begin(&c);
    EQ(labour_call(&c, &l), WAIT);
    await(&l, &l.began);
    call_interrupt(&c);
    EQ(call_park(&c), -EINTR);
    call_end(&c);
    call_destroy(&c);
    TRUE(!l.released);
    set(&l, &l.go);
    await(&l, &l.released);
    EQ(l.done, 0);
    workers_drain();
    EQ(count_of(OBJ_OP), before);
}

/* Whoever is last frees the job, and the queue in it: the thread sanitizer sees whether the other one is done with that. */
TEST(a_call_may_end_as_the_work_ends)
{
    enum { TIMES = 200 };
    static Labour l[TIMES];
    int64_t before = count_of(OBJ_OP);
    for (int i = 0; i < TIMES; i++) {
        Call c;
        labour_init(&l[i]);
        call_init(&c, NULL);
        call_begin(&c);
        EQ(labour_call(&c, &l[i]), WAIT);
        await(&l[i], &l[i].began);
        set(&l[i], &l[i].go);
        call_end(&c);
        call_destroy(&c);
    }
    for (int i = 0; i < TIMES; i++)
        await(&l[i], &l[i].released);
    workers_drain();
    EQ(count_of(OBJ_OP), before);
}

TEST(who_may_not_wait_begins_nothing)
{
    Labour l;
    Call c;
    labour_init(&l);
    call_init(&c, NULL);
    c.mode = CALL_NONBLOCK;
    call_begin(&c);
    EQ(labour_call(&c, &l), -EAGAIN);
    c.mode = 0;
    l.no_arg = true;
    EQ(labour_call(&c, &l), -ENOMEM);
    TRUE(!l.began);
    call_end(&c);
    call_destroy(&c);
}

static int one_labour(void *arg)
{
    Labour l;
    Call c;
    int r;
    (void)arg;
    labour_init(&l);
    l.go = true;
    call_init(&c, NULL);
    CALL_RUN(&c, r, labour_call(&c, &l));
    await(&l, &l.released);
    call_destroy(&c);
    workers_drain();
    return r == 42 ? 0 : r == -EAGAIN ? -ENOMEM : r;
}

TEST(without_memory_the_argument_is_released)
{
    int64_t before = count_of(OBJ_OP);
    test_each_failure(one_labour, NULL);
    EQ(count_of(OBJ_OP), before);
}
