/* SPDX-License-Identifier: MIT */
/*
 * The hostile runs, each with a printed seed that replays its decisions:
 *
 *     soak lives [OPTION...]              tasks made, wired, paused, killed and removed at random from several doors at once
 *     soak modules [OPTION...] FILE...    mutations of these modules, each started as a task
 *
 *     -s SEED     the seed; else one of the time            -t SECONDS  goes on so long
 *     -n N        tasks or modules a round                  -r ROUNDS   at least so many
 *     -d FILE     a player that is a WASI program           -v          says every step
 *     TEST_SHAKE=N lets every N-th lock, by chance, yield first
 */
#include "test/soak/soak.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "front/bootlist.h"
#include "kern/count.h"
#include "kern/engine.h"
#include "kern/walk.h"
#include "test/testengine.h"

extern const Engine engine_wasmtime;
void lock_shake(unsigned one_in);   /* os/lock.c */

/* ---- said ---------------------------------------------------------------------------------------------------------- */

static uint64_t the_seed;

void soak_fail(const char *format, ...)
{
    va_list list;
    fflush(stdout);
    fprintf(stderr, "FAIL (seed %llu) ", (unsigned long long)the_seed);
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    _exit(1);                       /* other threads are in the middle of something */
}

void must(Soak *s, const char *what, int64_t r)
{
    if (r < 0)
        soak_fail("%s: %s %s", what, strerror(-(int)r), s->call.words);
}

/* ---- files --------------------------------------------------------------------------------------------------------- */

static int open_file(Soak *s, const char *path, unsigned flags, Chan **out)
{
    Call *c = &s->call;
    int r;
    CALL_RUN(c, r, walk_open(c, walk_self(c), path, 0, flags, 0755, out));
    if (r == 0)
        chan_hold(*out, true);
    return r;
}

static int close_file(Soak *s, Chan *ch)
{
    char words[sizeof s->call.words];
    memcpy(words, s->call.words, sizeof words);
    call_begin(&s->call);
    int r = chan_unhold(&s->call, ch, true);
    call_end(&s->call);
    chan_put(ch);
    if (r == 0)
        memcpy(s->call.words, words, sizeof words);
    return r;
}

int soak_put(Soak *s, const char *path, const void *data, size_t n)
{
    Chan *ch = NULL;
    int64_t r = open_file(s, path, OPEN_WRITE | OPEN_CREATE | OPEN_TRUNC, &ch);
    if (r < 0)
        return (int)r;
    for (size_t at = 0; at < n && r >= 0; at += r > 0 ? (size_t)r : 0)
        CALL_RUN(&s->call, r, chan_write_pos(&s->call, ch, (const char *)data + at, n - at));
    int closed = close_file(s, ch);
    return r < 0 ? (int)r : closed;
}

int64_t soak_get(Soak *s, const char *path, char *text, size_t n)
{
    Chan *ch = NULL;
    int64_t r = open_file(s, path, OPEN_READ, &ch);
    text[0] = '\0';
    if (r < 0)
        return r;
    CALL_RUN(&s->call, r, chan_read_pos(&s->call, ch, text, n - 1));
    text[r > 0 ? r : 0] = '\0';
    (void)close_file(s, ch);
    return r;
}

int soak_line(Soak *s, uint64_t id, const char *file, const char *line)
{
    char path[96];
    snprintf(path, sizeof path, "/task/%llu/%s", (unsigned long long)id, file);
    return soak_put(s, path, line, strlen(line));
}

uint64_t soak_new(Soak *s)
{
    char text[32];
    must(s, "/task/new", soak_get(s, "/task/new", text, sizeof text));
    return strtoull(text, NULL, 10);
}

/* ---- what is left -------------------------------------------------------------------------------------------------- */

typedef struct Ids {
    uint64_t id[256];
    unsigned n;
} Ids;

static int note_id(void *arg, const Dirent *e)
{
    Ids *ids = arg;
    uint64_t id = strtoull(e->name, NULL, 10);
    if (id > 1 && ids->n < LEN(ids->id))
        ids->id[ids->n++] = id;
    return 0;
}

