/* SPDX-License-Identifier: MIT */
/*
 * What is around a program: system exits with 7 when its argument is "it's here", NAME is "a b", and the rest holds.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static double now(clockid_t id)
{
    struct timespec t;
    CHECK(clock_gettime(id, &t) == 0);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void clocks(void)
{
    struct timespec t = { 0, 30000000 };
    double before = now(CLOCK_MONOTONIC);
    CHECK(nanosleep(&t, NULL) == 0);
    CHECK(now(CLOCK_MONOTONIC) - before >= 0.03 && now(CLOCK_MONOTONIC) - before < 5);
    CHECK(now(CLOCK_REALTIME) > 1.7e9);
    CHECK(clock_getres(CLOCK_MONOTONIC, &t) == 0 && t.tv_sec == 0);
    before = now(CLOCK_MONOTONIC);
    CHECK(poll(NULL, 0, 20) == 0 || errno == ENOTSUP || errno == EINVAL);
    struct pollfd p = { .fd = 0, .events = POLLIN };
    CHECK(poll(&p, 1, 0) >= 0);
}

static void standard(void)
{
    struct stat st;
    char byte;
    CHECK(fstat(0, &st) == 0 && fstat(1, &st) == 0 && fstat(2, &st) == 0);
    CHECK(!isatty(1));
    CHECK(read(0, &byte, 1) == 1 && byte == 'i');
    CHECK(read(0, &byte, 1) == 1 && byte == 'n');
    CHECK(read(0, &byte, 1) == 0);
}

static void files(void)
{
    struct stat st;
    char buf[16] = { 0 };
    const char *pwd = getenv("PWD");
    CHECK(pwd != NULL && pwd[0] == '/' && stat(pwd, &st) == 0 && S_ISDIR(st.st_mode));
    CHECK(stat("/", &st) == 0 && stat("/tmp", &st) == 0 && S_ISDIR(st.st_mode));
    int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDONLY);
    CHECK(null >= 0 && write(null, "x", 1) == 1 && read(null, buf, 1) == 0 && !isatty(null));
    CHECK(zero >= 0 && read(zero, buf, 4) == 4 && buf[3] == 0);
    CHECK(fstat(null, &st) == 0 && S_ISCHR(st.st_mode));
    close(null), close(zero);
    int self = open("/task/self/status", O_RDONLY);
    CHECK(self >= 0 && read(self, buf, sizeof buf) == 8 && memcmp(buf, "running\n", 8) == 0);
    close(self);
}

static void randomness(void)
{
    static unsigned char a[100000];
    unsigned sum = 0;
    CHECK(getentropy(a, 256) == 0);
    for (size_t i = 0; i < sizeof a; i += 200)
        CHECK(getentropy(a + i, 200) == 0);
    for (size_t i = 0; i < sizeof a; i++)
        sum += a[i];
    CHECK(sum > 12000000 && sum < 13500000);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2 && strcmp(argv[1], "it's here") == 0);
    CHECK(getenv("NAME") != NULL && strcmp(getenv("NAME"), "a b") == 0);
    clocks();
    standard();
    files();
    randomness();
    return done() ? 1 : 7;
}
