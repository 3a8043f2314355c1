/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Perform: the source sends memory and devices. */

#include <errno.h>

#include "guest-text.h"
#include "api.h"
#include "guest-cpu.h"
#include "guest-locks.h"
#include "migrate-address.h"
#include "migrate-dial.h"
#include "migrate-graphics.h"
#include "migrate-resume.h"
#include "migrate-storage.h"
#include "migrate-tunnel.h"
#include "migrate.h"
#include "run-log.h"

#define FD_NAME "migrate"

/* ---- it failed ---- */

static void gave_up(MigrateTask *t, int r, VhError *err);

static void cancelled(MigrateTask *t)
{
        QemuMigration *m = qemu_migration(t->task.dom);

        if (m->in_qemu)
                return;
        m->task = NULL;
        gave_up(t, t->result, VH_TAKE_PTR(t->error));
}

/* QEMU does not let the guest go on while it sends it. */
static void cancel_first(MigrateTask *t, QemuMigration *m, int r, VhError *err)
{
        t->result = r;
        t->error = err;
        t->moved = cancelled;
        m->task = t;
        qemu_migrate_cancel_qemu(m);
}

/* Nobody calls confirm for a source that failed: the guest goes on at once. */
static void gave_up(MigrateTask *t, int r, VhError *err)
{
        QemuMigration *m = qemu_migration(t->task.dom);

        if (!m) {
                qemu_task_end(&t->task, r, err);
                return;
        }
        m->task = NULL;
        t->storage_done = NULL;
        if (qemu_migrate_is_resume(&t->params)) {
                m->status = QEMU_MOVE_POSTCOPY_PAUSED;
                qemu_migrate_postcopy_failed(m);
                qemu_task_end(&t->task, r, err);
                return;
        }
        qemu_storage_cancel(m);
        if (m->in_qemu)
                cancel_first(t, m, r, err);
        else
                qemu_migrate_restore(t, r, err);
}

static void ended_by_itself(QemuTask *task)
{
        VhError *err = NULL;
        int r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "domain is not running");

        qemu_task_end(task, r, err);
}

static void got_reason(QemuTask *task, json_t *ret, int r, const VhError *cause)
{
        const QemuMigration *m = qemu_migration(task->dom);
        const char *why = json_string_value(json_object_get(ret, "error-desc"));
        bool aborted = m && (m->aborted || m->status == QEMU_MOVE_CANCELLED);
        VhError *err = NULL;

        if (aborted)
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_ABORTED,
                                 "job 'migration out' canceled by client");
        else
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "job 'migration out' %s%s",
                                 why ? "failed: " : "failed", why ? why : "");
        gave_up((MigrateTask *)task, r, err);
}

/* ---- it went well ---- */

/* The stored definition goes along. */
static int add_persistent(MigrateTask *t, QemuCookie *cookie, VhError **err)
{
        VhDomainObj *dom = t->task.dom;
        _vh_domain_def_ VhDomainDef *def = NULL;
        int r = 0;

        if (!(t->params.flags & VIR_MIGRATE_PERSIST_DEST))
                return 0;
        if (t->params.persist_xml) {
                r = qemu_parse(t->task.driver, t->params.persist_xml, 0, &def, err);
        } else {
                VhDomainDef *stored = vh_domain_obj_persistent_def(dom);

                def = vh_domain_def_copy(stored ? stored : dom->def);
                if (!stored) {
                        qemu_drop_run(t->task.driver, def);
                        qemu_guest_cpu_original(dom, def);
                }
        }
        if (r == 0)
                cookie->persistent = qemu_migratable_text(def);
        return r;
}

