/* SPDX-License-Identifier: MIT */
/*
 * Every function of the C library, by a program that knows only taskfs.h. Prints what is wrong; 0 when nothing is.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <taskfs.h>

static int wrong;

static void is(int line, const char *what, long long wanted, long long got)
{
    if (wanted != got) {
        printf("line %d: %s is %lld, not %lld (%s)\n", line, what, got, wanted, taskfs_words());
        wrong = 1;
    }
}
#define IS(wanted, got) is(__LINE__, #got, (long long)(wanted), (long long)(got))

static void is_text(int line, const char *wanted, const char *got)
{
    if (strcmp(wanted, got) != 0) {
        printf("line %d: \"%s\", not \"%s\"\n", line, got, wanted);
        wrong = 1;
    }
}
#define IS_TEXT(wanted, got) is_text(__LINE__, wanted, got)

static taskfs_file *open_file(taskfs *k, const char *path, unsigned flags)
{
    taskfs_file *f = NULL;
    IS(0, taskfs_open(k, path, flags, 0640, &f));
    if (f == NULL)
        exit(1);
    return f;
}

static void put(taskfs *k, const char *path, const char *text)
{
    taskfs_file *f = open_file(k, path, TASKFS_WRITE | TASKFS_NEW | TASKFS_TRUNC);
    IS(strlen(text), taskfs_write(f, text, strlen(text)));
    IS(0, taskfs_close(f));
}

static const char *get(taskfs *k, const char *path)
{
    static char buf[4096];
    taskfs_file *f = NULL;
    if (taskfs_open(k, path, TASKFS_READ, 0, &f) < 0)
        return "?";
    int64_t n = taskfs_read(f, buf, sizeof buf - 1);
    buf[n < 0 ? 0 : n] = '\0';
    taskfs_close(f);
    return buf;
}

static int add_name(void *arg, const taskfs_dirent *e)
{
    char *names = arg;
    if (e->name[0] != '.')
        strcat(strcat(names, e->name), " ");
    return strcmp(e->name, "stop") == 0 ? 7 : 0;
}

static void files(taskfs *k)
{
    char buf[64] = "";
    taskfs_file *f = NULL;
    taskfs_stat st;
    IS(0, taskfs_mkdir(k, "/tmp/d", 0755));
    IS(-EEXIST, taskfs_mkdir(k, "/tmp/d", 0755));
    IS(-EEXIST, taskfs_mkdir(k, "/", 0755));
    IS(-ENOENT, taskfs_open(k, "/tmp/d/f", TASKFS_READ, 0, &f));
    IS(-EINVAL, taskfs_open(k, "/tmp/d/f", 1u << 30, 0, &f));
    f = open_file(k, "/tmp/d/f", TASKFS_READ | TASKFS_WRITE | TASKFS_NEW | TASKFS_EXCL);
    IS(-EEXIST, taskfs_open(k, "/tmp/d/f", TASKFS_WRITE | TASKFS_NEW | TASKFS_EXCL, 0600, &(taskfs_file *){ NULL }));
    IS(10, taskfs_write(f, "0123456789", 10));
    IS(2, taskfs_seek(f, 2, 0));
    IS(3, taskfs_read(f, buf, 3));
    IS_TEXT("234", buf);
    IS(5, taskfs_seek(f, 0, 1));
    IS(2, taskfs_pread(f, buf, 2, 8));
    IS(1, taskfs_pwrite(f, "x", 1, 0));
    IS(5, taskfs_seek(f, 0, 1));
    IS(0, taskfs_truncate(f, 4));
    IS(0, taskfs_fsync(f));
    IS(0, taskfs_fgetattr(f, &st));
    IS(4, st.size);
    IS(0100640, st.mode);
    IS(0, taskfs_close(f));
    IS_TEXT("x123", get(k, "/tmp/d/f"));

    IS(0, taskfs_chmod(k, "/tmp/d/f", 0600));
    IS(0, taskfs_symlink(k, "f", "/tmp/d/l"));
    IS(1, taskfs_readlink(k, "/tmp/d/l", buf, sizeof buf));
    IS(0, taskfs_getattr(k, "/tmp/d/l", 1, &st));
    IS(0120000, st.mode & 0170000);
    IS(0, taskfs_getattr(k, "/tmp/d/l", 0, &st));
    IS(0100600, st.mode);
    IS(0, taskfs_link(k, "/tmp/d/f", "/tmp/d/g"));
    IS(0, taskfs_rename(k, "/tmp/d/g", "/tmp/d/stop"));
    IS(0, taskfs_unlink(k, "/tmp/d/l"));

    char names[256] = "";
    f = open_file(k, "/tmp/d", TASKFS_READ | TASKFS_DIRECTORY);
    IS(7, taskfs_readdir(f, add_name, names));
    IS_TEXT("f stop ", names);
    IS(0, taskfs_close(f));
    IS(-ENOTEMPTY, taskfs_rmdir(k, "/tmp/d"));
    IS(-EISDIR, taskfs_unlink(k, "/tmp/d"));
    IS(0, taskfs_unlink(k, "/tmp/d/f"));
    IS(0, taskfs_unlink(k, "/tmp/d/stop"));
    IS(0, taskfs_rmdir(k, "/tmp/d"));
}

static void names(taskfs *k, const char *here)
{
    taskfs_file *f = NULL;
    IS(0, taskfs_bind_host(k, here, "/host", TASKFS_RDONLY));
    IS(-EROFS, taskfs_open(k, "/host/new", TASKFS_WRITE | TASKFS_NEW, 0644, &f));
    IS(-ENOENT, taskfs_bind_host(k, "/none/such", "/host", 0));
    IS(0, taskfs_mount(k, "tmpfs", NULL, "/m", 0));
    IS(-ENODEV, taskfs_mount(k, "nofs", NULL, "/m", 0));
    IS(1, strstr(taskfs_words(), "nofs") != NULL);
    IS(-EINVAL, taskfs_mount(k, "tar", NULL, "/m", 0));
    put(k, "/m/x", "in m");
    IS(0, taskfs_bind(k, "/m/x", "/one", 0));
    IS_TEXT("in m", get(k, "/one"));
    IS(0, taskfs_unbind(k, "/one"));
    IS_TEXT("?", get(k, "/one"));
    IS(-EINVAL, taskfs_bind(k, "/m", "/n", 1u << 20));
}

static void pipes(taskfs *k)
{
    taskfs_file *r = NULL, *w = NULL;
    char buf[8] = "";
    IS(0, taskfs_pipe(k, &r, &w));
    taskfs_pollfd p[] = { { r, TASKFS_CAN_READ, 9 }, { w, TASKFS_CAN_WRITE, 9 } };
    IS(0, taskfs_poll(p, 1, 0));
    IS(0, p[0].revents);
    IS(0, taskfs_poll(p, 1, 5000000));
    IS(1, taskfs_poll(p, 2, -1));
    IS(TASKFS_CAN_WRITE, p[1].revents);
    IS(3, taskfs_write(w, "abc", 3));
    IS(2, taskfs_poll(p, 2, -1));
    IS(3, taskfs_read(r, buf, sizeof buf));
    IS(0, taskfs_close(w));
    IS(1, taskfs_poll(p, 1, -1));
    IS(TASKFS_CAN_READ | TASKFS_HANGUP, p[0].revents);
    IS(0, taskfs_read(r, buf, sizeof buf));
    IS(0, taskfs_close(r));
    IS(0, taskfs_close(NULL));
}

static void tasks(taskfs *k, const char *tool)
{
    const char *spin[] = { "tool", "spin", NULL }, *env[] = { "NAME=value", NULL },
               *show[] = { "tool", "env", "NAME", NULL };
    const char *inside[] = { "/host/tool.wasm", "exit", "5", NULL };
    taskfs_task *t = NULL;
    int code = -1;
    taskfs_program p = { .host = tool, .argv = spin, .nice = 1, .memlimit = 64 << 20 };
    IS(0, taskfs_spawn(k, &p, &t));
    IS(-EAGAIN, taskfs_trywait(t, &code));
    IS(0, taskfs_kill(t, 0));
    IS(0, taskfs_kill(t, SIGKILL));
    IS(0, taskfs_wait(t, &code));
    IS(128 + SIGKILL, code);
    IS(0, taskfs_trywait(t, &code));
    IS(-ESRCH, taskfs_kill(t, SIGTERM));
    taskfs_task_free(t);

    put(k, "/tmp/out", "");
    taskfs_file *out = open_file(k, "/tmp/out", TASKFS_WRITE), *out_files[] = { NULL, out };
    p = (taskfs_program){ .host = tool, .argv = show, .env = env, .cwd = "/tmp", .files = out_files, .nfiles = 2 };
    IS(0, taskfs_spawn(k, &p, &t));
    IS(0, taskfs_close(out));
    IS(0, taskfs_wait(t, &code));
    IS(0, code);
    IS_TEXT("value\n", get(k, "/tmp/out"));
    taskfs_task_free(t);

    p = (taskfs_program){ .argv = inside };
    IS(0, taskfs_spawn(k, &p, &t));
    IS(0, taskfs_wait(t, &code));
    IS(5, code);
    char path[64];
    snprintf(path, sizeof path, "/task/%llu/exitcode", (unsigned long long)taskfs_task_id(t));
    IS_TEXT("5\n", get(k, path));
    taskfs_task_free(t);
    taskfs_task_free(NULL);

    p.argv = (const char *const[]){ NULL };
    IS(-EINVAL, taskfs_spawn(k, &p, &t));
    p.argv = (const char *const[]){ "/no/such", NULL };
    IS(-ENOENT, taskfs_spawn(k, &p, &t));
    p.argv = (const char *const[]){ "/tmp", NULL };
    IS(-EACCES, taskfs_spawn(k, &p, &t));
    p.argv = (const char *const[]){ "/tmp/out", NULL };
    IS(-ENOEXEC, taskfs_spawn(k, &p, &t));
}

/* A line without its newline runs when the file is closed, also when it has to wait: this module was never compiled before. */
static void close_waits(taskfs *k)
{
    static char module[1 << 20];
    char path[64], line[] = "cmd /tmp/fresh.wasm exit 6\nstart";
    taskfs_file *f = open_file(k, "/host/tool.wasm", TASKFS_READ);
    int64_t n = taskfs_read(f, module, sizeof module - 32);
    IS(0, taskfs_close(f));
    /* Behind it a custom section, named by the time. */
    n += snprintf(module + n, 32, "%c%c%c%016llx", 0, 17, 16, (unsigned long long)time(NULL) << 20 | (unsigned)clock());
    f = open_file(k, "/tmp/fresh.wasm", TASKFS_WRITE | TASKFS_NEW);
    IS(n, taskfs_write(f, module, (size_t)n));
    IS(0, taskfs_close(f));
    unsigned long long id = strtoull(get(k, "/task/new"), NULL, 10);
    snprintf(path, sizeof path, "/task/%llu/ctl", id);
    f = open_file(k, path, TASKFS_WRITE);
    IS(strlen(line), taskfs_write(f, line, strlen(line)));
    IS(0, taskfs_close(f));
    snprintf(path, sizeof path, "/task/%llu/status", id);
    if (strcmp(get(k, path), "stopped\n") == 0) {
        IS_TEXT("running\n", get(k, path));
        return;
    }
    snprintf(path, sizeof path, "/task/%llu/wait", id);
    IS_TEXT("6\n", get(k, path));
}

