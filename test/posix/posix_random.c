/* SPDX-License-Identifier: MIT */
/*
 * Many operations by chance (--seed), compared with a model: the bytes of a file with memory, and a tree of names with one on a file
 * system of the host (--twin), where every call must come to the same end.
 */
#include "posix.h"

#include <sys/mman.h>

enum { LONGEST = 300000, STEPS = 1500, MAPPED = 65536 };

static unsigned state;

static unsigned chance(unsigned n)
{
    state = state * 1664525 + 1013904223;
    return (state >> 8) % n;
}

/* ---- one file -------------------------------------------------------------------------------------------------------- */

typedef struct Model {
    int fd[2], end;                 /* two ways to the same file; end appends */
    char *bytes;                    /* what has to be there: LONGEST */
    size_t size;
    char *map;                      /* of the first MAPPED bytes */
} Model;

static void check_range(const Model *m, size_t at, size_t n)
{
    static char got[LONGEST + 1];
    size_t wanted = at >= m->size ? 0 : n > m->size - at ? m->size - at : n;
    EQ(OK(pread(m->fd[chance(2)], got, n, (off_t)at)), wanted);
    for (size_t i = 0; i < wanted; i++)
        if (got[i] != m->bytes[at + i])
            EQ(at + i, (size_t)-1);     /* the first byte that is another */
}

static void fill(char *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (char)chance(256);
}

/* n bytes from at, by write or append; what was behind the end before is zero. */
static void put(Model *m, size_t at, size_t n, int fd, bool append)
{
    if (at > m->size && n > 0)
        memset(m->bytes + m->size, 0, at - m->size);
    fill(m->bytes + at, n);
    EQ(OK(append ? write(fd, m->bytes + at, n) : pwrite(fd, m->bytes + at, n, (off_t)at)), n);
    if (at + n > m->size && n > 0)
        m->size = at + n;
}

static void put_mapped(Model *m)
{
    size_t room = m->size < MAPPED ? m->size : MAPPED;
    if (room == 0)
        return;
    size_t at = chance((unsigned)room), n = chance(5000);
    if (n > room - at)
        n = room - at;
    fill(m->bytes + at, n);
    memcpy(m->map + at, m->bytes + at, n);
    if (chance(4) == 0)
        OK(msync(m->map, MAPPED, MS_SYNC));
}

static void cut(Model *m, size_t size)
{
    OK(ftruncate(m->fd[chance(2)], (off_t)size));
    if (size > m->size)
        memset(m->bytes + m->size, 0, size - m->size);
    m->size = size;
}

static void one_step(Model *m)
{
    size_t n = chance(chance(3) == 0 ? 70000 : 300), at = chance(LONGEST - 70000);
    switch (chance(8)) {
    case 0:
    case 1:
        put(m, at, n, m->fd[chance(2)], false);
        break;
    case 2:
        put_mapped(m);
        break;
    case 3:
        if (m->size + n <= LONGEST)
            put(m, m->size, n, m->end, true);
        break;
    case 4:
        cut(m, chance(3) == 0 ? chance(5000) : at);
        break;
    case 5:
        for (size_t i = 0; i < MAPPED && i < m->size; i += 509)
            EQ(m->map[i], m->bytes[i]);
        break;
    default:
        check_range(m, at, n);
    }
    EQ(stat_of("x").st_size, m->size);
}

RULE(random_reads_writes_cuts_and_maps_of_one_file)
{
    Model m = { .bytes = calloc(1, LONGEST + 1) };
    m.fd[0] = open_ok("x", O_RDWR | O_CREAT);
    m.fd[1] = open_ok("x", O_RDWR);
    m.end = open_ok("x", O_WRONLY | O_APPEND);
    m.map = mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, MAP_SHARED, m.fd[0], 0);
    TRUE(m.map != MAP_FAILED);
    state = random_seed;
    for (unsigned i = 0; i < STEPS; i++)
        one_step(&m);
    check_range(&m, 0, LONGEST);
    OK(munmap(m.map, MAPPED));
    for (unsigned i = 0; i < 2; i++)
        OK(close(m.fd[i]));
    m.fd[0] = m.fd[1] = open_ok("x", O_RDONLY);
    check_range(&m, 0, LONGEST);
    free(m.bytes);
}

