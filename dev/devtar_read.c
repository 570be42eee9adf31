/* SPDX-License-Identifier: MIT */
/*
 * The headers of an archive: ustar (POSIX 1988), pax (POSIX 2001) and GNU's long names, each entry into the tree. Data is passed
 * over, not read. An archive may come from anybody: every number is checked where it is read, nothing is allocated by
 * a length that is not below a limit of ours and within the file.
 *
 * What an unpacker would refuse for safety is left out of the tree: names with "..", names longer than a directory holds, names
 * through what is no directory, hard links to nothing. What means that the rest cannot be understood ends the mount:
 * a wrong checksum, a size beyond the end, sparse files.
 */
#include "dev/devtar.h"

#include <string.h>

#include "kern/account.h"
#include "kern/call.h"

enum {
    HEADER = 512,
    NAME_AT = 0,
    NAME_LEN = 100,
    MODE_AT = 100,
    SIZE_AT = 124,
    MTIME_AT = 136,
    CHECKSUM_AT = 148,
    CHECKSUM_LEN = 8,
    TYPE_AT = 156,
    TARGET_AT = 157,
    MAGIC_AT = 257,
    MAJOR_AT = 329,
    MINOR_AT = 337,
    PREFIX_AT = 345,
    PREFIX_LEN = 155,
    SHORT_FIELD = 8,
    LONG_FIELD = 12,
    WINDOW = 65536,                 /* read at once while entries are near each other */
    JUMP = 4096,                    /* and after a jump over data */
    EXTRA_MAX = 1 << 20,            /* bytes of a pax header or a long name */
    MODE_BITS = 07777,
    NANOSECONDS = 1000000000,
};

/* What headers before an entry say about it. */
typedef struct Override {
    char *path, *target;            /* owned, or NULL */
    bool has_size, has_mtime, sparse;
    uint64_t size;
    int64_t mtime;
} Override;

typedef struct Entry {
    char type;
    const char *path, *target;      /* in the reader, until the next entry */
    uint64_t size, offset;
    uint32_t mode;
    int64_t mtime;
    uint64_t rdev;
} Entry;

struct TarReader {
    Tar *tar;
    const char *name;               /* for words */
    uint64_t size, at;              /* of the archive; of the header to be read next */
    bool any;                       /* an entry was read */
    uint64_t start;                 /* what is in the buffer: filled bytes from start on */
    size_t filled, room;
    uint8_t *buffer;
    Override here, all;             /* for the next entry; for all that follow */
    char path[PREFIX_LEN + NAME_LEN + 2], target[NAME_LEN + 1];
};

TarReader *tarreader_new(Tar *t, const char *name)
{
    TarReader *r = mem_alloc(sizeof *r);
    if (r == NULL)
        return NULL;
    r->tar = t;
    r->name = name;
    r->buffer = mem_resize(NULL, WINDOW);
    r->room = WINDOW;
    if (r->buffer != NULL)
        return r;
    mem_free(r);
    return NULL;
}

static void override_clear(Override *o)
{
    mem_free(o->path);
    mem_free(o->target);
    *o = (Override){ 0 };
}

void tarreader_free(TarReader *r)
{
    override_clear(&r->here);
    override_clear(&r->all);
    mem_free(r->buffer);
    mem_free(r);
}

static int damaged(Call *c, const TarReader *r, const char *what)
{
    return fail(c, -EINVAL, "tar: %s: %s at byte %llu", r->name, what, (unsigned long long)r->at);
}

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

