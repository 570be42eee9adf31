/* SPDX-License-Identifier: MIT */
/* Several processes at once, and locks between them. */
#include "posix.h"

#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { PROCESSES = 4, TIMES = 100 };

/* Starts PROCESSES, each with its number; gives the sum of what they return. */
static int all_of(int (*fn)(void *arg))
{
    pid_t pids[PROCESSES];
    static int numbers[PROCESSES];
    int sum = 0;
    for (int i = 0; i < PROCESSES; i++) {
        numbers[i] = i;
        pids[i] = child_start(fn, &numbers[i]);
    }
    for (int i = 0; i < PROCESSES; i++)
        sum += child_end(pids[i]);
    return sum;
}

/* ---- races ---------------------------------------------------------------------------------------------------------- */

static int create_races(void *arg)
{
    char name[32];
    int won = 0;
    (void)arg;
    for (unsigned i = 0; i < TIMES / 2; i++) {
        snprintf(name, sizeof name, "x%u", i);
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
        if (fd < 0)
            FAILS(open(name, O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
        else
            won++;
        close(fd);
    }
    return won;
}

RULE(open_excl_by_several_processes_is_won_by_one)
{
    EQ(all_of(create_races), TIMES / 2);
}

static int mkdir_races(void *arg)
{
    char name[32];
    int won = 0;
    (void)arg;
    for (unsigned i = 0; i < TIMES / 2; i++) {
        snprintf(name, sizeof name, "d%u", i);
        if (mkdir(name, 0755) == 0)
            won++;
        else
            EQ(errno, EEXIST);
    }
    return won;
}

RULE(mkdir_by_several_processes_is_won_by_one)
{
    EQ(all_of(mkdir_races), TIMES / 2);
}

static int link_races(void *arg)
{
    char name[32];
    int won = 0;
    (void)arg;
    for (unsigned i = 0; i < TIMES / 2; i++) {
        snprintf(name, sizeof name, "l%u", i);
        if (link("x", name) == 0)
            won++;
        else
            EQ(errno, EEXIST);
    }
    return won;
}

RULE(link_by_several_processes_is_won_by_one)
{
    file_make("x", "");
    EQ(all_of(link_races), TIMES / 2);
    EQ(stat_of("x").st_nlink, TIMES / 2 + 1);
}

static int unlink_races(void *arg)
{
    char name[32];
    int won = 0;
    (void)arg;
    for (unsigned i = 0; i < TIMES / 2; i++) {
        snprintf(name, sizeof name, "x%u", i);
        if (unlink(name) == 0)
            won++;
        else
            EQ(errno, ENOENT);
    }
    return won;
}

RULE(unlink_by_several_processes_is_won_by_one)
{
    char name[32];
    for (unsigned i = 0; i < TIMES / 2; i++) {
        snprintf(name, sizeof name, "x%u", i);
        file_make(name, "");
    }
    EQ(all_of(unlink_races), TIMES / 2);
}

static int rename_races(void *arg)
{
    char name[32];
    int won = 0;
    for (unsigned i = 0; i < TIMES / 2; i++) {
        snprintf(name, sizeof name, "to%d", *(int *)arg);
        if (rename("x", name) == 0) {
            won++;
            OK(rename(name, "x"));
        } else {
            EQ(errno, ENOENT);
        }
    }
    return won > 0;
}

RULE(rename_by_several_processes_keeps_one_file)
{
    file_make("x", "text");
    COMPARE(all_of(rename_races), >=, 1);
    STR_EQ(file_text("x"), "text");
    EQ(stat_of("x").st_nlink, 1);
}

static int replace(void *arg)
{
    char name[32], text[32];
    for (unsigned i = 0; i < TIMES; i++) {
        snprintf(name, sizeof name, "new%d", *(int *)arg);
        snprintf(text, sizeof text, "text of %d", *(int *)arg);
        file_make(name, text);
        OK(rename(name, "x"));
        COMPARE(strlen(file_text("x")), ==, 9);     /* one of ours, whole */
    }
    return 0;
}

RULE(rename_over_a_file_is_never_seen_half_done)
{
    file_make("x", "text of -");
    EQ(all_of(replace), 0);
}

static int append_lines(void *arg)
{
    char line[32];
    int fd = open_ok("x", O_WRONLY | O_APPEND);
    for (unsigned i = 0; i < TIMES; i++) {
        int n = snprintf(line, sizeof line, "%d says %05u\n", *(int *)arg, i);
        EQ(OK(write(fd, line, (size_t)n)), n);
    }
    return 0;
}

RULE(append_by_several_processes_loses_nothing)
{
    unsigned next[PROCESSES] = { 0 };
    file_make("x", "");
    EQ(all_of(append_lines), 0);
    EQ(stat_of("x").st_size, PROCESSES * TIMES * 13);
    const char *text = file_text("x");
    for (const char *line = text; *line != '\0'; line += 13) {
        unsigned who, i;
        EQ(sscanf(line, "%u says %u\n", &who, &i), 2);
        COMPARE(who, <, PROCESSES);
        EQ(i, next[who]++);
    }
}

static int make_and_remove(void *arg)
{
    char name[32];
    for (unsigned i = 0; i < TIMES; i++) {
        snprintf(name, sizeof name, "d/p%d.%u", *(int *)arg, i);
        file_make(name, "text");
        STR_EQ(file_text(name), "text");
        OK(unlink(name));
    }
    return 0;
}

RULE(create_and_unlink_by_several_processes_in_one_directory)
{
    dir_make("d");
    EQ(all_of(make_and_remove), 0);
    OK(rmdir("d"));
}

/* What a rename may say whose directories move while it looks at them. */
static void may_miss(int result)
{
    if (result < 0)
        TRUE(errno == ENOENT || errno == EINVAL || errno == ENOTEMPTY || errno == EEXIST);
}

static int move_trees(void *arg)
{
    bool even = *(int *)arg % 2 == 0;
    for (unsigned i = 0; i < TIMES; i++) {
        may_miss(even ? rename("a/t", "b/t") : rename("b/t", "a/t"));
        may_miss(even ? rename("a", "b/t/a") : rename("b/t/a", "a"));
    }
    return 0;
}

RULE(rename_of_directories_by_several_processes_makes_no_circle)
{
    dir_make("a");
    dir_make("b");
    dir_make("a/t");
    EQ(all_of(move_trees), 0);
    OK(access("b", F_OK));              /* which nobody moves: what is below it is reached */
}

static int write_own_part(void *arg)
{
    static char text[8192];
    int me = *(int *)arg, fd = open_ok("x", O_RDWR);
    memset(text, 'a' + me, sizeof text);
    for (unsigned i = 0; i < 20; i++)
        EQ(OK(pwrite(fd, text, sizeof text, (off_t)(i * PROCESSES + (unsigned)me) * 8192)), 8192);
    return 0;
}

RULE(write_by_several_processes_to_parts_of_one_file)
{
    static char in[8192];
    file_make("x", "");
    EQ(all_of(write_own_part), 0);
    int fd = open_ok("x", O_RDONLY);
    for (unsigned i = 0; i < 20 * PROCESSES; i++) {
        EQ(OK(read(fd, in, sizeof in)), sizeof in);
        for (unsigned k = 0; k < sizeof in; k++)
            EQ(in[k], 'a' + (char)(i % PROCESSES));
    }
}

static int read_when_told(void *arg)
{
    int fd = open_ok("x", O_RDONLY);
    char text[8] = "", c;
    OK(read(*(int *)arg, &c, 1));
    EQ(OK(pread(fd, text, 7, 0)), 4);
    STR_EQ(text, "text");
    return 0;
}

RULE(write_is_seen_by_another_process_at_once)
{
    int ends[2];
    OK(pipe(ends));
    file_make("x", "");
    pid_t pid = child_start(read_when_told, &ends[0]);
    int fd = open_ok("x", O_WRONLY);
    OK(write(fd, "text", 4));
    OK(write(ends[1], "!", 1));
    EQ(child_end(pid), 0);
}

/* ---- flock ---------------------------------------------------------------------------------------------------------- */

static int try_flock(void *arg)
{
    int fd = open_ok("x", O_RDWR);
    return flock(fd, *(int *)arg | LOCK_NB) == 0 ? 0 : errno;
}

static int flock_elsewhere(int how)
{
    return child_end(child_start(try_flock, &how));
}

RULE(flock_exclusive_keeps_others_out_until_it_is_given_back)
{
    file_make("x", "");
    int fd = open_ok("x", O_RDWR);
    OK(flock(fd, LOCK_EX));
    EQ(flock_elsewhere(LOCK_EX), EWOULDBLOCK);
    EQ(flock_elsewhere(LOCK_SH), EWOULDBLOCK);
    OK(flock(fd, LOCK_UN));
    EQ(flock_elsewhere(LOCK_EX), 0);
}

RULE(flock_shared_lets_other_readers_in)
{
    file_make("x", "");
    int fd = open_ok("x", O_RDONLY);
    OK(flock(fd, LOCK_SH));
    EQ(flock_elsewhere(LOCK_SH), 0);
    EQ(flock_elsewhere(LOCK_EX), EWOULDBLOCK);
}

RULE(flock_goes_with_the_last_duplicate)
{
    file_make("x", "");
    int fd = open_ok("x", O_RDWR), other = (int)OK(dup(fd));
    OK(flock(fd, LOCK_EX));
    OK(close(fd));
    EQ(flock_elsewhere(LOCK_EX), EWOULDBLOCK);
    OK(close(other));
    EQ(flock_elsewhere(LOCK_EX), 0);
}

RULE(flock_of_two_descriptors_in_one_process)
{
    file_make("x", "");
    int a = open_ok("x", O_RDWR), b = open_ok("x", O_RDWR);
    OK(flock(a, LOCK_EX));
    FAILS(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    OK(flock(a, LOCK_SH));
    OK(flock(b, LOCK_SH | LOCK_NB));
}

static int add_under_flock(void *arg)
{
    (void)arg;
    int fd = open_ok("x", O_RDWR);
    for (unsigned i = 0; i < TIMES; i++) {
        char text[16] = "";
        OK(flock(fd, LOCK_EX));
        OK(pread(fd, text, 15, 0));
        int n = snprintf(text, sizeof text, "%08d", atoi(text) + 1);
        OK(pwrite(fd, text, (size_t)n, 0));
        OK(flock(fd, LOCK_UN));
    }
    return 0;
}

RULE(flock_makes_a_counter_exact)
{
    file_make("x", "00000000");
    EQ(all_of(add_under_flock), 0);
    EQ(atoi(file_text("x")), PROCESSES * TIMES);
}

/* ---- fcntl ---------------------------------------------------------------------------------------------------------- */

static int range_lock(int fd, int how, short type, off_t from, off_t len)
{
    struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = from, .l_len = len };
    return fcntl(fd, how, &l);
}

typedef struct Wanted {
    short type;
    off_t from, len;
} Wanted;

static int try_range(void *arg)
{
    const Wanted *w = arg;
    return range_lock(open_ok("x", O_RDWR), F_SETLK, w->type, w->from, w->len) == 0 ? 0 : errno;
}

static int range_elsewhere(short type, off_t from, off_t len)
{
    Wanted w = { type, from, len };
    int r = child_end(child_start(try_range, &w));
    return r == EACCES ? EAGAIN : r;
}

RULE(fcntl_locks_a_range_against_other_processes)
{
    file_make("x", "text");
    int fd = open_ok("x", O_RDWR);
    OK(range_lock(fd, F_SETLK, F_WRLCK, 10, 10));
    EQ(range_elsewhere(F_WRLCK, 15, 1), EAGAIN);
    EQ(range_elsewhere(F_RDLCK, 19, 100), EAGAIN);
    EQ(range_elsewhere(F_WRLCK, 0, 10), 0);
    EQ(range_elsewhere(F_WRLCK, 20, 0), 0);
    OK(range_lock(fd, F_SETLK, F_UNLCK, 12, 2));
    EQ(range_elsewhere(F_WRLCK, 12, 2), 0);
    EQ(range_elsewhere(F_WRLCK, 11, 1), EAGAIN);
    EQ(range_elsewhere(F_WRLCK, 14, 1), EAGAIN);
}

RULE(fcntl_read_locks_share)
{
    file_make("x", "text");
    int fd = open_ok("x", O_RDWR);
    OK(range_lock(fd, F_SETLK, F_RDLCK, 0, 0));
    EQ(range_elsewhere(F_RDLCK, 0, 0), 0);
    EQ(range_elsewhere(F_WRLCK, 1000, 1), EAGAIN);
}

RULE(fcntl_locks_go_with_any_close_of_the_file)
{
    file_make("x", "text");
    int a = open_ok("x", O_RDWR), b = open_ok("x", O_RDWR);
    OK(range_lock(a, F_SETLK, F_WRLCK, 0, 0));
    EQ(range_elsewhere(F_WRLCK, 0, 0), EAGAIN);
    OK(close(b));
    EQ(range_elsewhere(F_WRLCK, 0, 0), 0);
}

static int tell_owner(void *arg)
{
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0 };
    OK(fcntl(open_ok("x", O_RDWR), F_GETLK, &l));
    EQ(l.l_type, F_WRLCK);
    EQ(l.l_start, 5);
    EQ(l.l_len, 7);
    EQ(l.l_pid, *(pid_t *)arg);
    return 0;
}

RULE(fcntl_getlk_tells_who_holds_what)
{
    file_make("x", "text");
    pid_t me = getpid();
    OK(range_lock(open_ok("x", O_RDWR), F_SETLK, F_WRLCK, 5, 7));
    EQ(child_end(child_start(tell_owner, &me)), 0);
}

RULE(fcntl_write_lock_needs_a_descriptor_for_writing)
{
    file_make("x", "text");
    FAILS(range_lock(open_ok("x", O_RDONLY), F_SETLK, F_WRLCK, 0, 0), EBADF);
    FAILS(range_lock(open_ok("x", O_WRONLY), F_SETLK, F_RDLCK, 0, 0), EBADF);
}

static int wait_for_range(void *arg)
{
    int fd = open_ok("x", O_RDWR);
    OK(write(*(int *)arg, "!", 1));
    OK(range_lock(fd, F_SETLKW, F_WRLCK, 0, 0));
    STR_EQ(file_text("x"), "done");
    return 0;
}

RULE(fcntl_setlkw_waits_until_the_range_is_free)
{
    int ends[2];
    char c;
    OK(pipe(ends));
    file_make("x", "text");
    int fd = open_ok("x", O_RDWR);
    OK(range_lock(fd, F_SETLK, F_WRLCK, 0, 0));
    pid_t pid = child_start(wait_for_range, &ends[1]);
    OK(read(ends[0], &c, 1));
    tick();
    EQ(waitpid(pid, NULL, WNOHANG), 0);
    OK(pwrite(fd, "done", 4, 0));
    OK(range_lock(fd, F_SETLK, F_UNLCK, 0, 0));
    EQ(child_end(pid), 0);
}

static void alarmed(int signal)
{
    (void)signal;
}

static int wait_interrupted(void *arg)
{
    (void)arg;
    struct sigaction act = { .sa_handler = alarmed };
    int fd = open_ok("x", O_RDWR);
    OK(sigaction(SIGALRM, &act, NULL));
    alarm(1);
    FAILS(range_lock(fd, F_SETLKW, F_WRLCK, 0, 0), EINTR);
    return 0;
}

RULE(fcntl_setlkw_is_ended_by_a_signal)
{
    file_make("x", "text");
    OK(range_lock(open_ok("x", O_RDWR), F_SETLK, F_WRLCK, 0, 0));
    EQ(child_end(child_start(wait_interrupted, NULL)), 0);
}

static int die_with_lock(void *arg)
{
    OK(range_lock(open_ok("x", O_RDWR), F_SETLK, F_WRLCK, 0, 0));
    OK(write(*(int *)arg, "!", 1));
    pause();
    return 0;
}

RULE(fcntl_locks_go_with_a_killed_process)
{
    int ends[2];
    char c;
    OK(pipe(ends));
    file_make("x", "text");
    pid_t pid = child_start(die_with_lock, &ends[1]);
    OK(read(ends[0], &c, 1));
    FAILS_2(range_lock(open_ok("x", O_RDWR), F_SETLK, F_WRLCK, 0, 0), EAGAIN, EACCES);
    OK(kill(pid, SIGKILL));
    OK(waitpid(pid, NULL, 0));
    OK(range_lock(open_ok("x", O_RDWR), F_SETLKW, F_WRLCK, 0, 0));
}

RULE(fcntl_open_file_locks_belong_to_the_open_file)
{
    file_make("x", "text");
    int a = open_ok("x", O_RDWR), b = open_ok("x", O_RDWR);
    OK(range_lock(a, F_OFD_SETLK, F_WRLCK, 0, 10));
    FAILS_2(range_lock(b, F_OFD_SETLK, F_WRLCK, 5, 10), EAGAIN, EACCES);
    OK(range_lock(b, F_OFD_SETLK, F_WRLCK, 10, 10));
    OK(close(a));
    OK(range_lock(b, F_OFD_SETLK, F_WRLCK, 0, 10));
}

RULE(poll_of_a_regular_file_is_always_ready)
{
    struct pollfd p = { .fd = open_ok("x", O_RDWR | O_CREAT), .events = POLLIN | POLLOUT };
    EQ(OK(poll(&p, 1, 0)), 1);
    EQ(p.revents, POLLIN | POLLOUT);
}
