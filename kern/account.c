/* SPDX-License-Identifier: MIT */
/*
 * Records of what tasks use. A record's `held` is what it and all below it have been given; a part of that is its stock, not used
 * yet. The usual charge takes from the stock, without a lock and touching no other record. All else (filling and
 * emptying stocks, limits, the tree itself) happens under one lock a tree, once in 64 KiB.
 *
 * What a stock holds counts against the limits above it. So that this denies nobody anything, a refused refill first
 * takes back every stock below the record that is full, then tries the exact amount.
 *
 * A record that is folded passes everything on to the nearest one above it that is not; its children become that one's. While
 * others live below a limit, the record that has it stays, so that a task which ends and is removed takes no limit along.
 */
#include "kern/account.h"
#include "kern/call.h"
#include "kern/count.h"

enum { STOCK = 64 * 1024 };         /* how much is fetched at once; twice as much is the most that is kept */

typedef struct AccountTree {        /* shared by all records below one root */
    Ref ref;
    Mutex lock;                     /* RANK_ACCOUNT */
} AccountTree;

typedef struct Limit {
    uint64_t now;                   /* what is enforced */
    uint64_t most;                  /* what the task itself may raise it to: set by its parent */
} Limit;

typedef struct IoCount {            /* tree->lock */
    uint64_t calls, bytes;
} IoCount;

struct Account {
    Ref ref;
    AccountTree *tree;              /* owned */
    atomic_uint_least64_t stock;
    atomic_bool folded;             /* changes once, under tree->lock */
    bool gone;                      /* tree->lock: its task was removed */

    atomic_uint_least64_t user_ns, system_ns;
    IoCount in, out;

    /* tree->lock */
    Account *parent;                /* owned; NULL for the root's */
    Account *children, *next, *prev;    /* not owned: who leaves the list holds the lock */
    unsigned owed;                  /* folded: references that its children had, to be put without the lock */
    uint64_t held, peak, tasks;
    Limit memory, tasklimit, fds;
};

/* ---- the tree ----------------------------------------------------------------------------------------------------- */

static void tree_put(AccountTree *tree)
{
    if (!ref_put(&tree->ref))
        return;
    mutex_destroy(&tree->lock);
    mem_free(tree);
}

static AccountTree *tree_new(void)
{
    AccountTree *tree = mem_alloc(sizeof *tree);
    if (tree == NULL)
        return NULL;
    ref_init(&tree->ref);
    mutex_init(&tree->lock, RANK_ACCOUNT);
    return tree;
}

static AccountTree *tree_get(AccountTree *tree)
{
    ref_get(&tree->ref);
    return tree;
}

static void link_locked(Account *a, Account *parent)
{
    a->prev = NULL;
    a->next = parent->children;
    if (a->next != NULL)
        a->next->prev = a;
    parent->children = a;
}

static void unlink_locked(Account *a)
{
    if (a->prev != NULL)
        a->prev->next = a->next;
    else
        a->parent->children = a->next;
    if (a->next != NULL)
        a->next->prev = a->prev;
    a->next = a->prev = NULL;
}

/* The record that stands for a. */
static Account *standing_locked(Account *a)
{
    while (atomic_load(&a->folded))
        a = a->parent;
    return a;
}

/* The next record of the tree below top, in an order that visits parents first; NULL after the last. */
static Account *next_below_locked(Account *a, const Account *top)
{
    if (a->children != NULL)
        return a->children;
    while (a != top && a->next == NULL)
        a = a->parent;
    return a != top ? a->next : NULL;
}

Account *account_new(Account *parent)
{
    Account *a = mem_alloc(sizeof *a);
    if (a == NULL)
        return NULL;
    a->tree = parent != NULL ? tree_get(parent->tree) : tree_new();
    if (a->tree == NULL) {
        mem_free(a);
        return NULL;
    }
    ref_init(&a->ref);
    a->memory = a->tasklimit = a->fds = (Limit){ ACCOUNT_MAX, ACCOUNT_MAX };
    if (parent != NULL) {
        mutex_lock(&a->tree->lock);
        a->parent = account_get(standing_locked(parent));
        a->fds = (Limit){ a->parent->fds.now, a->parent->fds.now };
        link_locked(a, a->parent);
        mutex_unlock(&a->tree->lock);
    }
    count_add(OBJ_ACCOUNT, a);
    return a;
}

