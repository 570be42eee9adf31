/* SPDX-License-Identifier: MIT */
/* rename(2). */
#include "posix.h"

/* ---- files ---------------------------------------------------------------------------------------------------------- */

RULE(rename_gives_a_file_another_name)
{
    file_make("x", "text");
    struct stat before = stat_of("x");
    OK(rename("x", "y"));
    TRUE(!there("x"));
    EQ(stat_of("y").st_ino, before.st_ino);
    EQ(stat_of("y").st_mode, before.st_mode);
    EQ(stat_of("y").st_nlink, 1);
    STR_EQ(file_text("y"), "text");
}

RULE(rename_moves_a_file_into_another_directory)
{
    dir_make("a");
    dir_make("b");
    file_make("a/x", "text");
    OK(rename("a/x", "b/y"));
    TRUE(!there("a/x"));
    STR_EQ(file_text("b/y"), "text");
    OK(rmdir("a"));
}

RULE(rename_replaces_a_file)
{
    file_make("x", "new");
    file_make("y", "old");
    ino_t ino = stat_of("x").st_ino;
    OK(rename("x", "y"));
    EQ(stat_of("y").st_ino, ino);
    STR_EQ(file_text("y"), "new");
    TRUE(!there("x"));
}

RULE(rename_over_an_open_file_leaves_its_bytes_to_who_has_it)
{
    file_make("x", "new");
    file_make("y", "old");
    int fd = open_ok("y", O_RDWR);
    OK(rename("x", "y"));
    char text[8] = "";
    EQ(OK(pread(fd, text, sizeof text, 0)), 3);
    STR_EQ(text, "old");
    OK(pwrite(fd, "gone", 4, 0));
    STR_EQ(file_text("y"), "new");
    struct stat st;
    OK(fstat(fd, &st));
    EQ(st.st_nlink, 0);
}

RULE(rename_over_one_of_two_names_leaves_the_other)
{
    file_make("x", "new");
    file_make("y", "old");
    OK(link("y", "z"));
    OK(rename("x", "y"));
    STR_EQ(file_text("z"), "old");
    EQ(stat_of("z").st_nlink, 1);
}

RULE(rename_between_two_names_of_one_file_does_nothing)
{
    file_make("x", "text");
    OK(link("x", "y"));
    OK(rename("x", "y"));
    TRUE(there("x"));
    TRUE(there("y"));
    EQ(stat_of("x").st_nlink, 2);
}

RULE(rename_onto_itself_does_nothing)
{
    file_make("x", "text");
    dir_make("d");
    OK(rename("x", "x"));
    OK(rename("d", "d"));
    STR_EQ(file_text("x"), "text");
    EQ(type_of("d"), S_IFDIR);
}

RULE(rename_moves_the_times_of_both_directories_and_keeps_those_of_the_file)
{
    dir_make("a");
    dir_make("b");
    file_make("a/x", "text");
    Times a = times_of("a"), b = times_of("b"), x = times_of("a/x");
    OK(rename("a/x", "b/x"));
    TIMES_ARE("a", a, any, moved, moved);
    TIMES_ARE("b", b, any, moved, moved);
    TIMES_ARE("b/x", x, kept, kept, any);
}

RULE(rename_moves_the_change_time_of_the_file)
{
    file_make("x", "");
    Times old = times_of("x");
    OK(rename("x", "y"));
    TIMES_ARE("y", old, kept, kept, moved);
}

RULE(rename_moves_the_change_time_of_a_replaced_file_that_has_another_name)
{
    file_make("x", "");
    file_make("y", "");
    OK(link("y", "z"));
    Times old = times_of("z");
    OK(rename("x", "y"));
    TIMES_ARE("z", old, kept, kept, moved);
}

RULE(rename_that_fails_keeps_all_times)
{
    dir_make("a");
    dir_make("b");
    file_make("a/x", "");
    dir_make("b/y");
    Times a = times_of("a"), b = times_of("b"), x = times_of("a/x");
    FAILS(rename("a/x", "b/y"), EISDIR);
    TIMES_ARE("a", a, any, kept, kept);
    TIMES_ARE("b", b, any, kept, kept);
    TIMES_ARE("a/x", x, kept, kept, kept);
}

RULE(rename_of_a_link_moves_the_link)
{
    file_make("x", "text");
    OK(symlink("x", "link"));
    OK(rename("link", "other"));
    EQ(type_of("other"), S_IFLNK);
    STR_EQ(file_text("x"), "text");
    TRUE(!there("link"));
}

