/* SPDX-License-Identifier: MIT */
/*
 * Hostile modules, each a task with a limit of memory that is killed after a moment: start refuses it with words, or it runs and ends
 * by itself, by a trap with words, or by the kill; whichever it is, nothing is left of it.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern/task.h"
#include "test/soak/mutate.h"
#include "test/soak/soak.h"

void image_forget_all(void);        /* engine/wasmtime/wt.h wants wasmtime's headers */

enum { SEEDS = 64, BATCH = 50 };

typedef struct Seed {
    char *data;                     /* owned */
    size_t n;
} Seed;

typedef struct Modules {
    Soak *soak;
    Seed seed[SEEDS];
    unsigned nseed;
    atomic_uint_least64_t done;
    uint64_t refused, ran, trapped, killed;
    Text module;                    /* the one at hand */
    const char *made;               /* how */
} Modules;

static uint64_t progress(void *arg)
{
    return atomic_load(&((Modules *)arg)->done);
}

/* The module at hand, for whoever looks into it. */
static void keep_module(const Modules *m)
{
    char path[64];
    snprintf(path, sizeof path, "hostile-%llu.wasm", (unsigned long long)m->soak->seed);
    FILE *f = fopen(path, "wb");
    if (f == NULL)
        return;
    if (fwrite(m->module.s, 1, m->module.len, f) == m->module.len)
        fprintf(stderr, "the module is in %s\n", path);
    fclose(f);
}

static void show(void *arg)
{
    fprintf(stderr, "module %llu\n", (unsigned long long)progress(arg));
    keep_module(arg);
}

_Noreturn static void bad(const Modules *m, const char *what, int code, const char *words)
{
    keep_module(m);
    soak_fail("module %llu: %s %d %s", (unsigned long long)progress((void *)(uintptr_t)m), what, code, words);
}

static void add_seed(void *arg, char *data, size_t n)
{
    Modules *m = arg;
    if (m->nseed < SEEDS)
        m->seed[m->nseed++] = (Seed){ .data = data, .n = n };
}

static void add_file(Modules *m, const char *path)
{
    FILE *f = fopen(path, "rb");
    long n = f != NULL && fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    char *data = n > 0 ? malloc((size_t)n) : NULL;
    if (data == NULL || fseek(f, 0, SEEK_SET) != 0 || fread(data, 1, (size_t)n, f) != (size_t)n)
        soak_fail("%s cannot be read", path);
    fclose(f);
    add_seed(m, data, (size_t)n);
}

/* Of the small ones most, of a large one now and then: each is compiled. */
static void make_module(Modules *m, Rng *r)
{
    m->made = "made up";
    if (m->nseed == 0 || rng_below(r, 5) < 3) {
        generate(r, &m->module);
        if (rng_below(r, 4) > 0)
            return;
        m->made = "made up and changed";
        AUTO_FREE char *whole = mem_dup(m->module.s, m->module.len);
        size_t n = m->module.len;
        mutate(r, whole, n, &m->module);
        return;
    }
    m->made = "changed";
    Seed *s = &m->seed[rng_below(r, m->nseed)];
    if (s->n > 20000 && rng_below(r, 20) != 0)
        s = &m->seed[rng_below(r, m->nseed)];
    mutate(r, s->data, s->n, &m->module);
}

/* ---- run -------------------------------------------------------------------------------------------------------------- */

static int64_t get(Modules *m, uint64_t id, const char *file, char *text, size_t n)
{
    char path[96];
    snprintf(path, sizeof path, "/task/%llu/%s", (unsigned long long)id, file);
    return soak_get(m->soak, path, text, n);
}

static void line(Modules *m, uint64_t id, const char *file, const char *text)
{
    must(m->soak, text, soak_line(m->soak, id, file, text));
}

static void end_of(Modules *m, uint64_t id)
{
    char text[64], words[600];
    bool over = false;
    for (unsigned i = 0; i < 10 && !over; i++) {
        over = get(m, id, "status", text, sizeof text) > 0 && strcmp(text, "exited\n") == 0;
        if (!over)
            soak_sleep(1);
    }
    if (!over)
        (void)soak_line(m->soak, id, "ctl", "kill KILL tree\n");
    must(m->soak, "wait", get(m, id, "wait", text, sizeof text));
    int code = atoi(text);
    must(m->soak, "error", get(m, id, "error", words, sizeof words));
    m->ran++;
    m->trapped += code == 134 && words[0] != '\0';
    m->killed += code == 137;
    if (code < 0 || code > 255)
        bad(m, "ends with", code, words);
}

static void run_module(Modules *m)
{
    Soak *s = m->soak;
    must(s, "/tmp/m", soak_put(s, "/tmp/m", m->module.s, m->module.len));
    uint64_t id = soak_new(s);
    line(m, id, "ns/ctl", "bind /tmp/m /m\nbind -r /bin /bin\nmount tmpfs /tmp\n");
    line(m, id, "fd/5.ctl", "dup /dev/zero\n");
    line(m, id, "ctl", "memlimit 32M\ntasklimit 20\nfdlimit 100\ncmd /m one two\n");
    int r = soak_line(s, id, "ctl", "start\n");
    if (r == 0) {
        end_of(m, id);
    } else {
        char words[600];
        m->refused++;
        must(s, "error", get(m, id, "error", words, sizeof words));
        if (s->traced)
            fprintf(stderr, "  start: %s", words);
        if ((r != -ENOEXEC && r != -ENOMEM && r != -EACCES && r != -EAGAIN) || strlen(words) < 4)
            bad(m, "start is", r, words);
    }
}

/* ---- all of them ------------------------------------------------------------------------------------------------------- */

static void run_batch(Modules *m, const char *before)
{
    Soak *s = m->soak;
    for (unsigned i = 0; i < BATCH; i++) {
        Rng r = rng_part(s->seed, atomic_load(&m->done));
        make_module(m, &r);
        if (s->traced) {
            fprintf(stderr, "module %llu, %s, %zu bytes\n", (unsigned long long)progress(m), m->made, m->module.len);
            keep_module(m);
        }
        run_module(m);
        atomic_fetch_add(&m->done, 1);
    }
    soak_sweep(s);
    must(s, "/tmp/m", soak_put(s, "/tmp/m", "", 0));
    image_forget_all();
    soak_settle(s, before);
}

int modules_run(Soak *s, char **files, unsigned n)
{
    static Modules modules;
    Modules *m = &modules;
    Text before = { 0 };
    m->soak = s;
    setenv("XDG_CACHE_HOME", "/proc/none", 1);      /* nothing of this is worth keeping */
    soak_boot(s);
    for (unsigned i = 0; i < n; i++)
        add_file(m, files[i]);
    programs_each(add_seed, m);
    must(s, "/tmp/m", soak_put(s, "/tmp/m", "", 0));
    watch_begin(s, progress, show, m);
    run_batch(m, (soak_objects(s, &before), before.s));
    while (progress(m) < s->count || !soak_over(s))
        run_batch(m, before.s);
    watch_end();
    printf("modules: %llu, of which %llu were refused, %llu ran, %llu trapped, %llu were killed\n",
           (unsigned long long)progress(m), (unsigned long long)m->refused, (unsigned long long)m->ran,
           (unsigned long long)m->trapped, (unsigned long long)m->killed);
    text_free(&before);
    text_free(&m->module);
    for (unsigned i = 0; i < m->nseed; i++)
        free(m->seed[i].data);
    soak_end(s);
    return 0;
}
