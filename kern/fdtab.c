/* SPDX-License-Identifier: MIT */
/*
 * Tables of descriptors: slots and what they hold. FdTab.lock guards the slots; Chans are told that they are held, and let go,
 * outside of it. Every change moves the version, which ends the pins of fdio.c, and wakes the calls that wait in a slot.
 *
 * A slot keeps its ring: while its descriptor is replaced, so that a tap reads on across a redirection, and when it is closed, so
 * that what was written can still be read. A number that is used again after a close begins with a new ring.
 */
#include <string.h>

#include "kern/account.h"
#include "kern/count.h"
#include "kern/fdslot.h"

enum { FIRST_SLOTS = 8 };

static atomic_uint_least64_t last_id;           /* tells tables apart for ever, when an address is used again */

FdTab *fdtab_new(Account *a, uint64_t limit)
{
    FdTab *t = account_alloc(a, sizeof *t);
    if (t == NULL)
        return NULL;
    ref_init(&t->ref);
    t->id = atomic_fetch_add(&last_id, 1) + 1;
    t->account = account_get(a);
    mutex_init(&t->lock, RANK_FDTAB);
    queue_init(&t->changed);
    fdtab_limit(t, limit);
    count_add(OBJ_FDTAB, t);
    return t;
}

static void preopen_free(FdTab *t, char *name)
{
    account_free(t->account, name, name != NULL ? strlen(name) + 1 : 0);
}

void fdtab_put(FdTab *t)
{
    if (t == NULL || !ref_put(&t->ref))
        return;
    Account *a = t->account;
    for (int fd = 0; fd < t->size; fd++) {
        FdSlot *s = &t->slots[fd];
        if (s->ring != NULL)
            ring_close(s->ring);
        ring_put(s->ring);
        preopen_free(t, s->preopen);
        chan_put(s->chan);
    }
    queue_close(&t->changed);
    account_free(a, t->slots, (size_t)t->size * sizeof t->slots[0]);
    mutex_destroy(&t->lock);
    count_sub(OBJ_FDTAB, t);
    account_free(a, t, sizeof *t);
    account_put(a);
}

void fdtab_limit(FdTab *t, uint64_t limit)
{
    mutex_lock(&t->lock);
    t->limit = limit < FD_LIMIT_MAX ? limit : FD_LIMIT_MAX;
    mutex_unlock(&t->lock);
}

/* ---- slots -------------------------------------------------------------------------------------------------------- */

FdSlot *fd_slot_locked(FdTab *t, int fd)
{
    assert_held(&t->lock);
    return fd >= 0 && fd < t->size && t->slots[fd].chan != NULL ? &t->slots[fd] : NULL;
}

static void slot_changed_locked(FdTab *t)
{
    uint64_t version = atomic_load_explicit(&t->version, memory_order_relaxed);
    atomic_store_explicit(&t->version, version + 1, memory_order_release);
    queue_wake(&t->changed);
}

/* Slots up to fd, or -ENOMEM. */
static int grow_locked(FdTab *t, int fd)
{
    if (fd < t->size)
        return 0;
    size_t size = t->size > 0 ? (size_t)t->size : FIRST_SLOTS;
    while (size <= (size_t)fd)
        size *= 2;
    FdSlot *slots = account_alloc(t->account, size * sizeof slots[0]);
    if (slots == NULL)
        return -ENOMEM;
    if (t->size > 0)
        memcpy(slots, t->slots, (size_t)t->size * sizeof slots[0]);
    account_free(t->account, t->slots, (size_t)t->size * sizeof slots[0]);
    t->slots = slots;
    t->size = (int)size;
    return 0;
}

/* What a slot held, for its end outside of the lock. */
typedef struct FdOld {
    Chan *chan;                     /* owned, or NULL */
    bool active;
    Ring *ring;                     /* owned, or NULL: a closed one */
    char *preopen;                  /* owned, or NULL */
} FdOld;

