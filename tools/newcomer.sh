#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Proves README.md: what is committed is cloned on a Debian that has nothing but make, git and this machine's cargo, and both
# of its commands run there; then `make run` as an ordinary user, in a folder with a blank in its name. By hand, as root: it
# makes the system with mmdebstrap, runs in it with mounts of its own, and throws it away. NEWCOMER_DIR=DIR keeps it there, and
# goes on with one that is there.
#
#   newcomer.sh [--lend] [COMMAND]      --lend: with this machine's wasm engine, which saves compiling it
#                                       COMMAND: instead of the above, in the clone, as root
set -eu

say() { echo "newcomer.sh: $*"; }
die() { say "$*" >&2; exit 1; }

# ---- inside: mounts that end with this process ----------------------------------------------------------------------

# What a container has for /dev.
devices() {
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    for node in null zero full random urandom tty; do
        : >"$root/dev/$node"
        mount --bind "/dev/$node" "$root/dev/$node"
    done
    mkdir "$root/dev/shm" "$root/dev/pts"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    [ ! -e /dev/fuse ] || mknod -m 666 "$root/dev/fuse" c 10 229        # open to all users, as udev makes it
    ln -s /proc/self/fd "$root/dev/fd"
    ln -s fd/0 "$root/dev/stdin"
    ln -s fd/1 "$root/dev/stdout"
    ln -s fd/2 "$root/dev/stderr"
}

# inside USER HOME COMMAND
inside() {
    mount --bind "$root" "$root"        # a file system's root, as it is in a container: programs unshare mounts there
    mount --bind "$rust" "$root/opt/rust"
    mount -o remount,bind,ro "$root/opt/rust"
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    devices
    # shellcheck disable=SC2046
    exec chroot "$root" setpriv --reuid "$1" --regid "$1" --init-groups env -i HOME="$2" TERM="${TERM:-dumb}" \
        $(env | grep -i '^[a-z]*_proxy=' || :) \
        PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -c "$3" </dev/null
}

if [ "${1-}" = --inside ]; then
    root=$2 rust=$3
    shift 3
    inside "$@"
fi

enter() { unshare --mount --propagation private "$self" --inside "$root" "$rust" "$@"; }

# ---- outside --------------------------------------------------------------------------------------------------------

make_root() {
    say "a Debian with make and git, in $root"
    mmdebstrap --quiet --variant=minbase --include=make,git,ca-certificates "${SUITE:-bookworm}" "$root"
    mkdir -p "$root/opt/rust" "$root/root/.cache/taskfs/build"
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    # Who stands behind certificates of their own does so here too.
    for file in /usr/local/share/ca-certificates/*.crt; do
        [ ! -e "$file" ] || cp "$file" "$root/usr/local/share/ca-certificates/"
    done
    enter root /root 'update-ca-certificates >/dev/null 2>&1'
    enter root /root 'useradd --create-home --shell /bin/sh ordinary'
}

lend_engine() {
    engine=$(tools/wasmtime.sh)
    cp -R "$engine" "$root/root/.cache/taskfs/build/"
}

# As someone who has no part in how the packages came there.
as_user() {
    home=$root/home/ordinary
    rm -rf "$home/.cache" "$home/a folder"
    mkdir -p "$home/a folder" "$home/.cache/taskfs/build"
    cp -R "$root"/root/.cache/taskfs/build/wasmtime-*/ "$home/.cache/taskfs/build/"
    git clone -q --no-local . "$home/a folder/taskfs"
    enter root /root 'chown -R ordinary:ordinary /home/ordinary'
    enter ordinary /home/ordinary 'cd "/home/ordinary/a folder/taskfs" && make run'
}

lend=
if [ "${1-}" = --lend ]; then
    lend=yes
    shift
fi
cd "$(dirname "$0")/.."
self=$PWD/tools/newcomer.sh command=${1-}
[ "$(id -u)" = 0 ] || die "run it as root: it makes a system and mounts its /proc"
command -v mmdebstrap >/dev/null || die "mmdebstrap is missing: apt-get install mmdebstrap"
rust=$(rustc --print sysroot 2>/dev/null) || die "rustc and cargo are missing (rustup.rs has them)"
if [ -n "${NEWCOMER_DIR-}" ]; then
    mkdir -p "$NEWCOMER_DIR"
    work=$(cd "$NEWCOMER_DIR" && pwd)
else
    work=$(mktemp -d /var/tmp/newcomer.XXXXXX)
    trap 'rm -rf --one-file-system "$work"' EXIT
    trap 'exit 130' INT TERM
fi
root=$work/root
[ -e "$root/home/ordinary" ] || make_root
rm -rf "$root/root/taskfs" "$root/srv/taskfs.git"
git clone -q --bare --no-local . "$root/srv/taskfs.git"
enter root /root 'git clone -q /srv/taskfs.git /root/taskfs'
[ -z "$lend" ] || lend_engine
if [ -n "$command" ]; then
    enter root /root "cd /root/taskfs && $command"
    exit
fi
say "make run"
enter root /root 'cd /root/taskfs && make run'
say "make test"
enter root /root 'cd /root/taskfs && make test'
say "make run, as an ordinary user"
as_user
say "both commands of README.md work"
