#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Where the wasm engine is: prints the directory that holds include/ and lib/, and makes it first if
# it is not there yet. Progress goes to standard error.
#
#   wasmtime.sh             the directory
#   wasmtime.sh --cflags    what a compiler needs
#   wasmtime.sh --libs      what a linker needs, as full paths
#
#   ENGINE=prebuilt         the library of PyPI's wheel, ready in seconds, instead of a build
#   WASMTIME_DIR=DIR        an unpacked release of the official C API, taken as it is
#
# The directory's name is a hash of all that goes in, so a change of any input makes a new one and
# leaves the old one to whoever uses it. It is filled under another name and renamed when whole.
# A lock lets one script build at a time; the object files of an interrupted build are kept.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
crate=$here/wasmtime
cache=${XDG_CACHE_HOME:-$HOME/.cache}/taskfs/build
machine=$(uname -m)
engine=${ENGINE:-build}

say() { printf '%s\n' "wasmtime.sh: $*" >&2; }
die() { say "$*"; exit 1; }

pin() {
    awk -v name="$1" -v field="$2" '$1 == name { print $field; found = 1 } END { exit !found }' \
        "$here/pins" || die "tools/pins does not know $1"
}

# Succeeds if version $1 is at least $2.
version_reaches() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

cargo_version() { cargo --version 2>/dev/null | awk '{ print $2 }'; }

need_cargo() {
    have=$(cargo_version || true)
    if [ -n "$have" ] && version_reaches "$have" "$1"; then
        return
    fi
    say "the wasm engine needs cargo $1 or newer; this machine has ${have:-none}."
    say "Get one with rustup (see rustup.rs), or with your distribution's package:"
    say "    apt-get install rustup && rustup default stable"
    say "or take a built engine: ENGINE=prebuilt (needs cargo 1.82 for its headers),"
    die "or unpack an official wasmtime C API release and set WASMTIME_DIR to it."
}

crate_file() {
    ls "${CARGO_HOME:-$HOME/.cargo}"/registry/cache/*/"wasmtime-c-api-impl-$1.crate" 2>/dev/null |
        head -n 1
}

# The C headers, out of the crate's own package, into $1. $2: the features that are on, one a line.
install_headers() {
    version=$(pin wasmtime-c-api-impl 2)
    package=$(crate_file "$version")
    [ -n "$package" ] || die "cargo has not kept wasmtime-c-api-impl-$version.crate"
    echo "$(pin wasmtime-c-api-impl 3)  $package" | sha256sum --check --quiet >&2 ||
        die "$package is not the package that tools/pins names"
    tar -xzf "$package" -C "$1" --strip-components=1 "wasmtime-c-api-impl-$version/include"
    conf=$1/include/wasmtime/conf.h
    for feature in $2; do
        name=$(printf '%s' "$feature" | tr 'a-z-' 'A-Z_')
        printf 's/^#cmakedefine WASMTIME_FEATURE_%s$/#define WASMTIME_FEATURE_%s/\n' "$name" "$name"
    done > "$1/features.sed"
    sed -f "$1/features.sed" -e 's/^#cmakedefine \(.*\)$/\/\* #undef \1 \*\//' "$conf.in" > "$conf"
    rm "$1/features.sed"
}

# The features that the wrapper crate asks for.
crate_features() {
    sed -n '/^features = \[/,/^\]/s/^ *"\([a-z-]*\)",$/\1/p' "$crate/Cargo.toml"
}

# The wheel's library is built with the default features, and they are all but two.
wheel_features() {
    version=$(pin wasmtime-c-api-impl 2)
    tar -xzOf "$(crate_file "$version")" "wasmtime-c-api-impl-$version/cmake/features.cmake" |
        sed -n 's/^feature(\([a-z0-9-]*\) ON)$/\1/p'
}

build_engine() {
    target=$cache/wasmtime-target
    host=$(rustc -vV | awk '/^host:/ { print $2 }')
    say "building the wasm engine once, about six minutes on two cores..."
    # The crate's build script only installs the headers, with cmake. Naming the result here, as
    # cargo provides for packages with a "links" key, spares that script and cmake.
    (cd "$crate" && cargo build --release --locked --target-dir "$target" \
        --config "target.$host.wasmtime-c-api.include=\"none\"" >&2) ||
        die "the wasm engine did not build"
    mkdir "$1/lib"
    cp "$target/release/libwasmtime.a" "$1/lib/"
    install_headers "$1" "$(crate_features)"
    rm -rf "$target"
}

need_pip() {
    python3 -m pip --version >/dev/null 2>&1 || "$here/setup.sh" pip >&2 ||
        die "without pip, leave out ENGINE=prebuilt"
}

fetch_wheel() {
    need_cargo 1.82
    need_pip
    say "taking the engine from PyPI's wasmtime wheel"
    mkdir "$1/wheel" "$1/lib"
    printf 'wasmtime==%s --hash=sha256:%s\n' "$(pin "wasmtime-wheel-$machine" 2)" \
        "$(pin "wasmtime-wheel-$machine" 3)" > "$1/wheel/requirements"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --require-hashes --requirement "$1/wheel/requirements" --dest "$1/wheel" >&2 ||
        die "the wasmtime wheel could not be had"
    python3 -m zipfile -e "$1"/wheel/*.whl "$1/wheel/files"
    mv "$1"/wheel/files/wasmtime/linux-*/_libwasmtime.so "$1/lib/libwasmtime.so"
    rm -r "$1/wheel"
    (cd "$1" && cargo info --quiet "wasmtime-c-api-impl@$(pin wasmtime-c-api-impl 2)" >/dev/null) ||
        die "the engine's headers could not be had"
    install_headers "$1" "$(wheel_features)"
}

