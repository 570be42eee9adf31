/* SPDX-License-Identifier: MIT */
/*
 * A small shell for sessions inside the namespace, until there is a real one. It reads lines from standard input:
 *
 *     echo TEXT > PATH       or >> PATH; without them to standard output. `print` is the same without a newline
 *     cat PATH               what is there, to standard output
 *     NAME=cat PATH          what is there, without its last newline, into $NAME
 *     try PATH               as cat, but without waiting
 *     ls PATH                names, sorted
 *     mkdir, rm, rmdir, readlink, stat PATH; mv, ln, symlink FROM TO
 *     hold LETTER PATH       opens for reading and keeps it open; `feed` for writing. get LETTER reads once,
 *                            put LETTER TEXT writes a line, bit LETTER TEXT without its newline, drop LETTER closes
 *     seek LETTER N          moves to N
 *     fill PATH N            writes N KiB, to standard output when PATH is -; `eat N` takes as many of memory
 *     sleep MS, exit CODE, trap
 *
 * $NAME is replaced everywhere. An error is one line, `PATH: words`, and the next line goes on. # begins a comment.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX = 65536 };

static char line[MAX], expanded[MAX], content[MAX];
static int held[26];

static void complain(const char *path)
{
    printf("%s: %s\n", path, strerror(errno));
}

static void check(int r, const char *path)
{
    if (r < 0)
        complain(path);
}

/* line with every $NAME replaced, into expanded. */
static void expand(void)
{
    char *to = expanded;
    for (const char *s = line; *s != '\0';) {
        size_t n = *s == '$' ? strspn(s + 1, "abcdefghijklmnopqrstuvwxyz") : 0;
        if (n == 0) {
            *to++ = *s++;
            continue;
        }
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)n, s + 1);
        const char *value = getenv(name);
        to = stpcpy(to, value != NULL ? value : "");
        s += n + 1;
    }
    *to = '\0';
}

