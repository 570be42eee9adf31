/* SPDX-License-Identifier: MIT */
/*
 * What a pipe keeps, and for whom.
 */
#include <string.h>

#include "kern/account.h"
#include "test/names.h"

static uint64_t in_use(World *w)
{
    AccountSums sums;
    account_sums(w->root->account, &sums);
    return sums.mem_current;
}

/* Its buffer grows several times on the way. */
TEST(a_pipe_gives_back_all_that_it_took)
{
    static char block[3000];
    World w = world("/x/");
    uint64_t before = in_use(&w);
    Chan *r = NULL, *o = NULL;
    Attr a;
    OK(RUN_CALL(w.k->list->pipe(w.call, &r, &o)));
    chan_hold(r, true);
    chan_hold(o, true);
    int64_t all = 0, n;
    w.call->mode = CALL_NONBLOCK;
    while ((n = RUN_CALL(chan_write(w.call, o, block, sizeof block, 0))) > 0) {
        all += n;
        OK(RUN_CALL(chan_getattr(w.call, r, &a)));
        EQ(a.size, all);
    }
    EQ(n, -EAGAIN);
    w.call->mode = 0;
    TRUE(all >= 60000);
    TRUE(in_use(&w) >= before + 60000);
    OK(RUN_CALL(chan_unhold(w.call, r, true)));
    OK(RUN_CALL(chan_unhold(w.call, o, true)));
    chan_put(r);
    chan_put(o);
    EQ(in_use(&w), before);
    world_end(&w);
}
