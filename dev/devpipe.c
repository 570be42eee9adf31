/* SPDX-License-Identifier: MIT */
/*
 * Pipes: two files, a reading and a writing end, over one ring of bytes. doc/dev/pipe.md is what users see.
 *
 * Reading and writing are apart: `read` guards the position of the readers, `write` that of the writers, and bytes are
 * copied while only the own side's lock is held. So a reader and a writer on two processors copy at the same time. Both
 * locks are held to exchange the ring for another, which is large enough for what is written; it is made at the first write.
 *
 * A wait looks at the other side's position without its lock. Nothing is missed: who waits arms first and then passes the other
 * side's counter with a read-modify-write, who moves a counter does that with one too and looks for waiters afterwards. Of
 * the two, the later one sees what the other did. A writer says how much room it waits for (`want`), and is woken
 * when there is as much, not for every byte that is read. Either side is woken once a call, when the copy is done: in between, who
 * runs sees every piece, and who sleeps would take the processor away for a part of what comes.
 *
 * What a descriptor writes is to be kept for taps too (kern/ring.h). The ring here has it anyway, so it is lent, to one borrower:
 * the writers' lock guards who that is, and it is settled before others write.
 */
#include <inttypes.h>
#include <string.h>

#include "dev/devpipe.h"
#include "kern/account.h"
#include "kern/boot.h"
#include "kern/chan.h"
#include "kern/count.h"
#include "kern/ring.h"

enum {
    SIZE_DEFAULT = 65536,
    SIZE_LEAST = 4096,              /* what is written whole must fit */
    SIZE_MOST = 64 << 20,
    ATOMIC = 4096,                  /* writes up to this are whole */
    PIECE = 16384,                  /* a long copy is shown to the other side in pieces */
    LENT_LEAST = 2 * ATOMIC,        /* what is shorter is copied rather than lent */
};

typedef struct Pipe Pipe;

typedef struct PipeEnd {
    File file;                      /* first */
    Pipe *pipe;
} PipeEnd;

struct Pipe {
    PipeEnd reader, writer;
    Ref ends;                       /* files that exist */
    Account *account;               /* owned or NULL: who made it, and pays */
    uint64_t made;                  /* CLOCK_REAL */
    atomic_uint readers, writers;   /* open files that count */
    atomic_bool had_reader, had_writer;
    atomic_size_t limit;            /* how many bytes it holds */
    atomic_size_t room;             /* the length of the ring, a power of two, or 0; changes under both locks */
    char *ring;
    atomic_size_t want;             /* the least room that a waiting writer waits for; SIZE_MAX: nobody waits */
    Queue readable, writable;

    char apart[64];                 /* the two sides share no cache line */
    Mutex read;
    atomic_uint_least64_t head;     /* bytes taken out so far */
    char apart_too[64];
    Mutex write;
    atomic_uint_least64_t tail;     /* bytes put in so far */
    Ring *borrower;                 /* of who wrote last; owned, or NULL */
};

static atomic_uint_least64_t last_id;   /* a counter for identities, of all kernels */

static Pipe *pipe_of(const File *f)
{
    return ((const PipeEnd *)f)->pipe;
}
static bool is_reader(const File *f)
{
    return f == &pipe_of(f)->reader.file;
}

static size_t pipe_used(Pipe *p)
{
    /* The head first: it never passes the tail, whatever moves meanwhile. */
    uint64_t head = atomic_load(&p->head);
    return (size_t)(atomic_load(&p->tail) - head);
}

static size_t room_in(Pipe *p, size_t limit)
{
    size_t used = pipe_used(p);
    return used < limit ? limit - used : 0;
}

static size_t pipe_free(Pipe *p)
{
    return room_in(p, atomic_load(&p->limit));
}

/* What it holds at most now: less than the limit when there was no memory for a longer ring. */
static size_t pipe_holds(Pipe *p)
{
    size_t limit = atomic_load(&p->limit), room = atomic_load(&p->room);
    return room < limit ? room : limit;
}

