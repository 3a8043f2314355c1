/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Disks that move with the guest: the target serves its images over NBD, the source mirrors into them. */

#include "migrate.h"

typedef void (*QemuStorageDone)(MigrateTask *t, int r, const VhError *err);

/* Whether a disk of either side is to be copied. */
bool qemu_storage_is_copied(const QemuMigrateParams *p, const VhDisk *disk);

/* Source: adds to a cookie how large the disks are; nodes: answer of query-named-block-nodes. Returns the sum. */
uint64_t qemu_storage_cookie(QemuCookie *cookie, const VhDomainDef *def, const QemuMigrateParams *p,
                             const json_t *nodes);
/* Target: serves the images. Calls done at once if no disk is copied. */
void qemu_storage_prepare(MigrateTask *t, QemuStorageDone done);
/* Target: the images are complete. */
void qemu_storage_stop_server(QemuMigration *m);

/* Source: mirrors the disks, and calls done when the target has what the disks had; at once if none is copied. */
void qemu_storage_copy(MigrateTask *t, QemuStorageDone done);
/* Source: the guest stands still: lets the mirrors catch up and end. */
void qemu_storage_end(MigrateTask *t, QemuStorageDone done);
/* Source: the mirrors are not wanted any more. Accepts a migration without any. */
void qemu_storage_cancel(QemuMigration *m);
/* Source: what an earlier daemon mirrored is not wanted any more. */
void qemu_storage_cancel_left(QemuProcess *proc);
/* Adds how far they are; jobs: answer of query-block-jobs. */
void qemu_storage_stats(const QemuMigration *m, const json_t *jobs, QemuJobStats *stats);
