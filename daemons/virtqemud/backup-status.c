/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is told of a backup: its figures, and its part of the status file. */

#include <errno.h>

#include "backup-parts.h"
#include "base/log.h"
#include "qemu-ops.h"
#include "status.h"

VH_LOG_SOURCE("qemu.backup");

/* ---- figures ---- */

static uint64_t figure(const json_t *job, const char *key)
{
        return (uint64_t)json_integer_value(json_object_get(job, key));
}

/* Adds the figures of one disk's job. A backup that is pulled does not move by itself: what it has is scratch space. */
static void add_progress(const QemuBackup *b, const json_t *job, QemuJobStats *stats)
{
        uint64_t total = figure(job, "total-progress"), done = figure(job, "current-progress");

        if (qemu_backup_is_pull(b)) {
                stats->has_temp = true;
                stats->disk_temp_total += total;
                stats->disk_temp_used += done;
        } else {
                stats->disk_total += total;
                stats->disk_transferred += done;
                stats->disk_remaining += total - VH_MIN(done, total);
        }
}

void qemu_backup_disk_figures(QemuProcess *proc, const json_t *job)
{
        if (proc->backup)
                add_progress(proc->backup, job, &proc->backup->stats);
}

void qemu_backup_stats(const QemuProcess *proc, const json_t *jobs, QemuJobStats *stats)
{
        const QemuBackup *b = proc->backup;
        const QemuBlockJob *job;

        if (!b)
                return;
        *stats = b->stats;
        LL_FOREACH (proc->block_jobs, job)
                if (job->type == QEMU_BLOCK_JOB_BACKUP)
                        add_progress(b, qemu_job_find(jobs, job->name), stats);
}

/* ---- status files ---- */

void qemu_backup_format(const QemuProcess *proc, VhBuf *b)
{
        _vh_free_ char *text = NULL;

        if (!proc->backup || !proc->backup->def)
                return;
        text = vh_backup_format(proc->backup->def, VH_XML_STATUS | VH_XML_SECURE);
        vh_buf_adds(b, "  <backups>\n");
        qemu_status_format_backup(text, qemu_backup_is_pull(proc->backup) && proc->backup->def->server->tls == VH_YES,
                                  b);
        vh_buf_adds(b, "  </backups>\n");
}

static void restore_start(QemuBackup *b, const xmlNode *job)
{
        xmlChar *text = job ? xmlGetProp((xmlNode *)job, (const xmlChar *)"asyncStarted") : NULL;
        uint64_t since;

        if (text && vh_parse_u64((const char *)text, 10, &since) == 0) {
                qemu_jobs(b->block.task.driver, b->block.task.dom)->async_since = since;
                b->stats.started = since;
        }
        xmlFree(text);
}

void qemu_backup_parse(QemuProcess *proc, const xmlNode *root)
{
        const xmlNode *backups = vh_xml_child(root, "backups");
        const xmlNode *node = backups ? vh_xml_child(backups, "domainbackup") : NULL;
        _vh_error_ VhError *err = NULL;
        void *def = NULL;
        QemuBackup *b;

        if (!node)
                return;
        if (vh_xml_bind_parse_new(vh_backup_model.table, node, &def, VH_XML_STATUS, NULL, &err) < 0) {
                vh_log_error("domain '%s': its backup cannot be taken over: %s", proc->dom->node.name,
                             vh_error_text(err, -EINVAL));
                return;
        }
        b = (QemuBackup *)qemu_task_new(proc->driver, proc->dom, NULL, &qemu_backup_class);
        b->def = def;
        qemu_stats_start(&b->stats, VIR_DOMAIN_JOB_OPERATION_BACKUP);
        proc->backup = b;
        (void)qemu_task_go(&b->block.task);
        restore_start(b, vh_xml_child(root, "job"));
}
