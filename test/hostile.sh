#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Hostile control lines and names, written by programs of the host on a mount: too long, cut anywhere, with quotes that never close,
# bytes that are no text, numbers that fit nowhere. Each has its errno, no line changes what it does not name, and when all is
# over the kernel holds what it held before.
set -u

if [ -z "${TASKFS_MOUNT-}" ]; then
    [ -c /dev/fuse ] && (: <>/dev/fuse) 2>/dev/null || { echo "no /dev/fuse that can be opened here"; exit 77; }
    command -v fusermount3 >/dev/null || { echo "no fusermount3 here (tools/setup.sh installs it)"; exit 77; }
    cc -std=c11 -O1 -Wall -Wextra -Werror -o "$TEST_TMP/probe" test/fuse/fuse_probe.c && mkdir "$TEST_TMP/mnt" || exit 1
    exec "$TASKFS" mount "$TEST_TMP/mnt" sh "$PWD/test/hostile.sh"
fi

probe=$TEST_TMP/probe passed=0 failed=0
export LC_ALL=C
nl='
'
# is NAME WANTED GOT
is() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        printf 'FAIL %s: %s, not %s\n' "$1" "$3" "$2"
        failed=$((failed + 1))
    fi
}

# answers WANTED FILE TEXT...: what write says of each and close at the end; "E" is short for an errno of the first and a good close.
answers() {
    wanted=$1 file=$2
    shift 2
    case $wanted in E*) wanted="write $wanted close 0" ;; esac
    is "$file $(printf '%s ' "$@" | head -c 60 | tr '\n' ' ')" "$wanted" "$($probe close "$file" "$@")"
}
# line WANTED FILE TEXT...: the same of whole lines, each in a write of its own.
line() { wanted=$1 file=$2; shift 2; for text; do answers "$wanted" "$file" "$text$nl"; done; }
good() { line "write $((${#2} + 1)) close 0" "$1" "$2"; }

