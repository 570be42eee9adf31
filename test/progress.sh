#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What `taskfs run` says while a program is compiled for the first time.
set -u

command -v wat2wasm >/dev/null || { echo "no wat2wasm here (tools/setup.sh installs it)"; exit 77; }
passed=0 failed=0 skipped=0

# is NAME WANTED GOT
is() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        printf 'FAIL %s: %s, not %s\n' "$1" "$3" "$2"
        failed=$((failed + 1))
    fi
}

cd "$TEST_TMP" || exit 1
mkdir home
HOME=$(pwd)/home
export HOME
unset XDG_CACHE_HOME

# program FILE FUNCTIONS: so many functions, all different.
program() {
    awk -v n="$2" 'BEGIN {
        print "(module (memory (export \"memory\") 1)"
        for (i = 0; i < n; i++) {
            printf "(func $f%d (param i32) (result i32) (local i32)", i
            for (j = 0; j < 60; j++)
                printf "(local.set 1 (i32.add (i32.mul (local.get 0) (i32.const %d)) (i32.load offset=%d (local.get 1))))", i + j, j
            print "(i32.const 0))"
        }
        print "(func (export \"_start\")"
        for (i = 0; i < n; i++)
            printf "(drop (call $f%d (i32.const 1)))", i
        print "))"
    }' >program.wat
    wat2wasm program.wat -o "$1"
}

# The times are the machine's: they become N.
said() { sed 's/[0-9][0-9]* ms/N ms/' "$1"; }

program small.wasm 1 || exit 1
"$TASKFS" -v run small.wasm 2>words
is "-v tells of a compile" "taskfs: compiling small.wasm (once; kept in ~/.cache/taskfs)
taskfs: compiled in N ms
taskfs: exit code 0 after N ms" "$(said words)"
is "it is kept there" 1 "$([ -d home/.cache/taskfs ] && echo 1)"
"$TASKFS" run -v ./small.wasm 2>words
is "and of none the second time" "taskfs: exit code 0 after N ms" "$(said words)"
chmod 755 home/.cache/taskfs/modules
program small.wasm 2 || exit 1
"$TASKFS" -v run small.wasm 2>words
is "a directory that is open to others keeps nothing" "taskfs: compiling small.wasm" "$(head -n 1 words)"
XDG_CACHE_HOME=$(pwd)/cache "$TASKFS" -v run small.wasm 2>words
is "another directory" "taskfs: compiling small.wasm (once; kept in $(pwd)/cache/taskfs)" "$(head -n 1 words)"

# A terminal is told only of what takes long: a program that takes four times as long as that.
for functions in 3000 12000 30000; do
    rm -rf home/.cache
    program big.wasm $functions || exit 1
    "$TASKFS" -v run big.wasm 2>words
    ms=$(sed -n 's/^taskfs: compiled in \([0-9]*\) ms$/\1/p' words)
    [ "${ms:-0}" -lt 2000 ] || break
done
rm -r home/.cache
"$TASKFS" run big.wasm 2>words
is "no terminal: not a word" "" "$(cat words)"
if ! command -v script >/dev/null; then
    echo "no terminal: script is not here"
    skipped=$((skipped + 2))
elif [ "${ms:-0}" -lt 2000 ]; then
    echo "the compile is not long enough here: ${ms:-0} ms"
    skipped=$((skipped + 2))
else
    rm -r home/.cache
    script -qc "'$TASKFS' run big.wasm" screen </dev/null >/dev/null
    is "a terminal is told" "taskfs: compiling big.wasm (once; kept in ~/.cache/taskfs)" \
        "$(tr -d '\r' <screen | grep '^taskfs:')"
    script -qc "'$TASKFS' run big.wasm" screen </dev/null >/dev/null
    is "but not the second time" "" "$(grep taskfs: screen)"
fi

[ $skipped = 0 ] && echo "$passed passed, $failed failed" || echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
