#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What `make run` ends with: a shell on a fresh root; without a terminal the tour; where nothing can be mounted, or nobody
# may have a root of his own, something less.
set -u

cd "$TOP" || exit 1
. test/tour/needs.sh
passed=0 failed=0 skipped=0

# says NAME CODE WORDS...: the last exit code, and words that were said.
says() {
    name=$1 wanted=$2 missing=
    shift 2
    for words do
        grep -qF -e "$words" "$TEST_TMP/out" || missing="$missing; no \"$words\""
    done
    if [ "$code$missing" = "$wanted" ]; then
        passed=$((passed + 1))
    else
        printf 'FAIL %s: exit code %s%s\n%s\n' "$name" "$code" "$missing" "$(cat "$TEST_TMP/out")"
        failed=$((failed + 1))
    fi
}

# Without a terminal.
plain() {
    "$@" >"$TEST_TMP/out" 2>&1 </dev/null
    code=$?
}

# typed LINE: with one, where this is typed. The shell there is a bash that reads no file of the user's.
typed() {
    echo "$1" | SHELL=bash ENV= HOME=$TEST_TMP timeout 60 script -qec "tools/shell.sh '$TASKFS'" /dev/null >"$TEST_TMP/out" 2>&1
    code=$?
}

# Where the mount points are made. /tmp is another one inside.
XDG_RUNTIME_DIR=$(mktemp -d /var/tmp/shell.XXXXXX) || exit 1
export XDG_RUNTIME_DIR

# A system where nobody gets a namespace.
mkdir "$TEST_TMP/none"
printf '#!/bin/sh\nexit 1\n' >"$TEST_TMP/none/unshare"
chmod +x "$TEST_TMP/none/unshare"

plain tools/shell.sh "$TASKFS"
says "the tour is played" 0 "== Create" "\$ cat /task/\$id/fd/1" "good morning, world" " passed, 0 failed"
plain env PATH="$TEST_TMP/none:$PATH" tools/shell.sh "$TASKFS"
says "no root of one's own: the demonstration" 0 "so here is a demonstration" "...until it is granted."
if [ "$(id -u)" = 0 ]; then
    plain unshare -m sh -c "mount --bind /dev/null /dev/fuse && tools/shell.sh '$TASKFS'"
    says "nothing can be mounted: the demonstration" 0 "Nothing can be mounted here" "...until it is granted."
fi

if command -v script >/dev/null; then
    typed 'n=$(cat /task/new); echo "made: $n" $(ls) $(cat /task/$n/status task/$n/status); exit 5'
    says "a shell" 0 "Type:" "doc/tour.md goes on from here" "made: 2 bin cap dev task tmp stopped stopped"
    typed 'ln -s /tmp/a /tmp/l; echo there > /tmp/a; echo "link: $(cat /tmp/l)"; exit'
    says "an absolute link leads where it says" 0 "link: there"
    path=$PATH
    PATH=$TEST_TMP/none:$PATH
    typed 'n=$(cat task/new); echo "made: $n" $(ls); exit'
    PATH=$path
    says "no root of one's own: a shell in the directory" 0 "without a / before them" "made: 2 bin cap dev task tmp"
else
    skipped=1
    echo "a shell: no script(1) here"
fi
if rmdir "$XDG_RUNTIME_DIR"; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
    echo "FAIL a mount point is left: $(ls "$XDG_RUNTIME_DIR")"
fi
echo "$passed passed, $failed failed$([ $skipped = 0 ] || echo ", $skipped skipped")"
[ $failed = 0 ]
