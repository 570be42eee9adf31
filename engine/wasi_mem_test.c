/* SPDX-License-Identifier: MIT */
#include "engine/wasi_mem.h"

#include <string.h>

#include "test/guest.h"

static uint8_t memory[65536];

static void in(void *self, void *to, uint64_t addr, size_t n)
{
    memcpy(to, (uint8_t *)self + addr, n);
}
static void out(void *self, uint64_t addr, const void *from, size_t n)
{
    memcpy((uint8_t *)self + addr, from, n);
}
static const GuestCopy copy = { in, out };

static Guest guest(bool copied)
{
    return copied ? (Guest){ .len = sizeof memory, .copy = &copy, .self = memory }
                  : (Guest){ .len = sizeof memory, .base = memory };
}

static void set_vector(const Guest *g, uint32_t at, uint32_t addr, uint32_t len)
{
    OK(guest_put_u32(g, at, addr));
    OK(guest_put_u32(g, at + 4, len));
}

TEST(bounds)
{
    for (int copied = 0; copied < 2; copied++) {
        Guest g = guest(copied);
        char b[8];
        EQ(guest_read(&g, 65528, b, 8), 0);
        EQ(guest_read(&g, 65529, b, 8), -EFAULT);
        EQ(guest_read(&g, 65536, b, 0), 0);
        EQ(guest_read(&g, 65537, b, 0), -EFAULT);
        EQ(guest_read(&g, UINT32_MAX, b, 8), -EFAULT);
        EQ(guest_write(&g, UINT32_MAX, b, 1), -EFAULT);
        EQ(guest_put_u64(&g, 65528, UINT64_C(0x0102030405060708)), 0);
        EQ(memory[65528], 8);
        EQ(memory[65535], 1);
        EQ(guest_put_u32(&g, 65533, 1), -EFAULT);
    }
    Guest none = { 0 };
    GuestIov io;
    EQ(guest_put_u32(&none, 0, 1), -EFAULT);
    EQ(guest_iov_begin(&none, 0, 0, true, &io), 0);
    EQ(guest_iov_begin(&none, 0, 1, true, &io), -EFAULT);
}

TEST(a_cursor_stops_at_its_end)
{
    uint8_t b[5] = { 0 };
    Cursor c = cursor_over(b, sizeof b);
    cursor_put(&c, 4, 0x04030201);
    cursor_put(&c, 4, 5);
    TRUE(c.overrun);
    MEM_EQ(b, "\1\2\3\4\0", 5);
    c = cursor_over(b, 4);
    EQ(cursor_get(&c, 2), 0x0201);
    EQ(cursor_get(&c, 4), 0);
    TRUE(c.overrun);
    c = cursor_over(b, 4);
    cursor_skip(&c, 5);
    cursor_zero(&c, 1);
    cursor_bytes(&c, b, 1);
    TRUE(c.overrun && c.at == c.end);
}

TEST(vectors_of_every_number)
{
    static const unsigned counts[] = { 0, 1, 16, 17, 1024 };
    for (int copied = 0; copied < 2; copied++) {
        Guest g = guest(copied);
        for (size_t k = 0; k < LEN(counts); k++) {
            unsigned n = counts[k];
            for (unsigned i = 0; i < n; i++)
                set_vector(&g, 8 * i, 10000 + 3 * i, i % 3);
            GuestIov io;
            EQ(guest_iov_begin(&g, 0, n, true, &io), 0);
            size_t total = 0;
            for (unsigned i = 0; i < n; i++)
                total += i % 3;
            EQ(io.total, total);
            guest_iov_end(&io);
        }
        GuestIov io;
        EQ(guest_iov_begin(&g, 0, 1025, true, &io), -EINVAL);
    }
}

TEST(what_is_read_is_spread)
{
    for (int copied = 0; copied < 2; copied++) {
        Guest g = guest(copied);
        GuestIov io;
        memset(memory, 0, sizeof memory);
        set_vector(&g, 0, 1000, 3);
        set_vector(&g, 8, 2000, 2);
        set_vector(&g, 16, 3000, 4);
        EQ(guest_iov_begin(&g, 0, 3, false, &io), 0);
        EQ(io.total, 9);
        const char *text = "abcdefghi";
        for (unsigned i = 0; i < io.n; i++) {
            memcpy(io.v[i].base, text, io.v[i].len);
            text += io.v[i].len;
        }
        guest_iov_commit(&g, &io, copied ? 6 : 9);
        guest_iov_end(&io);
        MEM_EQ(memory + 1000, "abc\0", 4);
        MEM_EQ(memory + 2000, "de\0", 3);
        MEM_EQ(memory + 3000, copied ? "f\0\0\0" : "fghi", 4);
    }
}

/* The same bytes many times over: more than a count can say is left for the next call. */
TEST(the_sum_of_vectors_is_bounded)
{
    Guest g = guest(false);
    for (unsigned i = 0; i < 1024; i++)
        set_vector(&g, 8 * i, 0, 65536);
    GuestIov io;
    EQ(guest_iov_begin(&g, 0, 1024, true, &io), 0);
    EQ(io.total, 1024 * 65536);
    guest_iov_end(&io);
    g = guest(true);
    EQ(guest_iov_begin(&g, 0, 1024, true, &io), 0);
    EQ(io.total, GUEST_STAGE);
    guest_iov_end(&io);
}

static int stage_it(void *arg)
{
    (void)arg;
    for (int copied = 0; copied < 2; copied++) {
        Guest g = guest(copied);
        for (unsigned i = 0; i < 20; i++)
            set_vector(&g, 8 * i, 1000, 100);
        GuestIov io;
        int r = guest_iov_begin(&g, 0, 20, true, &io);
        if (r < 0)
            return r;
        guest_iov_end(&io);
    }
    return 0;
}

TEST(vectors_without_memory)
{
    test_each_failure(stage_it, NULL);
}

TEST(paths)
{
    for (int copied = 0; copied < 2; copied++) {
        Guest g = guest(copied);
        GuestPath path;
        memset(memory, 'p', sizeof memory);
        EQ(guest_path(&g, 0, 0, &path), -ENOENT);
        EQ(guest_path(&g, 0, PATH_MAX_LEN, &path), 0);
        EQ(strlen(path.s), PATH_MAX_LEN);
        EQ(guest_path(&g, 0, PATH_MAX_LEN + 1, &path), -ENAMETOOLONG);
        EQ(guest_path(&g, 65535, 2, &path), -EFAULT);
        memory[3] = 0;
        EQ(guest_path(&g, 0, 5, &path), -EILSEQ);
        EQ(guest_path(&g, 0, 3, &path), 0);
        STR_EQ(path.s, "ppp");
    }
}
