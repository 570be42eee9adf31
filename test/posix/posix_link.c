/* SPDX-License-Identifier: MIT */
/* Hard links, symbolic links, unlink(2). */
#include "posix.h"

/* ---- hard links ----------------------------------------------------------------------------------------------------- */

RULE(link_makes_another_name_of_the_same_file)
{
    file_make("x", "text");
    OK(link("x", "y"));
    struct stat x = stat_of("x"), y = stat_of("y");
    EQ(x.st_ino, y.st_ino);
    EQ(x.st_dev, y.st_dev);
    EQ(x.st_nlink, 2);
    EQ(y.st_nlink, 2);
    OK(chmod("y", 0600));
    EQ(mode_of("x"), 0600);
    file_make("y", "other");
    STR_EQ(file_text("x"), "other");
}

RULE(link_counts_as_many_names_as_there_are)
{
    char name[32];
    file_make("x", "text");
    for (unsigned i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "y%u", i);
        OK(link("x", name));
        EQ(stat_of(name).st_nlink, i + 2);
    }
    OK(unlink("x"));
    EQ(stat_of("y7").st_nlink, 50);
    STR_EQ(file_text("y49"), "text");
}

RULE(link_moves_the_change_time_of_the_file_and_the_times_of_the_directory)
{
    dir_make("d");
    file_make("x", "");
    Times file = times_of("x"), dir = times_of("d");
    OK(link("x", "d/y"));
    TIMES_ARE("x", file, kept, kept, moved);
    TIMES_ARE("d", dir, any, moved, moved);
}

RULE(link_that_fails_keeps_all_times)
{
    dir_make("d");
    file_make("x", "");
    file_make("d/y", "");
    Times file = times_of("x"), dir = times_of("d");
    FAILS(link("x", "d/y"), EEXIST);
    TIMES_ARE("x", file, kept, kept, kept);
    TIMES_ARE("d", dir, any, kept, kept);
}

RULE(link_of_a_directory_is_EPERM)
{
    dir_make("d");
    FAILS(link("d", "e"), EPERM);
    FAILS(link(".", "e"), EPERM);
    TRUE(!there("e"));
}

RULE(link_onto_itself_is_EEXIST)
{
    file_make("x", "text");
    FAILS(link("x", "x"), EEXIST);
    EQ(stat_of("x").st_nlink, 1);
}

RULE(link_takes_a_symbolic_link_as_itself)
{
    file_make("x", "");
    OK(symlink("x", "link"));
    OK(link("link", "other"));
    EQ(type_of("other"), S_IFLNK);
    EQ(stat_of("other").st_ino, stat_of("link").st_ino);
    EQ(stat_of("link").st_nlink, 2);
}

RULE(linkat_follow_takes_the_target)
{
    file_make("x", "");
    OK(symlink("x", "link"));
    OK(linkat(AT_FDCWD, "link", AT_FDCWD, "y", AT_SYMLINK_FOLLOW));
    EQ(stat_of("y").st_ino, stat_of("x").st_ino);
}

RULE(link_behind_a_slash_is_refused)
{
    file_make("x", "");
    FAILS(link("x/", "y"), ENOTDIR);
    FAILS_2(link("x", "y/"), ENOENT, ENOTDIR);
}

RULE(link_and_rename_to_another_file_system_are_EXDEV)
{
    struct stat here, other;
    const char *to[] = { "/dev/shm/posix.none", "/posix.none" };
    unsigned i = 0;
    OK(stat(".", &here));
    if (stat("/dev/shm", &other) < 0 || here.st_dev == other.st_dev)
        i = 1;
    OK(stat("/", &other));
    if (i == 1 && here.st_dev == other.st_dev)
        skip("no second file system");
    file_make("x", "");
    FAILS(link("x", to[i]), EXDEV);
    FAILS(rename("x", to[i]), EXDEV);
}

RULE(link_of_an_open_file_without_a_name_is_ENOENT)
{
    char name[64];
    int fd = open_ok("x", O_RDWR | O_CREAT);
    OK(unlink("x"));
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    FAILS(linkat(AT_FDCWD, name, AT_FDCWD, "y", AT_SYMLINK_FOLLOW), ENOENT);
}

/* ---- unlink --------------------------------------------------------------------------------------------------------- */

RULE(unlink_of_a_directory_is_EISDIR)
{
    dir_make("d");
    FAILS_2(unlink("d"), EISDIR, EPERM);
    FAILS_2(unlink("d/"), EISDIR, EPERM);
    TRUE(there("d"));
}

RULE(unlink_with_a_slash_behind_a_file_is_ENOTDIR)
{
    file_make("x", "");
    FAILS(unlink("x/"), ENOTDIR);
    TRUE(there("x"));
}

