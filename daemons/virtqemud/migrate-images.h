/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Images that a target makes because the guest's disks are copied into them and they are not there. The storage daemon
 * makes them in its pools. Without such a daemon they are made as plain files, in folders that exist. */

#include "host-work.h"
#include "migrate.h"

/* Work that makes the images that are missing of those in the source's cookie; made items that are taken back remove
 * their images again. NULL with *err if one of them cannot be made by anybody. */
QemuHostWork *qemu_migrate_images(const QemuDriver *driver, const VhDomainDef *def, const QemuMigrateParams *p,
                                  const QemuCookie *cookie, VhError **err);
