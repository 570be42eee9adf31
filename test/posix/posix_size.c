/* SPDX-License-Identifier: MIT */
/* truncate(2), ftruncate(2), holes, fallocate(2), lseek(2), statvfs(3), fsync(2). */
#include "posix.h"

#include <linux/falloc.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

enum { BLOCK = 4096, MUCH = 200000 };

static bool all_zero(int fd, off_t from, size_t n)
{
    static char bytes[MUCH];
    EQ(OK(pread(fd, bytes, n, from)), n);
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* ---- truncate ------------------------------------------------------------------------------------------------------- */

RULE(truncate_cuts_a_file)
{
    file_make("x", "some text");
    OK(truncate("x", 4));
    EQ(stat_of("x").st_size, 4);
    STR_EQ(file_text("x"), "some");
    OK(truncate("x", 0));
    STR_EQ(file_text("x"), "");
}

RULE(truncate_lengthens_a_file_with_zeroes)
{
    file_make("x", "text");
    OK(truncate("x", 100000));
    EQ(stat_of("x").st_size, 100000);
    int fd = open_ok("x", O_RDONLY);
    TRUE(all_zero(fd, 4, 100000 - 4));
    char c;
    EQ(OK(pread(fd, &c, 1, 100000)), 0);
}

RULE(truncate_shorter_and_longer_again_shows_zeroes)
{
    static const off_t cuts[] = { 1, 63, 64, 65, 4095, 4096, 4097, 65535, 65536, 65537, 131072 };
    static char text[MUCH];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        int fd = open_ok("x", O_RDWR | O_CREAT | O_TRUNC);
        EQ(OK(write(fd, text, sizeof text)), sizeof text);
        OK(ftruncate(fd, cuts[i]));
        OK(ftruncate(fd, MUCH));
        TRUE(all_zero(fd, cuts[i], (size_t)(MUCH - cuts[i])));
        char c;
        EQ(OK(pread(fd, &c, 1, cuts[i] - 1)), 1);
        EQ(c, 'x');
        OK(close(fd));
    }
}

RULE(truncate_moves_modification_and_change_time)
{
    file_make("x", "text");
    Times old = times_of("x");
    OK(truncate("x", 2));
    TIMES_ARE("x", old, kept, moved, moved);
    old = times_of("x");
    OK(truncate("x", 1000));
    TIMES_ARE("x", old, kept, moved, moved);
}

RULE(ftruncate_moves_modification_and_change_time_at_the_same_size_too)
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    OK(write(fd, "text", 4));
    Times old = times_of("x");
    OK(ftruncate(fd, 2));
    TIMES_ARE("x", old, kept, moved, moved);
    old = times_of("x");
    OK(ftruncate(fd, 2));
    TIMES_ARE("x", old, kept, moved, moved);
}

RULE(truncate_of_a_directory_is_EISDIR)
{
    dir_make("d");
    FAILS(truncate("d", 0), EISDIR);
}

RULE(truncate_follows_a_link)
{
    file_make("x", "text");
    OK(symlink("x", "link"));
    OK(truncate("link", 2));
    STR_EQ(file_text("x"), "te");
}

RULE(truncate_to_less_than_nothing_is_EINVAL)
{
    file_make("x", "text");
    FAILS(truncate("x", -1), EINVAL);
    FAILS(ftruncate(open_ok("x", O_WRONLY), -1), EINVAL);
    STR_EQ(file_text("x"), "text");
}

RULE(truncate_beyond_the_limit_of_the_process_is_EFBIG)
{
    file_make("x", "text");
    OK(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 1000, 1000 }));
    FAILS(truncate("x", 1001), EFBIG);
    OK(truncate("x", 1000));
    int fd = open_ok("x", O_WRONLY);
    EQ(OK(pwrite(fd, "xxxxxxxx", 8, 996)), 4);
    FAILS(pwrite(fd, "x", 1, 1000), EFBIG);
}

