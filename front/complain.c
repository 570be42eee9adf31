/* SPDX-License-Identifier: MIT */
/*
 * What taskfs(1) says when something is wrong.
 */
#include <stdarg.h>
#include <stdio.h>

#include "front/front.h"

void complain(const char *format, ...)
{
    char line[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    fprintf(stderr, "taskfs: %s\n", line);
}
