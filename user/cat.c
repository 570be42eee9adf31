/* SPDX-License-Identifier: MIT */
/*
 * cat [FILE...]: copies files, or what it is given, to its output, as soon as something comes. "-" is what it is given.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int complain(const char *what)
{
    fprintf(stderr, "cat: %s: %s\n", what, strerror(errno));
    return 1;
}

static int write_all(const char *s, size_t n)
{
    while (n > 0) {
        ssize_t w = write(1, s, n);
        if (w < 0)
            return -1;
        s += w;
        n -= (size_t)w;
    }
    return 0;
}

static int copy(int fd, const char *name)
{
    static char block[65536];
    for (;;) {
        ssize_t n = read(fd, block, sizeof block);
        if (n == 0)
            return 0;
        if (n < 0 || write_all(block, (size_t)n) < 0)
            return complain(n < 0 ? name : "output");
    }
}

static int cat(const char *name)
{
    if (strcmp(name, "-") == 0)
        return copy(0, "input");
    int fd = open(name, O_RDONLY);
    if (fd < 0)
        return complain(name);
    int code = copy(fd, name);
    close(fd);
    return code;
}

int main(int argc, char **argv)
{
    int code = argc > 1 ? 0 : cat("-");
    for (int i = 1; i < argc; i++)
        code |= cat(argv[i]);
    return code;
}
