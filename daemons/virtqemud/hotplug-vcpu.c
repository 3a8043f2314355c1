/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processors that join a running guest. QEMU lists the places that it has for them; each that is free takes one. */

#include "hotplug.h"

#include <errno.h>

#include "group.h"

typedef struct VcpuChange {
        QemuChange change;
        unsigned wanted;
} VcpuChange;

static void apply(QemuChange *change)
{
        VhDomainDef *def = change->task.dom->def;
        unsigned wanted = ((VcpuChange *)change)->wanted;

        def->vcpus_current = wanted < def->vcpus ? wanted : 0;
        for (uint32_t i = 0; i < def->vcpu_list.n; i++)
                if (def->vcpu_list.items[i]->id < wanted)
                        def->vcpu_list.items[i]->enabled = VH_YES;
        qemu_group_refresh(qemu_process(change->task.dom));
}

/* Entries come with the last processor first. */
static void plan_places(QemuPlan *plan, json_t *places, unsigned from, unsigned to)
{
        size_t n = json_array_size(places);

        for (unsigned cpu = from; cpu < to && cpu < n; cpu++) {
                const json_t *place = json_array_get(places, n - 1 - cpu);
                json_t *props = json_deep_copy(json_object_get(place, "props"));
                _vh_free_ char *id = vh_xasprintf("vcpu%u", cpu);

                if (json_object_get(place, "qom-path")) {
                        json_decref(props);
                        continue; /* it is there */
                }
                json_object_set(props, "driver", json_object_get(place, "type"));
                qj_str(props, "id", id);
                qemu_plan_add(plan, qmp_command_args("device_add", props),
                              qmp_command("device_del", "{s:s}", "id", id));
        }
}

static void got_places(QemuTask *task, json_t *places)
{
        VcpuChange *v = (VcpuChange *)task;

        plan_places(&v->change.plan, places, vh_domain_def_vcpus_current(task->dom->def), v->wanted);
        v->change.apply = apply;
        qemu_change_go(&v->change);
}

static int check(const VhDomainDef *def, unsigned wanted, VhError **err)
{
        if (wanted > def->vcpus)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                    "requested vcpus is greater than max allowable vcpus for the live domain: %u > %u",
                                    wanted, def->vcpus);
        if (wanted < vh_domain_def_vcpus_current(def))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "taking vCPUs from a running guest is not supported yet");
        return 0;
}

static int edit_config(VcpuChange *v, VhError **err)
{
        QemuChange *change = &v->change;
        remote_nonnull_domain wire;
        int r;

        if (!(change->affect & VIR_DOMAIN_AFFECT_CONFIG))
                return 0;
        vh_domain_obj_wire(change->task.dom, &wire);
        r = qemu_edit_begin(&change->config, change->task.call, &wire, VIR_DOMAIN_AFFECT_CONFIG, err);
        return r < 0 ? r : qemu_config_vcpus(change->config.def, v->wanted, err);
}

static void vcpus_run(QemuTask *task)
{
        VcpuChange *v = (VcpuChange *)task;
        VhError *err = NULL;
        int r = check(task->dom->def, v->wanted, &err);

        r = r < 0 ? r : edit_config(v, &err);
        if (r < 0)
                qemu_task_end(task, r, err);
        else
                qemu_task_qmp(task, qmp_command("query-hotpluggable-cpus", NULL), got_places);
}

static const QemuTaskClass vcpus_class = {
        .api = "remoteDispatchDomainSetVcpusFlags",
        .size = sizeof(VcpuChange),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = vcpus_run,
        .cleanup = qemu_change_cleanup,
};

int qemu_vcpus_change(VhCall *call, VhDomainObj *dom, unsigned n, uint32_t affect)
{
        VcpuChange *v = (VcpuChange *)qemu_task_new(qemu_driver(call), dom, call, &vcpus_class);

        v->change.affect = affect;
        v->wanted = n;
        return qemu_task_go(&v->change.task);
}
