/* SPDX-License-Identifier: MIT */
/*
 * Persistent maps: hash array mapped tries. A changed map shares with the old one all but the path to the change, so that
 * a namespace of a hundred thousand names is forked by counting one reference and changed by copying a handful of
 * small nodes.
 *
 * Five bits of the hash choose a slot at each level; where two items share all 60 bits they stand in a chain.
 * Source: P. Bagwell, "Ideal Hash Trees", 2001.
 */
#include <string.h>

#include "kern/nsnode.h"

enum { MAP_BITS = 5, MAP_LAST_SHIFT = 60 };         /* at and behind this shift: chains */

uint64_t hash_u64(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    return x;
}

/* Names are short: multiply and fold eight bytes at a time. Not against chosen collisions; chains stay right, only slower. */
uint64_t hash_bytes(const void *p, size_t n)
{
    return hash_seeded(p, n, UINT64_C(0x9e3779b97f4a7c15));
}

uint64_t hash_seeded(const void *p, size_t n, uint64_t seed)
{
    const unsigned char *s = p;
    uint64_t h = seed ^ n;
    while (n >= 8) {
        uint64_t w;
        memcpy(&w, s, 8);
        h = hash_u64(h ^ w);
        s += 8;
        n -= 8;
    }
    uint64_t tail = 0;
    for (size_t i = 0; i < n; i++)
        tail |= (uint64_t)s[i] << (8 * i);
    return hash_u64(h ^ tail);
}

