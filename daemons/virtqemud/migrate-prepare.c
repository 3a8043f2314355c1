/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Prepare: the target starts a QEMU that waits for the guest's memory. */

#include <errno.h>

#include "api.h"
#include "migrate-address.h"
#include "migrate-bitmaps.h"
#include "migrate-graphics.h"
#include "migrate-images.h"
#include "migrate-resume.h"
#include "migrate-storage.h"
#include "migrate-tunnel.h"
#include "migrate.h"
#include "model/domain-tune.h"
#include "script.h"
#include "qemu-ops.h"

/* The process is of no use any more; who waits for its end goes on in then(). */
static void kill_incoming(MigrateTask *t, int r, const VhError *err, void (*then)(QemuTask *task))
{
        QemuProcess *proc = qemu_process(t->task.dom);

        t->result = r;
        t->error = vh_error_copy(err);
        if (proc)
                qemu_process_kill(proc, QEMU_KILL_NOW, VIR_DOMAIN_SHUTOFF_FAILED, VIR_DOMAIN_EVENT_STOPPED_FAILED);
        qemu_migrate_watch(t, then);
}

static void failed(QemuTask *task)
{
        MigrateTask *t = (MigrateTask *)task;

        qemu_task_end(task, t->result, VH_TAKE_PTR(t->error));
}

static void fail(MigrateTask *t, int r, const VhError *err)
{
        kill_incoming(t, r, err, failed);
}

/* ---- where QEMU listens ---- */

static const char *listen_address(const MigrateTask *t)
{
        const char *address = t->params.listen_address;

        if (!address && t->task.driver->conf)
                (void)vh_conf_get_string(t->task.driver->conf, "migration_address", &address, NULL);
        return address && *address ? address : NULL;
}

static int choose_port(MigrateTask *t, QemuMigration *m, QemuMigrateAddress *a, VhError **err)
{
        int port = qemu_migrate_take_port(t->task.driver, err);

        if (port < 0)
                return port;
        a->port = port;
        m->port = (unsigned)port;
        t->uri_out = qemu_migrate_address_text(a);
        return 0;
}

static int check_address(const MigrateTask *t, const QemuMigrateAddress *a, VhError **err)
{
        const VhDomainDef *def = t->task.dom ? t->task.dom->def : NULL;

        if (a->scheme == QEMU_MIGRATE_UNIX && t->params.flags & QEMU_MIGRATE_STORAGE && !t->params.disks_uri)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                    "NBD URI must be supplied when migration URI uses UNIX transport method");
        if (a->scheme == QEMU_MIGRATE_RDMA && def && !(def->memtune && def->memtune->hard_limit))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "cannot start RDMA migration with no memory hard limit set");
        return 0;
}

/* The client's address, or one of ours. */
int qemu_migrate_choose_address(MigrateTask *t, QemuMigration *m, VhError **err)
{
        _qemu_migrate_address_ QemuMigrateAddress a = { .old_style = true };
        int r = 0;

        if (t->params.uri)
                r = qemu_migrate_address_parse(&a, t->params.uri, err);
        else if (!(a.host = qemu_migrate_hostname(t->task.driver, err)))
                r = -EINVAL;
        if (r == 0)
                r = check_address(t, &a, err);
        if (r == 0 && a.scheme != QEMU_MIGRATE_UNIX && a.port == 0)
                r = choose_port(t, m, &a, err);
        if (r < 0)
                return r;
        vh_strset(&m->listen_path, a.path);
        t->incoming = qemu_migrate_listen_text(&a, listen_address(t));
        return 0;
}

/* ---- the steps ---- */

static void got_caps(QemuTask *task, json_t *ret)
{
        MigrateTask *t = (MigrateTask *)task;
        QemuMigration *m = qemu_migration(task->dom);
        _qemu_cookie_ QemuCookie cookie;

        qemu_cookie_init(&cookie, task->driver->uuid, t->source_name, task->dom->node.uuid);
        qemu_migrate_cookie_graphics(&cookie, task->driver, task->dom->def);
        qemu_migrate_cookie_caps(&cookie, ret, true);
        if (m->nbd_running) {
                cookie.has_nbd = true;
                cookie.nbd_port = (int)m->nbd_port;
                for (size_t i = 0; i < t->in.n_disks; i++)
                        qemu_cookie_add_disk(&cookie, t->in.disks[i].target, t->in.disks[i].capacity);
        }
        for (size_t i = 0; i < t->in.n_bitmaps; i++)
                qemu_cookie_add_bitmap(&cookie, t->in.bitmaps[i].target, t->in.bitmaps[i].name, t->in.bitmaps[i].alias);
        t->cookie_out = qemu_cookie_format(&cookie);
        qemu_process_tell(qemu_process(task->dom), VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_MIGRATED);
        qemu_migration_set_phase(m, QEMU_PHASE_PREPARE);
        qemu_task_end(task, 0, NULL);
}

