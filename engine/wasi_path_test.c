/* SPDX-License-Identifier: MIT */
/*
 * The calls that take a path, for the table in wasi_test.c.
 */
#include <stdio.h>
#include <string.h>

#include "engine/wasi_call.h"
#include "engine/wasi_test.h"
#include "kern/ns.h"

static int32_t mkdir_at(Prog *p, uint32_t fd, uint32_t path, uint32_t len)
{
    return DO(p, path_create_directory, fd, path, len);
}

static int32_t stat_at(Prog *p, uint32_t fd, uint32_t path, uint32_t len)
{
    return DO(p, path_filestat_get, fd, WASI_FOLLOW, path, len, 64);
}

static int32_t utimes_at(Prog *p, uint32_t fd, uint32_t path, uint32_t len)
{
    return DO(p, path_filestat_set_times, fd, WASI_FOLLOW, path, len, 5, 6, WASI_ATIM | WASI_MTIM);
}

static int32_t link_from(Prog *p, uint32_t fd, uint32_t path, uint32_t len)
{
    return DO(p, path_link, fd, WASI_FOLLOW, path, len, 3, PATH("linked"));
}

static int32_t link_at(Prog *p, uint32_t fd, uint32_t path, uint32_t len)
{
    return DO(p, path_link, 3, 0, PATH("empty"), fd, path, len);
}

static int32_t open_at(Prog *p, uint32_t fd, uint32_t path, uint32_t len)
{
    return DO(p, path_open, fd, WASI_FOLLOW, path, len, 0, RIGHT_FD_READ, 0, 0, 64);
}

static int32_t readlink_at(Prog *p, uint32_t fd, uint32_t path, uint32_t len)
{
    return DO(p, path_readlink, fd, path, len, 64, 64, 0);
}

static int32_t rmdir_at(Prog *p, uint32_t fd, uint32_t path, uint32_t len)
{
    return DO(p, path_remove_directory, fd, path, len);
}

static int32_t rename_from(Prog *p, uint32_t fd, uint32_t path, uint32_t len)
{
    return DO(p, path_rename, fd, path, len, 3, PATH("renamed"));
}

static int32_t rename_to(Prog *p, uint32_t fd, uint32_t path, uint32_t len)
{
    return DO(p, path_rename, 3, PATH("empty"), fd, path, len);
}

static int32_t symlink_at(Prog *p, uint32_t fd, uint32_t path, uint32_t len)
{
    return DO(p, path_symlink, PATH("anywhere"), fd, path, len);
}

static int32_t unlink_at(Prog *p, uint32_t fd, uint32_t path, uint32_t len)
{
    return DO(p, path_unlink_file, fd, path, len);
}

typedef int32_t PathCall(Prog *p, uint32_t fd, uint32_t path, uint32_t len);
static const struct {
    PathCall *call;
    uint64_t right;
    bool last_followed;
} path_calls[] = {
    { mkdir_at, RIGHT_PATH_CREATE_DIRECTORY, false },   { stat_at, RIGHT_PATH_FILESTAT_GET, true },
    { utimes_at, RIGHT_PATH_FILESTAT_SET_TIMES, true }, { link_from, RIGHT_PATH_LINK_SOURCE, true },
    { link_at, RIGHT_PATH_LINK_TARGET, false },         { open_at, RIGHT_PATH_OPEN, true },
    { readlink_at, RIGHT_PATH_READLINK, false },        { rmdir_at, RIGHT_PATH_REMOVE_DIRECTORY, false },
    { rename_from, RIGHT_PATH_RENAME_SOURCE, false },   { rename_to, RIGHT_PATH_RENAME_TARGET, false },
    { symlink_at, RIGHT_PATH_SYMLINK, false },          { unlink_at, RIGHT_PATH_UNLINK_FILE, false },
};

