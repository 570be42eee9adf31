/* SPDX-License-Identifier: MIT */
/*
 * `taskfs run`: one program as task 2 of a machine that lives as long as it does.
 *
 * The main thread fetches the signals that come to the process and passes them on; a worker starts the task, waits for its end
 * and pokes the main thread. What comes while the program is still being loaded (a first compile takes long) ends the start.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "front/front.h"
#include "front/machine.h"
#include "front/options.h"
#include "front/process.h"
#include "front/progress.h"
#include "kern/account.h"
#include "kern/path.h"

typedef struct Run {
    Options options;
    bool verbose;
    unsigned closed;                /* of the process's descriptors 0 to 2 */
    Kernel *kernel;
    Task *task;                     /* owned */
    Chan *input;                    /* owned: the regular file at descriptor 0, or NULL */
    Call call;                      /* the worker's, once it runs */
    Progress progress;

    atomic_int signal;              /* that ended the start */
    atomic_uint early;              /* bit N: signal N came before the start was over, and is still to be passed on */
    atomic_bool started, done;
    int error;                      /* of the start: negative; words in call */
    int code;                       /* the task's */
} Run;

static void usage(void)
{
    Text options = { 0 };
    options_help(OPTIONS_RUN, &options);
    printf("usage: taskfs run [OPTION...] PROGRAM [ARG...]\n"
           "\n"
           "Runs PROGRAM, a WASI module of the host, as a task. It sees /bin, /tmp, /dev,\n"
           "/task, /cap and what is granted:\n"
           "\n"
           "%s"
           "\n"
           "The exit code is the program's; 125 taskfs failed, 126 PROGRAM cannot be run,\n"
           "127 it is not there, 134 it trapped, 128+N signal N ended it. ^C, ^Z reach it.\n",
           options.s != NULL ? options.s : "");
    text_free(&options);
}

/* ---- setting up --------------------------------------------------------------------------------------------------- */

static int set_texts(Call *c, const Options *o, Task *t)
{
    int r = 0;
    mutex_lock(&t->lock);
    for (int i = 0; r == 0 && i < o->argc; i++)
        r = strv_add(&t->args, o->argv[i]);
    for (size_t i = 0; r == 0 && i < o->nenv; i++) {
        const char *host = strchr(o->env[i], '=') == NULL ? getenv(o->env[i]) : NULL;
        AUTO_FREE char *both = NULL;
        const char *set = o->env[i];
        if (host != NULL) {
            both = mem_alloc(strlen(set) + strlen(host) + 2);
            if (both != NULL)
                sprintf(both, "%s=%s", set, host);
            set = both;
        }
        r = set == NULL ? -ENOMEM : strchr(set, '=') == NULL ? 0 : env_set(&t->env, set);
    }
    mutex_unlock(&t->lock);
    return r < 0 ? fail(c, r, "arguments and variables: %s", strerror(-r)) : 0;
}

/* Where the host's directory is in what was granted: the longest way down wins. */
static int default_cwd(const Options *o, char **out)
{
    char *cwd;
    if (process_cwd(&cwd) < 0)
        return 0;
    size_t best = 0;
    for (size_t i = 0; i < o->ngrant; i++) {
        char *there = grant_map(&o->grants[i], cwd);
        size_t n = there == NULL ? 0 : strlen(o->grants[i].source);
        if (there != NULL && n >= best) {
            mem_free(*out);
            *out = there;
            best = n;
        } else {
            mem_free(there);
        }
    }
    process_free(cwd);
    return 0;
}

static int set_cwd(Call *c, const Options *o, Task *t)
{
    AUTO_FREE char *cwd = NULL;
    int r = o->cwd == NULL ? default_cwd(o, &cwd) : 0;
    const char *path = o->cwd != NULL ? o->cwd : cwd != NULL ? cwd : "/";
    if (r == 0)
        CALL_RUN(c, r, task_set_cwd(c, t, path));
    return r < 0 ? fail(c, r, "--cwd %s: %s", path, strerror(-r)) : 0;
}

static int set_limits(Call *c, const Options *o, Task *t)
{
    int r = 0;
    if (o->memlimit != UINT64_MAX)
        r = account_limit_memory(c, t->account, o->memlimit, true);
    if (r == 0 && o->nice != 0)
        r = task_set_nice(c, t, o->nice);
    if (r == 0)
        r = task_set_group(c, t, t->id);
    return r;
}

