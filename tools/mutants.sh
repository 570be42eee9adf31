#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The tests are tested: each test/mutants/NAME.patch is a fault of one line, and the command that its head names must go red.
#   mutants.sh [NAME...]    plants one after the other in a copy of the tree, and runs what its head names: minutes
#   mutants.sh --fit        only whether each patch still fits, is one line, and names a check that there is: a second
# The head of a patch says what the fault is, then how it must show:
#   Check: make check T=PATTERN  |  Check: make check-engine T=PATTERN  |  Check: sessions NAME
#
# The copy is build/mutants, and keeps its objects: one of them is compiled for a mutant, and put back afterwards. Each check
# runs first as the tree is, and has to pass. A mutant that does not compile, or that no test notices, has failed.
set -u

cd "$(dirname "$0")/.." || exit 1
top=$PWD
passed=0 failed=0 skipped=0
copy=$(mkdir -p "${B:-build}" && cd "${B:-build}" && pwd)/mutants

good() { echo "$1: $2"; passed=$((passed + 1)); }
bad() { echo "$1: $2"; failed=$((failed + 1)); }

sum_up() {
    result="$passed passed, $failed failed"
    [ "$skipped" = 0 ] || result="$result, $skipped skipped"
    echo "$result"
    [ "$failed" = 0 ]
}

file_of() { sed -n 's/^+++ b\///p' "$1"; }
check_of() { sed -n 's/^Check: //p;/^---/q' "$1"; }

# ---- do the patches fit --------------------------------------------------------------------------------------------

one_line() {
    awk '/^@@/ { body = 1; next } body && /^-/ { minus++ } body && /^\+/ { plus++ } END { exit !(minus == 1 && plus == 1) }' "$1"
}

# A check that is there: a file of tests, or a session.
is_check() {
    case $1 in
    'make check T='* | 'make check-engine T='*)
        pattern=${1#*T=}
        [ -n "$(find os kern p9 dev engine door front test -name "${pattern%%.*}_test.c" 2>/dev/null)" ]
        ;;
    'sessions '*) [ -f "test/${1#sessions }.sh" ] ;;
    *) false ;;
    esac
}

fit() {
    name=$(basename "$1" .patch)
    if ! one_line "$1"; then
        bad "$name" "not one changed line"
    elif ! is_check "$(check_of "$1")"; then
        bad "$name" "no check that there is: $(check_of "$1")"
    elif ! git apply --check "$1" 2>/dev/null; then
        bad "$name" "stale: it does not fit $(file_of "$1") any more"
    else
        passed=$((passed + 1))
    fi
}

