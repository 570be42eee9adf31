/* SPDX-License-Identifier: MIT */
/*
 * Limits and accounts: a record of its own for each task (as a cgroup is), with its parent's above it. What a task made stays
 * charged to it and folds into the parent's record when the task is removed. One function gives out, one takes back.
 *
 * Memory is charged in bytes up the chain, in stocks of 64 KiB a record, so that tasks that share nothing touch no common
 * cache line. When a stock cannot be refilled, the exact amount is tried before the answer is no.
 */
#ifndef KERN_ACCOUNT_H
#define KERN_ACCOUNT_H

#include "kern/kern.h"

#define ACCOUNT_MAX UINT64_MAX      /* no limit */

Account *account_new(Account *parent);      /* parent NULL: the root's. Owned; NULL without memory */
Account *account_get(Account *a);           /* a may be NULL: nobody pays */
void account_put(Account *a);
/*
 * The calling thread is about to make and end many things at a's expense, until it says NULL or another: references are moved in
 * bulk meanwhile. Others hold a as long.
 */
void account_at_hand(Account *a);
/* The task is removed: what is left counts as the parent's own. A limit stays in force over what lives below it. */
void account_fold(Account *a);

/* -ENOMEM: a limit of this record or one above would be passed. a may be NULL. */
int account_charge(Account *a, size_t bytes);
void account_uncharge(Account *a, size_t bytes);
/* Allocation and charge in one; account_free takes the same n back. NULL on either's failure. Zeroed. */
void *account_alloc(Account *a, size_t n);
void account_free(Account *a, void *p, size_t n);

/* Tasks below this record (itself included) against tasklimit. -EAGAIN. */
int account_task(Account *a, int delta);

typedef struct AccountLimits {
    uint64_t memory, tasks, fds;    /* ACCOUNT_MAX: none */
} AccountLimits;
void account_limits(Account *a, AccountLimits *out);        /* its own */
/* by_parent: sets also what the task itself may raise it to; above that it is EPERM. A new record inherits its parent's fds, and is given no
   more: EPERM. */
int account_limit_memory(Call *c, Account *a, uint64_t bytes, bool by_parent);
int account_limit_tasks(Call *c, Account *a, uint64_t n, bool by_parent);
int account_limit_fds(Call *c, Account *a, uint64_t n, bool by_parent);

/* What a thread counted by itself while it ran (task_io), added once when it ends. */
void account_io(Account *a, bool write, uint64_t calls, uint64_t bytes);
void account_cpu(Account *a, uint64_t user_ns, uint64_t system_ns);

typedef struct AccountSums {        /* the record and all below it */
    uint64_t mem_current, mem_peak, mem_max;
    uint64_t user_ns, system_ns;
    uint64_t rbytes, wbytes, rios, wios;
} AccountSums;
void account_sums(Account *a, AccountSums *out);            /* running threads are added by task_sums (task.h) */

#endif
