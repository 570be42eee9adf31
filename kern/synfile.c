/* SPDX-License-Identifier: MIT */
/*
 * Open synthetic files: a text that is made when it is read from its start, and control lines however a client cuts its writes.
 *
 * SynFile.lock guards the text and the unfinished line; it is not held while a text is made or a line runs. A line that has to
 * wait stays where it was, in the file and in the caller's buffer, and is put together again at the next try.
 */
#include <string.h>

#include "kern/account.h"
#include "kern/count.h"
#include "kern/text.h"
#include "kern/walk.h"

enum { LINE_ON_STACK = 512 };

SynFile *syn_new(Account *a)
{
    SynFile *f = account_alloc(a, sizeof *f);
    if (f == NULL)
        return NULL;
    f->account = a == NULL ? NULL : account_get(a);
    mutex_init(&f->lock, RANK_CHAN);
    count_add(OBJ_SYNFILE, f);
    return f;
}

void syn_free(SynFile *f)
{
    if (f == NULL)
        return;
    count_sub(OBJ_SYNFILE, f);
    Account *a = f->account;
    text_free(&f->text);
    account_uncharge(a, f->charged);
    account_free(a, f->line, f->line_len);
    mutex_destroy(&f->lock);
    account_free(a, f, sizeof *f);
    if (a != NULL)
        account_put(a);
}

/* ---- texts -------------------------------------------------------------------------------------------------------- */

/* Puts a new text in the place of the old one. */
static int make_text(Call *c, SynFile *f, int (*make)(Call *c, void *arg, Text *out), void *arg)
{
    Text made = { 0 };
    int r = make(c, arg, &made);
    if (r == 0)
        r = text_ok(&made);
    if (r == 0)
        r = account_charge(f->account, made.len);
    if (r < 0) {
        text_free(&made);
        return r;
    }
    mutex_lock(&f->lock);
    Text old = f->text;
    size_t charged = f->charged;
    f->text = made;
    f->charged = made.len;
    mutex_unlock(&f->lock);
    text_free(&old);
    account_uncharge(f->account, charged);
    return 0;
}

int64_t syn_read(Call *c, SynFile *f, void *buf, size_t n, uint64_t off, int (*make)(Call *c, void *arg, Text *out),
                 void *arg)
{
    mutex_lock(&f->lock);
    bool wanted = off == 0 || f->text.s == NULL;
    mutex_unlock(&f->lock);
    if (wanted) {
        int r = make_text(c, f, make, arg);
        if (r != 0)
            return r;
    }
    mutex_lock(&f->lock);
    size_t got = off < f->text.len ? f->text.len - (size_t)off : 0;
    if (got > n)
        got = n;
    if (got > 0)
        memcpy(buf, f->text.s + off, got);
    mutex_unlock(&f->lock);
    return (int64_t)got;
}

/* ---- lines -------------------------------------------------------------------------------------------------------- */

static void line_clear_locked(SynFile *f)
{
    assert_held(&f->lock);
    account_free(f->account, f->line, f->line_len);
    f->line = NULL;
    f->line_len = 0;
}

static int line_too_long(Call *c)
{
    return fail(c, -E2BIG, "a line may have %u bytes", CTL_LINE_MAX);
}

/* Keeps the n bytes at s for the newline to come. */
static int line_keep(Call *c, SynFile *f, const char *s, size_t n)
{
    int r = 0;
    if (n == 0)
        return 0;
    mutex_lock(&f->lock);
    if (f->overflow || n > CTL_LINE_MAX - f->line_len) {
        line_clear_locked(f);
        f->overflow = true;
        r = -E2BIG;
    } else {
        r = account_charge(f->account, n);
        char *line = r == 0 ? mem_resize(f->line, f->line_len + n) : NULL;
        if (r == 0 && line == NULL) {
            account_uncharge(f->account, n);
            r = -ENOMEM;
        } else if (r == 0) {
            memcpy(line + f->line_len, s, n);
            f->line = line;
            f->line_len += n;
        }
    }
    mutex_unlock(&f->lock);
    return r == -E2BIG ? line_too_long(c) : r;
}

/*
 * Puts together what is kept and the n bytes at s, with a NUL behind it; into few when it fits there, else *many is allocated.
 * Returns the length, -E2BIG or -ENOMEM.
 */
static int64_t line_whole(SynFile *f, const char *s, size_t n, char *few, char **many)
{
    int64_t r = -E2BIG;
    mutex_lock(&f->lock);
    if (f->overflow || n > CTL_LINE_MAX - f->line_len) {
        f->overflow = false;
        line_clear_locked(f);
    } else {
        size_t len = f->line_len + n;
        char *line = len < LINE_ON_STACK ? few : mem_resize(NULL, len + 1);
        r = line != NULL ? (int64_t)len : -ENOMEM;
        if (line != NULL) {
            if (f->line_len > 0)
                memcpy(line, f->line, f->line_len);
            if (n > 0)
                memcpy(line + f->line_len, s, n);
            line[len] = '\0';
            *many = line != few ? line : NULL;
        }
    }
    mutex_unlock(&f->lock);
    return r;
}

/* Runs the line that ends with the n bytes at s. Unless it has to wait, nothing of it is kept. */
static int line_run(Call *c, SynFile *f, const char *s, size_t n, LineFn *run, void *arg)
{
    char few[LINE_ON_STACK];
    AUTO_FREE char *many = NULL;
    int64_t len = line_whole(f, s, n, few, &many);
    if (len == -E2BIG)
        return line_too_long(c);
    int r = len < 0 ? (int)len : run(c, arg, many != NULL ? many : few, (size_t)len);
    if (r == WAIT)
        return WAIT;
    walk_forget(c);                 /* the next line walks paths of its own */
    mutex_lock(&f->lock);
    line_clear_locked(f);
    mutex_unlock(&f->lock);
    return r < 0 ? r : 0;
}

int64_t syn_write(Call *c, SynFile *f, const void *buf, size_t n, LineFn *run, void *arg)
{
    const char *s = buf;
    size_t at = c->done <= n ? c->done : 0;
    int r = 0;
    while (r == 0) {
        const char *newline = at < n ? memchr(s + at, '\n', n - at) : NULL;
        if (newline == NULL) {
            r = line_keep(c, f, s + at, n - at);
            break;
        }
        size_t end = (size_t)(newline - s);
        r = line_run(c, f, s + at, end - at, run, arg);
        if (r == 0)
            c->done = at = end + 1;
    }
    if (r == WAIT)
        return WAIT;
    c->done = 0;
    return r < 0 ? r : (int64_t)n;
}

int syn_flush(Call *c, SynFile *f, LineFn *run, void *arg)
{
    mutex_lock(&f->lock);
    bool nothing = f->line_len == 0;
    f->overflow = false;            /* that line has failed a write already */
    mutex_unlock(&f->lock);
    return nothing ? 0 : line_run(c, f, NULL, 0, run, arg);
}
