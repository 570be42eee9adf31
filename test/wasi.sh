#!/bin/sh
# SPDX-License-Identifier: MIT
#
# C programs against wasi-libc (test/wasi/*.c), run as tasks: in a directory of the host and in a tmpfs.
set -u

clang=clang-19
command -v $clang >/dev/null || { echo "no $clang here (tools/setup.sh installs it)"; exit 77; }
[ -d /usr/include/wasm32-wasi ] || { echo "no wasi-libc here (tools/setup.sh installs it)"; exit 77; }
passed=0 failed=0

verdict() { # NAME CODE WANTED
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        echo "FAIL $1: exit code $2, not $3"
        failed=$((failed + 1))
    fi
}

for source in test/wasi/*.c; do
    name=$(basename "$source" .c)
    $clang --target=wasm32-wasi -O1 -Wall -Wextra -Werror -D_WASI_EMULATED_MMAN -o "$TEST_TMP/$name.wasm" "$source" || {
        verdict "$name (compile)" 1 0
        continue
    }
    [ "$name" = system ] && continue
    mkdir "$TEST_TMP/work"
    "$TASKFS" run --dir "$TEST_TMP/work" "$TEST_TMP/$name.wasm" "$TEST_TMP/work"
    verdict "$name in a host directory" $? 0
    rmdir "$TEST_TMP/work" || verdict "$name leaves nothing" 1 0
    "$TASKFS" run "$TEST_TMP/$name.wasm" /tmp
    verdict "$name in a tmpfs" $? 0
done

printf in | "$TASKFS" run --env "NAME=a b" "$TEST_TMP/system.wasm" "it's here" | cat
printf in | "$TASKFS" run --env "NAME=a b" "$TEST_TMP/system.wasm" "it's here" >"$TEST_TMP/out"
verdict system $? 7

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
