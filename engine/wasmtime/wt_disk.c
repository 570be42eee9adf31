/* SPDX-License-Identifier: MIT */
/*
 * Compiled programs on the disk: ${XDG_CACHE_HOME:-~/.cache}/taskfs/modules/KEY-VARIANT.cwasm, where KEY is the hash of
 * the program's bytes. What is loaded from there runs as native code, so directory and file must be ours alone;
 * otherwise nothing is kept. A file is written under another name and renamed when whole, so that two builders at once
 * do no harm. Wasmtime itself refuses what was compiled by another version or for another configuration.
 *
 * This file speaks the host's errno and no kernel header.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <wasm.h>
#include <wasmtime.h>

#include "engine/wasmtime/wt_disk.h"

enum {
    KEPT_MAX = 512,                 /* files; the ones unused for longest go first */
    LEFT_OVER = 600,                /* seconds: no store takes that long */
};

static bool is_private(const struct stat *s)
{
    return s->st_uid == geteuid() && (s->st_mode & 077) == 0;
}

static int make_dir(char *path, size_t n, const char *add, mode_t mode)
{
    size_t len = strlen(path);
    int r = snprintf(path + len, n - len, "%s", add);
    if (r < 0 || (size_t)r >= n - len)
        return -1;
    return mkdir(path, mode) == 0 || errno == EEXIST ? 0 : -1;
}

/* What is above a private directory: who may write there can put another in its place. */
static bool is_ours(const char *path)
{
    struct stat s;
    return lstat(path, &s) == 0 && S_ISDIR(s.st_mode) && s.st_uid == geteuid() && (s.st_mode & S_IWOTH) == 0;
}

/* The directory, made where it is missing. Negative: nothing can be kept. */
static int disk_dir(char *path, size_t n)
{
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    path[0] = '\0';
    if (cache != NULL && cache[0] == '/') {
        if (make_dir(path, n, cache, 0700) < 0)
            return -1;
    } else {
        if (home == NULL || home[0] != '/' || make_dir(path, n, home, 0700) < 0 ||
            make_dir(path, n, "/.cache", 0700) < 0)
            return -1;
    }
    struct stat s;
    if (make_dir(path, n, "/taskfs", 0700) < 0 || !is_ours(path) || make_dir(path, n, "/modules", 0700) < 0 ||
        lstat(path, &s) != 0)
        return -1;
    return S_ISDIR(s.st_mode) && is_private(&s) ? 0 : -1;
}

void disk_kept(char *path, size_t n)
{
    char modules[PATH_MAX];
    bool kept = disk_dir(modules, sizeof(modules)) == 0;
    if (kept)
        *strrchr(modules, '/') = '\0';
    if (!kept || snprintf(path, n, "%s", modules) >= (int)n)
        path[0] = '\0';
}

/* The file of a kind for a key: /DIR/KEY + end. */
static int disk_path(char *path, size_t n, const uint8_t *key, const char *end)
{
    if (disk_dir(path, n) < 0)
        return -1;
    char name[2 * DISK_KEY_SIZE + 1];
    for (unsigned i = 0; i < DISK_KEY_SIZE; i++)
        snprintf(name + (size_t)2 * i, 3, "%02x", key[i]);
    size_t len = strlen(path);
    int r = snprintf(path + len, n - len, "/%s%s", name, end);
    return r < 0 || (size_t)r >= n - len ? -1 : 0;
}

static int module_path(char *path, size_t n, const char *variant, const uint8_t *key)
{
    char end[128];
    int r = snprintf(end, sizeof(end), "-%s.cwasm", variant);
    return r < 0 || (size_t)r >= sizeof(end) ? -1 : disk_path(path, n, key, end);
}

/*
 * Opens what is kept, for reading. What is looked at is what is opened: names above may lead elsewhere by now. Negative: there
 * is none, or it or its directory is not ours alone.
 */
static int disk_open(char *path)
{
    struct stat s;
    char *slash = strrchr(path, '/');
    *slash = '\0';
    int dir = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    *slash = '/';
    int fd = -1;
    if (dir >= 0 && fstat(dir, &s) == 0 && is_private(&s))
        fd = openat(dir, slash + 1, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode) || !is_private(&s))) {
        close(fd);
        fd = -1;
    }
    if (dir >= 0)
        close(dir);
    return fd;
}

