/* SPDX-License-Identifier: MIT */
/*
 * The door opened and closed: mounting, the threads, and the end.
 *
 * A few threads fetch requests and answer them, two enter those again that have waited; none is held by what waits. Whoever serves
 * sleeps until a thread finds out that it was unmounted, or somebody wants it to end. Threads that sleep in Linux for the next
 * request are cancelled there, and nowhere else.
 */
#include "door/fuse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "door/fuse_door.h"
#include "door/fuse_mount.h"
#include "door/fuse_ops.h"
#include "os/host.h"

static const struct fuse_lowlevel_ops ops;

/* ---- libfuse's own words --------------------------------------------------------------------------------------------- */

/* libfuse knows no other way to tell than one function for the process: the thread that mounts says where the words go. */
static _Thread_local char *said;

static void on_log(enum fuse_log_level level, const char *format, va_list list)
{
    char line[FUSE_WORDS];
    if (level > FUSE_LOG_WARNING)
        return;
    int n = vsnprintf(line, sizeof line, format, list);
    while (n > 0 && (size_t)n < sizeof line && line[n - 1] == '\n')
        line[--n] = '\0';
    const char *words = strncmp(line, "fuse: ", 6) == 0 ? line + 6 : line;
    if (said == NULL)
        fprintf(stderr, "taskfs: %s\n", words);
    else if (said[0] == '\0')
        snprintf(said, FUSE_WORDS, "%s", words);
}

/* ---- mounting -------------------------------------------------------------------------------------------------------- */

/* What is asked of Linux beyond libfuse's defaults, and what of these is not wanted. */
static void on_init(void *userdata, struct fuse_conn_info *conn)
{
    (void)userdata;
    const unsigned want = FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_PARALLEL_DIROPS |
                          FUSE_CAP_ASYNC_READ | FUSE_CAP_FLOCK_LOCKS;
    /* Linux itself takes set-user-ID away when a file is written. What READDIRPLUS brings is stale at once. */
    const unsigned not = FUSE_CAP_HANDLE_KILLPRIV | FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO |
                         FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_IOCTL_DIR | FUSE_CAP_POSIX_LOCKS;
    conn->want = (conn->want | (want & conn->capable)) & ~not;
    conn->max_readahead = 1 << 20;
}

static int mount_there(FuseDoor *d, const FuseMount *m, char *words)
{
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    char options[128];
    snprintf(options, sizeof options, "-ofsname=taskfs,subtype=taskfs,nosuid,nodev,default_permissions%s",
             m->allow_other ? ",allow_other" : "");
    int r = -ENOMEM;
    fuse_set_log_func(on_log);
    said = words;
    if (fuse_opt_add_arg(&args, "taskfs") == 0 && fuse_opt_add_arg(&args, options) == 0)
        d->session = fuse_session_new(&args, &ops, sizeof ops, d);
    if (d->session != NULL)
        r = fuse_session_mount(d->session, d->dir) == 0 ? 0 : -EIO;
    said = NULL;
    fuse_opt_free_args(&args);
    if (r == 0 && m->verbose && words[0] != '\0')
        fprintf(stderr, "taskfs: %s\n", words);
    d->mounted = r == 0;
    if (r == 0) {
        /* A directory of the host that was granted may have the mount below it. */
        d->device = mount_device(d->dir);
        if (d->device != 0 && d->covered >= 0)
            r = host_served(d->device, d->covered);
    }
    if (r < 0) {
        char why[FUSE_WORDS];
        snprintf(why, sizeof why, "%s", words[0] != '\0' ? words : r == -ENOMEM ? "no memory" : "it was not allowed");
        snprintf(words, FUSE_WORDS, "%.200s: cannot be mounted over: %.250s", d->dir, why);
    }
    return r;
}

static int take_root(FuseDoor *d)
{
    Call c;
    Chan *root = NULL;
    int r;
    call_init(&c, d->kernel->root);
    CALL_RUN(&c, r, walk_path(&c, walk_self(&c), "/", 0, &root));
    call_destroy(&c);
    return r < 0 ? r : nodes_init(&d->nodes, root);
}

int fuse_door_open(Kernel *k, const FuseMount *m, FuseDoor **out, char *words)
{
    words[0] = '\0';
    char *dir = NULL;
    int r = mount_point(m->dir, m->nonempty, &dir, words, FUSE_WORDS);
    if (r == 0)
        r = mount_allowed(words, FUSE_WORDS);
    FuseDoor *d = r == 0 ? mem_alloc(sizeof *d) : NULL;
    if (d == NULL) {
        mount_free(dir);
        return r < 0 ? r : -ENOMEM;
    }
    d->kernel = k;
    d->dir = dir;
    d->covered = mount_covered(dir);
    mutex_init(&d->lock, RANK_LEAF);
    mutex_init(&d->run_lock, RANK_LEAF);
    mutex_init(&d->park_lock, RANK_VIEW);
    r = take_root(d);
    if (r < 0)
        snprintf(words, FUSE_WORDS, "the root of what is to be mounted: %s", strerror(-r));
    else
        r = mount_there(d, m, words);
    if (r < 0)
        fuse_door_close(d);
    else
        *out = d;
    return r;
}

const char *fuse_door_dir(const FuseDoor *d)
{
    return d->dir;
}

/* ---- serving --------------------------------------------------------------------------------------------------------- */

typedef struct Fetcher {
    FuseDoor *door;
    pthread_t thread;
    struct fuse_buf buf;            /* libfuse's: one request */
} Fetcher;

