/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processors that a definition has plugged in already: QEMU starts without them and is given them one by one, so that
 * they may leave later, and so that a machine that was saved with them finds them. */

#include "hotplug.h"

typedef struct StartVcpus {
        QemuProcess *proc;
        QemuValuesDone done;
        void *data;
} StartVcpus;

json_t *qemu_vcpu_plug(const json_t *places, unsigned id)
{
        size_t n = json_array_size(places);
        const json_t *place = id < n ? json_array_get(places, n - 1 - id) : NULL; /* the last place comes first */
        _vh_free_ char *name = vh_xasprintf("vcpu%u", id);
        json_t *props;

        if (!place)
                return NULL;
        props = json_deep_copy(json_object_get(place, "props"));
        json_object_set(props, "driver", json_object_get(place, "type"));
        qj_str(props, "id", name);
        return qmp_command_args("device_add", props);
}

static bool joins(const VhVcpu *v)
{
        return v->enabled == VH_YES && v->hotpluggable == VH_YES;
}

static int by_order(const void *a, const void *b)
{
        const VhVcpu *x = *(const VhVcpu *const *)a, *y = *(const VhVcpu *const *)b;

        if (x->order != y->order)
                return x->order < y->order ? -1 : 1;
        return x->id < y->id ? -1 : 1;
}

static int plan_all(const VhDomainDef *def, const json_t *places, QemuPlan *plan, VhError **err)
{
        _vh_free_ const VhVcpu **sorted = vh_new(const VhVcpu *, def->vcpu_list.n);
        uint32_t n = 0;

        for (uint32_t i = 0; i < def->vcpu_list.n; i++)
                if (joins(def->vcpu_list.items[i]))
                        sorted[n++] = def->vcpu_list.items[i];
        qsort(sorted, n, sizeof(*sorted), by_order);
        for (uint32_t i = 0; i < n; i++) {
                json_t *cmd = qemu_vcpu_plug(places, sorted[i]->id);

                if (!cmd)
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                            "QEMU has no place for vcpu '%u'", sorted[i]->id);
                qemu_plan_add(plan, cmd, NULL);
        }
        return 0;
}

static void got_places(void *data, json_t *places, int r, const VhError *error)
{
        StartVcpus s = *(StartVcpus *)data;
        VhError *err = vh_error_copy(error);
        QemuPlan plan = {};

        free(data);
        if (!s.proc->mon)
                return;
        if (r == 0)
                r = plan_all(s.proc->dom->def, places, &plan, &err);
        if (r == 0)
                qemu_plan_say(s.proc, &plan, s.done, s.data);
        else
                s.done(s.data, r, err);
        qemu_plan_done(&plan);
        vh_error_free(err);
}

void qemu_start_vcpus(QemuProcess *proc, QemuValuesDone done, void *data)
{
        const VhDomainDef *def = proc->dom->def;
        StartVcpus *s;

        if (vh_domain_boot_vcpus(def) == vh_domain_def_vcpus_current(def)) {
                done(data, 0, NULL);
                return;
        }
        s = vh_new(StartVcpus, 1);
        *s = (StartVcpus){ proc, done, data };
        qmp_send(proc->mon, qmp_command("query-hotpluggable-cpus", NULL), got_places, s);
}
