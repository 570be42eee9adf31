/* SPDX-License-Identifier: MIT */
/*
 * What wasi_test.c and wasi_path_test.c share: each scene calls with a program of its own and notes what it was answered.
 */
#ifndef ENGINE_WASI_TEST_H
#define ENGINE_WASI_TEST_H

#include "test/guest.h"

#define BAD 99u                     /* a descriptor that is not open */
#define OUT (GUEST_MEMORY - 2)      /* where nothing fits */
#define PATH(s) prog_str(p, s), (uint32_t)strlen(s)

uint32_t open_file(Prog *p, const char *path, uint64_t rights);
/* A directory, and `/`, without these rights. */
uint32_t open_dir(Prog *p, const char *path, uint64_t rights);
uint32_t dir_without(Prog *p, uint64_t rights);
/* Binds /dir at an absolute path. */
void bind_dir(Prog *p, const char *where, unsigned flags);

void scene_all_paths(Prog *p);
void scene_directories(Prog *p);
void scene_stat_and_times(Prog *p);
void scene_links(Prog *p);
void scene_renaming(Prog *p);
void scene_opening(Prog *p);
void scene_no_memory(Prog *p);

#endif
