/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Starting guests, and what changes whether their processors run. */

#include <errno.h>

#include "guest-locks.h"
#include "base/log.h"
#include "process.h"
#include "qemu-ops.h"
#include "task.h"

VH_LOG_SOURCE("qemu.life");

/* ---- start ---- */

typedef struct StartTask {
        QemuTask task;
        uint32_t flags;              /* of the call */
        remote_nonnull_domain *wire; /* in the reply; NULL: none */
} StartTask;

static void started(void *data, int r, const VhError *err)
{
        StartTask *start = data;

        if (r == 0 && start->wire)
                vh_domain_obj_wire(start->task.dom, start->wire);
        qemu_task_end(&start->task, r, vh_error_copy(err));
}

/* What of a call's flags is the process' affair. */
static unsigned start_flags(uint32_t flags)
{
        return (flags & VIR_DOMAIN_START_AUTODESTROY ? QEMU_START_AUTODESTROY : 0) |
               (flags & VIR_DOMAIN_START_RESET_NVRAM ? QEMU_START_RESET_NVRAM : 0);
}

static void start_run(QemuTask *task)
{
        StartTask *start = (StartTask *)task;
        QemuStart args = {
                .driver = task->driver,
                .dom = task->dom,
                .call = task->call,
                .started_detail = VIR_DOMAIN_EVENT_STARTED_BOOTED,
                .running_reason = VIR_DOMAIN_RUNNING_BOOTED,
                .done = started,
                .data = start,
        };
        VhError *err = NULL;
        int r = vh_domain_obj_check_inactive(task->dom, VIR_FROM_QEMU, &err);

        if (r < 0) {
                qemu_task_end(task, r, err);
                return;
        }
        args.flags = start_flags(start->flags) | (start->flags & VIR_DOMAIN_START_PAUSED ? QEMU_START_PAUSED : 0);
        qemu_process_start(&args);
}

static const QemuTaskClass start_class = {
        .api = "remoteDispatchDomainCreate",
        .size = sizeof(StartTask),
        .job = QEMU_JOB_ASYNC,
        .async = QEMU_ASYNC_START,
        .run = start_run,
};

static int start_domain(QemuDriver *driver, VhCall *call, VhDomainObj *dom, uint32_t flags, remote_nonnull_domain *wire)
{
        StartTask *start = (StartTask *)qemu_task_new(driver, dom, call, &start_class);

        start->flags = flags;
        start->wire = wire;
        return qemu_task_go(&start->task);
}

void qemu_autostart_domain(QemuDriver *driver, VhDomainObj *dom)
{
        _vh_error_ VhError *err = NULL;

        if (vh_domain_obj_active(dom))
                return;
        if (!dom->has_managed_save)
                start_domain(driver, NULL, dom, 0, NULL);
        else if (qemu_restore_managed(NULL, driver, dom, false, 0, NULL, &err) < 0)
                vh_log_error("domain '%s' is not started: %s", dom->node.name, vh_error_text(err, 0));
}

enum {
        START_FLAGS = VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_AUTODESTROY | VIR_DOMAIN_START_BYPASS_CACHE |
                      VIR_DOMAIN_START_FORCE_BOOT | VIR_DOMAIN_START_RESET_NVRAM,
        CREATE_XML_FLAGS = VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_AUTODESTROY | VIR_DOMAIN_START_VALIDATE |
                           VIR_DOMAIN_START_RESET_NVRAM,
};

static int create(VhCall *call, const remote_nonnull_domain *from, uint32_t flags, remote_nonnull_domain *wire,
                  VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, from, err);
        int r;

        if (!dom)
                return -ENOENT;
        r = vh_check_flags(flags, START_FLAGS, VIR_FROM_QEMU, "qemuDomainCreateWithFlags", err);
        if (r == 0)
                r = vh_domain_obj_check_inactive(dom, VIR_FROM_QEMU, err);
        if (r < 0)
                return r;
        if (dom->has_managed_save && !(flags & VIR_DOMAIN_START_FORCE_BOOT))
                return qemu_restore_managed(call, qemu_driver(call), dom, flags & VIR_DOMAIN_START_PAUSED,
                                            start_flags(flags), wire, err);
        return start_domain(qemu_driver(call), call, dom, flags, wire);
}

