/* SPDX-License-Identifier: MIT */
/*
 * The names of an archive: one table over (directory, name) for all of them. A node is counted only while somebody outside the tree
 * refers to it; each such node holds one reference on the Tar, so the tree goes when the last of them does, without a lock and
 * without recursion.
 */
#include "dev/devtar.h"

#include <string.h>

#include "kern/account.h"
#include "kern/count.h"
#include "kern/task.h"

enum { TABLE_BITS = 6, MADE_MODE = 0755 };              /* MADE_MODE: of directories that have no entry */
#define SPACE_FIRST UINT64_C(0x74000000)                /* device numbers of archives */

static void *tar_alloc(Tar *t, size_t n)
{
    return account_alloc(t->account, n);
}

static void tar_free(Tar *t, void *p, size_t n)
{
    account_free(t->account, p, n);
}

static size_t table_bytes(unsigned bits)
{
    return sizeof(TarName *) << bits;
}

int tar_new(Call *c, Chan *archive, Tar **out)
{
    static atomic_uint_least64_t spaces;
    Account *a = call_account(c);
    Tar *t = account_alloc(a, sizeof *t);
    if (t == NULL)
        return -ENOMEM;
    ref_init(&t->ref);
    t->account = account_get(a);
    t->archive = chan_get(archive);
    t->space = SPACE_FIRST + atomic_fetch_add(&spaces, 1);
    t->names_end = &t->names;
    random_bytes(&t->seed, sizeof t->seed);
    if (c->task != NULL && c->task->kernel != NULL) {
        t->uid = c->task->kernel->uid;
        t->gid = c->task->kernel->gid;
    }
    t->table_bits = TABLE_BITS;
    t->table = tar_alloc(t, table_bytes(t->table_bits));
    int r = t->table == NULL ? -ENOMEM : tarnode_new(t, TYPE_DIR, NULL, &t->root);
    if (r < 0) {
        tar_put(t);
        return r;
    }
    t->root->mode = MADE_MODE;
    *out = t;
    return 0;
}

void tar_put(Tar *t)
{
    if (!ref_put(&t->ref))
        return;
    for (TarNode *n = t->nodes, *next; n != NULL; n = next) {
        next = n->next;
        count_sub(OBJ_INODE, n);
        tar_free(t, n, n->size_charged);
    }
    for (TarName *n = t->names, *next; n != NULL; n = next) {
        next = n->next;
        tar_free(t, n, n->size);
    }
    tar_free(t, t->table, table_bytes(t->table_bits));
    tar_free(t, t->list, t->name_count * sizeof *t->list);
    chan_put(t->archive);
    Account *a = t->account;
    account_free(a, t, sizeof *t);
    account_put(a);
}

File *tar_file(TarNode *n)
{
    unsigned count = atomic_load_explicit(&n->file.ref.n, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&n->file.ref.n, &count, count + 1)) {
    }
    if (count == 0) {
        ref_get(&n->tar->ref);
        count_add(OBJ_FILE, &n->file);
    }
    return &n->file;
}

int tarnode_new(Tar *t, uint16_t type, const char *target, TarNode **out)
{
    size_t size = sizeof(TarNode) + (target == NULL ? 0 : strlen(target) + 1);
    TarNode *n = tar_alloc(t, size);
    if (n == NULL)
        return -ENOMEM;
    count_add(OBJ_INODE, n);
    n->file.dev = &devtar;
    n->file.type = type;
    n->file.space = t->space;
    n->file.id = ++t->node_count;
    n->tar = t;
    n->size_charged = (uint32_t)size;
    if (target != NULL)
        strcpy(n->target, target);
    n->next = t->nodes;
    t->nodes = n;
    *out = n;
    return 0;
}

/* ---- finding and adding ----------------------------------------------------------------------------------------------- */

/* FNV-1a over the directory's number and the name, seeded: an archive cannot choose which of its names collide. */
static uint64_t hash_of(const Tar *t, const TarNode *dir, const char *name, size_t len)
{
    uint64_t h = t->seed ^ dir->file.id * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)name[i]) * UINT64_C(0x100000001b3);
    h ^= h >> 32;
    return h * UINT64_C(0x9e3779b97f4a7c15);
}

/* The place of a hash: its upper bits. */
static size_t place_of(const Tar *t, uint64_t hash)
{
    return (size_t)(hash >> (64 - t->table_bits));
}

static size_t next_place(const Tar *t, size_t i)
{
    return (i + 1) & ((UINT64_C(1) << t->table_bits) - 1);
}

TarName *tar_find(const Tar *t, const TarNode *dir, const char *name, size_t len)
{
    uint64_t hash = hash_of(t, dir, name, len);
    for (size_t i = place_of(t, hash); t->table[i] != NULL; i = next_place(t, i)) {
        TarName *n = t->table[i];
        if (n->hash == hash && n->dir == dir && strncmp(n->name, name, len) == 0 && n->name[len] == '\0')
            return n;
    }
    return NULL;
}

