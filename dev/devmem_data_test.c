/* SPDX-License-Identifier: MIT */
#include "dev/devmem_test.h"

/* ---- bytes ---------------------------------------------------------------------------------------------------------- */

TEST_SLOW(bytes_are_read_back_as_they_were_written, 30)
{
    enum { SIZE = 200000, STEPS = 500 };
    Mem m;
    mem_begin(&m);
    OK(make_file(&m, "file"));
    AUTO_FILE *f = must(&m, "file");
    uint8_t *model = mem_alloc(SIZE), *buf = mem_alloc(SIZE);
    uint64_t size = 0;
    uint32_t state = 1;
    for (int i = 0; i < STEPS; i++) {
        state = state * 1664525u + 1013904223u;
        uint64_t off = (state >> 4) % SIZE;
        state = state * 1664525u + 1013904223u;
        size_t n = (state >> 4) % (i % 50 == 0 ? SIZE : 300);
        if (n > SIZE - off)
            n = (size_t)(SIZE - off);
        if (i % 7 == 6) {
            OK(set_size(&m, f, off));
            if (off < size)
                memset(model + off, 0, size - off);
            size = off;
        } else {
            memset(model + off, i + 1, n);
            EQ(write_file(&m, f, model + off, n, off), n);
            if (n > 0 && off + n > size)
                size = off + n;
        }
        EQ(attr_of(&m, f).size, size);
        uint64_t from = i % 10 == 0 ? 0 : off < 1000 ? 0 : off - 1000;
        uint64_t to = i % 10 == 0 || size < from + 3000 ? size : from + 3000;
        if (from < to) {
            EQ(read_file(&m, f, buf, to - from, from), to - from);
            MEM_EQ(buf, model + from, to - from);
        }
    }
    mem_free(model);
    mem_free(buf);
    file_put(STEAL(f));
    mem_end(&m);
}

TEST(holes_cost_nothing_however_far_the_end_is)
{
    Mem m;
    mem_begin(&m);
    OK(make_file(&m, "file"));
    AUTO_FILE *f = must(&m, "file");
    uint64_t before = charged(&m);
    char buf[4] = "....";
    OK(set_size(&m, f, INT64_MAX));
    EQ(charged(&m), before);
    EQ(read_file(&m, f, buf, 4, INT64_MAX - 2), 2);
    MEM_EQ(buf, "\0\0..", 4);
    EQ(write_file(&m, f, "end", 3, INT64_MAX - 3), 3);
    TRUE(charged(&m) - before < 100000);
    EQ(write_file(&m, f, "abc", 3, INT64_MAX - 1), 1);
    EQ(write_file(&m, f, "abc", 3, INT64_MAX), -EFBIG);
    EQ(set_size(&m, f, UINT64_C(1) << 63), -EFBIG);
    EQ(write_file(&m, f, "low", 3, 10), 3);
    OK(set_size(&m, f, 13));
    EQ(read_file(&m, f, buf, 4, 9), 4);
    MEM_EQ(buf, "\0low", 4);
    OK(set_size(&m, f, 0));
    EQ(charged(&m), before);
    file_put(STEAL(f));
    mem_end(&m);
}

TEST(small_files_are_small)
{
    Mem m;
    mem_begin(&m);
    OK(make_file(&m, "file"));
    AUTO_FILE *f = must(&m, "file");
    uint64_t before = charged(&m);
    EQ(write_file(&m, f, "abc", 3, 0), 3);
    TRUE(charged(&m) - before <= 128);
    EQ(attr_of(&m, f).blocks, 1);
    file_put(STEAL(f));
    mem_end(&m);
}

TEST(a_full_account_gets_what_fits)
{
    enum { PART = 1000, ROOM = 200000 };
    Mem m;
    mem_begin(&m);
    OK(make_file(&m, "file"));
    AUTO_FILE *f = must(&m, "file");
    limit(&m, charged(&m) + ROOM);
    uint8_t part[PART] = { 1 };
    uint64_t size = 0;
    int64_t r;
    while ((r = write_file(&m, f, part, PART, size)) > 0)
        size += (uint64_t)r;
    EQ(r, -ENOSPC);
    TRUE(size > ROOM / 2);
    EQ(attr_of(&m, f).size, size);
    Chan ch = { .file = f };
    EQ(devmem.allocate(&m.call, &ch, 0, 2 * ROOM), -ENOSPC);
    EQ(attr_of(&m, f).size, size);
    OK(set_size(&m, f, 0));
    EQ(write_file(&m, f, part, PART, 0), PART);
    file_put(STEAL(f));
    mem_end(&m);
}

