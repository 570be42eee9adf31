/* SPDX-License-Identifier: MIT */
/*
 * Plays sessions in one kernel, each twice, and compares what /dev/objects counts before and after the second time: whatever a
 * session made, and left behind, is gone when its tasks and its /tmp are. (The first time fills caches: compiled programs.)
 *     objects DIRECTORY-WITH-STEPS FILE.steps...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <time.h>

#include "taskfs.h"

enum { TEXT = 4096, TRIES = 200 };

static void must(const char *what, int64_t r)
{
    if (r >= 0)
        return;
    printf("%s: %lld %s\n", what, (long long)r, taskfs_words());
    exit(1);
}

static void get(taskfs *k, const char *path, char *text)
{
    taskfs_file *f;
    must(path, taskfs_open(k, path, TASKFS_READ, 0, &f));
    int64_t n = taskfs_read(f, text, TEXT - 1);
    must(path, n);
    text[n] = '\0';
    (void)taskfs_close(f);
}

static int put(taskfs *k, const char *path, const char *text)
{
    taskfs_file *f;
    int r = taskfs_open(k, path, TASKFS_WRITE, 0, &f);
    if (r < 0)
        return r;
    int64_t n = taskfs_write(f, text, strlen(text));
    r = taskfs_close(f);
    return n < 0 ? (int)n : r;
}

/* Ids of a listing, up to 255, ended by 0. */
static int note_id(void *arg, const taskfs_dirent *e)
{
    unsigned long *ids = arg, id = strtoul(e->name, NULL, 10);
    size_t n = 0;
    while (ids[n] != 0)
        n++;
    if (id > 1 && n < 255)
        ids[n] = id;
    return 0;
}

/* Ends and forgets every task but the root: what a session left is the root's. True when there were some. */
static int end_all(taskfs *k)
{
    unsigned long ids[256] = { 0 };
    taskfs_file *dir;
    must("/task", taskfs_open(k, "/task", TASKFS_READ, 0, &dir));
    must("/task", taskfs_readdir(dir, note_id, ids));
    (void)taskfs_close(dir);
    for (size_t i = 0; ids[i] != 0; i++) {
        char path[64], text[TEXT];
        snprintf(path, sizeof path, "/task/%lu/ctl", ids[i]);
        (void)put(k, path, "kill KILL tree\n");
        snprintf(path, sizeof path, "/task/%lu/wait", ids[i]);
        get(k, path, text);
        snprintf(path, sizeof path, "/task/%lu/ctl", ids[i]);
        must(path, put(k, path, "remove\n"));
    }
    return ids[0] != 0;
}

static void play(taskfs *k, const char *session)
{
    static const char *const argv[] = { "/bin/steps", NULL };
    taskfs_file *in = NULL;
    taskfs_task *t;
    int code;
    must("tmpfs", taskfs_mount(k, "tmpfs", NULL, "/tmp", 0));
    must(session, taskfs_open(k, session, TASKFS_READ, 0, &in));
    taskfs_file *files[] = { in, NULL, NULL, in };      /* the last one where `taskfs run` has its preopen of --dir */
    must(session, taskfs_spawn(k, &(taskfs_program){ .argv = argv, .files = files, .nfiles = 4 }, &t));
    must(session, taskfs_wait(t, &code));
    taskfs_task_free(t);
    (void)taskfs_close(in);
    while (end_all(k)) {
    }
    must("/tmp", taskfs_unbind(k, "/tmp"));
    if (code != 0) {
        printf("%s: exit code %d\n", session, code);
        exit(1);
    }
}

/* A thread lets go of its task a moment after others see its end. */
static void a_moment(void)
{
    thrd_sleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
}

static int settles(taskfs *k, const char *before, char *after)
{
    for (int i = 0; i < TRIES; i++) {
        get(k, "/dev/objects", after);
        if (strcmp(before, after) == 0)
            return 1;
        a_moment();
    }
    return 0;
}

/* One task is left: the root. */
static void wait_for_the_last(taskfs *k, char *text)
{
    get(k, "/dev/objects", text);
    for (int i = 0; i < TRIES && strncmp(text, "task 1\n", 7) != 0; i++) {
        a_moment();
        get(k, "/dev/objects", text);
    }
}

int main(int argc, char **argv)
{
    taskfs *k;
    int failed = 0;
    if (argc < 3)
        return 2;
    must("boot", taskfs_boot(0, &k));
    must(argv[1], taskfs_bind_host(k, argv[1], "/bin", TASKFS_RDONLY));
    must("sessions", taskfs_bind_host(k, "test/tasks", "/sessions", TASKFS_RDONLY));
    for (int i = 2; i < argc; i++) {
        char path[256], before[TEXT], after[TEXT];
        snprintf(path, sizeof path, "/sessions/%s",
                 strrchr(argv[i], '/') != NULL ? strrchr(argv[i], '/') + 1 : argv[i]);
        play(k, path);
        wait_for_the_last(k, before);
        play(k, path);
        if (!settles(k, before, after)) {
            printf("FAIL %s: before\n%safter\n%s", path, before, after);
            failed = 1;
        }
    }
    taskfs_end(k);
    return failed;
}
