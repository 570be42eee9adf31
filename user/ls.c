/* SPDX-License-Identifier: MIT */
/*
 * ls [-l] [PATH...]: the names in a directory, a line each, sorted; -l puts type and size before them.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct List {
    char **names;
    size_t n, room;
} List;

static int complain(const char *path)
{
    fprintf(stderr, "ls: %s: %s\n", path, strerror(errno));
    return 1;
}

static int list_add(List *l, const char *name)
{
    if (l->n == l->room) {
        size_t room = l->room * 2 + 16;
        char **names = realloc(l->names, room * sizeof *names);
        if (names == NULL)
            return -1;
        l->names = names;
        l->room = room;
    }
    l->names[l->n] = strdup(name);
    return l->names[l->n++] != NULL ? 0 : -1;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int show(const char *path, const char *name, int details)
{
    struct stat st;
    if (details) {
        if (lstat(path, &st) < 0)
            return complain(path);
        int type = S_ISDIR(st.st_mode) ? 'd' : S_ISLNK(st.st_mode) ? 'l' : S_ISCHR(st.st_mode) ? 'c' : '-';
        printf("%c %8lld ", type, (long long)st.st_size);
    }
    puts(name);
    return 0;
}

static int show_all(const char *dir, const List *l, int details)
{
    int code = 0;
    for (size_t i = 0; i < l->n; i++) {
        char path[4096];
        if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, l->names[i]) >= sizeof path) {
            errno = ENAMETOOLONG;
            code |= complain(l->names[i]);
        } else {
            code |= show(path, l->names[i], details);
        }
    }
    return code;
}

static int ls(const char *path, int details)
{
    List l = { 0 };
    struct dirent *e;
    DIR *d = opendir(path);
    if (d == NULL)
        return errno == ENOTDIR ? show(path, path, details) : complain(path);
    int failed = 0;
    for (errno = 0; !failed && (e = readdir(d)) != NULL; errno = 0)
        if (e->d_name[0] != '.')
            failed = list_add(&l, e->d_name);
    int code = errno != 0 ? complain(path) : 0;
    closedir(d);
    if (l.n > 0)
        qsort(l.names, l.n, sizeof *l.names, by_name);
    code |= show_all(path, &l, details);
    while (l.n > 0)
        free(l.names[--l.n]);
    free(l.names);
    return code;
}

int main(int argc, char **argv)
{
    int first = 1, details = argc > 1 && strcmp(argv[1], "-l") == 0, code = 0;
    first += details;
    if (first == argc)
        code = ls(".", details);
    for (int i = first; i < argc; i++)
        code |= ls(argv[i], details);
    return fflush(stdout) == 0 ? code : complain("output");
}