static void done(MigrateTask *t, QemuMigration *m)
{
        _qemu_cookie_ QemuCookie cookie;
        VhError *err = NULL;
        int r;

        qemu_cookie_init(&cookie, t->task.driver->uuid, t->task.dom->node.name, t->task.dom->node.uuid);
        r = add_persistent(t, &cookie, &err);
        /* The reference stops its server only if it is told of it. */
        cookie.has_nbd = t->in.has_nbd;
        cookie.nbd_port = t->in.nbd_port;
        for (size_t i = 0; i < t->in.n_disks; i++)
                qemu_cookie_add_disk(&cookie, t->in.disks[i].target, t->in.disks[i].capacity);
        cookie.has_stats = true;
        m->stats.sent = qemu_now_ms();
        qemu_stats_tick(&m->stats);
        if (!qemu_migrate_is_resume(&t->params))
                qemu_stats_tick_downtime(&m->stats);
        cookie.stats = m->stats;
        t->cookie_out = qemu_cookie_format(&cookie);
        m->task = NULL;
        if (!qemu_migrate_is_resume(&t->params))
                qemu_migration_set_phase(m, QEMU_PHASE_PERFORM3_DONE);
        if (r < 0)
                gave_up(t, r, err);
        else
                qemu_task_end(&t->task, 0, NULL);
}

static void got_stats(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        QemuMigration *m = qemu_migration(task->dom);

        if (r < 0) {
                gave_up((MigrateTask *)task, r, vh_error_copy(err));
                return;
        }
        qemu_stats_read_qmp(&m->stats, ret);
        m->stats.disk_total = m->stats.disk_transferred = m->disk_bytes;
        done((MigrateTask *)task, m);
}

/* ---- on the way ---- */

/* The status tells how it goes on, maybe before there is an answer. */
static void storage_stopped(MigrateTask *t, int r, const VhError *err)
{
        if (r < 0)
                gave_up(t, r, vh_error_copy(err));
        else
                qemu_migrate_send(qemu_migration(t->task.dom),
                                  qmp_command("migrate-continue", "{s:s}", "state", "pre-switchover"));
}

static void moved(MigrateTask *t)
{
        QemuMigration *m = qemu_migration(t->task.dom);
        VhError *err = NULL;

        if (m->status == QEMU_MOVE_POSTCOPY)
                qemu_migrate_set_state(m, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY, VIR_DOMAIN_EVENT_SUSPENDED,
                                       VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY);
        /* It does not wait for its disks any more. */
        if (m->status == QEMU_MOVE_FAILED || m->status == QEMU_MOVE_CANCELLED)
                t->storage_done = NULL;
        switch (m->status) {
        case QEMU_MOVE_PRE_SWITCHOVER:
                qemu_storage_end(t, storage_stopped);
                break;
        case QEMU_MOVE_POSTCOPY:
        case QEMU_MOVE_COMPLETED:
                m->task = NULL;
                qemu_task_qmp_try(&t->task, qmp_command("query-migrate", NULL), got_stats);
                break;
        case QEMU_MOVE_POSTCOPY_PAUSED:
                gave_up(t,
                        vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED,
                                     "job 'migration out' failed in post-copy phase"),
                        err);
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

static void sent_off(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        MigrateTask *t = (MigrateTask *)task;
        QemuMigration *m = qemu_migration(task->dom);

        if (r < 0) {
                if (m)
                        m->in_qemu = false;
                gave_up(t, r, vh_error_copy(err));
        } else
                qemu_migrate_follow(t, moved);
}

static int check_aborted(const QemuMigration *m, VhError **err)
{
        return m->aborted ? vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_ABORTED,
                                         "job 'migration out' canceled by client")
                          : 0;
}

static void migrate(MigrateTask *t, const char *uri)
{
        QemuMigration *m = qemu_migration(t->task.dom);
        int resume = qemu_migrate_is_resume(&t->params);
        VhError *err = NULL;
        int r = check_aborted(m, &err);

        if (r < 0) {
                gave_up(t, r, err);
                return;
        }
        m->status = resume ? QEMU_MOVE_POSTCOPY_RECOVER : QEMU_MOVE_NONE;
        m->in_qemu = true;
        qemu_run_log_say(qemu_process(t->task.dom), "initiating migration\n");
        qemu_task_qmp_try(&t->task,
                          qmp_command("migrate", "{s:b, s:b, s:s}", "detach", 1, "resume", resume, "uri", uri),
                          sent_off);
}

