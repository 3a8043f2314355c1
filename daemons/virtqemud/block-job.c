/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The list of a guest's block jobs, and what QEMU tells of them. */

#include "block-job.h"

#include <errno.h>

#include "backup.h"

QemuBlockJob *qemu_block_job_add(QemuProcess *proc, QemuBlockJobType type, const VhDisk *disk, char *name)
{
        QemuBlockJob *job = vh_new(QemuBlockJob, 1);

        job->proc = proc;
        job->type = type;
        job->name = name;
        job->disk = vh_xstrdup(disk ? disk->target : NULL);
        LL_APPEND(proc->block_jobs, job);
        return job;
}

void qemu_block_job_drop(QemuBlockJob *job)
{
        LL_DELETE(job->proc->block_jobs, job);
        if (job->perilous)
                qemu_block_jobs_guard(job->proc);
        qemu_source_free(job->store);
        free(job->bitmap);
        free(job->error);
        free(job->disk);
        free(job->name);
        free(job);
}

QemuBlockJob *qemu_block_job_find(const QemuProcess *proc, const char *name)
{
        QemuBlockJob *job;

        LL_FOREACH (proc->block_jobs, job)
                if (strcmp(job->name, name) == 0)
                        return job;
        return NULL;
}

QemuBlockJob *qemu_block_job_of(const QemuProcess *proc, const VhDisk *disk)
{
        QemuBlockJob *job;

        LL_FOREACH (proc->block_jobs, job)
                if (job->disk && vh_streq(job->disk, disk->target))
                        return job;
        return NULL;
}

int qemu_block_job_check_none(const QemuProcess *proc, const VhDisk *disk, VhError **err)
{
        if (!disk->mirror && !qemu_block_job_of(proc, disk))
                return 0;
        return vh_error_set(err, VIR_FROM_QEMU,
                            disk->mirror ? VIR_ERR_BLOCK_COPY_ACTIVE : VIR_ERR_OPERATION_UNSUPPORTED,
                            "disk '%s' already in active block job", disk->target);
}

VhDisk *qemu_block_job_disk(const QemuBlockJob *job)
{
        return qemu_disk_find(job->proc->dom->def, job->disk);
}

void qemu_block_job_tell(const QemuBlockJob *job, int status)
{
        const VhDisk *disk = qemu_block_job_disk(job);
        remote_nonnull_domain wire;

        if (!disk || job->type > QEMU_BLOCK_JOB_BACKUP)
                return;
        vh_domain_obj_wire(job->proc->dom, &wire);
        vh_event_domain_block_job(job->proc->driver->hub, &wire, disk->src.path, disk->target, (int)job->type, status);
}

static void fail_call(QemuBlockJob *job)
{
        VhError *err = NULL;
        int r;

        if (!job->call)
                return;
        r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "domain is no longer running");
        vh_call_finish(VH_TAKE_PTR(job->call), r, err);
}

void qemu_block_jobs_stop(QemuProcess *proc)
{
        while (proc->block_jobs) {
                const VhDisk *disk = qemu_block_job_disk(proc->block_jobs);

                if (disk && disk->mirror && disk->mirror->job == QEMU_MIRROR_COPY && !proc->forgotten)
                        qemu_source_give_back(proc, &disk->mirror->src);
                if (!proc->forgotten) {
                        qemu_source_give_back(proc, proc->block_jobs->store);
                        qemu_backup_drop_scratch(proc->block_jobs);
                }
                fail_call(proc->block_jobs);
                qemu_block_job_drop(proc->block_jobs);
        }
}

void qemu_block_jobs_guard(QemuProcess *proc)
{
        const QemuBlockJob *job;
        bool perilous = false;

        LL_FOREACH (proc->block_jobs, job)
                perilous = perilous || job->perilous;
        if (proc->mon)
                qmp_bar(proc->mon, perilous ? "query-named-block-nodes" : NULL);
}