RULE(unlink_of_a_link_keeps_its_target)
{
    file_make("x", "text");
    OK(symlink("x", "link"));
    OK(unlink("link"));
    TRUE(!there("link"));
    STR_EQ(file_text("x"), "text");
}

RULE(unlink_of_one_of_two_names_moves_the_change_time)
{
    file_make("x", "");
    OK(link("x", "y"));
    Times old = times_of("x");
    OK(unlink("y"));
    TIMES_ARE("x", old, kept, kept, moved);
    EQ(stat_of("x").st_nlink, 1);
}

RULE(unlink_of_an_open_file_moves_its_change_time)
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    Times old = times_of("x");
    OK(unlink("x"));
    struct stat st;
    OK(fstat(fd, &st));
    COMPARE((int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec, >, old.ctime);
    EQ(st.st_nlink, 0);
}

RULE(unlink_of_one_name_leaves_the_open_file_with_the_other)
{
    file_make("x", "text");
    OK(link("x", "y"));
    int fd = open_ok("x", O_RDWR);
    OK(unlink("x"));
    OK(pwrite(fd, "T", 1, 0));
    STR_EQ(file_text("y"), "Text");
    struct stat st;
    OK(fstat(fd, &st));
    EQ(st.st_nlink, 1);
}

RULE(unlink_and_create_make_another_file)
{
    file_make("x", "old");
    int fd = open_ok("x", O_RDONLY);
    OK(unlink("x"));
    file_make("x", "new text");
    char text[16] = "";
    EQ(OK(read(fd, text, sizeof text)), 3);
    STR_EQ(text, "old");
    STR_EQ(file_text("x"), "new text");
}

RULE(unlinkat_removedir_removes_directories_only)
{
    dir_make("d");
    file_make("x", "");
    FAILS(unlinkat(AT_FDCWD, "x", AT_REMOVEDIR), ENOTDIR);
    OK(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR));
    OK(unlinkat(AT_FDCWD, "x", 0));
    FAILS(unlinkat(AT_FDCWD, "x", 1 << 20), EINVAL);
}

USER_RULE(unlink_needs_no_permission_on_the_file_itself)
{
    file_make("x", "");
    OK(chmod("x", 0));
    OK(unlink("x"));
}

/* ---- symbolic links ------------------------------------------------------------------------------------------------- */

RULE(symlink_keeps_its_text_as_it_is)
{
    static const char *const texts[] = { "x", "../x", "a//b/", ".", "..", " ", "none/\n\xff", "./a" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char got[64] = "";
        OK(symlink(texts[i], "link"));
        EQ(OK(readlink("link", got, sizeof got)), strlen(texts[i]));
        STR_EQ(got, texts[i]);
        EQ(stat_of("link").st_size, strlen(texts[i]));
        OK(unlink("link"));
    }
}

RULE(symlink_keeps_an_absolute_text)
{
    static const char *const texts[] = { "/", "/tmp/x", "//a/", "/.." };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char got[64] = "";
        OK(symlink(texts[i], "link"));
        EQ(OK(readlink("link", got, sizeof got)), strlen(texts[i]));
        STR_EQ(got, texts[i]);
        OK(unlink("link"));
    }
}

RULE(symlink_keeps_a_text_that_climbs)
{
    static const char text[] = "../../../../../../../../../../../../../../etc/passwd";
    char got[64] = "";
    OK(symlink(text, "link"));
    EQ(OK(readlink("link", got, sizeof got)), sizeof text - 1);
    STR_EQ(got, text);
}

RULE(symlink_keeps_a_text_that_goes_down_and_up)
{
    char got[64] = "";
    OK(symlink("none/../x", "link"));
    EQ(OK(readlink("link", got, sizeof got)), 9);
    STR_EQ(got, "none/../x");
    file_make("x", "text");
    FAILS(open("link", O_RDONLY), ENOENT);
}

RULE(symlink_keeps_a_text_of_4095_bytes)
{
    static char got[PATH_MAX + 1];
    const char *text = long_path(PATH_MAX - 1, "x");
    if (symlink(text, "link") < 0 && errno == ENAMETOOLONG && on_what == ON_HOST)
        skip("the host's file system keeps shorter ones only");
    EQ(OK(readlink("link", got, PATH_MAX)), PATH_MAX - 1);
    STR_EQ(got, text);
    EQ(stat_of("link").st_size, PATH_MAX - 1);
    file_make("x", "text");
    STR_EQ(file_text("link"), "text");
}