QEMU_OP(domain_create)
{
        return create(call, &args->dom, 0, NULL, err);
}

QEMU_OP_RET(domain_create_with_flags)
{
        return create(call, &args->dom, args->flags, &ret->dom, err);
}

int qemu_place_running(QemuDriver *driver, VhDomainDef **def, VhDomainObj **ret, VhError **err)
{
        VhDomainObj *dom = vh_domain_by_uuid(&driver->domains, (*def)->uuid);
        VhDomainObj *named = vh_domain_by_name(&driver->domains, (*def)->name);
        char uuid[VH_UUID_TEXT_LEN + 1];

        if (dom && dom != named)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_FAILED,
                                    "domain '%s' is already defined with uuid %s", dom->node.name,
                                    vh_uuid_format((*def)->uuid, uuid));
        if (named && named != dom)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_FAILED,
                                    "domain '%s' already exists with uuid %s", named->node.name,
                                    vh_uuid_format(named->node.uuid, uuid));
        if (dom && vh_domain_obj_active(dom))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_INVALID, "domain '%s' is already active",
                                    dom->node.name);
        if (dom) {
                qemu_drop_text(driver, dom);
                dom->new_def = dom->def;
                dom->def = VH_TAKE_PTR(*def);
        } else
                dom = vh_domain_list_add(&driver->domains, VH_TAKE_PTR(*def));
        *ret = dom;
        return 0;
}

void qemu_unplace(QemuDriver *driver, VhDomainObj *dom)
{
        qemu_drop_text(driver, dom);
        vh_domain_obj_end_run(dom);
        if (!dom->persistent)
                vh_domain_list_remove(&driver->domains, dom);
}

static int create_xml(VhCall *call, const char *xml, uint32_t flags, remote_nonnull_domain *wire, VhError **err)
{
        QemuDriver *driver = qemu_driver(call);
        _vh_domain_def_ VhDomainDef *def = NULL;
        VhDomainObj *dom = NULL;
        int r = vh_check_flags(flags, CREATE_XML_FLAGS, VIR_FROM_QEMU, "qemuDomainCreateXML", err);

        if (r == 0)
                r = qemu_parse(driver, xml, VH_XML_STRICT, &def, err);
        if (r == 0)
                r = vh_persist_check_name(def->name, VIR_FROM_QEMU, err);
        if (r == 0)
                r = qemu_place_running(driver, &def, &dom, err);
        return r < 0 ? r : start_domain(driver, call, dom, flags, wire);
}

QEMU_OP_RET(domain_create_xml)
{
        return create_xml(call, args->xml_desc, args->flags, &ret->dom, err);
}

/* ---- stop ---- */

typedef struct DestroyTask {
        QemuTask task;
        bool graceful;
        VhSource *timer;
} DestroyTask;

enum { GRACEFUL_TIME = 15 * 1000 * 1000 }; /* microseconds until a graceful destroy gives up, as in the reference */

static void destroyed(QemuTask *task)
{
        qemu_task_end(task, 0, NULL);
}

static void not_destroyed(void *data)
{
        DestroyTask *destroy = data;
        const QemuProcess *proc = qemu_process(destroy->task.dom);
        VhError *err = NULL;
        int r = vh_error_sys(&err, VIR_FROM_QEMU, EBUSY, "Failed to terminate process %d with SIGTERM",
                             proc ? (int)proc->pid : 0);

        qemu_task_stop_waiting(&destroy->task);
        qemu_task_end(&destroy->task, r, err);
}

static void destroy_run(QemuTask *task)
{
        DestroyTask *destroy = (DestroyTask *)task;

        qemu_process_kill(qemu_process(task->dom), destroy->graceful ? QEMU_KILL_GRACEFUL : QEMU_KILL_FORCE,
                          VIR_DOMAIN_SHUTOFF_DESTROYED, VIR_DOMAIN_EVENT_STOPPED_DESTROYED);
        if (destroy->graceful)
                destroy->timer = vh_loop_add_timer(task->driver->env.loop, GRACEFUL_TIME, not_destroyed, destroy);
        qemu_task_wait_stopped(task, destroyed);
}

