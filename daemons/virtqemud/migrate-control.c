/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What clients ask of a migration that goes on, and of jobs: how far it is, its end, its speed. */

#include <errno.h>

#include "api.h"
#include "backup.h"
#include "migrate-storage.h"
#include "migrate.h"
#include "qemu-ops.h"

enum { MIB = 1024 * 1024 };

/* What the reference shows as no limit, MiB/s. */
#define SPEED_MAX UINT64_C(8796093022207)

/* ---- how far it is ---- */

/* Operations by kind of job. */
static const int operations[QEMU_ASYNC_MAX] = {
        [QEMU_ASYNC_MIGRATION_OUT] = VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT,
        [QEMU_ASYNC_MIGRATION_IN] = VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN,
        [QEMU_ASYNC_SAVE] = VIR_DOMAIN_JOB_OPERATION_SAVE,
        [QEMU_ASYNC_DUMP] = VIR_DOMAIN_JOB_OPERATION_DUMP,
        [QEMU_ASYNC_SNAPSHOT] = VIR_DOMAIN_JOB_OPERATION_SNAPSHOT,
        [QEMU_ASYNC_START] = VIR_DOMAIN_JOB_OPERATION_START,
        [QEMU_ASYNC_BACKUP] = VIR_DOMAIN_JOB_OPERATION_BACKUP,
};

typedef struct StatsTask {
        QemuTask task;
        QemuJobStats stats;
        void (*answer)(VhCall *call, const QemuJobStats *stats);
} StatsTask;

static void answer_stats(VhCall *call, const QemuJobStats *stats)
{
        remote_domain_get_job_stats_ret *ret = call->ret;
        VhTypedList list = VH_TYPED_LIST(call);

        ret->type = stats->type;
        if (stats->type == VIR_DOMAIN_JOB_NONE)
                return;
        qemu_stats_list(stats, &list);
        VH_TYPED_MOVE(&ret->params, &list);
}

static void answer_info(VhCall *call, const QemuJobStats *stats)
{
        qemu_stats_info(stats, call->ret);
}

/* What the daemon knows of the domain's job without asking. */
static QemuJobStats known_stats(QemuTask *task)
{
        const QemuMigration *m = qemu_migration(task->dom);
        const QemuJobs *jobs = qemu_jobs(task->driver, task->dom);
        QemuJobStats stats = { .type = VIR_DOMAIN_JOB_NONE };

        if (m)
                stats = m->stats;
        else if (jobs->async) {
                qemu_stats_start(&stats, operations[jobs->async_kind]);
                stats.started = jobs->async_since;
        }
        if (stats.type != VIR_DOMAIN_JOB_NONE)
                qemu_stats_tick(&stats);
        return stats;
}

static void end_stats(StatsTask *s)
{
        if (s->task.call)
                s->answer(s->task.call, &s->stats);
        qemu_task_end(&s->task, 0, NULL);
}

static void got_mirrors(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        StatsTask *s = (StatsTask *)task;

        if (r == 0 && qemu_migration(task->dom))
                qemu_storage_stats(qemu_migration(task->dom), ret, &s->stats);
        end_stats(s);
}

static void got_progress(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        StatsTask *s = (StatsTask *)task;

        const QemuMigration *m = qemu_migration(task->dom);

        if (r == 0)
                qemu_stats_read_qmp(&s->stats, ret);
        if (m && m->mirroring)
                qemu_task_qmp_try(task, qmp_command("query-block-jobs", NULL), got_mirrors);
        else
                end_stats(s);
}

static void got_backup(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        StatsTask *s = (StatsTask *)task;

        if (r == 0 && qemu_process(task->dom))
                qemu_backup_stats(qemu_process(task->dom), ret, &s->stats);
        qemu_stats_tick(&s->stats);
        end_stats(s);
}

