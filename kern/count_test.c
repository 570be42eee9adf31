/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kern/count.h"
#include "test/test.h"

TEST(what_is_added_is_taken_off_wherever_it_lies)
{
    int64_t before = count_of(OBJ_CAP);
    char *p = mem_alloc(1 << 16);
    for (unsigned i = 0; i < 1 << 16; i += 48)
        count_add(OBJ_CAP, p + i);
    EQ(count_of(OBJ_CAP) - before, ((1 << 16) + 47) / 48);
    for (unsigned i = 0; i < 1 << 16; i += 48)
        count_sub(OBJ_CAP, p + i);
    EQ(count_of(OBJ_CAP), before);
    mem_free(p);
}

TEST(every_kind_has_a_line_of_its_own)
{
    Text t = { 0 };
    count_add(OBJ_THREAD, &t);
    count_text(&t);
    OK(text_ok(&t));
    unsigned lines = 0;
    for (size_t i = 0; i < t.len; i++)
        lines += t.s[i] == '\n';
    EQ(lines, OBJ_COUNT);
    TRUE(strstr(t.s, "(null)") == NULL);
    TRUE(strstr(t.s, "\nthread ") != NULL);
    count_sub(OBJ_THREAD, &t);
    text_free(&t);
}
