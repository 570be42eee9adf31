/* SPDX-License-Identifier: MIT */
/*
 * The host's process that taskfs(1) runs in: its signals, directory and limits. Apart from the rest of front/ because the
 * host's headers and the kernel's do not go together. Errors are negative numbers of os/err.h, which on Linux are the host's.
 */
#ifndef FRONT_PROCESS_H
#define FRONT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

uint32_t process_uid(void);
uint32_t process_gid(void);
/* The absolute path of what is there, without links. */
int process_realpath(const char *path, char **out);
int process_cwd(char **out);        /* the same of the directory */
void process_free(char *s);         /* what the two above gave */
uint32_t process_take_umask(void);  /* what this process kept from new files; from now on it keeps nothing */
void process_raise_files(void);     /* as many descriptors as the host allows */
/*
 * The directory of the programs that ship with taskfs, owned (process_free): TASKFS_BIN (empty: none), else by where this program's
 * file is, installed or in its build tree. NULL when there is none.
 */
char *process_programs(void);

/*
 * Which of the descriptors 0 to 2 were not open when the process began, a bit for each. From then on they are taken by
 * /dev/null, so that no file that is opened later passes for one. Called first.
 */
unsigned process_closed_streams(void);

/* What descriptor fd is open for: 1 reading, 2 writing, 3 both. */
unsigned process_stream_mode(int fd);
bool process_is_terminal(int fd);

/* Where the regular file at descriptor fd stands, and to move it there. -ESPIPE: no regular file. */
int process_position(int fd, uint64_t *pos);
void process_move(int fd, uint64_t pos);

/*
 * Signals that are passed on: they are blocked in the calling thread, and so in all that it makes, and fetched by the main
 * thread. Called before any other thread exists.
 */
void process_take_signals(void);
int process_next_signal(
    int ms); /* waits, for ever when ms is negative; the number (Linux's), or 0 after process_poke or in vain */
void process_poke(void);            /* from any thread */
void process_stop(void);            /* stops this process, as SIGSTOP does; returns when it is continued */

#endif
