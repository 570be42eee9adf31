/* SPDX-License-Identifier: MIT */
/*
 * The task is put together by hand, so that what WASI answers is tested apart from the life of tasks.
 */
#include "test/guest.h"

#include <stdlib.h>
#include <string.h>

#include "engine/wasi_call.h"
#include "kern/account.h"
#include "kern/ns.h"
#include "kern/walk.h"
#include "test/slowdev.h"

/* ---- odd devices ------------------------------------------------------------------------------------------------ */

typedef struct Odd {
    File file;
    int error;
} Odd;

static Mutex odd_lock;
static Queue odd_queue;
static atomic_bool odd_awake;

static int64_t odd_read(Call *c, Chan *ch, void *buf, size_t n, uint64_t off)
{
    int error = ((Odd *)ch->file)->error;
    (void)buf, (void)off, (void)n;
    if (error != WAIT)
        return error == -ENOSPC ? 0 : error;
    mutex_lock(&odd_lock);
    int r = atomic_load(&odd_awake) ? 0 : chan_nonblock(c, ch) ? -EAGAIN : wait_arm(c, &odd_queue);
    mutex_unlock(&odd_lock);
    return r;
}

static int64_t odd_write(Call *c, Chan *ch, const void *buf, size_t n, uint64_t off)
{
    (void)buf, (void)off;
    int error = ((Odd *)ch->file)->error;
    if (error != WAIT)
        return error == 0 ? (int64_t)n : error;
    int64_t r = odd_read(c, ch, NULL, n, 0);
    return r == 0 ? (int64_t)n : r;
}

static int odd_ready(Call *c, Chan *ch, unsigned events, uint64_t *bytes)
{
    if (((Odd *)ch->file)->error != WAIT)
        return (int)(events & (READY_READ | READY_WRITE));
    mutex_lock(&odd_lock);
    *bytes = 7;
    int r = atomic_load(&odd_awake) ? (int)events : c == NULL ? 0 : wait_arm(c, &odd_queue);
    mutex_unlock(&odd_lock);
    return r;
}

static int odd_getattr(Call *c, File *f, Attr *a)
{
    (void)c;
    *a = (Attr){ .dev = 9, .ino = f->id, .nlink = 1, .mode = f->type | 0666u };
    return 0;
}

static void odd_free(File *f)
{
    mem_free(f);
}

static const Dev odd_dev = {
    .name = "odd",
    .read = odd_read,
    .write = odd_write,
    .ready = odd_ready,
    .getattr = odd_getattr,
    .free = odd_free,
};

void prog_wake(void)
{
    mutex_lock(&odd_lock);
    atomic_store(&odd_awake, true);
    queue_wake(&odd_queue);
    mutex_unlock(&odd_lock);
}

static Chan *open_odd(Prog *p, const char *name, unsigned flags)
{
    static const struct {
        const char *name;
        uint16_t type, flags;
        int error;
    } kinds[] = {
        { "tty", TYPE_CHAR, FILE_STREAM | FILE_TTY, 0 },
        { "null", TYPE_CHAR, FILE_STREAM, 0 },
        { "wait", TYPE_FIFO, FILE_STREAM, WAIT },
        { "eio", TYPE_FILE, 0, -EIO },
        { "eperm", TYPE_FILE, 0, -EPERM },
        { "full", TYPE_CHAR, FILE_STREAM, -ENOSPC },
    };
    for (size_t i = 0; i < LEN(kinds); i++) {
        if (strcmp(kinds[i].name, name) != 0)
            continue;
        Odd *o = mem_alloc(sizeof *o);
        TRUE(o != NULL);
        file_init(&o->file, &odd_dev, kinds[i].type, kinds[i].flags, 0, i + 1);
        o->error = kinds[i].error;
        AUTO_CHAN Chan *ch = chan_new(&p->thread.call, &o->file, NULL);
        Chan *open = NULL;
        TRUE(ch != NULL);
        OK(chan_open(&p->thread.call, ch, flags, &open));
        return open;
    }
    FAIL("no odd file is called %s", name);
}

int prog_odd(Prog *p, const char *name, unsigned flags)
{
    return prog_add(p, open_odd(p, name, flags));
}

/* ---- the task --------------------------------------------------------------------------------------------------- */

static void far_in(void *self, void *to, uint64_t addr, size_t n)
{
    memcpy(to, ((Prog *)self)->memory + addr, n);
}
static void far_out(void *self, uint64_t addr, const void *from, size_t n)
{
    memcpy(((Prog *)self)->memory + addr, from, n);
}
static const GuestCopy far_memory = { far_in, far_out };

