#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The FUSE mount seen from outside: what blocks and how it ends, control lines, links, names that change, locks, and that nothing is
# left of it. As root and as an ordinary user.
# Seconds: 200
set -u

. test/posix/mounted.sh
if [ -z "${stage-}" ]; then
    mkdir "$TEST_TMP/bin"
    cc -std=c11 -O1 -Wall -Wextra -Werror -o "$TEST_TMP/bin/probe" test/fuse/fuse_probe.c || exit 1
    on_a_mount "$0"
    exit
fi
mounted_stage "$0"
passed=0 failed=0
probe=$base/bin/probe mnt=$base/mnt out=$base/home/out
export LC_ALL=C

# is NAME WANTED GOT
is() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        printf 'FAIL %s as %s: %s, not %s\n' "$1" "$stage" "$3" "$2"
        failed=$((failed + 1))
    fi
}

# comes COMMAND...: succeeds within twenty seconds (times TEST_STRETCH).
comes() {
    tries=$((200 * ${TEST_STRETCH:-1}))
    until "$@" 2>/dev/null; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.1
    done
}
# come NAME COMMAND...: and that is a check.
come() {
    name=$1
    shift
    comes "$@"
    is "$name" 0 $?
}

gone() { ! kill -0 "$1"; }
state() { sed 's/.*) \(.\).*/\1/' "/proc/$1/stat"; }
# For long: every request is a short sleep.
sleeps() { [ "$(state "$1")" = S ] && sleep 0.2 && [ "$(state "$1")" = S ]; }
begun() { [ "$(head -n 1 "$out" 2>/dev/null)" = . ]; }
rest() { sed 1d "$out"; }
threads() { sed -n 's/^Threads:[^0-9]*//p' "/proc/$door/status"; }
# fails WORDS COMMAND...: it fails and says so.
fails() {
    words=$1
    shift
    said=$("$@" 2>&1) && { echo "no failure"; return; }
    case $said in
    *"$words"*) echo ok ;;
    *) echo "$said" ;;
    esac
}
objects() { cat "$mnt/dev/objects"; }
as_before() { objects | cmp -s - "$base/home/objects"; }
new_task() { cat task/new; }

mkdir -p "$base/work/host/below/mnt"
echo host >"$base/work/host/file"
ln -s ../../../../../../../../../etc/passwd "$base/work/host/below/up"
# What is granted has the mount point below it.
mount_start --dir "$base/work/host::/host" --dir "$base::/all"
(cd "$mnt" && ls -lR . && find . -type f) >"$base/home/list" 2>&1
is "everything can be listed" 0 $?
cd "$mnt" || exit 1

# ---- listings

is "a listing says nothing of loops" "" "$(grep -i 'loop\|already\|cannot' "$base/home/list")"
is "the mount is not found in itself" "" "$(ls all/mnt)"
is "the root" "all bin cap dev host task tmp" "$(ls | tr '\n' ' ' | sed 's/ $//')"
is "numbers are the same in listings and in stat" "$(stat -c '%i %n' dev/null task/1 tmp | sort)" \
    "$( (ls -1i dev; ls -1i task; ls -1i) | sed 's/^ *//' | awk '{ n = $2 == "null" ? "dev/null" : $2 == 1 ? "task/1" : $2 }
        n ~ /^(dev.null|task.1|tmp)$/ { print $1, n }' | sort)"
is "one file, one number" "$(stat -c %i task/1/ctl)" "$(stat -c %i task/1/task/1/ctl)"
is "control files and streams are empty plain files" "regular empty file 0 0" "$(stat -c '%F %s %b' task/1/events)"
is "a character device too" "regular empty file" "$(stat -c %F dev/zero)"
is "which can be read" 5 "$(head -c 5 dev/zero | wc -c)"
is "the mount's kind" "taskfs fuse.taskfs" "$(findmnt -n -o SOURCE,FSTYPE "$mnt" | tr -s ' ')"
is "no set-user-ID, no devices" "nodev nosuid" \
    "$(findmnt -n -o OPTIONS "$mnt" | tr , '\n' | grep -x 'nodev\|nosuid' | sort | tr '\n' ' ' | sed 's/ $//')"
# What a listing has shown is let go of when it was idle for a while.
settled() { objects >"$base/home/objects" && sleep 2.5 && as_before; }
come "idle names cost nothing" settled

# ---- what blocks, and ^C

