/* SPDX-License-Identifier: MIT */
/*
 * Requests. A thread that fetches them keeps one FuseRequest, tries it at once, and hardly ever needs more. When a try says WAIT, the
 * request is parked: the thread gives it away, with copies of what libfuse's buffer held, and gets itself another. Who wakes the call
 * puts the request on the run queue, from where a few threads enter it again. So what waits is a struct, not a thread.
 *
 * An interrupt (^C in the reader) is call_interrupt. libfuse calls the function for it with a lock of the request held, so that once
 * the function is taken away nobody uses the request any more.
 */
#include "door/fuse_door.h"

#include <linux/fuse.h>
#include <string.h>

static _Thread_local struct {
    FuseRequest *spare;             /* owned: for the next request of this thread */
    void *buffer;                   /* owned */
    size_t room;
} mine;

void *request_buffer(size_t n)
{
    if (n > mine.room) {
        void *more = pages_alloc(n);
        if (more == NULL)
            return NULL;
        pages_free(mine.buffer, mine.room);
        mine.buffer = more;
        mine.room = n;
    }
    return mine.buffer;
}

static void wake(Call *c);

static FuseRequest *make_spare(FuseDoor *d)
{
    FuseRequest *r = mem_alloc(sizeof *r);
    if (r != NULL) {
        call_init(&r->call, d->kernel->root);
        r->call.wake = wake;
        r->door = d;
    }
    return r;
}

static void request_free(FuseRequest *r)
{
    if (r == NULL)
        return;
    call_destroy(&r->call);
    mem_free(r->copy);
    mem_free(r);
}

void request_thread_end(void)
{
    request_free(mine.spare);
    pages_free(mine.buffer, mine.room);
    mine.spare = NULL;
    mine.buffer = NULL;
    mine.room = 0;
}

FuseRequest *request_new(fuse_req_t req, fuse_ino_t ino, FuseRun *run)
{
    FuseDoor *d = fuse_req_userdata(req);
    if (mine.spare == NULL)
        mine.spare = make_spare(d);
    FuseRequest *r = mine.spare;
    if (r == NULL) {
        fuse_reply_err(req, ENOMEM);
        return NULL;
    }
    r->req = req;
    r->run = run;
    r->step = 0;
    r->node = node_of(d, ino);
    r->node2 = NULL;
    r->place = r->place2 = NULL;
    r->handle = NULL;
    r->name = r->name2 = r->data = NULL;
    r->poll = NULL;
    r->kept = NULL;
    r->size = 0;
    r->call.mode = 0;
    call_begin(&r->call);
    return r;
}

static int place_of(FuseRequest *r, FuseNode *n, Chan **kept, Chan **out)
{
    int e = *kept != NULL ? 0 : node_place(r, n, kept);
    *out = *kept;
    return e;
}

int request_place(FuseRequest *r, Chan **out)
{
    return place_of(r, r->node, &r->place, out);
}

int request_place2(FuseRequest *r, Chan **out)
{
    return place_of(r, r->node2, &r->place2, out);
}

void request_step(FuseRequest *r)
{
    r->step++;
    walk_forget(&r->call);
}

/* ---- answers ----------------------------------------------------------------------------------------------------------- */

/* Nobody interrupts it any more; libfuse's request is the caller's to answer. */
static fuse_req_t settle(FuseRequest *r)
{
    if (r->parked)
        fuse_req_interrupt_func(r->req, NULL, NULL);
    return r->req;
}

int answer_error(FuseRequest *r, int error)
{
    if (r->req != NULL)
        fuse_reply_err(settle(r), -error);
    return 0;
}

/* Timeouts stay 0: what tasks do changes names and attributes behind Linux's back. */
static struct fuse_entry_param entry_of(FuseRequest *r, const FuseNode *n, const struct stat *st)
{
    return (struct fuse_entry_param){ .ino = node_ino(r->door, n), .attr = *st };
}

int answer_entry(FuseRequest *r, FuseNode *n, const struct stat *st)
{
    struct fuse_entry_param e = entry_of(r, n, st);
    if (fuse_reply_entry(settle(r), &e) < 0)
        node_forget(r->door, n, 1); /* who asked is gone: Linux does not know the node */
    return 0;
}

