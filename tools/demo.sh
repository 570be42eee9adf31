#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What `make run` plays: a program runs as a task, looks at itself through its files, and can name only what it was given.
#
#   demo.sh TASKFS
set -eu

taskfs=$(cd "$(dirname "$1")" && pwd)/${1##*/}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work"
cat >demo.c <<'END'
#include <dirent.h>
#include <stdio.h>
#include <string.h>

static int ls(const char *path)
{
    struct dirent *e;
    DIR *d = opendir(path);
    if (d == NULL)
        return perror(path), 1;
    while ((e = readdir(d)) != NULL)
        if (e->d_name[0] != '.')
            printf("%s ", e->d_name);
    puts("");
    return closedir(d);
}

static int cat(const char *path)
{
    char line[256];
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return perror(path), 1;
    while (fgets(line, sizeof line, f) != NULL)
        fputs(line, stdout);
    return fclose(f);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "ls") == 0)
        return ls(argv[2]);
    if (argc == 3 && strcmp(argv[1], "cat") == 0)
        return cat(argv[2]);
    if (argc < 2 || freopen(argv[argc - 1], "w", stdout) == NULL)
        return perror(argv[argc - 1]), 1;
    puts("hello");
    return 0;
}
END

# Shows the command as one would type it, then what it says.
show() {
    echo "\$ taskfs run $*"
    "$taskfs" run "$@"
}

echo "A C program, compiled for WASI, is a task: a directory of files, which it sees as /task/self."
clang-19 --target=wasm32-wasi -O1 -o demo.wasm demo.c
show demo.wasm ls /task/self
show demo.wasm cat /task/self/status
show --memlimit 16M demo.wasm cat /task/self/stat/mem
echo
echo "These are the names in its world; nothing else of this machine is there..."
show demo.wasm ls /
if show demo.wasm write /srv/x 2>&1; then
    echo "demo.sh: it wrote where nothing was granted" >&2
    exit 1
fi
echo
echo "...until it is granted."
mkdir out
show --dir out::/srv demo.wasm write /srv/x
echo '$ cat out/x'
cat out/x
echo
echo "That was $taskfs; README.md goes on from here."