/* ---- names ----------------------------------------------------------------------------------------------------------- */

static const char *some_path(void)
{
    static char path[4][64];
    static unsigned turn;
    static const char *const names[] = { "a", "b", "c", "d", "." };
    char *s = path[turn++ % 4];
    unsigned depth = 1 + chance(3);
    s[0] = '\0';
    for (unsigned i = 0; i < depth; i++) {
        strcat(s, i > 0 ? "/" : "");
        strcat(s, names[chance(i + 1 == depth ? 4 : 5)]);
    }
    if (chance(12) == 0)
        strcat(s, "/");
    return s;
}

typedef struct Step {
    unsigned verb, number;
    const char *a, *b;
} Step;

static int open_and_write(int dir, const Step *s)
{
    static const int flags[] = { O_WRONLY,
                                 O_WRONLY | O_CREAT,
                                 O_WRONLY | O_CREAT | O_EXCL,
                                 O_RDWR | O_TRUNC,
                                 O_WRONLY | O_CREAT | O_NOFOLLOW,
                                 O_RDONLY | O_DIRECTORY,
                                 O_WRONLY | O_APPEND };
    int fd = openat(dir, s->a, flags[s->number % 7], 0640);
    if (fd < 0)
        return -1;
    if (flags[s->number % 7] != (O_RDONLY | O_DIRECTORY))
        EQ(OK(write(fd, "some text", s->number % 9)), s->number % 9);
    return close(fd);
}

static int do_step(int dir, const Step *s)
{
    struct stat st;
    switch (s->verb) {
    case 0:
    case 1:
        return open_and_write(dir, s);
    case 2:
    case 3:
        return mkdirat(dir, s->a, 0700 | s->number % 0100);
    case 4:
        return unlinkat(dir, s->a, AT_REMOVEDIR);
    case 5:
        return unlinkat(dir, s->a, 0);
    case 6:
    case 7:
    case 8:
        return renameat(dir, s->a, dir, s->b);
    case 9:
        return linkat(dir, s->a, dir, s->b, s->number % 2 == 0 ? AT_SYMLINK_FOLLOW : 0);
    case 10:
        return symlinkat(s->b, dir, s->a);
    case 11:
        return fchmodat(dir, s->a, 0700 | s->number % 0100, 0);
    default:
        return fstatat(dir, s->a, &st, s->number % 2 == 0 ? AT_SYMLINK_NOFOLLOW : 0);
    }
}

/* All that is to be seen below dir, a line a name; the lines of a directory are sorted. */
static void describe(int dir, const char *path, FILE *to);

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void describe_one(int dir, const char *path, const char *name, FILE *to)
{
    struct stat st;
    char text[256] = "", below[512];
    OK(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW));
    if (S_ISLNK(st.st_mode))
        OK(readlinkat(dir, name, text, sizeof text - 1));
    else if (S_ISREG(st.st_mode))
        OK(close((int)OK(openat(dir, name, O_RDONLY))));
    bool is_dir = S_ISDIR(st.st_mode);
    fprintf(to, "%s/%s %o %ld %ld %s\n", path, name, (unsigned)st.st_mode, (long)st.st_nlink,
            is_dir ? 0 : (long)st.st_size, text);
    if (!is_dir)
        return;
    snprintf(below, sizeof below, "%s/%s", path, name);
    describe((int)OK(openat(dir, name, O_RDONLY | O_DIRECTORY)), below, to);
}

static void describe(int dir, const char *path, FILE *to)
{
    struct dirent **names = NULL;
    int n = (int)OK(scandirat(dir, ".", &names, NULL, by_name));
    for (int i = 0; i < n; i++) {
        if (strcmp(names[i]->d_name, ".") != 0 && strcmp(names[i]->d_name, "..") != 0)
            describe_one(dir, path, names[i]->d_name, to);
        free(names[i]);
    }
    free(names);
    OK(close(dir));
}

