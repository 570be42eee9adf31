/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kern/account.h"
#include "kern/count.h"
#include "kern/fdslot.h"
#include "kern/fdtab.h"
#include "kern/task.h"
#include "test/recorder.h"
#include "test/test.h"

#define ALL UINT64_MAX

typedef struct Scene {
    Task task;
    Account *account;
    Call call;
    FdTab *fds;
    Recorder *file;
} Scene;

static void scene_init(Scene *s, bool stream)
{
    *s = (Scene){ .account = account_new(NULL) };
    s->task.account = s->account;
    mutex_init(&s->task.lock, RANK_TASK);
    queue_init(&s->task.resumed);
    call_init(&s->call, &s->task);
    s->fds = fdtab_new(s->account, FD_LIMIT_DEFAULT);
    s->file = recorder_new(stream);
    OK(fd_put(&s->call, s->fds, 1, recorder_open(&s->call, s->file, OPEN_READ | OPEN_WRITE), ALL, ALL, false));
}

static void scene_end(Scene *s)
{
    AccountSums sums;
    call_end(&s->call);
    call_destroy(&s->call);
    fdtab_close_all(NULL, s->fds);
    fdtab_put(s->fds);
    EQ(s->file->opens, s->file->closes);
    recorder_put(s->file);
    account_sums(s->account, &sums);
    EQ(sums.mem_current, 0);
    account_put(s->account);
}

static int64_t write_fd(Scene *s, int fd, const char *text)
{
    IoVec v = { (void *)(uintptr_t)text, strlen(text) };
    return fd_writev(&s->call, s->fds, fd, &v, 1, NULL, 0);
}

static int64_t read_fd(Scene *s, int fd, char *buf, size_t n)
{
    IoVec v = { buf, n };
    return fd_readv(&s->call, s->fds, fd, &v, 1, NULL, 0);
}

static Tap *tap(Scene *s, int fd, bool waits)
{
    int r;
    Ring *ring = fd_ring(s->fds, fd, &r);
    OK(r);
    Tap *t = tap_open(ring, waits, s->account);
    ring_put(ring);
    return t;
}

TEST(reads_and_writes_move_the_position)
{
    Scene s;
    char buf[16];
    uint64_t off = 2;
    IoVec v = { buf, 4 };
    scene_init(&s, false);
    EQ(write_fd(&s, 1, "hello "), 6);
    EQ(write_fd(&s, 1, "world"), 5);
    EQ(read_fd(&s, 1, buf, 16), 0);
    EQ(fd_readv(&s.call, s.fds, 1, &v, 1, &off, 0), 4);
    MEM_EQ(buf, "llo ", 4);
    EQ(fd_writev(&s.call, s.fds, 1, &v, 1, &off, 0), 4);
    MEM_EQ(s.file->data, "hello world", 11);
    EQ(write_fd(&s, 1, ""), 0);
    EQ(fd_writev(&s.call, s.fds, 1, NULL, 0, NULL, 0), 0);
    EQ(write_fd(&s, 2, "x"), -EBADF);
    EQ(write_fd(&s, -1, "x"), -EBADF);
    EQ(read_fd(&s, 500, buf, 1), -EBADF);
    scene_end(&s);
}

TEST(every_byte_and_call_is_counted)
{
    Scene s;
    TaskThread thread = { .task = NULL };
    char buf[16];
    scene_init(&s, true);
    s.call.thread = &thread;
    EQ(write_fd(&s, 1, "hello"), 5);
    EQ(write_fd(&s, 1, "you"), 3);
    EQ(read_fd(&s, 1, buf, 6), 6);
    EQ(write_fd(&s, 9, "nobody"), -EBADF);
    EQ(thread.out.bytes, 8);
    EQ(thread.out.calls, 2);
    EQ(thread.in.bytes, 6);
    EQ(thread.in.calls, 1);
    scene_end(&s);
}

TEST(rights_are_asked_for_and_seen_at_once)
{
    Scene s;
    char buf[4];
    IoVec v = { buf, 4 };
    scene_init(&s, true);
    EQ(fd_writev(&s.call, s.fds, 1, &v, 1, NULL, 64), 4);
    OK(fd_set_rights(s.fds, 1, 2, 0));
    EQ(fd_writev(&s.call, s.fds, 1, &v, 1, NULL, 64), -EPERM);
    EQ(fd_readv(&s.call, s.fds, 1, &v, 1, NULL, 66), -EPERM);
    EQ(fd_readv(&s.call, s.fds, 1, &v, 1, NULL, 2), 4);
    scene_end(&s);
}