/* The n bytes at off, or fewer at the end of the archive. *out stays good until the next call. */
static int64_t look(Call *c, TarReader *r, uint64_t off, size_t n, const uint8_t **out)
{
    bool jumped = off < r->start || off > r->start + r->filled;
    if (jumped || off + n > r->start + r->filled) {
        size_t want = jumped ? JUMP : WINDOW;
        if (want < n)
            want = n;
        if (want > r->room) {
            uint8_t *bigger = mem_resize(r->buffer, want);
            if (bigger == NULL)
                return -ENOMEM;
            r->buffer = bigger;
            r->room = want;
        }
        size_t kept = jumped ? 0 : (size_t)(r->start + r->filled - off);
        memmove(r->buffer, r->buffer + (r->filled - kept), kept);
        r->start = off;
        r->filled = kept;
        while (r->filled < n) {
            int64_t got = chan_read(c, r->tar->archive, r->buffer + r->filled, want - r->filled, off + r->filled);
            if (got < 0)
                return got;         /* also WAIT: what is there is kept */
            if (got == 0)
                break;
            r->filled += (size_t)got;
        }
    }
    size_t skip = (size_t)(off - r->start);
    *out = r->buffer + skip;
    return (int64_t)(r->filled - skip < n ? r->filled - skip : n);
}

/* ---- fields of a header ----------------------------------------------------------------------------------------------- */

/* A number: octal digits, or with the top bit set, binary (GNU). False: it is neither, or too large. */
static bool number(const uint8_t *field, size_t len, int64_t *out)
{
    if ((field[0] & 0x80) != 0) {
        bool negative = field[0] == 0xff;
        int64_t v = negative ? -1 : field[0] & 0x7f;
        for (size_t i = 1; i < len; i++) {
            if (v > INT64_MAX >> 8 || v < INT64_MIN >> 8)
                return false;
            v = (int64_t)((uint64_t)v << 8 | field[i]);
        }
        *out = v;
        return true;
    }
    size_t i = 0;
    while (i < len && field[i] == ' ')
        i++;
    int64_t v = 0;
    for (; i < len && field[i] >= '0' && field[i] <= '7'; i++)
        v = v << 3 | (field[i] - '0');          /* at most 12 digits */
    *out = v;
    return i == len || field[i] == ' ' || field[i] == '\0';
}

static bool checksum_is_right(const uint8_t *h)
{
    int64_t said = -1;
    unsigned sum = 0;
    int with_signs = 0;             /* as some old programs counted */
    for (unsigned i = 0; i < HEADER; i++) {
        uint8_t byte = i >= CHECKSUM_AT && i < CHECKSUM_AT + CHECKSUM_LEN ? ' ' : h[i];
        sum += byte;
        with_signs += (int8_t)byte;
    }
    return number(h + CHECKSUM_AT, CHECKSUM_LEN, &said) && (said == sum || said == with_signs);
}

static void copy_field(char *to, const uint8_t *field, size_t len)
{
    memcpy(to, field, len);
    to[len] = '\0';
}

/* prefix/name, where the header has a prefix: GNU's own format keeps times there. */
static void header_path(TarReader *r, const uint8_t *h)
{
    size_t n = 0;
    if (memcmp(h + MAGIC_AT, "ustar\0", 6) == 0 && h[PREFIX_AT] != '\0') {
        copy_field(r->path, h + PREFIX_AT, PREFIX_LEN);
        n = strlen(r->path);
        r->path[n++] = '/';
    }
    copy_field(r->path + n, h + NAME_AT, NAME_LEN);
    copy_field(r->target, h + TARGET_AT, NAME_LEN);
}

/* ---- headers about the next entry ------------------------------------------------------------------------------------- */

static int take_string(char **to, const uint8_t *s, size_t n)
{
    char *copy = mem_dup(s, n);
    if (copy == NULL)
        return -ENOMEM;
    mem_free(*to);
    *to = copy;
    return 0;
}

