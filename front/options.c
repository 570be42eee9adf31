/* SPDX-License-Identifier: MIT */
/*
 * Options: --name VALUE or --name=VALUE, up to the first word that is none, or "--". One table has them all.
 */
#include "front/options.h"

#include <stdio.h>
#include <string.h>

#include "front/front.h"
#include "front/nearest.h"

typedef struct Spec {
    const char *name;
    char letter;                    /* -v; '\0' none */
    unsigned of;                    /* OptionsOf, a bit each */
    const char *value;              /* what --help calls it; NULL: none */
    int (*take)(Call *c, Options *o, char *value);
    const char *help;
} Spec;

static int take_grant(Call *c, Options *o, const char *text, int (*parse)(Call *, const char *, Grant *))
{
    int r = parse(c, text, &o->grants[o->ngrant]);
    if (r == 0)
        o->ngrant++;
    return r;
}

static int take_dir(Call *c, Options *o, char *value)
{
    return take_grant(c, o, value, grant_parse_dir);
}
static int take_mount(Call *c, Options *o, char *value)
{
    return take_grant(c, o, value, grant_parse_mount);
}

static int take_env(Call *c, Options *o, char *value)
{
    if (value[0] == '\0' || value[0] == '=')
        return fail(c, -EINVAL, "--env %s: want NAME=VALUE, or NAME", value);
    o->env[o->nenv++] = value;
    return 0;
}

static int take_cwd(Call *c, Options *o, char *value)
{
    (void)c;
    o->cwd = value;
    return 0;
}

static int take_memlimit(Call *c, Options *o, char *value)
{
    o->memlimit = UINT64_MAX;
    if (strcmp(value, "max") == 0 || parse_size(value, &o->memlimit) == 0)
        return 0;
    return fail(c, -EINVAL, "--memlimit %s: want a size, such as 64M", value);
}

static int take_nice(Call *c, Options *o, char *value)
{
    int64_t n;
    if (parse_i64(value, &n) < 0 || n < -20 || n > 19)
        return fail(c, -EINVAL, "--nice %s: from -20 to 19", value);
    o->nice = (int)n;
    return 0;
}

static int take_bare(Call *c, Options *o, char *value)
{
    (void)c, (void)value;
    o->bare = true;
    return 0;
}
static int take_inside(Call *c, Options *o, char *value)
{
    (void)c, (void)value;
    o->inside = true;
    return 0;
}
static int take_allow_other(Call *c, Options *o, char *value)
{
    (void)c, (void)value;
    o->allow_other = true;
    return 0;
}
static int take_nonempty(Call *c, Options *o, char *value)
{
    (void)c, (void)value;
    o->nonempty = true;
    return 0;
}
static int take_verbose(Call *c, Options *o, char *value)
{
    (void)c, (void)value;
    o->verbose = true;
    return 0;
}
static int take_help(Call *c, Options *o, char *value)
{
    (void)c, (void)value;
    o->help = true;
    return 0;
}

enum { RUN = OPTIONS_RUN, MOUNT = OPTIONS_MOUNT };

static const Spec specs[] = {
    { "dir", 0, RUN | MOUNT, "HOST[::GUEST][:ro]", take_dir,
      "a directory or file of the host, at GUEST or at its own path" },
    { "mount", 0, RUN | MOUNT, "TYPE[:SOURCE]::DST", take_mount,
      "a file system: tmpfs, or tar with SOURCE an archive of the host" },
    { "bare", 0, RUN | MOUNT, NULL, take_bare, "nothing but what is granted" },
    { "env", 0, RUN, "NAME=VALUE", take_env, "a variable; --env NAME takes the host's value" },
    { "cwd", 0, RUN, "DIR", take_cwd, "where it starts; else the host's directory if that is granted, else /" },
    { "memlimit", 0, RUN, "SIZE", take_memlimit, "what it may take of memory: 64M, 1G" },
    { "nice", 0, RUN, "N", take_nice, "from -20, for more of the processor, to 19" },
    { "inside", 0, RUN, NULL, take_inside, "PROGRAM is a file of what it sees, not of the host" },
    { "allow-other", 0, MOUNT, NULL, take_allow_other, "other users of the host may look in, too" },
    { "nonempty", 0, MOUNT, NULL, take_nonempty, "DIR may hold files; they are hidden meanwhile" },
    { "verbose", 'v', RUN | MOUNT, NULL, take_verbose, "say what is done" },
    { "help", 'h', RUN | MOUNT, NULL, take_help, "print this" },
};

