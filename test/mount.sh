#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `taskfs mount` as a user types it: the command form, exit codes, signals, errors, terminals, and that nothing stays behind. As root
# everything is done twice: as root, and as an ordinary user in names of the host's that are made for it.
# Seconds: 600
set -u

clang=clang-19
passed=0 failed=0 skipped=0

skip() { echo "$1"; exit 77; }

# is NAME WANTED GOT
is() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        printf 'FAIL %s%s: %s, not %s\n' "${as-}" "$1" "$3" "$2"
        failed=$((failed + 1))
    fi
}

# gives NAME CODE OUTPUT COMMAND...: the exit code, and what it prints.
gives() {
    name=$1 wanted="$2 $3"
    shift 3
    out=$("$@" 2>errors </dev/null)
    is "$name" "$wanted" "$? $out"
}

# says NAME WORDS: the last command's errors hold these words.
says() {
    case $(cat errors) in
    *"$2"*) passed=$((passed + 1)) ;;
    *) printf 'FAIL %s%s: %s\n' "${as-}" "$1" "$(cat errors)"; failed=$((failed + 1)) ;;
    esac
}

# comes COMMAND...: succeeds within ten seconds (times TEST_STRETCH).
comes() {
    tries=$((100 * ${TEST_STRETCH:-1}))
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.1
    done
}

mounted() { mountpoint -q "$here/m"; }
unmounted() { ! mountpoint -q "$here/m" && [ -d "$here/m" ]; }
gone() { ! kill -0 "$1" 2>/dev/null; }
state() { sed 's/.*) \(.\).*/\1/' "/proc/$1/stat" 2>/dev/null; }
stopped() { [ "$(state "$1")" = T ]; }
goes_on() { [ "$(state "$1")" = S ]; }
server_of() { cat "/proc/$1/task/$1/children" 2>/dev/null | cut -d' ' -f1; }

# begins ARG...: `taskfs mount ARG...` in the background, once it is mounted; pid is its number. (What a shell without job control starts
# there ignores SIGINT and SIGQUIT, and so it stays unless that is undone.)
begins() {
    env --default-signal=INT,QUIT $taskfs mount "$@" 2>errors &
    pid=$!
    comes mounted || { echo "FAIL ${as-}not mounted: $(cat errors)"; failed=$((failed + 1)); }
}

# ends NAME CODE: it does, with this exit code; nothing is mounted then.
ends() {
    wait $pid
    is "$1" "$2 unmounted" "$? $(unmounted && echo unmounted)"
}

# ---- the command form

form() {
    gives "the command's code" 7 "" $taskfs mount m sh -c 'exit 7'
    gives "it is unmounted then" 0 "" ls m
    gives "the command starts there" 0 "$here/m bin cap dev task tmp" $taskfs mount m sh -c 'echo "$(pwd)" $(ls)'
    gives "it is told where" 0 "$here/m" $taskfs mount m sh -c 'echo "$TASKFS_MOUNT"'
    gives "its environment" 0 "x y" env WORD="x y" $taskfs mount m printenv WORD
    gives "its arguments" 0 "[a b][][--dir]" $taskfs mount m sh -c 'printf "[%s]" "$@"' sh "a b" "" --dir
    is "its input and output" THROUGH "$(echo through | $taskfs mount m tr a-z A-Z)"
    is "it may die of a pipe" y "$($taskfs mount m yes 2>/dev/null | head -n 1)"
    comes unmounted
    is "and that is an end like others" unmounted "$(unmounted && echo unmounted)"
    gives "a signal that ended it" 137 "" $taskfs mount m sh -c 'kill -9 $$'
    gives "one that is not there" 127 "" $taskfs mount m no-such-program
    says "not there: why" "taskfs: no-such-program: No such file or directory"
    gives "one that is no program" 126 "" $taskfs mount m "$here/file"
    says "no program: why" "taskfs: $here/file: Permission denied"
    gives "a directory of another name" 0 "$here/m" $taskfs mount ./link/ sh -c 'echo "$TASKFS_MOUNT"'
    gives "a name with blanks" 0 "ok" $taskfs mount 'a b' sh -c '[ "$(pwd)" = "$TASKFS_MOUNT" ] && echo ok'
    gives "without standard descriptors" 3 "" sh -c "$taskfs mount m sh -c 'exit 3' <&- >&- 2>&-"
    ignored='cat /proc/self/status | sed -n "s/^SigIgn:.*\(....\)$/\1/p; s/^SigBlk:.*\(....\)$/\1/p"'
    is "its signals are as they were" "$(sh -c "$ignored")" "$($taskfs mount m sh -c "$ignored")"
}

