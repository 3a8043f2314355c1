/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processors that join and leave a running guest. QEMU lists the places that it has for them; one that leaves goes when
 * the guest lets it. They come and go one by one; what QEMU has in the end is what the definition says, also if one of
 * them fails. */

#include "hotplug.h"

#include <errno.h>

#include "audit.h"
#include "group.h"
#include "refresh.h"

typedef struct VcpuChange {
        QemuChange change;
        unsigned n; /* of the wish */
        bool on, hotpluggable, these;
        VhCpuset *set;
        unsigned *ids; /* that change, in their order */
        size_t n_ids, next;
        json_t *places;
        bool late; /* the guest took too long for one; QEMU knows whether it went all the same */
        int r;     /* why it stopped half way */
        VhError *err;
} VcpuChange;

static void vcpus_cleanup(QemuTask *task)
{
        VcpuChange *v = (VcpuChange *)task;

        qemu_unplug_stop(&v->change);
        free(v->set);
        free(v->ids);
        json_decref(v->places);
        vh_error_free(v->err);
        qemu_change_cleanup(task);
}

/* ---- what QEMU has afterwards ---- */

static void unplug_next(VcpuChange *v);

/* TCG does not tell that a processor is gone. */
static bool went_silently(VcpuChange *v)
{
        bool went = v->late && !qemu_process(v->change.task.dom)->vcpus[v->ids[v->next]].tid;

        v->late = false;
        return went;
}

static void got_vcpus(QemuTask *task, json_t *vcpus)
{
        VcpuChange *v = (VcpuChange *)task;
        QemuProcess *proc = qemu_process(task->dom);

        qemu_refresh_vcpus(proc, vcpus);
        if (went_silently(v)) {
                v->err = vh_error_free(v->err);
                v->next++;
                unplug_next(v);
                return;
        }
        qemu_group_refresh(proc);
        if (v->r == 0) {
                qemu_change_finish(&v->change);
                return;
        }
        qemu_status_save(task->dom);
        qemu_task_end(task, v->r, VH_TAKE_PTR(v->err));
}

static void got_places_again(QemuTask *task, json_t *places, int r, const VhError *err)
{
        if (r == 0)
                qemu_refresh_places(qemu_process(task->dom), places);
        qemu_task_qmp(task, qmp_command("query-cpus-fast", NULL), got_vcpus);
}

static void look_again(VcpuChange *v, int r, VhError *err)
{
        v->r = r;
        v->err = err;
        qemu_task_qmp_try(&v->change.task, qmp_command("query-hotpluggable-cpus", NULL), got_places_again);
}

/* ---- coming ---- */

static void audit(const VcpuChange *v, int step, bool success)
{
        const QemuProcess *proc = qemu_process(v->change.task.dom);
        uint64_t before = vh_domain_def_vcpus_current(proc->dom->def) + (uint64_t)((int)v->next * step);

        qemu_audit_number(proc, "vcpu", before, before + (uint64_t)step, success);
}

static void plug_next(VcpuChange *v);

static void plugged(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        VcpuChange *v = (VcpuChange *)task;

        audit(v, 1, r == 0);
        if (r < 0) {
                look_again(v, r, vh_error_copy(err));
                return;
        }
        v->next++;
        plug_next(v);
}

static void plug_next(VcpuChange *v)
{
        json_t *cmd = v->next < v->n_ids ? qemu_vcpu_plug(v->places, v->ids[v->next]) : NULL;

        if (cmd)
                qemu_task_qmp_try(&v->change.task, cmd, plugged);
        else
                look_again(v, 0, NULL);
}

static void got_places(QemuTask *task, json_t *places)
{
        VcpuChange *v = (VcpuChange *)task;

        v->places = json_incref(places);
        plug_next(v);
}

/* ---- going ---- */

static void gone(QemuChange *change)
{
        VcpuChange *v = (VcpuChange *)change;

        audit(v, -1, true);
        v->next++;
        unplug_next(v);
}

static void late(QemuChange *change)
{
        VhError *err = NULL;
        int r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_TIMEOUT,
                             "vcpu unplug request timed out. Unplug result must be manually inspected in the domain");

        ((VcpuChange *)change)->late = true;
        look_again((VcpuChange *)change, r, err);
}

static void asked(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        VcpuChange *v = (VcpuChange *)task;

        if (r == 0) {
                qemu_unplug_wait(&v->change);
                return;
        }
        qemu_unplug_stop(&v->change);
        look_again(v, r, vh_error_copy(err));
}

static void unplug_next(VcpuChange *v)
{
        _vh_free_ char *alias = NULL;

        if (v->next == v->n_ids) {
                look_again(v, 0, NULL);
                return;
        }
        alias = vh_xasprintf("vcpu%u", v->ids[v->next]);
        qemu_unplug_begin(&v->change, alias);
        qemu_task_qmp_try(&v->change.task, qmp_command("device_del", "{s:s}", "id", alias), asked);
}

