/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Confirm: the source lets go of a guest that runs elsewhere now, or goes on with it. */

#include <errno.h>

#include "api.h"
#include "base/log.h"
#include "guest-locks.h"
#include "migrate-graphics.h"
#include "migrate-resume.h"
#include "migrate.h"
#include "moment.h"

VH_LOG_SOURCE("qemu.migrate");

/* ---- it is gone ---- */

/* The reference tells of the stop only, and so do we. */
static void undefine(MigrateTask *t)
{
        VhDomainObj *dom = t->task.dom;
        _vh_error_ VhError *err = NULL;

        qemu_moments_remove_all(t->task.driver, dom, QEMU_CHECKPOINTS);
        if (qemu_forget_def(t->task.driver, dom, true, &err) < 0)
                vh_log_error("domain '%s' has moved, but its definition stays: %s", dom->node.name,
                             vh_error_text(err, 0));
}

static void is_gone(QemuTask *task)
{
        MigrateTask *t = (MigrateTask *)task;

        qemu_domain_tell_completed(task->driver, task->dom);
        if (t->params.flags & VIR_MIGRATE_UNDEFINE_SOURCE && task->dom->persistent)
                undefine(t);
        qemu_task_end(task, 0, NULL);
}

/* What the target found out belongs to the figures. */
static void merge_stats(MigrateTask *t, QemuMigration *m)
{
        QemuJobStats stats = m->stats;

        qemu_stats_tick(&stats);
        if (t->in.has_stats) {
                stats.has_delta = t->in.stats.has_delta;
                stats.delta = t->in.stats.delta;
                if (t->in.stats.has_downtime) {
                        stats.has_downtime = true;
                        stats.downtime = t->in.stats.downtime;
                }
        }
        qemu_migration_keep_stats(m, &stats);
}

static void broke(MigrateTask *t, QemuMigration *m)
{
        VhError *err = NULL;
        int r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED,
                             "job 'migration out' failed in post-copy phase");

        qemu_migrate_postcopy_failed(m);
        qemu_task_end(&t->task, r, err);
}

static void end_here(MigrateTask *t)
{
        QemuProcess *proc = qemu_process(t->task.dom);
        QemuMigration *m = proc->moving;

        merge_stats(t, m);
        qemu_process_kill(proc, QEMU_KILL_NOW, VIR_DOMAIN_SHUTOFF_MIGRATED, VIR_DOMAIN_EVENT_STOPPED_MIGRATED);
        qemu_migrate_watch(t, is_gone);
}

/* Viewers know of it first. */
static void hand_over(MigrateTask *t)
{
        qemu_migration_set_phase(qemu_migration(t->task.dom), QEMU_PHASE_CONFIRM3);
        qemu_migrate_watch(t, is_gone);
        qemu_migrate_wait_relocated(t, end_here);
}

static void got_last_stats(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        QemuMigration *m = qemu_migration(task->dom);

        if (r == 0)
                qemu_stats_read_qmp(&m->stats, ret);
        if (json_object_get(ret, "downtime"))
                m->stats.downtime = (uint64_t)json_integer_value(json_object_get(ret, "downtime"));
        hand_over((MigrateTask *)task);
}

/* More came after perform. */
static void ask_last_stats(MigrateTask *t)
{
        qemu_task_qmp_try(&t->task, qmp_command("query-migrate", NULL), got_last_stats);
}

/* The target runs the guest, and the rest of its memory is on the way. */
static void postcopy_moved(MigrateTask *t)
{
        QemuMigration *m = qemu_migration(t->task.dom);

        if (m->status == QEMU_MOVE_POSTCOPY || m->status == QEMU_MOVE_POSTCOPY_RECOVER)
                return;
        m->task = NULL;
        if (m->status == QEMU_MOVE_COMPLETED)
                ask_last_stats(t);
        else
                broke(t, m);
}

static void let_go(MigrateTask *t, QemuMigration *m)
{
        m->conn = NULL; /* it is decided, whoever goes away */
        if (qemu_migrate_is_resume(&t->params))
                qemu_migration_set_phase(m, QEMU_PHASE_CONFIRM_RESUME);
        if (qemu_migrate_is_postcopy(m))
                qemu_migrate_follow(t, postcopy_moved);
        else if (m->flags & VIR_MIGRATE_POSTCOPY)
                ask_last_stats(t);
        else
                hand_over(t);
}

/* ---- it goes on ---- */

static void goes_on(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        MigrateTask *t = (MigrateTask *)task;
        QemuMigration *m = qemu_migration(task->dom);

        if (r < 0)
                vh_log_error("domain '%s' has not moved and stays paused: %s", task->dom->node.name,
                             vh_error_text(err, r));
        if (m) {
                qemu_migrate_reset(m);
                qemu_migration_end(m);
        }
        qemu_task_end(task, t->result, VH_TAKE_PTR(t->error));
}

void qemu_migrate_restore(MigrateTask *t, int result, VhError *error)
{
        VhDomainObj *dom = t->task.dom;
        QemuMigration *m = qemu_migration(dom);
        bool paused_for_it = dom->state == VIR_DOMAIN_PAUSED && dom->reason == VIR_DOMAIN_PAUSED_MIGRATION;

        t->result = result;
        t->error = error;
        if (!m || !m->was_running || !paused_for_it) {
                goes_on(&t->task, NULL, 0, NULL);
                return;
        }
        qemu_task_cont(&t->task, VIR_DOMAIN_RUNNING_MIGRATION_CANCELED, goes_on);
}

static void confirm_run(QemuTask *task)
{
        MigrateTask *t = (MigrateTask *)task;
        VhError *err = NULL;
        QemuMigration *m = qemu_migration_need(task->dom, false, &err);

        if (!m)
                qemu_task_end(task, -EINVAL, err);
        else if (t->cancelled && qemu_migrate_is_postcopy(m)) {
                /* The target said why. */
                qemu_migrate_postcopy_failed(m);
                qemu_task_end(task, 0, NULL);
        } else if (t->cancelled) {
                m->conn = NULL;
                qemu_migration_set_phase(m, QEMU_PHASE_CONFIRM3_CANCELLED);
                qemu_migrate_restore(t, 0, NULL);
        } else
                let_go(t, m);
}

const QemuTaskClass qemu_confirm_class = {
        .api = "remoteDispatchDomainMigrateConfirm3Params",
        .size = sizeof(MigrateTask),
        .job = QEMU_JOB_NONE,
        .need_active = true,
        .run = confirm_run,
        .cleanup = qemu_migrate_cleanup,
};
