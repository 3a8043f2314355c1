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

/* The account that guests run as by the settings. Returns 0 or negative errno with *err. */
int qemu_account(const QemuDriver *driver, QemuAccount *account, VhError **err);

/* What the child needs to become the account; made before the fork. */
typedef struct QemuIdentity {
        QemuAccount account;
        gid_t *groups;
        int n_groups;
        bool keep_capabilities;
} QemuIdentity;
/* Accepts NULL, returns NULL. */
QemuIdentity *qemu_identity_free(QemuIdentity *identity);
