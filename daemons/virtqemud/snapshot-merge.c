/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The images of a snapshot of a guest that runs are merged into those below. All disks' jobs come as far as they can,
 * and only then end together: if one fails before, none has happened. */

#include <errno.h>
#include <unistd.h>

#include "base/log.h"
#include "block-bitmap.h"
#include "block-ops.h"
#include "model/domain-tables.h"
#include "moment.h"

VH_LOG_SOURCE("qemu.snapshot");

/* A step of the task that deletes the snapshot, which holds the guest's job. */
typedef struct MergeTask {
        QemuBlockTask block;
        VhMoment *snapshot; /* while it begins */
        void (*done)(void *data, int r, const VhError *err);
        void *data;
        bool watching; /* for the end of the process */
        bool started;  /* all jobs are */
        bool ending;   /* they are made to end */
        int r;         /* the first failure */
        VhError *error;
} MergeTask;

static void job_changed(QemuBlockJob *job, const char *status, void *data);
static void end_next(MergeTask *m);

/* The first job of the task from `job` on. */
static QemuBlockJob *next_job(const MergeTask *m, QemuBlockJob *job)
{
        while (job && job->changed_data != m)
                job = job->next;
        return job;
}

static QemuBlockJob *first_job(const MergeTask *m)
{
        const QemuProcess *proc = qemu_process(m->block.task.dom);

        return proc ? next_job(m, proc->block_jobs) : NULL;
}

static void merge_cleanup(QemuTask *task)
{
        MergeTask *m = (MergeTask *)task;

        if (m->watching)
                qemu_task_stop_waiting(task);
        vh_error_free(m->error);
        qemu_block_task_cleanup(task);
}

static void merge_ended(QemuTask *task, int r, const VhError *err)
{
        MergeTask *m = (MergeTask *)task;

        m->done(m->data, r, err);
}

static void gone(QemuTask *task)
{
        MergeTask *m = (MergeTask *)task;

        m->watching = false;
        if (m->r == 0)
                m->r = vh_error_set(&m->error, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "domain is no longer running");
        qemu_task_end(task, m->r, VH_TAKE_PTR(m->error));
}

/* ---- failure ---- */

static void finish(MergeTask *m)
{
        if (qemu_process_monitor(m->block.task.dom))
                qemu_task_end(&m->block.task, m->r, VH_TAKE_PTR(m->error));
        /* else with the end of the process */
}

/* The first reason is the one that is told; err is taken over. */
static void note(MergeTask *m, int r, VhError *err)
{
        if (m->r == 0) {
                m->r = r;
                m->error = err;
        } else
                vh_error_free(err);
}

/* QEMU was not told of it. */
static void drop_new(QemuBlockJob *job)
{
        VhDisk *disk = qemu_block_job_disk(job);

        if (disk && disk->mirror)
                disk->mirror = vh_xml_bind_free(&vh_table_disk_mirror, disk->mirror);
        qemu_block_job_drop(job);
}

static void cancel(QemuBlockJob *job)
{
        if (job->state == QEMU_BLOCK_JOB_CONCLUDED || job->state == QEMU_BLOCK_JOB_PIVOTING)
                return;
        job->state = QEMU_BLOCK_JOB_ABORTING;
        qmp_send(job->proc->mon, qmp_command("block-job-cancel", "{s:s,s:b}", "device", job->name, "force", 1), NULL,
                 NULL);
}

/* Nothing has happened to the disks whose jobs are not made to end yet: they stay as they are. */
static void fail(MergeTask *m, int r, VhError *err)
{
        QemuBlockJob *job = first_job(m), *next;

        note(m, r, err);
        for (; job && qemu_process_monitor(m->block.task.dom); job = next) {
                next = next_job(m, job->next);
                if (job->state == QEMU_BLOCK_JOB_NEW)
                        drop_new(job);
                else
                        cancel(job);
        }
        if (!first_job(m))
                finish(m);
}

/* ---- the end of jobs ---- */

static void ended_one(QemuBlockTask *t, int r, VhError *err)
{
        MergeTask *m = (MergeTask *)t;

        if (r < 0)
                fail(m, r, err);
        else
                end_next(m);
}