static void stats_run(QemuTask *task)
{
        StatsTask *s = (StatsTask *)task;
        const QemuMigration *m = qemu_migration(task->dom);

        VhError *err = NULL;
        int r = 0;

        s->stats = known_stats(task);
        if (qemu_process(task->dom)->backup) {
                qemu_task_qmp_try(task, qmp_command("query-jobs", NULL), got_backup);
                return;
        }
        if (m && m->incoming)
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                 "migration statistics are available only on the source host");
        if (r < 0)
                qemu_task_end(task, r, err);
        else if (s->stats.type == VIR_DOMAIN_JOB_NONE)
                end_stats(s);
        else
                qemu_task_qmp_try(task, qmp_command("query-migrate", NULL), got_progress);
}

static const QemuTaskClass stats_class = {
        .api = "remoteDispatchDomainGetJobStats",
        .size = sizeof(StatsTask),
        .job = QEMU_JOB_QUERY,
        .need_active = true,
        .run = stats_run,
};

static int init_stats(QemuTask *task, VhError **err)
{
        ((StatsTask *)task)->answer = answer_stats;
        return 0;
}

static int init_info(QemuTask *task, VhError **err)
{
        ((StatsTask *)task)->answer = answer_info;
        return 0;
}

static int completed_stats(VhCall *call, const remote_domain_get_job_stats_args *args, VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        QemuDomain *priv;

        if (!dom)
                return -ENOENT;
        priv = qemu_domain_priv(dom);
        if (!priv->completed)
                return 0;
        answer_stats(call, priv->completed);
        if (!(args->flags & VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED)) {
                free(priv->completed);
                priv->completed = NULL;
        }
        return 0;
}

QEMU_OP_RET(domain_get_job_stats)
{
        enum { KNOWN = VIR_DOMAIN_JOB_STATS_COMPLETED | VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED };
        int r = vh_check_flags(args->flags, KNOWN, VIR_FROM_QEMU, "qemuDomainGetJobStats", err);

        if (r < 0)
                return r;
        if (args->flags & VIR_DOMAIN_JOB_STATS_COMPLETED)
                return completed_stats(call, args, err);
        return qemu_task_start(call, &args->dom, &stats_class, init_stats, err);
}

QEMU_OP_RET(domain_get_job_info)
{
        return qemu_task_start(call, &args->dom, &stats_class, init_info, err);
}

/* ---- the end ---- */

static void done(QemuTask *task, json_t *ret)
{
        qemu_task_end(task, 0, NULL);
}

static int check_abort(QemuTask *task, VhError **err)
{
        const QemuMigration *m = qemu_migration(task->dom);
        const QemuJobs *jobs = qemu_jobs(task->driver, task->dom);

        if (!jobs->async)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID, "no job is active on the domain");
        if (jobs->async_kind == QEMU_ASYNC_MIGRATION_IN)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "cannot abort incoming migration; use virDomainDestroy instead");
        if (jobs->async_kind == QEMU_ASYNC_START)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "cannot abort VM start; use virDomainDestroy instead");
        if (m && qemu_migrate_is_postcopy(m))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "cannot abort migration in post-copy mode");
        return 0;
}

static void abort_run(QemuTask *task)
{
        QemuMigration *m = qemu_migration(task->dom);
        VhError *err = NULL;
        int r = check_abort(task, &err);

        if (r < 0)
                qemu_task_end(task, r, err);
        else if (m) {
                qemu_migrate_cancel(m);
                qemu_task_end(task, 0, NULL);
        } else if (qemu_process(task->dom)->backup) {
                qemu_backup_abort(qemu_process(task->dom));
                qemu_task_end(task, 0, NULL);
        } else
                qemu_task_qmp(task, qmp_command("migrate_cancel", NULL), done);
}

static const QemuTaskClass abort_class = {
        .api = "remoteDispatchDomainAbortJobFlags",
        .size = sizeof(QemuTask),
        .job = QEMU_JOB_ABORT,
        .need_active = true,
        .run = abort_run,
};

QEMU_OP(domain_abort_job)
{
        return qemu_task_start(call, &args->dom, &abort_class, NULL, err);
}

