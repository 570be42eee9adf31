/* SPDX-License-Identifier: MIT */
/*
 * Programs ready to run. All that exist are in one list, found by the hash of their bytes, so that what is started twice at
 * once is compiled once. The last few are also kept by the file they came from, so that a start reads nothing.
 *
 * Locks: images.lock guards the list, the stamps and the state of an image; it is held across no compile.
 */
#include "engine/wasmtime/wt.h"

#include <blake2.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/wasmtime/wt_disk.h"
#include "kern/count.h"

static_assert(IMAGE_KEY_SIZE == DISK_KEY_SIZE, "and names its file");

/*
 * The name of a program's bytes in the cache. A compiled program is native code, so nobody may be able to make two programs with
 * one name: BLAKE2b, of the length of the key.
 */
static void hash(const void *data, size_t n, uint8_t out[IMAGE_KEY_SIZE])
{
    int r = blake2b(out, data, NULL, IMAGE_KEY_SIZE, n, 0);
    ASSERT(r == 0);
}

enum { STAMPS = 256, STAMP_LEAST = 1 << 20 };     /* files; bytes */

typedef struct Stamped {
    FileStamp stamp;
    Image *image;                   /* owned; NULL: unused */
    uint64_t used;                  /* when, by images.clock */
} Stamped;

static struct {
    pthread_once_t once;
    Mutex lock;
    Image *list;
    Stamped stamps[STAMPS];
    uint64_t clock;
} images = { .once = PTHREAD_ONCE_INIT };

static void images_init(void)
{
    mutex_init(&images.lock, RANK_VIEW);
}

static void images_lock(void)
{
    pthread_once(&images.once, images_init);
    mutex_lock(&images.lock);
}

static void images_unlock(void)
{
    mutex_unlock(&images.lock);
}

/* ---- their life ------------------------------------------------------------------------------------------------- */

Image *image_get(Image *im)
{
    ref_get(&im->ref);
    return im;
}

static void image_free(Image *im)
{
    count_sub(OBJ_IMAGE, im);
    if (im->pre != NULL)
        wasmtime_instance_pre_delete(im->pre);
    if (im->module != NULL)
        wasmtime_module_delete(im->module);
    if (im->shared.type != NULL)
        wasm_memorytype_delete(im->shared.type);
    mem_free(im->shared.module);
    mem_free(im->shared.name);
    mem_free(im->source);
    queue_close(&im->done);
    mem_free(im);
}

static void image_unlink_locked(Image *im)
{
    assert_held(&images.lock);
    if (im->prev != NULL)
        im->prev->next = im->next;
    else if (images.list == im)
        images.list = im->next;
    if (im->next != NULL)
        im->next->prev = im->prev;
    im->next = im->prev = NULL;
}

void image_put(Image *im)
{
    if (im == NULL)
        return;
    images_lock();
    bool last = ref_put(&im->ref);
    if (last)
        image_unlink_locked(im);
    images_unlock();
    if (last)
        image_free(im);
}

static Image *image_find_locked(const uint8_t *key)
{
    assert_held(&images.lock);
    for (Image *im = images.list; im != NULL; im = im->next)
        if (memcmp(im->key, key, IMAGE_KEY_SIZE) == 0)
            return image_get(im);
    return NULL;
}

static Image *image_new(void)
{
    Image *im = mem_alloc(sizeof(*im));
    if (im == NULL)
        return NULL;
    count_add(OBJ_IMAGE, im);
    ref_init(&im->ref);
    queue_init(&im->done);
    im->state = IMAGE_COMPILING;
    return im;
}

/* The image with made's key: made itself, in the list now, or one that was there (then made is freed). */
static Image *image_publish(Image *made)
{
    images_lock();
    Image *known = image_find_locked(made->key);
    if (known == NULL) {
        made->next = images.list;
        if (made->next != NULL)
            made->next->prev = made;
        images.list = made;
    }
    images_unlock();
    if (known == NULL)
        return made;
    image_free(made);
    return known;
}

int image_of(uint8_t *source, size_t n, Image **out, bool *fresh)
{
    Image *made = image_new();
    if (made == NULL)
        return -ENOMEM;
    hash(source, n, made->key);
    made->source = source;
    made->source_n = n;
    *out = image_publish(made);
    *fresh = *out == made;
    return 0;
}

/* ---- making one ready ------------------------------------------------------------------------------------------- */

static int image_error(Image *im, int error, wasmtime_error_t *why)
{
    wt_error_words(why, im->words, sizeof(im->words));
    return error;
}

