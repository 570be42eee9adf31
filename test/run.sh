#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `taskfs run` as a user types it: what is granted, exit codes, standard descriptors, signals.
set -u

clang=clang-19
command -v $clang >/dev/null || { echo "no $clang here (tools/setup.sh installs it)"; exit 77; }
[ -d /usr/include/wasm32-wasi ] || { echo "no wasi-libc here (tools/setup.sh installs it)"; exit 77; }
passed=0 failed=0

# is NAME WANTED GOT
is() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        printf 'FAIL %s: %s, not %s\n' "$1" "$3" "$2"
        failed=$((failed + 1))
    fi
}

# gives NAME CODE OUTPUT COMMAND...: the exit code, and what it prints.
gives() {
    name=$1 wanted="$2 $3"
    shift 3
    out=$("$@" 2>"$TEST_TMP/errors" </dev/null)
    is "$name" "$wanted" "$? $out"
}

# says NAME WORDS: the last command's errors hold these words.
says() {
    case $(cat "$TEST_TMP/errors") in
    *"$2"*) passed=$((passed + 1)) ;;
    *) printf 'FAIL %s: %s\n' "$1" "$(cat "$TEST_TMP/errors")"; failed=$((failed + 1)) ;;
    esac
}

TEST_TMP=$(cd "$TEST_TMP" && pwd -P)
cp test/run/tool.c "$TEST_TMP/"
cd "$TEST_TMP" || exit 1
$clang --target=wasm32-wasi -O1 -Wall -Wextra -Werror -o tool.wasm tool.c || exit 1
mkdir -p data/sub
echo in-data >data/file
echo in-sub >data/sub/file
tar cf data.tar data
mkdir bin
ln -s "$TASKFS" bin/taskfs          # a name without blanks, wherever the checkout is
taskfs=$TEST_TMP/bin/taskfs
run="$taskfs run"

# ---- exit codes

gives "a program's own code" 7 "" $run tool.wasm exit 7
gives "a code is cut to a byte" 1 "" $run tool.wasm exit 257
gives "a trap" 134 "" $run tool.wasm trap
says "a trap's words" unreachable
gives "not found" 127 "" $run missing.wasm
says "not found: why" "taskfs: missing.wasm: No such file or directory"
gives "not executable: no program" 126 "" $run tool.c
says "not executable: why" "taskfs: tool.c: nothing here runs it; see"
gives "not executable: a directory" 126 "" $run data
says "a directory: why" "taskfs: data: Is a directory"
: >empty
gives "not executable: an empty file" 126 "" $run empty
head -c 100 tool.wasm >cut.wasm
gives "not executable: a part of a module" 126 "" $run ./cut.wasm
says "a part of a module: why" "taskfs: ./cut.wasm: not a WebAssembly module"
printf '#!/bin/none\n' >script
gives "a script without its interpreter" 127 "" $run script
says "a script without its interpreter: why" "taskfs: script: /bin/none: No such file or directory"
if [ "$(id -u)" != 0 ]; then
    cp tool.wasm unreadable.wasm
    chmod 0 unreadable.wasm
    gives "not executable: not readable" 126 "" $run unreadable.wasm
    says "not readable: why" "taskfs: unreadable.wasm: Permission denied"
fi
gives "it does not fit into its memory" 125 "" $run --memlimit 1 tool.wasm
says "it does not fit: why" "--memlimit is too small"
gives "wrong use: an unknown option" 125 "" $run --nonsense tool.wasm
gives "wrong use: no program" 125 "" $run
gives "wrong use: no such command" 125 "" $taskfs nonsense
gives "wrong use: a program for a command" 125 "" $taskfs ./tool.wasm
says "a program for a command: what was meant" "taskfs run ./tool.wasm"
gives "wrong use: one colon" 125 "" $run --dir data:/srv tool.wasm
says "one colon: why" "two colons"
gives "a mount of what is no archive" 125 "" $run --mount tar:tool.c::/t tool.wasm
says "no archive: why" "tar: tool.c: not a tar archive"
gives "wrong use: a directory that is not there" 125 "" $run --dir missing tool.wasm
gives "wrong use: a bad size" 125 "" $run --memlimit lots tool.wasm
gives "wrong use: a file system that is not known" 125 "" $run --mount none::/x tool.wasm
gives "the directory must be there" 125 "" $run --cwd /missing tool.wasm
is "help fits a screen" 1 "$(($($taskfs --help | wc -l) + $($run --help | wc -l) < 50))"
gives "the version" 0 "taskfs 0.1.0" $taskfs --version

