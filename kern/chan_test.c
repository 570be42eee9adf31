/* SPDX-License-Identifier: MIT */
#include "kern/chan.h"

#include <stdio.h>
#include <string.h>

#include "test/names.h"

#define CTL(...) names_ctl(&w, NULL, __VA_ARGS__)
#define SHOW(path) names_show(&w, path)

static Chan *open_file(World *w, const char *path, unsigned flags)
{
    Chan *ch = NULL;
    OK(world_open(w, path, flags, &ch));
    return ch;
}

/* ---- opening ------------------------------------------------------------------------------------------------------ */

TEST(opening_what_is_there_or_not)
{
    World w = world("/a/x=1");
    OK(names_symlink(&w, "x", "/a/l"));
    EQ(names_open(&w, "/a", OPEN_WRITE), -EISDIR);
    EQ(names_open(&w, "/a", OPEN_READ | OPEN_TRUNC), -EISDIR);
    EQ(names_open(&w, "/a", OPEN_READ | OPEN_CREATE), -EISDIR);
    OK(names_open(&w, "/a", OPEN_READ));
    OK(names_open(&w, "/a", OPEN_READ | OPEN_DIRECTORY));
    EQ(names_open(&w, "/a/x", OPEN_READ | OPEN_DIRECTORY), -ENOTDIR);
    EQ(names_open(&w, "/a/n", OPEN_READ), -ENOENT);
    EQ(names_open(&w, "/a/x", OPEN_READ | OPEN_CREATE | OPEN_EXCL), -EEXIST);
    OK(names_open(&w, "/a/n", OPEN_READ | OPEN_CREATE | OPEN_EXCL));
    AUTO_CHAN Chan *l = NULL, *o = NULL;
    OK(names_walk(&w, "/a/l", WALK_NOFOLLOW, &l));
    EQ(RUN_CALL(chan_open(w.call, l, OPEN_READ, &o)), -ELOOP);
    chan_put(STEAL(l));
    world_end(&w);
}

TEST(create_opens_an_existing_file)
{
    World w = world("/a/x=123 /b/y=4");
    AUTO_CHAN Chan *a = NULL, *o = NULL;
    Call *c = w.call;
    OK(names_walk(&w, "/a", 0, &a));
    OK(RUN_CALL(chan_create(c, a, "x", 0666, OPEN_READ, &o)));
    char buf[8] = "";
    EQ(RUN_CALL(chan_read(c, o, buf, 8, 0)), 3);
    chan_put(STEAL(o));
    OK(RUN_CALL(chan_create(c, a, "x", 0666, OPEN_WRITE | OPEN_TRUNC, &o)));
    chan_put(STEAL(o));
    STR_EQ(SHOW("/a/x"), "");
    EQ(RUN_CALL(chan_create(c, a, "x", 0666, OPEN_WRITE | OPEN_EXCL, &o)), -EEXIST);
    OK(CTL("bind /b/y /a/z"));
    OK(RUN_CALL(chan_create(c, a, "z", 0666, OPEN_READ, &o)));
    EQ(RUN_CALL(chan_read(c, o, buf, 8, 0)), 1);
    chan_put(STEAL(o));
    EQ(RUN_CALL(chan_create(c, a, "", 0666, OPEN_READ, &o)), -ENOENT);
    EQ(RUN_CALL(chan_create(c, a, "..", 0666, OPEN_READ, &o)), -EINVAL);
    EQ(RUN_CALL(chan_create(c, a, "p/q", 0666, OPEN_READ, &o)), -EINVAL);
    AUTO_CHAN Chan *x = NULL;
    OK(names_walk(&w, "/a/x", 0, &x));
    EQ(RUN_CALL(chan_create(c, x, "y", 0666, OPEN_READ, &o)), -ENOTDIR);
    EQ(RUN_CALL(chan_mkdir(c, x, "y", 0755)), -ENOTDIR);
    EQ(RUN_CALL(chan_unlink(c, x, "y", false)), -ENOTDIR);
    chan_put(STEAL(x));
    chan_put(STEAL(a));
    world_end(&w);
}

