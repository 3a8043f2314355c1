/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What clients ask and tell about block jobs that run. */

#include <errno.h>

#include "block-bitmap.h"
#include "block-ops.h"
#include "qemu-ops.h"

/* ---- info ---- */

/* QEMU may have done all there is without having told that it is over, and counts nothing at first: clients take equal
 * numbers for the end. */
static void complete_numbers(remote_domain_get_block_job_info_ret *info, bool ready)
{
        if (info->cur != info->end || ready)
                return;
        if (info->cur > 0)
                info->cur--;
        else
                info->end++;
}

static uint64_t number(const json_t *item, const char *key)
{
        return (uint64_t)json_integer_value(json_object_get(item, key));
}

static const json_t *find_running(const json_t *answer, const char *name)
{
        const json_t *item;
        size_t i;

        json_array_foreach((json_t *)answer, i,
                           item) if (vh_streq(json_string_value(json_object_get(item, "device")), name)) return item;
        return NULL;
}

static void got_info(QemuTask *task, json_t *answer)
{
        enum { MIB = 1024 * 1024 };
        const remote_domain_get_block_job_info_args *args = task->call->args;
        remote_domain_get_block_job_info_ret *ret = task->call->ret;
        const VhDisk *disk = qemu_disk_find(task->dom->def, args->path);
        const QemuBlockJob *job = disk ? qemu_block_job_of(qemu_process(task->dom), disk) : NULL;
        const json_t *item = job ? find_running(answer, job->name) : NULL;

        if (item) {
                ret->found = 1;
                ret->type = (int)job->type;
                ret->bandwidth = number(item, "speed");
                if (!(args->flags & VIR_DOMAIN_BLOCK_JOB_INFO_BANDWIDTH_BYTES))
                        ret->bandwidth = (ret->bandwidth + MIB - 1) / MIB;
                ret->cur = number(item, "offset");
                ret->end = number(item, "len");
                complete_numbers(ret, json_is_true(json_object_get(item, "ready")));
        }
        qemu_task_end(task, 0, NULL);
}

static void info_run(QemuTask *task)
{
        const remote_domain_get_block_job_info_args *args = task->call->args;
        VhError *err = NULL;
        const VhDisk *disk = qemu_disk_find(task->dom->def, args->path);
        int r;

        if (!disk) {
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "disk '%s' not found in domain", args->path);
                qemu_task_end(task, r, err);
        } else if (!qemu_block_job_of(qemu_process(task->dom), disk))
                qemu_task_end(task, 0, NULL);
        else
                qemu_task_qmp(task, qmp_command("query-block-jobs", NULL), got_info);
}

static const QemuTaskClass info_class = {
        .api = "remoteDispatchDomainGetBlockJobInfo",
        .size = sizeof(QemuTask),
        .job = QEMU_JOB_QUERY,
        .need_active = true,
        .run = info_run,
};

QEMU_OP_RET(domain_get_block_job_info)
{
        int r = vh_check_flags(args->flags, VIR_DOMAIN_BLOCK_JOB_INFO_BANDWIDTH_BYTES, VIR_FROM_QEMU,
                               "qemuDomainGetBlockJobInfo", err);

        return r < 0 ? r : qemu_task_start(call, &args->dom, &info_class, NULL, err);
}

/* ---- speed ---- */

static QemuBlockJob *need_job(QemuTask *task, const char *path, VhError **err)
{
        const VhDisk *disk = qemu_disk_need(task->dom->def, path, err);
        QemuBlockJob *job = disk ? qemu_block_job_of(qemu_process(task->dom), disk) : NULL;

        if (disk && !job)
                vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "disk %s does not have an active block job",
                             disk->target);
        return job;
}

static void speed_set(QemuTask *task, json_t *ret)
{
        qemu_task_end(task, 0, NULL);
}

static void speed_run(QemuTask *task)
{
        const remote_domain_block_job_set_speed_args *args = task->call->args;
        VhError *err = NULL;
        const QemuBlockJob *job = need_job(task, args->path, &err);
        uint64_t speed = 0;
        int r = job ? qemu_block_speed(args->bandwidth, args->flags & VIR_DOMAIN_BLOCK_JOB_SPEED_BANDWIDTH_BYTES,
                                       &speed, &err)
                    : -EINVAL;

        if (r < 0)
                qemu_task_end(task, r, err);
        else
                qemu_task_qmp(task,
                              qmp_command("block-job-set-speed", "{s:s,s:I}", "device", job->name, "speed",
                                          (json_int_t)speed),
                              speed_set);
}

static const QemuTaskClass speed_class = {
        .api = "remoteDispatchDomainBlockJobSetSpeed",
        .size = sizeof(QemuTask),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = speed_run,
};

