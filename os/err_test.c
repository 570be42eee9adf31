/* SPDX-License-Identifier: MIT */
/* The wire's numbers are Linux's, so on a Linux host nothing may change on the way; numbers nobody knows become EIO. */
#include "os/err.h"
#include "os/local.h"
#include "test/test.h"

TEST(a_number_that_nobody_knows_is_an_io_error)
{
    EQ(host_err(0), EIO);
    EQ(host_err(-1), EIO);
    EQ(host_err(9999), EIO);
}
