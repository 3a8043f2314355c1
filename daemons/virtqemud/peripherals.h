/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The devices of a guest that QEMU has under a name: what QEMU said when it was asked, and what came and went since. A
 * daemon that comes later holds that list against what QEMU has then: what is missing has left the guest meanwhile, and
 * leaves its definition. So nothing may stand in it that QEMU never knew by that name. */

#include "model/domain-devices.h"
#include "process.h"

typedef struct QemuPeripherals {
        char **names;
        size_t n;
} QemuPeripherals;

/* What QEMU answers to a question for the list. */
void qemu_peripherals_set(QemuProcess *proc, json_t *ret);
/* One has joined; alias NULL: one that has no name. */
void qemu_peripherals_add(QemuProcess *proc, const char *alias);
/* One has left. */
void qemu_peripherals_remove(QemuProcess *proc, const char *alias);
/* The list of a status file with that definition, to which devices may have been added. */
void qemu_peripherals_format(const QemuProcess *proc, const VhDomainDef *def, VhBuf *b);
/* Accepts NULL, returns NULL. */
QemuPeripherals *qemu_peripherals_free(QemuPeripherals *list);

/* Whether a device is one of those that can come and go, and always stand in QEMU's list under their alias. */
bool qemu_device_is_listed(VhDeviceKind kind, const void *dev);
