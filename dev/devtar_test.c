/* SPDX-License-Identifier: MIT */
/* Archives are written here, header by header, into a file in memory, and mounted from there. */
#include "dev/devtar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/devmem.h"
#include "kern/account.h"
#include "kern/count.h"
#include "kern/task.h"
#include "test/test.h"

enum { BLOCK = 512 };

typedef struct Scene {
    Kernel kernel;
    Task task;
    Call call;
    Chan *archive;
    uint64_t end;                   /* of the archive */
    File *root;
    int64_t inodes, files;          /* before */
} Scene;

static void scene_begin(Scene *s)
{
    memset(s, 0, sizeof *s);
    s->inodes = count_of(OBJ_INODE);
    s->files = count_of(OBJ_FILE);
    s->kernel.uid = 5;
    s->task.kernel = &s->kernel;
    s->task.account = account_new(NULL);
    call_init(&s->call, &s->task);
    File *fs = NULL, *f = NULL;
    OK(devmem_new(&s->call, &fs));
    OK(devmem.create(&s->call, fs, "a.tar", 0644, 0, &f));
    file_put(fs);
    s->archive = chan_new(&s->call, f, NULL);
    TRUE(s->archive != NULL);
    s->archive->open = true;
    s->archive->mode = OPEN_READ | OPEN_WRITE;
}

static void scene_end(Scene *s)
{
    AccountSums sums;
    file_put(s->root);
    chan_put(s->archive);
    account_sums(s->task.account, &sums);
    EQ(sums.mem_current, 0);
    EQ(count_of(OBJ_INODE), s->inodes);
    EQ(count_of(OBJ_FILE), s->files);
    call_destroy(&s->call);
    account_put(s->task.account);
}

static int mount_it(Scene *s)
{
    int r;
    call_begin(&s->call);
    r = devtar_new(&s->call, s->archive, "a.tar", &s->root);
    if (r >= 0)
        call_end(&s->call);         /* else the words are looked at */
    return r;
}

/* ---- writing an archive ----------------------------------------------------------------------------------------------- */

static void put_bytes(Scene *s, const void *bytes, size_t n)
{
    static const char zeroes[BLOCK];
    EQ(chan_write(&s->call, s->archive, bytes, n, s->end), n);
    s->end += n;
    size_t pad = (BLOCK - n % BLOCK) % BLOCK;
    if (pad > 0)
        EQ(chan_write(&s->call, s->archive, zeroes, pad, s->end), pad);
    s->end += pad;
}

typedef union Header {
    char bytes[BLOCK];
    struct {
        char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, target[100], magic[8],
            user[32], group[32], major[8], minor[8], prefix[155];
    };
} Header;

/* A field without its NUL where the text is as long as the field. */
static void fill_field(char *field, size_t room, const char *text)
{
    size_t n = strlen(text);
    memcpy(field, text, n < room ? n : room);
}

static Header header(const char *name, char type, uint64_t size)
{
    Header h = { .bytes = "" };
    fill_field(h.name, sizeof h.name, name);
    h.type = type;
    snprintf(h.mode, sizeof h.mode, "%07o", 0640);
    char digits[32];
    snprintf(digits, sizeof digits, "%011llo", (unsigned long long)size);
    fill_field(h.size, sizeof h.size, digits);
    snprintf(h.mtime, sizeof h.mtime, "%011o", 1000);
    memcpy(h.magic, "ustar\00000", 8);
    return h;
}

static void put_header(Scene *s, Header h)
{
    unsigned sum = 0;
    memset(h.checksum, ' ', sizeof h.checksum);
    for (int i = 0; i < BLOCK; i++)
        sum += (uint8_t)h.bytes[i];
    snprintf(h.checksum, sizeof h.checksum, "%06o", sum);
    put_bytes(s, h.bytes, BLOCK);
}

static void put(Scene *s, const char *name, char type, const char *target)
{
    Header h = header(name, type, 0);
    fill_field(h.target, sizeof h.target, target);
    put_header(s, h);
}

static void put_data(Scene *s, const char *name, char type, const char *data)
{
    put_header(s, header(name, type, strlen(data)));
    put_bytes(s, data, strlen(data));
}

static void put_end(Scene *s)
{
    static const char zeroes[2 * BLOCK];
    put_bytes(s, zeroes, sizeof zeroes);
}

/* ---- looking at it ---------------------------------------------------------------------------------------------------- */

