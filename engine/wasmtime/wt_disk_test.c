/* SPDX-License-Identifier: MIT */
/*
 * Compiled programs on the disk: what is kept is found, and nothing is taken from where others may write.
 */
#define _GNU_SOURCE
#include "engine/wasmtime/wt_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasm.h>

#include "engine/wasmtime/wt_disk_test.h"
#include "test/test.h"

void disk_off(void)
{
    setenv("XDG_CACHE_HOME", "/proc/none", 1);
}

static const uint8_t key[DISK_KEY_SIZE] = { 0xab, 1, 2, 3 };

typedef struct Disk {
    char home[64];
    char modules[128];              /* the directory */
    wasm_engine_t *engine;
    wasmtime_module_t *module;
} Disk;

static void disk_begin(Disk *d)
{
    strcpy(d->home, "/tmp/taskfs-disk-XXXXXX");
    TRUE(mkdtemp(d->home) != NULL);
    setenv("XDG_CACHE_HOME", d->home, 1);
    snprintf(d->modules, sizeof(d->modules), "%s/taskfs/modules", d->home);
    d->engine = wasm_engine_new();
    static const uint8_t empty[] = { 0, 'a', 's', 'm', 1, 0, 0, 0 };
    TRUE(wasmtime_module_new(d->engine, empty, sizeof(empty), &d->module) == NULL);
}

/* Name of the only file there is, or "" when there is none. */
static const char *kept(const Disk *d)
{
    static char path[512];
    path[0] = '\0';
    DIR *dir = opendir(d->modules);
    TRUE(dir != NULL);
    unsigned n = 0;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", d->modules, e->d_name);
        n++;
    }
    closedir(dir);
    TRUE(n <= 1);
    return path;
}

static bool found(Disk *d, const char *variant)
{
    wasmtime_module_t *m = disk_load(d->engine, variant, key);
    if (m != NULL)
        wasmtime_module_delete(m);
    return m != NULL;
}

static void disk_end(Disk *d)
{
    (void)chmod(d->modules, 0700);
    (void)unlink(kept(d));
    char path[128];
    (void)rmdir(d->modules);
    snprintf(path, sizeof(path), "%s/taskfs", d->home);
    (void)rmdir(path);
    OK(rmdir(d->home));
    wasmtime_module_delete(d->module);
    wasm_engine_delete(d->engine);
}

TEST(what_is_kept_is_found_under_its_key_and_variant)
{
    Disk d;
    disk_begin(&d);
    TRUE(!found(&d, "a"));
    disk_store("a", key, d.module);
    TRUE(found(&d, "a"));
    TRUE(!found(&d, "b"));
    disk_store("a", key, d.module);
    TRUE(found(&d, "a"));
    struct stat s;
    OK(stat(kept(&d), &s));
    EQ(s.st_mode & 0777, 0600);
    OK(stat(d.modules, &s));
    EQ(s.st_mode & 0777, 0700);
    disk_end(&d);
}

TEST(a_directory_that_others_may_use_is_not)
{
    Disk d;
    disk_begin(&d);
    disk_store("a", key, d.module);
    OK(chmod(d.modules, 0755));
    TRUE(!found(&d, "a"));
    disk_store("b", key, d.module);
    TRUE(strstr(kept(&d), "-a.cwasm") != NULL);
    OK(chmod(d.modules, 0700));
    TRUE(found(&d, "a"));
    disk_end(&d);
}

/* Who may write above it may put another in its place. */
TEST(a_directory_below_one_that_everybody_may_write_is_not_used)
{
    Disk d;
    char above[128];
    disk_begin(&d);
    disk_store("a", key, d.module);
    snprintf(above, sizeof(above), "%s/taskfs", d.home);
    OK(chmod(above, 0777));
    TRUE(!found(&d, "a"));
    disk_store("b", key, d.module);
    TRUE(strstr(kept(&d), "-a.cwasm") != NULL);
    OK(chmod(above, 0700));
    TRUE(found(&d, "a"));
    disk_end(&d);
}

static atomic_bool swapped_enough;

typedef struct Swap {
    char a[512], b[512];
} Swap;

static void *swap_on(void *arg)
{
    Swap *s = arg;
    while (!atomic_load(&swapped_enough))
        OK(renameat2(AT_FDCWD, s->a, AT_FDCWD, s->b, RENAME_EXCHANGE));
    return NULL;
}

