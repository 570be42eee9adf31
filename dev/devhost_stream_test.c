/* SPDX-License-Identifier: MIT */
/* Pipes, terminals, sockets and files as the descriptors of a process; kills, and descriptors that can only block. */
#define _POSIX_C_SOURCE 200809L       /* no more: the rest has names that the kernel uses too */
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dev/devhost.h"
#include "kern/boot.h"
#include "kern/chan.h"
#include "kern/count.h"
#include "kern/task.h"
#include "test/test.h"

enum { MUCH = 1000000 };             /* more than any buffer of the host */

typedef struct Scene {
    Kernel kernel;
    Task task;
    Call call;
    File *file;
    Chan chan;
    int fd;                         /* what the stream stands for */
    Mutex lock;                     /* of the test */
    Cond changed;
    bool done;
    int64_t result;
    char got[64];
} Scene;

static void scene_task(Scene *s)
{
    memset(s, 0, sizeof *s);
    mutex_init(&s->task.lock, RANK_TASK);
    s->task.kernel = &s->kernel;
    s->task.sig_reader = true;      /* signals are only noted */
    queue_init(&s->task.resumed);
    queue_init(&s->task.signalled);
    mutex_init(&s->lock, RANK_LEAF);
    cond_init(&s->changed);
    call_init(&s->call, &s->task);
    signal(SIGPIPE, SIG_IGN);
}

static void scene_begin(Scene *s, int fd)
{
    scene_task(s);
    s->fd = fd;
    OK(devstream_new(fd, &s->file));
    s->chan = (Chan){ .file = s->file };
}

static void scene_end(Scene *s)
{
    file_put(s->file);
    call_destroy(&s->call);
    while (workers_live() > 0) {
        workers_drain();
        thread_yield();
    }
    EQ(count_of(OBJ_HOSTFILE), 0);
}

static void read_run(void *arg)
{
    Scene *s = arg;
    int64_t r;
    CALL_RUN(&s->call, r, devstream.read(&s->call, &s->chan, s->got, sizeof s->got, 0));
    mutex_lock(&s->lock);
    s->result = r;
    s->done = true;
    cond_wake_all(&s->changed);
    mutex_unlock(&s->lock);
}

static void write_run(void *arg)
{
    static char bytes[MUCH];
    Scene *s = arg;
    int64_t r = 0, sum = 0;
    while (sum < (int64_t)sizeof bytes && r >= 0) {
        CALL_RUN(&s->call, r, devstream.write(&s->call, &s->chan, bytes + sum, sizeof bytes - (size_t)sum, 0));
        sum += r > 0 ? r : 0;
    }
    mutex_lock(&s->lock);
    s->result = r < 0 ? r : sum;
    s->done = true;
    cond_wake_all(&s->changed);
    mutex_unlock(&s->lock);
}

static void await_end(Scene *s)
{
    mutex_lock(&s->lock);
    while (!s->done)
        cond_wait(&s->changed, &s->lock);
    s->done = false;
    mutex_unlock(&s->lock);
}

static void pause_ms(unsigned ms)
{
    struct timespec t = { .tv_nsec = (long)ms * 1000000 };
    nanosleep(&t, NULL);
}

/* Until the call is parked. */
static void await_parked(Scene *s)
{
    for (bool listed = false; !listed;) {
        mutex_lock(&s->task.lock);
        listed = s->task.waiting != NULL;
        mutex_unlock(&s->task.lock);
        pause_ms(1);
    }
    pause_ms(20);
}

static void interrupt(Scene *s)
{
    mutex_lock(&s->task.lock);
    for (Call *c = s->task.waiting; c != NULL; c = c->next)
        call_interrupt(c);
    mutex_unlock(&s->task.lock);
}

static void send_bytes(int fd, const char *s)
{
    TRUE(write(fd, s, strlen(s)) == (ssize_t)strlen(s));
}

/* ---- every kind of descriptor --------------------------------------------------------------------------------------- */

typedef enum Kind { PIPE, SOCKET, TERMINAL, KINDS } Kind;

/* ends[0] is the stream's, ends[1] the other side's. */
static void make_pair(Kind kind, bool for_write, int ends[2])
{
    int p[2];
    if (kind == SOCKET) {
        TRUE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    } else if (kind == TERMINAL) {
        TRUE(openpty(&ends[1], &ends[0], NULL, NULL, NULL) == 0);
    } else {
        TRUE(pipe(p) == 0);
        ends[0] = p[for_write];
        ends[1] = p[!for_write];
    }
}

