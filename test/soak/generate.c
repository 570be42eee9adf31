/* SPDX-License-Identifier: MIT */
/*
 * Modules made up: a few functions of statements that leave the stack as it was, with extreme numbers wherever there is one: addresses,
 * sizes, counts, depths, arguments of WASI calls. Most are valid; some ask for what nobody provides or is too much.
 */
#include <string.h>

#include "engine/wasi.h"
#include "test/soak/mutate.h"

enum { I32 = 0x7f, I64 = 0x7e, VOID_BLOCK = 0x40, MEMORY_SIZE = 65536, PATHS_AT = 1024, CALLS_MAX = 12 };

typedef struct Import {
    const char *name, *params, *results;
} Import;

#define IMPORT(name, params, results, arguments) { #name, params, results },
static const Import imports[] = { WASI_CALLS(IMPORT) };

typedef struct Maker {
    Rng *r;
    unsigned calls[CALLS_MAX], ncalls;      /* what is imported */
    unsigned functions;             /* of its own */
    bool shared, table;
    unsigned budget;                /* statements left */
} Maker;

static const char paths[] =
    "tmp/f1\0/tmp/f1\0../..\0dev/fd/1\0task/self/ctl\0task/new\0tmp/\xff\xfe\0.\0tmp/../tmp/x/\0cap/new/tmpfs\0"
    "task/self/ns/ctl\0task/self/fd/1/ctl\0\0\0dev/zero";

static uint32_t number32(Rng *r)
{
    static const uint32_t edges[] = { 0,
                                      1,
                                      2,
                                      3,
                                      4,
                                      8,
                                      16,
                                      64,
                                      1024,
                                      1025,
                                      PATHS_AT,
                                      4096,
                                      MEMORY_SIZE - 1,
                                      MEMORY_SIZE,
                                      MEMORY_SIZE - 8,
                                      2 * MEMORY_SIZE,
                                      0x7fffffff,
                                      0x80000000,
                                      UINT32_MAX,
                                      UINT32_MAX - 7,
                                      1u << 20,
                                      1u << 28,
                                      0x10000001,
                                      255,
                                      5000 };
    switch (rng_below(r, 4)) {
    case 0:
        return rng_below(r, 8);
    case 1:
        return PATHS_AT + rng_below(r, sizeof paths);
    case 2:
        return rng_next(r) >> rng_below(r, 32);
    default:
        return edges[rng_below(r, (uint32_t)LEN(edges))];
    }
}

static uint64_t number64(Rng *r)
{
    static const uint64_t edges[] = {
        0, 1, INT64_MAX, UINT64_MAX, UINT64_C(1) << 63, UINT32_MAX, UINT64_C(1) << 32, 0x1fffffff
    };
    return rng_below(r, 2) == 0 ? edges[rng_below(r, (uint32_t)LEN(edges))] : number32(r);
}

static void op(Text *t, unsigned code)
{
    put_byte(t, code);
}

static void const32(Text *t, uint32_t n)
{
    op(t, 0x41);
    put_sleb(t, (int32_t)n);
}

static void const64(Text *t, uint64_t n)
{
    op(t, 0x42);
    put_sleb(t, (int64_t)n);
}

static void memarg(Maker *m, Text *t, unsigned align)
{
    put_leb(t, align);
    put_leb(t, rng_below(m->r, 4) == 0 ? number32(m->r) : rng_below(m->r, 64));
}

/* ---- statements ------------------------------------------------------------------------------------------------------- */

static void call_import(Maker *m, Text *t)
{
    if (m->ncalls == 0)
        return;
    unsigned i = rng_below(m->r, m->ncalls);
    const Import *f = &imports[m->calls[i]];
    for (const char *p = f->params; *p != '\0'; p++)
        *p == 'i' ? const32(t, number32(m->r)) : const64(t, number64(m->r));
    op(t, 0x10);
    put_leb(t, i);
    if (f->results[0] != '\0')
        op(t, 0x1a);
}

