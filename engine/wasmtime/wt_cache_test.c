/* SPDX-License-Identifier: MIT */
/*
 * What is known of programs without reading them: by the state of their file, in memory and on the disk. A state that was
 * not quite the same must read the file again, since what is known runs as native code.
 */
#define _POSIX_C_SOURCE 200809L       /* no more: the rest has names that the kernel uses too */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/wasmtime/wt.h"
#include "engine/wasmtime/wt_disk.h"
#include "engine/wasmtime/wt_disk_test.h"
#include "test/names.h"

/* ---- a file whose state is what the test says ----------------------------------------------------------------------- */

typedef struct Odd {
    File file;
    uint8_t *bytes;                 /* owned */
    size_t n;
    int64_t mtime, ctime;
    int64_t later;                  /* not 0: what mtime becomes once the bytes were read */
} Odd;

static int64_t odd_read(Call *c, Chan *ch, void *buf, size_t n, uint64_t off)
{
    Odd *o = (Odd *)ch->file;
    (void)c;
    size_t left = off < o->n ? o->n - (size_t)off : 0, got = left < n ? left : n;
    memcpy(buf, o->bytes + (got > 0 ? off : 0), got);
    if (o->later != 0)
        o->mtime = o->later;
    return (int64_t)got;
}

static int odd_getattr(Call *c, File *f, Attr *a)
{
    Odd *o = (Odd *)f;
    (void)c;
    *a = (Attr){ .mode = TYPE_FILE | 0644, .size = o->n, .mtime = o->mtime, .ctime = o->ctime };
    return 0;
}

static void odd_free(File *f)
{
    mem_free(((Odd *)f)->bytes);
    mem_free(f);
}

static const Dev odd_dev = { .name = "odd", .read = odd_read, .getattr = odd_getattr, .free = odd_free };

/* All programs are of one length. */
static void odd_holds(Odd *o, unsigned number)
{
    char wat[128];
    wasm_byte_vec_t bytes;
    snprintf(wat, sizeof(wat), "(module (func (export \"_start\") (drop (i32.const %u))))", number);
    TRUE(wasmtime_wat2wasm(wat, strlen(wat), &bytes) == NULL);
    mem_free(o->bytes);
    o->bytes = (uint8_t *)mem_dup(bytes.data, bytes.size);
    TRUE(o->bytes != NULL && (o->n == 0 || o->n == bytes.size));
    o->n = bytes.size;
    wasm_byte_vec_delete(&bytes);
}

static Chan *odd_open(World *w, Odd **out)
{
    Odd *o = mem_alloc(sizeof(*o));
    AUTO_CHAN Chan *ch = NULL;
    Chan *open = NULL;
    TRUE(o != NULL);
    file_init(&o->file, &odd_dev, TYPE_FILE, 0, 7, 1);
    odd_holds(o, 1);
    o->mtime = o->ctime = 1000;
    ch = chan_new(w->call, &o->file, NULL);
    TRUE(ch != NULL);
    OK(chan_open(w->call, ch, OPEN_READ, &open));
    *out = o;
    return open;
}

/* The program of the file as a load finds it; the test only compares keys. */
static void load(World *w, Chan *program, uint8_t *key)
{
    void *image = NULL;
    int r;
    CALL_RUN(w->call, r, wt_load(w->call, w->root, program, &image));
    OK(r);
    memcpy(key, ((Image *)image)->key, IMAGE_KEY_SIZE);
    image_put(image);
}

static void cache_end(World *w, Chan *program)
{
    chan_put(program);
    image_forget_all();
    while (count_of(OBJ_IMAGE) > 0)
        thread_yield();             /* who compiled may still hold one */
    workers_drain();
    world_end(w);
}

TEST(a_file_as_it_was_is_not_read_again)
{
    World w = world("");
    Odd *o;
    uint8_t one[IMAGE_KEY_SIZE], again[IMAGE_KEY_SIZE], two[IMAGE_KEY_SIZE];
    disk_off();
    Chan *ch = odd_open(&w, &o);
    load(&w, ch, one);
    odd_holds(o, 2);                /* behind the back of its times: nobody sees that */
    load(&w, ch, again);
    MEM_EQ(one, again, IMAGE_KEY_SIZE);
    o->mtime++;
    load(&w, ch, two);
    TRUE(memcmp(one, two, IMAGE_KEY_SIZE) != 0);
    odd_holds(o, 3);
    o->ctime++;                     /* the time that nobody sets */
    load(&w, ch, again);
    TRUE(memcmp(two, again, IMAGE_KEY_SIZE) != 0);
    cache_end(&w, ch);
}

/* Another file system may have a file of the same number, size and times. */
TEST(a_file_of_another_file_system_is_another)
{
    World w = world("");
    Odd *o, *p;
    uint8_t one[IMAGE_KEY_SIZE], two[IMAGE_KEY_SIZE];
    disk_off();
    Chan *ch = odd_open(&w, &o), *other = odd_open(&w, &p);
    load(&w, ch, one);
    p->file.space++;
    odd_holds(p, 2);
    load(&w, other, two);
    TRUE(memcmp(one, two, IMAGE_KEY_SIZE) != 0);
    chan_put(other);
    cache_end(&w, ch);
}

