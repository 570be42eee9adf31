/* SPDX-License-Identifier: MIT */
/*
 * What the files of /task give and take. Every open one has a SynFile: its text, its unfinished line, and in `held` what else it
 * needs: the subscription of `events`, the tap of fd/N, for `signal` and `wait` the kernel (to find the task again without a call).
 */
#include <stdio.h>
#include <string.h>

#include "dev/devtask.h"
#include "kern/boot.h"
#include "kern/ring.h"
#include "kern/view.h"

static SynFile *syn_of(Chan *ch)
{
    return ch->aux;
}

/* The task whose descriptors, directory and group a file of t is about: t's vfork child's while t itself asks. */
static Task *target_task(Call *c, const File *f)
{
    AUTO_TASK *t = taskfile_task(c, f);
    return t == NULL ? NULL : call_target(c, t);
}

/* ---- opened and closed ----------------------------------------------------------------------------------------------- */

/* Opening fd/N is opening what it is, where that has a beginning to read from, or a pipe to write to. */
int devtask_reopen(Call *c, Chan *ch, unsigned flags, Chan **out)
{
    if (taskfile_kind(ch->file) != TF_FD)
        return 1;
    AUTO_TASK *t = target_task(c, ch->file);
    if (t == NULL)
        return -ENOENT;
    int fd = (int)taskfile_number(ch->file);
    if ((flags & OPEN_WRITE) != 0) {
        if (fd != 0 || (flags & OPEN_READ) != 0)
            return fail(c, -EPERM, "fd/%d: only fd/0 can be written to", fd);
        return fd_feed(c, t, flags & (OPEN_WRITE | OPEN_NONBLOCK), out);
    }
    FdInfo info;
    if (fd_get(t->fds, fd, &info) < 0)
        return 1;
    AUTO_CHAN Chan *there = info.chan;
    if ((there->mode & OPEN_WRITE) != 0)
        return 1;
    if (there->file->type != TYPE_FILE || (there->file->flags & FILE_STREAM) != 0)
        return fail(c, -EPERM, "fd/%d: task %llu reads it, and it is no file", fd, (unsigned long long)t->id);
    return chan_open(c, there, flags, out);
}

static int open_tap(Call *c, Chan *ch, unsigned flags, SynFile *s)
{
    AUTO_TASK *t = target_task(c, ch->file);
    int r = -ENOENT;
    Ring *ring = t != NULL ? fd_ring(t->fds, (int)taskfile_number(ch->file), &r) : NULL;
    if (ring == NULL)
        return r;
    s->held = tap_open(ring, (flags & OPEN_NONBLOCK) == 0, call_account(c));
    ring_put(ring);
    return s->held == NULL ? -ENOMEM : 0;
}

static int open_special(Call *c, Chan *ch, unsigned flags, SynFile *s)
{
    AUTO_TASK *t = taskfile_task(c, ch->file);
    if (t == NULL)
        return -ENOENT;
    switch (taskfile_kind(ch->file)) {
    case TF_FD:
        return open_tap(c, ch, flags, s);
    case TF_EVENTS:
        s->held = events_open(c, t);
        return s->held == NULL ? -ENOMEM : 0;
    case TF_WAIT:
        s->held = t->kernel;
        return 0;
    case TF_SIGNAL: {
        int r = signal_open(c, t);
        if (r == 0)
            s->held = t->kernel;
        return r;
    }
    default:
        return 0;
    }
}

int devtask_open(Call *c, Chan *ch, unsigned flags)
{
    if (file_is_dir(ch->file))
        return 0;
    if ((flags & OPEN_WRITE) != 0 && !taskfile_writable(ch->file))
        return fail(c, -EPERM, "%s: only to be read", ch->path->s);
    SynFile *s = syn_new(call_account(c));
    if (s == NULL)
        return -ENOMEM;
    int r = open_special(c, ch, flags, s);
    if (r < 0)
        syn_free(s);
    else
        ch->aux = s;
    return r;
}

void devtask_close(Chan *ch)
{
    SynFile *s = syn_of(ch);
    if (s == NULL)
        return;
    if (s->held != NULL && taskfile_kind(ch->file) == TF_FD) {
        tap_close(s->held);
    } else if (s->held != NULL && taskfile_kind(ch->file) == TF_EVENTS) {
        events_close(s->held);
    } else if (s->held != NULL && taskfile_kind(ch->file) == TF_SIGNAL) {
        Task *t = task_find(s->held, ch->file->space);
        if (t != NULL)
            signal_close(t);
        task_put(t);
    }
    syn_free(s);
}

