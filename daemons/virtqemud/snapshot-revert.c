/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Back to a snapshot: the guest starts over with the definition, disks and memory that it had then. */

#include <errno.h>

#include "guest-cpu.h"
#include "guest-locks.h"
#include "moment.h"
#include "qemu-ops.h"

typedef struct RevertTask {
        QemuTask task;
        char *name;
        uint32_t flags;
        bool ran;    /* the snapshot has memory */
        bool paused; /* what it comes back as */
        bool start;
        VhCpu *cpu; /* that the guest had; NULL: not told */
} RevertTask;

static void revert_cleanup(QemuTask *task)
{
        RevertTask *rt = (RevertTask *)task;

        vh_cpu_free(rt->cpu);
        free(rt->name);
}

static VhMoment *moment_of(const RevertTask *rt)
{
        return vh_moment_find(&rt->task.dom->snapshots, rt->name);
}

static int lost(VhError **err)
{
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "the snapshot went away meanwhile");
}

/* ---- the definition ---- */

/* A persistent guest has the stored definition of then again. */
static int restore_def(RevertTask *rt, const VhSnapshot *snap, VhError **err)
{
        QemuDriver *driver = rt->task.driver;
        VhDomainObj *dom = rt->task.dom;
        VhDomainDef *def = vh_domain_def_copy(snap->inactive ? snap->inactive : snap->dom);
        int r = dom->persistent ? qemu_store(driver, def, err) : 0;

        if (r == 0)
                qemu_set_def(driver, dom, VH_TAKE_PTR(def));
        vh_domain_def_free(def);
        return r;
}

/* What runs is the definition of then; what is stored comes back when the guest ends. */
static void use_live_def(RevertTask *rt, const VhSnapshot *snap)
{
        VhDomainObj *dom = rt->task.dom;

        if (!rt->ran || !snap->inactive)
                return;
        dom->new_def = dom->def;
        dom->def = vh_domain_def_copy(snap->dom);
}

/* ---- the end ---- */

static void finish(RevertTask *rt, int r, VhError *err)
{
        QemuTask *task = &rt->task;
        VhMoment *m = moment_of(rt);
        remote_nonnull_domain wire;

        if (r == 0 && m)
                qemu_moment_set_current(task->driver, task->dom, QEMU_SNAPSHOTS, m);
        if (r == 0 && task->dom->persistent) {
                vh_domain_obj_wire(task->dom, &wire);
                vh_event_domain_lifecycle(task->driver->hub, &wire, VIR_DOMAIN_EVENT_DEFINED,
                                          VIR_DOMAIN_EVENT_DEFINED_FROM_SNAPSHOT);
        }
        qemu_status_save(task->dom);
        qemu_task_end(task, r, err);
}

static void went_on(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        finish((RevertTask *)task, r, vh_error_copy(err));
}

static void process_up(void *data, int r, const VhError *error)
{
        RevertTask *rt = data;
        QemuProcess *proc = qemu_process(rt->task.dom);
        VhError *err = vh_error_copy(error);

        if (r == 0 && rt->ran && !rt->paused) {
                qemu_task_cont(&rt->task, VIR_DOMAIN_RUNNING_FROM_SNAPSHOT, went_on);
                return;
        }
        if (r == 0 && !rt->ran && rt->paused)
                vh_domain_obj_set_state(rt->task.dom, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER);
        if (r == 0 && rt->paused)
                qemu_process_tell(proc, VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_FROM_SNAPSHOT);
        finish(rt, r, err);
}

static void start(RevertTask *rt)
{
        QemuStart args = {
                .driver = rt->task.driver,
                .dom = rt->task.dom,
                .flags = rt->ran || rt->paused ? QEMU_START_PAUSED : 0,
                .loadvm = rt->ran ? rt->name : NULL,
                .cpu = rt->cpu,
                .from_snapshot = rt->ran || rt->paused,
                .started_detail = VIR_DOMAIN_EVENT_STARTED_FROM_SNAPSHOT,
                .running_reason = VIR_DOMAIN_RUNNING_BOOTED,
                .done = process_up,
                .data = rt,
        };

        qemu_process_start(&args);
}

/* ---- the disks of a guest that did not run ---- */

/* Its guest has ended, and does not come back. err is taken over. */
static void give_up(RevertTask *rt, int r, VhError *err)
{
        QemuDriver *driver = rt->task.driver;
        VhDomainObj *dom = rt->task.dom;

        if (!dom->persistent) {
                qemu_moments_remove_all(driver, dom, QEMU_SNAPSHOTS);
                qemu_moments_remove_all(driver, dom, QEMU_CHECKPOINTS);
                qemu_unplace(driver, dom);
        }
        qemu_task_end(&rt->task, r, err);
}

