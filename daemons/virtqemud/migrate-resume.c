/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Post-copy migrations that broke. The guest is at the target and part of its memory at the source; both wait until
 * their connection is made again. */

#include "migrate-resume.h"

#include <errno.h>

#include "api.h"
#include "migrate-address.h"

int qemu_migrate_check_resume(const VhDomainObj *dom, const QemuMigration *m, bool incoming, VhError **err)
{
        const char *name = dom->node.name;

        if (!m || m->incoming != incoming)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID, "domain '%s' is not being migrated",
                                    name);
        if (m->phase != QEMU_PHASE_POSTCOPY_FAILED)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "migration of domain %s is being actively monitored by another thread", name);
        return 0;
}

/* ---- source: begin ---- */

static void got_caps(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        MigrateTask *t = (MigrateTask *)task;
        _qemu_cookie_ QemuCookie cookie = { 0 };

        if (r < 0) {
                qemu_task_end(task, r, vh_error_copy(err));
                return;
        }
        qemu_cookie_init(&cookie, task->driver->uuid, task->dom->node.name, task->dom->node.uuid);
        qemu_migrate_cookie_caps(&cookie, ret, false);
        t->cookie_out = qemu_cookie_format(&cookie);
        t->xml = qemu_migrate_text(task->driver, task->dom, task->dom->def);
        qemu_task_end(task, 0, NULL);
}

/* QEMU notices later than we do that nobody listens any more, and the target can be asked to wait only once. */
static void got_status(QemuTask *task, json_t *ret)
{
        MigrateTask *t = (MigrateTask *)task;
        QemuMigration *m = qemu_migration(task->dom);
        VhError *err = NULL;
        int r = qemu_migrate_check_resume(task->dom, m, false, &err);

        if (r == 0 && !vh_streq(json_string_value(json_object_get(ret, "status")), "postcopy-paused"))
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                 "QEMU reports migration is still running");
        if (r < 0) {
                qemu_task_end(task, r, err);
                return;
        }
        m->conn = t->conn;
        qemu_migration_set_phase(m, QEMU_PHASE_BEGIN_RESUME);
        qemu_task_qmp_try(task, qmp_command("query-migrate-capabilities", NULL), got_caps);
}

static void begin_run(QemuTask *task)
{
        const QemuMigration *m = qemu_migration(task->dom);
        VhError *err = NULL;
        int r = qemu_migrate_check_resume(task->dom, m, false, &err);

        if (r < 0) {
                qemu_task_end(task, r, err);
                return;
        }
        qemu_task_qmp(task, qmp_command("query-migrate", NULL), got_status);
}

const QemuTaskClass qemu_resume_begin_class = {
        .api = "remoteDispatchDomainMigrateBegin3Params",
        .size = sizeof(MigrateTask),
        .job = QEMU_JOB_NONE,
        .run = begin_run,
        .cleanup = qemu_migrate_cleanup,
};

/* ---- target: prepare ---- */

static void got_target_caps(QemuTask *task, json_t *ret)
{
        MigrateTask *t = (MigrateTask *)task;
        _qemu_cookie_ QemuCookie cookie = { 0 };

        qemu_cookie_init(&cookie, task->driver->uuid, t->source_name, task->dom->node.uuid);
        qemu_migrate_cookie_caps(&cookie, ret, true);
        t->cookie_out = qemu_cookie_format(&cookie);
        qemu_task_end(task, 0, NULL);
}

static void listening(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        QemuMigration *m = qemu_migration(task->dom);

        if (r < 0) {
                if (m)
                        qemu_migrate_postcopy_failed(m);
                qemu_task_end(task, r, vh_error_copy(err));
                return;
        }
        m->status = QEMU_MOVE_POSTCOPY_RECOVER;
        qemu_task_qmp(task, qmp_command("query-migrate-capabilities", NULL), got_target_caps);
}

static void prepare_run(QemuTask *task)
{
        MigrateTask *t = (MigrateTask *)task;
        QemuMigration *m = qemu_migration(task->dom);
        VhError *err = NULL;
        int r = qemu_migrate_check_resume(task->dom, m, true, &err);

        if (r == 0)
                r = qemu_migrate_choose_address(t, m, &err);
        if (r < 0) {
                qemu_task_end(task, r, err);
                return;
        }
        m->conn = t->conn;
        qemu_migration_set_phase(m, QEMU_PHASE_PREPARE_RESUME);
        qemu_task_qmp_try(task, qmp_command("migrate-recover", "{s:s}", "uri", t->incoming), listening);
}

static void prepare_cleanup(QemuTask *task)
{
        free(((MigrateTask *)task)->source_name);
        qemu_migrate_cleanup(task);
}

const QemuTaskClass qemu_resume_prepare_class = {
        .api = "remoteDispatchDomainMigratePrepare3Params",
        .size = sizeof(MigrateTask),
        .job = QEMU_JOB_NONE,
        .need_active = true,
        .run = prepare_run,
        .cleanup = prepare_cleanup,
};

/* ---- target: finish ---- */

static void finish_moved(MigrateTask *t)
{
        QemuMigration *m = qemu_migration(t->task.dom);

        bool connected = m->status == QEMU_MOVE_POSTCOPY || m->status == QEMU_MOVE_COMPLETED;

        /* It may be all there before anybody asks. */
        if (connected && t->task.dom->reason == VIR_DOMAIN_RUNNING_POSTCOPY_FAILED)
                qemu_migrate_set_state(m, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_POSTCOPY, VIR_DOMAIN_EVENT_RESUMED,
                                       VIR_DOMAIN_EVENT_RESUMED_POSTCOPY);
        qemu_migrate_finish_postcopy(t);
}

static void finish_run(QemuTask *task)
{
        MigrateTask *t = (MigrateTask *)task;
        QemuMigration *m = qemu_migration(task->dom);
        VhError *err = VH_TAKE_PTR(t->error);
        int r = t->result;

        if (!m || !m->incoming) {
                vh_error_clear(&err);
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                 "domain '%s' is not processing incoming migration", task->dom->node.name);
        } else if (t->cancelled && r == 0)
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_MIGRATE_FINISH_OK, NULL);
        if (r < 0) {
                if (m && m->incoming)
                        qemu_migrate_postcopy_failed(m);
                qemu_task_end(task, r, err);
                return;
        }
        t->received = qemu_now_ms();
        qemu_migration_set_phase(m, QEMU_PHASE_FINISH_RESUME);
        qemu_migrate_watch(t, qemu_migrate_finish_ended);
        qemu_migrate_follow(t, finish_moved);
}

const QemuTaskClass qemu_resume_finish_class = {
        .api = "remoteDispatchDomainMigrateFinish3Params",
        .size = sizeof(MigrateTask),
        .job = QEMU_JOB_NONE,
        .need_active = true,
        .run = finish_run,
        .cleanup = qemu_migrate_cleanup,
};

/* ---- nobody follows ---- */

void qemu_migrate_complete_alone(QemuMigration *m)
{
        const QemuMigrateParams params = { .flags = m->flags };
        MigrateTask *t = qemu_migrate_task(m->driver, m->dom, NULL,
                                           m->incoming ? &qemu_resume_finish_class : &qemu_confirm_class, &params);

        (void)qemu_task_go(&t->task);
}
