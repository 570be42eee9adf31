/* SPDX-License-Identifier: MIT */
/*
 * Control lines: splitting by the shell's quotes, and the table of verbs that each control file is. Nothing here keeps state.
 * Spec: POSIX.1-2024, Shell Command Language, 2.2 Quoting ($'...' included).
 */
#include <string.h>

#include "kern/call.h"
#include "kern/text.h"

enum { WORDS_ON_STACK = 32 };

/* Where a line is read and, never further on, where its words are written. */
typedef struct Splitter {
    const char *in, *end;
    char *out;
} Splitter;

static bool is_blank(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\n';
}

static int hex_value(char ch)
{
    if (ch >= '0' && ch <= '9')
        return ch - '0';
    if (ch >= 'a' && ch <= 'f')
        return ch - 'a' + 10;
    return ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
}

/* \NNN or \xHH of $'...'; the character behind the backslash is *s->in. -EINVAL for a NUL byte, or no digit. */
static int put_number(Splitter *s)
{
    bool hex = *s->in == 'x';
    unsigned value = 0;
    int most = hex ? 2 : 3;
    int n = 0;
    s->in += hex;
    while (n < most && s->in < s->end) {
        int digit = hex_value(*s->in);
        if (digit < 0 || (!hex && digit > 7))
            break;
        value = value * (hex ? 16 : 8) + (unsigned)digit;
        s->in++;
        n++;
    }
    if (n == 0 || (value & 0xff) == 0)
        return -EINVAL;
    *s->out++ = (char)value;
    return 0;
}

/* The escape of $'...' behind a backslash. */
static int put_escape(Splitter *s)
{
    static const char from[] = "ntr\\'\"abefv?";
    static const char to[] = "\n\t\r\\'\"\a\b\033\f\v?";
    if (s->in == s->end || *s->in == '\0')
        return -EINVAL;
    const char *at = strchr(from, *s->in);
    if (at == NULL)
        return put_number(s);
    *s->out++ = to[at - from];
    s->in++;
    return 0;
}

/* The rest of a quoted part; its opening quote is read already. */
static int put_quoted(Splitter *s, char quote, bool escapes)
{
    while (s->in < s->end) {
        char ch = *s->in++;
        if (ch == '\0')
            return -EINVAL;
        if (ch == quote)
            return 0;
        if (ch == '\\' && escapes) {
            int r = put_escape(s);
            if (r < 0)
                return r;
            continue;
        }
        /* Between double quotes a backslash counts before what the shell would take there. */
        if (ch == '\\' && quote == '"' && s->in < s->end && *s->in != '\0' && strchr("$`\"\\", *s->in) != NULL)
            ch = *s->in++;
        *s->out++ = ch;
    }
    return -EINVAL;
}

/* One word, its first character not yet read. */
static int put_word(Splitter *s)
{
    while (s->in < s->end && !is_blank(*s->in)) {
        char ch = *s->in++;
        int r = 0;
        if (ch == '\0') {
            return -EINVAL;
        } else if (ch == '\'' || ch == '"') {
            r = put_quoted(s, ch, false);
        } else if (ch == '$' && s->in < s->end && *s->in == '\'') {
            s->in++;
            r = put_quoted(s, '\'', true);
        } else if (ch == '\\') {
            if (s->in == s->end || *s->in == '\0')
                return -EINVAL;
            *s->out++ = *s->in++;
        } else {
            *s->out++ = ch;
        }
        if (r < 0)
            return r;
    }
    return 0;
}

int ctl_split(char *line, size_t len, char **argv, int max)
{
    Splitter s = { .in = line, .end = line + len, .out = line };
    int n = 0;
    for (;;) {
        while (s.in < s.end && is_blank(*s.in))
            s.in++;
        if (s.in == s.end)
            return n;
        if (n == max)
            return -E2BIG;
        argv[n++] = s.out;
        int r = put_word(&s);
        if (r < 0)
            return r;
        /* A blank or the end of the line was read past, or is where the NUL goes. */
        s.in += s.in < s.end;
        *s.out++ = '\0';
    }
}

/* ---- verbs -------------------------------------------------------------------------------------------------------- */

/* No line has more words than this: each but the last has a blank behind it. */
static size_t most_words(const char *line, size_t len)
{
    size_t n = 1;
    for (size_t i = 0; i < len; i++)
        n += is_blank(line[i]);
    return n;
}

static const CtlVerb *find_verb(const CtlVerb *verbs, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static int run_words(Call *c, const CtlVerb *verbs, size_t n, void *object, int argc, char **argv)
{
    const CtlVerb *verb = find_verb(verbs, n, argv[0]);
    if (verb == NULL)
        return fail(c, -EINVAL, "%s: there is no such verb", argv[0]);
    int arguments = argc - 1;
    if (arguments < verb->min || (verb->max >= 0 && arguments > verb->max))
        return fail(c, -EINVAL, "%s: too %s arguments: %s", verb->name, arguments < verb->min ? "few" : "many",
                    verb->help != NULL ? verb->help : verb->name);
    argv[argc] = NULL;
    int r = verb->run(c, object, argc, argv);
    return r < 0 && r != WAIT && c != NULL && c->words[0] == '\0' ? fail(c, r, "%s: error %d", verb->name, -r) : r;
}

int ctl_run(Call *c, const CtlVerb *verbs, size_t n, void *object, char *line, size_t len)
{
    char *few[WORDS_ON_STACK + 1];
    AUTO_FREE char **many = NULL;
    char **argv = few;
    size_t max = most_words(line, len);
    if (max > WORDS_ON_STACK) {
        many = mem_resize(NULL, (max + 1) * sizeof argv[0]);
        if (many == NULL)
            return -ENOMEM;
        argv = many;
    }
    int argc = ctl_split(line, len, argv, (int)max);
    if (argc < 0)
        return fail(c, argc, "a quote is not closed, an escape is unknown, or a NUL byte is inside");
    return argc == 0 ? 0 : run_words(c, verbs, n, object, argc, argv);
}

void ctl_help(const CtlVerb *verbs, size_t n, Text *out)
{
    for (size_t i = 0; i < n; i++)
        text_printf(out, "%s\n", verbs[i].help != NULL ? verbs[i].help : verbs[i].name);
}
