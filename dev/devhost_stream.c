/* SPDX-License-Identifier: MIT */
/*
 * Streams of the host: its standard descriptors, terminals, FIFOs, sockets.
 *
 * The calling thread reads and writes as long as the host does not make it wait. What would wait is armed on a queue, and a helper
 * (one a direction, a kept thread) asks the host until the stream is ready. So nothing is taken from the host unless
 * somebody asks: a call that was killed has left its queue, and the helper then leaves the bytes where they are.
 *
 * Where the host only offers a descriptor that blocks, the helper reads for the caller; what it got, and what nobody came back
 * for, is kept for the next reader. Writes then are jobs (call_blocking), in parts that a ready pipe takes whole.
 *
 * Stream.lock guards the sides and what is kept. The helper's reference keeps the Stream alive, not the File.
 */
#include "dev/devhost.h"

#include <string.h>

#include "kern/account.h"
#include "kern/boot.h"
#include "kern/call.h"
#include "kern/chan.h"
#include "kern/count.h"
#include "kern/task.h"

enum {
    KEPT = 4096,                    /* what a helper reads at once */
    PART = 4096,                    /* what a pipe that is ready for writing takes without waiting */
    PATIENCE = 100,                 /* milliseconds between two looks whether a job was abandoned */
};

typedef struct Side {
    Queue queue;
    bool helped;                    /* a helper is at work */
} Side;

struct Stream {
    Ref ref;                        /* one for the user, one for each helper */
    HostStream host;
    int alarm;                      /* rung when the user is gone */
    Mutex lock;                     /* RANK_FILE */
    Side in, out;
    Side look;                      /* BLOCKING: who only wants to know whether there is something to read */
    bool ended;
    bool got;                       /* BLOCKING: the helper read something: */
    int64_t result;                 /* the bytes in kept, or 0 the end, or an error */
    size_t taken;                   /* bytes of kept that were handed out */
    uint8_t kept[KEPT];
};

int stream_new(HostStream *host, Stream **out)
{
    Stream *s = mem_alloc(sizeof *s);
    int alarm = -1;
    int r = s == NULL ? -ENOMEM : host_alarm_new(&alarm);
    if (r < 0) {
        mem_free(s);
        host_stream_close(host);
        return r;
    }
    ref_init(&s->ref);
    s->host = *host;
    s->alarm = alarm;
    mutex_init(&s->lock, RANK_FILE);
    queue_init(&s->in.queue);
    queue_init(&s->out.queue);
    queue_init(&s->look.queue);
    count_add(OBJ_HOSTFILE, s);
    *out = s;
    return 0;
}

static void stream_put(Stream *s)
{
    if (!ref_put(&s->ref))
        return;
    queue_close(&s->in.queue);
    queue_close(&s->out.queue);
    queue_close(&s->look.queue);
    host_stream_close(&s->host);
    host_close(s->alarm);
    mutex_destroy(&s->lock);
    count_sub(OBJ_HOSTFILE, s);
    mem_free(s);
}

void stream_end(Stream *s)
{
    mutex_lock(&s->lock);
    s->ended = true;
    mutex_unlock(&s->lock);
    host_alarm_ring(s->alarm);
    stream_put(s);
}

/* ---- helpers -------------------------------------------------------------------------------------------------------- */

static bool is_awaited(const Side *side)
{
    return atomic_load(&side->queue.head) != NULL;
}

/* Ready and still wanted: reads for whoever asked. */
static void fetch(Stream *s)
{
    uint8_t bytes[KEPT];
    int64_t r = host_stream_read(&s->host, bytes, sizeof bytes);
    mutex_lock(&s->lock);
    if (r != -EAGAIN) {
        s->got = true;
        s->result = r;
        s->taken = 0;
        if (r > 0)
            memcpy(s->kept, bytes, (size_t)r);
    }
    mutex_unlock(&s->lock);
}

static void help(Stream *s, Side *side)
{
    bool ready = host_stream_wait(&s->host, side == &s->out, s->alarm, -1);
    mutex_lock(&s->lock);
    bool wanted = ready && !s->ended && is_awaited(side);
    mutex_unlock(&s->lock);
    if (wanted && s->host.io == HOST_BLOCKING && side == &s->in)
        fetch(s);
    mutex_lock(&s->lock);
    side->helped = false;
    queue_wake(&side->queue);
    mutex_unlock(&s->lock);
    stream_put(s);
}

static void help_in(void *arg)
{
    Stream *s = arg;
    help(s, &s->in);
}

static void help_out(void *arg)
{
    Stream *s = arg;
    help(s, &s->out);
}

