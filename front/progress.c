/* SPDX-License-Identifier: MIT */
/*
 * Progress: engines say how much they have compiled.
 */
#include "front/progress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "front/front.h"
#include "front/process.h"
#include "kern/engine.h"

enum { KEPT_MAX = 1024 };

static unsigned compiles(const Progress *p, char *kept)
{
    unsigned sum = 0;
    kept[0] = '\0';
    for (const Engine *const *e = p->list->engines; *e != NULL; e++)
        if ((*e)->compiles != NULL)
            sum += (*e)->compiles(kept, KEPT_MAX);
    return sum;
}

void progress_begin(Progress *p, const BootList *list, const char *program, bool verbose)
{
    char kept[KEPT_MAX];
    p->list = list;
    p->program = program;
    p->verbose = verbose;
    p->aloud = verbose || process_is_terminal(2);
    p->began = clock_now(CLOCK_MONO);
    if (p->aloud)
        p->before = compiles(p, kept);
}

/* A directory below the home directory, as a shell would show it. */
static const char *short_name(const char *path, const char **tilde)
{
    const char *home = getenv("HOME");
    size_t n = home == NULL ? 0 : strlen(home);
    bool below = n > 1 && strncmp(path, home, n) == 0 && path[n] == '/';
    *tilde = below ? "~" : "";
    return below ? path + n : path;
}

static bool say(Progress *p)
{
    char kept[KEPT_MAX];
    const char *tilde;
    if (!p->aloud || compiles(p, kept) == p->before)
        return false;
    const char *dir = short_name(kept, &tilde);
    if (!atomic_exchange(&p->said, true))
        complain("compiling %s%s%s%s%s", p->program, dir[0] != '\0' ? " (once; kept in " : "", tilde, dir,
                 dir[0] != '\0' ? ")" : "");
    return true;
}

void progress_late(Progress *p)
{
    (void)say(p);
}

void progress_done(Progress *p)
{
    if (p->verbose && say(p))
        complain("compiled in %" PRIu64 " ms", (clock_now(CLOCK_MONO) - p->began) / 1000000);
}
