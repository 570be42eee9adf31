/* SPDX-License-Identifier: MIT */
/*
 * Escape attempts of a WASI program (test/escape.sh): out of a directory of the host, /g, whose neighbour `secret` is what it wants; and
 * out of a read-only one, /ro. One line an attempt that got through, `NAME: what it got`; exit code 1 when there was one.
 *     escape out HOST         HOST is where the host has the directory above /g
 *     escape readonly
 *     escape swapped N        tries N times, while the host changes names
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int escaped, tried;

static void verdict(const char *name, bool through, const char *what)
{
    tried++;
    if (!through)
        return;
    printf("%s: %s\n", name, what);
    escaped++;
}

static bool is_secret(int fd)
{
    char s[7] = "";
    bool found = fd >= 0 && read(fd, s, 6) == 6 && strcmp(s, "secret") == 0;
    if (fd >= 0)
        close(fd);
    return found;
}

static void reading(const char *name, int dir, const char *path)
{
    verdict(name, is_secret(openat(dir, path, O_RDONLY)), path);
}

/* ---- out of a directory of the host ----------------------------------------------------------------------------------- */

static void dots(void)
{
    static const char *const way[] = {
        "/g/../secret",         "/g/sub/../../secret",      "/g/sub/./..//../secret", "/g/sub/../sub/../../secret",
        "/g//..///secret",      "/../g/../secret",          "/g/../g/../secret/",     "/g/sub/../../g/../../secret",
        "/dev/fd/3/../secret",  "/dev/fd/3/g/../secret",    "/task/self/../../g/../secret",
    };
    for (unsigned i = 0; i < sizeof way / sizeof way[0]; i++)
        reading("dots", AT_FDCWD, way[i]);
    int g = open("/g", O_RDONLY | O_DIRECTORY), sub = open("/g/sub", O_RDONLY | O_DIRECTORY);
    reading("dots from an open directory", g, "../secret");
    reading("dots from an open directory", g, "sub/../../secret");
    reading("dots from an open directory", sub, "../../secret");
    reading("dots from an open directory", sub, "..//../secret");
    close(g);
    close(sub);
}

static void host_names(const char *host)
{
    char path[1024];
    static const char *const files[] = { "/secret", "/granted/../secret", "/granted/f" };
    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s%s", host, files[i]);
        reading("the host's own path", AT_FDCWD, path);
        snprintf(path, sizeof path, "/g/../../../../../../../..%s%s", host, files[i]);
        reading("the host's own path", AT_FDCWD, path);
    }
    static const char *const usual[] = { "/etc/passwd", "/proc/self/root", "/proc/self/mem", "/proc/self/fd", "/sys",
                                         "/dev/mem",    "/dev/shm",        "/root",          "/home" };
    for (unsigned i = 0; i < sizeof usual / sizeof usual[0]; i++)
        verdict("names of the host", access(usual[i], F_OK) == 0, usual[i]);
}

/* Links that the host made, and own ones with the same targets. */
static void links(const char *host)
{
    static const char *const way[] = { "/g/absolute",
                                       "/g/relative",
                                       "/g/chain",
                                       "/g/up/secret",
                                       "/g/top/secret",
                                       "/g/relative/",
                                       "/g/chain/",
                                       "/g/up//secret",
                                       "/g/up/./secret/",
                                       "/g/sub/climb/secret",
                                       "/g/up/granted/../secret",
                                       "/g/own",
                                       "/g/ownup/secret",
                                       "/g/ownabsolute" };
    char path[1024];
    (void)symlink("../secret", "/g/own");
    (void)symlink("..", "/g/ownup");
    snprintf(path, sizeof path, "%s/secret", host);
    (void)symlink(path, "/g/ownabsolute");
    int g = open("/g", O_RDONLY | O_DIRECTORY);
    for (unsigned i = 0; i < sizeof way / sizeof way[0]; i++) {
        reading("links", AT_FDCWD, way[i]);
        reading("links from an open directory", g, way[i] + 3);
        verdict("links, to cut", (close(open(way[i], O_WRONLY | O_TRUNC)), false), way[i]);
    }
    verdict("a link that leads nowhere",
            open("/g/dangling", O_WRONLY | O_CREAT, 0666) >= 0 && access("/g/made", F_OK) != 0 &&
                access("/made", F_OK) != 0,
            "a file was made");
    (void)unlink("/g/up/secret");
    (void)unlink("/g/top/secret");
    (void)rename("/g/up/secret", "/g/stolen");
    (void)mkdir("/g/up/made", 0777);
    (void)mkdir("/g/dangling/", 0777);
    (void)rmdir("/g/up/empty");
    (void)chdir("/g/up");
    reading("the directory after a link", AT_FDCWD, "secret");
    (void)utimensat(g, "relative", NULL, 0);
    (void)utimensat(g, "up/secret", NULL, 0);
    close(g);
    reading("renamed into", AT_FDCWD, "/g/stolen");
}

