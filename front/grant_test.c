/* SPDX-License-Identifier: MIT */
/*
 * What --dir and --mount mean.
 */
#include "front/grant.h"

#include <string.h>

#include "test/test.h"

static void cleans(const char *path, const char *wanted)
{
    AUTO_FREE char *clean = NULL;
    EQ(clean_path(path, &clean), wanted == NULL ? -EINVAL : 0);
    if (wanted != NULL)
        STR_EQ(clean, wanted);
}

TEST(guest_paths_are_absolute_and_clean)
{
    cleans("/a/b", "/a/b");
    cleans("a//./b/", "/a/b");
    cleans(".", "/");
    cleans("/", "/");
    cleans("a/../b", "/b");
    cleans("a/b/../..", "/");
    cleans("..", NULL);
    cleans("a/../../b", NULL);
}

TEST(a_mount_is_a_type_a_source_and_a_place)
{
    Call c;
    Grant g;
    call_init(&c, NULL);
    OK(grant_parse_mount(&c, "tmpfs::/m", &g));
    STR_EQ(g.type, "tmpfs");
    PTR_EQ(g.source, NULL);
    STR_EQ(g.dst, "/m");
    PTR_EQ(g.name, NULL);
    grant_free(&g);
    OK(grant_parse_mount(&c, "tar:/a:b::c.tar::/m", &g));
    STR_EQ(g.type, "tar");
    STR_EQ(g.source, "/a:b::c.tar");
    grant_free(&g);
    EQ(grant_parse_mount(&c, "tar:x", &g), -EINVAL);
    EQ(grant_parse_mount(&c, "::/m", &g), -EINVAL);
    EQ(grant_parse_mount(&c, "tmpfs::", &g), -EINVAL);
    EQ(grant_parse_mount(&c, "tmpfs::..", &g), -EINVAL);
    call_destroy(&c);
}

TEST(a_directory_is_at_its_own_path_unless_told)
{
    Call c;
    Grant g;
    call_init(&c, NULL);
    OK(grant_parse_dir(&c, "/usr/../usr/.", &g));
    STR_EQ(g.source, "/usr");
    STR_EQ(g.dst, "/usr");
    STR_EQ(g.name, "/usr/../usr/.");
    TRUE(!g.rdonly);
    grant_free(&g);
    OK(grant_parse_dir(&c, "/usr::guest/x:ro", &g));
    STR_EQ(g.dst, "/guest/x");
    STR_EQ(g.name, "guest/x");
    TRUE(g.rdonly);
    grant_free(&g);
    EQ(grant_parse_dir(&c, "/no/such/thing", &g), -ENOENT);
    EQ(grant_parse_dir(&c, "/usr::../x", &g), -EINVAL);
    EQ(grant_parse_dir(&c, "", &g), -EINVAL);
    call_destroy(&c);
}

static void maps(const char *source, const char *dst, const char *host, const char *wanted)
{
    char s[64], d[64];
    Grant g = { .source = strcpy(s, source), .dst = strcpy(d, dst) };
    AUTO_FREE char *there = grant_map(&g, host);
    if (wanted == NULL)
        PTR_EQ(there, NULL);
    else
        STR_EQ(there, wanted);
}

TEST(a_path_of_the_host_is_found_in_what_was_granted)
{
    maps("/a/b", "/g", "/a/b", "/g");
    maps("/a/b", "/g", "/a/b/c/d", "/g/c/d");
    maps("/a/b", "/g", "/a/bc", NULL);
    maps("/a/b", "/g", "/a", NULL);
    maps("/a/b", "/", "/a/b", "/");
    maps("/a/b", "/", "/a/b/c", "/c");
    maps("/", "/g", "/x", "/g/x");
    maps("/", "/g", "/", "/g");
    maps("/", "/", "/x", "/x");
}
