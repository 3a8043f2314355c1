/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Backups of running guests: pushed into files, or offered to a client over NBD. One at a time; it is the guest's
 * asynchronous job while it lasts. */

#include "block-job.h"
#include "migrate-stats.h"
#include "model/backup.h"

typedef struct QemuBackup QemuBackup; /* backup-parts.h */

/* The job of one disk of the backup is over: notes how, and plans what removes its leftovers in QEMU. */
void qemu_backup_disk_ended(QemuProcess *proc, const QemuBlockJob *job, const VhDisk *disk, QemuPlan *plan);
/* The last figures of a disk's job, from an answer to query-jobs. */
void qemu_backup_disk_figures(QemuProcess *proc, const json_t *job);
/* A disk's job (NULL: none) is over: with the last one the backup is. */
void qemu_backup_job_ended(QemuProcess *proc, const QemuBlockJob *ended);
/* Removes the image that a disk's job wrote to, if it was made for who pulled: it is of no use behind the backup. */
void qemu_backup_drop_scratch(const QemuBlockJob *job);
/* Cancels all of it. The end comes with its jobs. */
void qemu_backup_abort(QemuProcess *proc);
/* How far it is, from an answer to query-jobs. */
void qemu_backup_stats(const QemuProcess *proc, const json_t *jobs, QemuJobStats *stats);
/* The process is gone. */
void qemu_backup_stop(QemuProcess *proc);

/* <backups> of the status file; a backup that is found there goes on. */
void qemu_backup_format(const QemuProcess *proc, VhBuf *b);
void qemu_backup_parse(QemuProcess *proc, const xmlNode *root);

/* backup-define.c: fills in what a client left out, and refuses what cannot be. Returns 0 or negative errno. */
int qemu_backup_align(VhDomainObj *dom, VhBackupDef *def, bool reuse, VhError **err);
/* The image that a disk is written to, without index. */
VhDiskSource *qemu_backup_store(const VhBackupDisk *bd);
VhBackupDisk *qemu_backup_disk(const VhBackupDef *def, const char *target);