# ---- what is there

grants() {
    gives "a directory of the host" 0 in-data $taskfs mount --dir data::/d m cat d/file
    gives "at its own path" 0 in-data $taskfs mount --dir data m cat ".$here/data/file"
    gives "read-only" 2 "" $taskfs mount --dir data::/d:ro m sh -c 'echo x >d/new'
    says "read-only: why" "Read-only file system"
    gives "writable" 0 "" $taskfs mount --dir data::/d m sh -c 'echo written >d/new'
    is "what was written is there" written "$(cat data/new)"
    gives "an archive" 0 in-data $taskfs mount --mount tar:data.tar::/t m cat t/data/file
    gives "bare" 0 d $taskfs mount --bare --dir data::/d m ls
    gives "programs" 0 tool env TASKFS_BIN=programs $taskfs mount m ls bin
    gives "what is asked of it is said" 0 "" $taskfs -v mount --dir data::/d:ro m true
    says "what is granted" "taskfs: $here/data at /d, read-only"
    says "where it is" "taskfs: serving at $here/m"
    gives "in the other place, too" 0 "" $taskfs mount -v m true
    says "and when it ends" "taskfs: $here/m is no longer served"
}

# A program of the host drives a task by its files.
drive='id=$(cat task/new)
    echo "cmd /bin/tool exit 5" >task/$id/ctl
    echo start >task/$id/ctl
    cat task/$id/wait'
tasks() {
    gives "a task is driven" 0 5 env TASKFS_BIN=programs $taskfs mount -v m sh -c "$drive"
    says "and its end is told" "taskfs: task 2 exited 5"
}

# ---- errors

errors() {
    gives "no DIR" 125 "" $taskfs mount
    says "no DIR: why" "no DIR was named; see \`taskfs mount --help\`"
    gives "DIR is not there" 125 "" $taskfs mount missing true
    says "not there: what to do" "mkdir -p missing"
    gives "DIR is a file" 125 "" $taskfs mount file true
    says "a file: why" "taskfs: file: not a directory"
    gives "DIR is not empty" 125 "" $taskfs mount data true
    says "not empty: what to do" "--nonempty mounts it all the same"
    gives "what it holds is hidden" 0 bin $taskfs mount --nonempty data ls -d bin
    gives "but for a while" 0 in-data cat data/file
    gives "an option of run" 125 "" $taskfs mount --memlimit 1M m true
    gives "a grant that is not there" 125 "" $taskfs mount --dir missing m true
    gives "a mount that cannot be" 125 "" $taskfs mount --mount none::/x m true
    is "nothing was mounted" unmounted "$(unmounted && echo unmounted)"
    gives "help" 0 "usage: taskfs mount [OPTION...] DIR [COMMAND [ARG...]]" sh -c "$taskfs help mount | head -n 1"
}

# ---- the end

over() {
    for signal in TERM INT HUP QUIT; do
        begins m
        kill -$signal $pid
        ends "SIG$signal ends it" 0
    done
    begins m
    fusermount3 -u m
    ends "fusermount3 -u ends it" 0
    if [ "$(id -u)" = 0 ]; then
        begins m
        umount m
        ends "umount ends it" 0
    fi
    begins m
    (cd m && exec sleep 100) &
    busy=$!
    comes sh -c "[ \"\$(readlink /proc/$busy/cwd)\" = '$here/m' ]"
    kill $pid
    ends "something is busy there: ended all the same" 0
    kill $busy
    wait $busy 2>/dev/null
    begins m
    cat m/task/1/events >waited 2>&1 &
    waits=$!
    kill $pid
    ends "somebody waits there: ended all the same" 0
    wait $waits
    is "and does not wait any more" 1 $?
    env TASKFS_BIN=programs $taskfs mount m sh -c 'id=$(cat task/new); echo "cmd /bin/tool spin" >task/$id/ctl
        echo start >task/$id/ctl; echo $PPID' >out </dev/null
    is "a task that runs is no reason to stay" "0 gone" "$? $(gone "$(cat out)" && echo gone)"
    (trap '' HUP; exec $taskfs mount m) &
    pid=$!
    comes mounted
    kill -HUP $pid
    sleep 0.3
    is "an ignored SIGHUP does nothing (nohup)" mounted "$(mounted && echo mounted)"
    kill $pid
    ends "but SIGTERM does" 0
}

