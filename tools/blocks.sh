#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Plays the shell blocks of a document (```sh or ```bash), in their order and unchanged, in one bash of this machine
# on a mounted root (tools/enter.sh), and compares what each says with a file. TASKFS is the command.
#
#   blocks.sh [--show | --write] [--fixture FILE] [--sed SCRIPT] DOCUMENT EXPECTED [MOUNT-OPTION...]
#     --show      headings, blocks and what they say go to the output, as they are played
#     --write     what they say is written to EXPECTED, not compared
#     --fixture   is read by that bash first: before_N and after_N are functions around block N, and filter_N, if there
#                 is one, goes over what it said. What after_N prints belongs to what is compared.
#     --sed       goes over each block before it is played
#     EXPECTED    a directory with 01.out, 02.out, ...: one for each block
#
# A block that was not reached within BLOCKS_SECONDS (240), one without its file, a file without its block: each
# fails. The last line counts.
set -eu

tools=$(cd "$(dirname "$0")" && pwd)
mode=compare fixture= script=
while :; do
    case ${1-} in
    --show | --write) mode=${1#--} ;;
    --fixture) fixture=$2; shift ;;
    --sed) script=$2; shift ;;
    *) break ;;
    esac
    shift
done
document=$1 expected=$2
shift 2

work=$(cd "$(mktemp -d)" && pwd -P)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir "$work/mount" "$work/block" "$work/said"

# NN.sh is a block, NN.title the heading above it, if it is the first one there.
awk -v to="$work/block/" '
    /^```/ && inside { inside = 0; close(file); next }
    /^```(sh|bash)[ \t]*$/ {
        file = sprintf("%s%02d.sh", to, ++n)
        printf "" > file
        if (title != "") print title > (to sprintf("%02d.title", n))
        title = ""
        inside = 1
        next
    }
    /^```/ { other = !other; next }
    inside { print > file; next }
    !other && /^#+ / { title = $0; sub(/^#+ */, "", title) }
' "$document"
[ -e "$work/block/01.sh" ] || { echo "blocks.sh: no blocks in $document" >&2; exit 2; }
[ -z "$script" ] || sed -i "$script" "$work"/block/*.sh
cp "$tools/blocks.bash" "$work/"
[ -z "$fixture" ] || cp "$fixture" "$work/fixture.bash"

code=0
timeout -k 5 "${BLOCKS_SECONDS:-240}" \
    "$TASKFS" mount "$@" "$work/mount" "$tools/enter.sh" bash "/host$work/blocks.bash" $mode || code=$?

passed=0 failed=0
fail() {
    echo "FAIL $*"
    failed=$((failed + 1))
}
if [ "$mode" = write ]; then
    mkdir -p "$expected"
    rm -f "$expected"/*.out
fi
for block in "$work"/block/*.sh; do
    name=$(basename "$block" .sh)
    out=$work/said/$name.out want=$expected/$name.out
    if [ ! -e "$out" ]; then
        [ ! -e "$work/said/$name" ] || cat "$work/said/$name"
        fail "block $name was not played to its end"
    elif [ "$mode" = write ]; then
        cp "$out" "$want"
        passed=$((passed + 1))
    elif [ ! -e "$want" ]; then
        fail "block $name: there is no $want"
    elif diff -u "$want" "$out" >"$work/difference"; then
        passed=$((passed + 1))
    else
        cat "$block" "$work/difference"
        fail "block $name says something else"
    fi
done
for want in "$expected"/*.out; do
    [ -e "$work/block/$(basename "$want" .out).sh" ] || fail "$want: there is no such block"
done
[ $code = 0 ] || fail "the mount ended with exit code $code"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
