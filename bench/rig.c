/* SPDX-License-Identifier: MIT */
/*
 * A kernel in this process, driven as a door drives it: every step opens a file, writes or reads it and closes it.
 */
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasmtime.h>

#include "front/bootlist.h"
#include "kern/chan.h"
#include "kern/walk.h"

void rig_begin(Rig *m)
{
    int r = kernel_boot(&boot_native, 0, 0, &m->kernel);
    if (r < 0)
        die("boot: error %d", -r);
    call_init(&m->call, m->kernel->root);
}

void rig_end(Rig *m)
{
    call_destroy(&m->call);
    kernel_end(m->kernel);
}

static Chan *open_file(Rig *m, const char *path, unsigned flags)
{
    Chan *ch = NULL;
    int r;
    CALL_RUN(&m->call, r, walk_open(&m->call, walk_self(&m->call), path, 0, flags, 0644, &ch));
    if (r < 0)
        die("%s: error %d %s", path, -r, m->call.words);
    chan_hold(ch, true);
    return ch;
}

static void close_file(Rig *m, Chan *ch)
{
    int r;
    CALL_RUN(&m->call, r, chan_unhold(&m->call, ch, true));
    if (r < 0)
        die("close: error %d %s", -r, m->call.words);
    chan_put(ch);
}

static void write_all(Rig *m, const char *path, unsigned flags, const void *text, size_t n)
{
    Chan *ch = open_file(m, path, OPEN_WRITE | flags);
    for (size_t at = 0; at < n;) {
        int64_t r;
        CALL_RUN(&m->call, r, chan_write_pos(&m->call, ch, (const char *)text + at, n - at));
        if (r < 0)
            die("%s: error %lld %s", path, (long long)-r, m->call.words);
        at += (size_t)r;
    }
    close_file(m, ch);
}

void rig_put(Rig *m, const char *path, const void *text, size_t n)
{
    write_all(m, path, OPEN_CREATE | OPEN_TRUNC, text, n);
}

void rig_say(Rig *m, const char *path, const char *line)
{
    write_all(m, path, 0, line, strlen(line));
}

size_t rig_get(Rig *m, const char *path, void *buf, size_t n)
{
    Chan *ch = open_file(m, path, OPEN_READ);
    int64_t r;
    CALL_RUN(&m->call, r, chan_read_pos(&m->call, ch, buf, n));
    if (r < 0)
        die("%s: error %lld %s", path, (long long)-r, m->call.words);
    close_file(m, ch);
    return (size_t)r;
}

void rig_mkdir(Rig *m, const char *path)
{
    Chan *dir = NULL;
    char name[NAME_MAX_LEN + 1];
    bool slash;
    int r;
    CALL_RUN(&m->call, r, walk_parent(&m->call, walk_self(&m->call), path, 0, &dir, name, &slash));
    if (r == 0)
        CALL_RUN(&m->call, r, chan_mkdir(&m->call, dir, name, 0755));
    chan_put(dir);
    if (r < 0 && r != -EEXIST)
        die("mkdir %s: error %d", path, -r);
}

unsigned rig_new_task(Rig *m)
{
    char id[32];
    size_t n = rig_get(m, "/task/new", id, sizeof id - 1);
    id[n] = '\0';
    return (unsigned)strtoul(id, NULL, 10);
}

void rig_task(Rig *m, unsigned id, const char *file, const char *line)
{
    char path[64];
    snprintf(path, sizeof path, "/task/%u/%s", id, file);
    rig_say(m, path, line);
}

void rig_program(Rig *m, const char *path, const char *wat)
{
    wasm_byte_vec_t bytes;
    wasmtime_error_t *e = wasmtime_wat2wasm(wat, strlen(wat), &bytes);
    if (e != NULL) {
        wasm_name_t words;
        wasmtime_error_message(e, &words);
        die("%s: %.*s", path, (int)words.size, words.data);
    }
    rig_put(m, path, bytes.data, bytes.size);
    wasm_byte_vec_delete(&bytes);
}
