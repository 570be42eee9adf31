/* SPDX-License-Identifier: MIT */
/*
 * A kernel to test in. Everything goes through the files that a user has.
 */
#include "test/world.h"

#include <stdio.h>
#include <string.h>

#include "dev/devcap.h"
#include "dev/devdev.h"
#include "dev/devmem.h"
#include "dev/devpipe.h"
#include "dev/devtask.h"
#include "kern/text.h"
#include "test/testengine.h"

enum { TEXT_MAX = 1 << 18, TEXTS = 16, PATHS = 8, PATH_ROOM = 128 };

static int put_in(Call *c, File *f, const char *what, const char *dst)
{
    if (f == NULL)
        return -ENOMEM;
    int r = ns_mount(c, walk_self(c), f, what, dst, 0);
    file_put(f);
    return r;
}

static int populate(Call *c, Kernel *k)
{
    (void)k;
    File *root = NULL;
    int r = devmem_new(c, &root);
    if (r == 0)
        r = put_in(c, root, "tmpfs", "/");
    if (r == 0)
        r = put_in(c, devdev_root(), "dev", "/dev");
    if (r == 0)
        r = put_in(c, devtask_view(), "task", "/task");
    return r < 0 ? r : put_in(c, devcap_view(), "cap", "/cap");
}

static const Engine *const engines[] = { &test_engine, NULL };
static const MountType *const mounts[] = { &mount_tmpfs, NULL };
static const CapKind *const caps[] = { &cap_pipe, &cap_tmpfs, NULL };

const BootList world_list = {
    .engines = engines,
    .mounts = mounts,
    .caps = caps,
    .populate = populate,
    .pipe = devpipe_new,
    .task_view = devtask_view,
    .is_task_view = devtask_is_view,
    .fd_file = devtask_fd_file,
    .cap_view = devcap_view,
    .is_cap_view = devcap_is_view,
    .task_exited = devcap_task_exited,
    .null_file = devdev_null,
};

/* ---- files ----------------------------------------------------------------------------------------------------------- */

int world_open(World *w, const char *path, unsigned flags, Chan **out)
{
    int r;
    CALL_RUN(w->call, r, walk_open(w->call, walk_self(w->call), path, 0, flags, 0666, out));
    if (r == 0)
        chan_hold(*out, true);
    return r;
}

int world_close(World *w, Chan *ch)
{
    int r;
    bool held = true;
    call_begin(w->call);
    while ((r = held ? chan_unhold(w->call, ch, true) : 0) == WAIT) {
        chan_hold(ch, true);
        if ((r = call_park(w->call)) < 0)
            break;
    }
    call_end(w->call);
    chan_put(ch);
    return r;
}

int64_t world_get(World *w, Chan *ch, void *buf, size_t n)
{
    int64_t r;
    CALL_RUN(w->call, r, chan_read_pos(w->call, ch, buf, n));
    return r;
}

int64_t world_put(World *w, Chan *ch, const char *s)
{
    size_t n = strlen(s), done = 0;
    int64_t r = 0;
    while (done < n && r >= 0) {
        CALL_RUN(w->call, r, chan_write_pos(w->call, ch, s + done, n - done));
        done += r > 0 ? (size_t)r : 0;
    }
    return r < 0 ? r : (int64_t)n;
}

int64_t world_try(World *w, Chan *ch, void *buf, size_t n)
{
    w->call->mode |= CALL_NONBLOCK;
    int64_t r = world_get(w, ch, buf, n);
    w->call->mode = 0;
    return r;
}

const char *world_read(World *w, const char *path)
{
    static char texts[TEXTS][TEXT_MAX];         /* not a thread's own: a stack would have to hold them */
    static atomic_uint next;
    char *s = texts[atomic_fetch_add(&next, 1) % TEXTS];
    Chan *ch;
    int64_t got = 0, r = world_open(w, path, OPEN_READ, &ch);
    if (r == 0) {
        while (got < TEXT_MAX - 1 && (r = world_get(w, ch, s + got, (size_t)(TEXT_MAX - 1 - got))) > 0)
            got += r;
        char words[sizeof w->call->words];
        memcpy(words, w->call->words, sizeof words);
        int end = world_close(w, ch);
        if (end == 0)
            memcpy(w->call->words, words, sizeof words);
        r = r < 0 ? r : end;
    }
    s[got] = '\0';
    if (r < 0)
        snprintf(s, TEXT_MAX, "error %d", (int)-r);
    return s;
}

