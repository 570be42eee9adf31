/* SPDX-License-Identifier: MIT */
/*
 * Unit tests. TEST(name) { ... } in any X_test.c is found without being registered. Natively each test runs in a process
 * of its own, in the page each file in a page of its own; both have a time limit (TEST_STRETCH multiplies it).
 * The first comparison that does not hold prints both values and ends the test. The comparisons are never compiled out;
 * all of them may be used from any thread.
 */
#ifndef TEST_TEST_H
#define TEST_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct TestCase {
    const char *file, *name;                    /* "ns_test", "bind_before_hides_the_old_file" */
    const char *path;                           /* of the source, as compiled */
    int line;
    unsigned limit;                             /* seconds; 0 for the usual limit */
    void (*run)(void);
    struct TestCase *next;
} TestCase;

/* A test, with the usual time limit of 10 seconds; TEST_SLOW names another. */
#define TEST(title) TEST_SLOW(title, 0)
#define TEST_SLOW(title, seconds)                                                                                      \
    static void test_##title(void);                                                                                    \
    static TestCase test_case_##title = { .name = #title,                                                              \
                                          .path = __FILE__,                                                            \
                                          .line = __LINE__,                                                            \
                                          .limit = (seconds),                                                          \
                                          .run = test_##title };                                                       \
    __attribute__((constructor)) static void test_add_##title(void)                                                    \
    {                                                                                                                  \
        test_add(&test_case_##title);                                                                                  \
    }                                                                                                                  \
    static void test_##title(void)

/* Integers and enums, compared as signed 64 bits. */
#define EQ(a, b) test_eq(__FILE__, __LINE__, #a, #b, (int64_t)(a), (int64_t)(b))
#define NE(a, b) test_ne(__FILE__, __LINE__, #a, #b, (int64_t)(a), (int64_t)(b))
/* A result that is 0 or a count, not a negative error number. */
#define OK(a) test_ok(__FILE__, __LINE__, #a, (int64_t)(a))
#define TRUE(a) test_true(__FILE__, __LINE__, #a, (a) ? true : false)
#define STR_EQ(a, b) test_str_eq(__FILE__, __LINE__, #a, #b, (a), (b))
#define MEM_EQ(a, b, n) test_mem_eq(__FILE__, __LINE__, #a, #b, (a), (b), (n))
#define PTR_EQ(a, b) test_ptr_eq(__FILE__, __LINE__, #a, #b, (a), (b))

/* Ends the test as failed, or as skipped with the reason; both print. */
_Noreturn void test_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
_Noreturn void skip(const char *reason);
#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)

/*
 * Runs fn(arg) again and again, with the 1st, 2nd, 3rd ... allocation of the calling thread failing, until it gets through
 * without one. Each run must return 0 or -ENOMEM and leave nothing behind; good says whether the run was the last.
 */
void test_each_failure(int (*fn)(void *arg), void *arg);

/* How much slower than a usual machine this run may be: TEST_STRETCH, 1 or more. */
unsigned test_stretch(void);

/* What the macros call. */
void test_add(TestCase *t);
void test_eq(const char *file, int line, const char *a, const char *b, int64_t x, int64_t y);
void test_ne(const char *file, int line, const char *a, const char *b, int64_t x, int64_t y);
void test_ok(const char *file, int line, const char *a, int64_t x);
void test_true(const char *file, int line, const char *a, bool x);
void test_str_eq(const char *file, int line, const char *a, const char *b, const char *x, const char *y);
void test_mem_eq(const char *file, int line, const char *a, const char *b, const void *x, const void *y, size_t n);
void test_ptr_eq(const char *file, int line, const char *a, const char *b, const void *x, const void *y);

/* The runner's two halves: main.c finds and compares, main_posix.c and web/main_web.c run. */
TestCase *test_list(void);                      /* all tests, sorted by file and line */
bool test_wanted(const TestCase *t, const char *pattern);
_Noreturn void test_end(int code);              /* TEST_FAILED or TEST_SKIPPED, from any thread */
/* Exit codes of a test's process (a program that ends itself with 0 has not passed), and the usual time limit. */
enum { TEST_PASSED = 50, TEST_FAILED = 1, TEST_SKIPPED = 77, TEST_SECONDS = 10 };

#endif