id=$(new_task)
$probe read "task/$id/wait" >"$out" & pid=$!
come "a reader of wait is about to read" begun
come "and sleeps" sleeps $pid
kill -USR1 $pid
wait $pid
is "an interrupted read" EINTR "$(rest)"
cat "task/$id/wait" >"$out" 2>&1 & pid=$!
come "cat waits" sleeps $pid
kill -INT $pid 2>/dev/null
kill -TERM $pid
wait $pid
is "^C ends cat" 143 $?

pipe=$(cat cap/new/pipe)
exec 4>"cap/$pipe/w"
$probe read "cap/$pipe/r" >"$out" & pid=$!
comes begun
come "a reader of a pipe sleeps" sleeps $pid
kill -USR1 $pid
wait $pid
is "an interrupted read of a pipe" EINTR "$(rest)"
exec 5<"cap/$pipe/r"
printf 'hello\n' >&4
read -r line <&5
is "has taken nothing" hello "$line"
# More than a pipe holds: the writer waits until somebody reads.
head -c 200000 /dev/zero >&4 & pid=$!
come "a writer to a full pipe sleeps" sleeps $pid
is "all of it comes" 200000 "$(head -c 200000 <&5 | wc -c)"
wait $pid
is "the writer ends well" 0 $?
# Two that share an open file: who waits second can be killed as well.
cat <&5 >"$out" & first=$!
cat <&5 >"$out" & second=$!
come "two readers of one open file sleep" sleeps $first
come "both" sleeps $second
kill -TERM $second
come "the second can be killed" gone $second
kill -TERM $first
come "and the first" gone $first
exec 4>&-
is "no writer: the end" 0 "$(wc -c <&5)"
exec 5<&-
rmdir "cap/$pipe"

# A tap: what a task writes is seen from outside, here by a descriptor that is given away before the start.
is "the unstarted task's descriptors" "0 0.ctl 1 1.ctl 2 2.ctl" "$(ls "task/$id/fd" | tr '\n' ' ' | sed 's/ $//')"
echo 'dup /tmp/out' >"task/$id/fd/1.ctl"
is "a line to fd/1.ctl is done" "path /tmp/out" "$(head -n 1 "task/$id/fd/1.ctl")"

# ---- a thousand readers hold no thread

before=$(threads)
$probe many 1000 "task/$id/wait" >"$out" & pid=$!
come "a thousand are about to read" begun
comes sleeps $pid
is "they hold no thread" "$before" "$(threads)"
rmdir "task/$id"
wait $pid
is "all hear of the end" "0 read, 1000 failed" "$(rest)"

# ---- control lines

id=$(new_task)
is "a bad line fails the write" "write EINVAL close 0" "$($probe close "task/$id/ctl" 'bogus
')"
is "its words" "bogus: there is no such verb" "$(cat "task/$id/error")"
is "a bad line without an end fails the close" "write 5 close EINVAL" "$($probe close "task/$id/ctl" bogus)"
is "a good one is done by close" "write 5 write 1 close 0" "$($probe close "task/$id/ctl" 'nice ' 7)"
is "at once" "nice 7" "$(grep nice "task/$id/stat/cpu")"
is "a copy that another process closes ends no line" "write 5 close 0 write 3 close 0" "$($probe share "task/$id/ctl" 'nice ' '19
')"
is "what came before and after is one line" "nice 19" "$(grep nice "task/$id/stat/cpu")"
exec 3>"task/$id/ctl"
printf nice >&3
/usr/bin/printf ' ' >&3
printf '1' >&3
is "a line of several commands is not done yet" "nice 19" "$(grep nice "task/$id/stat/cpu")"
exec 3>&-
is "until its descriptor is closed" "nice 1" "$(grep nice "task/$id/stat/cpu")"
(/usr/bin/printf 'nice '; /usr/bin/printf 1; /usr/bin/printf 2) >"task/$id/ctl"
is "nor one that commands of a subshell write" "nice 12" "$(grep nice "task/$id/stat/cpu")"
exec 3>"task/$id/ctl"
/usr/bin/printf 'nice 13' >"task/$id/ctl"
is "who has the file open a second time is in nobody's way" "nice 13" "$(grep nice "task/$id/stat/cpu")"
exec 3>&-
printf 'A=1\nB=two words\n' >"task/$id/env"
is "two lines in one write" 1 "$(grep -c '^B=two words$' "task/$id/env")"
is "a line over 64 KiB" "E2BIG" \
    "$($probe close "task/$id/ctl" "$(head -c 65000 /dev/zero | tr '\0' a)" "$(head -c 65000 /dev/zero | tr '\0' a)" | cut -d' ' -f4)"

