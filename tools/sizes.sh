#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What a reader can hold: a .c file up to 1,000 lines, a header 400, a function 70. No two files share a base
# name, but for the two halves of os/, and fuzzers, benchmarks and programs, called after what they are for. tools/sizes.allow lists
# exceptions: a file, or FILE:FUNCTION, a line.
set -eu

cd "$(dirname "$0")/.."
files=$(find os kern p9 dev engine door front include test bench user -name '*.[ch]' 2>/dev/null | sort)
[ -n "$files" ] || exit 0

awk -v allow=tools/sizes.allow '
    BEGIN { while ((getline line < allow) > 0) if (line !~ /^(#|$)/) allowed[line] = 1 }
    function complain(where, text) { if (!(where in allowed)) { print where ": " text; bad = 1 } }
    function file_end() {
        most = file ~ /\.h$/ ? 400 : 1000
        if (lines > most) complain(file, lines " lines; " most " are the most")
    }
    FNR == 1 {
        if (file != "") file_end()
        file = FILENAME
        open = 0
        base = file
        sub(/.*\//, "", base)
        pair = file
        sub(/^os\/(posix|web)\//, "os/*/", pair)
        if (file !~ /^(test\/fuzz|bench|user)\//) {
            if ((base in seen) && seen[base] != pair) complain(file, "another file is called " base)
            seen[base] = pair
        }
    }
    { lines = FNR }
    /^[A-Za-z_].*\(/ { name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
    /^TEST/ { name = $0; gsub(/.*\(|[,)].*/, "", name) }
    /^\{/ { open = FNR }
    /^\}/ {
        if (open && FNR - open - 1 > 70) complain(file ":" name, FNR - open - 1 " lines; 70 are the most")
        open = 0
    }
    END { file_end(); exit bad }
' $files || { echo "sizes.sh: one idea a file, one step a function"; exit 1; }
