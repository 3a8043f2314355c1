/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A backup under way, for the files that are about one. */

#include "backup.h"
#include "block-ops.h"
#include "checkpoint.h"
#include "host-work.h"

/* The task holds the guest's asynchronous job until the last disk is done; its call is answered at the start. */
struct QemuBackup {
        QemuBlockTask block;
        char *xml, *checkpoint_xml;
        bool reuse;
        VhBackupDef *def;
        VhCheckpoint *checkpoint; /* that begins with it; NULL: none */
        QemuJobStats stats;
        bool started;     /* its jobs end it */
        bool begun;       /* its call has succeeded */
        QemuPlan exports; /* of what is pulled, once its jobs are there */
        bool cancelled, failed;
        VhDiskSource **stores; /* until they are planned, by disk of def; NULL: none */
        uint32_t n_stores;
        json_t *nodes;      /* what QEMU has open */
        QemuHostWork *work; /* gets the secrets that new images need; NULL: none yet */
};

extern const QemuTaskClass qemu_backup_class; /* backup.c */

static inline bool qemu_backup_is_pull(const QemuBackup *b)
{
        return b->def->mode == VH_BACKUP_PULL;
}
