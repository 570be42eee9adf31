#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What `make run` shows: a program of the host's compiler runs as a task and looks at itself. demo.sh TASKFS
set -eu

taskfs=$1
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/look.c" <<'END'
#include <stdio.h>

static void show(const char *path)
{
    char line[256];
    FILE *f = fopen(path, "r");
    printf("$ cat %s\n", path);
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        fputs(line, stdout);
    if (f == NULL)
        perror(path);
    else
        fclose(f);
}

int main(void)
{
    show("/task/self/status");
    show("/task/self/cwd");
    show("/task/self/ns/binds");
    show("/task/self/stat/mem");
    return 0;
}
END
clang-19 --target=wasm32-wasi -O1 -o "$work/look.wasm" "$work/look.c"
echo "\$ taskfs run look.wasm"
exec "$taskfs" run "$work/look.wasm"
