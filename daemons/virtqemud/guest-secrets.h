/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Secrets that a guest's devices need: which they are, asking the daemon that has them for their values, and handing
 * them to QEMU under names that the devices' own descriptions use. */

#include "command-parts.h"
#include "host-work.h"

/* Each adds an item to work that gets the values if the device (complete, with its names) needs any; adopted, they are
 * in launch->secrets. key_path: of the guest's key; NULL: one that is forgotten again. */
void qemu_secrets_want(const QemuLaunch *launch, const VhDomainDef *def, QemuHostWork *work);
void qemu_device_secrets_want(const QemuLaunch *launch, const VhDomainDef *def, const VhDevice *dev,
                              QemuHostWork *work);
/* Those of an image without a disk, and of the images behind it; they have their numbers. */
void qemu_image_secrets_want(const QemuLaunch *launch, const VhDiskSource *src, QemuHostWork *work);
