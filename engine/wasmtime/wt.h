/* SPDX-License-Identifier: MIT */
/*
 * The wasmtime engine from inside: what its files share. wt_engine.c owns the one engine of the process, wt_image.c and
 * wt_load.c make programs ready to run, wt_disk.c keeps compiled ones, wt_host.c is what programs import, wt_run.c runs
 * them and wt_thread.c their further threads.
 *
 * An Image is a program ready to run: compiled, its imports found. A Program is one run of it, shared by its threads; a Thread
 * has a store and an instance of its own. The last thread of a Program ends the task.
 */
#ifndef ENGINE_WASMTIME_WT_H
#define ENGINE_WASMTIME_WT_H

#include <wasm.h>
#include <wasmtime.h>

#include "engine/wasi.h"
#include "engine/wasmtime/wasm_rewrite.h"
#include "kern/engine.h"
#include "kern/kern.h"

extern const Engine engine_wasmtime;

/* ---- the engine of the process (wt_engine.c) -------------------------------------------------------------------- */

typedef struct WtEngine {
    wasm_engine_t *engine;
    wasmtime_linker_t *linker;      /* everything a program may import, but its shared memory */
    wasm_functype_t *grow_type;     /* of the function behind REWRITE_GROW */
    unsigned slots;                 /* instances that may live at once; 0: no pool, no limit */
    char variant[96];               /* what of the configuration changes compiled code */
    atomic_uint used;               /* slots in use */
} WtEngine;

/* Made at the first use, kept until the process ends. NULL: the host gives no memory for it. */
WtEngine *wt_engine(void);
/* Takes and gives back a slot. -EAGAIN: all are in use. */
int wt_slot_take(WtEngine *e);
void wt_slot_give(WtEngine *e);

/* Puts a wasmtime error's first line into words (a buffer of n bytes) and frees the error. */
void wt_error_words(wasmtime_error_t *error, char *words, size_t n);
/* The words of a trap, its cause and the functions it happened in; frees it. */
void wt_trap_words(wasm_trap_t *trap, char *words, size_t n);
/* The lines of wasmtime's own text that say why: without the backtrace, joined. */
void wt_cause(const char *text, size_t len, char *words, size_t n);

/* ---- programs ready to run (wt_image.c) ------------------------------------------------------------------------- */

#define IMAGE_KEY_SIZE 32

typedef enum ImageState { IMAGE_COMPILING, IMAGE_READY, IMAGE_FAILED } ImageState;

/* A shared memory that the program imports. */
typedef struct SharedImport {
    char *module, *name;            /* owned; NULL: none */
    wasm_memorytype_t *type;        /* owned */
    uint64_t min;                   /* pages */
} SharedImport;

typedef struct Image {
    Ref ref;
    uint8_t key[IMAGE_KEY_SIZE];    /* hash of the program's bytes */
    struct Image *next, *prev;      /* images.list */

    /* images.lock until READY or FAILED, constant then */
    ImageState state;
    Queue done;                     /* woken when the state has changed */
    wasmtime_module_t *module;
    wasmtime_instance_pre_t *pre;   /* NULL when it imports a shared memory: then each Program prepares its own */
    SharedImport shared;
    uint64_t memory_bytes;          /* of the memories it defines, at the beginning */
    int error;                      /* FAILED: negative, and why */
    char words[256];

    uint8_t *source;                /* the program's bytes, owned, while COMPILING */
    size_t source_n;
} Image;

Image *image_get(Image *im);
void image_put(Image *im);          /* NULL is allowed */

/*
 * The image of these bytes: an owned reference to one that is there or being compiled, else a new one, for whose
 * compilation the caller cares (*fresh). Takes source on success.
 */
