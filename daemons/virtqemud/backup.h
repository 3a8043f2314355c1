/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Backups of running guests: pushed into files, or offered to a client over NBD. One at a time; it is the guest's
 * asynchronous job while it lasts. */

#include "block-job.h"

/* The job of one disk of the backup is over: notes how, and plans what removes its leftovers in QEMU. */
void qemu_backup_disk_ended(QemuProcess *proc, const QemuBlockJob *job, const VhDisk *disk, QemuPlan *plan);
/* A disk's job has left the list: with the last one the backup is over. */
void qemu_backup_job_ended(QemuProcess *proc);
