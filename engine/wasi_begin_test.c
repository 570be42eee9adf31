/* SPDX-License-Identifier: MIT */
/*
 * What a program finds when it begins: preopens, PWD, and its own descriptors behind them.
 */
#include <string.h>

#include "engine/wasi_call.h"
#include "kern/ns.h"
#include "test/guest.h"
#include "test/slowdev.h"

/* The preopen's name, or "" when fd is none. */
static const char *preopen(Prog *p, uint32_t fd)
{
    static char name[64];
    memset(name, 0, sizeof name);
    if (DO(p, fd_prestat_get, fd, 0) != WASI_OK)
        return "";
    uint32_t n = prog_u32(p, 4);
    TRUE(n < sizeof name);
    EQ(DO(p, fd_prestat_dir_name, fd, 8, n), WASI_OK);
    return memcpy(name, p->memory + 8, n);
}

static uint8_t filetype(Prog *p, uint32_t fd)
{
    EQ(DO(p, fd_fdstat_get, fd, 0), WASI_OK);
    return p->memory[0];
}

static const char *variable(Prog *p, const char *name)
{
    const char *value = env_get(&p->task.env, name);
    return value != NULL ? value : "";
}

/* A new program in the task, in this directory. */
static void begin_in(Prog *p, const char *dir)
{
    Call *c = &p->thread.call;
    Chan *ch = NULL;
    OK(KERNEL(p, walk_path(c, (WalkFrom){ .ns = p->task.ns }, dir, 0, &ch)));
    chan_put(p->task.cwd);
    p->task.cwd = ch;
    OK(wasi_begin(&p->wasi, &p->task, &p->thread));
}

TEST(in_the_root_there_is_one_preopen)
{
    Prog p;
    prog_begin(&p, false);
    STR_EQ(preopen(&p, 3), "/");
    EQ(DO(&p, fd_fdstat_get, 4, 0), WASI_EBADF);
    STR_EQ(variable(&p, "PWD"), "/");
    prog_end(&p);
}

TEST(elsewhere_every_directory_of_the_root_is_one)
{
    Prog p;
    prog_begin(&p, false);
    OK(prog_tmpfs(&p, "/tmp"));
    begin_in(&p, "/dir");
    STR_EQ(preopen(&p, 3), "/");
    STR_EQ(preopen(&p, 4), ".");
    bool dir = strcmp(preopen(&p, 5), "/dir") == 0 || strcmp(preopen(&p, 6), "/dir") == 0;
    bool tmp = strcmp(preopen(&p, 5), "/tmp") == 0 || strcmp(preopen(&p, 6), "/tmp") == 0;
    TRUE(dir && tmp);
    STR_EQ(preopen(&p, 7), "");
    STR_EQ(variable(&p, "PWD"), "/dir");
    EQ(DO(&p, path_filestat_get, 4, 0, prog_str(&p, "file"), 4, 64), WASI_OK);
    EQ(DO(&p, path_filestat_get, 4, 0, prog_str(&p, "../empty"), 8, 64), WASI_EPERM);
    EQ(DO(&p, path_filestat_get, 3, 0, prog_str(&p, "../../empty"), 11, 64), WASI_OK);
    /* The next program has its own. */
    begin_in(&p, "/");
    STR_EQ(preopen(&p, 3), "/");
    EQ(DO(&p, fd_fdstat_get, 4, 0), WASI_EBADF);
    prog_end(&p);
}

TEST(named_preopens_and_own_descriptors_come_behind)
{
    Prog p;
    prog_begin(&p, false);
    int own = prog_open(&p, "dir/file", 0, RIGHT_FD_READ | RIGHT_FD_FDSTAT_SET_FLAGS);
    EQ(own, 4);
    EQ(prog_open(&p, "dir", WASI_DIRECTORY, wasi_rights_dir), 5);
    OK(fd_set_preopen(p.task.fds, 5, "given"));
    EQ(prog_open(&p, "empty", 0, RIGHT_FD_WRITE), 6);
    begin_in(&p, "/dir");
    STR_EQ(preopen(&p, 3), "/");
    STR_EQ(preopen(&p, 4), ".");
    STR_EQ(preopen(&p, 5), "/dir");
    STR_EQ(preopen(&p, 6), "given");
    EQ(filetype(&p, 7), WASI_TYPE_FILE);
    EQ(prog_u64(&p, 8), RIGHT_FD_READ | RIGHT_FD_FDSTAT_SET_FLAGS);
    EQ(filetype(&p, 8), WASI_TYPE_FILE);
    EQ(prog_u64(&p, 8), RIGHT_FD_WRITE);
    EQ(DO(&p, fd_fdstat_get, 9, 0), WASI_EBADF);
    /* And again, as after exec. */
    begin_in(&p, "/");
    STR_EQ(preopen(&p, 3), "/");
    STR_EQ(preopen(&p, 4), "given");
    EQ(filetype(&p, 5), WASI_TYPE_FILE);
    EQ(filetype(&p, 6), WASI_TYPE_FILE);
    EQ(DO(&p, fd_fdstat_get, 7, 0), WASI_EBADF);
    prog_end(&p);
}

TEST(standard_descriptors_stay)
{
    Prog p;
    prog_begin(&p, false);
    call_begin(&p.thread.call);
    int fd = prog_odd(&p, "tty", OPEN_READ | OPEN_WRITE);
    FdInfo info;
    OK(fd_get(p.task.fds, fd, &info));
    OK(fd_put(&p.thread.call, p.task.fds, 1, info.chan, UINT64_MAX, UINT64_MAX, false));
    call_end(&p.thread.call);
    begin_in(&p, "/");
    EQ(filetype(&p, 1), WASI_TYPE_CHAR);
    EQ(filetype(&p, 4), WASI_TYPE_CHAR);
    prog_end(&p);
}

static int begin_again(void *arg)
{
    Prog *p = arg;
    return wasi_begin(&p->wasi, &p->task, &p->thread);
}

TEST(a_program_begins_or_there_is_no_memory)
{
    Prog p;
    prog_begin(&p, false);
    OK(prog_tmpfs(&p, "/tmp"));
    begin_in(&p, "/dir");
    test_each_failure(begin_again, &p);
    STR_EQ(preopen(&p, 3), "/");
    STR_EQ(preopen(&p, 4), ".");
    prog_end(&p);
}

TEST(preopens_of_devices_that_wait)
{
    Prog p;
    slow_set(SLOW_WAIT, 2);
    prog_begin(&p, false);
    OK(prog_tmpfs(&p, "/tmp"));
    begin_in(&p, "/dir");
    STR_EQ(preopen(&p, 4), ".");
    STR_EQ(preopen(&p, 7), "");
    TRUE(slow_waits() > 3);
    prog_end(&p);
    slow_set(SLOW_OFF, 0);
}

TEST(a_small_table_has_fewer_preopens)
{
    Prog p;
    prog_begin(&p, false);
    OK(prog_tmpfs(&p, "/tmp"));
    fdtab_limit(p.task.fds, 5);
    begin_in(&p, "/dir");
    STR_EQ(preopen(&p, 4), ".");
    EQ(DO(&p, fd_fdstat_get, 5, 0), WASI_EBADF);
    prog_end(&p);
}

TEST(the_end_counts_once)
{
    Prog p;
    prog_begin(&p, false);
    EQ(wasi_proc_exit(&p.w, 300), WASI_EXIT);
    EQ(wasi_proc_exit(&p.w, 7), WASI_EXIT);
    EQ(atomic_load(&p.wasi.exit_code), 300 & 255);
    atomic_store(&p.task.attention, 0);
    prog_end(&p);
}