/* Several threads in one kernel, each with files of its own. */
static void *busy(void *arg)
{
    taskfs *k = arg;
    static _Thread_local char path[64];
    snprintf(path, sizeof path, "/tmp/t%p", (void *)path);
    for (int i = 0; i < 200; i++) {
        put(k, path, "text");
        IS(0, taskfs_unlink(k, path));
    }
    return NULL;
}

static void threads(taskfs *k)
{
    pthread_t t[3];
    for (int i = 0; i < 3; i++)
        pthread_create(&t[i], NULL, busy, k);
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
}

int main(int argc, char **argv)
{
    taskfs *k = NULL, *other = NULL;
    if (argc != 2)
        return 2;
    IS_TEXT(TASKFS_VERSION, taskfs_version());
    IS(-EINVAL, taskfs_boot(1u << 9, &k));
    IS(0, taskfs_boot(0, &k));
    IS(0, taskfs_boot(TASKFS_BARE, &other));
    IS_TEXT("?", get(other, "/tmp"));
    IS(-EPERM, taskfs_mkdir(other, "/x", 0755));
    files(k);
    names(k, ".");
    pipes(k);
    tasks(k, argv[1]);
    close_waits(k);
    threads(k);
    taskfs_end(other);
    taskfs_end(k);
    taskfs_end(NULL);
    return wrong;
}