static unsigned slot_of(uint64_t hash, unsigned shift)
{
    return (unsigned)(hash >> shift) & 31;
}
/* The compiler's own is a call where the processor's is not taken for granted, as on every x86-64. */
static unsigned ones(uint32_t x)
{
    x -= x >> 1 & 0x55555555u;
    x = (x & 0x33333333u) + (x >> 2 & 0x33333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0fu;
    return x * 0x01010101u >> 24;
}
static unsigned slot_index(const Map *m, unsigned slot)
{
    return ones((m->nodes | m->items) & ((UINT32_C(1) << slot) - 1));
}
static unsigned slot_count(const Map *m)
{
    return ones(m->nodes | m->items) + m->chained;
}

static Map *map_alloc(Account *a, unsigned slots)
{
    return nsobj_new(a, NS_MAP, sizeof(Map) + slots * sizeof(NsObj *));
}

MapItem *map_find(const Map *m, uint64_t hash, MapSame *same, const void *key)
{
    for (unsigned shift = 0; m != NULL; shift += MAP_BITS) {
        for (unsigned i = 0; i < m->chained; i++)
            if (((MapItem *)m->slot[i])->hash == hash && same((MapItem *)m->slot[i], key))
                return (MapItem *)m->slot[i];
        if (shift >= MAP_LAST_SHIFT)
            return NULL;
        uint32_t bit = UINT32_C(1) << slot_of(hash, shift);
        if (m->items & bit) {
            MapItem *item = (MapItem *)m->slot[slot_index(m, slot_of(hash, shift))];
            return item->hash == hash && same(item, key) ? item : NULL;
        }
        if ((m->nodes & bit) == 0)
            return NULL;
        m = (const Map *)m->slot[slot_index(m, slot_of(hash, shift))];
    }
    return NULL;
}

/* A copy with one slot more (at index at, left empty), or the same number. The copied slots have references of their own, but
 * for `skip` (an index in the old map, or -1), which is left empty. */
static Map *map_copy(Account *a, const Map *m, unsigned at, unsigned more, int skip)
{
    unsigned n = slot_count(m);
    Map *copy = map_alloc(a, n + more);
    if (copy == NULL)
        return NULL;
    copy->nodes = m->nodes;
    copy->items = m->items;
    copy->chained = m->chained;
    for (unsigned i = 0; i < n; i++)
        if ((int)i != skip)
            copy->slot[i < at ? i : i + more] = nsobj_get(m->slot[i]);
    return copy;
}

/* A map of two items whose hashes agree below shift. */
static int map_pair(Account *a, MapItem *x, MapItem *y, unsigned shift, Map **out)
{
    if (shift >= MAP_LAST_SHIFT) {
        Map *m = map_alloc(a, 2);
        if (m == NULL)
            return -ENOMEM;
        m->chained = 2;
        m->slot[0] = nsobj_get(&x->obj);
        m->slot[1] = nsobj_get(&y->obj);
        *out = m;
        return 0;
    }
    unsigned sx = slot_of(x->hash, shift), sy = slot_of(y->hash, shift);
    if (sx != sy) {
        Map *m = map_alloc(a, 2);
        if (m == NULL)
            return -ENOMEM;
        m->items = UINT32_C(1) << sx | UINT32_C(1) << sy;
        m->slot[sx > sy] = nsobj_get(&x->obj);
        m->slot[sx < sy] = nsobj_get(&y->obj);
        *out = m;
        return 0;
    }
    Map *below = NULL;
    int r = map_pair(a, x, y, shift + MAP_BITS, &below);
    if (r < 0)
        return r;
    Map *m = map_alloc(a, 1);
    if (m == NULL) {
        nsobj_put(&below->obj);
        return -ENOMEM;
    }
    m->nodes = UINT32_C(1) << sx;
    m->slot[0] = &below->obj;
    *out = m;
    return 0;
}

static int chain_with(Account *a, const Map *m, MapItem *item, MapSame *same, const void *key, Map **out)
{
    unsigned i = 0;
    while (i < m->chained && !same((MapItem *)m->slot[i], key))
        i++;
    Map *copy = map_copy(a, m, m->chained, i == m->chained, i < m->chained ? (int)i : -1);
    if (copy == NULL)
        return -ENOMEM;
    copy->slot[i] = nsobj_get(&item->obj);
    copy->chained += i == m->chained;
    *out = copy;
    return 0;
}

static int with(Account *a, const Map *m, MapItem *item, MapSame *same, const void *key, unsigned shift, Map **out)
{
    if (shift >= MAP_LAST_SHIFT)
        return chain_with(a, m, item, same, key, out);
    unsigned slot = slot_of(item->hash, shift), i = slot_index(m, slot);
    uint32_t bit = UINT32_C(1) << slot;
    Map *below = NULL;
    bool replace = false;
    if (m->nodes & bit) {
        int r = with(a, (Map *)m->slot[i], item, same, key, shift + MAP_BITS, &below);
        if (r < 0)
            return r;
    } else if (m->items & bit) {
        MapItem *old = (MapItem *)m->slot[i];
        replace = old->hash == item->hash && same(old, key);
        int r = replace ? 0 : map_pair(a, old, item, shift + MAP_BITS, &below);
        if (r < 0)
            return r;
    }
    bool fresh = below == NULL && !replace;
    Map *copy = map_copy(a, m, i, fresh, fresh ? -1 : (int)i);
    if (copy == NULL) {
        if (below != NULL)
            nsobj_put(&below->obj);
        return -ENOMEM;
    }
    copy->slot[i] = below != NULL ? &below->obj : nsobj_get(&item->obj);
    if (below != NULL) {
        copy->nodes |= bit;
        copy->items &= ~bit;
    } else {
        copy->items |= bit;
    }
    *out = copy;
    return 0;
}

int map_with(Account *a, const Map *m, MapItem *item, MapSame *same, const void *key, Map **out)
{
    if (m != NULL)
        return with(a, m, item, same, key, 0, out);
    Map *one = map_alloc(a, 1);
    if (one == NULL)
        return -ENOMEM;
    one->items = UINT32_C(1) << slot_of(item->hash, 0);
    one->slot[0] = nsobj_get(&item->obj);
    *out = one;
    return 0;
}

/* A copy without slot i; NULL in *out when it was the only one. */
static int drop_slot(Account *a, const Map *m, unsigned i, uint32_t bit, Map **out)
{
    unsigned n = slot_count(m);
    *out = NULL;
    if (n == 1)
        return 0;
    Map *copy = map_alloc(a, n - 1);
    if (copy == NULL)
        return -ENOMEM;
    copy->nodes = m->nodes & ~bit;
    copy->items = m->items & ~bit;
    copy->chained = m->chained - (bit == 0);
    for (unsigned k = 0, to = 0; k < n; k++)
        if (k != i)
            copy->slot[to++] = nsobj_get(m->slot[k]);
    *out = copy;
    return 0;
}

static int without(Account *a, const Map *m, uint64_t hash, MapSame *same, const void *key, unsigned shift, Map **out)
{
    for (unsigned i = 0; i < m->chained; i++)
        if (((MapItem *)m->slot[i])->hash == hash && same((MapItem *)m->slot[i], key))
            return drop_slot(a, m, i, 0, out);
    unsigned slot = shift >= MAP_LAST_SHIFT ? 0 : slot_of(hash, shift), i = slot_index(m, slot);
    uint32_t bit = shift >= MAP_LAST_SHIFT ? 0 : UINT32_C(1) << slot;
    if (m->items & bit) {
        MapItem *item = (MapItem *)m->slot[i];
        if (item->hash == hash && same(item, key))
            return drop_slot(a, m, i, bit, out);
    } else if (m->nodes & bit) {
        Map *old = (Map *)m->slot[i], *below = NULL;
        int r = without(a, old, hash, same, key, shift + MAP_BITS, &below);
        if (r < 0)
            return r;
        if (below == NULL)
            return drop_slot(a, m, i, bit, out);
        if (below != old) {
            Map *copy = map_copy(a, m, 0, 0, (int)i);
            if (copy == NULL) {
                nsobj_put(&below->obj);
                return -ENOMEM;
            }
            copy->slot[i] = &below->obj;
            *out = copy;
            return 0;
        }
        nsobj_put(&below->obj);
    }
    *out = nsobj_get((NsObj *)m);
    return 0;
}

int map_without(Account *a, const Map *m, uint64_t hash, MapSame *same, const void *key, Map **out)
{
    *out = NULL;
    return m == NULL ? 0 : without(a, m, hash, same, key, 0, out);
}

int map_each(const Map *m, int (*fn)(void *arg, MapItem *item), void *arg)
{
    if (m == NULL)
        return 0;
    unsigned n = slot_count(m);
    uint32_t left = m->nodes | m->items;
    for (unsigned i = 0; i < n; i++) {
        uint32_t bit = i < m->chained ? 0 : left & -left;
        left &= ~bit;
        int r = (m->nodes & bit) ? map_each((Map *)m->slot[i], fn, arg) : fn(arg, (MapItem *)m->slot[i]);
        if (r != 0)
            return r;
    }
    return 0;
}
