/* SPDX-License-Identifier: MIT */
/*
 * Runs unit tests in a page, one after the other; drive.mjs loads the page again for each file and after each test that did
 * not pass, so that nothing is left over. Lines that begin with @ tell it what happens:
 *   @test N FILE NAME SECONDS     the N-th test begins, with its time limit
 *   @pass, @fail, @skip           how it ended; after the last two nothing more comes
 *   @list N FILE NAME, @end       the answer to -l
 *   unit -l [PATTERN] | unit FIRST LAST
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/local.h"
#include "os/os.h"
#include "test/test.h"

/* The page is thrown away by the driver; until then no thread may go on. */
void test_end(int code)
{
    printf(code == TEST_SKIPPED ? "@skip\n" : "@fail\n");
    fflush(stdout);
    for (;;) {
        static pthread_mutex_t never = PTHREAD_MUTEX_INITIALIZER;
        pthread_mutex_lock(&never);
        pthread_mutex_lock(&never);
    }
}

static void list(const char *pattern)
{
    int n = 0;
    for (TestCase *t = test_list(); t != NULL; t = t->next, n++) {
        if (test_wanted(t, pattern))
            printf("@list %d %s %s\n", n, t->file, t->name);
    }
    printf("@end\n");
    fflush(stdout);
}

static void run(TestCase *t, int n)
{
    printf("@test %d %s %s %u\n", n, t->file, t->name, t->limit != 0 ? t->limit : (unsigned)TEST_SECONDS);
    fflush(stdout);
    t->run();
    mem_fail_at(0);
    lock_shake(0);
    workers_drain();
    printf("@pass\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "-l") == 0) {
        list(argc > 2 ? argv[2] : NULL);
        return 0;
    }
    int first = atoi(argv[1]);
    int last = argc > 2 ? atoi(argv[2]) : first;
    int n = 0;
    for (TestCase *t = test_list(); t != NULL; t = t->next, n++) {
        if (n >= first && n <= last)
            run(t, n);
    }
    printf("@end\n");
    fflush(stdout);
    return 0;
}
