/* SPDX-License-Identifier: MIT */
/*
 * eat [MIB]: takes memory and uses it, until it has so much or is refused more; says how much it got. 1 when refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1 << 20 };

int main(int argc, char **argv)
{
    long wanted = argc > 1 ? atol(argv[1]) : 4096, got = 0;
    while (got < wanted) {
        char *volatile piece = malloc(PIECE);       /* volatile: else the compiler sees that nobody needs it */
        if (piece == NULL)
            break;
        memset(piece, 1, PIECE);
        got++;
    }
    printf(got < wanted ? "refused after %ld MiB\n" : "%ld MiB\n", got);
    if (fflush(stdout) == 0)
        return got < wanted;
    perror("eat");
    return 1;
}
