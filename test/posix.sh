#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The rules of test/posix/ for a file system, on a mount: its tmpfs and a directory of the host, as root and as an ordinary user; and
# first on a tmpfs of the host, where nothing may differ, so that the rules themselves are right.
# Seconds: 100
set -u

. test/posix/mounted.sh
if [ -z "${stage-}" ]; then
    flags='-std=c11 -O1 -Wall -Wextra -Wshadow -Werror -pthread'
    mkdir "$TEST_TMP/bin"
    cc $flags -o "$TEST_TMP/bin/posix" test/posix/*.c || exit 1
    on_a_mount "$0"
    exit
fi
mounted_stage "$0"

# rules WHERE ARGUMENT...: under the name of the stage.
rules() {
    where=$1
    shift
    "$base/bin/posix" --twin "$base/work/twin" "$@" >"$base/home/rules.out" 2>&1 || echo "$0: $where as $stage:"
    cat "$base/home/rules.out"
}

mkdir "$base/work/host" "$base/work/twin" "$base/work/readonly" "$base/work/readonly/dir" "$disk/rules"
printf 'read only' >"$base/work/readonly/file"
: >"$base/work/readonly/dir/x"
ln -s file "$base/work/readonly/link"
[ "$stage" = self ] || rules "the host's tmpfs" --host "$base/work/host"
mount_start --dir "$disk/rules::/host" --dir "$base/work/readonly::/readonly:ro"
cat "$base/mnt/dev/objects" >"$base/home/before"
rules "tmpfs" --tmpfs --readonly "$base/mnt/readonly" "$base/mnt/tmp"
rules "a host directory" --dir --readonly "$base/mnt/readonly" "$base/mnt/host"

# Nothing is left of all that, once what Linux has forgotten is put away.
for tries in $(seq 200); do
    cat "$base/mnt/dev/objects" >"$base/home/after"
    ! cmp -s "$base/home/before" "$base/home/after" || break
    sleep 0.1
done
if diff "$base/home/before" "$base/home/after"; then
    echo "1 passed, 0 failed"
else
    echo "FAIL objects are left as $stage"
    echo "0 passed, 1 failed"
fi
mount_end || exit 1
