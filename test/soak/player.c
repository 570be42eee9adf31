/* SPDX-License-Identifier: MIT */
/*
 * Random steps. Before and after each line the state of its task is looked at: what may be answered is what any state between the
 * two allows. A task goes new, live, dead, gone, never back, so the states between are known, whatever others do meanwhile.
 */
#include "test/soak/player.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 4096, PATH = 160 };

/* Ends this player with what must not be. */
static void wrong(Player *p, const char *format, ...)
{
    char text[600];
    int n = snprintf(text, sizeof text, "%s, step %llu, %s: ", p->who, (unsigned long long)p->steps, p->doing);
    va_list list;
    va_start(list, format);
    vsnprintf(text + n, sizeof text - (size_t)n, format, list);
    va_end(list);
    (void)p->complain(p, text);
}

/* r is no error, or one of n. */
static void check(Player *p, int64_t r, const int *fine, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (r == -fine[i])
            return;
    if (r < 0)
        wrong(p, "error %d", (int)-r);
}

static void doing(Player *p, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(p->doing, sizeof p->doing, format, list);
    va_end(list);
    if (p->traced)
        fprintf(stderr, "%s %llu: %s\n", p->who, (unsigned long long)p->steps, p->doing);
}

static const char *path_of(char *s, uint64_t id, const char *file)
{
    snprintf(s, PATH, "/task/%llu/%s", (unsigned long long)id, file);
    return s;
}

/* ---- whole files --------------------------------------------------------------------------------------------------- */

/* The text read, ended by NUL: its length, or an error. */
static int64_t get(Player *p, const char *path, unsigned flags, char *s)
{
    void *f;
    int r = p->door->open(p->door, path, DOOR_READ | flags, &f);
    if (r < 0)
        return r;
    int64_t n = p->door->read(p->door, f, s, TEXT - 1);
    s[n > 0 ? n : 0] = '\0';
    r = p->door->close(p->door, f);
    return n < 0 ? n : r < 0 ? r : n;
}

static int put(Player *p, const char *path, const char *s)
{
    void *f;
    int r = p->door->open(p->door, path, DOOR_WRITE, &f);
    if (r < 0)
        return r;
    int64_t n = p->door->write(p->door, f, s, strlen(s));
    r = p->door->close(p->door, f);
    return n < 0 ? (int)n : r;
}

/* ---- tasks --------------------------------------------------------------------------------------------------------- */

static unsigned state_of(Player *p, uint64_t id)
{
    char path[PATH], s[TEXT], type[TEXT];
    int64_t r = get(p, path_of(path, id, "status"), 0, s);
    if (r == -ENOENT)
        return STATE_GONE;
    if (r < 0)
        wrong(p, "status: error %d", (int)-r);
    if (strcmp(s, "running\n") == 0)
        return STATE_LIVE;
    if (strcmp(s, "exited\n") == 0)
        return STATE_DEAD;
    /* Stopped: its type is known once a program was loaded, also where it then could not begin. */
    r = get(p, path_of(path, id, "type"), 0, type);
    return r < 0 || strcmp(type, "wasi\n") == 0 ? STATE_NEW | STATE_LIVE : STATE_NEW;
}

/* All states from one to the other. */
static unsigned between(unsigned before, unsigned after)
{
    unsigned low = before & (unsigned)-(int)before, all = 0;
    for (unsigned s = low; s <= STATE_GONE; s <<= 1)
        if (s <= after)
            all |= s;
    return all | before | after;
}

static uint64_t any_task(Player *p)
{
    if (p->board != NULL && rng_below(&p->rng, 3) == 0)
        return p->board->id[rng_below(&p->rng, BOARD_SLOTS)];
    return p->own[rng_below(&p->rng, PLAYER_SLOTS)];
}

static void apply(Player *p, uint64_t id, const Rule *rule)
{
    char path[PATH], line[2 * PATH], other[PATH];
    size_t mark = strcspn(rule->line, "%");
    uint64_t id2 = any_task(p);
    path_of(other, id2, "");
    other[strlen(other) - 1] = '\0';
    snprintf(line, sizeof line, "%.*s%s%s", (int)mark, rule->line, rule->line[mark] == '%' ? other : "",
             rule->line[mark] == '%' ? rule->line + mark + 1 : "");
    if (id == 0 || (rule->line[mark] == '%' && id2 == 0) || (rule->careful && !p->door->careful) ||
        (p->inside && strstr(rule->line, " group\n") != NULL))
        return;
    doing(p, "%s < %.*s", path_of(path, id, rule->file), (int)strcspn(line, "\n"), line);
    unsigned before = state_of(p, id);
    int r = put(p, path, line);
    unsigned states = between(before, state_of(p, id));
    if ((rule_expects(rule, states) & error_bit(r)) == 0)
        wrong(p, "error %d in the states %x", -r, states);
}

