/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a file in memory: blocks that grow from 64 bytes to 64 KiB by doubling, so that small files are small, below a
 * tree whose height follows the file's length, so that a hole costs nothing. The caller holds the inode's lock.
 */
#include "dev/devmem.h"

#include <string.h>

#include "kern/account.h"
#include "kern/count.h"

enum { SMALLEST = 64, SMALLEST_LATER = 4096 };      /* the first size of block 0, and of the others */

typedef struct Block {
    Piece piece;
    uint32_t room;                  /* bytes of data */
    uint8_t data[];
} Block;

typedef struct IndexNode {
    Piece piece;
    void *child[INDEX_FAN];
} IndexNode;

/* ---- memory that is paid for ---------------------------------------------------------------------------------------- */

int piece_new(Account *a, size_t size, Piece **out)
{
    if (account_charge(a, size) < 0)
        return -ENOSPC;
    Piece *p = mem_resize(NULL, size);
    if (p == NULL) {
        account_uncharge(a, size);
        return -ENOMEM;
    }
    *p = (Piece){ .account = account_get(a), .size = size };
    count_add(OBJ_BLOCK, p);
    *out = p;
    return 0;
}

void pieces_free(Piece *list)
{
    while (list != NULL) {
        Piece *p = list;
        list = p->next;
        account_uncharge(p->account, p->size);
        account_put(p->account);
        count_sub(OBJ_BLOCK, p);
        mem_free(p);
    }
}

/* ---- finding a block ------------------------------------------------------------------------------------------------ */

static bool out_of_reach(const MemData *d, uint64_t number)
{
    return number >> (INDEX_SHIFT * d->height) != 0;
}

static unsigned child_of(uint64_t number, unsigned height)
{
    return (unsigned)(number >> (INDEX_SHIFT * (height - 1))) % INDEX_FAN;
}

static Block *block_find(const MemData *d, uint64_t number)
{
    if (out_of_reach(d, number))
        return NULL;
    void *p = d->top;
    for (unsigned h = d->height; h > 0 && p != NULL; h--)
        p = ((IndexNode *)p)->child[child_of(number, h)];
    return p;
}

static int node_new(Account *a, IndexNode **out)
{
    Piece *p = NULL;
    int r = piece_new(a, sizeof(IndexNode), &p);
    if (r < 0)
        return r;
    *out = (IndexNode *)p;
    memset((*out)->child, 0, sizeof(*out)->child);
    return 0;
}

/* The place where block number is or would be; makes the nodes above it. */
static int block_place(MemData *d, Account *a, uint64_t number, void ***out)
{
    for (; out_of_reach(d, number); d->height++) {
        if (d->top == NULL)
            continue;
        IndexNode *node = NULL;
        int r = node_new(a, &node);
        if (r < 0)
            return r;
        node->child[0] = d->top;
        d->top = node;
    }
    void **place = &d->top;
    for (unsigned h = d->height; h > 0; h--) {
        if (*place == NULL) {
            IndexNode *node = NULL;
            int r = node_new(a, &node);
            if (r < 0)
                return r;
            *place = node;
        }
        place = &((IndexNode *)*place)->child[child_of(number, h)];
    }
    *out = place;
    return 0;
}

/* ---- growing a block ------------------------------------------------------------------------------------------------ */

static uint32_t room_for(uint64_t number, uint32_t need)
{
    uint32_t room = number == 0 ? SMALLEST : SMALLEST_LATER;
    while (room < need)
        room *= 2;
    return room;
}

/* A block with at least `need` bytes: twice as large as before, or, where that is over the limit, just large enough. */
static int block_new(Account *a, uint64_t number, uint32_t need, Block **out)
{
    uint32_t room = room_for(number, need);
    uint32_t least = (need + SMALLEST - 1) / SMALLEST * SMALLEST;
    Piece *p = NULL;
    int r = piece_new(a, sizeof(Block) + room, &p);
    if (r == -ENOSPC && least < room) {
        room = least;
        r = piece_new(a, sizeof(Block) + room, &p);
    }
    if (r < 0)
        return r;
    *out = (Block *)p;
    (*out)->room = room;
    return 0;
}

/*
 * Makes bytes from..to of block number stored. New ones are zero, but for from..to when the caller is about to fill these. Who
 * makes a block grow pays for all of it from then on.
 */
static int block_reserve(MemData *d, Account *a, uint64_t number, uint32_t from, uint32_t to, bool fill, Block **out,
                         Piece **freed)
{
    void **place = NULL;
    int r = block_place(d, a, number, &place);
    if (r < 0)
        return r;
    Block *old = *place;
    uint32_t had = old == NULL ? 0 : old->room;
    if (to <= had) {
        *out = old;
        return 0;
    }
    Block *b = NULL;
    r = block_new(a, number, to, &b);
    if (r < 0)
        return r;
    if (old != NULL) {
        memcpy(b->data, old->data, had);
        piece_drop(&old->piece, freed);
    }
    if (!fill || from < had)
        from = to = had;            /* the bytes already there are kept, whatever is to be written over them */
    memset(b->data + had, 0, from - had);
    memset(b->data + to, 0, b->room - to);
    d->stored += b->room - had;
    *place = b;
    *out = b;
    return 0;
}

