/* SPDX-License-Identifier: MIT */
/* Sleeping on a word: Linux has this as futexes. They set errno, which a lock must leave alone. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "os/local.h"
#include "os/os.h"

#define NANOSECONDS UINT64_C(1000000000)

int word_wait(atomic_uint *word, unsigned value, uint64_t until)
{
    int kept = errno, r = 0;
    struct timespec t = { .tv_sec = (time_t)(until / NANOSECONDS), .tv_nsec = (long)(until % NANOSECONDS) };
    if (syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, value, until != 0 ? &t : NULL, NULL,
                FUTEX_BITSET_MATCH_ANY) < 0 &&
        errno == ETIMEDOUT)
        r = -host_err(ETIMEDOUT);
    errno = kept;
    return r;
}

void word_wake(atomic_uint *word, bool all)
{
    int kept = errno;
    (void)syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, all ? INT_MAX : 1);
    errno = kept;
}
