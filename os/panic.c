/* SPDX-License-Identifier: MIT */
/* The last resort: says where our own mistake showed, and aborts. */
#include <stdio.h>
#include <stdlib.h>

#include "os/os.h"

void os_panic(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: cannot be: %s\n", file, line, what);
    fflush(stderr);
    abort();
}