static void pause_postcopy_run(QemuTask *task)
{
        const QemuMigration *m = qemu_migration(task->dom);
        VhError *err = NULL;
        int r = 0;

        if (!m || m->status != QEMU_MOVE_POSTCOPY)
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                 "current job is not outgoing migration in post-copy mode");
        if (r < 0)
                qemu_task_end(task, r, err);
        else
                qemu_task_qmp(task, qmp_command("migrate-pause", NULL), done);
}

static const QemuTaskClass pause_postcopy_class = {
        .api = "remoteDispatchDomainAbortJobFlags",
        .size = sizeof(QemuTask),
        .job = QEMU_JOB_ABORT,
        .need_active = true,
        .run = pause_postcopy_run,
};

QEMU_OP(domain_abort_job_flags)
{
        int r = vh_check_flags(args->flags, VIR_DOMAIN_ABORT_JOB_POSTCOPY, VIR_FROM_QEMU, "qemuDomainAbortJobFlags",
                               err);

        if (r < 0)
                return r;
        return qemu_task_start(call, &args->dom,
                               args->flags & VIR_DOMAIN_ABORT_JOB_POSTCOPY ? &pause_postcopy_class : &abort_class, NULL,
                               err);
}

/* ---- speed ---- */

/* One parameter of QEMU, set or asked for. */
typedef struct ParamTask {
        QemuTask task;
        const char *name;
        int64_t value;
} ParamTask;

static void set_param_run(QemuTask *task)
{
        ParamTask *p = (ParamTask *)task;
        json_t *args = json_object();

        json_object_set_new(args, p->name, json_integer(p->value));
        qemu_task_qmp(task, qmp_command_args("migrate-set-parameters", args), done);
}

static const QemuTaskClass set_param_class = {
        .api = "remoteDispatchDomainMigrateSetMaxSpeed",
        .size = sizeof(ParamTask),
        .job = QEMU_JOB_MIGRATION_OP,
        .need_active = true,
        .run = set_param_run,
};

static int set_param(VhCall *call, VhDomainObj *dom, const char *name, uint64_t value)
{
        ParamTask *p = (ParamTask *)qemu_task_new(qemu_driver(call), dom, call, &set_param_class);

        p->name = name;
        p->value = (int64_t)value;
        return qemu_task_go(&p->task);
}

static int check_speed(uint64_t mib, VhError **err)
{
        if (mib <= SPEED_MAX)
                return 0;
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OVERFLOW, "bandwidth must be less than %llu",
                            (unsigned long long)(SPEED_MAX + 1));
}

static int set_postcopy_speed(VhCall *call, VhDomainObj *dom, uint64_t mib, VhError **err)
{
        int r = vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err);

        return r < 0 ? r : set_param(call, dom, "max-postcopy-bandwidth", mib * MIB);
}

QEMU_OP(domain_migrate_set_max_speed)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        QemuMigration *m;
        int r = vh_check_flags(args->flags, VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY, VIR_FROM_QEMU,
                               "qemuDomainMigrateSetMaxSpeed", err);

        if (r == 0)
                r = check_speed(args->bandwidth, err);
        if (r < 0 || !dom)
                return r < 0 ? r : -ENOENT;
        if (args->flags & VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY)
                return set_postcopy_speed(call, dom, args->bandwidth, err);
        m = qemu_migration(dom);
        qemu_domain_priv(dom)->migrate_speed = args->bandwidth;
        return m && m->in_qemu ? set_param(call, dom, "max-bandwidth", args->bandwidth * MIB) : 0;
}

/* ---- asking ---- */

typedef struct GetTask {
        QemuTask task;
        const char *name;
        uint64_t *to; /* in the reply */
        uint64_t unit;
} GetTask;

static void got_param(QemuTask *task, json_t *ret)
{
        GetTask *g = (GetTask *)task;

        if (task->call)
                *g->to = (uint64_t)json_integer_value(json_object_get(ret, g->name)) / g->unit;
        qemu_task_end(task, 0, NULL);
}