static int lookup(Scene *s, const char *path, File **out)
{
    File *f = file_get(s->root);
    char name[NAME_MAX_LEN + 1];
    while (*path != '\0') {
        size_t n = strcspn(path, "/");
        memcpy(name, path, n);
        name[n] = '\0';
        path += path[n] == '/' ? n + 1 : n;
        File *next = NULL;
        int r = f->type != TYPE_DIR ? -ENOTDIR : devtar.walk(&s->call, f, name, &next);
        file_put(f);
        if (r < 0)
            return r;
        f = next;
    }
    *out = f;
    return 0;
}

static File *must(Scene *s, const char *path)
{
    File *f = NULL;
    OK(lookup(s, path, &f));
    return f;
}

static bool is_there(Scene *s, const char *path)
{
    AUTO_FILE *f = NULL;
    return lookup(s, path, &f) == 0;
}

static Attr attr_of(Scene *s, const char *path)
{
    AUTO_FILE *f = must(s, path);
    Attr a;
    OK(devtar.getattr(&s->call, f, &a));
    return a;
}

static const char *text_of(Scene *s, const char *path)
{
    static char buf[256];
    AUTO_FILE *f = must(s, path);
    Chan ch = { .file = f, .mode = OPEN_READ };
    int64_t n = f->type == TYPE_LINK ? devtar.readlink(&s->call, f, buf, sizeof buf - 1)
                                     : devtar.read(&s->call, &ch, buf, sizeof buf - 1, 0);
    OK(n);
    buf[n] = '\0';
    return buf;
}

TEST(an_archive_is_a_tree)
{
    Scene s;
    scene_begin(&s);
    put(&s, "./", '5', "");
    put(&s, "dir/", '5', "");
    put_data(&s, "dir/file", '0', "hello");
    put_data(&s, "without/its/directories", '\0', "deep");
    put(&s, "link", '2', "dir/file");
    put(&s, "hard", '1', "dir/file");
    put_data(&s, "/absolute", '7', "rooted");
    put(&s, "fifo", '6', "");
    put(&s, "old/", '\0', "");
    put_end(&s);
    OK(mount_it(&s));
    STR_EQ(text_of(&s, "dir/file"), "hello");
    STR_EQ(text_of(&s, "hard"), "hello");
    STR_EQ(text_of(&s, "without/its/directories"), "deep");
    STR_EQ(text_of(&s, "link"), "dir/file");
    STR_EQ(text_of(&s, "absolute"), "rooted");
    EQ(attr_of(&s, "dir/file").nlink, 2);
    EQ(attr_of(&s, "hard").ino, attr_of(&s, "dir/file").ino);
    EQ(attr_of(&s, "dir/file").mode, TYPE_FILE | 0640);
    EQ(attr_of(&s, "dir/file").mtime, 1000000000000);
    EQ(attr_of(&s, "dir/file").size, 5);
    EQ(attr_of(&s, "").nlink, 5);
    EQ(attr_of(&s, "without/its").mode, TYPE_DIR | 0755);
    EQ(attr_of(&s, "old").mode & TYPE_MASK, TYPE_DIR);
    EQ(attr_of(&s, "").uid, 5);
    TRUE(!is_there(&s, "none") && !is_there(&s, "dir/none"));
    scene_end(&s);
}

TEST(odd_headers_are_understood)
{
    Scene s;
    int sum = 0;
    scene_begin(&s);
    put(&s, "d/", '5', "");
    put(&s, "hard", '1', "d");                  /* no second name for a directory */
    put(&s, "fifo", '6', "");
    Header h = header("bits", '0', 0);
    memcpy(h.mode, "0777777", 7);
    put_header(&s, h);
    h = header("sign\xe9", '0', 0);             /* some old programs added up signed characters */
    memset(h.checksum, ' ', sizeof h.checksum);
    for (int i = 0; i < BLOCK; i++)
        sum += (signed char)h.bytes[i];
    snprintf(h.checksum, sizeof h.checksum, "%06o", (unsigned)sum);
    put_bytes(&s, h.bytes, BLOCK);
    put_end(&s);
    OK(mount_it(&s));
    TRUE(!is_there(&s, "hard"));
    TRUE(is_there(&s, "sign\xe9"));
    EQ(attr_of(&s, "bits").mode, TYPE_FILE | 07777);
    AUTO_FILE *fifo = must(&s, "fifo");
    EQ(fifo->flags & FILE_STREAM, FILE_STREAM);
    file_put(STEAL(fifo));
    scene_end(&s);
}