/* What every path answers, whatever is done with it. */
void scene_all_paths(Prog *p)
{
    char name[300], path[PATH_MAX_LEN + 2];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    memset(path, '/', sizeof path);
    path[0] = 'd';
    path[sizeof path - 1] = '\0';
    EQ(symlink_at(p, 3, PATH("round")), WASI_OK);
    EQ(DO(p, path_unlink_file, 3, PATH("round")), WASI_OK);
    EQ(DO(p, path_symlink, PATH("round"), 3, PATH("round")), WASI_OK);
    EQ(DO(p, path_symlink, PATH("../.."), 3, PATH("dir/up")), WASI_OK);
    EQ(DO(p, path_symlink, PATH("/empty"), 3, PATH("dir/away")), WASI_OK);
    uint32_t dir = open_dir(p, "dir", 0), file = open_file(p, "empty", RIGHT_FD_READ);
    for (size_t i = 0; i < LEN(path_calls); i++) {
        PathCall *call = path_calls[i].call;
        EQ(call(p, BAD, PATH("x")), WASI_EBADF);
        EQ(call(p, file, PATH("x")), WASI_ENOTDIR);
        EQ(call(p, dir_without(p, path_calls[i].right), PATH("x")), WASI_ENOTCAPABLE);
        EQ(call(p, 3, OUT, 3), WASI_EFAULT);
        EQ(call(p, 3, 0, UINT32_MAX), WASI_EFAULT);
        EQ(call(p, 3, prog_put(p, "a\0b", 3), 3), WASI_EILSEQ);
        EQ(call(p, 3, PATH("")), WASI_ENOENT);
        EQ(call(p, 3, PATH(path)), WASI_ENAMETOOLONG);
        EQ(call(p, 3, PATH(name)), WASI_ENAMETOOLONG);
        EQ(call(p, 3, PATH("/dir")), WASI_EPERM);
        EQ(call(p, dir, PATH("../empty")), WASI_EPERM);
        EQ(call(p, dir, PATH("up/empty")), WASI_EPERM);
        EQ(call(p, 3, PATH("none/x")), WASI_ENOENT);
        EQ(call(p, 3, PATH("empty/x")), WASI_ENOTDIR);
        EQ(call(p, 3, PATH("round/x")), WASI_ELOOP);
        if (path_calls[i].last_followed) {
            EQ(call(p, dir, PATH("away")), WASI_EPERM);
            EQ(call(p, 3, PATH("round")), WASI_ELOOP);
            EQ(call(p, 3, PATH("empty/")), WASI_ENOTDIR);
        }
    }
}

void scene_directories(Prog *p)
{
    EQ(mkdir_at(p, 3, PATH("a")), WASI_OK);
    EQ(mkdir_at(p, 3, PATH("a/b/")), WASI_OK);
    EQ(mkdir_at(p, 3, PATH("a")), WASI_EEXIST);
    EQ(mkdir_at(p, 3, PATH("empty")), WASI_EEXIST);
    EQ(mkdir_at(p, 3, PATH("link")), WASI_EEXIST);
    EQ(mkdir_at(p, 3, PATH(".")), WASI_EEXIST);
    EQ(mkdir_at(p, 3, PATH("a/..")), WASI_EEXIST);
    EQ(rmdir_at(p, 3, PATH("a")), WASI_ENOTEMPTY);
    EQ(rmdir_at(p, 3, PATH("a/b/.")), WASI_EINVAL);
    EQ(rmdir_at(p, 3, PATH("a/b/..")), WASI_ENOTEMPTY);
    EQ(rmdir_at(p, 3, PATH("a/b/")), WASI_OK);
    EQ(rmdir_at(p, 3, PATH("a")), WASI_OK);
    EQ(rmdir_at(p, 3, PATH("a")), WASI_ENOENT);
    EQ(rmdir_at(p, 3, PATH("empty")), WASI_ENOTDIR);
    EQ(rmdir_at(p, 3, PATH("link")), WASI_ENOTDIR);
    bind_dir(p, "/frozen", BIND_RDONLY);
    EQ(mkdir_at(p, 3, PATH("frozen/x")), WASI_EROFS);
    EQ(rmdir_at(p, 3, PATH("frozen/file")), WASI_EROFS);
    EQ(rmdir_at(p, 3, PATH("frozen")), WASI_EBUSY);
    EQ(unlink_at(p, 3, PATH("frozen")), WASI_EBUSY);
    EQ(rename_from(p, 3, PATH("frozen")), WASI_EBUSY);
    EQ(rename_to(p, 3, PATH("frozen")), WASI_EBUSY);
    EQ(unlink_at(p, 3, PATH("frozen/file")), WASI_EROFS);
    EQ(rename_from(p, 3, PATH("frozen/file")), WASI_EROFS);
    EQ(rename_to(p, 3, PATH("frozen/x")), WASI_EROFS);
    EQ(symlink_at(p, 3, PATH("frozen/x")), WASI_EROFS);
    EQ(link_at(p, 3, PATH("frozen/x")), WASI_EROFS);
    EQ(utimes_at(p, 3, PATH("frozen/file")), WASI_EROFS);
    EQ(DO(p, path_open, 3, 0, PATH("frozen/x"), WASI_CREAT, RIGHT_FD_WRITE, 0, 0, 64), WASI_EROFS);
    EQ(DO(p, path_open, 3, 0, PATH("frozen/file"), 0, RIGHT_FD_WRITE, 0, 0, 64), WASI_EROFS);
}

