/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kern/account.h"
#include "kern/count.h"
#include "kern/text.h"
#include "test/world.h"

/* Lines as they ran, each ended by "|"; "no" fails, "wait N" waits until it was tried so often. */
typedef struct Log {
    Text text;
    unsigned tries;
} Log;

static int run_line(Call *c, void *arg, char *line, size_t len)
{
    Log *log = arg;
    (void)c;
    EQ(line[len], 0);
    if (strncmp(line, "wait", 4) == 0 && ++log->tries < 3)
        return WAIT;
    log->tries = 0;
    if (strncmp(line, "no", 2) == 0)
        return -EBUSY;
    text_add(&log->text, line, len);
    text_put(&log->text, "|");
    memset(line, 'X', len);         /* a line is the callee's to take apart */
    return 0;
}

static int64_t put(Call *c, SynFile *f, Log *log, const char *s)
{
    int64_t r;
    call_begin(c);
    r = syn_write(c, f, s, strlen(s), run_line, log);
    if (r != WAIT)
        call_end(c);
    return r;
}

static void ran(Log *log, const char *lines)
{
    STR_EQ(log->text.s != NULL ? log->text.s : "", lines);
    text_free(&log->text);
}

TEST(lines_run_when_their_newline_comes)
{
    Call c;
    Log log = { 0 };
    SynFile *f = syn_new(NULL);
    call_init(&c, NULL);
    EQ(put(&c, f, &log, "one\ntwo\nth"), 10);
    ran(&log, "one|two|");
    EQ(put(&c, f, &log, "re"), 2);
    EQ(put(&c, f, &log, "e\n\n"), 3);
    ran(&log, "three||");
    EQ(put(&c, f, &log, ""), 0);
    EQ(put(&c, f, &log, "last"), 4);
    ran(&log, "");
    OK(syn_flush(&c, f, run_line, &log));
    ran(&log, "last|");
    OK(syn_flush(&c, f, run_line, &log));
    ran(&log, "");
    syn_free(f);
    call_destroy(&c);
}

TEST(it_does_not_matter_how_a_client_cuts)
{
    static const char all[] = "alpha beta\n\ngamma\n'x y'\nlonger line than the others\nend";
    Call c;
    call_init(&c, NULL);
    for (size_t a = 0; a < sizeof all; a++) {
        for (size_t b = a; b < sizeof all; b++) {
            Log log = { 0 };
            SynFile *f = syn_new(NULL);
            EQ(syn_write(&c, f, all, a, run_line, &log), a);
            EQ(syn_write(&c, f, all + a, b - a, run_line, &log), b - a);
            EQ(syn_write(&c, f, all + b, sizeof all - 1 - (b < sizeof all ? b : 0), run_line, &log),
               sizeof all - 1 - b);
            OK(syn_flush(&c, f, run_line, &log));
            ran(&log, "alpha beta||gamma|'x y'|longer line than the others|end|");
            syn_free(f);
            if (b == sizeof all - 1)
                break;
        }
        if (a == sizeof all - 1)
            break;
    }
    call_destroy(&c);
}

TEST(a_line_that_fails_drops_the_rest_of_its_write)
{
    Call c;
    Log log = { 0 };
    SynFile *f = syn_new(NULL);
    call_init(&c, NULL);
    EQ(put(&c, f, &log, "one\nno\ntwo\nrest"), -EBUSY);
    ran(&log, "one|");
    EQ(put(&c, f, &log, "next\n"), 5);
    ran(&log, "next|");
    EQ(put(&c, f, &log, "n"), 1);
    EQ(put(&c, f, &log, "o\nx\n"), -EBUSY);
    ran(&log, "");
    EQ(put(&c, f, &log, "no"), 2);
    EQ(syn_flush(&c, f, run_line, &log), -EBUSY);
    OK(syn_flush(&c, f, run_line, &log));
    syn_free(f);
    call_destroy(&c);
}

