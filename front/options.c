/* SPDX-License-Identifier: MIT */
/*
 * `taskfs run`'s options: --name VALUE or --name=VALUE, up to the first word that is none, or "--".
 */
#include "front/options.h"

#include <string.h>

#include "kern/text.h"

typedef struct Spec {
    const char *name;
    bool value;
    int (*take)(Call *c, Options *o, char *value);
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

static int take_flag(Call *c, Options *o, char *name)
{
    (void)c;
    if (strcmp(name, "bare") == 0)
        o->bare = true;
    else if (strcmp(name, "inside") == 0)
        o->inside = true;
    else
        o->help = true;
    return 0;
}

static const Spec specs[] = {
    { "dir", true, take_dir },     { "mount", true, take_mount },       { "env", true, take_env },
    { "cwd", true, take_cwd },     { "memlimit", true, take_memlimit }, { "nice", true, take_nice },
    { "bare", false, take_flag },  { "inside", false, take_flag },      { "help", false, take_flag },
};

static const Spec *find(const char *name, size_t n)
{
    for (size_t i = 0; i < LEN(specs); i++)
        if (strlen(specs[i].name) == n && memcmp(specs[i].name, name, n) == 0)
            return &specs[i];
    return NULL;
}

/* One option; *used: how many words it took. */
static int option(Call *c, Options *o, char **argv, int *used)
{
    char *name = argv[0] + 2;
    size_t n = strcspn(name, "=");
    if (strcmp(argv[0], "-h") == 0)
        o->help = true;
    const Spec *s = argv[0][1] == '-' ? find(name, n) : NULL;
    *used = 1;
    if (o->help)
        return 0;
    if (s == NULL || (!s->value && name[n] == '='))
        return fail(c, -EINVAL, "unknown option %s", argv[0]);
    if (!s->value)
        return s->take(c, o, name);
    if (name[n] == '=')
        return s->take(c, o, name + n + 1);
    if (argv[1] == NULL)
        return fail(c, -EINVAL, "%s wants a value", argv[0]);
    *used = 2;
    return s->take(c, o, argv[1]);
}

int options_parse(Call *c, int argc, char **argv, Options *out)
{
    Options o = { .memlimit = UINT64_MAX };
    o.grants = mem_alloc((size_t)argc * sizeof *o.grants);
    o.env = mem_alloc((size_t)argc * sizeof *o.env);
    int r = o.grants == NULL || o.env == NULL ? -ENOMEM : 0, i = 1, used;
    for (; r == 0 && i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i += used) {
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        r = option(c, &o, argv + i, &used);
    }
    o.argc = argc - i;
    o.argv = argv + i;
    if (r == 0 && o.argc <= 0 && !o.help)
        r = fail(c, -EINVAL, "no PROGRAM was named");
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
