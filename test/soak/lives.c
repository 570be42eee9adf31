/* SPDX-License-Identifier: MIT */
/*
 * Lives: players behind several doors make tasks and do at random whatever can be done to them, while players that are WASI programs
 * do the same from inside. After each round all tasks are ended and the kernel must have exactly the objects that it had before; the
 * memory of the process after the last round must be that after the second, but for 2 %.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern/count.h"
#include "test/soak/soak.h"

enum { DOORS = 4, DRIVERS = 2 };

typedef struct Lives Lives;

typedef struct Hand {               /* a thread with a player */
    Player player;
    Door *door;
    Lives *lives;
    pthread_t thread;
    unsigned goal;                  /* tasks to make */
} Hand;

struct Lives {
    Soak *soak;
    Hand hand[DOORS];
    Board board;
    unsigned round;
    uint64_t driver[DRIVERS];       /* tasks, or 0 */
    atomic_uint_least64_t swept;    /* progress outside of the players */
    uint64_t made;
};

static int complain(Player *p, const char *text)
{
    (void)p;
    soak_fail("%s", text);
}

static uint64_t progress(void *arg)
{
    Lives *l = arg;
    /* Players inside tell nothing but by the tasks they make. */
    uint64_t sum = atomic_load(&l->swept) + atomic_load(&l->soak->lib.kernel->next_id);
    for (unsigned i = 0; i < DOORS; i++)
        sum += l->hand[i].player.steps;
    return sum;
}

static void show(void *arg)
{
    Lives *l = arg;
    for (unsigned i = 0; i < DOORS; i++)
        fprintf(stderr, "%s, step %llu: %s\n", l->hand[i].player.who, (unsigned long long)l->hand[i].player.steps,
                l->hand[i].player.doing);
    for (unsigned i = 0; i < DRIVERS; i++)
        fprintf(stderr, "player inside: task %llu\n", (unsigned long long)l->driver[i]);
}

static void *hand_main(void *arg)
{
    Hand *h = arg;
    while (h->player.made < h->goal)
        player_step(&h->player);
    player_end(&h->player);
    return NULL;
}

/* ---- players inside -------------------------------------------------------------------------------------------------- */

/* A driver is a task with a view of its own, below a limit of tasks; -1 begins it, later its end is looked at. */
static void driver_start(Lives *l, unsigned i)
{
    Soak *s = l->soak;
    char line[160];
    uint64_t id = soak_new(s);
    snprintf(line, sizeof line, "tasklimit 200\nignore PIPE\ncmd /bin/driver %llu %u %u\n", (unsigned long long)s->seed,
             l->round * DRIVERS + i, s->count / DRIVERS);
    must(s, "driver", soak_line(s, id, "ctl", line));
    must(s, "driver", soak_line(s, id, "group", "0\n"));
    must(s, "driver", soak_line(s, id, "fd/1.ctl", "dup /tmp/driver a\n"));
    must(s, "driver", soak_line(s, id, "fd/2.ctl", "dup /tmp/driver a\n"));
    must(s, "driver", soak_line(s, id, "ctl", "start\n"));
    l->driver[i] = id;
}

static void driver_end(Lives *l, unsigned i)
{
    Soak *s = l->soak;
    char path[96], text[2048];
    snprintf(path, sizeof path, "/task/%llu/wait", (unsigned long long)l->driver[i]);
    must(s, path, soak_get(s, path, text, sizeof text));
    int code = atoi(text);
    if (code != 0) {
        (void)soak_get(s, "/tmp/driver", text, sizeof text);
        soak_fail("a player inside ends with %d: %s", code, text);
    }
    l->driver[i] = 0;
    atomic_fetch_add(&l->swept, 1);
}

static void put_driver(Soak *s)
{
    if (s->driver == NULL)
        return;
    FILE *f = fopen(s->driver, "rb");
    char *data = NULL;
    size_t n = 0;
    if (f != NULL && fseek(f, 0, SEEK_END) == 0 && ftell(f) > 0) {
        n = (size_t)ftell(f);
        rewind(f);
        data = malloc(n);
        if (data != NULL && fread(data, 1, n, f) != n)
            n = 0;
    }
    if (f == NULL || data == NULL || n == 0)
        soak_fail("%s cannot be read", s->driver);
    must(s, "/bin/driver", soak_put(s, "/bin/driver", data, n));
    free(data);
    fclose(f);
}