static void listening(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        if (r < 0)
                fail((MigrateTask *)task, r, err);
        else
                qemu_task_qmp(task, qmp_command("query-migrate-capabilities", NULL), got_caps);
}

static void storage_ready(MigrateTask *t, int r, const VhError *err)
{
        if (r < 0)
                fail(t, r, err);
        else
                qemu_task_qmp_try(&t->task, qmp_command("migrate-incoming", "{s:s}", "uri", t->incoming), listening);
}

static void tunnel_ready(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        MigrateTask *t = (MigrateTask *)task;

        if (r < 0)
                fail(t, r, err);
        else
                qemu_storage_prepare(t, storage_ready);
}

static void set_up(QemuTask *task, json_t *ret, int r, const VhError *error)
{
        MigrateTask *t = (MigrateTask *)task;
        _vh_error_ VhError *err = NULL;

        if (r < 0) {
                fail(t, r, error);
                return;
        }
        if (t->tunnelled) {
                t->incoming = vh_xstrdup("fd:" QEMU_TUNNEL_FD);
                qemu_tunnel_prepare(t, tunnel_ready);
                return;
        }
        r = qemu_migrate_choose_address(t, qemu_migration(task->dom), &err);
        if (r < 0)
                fail(t, r, err);
        else
                qemu_storage_prepare(t, storage_ready);
}

static void got_nodes(QemuTask *task, json_t *ret)
{
        MigrateTask *t = (MigrateTask *)task;

        qemu_migrate_filter_bitmaps(&t->in, task->dom->def, ret);
        qemu_migrate_setup(t, set_up);
}

static void process_up(void *data, int r, const VhError *err)
{
        MigrateTask *t = data;
        _vh_error_ VhError *gone = NULL;
        QemuMigration *m;

        if (r < 0) {
                qemu_task_end(&t->task, r, vh_error_copy(err));
                return;
        }
        r = qemu_migrate_check_client(t, &gone);
        if (r < 0) {
                fail(t, r, gone);
                return;
        }
        qemu_process(t->task.dom)->autodestroy = t->conn;
        m = qemu_migration_begin(&t->task, true, QEMU_PHASE_PREPARE, t->params.flags);
        m->conn = t->conn;
        m->name_there = vh_xstrdup(t->source_name);
        m->images = VH_TAKE_PTR(t->images);
        if (t->in.n_bitmaps)
                qemu_task_qmp(&t->task, qmp_command("query-named-block-nodes", "{s:b}", "flat", 1), got_nodes);
        else
                qemu_migrate_setup(t, set_up);
}

static void start_process(MigrateTask *t)
{
        QemuTask *task = &t->task;
        QemuStart start = {
                .driver = task->driver,
                .dom = task->dom,
                .incoming = "defer",
                .started_detail = VIR_DOMAIN_EVENT_STARTED_MIGRATED,
                .cpu = t->in.cpu,
                .done = process_up,
                .data = t,
        };

        qemu_process_start(&start);
}

static void cannot_start(MigrateTask *t, int r, VhError *err)
{
        qemu_unplace(t->task.driver, t->task.dom);
        qemu_task_end(&t->task, r, err);
}

static void images_made(void *data, int r, const VhError *err)
{
        MigrateTask *t = data;

        if (r < 0)
                cannot_start(t, r, vh_error_copy(err));
        else
                start_process(t);
}

static void make_images(MigrateTask *t)
{
        QemuDriver *driver = t->task.driver;
        VhError *err = NULL;

        t->images = qemu_migrate_images(driver, t->task.dom->def, &t->params, &t->in, &err);
        if (t->images)
                qemu_host_work_go(t->images, driver->pool, images_made, t);
        else
                cannot_start(t, -EINVAL, err);
}

/* The administrator's scripts may have made another definition of the guest's. */
static void filtered(void *data, const char *output, int r, const VhError *error)
{
        MigrateTask *t = data;
        VhError *err = vh_error_copy(error);

        t->script = NULL;
        if (r == 0)
                r = qemu_script_take(t->task.driver, output, &t->task.dom->def, &err);
        if (r < 0)
                cannot_start(t, r, err);
        else
                make_images(t);
}

static void prepare_run(QemuTask *task)
{
        MigrateTask *t = (MigrateTask *)task;
        VhDomainObj *dom = task->dom;
        VhError *err = NULL;
        /* A domain that was made for this holds the definition already. */
        int r = t->def ? qemu_place_running(task->driver, &t->def, &dom, &err) : 0;

        if (r < 0) {
                qemu_task_end(task, r, err);
                return;
        }
        t->script = qemu_script_run(task->driver, dom->def, QEMU_SCRIPT_ARRIVING, "migrate", "begin", filtered, t);
        if (!t->script)
                make_images(t);
}

