#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What `make run` opens: the user's own shell on the root of a fresh kernel, which ends with it. Without a terminal it plays
# doc/tour.md instead, and fails when that says something else than it should. Where nothing can be mounted it plays tools/demo.sh.
#
#   shell.sh TASKFS
set -eu

tools=$(cd "$(dirname "$0")" && pwd)
tree=${tools%/*}

# ---- inside: TASKFS_MOUNT is there -----------------------------------------------------------------------------------

# The tree, by its name in the new root: what is below /tmp is hidden there.
seen() {
    case $tree/ in
    /tmp/* | /task/* | /cap/* | /taskfs/*) echo "/host$tree" ;;
    *) echo "$tree" ;;
    esac
}

# greet WHERE PREFIX PAGE: which names are whose, what stands before task/, and where the tour is.
greet() {
    new="id=\$(cat $2task/new)"
    [ "${shell##*/}" != fish ] || new="set id (cat $2task/new)"
    printf '\nThis is your own shell, at the root of a fresh taskfs. %s\n' "$1"
    printf 'The programs in bin/ are WebAssembly, and run as tasks. Type:\n\n'
    printf '    %-44s%s\n' "$new" "a task: a directory of files" \
        "echo 'cmd hello world' > $2task/\$id/ctl" "what it is to run" \
        "echo start > $2task/\$id/ctl" "now it runs" \
        "cat $2task/\$id/fd/1" "what it says" \
        "cat $2task/\$id/wait" "its exit code, when it has ended"
    printf '\n%s goes on from here. `exit` ends everything; nothing stays.\n\n' "$3"
}

open_shell() {
    shell=${SHELL:-bash}
    command -v "$shell" >/dev/null || shell=bash
    if "$tools/enter.sh" true 2>/dev/null; then
        greet "/task, /cap and /tmp are its own; every other
name is your machine's, and all of that is below /host as well." / "$(seen)/doc/tour.md"
        exec "$tools/enter.sh" "$shell"
    fi
    greet "This system does not let a user
have a root of his own, so its names are those in this directory: task, cap, tmp, without a / before them." "" \
        "$tree/doc/tour.md (without that /)"
    exec "$shell"
}

if [ -n "${TASKFS_MOUNT-}" ] && [ "${1-}" = --open ]; then
    open_shell
fi

# ---- outside ---------------------------------------------------------------------------------------------------------

TASKFS=$(cd "$(dirname "$1")" && pwd)/${1##*/}
export TASKFS
# Not below /tmp, which is hidden inside: an absolute link of a task reads as one below the mount point.
for run in "${XDG_RUNTIME_DIR-}" /var/tmp "${TMPDIR:-/tmp}"; do
    [ -d "$run" ] && [ -w "$run" ] && break
done
dir=$(mktemp -d "$run/taskfs.XXXXXX")
trap 'rmdir "$dir" 2>/dev/null || :' EXIT
trap 'exit 130' INT TERM

instead() {
    echo "$1, so here is a demonstration of \`taskfs run\`:"
    rmdir "$dir"
    exec "$tools/demo.sh" "$TASKFS"
}

[ -e /dev/fuse ] || instead "There is no /dev/fuse here and nothing can be mounted"
"$TASKFS" mount "$dir" true || instead "Nothing can be mounted here"
if [ -t 0 ] && [ -t 1 ]; then
    "$TASKFS" mount "$dir" "$tools/shell.sh" --open || :        # with the exit code of what was typed last
    exit 0
fi
"$TASKFS" mount "$dir" "$tools/enter.sh" true || instead "This system does not let you have a root of your own"
"$tools/blocks.sh" --show "$tree/doc/tour.md" "$tree/doc/tour"
