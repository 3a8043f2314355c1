/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Guests' logs by way of virtlogd, which bounds their size. Each call connects, calls and hangs up: the daemon is
 * started on demand, may be replaced meanwhile, and owes us nothing between calls. Calls wait for its answer, so they
 * belong on a worker. */

#include "qemu.h"

typedef struct QemuLogOf {
        const char *run_dir; /* where virtlogd's socket is */
        const char *name;    /* of the guest */
        const uint8_t *uuid;
        const char *path; /* of the log */
} QemuLogOf;

/* Whether logs go there: stdio_handler of qemu.conf. Where the file does not say it, only if the daemon's socket is
 * there. */
bool qemu_logd_wanted(const QemuDriver *driver);
/* Opens the log; returns the end to write to, and in *offset where it goes on (-EBUSY: it is open). Negative errno with
 * *err. */
int qemu_logd_open(const QemuLogOf *log, bool truncate, uint64_t *offset, VhError **err);
/* Adds text to the log, whether it is open or not. */
int qemu_logd_append(const QemuLogOf *log, const char *text, VhError **err);
/* What the guest has written is in the file when this returns 0. */
int qemu_logd_settle(const QemuLogOf *log, VhError **err);