/* What the vectors and subscriptions of calls are made of: words at low addresses. */
static void poke(Maker *m, Text *t)
{
    const32(t, rng_below(m->r, 512));
    const32(t, number32(m->r));
    op(t, 0x36);
    memarg(m, t, 2);
}

static void memory_op(Maker *m, Text *t)
{
    switch (rng_below(m->r, 5)) {
    case 0:                         /* memory.grow */
        const32(t, rng_below(m->r, 3) == 0 ? number32(m->r) : rng_below(m->r, 20));
        op(t, 0x40);
        op(t, 0);
        op(t, 0x1a);
        break;
    case 1:                         /* memory.fill, copy */
        const32(t, number32(m->r));
        const32(t, number32(m->r));
        const32(t, number32(m->r));
        op(t, 0xfc);
        put_leb(t, 11);
        op(t, 0);
        break;
    case 2:
        const32(t, number32(m->r));
        const32(t, number32(m->r));
        const32(t, number32(m->r));
        op(t, 0xfc);
        put_leb(t, 10);
        op(t, 0);
        op(t, 0);
        break;
    case 3:                         /* i64.load */
        const32(t, number32(m->r));
        op(t, 0x29);
        memarg(m, t, 3);
        op(t, 0x1a);
        break;
    default:                        /* atomic wait, notify */
        const32(t, number32(m->r) & ~3u);
        const32(t, rng_below(m->r, 2));
        const64(t, rng_below(m->r, 2) == 0 ? number64(m->r) : rng_below(m->r, 1000000));
        op(t, 0xfe);
        put_leb(t, 1);
        memarg(m, t, 2);
        op(t, 0x1a);
        break;
    }
}

static void table_op(Maker *m, Text *t)
{
    if (!m->table)
        return;
    if (rng_below(m->r, 2) == 0) {  /* table.grow */
        op(t, 0xd0);
        op(t, 0x70);
        const32(t, number32(m->r));
        op(t, 0xfc);
        put_leb(t, 15);
        op(t, 0);
        op(t, 0x1a);
    } else {                        /* call_indirect */
        const32(t, number32(m->r));
        op(t, 0x11);
        op(t, 0);
        op(t, 0);
    }
}

static void arithmetic(Maker *m, Text *t)
{
    static const uint8_t codes[] = { 0x6d, 0x6e, 0x6f, 0x70, 0x6a, 0x6c, 0x74 };       /* divisions may trap */
    const32(t, number32(m->r));
    const32(t, number32(m->r));
    op(t, codes[rng_below(m->r, (uint32_t)LEN(codes))]);
    op(t, 0x1a);
}

static void statements(Maker *m, Text *t, unsigned depth);

static void nested(Maker *m, Text *t, unsigned depth)
{
    unsigned kind = rng_below(m->r, 3);
    if (kind == 2)
        const32(t, rng_below(m->r, 2));
    op(t, 2 + kind);
    op(t, VOID_BLOCK);
    statements(m, t, depth + 1);
    if (rng_below(m->r, 3) == 0) {
        const32(t, rng_below(m->r, 8) == 0);
        op(t, 0x0d);
        put_leb(t, rng_below(m->r, depth + 2));
    }
    op(t, 0x0b);
}

/* Blocks in blocks in blocks, or a branch with a great table. */
static void deep(Maker *m, Text *t)
{
    if (rng_below(m->r, 2) == 0) {
        unsigned n = 1 + rng_below(m->r, 3000);
        for (unsigned i = 0; i < 2 * n; i++)
            op(t, i < n ? 2 : 0x0b), (void)(i < n ? op(t, VOID_BLOCK), 0 : 0);
        return;
    }
    unsigned n = rng_below(m->r, 5000);
    op(t, 2);
    op(t, VOID_BLOCK);
    const32(t, number32(m->r));
    op(t, 0x0e);
    put_leb(t, n);
    for (unsigned i = 0; i <= n; i++)
        put_leb(t, 0);
    op(t, 0x0b);
}