TEST(a_line_that_waits_goes_on_and_those_before_it_ran_once)
{
    Call c;
    Log log = { 0 };
    SynFile *f = syn_new(NULL);
    call_init(&c, NULL);
    EQ(put(&c, f, &log, "wa"), 2);
    const char *s = "it here\nb\nwait\nc\nre";
    call_begin(&c);
    unsigned tries = 0;
    int64_t r;
    while ((r = syn_write(&c, f, s, strlen(s), run_line, &log)) == WAIT)
        tries++;
    EQ(r, strlen(s));
    EQ(tries, 4);
    call_end(&c);
    ran(&log, "wait here|b|wait|c|");
    EQ(put(&c, f, &log, "st\n"), 3);
    ran(&log, "rest|");
    EQ(put(&c, f, &log, "wait"), 4);
    EQ(syn_flush(&c, f, run_line, &log), WAIT);
    EQ(syn_flush(&c, f, run_line, &log), WAIT);
    EQ(syn_flush(&c, f, run_line, &log), 0);
    ran(&log, "wait|");
    syn_free(f);
    call_destroy(&c);
}

static void fill(char *s, size_t n)
{
    memset(s, 'a', n);
}

TEST(a_line_may_have_64_KiB)
{
    Call c;
    Log log = { 0 };
    SynFile *f = syn_new(NULL);
    char *s = mem_alloc(CTL_LINE_MAX + 16);
    call_init(&c, NULL);
    fill(s, CTL_LINE_MAX);
    s[CTL_LINE_MAX] = '\n';
    EQ(syn_write(&c, f, s, CTL_LINE_MAX + 1, run_line, &log), CTL_LINE_MAX + 1);
    EQ(log.text.len, CTL_LINE_MAX + 1);
    text_free(&log.text);
    /* In pieces, and one byte more. */
    fill(s, CTL_LINE_MAX + 1);
    EQ(syn_write(&c, f, s, 40000, run_line, &log), 40000);
    EQ(syn_write(&c, f, s, CTL_LINE_MAX - 40000, run_line, &log), CTL_LINE_MAX - 40000);
    call_begin(&c);
    EQ(syn_write(&c, f, s, 1, run_line, &log), -E2BIG);
    TRUE(c.words[0] != '\0');
    EQ(syn_write(&c, f, s, 1, run_line, &log), -E2BIG);
    EQ(put(&c, f, &log, "\nignored\n"), -E2BIG);
    EQ(put(&c, f, &log, "good\n"), 5);
    ran(&log, "good|");
    fill(s, CTL_LINE_MAX + 1);
    s[CTL_LINE_MAX + 1] = '\n';
    EQ(syn_write(&c, f, s, CTL_LINE_MAX + 2, run_line, &log), -E2BIG);
    EQ(put(&c, f, &log, "good\n"), 5);
    ran(&log, "good|");
    /* Let go of in the middle of such a line: the next one is a new line. */
    EQ(syn_write(&c, f, s, 40000, run_line, &log), 40000);
    EQ(syn_write(&c, f, s, 40000, run_line, &log), -E2BIG);
    OK(syn_flush(&c, f, run_line, &log));
    EQ(put(&c, f, &log, "good\n"), 5);
    ran(&log, "good|");
    mem_free(s);
    syn_free(f);
    call_destroy(&c);
}

/* A walk is remembered over a wait, but only for its own line. */
static int walk_line(Call *c, void *arg, char *line, size_t len)
{
    unsigned *tries = arg;
    AUTO_CHAN Chan *ch = NULL;
    (void)len;
    OK(walk_path(c, walk_self(c), line, 0, &ch));
    STR_EQ(ch->path->s, line);
    return ++*tries % 2 == 1 ? WAIT : 0;        /* each at its first try */
}

TEST(each_line_walks_its_own_paths)
{
    World w = world("/a/ /b/");
    SynFile *f = syn_new(NULL);
    unsigned tries = 0;
    static const char lines[] = "/a\n/b\n/a\n";
    call_begin(w.call);
    for (int i = 0; i < 3; i++) {
        EQ(syn_write(w.call, f, lines, sizeof lines - 1, walk_line, &tries), WAIT);
        w.call->walk_next = 0;                  /* as call_park does */
    }
    EQ(syn_write(w.call, f, lines, sizeof lines - 1, walk_line, &tries), (int64_t)sizeof lines - 1);
    call_end(w.call);
    EQ(tries, 6);
    syn_free(f);
    world_end(&w);
}

