/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finish: the guest is there and goes on, or the QEMU that waited for it is thrown away. */

#include <errno.h>

#include "api.h"
#include "guest-cpu.h"
#include "guest-locks.h"
#include "migrate-storage.h"
#include "migrate.h"

/* ---- it failed ---- */

static void thrown_away(QemuTask *task)
{
        MigrateTask *t = (MigrateTask *)task;

        qemu_task_end(task, t->result, VH_TAKE_PTR(t->error));
}

/* err is taken over. */
static void throw_away(MigrateTask *t, int r, VhError *err)
{
        QemuProcess *proc = qemu_process(t->task.dom);

        t->result = r;
        t->error = err;
        if (proc)
                qemu_process_kill(proc, QEMU_KILL_NOW, VIR_DOMAIN_SHUTOFF_FAILED, VIR_DOMAIN_EVENT_STOPPED_FAILED);
        qemu_migrate_watch(t, thrown_away);
}

void qemu_migrate_finish_ended(QemuTask *task)
{
        VhError *err = NULL;
        int r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "domain is no longer running");

        qemu_task_end(task, r, err);
}

static void got_reason(QemuTask *task, json_t *ret, int r, const VhError *cause)
{
        const char *why = json_string_value(json_object_get(ret, "error-desc"));
        VhError *err = NULL;

        r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "job 'migration in' %s%s",
                         why ? "failed: " : "failed", why ? why : "");
        throw_away((MigrateTask *)task, r, err);
}

/* ---- it stays defined ---- */

/* Before the guest is here: what cannot be stored is refused while the source can still go on. */
static int read_stored_def(MigrateTask *t, VhError **err)
{
        VhDomainObj *dom = t->task.dom;
        int r = 0;

        if (!t->in.persistent && !(t->params.flags & VIR_MIGRATE_PERSIST_DEST))
                return 0;
        if (t->in.persistent)
                r = qemu_parse(t->task.driver, t->in.persistent, 0, &t->def, err);
        else {
                t->def = vh_domain_def_copy(dom->def);
                qemu_drop_run(t->task.driver, t->def);
                qemu_guest_cpu_original(dom, t->def);
        }
        if (r == 0) {
                vh_strset(&t->def->name, dom->node.name);
                memcpy(t->def->uuid, dom->node.uuid, VH_UUID_LEN);
        }
        return r;
}

static int persist(MigrateTask *t, VhError **err)
{
        VhDomainObj *dom = t->task.dom;
        bool known = dom->persistent;
        remote_nonnull_domain wire;
        int r = qemu_store(t->task.driver, t->def, err);

        if (r < 0)
                return r;
        qemu_set_def(t->task.driver, dom, VH_TAKE_PTR(t->def));
        dom->persistent = true;
        vh_domain_obj_wire(dom, &wire);
        vh_event_domain_lifecycle(t->task.driver->hub, &wire, VIR_DOMAIN_EVENT_DEFINED,
                                  known ? VIR_DOMAIN_EVENT_DEFINED_UPDATED : VIR_DOMAIN_EVENT_DEFINED_ADDED);
        return 0;
}

/* ---- it runs ---- */

/* The source's figures, completed with what only this side knows. */
static void keep_stats(MigrateTask *t, QemuMigration *m)
{
        QemuJobStats stats = t->in.stats;

        if (!t->in.has_stats)
                return;
        stats.operation = VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN;
        stats.delta = stats.sent ? (int64_t)(t->received - stats.sent) : 0;
        stats.has_delta = stats.delta != 0;
        qemu_stats_tick(&stats);
        qemu_stats_tick_downtime(&stats);
        qemu_migration_keep_stats(m, &stats);
}

static void make_cookie(MigrateTask *t, QemuMigration *m)
{
        const QemuJobStats *stats = qemu_domain_priv(t->task.dom)->completed;
        _qemu_cookie_ QemuCookie cookie;

        qemu_cookie_init(&cookie, t->task.driver->uuid, m->name_there ? m->name_there : t->task.dom->node.name,
                         t->task.dom->node.uuid);
        if (t->in.has_stats && stats) {
                cookie.has_stats = true;
                cookie.stats = *stats;
        }
        t->cookie_out = qemu_cookie_format(&cookie);
}

