#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What taskfs(1) says about itself: help fits a screen, every command and option stands in the manual and in the completions, and
# these work in the shells that they are for.
set -u

LC_ALL=C
export LC_ALL
passed=0 failed=0 skipped=0

# is NAME WANTED GOT
is() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        printf 'FAIL %s: %s, not %s\n' "$1" "$3" "$2"
        failed=$((failed + 1))
    fi
}
# has NAME WORD TEXT: WORD is one of TEXT's.
has() {
    case " $(echo "$3" | tr '\n' ' ') " in
    *" $2 "*) passed=$((passed + 1)) ;;
    *) printf 'FAIL %s: no %s in: %s\n' "$1" "$2" "$3"; failed=$((failed + 1)) ;;
    esac
}
without() { echo "not tested: $1 is not here"; skipped=$((skipped + 1)); }

top=$(pwd)
cd "$TEST_TMP" || exit 1
here=$(pwd)
mkdir words man mnt
: >prog.wasm
: >prog.c

# ---- help

commands=$("$TASKFS" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | xargs)
is "the commands" "run mount help" "$commands"
options_of() { "$TASKFS" "$@" --help | sed -n 's/^  \(-., \)\{0,1\}\(--[a-z-]*\).*/\2/p' | sort | xargs; }
is "the options of run" "--bare --cwd --dir --env --help --inside --memlimit --mount --nice --verbose" "$(options_of run)"
for command in '' run mount; do
    "$TASKFS" $command --help >text
    is "help $command fits a screen" "yes yes" "$([ "$(wc -l <text)" -le 24 ] && echo yes) $(
        awk 'length > 79 { long = 1 } END { if (!long) print "yes" }' text)"
    [ -z "$command" ] || is "help $command" "$(cat text)" "$("$TASKFS" help $command)"
done
said() { "$TASKFS" "$@" 2>&1; echo $?; }
is "a mistyped command" "taskfs: no command muont; did you mean \`taskfs mount\`?
125" "$(said muont)"
is "one that is none" "taskfs: no command frobnicate; see \`taskfs --help\`
125" "$(said frobnicate)"
is "help for one that is none" "taskfs: no command rnu; did you mean \`taskfs run\`?
125" "$(said help rnu)"
is "a mistyped option" "taskfs: run: unknown option --dri; --dir is one; see \`taskfs run --help\`
125" "$(said run --dri . prog.wasm)"
is "no command: help, on standard error" "125 " "$("$TASKFS" >out 2>/dev/null; echo $?) $(cat out)"

# ---- the manual

version=$("$TASKFS" --version | sed 's/taskfs //')
page() { "$top/tools/man.sh" "$1" "$2" "$version" "$3" >"man/$1.$2"; }
page taskfs 1 "$top/doc/man/taskfs.1.md"
page taskfs 4 "$top/doc/man/taskfs.4.md"
for file in "$top"/doc/dev/*.md "$top/doc/door/fuse.md"; do
    name=${file##*/}
    page "taskfs-${name%.md}" 4 "$file"
done
for file in man/*; do
    is "$file has a name and a text" "1 1" "$(grep -c '^taskfs.* \\- ' "$file") $(grep -c '^\.SH DESCRIPTION' "$file")"
    is "$file: nothing of Markdown is left" "" "$(grep -n -e '\*\*' -e '](' -e '^##' -e '^|' "$file")"
    # The order of sections that man-pages(7) asks for.
    is "$file begins with its name" "TH SH" "$(sed -n 's/^\.\(..\) .*/\1/p' "$file" | head -n 2 | xargs)"
done
if command -v groff >/dev/null; then
    for file in man/*; do
        is "groff has nothing to say about $file" "" "$(groff -man -ww -z -Tutf8 "$file" 2>&1)"
    done
else
    without groff
fi
if command -v man >/dev/null && man --warnings -E UTF-8 -l -Tutf8 -Z man/taskfs.1 >/dev/null 2>&1; then
    for file in man/*; do
        is "man has nothing to say about $file" "" "$(man --warnings -E UTF-8 -l -Tutf8 -Z "$file" 2>&1 >/dev/null)"
    done
else
    without man
fi
manual=$(sed 's/\\-/-/g; s/\\f[BRI]/ /g; s/[,.:;()=]/ /g' man/taskfs.1)
for word in $commands $(options_of run) $(options_of mount) --version TASKFS_BIN TASKFS_TRACE TASKFS_MOUNT; do
    has "taskfs.1" "$word" "$manual"
done
# Every file and every verb that there is.
plain() { sed 's/\\-/-/g; s/\\f[BRI]/ /g; s/[,.:;()|]/ /g; s,/, ,g' "man/$1"; }
# verbs NAME TEXT PAGE: the verbs that a ctl lists.
verbs() {
    is "$1 lists verbs" yes "$([ "$(echo "$2" | wc -l)" -ge 2 ] && echo yes)"
    for verb in $(echo "$2" | sed 's/ .*//'); do
        has "$3: the verbs of $1" "$verb" "$(plain "$3")"
    done
}
cat=$BUILD/bin/cat ls=$BUILD/bin/ls
if [ -e "$cat" ] && [ -e "$ls" ]; then
    verbs ctl "$("$TASKFS" run "$cat" /task/self/ctl)" taskfs-task.4
    verbs ns/ctl "$("$TASKFS" run "$cat" /task/self/ns/ctl)" taskfs-ns.4
    for file in $("$TASKFS" run "$ls" /task/self | xargs); do
        has taskfs.4 "$file" "$(plain taskfs.4)"
        has taskfs-task.4 "$file" "$(plain taskfs-task.4)"
    done
    for file in $("$TASKFS" run "$ls" /task/self/ns | xargs); do
        has taskfs-ns.4 "$file" "$(plain taskfs-ns.4)"
    done
    for file in $("$TASKFS" run "$ls" /dev | xargs); do
        has taskfs-dev.4 "$file" "$(plain taskfs-dev.4)"
    done
    for file in $("$TASKFS" run "$ls" /cap/new | xargs); do
        has taskfs-cap.4 "$file" "$(plain taskfs-cap.4)"
    done
