/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of single vCPUs. A definition without one has as many as it counts, from the first on. */

#include "model/domain.h"
#include "xml/types.h"

/* What the list leaves open about one. */
static void settle(VhVcpu *v)
{
        if (!v->hotpluggable)
                v->hotpluggable = v->enabled == VH_YES ? VH_NO : VH_YES;
}

/* Moves the entries of the list to the places of their ids. Those that have none, or a second time, go. */
static void move_entries(VhDomainDef *def, VhVcpu **by_id, uint32_t n)
{
        for (uint32_t i = 0; i < def->vcpu_list.n; i++) {
                VhVcpu *v = def->vcpu_list.items[i];

                if (v->id < n && !by_id[v->id])
                        by_id[v->id] = v;
                else
                        free(v);
        }
        free(def->vcpu_list.items);
        def->vcpu_list = (typeof(def->vcpu_list)){ 0 };
}

void vh_domain_list_vcpus(VhDomainDef *def)
{
        /* Without a list the first ones are on. */
        uint32_t on = def->vcpu_list.n ? 0 : vh_domain_def_vcpus_current(def);
        uint32_t n = VH_MIN(def->vcpus, (uint32_t)VH_CPUSET_MAX);
        VhVcpu **by_id = vh_new(VhVcpu *, n);

        move_entries(def, by_id, n);
        for (uint32_t id = 0; id < n; id++) {
                if (!by_id[id]) {
                        by_id[id] = vh_new(VhVcpu, 1);
                        *by_id[id] = (VhVcpu){ .id = id, .enabled = id < on ? VH_YES : VH_NO };
                }
                settle(by_id[id]);
                vh_list_add(&def->vcpu_list, by_id[id]);
        }
        free(by_id);
}

void vh_domain_count_vcpus(VhDomainDef *def)
{
        uint32_t on = 0;

        if (!def->vcpu_list.n)
                return;
        for (uint32_t i = 0; i < def->vcpu_list.n; i++)
                on += def->vcpu_list.items[i]->enabled == VH_YES;
        def->vcpus_current = on < def->vcpus ? on : 0;
}

uint32_t vh_domain_boot_vcpus(const VhDomainDef *def)
{
        uint32_t n = vh_domain_def_vcpus_current(def);

        for (uint32_t i = 0; i < def->vcpu_list.n; i++)
                if (def->vcpu_list.items[i]->enabled == VH_YES && def->vcpu_list.items[i]->hotpluggable == VH_YES)
                        n--;
        return n;
}