/* Empties s. The ring stays, closed. */
static FdOld slot_take_locked(FdTab *t, FdSlot *s)
{
    FdOld old = { .chan = s->chan, .active = s->active, .preopen = s->preopen };
    int fd = (int)(s - t->slots);
    s->chan = NULL;
    s->preopen = NULL;
    s->active = s->cloexec = false;
    if (s->ring != NULL)
        ring_close(s->ring);
    if (fd < t->lowest)
        t->lowest = fd;
    slot_changed_locked(t);
    return old;
}

/*
 * Puts a held ch into s, empty or not. A ring that was closed with the last descriptor makes room for a new one. Nobody has at
 * hand, or waits in, what was not open: then the version stays.
 */
static FdOld slot_put_locked(FdTab *t, FdSlot *s, Chan *ch, const FdInfo *info, bool active)
{
    FdOld old = { .chan = s->chan, .active = s->active, .preopen = s->preopen };
    bool writes = (ch->mode & OPEN_WRITE) != 0;
    bool ended = s->ring != NULL && (old.chan == NULL || (writes && ring_closed(s->ring)));
    if (ended)
        old.ring = STEAL(s->ring);
    else if (s->ring != NULL && !writes)
        ring_close(s->ring);
    *s = (FdSlot){ .chan = ch,
                   .ring = s->ring,
                   .rights = info->rights,
                   .inheriting = info->inheriting,
                   .cloexec = info->cloexec,
                   .active = active,
                   .written = writes || (s->ring != NULL && s->written) };
    if (old.chan != NULL)
        slot_changed_locked(t);
    return old;
}

/* A device's word that the end of an open file had to wait: the call comes back, and finds it here. */
typedef struct CloseOp {
    Op op;                          /* first; its key is the table */
    Chan *chan;                     /* owned */
} CloseOp;

static void close_cancel(Op *op)
{
    CloseOp *o = (CloseOp *)op;
    chan_put(o->chan);
    count_sub(OBJ_OP, o);
    mem_free(o);
}

/* Takes ch, which a slot held. Returns what chan_unhold says; after WAIT, close_again goes on. */
static int let_go(Call *c, FdTab *t, Chan *ch, bool active)
{
    int r = chan_unhold(c, ch, active);
    if (r == WAIT) {
        CloseOp *o = mem_alloc(sizeof *o);
        if (o != NULL) {
            count_add(OBJ_OP, o);
            o->op = (Op){ .key = t, .cancel = close_cancel };
            o->chan = ch;
            chan_hold(ch, false);
            call_add_op(c, &o->op);
            return WAIT;
        }
        r = -ENOMEM;
    }
    chan_put(ch);
    return r;
}

static int close_again(Call *c, FdTab *t, Op *op)
{
    CloseOp *o = (CloseOp *)op;
    Chan *ch = STEAL(o->chan);
    call_drop_op(c, op);
    close_cancel(op);
    return let_go(c, t, ch, false);
}

/* No lock is held. A line that has to wait here is given up: what let go of the descriptor cannot be entered again. */
static int old_end(Call *c, FdTab *t, FdOld *old)
{
    int r = 0;
    fd_unpin(c);
    preopen_free(t, old->preopen);
    ring_put(old->ring);
    if (old->chan != NULL) {
        r = chan_unhold(c, old->chan, old->active);
        chan_put(old->chan);
    }
    return r == WAIT ? -EINTR : r;
}

/* The task may have started while ch was on its way into the slot. */
static void slot_activate(FdTab *t, int fd)
{
    mutex_lock(&t->lock);
    FdSlot *s = fd_slot_locked(t, fd);
    Chan *ch = t->active && s != NULL && !s->active ? chan_get(s->chan) : NULL;
    mutex_unlock(&t->lock);
    if (ch == NULL)
        return;
    chan_active(ch, true);
    mutex_lock(&t->lock);
    s = fd_slot_locked(t, fd);
    bool ours = s != NULL && s->chan == ch && !s->active;
    if (ours)
        s->active = true;
    mutex_unlock(&t->lock);
    if (!ours)
        chan_active(ch, false);
    chan_put(ch);
}