/* Vectors of sizes around what is gathered, against one long write. */
TEST(a_vector_is_one_write)
{
    static const size_t sizes[][3] = { { 1, 0, 5 },
                                       { 0, 7, 0 },
                                       { 2000, 2000, 96 },
                                       { 2000, 2000, 97 },
                                       { 30000, 30000, 5536 },
                                       { 30000, 30000, 5537 },
                                       { 0, 0, 0 } };
    char *all = mem_alloc(3 * 30000);
    char *back = mem_alloc(3 * 30000);
    for (size_t i = 0; i < 3 * 30000; i++)
        all[i] = (char)(i % 251);
    for (unsigned k = 0; k < LEN(sizes); k++) {
        Scene s;
        const size_t *n = sizes[k];
        size_t total = n[0] + n[1] + n[2];
        IoVec w[3] = { { all, n[0] }, { all + n[0], n[1] }, { all + n[0] + n[1], n[2] } };
        IoVec r[3] = { { back, n[1] }, { back + n[1], n[2] }, { back + n[1] + n[2], n[0] } };
        uint64_t off = 0;
        scene_init(&s, false);
        EQ(fd_writev(&s.call, s.fds, 1, w, 3, NULL, 0), total);
        EQ(s.file->len, total);
        MEM_EQ(s.file->data, all, total);
        EQ(s.file->writes, total > 65536 ? 3 : 1);
        memset(back, 0, total);
        EQ(fd_readv(&s.call, s.fds, 1, r, 3, &off, 0), total);
        MEM_EQ(back, all, total);
        memset(back, 0, total);
        OK(fd_writev(&s.call, s.fds, 1, w, 3, &off, 0));
        Tap *t = tap(&s, 1, true);
        size_t kept = 2 * total < RING_SIZE ? 2 * total : RING_SIZE;
        for (size_t got = 0; got < kept;) {
            int64_t part = tap_read(&s.call, t, back, 3 * 30000);
            OK(part);
            for (size_t i = 0; i < (size_t)part; i++)
                EQ(back[i], all[(2 * total - kept + got + i) % total]);
            got += (size_t)part;
        }
        tap_close(t);
        scene_end(&s);
    }
    mem_free(all);
    mem_free(back);
}

TEST(a_vector_ends_at_the_first_short_count)
{
    Scene s;
    char *big = mem_alloc(50000);
    IoVec v[2] = { { big, 50000 }, { big, 50000 } };
    scene_init(&s, true);
    recorder_set(s.file, 70000, 0);
    EQ(fd_writev(&s.call, s.fds, 1, v, 2, NULL, 0), 70000);
    EQ(fd_writev(&s.call, s.fds, 1, v, 2, NULL, 0), WAIT);
    recorder_set(s.file, 70000, -ENOSPC);
    EQ(fd_writev(&s.call, s.fds, 1, v, 2, NULL, 0), -ENOSPC);
    recorder_set(s.file, 120000, -ENOSPC);
    EQ(fd_writev(&s.call, s.fds, 1, v, 2, NULL, 0), 50000);
    /* Of a stream one piece is read. */
    EQ(fd_readv(&s.call, s.fds, 1, v, 2, NULL, 0), 50000);
    IoVec huge[2] = { { big, SIZE_MAX }, { big, 2 } };
    EQ(fd_writev(&s.call, s.fds, 1, huge, 2, NULL, 0), -EINVAL);
    call_end(&s.call);
    mem_free(big);
    scene_end(&s);
}

TEST(a_tap_sees_what_was_really_written)
{
    Scene s;
    char buf[64];
    scene_init(&s, true);
    EQ(write_fd(&s, 1, "before "), 7);
    Tap *t = tap(&s, 1, true);
    recorder_set(s.file, 10, 0);
    EQ(write_fd(&s, 1, "abcdef"), 3);
    EQ(write_fd(&s, 1, "lost"), WAIT);
    call_end(&s.call);
    recorder_set(s.file, 10, -EPIPE);
    EQ(write_fd(&s, 1, "lost"), -EPIPE);
    recorder_set(s.file, 100, 0);
    EQ(write_fd(&s, 1, "end"), 3);
    EQ(tap_read(&s.call, t, buf, 64), 13);
    MEM_EQ(buf, "before abcend", 13);
    fdtab_close_all(&s.call, s.fds);
    EQ(tap_read(&s.call, t, buf, 64), 0);
    tap_close(t);
    scene_end(&s);
}

