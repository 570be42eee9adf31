/* SPDX-License-Identifier: MIT */
/* readdir(3): what is listed, also while the directory changes. */
#include "posix.h"

#include <sys/syscall.h>

enum { NAMES = 500 };

static void make_many(const char *dir, unsigned n)
{
    char name[64];
    dir_make(dir);
    for (unsigned i = 0; i < n; i++) {
        snprintf(name, sizeof name, "%s/n%u", dir, i);
        file_make(name, "");
    }
}

/* How often each "nI" is listed from here on; other names but "." and ".." go to *others. */
static unsigned list_rest(DIR *d, unsigned char *seen, unsigned n, unsigned *others)
{
    unsigned total = 0;
    errno = 0;
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        unsigned i = 0;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        total++;
        if (sscanf(e->d_name, "n%u", &i) == 1 && i < n)
            seen[i]++;
        else if (others != NULL)
            (*others)++;
    }
    EQ(errno, 0);
    return total;
}

static DIR *dir_open(const char *name)
{
    DIR *d = opendir(name);
    TRUE(d != NULL);
    return d;
}

RULE(readdir_lists_every_name_once)
{
    unsigned char seen[NAMES] = { 0 };
    unsigned others = 0;
    make_many("d", NAMES);
    EQ(list_rest(dir_open("d"), seen, NAMES, &others), NAMES);
    EQ(others, 0);
    for (unsigned i = 0; i < NAMES; i++)
        EQ(seen[i], 1);
}

RULE(readdir_lists_dot_and_dot_dot_once)
{
    dir_make("d");
    unsigned dots = 0, all = 0;
    DIR *d = dir_open("d");
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d), all++)
        dots += strcmp(e->d_name, ".") == 0 ? 1 : strcmp(e->d_name, "..") == 0 ? 16 : 0;
    EQ(dots, 17);
    EQ(all, 2);
}

RULE(readdir_inodes_are_those_of_stat)
{
    dir_make("d");
    file_make("d/x", "");
    dir_make("d/sub");
    OK(symlink("none", "d/link"));
    be_in("d");
    DIR *d = dir_open(".");
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        EQ(e->d_ino, stat_of(e->d_name).st_ino);
}

RULE(readdir_types_are_those_of_stat)
{
    dir_make("d");
    file_make("d/x", "");
    dir_make("d/sub");
    OK(symlink("none", "d/link"));
    be_in("d");
    DIR *d = dir_open(".");
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        EQ(DTTOIF(e->d_type), type_of(e->d_name));
}

RULE(readdir_lists_long_and_odd_names)
{
    static const char *const names[] = { " ", "...", "-x", "a\nb", "\xff\xfe", "\x01", "\\", "*", "~", "#x", "\"'" };
    enum { COUNT = sizeof names / sizeof *names };
    dir_make("d");
    be_in("d");
    for (size_t i = 0; i < COUNT; i++)
        file_make(names[i], names[i]);
    file_make(long_name(NAME_MAX), "long");
    unsigned found = 0;
    DIR *d = dir_open(".");
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        for (size_t i = 0; i < COUNT; i++)
            found += strcmp(e->d_name, names[i]) == 0;
        found += strcmp(e->d_name, long_name(NAME_MAX)) == 0;
    }
    EQ(found, COUNT + 1);
    for (size_t i = 0; i < COUNT; i++) {
        STR_EQ(file_text(names[i]), names[i]);
        OK(unlink(names[i]));
    }
}

RULE(rewinddir_shows_what_was_added_and_removed)
{
    unsigned char seen[NAMES] = { 0 };
    make_many("d", 10);
    DIR *d = dir_open("d");
    EQ(list_rest(d, seen, NAMES, NULL), 10);
    file_make("d/n10", "");
    OK(unlink("d/n0"));
    rewinddir(d);
    memset(seen, 0, sizeof seen);
    EQ(list_rest(d, seen, NAMES, NULL), 10);
    EQ(seen[10], 1);
    EQ(seen[0], 0);
}

RULE(telldir_and_seekdir_go_back_to_the_same_entry)
{
    char after[64][NAME_MAX + 1];
    long places[64];
    unsigned n = 0;
    make_many("d", 50);
    DIR *d = dir_open("d");
    for (;;) {
        places[n] = telldir(d);
        struct dirent *e = readdir(d);
        if (e == NULL)
            break;
        strcpy(after[n++], e->d_name);
    }
    EQ(n, 52);
    for (unsigned i = 0; i < n; i++) {
        unsigned k = i * 37 % n;
        seekdir(d, places[k]);
        STR_EQ(readdir(d)->d_name, after[k]);
    }
}

RULE(seekdir_to_the_start_lists_all_again)
{
    unsigned char seen[NAMES] = { 0 };
    make_many("d", NAMES);
    DIR *d = dir_open("d");
    long start = telldir(d);
    EQ(list_rest(d, seen, NAMES, NULL), NAMES);
    seekdir(d, start);
    EQ(list_rest(d, seen, NAMES, NULL), NAMES);
    for (unsigned i = 0; i < NAMES; i++)
        EQ(seen[i], 2);
}

RULE(readdir_while_names_are_removed_lists_all_that_stay_once)
{
    unsigned char seen[NAMES] = { 0 };
    char name[64];
    make_many("d", NAMES);
    DIR *d = dir_open("d");
    for (unsigned i = 0; i < 10; i++) {
        struct dirent *e = readdir(d);
        unsigned k = NAMES;
        if (sscanf(e->d_name, "n%u", &k) == 1)
            seen[k]++;
    }
    for (unsigned i = 0; i < NAMES; i += 2) {
        snprintf(name, sizeof name, "d/n%u", i);
        OK(unlink(name));
    }
    list_rest(d, seen, NAMES, NULL);
    for (unsigned i = 1; i < NAMES; i += 2)
        EQ(seen[i], 1);
    for (unsigned i = 0; i < NAMES; i += 2)
        COMPARE(seen[i], <=, 1);
}