/* A clock that is coarse shows no change right behind the reading. */
TEST(a_young_file_is_not_remembered)
{
    World w = world("");
    Odd *o;
    uint8_t one[IMAGE_KEY_SIZE], two[IMAGE_KEY_SIZE];
    disk_off();
    Chan *ch = odd_open(&w, &o);
    o->mtime = (int64_t)clock_now(CLOCK_REAL) + INT64_C(3600000000000);
    load(&w, ch, one);
    odd_holds(o, 2);
    load(&w, ch, two);
    TRUE(memcmp(one, two, IMAGE_KEY_SIZE) != 0);
    cache_end(&w, ch);
}

TEST(a_file_that_changes_while_it_is_read_is_not_remembered)
{
    World w = world("");
    Odd *o;
    uint8_t one[IMAGE_KEY_SIZE], two[IMAGE_KEY_SIZE];
    disk_off();
    Chan *ch = odd_open(&w, &o);
    o->later = 2000;
    load(&w, ch, one);
    odd_holds(o, 2);
    load(&w, ch, two);
    TRUE(memcmp(one, two, IMAGE_KEY_SIZE) != 0);
    cache_end(&w, ch);
}

/* ---- on the disk ---------------------------------------------------------------------------------------------------- */

enum { KEPT = 512 };

typedef struct Disk {
    char home[64], modules[96];
    wasm_engine_t *engine;
    wasmtime_module_t *module;
} Disk;

static const uint8_t key[DISK_KEY_SIZE] = { 0xcd, 1 };

static void disk_begin(Disk *d)
{
    static const uint8_t empty[] = { 0, 'a', 's', 'm', 1, 0, 0, 0 };
    strcpy(d->home, "/tmp/taskfs-cache-XXXXXX");
    TRUE(mkdtemp(d->home) != NULL);
    setenv("XDG_CACHE_HOME", d->home, 1);
    snprintf(d->modules, sizeof(d->modules), "%s/taskfs/modules", d->home);
    d->engine = wasm_engine_new();
    TRUE(wasmtime_module_new(d->engine, empty, sizeof(empty), &d->module) == NULL);
}

static void disk_end(Disk *d)
{
    char command[128];
    wasmtime_module_delete(d->module);
    wasm_engine_delete(d->engine);
    snprintf(command, sizeof(command), "rm -rf %s", d->home);
    TRUE(system(command) == 0);
}

/* How many files there are; the name of the last one that is looked at. */
static unsigned files(const Disk *d, char *path, size_t n)
{
    unsigned count = 0;
    DIR *dir = opendir(d->modules);
    TRUE(dir != NULL);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        count++;
        snprintf(path, n, "%s/%s", d->modules, e->d_name);
    }
    closedir(dir);
    return count;
}

static void set_age(const char *path, long seconds)
{
    struct timespec old[2] = { { .tv_sec = seconds }, { .tv_sec = seconds } };
    OK(utimensat(AT_FDCWD, path, old, 0));
}

TEST(what_was_not_used_for_longest_goes_first)
{
    Disk d;
    char path[512], other[160];
    disk_begin(&d);
    disk_store("a", key, d.module);
    EQ(files(&d, path, sizeof(path)), 1);
    set_age(path, 1);
    for (unsigned i = 1; i < KEPT; i++) {
        snprintf(other, sizeof(other), "%s/%u.cwasm", d.modules, i);
        int fd = open(other, O_WRONLY | O_CREAT, 0600);
        OK(fd);
        close(fd);
        set_age(other, 1000 + (long)i);
    }
    wasmtime_module_t *m = disk_load(d.engine, "a", key);      /* which makes it the youngest */
    TRUE(m != NULL);
    wasmtime_module_delete(m);
    disk_store("b", key, d.module);
    EQ(files(&d, other, sizeof(other)), KEPT);
    OK(access(path, F_OK));
    snprintf(other, sizeof(other), "%s/1.cwasm", d.modules);
    EQ(access(other, F_OK), -1);
    disk_end(&d);
}

TEST(a_stamp_that_others_may_write_is_none)
{
    Disk d;
    char path[512], elsewhere[128];
    uint8_t known[DISK_KEY_SIZE];
    uint64_t memory;
    static const uint8_t stamp[DISK_KEY_SIZE] = { 7 };
    disk_begin(&d);
    disk_remember(stamp, key, 65536);
    EQ(files(&d, path, sizeof(path)), 1);
    TRUE(disk_recall(stamp, known, &memory));
    OK(chmod(path, 0620));
    TRUE(!disk_recall(stamp, known, &memory));
    OK(chmod(path, 0600));
    snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", d.home);
    OK(rename(path, elsewhere));
    OK(symlink(elsewhere, path));
    TRUE(!disk_recall(stamp, known, &memory));
    disk_end(&d);
}

TEST(what_is_of_another_user_is_not_taken)
{
    Disk d;
    char path[512];
    if (geteuid() != 0)
        skip("only root gives files away");
    disk_begin(&d);
    disk_store("a", key, d.module);
    EQ(files(&d, path, sizeof(path)), 1);
    OK(chown(path, 1234, 1234));
    TRUE(disk_load(d.engine, "a", key) == NULL);
    OK(chown(path, 0, 0));
    wasmtime_module_t *m = disk_load(d.engine, "a", key);
    TRUE(m != NULL);
    wasmtime_module_delete(m);
    disk_end(&d);
}

TEST(a_store_that_fails_leaves_nothing)
{
    Disk d;
    char path[512];
    disk_begin(&d);
    disk_store("a", key, d.module);
    EQ(files(&d, path, sizeof(path)), 1);
    OK(unlink(path));
    OK(mkdir(path, 0700));          /* in its way */
    disk_store("a", key, d.module);
    EQ(files(&d, path, sizeof(path)), 1);
    disk_end(&d);
}
