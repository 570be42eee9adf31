/* SPDX-License-Identifier: MIT */
/* Pages straight from the kernel below: zeroed, counted only when touched, given back at once. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "os/local.h"
#include "os/os.h"

void *pages_alloc(size_t n)
{
    if (mem_failing())
        return NULL;
    void *p = mmap(NULL, n > 0 ? n : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p != MAP_FAILED ? p : NULL;
}

void pages_free(void *p, size_t n)
{
    if (p != NULL)
        ASSERT(munmap(p, n > 0 ? n : 1) == 0);
}