TEST(a_read_waits_until_bytes_come)
{
    for (Kind kind = PIPE; kind < KINDS; kind++) {
        Scene s;
        int ends[2];
        make_pair(kind, false, ends);
        scene_begin(&s, ends[0]);
        EQ((s.file->flags & FILE_TTY) != 0, kind == TERMINAL);
        OK(worker_run(read_run, &s, 0));
        await_parked(&s);
        send_bytes(ends[1], "abc\n");
        await_end(&s);
        EQ(s.result, 4);
        MEM_EQ(s.got, "abc\n", 4);
        /* Its flags are what they were: they belong to other processes too. */
        EQ(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
        close(ends[0]);
        close(ends[1]);
        scene_end(&s);
    }
}

TEST(an_interrupted_read_takes_nothing)
{
    for (Kind kind = PIPE; kind < KINDS; kind++) {
        Scene s;
        int ends[2];
        char byte = 0;
        make_pair(kind, false, ends);
        scene_begin(&s, ends[0]);
        OK(worker_run(read_run, &s, 0));
        await_parked(&s);
        interrupt(&s);
        await_end(&s);
        EQ(s.result, -EINTR);
        send_bytes(ends[1], "ab\n");
        pause_ms(50);
        /* Somebody else who has the descriptor gets the first byte, we the rest. */
        TRUE(read(ends[0], &byte, 1) == 1);
        EQ(byte, 'a');
        OK(worker_run(read_run, &s, 0));
        await_end(&s);
        EQ(s.result, 2);
        MEM_EQ(s.got, "b\n", 2);
        close(ends[0]);
        close(ends[1]);
        scene_end(&s);
    }
}

TEST(a_read_that_may_not_wait_says_so)
{
    for (Kind kind = PIPE; kind < KINDS; kind++) {
        Scene s;
        int ends[2];
        char buf[8];
        uint64_t bytes = 0;
        make_pair(kind, false, ends);
        scene_begin(&s, ends[0]);
        atomic_store(&s.chan.oflags, OPEN_NONBLOCK);
        EQ(devstream.read(&s.call, &s.chan, buf, sizeof buf, 0), -EAGAIN);
        EQ(devstream.ready(NULL, &s.chan, READY_READ, &bytes), 0);
        send_bytes(ends[1], "xyz\n");
        while (devstream.ready(NULL, &s.chan, READY_READ, &bytes) == 0)
            pause_ms(1);
        EQ(bytes, 4);
        EQ(devstream.read(&s.call, &s.chan, buf, sizeof buf, 0), 4);
        close(ends[0]);
        close(ends[1]);
        scene_end(&s);
    }
}

TEST(the_end_is_the_end)
{
    for (Kind kind = PIPE; kind <= SOCKET; kind++) {
        Scene s;
        int ends[2];
        make_pair(kind, false, ends);
        scene_begin(&s, ends[0]);
        OK(worker_run(read_run, &s, 0));
        await_parked(&s);
        close(ends[1]);
        await_end(&s);
        EQ(s.result, 0);
        EQ(devstream.ready(NULL, &s.chan, READY_READ, NULL), READY_READ | READY_HANGUP);
        close(ends[0]);
        scene_end(&s);
    }
}

TEST(the_end_of_a_terminals_input_is_an_end_once)
{
    Scene s;
    int ends[2];
    make_pair(TERMINAL, false, ends);
    scene_begin(&s, ends[0]);
    send_bytes(ends[1], "\004more\n");
    read_run(&s);
    EQ(s.result, 0);
    read_run(&s);
    EQ(s.result, 5);
    close(ends[0]);
    close(ends[1]);
    scene_end(&s);
}

static size_t drain(int fd, size_t n)
{
    static char buf[65536];
    size_t sum = 0;
    ssize_t got;
    while (sum < n && (got = read(fd, buf, sizeof buf)) > 0)
        sum += (size_t)got;
    return sum;
}

TEST(a_write_waits_for_room)
{
    for (Kind kind = PIPE; kind <= SOCKET; kind++) {
        Scene s;
        int ends[2];
        make_pair(kind, true, ends);
        scene_begin(&s, ends[0]);
        OK(worker_run(write_run, &s, 0));
        await_parked(&s);
        EQ(drain(ends[1], MUCH), MUCH);
        await_end(&s);
        EQ(s.result, MUCH);
        OK(worker_run(write_run, &s, 0));
        await_parked(&s);
        interrupt(&s);
        await_end(&s);
        EQ(s.result, -EINTR);
        close(ends[1]);
        OK(worker_run(write_run, &s, 0));
        await_end(&s);
        EQ(s.result, -EPIPE);
        EQ(s.task.sig_pending, 1u << SIG_PIPE);
        close(ends[0]);
        scene_end(&s);
    }
}

TEST(a_file_is_written_where_its_descriptor_stands)
{
    Scene s;
    char name[] = "/tmp/devstream-XXXXXX", buf[32] = "";
    int fd = mkstemp(name);
    TRUE(fd >= 0);
    send_bytes(fd, "head ");
    scene_begin(&s, fd);
    EQ(devstream.write(&s.call, &s.chan, "body", 4, 0), 4);
    send_bytes(fd, " tail");
    TRUE(pread(fd, buf, sizeof buf, 0) == 14);
    STR_EQ(buf, "head body tail");
    Attr a;
    OK(devstream.getattr(&s.call, s.file, &a));
    EQ(a.mode & TYPE_MASK, TYPE_FILE);
    TRUE(lseek(fd, 5, SEEK_SET) == 5);
    EQ(devstream.read(&s.call, &s.chan, buf, 4, 0), 4);
    MEM_EQ(buf, "body", 4);
    unlink(name);
    close(fd);
    scene_end(&s);
}

TEST(a_closed_descriptor_is_none)
{
    Scene s;
    scene_task(&s);
    EQ(devstream_new(1000, &s.file), -EBADF);
    scene_end(&s);
}

/* ---- descriptors that can only block -------------------------------------------------------------------------------- */

/* A stream over a pipe as it is where /proc is missing. */
static Stream *blocking_stream(int fd)
{
    Stream *out = NULL;
    HostStream host = { .io = HOST_BLOCKING };
    OK(host_dup(fd, &host.fd));
    OK(stream_new(&host, &out));
    return out;
}

typedef struct Blocked {
    Scene scene;
    Stream *stream;
    bool write;
} Blocked;

static void blocked_run(void *arg)
{
    Blocked *b = arg;
    Scene *s = &b->scene;
    int64_t r;
    if (b->write)
        CALL_RUN(&s->call, r, stream_write(&s->call, b->stream, false, s->got, sizeof s->got));
    else
        CALL_RUN(&s->call, r, stream_read(&s->call, b->stream, false, s->got, 2));
    mutex_lock(&s->lock);
    s->result = r;
    s->done = true;
    cond_wake_all(&s->changed);
    mutex_unlock(&s->lock);
}

TEST(a_helper_reads_for_who_asks_and_keeps_the_rest)
{
    static Blocked b;
    int ends[2];
    scene_task(&b.scene);
    TRUE(pipe(ends) == 0);
    b.stream = blocking_stream(ends[0]);
    OK(worker_run(blocked_run, &b, 0));
    await_parked(&b.scene);
    send_bytes(ends[1], "abc");
    await_end(&b.scene);
    EQ(b.scene.result, 2);
    MEM_EQ(b.scene.got, "ab", 2);
    uint64_t bytes = 0;
    EQ(stream_ready(NULL, b.stream, READY_READ, &bytes), READY_READ);
    EQ(bytes, 1);
    blocked_run(&b);
    EQ(b.scene.result, 1);
    EQ(b.scene.got[0], 'c');
    EQ(stream_read(&b.scene.call, b.stream, true, b.scene.got, 2), -EAGAIN);
    /* Who was killed has left the queue: nothing is read. */
    b.scene.done = false;
    OK(worker_run(blocked_run, &b, 0));
    await_parked(&b.scene);
    interrupt(&b.scene);
    await_end(&b.scene);
    EQ(b.scene.result, -EINTR);
    send_bytes(ends[1], "d");
    pause_ms(50);
    char byte = 0;
    TRUE(read(ends[0], &byte, 1) == 1 && byte == 'd');
    stream_end(b.stream);
    close(ends[0]);
    close(ends[1]);
    scene_end(&b.scene);
}

TEST(a_helper_writes_and_a_kill_does_not_wait_for_it)
{
    static Blocked b;
    static char fill[65536];
    int ends[2];
    scene_task(&b.scene);
    TRUE(pipe(ends) == 0);
    b.stream = blocking_stream(ends[1]);
    b.write = true;
    blocked_run(&b);
    EQ(b.scene.result, sizeof b.scene.got);
    TRUE(write(ends[1], fill, sizeof fill - 4096) > 0);
    b.scene.done = false;
    EQ(stream_write(&b.scene.call, b.stream, true, fill, sizeof fill), -EAGAIN);
    OK(worker_run(blocked_run, &b, 0));
    await_parked(&b.scene);
    interrupt(&b.scene);
    await_end(&b.scene);
    EQ(b.scene.result, -EINTR);
    stream_end(b.stream);
    close(ends[0]);
    close(ends[1]);
    scene_end(&b.scene);
}

/* The file goes while its helper still waits for the host. */
TEST(a_stream_that_goes_sends_its_helper_home)
{
    Scene s;
    int ends[2];
    TRUE(pipe(ends) == 0);
    scene_begin(&s, ends[0]);
    OK(worker_run(read_run, &s, 0));
    await_parked(&s);
    interrupt(&s);
    await_end(&s);
    scene_end(&s);
    close(ends[0]);
    close(ends[1]);
}

TEST(a_failed_allocation_closes_what_was_opened)
{
    Scene s;
    int ends[2];
    scene_task(&s);
    TRUE(pipe(ends) == 0);
    int r = -ENOMEM;
    for (unsigned nth = 1; r == -ENOMEM; nth++) {
        mem_fail_at(nth);
        r = devstream_new(ends[0], &s.file);
        mem_fail_at(0);
    }
    OK(r);
    close(ends[0]);
    close(ends[1]);
    scene_end(&s);
}
