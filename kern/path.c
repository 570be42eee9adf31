/* SPDX-License-Identifier: MIT */
/*
 * Absolute paths as text, and the splitting of paths into names. Nothing here looks at a file.
 */
#include "kern/path.h"

#include <string.h>

#include "kern/count.h"

Path *path_new(const char *s, size_t len)
{
    Path *p = mem_alloc(sizeof *p + len + 1);
    if (p == NULL)
        return NULL;
    ref_init(&p->ref);
    p->len = (uint32_t)len;
    memcpy(p->s, s, len);
    count_add(OBJ_PATH, p);
    return p;
}

Path *path_join(const Path *dir, const char *name)
{
    size_t n = strlen(name);
    size_t base = dir->len == 1 ? 0 : dir->len;     /* "/" + "a" is "/a" */
    Path *p = mem_alloc(sizeof *p + base + 1 + n + 1);
    if (p == NULL)
        return NULL;
    ref_init(&p->ref);
    memcpy(p->s, dir->s, base);
    p->s[base] = '/';
    memcpy(p->s + base + 1, name, n);
    p->len = (uint32_t)(base + 1 + n);
    count_add(OBJ_PATH, p);
    return p;
}

void path_put(Path *p)
{
    if (p == NULL || !ref_put_alone(&p->ref))
        return;
    count_sub(OBJ_PATH, p);
    mem_free(p);
}

bool path_below(const char *p, const char *dir)
{
    size_t n = strlen(dir);
    if (n == 1)
        return true;
    return strncmp(p, dir, n) == 0 && (p[n] == '\0' || p[n] == '/');
}

int path_next_len(const char **rest, char *name)
{
    const char *s = *rest;
    while (*s == '/')
        s++;
    size_t n = 0;
    while (s[n] != '\0' && s[n] != '/')
        n++;
    if (n > NAME_MAX_LEN)
        return -ENAMETOOLONG;
    memcpy(name, s, n);
    name[n] = '\0';
    *rest = s + n;
    return (int)n;
}

int path_next(const char **rest, char *name)
{
    int n = path_next_len(rest, name);
    return n > 0 ? 1 : n;
}

int name_check(const char *name)
{
    size_t n = strlen(name);
    if (n == 0)
        return -ENOENT;
    if (n > NAME_MAX_LEN)
        return -ENAMETOOLONG;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || memchr(name, '/', n) != NULL)
        return -EINVAL;
    return 0;
}
