/* SPDX-License-Identifier: MIT */
/*
 * A namespace as a thing: counted, forked by sharing its root, read by pinning it. Changing it is nsedit.c's.
 */
#include "kern/ns.h"

#include <string.h>

#include "kern/boot.h"
#include "kern/count.h"
#include "kern/nsedit.h"
#include "kern/nsnode.h"
#include "kern/task.h"

static atomic_uint_least64_t last_id;       /* of all namespaces: an id is never used again */

/* Takes root. */
static Ns *ns_with(Account *a, NsRoot *root)
{
    Ns *ns = root == NULL ? NULL : account_alloc(a, sizeof *ns);
    if (ns == NULL) {
        nsobj_put((NsObj *)root);
        return NULL;
    }
    ref_init(&ns->ref);
    ns->id = atomic_fetch_add(&last_id, 1) + 1;
    ns->account = a == NULL ? NULL : account_get(a);
    mutex_init(&ns->lock, RANK_NS);
    atomic_init(&ns->version, 1);
    ns->root = root;
    count_add(OBJ_NS, ns);
    return ns;
}

Ns *ns_new(Account *a)
{
    NsRoot *root = nsobj_new(a, NS_ROOT, sizeof *root);
    if (root == NULL)
        return NULL;
    root->gen = 1;
    root->next_line = 1;
    root->top = node_new(a, "", NODE_PASS, NULL, NULL, 0, 0);
    if (root->top == NULL) {
        nsobj_put(&root->obj);
        return NULL;
    }
    return ns_with(a, root);
}

Ns *ns_fork(Ns *from, Account *a)
{
    uint64_t version;
    return ns_with(a, ns_root(from, &version));
}

Ns *ns_get(Ns *ns)
{
    ref_get(&ns->ref);
    return ns;
}

void ns_put(Ns *ns)
{
    if (ns == NULL || !ref_put(&ns->ref))
        return;
    nsobj_put(&ns->root->obj);
    mutex_destroy(&ns->lock);
    count_sub(OBJ_NS, ns);
    Account *a = ns->account;
    account_free(a, ns, sizeof *ns);
    if (a != NULL)
        account_put(a);
}

uint64_t ns_id(const Ns *ns)
{
    return ns->id;
}

NsRoot *ns_root(Ns *ns, uint64_t *version)
{
    mutex_lock(&ns->lock);
    NsRoot *root = nsobj_get(&ns->root->obj);
    *version = atomic_load_explicit(&ns->version, memory_order_relaxed);
    mutex_unlock(&ns->lock);
    return root;
}

NsRoot *ns_pin(Call *c, Ns *ns, uint64_t *version)
{
    uint64_t now = atomic_load_explicit(&ns->version, memory_order_acquire);
    if (c->pin_root == NULL || c->pin_id != ns->id || c->pin_version != now) {
        ns_unpin(c);
        c->pin_root = ns_root(ns, &c->pin_version);
        c->pin_id = ns->id;
    }
    *version = c->pin_version;
    return c->pin_root;
}

void ns_unpin(Call *c)
{
    nsobj_put((NsObj *)c->pin_root);
    c->pin_root = NULL;
}

/* ---- for a new task ----------------------------------------------------------------------------------------------- */

/* Views at /name that the namespace's owner was lent, or its own, become the new task's own. */
static int own_view(Call *c, Ns *ns, const char *name, bool (*is_view)(const File *), File *(*make)(void))
{
    const NsNode *node = node_kid(ns->root->top, name + 1, name_hash(name + 1, strlen(name + 1)));
    bool lent = false;
    for (unsigned i = 0; node_is(node, NODE_BOUND) && i < node->nmember; i++)
        lent = lent || ((node->member[i].file->flags & FILE_DYNAMIC) == 0 && is_view(node->member[i].file));
    if (!lent)
        return 0;
    AUTO_FILE *view = make();
    return view == NULL ? -ENOMEM : ns_replace(c, ns, name, is_view, view);
}

int ns_fork_for_task(Call *c, Ns *from, Account *a, Ns **out)
{
    Ns *ns = ns_fork(from, a);
    if (ns == NULL)
        return -ENOMEM;
    const BootList *list = c->task->kernel->list;
    int r = 0;
    if (list->task_view != NULL)
        r = own_view(c, ns, "/task", list->is_task_view, list->task_view);
    if (r == 0 && list->cap_view != NULL)
        r = own_view(c, ns, "/cap", list->is_cap_view, list->cap_view);
    if (r == 0)
        r = ns_seal(ns);
    if (r < 0) {
        ns_put(ns);
        return r;
    }
    *out = ns;
    return 0;
}