TEST(it_is_read_only)
{
    Scene s;
    scene_begin(&s);
    put_data(&s, "file", '0', "x");
    put(&s, "fifo", '6', "");
    OK(mount_it(&s));
    AUTO_FILE *f = must(&s, "file");
    AUTO_FILE *fifo = must(&s, "fifo");
    AUTO_FILE *out = NULL;
    Attr a = { 0 };
    Chan ch = { .file = f, .mode = OPEN_WRITE };
    EQ(devtar.open(&s.call, &ch, OPEN_WRITE), -EROFS);
    ch.mode = OPEN_READ;
    OK(devtar.open(&s.call, &ch, OPEN_READ));
    EQ(devtar.open(&s.call, &ch, OPEN_READ | OPEN_TRUNC), -EROFS);
    ch.file = fifo;
    EQ(devtar.open(&s.call, &ch, OPEN_READ), -ENXIO);
    EQ(devtar.create(&s.call, s.root, "new", 0644, 0, &out), -EROFS);
    EQ(devtar.mkdir(&s.call, s.root, "new", 0755, &out), -EROFS);
    EQ(devtar.symlink(&s.call, s.root, "new", "x", &out), -EROFS);
    EQ(devtar.link(&s.call, s.root, "new", f), -EROFS);
    EQ(devtar.rename(&s.call, s.root, "file", s.root, "new"), -EROFS);
    EQ(devtar.unlink(&s.call, s.root, "file", false), -EROFS);
    EQ(devtar.setattr(&s.call, f, SET_MODE, &a), -EROFS);
    file_put(STEAL(f));
    file_put(STEAL(fifo));
    scene_end(&s);
}

/* ---- long names ------------------------------------------------------------------------------------------------------- */

TEST(long_names_in_every_form)
{
    Scene s;
    char name[300], path[400], record[500];
    scene_begin(&s);
    memset(name, 'n', 255);
    name[255] = '\0';
    snprintf(path, sizeof path, "gnu/%s", name);
    put_data(&s, "././@LongLink", 'L', path);
    put_data(&s, "cut", '0', "gnu");
    put_data(&s, "././@LongLink", 'K', path);
    put(&s, "gnu/link", '2', "cut");
    snprintf(path, sizeof path, "path=pax/%s\n", name);
    snprintf(record, sizeof record, "%zu %s", strlen(path) + 4, path);
    put_data(&s, "PaxHeaders/x", 'x', record);
    put_data(&s, "cut", '0', "pax");
    put_data(&s, "PaxHeaders/x", 'x', "18 linkpath=a/b/c\n20 mtime=-1.5000000\n");
    put(&s, "paxlink", '2', "cut");
    Header h = header("file", '0', 0);
    strcpy(h.prefix, "prefix/of");
    put_header(&s, h);
    put_end(&s);
    OK(mount_it(&s));
    snprintf(path, sizeof path, "gnu/%s", name);
    STR_EQ(text_of(&s, path), "gnu");
    snprintf(path, sizeof path, "pax/%s", name);
    STR_EQ(text_of(&s, path), "pax");
    EQ(attr_of(&s, "gnu/link").size, 259);
    STR_EQ(text_of(&s, "paxlink"), "a/b/c");
    EQ(attr_of(&s, "paxlink").mtime, -1500000000);
    TRUE(is_there(&s, "prefix/of/file"));
    TRUE(!is_there(&s, "cut"));
    scene_end(&s);
}

TEST(pax_sizes_and_globals_count)
{
    Scene s;
    scene_begin(&s);
    put_data(&s, "g", 'g', "13 mtime=777\n13 comment=x\n");
    put_data(&s, "x", 'x', "9 size=3\n");
    put_header(&s, header("sized", '0', 0));
    put_bytes(&s, "abc", 3);
    put_data(&s, "after", '0', "after");
    OK(mount_it(&s));
    STR_EQ(text_of(&s, "sized"), "abc");
    STR_EQ(text_of(&s, "after"), "after");
    EQ(attr_of(&s, "after").mtime, 777000000000);
    scene_end(&s);
}

/* ---- hostile and damaged ---------------------------------------------------------------------------------------------- */