/* What is looked at is what is loaded: a private file that is none, and a good one that others may write, change places all the time. */
TEST(a_file_that_is_swapped_meanwhile_is_not_loaded)
{
    Disk d;
    Swap s;
    pthread_t thread;
    disk_begin(&d);
    disk_store("a", key, d.module);
    snprintf(s.a, sizeof(s.a), "%s", kept(&d));
    snprintf(s.b, sizeof(s.b), "%s/other", d.home);
    OK(rename(s.a, s.b));
    OK(chmod(s.b, 0666));
    int fd = open(s.a, O_WRONLY | O_CREAT, 0600);
    OK(fd);
    close(fd);
    if (renameat2(AT_FDCWD, s.a, AT_FDCWD, s.b, RENAME_EXCHANGE) != 0)
        skip("the file system of /tmp does not exchange names");
    OK(pthread_create(&thread, NULL, swap_on, &s));
    unsigned loaded = 0;
    for (int i = 0; i < 3000; i++)
        loaded += found(&d, "a");
    atomic_store(&swapped_enough, true);
    OK(pthread_join(thread, NULL));
    EQ(loaded, 0);
    OK(unlink(s.b));
    disk_end(&d);
}

TEST(a_file_that_others_may_write_is_not_loaded)
{
    Disk d;
    disk_begin(&d);
    disk_store("a", key, d.module);
    OK(chmod(kept(&d), 0620));
    TRUE(!found(&d, "a"));
    disk_end(&d);
}

TEST(a_link_is_not_followed)
{
    Disk d;
    disk_begin(&d);
    disk_store("a", key, d.module);
    char path[512], elsewhere[128];
    snprintf(path, sizeof(path), "%s", kept(&d));
    snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", d.home);
    OK(rename(path, elsewhere));
    OK(symlink(elsewhere, path));
    TRUE(!found(&d, "a"));
    OK(unlink(elsewhere));
    disk_end(&d);
}

TEST(half_a_file_is_not_loaded_and_replaced)
{
    Disk d;
    disk_begin(&d);
    disk_store("a", key, d.module);
    struct stat s;
    OK(stat(kept(&d), &s));
    OK(truncate(kept(&d), s.st_size / 2));
    TRUE(!found(&d, "a"));
    disk_store("a", key, d.module);
    TRUE(found(&d, "a"));
    disk_end(&d);
}

TEST(a_file_is_known_by_its_stamp)
{
    Disk d;
    disk_begin(&d);
    static const uint8_t stamp[DISK_KEY_SIZE] = { 7 };
    uint8_t known[DISK_KEY_SIZE];
    uint64_t memory = 0;
    TRUE(!disk_recall(stamp, known, &memory));
    disk_remember(stamp, key, 65536);
    TRUE(disk_recall(stamp, known, &memory));
    MEM_EQ(known, key, DISK_KEY_SIZE);
    EQ(memory, 65536);
    TRUE(!disk_recall(key, known, &memory));
    OK(truncate(kept(&d), 10));
    TRUE(!disk_recall(stamp, known, &memory));
    disk_end(&d);
}

TEST(what_a_dead_builder_left_goes)
{
    Disk d;
    disk_begin(&d);
    disk_store("a", key, d.module);
    char path[640];
    snprintf(path, sizeof(path), "%s.1.2.3", kept(&d));
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    OK(fd);
    struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
    OK(futimens(fd, old));
    close(fd);
    disk_store("a", key, d.module);
    EQ(access(path, F_OK), -1);
    TRUE(found(&d, "a"));
    disk_end(&d);
}

TEST(without_a_home_nothing_is_kept_and_nothing_fails)
{
    Disk d;
    disk_begin(&d);
    setenv("XDG_CACHE_HOME", "relative", 1);
    unsetenv("HOME");
    disk_store("a", key, d.module);
    TRUE(!found(&d, "a"));
    setenv("XDG_CACHE_HOME", "/proc/nowhere", 1);
    disk_store("a", key, d.module);
    TRUE(!found(&d, "a"));
    setenv("XDG_CACHE_HOME", d.home, 1);
    disk_store("a", key, d.module);
    disk_end(&d);
}
