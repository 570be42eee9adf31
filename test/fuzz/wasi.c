/* SPDX-License-Identifier: MIT */
/*
 * WASI calls in any order with any arguments: hostile addresses, lengths, counts, flags and rights, with guest memory at hand
 * and out of reach. Nothing may be touched outside of guest memory, and when the program ends nothing may be left.
 *
 * Input: a byte of options; 256 bytes that become the start of guest memory; then calls, each a number and its arguments: a
 * byte that picks a small number, a descriptor, an address, or the bytes that follow.
 */
#include <string.h>

#include "kern/account.h"
#include "test/guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { START = 256, MAX_CALLS = 100, LIMIT = 16 << 20 };

typedef struct Input {
    const uint8_t *at, *end;
} Input;

static uint64_t take(Input *in, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes && in->at < in->end; i++)
        v |= (uint64_t)*in->at++ << (8 * i);
    return v;
}

static uint64_t argument(Input *in, bool wide)
{
    static const uint64_t edges[] = {
        GUEST_MEMORY,
        GUEST_MEMORY - 1,
        GUEST_MEMORY - 8,
        GUEST_MEMORY - 48,
        0x7fffffff,
        0x80000000,
        UINT32_MAX,
        1024,
        1025,
        4095,
        4096,
        INT64_MAX,
        UINT64_MAX,
        UINT64_C(1) << 63,
        (UINT64_C(1) << 30) - 1,
        0x0fffffff,
    };
    uint8_t kind = (uint8_t)take(in, 1), value = kind & 31;
    switch (kind >> 5) {
    case 0:
    case 1:
        return value;
    case 2:
        return value * 8;           /* an address where the input begins */
    case 3:
        return edges[value % LEN(edges)];
    case 4:
        return UINT64_C(1) << (value + (wide && (kind & 1) ? 16 : 0));
    case 5:
        return value % 8 + 3;       /* a descriptor */
    default:
        return take(in, wide ? 8 : 4);
    }
}

/* One try of the call, which is given up when it would wait. */
static void call_one(Prog *p, Input *in)
{
    int call = (int)(take(in, 1) % CALL_COUNT);
    uint64_t a[9];
#define WASI_32(n) ((uint32_t)a[n])
#define WASI_64(n) (a[n])
#define FUZZ_PARAMS(name, params, results, arguments) params,
#define FUZZ_CALL(name, params, results, arguments)                                                                    \
    case CALL_##name:                                                                                                  \
        r = wasi_##name arguments;                                                                                     \
        break;
    static const char *const types[] = { WASI_CALLS(FUZZ_PARAMS) };
    /* The end of a task that is none. */
    if (call == CALL_proc_exit || call == CALL_proc_raise)
        return;
    for (size_t i = 0; types[call][i] != '\0'; i++)
        a[i] = argument(in, types[call][i] == 'I');
    WasiThread *w = &p->w;
    int32_t r = 0;
    wasi_call_begin(w);
    switch (call) {
        WASI_CALLS(FUZZ_CALL)
    default:
        break;
    }
    ASSERT(r >= WASI_WAIT && r < WASI_ERRNO_COUNT);
    (void)wasi_call_end(w, r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Input in = { data, data + size };
    Prog p;
    uint8_t options = (uint8_t)take(&in, 1);
    prog_begin(&p, (options & 1) != 0);
    OK(account_limit_memory(&p.thread.call, p.task.account, LIMIT, true));
    fdtab_limit(p.task.fds, 64);
    prog_odd(&p, "tty", OPEN_READ | OPEN_WRITE);
    prog_odd(&p, "wait", OPEN_READ | OPEN_WRITE | (options & 2 ? OPEN_NONBLOCK : 0));
    prog_odd(&p, "eio", OPEN_READ | OPEN_WRITE);
    size_t n = (size_t)(in.end - in.at) < START ? (size_t)(in.end - in.at) : START;
    memcpy(p.memory, in.at, n);
    in.at += n;
    for (int i = 0; i < MAX_CALLS && in.at < in.end; i++)
        call_one(&p, &in);
    OK(account_limit_memory(&p.thread.call, p.task.account, ACCOUNT_MAX, true));
    prog_end(&p);
    return 0;
}
