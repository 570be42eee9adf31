/* SPDX-License-Identifier: MIT */
/*
 * The build for a page: nothing of a host. Programs are run by workers of the page, which come with it.
 */
#include "dev/devcap.h"
#include "dev/devdev.h"
#include "dev/devmem.h"
#include "dev/devpipe.h"
#include "dev/devtar.h"
#include "dev/devtask.h"
#include "front/bootlist.h"
#include "kern/cap.h"

static const Engine *const engines[] = { NULL };
static const MountType *const mounts[] = { &mount_tmpfs, &mount_tar, NULL };
static const CapKind *const caps[] = { &cap_pipe, &cap_tmpfs, NULL };

const BootList boot_web = {
    .engines = engines,
    .mounts = mounts,
    .caps = caps,
    .populate = boot_populate,
    .pipe = devpipe_new,
    .task_view = devtask_view,
    .is_task_view = devtask_is_view,
    .cap_view = devcap_view,
    .is_cap_view = devcap_is_view,
    .task_exited = devcap_task_exited,
    .fd_file = devtask_fd_file,
    .null_file = devdev_null,
};
