/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Guests of the system daemon run as an account of their own (user and group of qemu.conf, or a dac label of the
 * guest's definition), without capabilities, and own their files while they run. */

#include "dac.h"
#include "process.h"

extern const QemuRunHooks qemu_isolation_hooks;

/* A disk that joins or leaves a running guest: its images become the account's, or are given back. */
int qemu_isolation_add_disk(QemuProcess *proc, const VhDisk *disk, VhError **err);
void qemu_isolation_remove_disk(QemuProcess *proc, const VhDisk *disk);

/* The same for a device of any kind: its nodes on the host can be opened by the guest, or cannot any more (call it once
 * the device is no longer in the guest's definition). */
int qemu_isolation_add_device(QemuProcess *proc, const VhDevice *dev, VhError **err);
void qemu_isolation_remove_device(QemuProcess *proc, const VhDevice *dev);

/* The account of a guest: its own, or that of the settings. Returns 0 or negative errno with *err. */
int qemu_account_of(const QemuProcess *proc, QemuAccount *account, VhError **err);
/* The account that guests run as by the settings. Returns 0 or negative errno with *err. */
int qemu_account(const QemuDriver *driver, QemuAccount *account, VhError **err);

/* Whether owners of files are remembered and restored (remember_owner in qemu.conf). */
bool qemu_isolation_remembers(const QemuDriver *driver);

/* What the child needs to become the account; made before the fork. */
typedef struct QemuIdentity {
        QemuAccount account;
        gid_t *groups;
        int n_groups;
        bool keep_capabilities;
        uint64_t core;             /* bytes of a core file, UINT64_MAX: any */
        unsigned processes, files; /* 0: as the daemon's */
} QemuIdentity;
/* Accepts NULL, returns NULL. */
QemuIdentity *qemu_identity_free(QemuIdentity *identity);