RULE(rename_over_a_link_replaces_the_link)
{
    file_make("x", "text");
    file_make("y", "other");
    OK(symlink("x", "link"));
    OK(rename("y", "link"));
    EQ(type_of("link"), S_IFREG);
    STR_EQ(file_text("x"), "text");
    STR_EQ(file_text("link"), "other");
}

RULE(rename_of_a_file_over_a_directory_is_EISDIR)
{
    file_make("x", "text");
    dir_make("d");
    FAILS(rename("x", "d"), EISDIR);
    TRUE(there("x"));
    EQ(type_of("d"), S_IFDIR);
}

RULE(rename_of_a_file_onto_a_name_with_a_slash_is_ENOTDIR)
{
    file_make("x", "");
    FAILS(rename("x", "y/"), ENOTDIR);
    FAILS(rename("x/", "y"), ENOTDIR);
    TRUE(there("x"));
}

/* ---- directories ---------------------------------------------------------------------------------------------------- */

RULE(rename_gives_a_directory_another_name_with_all_below_it)
{
    dir_make("d");
    dir_make("d/sub");
    file_make("d/sub/x", "text");
    ino_t ino = stat_of("d").st_ino;
    OK(rename("d", "e"));
    EQ(stat_of("e").st_ino, ino);
    STR_EQ(file_text("e/sub/x"), "text");
    TRUE(!there("d"));
}

RULE(rename_of_a_directory_takes_slashes_behind_the_names)
{
    dir_make("d");
    OK(rename("d/", "e"));
    OK(rename("e", "f/"));
    EQ(type_of("f"), S_IFDIR);
}

RULE(rename_of_a_directory_moves_the_links_of_both_above)
{
    dir_make("a");
    dir_make("b");
    dir_make("a/d");
    nlink_t a = stat_of("a").st_nlink, b = stat_of("b").st_nlink;
    OK(rename("a/d", "b/d"));
    EQ(stat_of("a").st_nlink, a - 1);
    EQ(stat_of("b").st_nlink, b + 1);
}

RULE(rename_of_a_directory_moves_dot_dot)
{
    dir_make("a");
    dir_make("b");
    dir_make("a/d");
    int fd = open_ok("a/d", O_RDONLY | O_DIRECTORY);
    OK(rename("a/d", "b/d"));
    struct stat st;
    OK(fstatat(fd, "..", &st, 0));
    EQ(st.st_ino, stat_of("b").st_ino);
}

RULE(rename_of_a_directory_replaces_an_empty_one)
{
    dir_make("d");
    file_make("d/x", "text");
    dir_make("e");
    nlink_t above = stat_of(".").st_nlink;
    OK(rename("d", "e"));
    STR_EQ(file_text("e/x"), "text");
    TRUE(!there("d"));
    EQ(stat_of(".").st_nlink, above - 1);
}

RULE(rename_over_an_empty_directory_leaves_that_without_names)
{
    dir_make("d");
    dir_make("e");
    int fd = open_ok("e", O_RDONLY | O_DIRECTORY);
    OK(rename("d", "e"));
    FAILS(openat(fd, "x", O_WRONLY | O_CREAT, 0644), ENOENT);
    FAILS(mkdirat(fd, "x", 0755), ENOENT);
}

RULE(rename_of_a_directory_onto_one_with_names_is_ENOTEMPTY)
{
    dir_make("d");
    dir_make("e");
    file_make("e/x", "");
    FAILS_2(rename("d", "e"), ENOTEMPTY, EEXIST);
    OK(unlink("e/x"));
    dir_make("e/sub");
    FAILS_2(rename("d", "e"), ENOTEMPTY, EEXIST);
    TRUE(there("d"));
    TRUE(there("e/sub"));
}

RULE(rename_of_a_directory_over_a_file_is_ENOTDIR)
{
    dir_make("d");
    file_make("x", "text");
    FAILS(rename("d", "x"), ENOTDIR);
    OK(symlink("none", "link"));
    FAILS(rename("d", "link"), ENOTDIR);
    OK(symlink("d", "to_d"));
    dir_make("e");
    FAILS(rename("e", "to_d"), ENOTDIR);
    STR_EQ(file_text("x"), "text");
}

RULE(rename_of_a_directory_into_itself_is_EINVAL)
{
    dir_make("d");
    dir_make("d/e");
    FAILS(rename("d", "d/x"), EINVAL);
    FAILS(rename("d", "d/e"), EINVAL);
    FAILS(rename("d", "d/e/x"), EINVAL);
    TRUE(there("d/e"));
}

