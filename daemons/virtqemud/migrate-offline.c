/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Guests that do not run: only their definition moves. The target keeps it aside until the end. */

#include "api.h"
#include "migrate-address.h"
#include "migrate.h"
#include "script.h"

static void forget(QemuDriver *driver, VhDomainObj *dom)
{
        QemuDomain *priv = qemu_domain_priv(dom);

        vh_domain_def_free(VH_TAKE_PTR(priv->arriving));
        priv->arriving_conn = NULL;
        if (!dom->persistent && !vh_domain_obj_active(dom)) {
                qemu_drop_text(driver, dom);
                vh_domain_list_remove(&driver->domains, dom);
        }
}

void qemu_migrate_offline_closed(QemuDriver *driver, const VhConn *conn)
{
        VH_REGISTRY_FOREACH(&driver->domains.reg, node)
        {
                VhDomainObj *dom = VH_REG_OBJECT(node, VhDomainObj, node);

                if (conn && dom->priv && qemu_domain_priv(dom)->arriving_conn == conn)
                        forget(driver, dom);
        }
}

/* What arrives: a definition for a guest that is known here, or that of one that was made for it. */
static VhDomainDef **arriving(MigrateTask *t)
{
        return t->def ? &t->def : &t->task.dom->def;
}

static void keep_aside(MigrateTask *t)
{
        QemuTask *task = &t->task;
        QemuDomain *priv = qemu_domain_priv(task->dom);
        _qemu_cookie_ QemuCookie cookie;
        _vh_free_ char *host = qemu_migrate_hostname(task->driver, NULL);

        /* Nothing goes there, but clients want an address. */
        t->uri_out = vh_xasprintf("tcp:%s:0", host ? host : "localhost");
        vh_domain_def_free(priv->arriving);
        priv->arriving = t->def ? VH_TAKE_PTR(t->def) : vh_domain_def_copy(task->dom->def);
        priv->arriving_conn = t->conn;
        qemu_cookie_init(&cookie, task->driver->uuid, t->source_name, task->dom->node.uuid);
        t->cookie_out = qemu_cookie_format(&cookie);
        qemu_task_end(task, 0, NULL);
}

/* The administrator's scripts may have made another definition of it. */
static void filtered(void *data, const char *output, int r, const VhError *error)
{
        MigrateTask *t = data;
        VhError *err = vh_error_copy(error);

        t->script = NULL;
        if (r == 0)
                r = qemu_script_take(t->task.driver, output, arriving(t), &err);
        if (r < 0) {
                forget(t->task.driver, t->task.dom);
                qemu_task_end(&t->task, r, err);
        } else
                keep_aside(t);
}

static void prepare_run(QemuTask *task)
{
        MigrateTask *t = (MigrateTask *)task;

        t->script = qemu_script_run(task->driver, *arriving(t), QEMU_SCRIPT_ARRIVING, "migrate", "begin", filtered, t);
        if (!t->script)
                keep_aside(t);
}

static void prepare_cleanup(QemuTask *task)
{
        MigrateTask *t = (MigrateTask *)task;

        qemu_script_forget(t->script);
        free(t->source_name);
        qemu_migrate_cleanup(task);
}

const QemuTaskClass qemu_offline_prepare_class = {
        .api = "remoteDispatchDomainMigratePrepare3Params",
        .size = sizeof(MigrateTask),
        .job = QEMU_JOB_NONE,
        .run = prepare_run,
        .cleanup = prepare_cleanup,
};

static int keep(QemuDriver *driver, VhDomainObj *dom, VhError **err)
{
        QemuDomain *priv = qemu_domain_priv(dom);
        bool known = dom->persistent;
        remote_nonnull_domain wire;
        int r;

        if (!priv->arriving)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "domain '%s' is not processing incoming migration", dom->node.name);
        r = qemu_store(driver, priv->arriving, err);
        if (r < 0)
                return r;
        qemu_set_def(driver, dom, VH_TAKE_PTR(priv->arriving));
        priv->arriving_conn = NULL;
        dom->persistent = true;
        vh_domain_obj_wire(dom, &wire);
        vh_event_domain_lifecycle(driver->hub, &wire, VIR_DOMAIN_EVENT_DEFINED,
                                  known ? VIR_DOMAIN_EVENT_DEFINED_UPDATED : VIR_DOMAIN_EVENT_DEFINED_ADDED);
        return 0;
}

static void finish_run(QemuTask *task)
{
        MigrateTask *t = (MigrateTask *)task;
        VhError *err = VH_TAKE_PTR(t->error);
        int r = t->result;

        if (t->cancelled || r < 0)
                forget(task->driver, task->dom);
        if (t->cancelled) {
                vh_error_clear(&err);
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_MIGRATE_FINISH_OK, NULL);
        } else if (r == 0)
                r = keep(task->driver, task->dom, &err);
        qemu_task_end(task, r, err);
}

const QemuTaskClass qemu_offline_finish_class = {
        .api = "remoteDispatchDomainMigrateFinish3Params",
        .size = sizeof(MigrateTask),
        .job = QEMU_JOB_NONE,
        .run = finish_run,
        .cleanup = qemu_migrate_cleanup,
};

static void confirm_run(QemuTask *task)
{
        const MigrateTask *t = (MigrateTask *)task;
        VhError *err = NULL;
        int r = 0;

        if (!t->cancelled && t->params.flags & VIR_MIGRATE_UNDEFINE_SOURCE && task->dom->persistent)
                r = qemu_forget_def(task->driver, task->dom, true, &err);
        qemu_task_end(task, r, err);
}

const QemuTaskClass qemu_offline_confirm_class = {
        .api = "remoteDispatchDomainMigrateConfirm3Params",
        .size = sizeof(MigrateTask),
        .job = QEMU_JOB_NONE,
        .run = confirm_run,
        .cleanup = qemu_migrate_cleanup,
};
