/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kern/text.h"
#include "test/test.h"

TEST(text_grows_and_is_ended_by_a_nul)
{
    Text t = { 0 };
    for (unsigned i = 0; i < 1000; i++)
        text_printf(&t, "%u ", i);
    text_put(&t, "end");
    text_add(&t, "a\0b", 3);
    OK(text_ok(&t));
    EQ(t.len, 10 * 2 + 90 * 3 + 900 * 4 + 6);
    EQ(t.s[t.len], 0);
    MEM_EQ(t.s + t.len - 6, "enda\0b", 6);
    text_free(&t);
    EQ(t.len, 0);
    PTR_EQ(t.s, NULL);
}

static int write_text(void *arg)
{
    Text t = { 0 };
    (void)arg;
    for (unsigned i = 0; i < 100; i++) {
        text_put(&t, "word ");
        text_printf(&t, "%u\n", i);
    }
    int r = text_ok(&t);
    text_free(&t);
    return r;
}

TEST(a_text_without_memory_says_so_at_the_end)
{
    test_each_failure(write_text, NULL);
}

static void quotes_as(const char *word, const char *quoted)
{
    Text t = { 0 };
    text_quoted(&t, word);
    STR_EQ(t.s, quoted);
    char *argv[2];
    EQ(ctl_split(t.s, t.len, argv, 2), 1);
    STR_EQ(argv[0], word);
    text_free(&t);
}

TEST(a_quoted_word_is_split_into_itself)
{
    quotes_as("/tmp/plain-1.txt", "/tmp/plain-1.txt");
    quotes_as("", "''");
    quotes_as("two words", "'two words'");
    quotes_as("it's", "'it'\\''s'");
    quotes_as("$HOME `x` \"y\" \\", "'$HOME `x` \"y\" \\'");
    quotes_as("a\nb", "$'a\\nb'");
    quotes_as("a\nb'c\\d\001", "$'a\\nb\\'c\\\\d\\x01'");
    quotes_as("\xc3\xa4", "\xc3\xa4");
    quotes_as("~", "'~'");
    for (unsigned ch = 1; ch < 256; ch++) {
        char word[] = { (char)ch, 'a', (char)ch, '\0' };
        Text t = { 0 };
        char *argv[1];
        text_quoted(&t, word);
        TRUE(memchr(t.s, '\n', t.len) == NULL);
        EQ(ctl_split(t.s, t.len, argv, 1), 1);
        STR_EQ(argv[0], word);
        text_free(&t);
    }
}

TEST(numbers_are_decimal_and_whole)
{
    static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "0x1", "1a", "18446744073709551616", "1K" };
    uint64_t n = 5;
    int64_t i = 5;
    for (unsigned k = 0; k < LEN(bad); k++)
        EQ(parse_u64(bad[k], &n), -EINVAL);
    EQ(n, 5);
    OK(parse_u64("18446744073709551615", &n));
    TRUE(n == UINT64_MAX);
    OK(parse_u64("007", &n));
    EQ(n, 7);
    OK(parse_i64("-20", &i));
    EQ(i, -20);
    OK(parse_i64("-9223372036854775808", &i));
    TRUE(i == INT64_MIN);
    OK(parse_i64("9223372036854775807", &i));
    TRUE(i == INT64_MAX);
    EQ(parse_i64("9223372036854775808", &i), -EINVAL);
    EQ(parse_i64("-9223372036854775809", &i), -EINVAL);
    EQ(parse_i64("-", &i), -EINVAL);
    OK(parse_i64("-0", &i));
    EQ(i, 0);
}

TEST(sizes_take_a_letter)
{
    uint64_t n = 0;
    OK(parse_size("64K", &n));
    EQ(n, 65536);
    OK(parse_size("3M", &n));
    EQ(n, 3 << 20);
    OK(parse_size("2G", &n));
    TRUE(n == UINT64_C(2) << 30);
    OK(parse_size("17", &n));
    EQ(n, 17);
    EQ(parse_size("17179869184G", &n), -EINVAL);
    EQ(parse_size("K", &n), -EINVAL);
    EQ(parse_size("1KB", &n), -EINVAL);
    EQ(parse_size("1T", &n), -EINVAL);
    EQ(parse_size("max", &n), -EINVAL);
    EQ(n, 17);
}

TEST(a_terminal_is_not_told_to_do_anything)
{
    static const struct {
        const char *s, *quoted;
    } cases[] = {
        { "a\x7f", "$'a\\x7f'" }, { "\x1b[2J", "$'\\x1b[2J'" }, { "\t", "$'\\x09'" },
        { "a b", "'a b'" },       { "\xc3\xa9", "\xc3\xa9" },
    };
    for (size_t i = 0; i < LEN(cases); i++) {
        Text t = { 0 };
        text_quoted(&t, cases[i].s);
        STR_EQ(t.s, cases[i].quoted);
        text_free(&t);
    }
}
