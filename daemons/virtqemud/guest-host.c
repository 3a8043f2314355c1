/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's part in the life of a run. */

#include "guest-host.h"

#include "guest-chains.h"
#include "guest-secrets.h"
#include "guest-volumes.h"
#include "guest-ports.h"
#include "helpers.h"
#include "run-steps.h"

/* ---- what other daemons say of the definition, and then what images say of others ---- */

/* Returns 0 if there is nothing to do. */
static int work_on(QemuProcess *proc, QemuHostWorkFn fn)
{
        if (qemu_host_work_empty(proc->work)) {
                proc->work = qemu_host_work_drop(proc->work, false);
                return 0;
        }
        qemu_host_work_go(proc->work, proc->driver->pool, fn, proc);
        return VH_LATER;
}

static void adopt_work(QemuProcess *proc, int r)
{
        if (r == 0)
                qemu_host_work_adopt(proc->work, proc, NULL);
        proc->work = qemu_host_work_drop(proc->work, false);
}

static void followed(void *data, int r, const VhError *err)
{
        QemuProcess *proc = data;
        VhError *why = vh_error_copy(err);

        adopt_work(proc, r);
        qemu_run_step_done(proc, r, why);
}

static int follow_images(QemuProcess *proc)
{
        const VhDomainDef *def = proc->dom->def;

        proc->work = qemu_host_work_new();
        for (uint32_t i = 0; i < def->disks.n; i++)
                qemu_chain_want(def->disks.items[i], proc->arrives ? QEMU_CHAIN_ARRIVAL : QEMU_CHAIN_START, proc->work);
        return work_on(proc, followed);
}

static void resolved(void *data, int r, const VhError *err)
{
        QemuProcess *proc = data;
        VhError *why = vh_error_copy(err);

        adopt_work(proc, r);
        if (r == 0)
                r = follow_images(proc);
        if (r != VH_LATER)
                qemu_run_step_done(proc, r, why);
}

static int resolve(QemuProcess *proc, VhError **err)
{
        const VhDomainDef *def = proc->dom->def;
        int r;

        proc->work = qemu_host_work_new();
        for (uint32_t i = 0; i < def->disks.n; i++)
                if (qemu_disk_wants_volume(def->disks.items[i]))
                        qemu_volume_want(proc, def->disks.items[i], proc->work);
        for (uint32_t i = 0; i < def->nets.n; i++)
                if (qemu_net_wants_port(def->nets.items[i]))
                        qemu_port_want(proc, def->nets.items[i], proc->work);
        r = work_on(proc, resolved);
        return r == 0 ? follow_images(proc) : r;
}

/* ---- before ---- */

/* Programs beside the guest. */
static int (*const helpers[])(QemuProcess *, QemuHostWork *, VhError **) = { qemu_tpms_want, qemu_filesystems_want,
                                                                             qemu_reservations_want };

static int want_all(QemuProcess *proc, VhError **err)
{
        int r = qemu_guest_nets_want(proc, proc->work, err);

        qemu_secrets_want(proc->launch, proc->dom->def, proc->work);

        for (size_t i = 0; r == 0 && i < VH_ARRAY_SIZE(helpers); i++)
                r = helpers[i](proc, proc->work, err);
        return r;
}

static void made(void *data, int r, const VhError *err)
{
        QemuProcess *proc = data;
        VhError *why = vh_error_copy(err);

        if (r == 0) {
                qemu_host_work_adopt(proc->work, proc, proc->launch);
                proc->host_made = true;
        }
        proc->work = qemu_host_work_drop(proc->work, false);
        proc->launch = NULL;
        qemu_run_step_done(proc, r, why);
}

static int prepare(QemuProcess *proc, QemuLaunch *launch, VhError **err)
{
        int r;

        proc->work = qemu_host_work_new();
        proc->launch = launch;
        qemu_guest_logs_want(proc, proc->work);
        r = want_all(proc, err);
        if (r < 0 || qemu_host_work_empty(proc->work)) {
                proc->work = qemu_host_work_drop(proc->work, false);
                return r;
        }
        /* A daemon that dies now leaves word of what the worker makes. */
        qemu_status_save(proc->dom);
        qemu_host_work_go(proc->work, proc->driver->pool, made, proc);
        return VH_LATER;
}

/* ---- after ---- */

static void left(void *data, int r, const VhError *err)
{
        QemuProcess *proc = data;

        proc->work = qemu_host_work_drop(proc->work, false);
        qemu_run_step_done(proc, 0, NULL);
}

/* What the guest needed is what has to end. */
static void leave_all(QemuProcess *proc)
{
        qemu_guest_nets_leave(proc, proc->work);
        for (size_t i = 0; i < VH_ARRAY_SIZE(helpers); i++)
                (void)helpers[i](proc, proc->work, NULL);
}

/* A start that failed before all was made has taken back what it made, but for what was there before. The last goes
 * first. */
static int ended(QemuProcess *proc, VhError **err)
{
        const VhDomainDef *def = proc->dom->def;

        proc->work = qemu_host_work_new();
        for (uint32_t i = 0; i < def->nets.n; i++)
                if (qemu_net_has_port(def->nets.items[i]))
                        qemu_port_leave(proc, def->nets.items[i], proc->work);
        if (!proc->starting || proc->host_made)
                leave_all(proc);
        if (qemu_host_work_empty(proc->work)) {
                proc->work = qemu_host_work_drop(proc->work, false);
                return 0;
        }
        qemu_host_work_undo(proc->work, proc->driver->pool, left, proc);
        return VH_LATER;
}

static void cancel(QemuProcess *proc)
{
        proc->work = qemu_host_work_drop(proc->work, true);
}

const QemuRunHooks qemu_host_hooks = {
        .name = "cannot prepare the host",
        .resolve = resolve,
        .prepare = prepare,
        .ended = ended,
        .cancel = cancel,
};
