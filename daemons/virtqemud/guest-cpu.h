/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The CPU that a guest is started with. */

#include "caps.h"
#include "driver/host.h"
#include "model/domain.h"
#include "process.h"

/* Makes of the CPU that a definition asks for the one that its QEMU is told: the host's model by name, features that
 * are wanted if there are any settled, a model that QEMU lacks put in others' terms. Refuses what the host cannot give
 * where the definition asks for a check. Does nothing for CPUs that are no x86. */
int qemu_guest_cpu_settle(VhDomainDef *def, const QemuCaps *caps, const VhHost *host, VhError **err);

/* Puts into a definition what its CPU would be on this host, where it says so only in other words; what the host cannot
 * give stays as it is. */
int qemu_guest_cpu_explain(VhDomainDef *def, const QemuCaps *caps, VhError **err);

/* What a running guest's CPU became: enabled and missing are what QEMU says of its registers and of what it was asked
 * for in vain. Puts into cpu what differs; returns whether anything did, or negative errno with *err where the
 * definition wants exactly what it says. */
int qemu_guest_cpu_update(VhCpu *cpu, const VhX86Bits *enabled, const VhX86Bits *missing, VhError **err);

/* guest-cpu-live.c: asks a QEMU that just came up what its CPU became, and puts it into the definition of what runs
 * (proc->cpu_wanted keeps what it was). done() is called at once or later, not if the process goes meanwhile. */
void qemu_guest_cpu_ask(QemuProcess *proc, QemuValuesDone done, void *data);
/* Before the start of a guest whose memory comes from elsewhere: it gets the CPU that it had there; NULL: as its
 * definition says. */
void qemu_guest_cpu_continue(QemuProcess *proc, const VhCpu *model);
/* In a copy of what runs: the CPU as it was wanted, for those who start the guest again. */
void qemu_guest_cpu_original(VhDomainObj *dom, VhDomainDef *copy);
/* Writes a CPU as status files and saved memory have it: NUMA nodes stand with the definition. */
void qemu_guest_cpu_format(const VhCpu *cpu, VhBuf *b);
/* The text that goes with saved memory: the CPU that the guest has; NULL: nothing. The caller frees it. */
char *qemu_guest_cpu_cookie(VhDomainObj *dom);
/* The CPU in such a text; NULL: there is none. The caller frees it with vh_cpu_free(). */
VhCpu *qemu_guest_cpu_of_cookie(const char *text);
