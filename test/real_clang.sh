#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A real program under test: clang and its linker as WASI programs, 75 MB of them. They compile and link a C program in
# tasks, and another task runs it.
# Seconds: 1800 (the first compile of clang itself, by the engine)
set -u

clang=$("$TOP/tools/clang.sh") || {
    code=$?
    echo "no clang as a WASI program: npm or its registry is not there"
    [ "${CI-}" != true ] || exit 1
    exit $code
}
passed=0 failed=0

# is NAME WANTED GOT
is() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        printf 'FAIL %s: %s, not %s\n' "$1" "$3" "$2"
        cat errors
        failed=$((failed + 1))
    fi
}

work=$TEST_TMP/work
mkdir "$work"
cp "$TOP/test/real/words.c" "$TOP/test/real/cc.c" "$work/"
cd "$TEST_TMP" || exit 1

# tool NAME ARG...: clang or wasm-ld, with its headers and libraries in an archive, in the directory work.
tool() {
    program=$clang/$1
    shift
    "$TASKFS" run --mount "tar:$clang/resources.tar::/usr" --dir work::/w --cwd /w "$program" "$@" 2>errors
}

compile() { tool clang --sysroot=/usr -resource-dir=/usr -O2 -Wall -Wextra -Werror -c "$1.c" -o "$1.o"; }

link() {
    tool wasm-ld -L/usr/lib/wasm32-wasip1 /usr/lib/wasm32-wasip1/crt1-command.o "$1.o" -lc \
        /usr/lib/wasm32-unknown-wasip1/libclang_rt.builtins.a -o "$1.wasm"
}

counted="a 2, 66.7%
house 1, 33.3%
is 1, 33.3%"

for name in words cc; do
    compile $name
    is "$name.c is compiled" "0 $(head -c 4 work/$name.o | od -An -c)" "$? $(printf '\0asm' | od -An -c)"
    link $name
    is "$name.o is linked" "0 $(head -c 4 work/$name.wasm | od -An -c)" "$? $(printf '\0asm' | od -An -c)"
done
out=$(echo "A house is a" | "$TASKFS" run --dir work::/w --cwd /w work/words.wasm "two words" 2>errors)
is "the program runs" "2 $counted" "$? $out"
is "what it left in the granted directory" "3 words, two words" "$(cat work/sum)"

# The same from inside: one task mounts the archive, has others compile, link and run, and sees their exit codes.
driver() {
    "$TASKFS" run --dir "$clang::/prog:ro" --dir work::/w --cwd /w work/cc.wasm /prog/resources.tar /prog "$1" 2>errors
}
rm work/sum
out=$(echo "a House is A" | driver words.c)
is "tasks that a task makes compile, link and run" "2 $counted" "$? $out"
is "what they left" "words.c.o words.c.wasm 3 words, two words" "$(cd work && echo words.c.* $(cat sum))"

# One that does not compile.
printf 'int main(void)\n{\n    return 0\n}\n' >work/bad.c
compile bad
is "an error's exit code" 1 $?
is "an error's words" "bad.c:3:13: error: expected ';' after return statement" "$(head -n 1 errors)"
is "no object file comes of an error" absent "$([ -e work/bad.o ] || echo absent)"
driver bad.c
is "an error's exit code through a task" 1 $?
is "and its words" "bad.c:3:13: error: expected ';' after return statement" "$(head -n 1 errors)"
printf 'int nothing(void);\nint main(void) { return nothing(); }\n' >work/bad.c
compile bad
is "what cannot be linked is compiled" 0 $?
link bad
is "the linker's exit code" 1 $?
is "the linker's words" 1 "$(grep -c "undefined symbol: nothing" errors)"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