RULE(ftruncate_of_a_descriptor_for_reading_is_EINVAL)
{
    file_make("x", "text");
    FAILS_2(ftruncate(open_ok("x", O_RDONLY), 0), EINVAL, EBADF);
    STR_EQ(file_text("x"), "text");
}

RULE(ftruncate_keeps_the_offset)
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    OK(write(fd, "some text", 9));
    OK(ftruncate(fd, 2));
    EQ(lseek(fd, 0, SEEK_CUR), 9);
    OK(write(fd, "!", 1));
    EQ(stat_of("x").st_size, 10);
    TRUE(all_zero(fd, 2, 7));
}

RULE(ftruncate_is_seen_by_others_that_have_the_file_open)
{
    int a = open_ok("x", O_RDWR | O_CREAT), b = open_ok("x", O_RDWR);
    char c;
    OK(write(a, "text", 4));
    EQ(OK(read(b, &c, 1)), 1);
    OK(ftruncate(a, 1));
    EQ(OK(read(b, &c, 1)), 0);
    EQ(lseek(b, 0, SEEK_END), 1);
}

USER_RULE(truncate_without_write_permission_is_EACCES)
{
    file_make("x", "text");
    OK(chmod("x", 0444));
    FAILS(truncate("x", 0), EACCES);
    STR_EQ(file_text("x"), "text");
}

USER_RULE(ftruncate_goes_on_when_the_mode_changes)
{
    file_make("x", "text");
    int fd = open_ok("x", O_RDWR);
    OK(chmod("x", 0));
    OK(ftruncate(fd, 1));
    EQ(stat_of("x").st_size, 1);
}

/* ---- holes ---------------------------------------------------------------------------------------------------------- */

RULE(hole_in_front_of_what_is_written_far_out_reads_as_zeroes)
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    EQ(OK(pwrite(fd, "end", 3, MUCH)), 3);
    EQ(stat_of("x").st_size, MUCH + 3);
    TRUE(all_zero(fd, 0, MUCH));
}

RULE(hole_takes_little_room)
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    EQ(OK(pwrite(fd, "end", 3, (off_t)1 << 32)), 3);
    EQ(stat_of("x").st_size, ((int64_t)1 << 32) + 3);
    COMPARE(stat_of("x").st_blocks, <, 2048);
    COMPARE(stat_of("x").st_blocks, >, 0);
}

RULE(hole_of_a_tebibyte)
{
    const off_t far = (off_t)1 << 40;
    int fd = open_ok("x", O_RDWR | O_CREAT);
    EQ(OK(pwrite(fd, "end", 3, far)), 3);
    char text[8] = "";
    EQ(OK(pread(fd, text, sizeof text, far)), 3);
    STR_EQ(text, "end");
    EQ(stat_of("x").st_size, far + 3);
    EQ(OK(lseek(fd, -3, SEEK_END)), far);
    OK(ftruncate(fd, far - 1));
    OK(ftruncate(fd, 1));
    EQ(stat_of("x").st_size, 1);
}

RULE(write_behind_the_last_possible_byte_is_refused)
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    FAILS_2(pwrite(fd, "x", 1, INT64_MAX), EFBIG, EINVAL);
    EQ(stat_of("x").st_size, 0);
}

RULE(hole_between_two_writes)
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    OK(pwrite(fd, "a", 1, 0));
    OK(pwrite(fd, "b", 1, 100000));
    TRUE(all_zero(fd, 1, 99999));
    OK(pwrite(fd, "c", 1, 50000));
    TRUE(all_zero(fd, 1, 49999));
    TRUE(all_zero(fd, 50001, 49999));
}

RULE(lseek_data_and_hole_find_what_is_written)
{
    enum { FAR = 1 << 24 };
    int fd = open_ok("x", O_RDWR | O_CREAT);
    OK(pwrite(fd, "data", 4, FAR));
    off_t data = OK(lseek(fd, 0, SEEK_DATA));
    COMPARE(data, >, 0);
    COMPARE(data, <=, FAR);
    EQ(OK(lseek(fd, 0, SEEK_HOLE)), 0);
    EQ(OK(lseek(fd, FAR, SEEK_HOLE)), FAR + 4);
    FAILS(lseek(fd, FAR + 4, SEEK_DATA), ENXIO);
    FAILS(lseek(fd, FAR + 4, SEEK_HOLE), ENXIO);
}

