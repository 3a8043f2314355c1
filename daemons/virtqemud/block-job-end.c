/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The end of a block job. What it changed is made true in the definition and in the status file before QEMU forgets the
 * job: a daemon that is killed in between finds the job in both, with the images that are to be closed, and does it
 * again. */

#include "block-job.h"

#include <errno.h>

#include "backup.h"
#include "base/log.h"
#include "block-bitmap.h"
#include "label-memory.h"
#include "model/domain-tables.h"

VH_LOG_SOURCE("qemu.blockjob");

typedef struct EndTask {
        QemuBlockTask block;
        char *name; /* of the job */
        bool failed;
        char *before;         /* path of the disk's top */
        VhDiskSource *stored; /* what the stored definition gets; NULL: it loses what is gone */
        bool gone_on_disk;    /* they leave the host */
} EndTask;

static void end_cleanup(QemuTask *task)
{
        EndTask *end = (EndTask *)task;

        free(end->name);
        free(end->before);
        qemu_source_free(end->stored);
        qemu_block_task_cleanup(task);
}

static QemuBlockJob *job_of(const EndTask *end)
{
        const QemuProcess *proc = qemu_process(end->block.task.dom);

        return proc ? qemu_block_job_find(proc, end->name) : NULL;
}

/* ---- what the end of a kind changes; each may run a second time ---- */

static VhDiskSource *take_mirror(VhDisk *disk)
{
        VhDiskSource *src = NULL;

        if (!disk->mirror)
                return NULL;
        src = qemu_source_copy(&disk->mirror->src);
        vh_xml_bind_free(&vh_table_disk_mirror, VH_TAKE_PTR(disk->mirror));
        return src;
}

/* The second time they are known already. */
static void has_lost(QemuBlockJob *job, VhDiskSource *images)
{
        if (!images)
                return;
        qemu_source_free(job->store);
        job->store = images;
}

static void end_pull(EndTask *end, QemuBlockJob *job, VhDisk *disk)
{
        const VhDiskSource *first = qemu_backing(&disk->src);

        if (!end->failed && first && first->index.val != job->base)
                has_lost(job, qemu_chain_cut(disk, first->index.val, job->base));
}

static void end_commit(EndTask *end, QemuBlockJob *job, VhDisk *disk)
{
        if (end->failed)
                return;
        has_lost(job, qemu_chain_cut(disk, job->top, job->base));
        end->gone_on_disk = job->delete_images;
}

static void end_active_commit(EndTask *end, QemuBlockJob *job, VhDisk *disk)
{
        const VhDiskSource *base = qemu_chain_index(disk, job->base, NULL);

        qemu_source_free(take_mirror(disk));
        if (end->failed || job->state != QEMU_BLOCK_JOB_PIVOTING)
                return;
        if (base && base->path && disk->src.path)
                qemu_memory_inherit(disk->src.path, base->path);
        end_commit(end, job, disk);
        end->stored = qemu_disk_top(disk);
}

/* The chain that the copy was made of goes, or the copy does. */
static void end_copy(EndTask *end, QemuBlockJob *job, VhDisk *disk)
{
        VhDiskSource *copy = take_mirror(disk);

        if (!copy)
                return;
        if (end->failed || job->state != QEMU_BLOCK_JOB_PIVOTING) {
                has_lost(job, copy);
                return;
        }
        has_lost(job, qemu_disk_top(disk));
        if (job->shallow_new) {
                qemu_source_free(copy->backing);
                copy->backing = VH_TAKE_PTR(job->store->backing);
        }
        qemu_chain_replace(disk, copy);
        end->stored = qemu_disk_top(disk);
}

static void end_backup(EndTask *end, QemuBlockJob *job, VhDisk *disk)
{
        qemu_backup_disk_ended(job->proc, job, disk, &end->block.plan);
        qemu_backup_drop_scratch(job);
}