static ssize_t read_file(const char *path, int flags)
{
    int fd = open(path, O_RDONLY | flags);
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

static void show(const char *path, int flags)
{
    ssize_t n = read_file(path, flags);
    if (n < 0)
        complain(path);
    else
        fwrite(content, 1, (size_t)n, stdout);
}

static void cat(char *path)
{
    show(path, 0);
}

static void try(char *path)
{
    show(path, O_NONBLOCK);
}

static void assign(const char *name, const char *path)
{
    ssize_t n = read_file(path, 0);
    if (n < 0) {
        complain(path);
        return;
    }
    if (n > 0 && content[n - 1] == '\n')
        content[n - 1] = '\0';
    setenv(name, content, 1);
}

static void put_text(char *text, const char *end)
{
    char *to = strstr(text, " > "), *more = strstr(text, " >> ");
    char *cut = more != NULL ? more : to;
    if (cut == NULL) {
        printf("%s%s", text, end);
        return;
    }
    *cut = '\0';
    const char *path = cut + (more != NULL ? 4 : 3);
    int fd = open(path, O_WRONLY | O_CREAT | (more != NULL ? O_APPEND : O_TRUNC), 0644);
    if (fd < 0) {
        complain(path);
        return;
    }
    strcat(text, end);
    if (write(fd, text, strlen(text)) < 0) {
        complain(path);
        close(fd);
    } else {
        check(close(fd), path);
    }
}

static void echo(char *text)
{
    put_text(text, "\n");
}

static void print(char *text)
{
    put_text(text, "");
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void ls(char *path)
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

/* ---- names ----------------------------------------------------------------------------------------------------------- */

static void make_dir(char *path)
{
    check(mkdir(path, 0755), path);
}

static void rm(char *path)
{
    check(unlink(path), path);
}

static void remove_dir(char *path)
{
    check(rmdir(path), path);
}

static void read_link(char *path)
{
    ssize_t n = readlink(path, content, MAX - 1);
    if (n < 0)
        complain(path);
    else
        printf("%.*s\n", (int)n, content);
}

static void print_stat(char *path)
{
    struct stat s;
    if (lstat(path, &s) < 0)
        complain(path);
    else
        printf("%s %lld\n",
               S_ISDIR(s.st_mode)   ? "dir"
               : S_ISREG(s.st_mode) ? "file"
               : S_ISLNK(s.st_mode) ? "link"
               : S_ISCHR(s.st_mode) ? "char"
                                    : "other",
               (long long)s.st_size);
}

static void with_two(char *words, int (*fn)(const char *from, const char *to))
{
    char *to = strchr(words, ' ');
    if (to == NULL)
        return;
    *to++ = '\0';
    check(fn(words, to), to);
}

static void mv(char *words)
{
    with_two(words, rename);
}

static void hard_link(char *words)
{
    with_two(words, link);
}

static void soft_link(char *words)
{
    with_two(words, symlink);
}

/* ---- kept open ------------------------------------------------------------------------------------------------------- */

static void keep(char *words, int flags)
{
    int fd = open(words + 2, flags);
    held[words[0] - 'a'] = fd;
    check(fd, words + 2);
}

static void hold(char *words)
{
    keep(words, O_RDONLY);
}

static void feed(char *words)
{
    keep(words, O_WRONLY);
}

static void get(char *words)
{
    ssize_t n = read(held[words[0] - 'a'], content, MAX - 1);
    if (n < 0)
        complain(words);
    else
        printf("%.*s", (int)n, content);
}

static void bit(char *words)
{
    words[1] = '\0';
    check((int)write(held[words[0] - 'a'], words + 2, strlen(words + 2)), words);
}

static void put(char *words)
{
    strcat(words, "\n");
    bit(words);
}

static void seek(char *words)
{
    words[1] = '\0';
    check(lseek(held[words[0] - 'a'], atoi(words + 2), SEEK_SET) < 0 ? -1 : 0, words);
}

static void drop(char *words)
{
    check(close(held[words[0] - 'a']), words);
}

/* ---- what a task uses ------------------------------------------------------------------------------------------------ */

static void fill(char *words)
{
    static char block[1024];
    char *n = strchr(words, ' ');
    if (n == NULL)
        return;
    *n++ = '\0';
    memset(block, 'x', sizeof block);
    int fd = strcmp(words, "-") == 0 ? 1 : open(words, O_WRONLY | O_CREAT | O_APPEND, 0644);
    check(fd, words);
    for (int i = atoi(n); fd >= 0 && i > 0; i--)
        if (write(fd, block, sizeof block) < 0) {
            complain(words);
            break;
        }
    if (fd > 2)
        close(fd);
}

static void eat(char *n)
{
    size_t size = (size_t)atoi(n) * 1024;
    char *volatile p = malloc(size);
    puts(p != NULL ? "eaten" : "no memory");
    if (p != NULL)
        memset(p, 1, size);
}

static void do_sleep(char *ms)
{
    int n = atoi(ms);
    struct timespec t = { .tv_sec = n / 1000, .tv_nsec = n % 1000 * 1000000L };
    check(nanosleep(&t, NULL), "sleep");
}

static void do_exit(char *code)
{
    fflush(stdout);
    exit(atoi(code));
}

static void trap(char *rest)
{
    (void)rest;
    __builtin_trap();
}

static const struct {
    const char *name;
    void (*run)(char *rest);
} words[] = {
    { "echo", echo },
    { "print", print },
    { "cat", cat },
    { "try", try },
    { "ls", ls },
    { "mkdir", make_dir },
    { "rm", rm },
    { "rmdir", remove_dir },
    { "mv", mv },
    { "ln", hard_link },
    { "symlink", soft_link },
    { "stat", print_stat },
    { "readlink", read_link },
    { "hold", hold },
    { "feed", feed },
    { "get", get },
    { "put", put },
    { "bit", bit },
    { "seek", seek },
    { "drop", drop },
    { "fill", fill },
    { "eat", eat },
    { "sleep", do_sleep },
    { "exit", do_exit },
    { "trap", trap },
};

static void run(char *s)
{
    char *eq = strstr(s, "=cat ");
    size_t n = strcspn(s, " =");
    if (*s == '\0' || *s == '#')
        return;
    if (eq != NULL && eq == s + n) {
        *eq = '\0';
        assign(s, eq + 5);
        return;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i].name) == n && memcmp(words[i].name, s, n) == 0) {
            words[i].run(s + n + (s[n] == ' '));
            return;
        }
    printf("%s: no such word\n", s);
}

/* A signal that is unread interrupts the read, which is made again. */
static bool next_line(void)
{
    while (fgets(line, sizeof line, stdin) == NULL) {
        if (!ferror(stdin) || errno != EINTR)
            return false;
        clearerr(stdin);
    }
    return true;
}

int main(void)
{
    while (next_line()) {
        line[strcspn(line, "\n")] = '\0';
        expand();
        run(expanded);
        fflush(stdout);
    }
    return 0;
}
