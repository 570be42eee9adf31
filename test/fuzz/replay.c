/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzzer's entry point over files, so that its corpus is a test without clang. `make fuzz` leaves this out and links
 * libFuzzer, whose entry point it is: int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL || fseek(f, 0, SEEK_END) < 0) {
        perror(path);
        return 1;
    }
    size_t size = (size_t)ftell(f);
    rewind(f);
    uint8_t *data = malloc(size > 0 ? size : 1);        /* of exactly this size, so that a sanitizer sees its end */
    if (data == NULL || fread(data, 1, size, f) != size) {
        perror(path);
        return 1;
    }
    fclose(f);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    int r = 0;
    for (int i = 1; i < argc; i++)
        r |= run_file(argv[i]);
    return r;
}
