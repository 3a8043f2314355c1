/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a run needs of the host and a worker makes (host-work.h): collected before a guest's QEMU starts, taken back
 * after its end. */

#include "host-work.h"
#include "process.h"

extern const QemuRunHooks qemu_host_hooks;

/* Each part adds its items to work: what the guest needs, or what is to be taken back of it. Returns 0 or negative
 * errno with *err. */

/* guest-logs.c: what virtlogd keeps of character devices */
void qemu_guest_logs_want(const QemuProcess *proc, QemuHostWork *work);

/* guest-nets.c */
int qemu_guest_nets_want(QemuProcess *proc, QemuHostWork *work, VhError **err);
void qemu_guest_nets_leave(QemuProcess *proc, QemuHostWork *work);
/* An interface of a running guest, or one that is to be: the same. */
int qemu_guest_net_want(QemuProcess *proc, VhNet *net, QemuHostWork *work, VhError **err);
void qemu_guest_net_leave(QemuProcess *proc, const VhNet *net, QemuHostWork *work);
/* The guest runs, and nobody watched over it for a while: taps that lost their bridge join it again, ports and filters
 * that their daemons lost are made again. Failure is logged. */
void qemu_guest_nets_reclaim(QemuProcess *proc);
extern const QemuEventRow qemu_net_events[];