/* The shared memory that a program imports: each run gets a new one. */
static int take_shared(Image *im, const wasm_importtype_t *import, const wasm_memorytype_t *type)
{
    const wasm_name_t *module = wasm_importtype_module(import);
    const wasm_name_t *name = wasm_importtype_name(import);
    im->shared.module = mem_dup(module->data, module->size);
    im->shared.name = mem_dup(name->data, name->size);
    im->shared.type = wasm_memorytype_copy(type);
    im->shared.min = wasmtime_memorytype_minimum(type);
    return im->shared.module == NULL || im->shared.name == NULL ? -ENOMEM : 0;
}

static WasmName wasm_name(const wasm_name_t *name)
{
    return (WasmName){ .s = name->data, .n = name->size };
}

static int not_provided(Image *im, WasmName module, WasmName name)
{
    snprintf(im->words, sizeof(im->words), "import %.*s %.*s is not provided", (int)module.n, module.s, (int)name.n,
             name.s);
    return -ENOEXEC;
}

static int check_import(Image *im, const wasm_importtype_t *import)
{
    WasmName module = wasm_name(wasm_importtype_module(import)), name = wasm_name(wasm_importtype_name(import));
    const wasm_externtype_t *type = wasm_importtype_type(import);
    if (wasm_externtype_kind(type) == WASM_EXTERN_FUNC && host_provides(module, name))
        return 0;
    const wasm_memorytype_t *memory = wasm_externtype_as_memorytype_const(type);
    if (memory != NULL && wasmtime_memorytype_isshared(memory) && im->shared.module == NULL)
        return take_shared(im, import, memory);
    return not_provided(im, module, name);
}

static int check_imports(Image *im)
{
    wasm_importtype_vec_t list;
    wasmtime_module_imports(im->module, &list);
    int r = 0;
    for (size_t i = 0; i < list.size && r == 0; i++)
        r = check_import(im, list.data[i]);
    wasm_importtype_vec_delete(&list);
    return r;
}

static int check_exports(Image *im)
{
    wasm_exporttype_vec_t list;
    wasmtime_module_exports(im->module, &list);
    bool found = false;
    for (size_t i = 0; i < list.size && !found; i++) {
        const wasm_name_t *name = wasm_exporttype_name(list.data[i]);
        found = name->size == 6 && memcmp(name->data, "_start", 6) == 0;
    }
    wasm_exporttype_vec_delete(&list);
    if (!found)
        snprintf(im->words, sizeof(im->words), "not a program: it exports no _start");
    return found ? 0 : -ENOEXEC;
}

/* A module is here: finds its imports and prepares it. */
static int image_prepare(Image *im)
{
    int r = check_imports(im);
    if (r == 0)
        r = check_exports(im);
    if (r < 0 || im->shared.module != NULL)
        return r;
    wasmtime_error_t *error = wasmtime_linker_instantiate_pre(wt_engine()->linker, im->module, &im->pre);
    return error != NULL ? image_error(im, -ENOEXEC, error) : 0;
}

static int early_import(void *arg, WasmName module, WasmName name)
{
    return host_provides(module, name) ? 0 : not_provided(arg, module, name);
}

/* What can be known without compiling, which may take minutes: the missing imports too. */
static int image_facts(Image *im)
{
    WasmFacts facts;
    im->words[0] = '\0';
    int r = wasm_facts(im->source, im->source_n, early_import, im, &facts);
    if (r == 0)
        im->memory_bytes = facts.memory_bytes;
    else if (r == -ENOEXEC && im->words[0] == '\0')
        snprintf(im->words, sizeof(im->words), "not a WebAssembly module");
    return r;
}

/* The end of COMPILING, and what waits for it goes on. An image that failed is not found any more. */
static void image_settle(Image *im, int r)
{
    mem_free(STEAL(im->source));
    images_lock();
    im->error = r;
    im->state = r == 0 ? IMAGE_READY : IMAGE_FAILED;
    if (r < 0)
        image_unlink_locked(im);
    queue_wake(&im->done);
    images_unlock();
}

void image_fail(Image *im, int error, const char *words)
{
    snprintf(im->words, sizeof(im->words), "%s", words);
    image_settle(im, error);
}

bool image_map(Image *im)
{
    WtEngine *e = wt_engine();
    int r = image_facts(im);
    if (r == 0) {
        im->module = disk_load(e->engine, e->variant, im->key);
        if (im->module == NULL)
            return false;
        r = image_prepare(im);
    }
    image_settle(im, r);
    return true;
}

static atomic_uint compiles;

unsigned wt_compiles(char *kept, size_t n)
{
    disk_kept(kept, n);
    return atomic_load(&compiles);
}

