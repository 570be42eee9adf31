/* SPDX-License-Identifier: MIT */
/*
 * Rewriting a module, see the header. One pass finds the sections and counts the index spaces, one goes through the code,
 * then the sections are written in their order, the additions at their ends.
 */
#include "engine/wasmtime/wasm_rewrite.h"

#include "engine/wasmtime/wasm_code.h"
#include "kern/kern.h"
#include "kern/text.h"

enum {
    SECTION_CUSTOM,
    SECTION_TYPE,
    SECTION_IMPORT,
    SECTION_FUNCTION,
    SECTION_TABLE,
    SECTION_MEMORY,
    SECTION_GLOBAL,
    SECTION_EXPORT,
    SECTION_START,
    SECTION_ELEMENT,
    SECTION_CODE,
    SECTION_DATA,
    SECTION_DATA_COUNT,
    SECTION_TAG,
    SECTION_KINDS,
};

static const uint8_t section_order[] = {
    SECTION_TYPE,   SECTION_IMPORT, SECTION_FUNCTION, SECTION_TABLE,      SECTION_MEMORY, SECTION_TAG,
    SECTION_GLOBAL, SECTION_EXPORT, SECTION_ELEMENT,  SECTION_DATA_COUNT, SECTION_CODE,   SECTION_DATA,
};

/* The function types added, by their place behind the module's own. */
enum { TYPE_HOST, TYPE_GROW32, TYPE_GROW64, TYPE_WAIT, TYPES_ADDED = TYPE_WAIT + 4 };

enum { I32 = 0x7f, I64 = 0x7e, MEMORIES_MAX = 64, HELPERS_MAX = 1000 };

typedef struct Section {
    const uint8_t *p;               /* NULL: not there */
    size_t n;
} Section;

/* An added function: what it stands for. */
typedef struct Helper {
    uint32_t op, memory, align;
    uint64_t offset;
} Helper;

/* A place in a function's body where a call of an added function goes. */
typedef struct Patch {
    const uint8_t *from, *to;
    uint32_t helper;
} Patch;

typedef struct Module {
    const uint8_t *start, *end;
    Section sections[SECTION_KINDS];
    uint32_t types, functions, globals; /* how many there are, imported ones included */
    uint32_t memories, memories_defined;
    bool memory64[MEMORIES_MAX];
    uint64_t memory_bytes;
    bool shared_import;
    WasmImportFn *import;           /* asked about every imported function, until one is refused: */
    void *import_arg;
    int refused;

    Helper helpers[HELPERS_MAX];
    uint32_t helper_count;
    Text code;                      /* the bodies, rewritten */
    Text patches;                   /* of the body at hand: Patch */
    const char *why;
} Module;

