/* SPDX-License-Identifier: MIT */
/*
 * Directories, names and links: dirs DIR works in DIR, which is empty.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static void touch(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    CHECK(fd >= 0);
    close(fd);
}

static int entries(const char *path)
{
    DIR *d = opendir(path);
    int n = 0;
    if (d == NULL)
        return -1;
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

static void making(void)
{
    struct stat st;
    CHECK(mkdir("d", 0755) == 0 && mkdir("d/e/", 0755) == 0);
    FAILS(EEXIST, mkdir("d", 0755));
    FAILS(ENOENT, mkdir("none/x", 0755));
    CHECK(stat("d", &st) == 0 && S_ISDIR(st.st_mode));
    FAILS(ENOTEMPTY, rmdir("d"));
    FAILS(EINVAL, rmdir("d/e/."));
    FAILS(EISDIR, unlink("d/e"));
    touch("f");
    FAILS(ENOTDIR, rmdir("f"));
    FAILS(ENOTDIR, unlink("f/"));
    CHECK(rmdir("d/e/") == 0 && rmdir("d") == 0);
    FAILS(ENOENT, rmdir("d"));
}

static void links(void)
{
    char text[64];
    struct stat a, b;
    CHECK(symlink("f", "s") == 0);
    CHECK(readlink("s", text, sizeof text) == 1 && text[0] == 'f');
    CHECK(lstat("s", &a) == 0 && S_ISLNK(a.st_mode) && a.st_size == 1);
    CHECK(stat("s", &a) == 0 && S_ISREG(a.st_mode));
    FAILS(ELOOP, open("s", O_RDONLY | O_NOFOLLOW));
    FAILS(EEXIST, symlink("x", "s"));
    FAILS(EINVAL, readlink("f", text, sizeof text));
    CHECK(link("f", "h") == 0);
    CHECK(stat("f", &a) == 0 && stat("h", &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev && a.st_nlink == 2);
    CHECK(symlink("t", "t") == 0);
    FAILS(ELOOP, open("t", O_RDONLY));
    CHECK(symlink("nowhere", "n") == 0);
    FAILS(ENOENT, stat("n", &a));
    int fd = open("n", O_WRONLY | O_CREAT, 0600);
    CHECK(fd >= 0 && close(fd) == 0);
    CHECK(stat("nowhere", &a) == 0);
    CHECK(unlink("s") == 0 && unlink("h") == 0 && unlink("t") == 0 && unlink("n") == 0 && unlink("nowhere") == 0);
}

static void renaming(void)
{
    CHECK(mkdir("a", 0755) == 0 && mkdir("b", 0755) == 0);
    touch("a/1");
    CHECK(rename("f", "g") == 0 && rename("g", "b/g") == 0);
    FAILS(ENOENT, rename("g", "h"));
    FAILS(ENOTEMPTY, rename("a", "b"));
    FAILS(EINVAL, rename("a", "a/sub"));
    FAILS(EISDIR, rename("b/g", "a"));
    FAILS(ENOTDIR, rename("a", "b/g"));
    CHECK(unlink("b/g") == 0);
    CHECK(rename("a", "b") == 0);
    CHECK(entries("b") == 3);
    CHECK(unlink("b/1") == 0 && rmdir("b") == 0);
}

/* Every name is told once, whatever is removed meanwhile. */
static void listing(void)
{
    enum { N = 300 };
    char name[32];
    static int seen[N];
    CHECK(mkdir("many", 0755) == 0);
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "many/file-%d", i);
        touch(name);
    }
    CHECK(entries("many") == N + 2);
    DIR *d = opendir("many");
    CHECK(d != NULL);
    int dots = 0;
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        int i;
        if (sscanf(e->d_name, "file-%d", &i) != 1) {
            dots++;
            CHECK(e->d_type == DT_DIR);
            continue;
        }
        CHECK(e->d_type == DT_REG && e->d_ino != 0);
        seen[i]++;
        snprintf(name, sizeof name, "many/%s", e->d_name);
        CHECK(unlink(name) == 0);
    }
    CHECK(dots == 2);
    for (int i = 0; i < N; i++)
        CHECK(seen[i] == 1);
    rewinddir(d);
    int left = 0;
    while (readdir(d) != NULL)
        left++;
    CHECK(left == 2);
    closedir(d);
    CHECK(rmdir("many") == 0);
}

static void filling(void)
{
    CHECK(mkdir("late", 0755) == 0);
    DIR *d = opendir("late");
    CHECK(d != NULL);
    int n = 0;
    while (readdir(d) != NULL)
        n++;
    CHECK(n == 2);
    touch("late/x");
    rewinddir(d);
    for (n = 0; readdir(d) != NULL; n++)
        ;
    CHECK(n == 3);
    closedir(d);
    CHECK(unlink("late/x") == 0 && rmdir("late") == 0);
}

/* From a directory that is open: what leads out of it is refused, its own names are not. */
static void confined(void)
{
    CHECK(mkdir("box", 0755) == 0 && mkdir("box/in", 0755) == 0);
    touch("outside");
    touch("box/inside");
    int box = open("box", O_RDONLY | O_DIRECTORY);
    CHECK(box >= 0);
    CHECK(symlinkat("../outside", box, "out") == 0 && symlinkat("in/../inside", box, "ok") == 0 &&
          symlinkat("/", box, "root") == 0);
    FAILS(EPERM, openat(box, "../outside", O_RDONLY));
    FAILS(EPERM, openat(box, "in/../../outside", O_RDONLY));
    FAILS(EPERM, openat(box, "out", O_RDONLY));
    FAILS(EPERM, openat(box, "root", O_RDONLY));
    int fd = openat(box, "ok", O_RDONLY);
    CHECK(fd >= 0);
    close(fd);
    struct stat st;
    CHECK(fstatat(box, "out", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode));
    CHECK(unlinkat(box, "out", 0) == 0 && unlinkat(box, "ok", 0) == 0 && unlinkat(box, "root", 0) == 0 &&
          unlinkat(box, "inside", 0) == 0 && unlinkat(box, "in", AT_REMOVEDIR) == 0);
    close(box);
    CHECK(rmdir("box") == 0 && unlink("outside") == 0);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2 && chdir(argv[1]) == 0);
    making();
    links();
    renaming();
    listing();
    filling();
    confined();
    CHECK(entries(".") == 2);
    return done();
}
