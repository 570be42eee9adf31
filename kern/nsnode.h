/* SPDX-License-Identifier: MIT */
/*
 * The tree inside a namespace: what it is made of (nsnode.c, map.c), changed by nsedit.c and nsundo.c, looked up in by nslook.c, for
 * walks and listings. Everything in it is counted and immutable once it can be seen by others.
 *
 * A node is the namespace's word on one name: BOUND (members, in lookup order, stand there), HIDDEN, or PASS (nothing
 * stands there itself, but something does below it). Its kids are names bound or hidden at or below it by this very
 * namespace. A member is a file with an inner tree: the names that were bound below the source when it was bound.
 *
 * Name n in a directory: the node's own child n; else member by member, its inner tree's n, then its file's n.
 */
#ifndef KERN_NSNODE_H
#define KERN_NSNODE_H

#include "kern/account.h"
#include "kern/dev.h"
#include "kern/kern.h"

/* ---- what is counted in the tree -------------------------------------------------------------------------------- */

typedef enum NsKind { NS_MAP, NS_NODE, NS_LINE, NS_HIDDEN, NS_ROOT } NsKind;

typedef struct NsObj {
    Ref ref;
    uint32_t kind;                  /* NsKind */
    uint32_t size;                  /* bytes charged to account */
    Account *account;               /* owned or NULL */
    struct NsObj *dead;             /* links what is being freed: chains of any length, without recursion */
} NsObj;

/* A zeroed object of size bytes with one reference, or NULL: no memory, or the limit. */
void *nsobj_new(Account *a, NsKind kind, size_t size);
void nsobj_put(NsObj *o);           /* NULL is allowed */
static inline void *nsobj_get(NsObj *o)
{
    if (o != NULL)
        ref_get(&o->ref);
    return o;
}

/* ---- persistent maps: hash tries that share what did not change --------------------------------------------------- */

/* A value of a map: an object that begins with this. Found by hash, then by the map's own equality. */
typedef struct MapItem {
    NsObj obj;
    uint64_t hash;
} MapItem;

typedef struct Map {                /* NULL is the empty map */
    NsObj obj;
    uint32_t nodes, items;          /* which of the 32 slots hold a further Map, and which a MapItem */
    uint32_t chained;               /* at full depth: items with one hash, slot 0.. chained-1 */
    NsObj *slot[];                  /* owned, in order of slot number */
} Map;

typedef bool MapSame(const MapItem *item, const void *key);

MapItem *map_find(const Map *m, uint64_t hash, MapSame *same, const void *key);     /* borrowed, or NULL */
/* A new map with item (borrowed; the map takes its own reference) in it, in place of one with the same key. *out owned. -ENOMEM. */
int map_with(Account *a, const Map *m, MapItem *item, MapSame *same, const void *key, Map **out);
/* A new map without the item; *out is NULL when nothing is left. An absent key gives the same map. */
int map_without(Account *a, const Map *m, uint64_t hash, MapSame *same, const void *key, Map **out);
/* Every item, in no order that means something. fn nonzero stops and is returned. */
int map_each(const Map *m, int (*fn)(void *arg, MapItem *item), void *arg);

uint64_t hash_bytes(const void *p, size_t n);
uint64_t hash_seeded(const void *p, size_t n,
                     uint64_t seed); /* with a seed that nobody knows: against chosen collisions */
uint64_t hash_u64(uint64_t x);

/* ---- nodes ------------------------------------------------------------------------------------------------------ */

typedef enum NodeState { NODE_PASS, NODE_BOUND, NODE_HIDDEN } NodeState;

enum { MEMBER_WAS = 0x100 };        /* what was there before the first -a or -b */

typedef struct NsMember {
    File *file;                     /* owned */
    NsNode *inner;                  /* owned or NULL */
    uint32_t flags;                 /* BIND_RDONLY, BIND_CREATE, MEMBER_WAS */
    uint64_t line;                  /* the line of the log that made it */
    uint64_t gen;                   /* seal generation when it was bound */
} NsMember;

struct NsNode {
    MapItem item;                   /* hash of the name */
    NodeState state;
    uint16_t depth;                 /* how far trees of names are nested in its members: bounds the recursion of lookups */
    uint32_t files;                 /* how many files a lookup may have to ask */
    bool mask;                      /* its kids take the place of what is there, but those that only lead to others make no name */
    bool keep_kids;                 /* undoing what was bound here keeps the kids: only -a and -b were used since the seal */
    uint16_t nmember;
    uint16_t name_len;
    uint64_t gen;                   /* seal generation of the last change at this very name */
    uint64_t line;                  /* HIDDEN: its line */
    Map *kids;                      /* of NsNode, owned or NULL */
    Map *hides;                     /* HIDDEN: the files that it hides, as NsHidden; owned or NULL */
    NsNode *covered;                /* what stood here at the seal, or NULL: owned */
    NsMember *member;               /* nmember of them, behind the struct */
    char *name;                     /* ended by NUL, behind the members */
};

/* A line of the log: what was asked for, while it or what covers it may come back. */
typedef struct NsLogLine {
    MapItem item;                   /* hash is the line's number */
    unsigned flags;
    bool hide, mount;
    Chan *src;                      /* owned; NULL for hide */
    char *what;                     /* text: SRC, or a mount's words */
    char *dst;                      /* both behind the struct */
} NsLogLine;

/* A file that is hidden by identity. */
typedef struct NsHidden {
    MapItem item;
    const Dev *dev;
    uint64_t space, id;
} NsHidden;

