/* SPDX-License-Identifier: MIT */
/*
 * Linux goes up from where a name led, which may be a link's target: so behind a name `..` could leave the mount however often it
 * stands there. Such targets are made plain: each name with the `..` behind it goes, and what is left of `..` at the beginning
 * goes as far up as the mount point.
 */
#include "door/fuse_link.h"

#include <stdbool.h>
#include <string.h>

#include "os/err.h"

/* The next name of *s and its length; 0 at the end. */
static size_t next_name(const char **s, const char **name)
{
    while (**s == '/')
        ++*s;
    *name = *s;
    while (**s != '\0' && **s != '/')
        ++*s;
    return (size_t)(*s - *name);
}

static bool is_up(const char *name, size_t n)
{
    return n == 2 && name[0] == '.' && name[1] == '.';
}

/* `..` stands only before all names, and not oftener than there is something above. */
static bool harmless(const char *target, unsigned above)
{
    const char *name;
    bool names = false;
    unsigned up = 0;
    size_t n;
    while ((n = next_name(&target, &name)) > 0) {
        if (!is_up(name, n))
            names = names || n > 1 || name[0] != '.';
        else if (names || ++up > above)
            return false;
    }
    return true;
}

typedef struct Plain {
    char *s;
    size_t len, room, first;        /* first: where names begin, behind what leads to them */
} Plain;

static bool put(Plain *p, const char *s, size_t n)
{
    if (p->len + n >= p->room)
        return false;
    memcpy(p->s + p->len, s, n);
    p->len += n;
    p->s[p->len] = '\0';
    return true;
}

static bool put_name(Plain *p, const char *name, size_t n)
{
    bool slash = p->len > 0 && p->s[p->len - 1] != '/';
    return (!slash || put(p, "/", 1)) && put(p, name, n);
}

/* One name less. False: there is none. */
static bool take_name(Plain *p)
{
    if (p->len <= p->first)
        return false;
    while (p->len > p->first && p->s[p->len - 1] != '/')
        p->len--;
    if (p->len > p->first)
        p->len--;                   /* the slash before it */
    p->s[p->len] = '\0';
    return true;
}

static bool put_plain(Plain *p, const char *target, unsigned above)
{
    const char *name;
    size_t n;
    while ((n = next_name(&target, &name)) > 0) {
        if (n == 1 && name[0] == '.')
            continue;
        if (!is_up(name, n)) {
            if (!put_name(p, name, n))
                return false;
        } else if (!take_name(p) && above > 0) {
            above--;
            if (!put_name(p, "..", 2))
                return false;
            p->first = p->len;
        }
    }
    return true;
}

int link_shown(const char *mount, unsigned depth, const char *target, char *out, size_t room)
{
    bool absolute = target[0] == '/';
    unsigned above = absolute ? 0 : depth;
    Plain p = { .s = out, .room = room };
    if (room == 0)
        return -ENAMETOOLONG;
    out[0] = '\0';
    if (absolute && strcmp(mount, "/") != 0 && !put(&p, mount, strlen(mount)))
        return -ENAMETOOLONG;
    p.first = p.len;
    bool fits;
    if (!harmless(target, above))
        fits = put_plain(&p, target, above);
    else
        fits = strspn(target, "/") == strlen(target) ? true : put(&p, target, strlen(target));
    if (fits && p.len == 0)
        fits = put(&p, absolute ? "/" : ".", 1);
    return fits ? 0 : -ENAMETOOLONG;
}

const char *link_stored(const char *mount, const char *target)
{
    size_t n = strlen(mount);
    if (n <= 1 || strncmp(target, mount, n) != 0 || (target[n] != '/' && target[n] != '\0'))
        return target;
    return target[n] == '\0' ? "/" : target + n;
}
