/* SPDX-License-Identifier: MIT */
/*
 * Streams of a Linux host. O_NONBLOCK belongs to the open file, which other processes share, so it is never set on a descriptor that
 * was inherited: pipes and terminals are opened anew through /proc/self/fd. Where that is refused (no /proc, a terminal of
 * another user), the stream is a blocking one, for a helper's thread.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/host.h"
#include "os/local.h"

static int failed(void)
{
    return -host_err(errno == EMFILE ? ENFILE : errno);
}

static mode_t type_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) < 0 ? 0 : st.st_mode & S_IFMT;
}

HostKind host_kind(int fd)
{
    if (isatty(fd))
        return HOST_TTY;
    return type_of(fd) == S_IFREG ? HOST_FILE : HOST_STREAM;
}

static int reopen(int fd)
{
    char path[32];
    int how = fcntl(fd, F_GETFL);
    if (how < 0)
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, (how & O_ACCMODE) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

int host_stream_open(int fd, HostStream *s)
{
    mode_t type = type_of(fd);
    *s = (HostStream){ .fd = -1, .io = HOST_DIRECT, .socket = type == S_IFSOCK, .fifo = type == S_IFIFO };
    s->tty = isatty(fd);
    if (type == S_IFIFO || type == S_IFCHR) {
        s->fd = reopen(fd);
        s->io = s->fd < 0 ? HOST_BLOCKING : HOST_POLLED;
    } else if (type == S_IFSOCK) {
        s->io = HOST_POLLED;
    }
    if (s->fd < 0)
        s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return s->fd < 0 ? failed() : 0;
}

void host_stream_of(int fd, HostStream *s)
{
    *s = (HostStream){ .fd = fd, .io = HOST_POLLED, .fifo = type_of(fd) == S_IFIFO, .tty = isatty(fd) };
}

void host_stream_close(HostStream *s)
{
    close(s->fd);
    s->fd = -1;
}

static short poll_now(int fd, short events)
{
    struct pollfd p = { .fd = fd, .events = events };
    return poll(&p, 1, 0) > 0 ? p.revents : 0;
}

/*
 * A process in the background that reads its terminal is stopped until it is brought to the front. The host only does this to a
 * thread that takes the signal, and ours take none: so this one read does.
 */
static ssize_t read_in_background(int fd, void *buf, size_t n)
{
    sigset_t stop, before;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTTIN);
    pthread_sigmask(SIG_UNBLOCK, &stop, &before);
    ssize_t got = read(fd, buf, n);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return got;
}

int64_t host_stream_read(HostStream *s, void *buf, size_t n)
{
    ssize_t got;
    do {
        got = s->socket ? recv(s->fd, buf, n, MSG_DONTWAIT) : read(s->fd, buf, n);
        if (got < 0 && errno == EIO && s->tty && tcgetpgrp(s->fd) != getpgrp())
            got = read_in_background(s->fd, buf, n);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return failed();
    /* A FIFO that nobody has opened for writing yet: its end is still to come. */
    if (got == 0 && n > 0 && s->fifo && s->io == HOST_POLLED && (poll_now(s->fd, POLLIN) & POLLHUP) == 0)
        return -host_err(EAGAIN);
    return got;
}

int64_t host_stream_write(HostStream *s, const void *buf, size_t n)
{
    ssize_t put;
    do
        put = s->socket ? send(s->fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL) : write(s->fd, buf, n);
    while (put < 0 && errno == EINTR);
    return put < 0 ? failed() : put;
}

bool host_stream_ready(const HostStream *s, bool for_write)
{
    return s->io == HOST_DIRECT || poll_now(s->fd, for_write ? POLLOUT : POLLIN) != 0;
}

bool host_stream_hung_up(const HostStream *s)
{
    return s->io != HOST_DIRECT && (poll_now(s->fd, 0) & (POLLHUP | POLLERR)) != 0;
}

uint64_t host_stream_pending(const HostStream *s)
{
    int n = 0;
    return ioctl(s->fd, FIONREAD, &n) < 0 || n < 0 ? 0 : (uint64_t)n;
}

bool host_stream_wait(const HostStream *s, bool for_write, int alarm, int ms)
{
    struct pollfd p[2] = { { .fd = s->fd, .events = for_write ? POLLOUT : POLLIN }, { .fd = alarm, .events = POLLIN } };
    while (poll(p, 2, ms) < 0)
        if (errno != EINTR)
            return true;                        /* the read or write will tell what is wrong */
    return p[0].revents != 0 && p[1].revents == 0;
}

int host_alarm_new(int *alarm)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return failed();
    *alarm = fd;
    return 0;
}

void host_alarm_ring(int alarm)
{
    if (eventfd_write(alarm, 1) < 0) {
        /* It is ringing so often that its counter is full. */
    }
}