static void (*const ends[QEMU_BLOCK_JOB_TYPE_MAX])(EndTask *end, QemuBlockJob *job, VhDisk *disk) = {
        [QEMU_BLOCK_JOB_PULL] = end_pull,     [QEMU_BLOCK_JOB_COPY] = end_copy,
        [QEMU_BLOCK_JOB_COMMIT] = end_commit, [QEMU_BLOCK_JOB_ACTIVE_COMMIT] = end_active_commit,
        [QEMU_BLOCK_JOB_BACKUP] = end_backup,
};

/* ---- bitmaps of checkpoints ---- */

/* What goes into what before the chain changes, so that a daemon that is killed in between finds all as it was: from
 * `top` down to before `end` into `target`. False if the job's end leaves bitmaps where they are. */
static bool bitmap_range(const EndTask *end, const QemuBlockJob *job, VhDisk *disk, const VhDiskSource **top,
                         unsigned *stop, const VhDiskSource **target)
{
        bool pivots = job->state == QEMU_BLOCK_JOB_PIVOTING;

        if (job->type == QEMU_BLOCK_JOB_COPY && pivots && disk->mirror) {
                *top = &disk->src;
                *stop = job->shallow_new && qemu_backing(*top) ? qemu_backing(*top)->index.val : 0;
                *target = &disk->mirror->src;
        } else if (job->type == QEMU_BLOCK_JOB_COMMIT || (job->type == QEMU_BLOCK_JOB_ACTIVE_COMMIT && pivots)) {
                *top = qemu_chain_index(disk, job->top, NULL);
                *stop = job->base;
                *target = qemu_chain_index(disk, job->base, NULL);
        }
        return !end->failed && *top && *target;
}

/* An image that the guest does not write to is opened for it, and closed again. */
static void plan_bitmaps(EndTask *end, const QemuBlockJob *job, VhDisk *disk, const json_t *nodes)
{
        QemuPlan *plan = &end->block.plan;
        const VhDiskSource *top = NULL, *target = NULL;
        json_t *actions = json_array();
        unsigned stop = 0;

        if (bitmap_range(end, job, disk, &top, &stop, &target))
                qemu_bitmaps_carry(nodes, top, top, stop, target, actions);
        if (json_array_size(actions)) {
                bool closed = job->type == QEMU_BLOCK_JOB_COMMIT;

                if (closed)
                        qemu_plan_reopen(disk, target, true, plan);
                qemu_plan_add(plan, qemu_transaction(json_incref(actions)), NULL);
                if (closed)
                        qemu_plan_reopen(disk, target, false, plan);
        }
        json_decref(actions);
}

/* Images that were pulled into the top still tell what theirs are: those that this daemon pulled have been asked when
 * it began, but not those of a daemon before it. */
static void plan_pulled_bitmaps(EndTask *end, const json_t *nodes)
{
        const QemuBlockJob *job = job_of(end);
        const VhDisk *disk = job ? qemu_block_job_disk(job) : NULL;
        json_t *actions = json_array();

        if (disk)
                qemu_bitmaps_carry(nodes, &disk->src, job->store, 0, &disk->src, actions);
        if (json_array_size(actions))
                qemu_plan_add_try(&end->block.plan, qemu_transaction(json_incref(actions)));
        json_decref(actions);
}

/* ---- step by step ---- */

static int public_status(const EndTask *end, const QemuBlockJob *job)
{
        if (job->state == QEMU_BLOCK_JOB_ABORTING)
                return VIR_DOMAIN_BLOCK_JOB_CANCELED;
        return end->failed ? VIR_DOMAIN_BLOCK_JOB_FAILED : VIR_DOMAIN_BLOCK_JOB_COMPLETED;
}

static void finish_call(const EndTask *end, QemuBlockJob *job)
{
        VhError *err = NULL;
        int r = 0;

        if (!job->call)
                return;
        if (end->failed && job->state == QEMU_BLOCK_JOB_PIVOTING)
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED,
                                 "block job '%s' failed while pivoting: %s", job->name, job->error);
        vh_call_finish(VH_TAKE_PTR(job->call), r, err);
}

