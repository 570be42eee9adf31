/* SPDX-License-Identifier: MIT */
#include "dev/devmem_test.h"

/* ---- call x errno --------------------------------------------------------------------------------------------------- */

typedef enum Verb { CREATE, MKDIR, SYMLINK, LINK, RENAME, UNLINK, RMDIR, WALK } Verb;

typedef struct Case {
    Verb verb;
    const char *a, *b;
    int expect;
} Case;

static const Case cases[] = {
    { CREATE, "new", NULL, 0 },
    { CREATE, "file", NULL, -EEXIST },
    { CREATE, "dir", NULL, -EEXIST },
    { CREATE, "link", NULL, -EEXIST },
    { MKDIR, "new", NULL, 0 },
    { MKDIR, "dir", NULL, -EEXIST },
    { MKDIR, "file", NULL, -EEXIST },
    { SYMLINK, "new", "x", 0 },
    { SYMLINK, "link", "x", -EEXIST },
    { LINK, "new", "file", 0 },
    { LINK, "new", "link", 0 },
    { LINK, "new", "dir", -EPERM },
    { LINK, "same", "file", -EEXIST },
    { UNLINK, "file", NULL, 0 },
    { UNLINK, "link", NULL, 0 },
    { UNLINK, "none", NULL, -ENOENT },
    { UNLINK, "dir", NULL, -EISDIR },
    { UNLINK, "empty", NULL, -EISDIR },
    { RMDIR, "empty", NULL, 0 },
    { RMDIR, "dir", NULL, -ENOTEMPTY },
    { RMDIR, "file", NULL, -ENOTDIR },
    { RMDIR, "link", NULL, -ENOTDIR },
    { RMDIR, "none", NULL, -ENOENT },
    { RENAME, "file", "new", 0 },
    { RENAME, "file", "dir/new", 0 },
    { RENAME, "file", "dir/file", 0 },
    { RENAME, "file", "link", 0 },
    { RENAME, "link", "file", 0 },
    { RENAME, "file", "same", 0 },
    { RENAME, "file", "file", 0 },
    { RENAME, "dir", "new", 0 },
    { RENAME, "dir", "empty", 0 },
    { RENAME, "dir/sub", "empty", 0 },
    { RENAME, "empty", "dir/sub", 0 },
    { RENAME, "dir", "dir", 0 },
    { RENAME, "none", "new", -ENOENT },
    { RENAME, "none", "file", -ENOENT },
    { RENAME, "dir", "dir/sub/x", -EINVAL },
    { RENAME, "dir", "dir/sub", -EINVAL },
    { RENAME, "dir", "dir/x", -EINVAL },
    { RENAME, "empty", "dir", -ENOTEMPTY },
    { RENAME, "dir/sub", "dir", -ENOTEMPTY },
    { RENAME, "file", "dir", -EISDIR },
    { RENAME, "file", "empty", -EISDIR },
    { RENAME, "link", "empty", -EISDIR },
    { RENAME, "dir", "file", -ENOTDIR },
    { RENAME, "empty", "link", -ENOTDIR },
    { WALK, "dir/file", NULL, 0 },
    { WALK, "none", NULL, -ENOENT },
    { WALK, "dir/none", NULL, -ENOENT },
};

static int run_case(Mem *m, const Case *t)
{
    AUTO_FILE *f = NULL;
    switch (t->verb) {
    case CREATE:
        return make_file(m, t->a);
    case MKDIR:
        return make_dir(m, t->a);
    case SYMLINK:
        return make_link(m, t->a, t->b);
    case LINK:
        return hard_link(m, t->b, t->a);
    case RENAME:
        return rename_to(m, t->a, t->b);
    case UNLINK:
        return unlink_at(m, t->a);
    case RMDIR:
        return rmdir_at(m, t->a);
    case WALK:
        return lookup(m, t->a, &f);
    }
    return 0;
}

TEST(every_call_answers_with_the_right_number)
{
    for (size_t i = 0; i < LEN(cases); i++) {
        Mem m;
        mem_begin(&m);
        populate(&m);
        int r = run_case(&m, &cases[i]);
        if (r != cases[i].expect)
            FAIL("case %zu: %s %s: %d, not %d", i, cases[i].a, cases[i].b == NULL ? "" : cases[i].b, r,
                 cases[i].expect);
        mem_end(&m);
    }
}