int image_of(uint8_t *source, size_t n, Image **out, bool *fresh);
/* Compiles a fresh image, or takes it from the disk: image_map is quick and answers whether it was there. */
bool image_map(Image *im);
void image_compile(Image *im);
unsigned wt_compiles(char *kept, size_t n);     /* Engine.compiles */
/* im cannot be had: wakes who waits, and the next one tries anew. */
void image_fail(Image *im, int error, const char *words);
/* 0 ready; WAIT, armed; or why not, with words. */
int image_wait(Call *c, Image *im);

/* What a file was when it was read: while nothing of this has changed, its bytes are not read again. */
typedef struct FileStamp {
    const Dev *dev;
    uint64_t space, id, size;
    int64_t mtime, ctime;
} FileStamp;

Image *image_recall(const FileStamp *s);                /* owned, or NULL */
void image_remember(const FileStamp *s, Image *im);
void image_forget_all(void);        /* tests: lets go of all that is kept but not in use */

/* ---- loading (wt_load.c) ---------------------------------------------------------------------------------------- */

int wt_load(Call *c, Task *t, Chan *program, void **image);

/* ---- what programs import (wt_host.c) --------------------------------------------------------------------------- */

/* Defines preview 1 and thread-spawn. NULL, or the error. */
wasmtime_error_t *host_define(wasmtime_linker_t *linker);
/* True when (module, name) is a function that host_define defines. */
bool host_provides(WasmName module, WasmName name);
/* What REWRITE_GROW is called with. */
wasm_trap_t *host_grow(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *args, size_t n);

/* ---- running (wt_run.c, wt_thread.c) ---------------------------------------------------------------------------- */

typedef struct Program {
    Wasi wasi;
    Task *task;                     /* owned */
    Image *image;                   /* owned */
    wasmtime_sharedmemory_t *shared;        /* owned: the memory it imports, or NULL */
    wasmtime_instance_pre_t *pre;   /* owned, where it imports a shared memory; else NULL: the image's will do */
    atomic_uint threads;            /* that have not ended */
    atomic_uint last_tid;
    atomic_bool ending;             /* a thread has ended the program */
    atomic_int code;                /* set by that thread */
    _Atomic int64_t charged;        /* bytes of memory, given back at the end */
} Program;

typedef struct Thread {
    TaskThread thread;
    WasiThread wasi;
    Program *program;
    wasmtime_store_t *store;
    wasmtime_context_t *context;
    wasmtime_instance_t instance;
    wasmtime_memory_t memory;       /* the exported one */
    bool has_memory;
    bool may_have_grown;            /* the guest's base and length have to be asked for again */
    wasmtime_sharedmemory_t *shared;        /* owned, where the exported one is shared; else NULL */
    bool unwinding;                 /* its code was made to trap, because the program ends */
    int32_t tid, arg;               /* of a thread that thread-spawn made; tid 0: the first */
} Thread;

int wt_run(Call *c, Task *t, void *image);

/* The first one decides how the program ends. All its threads' waits end then, and their code traps. */
void program_stop(Program *p, int code);
/* The same, with words for the task's `error`. */
void program_fail(Program *p, int code, const char *words);
/* Charges for memory; negative gives back. -ENOMEM. */
int program_charge(Program *p, int64_t bytes);
/* A thread of p has ended: the last one ends the task. */
void program_leave(Program *p);

/* A thread that is not running yet: slot and stack are paid. -EAGAIN, -ENOMEM. */
int thread_new(Program *p, Thread **out);
void thread_free(Thread *th);
/* A store and an instance for th, with what they need. 0, or negative with words. On th's worker, after task_thread_begin. */
int thread_instantiate(Thread *th, char *words, size_t n);
/* Calls an export that takes n numbers and gives nothing. False: the thread is to end, and the program knows why. */
bool thread_call(Thread *th, const char *name, const wasmtime_val_t *args, size_t n);
void thread_release(Thread *th);    /* instance and store */
/* Makes a further thread. Its number, or negative, as thread-spawn has it. */
int32_t thread_spawn(Program *p, int32_t arg);

#endif