void qemu_block_job_set_perilous(QemuBlockJob *job, bool perilous)
{
        job->perilous = perilous && job->type == QEMU_BLOCK_JOB_PULL;
        qemu_block_jobs_guard(job->proc);
}

/* ---- events ---- */

static void job_ready(QemuBlockJob *job)
{
        VhDisk *disk = qemu_block_job_disk(job);

        if (job->state != QEMU_BLOCK_JOB_RUNNING && job->state != QEMU_BLOCK_JOB_NEW)
                return;
        job->state = QEMU_BLOCK_JOB_READY;
        if (disk && disk->mirror)
                disk->mirror->ready = QEMU_MIRROR_READY;
        qemu_status_save(job->proc->dom);
        qemu_block_job_tell(job, VIR_DOMAIN_BLOCK_JOB_READY);
}

/* A job that its own command has not started yet by our book has, if it moves. */
static void job_moved(QemuBlockJob *job, const char *status)
{
        if (job->changed)
                job->changed(job, status, job->changed_data);
        else if (strcmp(status, "ready") == 0)
                job_ready(job);
        else if (strcmp(status, "concluded") == 0)
                qemu_block_job_conclude(job);
}

static void on_job_status(QemuProcess *proc, json_t *args)
{
        const char *id = json_string_value(json_object_get(args, "id"));
        const char *status = json_string_value(json_object_get(args, "status"));
        QemuBlockJob *job;

        if (!id || !status || qemu_block_task_job(proc, id, status))
                return;
        job = qemu_block_job_find(proc, id);
        if (job && strcmp(status, "concluded") == 0)
                qemu_block_job_set_perilous(job, true);
        if (job)
                job_moved(job, status);
        else
                qemu_block_step_moved(proc, id, status);
}

/* "libvirt-N-storage" or "libvirt-N-format" to N; 0 for other names. */
static unsigned node_index(const char *node)
{
        const char *rest = vh_startswith(node, "libvirt-");
        const char *dash = rest ? strchr(rest, '-') : NULL;
        _vh_free_ char *digits = dash ? vh_xstrndup(rest, (size_t)(dash - rest)) : NULL;
        unsigned index;

        return digits && vh_parse_uint(digits, &index) == 0 ? index : 0;
}

static void tell_threshold(QemuProcess *proc, const char *dev, const char *path, json_t *args)
{
        remote_domain_event_block_threshold_msg msg = {
                .dev = (char *)dev,
                .path = (char *)path,
                .threshold = (uint64_t)json_integer_value(json_object_get(args, "write-threshold")),
                .excess = (uint64_t)json_integer_value(json_object_get(args, "amount-exceeded")),
        };

        vh_domain_obj_wire(proc->dom, &msg.dom);
        vh_event_emit(proc->driver->hub, VH_EVENT_DOMAIN, VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD, &msg);
}

/* The top of a disk has two names for clients: "vda" and "vda[1]". Who knows the second is not told the first. */
static void on_threshold(QemuProcess *proc, json_t *args)
{
        const char *node = json_string_value(json_object_get(args, "node-name"));
        unsigned index = node ? node_index(node) : 0;
        VhDomainDef *def = proc->dom->def;

        for (uint32_t i = 0; index && i < def->disks.n; i++) {
                VhDisk *disk = def->disks.items[i];
                const VhDiskSource *src = qemu_chain_index(disk, index, NULL);
                _vh_free_ char *name = NULL;

                if (!src)
                        continue;
                if (src == &disk->src && !src->threshold_indexed)
                        tell_threshold(proc, disk->target, src->path, args);
                name = vh_xasprintf("%s[%u]", disk->target, index);
                tell_threshold(proc, name, src->path, args);
                return;
        }
}

const QemuEventRow qemu_block_events[] = {
        { "JOB_STATUS_CHANGE", on_job_status },
        { "BLOCK_WRITE_THRESHOLD", on_threshold },
        { NULL },
};