void scene_stat_and_times(Prog *p)
{
    EQ(stat_at(p, 3, PATH("dir")), WASI_OK);
    EQ(p->memory[64 + 16], WASI_TYPE_DIR);
    EQ(stat_at(p, 3, PATH("link")), WASI_OK);
    EQ(p->memory[64 + 16], WASI_TYPE_FILE);
    EQ(DO(p, path_filestat_get, 3, 0, PATH("link"), 64), WASI_OK);
    EQ(p->memory[64 + 16], WASI_TYPE_LINK);
    EQ(prog_u64(p, 64 + 32), 8);
    EQ(DO(p, path_filestat_get, 3, 2, PATH("link"), 64), WASI_EINVAL);
    EQ(DO(p, path_filestat_get, 3, 0, PATH("link"), OUT), WASI_EFAULT);
    EQ(utimes_at(p, 3, PATH("link")), WASI_OK);
    EQ(stat_at(p, 3, PATH("dir/file")), WASI_OK);
    EQ(prog_u64(p, 64 + 48), 6);
    EQ(DO(p, path_filestat_set_times, 3, 0, PATH("link"), 7, 8, WASI_MTIM), WASI_OK);
    EQ(stat_at(p, 3, PATH("dir/file")), WASI_OK);
    EQ(prog_u64(p, 64 + 48), 6);
    EQ(DO(p, path_filestat_set_times, 3, 2, PATH("link"), 7, 8, WASI_MTIM), WASI_EINVAL);
    EQ(DO(p, path_filestat_set_times, 3, 0, PATH("link"), 7, 8, 99), WASI_EINVAL);
}

void scene_links(Prog *p)
{
    EQ(link_at(p, 3, PATH("hard")), WASI_OK);
    EQ(stat_at(p, 3, PATH("empty")), WASI_OK);
    EQ(prog_u64(p, 64 + 24), 2);
    EQ(link_at(p, 3, PATH("hard")), WASI_EEXIST);
    EQ(link_at(p, 3, PATH("dir")), WASI_EEXIST);
    EQ(link_at(p, 3, PATH(".")), WASI_EEXIST);
    EQ(link_at(p, 3, PATH("hard/")), WASI_EEXIST);
    EQ(link_at(p, 3, PATH("new/")), WASI_ENOENT);
    EQ(link_from(p, 3, PATH("dir")), WASI_EPERM);
    EQ(link_from(p, 3, PATH("link")), WASI_OK);
    EQ(DO(p, path_filestat_get, 3, 0, PATH("linked"), 64), WASI_OK);
    EQ(p->memory[64 + 16], WASI_TYPE_FILE);
    EQ(DO(p, path_link, 3, 0, PATH("link"), 3, PATH("linked2")), WASI_OK);
    EQ(DO(p, path_filestat_get, 3, 0, PATH("linked2"), 64), WASI_OK);
    EQ(p->memory[64 + 16], WASI_TYPE_LINK);
    EQ(DO(p, path_link, 3, 2, PATH("link"), 3, PATH("linked3")), WASI_EINVAL);
    OK(prog_tmpfs(p, "/other"));
    EQ(link_at(p, 3, PATH("other/x")), WASI_EXDEV);
    EQ(rename_to(p, 3, PATH("other/x")), WASI_EXDEV);

    EQ(symlink_at(p, 3, PATH("sym")), WASI_OK);
    EQ(symlink_at(p, 3, PATH("sym")), WASI_EEXIST);
    EQ(symlink_at(p, 3, PATH("dir/")), WASI_EEXIST);
    EQ(symlink_at(p, 3, PATH("..")), WASI_EEXIST);
    EQ(symlink_at(p, 3, PATH("sym2/")), WASI_ENOENT);
    EQ(DO(p, path_symlink, PATH(""), 3, PATH("sym2")), WASI_ENOENT);
    EQ(DO(p, path_symlink, OUT, 5, 3, PATH("sym2")), WASI_EFAULT);
    EQ(DO(p, path_symlink, PATH("/absolute"), 3, PATH("sym2")), WASI_OK);
    EQ(readlink_at(p, 3, PATH("sym2")), WASI_OK);
    EQ(prog_u32(p, 0), 9);
    MEM_EQ(p->memory + 64, "/absolute", 9);
    memset(p->memory + 64, 0, 16);
    EQ(DO(p, path_readlink, 3, PATH("sym2"), 64, 3, 0), WASI_OK);
    EQ(prog_u32(p, 0), 3);
    MEM_EQ(p->memory + 64, "/ab\0", 4);
    EQ(DO(p, path_readlink, 3, PATH("sym2"), 64, 0, 0), WASI_OK);
    EQ(prog_u32(p, 0), 0);
    EQ(p->memory[64], '/');
    EQ(readlink_at(p, 3, PATH("empty")), WASI_EINVAL);
    EQ(readlink_at(p, 3, PATH("dir")), WASI_EINVAL);
    EQ(DO(p, path_readlink, 3, PATH("sym2"), OUT, 3, 0), WASI_EFAULT);
    EQ(DO(p, path_readlink, 3, PATH("sym2"), 64, 3, OUT), WASI_EFAULT);
}

