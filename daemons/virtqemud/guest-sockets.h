/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* UNIX sockets on which character devices of a guest listen. The daemon makes them, so that they may lie where the
 * guest's account can make none, and QEMU inherits them. */

#include "dac.h"
#include "process.h"

/* Makes those of a guest that is about to run: they belong to the account and have the guest's label. Returns 0 or
 * negative errno with *err. */
int qemu_guest_sockets_make(QemuProcess *proc, const QemuAccount *account, QemuLaunch *launch, VhError **err);
/* Removes them: QEMU may not be able to. */
void qemu_guest_sockets_remove(const QemuProcess *proc);