/* ---- texts ----------------------------------------------------------------------------------------------------------- */

/* The open file makes one task, however often and by how many it is read. */
static int text_new(Call *c, Chan *ch, Task *holder, Text *out)
{
    SynFile *s = syn_of(ch);
    if ((ch->flags & CHAN_NO_WRITE) != 0)
        return fail(c, -EROFS, "new: bound read-only");
    mutex_lock(&s->lock);
    uint64_t id = s->value[0];
    bool busy = s->value[1] != 0;
    s->value[1] = 1;
    mutex_unlock(&s->lock);
    if (busy)
        return fail(c, -EBUSY, "new: somebody else is reading it");
    AUTO_TASK *t = NULL;
    int r = id != 0 ? 0 : task_new(c, holder, ch, &t);
    if (t != NULL)
        id = t->id;
    mutex_lock(&s->lock);
    s->value[1] = 0;
    if (r == 0)
        s->value[0] = id;
    mutex_unlock(&s->lock);
    if (r == 0)
        text_printf(out, "%llu\n", (unsigned long long)id);
    return r;
}

static const char *status_word(TaskState s)
{
    return s == TASK_RUNNING ? "running\n" : s == TASK_DEAD ? "exited\n" : "stopped\n";
}

static void text_cwd(Task *t, Text *out)
{
    AUTO_CHAN Chan *cwd = task_cwd(t);
    text_put(out, cwd != NULL ? cwd->path->s : "/");
    text_put(out, "\n");
}

static void text_locked(Task *t, TaskFileKind kind, Text *out)
{
    static const char *const types[] = { [TASK_AUTO] = "auto\n", [TASK_WASI] = "wasi\n", [TASK_LINUX] = "linux\n" };
    mutex_lock(&t->lock);
    if (kind == TF_CMDLINE)
        text_add(out, t->args.s, t->args.len);
    else if (kind == TF_ENVIRON)
        text_add(out, t->env.s, t->env.len);
    else if (kind == TF_ENV)
        env_text(&t->env, out);
    else if (kind == TF_TYPE)
        text_put(out, types[t->type]);
    else
        text_put(out, status_word(t->state));
    mutex_unlock(&t->lock);
}

static int text_wait(Call *c, Chan *ch, Task *t, Text *out)
{
    int code;
    unsigned mode = c->mode;
    if (chan_nonblock(c, ch))
        c->mode |= CALL_NONBLOCK;
    int r = task_wait(c, t, &code);
    c->mode = mode;
    if (r == 0)
        text_printf(out, "%d\n", code);
    return r;
}

static void text_exitcode(Task *t, Text *out)
{
    mutex_lock(&t->lock);
    bool ended = t->ended;
    mutex_unlock(&t->lock);
    if (ended)
        text_printf(out, "%d\n", task_code(t));
}

static void put_limit(Text *out, const char *key, uint64_t n)
{
    if (n == ACCOUNT_MAX)
        text_printf(out, "%s max\n", key);
    else
        text_printf(out, "%s %llu\n", key, (unsigned long long)n);
}

static void text_stat(Task *t, TaskFileKind kind, Text *out)
{
    AccountSums s;
    task_sums(t, &s);
    if (kind == TF_STAT_MEM) {
        put_limit(out, "current", s.mem_current);
        put_limit(out, "peak", s.mem_peak);
        put_limit(out, "max", s.mem_max);
    } else if (kind == TF_STAT_CPU) {
        mutex_lock(&t->lock);
        int nice = t->nice;
        mutex_unlock(&t->lock);
        put_limit(out, "usage_usec", (s.user_ns + s.system_ns) / 1000);
        put_limit(out, "user_usec", s.user_ns / 1000);
        put_limit(out, "system_usec", s.system_ns / 1000);
        text_printf(out, "nice %d\n", nice);
    } else {
        put_limit(out, "rbytes", s.rbytes);
        put_limit(out, "wbytes", s.wbytes);
        put_limit(out, "rios", s.rios);
        put_limit(out, "wios", s.wios);
    }
}

/* How the reader names the ns directory: the path of this file, without its last name. */
static int text_dump(Chan *ch, Ns *ns, Text *out)
{
    const char *path = ch->path->s, *slash = strrchr(path, '/');
    AUTO_FREE char *prefix = mem_dup(path, slash != NULL ? (size_t)(slash - path) : 0);
    return prefix == NULL ? -ENOMEM : ns_text_dump(ns, prefix, out);
}