/* ---- rounds ---------------------------------------------------------------------------------------------------------- */

static void begin_hands(Lives *l)
{
    Soak *s = l->soak;
    for (unsigned i = 0; i < DOORS; i++) {
        Hand *h = &l->hand[i];
        h->lives = l;
        h->door = i % 2 == 0 ? kdoor_new(s) : libdoor_new(s);
        h->goal = s->count / DOORS;
        player_init(&h->player, h->door, s->seed, (uint64_t)l->round * DOORS + i, soak_programs);
        h->player.board = &l->board;
        h->player.traced = s->traced;
        h->player.complain = complain;
        if (pthread_create(&h->thread, NULL, hand_main, h) != 0)
            soak_fail("no thread for a player");
    }
}

static void empty_files(Soak *s)
{
    for (unsigned i = 0; i < 6; i++) {
        char path[32];
        snprintf(path, sizeof path, "/tmp/f%u", i);
        must(s, path, soak_put(s, path, "", 0));
    }
    must(s, "/tmp/driver", soak_put(s, "/tmp/driver", "", 0));
}

static void play_round(Lives *l)
{
    Soak *s = l->soak;
    memset(&l->board, 0, sizeof l->board);
    empty_files(s);
    for (unsigned i = 0; i < DRIVERS && s->driver != NULL; i++)
        driver_start(l, i);
    begin_hands(l);
    for (unsigned i = 0; i < DOORS; i++) {
        pthread_join(l->hand[i].thread, NULL);
        l->made += l->hand[i].player.made;
        kdoor_free(l->hand[i].door);
    }
    for (unsigned i = 0; i < DRIVERS && s->driver != NULL; i++)
        driver_end(l, i);
    soak_sweep(s);
    atomic_fetch_add(&l->swept, 1);
    if (atomic_load(&s->lib.kernel->root->vfork_child) != NULL)
        soak_fail("a vfork child that is gone still stands in for task 1");
    empty_files(s);
}

/* The engine keeps up to 64 KiB of each of the last 64 instances' memories: all of them are filled before anything is measured. */
static void fill_pool(Soak *s)
{
    for (unsigned i = 0; i < 100; i++)
        must(s, "wsleep", soak_line(s, soak_new(s), "ctl", "cmd wsleep\nstart\n"));
    soak_sweep(s);
}

/* A sanitizer keeps what was freed, to know who uses it still. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MEMORY_SAYS = 0 };
#else
enum { MEMORY_SAYS = 1 };
#endif

/* What is freed goes back to the system before RSS is read (soak_rss), workers end; what is left is what somebody has. */
static void check_memory(uint64_t second, uint64_t last, unsigned rounds)
{
    uint64_t most = second + second / 50;
    printf("lives: %llu KiB after round 2, %llu KiB after round %u\n", (unsigned long long)second / 1024,
           (unsigned long long)last / 1024, rounds);
    if (MEMORY_SAYS && rounds >= 10 && last > most)
        soak_fail("memory grows");
}

int lives_run(Soak *s)
{
    static Lives lives;
    Lives *l = &lives;
    Text before = { 0 };
    uint64_t second = 0, last = 0;
    l->soak = s;
    if (s->count == 0)
        s->count = 1000;
    soak_boot(s);
    put_driver(s);
    fill_pool(s);
    empty_files(s);
    watch_begin(s, progress, show, l);
    for (; l->round < s->rounds || !soak_over(s); l->round++) {
        if (l->round == 0)
            soak_objects(s, &before);
        play_round(l);
        soak_settle(s, before.s);
        workers_drain();
        last = soak_rss();
        if (l->round <= 1)
            second = last;
        if (s->seconds > 0 || s->traced)
            printf("lives: round %u, %llu tasks, %llu KiB\n", l->round + 1, (unsigned long long)l->made,
                   (unsigned long long)last / 1024);
        fflush(stdout);
    }
    watch_end();
    check_memory(second, last, l->round);
    printf("lives: %llu tasks in %u rounds\n", (unsigned long long)l->made, l->round);
    text_free(&before);
    soak_end(s);
    return 0;
}
