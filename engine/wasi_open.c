/* SPDX-License-Identifier: MIT */
/*
 * path_open. What the new descriptor may do is asked for, and must be within what the directory passes on; what does
 * not apply to the type of the file is dropped. A file is opened for reading or writing by the rights that are asked for.
 */
#include "engine/wasi_call.h"

typedef struct Opening {
    unsigned walk, open;            /* WALK_, OPEN_ flags */
    uint64_t rights, inheriting;
} Opening;

/* The rights that mean something for some file; what else programs ask for is dropped. */
static uint64_t known_rights(uint64_t rights)
{
    return rights & (wasi_rights_dir | wasi_rights_file);
}

/*
 * What the directory must allow. To truncate without being allowed to is EPERM, as the WASI test suite has it; a
 * descriptor that may set the size anyway may begin with that. Go asks so: it opens directories without the right.
 */
static int check_rights(const FdInfo *dir, uint32_t oflags, uint32_t fdflags, const Opening *o)
{
    uint64_t passes = o->rights | o->inheriting;
    if (fdflags & WASI_DSYNC)
        passes |= RIGHT_FD_DATASYNC;
    if (fdflags & (WASI_SYNC | WASI_RSYNC))
        passes |= RIGHT_FD_SYNC;
    if ((passes & ~dir->inheriting) != 0)
        return NOTCAPABLE;
    if ((oflags & WASI_CREAT) && (dir->rights & RIGHT_PATH_CREATE_FILE) == 0)
        return NOTCAPABLE;
    bool may_truncate = (dir->rights & RIGHT_PATH_FILESTAT_SET_SIZE) || (o->rights & RIGHT_FD_FILESTAT_SET_SIZE);
    return (oflags & WASI_TRUNC) && !may_truncate ? -EPERM : 0;
}

/* A directory asked for as one is read; to ask for writing is EISDIR, as in the WASI test suite. */
static unsigned open_mode(uint32_t oflags, uint64_t rights)
{
    unsigned mode = rights & (RIGHT_FD_READ | RIGHT_FD_READDIR) ? OPEN_READ : 0;
    if (oflags & WASI_DIRECTORY)
        return OPEN_READ | (rights & RIGHT_FD_WRITE ? OPEN_WRITE : 0);
    if ((rights & (RIGHT_FD_WRITE | RIGHT_FD_ALLOCATE | RIGHT_FD_FILESTAT_SET_SIZE)) || (oflags & WASI_TRUNC))
        mode |= OPEN_WRITE;
    return mode;
}

/* -EINVAL for flags that are unknown or contradict each other. */
static int prepare(uint32_t lookup, uint32_t oflags, uint32_t fdflags, Opening *o)
{
    if (lookup > WASI_FOLLOW || oflags > WASI_OFLAGS || fdflags > WASI_FDFLAGS)
        return -EINVAL;
    if ((oflags & WASI_DIRECTORY) && (oflags & (WASI_CREAT | WASI_TRUNC)))
        return -EINVAL;
    o->walk = WALK_CONFINED | (lookup & WASI_FOLLOW ? 0 : WALK_NOFOLLOW);
    o->open = open_mode(oflags, o->rights) | wasi_open_flags(fdflags);
    o->open |= oflags & WASI_CREAT ? OPEN_CREATE : 0;
    o->open |= oflags & WASI_EXCL ? OPEN_EXCL : 0;
    o->open |= oflags & WASI_TRUNC ? OPEN_TRUNC : 0;
    o->open |= oflags & WASI_DIRECTORY ? OPEN_DIRECTORY : 0;
    return 0;
}

/* Who opens to read and takes the rights to set sizes along, as Go does, goes without them where nothing can be written. */
static bool reads_at_least(const Opening *o, int r)
{
    unsigned both = OPEN_READ | OPEN_WRITE;
    bool refused = r == -EACCES || r == -EROFS;
    return refused && (o->open & (both | OPEN_TRUNC)) == both && (o->rights & RIGHT_FD_WRITE) == 0;
}

static int open_at(WasiThread *w, WasiAt *at, const Opening *o)
{
    Chan *ch = NULL;
    uint32_t mode = o->open & OPEN_CREATE ? 0666 & ~wasi_umask(w) : 0;
    uint64_t wanted = o->rights;
    int r = walk_open(wasi_kcall(w), at->from, at->path.s, o->walk, o->open, mode, &ch);
    if (reads_at_least(o, r)) {
        wanted &= ~(RIGHT_FD_ALLOCATE | RIGHT_FD_FILESTAT_SET_SIZE);
        r = walk_open(wasi_kcall(w), at->from, at->path.s, o->walk, o->open & ~(unsigned)OPEN_WRITE, mode, &ch);
    }
    if (r < 0)
        return r;
    uint64_t rights = wanted & wasi_rights_of(ch), inheriting = o->inheriting & wasi_inheriting_of(ch);
    return fd_add(wasi_kcall(w), wasi_fds(w), ch, 0, rights, inheriting, false);
}

int32_t wasi_path_open(WasiThread *w, uint32_t fd, uint32_t lookup, uint32_t path, uint32_t path_len, uint32_t oflags,
                       uint64_t rights, uint64_t inheriting, uint32_t fdflags, uint32_t result)
{
    WasiAt at;
    Opening o = { .rights = known_rights(rights), .inheriting = known_rights(inheriting) };
    if (!guest_has(&w->guest, result, sizeof(uint32_t)))
        return WASI_EFAULT;
    int r = wasi_at(w, fd, RIGHT_PATH_OPEN, path, path_len, &at);
    if (r < 0)
        return wasi_errno(r);
    r = prepare(lookup, oflags, fdflags, &o);
    if (r == 0)
        r = check_rights(&at.dir, oflags, fdflags, &o);
    if (r == 0)
        r = open_at(w, &at, &o);
    if (r >= 0)
        r = guest_put_u32(&w->guest, result, (uint32_t)r);
    wasi_at_end(w, &at);
    return wasi_errno(r);
}
