/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "kern/account.h"
#include "kern/count.h"
#include "kern/fdtab.h"
#include "kern/task.h"
#include "test/recorder.h"
#include "test/test.h"

#define ALL UINT64_MAX

typedef struct Scene {
    Call call;
    FdTab *fds;
    Recorder *file;
} Scene;

static void scene_init(Scene *s)
{
    call_init(&s->call, NULL);
    s->fds = fdtab_new(NULL, FD_LIMIT_DEFAULT);
    s->file = recorder_new(true);
}

static void scene_end(Scene *s)
{
    fdtab_close_all(&s->call, s->fds);
    fdtab_put(s->fds);
    EQ(s->file->opens, s->file->closes);
    EQ(s->file->active, 0);
    recorder_put(s->file);
    call_end(&s->call);
    call_destroy(&s->call);
}

static int add(Scene *s, int min)
{
    return fd_add(&s->call, s->fds, recorder_open(&s->call, s->file, OPEN_READ | OPEN_WRITE), min, ALL, ALL, false);
}

static int set(Scene *s, int fd, unsigned flags)
{
    return fd_put(&s->call, s->fds, fd, recorder_open(&s->call, s->file, flags), ALL, ALL, false);
}

TEST(the_lowest_free_number_is_taken)
{
    Scene s;
    scene_init(&s);
    for (int i = 0; i < 20; i++)
        EQ(add(&s, 0), i);
    EQ(add(&s, 50), 50);
    OK(fd_close(&s.call, s.fds, 7));
    OK(fd_close(&s.call, s.fds, 3));
    EQ(add(&s, 4), 7);
    EQ(add(&s, 0), 3);
    EQ(add(&s, 0), 20);
    EQ(fd_next(s.fds, 21), 50);
    EQ(fd_next(s.fds, 51), -EBADF);
    EQ(fd_next(s.fds, -1), 0);
    EQ(fd_close(&s.call, s.fds, 21), -EBADF);
    EQ(fd_close(&s.call, s.fds, -1), -EBADF);
    EQ(fd_close(&s.call, s.fds, 1 << 20), -EBADF);
    scene_end(&s);
}

TEST(the_limit_is_one_of_numbers)
{
    Scene s;
    scene_init(&s);
    fdtab_limit(s.fds, 3);
    for (int i = 0; i < 3; i++)
        EQ(add(&s, 0), i);
    EQ(add(&s, 0), -EMFILE);
    EQ(add(&s, 3), -EMFILE);
    EQ(add(&s, -1), -EINVAL);
    EQ(set(&s, 3, OPEN_READ), -EBADF);
    EQ(set(&s, -1, OPEN_READ), -EBADF);
    EQ(set(&s, 2, OPEN_READ), 0);
    fdtab_limit(s.fds, UINT64_MAX);
    EQ(add(&s, 1000), 1000);
    EQ(add(&s, FD_LIMIT_MAX - 1), FD_LIMIT_MAX - 1);
    EQ(add(&s, FD_LIMIT_MAX - 1), -EMFILE);
    scene_end(&s);
}

TEST(what_was_in_a_slot_lets_go)
{
    Scene s;
    scene_init(&s);
    fdtab_activate(s.fds);
    EQ(add(&s, 0), 0);
    EQ(s.file->active, 1);
    OK(set(&s, 0, OPEN_READ));
    EQ(s.file->closes, 1);
    EQ(s.file->flushes, 1);
    EQ(s.file->active, 1);
    s.file->flush_result = -EBUSY;
    EQ(fd_close(&s.call, s.fds, 0), -EBUSY);
    EQ(s.file->closes, 2);
    EQ(s.file->active, 0);
    scene_end(&s);
}

TEST(an_end_that_waits_is_entered_again)
{
    Scene s;
    scene_init(&s);
    fdtab_activate(s.fds);
    EQ(add(&s, 0), 0);
    EQ(add(&s, 1), 1);
    call_begin(&s.call);
    s.file->flush_result = WAIT;
    EQ(fd_close(&s.call, s.fds, 0), WAIT);
    EQ(s.file->closes, 0);
    OK(fd_close(&s.call, s.fds, 0));
    EQ(s.file->flushes, 2);
    EQ(s.file->closes, 1);
    call_end(&s.call);
    EQ(fd_close(&s.call, s.fds, 0), -EBADF);
    s.file->flush_result = WAIT;
    EQ(fd_close(&s.call, s.fds, 1), WAIT);
    call_end(&s.call);
    EQ(s.file->closes, 2);
    scene_end(&s);
}

