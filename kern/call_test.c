/* SPDX-License-Identifier: MIT */
/*
 * Waits and their ends: woken, interrupted, killed, paused, expired; by a thread and by a door. What the steps of a task's life do
 * to a waiting call is done here by hand, in the order that kern/call.c asks for.
 */
#include "kern/call.h"
#include "kern/task.h"
#include "test/test.h"

/* A condition with its queue, and a task that is nothing but its lock and its list. */
typedef struct Scene {
    Task task;
    TaskThread thread;
    Mutex lock;                     /* RANK_FILE */
    Queue queue;
    unsigned tokens;
    Mutex end_lock;
    Cond end;
    unsigned ended, eintr;
} Scene;

static void scene_init(Scene *s)
{
    *s = (Scene){ .tokens = 0 };
    mutex_init(&s->task.lock, RANK_TASK);
    queue_init(&s->task.resumed);
    queue_init(&s->task.signalled);
    queue_init(&s->queue);
    mutex_init(&s->lock, RANK_FILE);
    mutex_init(&s->end_lock, RANK_LEAF);
    cond_init(&s->end);
}

static int take(Call *c, Scene *s)
{
    mutex_lock(&s->lock);
    int r = s->tokens > 0 ? 1 : wait_arm(c, &s->queue);
    if (r == 1)
        s->tokens--;
    mutex_unlock(&s->lock);
    return r;
}

static void give(Scene *s, unsigned n)
{
    mutex_lock(&s->lock);
    s->tokens += n;
    queue_wake(&s->queue);
    mutex_unlock(&s->lock);
}

static void wake_listed(Scene *s, void (*how)(Call *c))
{
    mutex_lock(&s->task.lock);
    for (Call *c = s->task.waiting; c != NULL; c = c->next)
        how(c);
    mutex_unlock(&s->task.lock);
}

static void note_end(Scene *s, int r)
{
    mutex_lock(&s->end_lock);
    s->ended++;
    s->eintr += r == -EINTR;
    cond_wake_all(&s->end);
    mutex_unlock(&s->end_lock);
}

static void await_end(Scene *s, unsigned n)
{
    mutex_lock(&s->end_lock);
    while (s->ended < n)
        cond_wait(&s->end, &s->end_lock);
    mutex_unlock(&s->end_lock);
}

static unsigned ends(Scene *s)
{
    mutex_lock(&s->end_lock);
    unsigned n = s->ended;
    mutex_unlock(&s->end_lock);
    return n;
}

static void await_listed(Scene *s)
{
    for (;;) {
        mutex_lock(&s->task.lock);
        bool there = s->task.waiting != NULL;
        mutex_unlock(&s->task.lock);
        if (there)
            return;
        thread_yield();
    }
}

/* A thread of the task takes one token. */
static void taker(void *arg)
{
    Scene *s = arg;
    Call c;
    int r;
    call_init(&c, &s->task);
    c.thread = &s->thread;
    CALL_RUN(&c, r, take(&c, s));
    TRUE(r == 1 || r == -EINTR);
    call_destroy(&c);
    note_end(s, r);
}

TEST(a_parked_call_goes_on_when_it_is_woken)
{
    Scene s;
    scene_init(&s);
    OK(worker_run(taker, &s, 0));
    await_listed(&s);
    give(&s, 1);
    await_end(&s, 1);
    EQ(s.eintr, 0);
    EQ(s.tokens, 0);
    PTR_EQ(s.task.waiting, NULL);
    workers_drain();
}

TEST(a_wake_before_the_park_is_not_lost)
{
    Scene s;
    Call c;
    scene_init(&s);
    call_init(&c, &s.task);
    call_begin(&c);
    EQ(take(&c, &s), WAIT);
    give(&s, 1);
    EQ(call_park(&c), 0);
    EQ(take(&c, &s), 1);
    call_end(&c);
    call_destroy(&c);
}

