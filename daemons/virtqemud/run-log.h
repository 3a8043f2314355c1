/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The log of a guest: LOG/qemu/NAME.log, where QEMU's output goes and what we say about its start and end. */

#include "process.h"

/* Opens the log for appending and notes where this run starts in it. Returns a descriptor (the caller's) or negative
 * errno with *err. */
int qemu_run_log_open(QemuProcess *proc, VhError **err);
/* Appends "TIME: " and the text. Failure is ignored: a log must not stop a guest. */
void qemu_run_log_say(const QemuProcess *proc, const char *fmt, ...) _vh_printf_(2, 3);
