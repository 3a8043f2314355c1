/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Backups of running guests. */

#include "backup.h"

void qemu_backup_disk_ended(QemuProcess *proc, const QemuBlockJob *job, const VhDisk *disk, QemuPlan *plan)
{
}

void qemu_backup_job_ended(QemuProcess *proc)
{
}
