#!/bin/sh
# SPDX-License-Identifier: MIT
#
# doc/tour.md, block by block, as whoever runs this; when that is root, then as an ordinary user as well.
# doc/tour/NN.out is what block NN says.
#   tour.sh --write     writes that instead of comparing
set -u

cd "$TOP" || exit 1
. test/tour/needs.sh
passed=0 failed=0 skipped=0

# play NAME COMMAND...: counts what its last line counts.
play() {
    name=$1
    shift
    "$@" >"$TEST_TMP/out" 2>&1
    last=$(tail -n 1 "$TEST_TMP/out")
    p=${last%% passed*} f=${last##* passed, } f=${f%% failed*}
    case $p$f in
    *[!0-9]* | '') cat "$TEST_TMP/out"; echo "FAIL $name: it did not come to its end"; p=0 f=1 ;;
    *) [ "$f" = 0 ] || { echo "$name:"; cat "$TEST_TMP/out"; } ;;
    esac
    passed=$((passed + p)) failed=$((failed + f))
}

if [ "${1-}" = --write ]; then
    exec tools/blocks.sh --write doc/tour.md doc/tour
fi
play "as $(id -un)" tools/blocks.sh doc/tour.md doc/tour
if [ "$(id -u)" = 0 ]; then
    # In a place that anybody can reach, wherever the tree is, with a device that anybody may open.
    if unshare -m test/tour/ordinary.sh unshare --map-root-user --mount true 2>/dev/null; then
        play "as an ordinary user" unshare -m test/tour/ordinary.sh tools/blocks.sh doc/tour.md doc/tour
    else
        skipped=1
        echo "as an ordinary user: not possible here"
    fi
fi

# ---- what plays the blocks says so when something is not as it should be

# refuses NAME WORDS: a document of two blocks, in $TEST_TMP/two, fails with these words, and with nothing else.
refuses() {
    tools/blocks.sh "$TEST_TMP/two/page.md" "$TEST_TMP/two/said" >"$TEST_TMP/out" 2>&1
    code=$?
    if [ "$code $(grep -c '^FAIL' "$TEST_TMP/out")" = "1 1" ] && grep -q "$2" "$TEST_TMP/out"; then
        passed=$((passed + 1))
    else
        printf 'FAIL %s:\n%s\n' "$1" "$(cat "$TEST_TMP/out")"
        failed=$((failed + 1))
    fi
}

# two SECOND-BLOCK: the first one says "one", the second one is to say "two".
two() {
    rm -rf "$TEST_TMP/two"
    mkdir -p "$TEST_TMP/two/said"
    printf '```sh\necho one\n```\n```sh\n%s\n```\n' "$1" >"$TEST_TMP/two/page.md"
    echo one >"$TEST_TMP/two/said/01.out"
    echo two >"$TEST_TMP/two/said/02.out"
}

two 'echo three'
refuses "another text" "block 02 says something else"
two 'exit 0'
refuses "a block that was not played" "block 02 was not played"
two 'echo two'
rm "$TEST_TMP/two/said/02.out"
refuses "a block without its file" "block 02: there is no"
two 'echo two'
: >"$TEST_TMP/two/said/03.out"
refuses "a file without its block" "03.out: there is no such block"
two 'sleep 100'
BLOCKS_SECONDS=3
export BLOCKS_SECONDS
tools/blocks.sh "$TEST_TMP/two/page.md" "$TEST_TMP/two/said" >"$TEST_TMP/out" 2>&1
if [ $? = 1 ] && grep -q "block 02 was not played" "$TEST_TMP/out"; then
    passed=$((passed + 1))
else
    printf 'FAIL a block that does not end:\n%s\n' "$(cat "$TEST_TMP/out")"
    failed=$((failed + 1))
fi

echo "$passed passed, $failed failed$([ $skipped = 0 ] || echo ", $skipped skipped")"
[ $failed = 0 ]
