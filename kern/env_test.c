/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kern/account.h"
#include "kern/count.h"
#include "kern/env.h"
#include "test/test.h"

static void holds(const Strv *v, const char *strings)
{
    Text t = { 0 };
    text_put(&t, "");
    for (size_t i = 0; i < strv_count(v); i++) {
        text_put(&t, strv_at(v, i));
        text_put(&t, "|");
    }
    STR_EQ(t.s, strings);
    text_free(&t);
}

TEST(a_block_replaces_and_another_goes_on)
{
    Strv v = { 0 };
    OK(strv_set_block(&v, "a\0b", 4));
    holds(&v, "a|b|");
    OK(strv_set_block(&v, "xy", 2));
    holds(&v, "xy|");
    EQ(v.len, 3);
    OK(strv_append_block(&v, "z\0w", 3));
    holds(&v, "xyz|w|");
    OK(strv_append_block(&v, "\0", 1));
    holds(&v, "xyz|w|");
    OK(strv_append_block(&v, "\0", 1));
    holds(&v, "xyz|w||");
    OK(strv_add(&v, "new"));
    holds(&v, "xyz|w||new|");
    PTR_EQ(strv_at(&v, 4), NULL);
    OK(strv_set_block(&v, "", 0));
    EQ(strv_count(&v), 0);
    strv_free(&v);
}

/* The last string goes on where the block ended without its NUL: also in a copy, but not behind a variable that was set. */
TEST(an_open_end_is_copied_and_closed_by_setting)
{
    Strv v = { 0 }, copy = { 0 };
    OK(strv_set_block(&v, "A=1\0B=2", 7));
    OK(strv_copy(&copy, &v, NULL));
    OK(strv_append_block(&copy, "3\0C", 3));
    holds(&copy, "A=1|B=23|C|");
    OK(env_set(&v, "A=0"));
    OK(strv_append_block(&v, "4", 1));
    holds(&v, "A=0|B=24|");
    OK(env_set(&v, "B=5"));
    OK(strv_append_block(&v, "D", 1));
    holds(&v, "A=0|B=5|D|");
    strv_free(&v);
    strv_free(&copy);
}

TEST(what_is_shortened_is_given_back)
{
    enum { BIG = 100000 };
    static char big[BIG];
    AccountSums sums;
    Strv v = { .account = account_new(NULL) };
    Account *a = v.account;
    memset(big, 'x', sizeof big);
    OK(strv_set_block(&v, big, sizeof big));
    account_sums(a, &sums);
    TRUE(sums.mem_current >= BIG);
    OK(strv_set_block(&v, "x", 2));
    account_sums(a, &sums);
    TRUE(sums.mem_current < BIG / 2);
    strv_free(&v);
    account_sums(a, &sums);
    EQ(sums.mem_current, 0);
    account_put(a);
}

TEST(a_file_is_written_however_it_is_cut)
{
    static const char all[] = "prog\0\0-x\0two words";
    for (size_t cut = 0; cut <= sizeof all; cut++) {
        Strv v = { 0 };
        OK(strv_write(&v, all, cut, 0));
        if (cut > 0)
            OK(strv_write(&v, all + cut, sizeof all - cut, cut));
        else
            OK(strv_write(&v, all, sizeof all, 0));
        holds(&v, "prog||-x|two words|");
        EQ(v.len, sizeof all);
        EQ(strv_write(&v, "x", 1, 3), -EINVAL);
        EQ(strv_write(&v, "x", 1, sizeof all + 1), -EINVAL);
        OK(strv_write(&v, "new", 3, 0));
        holds(&v, "new|");
        strv_free(&v);
    }
}

TEST(a_mebibyte_and_more_but_not_without_end)
{
    Strv v = { 0 };
    char *piece = mem_alloc(65536);
    memset(piece, 'p', 65536);
    for (unsigned i = 0; i < STRV_MAX / 65536 - 1; i++)
        OK(strv_append_block(&v, piece, 65536));
    EQ(strv_count(&v), 1);
    EQ(strv_append_block(&v, piece, 65536), -E2BIG);
    OK(strv_append_block(&v, piece, 65535));
    EQ(v.len, STRV_MAX);
    EQ(strv_add(&v, ""), -E2BIG);
    strv_free(&v);
    mem_free(piece);
}

TEST(variables_are_set_replaced_and_removed)
{
    Strv v = { 0 };
    OK(env_set(&v, "A=1"));
    OK(env_set(&v, "AB=2"));
    OK(env_set(&v, "C="));
    holds(&v, "A=1|AB=2|C=|");
    STR_EQ(env_get(&v, "A"), "1");
    STR_EQ(env_get(&v, "AB"), "2");
    STR_EQ(env_get(&v, "C"), "");
    PTR_EQ(env_get(&v, "B"), NULL);
    PTR_EQ(env_get(&v, ""), NULL);
    OK(env_set(&v, "AB=much longer=than before"));
    STR_EQ(env_get(&v, "AB"), "much longer=than before");
    OK(env_set(&v, "A"));
    holds(&v, "AB=much longer=than before|C=|");
    OK(env_set(&v, "C"));
    OK(env_set(&v, "NOT_THERE"));
    OK(env_set(&v, "AB"));
    EQ(v.len, 0);
    EQ(env_set(&v, "=x"), -EINVAL);
    EQ(env_set(&v, ""), -EINVAL);
    strv_free(&v);
}

TEST(the_text_shows_newlines)
{
    Strv v = { 0 };
    Text t = { 0 };
    OK(env_set(&v, "A=1\n2"));
    OK(env_set(&v, "B=x"));
    env_text(&v, &t);
    STR_EQ(t.s, "A=1\\n2\nB=x\n");
    text_free(&t);
    strv_free(&v);
}

static uint64_t used(Account *a)
{
    AccountSums s;
    account_sums(a, &s);
    return s.mem_current;
}

static int session(void *arg)
{
    Account *a = arg;
    Strv v = { .account = a };
    Strv copy = { 0 };
    int r = strv_set_block(&v, "one\0two", 7);
    if (r == 0)
        r = strv_append_block(&v, "and\0more", 8);
    if (r == 0)
        r = env_set(&v, "NAME=a value that is long enough to move the block");
    if (r == 0)
        r = env_set(&v, "NAME=short");
    if (r == 0)
        r = strv_copy(&copy, &v, a);
    if (r == 0)
        EQ(used(a), v.size + copy.size);
    strv_free(&v);
    strv_free(&copy);
    return r;
}

TEST(every_byte_is_charged_and_given_back)
{
    Account *a = account_new(NULL);
    int64_t before = count_of(OBJ_STRV);
    test_each_failure(session, a);
    EQ(used(a), 0);
    EQ(count_of(OBJ_STRV), before);
    OK(account_limit_memory(NULL, a, 10, true));
    Strv v = { .account = a };
    OK(strv_set_block(&v, "012345678", 10));
    EQ(strv_add(&v, ""), -ENOMEM);
    EQ(strv_set_block(&v, "0123456789", 10), -ENOMEM);
    holds(&v, "012345678|");
    strv_free(&v);
    account_put(a);
}