TEST(a_task_that_is_not_started_is_no_reader_or_writer)
{
    Scene s;
    scene_init(&s);
    FdTab *other = fdtab_new(NULL, 10);
    EQ(add(&s, 0), 0);
    EQ(add(&s, 1), 1);
    EQ(s.file->active, 0);
    fdtab_activate(s.fds);
    EQ(s.file->active, 2);
    OK(fdtab_copy(&s.call, s.fds, 0, other, 2));
    EQ(fdtab_copy(&s.call, s.fds, 5, other, 2), -EBADF);
    OK(fd_close(&s.call, s.fds, 0));
    EQ(s.file->active, 1);
    EQ(s.file->closes, 0);
    fdtab_activate(other);
    fdtab_activate(other);
    EQ(s.file->active, 2);
    fdtab_close_all(&s.call, other);
    EQ(s.file->active, 1);
    EQ(s.file->closes, 1);
    fdtab_put(other);
    scene_end(&s);
}

TEST(renumber_moves_and_wants_both_open)
{
    Scene s;
    FdInfo info;
    scene_init(&s);
    EQ(add(&s, 0), 0);
    EQ(add(&s, 1), 1);
    OK(fd_get(s.fds, 0, &info));
    Chan *first = info.chan;
    EQ(fd_renumber(&s.call, s.fds, 0, 5), -EBADF);
    EQ(fd_renumber(&s.call, s.fds, 5, 0), -EBADF);
    OK(fd_set_preopen(s.fds, 0, "/name"));
    OK(fd_set_rights(s.fds, 0, 7, 3));
    OK(fd_renumber(&s.call, s.fds, 1, 1));
    OK(fd_renumber(&s.call, s.fds, 0, 1));
    EQ(fd_next(s.fds, 0), 1);
    chan_put(info.chan);
    OK(fd_get(s.fds, 1, &info));
    PTR_EQ(info.chan, first);
    STR_EQ(info.preopen, "/name");
    EQ(info.rights, 7);
    EQ(info.inheriting, 3);
    chan_put(info.chan);
    EQ(s.file->closes, 1);
    scene_end(&s);
}

TEST(rights_only_shrink)
{
    Scene s;
    FdInfo info;
    scene_init(&s);
    EQ(add(&s, 0), 0);
    EQ(fd_set_rights(s.fds, 1, 1, 1), -EBADF);
    OK(fd_set_rights(s.fds, 0, 6, 15));
    EQ(fd_set_rights(s.fds, 0, 1, 0), -EPERM);
    EQ(fd_set_rights(s.fds, 0, 6, 16), -EPERM);
    OK(fd_set_rights(s.fds, 0, 4, 8));
    OK(fd_get(s.fds, 0, &info));
    EQ(info.rights, 4);
    EQ(info.inheriting, 8);
    chan_put(info.chan);
    EQ(fd_get(s.fds, 1, &info), -EBADF);
    EQ(fd_set_preopen(s.fds, 1, "x"), -EBADF);
    EQ(fd_set_cloexec(s.fds, 1, true), -EBADF);
    scene_end(&s);
}

TEST(exec_closes_what_is_marked)
{
    Scene s;
    scene_init(&s);
    for (int i = 0; i < 4; i++)
        EQ(add(&s, 0), i);
    OK(fd_set_cloexec(s.fds, 1, true));
    OK(fd_set_cloexec(s.fds, 3, true));
    OK(fd_set_cloexec(s.fds, 3, false));
    fdtab_close_on_exec(&s.call, s.fds);
    EQ(fd_next(s.fds, 1), 2);
    EQ(fd_next(s.fds, 3), 3);
    scene_end(&s);
}

TEST(a_table_whose_task_exited_takes_nothing)
{
    Scene s;
    scene_init(&s);
    EQ(add(&s, 0), 0);
    fdtab_close_all(&s.call, s.fds);
    EQ(s.file->closes, 1);
    EQ(add(&s, 0), -ESRCH);
    EQ(set(&s, 0, OPEN_READ), -ESRCH);
    EQ(s.file->closes, 3);
    scene_end(&s);
}

