/* SPDX-License-Identifier: MIT */
/*
 * A memory file system whose answers have to be waited for: at every n-th question, or, as one over a wire, at the first time
 * that a call asks a question (the answer is kept with the call). Something may be done during each wait.
 */
#ifndef TEST_WAITDEV_H
#define TEST_WAITDEV_H

#include "kern/dev.h"

typedef struct WaitPlan {
    unsigned every;                 /* 0: never; 1 only with `remote` */
    bool remote;
    bool from_worker;               /* the wait ends by another thread, later; else at once */
    void (*meanwhile)(void *arg);   /* no lock is held; not in another's wait */
    void *arg;
} WaitPlan;

void waitdev_plan(const WaitPlan *plan);    /* NULL: it never waits */
unsigned waitdev_waits(void);               /* so many since the plan was made */
int waitdev_new(Call *c, File **root);      /* as devmem_new */

#endif