static int set_files(Call *c, Run *run, Task *t)
{
    const Options *o = &run->options;
    int r = 0;
    for (int fd = 0; r == 0 && fd < 3; fd++)
        r = fd == 0 && (run->closed & 1) == 0 ? machine_input(c, t, &run->input)
                                              : machine_stream(c, t, fd, (run->closed & 1u << fd) != 0 ? -1 : fd);
    for (size_t i = 0; r == 0 && i < o->ngrant; i++)
        if (o->grants[i].name != NULL)
            r = machine_preopen(c, t, o->grants[i].dst, o->grants[i].name);
    return r;
}

static int make_task(Call *c, Run *run, Task **out)
{
    const Options *o = &run->options;
    char *programs = process_programs();
    int r = machine_grant(c, o->grants, o->ngrant, o->bare, programs);
    process_free(programs);
    if (r == 0)
        CALL_RUN(c, r, task_new(c, c->task, NULL, out));
    if (r == 0)
        r = set_texts(c, o, *out);
    if (r == 0)
        r = set_cwd(c, o, *out);
    if (r == 0)
        r = set_files(c, run, *out);
    if (r == 0)
        r = set_limits(c, o, *out);
    return r;
}

/* ---- running ------------------------------------------------------------------------------------------------------ */

/* A signal that came before the call began has not interrupted it. */
static int start(Run *run)
{
    return atomic_load(&run->signal) != 0 ? -EINTR : task_start(&run->call, run->task);
}

/* What a terminal sends is for all of the task's group. */
static int scope_of(int n)
{
    return n == SIG_INT || n == SIG_QUIT || n == SIG_HUP || n == SIG_TSTP || n == SIG_CONT || n == SIG_WINCH
               ? KILL_GROUP
               : KILL_ONE;
}

/* What came while the program was loaded. `started` is set: pass_on or this, whoever takes the bit, passes it on. */
static void pass_on_early(Run *run)
{
    unsigned early = atomic_exchange(&run->early, 0);
    int r;
    for (int n = 1; n < SIGNAL_COUNT; n++)
        if ((early & 1u << n) != 0)
            CALL_RUN(&run->call, r, task_kill(&run->call, run->task, n, scope_of(n)));
}

static void worker(void *arg)
{
    Run *run = arg;
    int r = 0, code = 0;
    CALL_RUN(&run->call, r, start(run));
    progress_done(&run->progress);
    if (r == 0) {
        atomic_store(&run->started, true);
        pass_on_early(run);
        /* An interrupt of the start may reach the wait, too. */
        do
            CALL_RUN(&run->call, r, task_wait(&run->call, run->task, &code));
        while (r == -EINTR);
    }
    run->error = r;
    run->code = code;
    atomic_store(&run->done, true);
    process_poke();
}

static void pass_on(Run *run, Call *c, int n)
{
    int r;
    unsigned bit = 1u << n;
    bool mine = atomic_load(&run->started);
    if (!mine) {
        atomic_fetch_or(&run->early, bit);
        if (n == SIG_INT || n == SIG_TERM || n == SIG_HUP || n == SIG_QUIT) {
            atomic_store(&run->signal, n);
            call_interrupt(&run->call);
        }
        mine = atomic_load(&run->started) && (atomic_fetch_and(&run->early, ~bit) & bit) != 0;
    }
    if (mine)
        CALL_RUN(c, r, task_kill(c, run->task, n, scope_of(n)));
    if (n == SIG_TSTP)
        process_stop();
}

/* Until the task is done. */
static int run_task(Run *run)
{
    Call c;
    call_init(&c, run->kernel->root);
    int r = worker_run(worker, run, 0);
    while (r == 0 && !atomic_load(&run->done)) {
        int n = process_next_signal(atomic_load(&run->started) ? -1 : PROGRESS_LATE);
        if (n > 0)
            pass_on(run, &c, n);
        else if (!atomic_load(&run->started))
            progress_late(&run->progress);
    }
    call_destroy(&c);
    return r;
}