/* QEMU has them open still, and the status file knows them: who takes over finds the job, and does it again. */
static void remove_images(const QemuBlockJob *job)
{
        qemu_source_give_back(job->proc, job->store);
        for (const VhDiskSource *src = job->store; src; src = qemu_backing(src))
                if (src->type == VH_DISK_TYPE_FILE && unlink(src->path) < 0 && errno != ENOENT)
                        vh_log_warning("cannot remove the committed image '%s': %s", src->path, strerror(errno));
}

static void over(QemuBlockTask *t, int r, VhError *err)
{
        EndTask *end = (EndTask *)t;
        QemuBlockJob *job = job_of(end);

        if (r == 0 && job) {
                _vh_free_ char *disk = VH_TAKE_PTR(job->disk), *error = NULL;
                void (*then)(void *data, const char *disk, const char *error) = job->over;
                void *data = job->changed_data;

                job->disk = vh_xstrdup(disk);
                error = end->failed ? vh_xstrdup(job->error) : NULL;
                if (!end->gone_on_disk)
                        qemu_source_give_back(job->proc, job->store);
                if (job->type == QEMU_BLOCK_JOB_BACKUP)
                        qemu_backup_job_ended(job->proc, job);
                qemu_block_job_tell(job, public_status(end, job));
                finish_call(end, job);
                qemu_block_job_drop(job);
                qemu_status_save(t->task.dom);
                if (then)
                        then(data, disk, error);
        }
        qemu_task_end(&t->task, r, err);
}

static void persist(const EndTask *end, const QemuBlockJob *job, VhDisk *disk)
{
        const QemuTask *task = &end->block.task;
        const VhDiskSource *base = job->base ? qemu_chain_index(disk, job->base, NULL) : NULL;
        _vh_error_ VhError *err = NULL;
        int r = 0;

        if (end->stored)
                r = qemu_chain_persist(task->driver, task->dom, disk->target, end->before, end->stored, &err);
        else if (job->store)
                r = qemu_chain_persist_cut(task->driver, task->dom, disk->target, end->before, job->store->path,
                                           base ? base->path : NULL, &err);
        if (r < 0)
                vh_log_error("domain '%s': %s", task->dom->node.name, vh_error_text(err, r));
}

static void close_images(EndTask *end)
{
        const QemuBlockJob *job = job_of(end);

        if (job)
                qemu_plan_forget_chain(&end->block.plan, job->store);
        qemu_block_task_run(&end->block, over);
}

static void got_pulled(QemuTask *task, json_t *nodes, int r, const VhError *err)
{
        EndTask *end = (EndTask *)task;

        if (r == 0)
                plan_pulled_bitmaps(end, nodes);
        close_images(end);
}

/* QEMU does not survive being asked for its images between the end of a pull and its dismissal. */
static void dismissed(QemuBlockTask *t, int r, VhError *err)
{
        EndTask *end = (EndTask *)t;
        QemuBlockJob *job = job_of(end);

        vh_error_free(err);
        if (job)
                qemu_block_job_set_perilous(job, false);
        if (job && job->type == QEMU_BLOCK_JOB_PULL && job->store)
                qemu_task_qmp_try(&t->task, qmp_command("query-named-block-nodes", "{s:b}", "flat", 1), got_pulled);
        else
                close_images(end);
}

/* The dismissal and what the kind's end has planned, before the images go that nobody uses any more. */
static void dismiss(EndTask *end)
{
        QemuPlan after = end->block.plan;

        end->block.plan = (QemuPlan){ 0 };
        qemu_plan_add_try(&end->block.plan, qmp_command("job-dismiss", "{s:s}", "id", end->name));
        for (size_t i = 0; i < after.n; i++)
                qemu_plan_add_try(&end->block.plan, VH_TAKE_PTR(after.steps[i].cmd));
        qemu_plan_done(&after);
        qemu_block_task_run(&end->block, dismissed);
}