# One waits for a lock in this very file; another's line gets through.
echo 'dup /tmp/locked rw' >"task/$id/fd/3.ctl"
echo 'lock w' >"task/$id/fd/3.ctl"
other=$(new_task)
echo 'dup /tmp/locked rw' >"task/$other/fd/3.ctl"
echo 'lock w' >"task/$other/fd/3.ctl" & pid=$!
come "the second lock waits" sleeps $pid
echo 'flags append' >"task/$other/fd/3.ctl"
is "another line gets through meanwhile" "ok" "$(grep -q append "task/$other/fd/3.ctl" && echo ok)"
is "the first still waits" S "$(state $pid)"
echo 'lock u' >"task/$id/fd/3.ctl"
wait $pid
is "and has its turn" 0 $?
echo 'lock w' >"task/$id/fd/3.ctl" & pid=$!
come "the other way round it waits, too" sleeps $pid
kill -TERM $pid
wait $pid
is "and can be killed" 143 $?
# Without a newline it is close(2) that waits.
printf 'lock w' >"task/$id/fd/3.ctl" & pid=$!
come "a line without an end waits in close" sleeps $pid
kill -TERM $pid
wait $pid
is "and is given up with it" 143 $?
$probe close "task/$id/fd/3.ctl" 'flags append
lock w
' >"$out" & pid=$!
come "a second line waits" sleeps $pid
kill -USR1 $pid
wait $pid
is "interrupted, the first was written" "write 13 close 0" "$(cat "$out")"
echo close >"task/$other/fd/3.ctl"
is "nobody took the lock after he was gone" 0 "$(flock -n tmp/locked true; echo $?)"
echo 'lock w' >"task/$id/fd/3.ctl"
is "closing lets go of the lock" 0 $?

# flock(2) and the tasks' locks are the same ones.
is "flock sees what a task has locked" 1 "$(flock -n tmp/locked true; echo $?)"
echo close >"task/$id/fd/3.ctl"
exec 6<tmp/locked
flock -x 6
is "flock of a file that is open for reading" 0 $?
is "is exclusive" 1 "$(flock -n tmp/locked true; echo $?)"
echo 'dup /tmp/locked rw' >"task/$id/fd/3.ctl"
echo 'lock r' >"task/$id/fd/3.ctl" & pid=$!
come "a task waits for it" sleeps $pid
flock -u 6
wait $pid
is "and gets it" 0 $?
exec 6<&-

# fd/0: who writes while it is full cannot be in the way of the next.
head -c 300000 /dev/zero >"task/$other/fd/0" & first=$!
full() { [ "$($probe poll "task/$other/fd/0" out 0 | sed 1d)" = nothing ]; }
come "fd/0 is full" full
come "its writer sleeps" sleeps $first
echo x >"task/$other/fd/0" & second=$!
come "the next sleeps as well" sleeps $second
kill -TERM $second
wait $second
is "and can be killed" 143 $?
is "the first waits on" S "$(state $first)"
kill -TERM $first
wait $first 2>/dev/null
is "until it is killed" 143 $?
rmdir "task/$id" "task/$other"
is "removed tasks are gone" "1 new self" "$(ls task | tr '\n' ' ' | sed 's/ $//')"

# ---- poll

pipe=$(cat cap/new/pipe)
is "poll of an empty pipe" nothing "$(exec 4>"cap/$pipe/w"; $probe poll "cap/$pipe/r" in 100 | sed 1d)"
exec 4>"cap/$pipe/w"
$probe poll "cap/$pipe/r" in 60000 >"$out" & pid=$!
comes begun
come "poll sleeps" sleeps $pid
echo x >&4
wait $pid
is "and is told" in "$(rest)"
exec 5<"cap/$pipe/r"
is "a pipe can be written to" out "$($probe poll "cap/$pipe/w" out 60000 | sed 1d)"
exec 5<&-
exec 4>&-
rmdir "cap/$pipe"
id=$(new_task)
$probe poll "task/$id/wait" in 60000 >"$out" & pid=$!
comes begun
comes sleeps $pid
rmdir "task/$id"
wait $pid
is "poll of wait is told of the end" in "$(rest | cut -c1-2)"

