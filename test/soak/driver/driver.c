/* SPDX-License-Identifier: MIT */
/*
 * A player as a program of its own: a WASI task that drives the files it sees, or a process of the host behind a mount.
 *     driver SEED PART TASKS [PREFIX]
 * Its tasks are its own to end: it ends with all that it made.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/soak/player.h"

static const char *const programs[] = {
    "exit",  "sleep", "copy",   "write", "family", "exec", "vfork", "signals", "threads", "objects",
    "wexit", "wtrap", "wsleep", "wcopy", "wgrow",  "text", "none",  "wspin",   "script",  NULL,
};

static int complain(Player *p, const char *text)
{
    (void)p;
    fprintf(stderr, "%s\n", text);
    fflush(NULL);
    exit(99);
}

int main(int argc, char **argv)
{
    static Player p;
    if (argc < 4)
        return 2;
    Door *d = pdoor_new(argc > 4 ? argv[4] : "");
    if (d == NULL)
        return 2;
    player_init(&p, d, strtoull(argv[1], NULL, 10), 1000 + strtoull(argv[2], NULL, 10), programs);
    p.complain = complain;
    p.inside = argc == 4;
    while (p.made < strtoull(argv[3], NULL, 10))
        player_step(&p);
    player_end(&p);
    return 0;
}
