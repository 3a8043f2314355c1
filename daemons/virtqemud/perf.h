/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The kernel's counters of events in a guest's process. */

#include "driver/typedparam.h"
#include "process.h"

/* Opens the counters that the definition asks for: before QEMU has threads, so that they are counted too. */
extern const QemuRunHooks qemu_perf_hooks;
/* The same for a guest that an earlier daemon started; what cannot be opened is logged. */
void qemu_perf_reconnect(QemuProcess *proc);
/* Closes all of a process that goes. */
void qemu_perf_close(QemuProcess *proc);
/* Adds the values of those that are counted: "perf.NAME". */
void qemu_perf_stats(const QemuProcess *proc, VhTypedList *list);
