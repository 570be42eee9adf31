/* SPDX-License-Identifier: MIT */
/*
 * Files as a C program sees them: files DIR works in DIR, which is empty.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "check.h"

static char buf[100000];

static int content(const char *path, const char *text)
{
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof buf);
    close(fd);
    return n == (ssize_t)strlen(text) && memcmp(buf, text, (size_t)n) == 0;
}

static void reading_and_writing(void)
{
    int fd = open("a", O_RDWR | O_CREAT | O_EXCL, 0644);
    CHECK(fd > 2);
    CHECK(write(fd, "hello world", 11) == 11);
    CHECK(lseek(fd, 0, SEEK_CUR) == 11);
    CHECK(lseek(fd, -5, SEEK_END) == 6);
    CHECK(read(fd, buf, 100) == 5 && memcmp(buf, "world", 5) == 0);
    CHECK(read(fd, buf, 100) == 0);
    CHECK(pread(fd, buf, 3, 1) == 3 && memcmp(buf, "ell", 3) == 0);
    CHECK(pwrite(fd, "J", 1, 0) == 1);
    struct iovec v[3] = { { "1", 1 }, { "", 0 }, { "23", 2 } };
    CHECK(writev(fd, v, 3) == 3);
    CHECK(content("a", "Jello world123"));
    CHECK(ftruncate(fd, 5) == 0);
    CHECK(content("a", "Jello"));
    CHECK(ftruncate(fd, 8) == 0);
    struct stat st;
    CHECK(fstat(fd, &st) == 0 && st.st_size == 8 && S_ISREG(st.st_mode) && st.st_nlink == 1);
    FAILS(EINVAL, lseek(fd, -1, SEEK_SET));
    FAILS(EEXIST, open("a", O_RDWR | O_CREAT | O_EXCL, 0644));
    CHECK(fsync(fd) == 0 && fdatasync(fd) == 0);
    CHECK(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL) == 0);
    CHECK(posix_fallocate(fd, 0, 20) == 0);
    CHECK(fstat(fd, &st) == 0 && st.st_size == 20);
    CHECK(close(fd) == 0);
    FAILS(EBADF, close(fd));
    FAILS(EBADF, read(fd, buf, 1));
}

static void modes(void)
{
    int r = open("a", O_RDONLY), w = open("a", O_WRONLY | O_TRUNC), d = open(".", O_RDONLY | O_DIRECTORY);
    FAILS(EBADF, write(r, "x", 1));
    FAILS(EBADF, read(w, buf, 1));
    FAILS(EISDIR, read(d, buf, 1));
    FAILS(EBADF, write(d, buf, 1));
    FAILS(EINVAL, ftruncate(r, 0));
    FAILS(EISDIR, open(".", O_RDWR));
    FAILS(ENOTDIR, open("a", O_RDONLY | O_DIRECTORY));
    FAILS(ENOTDIR, open("a/", O_RDONLY));
    FAILS(ENOTDIR, open("a/b", O_RDONLY));
    FAILS(ENOENT, open("none", O_RDONLY));
    CHECK((fcntl(r, F_GETFL) & O_ACCMODE) == O_RDONLY);
    CHECK((fcntl(w, F_GETFL) & O_ACCMODE) == O_WRONLY);
    CHECK(fdatasync(r) == 0 && fsync(r) == 0);
    CHECK(!isatty(r) && errno == ENOTTY);
    close(r), close(w), close(d);
}

static void appending(void)
{
    int fd = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600), other = open("log", O_RDWR | O_APPEND);
    CHECK(write(fd, "one", 3) == 3 && write(other, "two", 3) == 3 && write(fd, "three", 5) == 5);
    CHECK(content("log", "onetwothree"));
    CHECK((fcntl(fd, F_GETFL) & O_APPEND) != 0);
    CHECK(fcntl(fd, F_SETFL, 0) == 0 && (fcntl(fd, F_GETFL) & O_APPEND) == 0);
    CHECK(pwrite(fd, "ONE", 3, 0) == 3);
    CHECK(content("log", "ONEtwothree"));
    close(fd), close(other);
}

static void times(void)
{
    struct timespec t[2] = { { 1000, 5 }, { 2000, 7 } };
    struct stat st;
    CHECK(utimensat(AT_FDCWD, "log", t, 0) == 0);
    CHECK(stat("log", &st) == 0 && st.st_atim.tv_sec == 1000 && st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 7);
    t[0].tv_nsec = UTIME_OMIT;
    t[1].tv_sec = 3000;
    CHECK(utimensat(AT_FDCWD, "log", t, 0) == 0);
    CHECK(stat("log", &st) == 0 && st.st_atim.tv_sec == 1000 && st.st_mtim.tv_sec == 3000);
}

static void large(void)
{
    int fd = open("large", O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (size_t i = 0; i < sizeof buf; i++)
        buf[i] = (char)(i * 7);
    for (int i = 0; i < 20; i++)
        CHECK(write(fd, buf, sizeof buf) == (ssize_t)sizeof buf);
    CHECK(lseek(fd, 0, SEEK_END) == 20 * (off_t)sizeof buf);
    memset(buf, 0, sizeof buf);
    CHECK(pread(fd, buf, sizeof buf, 19 * (off_t)sizeof buf) == (ssize_t)sizeof buf);
    CHECK(buf[12345] == (char)(12345 * 7));
    CHECK(pwrite(fd, "x", 1, 1 << 28) == 1);
    CHECK(pread(fd, buf, 1, (1 << 28) - 1) == 1 && buf[0] == 0);
    close(fd);
    CHECK(unlink("large") == 0);
}

static void unlinked_but_open(void)
{
    int fd = open("gone", O_RDWR | O_CREAT, 0600);
    struct stat st;
    CHECK(write(fd, "still", 5) == 5 && unlink("gone") == 0);
    FAILS(ENOENT, open("gone", O_RDONLY));
    CHECK(pread(fd, buf, 10, 0) == 5);
    CHECK(fstat(fd, &st) == 0 && st.st_size == 5);
    close(fd);
}

static void ready(void)
{
    int fd = open("log", O_RDWR), n = 0;
    struct pollfd p[2] = { { .fd = fd, .events = POLLIN | POLLOUT }, { .fd = 99, .events = POLLIN } };
    CHECK(poll(p, 2, 1000) == 2);
    CHECK(p[0].revents == (POLLIN | POLLOUT) && p[1].revents == POLLNVAL);
    CHECK(ioctl(fd, FIONREAD, &n) == 0 && n == 11);
    close(fd);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2 && chdir(argv[1]) == 0);
    reading_and_writing();
    modes();
    appending();
    times();
    large();
    unlinked_but_open();
    ready();
    CHECK(unlink("a") == 0 && unlink("log") == 0);
    return done();
}
