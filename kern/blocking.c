/* SPDX-License-Identifier: MIT */
/*
 * What can only block, on a helper thread. The call and the helper each hold the job; whoever lets go last releases it, so a
 * call that ends early waits for nothing. The job's lock guards `finished` and `result`.
 */
#include "kern/call.h"
#include "kern/count.h"

typedef struct Job {
    Op op;                          /* first: the call's hold on it */
    Ref ref;
    const Blocking *what;
    void *arg;                      /* owned: what->release frees it */
    atomic_bool abandoned;
    Mutex lock;                     /* RANK_FILE, as the objects of devices */
    bool finished;
    int result;
    Queue done;
} Job;

static void job_put(Job *j)
{
    if (!ref_put(&j->ref))
        return;
    count_sub(OBJ_OP, j);
    j->what->release(j->arg);
    mutex_destroy(&j->lock);
    mem_free(j);
}

static void job_cancel(Op *op)
{
    Job *j = (Job *)op;
    atomic_store(&j->abandoned, true);
    job_put(j);
}

static void job_run(void *arg)
{
    Job *j = arg;
    int r = j->what->work(j->arg, &j->abandoned);
    mutex_lock(&j->lock);
    j->result = r;
    j->finished = true;
    queue_wake(&j->done);
    mutex_unlock(&j->lock);
    job_put(j);
}

static int job_start(Call *c, const void *key, const Blocking *b, void *arg)
{
    Job *j = mem_alloc(sizeof *j);
    if (j == NULL) {
        b->release(arg);
        return -ENOMEM;
    }
    count_add(OBJ_OP, j);
    j->op = (Op){ .key = key, .cancel = job_cancel };
    ref_init(&j->ref);
    ref_get(&j->ref);
    j->what = b;
    j->arg = arg;
    mutex_init(&j->lock, RANK_FILE);
    queue_init(&j->done);
    int r = worker_run(job_run, j, 0);
    if (r < 0) {
        job_put(j);
        job_put(j);
        return r;
    }
    call_add_op(c, &j->op);
    return 0;
}

/* 0 and the result, or WAIT or why it could not be waited for. */
static int job_wait(Call *c, Job *j, int *result)
{
    mutex_lock(&j->lock);
    int r = j->finished ? 0 : wait_arm(c, &j->done);
    if (r == 0)
        *result = j->result;
    mutex_unlock(&j->lock);
    return r;
}

int call_blocking(Call *c, const void *key, const Blocking *b, void *(*make_arg)(void *user),
                  void (*done)(void *arg, void *user), void *user)
{
    if (call_op(c, key) == NULL) {
        if ((c->mode & CALL_NONBLOCK) != 0)
            return -EAGAIN;
        void *arg = make_arg(user);
        if (arg == NULL)
            return -ENOMEM;
        int r = job_start(c, key, b, arg);
        if (r < 0)
            return r;
    }
    Job *j = (Job *)call_op(c, key);
    ASSERT(j->op.cancel == job_cancel);
    int result = 0;
    int r = job_wait(c, j, &result);
    if (r != 0)
        return r;
    call_drop_op(c, &j->op);
    if (done != NULL)
        done(j->arg, user);
    job_put(j);
    return result;
}
