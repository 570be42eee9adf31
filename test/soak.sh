#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Hostile use, with seeds that are printed and replay what was decided: tasks made, wired, paused, killed and removed at random by
# threads with calls of their own, by the C library, by tasks and by processes of the host on a mount; and mutated modules.
#   SEED=N              another seed for all of them; else one of the time
#   SOAK_SECONDS=N      the long run (make soak): so long for each part, and rounds of 10,000 tasks
# Seconds: 300
set -u

cd "$TOP" || exit 1
soak=$BUILD/soak
[ -x "$soak" ] || soak=${BUILD%/*}/check/soak
[ -x "$soak" ] || { echo "no $soak here (make soak-program)"; exit 77; }
command -v clang-19 >/dev/null || { echo "no clang-19 here (tools/setup.sh prog installs it)"; exit 77; }
seed=${SEED:-$(date +%s)}
seconds=${SOAK_SECONDS-}
count=1000
[ -z "$seconds" ] || count=10000
passed=0 failed=0 skipped=0
player='test/soak/driver/driver.c test/soak/driver/pdoor.c test/soak/player.c test/soak/expect.c'
# shellcheck disable=SC2086
clang-19 --target=wasm32-wasi -O1 -I. -Wall -Wextra -Werror -o "$TEST_TMP/inside" $player &&
    cc -std=c11 -D_GNU_SOURCE -O1 -I. -Wall -Wextra -Werror -o "$TEST_TMP/outside" $player || exit 1

try() {
    name=$1
    shift
    if "$@" >"$TEST_TMP/out" 2>&1; then
        passed=$((passed + 1))
        [ -z "$seconds" ] || cat "$TEST_TMP/out"
    else
        echo "FAIL $name, seed $seed (exit code $?)"
        cat "$TEST_TMP/out"
        failed=$((failed + 1))
    fi
}

# Ten rounds, since it is after the tenth that memory is compared with the second.
try lives "$soak" lives -s "$seed" -d "$TEST_TMP/inside" -r 10 -n $count ${seconds:+-t "$seconds"}
try modules "$soak" modules -s "$seed" -n $count ${seconds:+-t "$seconds"} "$BUILD"/bin/*

# ---- processes of the host, on a mount ---------------------------------------------------------------------------------

# Runs there, in the root: four at once, as often as it takes; then nothing is left but what was before.
cat >"$TEST_TMP/processes" <<'END'
cd "$TASKFS_MOUNT" || exit 1
end=$(($(date +%s) + ${SOAK_SECONDS:-0}))
round=0
# A descriptor or a thread goes a moment after others see the end.
same() {
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        sleep 0.5
        cat dev/objects >"$TEST_TMP/after"
        grep -v '^image' "$TEST_TMP/before" >"$TEST_TMP/a"
        grep -v '^image' "$TEST_TMP/after" >"$TEST_TMP/b"
        cmp -s "$TEST_TMP/a" "$TEST_TMP/b" && return 0
    done
    diff "$TEST_TMP/a" "$TEST_TMP/b"
    return 1
}
# Who was told to go is gone once `wait` has answered; its children are task 1's then, and come in the next turn.
sweep() {
    while [ "$(ls task | grep -c '^[0-9]')" -gt 1 ]; do
        for id in $(ls task | grep '^[0-9]'); do
            [ "$id" != 1 ] || continue
            { echo kill KILL tree >"task/$id/ctl"; cat "task/$id/wait"; rmdir "task/$id"; } >/dev/null 2>&1
        done
    done
}
for i in 0 1 2 3 4 5; do : >tmp/f$i; done
sleep 3                                         # names that nobody uses are let go of after two seconds
cat dev/objects >"$TEST_TMP/before"
while [ $round = 0 ] || [ "$(date +%s)" -lt $end ]; do
    round=$((round + 1)) jobs=
    for part in 1 2 3 4; do
        "$TEST_TMP/outside" "$1" $((round * 4 + part)) 250 "$TASKFS_MOUNT" &
        jobs="$jobs $!"
    done
    for job in $jobs; do
        wait "$job" || { echo "a player on the mount ended with $?"; exit 1; }
    done
    sweep
    for i in 0 1 2 3 4 5; do : >tmp/f$i; done
    same || exit 1
done
echo "mount: $((round * 1000)) tasks in $round rounds"
END
# The players' programs, by what ships: others are not there, which is an answer, too.
mkdir "$TEST_TMP/bin" "$TEST_TMP/mount"
for pair in exit=hello sleep=count copy=cat write=hello family=spawn signals=catch objects=ls wexit=hello wsleep=count \
    wcopy=upper wgrow=eat wspin=spin; do
    cp "$BUILD/bin/${pair#*=}" "$TEST_TMP/bin/${pair%=*}" || exit 1
done
echo text >"$TEST_TMP/bin/text"
echo '#!/bin/wexit' >"$TEST_TMP/bin/script"
export TEST_TMP
if [ -c /dev/fuse ]; then
    try mount env TASKFS_BIN="$TEST_TMP/bin" "$TASKFS" mount "$TEST_TMP/mount" sh "$TEST_TMP/processes" "$seed"
else
    echo "no /dev/fuse here"
    skipped=1
fi
echo "$passed passed, $failed failed$([ $skipped = 0 ] || echo ", $skipped skipped")"
[ "$failed" = 0 ]
