/* SPDX-License-Identifier: MIT */
/*
 * What the sessions of test/run.sh run: tool WORD ARG... does one small thing.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fail(const char *what)
{
    fprintf(stderr, "tool: %s: %s\n", what, strerror(errno));
    return 1;
}

static int copy(FILE *from)
{
    static char buf[65536];
    size_t n;
    while ((n = fread(buf, 1, sizeof buf, from)) > 0)
        if (fwrite(buf, 1, n, stdout) != n)
            return fail("output");
    return ferror(from) ? fail("input") : 0;
}

static int cat(char **argv)
{
    FILE *f = fopen(argv[0], "r");
    return f == NULL ? fail(argv[0]) : copy(f);
}

static int write_file(char **argv)
{
    FILE *f = fopen(argv[0], "w");
    if (f == NULL || fputs(argv[1], f) < 0 || fclose(f) != 0)
        return fail(argv[0]);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int ls(char **argv)
{
    char *names[64];
    size_t n = 0;
    DIR *d = opendir(argv[0]);
    if (d == NULL)
        return fail(argv[0]);
    for (struct dirent *e = readdir(d); e != NULL && n < 64; e = readdir(d))
        if (e->d_name[0] != '.')
            names[n++] = strdup(e->d_name);
    qsort(names, n, sizeof names[0], by_name);
    for (size_t i = 0; i < n; i++)
        printf("%s%s", i == 0 ? "" : " ", names[i]);
    puts("");
    return 0;
}

static int args(char **argv)
{
    for (size_t i = 0; argv[i] != NULL; i++)
        printf("%s[%s]", i == 0 ? "" : " ", argv[i]);
    puts("");
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}

static int env(char **argv)
{
    const char *value = getenv(argv[0]);
    puts(value != NULL ? value : "unset");
    return 0;
}

static int grep(char **argv)
{
    char line[256];
    FILE *f = fopen(argv[1], "r");
    if (f == NULL)
        return fail(argv[1]);
    while (fgets(line, sizeof line, f) != NULL)
        if (strstr(line, argv[0]) != NULL)
            fputs(line, stdout);
    return 0;
}

static int alloc(char **argv)
{
    (void)argv;
    size_t n = 0;
    for (char *volatile p; n < 64 && (p = malloc(1 << 20)) != NULL; n++)
        p[0] = 1;
    puts(n < 64 ? "limited" : "not limited");
    return 0;
}

static void say_running(void)
{
    puts("running");
    fflush(stdout);
}

static int spin(char **argv)
{
    say_running();
    volatile unsigned n = 0;
    while (argv != NULL || n > 0)
        n++;
    return 0;
}

static int sleep_for(char **argv)
{
    say_running();
    sleep((unsigned)atoi(argv[0]));
    return 0;
}

static int yes(char **argv)
{
    while (puts("y") >= 0 && fflush(stdout) == 0 && argv != NULL)
        ;
    return 0;
}

static int exit_with(char **argv)
{
    return atoi(argv[0]);
}

static int copy_input(char **argv)
{
    return copy(argv != NULL ? stdin : NULL);
}

static int trap(char **argv)
{
    (void)argv;
    __builtin_trap();
}

/* take N: N bytes of the input, then the position, and one byte is passed over. */
static int take(char **argv)
{
    char bytes[64];
    ssize_t n = read(0, bytes, (size_t)atoi(argv[0]));
    printf("%.*s@%d\n", n > 0 ? (int)n : 0, bytes, (int)lseek(0, 0, SEEK_CUR));
    return lseek(0, 1, SEEK_CUR) < 0;
}

static const struct {
    const char *name;
    int (*run)(char **argv);
} words[] = {
    { "take", take }, { "cat", cat },        { "write", write_file }, { "ls", ls },     { "args", args },
    { "env", env },   { "grep", grep },      { "alloc", alloc },      { "spin", spin }, { "sleep", sleep_for },
    { "yes", yes },   { "exit", exit_with }, { "copy", copy_input },  { "trap", trap },
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof words / sizeof words[0]; i++)
        if (strcmp(argv[1], words[i].name) == 0)
            return words[i].run(argv + 2);
    return 99;
}
