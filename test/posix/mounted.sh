# SPDX-License-Identifier: MIT
#
# For sessions that try host programs on a mount: what they share. Such a session has two stages. The first, `on_a_mount SCRIPT`, runs
# SCRIPT again as root and as an ordinary user (or only as who runs it), each in a mount namespace of its own, with
#   base      an empty directory that an ordinary user may enter, on a tmpfs of its own where that is possible
#   taskfs    the command, copied there, and beside it what the first stage has put into $TEST_TMP/bin
#   disk      an empty directory on this machine's disk, where that is a plain one (ext4); else on the same tmpfs
# and adds up what they counted. Both at the same time. The second begins with `mount_start OPTION...`, which mounts at $base/mnt, and ends with `mount_end`.

mounted=test/posix/mounted.sh

# on_a_mount SCRIPT [who...]
on_a_mount() {
    [ -c /dev/fuse ] || { echo "no /dev/fuse here"; exit 77; }
    command -v fusermount3 >/dev/null || { echo "no fusermount3 here (tools/setup.sh installs it)"; exit 77; }
    if [ "$(id -u)" = 0 ]; then
        unshare --mount true 2>/dev/null || { echo "no mount namespaces here"; exit 77; }
        stages='root user'
    else
        (: <>/dev/fuse) 2>/dev/null || { echo "/dev/fuse cannot be opened by $(id -un)"; exit 77; }
        stages=self
    fi
    bases=
    trap 'kill $jobs 2>/dev/null; wait; rm -rf $bases' EXIT
    trap 'exit 130' INT TERM
    jobs=
    for stage in $stages; do
        base=$(mktemp -d /tmp/taskfs-test.XXXXXX) || exit 1
        bases="$bases $base"
        chmod 755 "$base"
        export base stage
        case $stage in
        self) sh "$1" ;;
        *) exec unshare --mount --propagation private sh "$1" ;;
        esac >"$TEST_TMP/$stage.out" 2>&1 </dev/null &
        jobs="$jobs $!"
    done
    for job in $jobs; do
        stage=${stages%% *} stages=${stages#* }
        wait "$job"
        code=$?
        grep -v '^[0-9]* passed, [0-9]* failed' "$TEST_TMP/$stage.out"
        grep '^[0-9]* passed, [0-9]* failed' "$TEST_TMP/$stage.out" >>"$TEST_TMP/sum"
        [ $code = 0 ] || { echo "$1 as $stage: exit code $code"; echo "0 passed, 1 failed" >>"$TEST_TMP/sum"; }
    done
    awk '{ p += $1; f += $3; s += $5 } END {
        printf "%d passed, %d failed%s\n", p, f, (s > 0 ? ", " s " skipped" : "")
        exit f > 0 || p == 0 }' "$TEST_TMP/sum"
}

# As root in a mount namespace of our own: a tmpfs, and /dev/fuse for everybody. Then goes on as $stage says.
mounted_stage() {
    [ -z "${mounted_ready-}" ] || return 0
    kind=$(stat -f -c %T "$TEST_TMP")
    if [ "$stage" != self ]; then
        mount -t tmpfs -o mode=755 tmpfs "$base" || exit 1
    fi
    mkdir "$base/bin" "$base/mnt" "$base/home" "$base/disk" "$base/work"
    cp "$TASKFS" "$base/bin/taskfs"
    [ ! -d "$TEST_TMP/bin" ] || cp "$TEST_TMP"/bin/* "$base/bin/"
    if [ "$stage" != self ] && [ "$kind" = ext2/ext3 ]; then
        mkdir -p "$TEST_TMP/disk.$stage"
        mount --bind "$TEST_TMP/disk.$stage" "$base/disk"
    fi
    taskfs=$base/bin/taskfs disk=$base/disk HOME=$base/home mounted_ready=yes
    unset XDG_CACHE_HOME XDG_CONFIG_HOME XDG_RUNTIME_DIR
    export taskfs disk HOME mounted_ready base stage
    [ "$stage" = user ] || return 0
    mknod -m 666 "$base/fuse" c 10 229 2>/dev/null && mount --bind "$base/fuse" /dev/fuse 2>/dev/null ||
        { echo "no /dev/fuse for an ordinary user"; echo "0 passed, 0 failed, 1 skipped"; exit 0; }
    chown -R 65534:65534 "$base/mnt" "$base/home" "$disk" "$base/work"
    exec setpriv --reuid=65534 --regid=65534 --clear-groups sh "$1"
}

mount_start() {
    "$taskfs" mount "$@" "$base/mnt" >"$base/home/mount.log" 2>&1 &
    door=$!
    trap mount_drop EXIT
    trap 'exit 130' INT TERM
    tries=0
    until mountpoint -q "$base/mnt"; do
        tries=$((tries + 1))
        if [ $tries -gt 300 ] || ! kill -0 $door 2>/dev/null; then
            echo "taskfs mount $*:"
            cat "$base/home/mount.log"
            exit 1
        fi
        sleep 0.1
    done
}

# Whatever happens, nothing stays mounted.
mount_drop() {
    [ -n "${door-}" ] || return 0
    cd /
    kill $door 2>/dev/null
    fusermount3 -u -z -q "$base/mnt" 2>/dev/null
    wait $door 2>/dev/null
}

# Unmounts as a user would; the command must then end well.
mount_end() {
    cd /
    fusermount3 -u "$base/mnt" || { echo "FAIL the mount is still in use"; return 1; }
    wait $door
    code=$?
    door=
    [ $code = 0 ] || { echo "FAIL taskfs mount ended with $code"; cat "$base/home/mount.log"; return 1; }
    [ ! -s "$base/home/mount.log" ] || sed 's/^/     taskfs mount said: /' "$base/home/mount.log"
}
