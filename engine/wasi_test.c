/* SPDX-License-Identifier: MIT */
/*
 * Every call of preview 1 against every errno that it can answer: the table at the end names the cells, the tests above it
 * hit them, with guest memory at hand and out of reach. "wasi coverage: N of N cells" says that none is only claimed.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "dev/devpipe.h"
#include "engine/wasi_call.h"
#include "engine/wasi_test.h"
#include "kern/account.h"
#include "kern/ns.h"
#include "test/guest.h"
#include "test/slowdev.h"

uint32_t open_file(Prog *p, const char *path, uint64_t rights)
{
    int fd = prog_open(p, path, 0, rights);
    OK(fd);
    return (uint32_t)fd;
}

/* A descriptor of path with all rights that files have but these. */
static uint32_t without(Prog *p, uint64_t rights)
{
    return open_file(p, "dir/file", wasi_rights_file & ~rights);
}

uint32_t open_dir(Prog *p, const char *path, uint64_t rights)
{
    uint64_t all = wasi_rights_dir | wasi_rights_file;
    EQ(DO(p, path_open, 3, 0, PATH(path), WASI_DIRECTORY, wasi_rights_dir & ~rights, all & ~rights, 0, 64), 0);
    return prog_u32(p, 64);
}

uint32_t dir_without(Prog *p, uint64_t rights)
{
    return open_dir(p, ".", rights);
}

void bind_dir(Prog *p, const char *where, unsigned flags)
{
    Call *c = &p->thread.call;
    AUTO_CHAN Chan *src = NULL;
    OK(KERNEL(p, walk_path(c, (WalkFrom){ .ns = p->task.ns }, "/dir", 0, &src)));
    OK(KERNEL(p, ns_bind(c, (WalkFrom){ .ns = p->task.ns }, src, where, flags)));
}

/* ---- what a program is ------------------------------------------------------------------------------------------ */

static void args(Prog *p)
{
    EQ(DO(p, args_sizes_get, 0, 4), WASI_OK);
    EQ(prog_u32(p, 0), 2);
    EQ(prog_u32(p, 4), sizeof "prog" + sizeof "an argument");
    uint32_t argv = prog_room(p, 8), buf = prog_room(p, 64);
    EQ(DO(p, args_get, argv, buf), WASI_OK);
    EQ(prog_u32(p, argv), buf);
    EQ(prog_u32(p, argv + 4), buf + 5);
    STR_EQ((char *)p->memory + buf + 5, "an argument");
    EQ(DO(p, args_sizes_get, OUT, 4), WASI_EFAULT);
    EQ(DO(p, args_sizes_get, 0, OUT), WASI_EFAULT);
    EQ(DO(p, args_get, OUT, buf), WASI_EFAULT);
    EQ(DO(p, args_get, argv, GUEST_MEMORY - 8), WASI_EFAULT);
}

static void environment(Prog *p)
{
    EQ(DO(p, environ_sizes_get, 0, 4), WASI_OK);
    EQ(prog_u32(p, 0), 2);
    EQ(prog_u32(p, 4), sizeof "HOME=/home" + sizeof "PWD=/");
    uint32_t environ = prog_room(p, 8), buf = prog_room(p, 64);
    EQ(DO(p, environ_get, environ, buf), WASI_OK);
    STR_EQ((char *)p->memory + prog_u32(p, environ), "HOME=/home");
    STR_EQ((char *)p->memory + prog_u32(p, environ + 4), "PWD=/");
    EQ(DO(p, environ_sizes_get, OUT, 4), WASI_EFAULT);
    EQ(DO(p, environ_get, OUT, buf), WASI_EFAULT);
}

static void clocks(Prog *p)
{
    for (uint32_t id = 0; id < 4; id++) {
        EQ(DO(p, clock_res_get, id, 0), WASI_OK);
        TRUE(prog_u64(p, 0) > 0 && prog_u64(p, 0) <= 100000000);
        EQ(DO(p, clock_time_get, id, 1000, 0), WASI_OK);
        uint64_t before = prog_u64(p, 0);
        EQ(DO(p, clock_time_get, id, 0, 0), WASI_OK);
        TRUE(prog_u64(p, 0) >= before);
    }
    EQ(DO(p, clock_res_get, 4, 0), WASI_EINVAL);
    EQ(DO(p, clock_res_get, 0, OUT), WASI_EFAULT);
    EQ(DO(p, clock_time_get, 4, 0, 0), WASI_EINVAL);
    EQ(DO(p, clock_time_get, 1, 0, OUT), WASI_EFAULT);
}

static void random_numbers(Prog *p)
{
    static const uint32_t sizes[] = { 0, 1, 255, 4096, 200000 };
    for (size_t i = 0; i < LEN(sizes); i++)
        EQ(DO(p, random_get, 0, sizes[i]), WASI_OK);
    unsigned zeroes = 0;
    for (uint32_t i = 199000; i < 200000; i++)
        zeroes += p->memory[i] == 0;
    TRUE(zeroes < 100);
    EQ(p->memory[200001], 0);
    EQ(DO(p, random_get, OUT, 3), WASI_EFAULT);
    EQ(DO(p, random_get, 0, UINT32_MAX), WASI_EFAULT);
    memset(p->memory, 0, GUEST_MEMORY);
}

static void process(Prog *p)
{
    EQ(DO(p, sched_yield), WASI_OK);
    EQ(DO(p, proc_raise, 0), WASI_OK);
    EQ(DO(p, proc_raise, 31), WASI_EINVAL);
}

