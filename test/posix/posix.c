/* SPDX-License-Identifier: MIT */
/*
 * The runner:
 *
 *     posix [--host | --tmpfs | --dir] [--readonly DIR] [--twin DIR] [--seed N] [-l] [-v] DIRECTORY [PATTERN]
 *
 * --host: a file system of the host, where nothing differs; --tmpfs and --dir: of taskfs. PATTERN is a part of the rules' names.
 * It prints every rule that does not hold, and "N passed, N failed, N skipped" at the end.
 */
#include "posix.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>

enum { PASSED = 50, FAILED = 1, SKIPPED = 77, SECONDS = 20 };

unsigned on_what = ON_HOST;
const char *readonly_dir;
const char *twin_dir;
unsigned random_seed = 1;
static Rule *rules;
static Rule *differences;
static const Rule *running;

void rule_add(Rule *r)
{
    Rule **to = r->reason == NULL ? &rules : &differences;
    while (*to != NULL)
        to = &(*to)->next;
    *to = r;
}

/* ---- comparisons ---------------------------------------------------------------------------------------------------- */

static _Noreturn void complain(const char *file, int line, const char *format, ...)
{
    char text[8192];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *base = strrchr(file, '/');
    printf("FAIL %s\n     %s:%d: %s\n", running->name, base == NULL ? file : base + 1, line, text);
    if (running->reason != NULL)
        printf("     (differs from POSIX: %s)\n", running->reason);
    fflush(stdout);
    _exit(FAILED);
}

static const char *number_name(int number)
{
    const char *name = strerrorname_np(number);
    return name == NULL ? "success" : name;
}

int64_t check_ok(const char *file, int line, const char *call, int64_t result)
{
    if (result == -1)
        complain(file, line, "%s: wanted success, got %s", call, number_name(errno));
    return result;
}

void check_fails(const char *file, int line, const char *call, int64_t result, int a, int b)
{
    if (result == -1 && (errno == a || errno == b))
        return;
    const char *got = result == -1 ? number_name(errno) : "success";
    if (a == b)
        complain(file, line, "%s: wanted %s, got %s", call, number_name(a), got);
    complain(file, line, "%s: wanted %s or %s, got %s", call, number_name(a), number_name(b), got);
}

void check_compare(const char *file, int line, const char *what, int64_t a, int64_t b, bool holds)
{
    if (!holds)
        complain(file, line, "%s: got %lld and %lld", what, (long long)a, (long long)b);
}

void check_true(const char *file, int line, const char *what, bool holds)
{
    if (!holds)
        complain(file, line, "%s does not hold", what);
}

void check_text(const char *file, int line, const char *what, const char *got, const char *wanted)
{
    if (strcmp(got, wanted) != 0)
        complain(file, line, "%s: wanted \"%.200s\", got \"%.200s\"", what, wanted, got);
}

/* "moved", "kept" or "any" of one time. */
static void check_time(const char *file, int line, const char *name, const char *which, int64_t old, int64_t now,
                       const char *wanted)
{
    bool holds = strcmp(wanted, "any") == 0 || (strcmp(wanted, "moved") == 0 ? now > old : now == old);
    if (!holds)
        complain(file, line, "%s of %s: wanted %s, went by %lld ns", which, name, wanted, (long long)(now - old));
}

