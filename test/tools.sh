#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Programs of the host on a mount's file systems: its tmpfs and a directory of the host, as root and as an ordinary user. Each case
# begins in an empty directory there; $src is a tree with everything that a copy can lose.
# Seconds: 100
set -u

. test/posix/mounted.sh
if [ -z "${stage-}" ]; then
    for tool in rsync vim git make patch gcc sqlite3; do
        command -v $tool >/dev/null || { echo "no $tool here (tools/setup.sh installs it)"; exit 77; }
    done
    mkdir "$TEST_TMP/bin"
    if command -v clang-19 >/dev/null && [ -d /usr/include/wasm32-wasi ]; then
        clang-19 --target=wasm32-wasi -O1 -Wall -Wextra -Werror -o "$TEST_TMP/bin/lines.wasm" test/tools/lines.c || exit 1
    fi
    on_a_mount "$0"
    exit
fi
mounted_stage "$0"

passed=0 failed=0
src=$base/work/src
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org
export GIT_CONFIG_NOSYSTEM=1 LC_ALL=C TZ=UTC

# try NAME: case_NAME, stopped at its first command that fails.
try() {
    mkdir "$place/$1"
    (
        set -e
        cd "$place/$1"
        PS4='     '
        set -x
        "case_$1"
    ) >"$base/home/case.out" 2>&1
    code=$?
    if [ $code = 0 ]; then
        passed=$((passed + 1))
    else
        echo "FAIL $1 on $where as $stage: exit code $code"
        tail -n 25 "$base/home/case.out" | cut -c 1-300
        failed=$((failed + 1))
    fi
    chmod -R u+rwx "$place/$1" 2>/dev/null
    rm -rf "$place/$1" || { echo "FAIL $1 on $where as $stage: rm -rf"; failed=$((failed + 1)); }
}

# ---- trees ----------------------------------------------------------------------------------------------------------

plant() {
    mkdir -p "$src/sub/deep/er" "$src/empty" "$src/shut" "$src/ a  blank" "$src/-dash" "$src/many"
    echo plain >"$src/plain"
    echo run >"$src/sub/script"
    chmod 755 "$src/sub/script"
    echo secret >"$src/secret"
    chmod 600 "$src/secret"
    echo fixed >"$src/fixed"
    chmod 444 "$src/fixed"
    printf '\000\001\377\n' >"$src/sub/binary"
    printf 'new\nline' >"$src/new
line"
    echo glob >"$src/*?[x]\\"
    echo umlaut >"$src/$(printf '\303\244')"
    echo latin >"$src/$(printf 'a\344b')"
    echo long >"$src/$(printf '%0255d' 0)"
    : >"$src/nothing"
    ln "$src/plain" "$src/sub/twin"
    ln "$src/plain" "$src/sub/deep/triplet"
    ln -s plain "$src/link"
    ln -s ../../plain "$src/sub/deep/up"
    ln -s nowhere/at/all "$src/dangling"
    ln -s sub "$src/to-dir"
    ln -s "$(printf '%01000d' 0)" "$src/far"
    truncate -s 3M "$src/holes"
    printf middle | dd of="$src/holes" bs=1 seek=1500000 conv=notrunc status=none
    printf end | dd of="$src/holes" bs=1 seek=3145725 conv=notrunc status=none
    head -c 300000 /dev/urandom >"$src/random"
    for i in $(seq 150); do echo $i >"$src/many/$i"; done
    touch -d '2001-02-03 04:05:06.123456789' "$src/plain"
    touch -h -d '1999-12-31 23:59:59.999999999' "$src/link"
    touch -d '2030-01-01 00:00:00.5' "$src/sub/script"
    chmod 555 "$src/shut"
    touch -d '2010-10-10 10:10:10.101010101' "$src/sub/deep" "$src/shut" "$src/sub" "$src"
}