static void make_task(Prog *p)
{
    Task *t = &p->task;
    ref_init(&t->ref);
    ref_get(&t->ref);               /* it is never freed */
    t->id = 1;
    t->kernel = &p->kernel;
    t->account = account_new(NULL);
    mutex_init(&t->lock, RANK_TASK);
    t->state = TASK_RUNNING;
    t->umask = 022;
    t->fds = fdtab_new(t->account, FD_LIMIT_DEFAULT);
    t->args.account = t->env.account = t->account;
    queue_init(&t->exited);
    queue_init(&t->resumed);
    queue_init(&t->signalled);
    t->ns = ns_new(t->account);
    TRUE(t->account != NULL && t->fds != NULL && t->ns != NULL);
    fdtab_activate(t->fds);
    OK(strv_add(&t->args, "prog"));
    OK(strv_add(&t->args, "an argument"));
    OK(env_set(&t->env, "HOME=/home"));
}

int prog_tmpfs(Prog *p, const char *where)
{
    Call *c = &p->thread.call;
    AUTO_FILE *root = NULL;
    int r = KERNEL(p, slow_new(c, &root));
    if (r == 0)
        r = KERNEL(p, ns_mount(c, (WalkFrom){ .ns = p->task.ns }, root, "tmpfs", where, BIND_CREATE));
    return r;
}

static void make_files(Prog *p)
{
    Call *c = &p->thread.call;
    OK(prog_tmpfs(p, "/"));
    OK(KERNEL(p, walk_path(c, (WalkFrom){ .ns = p->task.ns }, "/", 0, &p->task.cwd)));
}

void prog_begin(Prog *p, bool copied)
{
    *p = (Prog){ .top = GUEST_HEAP };
    mutex_init(&odd_lock, RANK_FILE);
    queue_init(&odd_queue);
    atomic_store(&odd_awake, false);
    p->memory = calloc(1, GUEST_MEMORY);
    TRUE(p->memory != NULL);
    p->kernel.uid = 1000;
    make_task(p);
    call_init(&p->thread.call, &p->task);
    p->thread.task = &p->task;
    p->thread.call.thread = &p->thread;
    call_begin(&p->thread.call);
    make_files(p);
    for (int fd = 0; fd < 3; fd++)
        OK(fd_put(&p->thread.call, p->task.fds, fd, open_odd(p, "null", OPEN_READ | OPEN_WRITE), UINT64_MAX, UINT64_MAX,
                  false));
    call_end(&p->thread.call);
    OK(wasi_begin(&p->wasi, &p->task, &p->thread));
    p->w = (WasiThread){ .wasi = &p->wasi, .thread = &p->thread, .guest = { .len = GUEST_MEMORY } };
    if (copied) {
        p->w.guest.copy = &far_memory;
        p->w.guest.self = p;
    } else {
        p->w.guest.base = p->memory;
    }
    /* What a program would do itself. */
    EQ(wasi_errno(0), 0);
    EQ(DO(p, path_create_directory, 3, prog_str(p, "dir"), 3), 0);
    int fd = prog_open(p, "dir/file", WASI_CREAT, RIGHTS_RW);
    OK(fd);
    EQ(DO(p, fd_write, (uint32_t)fd, prog_iov(p, prog_str(p, "0123456789"), 10), 1, 0), 0);
    EQ(DO(p, fd_close, (uint32_t)fd), 0);
    fd = prog_open(p, "empty", WASI_CREAT, RIGHTS_RW);
    OK(fd);
    EQ(DO(p, fd_close, (uint32_t)fd), 0);
    EQ(DO(p, path_symlink, prog_str(p, "dir/file"), 8, 3, prog_str(p, "link"), 4), 0);
}

void prog_end(Prog *p)
{
    Task *t = &p->task;
    call_begin(&p->thread.call);
    fdtab_close_all(&p->thread.call, t->fds);
    call_end(&p->thread.call);
    call_destroy(&p->thread.call);
    chan_put(t->cwd);
    fdtab_put(t->fds);
    ns_put(t->ns);
    strv_free(&t->args);
    strv_free(&t->env);
    AccountSums sums;
    account_sums(t->account, &sums);
    EQ(sums.mem_current, 0);
    account_put(t->account);
    free(p->memory);
}

int prog_add(Prog *p, Chan *ch)
{
    int fd = fd_add(&p->thread.call, p->task.fds, ch, 3, UINT64_MAX, UINT64_MAX, false);
    OK(fd);
    return fd;
}

void prog_undo(Prog *p)
{
    (void)wasi_call_end(&p->w, 0);
}

/* ---- guest memory ----------------------------------------------------------------------------------------------- */

