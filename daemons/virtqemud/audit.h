/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Records of guests and their resources for the audit log (base/audit.h, audit_level and audit_logging). Fields and
 * their order are the reference's, because ausearch(8) and auvirt(8) read them. */

#include "process.h"

/* A guest was started, or could not be: its labels, all it got, and why it was started (VIR_DOMAIN_EVENT_STARTED_*). */
void qemu_audit_start(const QemuProcess *proc, int detail, bool success);
/* It ended (VIR_DOMAIN_EVENT_STOPPED_*). */
void qemu_audit_stop(const QemuProcess *proc, int detail);

/* A device of a running guest: "attach" or "detach". */
void qemu_audit_device(const QemuProcess *proc, const char *reason, VhDeviceKind kind, const void *dev, bool success);
/* A disk has another image from now on: "update", "snapshot", "mirror". Either may be NULL. */
void qemu_audit_image(const QemuProcess *proc, const char *reason, const VhDiskSource *before,
                      const VhDiskSource *after, bool success);
/* A number of a running guest changes: "mem" (KiB), "vcpu", "iothread". */
void qemu_audit_number(const QemuProcess *proc, const char *what, uint64_t before, uint64_t after, bool success);

/* A device of the host was opened for an interface: path of a tap, of vhost-net. */
void qemu_audit_net_open(const QemuProcess *proc, const VhNet *net, const char *path, bool success);
