/* SPDX-License-Identifier: MIT */
/*
 * A pipe between two tasks against one between two processes: blocks of 64 KiB, and one byte there and back. Where the two ends run
 * decides more than anything else: on two processors, where the host likes, and then both ends of either side on one.
 */
#include "bench/bench.h"

#include <stdio.h>
#include <string.h>

#define IMPORTS                                                                                                                  \
    "(import \"wasi_snapshot_preview1\" \"fd_write\" (func $write (param i32 i32 i32 i32) (result i32)))"                        \
    "(import \"wasi_snapshot_preview1\" \"fd_read\" (func $read (param i32 i32 i32 i32) (result i32)))"                          \
    "(memory (export \"memory\") 3)"

/* One piece of memory at 65536, `size` bytes long, described at 0; the count comes to 16. */
#define PIECE "(data (i32.const 0) \"\\00\\00\\01\\00%s\")"

/* A write may be short: bytes are counted. */
static const char block_writer[] =
    "(module " IMPORTS PIECE
    "(func (export \"_start\") (local $left i64) (local.set $left (i64.mul (i64.const 65536) (i64.const %u)))"
    " (loop $l (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)) (then unreachable))"
    "  (local.set $left (i64.sub (local.get $left) (i64.load32_u (i32.const 16))))"
    "  (br_if $l (i64.gt_s (local.get $left) (i64.const 0))))))";

static const char block_reader[] =
    "(module " IMPORTS PIECE
    "(func (export \"_start\") (loop $l (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))"
    "  (br_if $l (i32.load (i32.const 16))))))";

static const char byte_asker[] =
    "(module " IMPORTS PIECE "(func (export \"_start\") (local $i i32) (local.set $i (i32.const %u))"
    " (loop $l (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))"
    "  (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))"
    "  (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))))";

static const char byte_answerer[] =
    "(module " IMPORTS PIECE
    "(func (export \"_start\") (loop $l (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16)))"
    "  (if (i32.load (i32.const 16)) (then (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const "
    "16))) (br $l))))))";

typedef struct Pair {
    Rig *m;
    const char *first, *second;     /* texts of the programs */
    const char *size;               /* the length of the piece, as four bytes of a wat string */
    bool back;                      /* a second pipe */
    unsigned n;                     /* repetitions that the programs were made for */
} Pair;

static void make_programs(Pair *p, unsigned n)
{
    char wat[4096];
    if (p->n == n)
        return;
    snprintf(wat, sizeof wat, p->first, p->size, n);
    rig_program(p->m, "/tmp/first", wat);
    snprintf(wat, sizeof wat, p->second, p->size);
    rig_program(p->m, "/tmp/second", wat);
    p->n = n;
}

static void wait_for(Rig *m, unsigned id)
{
    char path[64], code[16];
    snprintf(path, sizeof path, "/task/%u/wait", id);
    if (rig_get(m, path, code, sizeof code) != 2 || code[0] != '0')
        die("task %u: exit code %.3s", id, code);
    rig_task(m, id, "ctl", "remove\n");
}

static double run_pair(void *arg, unsigned n)
{
    Pair *p = arg;
    Rig *m = p->m;
    make_programs(p, n);
    unsigned a = rig_new_task(m), b = rig_new_task(m);
    char line[64];
    snprintf(line, sizeof line, "pipe /task/%u/fd/0\n", b);
    rig_task(m, a, "fd/1/ctl", line);
    snprintf(line, sizeof line, "pipe /task/%u/fd/0\n", a);
    if (p->back)
        rig_task(m, b, "fd/1/ctl", line);
    rig_task(m, a, "ctl", "cmd /tmp/first\n");
    rig_task(m, b, "ctl", "cmd /tmp/second\n");
    uint64_t start = clock_now(CLOCK_MONO);
    rig_task(m, b, "ctl", "start\n");
    rig_task(m, a, "ctl", "start\n");
    wait_for(m, a);
    wait_for(m, b);
    return (double)(clock_now(CLOCK_MONO) - start);
}

void bench_pipes(Rig *m)
{
    static HostWork blocks = HOST_PIPE_BLOCKS, bytes = HOST_PIPE_BYTES;
    Pair big = { .m = m, .first = block_writer, .second = block_reader, .size = "\\00\\00\\01\\00" };
    Pair small = { .m = m, .first = byte_asker, .second = byte_answerer, .size = "\\01\\00\\00\\00", .back = true };
    Side host_blocks = { "host's pipe", host_run, &blocks }, host_bytes = { "host's pipe", host_run, &bytes };
    bench_pair("pipe: 64 KiB", (Side){ "tasks", run_pair, &big }, host_blocks, 4000, 3);
    bench_pair("pipe: one byte there and back", (Side){ "tasks", run_pair, &small }, host_bytes, 10000, 2);
    host_one_processor(true);
    bench_pair("pipe: 64 KiB, one processor", (Side){ "tasks", run_pair, &big }, host_blocks, 4000, 3);
    bench_pair("pipe: one byte, one processor", (Side){ "tasks", run_pair, &small }, host_bytes, 10000, 2);
    host_one_processor(false);
}
