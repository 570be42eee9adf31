/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "kern/count.h"
#include "kern/nsnode.h"
#include "test/test.h"

enum { KEYS = 10000 };

typedef struct Entry {
    MapItem item;
    uint64_t key, value;
} Entry;

static bool entry_same(const MapItem *item, const void *key)
{
    return ((const Entry *)item)->key == *(const uint64_t *)key;
}

/* The hash that a key has in these tests: chosen by the test. */
typedef uint64_t HashFn(uint64_t key);

static uint64_t spread(uint64_t key)
{
    return hash_u64(key);
}
static uint64_t all_alike(uint64_t key)
{
    return key & 3;
} /* chains */
static uint64_t late(uint64_t key)
{
    return key << 58;
} /* differ in the highest bits only */
static uint64_t beyond(uint64_t key)
{
    return key << 60 | 7;
} /* and in bits that choose no slot */

static int put(Account *a, Map **m, HashFn *hash, uint64_t key, uint64_t value)
{
    Entry *e = nsobj_new(a, NS_HIDDEN, sizeof *e);
    Map *more = NULL;
    if (e == NULL)
        return -ENOMEM;
    e->item.hash = hash(key);
    e->key = key;
    e->value = value;
    int r = map_with(a, *m, &e->item, entry_same, &key, &more);
    nsobj_put(&e->item.obj);
    if (r < 0)
        return r;
    nsobj_put((NsObj *)*m);
    *m = more;
    return 0;
}

static int take(Account *a, Map **m, HashFn *hash, uint64_t key)
{
    Map *less = NULL;
    int r = map_without(a, *m, hash(key), entry_same, &key, &less);
    if (r < 0)
        return r;
    nsobj_put((NsObj *)*m);
    *m = less;
    return 0;
}

static uint64_t value_of(const Map *m, HashFn *hash, uint64_t key)
{
    const Entry *e = (const Entry *)map_find(m, hash(key), entry_same, &key);
    return e == NULL ? 0 : e->value;
}

static int count_item(void *arg, MapItem *item)
{
    (void)item;
    ++*(unsigned *)arg;
    return 0;
}

static unsigned size_of(const Map *m)
{
    unsigned n = 0;
    EQ(map_each(m, count_item, &n), 0);
    return n;
}

typedef struct Counts {
    int64_t maps;
} Counts;

static Counts counts_now(void)
{
    return (Counts){ .maps = count_of(OBJ_MAP) };
}

/* Random puts and takes, against a plain array. */
static void compare(HashFn *hash, unsigned keys, unsigned steps)
{
    Counts before = counts_now();
    Account *a = account_new(NULL);
    uint64_t *plain = calloc(keys, sizeof *plain), seed = 1;
    TRUE(plain != NULL);
    Map *m = NULL;
    unsigned n = 0;
    for (unsigned i = 1; i <= steps; i++) {
        seed = hash_u64(seed + i);
        unsigned key = (unsigned)(seed % keys);
        bool adds = (seed >> 40) % 3 != 0;
        EQ(adds ? put(a, &m, hash, key, i) : take(a, &m, hash, key), 0);
        n += adds && plain[key] == 0;
        n -= !adds && plain[key] != 0;
        plain[key] = adds ? i : 0;
        EQ(value_of(m, hash, key), plain[key]);
    }
    for (unsigned key = 0; key < keys; key++)
        EQ(value_of(m, hash, key), plain[key]);
    EQ(size_of(m), n);
    for (unsigned key = 0; key < keys; key++)
        EQ(take(a, &m, hash, key), 0);
    PTR_EQ(m, NULL);
    free(plain);
    AccountSums sums;
    account_sums(a, &sums);
    EQ(sums.mem_current, 0);
    account_put(a);
    EQ(count_of(OBJ_MAP), before.maps);
}

TEST(ten_thousand_keys)
{
    compare(spread, KEYS, 5 * KEYS);
}
TEST(hashes_that_collide)
{
    compare(all_alike, 60, 4000);
}
TEST(hashes_that_differ_late)
{
    compare(late, 60, 4000);
}
TEST(hashes_that_differ_beyond_the_last_slot)
{
    compare(beyond, 60, 4000);
}

