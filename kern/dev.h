/* SPDX-License-Identifier: MIT */
/*
 * Devices. A Dev is a constant table of functions; kern/chan.c is the only caller, and answers for a missing entry with
 * the errno named beside it. A File is a device's file: counted, embedded first in the device's own structure, and
 * known by (dev, space, id), so that two Files of one thing compare equal (file_same) however they were reached.
 *
 * Functions take the Call first. Each may return WAIT after wait_arm (but getattr, close, free and ready: never). No
 * kernel lock is held when one is called. Names are single components: not empty, not "." or "..", no "/", at most 255
 * bytes; chan.c has checked that, and rights, read-only and directory-or-not (by File.type) before it calls.
 */
#ifndef KERN_DEV_H
#define KERN_DEV_H

#include "kern/kern.h"

/* Types, as in the upper bits of a mode. */
enum {
    TYPE_MASK = 0170000,
    TYPE_DIR = 0040000,
    TYPE_FILE = 0100000,
    TYPE_LINK = 0120000,
    TYPE_CHAR = 0020000,
    TYPE_FIFO = 0010000,
    TYPE_SOCK = 0140000,
    TYPE_BLOCK = 0060000,
};

enum {                              /* File.flags */
       FILE_STREAM = 1,  /* no position: reads and writes ignore the offset (pipes, terminals, wait, taps) */
       FILE_DYNAMIC = 2, /* in a namespace it stands for another file, by who looks: Dev.resolve */
       FILE_TEXT = 4,    /* a synthetic file: doors show size 0 and read it directly */
       FILE_TTY = 8,     /* a terminal */
       FILE_WALK = 16,   /* no directory, but walks go through it to names below it (fd/1/ctl) */
       FILE_PLACE = 32,  /* stands for a place with names of its own (ns/from/K): Dev.place */
};

struct File {
    Ref ref;
    uint16_t type;                  /* TYPE_DIR ..., never changes */
    uint16_t flags;                 /* FILE_STREAM ... */
    const Dev *dev;
    uint64_t space, id;             /* identity within the device: which file system, which file */
};

static inline bool file_same(const File *a, const File *b)
{
    return a == b || (a->dev == b->dev && a->space == b->space && a->id == b->id);
}
static inline bool file_is_dir(const File *f)
{
    return f->type == TYPE_DIR;
}
static inline bool file_has_names(const File *f)
{
    return f->type == TYPE_DIR || (f->flags & FILE_WALK) != 0;
}

void file_init(File *f, const Dev *dev, uint16_t type, uint16_t flags, uint64_t space, uint64_t id);
static inline File *file_get(File *f)
{
    ref_get(&f->ref);
    return f;
}
void file_put(File *f);             /* NULL is allowed */
void auto_file(File **f);
#define AUTO_FILE __attribute__((cleanup(auto_file))) File

struct Attr {
    uint64_t dev, ino, size, nlink, blocks, rdev;
    uint32_t mode;                  /* type and permission bits */
    uint32_t uid, gid, blksize;
    int64_t atime, mtime, ctime;    /* nanoseconds since 1970 */
};

enum {                              /* what setattr is to change */
       SET_MODE = 1,
       SET_SIZE = 2,
       SET_ATIME = 4,
       SET_MTIME = 8,
       SET_ATIME_NOW = 16,
       SET_MTIME_NOW = 32,
       SET_UID = 64,
       SET_GID = 128,
};

typedef struct StatFs {
    uint64_t type, bsize, blocks, bfree, bavail, files, ffree, fsid;
    uint32_t namelen;
} StatFs;

typedef struct Dirent {
    const char *name;               /* ended by NUL */
    const Dev *dev;                 /* the file's; chan_readdir fills it in */
    uint64_t space, id;             /* identity of the file, as its File would have it */
    uint64_t ino;
    uint64_t next;                  /* the cookie that goes on behind this entry; never 0; below 2^62 */
    uint16_t type;                  /* TYPE_DIR ... */
} Dirent;

/* Takes one entry; returns 0 to go on, 1 when there was no room (the entry is not consumed), or negative. */
typedef int DirFn(void *arg, const Dirent *e);

enum {                              /* how a file is opened */
       OPEN_READ = 1,
       OPEN_WRITE = 2,
       OPEN_TRUNC = 4,
       OPEN_APPEND = 8,
       OPEN_NONBLOCK = 16,
       OPEN_CREATE = 32,
       OPEN_EXCL = 64,
       OPEN_DIRECTORY = 128, /* ENOTDIR when it is none */
       OPEN_SYNC = 256,
       OPEN_DSYNC = 512,
};

enum { READY_READ = 1, READY_WRITE = 2, READY_HANGUP = 4 };
enum { LOCK_READ = 1, LOCK_WRITE, LOCK_UNLOCK };