static void statement(Maker *m, Text *t, unsigned depth)
{
    uint32_t n = rng_below(m->r, 100);
    if (n < 40)
        call_import(m, t);
    else if (n < 60)
        poke(m, t);
    else if (n < 72)
        memory_op(m, t);
    else if (n < 76)
        table_op(m, t);
    else if (n < 82)
        arithmetic(m, t);
    else if (n < 94 && depth < 12)
        nested(m, t, depth);
    else if (n < 95)
        deep(m, t);
    else if (n < 98) {
        op(t, 0x10);
        put_leb(t, m->ncalls + rng_below(m->r, m->functions));      /* may call itself for ever */
    } else if (n < 99)
        op(t, 0x01);
    else
        op(t, rng_below(m->r, 2) == 0 ? 0x00 : (unsigned)rng_next(m->r) & 0xff);
}

static void statements(Maker *m, Text *t, unsigned depth)
{
    for (unsigned n = 1 + rng_below(m->r, 12); n > 0 && m->budget > 0; n--, m->budget--)
        statement(m, t, depth);
}

/* ---- sections --------------------------------------------------------------------------------------------------------- */

static void section(Text *out, unsigned id, Text *body)
{
    put_byte(out, id);
    put_leb(out, body->len);
    if (body->len > 0)
        text_add(out, body->s, body->len);
    text_free(body);
}

static void put_types(Maker *m, Text *out)
{
    Text t = { 0 };
    put_leb(&t, m->ncalls + 1);
    put_byte(&t, 0x60);             /* type 0: nothing, of all functions of its own */
    put_byte(&t, 0);
    put_byte(&t, 0);
    for (unsigned i = 0; i < m->ncalls; i++) {
        const Import *f = &imports[m->calls[i]];
        put_byte(&t, 0x60);
        put_leb(&t, strlen(f->params));
        for (const char *p = f->params; *p != '\0'; p++)
            put_byte(&t, *p == 'i' ? I32 : I64);
        put_leb(&t, strlen(f->results));
        if (f->results[0] != '\0')
            put_byte(&t, I32);
    }
    section(out, 1, &t);
}

static void put_name(Text *t, const char *s)
{
    put_leb(t, strlen(s));
    text_put(t, s);
}

static void put_memory_type(Maker *m, Text *t)
{
    static const uint32_t sizes[] = { 0, 1, 2, 16, 1000, 20000, 65535, 65536, 65537 };
    uint32_t min = rng_below(m->r, 8) == 0 ? sizes[rng_below(m->r, (uint32_t)LEN(sizes))] : 1;
    put_byte(t, m->shared ? 3 : rng_below(m->r, 10) == 0 ? rng_next(m->r) & 15 : 0);
    put_leb(t, min);
    if (m->shared || (t->s[t->len - 2] & 1) != 0)
        put_leb(t, min + rng_below(m->r, 100));
}

static void put_imports(Maker *m, Text *out)
{
    Text t = { 0 };
    bool missing = rng_below(m->r, 20) == 0;
    put_leb(&t, m->ncalls + (m->shared ? 1 : 0));
    for (unsigned i = 0; i < m->ncalls; i++) {
        put_name(&t, missing && i == 0 ? "nobody" : WASI_MODULE);
        put_name(&t, imports[m->calls[i]].name);
        put_byte(&t, 0);
        put_leb(&t, i + 1);
    }
    if (m->shared) {
        put_name(&t, "env");
        put_name(&t, "memory");
        put_byte(&t, 2);
        put_memory_type(m, &t);
    }
    section(out, 2, &t);
}

