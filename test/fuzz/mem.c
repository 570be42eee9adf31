/* SPDX-License-Identifier: MIT */
/*
 * Names of tmpfs against a naive model: bytes become calls on a few directories, held open also when they are removed, and a few
 * names. Every call answers as the model does; at the end every directory lists what the model has, once, every link count is
 * right, and nothing is left over.
 */
#include <string.h>

#include "dev/devmem.h"
#include "kern/account.h"
#include "kern/chan.h"
#include "kern/count.h"
#include "kern/task.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NODES = 48, NAMES = 12, STEP = 5 };
enum { CREATE, MKDIR, SYMLINK, LINK, UNLINK, RMDIR, RENAME, RENAME_MORE, VERBS };

typedef struct Node {
    File *file;                     /* a reference of the fuzzer's: what is removed stays known */
    bool is_dir, dead;
    unsigned nlink;
    int parent;                     /* of a directory that has a name, else -1 */
    int name[NAMES];                /* of a directory: node, or -1 */
} Node;

typedef struct Fuzz {
    Call call;
    Task task;
    Node node[NODES];               /* 0 is the root */
    int count;
    int listed[NAMES];              /* of the directory that is being listed */
} Fuzz;

/* Some are found in a table by a hash, some by looking at each: a directory of the model has fewer names than that takes. */
static const char *const names[NAMES] = { "a",        "b",         "c",   "dd",  "eeee", "fffffff",
                                          "gggggggg", "hhhhhhhhh", "i.i", "..j", "k k",  "l" };

static int node_add(Fuzz *f, File *file, bool is_dir, int parent)
{
    Node *n = &f->node[f->count];
    *n = (Node){ .file = file, .is_dir = is_dir, .nlink = is_dir ? 2 : 1, .parent = parent };
    for (int i = 0; i < NAMES; i++)
        n->name[i] = -1;
    return f->count++;
}

static bool is_empty(const Node *n)
{
    for (int i = 0; i < NAMES; i++)
        if (n->name[i] >= 0)
            return false;
    return true;
}

static bool is_above(const Fuzz *f, int n, int dir)
{
    while (dir >= 0 && dir != n)
        dir = f->node[dir].parent;
    return dir == n;
}

static int vacant(const Node *dir, int name)
{
    return dir->dead ? -ENOENT : dir->name[name] >= 0 ? -EEXIST : 0;
}

static void make(Fuzz *f, int verb, int d, int name)
{
    Node *dir = &f->node[d];
    File *made = NULL;
    int expect = vacant(dir, name), r;
    if (f->count == NODES)
        return;
    if (verb == CREATE)
        r = devmem.create(&f->call, dir->file, names[name], 0600, 0, &made);
    else if (verb == MKDIR)
        r = devmem.mkdir(&f->call, dir->file, names[name], 0700, &made);
    else
        r = devmem.symlink(&f->call, dir->file, names[name], "x", &made);
    ASSERT(r == expect);
    if (r < 0)
        return;
    dir->name[name] = node_add(f, made, verb == MKDIR, verb == MKDIR ? d : -1);
    dir->nlink += verb == MKDIR;
}

static void link_to(Fuzz *f, int d, int name, int n)
{
    Node *dir = &f->node[d], *node = &f->node[n];
    int expect = node->is_dir ? -EPERM : vacant(dir, name);
    if (expect == 0 && node->nlink == 0)
        expect = -ENOENT;
    ASSERT(devmem.link(&f->call, dir->file, names[name], node->file) == expect);
    if (expect < 0)
        return;
    dir->name[name] = n;
    node->nlink++;
}

/* What happens to a node that loses a name. */
static void lose(Fuzz *f, Node *dir, int n)
{
    Node *node = &f->node[n];
    if (!node->is_dir) {
        node->nlink--;
        return;
    }
    node->nlink = 0;
    node->dead = true;
    node->parent = -1;
    dir->nlink--;
}

static void remove_name(Fuzz *f, int d, int name, bool rmdir)
{
    Node *dir = &f->node[d];
    int n = dir->name[name], expect = 0;
    if (n < 0)
        expect = -ENOENT;
    else if (f->node[n].is_dir != rmdir)
        expect = rmdir ? -ENOTDIR : -EISDIR;
    else if (rmdir && !is_empty(&f->node[n]))
        expect = -ENOTEMPTY;
    ASSERT(devmem.unlink(&f->call, dir->file, names[name], rmdir) == expect);
    if (expect < 0)
        return;
    dir->name[name] = -1;
    lose(f, dir, n);
}