RULE(symlink_with_a_text_of_4096_bytes_is_ENAMETOOLONG)
{
    FAILS(symlink(long_path(PATH_MAX, "x"), "link"), ENAMETOOLONG);
    TRUE(!there("link"));
}

RULE(symlink_with_an_empty_text_is_ENOENT)
{
    FAILS(symlink("", "link"), ENOENT);
}

RULE(symlink_of_every_short_length_reads_back)
{
    for (size_t n = 1; n < 300; n += 13) {
        char got[512] = "";
        OK(symlink(long_name(n), "link"));
        EQ(OK(readlink("link", got, sizeof got)), n);
        STR_EQ(got, long_name(n));
        OK(unlink("link"));
    }
}

RULE(symlink_is_shown_with_all_permissions)
{
    umask(077);
    OK(symlink("none", "link"));
    EQ(mode_of("link"), 0777);
    EQ(type_of("link"), S_IFLNK);
    EQ(stat_of("link").st_nlink, 1);
}

RULE(symlink_is_followed_by_stat_but_not_by_lstat)
{
    file_make("x", "text");
    OK(symlink("x", "link"));
    struct stat st;
    OK(stat("link", &st));
    EQ(st.st_ino, stat_of("x").st_ino);
    OK(lstat("link", &st));
    TRUE(st.st_ino != stat_of("x").st_ino);
    OK(fstatat(AT_FDCWD, "link", &st, AT_SYMLINK_NOFOLLOW));
    EQ(st.st_mode & S_IFMT, S_IFLNK);
}

RULE(symlink_leads_from_where_it_stands)
{
    dir_make("d");
    file_make("x", "above");
    file_make("d/x", "below");
    OK(symlink("x", "d/here"));
    OK(symlink("../x", "d/up"));
    STR_EQ(file_text("d/here"), "below");
    STR_EQ(file_text("d/up"), "above");
    OK(link("d/here", "here"));
    STR_EQ(file_text("here"), "above");
}

RULE(symlink_through_a_directory_and_back)
{
    dir_make("d");
    dir_make("e");
    file_make("e/x", "text");
    OK(symlink("../e", "d/link"));
    STR_EQ(file_text("d/link/x"), "text");
    STR_EQ(file_text("d/link/../e/x"), "text");
    FAILS(stat("d/link/../link", &(struct stat){ 0 }), ENOENT);
}

RULE(symlink_with_a_slash_behind_it_is_followed)
{
    dir_make("d");
    OK(symlink("d", "link"));
    struct stat st;
    OK(lstat("link/", &st));
    EQ(st.st_mode & S_IFMT, S_IFDIR);
    file_make("x", "");
    OK(symlink("x", "file"));
    FAILS(lstat("file/", &st), ENOTDIR);
}

RULE(symlink_chains_of_40_are_followed_and_longer_ones_are_ELOOP)
{
    char name[16], target[16] = "x";
    file_make("x", "text");
    for (unsigned i = 1; i <= 41; i++) {
        snprintf(name, sizeof name, "l%u", i);
        OK(symlink(target, name));
        strcpy(target, name);
    }
    STR_EQ(file_text("l40"), "text");
    FAILS(open("l41", O_RDONLY), ELOOP);
}

RULE(symlink_of_a_symlink_changes_with_its_target)
{
    file_make("a", "one");
    file_make("b", "two");
    OK(symlink("a", "link"));
    STR_EQ(file_text("link"), "one");
    OK(unlink("link"));
    OK(symlink("b", "link"));
    STR_EQ(file_text("link"), "two");
    OK(symlink("a", "next"));
    OK(rename("next", "link"));
    STR_EQ(file_text("link"), "one");
}

RULE(readlink_cuts_to_the_buffer)
{
    char got[8] = "........";
    OK(symlink("target", "link"));
    EQ(OK(readlink("link", got, 3)), 3);
    EQ(memcmp(got, "tar.....", 8), 0);
}

RULE(readlink_of_a_file_or_directory_is_EINVAL)
{
    char got[8];
    file_make("x", "");
    dir_make("d");
    FAILS(readlink("x", got, sizeof got), EINVAL);
    FAILS(readlink("d", got, sizeof got), EINVAL);
    FAILS(readlink(".", got, sizeof got), EINVAL);
}

RULE(readlink_with_no_room_is_EINVAL)
{
    char got[8];
    OK(symlink("target", "link"));
    FAILS(readlink("link", got, 0), EINVAL);
}

RULE(readlink_keeps_change_and_modification_time)
{
    char got[8];
    OK(symlink("target", "link"));
    Times old = times_of("link");
    OK(readlink("link", got, sizeof got));
    TIMES_ARE("link", old, any, kept, kept);
}
