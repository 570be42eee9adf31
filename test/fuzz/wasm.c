/* SPDX-License-Identifier: MIT */
/*
 * The first things that read a program from a stranger: what a module asks for, and the rewriter. Neither waits for a valid
 * one: the facts are looked at before anything has validated the bytes. Whatever they are, nothing beyond them is read; the
 * rewriter makes the same of the same bytes, and what comes out asks for what went in, and can be rewritten again.
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

typedef struct Look {
    int r;
    unsigned sum;                   /* of the names of imported functions */
    WasmFacts facts;
} Look;

static Look look(const uint8_t *data, size_t size)
{
    Look l = { 0 };
    l.r = wasm_facts(data, size, any_import, &l.sum, &l.facts);
    ASSERT(l.r == 0 || l.r == -ENOEXEC || l.r == -ENOMEM);
    return l;
}

/* Types are added behind what an invalid module's type section has left over, which then counts as types. */
static void same_facts(const Look *before, const Look *after)
{
    if (before->r < 0 || after->r < 0)
        return;
    ASSERT(after->sum == before->sum);
    ASSERT(after->facts.memories == before->facts.memories);
    ASSERT(after->facts.memory_bytes == before->facts.memory_bytes);
    ASSERT(after->facts.shared_import == before->facts.shared_import);
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
    uint8_t *once, *same, *twice;
    size_t n, m;
    Look before = look(data, size);
    if (rewrite(data, size, &once, &n) < 0)
        return 0;
    ASSERT(rewrite(data, size, &same, &m) == 0 && m == n && memcmp(same, once, n) == 0);
    mem_free(same);
    Look after = look(once, n);
    same_facts(&before, &after);
    if (rewrite(once, n, &twice, &m) == 0)
        mem_free(twice);
    mem_free(once);
    return 0;
}
