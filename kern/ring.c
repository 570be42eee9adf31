/* SPDX-License-Identifier: MIT */
/*
 * Rings of what was written last, and the taps that read them. Positions count bytes since the ring was made; a byte at position p is
 * at p modulo the size of the buffer, which is a power of two. One lock, Ring.lock, guards all, taps included.
 *
 * While no waiting tap is open a write is not announced: ring_reserve looks at one number. A tap that is opened between the write
 * and its commit then finds more coming than was reserved, and the buffer grows beyond its usual size for it.
 * Only when there is no memory either does such a tap see a gap.
 *
 * A pipe that has the newest bytes in a buffer of its own lends them: the ring knows where they are, and copies them when somebody
 * looks, or before the pipe overwrites them for another or frees them. Its buffer changes under Ring.lock as long as it lends.
 */
#include <string.h>

#include "kern/account.h"
#include "kern/count.h"
#include "kern/dev.h"
#include "kern/ring.h"

enum {
    SMALL = 256,                    /* kept in the ring itself: there is always room for a short write */
    FIRST = 4096,                   /* the first buffer; also what is not cut in two when a tap is slow */
};

struct Tap {
    Ring *ring;                     /* owned */
    Account *account;               /* owned */
    bool waits;                     /* the writer waits for it */
    bool gap;                       /* bytes were lost: one EOVERFLOW is owed */
    uint64_t at;                    /* the next byte it reads */
    Tap *next;
};

typedef struct Loan {
    const uint8_t *base;            /* the lender's buffer, NULL: nothing is borrowed */
    size_t size;                    /* its length, a power of two, RING_SIZE at least */
    uint64_t end;                   /* where the next byte goes in there */
    size_t n;                       /* so many bytes before that are borrowed: they follow those before head */
} Loan;

struct Ring {
    Ref ref;
    Account *account;               /* owned */
    atomic_uint waiting;            /* waiting taps; changes under lock */
    Mutex lock;                     /* RANK_RING */
    Tap *taps;
    uint8_t *buf;                   /* small, or owned */
    size_t size;
    uint64_t head;                  /* where the next byte goes */
    size_t kept;                    /* bytes before head that are still there */
    size_t reserved;
    Loan loan;                      /* only while there are no taps */
    bool closed;
    Queue readable;                 /* bytes came, or the end */
    Queue writable;                 /* the slowest waiting tap went on */
    uint8_t small[SMALL];
};

Ring *ring_new(Account *a)
{
    Ring *r = account_alloc(a, sizeof *r);
    if (r == NULL)
        return NULL;
    ref_init(&r->ref);
    mutex_init(&r->lock, RANK_RING);
    queue_init(&r->readable);
    queue_init(&r->writable);
    r->account = account_get(a);
    r->buf = r->small;
    r->size = SMALL;
    count_add(OBJ_RING, r);
    return r;
}

Ring *ring_get(Ring *r)
{
    ref_get(&r->ref);
    return r;
}

void ring_put(Ring *r)
{
    if (r == NULL || !ref_put(&r->ref))
        return;
    Account *a = r->account;
    ASSERT(r->taps == NULL);
    if (r->buf != r->small)
        account_free(a, r->buf, r->size);
    queue_close(&r->readable);
    queue_close(&r->writable);
    mutex_destroy(&r->lock);
    count_sub(OBJ_RING, r);
    account_free(a, r, sizeof *r);
    account_put(a);
}

/* ---- the buffer --------------------------------------------------------------------------------------------------- */

static void copy_in(uint8_t *buf, size_t size, uint64_t at, const uint8_t *s, size_t n)
{
    size_t off = (size_t)(at & (size - 1));
    size_t first = n < size - off ? n : size - off;
    memcpy(buf + off, s, first);
    memcpy(buf, s + first, n - first);
}

static void copy_out_locked(const Ring *r, uint64_t at, uint8_t *to, size_t n)
{
    size_t off = (size_t)(at & (r->size - 1));
    size_t first = n < r->size - off ? n : r->size - off;
    memcpy(to, r->buf + off, first);
    memcpy(to + first, r->buf, n - first);
}

/* What must stay for waiting taps: from the slowest of them to head. */
static size_t unread_locked(const Ring *r)
{
    size_t most = 0;
    for (const Tap *t = r->taps; t != NULL; t = t->next)
        if (t->waits && r->head - t->at > most)
            most = (size_t)(r->head - t->at);
    return most;
}

