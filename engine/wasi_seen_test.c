/* SPDX-License-Identifier: MIT */
/*
 * What calls of preview 1 do beyond what they answer: the modes of new files, the numbers in listings and attributes, the
 * rights shown, how far a call goes that is to end.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/wasi_call.h"
#include "engine/wasi_test.h"
#include "kern/walk.h"
#include "test/recorder.h"

static Attr attr_of(Prog *p, const char *path)
{
    Call *c = &p->thread.call;
    AUTO_CHAN Chan *ch = NULL;
    Attr a;
    OK(KERNEL(p, walk_path(c, (WalkFrom){ .ns = p->task.ns }, path, 0, &ch)));
    OK(KERNEL(p, chan_getattr(c, ch, &a)));
    return a;
}

static void set_mtime(Prog *p, const char *path, int64_t t)
{
    Call *c = &p->thread.call;
    AUTO_CHAN Chan *ch = NULL;
    Attr a = { .mtime = t };
    OK(KERNEL(p, walk_path(c, (WalkFrom){ .ns = p->task.ns }, path, 0, &ch)));
    OK(KERNEL(p, chan_setattr(c, ch, SET_MTIME, &a)));
}

TEST(the_umask_takes_bits_of_all_that_is_made)
{
    Prog pr, *p = &pr;
    prog_begin(p, false);
    p->task.umask = 027;
    OK(prog_open(p, "new", WASI_CREAT, RIGHTS_RW));
    EQ(DO(p, path_create_directory, 3, PATH("newdir")), WASI_OK);
    EQ(attr_of(p, "/new").mode & 07777, 0640);
    EQ(attr_of(p, "/newdir").mode & 07777, 0750);
    prog_end(p);
}

TEST(attributes_are_the_kernels)
{
    Prog pr, *p = &pr;
    prog_begin(p, false);
    EQ(DO(p, path_link, 3, 0, PATH("dir/file"), 3, PATH("second")), WASI_OK);
    EQ(DO(p, path_filestat_set_times, 3, 0, PATH("second"), 5, 6, WASI_ATIM | WASI_MTIM), WASI_OK);
    Attr a = attr_of(p, "/second");
    EQ(DO(p, path_filestat_get, 3, 0, PATH("dir/file"), 64), WASI_OK);
    EQ(prog_u64(p, 64), a.dev);
    EQ(prog_u64(p, 72), a.ino);
    EQ(p->memory[80], WASI_TYPE_FILE);
    EQ(prog_u64(p, 88), 2);
    EQ(prog_u64(p, 96), 10);
    EQ(prog_u64(p, 104), 5);
    EQ(prog_u64(p, 112), 6);
    EQ(prog_u64(p, 120), a.ctime);
    TRUE(a.ctime > 6);
    set_mtime(p, "/second", -7);
    EQ(DO(p, path_filestat_get, 3, 0, PATH("second"), 64), WASI_OK);
    EQ(prog_u64(p, 112), 0);        /* there is no number for it */
    prog_end(p);
}

TEST(times_beyond_the_kernels_are_refused)
{
    Prog pr, *p = &pr;
    prog_begin(p, false);
    const uint64_t far = (uint64_t)INT64_MAX + 1;
    EQ(DO(p, path_filestat_set_times, 3, 0, PATH("empty"), far, 1, WASI_ATIM), WASI_EINVAL);
    EQ(DO(p, path_filestat_set_times, 3, 0, PATH("empty"), 1, far, WASI_MTIM), WASI_EINVAL);
    EQ(DO(p, path_filestat_set_times, 3, 0, PATH("empty"), far, 1, WASI_MTIM), WASI_OK);
    EQ(attr_of(p, "/empty").mtime, 1);
    prog_end(p);
}

TEST(a_listing_has_the_numbers_of_its_files)
{
    Prog pr, *p = &pr;
    prog_begin(p, false);
    uint32_t buf = prog_room(p, 512), seen = 0;
    uint32_t root = open_dir(p, ".", 0);
    EQ(DO(p, fd_readdir, root, buf, 512, 0, 0), WASI_OK);
    for (uint32_t at = buf, end = buf + prog_u32(p, 0), n; at < end; at += (uint32_t)sizeof(WasiDirent) + n) {
        n = prog_u32(p, at + 16);
        char path[64] = "/";
        memcpy(path + 1, p->memory + at + sizeof(WasiDirent), n);
        if (strcmp(path, "/dir") != 0 && strcmp(path, "/empty") != 0)
            continue;
        EQ(prog_u64(p, at + 8), attr_of(p, path).ino);
        seen++;
    }
    EQ(seen, 2);
    prog_end(p);
}

static uint64_t rights_shown(Prog *p, const char *path, unsigned flags)
{
    Call *c = &p->thread.call;
    Chan *ch = NULL;
    OK(KERNEL(p, walk_open(c, (WalkFrom){ .ns = p->task.ns }, path, 0, flags, 0, &ch)));
    EQ(DO(p, fd_fdstat_get, (uint32_t)prog_add(p, ch), 64), WASI_OK);
    return prog_u64(p, 72);
}