static void end_task(Soak *s, uint64_t id)
{
    char path[96], text[64];
    (void)soak_line(s, id, "ctl", "kill KILL tree\n");
    snprintf(path, sizeof path, "/task/%llu/wait", (unsigned long long)id);
    int64_t r = soak_get(s, path, text, sizeof text);
    if (r >= 0)
        r = soak_line(s, id, "ctl", "remove\n");
    if (r < 0 && r != -ENOENT)
        soak_fail("task %llu cannot be ended: %s %s", (unsigned long long)id, strerror(-(int)r), s->call.words);
}

void soak_sweep(Soak *s)
{
    Ids ids;
    do {
        Chan *dir = NULL;
        int r;
        ids.n = 0;
        must(s, "/task", open_file(s, "/task", OPEN_READ, &dir));
        CALL_RUN(&s->call, r, chan_readdir(&s->call, dir, 0, note_id, &ids));
        must(s, "/task", r);
        (void)close_file(s, dir);
        for (unsigned i = 0; i < ids.n; i++)
            end_task(s, ids.id[i]);
    } while (ids.n > 0);
}

static void objects_now(Soak *s, Text *out)
{
    call_destroy(&s->call);         /* what it keeps at hand counts, too */
    call_init(&s->call, s->lib.kernel->root);
    out->len = 0;
    count_text(out);
}

void soak_objects(Soak *s, Text *out)
{
    Text before = { 0 };
    do {
        text_free(&before);
        before = *out;
        *out = (Text){ 0 };
        soak_sleep(50);
        objects_now(s, out);
    } while (before.len != out->len || memcmp(before.s, out->s, out->len) != 0);
    text_free(&before);
}

/* Compiled programs that were used last are kept: their number alone may differ. */
static bool same_but_images(const char *a, const char *b)
{
    while (*a != '\0' && *b != '\0') {
        size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");
        if (strncmp(a, "image ", 6) != 0 && (n != m || memcmp(a, b, n) != 0))
            return false;
        a += n + (a[n] == '\n');
        b += m + (b[m] == '\n');
    }
    return *a == *b;
}

void soak_settle(Soak *s, const char *before)
{
    Text now = { 0 };
    for (unsigned i = 0; i < 1000; i++) {
        objects_now(s, &now);
        if (same_but_images(before, now.s)) {
            text_free(&now);
            return;
        }
        soak_sleep(10);             /* a thread lets go of its task a moment after others see its end */
    }
    soak_fail("objects are left: before\n%snow\n%s", before, now.s);
}

uint64_t soak_rss(void)
{
    unsigned long pages = 0;
    malloc_trim(0);
    FILE *f = fopen("/proc/self/statm", "r");
    if (f != NULL && fscanf(f, "%*u %lu", &pages) != 1)
        pages = 0;
    if (f != NULL)
        fclose(f);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* ---- time ---------------------------------------------------------------------------------------------------------- */

bool soak_over(Soak *s)
{
    return clock_now(CLOCK_MONO) >= s->until;
}

void soak_sleep(unsigned ms)
{
    nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L }, NULL);
}

static struct {
    pthread_t thread;
    atomic_bool end;
    uint64_t (*progress)(void *arg);
    void (*show)(void *arg);
    void *arg;
    unsigned patience;              /* seconds */
} watch;

/* Every task there is, with what it waits for. No lock is taken: who holds it may be what hangs. */
static void show_tasks(Soak *s)
{
    static const char *const states[] = { "new", "running", "paused", "dead" };
    uint64_t last = atomic_load(&s->lib.kernel->next_id);
    fprintf(stderr, "tasks, of %llu that were:\n", (unsigned long long)last);
    for (uint64_t id = 1; id < last; id++) {
        AUTO_TASK *t = task_find(s->lib.kernel, id);
        if (t == NULL)
            continue;
        unsigned calls = 0, threads = 0;
        for (const Call *c = t->waiting; c != NULL && calls < 100; c = c->next)
            calls++;
        for (const TaskThread *th = t->threads; th != NULL && threads < 100; th = th->next)
            threads++;
        fprintf(stderr, "  %llu %s, attention %x, %u threads, %u calls wait%s%s\n", (unsigned long long)id,
                states[t->state], atomic_load(&t->attention), threads, calls, t->ending ? ", ending" : "",
                t->removed ? ", removed" : "");
    }
}

