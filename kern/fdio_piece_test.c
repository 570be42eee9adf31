/* SPDX-License-Identifier: MIT */
/*
 * Vectors that are too long to be gathered go piece by piece, and a tap takes no less than the file does.
 */
#include <string.h>

#include "kern/account.h"
#include "kern/fdslot.h"
#include "kern/fdtab.h"
#include "kern/task.h"
#include "test/recorder.h"
#include "test/test.h"

#define ALL UINT64_MAX
enum { LONG = 70000, GOOD = 100000 };

typedef struct Scene {
    Task task;
    Account *account;
    Call call;
    FdTab *fds;
    Recorder *file;
} Scene;

static uint8_t bytes[2 * LONG], back[2 * LONG];

static void scene_init(Scene *s)
{
    *s = (Scene){ .account = account_new(NULL) };
    s->task.account = s->account;
    mutex_init(&s->task.lock, RANK_TASK);
    queue_init(&s->task.resumed);
    call_init(&s->call, &s->task);
    s->fds = fdtab_new(s->account, FD_LIMIT_DEFAULT);
    s->file = recorder_new(false);
    OK(fd_put(&s->call, s->fds, 1, recorder_open(&s->call, s->file, OPEN_READ | OPEN_WRITE), ALL, ALL, false));
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
}

static void scene_end(Scene *s)
{
    call_end(&s->call);
    call_destroy(&s->call);
    fdtab_close_all(NULL, s->fds);
    fdtab_put(s->fds);
    recorder_put(s->file);
    account_put(s->account);
}

static Tap *tap(Scene *s, int fd)
{
    int r;
    Ring *ring = fd_ring(s->fds, fd, &r);
    OK(r);
    Tap *t = tap_open(ring, true, s->account);
    ring_put(ring);
    return t;
}

/* A descriptor that was read before has no ring at hand. */
TEST(a_tap_hears_who_has_read_before)
{
    Scene s;
    char text[8];
    IoVec in = { text, sizeof text }, out = { "abc", 3 };
    scene_init(&s);
    EQ(fd_readv(&s.call, s.fds, 1, &in, 1, NULL, 0), 0);
    EQ(fd_writev(&s.call, s.fds, 1, &out, 1, NULL, 0), 3);
    Tap *t = tap(&s, 1);
    EQ(tap_read(&s.call, t, text, sizeof text), 3);
    MEM_EQ(text, "abc", 3);
    tap_close(t);
    scene_end(&s);
}

TEST(a_file_takes_no_more_than_its_tap)
{
    Scene s;
    IoVec v = { bytes, sizeof bytes };
    scene_init(&s);
    Tap *t = tap(&s, 1);
    int64_t put = fd_writev(&s.call, s.fds, 1, &v, 1, NULL, 0);
    TRUE(put > 0 && put < (int64_t)sizeof bytes);
    EQ(s.file->len, put);
    for (int64_t got = 0, n; got < put; got += n) {
        n = tap_read(&s.call, t, back + got, sizeof back);
        TRUE(n > 0);
    }
    MEM_EQ(back, bytes, (size_t)put);
    tap_close(t);
    scene_end(&s);
}

TEST(pieces_follow_each_other_from_a_position_on)
{
    Scene s;
    uint64_t off = 10;
    IoVec out[] = { { bytes, LONG }, { bytes + LONG, LONG } }, in[] = { { back, LONG }, { back + LONG, LONG } };
    scene_init(&s);
    EQ(fd_writev(&s.call, s.fds, 1, out, 2, &off, 0), (int64_t)sizeof bytes);
    EQ(s.file->len, sizeof bytes + 10);
    MEM_EQ(s.file->data + 10, bytes, sizeof bytes);
    EQ(fd_readv(&s.call, s.fds, 1, in, 2, &off, 0), (int64_t)sizeof bytes);
    MEM_EQ(back, bytes, sizeof bytes);
    scene_end(&s);
}

/* ---- a file that is damaged from some place on -------------------------------------------------------------------- */

static int64_t damaged_read(Call *c, Chan *ch, void *buf, size_t n, uint64_t off)
{
    (void)c, (void)ch;
    if (off + n > GOOD)
        return -EIO;
    memset(buf, 'x', n);
    return (int64_t)n;
}

static void damaged_free(File *f)
{
    mem_free(f);
}

static const Dev damaged = { .name = "damaged", .read = damaged_read, .free = damaged_free };

TEST(what_was_read_before_an_error_is_not_lost)
{
    Scene s;
    IoVec v[] = { { back, LONG }, { back + LONG, LONG } };
    Chan *open = NULL;
    scene_init(&s);
    File *f = mem_alloc(sizeof *f);
    TRUE(f != NULL);
    file_init(f, &damaged, TYPE_FILE, 0, 0, 1);
    AUTO_CHAN Chan *ch = chan_new(&s.call, f, NULL);
    TRUE(ch != NULL);
    OK(chan_open(&s.call, ch, OPEN_READ, &open));
    OK(fd_put(&s.call, s.fds, 4, open, ALL, ALL, false));
    EQ(fd_readv(&s.call, s.fds, 4, v, 2, NULL, 0), LONG);
    EQ(fd_readv(&s.call, s.fds, 4, v, 2, NULL, 0), -EIO);      /* told now */
    chan_put(STEAL(ch));
    scene_end(&s);
}
