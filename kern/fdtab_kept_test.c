/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that are handed on, or cannot be had: nobody gains a right, and nobody is held.
 */
#include <string.h>

#include "kern/account.h"
#include "kern/fdtab.h"
#include "kern/task.h"
#include "test/names.h"
#include "test/recorder.h"

#define ALL UINT64_MAX

TEST(a_child_has_no_more_rights_than_its_parent)
{
    World w = world("/x=1");
    FdInfo info;
    OK(world_write(&w, "/task/1/fd/1/ctl", "dup /x w"));
    OK(fd_set_rights(task_fds(w.root), 1, 64, 3));
    Task *t = names_task(&w);
    OK(fd_get(task_fds(t), 1, &info));
    EQ(info.rights, 64);
    EQ(info.inheriting, 3);
    EQ(info.chan->mode, OPEN_WRITE);
    chan_put(info.chan);
    task_put(t);
    world_end(&w);
}

/* Where there is no room for it, an open file is held by nobody: a reader of its pipe is not kept waiting. */
TEST(a_descriptor_that_does_not_fit_is_let_go)
{
    Task task = { .account = account_new(NULL) };
    Call c;
    mutex_init(&task.lock, RANK_TASK);
    queue_init(&task.resumed);
    call_init(&c, &task);
    FdTab *t = fdtab_new(task.account, 1);
    Recorder *r = recorder_new(true);
    fdtab_activate(t);
    EQ(fd_add(&c, t, recorder_open(&c, r, OPEN_WRITE), 0, ALL, ALL, false), 0);
    EQ(r->active, 1);
    EQ(fd_add(&c, t, recorder_open(&c, r, OPEN_WRITE), 0, ALL, ALL, false), -EMFILE);
    EQ(fd_put(&c, t, 1, recorder_open(&c, r, OPEN_WRITE), ALL, ALL, false), -EBADF);
    EQ(r->active, 1);
    OK(fd_close(&c, t, 0));
    EQ(r->active, 0);
    EQ(r->opens, r->closes);
    call_end(&c);
    call_destroy(&c);
    fdtab_close_all(NULL, t);
    fdtab_put(t);
    recorder_put(r);
    account_put(task.account);
}
