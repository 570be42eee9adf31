/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes of a program by the number of its descriptor: rights, taps, accounts, and vectors.
 *
 * A call keeps the descriptors that it used last at hand (FdPin): while the table's version stands, neither a lock nor
 * a count is needed to use them again. A pin delays the end of an open file, never that of its holder: chan_unhold has
 * been told when the slot let go. Stale pins go at the next miss, when the call closes something or waits, and with the call.
 *
 * A vector that is not long becomes one call of the device, so that what a program writes at once stays together.
 */
#include <string.h>

#include "kern/fdslot.h"
#include "kern/task.h"

enum {
    GATHER_ON_STACK = 4096,
    GATHER_MAX = 65536,
};

/* ---- pins --------------------------------------------------------------------------------------------------------- */

static void pin_drop(FdPin *p)
{
    Chan *ch = STEAL(p->chan);
    Ring *ring = STEAL(p->ring);
    p->table = 0;
    ring_put(ring);
    chan_put(ch);
}

void fd_unpin(Call *c)
{
    if (c == NULL || c->fd_busy)
        return;
    for (unsigned i = 0; i < CALL_FD_PINS; i++)
        if (c->fd_pins[i].table != 0)
            pin_drop(&c->fd_pins[i]);
}

void fd_unpin_one(Call *c, FdTab *t, int fd, uint64_t before)
{
    if (c == NULL || c->fd_busy)
        return;
    for (FdPin *p = c->fd_pins; p < c->fd_pins + CALL_FD_PINS; p++)
        if (p->table == t->id && p->version == before && p->fd != fd)
            p->version = before + 1;
        else if (p->table != 0)
            pin_drop(p);
}

static bool pin_holds(const FdPin *p, const FdTab *t, int fd)
{
    return p->table == t->id && p->fd == fd && p->version == atomic_load_explicit(&t->version, memory_order_acquire);
}

/* The descriptor fd of t, borrowed from c until its next use of any. */
static int pin_get(Call *c, FdTab *t, int fd, bool for_write, FdPin **out)
{
    FdPin *p = &c->fd_pins[(unsigned)fd % CALL_FD_PINS];
    if (pin_holds(p, t, fd) && (!for_write || p->ring != NULL)) {
        *out = p;
        return 0;
    }
    FdHold hold;
    int r = fd_hold(t, fd, for_write, &hold);
    if (r < 0)
        return r;
    for (FdPin *q = c->fd_pins; q < c->fd_pins + CALL_FD_PINS; q++)
        if (q == p || q->table != t->id || q->version != hold.version)
            if (q->table != 0)
                pin_drop(q);
    *p = (FdPin){ .table = t->id,
                  .version = hold.version,
                  .fd = fd,
                  .chan = hold.chan,
                  .ring = hold.ring,
                  .rights = hold.rights,
                  .inheriting = hold.inheriting };
    *out = p;
    return 0;
}

int fd_lend(Call *c, FdTab *t, int fd, FdInfo *out)
{
    FdPin *p;
    if (c->fd_busy)
        return -EBUSY;
    int r = pin_get(c, t, fd, false, &p);
    if (r < 0)
        return r;
    c->fd_busy = true;
    *out = (FdInfo){ .chan = p->chan, .rights = p->rights, .inheriting = p->inheriting };
    return 0;
}

void fd_give_back(Call *c, FdTab *t)
{
    c->fd_busy = false;
    for (unsigned i = 0; i < CALL_FD_PINS; i++)
        if (c->fd_pins[i].table == t->id && c->fd_pins[i].version != fd_version(t)) {
            fd_unpin(c);
            return;
        }
}

/* ---- one piece ---------------------------------------------------------------------------------------------------- */

static int64_t read_piece(Call *c, Chan *ch, void *buf, size_t n, const uint64_t *off, uint64_t done)
{
    return off != NULL ? chan_read(c, ch, buf, n, *off + done) : chan_read_pos(c, ch, buf, n);
}

static int64_t write_to_chan(Call *c, Chan *ch, const void *buf, size_t n, const uint64_t *off, uint64_t done)
{
    return off != NULL ? chan_write(c, ch, buf, n, *off + done) : chan_write_pos(c, ch, buf, n);
}

/* Rather than fail, a write takes the memory of what only taps to come would read. */
static int64_t write_at_any_rate(Call *c, FdTab *t, Chan *ch, const void *buf, size_t n, const uint64_t *off,
                                 uint64_t done)
{
    int64_t r = write_to_chan(c, ch, buf, n, off, done);
    if ((r == -ENOSPC || r == -ENOMEM) && fdtab_shrink_rings(t))
        r = write_to_chan(c, ch, buf, n, off, done);
    return r;
}

static int64_t write_piece(Call *c, FdTab *t, const FdPin *p, const void *buf, size_t n, const uint64_t *off,
                           uint64_t done)
{
    if (p->ring == NULL || n == 0)
        return write_at_any_rate(c, t, p->chan, buf, n, off, done);
    size_t reserved = 0;
    int64_t room = ring_reserve(c, p->ring, n, chan_nonblock(c, p->chan), &reserved);
    if (room < 0)
        return room;
    c->ring = p->ring;
    c->ringed = 0;
    int64_t r = write_at_any_rate(c, t, p->chan, buf, (size_t)room, off, done);
    c->ring = NULL;
    ring_commit(p->ring, (const char *)buf + c->ringed, r > 0 ? (size_t)r - c->ringed : 0, reserved);
    return r;
}