/* ---- reading and writing -------------------------------------------------------------------------------------------- */

size_t memdata_read(const MemData *d, void *buf, size_t n, uint64_t off)
{
    if (off >= d->size)
        return 0;
    if (n > d->size - off)
        n = (size_t)(d->size - off);
    uint8_t *to = buf;
    for (size_t done = 0; done < n;) {
        uint32_t within = (uint32_t)((off + done) % BLOCK_SIZE);
        size_t part = n - done < BLOCK_SIZE - within ? n - done : BLOCK_SIZE - within;
        const Block *b = block_find(d, (off + done) >> BLOCK_SHIFT);
        size_t there = b == NULL || b->room <= within ? 0 : b->room - within;
        if (there > part)
            there = part;
        if (there > 0)
            memcpy(to + done, b->data + within, there);
        if (there < part)
            memset(to + done + there, 0, part - there);
        done += part;
    }
    return n;
}

int64_t memdata_write(MemData *d, Account *a, const void *buf, size_t n, uint64_t off, Piece **freed)
{
    if (n == 0)
        return 0;
    if (off >= MEM_SIZE_MAX)
        return -EFBIG;
    if (n > MEM_SIZE_MAX - off)
        n = (size_t)(MEM_SIZE_MAX - off);
    const uint8_t *from = buf;
    size_t done = 0;
    while (done < n) {
        uint64_t at = off + done;
        uint32_t within = (uint32_t)(at % BLOCK_SIZE);
        uint32_t part = n - done < BLOCK_SIZE - within ? (uint32_t)(n - done) : BLOCK_SIZE - within;
        Block *b = block_find(d, at >> BLOCK_SHIFT);
        if (b == NULL || b->room < within + part) {
            int r = block_reserve(d, a, at >> BLOCK_SHIFT, within, within + part, true, &b, freed);
            if (r < 0)
                return done > 0 ? (int64_t)done : r;
        }
        memcpy(b->data + within, from + done, part);
        done += part;
        if (at + part > d->size)
            d->size = at + part;
    }
    return (int64_t)done;
}

int memdata_reserve(MemData *d, Account *a, uint64_t off, uint64_t n, Piece **freed)
{
    if (off > MEM_SIZE_MAX || n > MEM_SIZE_MAX - off)
        return -EFBIG;
    for (uint64_t at = off; at < off + n;) {
        uint32_t within = (uint32_t)(at % BLOCK_SIZE);
        uint32_t part = off + n - at < BLOCK_SIZE - within ? (uint32_t)(off + n - at) : BLOCK_SIZE - within;
        Block *b = NULL;
        int r = block_reserve(d, a, at >> BLOCK_SHIFT, within, within + part, false, &b, freed);
        if (r < 0)
            return r;
        at += part;
    }
    if (d->size < off + n)
        d->size = off + n;
    return 0;
}

/* ---- cutting -------------------------------------------------------------------------------------------------------- */

/* Drops the blocks from number `first` on of the tree at *place, counted within that tree; the depth is the height. */
static void cut(MemData *d, void **place, unsigned height, uint64_t first, Piece **freed)
{
    if (*place == NULL)
        return;
    if (height > 0) {
        IndexNode *node = *place;
        unsigned start = child_of(first, height);
        uint64_t inside = first & ((UINT64_C(1) << (INDEX_SHIFT * (height - 1))) - 1);
        for (unsigned i = start; i < INDEX_FAN; i++)
            cut(d, &node->child[i], height - 1, i == start ? inside : 0, freed);
    }
    if (first > 0)
        return;
    if (height == 0)
        d->stored -= ((Block *)*place)->room;
    piece_drop(*place, freed);
    *place = NULL;
}

void memdata_resize(MemData *d, uint64_t size, Piece **freed)
{
    uint64_t old = d->size;
    d->size = size;
    if (size >= old)
        return;
    uint64_t first = (size + BLOCK_SIZE - 1) >> BLOCK_SHIFT;
    if (!out_of_reach(d, first))
        cut(d, &d->top, d->height, first, freed);
    uint32_t within = (uint32_t)(size % BLOCK_SIZE);
    Block *last = within == 0 ? NULL : block_find(d, size >> BLOCK_SHIFT);
    if (last != NULL && last->room > within)
        memset(last->data + within, 0, last->room - within);
    while (d->height > 0 && (d->top == NULL || first <= UINT64_C(1) << (INDEX_SHIFT * (d->height - 1)))) {
        IndexNode *node = d->top;
        d->height--;
        if (node == NULL)
            continue;
        d->top = node->child[0];
        piece_drop(&node->piece, freed);
    }
}