static int text_ns(Chan *ch, Task *t, TaskFileKind kind, Text *out)
{
    if (kind == TF_NS_CTL) {
        ns_ctl_help(out);
        return 0;
    }
    Ns *ns = task_ns(t);
    if (ns == NULL)
        return 0;                   /* it exited: nothing is bound any more */
    int r = kind == TF_NS_MOUNTS  ? ns_text_mounts(ns, out)
            : kind == TF_NS_BINDS ? ns_text_binds(ns, out)
                                  : text_dump(ch, ns, out);
    ns_put(ns);
    return r;
}

static int text_target(Call *c, Chan *ch, TaskFileKind kind, Text *out)
{
    AUTO_TASK *t = target_task(c, ch->file);
    if (t == NULL)
        return -ENOENT;
    if (kind == TF_FD_CTL)
        return fd_ctl_text(c, t, (int)taskfile_number(ch->file), out);
    if (kind == TF_CWD)
        text_cwd(t, out);
    else
        text_printf(out, "%llu\n", (unsigned long long)task_group_id(t));
    return 0;
}

static int make_text(Call *c, void *arg, Text *out)
{
    Chan *ch = arg;
    TaskFileKind kind = taskfile_kind(ch->file);
    AUTO_TASK *t = taskfile_task(c, ch->file);
    if (t == NULL)
        return fail(c, -ENOENT, "task %llu was removed", (unsigned long long)ch->file->space);
    switch (kind) {
    case TF_NEW:
        return text_new(c, ch, t, out);
    case TF_CTL:
        task_ctl_help(out);
        return 0;
    case TF_PARENT:
        text_printf(out, "%llu\n", (unsigned long long)task_parent_id(t));
        return 0;
    case TF_WAIT:
        return text_wait(c, ch, t, out);
    case TF_EXITCODE:
        text_exitcode(t, out);
        return 0;
    case TF_ERROR:
        return task_error_text(c, t, out);
    case TF_STAT_MEM:
    case TF_STAT_CPU:
    case TF_STAT_IO:
        text_stat(t, kind, out);
        return 0;
    case TF_NS_CTL:
    case TF_NS_MOUNTS:
    case TF_NS_BINDS:
    case TF_NS_DUMP:
        return text_ns(ch, t, kind, out);
    case TF_CWD:
    case TF_GROUP:
    case TF_FD_CTL:
        return text_target(c, ch, kind, out);
    default:
        text_locked(t, kind, out);
        return 0;
    }
}

/* ---- streams --------------------------------------------------------------------------------------------------------- */

/* What is left of the text, from where the last read ended; the text is forgotten behind it. 0: nothing is left. */
static int64_t read_rest(SynFile *s, void *buf, size_t n)
{
    mutex_lock(&s->lock);
    size_t left = s->text.len - (size_t)s->value[0];
    size_t got = left < n ? left : n;
    if (got > 0)
        memcpy(buf, s->text.s + s->value[0], got);
    s->value[0] += got;
    mutex_unlock(&s->lock);
    return (int64_t)got;
}

static int put_rest(SynFile *s, Text *fresh)
{
    int r = text_ok(fresh);
    if (r == 0) {
        mutex_lock(&s->lock);
        Text old = s->text;
        s->text = *fresh;
        s->value[0] = 0;
        mutex_unlock(&s->lock);
        *fresh = old;
    }
    text_free(fresh);
    return r;
}

static int64_t read_signal(Call *c, Chan *ch, void *buf, size_t n)
{
    SynFile *s = syn_of(ch);
    int64_t got = read_rest(s, buf, n);
    if (got > 0 || n == 0)
        return got;
    AUTO_TASK *t = taskfile_task(c, ch->file);
    if (t == NULL)
        return 0;
    int signal;
    int r = signal_take(c, t, &signal, chan_nonblock(c, ch));
    if (r < 0)
        return r;
    Text line = { 0 };
    text_printf(&line, "%d %s\n", signal, signal_name(signal));
    r = put_rest(s, &line);
    return r < 0 ? r : read_rest(s, buf, n);
}

/* ---- lines ----------------------------------------------------------------------------------------------------------- */

