#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Tests of Go's standard library as WASI programs: prints the directory that holds PACKAGE.test.wasm for each, and in
# goroot/ the sources that they run beside. Built once a machine, in a minute or two, by a toolchain that is fetched as a
# module (any go can, Debian's too, which is too old to build them itself) and not kept.
. "$(dirname "$0")/cached.sh"

packages="os io bufio strings time"
pin=go-toolchain-$machine
known=$(grep "^$pin " "$tools/pins") || unavailable "tools/pins has no go toolchain for $machine"

# What the toolchain calls this machine.
arch() {
    case $machine in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    esac
}

# The toolchain, below mod/. Its checksum is ours, so no data base of checksums is asked.
fetch() {
    module=golang.org/toolchain@v0.0.1-go$(pin "$pin" 2).linux-$(arch)
    say "fetching go $(pin "$pin" 2)"
    GOTOOLCHAIN=local GOFLAGS="-mod=mod -modcacherw" GONOSUMDB=golang.org/toolchain GOMODCACHE=$PWD/mod \
        go mod download -json "$module" >answer || { cat answer; unavailable "go could not fetch it"; }
    grep -qF "\"Sum\": \"$(pin "$pin" 3)\"" answer || die "it is not the module that tools/pins names"
    goroot=$PWD/mod/$module
    chmod +x "$goroot"/bin/* "$goroot"/pkg/tool/*/*     # modules have no such modes
}

build() {
    command -v go >/dev/null || unavailable "go is missing (tools/setup.sh go installs it)"
    fetch
    export GOENV=off GOWORK=off
    mkdir -p "$1/goroot/src" "$1/goroot/lib"
    find "$goroot" -maxdepth 1 -type f -exec cp {} "$1/goroot/" \;
    cp -R "$goroot/lib/time" "$1/goroot/lib/"
    for name in $packages; do
        say "building the tests of $name"
        GOROOT=$goroot GOTOOLCHAIN=local GOFLAGS= GOCACHE=$PWD/build GOOS=wasip1 GOARCH=wasm \
            "$goroot/bin/go" test -c -o "$1/$name.test.wasm" "$name" || die "they did not build"
        cp -R "$goroot/src/$name" "$1/goroot/src/"
    done
}

cached go-tests "layout=2 $packages $known" build
