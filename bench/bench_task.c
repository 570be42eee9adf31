/* SPDX-License-Identifier: MIT */
/*
 * A task from /task/new to wait, as a door does it: namespace, descriptors and thread of its own, a module that writes one
 * byte, removed at the end. Against posix_spawn and waitpid of `true` from a small process.
 */
#include "bench/bench.h"

#include <stdio.h>

static const char one_byte[] =
    "(module (import \"wasi_snapshot_preview1\" \"fd_write\" (func $w (param i32 i32 i32 i32) (result i32)))"
    " (memory (export \"memory\") 1) (data (i32.const 0) \"\\08\\00\\00\\00\\01\\00\\00\\00x\")"
    " (func (export \"_start\") (drop (call $w (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))";

static double run_tasks(void *arg, unsigned n)
{
    Rig *m = arg;
    uint64_t start = clock_now(CLOCK_MONO);
    for (unsigned i = 0; i < n; i++) {
        unsigned id = rig_new_task(m);
        char path[64], code[16];
        rig_task(m, id, "ctl", "cmd /tmp/one\nstart\n");
        snprintf(path, sizeof path, "/task/%u/wait", id);
        if (rig_get(m, path, code, sizeof code) != 2 || code[0] != '0')
            die("task %u: exit code %.2s", id, code);
        rig_task(m, id, "ctl", "remove\n");
    }
    return (double)(clock_now(CLOCK_MONO) - start);
}

void bench_tasks(Rig *m)
{
    static HostWork dynamic = HOST_SPAWN_DYNAMIC, fixed = HOST_SPAWN_STATIC;
    rig_program(m, "/tmp/one", one_byte);
    Side ours = { "task", run_tasks, m };
    bench_pair("task: new to wait and removed", ours, (Side){ "posix_spawn, dynamic", host_run, &dynamic }, 200, 20);
    bench_pair("task: new to wait and removed", ours, (Side){ "posix_spawn, static", host_run, &fixed }, 200, 20);
}
