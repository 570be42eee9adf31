/* SPDX-License-Identifier: MIT */
/*
 * Between the files of the FUSE door: its nodes (names that Linux knows), handles (open files) and requests.
 *
 * Linux keeps a node until it forgets it, and none of these structs needs a lock while a request uses it: Linux holds the inode or
 * the open file for as long as a request is about it. What several requests change is guarded by FuseDoor.lock.
 */
#ifndef DOOR_FUSE_DOOR_H
#define DOOR_FUSE_DOOR_H

#include <sys/types.h>                  /* before libfuse's headers, which want off_t in 64 bits */

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include "door/fuse.h"
#include "kern/boot.h"
#include "kern/chan.h"
#include "kern/task.h"

/* ---- nodes (fuse_node.c) ------------------------------------------------------------------------------------------- */

/*
 * A name: what Linux has an inode for. Its number towards Linux is its address, but for the root's. It is the same for a name in the
 * same directory as long as that leads to the same file with the same rights.
 */
typedef struct FuseNode {
    struct FuseNode *parent;        /* counted; NULL: the root. FuseNodes.lock guards this and all that follows */
    Chan *chan;                     /* owned: the place, not opened; NULL: put away, since nobody used it for a while */
    const Dev *dev;                 /* which file the name leads to, and with which of CHAN_RDONLY ... */
    uint64_t space, id;
    uint16_t rights;
    bool found;                     /* by its name; not: removed, replaced, or a file of its own each time (fuse_waits) */
    uint32_t hash;
    uint32_t used;                  /* in which turn of the sweep */
    uint32_t pins;                  /* open files: the place stays */
    uint64_t lookups;               /* what Linux will forget */
    uint64_t refs;                  /* children, and 1 as long as lookups is not 0 */
    struct FuseNode *chain;         /* of its hash bucket, while it can be found by its name */
    struct FuseNode *next, *prev;   /* all of them */
    struct FuseNode *warm_next, *warm_prev;     /* those with a place, but for the root: the last used first, roughly */
    char *name;                     /* owned; NULL: the root */
} FuseNode;

typedef struct FuseNodes {
    Mutex lock;                     /* RANK_LEAF */
    FuseNode *root, *all;
    FuseNode *warm, *warm_last;
    FuseNode **bucket;
    size_t buckets, count;          /* a power of two; those in a bucket */
    uint32_t turn;                  /* of the sweep */
    atomic_uint woken;              /* moves when there is something to sweep, or nothing ever again */
    bool over;
} FuseNodes;

typedef struct FuseRequest FuseRequest;

int nodes_init(FuseNodes *t, Chan *root);       /* takes root */
void nodes_free(FuseNodes *t);                  /* all, whatever Linux still knew */
FuseNode *node_of(FuseDoor *d, fuse_ino_t ino);
fuse_ino_t node_ino(const FuseDoor *d, const FuseNode *n);
/*
 * The place of n: *out is owned. One that was put away is walked to again; for request_place, before any other walk of r's.
 *   -ESTALE  its name leads to something else now     WAIT, and what walks add
 */
int node_place(FuseRequest *r, FuseNode *n, Chan **out);
/* Linux has looked name up in dir and got ch, which is taken. The node, one lookup more; NULL without memory. */
FuseNode *node_enter(FuseDoor *d, FuseNode *dir, const char *name, Chan *ch);
void node_forget(FuseDoor *d, FuseNode *n, uint64_t lookups);
void node_pin(FuseDoor *d, FuseNode *n, Chan *place);      /* a file is opened there; place is borrowed */
void node_unpin(FuseDoor *d, FuseNode *n);
void node_gone(FuseDoor *d, FuseNode *dir, const char *name);   /* the name was removed */
void node_moved(FuseDoor *d, FuseNode *from, const char *name, FuseNode *to, const char *newname);
unsigned node_depth(FuseDoor *d, const FuseNode *n);        /* names above it: 0 for the root */
uint64_t node_number_above(FuseDoor *d, const FuseNode *n); /* st_ino of the directory it is in; the root: its own */
/*
 * Linux remembers names for as long as it has room. What they stand for (a descriptor of the host, the data of a file that a task has
 * removed meanwhile) is let go of when it was not used for a second or two: a thread does that until nodes_sweep_over.
 */
void nodes_sweep(FuseNodes *t);
void nodes_sweep_over(FuseNodes *t);
bool nodes_sweep_once(FuseNodes *t);            /* for tests: one turn. False: there was nothing */

/* ---- what Linux is shown (fuse_attr.c) ----------------------------------------------------------------------------- */

/*
 * Streams, control files, and whatever else may keep a reader or writer waiting: a regular file of size 0 that is read directly. Each
 * lookup makes it a node of its own, since Linux lets only one write on an inode at a time, and who waits for that cannot be killed.
 */
bool fuse_waits(const File *f);
uint64_t fuse_number(const Dev *dev, uint64_t space, uint64_t id);  /* st_ino: one a file however it is reached */
void fuse_stat(const File *f, const Attr *a, struct stat *st);
mode_t fuse_type(uint16_t type);                            /* of a directory's entry */

/* ---- handles (fuse_file.c) ----------------------------------------------------------------------------------------- */

