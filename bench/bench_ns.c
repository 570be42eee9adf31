/* SPDX-License-Identifier: MIT */
/*
 * Forking a namespace and looking a name up in it: with a hundred thousand binds against with one.
 */
#include "bench/bench.h"

#include <stdio.h>

#include "kern/chan.h"
#include "kern/ns.h"
#include "kern/walk.h"

enum { MANY = 100000 };

typedef struct Side2 {
    Rig *m;
    Ns *ns;
} Side2;

static double fork_it(void *arg, unsigned n)
{
    Side2 *s = arg;
    uint64_t start = clock_now(CLOCK_MONO);
    for (unsigned i = 0; i < n; i++)
        ns_put(ns_fork(s->ns, NULL));
    return (double)(clock_now(CLOCK_MONO) - start);
}

static double look_up(void *arg, unsigned n)
{
    Side2 *s = arg;
    Call *c = &s->m->call;
    uint64_t start = clock_now(CLOCK_MONO);
    for (unsigned i = 0; i < n; i++) {
        Chan *ch = NULL;
        int r;
        CALL_RUN(c, r, walk_path(c, (WalkFrom){ .ns = s->ns }, "/tmp/many/n0/a", 0, &ch));
        if (r < 0)
            die("lookup: error %d", -r);
        chan_put(ch);
    }
    return (double)(clock_now(CLOCK_MONO) - start);
}

static Ns *with_binds(Rig *m, unsigned n)
{
    Call *c = &m->call;
    Ns *ns = ns_fork(m->kernel->root->ns, NULL);
    Chan *src = NULL;
    int r;
    CALL_RUN(c, r, walk_path(c, (WalkFrom){ .ns = ns }, "/tmp/source", 0, &src));
    for (unsigned i = 0; i < n && r == 0; i++) {
        char dst[64];
        snprintf(dst, sizeof dst, "/tmp/many/n%u", i);
        CALL_RUN(c, r, ns_bind(c, (WalkFrom){ .ns = ns }, src, dst, 0));
    }
    if (r < 0)
        die("bind: error %d %s", -r, c->words);
    chan_put(src);
    return ns;
}

void bench_namespaces(Rig *m)
{
    rig_mkdir(m, "/tmp/source");
    rig_mkdir(m, "/tmp/many");
    rig_put(m, "/tmp/source/a", "a", 1);
    Side2 few = { m, with_binds(m, 1) }, many = { m, with_binds(m, MANY) };
    bench_pair("namespace: fork, 100,000 binds", (Side){ "many", fork_it, &many }, (Side){ "one bind", fork_it, &few },
               100000, 1 / 1.5);
    bench_pair("namespace: lookup, 100,000 binds", (Side){ "many", look_up, &many },
               (Side){ "one bind", look_up, &few }, 100000, 1 / 1.5);
    ns_put(few.ns);
    ns_put(many.ns);
}
