/* SPDX-License-Identifier: MIT */
/*
 * A whole session: tasks made, configured, wired, started, tapped, fed, waited for and removed. It runs again and again, and each
 * time the next one of its waits is interrupted, or is where its task is killed; then every allocation of it fails in turn.
 * Interrupted calls are simply made again, so the result is always the same. Nothing is ever left.
 */
#include <stdio.h>
#include <string.h>

#include "dev/devcap.h"
#include "dev/devdev.h"
#include "dev/devmem.h"
#include "dev/devtask.h"
#include "kern/life.h"
#include "test/slowdev.h"
#include "test/testengine.h"
#include "test/world.h"

/* ---- what happens at which wait -------------------------------------------------------------------------------------- */

typedef enum Trouble { NO_TROUBLE, TROUBLE_INTERRUPT, TROUBLE_KILL } Trouble;

static Trouble trouble;
static unsigned trouble_at, waits;              /* of the session's own thread */

typedef struct Session {
    Call *c;
    Actor *a;                       /* NULL: the root itself */
} Session;

static void waits_now(Session *s)
{
    if (++waits != trouble_at)
        return;
    if (trouble == TROUBLE_INTERRUPT)
        call_interrupt(s->c);
    else if (trouble == TROUBLE_KILL)
        task_signal(s->c->task, SIG_KILL);
}

static bool ended(Session *s)
{
    return s->a != NULL && !act_on(s->a);
}

/* One call, made again when it is interrupted. -EINTR: the task is to end. */
#define STEP(s, r, expr)                                                                                               \
    do {                                                                                                               \
        call_begin((s)->c);                                                                                            \
        while (((r) = (expr)) == WAIT) {                                                                               \
            waits_now(s);                                                                                              \
            if (((r) = call_park((s)->c)) < 0)                                                                         \
                break;                                                                                                 \
        }                                                                                                              \
        call_end((s)->c);                                                                                              \
    } while (!ended(s) && (r) == -EINTR && trouble != TROUBLE_KILL)

/* ---- its calls ------------------------------------------------------------------------------------------------------- */

static int s_open(Session *s, const char *path, unsigned flags, Chan **out)
{
    int r;
    STEP(s, r, walk_open(s->c, walk_self(s->c), path, 0, flags, 0644, out));
    if (r == 0)
        chan_hold(*out, true);
    return r;
}

static int s_close(Session *s, Chan *ch)
{
    int r = chan_unhold(s->c, ch, true);
    chan_put(ch);
    (void)s;
    return r;
}

static int s_write(Session *s, Chan *ch, const char *text)
{
    int64_t r;
    STEP(s, r, chan_write_pos(s->c, ch, text, strlen(text)));
    return r < 0 ? (int)r : 0;
}

/* One read. */
static int64_t s_read(Session *s, Chan *ch, char *buf, size_t n)
{
    int64_t r;
    STEP(s, r, chan_read_pos(s->c, ch, buf, n - 1));
    buf[r > 0 ? r : 0] = '\0';
    return r;
}

static int s_put(Session *s, const char *path, const char *text)
{
    Chan *ch = NULL;
    char line[256];
    snprintf(line, sizeof line, "%s\n", text);
    int r = s_open(s, path, OPEN_WRITE | OPEN_CREATE, &ch);
    if (r == 0)
        r = s_write(s, ch, line);
    if (ch != NULL)
        (void)s_close(s, ch);
    return r;
}

static int s_get(Session *s, const char *path, char *buf, size_t n)
{
    Chan *ch = NULL;
    int64_t r = s_open(s, path, OPEN_READ, &ch);
    if (r == 0)
        r = s_read(s, ch, buf, n);
    if (ch != NULL)
        (void)s_close(s, ch);
    return r < 0 ? (int)r : 0;
}

/* The path of a file of task id. Good for the next few calls. */
static const char *of(const char *id, const char *file)
{
    static char paths[8][64];
    static unsigned next;
    char *s = paths[next++ % LEN(paths)];
    snprintf(s, sizeof paths[0], "/task/%.16s/%s", id, file);
    return s;
}

static int s_new(Session *s, char *id)
{
    int r = s_get(s, "/task/new", id, 24);
    id[strcspn(id, "\n")] = '\0';
    return r;
}

