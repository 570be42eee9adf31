/* SPDX-License-Identifier: MIT */
/* read(2), write(2) and their relations; bytes from file to file within the host; mmap(2). */
#include "posix.h"

#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

enum { PAGE = 4096, MUCH = 300000 };

/* Bytes that tell where they are. */
static void pattern_fill(char *bytes, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)((i * 31 + i / 251 + seed) & 0xff);
}

RULE(write_and_read_of_many_sizes)
{
    static const size_t sizes[] = { 1, 63, 64, 65, 4095, 4096, 4097, 65535, 65536, 65537, 131072, MUCH };
    static char out[MUCH], in[MUCH];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int fd = open_ok("x", O_RDWR | O_CREAT | O_TRUNC);
        pattern_fill(out, sizes[i], (unsigned)i);
        EQ(OK(write(fd, out, sizes[i])), sizes[i]);
        EQ(stat_of("x").st_size, sizes[i]);
        memset(in, 0, sizeof in);
        EQ(OK(pread(fd, in, sizeof in, 0)), sizes[i]);
        EQ(memcmp(in, out, sizes[i]), 0);
        OK(close(fd));
    }
}

RULE(write_in_pieces_over_all_borders)
{
    static char wanted[MUCH], in[MUCH];
    int fd = open_ok("x", O_RDWR | O_CREAT);
    pattern_fill(wanted, MUCH, 7);
    for (size_t at = 0, step = 1; at < MUCH; at += step, step = step * 3 % 8191 + 1) {
        if (step > MUCH - at)
            step = MUCH - at;
        EQ(OK(pwrite(fd, wanted + at, step, (off_t)at)), step);
    }
    EQ(OK(pread(fd, in, MUCH, 0)), MUCH);
    EQ(memcmp(in, wanted, MUCH), 0);
}

RULE(write_at_random_places_is_what_memory_says)
{
    static char wanted[MUCH], in[MUCH];
    int fd = open_ok("x", O_RDWR | O_CREAT);
    OK(ftruncate(fd, MUCH));
    memset(wanted, 0, MUCH);
    unsigned seed = 12345;
    for (unsigned i = 0; i < 300; i++) {
        seed = seed * 1103515245 + 12345;
        size_t at = (seed >> 8) % MUCH, n = (seed >> 3) % 9000;
        if (n > MUCH - at)
            n = MUCH - at;
        pattern_fill(wanted + at, n, i);
        EQ(OK(pwrite(fd, wanted + at, n, (off_t)at)), n);
    }
    EQ(OK(pread(fd, in, MUCH, 0)), MUCH);
    EQ(memcmp(in, wanted, MUCH), 0);
}

RULE(read_at_the_end_and_behind_it_is_nothing)
{
    file_make("x", "text");
    char text[8];
    int fd = open_ok("x", O_RDONLY);
    EQ(OK(pread(fd, text, sizeof text, 4)), 0);
    EQ(OK(pread(fd, text, sizeof text, 1000000)), 0);
    EQ(OK(pread(fd, text, sizeof text, 2)), 2);
    EQ(OK(read(fd, text, sizeof text)), 4);
    EQ(OK(read(fd, text, sizeof text)), 0);
}

RULE(read_sees_what_another_descriptor_wrote)
{
    int a = open_ok("x", O_RDWR | O_CREAT), b = open_ok("x", O_RDONLY);
    char c;
    for (char i = 'a'; i < 'z'; i++) {
        EQ(OK(pwrite(a, &i, 1, 0)), 1);
        EQ(OK(pread(b, &c, 1, 0)), 1);
        EQ(c, i);
    }
}

RULE(pread_and_pwrite_keep_the_offset)
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    char c;
    OK(pwrite(fd, "text", 4, 10));
    EQ(lseek(fd, 0, SEEK_CUR), 0);
    OK(pread(fd, &c, 1, 10));
    EQ(c, 't');
    EQ(lseek(fd, 0, SEEK_CUR), 0);
}

RULE(pread_and_pwrite_before_the_start_are_EINVAL)
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    char c = 0;
    FAILS(pread(fd, &c, 1, -1), EINVAL);
    FAILS(pwrite(fd, &c, 1, -1), EINVAL);
}

RULE(readv_and_writev_take_many_pieces)
{
    char a[3] = "", b[2] = "", c[8] = "";
    struct iovec out[] = { { "so", 2 }, { "", 0 }, { "me te", 5 }, { "xt", 2 } };
    struct iovec in[] = { { a, 2 }, { b, 1 }, { c, 6 } };
    int fd = open_ok("x", O_RDWR | O_CREAT);
    EQ(OK(writev(fd, out, 4)), 9);
    EQ(OK(lseek(fd, 0, SEEK_SET)), 0);
    EQ(OK(readv(fd, in, 3)), 9);
    STR_EQ(a, "so");
    STR_EQ(b, "m");
    STR_EQ(c, "e text");
}

