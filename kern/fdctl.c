/* SPDX-License-Identifier: MIT */
/*
 * The verbs of /task/ID/fd/N/ctl, and the pipe that writing to fd/0 puts there. What is asked for by name is looked up in the
 * writer's namespace: nobody gives what he cannot name.
 */
#include <string.h>

#include "kern/life.h"
#include "kern/view.h"

typedef struct Slot {
    Task *task;
    int fd;
} Slot;

static int not_open(Call *c, const Slot *s, const char *what, int r)
{
    if (r == -ESRCH)
        return fail(c, r, "%s: task %llu has exited", what, (unsigned long long)s->task->id);
    if (r == -EBADF)
        return fail(c, r, "%s: descriptor %d of task %llu is not open", what, s->fd, (unsigned long long)s->task->id);
    return r;
}

static int check_alive(Call *c, const Slot *s, const char *what)
{
    mutex_lock(&s->task->lock);
    bool dead = s->task->state == TASK_DEAD;
    mutex_unlock(&s->task->lock);
    return dead ? not_open(c, s, what, -ESRCH) : 0;
}

/* Takes ch. */
static int slot_set(Call *c, const Slot *s, Chan *ch)
{
    return fd_put(c, s->task->fds, s->fd, ch, UINT64_MAX, UINT64_MAX, false);
}

/* ---- dup ------------------------------------------------------------------------------------------------------------- */

static int parse_mode(const char *word, unsigned *flags)
{
    static const struct {
        const char *word;
        unsigned flags;
    } modes[] = {
        { "r", OPEN_READ },
        { "w", OPEN_WRITE | OPEN_CREATE | OPEN_TRUNC },
        { "a", OPEN_WRITE | OPEN_CREATE | OPEN_APPEND },
        { "rw", OPEN_READ | OPEN_WRITE | OPEN_CREATE },
    };
    for (unsigned i = 0; i < LEN(modes); i++)
        if (strcmp(word, modes[i].word) == 0) {
            *flags = modes[i].flags;
            return 0;
        }
    return -EINVAL;
}

static int open_for_writer(Call *c, const char *path, unsigned flags, Chan **out)
{
    AUTO_TASK *writer = call_acting(c);
    mutex_lock(&writer->lock);
    uint32_t mode = 0666 & ~writer->umask;
    mutex_unlock(&writer->lock);
    return walk_open(c, walk_self(c), path, 0, flags, mode, out);
}

/* No mode was named: 0 reads, 1 and 2 write, others both, or reading alone where writing is refused. */
static int open_usual(Call *c, int fd, const char *path, Chan **out)
{
    unsigned flags = OPEN_READ;
    if (fd == 1 || fd == 2)
        (void)parse_mode("w", &flags);
    if (fd < 3)
        return open_for_writer(c, path, flags, out);
    int r = open_for_writer(c, path, OPEN_READ | OPEN_WRITE, out);
    if (r == -EROFS || r == -EACCES || r == -EISDIR || r == -EPERM)
        r = open_for_writer(c, path, OPEN_READ, out);
    return r;
}

static int verb_dup(Call *c, void *object, int argc, char **argv)
{
    Slot *s = object;
    AUTO_CHAN Chan *ch = NULL;
    unsigned flags = 0;
    int r = 0;
    if (argc > 2 && parse_mode(argv[2], &flags) < 0)
        r = fail(c, -EINVAL, "dup: r, w, a or rw, not %.100s", argv[2]);
    if (r == 0)
        r = argc > 2 ? open_for_writer(c, argv[1], flags, &ch) : open_usual(c, s->fd, argv[1], &ch);
    if (r < 0)
        return r == WAIT || c->words[0] != '\0' ? r : fail(c, r, "dup: %.200s", argv[1]);
    r = slot_set(c, s, STEAL(ch));
    return r == -EBADF ? fail(c, r, "dup: %d is beyond the limit of descriptors", s->fd) : not_open(c, s, "dup", r);
}

/* ---- pipe ------------------------------------------------------------------------------------------------------------ */

/* OTHER/fd/M: a path in the writer's view. */
static int find_other(Call *c, const char *path, Slot *other)
{
    char s[PATH_MAX_LEN + 1] = "/task/";
    size_t n = strlen(path);
    if (n > PATH_MAX_LEN - 6)
        return -ENAMETOOLONG;
    memcpy(path[0] == '/' ? s : s + 6, path, n + 1);
    AUTO_CHAN Chan *ch = NULL;
    int r = walk_path(c, walk_self(c), s, 0, &ch);
    if (r < 0)
        return r == WAIT || c->words[0] != '\0' ? r : fail(c, r, "pipe: %.200s", path);
    uint64_t id;
    Kernel *k = c->task->kernel;
    if (k->list->fd_file(ch->file, &id, &other->fd) < 0)
        return fail(c, -EINVAL, "pipe: %.200s is no descriptor", path);
    AUTO_TASK *named = task_find(k, id);
    if (named == NULL)
        return -ENOENT;
    other->task = call_target(c, named);
    return 0;
}

