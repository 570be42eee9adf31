/* SPDX-License-Identifier: MIT */
/*
 * env: its variables, a line each.
 */
#include <stdio.h>

extern char **environ;

int main(void)
{
    for (char **v = environ; v != NULL && *v != NULL; v++)
        puts(*v);
    if (fflush(stdout) == 0)
        return 0;
    perror("env");
    return 1;
}
