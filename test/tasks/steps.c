/* SPDX-License-Identifier: MIT */
/*
 * A shell of five words for sessions inside the namespace, until there is a real one. It reads lines from standard input:
 *
 *     echo TEXT > PATH       or >> PATH; without them to standard output
 *     cat PATH               what is there, to standard output
 *     NAME=cat PATH          what is there, without its last newline, into $NAME
 *     ls PATH                names, sorted
 *     mkdir PATH, rm PATH, rmdir PATH
 *
 * $NAME is replaced everywhere. An error is one line, `PATH: words`, and the next line goes on. # begins a comment.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX = 65536 };

static char line[MAX], expanded[MAX], content[MAX];

static void complain(const char *path)
{
    printf("%s: %s\n", path, strerror(errno));
}

/* line with every $NAME replaced, into expanded. */
static void expand(void)
{
    char *to = expanded;
    for (const char *s = line; *s != '\0';) {
        if (*s != '$') {
            *to++ = *s++;
            continue;
        }
        size_t n = strspn(++s, "abcdefghijklmnopqrstuvwxyz");
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)n, s);
        const char *value = getenv(name);
        to = stpcpy(to, value != NULL ? value : "");
        s += n;
    }
    *to = '\0';
}

static ssize_t read_file(const char *path)
{
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return -1;
    ssize_t n = 0, r;
    while ((r = read(fd, content + n, (size_t)(MAX - 1 - n))) > 0)
        n += r;
    int error = errno;
    close(fd);
    errno = error;
    content[n] = '\0';
    return r < 0 && n == 0 ? -1 : n;
}

static void cat(const char *path)
{
    ssize_t n = read_file(path);
    if (n < 0)
        complain(path);
    else
        fwrite(content, 1, (size_t)n, stdout);
}

static void assign(const char *name, const char *path)
{
    ssize_t n = read_file(path);
    if (n < 0) {
        complain(path);
        return;
    }
    if (n > 0 && content[n - 1] == '\n')
        content[n - 1] = '\0';
    setenv(name, content, 1);
}

static void echo(char *text)
{
    char *to = strstr(text, " > "), *more = strstr(text, " >> ");
    char *cut = more != NULL ? more : to;
    if (cut == NULL) {
        puts(text);
        return;
    }
    *cut = '\0';
    const char *path = cut + (more != NULL ? 4 : 3);
    int fd = open(path, O_WRONLY | O_CREAT | (more != NULL ? O_APPEND : O_TRUNC), 0644);
    if (fd < 0) {
        complain(path);
        return;
    }
    strcat(text, "\n");
    if (write(fd, text, strlen(text)) < 0)
        complain(path);
    close(fd);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void ls(const char *path)
{
    static char *names[1024];
    int n = 0;
    DIR *d = opendir(path);
    if (d == NULL) {
        complain(path);
        return;
    }
    for (struct dirent *e; (e = readdir(d)) != NULL && n < 1024;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            names[n++] = strdup(e->d_name);
    closedir(d);
    qsort(names, (size_t)n, sizeof *names, by_name);
    for (int i = 0; i < n; i++) {
        printf("%s%s", names[i], i + 1 < n ? " " : "\n");
        free(names[i]);
    }
}

static void run(char *s)
{
    char *eq = strstr(s, "=cat ");
    if (*s == '\0' || *s == '#')
        return;
    if (strncmp(s, "echo ", 5) == 0) {
        echo(s + 5);
    } else if (strncmp(s, "cat ", 4) == 0) {
        cat(s + 4);
    } else if (strncmp(s, "ls ", 3) == 0) {
        ls(s + 3);
    } else if (strncmp(s, "mkdir ", 6) == 0) {
        if (mkdir(s + 6, 0755) != 0)
            complain(s + 6);
    } else if (strncmp(s, "rm ", 3) == 0) {
        if (unlink(s + 3) != 0)
            complain(s + 3);
    } else if (strncmp(s, "rmdir ", 6) == 0) {
        if (rmdir(s + 6) != 0)
            complain(s + 6);
    } else if (eq != NULL) {
        *eq = '\0';
        assign(s, eq + 5);
    } else {
        printf("%s: no such word\n", s);
    }
}

int main(void)
{
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        expand();
        run(expanded);
        fflush(stdout);
    }
    return 0;
}
