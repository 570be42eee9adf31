/* SPDX-License-Identifier: MIT */
/*
 * Linux tells a file system of each close(2) of a descriptor, while the process that closes it waits; not whether it was the last one
 * of an open file. What that process and its parent have open is in /proc: there a shell is seen that goes on with a descriptor of
 * which a command had a copy. Only text is read there; nothing of it leads into the mount.
 */
#include "door/fuse_holder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The number behind key in a text of lines "key:\tNUMBER". */
static bool number_of(const char *text, const char *key, uint64_t *out)
{
    size_t n = strlen(key);
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, n) == 0 && line[n] == ':') {
            *out = strtoull(line + n + 1, NULL, 10);
            return true;
        }
    }
    return false;
}

static bool read_text(int dir, const char *name, char *buf, size_t room)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, room - 1);
    if (fd >= 0)
        close(fd);
    buf[n < 0 ? 0 : n] = '\0';
    return n > 0;
}

static bool holds(pid_t pid, uint64_t ino, uint64_t pos)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%ld/fdinfo", (long)pid);
    DIR *d = opendir(path);
    bool found = false;
    for (struct dirent *e; d != NULL && !found && (e = readdir(d)) != NULL;) {
        uint64_t i, p;
        found = e->d_name[0] != '.' && read_text(dirfd(d), e->d_name, text, sizeof text) &&
                number_of(text, "ino", &i) && i == ino && number_of(text, "pos", &p) && p == pos;
    }
    if (d != NULL)
        closedir(d);
    return found;
}

/* 0: unknown. */
static pid_t parent_of(pid_t pid)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    const char *end = read_text(AT_FDCWD, path, text, sizeof text) ? strrchr(text, ')') : NULL;
    long parent = 0;
    return end != NULL && sscanf(end + 1, " %*c %ld", &parent) == 1 ? (pid_t)parent : 0;
}

bool holder_left(pid_t pid, uint64_t ino, uint64_t pos)
{
    if (pid <= 0)
        return false;
    if (holds(pid, ino, pos))
        return true;
    pid_t parent = parent_of(pid);
    return parent > 0 && holds(parent, ino, pos);
}
