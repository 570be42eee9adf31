/* SPDX-License-Identifier: MIT */
/*
 * A Chan is a place in a file tree: a device's file, the path and the namespace node by which it was reached, and, once
 * opened, a mode, a position and the device's own pointer. kern/chan.c is the only file that calls a Dev.
 *
 * `Chan *` returned is owned, passed in is borrowed. Rights only shrink: a Chan reached through a read-only bind stays
 * CHAN_RDONLY, and so does everything reached from it. A Chan that is open is never opened again: chan_open makes a new one.
 */
#ifndef KERN_CHAN_H
#define KERN_CHAN_H

#include "kern/call.h"
#include "kern/dev.h"
#include "kern/kern.h"
#include "kern/path.h"

enum {                              /* Chan.flags */
       CHAN_RDONLY = 1, /* reached through a read-only bind: so is all below it */
       CHAN_ROOT = 2,   /* the root of its namespace */
       CHAN_SELF_RDONLY =
           4, /* bound read-only at this very name: names in it have the rights of their own binds and members */
       CHAN_SOURCE = 8,                /* ns/from/K: a source of a namespace itself, not what who looks sees of it */
       CHAN_NO_WRITE = CHAN_RDONLY | CHAN_SELF_RDONLY,
};

struct Chan {
    Ref ref;
    uint16_t flags;                 /* CHAN_RDONLY ... */
    uint16_t mode;                  /* OPEN_READ | OPEN_WRITE once open, else 0 */
    bool open;
    File *file;                     /* owned */
    Path *path;                     /* owned: how it was reached */
    uint64_t ns_id, version;        /* in which namespace, and in which state of it */
    NsNode *own, *inner;            /* owned or NULL: the names of the namespace at and below this place (ns.h) */
    Account *account;               /* who is charged for it */

    atomic_uint oflags;             /* OPEN_APPEND, OPEN_NONBLOCK, OPEN_SYNC, OPEN_DSYNC; can change while open */
    atomic_uint pos_busy;           /* somebody moves the position: 0 free, 1 taken, 2 taken and waited for */
    uint64_t pos;                   /* bytes; owned by who took pos_busy, or by the device (Dev.read_pos) */
    Queue pos_free;
    void *aux;                      /* the device's, from open to close */
    struct DirList *list;           /* the merged listing of a union directory (union.c), made at its first read */
    Mutex lock;                     /* list */
    atomic_int holders, actives;    /* descriptors and door handles that have it; of started tasks (chan_hold) */
};

static inline Chan *chan_get(Chan *ch)
{
    ref_get(&ch->ref);
    return ch;
}
void chan_put(Chan *ch);            /* NULL is allowed; the last one closes. Hold no lock */
void auto_chan(Chan **ch);
#define AUTO_CHAN __attribute__((cleanup(auto_chan)))

/* A Chan for a device's file outside every namespace (takes file; path "?" unless given). NULL without memory (file is put). */
Chan *chan_new(Call *c, File *file, Path *path);
Chan *chan_new_at(Call *c, File *file, Path *path);         /* the same; takes both. path NULL: no memory */

/* Rights only shrink: what must be added to `now`, the flags of the same place as it is reached again. */
static inline uint16_t chan_kept_rights(const Chan *ch, uint16_t now)
{
    bool lost = (ch->flags & CHAN_SELF_RDONLY) != 0 && (now & CHAN_NO_WRITE) == 0;
    return lost ? CHAN_RDONLY : ch->flags & CHAN_RDONLY;
}

/* ---- opened and closed ------------------------------------------------------------------------------------------- */

/*
 * Opens ch: *out is a new open Chan at the same place. flags: OPEN_READ ... ; O_CREAT is chan_create's.
 *   -EISDIR  a directory for writing     -ENOTDIR  OPEN_DIRECTORY and it is none     -EROFS  for writing, read-only
 *   -ELOOP   a symbolic link             and what the device adds
 */
int chan_open(Call *c, Chan *ch, unsigned flags, Chan **out);
/* The same, of a Chan that the caller has alone and that no Dev.reopen stands behind: ch itself becomes open. */
int chan_open_here(Call *c, Chan *ch, unsigned flags);

/*
 * A descriptor or a door handle begins to hold an open Chan, and lets go. active: the holder counts as a reader or writer
 * (a task that is not started does not). chan_unhold of the last holder runs the device's flush with c and returns its result.
 */