# ---- symbolic links lead out of nowhere

mkdir -p tmp/a/b
link() { ln -s "$1" tmp/a/b/l && readlink tmp/a/b/l; rm tmp/a/b/l; }
is "an absolute target is below the mount" "$mnt/etc/passwd" "$(link /etc/passwd)"
is "what begins with the mount point reads as written" "$mnt/tmp" "$(link "$mnt/tmp")"
is "the mount point itself" "$mnt" "$(link "$mnt")"
is "no further up than the mount" ../../../x "$(link ../../../../../../x)"
is "nor behind a name" ../../../x "$(link y/../../../../../../x)"
is "harmless ones are left alone" ../../b/./c "$(link ../../b/./c)"
is "a host's link is cut, too" ../../etc/passwd "$(readlink host/below/up)"
ln -s ../../../../../../../../../../etc tmp/a/out
is "and leads nowhere" "ok" "$(fails 'No such file' cat tmp/a/out/passwd)"

# ---- names that change

mkdir tmp/a/b/c
is "who works in a directory that is renamed goes on" "$mnt/tmp/z/b/c in" \
    "$(cd tmp/a/b/c && mv ../../../a ../../../z && echo in >f && echo "$(pwd -P) $(cat f)")"
is "as does what it is called now" in "$(cat tmp/z/b/c/f)"
is "a name that is idle for long is the same directory" in "$(cd tmp/z/b && sleep 3 && cat c/f)"
is "an open file outlives its name" "0 links, 1 bytes, x" "$($probe gone tmp/unnamed)"
echo old >tmp/seen
is "a change is seen by who has the file open" "read new, mapped new" "$($probe see tmp/seen NEW 'printf NEW >tmp/seen')"
is "and one of the same size" "read new, mapped new" "$($probe see tmp/seen ABC 'printf ABC >tmp/seen')"
echo 'dup /tmp/appended a' >"task/1/fd/9.ctl"
echo one >>tmp/appended
echo two >>tmp/appended
is "appending" "one two" "$(cat tmp/appended | tr '\n' ' ' | sed 's/ $//')"
echo close >task/1/fd/9.ctl
is "a name that is there" ok "$(fails 'File exists' mkdir tmp/z)"
is "an owner that cannot be had" ok "$(fails 'not permitted' chown 12345 tmp/z 2>&1)"
is "no devices" ok "$(fails 'not permitted' mkfifo tmp/fifo)"
is "extended attributes" 0 "$(cp --preserve=all tmp/seen tmp/seen2; echo $?)"

# ---- data

head -c 20000000 /dev/urandom >"$base/work/big"
cp "$base/work/big" tmp/big
is "twenty megabytes" 0 "$(cmp "$base/work/big" tmp/big; echo $?)"
truncate -s 1000 tmp/big
is "cut" "$(head -c 1000 "$base/work/big" | cksum)" "$(cksum <tmp/big)"
fallocate -l 2000 tmp/big
is "made longer" 2000 "$(stat -c %s tmp/big)"
is "what df says of it" 1 "$(df --output=size tmp | sed 1d | awk '{ print ($1 > 0) }')"
rm -r tmp/*

# ---- nothing is left

cd /
come "the objects are as before" as_before
as_before || objects | diff "$base/home/objects" -
cat "$mnt/task/1/events" >"$out" 2>&1 & pid=$!
comes sleeps $pid
is "what is in use is not unmounted" ok "$(fails busy fusermount3 -u "$mnt")"
kill -TERM $door
wait $door
is "it ends when it is told to" 0 $?
door=
wait $pid
is "who waited is told" 1 $?
is "nothing is mounted any more" "" "$(findmnt -n "$mnt")"
is "nor said" "" "$(cat "$base/home/mount.log")"
mount_start
echo x >"$mnt/tmp/x"
mount_end
is "unmounted from outside" 0 $?
is "the directory is as it was" "" "$(ls "$mnt")"
if [ "$stage" = root ]; then
    mount_start
    exec 7<"$mnt/task/1/ctl"
    umount -l "$mnt"
    mount -t tmpfs another "$mnt"
    kill -TERM $door
    wait $door
    is "it ends, though it was unmounted while in use" 0 $?
    door=
    is "what was mounted there since stays" another "$(findmnt -n -o SOURCE "$mnt")"
    exec 7<&-
    umount "$mnt"
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
