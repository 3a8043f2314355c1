/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which device nodes of the host the processes in a guest's control group may open: a BPF program on the group with a
 * table of devices, in the form of libvirt 9.0.0, whose daemons and ours change each other's tables. */

#include "process.h"

enum {
        QEMU_DEVICE_READ = 1 << 0,
        QEMU_DEVICE_WRITE = 1 << 1,
        QEMU_DEVICE_MKNOD = 1 << 2,
        QEMU_DEVICE_RW = QEMU_DEVICE_READ | QEMU_DEVICE_WRITE,
};

/* Allows what every guest needs (cgroup_device_acl of qemu.conf), and what its definition names; all else is refused.
 * Nothing to do for a guest without a group, or where qemu.conf leaves the controller "devices" out. */
int qemu_device_acl_set_up(QemuProcess *proc, VhError **err);
/* One node more, or less, of a running guest. What is no device is left alone. access: QEMU_DEVICE_*. */
int qemu_device_acl_allow(const QemuProcess *proc, const char *path, unsigned access, VhError **err);
void qemu_device_acl_deny(const QemuProcess *proc, const char *path);