# listing DIR [FORMAT]: all that a copy keeps.
listing() {
    (cd "$1" && find . \( -type d -printf '%p %y %m %T@\0' \) -o -printf "%p %y %m %n %s ${2-%T@} %l\\0" | sort -z | tr '\0' '\n')
}

same() {
    diff -r --no-dereference "$1" "$2"
    listing "$1" >"$base/home/a"
    listing "$2" >"$base/home/b"
    diff "$base/home/a" "$base/home/b"
    [ "$2/plain" -ef "$2/sub/twin" ]
    [ "$2/plain" -ef "$2/sub/deep/triplet" ]
}

# The holes are still holes: a file of 3 MiB that takes less than one.
sparse() {
    [ "$(du -k "$1" | cut -f 1)" -lt 1024 ]
}

case_cp() {
    cp -a "$src" copy
    same "$src" copy
    sparse copy/holes
    cp -a copy again
    same copy again
    cp -a again "$base/work/back"
    same "$src" "$base/work/back"
    chmod -R u+w "$base/work/back" && rm -r "$base/work/back"
}

case_cp_ways() {
    cp "$src/random" a
    cp --reflink=auto --sparse=always "$src/holes" holes
    cmp "$src/random" a
    cmp "$src/holes" holes
    sparse holes
    cp -l a b
    [ a -ef b ]
    cp -s a link
    cmp link a
    cp -r --preserve=mode,timestamps "$src/many" many
    diff -r "$src/many" many
    cp -b a holes
    cmp a holes
    cp -u b a 2>/dev/null || [ a -ef b ]
    install -m 750 -D a x/y/z/a
    [ "$(stat -c %a x/y/z/a)" = 750 ]
    mv -n a b
    mv -T x/y w
    mv w/z/a .
    [ ! -e x/y ] && [ -f a ]
}

# An absolute link reads as below the mount point, and what is written so is the same link again: copies within the mount keep it.
case_absolute() {
    mkdir from
    ln -s "/$where/absolute/file" from/link
    ln -s /etc/passwd from/out
    echo here >file
    [ "$(readlink from/link)" = "$place/absolute/file" ]
    [ "$(cat from/link)" = here ]
    if [ -e from/out ]; then false; fi
    cp -a from copy
    tar c from | (mkdir x && tar x -C x)
    rsync -a from/ y/
    rsync -ai from/ y/ >changes
    [ ! -s changes ]
    git init -q repo
    cp -a from/link from/out repo/
    git -C repo add .
    git -C repo commit -q -m links
    git clone -q repo clone
    [ -z "$(git -C clone status --porcelain)" ]
    for copy in copy x/from y clone; do
        [ "$(readlink $copy/link)" = "$place/absolute/file" ]
        [ "$(cat $copy/link)" = here ]
        [ "$(readlink $copy/out)" = "$base/mnt/etc/passwd" ]
    done
}

case_mv() {
    cp -a "$src" here
    mv here there
    same "$src" there
    mv there "$base/work/moved"
    same "$src" "$base/work/moved"
    mv "$base/work/moved" back
    same "$src" back
}

# The mount is one file system for Linux, but tmpfs and the host's directory are two.
case_across() {
    other=$base/mnt/host
    [ "$where" = tmp ] || other=$base/mnt/tmp
    cp -a "$src" here
    mv here "$other/across"
    [ ! -e here ]
    same "$src" "$other/across"
    if ln "$other/across/plain" plain; then false; fi
    mv "$other/across" back
    same "$src" back
    git init -q back/sub
    git -C back/sub add script
    git -C back/sub commit -q -m first
    git clone -q back/sub "$other/across"
    git -C "$other/across" fsck
    rsync -a "$other/across/" copy/
    diff -r copy "$other/across"
    rm -rf "$other/across"
}