static void make_true(QemuBlockTask *t, int r, VhError *err)
{
        EndTask *end = (EndTask *)t;
        QemuBlockJob *job = job_of(end);
        VhDisk *disk = job ? qemu_block_job_disk(job) : NULL;

        if (r < 0)
                vh_log_warning("domain '%s': bitmaps of checkpoints are lost with block job '%s': %s",
                               t->task.dom->node.name, end->name, vh_error_text(err, r));
        vh_error_free(err);
        if (!job) {
                qemu_task_end(&t->task, 0, NULL);
                return;
        }
        qemu_plan_done(&t->plan);
        t->next = 0;
        if (disk && job->type != QEMU_BLOCK_JOB_BACKUP)
                end->before = vh_xstrdup(disk->src.path);
        if (disk && ends[job->type])
                ends[job->type](end, job, disk);
        if (disk && end->before && !end->failed)
                persist(end, job, disk);
        if (end->gone_on_disk)
                remove_images(job);
        qemu_status_save(t->task.dom);
        /* Some jobs hold their images until they are dismissed. */
        dismiss(end);
}

static void got_nodes(QemuTask *task, json_t *nodes)
{
        EndTask *end = (EndTask *)task;
        QemuBlockJob *job = job_of(end);
        VhDisk *disk = job ? qemu_block_job_disk(job) : NULL;

        if (disk)
                plan_bitmaps(end, job, disk, nodes);
        qemu_block_task_run(&end->block, make_true);
}

static void got_outcome(QemuTask *task, json_t *ret)
{
        EndTask *end = (EndTask *)task;
        QemuBlockJob *job = job_of(end);
        const json_t *it = qemu_job_find(ret, end->name);
        const char *why = json_string_value(json_object_get(it, "error"));

        end->failed = why != NULL;
        if (job && why) {
                free(job->error);
                job->error = vh_xstrdup(why);
        }
        if (job && job->type == QEMU_BLOCK_JOB_BACKUP)
                qemu_backup_disk_figures(job->proc, it);
        if (job && !end->failed && job->type != QEMU_BLOCK_JOB_BACKUP && job->type != QEMU_BLOCK_JOB_PULL)
                qemu_task_qmp(task, qmp_command("query-named-block-nodes", "{s:b}", "flat", 1), got_nodes);
        else
                make_true(&end->block, 0, NULL);
}

static void end_run(QemuTask *task)
{
        if (job_of((EndTask *)task))
                qemu_task_qmp(task, qmp_command("query-jobs", NULL), got_outcome);
        else
                qemu_task_end(task, 0, NULL);
}

static const QemuTaskClass end_class = {
        .api = "blockJobEnd",
        .size = sizeof(EndTask),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = end_run,
        .cleanup = end_cleanup,
};

static const QemuTaskClass led_end_class = {
        .api = "blockJobEnd",
        .size = sizeof(EndTask),
        .job = QEMU_JOB_ASYNC_NESTED,
        .need_active = true,
        .run = end_run,
        .cleanup = end_cleanup,
};

/* Its turn may not come for long (an image is being saved): it asks again, as long as the job is there. */
static void ended(QemuTask *task, int r, const VhError *err)
{
        EndTask *end = (EndTask *)task;
        QemuBlockJob *job = job_of(end);

        if (!job || job->proc->killing || job->proc->stopping)
                return;
        job->ending = false;
        if (r < 0 && err && err->code == VIR_ERR_OPERATION_TIMEOUT)
                qemu_block_job_conclude(job);
        else if (r < 0) {
                vh_log_error("domain '%s': block job '%s' cannot be ended: %s", task->dom->node.name, end->name,
                             vh_error_text(err, r));
                if (job->call)
                        vh_call_finish(VH_TAKE_PTR(job->call), r, vh_error_copy(err));
        }
}

void qemu_block_job_conclude(QemuBlockJob *job)
{
        EndTask *end;

        if (job->ending)
                return;
        job->ending = true;
        end = (EndTask *)qemu_task_new(job->proc->driver, job->proc->dom, NULL,
                                       job->over ? &led_end_class : &end_class);
        end->name = vh_xstrdup(job->name);
        end->block.task.ended = ended;
        (void)qemu_task_go(&end->block.task);
}
