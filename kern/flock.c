/* SPDX-License-Identifier: MIT */
/*
 * Byte-range locks, for files of any device: a file is known by (dev, space, id), an owner is an open file. They are advice, as
 * POSIX has it: reading and writing do not ask. An owner's new lock replaces its old ones in the range.
 *
 * Files that are locked, or waited for, hang in a fixed table; a bucket's lock guards all of them. A file leaves the table
 * with its last range, which wakes who waits; they find it, or make it, again.
 */
#include "kern/flock.h"

#include <inttypes.h>

#include "kern/account.h"
#include "kern/chan.h"
#include "kern/count.h"
#include "kern/trace.h"

enum { BUCKETS = 64 };

typedef struct Range {
    struct Range *next;
    const Chan *owner;              /* borrowed: flock_release comes before it goes */
    Account *account;               /* owned or NULL */
    uint64_t start, end;            /* bytes start .. end-1 */
    int type;                       /* LOCK_READ or LOCK_WRITE */
} Range;

typedef struct LockedFile {
    struct LockedFile *next;
    const Dev *dev;
    uint64_t space, id;
    Range *ranges;                  /* never empty while in the table */
    Queue freed;
} LockedFile;

typedef struct Bucket {
    Mutex lock;
    _Atomic(LockedFile *) files;
} Bucket;

static Bucket buckets[BUCKETS] = {
    [0 ... BUCKETS - 1] = { .lock = MUTEX_INIT(RANK_FLOCK) },
};

static Bucket *bucket_of(const File *f)
{
    uint64_t x = (uintptr_t)f->dev ^ f->space * UINT64_C(0xff51afd7ed558ccd) ^ f->id;
    return &buckets[(x * UINT64_C(0x9e3779b97f4a7c15)) >> 58];
}

/* The link that points to the file, or to NULL at the end of the bucket. */
static LockedFile *find_locked(Bucket *b, const File *f)
{
    LockedFile *l = atomic_load_explicit(&b->files, memory_order_relaxed);
    while (l != NULL && !(l->dev == f->dev && l->space == f->space && l->id == f->id))
        l = l->next;
    return l;
}

static void unlink_locked(Bucket *b, LockedFile *l)
{
    LockedFile *at = atomic_load_explicit(&b->files, memory_order_relaxed);
    if (at == l) {
        atomic_store(&b->files, l->next);
        return;
    }
    while (at->next != l)
        at = at->next;
    at->next = l->next;
}

static bool overlaps(const Range *r, uint64_t start, uint64_t end)
{
    return r->start < end && start < r->end;
}

static bool conflicts_locked(const LockedFile *l, const Chan *owner, int type, uint64_t start, uint64_t end)
{
    for (const Range *r = l->ranges; r != NULL; r = r->next)
        if (r->owner != owner && overlaps(r, start, end) && (type == LOCK_WRITE || r->type == LOCK_WRITE))
            return true;
    return false;
}

static Range *range_new(Call *c, const Chan *owner)
{
    Account *a = call_account(c);
    Range *r = account_alloc(a, sizeof *r);
    if (r == NULL)
        return NULL;
    r->owner = owner;
    r->account = a == NULL ? NULL : account_get(a);
    count_add(OBJ_LOCK, r);
    return r;
}

/* Hold no lock. */
static void ranges_free(Range *r)
{
    while (r != NULL) {
        Range *next = r->next;
        Account *a = r->account;
        count_sub(OBJ_LOCK, r);
        account_free(a, r, sizeof *r);
        if (a != NULL)
            account_put(a);
        r = next;
    }
}

/* What is made ready before the lock is taken, so that nothing can fail under it; what is left over is freed after it. */
typedef struct Spare {
    Range *range;                   /* two: the new range, or the second half of a split one, or both */
    LockedFile *file;
} Spare;

static int spare_make(Call *c, const Chan *owner, Spare *s)
{
    s->file = mem_alloc(sizeof *s->file);
    for (int i = 0; i < 2 && s->file != NULL; i++) {
        Range *r = range_new(c, owner);
        if (r == NULL)
            return -ENOMEM;
        r->next = s->range;
        s->range = r;
    }
    return s->file == NULL ? -ENOMEM : 0;
}

static Range *spare_take(Spare *s)
{
    Range *r = s->range;
    s->range = r->next;
    return r;
}