RULE(preadv_and_pwritev_take_many_pieces_at_an_offset)
{
    char a[3] = "", b[3] = "";
    struct iovec out[] = { { "te", 2 }, { "xt", 2 } }, in[] = { { a, 2 }, { b, 2 } };
    int fd = open_ok("x", O_RDWR | O_CREAT);
    EQ(OK(pwritev(fd, out, 2, 5)), 4);
    EQ(OK(preadv(fd, in, 2, 5)), 4);
    STR_EQ(a, "te");
    STR_EQ(b, "xt");
    EQ(stat_of("x").st_size, 9);
}

RULE(write_from_a_bad_address_is_EFAULT)
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    void *gone = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    OK(munmap(gone, PAGE));
    FAILS(write(fd, gone, 10), EFAULT);
    EQ(stat_of("x").st_size, 0);
}

/* ---- append --------------------------------------------------------------------------------------------------------- */

RULE(append_writes_at_the_end_wherever_the_offset_is)
{
    file_make("x", "some");
    int fd = open_ok("x", O_RDWR | O_APPEND);
    EQ(OK(lseek(fd, 1, SEEK_SET)), 1);
    OK(write(fd, " text", 5));
    EQ(lseek(fd, 0, SEEK_CUR), 9);
    STR_EQ(file_text("x"), "some text");
}

RULE(append_goes_behind_what_others_wrote_meanwhile)
{
    int a = open_ok("x", O_WRONLY | O_CREAT | O_APPEND), b = open_ok("x", O_WRONLY | O_APPEND);
    for (unsigned i = 0; i < 20; i++) {
        OK(write(a, "a", 1));
        OK(write(b, "b", 1));
    }
    STR_EQ(file_text("x"), "abababababababababababababababababababab");
}

RULE(append_after_a_truncation_begins_at_the_new_end)
{
    int fd = open_ok("x", O_WRONLY | O_CREAT | O_APPEND);
    OK(write(fd, "text", 4));
    OK(truncate("x", 1));
    OK(write(fd, "op", 2));
    STR_EQ(file_text("x"), "top");
}

RULE(append_is_set_and_cleared_by_fcntl)
{
    file_make("x", "some");
    int fd = open_ok("x", O_RDWR);
    OK(fcntl(fd, F_SETFL, O_APPEND));
    TRUE((OK(fcntl(fd, F_GETFL)) & O_APPEND) != 0);
    OK(write(fd, " text", 5));
    OK(fcntl(fd, F_SETFL, 0));
    OK(pwrite(fd, "S", 1, 0));
    STR_EQ(file_text("x"), "Some text");
}

RULE(append_and_pwrite_ignore_the_offset_on_linux)
{
    file_make("x", "some");
    int fd = open_ok("x", O_WRONLY | O_APPEND);
    EQ(OK(pwrite(fd, "!", 1, 0)), 1);
    STR_EQ(file_text("x"), "some!");
}

/* ---- from file to file ---------------------------------------------------------------------------------------------- */

RULE(sendfile_copies_between_files)
{
    static char out[MUCH], in[MUCH];
    pattern_fill(out, MUCH, 3);
    int a = open_ok("a", O_RDWR | O_CREAT), b = open_ok("b", O_RDWR | O_CREAT);
    OK(write(a, out, MUCH));
    off_t at = 0;
    while (at < MUCH)
        COMPARE(OK(sendfile(b, a, &at, (size_t)(MUCH - at))), >, 0);
    EQ(OK(pread(b, in, MUCH, 0)), MUCH);
    EQ(memcmp(in, out, MUCH), 0);
}

RULE(copy_file_range_copies_between_files)
{
    static char out[MUCH], in[MUCH];
    pattern_fill(out, MUCH, 5);
    int a = open_ok("a", O_RDWR | O_CREAT), b = open_ok("b", O_RDWR | O_CREAT);
    OK(write(a, out, MUCH));
    off_t from = 0, to = 10;
    while (from < MUCH)
        COMPARE(OK(copy_file_range(a, &from, b, &to, (size_t)(MUCH - from), 0)), >, 0);
    EQ(to, MUCH + 10);
    EQ(OK(pread(b, in, MUCH, 10)), MUCH);
    EQ(memcmp(in, out, MUCH), 0);
}

RULE(splice_moves_between_a_file_and_a_pipe)
{
    int ends[2];
    OK(pipe(ends));
    file_make("a", "some text");
    int a = open_ok("a", O_RDONLY), b = open_ok("b", O_RDWR | O_CREAT);
    EQ(OK(splice(a, NULL, ends[1], NULL, 100, 0)), 9);
    EQ(OK(splice(ends[0], NULL, b, NULL, 100, 0)), 9);
    STR_EQ(file_text("b"), "some text");
}

/* ---- memory --------------------------------------------------------------------------------------------------------- */

static char *mapped(int fd, size_t n, int how, int kind)
{
    char *p = mmap(NULL, n, how, kind, fd, 0);
    TRUE(p != MAP_FAILED);
    return p;
}

