/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What lasts of a migration from phase to phase. */

#include "migrate.h"

#include "api.h"
#include "base/log.h"
#include "migrate-arriving.h"
#include "migrate-resume.h"

VH_LOG_SOURCE("qemu.migrate");

const char *const qemu_phase_names[QEMU_PHASE_MAX] = {
        [QEMU_PHASE_NONE] = "none",
        [QEMU_PHASE_PERFORM2] = "perform2",
        [QEMU_PHASE_BEGIN3] = "begin3",
        [QEMU_PHASE_PERFORM3] = "perform3",
        [QEMU_PHASE_PERFORM3_DONE] = "perform3_done",
        [QEMU_PHASE_CONFIRM3_CANCELLED] = "confirm3_cancelled",
        [QEMU_PHASE_CONFIRM3] = "confirm3",
        [QEMU_PHASE_PREPARE] = "prepare",
        [QEMU_PHASE_FINISH2] = "finish2",
        [QEMU_PHASE_FINISH3] = "finish3",
        [QEMU_PHASE_POSTCOPY_FAILED] = "postcopy_failed",
        [QEMU_PHASE_BEGIN_RESUME] = "begin_resume",
        [QEMU_PHASE_PERFORM_RESUME] = "perform_resume",
        [QEMU_PHASE_CONFIRM_RESUME] = "confirm_resume",
        [QEMU_PHASE_PREPARE_RESUME] = "prepare_resume",
        [QEMU_PHASE_FINISH_RESUME] = "finish_resume",
};

QemuMigration *qemu_migration(VhDomainObj *dom)
{
        QemuProcess *proc = qemu_process(dom);

        return proc ? proc->moving : NULL;
}

/* ---- QEMU's status ---- */

static const struct {
        const char *word;
        QemuMoveStatus status;
} status_words[] = {
        { "setup", QEMU_MOVE_SETUP },
        { "active", QEMU_MOVE_ACTIVE },
        { "pre-switchover", QEMU_MOVE_PRE_SWITCHOVER },
        { "device", QEMU_MOVE_DEVICE },
        { "postcopy-active", QEMU_MOVE_POSTCOPY },
        { "postcopy-paused", QEMU_MOVE_POSTCOPY_PAUSED },
        { "postcopy-recover", QEMU_MOVE_POSTCOPY_RECOVER },
        { "completed", QEMU_MOVE_COMPLETED },
        { "failed", QEMU_MOVE_FAILED },
        { "cancelled", QEMU_MOVE_CANCELLED },
};

static QemuMoveStatus parse_status(const char *word)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(status_words); i++)
                if (vh_streq(word, status_words[i].word))
                        return status_words[i].status;
        return QEMU_MOVE_OTHER;
}

static void status_changed(void *data, const char *word)
{
        QemuMigration *m = data;

        m->status = parse_status(word);
        if (m->status == QEMU_MOVE_COMPLETED || m->status == QEMU_MOVE_FAILED || m->status == QEMU_MOVE_CANCELLED)
                m->in_qemu = false;
        if (m->task)
                m->task->moved(m->task);
        else if (m->phase == QEMU_PHASE_POSTCOPY_FAILED && m->status == QEMU_MOVE_COMPLETED)
                qemu_migrate_complete_alone(m);
}

void qemu_migrate_follow(MigrateTask *t, void (*moved)(MigrateTask *t))
{
        QemuMigration *m = qemu_migration(t->task.dom);

        t->moved = moved;
        m->task = t;
        if (m->status != QEMU_MOVE_NONE)
                moved(t);
}

/* ---- beginning and end ---- */

static QemuMigration *new_migration(QemuDriver *driver, VhDomainObj *dom, bool incoming, uint32_t flags)
{
        QemuProcess *proc = qemu_process(dom);
        QemuMigration *m = vh_new(QemuMigration, 1);

        m->driver = driver;
        m->dom = dom;
        m->incoming = incoming;
        m->flags = flags;
        m->was_running = dom->state == VIR_DOMAIN_RUNNING;
        qemu_stats_start(&m->stats,
                         incoming ? VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN : VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT);
        proc->moving = m;
        proc->migration = status_changed;
        proc->migration_data = m;
        return m;
}

QemuMigration *qemu_migration_begin(QemuTask *task, bool incoming, QemuMigratePhase phase, uint32_t flags)
{
        QemuMigration *m = new_migration(task->driver, task->dom, incoming, flags);

        qemu_task_pass_job(task, &m->slot);
        qemu_migration_set_phase(m, phase);
        return m;
}

static void granted(QemuJobSlot *slot, int r, const VhError *err)
{
        /* Nothing else can be under way yet. */
}

