#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Escape attempts by a real program: out of a directory of the host, out of a read-only one, while the host changes names, by a poisoned
# module cache; and through the FUSE mount, by programs of the host. doc/security.md lists them.
set -u

clang=clang-19
command -v $clang >/dev/null || { echo "no $clang here (tools/setup.sh installs it)"; exit 77; }
[ -d /usr/include/wasm32-wasi ] || { echo "no wasi-libc here (tools/setup.sh installs it)"; exit 77; }
passed=0 failed=0
export LC_ALL=C

# is NAME WANTED GOT
is() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        printf 'FAIL %s: %s, not %s\n' "$1" "$3" "$2"
        failed=$((failed + 1))
    fi
}

wasi() { $clang --target=wasm32-wasi -O1 -Wall -Wextra -Werror -o "$@"; }
guest=$TEST_TMP/escape.wasm swap=$TEST_TMP/swap host=$TEST_TMP/host
wasi "$guest" test/escape/escape.c && cc -std=c11 -O1 -Wall -Wextra -Werror -o "$swap" test/escape/swap.c || exit 1

# What the host has: `granted` is given away, `secret` beside it is not.
lay_out() {
    rm -rf "$host"
    mkdir -p "$host/granted/sub" "$host/granted/deep/moved" "$host/granted/swap" "$host/outside" "$host/empty" "$host/ro/sub" "$host/ro/empty"
    echo secret >"$host/secret"
    echo secret >"$host/victim"
    echo file >"$host/granted/f"
    echo file >"$host/ro/f"
    echo file >"$host/ro/only"
    ln -s "$host/secret" "$host/granted/absolute"
    ln -s ../secret "$host/granted/relative"
    ln -s relative "$host/granted/chain"
    ln -s .. "$host/granted/up"
    ln -s "$host" "$host/granted/top"
    ln -s ../.. "$host/granted/sub/climb"
    ln -s ../made "$host/granted/dangling"
    ln -s .. "$host/granted/link"
}
# All but what was given away, with sizes, modes, names and times; times of directories change when the host itself moves things.
outside() { (cd "$host" && find . -path ./granted -prune -o -printf "%P %y %s %m %n $1\\n" | sort && cat secret victim ro/f ro/only); }

# tries NAME TIMES MODE [ARG]: no attempt gets through, and the host has nothing that it had not.
tries() {
    outside "$2" >"$TEST_TMP/before"
    "$TASKFS" run --dir "$host/granted::/g" --dir "$host/ro::/ro:ro" "$guest" "$3" "${4-}" >"$TEST_TMP/out" 2>&1
    is "$1" "0 0 of" "$? $(sed -n '$s/ \(of\) .*/ \1/p' "$TEST_TMP/out")"
    sed '$d; s/^/     /' "$TEST_TMP/out"
    outside "$2" >"$TEST_TMP/after"
    is "$1: what is outside" "" "$(diff "$TEST_TMP/before" "$TEST_TMP/after")"
}

lay_out
tries "out of a directory of the host" '%T@' out "$host"
lay_out
tries "out of a read-only directory of the host" '%T@' readonly

# The tests are tested: without :ro, and from above, attempts get through.
lay_out
"$TASKFS" run --dir "$host/granted::/g" --dir "$host/ro::/ro" "$guest" readonly >"$TEST_TMP/out"
is "the same where it may" 1 $?
lay_out
"$TASKFS" run --dir "$host::/" --dir "$host/granted::/g" "$guest" out "$host" >"$TEST_TMP/out"
is "the same where the secret is granted" 1 $?

lay_out
mkfifo "$TEST_TMP/end"
"$swap" "$host" <"$TEST_TMP/end" &
swapper=$!
exec 4>"$TEST_TMP/end"
"$TASKFS" run --dir "$host/granted::/g" "$guest" swapped 1500 >"$TEST_TMP/out" 2>&1
is "while the host changes names" "0 0 of" "$? $(sed -n '$s/ \(of\) .*/ \1/p' "$TEST_TMP/out")"
exec 4>&-
wait $swapper
is "the host has changed them" 0 $?
is "while the host changes names: what is outside" "secret secret no no" "$(cat "$host/secret") $(cat "$host/victim") \
$([ -e "$host/made" ] && echo made || echo no) $([ -e "$host/madedir" ] && echo made || echo no)"

