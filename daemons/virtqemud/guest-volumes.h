/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Disks that are volumes of pools: the storage daemon says what they are on this host. */

#include "process.h"
#include "host-work.h"

/* Whether a disk is a volume that nobody has looked up yet. */
bool qemu_disk_wants_volume(const VhDisk *disk);
/* Adds an item that looks the volume up; adopted, disk (which must last until then) is what the pool says. */
void qemu_volume_want(QemuProcess *proc, VhDisk *disk, QemuHostWork *work);
/* The guest runs, and its status only names its volumes. */
void qemu_volumes_find_again(QemuProcess *proc);