# Everything that decides what the directory holds. layout stands for this script: count it up with
# a change here that makes other contents, so that a change of words does not cost six minutes.
inputs() {
    echo "$engine $machine layout=1"
    grep '^wasmtime-' "$here/pins"
    if [ "$engine" = build ]; then
        cat "$crate/Cargo.toml" "$crate/Cargo.lock" "$crate/src/lib.rs"
        rustc -vV
    fi
}

# Fills a directory of another name and renames it. The caller holds the lock.
make_engine() {
    work=$dir.$$
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM
    mkdir "$work"
    if [ "$engine" = build ]; then
        build_engine "$work"
    else
        fetch_wheel "$work"
    fi
    mv "$work" "$dir"
    say "the wasm engine is ready"
}

# Sets dir, and makes what is in it.
find_engine() {
    if [ -n "${WASMTIME_DIR:-}" ]; then
        dir=$WASMTIME_DIR
        [ -f "$dir/include/wasmtime.h" ] || die "$dir holds no include/wasmtime.h"
        return
    fi
    case $engine in
    build) need_cargo "$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$crate/Cargo.toml")" ;;
    prebuilt) ;;
    *) die "ENGINE is build or prebuilt, not $engine" ;;
    esac
    dir=$cache/wasmtime-$(inputs | sha256sum | cut -c 1-16)
    if [ -d "$dir" ]; then
        return
    fi
    mkdir -p "$cache"
    # In a shell of its own, so that its traps and the lock end with it.
    (
        flock -n 9 || { say "another build of the engine is under way: waiting"; flock 9; }
        [ -d "$dir" ] || make_engine
    ) 9> "$cache/wasmtime-$engine.lock"
}

print_libs() {
    if [ -f "$dir/lib/libwasmtime.a" ]; then
        echo "$dir/lib/libwasmtime.a -lpthread -ldl -lm"
    else
        echo "$dir/lib/libwasmtime.so -Wl,-rpath,$dir/lib -lpthread -ldl -lm"
    fi
}

find_engine
case ${1:-} in
'') echo "$dir" ;;
--cflags) echo "-I$dir/include" ;;
--libs) print_libs ;;
*) die "usage: wasmtime.sh [--cflags|--libs]" ;;
esac