static void disks_back(void *data, int r, VhError *err)
{
        RevertTask *rt = data;
        VhMoment *m = moment_of(rt);

        if (r == 0)
                r = m ? restore_def(rt, vh_snapshot_of(m), &err) : lost(&err);
        if (r < 0) {
                give_up(rt, r, err);
                return;
        }
        if (rt->start)
                start(rt);
        else
                finish(rt, 0, NULL);
}

static void stopped(QemuTask *task)
{
        RevertTask *rt = (RevertTask *)task;
        VhMoment *m = moment_of(rt);
        QemuImageWork *work;
        VhError *err = NULL;
        int r = m ? 0 : lost(&err);

        if (r == 0 && rt->ran)
                r = restore_def(rt, vh_snapshot_of(m), &err);
        if (r < 0) {
                give_up(rt, r, err);
                return;
        }
        if (rt->ran) {
                use_live_def(rt, vh_snapshot_of(m));
                rt->cpu = qemu_guest_cpu_of_cookie(vh_snapshot_of(m)->def->cookie);
                start(rt);
                return;
        }
        work = qemu_image_work_new();
        qemu_image_work_internal(work, vh_snapshot_of(m)->dom, vh_snapshot_of(m)->def, "-a", NULL);
        qemu_image_work_run(work, task->driver, disks_back, rt);
}

/* ---- the beginning ---- */

static int check(const RevertTask *rt, const VhMoment *m, VhError **err)
{
        const uint32_t want = VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING | VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED;
        const VhSnapshot *snap = vh_snapshot_of(m);
        const VhDomainObj *dom = rt->task.dom;

        if (!dom->persistent && !rt->ran && !(rt->flags & want))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "transient domain needs to request run or pause to revert to inactive snapshot");
        if (vh_snapshot_is_external(snap->def))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "revert to external snapshot not supported yet");
        if (!snap->dom)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_SNAPSHOT_REVERT_RISKY,
                                    "snapshot '%s' lacks domain '%s' rollback info", m->name, dom->node.name);
        return 0;
}

/* A transient guest that has to end and to start again is not gone in between. */
static void revert_run(QemuTask *task)
{
        RevertTask *rt = (RevertTask *)task;
        VhMoment *m = moment_of(rt);
        VhError *err = NULL;
        int r = m ? 0 : lost(&err);

        if (r == 0) {
                uint8_t state = vh_snapshot_of(m)->def->state;

                rt->ran = state == VH_SNAPSHOT_RUNNING || state == VH_SNAPSHOT_PAUSED;
                rt->paused = state == VH_SNAPSHOT_PAUSED;
                if (rt->flags & (VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING | VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED)) {
                        rt->start = true;
                        rt->paused = rt->flags & VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED;
                }
                r = check(rt, m, &err);
        }
        if (r < 0) {
                qemu_task_end(task, r, err);
                return;
        }
        if (vh_domain_obj_active(task->dom)) {
                qemu_process(task->dom)->comes_back = true;
                qemu_process_kill(qemu_process(task->dom), QEMU_KILL_NOW, VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT,
                                  VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT);
        }
        qemu_task_wait_stopped(task, stopped);
}

static const QemuTaskClass revert_class = {
        .api = "remoteDispatchDomainRevertToSnapshot",
        .size = sizeof(RevertTask),
        .job = QEMU_JOB_ASYNC,
        .async = QEMU_ASYNC_START,
        .run = revert_run,
        .cleanup = revert_cleanup,
};

QEMU_OP(domain_revert_to_snapshot)
{
        const uint32_t both = VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING | VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED;
        RevertTask *rt;
        VhDomainObj *dom;
        VhMoment *m;
        int r = vh_check_flags(args->flags,
                               both | VIR_DOMAIN_SNAPSHOT_REVERT_FORCE | VIR_DOMAIN_SNAPSHOT_REVERT_RESET_NVRAM,
                               VIR_FROM_QEMU, "qemuSnapshotRevert", err);

        if (r == 0 && (args->flags & both) == both)
                r = vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                                   "running and paused flags in %s are mutually exclusive",
                                   "virDomainRevertToSnapshot");
        if (r == 0)
                r = vh_snapshot_lookup(&qemu_moments, call, &args->snap, &dom, &m, err);
        if (r < 0)
                return r;
        rt = (RevertTask *)qemu_task_new(qemu_driver(call), dom, call, &revert_class);
        rt->name = vh_xstrdup(m->name);
        rt->flags = args->flags;
        return qemu_task_go(&rt->task);
}
