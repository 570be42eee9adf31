/* SPDX-License-Identifier: MIT */
/*
 * For tests of whole programs.
 */
#ifndef ENGINE_WASMTIME_WT_DISK_TEST_H
#define ENGINE_WASMTIME_WT_DISK_TEST_H

void disk_off(void);                /* this process keeps no compiled programs, and finds none */

#endif