case_rm() {
    path=.
    for i in $(seq 150); do path=$path/directory-$i; done
    mkdir -p "deep/$path"
    echo x >"deep/$path/x"
    mkdir wide
    (cd wide && seq 1500 | xargs touch && mkdir d && cd d && seq 300 | xargs mkdir)
    [ "$(ls wide | wc -l)" = 1501 ]
    rm -r deep wide
    [ -z "$(ls -A)" ]
    cp -a "$src" copy
    chmod -R u+w copy
    rm -r copy
    [ -z "$(ls -A)" ]
}

case_tar() {
    mkdir x y z
    tar c --format=posix -C "$src" . | tar xpf - -C x
    same "$src" x
    tar cf x.tar --format=posix -C x .
    tar df x.tar -C "$src"
    tar xpf x.tar -C y
    same "$src" y
    tar cf sparse.tar --format=posix --sparse -C "$src" .
    [ "$(stat -c %s sparse.tar)" -lt "$(($(stat -c %s x.tar) - 1000000))" ]
    tar xpf sparse.tar -C z
    same "$src" z
    sparse z/holes
    gzip -k x.tar
    gzip -dc x.tar.gz | cmp - x.tar
    tar rf x.tar -C z plain
    tar tf x.tar >list
    [ "$(grep -c '^plain$' list)" = 1 ]
}

case_rsync() {
    rsync -aH --delete "$src/" copy/
    same "$src" copy
    rsync -aHi --delete "$src/" copy/ >changes
    [ ! -s changes ] || { cat changes; false; }
    echo extra >copy/extra
    echo changed >copy/secret
    rm copy/link
    rsync -aHc --delete "$src/" copy/
    same "$src" copy
    rsync -aH --inplace copy/ again/
    rsync -aHS "$src/" sparse/
    same "$src" again
    same "$src" sparse
    sparse sparse/holes
}

# ---- programs that write their files with care ------------------------------------------------------------------------

case_git() {
    git init -q repo
    cd repo
    cp -r "$src/many" "$src/sub" "$src/random" "$src/link" .
    git add .
    git commit -q -m first
    [ -z "$(git status --porcelain)" ]
    git checkout -q -b side
    echo side >side
    sed -i s/7/seven/ many/7
    rm many/8
    git add -A
    git commit -q -m second
    git checkout -q -
    [ ! -e side ] && [ -e many/8 ]
    git merge -q side
    git tag -a -m words v1
    cd ..
    git clone -q repo clone
    git clone -q --no-hardlinks --bare repo bare.git
    cd clone
    echo more >more
    git add more
    git commit -q -m third
    git push -q ../bare.git HEAD:refs/heads/pushed
    git -C ../bare.git rev-parse -q --verify pushed
    git gc -q --aggressive --prune=now
    git fsck --strict
    git stash list
    git reset -q --hard v1
    [ -z "$(git status --porcelain)" ]
    [ ! -e more ]
    git worktree add -q ../tree side
    diff -r --no-dereference --exclude=.git . ../tree
}

case_vim() {
    printf 'one\ntwo\n' >text
    chmod 640 text
    vim -es -u NONE -i NONE -N -c 'set backup backupskip= swapfile undofile backupcopy=no' -c '%s/two/three/' -c wq text
    [ "$(cat text)" = "$(printf 'one\nthree')" ]
    [ "$(cat text~)" = "$(printf 'one\ntwo')" ]
    [ "$(stat -c %a text)" = 640 ]
    ls -A | grep -q '\.un~$'
    vim -es -u NONE -i NONE -N -c 'set undofile backup backupskip= backupcopy=yes' -c 'normal Gofour' -c wq text
    [ "$(cat text)" = "$(printf 'one\nthree\nfour')" ]
    vim -es -u NONE -i NONE -N -c 'set undofile' -c 'silent undo' -c wq text
    [ "$(cat text)" = "$(printf 'one\nthree')" ]
    ln -s text link
    ln text twin
    vim -es -u NONE -i NONE -N -c 'normal Golast' -c wq link
    [ -L link ] && [ text -ef twin ]
    tail -n 1 twin | grep -qx last
    [ -z "$(ls -A | grep '\.sw.$')" ]
}

