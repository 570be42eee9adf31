/* SPDX-License-Identifier: MIT */
/*
 * poll, select and epoll. A poll is answered at once; when nothing is ready and Linux wants to be told, the request stays behind,
 * armed on what it waits for, and tells Linux when it is woken, which then polls again. A handle has one such watch at most.
 */
#include "door/fuse_ops.h"

#include <poll.h>

static unsigned wanted(unsigned events, const Chan *ch)
{
    unsigned ready = READY_HANGUP;
    if ((events & (POLLIN | POLLRDNORM)) != 0 && (ch->mode & OPEN_READ) != 0)
        ready |= READY_READ;
    if ((events & (POLLOUT | POLLWRNORM)) != 0 && (ch->mode & OPEN_WRITE) != 0)
        ready |= READY_WRITE;
    return ready;
}

static unsigned events_of(unsigned ready, unsigned events)
{
    unsigned r = (ready & READY_HANGUP) != 0 ? POLLHUP : 0;
    if ((ready & READY_READ) != 0)
        r |= events & (POLLIN | POLLRDNORM);
    if ((ready & READY_WRITE) != 0)
        r |= events & (POLLOUT | POLLWRNORM);
    return r;
}

static int try_poll(FuseRequest *r)
{
    if (r->req == NULL)
        return 0;                   /* woken */
    uint64_t bytes;
    int n = chan_ready(&r->call, r->handle->chan, wanted(r->flags, r->handle->chan), &bytes);
    if (n >= 0)
        return answer_poll(r, events_of((unsigned)n, r->flags));
    if (n != WAIT)
        return answer_poll(r, POLLERR);
    if (r->poll == NULL)
        return answer_poll(r, 0);
    r->kept = chan_get(r->handle->chan);
    return WAIT;                    /* answered once the handle knows of the watch: watch_answer */
}

void watch_answer(FuseRequest *r)
{
    answer_poll(r, 0);
    r->req = NULL;
}

void watch_begin_locked(FuseRequest *r)
{
    FuseRequest *old = r->handle->watch;
    r->handle->watch = r;
    if (old == NULL)
        return;
    old->handle = NULL;
    call_interrupt(&old->call);
}

void watch_over_locked(FuseRequest *r)
{
    if (r->handle != NULL && r->handle->watch == r)
        r->handle->watch = NULL;
}

void watch_end(FuseDoor *d, FuseHandle *h)
{
    mutex_lock(&d->park_lock);
    FuseRequest *r = h->watch;
    h->watch = NULL;
    if (r != NULL) {
        r->handle = NULL;
        call_interrupt(&r->call);
    }
    mutex_unlock(&d->park_lock);
}

void watch_tell(FuseRequest *r)
{
    if (r->req == NULL)
        fuse_lowlevel_notify_poll(r->poll);
    fuse_pollhandle_destroy(r->poll);
    r->poll = NULL;
    chan_put(r->kept);
    r->kept = NULL;
}

void on_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph)
{
    FuseRequest *r = request_new(req, ino, try_poll);
    if (r == NULL) {
        if (ph != NULL)
            fuse_pollhandle_destroy(ph);
        return;
    }
    r->handle = handle_of(fi);
    r->poll = ph;
    r->flags = fi->poll_events;
    request_run(r);
}
