# SPDX-License-Identifier: MIT
#
# bash completion for taskfs(1).

# Names of files that end in .wasm, and directories.
_taskfs_programs() {
    COMPREPLY=($(compgen -f -X '!*.wasm' -- "$cur") $(compgen -d -- "$cur"))
    compopt -o filenames 2>/dev/null
}

_taskfs_directories() {
    COMPREPLY=($(compgen -d -- "$cur"))
    compopt -o filenames 2>/dev/null
}

_taskfs_value() {
    case $1 in
    --dir) _taskfs_directories ;;
    --mount)
        COMPREPLY=($(compgen -W $'tmpfs::\ntar:' -- "$cur"))
        compopt -o nospace 2>/dev/null
        ;;
    --env) COMPREPLY=($(compgen -e -- "$cur")) ;;
    --cwd) COMPREPLY=($(compgen -W $'/\n/tmp' -- "$cur")) ;;
    --memlimit) COMPREPLY=($(compgen -W $'16M\n64M\n256M\n1G\nmax' -- "$cur")) ;;
    --nice) COMPREPLY=($(compgen -W $'5\n10\n19' -- "$cur")) ;;
    *) return 1 ;;
    esac
}

# What a program of the host takes: its own completion, where there is one.
_taskfs_command() {
    if ((COMP_CWORD == $1)); then
        COMPREPLY=($(compgen -c -- "$cur"))
    elif declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    else
        COMPREPLY=($(compgen -f -- "$cur"))
        compopt -o filenames 2>/dev/null
    fi
}

_taskfs() {
    local IFS=$'\n' cur=${COMP_WORDS[COMP_CWORD]} options option command='' i operand=0
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -*) ;;
        *) command=${COMP_WORDS[i++]}; break ;;
        esac
    done
    options=-v$'\n'--verbose$'\n'-h$'\n'--help
    case $command in
    '')
        case $cur in
        -*) COMPREPLY=($(compgen -W "$options"$'\n-V\n--version' -- "$cur")) ;;
        *) COMPREPLY=($(compgen -W $'run\nmount\nhelp' -- "$cur")) ;;
        esac
        return
        ;;
    help) COMPREPLY=($(compgen -W $'run\nmount' -- "$cur")); return ;;
    run) options+=$'\n--dir\n--mount\n--bare\n--env\n--cwd\n--memlimit\n--nice\n--inside' ;;
    mount) options+=$'\n--dir\n--mount\n--bare\n--allow-other\n--nonempty' ;;
    *) return ;;
    esac
    # Up to the first word that is no option, nor the value of one. A "=" is a word of its own.
    for (( ; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --) operand=$((i + 1)); break ;;
        --dir | --mount | --env | --cwd | --memlimit | --nice)
            option=${COMP_WORDS[i]}
            [[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))
            ((i == COMP_CWORD)) && cur=''
            ((i + 1 >= COMP_CWORD)) && { _taskfs_value "$option"; return; }
            ((i++))
            ;;
        -*) ;;
        *) operand=$i; break ;;
        esac
    done
    ((operand == 0)) && operand=$COMP_CWORD
    if ((operand == COMP_CWORD)) && [[ $cur == -* && ${COMP_WORDS[operand - 1]} != -- ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$cur"))
    elif [[ $command == mount ]]; then
        if ((operand == COMP_CWORD)); then _taskfs_directories; else _taskfs_command $((operand + 1)); fi
    elif ((operand == COMP_CWORD)); then
        _taskfs_programs
    fi
}

complete -o bashdefault -o default -F _taskfs taskfs