TEST(a_kill_before_the_park_and_one_after_it_are_seen)
{
    Scene s;
    Call c;
    scene_init(&s);
    call_init(&c, &s.task);
    call_begin(&c);
    EQ(take(&c, &s), WAIT);
    atomic_store(&s.task.attention, ATTEND_KILL);
    EQ(call_park(&c), -EINTR);
    call_end(&c);
    call_destroy(&c);
    atomic_store(&s.task.attention, 0);
    OK(worker_run(taker, &s, 0));
    await_listed(&s);
    atomic_store(&s.task.attention, ATTEND_KILL);
    wake_listed(&s, call_interrupt);
    await_end(&s, 1);
    EQ(s.eintr, 1);
    workers_drain();
}

TEST(the_end_of_a_program_ends_its_threads_waits_and_no_others)
{
    Scene s;
    Call c;
    scene_init(&s);
    call_init(&c, &s.task);
    atomic_store(&s.task.attention, ATTEND_STOP);
    call_begin(&c);
    EQ(take(&c, &s), WAIT);
    give(&s, 1);
    EQ(call_park(&c), 0);
    call_end(&c);
    c.thread = &s.thread;
    call_begin(&c);
    EQ(call_park(&c), -EINTR);
    call_end(&c);
    call_destroy(&c);
}

/* The signal that interrupts the others wakes its reader: that one has to be entered again. */
TEST(an_unread_signal_interrupts_but_for_its_reader)
{
    Scene s;
    Call reader, other;
    scene_init(&s);
    call_init(&reader, &s.task);
    call_init(&other, &s.task);
    call_begin(&reader);
    call_begin(&other);
    mutex_lock(&s.task.lock);
    EQ(wait_arm(&reader, &s.task.signalled), WAIT);
    mutex_unlock(&s.task.lock);
    EQ(take(&other, &s), WAIT);
    atomic_store(&s.task.eintr, 1);
    mutex_lock(&s.task.lock);
    queue_wake(&s.task.signalled);
    mutex_unlock(&s.task.lock);
    call_interrupt(&reader);
    EQ(call_park(&reader), 0);
    EQ(call_park(&other), -EINTR);
    /* The interrupt was kept for the reader's next wait. */
    atomic_store(&s.task.eintr, 0);
    EQ(call_park(&reader), -EINTR);
    call_end(&reader);
    call_end(&other);
    call_destroy(&reader);
    call_destroy(&other);
}

TEST(a_paused_thread_stays_parked_until_it_goes_on)
{
    Scene s;
    scene_init(&s);
    OK(worker_run(taker, &s, 0));
    await_listed(&s);
    atomic_store(&s.task.attention, ATTEND_PAUSE);
    give(&s, 1);
    for (unsigned i = 0; i < 1000; i++)
        thread_yield();
    EQ(ends(&s), 0);
    mutex_lock(&s.task.lock);
    atomic_store(&s.task.attention, 0);
    queue_wake(&s.task.resumed);
    mutex_unlock(&s.task.lock);
    await_end(&s, 1);
    EQ(s.eintr, 0);
    workers_drain();
}

TEST(a_paused_thread_is_killed_at_once)
{
    Scene s;
    scene_init(&s);
    atomic_store(&s.task.attention, ATTEND_PAUSE);
    OK(worker_run(taker, &s, 0));
    await_listed(&s);
    atomic_fetch_or(&s.task.attention, ATTEND_KILL);
    wake_listed(&s, call_interrupt);
    await_end(&s, 1);
    EQ(s.eintr, 1);
    workers_drain();
}

TEST(an_interrupt_while_paused_is_answered_after_the_pause)
{
    Scene s;
    scene_init(&s);
    atomic_store(&s.task.attention, ATTEND_PAUSE);
    OK(worker_run(taker, &s, 0));
    await_listed(&s);
    wake_listed(&s, call_interrupt);
    for (unsigned i = 0; i < 1000; i++)
        thread_yield();
    EQ(ends(&s), 0);
    mutex_lock(&s.task.lock);
    atomic_store(&s.task.attention, 0);
    queue_wake(&s.task.resumed);
    mutex_unlock(&s.task.lock);
    await_end(&s, 1);
    EQ(s.eintr, 1);
    workers_drain();
}

