/* SPDX-License-Identifier: MIT */
/*
 * Asking the host for address space.
 */
#ifndef ENGINE_WASMTIME_WT_RESERVE_H
#define ENGINE_WASMTIME_WT_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

/* Would the host reserve n bytes now? Wasmtime ends the process when its own attempt fails, so we try first. */
bool reserve_possible(uint64_t n);

#endif
