/* SPDX-License-Identifier: MIT */
/*
 * What a program sees of a file (filestat), and the times that it sets.
 */
#include "engine/wasi_call.h"

/* Times before 1970 have no number in WASI. */
static uint64_t timestamp(int64_t t)
{
    return t < 0 ? 0 : (uint64_t)t;
}

int wasi_put_filestat(WasiThread *w, uint32_t addr, const Attr *a)
{
    uint8_t record[sizeof(WasiFilestat)];
    Cursor c = cursor_over(record, sizeof record);
    cursor_put(&c, 8, a->dev);
    cursor_put(&c, 8, a->ino);
    cursor_put(&c, 1, wasi_filetype(a->mode & TYPE_MASK));
    cursor_zero(&c, 7);
    cursor_put(&c, 8, a->nlink);
    cursor_put(&c, 8, a->size);
    cursor_put(&c, 8, timestamp(a->atime));
    cursor_put(&c, 8, timestamp(a->mtime));
    cursor_put(&c, 8, timestamp(a->ctime));
    ASSERT(!c.overrun && c.at == c.end);
    return guest_write(&w->guest, addr, record, sizeof record);
}

int wasi_times(uint64_t atime, uint64_t mtime, uint32_t flags, unsigned *what, Attr *a)
{
    static const struct {
        uint16_t flag, set;
    } map[] = {
        { WASI_ATIM, SET_ATIME },
        { WASI_ATIM_NOW, SET_ATIME_NOW },
        { WASI_MTIM, SET_MTIME },
        { WASI_MTIM_NOW, SET_MTIME_NOW },
    };
    if (flags > WASI_FSTFLAGS || ((flags & WASI_ATIM) && (flags & WASI_ATIM_NOW)) ||
        ((flags & WASI_MTIM) && (flags & WASI_MTIM_NOW)))
        return -EINVAL;
    if (((flags & WASI_ATIM) && atime > INT64_MAX) || ((flags & WASI_MTIM) && mtime > INT64_MAX))
        return -EINVAL;
    *what = 0;
    for (size_t i = 0; i < LEN(map); i++)
        *what |= flags & map[i].flag ? map[i].set : 0;
    *a = (Attr){ .atime = (int64_t)atime, .mtime = (int64_t)mtime };
    return 0;
}
