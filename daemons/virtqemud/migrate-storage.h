/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Disks that move with the guest: the target has an NBD server with empty images, the source mirrors into it. */

#include "migrate.h"

typedef void (*QemuStorageDone)(MigrateTask *t, int r, const VhError *err);

/* Target: makes images that are missing and serves them. Calls done at once if no disk is copied. */
void qemu_storage_prepare(MigrateTask *t, QemuStorageDone done);
/* Target: the images are complete, or not wanted any more. */
void qemu_storage_stop_server(QemuMigration *m);

/* Source: mirrors the disks, and calls done when the target has what the disks had; at once if none is copied. */
void qemu_storage_copy(MigrateTask *t, QemuStorageDone done);
/* Source: the guest stands still: lets the mirrors catch up and end. */
void qemu_storage_end(MigrateTask *t, QemuStorageDone done);