case_make() {
    printf '#include <stdio.h>\n#include "said.h"\nint other(void);\nint main(void) { puts(SAID); return other(); }\n' >main.c
    printf 'int other(void) { return 0; }\n' >other.c
    echo '#define SAID "hello"' >said.h
    printf 'prog: main.o other.o\n\tgcc -o $@ $^\nmain.o: said.h\n%%.o: %%.c\n\tgcc -c -o $@ $<\n' >Makefile
    make
    [ "$(./prog)" = hello ]
    make -q
    make | grep -q 'up to date'
    sleep 0.02
    echo '#define SAID "good bye"' >said.h
    if make -q; then false; fi
    make >made
    grep -q main.c made
    if grep -q other.c made; then false; fi
    [ "$(./prog)" = "good bye" ]
    make -q
    touch -d '1 hour ago' prog
    if make -q; then false; fi
    make
    make -q
    cp prog running
    ./running >/dev/null
    strip running
    [ "$(./running)" = "good bye" ]
    printf '#!/bin/sh\necho script $1\n' >script
    if ./script; then false; fi
    chmod +x script
    [ "$(./script x)" = "script x" ]
}

case_sqlite() {
    for journal in delete truncate wal; do
        sqlite3 -batch $journal.db "pragma journal_mode=$journal; create table t(a integer primary key, b text);
            begin; $(seq -f "insert into t(b) values('row %g');" 500) commit; update t set b = 'x' where a % 5 = 0;
            delete from t where a % 7 = 0; vacuum; pragma integrity_check;" >out
        tail -n 1 out | grep -qx ok
        [ "$(sqlite3 -batch $journal.db 'select count(*), sum(a), count(distinct b) from t')" = '429|107358|344' ]
    done
    sqlite3 -batch -cmd '.timeout 20000' wal.db "$(seq -f "insert into t(b) values('a %g');" 50)" &
    sqlite3 -batch -cmd '.timeout 20000' wal.db "$(seq -f "insert into t(b) values('b %g');" 50)"
    wait $!
    [ "$(sqlite3 -batch wal.db 'select count(*) from t')" = 529 ]
}

# ---- small ones -------------------------------------------------------------------------------------------------------

case_text() {
    printf 'c\na\nb\n' >t
    chmod 640 t
    sort -o t t
    [ "$(cat t)" = "$(printf 'a\nb\nc')" ]
    sed -i.bak s/b/B/ t
    [ "$(cat t t.bak)" = "$(printf 'a\nB\nc\na\nb\nc')" ]
    [ "$(stat -c %a t)" = 640 ]
    diff -u t.bak t >p || :
    cp t.bak u
    patch -b u p
    cmp t u
    cmp t.bak u.orig
    patch -R u p
    cmp t.bak u
    seq 20000 | shuf --random-source="$src/random" >numbers
    sort -n -S 100K -T . -o numbers numbers
    seq 20000 | cmp - numbers
    split -b 10000 numbers part.
    cat part.* | cmp - numbers
    csplit -s numbers 100 '{3}'
    cat xx* | cmp - numbers
    tee a b <numbers | cmp - numbers
    cmp a b
    mkdir -p d/e/f
    [ -d "$(mktemp -d -p d)" ]
    echo x >"$(mktemp -p d)"
    tac numbers >n && mv n numbers
    [ "$(head -n 1 numbers)" = 20000 ]
}

