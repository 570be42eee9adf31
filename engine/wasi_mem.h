/* SPDX-License-Identifier: MIT */
/*
 * The memory of a WASI program, as its calls see it. Natively it is a base and a length, and data goes straight between
 * a file and the program; in the page the kernel cannot touch it, and everything is copied by two functions of the
 * engine. Callers write the same code for both. Only wasi_mem.c reads and writes guest bytes, little endian, through
 * bounded cursors.
 *
 * Another thread of the program may change its memory at any time: what is checked is copied first, and looked at once.
 */
#ifndef ENGINE_WASI_MEM_H
#define ENGINE_WASI_MEM_H

#include "kern/fdtab.h"
#include "kern/kern.h"

/* An engine that cannot give an address. Both copy n > 0 bytes whose bounds are checked already. */
typedef struct GuestCopy {
    void (*in)(void *self, void *to, uint64_t addr, size_t n);
    void (*out)(void *self, uint64_t addr, const void *from, size_t n);
} GuestCopy;

/*
 * The engine sets base (or copy and self) and len before each call: memory.grow changes len, and may move an unshared
 * memory. Nothing here outlives the call.
 */
typedef struct Guest {
    uint8_t *base;                  /* NULL: go through copy */
    uint64_t len;                   /* bytes */
    const GuestCopy *copy;
    void *self;                     /* the first argument of copy's functions */
} Guest;

static inline bool guest_has(const Guest *g, uint64_t addr, uint64_t n)
{
    return addr <= g->len && n <= g->len - addr;
}

/* Copies n bytes. -EFAULT out of bounds (nothing is copied). */
int guest_read(const Guest *g, uint32_t addr, void *to, size_t n);
int guest_write(const Guest *g, uint32_t addr, const void *from, size_t n);

int guest_put_u32(const Guest *g, uint32_t addr, uint32_t v);
int guest_put_u64(const Guest *g, uint32_t addr, uint64_t v);

/* A cursor over a local copy of guest bytes, little endian. Beyond its end it reads zeroes and writes nothing. */
typedef struct Cursor {
    uint8_t *at, *end;
    bool overrun;
} Cursor;

static inline Cursor cursor_over(void *p, size_t n)
{
    return (Cursor){ .at = p, .end = (uint8_t *)p + n };
}
uint64_t cursor_get(Cursor *c, unsigned bytes);                 /* 1, 2, 4 or 8 */
void cursor_put(Cursor *c, unsigned bytes, uint64_t v);
void cursor_zero(Cursor *c, size_t n);                          /* padding */
void cursor_skip(Cursor *c, size_t n);
void cursor_bytes(Cursor *c, const void *p, size_t n);

/* ---- paths ------------------------------------------------------------------------------------------------------ */

typedef struct GuestPath {
    char s[PATH_MAX_LEN + 1];       /* ended by NUL */
} GuestPath;

/* -EFAULT, -ENAMETOOLONG, -EILSEQ a NUL inside, -ENOENT empty. */
int guest_path(const Guest *g, uint32_t addr, uint32_t len, GuestPath *out);

/* ---- data ------------------------------------------------------------------------------------------------------- */

#define GUEST_IOV_MAX 1024
#define GUEST_STAGE 65536           /* of a call that must copy: what is beyond is left for the next */
#define GUEST_TOTAL_MAX 0x7fff0000u /* so that a count of bytes fits everywhere; a call moves less, as POSIX allows */

/*
 * The vectors of one read or write: v[0..n) are windows into guest memory, or into a buffer where that is out of reach.
 * Usually nothing is allocated.
 */
typedef struct GuestIov {
    IoVec *v;
    unsigned n;
    size_t total;                   /* bytes in all windows */
    uint32_t iovs, count;           /* as the guest gave them, for guest_iov_commit; count 0: one window at iovs */
    void *more;                     /* owned: more vectors, or the staging buffer */
    IoVec fixed[16];
    uint8_t small[256];             /* a small staging buffer */
} GuestIov;

/*
 * Reads `count` vectors at `iovs`. in: the data goes from the guest to a file.
 *   -EINVAL  more than GUEST_IOV_MAX    -EFAULT  a vector or its data is out of bounds    -ENOMEM
 * When it returns 0, guest_iov_end follows.
 */
int guest_iov_begin(const Guest *g, uint32_t iovs, uint32_t count, bool in, GuestIov *io);
/* One window of up to n bytes at addr, to be filled by the kernel. */
int guest_window_begin(const Guest *g, uint32_t addr, uint32_t n, GuestIov *io);
/* Brings the first n bytes put into the windows to the guest; natively they are there. */
void guest_iov_commit(const Guest *g, const GuestIov *io, size_t n);
static inline void guest_iov_end(GuestIov *io)
{
    if (__builtin_expect(io->more != NULL, 0))
        mem_free(io->more);
}

#endif
