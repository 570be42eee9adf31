/* SPDX-License-Identifier: MIT */
/*
 * The file interface of a namespace: the verbs of ns/ctl and the texts of binds, mounts and dump. SRC is looked up by the
 * writer, DST in the task's own namespace.
 */
#include <string.h>

#include "kern/boot.h"
#include "kern/ns.h"
#include "kern/nsedit.h"
#include "kern/task.h"

/* ---- verbs -------------------------------------------------------------------------------------------------------- */

static int bind_flags(Call *c, int argc, char **argv, int *first, unsigned *flags)
{
    static const struct {
        char letter;
        unsigned flag;
    } known[] = { { 'r', BIND_RDONLY },
                  { 'b', BIND_BEFORE },
                  { 'a', BIND_AFTER },
                  { 'c', BIND_CREATE },
                  { 'x', BIND_SHALLOW } };
    int i = 1;
    *flags = 0;
    for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        for (const char *s = argv[i] + 1; *s != '\0'; s++) {
            unsigned flag = 0;
            for (size_t k = 0; k < LEN(known); k++)
                if (known[k].letter == *s)
                    flag = known[k].flag;
            if (flag == 0)
                return fail(c, -EINVAL, "bind: unknown option -%c (known: -r -b -a -c -x)", *s);
            *flags |= flag;
        }
    }
    if ((*flags & BIND_BEFORE) && (*flags & BIND_AFTER))
        return fail(c, -EINVAL, "bind: -b or -a, not both");
    if (argc - i != 2)
        return fail(c, -EINVAL, "usage: bind [-r] [-b|-a] [-c] [-x] SRC DST");
    *first = i;
    return 0;
}

static int verb_bind(Call *c, void *object, int argc, char **argv)
{
    int first = 0;
    unsigned flags = 0;
    int r = bind_flags(c, argc, argv, &first, &flags);
    if (r < 0)
        return r;
    AUTO_CHAN Chan *src = NULL;
    r = walk_path(c, walk_self(c), argv[first], 0, &src);
    if (r < 0)
        return r != -ENOENT ? r : fail(c, r, "bind: %s: not in the writer's namespace", argv[first]);
    return ns_bind(c, walk_task(c, object), src, argv[first + 1], flags);
}

static int verb_unbind(Call *c, void *object, int argc, char **argv)
{
    AUTO_CHAN Chan *src = NULL;
    if (argc == 3) {
        int r = walk_path(c, walk_self(c), argv[1], 0, &src);
        if (r < 0)
            return r != -ENOENT ? r : fail(c, r, "unbind: %s: not in the writer's namespace", argv[1]);
    }
    return ns_unbind(c, walk_task(c, object), src, argv[argc - 1]);
}

static int verb_hide(Call *c, void *object, int argc, char **argv)
{
    (void)argc;
    return ns_hide(c, walk_task(c, object), argv[1]);
}

/* mount TYPE ARG... DST: "tar /a.tar" is what `mounts` shows. */
static int verb_mount(Call *c, void *object, int argc, char **argv)
{
    const MountType *type = kernel_mount_type(c->task->kernel, argv[1]);
    if (type == NULL)
        return fail(c, -ENODEV, "mount: no file system of type %s", argv[1]);
    int args = argc - 3;
    if (args < type->min || args > type->max)
        return fail(c, -EINVAL, "mount: %s takes %d arguments before DST, not %d", argv[1], type->min, args);
    AUTO_FILE *root = NULL;
    int r = type->make(c, args, argv + 2, &root);
    if (r < 0)
        return r;
    Text what = { 0 };
    for (int i = 1; i < argc - 1; i++) {
        text_put(&what, i == 1 ? "" : " ");
        text_quoted(&what, argv[i]);
    }
    r = text_ok(&what);
    if (r == 0)
        r = ns_mount(c, walk_task(c, object), root, what.s, argv[argc - 1], BIND_CREATE);
    text_free(&what);
    return r;
}

static int verb_clear(Call *c, void *object, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    WalkFrom from = walk_task(c, object);
    return from.ns == NULL ? -ESRCH : ns_clear(from.ns);
}

static const CtlVerb verbs[] = {
    { "bind", 2, -1, verb_bind,
      "bind [-r] [-b|-a] [-c] [-x] SRC DST  SRC (the writer's) appears at DST: read-only, before or after what is "
      "there, taking new names, without what is bound below" },
    { "unbind", 1, 2, verb_unbind,
      "unbind [SRC] DST  undo what was bound at DST, or take SRC out; where nothing was bound, hide DST" },
    { "hide", 1, 1, verb_hide, "hide DST  no way through that name, nor to what is there, any more" },
    { "mount", 2, -1, verb_mount, "mount TYPE ARG... DST  a file system: tmpfs DST, tar FILE DST" },
    { "clear", 0, 0, verb_clear, "clear  an empty namespace" },
};

