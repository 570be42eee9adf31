/* SPDX-License-Identifier: MIT */
/*
 * What each line written to a task's files may answer, by the state of the task: exactly these, from doc/dev/task.md.
 */
#include <errno.h>
#include <string.h>

#include "test/soak/player.h"

static const int errors[] = {
    0,     EINVAL, EPERM, ENOENT, ESRCH, EBUSY,  EACCES, ENOEXEC, ENOMEM, EAGAIN, EBADF,     EISDIR,    ENOTDIR, EEXIST,
    EROFS, ELOOP,  EPIPE, EINTR,  EXDEV, ENODEV, EMFILE, E2BIG,   ENOSPC, EDOM,   EOVERFLOW, ENOTEMPTY, EDEADLK,
};

enum {
    OK_ = 1 << 0,
    INVAL = 1 << 1,
    PERM = 1 << 2,
    NOENT = 1 << 3,
    SRCH = 1 << 4,
    BUSY = 1 << 5,
    ACCES = 1 << 6,
    NOEXEC = 1 << 7,
    NOMEM = 1 << 8,
    AGAIN = 1 << 9,
    BADF = 1 << 10,
    ISDIR = 1 << 11,
    NOTDIR = 1 << 12,
    LOOP = 1 << 15,
    XDEV = 1 << 18,
    NODEV = 1 << 19,
};