#define TRY(expr)                                                                                                      \
    do {                                                                                                               \
        int try_r_ = (expr);                                                                                           \
        if (try_r_ < 0)                                                                                                \
            return try_r_;                                                                                             \
    } while (0)

/* ---- the session ----------------------------------------------------------------------------------------------------- */

PROGRAM(session_cat)
{
    char s[256];
    int64_t n;
    while ((n = act_read(a, 0, s, sizeof s)) > 0)
        if (act_write(a, 1, s, (size_t)n) < 0)
            return 2;
    return n < 0 ? 1 : 0;
}

PROGRAM(session_nap)
{
    (void)act_sleep(a, 2);
    return 3;
}

static int configure(Session *s, const char *a, const char *b)
{
    char line[64];
    TRY(s_put(s, of(a, "env"), "GREETING=hello there"));
    TRY(s_put(s, of(a, "cwd"), "/slow"));
    TRY(s_put(s, of(a, "ns/ctl"), "bind -r /slow/dir /a/b/c"));
    TRY(s_put(s, of(a, "ns/ctl"), "mount tmpfs /own"));
    TRY(s_put(s, of(a, "ns/ctl"), "hide /slow/dir/secret"));
    TRY(s_put(s, of(a, "ns/ctl"), "bind -a -c /slow /slow/dir"));
    TRY(s_put(s, of(a, "ctl"), "memlimit 64M"));
    TRY(s_put(s, of(a, "ctl"), "cmd /slow/bin/cat one 'two words'"));
    TRY(s_put(s, of(b, "ctl"), "cmd /slow/bin/cat"));
    snprintf(line, sizeof line, "pipe %.16s/fd/0", b);
    TRY(s_put(s, of(a, "fd/1/ctl"), line));
    TRY(s_put(s, of(b, "fd/1/ctl"), "dup /tmp/out"));
    return s_put(s, of(b, "fd/5/ctl"), "dup /slow/file");
}

/* Two programs, a pipe between them, and what goes through it seen on its way. */
static int run_two(Session *s, const char *a, const char *b, Chan *feed, Chan *tap)
{
    char text[64];
    TRY(s_put(s, of(a, "ctl"), "start"));
    TRY(s_put(s, of(b, "ctl"), "start"));
    for (int i = 0; i < 3; i++) {
        int64_t r;
        TRY(s_write(s, feed, "abc"));
        if ((r = s_read(s, tap, text, sizeof text)) < 0)
            return (int)r;
        STR_EQ(text, "abc");
    }
    return 0;
}

static int see_the_end(Session *s, const char *a, const char *b)
{
    char text[64];
    TRY(s_get(s, of(a, "wait"), text, sizeof text));
    STR_EQ(text, "0\n");
    TRY(s_get(s, of(b, "wait"), text, sizeof text));
    STR_EQ(text, "0\n");
    TRY(s_get(s, "/tmp/out", text, sizeof text));
    STR_EQ(text, "abcabcabc");
    TRY(s_get(s, of(b, "fd/1"), text, sizeof text));
    STR_EQ(text, "abcabcabc");
    return 0;
}

static int s_lines(Session *s, Chan *ch, int n)
{
    char text[64];
    while (n > 0) {
        int64_t r = s_read(s, ch, text, sizeof text);
        if (r < 0)
            return (int)r;
        for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
            n--;
    }
    return 0;
}

/* c holds a lock until it ends; d gets it then. */
static int wait_for_a_lock(Session *s, Chan *events)
{
    char c[24], d[24], text[64];
    TRY(s_new(s, c));
    TRY(s_new(s, d));
    TRY(s_put(s, of(c, "fd/3/ctl"), "dup /slow/file rw"));
    TRY(s_put(s, of(d, "fd/3/ctl"), "dup /slow/file rw"));
    TRY(s_put(s, of(c, "fd/3/ctl"), "lock w"));
    TRY(s_put(s, of(c, "ctl"), "cmd /slow/bin/nap"));
    TRY(s_put(s, of(c, "ctl"), "start"));
    TRY(s_put(s, of(d, "fd/3/ctl"), "lock w 1 2"));
    TRY(s_lines(s, events, 3));     /* the third exit of a child is this one's */
    TRY(s_get(s, of(c, "exitcode"), text, sizeof text));
    STR_EQ(text, "3\n");
    TRY(s_put(s, of(c, "ctl"), "remove"));
    return s_put(s, of(d, "ctl"), "remove");
}

