/* SPDX-License-Identifier: MIT */
/*
 * What the tests of devmem share: a file system in memory with its user, and calls by path.
 */
#ifndef DEV_DEVMEM_TEST_H
#define DEV_DEVMEM_TEST_H

#include "dev/devmem.h"

#include <stdio.h>
#include <string.h>

#include "kern/account.h"
#include "kern/chan.h"
#include "kern/count.h"
#include "kern/task.h"
#include "test/test.h"

/* A file system and who uses it: a task of which only the account is looked at. */
typedef struct Mem {
    Kernel kernel;
    Task task;
    Call call;
    File *root;
    int64_t files, inodes, blocks;  /* before */
} Mem;

static inline void mem_begin(Mem *m)
{
    memset(m, 0, sizeof *m);
    m->files = count_of(OBJ_FILE);
    m->inodes = count_of(OBJ_INODE);
    m->blocks = count_of(OBJ_BLOCK);
    m->task.kernel = &m->kernel;
    m->kernel.uid = 12;
    m->task.account = account_new(NULL);
    TRUE(m->task.account != NULL);
    call_init(&m->call, &m->task);
    OK(devmem_new(&m->call, &m->root));
}

/* Everything is gone and paid back. */
static inline void mem_end(Mem *m)
{
    AccountSums sums;
    file_put(m->root);
    account_sums(m->task.account, &sums);
    EQ(sums.mem_current, 0);
    EQ(count_of(OBJ_FILE), m->files);
    EQ(count_of(OBJ_INODE), m->inodes);
    EQ(count_of(OBJ_BLOCK), m->blocks);
    call_destroy(&m->call);
    account_put(m->task.account);
}

static inline uint64_t charged(Mem *m)
{
    AccountSums sums;
    account_sums(m->task.account, &sums);
    return sums.mem_current;
}

static inline void limit(Mem *m, uint64_t bytes)
{
    OK(account_limit_memory(&m->call, m->task.account, bytes, true));
}

/* Takes what is left, to the last byte of the account's stock; returns what to give back. */
static inline uint64_t fill(Mem *m)
{
    uint64_t taken = 0;
    for (size_t n = 1 << 20; n > 0; n /= 2)
        for (; account_charge(m->task.account, n) == 0; taken += n) {
        }
    return taken;
}

/* The file at a path such as "a/b"; owned. */
static inline int lookup(Mem *m, const char *path, File **out)
{
    File *at = file_get(m->root);
    char name[NAME_MAX_LEN + 1];
    while (*path != '\0') {
        size_t n = strcspn(path, "/");
        memcpy(name, path, n);
        name[n] = '\0';
        path += path[n] == '/' ? n + 1 : n;
        File *next = NULL;
        int r = at->type != TYPE_DIR ? -ENOTDIR : devmem.walk(&m->call, at, name, &next);
        file_put(at);
        if (r < 0)
            return r;
        at = next;
    }
    *out = at;
    return 0;
}

static inline File *must(Mem *m, const char *path)
{
    File *f = NULL;
    OK(lookup(m, path, &f));
    return f;
}

/* The directory of path; *name is its last name. */
static inline File *parent(Mem *m, const char *path, const char **name)
{
    char dir[512];
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL ? 0 : (size_t)(slash - path);
    memcpy(dir, path, n);
    dir[n] = '\0';
    *name = slash == NULL ? path : slash + 1;
    return must(m, dir);
}

static inline int make_file(Mem *m, const char *path)
{
    const char *name;
    AUTO_FILE *dir = parent(m, path, &name);
    AUTO_FILE *made = NULL;
    return devmem.create(&m->call, dir, name, 0644, 0, &made);
}

static inline int make_dir(Mem *m, const char *path)
{
    const char *name;
    AUTO_FILE *dir = parent(m, path, &name);
    AUTO_FILE *made = NULL;
    return devmem.mkdir(&m->call, dir, name, 0755, &made);
}

static inline int make_link(Mem *m, const char *path, const char *target)
{
    const char *name;
    AUTO_FILE *dir = parent(m, path, &name);
    AUTO_FILE *made = NULL;
    return devmem.symlink(&m->call, dir, name, target, &made);
}

static inline int hard_link(Mem *m, const char *old, const char *path)
{
    const char *name;
    AUTO_FILE *file = must(m, old);
    AUTO_FILE *dir = parent(m, path, &name);
    return devmem.link(&m->call, dir, name, file);
}

static inline int rename_to(Mem *m, const char *old, const char *path)
{
    const char *name, *newname;
    AUTO_FILE *from = parent(m, old, &name);
    AUTO_FILE *to = parent(m, path, &newname);
    return devmem.rename(&m->call, from, name, to, newname);
}

static inline int unlink_at(Mem *m, const char *path)
{
    const char *name;
    AUTO_FILE *dir = parent(m, path, &name);
    return devmem.unlink(&m->call, dir, name, false);
}

static inline int rmdir_at(Mem *m, const char *path)
{
    const char *name;
    AUTO_FILE *dir = parent(m, path, &name);
    return devmem.unlink(&m->call, dir, name, true);
}

static inline int64_t write_file(Mem *m, File *f, const void *s, size_t n, uint64_t off)
{
    Chan ch = { .file = f };
    return devmem.write(&m->call, &ch, s, n, off);
}

static inline int64_t read_file(Mem *m, File *f, void *s, size_t n, uint64_t off)
{
    Chan ch = { .file = f };
    return devmem.read(&m->call, &ch, s, n, off);
}

static inline Attr attr_of(Mem *m, File *f)
{
    Attr a;
    OK(devmem.getattr(&m->call, f, &a));
    return a;
}

static inline int set_size(Mem *m, File *f, uint64_t size)
{
    Attr a = { .size = size };
    return devmem.setattr(&m->call, f, SET_SIZE, &a);
}

/* A tree with one thing of each kind. */
static inline void populate(Mem *m)
{
    OK(make_dir(m, "empty"));
    OK(make_dir(m, "dir"));
    OK(make_dir(m, "dir/sub"));
    OK(make_file(m, "file"));
    OK(make_file(m, "dir/file"));
    OK(make_link(m, "link", "file"));
    OK(hard_link(m, "file", "same"));
}

#endif
