# SPDX-License-Identifier: MIT
#
# For sessions that play blocks on a mounted root, which source this: skips them where that cannot be had.
[ -c /dev/fuse ] || { echo "no /dev/fuse here"; exit 77; }
[ -x "$BUILD/bin/hello" ] || { echo "no programs here (tools/setup.sh prog installs their compiler)"; exit 77; }
unshare --mount true 2>/dev/null || unshare --map-root-user --mount true 2>/dev/null || {
    echo "no mount namespaces here"
    exit 77
}
