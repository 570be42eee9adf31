/* SPDX-License-Identifier: MIT */
/*
 * Where a mount of taskfs promises something else than POSIX or Linux does: each with its reason, and what holds instead.
 */
#include "posix.h"

#include <linux/falloc.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

#define OWNER "everything belongs to who runs the kernel; chown to others is EPERM"
#define KINDS "file systems hold files, directories and links; pipes and terminals come from /cap, devices are in /dev"

/* ---- owners and kinds of files --------------------------------------------------------------------------------------- */

DIFFERENT(ON_MOUNT, chown_gives_a_file_to_somebody_else, OWNER)
{
    file_make("x", "");
    struct stat st = stat_of("x");
    FAILS(chown("x", 4711, 4712), EPERM);
    FAILS(chown("x", 4711, (gid_t)-1), EPERM);
    FAILS(chown("x", (uid_t)-1, 4712), EPERM);
    EQ(stat_of("x").st_uid, st.st_uid);
    EQ(stat_of("x").st_gid, st.st_gid);
}

DIFFERENT(ON_MOUNT, lchown_gives_a_link_to_somebody_else, OWNER)
{
    OK(symlink("none", "link"));
    FAILS(lchown("link", 4711, 4712), EPERM);
    EQ(stat_of("link").st_uid, geteuid());
}

DIFFERENT(ON_MOUNT, mkfifo_makes_a_pipe_with_a_name, KINDS)
{
    FAILS(mkfifo("p", 0640), EPERM);
    TRUE(!there("p"));
}

DIFFERENT(ON_MOUNT, readonly_mkfifo_is_EROFS, KINDS)
{
    be_in(readonly_dir);
    FAILS(mkfifo("new", 0644), EPERM);
    FAILS(mknod("new", S_IFREG | 0644, 0), EROFS);
}

DIFFERENT(ON_MOUNT, mknod_makes_a_device, KINDS)
{
    FAILS(mknod("c", S_IFCHR | 0600, makedev(1, 3)), EPERM);
    FAILS(mknod("b", S_IFBLK | 0600, makedev(1, 3)), EPERM);
    TRUE(!there("c"));
}

DIFFERENT(ON_MOUNT, bind_makes_a_socket, KINDS)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "s" };
    int fd = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    FAILS(bind(fd, (struct sockaddr *)&at, sizeof at), EPERM);
    TRUE(!there("s"));
}

DIFFERENT(ON_MOUNT, getxattr_of_what_is_not_there_is_ENODATA, "there are no extended attributes")
{
    char value[8];
    file_make("x", "");
    FAILS(getxattr("x", "user.none", value, sizeof value), EOPNOTSUPP);
    FAILS(setxattr("x", "user.name", "v", 1, 0), EOPNOTSUPP);
}

/* ---- symbolic links -------------------------------------------------------------------------------------------------- */

/* The mount point: where an absolute link leads. It is above here, on this file system, and what is above it is not. */
static const char *mount_point(void)
{
    static char point[PATH_MAX];
    char here[PATH_MAX], above[PATH_MAX + 4];
    struct stat inside, outside;
    OK(symlink("/", "to_root"));
    point[OK(readlink("to_root", point, sizeof point - 1))] = '\0';
    TRUE(getcwd(here, sizeof here) != NULL);
    EQ(strncmp(here, point, strlen(point)), 0);
    snprintf(above, sizeof above, "%s/..", point);
    OK(stat(point, &inside));
    OK(stat(above, &outside));
    EQ(inside.st_dev, stat_of(".").st_dev);
    TRUE(outside.st_dev != inside.st_dev);
    return point;
}

#define LINKS "a link that a task made must not steer a host program: "

DIFFERENT(ON_MOUNT, symlink_keeps_an_absolute_text, LINKS "an absolute one reads as below the mount point")
{
    static const char *const texts[] = { "/x", "/tmp/x/y", "/etc/passwd" };
    const char *point = mount_point();
    char wanted[PATH_MAX + 64], got[PATH_MAX];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        /* Written either way, it is the same link. */
        OK(symlink(texts[i], "a"));
        snprintf(wanted, sizeof wanted, "%s%s", point, texts[i]);
        OK(symlink(wanted, "b"));
        got[OK(readlink("a", got, sizeof got - 1))] = '\0';
        STR_EQ(got, wanted);
        EQ(stat_of("a").st_size, strlen(wanted));
        got[OK(readlink("b", got, sizeof got - 1))] = '\0';
        STR_EQ(got, wanted);
        FAILS(open("a", O_RDONLY), ENOENT);
        OK(unlink("a"));
        OK(unlink("b"));
    }
}

