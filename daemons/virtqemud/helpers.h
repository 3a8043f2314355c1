/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Programs that run beside a guest for its devices: swtpm, virtiofsd, qemu-pr-helper. They start before its QEMU does
 * and end with it; a daemon that starts later finds them by their pid files. */

#include "process.h"

/* One that runs; a list hangs on QemuProcess.helpers. */
typedef struct QemuHelper QemuHelper;
struct QemuHelper {
        QemuHelper *next;
        char *pid_path;
        pid_t pid;
};

/* Calls fn with the pid of each that runs now: for the guest's control group. */
void qemu_helpers_each(const QemuProcess *proc, void (*fn)(void *data, pid_t pid), void *data);
/* Forgets them all, without an end to the programs. */
void qemu_helpers_free(QemuProcess *proc);
