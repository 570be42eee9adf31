/* SPDX-License-Identifier: MIT */
/*
 * Changes of a module by its sections: each change leaves most of it as it was, so that what reads it comes far.
 */
#include "test/soak/mutate.h"

#include <string.h>

enum { SECTIONS = 64 };

typedef struct Part {               /* a section: from its id to its end */
    size_t at, body, end;
} Part;

void put_byte(Text *t, unsigned b)
{
    char c = (char)b;
    text_add(t, &c, 1);
}

void put_leb(Text *t, uint64_t n)
{
    do {
        put_byte(t, (unsigned)(n & 0x7f) | (n > 0x7f ? 0x80 : 0));
        n >>= 7;
    } while (n != 0);
}

void put_sleb(Text *t, int64_t n)
{
    for (;;) {
        unsigned b = (unsigned)((uint64_t)n & 0x7f);
        n >>= 7;
        bool last = (n == 0 && (b & 0x40) == 0) || (n == -1 && (b & 0x40) != 0);
        put_byte(t, last ? b : b | 0x80);
        if (last)
            return;
    }
}

static unsigned find_parts(const Text *t, Part *parts)
{
    unsigned count = 0;
    size_t at = 8;
    while (at < t->len && count < SECTIONS) {
        size_t p = at + 1;
        uint64_t n = 0;
        for (unsigned shift = 0; p < t->len && shift < 35; shift += 7) {
            uint8_t b = (uint8_t)t->s[p++];
            n |= (uint64_t)(b & 0x7f) << shift;
            if ((b & 0x80) == 0)
                break;
        }
        if (n > t->len - p)
            break;
        parts[count++] = (Part){ .at = at, .body = p, .end = p + (size_t)n };
        at = p + (size_t)n;
    }
    return count;
}

/* t with the bytes from..to replaced. */
static void splice(Text *t, size_t from, size_t to, const char *s, size_t n)
{
    Text made = { 0 };
    text_add(&made, t->s, from);
    text_add(&made, s, n);
    text_add(&made, t->s + to, t->len - to);
    text_free(t);
    *t = made;
}

/* A section's body is other bytes now; its length is told right. */
static void replace_body(Text *t, const Part *p, const char *s, size_t n)
{
    Text section = { 0 };
    put_byte(&section, (uint8_t)t->s[p->at]);
    put_leb(&section, n);
    text_add(&section, s, n);
    splice(t, p->at, p->end, section.s, section.len);
    text_free(&section);
}

static void flip(Rng *r, Text *t, size_t from, size_t to)
{
    if (to <= from)
        return;
    for (unsigned n = 1 + rng_below(r, 8); n > 0; n--)
        t->s[from + rng_below(r, (uint32_t)(to - from))] ^= (char)(1u << rng_below(r, 8));
}

static void put_extreme(Rng *r, Text *t, size_t at)
{
    static const struct {
        const char *s;
        unsigned n;
    } numbers[] = {
        { "\xff\xff\xff\xff\x0f", 5 },
        { "\xff\xff\xff\xff\x7f", 5 },
        { "\x80\x80\x80\x80\x00", 5 },
        { "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 10 },
        { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10 },
        { "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 12 },
        { "\xff\xff\xff\xff\x07", 5 },
        { "\x80\x80\x04", 3 },
        { "\xff\xff\x03", 3 },
        { "\x00", 1 },
    };
    unsigned i = rng_below(r, (uint32_t)LEN(numbers));
    bool over = rng_below(r, 2) == 0 && at < t->len;
    splice(t, at, over ? at + 1 : at, numbers[i].s, numbers[i].n);
}

static void swap(Text *t, const Part *a, const Part *b)
{
    const Part *low = a->at < b->at ? a : b, *high = low == a ? b : a;
    Text made = { 0 };
    if (low == high)
        return;
    text_add(&made, t->s, low->at);
    text_add(&made, t->s + high->at, high->end - high->at);
    text_add(&made, t->s + low->end, high->at - low->end);
    text_add(&made, t->s + low->at, low->end - low->at);
    text_add(&made, t->s + high->end, t->len - high->end);
    text_free(t);
    *t = made;
}

static void duplicate(Text *t, const Part *p, size_t at)
{
    AUTO_FREE char *copy = mem_dup(t->s + p->at, p->end - p->at);
    if (copy != NULL)
        splice(t, at, at, copy, p->end - p->at);
}

/* The count that most sections begin with becomes huge, or the bytes behind it are doubled. */
static void grow_body(Rng *r, Text *t, const Part *p)
{
    Text body = { 0 };
    if (rng_below(r, 2) == 0) {
        put_leb(&body, UINT64_C(1) << rng_below(r, 36));
        if (p->end > p->body)
            text_add(&body, t->s + p->body + 1, p->end - p->body - 1);
    } else {
        text_add(&body, t->s + p->body, p->end - p->body);
        text_add(&body, t->s + p->body, p->end - p->body);
    }
    replace_body(t, p, body.s, body.len);
    text_free(&body);
}

static void random_bytes_in(Rng *r, Text *t, const Part *p)
{
    size_t n = p->end - p->body;
    if (n == 0)
        return;
    size_t from = p->body + rng_below(r, (uint32_t)n);
    for (size_t i = from; i < p->end && i < from + 1 + rng_below(r, 16); i++)
        t->s[i] = (char)rng_next(r);
}

/* Somewhere inside, and the length is told right, so that what reads it comes to it. */
static void extreme_inside(Rng *r, Text *t, const Part *p)
{
    Text body = { 0 };
    text_add(&body, t->s + p->body, p->end - p->body);
    put_extreme(r, &body, rng_below(r, (uint32_t)(p->end - p->body)));
    replace_body(t, p, body.s, body.len);
    text_free(&body);
}

static void change(Rng *r, Text *t)
{
    Part parts[SECTIONS];
    unsigned count = find_parts(t, parts);
    if (t->len < 9 || count == 0) {
        if (t->len > 0)
            flip(r, t, 0, t->len);
        return;
    }
    Part *p = &parts[rng_below(r, count)], *q = &parts[rng_below(r, count)];
    switch (rng_below(r, 11)) {
    case 0:
        flip(r, t, 0, t->len);
        break;
    case 1:
        flip(r, t, p->body, p->end);
        break;
    case 2:
        t->len = 8 + rng_below(r, (uint32_t)(t->len - 8));
        break;
    case 3:
        swap(t, p, q);
        break;
    case 4:
        duplicate(t, p, q->at);
        break;
    case 5:
        splice(t, p->at, p->end, "", 0);
        break;
    case 6:
        put_extreme(r, t, p->at + 1 + rng_below(r, (uint32_t)(p->end - p->at)));
        break;
    case 7:
        if (p->end > p->body)
            extreme_inside(r, t, p);
        break;
    case 8:
        grow_body(r, t, p);
        break;
    case 9:
        random_bytes_in(r, t, p);
        break;
    default:
        t->s[p->at] = (char)rng_below(r, 16);
        break;
    }
}

void mutate(Rng *r, const char *module, size_t n, Text *out)
{
    text_free(out);
    text_add(out, module, n);
    for (unsigned i = 1 + rng_below(r, 2) * rng_below(r, 3); i > 0 && out->len > 0; i--)
        change(r, out);
}
