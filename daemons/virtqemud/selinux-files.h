/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Labels of one guest's files for SELinux. */

#include "process.h"
#include "selinux-host.h"

typedef struct QemuSelinuxGuest {
        QemuSelinux *host;
        QemuProcess *proc;
        const VhSeclabel *label; /* with its imagelabel */
} QemuSelinuxGuest;

/* Labels all files of the guest, with what was made for this run. Returns 0 or negative errno with *err. */
int qemu_selinux_give_all(const QemuSelinuxGuest *guest, VhError **err);
/* Gives those back that the guest alone wrote to, or that remember what they were. Failure is logged. */
void qemu_selinux_restore_all(const QemuSelinuxGuest *guest);

/* The same for one device, which joins a running guest or left it. */
int qemu_selinux_give_device(const QemuSelinuxGuest *guest, const VhDevice *dev, VhError **err);
void qemu_selinux_restore_device(const QemuSelinuxGuest *guest, const VhDevice *dev);
