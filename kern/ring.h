/* SPDX-License-Identifier: MIT */
/*
 * The last 64 KiB that a task wrote to one descriptor, and the taps that read it (/task/ID/fd/N). A tap takes nothing away. While a
 * waiting tap is open the writer has room only up to the slowest of them; with none, old bytes are overwritten.
 */
#ifndef KERN_RING_H
#define KERN_RING_H

#include "kern/call.h"
#include "kern/kern.h"

#define RING_SIZE 65536

Ring *ring_new(Account *a);         /* small at first; grows with what is written, up to RING_SIZE */
Ring *ring_get(Ring *r);
void ring_put(Ring *r);

/*
 * Before a write: how many of n bytes may go; n when no waiting tap is open, else what was put into *reserved, until ring_commit.
 * Returns 1..n, or WAIT/-EAGAIN when a tap leaves no room.
 */
int64_t ring_reserve(Call *c, Ring *r, size_t n, bool nonblock, size_t *reserved);
/* After it: the bytes that were really written go in; the rest of the reservation is given back. */
void ring_commit(Ring *r, const void *buf, size_t n, size_t reserved);
/*
 * For a device that has a buffer of its own for what was written last (a pipe), instead of ring_commit: copies n bytes to their place in it
 * and lets the ring borrow them. False: a tap is open; nothing was done.
 *   base, size  the buffer and its length, a power of two, RING_SIZE at least
 *   at          how many bytes were ever put there: the next one's place, modulo size
 * From then on until ring_settle, which the device calls before it frees the buffer, the buffer changes only in here.
 */
bool ring_borrow(Ring *r, void *base, size_t size, uint64_t at, const void *buf, size_t n);
void ring_settle(Ring *r, const void *base);    /* what r has borrowed there, if anything, it copies */
/* Gives back what no waiting tap has still to read, because memory is short. False: that was nothing. */
bool ring_shrink(Ring *r);
void ring_close(Ring *r);           /* the task exited or closed the descriptor: taps read the rest, then end of file */
bool ring_closed(Ring *r);

typedef struct Tap Tap;
Tap *tap_open(Ring *r, bool waits, Account *a);             /* from the oldest byte kept */
void tap_close(Tap *t);
/* Bytes, 0 at the end, WAIT, -EAGAIN (a non-blocking tap), -EOVERFLOW once for a gap. */
int64_t tap_read(Call *c, Tap *t, void *buf, size_t n);
int tap_ready(Call *c, Tap *t, uint64_t *bytes);            /* as Dev.ready */

#endif
