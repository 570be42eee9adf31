/* SPDX-License-Identifier: MIT */
#include "test/recorder.h"

#include <string.h>

static Recorder *of(Chan *ch)
{
    return (Recorder *)ch->file;
}

static int open_one(Call *c, Chan *ch, unsigned flags)
{
    (void)c, (void)flags;
    mutex_lock(&of(ch)->lock);
    of(ch)->opens++;
    mutex_unlock(&of(ch)->lock);
    return 0;
}

static void close_one(Chan *ch)
{
    mutex_lock(&of(ch)->lock);
    of(ch)->closes++;
    mutex_unlock(&of(ch)->lock);
}

static int flush(Call *c, Chan *ch)
{
    Recorder *r = of(ch);
    (void)c;
    mutex_lock(&r->lock);
    r->flushes++;
    int result = r->flush_result;
    r->flush_result = 0;
    mutex_unlock(&r->lock);
    return result;
}

static void active(Chan *ch, bool on)
{
    Recorder *r = of(ch);
    mutex_lock(&r->lock);
    r->active += on ? 1 : -1;
    mutex_unlock(&r->lock);
}

static int64_t wait_or(Call *c, Recorder *r)
{
    return r->error != 0 ? r->error : wait_arm(c, &r->changed);
}

static int64_t read_some(Call *c, Chan *ch, void *buf, size_t n, uint64_t off)
{
    Recorder *r = of(ch);
    bool stream = (ch->file->flags & FILE_STREAM) != 0;
    mutex_lock(&r->lock);
    r->reads++;
    size_t at = stream ? r->read : off < r->len ? (size_t)off : r->len;
    int64_t got = (int64_t)(r->len - at < n ? r->len - at : n);
    if (r->most != 0 && got > (int64_t)r->most)
        got = (int64_t)r->most;
    if (got == 0 && stream && n > 0)
        got = wait_or(c, r);
    if (got > 0) {
        memcpy(buf, r->data + at, (size_t)got);
        r->read += stream ? (size_t)got : 0;
    }
    mutex_unlock(&r->lock);
    return got;
}

static int64_t write_some(Call *c, Chan *ch, const void *buf, size_t n, uint64_t off)
{
    Recorder *r = of(ch);
    bool stream = (ch->file->flags & FILE_STREAM) != 0;
    mutex_lock(&r->lock);
    r->writes++;
    size_t at = stream ? r->len : (size_t)off;
    int64_t put = (int64_t)(at >= r->room ? 0 : r->room - at < n ? r->room - at : n);
    if (r->most != 0 && put > (int64_t)r->most)
        put = (int64_t)r->most;
    if (put == 0 && n > 0)
        put = wait_or(c, r);
    if (put > 0) {
        memcpy(r->data + at, buf, (size_t)put);
        r->len = at + (size_t)put > r->len ? at + (size_t)put : r->len;
        queue_wake(&r->changed);
    }
    mutex_unlock(&r->lock);
    return put;
}

static int getattr(Call *c, File *f, Attr *a)
{
    (void)c, (void)f;
    a->mode = f->type | 0600;
    return 0;
}

static void free_one(File *f)
{
    Recorder *r = (Recorder *)f;
    queue_close(&r->changed);
    mutex_destroy(&r->lock);
    mem_free(r->data);
    mem_free(r);
}

static const Dev recorder = {
    .name = "recorder",
    .open = open_one,
    .close = close_one,
    .flush = flush,
    .active = active,
    .read = read_some,
    .write = write_some,
    .getattr = getattr,
    .free = free_one,
};

Recorder *recorder_new(bool stream)
{
    static atomic_uint_least64_t last;
    Recorder *r = mem_alloc(sizeof *r);
    ASSERT(r != NULL);
    r->data = mem_alloc(RECORDER_SIZE);
    ASSERT(r->data != NULL);
    file_init(&r->file, &recorder, stream ? TYPE_FIFO : TYPE_FILE, stream ? FILE_STREAM : 0, 0,
              atomic_fetch_add(&last, 1) + 1);
    mutex_init(&r->lock, RANK_FILE);
    queue_init(&r->changed);
    r->room = RECORDER_SIZE;
    return r;
}

Chan *recorder_open(Call *c, Recorder *r, unsigned flags)
{
    Chan *open = NULL;
    Chan *ch = chan_new(c, file_get(&r->file), NULL);
    if (ch != NULL && chan_open(c, ch, flags, &open) < 0)
        open = NULL;
    chan_put(ch);
    return open;
}

void recorder_set(Recorder *r, size_t room, int error)
{
    mutex_lock(&r->lock);
    r->room = room;
    r->error = error;
    queue_wake(&r->changed);
    mutex_unlock(&r->lock);
}

void recorder_put(Recorder *r)
{
    file_put(&r->file);
}