bytes() { head -c "$1" /dev/zero | tr '\0' "${2-a}"; }
# path N NAME: an absolute path of N bytes, however many blanks there are to fill, that ends in NAME.
path() { printf '/'; bytes $(($1 - 1 - ${#2})) /; printf %s "$2"; }
now() { echo "$(cat "$t/status") $(grep nice "$t/stat/cpu") $(tr '\0' , <"$t/cmdline") $(wc -l <"$t/ns/dump")"; }

# What a listing has shown is let go of when it was idle for a while.
ls -lR . >/dev/null 2>&1
tries=$((60 * ${TEST_STRETCH:-1}))
until first=$(cat dev/objects) && sleep 2.5 && [ "$first" = "$(cat dev/objects)" ]; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || break
done

t=task/$(cat task/new)
good "$t/ctl" 'nice 3'
good "$t/ctl" 'cmd a b'
before=$(now)

# ---- how long a line is, and where it is cut

line EINVAL "$t/ctl" "$(bytes 65535)" "$(bytes 65536)"
line E2BIG "$t/ctl" "$(bytes 65537)" "$(bytes 100000)"
answers "write 65536 close EINVAL" "$t/ctl" "$(bytes 65536)"
answers "write 65536 write E2BIG close 0" "$t/ctl" "$(bytes 65536)" a
answers "write 40000 write E2BIG close 0" "$t/ctl" "$(bytes 40000)" "$(bytes 40000)$nl"
answers "write 65536 close 0" "$t/ctl" "$(bytes 65536 ' ')"
is "nothing has changed" "$before" "$(now)"
# What comes up to the next newline is the end of that line, and no line of its own.
answers "write E2BIG write E2BIG write 7 close 0" "$t/ctl" "$(bytes 70000)" "nice 9$nl" "nice 4$nl"
is "the line behind one too long is done" "nice 4" "$(grep nice "$t/stat/cpu")"
answers "write EINVAL close 0" "$t/ctl" "nice 5${nl}bogus${nl}nice 6$nl"
is "lines before a bad one are done, lines after it are not" "nice 5" "$(grep nice "$t/stat/cpu")"
answers "write 1 write 1 write 1 write 1 write 1 write 1 write 1 close 0" "$t/ctl" n i c e ' ' 7 "$nl"
is "a line cut at every byte" "nice 7" "$(grep nice "$t/stat/cpu")"
answers "write 7 write 2 close 0" "$t/ctl" "nice '1" "0'"
is "cut inside a quote, and never ended" "nice 10" "$(grep nice "$t/stat/cpu")"
answers "write 4 write EINVAL close 0" "$t/ctl" nice "$nl"
answers "write 7 close EINVAL" "$t/ctl" "nice '1"
good "$t/ctl" 'nice 3'
is "and it is as it was" "$before" "$(now)"
good "$t/ctl" "cmd$(bytes 32000 x | sed 's/x/ a/g')"
is "as many words as fit" 32000 "$(tr '\0' '\n' <"$t/cmdline" | wc -l)"
good "$t/ctl" 'cmd a b'

# ---- quotes, and bytes that are no text

line EINVAL "$t/ctl" "cmd 'a" 'cmd "a' "cmd \$'a" 'cmd a\' "cmd \$'\\x'" "cmd \$'\\400'" "cmd \$'\\000'" "cmd \$'\\x00'" "cmd \$'\\q'" \
    "cmd \$'\\" "cmd \$'" "cmd '" "cmd \"\\" "cmd 'a'\"b" "''" '""' "\$''"
for text in '\377\376' '\300\200' 'nice\303' '\355\240\200 1' '\001\002' '\033[2J' 'nice\r' '\177'; do
    line EINVAL "$t/ctl" "$(printf "$text")"
    line EINVAL "$t/ns/ctl" "$(printf "$text")"
    line EINVAL "$t/fd/1.ctl" "$(printf "$text")"
done
is "nothing has changed" "$before" "$(now)"
good "$t/ctl" "$(printf 'cmd \377 \300\257 \001')"
is "arguments are bytes" "377 0 300 257 0 1 0" "$(od -An -to1 "$t/cmdline" | sed 's/\(^\| \)00*\([0-9]\)/\1\2/g; s/^ *//')"
good "$t/ctl" 'cmd a b'

# ---- numbers

line EINVAL "$t/ctl" 'kill 99999999999999999999' 'kill 4294967305' 'kill -1' 'kill 32' kill 'kill 0x9' 'kill 9 everyone' 'nice 2147483648' \
    'nice --1' 'nice 4294967296' 'memlimit 99999999999T' 'memlimit 18446744073709551616' 'memlimit 16777216T' 'memlimit -1' \
    'memlimit' 'fdlimit -1' 'fdlimit 99999999999999999999' 'tasklimit 1e9' 'umask 8' 'umask 077777777777777' 'ignore 64' \
    'type ELF' type cmd 'start x' 'start start'
line EINVAL "$t/fd/3.ctl" lock 'lock x' 'lock w -1 1' 'lock w 18446744073709551616 1' 'flags bogus' dup 'dup /tmp/f rwx' pipe close\ 3
line EBADF "$t/fd/3.ctl" 'lock w' 'lock w 18446744073709551615 1' 'flags append' close
line ENOENT "$t/fd/3.ctl" 'pipe /task/99/fd/1' 'pipe 1/fd/x' 'pipe 99999999999999999999/fd/1'
for name in -1 +1 01 1x 99999999999 4294967297 18446744073709551617 ' 1' "1$nl" "$(printf '1\377')"; do
    is "task/$name" no "$([ -e "task/$name" ] && echo yes || echo no)"
    is "fd/$name" no "$([ -e "$t/fd/$name" ] && echo yes || echo no)"
done
is "nothing has changed" "$before" "$(now)"

# ---- names

n255=$(bytes 255) n256=$(bytes 256)
line ENAMETOOLONG "$t/ns/ctl" "hide /$n256" "bind /$n256 /x" "bind /tmp /$n256" "bind /tmp /x/$n256/y" "mount tmpfs /$n256" \
    "hide $(path 4096 tmp)" "bind $(path 4096 tmp) /x" "bind /tmp $(path 4096 x)" "bind /tmp $(path 60000 x)"
line ENAMETOOLONG "$t/fd/3.ctl" "dup /$n256" "dup /tmp/$n256 w" "dup $(path 4096 tmp) r" "dup $(path 60000 tmp) r"
line ENAMETOOLONG "$t/cwd" "/$n256" "$(path 4096 tmp)" "$(path 60000 tmp)"
line ENOENT "$t/ns/ctl" "bind /$n255 /x"
line ENOENT "$t/fd/3.ctl" "dup /$n255 r"
line ENOENT "$t/cwd" "/$n255" "$(printf '/\377')"
is "nothing has changed" "$before" "$(now)"
good "$t/cwd" "$(path 4095 tmp)"
is "a path of 4,095 bytes" /tmp "$(cat "$t/cwd")"
good "$t/fd/3.ctl" "dup $(path 4095 tmp) r"
is "given as a descriptor" "path /tmp" "$(head -n 1 "$t/fd/3.ctl")"
good "$t/fd/3.ctl" close
good "$t/ns/ctl" "bind $(path 4095 tmp) /$n255"
good "$t/ns/ctl" "$(printf 'bind /tmp /\377')"
good "$t/ns/ctl" "bind /tmp \$'/a\\nb\\'c'"
t2=task/$(cat task/new)
good "$t2/ns/ctl" clear
is "a cleared task has no names" 0 "$(wc -l <"$t2/ns/binds")"
cat "$t/ns/dump" >"$t2/ns/ctl"
is "what a dump says is taken back" 0 $?
# But for where the sources are, which is each task's own.
without() { sed 's: /task/[0-9]*/ns/from/[0-9]* : :' "$1/ns/dump"; }
is "names of any bytes come out as they went in" "$(without "$t")" "$(without "$t2")"
is "all of them" 3 "$(without "$t2" | grep -c -e " /$n255\$" -e "$(printf ' /\377$')" -e " [$]'/a.nb.'c'\$")"

# ---- the end

rmdir "$t" "$t2"
is "they are gone" no "$([ -e "$t" ] && echo yes || echo no)"
as_before() {
    tries=$((200 * ${TEST_STRETCH:-1}))
    until [ "$first" = "$(cat dev/objects)" ]; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.1
    done
}
as_before
is "the kernel holds what it held before" "$first" "$(cat dev/objects)"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