/* ---- the ring ----------------------------------------------------------------------------------------------------- */

static void ring_copy(char *ring, size_t room, uint64_t at, const char *from, char *to, size_t n)
{
    size_t start = (size_t)at & (room - 1), first = n < room - start ? n : room - start;
    if (from != NULL) {
        memcpy(ring + start, from, first);
        memcpy(ring, from + first, n - first);
    } else {
        memcpy(to, ring + start, first);
        memcpy(to + first, ring, n - first);
    }
}

/* Nothing is lent any more, and the buffer may change. Returns who had borrowed, to be released without the lock; NULL: nobody. */
static Ring *settle_locked(Pipe *p)
{
    Ring *r = STEAL(p->borrower);
    if (r != NULL)
        ring_settle(r, p->ring);
    return r;
}

static void settle(Pipe *p)
{
    mutex_lock(&p->write);
    Ring *r = settle_locked(p);
    mutex_unlock(&p->write);
    ring_put(r);
}

/* Whether n bytes of c are to be lent. *old: who is to be released without the lock. */
static bool lend_locked(Call *c, Pipe *p, size_t n, Ring **old)
{
    bool lends = c->ring != NULL && n >= LENT_LEAST && atomic_load(&p->room) >= RING_SIZE;
    if (lends && p->borrower == c->ring)
        return true;
    *old = settle_locked(p);
    if (lends)
        p->borrower = ring_get(c->ring);
    return lends;
}

static int ring_exchange(Pipe *p, size_t want)
{
    char *fresh = account_alloc(p->account, want);
    if (fresh == NULL)
        return -ENOMEM;
    mutex_lock_pair(&p->read, &p->write);
    Ring *borrower = settle_locked(p);
    size_t old_room = atomic_load(&p->room);
    char *old = p->ring;
    if (want > old_room) {
        uint64_t head = atomic_load(&p->head), tail = atomic_load(&p->tail);
        for (uint64_t at = head; at < tail;) {
            size_t from = (size_t)at & (old_room - 1);
            size_t n = old_room - from < tail - at ? old_room - from : (size_t)(tail - at);
            ring_copy(fresh, want, at, old + from, NULL, n);
            at += n;
        }
        p->ring = fresh;
        atomic_store(&p->room, want);
    } else {                        /* another writer was faster */
        old = fresh;
        old_room = want;
    }
    mutex_unlock_pair(&p->read, &p->write);
    ring_put(borrower);
    account_free(p->account, old, old_room);
    return 0;
}

/* Makes the ring as long as n more bytes need. A ring that cannot grow serves as it is. */
static int ring_grow(Pipe *p, size_t n)
{
    size_t limit = atomic_load(&p->limit), room = atomic_load(&p->room), used = pipe_used(p);
    size_t need = n < limit - (used < limit ? used : limit) ? used + n : limit;
    if (need <= room)
        return 0;
    size_t want = room == 0 ? SIZE_LEAST : room;
    while (want < need)
        want *= 2;
    int r = ring_exchange(p, want);
    return room == 0 ? r : 0;
}

/* ---- waiting ------------------------------------------------------------------------------------------------------ */

static void wake_readers(Pipe *p)
{
    (void)atomic_fetch_add(&p->tail, 0);
    queue_wake(&p->readable);
}

static void wake_writers(Pipe *p)
{
    (void)atomic_fetch_add(&p->head, 0);
    atomic_store(&p->want, SIZE_MAX);
    queue_wake(&p->writable);
}

/* There is room: who waits for no more than that goes on. */
static void room_made(Pipe *p)
{
    size_t want = atomic_load(&p->want);
    if (want == SIZE_MAX || pipe_free(p) < want)
        return;
    /* Whoever armed before this exchange is woken by it; who arms later sets it again. */
    (void)atomic_exchange(&p->want, SIZE_MAX);
    queue_wake(&p->writable);
}

