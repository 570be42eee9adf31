/* SPDX-License-Identifier: MIT */
/* utimensat(2), and which of the three times the other calls move. */
#include "posix.h"

/* Sets access (seconds, nanoseconds) and modification time. */
static int set_times(const char *name, time_t a, long a_ns, time_t m, long m_ns)
{
    struct timespec t[2] = { { .tv_sec = a, .tv_nsec = a_ns }, { .tv_sec = m, .tv_nsec = m_ns } };
    return utimensat(AT_FDCWD, name, t, 0);
}

RULE(utimensat_sets_both_times_to_the_nanosecond)
{
    file_make("x", "");
    OK(set_times("x", 1000000001, 123456789, 1000000002, 987654321));
    struct stat st = stat_of("x");
    EQ(st.st_atim.tv_sec, 1000000001);
    EQ(st.st_atim.tv_nsec, 123456789);
    EQ(st.st_mtim.tv_sec, 1000000002);
    EQ(st.st_mtim.tv_nsec, 987654321);
}

RULE(utimensat_moves_the_change_time)
{
    file_make("x", "");
    Times old = times_of("x");
    OK(set_times("x", 1, 0, 2, 0));
    COMPARE(ctime_of("x"), >, old.ctime);
}

RULE(utimensat_omit_keeps_one_time)
{
    file_make("x", "");
    OK(set_times("x", 100, 1, 200, 2));
    OK(set_times("x", 0, UTIME_OMIT, 300, 3));
    EQ(atime_of("x"), 100000000001);
    EQ(mtime_of("x"), 300000000003);
    OK(set_times("x", 400, 4, 0, UTIME_OMIT));
    EQ(atime_of("x"), 400000000004);
    EQ(mtime_of("x"), 300000000003);
}

RULE(utimensat_omit_of_both_changes_nothing)
{
    file_make("x", "");
    Times old = times_of("x");
    OK(set_times("x", 0, UTIME_OMIT, 0, UTIME_OMIT));
    TIMES_ARE("x", old, kept, kept, kept);
}

RULE(utimensat_now_sets_the_time_of_the_clock)
{
    file_make("before", "");
    file_make("x", "");
    OK(set_times("x", 1, 0, 1, 0));
    tick();
    OK(set_times("x", 0, UTIME_NOW, 0, UTIME_NOW));
    COMPARE(atime_of("x"), >, ctime_of("before"));
    COMPARE(mtime_of("x"), >, ctime_of("before"));
    OK(set_times("x", 1, 0, 0, UTIME_NOW));
    EQ(atime_of("x"), 1000000000);
    COMPARE(mtime_of("x"), >, ctime_of("before"));
    OK(set_times("x", 0, UTIME_NOW, 5, 0));
    EQ(mtime_of("x"), 5000000000);
    COMPARE(atime_of("x"), >, ctime_of("before"));
}

RULE(utimensat_without_times_is_now)
{
    file_make("before", "");
    file_make("x", "");
    OK(set_times("x", 1, 0, 1, 0));
    tick();
    OK(utimensat(AT_FDCWD, "x", NULL, 0));
    COMPARE(atime_of("x"), >, ctime_of("before"));
    COMPARE(mtime_of("x"), >, ctime_of("before"));
}

RULE(utimensat_takes_times_of_long_ago_and_to_come)
{
    file_make("x", "");
    OK(set_times("x", 0, 0, 1, 0));
    EQ(atime_of("x"), 0);
    OK(set_times("x", INT32_MAX, 5, 4000000000, 7));
    EQ(stat_of("x").st_atim.tv_sec, INT32_MAX);
    EQ(stat_of("x").st_mtim.tv_sec, 4000000000);
    EQ(stat_of("x").st_mtim.tv_nsec, 7);
}

RULE(utimensat_takes_times_before_1970)
{
    file_make("x", "");
    OK(set_times("x", -1, 250000000, -1000000, 1));
    struct stat st = stat_of("x");
    EQ(st.st_atim.tv_sec, -1);
    EQ(st.st_atim.tv_nsec, 250000000);
    EQ(st.st_mtim.tv_sec, -1000000);
    EQ(st.st_mtim.tv_nsec, 1);
}

RULE(utimensat_of_more_than_a_second_of_nanoseconds_is_EINVAL)
{
    file_make("x", "");
    FAILS(set_times("x", 1, 1000000000, 1, 0), EINVAL);
    FAILS(set_times("x", 1, -1, 1, 0), EINVAL);
}

RULE(utimensat_nofollow_sets_those_of_the_link)
{
    file_make("x", "");
    OK(symlink("x", "link"));
    Times old = times_of("x");
    struct timespec t[2] = { { .tv_sec = 11 }, { .tv_sec = 12 } };
    OK(utimensat(AT_FDCWD, "link", t, AT_SYMLINK_NOFOLLOW));
    EQ(mtime_of("link"), 12000000000);
    TIMES_ARE("x", old, kept, kept, kept);
    OK(utimensat(AT_FDCWD, "link", t, 0));
    EQ(mtime_of("x"), 12000000000);
}

RULE(utimensat_sets_those_of_a_directory)
{
    dir_make("d");
    OK(set_times("d", 5, 6, 7, 8));
    EQ(mtime_of("d"), 7000000008);
}

RULE(futimens_sets_those_of_an_open_file)
{
    int fd = open_ok("x", O_RDONLY | O_CREAT);
    OK(futimens(fd, (struct timespec[2]){ { .tv_sec = 5, .tv_nsec = 1 }, { .tv_sec = 6, .tv_nsec = 2 } }));
    EQ(atime_of("x"), 5000000001);
    EQ(mtime_of("x"), 6000000002);
    OK(close(fd));
    EQ(mtime_of("x"), 6000000002);
}

