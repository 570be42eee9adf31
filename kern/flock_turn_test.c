/* SPDX-License-Identifier: MIT */
/*
 * Locks of byte ranges: whose turn it is, whose files they are, and who pays.
 */
#include "kern/flock.h"

#include <stdio.h>

#include "kern/account.h"
#include "test/names.h"

static Chan *open_at(World *w, const char *path)
{
    Chan *ch = NULL;
    OK(world_open(w, path, OPEN_READ | OPEN_WRITE, &ch));
    return ch;
}

static int lock(World *w, Chan *ch, int type, uint64_t start, uint64_t len)
{
    int r;
    w->call->mode = CALL_NONBLOCK;
    CALL_RUN(w->call, r, chan_lock(w->call, ch, type, start, len));
    w->call->mode = 0;
    return r;
}

static void note_wake(Call *c)
{
    atomic_store((atomic_bool *)c->door, true);
}

/* A writer that goes on as a reader lets the readers in that wait for it. */
TEST(a_write_lock_that_becomes_a_read_lock_wakes_readers)
{
    World w = world("/f=x");
    Chan *a = open_at(&w, "/f"), *b = open_at(&w, "/f");
    atomic_bool woken = false;
    Call c;
    call_init(&c, w.root);
    c.wake = note_wake;
    c.door = &woken;
    OK(lock(&w, a, LOCK_WRITE, 0, 10));
    call_begin(&c);
    EQ(chan_lock(&c, b, LOCK_READ, 5, 1), WAIT);
    OK(call_suspend(&c));
    TRUE(!atomic_load(&woken));
    OK(lock(&w, a, LOCK_READ, 0, 10));
    TRUE(atomic_load(&woken));
    OK(call_resume(&c));
    OK(chan_lock(&c, b, LOCK_READ, 5, 1));
    call_end(&c);
    call_destroy(&c);
    OK(world_close(&w, a));
    OK(world_close(&w, b));
    world_end(&w);
}

TEST(ranges_end_where_files_do)
{
    World w = world("/f=x");
    Chan *a = open_at(&w, "/f"), *b = open_at(&w, "/f");
    EQ(lock(&w, a, LOCK_WRITE, 1, (uint64_t)INT64_MAX + 1), -EOVERFLOW);
    EQ(lock(&w, a, LOCK_WRITE, (uint64_t)INT64_MAX + 1, 1), -EOVERFLOW);
    OK(lock(&w, a, LOCK_WRITE, INT64_MAX, INT64_MAX));
    OK(lock(&w, b, LOCK_WRITE, 0, INT64_MAX));
    EQ(lock(&w, b, LOCK_WRITE, INT64_MAX, 1), -EAGAIN);
    OK(world_close(&w, a));
    OK(world_close(&w, b));
    world_end(&w);
}

/* File systems of one kind number their files alike, and of so many, two are in one place of any table. */
TEST(files_of_different_file_systems_are_different)
{
    enum { MANY = 100 };
    World w = world("/x/");
    Chan *ch[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        char path[32];
        OK(names_ctl(&w, NULL, "mount tmpfs /t%u", i));
        snprintf(path, sizeof path, "/t%u/f", i);
        OK(world_write(&w, path, "1"));
        ch[i] = open_at(&w, path);
        TRUE(ch[i]->file->id == ch[0]->file->id && (i == 0 || ch[i]->file->space != ch[0]->file->space));
        OK(lock(&w, ch[i], LOCK_WRITE, 0, 0));
    }
    for (unsigned i = 0; i < MANY; i++)
        OK(world_close(&w, ch[i]));
    world_end(&w);
}

static uint64_t in_use(World *w)
{
    AccountSums sums;
    account_sums(w->root->account, &sums);
    return sums.mem_current;
}

TEST(a_lock_is_paid_for_until_it_is_let_go)
{
    World w = world("/f=x");
    Chan *a = open_at(&w, "/f");
    uint64_t before = in_use(&w);
    for (uint64_t i = 0; i < 10; i++)
        OK(lock(&w, a, LOCK_WRITE, 2 * i, 1));
    TRUE(in_use(&w) > before);
    OK(lock(&w, a, LOCK_UNLOCK, 0, 0));
    EQ(in_use(&w), before);
    OK(world_close(&w, a));
    world_end(&w);
}