struct NsRoot {
    NsObj obj;
    NsNode *top;                    /* owned: the node of "/" */
    Map *hidden;                    /* of NsHidden; NULL when nothing is hidden by identity */
    Map *lines;                     /* of NsLogLine */
    uint64_t gen;                   /* seals so far */
    uint64_t next_line;
};

bool node_same(const MapItem *item, const void *name);
static inline NsNode *node_kid(const NsNode *n, const char *name, uint64_t hash)
{
    return n == NULL || n->kids == NULL ? NULL : (NsNode *)map_find(n->kids, hash, node_same, name);
}
static inline uint64_t name_hash(const char *name, size_t n)
{
    return hash_bytes(name, n);
}

static inline bool node_is(const NsNode *n, NodeState state)
{
    return n != NULL && n->state == state;
}

/* map (owned or NULL) with one file more; the old one is put. -ENOMEM: it stays. */
int hidden_add(Account *a, Map **map, const NsHidden *file);
int hidden_take(Account *a, Map **map, const NsHidden *file);
NsHidden hidden_of(const File *f);      /* to look for, not to keep */
bool root_hides(const NsRoot *r, const Dev *dev, uint64_t space, uint64_t id);
static inline bool root_hides_file(const NsRoot *r, const File *f)
{
    return r->hidden != NULL && root_hides(r, f->dev, f->space, f->id);
}

/*
 * A new node: kids shared, members copied with references of their own. NULL without memory.
 *   more  room for that many members beyond n, left empty at the end (nmember counts n)
 */
NsNode *node_new(Account *a, const char *name, NodeState state, Map *kids, const NsMember *m, unsigned n,
                 unsigned more);
static inline void node_put(NsNode *n)
{
    nsobj_put((NsObj *)n);
}

/*
 * One tree of names over another: one node that stands for (own over inner over file), where only one can be held. Owned;
 * may be one of the two; NULL when both are.
 */
int node_overlay(Account *a, File *file, NsNode *own, NsNode *inner, unsigned flags, NsNode **out);

/* ---- looking up ------------------------------------------------------------------------------------------------- */

/*
 * A place during a walk: a file and the namespace's names at and below it; where those are a bound node, the file is
 * that of its first member that is seen. Nodes are borrowed, from the pinned root, the
 * Chan where the walk began, or the walk's own Temps; so is the file unless `owned`.
 */
typedef struct Spot {
    File *file;
    NsNode *own, *inner;            /* or NULL */
    uint16_t flags;                 /* of a Chan */
    bool owned;                     /* file is the spot's own reference */
} Spot;

/* Overlay nodes that a walk had to make: kept until it ends. */
typedef struct Temps {
    NsNode **node;
    size_t n;
} Temps;

void spot_drop(Spot *s);
void temps_free(Temps *t);

/*
 * Name in dir, by the names of root. *out is filled on success.
 *   -ENOENT  nothing there; *hidden says that the namespace hides it
 *   WAIT and other errors of devices
 */
int spot_lookup(Call *c, const NsRoot *root, Temps *t, const Spot *dir, const char *name, Spot *out, bool *hidden);
/* The device's directory in which the names in dir are looked up without a word of the namespace, with *flags for what is there; or NULL. */
File *spot_plain(const NsRoot *root, const Spot *dir, uint16_t *flags);
/* The root itself. */
int spot_root(Call *c, const NsRoot *root, Spot *out);
/* Where a new name in dir is made: the directory of the member that takes it, owned. -EPERM none does, -EROFS. */
int spot_create_dir(Call *c, const NsRoot *root, const Spot *dir, File **out);
/*
 * For removing and renaming: the directory of the member that holds name, and what it is, both owned.
 *   -EBUSY  a bind point, or above one    -EROFS    -ENOENT    may WAIT
 */
int spot_holder(Call *c, const NsRoot *root, const Spot *dir, const char *name, File **holder, File **found);

/* The first file that is bound here and not hidden by identity (borrowed, not resolved), or NULL. */
File *node_file(const NsRoot *root, const NsNode *node);
/* False when all that is bound here is hidden by identity: then the name is not there. */
bool node_seen(const NsRoot *root, const NsNode *node);
/* CHAN_SELF_RDONLY, when the first member that is seen is read-only. */
uint16_t node_flags(const NsRoot *root, const NsNode *node);
static inline bool member_seen(const NsRoot *root, const NsMember *m)
{
    return node_is(m->inner, NODE_BOUND) ? node_seen(root, m->inner) : !root_hides_file(root, m->file);
}
/* What a member is (the first of a union that it grafts), for who looks; owned. -ENOENT: it is hidden by identity. */
int member_file(Call *c, const NsRoot *root, const NsMember *m, File **out);
/* Identity of the synthetic directory that stands for a name in dir. */
uint64_t made_id(const File *dir, const NsNode *kid);

/* ---- the namespace ---------------------------------------------------------------------------------------------- */

struct Ns {
    Ref ref;
    uint64_t id;                    /* never used again */
    Account *account;               /* who pays for its nodes */
    atomic_uint_least64_t version;  /* counts the states */
    Mutex lock;                     /* RANK_NS: root */
    NsRoot *root;                   /* owned */
};

/* The current root. Owned by c, until c pins another namespace, parks or ends its life (ns_unpin). */
NsRoot *ns_pin(Call *c, Ns *ns, uint64_t *version);
NsRoot *ns_root(Ns *ns, uint64_t *version);         /* the same, owned by the caller */
void ns_unpin(Call *c);

#endif