TEST(a_failed_allocation_changes_nothing)
{
    for (size_t i = 0; i < LEN(cases); i++) {
        for (unsigned nth = 1;; nth++) {
            Mem m;
            mem_begin(&m);
            populate(&m);
            uint64_t before = charged(&m);
            mem_fail_at(nth);
            int r = run_case(&m, &cases[i]);
            bool through = mem_fail_pending();
            mem_fail_at(0);
            EQ(r, through ? cases[i].expect : -ENOMEM);
            if (!through)
                EQ(charged(&m), before);
            mem_end(&m);
            if (through)
                break;
        }
    }
}

TEST(over_the_limit_there_is_no_space)
{
    for (size_t i = 0; i < LEN(cases); i++) {
        bool grows = cases[i].verb <= RENAME && cases[i].expect == 0;
        if (!grows)
            continue;
        Mem m;
        mem_begin(&m);
        populate(&m);
        limit(&m, charged(&m) + 1000000);
        uint64_t taken = fill(&m);
        int r = run_case(&m, &cases[i]);
        if (r != -ENOSPC)
            FAIL("case %zu: %s: %d", i, cases[i].a, r);
        account_uncharge(m.task.account, taken);
        EQ(run_case(&m, &cases[i]), 0);
        mem_end(&m);
    }
}

/* ---- names ---------------------------------------------------------------------------------------------------------- */

TEST(a_removed_directory_takes_no_new_names)
{
    Mem m;
    mem_begin(&m);
    populate(&m);
    AUTO_FILE *gone = must(&m, "empty");
    AUTO_FILE *file = must(&m, "file");
    AUTO_FILE *made = NULL;
    OK(rmdir_at(&m, "empty"));
    EQ(attr_of(&m, gone).nlink, 0);
    EQ(devmem.create(&m.call, gone, "x", 0644, 0, &made), -ENOENT);
    EQ(devmem.mkdir(&m.call, gone, "x", 0755, &made), -ENOENT);
    EQ(devmem.symlink(&m.call, gone, "x", "y", &made), -ENOENT);
    EQ(devmem.link(&m.call, gone, "x", file), -ENOENT);
    EQ(devmem.rename(&m.call, m.root, "file", gone, "x"), -ENOENT);
    EQ(devmem.unlink(&m.call, gone, "x", false), -ENOENT);
    PTR_EQ(made, NULL);
    AUTO_FILE *over = must(&m, "dir/sub");
    OK(make_dir(&m, "other"));
    OK(rename_to(&m, "other", "dir/sub"));
    EQ(devmem.create(&m.call, over, "x", 0644, 0, &made), -ENOENT);
    file_put(STEAL(gone));
    file_put(STEAL(file));
    file_put(STEAL(over));
    mem_end(&m);
}

TEST(link_counts_follow_the_names)
{
    Mem m;
    mem_begin(&m);
    populate(&m);
    AUTO_FILE *file = must(&m, "file");
    EQ(attr_of(&m, m.root).nlink, 4);
    EQ(attr_of(&m, file).nlink, 2);
    OK(hard_link(&m, "file", "dir/third"));
    EQ(attr_of(&m, file).nlink, 3);
    OK(rename_to(&m, "dir/file", "same"));
    EQ(attr_of(&m, file).nlink, 2);
    OK(rename_to(&m, "dir", "empty"));
    EQ(attr_of(&m, m.root).nlink, 3);
    OK(rename_to(&m, "empty/sub", "sub"));
    EQ(attr_of(&m, m.root).nlink, 4);
    OK(unlink_at(&m, "file"));
    OK(unlink_at(&m, "empty/third"));
    EQ(attr_of(&m, file).nlink, 0);
    EQ(devmem.link(&m.call, m.root, "again", file), -ENOENT);
    file_put(STEAL(file));
    mem_end(&m);
}

