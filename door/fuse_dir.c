/* SPDX-License-Identifier: MIT */
/*
 * Directories that are listed. A cookie of the kernel's is the position that Linux is given.
 */
#include "door/fuse_ops.h"

#include <string.h>
#include <sys/stat.h>

static int try_opendir(FuseRequest *r)
{
    Chan *place, *open = NULL;
    int n = request_place(r, &place);
    if (n == 0)
        n = chan_open(&r->call, place, OPEN_READ | OPEN_DIRECTORY, &open);
    if (n < 0)
        return n;
    FuseHandle *h = handle_new(r->door, open);
    if (h == NULL)
        return -ENOMEM;
    handle_at(r->door, h, r->node, place);
    return answer_open(r, h);
}

typedef struct Listing {
    FuseRequest *r;
    const Dev *dev;
    char *buf;
    size_t used;
} Listing;

static int take_entry(void *arg, const Dirent *e)
{
    Listing *l = arg;
    const Dev *dev = e->dev != NULL ? e->dev : l->dev;
    struct stat st = { .st_mode = fuse_type(e->type), .st_ino = fuse_number(dev, e->space, e->id) };
    if (strcmp(e->name, "..") == 0)
        st.st_ino = node_number_above(l->r->door, l->r->node);  /* the kernel names the directory itself */
    size_t room = l->r->size - l->used;
    size_t n = fuse_add_direntry(l->r->req, l->buf + l->used, room, e->name, &st, (off_t)e->next);
    if (n > room)
        return 1;
    l->used += n;
    return 0;
}

static int try_readdir(FuseRequest *r)
{
    Chan *dir = r->handle->chan;
    Listing l = { .r = r, .dev = dir->file->dev, .buf = request_buffer(r->size) };
    if (l.buf == NULL)
        return -ENOMEM;
    int n = chan_readdir(&r->call, dir, (uint64_t)r->off, take_entry, &l);
    return n < 0 ? n : answer_bytes(r, l.buf, l.used);
}

void on_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    FuseRequest *r = request_new(req, ino, try_opendir);
    if (r == NULL)
        return;
    r->fi = *fi;
    request_run(r);
}

void on_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
    FuseRequest *r = request_new(req, ino, try_readdir);
    if (r == NULL)
        return;
    r->handle = handle_of(fi);
    r->size = size;
    r->off = off;
    request_run(r);
}