static void help_look(void *arg)
{
    Stream *s = arg;
    help(s, &s->look);
}

/* Arms c and sees to it that somebody asks the host. c NULL: nothing is armed. */
static int await_locked(Call *c, Stream *s, Side *side)
{
    assert_held(&s->lock);
    if (c == NULL)
        return 0;
    int r = wait_arm(c, &side->queue);
    if (r != WAIT || side->helped)
        return r;
    ref_get(&s->ref);
    side->helped = true;
    int started = worker_run(side == &s->in ? help_in : side == &s->out ? help_out : help_look, s, 0);
    if (started == 0)
        return r;
    side->helped = false;
    ref_put(&s->ref);               /* not the last: the caller has one */
    return started;
}

/* ---- reading -------------------------------------------------------------------------------------------------------- */

/* What the helper read; -EAGAIN when there is nothing. */
static int64_t take_kept_locked(Stream *s, void *buf, size_t n)
{
    if (!s->got)
        return -EAGAIN;
    if (s->result <= 0) {
        s->got = false;             /* the end of a terminal's input is an end once */
        return s->result;
    }
    size_t left = (size_t)s->result - s->taken;
    if (n > left)
        n = left;
    memcpy(buf, s->kept + s->taken, n);
    s->taken += n;
    s->got = s->taken < (size_t)s->result;
    return (int64_t)n;
}

int64_t stream_read(Call *c, Stream *s, bool nonblock, void *buf, size_t n)
{
    if (n == 0)
        return 0;
    if (s->host.io == HOST_DIRECT)
        return host_stream_read(&s->host, buf, n);
    mutex_lock(&s->lock);
    int64_t r = s->host.io == HOST_BLOCKING ? take_kept_locked(s, buf, n) : host_stream_read(&s->host, buf, n);
    if (r == -EAGAIN && !nonblock)
        r = await_locked(c, s, &s->in);
    mutex_unlock(&s->lock);
    return r;
}

/* ---- writing -------------------------------------------------------------------------------------------------------- */

typedef struct WriteJob {
    Stream *stream;                 /* a reference */
    size_t n;
    uint8_t bytes[PART];
} WriteJob;

typedef struct WriteArgs {
    Stream *stream;
    const void *buf;
    size_t n;
} WriteArgs;

static void *job_new(void *user)
{
    const WriteArgs *args = user;
    WriteJob *j = mem_alloc(sizeof *j);
    if (j == NULL)
        return NULL;
    ref_get(&args->stream->ref);
    j->stream = args->stream;
    j->n = args->n < PART ? args->n : PART;
    memcpy(j->bytes, args->buf, j->n);
    return j;
}

static int job_work(void *arg, atomic_bool *abandoned)
{
    WriteJob *j = arg;
    while (!host_stream_wait(&j->stream->host, true, j->stream->alarm, PATIENCE)) {
        mutex_lock(&j->stream->lock);
        bool ended = j->stream->ended;
        mutex_unlock(&j->stream->lock);
        if (ended || atomic_load(abandoned))
            return -EINTR;
    }
    int64_t r;
    do
        r = host_stream_write(&j->stream->host, j->bytes, j->n);
    while (r == -EAGAIN && host_stream_wait(&j->stream->host, true, j->stream->alarm, PATIENCE));
    return (int)r;
}

static void job_release(void *arg)
{
    WriteJob *j = arg;
    stream_put(j->stream);
    mem_free(j);
}

static int64_t write_blocking(Call *c, Stream *s, bool nonblock, const void *buf, size_t n)
{
    static const Blocking blocking = { .work = job_work, .release = job_release };
    if (nonblock) {
        if (!host_stream_ready(&s->host, true))
            return -EAGAIN;
        return host_stream_write(&s->host, buf, n < PART ? n : PART);
    }
    WriteArgs args = { s, buf, n };
    return call_blocking(c, s, &blocking, job_new, NULL, &args);
}

static int64_t write_polled(Call *c, Stream *s, bool nonblock, const void *buf, size_t n)
{
    mutex_lock(&s->lock);
    int64_t r = host_stream_write(&s->host, buf, n);
    if (r == -EAGAIN && !nonblock)
        r = await_locked(c, s, &s->out);
    mutex_unlock(&s->lock);
    return r;
}

