/* SPDX-License-Identifier: MIT */
/*
 * The program that the process-model document takes for granted.
 *     myapp ARG...            says what it was given, then waits for /mnt/go, and exits with 3
 *     myapp await A B         waits for A, then makes B
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void await(const char *path)
{
    struct stat st;
    while (stat(path, &st) < 0)
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
}

static const char *look(const char *path)
{
    struct stat st;
    return stat(path, &st) < 0 ? strerror(errno) : "there";
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL ? value : "unset";
}

static int wait_and_make(const char *a, const char *b)
{
    await(a);
    int fd = open(b, O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (fd < 0)
        return perror(b), 1;
    close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "await") == 0)
        return wait_and_make(argv[2], argv[3]);
    for (int i = 1; i < argc; i++)
        printf("argument %s\n", argv[i]);
    printf("PATH %s\nHOME %s\nPWD %s\nINHERITED %s\n", variable("PATH"), variable("HOME"), variable("PWD"),
           variable("INHERITED"));
    printf("/sensitive: %s\n/mnt/mine: %s\n", look("/sensitive"), look("/mnt/mine"));
    fprintf(stderr, "to standard error\n");
    if (fflush(stdout) != 0)
        return 1;
    await("/mnt/go");
    return 3;
}
