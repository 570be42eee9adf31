/* SPDX-License-Identifier: MIT */
/*
 * Reading WebAssembly's binary format: a bounded cursor, its numbers and types, and one instruction at a time, as far as a
 * rewriter needs it. What is read was validated by wasmtime before; the bounds are checked here all the same.
 * Spec: WebAssembly 3.0, chapter 5; the threads and wide-arithmetic proposals.
 */
#ifndef ENGINE_WASMTIME_WASM_CODE_H
#define ENGINE_WASMTIME_WASM_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct WasmCursor {
    const uint8_t *p, *end;
    bool bad;                       /* ran past the end or met what it does not know; then p stays at end */
} WasmCursor;

/* One instruction. op is its byte; for the prefixes 0xfb to 0xfe the byte above eight bits of zero or more: 0xfe02. */
typedef struct WasmInstr {
    const uint8_t *at;              /* its first byte */
    uint32_t op;
    uint32_t memory;                /* which memory, of a memory instruction */
    uint32_t align;                 /* exponent, of loads, stores and atomics */
    uint64_t offset;
} WasmInstr;

enum {
    OP_MEMORY_GROW = 0x40,
    OP_ATOMIC_WAIT32 = 0xfe01,
    OP_ATOMIC_WAIT64 = 0xfe02,
};

uint8_t wasm_u8(WasmCursor *c);
uint64_t wasm_leb(WasmCursor *c);           /* unsigned, up to 64 bits */
void wasm_skip_leb(WasmCursor *c);          /* signed or unsigned */
void wasm_skip(WasmCursor *c, uint64_t n);
void wasm_skip_name(WasmCursor *c);
void wasm_skip_valtype(WasmCursor *c);
/* One entry of the type section; adds to *count the types it defines (a recursion group defines several). */
void wasm_skip_rectype(WasmCursor *c, uint32_t *count);

/* The next instruction. False at the end, or when the cursor is bad. */
bool wasm_instr(WasmCursor *c, WasmInstr *out);

#endif
