/* SPDX-License-Identifier: MIT */
/*
 * What the calls of preview 1 share among themselves: descriptors with their rights, paths below a directory, and the
 * one place where the kernel's error numbers become WASI's. Inside, results are the kernel's: negative, or a count.
 */
#ifndef ENGINE_WASI_CALL_H
#define ENGINE_WASI_CALL_H

#include "engine/wasi.h"
#include "kern/walk.h"

/* A right is missing: ENOTCAPABLE, for which the kernel has no number. */
#define NOTCAPABLE (-100001)

/* The WASI errno of a result (0 and counts are success), WASI_WAIT for WAIT (wasi_err.c). */
int32_t wasi_errno(int64_t r);

static inline Call *wasi_kcall(WasiThread *w)
{
    return &w->thread->call;
}

/* A descriptor's number for the kernel; one that no table holds becomes -1, which is EBADF. */
static inline int wasi_fdnum(uint32_t fd)
{
    return fd <= INT32_MAX ? (int)fd : -1;
}

/* The descriptors, and the file mode mask, that the calls of w act on: its task's, or its vfork child's. Borrowed. */
FdTab *wasi_fds(WasiThread *w);
uint32_t wasi_umask(WasiThread *w);

/* ---- rights (wasi_rights.c) ------------------------------------------------------------------------------------- */

extern const uint64_t wasi_rights_dir, wasi_rights_file;    /* what can apply to a directory, to any other file */

/* The rights that mean something for an open file, by its type and how it was opened. */
uint64_t wasi_rights_of(const Chan *ch);
uint64_t wasi_inheriting_of(const Chan *ch);
uint8_t wasi_filetype(uint16_t type);       /* of a TYPE_ of the kernel */
unsigned wasi_open_flags(uint32_t fdflags); /* OPEN_ flags of WASI's fdflags (wasi_fd.c) */

/*
 * The descriptor fd, whose chan the caller puts. The right must not have been taken away from it.
 *   -EBADF, NOTCAPABLE
 */
int wasi_get(WasiThread *w, uint32_t fd, uint64_t right, FdInfo *out);

/* ---- paths (wasi_at.c) ------------------------------------------------------------------------------------------ */

/* A path below a descriptor. */
typedef struct WasiAt {
    FdInfo dir;                     /* without cloexec and preopen */
    FdTab *lent;                    /* by whose call it was lent; NULL: it is owned */
    WalkFrom from;
    GuestPath path;
} WasiAt;

/*
 * The directory fd with the right to use paths below it so, and the path. wasi_at_end follows when it returns 0.
 *   -EBADF, -ENOTDIR, NOTCAPABLE, -EFAULT, -ENOENT empty, -ENAMETOOLONG, -EILSEQ, -EPERM absolute
 */
int wasi_at(WasiThread *w, uint32_t fd, uint64_t right, uint32_t path, uint32_t path_len, WasiAt *at);
void wasi_at_end(WasiThread *w, WasiAt *at);

/* What the path names; a last link is followed with WASI_FOLLOW. *out owned. lookup: -EINVAL for unknown flags. */
int wasi_at_walk(WasiThread *w, WasiAt *at, uint32_t lookup, Chan **out);

/* A name to be made, removed or renamed. */
typedef struct WasiName {
    Chan *dir;                      /* owned: wasi_name_end */
    char name[NAME_MAX_LEN + 1];
    bool slash;                     /* a slash followed it */
} WasiName;

/* As walk_parent. */
int wasi_at_name(WasiThread *w, WasiAt *at, WasiName *n);
static inline void wasi_name_end(WasiName *n)
{
    chan_put(n->dir);
}
/* The type of what n names, without following it. Negative as walk_one. */
int wasi_name_type(WasiThread *w, WasiName *n);

/* ---- records (wasi_stat.c) -------------------------------------------------------------------------------------- */

int wasi_put_filestat(WasiThread *w, uint32_t addr, const Attr *a);
/* Times as fstflags say. -EINVAL unknown or contradicting flags, or a time beyond the kernel's. */
int wasi_times(uint64_t atime, uint64_t mtime, uint32_t flags, unsigned *what, Attr *a);

#endif
