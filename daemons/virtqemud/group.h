/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The control group of a running guest, and what its definition says of processors, memory and block I/O of the host.
 * Guests of the system daemon have one where the unified hierarchy is mounted and qemu.conf's cgroup_controllers is not
 * empty; a guest without one still has its threads pinned. */

#include "cgroup.h"
#include "model/domain-tune.h"
#include "process.h"

extern const QemuRunHooks qemu_group_hooks;

/* Finds the group of a guest that another daemon started. */
void qemu_group_reconnect(QemuProcess *proc);
/* The group of a process that ended while no daemon ran, so that it is removed with the run. */
void qemu_group_find_left(QemuProcess *proc);
/* The run's object goes: frees what it has of its group, which is left as it is. */
void qemu_group_forget(QemuProcess *proc);

/* Refuses (VIR_ERR_OPERATION_INVALID) what needs a controller that the guest does not have. */
int qemu_group_need(const QemuProcess *proc, QemuController c, VhError **err);

/* What def says of a part becomes true for the running guest. Each is used at the start, and for changes with the new
 * definition. Returns 0 or negative errno with *err. */
int qemu_group_apply_cpu(QemuProcess *proc, const VhDomainDef *def, VhError **err);
int qemu_group_apply_memory(QemuProcess *proc, const VhDomainDef *def, VhError **err);
int qemu_group_apply_io(QemuProcess *proc, const VhDomainDef *def, VhError **err);
int qemu_group_apply_numa(QemuProcess *proc, const VhDomainDef *def, VhError **err);

/* The scheduler's values as the groups have them: limits that def does not have are what the kernel begins with. Only
 * the numbers are set. */
VhCputune qemu_group_read_cpu(const QemuProcess *proc, const VhDomainDef *def);
/* The guest's share of block I/O as the kernel has it; 0: it cannot tell. */
unsigned qemu_group_read_weight(const QemuProcess *proc);

/* A thread that came ("vcpu", 3) into its sub-group with what def has for it. */
int qemu_group_add_thread(QemuProcess *proc, const VhDomainDef *def, const char *kind, unsigned id, pid_t tid,
                          VhError **err);

/* Asks QEMU for its threads and puts them into their groups: processors or I/O threads came or went. */
void qemu_group_refresh(QemuProcess *proc);

/* A helper program of the guest joins its group; nothing to do for a guest without one. */
int qemu_group_add_helper(const QemuProcess *proc, pid_t pid, VhError **err);