/* "123" or "-123.456": seconds, in nanoseconds. */
static bool pax_time(const char *s, size_t n, int64_t *out)
{
    bool negative = n > 0 && s[0] == '-';
    size_t i = negative ? 1 : 0;
    int64_t seconds = 0, rest = 0;
    for (; i < n && s[i] >= '0' && s[i] <= '9'; i++) {
        if (seconds > INT64_MAX / NANOSECONDS / 10 - 1)
            return false;
        seconds = seconds * 10 + (s[i] - '0');
    }
    if (i < n && s[i] == '.') {
        int64_t unit = NANOSECONDS / 10;
        for (i++; i < n && s[i] >= '0' && s[i] <= '9'; i++, unit /= 10)
            rest += unit * (s[i] - '0');
    }
    *out = (seconds * NANOSECONDS + rest) * (negative ? -1 : 1);
    return i == n;
}

static bool pax_size(const char *s, size_t n, uint64_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9' || v > (uint64_t)INT64_MAX / 10 - 1)
            return false;
        v = v * 10 + (uint64_t)(s[i] - '0');
    }
    *out = v;
    return n > 0;
}

/* One `key=value`. Keys that say nothing about names, sizes and times are passed over. */
static int pax_record(Override *o, const char *key, size_t key_len, const char *value, size_t n)
{
    bool ok = true;
    if (key_len == 4 && memcmp(key, "path", 4) == 0)
        return take_string(&o->path, (const uint8_t *)value, n);
    if (key_len == 8 && memcmp(key, "linkpath", 8) == 0)
        return take_string(&o->target, (const uint8_t *)value, n);
    if (key_len == 4 && memcmp(key, "size", 4) == 0)
        ok = o->has_size = pax_size(value, n, &o->size);
    else if (key_len == 5 && memcmp(key, "mtime", 5) == 0)
        ok = o->has_mtime = pax_time(value, n, &o->mtime);
    else if (key_len > 11 && memcmp(key, "GNU.sparse.", 11) == 0)
        o->sparse = true;
    return ok ? 0 : -EINVAL;
}

/* Records `LEN key=value\n`, where LEN counts all of it. */
static int pax_records(Override *o, const char *s, size_t n)
{
    while (n > 0) {
        size_t len = 0, i = 0;
        for (; i < n && s[i] >= '0' && s[i] <= '9' && len <= n; i++)
            len = len * 10 + (size_t)(s[i] - '0');
        if (i == 0 || i >= n || s[i] != ' ' || len > n || len < i + 3 || s[len - 1] != '\n')
            return -EINVAL;
        const char *key = s + i + 1;
        const char *equals = memchr(key, '=', len - i - 2);
        if (equals == NULL)
            return -EINVAL;
        int r = pax_record(o, key, (size_t)(equals - key), equals + 1, (size_t)(s + len - 1 - (equals + 1)));
        if (r < 0)
            return r;
        s += len;
        n -= len;
    }
    return 0;
}

/* A header that is not an entry. 0 when it was one of these, 1 when it is an entry, or an error. */
static int take_extra(Call *c, TarReader *r, char type, uint64_t size)
{
    if (type != 'x' && type != 'g' && type != 'L' && type != 'K')
        return 1;
    if (size > EXTRA_MAX)
        return damaged(c, r, "a header that is too long");
    const uint8_t *data = NULL;
    int64_t got = look(c, r, r->at + HEADER, (size_t)size, &data);
    if (got < 0)
        return (int)got;
    if ((uint64_t)got < size)
        return damaged(c, r, "the archive is cut short");
    int res;
    if (type == 'L' || type == 'K')
        res = take_string(type == 'L' ? &r->here.path : &r->here.target, data, (size_t)size);
    else
        res = pax_records(type == 'x' ? &r->here : &r->all, (const char *)data, (size_t)size);
    return res == -EINVAL ? damaged(c, r, "a pax header that is none") : res;
}

/* ---- entries ---------------------------------------------------------------------------------------------------------- */

static uint16_t type_of(const Entry *e)
{
    switch (e->type) {
    case '2':
        return TYPE_LINK;
    case '3':
        return TYPE_CHAR;
    case '4':
        return TYPE_BLOCK;
    case '5':
    case 'D':
        return TYPE_DIR;
    case '6':
        return TYPE_FIFO;
    default: {
        size_t n = strlen(e->path); /* the first tar had no type for directories */
        return e->type == '\0' && n > 0 && e->path[n - 1] == '/' ? TYPE_DIR : TYPE_FILE;
    }
    }
}