void scene_renaming(Prog *p)
{
    EQ(rename_to(p, 3, PATH("moved")), WASI_OK);
    EQ(stat_at(p, 3, PATH("empty")), WASI_ENOENT);
    EQ(rename_to(p, 3, PATH("again")), WASI_ENOENT);
    EQ(DO(p, path_rename, 3, PATH("moved"), 3, PATH("empty")), WASI_OK);
    EQ(rename_to(p, 3, PATH("dir")), WASI_EISDIR);
    EQ(rename_to(p, 3, PATH("new/")), WASI_ENOTDIR);
    EQ(rename_to(p, 3, PATH(".")), WASI_EINVAL);
    EQ(rename_to(p, 3, PATH("dir/..")), WASI_EINVAL);
    EQ(rename_from(p, 3, PATH("empty/")), WASI_ENOTDIR);
    EQ(rename_from(p, 3, PATH("none/")), WASI_ENOENT);
    EQ(rename_from(p, 3, PATH(".")), WASI_EINVAL);
    EQ(DO(p, path_rename, 3, PATH("dir"), 3, PATH("empty")), WASI_ENOTDIR);
    EQ(DO(p, path_rename, 3, PATH("dir"), 3, PATH("dir/sub")), WASI_EINVAL);
    EQ(mkdir_at(p, 3, PATH("d2")), WASI_OK);
    EQ(DO(p, path_rename, 3, PATH("d2"), 3, PATH("dir")), WASI_ENOTEMPTY);
    EQ(DO(p, path_rename, 3, PATH("d2/"), 3, PATH("d3/")), WASI_OK);

    EQ(unlink_at(p, 3, PATH("d3")), WASI_EISDIR);
    EQ(unlink_at(p, 3, PATH("d3/")), WASI_EISDIR);
    EQ(unlink_at(p, 3, PATH(".")), WASI_EISDIR);
    EQ(unlink_at(p, 3, PATH("d3/..")), WASI_EISDIR);
    EQ(unlink_at(p, 3, PATH("empty/")), WASI_ENOTDIR);
    EQ(unlink_at(p, 3, PATH("link/")), WASI_ENOTDIR);
    EQ(unlink_at(p, 3, PATH("none/")), WASI_ENOENT);
    EQ(unlink_at(p, 3, PATH("link")), WASI_OK);
    EQ(unlink_at(p, 3, PATH("link")), WASI_ENOENT);
    EQ(stat_at(p, 3, PATH("dir/file")), WASI_OK);
}

static int32_t open_with(Prog *p, uint32_t fd, const char *path, uint32_t lookup, uint32_t oflags, uint64_t rights,
                         uint64_t inheriting, uint32_t fdflags)
{
    return DO(p, path_open, fd, lookup, PATH(path), oflags, rights, inheriting, fdflags, 64);
}

