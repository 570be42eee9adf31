/* SPDX-License-Identifier: MIT */
/*
 * Loading a program, on the call of who starts it: a file that has not changed since is known; else it is read, and its
 * bytes are known, mapped from the disk, or compiled by a worker of their own while the call waits. A call that ends
 * early leaves the compile to go on: the next start finds it.
 */
#include <stdio.h>

#include "engine/wasmtime/wt.h"

#define SOURCE_MAX (UINT64_C(1) << 30)
enum { SOURCE_CHUNK = 1 << 20, STAMP_AGE = 20000000 };      /* bytes; nanoseconds */

/* What a load has come to, from one try to the next. */
typedef struct Load {
    Op op;
    FileStamp stamp;
    uint8_t *source;                /* owned */
    size_t n, size;                 /* bytes read; room */
    Image *image;                   /* owned, once the bytes are known */
} Load;

static const char load_key;         /* its address tells our Op from others */

static void load_free(Load *l)
{
    image_put(l->image);
    mem_free(l->source);
    mem_free(l);
}

static void load_cancel(Op *op)
{
    load_free((Load *)(void *)op);
}

static int stamp_of(Call *c, Chan *program, FileStamp *s)
{
    Attr a;
    int r = chan_getattr(c, program, &a);
    if (r < 0)
        return r;
    *s = (FileStamp){ .dev = program->file->dev,
                      .space = program->file->space,
                      .id = program->file->id,
                      .size = a.size,
                      .mtime = a.mtime,
                      .ctime = a.ctime };
    return 0;
}

static int load_grow(Call *c, Load *l)
{
    if (l->n < l->size)
        return 0;
    size_t size = l->size == 0 ? (size_t)l->stamp.size + 1 : l->size + l->size / 2 + SOURCE_CHUNK;
    if (size > SOURCE_MAX)
        return fail(c, -E2BIG, "a program of more than %u MiB", (unsigned)(SOURCE_MAX >> 20));
    uint8_t *p = mem_resize(l->source, size);
    if (p == NULL)
        return -ENOMEM;
    l->source = p;
    l->size = size;
    return 0;
}

static int load_read(Call *c, Load *l, Chan *program)
{
    for (;;) {
        int r = load_grow(c, l);
        if (r < 0)
            return r;
        int64_t n = chan_read(c, program, l->source + l->n, l->size - l->n, l->n);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return 0;
        l->n += (size_t)n;
    }
}

static void compile_work(void *arg)
{
    Image *im = arg;
    image_compile(im);
    image_put(im);
}

/* The bytes are here: the image of them, on its way if it was not known. */
static int load_image(Load *l)
{
    bool fresh;
    int r = image_of(l->source, l->n, &l->image, &fresh);
    if (r < 0)
        return r;
    l->source = NULL;
    if (!fresh || image_map(l->image))
        return 0;
    if (worker_run(compile_work, image_get(l->image), 0) < 0) {
        image_fail(l->image, -EAGAIN, "no thread to compile with");
        image_put(l->image);
    }
    return 0;
}

static int load_step(Call *c, Load *l, Chan *program)
{
    if (l->image == NULL) {
        int r = load_read(c, l, program);
        if (r == 0)
            r = load_image(l);
        if (r < 0)
            return r;
    }
    return image_wait(c, l->image);
}

static Load *load_begin(Call *c, const FileStamp *s)
{
    Load *l = mem_alloc(sizeof(*l));
    if (l == NULL)
        return NULL;
    l->op = (Op){ .key = &load_key, .cancel = load_cancel };
    l->stamp = *s;
    call_add_op(c, &l->op);
    return l;
}

/*
 * The next start need not read the file, if it is still what it was before it was read. Where a clock is coarse, a change
 * right behind the reading would not show: a file that young is not remembered.
 */
static void load_remember(Call *c, Load *l, Chan *program)
{
    FileStamp now;
    if (stamp_of(c, program, &now) < 0)
        return;
    int64_t changed = now.mtime > now.ctime ? now.mtime : now.ctime;
    bool settled = changed + STAMP_AGE < (int64_t)clock_now(CLOCK_REAL);
    if (settled && l->stamp.mtime == now.mtime && l->stamp.ctime == now.ctime && l->stamp.size == now.size)
        image_remember(&now, l->image);
}

/* Takes known, which may still be being compiled; then the next try finds it again. */
static int load_known(Call *c, Image *known, void **image)
{
    int r = image_wait(c, known);
    if (r == 0)
        *image = known;
    else
        image_put(known);
    return r;
}

int wt_load(Call *c, Task *t, Chan *program, void **image)
{
    (void)t;
    FileStamp now;
    int r = stamp_of(c, program, &now);
    if (r < 0)
        return r;
    Load *l = (Load *)(void *)call_op(c, &load_key);
    if (l == NULL) {
        Image *known = image_recall(&now);
        if (known != NULL)
            return load_known(c, known, image);
        if (wt_engine() == NULL)
            return fail(c, -ENOMEM, "no room for the wasm engine");
        l = load_begin(c, &now);
        if (l == NULL)
            return -ENOMEM;
    }
    r = load_step(c, l, program);
    if (r == WAIT)
        return r;
    if (r == 0) {
        *image = image_get(l->image);
        load_remember(c, l, program);
    }
    call_drop_op(c, &l->op);
    load_free(l);
    return r;
}
