/* SPDX-License-Identifier: MIT */
/*
 * A program with a taskfs kernel inside: it runs a WASI module as a task and reads what that writes through a pipe.
 *
 *     cc hello.c $(pkg-config --cflags --libs taskfs) -o hello && ./hello program.wasm
 */
#include <stdio.h>
#include <string.h>

#include <taskfs.h>

static int complain(const char *what, int error)
{
    fprintf(stderr, "hello: %s: %s\n", what, taskfs_words()[0] != '\0' ? taskfs_words() : strerror(-error));
    return 1;
}

/* Copies what the task writes to our standard output, until it has closed its end. */
static int show(taskfs_file *from)
{
    char buf[4096];
    int64_t n;
    while ((n = taskfs_read(from, buf, sizeof buf)) > 0)
        fwrite(buf, 1, (size_t)n, stdout);
    return (int)n;
}

static int run(taskfs *k, const char *program)
{
    taskfs_file *reader, *writer;
    int r = taskfs_pipe(k, &reader, &writer);
    if (r < 0)
        return complain("pipe", r);

    const char *argv[] = { program, "from", "the", "library", NULL };
    taskfs_file *files[] = { NULL, writer, writer };
    taskfs_program p = { .host = program, .argv = argv, .files = files, .nfiles = 3 };
    taskfs_task *task;
    r = taskfs_spawn(k, &p, &task);
    if (r < 0)
        complain(program, r); /* before another call: the words are the last one's */
    taskfs_close(writer); /* the task has its own handle: the end of file comes with its end */
    if (r < 0) {
        taskfs_close(reader);
        return 1;
    }
    printf("task %llu says:\n", (unsigned long long)taskfs_task_id(task));
    r = show(reader);
    taskfs_close(reader);

    int code = 0;
    if (r == 0)
        r = taskfs_wait(task, &code);
    taskfs_task_free(task);
    return r < 0 ? complain("wait", r) : code;
}

int main(int argc, char **argv)
{
    taskfs *k;
    if (argc != 2) {
        fprintf(stderr, "usage: hello PROGRAM.wasm\n");
        return 1;
    }
    int r = taskfs_boot(0, &k);
    if (r < 0)
        return complain("boot", r);
    r = run(k, argv[1]);
    taskfs_end(k);
    return r;
}