TEST(what_an_unpacker_would_refuse_is_left_out)
{
    Scene s;
    char longer[300], record[400];
    scene_begin(&s);
    put_data(&s, "../up", '0', "x");
    put_data(&s, "made/../../up", '0', "x");
    put(&s, "hard", '1', "nothing");
    put(&s, "self", '1', "self");
    put(&s, "harddir", '1', "made");
    put(&s, "a", '2', "b");
    put(&s, "b", '2', "a");
    put_data(&s, "a/through", '0', "x");
    put_data(&s, "file", '0', "first");
    put_data(&s, "file/below", '0', "x");
    put_data(&s, "dir/x", '0', "x");
    put_data(&s, "dir", '0', "over a directory");
    put_data(&s, "file", '0', "second");
    put(&s, "empty", '2', "");
    memset(longer, 'n', 256);
    longer[256] = '\0';
    snprintf(record, sizeof record, "266 path=%s\n", longer);
    put_data(&s, "x", 'x', record);
    put_data(&s, "cut", '0', "x");
    put_data(&s, "last", '0', "x");
    put_end(&s);
    OK(mount_it(&s));
    TRUE(!is_there(&s, "up") && !is_there(&s, "made") && !is_there(&s, "hard") && !is_there(&s, "self"));
    TRUE(!is_there(&s, "harddir") && !is_there(&s, "a/through") && !is_there(&s, "file/below") &&
         !is_there(&s, "empty"));
    TRUE(is_there(&s, "a") && is_there(&s, "b") && is_there(&s, "dir/x") && is_there(&s, "last") &&
         !is_there(&s, "cut"));
    STR_EQ(text_of(&s, "file"), "second");
    scene_end(&s);
}

static void bad_checksum(Scene *s)
{
    put_data(s, "good", '0', "x");
    Header h = header("bad", '0', 0);
    strcpy(h.checksum, "000001");
    put_bytes(s, h.bytes, BLOCK);
}

static void huge_size(Scene *s)
{
    Header h = header("huge", '0', 0);
    memset(h.size, 0x7f, sizeof h.size);
    h.size[0] = (char)0x80;
    put_header(s, h);
}

static void negative_size(Scene *s)
{
    Header h = header("negative", '0', 0);
    memset(h.size, 0xff, sizeof h.size);
    put_header(s, h);
}

static void beyond_the_end(Scene *s)
{
    put_header(s, header("long", '0', 100000));
    put_bytes(s, "x", 1);
}