void scene_opening(Prog *p)
{
    uint64_t rw = RIGHTS_RW, all = wasi_rights_dir | wasi_rights_file;
    EQ(open_with(p, 3, "new", 0, WASI_CREAT | WASI_EXCL, rw, 0, 0), WASI_OK);
    EQ(DO(p, fd_filestat_get, prog_u32(p, 64), 128), WASI_ENOTCAPABLE);
    EQ(open_with(p, 3, "new", 0, WASI_CREAT | WASI_EXCL, rw, 0, 0), WASI_EEXIST);
    EQ(open_with(p, 3, "link", 0, WASI_CREAT | WASI_EXCL, rw, 0, 0), WASI_EEXIST);
    EQ(open_with(p, 3, "link", 0, 0, rw, 0, 0), WASI_ELOOP);
    EQ(open_with(p, 3, "link", WASI_FOLLOW, 0, rw, 0, 0), WASI_OK);
    EQ(open_with(p, 3, "dir", 0, 0, rw, 0, 0), WASI_EISDIR);
    EQ(open_with(p, 3, "dir", 0, WASI_TRUNC, 0, 0, 0), WASI_EISDIR);
    EQ(open_with(p, 3, "fresh/", 0, WASI_CREAT, rw, 0, 0), WASI_EISDIR);
    EQ(open_with(p, 3, "dir/", 0, 0, all & ~rw, all, 0), WASI_OK);
    EQ(open_with(p, 3, "dir", 0, WASI_DIRECTORY, ~RIGHT_FD_WRITE, UINT64_MAX, 0), WASI_OK);
    EQ(open_with(p, 3, "dir", 0, WASI_DIRECTORY, UINT64_MAX, UINT64_MAX, 0), WASI_EISDIR);
    EQ(open_with(p, 3, "empty", 0, WASI_DIRECTORY, 0, 0, 0), WASI_ENOTDIR);
    EQ(open_with(p, 3, "none", 0, 0, rw, 0, 0), WASI_ENOENT);
    EQ(open_with(p, 3, "new", 2, 0, rw, 0, 0), WASI_EINVAL);
    EQ(open_with(p, 3, "new", 0, 16, rw, 0, 0), WASI_EINVAL);
    EQ(open_with(p, 3, "new", 0, 0, rw, 0, 32), WASI_EINVAL);
    EQ(open_with(p, 3, "new", 0, WASI_CREAT | WASI_DIRECTORY, rw, 0, 0), WASI_EINVAL);
    EQ(DO(p, path_open, 3, 0, PATH("new"), 0, rw, 0, 0, OUT), WASI_EFAULT);
    EQ(open_with(p, 3, "dir/file", 0, WASI_TRUNC, 0, 0, 0), WASI_OK);
    EQ(stat_at(p, 3, PATH("dir/file")), WASI_OK);
    EQ(prog_u64(p, 64 + 32), 0);
    EQ(open_with(p, 3, "new", 0, 0, rw, 0, WASI_APPEND), WASI_OK);
    EQ(DO(p, fd_write, prog_u32(p, 64), prog_iov(p, prog_str(p, "xy"), 2), 1, 0), WASI_OK);

    bind_dir(p, "/frozen", BIND_RDONLY);
    uint64_t to_size = RIGHT_FD_READ | RIGHT_FD_ALLOCATE | RIGHT_FD_FILESTAT_SET_SIZE;
    EQ(open_with(p, 3, "frozen/file", 0, 0, to_size, 0, 0), WASI_OK);
    EQ(DO(p, fd_filestat_set_size, prog_u32(p, 64), 0), WASI_EINVAL);
    EQ(open_with(p, 3, "frozen/file", 0, 0, to_size | RIGHT_FD_WRITE, 0, 0), WASI_EROFS);
    EQ(open_with(p, 3, "frozen/file", 0, WASI_TRUNC, to_size, 0, 0), WASI_EROFS);
    EQ(open_with(p, 3, "dir/file", 0, 0, to_size, 0, 0), WASI_OK);
    EQ(DO(p, fd_filestat_set_size, prog_u32(p, 64), 0), WASI_OK);

    uint32_t dir = dir_without(p, RIGHT_FD_WRITE);
    EQ(open_with(p, dir, "new", 0, 0, RIGHT_FD_READ, 0, 0), WASI_OK);
    EQ(open_with(p, dir, "new", 0, 0, RIGHT_FD_WRITE, 0, 0), WASI_ENOTCAPABLE);
    EQ(open_with(p, dir, "dir", 0, WASI_DIRECTORY, RIGHT_FD_READDIR, RIGHT_FD_WRITE, 0), WASI_ENOTCAPABLE);
    dir = dir_without(p, RIGHT_PATH_CREATE_FILE);
    EQ(open_with(p, dir, "new", 0, 0, RIGHT_FD_WRITE, 0, 0), WASI_OK);
    EQ(open_with(p, dir, "new2", 0, WASI_CREAT, RIGHT_FD_WRITE, 0, 0), WASI_ENOTCAPABLE);
    dir = dir_without(p, RIGHT_PATH_FILESTAT_SET_SIZE);
    EQ(open_with(p, dir, "new", 0, WASI_TRUNC, 0, 0, 0), WASI_EPERM);
    EQ(open_with(p, dir, "new", 0, WASI_TRUNC, RIGHT_FD_WRITE, 0, 0), WASI_EPERM);
    EQ(open_with(p, dir, "new", 0, WASI_TRUNC, RIGHT_FD_FILESTAT_SET_SIZE, 0, 0), WASI_OK);
    dir = dir_without(p, RIGHT_FD_SYNC | RIGHT_FD_DATASYNC);
    EQ(open_with(p, dir, "new", 0, 0, RIGHT_FD_WRITE, 0, WASI_DSYNC), WASI_ENOTCAPABLE);
    EQ(open_with(p, dir, "new", 0, 0, RIGHT_FD_WRITE, 0, WASI_RSYNC), WASI_ENOTCAPABLE);
    EQ(open_with(p, 3, "new", 0, 0, RIGHT_FD_WRITE, 0, WASI_DSYNC), WASI_OK);

    fdtab_limit(p->task.fds, 8);
    EQ(open_with(p, 3, "new", 0, 0, rw, 0, 0), WASI_EMFILE);
    fdtab_limit(p->task.fds, FD_LIMIT_DEFAULT);
}