int ns_ctl_line(Call *c, Task *t, char *line, size_t len)
{
    return ctl_run(c, verbs, LEN(verbs), t, line, len);
}
void ns_ctl_help(Text *out)
{
    ctl_help(verbs, LEN(verbs), out);
}

/* ---- texts -------------------------------------------------------------------------------------------------------- */

static void put_options(Text *out, unsigned flags, bool leading)
{
    static const char letters[] = "rbacx";      /* in the order of BIND_ bits */
    for (unsigned i = 0; letters[i] != '\0'; i++)
        if (flags & (1u << i))
            text_printf(out, leading ? " -%c" : "-%c ", letters[i]);
}

typedef struct LineText {
    Text *out;
    const char *prefix;
    const NsRoot *root;
} LineText;

static void put_bind(LineText *t, const NsLogLine *l)
{
    if (l->mount)
        text_put(t->out, l->what);  /* words, quoted already */
    else
        text_quoted(t->out, l->what);
    text_put(t->out, " ");
    text_quoted(t->out, l->dst);
    put_options(t->out, l->flags, true);
    text_put(t->out, "\n");
}

/* A union's members stand together, where its first line is, in the order of lookup. */
static int binds_line(void *arg, const NsLine *line)
{
    LineText *t = arg;
    const NsNode *n = root_node(t->root, line->dst);
    if (line->hide && node_is(n, NODE_HIDDEN)) {
        text_quoted(t->out, line->dst);
        text_put(t->out, " hidden\n");
    }
    if (!node_is(n, NODE_BOUND) || line->hide || nslog_first(t->root, n, false) != line->k)
        return 0;
    uint64_t shown = 0;
    for (unsigned i = 0; i < n->nmember; i++) {
        const NsLogLine *l = n->member[i].line == shown ? NULL : nslog_find(t->root, n->member[i].line);
        if (l != NULL)
            put_bind(t, l);
        shown = n->member[i].line;
    }
    return 0;
}

static int mounts_line(void *arg, const NsLine *line)
{
    LineText *t = arg;
    if (line->mount) {
        text_put(t->out, line->what);
        text_put(t->out, " ");
        text_quoted(t->out, line->dst);
        put_options(t->out, line->flags & BIND_RDONLY, true);
        text_put(t->out, "\n");
    }
    return 0;
}

/* Nothing above the name is hidden by identity: the line can be replayed. */
static bool parent_seen(const NsRoot *root, const char *path)
{
    char up[PATH_MAX_LEN + 1];
    size_t n = (size_t)(strrchr(path, '/') - path);
    memcpy(up, path, n);
    up[n] = '\0';
    return nslog_seen(root, up);
}

/*
 * The first line of a name is a plain bind, whatever it was: what was there before has a line of its own, or is not seen any more. A name
 * of which all is hidden by identity is hidden.
 */
static int dump_line(void *arg, const NsLine *line)
{
    LineText *t = arg;
    const NsNode *n = root_node(t->root, line->dst);
    if (!parent_seen(t->root, line->dst))
        return 0;
    bool hide = line->hide || !node_seen(t->root, n);
    bool first = !line->hide && nslog_first(t->root, n, !hide) == line->k;
    if (hide && !line->hide && (!first || line->dst[1] == '\0'))
        return 0;
    if (!hide && !nslog_line_seen(t->root, n, line->k))
        return 0;
    text_put(t->out, hide ? "hide " : "bind ");
    if (!hide) {
        unsigned how = first ? 0 : BIND_BEFORE | BIND_AFTER;
        put_options(t->out, line->flags & (how | BIND_RDONLY | BIND_CREATE), false);
        Text from = { 0 };
        text_printf(&from, "%s/from/%llu", t->prefix, (unsigned long long)line->k);
        t->out->failed = t->out->failed || from.failed;
        text_quoted(t->out, from.failed ? "" : from.s);
        text_free(&from);
        text_put(t->out, " ");
    }
    text_quoted(t->out, line->dst);
    text_put(t->out, "\n");
    return 0;
}

static int put_lines(Ns *ns, NsLineFn *fn, const char *prefix, Text *out)
{
    uint64_t version;
    NsRoot *root = ns_root(ns, &version);
    LineText t = { .out = out, .prefix = prefix, .root = root };
    int r = nslog_each(root, prefix != NULL, fn, &t);
    nsobj_put(&root->obj);
    return r < 0 ? r : text_ok(out);
}

int ns_text_binds(Ns *ns, Text *out)
{
    return put_lines(ns, binds_line, NULL, out);
}
int ns_text_mounts(Ns *ns, Text *out)
{
    return put_lines(ns, mounts_line, NULL, out);
}
int ns_text_dump(Ns *ns, const char *prefix, Text *out)
{
    return put_lines(ns, dump_line, prefix, out);
}
