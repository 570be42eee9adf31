/* SPDX-License-Identifier: MIT */
/*
 * A compiler driver as a task: mounts the compiler's headers and libraries in its own namespace, has one task compile and
 * another link, and a third run what came of it. Its exit code is that of the first that failed, or of the program.
 *
 *   cc RESOURCES DIRECTORY SOURCE.c: an archive; where clang and wasm-ld are; the results go beside the source
 */
#include <stdio.h>
#include <stdlib.h>

/* Whether the text could be written, all of it, to the file of this name. */
static int put(const char *file, const char *text)
{
    FILE *f = fopen(file, "w");
    if (f == NULL)
        return 0;
    int good = fputs(text, f) >= 0;
    return fclose(f) == 0 && good;
}

static int get(const char *file, char *text, int size)
{
    FILE *f = fopen(file, "r");
    if (f == NULL)
        return 0;
    int good = fgets(text, size, f) != NULL;
    fclose(f);
    return good;
}

static int fails(int id, const char *what)
{
    char file[64], words[256] = "";
    snprintf(file, sizeof file, "/task/%d/error", id);
    get(file, words, sizeof words);
    fprintf(stderr, "cc: %s: %s\n", what, words);
    return 99;
}

/* A task of its own with this command line: its exit code. */
static int runs(const char *cmdline)
{
    char file[64], text[1024];
    if (!get("/task/new", text, sizeof text))
        return fails(0, "/task/new");
    int id = atoi(text);
    snprintf(file, sizeof file, "/task/%d/ctl", id);
    snprintf(text, sizeof text, "cmd %s\nstart\n", cmdline);
    if (!put(file, text))
        return fails(id, cmdline);
    snprintf(file, sizeof file, "/task/%d/wait", id);
    if (!get(file, text, sizeof text))
        return fails(id, file);
    return atoi(text);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 99;
    const char *in = argv[2], *source = argv[3];
    char text[1024];
    snprintf(text, sizeof text, "mount tar %s /usr\n", argv[1]);
    if (!put("/task/self/ns/ctl", text))
        return fails(0, text);
    snprintf(text, sizeof text, "%s/clang --sysroot=/usr -resource-dir=/usr -O2 -c %s -o %s.o", in, source, source);
    int code = runs(text);
    if (code != 0)
        return code;
    snprintf(text, sizeof text,
             "%s/wasm-ld -L/usr/lib/wasm32-wasip1 /usr/lib/wasm32-wasip1/crt1-command.o %s.o -lc "
             "/usr/lib/wasm32-unknown-wasip1/libclang_rt.builtins.a -o %s.wasm",
             in, source, source);
    code = runs(text);
    if (code != 0)
        return code;
    snprintf(text, sizeof text, "./%s.wasm 'two words'", source);
    return runs(text);
}
