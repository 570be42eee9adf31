/* SPDX-License-Identifier: MIT */
#include "kern/account.h"
#include "kern/call.h"
#include "kern/count.h"
#include "test/test.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

static AccountSums sums(Account *a)
{
    AccountSums s;
    account_sums(a, &s);
    return s;
}

static void limit(Account *a, uint64_t bytes)
{
    OK(account_limit_memory(NULL, a, bytes, true));
}

TEST(bytes_are_charged_up_the_chain_and_given_back)
{
    Account *root = account_new(NULL);
    Account *a = account_new(root);
    Account *b = account_new(a);
    OK(account_charge(b, 1000));
    OK(account_charge(a, 500000));
    EQ(sums(b).mem_current, 1000);
    EQ(sums(a).mem_current, 501000);
    EQ(sums(root).mem_current, 501000);
    account_uncharge(a, 500000);
    EQ(sums(root).mem_current, 1000);
    EQ(sums(b).mem_peak, 1000);
    TRUE(sums(a).mem_peak >= 501000 && sums(a).mem_peak <= 501000 + 64 * KIB);
    account_uncharge(b, 1000);
    EQ(sums(root).mem_current, 0);
    TRUE(sums(root).mem_peak >= 501000 && sums(root).mem_peak <= 501000 + 64 * KIB);
    TRUE(sums(root).mem_max == ACCOUNT_MAX);
    account_put(b);
    account_put(a);
    account_put(root);
    OK(account_charge(NULL, 5));
    account_uncharge(NULL, 5);
}

TEST(a_limit_is_exact)
{
    Account *root = account_new(NULL);
    Account *a = account_new(root);
    Account *b = account_new(a);
    limit(a, 100 * KIB);
    OK(account_charge(b, 60 * KIB));
    OK(account_charge(a, 40 * KIB));
    EQ(account_charge(a, 1), -ENOMEM);
    EQ(account_charge(b, 1), -ENOMEM);
    account_uncharge(b, 1);
    OK(account_charge(a, 1));
    EQ(account_charge(b, 1), -ENOMEM);
    EQ(sums(a).mem_current, 100 * KIB);
    EQ(sums(a).mem_peak, 100 * KIB);
    OK(account_charge(root, MIB));
    account_uncharge(root, MIB);
    account_uncharge(b, 60 * KIB - 1);
    account_uncharge(a, 40 * KIB + 1);
    EQ(sums(root).mem_current, 0);
    account_put(b);
    account_put(a);
    account_put(root);
}

/* Sixteen tasks with a stock each, below a limit that has room for what they use, not for what they keep. */
TEST(stocks_of_others_deny_nobody_anything)
{
    enum { TASKS = 16 };
    Account *root = account_new(NULL);
    Account *a[TASKS];
    for (unsigned i = 0; i < TASKS; i++)
        a[i] = account_new(i % 4 == 3 ? a[i - 1] : root);
    for (unsigned i = 0; i < TASKS; i++) {
        OK(account_charge(a[i], 1000));
        OK(account_charge(a[i], 60000));
        account_uncharge(a[i], 60000);
    }
    limit(root, TASKS * 1000 + 50000);
    for (unsigned i = 0; i < TASKS; i++) {
        OK(account_charge(a[i], 50000));
        EQ(account_charge(a[(i + 5) % TASKS], 1), -ENOMEM);
        account_uncharge(a[i], 50000);
    }
    EQ(sums(root).mem_current, TASKS * 1000);
    for (unsigned i = TASKS; i-- > 0;) {
        account_uncharge(a[i], 1000);
        account_put(a[i]);
    }
    EQ(sums(root).mem_current, 0);
    account_put(root);
}

TEST(a_lowered_limit_holds_at_once)
{
    Account *root = account_new(NULL);
    Account *a = account_new(root);
    OK(account_charge(a, 10));
    limit(root, 10);
    EQ(account_charge(a, 1), -ENOMEM);
    limit(root, 5);
    EQ(account_charge(a, 1), -ENOMEM);
    account_uncharge(a, 10);
    account_put(a);
    account_put(root);
}