/* Descriptors that others made have no rights taken away: what is shown is what their mode allows. */
TEST(the_rights_shown_are_those_of_the_mode)
{
    Prog pr, *p = &pr;
    prog_begin(p, false);
    const uint64_t reads = RIGHT_FD_READ, writes = RIGHT_FD_WRITE | RIGHT_FD_ALLOCATE | RIGHT_FD_FILESTAT_SET_SIZE;
    EQ(rights_shown(p, "/empty", OPEN_READ) & (reads | writes), reads);
    EQ(rights_shown(p, "/empty", OPEN_WRITE) & (reads | writes), writes);
    EQ(rights_shown(p, "/empty", OPEN_READ | OPEN_WRITE) & (reads | writes), reads | writes);
    prog_end(p);
}

/* Vectors that lie over each other can ask for more bytes than a count holds: a call moves less then. */
TEST(a_count_of_bytes_never_wraps)
{
    enum { BIG = 4 << 20, COUNT = 1024 };
    Prog pr, *p = &pr;
    prog_begin(p, false);
    uint8_t *big = calloc(1, BIG);
    TRUE(big != NULL);
    Cursor c = cursor_over(big + 4096, COUNT * 8);
    for (unsigned i = 0; i < COUNT; i++) {
        cursor_put(&c, 4, 0);
        cursor_put(&c, 4, BIG);
    }
    p->w.guest.base = big;
    p->w.guest.len = BIG;
    EQ(DO(p, fd_write, 1, 4096, COUNT, 0), WASI_OK);
    c = cursor_over(big, 4);
    EQ(cursor_get(&c, 4), 0x7fff0000);
    p->w.guest.base = p->memory;
    p->w.guest.len = GUEST_MEMORY;
    free(big);
    prog_end(p);
}

/* Threads are kept and used again: what they used before is not the program's. */
TEST(the_clock_of_a_thread_begins_with_it)
{
    Prog pr, *p = &pr;
    prog_begin(p, false);
    uint64_t user = 0, system = 0;
    for (volatile unsigned i = 0; user + system < 20000000 && i < 400000000; i++)
        if (i % 65536 == 0)
            clock_thread_usage(&user, &system);
    if (user + system == 0)
        skip("no clock of threads here");
    p->thread.user0 = user;
    p->thread.system0 = system;
    EQ(DO(p, clock_time_get, WASI_CLOCK_THREAD_CPUTIME, 0, 64), WASI_OK);
    TRUE(prog_u64(p, 64) < user + system);
    prog_end(p);
}

TEST(random_bytes_end_with_the_task)
{
    Prog pr, *p = &pr;
    prog_begin(p, false);
    uint32_t buf = prog_room(p, 200000);
    atomic_store(&p->task.attention, ATTEND_KILL);
    EQ(DO(p, random_get, buf, 200000), WASI_END);
    for (uint32_t i = 65536; i < 200000; i++)
        EQ(p->memory[buf + i], 0);
    atomic_store(&p->task.attention, 0);
    prog_end(p);
}

/* A descriptor that gets another number is not let go of meanwhile: no pipe sees its last writer go. */
TEST(descriptors_are_held_while_they_are_put_in_order)
{
    Prog pr, *p = &pr;
    prog_begin(p, false);
    Recorder *r = recorder_new(true);
    Chan *ch = recorder_open(&p->thread.call, r, OPEN_WRITE);
    TRUE(ch != NULL);
    prog_add(p, ch);
    EQ(r->active, 1);
    OK(wasi_begin(&p->wasi, &p->task, &p->thread));
    EQ(r->flushes, 0);
    EQ(r->active, 1);
    prog_end(p);
    EQ(r->active, 0);
    recorder_put(r);
}

/* ---- what the disk hears -------------------------------------------------------------------------------------------- */

static int data_only_asked = -1;

static int sync_fsync(Call *c, Chan *ch, bool data_only)
{
    (void)c, (void)ch;
    data_only_asked = data_only;
    return 0;
}
static void sync_free(File *f)
{
    mem_free(f);
}
static const Dev sync_dev = { .name = "sync", .fsync = sync_fsync, .free = sync_free };

TEST(sync_and_datasync_are_not_the_same)
{
    Prog pr, *p = &pr;
    prog_begin(p, false);
    File *f = mem_alloc(sizeof *f);
    TRUE(f != NULL);
    file_init(f, &sync_dev, TYPE_FILE, 0, 0, 1);
    AUTO_CHAN Chan *ch = chan_new(&p->thread.call, f, NULL);
    Chan *open = NULL;
    TRUE(ch != NULL);
    OK(chan_open(&p->thread.call, ch, OPEN_WRITE, &open));
    uint32_t fd = (uint32_t)prog_add(p, open);
    EQ(DO(p, fd_sync, fd), WASI_OK);
    EQ(data_only_asked, 0);
    EQ(DO(p, fd_datasync, fd), WASI_OK);
    EQ(data_only_asked, 1);
    chan_put(STEAL(ch));
    prog_end(p);
}
