/* SPDX-License-Identifier: MIT */
#include "os/err.h"
#include "os/os.h"
#include "test/test.h"

enum { LOW = 10 };

/* Threads that wait for each other: so many must exist at once. */
typedef struct Party {
    Mutex lock;
    Cond changed;
    unsigned there, wanted, gone;               /* guarded by lock */
} Party;

static void party_init(Party *p, unsigned wanted)
{
    *p = (Party){ .wanted = wanted };
    mutex_init(&p->lock, LOW);
    cond_init(&p->changed);
}

static void party_end(Party *p)
{
    mutex_lock(&p->lock);
    while (p->gone < p->wanted)
        cond_wait(&p->changed, &p->lock);
    mutex_unlock(&p->lock);
    while (workers_live() > 0) {                /* the last may still be on its way out of fn */
        workers_drain();
        thread_yield();
    }
    cond_destroy(&p->changed);
    mutex_destroy(&p->lock);
}

static void meet(void *arg)
{
    Party *p = arg;
    mutex_lock(&p->lock);
    p->there++;
    cond_wake_all(&p->changed);
    while (p->there < p->wanted)
        cond_wait(&p->changed, &p->lock);
    p->gone++;
    cond_wake_all(&p->changed);
    mutex_unlock(&p->lock);
}

TEST(threads_run_at_the_same_time)
{
    Party p;
    party_init(&p, 12);
    for (unsigned i = 0; i < 12; i++)
        OK(worker_run(meet, &p, 0));
    party_end(&p);
}

TEST(threads_are_kept_and_used_again)
{
    Party p;
    party_init(&p, 1);
    for (unsigned i = 0; i < 50; i++) {
        OK(worker_run(meet, &p, 0));
        mutex_lock(&p.lock);
        while (p.gone < i + 1)
            cond_wait(&p.changed, &p.lock);
        mutex_unlock(&p.lock);
    }
    TRUE(workers_live() < 10);                  /* one is still on its way to rest when the next is asked for */
    party_end(&p);
}

TEST(a_busy_thread_ends_after_a_drain)
{
    Party p;
    party_init(&p, 2);
    OK(worker_run(meet, &p, 0));
    workers_drain();
    EQ(workers_live(), 1);
    meet(&p);
    party_end(&p);
}

TEST(a_thread_without_memory_is_refused)
{
    Party p;
    party_init(&p, 0);
    mem_fail_at(1);
    EQ(worker_run(meet, &p, 0), -EAGAIN);
    EQ(workers_live(), 0);
    mem_fail_at(2);                             /* natively the slab of stacks */
    int r = worker_run(meet, &p, 0);
    TRUE(r == 0 || r == -EAGAIN);
    mem_fail_at(0);
    p.wanted = r == 0;
    party_end(&p);
}

TEST(the_usual_priority_is_always_allowed)
{
    OK(worker_nice(0));
}
