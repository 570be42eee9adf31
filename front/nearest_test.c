/* SPDX-License-Identifier: MIT */
/*
 * What may have been meant.
 */
#include "front/nearest.h"

#include "test/test.h"

static const char *const names[] = { "run", "mount", "memlimit" };

TEST(a_mistyped_word_is_recognized)
{
    PTR_EQ(nearest("mount", names, 3), names[1]);
    PTR_EQ(nearest("muont", names, 3), names[1]);
    PTR_EQ(nearest("mout", names, 3), names[1]);
    PTR_EQ(nearest("rnu", names, 3), names[0]);
    PTR_EQ(nearest("rum", names, 3), names[0]);
    PTR_EQ(nearest("mem-limit", names, 3), names[2]);
}

TEST(another_word_is_not)
{
    PTR_EQ(nearest("", names, 3), NULL);
    PTR_EQ(nearest("ps", names, 3), NULL);
    PTR_EQ(nearest("ran-off", names, 3), NULL);
    PTR_EQ(nearest("mom", names, 3), NULL);
    PTR_EQ(nearest("a-word-that-is-far-longer-than-any-that-is-known-here", names, 3), NULL);
    PTR_EQ(nearest("mount", names, 0), NULL);
}