/* Takes start .. end-1 out of owner's ranges; what falls away goes to s. */
static void cut_locked(LockedFile *l, const Chan *owner, uint64_t start, uint64_t end, Spare *s)
{
    Range **at = &l->ranges;
    while (*at != NULL) {
        Range *r = *at;
        if (r->owner != owner || !overlaps(r, start, end)) {
            at = &r->next;
            continue;
        }
        if (r->start < start && end < r->end) {
            Range *behind = spare_take(s);
            behind->type = r->type;
            behind->start = end;
            behind->end = r->end;
            r->end = start;
            behind->next = r->next;
            r->next = behind;
            return;
        }
        if (r->start < start) {
            r->end = start;
            at = &r->next;
        } else if (end < r->end) {
            r->start = end;
            at = &r->next;
        } else {
            *at = r->next;
            r->next = s->range;
            s->range = r;
        }
    }
}

/* Takes the file out of the table when nothing is locked in it; then who waits asks again. */
static LockedFile *settle_locked(Bucket *b, LockedFile *l)
{
    queue_wake(&l->freed);
    if (l->ranges != NULL)
        return NULL;
    unlink_locked(b, l);
    return l;
}

static int lock_locked(Call *c, Chan *ch, Bucket *b, int type, uint64_t start, uint64_t end, Spare *s)
{
    LockedFile *l = find_locked(b, ch->file);
    if (l != NULL && conflicts_locked(l, ch, type, start, end))
        return chan_nonblock(c, ch) ? -EAGAIN : wait_arm(c, &l->freed);
    if (l == NULL) {
        l = STEAL(s->file);
        l->dev = ch->file->dev;
        l->space = ch->file->space;
        l->id = ch->file->id;
        queue_init(&l->freed);
        l->next = atomic_load_explicit(&b->files, memory_order_relaxed);
        atomic_store(&b->files, l);
    }
    cut_locked(l, ch, start, end, s);
    Range *r = spare_take(s);
    r->type = type;
    r->start = start;
    r->end = end;
    r->next = l->ranges;
    l->ranges = r;
    queue_wake(&l->freed);          /* a write lock may have become a read lock */
    return 0;
}

static void unlock_locked(Chan *ch, Bucket *b, uint64_t start, uint64_t end, Spare *s, LockedFile **gone)
{
    LockedFile *l = find_locked(b, ch->file);
    if (l == NULL)
        return;
    cut_locked(l, ch, start, end, s);
    *gone = settle_locked(b, l);
}

static int lock_range(Call *c, Chan *ch, int type, uint64_t start, uint64_t len)
{
    if (type != LOCK_READ && type != LOCK_WRITE && type != LOCK_UNLOCK)
        return -EINVAL;
    if (start > INT64_MAX || len > INT64_MAX)
        return -EOVERFLOW;
    uint64_t end = len == 0 ? UINT64_MAX : start + len;
    Spare s = { 0 };
    LockedFile *gone = NULL;
    int r = spare_make(c, ch, &s);
    if (r == 0) {
        Bucket *b = bucket_of(ch->file);
        mutex_lock(&b->lock);
        if (type == LOCK_UNLOCK)
            unlock_locked(ch, b, start, end, &s, &gone);
        else
            r = lock_locked(c, ch, b, type, start, end, &s);
        mutex_unlock(&b->lock);
    }
    ranges_free(s.range);
    mem_free(s.file);
    mem_free(gone);
    if (trace_on(TRACE_LOCK, c->task) && r != WAIT)
        trace(TRACE_LOCK, c->task, "%s %s %" PRIu64 " %" PRIu64 " = %d",
              type == LOCK_UNLOCK ? "unlock"
              : type == LOCK_READ ? "read"
                                  : "write",
              ch->path->s, start, len, r);
    return r;
}

int chan_lock(Call *c, Chan *ch, int type, uint64_t start, uint64_t len)
{
    if (!ch->open || (type == LOCK_READ && !(ch->mode & OPEN_READ)) || (type == LOCK_WRITE && !(ch->mode & OPEN_WRITE)))
        return -EBADF;
    return lock_range(c, ch, type, start, len);
}

int chan_flock(Call *c, Chan *ch, int type)
{
    return ch->open ? lock_range(c, ch, type, 0, 0) : -EBADF;
}

void flock_release(Chan *ch)
{
    Bucket *b = bucket_of(ch->file);
    if (atomic_load_explicit(&b->files, memory_order_relaxed) == NULL)
        return;
    Spare s = { 0 };
    LockedFile *gone = NULL;
    mutex_lock(&b->lock);
    unlock_locked(ch, b, 0, UINT64_MAX, &s, &gone);
    mutex_unlock(&b->lock);
    ranges_free(s.range);
    mem_free(gone);
}
