/* SPDX-License-Identifier: MIT */
/*
 * What every call that takes a path has in common: a table of calls, and the rules of all paths. In an expression, p is the path.
 *
 * LOOK: a call on something that is there. MAKE: a call that makes the name p. REMOVE: one that takes p away; FILL makes such a thing.
 */
#include "posix.h"

#include <sys/statvfs.h>
#include <utime.h>

#define BAD_ADDRESS ((const char *)(uintptr_t)1)

/* The first three rules are of the ways to p, then those of its length. */
#define PATH_RULES(verb, call)                                                                                         \
    RULE(verb##_below_a_file_is_ENOTDIR)                                                                               \
    {                                                                                                                  \
        const char *p = "file/x";                                                                                      \
        file_make("file", "");                                                                                         \
        FAILS(call, ENOTDIR);                                                                                          \
    }                                                                                                                  \
    RULE(verb##_below_nothing_is_ENOENT)                                                                               \
    {                                                                                                                  \
        const char *p = "none/x";                                                                                      \
        FAILS(call, ENOENT);                                                                                           \
    }                                                                                                                  \
    RULE(verb##_below_a_dangling_link_is_ENOENT)                                                                       \
    {                                                                                                                  \
        const char *p = "link/x";                                                                                      \
        OK(symlink("none", "link"));                                                                                   \
        FAILS(call, ENOENT);                                                                                           \
    }                                                                                                                  \
    RULE(verb##_of_an_empty_path_is_ENOENT)                                                                            \
    {                                                                                                                  \
        const char *p = "";                                                                                            \
        FAILS(call, ENOENT);                                                                                           \
    }                                                                                                                  \
    RULE(verb##_through_links_in_a_circle_is_ELOOP)                                                                    \
    {                                                                                                                  \
        const char *p = "a/x";                                                                                         \
        OK(symlink("a", "b"));                                                                                         \
        OK(symlink("b", "a"));                                                                                         \
        FAILS(call, ELOOP);                                                                                            \
    }                                                                                                                  \
    RULE(verb##_of_a_name_of_256_bytes_is_ENAMETOOLONG)                                                                \
    {                                                                                                                  \
        const char *p = long_name(NAME_MAX + 1);                                                                       \
        FAILS(call, ENAMETOOLONG);                                                                                     \
    }                                                                                                                  \
    RULE(verb##_below_a_name_of_256_bytes_is_ENAMETOOLONG)                                                             \
    {                                                                                                                  \
        char p[NAME_MAX + 4];                                                                                          \
        snprintf(p, sizeof p, "%s/x", long_name(NAME_MAX + 1));                                                        \
        FAILS(call, ENAMETOOLONG);                                                                                     \
    }                                                                                                                  \
    RULE(verb##_of_a_path_of_4096_bytes_is_ENAMETOOLONG)                                                               \
    {                                                                                                                  \
        const char *p = long_path(PATH_MAX, "x");                                                                      \
        FAILS(call, ENAMETOOLONG);                                                                                     \
    }                                                                                                                  \
    RULE(verb##_of_a_path_at_a_bad_address_is_EFAULT)                                                                  \
    {                                                                                                                  \
        const char *p = BAD_ADDRESS;                                                                                   \
        FAILS(call, EFAULT);                                                                                           \
    }                                                                                                                  \
    USER_RULE(verb##_below_a_directory_without_search_permission_is_EACCES)                                            \
    {                                                                                                                  \
        const char *p = "d/x";                                                                                         \
        dir_make("d");                                                                                                 \
        file_make("d/x", "");                                                                                          \
        OK(chmod("d", 0600));                                                                                          \
        FAILS(call, EACCES);                                                                                           \
    }

/* fill makes p, for the call to succeed. */
#define LOOK_RULES(verb, call, fill)                                                                                   \
    PATH_RULES(verb, call)                                                                                             \
    RULE(verb##_of_nothing_is_ENOENT)                                                                                  \
    {                                                                                                                  \
        const char *p = "none";                                                                                        \
        FAILS(call, ENOENT);                                                                                           \
    }                                                                                                                  \
    RULE(verb##_takes_a_name_of_255_bytes)                                                                             \
    {                                                                                                                  \
        const char *p = long_name(NAME_MAX);                                                                           \
        fill;                                                                                                          \
        OK(call);                                                                                                      \
    }                                                                                                                  \
    RULE(verb##_takes_a_path_of_4095_bytes)                                                                            \
    {                                                                                                                  \
        const char *p = "x";                                                                                           \
        fill;                                                                                                          \
        p = long_path(PATH_MAX - 1, "x");                                                                              \
        OK(call);                                                                                                      \
    }

LOOK_RULES(stat, stat(p, &(struct stat){ 0 }), file_make(p, ""))
LOOK_RULES(lstat, lstat(p, &(struct stat){ 0 }), file_make(p, ""))
LOOK_RULES(access, access(p, F_OK), file_make(p, ""))
LOOK_RULES(chmod, chmod(p, 0600), file_make(p, ""))
LOOK_RULES(chown, chown(p, (uid_t)-1, (gid_t)-1), file_make(p, ""))
LOOK_RULES(lchown, lchown(p, (uid_t)-1, (gid_t)-1), file_make(p, ""))
LOOK_RULES(truncate, truncate(p, 3), file_make(p, ""))
LOOK_RULES(utimensat, utimensat(AT_FDCWD, p, (struct timespec[2]){ 0 }, 0), file_make(p, ""))
LOOK_RULES(open, open(p, O_RDONLY), file_make(p, ""))
LOOK_RULES(open_truncating, open(p, O_WRONLY | O_TRUNC), file_make(p, ""))
LOOK_RULES(open_of_a_directory, open(p, O_RDONLY | O_DIRECTORY), dir_make(p))
LOOK_RULES(chdir, chdir(p), dir_make(p))
LOOK_RULES(statvfs, statvfs(p, &(struct statvfs){ 0 }), file_make(p, ""))
LOOK_RULES(readlink, readlink(p, (char[8]){ 0 }, 8), OK(symlink("none", p)))
LOOK_RULES(unlink, unlink(p), file_make(p, ""))
LOOK_RULES(rmdir, rmdir(p), dir_make(p))
LOOK_RULES(rename_from, rename(p, "y"), file_make(p, ""))
LOOK_RULES(link_from, link(p, "y"), file_make(p, ""))

/* ---- making --------------------------------------------------------------------------------------------------------- */

#define MAKE_RULES(verb, call)                                                                                         \
    PATH_RULES(verb, call)                                                                                             \
    RULE(verb##_makes_a_name_of_255_bytes)                                                                             \
    {                                                                                                                  \
        const char *p = long_name(NAME_MAX);                                                                           \
        OK(call);                                                                                                      \
        TRUE(there(p));                                                                                                \
    }                                                                                                                  \
    RULE(verb##_makes_a_path_of_4095_bytes)                                                                            \
    {                                                                                                                  \
        const char *p = long_path(PATH_MAX - 1, "x");                                                                  \
        OK(call);                                                                                                      \
        TRUE(there("x"));                                                                                              \
    }                                                                                                                  \
    RULE(verb##_in_a_removed_directory_is_ENOENT)                                                                      \
    {                                                                                                                  \
        const char *p = "x";                                                                                           \
        dir_make("d");                                                                                                 \
        be_in("d");                                                                                                    \
        OK(rmdir("../d"));                                                                                             \
        FAILS(call, ENOENT);                                                                                           \
    }                                                                                                                  \
    RULE(verb##_moves_the_times_of_the_directory)                                                                      \
    {                                                                                                                  \
        const char *p = "d/x";                                                                                         \
        dir_make("d");                                                                                                 \
        Times old = times_of("d");                                                                                     \
        OK(call);                                                                                                      \
        TIMES_ARE("d", old, any, moved, moved);                                                                        \
    }                                                                                                                  \
    RULE(verb##_stamps_all_times_with_now)                                                                             \
    {                                                                                                                  \
        const char *p = "x";                                                                                           \
        file_make("before", "");                                                                                       \
        tick();                                                                                                        \
        OK(call);                                                                                                      \
        COMPARE(ctime_of(p), >, ctime_of("before"));                                                                   \
        EQ(mtime_of(p), ctime_of(p));                                                                                  \
        COMPARE(atime_of(p), >, ctime_of("before"));                                                                   \
    }                                                                                                                  \
    USER_RULE(verb##_in_a_directory_without_write_permission_is_EACCES)                                                \
    {                                                                                                                  \
        const char *p = "d/x";                                                                                         \
        dir_make("d");                                                                                                 \
        OK(chmod("d", 0500));                                                                                          \
        FAILS(call, EACCES);                                                                                           \
    }

/* What refuses to make a name that is there, whatever it is. */
#define EXCLUSIVE_RULES(verb, call)                                                                                    \
    RULE(verb##_over_a_file_is_EEXIST)                                                                                 \
    {                                                                                                                  \
        const char *p = "x";                                                                                           \
        file_make("x", "text");                                                                                        \
        FAILS(call, EEXIST);                                                                                           \
        STR_EQ(file_text("x"), "text");                                                                                \
    }                                                                                                                  \
    RULE(verb##_over_a_directory_is_EEXIST)                                                                            \
    {                                                                                                                  \
        const char *p = "x";                                                                                           \
        dir_make("x");                                                                                                 \
        FAILS(call, EEXIST);                                                                                           \
    }                                                                                                                  \
    RULE(verb##_over_a_link_is_EEXIST)                                                                                 \
    {                                                                                                                  \
        const char *p = "x";                                                                                           \
        dir_make("d");                                                                                                 \
        OK(symlink("d", "x"));                                                                                         \
        FAILS(call, EEXIST);                                                                                           \
    }                                                                                                                  \
    RULE(verb##_over_a_dangling_link_is_EEXIST)                                                                        \
    {                                                                                                                  \
        const char *p = "x";                                                                                           \
        OK(symlink("none", "x"));                                                                                      \
        FAILS(call, EEXIST);                                                                                           \
        TRUE(!there("none"));                                                                                          \
    }                                                                                                                  \
    RULE(verb##_of_dot_is_EEXIST)                                                                                      \
    {                                                                                                                  \
        const char *p = ".";                                                                                           \
        FAILS(call, EEXIST);                                                                                           \
    }                                                                                                                  \
    RULE(verb##_of_dot_dot_is_EEXIST)                                                                                  \
    {                                                                                                                  \
        const char *p = "..";                                                                                          \
        FAILS(call, EEXIST);                                                                                           \
    }                                                                                                                  \
    RULE(verb##_that_finds_the_name_taken_keeps_the_times_of_the_directory)                                            \
    {                                                                                                                  \
        const char *p = "d/x";                                                                                         \
        dir_make("d");                                                                                                 \
        file_make("d/x", "");                                                                                          \
        Times old = times_of("d");                                                                                     \
        FAILS(call, EEXIST);                                                                                           \
        TIMES_ARE("d", old, any, kept, kept);                                                                          \
    }

static int create(const char *p, int flags)
{
    int fd = open(p, O_WRONLY | O_CREAT | flags, 0644);
    if (fd >= 0)
        close(fd);
    return fd < 0 ? -1 : 0;
}

MAKE_RULES(create, create(p, 0))
MAKE_RULES(create_exclusively, create(p, O_EXCL))
EXCLUSIVE_RULES(create_exclusively, create(p, O_EXCL))
MAKE_RULES(mkdir, mkdir(p, 0755))
EXCLUSIVE_RULES(mkdir, mkdir(p, 0755))
MAKE_RULES(symlink, symlink("target", p))
EXCLUSIVE_RULES(symlink, symlink("target", p))
MAKE_RULES(mknod_of_a_file, mknod(p, S_IFREG | 0644, 0))
EXCLUSIVE_RULES(mknod_of_a_file, mknod(p, S_IFREG | 0644, 0))
EXCLUSIVE_RULES(mkfifo, mkfifo(p, 0644))

/* A new name for "f", which is made where there is none yet; in a removed directory it is reached from above. */
static const char *some_file(void)
{
    if (access("f", F_OK) < 0 && access("../f", F_OK) < 0)
        (void)close(open("f", O_WRONLY | O_CREAT, 0644));
    return access("f", F_OK) == 0 ? "f" : "../f";
}

PATH_RULES(link_to, link(some_file(), p))
EXCLUSIVE_RULES(link_to, link(some_file(), p))
PATH_RULES(rename_to, rename(some_file(), p))

/* ---- taking away ---------------------------------------------------------------------------------------------------- */

#define REMOVE_RULES(verb, call, fill)                                                                                 \
    RULE(verb##_moves_the_times_of_the_directory)                                                                      \
    {                                                                                                                  \
        const char *p = "d/x";                                                                                         \
        dir_make("d");                                                                                                 \
        fill;                                                                                                          \
        Times old = times_of("d");                                                                                     \
        OK(call);                                                                                                      \
        TIMES_ARE("d", old, any, moved, moved);                                                                        \
    }                                                                                                                  \
    RULE(verb##_that_fails_keeps_the_times_of_the_directory)                                                           \
    {                                                                                                                  \
        const char *p = "d/x";                                                                                         \
        dir_make("d");                                                                                                 \
        Times old = times_of("d");                                                                                     \
        FAILS(call, ENOENT);                                                                                           \
        TIMES_ARE("d", old, any, kept, kept);                                                                          \
    }                                                                                                                  \
    RULE(verb##_takes_the_name_away)                                                                                   \
    {                                                                                                                  \
        const char *p = "x";                                                                                           \
        fill;                                                                                                          \
        OK(call);                                                                                                      \
        TRUE(!there("x"));                                                                                             \
        FAILS(call, ENOENT);                                                                                           \
    }                                                                                                                  \
    USER_RULE(verb##_in_a_directory_without_write_permission_is_EACCES)                                                \
    {                                                                                                                  \
        const char *p = "d/x";                                                                                         \
        dir_make("d");                                                                                                 \
        fill;                                                                                                          \
        OK(chmod("d", 0500));                                                                                          \
        FAILS(call, EACCES);                                                                                           \
        OK(chmod("d", 0700));                                                                                          \
        TRUE(there("d/x"));                                                                                            \
    }

REMOVE_RULES(unlink, unlink(p), file_make(p, ""))
REMOVE_RULES(unlink_of_a_link, unlink(p), OK(symlink("none", p)))
REMOVE_RULES(rmdir, rmdir(p), dir_make(p))
REMOVE_RULES(rename_of_a_file_away, rename(p, "y"), file_make(p, ""))
REMOVE_RULES(rename_of_a_directory_away, rename(p, "y"), dir_make(p))
