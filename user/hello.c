/* SPDX-License-Identifier: MIT */
/*
 * hello [NAME]: greets. GREETING, a variable, is what it says instead of "hello".
 */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    const char *greeting = getenv("GREETING");
    printf("%s, %s\n", greeting != NULL ? greeting : "hello", argc > 1 ? argv[1] : "world");
    if (fflush(stdout) == 0)
        return 0;
    perror("hello");
    return 1;
}