static void destroy_cleanup(QemuTask *task)
{
        vh_source_free(((DestroyTask *)task)->timer);
}

/* Does not wait for its turn: whoever has the job now waits for a process that is about to end. */
static const QemuTaskClass destroy_class = {
        .api = "remoteDispatchDomainDestroyFlags",
        .size = sizeof(DestroyTask),
        .job = QEMU_JOB_NONE,
        .need_active = true,
        .run = destroy_run,
        .cleanup = destroy_cleanup,
};

static int init_graceful(QemuTask *task, VhError **err)
{
        ((DestroyTask *)task)->graceful = true;
        return 0;
}

QEMU_OP(domain_destroy)
{
        return qemu_task_start(call, &args->dom, &destroy_class, NULL, err);
}

QEMU_OP(domain_destroy_flags)
{
        int r = vh_check_flags(args->flags, VIR_DOMAIN_DESTROY_GRACEFUL, VIR_FROM_QEMU, "qemuDomainDestroyFlags", err);

        if (r < 0)
                return r;
        return qemu_task_start(call, &args->dom, &destroy_class,
                               args->flags & VIR_DOMAIN_DESTROY_GRACEFUL ? init_graceful : NULL, err);
}

/* ---- reset ---- */

static void finished(QemuTask *task, json_t *ret)
{
        qemu_status_save(task->dom);
        qemu_task_end(task, 0, NULL);
}

static void reset_run(QemuTask *task)
{
        QemuProcess *proc = qemu_process(task->dom);

        proc->fake_reboot = false;
        qemu_task_qmp(task, qmp_command("system_reset", NULL), finished);
}

static const QemuTaskClass reset_class = {
        .api = "remoteDispatchDomainReset",
        .size = sizeof(QemuTask),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = reset_run,
};

QEMU_OP(domain_reset)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainReset", err);

        return r < 0 ? r : qemu_task_start(call, &args->dom, &reset_class, NULL, err);
}

/* ---- pause ---- */

static int pm_suspended(VhError **err)
{
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID, "domain is pmsuspended");
}

static void suspend_run(QemuTask *task)
{
        VhError *err = NULL;

        if (task->dom->state == VIR_DOMAIN_PMSUSPENDED) {
                int r = pm_suspended(&err);

                qemu_task_end(task, r, err);
        } else if (task->dom->state == VIR_DOMAIN_PAUSED)
                qemu_task_end(task, 0, NULL);
        else {
                qemu_process(task->dom)->pause_reason = VIR_DOMAIN_PAUSED_USER;
                qemu_task_qmp(task, qmp_command("stop", NULL), finished);
        }
}

static const QemuTaskClass suspend_class = {
        .api = "remoteDispatchDomainSuspend",
        .size = sizeof(QemuTask),
        .job = QEMU_JOB_SUSPEND,
        .need_active = true,
        .run = suspend_run,
};

QEMU_OP(domain_suspend)
{
        return qemu_task_start(call, &args->dom, &suspend_class, NULL, err);
}

/* Why a domain in this state cannot be made to run; 0: it can. */
static int check_resumable(int state, VhError **err)
{
        switch (state) {
        case VIR_DOMAIN_PMSUSPENDED:
                return pm_suspended(err);
        case VIR_DOMAIN_RUNNING:
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID, "domain is already running");
        default:
                return 0;
        }
}

static void resumed(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        qemu_status_save(task->dom);
        qemu_task_end(task, r, vh_error_copy(err));
}

static void resume_run(QemuTask *task)
{
        VhError *err = NULL;
        int r = check_resumable(task->dom->state, &err);

        if (r < 0)
                qemu_task_end(task, r, err);
        else
                qemu_task_cont(task, VIR_DOMAIN_RUNNING_UNPAUSED, resumed);
}

static const QemuTaskClass resume_class = {
        .api = "remoteDispatchDomainResume",
        .size = sizeof(QemuTask),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = resume_run,
};

QEMU_OP(domain_resume)
{
        return qemu_task_start(call, &args->dom, &resume_class, NULL, err);
}