/*
 * References that the calling thread has in hand for what its task makes: opening and closing a file so moves no count that other
 * threads look at (bench/bench_wasi.c: 9 ns of 280).
 */
typedef struct Purse {
    Account *account;               /* borrowed: the task outlives its threads */
    unsigned refs;                  /* owned */
} Purse;

enum { PURSE_FILL = 64 };

static _Thread_local Purse purse;

Account *account_get(Account *a)
{
    if (a == NULL)
        return NULL;
    if (purse.account != a) {
        ref_get(&a->ref);
        return a;
    }
    if (purse.refs == 0) {
        atomic_fetch_add_explicit(&a->ref.n, PURSE_FILL, memory_order_relaxed);
        purse.refs = PURSE_FILL;
    }
    purse.refs--;
    return a;
}

/* ---- memory ------------------------------------------------------------------------------------------------------- */

/* a's stock is not a's any more: nobody above holds it either. */
static void empty_stock_locked(Account *a)
{
    uint64_t n = atomic_exchange(&a->stock, 0);
    for (Account *p = a; n > 0 && p != NULL; p = p->parent)
        p->held -= n;
}

static void empty_stocks_locked(Account *top)
{
    for (Account *p = top; p != NULL; p = next_below_locked(p, top))
        empty_stock_locked(p);
}

/* The lowest record from a on upwards that n more bytes would bring over its limit, or NULL. */
static Account *full_locked(Account *a, uint64_t n)
{
    for (; a != NULL; a = a->parent)
        if (a->held > a->memory.now || n > a->memory.now - a->held)
            return a;
    return NULL;
}

static void give_locked(Account *a, uint64_t n)
{
    for (Account *p = a; p != NULL; p = p->parent)
        p->held += n;
}

/*
 * What is used is less than what is held by all stocks below. Only the record's own is looked at: a peak may be shown too large
 * by what the stocks of others held, never above the limit.
 */
static void note_peak_locked(Account *a)
{
    uint64_t spare = a != NULL ? atomic_load(&a->stock) : 0;
    for (Account *p = a; p != NULL; p = p->parent) {
        uint64_t used = p->held > spare ? p->held - spare : 0;
        if (used > p->peak)
            p->peak = used;
    }
}

/* n bytes for a, from above. */
static int charge_locked(Account *a, uint64_t n)
{
    a = standing_locked(a);
    if (a == NULL)
        return 0;                   /* folded up to nothing: nobody pays any more */
    if (n <= STOCK && full_locked(a, n + STOCK) == NULL) {
        give_locked(a, n + STOCK);
        atomic_fetch_add(&a->stock, STOCK);
    } else {
        Account *full;
        while ((full = full_locked(a, n)) != NULL) {
            uint64_t before = full->held;
            empty_stocks_locked(full);
            if (full->held == before)
                return -ENOMEM;
        }
        give_locked(a, n);
    }
    note_peak_locked(a);
    return 0;
}

int account_charge(Account *a, size_t bytes)
{
    if (a == NULL || bytes == 0)
        return 0;
    uint64_t stock = atomic_load_explicit(&a->stock, memory_order_relaxed);
    while (stock >= bytes)
        if (atomic_compare_exchange_weak(&a->stock, &stock, stock - bytes))
            return 0;
    mutex_lock(&a->tree->lock);
    int r = charge_locked(a, bytes);
    mutex_unlock(&a->tree->lock);
    return r;
}

/* Gives back what a stock holds beyond its usual size; all of it, to the record that stands for a, once a is folded. */
static void trim_stock(Account *a)
{
    mutex_lock(&a->tree->lock);
    bool folded = atomic_load(&a->folded);
    uint64_t stock = atomic_load(&a->stock);
    uint64_t keep = folded ? 0 : STOCK;
    while (stock > keep)
        if (atomic_compare_exchange_weak(&a->stock, &stock, keep)) {
            for (Account *p = standing_locked(a); p != NULL; p = p->parent)
                p->held -= stock - keep;
            break;
        }
    mutex_unlock(&a->tree->lock);
}

void account_uncharge(Account *a, size_t bytes)
{
    if (a == NULL || bytes == 0)
        return;
    uint64_t stock = atomic_fetch_add(&a->stock, bytes) + bytes;
    /* Folding sets the mark before it takes the stock: either it takes these bytes along or the mark is seen here. */
    if (stock / 2 > STOCK || atomic_load(&a->folded))
        trim_stock(a);
}