/* As a door asks, without a look before: what is there already keeps the rights of the place. */
TEST(create_finds_an_existing_file_read_only)
{
    World w = world("/a/x=123");
    AUTO_CHAN Chan *ro = NULL, *o = NULL;
    Attr attr = { .mode = 0600 };
    OK(CTL("bind -r /a /ro"));
    OK(names_walk(&w, "/ro", 0, &ro));
    EQ(RUN_CALL(chan_create(w.call, ro, "x", 0666, OPEN_WRITE, &o)), -EROFS);
    EQ(RUN_CALL(chan_create(w.call, ro, "x", 0666, OPEN_READ | OPEN_TRUNC, &o)), -EROFS);
    OK(RUN_CALL(chan_create(w.call, ro, "x", 0666, OPEN_READ, &o)));
    EQ(RUN_CALL(chan_setattr(w.call, o, SET_MODE, &attr)), -EROFS);
    chan_put(STEAL(o));
    chan_put(STEAL(ro));
    STR_EQ(SHOW("/a/x"), "123");
    world_end(&w);
}

TEST(modes_are_permissions_only)
{
    World w = world("/a/");
    AUTO_CHAN Chan *a = NULL, *o = NULL;
    OK(names_walk(&w, "/a", 0, &a));
    OK(RUN_CALL(chan_create(w.call, a, "x", 0100644, OPEN_WRITE, &o)));
    chan_put(STEAL(o));
    EQ(names_mode(&w, "/a/x"), TYPE_FILE | 0644);
    OK(names_chmod(&w, "/a/x", 0600));
    EQ(names_mode(&w, "/a/x"), TYPE_FILE | 0600);
    chan_put(STEAL(a));
    world_end(&w);
}

/* ---- reading, writing, the position ------------------------------------------------------------------------------- */

TEST(the_position_moves)
{
    World w = world("/x=0123456789");
    Chan *ch = open_file(&w, "/x", OPEN_READ | OPEN_WRITE);
    char buf[8];
    uint64_t pos;
    EQ(RUN_CALL(chan_read_pos(w.call, ch, buf, 4)), 4);
    EQ(RUN_CALL(chan_write_pos(w.call, ch, "ab", 2)), 2);
    EQ(RUN_CALL(chan_read_pos(w.call, ch, buf, 2)), 2);
    MEM_EQ(buf, "67", 2);
    OK(RUN_CALL(chan_seek(w.call, ch, -3, SEEK_FROM_END, &pos)));
    EQ(pos, 7);
    OK(RUN_CALL(chan_seek(w.call, ch, 1, SEEK_FROM_HERE, &pos)));
    EQ(RUN_CALL(chan_read_pos(w.call, ch, buf, 8)), 2);
    EQ(RUN_CALL(chan_read_pos(w.call, ch, buf, 8)), 0);
    EQ(RUN_CALL(chan_seek(w.call, ch, -1, SEEK_FROM_START, &pos)), -EINVAL);
    EQ(RUN_CALL(chan_seek(w.call, ch, INT64_MAX, SEEK_FROM_HERE, &pos)), -EINVAL);
    EQ(RUN_CALL(chan_seek(w.call, ch, INT64_MIN, SEEK_FROM_END, &pos)), -EINVAL);
    EQ(RUN_CALL(chan_seek(w.call, ch, 0, 7, &pos)), -EINVAL);
    OK(RUN_CALL(chan_seek(w.call, ch, 100, SEEK_FROM_START, &pos)));
    EQ(RUN_CALL(chan_read_pos(w.call, ch, buf, 8)), 0);
    OK(world_close(&w, ch));
    STR_EQ(SHOW("/x"), "0123ab6789");
    world_end(&w);
}

TEST(appending_writes_at_the_end)
{
    World w = world("/x=012");
    Chan *ch = open_file(&w, "/x", OPEN_READ | OPEN_WRITE | OPEN_APPEND);
    char buf[8];
    EQ(RUN_CALL(chan_write_pos(w.call, ch, "ab", 2)), 2);
    EQ(RUN_CALL(chan_write(w.call, ch, "cd", 2, 0)), 2);
    EQ(RUN_CALL(chan_read_pos(w.call, ch, buf, 8)), 2);       /* the position was behind "ab" */
    OK(world_close(&w, ch));
    STR_EQ(SHOW("/x"), "012abcd");
    world_end(&w);
}

