/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "os/os.h"
#include "test/test.h"

static bool all_zero(const void *p, size_t n)
{
    const unsigned char *c = p;
    for (size_t i = 0; i < n; i++) {
        if (c[i] != 0)
            return false;
    }
    return true;
}

TEST(allocated_memory_is_zeroed)
{
    for (int i = 0; i < 8; i++) {
        char *p = mem_alloc(300);
        TRUE(p != NULL && all_zero(p, 300));
        memset(p, 0xff, 300);
        mem_free(p);
    }
}

TEST(nothing_is_a_pointer_too)
{
    void *p = mem_alloc(0);
    TRUE(p != NULL);
    p = mem_resize(p, 0);
    TRUE(p != NULL);
    mem_free(p);
    mem_free(NULL);
}

TEST(a_copy_ends_with_a_zero_byte)
{
    char *copy = mem_dup("words and more", 5);
    STR_EQ(copy, "words");
    mem_free(copy);
    copy = mem_dup(NULL, 0);
    STR_EQ(copy, "");
    mem_free(copy);
}

TEST(the_chosen_allocation_fails_once)
{
    mem_fail_at(3);
    void *first = mem_alloc(1);
    char *second = mem_dup("x", 1);
    TRUE(first != NULL && second != NULL && mem_fail_pending());
    TRUE(mem_alloc(1) == NULL);
    TRUE(!mem_fail_pending());
    void *last = mem_alloc(1);
    TRUE(last != NULL);
    mem_free(first);
    mem_free(second);
    mem_free(last);
}

TEST(a_resize_that_fails_leaves_the_old_memory)
{
    char *p = mem_dup("kept", 4);
    mem_fail_at(1);
    TRUE(mem_resize(p, 1000) == NULL);
    STR_EQ(p, "kept");
    p = mem_resize(p, 1000);
    STR_EQ(p, "kept");
    mem_free(p);
}

TEST(switching_the_failure_off)
{
    mem_fail_at(1);
    mem_fail_at(0);
    void *p = mem_alloc(1);
    TRUE(p != NULL && !mem_fail_pending());
    mem_free(p);
}

TEST(pages_are_zeroed_and_writable)
{
    enum { SIZE = 100 * 1000 };
    char *p = pages_alloc(SIZE);
    TRUE(p != NULL && all_zero(p, SIZE));
    memset(p, 1, SIZE);
    pages_free(p, SIZE);
    mem_fail_at(1);
    TRUE(pages_alloc(SIZE) == NULL);
    pages_free(NULL, 0);
}

static int two_allocations(void *arg)
{
    int *runs = arg;
    ++*runs;
    char *a = mem_alloc(10);
    char *b = a != NULL ? mem_alloc(10) : NULL;
    mem_free(a);
    mem_free(b);
    return b != NULL ? 0 : -12;
}

TEST(each_failure_runs_until_none_is_left)
{
    int runs = 0;
    test_each_failure(two_allocations, &runs);
    EQ(runs, 3);
}