static int with_open(Session *s, Chan *events, Chan **feed, Chan **tap)
{
    char a[24], b[24], text[64], cap[24];
    TRY(s_new(s, a));
    TRY(s_new(s, b));
    TRY(configure(s, a, b));
    TRY(s_open(s, of(a, "fd/0"), OPEN_WRITE, feed));
    TRY(s_open(s, of(a, "fd/1"), OPEN_READ, tap));
    TRY(run_two(s, a, b, *feed, *tap));
    (void)s_close(s, STEAL(*feed));
    TRY(see_the_end(s, a, b));
    TRY(wait_for_a_lock(s, events));
    TRY(s_get(s, "/cap/new/pipe", cap, sizeof cap));
    cap[strcspn(cap, "\n")] = '\0';
    snprintf(text, sizeof text, "/cap/%.16s/ctl", cap);
    TRY(s_put(s, text, "remove"));
    TRY(s_put(s, of(a, "ctl"), "remove"));
    return s_put(s, of(b, "ctl"), "remove");
}

static int session(Session *s)
{
    Chan *events = NULL, *feed = NULL, *tap = NULL;
    int r = s_open(s, "/task/self/events", OPEN_READ, &events);
    if (r == 0)
        r = with_open(s, events, &feed, &tap);
    Chan *open[] = { events, feed, tap };
    for (unsigned i = 0; i < LEN(open); i++)
        if (open[i] != NULL)
            (void)s_close(s, open[i]);
    return r;
}

/* ---- run ------------------------------------------------------------------------------------------------------------- */

static int s_mkdir(Session *s, const char *path)
{
    AUTO_CHAN Chan *dir = NULL;
    char name[NAME_MAX_LEN + 1];
    int r;
    STEP(s, r, walk_parent(s->c, walk_self(s->c), path, 0, &dir, name, NULL));
    if (r == 0)
        STEP(s, r, chan_mkdir(s->c, dir, name, 0755));
    return r;
}

static int prepare(Session *s)
{
    TRY(s_mkdir(s, "/slow"));
    TRY(s_mkdir(s, "/slow/bin"));
    TRY(s_mkdir(s, "/slow/dir"));
    TRY(s_put(s, "/slow/bin/cat", "test:session_cat"));
    TRY(s_put(s, "/slow/bin/nap", "test:session_nap"));
    TRY(s_put(s, "/slow/bin/session", "test:session_task"));
    TRY(s_put(s, "/slow/dir/secret", "x"));
    return s_put(s, "/slow/file", "text");
}

/* The world, but its files are on a device that makes the calls of tasks wait: the session's, since the others only use /tmp. */
static int put_at(Call *c, File *f, const char *what, const char *dst)
{
    int r = f == NULL ? -ENOMEM : ns_mount(c, walk_self(c), f, what, dst, 0);
    file_put(f);
    return r;
}

static int slow_populate(Call *c, Kernel *k)
{
    (void)k;
    File *root = NULL, *tmp = NULL;
    slow_set(trouble == TROUBLE_INTERRUPT ? SLOW_INTERRUPT : SLOW_WAIT, 2);
    int r = slow_new(c, &root);
    if (r == 0)
        r = put_at(c, root, "tmpfs", "/");
    if (r == 0)
        r = devmem_new(c, &tmp);
    if (r == 0)
        r = put_at(c, tmp, "tmpfs", "/tmp");
    if (r == 0)
        r = put_at(c, devdev_root(), "dev", "/dev");
    if (r == 0)
        r = put_at(c, devtask_view(), "task", "/task");
    return r < 0 ? r : put_at(c, devcap_view(), "cap", "/cap");
}

static World slow_world(void)
{
    static BootList list;
    World w = { .call = mem_alloc(sizeof *w.call) };
    for (unsigned i = 0; i < OBJ_COUNT; i++)
        w.before[i] = count_of((ObjectKind)i);
    list = world_list;
    list.populate = slow_populate;
    OK(kernel_boot(&list, 1000, 1000, &w.k));
    w.root = w.k->root;
    call_init(w.call, w.root);
    Session s = { .c = w.call };
    OK(prepare(&s));
    return w;
}

