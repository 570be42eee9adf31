/* SPDX-License-Identifier: MIT */
/*
 * Reading WebAssembly's binary format, see the header. Instructions are known by the shape of what follows their opcode, so
 * that one loop over a body costs a table lookup an instruction.
 */
#include "engine/wasmtime/wasm_code.h"

typedef enum Shape {
    UNKNOWN,                        /* must be 0: what the table does not name */
    NOTHING,
    INDEX,
    INDEX2,
    BLOCK,
    MEMARG,
    MEMORY,
    BYTES4,
    BYTES8,
    TABLE_OF_LABELS,
    TYPES,
    CATCHES,
    GC,
    MISC,
    SIMD,
    ATOMIC, /* prefixes */
} Shape;

uint8_t wasm_u8(WasmCursor *c)
{
    if (c->p == c->end) {
        c->bad = true;
        return 0;
    }
    return *c->p++;
}

uint64_t wasm_leb(WasmCursor *c)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t b = wasm_u8(c);
        if (shift < 64)
            value |= (uint64_t)(b & 0x7f) << shift;
        if ((b & 0x80) == 0)
            return value;
    }
    c->bad = true;
    return 0;
}

void wasm_skip_leb(WasmCursor *c)
{
    while ((wasm_u8(c) & 0x80) != 0)
        ;
}

void wasm_skip(WasmCursor *c, uint64_t n)
{
    if (n > (uint64_t)(c->end - c->p)) {
        c->bad = true;
        c->p = c->end;
        return;
    }
    c->p += n;
}

void wasm_skip_name(WasmCursor *c)
{
    wasm_skip(c, wasm_leb(c));
}

/* A reference with a heap type is written with two numbers, every other type is one byte. */
void wasm_skip_valtype(WasmCursor *c)
{
    uint8_t b = wasm_u8(c);
    if (b == 0x63 || b == 0x64)
        wasm_skip_leb(c);
}

static void skip_valtypes(WasmCursor *c)
{
    for (uint64_t n = wasm_leb(c); n > 0 && !c->bad; n--)
        wasm_skip_valtype(c);
}

static void skip_fieldtype(WasmCursor *c)
{
    wasm_skip_valtype(c);           /* or a packed type, one byte too */
    wasm_u8(c);                     /* mutability */
}

static void skip_comptype(WasmCursor *c, uint8_t form)
{
    switch (form) {
    case 0x60:
        skip_valtypes(c);
        skip_valtypes(c);
        break;
    case 0x5f:
        for (uint64_t n = wasm_leb(c); n > 0 && !c->bad; n--)
            skip_fieldtype(c);
        break;
    case 0x5e:
        skip_fieldtype(c);
        break;
    default:
        c->bad = true;
    }
}

static void skip_subtype(WasmCursor *c, uint8_t form)
{
    if (form == 0x50 || form == 0x4f) {
        for (uint64_t n = wasm_leb(c); n > 0 && !c->bad; n--)
            wasm_skip_leb(c);
        form = wasm_u8(c);
    }
    skip_comptype(c, form);
}

void wasm_skip_rectype(WasmCursor *c, uint32_t *count)
{
    uint8_t form = wasm_u8(c);
    if (form != 0x4e) {
        skip_subtype(c, form);
        *count += 1;
        return;
    }
    for (uint64_t n = wasm_leb(c); n > 0 && !c->bad; n--) {
        skip_subtype(c, wasm_u8(c));
        *count += 1;
    }
}

static const uint8_t shapes[256] = {
    [0x00 ... 0x01] = NOTHING,
    [0x02 ... 0x04] = BLOCK,
    [0x05] = NOTHING,
    [0x06] = BLOCK,
    [0x07 ... 0x09] = INDEX,
    [0x0a ... 0x0b] = NOTHING,
    [0x0c ... 0x0d] = INDEX,
    [0x0e] = TABLE_OF_LABELS,
    [0x0f] = NOTHING,
    [0x10] = INDEX,
    [0x11] = INDEX2,
    [0x12] = INDEX,
    [0x13] = INDEX2,
    [0x14 ... 0x15] = INDEX,
    [0x18] = INDEX,
    [0x19 ... 0x1b] = NOTHING,
    [0x1c] = TYPES,
    [0x1f] = CATCHES,
    [0x20 ... 0x26] = INDEX,
    [0x28 ... 0x3e] = MEMARG,
    [0x3f ... 0x40] = MEMORY,
    [0x41 ... 0x42] = INDEX,
    [0x43] = BYTES4,
    [0x44] = BYTES8,
    [0x45 ... 0xc4] = NOTHING,
    [0xd0] = INDEX,
    [0xd1] = NOTHING,
    [0xd2] = INDEX,
    [0xd3 ... 0xd4] = NOTHING,
    [0xd5 ... 0xd6] = INDEX,
    [0xfb] = GC,
    [0xfc] = MISC,
    [0xfd] = SIMD,
    [0xfe] = ATOMIC,
};