static void hard_links(void)
{
    (void)linkat(AT_FDCWD, "/g/relative", AT_FDCWD, "/g/hard1", AT_SYMLINK_FOLLOW);
    (void)linkat(AT_FDCWD, "/g/absolute", AT_FDCWD, "/g/hard2", AT_SYMLINK_FOLLOW);
    (void)link("/g/relative", "/g/sub/hard3");
    (void)link("/g/up/secret", "/g/hard4");
    (void)link("/g/up", "/g/hard5");
    reading("hard links", AT_FDCWD, "/g/hard1");
    reading("hard links", AT_FDCWD, "/g/hard2");
    reading("hard links", AT_FDCWD, "/g/sub/hard3");
    reading("hard links", AT_FDCWD, "/g/hard4");
    reading("hard links", AT_FDCWD, "/g/hard5/secret");
}

static void renames(void)
{
    int g = open("/g", O_RDONLY | O_DIRECTORY);
    (void)renameat(g, "f", g, "../f");
    (void)renameat(g, "sub", g, "../sub");
    (void)rename("/g/f", "/g/up/f");
    (void)rename("/g/relative", "/g/sub/relative");
    (void)rename("/g/up", "/g/sub/up");
    reading("a link that was moved", AT_FDCWD, "/g/sub/relative");
    reading("a link that was moved", AT_FDCWD, "/g/sub/up/secret");
    (void)rename("/g/sub/relative", "/g/relative");
    (void)rename("/g/sub/up", "/g/up");
    verdict("the granted directory", rename("/g", "/h") == 0 || rmdir("/g") == 0, "renamed or removed");
    close(g);
}

/* What ns/ctl and fd/N.ctl take is looked up by the same names. */
static void control(const char *path, const char *format, const char *arg)
{
    FILE *f = fopen(path, "w");
    if (f == NULL)
        return;
    fprintf(f, format, arg);
    fclose(f);
}

static void controls(const char *host)
{
    static const char *const way[] = { "/g/..", "/g/up", "/g/top", "/g/relative", "/g/absolute", "/g/../secret" };
    char path[1024];
    snprintf(path, sizeof path, "%s/secret", host);
    for (unsigned i = 0; i <= sizeof way / sizeof way[0]; i++) {
        const char *src = i < sizeof way / sizeof way[0] ? way[i] : path;
        control("/task/self/ns/ctl", "bind %s /bound\n", src);
        reading("bind", AT_FDCWD, "/bound");
        reading("bind", AT_FDCWD, "/bound/secret");
        control("/task/self/fd/30.ctl", "dup %s r\n", src);
        reading("dup", AT_FDCWD, "/dev/fd/30");
        control("/task/self/cwd", "%s\n", src);
        reading("cwd", AT_FDCWD, "secret");
    }
    control("/task/self/ns/ctl", "mount tar %s /mounted\n", path);
    control("/task/self/ns/ctl", "mount host %s /mounted\n", host);
    control("/task/self/ns/ctl", "mount 9p %s /mounted\n", path);
    reading("mount", AT_FDCWD, "/mounted/secret");
}

/* ---- out of a read-only one -------------------------------------------------------------------------------------------- */

static void writing(const char *name, const char *path)
{
    int fd = open(path, O_WRONLY);
    verdict(name, fd >= 0 && write(fd, "x", 1) == 1, path);
    if (fd >= 0)
        close(fd);
    fd = open(path, O_RDONLY | O_TRUNC);
    struct stat s;
    verdict(name, stat("/ro/f", &s) != 0 || s.st_size == 0, "it was cut");
    if (fd >= 0)
        close(fd);
}