static int image_build(Image *im)
{
    WtEngine *e = wt_engine();
    wasmtime_error_t *error = wasmtime_module_validate(e->engine, im->source, im->source_n);
    if (error != NULL)
        return image_error(im, -ENOEXEC, error);
    const char *why = "";
    AUTO_FREE uint8_t *module = NULL;
    size_t n = 0;
    int r = wasm_rewrite(im->source, im->source_n, &module, &n, &why);
    if (r < 0) {
        snprintf(im->words, sizeof(im->words), "%s", r == -ENOEXEC ? why : "no memory");
        return r;
    }
    atomic_fetch_add(&compiles, 1);
    error = wasmtime_module_new(e->engine, module, n, &im->module);
    if (error != NULL)
        return image_error(im, -ENOEXEC, error);
    return image_prepare(im);
}

/* It is kept before it is run: the process may end with the program, and a large one took minutes. */
void image_compile(Image *im)
{
    int r = image_build(im);
    if (r == 0)
        disk_store(wt_engine()->variant, im->key, im->module);
    image_settle(im, r);
}

int image_wait(Call *c, Image *im)
{
    images_lock();
    ImageState state = im->state;
    int r = state == IMAGE_COMPILING ? wait_arm(c, &im->done) : 0;
    images_unlock();
    if (state == IMAGE_FAILED)
        return fail(c, im->error, "%s", im->words);
    return r;
}

/* ---- by file ---------------------------------------------------------------------------------------------------- */

/* Of smaller files it costs less to read the bytes. */
static bool stamp_on_disk(const FileStamp *s)
{
    return s->size >= STAMP_LEAST;
}

static void stamp_hash(const FileStamp *s, uint8_t *out)
{
    char text[160];
    int n = snprintf(text, sizeof(text), "%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIi64 " %" PRIi64, s->dev->name,
                     s->space, s->id, s->size, s->mtime, s->ctime);
    hash(text, n < 0 || (size_t)n > sizeof(text) ? sizeof(text) : (size_t)n, out);
}

/* The image of a file whose bytes were known to another process: not read, mapped. Owned, or NULL. */
static Image *image_from_disk(const FileStamp *s)
{
    uint8_t stamp[IMAGE_KEY_SIZE];
    WtEngine *e = wt_engine();
    Image *im = e != NULL ? image_new() : NULL;
    if (im == NULL)
        return NULL;
    stamp_hash(s, stamp);
    if (disk_recall(stamp, im->key, &im->memory_bytes))
        im->module = disk_load(e->engine, e->variant, im->key);
    if (im->module == NULL || image_prepare(im) < 0) {
        image_free(im);
        return NULL;
    }
    im->state = IMAGE_READY;
    return image_publish(im);
}

static bool stamp_same(const FileStamp *a, const FileStamp *b)
{
    return a->dev == b->dev && a->space == b->space && a->id == b->id && a->size == b->size && a->mtime == b->mtime &&
           a->ctime == b->ctime;
}

/* In the place of an older state of the same file, a free one, or the one not used for longest. */
static void stamp_keep(const FileStamp *s, Image *im)
{
    images_lock();
    Stamped *place = &images.stamps[0];
    for (unsigned i = 0; i < STAMPS; i++) {
        Stamped *k = &images.stamps[i];
        if (k->image != NULL && k->stamp.dev == s->dev && k->stamp.space == s->space && k->stamp.id == s->id) {
            place = k;
            break;
        }
        if (k->used < place->used)
            place = k;
    }
    Image *old = place->image;
    *place = (Stamped){ .stamp = *s, .image = image_get(im), .used = ++images.clock };
    images_unlock();
    image_put(old);
}

Image *image_recall(const FileStamp *s)
{
    Image *found = NULL;
    images_lock();
    for (unsigned i = 0; i < STAMPS && found == NULL; i++) {
        Stamped *k = &images.stamps[i];
        if (k->image != NULL && stamp_same(&k->stamp, s)) {
            k->used = ++images.clock;
            found = image_get(k->image);
        }
    }
    images_unlock();
    if (found == NULL && stamp_on_disk(s)) {
        found = image_from_disk(s);
        if (found != NULL)
            stamp_keep(s, found);
    }
    return found;
}

void image_remember(const FileStamp *s, Image *im)
{
    stamp_keep(s, im);
    if (stamp_on_disk(s)) {
        uint8_t stamp[IMAGE_KEY_SIZE];
        stamp_hash(s, stamp);
        disk_remember(stamp, im->key, im->memory_bytes);
    }
}

void image_forget_all(void)
{
    for (unsigned i = 0; i < STAMPS; i++) {
        images_lock();
        Image *old = STEAL(images.stamps[i].image);
        images.stamps[i].used = 0;
        images_unlock();
        image_put(old);
    }
}