RULE(mmap_private_reads_a_file)
{
    static char out[3 * PAGE];
    pattern_fill(out, sizeof out, 9);
    int fd = open_ok("x", O_RDWR | O_CREAT);
    OK(write(fd, out, sizeof out));
    char *p = mapped(fd, sizeof out, PROT_READ, MAP_PRIVATE);
    OK(close(fd));
    EQ(memcmp(p, out, sizeof out), 0);
}

RULE(mmap_private_changes_stay_private)
{
    file_make("x", "text");
    int fd = open_ok("x", O_RDONLY);
    char *p = mapped(fd, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    memcpy(p, "TEXT", 4);
    STR_EQ(file_text("x"), "text");
}

RULE(mmap_shared_changes_are_read_through_a_descriptor)
{
    file_make("x", "text");
    int fd = open_ok("x", O_RDWR);
    char *p = mapped(fd, 4, PROT_READ | PROT_WRITE, MAP_SHARED);
    memcpy(p, "TEXT", 4);
    OK(msync(p, 4, MS_SYNC));
    char text[5] = "";
    EQ(OK(pread(fd, text, 4, 0)), 4);
    STR_EQ(text, "TEXT");
    STR_EQ(file_text("x"), "TEXT");
    OK(munmap(p, 4));
}

RULE(mmap_shared_changes_are_there_after_the_end_of_the_map)
{
    int fd = open_ok("x", O_RDWR | O_CREAT);
    OK(ftruncate(fd, 2 * PAGE));
    char *p = mapped(fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
    OK(close(fd));
    pattern_fill(p, 2 * PAGE, 1);
    OK(munmap(p, 2 * PAGE));
    static char in[2 * PAGE], wanted[2 * PAGE];
    pattern_fill(wanted, sizeof wanted, 1);
    EQ(OK(read(open_ok("x", O_RDONLY), in, sizeof in)), sizeof in);
    EQ(memcmp(in, wanted, sizeof in), 0);
}

RULE(mmap_shared_sees_what_a_descriptor_writes)
{
    file_make("x", "text");
    int fd = open_ok("x", O_RDWR);
    char *p = mapped(fd, 4, PROT_READ, MAP_SHARED);
    EQ(p[0], 't');
    OK(pwrite(fd, "T", 1, 0));
    EQ(p[0], 'T');
}

RULE(mmap_shared_by_two_descriptors_is_one_memory)
{
    file_make("x", "text");
    char *a = mapped(open_ok("x", O_RDWR), 4, PROT_READ | PROT_WRITE, MAP_SHARED);
    char *b = mapped(open_ok("x", O_RDWR), 4, PROT_READ | PROT_WRITE, MAP_SHARED);
    a[1] = 'E';
    EQ(b[1], 'E');
    b[2] = 'X';
    EQ(a[2], 'X');
}

static int change_map(void *arg)
{
    (void)arg;
    char *p = mapped(open_ok("x", O_RDWR), 4, PROT_READ | PROT_WRITE, MAP_SHARED);
    p[0] = 'T';
    return 0;
}

RULE(mmap_shared_between_processes)
{
    file_make("x", "text");
    int fd = open_ok("x", O_RDWR);
    char *p = mapped(fd, 4, PROT_READ | PROT_WRITE, MAP_SHARED);
    EQ(child_end(child_start(change_map, NULL)), 0);
    EQ(p[0], 'T');
    OK(msync(p, 4, MS_SYNC));
    STR_EQ(file_text("x"), "Text");
}

RULE(mmap_shared_write_moves_the_modification_time_after_msync)
{
    file_make("x", "text");
    int fd = open_ok("x", O_RDWR);
    char *p = mapped(fd, 4, PROT_READ | PROT_WRITE, MAP_SHARED);
    Times old = times_of("x");
    p[0] = 'T';
    OK(msync(p, 4, MS_SYNC));
    TIMES_ARE("x", old, any, moved, moved);
}

RULE(mmap_shared_writable_of_a_descriptor_for_reading_is_EACCES)
{
    file_make("x", "text");
    int fd = open_ok("x", O_RDONLY);
    TRUE(mmap(NULL, 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    EQ(errno, EACCES);
}

RULE(mmap_of_a_removed_file_keeps_its_bytes)
{
    file_make("x", "text");
    int fd = open_ok("x", O_RDWR);
    char *p = mapped(fd, 4, PROT_READ | PROT_WRITE, MAP_SHARED);
    OK(close(fd));
    OK(unlink("x"));
    EQ(memcmp(p, "text", 4), 0);
    p[0] = 'T';
    OK(msync(p, 4, MS_SYNC));
}

RULE(mmap_of_a_directory_is_ENODEV)
{
    int fd = open_ok(".", O_RDONLY | O_DIRECTORY);
    TRUE(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED);
    EQ(errno, ENODEV);
}

RULE(mmap_behind_the_end_of_the_page_is_zero)
{
    file_make("x", "text");
    char *p = mapped(open_ok("x", O_RDWR), PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
    for (size_t i = 4; i < PAGE; i++)
        EQ(p[i], 0);
    p[10] = 'x';                        /* is in no file */
    OK(msync(p, PAGE, MS_SYNC));
    EQ(stat_of("x").st_size, 4);
}
