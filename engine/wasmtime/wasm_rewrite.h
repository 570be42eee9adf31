/* SPDX-License-Identifier: MIT */
/*
 * What is changed in a module before it is compiled, so that the C API as it is suffices to limit and to end a program:
 *
 * - memory.grow asks the host first. Each becomes a call of a function added at the end, which calls the function reference
 *   in an added global; the host puts it there. (The C API has no limiter of one's own.)
 * - memory.atomic.wait32 and wait64 wait in slices of WAIT_SLICE, in a loop in an added function. At the loop's head is an
 *   epoch check, so that a kill or a pause reaches a thread that waits for ever. A value that has changed between two slices
 *   is a wake: whoever changed it may have notified while nobody was there to be counted.
 * - The start function becomes an export, which the host calls when the global is set.
 *
 * Only ends of index spaces are added to, so nothing else has to be renumbered. The module must be valid: otherwise its code
 * could name what is added. Custom sections that hold positions in the code are left out.
 */
#ifndef ENGINE_WASMTIME_WASM_REWRITE_H
#define ENGINE_WASMTIME_WASM_REWRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WAIT_SLICE INT64_C(20000000)        /* nanoseconds */

#define REWRITE_GROW                                                                                                   \
    "taskfs.grow" /* the global: (mut (ref null (func (param i32 i64) (result i32)))), which takes the memory's
                                               index and the pages (negative: back), and answers 0 for yes */
#define REWRITE_START "taskfs.start"        /* the start function, where there is one */
#define REWRITE_VERSION "1"                 /* part of a compiled module's name: counted up with every change here */

/* What a module asks for, known without compiling it. */
typedef struct WasmFacts {
    uint64_t memory_bytes;          /* of the memories it defines, at the beginning */
    uint32_t memories;              /* that it defines */
    bool shared_import;             /* it imports a shared memory */
} WasmFacts;

/* A name in a module: not ended by NUL. */
typedef struct WasmName {
    const char *s;
    size_t n;
} WasmName;

/* Is told every function that a module imports; what is not 0 ends the look and is its result. */
typedef int WasmImportFn(void *arg, WasmName module, WasmName name);

/* -ENOEXEC: not a module; or what import (which may be NULL) says. */
int wasm_facts(const uint8_t *module, size_t n, WasmImportFn *import, void *arg, WasmFacts *out);

/*
 * *out: the new module, the caller's to free with mem_free; *why: words for -ENOEXEC, constant.
 *   -ENOEXEC  an instruction that this file does not know, or too many different waits     -ENOMEM
 */
int wasm_rewrite(const uint8_t *module, size_t n, uint8_t **out, size_t *out_n, const char **why);

#endif