static const char *type_word(uint16_t type)
{
    switch (type) {
    case TYPE_DIR:
        return "dir";
    case TYPE_LINK:
        return "link";
    case TYPE_CHAR:
        return "char";
    case TYPE_FIFO:
        return "fifo";
    case TYPE_SOCK:
        return "sock";
    case TYPE_BLOCK:
        return "block";
    default:
        return "file";
    }
}

/* `mode 0755 ` before a path: the bits and where the path begins; else false. */
static bool parse_chmod(const char *line, uint32_t *bits, const char **path)
{
    if (strncmp(line, "mode ", 5) != 0)
        return false;
    const char *p = line + 5;
    *bits = 0;
    while (*p >= '0' && *p <= '7' && *bits <= 07777)
        *bits = *bits * 8 + (uint32_t)(*p++ - '0');
    *path = p + 1;
    return p > line + 5 && *p == ' ' && *bits <= 07777;
}

/* PATH, or `mode BITS PATH`: what it is can then be read. */
static int line_attr(Call *c, Chan *ch, Task *t, const char *line)
{
    char s[PATH_MAX_LEN + 1];
    uint32_t bits;
    const char *path = line;
    bool chmod = parse_chmod(line, &bits, &path);
    AUTO_CHAN Chan *at = NULL;
    int r = task_path(c, t, chmod ? path : line, s);
    if (r == 0)
        r = walk_path(c, walk_task(c, t), s, 0, &at);
    Attr a = { .mode = chmod ? bits : 0 };
    if (r == 0 && chmod)
        r = chan_setattr(c, at, SET_MODE, &a);
    if (r == 0)
        r = chan_getattr(c, at, &a);
    if (r < 0)
        return r == WAIT || c->words[0] != '\0' ? r : fail(c, r, "attr: %.200s", line);
    Text text = { 0 };
    text_printf(&text, "%04o %u %u %llu %llu %llu %s\n", (unsigned)(a.mode & 07777), (unsigned)a.uid, (unsigned)a.gid,
                (unsigned long long)a.ino, (unsigned long long)a.nlink, (unsigned long long)a.rdev,
                type_word((uint16_t)(a.mode & TYPE_MASK)));
    return put_rest(syn_of(ch), &text);
}

static int line_env(Call *c, Task *t, const char *line)
{
    int r = task_check_configurable(c, t, "env");
    if (r < 0)
        return r;
    mutex_lock(&t->lock);
    r = env_set(&t->env, line);
    mutex_unlock(&t->lock);
    return r == -EINVAL ? fail(c, r, "env: NAME=value, or NAME to remove it") : r;
}

static int line_group(Call *c, Task *t, const char *line)
{
    uint64_t group;
    if (parse_u64(line, &group) < 0)
        return fail(c, -EINVAL, "group: %.100s is no number", line);
    return task_set_group(c, t, group);
}

static int whole_line(Call *c, Chan *ch, Task *t, const char *line, size_t len)
{
    if (memchr(line, '\0', len) != NULL)
        return fail(c, -EINVAL, "a NUL byte is inside");
    if (len == 0)
        return 0;
    switch (taskfile_kind(ch->file)) {
    case TF_ENV:
        return line_env(c, t, line);
    case TF_CWD:
        return task_set_cwd(c, t, line);
    case TF_GROUP:
        return line_group(c, t, line);
    default:
        return line_attr(c, ch, t, line);
    }
}

static int run_line(Call *c, void *arg, char *line, size_t len)
{
    Chan *ch = arg;
    AUTO_TASK *t = taskfile_task(c, ch->file);
    if (t == NULL)
        return fail(c, -ENOENT, "task %llu was removed", (unsigned long long)ch->file->space);
    switch (taskfile_kind(ch->file)) {
    case TF_CTL:
        return task_ctl_line(c, t, taskfile_view(ch->file), line, len);
    case TF_NS_CTL:
        return ns_ctl_line(c, t, line, len);
    case TF_FD_CTL: {
        AUTO_TASK *target = call_target(c, t);
        return fd_ctl_line(c, target, (int)taskfile_number(ch->file), line, len);
    }
    default:
        return whole_line(c, ch, t, line, len);
    }
}

/* ---- read and written ------------------------------------------------------------------------------------------------ */

static void note_failure(Call *c, Chan *ch, int64_t r)
{
    if (r >= 0 || r == WAIT || r == -EINTR)
        return;
    if (c->words[0] == '\0')
        (void)fail(c, (int)r, "error %d", (int)-r);
    AUTO_TASK *t = taskfile_task(c, ch->file);
    if (t != NULL)
        task_note_failure(c, t);
}

