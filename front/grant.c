/* SPDX-License-Identifier: MIT */
/*
 * Grants. A file system's source is a file of the host: it is bound at a name of its own for as long as the mount is made, which the
 * namespace forgets again.
 */
#include "front/grant.h"

#include <string.h>

#include "dev/devhost.h"
#include "front/bootlist.h"
#include "front/process.h"
#include "kern/chan.h"
#include "kern/ns.h"
#include "kern/path.h"
#include "kern/task.h"

#define SOURCE_NAME "/.mount-source"

/* ---- texts -------------------------------------------------------------------------------------------------------- */

int clean_path(const char *path, char **out)
{
    char *clean = mem_alloc(strlen(path) + 2), name[NAME_MAX_LEN + 1];
    size_t n = 0;
    int r = clean == NULL ? -ENOMEM : 1;
    while (r > 0 && (r = path_next(&path, name)) > 0) {
        if (strcmp(name, ".") == 0)
            continue;
        if (strcmp(name, "..") == 0) {
            r = n == 0 ? -EINVAL : 1;
            while (n > 0 && clean[--n] != '/')
                ;
            continue;
        }
        clean[n++] = '/';
        memcpy(clean + n, name, strlen(name));
        n += strlen(name);
    }
    if (r < 0) {
        mem_free(clean);
        return r;
    }
    if (n == 0)
        clean[n++] = '/';
    clean[n] = '\0';
    *out = clean;
    return 0;
}

static char *dup(const char *s)
{
    return mem_dup(s, strlen(s));
}

void grant_free(Grant *g)
{
    mem_free(g->type);
    mem_free(g->source);
    mem_free(g->dst);
    mem_free(g->name);
    *g = (Grant){ 0 };
}

/* Takes the host's own allocation into ours. */
static int real_source(Call *c, const char *host, Grant *g)
{
    char *real;
    int r = process_realpath(host, &real);
    if (r < 0)
        return fail(c, r, "--dir %s: %s%s", host, strerror(-r),
                    strchr(host, ':') != NULL ? " (two colons stand before GUEST)" : "");
    g->source = dup(real);
    process_free(real);
    return g->source == NULL ? -ENOMEM : 0;
}

int grant_parse_dir(Call *c, const char *text, Grant *out)
{
    Grant g = { 0 };
    AUTO_FREE char *host = dup(text);
    if (host == NULL)
        return -ENOMEM;
    size_t n = strlen(host);
    if (n > 3 && strcmp(host + n - 3, ":ro") == 0) {
        g.rdonly = true;
        host[n - 3] = '\0';
    }
    char *guest = strstr(host, "::");
    if (guest != NULL) {
        *guest = '\0';
        guest += 2;
    }
    if (host[0] == '\0' || (guest != NULL && guest[0] == '\0'))
        return fail(c, -EINVAL, "--dir %s: want HOST[::GUEST][:ro]", text);
    int r = real_source(c, host, &g);
    if (r == 0) {
        r = clean_path(guest != NULL ? guest : g.source, &g.dst);
        g.name = dup(guest != NULL ? guest : host);
        if (r < 0)
            (void)fail(c, r, "--dir %s: GUEST leads nowhere", text);
        else if (g.name == NULL)
            r = -ENOMEM;
    }
    if (r < 0) {
        grant_free(&g);
        return r;
    }
    *out = g;
    return 0;
}

int grant_parse_mount(Call *c, const char *text, Grant *out)
{
    Grant g = { 0 };
    AUTO_FREE char *type = dup(text);
    if (type == NULL)
        return -ENOMEM;
    /* The last "::" ends the source, which may hold colons. */
    char *dst = NULL, *colon = strchr(type, ':');
    for (char *at = type; (at = strstr(at, "::")) != NULL; at++)
        dst = at;
    if (dst == NULL || dst == type || dst[2] == '\0')
        return fail(c, -EINVAL, "--mount %s: want TYPE[:SOURCE]::DST", text);
    *dst = '\0';
    if (colon < dst)
        *colon = '\0';
    int r = 0;
    if (colon < dst) {
        g.source = dup(colon + 1);
        r = g.source == NULL ? -ENOMEM : 0;
    }
    g.type = dup(type);
    if (g.type == NULL)
        r = -ENOMEM;
    if (r == 0 && (r = clean_path(dst + 2, &g.dst)) < 0)
        (void)fail(c, r, "--mount %s: DST leads nowhere", text);
    if (r < 0) {
        grant_free(&g);
        return r;
    }
    *out = g;
    return 0;
}