/* ---- vectors ------------------------------------------------------------------------------------------------------ */

typedef struct Span {
    size_t total;                   /* bytes in all */
    bool single;                    /* at most one piece is not empty: at base */
    void *base;
} Span;

/* -EINVAL when the sum is too large to be a result. */
static int measure(const IoVec *v, unsigned n, Span *out)
{
    static char nothing[1];         /* devices get an address also for no bytes */
    Span s = { .single = true, .base = nothing };
    for (unsigned i = 0; i < n; i++) {
        if (v[i].len > INT32_MAX - s.total)
            return -EINVAL;
        s.total += v[i].len;
        if (v[i].len > 0) {
            s.single = s.total == v[i].len;
            s.base = v[i].base;
        }
    }
    *out = s;
    return 0;
}

/* Room for all of a vector: few, or allocated in *many. NULL: it is done piece by piece. */
static char *gather_room(size_t total, char *few, char **many)
{
    if (total <= GATHER_ON_STACK)
        return few;
    *many = total <= GATHER_MAX ? mem_resize(NULL, total) : NULL;
    return *many;
}

static int64_t read_many(Call *c, const FdPin *p, const IoVec *v, unsigned n, size_t total, const uint64_t *off)
{
    char few[GATHER_ON_STACK];
    AUTO_FREE char *many = NULL;
    char *all = gather_room(total, few, &many);
    int64_t done = 0;
    if (all != NULL) {
        done = read_piece(c, p->chan, all, total, off, 0);
        size_t at = 0;
        for (unsigned i = 0; i < n && done > 0 && at < (size_t)done; i++) {
            size_t part = v[i].len < (size_t)done - at ? v[i].len : (size_t)done - at;
            if (part > 0)
                memcpy(v[i].base, all + at, part);
            at += part;
        }
        return done;
    }
    for (unsigned i = 0; i < n; i++) {
        if (v[i].len == 0)
            continue;
        int64_t r = read_piece(c, p->chan, v[i].base, v[i].len, off, (uint64_t)done);
        if (r < 0)
            return done > 0 ? done : r;
        done += r;
        /* Of a stream, the next read might take what a caller that gets it late has no use for. */
        if ((size_t)r < v[i].len || (p->chan->file->flags & FILE_STREAM) != 0)
            break;
    }
    return done;
}

static int64_t write_many(Call *c, FdTab *t, const FdPin *p, const IoVec *v, unsigned n, size_t total,
                          const uint64_t *off)
{
    char few[GATHER_ON_STACK];
    AUTO_FREE char *many = NULL;
    char *all = gather_room(total, few, &many);
    int64_t done = 0;
    if (all != NULL) {
        size_t at = 0;
        for (unsigned i = 0; i < n; i++) {
            if (v[i].len > 0)
                memcpy(all + at, v[i].base, v[i].len);
            at += v[i].len;
        }
        return write_piece(c, t, p, all, total, off, 0);
    }
    for (unsigned i = 0; i < n; i++) {
        if (v[i].len == 0)
            continue;
        int64_t r = write_piece(c, t, p, v[i].base, v[i].len, off, (uint64_t)done);
        if (r < 0)
            return done > 0 ? done : r;
        done += r;
        if ((size_t)r < v[i].len)
            break;
    }
    return done;
}

/* A call that waits in a slot is woken too when the slot changes. */
static int64_t finish(Call *c, FdTab *t, const FdPin *p, bool write, int64_t r)
{
    bool stale = p->version != fd_version(t);
    if (r == WAIT)
        r = fd_arm(c, t, p->version);
    else if (r >= 0)
        task_io(c, write, (uint64_t)r);
    /* A control line of the program may have closed what it was written to. */
    c->fd_busy = false;
    if (stale)
        fd_unpin(c);
    return r;
}

/* The descriptor and the size of what is to be moved; the call is busy with p then. */
static int prepare(Call *c, FdTab *t, int fd, bool write, const IoVec *v, unsigned n, uint64_t rights, FdPin **p,
                   Span *s)
{
    ASSERT(!c->fd_busy);
    int r = pin_get(c, t, fd, write, p);
    if (r < 0)
        return r;
    if (((*p)->rights & rights) != rights)
        return -EPERM;
    r = measure(v, n, s);
    if (r == 0)
        c->fd_busy = true;
    return r;
}

int64_t fd_readv(Call *c, FdTab *t, int fd, const IoVec *v, unsigned n, const uint64_t *off, uint64_t rights)
{
    FdPin *p;
    Span s;
    int r = prepare(c, t, fd, false, v, n, rights, &p, &s);
    if (r < 0)
        return r;
    int64_t got = s.single ? read_piece(c, p->chan, s.base, s.total, off, 0) : read_many(c, p, v, n, s.total, off);
    return finish(c, t, p, false, got);
}

int64_t fd_writev(Call *c, FdTab *t, int fd, const IoVec *v, unsigned n, const uint64_t *off, uint64_t rights)
{
    FdPin *p;
    Span s;
    int r = prepare(c, t, fd, true, v, n, rights, &p, &s);
    if (r < 0)
        return r;
    int64_t put = s.single ? write_piece(c, t, p, s.base, s.total, off, 0) : write_many(c, t, p, v, n, s.total, off);
    return finish(c, t, p, true, put);
}
