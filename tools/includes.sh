#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The direction of includes: front > door > engine > dev > p9 > kern > os, downwards only. Devices and engines do not know each
# other; system headers are for os/ and for what exists for one system; the kernel has no conditional compilation.
# Tests, which stand beside what they test, may include anything.
set -eu

cd "$(dirname "$0")/.."
files=$(find os kern p9 dev engine door front -name '*.[ch]' ! -name '*_test.[ch]' 2>/dev/null | sort)
[ -n "$files" ] || exit 0

awk '
    BEGIN {
        split("os kern p9 dev engine door front", order, " ")
        for (i in order) layer[order[i]] = i
        split("assert inttypes limits stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string", c11, " ")
        for (i in c11) plain[c11[i] ".h"] = 1
    }
    function complain(text) { print FILENAME ":" FNR ": " text; bad = 1 }
    function stem(path) { sub(/.*\//, "", path); sub(/\.[^.]*$/, "", path); return path }
    # A device or engine of several files shares the header that its name begins with: devtask_fd.c, devtask.h.
    function related(mine, theirs) { return mine == theirs || index(mine, theirs "_") == 1 }
    # Code that exists for one system, or joins the parts.
    function for_one_system() {
        return top == "os" || top == "front" || FILENAME ~ /^(door\/fuse|engine\/wasmtime\/|engine\/qemu)/
    }
    function check_ours(name, folder) {
        folder = name
        sub(/\/.*/, "", folder)
        if (folder == "include" || name == "taskfs.h") {
            if (top != "front") complain("only front/ includes the public " name)
        } else if (!(folder in layer)) {
            complain("\"" name "\" is in no layer")
        } else if (layer[folder] > layer[top]) {
            complain(top "/ is below " folder "/ and may not include " name)
        } else if (folder == top && (top == "dev" || top == "engine") && !related(stem(FILENAME), stem(name)) &&
                   name !~ /^engine\/(wasi|linuxvm)/ && !(FILENAME ~ /^engine\/wasmtime\// && name ~ /^engine\/wasmtime\//)) {
            complain("what " FILENAME " and " name " share belongs in kern/")
        }
    }
    FNR == 1 { top = FILENAME; sub(/\/.*/, "", top); directives = 0; guard = "" }
    /^[ \t]*#/ {
        directives++
        line = $0
        sub(/^[ \t]*#[ \t]*/, "", line)
        if (line ~ /^include[ \t]*"/) {
            split(line, part, "\"")
            check_ours(part[2])
        } else if (line ~ /^include[ \t]*</) {
            split(line, part, /[<>]/)
            if (part[2] == "taskfs.h")
                check_ours(part[2])
            else if (!(part[2] in plain) && !for_one_system())
                complain("<" part[2] "> is a system header")
        } else if (line ~ /^(if|elif|else)/ && (top ~ /^(kern|p9|dev)$/ || FILENAME ~ /^engine\/wasi/)) {
            if (!(directives == 1 && line ~ /^ifndef [A-Z0-9_]+_H$/))
                complain("no conditional compilation here")
        }
    }
    END { exit bad }
' $files || { echo "includes.sh: see style: the map"; exit 1; }