int answer_create(FuseRequest *r, FuseNode *n, const struct stat *st, FuseHandle *h)
{
    struct fuse_entry_param e = entry_of(r, n, st);
    r->fi.fh = (uintptr_t)h;
    if (fuse_reply_create(settle(r), &e, &r->fi) < 0) {
        handle_free(r->door, h);
        node_forget(r->door, n, 1);
    }
    return 0;
}

/*
 * A stream is to be open without a position, on which Linux else lets only one read of an open file wait at a time, and who waits for
 * his turn cannot be killed. This libfuse has no name for that, so the answer is put together here.
 */
static int reply_stream(fuse_req_t req, const struct fuse_file_info *fi)
{
    struct fuse_open_out out = { .fh = fi->fh, .open_flags = FOPEN_DIRECT_IO | FOPEN_STREAM | FOPEN_NONSEEKABLE };
    if (fi->noflush)
        out.open_flags |= FOPEN_NOFLUSH;
    return fuse_reply_buf(req, (const char *)&out, sizeof out);
}

int answer_open(FuseRequest *r, FuseHandle *h)
{
    r->fi.fh = (uintptr_t)h;
    fuse_req_t req = settle(r);
    int n = r->fi.direct_io && r->fi.nonseekable ? reply_stream(req, &r->fi) : fuse_reply_open(req, &r->fi);
    if (n < 0)
        handle_free(r->door, h);
    return 0;
}

int answer_attr(FuseRequest *r, const struct stat *st)
{
    fuse_reply_attr(settle(r), st, 0);
    return 0;
}

int answer_written(FuseRequest *r, size_t n)
{
    fuse_reply_write(settle(r), n);
    return 0;
}

int answer_bytes(FuseRequest *r, const void *buf, size_t n)
{
    fuse_reply_buf(settle(r), buf, n);
    return 0;
}

int answer_link(FuseRequest *r, const char *target)
{
    fuse_reply_readlink(settle(r), target);
    return 0;
}

int answer_statfs(FuseRequest *r, const struct statvfs *s)
{
    fuse_reply_statfs(settle(r), s);
    return 0;
}

int answer_poll(FuseRequest *r, unsigned events)
{
    fuse_reply_poll(settle(r), events);
    return 0;
}

/* ---- waiting ----------------------------------------------------------------------------------------------------------- */

/* Any lock up to RANK_WAIT may be held here. */
static void wake(Call *c)
{
    FuseRequest *r = (FuseRequest *)c;
    FuseDoor *d = r->door;
    r->next = NULL;
    mutex_lock(&d->run_lock);
    if (d->run_last != NULL)
        d->run_last->next = r;
    else
        d->run_first = r;
    d->run_last = r;
    atomic_fetch_add(&d->run_turn, 1);
    mutex_unlock(&d->run_lock);
    word_wake(&d->run_turn, false);
}

static void interrupted(fuse_req_t req, void *data)
{
    FuseRequest *r = data;
    (void)req;
    call_interrupt(&r->call);
}

/* Name, name2 and data, which are libfuse's, become the request's own. */
static int keep_copies(FuseRequest *r)
{
    if (r->copy != NULL)
        return 0;
    size_t n1 = r->name != NULL ? strlen(r->name) + 1 : 0, n2 = r->name2 != NULL ? strlen(r->name2) + 1 : 0;
    size_t n3 = r->data != NULL ? r->size : 0;
    char *copy = mem_alloc(n1 + n2 + n3 + 1);
    if (copy == NULL)
        return -ENOMEM;
    r->copy = copy;
    if (r->name != NULL)
        r->name = memcpy(copy, r->name, n1);
    if (r->name2 != NULL)
        r->name2 = memcpy(copy + n1, r->name2, n2);
    if (r->data != NULL)
        r->data = memcpy(copy + n1 + n2, r->data, n3);
    return 0;
}

