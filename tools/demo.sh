#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What `make run` plays where nothing can be mounted: a program runs as a task, looks at itself through its files, and can
# name only what it was given.
#
#   demo.sh TASKFS
set -eu

taskfs=$(cd "$(dirname "$1")" && pwd)/${1##*/}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work"

# Shows the command as one would type it, then what it says.
show() {
    echo "\$ taskfs run $*"
    "$taskfs" run "$@"
}

echo "A program is a task: a directory of files, which it sees as /task/self."
show --inside ls /task/self
show --inside cat /task/self/status
show --inside --memlimit 16M cat /task/self/stat/mem
echo
echo "These are the names in its world; nothing else of this machine is there..."
show --inside ls /
if show --inside tally /srv/n 2>&1; then
    echo "demo.sh: it wrote where nothing was granted" >&2
    exit 1
fi
echo
echo "...until it is granted."
mkdir out
show --inside --dir out::/srv tally /srv/n 42
echo '$ cat out/n'
cat out/n
echo
echo "That was $taskfs; README.md goes on from here."
