/* SPDX-License-Identifier: MIT */
/*
 * Archives from anybody. The first byte's lowest bit says whether the checksums of what looks like headers are put right, so that what is
 * behind them is reached too. An archive that is mounted is walked whole: no name is "." or ".." or holds a slash, every entry
 * of a listing is found by its name, no file is longer than the archive, and afterwards nothing is left.
 */
#include <stdio.h>
#include <string.h>

#include "dev/devmem.h"
#include "dev/devtar.h"
#include "kern/account.h"
#include "kern/count.h"
#include "kern/task.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCK = 512, CHECKSUM_AT = 148, CHECKSUM_LEN = 8, MAGIC_AT = 257, DEEPEST = 64 };

typedef struct Fuzz {
    Call call;
    Task task;
    Chan *archive;
    uint64_t size;
    unsigned depth;
    File *dir;                      /* the one that is listed */
} Fuzz;

static void put_right(uint8_t *header)
{
    unsigned sum = 0;
    char digits[16];
    memset(header + CHECKSUM_AT, ' ', CHECKSUM_LEN);
    for (int i = 0; i < BLOCK; i++)
        sum += header[i];
    snprintf(digits, sizeof digits, "%06o", sum);
    memcpy(header + CHECKSUM_AT, digits, 7);
}

static void write_archive(Fuzz *f, const uint8_t *data, size_t size)
{
    bool right = size > 0 && data[0] % 2 == 1;
    for (size_t at = 1; at < size; at += BLOCK) {
        uint8_t block[BLOCK];
        size_t n = size - at < BLOCK ? size - at : BLOCK;
        memcpy(block, data + at, n);
        if (right && n == BLOCK && memcmp(block + MAGIC_AT, "ustar", 5) == 0)
            put_right(block);
        ASSERT(chan_write(&f->call, f->archive, block, n, at - 1) == (int64_t)n);
    }
    f->size = size > 0 ? size - 1 : 0;
}

static int look_at(void *arg, const Dirent *e);

static void look_into(Fuzz *f, File *file)
{
    Attr a;
    char buf[4096];
    Chan ch = { .file = file, .mode = OPEN_READ };
    ASSERT(devtar.getattr(&f->call, file, &a) == 0);
    if (file->type == TYPE_LINK)
        ASSERT(devtar.readlink(&f->call, file, buf, sizeof buf) > 0);
    if (file->type == TYPE_FILE && devtar.open(&f->call, &ch, OPEN_READ) == 0) {
        ASSERT(a.size <= f->size);
        int64_t n = devtar.read(&f->call, &ch, buf, sizeof buf, 0);
        ASSERT(n == (int64_t)(a.size < sizeof buf ? a.size : sizeof buf));
    }
    if (file->type != TYPE_DIR || f->depth == DEEPEST)
        return;
    File *outer = f->dir;
    f->dir = file;
    f->depth++;
    ASSERT(devtar.readdir(&f->call, &ch, 0, look_at, f) == 0);
    f->depth--;
    f->dir = outer;
}

static int look_at(void *arg, const Dirent *e)
{
    Fuzz *f = arg;
    File *found = NULL;
    ASSERT(e->name[0] != '\0' && strcmp(e->name, ".") != 0 && strcmp(e->name, "..") != 0);
    ASSERT(strchr(e->name, '/') == NULL && strlen(e->name) <= NAME_MAX_LEN);
    ASSERT(devtar.walk(&f->call, f->dir, e->name, &found) == 0);
    ASSERT(found->id == e->id && found->type == e->type);
    look_into(f, found);
    file_put(found);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Fuzz f = { .size = 0 };
    File *fs = NULL, *file = NULL, *root = NULL;
    int64_t inodes = count_of(OBJ_INODE), files = count_of(OBJ_FILE), blocks = count_of(OBJ_BLOCK);
    f.task.account = account_new(NULL);
    call_init(&f.call, &f.task);
    call_begin(&f.call);
    ASSERT(devmem_new(&f.call, &fs) == 0 && devmem.create(&f.call, fs, "a.tar", 0600, 0, &file) == 0);
    file_put(fs);
    f.archive = chan_new(&f.call, file, NULL);
    f.archive->mode = OPEN_READ | OPEN_WRITE;
    write_archive(&f, data, size);
    int r = devtar_new(&f.call, f.archive, "a.tar", &root);
    ASSERT(r == 0 || ((r == -EINVAL || r == -EOPNOTSUPP) && f.call.words[0] != '\0'));
    if (r == 0)
        look_into(&f, root);
    file_put(root);
    chan_put(f.archive);
    call_end(&f.call);
    call_destroy(&f.call);
    AccountSums sums;
    account_sums(f.task.account, &sums);
    account_put(f.task.account);
    ASSERT(sums.mem_current == 0);
    ASSERT(count_of(OBJ_INODE) == inodes && count_of(OBJ_FILE) == files && count_of(OBJ_BLOCK) == blocks);
    return 0;
}