static void prepare_cleanup(QemuTask *task)
{
        MigrateTask *t = (MigrateTask *)task;

        qemu_script_forget(t->script);
        qemu_host_work_drop(t->images, true);
        free(t->source_name);
        qemu_migrate_cleanup(task);
}

const QemuTaskClass qemu_prepare_class = {
        .api = "remoteDispatchDomainMigratePrepare3Params",
        .size = sizeof(MigrateTask),
        .job = QEMU_JOB_ASYNC,
        .async = QEMU_ASYNC_MIGRATION_IN,
        .run = prepare_run,
        .cleanup = prepare_cleanup,
};

/* ---- the call ---- */

static int check_target_flags(const QemuMigrateParams *p, bool tunnelled, VhError **err)
{
        if (tunnelled != !!(p->flags & VIR_MIGRATE_TUNNELLED))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                    tunnelled ? "PrepareTunnel called but no TUNNELLED flag set"
                                              : "Tunnelled migration requested but invalid RPC method called");
        if (!p->dest_xml)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "no domain XML passed");
        return 0;
}

static int check_forced_tls(const QemuDriver *driver, const QemuMigrateParams *p, VhError **err)
{
        bool force = false;

        if (driver->conf)
                (void)vh_conf_get_bool(driver->conf, "migrate_tls_force", &force, NULL);
        if (force && !(p->flags & VIR_MIGRATE_TLS))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_DENIED,
                                    "migrating domain requires usage of TLS, but the VIR_MIGRATE_TLS flag is missing");
        return 0;
}

static int read_def(QemuDriver *driver, const QemuMigrateParams *p, VhDomainDef **def, char **source_name,
                    VhError **err)
{
        int r = qemu_parse(driver, p->dest_xml, 0, def, err);

        if (r < 0)
                return r;
        qemu_drop_run(driver, *def);
        *source_name = vh_xstrdup((*def)->name);
        if (p->dest_name)
                vh_strset(&(*def)->name, p->dest_name);
        return vh_persist_check_name((*def)->name, VIR_FROM_QEMU, err);
}

static int read_cookie(QemuCookie *in, const QemuDriver *driver, const VhDomainDef *def, const char *source_name,
                       const void *cookie, size_t len, VhError **err)
{
        const QemuCookieFor what = { driver->uuid, source_name, def->uuid, QEMU_COOKIE_FOR_PREPARE };

        return qemu_cookie_parse(in, &what, cookie, len, err);
}

/* The domain of the definition: one that is there, or a new one that has it (*def is taken over then). */
static int find_place(QemuDriver *driver, VhDomainDef **def, VhDomainObj **dom, VhError **err)
{
        VhDomainObj *same = vh_domain_by_uuid(&driver->domains, (*def)->uuid);

        if (same && strcmp(same->node.name, (*def)->name) == 0) {
                *dom = same;
                return vh_domain_obj_active(same) ? vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_INVALID,
                                                                 "domain is already active as '%s'", same->node.name)
                                                  : 0;
        }
        return qemu_place_running(driver, def, dom, err);
}

static const QemuTaskClass *class_of(const QemuMigrateParams *p)
{
        if (qemu_migrate_is_resume(p))
                return &qemu_resume_prepare_class;
        return p->flags & VIR_MIGRATE_OFFLINE ? &qemu_offline_prepare_class : &qemu_prepare_class;
}

int qemu_migrate_prepare(VhCall *call, const QemuMigrateParams *p, const void *cookie, size_t len, bool tunnelled,
                         void (*ended)(QemuTask *task, int r, const VhError *err), VhError **err)
{
        QemuDriver *driver = qemu_driver(call);
        _vh_domain_def_ VhDomainDef *def = NULL;
        _vh_free_ char *source_name = NULL;
        QemuCookie in = { 0 };
        VhDomainObj *dom = NULL;
        MigrateTask *t;
        int r = check_target_flags(p, tunnelled, err);

        if (r == 0)
                r = check_forced_tls(driver, p, err);
        if (r == 0)
                r = read_def(driver, p, &def, &source_name, err);
        if (r == 0)
                r = read_cookie(&in, driver, def, source_name, cookie, len, err);
        if (r == 0 && qemu_migrate_is_resume(p))
                dom = vh_domain_find_uuid(&driver->domains, def->uuid, VIR_FROM_QEMU, err);
        else if (r == 0)
                r = find_place(driver, &def, &dom, err);
        if (r == 0 && !dom)
                r = -ENOENT;
        if (r < 0) {
                qemu_cookie_done(&in);
                return r;
        }
        t = qemu_migrate_task(driver, dom, call, class_of(p), p);
        t->in = in;
        t->def = VH_TAKE_PTR(def);
        t->source_name = VH_TAKE_PTR(source_name);
        t->tunnelled = tunnelled;
        t->task.ended = ended;
        return qemu_task_go(&t->task);
}