TEST(a_full_tap_makes_the_writer_wait_or_say_so)
{
    Scene s;
    char *big = mem_alloc(RING_SIZE);
    IoVec v = { big, RING_SIZE };
    scene_init(&s, true);
    Tap *t = tap(&s, 1, true);
    EQ(fd_writev(&s.call, s.fds, 1, &v, 1, NULL, 0), RING_SIZE);
    EQ(write_fd(&s, 1, "x"), WAIT);
    EQ(s.file->len, RING_SIZE);
    call_end(&s.call);
    s.call.mode = CALL_NONBLOCK;
    EQ(write_fd(&s, 1, "x"), -EAGAIN);
    s.call.mode = 0;
    EQ(tap_read(&s.call, t, big, 10), 10);
    EQ(write_fd(&s, 1, "y"), 1);
    tap_close(t);
    mem_free(big);
    scene_end(&s);
}

TEST(the_ring_shrinks_before_a_write_fails)
{
    Scene s;
    AccountSums sums;
    char *big = mem_alloc(RING_SIZE);
    IoVec v = { big, RING_SIZE };
    scene_init(&s, true);
    EQ(fd_writev(&s.call, s.fds, 1, &v, 1, NULL, 0), RING_SIZE);
    account_sums(s.account, &sums);
    uint64_t before = sums.mem_current;
    recorder_set(s.file, RING_SIZE, -ENOSPC);
    EQ(write_fd(&s, 1, "x"), -ENOSPC);
    account_sums(s.account, &sums);
    EQ(before - sums.mem_current, RING_SIZE);
    EQ(s.file->writes, 3);
    mem_free(big);
    scene_end(&s);
}

/* ---- slots that change -------------------------------------------------------------------------------------------- */

TEST(a_descriptor_at_hand_is_not_used_when_its_slot_changed)
{
    Scene s;
    scene_init(&s, true);
    Recorder *second = recorder_new(true);
    EQ(write_fd(&s, 1, "a"), 1);
    OK(fd_put(&s.call, s.fds, 1, recorder_open(&s.call, second, OPEN_WRITE), ALL, ALL, false));
    EQ(s.file->closes, 1);
    EQ(write_fd(&s, 1, "b"), 1);
    EQ(s.file->len, 1);
    EQ(second->len, 1);
    EQ(second->closes, 0);
    OK(fd_close(&s.call, s.fds, 1));
    EQ(second->closes, 1);
    EQ(write_fd(&s, 1, "c"), -EBADF);
    /* By another call: this one's hold ends when it is used next. */
    Call other;
    call_init(&other, &s.task);
    OK(fd_put(&s.call, s.fds, 2, recorder_open(&s.call, second, OPEN_WRITE), ALL, ALL, false));
    EQ(write_fd(&s, 2, "d"), 1);
    OK(fd_close(&other, s.fds, 2));
    EQ(second->flushes, 2);
    EQ(write_fd(&s, 2, "e"), -EBADF);
    OK(fd_put(&other, s.fds, 5, recorder_open(&s.call, s.file, OPEN_WRITE), ALL, ALL, false));
    EQ(write_fd(&s, 5, "f"), 1);
    EQ(second->closes, 2);
    call_destroy(&other);
    recorder_put(second);
    scene_end(&s);
}

static void add_fd(Scene *s, int fd)
{
    OK(fd_put(&s->call, s->fds, fd, recorder_open(&s->call, s->file, OPEN_READ | OPEN_WRITE), ALL, ALL, false));
}

