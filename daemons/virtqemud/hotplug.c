/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way of a change through QEMU: one command after the other, and back if one fails. */

#include "hotplug.h"

#include <errno.h>

#include "block-job.h"
#include "guest-chains.h"
#include "host-work.h"

static void send_next(QemuChange *change);

/* ---- back ---- */

static void undo_next(QemuTask *task)
{
        QemuChange *change = (QemuChange *)task;

        while (change->next > 0) {
                QemuStep *step = &change->plan.steps[--change->next];

                if (step->undo) {
                        /* That one step back fails does not stop the others. */
                        qmp_send(qemu_process_monitor(task->dom), VH_TAKE_PTR(step->undo), NULL, NULL);
                }
        }
        qemu_task_end(task, change->r, VH_TAKE_PTR(change->error));
}

void qemu_change_fail(QemuChange *change, int r, VhError *err)
{
        change->r = r;
        change->error = err;
        if (change->refused && qemu_process(change->task.dom))
                change->refused(change);
        change->reached = change->next;
        if (!qemu_process_monitor(change->task.dom))
                change->next = 0;
        undo_next(&change->task);
}

/* ---- forth ---- */

static void answered(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        QemuChange *change = (QemuChange *)task;

        if (r < 0 && !change->plan.steps[change->next].optional) {
                qemu_change_fail(change, r, vh_error_copy(err));
                return;
        }
        change->next++;
        if (change->told && r == 0)
                change->told(change, ret);
        send_next(change);
}

void qemu_change_finish(QemuChange *change)
{
        VhError *err = NULL;
        int r = change->config.def ? qemu_edit_commit(&change->config, &err) : 0;

        if (qemu_process(change->task.dom))
                qemu_status_save(change->task.dom);
        qemu_task_end(&change->task, r, err);
}

static void send_next(QemuChange *change)
{
        QemuStep *step = change->plan.steps + change->next;

        if (change->next < change->plan.n && step->fd >= 0) {
                qemu_task_qmp_fd(&change->task, VH_TAKE_PTR(step->cmd), VH_TAKE_FD(step->fd), answered);
                return;
        }
        if (change->next < change->plan.n) {
                qemu_task_qmp_try(&change->task, VH_TAKE_PTR(step->cmd), answered);
                return;
        }
        change->work = qemu_host_work_drop(change->work, false);
        change->resolved = qemu_host_work_drop(change->resolved, false);
        if (change->apply)
                change->apply(change);
        if (change->wait)
                change->wait(change);
        else
                qemu_change_finish(change);
}

int qemu_change_plan(QemuChange *change, QemuChangePart stored, QemuChangePart live, VhError **err)
{
        remote_nonnull_domain wire;
        int r = 0;

        if (change->affect & VIR_DOMAIN_AFFECT_CONFIG) {
                vh_domain_obj_wire(change->task.dom, &wire);
                r = qemu_edit_begin(&change->config, change->task.call, &wire, VIR_DOMAIN_AFFECT_CONFIG, err);
                r = r < 0 ? r : stored(change, err);
        }
        return r < 0 ? r : live(change, err);
}

void qemu_change_ready(QemuChange *change, int r, VhError *err)
{
        if (r < 0)
                qemu_task_end(&change->task, r, err);
        else
                send_next(change);
}

static void host_ready(void *data, int r, const VhError *error)
{
        QemuChange *change = data;
        VhError *err = vh_error_copy(error);

        if (r < 0)
                change->work = qemu_host_work_drop(change->work, false);
        if (r == 0)
                r = vh_domain_obj_check_active(change->task.dom, VIR_FROM_DOMAIN, &err);
        if (r == 0 && change->ready)
                r = change->ready(change, &err);
        if (r != VH_LATER)
                qemu_change_ready(change, r, err);
}

void qemu_change_go(QemuChange *change)
{
        if (change->work)
                qemu_host_work_go(change->work, change->task.driver->pool, host_ready, change);
        else
                host_ready(change, 0, NULL);
}

