/* SPDX-License-Identifier: MIT */
/*
 * The root that a first task gets, the same in every build.
 */
#include "front/bootlist.h"

#include <string.h>

#include "dev/devcap.h"
#include "dev/devdev.h"
#include "dev/devmem.h"
#include "dev/devtask.h"
#include "kern/chan.h"
#include "kern/ns.h"
#include "kern/path.h"
#include "kern/synth.h"
#include "kern/task.h"
#include "kern/walk.h"

enum { ID_BIN = 1 };                /* of the synthetic directory */

int boot_bind(Call *c, File *file, const char *dst, unsigned flags)
{
    AUTO_FILE *f = file;
    Path *p = path_new(dst, strlen(dst));
    if (f == NULL || p == NULL) {
        path_put(p);
        return -ENOMEM;
    }
    AUTO_CHAN Chan *src = chan_new(c, STEAL(f), p);
    path_put(p);
    return src == NULL ? -ENOMEM : ns_bind(c, walk_self(c), src, dst, flags);
}

int boot_populate(Call *c, Kernel *k)
{
    AUTO_FILE *tmp = NULL;
    int r = devmem_new(c, &tmp);
    if (r == 0)
        r = ns_mount(c, walk_self(c), tmp, "tmpfs", "/tmp", BIND_CREATE);
    if (r == 0)
        r = boot_bind(c, synth_dir(ID_BIN), "/bin", 0);
    if (r == 0)
        r = boot_bind(c, devdev_root(), "/dev", 0);
    if (r == 0)
        r = boot_bind(c, devtask_view(), "/task", 0);
    if (r == 0)
        r = boot_bind(c, devcap_view(), "/cap", 0);
    if (r == 0)
        r = task_set_cwd(c, k->root, "/");
    return r;
}
