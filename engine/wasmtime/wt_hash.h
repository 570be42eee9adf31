/* SPDX-License-Identifier: MIT */
/*
 * BLAKE2b with a 32-byte result: what names a program's bytes in the cache. A compiled program is native code, so two
 * programs with one name must not be to be made on purpose.
 * Spec: RFC 7693.
 */
#ifndef ENGINE_WASMTIME_WT_HASH_H
#define ENGINE_WASMTIME_WT_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_SIZE 32

void blake2b(const void *data, size_t n, uint8_t out[HASH_SIZE]);

#endif
