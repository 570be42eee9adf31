/* SPDX-License-Identifier: MIT */
/*
 * File systems that this process serves itself. A directory of the host that was granted may have one of them below it; whoever walked
 * in there would wait for a thread of this process, and that one perhaps for the next: so nobody does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "os/host.h"
#include "os/local.h"

enum { SERVED_MAX = 16 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    uint64_t dev;
    int covered;
} served[SERVED_MAX];               /* the first `count` are in use; guarded by lock */
static atomic_uint count;

int host_served(uint64_t dev, int covered)
{
    pthread_mutex_lock(&lock);
    unsigned n = atomic_load(&count);
    if (n < SERVED_MAX) {
        served[n].dev = dev;
        served[n].covered = covered;
        atomic_store(&count, n + 1);
    }
    pthread_mutex_unlock(&lock);
    return n < SERVED_MAX ? 0 : -host_err(ENOMEM);
}

void host_served_over(uint64_t dev)
{
    pthread_mutex_lock(&lock);
    unsigned n = atomic_load(&count);
    for (unsigned i = 0; i < n; i++)
        if (served[i].dev == dev) {
            served[i] = served[n - 1];
            atomic_store(&count, n - 1);
            break;
        }
    pthread_mutex_unlock(&lock);
}

int host_not_served(int fd)
{
    struct statx st;
    if (fd < 0 || atomic_load_explicit(&count, memory_order_relaxed) == 0)
        return fd;
    /* What Linux knows already: it asks nobody. */
    if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0)
        return fd;
    uint64_t dev = makedev(st.stx_dev_major, st.stx_dev_minor);
    int instead = fd;
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < atomic_load(&count); i++)
        if (served[i].dev == dev)
            instead = fcntl(served[i].covered, F_DUPFD_CLOEXEC, 0);
    int error = errno;
    pthread_mutex_unlock(&lock);
    if (instead != fd)
        close(fd);
    errno = error;
    return instead;
}