/* Taps that miss what is not kept any more. */
static void note_gaps_locked(Ring *r)
{
    uint64_t oldest = r->head - r->kept;
    for (Tap *t = r->taps; t != NULL; t = t->next) {
        if (t->at < oldest) {
            t->at = oldest;
            t->gap = true;
        }
    }
}

/* A buffer of another size, with the last bytes of the old one that it can hold. False without memory: all stays as it was. */
static bool resize_locked(Ring *r, size_t size)
{
    uint8_t *buf = r->small;
    if (size > SMALL) {
        if (account_charge(r->account, size) < 0)
            return false;
        buf = mem_resize(NULL, size);
        if (buf == NULL) {
            account_uncharge(r->account, size);
            return false;
        }
    }
    uint8_t *old = r->buf;
    size_t old_size = r->size;
    if (r->kept > size) {
        r->kept = size;
        note_gaps_locked(r);
    }
    r->buf = buf;
    r->size = size;
    for (size_t n = 0; n < r->kept;) {
        /* A piece that is contiguous in the old buffer. */
        uint64_t at = r->head - r->kept + n;
        size_t off = (size_t)(at & (old_size - 1));
        size_t part = r->kept - n < old_size - off ? r->kept - n : old_size - off;
        copy_in(r->buf, size, at, old + off, part);
        n += part;
    }
    if (old != r->small)
        account_free(r->account, old, old_size);
    return true;
}

/* As far as memory allows, a buffer for need bytes. */
static void grow_locked(Ring *r, size_t need)
{
    size_t size = r->size < FIRST ? FIRST : r->size;
    while (size < need)
        size *= 2;
    while (size > r->size && !resize_locked(r, size))
        size /= 2;
}

/* Room for n more bytes behind what is kept, but not more than the usual size. */
static void grow_usual_locked(Ring *r, size_t n)
{
    size_t need = n < RING_SIZE - r->kept ? r->kept + n : RING_SIZE;
    if (r->kept < RING_SIZE && need > r->size)
        grow_locked(r, need);
}

