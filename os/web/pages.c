/* SPDX-License-Identifier: MIT */
/* Pages in a page: there are none below malloc, whose memory only grows; zeroed here. */
#include <stdlib.h>
#include <string.h>

#include "os/local.h"
#include "os/os.h"

enum { PAGE_SIZE = 4096 };

void *pages_alloc(size_t n)
{
    if (mem_failing() || n > SIZE_MAX - PAGE_SIZE)
        return NULL;
    size_t whole = (n + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
    void *p = aligned_alloc(PAGE_SIZE, whole > 0 ? whole : PAGE_SIZE);
    if (p != NULL)
        memset(p, 0, whole);
    return p;
}

void pages_free(void *p, size_t n)
{
    (void)n;
    free(p);
}
