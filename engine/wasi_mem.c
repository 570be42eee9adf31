/* SPDX-License-Identifier: MIT */
/*
 * Guest memory: the one file that touches the bytes of a WASI program. Every address and length is checked against the
 * memory's length as it was when the call began; memory never shrinks, so that what was checked stays there.
 */
#include "engine/wasi_mem.h"

#include <string.h>

#include "engine/wasi_abi.h"

/* Both with bounds checked. */
static void copy_in(const Guest *g, uint64_t addr, void *to, size_t n)
{
    if (g->base != NULL)
        memcpy(to, g->base + addr, n);
    else if (n > 0)
        g->copy->in(g->self, to, addr, n);
}

static void copy_out(const Guest *g, uint64_t addr, const void *from, size_t n)
{
    if (g->base != NULL)
        memcpy(g->base + addr, from, n);
    else if (n > 0)
        g->copy->out(g->self, addr, from, n);
}

int guest_read(const Guest *g, uint32_t addr, void *to, size_t n)
{
    if (!guest_has(g, addr, n))
        return -EFAULT;
    copy_in(g, addr, to, n);
    return 0;
}

int guest_write(const Guest *g, uint32_t addr, const void *from, size_t n)
{
    if (!guest_has(g, addr, n))
        return -EFAULT;
    copy_out(g, addr, from, n);
    return 0;
}

/* ---- little endian ---------------------------------------------------------------------------------------------- */

