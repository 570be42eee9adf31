/* SPDX-License-Identifier: MIT */
/*
 * What libfuse calls, file by file; fuse.c puts them into the table. Each answers, or leaves a request behind that will.
 */
#ifndef DOOR_FUSE_OPS_H
#define DOOR_FUSE_OPS_H

#include "door/fuse_door.h"

/* fuse_name.c */
/* What Linux is shown of ch, in a directory with `above` names above it: a link is as long as the text that is read there. */
int place_stat(FuseRequest *r, Chan *ch, unsigned above, struct stat *st);
void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void on_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups);
void on_forget_many(fuse_req_t req, size_t n, struct fuse_forget_data *all);
void on_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void on_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void on_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void on_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void on_readlink(fuse_req_t req, fuse_ino_t ino);
void on_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void on_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name);
void on_rename(fuse_req_t req, fuse_ino_t from, const char *name, fuse_ino_t to, const char *newname, unsigned flags);

/* fuse_file.c */
void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void on_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi);
void on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void on_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off, struct fuse_file_info *fi);
void on_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void on_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void on_fsync(fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *fi);
void on_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t n, struct fuse_file_info *fi);
void on_flock(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, int op);
void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void on_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int what, struct fuse_file_info *fi);
void on_statfs(fuse_req_t req, fuse_ino_t ino);

/* fuse_dir.c */
void on_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void on_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);

/* fuse_poll.c */
void on_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph);

#endif