static void sockets(Prog *p)
{
    EQ(DO(p, sock_accept, BAD, 0, 0), WASI_EBADF);
    EQ(DO(p, sock_accept, 3, 0, 0), WASI_ENOTSOCK);
    EQ(DO(p, sock_recv, BAD, 0, 0, 0, 0, 0), WASI_EBADF);
    EQ(DO(p, sock_recv, 3, 0, 0, 0, 0, 0), WASI_ENOTSOCK);
    EQ(DO(p, sock_send, BAD, 0, 0, 0, 0), WASI_EBADF);
    EQ(DO(p, sock_send, 3, 0, 0, 0, 0), WASI_ENOTSOCK);
    EQ(DO(p, sock_shutdown, BAD, 3), WASI_EBADF);
    EQ(DO(p, sock_shutdown, 3, 3), WASI_ENOTSOCK);
}

/* ---- descriptors ------------------------------------------------------------------------------------------------ */

static void reading(Prog *p)
{
    uint32_t fd = open_file(p, "dir/file", RIGHTS_RW), buf = prog_room(p, 64), iov = prog_room(p, 8 * 1024);
    prog_set32(p, iov, buf);
    prog_set32(p, iov + 4, 3);
    prog_set32(p, iov + 8, buf + 8);
    prog_set32(p, iov + 12, 4);
    EQ(DO(p, fd_read, fd, iov, 2, 0), WASI_OK);
    EQ(prog_u32(p, 0), 7);
    MEM_EQ(p->memory + buf, "012\0\0\0\0\0003456", 12);
    EQ(DO(p, fd_pread, fd, iov, 2, 8, 0), WASI_OK);
    EQ(prog_u32(p, 0), 2);
    MEM_EQ(p->memory + buf, "892", 3);
    EQ(DO(p, fd_read, fd, iov, 1024, 0), WASI_OK);
    EQ(prog_u32(p, 0), 3);
    EQ(DO(p, fd_read, fd, iov, 1, 0), WASI_OK);
    EQ(prog_u32(p, 0), 0);
    EQ(DO(p, fd_read, fd, 0, 0, 0), WASI_OK);

    EQ(DO(p, fd_read, BAD, iov, 1, 0), WASI_EBADF);
    EQ(DO(p, fd_read, UINT32_MAX, iov, 1, 0), WASI_EBADF);
    EQ(DO(p, fd_read, open_file(p, "dir/file", RIGHT_FD_WRITE), iov, 1, 0), WASI_EBADF);
    EQ(DO(p, fd_read, open_file(p, "dir/file", 0), iov, 1, 0), WASI_EBADF);
    EQ(DO(p, fd_read, fd, OUT, 1, 0), WASI_EFAULT);
    EQ(DO(p, fd_read, fd, iov, 1, OUT), WASI_EFAULT);
    EQ(DO(p, fd_read, fd, prog_iov(p, OUT, 3), 1, 0), WASI_EFAULT);
    EQ(DO(p, fd_read, fd, prog_iov(p, 8, UINT32_MAX), 1, 0), WASI_EFAULT);
    EQ(DO(p, fd_read, fd, iov, 1025, 0), WASI_EINVAL);
    EQ(DO(p, fd_read, fd, iov, UINT32_MAX, 0), WASI_EINVAL);
    EQ(DO(p, fd_read, 3, iov, 1, 0), WASI_EISDIR);
    EQ(DO(p, fd_read, (uint32_t)prog_odd(p, "eio", OPEN_READ), iov, 1, 0), WASI_EIO);
    EQ(DO(p, fd_read, (uint32_t)prog_odd(p, "eperm", OPEN_READ), iov, 1, 0), WASI_EPERM);
    EQ(DO(p, fd_read, (uint32_t)prog_odd(p, "wait", OPEN_READ | OPEN_NONBLOCK), iov, 1, 0), WASI_EAGAIN);
    EQ(DO(p, fd_fdstat_set_rights, fd, RIGHTS_RW & ~RIGHT_FD_READ, 0), WASI_OK);
    EQ(DO(p, fd_read, fd, iov, 1, 0), WASI_ENOTCAPABLE);

    fd = open_file(p, "dir/file", RIGHTS_RW);
    EQ(DO(p, fd_pread, BAD, iov, 1, 0, 0), WASI_EBADF);
    EQ(DO(p, fd_pread, fd, OUT, 1, 0, 0), WASI_EFAULT);
    EQ(DO(p, fd_pread, fd, iov, 1025, 0, 0), WASI_EINVAL);
    EQ(DO(p, fd_pread, fd, iov, 1, UINT64_MAX, 0), WASI_EINVAL);
    EQ(DO(p, fd_pread, 3, iov, 1, 0, 0), WASI_EISDIR);
    EQ(DO(p, fd_pread, (uint32_t)prog_odd(p, "tty", OPEN_READ), iov, 1, 0, 0), WASI_ESPIPE);
    EQ(DO(p, fd_pread, without(p, RIGHT_FD_SEEK), iov, 1, 0, 0), WASI_ENOTCAPABLE);
    EQ(DO(p, fd_pread, (uint32_t)prog_odd(p, "eio", OPEN_READ), iov, 1, 0, 0), WASI_EIO);
}