uint32_t prog_room(Prog *p, uint32_t n)
{
    uint32_t at = (p->top + 7) & ~7u;
    TRUE(at + n <= GUEST_MEMORY);
    p->top = at + n;
    return at;
}

uint32_t prog_put(Prog *p, const void *data, uint32_t n)
{
    uint32_t at = prog_room(p, n);
    memcpy(p->memory + at, data, n);
    return at;
}

uint32_t prog_str(Prog *p, const char *s)
{
    return prog_put(p, s, (uint32_t)strlen(s) + 1);
}

uint32_t prog_u32(Prog *p, uint32_t addr)
{
    Cursor c = cursor_over(p->memory + addr, 4);
    return (uint32_t)cursor_get(&c, 4);
}

uint64_t prog_u64(Prog *p, uint32_t addr)
{
    Cursor c = cursor_over(p->memory + addr, 8);
    return cursor_get(&c, 8);
}

void prog_set32(Prog *p, uint32_t addr, uint32_t v)
{
    Cursor c = cursor_over(p->memory + addr, 4);
    cursor_put(&c, 4, v);
}

void prog_set64(Prog *p, uint32_t addr, uint64_t v)
{
    Cursor c = cursor_over(p->memory + addr, 8);
    cursor_put(&c, 8, v);
}

uint32_t prog_iov(Prog *p, uint32_t addr, uint32_t len)
{
    uint32_t at = prog_room(p, 8);
    prog_set32(p, at, addr);
    prog_set32(p, at + 4, len);
    return at;
}

int prog_open(Prog *p, const char *path, uint32_t oflags, uint64_t rights)
{
    uint32_t at = prog_str(p, path);
    int32_t r = DO(p, path_open, 3, WASI_FOLLOW, at, (uint32_t)strlen(path), oflags, rights, rights, 0, 64);
    return r == 0 ? (int)prog_u32(p, 64) : -r;
}


/* ---- what was answered ------------------------------------------------------------------------------------------ */

#define CALL_NAME(name, params, results, arguments) #name,
static const char *const call_names[] = { WASI_CALLS(CALL_NAME) };

static const char *const errno_names[WASI_ERRNO_COUNT] = {
    "OK",          "2BIG",           "ACCES",       "ADDRINUSE",   "ADDRNOTAVAIL",
    "AFNOSUPPORT", "AGAIN",          "ALREADY",     "BADF",        "BADMSG",
    "BUSY",        "CANCELED",       "CHILD",       "CONNABORTED", "CONNREFUSED",
    "CONNRESET",   "DEADLK",         "DESTADDRREQ", "DOM",         "DQUOT",
    "EXIST",       "FAULT",          "FBIG",        "HOSTUNREACH", "IDRM",
    "ILSEQ",       "INPROGRESS",     "INTR",        "INVAL",       "IO",
    "ISCONN",      "ISDIR",          "LOOP",        "MFILE",       "MLINK",
    "MSGSIZE",     "MULTIHOP",       "NAMETOOLONG", "NETDOWN",     "NETRESET",
    "NETUNREACH",  "NFILE",          "NOBUFS",      "NODEV",       "NOENT",
    "NOEXEC",      "NOLCK",          "NOLINK",      "NOMEM",       "NOMSG",
    "NOPROTOOPT",  "NOSPC",          "NOSYS",       "NOTCONN",     "NOTDIR",
    "NOTEMPTY",    "NOTRECOVERABLE", "NOTSOCK",     "NOTSUP",      "NOTTY",
    "NXIO",        "OVERFLOW",       "OWNERDEAD",   "PERM",        "PIPE",
    "PROTO",       "PROTONOSUPPORT", "PROTOTYPE",   "RANGE",       "ROFS",
    "SPIPE",       "SRCH",           "STALE",       "TIMEDOUT",    "TXTBSY",
    "XDEV",        "NOTCAPABLE",
};

bool prog_goes_on;

static atomic_uint noted[CALL_COUNT][WASI_ERRNO_COUNT];

void prog_note(int call, int32_t r)
{
    if (r >= 0 && r < WASI_ERRNO_COUNT)
        atomic_fetch_add(&noted[call][r], 1);
}

bool prog_noted(int call, int32_t r)
{
    return atomic_load(&noted[call][r]) != 0;
}
const char *prog_call_name(int call)
{
    return call_names[call];
}
const char *wasi_errno_name(int errno_number)
{
    return errno_names[errno_number];
}

int wasi_errno_named(const char *name, size_t n)
{
    for (int i = 0; i < WASI_ERRNO_COUNT; i++)
        if (strlen(errno_names[i]) == n && memcmp(errno_names[i], name, n) == 0)
            return i;
    return -1;
}
