/* SPDX-License-Identifier: MIT */
/*
 * A barrier in all threads of the process from one of them: membarrier(2). It is asked for before main runs, because whoever
 * passes by without a barrier from then on relies on it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/os.h"

bool fence_one_sided;

static bool command(int what)
{
    return syscall(SYS_membarrier, what, 0, 0) == 0;
}

__attribute__((constructor)) static void fence_begin(void)
{
    int kept = errno;
    fence_one_sided = command(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) && command(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    errno = kept;
}

void fence_all(void)
{
    if (!fence_one_sided)
        return;
    int kept = errno;
    /* A forked process may have to ask anew. */
    bool done = command(MEMBARRIER_CMD_PRIVATE_EXPEDITED) ||
                (command(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) && command(MEMBARRIER_CMD_PRIVATE_EXPEDITED));
    ASSERT(done);
    errno = kept;
}
