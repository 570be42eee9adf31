/* SPDX-License-Identifier: MIT */
/* Sleeping on a word: memory.atomic.wait32, by way of Emscripten, since a page's main thread may not wait and has to look again and again. */
#include <emscripten/threading.h>
#include <errno.h>
#include <limits.h>

#include "os/local.h"
#include "os/os.h"

#define LONGEST 3600000.0                       /* milliseconds of one wait */

int word_wait(atomic_uint *word, unsigned value, uint64_t until)
{
    double left = LONGEST;
    if (until != 0) {
        uint64_t now = clock_now(CLOCK_MONO);
        left = until > now ? (double)(until - now) / 1e6 : 0;
    }
    if (emscripten_futex_wait(word, value, left < LONGEST ? left : LONGEST) != -ETIMEDOUT)
        return 0;
    return until != 0 && left < LONGEST ? -host_err(ETIMEDOUT) : 0;
}

void word_wake(atomic_uint *word, bool all)
{
    (void)emscripten_futex_wake(word, all ? INT_MAX : 1);
}