case_sizes() {
    dd if="$src/random" of=a bs=4096 conv=fsync status=none
    cmp a "$src/random"
    printf XX | dd of=a bs=1 seek=1000 conv=notrunc,fdatasync status=none
    [ "$(stat -c %s a)" = 300000 ]
    [ "$(cmp -l a "$src/random" | wc -l)" -le 2 ]
    dd if="$src/random" of=a bs=64K oflag=append conv=notrunc status=none
    [ "$(stat -c %s a)" = 600000 ]
    dd if=a of=b bs=1M iflag=nocache oflag=sync status=none
    cmp a b
    truncate -s 1000 b
    head -c 1000 a | cmp - b
    truncate -s +5K b
    [ "$(stat -c %s b)" = 6120 ]
    fallocate -l 1M c
    [ "$(stat -c %s c)" = 1048576 ]
    [ "$(du -k c | cut -f 1)" -ge 1024 ]
    head -c 1M /dev/zero | cmp - c
    du -sh . >/dev/null
    df . | tail -n 1 | grep -q .
    shred -n 1 -u b
    [ ! -e b ]
}

case_times() {
    touch a
    sleep 0.02
    touch b
    [ "$(find . -newer a -type f)" = ./b ]
    [ b -nt a ] && [ a -ot b ]
    touch -r a b
    if [ b -nt a ]; then false; fi
    [ "$(stat -c %y a)" = "$(stat -c %y b)" ]
    touch -d '1970-01-01 00:00:01.000000001' b
    [ "$(stat -c %.9Y b)" = 1.000000001 ]
    touch -a -d '2020-02-02' b
    [ "$(stat -c '%X %Y' b)" = '1580601600 1' ]
    find . -mtime +10 -name b -delete
    [ ! -e b ]
}

# follow COMMAND...: tail -f of log, while the command appends five lines.
follow() {
    : >log
    timeout 20 tail -n +1 -s 0.1 -f log >seen &
    reader=$!
    "$@"
    for i in $(seq 100); do
        [ "$(wc -l <seen)" -lt 5 ] || break
        sleep 0.1
    done
    kill $reader
    [ "$(wc -l <seen)" = 5 ]
    cmp log seen
}

five_lines() {
    for i in 1 2 3 4 5; do echo "line $i" >>log; sleep 0.05; done
}

a_task() {
    task=$base/mnt/task/$(cat "$base/mnt/task/new")
    echo "cmd /$where/follow/lines.wasm /$where/follow/log" >"$task/ctl"
    echo start >"$task/ctl"
    [ "$(cat "$task/wait")" = 0 ]
    rmdir "$task"
}

case_follow() {
    follow five_lines
    [ -e "$base/bin/lines.wasm" ] || return 0
    cp "$base/bin/lines.wasm" .
    follow a_task
}

case_locks() {
    echo 0 >n
    for i in 1 2 3 4; do
        (for k in 1 2 3 4 5 6 7 8 9 10; do flock n.lock sh -c 'echo $(($(cat n) + 1)) >n'; done) &
    done
    wait
    [ "$(cat n)" = 40 ]
    set -C
    echo x >once
    if (echo y >once) 2>/dev/null; then false; fi
    [ "$(cat once)" = x ]
}

case_links() {
    mkdir d
    echo text >d/file
    ln -s d link
    ln -s file d/inner
    [ "$(cat link/inner)" = text ]
    [ "$(readlink -f link/inner)" = "$(realpath d/file)" ]
    [ "$(cd -P link && pwd)" = "$PWD/d" ]
    ln -sfn d2 link
    [ "$(readlink link)" = d2 ]
    ln -f d/file hard
    [ "$(stat -c %h d/file)" = 2 ]
    [ "$(find . -samefile hard | wc -l)" = 2 ]
    rm -f link hard
    cd d
    mv ../d ../e
    [ "$(cat file)" = text ]
    [ "$(pwd -P)" = "$(realpath ../e)" ]
    chmod -R go= ../e
    [ "$(stat -c %a file)" = 600 ]
}

# ----------------------------------------------------------------------------------------------------------------------

umask 022
plant
mount_start --dir "$disk::/host"
for where in tmp host; do
    place=$base/mnt/$where
    for name in cp cp_ways absolute mv across rm tar rsync git vim make sqlite text sizes times follow locks links; do
        try $name
    done
done
echo "$passed passed, $failed failed"
mount_end || exit 1
