/* SPDX-License-Identifier: MIT */
/* A tree of the host in a directory of its own below the host's /tmp. */
#define _POSIX_C_SOURCE 200809L       /* no more: the rest has names that the kernel uses too */
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "dev/devhost.h"
#include "kern/account.h"
#include "kern/boot.h"
#include "kern/chan.h"
#include "kern/count.h"
#include "kern/task.h"
#include "test/test.h"

typedef struct Host {
    Kernel kernel;
    Task task;
    Call call;
    char dir[64];                   /* of the host; what is granted is "granted" in it */
    File *root;
    int64_t files;                  /* before */
} Host;

static const char *at(Host *h, const char *path)
{
    static char full[2][512];       /* two paths at once, for a rename */
    static unsigned turn;
    char *s = full[turn++ % 2];
    snprintf(s, sizeof full[0], "%s/%s", h->dir, path);
    return s;
}

static void put_file(Host *h, const char *path, const char *text)
{
    int fd = open(at(h, path), O_CREAT | O_TRUNC | O_WRONLY, 0644);
    TRUE(fd >= 0);
    TRUE(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void host_begin(Host *h)
{
    memset(h, 0, sizeof *h);
    h->files = count_of(OBJ_HOSTFILE);
    strcpy(h->dir, "/tmp/devhost-XXXXXX");
    TRUE(mkdtemp(h->dir) != NULL);
    h->kernel.uid = 77;
    h->task.kernel = &h->kernel;
    h->task.account = account_new(NULL);
    mutex_init(&h->task.lock, RANK_TASK);
    call_init(&h->call, &h->task);
    TRUE(mkdir(at(h, "granted"), 0755) == 0);
    TRUE(mkdir(at(h, "granted/dir"), 0755) == 0);
    TRUE(mkdir(at(h, "granted/dir/sub"), 0755) == 0);
    TRUE(mkdir(at(h, "granted/empty"), 0755) == 0);
    put_file(h, "granted/file", "hello");
    put_file(h, "granted/dir/file", "inner");
    put_file(h, "secret", "secret");
    TRUE(symlink("../secret", at(h, "granted/out")) == 0);
    TRUE(symlink("file", at(h, "granted/link")) == 0);
    TRUE(symlink("..", at(h, "granted/up")) == 0);
    OK(devhost_new(&h->call, at(h, "granted"), &h->root));
}

static void host_end(Host *h)
{
    AccountSums sums;
    char command[128];
    file_put(h->root);
    EQ(count_of(OBJ_HOSTFILE), h->files);
    account_sums(h->task.account, &sums);
    EQ(sums.mem_current, 0);
    call_destroy(&h->call);
    account_put(h->task.account);
    snprintf(command, sizeof command, "rm -rf %s", h->dir);
    TRUE(system(command) == 0);
}

static int lookup(Host *h, const char *path, File **out)
{
    File *f = file_get(h->root);
    char name[300];
    while (*path != '\0') {
        size_t n = strcspn(path, "/");
        memcpy(name, path, n);
        name[n] = '\0';
        path += path[n] == '/' ? n + 1 : n;
        File *next = NULL;
        int r = f->type != TYPE_DIR ? -ENOTDIR : devhost.walk(&h->call, f, name, &next);
        file_put(f);
        if (r < 0)
            return r;
        f = next;
    }
    *out = f;
    return 0;
}

static File *must(Host *h, const char *path)
{
    File *f = NULL;
    OK(lookup(h, path, &f));
    return f;
}

static File *parent(Host *h, const char *path, const char **name)
{
    char dir[300];
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL ? 0 : (size_t)(slash - path);
    memcpy(dir, path, n);
    dir[n] = '\0';
    *name = slash == NULL ? path : slash + 1;
    return must(h, dir);
}

/* An open file without a namespace; closed by shut. */
static int open_at(Host *h, const char *path, unsigned flags, Chan *ch)
{
    *ch = (Chan){ .file = must(h, path), .mode = flags & (OPEN_READ | OPEN_WRITE), .path = path_new("/x", 2) };
    int r = devhost.open(&h->call, ch, flags);
    if (r < 0) {
        file_put(ch->file);
        path_put(ch->path);
    }
    return r;
}

static void shut(Chan *ch)
{
    devhost.close(ch);
    file_put(ch->file);
    path_put(ch->path);
}

/* ---- call x errno --------------------------------------------------------------------------------------------------- */

typedef enum Verb { WALK, CREATE, MKDIR, SYMLINK, LINK, RENAME, UNLINK, RMDIR, OPEN, OPEN_W } Verb;

static const struct {
    Verb verb;
    const char *a, *b;
    int expect;
} cases[] = {
    { WALK, "file", NULL, 0 },
    { WALK, "none", NULL, -ENOENT },
    { WALK, "..", NULL, -EINVAL },
    { WALK, ".", NULL, -EINVAL },
    { WALK, "dir/file", NULL, 0 },
    { WALK, "link", NULL, 0 },
    { CREATE, "new", NULL, 0 },
    { CREATE, "file", NULL, -EEXIST },
    { CREATE, "link", NULL, -EEXIST },
    { CREATE, "out", NULL, -EEXIST },
    { CREATE, "..", NULL, -EINVAL },
    { MKDIR, "new", NULL, 0 },
    { MKDIR, "dir", NULL, -EEXIST },
    { SYMLINK, "new", "x", 0 },
    { SYMLINK, "file", "x", -EEXIST },
    { LINK, "new", "file", 0 },
    { LINK, "new", "link", 0 },
    { LINK, "file", "dir/file", -EEXIST },
    { LINK, "new", "dir", -EPERM },
    { RENAME, "file", "new", 0 },
    { RENAME, "file", "dir/file", 0 },
    { RENAME, "none", "new", -ENOENT },
    { RENAME, "dir", "dir/sub/x", -EINVAL },
    { RENAME, "empty", "dir", -ENOTEMPTY },
    { RENAME, "file", "dir", -EISDIR },
    { RENAME, "dir", "file", -ENOTDIR },
    { UNLINK, "file", NULL, 0 },
    { UNLINK, "out", NULL, 0 },
    { UNLINK, "none", NULL, -ENOENT },
    { UNLINK, "dir", NULL, -EISDIR },
    { RMDIR, "empty", NULL, 0 },
    { RMDIR, "dir", NULL, -ENOTEMPTY },
    { RMDIR, "file", NULL, -ENOTDIR },
    { OPEN, "file", NULL, 0 },
    { OPEN, "dir", NULL, 0 },
    { OPEN_W, "file", NULL, 0 },
};

static int run_verb(Host *h, Verb verb, const char *a, const char *b)
{
    const char *name, *newname;
    AUTO_FILE *dir = parent(h, a, &name);
    AUTO_FILE *other = NULL;
    AUTO_FILE *made = NULL;
    Chan ch;
    int r;
    switch (verb) {
    case WALK:
        return devhost.walk(&h->call, dir, name, &made);
    case CREATE:
        return devhost.create(&h->call, dir, name, 0644, 0, &made);
    case MKDIR:
        return devhost.mkdir(&h->call, dir, name, 0755, &made);
    case SYMLINK:
        return devhost.symlink(&h->call, dir, name, b, &made);
    case LINK:
        other = must(h, b);
        return devhost.link(&h->call, dir, name, other);
    case RENAME:
        other = parent(h, b, &newname);
        return devhost.rename(&h->call, dir, name, other, newname);
    case UNLINK:
    case RMDIR:
        return devhost.unlink(&h->call, dir, name, verb == RMDIR);
    default:
        r = open_at(h, a, verb == OPEN ? OPEN_READ : OPEN_WRITE, &ch);
        if (r == 0)
            shut(&ch);
        return r;
    }
}

TEST(every_call_answers_with_the_right_number)
{
    for (size_t i = 0; i < LEN(cases); i++) {
        Host h;
        host_begin(&h);
        int r = run_verb(&h, cases[i].verb, cases[i].a, cases[i].b);
        if (r != cases[i].expect)
            FAIL("case %zu: %s: %d, not %d", i, cases[i].a, r, cases[i].expect);
        host_end(&h);
    }
}

/* ---- confinement ---------------------------------------------------------------------------------------------------- */

TEST(links_of_the_host_are_read_and_never_followed)
{
    Host h;
    char buf[64] = "";
    host_begin(&h);
    AUTO_FILE *out = must(&h, "out");
    AUTO_FILE *found = NULL;
    EQ(out->type, TYPE_LINK);
    EQ(devhost.readlink(&h.call, out, buf, sizeof buf), 9);
    STR_EQ(buf, "../secret");
    EQ(lookup(&h, "up/secret", &found), -ENOTDIR);
    EQ(lookup(&h, "out/x", &found), -ENOTDIR);
    EQ(devhost.walk(&h.call, h.root, "dir/file", &found), -EINVAL);
    file_put(STEAL(out));
    host_end(&h);
}

/* A link put in place of a directory between two lookups leads nowhere. */
TEST(a_directory_swapped_for_a_link_is_not_left)
{
    Host h;
    host_begin(&h);
    AUTO_FILE *dir = must(&h, "dir");
    AUTO_FILE *found = NULL;
    TRUE(rename(at(&h, "granted/dir"), at(&h, "granted/moved")) == 0);
    TRUE(symlink("..", at(&h, "granted/dir")) == 0);
    EQ(lookup(&h, "dir/secret", &found), -ENOTDIR);
    OK(devhost.walk(&h.call, dir, "file", &found));
    file_put(STEAL(dir));
    file_put(STEAL(found));
    host_end(&h);
}

TEST(a_file_alone_can_be_granted)
{
    Host h;
    host_begin(&h);
    file_put(h.root);
    h.root = NULL;
    OK(devhost_new(&h.call, at(&h, "granted/file"), &h.root));
    EQ(h.root->type, TYPE_FILE);
    EQ(devhost_new(&h.call, at(&h, "nowhere"), &(File *){ NULL }), -ENOENT);
    STR_EQ(h.call.words, "");       /* whoever asked knows the name, and the error says why */
    host_end(&h);
}

/* ---- files ---------------------------------------------------------------------------------------------------------- */

TEST(names_of_one_file_are_one_file)
{
    Host h;
    host_begin(&h);
    TRUE(link(at(&h, "granted/file"), at(&h, "granted/same")) == 0);
    AUTO_FILE *one = must(&h, "file");
    AUTO_FILE *two = must(&h, "same");
    AUTO_FILE *other = must(&h, "dir/file");
    TRUE(one != two && file_same(one, two) && !file_same(one, other));
    file_put(STEAL(one));
    file_put(STEAL(two));
    file_put(STEAL(other));
    host_end(&h);
}

TEST(bytes_go_to_the_host_and_back)
{
    Host h;
    Chan ch;
    char buf[64] = "";
    uint64_t end = 0;
    host_begin(&h);
    OK(open_at(&h, "file", OPEN_READ | OPEN_WRITE, &ch));
    EQ(devhost.read(&h.call, &ch, buf, sizeof buf, 1), 4);
    STR_EQ(buf, "ello");
    EQ(devhost.write(&h.call, &ch, "HE", 2, 0), 2);
    EQ(devhost.append(&h.call, &ch, " world", 6, &end), 6);
    EQ(end, 11);
    put_file(&h, "granted/other", "");
    EQ(devhost.read(&h.call, &ch, buf, sizeof buf, 0), 11);
    STR_EQ(buf, "HEllo world");
    EQ(devhost.allocate(&h.call, &ch, 0, 100), 0);
    int r;
    CALL_RUN(&h.call, r, devhost.fsync(&h.call, &ch, false));
    EQ(r, 0);
    shut(&ch);
    OK(open_at(&h, "file", OPEN_WRITE | OPEN_TRUNC, &ch));
    Attr a;
    OK(devhost.getattr(&h.call, ch.file, &a));
    EQ(a.size, 0);
    EQ(devhost.append(&h.call, &ch, "x", 1, &end), 1);
    EQ(end, 1);
    EQ(devhost.ready(&h.call, &ch, READY_READ | READY_WRITE | READY_HANGUP, NULL), READY_READ | READY_WRITE);
    shut(&ch);
    OK(open_at(&h, "file", 0, &ch));
    shut(&ch);
    workers_drain();
    host_end(&h);
}

TEST(a_synced_write_is_on_the_disk_when_it_returns)
{
    static const unsigned how[] = { OPEN_SYNC, OPEN_DSYNC, OPEN_SYNC | OPEN_APPEND };
    for (size_t i = 0; i < sizeof how / sizeof *how; i++) {
        Host h;
        Chan ch;
        char buf[8] = "";
        host_begin(&h);
        OK(open_at(&h, "file", OPEN_READ | OPEN_WRITE, &ch));
        ch.open = true;
        atomic_init(&ch.oflags, how[i]);
        EQ(chan_write(&h.call, &ch, "HE", 2, 0), 2);
        TRUE(h.call.ops == NULL && h.call.first.call == NULL);          /* nothing goes on behind it */
        EQ(devhost.read(&h.call, &ch, buf, sizeof buf, 0), (how[i] & OPEN_APPEND) != 0 ? 7 : 5);
        STR_EQ(buf, (how[i] & OPEN_APPEND) != 0 ? "helloHE" : "HEllo");
        shut(&ch);
        host_end(&h);
    }
}

TEST(attributes_are_the_hosts_but_for_the_owner)
{
    Host h;
    host_begin(&h);
    AUTO_FILE *f = must(&h, "file");
    Attr a = { .mode = 0640, .size = 3, .atime = 5000000001, .mtime = -1500000000 };
    OK(devhost.setattr(&h.call, f, SET_MODE | SET_SIZE | SET_ATIME | SET_MTIME, &a));
    struct stat st;
    TRUE(stat(at(&h, "granted/file"), &st) == 0);
    EQ(st.st_mode, TYPE_FILE | 0640);
    EQ(st.st_size, 3);
    EQ(st.st_atim.tv_sec, 5);
    EQ(st.st_atim.tv_nsec, 1);
    Attr b;
    OK(devhost.getattr(&h.call, f, &b));
    EQ(b.mtime, -1500000000);
    EQ(b.ino, st.st_ino);
    EQ(b.dev, st.st_dev);
    EQ(b.uid, 77);
    OK(devhost.setattr(&h.call, f, SET_MTIME_NOW, &a));
    OK(devhost.getattr(&h.call, f, &b));
    TRUE(b.mtime > 0 && b.atime == 5000000001);
    a.uid = 77;
    OK(devhost.setattr(&h.call, f, SET_UID, &a));
    OK(devhost.getattr(&h.call, f, &a));
    EQ(a.mtime, b.mtime);
    TRUE(a.ctime >= b.ctime);
    for (unsigned i = 0; a.ctime == b.ctime && i < 1000; i++) {         /* until the host's clock has ticked */
        OK(devhost.setattr(&h.call, f, SET_UID, &a));
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        OK(devhost.getattr(&h.call, f, &a));
    }
    TRUE(a.ctime > b.ctime);
    a.uid = 78;
    EQ(devhost.setattr(&h.call, f, SET_UID, &a), -EPERM);
    AUTO_FILE *link = must(&h, "link");
    a.mtime = 7000000000;
    OK(devhost.setattr(&h.call, link, SET_MTIME, &a));
    TRUE(lstat(at(&h, "granted/link"), &st) == 0 && st.st_mtim.tv_sec == 7);
    TRUE(stat(at(&h, "granted/file"), &st) == 0 && st.st_mtim.tv_sec > 7);
    EQ(devhost.setattr(&h.call, link, SET_SIZE, &a), -EINVAL);
    StatFs fs;
    OK(devhost.statfs(&h.call, f, &fs));
    TRUE(fs.bsize > 0 && fs.blocks > 0);
    file_put(STEAL(f));
    file_put(STEAL(link));
    host_end(&h);
}

/* ---- listings ------------------------------------------------------------------------------------------------------- */

enum { NAMES = 3000 };

typedef struct Seen {
    unsigned room, count;
    uint64_t next;
    unsigned char times[2 * NAMES];
} Seen;

static int see(void *arg, const Dirent *e)
{
    Seen *s = arg;
    unsigned n;
    if (s->room == 0)
        return 1;
    s->room--;
    TRUE(e->next > 0 && e->next < UINT64_C(1) << 62);
    TRUE(e->name[0] != '.');
    s->next = e->next;
    s->count++;
    if (sscanf(e->name, "%u", &n) == 1)
        s->times[n]++;
    EQ(e->type, TYPE_FILE);
    return 0;
}

TEST(cookies_survive_changes)
{
    static Seen s;
    Host h;
    Chan ch;
    char name[64];
    host_begin(&h);
    TRUE(mkdir(at(&h, "granted/many"), 0755) == 0);
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "granted/many/%u", i);
        put_file(&h, name, "");
    }
    OK(open_at(&h, "many", OPEN_READ, &ch));
    s.room = NAMES / 2;
    OK(devhost.readdir(&h.call, &ch, 0, see, &s));
    uint64_t middle = s.next;
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "granted/many/%u", i);
        if (s.times[i] > 0)
            TRUE(unlink(at(&h, name)) == 0);
    }
    s.room = UINT32_MAX;
    OK(devhost.readdir(&h.call, &ch, s.next, see, &s));
    for (unsigned i = 0; i < NAMES; i++)
        EQ(s.times[i], 1);
    /* The same half again from the middle, then all that is left from the start. */
    memset(&s, 0, sizeof s);
    s.room = UINT32_MAX;
    OK(devhost.readdir(&h.call, &ch, middle, see, &s));
    EQ(s.count, NAMES - NAMES / 2);
    memset(&s, 0, sizeof s);
    s.room = UINT32_MAX;
    OK(devhost.readdir(&h.call, &ch, 0, see, &s));
    EQ(s.count, NAMES - NAMES / 2);
    EQ(devhost.readdir(&h.call, &ch, UINT64_C(1) << 61, see, &s), -EINVAL);
    shut(&ch);
    host_end(&h);
}

