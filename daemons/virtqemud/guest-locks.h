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
/* A disk that joins a running guest: is locked if the guest has its locks now, and with the others from then on.
 * Returns 0 or negative errno with *err. */
int qemu_locks_add_disk(QemuProcess *proc, const VhDisk *disk, VhError **err);
/* One that left it, or did not join after all. Failure is logged. */
void qemu_locks_remove_disk(QemuProcess *proc, const VhDisk *disk);
/* Accepts NULL, returns NULL; the locks themselves stay. */
QemuLocks *qemu_locks_free(QemuLocks *locks);