/* ---- before ---- */

static int adopt_resolved(QemuChange *change, int r, VhError **err)
{
        if (r < 0)
                change->resolved = qemu_host_work_drop(change->resolved, false);
        else
                r = vh_domain_obj_check_active(change->task.dom, VIR_FROM_DOMAIN, err);
        if (r == 0)
                qemu_host_work_adopt(change->resolved, qemu_process(change->task.dom), NULL);
        return r;
}

/* The disk knows what is behind its image. */
static void followed(void *data, int r, const VhError *error)
{
        QemuChange *change = data;
        VhError *err = vh_error_copy(error);

        r = adopt_resolved(change, r, &err);
        change->planned(change, r, err);
}

/* What a disk has already is not opened again. */
static bool has_image(const QemuChange *change)
{
        const VhDisk *disk = change->dev.dev, *have = qemu_disk_find(change->task.dom->def, disk->target);

        return have && vh_streq(have->src.path, disk->src.path);
}

/* The device is what other daemons made of it. */
static void resolved(void *data, int r, const VhError *error)
{
        QemuChange *change = data;
        VhError *err = vh_error_copy(error);

        r = adopt_resolved(change, r, &err);
        if (r < 0 || change->dev.kind != VH_DEVICE_DISK || has_image(change)) {
                change->planned(change, r, err);
                return;
        }
        qemu_host_work_drop(change->resolved, false);
        change->resolved = qemu_host_work_new();
        qemu_chain_want(change->dev.dev, QEMU_CHAIN_JOIN, change->resolved);
        qemu_host_work_go(change->resolved, change->task.driver->pool, followed, change);
}

void qemu_change_resolve(QemuChange *change, void (*planned)(QemuChange *change, int r, VhError *err))
{
        change->planned = planned;
        qemu_host_work_go(change->resolved, change->task.driver->pool, resolved, change);
}

/* ---- the task ---- */

void qemu_change_cleanup(QemuTask *task)
{
        QemuChange *change = (QemuChange *)task;

        qemu_host_work_drop(change->work, true);
        qemu_host_work_drop(change->resolved, true);
        free(change->xml);
        free(change->alias);
        qemu_plan_done(&change->plan);
        qemu_edit_done(&change->config);
        vh_domain_def_free(change->live);
        vh_device_done(&change->dev);
        vh_error_free(change->error);
}

int qemu_change_start(VhCall *call, VhDomainObj *dom, const QemuTaskClass *class, const char *xml, const char *alias,
                      uint32_t affect, uint32_t flags)
{
        QemuChange *change = (QemuChange *)qemu_task_new(qemu_driver(call), dom, call, class);

        change->xml = vh_xstrdup(xml);
        change->alias = vh_xstrdup(alias);
        change->affect = affect;
        change->flags = flags;
        return qemu_task_go(&change->task);
}

QemuBuild qemu_change_build(QemuProcess *proc, const VhDomainDef *def, QemuLaunch *launch, VhError **err)
{
        *launch = (QemuLaunch){
                .env = &proc->driver->env,
                .conf = proc->driver->conf,
                .lib_dir = proc->lib_dir,
                .channel_dir = proc->channel_dir,
                .monitor_path = proc->monitor_path,
                .monitor_fd = -1,
                .master_key = proc->master_key,
        };
        return (QemuBuild){ def, proc->caps, launch, NULL, err };
}

typedef struct PlaceSearch {
        VhDeviceKind kind;
        const void *dev;
        int place;
} PlaceSearch;

static int count_place(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        PlaceSearch *search = opaque;

        if (kind != search->kind)
                return 0;
        if (dev == search->dev)
                return 1;
        search->place++;
        return 0;
}

int qemu_device_place(const VhDomainDef *def, VhDeviceKind kind, const void *dev)
{
        PlaceSearch search = { kind, dev, 0 };

        return vh_domain_each_device(def, count_place, &search) ? search.place : -1;
}
