/* SPDX-License-Identifier: MIT */
/* open(2): what its flags promise, and what becomes of the file and of the times. */
#include "posix.h"

RULE(open_makes_an_empty_regular_file_with_one_name)
{
    OK(close(open_ok("x", O_WRONLY | O_CREAT)));
    struct stat st = stat_of("x");
    EQ(st.st_mode & S_IFMT, S_IFREG);
    EQ(st.st_size, 0);
    EQ(st.st_nlink, 1);
    EQ(st.st_uid, geteuid());
    EQ(st.st_gid, getegid());
}

RULE(open_gives_the_mode_without_what_the_umask_takes)
{
    umask(027);
    OK(close((int)OK(open("x", O_WRONLY | O_CREAT, 0666))));
    EQ(mode_of("x"), 0640);
    umask(0);
    OK(close((int)OK(open("y", O_WRONLY | O_CREAT, 0777))));
    EQ(mode_of("y"), 0777);
    umask(0777);
    OK(close((int)OK(open("z", O_WRONLY | O_CREAT, 0777))));
    EQ(mode_of("z"), 0);
}

RULE(open_of_what_is_there_keeps_its_mode)
{
    file_make("x", "text");
    OK(chmod("x", 0600));
    OK(close((int)OK(open("x", O_WRONLY | O_CREAT, 0777))));
    EQ(mode_of("x"), 0600);
    STR_EQ(file_text("x"), "text");
}

RULE(open_gives_the_maker_what_it_asked_whatever_the_mode)
{
    int fd = (int)OK(open("x", O_RDWR | O_CREAT | O_EXCL, 0000));
    EQ(OK(write(fd, "abc", 3)), 3);
    char text[4] = "";
    EQ(OK(pread(fd, text, 3, 0)), 3);
    STR_EQ(text, "abc");
    EQ(mode_of("x"), 0);
}