static void want_room(Pipe *p, size_t n)
{
    size_t old = atomic_load(&p->want);
    while (n < old && !atomic_compare_exchange_weak(&p->want, &old, n)) {
    }
}

static bool at_end(Pipe *p)
{
    return atomic_load(&p->writers) == 0 && atomic_load(&p->had_writer);
}
static bool broken(Pipe *p)
{
    return atomic_load(&p->readers) == 0 && atomic_load(&p->had_reader);
}

/* WAIT when armed, 0 when it need not wait any more. */
static int wait_readable(Call *c, Pipe *p)
{
    int r = wait_arm(c, &p->readable);
    if (r != WAIT)
        return r;
    (void)atomic_fetch_add(&p->tail, 0);
    return pipe_used(p) > 0 || at_end(p) ? 0 : WAIT;
}

/* need: the room without which nothing goes on; comfortable: what it is worth to be woken for. */
static int wait_writable(Call *c, Pipe *p, size_t need, size_t comfortable)
{
    int r = wait_arm(c, &p->writable);
    if (r != WAIT)
        return r;
    want_room(p, comfortable);
    (void)atomic_fetch_add(&p->head, 0);
    return room_in(p, pipe_holds(p)) >= need || broken(p) ? 0 : WAIT;
}

/* ---- reading and writing ------------------------------------------------------------------------------------------ */

/* Takes what is there, up to n bytes, under the readers' lock. */
static size_t take(Pipe *p, char *buf, size_t n)
{
    size_t got = 0;
    mutex_lock(&p->read);
    while (got < n) {
        uint64_t head = atomic_load_explicit(&p->head, memory_order_relaxed);
        size_t there = (size_t)(atomic_load(&p->tail) - head);
        size_t now = n - got < there ? n - got : there;
        if (now == 0)
            break;
        if (now > PIECE)
            now = PIECE;
        ring_copy(p->ring, atomic_load_explicit(&p->room, memory_order_relaxed), head, NULL, buf + got, now);
        (void)atomic_fetch_add(&p->head, now);
        got += now;
    }
    mutex_unlock(&p->read);
    if (got > 0)
        room_made(p);
    return got;
}

static int64_t pipe_read(Call *c, Chan *ch, void *buf, size_t n, uint64_t off)
{
    (void)off;
    Pipe *p = pipe_of(ch->file);
    if (n == 0)
        return 0;
    for (;;) {
        size_t got = take(p, buf, n);
        if (got > 0)
            return (int64_t)got;
        /* Once there is no writer, the bytes of the last one are all there. */
        if (at_end(p) && pipe_used(p) == 0)
            return 0;
        if (chan_nonblock(c, ch))
            return -EAGAIN;
        int r = wait_readable(c, p);
        if (r < 0)
            return r;
    }
}

/* Puts as many of n bytes as there is room for; all or none when they are to be whole. Under the writers' lock. */
static size_t put(Call *c, Pipe *p, const char *buf, size_t n)
{
    size_t done = 0;
    Ring *old = NULL;
    mutex_lock(&p->write);
    bool lends = lend_locked(c, p, n, &old);
    while (done < n) {
        uint64_t tail = atomic_load_explicit(&p->tail, memory_order_relaxed);
        size_t used = (size_t)(tail - atomic_load(&p->head));
        size_t room = atomic_load_explicit(&p->room, memory_order_relaxed), limit = pipe_holds(p);
        size_t there = used < limit ? limit - used : 0, now = n - done < there ? n - done : there;
        if (now == 0 || (n <= ATOMIC && now < n))
            break;
        if (now > PIECE)
            now = PIECE;
        lends = lends && ring_borrow(c->ring, p->ring, room, tail, buf + done, now);
        if (lends)
            c->ringed += now;
        else
            ring_copy(p->ring, room, tail, buf + done, NULL, now);
        (void)atomic_fetch_add(&p->tail, now);
        done += now;
    }
    mutex_unlock(&p->write);
    ring_put(old);
    if (done > 0)
        queue_wake(&p->readable);
    return done;
}

