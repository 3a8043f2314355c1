/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "conf/conf.h"
#include "model/domain.h"

/* Decides what devices of a guest that starts leave to qemu.conf: addresses of displays, TLS of TCP connections. conf
 * may be NULL. */
void qemu_settle_live(const VhConf *conf, VhDomainDef *def);
/* The same for one device, which joins a guest. */
void qemu_settle_device(const VhConf *conf, VhDeviceKind kind, void *dev);

/* The source of a character device that a device is, or has; NULL: none. It belongs to the device. */
const VhChrSource *qemu_chr_source(VhDeviceKind kind, const void *dev);