RULE(rename_onto_a_directory_above_is_ENOTEMPTY)
{
    dir_make("d");
    dir_make("d/e");
    dir_make("d/e/f");
    FAILS_2(rename("d/e", "d"), ENOTEMPTY, EEXIST);
    FAILS_2(rename("d/e/f", "d"), ENOTEMPTY, EEXIST);
}

RULE(rename_of_a_file_onto_a_directory_above_is_an_error)
{
    dir_make("d");
    file_make("d/x", "");
    FAILS_2(rename("d/x", "d"), EISDIR, ENOTEMPTY);
    TRUE(there("d/x"));
}

RULE(rename_of_dot_and_dot_dot_is_refused)
{
    dir_make("d");
    dir_make("d/e");
    FAILS_2(rename("d/.", "x"), EINVAL, EBUSY);
    FAILS_2(rename("d/..", "x"), EINVAL, EBUSY);
    FAILS_2(rename("d/e", "d/."), EINVAL, EBUSY);
    FAILS_2(rename("d", "d/e/.."), EINVAL, EBUSY);
}

RULE(rename_of_a_directory_moves_the_times_of_those_above)
{
    dir_make("a");
    dir_make("b");
    dir_make("a/d");
    Times a = times_of("a"), b = times_of("b"), d = times_of("a/d");
    OK(rename("a/d", "b/d"));
    TIMES_ARE("a", a, any, moved, moved);
    TIMES_ARE("b", b, any, moved, moved);
    TIMES_ARE("b/d", d, any, any, moved);
}

RULE(rename_of_the_working_directory)
{
    dir_make("d");
    dir_make("a");
    be_in("d");
    OK(rename("../d", "../a/d"));
    file_make("x", "text");
    STR_EQ(file_text("../d/x"), "text");
    be_in("../..");
    TRUE(there("a/d/x"));
}

RULE(rename_exchanges_the_depth_of_two_directories)
{
    dir_make("a");
    dir_make("a/b");
    dir_make("c");
    OK(rename("a/b", "c/b"));
    OK(rename("a", "c/b/a"));
    FAILS(rename("c", "c/b/a/c"), EINVAL);
    OK(rename("c/b/a", "a"));
    TRUE(there("a"));
}

/* ---- with flags ----------------------------------------------------------------------------------------------------- */

RULE(renameat2_noreplace_of_a_free_name_renames)
{
    file_make("x", "text");
    OK(renameat2(AT_FDCWD, "x", AT_FDCWD, "y", RENAME_NOREPLACE));
    STR_EQ(file_text("y"), "text");
    TRUE(!there("x"));
}

RULE(renameat2_noreplace_over_a_file_is_EEXIST)
{
    file_make("x", "text");
    file_make("y", "other");
    FAILS(renameat2(AT_FDCWD, "x", AT_FDCWD, "y", RENAME_NOREPLACE), EEXIST);
    STR_EQ(file_text("y"), "other");
}

RULE(renameat2_exchange_exchanges_both)
{
    file_make("x", "text");
    dir_make("d");
    OK(renameat2(AT_FDCWD, "x", AT_FDCWD, "d", RENAME_EXCHANGE));
    EQ(type_of("x"), S_IFDIR);
    STR_EQ(file_text("d"), "text");
}

RULE(renameat2_with_flags_that_do_not_go_together_is_EINVAL)
{
    file_make("x", "");
    FAILS(renameat2(AT_FDCWD, "x", AT_FDCWD, "y", RENAME_NOREPLACE | RENAME_EXCHANGE), EINVAL);
    FAILS(renameat2(AT_FDCWD, "x", AT_FDCWD, "y", 1u << 20), EINVAL);
}

/* ---- permissions ---------------------------------------------------------------------------------------------------- */

USER_RULE(rename_into_a_directory_without_write_permission_is_EACCES)
{
    dir_make("d");
    file_make("x", "");
    OK(chmod("d", 0500));
    FAILS(rename("x", "d/x"), EACCES);
    TRUE(there("x"));
}

USER_RULE(rename_of_a_directory_that_cannot_be_written_into_another_is_EACCES)
{
    dir_make("a");
    dir_make("b");
    dir_make("a/d");
    OK(chmod("a/d", 0500));
    FAILS(rename("a/d", "b/d"), EACCES);        /* its ".." would change */
    OK(rename("a/d", "a/e"));
}

USER_RULE(rename_needs_no_permission_on_the_file_itself)
{
    file_make("x", "");
    OK(chmod("x", 0));
    OK(rename("x", "y"));
}