static void read_only(void)
{
    writing("read-only", "/ro/f");
    writing("read-only by dots", "/ro/sub/../f");
    writing("read-only by dots", "/g/../ro/f");
    (void)symlink("/ro/f", "/g/torof");
    (void)symlink("../ro", "/g/toro");
    writing("read-only by a link", "/g/torof");
    writing("read-only by a link", "/g/toro/f");
    verdict("read-only, linked out", link("/ro/f", "/g/rof") == 0 || link("/ro/f", "/tmp/rof") == 0, "a second name");
    verdict("read-only, moved out", rename("/ro/f", "/g/rof") == 0 || rename("/ro/sub", "/g/rosub") == 0, "moved");
    verdict("read-only, moved over", rename("/g/f", "/ro/f") == 0 || rename("/g/f", "/ro/new") == 0, "moved");
    verdict("read-only, names",
            unlink("/ro/f") == 0 || rmdir("/ro/empty") == 0 || mkdir("/ro/new", 0777) == 0 ||
                symlink("x", "/ro/new") == 0 || open("/ro/new", O_WRONLY | O_CREAT, 0666) >= 0,
            "changed");
    struct timespec times[2] = { { 1, 0 }, { 1, 0 } };
    int fd = open("/ro/f", O_RDONLY), dir = open("/ro", O_RDONLY | O_DIRECTORY);
    verdict("read-only, times", utimensat(AT_FDCWD, "/ro/f", times, 0) == 0 || futimens(fd, times) == 0, "changed");
    verdict("read-only, by a descriptor", write(fd, "x", 1) == 1 || ftruncate(fd, 0) == 0, "written");
    verdict("read-only, from an open directory",
            openat(dir, "f", O_WRONLY) >= 0 || mkdirat(dir, "new", 0777) == 0 || unlinkat(dir, "f", 0) == 0, "changed");
    char path[64];
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    writing("read-only by /dev/fd", path);
    control("/task/self/fd/30.ctl", "dup %s rw\n", "/ro/f");
    writing("read-only by dup", "/dev/fd/30");
    control("/task/self/fd/30.ctl", "dup %s rw\n", path);
    writing("read-only by dup", "/dev/fd/30");
    control("/task/self/ns/ctl", "bind -c %s /rw\n", "/ro");
    writing("read-only by bind", "/rw/f");
    control("/task/self/ns/ctl", "unbind %s\n", "/rw");
    for (int k = 0; k < 20; k++) {
        snprintf(path, sizeof path, "/task/self/ns/from/%d", k);
        control("/task/self/ns/ctl", "bind -c %s /rw\n", path);
        writing("read-only by its source", "/rw/only");
        verdict("read-only by its source", access("/rw/empty", F_OK) == 0 && rmdir("/rw/empty") == 0, "removed");
        control("/task/self/ns/ctl", "unbind %s\n", "/rw");
    }
    control("/task/self/ns/ctl", "unbind %s\n", "/ro");
    writing("read-only, unbound", "/ro/f");
}

/* ---- while the host changes names --------------------------------------------------------------------------------------- */

static void swapped(int n)
{
    int g = open("/g", O_RDONLY | O_DIRECTORY), deep = open("/g/deep", O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < n; i++) {
        reading("a directory swapped for a link", AT_FDCWD, "/g/swap/secret");
        reading("a directory swapped for a link", g, "swap/secret");
        reading("a directory that was moved out", AT_FDCWD, "/g/deep/moved/../../../secret");
        reading("a directory that was moved out", AT_FDCWD, "/g/deep/moved/../../secret");
        int moved = openat(deep, "moved", O_RDONLY | O_DIRECTORY);
        if (moved >= 0) {
            reading("dots from a directory that was moved out", moved, "../secret");
            reading("dots from a directory that was moved out", moved, "../../secret");
            close(moved);
        }
        int fd = open("/g/swap/made", O_WRONLY | O_CREAT, 0666);
        if (fd >= 0)
            close(fd);
        (void)unlink("/g/swap/victim");
        (void)mkdir("/g/swap/madedir", 0777);
        (void)rename("/g/swap/victim", "/g/stolen");
        reading("renamed into", AT_FDCWD, "/g/stolen");
    }
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "", *arg = argc > 2 ? argv[2] : "";
    if (strcmp(what, "out") == 0) {
        dots();
        host_names(arg);
        links(arg);
        hard_links();
        renames();
        controls(arg);
    } else if (strcmp(what, "readonly") == 0) {
        read_only();
    } else if (strcmp(what, "swapped") == 0) {
        swapped(atoi(arg));
    }
    printf("%d of %d attempts got through\n", escaped, tried);
    return escaped > 0 || tried == 0;
}
