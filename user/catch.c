/* SPDX-License-Identifier: MIT */
/*
 * catch: reads the signals that are sent to it, and says which; TERM ends it, once it has said so.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
    char line[64];
    ssize_t n;
    int fd = open("/task/self/signal", O_RDONLY);
    if (fd < 0)
        return perror("catch: /task/self/signal"), 1;
    puts("ready");
    while (fflush(stdout) == 0 && (n = read(fd, line, sizeof line - 1)) > 0) {
        line[n] = '\0';
        printf("caught %s", line);
        if (strstr(line, "TERM") != NULL)
            return fflush(stdout) == 0 ? 0 : 1;
    }
    return perror("catch"), 1;
}
