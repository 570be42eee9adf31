#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Everything that `make test` runs, in groups, with the seconds of each. The last line alone sums up:
# "N passed, N failed", and ", N skipped" where some were. Fails when a test failed or a group could not run.
#   SAN=asan,ubsan or SAN=tsan     only what runs under these, built with them
#   T=WORD                         only groups with WORD in their name
#   TEST_STRETCH=N                 so many times as much time for every test
set -u

cd "$(dirname "$0")/.."
passed=0 failed=0 skipped=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
make="${MAKE:-make} --no-print-directory -j$(getconf _NPROCESSORS_ONLN)"
stretch=${TEST_STRETCH:-1}
[ "$stretch" -ge 1 ] 2>/dev/null || stretch=1
start_of_all=$(date +%s)

summary='^\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed\(, \([0-9][0-9]*\) skipped\)\{0,1\}$'

# count CODE FILE: adds up what a run with this exit code said at its end; one that does not count is itself one test.
count() {
    last=$(grep "$summary" "$2" | tail -n 1)
    if [ -n "$last" ]; then
        p=$(printf '%s\n' "$last" | sed "s/$summary/\1/")
        f=$(printf '%s\n' "$last" | sed "s/$summary/\2/")
        s=$(printf '%s\n' "$last" | sed "s/$summary/\4/")
        [ "$1" = 0 ] || [ "$f" -gt 0 ] || f=1
    else
        p=0 f=0 s=0
        case $1 in
        0) p=1 ;;
        77) s=1 ;;
        *) f=1 ;;
        esac
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + ${s:-0}))
    result="$p passed, $f failed"
    [ "${s:-0}" = 0 ] || result="$result, $s skipped"
}

wanted() {
    case $1 in *"${T-}"*) return 0 ;; esac
    return 1
}

# group NAME COMMAND...: shows what the command says as it comes, but for its last line, which is counted.
group() {
    name=$1
    shift
    wanted "$name" || return 0
    echo "== $name"
    start=$(date +%s)
    { "$@" 2>&1; echo $? >"$work/code"; } | tee "$work/output" | grep -v -e "$summary" -e '^make.*Error'
    [ -s "$work/output" ] || echo >"$work/output"
    count "$(cat "$work/code")" "$work/output"
    echo "   $name: $result ($(($(date +%s) - start)) s)"
}

# A step that must succeed for the rest to make sense.
step() {
    name=$1
    shift
    echo "== $name"
    start=$(date +%s)
    "$@" || { echo "   $name failed"; echo "$passed passed, $((failed + 1)) failed"; exit 1; }
    echo "   $name: $(($(date +%s) - start)) s"
}

# sessions BUILD: the scripts of test/, each what a user could type, in a directory of its own. A script that needs more
# time than most says so at its head: "# Seconds: N".
sessions() {
    for script in test/*.sh; do
        [ -e "$script" ] || continue
        wanted "$script" || wanted sessions || continue
        mkdir "$work/session"
        seconds=$(sed -n '1,/^[^#]/s/^# Seconds: \([0-9]*\).*/\1/p' "$script")
        start=$(date +%s)
        TOP=$PWD BUILD=$PWD/$1 TASKFS=$PWD/$1/taskfs TEST_TMP=$work/session \
            timeout -k 5 $((${seconds:-300} * stretch)) sh "$script" >"$work/output" 2>&1 </dev/null
        code=$?
        count $code "$work/output"
        case $code in
        0) [ "$f" = 0 ] || cat "$work/output" ;;
        77) echo "   $(tail -n 1 "$work/output")" ;;
        124 | 137) cat "$work/output"; echo "   $script: killed after its time" ;;
        *) cat "$work/output" ;;
        esac
        echo "   $script: $result ($(($(date +%s) - start)) s)"
        rm -rf "$work/session"
    done
}

plain() {
    step set-up tools/setup.sh
    step build $make all unit soak-program
    group includes tools/includes.sh
    group sizes tools/sizes.sh
    group format tools/format.sh
    group mutants tools/mutants.sh --fit
    group unit $make -s check-unit T=
    # The same tests with a yield at every third lock, by chance: another order of the threads.
    group shaken env TEST_SHAKE=3 $make -s check-unit T=
    group engine $make -s check-engine T=
    group fuzz $make -s check-fuzz T=
    group web $make -s check-web T=
    echo "== sessions"
    sessions build/native
    sanitized asan,ubsan
    sanitized tsan
}

# What runs under the sanitizers is built and run with them.
sanitized() {
    stretch=$((${TEST_STRETCH:-1} * 4))
    export TEST_STRETCH=$stretch
    group "unit-$1" $make -s check-unit T= SAN="$1"
    if [ "$1" = tsan ]; then
        # The compiled code of the engine is not instrumented: its lifecycle tests only, with a small pool.
        group "engine-$1" env TASKFS_POOL=16 $make -s check-engine SAN="$1" T=wt
    else
        group "engine-$1" $make -s check-engine T= SAN="$1"
        group "fuzz-$1" $make -s check-fuzz T= SAN="$1"
        echo "== sessions $1"
        $make -s all soak-program SAN="$1" && sessions "build/$(echo "$1" | tr , -)"
    fi
}

if [ -n "${SAN-}" ]; then
    step set-up tools/setup.sh build
    sanitized "$SAN"
else
    plain
fi
echo "all: $(($(date +%s) - start_of_all)) s"
result="$passed passed, $failed failed"
[ "$skipped" = 0 ] || result="$result, $skipped skipped"
echo "$result"
[ "$failed" = 0 ]
