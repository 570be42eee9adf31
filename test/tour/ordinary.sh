#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs a command as nobody, for root in a mount namespace of its own (unshare -m): the tree is at /mnt/top, which is
# where it starts, the build at /mnt/build, and /dev/fuse is one that everybody may open.
set -eu

mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/top /mnt/build
mount --bind "$TOP" /mnt/top
mount --bind "$BUILD" /mnt/build
mknod -m 666 /mnt/fuse c 10 229
mount --bind /mnt/fuse /dev/fuse
mkdir -m 777 /mnt/home
export TOP=/mnt/top BUILD=/mnt/build TASKFS=/mnt/build/taskfs HOME=/mnt/home TMPDIR=/mnt/home
cd "$TOP"
exec setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups "$@"
