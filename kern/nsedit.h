/* SPDX-License-Identifier: MIT */
/*
 * Changing one name of a namespace, and the log of lines: between ns.c, nsedit.c, nslog.c and nsctl.c.
 */
#ifndef KERN_NSEDIT_H
#define KERN_NSEDIT_H

#include "kern/ns.h"
#include "kern/nsnode.h"

/* What stands at a bound name becomes file (taken), its line too; nothing else changes. */
int ns_replace(Call *c, Ns *ns, const char *path, File *file);

/* ---- the log (nslog.c) -------------------------------------------------------------------------------------------- */

/* A new line numbered root->next_line; text for people. root is being built. */
int nslog_add(Account *a, NsRoot *root, const NsLine *line);
/* Takes out of the log what node and all below and behind it came from: it can never be in force again. */
int nslog_forget(Account *a, NsRoot *root, const NsNode *node);
int nslog_forget_line(Account *a, NsRoot *root, uint64_t k);
NsLogLine *nslog_find(const NsRoot *root, uint64_t k);
int nslog_replace_src(Account *a, NsRoot *root, uint64_t k, Chan *src);
/* The node that stands at a path of the namespace itself, or NULL. */
NsNode *root_node(const NsRoot *root, const char *path);

#endif