RULE(open_excl_of_a_link_is_EEXIST_and_makes_nothing)
{
    OK(symlink("none", "link"));
    FAILS(open("link", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
    TRUE(!there("none"));
}

RULE(open_creat_through_a_dangling_link_makes_its_target)
{
    OK(symlink("target", "link"));
    OK(close(open_ok("link", O_WRONLY | O_CREAT)));
    EQ(type_of("target"), S_IFREG);
    EQ(type_of("link"), S_IFLNK);
}

RULE(open_creat_of_a_link_to_itself_is_ELOOP)
{
    OK(symlink("link", "link"));
    FAILS(open("link", O_WRONLY | O_CREAT, 0644), ELOOP);
}

RULE(open_creat_of_a_directory_is_EISDIR)
{
    dir_make("d");
    FAILS(open("d", O_RDONLY | O_CREAT, 0644), EISDIR);
    FAILS(open("d", O_WRONLY | O_CREAT, 0644), EISDIR);
}

RULE(open_of_a_directory_for_writing_is_EISDIR)
{
    dir_make("d");
    FAILS(open("d", O_WRONLY), EISDIR);
    FAILS(open("d", O_RDWR), EISDIR);
    FAILS(open("d", O_WRONLY | O_TRUNC), EISDIR);
}

RULE(open_with_directory_of_a_file_is_ENOTDIR)
{
    file_make("x", "");
    FAILS(open("x", O_RDONLY | O_DIRECTORY), ENOTDIR);
    OK(symlink("x", "link"));
    FAILS(open("link", O_RDONLY | O_DIRECTORY), ENOTDIR);
}

RULE(open_with_directory_through_a_link_opens_the_directory)
{
    dir_make("d");
    OK(symlink("d", "link"));
    int fd = open_ok("link", O_RDONLY | O_DIRECTORY);
    struct stat st;
    OK(fstat(fd, &st));
    EQ(st.st_ino, stat_of("d").st_ino);
}

RULE(open_nofollow_of_a_link_is_ELOOP)
{
    file_make("x", "");
    OK(symlink("x", "link"));
    FAILS(open("link", O_RDONLY | O_NOFOLLOW), ELOOP);
    FAILS(open("link", O_WRONLY | O_CREAT | O_NOFOLLOW, 0644), ELOOP);
    OK(symlink("none", "dangling"));
    FAILS(open("dangling", O_RDONLY | O_NOFOLLOW), ELOOP);
}

RULE(open_nofollow_and_directory_of_a_link_is_ENOTDIR)
{
    dir_make("d");
    OK(symlink("d", "link"));
    FAILS_2(open("link", O_RDONLY | O_NOFOLLOW | O_DIRECTORY), ENOTDIR, ELOOP);
}

RULE(open_nofollow_follows_links_on_the_way)
{
    dir_make("d");
    file_make("d/x", "text");
    OK(symlink("d", "link"));
    OK(open("link/x", O_RDONLY | O_NOFOLLOW));
}

RULE(open_path_of_a_link_is_the_link)
{
    OK(symlink("none", "link"));
    int fd = open_ok("link", O_PATH | O_NOFOLLOW);
    struct stat st;
    OK(fstat(fd, &st));
    EQ(st.st_mode & S_IFMT, S_IFLNK);
    char c;
    FAILS(read(fd, &c, 1), EBADF);
}

RULE(open_trunc_makes_the_file_empty)
{
    file_make("x", "some text");
    OK(close(open_ok("x", O_WRONLY | O_TRUNC)));
    EQ(stat_of("x").st_size, 0);
}

RULE(open_trunc_moves_the_times_of_the_file)
{
    file_make("x", "some text");
    Times old = times_of("x");
    OK(close(open_ok("x", O_WRONLY | O_TRUNC)));
    TIMES_ARE("x", old, any, moved, moved);
}

RULE(open_trunc_of_an_empty_file_moves_its_times)
{
    file_make("x", "");
    Times old = times_of("x");
    OK(close(open_ok("x", O_WRONLY | O_TRUNC)));
    TIMES_ARE("x", old, any, moved, moved);
}

RULE(open_creat_trunc_of_what_is_there_keeps_the_file)
{
    file_make("x", "some text");
    ino_t ino = stat_of("x").st_ino;
    OK(close(open_ok("x", O_WRONLY | O_CREAT | O_TRUNC)));
    EQ(stat_of("x").st_ino, ino);
    EQ(stat_of("x").st_size, 0);
}

RULE(open_creat_of_what_is_there_keeps_all_times)
{
    dir_make("d");
    file_make("d/x", "text");
    Times dir = times_of("d"), file = times_of("d/x");
    OK(close(open_ok("d/x", O_WRONLY | O_CREAT)));
    TIMES_ARE("d", dir, any, kept, kept);
    TIMES_ARE("d/x", file, kept, kept, kept);
}

RULE(open_and_close_without_a_change_keep_all_times)
{
    file_make("x", "text");
    Times old = times_of("x");
    OK(close(open_ok("x", O_RDWR)));
    TIMES_ARE("x", old, kept, kept, kept);
}

RULE(open_for_writing_only_cannot_read)
{
    file_make("x", "text");
    char c;
    FAILS(read(open_ok("x", O_WRONLY), &c, 1), EBADF);
}

RULE(open_for_reading_only_cannot_write)
{
    file_make("x", "text");
    FAILS(write(open_ok("x", O_RDONLY), "x", 1), EBADF);
    STR_EQ(file_text("x"), "text");
}

RULE(open_of_a_directory_reads_as_EISDIR)
{
    dir_make("d");
    char c;
    FAILS(read(open_ok("d", O_RDONLY), &c, 1), EISDIR);
}

RULE(open_with_a_slash_behind_a_file_is_ENOTDIR)
{
    file_make("x", "");
    FAILS(open("x/", O_RDONLY), ENOTDIR);
    FAILS(open("x/.", O_RDONLY), ENOTDIR);
    FAILS(open("x/..", O_RDONLY), ENOTDIR);
}

RULE(open_creat_with_a_slash_behind_the_name_is_EISDIR)
{
    FAILS_2(open("x/", O_WRONLY | O_CREAT, 0644), EISDIR, ENOENT);
    TRUE(!there("x"));
}

RULE(open_of_a_file_removed_meanwhile_goes_on)
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    EQ(OK(write(fd, "before", 6)), 6);
    OK(unlink("x"));
    EQ(OK(write(fd, " after", 6)), 6);
    char text[16] = "";
    EQ(OK(pread(fd, text, sizeof text, 0)), 12);
    STR_EQ(text, "before after");
    struct stat st;
    OK(fstat(fd, &st));
    EQ(st.st_nlink, 0);
    EQ(st.st_size, 12);
    OK(ftruncate(fd, 3));
    OK(fchmod(fd, 0600));
    OK(fstat(fd, &st));
    EQ(st.st_size, 3);
    EQ(st.st_mode & 07777, 0600);
    OK(futimens(fd, (struct timespec[2]){ { .tv_sec = 5 }, { .tv_sec = 6 } }));
    OK(fstat(fd, &st));
    EQ(st.st_mtim.tv_sec, 6);
}

RULE(open_unlinked_twice_by_the_same_name_are_two_files)
{
    int a = open_ok("x", O_RDWR | O_CREAT);
    OK(write(a, "one", 3));
    OK(unlink("x"));
    int b = open_ok("x", O_RDWR | O_CREAT);
    OK(write(b, "other", 5));
    OK(unlink("x"));
    struct stat first, second;
    OK(fstat(a, &first));
    OK(fstat(b, &second));
    EQ(first.st_size, 3);
    EQ(second.st_size, 5);
    TRUE(first.st_ino != second.st_ino);
}

RULE(open_of_a_file_renamed_meanwhile_goes_on)
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    OK(rename("x", "y"));
    OK(write(fd, "text", 4));
    STR_EQ(file_text("y"), "text");
}

