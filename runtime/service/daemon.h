/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What makes a program a daemon: its main() is one call with what the program is. */

#include "conf/desc.h"
#include "driver/backends.h"
#include "service/helper.h"

typedef struct VhProgramDesc {
        const char *name;               /* "virtqemud": names the description and the server */
        VhRouting routing;              /* driver daemons */
        const VhDriver *const *drivers; /* NULL-terminated, in the order they start; empty for virtlogd and virtlockd */
        const VhHelper *helper; /* of a daemon without drivers; NULL: it has drivers, and serves remote, qemu, lxc */
} VhProgramDesc;

/* What a process ends with. The numbers are those of libvirt's daemons. */
typedef enum VhExit {
        VH_EXIT_OK = 0,
        VH_EXIT_USAGE = 1, /* arguments, configuration, pid file, a stop that took too long */
        VH_EXIT_RUN_DIR = 2,
        VH_EXIT_INIT = 3,
        VH_EXIT_SIGNAL = 4,
        VH_EXIT_PRIVILEGES = 5,
        VH_EXIT_SOCKETS = 6,
        VH_EXIT_AUDIT = 10,
} VhExit;

/* Runs the daemon; returns the status for the process. */
int vh_daemon_main(const VhProgramDesc *program, int argc, char **argv);
