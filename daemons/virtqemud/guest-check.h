/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What QEMU, or a PC, cannot be: refused when a guest is defined, so that nobody learns it only at the start. The words
 * are the reference's. */

#include "caps.h"
#include "model/domain-check.h"

/* The whole definition, with defaults and addresses. Returns 0 or negative errno with *err. */
int qemu_domain_check(const VhDomainDef *def, VhError **err);

/* guest-check-machine.c, guest-check-disk.c, guest-check-device.c: its parts. */
int qemu_check_emulator(const VhDomainDef *def, VhError **err);
int qemu_check_machine(const VhDomainDef *def, VhError **err);
/* What happens when it ends. */
int qemu_check_life_cycle(const VhDomainDef *def, VhError **err);
int qemu_check_disk(const VhDomainDef *def, const VhDisk *disk, VhError **err);
int qemu_check_device(const VhDomainDef *def, VhDeviceKind kind, const void *dev, VhError **err);

/* guest-check-program.c: what the emulator of another architecture than x86 does not have; caps is what it can do. */
int qemu_check_program(const VhDomainDef *def, const QemuCaps *caps, VhError **err);

/* guest-check-start.c: what a guest that is to run may not be, though a definition may. */
int qemu_check_start(const VhDomainDef *def, VhError **err);
/* Whether it says where it runs, and does not leave that to numad. Not for command lines that are only shown. */
int qemu_check_placement(const VhDomainDef *def, VhError **err);

/* Rules of QEMU in one statement. */
#define QEMU_CHECK_RULES(err, ...) VH_CHECK_RULES(VIR_FROM_QEMU, (err), __VA_ARGS__)

/* Whether other processes of the host may map the guest's memory, as vhost-user and virtiofs need. */
bool qemu_def_memory_is_shared(const VhDomainDef *def);