TEST(closing_one_descriptor_leaves_the_others_at_hand)
{
    Scene s;
    scene_init(&s, true);
    EQ(write_fd(&s, 1, "a"), 1);
    add_fd(&s, 2);
    EQ(s.call.fd_pins[1].version, fd_version(s.fds));
    EQ(write_fd(&s, 2, "b"), 1);
    OK(fd_close(&s.call, s.fds, 2));
    EQ(s.file->closes, 1);          /* its end was not delayed */
    EQ(s.call.fd_pins[1].table, s.fds->id);
    EQ(s.call.fd_pins[1].version, fd_version(s.fds));
    EQ(s.call.fd_pins[2].table, 0);
    EQ(write_fd(&s, 2, "b"), -EBADF);
    EQ(write_fd(&s, 1, "a"), 1);
    /* What somebody else has changed is not taken for our own close. */
    add_fd(&s, 2);
    OK(fd_put(NULL, s.fds, 1, recorder_open(&s.call, s.file, OPEN_READ), ALL, ALL, false));
    OK(fd_close(&s.call, s.fds, 2));
    EQ(s.call.fd_pins[1].table, 0);
    EQ(write_fd(&s, 1, "a"), -EBADF);
    scene_end(&s);
}

TEST(what_is_lent_stays_until_it_is_given_back)
{
    Scene s;
    FdInfo lent, other;
    scene_init(&s, true);
    OK(fd_set_rights(s.fds, 1, 7, 3));
    EQ(fd_lend(&s.call, s.fds, 2, &lent), -EBADF);
    OK(fd_lend(&s.call, s.fds, 1, &lent));
    EQ(lent.rights, 7);
    EQ(lent.inheriting, 3);
    EQ(fd_lend(&s.call, s.fds, 1, &other), -EBUSY);
    OK(fd_close(&s.call, s.fds, 1));
    EQ(s.file->closes, 0);
    EQ(chan_write(&s.call, lent.chan, "x", 1, 0), 1);
    fd_give_back(&s.call, s.fds);
    EQ(s.file->closes, 1);
    EQ(fd_lend(&s.call, s.fds, 1, &lent), -EBADF);
    scene_end(&s);
}

TEST(pins_of_one_table_are_not_those_of_another)
{
    Scene s;
    char buf[4];
    scene_init(&s, true);
    for (unsigned i = 0; i < 20; i++) {
        FdTab *t = fdtab_new(NULL, 10);
        Recorder *file = recorder_new(true);
        IoVec v = { buf, 2 };
        OK(fd_put(&s.call, t, 1, recorder_open(&s.call, file, OPEN_WRITE), ALL, ALL, false));
        EQ(fd_writev(&s.call, t, 1, &v, 1, NULL, 0), 2);
        EQ(file->len, 2);
        fdtab_close_all(&s.call, t);
        fdtab_put(t);
        EQ(file->closes, 1);
        recorder_put(file);
        EQ(write_fd(&s, 1, "x"), 1);
    }
    EQ(s.file->len, 20);
    scene_end(&s);
}

typedef struct Waiting {
    Scene *s;
    Mutex lock;                     /* RANK_LEAF */
    Cond changed;
    bool ended;
    int64_t result;
    char buf[16];
} Waiting;

static void read_one(void *arg)
{
    Waiting *w = arg;
    Call c;
    int64_t r;
    IoVec v = { w->buf, sizeof w->buf };
    call_init(&c, &w->s->task);
    CALL_RUN(&c, r, fd_readv(&c, w->s->fds, 0, &v, 1, NULL, 0));
    call_destroy(&c);
    mutex_lock(&w->lock);
    w->ended = true;
    w->result = r;
    cond_wake_all(&w->changed);
    mutex_unlock(&w->lock);
}

static void begin_reading(Waiting *w, Scene *s, Recorder *file)
{
    *w = (Waiting){ .s = s };
    mutex_init(&w->lock, RANK_LEAF);
    cond_init(&w->changed);
    OK(fd_put(&s->call, s->fds, 0, recorder_open(&s->call, file, OPEN_READ), ALL, ALL, false));
    OK(worker_run(read_one, w, 0));
    for (bool waits = false; !waits; thread_yield()) {
        mutex_lock(&s->task.lock);
        waits = s->task.waiting != NULL;
        mutex_unlock(&s->task.lock);
    }
}

static int64_t end_reading(Waiting *w)
{
    mutex_lock(&w->lock);
    while (!w->ended)
        cond_wait(&w->changed, &w->lock);
    mutex_unlock(&w->lock);
    return w->result;
}