wasmtime_module_t *disk_load(wasm_engine_t *engine, const char *variant, const uint8_t *key)
{
    char path[PATH_MAX], opened[32];
    int fd = module_path(path, sizeof(path), variant, key) < 0 ? -1 : disk_open(path);
    if (fd < 0)
        return NULL;
    snprintf(opened, sizeof(opened), "/proc/self/fd/%d", fd);
    wasmtime_module_t *module = NULL;
    wasmtime_error_t *error = wasmtime_module_deserialize_file(engine, opened, &module);
    if (error != NULL) {            /* of another version or configuration: it will be written anew */
        wasmtime_error_delete(error);
        module = NULL;
    } else {
        (void)futimens(fd, NULL);   /* used now: see disk_trim */
    }
    close(fd);
    return module;
}

/* What a builder left that was ended in the middle. */
static bool is_left_over(const char *name, const struct stat *s)
{
    bool temporary = strstr(name, ".cwasm.") != NULL || strstr(name, ".stamp.") != NULL;
    return temporary && time(NULL) - s->st_mtim.tv_sec > LEFT_OVER;
}

/* The oldest file of the directory, if there are more than KEPT_MAX. */
static bool disk_oldest(DIR *dir, char *name, size_t n)
{
    unsigned count = 0;
    struct timespec oldest = { .tv_sec = 0 };
    rewinddir(dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        struct stat s;
        if (e->d_name[0] == '.' || fstatat(dirfd(dir), e->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (is_left_over(e->d_name, &s)) {
            (void)unlinkat(dirfd(dir), e->d_name, 0);
            continue;
        }
        bool older = s.st_mtim.tv_sec < oldest.tv_sec ||
                     (s.st_mtim.tv_sec == oldest.tv_sec && s.st_mtim.tv_nsec < oldest.tv_nsec);
        if (count++ > 0 && !older)
            continue;
        oldest = s.st_mtim;
        snprintf(name, n, "%s", e->d_name);
    }
    return count > KEPT_MAX;
}

/* One more has come: one goes. A file that is in use stays mapped. */
static void disk_trim(void)
{
    char path[PATH_MAX], name[256];
    if (disk_dir(path, sizeof(path)) < 0)
        return;
    DIR *dir = opendir(path);
    if (dir == NULL)
        return;
    if (disk_oldest(dir, name, sizeof(name)))
        (void)unlinkat(dirfd(dir), name, 0);
    closedir(dir);
}

static bool write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t r = write(fd, p, n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return false;
        p += r;
        n -= (size_t)r;
    }
    return true;
}

/* A crash of the host must not leave half a file under the real name: synced, then renamed. */
static bool write_synced(const char *temp, const char *path, const void *data, size_t n)
{
    int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    bool ok = write_all(fd, data, n) && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    return ok && rename(temp, path) == 0;
}

static void write_file(const char *path, const void *data, size_t n)
{
    static atomic_uint serial;
    char temp[PATH_MAX + 64];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(temp, sizeof(temp), "%s.%ld.%u.%ld", path, (long)getpid(), atomic_fetch_add(&serial, 1), now.tv_nsec);
    if (write_synced(temp, path, data, n))
        disk_trim();
    else
        (void)unlink(temp);
}

void disk_store(const char *variant, const uint8_t *key, const wasmtime_module_t *module)
{
    char path[PATH_MAX];
    if (module_path(path, sizeof(path), variant, key) < 0)
        return;
    wasm_byte_vec_t bytes;
    wasmtime_error_t *error = wasmtime_module_serialize(module, &bytes);
    if (error != NULL) {
        wasmtime_error_delete(error);
        return;
    }
    write_file(path, bytes.data, bytes.size);
    wasm_byte_vec_delete(&bytes);
}

/* ---- by file ---------------------------------------------------------------------------------------------------- */

typedef struct StampFile {
    uint8_t key[DISK_KEY_SIZE];
    uint64_t memory;
} StampFile;

bool disk_recall(const uint8_t *stamp, uint8_t *key, uint64_t *memory)
{
    char path[PATH_MAX];
    if (disk_path(path, sizeof(path), stamp, ".stamp") < 0)
        return false;
    int fd = disk_open(path);
    if (fd < 0)
        return false;
    struct stat s;
    StampFile f;
    bool ok = fstat(fd, &s) == 0 && s.st_size == sizeof(f) && read(fd, &f, sizeof(f)) == sizeof(f);
    close(fd);
    if (ok) {
        memcpy(key, f.key, sizeof(f.key));
        *memory = f.memory;
    }
    return ok;
}

void disk_remember(const uint8_t *stamp, const uint8_t *key, uint64_t memory)
{
    char path[PATH_MAX];
    StampFile f = { .memory = memory };
    memcpy(f.key, key, sizeof(f.key));
    if (disk_path(path, sizeof(path), stamp, ".stamp") == 0)
        write_file(path, &f, sizeof(f));
}
