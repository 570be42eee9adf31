/* SPDX-License-Identifier: MIT */
/*
 * What a hostile program passes to preview 1: each address of each call at and past the end of its memory, numbers that
 * are no descriptors, vectors that wrap, overlap or are too many, and names of any bytes. What is refused has changed
 * nothing: neither the program's memory nor what the kernel holds.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/wasi_call.h"
#include "engine/wasi_test.h"
#include "kern/account.h"

/* Where things are in guest memory. */
enum {
    RESULT = 64,
    RECORD = 128,
    VECTOR = 256, /* of BUF */
    BUF = 512,
    SUB = 768, /* a clock that is due */
    EVENTS = 1024,
    EMPTY = 1280, /* names: a file, a directory, a link, and one that is not there */
    DIR = 1300,
    LINK = 1320,
    NEW = 1340,
    FILE_FD = 4,
};

typedef struct Row {
    int call;
    uint64_t a[9];
    struct {
        uint8_t arg;
        uint16_t n; /* so many bytes from there are the call's; 0: no more addresses */
    } at[3];
    uint8_t fds; /* which arguments are descriptors, a bit each */
    int always;  /* what it answers whatever the addresses are; 0: OK or FAULT */
} Row;

static const Row rows[] = {
    { CALL_args_get, { RECORD, BUF }, { { 0, 8 }, { 1, 17 } }, 0, 0 },
    { CALL_args_sizes_get, { RESULT, RECORD }, { { 0, 4 }, { 1, 4 } }, 0, 0 },
    { CALL_environ_get, { RECORD, BUF }, { { 0, 8 }, { 1, 17 } }, 0, 0 },
    { CALL_environ_sizes_get, { RESULT, RECORD }, { { 0, 4 }, { 1, 4 } }, 0, 0 },
    { CALL_clock_res_get, { 0, RESULT }, { { 1, 8 } }, 0, 0 },
    { CALL_clock_time_get, { 1, 0, RESULT }, { { 2, 8 } }, 0, 0 },
    { CALL_fd_advise, { FILE_FD, 0, 1, 0 }, { { 0, 0 } }, 1, 0 },
    { CALL_fd_allocate, { FILE_FD, 0, 20 }, { { 0, 0 } }, 1, 0 },
    { CALL_fd_close, { FILE_FD }, { { 0, 0 } }, 1, 0 },
    { CALL_fd_datasync, { FILE_FD }, { { 0, 0 } }, 1, 0 },
    { CALL_fd_fdstat_get, { FILE_FD, RECORD }, { { 1, 24 } }, 1, 0 },
    { CALL_fd_fdstat_set_flags, { 3, 0 }, { { 0, 0 } }, 1, 0 },
    { CALL_fd_fdstat_set_rights, { FILE_FD, 0, 0 }, { { 0, 0 } }, 1, 0 },
    { CALL_fd_filestat_get, { 3, RECORD }, { { 1, 64 } }, 1, 0 },
    { CALL_fd_filestat_set_size, { FILE_FD, 5 }, { { 0, 0 } }, 1, 0 },
    { CALL_fd_filestat_set_times, { 3, 1, 2, 5 }, { { 0, 0 } }, 1, 0 },
    { CALL_fd_pread, { FILE_FD, VECTOR, 1, 2, RESULT }, { { 1, 8 }, { 4, 4 } }, 1, 0 },
    { CALL_fd_prestat_get, { 3, RECORD }, { { 1, 8 } }, 1, 0 },
    { CALL_fd_prestat_dir_name, { 3, RECORD, 1 }, { { 1, 1 } }, 1, 0 },
    { CALL_fd_pwrite, { FILE_FD, VECTOR, 1, 2, RESULT }, { { 1, 8 }, { 4, 4 } }, 1, 0 },
    { CALL_fd_read, { FILE_FD, VECTOR, 1, RESULT }, { { 1, 8 }, { 3, 4 } }, 1, 0 },
    { CALL_fd_readdir, { 3, BUF, 100, 0, RESULT }, { { 1, 100 }, { 4, 4 } }, 1, 0 },
    { CALL_fd_renumber, { FILE_FD, 3 }, { { 0, 0 } }, 3, 0 },
    { CALL_fd_seek, { FILE_FD, 1, WASI_SEEK_SET, RESULT }, { { 3, 8 } }, 1, 0 },
    { CALL_fd_sync, { 3 }, { { 0, 0 } }, 1, 0 },
    { CALL_fd_tell, { FILE_FD, RESULT }, { { 1, 8 } }, 1, 0 },
    { CALL_fd_write, { FILE_FD, VECTOR, 1, RESULT }, { { 1, 8 }, { 3, 4 } }, 1, 0 },
    { CALL_path_create_directory, { 3, NEW, 3 }, { { 1, 3 } }, 1, 0 },
    { CALL_path_filestat_get, { 3, 0, EMPTY, 5, RECORD }, { { 2, 5 }, { 4, 64 } }, 1, 0 },
    { CALL_path_filestat_set_times, { 3, 0, EMPTY, 5, 1, 2, 5 }, { { 2, 5 } }, 1, 0 },
    { CALL_path_link, { 3, 0, EMPTY, 5, 3, NEW, 3 }, { { 2, 5 }, { 5, 3 } }, 1 | 16, 0 },
    { CALL_path_open, { 3, 0, NEW, 3, WASI_CREAT, RIGHTS_RW, 0, 0, RESULT }, { { 2, 3 }, { 8, 4 } }, 1, 0 },
    { CALL_path_readlink, { 3, LINK, 4, BUF, 8, RESULT }, { { 1, 4 }, { 3, 8 }, { 5, 4 } }, 1, 0 },
    { CALL_path_remove_directory, { 3, DIR, 1 }, { { 1, 1 } }, 1, 0 },
    { CALL_path_rename, { 3, EMPTY, 5, 3, NEW, 3 }, { { 1, 5 }, { 4, 3 } }, 1 | 8, 0 },
    { CALL_path_symlink, { NEW, 3, 3, NEW, 3 }, { { 0, 3 }, { 3, 3 } }, 4, 0 },
    { CALL_path_unlink_file, { 3, EMPTY, 5 }, { { 1, 5 } }, 1, 0 },
    { CALL_poll_oneoff, { SUB, EVENTS, 1, RESULT }, { { 0, 48 }, { 1, 32 }, { 3, 4 } }, 0, 0 },
    { CALL_random_get, { BUF, 16 }, { { 0, 16 } }, 0, 0 },
    { CALL_sock_accept, { FILE_FD, 0, RESULT }, { { 2, 4 } }, 1, WASI_ENOTSOCK },
    { CALL_sock_recv, { FILE_FD, VECTOR, 1, 0, RESULT, RECORD }, { { 1, 8 }, { 4, 4 }, { 5, 2 } }, 1, WASI_ENOTSOCK },
    { CALL_sock_send, { FILE_FD, VECTOR, 1, 0, RESULT }, { { 1, 8 }, { 4, 4 } }, 1, WASI_ENOTSOCK },
    { CALL_sock_shutdown, { FILE_FD, 3 }, { { 0, 0 } }, 1, WASI_ENOTSOCK },
};