static int join(Call *c, const Slot *in, const Slot *out)
{
    AUTO_CHAN Chan *r = NULL, *w = NULL;
    /* Half a pipe is none: once one end is in its place, the other one must not fail. */
    int e = check_alive(c, in, "pipe");
    if (e == 0)
        e = check_alive(c, out, "pipe");
    if (e == 0)
        e = fd_room(in->task->fds, in->fd);
    if (e == 0)
        e = fd_room(out->task->fds, out->fd);
    if (e == 0)
        e = c->task->kernel->list->pipe(c, &r, &w);
    if (e == 0)
        e = slot_set(c, in, STEAL(r));
    if (e < 0)
        return e;
    e = slot_set(c, out, STEAL(w));
    if (e < 0)
        (void)fd_close(c, in->task->fds, in->fd);   /* that task has just exited */
    return e;
}

static int verb_pipe(Call *c, void *object, int argc, char **argv)
{
    (void)argc;
    Slot *s = object, other;
    int r = find_other(c, argv[1], &other);
    if (r < 0)
        return r;
    if ((s->fd == 0 && other.fd == 0) || (s->fd == other.fd && s->task == other.task))
        r = fail(c, -EINVAL, "pipe: one end reads, the other writes");
    else
        r = other.fd == 0 ? join(c, &other, s) : join(c, s, &other);
    task_put(other.task);
    return r == -EBADF ? fail(c, r, "pipe: beyond the limit of descriptors") : r;
}

/* ---- close, lock, flags ---------------------------------------------------------------------------------------------- */

static int verb_close(Call *c, void *object, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    Slot *s = object;
    int r = fd_close(c, s->task->fds, s->fd);
    return r == WAIT || c->words[0] != '\0' ? r : not_open(c, s, "close", r);
}

static int verb_lock(Call *c, void *object, int argc, char **argv)
{
    static const char letters[] = "rwu";
    static const int types[] = { LOCK_READ, LOCK_WRITE, LOCK_UNLOCK };
    Slot *s = object;
    uint64_t start = 0, len = 0;
    const char *letter = argv[1][0] != '\0' && argv[1][1] == '\0' ? strchr(letters, argv[1][0]) : NULL;
    if (letter == NULL || argc == 3)
        return fail(c, -EINVAL, "lock: r, w or u, and START with LEN");
    if (argc == 4 && (parse_u64(argv[2], &start) < 0 || parse_u64(argv[3], &len) < 0))
        return fail(c, -EINVAL, "lock: START and LEN are numbers");
    FdInfo info;
    uint64_t version = fd_version(s->task->fds);
    int r = fd_get(s->task->fds, s->fd, &info);
    if (r < 0)
        return not_open(c, s, "lock", r);
    r = chan_lock(c, info.chan, types[letter - letters], start, len);
    chan_put(info.chan);
    if (r == -EBADF)
        return fail(c, r, "lock: descriptor %d is not open for that", s->fd);
    if (r == -EAGAIN)
        return fail(c, r, "lock: somebody else has locked a part of it");
    return r == WAIT ? fd_arm(c, s->task->fds, version) : r;
}

static int verb_flags(Call *c, void *object, int argc, char **argv)
{
    Slot *s = object;
    unsigned flags = 0;
    bool cloexec = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "append") == 0)
            flags |= OPEN_APPEND;
        else if (strcmp(argv[i], "nonblock") == 0)
            flags |= OPEN_NONBLOCK;
        else if (strcmp(argv[i], "cloexec") == 0)
            cloexec = true;
        else
            return fail(c, -EINVAL, "flags: append, nonblock or cloexec, not %.100s", argv[i]);
    }
    FdInfo info;
    int r = fd_get(s->task->fds, s->fd, &info);
    if (r == 0) {
        unsigned old = atomic_load(&info.chan->oflags);
        while (!atomic_compare_exchange_weak(&info.chan->oflags, &old,
                                             (old & ~(unsigned)(OPEN_APPEND | OPEN_NONBLOCK)) | flags)) {
        }
        chan_put(info.chan);
        r = fd_set_cloexec(s->task->fds, s->fd, cloexec);
    }
    return not_open(c, s, "flags", r);
}

static const CtlVerb verbs[] = {
    { "dup", 1, 2, verb_dup, "dup PATH [r|w|a|rw]  open PATH (the writer's) here" },
    { "pipe", 1, 1, verb_pipe, "pipe OTHER/fd/M  a new pipe between the two" },
    { "close", 0, 0, verb_close, "close  let go of it" },
    { "lock", 1, 3, verb_lock, "lock r|w|u [START LEN]  lock bytes of the file, waiting for others" },
    { "flags", 0, 3, verb_flags, "flags [append] [nonblock] [cloexec]  these on, the others off" },
};