TEST(old_maps_stay_as_they_are)
{
    Counts before = counts_now();
    enum { VERSIONS = 300 };
    Map *m[VERSIONS] = { NULL };
    for (unsigned i = 1; i < VERSIONS; i++) {
        m[i] = nsobj_get((NsObj *)m[i - 1]);
        EQ(put(NULL, &m[i], spread, i % 100, i), 0);
        if (i % 7 == 0)
            EQ(take(NULL, &m[i], spread, (i * 31) % 100), 0);
    }
    uint64_t plain[100] = { 0 };
    for (unsigned i = 1; i < VERSIONS; i++) {
        plain[i % 100] = i;
        if (i % 7 == 0)
            plain[(i * 31) % 100] = 0;
        for (unsigned key = 0; key < 100; key++)
            EQ(value_of(m[i], spread, key), plain[key]);
    }
    for (unsigned i = 0; i < VERSIONS; i++)
        nsobj_put((NsObj *)m[(i * 7) % VERSIONS]);      /* in another order than they were made */
    EQ(count_of(OBJ_MAP), before.maps);
}

TEST(an_absent_key_gives_the_same_map)
{
    Map *m = NULL, *same = NULL;
    uint64_t key = 77;
    EQ(map_without(NULL, NULL, 1, entry_same, &key, &same), 0);
    PTR_EQ(same, NULL);
    for (unsigned i = 0; i < 50; i++)
        EQ(put(NULL, &m, all_alike, i, 1), 0);
    EQ(map_without(NULL, m, all_alike(key), entry_same, &key, &same), 0);
    PTR_EQ(same, m);
    nsobj_put((NsObj *)same);
    nsobj_put((NsObj *)m);
}

static int stop_at_third(void *arg, MapItem *item)
{
    (void)item;
    return ++*(unsigned *)arg == 3 ? -EIO : 0;
}

TEST(each_stops_when_asked)
{
    Map *m = NULL;
    unsigned n = 0;
    for (unsigned i = 0; i < 50; i++)
        EQ(put(NULL, &m, spread, i, 1), 0);
    EQ(map_each(m, stop_at_third, &n), -EIO);
    EQ(n, 3);
    nsobj_put((NsObj *)m);
}

/* A step that fails leaves the old map, which then still holds all that it held. */
static int failing_steps(void *arg)
{
    HashFn *hash = *(HashFn **)arg;
    Map *m = NULL;
    int r = 0;
    unsigned made = 0;
    for (; made < 40 && r == 0; made++)
        r = put(NULL, &m, hash, made, made + 1);
    made -= r < 0;
    for (unsigned i = 0; i < made; i++)
        EQ(value_of(m, hash, i), i + 1);
    unsigned gone = 0;
    for (; gone < made && r == 0; gone++)
        r = take(NULL, &m, hash, gone);
    gone -= r < 0 && gone > 0;
    for (unsigned i = gone; i < made; i++)
        EQ(value_of(m, hash, i), i + 1);
    nsobj_put((NsObj *)m);
    return r;
}

TEST(failing_allocations)
{
    Counts before = counts_now();
    HashFn *hash[] = { spread, all_alike, late };
    for (unsigned i = 0; i < LEN(hash); i++)
        test_each_failure(failing_steps, &hash[i]);
    EQ(count_of(OBJ_MAP), before.maps);
}

TEST(an_account_over_its_limit_refuses)
{
    Account *a = account_new(NULL);
    Map *m = NULL;
    unsigned n = 0;
    Call c = { 0 };
    OK(account_limit_memory(&c, a, 20000, true));
    while (put(a, &m, spread, n, 1) == 0)
        n++;
    TRUE(n > 20 && n < 1000);
    EQ(size_of(m), n);
    nsobj_put((NsObj *)m);
    AccountSums sums;
    account_sums(a, &sums);
    EQ(sums.mem_current, 0);
    account_put(a);
}

TEST(hashes_of_bytes_depend_on_each)
{
    char s[20] = "abcdefghijklmnopqrs";
    uint64_t h = hash_bytes(s, 19);
    for (unsigned i = 0; i < 19; i++) {
        s[i] ^= 1;
        NE(hash_bytes(s, 19), h);
        s[i] ^= 1;
    }
    EQ(hash_bytes(s, 19), h);
    NE(hash_bytes("a", 1), hash_bytes("a\0", 2));
    NE(hash_bytes("", 0), hash_bytes("\0", 1));
}