void chan_hold(Chan *ch, bool active);
int chan_unhold(Call *c, Chan *ch, bool active);
void chan_active(Chan *ch, bool on);        /* the holder's task starts */
/* Only devices with a word on it are told: the others' open files pay nothing. */
static inline bool chan_counts_holders(const Chan *ch)
{
    return ch->file->dev->flush != NULL || ch->file->dev->active != NULL;
}

/* ---- names: dir is a directory Chan, name one component --------------------------------------------------------- */

/* All: -ENOTDIR, -EROFS, -EPERM (synthetic directory, union without -c), -EBUSY (a bind point), -EEXIST, -ENOENT, -EXDEV. */
int chan_create(Call *c, Chan *dir, const char *name, uint32_t mode, unsigned flags,
                Chan **out); /* creates and opens; an existing
                                       file is opened unless OPEN_EXCL (a symbolic link is -ELOOP: the walk follows links) */
int chan_mkdir(Call *c, Chan *dir, const char *name, uint32_t mode);
int chan_symlink(Call *c, Chan *dir, const char *name, const char *target);
int chan_link(Call *c, Chan *file, Chan *dir, const char *name);
int chan_rename(Call *c, Chan *from, const char *name, Chan *to, const char *newname);
int chan_unlink(Call *c, Chan *dir, const char *name, bool rmdir);
int64_t chan_readlink(Call *c, Chan *link, char *buf, size_t n);

/* ---- an open file ----------------------------------------------------------------------------------------------- */

/*
 * Reads up to n bytes, starting off bytes into the file (streams ignore it).
 * Returns the bytes read, 0 at the end of file, or
 *   -EBADF   not open for reading        -EISDIR  a directory
 *   -EAGAIN  nothing there now, and the open file or the call does not wait
 *   WAIT     as everywhere
 * Spec: 9P2000.L Tread; WASI preview 1 fd_pread.
 */
int64_t chan_read(Call *c, Chan *ch, void *buf, size_t n, uint64_t off);
int64_t chan_write(Call *c, Chan *ch, const void *buf, size_t n, uint64_t off);     /* an OPEN_APPEND file: at its end */
/* At and with the position, which moves (whole, also among threads). An OPEN_APPEND file writes at its end. */
int64_t chan_read_pos(Call *c, Chan *ch, void *buf, size_t n);
int64_t chan_write_pos(Call *c, Chan *ch, const void *buf, size_t n);
enum { SEEK_FROM_START, SEEK_FROM_HERE, SEEK_FROM_END };
/* -ESPIPE  a stream;  -EINVAL  before the start, or whence. Result through *pos. */
int chan_seek(Call *c, Chan *ch, int64_t off, int whence, uint64_t *pos);
/* For Dev.seek: the position `off` behind `from`. -EINVAL before the start, or beyond what a file can have. */
static inline int seek_to(uint64_t from, int64_t off, uint64_t *pos)
{
    int64_t to;
    if (from > INT64_MAX || __builtin_add_overflow((int64_t)from, off, &to) || to < 0)
        return -EINVAL;
    *pos = (uint64_t)to;
    return 0;
}
/* Entries of an open directory from cookie on, "." and ".." included, names of the namespace merged in. 0 or negative. */
int chan_readdir(Call *c, Chan *dir, uint64_t cookie, DirFn *fn, void *arg);
int chan_fsync(Call *c, Chan *ch, bool data_only);
int chan_allocate(Call *c, Chan *ch, uint64_t off, uint64_t n);
int chan_truncate(Call *c, Chan *ch, uint64_t size);        /* open for writing, else -EINVAL */
/* See Dev.ready. READY_ bits, or WAIT when none holds and c was armed. */
int chan_ready(Call *c, Chan *ch, unsigned events, uint64_t *bytes);

int chan_getattr(Call *c, Chan *ch, Attr *a);
int chan_setattr(Call *c, Chan *ch, unsigned what, const Attr *a);
int chan_statfs(Call *c, Chan *ch, StatFs *s);

/* True when c->mode or the open file says that nothing may wait: devices ask before wait_arm (which asks c->mode itself). */
static inline bool chan_nonblock(Call *c, Chan *ch)
{
    return (c->mode & CALL_NONBLOCK) != 0 ||
           (atomic_load_explicit(&ch->oflags, memory_order_relaxed) & OPEN_NONBLOCK) != 0;
}

/* Byte-range locks of open files (flock.c): owner is the open file. Waits for lock r and w. -EDEADLK is not detected. len 0: to the end. */
int chan_lock(Call *c, Chan *ch, int type, uint64_t start, uint64_t len);
int chan_flock(Call *c, Chan *ch, int type);        /* the whole file, whatever it is open for: flock(2) */

#endif