TEST(directories_hand_on_the_group_bit)
{
    Mem m;
    mem_begin(&m);
    OK(make_dir(&m, "dir"));
    AUTO_FILE *dir = must(&m, "dir");
    OK(devmem.setattr(&m.call, dir, SET_MODE, &(Attr){ .mode = 02755 }));
    OK(make_dir(&m, "dir/sub"));
    OK(make_file(&m, "dir/file"));
    AUTO_FILE *sub = must(&m, "dir/sub"), *file = must(&m, "dir/file");
    EQ(attr_of(&m, sub).mode & 02000, 02000);
    EQ(attr_of(&m, file).mode & 02000, 0);
    file_put(STEAL(dir));
    file_put(STEAL(sub));
    file_put(STEAL(file));
    mem_end(&m);
}

TEST(a_name_that_comes_to_nothing_leaves_nothing)
{
    Mem m;
    mem_begin(&m);
    OK(make_file(&m, "file"));
    AUTO_FILE *file = must(&m, "file");
    OK(unlink_at(&m, "file"));
    uint64_t before = charged(&m);
    EQ(devmem.link(&m.call, m.root, "again", file), -ENOENT);
    EQ(charged(&m), before);
    file_put(STEAL(file));
    mem_end(&m);
}

TEST(a_file_has_so_many_names_and_no_more)
{
    Mem m;
    mem_begin(&m);
    OK(make_file(&m, "file"));
    AUTO_FILE *file = must(&m, "file");
    char name[16];
    int r = 0;
    unsigned made = 1;
    for (; r == 0; made++) {
        snprintf(name, sizeof name, "%u", made);
        r = devmem.link(&m.call, m.root, name, file);
    }
    EQ(r, -EMLINK);
    EQ(attr_of(&m, file).nlink, 65000);
    OK(unlink_at(&m, "17"));
    OK(devmem.link(&m.call, m.root, "more", file));
    file_put(STEAL(file));
    mem_end(&m);
}

TEST(data_lives_until_the_last_reference_goes)
{
    Mem m;
    mem_begin(&m);
    OK(make_file(&m, "file"));
    File *file = must(&m, "file");
    char buf[8] = "";
    EQ(write_file(&m, file, "abc", 3, 0), 3);
    OK(unlink_at(&m, "file"));
    EQ(lookup(&m, "file", &(File *){ NULL }), -ENOENT);
    EQ(read_file(&m, file, buf, sizeof buf, 0), 3);
    MEM_EQ(buf, "abc", 3);
    EQ(write_file(&m, file, "def", 3, 3), 3);
    file_put(file);
    mem_end(&m);
}

TEST(a_link_keeps_its_target)
{
    Mem m;
    mem_begin(&m);
    char buf[64] = "", longest[PATH_MAX_LEN + 2];
    OK(make_link(&m, "link", "../some/where"));
    AUTO_FILE *link = must(&m, "link");
    EQ(devmem.readlink(&m.call, link, buf, sizeof buf), 13);
    MEM_EQ(buf, "../some/where", 13);
    EQ(devmem.readlink(&m.call, link, buf, 4), 4);
    EQ(attr_of(&m, link).size, 13);
    EQ(attr_of(&m, link).mode, TYPE_LINK | 0777);
    memset(longest, 'x', sizeof longest);
    longest[PATH_MAX_LEN + 1] = '\0';
    EQ(make_link(&m, "long", longest), -ENAMETOOLONG);
    longest[PATH_MAX_LEN] = '\0';
    OK(make_link(&m, "long", longest));
    file_put(STEAL(link));
    mem_end(&m);
}

TEST_SLOW(a_deep_tree_is_freed_without_a_deep_stack, 60)
{
    Mem m;
    mem_begin(&m);
    File *at = file_get(m.root);
    for (int i = 0; i < 150000; i++) {
        File *next = NULL;
        OK(devmem.mkdir(&m.call, at, "d", 0755, &next));
        file_put(at);
        at = next;
    }
    file_put(at);
    mem_end(&m);
}

TEST(a_child_outlives_its_file_system)
{
    Mem m;
    mem_begin(&m);
    populate(&m);
    OK(make_dir(&m, "dir/sub/deep"));
    File *sub = must(&m, "dir/sub");
    file_put(m.root);
    AUTO_FILE *made = NULL;
    OK(devmem.create(&m.call, sub, "x", 0644, 0, &made));
    OK(devmem.rename(&m.call, sub, "deep", sub, "deeper"));
    file_put(STEAL(made));
    m.root = sub;
    mem_end(&m);
}