/* The exit code for a program that did not start. */
static int start_code(const Run *run, int error)
{
    int n = atomic_load(&run->signal);
    if (n != 0)
        return EXIT_SIGNAL + n;
    switch (-error) {
    case ENOENT:
        return EXIT_NOT_FOUND;
    case EACCES:
    case EISDIR:
    case ENOTDIR:
    case ENOEXEC:
    case ELOOP:
        return EXIT_NOT_EXECUTABLE;
    default:
        return EXIT_TASKFS;
    }
}

static void say_why(const Call *c, const char *what, int error)
{
    if (c->words[0] != '\0')
        complain("%s", c->words);
    else
        complain("%s: %s", what, strerror(-error));
}

/*
 * A start that failed, by the name that was typed. The kernel's words say what went wrong; but for a program that nothing can run,
 * the error says why.
 */
static void say_start(const Run *run, int error)
{
    const Options *o = &run->options;
    const char *program = o->argv[0], *words = run->call.words;
    if (strncmp(words, "start: ", 7) == 0)
        words += 7;
    size_t n = strlen(program);
    if (strncmp(words, program, n) == 0 && (words[n] == ':' || words[n] == '\0'))
        words += words[n] == '\0' ? n : n + 2;
    const char *why = error == -ENOEXEC                               ? "see `taskfs run --help`"
                      : error == -ENOMEM && o->memlimit != UINT64_MAX ? "--memlimit is too small"
                                                                      : strerror(-error);
    if (words[0] == '\0')
        complain("%s: %s", program, why);
    else
        complain("%s: %s%s %s", program, words, error == -ENOEXEC ? ";" : ":", why);
}

/* The words of a trap. */
static void say_trap(Task *t)
{
    mutex_lock(&t->lock);
    AUTO_FREE char *words = t->error == NULL ? NULL : mem_dup(t->error, strlen(t->error));
    mutex_unlock(&t->lock);
    if (words != NULL)
        complain("%s", words);
}

static int run_prepared(Run *run)
{
    uint64_t began = clock_now(CLOCK_MONO);
    progress_begin(&run->progress, run->kernel->list, run->options.argv[0], run->verbose);
    int r = run_task(run);
    if (r < 0) {
        say_why(&run->call, "no thread", r);
        return EXIT_TASKFS;
    }
    if (run->error < 0) {
        if (atomic_load(&run->signal) == 0)
            say_start(run, run->error);
        return start_code(run, run->error);
    }
    say_trap(run->task);
    if (run->verbose)
        complain("exit code %d after %" PRIu64 " ms", run->code, (clock_now(CLOCK_MONO) - began) / 1000000);
    return run->code;
}

static int run_in(Run *run)
{
    const Options *o = &run->options;
    if (run->verbose)
        options_say_grants(o);
    int r = make_task(&run->call, run, &run->task);
    if (r < 0) {
        say_why(&run->call, "cannot make the task", r);
        return EXIT_TASKFS;
    }
    r = o->inside ? 0 : machine_program(&run->call, run->task, o->argv[0]);
    if (r < 0) {
        say_start(run, r);
        return start_code(run, r);
    }
    return run_prepared(run);
}

int run_command(int argc, char **argv, bool verbose)
{
    Run run = { .closed = process_closed_streams() };
    Call parse;
    char words[sizeof parse.words];
    process_take_signals();
    process_raise_files();
    call_init(&parse, NULL);
    int r = options_parse(&parse, OPTIONS_RUN, argc, argv, &run.options);
    if (r < 0)
        complain("run: %s; see `taskfs run --help`", parse.words[0] != '\0' ? parse.words : strerror(-r));
    call_destroy(&parse);
    if (r < 0)
        return EXIT_TASKFS;
    if (run.options.help) {
        usage();
        options_free(&run.options);
        return 0;
    }
    run.verbose = verbose || run.options.verbose;
    int code = EXIT_TASKFS;
    r = machine_boot(run.options.bare, &run.kernel, words);
    if (r < 0) {
        complain("cannot boot: %s", words[0] != '\0' ? words : strerror(-r));
    } else {
        call_init(&run.call, run.kernel->root);
        code = run_in(&run);
        machine_input_done(&run.call, run.input);
        call_destroy(&run.call);
        task_put(run.task);
        kernel_end(run.kernel);
    }
    options_free(&run.options);
    return code;
}