static void describe(TarNode *n, const Entry *e)
{
    n->mode = e->mode & MODE_BITS;
    n->mtime = e->mtime;
    n->rdev = e->rdev;
    if (n->file.type == TYPE_FILE) {
        n->size = e->size;
        n->offset = e->offset;
    }
    if (n->file.type == TYPE_CHAR || n->file.type == TYPE_FIFO)
        n->file.flags = FILE_STREAM;
}

/* A hard link is one more name for what is there by now. */
static int node_for(Tar *t, const Entry *e, TarNode **out)
{
    if (e->type == '1') {
        TarNode *n = tar_lookup(t, e->target);
        if (n == NULL || n->file.type == TYPE_DIR)
            return -EINVAL;
        *out = n;
        return 0;
    }
    uint16_t type = type_of(e);
    if (type == TYPE_LINK && (e->target[0] == '\0' || strlen(e->target) > PATH_MAX_LEN))
        return -EINVAL;
    int r = tarnode_new(t, type, type == TYPE_LINK ? e->target : NULL, out);
    if (r == 0)
        describe(*out, e);
    return r;
}

/* -EINVAL: what is not to be in the tree. A later entry of a name counts, but a directory stays one. */
static int place(Tar *t, const Entry *e)
{
    TarNode *dir = NULL;
    const char *name = NULL;
    size_t len = 0;
    bool is_dir = type_of(e) == TYPE_DIR && e->type != '1';
    int r = tar_place(t, e->path, e->mtime, &dir, &name, &len);
    if (r < 0)
        return r;
    TarName *old = len == 0 ? NULL : tar_find(t, dir, name, len);
    TarNode *there = len == 0 ? t->root : old == NULL ? NULL : old->node;
    if (there != NULL && there->file.type == TYPE_DIR) {
        if (!is_dir)
            return -EINVAL;
        describe(there, e);
        return 0;
    }
    TarNode *node = NULL;
    r = node_for(t, e, &node);
    if (r < 0)
        return r;
    if (old == NULL)
        return tar_add(t, dir, name, len, node);
    old->node = node;
    return 0;
}

static bool has_data(char type)
{
    return type != '1' && type != '2' && type != '3' && type != '4' && type != '5' && type != '6';
}

/* Fills e from the header and what came before it. */
static int entry_from(Call *c, TarReader *r, const uint8_t *h, uint64_t size, Entry *e)
{
    const Override *here = &r->here, *all = &r->all;
    int64_t mode = 0, mtime = 0, major = 0, minor = 0;
    header_path(r, h);
    *e = (Entry){ .type = (char)h[TYPE_AT], .offset = r->at + HEADER };
    e->path = here->path != NULL ? here->path : all->path != NULL ? all->path : r->path;
    e->target = here->target != NULL ? here->target : all->target != NULL ? all->target : r->target;
    e->size = has_data(e->type) ? size : 0;
    if (e->type == 'S' || here->sparse || all->sparse)
        return fail(c, -EOPNOTSUPP, "tar: %s: %s is a sparse file, which is not supported", r->name, e->path);
    if (!number(h + MODE_AT, SHORT_FIELD, &mode) || !number(h + MTIME_AT, LONG_FIELD, &mtime))
        return damaged(c, r, "a number that is none");
    (void)number(h + MAJOR_AT, SHORT_FIELD, &major);
    (void)number(h + MINOR_AT, SHORT_FIELD, &minor);
    e->mode = (uint32_t)mode;
    e->rdev = ((uint64_t)major & 0xfff) << 8 | ((uint64_t)minor & 0xff);
    if (mtime > INT64_MAX / NANOSECONDS || mtime < INT64_MIN / NANOSECONDS)
        mtime = 0;
    e->mtime = here->has_mtime ? here->mtime : all->has_mtime ? all->mtime : mtime * NANOSECONDS;
    return 0;
}

