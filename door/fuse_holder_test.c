/* SPDX-License-Identifier: MIT */
#include "door/fuse_holder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/test.h"

/* What a child of this process, which has closed its copy, is told of itself. */
static int asked_by_child(int fd, uint64_t ino, uint64_t pos)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        close(fd);
        _exit(holder_left(getpid(), ino, pos) ? 7 : 8);
    }
    TRUE(waitpid(child, &status, 0) == child);
    return WEXITSTATUS(status);
}

TEST(who_has_a_file_is_found)
{
    char name[] = "/tmp/holder-XXXXXX";
    struct stat st;
    int fd = mkstemp(name);
    TRUE(fd >= 0 && unlink(name) == 0 && write(fd, "abc", 3) == 3 && fstat(fd, &st) == 0);
    TRUE(holder_left(getpid(), st.st_ino, 3));
    TRUE(!holder_left(getpid(), st.st_ino, 2));         /* another open file of the same */
    TRUE(!holder_left(getpid(), st.st_ino + 1, 3));
    EQ(asked_by_child(fd, st.st_ino, 3), 7);            /* the parent has it still */
    EQ(asked_by_child(fd, st.st_ino, 4), 8);
    int copy = dup(fd);
    close(fd);
    TRUE(holder_left(getpid(), st.st_ino, 3));
    close(copy);
    TRUE(!holder_left(getpid(), st.st_ino, 3));
    TRUE(!holder_left(0, st.st_ino, 3));
    TRUE(!holder_left(-1, st.st_ino, 3));
    TRUE(!holder_left(0x3fffffff, st.st_ino, 3));
}
