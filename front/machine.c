/* SPDX-License-Identifier: MIT */
/*
 * A machine as the command line and the library set it up.
 */
#include "front/machine.h"

#include <string.h>

#include "dev/devhost.h"
#include "front/bootlist.h"
#include "front/process.h"
#include "kern/chan.h"
#include "kern/ns.h"
#include "kern/walk.h"

static int clear(Call *c)
{
    WalkFrom self = walk_self(c);
    return ns_clear(self.ns);
}

int machine_boot(bool bare, Kernel **out, char *words)
{
    Kernel *k;
    Call c;
    words[0] = '\0';
    int r = kernel_boot(&boot_native, process_uid(), process_gid(), &k);
    if (r < 0)
        return r;
    call_init(&c, k->root);
    if (bare)
        CALL_RUN(&c, r, clear(&c));
    strcpy(words, c.words);
    call_destroy(&c);
    if (r < 0)
        kernel_end(k);
    else
        *out = k;
    return r;
}

static bool at_root(const Grant *g)
{
    return strcmp(g->dst, "/") == 0;
}

/* A bind as a task could make it: its names do not tell where on the host it is. */
static int bind_programs(Call *c, const char *programs)
{
    File *root;
    int r = devhost_new(c, programs, &root);
    if (r == 0)
        r = boot_bind(c, root, "/bin", BIND_RDONLY);
    return r < 0 ? fail(c, r, "%s at /bin: %s", programs, strerror(-r)) : 0;
}

int machine_grant(Call *c, const Grant *grants, size_t n, bool bare, const char *programs)
{
    bool root = false;
    int r = 0;
    for (size_t i = 0; i < n; i++)
        root = root || at_root(&grants[i]);
    if (root)
        CALL_RUN(c, r, clear(c));
    for (size_t i = 0; r == 0 && i < n; i++)
        if (at_root(&grants[i]))
            r = grant_apply(c, &grants[i]);
    if (r == 0 && root && !bare)
        CALL_RUN(c, r, boot_populate(c, c->task->kernel));
    if (r == 0 && !bare && programs != NULL)
        CALL_RUN(c, r, bind_programs(c, programs));
    for (size_t i = 0; r == 0 && i < n; i++)
        if (!at_root(&grants[i]))
            r = grant_apply(c, &grants[i]);
    return r;
}

static int give_program(Call *c, Task *t, const char *host)
{
    File *file = NULL;
    int r = devhost_new(c, host, &file);
    if (r < 0)
        return r;
    Path *p = path_new(host, strlen(host));
    Chan *ch = p == NULL ? NULL : chan_new(c, file_get(file), p);
    path_put(p);
    if (ch != NULL && file_is_dir(file))
        r = -EISDIR;
    file_put(file);
    if (ch == NULL)
        return -ENOMEM;
    mutex_lock(&t->lock);
    Chan *old = t->program;
    t->program = ch;
    mutex_unlock(&t->lock);
    chan_put(old);
    return r;
}

int machine_program(Call *c, Task *t, const char *host)
{
    int r;
    CALL_RUN(c, r, give_program(c, t, host));
    return r;
}

static int put_stream(Call *c, Task *t, int fd, int hostfd)
{
    File *file;
    int r = hostfd < 0 ? -EBADF : devstream_new(hostfd, &file);
    if (r == -EBADF) {
        r = fd_close(c, task_fds(t), fd);
        return r == -EBADF ? 0 : r;
    }
    if (r < 0)
        return r;
    /* A terminal is open for both, as a login shell has it, so that /dev/tty can be. */
    unsigned mode = fd == 0 ? OPEN_READ : OPEN_WRITE;
    if ((file->flags & FILE_TTY) != 0 && process_stream_mode(hostfd) == 3)
        mode = OPEN_READ | OPEN_WRITE;
    AUTO_CHAN Chan *ch = chan_new(c, file, NULL), *open = NULL;
    if (ch == NULL)
        return -ENOMEM;
    r = chan_open(c, ch, mode, &open);
    return r < 0 ? r : fd_put(c, task_fds(t), fd, STEAL(open), UINT64_MAX, UINT64_MAX, false);
}

int machine_stream(Call *c, Task *t, int fd, int hostfd)
{
    int r;
    CALL_RUN(c, r, put_stream(c, t, fd, hostfd));
    return r;
}

/* -ESPIPE: no regular file, or none that can be opened again. */
static int put_input(Call *c, Task *t, Chan **out)
{
    uint64_t pos;
    AUTO_FILE *file = NULL;
    int r = process_position(0, &pos);
    if (r == 0 && (process_stream_mode(0) != 1 || devhost_new(c, "/proc/self/fd/0", &file) < 0))
        r = -ESPIPE;
    if (r < 0)
        return r;
    AUTO_CHAN Chan *ch = chan_new(c, file_get(file), NULL), *open = NULL;
    if (ch == NULL)
        return -ENOMEM;
    if (chan_open(c, ch, OPEN_READ, &open) < 0)
        return -ESPIPE;
    open->pos = pos;
    r = fd_put(c, task_fds(t), 0, chan_get(open), UINT64_MAX, UINT64_MAX, false);
    if (r >= 0)
        *out = STEAL(open);
    return r < 0 ? r : 0;
}

int machine_input(Call *c, Task *t, Chan **file)
{
    int r;
    *file = NULL;
    CALL_RUN(c, r, put_input(c, t, file));
    return r == -ESPIPE ? machine_stream(c, t, 0, 0) : r;
}

void machine_input_done(Call *c, Chan *file)
{
    int r = -EBADF;
    uint64_t pos;
    if (file != NULL)
        CALL_RUN(c, r, chan_seek(c, file, 0, SEEK_FROM_HERE, &pos));
    if (r == 0)
        process_move(0, pos);
    chan_put(file);
}

static int put_preopen(Call *c, Task *t, const char *path, const char *name)
{
    AUTO_CHAN Chan *open = NULL;
    int r = walk_open(c, walk_task(c, t), path, 0, OPEN_READ | OPEN_DIRECTORY, 0, &open);
    if (r == -ENOTDIR)
        return 0;                   /* a single file was granted */
    if (r < 0)
        return r;
    int fd = fd_add(c, task_fds(t), STEAL(open), 3, UINT64_MAX, UINT64_MAX, false);
    return fd < 0 ? fd : fd_set_preopen(task_fds(t), fd, name);
}

int machine_preopen(Call *c, Task *t, const char *path, const char *name)
{
    int r;
    CALL_RUN(c, r, put_preopen(c, t, path, name));
    return r;
}