bool ring_shrink(Ring *r)
{
    mutex_lock(&r->lock);
    size_t need = unread_locked(r) + r->reserved;
    size_t before = r->size;
    size_t size = SMALL;
    while (size < need)
        size *= 2;
    bool smaller = size < before && resize_locked(r, size);
    mutex_unlock(&r->lock);
    return smaller;
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

int64_t ring_reserve(Call *c, Ring *r, size_t n, bool nonblock, size_t *reserved)
{
    *reserved = 0;
    if (atomic_load(&r->waiting) == 0)
        return (int64_t)n;
    int64_t result = (int64_t)n;
    mutex_lock(&r->lock);
    if (atomic_load(&r->waiting) != 0) {
        size_t taken = unread_locked(r) + r->reserved;
        if (taken < RING_SIZE && n > r->size - (taken < r->size ? taken : r->size))
            grow_locked(r, n < RING_SIZE - taken ? taken + n : RING_SIZE);
        size_t room = taken < r->size ? r->size - taken : 0;
        /* A short write goes whole or not yet; so does the beginning of a long one. */
        size_t least = n < FIRST ? n : FIRST;
        if (least > r->size)
            least = r->size;
        if (room < least) {
            result = nonblock ? -EAGAIN : wait_arm(c, &r->writable);
        } else {
            *reserved = n < room ? n : room;
            r->reserved += *reserved;
            result = (int64_t)*reserved;
        }
    }
    mutex_unlock(&r->lock);
    return result;
}

static void append_locked(Ring *r, const uint8_t *s, size_t n)
{
    size_t keep = atomic_load_explicit(&r->waiting, memory_order_relaxed) != 0 ? unread_locked(r) + n + r->reserved : 0;
    if (keep > r->size)
        grow_locked(r, keep);
    else if (r->kept + n > r->size)
        grow_usual_locked(r, n);
    size_t skip = n > r->size ? n - r->size : 0;
    copy_in(r->buf, r->size, r->head + skip, s + skip, n - skip);
    r->head += n;
    r->kept = n < r->size - r->kept ? r->kept + n : r->size;
    if (r->taps != NULL)
        note_gaps_locked(r);
}

/* What is borrowed becomes the ring's own. */
static void settle_locked(Ring *r)
{
    Loan l = r->loan;
    r->loan = (Loan){ 0 };
    while (l.n > 0) {
        size_t off = (size_t)((l.end - l.n) & (l.size - 1));
        size_t part = l.n < l.size - off ? l.n : l.size - off;
        append_locked(r, l.base + off, part);
        l.n -= part;
    }
}

void ring_settle(Ring *r, const void *base)
{
    mutex_lock(&r->lock);
    if (r->loan.base == base)
        settle_locked(r);
    mutex_unlock(&r->lock);
}

bool ring_borrow(Ring *r, void *base, size_t size, uint64_t at, const void *buf, size_t n)
{
    ASSERT(size >= RING_SIZE && n <= size);
    mutex_lock(&r->lock);
    bool may = r->taps == NULL;
    if (may) {
        if (r->loan.base != base || r->loan.end != at)
            settle_locked(r);
        /* What is overwritten there is too old for a tap: as many bytes as a ring keeps follow it. */
        size_t stays = r->loan.n < size - n ? r->loan.n : size - n;
        copy_in(base, size, at, buf, n);
        r->loan = (Loan){ .base = base, .size = size, .end = at + n, .n = stays + n };
    }
    mutex_unlock(&r->lock);
    return may;
}

void ring_commit(Ring *r, const void *buf, size_t n, size_t reserved)
{
    if (n == 0 && reserved == 0)
        return;
    mutex_lock(&r->lock);
    r->reserved -= reserved;
    if (n > 0) {
        settle_locked(r);
        append_locked(r, buf, n);
        queue_wake(&r->readable);
    }
    if (n < reserved)
        queue_wake(&r->writable);
    mutex_unlock(&r->lock);
}

void ring_close(Ring *r)
{
    mutex_lock(&r->lock);
    r->closed = true;
    queue_wake(&r->readable);
    queue_wake(&r->writable);
    mutex_unlock(&r->lock);
}

bool ring_closed(Ring *r)
{
    mutex_lock(&r->lock);
    bool closed = r->closed;
    mutex_unlock(&r->lock);
    return closed;
}

/* ---- taps --------------------------------------------------------------------------------------------------------- */

Tap *tap_open(Ring *r, bool waits, Account *a)
{
    Tap *t = account_alloc(a, sizeof *t);
    if (t == NULL)
        return NULL;
    t->ring = ring_get(r);
    t->account = account_get(a);
    t->waits = waits;
    count_add(OBJ_TAP, t);
    mutex_lock(&r->lock);
    settle_locked(r);
    /* What others have reserved will take the place of the oldest bytes. */
    size_t lost = r->kept + r->reserved > r->size ? r->kept + r->reserved - r->size : 0;
    t->at = r->head - (lost < r->kept ? r->kept - lost : 0);
    t->next = r->taps;
    r->taps = t;
    if (waits)
        atomic_fetch_add(&r->waiting, 1);
    mutex_unlock(&r->lock);
    return t;
}

void tap_close(Tap *t)
{
    Ring *r = t->ring;
    Account *a = t->account;
    mutex_lock(&r->lock);
    Tap **at = &r->taps;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    if (t->waits)
        atomic_fetch_sub(&r->waiting, 1);
    if (r->size > RING_SIZE && unread_locked(r) + r->reserved <= RING_SIZE)
        (void)resize_locked(r, RING_SIZE);
    queue_wake(&r->writable);
    mutex_unlock(&r->lock);
    ring_put(r);
    count_sub(OBJ_TAP, t);
    account_free(a, t, sizeof *t);
    account_put(a);
}

int64_t tap_read(Call *c, Tap *t, void *buf, size_t n)
{
    Ring *r = t->ring;
    int64_t result = 0;
    mutex_lock(&r->lock);
    uint64_t ready = r->head - t->at;
    if (t->gap) {
        t->gap = false;
        result = -EOVERFLOW;
    } else if (ready == 0 && !r->closed && n > 0) {
        result = t->waits ? wait_arm(c, &r->readable) : -EAGAIN;
    } else {
        size_t got = ready < n ? (size_t)ready : n;
        copy_out_locked(r, t->at, buf, got);
        t->at += got;
        result = (int64_t)got;
        if (t->waits && got > 0)
            queue_wake(&r->writable);
    }
    mutex_unlock(&r->lock);
    return result;
}

int tap_ready(Call *c, Tap *t, uint64_t *bytes)
{
    Ring *r = t->ring;
    mutex_lock(&r->lock);
    uint64_t ready = r->head - t->at;
    int result = READY_READ | (r->closed ? READY_HANGUP : 0);
    if (ready == 0 && !t->gap && !r->closed)
        result = c != NULL ? wait_arm(c, &r->readable) : 0;
    mutex_unlock(&r->lock);
    if (bytes != NULL)
        *bytes = ready;
    return result;
}