/* A name in the text of a path. */
typedef struct NameRef {
    const char *s;
    size_t n;
} NameRef;

enum { WALK_FAR_NAMES = 16 };       /* the most in one walk_far */

struct Dev {
    const char *name;               /* "mem", "pipe"; shown by ns/mounts */

    /* Names. Results are owned Files, put in *out on success only. */
    int (*walk)(Call *c, File *dir, const char *name, File **out);                          /* missing: ENOENT */
    /* What n names lead to, each of them in the one before. 1, or missing: one by one, please (something on the way is no plain
     * directory, or is in use). The namespace has no say in any of them. Never WAIT. */
    int (*walk_far)(Call *c, File *dir, const NameRef *names, unsigned n, File **out);
    int (*resolve)(Call *c, File *f, File **out);                                           /* for FILE_DYNAMIC */
    int (*place)(Call *c, File *f, Chan **out);                                             /* for FILE_PLACE */
    int (*create)(Call *c, File *dir, const char *name, uint32_t mode, unsigned flags, File **out);
    /* missing: EPERM; a plain file, EEXIST when the name is there; not opened yet */
    int (*mkdir)(Call *c, File *dir, const char *name, uint32_t mode, File **out);          /* EPERM */
    int (*symlink)(Call *c, File *dir, const char *name, const char *target, File **out);   /* EPERM */
    int (*link)(Call *c, File *dir, const char *name, File *file);                          /* EPERM; same dev and space */
    int (*rename)(Call *c, File *from, const char *name, File *to, const char *newname);    /* EPERM; same dev and space */
    int (*unlink)(Call *c, File *dir, const char *name, bool rmdir);                        /* EPERM */
    int64_t (*readlink)(Call *c, File *link, char *buf, size_t n);                          /* EINVAL */

    /* An open file. open may set ch->aux; close frees it. ch->mode and ch->flags hold what was asked. */
    int (*open)(Call *c, Chan *ch, unsigned flags);                                         /* missing: nothing to do */
    /* Before open: a file that stands for an open one (/dev/fd/N) gives *out itself. 1: open it as usual; 0; an error. */
    int (*reopen)(Call *c, Chan *ch, unsigned flags, Chan **out);
    void (*close)(Chan *ch);        /* the last reference is going; no Call, no waiting */
    int (*flush)(Call *c,
                 Chan *ch); /* the last holder (descriptor or door handle) lets go: runs an unfinished control line */
    void (*active)(Chan *ch, bool on);  /* the open file begins or ceases to count as a reader or writer */
    int64_t (*read)(Call *c, Chan *ch, void *buf, size_t n, uint64_t off);                  /* EINVAL */
    int64_t (*write)(Call *c, Chan *ch, const void *buf, size_t n,
                     uint64_t off); /* EINVAL; for OPEN_APPEND see append; OPEN_SYNC, OPEN_DSYNC: in ch->oflags */
    int64_t (*append)(Call *c, Chan *ch, const void *buf, size_t n,
                      uint64_t *end); /* atomically at the end; *end: where it now ends */
    /* A device that moves ch->pos under a lock of its own, one a file, has all three; for others chan.c keeps it. The first two read and
     * write there (an OPEN_APPEND file: at its end) and move it on; seek is chan_seek, with seek_to. */
    int64_t (*read_pos)(Call *c, Chan *ch, void *buf, size_t n);
    int64_t (*write_pos)(Call *c, Chan *ch, const void *buf, size_t n);
    int (*seek)(Call *c, Chan *ch, int64_t off, int whence, uint64_t *pos);
    int (*readdir)(Call *c, Chan *dir, uint64_t cookie, DirFn *fn, void *arg);              /* ENOTDIR; without . and .. */
    int (*fsync)(Call *c, Chan *ch, bool data_only);                                        /* nothing to do */
    int (*allocate)(Call *c, Chan *ch, uint64_t off, uint64_t n);                           /* EOPNOTSUPP */
    int (*truncate)(Call *c, Chan *ch, uint64_t size);  /* it is open for writing. Missing: setattr */
    /* Bits of READY_ that hold now among `events`; when none does, arms c (if c is not NULL) so that it will be woken. Returns bits >= 0,
     * or WAIT when armed, or an error. Missing: always ready. *bytes: how many can be read, when known. */
    int (*ready)(Call *c, Chan *ch, unsigned events, uint64_t *bytes);

    int (*getattr)(Call *c, File *f, Attr *a);                                              /* must be there */
    int (*setattr)(Call *c, File *f, unsigned what, const Attr *a);                         /* EPERM */
    int (*statfs)(Call *c, File *f, StatFs *s);                                             /* zeroes */
    void (*free)(File *f);          /* the last reference is gone */
};

#endif
