#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Real programs under test: the Go standard library's own tests of files, input and output, strings and time, as tasks.
# Seconds: 1800 (fetching a toolchain and building them; then the engine's first compile)
set -u

tests=$("$TOP/tools/go.sh") || {
    code=$?
    echo "no tests of Go's library: go or its module proxy is not there"
    [ "${CI-}" != true ] || exit 1
    exit $code
}
passed=0 failed=0

# They write beside their sources.
cp -R "$tests/goroot" "$TEST_TMP/goroot"
goroot=$TEST_TMP/goroot
cd "$TEST_TMP" || exit 1

verdict() { # NAME GOOD
    if [ "$2" = 1 ]; then
        passed=$((passed + 1))
    else
        echo "FAIL $1"
        failed=$((failed + 1))
    fi
}

# tests PACKAGE KNOWN: those that are known to fail, and no others, must. Where the sources are, as `go test` has it.
tests() {
    "$TASKFS" run --dir "$goroot" --cwd "$goroot/src/$1" --env "GOROOT=$goroot" "$tests/$1.test.wasm" \
        -test.short -test.v >output 2>&1
    code=$?
    names=$(sed -n 's/^--- FAIL: \([^ ]*\) .*/\1/p' output | sort | tr '\n' ' ')
    ran=$(grep -c '^--- PASS' output)
    if [ "$code" = "$([ -n "$2" ] && echo 1 || echo 0)" ] && [ "${names% }" = "$2" ] && [ "$ran" -gt 0 ]; then
        passed=$((passed + ran))
    else
        grep -v -e '^ *--- PASS' -e '^=== ' output
        verdict "$1: exit code $code; failed: ${names% }; known to fail: $2" 0
    fi
}

tests io ""
tests bufio ""
tests strings ""
tests time ""

# Absolute link targets are refused below any preopen but `/`, and Go takes the preopen of /tmp, where these make theirs.
# (An engine's own WASI refuses to make such links, and these skip themselves.)
links="TestCopyFSWithSymlinks TestDirAndSymlinkStats TestFileAndSymlinkStats TestLongPath TestSymlinkWithTrailingSlash"
tests os "$links"

# With `/` as the only preopen they all pass.
"$TASKFS" run "$tests/os.test.wasm" -test.short -test.v -test.run "^($(echo "$links" | tr ' ' '|'))\$" >output 2>&1
code=$?
verdict "os, links from the root: $(cat output)" \
    "$([ $code = 0 ] && [ "$(grep -c '^--- PASS' output)" = "$(echo "$links" | wc -w)" ] && echo 1)"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
