/* SPDX-License-Identifier: MIT */
#include "dev/devmem_test.h"
#include "os/local.h"

/* ---- at the same time ----------------------------------------------------------------------------------------------- */

enum { THREADS = 4, TURNS = 1500, NAMES = 4 };

typedef struct Crowd {
    Mem m;
    Mutex lock;                     /* of the test */
    Cond done;
    unsigned running;
    atomic_uint next;
} Crowd;

static const char *const crowd_dirs[NAMES] = { "a", "b", "a/sub", "b/sub" };

/* Anything may have moved; only the errors that can be true are accepted. */
static void crowd_step(Crowd *w, Call *c, uint32_t dice)
{
    static const char *const names[NAMES] = { "x", "y", "sub", "z" };
    AUTO_FILE *from = NULL;
    AUTO_FILE *to = NULL;
    AUTO_FILE *made = NULL;
    int r = lookup(&w->m, crowd_dirs[dice % NAMES], &from);
    int s = lookup(&w->m, crowd_dirs[dice / 4 % NAMES], &to);
    if (r < 0 || s < 0 || from->type != TYPE_DIR || to->type != TYPE_DIR)
        return;
    const char *name = names[dice / 16 % NAMES], *other = names[dice / 64 % NAMES];
    const NameRef far[] = { { "b", 1 }, { "sub", 3 }, { other, strlen(other) } };
    AUTO_FILE *end = NULL;
    int f = devmem.walk_far(c, w->m.root, far, LEN(far), &end);
    TRUE(f == 0 || f == 1 || f == -ENOENT);
    TRUE((f == 0) == (end != NULL));
    switch (dice / 256 % 6) {
    case 0:
        r = devmem.create(c, from, name, 0644, 0, &made);
        break;
    case 1:
        r = devmem.mkdir(c, from, name, 0755, &made);
        break;
    case 2:
        r = devmem.unlink(c, from, name, dice / 2048 % 2 == 0);
        break;
    case 3:
        r = devmem.walk(c, from, name, &made);
        if (r == 0 && !file_is_dir(made))
            r = devmem.link(c, to, other, made);
        break;
    default:
        r = devmem.rename(c, from, name, to, other);
    }
    TRUE(r == 0 || r == -ENOENT || r == -EEXIST || r == -ENOTEMPTY || r == -EISDIR || r == -ENOTDIR || r == -EINVAL);
    if (made != NULL && made->type == TYPE_FILE) {
        Chan ch = { .file = made };
        char buf[100] = "";
        TRUE(devmem.write(c, &ch, buf, sizeof buf, dice % 70000) == sizeof buf);
        TRUE(devmem.read(c, &ch, buf, sizeof buf, dice % 90000) >= 0);
    }
}

static int take_entry(void *arg, const Dirent *e)
{
    (void)arg;
    return e->name[0] == '\0' ? -EIO : 0;
}

static void crowd_run(void *arg)
{
    Crowd *w = arg;
    Call call;
    call_init(&call, &w->m.task);
    uint32_t dice = atomic_fetch_add(&w->next, 1) * 7919u + 1;
    for (int i = 0; i < TURNS; i++) {
        dice = dice * 1664525u + 1013904223u;
        crowd_step(w, &call, dice >> 8);
        Chan ch = { .file = w->m.root };
        if (i % 16 == 0)
            OK(devmem.readdir(&call, &ch, 0, take_entry, NULL));
    }
    call_destroy(&call);
    mutex_lock(&w->lock);
    w->running--;
    cond_wake_all(&w->done);
    mutex_unlock(&w->lock);
}

TEST(threads_may_rename_remove_and_look_at_once)
{
    static Crowd w;
    mem_begin(&w.m);
    mutex_init(&w.lock, RANK_LEAF);
    cond_init(&w.done);
    OK(make_dir(&w.m, "a"));
    OK(make_dir(&w.m, "b"));
    w.running = THREADS;
    lock_shake(50);
    for (int i = 0; i < THREADS; i++)
        OK(worker_run(crowd_run, &w, 0));
    mutex_lock(&w.lock);
    while (w.running > 0)
        cond_wait(&w.done, &w.lock);
    mutex_unlock(&w.lock);
    lock_shake(0);
    mem_end(&w.m);
}

