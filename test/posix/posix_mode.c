/* SPDX-License-Identifier: MIT */
/* Modes, owners, access(2), the mask, special files. */
#include "posix.h"

#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

/* ---- chmod ---------------------------------------------------------------------------------------------------------- */

RULE(chmod_sets_every_permission_bit_of_a_file)
{
    file_make("x", "");
    for (unsigned mode = 0; mode <= 0777; mode += 7) {
        OK(chmod("x", mode));
        EQ(stat_of("x").st_mode, S_IFREG | mode);
    }
}

RULE(chmod_sets_every_permission_bit_of_a_directory)
{
    dir_make("d");
    for (unsigned bit = 0; bit < 9; bit++) {
        OK(chmod("d", 1u << bit));
        EQ(stat_of("d").st_mode, S_IFDIR | 1u << bit);
    }
    OK(chmod("d", 01777));
    EQ(mode_of("d"), 01777);
}

RULE(chmod_keeps_set_id_bits_for_the_owner)
{
    file_make("x", "");
    OK(chmod("x", 04755));
    EQ(mode_of("x"), 04755);
    OK(chmod("x", 02755));
    EQ(mode_of("x"), 02755);
    OK(chmod("x", 06711));
    EQ(mode_of("x"), 06711);
    dir_make("d");
    OK(chmod("d", 02755));
    EQ(mode_of("d"), 02755);
}

RULE(chmod_moves_the_change_time_only)
{
    file_make("x", "");
    dir_make("d");
    Times file = times_of("x"), dir = times_of("d");
    OK(chmod("x", 0600));
    OK(chmod("d", 0700));
    TIMES_ARE("x", file, kept, kept, moved);
    TIMES_ARE("d", dir, any, kept, moved);
}

RULE(chmod_of_the_same_mode_moves_the_change_time)
{
    file_make("x", "");
    Times old = times_of("x");
    OK(chmod("x", 0644));
    TIMES_ARE("x", old, kept, kept, moved);
}

RULE(chmod_follows_a_link)
{
    file_make("x", "");
    OK(symlink("x", "link"));
    OK(chmod("link", 0600));
    EQ(mode_of("x"), 0600);
    EQ(mode_of("link"), 0777);
}

RULE(chmod_of_a_link_itself_is_EOPNOTSUPP)
{
    file_make("x", "");
    OK(symlink("x", "link"));
    FAILS(fchmodat(AT_FDCWD, "link", 0600, AT_SYMLINK_NOFOLLOW), EOPNOTSUPP);
    EQ(mode_of("x"), 0644);
}

RULE(fchmod_works_on_a_descriptor_for_reading)
{
    file_make("x", "");
    int fd = open_ok("x", O_RDONLY);
    OK(fchmod(fd, 0600));
    EQ(mode_of("x"), 0600);
    OK(rename("x", "y"));
    OK(fchmod(fd, 0640));
    EQ(mode_of("y"), 0640);
}

RULE(fchmod_works_on_a_directory)
{
    dir_make("d");
    OK(fchmod(open_ok("d", O_RDONLY), 0700));
    EQ(mode_of("d"), 0700);
}

RULE(umask_takes_from_everything_that_is_made)
{
    umask(0137);
    OK(close((int)OK(open("x", O_WRONLY | O_CREAT, 0777))));
    OK(mkdir("d", 0777));
    EQ(mode_of("x"), 0640);
    EQ(mode_of("d") & 0777, 0640);
    OK(chmod("x", 0777));               /* but not from chmod */
    EQ(mode_of("x"), 0777);
}

USER_RULE(write_takes_the_set_id_bits_away)
{
    file_make("x", "text");
    OK(chmod("x", 06755));
    int fd = open_ok("x", O_WRONLY);
    OK(write(fd, "T", 1));
    EQ(mode_of("x"), 0755);
}

/* ---- chown ---------------------------------------------------------------------------------------------------------- */

RULE(chown_to_the_owner_that_is_there_is_done)
{
    file_make("x", "");
    struct stat st = stat_of("x");
    OK(chown("x", st.st_uid, st.st_gid));
    OK(chown("x", st.st_uid, (gid_t)-1));
    OK(chown("x", (uid_t)-1, st.st_gid));
    OK(fchown(open_ok("x", O_RDONLY), st.st_uid, st.st_gid));
    EQ(stat_of("x").st_uid, st.st_uid);
}

RULE(chown_to_the_owner_that_is_there_moves_the_change_time)
{
    file_make("x", "");
    Times old = times_of("x");
    OK(chown("x", geteuid(), getegid()));
    TIMES_ARE("x", old, kept, kept, moved);
}

RULE(lchown_takes_the_link_itself)
{
    OK(symlink("none", "link"));
    OK(lchown("link", geteuid(), getegid()));
    FAILS(chown("link", geteuid(), getegid()), ENOENT);
}

USER_RULE(chown_to_somebody_else_is_EPERM)
{
    file_make("x", "");
    FAILS(chown("x", geteuid() + 1, (gid_t)-1), EPERM);
    FAILS(chown("x", 0, 0), EPERM);
    FAILS(chown("x", (uid_t)-1, getegid() + 1), EPERM);
    EQ(stat_of("x").st_uid, geteuid());
}

