/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes paths: bytes become a path over few characters, walked through a small tree with links by the kernel and by a splitter
 * that knows nothing but text: same error, same place, same last name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char alphabet[] = "//..abflmnx";

/* ---- the tree, as text -------------------------------------------------------------------------------------------- */

static const struct {
    const char *path, *target;      /* target: NULL a directory, "" a file, else a link */
} tree[] = {
    { "/a", NULL },  { "/a/b", NULL }, { "/a/f", "" },          { "/b", NULL },          { "/b/a", NULL },
    { "/f", "" },    { "/l", "a/b" },  { "/a/l", "/b" },        { "/a/b/l", "../../m" }, { "/m", "l/" },
    { "/b/m", "m" }, { "/n", "f" },    { "/b/n", "./../a//n" }, { "/x", "nothing/" },
};

static int find(const char *path)
{
    for (unsigned i = 0; i < LEN(tree); i++)
        if (strcmp(tree[i].path, path) == 0)
            return (int)i;
    return -1;
}

static bool is_dir(const char *path)
{
    int i = path[1] == '\0' ? -1 : find(path);
    return path[1] == '\0' || (i >= 0 && tree[i].target == NULL);
}

typedef struct Naive {
    char at[3 * PATH_MAX_LEN];      /* a clean path */
    char last[NAME_MAX_LEN + 1];    /* when the walk stops before it */
    bool slash;
    unsigned links;
} Naive;

static int naive_walk(Naive *n, const char *path, bool parent, bool nofollow)
{
    if (*path == '/')
        strcpy(n->at, "/");
    for (;;) {
        while (*path == '/')
            path++;
        if (*path == '\0')
            return 0;
        char name[NAME_MAX_LEN + 1];
        size_t len = strcspn(path, "/");
        if (len > NAME_MAX_LEN)
            return -ENAMETOOLONG;
        memcpy(name, path, len);
        name[len] = '\0';
        path += len;
        bool last = path[strspn(path, "/")] == '\0';
        if (!is_dir(n->at))
            return -ENOTDIR;
        if (last && parent) {
            strcpy(n->last, name);
            n->slash = *path == '/';
            return 0;
        }
        if (strcmp(name, ".") == 0)
            continue;
        if (strcmp(name, "..") == 0) {
            char *slash = strrchr(n->at, '/');
            slash[slash == n->at] = '\0';
            continue;
        }
        char next[3 * PATH_MAX_LEN + NAME_MAX_LEN + 2];
        snprintf(next, sizeof next, "%s/%s", n->at[1] == '\0' ? "" : n->at, name);
        int i = find(next);
        if (i < 0)
            return -ENOENT;
        const char *target = tree[i].target;
        if (target == NULL || *target == '\0' || (last && *path != '/' && nofollow)) {
            memcpy(n->at, next, sizeof n->at);
            if (last && *path == '/' && target != NULL)
                return -ENOTDIR;
            continue;
        }
        if (++n->links > LINK_MAX_DEPTH)
            return -ELOOP;
        char rest[2 * PATH_MAX_LEN];
        snprintf(rest, sizeof rest, "%s%s", target, path);
        if (*target == '/')
            strcpy(n->at, "/");
        /* What is left goes on from here: a relative one from the directory of the link. */
        return strlen(rest) > PATH_MAX_LEN ? -ENAMETOOLONG : naive_walk(n, rest, parent, nofollow);
    }
}

static int naive(Naive *n, const char *path, bool parent, bool nofollow)
{
    *n = (Naive){ .at = "/" };
    if (*path == '\0')
        return -ENOENT;
    return strlen(path) > PATH_MAX_LEN ? -ENAMETOOLONG : naive_walk(n, path, parent, nofollow);
}

/* ---- compared ----------------------------------------------------------------------------------------------------- */

static void must(bool cond, const char *path, const char *what, int is, int want, const char *at)
{
    if (cond)
        return;
    fprintf(stderr, "%s: %s: %d, should be %d (%s)\n", path, what, is, want, at);
    abort();
}

static void compare_walk(World *w, const char *path, unsigned flags)
{
    static Naive n;
    Chan *ch = NULL;
    int want = naive(&n, path, false, flags != 0), is = names_walk(w, path, flags, &ch);
    must(is == want, path, "walk", is, want, n.at);
    if (is == 0)
        must(strcmp(ch->path->s, n.at) == 0, path, ch->path->s, 0, 0, n.at);
    chan_put(ch);
}

static void compare_parent(World *w, const char *path)
{
    static Naive n;
    Chan *dir = NULL;
    char name[NAME_MAX_LEN + 1] = "";
    bool slash = false;
    int want = naive(&n, path, true, false), is;
    if (want == 0)
        want = n.last[0] == '\0'           ? -EBUSY
               : strcmp(n.last, ".") == 0  ? -EINVAL
               : strcmp(n.last, "..") == 0 ? -ENOTEMPTY
                                           : 0;
    CALL_RUN(w->call, is, walk_parent(w->call, walk_self(w->call), path, 0, &dir, name, &slash));
    must(is == want, path, "parent", is, want, n.at);
    if (is == 0)
        must(strcmp(dir->path->s, n.at) == 0 && strcmp(name, n.last) == 0 && slash == n.slash, path, name, slash,
             n.slash, n.last);
    chan_put(dir);
}

static void compare_names(const char *path)
{
    const char *rest = path;
    char name[NAME_MAX_LEN + 1];
    for (const char *s = path;;) {
        s += strspn(s, "/");
        size_t len = strcspn(s, "/");
        int want = len > NAME_MAX_LEN ? -ENAMETOOLONG : len > 0, is = path_next(&rest, name);
        must(is == want, path, "next", is, want, s);
        if (is <= 0)
            return;
        s += len;
        must(rest == s && strlen(name) == len && memcmp(name, s - len, len) == 0, path, name, 0, 0, s);
        bool dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
        must(name_check(name) == (dots ? -EINVAL : 0), path, name, name_check(name), dots, s);
    }
}

static void begin(World *w)
{
    *w = world("");
    for (unsigned i = 0; i < LEN(tree); i++) {
        if (tree[i].target == NULL)
            OK(names_mkdir(w, tree[i].path));
        else if (tree[i].target[0] == '\0')
            OK(world_write(w, tree[i].path, "x"));
        else
            OK(names_symlink(w, tree[i].target, tree[i].path));
    }
    OK(names_ctl(w, NULL, "bind -x / /a/b/x"));      /* then taken away: the namespace has nodes on the way */
    OK(names_ctl(w, NULL, "unbind /a/b/x"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static World w;
    static char path[2 * PATH_MAX_LEN];
    if (w.k == NULL)
        begin(&w);
    size_t n = 0;
    for (size_t i = 0; i < size && n < sizeof path - 300; i++) {
        unsigned repeat = data[i] >= 250 ? 240 + data[i] - 250 + 12 * (data[i] & 1) : 1;     /* long names, now and then */
        while (repeat-- > 0)
            path[n++] = alphabet[data[i] % (sizeof alphabet - 1)];
    }
    path[n] = '\0';
    compare_names(path);
    compare_walk(&w, path, 0);
    compare_walk(&w, path, WALK_NOFOLLOW);
    compare_parent(&w, path);
    return 0;
}