#define FUSE_ANYONE UINT64_MAX
typedef struct FuseHandle {
    Chan *chan;                     /* owned, open, held */
    FuseNode *node;                 /* pinned */
    bool direct;                    /* Linux does not keep its pages: short reads and writes are answers */
    bool lines;                     /* control lines: the last one may be unfinished */
    struct FuseHandle *next, *prev; /* all of them: FuseDoor.lock */
    atomic_uint_least64_t unfinished;   /* the process (lock owner) that wrote the begin of a line; FUSE_ANYONE; 0 none */
    atomic_uint_least64_t end;      /* where the last write of a control file ended */
    FuseRequest *watch;             /* who polls it and waits (fuse_poll.c): FuseDoor.park_lock */
} FuseHandle;

FuseHandle *handle_new(FuseDoor *d, Chan *ch);              /* takes ch; NULL without memory */
/* It is an open file of n, whose place keeps warm; once, before Linux knows it. */
void handle_at(FuseDoor *d, FuseHandle *h, FuseNode *n, Chan *place);
void handle_free(FuseDoor *d, FuseHandle *h);
static inline FuseHandle *handle_of(const struct fuse_file_info *fi)
{
    return (FuseHandle *)(uintptr_t)fi->fh;
}

/* ---- requests (fuse_request.c) ------------------------------------------------------------------------------------- */

/* One try. 0: it has been answered; WAIT: the call is armed; an error number: to be answered with that. */
typedef int FuseRun(FuseRequest *r);

struct FuseRequest {
    Call call;                      /* first */
    FuseDoor *door;
    fuse_req_t req;                 /* NULL: answered, but it waits all the same (poll) */
    FuseRun *run;
    FuseRequest *next;              /* on the run queue */
    FuseRequest *parked_next, *parked_prev;
    bool parked;                    /* it has waited: it is on the heap alone, and in FuseDoor.parked */
    unsigned step;                  /* what may not be done twice is done (request_step) */
    void *copy;                     /* owned: name, name2 and data, once it has waited */
    struct fuse_pollhandle *poll;   /* owned: told when the call is woken, and nothing else is to be done then */
    Chan *kept;                     /* owned: what poll waits for */

    FuseNode *node, *node2;
    Chan *place, *place2;           /* owned: theirs, once they were asked for (request_place) */
    FuseHandle *handle;
    struct fuse_file_info fi;
    const char *name, *name2;       /* libfuse's, until it waits */
    const char *data;
    size_t size;
    off_t off;
    unsigned flags;
    mode_t mode;
    struct stat attr;
};

/* For req, which came in on this thread. NULL without memory: it has been answered. */
FuseRequest *request_new(fuse_req_t req, fuse_ino_t ino, FuseRun *run);
void request_run(FuseRequest *r);
/* Where r's node and node2 are: the same for all tries of r, borrowed. As node_place. */
int request_place(FuseRequest *r, Chan **out);
int request_place2(FuseRequest *r, Chan **out);
/* What cannot be done twice has been done: the next try finds step, and its walks begin anew. */
void request_step(FuseRequest *r);
void *request_buffer(size_t n);     /* of this thread, for what is read; NULL without memory */

/* Answers; all end the request towards Linux and return 0. */
int answer_error(FuseRequest *r, int error);                /* negative, or 0 */
int answer_entry(FuseRequest *r, FuseNode *n, const struct stat *st);
int answer_attr(FuseRequest *r, const struct stat *st);
int answer_open(FuseRequest *r, FuseHandle *h);
int answer_create(FuseRequest *r, FuseNode *n, const struct stat *st, FuseHandle *h);
int answer_written(FuseRequest *r, size_t n);
int answer_bytes(FuseRequest *r, const void *buf, size_t n);
int answer_link(FuseRequest *r, const char *target);
int answer_statfs(FuseRequest *r, const struct statvfs *s);
int answer_poll(FuseRequest *r, unsigned events);

/* ---- the door (fuse.c) --------------------------------------------------------------------------------------------- */

enum { FUSE_THREADS_MAX = 16, FUSE_AGAIN = 2 };             /* threads that fetch; that enter requests again */

struct FuseDoor {
    Kernel *kernel;
    char *dir;                      /* owned: the mount point */
    int covered;                    /* owned: what the mount point was, or negative */
    uint64_t device;                /* of the mount, where it is known; else 0 */
    struct fuse_session *session;
    FuseNodes nodes;

    Mutex lock;                     /* RANK_LEAF */
    FuseHandle *handles;

    Mutex run_lock;                 /* RANK_LEAF */
    FuseRequest *run_first, *run_last;
    atomic_uint run_turn;           /* moves with every request on the queue: what the threads that enter again sleep on */
    bool run_over;                  /* these threads are to end */

    Mutex park_lock;                /* RANK_VIEW: calls are interrupted under it */
    FuseRequest *parked;
    bool closing;                   /* nothing may wait any more */
    atomic_uint quiet;              /* moves when the last parked request is gone */

    atomic_bool ending;             /* fuse_door_end was called */
    atomic_uint over;               /* moves when serving is to end */
    bool mounted;
};

void door_again(FuseDoor *d);       /* a thread that enters requests again, until run_over */
void door_stop_waits(FuseDoor *d);  /* nothing waits any more when it returns; needs the threads of door_again */
void request_thread_end(void);             /* what a thread that answered requests kept */

/* ---- poll (fuse_poll.c): FuseDoor.park_lock is held for the first two ------------------------------------------------ */

void watch_begin_locked(FuseRequest *r);
void watch_over_locked(FuseRequest *r);
void watch_answer(FuseRequest *r);              /* before it waits; then the handle may go at any time */
void watch_tell(FuseRequest *r);                /* the wait is over: no lock is held */
void watch_end(FuseDoor *d, FuseHandle *h);     /* the handle goes */

#endif