static void nearly_the_largest(Scene *s)
{
    Header h = header("large", '0', 0);
    memcpy(h.size, "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12);
    put_header(s, h);
}

static void half_a_header(Scene *s)
{
    put_data(s, "good", '0', "x");
    EQ(chan_write(&s->call, s->archive, "half", 4, s->end), 4);
}

static void no_number(Scene *s)
{
    Header h = header("odd", '0', 0);
    strcpy(h.size, "12x");
    put_header(s, h);
}

static void long_pax(Scene *s)
{
    put_header(s, header("x", 'x', (1 << 20) + 1));
    static char much[(1 << 20) + BLOCK];
    put_bytes(s, much, sizeof much);
}

static void no_pax(Scene *s)
{
    put_data(s, "x", 'x', "not a record");
}
static void pax_too_long(Scene *s)
{
    put_data(s, "x", 'x', "99999999999999999999999 path=x\n");
}
static void pax_no_equals(Scene *s)
{
    put_data(s, "x", 'x', "9 path x\n");
}
static void pax_zero(Scene *s)
{
    put_data(s, "x", 'x', "0 path=x\n");
}
static void pax_size(Scene *s)
{
    put_data(s, "x", 'x', "32 size=99999999999999999999999\n");
}
static void sparse(Scene *s)
{
    put(s, "sparse", 'S', "");
}
static void pax_sparse(Scene *s)
{
    put_data(s, "x", 'x', "22 GNU.sparse.major=1\n");
    put(s, "sparse", '0', "");
}
static void text(Scene *s)
{
    put_bytes(s, "This is no archive.", 19);
}
static void gzip(Scene *s)
{
    put_bytes(s, "\x1f\x8b\x08\0\0\0\0\0", 8);
}
static void xz(Scene *s)
{
    put_bytes(s, "\3757zXZ\0\0", 7);
}
static void nothing(Scene *s)
{
    (void)s;
}

static const struct {
    void (*write)(Scene *s);
    int expect;
    const char *words;
} damages[] = {
    { bad_checksum, -EINVAL, "wrong checksum at byte 1024" },
    { huge_size, -EINVAL, "size" },
    { negative_size, -EINVAL, "size" },
    { beyond_the_end, -EINVAL, "cut short" },
    { nearly_the_largest, -EINVAL, "cut short" },
    { half_a_header, -EINVAL, "cut short" },
    { no_number, -EINVAL, "size" },
    { long_pax, -EINVAL, "too long" },
    { no_pax, -EINVAL, "pax" },
    { pax_too_long, -EINVAL, "pax" },
    { pax_no_equals, -EINVAL, "pax" },
    { pax_zero, -EINVAL, "pax" },
    { pax_size, -EINVAL, "pax" },
    { sparse, -EOPNOTSUPP, "sparse" },
    { pax_sparse, -EOPNOTSUPP, "sparse" },
    { text, -EINVAL, "not a tar archive" },
    { gzip, -EINVAL, "compressed with gzip" },
    { xz, -EINVAL, "compressed with xz" },
    { nothing, -EINVAL, "not a tar archive" },
};

TEST(a_damaged_archive_is_refused_with_words)
{
    for (size_t i = 0; i < LEN(damages); i++) {
        Scene s;
        scene_begin(&s);
        damages[i].write(&s);
        int r = mount_it(&s);
        if (r != damages[i].expect || strstr(s.call.words, damages[i].words) == NULL)
            FAIL("case %zu: %d \"%s\", not %d \"%s\"", i, r, s.call.words, damages[i].expect, damages[i].words);
        scene_end(&s);
    }
}

/* Any byte of an archive changed, and any length of it: refused or mounted, but nothing worse. */
TEST(chance_does_no_harm)
{
    Scene s;
    scene_begin(&s);
    put(&s, "dir/", '5', "");
    put_data(&s, "dir/file", '0', "hello");
    put_data(&s, "x", 'x', "18 linkpath=a/b/c\n");
    put(&s, "link", '2', "x");
    put_data(&s, "././@LongLink", 'L', "a/longer/name");
    put_data(&s, "cut", '0', "gnu");
    put(&s, "hard", '1', "dir/file");
    put_end(&s);
    uint32_t dice = 1;
    for (int i = 0; i < 4000; i++) {
        uint8_t old, new;
        dice = dice * 1664525u + 1013904223u;
        uint64_t at = (dice >> 8) % s.end;
        EQ(chan_read(&s.call, s.archive, &old, 1, at), 1);
        new = (uint8_t)(dice >> 24 ^ (unsigned)i);
        EQ(chan_write(&s.call, s.archive, &new, 1, at), 1);
        int r = mount_it(&s);
        TRUE(r == 0 || r == -EINVAL || r == -EOPNOTSUPP);
        file_put(STEAL(s.root));
        call_end(&s.call);
        if (i % 8 != 0)
            EQ(chan_write(&s.call, s.archive, &old, 1, at), 1);
    }
    scene_end(&s);
}

TEST(a_failed_allocation_leaves_nothing)
{
    Scene s;
    scene_begin(&s);
    char name[32];
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "dir%d/file", i);
        put_data(&s, name, '0', "x");
    }
    put_data(&s, "././@LongLink", 'L', "a/longer/name");
    put_data(&s, "cut", '0', "gnu");
    int r = -ENOMEM;
    for (unsigned nth = 1; r == -ENOMEM; nth += 7) {
        mem_fail_at(nth);
        r = mount_it(&s);
        mem_fail_at(0);
        EQ(count_of(OBJ_INODE), s.inodes + 1 + (r == 0 ? 404 : 0));
    }
    OK(r);
    scene_end(&s);
}

TEST(over_the_limit_there_is_no_memory)
{
    Scene s;
    AccountSums sums;
    scene_begin(&s);
    char name[32];
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "file%d", i);
        put_header(&s, header(name, '0', 0));
    }
    account_sums(s.task.account, &sums);
    OK(account_limit_memory(&s.call, s.task.account, sums.mem_current + 300000, true));
    EQ(mount_it(&s), -ENOMEM);
    OK(account_limit_memory(&s.call, s.task.account, ACCOUNT_MAX, true));
    OK(mount_it(&s));
    scene_end(&s);
}

/* ---- many entries, waiting ------------------------------------------------------------------------------------------------ */

typedef struct Seen {
    unsigned room, count;
    uint64_t next;
} Seen;

static int see(void *arg, const Dirent *e)
{
    Seen *seen = arg;
    if (seen->room == 0)
        return 1;
    seen->room--;
    seen->count++;
    EQ(e->next, seen->next + 1);
    seen->next = e->next;
    return 0;
}

