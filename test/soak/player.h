/* SPDX-License-Identifier: MIT */
/*
 * A player: makes tasks, wires, pauses, kills and removes them at random through the files that everybody has, and knows which
 * errors each line may answer in each state. It is plain C over the functions of a door, so that the same player drives the kernel from
 * a thread with Calls of its own, through the C library, through a mount, and from inside, as a WASI program.
 */
#ifndef TEST_SOAK_PLAYER_H
#define TEST_SOAK_PLAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- a door: names and open files. Results are negative errno numbers of the host, or counts ----------------------- */

enum { DOOR_READ = 1, DOOR_WRITE = 2, DOOR_CREATE = 4, DOOR_TRUNC = 8, DOOR_NONBLOCK = 16 };

typedef struct Door Door;
struct Door {
    const char *name;
    int (*open)(Door *d, const char *path, unsigned flags, void **file);
    int64_t (*read)(Door *d, void *file, void *buf, size_t n);
    int64_t (*write)(Door *d, void *file, const void *buf, size_t n);
    int (*close)(Door *d, void *file);
    int (*rmdir)(Door *d, const char *path);
    bool careful;                   /* what would wait in a control line is EAGAIN, and nothing is said relative to its task */
};

Door *pdoor_new(const char *prefix);            /* pdoor.c: the system's own files below prefix */

/* ---- chance -------------------------------------------------------------------------------------------------------- */

typedef struct Rng {
    uint64_t state;
} Rng;

static inline uint32_t rng_next(Rng *r)
{
    r->state += UINT64_C(0x9e3779b97f4a7c15);   /* splitmix64 */
    uint64_t z = r->state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}

static inline uint32_t rng_below(Rng *r, uint32_t n)
{
    return (uint32_t)(((uint64_t)rng_next(r) * n) >> 32);
}

/* A generator of its own for the part-th part of a run. */
static inline Rng rng_part(uint64_t seed, uint64_t part)
{
    Rng r = { .state = seed ^ (part + 1) * UINT64_C(0xd1342543de82ef95) };
    (void)rng_next(&r);
    return r;
}

/* ---- what may be answered (expect.c) ------------------------------------------------------------------------------- */

enum {                              /* states as others can see them, as a mask */
       STATE_NEW = 1,
       STATE_LIVE = 2, /* running or paused */
       STATE_DEAD = 4,
       STATE_GONE = 8
};

typedef struct Rule {
    const char *file, *line;        /* file of the task; what is written. In a line % stands for the path of another task */
    uint32_t expect[3];             /* new, live, dead: a mask of errors. A task that is gone is ENOENT */
    uint8_t weight;
    bool careful;                   /* may wait, or changes what the writer is: for doors that take care of it */
} Rule;

extern const Rule rules[];
extern const unsigned rule_count;
uint32_t error_bit(int64_t r);      /* of a result: one bit, 0 when no rule knows it */
uint32_t rule_expects(const Rule *r, unsigned states);

/* ---- the player ---------------------------------------------------------------------------------------------------- */

enum { PLAYER_SLOTS = 24, PLAYER_HELD = 12, BOARD_SLOTS = 64 };

typedef struct Board {              /* tasks that all players of a view see */
    _Atomic(uint64_t) id[BOARD_SLOTS];
} Board;

typedef struct Held {
    void *file;
    bool writes;
} Held;

typedef struct Player {
    Door *door;
    Rng rng;
    Board *board;
    const char *const *programs;    /* command lines; the last one is NULL */
    unsigned nprogram;
    const char *who;                /* for complaints */
    uint64_t own[PLAYER_SLOTS];
    Held held[PLAYER_HELD];
    uint64_t cap[4];                /* ids of objects in /cap, or 0 */
    bool traced;                    /* says what it does */
    bool inside;                    /* a task itself: what is sent to the group of its children would reach it */

    /* for the watchdog */
    _Atomic(uint64_t) steps;
    uint64_t made;                  /* tasks */
    char doing[160];
    int (*complain)(struct Player *p, const char *text);        /* called with what must not be; does not return */
} Player;

void player_init(Player *p, Door *door, uint64_t seed, uint64_t part, const char *const *programs);
void player_step(Player *p);
void player_end(Player *p);         /* closes what it holds, kills its tasks, removes its objects */

#endif