static bool is_active(FdTab *t)
{
    mutex_lock(&t->lock);
    bool active = t->active;
    mutex_unlock(&t->lock);
    return active;
}

/* Where a new descriptor goes: at exactly fd, or at the lowest free one from fd on. */
static int find_place_locked(FdTab *t, int fd, bool exact)
{
    if (t->closed)
        return -ESRCH;
    if (fd < 0 || (uint64_t)fd >= t->limit)
        return exact ? -EBADF : fd < 0 ? -EINVAL : -EMFILE;
    if (!exact) {
        bool from_lowest = fd <= t->lowest;
        fd = from_lowest ? t->lowest : fd;
        while (fd < t->size && t->slots[fd].chan != NULL)
            fd++;
        if (from_lowest)
            t->lowest = fd;
        if ((uint64_t)fd >= t->limit)
            return -EMFILE;
    }
    int r = grow_locked(t, fd);
    return r < 0 ? r : fd;
}

/* Takes info->chan. */
static int slot_fill(Call *c, FdTab *t, int fd, bool exact, const FdInfo *info)
{
    Chan *ch = info->chan;
    FdOld old = { .chan = NULL };
    bool active = !chan_counts_holders(ch) || is_active(t);     /* what nobody is told of may be said at once */
    chan_hold(ch, active);
    mutex_lock(&t->lock);
    int r = find_place_locked(t, fd, exact);
    if (r >= 0)
        old = slot_put_locked(t, &t->slots[r], ch, info, active);
    mutex_unlock(&t->lock);
    if (r < 0) {
        (void)chan_unhold(c, ch, active);
        chan_put(ch);
        return r;
    }
    if (!active)
        slot_activate(t, r);
    if (old.chan != NULL || old.ring != NULL)
        (void)old_end(c, t, &old);
    return r;
}

int fd_room(FdTab *t, int fd)
{
    mutex_lock(&t->lock);
    int r = find_place_locked(t, fd, true);
    mutex_unlock(&t->lock);
    return r < 0 ? r : 0;
}

int fd_add(Call *c, FdTab *t, Chan *ch, int min, uint64_t rights, uint64_t inheriting, bool cloexec)
{
    return slot_fill(c, t, min, false,
                     &(FdInfo){ .chan = ch, .rights = rights, .inheriting = inheriting, .cloexec = cloexec });
}

int fd_put(Call *c, FdTab *t, int fd, Chan *ch, uint64_t rights, uint64_t inheriting, bool cloexec)
{
    int r = slot_fill(c, t, fd, true,
                      &(FdInfo){ .chan = ch, .rights = rights, .inheriting = inheriting, .cloexec = cloexec });
    return r < 0 ? r : 0;
}

int fd_close(Call *c, FdTab *t, int fd)
{
    Op *op = call_op(c, t);
    if (op != NULL)
        return close_again(c, t, op);
    mutex_lock(&t->lock);
    FdSlot *s = fd_slot_locked(t, fd);
    FdOld old = { .chan = NULL };
    uint64_t before = atomic_load_explicit(&t->version, memory_order_relaxed);
    if (s != NULL)
        old = slot_take_locked(t, s);
    mutex_unlock(&t->lock);
    if (old.chan == NULL)
        return -EBADF;
    fd_unpin_one(c, t, fd, before);
    preopen_free(t, old.preopen);
    return let_go(c, t, old.chan, old.active);
}

int fd_renumber(Call *c, FdTab *t, int from, int to)
{
    FdOld old = { .chan = NULL };
    mutex_lock(&t->lock);
    FdSlot *s = fd_slot_locked(t, from);
    FdSlot *d = fd_slot_locked(t, to);
    bool open = s != NULL && d != NULL;
    if (open && s != d) {
        FdInfo info = { .rights = s->rights, .inheriting = s->inheriting, .cloexec = s->cloexec };
        FdOld moved = slot_take_locked(t, s);
        old = slot_put_locked(t, d, moved.chan, &info, moved.active);
        d->preopen = moved.preopen;
    }
    mutex_unlock(&t->lock);
    if (!open)
        return -EBADF;
    (void)old_end(c, t, &old);
    return 0;
}

