/* SPDX-License-Identifier: MIT */
/*
 * What is mounted or bound read-only: every change is EROFS, every look goes on. The directory (--readonly) holds
 *     file    with the words "read only"        dir/    with the file x        link -> file
 * Without that option these rules are not run.
 */
#include "posix.h"

#include <sys/statvfs.h>
#include <sys/xattr.h>

#define EROFS_RULE(title, call)                                                                                        \
    RULE(readonly_##title##_is_EROFS)                                                                                  \
    {                                                                                                                  \
        be_in(readonly_dir);                                                                                                    \
        FAILS(call, EROFS);                                                                                            \
    }

EROFS_RULE(open_for_writing, open("file", O_WRONLY))
EROFS_RULE(open_for_both, open("file", O_RDWR))
EROFS_RULE(open_for_appending, open("file", O_WRONLY | O_APPEND))
EROFS_RULE(open_through_a_link_for_writing, open("link", O_WRONLY))
EROFS_RULE(open_trunc, open("file", O_WRONLY | O_TRUNC))
EROFS_RULE(open_creat, open("new", O_WRONLY | O_CREAT, 0644))
EROFS_RULE(open_creat_for_reading, open("new", O_RDONLY | O_CREAT, 0644))
EROFS_RULE(mkdir, mkdir("new", 0755))
EROFS_RULE(rmdir, rmdir("dir"))
EROFS_RULE(unlink, unlink("file"))
EROFS_RULE(unlink_of_a_link, unlink("link"))
EROFS_RULE(unlink_below, unlink("dir/x"))
EROFS_RULE(link, link("file", "new"))
EROFS_RULE(symlink, symlink("file", "new"))
EROFS_RULE(rename, rename("file", "new"))
EROFS_RULE(rename_over, rename("file", "dir/x"))
EROFS_RULE(chmod, chmod("file", 0600))
EROFS_RULE(chmod_of_a_directory, chmod("dir", 0700))
EROFS_RULE(chown, chown("file", geteuid(), getegid()))
EROFS_RULE(truncate, truncate("file", 0))
EROFS_RULE(utimensat, utimensat(AT_FDCWD, "file", NULL, 0))
EROFS_RULE(mknod, mknod("new", S_IFREG | 0644, 0))
EROFS_RULE(mkfifo, mkfifo("new", 0644))
EROFS_RULE(access_to_write, access("file", W_OK))

RULE(readonly_rename_into_it_is_refused)
{
    char to[PATH_MAX];
    file_make("x", "");
    snprintf(to, sizeof to, "%s/new", readonly_dir);
    int here = open_ok(".", O_RDONLY | O_DIRECTORY);
    be_in(readonly_dir);
    FAILS_2(renameat(here, "x", AT_FDCWD, to), EROFS, EXDEV);
    FAILS_2(linkat(here, "x", AT_FDCWD, to, 0), EROFS, EXDEV);
}

RULE(readonly_creat_of_what_is_there_for_reading_opens_it)
{
    be_in(readonly_dir);
    OK(open("file", O_RDONLY | O_CREAT, 0644));
    FAILS(open("file", O_RDONLY | O_CREAT | O_EXCL, 0644), EEXIST);
}

RULE(readonly_mkdir_over_what_is_there_is_EEXIST)
{
    be_in(readonly_dir);
    FAILS_2(mkdir("dir", 0755), EEXIST, EROFS);
    FAILS_2(mkdir("file", 0755), EEXIST, EROFS);
}

RULE(readonly_changes_of_an_open_file_are_refused)
{
    be_in(readonly_dir);
    int fd = open_ok("file", O_RDONLY);
    FAILS(fchmod(fd, 0600), EROFS);
    FAILS(futimens(fd, NULL), EROFS);
    FAILS(fchown(fd, geteuid(), getegid()), EROFS);
    FAILS_2(ftruncate(fd, 0), EINVAL, EBADF);
    FAILS(write(fd, "x", 1), EBADF);
}

RULE(readonly_files_are_read)
{
    be_in(readonly_dir);
    STR_EQ(file_text("file"), "read only");
    STR_EQ(file_text("link"), "read only");
    OK(access("file", R_OK));
    char name[16] = "";
    EQ(OK(readlink("link", name, sizeof name)), 4);
    STR_EQ(name, "file");
    DIR *d = opendir("dir");
    TRUE(d != NULL);
    unsigned n = 0;
    while (readdir(d) != NULL)
        n++;
    EQ(n, 3);
    OK(fsync(dirfd(d)));
    struct statvfs s;
    OK(statvfs("file", &s));
}