TEST(who_makes_a_file_grow_pays)
{
    Mem m;
    Task second = { .account = NULL };
    Call call;
    AccountSums sums;
    mem_begin(&m);
    second.account = account_new(NULL);
    call_init(&call, &second);
    OK(make_file(&m, "file"));
    AUTO_FILE *f = must(&m, "file");
    Chan ch = { .file = f };
    uint8_t bytes[50000] = { 0 };
    EQ(write_file(&m, f, bytes, 1000, 0), 1000);
    uint64_t small = charged(&m);
    EQ(devmem.write(&call, &ch, bytes, sizeof bytes, 0), sizeof bytes);
    account_sums(second.account, &sums);
    TRUE(sums.mem_current > sizeof bytes);
    TRUE(charged(&m) < small);
    EQ(write_file(&m, f, bytes, sizeof bytes, 0), sizeof bytes);
    account_sums(second.account, &sums);
    TRUE(sums.mem_current > sizeof bytes);
    file_put(STEAL(f));
    mem_end(&m);
    account_sums(second.account, &sums);
    EQ(sums.mem_current, 0);
    call_destroy(&call);
    account_put(second.account);
}

TEST(allocate_makes_the_file_long_and_keeps_what_is_there)
{
    Mem m;
    mem_begin(&m);
    OK(make_file(&m, "file"));
    AUTO_FILE *f = must(&m, "file");
    Chan ch = { .file = f };
    char buf[8];
    EQ(write_file(&m, f, "abc", 3, 100), 3);
    OK(devmem.allocate(&m.call, &ch, 0, 300000));
    EQ(attr_of(&m, f).size, 300000);
    TRUE(attr_of(&m, f).blocks >= 300000 / 512);
    EQ(read_file(&m, f, buf, 5, 99), 5);
    MEM_EQ(buf, "\0abc\0", 5);
    limit(&m, charged(&m));
    EQ(write_file(&m, f, "x", 1, 299999), 1);
    OK(devmem.allocate(&m.call, &ch, 5, 10));
    EQ(attr_of(&m, f).size, 300000);
    EQ(devmem.allocate(&m.call, &ch, INT64_MAX, 2), -EFBIG);
    file_put(STEAL(f));
    mem_end(&m);
}

TEST(append_writes_at_the_end)
{
    Mem m;
    mem_begin(&m);
    OK(make_file(&m, "file"));
    AUTO_FILE *f = must(&m, "file");
    Chan ch = { .file = f };
    char buf[16] = "";
    uint64_t end = 0;
    EQ(write_file(&m, f, "abc", 3, 0), 3);
    EQ(devmem.append(&m.call, &ch, "def", 3, &end), 3);
    EQ(end, 6);
    EQ(read_file(&m, f, buf, sizeof buf, 0), 6);
    STR_EQ(buf, "abcdef");
    file_put(STEAL(f));
    mem_end(&m);
}

/* ---- attributes ----------------------------------------------------------------------------------------------------- */

/* Until the coarse clock has moved. */
static int64_t next_tick(void)
{
    int64_t now = (int64_t)clock_coarse();
    while ((int64_t)clock_coarse() == now)
        thread_yield();
    return (int64_t)clock_coarse();
}

TEST(each_change_has_a_time_of_its_own)
{
    Mem m;
    mem_begin(&m);
    next_tick();
    OK(make_dir(&m, "dir"));
    OK(make_file(&m, "dir/file"));
    AUTO_FILE *dir = must(&m, "dir");
    AUTO_FILE *f = must(&m, "dir/file");
    int64_t last = attr_of(&m, f).mtime, names = attr_of(&m, dir).mtime;
    for (int i = 0; i < 1000; i++) {            /* most of them within one tick of the clock */
        EQ(write_file(&m, f, "a", 1, 0), 1);
        Attr a = attr_of(&m, f);
        TRUE(a.mtime > last && a.ctime == a.mtime);
        last = a.mtime;
    }
    for (int i = 0; i < 10; i++) {
        char name[32];
        snprintf(name, sizeof name, "dir/%d", i);
        OK(make_file(&m, name));
        TRUE(attr_of(&m, dir).mtime > names);
        names = attr_of(&m, dir).mtime;
    }
    int64_t later = last + INT64_C(3600000000000);
    OK(devmem.setattr(&m.call, f, SET_MTIME, &(Attr){ .mtime = later }));
    EQ(attr_of(&m, f).mtime, later);
    TRUE(attr_of(&m, f).ctime > last && attr_of(&m, f).ctime < later);
    EQ(write_file(&m, f, "b", 1, 0), 1);
    TRUE(attr_of(&m, f).mtime > last && attr_of(&m, f).mtime < later);
    file_put(STEAL(f));
    file_put(STEAL(dir));
    mem_end(&m);
}

TEST(what_is_changed_later_is_not_earlier)
{
    Mem m;
    mem_begin(&m);
    OK(make_file(&m, "source"));
    AUTO_FILE *source = must(&m, "source");
    for (int i = 0; i < 200; i++) {
        char name[32];
        for (int k = 0; k < 5; k++) {
            EQ(write_file(&m, source, "a", 1, 0), 1);
            (void)attr_of(&m, source);
        }
        snprintf(name, sizeof name, "target%d", i);
        OK(make_file(&m, name));
        AUTO_FILE *target = must(&m, name);
        TRUE(attr_of(&m, target).mtime >= attr_of(&m, source).mtime);
        file_put(STEAL(target));
    }
    file_put(STEAL(source));
    mem_end(&m);
}