static void put_tables(Maker *m, Text *out)
{
    static const uint32_t sizes[] = { 0, 1, 10, 199999, 200000, 200001, 10000000, UINT32_MAX };
    Text t = { 0 };
    if (!m->table)
        return;
    put_leb(&t, 1);
    put_byte(&t, 0x70);
    put_byte(&t, 0);
    put_leb(&t, rng_below(m->r, 3) == 0 ? sizes[rng_below(m->r, (uint32_t)LEN(sizes))] : 10);
    section(out, 4, &t);
}

static void put_memory(Maker *m, Text *out)
{
    Text t = { 0 };
    if (m->shared)
        return;
    put_leb(&t, 1);
    put_memory_type(m, &t);
    section(out, 5, &t);
}

static void put_exports(Maker *m, Text *out)
{
    Text t = { 0 };
    bool bare = rng_below(m->r, 30) == 0;
    put_leb(&t, bare ? 1 : 2);
    put_name(&t, "memory");
    put_byte(&t, 2);
    put_leb(&t, 0);
    if (!bare) {
        put_name(&t, "_start");
        put_byte(&t, 0);
        put_leb(&t, m->ncalls);
    }
    section(out, 7, &t);
}

static void put_locals(Maker *m, Text *t)
{
    static const uint32_t counts[] = { 1, 100, 1000, 20000, 49999, 50001, UINT32_MAX };
    if (rng_below(m->r, 10) != 0) {
        put_leb(t, 0);
        return;
    }
    put_leb(t, 1);
    put_leb(t, counts[rng_below(m->r, (uint32_t)LEN(counts))]);
    put_byte(t, rng_below(m->r, 2) == 0 ? I32 : I64);
}

static void put_code(Maker *m, Text *out)
{
    Text t = { 0 };
    put_leb(&t, m->functions);
    for (unsigned i = 0; i < m->functions; i++) {
        Text body = { 0 };
        m->budget = 60;
        put_locals(m, &body);
        statements(m, &body, 0);
        put_byte(&body, 0x0b);
        put_leb(&t, body.len);
        text_add(&t, body.s, body.len);
        text_free(&body);
    }
    section(out, 10, &t);
}

/* The paths; then others, some beyond the memory, and many empty ones. */
static void put_data(Maker *m, Text *out)
{
    Text t = { 0 };
    unsigned more = rng_below(m->r, 4) == 0 ? rng_below(m->r, 300) : 0;
    put_leb(&t, 1 + more);
    for (unsigned i = 0; i <= more; i++) {
        put_byte(&t, 0);
        const32(&t, i == 0 ? PATHS_AT : rng_below(m->r, 50) == 0 ? number32(m->r) : 0);
        put_byte(&t, 0x0b);
        put_leb(&t, i == 0 ? sizeof paths : 0);
        if (i == 0)
            text_add(&t, paths, sizeof paths);
    }
    section(out, 11, &t);
}

void generate(Rng *r, Text *out)
{
    Maker m = { .r = r, .functions = 1 + rng_below(r, 4), .ncalls = rng_below(r, CALLS_MAX) };
    m.shared = rng_below(r, 8) == 0;
    m.table = rng_below(r, 4) == 0;
    for (unsigned i = 0; i < m.ncalls; i++)
        m.calls[i] = rng_below(r, (uint32_t)LEN(imports));
    text_free(out);
    text_add(out, "\0asm\1\0\0\0", 8);
    put_types(&m, out);
    put_imports(&m, out);
    Text t = { 0 };
    put_leb(&t, m.functions);
    for (unsigned i = 0; i < m.functions; i++)
        put_leb(&t, 0);
    section(out, 3, &t);
    put_tables(&m, out);
    put_memory(&m, out);
    put_exports(&m, out);
    if (rng_below(r, 6) == 0) {     /* a start function */
        put_leb(&t, m.ncalls + rng_below(r, m.functions + 1));
        section(out, 8, &t);
    }
    put_code(&m, out);
    put_data(&m, out);
}
