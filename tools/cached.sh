# SPDX-License-Identifier: MIT
#
# For scripts that fetch what tests need, once a machine (read with `.`): a directory in the cache, named by a hash of
# all that goes in, filled under another name and renamed when whole. A lock lets one script fill it at a time. Progress
# goes to standard error.
set -eu

tools=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/taskfs/build
machine=$(uname -m)

say() { printf '%s\n' "$(basename "$0"): $*" >&2; }
die() { say "$*"; exit 1; }
unavailable() { say "$*"; exit 77; }    # no registry, no tool: a reason to skip a test, where a wrong checksum is none

# pin NAME FIELD: 2 is the version, 3 the checksum.
pin() {
    awk -v name="$1" -v field="$2" '$1 == name { print $field; found = 1 } END { exit !found }' "$tools/pins" ||
        die "tools/pins does not know $1"
}

# cached NAME INPUTS COMMAND: prints the directory; COMMAND fills one that is given to it, and may leave files behind in the
# directory it runs in, which is thrown away.
cached() {
    dir=$cache/$1-$(printf '%s\n' "$2" | sha256sum | cut -c 1-16)
    if [ ! -d "$dir" ]; then
        mkdir -p "$cache"
        # In a shell of its own, so that its traps and the lock end with it. Nothing here may hang on its exit code but
        # `set -e`, which would be off in it.
        (
            flock -n 9 || { say "another one is at it: waiting"; flock 9; }
            [ ! -d "$dir" ] || exit 0
            work=$dir.$$
            trap 'rm -rf "$work"' EXIT
            trap 'exit 130' INT TERM
            mkdir "$work" "$work/whole" "$work/scratch"
            (cd "$work/scratch" && "$3" "$work/whole") >&2
            mv "$work/whole" "$dir"
        ) 9>"$cache/$1.lock"
    fi
    echo "$dir"
}
