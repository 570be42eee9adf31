/* SPDX-License-Identifier: MIT */
/*
 * Growing text, words quoted so that ctl_split takes them back, and numbers as the control files write them.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kern/text.h"

void auto_free(void *p)
{
    mem_free(*(void **)p);
}

/* Room for n more bytes and a NUL, or failed. */
static bool text_room(Text *t, size_t n)
{
    if (t->failed || n >= SIZE_MAX / 4 - t->len) {
        t->failed = true;
        return false;
    }
    if (t->len + n < t->size)
        return true;
    size_t size = t->size > 0 ? t->size : 64;
    while (size <= t->len + n)
        size *= 2;
    char *s = mem_resize(t->s, size);
    if (s == NULL) {
        t->failed = true;
        return false;
    }
    t->s = s;
    t->size = size;
    return true;
}

void text_add(Text *t, const void *s, size_t n)
{
    if (!text_room(t, n))
        return;
    if (n > 0)
        memcpy(t->s + t->len, s, n);
    t->len += n;
    t->s[t->len] = '\0';
}

void text_put(Text *t, const char *s)
{
    text_add(t, s, strlen(s));
}

void text_printf(Text *t, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int n = vsnprintf(NULL, 0, format, list);
    va_end(list);
    if (n < 0 || !text_room(t, (size_t)n)) {
        t->failed = true;
        return;
    }
    va_start(list, format);
    vsnprintf(t->s + t->len, (size_t)n + 1, format, list);
    va_end(list);
    t->len += (size_t)n;
}

void text_free(Text *t)
{
    mem_free(t->s);
    *t = (Text){ 0 };
}

/* ---- quoting ------------------------------------------------------------------------------------------------------ */

static bool is_plain(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || (ch & 0x80) != 0 ||
           (ch != '\0' && strchr("_-./,:=+@%^", ch) != NULL);
}

/* Everything that a line or a terminal would take for something else. */
static bool is_control(char ch)
{
    return (ch > 0 && ch < ' ') || ch == 0x7f;
}

static void put_escaped(Text *t, const char *s)
{
    text_put(t, "$'");
    for (; *s != '\0'; s++) {
        if (*s == '\n')
            text_put(t, "\\n");
        else if (is_control(*s))
            text_printf(t, "\\x%02x", (unsigned)*s);
        else if (*s == '\'' || *s == '\\')
            text_printf(t, "\\%c", *s);
        else
            text_add(t, s, 1);
    }
    text_put(t, "'");
}

void text_quoted(Text *t, const char *s)
{
    bool plain = *s != '\0';
    bool control = false;
    for (const char *p = s; *p != '\0'; p++) {
        plain = plain && is_plain(*p);
        control = control || is_control(*p);
    }
    if (plain) {
        text_put(t, s);
    } else if (control) {
        put_escaped(t, s);
    } else {
        text_put(t, "'");
        for (; *s != '\0'; s++)
            text_add(t, *s == '\'' ? "'\\''" : s, *s == '\'' ? 4 : 1);
        text_put(t, "'");
    }
}

/* ---- numbers ------------------------------------------------------------------------------------------------------ */

/* Digits from *s on; *s is left behind them. -EINVAL: none, or too large. */
static int digits(const char **s, uint64_t *out)
{
    uint64_t n = 0;
    const char *p = *s;
    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (n > (UINT64_MAX - digit) / 10)
            return -EINVAL;
        n = n * 10 + digit;
    }
    if (p == *s)
        return -EINVAL;
    *s = p;
    *out = n;
    return 0;
}

int parse_u64(const char *s, uint64_t *out)
{
    uint64_t n = 0;
    if (digits(&s, &n) < 0 || *s != '\0')
        return -EINVAL;
    *out = n;
    return 0;
}

int parse_i64(const char *s, int64_t *out)
{
    bool minus = *s == '-';
    uint64_t n = 0;
    s += minus;
    if (digits(&s, &n) < 0 || *s != '\0' || n > (uint64_t)INT64_MAX + minus)
        return -EINVAL;
    *out = !minus ? (int64_t)n : n == 0 ? 0 : -(int64_t)(n - 1) - 1;
    return 0;
}

int parse_size(const char *s, uint64_t *out)
{
    uint64_t n = 0;
    if (digits(&s, &n) < 0)
        return -EINVAL;
    unsigned shift = *s == 'K' || *s == 'k' ? 10 : *s == 'M' || *s == 'm' ? 20 : *s == 'G' || *s == 'g' ? 30 : 0;
    s += shift > 0;
    if (*s != '\0' || n > UINT64_MAX >> shift)
        return -EINVAL;
    *out = n << shift;
    return 0;
}
