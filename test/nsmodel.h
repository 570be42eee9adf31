/* SPDX-License-Identifier: MIT */
/*
 * Namespaces once more, naively: what doc/ promises, in lists that are copied whole. A fuzzer compares it with the kernel. A state
 * is a list of what stands at which path; a place remembers the state in which it was reached, so that what is bound
 * keeps the names that were below it. Nothing is ever freed before model_reset.
 *
 * Names are single letters 'a' to 'c', paths strings of them: "" is the root, "ab" is /a/b.
 */
#ifndef TEST_NSMODEL_H
#define TEST_NSMODEL_H

#include <stdbool.h>
#include <stdint.h>

enum { MODEL_NAMES = 3, MODEL_DEPTH = 8, MODEL_LIST = 128 };

typedef struct MFile MFile;
typedef struct MPlace MPlace;
typedef struct MState MState;

struct MFile {
    bool dir, dead;
    MFile *made_in;                 /* a synthetic directory: below which file, under which name */
    char made_name;
    unsigned fs;                    /* 0: synthetic */
    uint64_t space, id;             /* the real file's; the test sets them */
    MFile *child[MODEL_NAMES];
};

/* A place: names of a state at a path, over what is below: another place, or just a file. */
struct MPlace {
    const MState *state;            /* or NULL */
    char path[MODEL_DEPTH + 1];
    const MPlace *below;            /* or NULL */
    MFile *file;                    /* what it is, as it was found */
    bool rdonly, self_rdonly;
};

enum { M_RDONLY = 1, M_BEFORE = 2, M_AFTER = 4, M_CREATE = 8, M_SHALLOW = 16 };     /* as the kernel's BIND_ */

void model_reset(void);             /* everything of the last run goes */
MFile *model_file(bool dir, unsigned fs);
MState *model_state(void);          /* an empty one */

/* Each gives a new state through *s. 0 or a negative error number, as the kernel's. */
int model_bind(MState **s, const MState *writer, const MPlace *src, const char *dst, unsigned flags);
int model_unbind(MState **s, const MPlace *src, const char *dst);
int model_hide(MState **s, const char *dst);
void model_seal(MState **s);
void model_clear(MState **s);

int model_walk(const MState *s, const char *path, MPlace *out);
MPlace model_root_of(MFile *root);  /* a file outside every namespace */
/* What the directory at p lists: for each letter 0 nothing, 'd' a directory, 'f' another file. */
void model_list(const MState *s, const MPlace *p, char *types);

/* Names of the device, through the namespace. *made: the new file. */
int model_make(const MState *s, const char *path, bool dir, MFile **made);
int model_unlink(const MState *s, const char *path, bool rmdir);
int model_rename(const MState *s, const char *from, const char *to);
int model_link(const MState *s, const char *from, const char *to);

#endif
