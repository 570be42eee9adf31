/* SPDX-License-Identifier: MIT */
/*
 * For the C programs of test/wasi.sh, which are compiled against wasi-libc and run as tasks. What does not hold is printed, and
 * done() is the exit code: 1 when there was any.
 */
#ifndef TEST_WASI_CHECK_H
#define TEST_WASI_CHECK_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int failures;

#define CHECK(what)                                                                                                    \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        if (!(what)) {                                                                                                 \
            printf("%s:%d: %s (errno %d, %s)\n", __FILE__, __LINE__, #what, errno, strerror(errno));                   \
            failures++;                                                                                                \
        }                                                                                                              \
    } while (0)

/* what is -1 with this errno. */
#define FAILS(number, what)                                                                                            \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        long r_ = (long)(what);                                                                                        \
        if (r_ != -1 || errno != (number)) {                                                                           \
            printf("%s:%d: %s is %ld, errno %d (%s), not %s\n", __FILE__, __LINE__, #what, r_, errno, strerror(errno),  \
                   #number);                                                                                           \
            failures++;                                                                                                \
        }                                                                                                              \
    } while (0)

static int done(void)
{
    return failures != 0;
}

#endif