void *account_alloc(Account *a, size_t n)
{
    if (account_charge(a, n) < 0)
        return NULL;
    void *p = mem_alloc(n);
    if (p == NULL)
        account_uncharge(a, n);
    return p;
}

void account_free(Account *a, void *p, size_t n)
{
    if (p == NULL)
        return;
    mem_free(p);
    account_uncharge(a, n);
}

/* ---- the end of a record ------------------------------------------------------------------------------------------ */

static void move_io_locked(IoCount *from, IoCount *to)
{
    to->calls += from->calls;
    to->bytes += from->bytes;
    *from = (IoCount){ 0 };
}

static void move_count(atomic_uint_least64_t *from, atomic_uint_least64_t *to)
{
    atomic_fetch_add_explicit(to, atomic_exchange(from, 0), memory_order_relaxed);
}

/* *out: records with references that the caller puts (put_owed), unlocked; the list goes by `next`. */
static void pass_on_locked(Account *a, Account **out)
{
    Account *up = a->parent;
    unlink_locked(a);
    while (a->children != NULL) {
        Account *child = a->children;
        unlink_locked(child);
        child->parent = account_get(up);
        link_locked(child, up);
        a->owed++;
    }
    if (a->owed > 0) {
        a->next = *out;
        *out = a;
    }
    atomic_store(&a->folded, true);
    uint64_t n = atomic_exchange(&a->stock, 0);
    for (Account *p = up; n > 0 && p != NULL; p = p->parent)
        p->held -= n;
    move_count(&a->user_ns, &up->user_ns);
    move_count(&a->system_ns, &up->system_ns);
    move_io_locked(&a->in, &up->in);
    move_io_locked(&a->out, &up->out);
}

static bool limits_others(const Account *a)
{
    return a->children != NULL && (a->memory.now != ACCOUNT_MAX || a->tasklimit.now != ACCOUNT_MAX);
}

static void lower_locked(Limit *limit, const Limit *above)
{
    if (limit->most > above->now)
        limit->most = above->now;
    if (limit->now > above->now)
        limit->now = above->now;
}

/* When nothing but one child is below a and a's own things are gone, its limits can be the child's: a chain stays short. */
static void hand_down_locked(Account *a)
{
    Account *child = a->children;
    if (child->next != NULL || a->held - atomic_load(&a->stock) != child->held)
        return;
    lower_locked(&child->memory, &a->memory);
    lower_locked(&child->tasklimit, &a->tasklimit);
    a->memory = a->tasklimit = (Limit){ ACCOUNT_MAX, ACCOUNT_MAX };
}

/* a's task is no more: what need not stay of it, and of those above, is passed on. */
static void fold_locked(Account *a, Account **out)
{
    a->gone = true;
    for (Account *up; a != NULL && a->gone; a = up) {
        up = a->parent;
        if (up == NULL || atomic_load(&a->folded))
            return;
        if (limits_others(a))
            hand_down_locked(a);
        if (!limits_others(a))
            pass_on_locked(a, out);
    }
}

static void put_owed(Account *out)
{
    for (Account *next; out != NULL; out = next) {
        next = out->next;
        unsigned n = out->owed;
        out->next = NULL;
        out->owed = 0;
        while (n-- > 0)
            account_put(out);
    }
}

void account_fold(Account *a)
{
    Account *out = NULL;
    if (a == NULL)
        return;
    mutex_lock(&a->tree->lock);
    fold_locked(a, &out);
    mutex_unlock(&a->tree->lock);
    put_owed(out);
}

/* Of a reference that is not put into the purse. */
static void put_last(Account *a)
{
    while (a != NULL && ref_put(&a->ref)) {
        Account *out = NULL;
        AccountTree *tree = a->tree;
        mutex_lock(&tree->lock);
        fold_locked(a, &out);       /* of one that nobody folded; it has no children, they would hold it */
        Account *up = a->parent;
        mutex_unlock(&tree->lock);
        ASSERT(a->owed == 0);
        put_owed(out);
        count_sub(OBJ_ACCOUNT, a);
        mem_free(a);
        tree_put(tree);
        a = up;
    }
}

void account_put(Account *a)
{
    if (a != NULL && a == purse.account)
        purse.refs++;
    else
        put_last(a);
}