int64_t stream_write(Call *c, Stream *s, bool nonblock, const void *buf, size_t n)
{
    if (n == 0)
        return 0;
    int64_t r;
    if (s->host.io == HOST_DIRECT)
        r = host_stream_write(&s->host, buf, n);
    else if (s->host.io == HOST_BLOCKING)
        r = write_blocking(c, s, nonblock, buf, n);
    else
        r = write_polled(c, s, nonblock, buf, n);
    if (r == -EPIPE && c->task != NULL)
        task_signal(c->task, SIG_PIPE);         /* as for a pipe of ours */
    return r;
}

int stream_ready(Call *c, Stream *s, unsigned events, uint64_t *bytes)
{
    if (s->host.io == HOST_DIRECT)
        return (int)events;
    mutex_lock(&s->lock);
    int ready = 0;
    if ((events & READY_READ) != 0 && (s->got || host_stream_ready(&s->host, false)))
        ready |= READY_READ;
    if ((events & READY_WRITE) != 0 && host_stream_ready(&s->host, true))
        ready |= READY_WRITE;
    if (ready != 0 && host_stream_hung_up(&s->host))
        ready |= READY_HANGUP;
    if (bytes != NULL && (ready & READY_READ) != 0)
        *bytes = s->got && s->result > 0 ? (uint64_t)s->result - s->taken : host_stream_pending(&s->host);
    int r = ready;
    if (ready == 0 && (events & READY_READ) != 0)
        r = await_locked(c, s, s->host.io == HOST_BLOCKING ? &s->look : &s->in);
    if (ready == 0 && (events & READY_WRITE) != 0 && (r == WAIT || r == 0))
        r = await_locked(c, s, &s->out);
    mutex_unlock(&s->lock);
    return r;
}

/* ---- a descriptor of the process as a File -------------------------------------------------------------------------- */

typedef struct StreamFile {
    File file;                      /* first; space: the host's device, id: its inode; a dup is the same file */
    Stream *stream;                 /* owned */
    int fd;                         /* owned: for stat and fsync */
} StreamFile;

static StreamFile *streamfile_of(File *f)
{
    return (StreamFile *)f;
}

static int64_t std_read(Call *c, Chan *ch, void *buf, size_t n, uint64_t off)
{
    (void)off;
    return stream_read(c, streamfile_of(ch->file)->stream, chan_nonblock(c, ch), buf, n);
}

static int64_t std_write(Call *c, Chan *ch, const void *buf, size_t n, uint64_t off)
{
    (void)off;
    return stream_write(c, streamfile_of(ch->file)->stream, chan_nonblock(c, ch), buf, n);
}

static int std_ready(Call *c, Chan *ch, unsigned events, uint64_t *bytes)
{
    return stream_ready(c, streamfile_of(ch->file)->stream, events, bytes);
}

static int std_getattr(Call *c, File *f, Attr *a)
{
    HostStat st;
    int r = host_stat(streamfile_of(f)->fd, &st);
    if (r < 0)
        return r;
    bool known = c->task != NULL && c->task->kernel != NULL;
    *a = (Attr){ .dev = st.dev,
                 .ino = st.ino,
                 .size = st.size,
                 .nlink = st.nlink,
                 .blocks = st.blocks,
                 .rdev = st.rdev,
                 .mode = st.mode,
                 .uid = known ? c->task->kernel->uid : st.uid,
                 .gid = known ? c->task->kernel->gid : st.gid,
                 .blksize = st.blksize,
                 .atime = st.atime,
                 .mtime = st.mtime,
                 .ctime = st.ctime };
    return 0;
}

static void std_free(File *f)
{
    StreamFile *s = streamfile_of(f);
    stream_end(s->stream);
    host_close(s->fd);
    mem_free(s);
}

int devstream_new(int hostfd, File **out)
{
    HostStat st;
    HostStream host;
    StreamFile *f = mem_alloc(sizeof *f);
    if (f == NULL)
        return -ENOMEM;
    int r = host_stat(hostfd, &st);
    if (r == 0)
        r = host_dup(hostfd, &f->fd);
    if (r < 0) {
        mem_free(f);
        return r;
    }
    r = host_stream_open(hostfd, &host);
    if (r == 0)
        r = stream_new(&host, &f->stream);
    if (r < 0) {
        host_close(f->fd);
        mem_free(f);
        return r;
    }
    uint16_t flags = FILE_STREAM | (host_kind(hostfd) == HOST_TTY ? FILE_TTY : 0);
    file_init(&f->file, &devstream, (uint16_t)(st.mode & TYPE_MASK), flags, st.dev, st.ino);
    *out = &f->file;
    return 0;
}

const Dev devstream = {
    .name = "stream",
    .read = std_read,
    .write = std_write,
    .ready = std_ready,
    .getattr = std_getattr,
    .free = std_free,
};