TEST(a_listing_goes_on_where_it_was)
{
    enum { MANY = 3000 };
    Scene s;
    char name[32];
    scene_begin(&s);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "d/%d", i);
        put_data(&s, name, '0', name);
        put_header(&s, header("other/x", '0', 0));
    }
    OK(mount_it(&s));
    AUTO_FILE *d = must(&s, "d");
    Chan ch = { .file = d };
    Seen seen = { .room = 0 };
    for (int i = 0; i < 4; i++) {
        seen.room = 1000;
        OK(devtar.readdir(&s.call, &ch, seen.next, see, &seen));
    }
    EQ(seen.count, MANY);
    OK(devtar.readdir(&s.call, &ch, UINT64_MAX >> 2, see, &seen));
    for (int i = 0; i < MANY; i += 97) {
        snprintf(name, sizeof name, "d/%d", i);
        STR_EQ(text_of(&s, name), name);
    }
    file_put(STEAL(d));
    scene_end(&s);
}

/* A file that says WAIT at every third read of it, otherwise devmem's. */
static unsigned slow_reads;
static Queue slow_queue;

static int64_t slow_read(Call *c, Chan *ch, void *buf, size_t n, uint64_t off)
{
    if (++slow_reads % 3 == 0)
        return wait_arm(c, &slow_queue);
    Chan real = { .file = ch->aux, .mode = OPEN_READ };
    return devmem.read(c, &real, buf, n > 700 ? 700 : n, off);
}

static int slow_getattr(Call *c, File *f, Attr *a)
{
    (void)f;
    (void)c;
    *a = (Attr){ .size = 1 << 20 };
    return 0;
}

static void slow_free(File *f)
{
    (void)f;
}

static const Dev slow_dev = { .name = "slow", .read = slow_read, .getattr = slow_getattr, .free = slow_free };

TEST(an_archive_that_waits_is_read_on)
{
    Scene s;
    char name[32];
    scene_begin(&s);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "dir/%d", i);
        put_data(&s, name, '0', "0123456789");
    }
    put_data(&s, "././@LongLink", 'L', "a/longer/name");
    put_data(&s, "cut", '0', "gnu");
    File slow;
    file_init(&slow, &slow_dev, TYPE_FILE, 0, 1, 1);
    queue_init(&slow_queue);
    Chan *ch = chan_new(&s.call, &slow, NULL);
    ch->mode = OPEN_READ;
    ch->aux = s.archive->file;
    unsigned waits = 0;
    int r;
    call_begin(&s.call);
    while ((r = devtar_new(&s.call, ch, "slow", &s.root)) == WAIT) {
        waits++;
        queue_wake(&slow_queue);
        wait_disarm(&s.call);
    }
    call_end(&s.call);
    OK(r);
    TRUE(waits > 10);
    TRUE(is_there(&s, "dir/99") && is_there(&s, "a/longer/name"));
    /* A mount that is given up half way leaves nothing behind. */
    File *unused = NULL;
    call_begin(&s.call);
    while ((r = devtar_new(&s.call, ch, "slow", &unused)) != WAIT)
        file_put(unused);
    call_end(&s.call);
    file_put(STEAL(s.root));
    chan_put(ch);
    scene_end(&s);
}

TEST(a_stream_is_no_archive)
{
    Scene s;
    scene_begin(&s);
    s.archive->file->flags |= FILE_STREAM;
    EQ(mount_it(&s), -ESPIPE);
    scene_end(&s);
}

TEST(a_file_keeps_its_archive)
{
    Scene s;
    scene_begin(&s);
    put_data(&s, "dir/file", '0', "hello");
    OK(mount_it(&s));
    File *f = must(&s, "dir/file");
    file_put(STEAL(s.root));
    Chan ch = { .file = f, .mode = OPEN_READ };
    char buf[8] = "";
    EQ(devtar.read(&s.call, &ch, buf, sizeof buf, 1), 4);
    STR_EQ(buf, "ello");
    /* Whoever cuts the archive makes reads fail, not lie. */
    Attr a = { .size = 512 };
    OK(devmem.setattr(&s.call, s.archive->file, SET_SIZE, &a));
    EQ(devtar.read(&s.call, &ch, buf, sizeof buf, 0), -EIO);
    file_put(f);
    scene_end(&s);
}