RULE(readdir_while_names_are_added_lists_all_that_were_there_once)
{
    unsigned char seen[NAMES] = { 0 };
    char name[64];
    make_many("d", NAMES);
    DIR *d = dir_open("d");
    for (unsigned i = 0; i < 10; i++) {
        struct dirent *e = readdir(d);
        unsigned k = NAMES;
        if (sscanf(e->d_name, "n%u", &k) == 1)
            seen[k]++;
    }
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "d/other%u", i);
        file_make(name, "");
    }
    list_rest(d, seen, NAMES, NULL);
    for (unsigned i = 0; i < NAMES; i++)
        EQ(seen[i], 1);
}

RULE(readdir_while_everything_it_lists_is_removed_empties_the_directory)
{
    char name[NAME_MAX + 4];
    make_many("d", NAMES);
    DIR *d = dir_open("d");
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        snprintf(name, sizeof name, "d/%s", e->d_name);
        if (e->d_name[0] != '.')
            OK(unlink(name));
    }
    closedir(d);
    OK(rmdir("d"));
}

RULE(readdir_while_names_are_renamed_lists_the_others_once)
{
    unsigned char seen[NAMES] = { 0 };
    char name[64], other[64];
    make_many("d", NAMES);
    DIR *d = dir_open("d");
    for (unsigned i = 0; i < NAMES; i += 5) {
        struct dirent *e = readdir(d);
        unsigned k = NAMES;
        if (e != NULL && sscanf(e->d_name, "n%u", &k) == 1)
            seen[k]++;
        snprintf(name, sizeof name, "d/n%u", i);
        snprintf(other, sizeof other, "d/r%u", i);
        OK(rename(name, other));
    }
    list_rest(d, seen, NAMES, NULL);
    for (unsigned i = 0; i < NAMES; i++)
        if (i % 5 != 0)
            EQ(seen[i], 1);
}

RULE(readdir_by_two_readers_goes_on_apart)
{
    unsigned char seen[NAMES] = { 0 };
    make_many("d", 100);
    DIR *a = dir_open("d"), *b = dir_open("d");
    for (unsigned i = 0; i < 20; i++)
        (void)readdir(a);
    EQ(list_rest(b, seen, NAMES, NULL), 100);
    memset(seen, 0, sizeof seen);
    COMPARE(list_rest(a, seen, NAMES, NULL), >=, 80);
}

RULE(readdir_of_a_directory_opened_while_empty_shows_later_names_after_a_rewind)
{
    unsigned char seen[NAMES] = { 0 };
    dir_make("d");
    DIR *d = dir_open("d");
    EQ(list_rest(d, seen, NAMES, NULL), 0);
    file_make("d/n1", "");
    rewinddir(d);
    EQ(list_rest(d, seen, NAMES, NULL), 1);
}

RULE(getdents_with_a_buffer_for_one_name_lists_all)
{
    char buffer[64];
    unsigned total = 0;
    make_many("d", 30);
    int fd = open_ok("d", O_RDONLY | O_DIRECTORY);
    for (;;) {
        long got = syscall(SYS_getdents64, fd, buffer, sizeof buffer);
        OK(got);
        if (got == 0)
            break;
        for (long at = 0; at < got; at += *(uint16_t *)(void *)(buffer + at + 16))
            total++;
    }
    EQ(total, 32);
}

RULE(getdents_without_room_for_a_name_is_EINVAL)
{
    char buffer[8];
    file_make("x", "");
    FAILS(syscall(SYS_getdents64, open_ok(".", O_RDONLY | O_DIRECTORY), buffer, sizeof buffer), EINVAL);
}

RULE(getdents_of_a_file_is_ENOTDIR)
{
    char buffer[256];
    file_make("x", "");
    FAILS(syscall(SYS_getdents64, open_ok("x", O_RDONLY), buffer, sizeof buffer), ENOTDIR);
}

RULE(opendir_of_a_file_is_ENOTDIR)
{
    file_make("x", "");
    TRUE(opendir("x") == NULL);
    EQ(errno, ENOTDIR);
}

RULE(names_of_every_byte)
{
    char name[3] = "_";
    unsigned char seen[256] = { 0 };
    dir_make("d");
    be_in("d");
    for (unsigned i = 1; i < 256; i++) {
        name[1] = (char)i;
        if (i != '/')
            file_make(name, name);
    }
    DIR *d = dir_open(".");
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        if (e->d_name[0] == '_') {
            EQ(strlen(e->d_name), 2);
            seen[(unsigned char)e->d_name[1]]++;
            STR_EQ(file_text(e->d_name), e->d_name);
        }
    for (unsigned i = 1; i < 256; i++)
        EQ(seen[i], i == '/' ? 0 : 1);
}

RULE(names_are_bytes_and_case_counts)
{
    file_make("name", "small");
    file_make("NAME", "large");
    file_make("\xc3\xa4", "composed");
    file_make("a\xcc\x88", "decomposed");
    STR_EQ(file_text("name"), "small");
    STR_EQ(file_text("NAME"), "large");
    STR_EQ(file_text("\xc3\xa4"), "composed");
    STR_EQ(file_text("a\xcc\x88"), "decomposed");
}
