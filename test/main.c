/* SPDX-License-Identifier: MIT */
/*
 * Finds the tests and compares values, for both builds. Tests add themselves to a list before main runs, in whatever
 * order the linker chose; test_list sorts them by file and line, so that every run has the same order.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/err.h"
#include "os/os.h"
#include "test/test.h"

static TestCase *all;

/* "kern/ns_test.c" is known as "ns_test". */
static const char *file_stem(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    size_t n = dot != NULL ? (size_t)(dot - base) : strlen(base);
    char *stem = calloc(n + 1, 1);
    if (stem == NULL)
        abort();
    return memcpy(stem, base, n);
}

void test_add(TestCase *t)
{
    t->next = all;
    all = t;
}

static int by_file_and_line(const void *x, const void *y)
{
    const TestCase *a = *(TestCase *const *)x;
    const TestCase *b = *(TestCase *const *)y;
    int order = strcmp(a->path, b->path);
    return order != 0 ? order : a->line - b->line;
}

TestCase *test_list(void)
{
    size_t n = 0;
    for (TestCase *t = all; t != NULL; t = t->next)
        n++;
    if (n == 0)
        return NULL;
    TestCase **sorted = calloc(n, sizeof(TestCase *));
    if (sorted == NULL)
        abort();
    size_t i = 0;
    for (TestCase *t = all; t != NULL; t = t->next)
        sorted[i++] = t;
    qsort(sorted, n, sizeof(TestCase *), by_file_and_line);
    for (i = 0; i < n; i++) {
        sorted[i]->next = i + 1 < n ? sorted[i + 1] : NULL;
        sorted[i]->file = i > 0 && strcmp(sorted[i]->path, sorted[i - 1]->path) == 0 ? sorted[i - 1]->file
                                                                                     : file_stem(sorted[i]->path);
    }
    all = sorted[0];
    free(sorted);
    return all;
}

static bool names_file(const char *file, const char *pattern, size_t n)
{
    return strncmp(file, pattern, n) == 0 && (file[n] == '\0' || strcmp(file + n, "_test") == 0);
}

/*
 * NULL or "" takes every test, "ns" those of ns_test.c, "ns.bind" those of them with "bind" in the name. A pattern that
 * names no file takes all tests with it in the name.
 */
bool test_wanted(const TestCase *t, const char *pattern)
{
    if (pattern == NULL || *pattern == '\0')
        return true;
    const char *dot = strchr(pattern, '.');
    if (dot != NULL)
        return names_file(t->file, pattern, (size_t)(dot - pattern)) && strstr(t->name, dot + 1) != NULL;
    for (const TestCase *u = all; u != NULL; u = u->next) {
        if (names_file(u->file, pattern, strlen(pattern)))
            return names_file(t->file, pattern, strlen(pattern));
    }
    return strstr(t->name, pattern) != NULL;
}

unsigned test_stretch(void)
{
    const char *text = getenv("TEST_STRETCH");
    int n = text != NULL ? atoi(text) : 1;
    return n > 1 ? (unsigned)n : 1;
}

/* Where no runner is, as in a fuzzer: its own has another. */
__attribute__((weak)) void test_end(int code)
{
    (void)code;
    fflush(stdout);
    abort();
}

void test_fail(const char *file, int line, const char *format, ...)
{
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    mem_fail_at(0);
    printf("%s:%d: %s\n", file, line, text);
    test_end(TEST_FAILED);
}

void skip(const char *reason)
{
    mem_fail_at(0);
    printf("%s\n", reason);
    test_end(TEST_SKIPPED);
}

void test_eq(const char *file, int line, const char *a, const char *b, int64_t x, int64_t y)
{
    if (x != y)
        test_fail(file, line, "%s == %s: %" PRId64 " and %" PRId64, a, b, x, y);
}

void test_ne(const char *file, int line, const char *a, const char *b, int64_t x, int64_t y)
{
    if (x == y)
        test_fail(file, line, "%s != %s: both are %" PRId64, a, b, x);
}

void test_ok(const char *file, int line, const char *a, int64_t x)
{
    if (x < 0)
        test_fail(file, line, "%s failed: %" PRId64, a, x);
}

void test_true(const char *file, int line, const char *a, bool x)
{
    if (!x)
        test_fail(file, line, "%s does not hold", a);
}

void test_str_eq(const char *file, int line, const char *a, const char *b, const char *x, const char *y)
{
    if (x == NULL || y == NULL) {
        if (x != y)
            test_fail(file, line, "%s == %s: %s and %s", a, b, x != NULL ? x : "NULL", y != NULL ? y : "NULL");
    } else if (strcmp(x, y) != 0) {
        test_fail(file, line, "%s == %s: \"%s\" and \"%s\"", a, b, x, y);
    }
}

void test_mem_eq(const char *file, int line, const char *a, const char *b, const void *x, const void *y, size_t n)
{
    const uint8_t *p = x;
    const uint8_t *q = y;
    for (size_t i = 0; i < n; i++) {
        if (p[i] != q[i])
            test_fail(file, line, "%s == %s: byte %zu of %zu is %u and %u", a, b, i, n, p[i], q[i]);
    }
}

void test_ptr_eq(const char *file, int line, const char *a, const char *b, const void *x, const void *y)
{
    if (x != y)
        test_fail(file, line, "%s == %s: %p and %p", a, b, x, y);
}

void test_each_failure(int (*fn)(void *arg), void *arg)
{
    for (unsigned n = 1;; n++) {
        mem_fail_at(n);
        int r = fn(arg);
        bool none = mem_fail_pending();
        mem_fail_at(0);
        if (r < 0 && r != -ENOMEM)
            test_fail(__FILE__, __LINE__, "allocation %u failed and the result is %d", n, r);
        if (none) {
            test_eq(__FILE__, __LINE__, "a run without failure", "0", r < 0 ? r : 0, 0);
            return;
        }
    }
}