PROGRAM(session_task)
{
    Session s = { .c = a->call, .a = a };
    return session(&s) < 0 ? 1 : 0;
}

/* How many waits the session had. */
static unsigned run_as_root(Trouble what, unsigned at)
{
    World w = world("/tmp/");
    Session s = { .c = w.call };
    OK(prepare(&s));
    trouble = what;
    trouble_at = at;
    waits = 0;
    OK(session(&s));
    trouble = NO_TROUBLE;
    world_end(&w);
    return waits;
}

static unsigned run_as_task(Trouble what, unsigned at)
{
    trouble = what;
    World w = slow_world();
    int64_t tasks = count_of(OBJ_TASK);
    uint64_t id = world_new(&w);
    OK(world_ctl(&w, id, "cmd /slow/bin/session"));
    trouble_at = at;
    waits = 0;
    OK(world_ctl(&w, id, "start"));
    int code = world_wait(&w, id);
    slow_set(SLOW_OFF, 1);
    if (what == TROUBLE_KILL && waits >= at)
        EQ(code, 137);
    else
        EQ(code, 0);
    trouble = NO_TROUBLE;
    OK(world_ctl(&w, id, "remove"));
    /* What it made is the root's now: whatever it is, it can be ended and is gone then. */
    uint64_t child;
    while (task_child_ids(w.root, id, &child, 1) == 1) {
        (void)world_ctl(&w, child, "kill KILL");
        (void)world_read(&w, world_path(child, "wait"));
        OK(world_ctl(&w, child, "remove"));
    }
    for (int i = 0; i < 10000 && count_of(OBJ_TASK) != tasks; i++)
        thread_yield();             /* a thread that has ended its task lets go of it last */
    EQ(count_of(OBJ_TASK), tasks);
    world_end(&w);
    return waits;
}

/* How many waits there are differs from run to run; three runs in a row without this one are the end. */
static unsigned at_every_wait(unsigned (*run)(Trouble what, unsigned at), Trouble what)
{
    unsigned at = 1;
    for (unsigned without = 0; without < 3; at++)
        without = run(what, at) < at ? without + 1 : 0;
    return at;
}

TEST_SLOW(every_wait_of_a_session_is_interrupted, 60)
{
    TRUE(at_every_wait(run_as_root, TROUBLE_INTERRUPT) > 3);
}

TEST_SLOW(every_wait_of_a_task_is_interrupted, 60)
{
    TRUE(at_every_wait(run_as_task, TROUBLE_INTERRUPT) > 50);
}

TEST_SLOW(a_task_is_killed_at_every_wait, 120)
{
    TRUE(at_every_wait(run_as_task, TROUBLE_KILL) > 50);
}

/* ---- without memory -------------------------------------------------------------------------------------------------- */

/* The whole kernel, from its boot to its end. A call that fails for memory ends the session early; nothing is left. */
static int boot_and_run(void)
{
    Kernel *k = NULL;
    int r = kernel_boot(&world_list, 1000, 1000, &k);
    if (r < 0)
        return r;
    Call c;
    call_init(&c, k->root);
    Session s = { .c = &c };
    r = s_mkdir(&s, "/tmp");
    if (r == 0)
        r = prepare(&s);
    if (r == 0)
        r = session(&s);
    call_destroy(&c);
    kernel_end(k);
    return r;
}

static int64_t objects(int64_t *each)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < OBJ_COUNT; i++)
        sum += each[i] = count_of((ObjectKind)i);
    return sum;
}

TEST_SLOW(every_allocation_of_a_session_fails_once, 120)
{
    int64_t before[OBJ_COUNT], after[OBJ_COUNT];
    trouble = NO_TROUBLE;
    for (unsigned n = 1;; n++) {
        (void)objects(before);
        mem_fail_at(n);
        int r = boot_and_run();
        bool none = mem_fail_pending();
        mem_fail_at(0);
        (void)objects(after);
        for (unsigned i = 0; i < OBJ_COUNT; i++)
            if (before[i] != after[i])
                FAIL("allocation %u: kind %u, %lld before, %lld after (result %d)", n, i, (long long)before[i],
                     (long long)after[i], r);
        if (none) {
            OK(r);
            break;
        }
        NE(r, -EINTR);
    }
}