QemuMigration *qemu_migration_take_up(QemuProcess *proc)
{
        QemuMigration *m = new_migration(proc->driver, proc->dom, proc->left_incoming, proc->left_flags);

        m->slot = (QemuJobSlot){ .job = QEMU_JOB_ASYNC,
                                 .async = m->incoming ? QEMU_ASYNC_MIGRATION_IN : QEMU_ASYNC_MIGRATION_OUT,
                                 .api = "reconnect",
                                 .granted = granted };
        qemu_job_begin(qemu_jobs(proc->driver, proc->dom), &m->slot);
        qemu_migration_set_phase(m, QEMU_PHASE_POSTCOPY_FAILED);
        return m;
}

void qemu_migration_set_status(QemuMigration *m, const char *word)
{
        status_changed(m, word);
}

void qemu_migration_set_phase(QemuMigration *m, QemuMigratePhase phase)
{
        m->phase = phase;
        qemu_status_save(m->dom);
}

void qemu_migration_free(QemuMigration *m)
{
        if (!m)
                return;
        if (m->task)
                m->task->moved = NULL;
        qemu_host_work_drop(m->images, false);
        if (qemu_process_monitor(m->dom))
                qmp_forget(qemu_process_monitor(m->dom), m);
        json_decref(m->old_params);
        json_decref(m->known_caps);
        free(m->listen_path);
        free(m->name_there);
        free(m);
}

void qemu_migration_end(QemuMigration *m)
{
        VhDomainObj *dom = vh_domain_obj_ref(m->dom);
        QemuDriver *driver = m->driver;
        QemuProcess *proc = qemu_process(dom);

        proc->moving = NULL;
        if (proc->migration_data == m)
                proc->migration = NULL;
        if (m->listen_path)
                (void)unlink(m->listen_path);
        qemu_job_end(qemu_jobs(driver, dom), &m->slot);
        qemu_migration_free(m);
        qemu_status_save(dom);
        vh_domain_obj_unref(dom);
}

void qemu_migrate_keep_images(QemuMigration *m)
{
        if (m->images)
                qemu_arriving_end(m->driver->run_dir, m->dom->node.name, true);
        m->images = qemu_host_work_drop(m->images, false);
}

/* The process is gone in the middle of it. */
static void stopped(QemuProcess *proc)
{
        QemuMigration *m = proc->moving;

        if (proc->left_incoming)
                qemu_arriving_end(proc->driver->run_dir, proc->dom->node.name, false);
        if (!m)
                return;
        m->images = qemu_host_work_drop(m->images, true);
        qemu_migration_end(m);
}

const QemuRunHooks qemu_migrate_hooks = { .name = "migration", .stopped = stopped };

QemuMigration *qemu_migration_need(VhDomainObj *dom, bool incoming, VhError **err)
{
        QemuMigration *m = qemu_migration(dom);

        if (m && m->incoming == incoming)
                return m;
        vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                     incoming ? "domain '%s' is not processing incoming migration"
                              : "domain '%s' is not being migrated",
                     dom->node.name);
        return NULL;
}

void qemu_migrate_set_state(QemuMigration *m, int state, int reason, int event, int detail)
{
        vh_domain_obj_set_state(m->dom, state, reason);
        qemu_process_tell(qemu_process(m->dom), event, detail);
        qemu_status_save(m->dom);
}

bool qemu_migrate_is_postcopy(const QemuMigration *m)
{
        return m->status == QEMU_MOVE_POSTCOPY || m->status == QEMU_MOVE_POSTCOPY_PAUSED ||
               m->status == QEMU_MOVE_POSTCOPY_RECOVER;
}

void qemu_migrate_postcopy_failed(QemuMigration *m)
{
        m->conn = NULL;
        m->task = NULL;
        qemu_migration_set_phase(m, QEMU_PHASE_POSTCOPY_FAILED);
        if (m->incoming ? m->dom->reason == VIR_DOMAIN_RUNNING_POSTCOPY_FAILED
                        : m->dom->reason == VIR_DOMAIN_PAUSED_POSTCOPY_FAILED)
                return;
        if (m->incoming)
                qemu_migrate_set_state(m, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_POSTCOPY_FAILED,
                                       VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_POSTCOPY_FAILED);
        else
                qemu_migrate_set_state(m, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY_FAILED,
                                       VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY_FAILED);
}

/* What was only prepared is forgotten. A guest that was sent stays as it is: it may run elsewhere. */
static void forget_source(QemuMigration *m)
{
        if (m->phase == QEMU_PHASE_PERFORM3_DONE)
                vh_log_warning("domain '%s' was sent to another host, but nobody told whether it runs there",
                               m->dom->node.name);
        qemu_migrate_reset(m);
        qemu_migration_end(m);
}

/* Who moves a guest by calls has gone away: what is under way comes to its end first. A target that waits ends with its
 * client, see autodestroy. */
static void abandon(QemuMigration *m)
{
        bool resuming = m->phase == QEMU_PHASE_BEGIN_RESUME || m->phase == QEMU_PHASE_PERFORM_RESUME ||
                        m->phase == QEMU_PHASE_PREPARE_RESUME;

        m->conn = NULL;
        m->orphan = m->performing;
        if (m->orphan)
                return;
        if (resuming || (!m->incoming && qemu_migrate_is_postcopy(m)))
                qemu_migrate_postcopy_failed(m);
        else if (m->phase == QEMU_PHASE_BEGIN3 || m->phase == QEMU_PHASE_PERFORM3_DONE)
                forget_source(m);
}