static void fetcher_over(void *arg)
{
    Fetcher *f = arg;
    request_thread_end();
    atomic_fetch_add(&f->door->over, 1);
    word_wake(&f->door->over, true);
}

static void *fetch(void *arg)
{
    Fetcher *f = arg;
    FuseDoor *d = f->door;
    int n = 0;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_cleanup_push(fetcher_over, f);
    while (!atomic_load(&d->ending)) {
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
        n = fuse_session_receive_buf(d->session, &f->buf);
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
        if (n == -EINTR || n == -EAGAIN)
            continue;
        if (n <= 0)
            break;                  /* unmounted */
        fuse_session_process_buf(d->session, &f->buf);
    }
    pthread_cleanup_pop(1);
    return NULL;
}

static void *enter_again(void *arg)
{
    door_again(arg);
    return NULL;
}

static void *sweep(void *arg)
{
    FuseDoor *d = arg;
    nodes_sweep(&d->nodes);
    return NULL;
}

/* The threads beside those that fetch. */
typedef struct Helpers {
    pthread_t sweeper, again[FUSE_AGAIN];
    bool sweeps;
    int n;
} Helpers;

static bool start_helpers(FuseDoor *d, Helpers *h)
{
    *h = (Helpers){ .n = 0 };
    h->sweeps = pthread_create(&h->sweeper, NULL, sweep, d) == 0;
    while (h->n < FUSE_AGAIN && pthread_create(&h->again[h->n], NULL, enter_again, d) == 0)
        h->n++;
    return h->sweeps && h->n > 0;
}

/* Nothing waits any more when it returns. */
static void stop_helpers(FuseDoor *d, Helpers *h)
{
    if (h->n > 0)
        door_stop_waits(d);
    mutex_lock(&d->run_lock);
    d->run_over = true;
    atomic_fetch_add(&d->run_turn, 1);
    mutex_unlock(&d->run_lock);
    word_wake(&d->run_turn, true);
    while (h->n > 0)
        pthread_join(h->again[--h->n], NULL);
    nodes_sweep_over(&d->nodes);
    if (h->sweeps)
        pthread_join(h->sweeper, NULL);
}

static int start_fetchers(FuseDoor *d, Fetcher *f)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int want = cores < 4 ? 8 : cores > FUSE_THREADS_MAX / 2 ? FUSE_THREADS_MAX : (int)(2 * cores), n = 0;
    for (; n < want; n++) {
        f[n].door = d;
        if (pthread_create(&f[n].thread, NULL, fetch, &f[n]) != 0)
            break;
    }
    return n;
}

/* What is there now may be somebody else's, if ours was unmounted while it was in use. */
static void unmount(FuseDoor *d)
{
    bool ours = d->mounted && (d->device == 0 || mount_device(d->dir) == d->device);
    if (ours || (d->mounted && mount_cut(fuse_session_fd(d->session))))
        fuse_session_unmount(d->session);
    d->mounted = false;
}

int fuse_door_serve(FuseDoor *d)
{
    Fetcher fetchers[FUSE_THREADS_MAX] = { 0 };
    Helpers helpers;
    int n = start_helpers(d, &helpers) ? start_fetchers(d, fetchers) : 0;
    while (n > 0 && !atomic_load(&d->ending) && atomic_load(&d->over) == 0)
        word_wait(&d->over, 0, 0);
    atomic_store(&d->ending, true);
    for (int i = 0; i < n; i++)
        pthread_cancel(fetchers[i].thread);
    for (int i = 0; i < n; i++) {
        pthread_join(fetchers[i].thread, NULL);
        free(fetchers[i].buf.mem);
    }
    stop_helpers(d, &helpers);
    unmount(d);
    return n > 0 ? 0 : -EAGAIN;
}

void fuse_door_end(FuseDoor *d)
{
    atomic_store(&d->ending, true);
    atomic_fetch_add(&d->over, 1);
    word_wake(&d->over, true);
}

void fuse_door_close(FuseDoor *d)
{
    if (d == NULL)
        return;
    unmount(d);
    while (d->handles != NULL)
        handle_free(d, d->handles);
    nodes_free(&d->nodes);
    if (d->session != NULL)
        fuse_session_destroy(d->session);
    host_served_over(d->device);
    mount_covered_close(d->covered);
    mutex_destroy(&d->lock);
    mutex_destroy(&d->run_lock);
    mutex_destroy(&d->park_lock);
    mount_free(d->dir);
    mem_free(d);
}

static const struct fuse_lowlevel_ops ops = {
    .init = on_init,
    .lookup = on_lookup,
    .forget = on_forget,
    .forget_multi = on_forget_many,
    .getattr = on_getattr,
    .setattr = on_setattr,
    .readlink = on_readlink,
    .mknod = on_mknod,
    .mkdir = on_mkdir,
    .unlink = on_unlink,
    .rmdir = on_rmdir,
    .symlink = on_symlink,
    .rename = on_rename,
    .link = on_link,
    .open = on_open,
    .create = on_create,
    .read = on_read,
    .write = on_write,
    .flush = on_flush,
    .release = on_release,
    .fsync = on_fsync,
    .opendir = on_opendir,
    .readdir = on_readdir,
    .releasedir = on_release,
    .fsyncdir = on_fsync,
    .statfs = on_statfs,
    .flock = on_flock,
    .fallocate = on_fallocate,
    .poll = on_poll,
};
