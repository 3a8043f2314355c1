/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Calls of the lock program, for one owner. They wait for its answer, so they belong on a worker. */

#include "qemu.h"

/* One thing to lock, as virtlockd knows it. */
typedef struct QemuLock {
        char *space; /* folder, "" for the disk itself */
        char *name;
        unsigned flags;  /* QEMU_LOCK_* */
        bool make_space; /* the folder may have to be made */
        /* Where a disk below /dev is locked by what it is, if that can be told; NULL: by its path. */
        char *device;
        char *volume_space; /* folder for logical volumes; NULL: they are not looked for */
        char *unit_space;   /* folder for SCSI units, likewise */
} QemuLock;

/* Flags of the protocol. */
enum { QEMU_LOCK_SHARED = 1, QEMU_LOCK_AUTO_CREATE = 2 };

/* What virtlockd is asked for: may run programs, so it belongs on a worker. The caller ends *real with
 * qemu_lock_done(), whatever the outcome. lock-device.c */
int qemu_lock_resolve(const QemuLock *lock, QemuLock *real, VhError **err);
void qemu_lock_done(QemuLock *lock);
#define _qemu_lock_ _vh_cleanup_(qemu_lock_done)

typedef struct QemuLockOwner {
        const char *run_dir; /* where virtlockd's socket is */
        const char *name;    /* of the guest */
        const uint8_t *uuid;
        int id;
        pid_t pid;
} QemuLockOwner;

/* Acquires all, or none with *err. */
int qemu_lockd_acquire(const QemuLockOwner *owner, const QemuLock *locks, size_t n, VhError **err);
/* Releases all that it can; the first failure is the outcome. */
int qemu_lockd_release(const QemuLockOwner *owner, const QemuLock *locks, size_t n, VhError **err);

/* A lifeline in the making: what can be prepared before the fork. */
typedef struct QemuLifeline {
        char path[108]; /* of the socket */
        VhBuf frame;    /* the call that registers, without the pid */
} QemuLifeline;

int qemu_lifeline_prepare(QemuLifeline *line, const QemuLockOwner *owner, VhError **err);
void qemu_lifeline_done(QemuLifeline *line);
/* In the child between fork and exec, for its own pid: connects and registers. The connection stays open in the
 * program. Returns 0 or negative errno. */
int qemu_lifeline_tie(QemuLifeline *line);
