/* SPDX-License-Identifier: MIT */
/*
 * spin [SECONDS]: keeps a processor busy, for so long or until somebody ends it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : -1;
    struct timespec begin, now;
    if (argc > 2 || clock_gettime(CLOCK_MONOTONIC, &begin) < 0) {
        fprintf(stderr, "usage: spin [SECONDS]\n");
        return 2;
    }
    do {
        for (volatile int i = 0; i < 1000000; i++)
            ;
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (seconds < 0 ||
             (double)(now.tv_sec - begin.tv_sec) + (double)(now.tv_nsec - begin.tv_nsec) / 1e9 < seconds);
    return 0;
}
