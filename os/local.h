/* SPDX-License-Identifier: MIT */
/*
 * What the files of os/ share among themselves, and with the test runner. Nothing above os/ includes this.
 */
#ifndef OS_LOCAL_H
#define OS_LOCAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The number of os/err.h, positive, for the host's error number; EIO for one that has none (os/errno.c). */
int host_err(int host);

/*
 * fd was just opened to name something, or is -1 (errno says why): it itself, or instead of a file system that this process serves
 * what that covers (os/posix/hostserved.c). -1 and errno.
 */
int host_not_served(int fd);

/* An allocation of any kind asks this first: true means that a test wants it to fail (os/mem.c). */
bool mem_failing(void);

/* Tests: with LOCK_CHECK every one_in-th lock, by chance, yields first; 0 switches it off (os/lock.c). */
void lock_shake(unsigned one_in);

/*
 * A thread with a stack from the slabs (os/posix/thread.c, os/web/thread.c). All signals but those of the thread's own
 * faults are blocked in it: the host's signals go to the thread that asked for them.
 */
typedef struct Thread {
    pthread_t id;
    char *stack;                                /* NULL where the host gives the stack */
    void *(*fn)(void *arg);
    void *arg;
} Thread;

/* Runs fn(arg) in *t, which stays where it is until thread_join. Returns 0, or -EAGAIN when there are no more threads. */
int thread_start(Thread *t, void *(*fn)(void *arg), void *arg);
void thread_join(Thread *t);                    /* waits for its end; the stack goes back */
void thread_trim(void);                         /* gives unused stacks back to the host */
bool thread_is_niced(void);                     /* the calling thread's priority was changed, by whomever */

#endif
