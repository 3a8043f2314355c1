/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Disks that move with the guest. */

#include "migrate-storage.h"

#include "api.h"

void qemu_storage_prepare(MigrateTask *t, QemuStorageDone done)
{
        _vh_error_ VhError *err = NULL;

        if (!(t->params.flags & QEMU_MIGRATE_STORAGE)) {
                done(t, 0, NULL);
                return;
        }
        done(t, vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_ARGUMENT_UNSUPPORTED, "copying of disks is not supported"),
             err);
}

void qemu_storage_stop_server(QemuMigration *m)
{
}

void qemu_storage_copy(MigrateTask *t, QemuStorageDone done)
{
        done(t, 0, NULL);
}

void qemu_storage_end(MigrateTask *t, QemuStorageDone done)
{
        done(t, 0, NULL);
}