static void *watch_main(void *arg)
{
    Soak *s = arg;
    uint64_t last = 0;
    unsigned still = 0;
    while (!atomic_load(&watch.end)) {
        soak_sleep(1000);
        uint64_t now = watch.progress(watch.arg);
        still = now == last ? still + 1 : 0;
        last = now;
        if (still < watch.patience)
            continue;
        fprintf(stderr, "FAIL (seed %llu) nothing has moved for %u s\n", (unsigned long long)the_seed, still);
        watch.show(watch.arg);
        Text objects = { 0 };
        count_text(&objects);
        fprintf(stderr, "%s", objects.s);
        show_tasks(s);
        abort();
    }
    return NULL;
}

void watch_begin(Soak *s, uint64_t (*progress)(void *arg), void (*show)(void *arg), void *arg)
{
    const char *stretch = getenv("TEST_STRETCH");
    int times = stretch != NULL ? atoi(stretch) : 1;
    atomic_store(&watch.end, false);
    watch.progress = progress;
    watch.show = show;
    watch.arg = arg;
    watch.patience = 60 * (times > 0 ? (unsigned)times : 1);
    if (pthread_create(&watch.thread, NULL, watch_main, s) != 0)
        soak_fail("no thread to watch with");
}

void watch_end(void)
{
    atomic_store(&watch.end, true);
    pthread_join(watch.thread, NULL);
}

/* ---- begun and ended ----------------------------------------------------------------------------------------------- */

void soak_boot(Soak *s)
{
    static const Engine *const engines[] = { &engine_wasmtime, &test_engine, NULL };
    static BootList list;
    list = boot_native;
    list.engines = engines;
    must(s, "boot", kernel_boot(&list, (uint32_t)getuid(), (uint32_t)getgid(), &s->lib.kernel));
    call_init(&s->call, s->lib.kernel->root);
    must(s, "/bin", taskfs_mount(&s->lib, "tmpfs", NULL, "/bin", 0));
    programs_put(s);
}

void soak_end(Soak *s)
{
    call_destroy(&s->call);
    kernel_end(s->lib.kernel);
    workers_drain();
}

static int usage(void)
{
    fprintf(stderr, "soak lives|modules [-s SEED] [-t SECONDS] [-n N] [-r ROUNDS] [-d FILE] [-v] [FILE...]\n");
    return 2;
}

int main(int argc, char **argv)
{
    Soak s = { .seed = clock_now(CLOCK_REAL) / 1000, .rounds = 2 };
    int option;
    if (argc < 2)
        return usage();
    const char *what = argv[1];
    argv++;
    argc--;
    while ((option = getopt(argc, argv, "s:t:n:r:d:v")) != -1) {
        unsigned long long n = optarg != NULL ? strtoull(optarg, NULL, 10) : 0;
        switch (option) {
        case 's':
            s.seed = n;
            break;
        case 't':
            s.seconds = (unsigned)n;
            break;
        case 'n':
            s.count = (unsigned)n;
            break;
        case 'r':
            s.rounds = (unsigned)n;
            break;
        case 'd':
            s.driver = optarg;
            break;
        case 'v':
            s.traced = true;
            break;
        default:
            return usage();
        }
    }
    the_seed = s.seed;
    mallopt(M_ARENA_MAX, 1);        /* an arena a thread would keep as much as the thread once needed */
    s.until = clock_now(CLOCK_MONO) + s.seconds * UINT64_C(1000000000);
    if (getenv("TEST_SHAKE") != NULL)
        lock_shake((unsigned)atoi(getenv("TEST_SHAKE")));
    printf("%s: seed %llu\n", what, (unsigned long long)s.seed);
    fflush(stdout);
    if (strcmp(what, "lives") == 0)
        return lives_run(&s);
    if (strcmp(what, "modules") == 0)
        return modules_run(&s, argv + optind, (unsigned)(argc - optind));
    return usage();
}