TEST(what_a_removed_task_made_stays_charged_to_its_parent)
{
    Account *root = account_new(NULL);
    Account *a = account_new(root);
    Account *b = account_new(a);
    Account *c = account_new(b);
    OK(account_charge(b, 3000));
    OK(account_charge(c, 100));
    account_io(b, true, 1, 10);
    account_cpu(b, 5, 6);
    OK(account_task(c, 1));
    account_fold(b);
    EQ(sums(a).mem_current, 3100);
    EQ(sums(a).wbytes, 10);
    EQ(sums(a).wios, 1);
    EQ(sums(a).user_ns, 5);
    EQ(sums(a).system_ns, 6);
    limit(a, 4000);
    EQ(account_charge(c, 1000), -ENOMEM);
    EQ(account_charge(b, 1000), -ENOMEM);       /* what b left goes on being a's */
    OK(account_charge(b, 900));
    EQ(sums(a).mem_current, 4000);
    account_uncharge(b, 900);
    account_uncharge(b, 3000);
    EQ(sums(a).mem_current, 100);
    OK(account_charge(c, 3900));
    account_uncharge(c, 4000);
    OK(account_task(c, -1));
    account_fold(a);
    account_fold(a);
    EQ(sums(root).mem_current, 0);
    EQ(sums(root).wbytes, 10);
    account_put(b);
    account_put(a);
    account_put(c);
    EQ(sums(root).wbytes, 10);
    account_put(root);
}

TEST(a_limit_stays_over_those_that_live_on)
{
    int64_t before = count_of(OBJ_ACCOUNT);
    Account *root = account_new(NULL);
    Account *a = account_new(root);
    Account *b = account_new(a), *c = account_new(a);
    limit(a, 100 * KIB);
    OK(account_limit_tasks(NULL, a, 2, true));
    OK(account_charge(a, 10 * KIB));
    account_fold(a);
    account_put(a);
    OK(account_charge(b, 60 * KIB));
    EQ(account_charge(c, 31 * KIB), -ENOMEM);
    OK(account_task(b, 1));
    OK(account_task(c, 1));
    EQ(account_task(c, 1), -EAGAIN);
    OK(account_task(b, -1));
    OK(account_task(c, -1));
    account_uncharge(b, 60 * KIB);
    account_put(b);
    EQ(account_charge(c, 91 * KIB), -ENOMEM);
    account_uncharge(a, 10 * KIB);              /* c holds it still */
    account_put(c);
    EQ(sums(root).mem_current, 0);
    account_put(root);
    EQ(count_of(OBJ_ACCOUNT), before);
}

/* Each generation sets a limit for the next one and ends. */
TEST(limits_are_handed_down_a_chain)
{
    int64_t before = count_of(OBJ_ACCOUNT);
    Account *root = account_new(NULL), *a = account_new(root);
    for (unsigned i = 0; i < 1000; i++) {
        OK(account_charge(a, 5 * KIB));
        limit(a, (2000 - i) * KIB);
        Account *next = account_new(a);
        account_fold(a);
        account_uncharge(a, 5 * KIB);
        account_put(a);
        a = next;
        TRUE(count_of(OBJ_ACCOUNT) - before < 6);
        EQ(account_charge(a, (2000 - i) * KIB + 1), -ENOMEM);
        OK(account_charge(a, (2000 - i) * KIB));
        account_uncharge(a, (2000 - i) * KIB);
    }
    account_put(a);
    account_put(root);
    EQ(count_of(OBJ_ACCOUNT), before);
}

