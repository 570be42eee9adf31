/* SPDX-License-Identifier: MIT */
/* lines FILE: a task that appends five lines to FILE, with a little time between them, each seen at once by who reads it. */
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    for (int i = 1; argc > 1 && i <= 5; i++) {
        FILE *f = fopen(argv[1], "a");
        if (f == NULL)
            return 1;
        fprintf(f, "line %d\n", i);
        if (fclose(f) != 0)
            return 1;
        usleep(50000);
    }
    return 0;
}
