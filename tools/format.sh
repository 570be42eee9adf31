#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Compares the C files with what clang-format makes of them; --fix changes them. How many blanks stand inside a line is the
# author's choice, so that tables and the comments at the end of lines keep their columns.
#
#   format.sh [--fix] [FILE...]
set -eu

cd "$(dirname "$0")/.."
fix=
if [ "${1-}" = --fix ]; then
    fix=yes
    shift
fi
if ! command -v clang-format >/dev/null; then
    echo "format.sh: no clang-format here, so the format is not checked (tools/setup.sh installs it)"
    exit 0
fi
[ $# -gt 0 ] || set -- $(find bench dev door engine front include kern os p9 test user -name '*.[ch]' 2>/dev/null | sort)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Indentation stays; runs of blanks behind it count as one, and none before "]", ")" or ",".
squeeze() {
    sed -e ':indent' -e 's/^\(\t*\) /\1\t/' -e 't indent' -e 's/  */ /g' -e 's/ \([]),;]\)/\1/g' -e 's/ $//'
}

# What was right once is right until it changes, or the rules do.
good=${B:-build}/format.good
mkdir -p "${good%/*}"
rules=$(sha256sum .clang-format tools/format.sh | sha256sum | cut -c 1-16)
sha256sum "$@" | sed "s/^/$rules /" >"$work/now"
touch "$good"
grep -vxFf "$good" "$work/now" | sed 's/^[^ ]* [^ ]*  //' >"$work/todo" || :
grep -xFf "$good" "$work/now" >"$work/good" || :

wrong=0
while IFS= read -r file; do
    clang-format "$file" >"$work/formatted"
    squeeze <"$file" >"$work/a"
    squeeze <"$work/formatted" >"$work/b"
    if diff "$work/a" "$work/b" >"$work/changes"; then
        grep "  $file\$" "$work/now" >>"$work/good"
        continue
    fi
    wrong=$((wrong + 1))
    if [ -z "$fix" ]; then
        [ $wrong -gt 10 ] || sed -n "s|^\([0-9][0-9]*\).*|$file:\1: make fmt would change this|p" "$work/changes" | head -n 3
        continue
    fi
    # Only the lines that differ are taken from the formatted text.
    awk -v original="$file" -v formatted="$work/formatted" '
        function range(text, r) { if (split(text, r, ",") == 1) r[2] = r[1] }
        function keep(last) { while (at <= last) print old[at++] }
        BEGIN {
            while ((getline line < original) > 0) old[++n] = line
            while ((getline line < formatted) > 0) new[++m] = line
            at = 1
        }
        /^[0-9]/ {
            verb = $0
            gsub(/[0-9,]/, "", verb)
            split($0, side, verb)
            range(side[1], o)
            range(side[2], f)
            keep(verb == "a" ? o[1] : o[1] - 1)
            if (verb != "d")
                for (i = f[1]; i <= f[2]; i++) print new[i]
            if (verb != "a")
                at = o[2] + 1
        }
        END { keep(n) }' "$work/changes" >"$work/fixed"
    cat "$work/fixed" >"$file"
    echo "format.sh: $file"
done <"$work/todo"
sort -u "$work/good" "$good" -o "$good"
[ -n "$fix" ] || [ $wrong -eq 0 ] || { echo "format.sh: $wrong files are not formatted; make fmt does it"; exit 1; }