uint32_t error_bit(int64_t r)
{
    for (unsigned i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (errors[i] == (r > 0 ? 0 : -(int)r))
            return UINT32_C(1) << i;
    return 0;
}

/* While a task ends, its descriptors and its names are gone already and it is not dead yet. */
static bool goes_early(const char *file)
{
    return strncmp(file, "fd/", 3) == 0 || strncmp(file, "ns/", 3) == 0 || strcmp(file, "cwd") == 0 ||
           strcmp(file, "attr") == 0;
}

uint32_t rule_expects(const Rule *r, unsigned states)
{
    uint32_t all = (states & (STATE_NEW | STATE_LIVE)) != 0 && goes_early(r->file) ? SRCH : 0;
    for (unsigned i = 0; i < 3; i++)
        if ((states & (1u << i)) != 0)
            all |= r->expect[i];
    return (states & STATE_GONE) != 0 ? all | NOENT : all;
}

/*
 * Whatever the program is, start finds it or says why not; a namespace or a PATH may have been taken away before. One that somebody is
 * killing looks new until it has let go of everything: start is ESRCH then, remove EBUSY.
 */
#define STARTS (OK_ | NOENT | NOEXEC | ACCES | LOOP | NOMEM | AGAIN | NOTDIR | SRCH)
/* A line that opens what a path of the writer names: another task, which may be in any state. */
#define OPENS (OK_ | NOENT | PERM | SRCH | BADF | NOMEM | BUSY | AGAIN)
/* A name of the task's own namespace, of which anything may have been bound over or hidden. */
#define NAMES (OK_ | NOENT | NOTDIR | ISDIR | NOMEM | PERM | BUSY | LOOP)

const Rule rules[] = {
    /* file, line, { new, live, dead }, weight */
    { "ctl", "cmd exit\n", { OK_ | NOMEM, BUSY, SRCH }, 2, false },
    { "ctl", "cmd none\n", { OK_ | NOMEM, BUSY, SRCH }, 1, false },
    { "ctl", "cmd text\n", { OK_ | NOMEM, BUSY, SRCH }, 1, false },
    { "ctl", "cmd\n", { INVAL, INVAL, INVAL }, 1, false },
    { "ctl", "start\n", { STARTS, BUSY, SRCH }, 30, false },
    { "ctl", "kill KILL\n", { OK_, OK_, SRCH }, 8, false },
    { "ctl", "kill KILL tree\n", { OK_, OK_, SRCH }, 4, false },
    { "ctl", "kill KILL group\n", { OK_ | SRCH, OK_ | SRCH, SRCH }, 2, false },
    { "ctl", "kill TERM\n", { OK_, OK_, SRCH }, 4, false },
    { "ctl", "kill STOP\n", { OK_, OK_, SRCH }, 8, false },
    { "ctl", "kill TSTP tree\n", { OK_, OK_, SRCH }, 2, false },
    { "ctl", "kill CONT\n", { OK_, OK_, SRCH }, 10, false },
    { "ctl", "kill CONT group\n", { OK_ | SRCH, OK_ | SRCH, SRCH }, 2, false },
    { "ctl", "kill CHLD\n", { OK_, OK_, SRCH }, 1, false },
    { "ctl", "kill 0\n", { OK_, OK_, SRCH }, 2, false },
    { "ctl", "kill 32\n", { INVAL, INVAL, INVAL }, 1, false },
    { "ctl", "kill 9 forest\n", { INVAL, INVAL, INVAL }, 1, false },
    { "ctl", "memlimit 1M\n", { OK_, OK_, SRCH }, 2, false },
    { "ctl", "memlimit 64K\n", { OK_, OK_, SRCH }, 1, false },
    { "ctl", "memlimit max\n", { OK_, OK_, SRCH }, 3, false },
    { "ctl", "memlimit much\n", { INVAL, INVAL, INVAL }, 1, false },
    { "ctl", "tasklimit 3\n", { OK_, OK_, SRCH }, 2, false },
    { "ctl", "tasklimit max\n", { OK_, OK_, SRCH }, 2, false },
    { "ctl", "fdlimit 4\n", { OK_ | PERM, OK_ | PERM, SRCH }, 1, false },
    { "ctl", "fdlimit 64\n", { OK_ | PERM, OK_ | PERM, SRCH }, 2, false },
    { "ctl", "nice 5\n", { OK_ | PERM, OK_ | PERM, SRCH }, 2, false },
    { "ctl", "nice 20\n", { INVAL, INVAL, INVAL }, 1, false },
    { "ctl", "ignore 15 1\n", { OK_, BUSY, SRCH }, 1, false },
    { "ctl", "ignore 9\n", { INVAL, INVAL, INVAL }, 1, false },
    { "ctl", "umask 77\n", { OK_, BUSY, SRCH }, 1, false },
    { "ctl", "umask 8\n", { INVAL, INVAL, INVAL }, 1, false },
    { "ctl", "type auto\n", { OK_, BUSY, SRCH }, 1, false },
    { "ctl", "type linux\n", { OK_, BUSY, SRCH }, 1, false },
    { "ctl", "exec\n", { PERM, PERM, PERM }, 1, false },
    /* All doors ask as task 1, so the child of one is the child of all. */
    { "ctl", "vfork\n", { OK_ | BUSY | NOMEM | SRCH, BUSY, SRCH }, 3, true },
    { "ctl", "exit 3\n", { OK_ | PERM | BUSY, PERM | BUSY, PERM | BUSY }, 4, true },
    { "ctl", "trace\ntrace off\n", { OK_, OK_, OK_ }, 1, false },
    { "ctl", "nonsense\n", { INVAL, INVAL, INVAL }, 1, false },
    { "ctl", "cmd 'open\n", { INVAL, INVAL, INVAL }, 1, false },
    { "ctl", "remove\n", { OK_ | BUSY, BUSY, OK_ }, 12, false },

    { "cwd", "/tmp\n", { NAMES, BUSY, SRCH }, 1, false },
    { "cwd", "/none\n", { NOENT | NOMEM | NOTDIR, BUSY, SRCH }, 1, false },
    { "env", "NAME=value\n", { OK_ | NOMEM, BUSY, SRCH }, 2, false },
    { "env", "=\n", { INVAL, BUSY, SRCH }, 1, false },
    { "cmdline", "exit", { OK_ | NOMEM, BUSY, SRCH }, 1, false },
    { "environ", "A=1", { OK_ | NOMEM, BUSY, SRCH }, 1, false },
    { "group", "0\n", { OK_, OK_, SRCH }, 2, false },
    { "group", "4000000000\n", { PERM, PERM, SRCH }, 1, false },
    { "group", "x\n", { INVAL, INVAL, INVAL }, 1, false },
    { "attr", "/tmp\n", { NAMES, NAMES, SRCH }, 1, false },

    { "fd/1.ctl", "dup /tmp/f1\n", { OK_ | NOMEM | BADF, OK_ | NOMEM | BADF, SRCH }, 4, false },
    { "fd/2.ctl", "dup /tmp/f2 a\n", { OK_ | NOMEM | BADF, OK_ | NOMEM | BADF, SRCH }, 2, false },
    { "fd/0.ctl", "dup /tmp/f1\n", { OK_ | NOMEM | BADF, OK_ | NOMEM | BADF, SRCH }, 2, false },
    { "fd/5.ctl", "dup /tmp/f3 rw\n", { OK_ | NOMEM | BADF, OK_ | NOMEM | BADF, SRCH }, 2, false },
    { "fd/0.ctl", "dup /none\n", { NOENT, NOENT, SRCH }, 1, false },
    { "fd/5.ctl", "dup /tmp rw\n", { ISDIR, ISDIR, SRCH }, 1, false },
    { "fd/0.ctl", "dup /dev/null r x\n", { INVAL, INVAL, SRCH }, 1, false },
    { "fd/6.ctl", "dup %/fd/1 r\n", { OPENS, OPENS, SRCH }, 3, false },
    { "fd/7.ctl", "dup %/fd/0 w\n", { OPENS, OPENS, SRCH }, 3, false },
    { "fd/1.ctl", "dup %/status r\n", { OPENS, OPENS, SRCH }, 1, false },
    { "fd/0.ctl", "pipe %/fd/1\n", { OPENS, OPENS, SRCH }, 8, false },
    { "fd/1.ctl", "pipe %/fd/0\n", { OPENS, OPENS, SRCH }, 8, false },
    { "fd/4.ctl", "pipe %/fd/4\n", { OPENS | INVAL, OPENS | INVAL, SRCH }, 2, false },
    { "fd/0.ctl", "pipe %/fd/0\n", { OPENS | INVAL, OPENS | INVAL, SRCH }, 1, false },
    { "fd/0.ctl", "pipe %/status\n", { NOENT | INVAL, NOENT | INVAL, SRCH }, 1, false },
    { "fd/1.ctl", "close\n", { OK_ | BADF, OK_ | BADF, SRCH }, 3, false },
    { "fd/5.ctl", "flags append cloexec\n", { OK_ | BADF, OK_ | BADF, SRCH }, 1, false },
    { "fd/5.ctl", "lock w 0 5\n", { OK_ | BADF | NOMEM | AGAIN, OK_ | BADF | NOMEM | AGAIN, SRCH }, 3, true },
    { "fd/5.ctl", "lock u\n", { OK_ | BADF | NOMEM, OK_ | BADF | NOMEM, SRCH }, 2, false },

    { "ns/ctl", "bind /tmp /x/y\n", { NAMES, NAMES, SRCH }, 4, false },
    { "ns/ctl", "bind -r /tmp /ro\n", { NAMES, NAMES, SRCH }, 3, false },
    { "ns/ctl", "bind -b -c /tmp /x/y\n", { NAMES, NAMES, SRCH }, 2, false },
    { "ns/ctl", "bind -a /dev /x/y\n", { NAMES, NAMES, SRCH }, 2, false },
    { "ns/ctl", "bind /task /task\n", { NAMES, NAMES, SRCH }, 1, false },
    { "ns/ctl", "bind / /all\n", { NAMES, NAMES, SRCH }, 1, false },
    { "ns/ctl", "bind /none /x\n", { NOENT, NOENT, NOENT }, 1, false },
    { "ns/ctl", "bind -q /tmp /x\n", { INVAL, INVAL, INVAL }, 1, false },
    { "ns/ctl", "hide /tmp\n", { NAMES, NAMES, SRCH }, 2, false },
    { "ns/ctl", "unbind /x/y\n", { NAMES, NAMES, SRCH }, 3, false },
    { "ns/ctl", "unbind /tmp\n", { NAMES, NAMES, SRCH }, 2, false },
    { "ns/ctl", "mount tmpfs /m\n", { NAMES, NAMES, SRCH }, 3, false },
    { "ns/ctl", "mount floppy /m\n", { NODEV, NODEV, NODEV }, 1, false },
    { "ns/ctl", "clear\n", { OK_ | NOMEM, OK_ | NOMEM, SRCH }, 1, false },
};
const unsigned rule_count = sizeof rules / sizeof rules[0];