TEST(times_move_as_they_should)
{
    Mem m;
    char buf[4];
    mem_begin(&m);
    int64_t start = next_tick();
    OK(make_dir(&m, "dir"));
    OK(make_file(&m, "dir/file"));
    AUTO_FILE *dir = must(&m, "dir");
    AUTO_FILE *f = must(&m, "dir/file");
    TRUE(attr_of(&m, f).mtime >= start && attr_of(&m, f).atime >= start && attr_of(&m, f).ctime >= start);
    int64_t written = next_tick();
    EQ(write_file(&m, f, "a", 1, 0), 1);
    TRUE(attr_of(&m, f).mtime >= written && attr_of(&m, f).ctime >= written && attr_of(&m, f).atime < written);
    TRUE(attr_of(&m, dir).mtime < written);
    int64_t read = next_tick();
    EQ(read_file(&m, f, buf, 1, 0), 1);
    TRUE(attr_of(&m, f).atime >= read && attr_of(&m, f).mtime < read);
    int64_t again = next_tick();
    EQ(read_file(&m, f, buf, 1, 0), 1);
    TRUE(attr_of(&m, f).atime < again);
    OK(hard_link(&m, "dir/file", "dir/other"));
    TRUE(attr_of(&m, f).ctime >= again && attr_of(&m, f).mtime < again && attr_of(&m, dir).mtime >= again);
    int64_t moved = next_tick();
    OK(rename_to(&m, "dir/other", "other"));
    TRUE(attr_of(&m, f).ctime >= moved && attr_of(&m, dir).mtime >= moved && attr_of(&m, m.root).mtime >= moved);
    int64_t gone = next_tick();
    OK(unlink_at(&m, "other"));
    TRUE(attr_of(&m, f).ctime >= gone && attr_of(&m, m.root).ctime >= gone);
    file_put(STEAL(f));
    file_put(STEAL(dir));
    mem_end(&m);
}

TEST(attributes_are_set_one_by_one)
{
    Mem m;
    mem_begin(&m);
    populate(&m);
    AUTO_FILE *f = must(&m, "file");
    Attr a = { .mode = 04751, .atime = 1, .mtime = -2, .uid = 12 };
    int64_t now = next_tick();
    OK(devmem.setattr(&m.call, f, SET_MODE | SET_ATIME | SET_MTIME | SET_UID | SET_GID, &a));
    Attr b = attr_of(&m, f);
    EQ(b.mode, TYPE_FILE | 04751);
    EQ(b.atime, 1);
    EQ(b.mtime, -2);
    TRUE(b.ctime >= now);
    EQ(b.uid, 12);
    OK(devmem.setattr(&m.call, f, SET_MTIME_NOW, &a));
    EQ(attr_of(&m, f).atime, 1);
    TRUE(attr_of(&m, f).mtime >= now);
    OK(devmem.setattr(&m.call, f, SET_ATIME_NOW, &a));
    TRUE(attr_of(&m, f).atime >= now);
    a.uid = 13;
    EQ(devmem.setattr(&m.call, f, SET_UID | SET_MODE, &a), -EPERM);
    a.gid = 1;
    EQ(devmem.setattr(&m.call, f, SET_GID, &a), -EPERM);
    AUTO_FILE *dir = must(&m, "dir");
    AUTO_FILE *link = must(&m, "link");
    EQ(set_size(&m, dir, 0), -EISDIR);
    EQ(set_size(&m, link, 0), -EINVAL);
    file_put(STEAL(f));
    file_put(STEAL(dir));
    file_put(STEAL(link));
    mem_end(&m);
}

TEST(opening_with_truncation_empties_the_file)
{
    Mem m;
    mem_begin(&m);
    OK(make_file(&m, "file"));
    AUTO_FILE *f = must(&m, "file");
    Chan ch = { .file = f };
    EQ(write_file(&m, f, "abc", 3, 0), 3);
    OK(devmem.open(&m.call, &ch, OPEN_READ));
    EQ(attr_of(&m, f).size, 3);
    OK(devmem.open(&m.call, &ch, OPEN_WRITE | OPEN_TRUNC));
    EQ(attr_of(&m, f).size, 0);
    file_put(STEAL(f));
    mem_end(&m);
}

TEST(statfs_shows_what_the_account_has_left)
{
    Mem m;
    StatFs s;
    mem_begin(&m);
    OK(devmem.statfs(&m.call, m.root, &s));
    TRUE(s.bfree > 1000000 && s.namelen == 255);
    limit(&m, 1 << 20);
    OK(devmem.statfs(&m.call, m.root, &s));
    EQ(s.blocks, 256);
    TRUE(s.bfree < 256 && s.bfree > 250);
    mem_end(&m);
}