static int64_t pipe_write(Call *c, Chan *ch, const void *buf, size_t n, uint64_t off)
{
    (void)off;
    Pipe *p = pipe_of(ch->file);
    if (n == 0)
        return 0;
    for (;;) {
        if (broken(p)) {
            if (c->task != NULL)
                task_signal(c->task, SIG_PIPE);
            return fail(c, -EPIPE, "nobody reads this pipe any more");
        }
        int r = ring_grow(p, n);
        if (r < 0)
            return r;
        size_t done = put(c, p, buf, n);
        if (done > 0)
            return (int64_t)done;
        if (chan_nonblock(c, ch))
            return -EAGAIN;
        size_t half = pipe_holds(p) / 2;
        r = wait_writable(c, p, n <= ATOMIC ? n : 1, n <= ATOMIC || n < half ? n : half);
        if (r < 0)
            return r;
    }
}

/* ---- opening, counting, looking ----------------------------------------------------------------------------------- */

static int pipe_open(Call *c, Chan *ch, unsigned flags)
{
    unsigned mode = is_reader(ch->file) ? OPEN_READ : OPEN_WRITE;
    if ((flags & (OPEN_READ | OPEN_WRITE)) != mode)
        return fail(c, -EPERM, "this end of a pipe is only for %s", mode == OPEN_READ ? "reading" : "writing");
    return 0;
}

static void pipe_active(Chan *ch, bool on)
{
    Pipe *p = pipe_of(ch->file);
    bool reader = is_reader(ch->file);
    atomic_uint *n = reader ? &p->readers : &p->writers;
    if (on) {
        atomic_fetch_add(n, 1);
        atomic_store(reader ? &p->had_reader : &p->had_writer, true);
        return;
    }
    if (!reader)
        settle(p);                  /* whoever leaves keeps nothing alive here */
    if (atomic_fetch_sub(n, 1) == 1) {
        if (reader)
            wake_writers(p);
        else
            wake_readers(p);
    }
}

static int ready_to_read(Call *c, Pipe *p, uint64_t *bytes)
{
    for (;;) {
        bool end = at_end(p);
        size_t used = pipe_used(p);
        *bytes = used;
        if (used > 0 || end)
            return READY_READ | (end ? READY_HANGUP : 0);
        int r = c == NULL ? WAIT : wait_readable(c, p);
        if (r < 0)
            return r;
    }
}

static int ready_to_write(Call *c, Pipe *p)
{
    for (;;) {
        if (broken(p))
            return READY_WRITE | READY_HANGUP;
        if (pipe_free(p) >= ATOMIC)
            return READY_WRITE;
        int r = c == NULL ? WAIT : wait_writable(c, p, ATOMIC, ATOMIC);
        if (r < 0)
            return r;
    }
}

static int pipe_ready(Call *c, Chan *ch, unsigned events, uint64_t *bytes)
{
    Pipe *p = pipe_of(ch->file);
    uint64_t n = 0;
    int r = 0;
    if ((events & READY_READ) != 0 && is_reader(ch->file))
        r = ready_to_read(c, p, &n);
    else if ((events & READY_WRITE) != 0 && !is_reader(ch->file))
        r = ready_to_write(c, p);
    if (bytes != NULL)
        *bytes = n;
    return r;
}

static int pipe_getattr(Call *c, File *f, Attr *a)
{
    Pipe *p = pipe_of(f);
    if (c != NULL && c->task != NULL) {
        a->uid = c->task->kernel->uid;
        a->gid = c->task->kernel->gid;
    }
    a->ino = f->id;
    a->mode = TYPE_FIFO | (is_reader(f) ? 0400 : 0200);
    a->nlink = 1;
    a->size = pipe_used(p);
    a->blksize = ATOMIC;
    a->atime = a->mtime = a->ctime = (int64_t)p->made;
    return 0;
}

