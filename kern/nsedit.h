/* SPDX-License-Identifier: MIT */
/*
 * Changing one name of a namespace, and the log of lines: between ns.c, nsedit.c, nslog.c and nsctl.c.
 */
#ifndef KERN_NSEDIT_H
#define KERN_NSEDIT_H

#include <string.h>

#include "kern/ns.h"
#include "kern/nsnode.h"
#include "kern/walkto.h"

/* ---- one change (nsedit.c) ---------------------------------------------------------------------------------------- */

typedef struct Edit {
    Call *c;
    Account *a;
    Ns *ns;
    NsRoot *root;                   /* being made: lines and hidden files are changed in it */
    const char *path;               /* the name that is changed */
    Chan *there;                    /* what the walk found at it, or NULL: nothing */
    Chan *src;
    unsigned flags;
    const char *what;               /* for the log */
    bool mount;
    NsMember *member;               /* bind: what the source brings, owned */
    unsigned nmember;
    const NsRoot *writer;           /* bind: by whose names the source was found. Borrowed */
    Map *hides;                     /* hide: what the name hides already by a tree that a graft brought; borrowed or NULL */
    bool (*is_view)(const File *);  /* ns_replace: what goes, and what comes instead */
    File *file;
} Edit;

/* Makes the new node of the old one (NULL: the namespace had no word on this name). *out owned, NULL: no word any more. */
typedef int EditFn(Edit *e, NsNode *old, NsNode **out);

/* Runs fn on the node at e->path, under the namespace's lock: it calls no device and lets no last reference go. */
int edit_run(Edit *e, EditFn *fn);
/* Looks DST up: the text of its path (in end->chan) and what is there. */
int edit_look(Call *c, WalkFrom from, const char *dst, unsigned walkflags, WalkEnd *end);
bool edit_since_seal(const Edit *e, const NsNode *n);
/* What stood at old's name at the seal, with the names bound below it since then. *out owned, or NULL: nothing did. */
int edit_covered(Edit *e, NsNode *old, NsNode **out);
/* What e->src brings, into e->member, by the names of e->writer; before the namespace is locked. edit_source_end frees it in any case. */
int edit_source(Edit *e, bool other_ns);
void edit_source_end(Edit *e);
/* Takes the lines of what was bound at node since the seal out of the log. */
int edit_forget_members(Edit *e, const NsNode *node);
/* Hides a file by identity; *hides, of the hidden name that does it, is told too. */
int edit_hide(Edit *e, const NsHidden *file, Map **hides);
File *chan_raw_file(const Chan *ch);    /* what a bind of ch holds: not resolved. Borrowed */
static inline const char *path_last(const char *path)
{
    return path[1] == '\0' ? "" : strrchr(path, '/') + 1;
}

/* Views among what stands at a bound name become file, in their lines too; nothing else changes. */
int ns_replace(Call *c, Ns *ns, const char *path, bool (*is_view)(const File *), File *file);

/* ---- the log (nslog.c) -------------------------------------------------------------------------------------------- */

/* A new line numbered root->next_line; text for people. root is being built. */
int nslog_add(Account *a, NsRoot *root, const NsLine *line);
/* Takes out of the log what node and all below and behind it came from: it can never be in force again. */
int nslog_forget(Account *a, NsRoot *root, const NsNode *node);
int nslog_forget_kids(Account *a, NsRoot *root, const NsNode *node);    /* only what is below it */
int nslog_forget_line(Account *a, NsRoot *root, uint64_t k);
NsLogLine *nslog_find(const NsRoot *root, uint64_t k);
int nslog_replace_src(Account *a, NsRoot *root, uint64_t k, Chan *src);
/* The node that stands at a path of the namespace itself, or NULL. */
NsNode *root_node(const NsRoot *root, const char *path);
/* What is in force in root, by number, or in an order to replay it in; fn nonzero stops and is returned. */
int nslog_each(const NsRoot *root, bool to_replay, NsLineFn *fn, void *arg);
/* True when the name at path is there: neither it nor a name above it is hidden. */
bool nslog_seen(const NsRoot *root, const char *path);
/* The first line of those that made what stands at a name; seen: of what is not hidden by identity. UINT64_MAX: none. */
uint64_t nslog_first(const NsRoot *root, const NsNode *node, bool seen);
/* True when something that line k brought to node is not hidden by identity. */
bool nslog_line_seen(const NsRoot *root, const NsNode *node, uint64_t k);

#endif