# What is killed without a warning.
killed() {
    begins m
    server=$(server_of $pid)
    kill -9 $pid
    wait $pid 2>/dev/null
    comes gone "$server"
    is "killed: the other process unmounts" "unmounted gone" "$(unmounted && echo unmounted) $(gone "$server" && echo gone)"
    begins m
    kill -9 "$(server_of $pid)"
    ends "the server is killed: unmounted by the first" 125
    says "and it says so" "what served it was ended by signal 9"
    begins m
    server=$(server_of $pid)
    kill -STOP $pid
    kill -9 "$server"
    comes sh -c "! ls m >/dev/null"
    gives "a dead mount" 125 "" $taskfs mount m true
    says "a dead mount: what to do" "fusermount3 -u m"
    kill -CONT $pid
    ends "it is cleaned up" 125
}

# Signals while a command runs are the command's.
passed_on() {
    for signal in TERM INT HUP USR1; do
        begins m sh -c "trap 'exit 9' $signal; : >'$here/trapped'; while :; do sleep 0.1; done"
        comes test -e trapped
        rm trapped
        kill -$signal $pid
        ends "SIG$signal reaches the command" 9
    done
    begins m sleep 100
    kill $pid
    ends "and ends it" 143
    # Whether it comes before the command has begun or after.
    for wait in 0 0.002 0.004 0.006 0.008 0.01 0.012 0.014 0.016 0.02 0.03; do
        $taskfs mount m sleep 1000 2>errors &
        pid=$!
        sleep $wait
        kill $pid
        ends "SIGTERM after $wait s" 143
    done
    begins m sh -c "'$taskfs' --version >/dev/null; sleep 1; exit 4"
    fusermount3 -u -z m
    ends "unmounted meanwhile: the command goes on" 4
}

# ---- a terminal: a shell with job control, whose keyboard is descriptor 3

types() { printf "$1" >&3; }
shown() { grep -q "$1" screen; }
terminal() {
    mkfifo keys
    : >screen
    PS1='> ' env --default-signal=INT,QUIT script -qfc "sh -i" screen <keys >/dev/null 2>&1 &
    terminal=$!
    exec 3>keys
    types 'echo begin-$((1+1))\n'
    comes shown begin-2
    types "$taskfs mount m sleep $$00\n"
    comes mounted
    comes pgrep -f "^sleep $$00\$"
    sleeper=$(pgrep -f "^sleep $$00\$")
    types '\032'
    comes shown '[Ss]\(topped\|uspended\)'
    types 'echo after-$((1+1))\n'
    comes shown after-2
    is "^Z gives the shell back" yes "$(shown after-2 && echo yes)"
    is "it is served meanwhile" "bin cap dev task tmp" "$(ls m | xargs)"
    types 'fg\n'
    comes goes_on "$sleeper"
    types '\003'
    types 'echo code-$?\n'
    comes shown code-1
    is "^C is the command's" yes "$(shown code-130 && echo yes)"
    comes unmounted
    is "and ends it all" unmounted "$(unmounted && echo unmounted)"
    types "$taskfs mount m\n"
    comes mounted
    types '\003'
    comes unmounted
    types 'echo code-$?-\n'
    comes shown 'code-[0-9]*-'
    is "^C without a command" yes "$(shown code-0- && echo yes)"
    # The terminal goes away: what it was the terminal of goes, too.
    types "$taskfs mount m sleep 1000\n"
    comes mounted
    kill -9 $terminal
    wait $terminal 2>/dev/null
    comes unmounted
    is "a terminal that goes away" unmounted "$(unmounted && echo unmounted)"
    exec 3>&-
    rm keys
}

