/* SPDX-License-Identifier: MIT */
/*
 * Compiled programs on the disk, in a private directory. Nothing here fails aloud: what cannot be kept is compiled again.
 */
#ifndef ENGINE_WASMTIME_WT_DISK_H
#define ENGINE_WASMTIME_WT_DISK_H

#include <stdbool.h>
#include <stdint.h>
#include <wasmtime.h>

#define DISK_KEY_SIZE 32

/* The module compiled earlier from the bytes with this hash, for this variant of the configuration, or NULL. */
wasmtime_module_t *disk_load(wasm_engine_t *engine, const char *variant, const uint8_t *key);
void disk_store(const char *variant, const uint8_t *key, const wasmtime_module_t *module);

/* The directory that all of it is in, into path; "" when nothing can be kept. */
void disk_kept(char *path, size_t n);

/*
 * What a large file was when it was read, as a hash, and what it was then: its bytes' hash and how much memory it begins with.
 * Spares reading it again to know which module it is.
 */
bool disk_recall(const uint8_t *stamp, uint8_t *key, uint64_t *memory);
void disk_remember(const uint8_t *stamp, const uint8_t *key, uint64_t memory);

#endif
