#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs the corpus of every fuzzer, test/fuzz/NAME/*, as a test: fuzz.sh FOLDER-OF-FUZZERS
set -u

cd "$(dirname "$0")/.."
passed=0 failed=0
for source in test/fuzz/*.c; do
    name=$(basename "$source" .c)
    [ "$name" != replay ] && [ -e "$source" ] || continue
    for input in test/fuzz/"$name"/*; do
        [ -e "$input" ] || continue
        if timeout $((20 * ${TEST_STRETCH:-1})) "$1/$name" "$input"; then
            passed=$((passed + 1))
        else
            echo "FAIL $input"
            failed=$((failed + 1))
        fi
    done
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
