/* SPDX-License-Identifier: MIT */
/*
 * A hostile program under the real engine: hostile DIR works in DIR, which is empty. Every address that preview 1 takes is put
 * at and past the end of the memory, where it is and where it is once that has grown; all of that is refused, and nothing is
 * changed by it. engine/wasi_hostile_test.c tries more, without an engine.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasi/api.h>

#include "check.h"

typedef uint32_t U;                 /* an address, as what it is */
typedef uint64_t V;
#define RAW(name, ...)                                                                                                 \
    __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name))) int raw_##name(__VA_ARGS__)
RAW(args_get, U, U);
RAW(args_sizes_get, U, U);
RAW(environ_get, U, U);
RAW(environ_sizes_get, U, U);
RAW(clock_res_get, U, U);
RAW(clock_time_get, U, V, U);
RAW(fd_fdstat_get, U, U);
RAW(fd_filestat_get, U, U);
RAW(fd_pread, U, U, U, V, U);
RAW(fd_prestat_get, U, U);
RAW(fd_prestat_dir_name, U, U, U);
RAW(fd_pwrite, U, U, U, V, U);
RAW(fd_read, U, U, U, U);
RAW(fd_readdir, U, U, U, V, U);
RAW(fd_seek, U, V, U, U);
RAW(fd_tell, U, U);
RAW(fd_write, U, U, U, U);
RAW(path_create_directory, U, U, U);
RAW(path_filestat_get, U, U, U, U, U);
RAW(path_filestat_set_times, U, U, U, U, V, V, U);
RAW(path_link, U, U, U, U, U, U, U);
RAW(path_open, U, U, U, U, U, V, V, U, U);
RAW(path_readlink, U, U, U, U, U, U);
RAW(path_remove_directory, U, U, U);
RAW(path_rename, U, U, U, U, U, U);
RAW(path_symlink, U, U, U, U, U);
RAW(path_unlink_file, U, U, U);
RAW(poll_oneoff, U, U, U, U);
RAW(random_get, U, U);
RAW(sock_accept, U, U, U);
RAW(sock_recv, U, U, U, U, U, U);
RAW(sock_send, U, U, U, U, U);

enum { TOP = 3, PAGE = 65536 };

static char out[256], more[256], data[8] = "abcdefgh";
static struct {
    U at, len;
} vector;
static __wasi_subscription_t due;
static U fd, dir;

static uint64_t memory_end(void)
{
    return (uint64_t)__builtin_wasm_memory_size(0) * PAGE;
}

/* The i-th address from which n bytes do not lie in memory. */
enum { WAYS = 7 };
static U bad(uint64_t n, int i)
{
    uint64_t end = memory_end();
    const uint64_t all[WAYS] = {
        end - n + 1, end, end + 1, 0x7fffffff, 0x80000000, (UINT64_C(1) << 32) - n, UINT32_MAX
    };
    return (U)all[i];
}

