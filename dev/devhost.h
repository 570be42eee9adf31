/* SPDX-License-Identifier: MIT */
/*
 * What the host shows: a directory or file of it as a tree of Files, and its descriptors as streams (doc/dev/host.md). Native builds
 * only. Whoever runs the process ignores SIGPIPE and raises RLIMIT_NOFILE: each File that is alive is a descriptor.
 */
#ifndef DEV_DEVHOST_H
#define DEV_DEVHOST_H

#include "kern/dev.h"
#include "os/host.h"

extern const Dev devhost, devstream;

/*
 * The file or directory that the host's process calls hostpath. *root is owned. Nothing outside it is reached.
 *   -ENOSYS  the host's /proc is not mounted    -ENOENT, -EACCES, -ENFILE, -ENOMEM
 */
int devhost_new(Call *c, const char *hostpath, File **root);

/* The host's descriptor hostfd (0, 1 or 2), which stays open and as it is. *out is owned. -EBADF, -ENFILE, -ENOMEM */
int devstream_new(int hostfd, File **out);

/* ---- a stream of the host (devhost_stream.c) ------------------------------------------------------------------------ */

typedef struct Stream Stream;

int stream_new(HostStream *host, Stream **out);     /* takes host, on failure too */
void stream_end(Stream *s);                         /* nobody uses it any more; a helper that waits for the host lets go later */
/* As Dev.read, Dev.write, Dev.ready. nonblock: -EAGAIN instead of WAIT. */
int64_t stream_read(Call *c, Stream *s, bool nonblock, void *buf, size_t n);
int64_t stream_write(Call *c, Stream *s, bool nonblock, const void *buf, size_t n);
int stream_ready(Call *c, Stream *s, unsigned events, uint64_t *bytes);

#endif
