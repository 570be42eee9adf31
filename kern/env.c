/* SPDX-License-Identifier: MIT */
/*
 * Vectors of strings in one block. Every change goes through one function, which charges it. No lock: the owner has one.
 *
 * The last string of a block that was written without its NUL is open: the NUL there was added here, and what is appended goes on
 * before it. So a client may cut `cmdline` wherever its writes happen to end.
 */
#include <string.h>

#include "kern/account.h"
#include "kern/count.h"
#include "kern/env.h"

enum { LONG = 4096 };               /* a block of this size is given room to grow */

/* A block of size bytes, charged; what v holds fits in it. */
static int strv_resize(Strv *v, size_t size)
{
    if (size > v->size && account_charge(v->account, size - v->size) < 0)
        return -ENOMEM;
    char *block = mem_resize(v->s, size);
    if (block == NULL) {
        if (size > v->size)
            account_uncharge(v->account, size - v->size);
        return -ENOMEM;
    }
    if (size < v->size)
        account_uncharge(v->account, v->size - size);
    if (v->s == NULL)
        count_add(OBJ_STRV, v);
    v->s = block;
    v->size = size;
    return 0;
}

/* Room for len bytes: more than asked for when it is long, so that a long block can come in many pieces. */
static int strv_room(Strv *v, size_t len)
{
    size_t more = v->size + v->size / 2;
    if (len <= v->size)
        return 0;
    if (len > LONG && more > len && strv_resize(v, more < STRV_MAX ? more : STRV_MAX) == 0)
        return 0;
    return strv_resize(v, len);
}

/* Replaces the old_len bytes at off by the n bytes at s (which do not lie in v). */
static int strv_splice(Strv *v, size_t off, size_t old_len, const void *s, size_t n)
{
    size_t len = v->len - old_len + n;
    if (n > STRV_MAX || len > STRV_MAX)
        return -E2BIG;
    int r = strv_room(v, len);
    if (r < 0)
        return r;
    size_t behind = v->len - off - old_len;
    if (behind > 0)
        memmove(v->s + off + n, v->s + off + old_len, behind);
    if (n > 0)
        memcpy(v->s + off, s, n);
    v->len = len;
    if (len < v->size / 2)
        (void)strv_resize(v, len);
    return 0;
}

void strv_free(Strv *v)
{
    if (v->s != NULL)
        count_sub(OBJ_STRV, v);
    account_uncharge(v->account, v->size);
    mem_free(v->s);
    *v = (Strv){ 0 };
}

int strv_copy(Strv *to, const Strv *from, Account *a)
{
    Strv copy = { .account = a };
    int r = strv_splice(&copy, 0, 0, from->s, from->len);
    if (r < 0)
        return r;
    if (copy.s != NULL) {
        /* The counter goes by the vector's address. */
        count_sub(OBJ_STRV, &copy);
        count_add(OBJ_STRV, to);
    }
    *to = copy;
    to->open = from->open;
    return 0;
}

/* Puts the block s where bytes off and on are, with the NUL that it lacks. */
static int strv_put_block(Strv *v, size_t off, const char *s, size_t len)
{
    bool lacks = len > 0 && s[len - 1] != '\0';
    if (len > STRV_MAX || off + len + lacks > STRV_MAX)
        return -E2BIG;
    /* The NUL first: when there is no memory for the rest, nothing has changed but an end that is cut off again. */
    size_t before = v->len;
    if (lacks) {
        int r = strv_splice(v, v->len, 0, "", 1);
        if (r < 0)
            return r;
    }
    int r = strv_splice(v, off, before - off, s, len);
    if (r < 0) {
        if (lacks)
            (void)strv_splice(v, before, 1, NULL, 0);
        return r;
    }
    v->open = lacks;
    return 0;
}

int strv_set_block(Strv *v, const void *s, size_t len)
{
    return strv_put_block(v, 0, s, len);
}

int strv_append_block(Strv *v, const void *s, size_t len)
{
    return len == 0 ? 0 : strv_put_block(v, v->len - v->open, s, len);
}

int strv_write(Strv *v, const void *s, size_t len, uint64_t off)
{
    if (off == 0)
        return strv_set_block(v, s, len);
    return off == v->len - v->open ? strv_append_block(v, s, len) : -EINVAL;
}

int strv_add(Strv *v, const char *s)
{
    int r = strv_splice(v, v->len, 0, s, strlen(s) + 1);
    if (r == 0)
        v->open = false;
    return r;
}

size_t strv_count(const Strv *v)
{
    size_t n = 0;
    for (size_t off = 0; off < v->len; off += strlen(v->s + off) + 1)
        n++;
    return n;
}

const char *strv_at(const Strv *v, size_t i)
{
    size_t off = 0;
    for (; off < v->len && i > 0; i--)
        off += strlen(v->s + off) + 1;
    return off < v->len ? v->s + off : NULL;
}

/* ---- environments ------------------------------------------------------------------------------------------------- */

/* Where the variable whose name has n bytes is, or v->len. */
static size_t env_find(const Strv *v, const char *name, size_t n)
{
    size_t off = 0;
    while (off < v->len) {
        const char *s = v->s + off;
        size_t len = strlen(s);
        if (len > n && s[n] == '=' && memcmp(s, name, n) == 0)
            return off;
        off += len + 1;
    }
    return off;
}

const char *env_get(const Strv *v, const char *name)
{
    size_t n = strlen(name);
    size_t off = env_find(v, name, n);
    return off < v->len ? v->s + off + n + 1 : NULL;
}

int env_set(Strv *v, const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    size_t n = equals != NULL ? (size_t)(equals - assignment) : strlen(assignment);
    if (n == 0)
        return -EINVAL;
    size_t off = env_find(v, assignment, n);
    size_t old_len = off < v->len ? strlen(v->s + off) + 1 : 0;
    bool last = off + old_len == v->len;
    int r = strv_splice(v, off, old_len, assignment, equals != NULL ? strlen(assignment) + 1 : 0);
    if (r == 0 && last)
        v->open = false;
    return r;
}

void env_text(const Strv *v, Text *out)
{
    for (size_t off = 0; off < v->len; off++) {
        if (v->s[off] == '\0')
            text_put(out, "\n");
        else if (v->s[off] == '\n')
            text_put(out, "\\n");
        else
            text_add(out, v->s + off, 1);
    }
}