static bool is_ripe(const QemuBlockJob *job)
{
        return job->state == QEMU_BLOCK_JOB_READY || job->state == QEMU_BLOCK_JOB_PENDING;
}

static void end_next(MergeTask *m)
{
        QemuBlockJob *job = first_job(m);
        bool pivots;

        while (job && !is_ripe(job))
                job = next_job(m, job->next);
        if (!job)
                return; /* what is left ends by events */
        pivots = job->type == QEMU_BLOCK_JOB_ACTIVE_COMMIT;
        qemu_plan_done(&m->block.plan);
        m->block.next = 0;
        if (pivots)
                qemu_plan_watch_writes(&m->block.plan, qemu_block_job_disk(job));
        qemu_plan_add(&m->block.plan, qmp_command(pivots ? "job-complete" : "job-finalize", "{s:s}", "id", job->name),
                      NULL);
        job->state = QEMU_BLOCK_JOB_PIVOTING;
        qemu_status_save(m->block.task.dom);
        qemu_block_task_run(&m->block, ended_one);
}

static void end_if_ripe(MergeTask *m)
{
        const QemuBlockJob *job;

        for (job = first_job(m); job; job = next_job(m, job->next))
                if (!is_ripe(job))
                        return;
        if (!m->started || m->ending || m->r < 0)
                return;
        m->ending = true;
        end_next(m);
}

static void job_changed(QemuBlockJob *job, const char *status, void *data)
{
        if (strcmp(status, "running") == 0 && job->state == QEMU_BLOCK_JOB_NEW)
                job->state = QEMU_BLOCK_JOB_RUNNING;
        else if (strcmp(status, "concluded") == 0) {
                if (job->state != QEMU_BLOCK_JOB_PIVOTING && job->state != QEMU_BLOCK_JOB_ABORTING)
                        job->state = QEMU_BLOCK_JOB_CONCLUDED;
                qemu_block_job_conclude(job);
        } else if (strcmp(status, "ready") == 0 && job->state <= QEMU_BLOCK_JOB_RUNNING) {
                job->state = QEMU_BLOCK_JOB_READY;
                qemu_block_job_tell(job, VIR_DOMAIN_BLOCK_JOB_READY);
                end_if_ripe(data);
        } else if (strcmp(status, "pending") == 0 && job->type == QEMU_BLOCK_JOB_COMMIT &&
                   job->state <= QEMU_BLOCK_JOB_RUNNING) {
                job->state = QEMU_BLOCK_JOB_PENDING;
                end_if_ripe(data);
        }
}

/* The job has left the list. */
static void job_over(void *data, const char *disk, const char *error)
{
        MergeTask *m = data;
        VhError *err = NULL;
        int r = 0;

        if (error)
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED,
                                 m->ending ? "finishing block job failed while deleting disk '%s' snapshot: '%s'"
                                           : "block commit failed while deleting disk '%s' snapshot: '%s'",
                                 disk, error);
        if (r < 0)
                fail(m, r, err);
        else if (!first_job(m))
                finish(m);
}

/* ---- the start of jobs ---- */

void qemu_snapshot_mark_parent(QemuDriver *driver, VhDomainObj *dom, VhMoment *m, bool deleting)
{
        const VhSnapshotDef *def = vh_snapshot_of(m)->def;
        VhSnapshotDef *below = m->parent ? vh_snapshot_of(m->parent)->def : NULL;
        _vh_error_ VhError *err = NULL;

        for (uint32_t i = 0; below && i < def->disks.n; i++) {
                VhSnapshotDisk *sd = qemu_snapshot_disk(below, def->disks.items[i]->name);

                if (sd && def->disks.items[i]->location == VH_LOCATION_EXTERNAL)
                        sd->deleting = deleting;
        }
        if (below && qemu_moment_save(driver, dom, QEMU_SNAPSHOTS, m->parent, &err) < 0)
                vh_log_error("domain '%s': %s", dom->node.name, vh_error_text(err, -EIO));
}

static void all_started(QemuBlockTask *t, int r, VhError *err)
{
        MergeTask *m = (MergeTask *)t;

        if (r < 0) {
                fail(m, r, err);
                return;
        }
        m->started = true;
        end_if_ripe(m);
}

