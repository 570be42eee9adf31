/* SPDX-License-Identifier: MIT */
/*
 * Namespaces: an immutable tree of names, swapped whole under a short lock. Forking shares the root; a change copies
 * the path to the changed node. The file interface of it (the verbs) is kern/nsctl.c.
 */
#ifndef KERN_NS_H
#define KERN_NS_H

#include "kern/chan.h"
#include "kern/kern.h"
#include "kern/text.h"
#include "kern/walk.h"

enum {                              /* how to bind */
       BIND_RDONLY = 1,
       BIND_BEFORE = 2,
       BIND_AFTER = 4,
       BIND_CREATE = 8,
       BIND_SHALLOW = 16, /* -r -b -a -c -x */
};

/* a pays for the namespace and its nodes; NULL without memory or over the limit. */
Ns *ns_new(Account *a);             /* an empty namespace: every name is ENOENT until "/" is bound */
Ns *ns_fork(Ns *from, Account *a);  /* shares the root; the same cost for any size */
/* The copy that a new task gets: sealed, and its /task and /cap are dynamic ones (its own views) where they were views. */
int ns_fork_for_task(Call *c, Ns *from, Account *a, Ns **out);
Ns *ns_get(Ns *ns);
void ns_put(Ns *ns);
int ns_seal(Ns *ns);                /* what is bound now is inherited: -ENOMEM */
uint64_t ns_id(const Ns *ns);
void ns_unpin(Call *c);             /* c lets go of the root it keeps pinned (before it parks, and at its end) */

/*
 * Binds what src names (with all that is bound below it, unless BIND_SHALLOW) at dst, an absolute or relative path in ns.
 *   -EISDIR  a file over a directory    -ENOTDIR  a directory over a file, or a union of files
 *   -ENOENT  below a hidden name        -ENOMEM   memory or the limit
 *   -E2BIG   more than 1024 members     -ELOOP    too many binds through one another: what a lookup may cost is bounded
 * src is what the caller sees: members hidden from it are left out, and in another namespace than its own a view is its own view.
 */
int ns_bind(Call *c, WalkFrom dst_from, Chan *src, const char *dst, unsigned flags);
/* Undoes what was bound at dst since the seal, or hides it; with src: takes that member out (-EINVAL: not a member; -EPERM: older than the seal). */
int ns_unbind(Call *c, WalkFrom from, Chan *src, const char *dst);
int ns_hide(Call *c, WalkFrom from, const char *dst);
int ns_clear(Ns *ns);

/* What is in force, oldest first; for binds, mounts, dump and from/K. */
typedef struct NsLine {
    uint64_t k;                     /* number, for from/K */
    unsigned flags;                 /* BIND_ */
    bool hide, mount;
    const char *what;               /* SRC as text (for people; a mount's type and source) */
    const char *dst;
    Chan *src;                      /* borrowed; NULL for a hide */
} NsLine;
typedef int NsLineFn(void *arg, const NsLine *line);
int ns_lines(Ns *ns, NsLineFn *fn, void *arg);
int ns_source(Call *c, Ns *ns, uint64_t k, Chan **out);     /* the K-th source itself; -ENOENT */

/* What a file system that was mounted brings: a bind of its root that `mounts` lists. */
int ns_mount(Call *c, WalkFrom dst_from, File *root, const char *what, const char *dst, unsigned flags);

/* The control verbs and the texts of /task/ID/ns, over any task's namespace (nsctl.c). */
int ns_ctl_line(Call *c, Task *t, char *line, size_t len);
void ns_ctl_help(Text *out);
int ns_text_binds(Ns *ns, Text *out);
int ns_text_mounts(Ns *ns, Text *out);
/* prefix: how the reader names the ns directory, for `prefix/from/K`. Oldest first, but a name's first line before those below it. */
int ns_text_dump(Ns *ns, const char *prefix, Text *out);

#endif