RULE(lseek_hole_of_a_full_file_is_its_end)
{
    file_make("x", "text");
    int fd = open_ok("x", O_RDONLY);
    EQ(OK(lseek(fd, 0, SEEK_HOLE)), 4);
    EQ(OK(lseek(fd, 2, SEEK_DATA)), 2);
    FAILS(lseek(fd, 4, SEEK_DATA), ENXIO);
}

RULE(lseek_goes_anywhere_but_before_the_start)
{
    file_make("x", "text");
    int fd = open_ok("x", O_RDONLY);
    EQ(OK(lseek(fd, 100, SEEK_SET)), 100);
    EQ(OK(lseek(fd, -40, SEEK_CUR)), 60);
    EQ(OK(lseek(fd, -1, SEEK_END)), 3);
    EQ(OK(lseek(fd, 10, SEEK_END)), 14);
    FAILS(lseek(fd, -15, SEEK_CUR), EINVAL);
    FAILS(lseek(fd, -5, SEEK_END), EINVAL);
    FAILS(lseek(fd, 0, 99), EINVAL);
    EQ(OK(lseek(fd, 0, SEEK_CUR)), 14);
    char c;
    EQ(OK(read(fd, &c, 1)), 0);
    EQ(stat_of("x").st_size, 4);
}

RULE(lseek_offset_is_shared_by_duplicates_and_children)
{
    file_make("x", "some text");
    int a = open_ok("x", O_RDONLY), b = (int)OK(dup(a));
    OK(lseek(a, 5, SEEK_SET));
    EQ(lseek(b, 0, SEEK_CUR), 5);
    char text[5] = "";
    EQ(OK(read(b, text, 4)), 4);
    STR_EQ(text, "text");
    EQ(lseek(a, 0, SEEK_CUR), 9);
}

/* ---- fallocate ------------------------------------------------------------------------------------------------------ */

RULE(fallocate_lengthens_a_file_with_zeroes)
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    OK(write(fd, "text", 4));
    OK(fallocate(fd, 0, 0, 100000));
    EQ(stat_of("x").st_size, 100000);
    TRUE(all_zero(fd, 4, 100000 - 4));
    COMPARE(stat_of("x").st_blocks * 512, >=, 100000);
    char text[5] = "";
    OK(pread(fd, text, 4, 0));
    STR_EQ(text, "text");
}

RULE(fallocate_within_a_file_keeps_its_size_and_bytes)
{
    file_make("x", "text");
    int fd = open_ok("x", O_RDWR);
    OK(fallocate(fd, 0, 1, 2));
    EQ(stat_of("x").st_size, 4);
    STR_EQ(file_text("x"), "text");
}

RULE(fallocate_moves_the_change_time)
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    Times old = times_of("x");
    OK(fallocate(fd, 0, 0, 1000));
    TIMES_ARE("x", old, kept, any, moved);
}

RULE(fallocate_of_nothing_or_less_is_EINVAL)
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    FAILS(fallocate(fd, 0, 0, 0), EINVAL);
    FAILS(fallocate(fd, 0, -1, 5), EINVAL);
    FAILS(fallocate(fd, 0, 5, -1), EINVAL);
}

RULE(fallocate_of_a_descriptor_for_reading_is_EBADF)
{
    file_make("x", "");
    FAILS(fallocate(open_ok("x", O_RDONLY), 0, 0, 10), EBADF);
}

RULE(fallocate_keep_size_keeps_the_size)
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 100000));
    EQ(stat_of("x").st_size, 0);
}

RULE(fallocate_punch_hole_makes_zeroes)
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    static char text[16 * BLOCK];
    memset(text, 'x', sizeof text);
    OK(write(fd, text, sizeof text));
    OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, BLOCK, 4 * BLOCK));
    EQ(stat_of("x").st_size, sizeof text);
    TRUE(all_zero(fd, BLOCK, 4 * BLOCK));
}

