#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs a program of this machine where the names of a mounted root are what they are for a task: /task, /cap and /tmp.
# For `taskfs mount`, which says in TASKFS_MOUNT where it is:
#
#     taskfs mount DIR tools/enter.sh bash
#
# The program gets a root of its own, in a mount namespace of its own: /taskfs is the whole of the mounted root, and
# where the program starts; /host is the whole of this machine; every other name is this machine's. So /bin/ls is the
# host's, and /taskfs/bin/ls the task's. As root, or as anybody where the system lets users have namespaces (unshare
# -rm). 125: it does not.
set -eu

die() {
    echo "enter.sh: $*" >&2
    exit 125
}

ours='/cap /host /task /taskfs /tmp'

# The host's NAME is below the new root, too: links as they are, whatever else is there by a mount.
lend() {
    if [ -L "$1" ]; then
        cp -P "$1" "$root$1"
    elif [ -d "$1" ]; then
        mkdir "$root$1"
        mount --rbind "$1" "$root$1"
    elif [ -f "$1" ]; then
        : >"$root$1"
        mount --bind "$1" "$root$1"
    fi
}

# The new root is mounted over the very directory that it shows: that needs no other directory, and nothing is left of
# it. What is under it is still the current directory of this process, and of mount.
arrange() {
    root=$TASKFS_MOUNT
    mount -t tmpfs -o mode=755 taskfs "$root"
    # shellcheck disable=SC2086
    (cd "$root" && for name in $ours; do mkdir ".$name"; done)
    mount -c --bind /proc/self/cwd "$root/taskfs"
    for name in cap task tmp; do
        mount -c --bind "/proc/self/cwd/$name" "$root/$name"
    done
    mount --rbind / "$root/host"
    for name in /*; do
        case " $ours " in *" $name "*) ;; *) lend "$name" ;; esac
    done
    mount -o remount,bind,ro "$root"        # what was written to / would be lost
}

if [ "${1-}" != --arrange ]; then
    [ -n "${TASKFS_MOUNT-}" ] || die "taskfs mount DIR $0 COMMAND: is how it is used"
    [ $# -gt 0 ] || die "which COMMAND?"
    self=$(cd "$(dirname "$0")" && pwd)/enter.sh
    uid=$(id -u) gid=$(id -g)
    cd "$TASKFS_MOUNT"
    command -v unshare >/dev/null || die "unshare is missing (util-linux)"
    [ "$uid" = 0 ] || exec unshare --map-root-user --mount sh "$self" --arrange "$uid" "$gid" "$@"
    exec unshare --mount sh "$self" --arrange 0 0 "$@"
fi

uid=$2 gid=$3
shift 3
arrange
root=$TASKFS_MOUNT
export TASKFS_MOUNT=/taskfs
# A user is the same user again, by a namespace within: root was only for the mounts.
[ "$uid" = 0 ] || exec unshare --map-user="$uid" --map-group="$gid" --root="$root" --wd=/taskfs -- "$@"
exec unshare --root="$root" --wd=/taskfs -- "$@"
