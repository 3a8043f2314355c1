/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Locks on a guest's disks by way of virtlockd (lock_manager = "lockd" of qemu.conf, qemu-lockd.conf). A guest has them
 * while its processors may run. The process itself has a connection to virtlockd, made before it became QEMU: when that
 * ends, virtlockd frees the locks. */

#include "process.h"

typedef struct QemuLocks QemuLocks;

extern const QemuRunHooks qemu_lock_hooks;

/* Takes the locks of a guest that does not have them; before its processors go on. Returns 0 or negative errno with
 * *err, and none is taken then. */
int qemu_locks_acquire(QemuProcess *proc, VhError **err);
/* Gives them back: the guest is paused. Failure is logged. */
void qemu_locks_release(QemuProcess *proc);
/* Accepts NULL, returns NULL; the locks themselves stay. */
QemuLocks *qemu_locks_free(QemuLocks *locks);
