/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The device nodes of the host that a guest uses: those that each needs, and those of its definition. */

#include "device-acl.h"

/* access: QEMU_DEVICE_*. Returns 0 to go on, negative errno to stop. */
typedef int (*QemuNodeFn)(void *data, const char *path, unsigned access, VhError **err);

/* All of a guest. Nodes that are not there are named too. Stops at the first failure, which it returns. */
int qemu_guest_nodes(const QemuDriver *driver, const VhDomainDef *def, QemuNodeFn fn, void *data, VhError **err);
/* Of one device. */
int qemu_disk_nodes(const VhDisk *disk, QemuNodeFn fn, void *data, VhError **err);
int qemu_hostdev_nodes(const VhHostdev *hostdev, QemuNodeFn fn, void *data, VhError **err);
int qemu_device_nodes(const VhDevice *dev, QemuNodeFn fn, void *data, VhError **err);
