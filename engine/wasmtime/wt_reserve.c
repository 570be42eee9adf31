/* SPDX-License-Identifier: MIT */
/*
 * Asking the host for address space, see the header. Apart from the engine's other files, as the host's headers and the
 * kernel's have names in common.
 */
#define _GNU_SOURCE
#include "engine/wasmtime/wt_reserve.h"

#include <stddef.h>
#include <sys/mman.h>

bool reserve_possible(uint64_t n)
{
    void *p = mmap(NULL, n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return false;
    munmap(p, n);
    return true;
}