TEST(a_ring_belongs_to_the_number)
{
    Scene s;
    int r;
    scene_init(&s);
    PTR_EQ(fd_ring(s.fds, 1, &r), NULL);
    EQ(r, -ENOENT);
    OK(set(&s, 1, OPEN_READ));
    PTR_EQ(fd_ring(s.fds, 1, &r), NULL);
    EQ(r, -ENOENT);
    OK(set(&s, 1, OPEN_WRITE));
    Ring *first = fd_ring(s.fds, 1, &r);
    OK(r);
    OK(set(&s, 1, OPEN_READ | OPEN_WRITE));
    Ring *same = fd_ring(s.fds, 1, &r);
    PTR_EQ(same, first);            /* a tap reads on across a redirection */
    TRUE(!ring_closed(first));
    OK(fd_close(&s.call, s.fds, 1));
    TRUE(ring_closed(first));
    ring_put(same);
    same = fd_ring(s.fds, 1, &r);
    PTR_EQ(same, first);            /* what was written can still be read */
    OK(set(&s, 1, OPEN_WRITE));
    Ring *second = fd_ring(s.fds, 1, &r);
    TRUE(second != first);
    TRUE(!ring_closed(second));
    OK(set(&s, 1, OPEN_READ));
    TRUE(ring_closed(second));
    OK(set(&s, 2, OPEN_WRITE));
    fdtab_close_all(&s.call, s.fds);
    Ring *never = fd_ring(s.fds, 2, &r);
    TRUE(ring_closed(never));
    ring_put(first);
    ring_put(same);
    ring_put(second);
    ring_put(never);
    scene_end(&s);
}

typedef struct Failing {
    Account *account;
    Recorder *file;
} Failing;

static int session(void *arg)
{
    Failing *f = arg;
    Task task = { .account = f->account };
    Call c;
    int r = -ENOMEM;
    call_init(&c, &task);
    FdTab *t = fdtab_new(f->account, 100);
    if (t != NULL) {
        for (int i = 0; i < 10; i++) {
            Chan *ch = recorder_open(&c, f->file, OPEN_WRITE);
            r = ch != NULL ? fd_add(&c, t, ch, i, ALL, ALL, false) : -ENOMEM;
            if (r < 0)
                break;
        }
        if (r >= 0)
            r = fd_set_preopen(t, 3, "/a/name");
        f->file->flush_result = WAIT;
        if (r >= 0 && (r = fd_close(&c, t, 3)) == WAIT)
            r = fd_close(&c, t, 3);
        Ring *ring = r >= 0 ? fd_ring(t, 4, &r) : NULL;
        ring_put(ring);
        fdtab_close_all(&c, t);
        fdtab_put(t);
    }
    call_end(&c);
    call_destroy(&c);
    return r < 0 ? r : 0;
}

TEST(failing_allocations_leave_nothing_behind)
{
    Failing f = { .account = account_new(NULL), .file = recorder_new(true) };
    int64_t chans = count_of(OBJ_CHAN);
    int64_t tabs = count_of(OBJ_FDTAB);
    AccountSums sums;
    test_each_failure(session, &f);
    EQ(count_of(OBJ_CHAN), chans);
    EQ(count_of(OBJ_FDTAB), tabs);
    EQ(count_of(OBJ_OP), 0);
    account_sums(f.account, &sums);
    EQ(sums.mem_current, 0);
    recorder_put(f.file);
    account_put(f.account);
}

TEST(waiting_calls_hear_of_a_change)
{
    Scene s;
    scene_init(&s);
    EQ(add(&s, 0), 0);
    call_begin(&s.call);
    uint64_t version = fd_version(s.fds);
    EQ(fd_arm(&s.call, s.fds, version), WAIT);
    EQ(add(&s, 1), 1);              /* nobody can have waited in a slot that was not open */
    EQ(fd_version(s.fds), version);
    OK(fd_close(&s.call, s.fds, 1));
    EQ(call_park(&s.call), 0);
    EQ(fd_arm(&s.call, s.fds, version), WAIT);
    EQ(call_park(&s.call), 0);
    call_end(&s.call);
    scene_end(&s);
}