static int enlist(FuseRequest *r)
{
    FuseDoor *d = r->door;
    if (r->parked)
        return 0;
    int n = keep_copies(r);
    if (n < 0)
        return n;
    mutex_lock(&d->park_lock);
    if (d->closing) {
        n = -EINTR;
    } else {
        r->parked = true;
        r->parked_prev = NULL;
        r->parked_next = d->parked;
        if (d->parked != NULL)
            d->parked->parked_prev = r;
        d->parked = r;
        if (r->poll != NULL)
            watch_begin_locked(r);
    }
    mutex_unlock(&d->park_lock);
    return n;
}

static void delist(FuseRequest *r)
{
    FuseDoor *d = r->door;
    mutex_lock(&d->park_lock);
    if (r->parked_prev != NULL)
        r->parked_prev->parked_next = r->parked_next;
    else
        d->parked = r->parked_next;
    if (r->parked_next != NULL)
        r->parked_next->parked_prev = r->parked_prev;
    if (r->poll != NULL)
        watch_over_locked(r);
    bool last = d->parked == NULL && d->closing;
    mutex_unlock(&d->park_lock);
    if (last) {
        atomic_fetch_add(&d->quiet, 1);
        word_wake(&d->quiet, true);
    }
}

/*
 * The call is armed and shall wait. WAIT: it does, and may be over already: r is not the caller's any more. Else what to answer.
 */
static int park(FuseRequest *r)
{
    int n = enlist(r);
    if (n < 0)
        return n;
    if (mine.spare == r)
        mine.spare = NULL;
    if (r->poll != NULL)
        watch_answer(r);
    else
        fuse_req_interrupt_func(r->req, interrupted, r);
    n = call_suspend(&r->call);
    return n == 0 ? WAIT : n;
}

/* n: what the last try or the wait gave; answered unless it is an error. Lines that have run were written, whatever came then. */
static void request_end(FuseRequest *r, int n)
{
    if (n == -EINTR && r->call.done > 0)
        answer_written(r, r->call.done);
    else if (n < 0)
        answer_error(r, n);
    call_end(&r->call);
    ns_unpin(&r->call);             /* a thread that idles keeps nothing */
    chan_put(r->place);
    chan_put(r->place2);
    if (r->parked)
        delist(r);
    if (r->poll != NULL)
        watch_tell(r);
    if (r->parked) {
        request_free(r);
    } else if (r->copy != NULL) {
        mem_free(r->copy);
        r->copy = NULL;
    }
}

/* One try, and what comes of it. */
static void try_once(FuseRequest *r)
{
    int n = r->run(r);
    if (n == WAIT)
        n = park(r);
    if (n != WAIT)
        request_end(r, n);
}

void request_run(FuseRequest *r)
{
    try_once(r);
}

/* The next one on the run queue; NULL: there will be none. */
static FuseRequest *next_woken(FuseDoor *d)
{
    for (;;) {
        mutex_lock(&d->run_lock);
        unsigned turn = atomic_load(&d->run_turn);
        FuseRequest *r = d->run_first;
        bool over = d->run_over;
        if (r != NULL) {
            d->run_first = r->next;
            if (r->next == NULL)
                d->run_last = NULL;
        }
        mutex_unlock(&d->run_lock);
        if (r != NULL || over)
            return r;
        word_wait(&d->run_turn, turn, 0);
    }
}

void door_again(FuseDoor *d)
{
    FuseRequest *r;
    while ((r = next_woken(d)) != NULL) {
        int n = call_resume(&r->call);
        if (n == 0)
            try_once(r);
        else
            request_end(r, n);
    }
    request_thread_end();
}

void door_stop_waits(FuseDoor *d)
{
    mutex_lock(&d->park_lock);
    d->closing = true;
    for (FuseRequest *r = d->parked; r != NULL; r = r->parked_next)
        call_interrupt(&r->call);
    bool any = d->parked != NULL;
    unsigned turn = atomic_load(&d->quiet);
    mutex_unlock(&d->park_lock);
    while (any) {
        word_wait(&d->quiet, turn, 0);
        mutex_lock(&d->park_lock);
        any = d->parked != NULL;
        turn = atomic_load(&d->quiet);
        mutex_unlock(&d->park_lock);
    }
}
