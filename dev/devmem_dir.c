/* SPDX-License-Identifier: MIT */
/*
 * The names of a directory in memory: an array in the order of their cookies, and from nine names on an open-addressing table
 * of positions in it. A removed name leaves a hole; the array is made anew when it is full. Cookies only rise, so that a
 * listing that goes on behind one is right whatever was added, removed or renamed meanwhile. The caller holds the lock.
 */
#include "dev/devmem.h"

#include <string.h>

#include "kern/account.h"

enum { FEWEST = 8 };                /* slots; up to so many are searched one by one */

#define FREE UINT32_MAX
#define GONE (UINT32_MAX - 1)

typedef struct Slot {
    DirEntry *entry;                /* NULL: a hole */
    uint64_t cookie;
} Slot;

typedef struct Probe {
    uint32_t hash, slot;            /* slot: also FREE and GONE */
} Probe;

typedef struct DirTable {
    Piece piece;
    uint32_t room, used;            /* slots, a power of two; used ones, holes included */
    Slot slot[];                    /* then 2 * room Probes, when room is above FEWEST */
} DirTable;

static Probe *probes(const DirTable *t)
{
    return (Probe *)(t->slot + t->room);
}

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

/* The last bytes of a name, fewer than eight, and its length. */
static uint64_t last_word(const char *s, size_t n)
{
    uint64_t word = (uint64_t)n << 56;
    for (size_t i = 0; i < n % 8; i++)
        word |= (uint64_t)(uint8_t)s[n / 8 * 8 + i] << 8 * i;
    return word;
}

/*
 * SipHash-1-3 (Aumasson and Bernstein, 2012) with the file system's key: whoever makes names in a directory that others use cannot
 * choose which of them collide.
 */
static uint32_t name_hash(const uint64_t key[2], const char *s, size_t n)
{
    uint64_t v[4] = { key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                      key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573) };
    for (size_t i = 0; i <= n / 8; i++) {
        uint64_t word = 0;
        if (i < n / 8)
            memcpy(&word, s + 8 * i, 8);
        else
            word = last_word(s, n);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return (uint32_t)(v[0] ^ v[1] ^ v[2] ^ v[3]);
}

static bool entry_is(const DirEntry *e, const char *name, size_t len)
{
    return e->len == len && memcmp(e->name, name, len) == 0;
}

/* Without the hash, which takes longer than to compare so few. */
static DirEntry *find_few(const DirTable *t, const char *name, size_t len)
{
    for (uint32_t i = 0; i < t->used; i++)
        if (t->slot[i].entry != NULL && entry_is(t->slot[i].entry, name, len))
            return t->slot[i].entry;
    return NULL;
}

DirEntry *memdir_find(const MemDir *d, const MemFs *fs, const char *name, size_t len)
{
    const DirTable *t = d->table;
    if (t == NULL)
        return NULL;
    if (t->room <= FEWEST)
        return find_few(t, name, len);
    uint32_t hash = name_hash(fs->key, name, len);
    const Probe *p = probes(t);
    uint32_t mask = 2 * t->room - 1;
    for (uint32_t i = hash & mask; p[i].slot != FREE; i = (i + 1) & mask)
        if (p[i].hash == hash && p[i].slot != GONE && entry_is(t->slot[p[i].slot].entry, name, len))
            return t->slot[p[i].slot].entry;
    return NULL;
}

/* ---- adding --------------------------------------------------------------------------------------------------------- */

int direntry_new(Account *a, MemFs *fs, const char *name, Inode *i, DirEntry **out)
{
    size_t len = strlen(name);
    Piece *p = NULL;
    int r = piece_new(a, sizeof(DirEntry) + len + 1, &p);
    if (r < 0)
        return r;
    DirEntry *e = (DirEntry *)p;
    e->inode = i;
    e->cookie = 0;
    e->hash = name_hash(fs->key, name, len);
    e->len = (uint16_t)len;
    memcpy(e->name, name, len + 1);
    *out = e;
    return 0;
}

/* Puts e in the next slot, which is there. */
static void table_append(DirTable *t, DirEntry *e)
{
    uint32_t slot = t->used++;
    t->slot[slot] = (Slot){ e, e->cookie };
    if (t->room <= FEWEST)
        return;
    Probe *p = probes(t);
    uint32_t mask = 2 * t->room - 1;
    uint32_t i = e->hash & mask;
    while (p[i].slot < GONE)
        i = (i + 1) & mask;
    p[i] = (Probe){ e->hash, slot };
}

static int table_new(Account *a, uint32_t room, DirTable **out)
{
    size_t probe_bytes = room <= FEWEST ? 0 : 2 * room * sizeof(Probe);
    Piece *p = NULL;
    int r = piece_new(a, sizeof(DirTable) + room * sizeof(Slot) + probe_bytes, &p);
    if (r < 0)
        return r;
    *out = (DirTable *)p;
    (*out)->room = room;
    (*out)->used = 0;
    memset(probes(*out), 0xff, probe_bytes);            /* FREE */
    return 0;
}

int memdir_room(MemDir *d, Account *a, Piece **freed)
{
    DirTable *old = d->table;
    if (old != NULL && old->used < old->room)
        return 0;
    uint32_t room = FEWEST;
    while (room < d->live + d->live / 2 + 1)
        room *= 2;
    if (room >= GONE / 2)
        return -ENOSPC;
    DirTable *t = NULL;
    int r = table_new(a, room, &t);
    if (r < 0)
        return r;
    for (uint32_t i = 0; old != NULL && i < old->used; i++)
        if (old->slot[i].entry != NULL)
            table_append(t, old->slot[i].entry);
    if (old != NULL)
        piece_drop(&old->piece, freed);
    d->table = t;
    return 0;
}

void memdir_add(MemDir *d, DirEntry *e)
{
    e->cookie = ++d->next_cookie;
    file_get(&e->inode->file);
    table_append(d->table, e);
    d->live++;
}

/* ---- removing, listing ---------------------------------------------------------------------------------------------- */

/* The first slot whose cookie is at least that. */
static uint32_t slot_from(const DirTable *t, uint64_t cookie)
{
    uint32_t low = 0, high = t->used;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (t->slot[middle].cookie < cookie)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void memdir_remove(MemDir *d, DirEntry *e, Piece **freed)
{
    DirTable *t = d->table;
    uint32_t slot = slot_from(t, e->cookie);
    ASSERT(slot < t->used && t->slot[slot].entry == e);
    t->slot[slot].entry = NULL;
    if (t->room > FEWEST) {
        Probe *p = probes(t);
        uint32_t mask = 2 * t->room - 1;
        uint32_t i = e->hash & mask;
        while (p[i].slot != slot)
            i = (i + 1) & mask;
        p[i].slot = GONE;
    }
    piece_drop(&e->piece, freed);
    d->live--;
    memdir_trim(d, freed);
}

void memdir_trim(MemDir *d, Piece **freed)
{
    if (d->live > 0 || d->table == NULL)
        return;
    piece_drop(&d->table->piece, freed);
    d->table = NULL;
}

DirEntry *memdir_after(const MemDir *d, uint64_t cookie)
{
    const DirTable *t = d->table;
    if (t == NULL || cookie >= d->next_cookie)
        return NULL;
    for (uint32_t i = slot_from(t, cookie + 1); i < t->used; i++)
        if (t->slot[i].entry != NULL)
            return t->slot[i].entry;
    return NULL;
}
