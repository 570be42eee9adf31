/* SPDX-License-Identifier: MIT */
/*
 * fd_readdir: entries from a cookie on, as many as fit; the last one is cut where the buffer ends, so that a full buffer
 * says that there is more. Cookies are the file system's own and survive changes of the directory.
 */
#include "engine/wasi_call.h"

#include <string.h>

typedef struct Listing {
    WasiThread *w;
    uint32_t buf, len, used;
} Listing;

static int add_entry(void *arg, const Dirent *e)
{
    Listing *l = arg;
    uint8_t record[sizeof(WasiDirent) + NAME_MAX_LEN];
    size_t n = strlen(e->name);
    if (l->used == l->len)
        return 1;
    Cursor c = cursor_over(record, sizeof record);
    cursor_put(&c, 8, e->next);
    cursor_put(&c, 8, e->ino);
    cursor_put(&c, 4, n);
    cursor_put(&c, 1, wasi_filetype(e->type));
    cursor_zero(&c, 3);
    cursor_bytes(&c, e->name, n);
    ASSERT(!c.overrun);
    size_t size = (size_t)(c.at - record), room = l->len - l->used;
    size_t fits = size < room ? size : room;
    int r = guest_write(&l->w->guest, l->buf + l->used, record, fits);
    l->used += (uint32_t)fits;
    return r < 0 ? r : fits < size;
}

int32_t wasi_fd_readdir(WasiThread *w, uint32_t fd, uint32_t buf, uint32_t len, uint64_t cookie, uint32_t result)
{
    FdInfo info;
    Listing l = { .w = w, .buf = buf, .len = len };
    if (!guest_has(&w->guest, buf, len) || !guest_has(&w->guest, result, sizeof(uint32_t)))
        return WASI_EFAULT;
    int r = wasi_get(w, fd, 0, &info);
    if (r < 0)
        return wasi_errno(r);
    AUTO_CHAN Chan *ch = info.chan;
    if (!file_is_dir(ch->file))
        return WASI_ENOTDIR;
    if ((info.rights & RIGHT_FD_READDIR) == 0)
        return WASI_ENOTCAPABLE;
    if (len > 0)
        r = chan_readdir(wasi_kcall(w), ch, cookie, add_entry, &l);
    return wasi_errno(r < 0 ? r : guest_put_u32(&w->guest, result, l.used));
}