/* ---- made and gone ------------------------------------------------------------------------------------------------ */

static void pipe_gone(File *f)
{
    Pipe *p = pipe_of(f);
    if (!ref_put(&p->ends))
        return;
    settle(p);
    queue_close(&p->readable);
    queue_close(&p->writable);
    mutex_destroy(&p->read);
    mutex_destroy(&p->write);
    count_sub(OBJ_PIPE, p);
    Account *a = p->account;
    account_free(a, p->ring, atomic_load(&p->room));
    account_free(a, p, sizeof *p);
    if (a != NULL)
        account_put(a);
}

static const Dev devpipe = {
    .name = "pipe",
    .open = pipe_open,
    .active = pipe_active,
    .read = pipe_read,
    .write = pipe_write,
    .ready = pipe_ready,
    .getattr = pipe_getattr,
    .free = pipe_gone,
};

/* Both files, owned. */
static int pipe_make(Call *c, File **files)
{
    Account *a = call_account(c);
    Pipe *p = account_alloc(a, sizeof *p);
    if (p == NULL)
        return -ENOMEM;
    p->account = a == NULL ? NULL : account_get(a);
    p->made = clock_coarse();
    ref_init(&p->ends);
    ref_get(&p->ends);
    atomic_init(&p->limit, SIZE_DEFAULT);
    atomic_init(&p->want, SIZE_MAX);
    queue_init(&p->readable);
    queue_init(&p->writable);
    mutex_init(&p->read, RANK_FILE);
    mutex_init(&p->write, RANK_FILE);
    p->reader.pipe = p->writer.pipe = p;
    uint64_t id = 2 * atomic_fetch_add(&last_id, 1) + 2;
    file_init(&p->reader.file, &devpipe, TYPE_FIFO, FILE_STREAM, 0, id);
    file_init(&p->writer.file, &devpipe, TYPE_FIFO, FILE_STREAM, 0, id + 1);
    count_add(OBJ_PIPE, p);
    files[0] = &p->reader.file;
    files[1] = &p->writer.file;
    return 0;
}

/* Takes f. */
static int open_end(Call *c, File *f, unsigned mode, Chan **out)
{
    AUTO_CHAN Chan *ch = chan_new(c, f, NULL);
    return ch == NULL ? -ENOMEM : chan_open(c, ch, mode, out);
}

int devpipe_new(Call *c, Chan **r, Chan **w)
{
    File *file[2];
    int e = pipe_make(c, file);
    if (e < 0)
        return e;
    AUTO_FILE *write_file = file[1];
    AUTO_CHAN Chan *read_end = NULL;
    e = open_end(c, file[0], OPEN_READ, &read_end);
    if (e == 0)
        e = open_end(c, STEAL(write_file), OPEN_WRITE, w);
    if (e == 0)
        *r = STEAL(read_end);
    return e;
}

/* ---- as an object of /cap ----------------------------------------------------------------------------------------- */

static int ctl_size(Call *c, void *files, int argc, char **argv)
{
    (void)argc;
    Pipe *p = pipe_of(((File **)files)[0]);
    uint64_t n;
    if (parse_size(argv[1], &n) < 0 || n < SIZE_LEAST || n > SIZE_MOST)
        return fail(c, -EINVAL, "size: from 4K to 64M, not %s", argv[1]);
    if (n < pipe_used(p))
        return fail(c, -EBUSY, "size: the pipe holds more than %" PRIu64 " bytes now", n);
    atomic_store(&p->limit, (size_t)n);
    wake_writers(p);
    return 0;
}

static const CtlVerb verbs[] = {
    { "size", 1, 1, ctl_size, "size SIZE  how many bytes it holds" },
};

const CapKind cap_pipe = {
    .name = "pipe",
    .files = { "r", "w" },
    .make = pipe_make,
    .verbs = verbs,
    .nverb = LEN(verbs),
};