/* The record that had a limit is gone: its limit holds for who lives on, and is not his to raise. */
TEST(what_was_handed_down_still_limits)
{
    Call c;
    AccountLimits l;
    call_init(&c, NULL);
    Account *root = account_new(NULL), *a = account_new(root), *b = account_new(a);
    limit(a, 100 * KIB);
    OK(account_limit_tasks(&c, a, 2, true));
    account_fold(a);
    account_put(a);
    account_limits(b, &l);
    EQ(l.memory, 100 * KIB);
    EQ(l.tasks, 2);
    EQ(account_charge(b, 100 * KIB + 1), -ENOMEM);
    OK(account_task(b, 2));
    EQ(account_task(b, 1), -EAGAIN);
    EQ(account_limit_memory(&c, b, 200 * KIB, false), -EPERM);
    EQ(account_limit_tasks(&c, b, 3, false), -EPERM);
    OK(account_limit_memory(&c, b, 50 * KIB, false));
    OK(account_task(b, -2));
    account_put(b);
    account_put(root);
    call_destroy(&c);
}

TEST(the_limit_in_force_is_shown)
{
    Call c;
    call_init(&c, NULL);
    Account *root = account_new(NULL), *a = account_new(root);
    OK(account_limit_memory(&c, a, 4000, true));
    OK(account_limit_memory(&c, a, 3000, false));
    EQ(sums(a).mem_max, 3000);
    account_put(a);
    account_put(root);
    call_destroy(&c);
}

TEST(io_is_counted_beyond_32_bits)
{
    Account *a = account_new(NULL);
    account_io(a, true, 5000000, UINT64_C(1) << 40);
    account_io(a, true, 1, 3);
    account_io(a, false, 1, UINT64_C(1) << 45);
    EQ(sums(a).wios, 5000001);
    EQ(sums(a).wbytes, (UINT64_C(1) << 40) + 3);
    EQ(sums(a).rbytes, UINT64_C(1) << 45);
    EQ(sums(a).rios, 1);
    account_put(a);
}

TEST(a_limit_of_tasks_counts_the_tree)
{
    Account *root = account_new(NULL);
    Account *a = account_new(root);
    Account *b = account_new(a);
    OK(account_limit_tasks(NULL, a, 3, true));
    OK(account_task(a, 1));
    OK(account_task(b, 1));
    OK(account_task(b, 1));
    EQ(account_task(b, 1), -EAGAIN);
    EQ(account_task(a, 1), -EAGAIN);
    OK(account_task(root, 1));
    OK(account_task(b, -1));
    OK(account_task(a, 1));
    account_put(b);
    account_put(a);
    account_put(root);
    OK(account_task(NULL, 1));
}

TEST(what_the_parent_lowered_the_task_cannot_raise)
{
    Call c;
    Account *root = account_new(NULL);
    Account *a = account_new(root);
    AccountLimits l;
    call_init(&c, NULL);
    OK(account_limit_memory(&c, a, 5000, false));
    OK(account_limit_memory(&c, a, 6000, false));
    OK(account_limit_memory(&c, a, 4000, true));
    EQ(account_limit_memory(&c, a, 4001, false), -EPERM);
    TRUE(c.words[0] != '\0');
    OK(account_limit_memory(&c, a, 3000, false));
    OK(account_limit_memory(&c, a, 4000, false));
    OK(account_limit_memory(&c, a, ACCOUNT_MAX, true));
    OK(account_limit_memory(&c, a, 70000, false));
    OK(account_limit_fds(&c, a, 10, true));
    EQ(account_limit_fds(&c, a, 11, false), -EPERM);
    account_limits(a, &l);
    EQ(l.memory, 70000);
    EQ(l.fds, 10);
    TRUE(l.tasks == ACCOUNT_MAX);
    Account *b = account_new(a);
    account_limits(b, &l);
    EQ(l.fds, 10);
    TRUE(l.memory == ACCOUNT_MAX);
    EQ(account_limit_fds(&c, b, 11, false), -EPERM);
    account_put(b);
    account_put(a);
    account_put(root);
    call_destroy(&c);
}

static int make_chain(void *arg)
{
    Account *root = arg;
    Account *a = account_new(root);
    if (a == NULL)
        return -ENOMEM;
    Account *b = account_new(a);
    void *p = b != NULL ? account_alloc(b, 10000) : NULL;
    int r = p != NULL ? 0 : -ENOMEM;
    account_free(b, p, 10000);
    account_put(b);
    account_put(a);
    Account *own = account_new(NULL);
    r = own != NULL ? r : -ENOMEM;
    account_put(own);
    return r;
}