#define WASI_32(n) ((uint32_t)a[n])
#define WASI_64(n) (a[n])
#define HOSTILE_CALL(name, params, results, arguments)                                                                 \
    case CALL_##name:                                                                                                  \
        WASI_RUN(w, r, wasi_##name arguments);                                                                         \
        break;

static int32_t call_with(Prog *p, int call, const uint64_t *a)
{
    WasiThread *w = &p->w;
    int32_t r = WASI_END;
    switch (call) {
        WASI_CALLS(HOSTILE_CALL)
    default:
        break;
    }
    return r;
}

/* What must be as it was after a call that was refused. */
typedef struct Seen {
    uint8_t *memory; /* owned */
    uint64_t charged;
    unsigned open;
} Seen;

static void see(Prog *p, Seen *s)
{
    AccountSums sums;
    account_sums(p->task.account, &sums);
    s->charged = sums.mem_current;
    s->open = 0;
    for (int fd = 0; (fd = fd_next(p->task.fds, fd)) >= 0; fd++)
        s->open++;
}

static void is_as_it_was(Prog *p, int call, const Seen *before)
{
    Seen now;
    see(p, &now);
    EQ(now.charged, before->charged);
    EQ(now.open, before->open);
    if (memcmp(p->memory, before->memory, GUEST_MEMORY) != 0)
        FAIL("%s was refused, and has written", prog_call_name(call));
    EQ(DO(p, fd_tell, FILE_FD, 0), WASI_OK);
    EQ(prog_u64(p, 0), 0);
}

static void world_begin(Prog *p, bool copied)
{
    prog_begin(p, copied);
    EQ(prog_open(p, "dir/file", 0, wasi_rights_dir | wasi_rights_file), FILE_FD);
    EQ(DO(p, path_create_directory, 3, PATH("d")), WASI_OK);
    memset(p->memory, 0, GUEST_HEAP);
    prog_set32(p, VECTOR, BUF);
    prog_set32(p, VECTOR + 4, 8);
    memcpy(p->memory + BUF, "abcdefgh", 8);
    memcpy(p->memory + EMPTY, "empty", 5);
    memcpy(p->memory + DIR, "d", 1);
    memcpy(p->memory + LINK, "link", 4);
    memcpy(p->memory + NEW, "new", 3);
    prog_set32(p, SUB + 16, WASI_CLOCK_MONOTONIC);
}

/* ---- addresses -------------------------------------------------------------------------------------------------- */

static void try_addresses(Prog *p, const Row *row, unsigned k, const Seen *before)
{
    uint32_t n = row->at[k].n;
    const uint32_t bad[] = {
        GUEST_MEMORY - n + 1, GUEST_MEMORY, GUEST_MEMORY + 1, 0x7fffffff, 0x80000000, -n, UINT32_MAX,
    };
    for (size_t i = 0; i < LEN(bad); i++) {
        uint64_t a[9];
        memcpy(a, row->a, sizeof a);
        a[row->at[k].arg] = bad[i];
        int32_t r = call_with(p, row->call, a);
        if (r != (row->always != 0 ? row->always : WASI_EFAULT))
            FAIL("%s, argument %u at %#x: %d", prog_call_name(row->call), row->at[k].arg, bad[i], (int)r);
        is_as_it_was(p, row->call, before);
    }
}

static void every_address(bool copied)
{
    Prog p;
    world_begin(&p, copied);
    Seen before = { .memory = malloc(GUEST_MEMORY) };
    TRUE(before.memory != NULL);
    memcpy(before.memory, p.memory, GUEST_MEMORY);
    see(&p, &before);
    for (size_t i = 0; i < LEN(rows); i++)
        for (unsigned k = 0; k < LEN(rows[i].at) && rows[i].at[k].n != 0; k++)
            try_addresses(&p, &rows[i], k, &before);
    free(before.memory);
    prog_end(&p);
}

TEST(an_address_outside_changes_nothing)
{
    every_address(false);
    every_address(true);
}

/* The same bytes where memory ends, and not one beyond: that is inside. */
TEST(an_address_may_end_where_memory_ends)
{
    for (size_t i = 0; i < LEN(rows); i++) {
        for (unsigned k = 0; k < LEN(rows[i].at) && rows[i].at[k].n != 0; k++) {
            Prog p;
            uint64_t a[9];
            world_begin(&p, i % 2 != 0);
            memcpy(a, rows[i].a, sizeof a);
            uint64_t *at = &a[rows[i].at[k].arg];
            memcpy(p.memory + GUEST_MEMORY - rows[i].at[k].n, p.memory + *at, rows[i].at[k].n);
            *at = GUEST_MEMORY - rows[i].at[k].n;
            EQ(call_with(&p, rows[i].call, a), rows[i].always);
            prog_end(&p);
        }
    }
}

/* Three calls have neither an address nor a descriptor. */
TEST(every_call_has_a_row)
{
    bool has[CALL_COUNT] = { [CALL_proc_exit] = true, [CALL_proc_raise] = true, [CALL_sched_yield] = true };
    for (size_t i = 0; i < LEN(rows); i++) {
        TRUE(!has[rows[i].call]);
        has[rows[i].call] = true;
    }
    for (int call = 0; call < CALL_COUNT; call++)
        if (!has[call])
            FAIL("%s", prog_call_name(call));
}

TEST(a_number_that_is_no_descriptor_changes_nothing)
{
    static const uint32_t bad[] = { 5,          FD_LIMIT_DEFAULT, FD_LIMIT_MAX, INT32_MAX,
                                    0x80000000, UINT32_MAX - 99,  UINT32_MAX };
    Prog p;
    world_begin(&p, false);
    Seen before = { .memory = malloc(GUEST_MEMORY) };
    TRUE(before.memory != NULL);
    memcpy(before.memory, p.memory, GUEST_MEMORY);
    see(&p, &before);
    for (size_t i = 0; i < LEN(rows); i++) {
        for (unsigned arg = 0; arg < 8; arg++) {
            for (size_t k = 0; k < LEN(bad) && (rows[i].fds & 1u << arg) != 0; k++) {
                uint64_t a[9];
                memcpy(a, rows[i].a, sizeof a);
                a[arg] = bad[k];
                int32_t r = call_with(&p, rows[i].call, a);
                if (r != WASI_EBADF)
                    FAIL("%s, argument %u is %u: %d", prog_call_name(rows[i].call), arg, bad[k], (int)r);
                is_as_it_was(&p, rows[i].call, &before);
            }
        }
    }
    free(before.memory);
    prog_end(&p);
}

/* ---- vectors ---------------------------------------------------------------------------------------------------- */

static const int io_calls[] = { CALL_fd_read, CALL_fd_write, CALL_fd_pread, CALL_fd_pwrite };

static int32_t io_call(Prog *p, int call, uint32_t vectors, uint32_t count)
{
    uint64_t a[9] = { FILE_FD, vectors, count, RESULT };
    if (call == CALL_fd_pread || call == CALL_fd_pwrite) {
        a[3] = 0;
        a[4] = RESULT;
    }
    return call_with(p, call, a);
}

/* A good vector before a bad one is not used either. */
static void bad_vectors(bool copied)
{
    static const struct {
        uint32_t addr, len;
    } bad[] = {
        { GUEST_MEMORY, 1 },
        { GUEST_MEMORY - 1, 2 },
        { 0, GUEST_MEMORY + 1 },
        { GUEST_MEMORY + 1, 0 },
        { UINT32_MAX, 1 },
        { UINT32_MAX, UINT32_MAX },
        { 1, UINT32_MAX },
        { 0, 0x80000000 },
        { 0x80000000, 0x80000000 },
        { 0x7fffffff, 2 },
        { GUEST_MEMORY - 8, 0xfffffff8 },
    };
    Prog p;
    world_begin(&p, copied);
    Seen before = { .memory = malloc(GUEST_MEMORY) };
    TRUE(before.memory != NULL);
    see(&p, &before);
    for (size_t i = 0; i < LEN(bad); i++) {
        prog_set32(&p, VECTOR + 8, bad[i].addr);
        prog_set32(&p, VECTOR + 12, bad[i].len);
        memcpy(before.memory, p.memory, GUEST_MEMORY);
        for (size_t k = 0; k < LEN(io_calls); k++) {
            EQ(io_call(&p, io_calls[k], VECTOR + 8, 1), WASI_EFAULT);
            is_as_it_was(&p, io_calls[k], &before);
            EQ(io_call(&p, io_calls[k], VECTOR, 2), WASI_EFAULT);
            is_as_it_was(&p, io_calls[k], &before);
        }
    }
    free(before.memory);
    EQ(DO(&p, fd_filestat_get, FILE_FD, RECORD), WASI_OK);
    EQ(prog_u64(&p, RECORD + 32), 10);
    prog_end(&p);
}

TEST(a_vector_outside_changes_nothing)
{
    bad_vectors(false);
    bad_vectors(true);
}

TEST(vectors_are_counted_before_they_are_looked_at)
{
    static const uint32_t many[] = { GUEST_IOV_MAX + 1, 0x20000000, 0x20000001, 0x7fffffff, 0x80000000, UINT32_MAX };
    for (int copied = 0; copied < 2; copied++) {
        Prog p;
        world_begin(&p, copied != 0);
        for (size_t k = 0; k < LEN(io_calls); k++) {
            for (size_t i = 0; i < LEN(many); i++) {
                EQ(io_call(&p, io_calls[k], VECTOR, many[i]), WASI_EINVAL);
                EQ(io_call(&p, io_calls[k], UINT32_MAX, many[i]), WASI_EINVAL);
            }
            EQ(io_call(&p, io_calls[k], GUEST_MEMORY - 8 * GUEST_IOV_MAX, GUEST_IOV_MAX), WASI_OK);
            EQ(io_call(&p, io_calls[k], GUEST_MEMORY - 8 * GUEST_IOV_MAX + 1, GUEST_IOV_MAX), WASI_EFAULT);
            EQ(io_call(&p, io_calls[k], GUEST_MEMORY, 0), WASI_OK);
            EQ(io_call(&p, io_calls[k], GUEST_MEMORY + 1, 0), WASI_EFAULT);
            prog_set32(&p, VECTOR + 8, GUEST_MEMORY);
            prog_set32(&p, VECTOR + 12, 0);
            EQ(io_call(&p, io_calls[k], VECTOR + 8, 1), WASI_OK);
        }
        prog_end(&p);
    }
}

/* Vectors over one another, and over their own array, which was taken before the first byte came. */
TEST(vectors_may_overlap)
{
    for (int copied = 0; copied < 2; copied++) {
        Prog p;
        world_begin(&p, copied != 0);
        prog_set32(&p, VECTOR + 4, 4);
        prog_set32(&p, VECTOR + 8, BUF + 2);
        prog_set32(&p, VECTOR + 12, 4);
        EQ(io_call(&p, CALL_fd_read, VECTOR, 2), WASI_OK);
        EQ(prog_u32(&p, RESULT), 8);
        MEM_EQ(p.memory + BUF, "014567gh", 8);
        EQ(io_call(&p, CALL_fd_pwrite, VECTOR, 2), WASI_OK);
        EQ(io_call(&p, CALL_fd_pread, prog_iov(&p, BUF, 10), 1), WASI_OK);
        MEM_EQ(p.memory + BUF, "0145456789", 10);
        /* The result where the data goes: it comes last. */
        EQ(DO(&p, fd_pread, FILE_FD, prog_iov(&p, BUF, 10), 1, 0, BUF + 4), WASI_OK);
        MEM_EQ(p.memory + BUF,
               "0145\x0a\0\0\0"
               "89",
               10);
        prog_end(&p);
    }
}

TEST(a_vector_may_be_read_over_the_vectors)
{
    Prog p;
    world_begin(&p, false);
    prog_set32(&p, VECTOR, VECTOR);
    prog_set32(&p, VECTOR + 8, BUF);
    prog_set32(&p, VECTOR + 12, 2);
    EQ(io_call(&p, CALL_fd_read, VECTOR, 2), WASI_OK);
    EQ(prog_u32(&p, RESULT), 10);
    MEM_EQ(p.memory + VECTOR, "01234567", 8);
    MEM_EQ(p.memory + BUF, "89cd", 4);
    prog_end(&p);
}

/* ---- poll_oneoff ------------------------------------------------------------------------------------------------ */

TEST(a_poll_of_too_many_is_refused_before_it_is_looked_at)
{
    static const uint32_t many[] = { 0, 2 * FD_LIMIT_MAX + 1, 0x05555556, 0x08000000, 0x80000000, UINT32_MAX };
    Prog p;
    world_begin(&p, false);
    for (size_t i = 0; i < LEN(many); i++) {
        EQ(DO(&p, poll_oneoff, SUB, EVENTS, many[i], RESULT), WASI_EINVAL);
        EQ(DO(&p, poll_oneoff, UINT32_MAX, UINT32_MAX, many[i], UINT32_MAX), WASI_EINVAL);
    }
    EQ(DO(&p, poll_oneoff, SUB, EVENTS, 2 * FD_LIMIT_MAX, RESULT), WASI_EFAULT);
    prog_end(&p);
}

/* An event is shorter than a subscription, and written when that has been read. */
TEST(events_may_lie_over_their_subscriptions)
{
    for (int copied = 0; copied < 2; copied++) {
        Prog p;
        world_begin(&p, copied != 0);
        enum { MANY = 100 };
        uint32_t at = prog_room(&p, MANY * 48);
        for (uint32_t i = 0; i < MANY; i++) {
            prog_set64(&p, at + 48 * i, i);
            prog_set32(&p, at + 48 * i + 16, WASI_CLOCK_MONOTONIC);
        }
        EQ(DO(&p, poll_oneoff, at, at, MANY, RESULT), WASI_OK);
        EQ(prog_u32(&p, RESULT), MANY);
        for (uint32_t i = 0; i < MANY; i++)
            EQ(prog_u64(&p, at + 32 * i), i);
        prog_end(&p);
    }
}

/* ---- names, and descriptors that go ----------------------------------------------------------------------------- */

/* Names are bytes: no encoding is asked for, and what was made is found, listed and removed by the same bytes. */
TEST(names_need_no_encoding)
{
    static const char *const names[] = { "\xff",     "\xc3", "\xed\xa0\x80", "\xf8\x88\x80\x80\x80",
                                         "\xc0\xaf", "a\nb", "\x7f\x01" };
    Prog prog, *p = &prog;
    world_begin(p, false);
    for (size_t i = 0; i < LEN(names); i++) {
        EQ(DO(p, path_create_directory, 3, PATH(names[i])), WASI_OK);
        EQ(DO(p, path_create_directory, 3, PATH(names[i])), WASI_EEXIST);
        EQ(DO(p, path_symlink, PATH(names[i]), 3, PATH("to")), WASI_OK);
        memset(p->memory + BUF, 0, 16);
        EQ(DO(p, path_readlink, 3, PATH("to"), BUF, 16, RESULT), WASI_OK);
        STR_EQ((char *)p->memory + BUF, names[i]);
        EQ(DO(p, path_filestat_get, 3, WASI_FOLLOW, PATH("to"), RECORD), WASI_OK);
        EQ(DO(p, path_unlink_file, 3, PATH("to")), WASI_OK);
        EQ(DO(p, path_remove_directory, 3, PATH(names[i])), WASI_OK);
    }
    prog_end(p);
}

/* Another thread closes what this one waits at: in every call that waits by number. */
TEST(a_descriptor_goes_while_a_call_waits)
{
    static const int calls[] = { CALL_fd_read, CALL_fd_write };
    for (size_t i = 0; i < LEN(calls); i++) {
        Prog p;
        Call other;
        int r;
        world_begin(&p, i != 0);
        uint64_t a[9] = { (uint64_t)prog_odd(&p, "wait", OPEN_READ | OPEN_WRITE), VECTOR, 1, RESULT };
        call_init(&other, &p.task);
        wasi_call_begin(&p.w);
        WasiThread *w = &p.w;
        for (int again = 0; again < 2; again++) {
            int32_t said = calls[i] == CALL_fd_read ? wasi_fd_read(w, (uint32_t)a[0], VECTOR, 1, RESULT)
                                                    : wasi_fd_write(w, (uint32_t)a[0], VECTOR, 1, RESULT);
            EQ(said, again == 0 ? WASI_WAIT : WASI_EBADF);
            if (again != 0)
                break;
            CALL_RUN(&other, r, fd_close(&other, p.task.fds, (int)a[0]));
            OK(r);
            EQ(wasi_call_park(w), WASI_WAIT);
        }
        EQ(wasi_call_end(w, WASI_EBADF), WASI_EBADF);
        call_destroy(&other);
        prog_end(&p);
    }
}
