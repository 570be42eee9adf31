/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kern/text.h"
#include "test/test.h"

enum { MOST = 8 };

/* The words of line with "|" between them, or the error as text. */
static const char *split(const char *line, size_t len)
{
    static char out[256];
    char copy[256];
    char *argv[MOST];
    memcpy(copy, line, len);
    copy[len] = '#';                /* the NUL is ctl_split's to write */
    int n = ctl_split(copy, len, argv, MOST);
    if (n < 0)
        return n == -EINVAL ? "EINVAL" : n == -E2BIG ? "E2BIG" : "?";
    out[0] = '\0';
    for (int i = 0; i < n; i++) {
        strcat(out, argv[i]);
        strcat(out, "|");
    }
    return out;
}

static void splits(const char *line, const char *words)
{
    STR_EQ(split(line, strlen(line)), words);
}

TEST(blanks_separate_and_quotes_keep_together)
{
    splits("", "");
    splits(" \t ", "");
    splits("a", "a|");
    splits("  bind -r  /a\t/b ", "bind|-r|/a|/b|");
    splits("'a b' \"c d\"", "a b|c d|");
    splits("a'b'\"c\"d", "abcd|");
    splits("'' \"\"", "||");
    splits("x ''", "x||");
}

TEST(backslashes_as_in_the_shell)
{
    splits("a\\ b", "a b|");
    splits("\\'x\\\"", "'x\"|");
    splits("'a\\b'", "a\\b|");
    splits("\"a\\\"b\\\\c\\d\\$\"", "a\"b\\c\\d$|");
    splits("a\\", "EINVAL");
    splits("\\\\", "\\|");
}

TEST(dollar_quotes)
{
    splits("$'a\\nb'", "a\nb|");
    splits("$'\\t\\r\\\\\\'\\\"\\a\\b\\e\\f\\v'", "\t\r\\'\"\a\b\033\f\v|");
    splits("$'\\x41\\x4'", "A\004|");
    splits("$'\\101\\60'", "A0|");
    splits("$'\\1012'", "A2|");
    splits("$'\\x4142'", "A42|");
    splits("$HOME $ '$x'", "$HOME|$|$x|");
    splits("$'\\xg'", "EINVAL");
    splits("$'\\x'", "EINVAL");
    splits("$'\\q'", "EINVAL");
    splits("$'\\0'", "EINVAL");
    splits("$'\\x00'", "EINVAL");
    splits("$'\\400'", "EINVAL");
    splits("$'\\", "EINVAL");
    splits("$'a", "EINVAL");
}

TEST(what_is_not_closed_or_holds_a_nul_is_refused)
{
    splits("'a", "EINVAL");
    splits("\"a", "EINVAL");
    splits("\"a\\\"", "EINVAL");
    STR_EQ(split("a\0b", 3), "EINVAL");
    STR_EQ(split("'\0'", 3), "EINVAL");
    STR_EQ(split("\"\\\0\"", 4), "EINVAL");
    STR_EQ(split("\\\0", 2), "EINVAL");
    STR_EQ(split("$'\\\0'", 5), "EINVAL");
    splits("1 2 3 4 5 6 7 8", "1|2|3|4|5|6|7|8|");
    splits("1 2 3 4 5 6 7 8 9", "E2BIG");
}

/* ---- verbs -------------------------------------------------------------------------------------------------------- */

typedef struct Seen {
    int argc;
    char last[64];
} Seen;

static int note(Call *c, void *object, int argc, char **argv)
{
    Seen *s = object;
    (void)c;
    s->argc = argc;
    PTR_EQ(argv[argc], NULL);
    strncpy(s->last, argv[argc - 1], sizeof s->last - 1);
    return strcmp(argv[0], "fail") == 0 ? -EBUSY : 0;
}

static const CtlVerb verbs[] = {
    { "start", 0, 0, note, "start  runs the program" },
    { "kill", 1, 2, note, "kill N|NAME [tree|group]  sends a signal" },
    { "cmd", 1, -1, note, "cmd PROGRAM ARG...  what start runs" },
    { "fail", 0, 0, note, NULL },
};

static int run(Call *c, Seen *s, const char *line)
{
    char copy[256];
    strcpy(copy, line);
    call_begin(c);
    int r = ctl_run(c, verbs, LEN(verbs), s, copy, strlen(copy));
    call_end(c);
    return r;
}

TEST(a_verb_is_found_and_its_arguments_are_counted)
{
    Call c;
    Seen s = { 0 };
    call_init(&c, NULL);
    OK(run(&c, &s, "start"));
    EQ(s.argc, 1);
    OK(run(&c, &s, "kill 9 tree"));
    EQ(s.argc, 3);
    STR_EQ(s.last, "tree");
    s.argc = 0;
    OK(run(&c, &s, "   "));
    EQ(s.argc, 0);
    EQ(run(&c, &s, "fail"), -EBUSY);
    EQ(run(&c, &s, "stop"), -EINVAL);
    STR_EQ(c.words, "stop: there is no such verb");
    EQ(run(&c, &s, "kill"), -EINVAL);
    STR_EQ(c.words, "kill: too few arguments: kill N|NAME [tree|group]  sends a signal");
    EQ(run(&c, &s, "start now"), -EINVAL);
    STR_EQ(c.words, "start: too many arguments: start  runs the program");
    EQ(run(&c, &s, "kill '9"), -EINVAL);
    TRUE(c.words[0] != '\0');
    call_destroy(&c);
}

TEST(any_number_of_words)
{
    Call c;
    Seen s = { 0 };
    char *line = mem_alloc(CTL_LINE_MAX + 1);
    call_init(&c, NULL);
    memcpy(line, "cmd", 3);
    for (unsigned i = 0; i < 20000; i++)
        memcpy(line + 3 + 2 * i, " x", 2);
    OK(ctl_run(&c, verbs, LEN(verbs), &s, line, 3 + 2 * 20000));
    EQ(s.argc, 20001);
    memset(line, ' ', CTL_LINE_MAX);
    OK(ctl_run(&c, verbs, LEN(verbs), &s, line, CTL_LINE_MAX));
    mem_free(line);
    call_destroy(&c);
}

static int run_long(void *arg)
{
    Call c;
    Seen s = { 0 };
    char line[256] = "cmd";
    (void)arg;
    for (unsigned i = 0; i < 60; i++)
        strcat(line, " w");
    call_init(&c, NULL);
    int r = ctl_run(&c, verbs, LEN(verbs), &s, line, strlen(line));
    call_destroy(&c);
    return r;
}

TEST(a_long_line_without_memory_is_enomem)
{
    test_each_failure(run_long, NULL);
}

TEST(the_help_has_a_line_a_verb)
{
    Text t = { 0 };
    ctl_help(verbs, LEN(verbs), &t);
    STR_EQ(t.s, "start  runs the program\nkill N|NAME [tree|group]  sends a signal\n"
                "cmd PROGRAM ARG...  what start runs\nfail\n");
    text_free(&t);
}
