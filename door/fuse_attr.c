/* SPDX-License-Identifier: MIT */
/*
 * What Linux is shown of a file: which type, which number, which attributes.
 */
#include "door/fuse_door.h"

#include <string.h>
#include <sys/stat.h>

enum { NANO = 1000000000 };

bool fuse_waits(const File *f)
{
    return f->type != TYPE_DIR && f->type != TYPE_LINK &&
           (f->type != TYPE_FILE || (f->flags & (FILE_TEXT | FILE_STREAM)) != 0);
}

mode_t fuse_type(uint16_t type)
{
    return type == TYPE_DIR ? S_IFDIR : type == TYPE_LINK ? S_IFLNK : S_IFREG;
}

/* Whatever comes in, about as many bits differ in what comes out as in two random numbers. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

uint64_t fuse_number(const Dev *dev, uint64_t space, uint64_t id)
{
    uint64_t n = 0;
    for (const char *s = dev->name; *s != '\0'; s++)
        n = n << 8 | (unsigned char)*s;
    n = mix(mix(n + space) + id);
    return n <= FUSE_ROOT_ID ? n + 2 : n;
}

static struct timespec time_of(int64_t nanoseconds)
{
    int64_t s = nanoseconds / NANO, n = nanoseconds % NANO;
    return n < 0 ? (struct timespec){ .tv_sec = s - 1, .tv_nsec = n + NANO }
                 : (struct timespec){ .tv_sec = s, .tv_nsec = n };
}

void fuse_stat(const File *f, const Attr *a, struct stat *st)
{
    memset(st, 0, sizeof *st);
    st->st_ino = fuse_number(f->dev, f->space, f->id);
    st->st_mode = fuse_type(f->type) | (a->mode & 07777);
    st->st_nlink = a->nlink;
    st->st_uid = a->uid;
    st->st_gid = a->gid;
    st->st_blksize = a->blksize;
    if (!fuse_waits(f)) {
        st->st_size = (off_t)a->size;
        st->st_blocks = (blkcnt_t)a->blocks;
    }
    st->st_atim = time_of(a->atime);
    st->st_mtim = time_of(a->mtime);
    st->st_ctim = time_of(a->ctime);
}