static VhDiskSource *find_image(VhDisk *disk, const char *path, VhDiskSource **parent)
{
        *parent = NULL;
        for (VhDiskSource *src = &disk->src; src; *parent = src, src = (VhDiskSource *)qemu_backing(src))
                if (vh_streq(src->path, path))
                        return src;
        return NULL;
}

/* An image that is neither in the chain nor on the host was merged by a deletion that did not come to its end. */
static int place(VhDisk *disk, const VhSnapshotDisk *sd, const VhDisk *then, QemuCommit *c, VhError **err)
{
        *c = (QemuCommit){ .disk = disk, .delete_images = true };
        c->top = find_image(disk, sd->src.path, &c->parent);
        c->base = c->top ? (VhDiskSource *)qemu_backing(c->top) : NULL;
        if (!c->top && sd->src.type == VH_DISK_TYPE_FILE && access(sd->src.path, F_OK) < 0)
                return 0;
        if (!c->top)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED,
                                    "VM disk source and snapshot disk source are not the same");
        if (!c->base || !vh_streq(c->base->path, then->src.path))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED,
                                    "snapshot VM disk source and parent disk source are not the same");
        return 0;
}

static int plan_disk(MergeTask *m, const VhSnapshotDisk *sd, VhError **err)
{
        VhDomainObj *dom = m->block.task.dom;
        const VhDisk *then = qemu_disk_find(vh_snapshot_of(m->snapshot)->dom, sd->name);
        VhDisk *disk = qemu_disk_need(dom->def, sd->name, err);
        QemuBlockJob *job;
        QemuCommit c;
        json_t *args;
        int r;

        if (!disk)
                return -EINVAL;
        if (!then)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED,
                                    "failed to find disk '%s' in snapshot VM XML", sd->name);
        r = place(disk, sd, then, &c, err);
        if (r < 0 || !c.top)
                return r;
        job = qemu_block_commit_new(qemu_process(dom), &c, &args);
        job->changed = job_changed;
        job->over = job_over;
        job->changed_data = m;
        job->snapshot_delete = true;
        if (job->type == QEMU_BLOCK_JOB_COMMIT)
                json_object_set_new(args, "auto-finalize", json_false());
        qemu_plan_add(&m->block.plan, qmp_command_args("block-commit", args), NULL);
        return 0;
}

static int plan(MergeTask *m, VhError **err)
{
        const VhSnapshotDef *def = vh_snapshot_of(m->snapshot)->def;
        int r = 0;

        if (qemu_process(m->block.task.dom)->block_jobs)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "cannot delete external snapshots when there is another active block job");
        for (uint32_t i = 0; r == 0 && i < def->disks.n; i++)
                if (def->disks.items[i]->location == VH_LOCATION_EXTERNAL)
                        r = plan_disk(m, def->disks.items[i], err);
        return r;
}

static void merge_run(QemuTask *task)
{
        MergeTask *m = (MergeTask *)task;
        VhError *err = NULL;
        int r = plan(m, &err);

        m->watching = true;
        qemu_task_wait_stopped(task, gone);
        if (r < 0 || !first_job(m)) {
                fail(m, r, err);
                return;
        }
        qemu_snapshot_mark_parent(task->driver, task->dom, m->snapshot, true);
        qemu_status_save(task->dom);
        qemu_block_task_run(&m->block, all_started);
}

static const QemuTaskClass merge_class = {
        .api = "snapshotMerge",
        .size = sizeof(MergeTask),
        .need_active = true,
        .run = merge_run,
        .cleanup = merge_cleanup,
};

void qemu_snapshot_merge(QemuDriver *driver, VhDomainObj *dom, VhMoment *snapshot,
                         void (*done)(void *data, int r, const VhError *err), void *data)
{
        MergeTask *m = (MergeTask *)qemu_task_new(driver, dom, NULL, &merge_class);

        m->snapshot = snapshot;
        m->done = done;
        m->data = data;
        m->block.task.ended = merge_ended;
        (void)qemu_task_go(&m->block.task);
}