/* ---- whole tables ------------------------------------------------------------------------------------------------- */

int fdtab_copy(Call *c, FdTab *src, int from, FdTab *dst, int to)
{
    FdInfo info;
    int r = fd_get(src, from, &info);
    if (r < 0)
        return r;
    return fd_put(c, dst, to, info.chan, info.rights, info.inheriting, false);
}

int fdtab_copy_rest(Call *c, FdTab *src, int from, FdTab *dst)
{
    for (int fd = from; (fd = fd_next(src, fd)) >= 0; fd++) {
        char name[PATH_MAX_LEN + 1];
        FdInfo info;
        int named = fd_preopen(src, fd, name, sizeof name);
        if (fd_get(src, fd, &info) < 0)
            continue;               /* closed meanwhile */
        int r = fd_put(c, dst, fd, info.chan, info.rights, info.inheriting, info.cloexec);
        if (r == 0 && named >= 0)
            r = fd_set_preopen(dst, fd, name);
        if (r < 0)
            return r;
    }
    return 0;
}

void fdtab_activate(FdTab *t)
{
    mutex_lock(&t->lock);
    t->active = true;
    int size = t->size;
    mutex_unlock(&t->lock);
    for (int fd = 0; fd < size; fd++)
        slot_activate(t, fd);
}

/* Closes fd, or when only_cloexec what is to be closed then. False: there is no such slot. */
static bool close_one(Call *c, FdTab *t, int fd, bool only_cloexec)
{
    FdOld old = { .chan = NULL };
    mutex_lock(&t->lock);
    bool there = fd < t->size;
    FdSlot *s = fd_slot_locked(t, fd);
    if (s != NULL && (s->cloexec || !only_cloexec))
        old = slot_take_locked(t, s);
    mutex_unlock(&t->lock);
    if (old.chan != NULL)
        (void)old_end(c, t, &old);
    return there;
}

void fdtab_close_all(Call *c, FdTab *t)
{
    mutex_lock(&t->lock);
    t->closed = true;
    mutex_unlock(&t->lock);
    for (int fd = 0; close_one(c, t, fd, false); fd++) {
    }
}

void fdtab_close_on_exec(Call *c, FdTab *t)
{
    for (int fd = 0; close_one(c, t, fd, true); fd++) {
    }
}

/* ---- one descriptor ----------------------------------------------------------------------------------------------- */

int fd_get(FdTab *t, int fd, FdInfo *out)
{
    mutex_lock(&t->lock);
    FdSlot *s = fd_slot_locked(t, fd);
    if (s != NULL)
        *out = (FdInfo){ .chan = chan_get(s->chan),
                         .rights = s->rights,
                         .inheriting = s->inheriting,
                         .cloexec = s->cloexec,
                         .preopen = s->preopen };
    mutex_unlock(&t->lock);
    return s != NULL ? 0 : -EBADF;
}

int fd_set_rights(FdTab *t, int fd, uint64_t rights, uint64_t inheriting)
{
    int r = 0;
    mutex_lock(&t->lock);
    FdSlot *s = fd_slot_locked(t, fd);
    if (s == NULL) {
        r = -EBADF;
    } else if ((rights & ~s->rights) != 0 || (inheriting & ~s->inheriting) != 0) {
        r = -EPERM;
    } else {
        s->rights = rights;
        s->inheriting = inheriting;
        slot_changed_locked(t);
    }
    mutex_unlock(&t->lock);
    return r;
}

int fd_set_cloexec(FdTab *t, int fd, bool on)
{
    mutex_lock(&t->lock);
    FdSlot *s = fd_slot_locked(t, fd);
    if (s != NULL)
        s->cloexec = on;
    mutex_unlock(&t->lock);
    return s != NULL ? 0 : -EBADF;
}