# ---- the catalogue: each test that doc/security.md names is there

missing=$(grep -oE '\b[a-z_]+\.[a-z_0-9]{8,}' doc/security.md | sort -u | while IFS=. read -r file name; do
    find os kern dev engine door front test -name "${file}_test.c" -exec grep -qE "^TEST(_SLOW)?\($name[,)]" {} + || echo "$file.$name"
    find os kern dev engine door front test -name "${file}_test.c" | grep -q . || echo "$file"
done)
is "the catalogue" "" "$missing"
unnamed=$(sed -n 's/^TEST\([^_]*(\|_SLOW(\)\([a-z_0-9]*\).*/\2/p' test/escape_*_test.c | while read -r name; do
    grep -q "\.$name\b" doc/security.md || echo "$name"
done)
is "each attempt is in the catalogue" "" "$unnamed"

# ---- the module cache

echo 'int main(void) { return 3; }' >"$TEST_TMP/three.c"
echo 'int main(void) { return 4; }' >"$TEST_TMP/four.c"
wasi "$TEST_TMP/three" "$TEST_TMP/three.c" && wasi "$TEST_TMP/four" "$TEST_TMP/four.c" || exit 1
run_in() { HOME=$TEST_TMP/home XDG_CACHE_HOME= "$TASKFS" run "$TEST_TMP/$1"; }
modules=$TEST_TMP/home/.cache/taskfs/modules
mkdir "$TEST_TMP/home"
run_in three
three=$(ls "$modules")
run_in four
four=$(ls "$modules" | grep -vxF "$three")
cp "$modules/$three" "$modules/$four"
run_in four
is "who may write the cache decides what runs: it must be ours" 3 $?
chmod 0777 "$modules"
run_in four
is "a cache that others can write" 4 $?
chmod 0700 "$modules"
chmod 0666 "$modules/$four"
run_in four
is "a file in the cache that others can write" 4 $?
chmod 0600 "$modules/$four"
mv "$modules/$four" "$TEST_TMP/poison"
cp -p "$modules/$three" "$TEST_TMP/poison"
ln -s "$TEST_TMP/poison" "$modules/$four"
run_in four
is "a link in the cache" 4 $?
rm "$modules/$four"
cp -p "$TEST_TMP/poison" "$modules/$four"
chmod 0777 "$TEST_TMP/home/.cache/taskfs"
run_in four
is "a cache below what everybody can write" 4 $?
chmod 0700 "$TEST_TMP/home/.cache/taskfs"
mv "$modules" "$TEST_TMP/elsewhere"
ln -s "$TEST_TMP/elsewhere" "$modules"
run_in four
is "a cache that is a link" 4 $?
if [ "$(id -u)" = 0 ]; then
    rm "$modules"
    mv "$TEST_TMP/elsewhere" "$modules"
    chown 65534 "$modules/$four"
    run_in four
    is "a file in the cache of somebody else" 4 $?
    chown 0 "$modules/$four"
    chown 65534 "$TEST_TMP/home/.cache/taskfs"
    run_in four
    is "a cache below what is somebody else's" 4 $?
fi

# ---- through the mount

if [ -c /dev/fuse ] && command -v fusermount3 >/dev/null && (: <>/dev/fuse) 2>/dev/null; then
    lay_out
    mkdir "$TEST_TMP/mnt"
    outside '%T@' >"$TEST_TMP/before"
    "$TASKFS" mount --dir "$host/granted::/g" --dir "$host/ro::/ro:ro" "$TEST_TMP/mnt" sh "$PWD/test/escape/mounted.sh" "$host" \
        >"$TEST_TMP/out" 2>&1
    is "through the mount" "0 0 of" "$? $(sed -n '$s/ \(of\) .*/ \1/p' "$TEST_TMP/out")"
    sed '$d; s/^/     /' "$TEST_TMP/out"
    outside '%T@' >"$TEST_TMP/after"
    is "through the mount: what is outside" "" "$(diff "$TEST_TMP/before" "$TEST_TMP/after")"
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
