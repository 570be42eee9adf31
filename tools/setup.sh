#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs what is missing on a Debian or Ubuntu machine, and says so; quiet when nothing is. Whatever was already there, from
# wherever, is left alone: a group is judged by commands and files, not by packages.
#
#   setup.sh [GROUP...]     build check web prog go pip fuzz lint; without a word all but the last three
set -eu

missing=

# need PACKAGES THING...: a thing is a command, or the path of a file (a pattern).
need() {
    packages=$1
    shift
    for thing do
        case $thing in
        /*) for file in $thing; do [ -e "$file" ] || missing="$missing $packages"; done ;;
        *) command -v "$thing" >/dev/null || missing="$missing $packages" ;;
        esac
    done
}

group() {
    case $1 in
    build)
        need gcc gcc
        need libc6-dev /usr/include/pthread.h
        need make make
        need binutils ar
        need pkg-config pkg-config
        need util-linux setarch flock
        need libb2-dev /usr/include/blake2.h
        need libfuse3-dev /usr/include/fuse3/fuse_lowlevel.h
        need fuse3 fusermount3
        need ca-certificates /etc/ssl/certs/ca-certificates.crt
        ;;
    check)
        need clang-format clang-format
        need groff-base groff
        need procps pgrep
        need git git
        need patch patch
        need rsync rsync
        need sqlite3 sqlite3
        need vim vim
        need bsdutils script
        need bash-completion /usr/share/bash-completion/bash_completion
        need zsh zsh
        need fish fish
        ;;
    web)
        need emscripten emcc
        need nodejs node
        need npm npm
        need chromium chromium
        ;;
    prog)                               # programs for tasks: C to wasm32-wasi, and the text form
        need clang-19 clang-19
        need lld-19 wasm-ld-19
        need libclang-rt-19-dev-wasm32 '/usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a'
        need wasi-libc /usr/include/wasm32-wasi/stdio.h
        need wabt wat2wasm
        ;;
    go)                                 # any go fetches the one that builds the tests
        need golang-go go
        ;;
    pip)                                # for ENGINE=prebuilt
        need python3-pip pip3
        ;;
    fuzz)
        need clang-19 clang-19
        need libclang-rt-19-dev '/usr/lib/llvm-19/lib/clang/19/lib/linux/libclang_rt.fuzzer-*.a'
        ;;
    lint)
        need clang-tidy clang-tidy
        ;;
    *)
        echo "setup.sh: build, check, web, prog, go, pip, fuzz and lint are the groups, not $1" >&2
        exit 2
        ;;
    esac
}

for name in ${*:-build check web prog go}; do
    group "$name"
done
missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
missing=${missing% }
[ -n "$missing" ] || exit 0

echo "setup.sh: installing $missing"
if ! command -v apt-get >/dev/null; then
    echo "setup.sh: no apt-get here; please install these, or what your system calls them, by hand" >&2
    exit 1
fi
as_root=
if [ "$(id -u)" != 0 ]; then
    as_root=sudo
    command -v sudo >/dev/null || {
        echo "setup.sh: no sudo here; as root, please: apt-get update && apt-get install --no-install-recommends $missing" >&2
        exit 1
    }
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >"$log" 2>&1
}
if ! install; then
    echo "setup.sh: the package lists may be old: apt-get update"
    $as_root apt-get update -q >"$log" 2>&1 || { tail -n 20 "$log" >&2; exit 1; }
    install || { tail -n 20 "$log" >&2; exit 1; }
fi
echo "setup.sh: done"