RULE(posix_fallocate_makes_the_file_that_long)
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    EQ(posix_fallocate(fd, 1000, 5000), 0);
    EQ(stat_of("x").st_size, 6000);
    TRUE(all_zero(fd, 0, 6000));
}

/* ---- the file system ------------------------------------------------------------------------------------------------ */

RULE(statvfs_tells_sizes_that_make_sense)
{
    struct statvfs s;
    OK(statvfs(".", &s));
    COMPARE(s.f_bsize, >=, 512);
    COMPARE(s.f_frsize, >=, 512);
    COMPARE(s.f_blocks, >, 0);
    COMPARE(s.f_bfree, <=, s.f_blocks);
    COMPARE(s.f_bavail, <=, s.f_bfree);
    COMPARE(s.f_ffree, <=, s.f_files);
    EQ(s.f_namemax, 255);
}

RULE(statvfs_shows_what_is_written)
{
    struct statvfs before, after;
    static char text[BLOCK];
    OK(statvfs(".", &before));
    int fd = open_ok("x", O_RDWR | O_CREAT);
    memset(text, 'x', sizeof text);
    for (unsigned i = 0; i < 1024; i++)
        OK(write(fd, text, sizeof text));
    OK(fsync(fd));
    OK(fstatvfs(fd, &after));
    TRUE(after.f_bavail != before.f_bavail || after.f_blocks != before.f_blocks);
}

RULE(stat_tells_one_device_for_all_files)
{
    file_make("x", "");
    dir_make("d");
    file_make("d/y", "");
    OK(symlink("x", "link"));
    dev_t dev = stat_of(".").st_dev;
    EQ(stat_of("x").st_dev, dev);
    EQ(stat_of("d").st_dev, dev);
    EQ(stat_of("d/y").st_dev, dev);
    EQ(stat_of("link").st_dev, dev);
}

RULE(stat_tells_another_inode_for_each_file)
{
    char name[16];
    ino_t last = 0;
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "x%u", i);
        file_make(name, "");
        TRUE(stat_of(name).st_ino != last);
        last = stat_of(name).st_ino;
        TRUE(last != 0);
    }
}

RULE(stat_of_a_descriptor_and_of_the_name_agree)
{
    file_make("x", "text");
    int fd = open_ok("x", O_RDONLY);
    struct stat a, b = stat_of("x");
    OK(fstat(fd, &a));
    EQ(a.st_ino, b.st_ino);
    EQ(a.st_dev, b.st_dev);
    EQ(a.st_mode, b.st_mode);
    EQ(a.st_size, b.st_size);
    EQ(a.st_blocks, b.st_blocks);
    EQ(a.st_nlink, b.st_nlink);
    COMPARE(a.st_blksize, >, 0);
}

RULE(stat_blocks_grow_with_the_bytes)
{
    int fd = open_ok("x", O_WRONLY | O_CREAT);
    EQ(stat_of("x").st_blocks, 0);
    static char text[MUCH];
    memset(text, 'x', sizeof text);
    OK(write(fd, text, sizeof text));
    OK(fsync(fd));
    COMPARE(stat_of("x").st_blocks * 512, >=, MUCH);
}

RULE(fsync_of_files_and_directories)
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    OK(write(fd, "text", 4));
    OK(fsync(fd));
    OK(fdatasync(fd));
    OK(fsync(open_ok("x", O_RDONLY)));
    OK(fsync(open_ok(".", O_RDONLY | O_DIRECTORY)));
    OK(unlink("x"));
    OK(fsync(fd));
    OK(syncfs(fd));
}

RULE(open_sync_and_dsync_write_like_others)
{
    int fd = open_ok("x", O_WRONLY | O_CREAT | O_SYNC);
    OK(write(fd, "some", 4));
    OK(close(fd));
    fd = open_ok("x", O_WRONLY | O_APPEND | O_DSYNC);
    OK(write(fd, " text", 5));
    STR_EQ(file_text("x"), "some text");
}
