/* SPDX-License-Identifier: MIT */
#include "kern/path.h"

#include <string.h>

#include "kern/count.h"
#include "test/test.h"

TEST(paths_join_and_are_counted)
{
    int64_t before = count_of(OBJ_PATH);
    Path *root = path_new("/", 1), *a = path_join(root, "a"), *ab = path_join(a, "b");
    STR_EQ(root->s, "/");
    STR_EQ(a->s, "/a");
    STR_EQ(ab->s, "/a/b");
    EQ(ab->len, 4);
    path_put(path_get(ab));
    EQ(count_of(OBJ_PATH), before + 3);
    path_put(root);
    path_put(a);
    path_put(ab);
    path_put(NULL);
    EQ(count_of(OBJ_PATH), before);
}

TEST(below_takes_whole_names)
{
    TRUE(path_below("/a", "/a"));
    TRUE(path_below("/a/b", "/a"));
    TRUE(path_below("/a", "/"));
    TRUE(path_below("/", "/"));
    TRUE(!path_below("/ab", "/a"));
    TRUE(!path_below("/a", "/a/b"));
    TRUE(!path_below("/", "/a"));
}

TEST(next_skips_slashes_and_ends)
{
    const char *rest = "//a///bc/";
    char name[NAME_MAX_LEN + 1];
    EQ(path_next(&rest, name), 1);
    STR_EQ(name, "a");
    STR_EQ(rest, "///bc/");
    EQ(path_next(&rest, name), 1);
    STR_EQ(name, "bc");
    EQ(path_next(&rest, name), 0);
    STR_EQ(rest, "");
    rest = "";
    EQ(path_next(&rest, name), 0);
}

TEST(names_may_have_255_bytes)
{
    char path[300], name[NAME_MAX_LEN + 1];
    memset(path, 'n', sizeof path);
    path[255] = '\0';
    const char *rest = path;
    EQ(path_next(&rest, name), 1);
    EQ(strlen(name), 255);
    EQ(name_check(path), 0);
    path[255] = 'n';
    path[256] = '\0';
    rest = path;
    EQ(path_next(&rest, name), -ENAMETOOLONG);
    PTR_EQ(rest, path);
    EQ(name_check(path), -ENAMETOOLONG);
}

TEST(names_that_no_directory_holds)
{
    EQ(name_check(""), -ENOENT);
    EQ(name_check("."), -EINVAL);
    EQ(name_check(".."), -EINVAL);
    EQ(name_check("a/b"), -EINVAL);
    EQ(name_check("/"), -EINVAL);
    EQ(name_check("..."), 0);
    EQ(name_check(".a"), 0);
    EQ(name_check("\n"), 0);
}

static int make_paths(void *arg)
{
    (void)arg;
    Path *root = path_new("/", 1), *a = root == NULL ? NULL : path_join(root, "a");
    int r = a == NULL ? -ENOMEM : 0;
    path_put(root);
    path_put(a);
    return r;
}

TEST(a_path_without_memory_is_null)
{
    int64_t before = count_of(OBJ_PATH);
    test_each_failure(make_paths, NULL);
    EQ(count_of(OBJ_PATH), before);
}
