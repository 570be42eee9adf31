#!/bin/sh
# SPDX-License-Identifier: MIT
#
# /bin: the programs that ship with taskfs, found by TASKFS_BIN, by where it is installed, or in its build tree.
set -u

clang=clang-19
command -v $clang >/dev/null || { echo "no $clang here (tools/setup.sh installs it)"; exit 77; }
[ -d /usr/include/wasm32-wasi ] || { echo "no wasi-libc here (tools/setup.sh installs it)"; exit 77; }
passed=0 failed=0

# is NAME WANTED GOT
is() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        printf 'FAIL %s: %s, not %s\n' "$1" "$3" "$2"
        failed=$((failed + 1))
    fi
}

cp test/run/tool.c "$TEST_TMP/"
cd "$TEST_TMP" || exit 1
unset TASKFS_BIN
mkdir programs
$clang --target=wasm32-wasi -O1 -o programs/tool tool.c || exit 1
tool=programs/tool
own=${TASKFS%/*}

# ---- told by TASKFS_BIN

is "they are there" tool "$(TASKFS_BIN=programs "$TASKFS" run $tool ls /bin)"
is "and are found by their names" "[x]" "$(TASKFS_BIN=programs "$TASKFS" run --inside tool args x)"
is "and by a task" "[y]" "$(TASKFS_BIN=programs "$TASKFS" run --inside /bin/tool args y)"
is "nothing there can be changed" "tool: /bin/new: Read-only file system" \
    "$(TASKFS_BIN=programs "$TASKFS" run $tool write /bin/new x 2>&1)"
is "not even by what runs there" 1 "$([ ! -e programs/new ] && echo 1)"
is "an empty TASKFS_BIN: none" "" "$(TASKFS_BIN='' "$TASKFS" run $tool ls /bin)"
out=$(TASKFS_BIN=missing "$TASKFS" run $tool ls /bin 2>&1)
is "a wrong one is said to be wrong" "125 taskfs: missing at /bin: No such file or directory" "$? $out"
is "--bare: none" "tool: /bin: No such file or directory" "$(TASKFS_BIN=programs "$TASKFS" run --bare $tool ls /bin 2>&1)"
is "below a granted root, too" tool "$(TASKFS_BIN=programs "$TASKFS" run --dir .::/ $tool ls /bin)"
mkdir other
: >other/mine
is "a grant at /bin goes over it" mine "$(TASKFS_BIN=programs "$TASKFS" run --dir other::/bin $tool ls /bin)"
for file in binds mounts dump; do
    out=$(TASKFS_BIN=programs "$TASKFS" run $tool cat /task/self/ns/$file)
    is "$file does not tell where they are" 1 "$(case $out in *programs* | *"$TEST_TMP"*) ;; *) echo 1 ;; esac)"
done
is "it is a bind that can be seen" "/bin /bin -r" "$(TASKFS_BIN=programs "$TASKFS" run $tool grep /bin /task/self/ns/binds)"

# ---- found

# What is beside a copy of the command is not ours, unless it is a build tree.
mkdir -p tree/bin
cp "$TASKFS" tree/taskfs
for library in "$own"/*.so*; do
    [ -e "$library" ] && ln -s "$library" tree/
done
cp $tool tree/bin/beside
is "beside the command, in a build tree" beside "$(tree/taskfs run $tool ls /bin)"
rm tree/libtaskfs.so.0
is "beside the command, elsewhere: not ours" "" "$(tree/taskfs run $tool ls /bin)"
ln -s ../tree/taskfs other/taskfs
mkdir -p lib/taskfs/bin
cp $tool lib/taskfs/bin/installed
is "where it is installed" installed "$(tree/taskfs run $tool ls /bin)"
is "by way of a link" installed "$(other/taskfs run $tool ls /bin)"
rm -r lib
: >tree/libtaskfs.so.0
rm -r tree/bin
is "none: an empty directory" "" "$(tree/taskfs run $tool ls /bin)"

echo "$passed passed, $failed failed"
[ $failed = 0 ]
