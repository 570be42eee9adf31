/* SPDX-License-Identifier: MIT */
/*
 * poll_oneoff: one call that waits at several queues at once. Each try looks at every subscription; while none has happened,
 * each arms the call at what it waits for, and clocks set its deadline. Once one has, the others are only looked at.
 */
#include "engine/wasi_call.h"

#define POLL_MAX (2 * FD_LIMIT_MAX) /* subscriptions: more than one for reading and one for writing make no sense */

typedef struct Poll {
    WasiThread *w;
    uint32_t events;                /* address of the next event */
    uint32_t n;                     /* events so far */
    uint64_t deadline;              /* the earliest clock, on CLOCK_MONO; 0 none */
    uint64_t mono, real;            /* now, once a clock has asked; 0 before */
} Poll;

static int take_subscription(const Guest *g, uint32_t addr, WasiSubscription *s)
{
    uint8_t record[sizeof *s];
    int r = guest_read(g, addr, record, sizeof record);
    if (r < 0)
        return r;
    Cursor c = cursor_over(record, sizeof record);
    s->userdata = cursor_get(&c, 8);
    s->tag = (uint8_t)cursor_get(&c, 1);
    cursor_skip(&c, 7);
    s->id = (uint32_t)cursor_get(&c, 4);
    cursor_skip(&c, 4);
    s->timeout = cursor_get(&c, 8);
    s->precision = cursor_get(&c, 8);
    s->flags = (uint16_t)cursor_get(&c, 2);
    return 0;
}

static int put_event(Poll *p, const WasiSubscription *s, int32_t error, uint64_t nbytes, uint16_t flags)
{
    uint8_t record[sizeof(WasiEvent)];
    Cursor c = cursor_over(record, sizeof record);
    cursor_put(&c, 8, s->userdata);
    cursor_put(&c, 2, (uint64_t)error);
    cursor_put(&c, 1, s->tag);
    cursor_zero(&c, 5);
    cursor_put(&c, 8, nbytes);
    cursor_put(&c, 2, flags);
    cursor_zero(&c, 6);
    ASSERT(!c.overrun && c.at == c.end);
    int r = guest_write(&p->w->guest, p->events, record, sizeof record);
    p->events += (uint32_t)sizeof record;
    p->n++;
    return r;
}

/* ---- clocks ----------------------------------------------------------------------------------------------------- */

static uint64_t later(uint64_t t, uint64_t by)
{
    return t > UINT64_MAX - by ? UINT64_MAX : t + by;
}

/* When the clock is due, on CLOCK_MONO. */
static uint64_t due(Poll *p, const WasiSubscription *s)
{
    if (p->mono == 0) {
        p->mono = clock_now(CLOCK_MONO);
        p->real = clock_now(CLOCK_REAL);
    }
    if ((s->flags & WASI_ABSTIME) == 0)
        return later(p->w->again ? p->w->since : p->mono, s->timeout);
    if (s->id == WASI_CLOCK_MONOTONIC)
        return s->timeout;
    return s->timeout <= p->real ? 0 : later(p->mono, s->timeout - p->real);
}

static int poll_clock(Poll *p, const WasiSubscription *s)
{
    if (s->id > WASI_CLOCK_THREAD_CPUTIME || (s->flags & ~WASI_ABSTIME) != 0)
        return -EINVAL;
    /* CPU time stands still while the thread waits for it. */
    if (s->id != WASI_CLOCK_REALTIME && s->id != WASI_CLOCK_MONOTONIC)
        return put_event(p, s, WASI_ENOTSUP, 0, 0);
    uint64_t when = due(p, s);
    if (when <= p->mono)
        return put_event(p, s, WASI_OK, 0, 0);
    if (p->deadline == 0 || when < p->deadline)
        p->deadline = when;
    return 0;
}

/* ---- descriptors ------------------------------------------------------------------------------------------------ */

/* What a regular file has left to read. */
static uint64_t bytes_left(WasiThread *w, Chan *ch)
{
    Attr a;
    uint64_t pos;
    if ((ch->file->flags & FILE_STREAM) != 0 || ch->file->type != TYPE_FILE ||
        chan_getattr(wasi_kcall(w), ch, &a) < 0 || chan_seek(wasi_kcall(w), ch, 0, SEEK_FROM_HERE, &pos) < 0)
        return 0;
    return a.size > pos ? a.size - pos : 0;
}

static int poll_fd(Poll *p, const WasiSubscription *s)
{
    WasiThread *w = p->w;
    bool reads = s->tag == WASI_EVENT_READ;
    FdTab *fds = wasi_fds(w);
    uint64_t version = fd_version(fds);
    FdInfo info;
    int r = wasi_get(w, s->id, 0, &info);
    if (r < 0)
        return put_event(p, s, wasi_errno(r), 0, 0);
    AUTO_CHAN Chan *ch = info.chan;
    uint64_t right = RIGHT_POLL_FD_READWRITE | (reads ? RIGHT_FD_READ : RIGHT_FD_WRITE);
    if (!file_is_dir(ch->file) && (ch->mode & (reads ? OPEN_READ : OPEN_WRITE)) == 0)
        return put_event(p, s, WASI_EBADF, 0, 0);
    if ((info.rights & right) != right && !file_is_dir(ch->file))
        return put_event(p, s, WASI_ENOTCAPABLE, 0, 0);
    uint64_t bytes = UINT64_MAX;
    /* READY_HANGUP comes unasked. */
    r = chan_ready(p->n == 0 ? wasi_kcall(w) : NULL, ch, reads ? READY_READ : READY_WRITE, &bytes);
    if (r == WAIT && p->n == 0)
        r = fd_arm(wasi_kcall(w), fds, version);
    if (r == WAIT || r == 0)
        return 0;
    if (r < 0)
        return put_event(p, s, wasi_errno(r), 0, 0);
    if (bytes == UINT64_MAX)
        bytes = reads ? bytes_left(w, ch) : 0;
    return put_event(p, s, WASI_OK, bytes, r & READY_HANGUP ? WASI_HANGUP : 0);
}

static int poll_all(Poll *p, uint32_t subs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        WasiSubscription s;
        int r = take_subscription(&p->w->guest, subs + i * (uint32_t)sizeof s, &s);
        if (r < 0)
            return r;
        if (s.tag == WASI_EVENT_CLOCK)
            r = poll_clock(p, &s);
        else if (s.tag == WASI_EVENT_READ || s.tag == WASI_EVENT_WRITE)
            r = poll_fd(p, &s);
        else
            r = -EINVAL;
        if (r < 0)
            return r;
    }
    return 0;
}

int32_t wasi_poll_oneoff(WasiThread *w, uint32_t subs, uint32_t events, uint32_t count, uint32_t result)
{
    Poll p = { .w = w, .events = events };
    if (count == 0 || count > POLL_MAX)
        return WASI_EINVAL;
    if (!guest_has(&w->guest, subs, (uint64_t)count * sizeof(WasiSubscription)) ||
        !guest_has(&w->guest, events, (uint64_t)count * sizeof(WasiEvent)) ||
        !guest_has(&w->guest, result, sizeof(uint32_t)))
        return WASI_EFAULT;
    int r = poll_all(&p, subs, count);
    if (r < 0)
        return wasi_errno(r);
    if (p.n > 0)
        return wasi_errno(guest_put_u32(&w->guest, result, p.n));
    if (!w->again)
        w->since = p.mono;
    wasi_kcall(w)->deadline = p.deadline;
    return WASI_WAIT;
}