static WasmCursor cursor_of(Section s)
{
    return (WasmCursor){ .p = s.p, .end = s.p + s.n };
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

static int find_sections(Module *m)
{
    static const uint8_t head[8] = { 0, 'a', 's', 'm', 1, 0, 0, 0 };
    WasmCursor c = { .p = m->start, .end = m->end };
    for (size_t i = 0; i < sizeof(head); i++)
        if (wasm_u8(&c) != head[i])
            return -ENOEXEC;
    while (!c.bad && c.p != c.end) {
        uint8_t id = wasm_u8(&c);
        uint64_t n = wasm_leb(&c);
        const uint8_t *p = c.p;
        wasm_skip(&c, n);
        if (c.bad || id >= SECTION_KINDS)
            return -ENOEXEC;
        if (id != SECTION_CUSTOM)
            m->sections[id] = (Section){ .p = p, .n = (size_t)n };
    }
    return c.bad ? -ENOEXEC : 0;
}

/* A memory's limits. Bit 0: there is a maximum, 1: shared, 2: 64-bit, 3: a page size of its own. */
static void read_memory(Module *m, WasmCursor *c, bool imported)
{
    uint8_t flags = wasm_u8(c);
    uint64_t min = wasm_leb(c);
    if ((flags & 1) != 0)
        wasm_skip_leb(c);
    uint64_t page = 65536;
    if ((flags & 8) != 0) {
        uint64_t exponent = wasm_leb(c);
        page = exponent < 17 ? UINT64_C(1) << exponent : page;
    }
    if (m->memories == MEMORIES_MAX || (flags & 0xf0) != 0) {
        c->bad = true;
        return;
    }
    m->memory64[m->memories++] = (flags & 4) != 0;
    if (imported) {
        m->shared_import |= (flags & 2) != 0;
        return;
    }
    m->memories_defined++;
    m->memory_bytes += min < (UINT64_C(1) << 32) ? min * page : UINT64_C(1) << 48;
}

static void skip_limits(WasmCursor *c)
{
    uint8_t flags = wasm_u8(c);
    wasm_skip_leb(c);
    if ((flags & 1) != 0)
        wasm_skip_leb(c);
}

static WasmName read_name(WasmCursor *c)
{
    uint64_t n = wasm_leb(c);
    WasmName name = { .s = (const char *)c->p };
    wasm_skip(c, n);
    name.n = c->bad ? 0 : (size_t)n;
    return name;
}

static void read_import(Module *m, WasmCursor *c)
{
    WasmName module = read_name(c), name = read_name(c);
    switch (wasm_u8(c)) {
    case 0:
        wasm_skip_leb(c);
        m->functions++;
        if (!c->bad && m->import != NULL && m->refused == 0)
            m->refused = m->import(m->import_arg, module, name);
        break;
    case 1:
        wasm_skip_valtype(c);
        skip_limits(c);
        break;
    case 2:
        read_memory(m, c, true);
        break;
    case 3:
        wasm_skip_valtype(c);
        wasm_u8(c);
        m->globals++;
        break;
    case 4:
        wasm_u8(c);
        wasm_skip_leb(c);
        break;
    default:
        c->bad = true;
    }
}

/* Counts the index spaces that are added to. */
static int count_spaces(Module *m)
{
    WasmCursor c = cursor_of(m->sections[SECTION_TYPE]);
    if (c.p != NULL)
        for (uint64_t n = wasm_leb(&c); n > 0 && !c.bad; n--)
            wasm_skip_rectype(&c, &m->types);
    bool bad = c.bad;
    c = cursor_of(m->sections[SECTION_IMPORT]);
    if (c.p != NULL)
        for (uint64_t n = wasm_leb(&c); n > 0 && !c.bad; n--)
            read_import(m, &c);
    bad |= c.bad;
    c = cursor_of(m->sections[SECTION_MEMORY]);
    if (c.p != NULL)
        for (uint64_t n = wasm_leb(&c); n > 0 && !c.bad; n--)
            read_memory(m, &c, false);
    bad |= c.bad;
    c = cursor_of(m->sections[SECTION_FUNCTION]);
    if (c.p != NULL)
        m->functions += (uint32_t)wasm_leb(&c);
    bad |= c.bad;
    c = cursor_of(m->sections[SECTION_GLOBAL]);
    if (c.p != NULL)
        m->globals += (uint32_t)wasm_leb(&c);
    return bad || c.bad ? -ENOEXEC : 0;
}

int wasm_facts(const uint8_t *module, size_t n, WasmImportFn *import, void *arg, WasmFacts *out)
{
    AUTO_FREE Module *m = mem_alloc(sizeof(*m));
    if (m == NULL)
        return -ENOMEM;
    m->start = module;
    m->end = module + n;
    m->import = import;
    m->import_arg = arg;
    int r = find_sections(m);
    if (r == 0)
        r = count_spaces(m);
    if (r == 0)
        r = m->refused;
    if (r < 0)
        return r;
    *out = (WasmFacts){ .memory_bytes = m->memory_bytes,
                        .memories = m->memories_defined,
                        .shared_import = m->shared_import };
    return 0;
}

/* ---- writing bytes ---------------------------------------------------------------------------------------------- */

static void put_bytes(Text *t, const void *p, size_t n)
{
    if (n > 0)
        text_add(t, p, n);
}

static void put_u8(Text *t, uint8_t b)
{
    put_bytes(t, &b, 1);
}

static void put_leb(Text *t, uint64_t n)
{
    do {
        uint8_t b = n & 0x7f;
        n >>= 7;
        put_u8(t, n != 0 ? b | 0x80 : b);
    } while (n != 0);
}

static void put_sleb(Text *t, int64_t n)
{
    for (;;) {
        uint8_t b = (uint8_t)((uint64_t)n & 0x7f);
        n >>= 7;
        if ((n == 0 && (b & 0x40) == 0) || (n == -1 && (b & 0x40) != 0)) {
            put_u8(t, b);
            return;
        }
        put_u8(t, b | 0x80);
    }
}

static size_t leb_len(uint64_t n)
{
    size_t len = 1;
    while ((n >>= 7) != 0)
        len++;
    return len;
}

static void put_op(Text *t, uint8_t op, uint64_t index)
{
    put_u8(t, op);
    put_leb(t, index);
}

static void put_name(Text *t, const char *name, size_t n)
{
    put_leb(t, n);
    put_bytes(t, name, n);
}

/* ---- the added functions ---------------------------------------------------------------------------------------- */

enum {                              /* opcodes, as the added functions use them */
       BLOCK_VOID = 0x40,
       OP_UNREACHABLE = 0x00,
       OP_LOOP = 0x03,
       OP_IF = 0x04,
       OP_END = 0x0b,
       OP_BR = 0x0c,
       OP_RETURN = 0x0f,
       OP_CALL = 0x10,
       OP_CALL_REF = 0x14,
       OP_DROP = 0x1a,
       OP_SELECT = 0x1b,
       OP_LOCAL_GET = 0x20,
       OP_LOCAL_SET = 0x21,
       OP_LOCAL_TEE = 0x22,
       OP_GLOBAL_GET = 0x23,
       OP_I32_CONST = 0x41,
       OP_I64_CONST = 0x42,
       OP_I32_EQZ = 0x45,
       OP_I32_EQ = 0x46,
       OP_I32_NE = 0x47,
       OP_I64_EQZ = 0x50,
       OP_I64_EQ = 0x51,
       OP_I64_LT_U = 0x54,
       OP_I64_GE_S = 0x59,
       OP_I32_AND = 0x71,
       OP_I64_SUB = 0x7d,
       OP_I64_EXTEND_I32_U = 0xad,
};

static void put_i32(Text *t, int32_t n)
{
    put_u8(t, OP_I32_CONST);
    put_sleb(t, n);
}

static void put_i64(Text *t, int64_t n)
{
    put_u8(t, OP_I64_CONST);
    put_sleb(t, n);
}

static void put_if(Text *t)
{
    put_u8(t, OP_IF);
    put_u8(t, BLOCK_VOID);
}

/* The pages asked for, as 64 bits. */
static void put_pages(Text *t, bool is64)
{
    put_op(t, OP_LOCAL_GET, 0);
    if (!is64)
        put_u8(t, OP_I64_EXTEND_I32_U);
}

static void put_ask(const Module *m, Text *t)
{
    put_op(t, OP_GLOBAL_GET, m->globals);
    put_op(t, OP_CALL_REF, m->types + TYPE_HOST);
}

/* (pages) -> old size: asks the host, grows, and gives back what was not had after all. */
static void put_grow(const Module *m, Text *t, const Helper *h)
{
    bool is64 = m->memory64[h->memory];
    put_leb(t, 1);                  /* local 1: the result */
    put_leb(t, 1);
    put_u8(t, is64 ? I64 : I32);

    put_i32(t, (int32_t)h->memory);
    put_pages(t, is64);
    put_ask(m, t);
    put_if(t);
    is64 ? put_i64(t, -1) : put_i32(t, -1);
    put_u8(t, OP_RETURN);
    put_u8(t, OP_END);

    put_op(t, OP_LOCAL_GET, 0);
    put_op(t, OP_MEMORY_GROW, h->memory);
    put_op(t, OP_LOCAL_TEE, 1);
    is64 ? put_i64(t, -1) : put_i32(t, -1);
    put_u8(t, is64 ? OP_I64_EQ : OP_I32_EQ);
    put_if(t);
    put_i32(t, (int32_t)h->memory);
    put_i64(t, 0);
    put_pages(t, is64);
    put_u8(t, OP_I64_SUB);
    put_ask(m, t);
    put_u8(t, OP_DROP);
    put_u8(t, OP_END);
    put_op(t, OP_LOCAL_GET, 1);
    put_u8(t, OP_END);
}

/* One slice: local 4 = the smaller of what is left and WAIT_SLICE, unsigned, as negative is for ever; local 3 = the result. */
static void put_slice(Text *t, const Helper *h)
{
    put_op(t, OP_LOCAL_GET, 2);
    put_i64(t, WAIT_SLICE);
    put_op(t, OP_LOCAL_GET, 2);
    put_i64(t, WAIT_SLICE);
    put_u8(t, OP_I64_LT_U);
    put_u8(t, OP_SELECT);
    put_op(t, OP_LOCAL_SET, 4);
    put_op(t, OP_LOCAL_GET, 0);
    put_op(t, OP_LOCAL_GET, 1);
    put_op(t, OP_LOCAL_GET, 4);
    put_op(t, 0xfe, h->op & 0xff);
    put_leb(t, h->align | (h->memory != 0 ? 0x40u : 0));
    if (h->memory != 0)
        put_leb(t, h->memory);
    put_leb(t, h->offset);
    put_op(t, OP_LOCAL_TEE, 3);
}

/* (address, expected, timeout) -> 0 woken, 1 not equal, 2 timed out. */
static void put_wait(Text *t, const Helper *h)
{
    static const uint8_t locals[] = { 3, 1, I32, 1, I64, 1, I32 };      /* 3 result, 4 slice, 5 not the first slice */
    put_bytes(t, locals, sizeof(locals));
    put_u8(t, OP_LOOP);
    put_u8(t, BLOCK_VOID);
    put_slice(t, h);
    put_i32(t, 2);
    put_u8(t, OP_I32_NE);
    put_if(t);                      /* "not equal" counts in the first slice only */
    put_op(t, OP_LOCAL_GET, 3);
    put_op(t, OP_LOCAL_GET, 5);
    put_u8(t, OP_I32_EQZ);
    put_u8(t, OP_I32_AND);
    put_u8(t, OP_RETURN);
    put_u8(t, OP_END);
    put_i32(t, 1);
    put_op(t, OP_LOCAL_SET, 5);
    put_op(t, OP_LOCAL_GET, 2);
    put_i64(t, 0);
    put_u8(t, OP_I64_GE_S);
    put_if(t);                      /* there is an end: count down */
    put_op(t, OP_LOCAL_GET, 2);
    put_op(t, OP_LOCAL_GET, 4);
    put_u8(t, OP_I64_SUB);
    put_op(t, OP_LOCAL_TEE, 2);
    put_u8(t, OP_I64_EQZ);
    put_if(t);
    put_i32(t, 2);
    put_u8(t, OP_RETURN);
    put_u8(t, OP_END);
    put_u8(t, OP_END);
    put_op(t, OP_BR, 0);
    put_u8(t, OP_END);
    put_u8(t, OP_UNREACHABLE);
    put_u8(t, OP_END);
}

static uint32_t helper_type(const Module *m, const Helper *h)
{
    bool is64 = m->memory64[h->memory];
    if (h->op == OP_MEMORY_GROW)
        return m->types + (is64 ? TYPE_GROW64 : TYPE_GROW32);
    return m->types + TYPE_WAIT + (is64 ? 2u : 0) + (h->op == OP_ATOMIC_WAIT64 ? 1u : 0);
}

static int helper_find(Module *m, const WasmInstr *i)
{
    for (uint32_t k = 0; k < m->helper_count; k++) {
        const Helper *h = &m->helpers[k];
        if (h->op == i->op && h->memory == i->memory && h->offset == i->offset)
            return (int)k;
    }
    if (m->helper_count == HELPERS_MAX) {
        m->why = "waits at too many different offsets";
        return -ENOEXEC;
    }
    if (i->memory >= m->memories)
        return -ENOEXEC;
    m->helpers[m->helper_count] = (Helper){ .op = i->op, .memory = i->memory, .align = i->align, .offset = i->offset };
    return (int)m->helper_count++;
}

/* ---- code ------------------------------------------------------------------------------------------------------- */

static int find_patches(Module *m, Section body)
{
    WasmCursor c = cursor_of(body);
    for (uint64_t n = wasm_leb(&c); n > 0 && !c.bad; n--) {
        wasm_skip_leb(&c);
        wasm_skip_valtype(&c);
    }
    WasmInstr i;
    while (wasm_instr(&c, &i)) {
        if (i.op != OP_MEMORY_GROW && i.op != OP_ATOMIC_WAIT32 && i.op != OP_ATOMIC_WAIT64)
            continue;
        int helper = helper_find(m, &i);
        if (helper < 0)
            return helper;
        Patch patch = { .from = i.at, .to = c.p, .helper = (uint32_t)helper };
        put_bytes(&m->patches, &patch, sizeof(patch));
    }
    if (c.bad) {
        m->why = "uses an instruction that taskfs does not know";
        return -ENOEXEC;
    }
    return text_ok(&m->patches);
}

static void put_body(Module *m, Section body)
{
    const Patch *patches = (const Patch *)(const void *)m->patches.s;
    size_t count = m->patches.len / sizeof(*patches);
    size_t n = body.n;
    for (size_t i = 0; i < count; i++) {
        n -= (size_t)(patches[i].to - patches[i].from);
        n += 1 + leb_len(m->functions + patches[i].helper);
    }
    put_leb(&m->code, n);
    const uint8_t *p = body.p;
    for (size_t i = 0; i < count; i++) {
        put_bytes(&m->code, p, (size_t)(patches[i].from - p));
        put_op(&m->code, OP_CALL, m->functions + patches[i].helper);
        p = patches[i].to;
    }
    put_bytes(&m->code, p, (size_t)(body.p + body.n - p));
}

static int rewrite_code(Module *m)
{
    WasmCursor c = cursor_of(m->sections[SECTION_CODE]);
    if (c.p == NULL)
        return 0;
    for (uint64_t n = wasm_leb(&c); n > 0 && !c.bad; n--) {
        Section body = { .n = (size_t)wasm_leb(&c) };
        body.p = c.p;
        wasm_skip(&c, body.n);
        if (c.bad)
            break;
        m->patches.len = 0;
        int r = find_patches(m, body);
        if (r < 0)
            return r;
        put_body(m, body);
    }
    if (c.bad)
        return -ENOEXEC;
    for (uint32_t k = 0; k < m->helper_count; k++) {
        Text body = { 0 };
        if (m->helpers[k].op == OP_MEMORY_GROW)
            put_grow(m, &body, &m->helpers[k]);
        else
            put_wait(&body, &m->helpers[k]);
        put_leb(&m->code, body.len);
        put_bytes(&m->code, body.s, body.len);
        m->code.failed |= body.failed;
        text_free(&body);
    }
    return text_ok(&m->code);
}

/* ---- sections --------------------------------------------------------------------------------------------------- */

static void put_types(Text *t)
{
    static const uint8_t types[] = {
        0x60, 2, I32, I64, 1, I32,              /* TYPE_HOST */
        0x60, 1, I32, 1,    I32, 0x60, 1,   I64,  1, I64, 0x60, 3,   I32, I32,
        I64,  1, I32, 0x60, 3,   I32,  I64, I64,  1, I32, /* TYPE_WAIT */
        0x60, 3, I64, I32, I64, 1, I32, 0x60, 3, I64, I64, I64, 1, I32,
    };
    put_bytes(t, types, sizeof(types));
}

static void put_global(const Module *m, Text *t)
{
    put_u8(t, 0x63);                /* (mut (ref null $host)) = (ref.null $host) */
    put_sleb(t, (int64_t)m->types + TYPE_HOST);
    put_u8(t, 1);
    put_u8(t, 0xd0);
    put_sleb(t, (int64_t)m->types + TYPE_HOST);
    put_u8(t, OP_END);
}

static void put_export(Text *t, const char *name, size_t n, uint8_t kind, uint64_t index)
{
    put_name(t, name, n);
    put_u8(t, kind);
    put_leb(t, index);
}

/* What is added to a section of a kind: how many entries, and their bytes. */
static uint64_t additions(const Module *m, uint8_t id, Text *t)
{
    Section start = m->sections[SECTION_START];
    switch (id) {
    case SECTION_TYPE:
        put_types(t);
        return TYPES_ADDED;
    case SECTION_FUNCTION:
        for (uint32_t k = 0; k < m->helper_count; k++)
            put_leb(t, helper_type(m, &m->helpers[k]));
        return m->helper_count;
    case SECTION_GLOBAL:
        put_global(m, t);
        return 1;
    case SECTION_EXPORT:
        put_export(t, REWRITE_GROW, sizeof(REWRITE_GROW) - 1, 3, m->globals);
        if (start.p == NULL)
            return 1;
        WasmCursor c = cursor_of(start);
        put_export(t, REWRITE_START, sizeof(REWRITE_START) - 1, 0, wasm_leb(&c));
        return 2;
    default:
        return 0;
    }
}

static void put_section(const Module *m, Text *out, uint8_t id)
{
    Section s = m->sections[id];
    Text added = { 0 };
    uint64_t more = additions(m, id, &added);
    uint64_t count = 0;
    if (id == SECTION_CODE) {
        more = m->helper_count;
        text_free(&added);
        added = m->code;
    }
    if (s.p == NULL && more == 0)
        return;
    WasmCursor c = cursor_of(s);
    if (s.p != NULL && (more > 0 || id == SECTION_CODE))
        count = wasm_leb(&c);
    size_t kept = s.p == NULL || id == SECTION_CODE ? 0 : (size_t)(c.end - c.p);
    bool counted = more > 0 || id == SECTION_CODE;
    put_u8(out, id);
    put_leb(out, (counted ? leb_len(count + more) : 0) + kept + added.len);
    if (counted)
        put_leb(out, count + more);
    put_bytes(out, c.p, kept);
    put_bytes(out, added.s, added.len);
    out->failed |= added.failed;
    if (id != SECTION_CODE)
        text_free(&added);
}

static bool starts_with(const uint8_t *p, uint64_t n, const char *word)
{
    for (; *word != '\0'; word++, p++, n--)
        if (n == 0 || *p != (uint8_t)*word)
            return false;
    return true;
}

/* Custom sections go to the end, but those with positions in the code, which have moved. */
static void put_customs(const Module *m, Text *out)
{
    WasmCursor c = { .p = m->start + 8, .end = m->end };
    while (!c.bad && c.p != c.end) {
        const uint8_t *from = c.p;
        uint8_t id = wasm_u8(&c);
        uint64_t n = wasm_leb(&c);
        WasmCursor name = c;
        wasm_skip(&c, n);
        if (id != SECTION_CUSTOM || c.bad)
            continue;
        uint64_t len = wasm_leb(&name);
        if (len > (uint64_t)(c.p - name.p))
            continue;
        if (starts_with(name.p, len, ".debug_") || starts_with(name.p, len, "metadata.code"))
            continue;
        put_bytes(out, from, (size_t)(c.p - from));
    }
}

static int rewrite(Module *m, Text *out)
{
    int r = find_sections(m);
    if (r == 0)
        r = count_spaces(m);
    if (r == 0)
        r = rewrite_code(m);
    if (r < 0)
        return r;
    put_bytes(out, m->start, 8);
    for (size_t i = 0; i < sizeof(section_order); i++)
        put_section(m, out, section_order[i]);
    put_customs(m, out);
    return text_ok(out);
}

int wasm_rewrite(const uint8_t *module, size_t n, uint8_t **out, size_t *out_n, const char **why)
{
    AUTO_FREE Module *m = mem_alloc(sizeof(*m));
    if (m == NULL)
        return -ENOMEM;
    m->start = module;
    m->end = module + n;
    m->why = "not a module";
    Text text = { 0 };
    int r = rewrite(m, &text);
    text_free(&m->code);
    text_free(&m->patches);
    if (r < 0) {
        text_free(&text);
        *why = m->why;
        return r;
    }
    *out = (uint8_t *)text.s;
    *out_n = text.len;
    return 0;
}
