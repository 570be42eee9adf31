#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Escape attempts by programs of the host on a mount (test/escape.sh): the current directory is the mount's root. One line an attempt that got
# through.
host=$1 tried=0 escaped=0

# refused NAME COMMAND...: it fails, and does not tell.
refused() {
    name=$1
    shift
    tried=$((tried + 1))
    if said=$("$@" 2>&1) || [ "$said" = secret ]; then
        echo "$name: $* $said"
        escaped=$((escaped + 1))
    fi
}
# same NAME WANTED GOT
same() {
    tried=$((tried + 1))
    [ "$2" = "$3" ] || { echo "$1: $3"; escaped=$((escaped + 1)); }
}

# Links that lead out, made by the host and by a task's side.
refused "an absolute link" cat g/absolute
refused "a relative link" cat g/relative
refused "a chain of links" cat g/chain
refused "a link to what is above" cat g/up/secret
refused "a link to what is above, by its path" cat g/top/secret
refused "a link from deeper" cat g/sub/climb/secret
refused "a slash behind a link" cat g/relative/
refused "a link that leads nowhere" sh -c 'echo x >g/dangling'
same "nothing was made" "" "$(ls -d "$host/made" 2>/dev/null)"

# A read-only grant.
exec 5<ro/f
refused "read-only" sh -c 'echo x >ro/f'
refused "read-only, by /proc/self/fd" sh -c 'echo x >/proc/self/fd/5'
refused "read-only, by dev/fd" sh -c 'echo x >dev/fd/5'
refused "read-only, appended" sh -c 'echo x >>ro/sub/../f'
refused "read-only, cut" truncate -s 0 ro/f
refused "read-only, linked out" ln ro/f g/rof
refused "read-only, linked out through a link" ln -L ro/f tmp/rof
refused "read-only, moved out" sh -c 'mv ro/f g/rof </dev/null'
refused "read-only, moved over" sh -c 'mv -f g/f ro/f </dev/null'
refused "read-only, removed" rm -f ro/f
refused "read-only, a directory" rmdir ro/empty
refused "read-only, made" mkdir ro/new
refused "read-only, times" touch -d @1 ro/f
refused "read-only, mode" chmod 0666 ro/f
refused "read-only, bound again" sh -c 'echo "bind -c /ro /rw" >task/1/ns/ctl; echo x >rw/f'
refused "read-only, its source" sh -c 'for k in task/1/ns/from/*; do echo x >$k/f; done; false'
same "it is as it was" file "$(cat "$host/ro/f")"
exec 5<&-

# A hidden name: through a directory that is open, a link, a second name, and what Linux has found before.
mkdir -p tmp/d/s
echo secret >tmp/d/s/f
ln tmp/d/s/f tmp/d/s/hard
ln -s /tmp/d/s tmp/absolute
ln -s d/s tmp/relative
cat tmp/d/s/f tmp/relative/f >/dev/null
cd tmp/d/s || exit 1
echo 'hide /tmp/d/s' >../../../task/1/ns/ctl
cd ../../..
refused "a hidden name" cat tmp/d/s/f
refused "a hidden name, by dots" cat tmp/d/../d/s/f
refused "a hidden name, by an absolute link" cat tmp/absolute/f
refused "a hidden name, by a relative link" cat tmp/relative/f
refused "a hidden name, linked" ln tmp/d/s/f tmp/f
refused "a hidden name, moved" mv tmp/d/s tmp/s
refused "what is above a hidden name, moved" mv tmp/d tmp/e
refused "a hidden name, bound" sh -c 'echo "bind /tmp/d/s /x" >task/1/ns/ctl'
refused "a hidden name, by a descriptor" sh -c 'echo "dup /tmp/d/s/f" >task/1/fd/30.ctl'
same "it is in no listing" "" "$(ls tmp/d)"

# What a task may not name, a host program does not reach in that task's view.
id=$(cat task/new)
refused "another view" cat "task/$id/task/1/status"
refused "a number with a sign" cat "task/+1/status"
same "a view" "$id new" "$(echo $(ls "task/$id/task"))"

echo "$escaped of $tried attempts got through"
[ $escaped = 0 ] && [ $tried -gt 30 ]
