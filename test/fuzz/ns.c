/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes namespaces: bytes become binds, hides, seals, forks and changes of files over a small alphabet of names, done by the kernel and
 * by a naive model (test/nsmodel.h). After each, every name to a depth of three must be the same thing in both, with the same rights
 * and the same listing; at the end so must be what a dump rebuilds, and nothing may be left over.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/devmem.h"
#include "kern/nsnode.h"
#include "kern/walkto.h"
#include "test/nsmodel.h"
#include "test/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SPACES = 3, OPS = 40, DEPTH = 3, FILE_SYSTEMS = 8 };

typedef struct Fuzz {
    Call *c;
    Task *task;
    Ns *ns[SPACES];                 /* owned; NULL not made yet */
    MState *model[SPACES];
    unsigned now;                   /* whose names the calls go by */
    unsigned file_systems;
    unsigned fail_at;               /* which allocation of the next operation fails; 0 none */
    const uint8_t *data;
    size_t left;
    char log[1 << 14];
    size_t log_len;
} Fuzz;

static void note(Fuzz *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(Fuzz *f, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    if (f->log_len < sizeof f->log)
        f->log_len += (size_t)vsnprintf(f->log + f->log_len, sizeof f->log - f->log_len, format, list);
    va_end(list);
}

#define MUST(f, cond, ...)                                                                                             \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            note(f, __VA_ARGS__);                                                                                      \
            fprintf(stderr, "%s\n", (f)->log);                                                                         \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static unsigned byte(Fuzz *f)
{
    if (f->left == 0)
        return 0;
    f->left--;
    return *f->data++;
}

/* "" to "ccc", as the model has it, from one byte; real: "/a/b". */
static void path_of(unsigned code, char *path)
{
    unsigned n = code % (DEPTH + 1);
    code /= DEPTH + 1;
    for (unsigned i = 0; i < n; i++, code /= MODEL_NAMES)
        path[i] = (char)('a' + code % MODEL_NAMES);
    path[n] = '\0';
}

static const char *real(const char *path)
{
    static char s[4][3 * MODEL_DEPTH];
    static unsigned next;
    char *p = s[next++ % 4];
    size_t n = 0;
    for (; *path != '\0'; path++) {
        p[n++] = '/';
        p[n++] = *path;
    }
    if (n == 0)
        p[n++] = '/';
    p[n] = '\0';
    return p;
}

/* ---- comparing ---------------------------------------------------------------------------------------------------- */

static int take_entry(void *arg, const Dirent *d)
{
    char *types = arg;
    if (d->name[0] == '.')
        return 0;
    if (d->name[1] != '\0' || d->name[0] < 'a' || d->name[0] >= 'a' + MODEL_NAMES || types[d->name[0] - 'a'] != 0)
        return -EIO;                /* not ours, or twice */
    types[d->name[0] - 'a'] = d->type == TYPE_DIR ? 'd' : 'f';
    return 0;
}

static void compare_listing(Fuzz *f, Chan *ch, const MState *s, const MPlace *p)
{
    char is[MODEL_NAMES] = { 0 }, want[MODEL_NAMES] = { 0 };
    Chan *dir = NULL;
    int r;
    CALL_RUN(f->c, r, chan_open(f->c, ch, OPEN_READ, &dir));
    MUST(f, r == 0, "opening %s: %d", ch->path->s, r);
    CALL_RUN(f->c, r, chan_readdir(f->c, dir, 0, take_entry, is));
    chan_put(dir);
    model_list(s, p, want);
    for (unsigned i = 0; i < MODEL_NAMES; i++) {
        is[i] = is[i] ? is[i] : '-';
        want[i] = want[i] ? want[i] : '-';
    }
    MUST(f, r == 0 && memcmp(is, want, sizeof is) == 0, "listing %s: %d, %.3s where the model has %.3s", ch->path->s, r,
         is, want);
}

static void compare_name(Fuzz *f, Ns *ns, const MState *s, const char *path)
{
    MPlace p;
    Chan *ch = NULL;
    int r, want = model_walk(s, path, &p);
    CALL_RUN(f->c, r, walk_path(f->c, (WalkFrom){ .ns = ns }, real(path), WALK_NOFOLLOW, &ch));
    MUST(f, r == want, "walking to %s: %d, the model has %d", real(path), r, want);
    if (r < 0)
        return;
    bool ro = (ch->flags & CHAN_NO_WRITE) != 0;
    MFile *file = p.file;
    if (file->id == 0) {
        file->space = ch->file->space;
        file->id = ch->file->id;
    }
    MUST(f, (ch->file->dev == &devmem) == (file->fs != 0), "%s is of %s", real(path), ch->file->dev->name);
    MUST(f, ch->file->id == file->id && ch->file->space == file->space, "%s is another file", real(path));
    MUST(f, ro == (p.rdonly || p.self_rdonly), "%s is %s", real(path), ro ? "read-only" : "not read-only");
    MUST(f, file_is_dir(ch->file) == file->dir, "%s is of type %o", real(path), (unsigned)ch->file->type);
    if (file->dir)
        compare_listing(f, ch, s, &p);
    chan_put(ch);
    if (!file->dir || strlen(path) == DEPTH)
        return;
    for (char name = 'a'; name < 'a' + MODEL_NAMES; name++) {
        char below[MODEL_DEPTH + 1];
        snprintf(below, sizeof below, "%s%c", path, name);
        compare_name(f, ns, s, below);
    }
}

/* ---- doing it twice ----------------------------------------------------------------------------------------------- */

/* True when the run goes on: both did it or refused it alike. */
static bool agree(Fuzz *f, int is, int want)
{
    note(f, " = %d\n", is);
    if (is == -E2BIG || is == -ELOOP || want == -E2BIG)
        return false;               /* limits that the model does not have, or smaller ones */
    MUST(f, is == want, "the model has %d", want);
    return true;
}

static void arm(Fuzz *f)
{
    mem_fail_at(f->fail_at);
}

/* True when an allocation failed, and so the operation: then nothing may have changed. */
static bool out_of_memory(Fuzz *f, int r)
{
    bool failed = f->fail_at != 0 && !mem_fail_pending();
    mem_fail_at(0);
    if (!failed || r != -ENOMEM)
        return false;
    note(f, " = -12, by allocation %u\n", f->fail_at);
    return true;
}

static bool do_bind(Fuzz *f)
{
    char src[MODEL_DEPTH + 1], dst[MODEL_DEPTH + 1];
    unsigned flags = byte(f), to = f->now;
    path_of(byte(f), src);
    path_of(byte(f), dst);
    if (flags & 32)
        to = flags >> 6 & 1 ? (f->now + 1) % SPACES : (f->now + 2) % SPACES;
    if (f->ns[to] == NULL)
        to = f->now;
    flags &= 31;
    if ((flags & M_BEFORE) && (flags & M_AFTER))
        flags &= ~(unsigned)M_AFTER;
    note(f, "%u: bind %s%s%s%s%s%s %s in %u", f->now, flags & 1 ? "-r " : "", flags & 2 ? "-b " : "",
         flags & 4 ? "-a " : "", flags & 8 ? "-c " : "", flags & 16 ? "-x " : "", real(src), real(dst), to);
    MPlace from;
    Chan *ch = NULL;
    int r;
    call_begin(f->c);
    arm(f);
    r = walk_path(f->c, walk_self(f->c), real(src), 0, &ch);
    if (r == 0)
        r = ns_bind(f->c, (WalkFrom){ .ns = f->ns[to] }, ch, real(dst), flags);
    call_end(f->c);
    chan_put(ch);
    if (out_of_memory(f, r))
        return true;
    int want = model_walk(f->model[f->now], src, &from);
    if (want == 0)
        want = model_bind(&f->model[to], f->model[f->now], &from, dst, flags);
    return agree(f, r, want);
}

static bool do_unbind(Fuzz *f, bool member)
{
    char src[MODEL_DEPTH + 1], dst[MODEL_DEPTH + 1];
    path_of(byte(f), dst);
    path_of(member ? byte(f) : 0, src);
    note(f, "%u: unbind %s %s", f->now, member ? real(src) : "", real(dst));
    MPlace from;
    Chan *ch = NULL;
    int r = 0;
    call_begin(f->c);
    arm(f);
    if (member)
        r = walk_path(f->c, walk_self(f->c), real(src), 0, &ch);
    if (r == 0)
        r = ns_unbind(f->c, walk_self(f->c), ch, real(dst));
    call_end(f->c);
    chan_put(ch);
    if (out_of_memory(f, r))
        return true;
    int want = member ? model_walk(f->model[f->now], src, &from) : 0;
    if (want == 0)
        want = model_unbind(&f->model[f->now], member ? &from : NULL, dst);
    return agree(f, r, want);
}

static bool do_hide(Fuzz *f)
{
    char dst[MODEL_DEPTH + 1];
    int r;
    path_of(byte(f), dst);
    note(f, "%u: hide %s", f->now, real(dst));
    arm(f);
    CALL_RUN(f->c, r, ns_hide(f->c, walk_self(f->c), real(dst)));
    if (out_of_memory(f, r))
        return true;
    return agree(f, r, model_hide(&f->model[f->now], dst));
}

static bool do_mount(Fuzz *f)
{
    char dst[MODEL_DEPTH + 1];
    int r;
    File *root = NULL;
    path_of(byte(f), dst);
    if (f->file_systems == FILE_SYSTEMS)
        return true;
    note(f, "%u: mount tmpfs %s", f->now, real(dst));
    MFile *top = model_file(true, ++f->file_systems);
    MUST(f, devmem_new(f->c, &root) == 0, "no tmpfs");
    top->space = root->space;
    top->id = root->id;
    MPlace from = model_root_of(top);
    CALL_RUN(f->c, r, ns_mount(f->c, walk_self(f->c), root, "tmpfs", real(dst), BIND_CREATE));
    file_put(root);
    return agree(f, r, model_bind(&f->model[f->now], f->model[f->now], &from, dst, M_CREATE));
}

static int real_make(Call *c, const char *path, bool dir)
{
    char name[NAME_MAX_LEN + 1];
    AUTO_CHAN Chan *in = NULL, *made = NULL;
    int r = walk_parent(c, walk_self(c), path, 0, &in, name, NULL);
    if (r < 0)
        return r;
    return dir ? chan_mkdir(c, in, name, 0755) : chan_create(c, in, name, 0644, OPEN_WRITE | OPEN_EXCL, &made);
}

static bool do_make(Fuzz *f, bool dir, const char *path)
{
    int r;
    MFile *made = NULL;
    note(f, "%u: %s %s", f->now, dir ? "mkdir" : "create", real(path));
    CALL_RUN(f->c, r, real_make(f->c, real(path), dir));
    return agree(f, r, model_make(f->model[f->now], path, dir, &made));
}

static int real_change(Call *c, const char *path, const char *to, int what)
{
    char name[NAME_MAX_LEN + 1], newname[NAME_MAX_LEN + 1];
    AUTO_CHAN Chan *in = NULL, *in_to = NULL;
    if (what == 'l') {
        int r = walk_parent(c, walk_self(c), to, 0, &in_to, newname, NULL);
        r = r < 0 ? r : walk_path(c, walk_self(c), path, WALK_NOFOLLOW, &in);
        return r < 0 ? r : chan_link(c, in, in_to, newname);
    }
    int r = walk_parent(c, walk_self(c), path, 0, &in, name, NULL);
    if (r < 0)
        return r;
    if (what != 'm')
        return chan_unlink(c, in, name, what == 'd');
    r = walk_parent(c, walk_self(c), to, 0, &in_to, newname, NULL);
    return r < 0 ? r : chan_rename(c, in, name, in_to, newname);
}

static bool do_change(Fuzz *f, int what)
{
    char path[MODEL_DEPTH + 1], to[MODEL_DEPTH + 1];
    const MState *s = f->model[f->now];
    int r;
    path_of(byte(f), path);
    path_of(what == 'm' || what == 'l' ? byte(f) : 0, to);
    note(f, "%u: %s %s %s", f->now,
         what == 'm'   ? "mv"
         : what == 'l' ? "ln"
         : what == 'd' ? "rmdir"
                       : "rm",
         real(path), real(to));
    arm(f);
    CALL_RUN(f->c, r, real_change(f->c, real(path), real(to), what));
    if (out_of_memory(f, r))
        return true;
    return agree(f, r,
                 what == 'm'   ? model_rename(s, path, to)
                 : what == 'l' ? model_link(s, path, to)
                               : model_unlink(s, path, what == 'd'));
}

/* The task goes by another namespace. */
static void be(Fuzz *f, unsigned i)
{
    f->now = i;
    ns_unpin(f->c);
    mutex_lock(&f->task->lock);
    f->task->ns = f->ns[i];
    mutex_unlock(&f->task->lock);
}

static void do_fork(Fuzz *f)
{
    unsigned to = (f->now + 1 + byte(f) % (SPACES - 1)) % SPACES;
    int r;
    note(f, "%u: fork to %u\n", f->now, to);
    ns_put(f->ns[to]);
    f->ns[to] = NULL;
    CALL_RUN(f->c, r, ns_fork_for_task(f->c, f->ns[f->now], f->task->account, &f->ns[to]));
    MUST(f, r == 0, "fork: %d", r);
    f->model[to] = f->model[f->now];
    model_seal(&f->model[to]);
}

/* Nothing is left but a bind of the source, which the writer sees before. */
static bool do_clear(Fuzz *f)
{
    char src[MODEL_DEPTH + 1];
    MPlace from;
    Chan *ch = NULL;
    int r;
    path_of(byte(f), src);
    note(f, "%u: clear, bind %s /", f->now, real(src));
    if (model_walk(f->model[f->now], src, &from) < 0) {
        note(f, ": not there\n");
        return true;
    }
    CALL_RUN(f->c, r, walk_path(f->c, walk_self(f->c), real(src), 0, &ch));
    MUST(f, r == 0, "walk: %d", r);
    MUST(f, ns_clear(f->ns[f->now]) == 0, "clear");
    model_clear(&f->model[f->now]);
    CALL_RUN(f->c, r, ns_bind(f->c, walk_self(f->c), ch, "/", 0));
    chan_put(ch);
    return agree(f, r, model_bind(&f->model[f->now], f->model[f->now], &from, "", 0));
}

static bool step(Fuzz *f)
{
    char path[MODEL_DEPTH + 1];
    unsigned code = byte(f), op = code % 16;
    f->fail_at = code >= 192 ? 1 + byte(f) % 32 : 0;
    switch (op) {
    case 0:
        return do_unbind(f, false);
    case 1:
        return do_unbind(f, true);
    case 2:
        return do_hide(f);
    case 3:
        return do_mount(f);
    case 4:
    case 5:
        path_of(byte(f), path);
        return do_make(f, op == 4, path);
    case 6:
        return do_change(f, 'm');
    case 7:
        return do_change(f, 'r');
    case 8:
        return do_change(f, 'd');
    case 9:
        return do_change(f, 'l');
    case 10:
        note(f, "%u: seal\n", f->now);
        MUST(f, ns_seal(f->ns[f->now]) == 0, "seal");
        model_seal(&f->model[f->now]);
        return true;
    case 11:
        do_fork(f);
        return true;
    case 12: {
        unsigned to = byte(f) % SPACES;
        if (f->ns[to] != NULL) {
            note(f, "%u: go to %u\n", f->now, to);
            be(f, to);
        }
        return true;
    }
    case 13:
        return (byte(f) & 7) == 0 ? do_clear(f) : do_bind(f);
    default:
        return do_bind(f);
    }
}

/* ---- the dump ----------------------------------------------------------------------------------------------------- */

/*
 * False: the name is below a directory that is hidden by identity, or that others have replaced by a file. A dump knows no files, and
 * says nothing of it.
 */
static bool replay_line(Fuzz *f, Ns *from, Ns *to, char *line)
{
    char *dst = strrchr(line, ' ') + 1, *k = strstr(line, "/from/");
    unsigned flags = (strstr(line, " -r ") ? BIND_RDONLY : 0) | (strstr(line, " -b ") ? BIND_BEFORE : 0) |
                     (strstr(line, " -a ") ? BIND_AFTER : 0) | (strstr(line, " -c ") ? BIND_CREATE : 0);
    Chan *src = NULL;
    int r = 0;
    if (k != NULL)
        CALL_RUN(f->c, r, ns_source(f->c, from, strtoull(k + 6, NULL, 10), &src));
    MUST(f, r == 0, "dump: %s: source: %d", line, r);
    WalkEnd end = { 0 };
    CALL_RUN(f->c, r, walk_to(f->c, (WalkFrom){ .ns = to }, dst, WALK_MODE_TEXT, WALK_NOFOLLOW, &end));
    bool whole = r == 0;
    if (r == 0)
        chan_put(end.chan);
    if (k != NULL)
        CALL_RUN(f->c, r, ns_bind(f->c, (WalkFrom){ .ns = to }, src, dst, flags));
    else
        CALL_RUN(f->c, r, ns_hide(f->c, (WalkFrom){ .ns = to }, dst));
    chan_put(src);
    MUST(f, r == 0 || !whole, "dump: %s: %d", line, r);
    return whole;
}

static void replay(Fuzz *f)
{
    Text dump = { 0 };
    Ns *from = f->ns[f->now], *to = ns_fork(from, f->task->account);
    MUST(f, to != NULL && ns_clear(to) == 0 && ns_text_dump(from, "/ns", &dump) == 0, "dump");
    note(f, "replaying:\n%s", dump.s == NULL ? "" : dump.s);
    char *rest = dump.s;
    bool whole = true;
    for (char *line = dump.s == NULL ? NULL : strtok_r(dump.s, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        whole = replay_line(f, from, to, line) && whole;
    text_free(&dump);
    be(f, f->now);
    f->task->ns = to;
    if (whole)
        compare_name(f, to, f->model[f->now], "");
    be(f, f->now);
    ns_put(to);
}

/* ---- one run ------------------------------------------------------------------------------------------------------ */

static void begin(Fuzz *f)
{
    static const char *const dirs[] = { "a", "ab", "b", "ba" }, *const files[] = { "c", "aa", "abc", "bc" };
    File *root = NULL;
    MFile *top = model_file(true, ++f->file_systems);
    MPlace from = model_root_of(top);
    f->ns[0] = ns_new(f->task->account);
    f->model[0] = model_state();
    MUST(f, f->ns[0] != NULL && devmem_new(f->c, &root) == 0, "no memory");
    be(f, 0);
    int r;
    CALL_RUN(f->c, r, ns_mount(f->c, walk_self(f->c), root, "tmpfs", "/", 0));
    file_put(root);
    MUST(f, r == 0 && model_bind(&f->model[0], f->model[0], &from, "", 0) == 0 && ns_seal(f->ns[0]) == 0,
         "the root: %d", r);
    model_seal(&f->model[0]);
    for (unsigned i = 0; i < LEN(dirs); i++)
        do_make(f, true, dirs[i]);
    for (unsigned i = 0; i < LEN(files); i++)
        do_make(f, false, files[i]);
    f->log_len = 0;
    compare_name(f, f->ns[0], f->model[0], "");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static World w;
    static Fuzz fuzz;
    Fuzz *f = &fuzz;
    if (w.k == NULL)
        w = world("");
    int64_t before[OBJ_COUNT];
    Ns *own = w.root->ns;
    *f = (Fuzz){ .c = w.call, .task = w.root, .data = data, .left = size };
    ns_unpin(f->c);
    for (unsigned i = 0; i < OBJ_COUNT; i++)
        before[i] = count_of((ObjectKind)i);
    begin(f);
    bool goes_on = true;
    for (unsigned n = 0; goes_on && f->left > 0 && n < OPS; n++) {
        goes_on = step(f);
        if (goes_on)
            compare_name(f, f->ns[f->now], f->model[f->now], "");
    }
    if (goes_on)
        replay(f);
    ns_unpin(f->c);
    for (unsigned i = 0; i < SPACES; i++)
        ns_put(f->ns[i]);
    w.root->ns = own;
    model_reset();
    for (unsigned i = 0; i < OBJ_COUNT; i++)
        MUST(f, count_of((ObjectKind)i) == before[i], "left over: %lld of kind %u",
             (long long)(count_of((ObjectKind)i) - before[i]), i);
    return 0;
}