/* ---- what could block, what fails ----------------------------------------------------------------------------------- */

TEST(opening_what_could_block_does_not)
{
    Host h;
    Chan ch;
    char buf[8] = "";
    host_begin(&h);
    TRUE(mkfifo(at(&h, "granted/fifo"), 0644) == 0);
    int sock = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    strcpy(name.sun_path, at(&h, "granted/sock"));
    TRUE(bind(sock, (struct sockaddr *)&name, sizeof name) == 0);
    EQ(open_at(&h, "sock", OPEN_READ, &ch), -ENXIO);
    EQ(open_at(&h, "fifo", OPEN_WRITE, &ch), -ENXIO);
    OK(open_at(&h, "fifo", OPEN_READ | OPEN_NONBLOCK, &ch));
    TRUE((ch.file->flags & FILE_STREAM) != 0);
    atomic_store(&ch.oflags, OPEN_NONBLOCK);
    EQ(devhost.read(&h.call, &ch, buf, sizeof buf, 0), -EAGAIN);
    int writer = open(at(&h, "granted/fifo"), O_WRONLY);
    TRUE(write(writer, "abc", 3) == 3);
    EQ(devhost.read(&h.call, &ch, buf, sizeof buf, 0), 3);
    EQ(devhost.read(&h.call, &ch, buf, sizeof buf, 0), -EAGAIN);
    close(writer);
    EQ(devhost.read(&h.call, &ch, buf, sizeof buf, 0), 0);
    shut(&ch);
    close(sock);
    host_end(&h);
}