TEST(what_an_open_file_may_not)
{
    World w = world("/x=012 /d/");
    Chan *r = open_file(&w, "/x", OPEN_READ), *o = open_file(&w, "/x", OPEN_WRITE), *d = open_file(&w, "/d", OPEN_READ);
    AUTO_CHAN Chan *closed = NULL;
    char buf[4];
    OK(names_walk(&w, "/x", 0, &closed));
    EQ(RUN_CALL(chan_write_pos(w.call, r, "a", 1)), -EBADF);
    EQ(RUN_CALL(chan_read_pos(w.call, o, buf, 1)), -EBADF);
    EQ(RUN_CALL(chan_read(w.call, closed, buf, 1, 0)), -EBADF);
    EQ(RUN_CALL(chan_read(w.call, d, buf, 1, 0)), -EISDIR);
    EQ(RUN_CALL(chan_truncate(w.call, r, 0)), -EINVAL);
    EQ(RUN_CALL(chan_truncate(w.call, o, UINT64_MAX)), -EFBIG);
    EQ(RUN_CALL(chan_write(w.call, o, "a", 1, INT64_MAX)), -EFBIG);
    EQ(RUN_CALL(chan_write(w.call, o, "a", 1, UINT64_MAX)), -EFBIG);
    EQ(RUN_CALL(chan_allocate(w.call, r, 0, 1)), -EBADF);
    EQ(RUN_CALL(chan_allocate(w.call, o, 0, 0)), -EINVAL);
    EQ(RUN_CALL(chan_allocate(w.call, o, INT64_MAX, 1)), -EFBIG);
    EQ(RUN_CALL(chan_allocate(w.call, o, UINT64_MAX, 1)), -EFBIG);
    OK(RUN_CALL(chan_truncate(w.call, o, 1)));
    OK(world_close(&w, r));
    OK(world_close(&w, o));
    OK(world_close(&w, d));
    STR_EQ(SHOW("/x"), "0");
    chan_put(STEAL(closed));
    world_end(&w);
}

enum { WRITERS = 4, LINES = 500 };

typedef struct Writers {
    World *w;
    Chan *ch;
    atomic_uint next, left;
} Writers;

static void write_lines(void *arg)
{
    Writers *s = arg;
    Call call, *c = &call;
    char line[16];
    call_init(c, s->w->root);
    memset(line, 'a' + (int)atomic_fetch_add(&s->next, 1), sizeof line);
    line[15] = '\n';
    for (unsigned i = 0; i < LINES; i++) {
        int64_t r;
        CALL_RUN(c, r, chan_write_pos(c, s->ch, line, sizeof line));
        EQ(r, sizeof line);
    }
    call_destroy(c);
    atomic_fetch_sub(&s->left, 1);
}

/* Like dev, but a device that leaves the position to chan.c. */
static Dev without_position(const Dev *dev)
{
    TRUE(dev->read_pos != NULL && dev->write_pos != NULL && dev->seek != NULL);
    Dev d = *dev;
    d.read_pos = NULL;
    d.write_pos = NULL;
    d.seek = NULL;
    return d;
}

static void writes_are_whole(bool by_device)
{
    World w = world("/x=");
    Writers s = { .w = &w, .ch = open_file(&w, "/x", OPEN_WRITE), .left = WRITERS };
    const Dev *own = s.ch->file->dev;
    Dev plain = without_position(own);
    s.ch->file->dev = by_device ? own : &plain;
    for (unsigned i = 0; i < WRITERS; i++)
        OK(worker_run(write_lines, &s, 0));
    while (atomic_load(&s.left) > 0)
        thread_yield();
    s.ch->file->dev = own;
    OK(world_close(&w, s.ch));
    const char *text = world_read(&w, "/x");
    EQ(strlen(text), WRITERS * LINES * 16);
    for (unsigned i = 0; i < WRITERS * LINES; i++)
        for (unsigned k = 1; k < 15; k++)
            EQ(text[16 * i + k], text[16 * i]);
    workers_drain();
    world_end(&w);
}

TEST_SLOW(writes_at_a_shared_position_are_whole, 60)
{
    writes_are_whole(true);
}

TEST_SLOW(writes_at_a_shared_position_are_whole_also_without_a_lock_of_the_device, 60)
{
    writes_are_whole(false);
}

