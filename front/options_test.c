/* SPDX-License-Identifier: MIT */
/*
 * The options of taskfs(1), and what they say when they are wrong.
 */
#include "front/options.h"

#include <string.h>

#include "test/test.h"

enum { WORDS = 16 };

/* Splits at blanks; the words stay in line. */
static int parse_of(Call *c, OptionsOf of, char *line, Options *o)
{
    static char *argv[WORDS];
    int argc = 0;
    argv[argc++] = "run";
    for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    c->words[0] = '\0';
    return options_parse(c, of, argc, argv, o);
}

static int parse(Call *c, char *line, Options *o)
{
    return parse_of(c, OPTIONS_RUN, line, o);
}

static void refuses_of(OptionsOf of, const char *text, const char *why)
{
    Call c;
    Options o;
    char line[128];
    strcpy(line, text);
    call_init(&c, NULL);
    TRUE(parse_of(&c, of, line, &o) < 0);
    if (strstr(c.words, why) == NULL)
        FAIL("%s: \"%s\" does not say \"%s\"", text, c.words, why);
    call_destroy(&c);
}

static void refuses(const char *text, const char *why)
{
    refuses_of(OPTIONS_RUN, text, why);
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
    char letters[] = "-v -h -x";
    OK(parse(&c, letters, &o));
    TRUE(o.help && o.verbose);
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

TEST(each_command_has_its_own)
{
    Call c;
    Options o;
    char line[] = "--bare --allow-other --nonempty -v --dir /::/g dir ls --env x";
    call_init(&c, NULL);
    OK(parse_of(&c, OPTIONS_MOUNT, line, &o));
    TRUE(o.bare && o.allow_other && o.nonempty && o.verbose);
    EQ(o.ngrant, 1);
    EQ(o.argc, 4);
    STR_EQ(o.argv[0], "dir");
    options_free(&o);
    call_destroy(&c);
    refuses_of(OPTIONS_MOUNT, "--bare", "no DIR");
    refuses_of(OPTIONS_MOUNT, "--inside dir", "unknown option --inside");
    refuses_of(OPTIONS_RUN, "--nonempty prog", "unknown option --nonempty");
}

TEST(a_mistyped_option_is_recognized)
{
    refuses("--dri / prog", "--dri; --dir is one");
    refuses("--mem-limit=64M prog", "--mem-limit=64M; --memlimit is one");
    refuses_of(OPTIONS_MOUNT, "--allow_other dir", "--allow-other is one");
}

static void help_fits(OptionsOf of, const char *option)
{
    Text t = { 0 };
    options_help(of, &t);
    OK(text_ok(&t));
    TRUE(strstr(t.s, option) != NULL);
    for (const char *line = t.s, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        if (end - line >= 80)
            FAIL("%.*s", (int)(end - line), line);
    text_free(&t);
}

TEST(help_has_every_option_in_eighty_columns)
{
    help_fits(OPTIONS_RUN, "  --memlimit SIZE             what");
    help_fits(OPTIONS_RUN, "  -v, --verbose               say");
    help_fits(OPTIONS_MOUNT, "  --allow-other               other");
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