static void got_fd(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        if (r < 0)
                gave_up((MigrateTask *)task, r, vh_error_copy(err));
        else
                migrate((MigrateTask *)task, "fd:" FD_NAME);
}

static void hand_over_fd(MigrateTask *t)
{
        qemu_task_qmp_fd(&t->task, qmp_command("getfd", "{s:s}", "fdname", FD_NAME), VH_TAKE_FD(t->fd), got_fd);
}

/* ---- the connection ---- */

static void connected(void *data, int fd, VhError *err);

/* A target that does not answer is waited for only as long as somebody wants that. */
static void dial_aborted(MigrateTask *t)
{
        VhError *err = NULL;
        int r = check_aborted(qemu_migration(t->task.dom), &err);

        if (r == 0)
                return;
        t->dial = qemu_dial_cancel(t->dial);
        gave_up(t, r, err);
}

static void dial(MigrateTask *t, const QemuDialTo *to)
{
        QemuMigration *m = qemu_migration(t->task.dom);

        m->task = t;
        t->moved = dial_aborted;
        t->dial = qemu_dial(t->task.driver, to, connected, t);
        dial_aborted(t);
}

static void connected(void *data, int fd, VhError *err)
{
        MigrateTask *t = data;
        QemuMigration *m = qemu_migration(t->task.dom);

        t->dial = NULL;
        if (m)
                m->task = NULL;
        if (fd < 0) {
                gave_up(t, fd, err);
                return;
        }
        t->fd = fd;
        hand_over_fd(t);
}

static void connect_target(MigrateTask *t)
{
        _qemu_migrate_address_ QemuMigrateAddress a;
        VhError *err = NULL;
        int r = qemu_migrate_address_parse(&a, t->params.uri, &err);

        if (r < 0)
                gave_up(t, r, err);
        else if (a.scheme == QEMU_MIGRATE_RDMA || t->params.flags & VIR_MIGRATE_PARALLEL) {
                /* QEMU makes these itself: one of several, or one that no descriptor stands for. */
                _vh_free_ char *uri = qemu_migrate_address_qemu(&a);

                migrate(t, uri);
        } else {
                const QemuDialTo to = { a.scheme == QEMU_MIGRATE_UNIX ? QEMU_DIAL_UNIX : QEMU_DIAL_TCP, a.host, a.port,
                                        .path = a.path };

                dial(t, &to);
        }
}

/* ---- before it ---- */

static void storage_copied(MigrateTask *t, int r, const VhError *err)
{
        if (r < 0)
                gave_up(t, r, vh_error_copy(err));
        else if (t->fd >= 0)
                hand_over_fd(t);
        else
                connect_target(t);
}

/* The name that a certificate of the target must have. */
static void name_tls_peer(MigrateTask *t)
{
        _qemu_migrate_address_ QemuMigrateAddress a = { 0 };

        if (!(t->params.flags & VIR_MIGRATE_TLS) || t->params.tls_destination || !t->params.uri ||
            qemu_migrate_address_parse(&a, t->params.uri, NULL) < 0 || !a.host)
                return;
        t->tls_peer = VH_TAKE_PTR(a.host);
        t->params.tls_destination = t->tls_peer;
}

static void set_up(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        MigrateTask *t = (MigrateTask *)task;

        if (r < 0)
                gave_up(t, r, vh_error_copy(err));
        else {
                qemu_migrate_relocate(t);
                qemu_storage_copy(t, storage_copied);
        }
}

static void stopped(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        MigrateTask *t = (MigrateTask *)task;

        if (r < 0)
                gave_up(t, r, vh_error_copy(err));
        else
                qemu_migrate_setup(t, set_up);
}

