/* SPDX-License-Identifier: MIT */
/*
 * count [LAST [MILLISECONDS]]: a number a line, one a second (or as often as told), up to LAST, or until somebody ends
 * it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
    long last = argc > 1 ? atol(argv[1]) : 0, pause = argc > 2 ? atol(argv[2]) : 1000;
    if (argc > 3 || last < 0 || pause < 0) {
        fprintf(stderr, "usage: count [LAST [MILLISECONDS]]\n");
        return 2;
    }
    for (long n = 1; last == 0 || n <= last; n++) {
        printf("%ld\n", n);
        if (fflush(stdout) != 0) {
            perror("count");
            return 1;
        }
        if (n != last)
            nanosleep(&(struct timespec){ pause / 1000, pause % 1000 * 1000000 }, NULL);
    }
    return 0;
}