static void writing(Prog *p)
{
    int made = prog_open(p, "w", WASI_CREAT, RIGHTS_RW);
    OK(made);
    uint32_t fd = (uint32_t)made, iov = prog_room(p, 8 * 1024);
    for (uint32_t i = 0; i < 1024; i++) {
        prog_set32(p, iov + 8 * i, prog_str(p, "ab"));
        prog_set32(p, iov + 8 * i + 4, 2);
    }
    EQ(DO(p, fd_write, fd, iov, 1024, 0), WASI_OK);
    EQ(prog_u32(p, 0), 2048);
    EQ(DO(p, fd_pwrite, fd, iov, 1, 1, 0), WASI_OK);
    EQ(DO(p, fd_pread, fd, prog_iov(p, 64, 4), 1, 0, 0), WASI_OK);
    MEM_EQ(p->memory + 64, "aabb", 4);

    EQ(DO(p, fd_write, BAD, iov, 1, 0), WASI_EBADF);
    EQ(DO(p, fd_write, 3, iov, 1, 0), WASI_EBADF);
    EQ(DO(p, fd_write, open_file(p, "dir/file", RIGHT_FD_READ), iov, 1, 0), WASI_EBADF);
    EQ(DO(p, fd_write, fd, OUT, 1, 0), WASI_EFAULT);
    EQ(DO(p, fd_write, fd, iov, 1, OUT), WASI_EFAULT);
    EQ(DO(p, fd_write, fd, prog_iov(p, OUT, 3), 1, 0), WASI_EFAULT);
    EQ(DO(p, fd_write, fd, iov, 1025, 0), WASI_EINVAL);
    EQ(DO(p, fd_write, (uint32_t)prog_odd(p, "full", OPEN_WRITE), iov, 1, 0), WASI_ENOSPC);
    EQ(DO(p, fd_write, (uint32_t)prog_odd(p, "eio", OPEN_WRITE), iov, 1, 0), WASI_EIO);
    EQ(DO(p, fd_write, (uint32_t)prog_odd(p, "eperm", OPEN_WRITE), iov, 1, 0), WASI_EPERM);
    EQ(DO(p, fd_write, (uint32_t)prog_odd(p, "wait", OPEN_WRITE | OPEN_NONBLOCK), iov, 1, 0), WASI_EAGAIN);
    EQ(DO(p, fd_seek, fd, INT64_MAX, WASI_SEEK_SET, 0), WASI_OK);
    EQ(DO(p, fd_write, fd, iov, 1, 0), WASI_EFBIG);

    EQ(DO(p, fd_pwrite, BAD, iov, 1, 0, 0), WASI_EBADF);
    EQ(DO(p, fd_pwrite, 3, iov, 1, 0, 0), WASI_EBADF);
    EQ(DO(p, fd_pwrite, fd, OUT, 1, 0, 0), WASI_EFAULT);
    EQ(DO(p, fd_pwrite, fd, iov, 1025, 0, 0), WASI_EINVAL);
    EQ(DO(p, fd_pwrite, fd, iov, 1, UINT64_MAX, 0), WASI_EINVAL);
    EQ(DO(p, fd_pwrite, fd, iov, 1, INT64_MAX, 0), WASI_EFBIG);
    EQ(DO(p, fd_pwrite, (uint32_t)prog_odd(p, "tty", OPEN_WRITE), iov, 1, 0, 0), WASI_ESPIPE);
    EQ(DO(p, fd_pwrite, without(p, RIGHT_FD_SEEK), iov, 1, 0, 0), WASI_ENOTCAPABLE);
    EQ(DO(p, fd_pwrite, (uint32_t)prog_odd(p, "eio", OPEN_WRITE), iov, 1, 0, 0), WASI_EIO);
    EQ(DO(p, fd_fdstat_set_rights, fd, RIGHT_FD_READ, 0), WASI_OK);
    EQ(DO(p, fd_write, fd, iov, 1, 0), WASI_ENOTCAPABLE);
}

static void memory_limit(Prog *p)
{
    int made = prog_open(p, "large", WASI_CREAT, RIGHTS_RW);
    OK(made);
    uint32_t fd = (uint32_t)made;
    AccountSums sums;
    account_sums(p->task.account, &sums);
    OK(account_limit_memory(&p->thread.call, p->task.account, sums.mem_current + (128 << 10), true));
    uint32_t iov = prog_iov(p, 0, 100000);
    int32_t r = WASI_OK;
    for (int i = 0; i < 10 && r == WASI_OK; i++)
        r = DO(p, fd_write, fd, iov, 1, 0);
    EQ(r, WASI_ENOSPC);
    r = WASI_OK;
    for (uint64_t off = 1 << 24; off < 2 << 24 && r == WASI_OK; off += 100000)
        r = DO(p, fd_pwrite, fd, iov, 1, off, 0);
    EQ(r, WASI_ENOSPC);
    OK(account_limit_memory(&p->thread.call, p->task.account, ACCOUNT_MAX, true));
}

