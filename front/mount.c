/* SPDX-License-Identifier: MIT */
/*
 * `taskfs mount`: the root of a fresh kernel as a directory of the host. The kernel and its door are in a process of their own (job.h);
 * there, the main thread serves, another one fetches signals.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "door/fuse.h"
#include "front/front.h"
#include "front/job.h"
#include "front/machine.h"
#include "front/options.h"
#include "front/process.h"
#include "kern/chan.h"

enum { INTERRUPT_AGAIN = 10000000 };        /* nanoseconds */

typedef struct Mount {
    Options options;
    int first;                      /* the process that waits for this one */
    Kernel *kernel;
    FuseDoor *door;
    Call call;                      /* the main thread's */
    Call watch;                     /* of who tells about tasks */
    atomic_bool over;               /* nothing is served any more */
    atomic_uint threads;            /* beside the main one: what that sleeps on at the end */
} Mount;

static void usage(void)
{
    Text options = { 0 };
    options_help(OPTIONS_MOUNT, &options);
    printf("usage: taskfs mount [OPTION...] DIR [COMMAND [ARG...]]\n"
           "\n"
           "Shows the root of a fresh kernel, with /bin, /tmp, /dev, /task, /cap and what\n"
           "is granted, as the directory DIR, until it is unmounted (`fusermount3 -u DIR`)\n"
           "or ended (^C, SIGTERM, SIGHUP). With COMMAND, a program of the host, it lasts\n"
           "as long as that, which starts in DIR and has its name in TASKFS_MOUNT.\n"
           "\n"
           "%s"
           "\n"
           "The exit code is COMMAND's (126 it cannot be run, 127 it is not there); without\n"
           "one 0 after an orderly end. 125: taskfs failed.\n",
           options.s != NULL ? options.s : "");
    text_free(&options);
}

/* ---- threads beside the one that serves -------------------------------------------------------------------------- */

static int begin_thread(Mount *m, WorkerFn *fn)
{
    atomic_fetch_add(&m->threads, 1);
    int r = worker_run(fn, m, 0);
    if (r < 0)
        atomic_fetch_sub(&m->threads, 1);
    return r;
}

static void end_thread(Mount *m)
{
    atomic_fetch_sub(&m->threads, 1);
    word_wake(&m->threads, true);
}

static void take_signals(void *arg)
{
    Mount *m = arg;
    while (!atomic_load(&m->over))
        if (process_next_signal(-1) == SIG_TERM)
            fuse_door_end(m->door);
    end_thread(m);
}

/* A line of `events` a task that root made: "7 exited 0". */
static void tell_events(void *arg)
{
    Mount *m = arg;
    char lines[512];
    int64_t n = 0;
    EventSub *events = events_open(&m->watch, m->kernel->root);
    while (events != NULL && !atomic_load(&m->over)) {
        CALL_RUN(&m->watch, n, events_read(&m->watch, events, lines, sizeof lines, false));
        if (n <= 0 && n != -EINTR)
            break;
        for (char *line = lines, *end; n > 0 && (end = memchr(line, '\n', (size_t)(lines + n - line))) != NULL;
             line = end + 1)
            complain("task %.*s", (int)(end - line), line);
    }
    if (events != NULL)
        events_close(events);
    end_thread(m);
}

/* ---- the server -------------------------------------------------------------------------------------------------- */

static void finish_threads(Mount *m)
{
    atomic_store(&m->over, true);
    process_poke();
    /* An interrupt between two calls is lost: again, then. */
    for (unsigned n; (n = atomic_load(&m->threads)) > 0;) {
        call_interrupt(&m->watch);
        word_wait(&m->threads, n, clock_now(CLOCK_MONO) + INTERRUPT_AGAIN);
    }
}

static int serve_door(Mount *m)
{
    int r = begin_thread(m, take_signals);
    if (r == 0 && m->options.verbose)
        r = begin_thread(m, tell_events);
    if (r == 0) {
        if (m->options.verbose)
            complain("serving at %s; `fusermount3 -u` ends it", fuse_door_dir(m->door));
        job_ready(m->first);
        r = fuse_door_serve(m->door);
    }
    finish_threads(m);
    if (r < 0)
        complain("%s: not served: %s", m->options.argv[0], strerror(-r));
    else if (m->options.verbose)
        complain("%s is no longer served", fuse_door_dir(m->door));
    return r;
}

static int open_door(Mount *m)
{
    const Options *o = &m->options;
    FuseMount fm = { .dir = o->argv[0], .allow_other = o->allow_other, .nonempty = o->nonempty, .verbose = o->verbose };
    char words[FUSE_WORDS] = "";
    int r = fuse_door_open(m->kernel, &fm, &m->door, words);
    if (r < 0)
        complain("%s%s", words[0] != '\0' ? words : strerror(-r),
                 r == -ENOTEMPTY ? "; --nonempty mounts it all the same" : "");
    return r;
}

static int grant_all(Mount *m)
{
    const Options *o = &m->options;
    char *programs = process_programs();
    int r = machine_grant(&m->call, o->grants, o->ngrant, o->bare, programs);
    process_free(programs);
    if (r < 0)
        complain("%s", m->call.words[0] != '\0' ? m->call.words : strerror(-r));
    else if (o->verbose)
        options_say_grants(o);
    return r;
}

static int serve(Mount *m)
{
    char words[sizeof m->call.words];
    process_take_signals();
    process_raise_files();
    int r = machine_boot(m->options.bare, &m->kernel, words);
    if (r < 0) {
        complain("cannot boot: %s", words[0] != '\0' ? words : strerror(-r));
        return EXIT_TASKFS;
    }
    /* Who makes a file through the mount has had its own taken away by Linux; a task's is the task's. */
    m->kernel->root->umask = process_take_umask();
    call_init(&m->call, m->kernel->root);
    call_init(&m->watch, m->kernel->root);
    r = grant_all(m);
    if (r == 0)
        r = open_door(m);
    if (r == 0)
        r = serve_door(m);
    fuse_door_close(m->door);
    call_destroy(&m->watch);
    call_destroy(&m->call);
    kernel_end(m->kernel);
    return r < 0 ? EXIT_TASKFS : 0;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static int parse(int argc, char **argv, Options *o)
{
    Call c;
    call_init(&c, NULL);
    int r = options_parse(&c, OPTIONS_MOUNT, argc, argv, o);
    if (r < 0)
        complain("mount: %s; see `taskfs mount --help`", c.words[0] != '\0' ? c.words : strerror(-r));
    call_destroy(&c);
    return r;
}

static int split(Mount *m)
{
    const Options *o = &m->options;
    char *dir = NULL;
    /* Where it leads before it is mounted over; if nowhere, the server says so. */
    (void)process_realpath(o->argv[0], &dir);
    int server = job_split(&m->first), code = EXIT_TASKFS;
    if (server == 0)
        code = serve(m);
    else if (server > 0)
        code = job_wait(server, dir != NULL ? dir : o->argv[0], o->argc > 1 ? o->argv + 1 : NULL);
    else
        complain("no process: %s", strerror(-server));
    process_free(dir);
    return code;
}

int mount_command(int argc, char **argv, bool verbose)
{
    Mount m = { 0 };
    (void)process_closed_streams();
    job_begin();
    if (parse(argc, argv, &m.options) < 0)
        return EXIT_TASKFS;
    m.options.verbose = m.options.verbose || verbose;
    int code = 0;
    if (m.options.help)
        usage();
    else
        code = split(&m);
    options_free(&m.options);
    return code;
}