static void is_here(MigrateTask *t)
{
        QemuMigration *m = qemu_migration(t->task.dom);

        keep_stats(t, m);
        make_cookie(t, m);
        qemu_migrate_keep_images(m);
        qemu_migrate_reset(m);
        qemu_migration_end(m);
        qemu_status_save(t->task.dom);
        qemu_task_end(&t->task, 0, NULL);
}

void qemu_migrate_finish_postcopy(MigrateTask *t)
{
        QemuMigration *m = qemu_migration(t->task.dom);
        VhError *err = NULL;
        int r;

        if (m->status == QEMU_MOVE_POSTCOPY || m->status == QEMU_MOVE_POSTCOPY_RECOVER)
                return;
        m->task = NULL;
        if (m->status == QEMU_MOVE_COMPLETED) {
                qemu_migrate_set_state(m, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_MIGRATED, VIR_DOMAIN_EVENT_RESUMED,
                                       VIR_DOMAIN_EVENT_RESUMED_MIGRATED);
                is_here(t);
                return;
        }
        qemu_migrate_postcopy_failed(m);
        r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "job 'migration in' failed in post-copy phase");
        qemu_task_end(&t->task, r, err);
}

static void running(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        MigrateTask *t = (MigrateTask *)task;

        if (r < 0)
                throw_away(t, r, vh_error_copy(err));
        else if (t->postcopy)
                qemu_migrate_follow(t, qemu_migrate_finish_postcopy);
        else
                is_here(t);
}

static void stay_paused(MigrateTask *t)
{
        QemuProcess *proc = qemu_process(t->task.dom);

        vh_domain_obj_set_state(t->task.dom, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER);
        qemu_process_tell(proc, VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED);
        is_here(t);
}

static void go_on(MigrateTask *t)
{
        QemuProcess *proc = qemu_process(t->task.dom);
        VhError *err = NULL;
        int r = t->params.flags & VIR_MIGRATE_PERSIST_DEST ? persist(t, &err) : 0;

        proc->autodestroy = NULL;
        qemu_storage_stop_server(qemu_migration(t->task.dom));
        if (r < 0) {
                throw_away(t, r, err);
                return;
        }
        if (t->params.flags & VIR_MIGRATE_PAUSED) {
                stay_paused(t);
                return;
        }
        if (t->postcopy)
                qemu_migrate_keep_images(qemu_migration(t->task.dom)); /* the source cannot go on with its own */
        qemu_task_cont(&t->task, t->postcopy ? VIR_DOMAIN_RUNNING_POSTCOPY : VIR_DOMAIN_RUNNING_MIGRATED, running);
}

/* ---- what QEMU says ---- */

static void moved(MigrateTask *t)
{
        QemuMigration *m = qemu_migration(t->task.dom);

        switch (m->status) {
        case QEMU_MOVE_POSTCOPY:
        case QEMU_MOVE_COMPLETED:
                m->task = NULL;
                t->postcopy = m->status == QEMU_MOVE_POSTCOPY;
                go_on(t);
                break;
        case QEMU_MOVE_FAILED:
        case QEMU_MOVE_CANCELLED:
                m->task = NULL;
                qemu_task_qmp_try(&t->task, qmp_command("query-migrate", NULL), got_reason);
                break;
        default:
                break;
        }
}

static void finish_run(QemuTask *task)
{
        MigrateTask *t = (MigrateTask *)task;
        VhError *err = NULL;
        QemuMigration *m = qemu_migration_need(task->dom, true, &err);
        int r = t->result;

        if (!m) {
                qemu_task_end(task, -EINVAL, err);
                return;
        }
        err = VH_TAKE_PTR(t->error);
        t->received = qemu_now_ms();
        qemu_migration_set_phase(m, QEMU_PHASE_FINISH3);
        if (t->cancelled) {
                vh_error_clear(&err);
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_MIGRATE_FINISH_OK, NULL);
        } else if (r == 0)
                r = read_stored_def(t, &err);
        if (r < 0) {
                throw_away(t, r, err);
                return;
        }
        qemu_migrate_watch(t, qemu_migrate_finish_ended);
        qemu_migrate_follow(t, moved);
}

const QemuTaskClass qemu_finish_class = {
        .api = "remoteDispatchDomainMigrateFinish3Params",
        .size = sizeof(MigrateTask),
        .job = QEMU_JOB_NONE,
        .need_active = true,
        .run = finish_run,
        .cleanup = qemu_migrate_cleanup,
};