static void apply_any(Player *p, uint64_t id)
{
    unsigned total = 0;
    for (unsigned i = 0; i < rule_count; i++)
        total += rules[i].weight;
    unsigned n = rng_below(&p->rng, total), i = 0;
    while (n >= rules[i].weight)
        n -= rules[i++].weight;
    apply(p, id, &rules[i]);
}

static void apply_line(Player *p, uint64_t id, const char *line)
{
    for (unsigned i = 0; i < rule_count; i++)
        if (strcmp(rules[i].file, "ctl") == 0 && strcmp(rules[i].line, line) == 0) {
            apply(p, id, &rules[i]);
            return;
        }
    abort();
}

static void make_task(Player *p)
{
    char path[PATH], s[TEXT], line[PATH];
    unsigned slot = rng_below(&p->rng, PLAYER_SLOTS);
    uint64_t old = p->own[slot];
    if (old != 0) {
        apply_line(p, old, "kill KILL tree\n");
        apply_line(p, old, "remove\n");
    }
    p->own[slot] = 0;
    doing(p, "/task/new");
    int64_t r = get(p, "/task/new", 0, s);
    if (r == -EAGAIN || r == -ENOMEM)
        return;
    if (r < 0)
        wrong(p, "error %d", (int)-r);
    uint64_t id = strtoull(s, NULL, 10);
    p->own[slot] = id;
    p->made++;
    if (p->board != NULL && rng_below(&p->rng, 2) == 0)
        p->board->id[rng_below(&p->rng, BOARD_SLOTS)] = id;
    snprintf(line, sizeof line, "cmd %s\n", p->programs[rng_below(&p->rng, p->nprogram)]);
    doing(p, "/task/%llu/ctl < %s", (unsigned long long)id, line);
    r = put(p, path_of(path, id, "ctl"), line);
    /* Somebody else's `kill KILL group` may have come in between. */
    if (r < 0 && (p->inside || (r != -ENOENT && r != -ESRCH && r != -EBUSY && r != -ENOMEM)))
        wrong(p, "error %d", (int)-r);
    for (unsigned n = rng_below(&p->rng, 4); n > 0; n--)
        apply_any(p, id);
    apply_line(p, id, "start\n");
}