/* The number of bytes behind the header, by which the next one is found. */
static int data_size(Call *c, const TarReader *r, const uint8_t *h, uint64_t *out)
{
    int64_t size = 0;
    char type = (char)h[TYPE_AT];
    bool extra = type == 'x' || type == 'g' || type == 'L' || type == 'K';
    if (!number(h + SIZE_AT, LONG_FIELD, &size) || size < 0)
        return damaged(c, r, "a size that is none");
    *out = (uint64_t)size;
    if (!extra && (r->here.has_size || r->all.has_size))
        *out = r->here.has_size ? r->here.size : r->all.size;
    if (!has_data(type))
        *out = 0;
    if (r->size < r->at + HEADER || *out > r->size - r->at - HEADER)
        return damaged(c, r, "the archive is cut short");
    return 0;
}

static const char *compression(const uint8_t *h)
{
    static const struct {
        const char *name, *magic;
        size_t len;
    } known[] = {
        { "gzip", "\x1f\x8b", 2 },
        { "bzip2", "BZh", 3 },
        { "xz", "\3757zXZ", 5 },
        { "zstd", "\x28\xb5\x2f\xfd", 4 },
    };
    for (size_t i = 0; i < LEN(known); i++)
        if (memcmp(h, known[i].magic, known[i].len) == 0)
            return known[i].name;
    return NULL;
}

/* The header at r->at, checked. 1; 0 at the end; WAIT; or why it is none. */
static int next_header(Call *c, TarReader *r, const uint8_t **h)
{
    static const uint8_t zeroes[HEADER];
    int64_t got = look(c, r, r->at, HEADER, h);
    if (got < 0)
        return (int)got;
    if (got == 0 && r->any)
        return 0;                   /* the blocks of zeroes at the end are often missing */
    if (got >= 6 && !r->any && compression(*h) != NULL)
        return fail(c, -EINVAL, "tar: %s: compressed with %s; unpack it first", r->name, compression(*h));
    if (got < HEADER)
        return r->any ? damaged(c, r, "the archive is cut short")
                      : fail(c, -EINVAL, "tar: %s: not a tar archive", r->name);
    if (memcmp(*h, zeroes, HEADER) == 0)
        return 0;
    if (!checksum_is_right(*h))
        return r->any ? damaged(c, r, "a wrong checksum") : fail(c, -EINVAL, "tar: %s: not a tar archive", r->name);
    return 1;
}

static int take_entry(Call *c, TarReader *r, const uint8_t *h, uint64_t size)
{
    Entry e;
    int res = entry_from(c, r, h, size, &e);
    if (res < 0)
        return res;
    res = place(r->tar, &e);
    return res == -EINVAL ? 0 : res;            /* left out */
}

int tarreader_run(Call *c, TarReader *r)
{
    Attr a = { 0 };
    int res = chan_getattr(c, r->tar->archive, &a);
    if (res < 0)
        return res;
    r->size = a.size;
    for (;;) {
        const uint8_t *looked = NULL;
        uint8_t h[HEADER];                      /* a copy: looking further moves the buffer */
        uint64_t size = 0;
        res = next_header(c, r, &looked);
        if (res <= 0)
            return res;
        memcpy(h, looked, HEADER);
        res = data_size(c, r, h, &size);
        if (res == 0)
            res = take_extra(c, r, (char)h[TYPE_AT], size);
        if (res == 1) {
            res = h[TYPE_AT] == 'V' ? 0 : take_entry(c, r, h, size);
            override_clear(&r->here);
        }
        if (res < 0)
            return res;
        r->any = true;
        r->at += HEADER + (size + HEADER - 1) / HEADER * HEADER;
    }
}
