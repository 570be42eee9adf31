/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kern/count.h"
#include "test/test.h"

enum { THREADS = 4, OBJECTS = 1000 };

static atomic_uint busy;

static void make_some(void *arg)
{
    for (unsigned i = 0; i < OBJECTS; i++)
        count_add(OBJ_CAP, arg);
    atomic_fetch_sub(&busy, 1);
}

/* The threads that made the objects are gone, and this one ends them. */
TEST(what_one_thread_adds_another_takes_off_also_when_the_first_has_ended)
{
    int64_t before = count_of(OBJ_CAP);
    for (int turn = 1; turn <= 3; turn++) {
        atomic_store(&busy, THREADS);
        for (int i = 0; i < THREADS; i++)
            OK(worker_run(make_some, &busy, 0));
        while (atomic_load(&busy) > 0)
            thread_yield();
        EQ(count_of(OBJ_CAP) - before, turn * THREADS * OBJECTS);
        while (workers_live() > 0) {
            workers_drain();
            thread_yield();
        }
        EQ(count_of(OBJ_CAP) - before, turn * THREADS * OBJECTS);
    }
    for (unsigned i = 0; i < 3 * THREADS * OBJECTS; i++)
        count_sub(OBJ_CAP, &busy);
    EQ(count_of(OBJ_CAP), before);
}

TEST(every_kind_has_a_line_of_its_own)
{
    Text t = { 0 };
    count_add(OBJ_THREAD, &t);
    count_text(&t);
    OK(text_ok(&t));
    unsigned lines = 0;
    for (size_t i = 0; i < t.len; i++)
        lines += t.s[i] == '\n';
    EQ(lines, OBJ_COUNT);
    TRUE(strstr(t.s, "(null)") == NULL);
    TRUE(strstr(t.s, "\nthread ") != NULL);
    count_sub(OBJ_THREAD, &t);
    text_free(&t);
}
