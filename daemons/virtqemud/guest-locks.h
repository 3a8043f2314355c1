/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Locks on a guest's disks by way of virtlockd (lock_manager = "lockd" of qemu.conf, qemu-lockd.conf). A guest has them
 * while its processors may run. The process itself has a connection to virtlockd, made before it became QEMU and
 * before it has any lock: when that ends, virtlockd frees the locks. */

#include "process.h"

typedef struct QemuLocks QemuLocks;

extern const QemuRunHooks qemu_lock_hooks;

/* done() is called once, inside or later; r < 0: err (borrowed) says why. */
typedef void (*QemuLockDone)(void *data, int r, const VhError *err);

/* Takes the locks of a guest that does not have them, then lets its processors go on, for a reason
 * (VIR_DOMAIN_RUNNING_*; 0: it stays what it is). fn() gets the end of that as with qmp_send(), or why a lock could not
 * be had: none is taken then, and the guest stays paused. */
void qemu_locks_cont(QemuProcess *proc, int reason, QmpReplyFn fn, void *data);
/* Gives them back: the guest is paused. Failure is logged. */
void qemu_locks_release(QemuProcess *proc);
/* A disk that joins a running guest: is locked if the guest has its locks now, and with the others from then on. */
void qemu_locks_add_disk(QemuProcess *proc, const VhDisk *disk, QemuLockDone done, void *data);
/* One that left it, or did not join after all. Failure is logged. */
void qemu_locks_remove_disk(QemuProcess *proc, const VhDisk *disk);
/* The same for a lease. */
void qemu_locks_add_lease(QemuProcess *proc, const VhLease *lease, QemuLockDone done, void *data);
void qemu_locks_remove_lease(QemuProcess *proc, const VhLease *lease);
/* Calls done() when all that was asked for until now has come to its end. False: nothing is under way, it is not
 * called. */
bool qemu_locks_settle(QemuProcess *proc, QemuLockDone done, void *data);
/* Those that wait with data are not told. */
void qemu_locks_forget(QemuProcess *proc, const void *data);
/* The process is gone: who waits is told. */
void qemu_locks_stop(QemuProcess *proc);
/* Accepts NULL, returns NULL; the locks themselves stay. */
QemuLocks *qemu_locks_free(QemuLocks *locks);