static void perform(MigrateTask *t)
{
        QemuProcess *proc = qemu_process(t->task.dom);
        QemuMigration *m = proc->moving;
        VhError *err = NULL;
        int r = qemu_migrate_check_postcopy(t->task.dom, &t->params, &err);

        if (r == 0 && !t->params.uri && t->fd < 0)
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "no migration URI passed");
        if (r < 0) {
                gave_up(t, r, err);
                return;
        }
        m->aborted = false;
        m->performing = t;
        qemu_migration_set_phase(m, QEMU_PHASE_PERFORM3);
        qemu_stats_start(&m->stats, VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT);
        name_tls_peer(t);
        qemu_migrate_watch(t, ended_by_itself);
        if (t->params.flags & VIR_MIGRATE_LIVE || t->task.dom->state != VIR_DOMAIN_RUNNING) {
                qemu_migrate_setup(t, set_up);
                return;
        }
        proc->pause_reason = VIR_DOMAIN_PAUSED_MIGRATION;
        qemu_task_qmp_try(&t->task, qmp_command("stop", NULL), stopped);
}

/* QEMU has been told everything but where the target is now. */
static void perform_resume(MigrateTask *t)
{
        QemuMigration *m = qemu_migration(t->task.dom);
        VhError *err = NULL;
        int r = 0;

        if (m->phase != QEMU_PHASE_BEGIN_RESUME)
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                 "resuming the migration of domain '%s' has not begun", t->task.dom->node.name);
        else if (!t->params.uri)
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "no migration URI passed");
        if (r < 0) {
                qemu_task_end(&t->task, r, err);
                return;
        }
        m->aborted = false;
        m->performing = t;
        qemu_migration_set_phase(m, QEMU_PHASE_PERFORM_RESUME);
        qemu_migrate_watch(t, ended_by_itself);
        connect_target(t);
}

static void perform_run(QemuTask *task)
{
        MigrateTask *t = (MigrateTask *)task;
        VhError *err = NULL;

        if (!qemu_migration_need(task->dom, false, &err))
                qemu_task_end(task, -EINVAL, err);
        else if (qemu_migrate_is_resume(&t->params))
                perform_resume(t);
        else
                perform(t);
}

/* Nobody began it before. */
static void perform_job_run(QemuTask *task)
{
        MigrateTask *t = (MigrateTask *)task;
        VhError *err = NULL;
        int r = qemu_migrate_check_client(t, &err);

        if (r == 0)
                r = qemu_migrate_check(task->dom, &t->params, &err);
        if (r == 0)
                r = qemu_migrate_check_guest(task->dom, &t->params, NULL, &err);
        if (r < 0) {
                qemu_task_end(task, r, err);
                return;
        }
        qemu_migration_begin(task, false, QEMU_PHASE_BEGIN3, t->params.flags)->conn = t->conn;
        perform(t);
}

static void perform_cleanup(QemuTask *task)
{
        MigrateTask *t = (MigrateTask *)task;

        qemu_dial_cancel(t->dial);
        if (t->fd >= 0)
                close(t->fd);
        free(t->tls_peer);
        qemu_migrate_performed(t);
        qemu_migrate_cleanup(task);
}

const QemuTaskClass qemu_perform_class = {
        .api = "remoteDispatchDomainMigratePerform3Params",
        .size = sizeof(MigrateTask),
        .job = QEMU_JOB_NONE,
        .need_active = true,
        .run = perform_run,
        .cleanup = perform_cleanup,
};

const QemuTaskClass qemu_perform_job_class = {
        .api = "remoteDispatchDomainMigratePerform3Params",
        .size = sizeof(MigrateTask),
        .job = QEMU_JOB_ASYNC,
        .async = QEMU_ASYNC_MIGRATION_OUT,
        .need_active = true,
        .run = perform_job_run,
        .cleanup = perform_cleanup,
};
