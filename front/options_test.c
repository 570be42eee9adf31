/* SPDX-License-Identifier: MIT */
/*
 * The options of `taskfs run`, and what they say when they are wrong.
 */
#include "front/options.h"

#include <string.h>

#include "test/test.h"

enum { WORDS = 16 };

/* Splits at blanks; the words stay in line. */
static int parse(Call *c, char *line, Options *o)
{
    static char *argv[WORDS];
    int argc = 0;
    argv[argc++] = "run";
    for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    c->words[0] = '\0';
    return options_parse(c, argc, argv, o);
}

static void refuses(const char *text, const char *why)
{
    Call c;
    Options o;
    char line[128];
    strcpy(line, text);
    call_init(&c, NULL);
    TRUE(parse(&c, line, &o) < 0);
    if (strstr(c.words, why) == NULL)
        FAIL("%s: \"%s\" does not say \"%s\"", text, c.words, why);
    call_destroy(&c);
}

TEST(options_end_at_the_program)
{
    Call c;
    Options o;
    char line[] = "--env A=1 --env=B --memlimit 64M --nice=-5 --cwd /x --bare --inside prog --env x";
    call_init(&c, NULL);
    OK(parse(&c, line, &o));
    EQ(o.argc, 3);
    STR_EQ(o.argv[0], "prog");
    STR_EQ(o.argv[2], "x");
    EQ(o.nenv, 2);
    STR_EQ(o.env[0], "A=1");
    STR_EQ(o.env[1], "B");
    EQ(o.memlimit, 64 << 20);
    EQ(o.nice, -5);
    STR_EQ(o.cwd, "/x");
    TRUE(o.bare && o.inside && !o.help);
    options_free(&o);
    char dashes[] = "-- --prog";
    OK(parse(&c, dashes, &o));
    STR_EQ(o.argv[0], "--prog");
    options_free(&o);
    char help[] = "--nice 1 --help --nonsense";
    OK(parse(&c, help, &o));
    TRUE(o.help);
    options_free(&o);
    call_destroy(&c);
}

TEST(grants_are_kept_in_order)
{
    Call c;
    Options o;
    char line[] = "--dir / --mount tmpfs::/m --dir /::/g:ro prog";
    call_init(&c, NULL);
    OK(parse(&c, line, &o));
    EQ(o.ngrant, 3);
    STR_EQ(o.grants[0].dst, "/");
    STR_EQ(o.grants[1].type, "tmpfs");
    STR_EQ(o.grants[2].dst, "/g");
    TRUE(o.grants[2].rdonly && !o.grants[0].rdonly);
    options_free(&o);
    call_destroy(&c);
}

TEST(wrong_options_say_why)
{
    refuses("", "no PROGRAM");
    refuses("--bare", "no PROGRAM");
    refuses("--nonsense x", "unknown option --nonsense");
    refuses("-x prog", "unknown option -x");
    refuses("--bare=1 prog", "unknown option --bare=1");
    refuses("--cwd", "wants a value");
    refuses("--memlimit 5X prog", "--memlimit 5X");
    refuses("--nice 20 prog", "from -20 to 19");
    refuses("--nice x prog", "from -20 to 19");
    refuses("--env =x prog", "want NAME=VALUE");
    refuses("--dir /no/such/thing prog", "/no/such/thing");
    refuses("--dir ::/x prog", "want HOST");
    refuses("--mount tmpfs prog", "want TYPE");
}

static int parse_all(void *arg)
{
    Call *c = arg;
    Options o;
    char line[] = "--dir /::/g:ro --mount tar:/x::/m --env A=1 prog";
    int r = parse(c, line, &o);
    if (r == 0)
        options_free(&o);
    return r;
}

TEST(options_that_find_no_memory_leave_nothing)
{
    Call c;
    call_init(&c, NULL);
    test_each_failure(parse_all, &c);
    call_destroy(&c);
}