# ---- arguments and variables

gives "arguments" 0 "[a b] [] [--dir]" $run tool.wasm args "a b" "" --dir
gives "a variable" 0 "a=b" $run --env NAME=a=b tool.wasm env NAME
gives "the host's variable" 0 "from the host" env NAME="from the host" $run --env NAME tool.wasm env NAME
gives "a variable that the host has not" 0 "unset" env -u NAME $run --env NAME tool.wasm env NAME
gives "none but those" 0 "unset" env NAME=x $run tool.wasm env NAME

# ---- what is there

gives "the usual root" 0 "bin cap dev task tmp" $run tool.wasm ls /
gives "nothing of the host" 1 "" $run tool.wasm cat "$TEST_TMP/data/file"
gives "a directory at its own path" 0 "in-data" $run --dir data tool.wasm cat "$TEST_TMP/data/file"
gives "a directory as it was named" 0 "in-data" $run --dir data tool.wasm cat data/file
gives "a directory elsewhere" 0 "in-sub" $run --dir data::/guest tool.wasm cat /guest/sub/file
gives "a directory elsewhere, as it was named" 0 "in-sub" $run --dir=data::guest tool.wasm cat guest/sub/file
gives "a single file" 0 "in-data" $run --dir data/file::/one tool.wasm cat /one
gives "read-only" 1 "" $run --dir data::/d:ro tool.wasm write /d/new x
says "read-only: why" "Read-only file system"
gives "writable" 0 "" $run --dir data::/d tool.wasm write /d/new written
is "what was written is there" written "$(cat data/new)"
gives "bare" 0 "" $run --bare tool.wasm ls /
gives "bare, with a root of the host" 0 "file new sub" $run --bare --dir data::/ tool.wasm ls /
gives "a root of the host below the usual names" 0 "bin cap dev file new sub task tmp" $run --dir data::/ tool.wasm ls /
gives "a tmpfs" 0 "" $run --mount tmpfs::/m tool.wasm write /m/x y
gives "an archive" 0 "in-sub" $run --mount tar:data.tar::/t tool.wasm cat /t/data/sub/file
gives "the source of a mount has no name" 0 "bin cap dev t task tmp" $run --mount tar:data.tar::/t tool.wasm ls /
gives "a program of the namespace" 0 "[x]" $run --dir .::/w --inside /w/tool.wasm args x
gives "a program of the namespace that is not there" 127 "" $run --inside /tool.wasm
gives "the directory: / by default" 0 "/" $run tool.wasm env PWD
gives "the directory: the host's, if granted" 0 "/g/sub" sh -c "cd data/sub && $run --dir ..::/g ../../tool.wasm env PWD"
gives "the directory: as told" 0 "/tmp" $run --cwd /tmp tool.wasm env PWD
gives "relative names begin there" 0 "in-sub" $run --dir data::/g --cwd /g/sub tool.wasm cat file
ln -s /etc/passwd data/out
ln -s ../.. data/up
gives "links do not lead out of what is granted" 1 "" $run --dir data::/g tool.wasm cat /g/out
gives "nor do relative ones" 1 "" $run --dir data::/g tool.wasm ls /g/up
gives "a limit of memory" 0 "limited" $run --memlimit 16M tool.wasm alloc
gives "its own files" 0 "running" $run tool.wasm cat /task/self/status
gives "a niced one" 0 "nice 5" $run --nice 5 tool.wasm grep nice /task/self/stat/cpu

# ---- standard descriptors

