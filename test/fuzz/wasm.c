/* SPDX-License-Identifier: MIT */
/*
 * The first things that read a program from a stranger: what a module asks for, and the rewriter. Neither waits for a valid one: the
 * facts are looked at before anything has validated the bytes. Whatever they are, nothing beyond them is read, and what
 * comes out of the rewriter can be read, and rewritten, again.
 */
#include "engine/wasmtime/wasm_rewrite.h"

#include <string.h>

#include "kern/kern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int any_import(void *arg, WasmName module, WasmName name)
{
    unsigned *sum = arg;
    for (size_t i = 0; i < module.n; i++)
        *sum += (uint8_t)module.s[i];
    for (size_t i = 0; i < name.n; i++)
        *sum += (uint8_t)name.s[i];
    return name.n == 13 ? -ENOEXEC : 0;
}

static int look(const uint8_t *data, size_t size)
{
    WasmFacts facts;
    unsigned sum = 0;
    int r = wasm_facts(data, size, any_import, &sum, &facts);
    ASSERT(r == 0 || r == -ENOEXEC || r == -ENOMEM);
    return r;
}

static int rewrite(const uint8_t *data, size_t size, uint8_t **out, size_t *n)
{
    const char *why = NULL;
    int r = wasm_rewrite(data, size, out, n, &why);
    ASSERT(r == 0 || r == -ENOEXEC || r == -ENOMEM);
    ASSERT(r != -ENOEXEC || (why != NULL && strlen(why) > 3));
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *once, *twice;
    size_t n, m;
    (void)look(data, size);
    if (rewrite(data, size, &once, &n) < 0)
        return 0;
    (void)look(once, n);
    if (rewrite(once, n, &twice, &m) == 0)
        mem_free(twice);
    mem_free(once);
    return 0;
}