void check_times(const char *file, int line, const char *name, const Times *old, const char *a, const char *m,
                 const char *c)
{
    struct stat st = stat_of(name);
    check_time(file, line, name, "atime", old->atime, (int64_t)st.st_atim.tv_sec * 1000000000 + st.st_atim.tv_nsec, a);
    check_time(file, line, name, "mtime", old->mtime, (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec, m);
    check_time(file, line, name, "ctime", old->ctime, (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec, c);
}

void skip(const char *why)
{
    printf("SKIP %s: %s\n", running->name, why);
    fflush(stdout);
    _exit(SKIPPED);
}

/* ---- running -------------------------------------------------------------------------------------------------------- */

static const Rule *difference(const Rule *r)
{
    for (const Rule *d = differences; d != NULL; d = d->next)
        if ((d->where & on_what) != 0 && strcmp(d->name, r->name) == 0)
            return d;
    return r;
}

/* A difference without its rule would never be looked at. */
static void check_differences(void)
{
    for (const Rule *d = differences; d != NULL; d = d->next) {
        const Rule *r = rules;
        while (r != NULL && strcmp(r->name, d->name) != 0)
            r = r->next;
        if (r == NULL) {
            printf("posix: %s differs, but is no rule\n", d->name);
            exit(2);
        }
    }
}

static int wait_for(pid_t pid)
{
    int status = 0;
    struct timespec pause = { .tv_nsec = 2000000 };
    for (int ms = 0; waitpid(pid, &status, WNOHANG) == 0; ms += 2) {
        nanosleep(&pause, NULL);
        if (ms < SECONDS * 1000)
            continue;
        printf("FAIL %s: killed after %d seconds\n", running->name, SECONDS);
        kill(-pid, SIGKILL);
        waitpid(pid, &status, 0);
        return FAILED;
    }
    kill(-pid, SIGKILL);            /* what the rule has started */
    if (WIFEXITED(status) && (WEXITSTATUS(status) == PASSED || WEXITSTATUS(status) == SKIPPED))
        return WEXITSTATUS(status);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != FAILED)
        printf("FAIL %s: ended with status %#x\n", running->name, (unsigned)status);
    return FAILED;
}

static int run(const Rule *r, const char *dir)
{
    static unsigned number;         /* what an earlier rule has left must not be in the way */
    char name[32];
    running = r;
    snprintf(name, sizeof name, "rule%u.%d", number++, (int)getpid());
    if (chdir(dir) < 0 || mkdir(name, 0755) < 0) {
        printf("posix: %s/%s: %s\n", dir, name, strerror(errno));
        exit(2);
    }
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        umask(022);
        signal(SIGXFSZ, SIG_IGN);
        be_in(name);
        r->run();
        _exit(PASSED);
    }
    setpgid(pid, pid);
    int code = wait_for(pid);
    remove_tree(name);
    if (rmdir(name) == 0 || errno == ENOENT)
        return code;
    printf("FAIL %s: what it left cannot be removed: %s\n", r->name, strerror(errno));
    return FAILED;
}

static bool applies(const Rule *r, const char *pattern)
{
    if (strstr(r->name, pattern) == NULL || (readonly_dir == NULL && strncmp(r->name, "readonly_", 9) == 0))
        return false;
    return r->who == BY_ANYBODY || (r->who == BY_ROOT) == is_root();
}

static bool with_value(const char *option, const char *value)
{
    if (strcmp(option, "--readonly") == 0)
        readonly_dir = value;
    else if (strcmp(option, "--twin") == 0)
        twin_dir = value;
    else if (strcmp(option, "--seed") == 0)
        random_seed = (unsigned)strtoul(value, NULL, 10);
    else
        return false;
    return true;
}

static const char *options(int argc, char **argv, bool *list, bool *verbose)
{
    static const struct {
        const char *word;
        unsigned on;
    } kinds[] = { { "--host", ON_HOST }, { "--tmpfs", ON_TMPFS }, { "--dir", ON_DIR } };
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        bool known = strcmp(argv[i], "-l") == 0 || strcmp(argv[i], "-v") == 0;
        *list |= strcmp(argv[i], "-l") == 0;
        *verbose |= strcmp(argv[i], "-v") == 0;
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
            if (strcmp(argv[i], kinds[k].word) == 0) {
                on_what = kinds[k].on;
                known = true;
            }
        if (!known && i + 1 < argc) {
            known = with_value(argv[i], argv[i + 1]);
            i++;
        }
        if (!known)
            return NULL;
    }
    if (argc - i < 1 || argc - i > 2)
        return NULL;
    argv[1] = argc - i == 2 ? argv[i + 1] : "";         /* argv has room: there was a directory */
    return argv[i];
}

int main(int argc, char **argv)
{
    bool list = false, verbose = false;
    char *directory = NULL;
    const char *given = argc < 2 ? NULL : options(argc, argv, &list, &verbose);
    if (given == NULL) {
        printf("posix [--host | --tmpfs | --dir] [--readonly DIR] [--twin DIR] [--seed N] [-l] [-v] DIRECTORY "
               "[PATTERN]\n");
        return 2;
    }
    const char *pattern = argv[1];
    directory = realpath(given, NULL);
    if (directory == NULL) {
        printf("posix: %s: %s\n", given, strerror(errno));
        return 2;
    }
    check_differences();
    unsigned passed = 0, failed = 0, skipped = 0;
    for (const Rule *r = rules; r != NULL; r = r->next) {
        if (!applies(r, pattern))
            continue;
        if (list || verbose)
            printf("%s%s%s\n", r->name, difference(r)->reason != NULL ? ": " : "",
                   difference(r)->reason != NULL ? difference(r)->reason : "");
        if (list)
            continue;
        int code = run(difference(r), directory);
        passed += code == PASSED;
        failed += code == FAILED;
        skipped += code == SKIPPED;
    }
    free(directory);
    if (list)
        return 0;
    printf("%u passed, %u failed", passed, failed);
    if (skipped > 0)
        printf(", %u skipped", skipped);
    printf("\n");
    return failed > 0;
}