ROOT_RULE(chown_gives_a_file_to_somebody_else)
{
    file_make("x", "");
    OK(chown("x", 4711, 4712));
    EQ(stat_of("x").st_uid, 4711);
    EQ(stat_of("x").st_gid, 4712);
}

ROOT_RULE(lchown_gives_a_link_to_somebody_else)
{
    OK(symlink("none", "link"));
    OK(lchown("link", 4711, 4712));
    EQ(stat_of("link").st_uid, 4711);
}

RULE(mkdir_in_a_set_group_directory_inherits_the_bit)
{
    dir_make("d");
    OK(chmod("d", 02755));
    dir_make("d/e");
    EQ(mode_of("d/e"), 02755);
    file_make("d/x", "");
    EQ(mode_of("d/x"), 0644);
}

/* ---- access --------------------------------------------------------------------------------------------------------- */

RULE(access_of_everything_allowed)
{
    file_make("x", "");
    OK(chmod("x", 0700));
    OK(access("x", R_OK | W_OK | X_OK));
    OK(access(".", R_OK | W_OK | X_OK));
}

RULE(access_to_execute_a_file_without_any_x_is_EACCES)
{
    file_make("x", "");
    FAILS(access("x", X_OK), EACCES);
}

USER_RULE(access_asks_the_mode)
{
    file_make("x", "");
    OK(chmod("x", 0377));
    FAILS(access("x", R_OK), EACCES);
    OK(access("x", W_OK | X_OK));
    OK(chmod("x", 0577));
    FAILS(access("x", W_OK), EACCES);
    OK(chmod("x", 0677));
    FAILS(access("x", X_OK), EACCES);
    OK(chmod("x", 0));
    FAILS(access("x", R_OK), EACCES);
    OK(access("x", F_OK));
}

USER_RULE(access_sees_a_changed_mode_at_once)
{
    file_make("x", "text");
    for (unsigned i = 0; i < 20; i++) {
        OK(chmod("x", 0));
        FAILS(open("x", O_RDONLY), EACCES);
        OK(chmod("x", 0600));
        OK(close(open_ok("x", O_RDONLY)));
    }
}

/* ---- special files -------------------------------------------------------------------------------------------------- */

RULE(mkfifo_makes_a_pipe_with_a_name)
{
    OK(mkfifo("p", 0640));
    EQ(stat_of("p").st_mode, S_IFIFO | 0640);
    int fd = open_ok("p", O_RDWR | O_NONBLOCK);
    OK(write(fd, "text", 4));
    char text[8];
    EQ(OK(read(fd, text, sizeof text)), 4);
}

RULE(mknod_makes_a_regular_file)
{
    OK(mknod("x", S_IFREG | 0640, 0));
    EQ(stat_of("x").st_mode, S_IFREG | 0640);
    EQ(stat_of("x").st_nlink, 1);
    OK(mknod("y", 0600, 0));
    EQ(stat_of("y").st_mode, S_IFREG | 0600);
}

RULE(mknod_of_a_directory_is_EPERM)
{
    FAILS_2(mknod("d", S_IFDIR | 0755, 0), EPERM, EINVAL);
}

ROOT_RULE(mknod_makes_a_device)
{
    OK(mknod("c", S_IFCHR | 0600, makedev(1, 3)));
    EQ(type_of("c"), S_IFCHR);
    EQ(stat_of("c").st_rdev, makedev(1, 3));
}

USER_RULE(mknod_of_a_device_is_EPERM)
{
    FAILS(mknod("c", S_IFCHR | 0600, makedev(1, 3)), EPERM);
    FAILS(mknod("b", S_IFBLK | 0600, makedev(1, 3)), EPERM);
}

RULE(bind_makes_a_socket)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "s" };
    int fd = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    OK(bind(fd, (struct sockaddr *)&at, sizeof at));
    EQ(type_of("s"), S_IFSOCK);
    OK(listen(fd, 1));
    OK(connect((int)OK(socket(AF_UNIX, SOCK_STREAM, 0)), (struct sockaddr *)&at, sizeof at));
}

RULE(bind_over_a_file_is_EADDRINUSE)
{
    file_make("s", "");
    struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "s" };
    int fd = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    FAILS(bind(fd, (struct sockaddr *)&at, sizeof at), EADDRINUSE);
}

/* ---- extended attributes -------------------------------------------------------------------------------------------- */

RULE(getxattr_of_what_is_not_there_is_ENODATA)
{
    char value[8];
    file_make("x", "");
    FAILS_2(getxattr("x", "user.none", value, sizeof value), ENODATA, EOPNOTSUPP);      /* older tmpfs have none */
}

RULE(listxattr_of_a_plain_file_is_empty)
{
    file_make("x", "");
    char names[256];
    ssize_t n = listxattr("x", names, sizeof names);
    if (n < 0)
        FAILS_2(listxattr("x", names, sizeof names), EOPNOTSUPP, ENOSYS);
    else
        EQ(n, 0);
}
