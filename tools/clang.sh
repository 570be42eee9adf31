#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A C compiler that is a WASI program, for tests: prints the directory that holds clang, wasm-ld (one program, which
# goes by the name it is called by) and resources.tar, their headers and libraries. Fetched from npm once a machine.
. "$(dirname "$0")/cached.sh"

package=yowasp-clang

fetch() {
    command -v npm >/dev/null || unavailable "npm is missing (tools/setup.sh web installs it)"
    say "fetching clang as a WASI program"
    npm pack --silent --pack-destination . "@yowasp/clang@$(pin $package 2)" >/dev/null ||
        unavailable "npm could not fetch it"
    echo "$(pin $package 3)  $(ls ./*.tgz)" | sha256sum --check --quiet || die "it is not the package that tools/pins names"
    tar -xzf ./*.tgz package/gen/llvm.core.wasm package/gen/llvm-resources.tar package/package.json
    mv package/gen/llvm.core.wasm "$1/clang"
    ln "$1/clang" "$1/wasm-ld"
    mv package/gen/llvm-resources.tar "$1/resources.tar"
    mv package/package.json "$1/"
}

cached clang "layout=1 $(grep "^$package " "$tools/pins")" fetch