/* ---- texts -------------------------------------------------------------------------------------------------------- */

static int make_numbered(Call *c, void *arg, Text *out)
{
    unsigned *n = arg;
    (void)c;
    if (++*n == 3)
        return WAIT;
    if (*n == 5)
        return -ESRCH;
    text_printf(out, "text %u\n", *n);
    return 0;
}

TEST(a_text_is_made_at_offset_0_and_kept)
{
    Call c;
    unsigned n = 0;
    char buf[16];
    SynFile *f = syn_new(NULL);
    call_init(&c, NULL);
    EQ(syn_read(&c, f, buf, 4, 0, make_numbered, &n), 4);
    EQ(syn_read(&c, f, buf + 4, 12, 4, make_numbered, &n), 3);
    MEM_EQ(buf, "text 1\n", 7);
    EQ(syn_read(&c, f, buf, 16, 7, make_numbered, &n), 0);
    EQ(syn_read(&c, f, buf, 16, UINT64_MAX, make_numbered, &n), 0);
    EQ(syn_read(&c, f, buf, 16, 0, make_numbered, &n), 7);
    MEM_EQ(buf, "text 2\n", 7);
    EQ(syn_read(&c, f, buf, 16, 0, make_numbered, &n), WAIT);
    EQ(syn_read(&c, f, buf, 16, 5, make_numbered, &n), 2);
    EQ(syn_read(&c, f, buf, 16, 0, make_numbered, &n), 7);
    MEM_EQ(buf, "text 4\n", 7);
    EQ(syn_read(&c, f, buf, 16, 0, make_numbered, &n), -ESRCH);
    syn_free(f);
    f = syn_new(NULL);
    EQ(syn_read(&c, f, buf, 16, 5, make_numbered, &n), 2);      /* somebody who begins further on */
    syn_free(f);
    call_destroy(&c);
}

static int syn_session(void *arg)
{
    Call c;
    Log log = { 0 };
    unsigned n = 0;
    char buf[700];
    SynFile *f = syn_new(NULL);
    (void)arg;
    if (f == NULL)
        return -ENOMEM;
    memset(buf, 'b', sizeof buf);
    buf[699] = '\n';
    call_init(&c, NULL);
    int64_t r = syn_read(&c, f, buf, 4, 0, make_numbered, &n);
    if (r >= 0)
        r = syn_write(&c, f, "par", 3, run_line, &log);
    if (r >= 0)
        r = syn_write(&c, f, "tial\nmore", 9, run_line, &log);
    if (r >= 0)
        r = syn_write(&c, f, buf, sizeof buf, run_line, &log);
    text_free(&log.text);
    syn_free(f);
    call_destroy(&c);
    return r < 0 ? (int)r : 0;
}

static int make_plain(Call *c, void *arg, Text *out)
{
    (void)c, (void)arg;
    text_put(out, "a text that is made again and again");
    return 0;
}

TEST(a_text_is_paid_for_once)
{
    Call c;
    char s[64];
    AccountSums first, last;
    Account *a = account_new(NULL);
    SynFile *f = syn_new(a);
    call_init(&c, NULL);
    TRUE(syn_read(&c, f, s, sizeof s, 0, make_plain, NULL) > 0);
    account_sums(a, &first);
    for (int i = 0; i < 10; i++)
        TRUE(syn_read(&c, f, s, sizeof s, 0, make_plain, NULL) > 0);
    account_sums(a, &last);
    EQ(last.mem_current, first.mem_current);
    syn_free(f);
    account_sums(a, &last);
    EQ(last.mem_current, 0);
    call_destroy(&c);
    account_put(a);
}

TEST(without_memory_nothing_stays)
{
    int64_t before = count_of(OBJ_SYNFILE);
    test_each_failure(syn_session, NULL);
    EQ(count_of(OBJ_SYNFILE), before);
}
