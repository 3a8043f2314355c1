/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What temporary images of transient disks are, and their end. */

#include "transient.h"

#include <unistd.h>

#include "block-job.h"

bool qemu_transient_is_made(const VhDisk *disk)
{
        const VhDiskSource *own = qemu_backing(&disk->src);
        const char *rest =
                disk->transient && own && own->path && disk->src.path ? vh_startswith(disk->src.path, own->path) : NULL;

        return rest && vh_startswith(rest, ".TRANSIENT-");
}

bool qemu_transient_is_shared(const VhDisk *disk)
{
        return disk->transient && disk->transient->share_backing == VH_YES;
}

const VhDiskSource *qemu_transient_own_image(const VhDisk *disk)
{
        return qemu_transient_is_made(disk) ? qemu_backing(&disk->src) : &disk->src;
}

void qemu_transient_drop(VhDisk *disk)
{
        if (!qemu_transient_is_made(disk))
                return;
        (void)unlink(disk->src.path);
        qemu_chain_replace(disk, VH_TAKE_PTR(disk->src.backing));
}

int qemu_transient_refuse_job(const VhDisk *disk, VhError **err)
{
        return disk->transient ? vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                              "block jobs are not supported on transient disk '%s'", disk->target)
                               : 0;
}

int qemu_transient_refuse_move(const VhDomainDef *def, VhError **err)
{
        for (uint32_t i = 0; i < def->disks.n; i++)
                if (def->disks.items[i]->transient)
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                            "migration with transient disk is not supported");
        return 0;
}

/* The definition may be that of the next run, too. */
static void stopped(QemuProcess *proc)
{
        const VhDomainDef *def = proc->dom->def;

        for (uint32_t i = 0; i < def->disks.n; i++)
                qemu_transient_drop(def->disks.items[i]);
}

const QemuRunHooks qemu_transient_hooks = {
        .name = "temporary images",
        .stopped = stopped,
};
