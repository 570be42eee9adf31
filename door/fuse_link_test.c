/* SPDX-License-Identifier: MIT */
/*
 * What Linux reads from a link never leads it out of the mount: by cases, and by walking every target of a small alphabet through
 * a tree in which names are links to the top.
 */
#include "door/fuse_link.h"

#include <stdio.h>
#include <string.h>

#include "os/err.h"
#include "test/test.h"

static const char *shown(unsigned depth, const char *target)
{
    static char out[64];
    int r = link_shown("/mnt/t", depth, target, out, sizeof out);
    return r == 0 ? out : r == -ENAMETOOLONG ? "too long" : "?";
}

TEST(a_link_stays_below_the_mount)
{
    static const struct {
        unsigned depth;
        const char *target, *shown;
    } cases[] = {
        { 0, "a", "a" },
        { 0, "a/b/", "a/b/" },
        { 0, "./a//b", "./a//b" },
        { 0, "..a/...", "..a/..." },
        { 0, ".", "." },
        { 0, "..", "." },
        { 0, "../..", "." },
        { 0, "../a", "a" },
        { 1, "..", ".." },
        { 1, "../..", ".." },
        { 1, "./../a", "./../a" },
        { 2, "../../a", "../../a" },
        { 2, "../../../a", "../../a" },
        { 2, "..//../..//a/", "../../a" },
        { 3, "a/..", "." },
        { 3, "a/../b", "b" },
        { 3, "../a/../b", "../b" },
        { 1, "a/../../b", "../b" },
        { 1, "a/../../../b", "../b" },
        { 0, "a/b/../../../../etc", "etc" },
        { 2, "a/./b/.././../../x", "../x" },
        { 0, "/", "/mnt/t" },
        { 5, "//", "/mnt/t" },
        { 5, "/.", "/mnt/t/." },
        { 5, "/etc/passwd", "/mnt/t/etc/passwd" },
        { 5, "/etc//x/", "/mnt/t/etc//x/" },
        { 5, "/..", "/mnt/t" },
        { 5, "/../etc", "/mnt/t/etc" },
        { 5, "/a/../../../etc/./x", "/mnt/t/etc/x" },
        { 5, "/a/..", "/mnt/t" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        STR_EQ(shown(cases[i].depth, cases[i].target), cases[i].shown);
}

TEST(a_target_that_does_not_fit_is_refused)
{
    char out[16];
    STR_EQ(shown(0, "/0123456789012345678901234567890123456789012345678901234567"), "too long");
    OK(link_shown("/mnt/t", 0, "/12345678", out, sizeof out));
    STR_EQ(out, "/mnt/t/12345678");
    EQ(link_shown("/mnt/t", 0, "/123456789", out, sizeof out), -ENAMETOOLONG);
    OK(link_shown("/mnt/t", 0, "123456789012345", out, sizeof out));
    EQ(link_shown("/mnt/t", 0, "1234567890123456", out, sizeof out), -ENAMETOOLONG);
    EQ(link_shown("/mnt/t", 9, "a/../../1234567890123", out, sizeof out), -ENAMETOOLONG);
    EQ(link_shown("/mnt/t", 0, "/", out, 6), -ENAMETOOLONG);
    EQ(link_shown("/mnt/t", 0, "a", out, 0), -ENAMETOOLONG);
}

TEST(what_a_host_program_writes_it_reads_back)
{
    static const char *const targets[] = { "a", "../b", "/mnt/t/a", "/mnt/t/a/b/", "/mnt/t" };
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        STR_EQ(shown(1, link_stored("/mnt/t", targets[i])), targets[i]);
    STR_EQ(link_stored("/mnt/t", "/mnt/tmp"), "/mnt/tmp");
    STR_EQ(link_stored("/mnt/t", "/mnt"), "/mnt");
    STR_EQ(link_stored("/mnt/t", "mnt/t/a"), "mnt/t/a");
    STR_EQ(link_stored("/mnt/t", "/mnt/t//a"), "//a");
}

/*
 * Linux's walk, at the worst: a is a directory, l a link to the root of the mount. Returns how deep below the root it ends, or negative
 * when it left the mount on the way.
 */
static int linux_depth(int depth, const char *path)
{
    if (path[0] == '/') {
        if (strncmp(path, "/mnt/t", 6) != 0)
            return -1;
        depth = 0;
        path += 6;
    }
    while (*path != '\0' && depth >= 0) {
        size_t n = strcspn(path, "/");
        if (n == 2 && path[0] == '.' && path[1] == '.')
            depth--;
        else if (n == 1 && path[0] == 'l')
            depth = 0;
        else if (n > 0 && !(n == 1 && path[0] == '.'))
            depth++;
        path += n + strspn(path + n, "/");
    }
    return depth;
}

TEST(no_target_leads_out)
{
    static const char *const names[] = { "", "..", "a", "l", "." };
    enum { NAMES = sizeof names / sizeof names[0], LONG = 6 };
    unsigned all = 1;
    for (int i = 0; i < LONG; i++)
        all *= NAMES;
    for (unsigned n = 0; n < 2 * all; n++) {
        char target[64] = "";
        unsigned rest = n / 2;
        if (n % 2 == 1)
            strcat(target, "/");
        for (int i = 0; i < LONG; i++, rest /= NAMES)
            if (names[rest % NAMES][0] != '\0') {
                size_t len = strlen(target);
                if (len > 0 && target[len - 1] != '/')
                    strcat(target, "/");
                strcat(target, names[rest % NAMES]);
            }
        if (target[0] == '\0')
            continue;
        for (unsigned depth = 0; depth < 4; depth++)
            if (linux_depth((int)depth, shown(depth, target)) < 0) {
                printf("%s at depth %u reads %s\n", target, depth, shown(depth, target));
                TRUE(false);
            }
    }
}