QEMU_OP(domain_block_job_set_speed)
{
        int r = vh_check_flags(args->flags, VIR_DOMAIN_BLOCK_JOB_SPEED_BANDWIDTH_BYTES, VIR_FROM_QEMU,
                               "qemuDomainBlockJobSetSpeed", err);

        return r < 0 ? r : qemu_task_start(call, &args->dom, &speed_class, NULL, err);
}

/* ---- the end, on demand ---- */

typedef struct AbortTask {
        QemuBlockTask block;
        bool pivot, async;
        char *path;
        QemuBlockJobState before;
} AbortTask;

static void abort_cleanup(QemuTask *task)
{
        free(((AbortTask *)task)->path);
        qemu_block_task_cleanup(task);
}

static QemuBlockJob *job_of(const AbortTask *a)
{
        const VhDomainObj *dom = a->block.task.dom;
        const VhDisk *disk = qemu_disk_find(dom->def, a->path);
        const QemuProcess *proc = qemu_process((VhDomainObj *)dom);

        return disk && proc ? qemu_block_job_of(proc, disk) : NULL;
}

static void set_state(QemuBlockJob *job, QemuBlockJobState state)
{
        VhDisk *disk = qemu_block_job_disk(job);

        job->state = state;
        if (disk && disk->mirror)
                disk->mirror->ready = state == QEMU_BLOCK_JOB_PIVOTING   ? QEMU_MIRROR_PIVOT
                                      : state == QEMU_BLOCK_JOB_ABORTING ? QEMU_MIRROR_ABORT
                                      : state == QEMU_BLOCK_JOB_READY    ? QEMU_MIRROR_READY
                                                                         : 0;
        qemu_status_save(job->proc->dom);
}

/* The command was taken: the call ends now, or with the job. */
static void told(QemuBlockTask *t, int r, VhError *err)
{
        AbortTask *a = (AbortTask *)t;
        QemuBlockJob *job = job_of(a);

        if (r < 0 && job)
                set_state(job, a->before);
        else if (r == 0 && job && !a->async && !job->call)
                job->call = VH_TAKE_PTR(t->task.call);
        qemu_block_task_finish(t, r, err);
}

static int check_end(const AbortTask *a, const QemuBlockJob *job, VhError **err)
{
        if (job->state == QEMU_BLOCK_JOB_ABORTING || job->state == QEMU_BLOCK_JOB_PIVOTING)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "block job on disk '%s' is still being ended", job->disk);
        if (!a->pivot)
                return 0;
        if (job->type != QEMU_BLOCK_JOB_COPY && job->type != QEMU_BLOCK_JOB_ACTIVE_COMMIT)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "job type '%s' does not support pivot",
                                    job->type == QEMU_BLOCK_JOB_PULL     ? "pull"
                                    : job->type == QEMU_BLOCK_JOB_COMMIT ? "commit"
                                                                         : "backup");
        if (job->state != QEMU_BLOCK_JOB_READY)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_BLOCK_COPY_ACTIVE,
                                    "block job '%s' not ready for pivot yet", job->name);
        return 0;
}

static void abort_run(QemuTask *task)
{
        AbortTask *a = (AbortTask *)task;
        VhError *err = NULL;
        QemuBlockJob *job = need_job(task, a->path, &err);
        int r = job ? check_end(a, job, &err) : -EINVAL;

        if (r < 0) {
                qemu_task_end(task, r, err);
                return;
        }
        a->before = job->state;
        if (a->pivot)
                qemu_plan_watch_writes(&a->block.plan, qemu_block_job_disk(job));
        set_state(job, a->pivot ? QEMU_BLOCK_JOB_PIVOTING : QEMU_BLOCK_JOB_ABORTING);
        qemu_plan_add(&a->block.plan,
                      a->pivot ? qmp_command("job-complete", "{s:s}", "id", job->name)
                               : qmp_command("block-job-cancel", "{s:s,s:b}", "device", job->name, "force",
                                             job->type == QEMU_BLOCK_JOB_BACKUP),
                      NULL);
        qemu_block_task_run(&a->block, told);
}

static const QemuTaskClass abort_class = {
        .api = "remoteDispatchDomainBlockJobAbort",
        .size = sizeof(AbortTask),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = abort_run,
        .cleanup = abort_cleanup,
};

QEMU_OP(domain_block_job_abort)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        AbortTask *a;
        int r = vh_check_flags(args->flags, VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC | VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT,
                               VIR_FROM_QEMU, "qemuDomainBlockJobAbort", err);

        if (!dom || r < 0)
                return dom ? r : -ENOENT;
        r = vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err);
        if (r < 0)
                return r;
        a = (AbortTask *)qemu_task_new(qemu_driver(call), dom, call, &abort_class);
        a->pivot = args->flags & VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT;
        a->async = args->flags & VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC;
        a->path = vh_xstrdup(args->path);
        return qemu_task_go(&a->block.task);
}