static void positions(Prog *p)
{
    uint32_t fd = open_file(p, "dir/file", RIGHTS_RW);
    EQ(DO(p, fd_seek, fd, 4, WASI_SEEK_SET, 0), WASI_OK);
    EQ(DO(p, fd_seek, fd, (uint64_t)-1, WASI_SEEK_CUR, 0), WASI_OK);
    EQ(prog_u64(p, 0), 3);
    EQ(DO(p, fd_seek, fd, (uint64_t)-2, WASI_SEEK_END, 0), WASI_OK);
    EQ(prog_u64(p, 0), 8);
    EQ(DO(p, fd_tell, fd, 8), WASI_OK);
    EQ(prog_u64(p, 8), 8);
    EQ(DO(p, fd_seek, BAD, 0, WASI_SEEK_SET, 0), WASI_EBADF);
    EQ(DO(p, fd_seek, 3, 0, WASI_SEEK_SET, 0), WASI_EBADF);
    EQ(DO(p, fd_seek, fd, 0, WASI_SEEK_SET, OUT), WASI_EFAULT);
    EQ(DO(p, fd_seek, fd, 0, 3, 0), WASI_EINVAL);
    EQ(DO(p, fd_seek, fd, (uint64_t)-1, WASI_SEEK_SET, 0), WASI_EINVAL);
    EQ(DO(p, fd_seek, fd, INT64_MAX, WASI_SEEK_CUR, 0), WASI_EINVAL);
    EQ(DO(p, fd_seek, (uint32_t)prog_odd(p, "tty", OPEN_READ), 0, WASI_SEEK_CUR, 0), WASI_ESPIPE);
    EQ(DO(p, fd_tell, BAD, 0), WASI_EBADF);
    EQ(DO(p, fd_tell, 3, 0), WASI_EBADF);
    EQ(DO(p, fd_tell, fd, OUT), WASI_EFAULT);
    EQ(DO(p, fd_tell, (uint32_t)prog_odd(p, "tty", OPEN_READ), 0), WASI_ESPIPE);
    uint32_t teller = without(p, RIGHT_FD_SEEK);
    EQ(DO(p, fd_seek, teller, 0, WASI_SEEK_CUR, 0), WASI_OK);
    EQ(DO(p, fd_tell, teller, 0), WASI_OK);
    EQ(DO(p, fd_seek, teller, 1, WASI_SEEK_CUR, 0), WASI_ENOTCAPABLE);
    EQ(DO(p, fd_tell, without(p, RIGHT_FD_TELL | RIGHT_FD_SEEK), 0), WASI_ENOTCAPABLE);
}

static void advice_and_space(Prog *p)
{
    uint32_t fd = open_file(p, "empty", wasi_rights_file);
    for (uint32_t advice = 0; advice < 6; advice++)
        EQ(DO(p, fd_advise, fd, 0, 0, advice), WASI_OK);
    EQ(DO(p, fd_advise, fd, 0, 0, 6), WASI_EINVAL);
    EQ(DO(p, fd_advise, fd, UINT64_MAX, 0, 0), WASI_EINVAL);
    EQ(DO(p, fd_advise, BAD, 0, 0, 0), WASI_EBADF);
    EQ(DO(p, fd_advise, 3, 0, 0, 0), WASI_EBADF);
    EQ(DO(p, fd_advise, (uint32_t)prog_odd(p, "tty", OPEN_READ), 0, 0, 0), WASI_ESPIPE);
    EQ(DO(p, fd_advise, without(p, RIGHT_FD_ADVISE), 0, 0, 0), WASI_ENOTCAPABLE);

    EQ(DO(p, fd_allocate, fd, 10, 20), WASI_OK);
    EQ(DO(p, fd_filestat_get, fd, 64), WASI_OK);
    EQ(prog_u64(p, 64 + 32), 30);
    EQ(DO(p, fd_allocate, BAD, 0, 1), WASI_EBADF);
    EQ(DO(p, fd_allocate, 3, 0, 1), WASI_EBADF);
    EQ(DO(p, fd_allocate, fd, 0, 0), WASI_EINVAL);
    EQ(DO(p, fd_allocate, fd, INT64_MAX, 1), WASI_EFBIG);
    EQ(DO(p, fd_allocate, (uint32_t)prog_odd(p, "tty", OPEN_WRITE), 0, 1), WASI_ESPIPE);
    EQ(DO(p, fd_allocate, (uint32_t)prog_odd(p, "eio", OPEN_WRITE), 0, 1), WASI_ENOTSUP);
    EQ(DO(p, fd_allocate, without(p, RIGHT_FD_ALLOCATE), 0, 1), WASI_ENOTCAPABLE);

    EQ(DO(p, fd_filestat_set_size, fd, 5), WASI_OK);
    EQ(DO(p, fd_filestat_set_size, BAD, 5), WASI_EBADF);
    EQ(DO(p, fd_filestat_set_size, 3, 5), WASI_EINVAL);
    EQ(DO(p, fd_filestat_set_size, fd, UINT64_MAX), WASI_EINVAL);
    EQ(DO(p, fd_filestat_set_size, open_file(p, "empty", RIGHT_FD_READ), 5), WASI_EINVAL);
    EQ(DO(p, fd_filestat_set_size, (uint32_t)prog_odd(p, "eio", OPEN_WRITE), 5), WASI_EPERM);
    EQ(DO(p, fd_filestat_set_size, without(p, RIGHT_FD_FILESTAT_SET_SIZE), 5), WASI_ENOTCAPABLE);
}