int fd_set_preopen(FdTab *t, int fd, const char *name)
{
    size_t n = strlen(name) + 1;
    char *copy = account_alloc(t->account, n);
    if (copy == NULL)
        return -ENOMEM;
    memcpy(copy, name, n);
    mutex_lock(&t->lock);
    FdSlot *s = fd_slot_locked(t, fd);
    char *old = copy;
    if (s != NULL) {
        old = s->preopen;
        s->preopen = copy;
    }
    mutex_unlock(&t->lock);
    preopen_free(t, old);
    return s != NULL ? 0 : -EBADF;
}

int fd_preopen(FdTab *t, int fd, char *name, size_t n)
{
    int r = -EBADF;
    mutex_lock(&t->lock);
    FdSlot *s = fd_slot_locked(t, fd);
    if (s != NULL && s->preopen != NULL) {
        size_t len = strlen(s->preopen);
        r = len < n ? (int)len : -ENAMETOOLONG;
        if (r >= 0)
            memcpy(name, s->preopen, len + 1);
    }
    mutex_unlock(&t->lock);
    return r;
}

int fd_next(FdTab *t, int fd)
{
    mutex_lock(&t->lock);
    fd = fd > 0 ? fd : 0;
    while (fd < t->size && t->slots[fd].chan == NULL)
        fd++;
    int r = fd < t->size ? fd : -EBADF;
    mutex_unlock(&t->lock);
    return r;
}

/* ---- rings and waits ---------------------------------------------------------------------------------------------- */

/* The ring of a slot that is or was open for writing; one that is not open any more has ended. */
static Ring *slot_ring_locked(FdTab *t, FdSlot *s)
{
    if (s->ring == NULL) {
        s->ring = ring_new(t->account);
        if (s->ring != NULL && s->chan == NULL)
            ring_close(s->ring);
    }
    return s->ring;
}

Ring *fd_ring(FdTab *t, int fd, int *r)
{
    Ring *ring = NULL;
    *r = -ENOENT;
    mutex_lock(&t->lock);
    if (fd >= 0 && fd < t->size && t->slots[fd].written) {
        ring = slot_ring_locked(t, &t->slots[fd]);
        *r = ring != NULL ? 0 : -ENOMEM;
        if (ring != NULL)
            ring_get(ring);
    }
    mutex_unlock(&t->lock);
    return ring;
}

int fd_hold(FdTab *t, int fd, bool for_write, FdHold *out)
{
    mutex_lock(&t->lock);
    FdSlot *s = fd_slot_locked(t, fd);
    if (s != NULL) {
        /* Without memory for a ring the write goes on without one. */
        Ring *ring = for_write && s->written ? slot_ring_locked(t, s) : NULL;
        *out = (FdHold){ .chan = chan_get(s->chan),
                         .ring = ring != NULL ? ring_get(ring) : NULL,
                         .rights = s->rights,
                         .inheriting = s->inheriting,
                         .version = atomic_load_explicit(&t->version, memory_order_relaxed) };
    }
    mutex_unlock(&t->lock);
    return s != NULL ? 0 : -EBADF;
}

bool fdtab_shrink_rings(FdTab *t)
{
    bool smaller = false;
    mutex_lock(&t->lock);
    for (int fd = 0; fd < t->size; fd++)
        if (t->slots[fd].ring != NULL && ring_shrink(t->slots[fd].ring))
            smaller = true;
    mutex_unlock(&t->lock);
    return smaller;
}

uint64_t fd_version(FdTab *t)
{
    return atomic_load_explicit(&t->version, memory_order_acquire);
}

int fd_arm(Call *c, FdTab *t, uint64_t version)
{
    int r = WAIT;
    mutex_lock(&t->lock);
    if (atomic_load_explicit(&t->version, memory_order_relaxed) == version)
        r = wait_arm(c, &t->changed);
    else
        call_wake(c);
    mutex_unlock(&t->lock);
    return r;
}
