/* SPDX-License-Identifier: MIT */
/*
 * Hostile modules: valid ones with something changed (mutate.c), and ones made up from nothing, which are valid as often as not and call
 * WASI with hostile arguments (generate.c). Both by a generator of their own, so that a number names a module.
 */
#ifndef TEST_SOAK_MUTATE_H
#define TEST_SOAK_MUTATE_H

#include "kern/text.h"
#include "test/soak/player.h"

/* out: emptied first. The module of n bytes with one to three changes. */
void mutate(Rng *r, const char *module, size_t n, Text *out);
void generate(Rng *r, Text *out);

void put_byte(Text *t, unsigned b);
void put_leb(Text *t, uint64_t n);
void put_sleb(Text *t, int64_t n);

#endif
