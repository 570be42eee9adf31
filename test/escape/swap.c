/* SPDX-License-Identifier: MIT */
/*
 * The host's part of test/escape.sh: in the directory above the granted one, `granted/swap` is a directory and then a link to `..`, and
 * `granted/deep/moved` is there and then in `outside`, again and again, until standard input ends.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static int must(int r, const char *what)
{
    if (r < 0)
        perror(what);
    return r;
}

int main(int argc, char **argv)
{
    struct pollfd end = { .fd = 0, .events = POLLIN };
    unsigned rounds = 0;
    if (argc != 2 || must(chdir(argv[1]), argv[1]) < 0)
        return 1;
    while (poll(&end, 1, 0) == 0) {
        if (must(renameat2(AT_FDCWD, "granted/swap", AT_FDCWD, "granted/link", RENAME_EXCHANGE), "exchange") < 0 ||
            must(rename("granted/deep/moved", "outside/moved"), "out") < 0 ||
            must(rename("outside/moved", "granted/deep/moved"), "back") < 0)
            return 1;
        rounds++;
    }
    if (rounds % 2 != 0)
        must(renameat2(AT_FDCWD, "granted/swap", AT_FDCWD, "granted/link", RENAME_EXCHANGE), "exchange");
    return rounds < 10;
}