static void syncing_and_closing(Prog *p)
{
    uint32_t fd = open_file(p, "dir/file", RIGHTS_RW | RIGHT_FD_SYNC | RIGHT_FD_DATASYNC);
    EQ(DO(p, fd_sync, fd), WASI_OK);
    EQ(DO(p, fd_datasync, fd), WASI_OK);
    EQ(DO(p, fd_datasync, without(p, RIGHT_FD_DATASYNC)), WASI_OK);
    EQ(DO(p, fd_sync, BAD), WASI_EBADF);
    EQ(DO(p, fd_datasync, BAD), WASI_EBADF);
    EQ(DO(p, fd_sync, without(p, RIGHT_FD_SYNC)), WASI_ENOTCAPABLE);
    EQ(DO(p, fd_datasync, without(p, RIGHT_FD_SYNC | RIGHT_FD_DATASYNC)), WASI_ENOTCAPABLE);

    uint32_t other = open_file(p, "empty", RIGHTS_RW);
    EQ(DO(p, fd_renumber, fd, other), WASI_OK);
    EQ(DO(p, fd_close, fd), WASI_EBADF);
    EQ(DO(p, fd_renumber, other, BAD), WASI_EBADF);
    EQ(DO(p, fd_renumber, BAD, other), WASI_EBADF);
    EQ(DO(p, fd_renumber, other, other), WASI_OK);
    EQ(DO(p, fd_read, other, prog_iov(p, 128, 1), 1, 0), WASI_OK);
    EQ(p->memory[128], '0');
    EQ(DO(p, fd_close, other), WASI_OK);
    EQ(DO(p, fd_close, UINT32_MAX), WASI_EBADF);
}

static void flags_and_rights(Prog *p)
{
    uint32_t fd = open_file(p, "dir/file", wasi_rights_file);
    EQ(DO(p, fd_fdstat_get, fd, 64), WASI_OK);
    EQ(p->memory[64], WASI_TYPE_FILE);
    EQ(p->memory[66], 0);
    EQ(prog_u64(p, 72), wasi_rights_file);
    EQ(prog_u64(p, 80), 0);
    for (uint32_t flags = 0; flags <= WASI_FDFLAGS; flags++) {
        EQ(DO(p, fd_fdstat_set_flags, fd, flags), WASI_OK);
        EQ(DO(p, fd_fdstat_get, fd, 64), WASI_OK);
        uint32_t kept = flags & WASI_RSYNC ? (flags & ~(uint32_t)WASI_RSYNC) | WASI_SYNC : flags;
        EQ(p->memory[66], kept);
    }
    EQ(DO(p, fd_fdstat_set_flags, fd, 32), WASI_EINVAL);
    EQ(DO(p, fd_fdstat_set_flags, BAD, 0), WASI_EBADF);
    EQ(DO(p, fd_fdstat_set_flags, without(p, RIGHT_FD_FDSTAT_SET_FLAGS), 0), WASI_ENOTCAPABLE);
    EQ(DO(p, fd_fdstat_get, BAD, 64), WASI_EBADF);
    EQ(DO(p, fd_fdstat_get, fd, OUT), WASI_EFAULT);

    EQ(DO(p, fd_fdstat_get, 3, 64), WASI_OK);
    EQ(p->memory[64], WASI_TYPE_DIR);
    EQ(prog_u64(p, 72), wasi_rights_dir);
    EQ(prog_u64(p, 80), wasi_rights_dir | wasi_rights_file);
    EQ(DO(p, fd_fdstat_get, (uint32_t)prog_odd(p, "tty", OPEN_READ | OPEN_WRITE), 64), WASI_OK);
    EQ(p->memory[64], WASI_TYPE_CHAR);
    EQ(prog_u64(p, 72) & (RIGHT_FD_SEEK | RIGHT_FD_TELL), 0);
    EQ(DO(p, fd_fdstat_get, (uint32_t)prog_odd(p, "null", OPEN_READ), 64), WASI_OK);
    TRUE((prog_u64(p, 72) & (RIGHT_FD_SEEK | RIGHT_FD_TELL)) != 0);

    EQ(DO(p, fd_fdstat_set_rights, fd, RIGHT_FD_READ, 0), WASI_OK);
    EQ(DO(p, fd_fdstat_get, fd, 64), WASI_OK);
    EQ(prog_u64(p, 72), RIGHT_FD_READ);
    EQ(DO(p, fd_fdstat_set_rights, fd, RIGHT_FD_READ | RIGHT_FD_WRITE, 0), WASI_ENOTCAPABLE);
    EQ(DO(p, fd_fdstat_set_rights, fd, RIGHT_FD_READ, RIGHT_FD_READ), WASI_ENOTCAPABLE);
    EQ(DO(p, fd_fdstat_set_rights, 3, RIGHT_FD_SEEK, 0), WASI_ENOTCAPABLE);
    EQ(DO(p, fd_fdstat_set_rights, BAD, 0, 0), WASI_EBADF);
}

