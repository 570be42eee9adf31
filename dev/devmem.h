/* SPDX-License-Identifier: MIT */
/*
 * tmpfs: a file system in memory. What it shows is doc/dev/mem.md. The parts: devmem.c is the table of functions and the life
 * of an inode, devmem_name.c what changes names, devmem_dir.c a directory's table, devmem_data.c a file's bytes.
 *
 * All memory is charged to the account of who made it grow: an inode, a name, a block, the table of a directory. Over the
 * limit is ENOSPC; ENOMEM is only the host's. What is freed is unlinked under a lock, kept in a list of Pieces, and let go of
 * without one.
 *
 * Locks: MemFs.lock is held by whatever moves or removes a directory; so a name of a directory stays what it is while it is
 * held. Inode.lock of a directory guards its names, of a file its bytes; both guard what getattr shows.
 */
#ifndef DEV_DEVMEM_H
#define DEV_DEVMEM_H

#include "kern/boot.h"
#include "kern/dev.h"

extern const Dev devmem;
extern const MountType mount_tmpfs; /* mount tmpfs DST */

/* A new, empty file system; *root is its root, owned. It lives as long as any of its files. -ENOSPC over the limit, -ENOMEM. */
int devmem_new(Call *c, File **root);

/* ---- memory that is paid for (devmem_data.c) ------------------------------------------------------------------------ */

typedef struct Piece Piece;
struct Piece {
    Piece *next;                    /* in a list of what is to be freed */
    Account *account;               /* who pays for size bytes: owned */
    size_t size;                    /* the whole piece */
};

/* size bytes, not zeroed behind the Piece. -ENOSPC, -ENOMEM */
int piece_new(Account *a, size_t size, Piece **out);
static inline void piece_drop(Piece *p, Piece **freed)
{
    p->next = *freed;
    *freed = p;
}
void pieces_free(Piece *list);      /* hold no lock */

/* ---- a file's bytes (devmem_data.c): the caller holds the inode's lock ---------------------------------------------- */

enum {
    BLOCK_SHIFT = 16,
    BLOCK_SIZE = 1 << BLOCK_SHIFT,
    INDEX_SHIFT = 6,
    INDEX_FAN = 1 << INDEX_SHIFT,
};
#define MEM_SIZE_MAX ((uint64_t)INT64_MAX)

/*
 * Block number n holds the bytes from n * BLOCK_SIZE on; a block that is not there, or is shorter, is a hole. With height 0 there
 * is only block 0; each further level is a node of INDEX_FAN. Bytes of a block behind the end of the file are zero.
 */
typedef struct MemData {
    uint64_t size, stored;          /* bytes: the file's length; what its blocks hold */
    void *top;                      /* Block or IndexNode, or NULL */
    unsigned height;
} MemData;

size_t memdata_read(const MemData *d, void *buf, size_t n, uint64_t off);
/* Bytes written (fewer when memory ends on the way), -EFBIG, -ENOSPC, -ENOMEM. */
int64_t memdata_write(MemData *d, Account *a, const void *buf, size_t n, uint64_t off, Piece **freed);
/* Makes every byte of the range stored, and the file at least that long. What was stored before an error stays. */
int memdata_reserve(MemData *d, Account *a, uint64_t off, uint64_t n, Piece **freed);
void memdata_resize(MemData *d, uint64_t size, Piece **freed);      /* longer: a hole; shorter: what is behind is gone */

/* ---- inodes (devmem.c) ---------------------------------------------------------------------------------------------- */

typedef struct Inode Inode;
typedef struct DirEntry DirEntry;

typedef struct MemFs {
    Ref ref;                        /* one an inode */
    Mutex lock;                     /* RANK_FS */
    uint64_t space;                 /* File.space of its files, and the device number that stat shows */
    uint64_t key[2];                /* of the hashes of names */
    uint32_t uid, gid;
    atomic_uint_least64_t next_ino;
    Account *account;               /* who made it: owned */
} MemFs;

typedef struct MemDir {
    Inode *parent;                  /* MemFs.lock; NULL: the root, or removed. A parent lives at least as long as it is named here */
    struct DirTable *table;         /* NULL when empty */
    uint64_t next_cookie;
    uint32_t live;                  /* names */
    bool dead;                      /* removed: takes no new names */
} MemDir;

struct Inode {
    File file;                      /* first; each name is a reference */
    MemFs *fs;                      /* owned */
    Account *account;               /* pays for size bytes: owned */
    size_t size;
    Inode *next_free;
    Mutex lock;                     /* RANK_DIR of a directory, else RANK_FILE */
    uint32_t mode;                  /* permission bits */
    uint32_t nlink;
    int64_t atime, mtime, ctime;
    bool seen;                      /* since the last change */
    union {
        MemData data;
        MemDir dir;
        const char *target;         /* of a link: behind the inode */
    };
};

static inline Inode *inode_of(File *f)
{
    return (Inode *)f;
}
/* nlink 0; target only for TYPE_LINK. -ENOSPC, -ENOMEM */
int inode_new(Account *a, MemFs *fs, uint16_t type, uint32_t mode, const char *target, Inode **out);
/*
 * Times. The clock is coarse, but whoever has looked at a file sees the next change (Linux's cache of a file's pages, make): that
 * one has the exact time, and whatever is stamped later, in whichever file system, is not earlier.
 */
int64_t mem_now(void);
/* The time of a change that happens now, which was mem_now() a little ago. The inode's lock is held. */
int64_t inode_stamp(Inode *i, int64_t now);
static inline void inode_put(Inode *i)
{
    file_put(i == NULL ? NULL : &i->file);
}

/* ---- a directory's names (devmem_dir.c): the caller holds the directory's lock --------------------------------------- */

struct DirEntry {
    Piece piece;
    Inode *inode;                   /* owned */
    uint64_t cookie;                /* rises with each new name: the order of listings */
    uint32_t hash;
    uint16_t len;
    char name[];                    /* ended by NUL */
};

/* A name for i, not in a directory yet; takes no reference until it is added. -ENOSPC, -ENOMEM */
int direntry_new(Account *a, MemFs *fs, const char *name, Inode *i, DirEntry **out);
DirEntry *memdir_find(const MemDir *d, const MemFs *fs, const char *name, size_t len);      /* NULL: not there */
/* Room for one more name, so that memdir_add cannot fail. */
int memdir_room(MemDir *d, Account *a, Piece **freed);
void memdir_add(MemDir *d, DirEntry *e);            /* takes a reference on e->inode */
/* Takes e out of its directory; its reference on e->inode is now the caller's. */
void memdir_remove(MemDir *d, DirEntry *e, Piece **freed);
/* Gives back the table of a directory without names: room may have been made for one that never came. */
void memdir_trim(MemDir *d, Piece **freed);
/* The first name behind cookie, or NULL. */
DirEntry *memdir_after(const MemDir *d, uint64_t cookie);

/* ---- what changes names (devmem_name.c): entries of the Dev --------------------------------------------------------- */

int devmem_create(Call *c, File *dir, const char *name, uint32_t mode, unsigned flags, File **out);
int devmem_mkdir(Call *c, File *dir, const char *name, uint32_t mode, File **out);
int devmem_symlink(Call *c, File *dir, const char *name, const char *target, File **out);
int devmem_link(Call *c, File *dir, const char *name, File *file);
int devmem_rename(Call *c, File *from, const char *name, File *to, const char *newname);
int devmem_unlink(Call *c, File *dir, const char *name, bool rmdir);

#endif