DIFFERENT(ON_MOUNT, symlink_keeps_a_text_that_climbs, LINKS "one that climbs out is cut at the mount point")
{
    char got[PATH_MAX];
    (void)mount_point();
    OK(symlink("../../../../../../../../../../../../../../../../../../../../etc/passwd", "link"));
    got[OK(readlink("link", got, sizeof got - 1))] = '\0';
    char *rest = strstr(got, "etc/passwd");
    TRUE(rest != NULL);
    STR_EQ(rest, "etc/passwd");
    *rest = '\0';
    struct stat a, b;
    OK(stat(got, &a));                  /* what is left of it leads to the root, and no further */
    OK(stat("to_root", &b));
    EQ(a.st_ino, b.st_ino);
    EQ(a.st_dev, b.st_dev);
    FAILS(open("link", O_RDONLY), ENOENT);
}

DIFFERENT(ON_MOUNT, symlink_keeps_a_text_that_goes_down_and_up, LINKS "`..` behind a name takes the name away")
{
    char got[64] = "";
    OK(symlink("none/../x", "link"));
    EQ(OK(readlink("link", got, sizeof got)), 1);
    STR_EQ(got, "x");
    EQ(stat_of("link").st_size, 1);
    file_make("x", "text");
    STR_EQ(file_text("link"), "text");
}

DIFFERENT(ON_MOUNT, lstat_of_a_link_keeps_all_times, "how long the text is that will be read is known by reading it")
{
    OK(symlink("none", "link"));
    Times old = times_of("link");
    EQ(stat_of("link").st_size, 4);
    TIMES_ARE("link", old, any, kept, kept);
}

DIFFERENT(ON_MOUNT, readonly_access_to_write_is_EROFS, "access(2) is answered by the modes; the change itself is EROFS")
{
    be_in(readonly_dir);
    OK(access("file", W_OK));
    FAILS(open("file", O_WRONLY), EROFS);
}

/* ---- names ----------------------------------------------------------------------------------------------------------- */

DIFFERENT(ON_MOUNT, mkdir_goes_deeper_than_a_path_is_long, "every place has a path, of 4,095 bytes at most")
{
    enum { NAME = 100 };
    const char *name = long_name(NAME);
    unsigned deep = 0;
    while (mkdir(name, 0755) == 0 && deep++ < 100)
        be_in(name);
    EQ(errno, ENAMETOOLONG);
    COMPARE(deep, >, 30);
    COMPARE(deep * (NAME + 1), <=, PATH_MAX);
    TRUE(opendir(".") != NULL);
    FAILS(stat(name, &(struct stat){ 0 }), ENOENT);         /* it was not made */
    file_make("x", "text");
    STR_EQ(file_text("x"), "text");
}

DIFFERENT(ON_MOUNT, renameat2_noreplace_of_a_free_name_renames,
          "a rename has no flags; programs link and unlink, or look first")
{
    file_make("x", "text");
    FAILS(renameat2(AT_FDCWD, "x", AT_FDCWD, "y", RENAME_NOREPLACE), EINVAL);
    TRUE(there("x"));
    TRUE(!there("y"));
}

DIFFERENT(ON_MOUNT, renameat2_exchange_exchanges_both, "a rename has no flags")
{
    file_make("x", "text");
    dir_make("d");
    FAILS(renameat2(AT_FDCWD, "x", AT_FDCWD, "d", RENAME_EXCHANGE), EINVAL);
    EQ(type_of("x"), S_IFREG);
    EQ(type_of("d"), S_IFDIR);
}

/* ---- holes and times ------------------------------------------------------------------------------------------------- */

DIFFERENT(ON_MOUNT, lseek_data_and_hole_find_what_is_written, "holes are not told; POSIX lets all of a file be data")
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    OK(pwrite(fd, "data", 4, 1 << 24));
    EQ(OK(lseek(fd, 0, SEEK_DATA)), 0);
    EQ(OK(lseek(fd, 5, SEEK_DATA)), 5);
    EQ(OK(lseek(fd, 0, SEEK_HOLE)), (1 << 24) + 4);
    FAILS(lseek(fd, (1 << 24) + 4, SEEK_DATA), ENXIO);
    FAILS(lseek(fd, (1 << 24) + 4, SEEK_HOLE), ENXIO);
}

#define ALLOCATE "fallocate makes room and nothing else"

DIFFERENT(ON_MOUNT, fallocate_keep_size_keeps_the_size, ALLOCATE)
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    FAILS(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 100000), EOPNOTSUPP);
    EQ(stat_of("x").st_size, 0);
}

DIFFERENT(ON_MOUNT, fallocate_punch_hole_makes_zeroes, ALLOCATE)
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    OK(write(fd, "text", 4));
    FAILS(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4), EOPNOTSUPP);
    STR_EQ(file_text("x"), "text");
}

DIFFERENT(ON_MOUNT, read_with_noatime_keeps_the_access_time, "the first read after a change counts, whoever reads")
{
    char text[8];
    file_make("x", "text");
    Times old = times_of("x");
    int fd = open_ok("x", O_RDONLY | O_NOATIME);
    EQ(OK(read(fd, text, sizeof text)), 4);
    OK(close(fd));
    TIMES_ARE("x", old, moved, kept, kept);
}
