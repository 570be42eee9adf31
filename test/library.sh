#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The C library as another project uses it: installed, found by pkg-config, linked shared and static, and the example run.
set -u

clang=clang-19
command -v $clang >/dev/null || { echo "no $clang here (tools/setup.sh installs it)"; exit 77; }
[ -d /usr/include/wasm32-wasi ] || { echo "no wasi-libc here (tools/setup.sh installs it)"; exit 77; }
passed=0 failed=0

is() { # NAME WANTED GOT
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        printf 'FAIL %s: %s, not %s\n' "$1" "$3" "$2"
        failed=$((failed + 1))
    fi
}

top=$(pwd)
prefix=$TEST_TMP/usr
san=
case $BUILD in
*asan-ubsan) san=asan,ubsan ;;
*tsan) san=tsan ;;
esac
B=${BUILD#"$top/"}                 # make has no names with blanks, but the way to the checkout may hold some
B=${B%/*}
${MAKE:-make} --no-print-directory -s B="$B" SAN=$san PREFIX="$prefix" install >"$TEST_TMP/install" 2>&1 ||
    { cat "$TEST_TMP/install"; exit 1; }
for file in bin/taskfs include/taskfs.h lib/libtaskfs.so.0 lib/libtaskfs.so lib/libtaskfs.a lib/pkgconfig/taskfs.pc \
    share/man/man1/taskfs.1 share/man/man4/taskfs.4 share/man/man4/taskfs-task.4 share/bash-completion/completions/taskfs \
    share/zsh/site-functions/_taskfs share/fish/vendor_completions.d/taskfs.fish; do
    is "installed: $file" 1 "$([ -e "$prefix/$file" ] && echo 1)"
done
is "the installed command runs" "taskfs 0.1.0" "$("$prefix/bin/taskfs" --version)"
# Nothing but our own names is seen.
is "names of the shared library" "" "$(nm -D --defined-only "$prefix/lib/libtaskfs.so.0" | awk '{ print $3 }' | grep -v '^taskfs_')"

cd "$TEST_TMP" || exit 1
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
cp "$top/test/run/tool.c" .
$clang --target=wasm32-wasi -O1 -o tool.wasm tool.c || exit 1
cat >say.c <<'END'
#include <stdio.h>
int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        printf("%s%s", i == 1 ? "" : " ", argv[i]);
    puts("");
    return argc;
}
END
$clang --target=wasm32-wasi -O1 -o say.wasm say.c || exit 1
flags="-std=c11 -Wall -Wextra -Wpedantic -Werror ${san:+-fsanitize=$(echo $san | sed 's/asan/address/; s/ubsan/undefined/; s/tsan/thread/')}"
wanted=$(printf 'task 2 says:\nfrom the library')
# shellcheck disable=SC2046,SC2086
{
    cc $flags "$top/examples/hello.c" $(pkg-config --cflags --libs taskfs) -o shared &&
        out=$(LD_LIBRARY_PATH=$prefix/lib ./shared say.wasm)
    is "the example, linked shared" "4 $wanted" "$? $out"
    cc $flags "$top/examples/hello.c" $(pkg-config --cflags taskfs) "$prefix/lib/libtaskfs.a" \
        $(pkg-config --libs --static taskfs | sed 's/-ltaskfs//') -Wl,-rpath,"$prefix/lib" -o static && out=$(./static say.wasm)
    is "the example, linked static" "4 $wanted" "$? $out"
    LD_LIBRARY_PATH=$prefix/lib ./shared missing.wasm >out 2>&1
    is "a program that is not there" "1 hello: missing.wasm: No such file or directory" "$? $(cat out)"
    $clang -x c++ -fsyntax-only -Wall -Wextra -Werror -I"$prefix/include" - <<'END'
#include <taskfs.h>
int main() { return taskfs_version()[0] == 0; }
END
    is "the header is C++ too" 0 $?
    cc $flags "$top/test/run/library.c" $(pkg-config --cflags --libs taskfs) -o calls &&
        out=$(LD_LIBRARY_PATH=$prefix/lib ./calls tool.wasm 2>&1)
    is "every function" "0 " "$? $out"
}

echo "$passed passed, $failed failed"