static void attributes(Prog *p)
{
    uint32_t fd = open_file(p, "dir/file", wasi_rights_file);
    EQ(DO(p, fd_filestat_set_times, fd, 1000, 2000, WASI_ATIM | WASI_MTIM), WASI_OK);
    EQ(DO(p, fd_filestat_get, fd, 64), WASI_OK);
    EQ(p->memory[64 + 16], WASI_TYPE_FILE);
    EQ(prog_u64(p, 64 + 24), 1);
    EQ(prog_u64(p, 64 + 32), 10);
    EQ(prog_u64(p, 64 + 40), 1000);
    EQ(prog_u64(p, 64 + 48), 2000);
    EQ(DO(p, fd_filestat_set_times, fd, 0, 0, WASI_MTIM_NOW), WASI_OK);
    EQ(DO(p, fd_filestat_get, fd, 64), WASI_OK);
    EQ(prog_u64(p, 64 + 40), 1000);
    TRUE(prog_u64(p, 64 + 48) > 1000000);
    EQ(DO(p, fd_filestat_set_times, fd, 0, 0, 0), WASI_OK);
    EQ(DO(p, fd_filestat_set_times, fd, 0, 0, 16), WASI_EINVAL);
    EQ(DO(p, fd_filestat_set_times, fd, 0, 0, WASI_ATIM | WASI_ATIM_NOW), WASI_EINVAL);
    EQ(DO(p, fd_filestat_set_times, fd, 0, 0, WASI_MTIM | WASI_MTIM_NOW), WASI_EINVAL);
    EQ(DO(p, fd_filestat_set_times, fd, UINT64_MAX, 0, WASI_ATIM), WASI_EINVAL);
    EQ(DO(p, fd_filestat_set_times, BAD, 0, 0, 0), WASI_EBADF);
    EQ(DO(p, fd_filestat_set_times, without(p, RIGHT_FD_FILESTAT_SET_TIMES), 0, 0, 0), WASI_ENOTCAPABLE);
    EQ(DO(p, fd_filestat_set_times, (uint32_t)prog_odd(p, "eio", OPEN_READ), 0, 0, WASI_ATIM_NOW), WASI_EPERM);
    EQ(DO(p, fd_filestat_get, BAD, 64), WASI_EBADF);
    EQ(DO(p, fd_filestat_get, fd, OUT), WASI_EFAULT);
    EQ(DO(p, fd_filestat_get, without(p, RIGHT_FD_FILESTAT_GET), 64), WASI_ENOTCAPABLE);
    bind_dir(p, "/frozen", BIND_RDONLY);
    EQ(DO(p, fd_filestat_set_times, open_file(p, "frozen/file", wasi_rights_file & ~RIGHTS_RW), 0, 0, WASI_ATIM_NOW),
       WASI_EROFS);
}

static void preopens(Prog *p)
{
    EQ(DO(p, fd_prestat_get, 3, 64), WASI_OK);
    EQ(prog_u32(p, 64), WASI_PREOPEN_DIR);
    EQ(prog_u32(p, 68), 1);
    EQ(DO(p, fd_prestat_dir_name, 3, 72, 1), WASI_OK);
    EQ(p->memory[72], '/');
    EQ(DO(p, fd_prestat_dir_name, 3, 72, 5), WASI_OK);
    EQ(DO(p, fd_prestat_get, 4, 64), WASI_EBADF);
    EQ(DO(p, fd_prestat_get, open_file(p, "dir", 0), 64), WASI_EBADF);
    EQ(DO(p, fd_prestat_get, 3, OUT), WASI_EFAULT);
    EQ(DO(p, fd_prestat_dir_name, BAD, 72, 5), WASI_EBADF);
    EQ(DO(p, fd_prestat_dir_name, 3, 72, 0), WASI_ENAMETOOLONG);
    EQ(DO(p, fd_prestat_dir_name, 3, GUEST_MEMORY, 1), WASI_EFAULT);
}

static void listing(Prog *p)
{
    uint32_t buf = prog_room(p, 1024);
    EQ(DO(p, fd_readdir, 3, buf, 1024, 0, 0), WASI_OK);
    uint32_t used = prog_u32(p, 0), at = buf, names = 0;
    while (at + 24 <= buf + used) {
        TRUE(prog_u64(p, at) != 0);
        at += 24 + prog_u32(p, at + 16);
        names++;
    }
    EQ(at, buf + used);
    EQ(names, 5);                   /* . .. dir empty link */
    /* Cut in the middle of a name, and gone on with behind the last whole entry. */
    EQ(DO(p, fd_readdir, 3, buf, 26, 0, 0), WASI_OK);
    EQ(prog_u32(p, 0), 26);
    uint64_t cookie = prog_u64(p, buf);
    EQ(DO(p, fd_readdir, 3, buf, 1024, cookie, 0), WASI_OK);
    EQ(prog_u32(p, 0), used - 25);
    EQ(DO(p, fd_readdir, 3, buf, 0, 0, 0), WASI_OK);
    EQ(DO(p, fd_readdir, 3, buf, 1024, UINT64_MAX, 0), WASI_OK);
    EQ(prog_u32(p, 0), 0);
    EQ(DO(p, fd_readdir, BAD, buf, 10, 0, 0), WASI_EBADF);
    EQ(DO(p, fd_readdir, 3, OUT, 10, 0, 0), WASI_EFAULT);
    EQ(DO(p, fd_readdir, 3, buf, UINT32_MAX, 0, 0), WASI_EFAULT);
    EQ(DO(p, fd_readdir, 3, buf, 10, 0, OUT), WASI_EFAULT);
    EQ(DO(p, fd_readdir, open_file(p, "empty", RIGHT_FD_READ), buf, 10, 0, 0), WASI_ENOTDIR);
    EQ(DO(p, fd_readdir, dir_without(p, RIGHT_FD_READDIR), buf, 10, 0, 0), WASI_ENOTCAPABLE);
}

static void polling(Prog *p)
{
    uint32_t sub = prog_room(p, 48), events = prog_room(p, 32);
    prog_set64(p, sub, 77);
    prog_set32(p, sub + 8, WASI_EVENT_CLOCK);
    prog_set32(p, sub + 16, WASI_CLOCK_MONOTONIC);
    EQ(DO(p, poll_oneoff, sub, events, 1, 0), WASI_OK);
    EQ(prog_u32(p, 0), 1);
    EQ(prog_u64(p, events), 77);
    EQ(DO(p, poll_oneoff, sub, events, 0, 0), WASI_EINVAL);
    EQ(DO(p, poll_oneoff, sub, events, UINT32_MAX, 0), WASI_EINVAL);
    EQ(DO(p, poll_oneoff, OUT, events, 1, 0), WASI_EFAULT);
    EQ(DO(p, poll_oneoff, sub, OUT, 1, 0), WASI_EFAULT);
    EQ(DO(p, poll_oneoff, sub, events, 1, OUT), WASI_EFAULT);
    EQ(DO(p, poll_oneoff, sub, events, 100000, 0), WASI_EFAULT);
    prog_set32(p, sub + 8, 3);
    EQ(DO(p, poll_oneoff, sub, events, 1, 0), WASI_EINVAL);
}