RULE(open_of_a_file_below_a_directory_renamed_meanwhile_goes_on)
{
    dir_make("d");
    int fd = open_ok("d/x", O_RDWR | O_CREAT);
    OK(rename("d", "e"));
    OK(write(fd, "text", 4));
    STR_EQ(file_text("e/x"), "text");
    struct stat st;
    OK(fstat(fd, &st));
    EQ(st.st_ino, stat_of("e/x").st_ino);
}

RULE(open_tmpfile_makes_a_file_without_a_name_or_is_EOPNOTSUPP)
{
    int fd = open(".", O_RDWR | O_TMPFILE, 0644);
    if (fd < 0)
        FAILS_2(open(".", O_RDWR | O_TMPFILE, 0644), EOPNOTSUPP, EISDIR);
    else
        EQ(OK(write(fd, "text", 4)), 4);
    DIR *d = opendir(".");
    TRUE(d != NULL);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        TRUE(e->d_name[0] == '.');
}

RULE(openat_goes_by_a_directory_that_was_renamed)
{
    dir_make("d");
    int dir = open_ok("d", O_RDONLY | O_DIRECTORY);
    OK(rename("d", "e"));
    OK(close((int)OK(openat(dir, "x", O_WRONLY | O_CREAT, 0644))));
    TRUE(there("e/x"));
}

RULE(openat_below_a_file_is_ENOTDIR)
{
    file_make("x", "");
    int fd = open_ok("x", O_RDONLY);
    FAILS(openat(fd, "y", O_RDONLY), ENOTDIR);
    FAILS(openat(fd, "y", O_WRONLY | O_CREAT, 0644), ENOTDIR);
}

RULE(open_many_times_is_one_file)
{
    file_make("x", "");
    int a = open_ok("x", O_WRONLY), b = open_ok("x", O_RDONLY);
    OK(write(a, "text", 4));
    char text[8] = "";
    EQ(OK(read(b, text, sizeof text)), 4);
    STR_EQ(text, "text");
    OK(write(a, "+", 1));
    EQ(OK(read(b, text, sizeof text)), 1);
    EQ(lseek(a, 0, SEEK_CUR), 5);
}

RULE(creat_truncates)
{
    file_make("x", "text");
    OK(close((int)OK(creat("x", 0644))));
    EQ(stat_of("x").st_size, 0);
}

USER_RULE(open_for_reading_without_permission_is_EACCES)
{
    file_make("x", "text");
    OK(chmod("x", 0333));
    FAILS(open("x", O_RDONLY), EACCES);
    FAILS(open("x", O_RDWR), EACCES);
    OK(open("x", O_WRONLY));
}

USER_RULE(open_for_writing_without_permission_is_EACCES)
{
    file_make("x", "text");
    OK(chmod("x", 0555));
    FAILS(open("x", O_WRONLY), EACCES);
    FAILS(open("x", O_RDWR), EACCES);
    FAILS(open("x", O_WRONLY | O_APPEND), EACCES);
    OK(open("x", O_RDONLY));
}

USER_RULE(open_trunc_without_write_permission_is_EACCES_and_keeps_the_bytes)
{
    file_make("x", "text");
    OK(chmod("x", 0444));
    FAILS(open("x", O_RDONLY | O_TRUNC), EACCES);
    FAILS(open("x", O_WRONLY | O_TRUNC), EACCES);
    STR_EQ(file_text("x"), "text");
}

USER_RULE(open_of_a_directory_without_read_permission_is_EACCES)
{
    dir_make("d");
    OK(chmod("d", 0300));
    FAILS(open("d", O_RDONLY), EACCES);
    OK(close(open_ok("d/x", O_WRONLY | O_CREAT)));
}

USER_RULE(open_keeps_what_it_was_allowed_when_the_mode_changes)
{
    file_make("x", "text");
    int fd = open_ok("x", O_RDWR);
    OK(chmod("x", 0));
    EQ(OK(pwrite(fd, "T", 1, 0)), 1);
    char c;
    EQ(OK(pread(fd, &c, 1, 0)), 1);
    EQ(c, 'T');
    FAILS(open("x", O_RDONLY), EACCES);
}

USER_RULE(open_of_a_listed_only_directory_shows_names_but_no_files)
{
    dir_make("d");
    file_make("d/x", "");
    OK(chmod("d", 0400));
    DIR *d = opendir("d");
    TRUE(d != NULL);
    bool seen = false;
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        seen |= strcmp(e->d_name, "x") == 0;
    TRUE(seen);
    FAILS(stat("d/x", &(struct stat){ 0 }), EACCES);
}