static const Spec *find(OptionsOf of, const char *name, size_t n)
{
    for (size_t i = 0; i < LEN(specs); i++)
        if ((specs[i].of & of) != 0 && strlen(specs[i].name) == n && memcmp(specs[i].name, name, n) == 0)
            return &specs[i];
    return NULL;
}

static const Spec *find_letter(OptionsOf of, char letter)
{
    for (size_t i = 0; i < LEN(specs); i++)
        if ((specs[i].of & of) != 0 && specs[i].letter == letter)
            return &specs[i];
    return NULL;
}

static int unknown(Call *c, OptionsOf of, const char *word)
{
    const char *names[LEN(specs)], *meant = NULL;
    char name[32] = "";
    size_t n = 0;
    for (size_t i = 0; i < LEN(specs); i++)
        if ((specs[i].of & of) != 0)
            names[n++] = specs[i].name;
    if (word[1] == '-') {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
        meant = nearest(name, names, n);
    }
    return meant == NULL ? fail(c, -EINVAL, "unknown option %s", word)
                         : fail(c, -EINVAL, "unknown option %s; --%s is one", word, meant);
}

/* One option; *used: how many words it took. */
static int option(Call *c, OptionsOf of, Options *o, char **argv, int *used)
{
    bool is_long = argv[0][1] == '-';
    char *name = argv[0] + 2;
    size_t n = is_long ? strcspn(name, "=") : 0;
    const Spec *s = is_long ? find(of, name, n) : argv[0][2] == '\0' ? find_letter(of, argv[0][1]) : NULL;
    *used = 1;
    if (s == NULL || (s->value == NULL && is_long && name[n] == '='))
        return unknown(c, of, argv[0]);
    if (s->value == NULL)
        return s->take(c, o, NULL);
    if (name[n] == '=')
        return s->take(c, o, name + n + 1);
    if (argv[1] == NULL)
        return fail(c, -EINVAL, "%s wants a value: %s", argv[0], s->value);
    *used = 2;
    return s->take(c, o, argv[1]);
}

int options_parse(Call *c, OptionsOf of, int argc, char **argv, Options *out)
{
    Options o = { .memlimit = UINT64_MAX };
    o.grants = mem_alloc((size_t)argc * sizeof *o.grants);
    o.env = mem_alloc((size_t)argc * sizeof *o.env);
    int r = o.grants == NULL || o.env == NULL ? -ENOMEM : 0, i = 1, used;
    for (; r == 0 && !o.help && i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i += used) {
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        r = option(c, of, &o, argv + i, &used);
    }
    o.argc = argc - i;
    o.argv = argv + i;
    if (r == 0 && o.argc <= 0 && !o.help)
        r = fail(c, -EINVAL, of == OPTIONS_RUN ? "no PROGRAM was named" : "no DIR was named");
    if (r < 0) {
        options_free(&o);
        return r;
    }
    *out = o;
    return 0;
}

void options_free(Options *o)
{
    for (size_t i = 0; i < o->ngrant; i++)
        grant_free(&o->grants[i]);
    mem_free(o->grants);
    mem_free(o->env);
}

void options_say_grants(const Options *o)
{
    for (size_t i = 0; i < o->ngrant; i++)
        complain("%s at %s%s", o->grants[i].source != NULL ? o->grants[i].source : o->grants[i].type, o->grants[i].dst,
                 o->grants[i].rdonly ? ", read-only" : "");
}

/* ---- help ------------------------------------------------------------------------------------------------------- */

enum { HELP_COLUMN = 30, HELP_WIDTH = 79 };

/* Words up to the width, further lines below the first. column: where the line stands. */
static void put_folded(Text *out, size_t column, const char *words)
{
    while (*words != '\0') {
        size_t n = strcspn(words, " ");
        bool fits = column + 1 + n <= HELP_WIDTH;
        text_printf(out, "%s%*s", fits ? "" : "\n", fits ? 1 : HELP_COLUMN, "");
        column = (fits ? column + 1 : HELP_COLUMN) + n;
        text_add(out, words, n);
        words += n + (words[n] == ' ');
    }
    text_put(out, "\n");
}

void options_help(OptionsOf of, Text *out)
{
    for (size_t i = 0; i < LEN(specs); i++) {
        const Spec *s = &specs[i];
        if ((s->of & of) == 0)
            continue;
        char left[HELP_COLUMN] = "", letter[] = { '-', s->letter, ',', ' ', '\0' };
        snprintf(left, sizeof left, "%s--%s%s%s", s->letter != '\0' ? letter : "", s->name, s->value != NULL ? " " : "",
                 s->value != NULL ? s->value : "");
        text_printf(out, "  %-*s", HELP_COLUMN - 3, left);
        put_folded(out, HELP_COLUMN - 1, s->help);
    }
}
