/* SPDX-License-Identifier: MIT */
/*
 * Looks before libfuse mounts, so that what is wrong has words that say what to do.
 */
#define _GNU_SOURCE
#include "door/fuse_mount.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const char device[] = "/dev/fuse";
static const char helper[] = "fusermount3";

static int no_directory(const char *dir, int error, char *words, size_t room)
{
    if (error == ENOTCONN || error == ECONNABORTED) {
        snprintf(words, room, "%s: what was mounted there has ended; `%s -u %s` unmounts it", dir, helper, dir);
        return -EBUSY;
    }
    if (error == ENOENT)
        snprintf(words, room, "%s: there is no such directory; `mkdir -p %s` makes it", dir, dir);
    else
        snprintf(words, room, "%s: %s", dir, strerror(error));
    return -error;
}

static bool is_empty(const char *dir)
{
    DIR *d = opendir(dir);
    bool empty = true;
    struct dirent *e;
    while (d != NULL && empty && (e = readdir(d)) != NULL)
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    if (d != NULL)
        closedir(d);
    return empty;
}

int mount_point(const char *dir, bool nonempty, char **out, char *words, size_t room)
{
    struct stat st;
    char *real = realpath(dir, NULL);
    if (real == NULL)
        return no_directory(dir, errno, words, room);
    int r = stat(real, &st) < 0 ? no_directory(dir, errno, words, room) : 0;
    if (r == 0 && !S_ISDIR(st.st_mode)) {
        snprintf(words, room, "%s: not a directory", dir);
        r = -ENOTDIR;
    }
    if (r == 0 && !nonempty && !is_empty(real)) {
        snprintf(words, room, "%s: not empty; what is in it would not be seen while it is mounted over", dir);
        r = -ENOTEMPTY;
    }
    if (r < 0)
        free(real);
    else
        *out = real;
    return r;
}

void mount_free(char *dir)
{
    free(dir);
}

/* As libfuse looks for it: where Debian has it, else in PATH. */
static bool have_helper(void)
{
    if (access("/usr/bin/fusermount3", X_OK) == 0 || access("/bin/fusermount3", X_OK) == 0)
        return true;
    const char *path = getenv("PATH");
    while (path != NULL && *path != '\0') {
        size_t n = strcspn(path, ":");
        char file[4096];
        int len = snprintf(file, sizeof file, "%.*s/%s", (int)n, path, helper);
        if (len > 0 && (size_t)len < sizeof file && access(file, X_OK) == 0)
            return true;
        path += n + (path[n] == ':');
    }
    return false;
}

int mount_allowed(char *words, size_t room)
{
    int fd = open(device, O_RDWR | O_CLOEXEC);
    int error = errno;
    if (fd >= 0)
        close(fd);
    else if (error == ENOENT || error == ENODEV || error == ENXIO)
        snprintf(words, room, "%s is not there; `modprobe fuse` as root loads it, and a container must be given it",
                 device);
    else if (error == EACCES || error == EPERM)
        snprintf(words, room, "%s may not be opened; as root, `chmod 666 %s` allows it to all users", device, device);
    else
        snprintf(words, room, "%s: %s", device, strerror(error));
    if (fd < 0)
        return error == ENOENT || error == ENXIO ? -ENODEV : -error;
    if (geteuid() != 0 && !have_helper()) {
        snprintf(words, room, "%s is not installed, without which only root can mount (Debian's package fuse3 has it)",
                 helper);
        return -ENOENT;
    }
    return 0;
}

int mount_covered(const char *dir)
{
    int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

void mount_covered_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

uint64_t mount_device(const char *dir)
{
    struct statx st;
    if (statx(AT_FDCWD, dir, AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0)
        return 0;
    return makedev(st.stx_dev_major, st.stx_dev_minor);
}

bool mount_cut(int fd)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    close(ends[0]);
    int r = dup3(ends[1], fd, O_CLOEXEC);
    close(ends[1]);
    return r >= 0;
}