all() {
    here=$(pwd -P)
    mkdir -p m 'a b' data home
    HOME=$here/home
    export HOME
    unset XDG_CACHE_HOME
    ln -s m link
    echo plain >file
    echo in-data >data/file
    tar cf data.tar data
    form
    grants
    tasks
    errors
    over
    killed
    passed_on
    if command -v script >/dev/null && command -v pgrep >/dev/null; then
        terminal
    else
        echo "no terminal: script and pgrep are not here"
        skipped=$((skipped + 1))
    fi
    none_left() { ! pgrep -f "^$taskfs mount"; }
    comes none_left
    is "no process is left" "" "$(pgrep -f "^$taskfs mount")"
    echo "$passed $failed $skipped" >counts
}

# ---- as an ordinary user, and where FUSE cannot be had: in a mount namespace of its own, as root

ordinary() {
    as="ordinary user: "
    cd /mnt/user || exit 1
    all
}

# The namespace: /mnt is ours, with the command in it; /dev/fuse is for all.
as_user() {
    mount -t tmpfs -o mode=755 none /mnt && mkdir /mnt/user /mnt/own && cp "$TASKFS" /mnt/own/ || return 1
    for library in "${TASKFS%/*}"/*.so*; do
        [ -e "$library" ] && cp "$library" /mnt/own/
    done
    cp -r programs /mnt/user/
    cp "$TOP/test/mount.sh" /mnt/own/
    chown -R 65534:65534 /mnt/user
    taskfs=/mnt/own/taskfs
    cd /mnt/own || return 1
    install -d -o 65534 -g 65534 m
    user="setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/mnt/user PATH=/usr/bin:/bin"
    if [ "$(stat -c %a /dev/fuse)" = 600 ]; then
        gives "/dev/fuse is not for all" 125 "" $user $taskfs mount m true
        says "not for all: what to do" "chmod 666 /dev/fuse"
    fi
    mknod /mnt/fuse c 10 229 && chmod 666 /mnt/fuse && mount --bind /mnt/fuse /dev/fuse || return 1
    $user MOUNT_AS=user taskfs=$taskfs sh /mnt/own/mount.sh
    if [ -s /mnt/user/counts ]; then
        read -r p f s </mnt/user/counts
        passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    else
        echo "FAIL ordinary user: the script did not end"
        failed=$((failed + 1))
    fi
    gives "only root may let others in" 125 "" $user $taskfs mount --allow-other m true
    says "others: why" "user_allow_other"
    mount --bind /dev/null "$(command -v fusermount3)"
    gives "no fusermount3" 125 "" $user $taskfs mount m true
    says "no fusermount3: what to do" "fuse3"
    mount -t tmpfs none /dev
    mknod -m 666 /dev/null c 1 3
    gives "no /dev/fuse" 125 "" $taskfs mount m true
    says "no /dev/fuse: what to do" "modprobe fuse"
    echo "$passed $failed $skipped" >"$TEST_TMP/counts"
}

case ${MOUNT_AS-} in
user) ordinary; exit 0 ;;
names) passed=0 failed=0; cd "$TEST_TMP" && as_user; exit ;;
esac

command -v $clang >/dev/null || skip "no $clang here (tools/setup.sh installs it)"
[ -d /usr/include/wasm32-wasi ] || skip "no wasi-libc here (tools/setup.sh installs it)"
command -v fusermount3 >/dev/null || skip "no fusermount3 here (tools/setup.sh installs it)"
[ -c /dev/fuse ] || skip "no /dev/fuse here"
(: <>/dev/fuse) 2>/dev/null || skip "/dev/fuse may not be opened here"
[ "$(id -u)" != 0 ] || unshare -m true 2>/dev/null || skip "nothing may be mounted here"

mkdir "$TEST_TMP/programs" "$TEST_TMP/own"
$clang --target=wasm32-wasi -O1 -o "$TEST_TMP/programs/tool" test/run/tool.c || exit 1
ln -s "$TASKFS" "$TEST_TMP/own/taskfs"      # a name without blanks, wherever the checkout is
taskfs=$TEST_TMP/own/taskfs
cd "$TEST_TMP" || exit 1
all
if [ "$(id -u)" = 0 ]; then
    rm counts
    if MOUNT_AS=names unshare -m --propagation private sh "$TOP/test/mount.sh" && [ -s counts ]; then
        read -r p f s <counts
        passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    else
        echo "no ordinary user: no names of its own can be made here"
        skipped=$((skipped + 1))
    fi
fi
[ $skipped = 0 ] && echo "$passed passed, $failed failed" || echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
