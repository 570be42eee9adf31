/* SPDX-License-Identifier: MIT */
/* mkdir(2), rmdir(2) and the working directory. */
#include "posix.h"

RULE(mkdir_makes_an_empty_directory_with_two_links)
{
    OK(mkdir("d", 0755));
    struct stat st = stat_of("d");
    EQ(st.st_mode & S_IFMT, S_IFDIR);
    COMPARE(st.st_nlink, >=, 1);
    EQ(st.st_uid, geteuid());
    EQ(st.st_gid, getegid());
    OK(rmdir("d"));
}

RULE(mkdir_gives_the_mode_without_what_the_umask_takes)
{
    OK(mkdir("a", 0777));
    EQ(mode_of("a") & 0777, 0755);
    umask(077);
    OK(mkdir("b", 0777));
    EQ(mode_of("b") & 0777, 0700);
    umask(0);
    OK(mkdir("c", 0777));
    EQ(mode_of("c") & 0777, 0777);
    OK(mkdir("d", 01777));
    EQ(mode_of("d") & 01777, 01777);
    OK(mkdir("e", 0));
    EQ(mode_of("e") & 01777, 0);
}

RULE(mkdir_adds_a_link_to_the_directory_above_and_rmdir_takes_it)
{
    dir_make("d");
    nlink_t before = stat_of("d").st_nlink;
    dir_make("d/e");
    dir_make("d/f");
    EQ(stat_of("d").st_nlink, before + 2);
    OK(rmdir("d/e"));
    EQ(stat_of("d").st_nlink, before + 1);
    file_make("d/x", "");
    EQ(stat_of("d").st_nlink, before + 1);
}

RULE(mkdir_takes_a_slash_behind_the_name)
{
    OK(mkdir("d/", 0755));
    OK(mkdir("e///", 0755));
    EQ(type_of("d"), S_IFDIR);
    EQ(type_of("e"), S_IFDIR);
}

RULE(mkdir_through_a_dangling_link_with_a_slash_makes_no_directory_elsewhere)
{
    OK(symlink("target", "link"));
    FAILS(mkdir("link/", 0755), EEXIST);
    TRUE(!there("target"));
}

RULE(mkdir_keeps_dot_and_dot_dot)
{
    dir_make("d");
    dir_make("d/e");
    struct stat st;
    OK(stat("d/e/.", &st));
    EQ(st.st_ino, stat_of("d/e").st_ino);
    OK(stat("d/e/..", &st));
    EQ(st.st_ino, stat_of("d").st_ino);
}

RULE(mkdir_goes_deeper_than_a_path_is_long)
{
    enum { DEEP = 60, NAME = 100 };                 /* 6,000 bytes */
    const char *name = long_name(NAME);
    for (unsigned i = 0; i < DEEP; i++) {
        OK(mkdir(name, 0755));
        be_in(name);
    }
    file_make("x", "text");
    STR_EQ(file_text("x"), "text");
    for (unsigned i = 0; i < DEEP; i++)
        be_in("..");
    TRUE(there(name));
}

RULE(mkdir_below_a_directory_of_many_names)
{
    char name[32];
    for (unsigned i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "d%u", i);
        OK(mkdir(name, 0755));
    }
    for (unsigned i = 0; i < 500; i += 7) {
        snprintf(name, sizeof name, "d%u", i);
        OK(rmdir(name));
    }
    for (unsigned i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "d%u", i);
        TRUE(there(name) == (i % 7 != 0));
    }
}

RULE(rmdir_of_a_directory_with_names_is_ENOTEMPTY)
{
    dir_make("d");
    file_make("d/x", "");
    FAILS_2(rmdir("d"), ENOTEMPTY, EEXIST);
    OK(unlink("d/x"));
    dir_make("d/e");
    FAILS_2(rmdir("d"), ENOTEMPTY, EEXIST);
    OK(rmdir("d/e"));
    OK(symlink("none", "d/link"));
    FAILS_2(rmdir("d"), ENOTEMPTY, EEXIST);
    OK(unlink("d/link"));
    OK(rmdir("d"));
}

