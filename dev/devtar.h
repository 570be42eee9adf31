/* SPDX-License-Identifier: MIT */
/*
 * A tar archive as a read-only file system (doc/dev/tar.md). The parts: devtar.c is the table of functions, devtar_tree.c the tree
 * of names, devtar_read.c reads the headers into it. The tree is made when the archive is mounted and never changes after
 * that, so nothing is locked; data is read from the archive when it is asked for.
 */
#ifndef DEV_DEVTAR_H
#define DEV_DEVTAR_H

#include "kern/boot.h"
#include "kern/chan.h"
#include "kern/dev.h"

extern const Dev devtar;
extern const MountType mount_tar;   /* mount tar FILE DST */

/*
 * The archive in the open file ch (borrowed; a reference is kept) as a file system; *root is owned. name is for words. May WAIT: called
 * again by the same call it goes on.
 *   -EINVAL  not a tar archive, compressed, damaged or cut short    -ESPIPE  a stream    -EOPNOTSUPP  sparse files
 *   -ENOMEM
 */
int devtar_new(Call *c, Chan *ch, const char *name, File **root);

/* ---- the tree (devtar_tree.c) ----------------------------------------------------------------------------------------- */

typedef struct Tar Tar;
typedef struct TarNode TarNode;

typedef struct TarName {
    struct TarName *next;           /* of all, as they were made */
    TarNode *dir, *node;
    uint64_t hash;
    uint32_t size;                  /* charged bytes */
    char name[];                    /* ended by NUL */
} TarName;

struct TarNode {
    File file;                      /* first. Its count is 0 while only the tree refers to it; see tar_file */
    Tar *tar;                       /* not owned: each File that is counted holds one reference */
    TarNode *next;                  /* of all */
    uint32_t mode, nlink, size_charged;
    uint64_t size, offset, rdev;    /* offset: of the data in the archive */
    int64_t mtime;
    size_t first, count;            /* of a directory: its names in Tar.list */
    char target[];                  /* of a link, ended by NUL */
};

struct Tar {
    Ref ref;
    Chan *archive;                  /* owned, open for reading */
    Account *account;               /* owned; pays for everything */
    uint64_t space, seed;
    uint32_t uid, gid;
    TarNode *root, *nodes;          /* nodes: the last one made */
    TarName *names, **names_end;
    uint64_t node_count;
    size_t name_count;
    TarName **table;                /* open addressing, 2^table_bits places */
    unsigned table_bits;
    TarName **list;                 /* name_count: a directory's names together */
};

int tar_new(Call *c, Chan *archive, Tar **out);             /* with a root. -ENOMEM */
void tar_put(Tar *t);
File *tar_file(TarNode *n);         /* owned; the caller or its directory keeps the Tar */

int tarnode_new(Tar *t, uint16_t type, const char *target, TarNode **out);      /* in no directory yet */
TarName *tar_find(const Tar *t, const TarNode *dir, const char *name, size_t len);
int tar_add(Tar *t, TarNode *dir, const char *name, size_t len, TarNode *node); /* a name that is not there yet */
/* The directory of path, made where it is missing, and the last name in it (part of path; length 0: path is the root). -EINVAL: the
 * path has "..", a name that is too long, or goes through what is no directory. */
int tar_place(Tar *t, const char *path, int64_t mtime, TarNode **dir, const char **name, size_t *len);
/* What path names, or NULL. */
TarNode *tar_lookup(const Tar *t, const char *path);
int tar_finish(Tar *t);             /* makes list and counts the names of each file. -ENOMEM */

/* ---- reading headers (devtar_read.c) ---------------------------------------------------------------------------------- */

typedef struct TarReader TarReader;

TarReader *tarreader_new(Tar *t, const char *name);         /* both borrowed. NULL without memory */
void tarreader_free(TarReader *r);
int tarreader_run(Call *c, TarReader *r);                   /* reads all entries into the tree; may WAIT and go on */

#endif