int qemu_migrate_check_client(const MigrateTask *t, VhError **err)
{
        if (!t->task.call || t->task.call->client)
                return 0;
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_ABORTED,
                            "the client that migrates domain '%s' is gone", t->task.dom->node.name);
}

void qemu_migrate_performed(MigrateTask *t)
{
        QemuMigration *m = qemu_migration(t->task.dom);

        if (!m || m->performing != t)
                return;
        m->performing = NULL;
        if (m->orphan)
                abandon(m);
}

void qemu_migrations_closed(QemuDriver *driver, const VhConn *conn)
{
        qemu_migrate_offline_closed(driver, conn);
        VH_REGISTRY_FOREACH(&driver->domains.reg, node)
        {
                QemuMigration *m = qemu_migration(VH_REG_OBJECT(node, VhDomainObj, node));

                if (m && m->conn == conn)
                        abandon(m);
        }
}

/* QEMU may be on its way into the pause before the last step, in which it would wait for ever (7.2 does): it is woken.
 */
void qemu_migrate_cancel_qemu(QemuMigration *m)
{
        qemu_migrate_send(m, qmp_command("migrate_cancel", NULL));
        qemu_migrate_send(m, qmp_command("migrate-continue", "{s:s}", "state", "cancelling"));
}

void qemu_migrate_cancel(QemuMigration *m)
{
        if (!m)
                return;
        m->aborted = true;
        if (m->in_qemu)
                qemu_migrate_cancel_qemu(m);
        else if (m->task)
                m->task->moved(m->task);
}

/* ---- figures ---- */

void qemu_domain_keep_stats(VhDomainObj *dom, const QemuJobStats *stats)
{
        QemuDomain *priv = qemu_domain_priv(dom);

        if (!priv->completed)
                priv->completed = vh_new(QemuJobStats, 1);
        *priv->completed = *stats;
        priv->completed->type = VIR_DOMAIN_JOB_COMPLETED;
}

void qemu_migration_keep_stats(QemuMigration *m, const QemuJobStats *stats)
{
        qemu_domain_keep_stats(m->dom, stats);
}

void qemu_domain_tell_completed(QemuDriver *driver, VhDomainObj *dom)
{
        const QemuJobStats *stats = qemu_domain_priv(dom)->completed;
        _vh_cleanup_(vh_arena_done) VhArena arena = { 0 };
        VhTypedList list = { .arena = &arena };
        remote_nonnull_domain wire;

        if (!stats)
                return;
        vh_domain_obj_wire(dom, &wire);
        qemu_stats_list(stats, &list);
        vh_event_domain_job_completed(driver->hub, &wire, list.val, list.len);
}

/* ---- tasks ---- */

MigrateTask *qemu_migrate_task(QemuDriver *driver, VhDomainObj *dom, VhCall *call, const QemuTaskClass *class,
                               const QemuMigrateParams *params)
{
        MigrateTask *t = (MigrateTask *)qemu_task_new(driver, dom, call, class);

        t->params = *params;
        t->fd = -1;
        t->conn = call ? vh_call_conn(call) : NULL;
        return t;
}

static void domain_ended(QemuTask *task)
{
        MigrateTask *t = (MigrateTask *)task;

        t->watching = false;
        t->domain_ended(task);
}

void qemu_migrate_watch(MigrateTask *t, void (*ended)(QemuTask *task))
{
        t->domain_ended = ended;
        if (t->watching)
                return;
        t->watching = true;
        qemu_task_wait_stopped(&t->task, domain_ended);
}

void qemu_migrate_cleanup(QemuTask *task)
{
        MigrateTask *t = (MigrateTask *)task;
        QemuMigration *m = qemu_migration(task->dom);

        if (t->watching)
                qemu_task_stop_waiting(task);
        if (m && m->task == t)
                m->task = NULL;
        if (m && m->mirroring == t)
                m->mirroring = NULL;
        if (m && m->handing_over == t)
                m->handing_over = NULL;
        vh_source_free(t->timer);
        json_decref(t->caps);
        qemu_cookie_done(&t->in);
        vh_domain_def_free(t->def);
        vh_error_free(t->error);
        free(t->cookie_out);
        free(t->xml);
        free(t->uri_out);
        free(t->incoming);
}

static void ignored(void *data, json_t *ret, int r, const VhError *err)
{
        if (r < 0)
                vh_log_debug("%s", vh_error_text(err, r));
}

void qemu_migrate_send(QemuMigration *m, json_t *cmd)
{
        QemuMonitor *mon = qemu_process_monitor(m->dom);

        if (mon)
                qmp_send(mon, cmd, ignored, NULL);
        else
                json_decref(cmd);
}