void account_at_hand(Account *a)
{
    Purse old = purse;
    purse = (Purse){ .account = a };
    if (old.refs > 1)
        atomic_fetch_sub_explicit(&old.account->ref.n, old.refs - 1, memory_order_release);
    if (old.refs > 0)
        put_last(old.account);
}

/* ---- limits ------------------------------------------------------------------------------------------------------- */

int account_task(Account *a, int delta)
{
    int r = 0;
    if (a == NULL)
        return 0;
    mutex_lock(&a->tree->lock);
    Account *from = standing_locked(a);
    for (Account *p = from; p != NULL && delta > 0; p = p->parent)
        if (p->tasks + (uint64_t)delta > p->tasklimit.now)
            r = -EAGAIN;
    for (Account *p = from; p != NULL && r == 0; p = p->parent)
        p->tasks += (uint64_t)(int64_t)delta;
    mutex_unlock(&a->tree->lock);
    return r;
}

void account_limits(Account *a, AccountLimits *out)
{
    mutex_lock(&a->tree->lock);
    *out = (AccountLimits){ .memory = a->memory.now, .tasks = a->tasklimit.now, .fds = a->fds.now };
    mutex_unlock(&a->tree->lock);
}

static int set_limit(Call *c, Account *a, Limit *limit, uint64_t value, bool by_parent)
{
    int r = 0;
    mutex_lock(&a->tree->lock);
    if (by_parent)
        limit->most = value;
    else if (value > limit->most)
        r = -EPERM;
    if (r == 0)
        limit->now = value;
    if (limit == &a->memory)
        empty_stocks_locked(a);     /* nothing is taken from them past the new limit */
    mutex_unlock(&a->tree->lock);
    return r < 0 ? fail(c, r, "the limit was lowered by the task's parent") : 0;
}

int account_limit_memory(Call *c, Account *a, uint64_t bytes, bool by_parent)
{
    return set_limit(c, a, &a->memory, bytes, by_parent);
}

int account_limit_tasks(Call *c, Account *a, uint64_t n, bool by_parent)
{
    return set_limit(c, a, &a->tasklimit, n, by_parent);
}

int account_limit_fds(Call *c, Account *a, uint64_t n, bool by_parent)
{
    /* It does not add up, so nobody gives what he may not have himself. */
    mutex_lock(&a->tree->lock);
    uint64_t most = a->parent != NULL ? a->parent->fds.now : ACCOUNT_MAX;
    mutex_unlock(&a->tree->lock);
    if (by_parent && n > most)
        return fail(c, -EPERM, "fdlimit: the parent has %llu itself", (unsigned long long)most);
    return set_limit(c, a, &a->fds, n, by_parent);
}

/* ---- counters ----------------------------------------------------------------------------------------------------- */

static void add(atomic_uint_least64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

void account_io(Account *a, bool write, uint64_t calls, uint64_t bytes)
{
    if (a == NULL || calls == 0)
        return;
    IoCount *io = write ? &a->out : &a->in;
    mutex_lock(&a->tree->lock);
    io->calls += calls;
    io->bytes += bytes;
    mutex_unlock(&a->tree->lock);
}

void account_cpu(Account *a, uint64_t user_ns, uint64_t system_ns)
{
    if (a == NULL)
        return;
    add(&a->user_ns, user_ns);
    add(&a->system_ns, system_ns);
}

void account_sums(Account *a, AccountSums *out)
{
    AccountSums s = { 0 };
    uint64_t spare = 0;
    mutex_lock(&a->tree->lock);
    for (Account *p = a; p != NULL; p = next_below_locked(p, a)) {
        spare += atomic_load(&p->stock);
        s.user_ns += atomic_load(&p->user_ns);
        s.system_ns += atomic_load(&p->system_ns);
        s.rbytes += p->in.bytes;
        s.wbytes += p->out.bytes;
        s.rios += p->in.calls;
        s.wios += p->out.calls;
    }
    /* A stock that changed while it was looked at can make spare the larger one. */
    s.mem_current = a->held > spare ? a->held - spare : 0;
    if (s.mem_current > a->peak)
        a->peak = s.mem_current;
    s.mem_peak = a->peak;
    s.mem_max = a->memory.now;
    mutex_unlock(&a->tree->lock);
    *out = s;
}