static bool has_lines(TaskFileKind kind)
{
    return kind == TF_CTL || kind == TF_GROUP || kind == TF_ENV || kind == TF_CWD || kind == TF_ATTR ||
           kind == TF_FD_CTL || kind == TF_NS_CTL;
}

int devtask_flush(Call *c, Chan *ch)
{
    if (!has_lines(taskfile_kind(ch->file)))
        return 0;
    int r = syn_flush(c, syn_of(ch), run_line, ch);
    note_failure(c, ch, r);
    return r;
}

int64_t devtask_read(Call *c, Chan *ch, void *buf, size_t n, uint64_t off)
{
    SynFile *s = syn_of(ch);
    switch (taskfile_kind(ch->file)) {
    case TF_FD:
        return tap_read(c, s->held, buf, n);
    case TF_EVENTS:
        return events_read(c, s->held, buf, n, chan_nonblock(c, ch));
    case TF_SIGNAL:
        return read_signal(c, ch, buf, n);
    case TF_ATTR: {
        int r = devtask_flush(c, ch);
        return r < 0 ? r : read_rest(s, buf, n);
    }
    default:
        return syn_read(c, s, buf, n, off, make_text, ch);
    }
}

/* cmdline and environ: at 0 all is replaced, at the end it goes on. off NULL: at the end, whatever that is. */
static int64_t write_block(Call *c, Chan *ch, const void *buf, size_t n, const uint64_t *off)
{
    AUTO_TASK *t = taskfile_task(c, ch->file);
    bool args = taskfile_kind(ch->file) == TF_CMDLINE;
    const char *name = args ? "cmdline" : "environ";
    if (t == NULL)
        return fail(c, -ENOENT, "task %llu was removed", (unsigned long long)ch->file->space);
    int r = task_check_configurable(c, t, name);
    if (r < 0)
        return r;
    mutex_lock(&t->lock);
    Strv *v = args ? &t->args : &t->env;
    r = off != NULL ? strv_write(v, buf, n, *off) : strv_append_block(v, buf, n);
    mutex_unlock(&t->lock);
    if (r == -EINVAL)
        return fail(c, r, "%s: written at 0, or at its end", name);
    return r < 0 ? r : (int64_t)n;
}

static bool is_block(TaskFileKind kind)
{
    return kind == TF_CMDLINE || kind == TF_ENVIRON;
}

int64_t devtask_write(Call *c, Chan *ch, const void *buf, size_t n, uint64_t off)
{
    int64_t r = is_block(taskfile_kind(ch->file)) ? write_block(c, ch, buf, n, &off)
                                                  : syn_write(c, syn_of(ch), buf, n, run_line, ch);
    note_failure(c, ch, r);
    return r;
}

int64_t devtask_append(Call *c, Chan *ch, const void *buf, size_t n, uint64_t *end)
{
    *end = n;
    if (!is_block(taskfile_kind(ch->file)))
        return devtask_write(c, ch, buf, n, 0);
    int64_t r = write_block(c, ch, buf, n, NULL);
    note_failure(c, ch, r);
    return r;
}

/* c may be NULL: then it is only asked. */
static int wait_ready(Call *c, Chan *ch, unsigned events)
{
    SynFile *s = syn_of(ch);
    AUTO_TASK *t = task_find(s->held, ch->file->space);
    if (t == NULL || (c != NULL && t == c->task))
        return (int)events;         /* the read says why */
    mutex_lock(&t->lock);
    int r = t->state == TASK_DEAD ? (int)(events & READY_READ) : c == NULL ? 0 : wait_arm(c, &t->exited);
    mutex_unlock(&t->lock);
    return r;
}

int devtask_ready(Call *c, Chan *ch, unsigned events, uint64_t *bytes)
{
    SynFile *s = syn_of(ch);
    *bytes = 0;
    switch (taskfile_kind(ch->file)) {
    case TF_FD:
        return tap_ready(c, s->held, bytes);
    case TF_EVENTS:
        return events_ready(c, s->held, bytes);
    case TF_SIGNAL: {
        AUTO_TASK *t = task_find(s->held, ch->file->space);
        mutex_lock(&s->lock);
        *bytes = s->text.len - s->value[0];
        mutex_unlock(&s->lock);
        return *bytes > 0 || t == NULL ? READY_READ : signal_ready(c, t);
    }
    case TF_WAIT:
        return wait_ready(c, ch, events);
    default:
        return (int)events;
    }
}