/* ---- interrupted, broken, out of memory ------------------------------------------------------------------------- */

static void *interrupt(void *arg)
{
    Prog *p = arg;
    Call *c = &p->thread.call;
    /* Once it waits: an interrupt that comes before the call begins is nobody's. */
    for (bool waits = false; !waits;) {
        mutex_lock(&p->task.lock);
        waits = c->listed;
        mutex_unlock(&p->task.lock);
        thread_yield();
    }
    call_interrupt(c);
    return NULL;
}

#define INTERRUPTED(p, name, ...)                                                                                      \
    do {                                                                                                               \
        pthread_t other;                                                                                               \
        EQ(pthread_create(&other, NULL, interrupt, p), 0);                                                             \
        EQ(DO(p, name, __VA_ARGS__), WASI_EINTR);                                                                      \
        pthread_join(other, NULL);                                                                                     \
    } while (0)

static void interrupts(Prog *p)
{
    bool goes_on = prog_goes_on;
    prog_goes_on = false;
    uint32_t fd = (uint32_t)prog_odd(p, "wait", OPEN_READ | OPEN_WRITE), iov = prog_iov(p, 64, 8);
    uint32_t sub = prog_room(p, 48);
    INTERRUPTED(p, fd_read, fd, iov, 1, 0);
    INTERRUPTED(p, fd_write, fd, iov, 1, 0);
    prog_set32(p, sub + 8, WASI_EVENT_READ);
    prog_set32(p, sub + 16, fd);
    INTERRUPTED(p, poll_oneoff, sub, 128, 1, 0);
    prog_goes_on = goes_on;
}

static void broken_pipe(Prog *p)
{
    Chan *r = NULL, *w = NULL;
    OK(devpipe_new(&p->thread.call, &r, &w));
    uint32_t reader = (uint32_t)prog_add(p, r), writer = (uint32_t)prog_add(p, w), iov = prog_iov(p, 64, 8);
    p->task.sig_ignored = 1u << SIG_PIPE;
    EQ(DO(p, fd_fdstat_get, reader, 128), WASI_OK);
    EQ(p->memory[128], WASI_TYPE_STREAM);
    EQ(DO(p, fd_write, writer, iov, 1, 0), WASI_OK);
    EQ(DO(p, fd_seek, writer, 0, WASI_SEEK_SET, 0), WASI_ESPIPE);
    EQ(DO(p, fd_close, reader), WASI_OK);
    EQ(DO(p, fd_write, writer, iov, 1, 0), WASI_EPIPE);
}