int fd_ctl_line(Call *c, Task *t, int fd, char *line, size_t len)
{
    Slot s = { .task = t, .fd = fd };
    int r = check_alive(c, &s, "fd");
    return r < 0 ? r : ctl_run(c, verbs, LEN(verbs), &s, line, len);
}

void fd_ctl_help(Text *out)
{
    ctl_help(verbs, LEN(verbs), out);
}

int fd_ctl_text(Call *c, Task *t, int fd, Text *out)
{
    static const char *const modes[] = { "-", "r", "w", "rw" };
    Slot s = { .task = t, .fd = fd };
    FdInfo info;
    int r = fd_get(t->fds, fd, &info);
    if (r < 0)
        return not_open(c, &s, "fd", r);
    AUTO_CHAN Chan *ch = info.chan;
    Path *name = walk_name_for(c, c->task, ch, &r);
    if (name == NULL)
        return r < 0 ? r : -ENOMEM;
    text_put(out, "path ");
    if (strcmp(name->s, "?") == 0)
        text_put(out, "?");         /* the reader has no name for it */
    else
        text_quoted(out, name->s);
    path_put(name);
    uint64_t pos = 0;
    if ((ch->file->flags & FILE_STREAM) == 0 && (r = chan_seek(c, ch, 0, SEEK_FROM_HERE, &pos)) < 0)
        return r;
    text_printf(out, "\nmode %s\noffset %llu\n", modes[ch->mode & 3], (unsigned long long)pos);
    unsigned oflags = atomic_load(&ch->oflags);
    if ((oflags & (OPEN_APPEND | OPEN_NONBLOCK)) != 0 || info.cloexec)
        text_printf(out, "flags%s%s%s\n", oflags & OPEN_APPEND ? " append" : "",
                    oflags & OPEN_NONBLOCK ? " nonblock" : "", info.cloexec ? " cloexec" : "");
    return text_ok(out);
}

/* ---- fd/0, written to ------------------------------------------------------------------------------------------------ */

/* The writing end when the pipe that was put there is still descriptor 0: owned. *fresh: it is the caller's turn to put one. */
static Chan *current_feed(Task *t, bool *fresh, bool *busy)
{
    FdInfo info;
    AUTO_CHAN Chan *zero = fd_get(t->fds, 0, &info) == 0 ? info.chan : NULL;
    Chan *feed = NULL;
    mutex_lock(&t->lock);
    *fresh = *busy = false;
    if (t->feeding) {
        *busy = true;
    } else if (t->feed != NULL && zero != NULL && file_same(zero->file, t->feed_read)) {
        feed = chan_get(t->feed);
    } else if (t->state == TASK_NEW && !task_killed(t)) {
        *fresh = t->feeding = true;
    }
    mutex_unlock(&t->lock);
    return feed;
}

static int put_feed(Call *c, Task *t, Chan **out)
{
    AUTO_CHAN Chan *r = NULL, *w = NULL;
    File *file = NULL;
    int e = c->task->kernel->list->pipe(c, &r, &w);
    if (e == 0) {
        file = file_get(r->file);
        e = fd_put(c, t->fds, 0, STEAL(r), UINT64_MAX, UINT64_MAX, false);
    }
    mutex_lock(&t->lock);
    t->feeding = false;
    if (e == 0 && t->state == TASK_DEAD)
        e = -ESRCH;
    if (e == 0) {
        File *old_file = t->feed_read;
        Chan *old = t->feed;
        *out = chan_get(w);
        t->feed = STEAL(w);
        t->feed_read = file;
        w = old;
        file = old_file;
    }
    queue_wake(&t->exited);         /* others that open it look again */
    mutex_unlock(&t->lock);
    file_put(file);
    return e;
}

int fd_feed(Call *c, Task *t, unsigned flags, Chan **out)
{
    bool fresh, busy;
    AUTO_CHAN Chan *feed = current_feed(t, &fresh, &busy);
    if (busy) {
        mutex_lock(&t->lock);
        int r = t->feeding ? wait_arm(c, &t->exited) : WAIT;
        if (r == WAIT && !t->feeding)
            call_wake(c);
        mutex_unlock(&t->lock);
        return r;
    }
    if (fresh) {
        int r = put_feed(c, t, &feed);
        if (r < 0)
            return r;
    }
    if (feed == NULL)
        return fail(c, -EPERM, "fd/0: task %llu has started without a pipe there", (unsigned long long)t->id);
    return chan_open(c, feed, flags, out);
}
