/* SPDX-License-Identifier: MIT */
/*
 * tally FILE [TIMES]: adds one to the number in FILE, so many times. Others may do the same at the same time: each
 * addition holds a lock, which is asked for at the control file of one's own descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int complain(const char *what)
{
    fprintf(stderr, "tally: %s: %s\n", what, strerror(errno));
    return -1;
}

static int ask(int ctl, const char *line)
{
    return write(ctl, line, strlen(line)) < 0 ? complain(line) : 0;
}

static int add_one(int fd)
{
    char text[32];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    if (n < 0)
        return complain("read");
    text[n] = '\0';
    int length = snprintf(text, sizeof text, "%ld\n", atol(text) + 1);
    return pwrite(fd, text, (size_t)length, 0) == length ? 0 : complain("write");
}

int main(int argc, char **argv)
{
    char path[64];
    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: tally FILE [TIMES]\n");
        return 2;
    }
    int fd = open(argv[1], O_RDWR | O_CREAT, 0666);
    if (fd < 0)
        return complain(argv[1]), 1;
    snprintf(path, sizeof path, "/task/self/fd/%d/ctl", fd);
    int ctl = open(path, O_WRONLY);
    if (ctl < 0)
        return complain(path), 1;
    for (long times = argc == 3 ? atol(argv[2]) : 1; times > 0; times--)
        if (ask(ctl, "lock w\n") < 0 || add_one(fd) < 0 || ask(ctl, "lock u\n") < 0)
            return 1;
    return 0;
}