TEST(numbers_of_errors)
{
    EQ(wasi_errno(0), WASI_OK);
    EQ(wasi_errno(1 << 30), WASI_OK);
    EQ(wasi_errno(WAIT), WASI_WAIT);
    EQ(wasi_errno(NOTCAPABLE), WASI_ENOTCAPABLE);
    EQ(wasi_errno(-EPERM), WASI_EPERM);
    EQ(wasi_errno(-ECANCELED), WASI_ECANCELED);
    EQ(wasi_errno(-EOPNOTSUPP), WASI_ENOTSUP);
    EQ(wasi_errno(-15), WASI_EIO);
    EQ(wasi_errno(-1000), WASI_EIO);
    EQ(wasi_errno(INT64_MIN), WASI_EIO);
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

#define PATH_ERRNOS "BADF NOTDIR NOTCAPABLE FAULT ILSEQ NOENT NAMETOOLONG PERM LOOP NOMEM "
static const char *const cells[CALL_COUNT] = {
    [CALL_args_get] = "OK FAULT",
    [CALL_args_sizes_get] = "OK FAULT",
    [CALL_environ_get] = "OK FAULT",
    [CALL_environ_sizes_get] = "OK FAULT",
    [CALL_clock_res_get] = "OK INVAL FAULT",
    [CALL_clock_time_get] = "OK INVAL FAULT",
    [CALL_fd_advise] = "OK BADF INVAL SPIPE NOTCAPABLE",
    [CALL_fd_allocate] = "OK BADF INVAL FBIG SPIPE NOTSUP NOTCAPABLE",
    [CALL_fd_close] = "OK BADF",
    [CALL_fd_datasync] = "OK BADF NOTCAPABLE",
    [CALL_fd_fdstat_get] = "OK BADF FAULT",
    [CALL_fd_fdstat_set_flags] = "OK BADF INVAL NOTCAPABLE",
    [CALL_fd_fdstat_set_rights] = "OK BADF NOTCAPABLE",
    [CALL_fd_filestat_get] = "OK BADF FAULT NOTCAPABLE",
    [CALL_fd_filestat_set_size] = "OK BADF INVAL PERM NOTCAPABLE",
    [CALL_fd_filestat_set_times] = "OK BADF INVAL PERM ROFS NOTCAPABLE",
    [CALL_fd_pread] = "OK BADF FAULT INVAL ISDIR SPIPE IO NOTCAPABLE",
    [CALL_fd_prestat_get] = "OK BADF FAULT",
    [CALL_fd_prestat_dir_name] = "OK BADF FAULT NAMETOOLONG",
    [CALL_fd_pwrite] = "OK BADF FAULT INVAL SPIPE FBIG IO NOSPC NOTCAPABLE",
    [CALL_fd_read] = "OK BADF FAULT INVAL ISDIR AGAIN INTR IO NOMEM PERM NOTCAPABLE",
    [CALL_fd_readdir] = "OK BADF FAULT NOTDIR NOTCAPABLE",
    [CALL_fd_renumber] = "OK BADF",
    [CALL_fd_seek] = "OK BADF FAULT INVAL SPIPE NOTCAPABLE",
    [CALL_fd_sync] = "OK BADF NOTCAPABLE",
    [CALL_fd_tell] = "OK BADF FAULT SPIPE NOTCAPABLE",
    [CALL_fd_write] = "OK BADF FAULT INVAL AGAIN FBIG INTR IO NOSPC PERM PIPE NOTCAPABLE",
    [CALL_path_create_directory] = PATH_ERRNOS "OK EXIST ROFS",
    [CALL_path_filestat_get] = PATH_ERRNOS "OK INVAL",
    [CALL_path_filestat_set_times] = PATH_ERRNOS "OK INVAL ROFS",
    [CALL_path_link] = PATH_ERRNOS "OK EXIST INVAL ROFS XDEV",
    [CALL_path_open] = PATH_ERRNOS "OK EXIST INVAL ISDIR MFILE ROFS",
    [CALL_path_readlink] = PATH_ERRNOS "OK INVAL",
    [CALL_path_remove_directory] = PATH_ERRNOS "OK BUSY INVAL NOTEMPTY ROFS",
    [CALL_path_rename] = PATH_ERRNOS "OK BUSY INVAL ISDIR NOTEMPTY ROFS XDEV",
    [CALL_path_symlink] = PATH_ERRNOS "OK EXIST ROFS",
    [CALL_path_unlink_file] = PATH_ERRNOS "OK BUSY ISDIR ROFS",
    [CALL_poll_oneoff] = "OK INVAL INTR FAULT",
    [CALL_proc_exit] = "",
    [CALL_proc_raise] = "OK INVAL",
    [CALL_random_get] = "OK FAULT",
    [CALL_sched_yield] = "OK",
    [CALL_sock_accept] = "BADF NOTSOCK",
    [CALL_sock_recv] = "BADF NOTSOCK",
    [CALL_sock_send] = "BADF NOTSOCK",
    [CALL_sock_shutdown] = "BADF NOTSOCK",
};

static void (*const scenes[])(Prog *p) = {
    args,
    environment,
    clocks,
    random_numbers,
    process,
    sockets,
    reading,
    writing,
    memory_limit,
    positions,
    advice_and_space,
    syncing_and_closing,
    flags_and_rights,
    attributes,
    preopens,
    listing,
    scene_all_paths,
    scene_directories,
    scene_stat_and_times,
    scene_links,
    scene_renaming,
    scene_opening,
    polling,
    interrupts,
    broken_pipe,
    scene_no_memory,
};

static void play(bool copied)
{
    for (size_t i = 0; i < LEN(scenes); i++) {
        Prog p;
        prog_begin(&p, copied);
        scenes[i](&p);
        prog_end(&p);
    }
}

static bool claimed(int call, int number)
{
    const char *name = wasi_errno_name(number);
    size_t n = strlen(name);
    for (const char *at = cells[call]; *at != '\0'; at += strcspn(at, " "), at += strspn(at, " "))
        if (strcspn(at, " ") == n && memcmp(at, name, n) == 0)
            return true;
    return false;
}

TEST(every_call_answers_every_errno)
{
    unsigned hit = 0, all = 0, unknown = 0;
    play(false);
    for (int call = 0; call < CALL_COUNT; call++) {
        for (int number = 0; number < WASI_ERRNO_COUNT; number++) {
            bool is = prog_noted(call, number), said = claimed(call, number);
            all += said;
            hit += said && is;
            unknown += is && !said;
            if (is != said)
                printf("%s %s: %s\n", prog_call_name(call), wasi_errno_name(number),
                       is ? "not in the table" : "not hit");
        }
    }
    printf("wasi coverage: %u of %u cells\n", hit, all);
    EQ(hit, all);
    EQ(unknown, 0);
}

/* Whatever waits, and wherever: it comes out the same. */
static void play_slowly(SlowMode mode)
{
    /* An interrupted call begins from its start: a chain of forty links has to get through. */
    static const unsigned odds[] = { 2, 3, 7 }, far_apart[] = { 15, 30, 60 };
    for (size_t i = 0; i < LEN(odds); i++) {
        slow_set(mode, mode == SLOW_WAIT ? odds[i] : far_apart[i]);
        prog_goes_on = mode == SLOW_INTERRUPT;
        play(i % 2 == 0);
        TRUE(slow_waits() > 20);
    }
    prog_goes_on = false;
    slow_set(SLOW_OFF, 0);
}

TEST_SLOW(the_same_when_devices_wait_now_and_then, 60)
{
    play_slowly(SLOW_WAIT);
}

TEST_SLOW(the_same_when_interrupted_calls_are_made_again, 60)
{
    play_slowly(SLOW_INTERRUPT);
}

TEST(the_same_with_guest_memory_out_of_reach)
{
    play(true);
}
