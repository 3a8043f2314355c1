/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The CPU that a guest is started with. */

#include "caps.h"
#include "driver/host.h"
#include "model/domain.h"

/* Makes of the CPU that a definition asks for the one that its QEMU is told: the host's model by name, features that
 * are wanted if there are any settled, a model that QEMU lacks put in others' terms. Refuses what the host cannot give
 * where the definition asks for a check. Does nothing for CPUs that are no x86. */
int qemu_guest_cpu_settle(VhDomainDef *def, const QemuCaps *caps, const VhHost *host, VhError **err);