/* A tree is let go of while others are on their way through it: each has a directory of its own to begin in, which it lets go. */
typedef struct Deep {
    Crowd crowd;
    File *top;                      /* of the tree that there is now: owned; crowd.lock */
} Deep;

static File *deep_tree(Mem *m)
{
    static const char *const names[] = { "1", "2", "3" };
    File *root = NULL, *made = NULL;
    OK(devmem_new(&m->call, &root));
    AUTO_FILE *at = file_get(root);
    for (size_t i = 0; i < LEN(names); i++) {
        OK(devmem.mkdir(&m->call, at, names[i], 0755, &made));
        file_put(at);
        at = made;
    }
    return root;
}

static void deep_run(void *arg)
{
    Deep *d = arg;
    static const NameRef names[] = { { "1", 1 }, { "2", 1 }, { "3", 1 } };
    for (int i = 0; i < TURNS; i++) {
        mutex_lock(&d->crowd.lock);
        AUTO_FILE *root = file_get(d->top);
        mutex_unlock(&d->crowd.lock);
        AUTO_FILE *end = NULL, *inner = NULL;
        int r = devmem.walk_far(NULL, root, names, LEN(names), &end);
        TRUE(r == 0 || r == 1);
        r = devmem.walk_far(NULL, root, names, 1, &inner);
        OK(r);
        file_put(STEAL(root));      /* it may have been the last one, but for what is below inner */
        AUTO_FILE *last = NULL;
        r = devmem.walk_far(NULL, inner, names + 1, 2, &last);
        TRUE(r == 0 || r == 1);
    }
    mutex_lock(&d->crowd.lock);
    d->crowd.running--;
    cond_wake_all(&d->crowd.done);
    mutex_unlock(&d->crowd.lock);
}

TEST(a_tree_may_go_while_others_walk_in_it)
{
    static Deep d;
    Crowd *w = &d.crowd;
    mem_begin(&w->m);
    mutex_init(&w->lock, RANK_LEAF);
    cond_init(&w->done);
    d.top = deep_tree(&w->m);
    w->running = THREADS;
    for (int i = 0; i < THREADS; i++)
        OK(worker_run(deep_run, &d, 0));
    for (bool busy = true; busy;) {
        File *next = deep_tree(&w->m);
        mutex_lock(&w->lock);
        File *old = d.top;
        d.top = next;
        busy = w->running > 0;
        mutex_unlock(&w->lock);
        file_put(old);
    }
    file_put(d.top);
    mem_end(&w->m);
}

static void append_run(void *arg)
{
    Crowd *w = arg;
    Call call;
    File *f = must(&w->m, "log");
    Chan ch = { .file = f };
    char line[24];
    call_init(&call, &w->m.task);
    unsigned me = atomic_fetch_add(&w->next, 1);
    for (int i = 0; i < TURNS; i++) {
        uint64_t end;
        snprintf(line, sizeof line, "%u%05d\n", me, i);
        EQ(devmem.append(&call, &ch, line, 7, &end), 7);
        EQ(end % 7, 0);
    }
    file_put(f);
    call_destroy(&call);
    mutex_lock(&w->lock);
    w->running--;
    cond_wake_all(&w->done);
    mutex_unlock(&w->lock);
}

TEST(appends_of_several_threads_are_whole)
{
    static Crowd w;
    mem_begin(&w.m);
    mutex_init(&w.lock, RANK_LEAF);
    cond_init(&w.done);
    OK(make_file(&w.m, "log"));
    w.running = THREADS;
    for (int i = 0; i < THREADS; i++)
        OK(worker_run(append_run, &w, 0));
    mutex_lock(&w.lock);
    while (w.running > 0)
        cond_wait(&w.done, &w.lock);
    mutex_unlock(&w.lock);
    File *f = must(&w.m, "log");
    int next[THREADS] = { 0 };
    for (uint64_t off = 0; off < (uint64_t)THREADS * TURNS * 7; off += 7) {
        char line[8] = "";
        unsigned who = 0;
        int number = -1;
        EQ(read_file(&w.m, f, line, 7, off), 7);
        EQ(sscanf(line, "%1u%5d\n", &who, &number), 2);
        EQ(number, next[who]++);
    }
    file_put(f);
    mem_end(&w.m);
}