RULE(rmdir_of_a_file_is_ENOTDIR)
{
    file_make("x", "");
    FAILS(rmdir("x"), ENOTDIR);
    TRUE(there("x"));
}

RULE(rmdir_of_a_link_to_a_directory_is_ENOTDIR)
{
    dir_make("d");
    OK(symlink("d", "link"));
    FAILS(rmdir("link"), ENOTDIR);
    FAILS(rmdir("link/"), ENOTDIR);
    TRUE(there("d"));
}

RULE(rmdir_of_dot_is_EINVAL)
{
    dir_make("d");
    FAILS(rmdir("d/."), EINVAL);
    be_in("d");
    FAILS(rmdir("."), EINVAL);
}

RULE(rmdir_of_dot_dot_is_ENOTEMPTY)
{
    dir_make("d");
    dir_make("d/e");
    FAILS_2(rmdir("d/e/.."), ENOTEMPTY, EINVAL);
}

RULE(rmdir_takes_a_slash_behind_the_name)
{
    dir_make("d");
    OK(rmdir("d/"));
    TRUE(!there("d"));
}

RULE(rmdir_of_a_directory_in_use_leaves_it_without_names)
{
    dir_make("d");
    int fd = open_ok("d", O_RDONLY | O_DIRECTORY);
    OK(rmdir("d"));
    struct stat st;
    OK(fstat(fd, &st));
    EQ(st.st_mode & S_IFMT, S_IFDIR);
    FAILS(openat(fd, "x", O_WRONLY | O_CREAT, 0644), ENOENT);
    FAILS(mkdirat(fd, "e", 0755), ENOENT);
    FAILS(openat(fd, "x", O_RDONLY), ENOENT);
    DIR *d = fdopendir(fd);
    TRUE(d != NULL);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        TRUE(e->d_name[0] == '.');
}

RULE(rmdir_and_mkdir_of_the_same_name_make_another_directory)
{
    dir_make("d");
    int fd = open_ok("d", O_RDONLY | O_DIRECTORY);
    OK(rmdir("d"));
    dir_make("d");
    file_make("d/x", "");
    FAILS(fstatat(fd, "x", &(struct stat){ 0 }, 0), ENOENT);
}

RULE(rmdir_of_the_working_directory)
{
    dir_make("d");
    be_in("d");
    OK(rmdir("../d"));
    char name[PATH_MAX];
    EQ(getcwd(name, sizeof name) == NULL, true);
    EQ(errno, ENOENT);
    FAILS(stat("x", &(struct stat){ 0 }), ENOENT);
    be_in("..");
    TRUE(!there("d"));
}

RULE(rmdir_moves_the_change_time_of_the_directory_itself)
{
    dir_make("d");
    int fd = open_ok("d", O_RDONLY | O_DIRECTORY);
    Times old = times_of("d");
    OK(rmdir("d"));
    struct stat st;
    OK(fstat(fd, &st));
    COMPARE((int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec, >, old.ctime);
}

RULE(chdir_and_getcwd_agree)
{
    char here[PATH_MAX], below[PATH_MAX + 4];
    TRUE(getcwd(here, sizeof here) != NULL);
    dir_make("d");
    be_in("d");
    snprintf(below, sizeof below, "%s/d", here);
    char got[PATH_MAX];
    TRUE(getcwd(got, sizeof got) != NULL);
    STR_EQ(got, below);
    OK(rename("../d", "../e"));
    snprintf(below, sizeof below, "%s/e", here);
    TRUE(getcwd(got, sizeof got) != NULL);
    STR_EQ(got, below);
}

RULE(chdir_to_a_file_is_ENOTDIR)
{
    file_make("x", "");
    FAILS(chdir("x"), ENOTDIR);
}

USER_RULE(chdir_without_search_permission_is_EACCES)
{
    dir_make("d");
    OK(chmod("d", 0644));
    FAILS(chdir("d"), EACCES);
    OK(chmod("d", 0100));
    OK(chdir("d"));
}

USER_RULE(rmdir_needs_no_permission_on_the_directory_itself)
{
    dir_make("d");
    OK(chmod("d", 0));
    OK(rmdir("d"));
}
