/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What whoever is asked for help with a guest should know first: that it runs with more rights than usual, that
 * somebody else told QEMU things, that parts of it are deprecated. Kept in the status file, said in the guest's log,
 * told by virDomainGetMessages(). */

#include <libxml/tree.h>

#include "process.h"

/* The order is that of the messages. */
typedef enum QemuTaint {
        QEMU_TAINT_CUSTOM_ARGV,
        QEMU_TAINT_CUSTOM_MONITOR,
        QEMU_TAINT_HIGH_PRIVILEGES,
        QEMU_TAINT_SHELL_SCRIPTS,
        QEMU_TAINT_DISK_PROBING,
        QEMU_TAINT_EXTERNAL_LAUNCH,
        QEMU_TAINT_HOST_CPU,
        QEMU_TAINT_HOOK,
        QEMU_TAINT_CDROM_PASSTHROUGH,
        QEMU_TAINT_CUSTOM_DTB,
        QEMU_TAINT_CUSTOM_GA_COMMAND,
        QEMU_TAINT_CUSTOM_HYPERVISOR_FEATURE,
        QEMU_TAINT_DEPRECATED_CONFIG,
        QEMU_TAINT_CUSTOM_DEVICE,
        QEMU_TAINTS,
} QemuTaint;

/* Adds one to a guest; the first time the log and, once the guest runs, the status file have it. */
void qemu_taint(QemuProcess *proc, QemuTaint taint);
/* Adds those of a definition that is about to be started. */
void qemu_taint_check(QemuProcess *proc);
/* Adds those of a device that joined. */
void qemu_taint_check_device(QemuProcess *proc, VhDeviceKind kind, const void *dev);

/* The status file's elements. */
void qemu_taints_format(const QemuProcess *proc, VhBuf *b);
void qemu_taints_parse(QemuProcess *proc, const xmlNode *root);

/* Frees what a process has of them. */
void qemu_taints_done(QemuProcess *proc);
