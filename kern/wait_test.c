/* SPDX-License-Identifier: MIT */
/* Queues by themselves; what parks and wakes is in call_test.c. */
#include "kern/call.h"
#include "kern/count.h"
#include "kern/wait.h"
#include "test/test.h"

enum { MANY = 20 };

static unsigned length(Queue *q)
{
    unsigned n = 0;
    for (Waiter *w = atomic_load(&q->head); w != NULL; w = w->next)
        n++;
    return n;
}

TEST(a_call_enters_many_queues_and_leaves_them_all)
{
    Call c;
    Queue q[MANY];
    int64_t before = count_of(OBJ_WAITER);
    call_init(&c, NULL);
    for (unsigned i = 0; i < MANY; i++) {
        queue_init(&q[i]);
        EQ(wait_arm(&c, &q[i]), WAIT);
        EQ(length(&q[i]), 1);
    }
    EQ(count_of(OBJ_WAITER) - before, MANY - 1);
    wait_disarm(&c);
    for (unsigned i = 0; i < MANY; i++)
        EQ(length(&q[i]), 0);
    call_begin(&c);
    EQ(wait_arm(&c, &q[0]), WAIT);
    call_end(&c);
    EQ(length(&q[0]), 0);
    TRUE(count_of(OBJ_WAITER) - before < MANY / 2);
    call_destroy(&c);
    EQ(count_of(OBJ_WAITER), before);
}

TEST(waking_empties_the_queue_and_a_closed_one_is_left_behind)
{
    Call c[3];
    Queue *q = mem_alloc(sizeof *q);
    queue_init(q);
    queue_wake(q);
    for (unsigned i = 0; i < 3; i++) {
        call_init(&c[i], NULL);
        EQ(wait_arm(&c[i], q), WAIT);
    }
    EQ(length(q), 3);
    wait_disarm(&c[1]);
    EQ(length(q), 2);
    queue_close(q);
    EQ(length(q), 0);
    mem_free(q);
    for (unsigned i = 0; i < 3; i++)
        call_destroy((wait_disarm(&c[i]), &c[i]));
}

TEST(the_last_the_first_and_the_middle_one_leave)
{
    static const unsigned order[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 0, 2 }, { 1, 2, 0 } };
    for (unsigned k = 0; k < LEN(order); k++) {
        Call c[3];
        Queue q;
        queue_init(&q);
        for (unsigned i = 0; i < 3; i++) {
            call_init(&c[i], NULL);
            EQ(wait_arm(&c[i], &q), WAIT);
        }
        for (unsigned i = 0; i < 3; i++) {
            wait_disarm(&c[order[k][i]]);
            EQ(length(&q), 2 - i);
            call_destroy(&c[order[k][i]]);
        }
    }
}

TEST(who_may_not_wait_is_told_so)
{
    Call c;
    Queue q;
    queue_init(&q);
    call_init(&c, NULL);
    c.mode = CALL_NONBLOCK;
    EQ(wait_arm(&c, &q), -EAGAIN);
    EQ(length(&q), 0);
    call_destroy(&c);
}

static int arm_three(void *arg)
{
    Queue *q = arg;
    Call c;
    int r = WAIT;
    call_init(&c, NULL);
    for (unsigned i = 0; i < 3 && r == WAIT; i++)
        r = wait_arm(&c, q);
    wait_disarm(&c);
    call_destroy(&c);
    EQ(length(q), 0);
    return r == WAIT ? 0 : r;
}

TEST(without_memory_for_a_waiter_nothing_is_armed)
{
    Queue q;
    queue_init(&q);
    test_each_failure(arm_three, &q);
}