TEST(a_failed_allocation_is_an_error_and_nothing_stays)
{
    Host h;
    host_begin(&h);
    int r = -ENOMEM;
    for (unsigned nth = 1; r == -ENOMEM; nth++) {
        AUTO_FILE *f = NULL;
        mem_fail_at(nth);
        r = devhost.walk(&h.call, h.root, "file", &f);
        mem_fail_at(0);
        EQ(f != NULL, r == 0);
    }
    static const Verb makes[] = { CREATE, MKDIR, SYMLINK };
    for (size_t i = 0; i < LEN(makes); i++) {
        char name[] = "new0";
        name[3] = (char)('0' + i);
        r = -ENOMEM;
        for (unsigned nth = 1; r == -ENOMEM; nth++) {
            mem_fail_at(nth);
            r = run_verb(&h, makes[i], name, "x");
            mem_fail_at(0);
        }
        OK(r);                      /* and not EEXIST: what failed has made nothing */
    }
    AUTO_FILE *dir = must(&h, "dir");
    for (unsigned nth = 1; nth < 10; nth++) {
        Chan ch = { .file = dir, .mode = OPEN_READ };
        mem_fail_at(nth);
        r = devhost.open(&h.call, &ch, OPEN_READ);
        mem_fail_at(0);
        if (r == 0)
            devhost.close(&ch);
        else
            EQ(r, -ENOMEM);
    }
    EQ(r, 0);
    file_put(STEAL(dir));
    host_end(&h);
}