TEST(a_call_that_waits_goes_on_with_the_new_descriptor)
{
    Scene s;
    Waiting w;
    scene_init(&s, true);
    Recorder *silent = recorder_new(true);
    EQ(write_fd(&s, 1, "spoken"), 6);
    begin_reading(&w, &s, silent);
    OK(fd_put(&s.call, s.fds, 0, recorder_open(&s.call, s.file, OPEN_READ), ALL, ALL, false));
    EQ(silent->closes, 1);          /* who waits holds nothing */
    EQ(end_reading(&w), 6);
    MEM_EQ(w.buf, "spoken", 6);
    begin_reading(&w, &s, silent);
    OK(fd_close(&s.call, s.fds, 0));
    EQ(end_reading(&w), -EBADF);
    recorder_put(silent);
    scene_end(&s);
    workers_drain();
}

/* ---- failures and threads ----------------------------------------------------------------------------------------- */

typedef struct Failing {
    Scene s;
    Recorder *file;
    char *big;
} Failing;

static int session(void *arg)
{
    Failing *f = arg;
    Task task = { .account = f->s.account };
    Call c;
    int64_t r = -ENOMEM;
    IoVec v[2] = { { f->big, 30000 }, { f->big, 10000 } };
    uint64_t off = 0;
    call_init(&c, &task);
    FdTab *t = fdtab_new(f->s.account, 10);
    Chan *ch = t != NULL ? recorder_open(&c, f->file, OPEN_READ | OPEN_WRITE) : NULL;
    if (ch != NULL)
        r = fd_put(&c, t, 0, ch, ALL, ALL, false);
    /* No allocation that fails later is a reason to write nothing. */
    if (r == 0) {
        EQ(fd_writev(&c, t, 0, v, 2, &off, 0), 40000);
        EQ(fd_readv(&c, t, 0, v, 2, &off, 0), 40000);
    }
    call_end(&c);
    call_destroy(&c);
    if (t != NULL)
        fdtab_close_all(NULL, t);
    fdtab_put(t);
    return (int)r;
}

TEST(failing_allocations_do_not_fail_a_write)
{
    Failing f;
    int64_t chans = count_of(OBJ_CHAN);
    int64_t rings = count_of(OBJ_RING);
    scene_init(&f.s, true);
    f.file = recorder_new(false);
    f.big = mem_alloc(30000);
    test_each_failure(session, &f);
    mem_free(f.big);
    recorder_put(f.file);
    scene_end(&f.s);
    EQ(count_of(OBJ_CHAN), chans);
    EQ(count_of(OBJ_RING), rings);
}

enum { WRITERS = 3, ROUNDS = 500 };

typedef struct Race {
    Scene s;
    atomic_uint running;
} Race;

static void write_always(void *arg)
{
    Race *race = arg;
    Call c;
    IoVec v = { (void *)(uintptr_t) "12345678", 8 };
    call_init(&c, &race->s.task);
    for (unsigned i = 0; i < ROUNDS; i++) {
        int64_t r;
        CALL_RUN(&c, r, fd_writev(&c, race->s.fds, 1 + (int)i % 3, &v, 1, NULL, 0));
        TRUE(r == 8 || r == -EBADF || r == -ENOSPC);
    }
    call_destroy(&c);
    atomic_fetch_sub(&race->running, 1);
}

TEST_SLOW(slots_change_while_others_write, 60)
{
    Race race;
    scene_init(&race.s, true);
    recorder_set(race.s.file, RECORDER_SIZE, -ENOSPC);
    atomic_init(&race.running, WRITERS);
    for (unsigned i = 0; i < WRITERS; i++)
        OK(worker_run(write_always, &race, 0));
    for (unsigned i = 0; atomic_load(&race.running) > 0; i++) {
        int fd = 1 + (int)i % 3;
        if (i % 2 == 0)
            (void)fd_close(&race.s.call, race.s.fds, fd);
        else
            OK(fd_put(&race.s.call, race.s.fds, fd, recorder_open(&race.s.call, race.s.file, OPEN_WRITE), ALL, ALL,
                      false));
        if (i % 5 == 0)
            (void)fd_renumber(&race.s.call, race.s.fds, fd, 1);
    }
    scene_end(&race.s);
    workers_drain();
}