is "input and output" "through" "$(echo through | $run tool.wasm copy)"
is "a large pipe" "$(seq 200000 | cksum)" "$(seq 200000 | $run tool.wasm copy | cksum)"
gives "input from a file" 0 "in-data" sh -c "$run tool.wasm copy <data/file"
gives "a program moves in a file, and the next reader goes on there" 0 "in-@3
at@6" sh -c "($run tool.wasm take 3 && $run tool.wasm take 2 && cat) <data/file"
gives "nobody moves in a pipe" 1 "in-@-1" sh -c "cat data/file | $run tool.wasm take 3"
gives "no input" 1 "" sh -c "$run --dir data tool.wasm copy <&-"
says "no input: why" "Bad file descriptor"
is "errors go to descriptor 2" "tool: no file: No such file or directory" \
    "$($run tool.wasm cat 'no file' 2>&1 >/dev/null </dev/null)"
gives "output to a file" 0 "" sh -c "$run tool.wasm copy <data/file >copied"
is "output to a file: what is in it" in-data "$(cat copied)"
gives "a full device" 1 "" sh -c "$run tool.wasm args x >/dev/full"
$run tool.wasm yes 2>/dev/null | head -n 1 >"$TEST_TMP/first"
is "a pipe that nobody reads ends the writer" y "$(cat "$TEST_TMP/first")"

# ---- signals

# signalled NAME SIGNAL CODE ARG...: the signal comes once the program has said that it runs. (What runs in the background
# ignores SIGINT and SIGQUIT, and so it stays unless that is undone.)
signalled() {
    name=$1 signal=$2 wanted=$3
    shift 3
    mkfifo "$TEST_TMP/ready"
    env --default-signal=INT,QUIT $run tool.wasm "$@" >"$TEST_TMP/ready" 2>/dev/null </dev/null &
    pid=$!
    read -r line <"$TEST_TMP/ready"
    kill -"$signal" $pid
    wait $pid
    is "$name" "running $wanted" "$line $?"
    rm "$TEST_TMP/ready"
}
signalled "SIGTERM ends it" TERM 143 spin
signalled "SIGHUP ends it" HUP 129 spin
signalled "SIGQUIT ends it" QUIT 131 spin
signalled "SIGINT ends it" INT 130 sleep 100
signalled "SIGTERM ends one that waits" TERM 143 sleep 100
signalled "SIGUSR1 ends it" USR1 138 sleep 100
# A signal may come between the program's first words and the moment when taskfs knows that it runs.
lost=0
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
    mkfifo "$TEST_TMP/ready"
    $run tool.wasm sleep 2 >"$TEST_TMP/ready" 2>/dev/null </dev/null &
    pid=$!
    read -r line <"$TEST_TMP/ready"
    kill -USR1 $pid
    wait $pid
    [ $? = 138 ] || lost=$((lost + 1))
    rm "$TEST_TMP/ready"
done
is "no signal is lost at the start" 0 $lost

mkfifo ready
$run tool.wasm spin >ready 2>/dev/null </dev/null &
pid=$!
read -r line <ready
state() { sed 's/.*) \(.\).*/\1/' /proc/$pid/stat; }
kill -TSTP $pid
for i in 1 2 3 4 5 6 7 8 9 10; do
    [ "$(state)" = T ] && break
    sleep 0.1
done
is "SIGTSTP stops the process too" T "$(state)"
kill -CONT $pid
for i in 1 2 3 4 5 6 7 8 9 10; do
    [ "$(state)" != T ] && break
    sleep 0.1
done
is "SIGCONT continues it" 1 "$([ "$(state)" != T ] && echo 1)"
# The task itself goes on as well: it uses the processor.
before=$(cut -d' ' -f14 /proc/$pid/stat)
sleep 1
is "and the task" 1 "$(($(cut -d' ' -f14 /proc/$pid/stat) > before))"
kill -TERM $pid
wait $pid
is "and it can be ended" 143 $?
rm ready

# ---- what `make run` plays

gives "the demonstration" 0 "$(printf '$ cat out/n\n42')" sh -c "'$TOP/tools/demo.sh' '$TASKFS' | sed -n '/cat out/,/^42/p'"

echo "$passed passed, $failed failed"
