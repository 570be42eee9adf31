/* SPDX-License-Identifier: MIT */
/*
 * Memory of the C library, behind a hook that lets tests make the n-th allocation of a thread fail. Nothing here locks.
 */
#include <stdlib.h>
#include <string.h>

#include "os/local.h"
#include "os/os.h"

static _Thread_local unsigned fail_after;       /* allocations left, the failing one included; 0: off */

void mem_fail_at(unsigned n)
{
    fail_after = n;
}

bool mem_fail_pending(void)
{
    return fail_after > 0;
}

bool mem_failing(void)
{
    return fail_after > 0 && --fail_after == 0;
}

/* glibc's calloc passes by the thread's cache of small pieces, which malloc uses: clearing them here is far cheaper. */
enum { SMALL = 1024 };

void *mem_alloc(size_t n)
{
    if (mem_failing())
        return NULL;
    if (n == 0 || n > SMALL)
        return calloc(1, n > 0 ? n : 1);
    void *p = malloc(n);
    __asm__("" : "+r"(p));          /* or the compiler makes a calloc of it */
    return p == NULL ? NULL : memset(p, 0, n);
}

void *mem_resize(void *p, size_t n)
{
    return mem_failing() ? NULL : realloc(p, n > 0 ? n : 1);
}

void mem_free(void *p)
{
    free(p);
}

char *mem_dup(const void *p, size_t n)
{
    char *copy = n < SIZE_MAX && !mem_failing() ? malloc(n + 1) : NULL;
    if (copy == NULL)
        return NULL;
    if (n > 0)
        memcpy(copy, p, n);
    copy[n] = '\0';
    return copy;
}