if [ "${1-}" = --fit ]; then
    for patch in test/mutants/*.patch; do
        fit "$patch"
    done
    sum_up
    exit
fi

# ---- the copy ------------------------------------------------------------------------------------------------------

jobs=$(getconf _NPROCESSORS_ONLN)
build() { env -u MAKEFLAGS -u MFLAGS "${MAKE:-make}" -s -j"$jobs" B=build "$@"; }

# What is tracked, as it is now. Times are kept, so that only what has changed is built again.
refresh() {
    [ ! -e "$copy/planted" ] || rm -rf "$copy"          # ended in the middle: an object may hold a fault
    mkdir -p "$copy"
    find "$copy" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
    git ls-files -z | tar --null -T - --ignore-failed-read -cf - 2>/dev/null | tar -xf - -C "$copy"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# What a check needs: the target, and the variant whose objects it is made of.
target_of() {
    case $1 in
    'make check '*) echo build/check/unit ;;
    'make check-engine '*) echo build/check/engine-unit ;;
    *) echo all ;;
    esac
}
variant_of() {
    case $1 in
    sessions*) echo native ;;
    *) echo check ;;
    esac
}

# Runs a check in the copy, for at most so many seconds; its output goes to $scratch/output. A session may end well and yet count
# failures in its last line.
run_check() { # CHECK SECONDS
    case $1 in
    sessions*)
        rm -rf "$scratch/session"
        mkdir "$scratch/session"
        TOP=$copy BUILD=$copy/build/native TASKFS=$copy/build/native/taskfs TEST_TMP=$scratch/session \
            timeout -k 5 "$2" sh "test/${1#sessions }.sh"
        ;;
    *) timeout -k 5 "$2" "$(target_of "$1")" "${1#*T=}" ;;
    esac >"$scratch/output" 2>&1 </dev/null
    code=$?
    [ $code != 0 ] || ! tail -n 1 "$scratch/output" | grep -q ', [1-9][0-9]* failed' || code=1
    return $code
}

# The tests that failed: three of them, and how many more.
reds() {
    awk '/^ *FAIL / { sub(/:$/, "", $2); name[n++] = $2 }
        END { for (i = 0; i < n && i < 3; i++) printf "%s%s", i ? ", " : "", name[i]; if (n > 3) printf " and %d more", n - 3 }' \
        "$scratch/output"
}

# ---- one mutant ----------------------------------------------------------------------------------------------------

# judge NAME CODE: what the run of a check with the fault in it means.
judge() {
    by=$(reds)
    if [ "$2" = 0 ] || [ "$2" = 77 ]; then
        bad "$1" SURVIVED
    elif [ -n "$by" ]; then
        good "$1" "red, by $by"
    elif [ "$2" = 124 ] || [ "$2" = 137 ]; then
        good "$1" "red, by the time limit"
    elif grep -q ', [1-9][0-9]* failed' "$scratch/output"; then
        good "$1" "red"
    else
        tail -n 5 "$scratch/output"
        bad "$1" "no test ran (exit code $2)"
    fi
}

# mutant PATCH CHECK SECONDS, in the copy.
mutant() {
    name=$(basename "$1" .patch)
    file=$(file_of "$1")
    object=build/$(variant_of "$2")/${file%.c}.o
    cp -p "$file" "$scratch/file"
    cp -p "$object" "$scratch/object" 2>/dev/null
    : >planted
    if ! GIT_CEILING_DIRECTORIES=${copy%/*} git apply "$1" 2>/dev/null; then
        bad "$name" "stale: it does not fit $file any more"
    elif ! build "$(target_of "$2")" >"$scratch/output" 2>&1; then
        cat "$scratch/output"
        bad "$name" "it does not compile"
    else
        run_check "$2" "$3"
        judge "$name" $?
    fi
    cp -p "$scratch/file" "$file"
    if [ "${file%.h}" != "$file" ]; then
        touch "$file"               # all that includes it is made again
    else
        cp -p "$scratch/object" "$object"
    fi
    rm -f "$scratch/object" build/check/unit build/check/engine-unit build/native/*taskfs* planted
}

# mutants CHECK PATCH...: those of one check, which has to pass without them, and so tells how long it takes.
mutants() {
    check=$1
    shift
    build "$(target_of "$check")" >"$scratch/output" 2>&1
    start=$(date +%s)
    run_check "$check" 600
    code=$?
    limit=$((40 + 2 * ($(date +%s) - start)))
    if [ $code = 77 ]; then
        echo "$check: $(tail -n 1 "$scratch/output")"
        skipped=$((skipped + $#))
    elif [ $code != 0 ]; then
        cat "$scratch/output"
        for patch; do bad "$(basename "$patch" .patch)" "$check fails without it"; done
    else
        for patch; do mutant "$patch" "$check" $limit; done
    fi
}

# Those that are asked for, as `CHECK<tab>PATCH`, so that sorting puts those of one build together.
wanted() {
    for name; do
        patch=$top/test/mutants/$name.patch
        [ -f "$patch" ] || { echo "mutants.sh: there is no test/mutants/$name.patch" >&2; exit 2; }
        printf '%s\t%s\n' "$(check_of "$patch")" "$patch"
    done
}

[ $# -gt 0 ] || set -- $(cd test/mutants && ls ./*.patch | sed 's|^\./||;s|\.patch$||')
wanted "$@" >"$scratch/wanted" || exit
sort "$scratch/wanted" >"$scratch/sorted"
refresh
cd "$copy" || exit 1
for target in $(cut -f 1 "$scratch/sorted" | while read -r check; do target_of "$check"; done | sort -u); do
    echo "building ${target##*/}"
    build "$target" >"$scratch/output" 2>&1 || { grep -v '^  ' "$scratch/output"; exit 1; }
done
cut -f 1 "$scratch/sorted" | uniq >"$scratch/checks"
while read -r check <&3; do
    set --
    while IFS="$(printf '\t')" read -r of patch; do
        [ "$of" = "$check" ] && set -- "$@" "$patch"
    done <"$scratch/sorted"
    mutants "$check" "$@"
done 3<"$scratch/checks"
sum_up
