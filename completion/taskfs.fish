# SPDX-License-Identifier: MIT
#
# fish completion for taskfs(1).

# How many words stand behind `run` or `mount` that are no options, nor values of these.
function __taskfs_operands
    set -l value no
    set -l command no
    set -l n 0
    for word in (commandline -opc)[2..-1]
        if test $command = no
            contains -- $word run mount; and set command yes
        else if test $value = yes
            set value no
        else if test $n = 0; and contains -- $word --dir --mount --env --cwd --memlimit --nice
            set value yes
        else if test $n != 0; or not string match -q -- '-*' $word
            set n (math $n + 1)
        end
    end
    echo $n
end

set -l commands run mount help
complete -c taskfs -f
complete -c taskfs -s v -l verbose -d 'say what is done'
complete -c taskfs -s h -l help -d 'print what it takes'
complete -c taskfs -n "not __fish_seen_subcommand_from $commands" -s V -l version -d 'print the version'
complete -c taskfs -n "not __fish_seen_subcommand_from $commands" -a run -d 'run a WASI program as a task'
complete -c taskfs -n "not __fish_seen_subcommand_from $commands" -a mount -d 'show the files of a kernel as a directory'
complete -c taskfs -n "not __fish_seen_subcommand_from $commands" -a help -d 'what a command takes'
complete -c taskfs -n '__fish_seen_subcommand_from help' -a 'run mount'

# What both take.
set -l both '__fish_seen_subcommand_from run mount'
complete -c taskfs -n $both -l dir -x -a '(__fish_complete_directories)' -d 'a directory or file of the host'
complete -c taskfs -n $both -l mount -x -a 'tmpfs:: tar:' -d 'a file system'
complete -c taskfs -n $both -l bare -d 'nothing but what is granted'

set -l run '__fish_seen_subcommand_from run'
complete -c taskfs -n $run -l env -x -a '(set -nx)' -d 'a variable'
complete -c taskfs -n $run -l cwd -x -a '/ /tmp' -d 'where it starts'
complete -c taskfs -n $run -l memlimit -x -a '16M 64M 256M 1G max' -d 'what it may take of memory'
complete -c taskfs -n $run -l nice -x -a '5 10 19' -d 'its priority'
complete -c taskfs -n $run -l inside -d 'the program is a file of what it sees'
complete -c taskfs -n "$run; and test (__taskfs_operands) = 0" -k -a '(__fish_complete_suffix .wasm)'
complete -c taskfs -n "$run; and test (__taskfs_operands) != 0" -F

set -l mount '__fish_seen_subcommand_from mount'
complete -c taskfs -n $mount -l allow-other -d 'other users may look in, too'
complete -c taskfs -n $mount -l nonempty -d 'the directory may hold files'
complete -c taskfs -n "$mount; and test (__taskfs_operands) = 0" -a '(__fish_complete_directories)'
complete -c taskfs -n "$mount; and test (__taskfs_operands) = 1" -a '(__fish_complete_command)'
complete -c taskfs -n "$mount; and test (__taskfs_operands) != 0; and test (__taskfs_operands) != 1" -F
