/* SPDX-License-Identifier: MIT */
/*
 * Control lines from hostile clients. The first byte says how many cuts follow, a byte each; the rest is what is written.
 *
 * Whatever is split and quoted again is split into the same words; lines run as a naive model says, however the text is cut, also
 * when some of them fail ("E...") or have to be tried again ("W..."); a block of strings is the same however it is cut.
 */
#include <string.h>

#include "kern/env.h"
#include "kern/text.h"

enum { MAX_WORDS = 40, MAX_CUTS = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- words -------------------------------------------------------------------------------------------------------- */

static void check_numbers(const char *word)
{
    uint64_t u;
    int64_t i;
    char back[32];
    Text t = { 0 };
    if (parse_u64(word, &u) == 0) {
        uint64_t as_size;
        ASSERT(parse_size(word, &as_size) == 0 && as_size == u);
        text_printf(&t, "%llu", (unsigned long long)u);
        ASSERT(parse_u64(t.s, &as_size) == 0 && as_size == u);
    }
    text_free(&t);
    if (parse_i64(word, &i) == 0 && i != INT64_MIN) {
        int64_t again;
        text_printf(&t, "%lld", (long long)-i);
        ASSERT(t.len < sizeof back && parse_i64(t.s, &again) == 0 && again == -i);
    }
    text_free(&t);
}

/* What was split, quoted and split again is what it was. */
static void check_words(int n, char **argv)
{
    Text t = { 0 };
    char *again[MAX_WORDS];
    for (int i = 0; i < n; i++) {
        check_numbers(argv[i]);
        text_quoted(&t, argv[i]);
        text_put(&t, " ");
    }
    if (n > 0) {
        ASSERT(memchr(t.s, '\n', t.len) == NULL);
        ASSERT(ctl_split(t.s, t.len, again, MAX_WORDS) == n);
        for (int i = 0; i < n; i++)
            ASSERT(strcmp(argv[i], again[i]) == 0);
    }
    text_free(&t);
}

static int verb_any(Call *c, void *object, int argc, char **argv)
{
    (void)c;
    ++*(unsigned *)object;
    ASSERT(argc >= 1 && argv[argc] == NULL);
    for (int i = 0; i < argc; i++)
        (void)strlen(argv[i]);
    return 0;
}

static const CtlVerb verbs[] = {
    { "kill", 1, 2, verb_any, "kill N|NAME [tree|group]" },
    { "start", 0, 0, verb_any, "start" },
    { "cmd", 1, -1, verb_any, NULL },
};

static void check_split(Call *c, const uint8_t *data, size_t size)
{
    char *argv[MAX_WORDS];
    unsigned ran = 0;
    char *line = mem_dup(data, size);
    int n = ctl_split(line, size, argv, MAX_WORDS);
    ASSERT(n >= 0 || n == -EINVAL || n == -E2BIG);
    if (n > 0)
        check_words(n, argv);
    mem_free(line);
    line = mem_dup(data, size);
    int r = ctl_run(c, verbs, LEN(verbs), &ran, line, size);
    ASSERT(r == -EINVAL || r == 0);
    ASSERT(ran <= 1 && (n < 0 || ran <= (unsigned)n));
    mem_free(line);
}

/* ---- lines -------------------------------------------------------------------------------------------------------- */

typedef struct Log {
    Text text;
    unsigned tries;
} Log;

static int run_line(Call *c, void *arg, char *line, size_t len)
{
    Log *log = arg;
    (void)c;
    ASSERT(line[len] == '\0');
    if (len > 0 && line[0] == 'W' && ++log->tries % 3 != 0)
        return WAIT;
    text_add(&log->text, line, len);
    text_put(&log->text, "\n");
    return len > 0 && line[0] == 'E' ? -EBUSY : 0;
}

/* The same, a byte at a time. */
typedef struct Model {
    Text ran, line;
    bool overflow;
} Model;

static int64_t model_line(Model *m)
{
    int64_t r = 0;
    if (m->overflow) {
        m->overflow = false;
        return -E2BIG;
    }
    text_add(&m->ran, m->line.s, m->line.len);
    text_put(&m->ran, "\n");
    if (m->line.len > 0 && m->line.s[0] == 'E')
        r = -EBUSY;
    text_free(&m->line);
    return r;
}

static int64_t model_write(Model *m, const char *s, size_t n)
{
    int64_t r = 0;
    for (size_t i = 0; i < n && r == 0; i++) {
        if (s[i] == '\n') {
            r = model_line(m);
            continue;
        }
        text_add(&m->line, s + i, 1);
        if (m->line.len > CTL_LINE_MAX || m->overflow) {
            m->overflow = true;
            text_free(&m->line);
            if (memchr(s + i, '\n', n - i) != NULL)
                m->overflow = false;        /* the newline is in the part that is dropped */
            r = -E2BIG;
        }
    }
    return r < 0 ? r : (int64_t)n;
}

static void same_text(const Text *a, const Text *b)
{
    ASSERT(a->len == b->len);
    ASSERT(a->len == 0 || memcmp(a->s, b->s, a->len) == 0);
}

static void write_part(Call *c, SynFile *f, Log *log, Model *m, const char *s, size_t n)
{
    int64_t r;
    call_begin(c);
    while ((r = syn_write(c, f, s, n, run_line, log)) == WAIT)
        ;
    call_end(c);
    ASSERT(r == model_write(m, s, n));
}

static void check_lines(Call *c, const uint8_t *cuts, size_t cut_count, const char *s, size_t n)
{
    Log log = { 0 };
    Model m = { .overflow = false };
    SynFile *f = syn_new(NULL);
    size_t at = 0;
    for (size_t i = 0; i < cut_count; i++) {
        size_t part = cuts[i] < n - at ? cuts[i] : n - at;
        write_part(c, f, &log, &m, s + at, part);
        at += part;
    }
    write_part(c, f, &log, &m, s + at, n - at);
    int r;
    while ((r = syn_flush(c, f, run_line, &log)) == WAIT)
        ;
    if (m.line.len > 0)
        ASSERT(r == model_line(&m));
    same_text(&log.text, &m.ran);
    text_free(&log.text);
    text_free(&m.ran);
    text_free(&m.line);
    syn_free(f);
}

/* ---- blocks of strings -------------------------------------------------------------------------------------------- */

static void check_block(const uint8_t *cuts, size_t cut_count, const char *s, size_t n)
{
    Strv whole = { 0 };
    Strv cut = { 0 };
    size_t at = 0;
    ASSERT(strv_write(&whole, s, n, 0) == 0);
    for (size_t i = 0; i <= cut_count; i++) {
        size_t part = i < cut_count && cuts[i] < n - at ? cuts[i] : n - at;
        ASSERT(strv_write(&cut, s + at, part, at) == 0);
        at += part;
    }
    ASSERT(whole.len == cut.len && whole.open == cut.open);
    ASSERT(whole.len == 0 || memcmp(whole.s, cut.s, whole.len) == 0);
    /* Every string can be set as a variable, and is found. */
    for (size_t i = 0; i < strv_count(&whole) && i < MAX_WORDS; i++) {
        Strv env = { 0 };
        const char *string = strv_at(&whole, i);
        int r = env_set(&env, string);
        ASSERT(r == (*string == '\0' || *string == '=' ? -EINVAL : 0));
        ASSERT(strv_count(&env) == (r == 0 && strchr(string, '=') != NULL));
        strv_free(&env);
    }
    strv_free(&whole);
    strv_free(&cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t cut_count = data[0] % (MAX_CUTS + 1);
    if (size < 1 + cut_count)
        return 0;
    const uint8_t *cuts = data + 1;
    const uint8_t *text = cuts + cut_count;
    size_t n = size - 1 - cut_count;
    Call c;
    call_init(&c, NULL);
    check_split(&c, text, n);
    check_lines(&c, cuts, cut_count, (const char *)text, n);
    check_block(cuts, cut_count, (const char *)text, n);
    call_destroy(&c);
    return 0;
}