static void table_put(Tar *t, TarName *n)
{
    size_t i = place_of(t, n->hash);
    while (t->table[i] != NULL)
        i = next_place(t, i);
    t->table[i] = n;
}

static int table_grow(Tar *t)
{
    TarName **bigger = tar_alloc(t, table_bytes(t->table_bits + 1));
    if (bigger == NULL)
        return -ENOMEM;
    tar_free(t, t->table, table_bytes(t->table_bits));
    t->table = bigger;
    t->table_bits++;
    for (TarName *n = t->names; n != NULL; n = n->next)
        table_put(t, n);
    return 0;
}

int tar_add(Tar *t, TarNode *dir, const char *name, size_t len, TarNode *node)
{
    if (2 * (t->name_count + 1) > UINT64_C(1) << t->table_bits) {
        int r = table_grow(t);
        if (r < 0)
            return r;
    }
    size_t size = sizeof(TarName) + len + 1;
    TarName *n = tar_alloc(t, size);
    if (n == NULL)
        return -ENOMEM;
    n->dir = dir;
    n->node = node;
    n->hash = hash_of(t, dir, name, len);
    n->size = (uint32_t)size;
    memcpy(n->name, name, len);
    table_put(t, n);
    *t->names_end = n;
    t->names_end = &n->next;
    t->name_count++;
    return 0;
}

/* ---- paths of the archive --------------------------------------------------------------------------------------------- */

/* The next name of *path, without empty ones and "."; length 0 at the end. */
static size_t next_name(const char **path, const char **name)
{
    for (;;) {
        const char *s = *path + strspn(*path, "/");
        size_t len = strcspn(s, "/");
        *path = s + len;
        *name = s;
        if (len != 1 || s[0] != '.')
            return len;
    }
}

static bool bad_name(const char *name, size_t len)
{
    return len > NAME_MAX_LEN || (len == 2 && memcmp(name, "..", 2) == 0);
}

static int make_dir(Tar *t, TarNode *dir, const char *name, size_t len, int64_t mtime, TarNode **out)
{
    TarNode *made = NULL;
    int r = tarnode_new(t, TYPE_DIR, NULL, &made);
    if (r < 0)
        return r;
    made->mode = MADE_MODE;
    made->mtime = mtime;
    r = tar_add(t, dir, name, len, made);
    if (r == 0)
        *out = made;
    return r;
}

static bool bad_path(const char *path)
{
    const char *name = NULL;
    for (size_t n; (n = next_name(&path, &name)) > 0;)
        if (bad_name(name, n))
            return true;
    return false;
}

int tar_place(Tar *t, const char *path, int64_t mtime, TarNode **dir, const char **name, size_t *len)
{
    if (bad_path(path))
        return -EINVAL;             /* before any directory is made for it */
    TarNode *at = t->root;
    const char *this = NULL;
    size_t n = next_name(&path, &this);
    for (;;) {
        const char *following = NULL;
        size_t more = n == 0 ? 0 : next_name(&path, &following);
        if (more == 0) {
            *dir = at;
            *name = this;
            *len = n;
            return 0;
        }
        TarName *found = tar_find(t, at, this, n);
        int r = found == NULL ? make_dir(t, at, this, n, mtime, &at) : 0;
        if (r < 0)
            return r;
        if (found != NULL)
            at = found->node;
        if (at->file.type != TYPE_DIR)
            return -EINVAL;
        this = following;
        n = more;
    }
}

TarNode *tar_lookup(const Tar *t, const char *path)
{
    TarNode *at = t->root;
    const char *name = NULL;
    for (size_t n; (n = next_name(&path, &name)) > 0;) {
        TarName *found = at->file.type != TYPE_DIR || bad_name(name, n) ? NULL : tar_find(t, at, name, n);
        if (found == NULL)
            return NULL;
        at = found->node;
    }
    return at;
}

int tar_finish(Tar *t)
{
    t->list = tar_alloc(t, t->name_count * sizeof *t->list);
    if (t->list == NULL)
        return -ENOMEM;
    t->root->nlink = 2;
    for (TarName *n = t->names; n != NULL; n = n->next) {
        n->dir->count++;
        n->node->nlink++;
        if (n->node->file.type != TYPE_DIR)
            continue;
        n->node->nlink++;           /* its own "." */
        n->dir->nlink++;            /* and its ".." */
    }
    size_t first = 0;
    for (TarNode *d = t->nodes; d != NULL; d = d->next) {
        d->first = first;
        first += d->count;
        d->count = 0;
    }
    for (TarName *n = t->names; n != NULL; n = n->next)
        t->list[n->dir->first + n->dir->count++] = n;
    return 0;
}