static inline uint32_t load32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t load(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static void store(uint8_t *p, unsigned bytes, uint64_t v)
{
    for (unsigned i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

int guest_put_u32(const Guest *g, uint32_t addr, uint32_t v)
{
    uint8_t b[4];
    store(b, sizeof b, v);
    return guest_write(g, addr, b, sizeof b);
}

int guest_put_u64(const Guest *g, uint32_t addr, uint64_t v)
{
    uint8_t b[8];
    store(b, sizeof b, v);
    return guest_write(g, addr, b, sizeof b);
}

static bool cursor_has(Cursor *c, size_t n)
{
    if (n <= (size_t)(c->end - c->at))
        return true;
    c->overrun = true;
    c->at = c->end;
    return false;
}

uint64_t cursor_get(Cursor *c, unsigned bytes)
{
    if (!cursor_has(c, bytes))
        return 0;
    uint64_t v = load(c->at, bytes);
    c->at += bytes;
    return v;
}

void cursor_put(Cursor *c, unsigned bytes, uint64_t v)
{
    if (!cursor_has(c, bytes))
        return;
    store(c->at, bytes, v);
    c->at += bytes;
}

void cursor_zero(Cursor *c, size_t n)
{
    if (!cursor_has(c, n))
        return;
    memset(c->at, 0, n);
    c->at += n;
}

void cursor_skip(Cursor *c, size_t n)
{
    if (cursor_has(c, n))
        c->at += n;
}

void cursor_bytes(Cursor *c, const void *p, size_t n)
{
    if (!cursor_has(c, n))
        return;
    memcpy(c->at, p, n);
    c->at += n;
}

/* ---- paths ------------------------------------------------------------------------------------------------------ */

int guest_path(const Guest *g, uint32_t addr, uint32_t len, GuestPath *out)
{
    if (!guest_has(g, addr, len))
        return -EFAULT;
    if (len == 0)
        return -ENOENT;
    if (len > PATH_MAX_LEN)
        return -ENAMETOOLONG;
    copy_in(g, addr, out->s, len);
    out->s[len] = '\0';
    return memchr(out->s, '\0', len) != NULL ? -EILSEQ : 0;
}

/* ---- vectors ---------------------------------------------------------------------------------------------------- */

/* One vector of the guest, clipped to what the call still takes. -EFAULT */
static int take_vector(const Guest *g, const uint8_t *record, size_t room, uint32_t *addr, size_t *len)
{
    *addr = load32(record);
    uint32_t n = load32(record + 4);
    if (!guest_has(g, *addr, n))
        return -EFAULT;
    *len = n < room ? n : room;
    return 0;
}

/* The vectors themselves, where guest memory can be addressed. */
static int map_vectors(const Guest *g, GuestIov *io)
{
    io->v = io->fixed;
    if (io->count > LEN(io->fixed)) {
        io->more = mem_alloc(io->count * sizeof(IoVec));
        if (io->more == NULL)
            return -ENOMEM;
        io->v = io->more;
    }
    for (uint32_t i = 0; i < io->count; i++) {
        uint32_t addr;
        size_t len;
        if (take_vector(g, g->base + io->iovs + (size_t)i * WASI_IOVEC_SIZE, GUEST_TOTAL_MAX - io->total, &addr, &len) <
            0) {
            guest_iov_end(io);
            return -EFAULT;
        }
        io->v[i] = (IoVec){ .base = g->base + addr, .len = len };
        io->total += len;
    }
    io->n = io->count;
    return 0;
}

/* The i-th vector, where guest memory cannot be addressed. */
static int nth_vector(const Guest *g, const GuestIov *io, uint32_t i, size_t room, uint32_t *addr, size_t *len)
{
    uint8_t record[WASI_IOVEC_SIZE];
    copy_in(g, io->iovs + (uint64_t)i * WASI_IOVEC_SIZE, record, sizeof record);
    return take_vector(g, record, room, addr, len);
}

static int stage_alloc(GuestIov *io, size_t n)
{
    io->v = io->fixed;
    io->n = 1;
    io->total = n;
    io->fixed[0] = (IoVec){ .base = io->small, .len = n };
    if (n <= sizeof io->small)
        return 0;
    io->more = mem_alloc(n);
    if (io->more == NULL)
        return -ENOMEM;
    io->fixed[0].base = io->more;
    return 0;
}

/* One buffer for all vectors, where it cannot. */
static int stage_vectors(const Guest *g, bool in, GuestIov *io)
{
    size_t total = 0;
    uint32_t addr;
    size_t len;
    for (uint32_t i = 0; i < io->count; i++) {
        if (nth_vector(g, io, i, GUEST_STAGE - total, &addr, &len) < 0)
            return -EFAULT;
        total += len;
    }
    int r = stage_alloc(io, total);
    if (r < 0 || !in)
        return r;
    uint8_t *to = io->fixed[0].base;
    size_t done = 0;
    for (uint32_t i = 0; i < io->count && done < total; i++) {
        /* Looked at once more: another thread may have changed it meanwhile. */
        if (nth_vector(g, io, i, total - done, &addr, &len) < 0) {
            guest_iov_end(io);
            return -EFAULT;
        }
        copy_in(g, addr, to + done, len);
        done += len;
    }
    io->fixed[0].len = io->total = done;
    return 0;
}

int guest_iov_begin(const Guest *g, uint32_t iovs, uint32_t count, bool in, GuestIov *io)
{
    if (count > GUEST_IOV_MAX)
        return -EINVAL;
    if (!guest_has(g, iovs, (uint64_t)count * WASI_IOVEC_SIZE))
        return -EFAULT;
    io->iovs = iovs;
    io->count = count;
    io->total = 0;
    io->n = 0;
    io->more = NULL;
    io->v = io->fixed;
    if (count == 0)
        return 0;
    return g->base != NULL ? map_vectors(g, io) : stage_vectors(g, in, io);
}

int guest_window_begin(const Guest *g, uint32_t addr, uint32_t n, GuestIov *io)
{
    if (!guest_has(g, addr, n))
        return -EFAULT;
    io->iovs = addr;
    io->count = 0;
    io->more = NULL;
    if (g->base == NULL)
        return stage_alloc(io, n < GUEST_STAGE ? n : GUEST_STAGE);
    io->total = n < GUEST_TOTAL_MAX ? n : GUEST_TOTAL_MAX;
    io->fixed[0] = (IoVec){ .base = g->base + addr, .len = io->total };
    io->v = io->fixed;
    io->n = 1;
    return 0;
}

void guest_iov_commit(const Guest *g, const GuestIov *io, size_t n)
{
    if (g->base != NULL || n == 0)
        return;
    const uint8_t *from = io->fixed[0].base;
    if (io->count == 0) {
        copy_out(g, io->iovs, from, n);
        return;
    }
    for (uint32_t i = 0; i < io->count && n > 0; i++) {
        uint32_t addr;
        size_t len;
        if (nth_vector(g, io, i, n, &addr, &len) < 0)
            return;
        copy_out(g, addr, from, len);
        from += len;
        n -= len;
    }
}