static char *description(int dir)
{
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    TRUE(to != NULL);
    describe((int)OK(openat(dir, ".", O_RDONLY | O_DIRECTORY)), "", to);
    fclose(to);
    return text;
}

static void same_step(int here, int there, unsigned i)
{
    Step s = { .verb = chance(14), .number = chance(1000), .a = some_path(), .b = some_path() };
    int r1 = do_step(there, &s), e1 = r1 < 0 ? errno : 0;
    int r2 = do_step(here, &s), e2 = r2 < 0 ? errno : 0;
    if (e1 == e2)
        return;
    printf("     seed %u, step %u: verb %u of %s and %s, number %u\n", random_seed, i, s.verb, s.a, s.b, s.number);
    STR_EQ(e2 == 0 ? "success" : strerrorname_np(e2), e1 == 0 ? "success" : strerrorname_np(e1));
}

RULE(random_names_come_to_the_same_as_on_another_file_system)
{
    if (twin_dir == NULL)
        skip("no directory to compare with (--twin)");
    char name[64];
    snprintf(name, sizeof name, "%d", (int)getpid());
    int twins = (int)OK(open(twin_dir, O_RDONLY | O_DIRECTORY));
    OK(mkdirat(twins, name, 0755));
    dir_make("d");
    int there = (int)OK(openat(twins, name, O_RDONLY | O_DIRECTORY)), here = open_ok("d", O_RDONLY | O_DIRECTORY);
    state = random_seed;
    for (unsigned i = 0; i < 4 * STEPS; i++) {
        same_step(here, there, i);
        if (i % 100 != 0)
            continue;
        char *wanted = description(there), *got = description(here);
        STR_EQ(got, wanted);
        free(wanted);
        free(got);
    }
    OK(fchdir(twins));
    remove_tree(name);
    OK(rmdir(name));
}

/* ---- by several processes at once ------------------------------------------------------------------------------------ */

static int many_steps(void *arg)
{
    int dir = open_ok("d", O_RDONLY | O_DIRECTORY);
    state = random_seed + *(unsigned *)arg * 7919;
    for (unsigned i = 0; i < STEPS; i++) {
        Step s = { .verb = chance(14), .number = chance(1000), .a = some_path(), .b = some_path() };
        (void)do_step(dir, &s);
    }
    return 0;
}

/* A directory has as many links as directories in it, and two more. */
static void count_links(int dir)
{
    struct stat st;
    struct dirent **names = NULL;
    unsigned dirs = 0;
    int n = (int)OK(scandirat(dir, ".", &names, NULL, by_name));
    for (int i = 0; i < n; i++) {
        OK(fstatat(dir, names[i]->d_name, &st, AT_SYMLINK_NOFOLLOW));
        if (S_ISDIR(st.st_mode) && names[i]->d_name[0] != '.') {
            dirs++;
            count_links((int)OK(openat(dir, names[i]->d_name, O_RDONLY | O_DIRECTORY)));
        }
        free(names[i]);
    }
    free(names);
    OK(fstat(dir, &st));
    if (st.st_nlink != 1)               /* some file systems do not count */
        EQ(st.st_nlink, dirs + 2);
    OK(close(dir));
}

RULE(random_names_by_several_processes_leave_a_whole_tree)
{
    enum { PROCESSES = 4 };
    static unsigned numbers[PROCESSES];
    pid_t pids[PROCESSES];
    dir_make("d");
    for (unsigned i = 0; i < PROCESSES; i++) {
        numbers[i] = i;
        pids[i] = child_start(many_steps, &numbers[i]);
    }
    for (unsigned i = 0; i < PROCESSES; i++)
        EQ(child_end(pids[i]), 0);
    char *first = description(open_ok("d", O_RDONLY | O_DIRECTORY));
    char *again = description(open_ok("d", O_RDONLY | O_DIRECTORY));
    STR_EQ(again, first);
    count_links(open_ok("d", O_RDONLY | O_DIRECTORY));
    free(first);
    free(again);
}