TEST(two_file_systems_have_no_file_in_common)
{
    Mem m, other;
    mem_begin(&m);
    mem_begin(&other);
    TRUE(!file_same(m.root, other.root));
    NE(attr_of(&m, m.root).dev, attr_of(&other, other.root).dev);
    file_put(other.root);
    call_destroy(&other.call);
    account_put(other.task.account);
    mem_end(&m);
}

/* ---- many names, listings ------------------------------------------------------------------------------------------- */

typedef struct Seen {
    uint64_t next;                  /* the last cookie */
    unsigned count, room;           /* taken; how many more are */
    char last[NAME_MAX_LEN + 1];
    unsigned char *by_number;       /* how often name N came, for names that are numbers */
} Seen;

static int see(void *arg, const Dirent *e)
{
    Seen *s = arg;
    if (s->room == 0)
        return 1;
    s->room--;
    TRUE(e->next > s->next);
    s->next = e->next;
    s->count++;
    snprintf(s->last, sizeof s->last, "%s", e->name);
    unsigned n = 0;
    if (s->by_number != NULL && sscanf(e->name, "%u", &n) == 1)
        s->by_number[n]++;
    return 0;
}

static void list_from(Mem *m, File *dir, Seen *s, unsigned room)
{
    Chan ch = { .file = dir };
    s->room = room;
    OK(devmem.readdir(&m->call, &ch, s->next, see, s));
}

static void make_numbered(Mem *m, unsigned from, unsigned to)
{
    char name[16];
    for (unsigned i = from; i < to; i++) {
        snprintf(name, sizeof name, "%u", i);
        OK(make_file(m, name));
    }
}

TEST(many_names_are_found_and_listed_once)
{
    enum { MANY = 20000 };
    static unsigned char seen[MANY];
    Mem m;
    char name[16];
    mem_begin(&m);
    make_numbered(&m, 0, MANY);
    for (unsigned i = 0; i < MANY; i += 2) {
        snprintf(name, sizeof name, "%u", i);
        OK(unlink_at(&m, name));
    }
    for (unsigned i = 0; i < MANY; i++) {
        AUTO_FILE *f = NULL;
        snprintf(name, sizeof name, "%u", i);
        EQ(lookup(&m, name, &f), i % 2 == 0 ? -ENOENT : 0);
    }
    Seen s = { .by_number = seen };
    list_from(&m, m.root, &s, UINT32_MAX);
    EQ(s.count, MANY / 2);
    for (unsigned i = 0; i < MANY; i++)
        EQ(seen[i], i % 2);
    mem_end(&m);
}

TEST(cookies_survive_changes)
{
    enum { NAMES = 300, MORE = 2000 };
    static unsigned char seen[MORE];
    Mem m;
    char name[16];
    mem_begin(&m);
    make_numbered(&m, 0, NAMES);
    Seen s = { .by_number = seen };
    list_from(&m, m.root, &s, NAMES / 2);
    EQ(s.count, NAMES / 2);
    /* What was seen is removed, as rm does, and the table is made anew several times. */
    for (unsigned i = 0; i < NAMES / 2; i++) {
        snprintf(name, sizeof name, "%u", i);
        OK(unlink_at(&m, name));
    }
    make_numbered(&m, NAMES, MORE);
    OK(unlink_at(&m, "200"));
    OK(rename_to(&m, "201", "202"));
    list_from(&m, m.root, &s, UINT32_MAX);
    for (unsigned i = 0; i < MORE; i++)
        EQ(seen[i], i != 200 && i != 201);
    list_from(&m, m.root, &s, UINT32_MAX);
    EQ(s.count, MORE - 2);
    mem_end(&m);
}

TEST(an_emptied_directory_gives_its_table_back)
{
    Mem m;
    char name[16];
    mem_begin(&m);
    uint64_t before = charged(&m);
    make_numbered(&m, 0, 1000);
    TRUE(charged(&m) > before + 100000);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "%u", i);
        OK(unlink_at(&m, name));
    }
    EQ(charged(&m), before);
    mem_end(&m);
}