#define AT(x) ((U)(uintptr_t)(x))
#define OUT AT(out)
/* Whatever is bad about the address b of n bytes, the call is answered so. */
#define ANSWERS(number, n, call)                                                                                       \
    for (int i_ = 0; i_ < WAYS; i_++) {                                                                                \
        U b = bad(n, i_);                                                                                              \
        int r_ = (call);                                                                                               \
        if (r_ != (number)) {                                                                                          \
            printf("%s:%d: %s at %#x is %d\n", __FILE__, __LINE__, #call, (unsigned)b, r_);                            \
            failures++;                                                                                                \
        }                                                                                                              \
    }
#define FAULTS(n, call) ANSWERS(__WASI_ERRNO_FAULT, n, call)

static void itself(void)
{
    FAULTS(4, raw_args_sizes_get(b, OUT));
    FAULTS(4, raw_args_sizes_get(OUT, b));
    FAULTS(8, raw_args_get(b, OUT));
    FAULTS(8, raw_args_get(OUT, b));
    FAULTS(4, raw_environ_sizes_get(b, OUT));
    FAULTS(4, raw_environ_sizes_get(OUT, b));
    FAULTS(4, raw_environ_get(b, OUT));
    FAULTS(4, raw_environ_get(OUT, b));
    FAULTS(8, raw_clock_res_get(0, b));
    FAULTS(8, raw_clock_time_get(1, 0, b));
    FAULTS(16, raw_random_get(b, 16));
    FAULTS(48, raw_poll_oneoff(b, OUT, 1, AT(more)));
    FAULTS(32, raw_poll_oneoff(AT(&due), b, 1, AT(more)));
    FAULTS(4, raw_poll_oneoff(AT(&due), OUT, 1, b));
}

static void descriptors(void)
{
    FAULTS(24, raw_fd_fdstat_get(fd, b));
    FAULTS(64, raw_fd_filestat_get(fd, b));
    FAULTS(8, raw_fd_prestat_get(TOP, b));
    FAULTS(1, raw_fd_prestat_dir_name(TOP, b, 1));
    FAULTS(100, raw_fd_readdir(dir, b, 100, 0, OUT));
    FAULTS(4, raw_fd_readdir(dir, AT(more), 100, 0, b));
    FAULTS(8, raw_fd_seek(fd, 1, 0, b));
    FAULTS(8, raw_fd_tell(fd, b));
    FAULTS(8, raw_fd_read(fd, b, 1, OUT));
    FAULTS(4, raw_fd_read(fd, AT(&vector), 1, b));
    FAULTS(8, raw_fd_write(fd, b, 1, OUT));
    FAULTS(4, raw_fd_write(fd, AT(&vector), 1, b));
    FAULTS(8, raw_fd_pread(fd, b, 1, 0, OUT));
    FAULTS(4, raw_fd_pread(fd, AT(&vector), 1, 0, b));
    FAULTS(8, raw_fd_pwrite(fd, b, 1, 0, OUT));
    FAULTS(4, raw_fd_pwrite(fd, AT(&vector), 1, 0, b));
    FAULTS(8, (vector.at = b, raw_fd_read(fd, AT(&vector), 1, OUT)));
    FAULTS(8, (vector.at = b, raw_fd_write(fd, AT(&vector), 1, OUT)));
    vector.at = AT(data);
    ANSWERS(__WASI_ERRNO_NOTSOCK, 4, raw_sock_accept(fd, 0, b));
    ANSWERS(__WASI_ERRNO_NOTSOCK, 8, raw_sock_recv(fd, b, 1, 0, b, b));
    ANSWERS(__WASI_ERRNO_NOTSOCK, 8, raw_sock_send(fd, b, 1, 0, b));
}

static void paths(void)
{
    U a = AT("a"), l = AT("l"), new = AT("n");
    FAULTS(1, raw_path_create_directory(dir, b, 1));
    FAULTS(1, raw_path_filestat_get(dir, 0, b, 1, OUT));
    FAULTS(64, raw_path_filestat_get(dir, 0, a, 1, b));
    FAULTS(1, raw_path_filestat_set_times(dir, 0, b, 1, 1, 1, 5));
    FAULTS(1, raw_path_link(dir, 0, b, 1, dir, new, 1));
    FAULTS(1, raw_path_link(dir, 0, a, 1, dir, b, 1));
    FAULTS(1, raw_path_open(dir, 0, b, 1, 1, 66, 66, 0, OUT));
    FAULTS(4, raw_path_open(dir, 0, new, 1, 1, 66, 66, 0, b));
    FAULTS(1, raw_path_readlink(dir, b, 1, AT(more), 8, OUT));
    FAULTS(8, raw_path_readlink(dir, l, 1, b, 8, OUT));
    FAULTS(4, raw_path_readlink(dir, l, 1, AT(more), 8, b));
    FAULTS(1, raw_path_remove_directory(dir, b, 1));
    FAULTS(1, raw_path_rename(dir, b, 1, dir, new, 1));
    FAULTS(1, raw_path_rename(dir, a, 1, dir, b, 1));
    FAULTS(1, raw_path_symlink(b, 1, dir, new, 1));
    FAULTS(1, raw_path_symlink(a, 1, dir, b, 1));
    FAULTS(1, raw_path_unlink_file(dir, b, 1));
    /* A good address and a length that leads out. */
    CHECK(raw_path_unlink_file(dir, a, UINT32_MAX) == __WASI_ERRNO_FAULT);
    CHECK(raw_path_unlink_file(dir, a, 0x80000000) == __WASI_ERRNO_FAULT);
    CHECK(raw_random_get(a, UINT32_MAX) == __WASI_ERRNO_FAULT);
    CHECK(raw_fd_readdir(dir, a, UINT32_MAX, 0, OUT) == __WASI_ERRNO_FAULT);
}

/* Nothing was read, written, made or removed, and no descriptor is left over. */
static void all(void)
{
    struct stat st;
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = more[i] = 'o';
    itself();
    descriptors();
    paths();
    for (size_t i = 0; i < sizeof out; i++)
        CHECK(out[i] == 'o' && more[i] == 'o');
    CHECK(memcmp(data, "abcdefgh", sizeof data) == 0);
    CHECK(lseek((int)fd, 0, SEEK_CUR) == 0 && fstat((int)fd, &st) == 0 && st.st_size == 5 && st.st_nlink == 1);
    CHECK(lstat("l", &st) == 0 && S_ISLNK(st.st_mode));
    FAILS(ENOENT, lstat("n", &st));
    int next = open("a", O_RDONLY);
    CHECK(next == (int)dir + 1);
    CHECK(close(next) == 0);
}

/* What was outside is inside once the memory has grown, and then its end is the new one. */
static void grown(void)
{
    U end = (U)memory_end();
    CHECK(raw_random_get(end, 1) == __WASI_ERRNO_FAULT);
    CHECK(__builtin_wasm_memory_grow(0, 1) * (uint64_t)PAGE == end);
    CHECK(raw_random_get(end, PAGE) == 0);
    CHECK(raw_random_get(end, PAGE + 1) == __WASI_ERRNO_FAULT);
    CHECK(raw_fd_tell(fd, end + PAGE - 8) == 0);
    all();
}

int main(int argc, char **argv)
{
    if (argc != 2 || chdir(argv[1]) < 0)
        return 2;
    fd = (U)open("a", O_RDWR | O_CREAT | O_EXCL, 0644);
    dir = (U)open(".", O_RDONLY | O_DIRECTORY);
    CHECK(write((int)fd, "hello", 5) == 5 && lseek((int)fd, 0, SEEK_SET) == 0 && symlink("a", "l") == 0);
    vector.at = AT(data);
    vector.len = sizeof data;
    due.u.tag = __WASI_EVENTTYPE_CLOCK;
    due.u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
    all();
    grown();
    CHECK(close((int)fd) == 0 && close((int)dir) == 0 && unlink("a") == 0 && unlink("l") == 0);
    return done();
}
