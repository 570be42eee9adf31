/* SPDX-License-Identifier: MIT */
/*
 * spawn PROGRAM [ARG...]: runs a program as a child, and ends as it does. What a shell does, any program can do: the child
 * is a directory, too. It can name what its parent can name, no more.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void die(const char *what)
{
    fprintf(stderr, "spawn: %s: %s\n", what, strerror(errno));
    exit(127);
}

static char *get(const char *path, char *text, size_t room)
{
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, room - 1);
    if (n < 0)
        die(path);
    text[n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    close(fd);
    return text;
}

static void put(const char *path, const char *text, size_t n)
{
    int fd = open(path, O_WRONLY);
    if (fd < 0 || write(fd, text, n) != (ssize_t)n)
        die(path);
    close(fd);
}

/* Arguments, each ended by a NUL: what they hold needs no quoting. */
static void put_arguments(const char *path, char **argv)
{
    int fd = open(path, O_WRONLY | O_APPEND);
    for (; fd >= 0 && *argv != NULL; argv++)
        if (write(fd, *argv, strlen(*argv) + 1) < 0)
            break;
    if (fd < 0 || *argv != NULL)
        die(path);
    close(fd);
}

int main(int argc, char **argv)
{
    char id[32], path[64], code[32];
    if (argc < 2) {
        fprintf(stderr, "usage: spawn PROGRAM [ARG...]\n");
        return 2;
    }
    get("/task/new", id, sizeof id);
    snprintf(path, sizeof path, "/task/%s/cmdline", id);
    put_arguments(path, argv + 1);
    snprintf(path, sizeof path, "/task/%s/ctl", id);
    put(path, "start\n", 6);
    snprintf(path, sizeof path, "/task/%s/wait", id);
    return atoi(get(path, code, sizeof code));
}