else
    without "a program at /bin"
fi

# ---- completion: what each shell offers at the end of a line, sorted

# bash: the words of the line are split at blanks and "=" here, as bash does it.
offered_by_bash() {
    bash --norc -c '. "$1/completion/taskfs.bash"
        IFS=" "
        COMP_WORDS=(${2//=/ = })
        [[ $2 == *[\ =] ]] && COMP_WORDS+=("")
        [[ $2 == *= ]] && unset "COMP_WORDS[-1]"
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _taskfs
        printf "%s\n" "${COMPREPLY[@]}"' bash "$top" "$1" | sort -u | xargs
}

# zsh: a real one, on a pseudo-terminal; what it adds to its matches is written down.
cat >drive.zsh <<'END'
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1= ; cd ${(q)1}; fpath=(${(q)2}/completion \$fpath); autoload -Uz compinit; compinit -u -D; setopt no_beep"
zpty -w z 'compadd() {
    [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]] && { builtin compadd "$@"; return }
    typeset -a hits; builtin compadd -A hits -D hits "$@"; print -rl -- $hits >>offered
    builtin compadd "$@"
}'
zpty -w z "finish() { : >offered.done }; zle -N finish; bindkey '^T' finish; : >offered.ready"
for ((i = 0; i < 600; i++)); do [[ -e offered.ready ]] && break; sleep 0.05; done
zpty -w -n z "$3"$'\t\x14'
for ((i = 0; i < 600; i++)); do [[ -e offered.done ]] && break; sleep 0.05; done
zpty -d z
END
offered_by_zsh() {
    rm -f offered*
    zsh -f drive.zsh "$here" "$top" "$1" >/dev/null 2>&1
    sort -u offered 2>/dev/null | xargs
}

offered_by_fish() {
    fish --no-config -c 'source $argv[1]/completion/taskfs.fish; complete -C $argv[2]' "$top" "$1" | cut -f1 | sort -u | xargs
}

without_letters() { echo "$1" | tr ' ' '\n' | grep -- -- | xargs; }
for shell in bash zsh fish; do
    command -v $shell >/dev/null || { without $shell; continue; }
    offers() { offered_by_$shell "$1"; }
    is "$shell: the commands" "help mount run" "$(offers "taskfs ")"
    is "$shell: a command's beginning" mount "$(offers "taskfs mo")"
    is "$shell: the options of run" "$(options_of run)" "$(without_letters "$(offers "taskfs run --")")"
    is "$shell: the options of mount" "$(options_of mount)" "$(without_letters "$(offers "taskfs mount --")")"
    is "$shell: behind -v" --nonempty "$(offers "taskfs -v mount --n")"
    is "$shell: help" "mount run" "$(offers "taskfs help ")"
    is "$shell: directories to grant" "man mnt" "$(offers "taskfs run --dir m" | tr -d /)"
    is "$shell: directories to mount at" "man mnt" "$(offers "taskfs mount m" | tr -d /)"
    has "$shell: programs" prog.wasm "$(offers "taskfs run p")"
    has "$shell: programs, behind options" prog.wasm "$(offers "taskfs run --bare --memlimit 1M p")"
    is "$shell: a size" "16M 1G" "$(offers "taskfs run --memlimit 1")"
    has "$shell: a command" printenv "$(offers "taskfs mount --dir man mnt printen")"
done
if command -v bash >/dev/null; then
    is "bash: a value behind =" "man mnt" "$(offered_by_bash "taskfs run --dir=m")"
    is "bash: none yet" "16M 1G 256M 64M max" "$(offered_by_bash "taskfs run --memlimit=")"
fi

[ $skipped = 0 ] && echo "$passed passed, $failed failed" || echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
