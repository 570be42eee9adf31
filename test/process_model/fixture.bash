# SPDX-License-Identifier: MIT
#
# What the blocks of the process-model document presume, and what each must have brought about. The shell stands for task 1.

# make COMMAND...: a task that is not started, in $id.
make() {
    id=$(cat /task/new) && echo "cmd $*" >/task/$id/ctl
}

start() {
    echo start >/task/$1/ctl
}

# Creation: names that the new task inherits, and a variable.
before_1() {
    mkdir /tmp/own /tmp/own/sensitive /tmp/own/custom /tmp/own/user
    echo mine >/tmp/own/custom/mine
    printf '%s\n' 'bind /tmp/own/sensitive /sensitive' 'bind /tmp/own/custom /custom' 'bind /tmp/own/user /home/user' \
        >/task/self/ns/ctl
    echo INHERITED=yes >/task/self/env
}
after_1() {
    cat /task/$task_id/status /task/$task_id/parent
    ls /task
}

# Configuration.
after_2() {
    tr '\0' ' ' </task/$task_id/cmdline
    echo
    cat /task/$task_id/env /task/$task_id/cwd
    grep -e /sensitive -e /mnt /task/$task_id/ns/binds
    grep -c /sensitive /task/self/ns/binds
}

# Execution: the program waits until it was seen running.
after_3() {
    cat /task/$task_id/status
}
before_4() {
    (until grep -q running "$blocks_said"; do sleep 0.1; done; echo >/tmp/own/custom/go) &
}
after_4() {
    wait
    cat /task/$task_id/status /task/$task_id/exitcode
}

# Termination: of a program that ignores the first signal. exitcode does not wait for the end, so it may still be empty.
before_5() {
    make count
    task_id=$id
    echo 'ignore TERM' >/task/$task_id/ctl
    start $task_id
    sed 1q /task/$task_id/fd/1
}
filter_5() {
    sed '/^137$/d'
}
after_5() {
    echo "wait: $(cat /task/$task_id/wait), exitcode: $(cat /task/$task_id/exitcode)"
}

# Redirection: from another task, into a file that held something else.
before_6() {
    make hello '"from the other"'
    other_task=$id
    echo 'this goes, and it is longer than what comes' >/tmp/output.log
}
after_6() {
    echo 'cmd upper' >/task/$task_id/ctl
    start $task_id
    start $other_task
    cat /task/$task_id/wait /task/$other_task/wait /tmp/output.log
}

# Shared names: one of the two adds, the other looks.
before_7() {
    make tally /shared/n 3
    task1=$id
    make cat /shared/n
    task2=$id
}
after_7() {
    start $task1
    cat /task/$task1/wait
    start $task2
    cat /task/$task2/wait /task/$task2/fd/1 /tmp/shared/n
}

# A pipe.
before_8() {
    make hello '"through the pipe"'
    task1=$id
    make upper
    task2=$id
}
after_8() {
    start $task2
    start $task1
    cat /task/$task1/wait /task/$task2/wait /task/$task2/fd/1
}

# Signal files: the other side is a task.
before_9() {
    mkdir /tmp/signals
    make myapp await /tmp/signals/proc1 /tmp/signals/proc2
    start $id
}
after_9() {
    cat /task/$id/wait /tmp/signals/proc1
}

# Limits, and what was used: a program that takes what memory it gets.
before_10() {
    make eat
    task_id=$id
}
after_10() {
    grep max /task/$task_id/stat/mem
}
after_11() {
    grep nice /task/$task_id/stat/cpu
}
before_12() {
    start $task_id
    cat /task/$task_id/wait
}
filter_12() {
    sed 's/^\(current\|peak\|[a-z]*_usec\) [0-9][0-9]*$/\1 N/'
}
after_12() {
    cat /task/$task_id/fd/1
    awk '$1 == "peak" && $2 > 95 * 1048576 && $2 <= 100 * 1048576 { print "the peak is below the limit" }' \
        /task/$task_id/stat/mem
    awk '$1 == "usage_usec" && $2 > 0 { print "it took time" }' /task/$task_id/stat/cpu
}
