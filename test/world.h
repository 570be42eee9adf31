/* SPDX-License-Identifier: MIT */
/*
 * A whole kernel for a test, used by one thread, with the test engine and a memory file system as its root:
 *
 *     World w = world("/a/x=1 /b/x=2 /bin/three='test:exit_three'");   // words as in control lines; NAME/ makes a directory
 *     OK(world_write(&w, "/task/2/ctl", "start\n"));
 *     STR_EQ(world_read(&w, "/a/x"), "1");
 *     world_end(&w);                       // and nothing is left of it
 */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

#include "kern/boot.h"
#include "kern/chan.h"
#include "kern/count.h"
#include "kern/ns.h"
#include "kern/task.h"
#include "kern/walk.h"
#include "test/test.h"

typedef struct World {
    Kernel *k;
    Task *root;                     /* borrowed: task 1 */
    Call *call;                     /* as task 1; owned by the world */
    int64_t before[OBJ_COUNT];
} World;

extern const BootList world_list;   /* test engine, tmpfs, /task, /cap, /dev */

World world(const char *files);
/* Ends the kernel; the test fails unless every kind of object is there as often as before. */
void world_end(World *w);

/* The whole of a file; "error N" when it cannot be read. Good for the next three calls of it. */
const char *world_read(World *w, const char *path);
/* Opens (making the file, if need be), writes, lets go: 0, or the first error. */
int world_write(World *w, const char *path, const char *text);
/* The words behind the last error of the two. */
const char *world_words(World *w);

int world_open(World *w, const char *path, unsigned flags, Chan **out);    /* held, as a descriptor would; owned */
int world_close(World *w, Chan *ch);        /* takes it; what an unfinished line says */
int64_t world_get(World *w, Chan *ch, void *buf, size_t n);     /* at its position */
int64_t world_put(World *w, Chan *ch, const char *s);
/* The same by a call that does not wait. */
int64_t world_try(World *w, Chan *ch, void *buf, size_t n);

uint64_t world_new(World *w);               /* reads /task/new */
/* A new task with this command, started: its id. */
uint64_t world_start(World *w, const char *command);
int world_wait(World *w, uint64_t id);      /* its exit code */
int world_run(World *w, const char *command);
/* The path of a task's file, as /task/ID/FILE. Good for the next seven calls. */
const char *world_path(uint64_t id, const char *file);
int world_ctl(World *w, uint64_t id, const char *line);         /* one line to its ctl */

/* Waits until a file reads so, or the test fails. */
void world_until(World *w, const char *path, const char *text);

#endif