TEST(without_descriptors_the_system_is_full_not_the_task)
{
    Host h;
    struct rlimit old, low;
    host_begin(&h);
    TRUE(getrlimit(RLIMIT_NOFILE, &old) == 0);
    low = old;
    low.rlim_cur = 0;
    TRUE(setrlimit(RLIMIT_NOFILE, &low) == 0);
    AUTO_FILE *f = NULL;
    int r = devhost.walk(&h.call, h.root, "file", &f);
    TRUE(setrlimit(RLIMIT_NOFILE, &old) == 0);
    EQ(r, -ENFILE);
    host_end(&h);
}

TEST(nothing_here_needs_a_privilege)
{
    Host h;
    struct passwd *nobody = getpwnam("nobody");
    if (geteuid() == 0 && nobody == NULL)
        skip("there is no user to become");
    host_begin(&h);
    if (geteuid() == 0) {
        TRUE(chmod(h.dir, 0755) == 0 && chown(at(&h, "granted"), nobody->pw_uid, nobody->pw_gid) == 0);
        TRUE(chown(at(&h, "granted/file"), nobody->pw_uid, nobody->pw_gid) == 0);
        TRUE(chmod(at(&h, "granted/dir/file"), 0) == 0);
        TRUE(seteuid(nobody->pw_uid) == 0);
    }
    Attr a = { .mode = 0600, .mtime = 1 };
    Chan ch;
    AUTO_FILE *f = must(&h, "file");
    OK(devhost.link(&h.call, h.root, "second", f));
    OK(devhost.setattr(&h.call, f, SET_MODE | SET_MTIME | SET_SIZE, &a));
    OK(run_verb(&h, CREATE, "made", NULL));
    OK(run_verb(&h, OPEN_W, "made", NULL));
    AUTO_FILE *secret = NULL;
    OK(devhost.create(&h.call, h.root, "secret", 0400, 0, &secret));
    ch = (Chan){ .file = secret, .mode = OPEN_WRITE };
    OK(devhost.open(&h.call, &ch, OPEN_WRITE));
    EQ(devhost.write(&h.call, &ch, "x", 1, 0), 1);
    ch.open = true;
    a.size = 1000;
    OK(chan_setattr(&h.call, &ch, SET_SIZE, &a));
    OK(devhost.getattr(&h.call, secret, &a));
    EQ(a.size, 1000);
    devhost.close(&ch);
    file_put(STEAL(secret));
    TRUE(mkdir(at(&h, "granted/listed"), 0400) == 0);
    OK(open_at(&h, "listed", OPEN_READ, &ch));      /* its names can be read, though not what they name */
    shut(&ch);
    OK(run_verb(&h, MKDIR, "madedir", NULL));
    OK(run_verb(&h, RENAME, "made", "madedir/x"));
    if (nobody != NULL && geteuid() == nobody->pw_uid) {
        EQ(run_verb(&h, CREATE, "dir/x", NULL), -EACCES);
        EQ(open_at(&h, "dir/file", OPEN_READ, &ch), -EACCES);
    }
    if (getuid() == 0)
        TRUE(seteuid(0) == 0);
    file_put(STEAL(f));
    host_end(&h);
}