char *grant_map(const Grant *g, const char *host)
{
    if (g->type != NULL || g->source == NULL || !path_below(host, g->source))
        return NULL;
    size_t top = strcmp(g->source, "/") == 0 ? 0 : strlen(g->source),
           base = strcmp(g->dst, "/") == 0 ? 0 : strlen(g->dst);
    const char *rest = strcmp(host, "/") == 0 ? "" : host + top;
    char *s = mem_alloc(base + strlen(rest) + 2);
    if (s == NULL)
        return NULL;
    memcpy(s, g->dst, base);
    strcpy(s + base, rest);
    if (s[0] == '\0')
        strcpy(s, "/");
    return s;
}

/* ---- applied ------------------------------------------------------------------------------------------------------ */

static int bind_host(Call *c, const char *host, const char *dst, unsigned flags)
{
    File *root;
    int r = devhost_new(c, host, &root);
    return r < 0 ? r : boot_bind(c, root, dst, flags);
}

static int make_mount(Call *c, const Grant *g, const MountType *type)
{
    char source[] = SOURCE_NAME, *argv[] = { source, NULL };
    int argc = g->source != NULL;
    if (argc < type->min || argc > type->max)
        return fail(c, -EINVAL, "--mount: %s takes %s source", type->name, type->min > 0 ? "a" : "no");
    AUTO_FILE *root = NULL;
    int r = type->make(c, argc, argv, &root);
    if (r < 0)
        return r;
    Text what = { 0 };
    text_quoted(&what, type->name);
    if (argc > 0) {
        text_put(&what, " ");
        text_quoted(&what, g->source);
    }
    r = text_ok(&what);
    if (r == 0)
        r = ns_mount(c, walk_self(c), root, what.s, g->dst, BIND_CREATE | (g->rdonly ? BIND_RDONLY : 0));
    text_free(&what);
    return r;
}

/* The words of a mount that failed, by the name that the user typed. */
static void set_words(Call *c, const char *words, const char *source)
{
    const char *ours = strstr(words, SOURCE_NAME);
    if (ours != NULL && source != NULL)
        (void)fail(c, 0, "%.*s%.100s%s", (int)(ours - words), words, source, ours + strlen(SOURCE_NAME));
    else
        strcpy(c->words, words);
}

static int apply_mount(Call *c, const Grant *g)
{
    const MountType *type = kernel_mount_type(c->task->kernel, g->type);
    if (type == NULL)
        return fail(c, -ENODEV, "--mount: no file system of type %s", g->type);
    int r = 0, undone = 0;
    if (g->source != NULL)
        CALL_RUN(c, r, bind_host(c, g->source, SOURCE_NAME, BIND_RDONLY));
    if (r < 0)
        return fail(c, r, "--mount: %s: %s", g->source, strerror(-r));
    CALL_RUN(c, r, make_mount(c, g, type));
    char words[sizeof c->words];
    strcpy(words, c->words);
    if (g->source != NULL)
        CALL_RUN(c, undone, ns_unbind(c, walk_self(c), NULL, SOURCE_NAME));
    set_words(c, words, g->source);
    return r < 0 ? r : undone;
}

int grant_apply(Call *c, const Grant *g)
{
    int r;
    if (g->type != NULL) {
        r = apply_mount(c, g);
    } else {
        CALL_RUN(c, r, bind_host(c, g->source, g->dst, BIND_CREATE | (g->rdonly ? BIND_RDONLY : 0)));
    }
    if (r < 0 && c->words[0] == '\0')
        (void)fail(c, r, "%s at %s: %s", g->source != NULL ? g->source : g->type, g->dst, strerror(-r));
    return r;
}
