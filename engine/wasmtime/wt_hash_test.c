/* SPDX-License-Identifier: MIT */
/*
 * The hash against known results (RFC 7693's method with a 32-byte result), around the ends of a block.
 */
#include "engine/wasmtime/wt_hash.h"

#include <stdio.h>
#include <string.h>

#include "test/test.h"

static const char *hex_of(const void *data, size_t n)
{
    static char text[2 * HASH_SIZE + 1];
    uint8_t hash[HASH_SIZE];
    blake2b(data, n, hash);
    for (unsigned i = 0; i < HASH_SIZE; i++)
        snprintf(text + (size_t)2 * i, 3, "%02x", hash[i]);
    return text;
}

TEST(hashes_are_blake2b)
{
    uint8_t as[256];
    memset(as, 'a', sizeof(as));
    STR_EQ(hex_of("", 0), "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    STR_EQ(hex_of("abc", 3), "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
    STR_EQ(hex_of(as, 128), "ae2aa48507885c4c950fb809b2076f959cde9f8ea6da260d9a3587df33dac450");
    STR_EQ(hex_of(as, 129), "2f64744a6de0d2c0b56e64cf6e29a5aaa255010d415d51c75ccc82f73dccd865");
    STR_EQ(hex_of(as, 256), "eae4d3a7627549b383179dc18049964f91a6fed14c9f3fb26705eda3eeda5558");
}