TEST(a_deadline_enters_again)
{
    Scene s;
    Call c;
    scene_init(&s);
    call_init(&c, &s.task);
    call_begin(&c);
    uint64_t start = clock_now(CLOCK_MONO);
    c.deadline = start + 20000000;
    EQ(take(&c, &s), WAIT);
    EQ(call_park(&c), 0);
    TRUE(clock_now(CLOCK_MONO) >= c.deadline);
    call_end(&c);
    call_destroy(&c);
}

/* ---- doors -------------------------------------------------------------------------------------------------------- */

typedef struct Door {
    atomic_uint woken;
} Door;

static void door_wake(Call *c)
{
    Door *d = c->door;
    atomic_fetch_add(&d->woken, 1);
}

static void door_init(Door *d, Call *c, Scene *s)
{
    atomic_init(&d->woken, 0);
    call_init(c, &s->task);
    c->wake = door_wake;
    c->door = d;
    call_begin(c);
}

TEST(a_door_is_woken_once_whenever_it_happens)
{
    Scene s;
    Door d;
    Call c;
    scene_init(&s);
    door_init(&d, &c, &s);
    EQ(take(&c, &s), WAIT);
    EQ(call_suspend(&c), 0);
    EQ(atomic_load(&d.woken), 0);
    give(&s, 1);
    call_wake(&c);
    EQ(atomic_load(&d.woken), 1);
    EQ(call_resume(&c), 0);
    EQ(take(&c, &s), 1);
    EQ(take(&c, &s), WAIT);
    give(&s, 1);
    EQ(call_suspend(&c), 0);        /* it came already */
    EQ(atomic_load(&d.woken), 2);
    EQ(call_resume(&c), 0);
    call_end(&c);
    call_destroy(&c);
}

TEST(a_door_is_interrupted_and_a_kill_reaches_it)
{
    Scene s;
    Door d;
    Call c;
    scene_init(&s);
    door_init(&d, &c, &s);
    EQ(take(&c, &s), WAIT);
    EQ(call_suspend(&c), 0);
    call_interrupt(&c);
    EQ(atomic_load(&d.woken), 1);
    EQ(call_resume(&c), -EINTR);
    call_end(&c);
    call_begin(&c);
    EQ(take(&c, &s), WAIT);
    EQ(call_suspend(&c), 0);
    atomic_store(&s.task.attention, ATTEND_KILL);
    wake_listed(&s, call_wake);
    EQ(atomic_load(&d.woken), 2);
    EQ(call_resume(&c), -EINTR);
    PTR_EQ(s.task.waiting, NULL);
    EQ(take(&c, &s), WAIT);
    EQ(call_suspend(&c), -EINTR);
    PTR_EQ(atomic_load(&s.queue.head), NULL);
    call_end(&c);
    call_destroy(&c);
}

/* ---- what is remembered ------------------------------------------------------------------------------------------- */

typedef struct CountedOp {
    Op op;
    unsigned *cancelled;
} CountedOp;

static void cancel_counted(Op *op)
{
    ++*((CountedOp *)op)->cancelled;
}

TEST(the_end_of_a_call_cancels_what_devices_began)
{
    Call c;
    unsigned n = 0;
    static const char keys[3];
    CountedOp ops[3];
    call_init(&c, NULL);
    call_begin(&c);
    for (unsigned i = 0; i < 3; i++) {
        ops[i] = (CountedOp){ .op = { .key = &keys[i], .cancel = cancel_counted }, .cancelled = &n };
        call_add_op(&c, &ops[i].op);
    }
    PTR_EQ(call_op(&c, &keys[1]), &ops[1].op);
    call_drop_op(&c, &ops[1].op);
    PTR_EQ(call_op(&c, &keys[1]), NULL);
    call_end(&c);
    EQ(n, 2);
    PTR_EQ(call_op(&c, &keys[0]), NULL);
    call_destroy(&c);
}