/* Each of a file's lines is read once, by whichever thread. */
static void read_lines(void *arg)
{
    Writers *s = arg;
    Call call, *c = &call;
    char line[16];
    int64_t r;
    call_init(c, s->w->root);
    for (;;) {
        CALL_RUN(c, r, chan_read_pos(c, s->ch, line, sizeof line));
        if (r == 0)
            break;
        EQ(r, sizeof line);
        atomic_fetch_add(&s->next, (unsigned)line[0]);
    }
    call_destroy(c);
    atomic_fetch_sub(&s->left, 1);
}

static void reads_are_apart(bool by_device)
{
    World w = world("/x=");
    Writers s = { .w = &w, .ch = open_file(&w, "/x", OPEN_READ | OPEN_WRITE), .left = WRITERS };
    const Dev *own = s.ch->file->dev;
    Dev plain = without_position(own);
    uint64_t pos;
    for (unsigned i = 0; i < LINES; i++)
        EQ(RUN_CALL(chan_write_pos(w.call, s.ch, i % 2 == 0 ? "aaaaaaaaaaaaaaaa" : "bbbbbbbbbbbbbbbb", 16)), 16);
    OK(RUN_CALL(chan_seek(w.call, s.ch, 0, SEEK_FROM_START, &pos)));
    s.ch->file->dev = by_device ? own : &plain;
    for (unsigned i = 0; i < WRITERS; i++)
        OK(worker_run(read_lines, &s, 0));
    while (atomic_load(&s.left) > 0)
        thread_yield();
    s.ch->file->dev = own;
    OK(RUN_CALL(chan_seek(w.call, s.ch, 0, SEEK_FROM_HERE, &pos)));
    EQ(pos, LINES * 16);
    EQ(atomic_load(&s.next), LINES / 2 * ('a' + 'b'));
    OK(world_close(&w, s.ch));
    workers_drain();
    world_end(&w);
}

TEST_SLOW(reads_at_a_shared_position_are_apart, 60)
{
    reads_are_apart(true);
    reads_are_apart(false);
}

/* ---- a device that looks on ---------------------------------------------------------------------------------------- */

typedef struct Nosy {
    File file;
    Call other;                     /* reads at the same position, while this device is asked */
    bool begun;
    atomic_uint woken;
} Nosy;

static int64_t nosy_read(Call *c, Chan *ch, void *buf, size_t n, uint64_t off)
{
    Nosy *y = (Nosy *)ch->file;
    (void)off, (void)n;
    if (c != &y->other && !y->begun) {
        y->begun = true;
        call_begin(&y->other);
        EQ(chan_read_pos(&y->other, ch, buf, 1), WAIT);
        OK(call_suspend(&y->other));
    }
    return 1;
}

static void nosy_free(File *f)
{
    mem_free(f);
}

static void nosy_wake(Call *c)
{
    atomic_fetch_add(&((Nosy *)c->door)->woken, 1);
}

static const Dev nosy_dev = {
    .name = "nosy",
    .read = nosy_read,
    .free = nosy_free,
};

static Chan *nosy_open(World *w, unsigned flags, Nosy **out)
{
    Nosy *y = mem_alloc(sizeof *y);
    Chan *open = NULL;
    TRUE(y != NULL);
    file_init(&y->file, &nosy_dev, TYPE_FILE, 0, 0, 1);
    AUTO_CHAN Chan *ch = chan_new(w->call, &y->file, NULL);
    TRUE(ch != NULL);
    OK(chan_open(w->call, ch, flags, &open));
    *out = y;
    return open;
}

TEST(who_waits_for_the_position_is_woken)
{
    World w = world("/a/");
    Nosy *y;
    Chan *ch = nosy_open(&w, OPEN_READ, &y);
    char byte;
    call_init(&y->other, w.root);
    y->other.wake = nosy_wake;
    y->other.door = y;
    EQ(RUN_CALL(chan_read_pos(w.call, ch, &byte, 1)), 1);
    EQ(atomic_load(&y->woken), 1);
    OK(call_resume(&y->other));
    EQ(chan_read_pos(&y->other, ch, &byte, 1), 1);
    call_end(&y->other);
    call_destroy(&y->other);
    EQ(ch->pos, 2);
    chan_put(ch);
    world_end(&w);
}

/* ---- names -------------------------------------------------------------------------------------------------------- */