int world_write(World *w, const char *path, const char *text)
{
    Chan *ch;
    int r = world_open(w, path, OPEN_WRITE | OPEN_CREATE | OPEN_TRUNC, &ch);
    if (r < 0)
        return r;
    int64_t put = world_put(w, ch, text);
    char words[sizeof w->call->words];
    memcpy(words, w->call->words, sizeof words);
    r = world_close(w, ch);
    if (put < 0)
        memcpy(w->call->words, words, sizeof words);
    return put < 0 ? (int)put : r;
}

const char *world_words(World *w)
{
    return w->call->words;
}

/* ---- tasks ----------------------------------------------------------------------------------------------------------- */

static uint64_t number(const char *s)
{
    uint64_t n = 0;
    for (; *s >= '0' && *s <= '9'; s++)
        n = n * 10 + (uint64_t)(*s - '0');
    return n;
}

uint64_t world_new(World *w)
{
    const char *s = world_read(w, "/task/new");
    uint64_t id = number(s);
    if (id == 0)
        FAIL("/task/new: %s", s);
    return id;
}

const char *world_path(uint64_t id, const char *file)
{
    static char paths[PATHS][PATH_ROOM];
    static unsigned next;
    char *s = paths[next++ % PATHS];
    snprintf(s, PATH_ROOM, "/task/%llu/%s", (unsigned long long)id, file);
    return s;
}

int world_ctl(World *w, uint64_t id, const char *line)
{
    return world_write(w, world_path(id, "ctl"), line);
}

uint64_t world_start(World *w, const char *command)
{
    uint64_t id = world_new(w);
    char line[512];
    snprintf(line, sizeof line, "cmd %s\nstart\n", command);
    int r = world_ctl(w, id, line);
    if (r < 0)
        FAIL("%s: %d %s", command, r, world_words(w));
    return id;
}

int world_wait(World *w, uint64_t id)
{
    const char *s = world_read(w, world_path(id, "wait"));
    if (s[0] < '0' || s[0] > '9')
        FAIL("wait for %llu: %s", (unsigned long long)id, s);
    return (int)number(s);
}

int world_run(World *w, const char *command)
{
    return world_wait(w, world_start(w, command));
}

void world_until(World *w, const char *path, const char *text)
{
    const char *s = "";
    uint64_t end = clock_now(CLOCK_MONO) + UINT64_C(5000000000) * test_stretch();
    while (clock_now(CLOCK_MONO) < end) {
        s = world_read(w, path);
        if (strcmp(s, text) == 0)
            return;
        thread_yield();
    }
    FAIL("%s stays %s", path, s);
}

/* ---- begun and ended ------------------------------------------------------------------------------------------------- */

/* The directories above path. */
static int make_dirs(World *w, const char *path)
{
    char s[PATH_MAX_LEN + 1], name[NAME_MAX_LEN + 1];
    for (const char *slash = path; (slash = strchr(slash + 1, '/')) != NULL;) {
        AUTO_CHAN Chan *dir = NULL;
        int r;
        memcpy(s, path, (size_t)(slash - path));
        s[slash - path] = '\0';
        CALL_RUN(w->call, r, walk_parent(w->call, walk_self(w->call), s, 0, &dir, name, NULL));
        if (r == 0)
            CALL_RUN(w->call, r, chan_mkdir(w->call, dir, name, 0755));
        if (r < 0 && r != -EEXIST)
            return r;
    }
    return 0;
}

static void make_files(World *w, const char *files)
{
    char line[4096], *words[64];
    snprintf(line, sizeof line, "%s", files);
    int n = ctl_split(line, strlen(line), words, LEN(words));
    OK(n);
    for (int i = 0; i < n; i++) {
        char *value = strchr(words[i], '=');
        if (value != NULL)
            *value++ = '\0';
        OK(make_dirs(w, words[i]));
        if (value != NULL)
            OK(world_write(w, words[i], value));
    }
}

World world(const char *files)
{
    World w = { 0 };
    for (unsigned i = 0; i < OBJ_COUNT; i++)
        w.before[i] = count_of((ObjectKind)i);
    OK(kernel_boot(&world_list, 1000, 1000, &w.k));
    w.root = w.k->root;
    w.call = mem_alloc(sizeof *w.call);
    TRUE(w.call != NULL);
    call_init(w.call, w.root);
    make_files(&w, files);
    return w;
}

void world_end(World *w)
{
    call_destroy(w->call);
    mem_free(w->call);
    kernel_end(w->k);
    for (unsigned i = 0; i < OBJ_COUNT; i++)
        if (count_of((ObjectKind)i) != w->before[i]) {
            Text now = { 0 };
            count_text(&now);
            FAIL("kind %u: %lld objects, before %lld; now\n%s", i, (long long)count_of((ObjectKind)i),
                 (long long)w->before[i], now.s);
        }
}