/* Who was killed ends, and says so. */
static void kill_and_wait(Player *p)
{
    char path[PATH], s[TEXT];
    uint64_t id = any_task(p);
    if (id == 0)
        return;
    apply_line(p, id, "kill KILL\n");
    doing(p, "%s after a kill", path_of(path, id, "wait"));
    int64_t r = get(p, path, 0, s);
    if (r < 0 && r != -ENOENT)
        wrong(p, "error %d", (int)-r);
    if (r > 0 && (strspn(s, "0123456789") + 1 != (size_t)r || atoi(s) > 255))
        wrong(p, "the exit code is %s", s);
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static void read_something(Player *p)
{
    static const char *const names[] = {
        "status", "exitcode", "error",     "cmdline",    "environ",   "env",        "cwd",       "parent",   "group",
        "type",   "stat/mem", "stat/io",   "stat/cpu",   "ns/binds",  "ns/dump",    "ns/mounts", "fd/0.ctl", "fd/1.ctl",
        "ctl",    "ns/ctl",   "task/self", "task/new",   "ns/from/1", "fd/2/ctl/x", "wait",      "fd/1",     "fd/0",
        "fd/3",   "events",   "signal",    "ns/from/99", "nothing",   "..",         "fd",        "ns/from",  "task",
    };
    char path[PATH], s[TEXT];
    uint64_t id = any_task(p);
    if (id == 0)
        return;
    unsigned i = rng_below(&p->rng, sizeof names / sizeof names[0]);
    doing(p, "read %s", path_of(path, id, names[i]));
    int64_t r = get(p, path, DOOR_NONBLOCK, s);
    static const int fine[] = { ENOENT, EAGAIN, EPERM, EISDIR, ENOTDIR, EBADF, EOVERFLOW, ESRCH, ENOMEM, EBUSY, ELOOP };
    check(p, r, fine, sizeof fine / sizeof fine[0]);
}

static void let_go(Player *p, Held *h)
{
    if (h->file != NULL)
        (void)p->door->close(p->door, h->file);
    h->file = NULL;
}

static void hold_something(Player *p)
{
    static const struct {
        const char *name;
        unsigned flags;
    } files[] = {
        { "fd/0", DOOR_WRITE }, { "fd/1", DOOR_READ },   { "fd/2", DOOR_READ },     { "events", DOOR_READ },
        { "wait", DOOR_READ },  { "status", DOOR_READ }, { "ns/dump", DOOR_READ },  { "ctl", DOOR_WRITE },
        { "fd/5", DOOR_READ },  { "env", DOOR_WRITE },   { "ns/from/2", DOOR_READ },
    };
    char path[PATH];
    Held *h = &p->held[rng_below(&p->rng, PLAYER_HELD)];
    uint64_t id = any_task(p);
    let_go(p, h);
    if (id == 0)
        return;
    unsigned i = rng_below(&p->rng, sizeof files / sizeof files[0]);
    doing(p, "open %s", path_of(path, id, files[i].name));
    h->writes = files[i].flags == DOOR_WRITE;
    if (p->door->open(p->door, path, files[i].flags | DOOR_NONBLOCK, &h->file) < 0)
        h->file = NULL;
}

static void use_held(Player *p)
{
    char s[TEXT];
    Held *h = &p->held[rng_below(&p->rng, PLAYER_HELD)];
    if (h->file == NULL)
        return;
    doing(p, "%s what is held", h->writes ? "write to" : "read");
    if (h->writes)
        (void)p->door->write(p->door, h->file, "kill 0\n", 1 + rng_below(&p->rng, 7));
    else
        (void)p->door->read(p->door, h->file, s, 1 + rng_below(&p->rng, sizeof s - 1));
}

/* ---- objects ------------------------------------------------------------------------------------------------------- */

static void drop_cap(Player *p, uint64_t *cap)
{
    char path[PATH];
    if (*cap == 0)
        return;
    snprintf(path, sizeof path, "/cap/%llu/ctl", (unsigned long long)*cap);
    doing(p, "%s < remove", path);
    int r = put(p, path, "remove\n");
    if (r < 0)
        wrong(p, "error %d", -r);
    *cap = 0;
}

static void play_cap(Player *p)
{
    static const int fine[] = { ESRCH, ENOENT, ENOMEM, EBADF, ENOTDIR, EPERM };
    char path[PATH], line[PATH], s[TEXT];
    unsigned slot = rng_below(&p->rng, 4);
    uint64_t *cap = &p->cap[slot], id = any_task(p);
    if (*cap == 0) {
        snprintf(path, sizeof path, "/cap/new/%s", slot < 2 ? "pipe" : "tmpfs");
        doing(p, "%s", path);
        int64_t r = get(p, path, 0, s);
        if (r < 0 && r != -ENOMEM)
            wrong(p, "error %d", (int)-r);
        *cap = r > 0 ? strtoull(s, NULL, 10) : 0;
        return;
    }
    if (id == 0 || rng_below(&p->rng, 4) == 0) {
        drop_cap(p, cap);
        return;
    }
    bool reads = rng_below(&p->rng, 2) == 0;
    if (slot < 2)
        snprintf(line, sizeof line, "dup /cap/%llu/%s\n", (unsigned long long)*cap, reads ? "r r" : "w w");
    else
        snprintf(line, sizeof line, "bind /cap/%llu/root /c%u\n", (unsigned long long)*cap, slot);
    path_of(path, id, slot < 2 ? reads ? "fd/0.ctl" : "fd/1.ctl" : "ns/ctl");
    doing(p, "%s < %s", path, line);
    int r = put(p, path, line);
    check(p, r, fine, sizeof fine / sizeof fine[0]);
}

static void remove_dir(Player *p)
{
    char path[PATH];
    uint64_t id = any_task(p);
    if (id == 0)
        return;
    doing(p, "rmdir %s", path_of(path, id, ""));
    path[strlen(path) - 1] = '\0';
    unsigned before = state_of(p, id);
    int r = p->door->rmdir(p->door, path);
    unsigned states = between(before, state_of(p, id));
    bool fine = (r == 0 && (states & (STATE_NEW | STATE_DEAD)) != 0) ||
                (r == -EBUSY && (states & (STATE_NEW | STATE_LIVE)) != 0) ||
                (r == -ENOENT && (states & STATE_GONE) != 0);
    if (!fine)
        wrong(p, "error %d in the states %x", -r, states);
}

/* ---- a step -------------------------------------------------------------------------------------------------------- */

void player_init(Player *p, Door *door, uint64_t seed, uint64_t part, const char *const *programs)
{
    memset(p, 0, sizeof *p);
    p->door = door;
    p->rng = rng_part(seed, part);
    p->programs = programs;
    while (programs[p->nprogram] != NULL)
        p->nprogram++;
    p->who = door->name;
}

void player_step(Player *p)
{
    p->steps++;
    unsigned n = rng_below(&p->rng, 100);
    if (n < 14)
        make_task(p);
    else if (n < 64)
        apply_any(p, any_task(p));
    else if (n < 74)
        read_something(p);
    else if (n < 79)
        hold_something(p);
    else if (n < 87)
        use_held(p);
    else if (n < 93)
        play_cap(p);
    else if (n < 97)
        kill_and_wait(p);
    else
        remove_dir(p);
}

void player_end(Player *p)
{
    for (unsigned i = 0; i < PLAYER_SLOTS; i++)     /* what computes for ever is in the way of those that still play */
        if (p->own[i] != 0)
            apply_line(p, p->own[i], "kill KILL tree\n");
    for (unsigned i = 0; i < PLAYER_HELD; i++)
        let_go(p, &p->held[i]);
    for (unsigned i = 0; i < 4; i++)
        drop_cap(p, &p->cap[i]);
    memset(p->own, 0, sizeof p->own);
}