TEST(without_memory_nothing_stays)
{
    int64_t before = count_of(OBJ_ACCOUNT);
    Account *root = account_new(NULL);
    test_each_failure(make_chain, root);
    EQ(sums(root).mem_current, 0);
    limit(root, 9999);
    EQ(make_chain(root), -ENOMEM);
    EQ(sums(root).mem_current, 0);
    account_put(root);
    EQ(count_of(OBJ_ACCOUNT), before);
}

/* ---- many threads ------------------------------------------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 3000, LIMIT = 300000 };

typedef struct Crowd {
    Account *root, *shared;
    Mutex lock;                     /* RANK_LEAF */
    Cond changed;
    unsigned ended;
} Crowd;

/* Charges its own record and the shared one, in sizes around a stock; makes, folds and puts records on the way. */
static void spender(void *arg)
{
    Crowd *w = arg;
    Account *mine = account_new(w->shared);
    unsigned x = 1 + (unsigned)(uintptr_t)&mine;
    for (unsigned i = 0; i < ROUNDS; i++) {
        x = x * 1664525u + 1013904223u;
        size_t n = 1 + (x >> 8) % 100000;
        Account *who = x & 64 ? mine : w->shared;
        if (account_charge(who, n) == 0) {
            if (x & 128)
                thread_yield();
            account_uncharge(who, n);
        }
        if (i % 100 == 99) {
            /* What it made stays behind. */
            Account *next = account_new(w->shared);
            bool charged = account_charge(mine, 5000) == 0;
            account_fold(mine);
            if (charged)
                account_uncharge(mine, 5000);
            account_put(mine);
            mine = next;
        }
    }
    account_put(mine);
    mutex_lock(&w->lock);
    w->ended++;
    cond_wake_all(&w->changed);
    mutex_unlock(&w->lock);
}

TEST_SLOW(no_byte_is_lost_among_threads, 60)
{
    Crowd w = { .ended = 0 };
    mutex_init(&w.lock, RANK_LEAF);
    cond_init(&w.changed);
    w.root = account_new(NULL);
    w.shared = account_new(w.root);
    limit(w.root, LIMIT);
    for (unsigned i = 0; i < THREADS; i++)
        OK(worker_run(spender, &w, 0));
    mutex_lock(&w.lock);
    while (w.ended < THREADS)
        cond_wait(&w.changed, &w.lock);
    mutex_unlock(&w.lock);
    EQ(sums(w.root).mem_current, 0);
    TRUE(sums(w.root).mem_peak <= LIMIT);
    OK(account_charge(w.shared, LIMIT));
    EQ(account_charge(w.root, 1), -ENOMEM);
    account_uncharge(w.shared, LIMIT);
    account_put(w.shared);
    account_put(w.root);
    workers_drain();
}

TEST(references_at_hand_go_back_when_the_thread_turns_to_another)
{
    int64_t before = count_of(OBJ_ACCOUNT);
    Account *a = account_new(NULL), *b = account_new(a);
    Account *held[200];
    account_at_hand(a);
    for (size_t i = 0; i < LEN(held); i++)
        held[i] = account_get(a);
    account_at_hand(b);
    for (size_t i = 0; i < LEN(held); i++)
        account_put(held[i]);
    for (size_t i = 0; i < LEN(held); i++)
        held[i] = account_get(b);
    account_at_hand(NULL);
    for (size_t i = 0; i < LEN(held); i++)
        account_put(held[i]);
    account_at_hand(b);
    account_put(b);                 /* kept: it is at hand */
    EQ(count_of(OBJ_ACCOUNT), before + 2);
    account_at_hand(NULL);
    EQ(count_of(OBJ_ACCOUNT), before + 1);
    account_put(a);
    EQ(count_of(OBJ_ACCOUNT), before);
}