/* ---- out of memory ---------------------------------------------------------------------------------------------- */

static int32_t readdir_at(Prog *p, uint32_t fd, uint32_t path, uint32_t len)
{
    (void)path, (void)len;
    return DO(p, fd_readdir, fd, 1024, 1024, 0, 0);
}

static int32_t many_vectors(Prog *p, uint32_t fd, uint32_t path, uint32_t len)
{
    (void)fd, (void)path, (void)len;
    return DO(p, fd_read, 0, 2048, 64, 64);
}

/* One allocation after the other fails: NOMEM, from devices NOSPC, or done without. */
void scene_no_memory(Prog *p)
{
    static PathCall *const calls[] = { stat_at, open_at, readlink_at, mkdir_at, symlink_at, utimes_at, unlink_at,
                                       rename_from, link_at, link_from, rmdir_at, readdir_at, many_vectors };
    char name[32];
    for (size_t i = 0; i < LEN(calls); i++) {
        bool makes = calls[i] == mkdir_at || calls[i] == symlink_at || calls[i] == link_at;
        for (unsigned n = 1;; n++) {
            snprintf(name, sizeof name, "%s%zu-%u", makes ? "m" : "link", i, n);
            if (!makes && calls[i] != rmdir_at && calls[i] != readdir_at)
                EQ(DO(p, path_symlink, PATH("dir/file"), 3, PATH(name)), WASI_OK);
            if (calls[i] == rmdir_at)
                EQ(DO(p, path_create_directory, 3, PATH(name)), WASI_OK);
            uint32_t at = prog_str(p, name);
            mem_fail_at(n);
            int32_t r = calls[i](p, 3, at, (uint32_t)strlen(name));
            bool over = mem_fail_pending();
            mem_fail_at(0);
            (void)DO(p, path_unlink_file, 3, PATH("linked"));
            (void)DO(p, path_unlink_file, 3, PATH("renamed"));
            if (over) {
                EQ(r, WASI_OK);
                break;
            }
            TRUE(r == WASI_ENOMEM || r == WASI_ENOSPC || r == WASI_OK);
        }
    }
}
