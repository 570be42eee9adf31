/* SPDX-License-Identifier: MIT */
/*
 * upper: copies what it is given to its output, in capitals; each piece as it comes.
 */
#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    char piece[4096];
    ssize_t n;
    while ((n = read(0, piece, sizeof piece)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            piece[i] = (char)toupper((unsigned char)piece[i]);
        if (fwrite(piece, 1, (size_t)n, stdout) < (size_t)n || fflush(stdout) != 0) {
            perror("upper: output");
            return 1;
        }
    }
    if (n == 0)
        return 0;
    perror("upper: input");
    return 1;
}
