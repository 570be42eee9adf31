#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Sessions inside the namespace: test/tasks/X.steps is what is typed to test/tasks/steps.c, X.out what comes back. Then all of
# them in one process, where nothing may be left of any (test/tasks/objects.c).
#   tasks.sh --write     writes what comes back into X.out instead of comparing
set -u

cd "$(dirname "$0")/.."
clang=clang-19
command -v $clang >/dev/null || { echo "no $clang here (tools/setup.sh installs it)"; exit 77; }
export TASKFS_BIN=                      # what ships with taskfs is not what these sessions are about
passed=0 failed=0
mkdir "$TEST_TMP/bin"
$clang --target=wasm32-wasi -O1 -Wall -Wextra -Werror -o "$TEST_TMP/bin/steps" test/tasks/steps.c || exit 1

for script in test/tasks/*.steps; do
    expected=${script%.steps}.out
    "$TASKFS" run --dir "$TEST_TMP/bin::/bin:ro" --inside /bin/steps <"$script" >"$TEST_TMP/out" 2>&1
    code=$?
    [ "${1-}" = --write ] && cp "$TEST_TMP/out" "$expected"
    if [ $code = 0 ] && diff "$expected" "$TEST_TMP/out"; then
        passed=$((passed + 1))
    else
        echo "FAIL $script (exit code $code)"
        failed=$((failed + 1))
    fi
done

flags='-std=c11 -Wall -Wextra -Werror -Iinclude'
case $BUILD in
*asan-ubsan) flags="$flags -fsanitize=address,undefined" ;;
*tsan) flags="$flags -fsanitize=thread" ;;
esac
if cc $flags -o "$TEST_TMP/objects" test/tasks/objects.c -L"$BUILD" -ltaskfs -Wl,-rpath,"$(realpath "$BUILD")" &&
    "$TEST_TMP/objects" "$TEST_TMP/bin" test/tasks/*.steps; then
    passed=$((passed + 1))
else
    echo "FAIL objects are left"
    failed=$((failed + 1))
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