static int rename_expect(const Fuzz *f, int from, int name, int to, int newname)
{
    int n = f->node[from].name[name], over = f->node[to].name[newname];
    if (n < 0)
        return -ENOENT;
    if (f->node[n].is_dir && is_above(f, n, to))
        return -EINVAL;
    if (f->node[to].dead)
        return -ENOENT;
    if (over < 0 || over == n)
        return 0;
    if (f->node[n].is_dir != f->node[over].is_dir)
        return f->node[n].is_dir ? -ENOTDIR : -EISDIR;
    return f->node[over].is_dir && !is_empty(&f->node[over]) ? -ENOTEMPTY : 0;
}

static void rename_to(Fuzz *f, int from, int name, int to, int newname)
{
    int expect = rename_expect(f, from, name, to, newname);
    ASSERT(devmem.rename(&f->call, f->node[from].file, names[name], f->node[to].file, names[newname]) == expect);
    int n = f->node[from].name[name], over = f->node[to].name[newname];
    if (expect < 0 || over == n)
        return;
    if (over >= 0)
        lose(f, &f->node[to], over);
    f->node[from].name[name] = -1;
    f->node[to].name[newname] = n;
    if (f->node[n].is_dir) {
        f->node[n].parent = to;
        f->node[from].nlink--;
        f->node[to].nlink++;
    }
}

/* The k-th directory, or with files, the k-th node. */
static int pick(const Fuzz *f, unsigned k, bool files)
{
    int n = (int)(k % (unsigned)f->count);
    while (!files && !f->node[n].is_dir)
        n = (n + 1) % f->count;
    return n;
}

static void step(Fuzz *f, const uint8_t *b)
{
    int d = pick(f, b[1], false), name = b[2] % NAMES, verb = b[0] % VERBS;
    if (verb <= SYMLINK)
        make(f, verb, d, name);
    else if (verb == LINK)
        link_to(f, d, name, pick(f, b[3], true));
    else if (verb <= RMDIR)
        remove_name(f, d, name, verb == RMDIR);
    else
        rename_to(f, d, name, pick(f, b[3], false), b[4] % NAMES);
}

static int note_entry(void *arg, const Dirent *e)
{
    Fuzz *f = arg;
    int i = 0;
    while (i < NAMES && strcmp(names[i], e->name) != 0)
        i++;
    ASSERT(i < NAMES && f->listed[i] < 0);
    for (int n = 0; n < f->count; n++)
        if (f->node[n].file->id == e->id)
            f->listed[i] = n;
    return 0;
}

static void compare(Fuzz *f)
{
    for (int n = 0; n < f->count; n++) {
        Node *node = &f->node[n];
        Attr a;
        Chan ch = { .file = node->file };
        ASSERT(devmem.getattr(&f->call, node->file, &a) == 0 && a.nlink == node->nlink);
        if (!node->is_dir)
            continue;
        memset(f->listed, 0xff, sizeof f->listed);
        ASSERT(devmem.readdir(&f->call, &ch, 0, note_entry, f) == 0);
        ASSERT(memcmp(f->listed, node->name, sizeof f->listed) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Fuzz f;
    int64_t inodes = count_of(OBJ_INODE), files = count_of(OBJ_FILE), blocks = count_of(OBJ_BLOCK);
    memset(&f, 0, sizeof f);
    f.task.account = account_new(NULL);
    call_init(&f.call, &f.task);
    File *root = NULL;
    ASSERT(devmem_new(&f.call, &root) == 0);
    (void)node_add(&f, root, true, -1);
    for (size_t at = 0; at + STEP <= size; at += STEP)
        step(&f, data + at);
    compare(&f);
    /* In an order of the input's choosing: the last reference may be a name's or ours. */
    for (int i = 0; i < f.count; i++)
        file_put(f.node[size % 2 == 0 ? i : f.count - 1 - i].file);
    call_destroy(&f.call);
    AccountSums sums;
    account_sums(f.task.account, &sums);
    account_put(f.task.account);
    ASSERT(sums.mem_current == 0);
    ASSERT(count_of(OBJ_INODE) == inodes && count_of(OBJ_FILE) == files && count_of(OBJ_BLOCK) == blocks);
    return 0;
}