TEST(names_are_made_linked_moved_and_removed)
{
    World w = world("/a/x=1 /b/");
    OK(names_mkdir(&w, "/a/d"));
    EQ(names_mkdir(&w, "/a/d"), -EEXIST);
    EQ(names_mkdir(&w, "/a/x"), -EEXIST);
    OK(names_link(&w, "/a/x", "/b/y"));
    EQ(names_link(&w, "/a/x", "/b/y"), -EEXIST);
    EQ(names_link(&w, "/a/d", "/b/e"), -EPERM);
    OK(names_rename(&w, "/a/d", "/b/d"));
    EQ(names_rename(&w, "/b", "/b/d/e"), -EINVAL);
    EQ(names_rename(&w, "/b/d", "/a/x"), -ENOTDIR);
    EQ(names_rename(&w, "/a/x", "/b/d"), -EISDIR);
    EQ(names_rename(&w, "/nothing", "/b/d"), -ENOENT);
    EQ(names_unlink(&w, "/b/d"), -EISDIR);
    EQ(names_rmdir(&w, "/b/y"), -ENOTDIR);
    EQ(names_rmdir(&w, "/b"), -ENOTEMPTY);
    EQ(names_unlink(&w, "/b/nothing"), -ENOENT);
    OK(names_symlink(&w, "../a/x", "/b/l"));
    STR_EQ(SHOW("/b/l"), "-> ../a/x");
    char far[PATH_MAX_LEN + 2];
    memset(far, 'x', sizeof far);
    far[PATH_MAX_LEN + 1] = '\0';
    EQ(names_symlink(&w, far, "/b/far"), -ENAMETOOLONG);
    EQ(names_symlink(&w, "", "/b/far"), -ENOENT);
    OK(names_unlink(&w, "/b/l"));
    STR_EQ(SHOW("/a/x"), "1");
    AUTO_CHAN Chan *x = NULL;
    char buf[4];
    OK(names_walk(&w, "/a/x", 0, &x));
    EQ(RUN_CALL(chan_readlink(w.call, x, buf, 4)), -EINVAL);
    chan_put(STEAL(x));
    world_end(&w);
}

TEST(file_systems_do_not_mix)
{
    World w = world("/a/x=1");
    OK(CTL("mount tmpfs /t"));
    OK(world_write(&w, "/t/y", "2"));
    EQ(names_rename(&w, "/a/x", "/t/x"), -EXDEV);
    EQ(names_link(&w, "/a/x", "/t/x"), -EXDEV);
    EQ(names_rename(&w, "/t/y", "/a/x"), -EXDEV);
    OK(names_rename(&w, "/t/y", "/t/z"));
    world_end(&w);
}

TEST(streams_have_no_position)
{
    World w = world("/a/");
    Chan *ch = open_file(&w, "/dev/null", OPEN_READ | OPEN_WRITE);
    EQ(RUN_CALL(chan_write_pos(w.call, ch, "abc", 3)), 3);
    OK(world_close(&w, ch));
    Chan *r, *o;
    uint64_t pos;
    OK(w.k->list->pipe(w.call, &r, &o));
    EQ(RUN_CALL(chan_seek(w.call, r, 0, SEEK_FROM_START, &pos)), -ESPIPE);
    EQ(RUN_CALL(chan_allocate(w.call, o, 0, 1)), -ESPIPE);
    chan_put(r);
    chan_put(o);
    world_end(&w);
}

static int open_and_make(void *arg)
{
    World *w = arg;
    int r = names_open(w, "/a/new", OPEN_WRITE | OPEN_CREATE);
    if (r == 0)
        r = names_rename(w, "/a/new", "/a/k/new");
    if (r == 0)
        r = names_link(w, "/a/k/new", "/a/k/more");
    if (r == 0)
        r = names_unlink(w, "/a/k/more");
    if (r < 0 && !mem_fail_pending()) {             /* as it was */
        names_unlink(w, "/a/new");
        names_unlink(w, "/a/k/new");
        names_unlink(w, "/a/k/more");
    }
    return r;
}

TEST(names_without_memory)
{
    World w = world("/a/x=1 /b/");
    OK(CTL("bind /a/x /a/y"));
    OK(CTL("bind /b /c/d"));
    OK(CTL("bind -c /a /a"));
    OK(names_mkdir(&w, "/a/k"));
    test_each_failure(open_and_make, &w);
    STR_EQ(SHOW("/a"), "k/ x y");
    world_end(&w);
}
