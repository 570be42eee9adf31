/* SPDX-License-Identifier: MIT */
/*
 * The processes of `taskfs mount`. The one that the user's shell knows starts a second, which serves, then COMMAND, and waits: so the
 * mount does not stand still when ^Z stops the command, and whichever of them is killed, another one unmounts.
 *
 *     job_begin();                        // before anything else is read or made
 *     int server = job_split(&first);
 *     if (server == 0)
 *         ... serve; job_ready(first) once it can be used; end on SIGTERM ...
 *     code = job_wait(server, dir, command);
 */
#ifndef FRONT_JOB_H
#define FRONT_JOB_H

/* From now on signals wait until they are asked for. */
void job_begin(void);

/*
 * In the second process 0: a group of its own, so that nothing from a terminal reaches it, and SIGTERM when the first one dies.
 * process_take_signals comes next. In the first the number of the second, or negative. *first: that of the first.
 */
int job_split(int *first);

/* The second process: what it serves can be used now. */
void job_ready(int first);

/*
 * The first process, until the others have ended. SIGINT, SIGTERM, SIGHUP and SIGQUIT end the server; while a command runs, what a
 * process sends is passed on to that instead, and what a terminal sends has reached it already.
 *   dir      absolute, without links: where the command starts, and its TASKFS_MOUNT
 *   command  ended by NULL, looked up in PATH; NULL: none
 * The command's exit code (128 + the signal that ended it; 126 and 127 when it cannot be run), else the server's.
 */
int job_wait(int server, const char *dir, char **command);

#endif