RULE(utimes_stay_when_the_writer_closes)
{
    int fd = open_ok("x", O_WRONLY | O_CREAT);
    OK(write(fd, "text", 4));
    OK(futimens(fd, (struct timespec[2]){ { .tv_sec = 5 }, { .tv_sec = 6 } }));
    OK(close(fd));
    EQ(mtime_of("x"), 6000000000);
    STR_EQ(file_text("x"), "text");
    EQ(mtime_of("x"), 6000000000);
}

USER_RULE(utimensat_with_times_of_a_file_that_cannot_be_written_is_done_by_its_owner)
{
    file_make("x", "");
    OK(chmod("x", 0444));
    OK(set_times("x", 1, 0, 2, 0));
    OK(utimensat(AT_FDCWD, "x", NULL, 0));
}

/* ---- what moves which time ------------------------------------------------------------------------------------------- */

RULE(write_moves_modification_and_change_time)
{
    file_make("x", "text");
    Times old = times_of("x");
    int fd = open_ok("x", O_WRONLY);
    OK(write(fd, "T", 1));
    OK(close(fd));
    TIMES_ARE("x", old, kept, moved, moved);
}

RULE(write_shows_the_time_before_the_file_is_closed)
{
    file_make("x", "text");
    int fd = open_ok("x", O_WRONLY);
    Times old = times_of("x");
    OK(write(fd, "T", 1));
    TIMES_ARE("x", old, any, moved, moved);
    struct stat st;
    OK(fstat(fd, &st));
    COMPARE((int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec, >, old.mtime);
}

RULE(write_of_nothing_keeps_all_times)
{
    file_make("x", "text");
    Times old = times_of("x");
    int fd = open_ok("x", O_WRONLY);
    EQ(OK(write(fd, "", 0)), 0);
    OK(close(fd));
    TIMES_ARE("x", old, kept, kept, kept);
}

RULE(read_after_a_write_moves_the_access_time)
{
    file_make("x", "text");
    Times old = times_of("x");
    STR_EQ(file_text("x"), "text");
    TIMES_ARE("x", old, moved, kept, kept);
}

RULE(read_of_nothing_keeps_the_times_of_changes)
{
    file_make("x", "text");
    Times old = times_of("x");
    char c;
    int fd = open_ok("x", O_RDONLY);
    EQ(OK(read(fd, &c, 0)), 0);
    OK(close(fd));
    TIMES_ARE("x", old, any, kept, kept);
}

RULE(read_with_noatime_keeps_the_access_time)
{
    file_make("x", "text");
    Times old = times_of("x");
    char text[8];
    int fd = open_ok("x", O_RDONLY | O_NOATIME);
    EQ(OK(read(fd, text, sizeof text)), 4);
    OK(close(fd));
    TIMES_ARE("x", old, kept, kept, kept);
}

RULE(readdir_moves_the_access_time_of_a_changed_directory)
{
    dir_make("d");
    file_make("d/x", "");
    Times old = times_of("d");
    DIR *d = opendir("d");
    TRUE(d != NULL);
    while (readdir(d) != NULL)
        ;
    closedir(d);
    TIMES_ARE("d", old, moved, kept, kept);
}

RULE(write_to_a_file_keeps_the_times_of_its_directory)
{
    dir_make("d");
    file_make("d/x", "");
    Times old = times_of("d");
    file_make("d/x", "text");
    OK(chmod("d/x", 0600));
    TIMES_ARE("d", old, any, kept, kept);
}

RULE(stat_and_lookup_keep_all_times)
{
    dir_make("d");
    file_make("d/x", "");
    Times dir = times_of("d"), file = times_of("d/x");
    (void)stat_of("d/x");
    TRUE(!there("d/none"));
    OK(access("d/x", R_OK));
    TIMES_ARE("d", dir, kept, kept, kept);
    TIMES_ARE("d/x", file, kept, kept, kept);
}

/* As make goes by: a target that is made behind its source is not older, however fast that is. */
RULE(times_of_a_file_written_later_are_never_earlier)
{
    file_make("source", "");
    file_make("target", "");
    for (unsigned i = 0; i < 200; i++) {
        int fd = open_ok("source", O_WRONLY);
        for (unsigned k = 0; k < 5; k++) {
            OK(write(fd, "x", 1));
            (void)stat_of("source");
        }
        OK(close(fd));
        OK(unlink("target"));
        file_make("target", "text");
        COMPARE(mtime_of("target"), >=, mtime_of("source"));
    }
}

RULE(times_of_two_writes_differ_when_they_were_looked_at_between)
{
    int fd = open_ok("x", O_WRONLY | O_CREAT);
    unsigned same = 0;
    for (unsigned i = 0; i < 200; i++) {
        int64_t before = mtime_of("x");
        OK(pwrite(fd, "x", 1, 0));
        same += mtime_of("x") == before;
    }
    if (same > 0 && on_what == ON_HOST)
        skip("the host's clock of files is coarse");
    EQ(same, 0);
}

RULE(lstat_of_a_link_keeps_all_times)
{
    OK(symlink("none", "link"));
    Times old = times_of("link");
    (void)stat_of("link");
    TIMES_ARE("link", old, kept, kept, kept);
}

RULE(times_never_run_backwards_over_many_writes)
{
    int fd = open_ok("x", O_WRONLY | O_CREAT);
    int64_t last = 0;
    for (unsigned i = 0; i < 200; i++) {
        OK(write(fd, "x", 1));
        int64_t now = mtime_of("x");
        COMPARE(now, >=, last);
        last = now;
    }
}