/* ---- which ones ---- */

static bool may_come(const VcpuChange *v, const QemuProcess *proc, size_t id)
{
        const QemuMachine *machine = proc->caps ? qemu_caps_machine(proc->caps, proc->dom->def->os.machine) : NULL;

        return !proc->vcpus[id].tid && (!machine || machine->hotplug_cpus);
}

static int check_number(const VcpuChange *v, VhError **err)
{
        const VhDomainDef *def = v->change.task.dom->def;

        if (!v->set && v->n > def->vcpus)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                    "requested vcpus is greater than max allowable vcpus for the live domain: %u > %u",
                                    v->n, def->vcpus);
        return 0;
}

static int select_number(VcpuChange *v, const QemuProcess *proc, VhError **err)
{
        unsigned current = vh_domain_def_vcpus_current(proc->dom->def);
        size_t wanted;

        v->on = v->n > current;
        wanted = v->on ? v->n - current : current - v->n;
        for (size_t id = 0; v->on && id < proc->n_vcpus && v->n_ids < wanted; id++)
                if (may_come(v, proc, id))
                        v->ids[v->n_ids++] = (unsigned)id;
        for (size_t id = proc->n_vcpus; !v->on && id-- > 0 && v->n_ids < wanted;)
                if (proc->vcpus[id].tid && proc->vcpus[id].plugged)
                        v->ids[v->n_ids++] = (unsigned)id;
        if (v->n_ids < wanted)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "failed to find appropriate hotpluggable vcpus to reach the desired target vcpu "
                                    "count");
        return 0;
}

static int select_these(VcpuChange *v, const QemuProcess *proc, VhError **err)
{
        for (size_t id = 0; id < proc->n_vcpus; id++) {
                if (!vh_cpuset_has(v->set, (uint32_t)id))
                        continue;
                if (v->on == (proc->vcpus[id].tid != 0))
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                            "vcpu '%zu' is already in requested state", id);
                if (v->n_ids)
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                            "only one hotpluggable entity can be selected");
                v->ids[v->n_ids++] = (unsigned)id;
        }
        if (v->n_ids && !(v->on ? may_come(v, proc, v->ids[0]) : proc->vcpus[v->ids[0]].plugged))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED, "vcpu '%u' can't be %s",
                                    v->ids[0], v->on ? "hotplugged" : "unplugged");
        return 0;
}

static int choose(VcpuChange *v, VhError **err)
{
        const QemuProcess *proc = qemu_process(v->change.task.dom);

        v->ids = vh_new(unsigned, proc->n_vcpus + 1);
        return v->set ? select_these(v, proc, err) : select_number(v, proc, err);
}

/* ---- the call ---- */

static int edit_config(QemuChange *change, VhError **err)
{
        const VcpuChange *v = (const VcpuChange *)change;
        const QemuVcpuWish wish = { v->n, v->set, v->on, v->hotpluggable };

        return qemu_config_vcpus(change->config.def, &wish, err);
}

static int choose_live(QemuChange *change, VhError **err)
{
        return choose((VcpuChange *)change, err);
}

static void vcpus_run(QemuTask *task)
{
        VcpuChange *v = (VcpuChange *)task;
        VhError *err = NULL;
        int r = check_number(v, &err);

        r = r < 0 ? r : qemu_change_plan(&v->change, edit_config, choose_live, &err);

        v->change.gone = gone;
        v->change.late = late;
        if (r < 0)
                qemu_task_end(task, r, err);
        else if (!v->n_ids)
                qemu_change_finish(&v->change);
        else if (v->on)
                qemu_task_qmp(task, qmp_command("query-hotpluggable-cpus", NULL), got_places);
        else
                unplug_next(v);
}

static const QemuTaskClass vcpus_class = {
        .api = "remoteDispatchDomainSetVcpusFlags",
        .size = sizeof(VcpuChange),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = vcpus_run,
        .cleanup = vcpus_cleanup,
};

static VhCpuset *copy_set(const VhCpuset *set)
{
        size_t size = sizeof(*set) + set->n_words * sizeof(set->words[0]);
        VhCpuset *copy = vh_xcalloc(1, size);

        memcpy(copy, set, size);
        return copy;
}

int qemu_vcpus_change(VhCall *call, VhDomainObj *dom, const QemuVcpuWish *wish, uint32_t affect)
{
        VcpuChange *v = (VcpuChange *)qemu_task_new(qemu_driver(call), dom, call, &vcpus_class);

        v->change.affect = affect;
        v->n = wish->n;
        v->on = wish->on;
        v->hotpluggable = wish->hotpluggable;
        v->set = wish->set ? copy_set(wish->set) : NULL;
        return qemu_task_go(&v->change.task);
}
