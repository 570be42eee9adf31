/* SPDX-License-Identifier: MIT */
/*
 * A device for tests: a file that keeps what is written to it, gives that back when it is read, and does as it is told.
 * It counts what it hears of its open files.
 */
#ifndef TEST_RECORDER_H
#define TEST_RECORDER_H

#include "kern/chan.h"

enum { RECORDER_SIZE = 300000 };

typedef struct Recorder {
    File file;
    Mutex lock;                     /* RANK_FILE; guards all that follows */
    Queue changed;
    char *data;                     /* owned, RECORDER_SIZE bytes */
    size_t len, room;               /* written; may be written in all: then WAIT, or `error` */
    size_t read;                    /* how far a stream was read; at its end WAIT */
    size_t most;                    /* bytes that one call moves; 0: any number */
    int error;                      /* instead of waiting */
    int flush_result;               /* WAIT once, or an error */
    unsigned opens, closes, flushes, writes, reads;
    int active;
} Recorder;

/* A stream, or a file with positions. Freed with its last reference. */
Recorder *recorder_new(bool stream);
Chan *recorder_open(Call *c, Recorder *r, unsigned flags);      /* owned, or NULL without memory */
void recorder_set(Recorder *r, size_t room, int error);         /* and wakes who waits */
void recorder_put(Recorder *r);

#endif