static void skip_indexes(WasmCursor *c, unsigned n)
{
    while (n-- > 0)
        wasm_skip_leb(c);
}

/* The type of a block: none, a value type, or the index of a function type. */
static void skip_blocktype(WasmCursor *c)
{
    if (c->p != c->end && (*c->p == 0x63 || *c->p == 0x64))
        wasm_u8(c);
    wasm_skip_leb(c);
}

static void read_memarg(WasmCursor *c, WasmInstr *out)
{
    uint32_t align = (uint32_t)wasm_leb(c);
    if ((align & 0x40) != 0)
        out->memory = (uint32_t)wasm_leb(c);
    out->align = align & ~0x40u;
    out->offset = wasm_leb(c);
}

static void skip_catches(WasmCursor *c)
{
    skip_blocktype(c);
    for (uint64_t n = wasm_leb(c); n > 0 && !c->bad; n--) {
        uint8_t kind = wasm_u8(c);
        if (kind > 3)
            c->bad = true;
        skip_indexes(c, kind < 2 ? 2 : 1);
    }
}

static void skip_gc(WasmCursor *c, uint32_t sub)
{
    static const uint8_t indexes[] = {
        1, 1, 2, 2, 2, 2, 1, 1, 2, 2, 2, 1, 1, 1, 1, 0, 1, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0,
    };
    if (sub >= sizeof(indexes)) {
        c->bad = true;
        return;
    }
    if (sub == 24 || sub == 25) {   /* br_on_cast: flags, a label, two heap types */
        wasm_u8(c);
        skip_indexes(c, 3);
        return;
    }
    skip_indexes(c, indexes[sub]);
}

static void skip_misc(WasmCursor *c, uint32_t sub)
{
    static const uint8_t indexes[] = {
        0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 1, 2, 1, 2, 1, 1, 1, 0, 0, 0, 0, 0,
    };
    if (sub >= sizeof(indexes) || sub == 18)
        c->bad = true;
    else
        skip_indexes(c, indexes[sub]);
}

static void skip_simd(WasmCursor *c, uint32_t sub, WasmInstr *out)
{
    if (sub <= 11 || sub == 92 || sub == 93) {
        read_memarg(c, out);
    } else if (sub == 12 || sub == 13) {
        wasm_skip(c, 16);
    } else if (sub >= 21 && sub <= 34) {
        wasm_u8(c);
    } else if (sub >= 84 && sub <= 91) {
        read_memarg(c, out);
        wasm_u8(c);
    } else if (sub > 0x13f) {
        c->bad = true;
    }
}

static void skip_atomic(WasmCursor *c, uint32_t sub, WasmInstr *out)
{
    if (sub <= 2 || (sub >= 0x10 && sub <= 0x4e))
        read_memarg(c, out);
    else if (sub == 3)
        wasm_u8(c);
    else
        c->bad = true;
}

static void skip_prefixed(WasmCursor *c, Shape shape, WasmInstr *out)
{
    uint32_t sub = (uint32_t)wasm_leb(c);
    out->op = out->op << 8 | sub;
    if (shape == GC)
        skip_gc(c, sub);
    else if (shape == MISC)
        skip_misc(c, sub);
    else if (shape == SIMD)
        skip_simd(c, sub, out);
    else
        skip_atomic(c, sub, out);
}

bool wasm_instr(WasmCursor *c, WasmInstr *out)
{
    if (c->bad || c->p == c->end)
        return false;
    *out = (WasmInstr){ .at = c->p };
    out->op = *c->p++;
    Shape shape = shapes[out->op];
    switch (shape) {
    case NOTHING:
        break;
    case INDEX:
        wasm_skip_leb(c);
        break;
    case INDEX2:
        skip_indexes(c, 2);
        break;
    case BLOCK:
        skip_blocktype(c);
        break;
    case MEMARG:
        read_memarg(c, out);
        break;
    case MEMORY:
        out->memory = (uint32_t)wasm_leb(c);
        break;
    case BYTES4:
        wasm_skip(c, 4);
        break;
    case BYTES8:
        wasm_skip(c, 8);
        break;
    case TABLE_OF_LABELS:
        for (uint64_t n = wasm_leb(c) + 1; n > 0 && !c->bad; n--)
            wasm_skip_leb(c);
        break;
    case TYPES:
        skip_valtypes(c);
        break;
    case CATCHES:
        skip_catches(c);
        break;
    case GC:
    case MISC:
    case SIMD:
    case ATOMIC:
        skip_prefixed(c, shape, out);
        break;
    case UNKNOWN:
        c->bad = true;
        break;
    }
    return !c->bad;
}
