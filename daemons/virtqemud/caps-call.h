/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Calls that need to know what QEMU programs can do. Programs that were not asked yet are asked on workers, and the
 * call is answered when they have. */

#include "qemu.h"

/* Fills call->ret; caps is NULL for qemu_answer_with_all(). Returns as a handler does, but never VH_LATER. */
typedef int (*QemuAnswer)(VhCall *call, QemuCaps *caps, VhError **err);

/* For one program, which must be executable. Returns what the handler has to return. */
int qemu_answer_with(VhCall *call, const char *binary, QemuAnswer answer, VhError **err);
/* For all programs of this host: qemu_emulators_recall() knows each then that could be asked. */
int qemu_answer_with_all(VhCall *call, QemuAnswer answer, VhError **err);

/* caps-place.c: what a call about a hypervisor's offer is about. Arguments may be NULL: what this host takes then. */
typedef struct QemuPlace {
        const char *emulator, *arch, *machine, *virt_type;
} QemuPlace;

/* What they come to. Strings belong to the arguments and to caps. */
typedef struct QemuOffer {
        const QemuCaps *caps;
        const char *arch;
        const QemuMachine *machine;
        QemuAccel accel;
} QemuOffer;

/* The program to ask; NULL with an error. */
const char *qemu_place_emulator(const QemuPlace *place, QemuEmulators *emulators, VhError **err);
int qemu_place_resolve(const QemuPlace *place, const QemuCaps *caps, QemuOffer *offer, VhError **err);

/* domcaps.c: the <domainCapabilities> document. */
void qemu_domcaps_format(const QemuOffer *offer, const VhConf *conf, VhBuf *buf);
/* domcaps-cpu.c: its part about CPUs. */
void qemu_domcaps_format_cpu(const QemuOffer *offer, VhBuf *buf);