TEST(words_belong_to_one_call)
{
    Call c;
    call_init(&c, NULL);
    call_begin(&c);
    EQ(fail(&c, -EBUSY, "task %d is running", 7), -EBUSY);
    STR_EQ(c.words, "task 7 is running");
    call_end(&c);
    STR_EQ(c.words, "task 7 is running");
    call_begin(&c);
    STR_EQ(c.words, "");
    call_end(&c);
    EQ(fail(NULL, -EIO, "nobody asks"), -EIO);
    PTR_EQ(call_account(&c), NULL);
    call_destroy(&c);
}

/* ---- all at once -------------------------------------------------------------------------------------------------- */

enum { STRESS_TAKERS = 4, STRESS_ROUNDS = 400 };

/* A thread takes tokens, and goes on taking them when it was interrupted. */
static void greedy_taker(void *arg)
{
    Scene *s = arg;
    Call c;
    unsigned taken = 0;
    call_init(&c, &s->task);
    c.thread = &s->thread;
    while (taken < STRESS_ROUNDS) {
        int r;
        CALL_RUN(&c, r, take(&c, s));
        if (r == 1)
            taken++;
        else
            EQ(r, -EINTR);
    }
    call_destroy(&c);
    note_end(s, 0);
}

static void disturb(Scene *s, unsigned i)
{
    if (i % 3 == 0) {
        wake_listed(s, call_interrupt);
    } else if (i % 3 == 1) {
        atomic_fetch_or(&s->task.attention, ATTEND_PAUSE);
        thread_yield();
        mutex_lock(&s->task.lock);
        atomic_fetch_and(&s->task.attention, ~(unsigned)ATTEND_PAUSE);
        queue_wake(&s->task.resumed);
        mutex_unlock(&s->task.lock);
    } else {
        atomic_store(&s->task.eintr, 1);
        wake_listed(s, call_wake);
        atomic_store(&s->task.eintr, 0);
    }
}

TEST_SLOW(no_wake_is_lost_under_interrupts_and_pauses, 60)
{
    Scene s;
    scene_init(&s);
    for (unsigned i = 0; i < STRESS_TAKERS; i++)
        OK(worker_run(greedy_taker, &s, 0));
    for (unsigned i = 0; i < STRESS_TAKERS * STRESS_ROUNDS; i++) {
        give(&s, 1);
        disturb(&s, i);
    }
    await_end(&s, STRESS_TAKERS);
    EQ(s.tokens, 0);
    PTR_EQ(s.task.waiting, NULL);
    PTR_EQ(atomic_load(&s.queue.head), NULL);
    workers_drain();
}

static void stress_door_wake(Call *c)
{
    Scene *s = c->door;
    mutex_lock(&s->end_lock);
    s->ended++;
    cond_wake_all(&s->end);
    mutex_unlock(&s->end_lock);
}

static void giver(void *arg)
{
    Scene *s = arg;
    for (unsigned i = 0; i < STRESS_ROUNDS; i++)
        give(s, 1);
}

/* The call is destroyed as soon as it has its token, while the waker may still be on its way out. */
TEST_SLOW(a_door_may_end_its_call_right_after_the_wake, 60)
{
    Scene s;
    scene_init(&s);
    OK(worker_run(giver, &s, 0));
    for (unsigned i = 0; i < STRESS_ROUNDS; i++) {
        Call *c = mem_alloc(sizeof *c);
        call_init(c, &s.task);
        c->wake = stress_door_wake;
        c->door = &s;
        call_begin(c);
        for (;;) {
            unsigned woken = ends(&s);
            if (take(c, &s) != WAIT)
                break;
            EQ(call_suspend(c), 0);
            await_end(&s, woken + 1);
            EQ(call_resume(c), 0);
        }
        call_end(c);
        call_destroy(c);
        mem_free(c);
    }
    workers_drain();
}