static void get_param_run(QemuTask *task)
{
        qemu_task_qmp(task, qmp_command("query-migrate-parameters", NULL), got_param);
}

static const QemuTaskClass get_param_class = {
        .api = "remoteDispatchDomainMigrateGetMaxDowntime",
        .size = sizeof(GetTask),
        .job = QEMU_JOB_QUERY,
        .need_active = true,
        .run = get_param_run,
};

static int get_param(VhCall *call, const remote_nonnull_domain *wire, const char *name, uint64_t unit, uint64_t *to,
                     VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, wire, err);
        int r = dom ? vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err) : -ENOENT;
        GetTask *g;

        if (r < 0)
                return r;
        g = (GetTask *)qemu_task_new(qemu_driver(call), dom, call, &get_param_class);
        g->name = name;
        g->unit = unit;
        g->to = to;
        return qemu_task_go(&g->task);
}

QEMU_OP_RET(domain_migrate_get_max_speed)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        int r = vh_check_flags(args->flags, VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY, VIR_FROM_QEMU,
                               "qemuDomainMigrateGetMaxSpeed", err);

        if (r < 0 || !dom)
                return r < 0 ? r : -ENOENT;
        if (args->flags & VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY)
                return get_param(call, &args->dom, "max-postcopy-bandwidth", MIB, &ret->bandwidth, err);
        ret->bandwidth = qemu_domain_priv(dom)->migrate_speed ? qemu_domain_priv(dom)->migrate_speed : SPEED_MAX;
        return 0;
}

QEMU_OP_RET(domain_migrate_get_max_downtime)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainMigrateGetMaxDowntime", err);

        return r < 0 ? r : get_param(call, &args->dom, "downtime-limit", 1, &ret->downtime, err);
}

QEMU_OP_RET(domain_migrate_get_compression_cache)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainMigrateGetCompressionCache", err);

        return r < 0 ? r : get_param(call, &args->dom, "xbzrle-cache-size", 1, &ret->cacheSize, err);
}

static int set_of_running(VhCall *call, const remote_nonnull_domain *wire, const char *name, uint64_t value,
                          VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, wire, err);
        int r = dom ? vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err) : -ENOENT;

        return r < 0 ? r : set_param(call, dom, name, value);
}

QEMU_OP(domain_migrate_set_max_downtime)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainMigrateSetMaxDowntime", err);

        return r < 0 ? r : set_of_running(call, &args->dom, "downtime-limit", args->downtime, err);
}

QEMU_OP(domain_migrate_set_compression_cache)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainMigrateSetCompressionCache", err);

        return r < 0 ? r : set_of_running(call, &args->dom, "xbzrle-cache-size", args->cacheSize, err);
}

/* ---- post-copy ---- */

static void postcopy_run(QemuTask *task)
{
        const QemuMigration *m = qemu_migration(task->dom);
        VhError *err = NULL;
        int r = 0;

        if (!m || m->incoming)
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                 "post-copy can only be started while outgoing migration is in progress");
        else if (!(m->flags & VIR_MIGRATE_POSTCOPY))
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                 "switching to post-copy requires migration to be started with "
                                 "VIR_MIGRATE_POSTCOPY flag");
        if (r < 0)
                qemu_task_end(task, r, err);
        else
                qemu_task_qmp(task, qmp_command("migrate-start-postcopy", NULL), done);
}

static const QemuTaskClass postcopy_class = {
        .api = "remoteDispatchDomainMigrateStartPostCopy",
        .size = sizeof(QemuTask),
        .job = QEMU_JOB_MIGRATION_OP,
        .need_active = true,
        .run = postcopy_run,
};

QEMU_OP(domain_migrate_start_post_copy)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainMigrateStartPostCopy", err);

        return r < 0 ? r : qemu_task_start(call, &args->dom, &postcopy_class, NULL, err);
}
