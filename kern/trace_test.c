/* SPDX-License-Identifier: MIT */
/*
 * The trace ring.
 */
#include "kern/trace.h"

#include <string.h>

#include "kern/task.h"
#include "test/test.h"

TEST(classes_are_named_one_by_one_or_all)
{
    OK(trace_set("sys,9p"));
    TRUE(trace_on(TRACE_SYS, NULL));
    TRUE(trace_on(TRACE_9P, NULL));
    TRUE(!trace_on(TRACE_LOCK, NULL));
    EQ(trace_set("sys,what"), -EINVAL);
    TRUE(trace_on(TRACE_9P, NULL));
    OK(trace_set("all"));
    TRUE(trace_on(TRACE_LOCK, NULL));
    OK(trace_set(""));
    TRUE(!trace_on(TRACE_ALL, NULL));
}

TEST(single_tasks_are_traced_with_all_classes)
{
    Task a = { .id = 5 }, b = { .id = 6 };
    trace_task(&a, true);
    trace_task(&a, true);
    TRUE(trace_on(TRACE_DEV, &a));
    TRUE(!trace_on(TRACE_DEV, &b));
    TRUE(!trace_on(TRACE_DEV, NULL));
    trace_task(&b, false);
    trace_task(&a, false);
    EQ(atomic_load(&trace_classes), 0);
    for (uint64_t i = 0; i < 16; i++) {
        a.id = 100 + i;
        trace_task(&a, true);
    }
    trace_task(&b, true);
    TRUE(trace_on(TRACE_SYS, &b));
    a.id = 100;
    TRUE(!trace_on(TRACE_SYS, &a));             /* the oldest made room */
    a.id = 101;
    TRUE(trace_on(TRACE_SYS, &a));
}

TEST(the_ring_keeps_the_last_events_and_counts_the_lost_ones)
{
    Text t = { 0 };
    for (int i = 0; i < 1030; i++)
        trace(TRACE_SYS, NULL, "event %d\n of two lines", i);
    trace_text(&t);
    OK(text_ok(&t));
    TRUE(strncmp(t.s, "6 events lost\n", 14) == 0);
    TRUE(strstr(t.s, " task 0 sys event 6  of two lines\n") != NULL);
    TRUE(strstr(t.s, " task 0 sys event 1029  of two lines\n") != NULL);
    text_free(&t);
    trace_clear();
    trace_text(&t);
    EQ(t.len, 0);
    text_free(&t);
}
