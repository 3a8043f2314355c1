/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bulk statistics: what there is to say about guests that do not run. */

#include "qemu-ops.h"

#include <errno.h>

enum {
        /* Filters of the call; bit for bit those of VIR_CONNECT_LIST_DOMAINS_*. */
        FILTERS = VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | VIR_CONNECT_GET_ALL_DOMAINS_STATS_INACTIVE |
                  VIR_CONNECT_GET_ALL_DOMAINS_STATS_PERSISTENT | VIR_CONNECT_GET_ALL_DOMAINS_STATS_TRANSIENT |
                  VIR_CONNECT_GET_ALL_DOMAINS_STATS_RUNNING | VIR_CONNECT_GET_ALL_DOMAINS_STATS_PAUSED |
                  VIR_CONNECT_GET_ALL_DOMAINS_STATS_SHUTOFF | VIR_CONNECT_GET_ALL_DOMAINS_STATS_OTHER,
        GROUPS = VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_CPU_TOTAL | VIR_DOMAIN_STATS_BALLOON |
                 VIR_DOMAIN_STATS_VCPU | VIR_DOMAIN_STATS_INTERFACE | VIR_DOMAIN_STATS_BLOCK | VIR_DOMAIN_STATS_PERF |
                 VIR_DOMAIN_STATS_IOTHREAD | VIR_DOMAIN_STATS_MEMORY | VIR_DOMAIN_STATS_DIRTYRATE | VIR_DOMAIN_STATS_VM,
};
#define MODIFIERS                                                                                                      \
        (VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT | VIR_CONNECT_GET_ALL_DOMAINS_STATS_BACKING |                        \
         VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS)

static void add_state(VhTypedList *list, const VhDomainObj *dom)
{
        vh_typed_add_int(list, "state.state", dom->state);
        vh_typed_add_int(list, "state.reason", dom->reason);
}

static void add_balloon(VhTypedList *list, const VhDomainObj *dom)
{
        vh_typed_add_ullong(list, "balloon.current", dom->def->current_memory);
        vh_typed_add_ullong(list, "balloon.maximum", dom->def->memory);
}

static void add_vcpu(VhTypedList *list, const VhDomainObj *dom)
{
        vh_typed_add_uint(list, "vcpu.current", vh_domain_def_vcpus_current(dom->def));
        vh_typed_add_uint(list, "vcpu.maximum", dom->def->vcpus);
}

static void add_block(VhTypedList *list, const VhDomainObj *dom)
{
        const VhDomainDef *def = dom->def;

        vh_typed_add_uint(list, "block.count", def->disks.n);
        for (uint32_t i = 0; i < def->disks.n; i++) {
                vh_typed_add_string(list, vh_typed_name(list, "block.%u.name", i), def->disks.items[i]->target);
                if (def->disks.items[i]->src.path)
                        vh_typed_add_string(list, vh_typed_name(list, "block.%u.path", i),
                                            def->disks.items[i]->src.path);
        }
}

static const struct {
        uint32_t bit;
        void (*add)(VhTypedList *list, const VhDomainObj *dom);
} groups[] = {
        { VIR_DOMAIN_STATS_STATE, add_state },
        { VIR_DOMAIN_STATS_BALLOON, add_balloon },
        { VIR_DOMAIN_STATS_VCPU, add_vcpu },
        { VIR_DOMAIN_STATS_BLOCK, add_block },
};

static void fill(VhCall *call, const VhDomainObj *dom, uint32_t wanted, remote_domain_stats_record *record)
{
        VhTypedList list = VH_TYPED_LIST(call);

        for (size_t i = 0; i < VH_ARRAY_SIZE(groups); i++)
                if (wanted & groups[i].bit)
                        groups[i].add(&list, dom);
        vh_domain_obj_wire(dom, &record->dom);
        VH_TYPED_MOVE(&record->params, &list);
}

static bool passes(const VhDomainObj *dom, uint32_t flags)
{
        return vh_list_match(&vh_filter_domains, flags & FILTERS, vh_domain_obj_facts(dom));
}

static void all_domains(VhCall *call, uint32_t wanted, uint32_t flags, remote_connect_get_all_domain_stats_ret *ret)
{
        const VhDomainList *domains = &qemu_driver(call)->domains;

        ret->retStats.val = vh_call_new(call, remote_domain_stats_record, vh_registry_count(&domains->reg));
        VH_REGISTRY_FOREACH(&domains->reg, node)
        {
                const VhDomainObj *dom = VH_REG_OBJECT(node, VhDomainObj, node);

                if (passes(dom, flags))
                        fill(call, dom, wanted, &ret->retStats.val[ret->retStats.len++]);
        }
}

/* Domains that vanished meanwhile are left out. */
static void listed_domains(VhCall *call, const remote_connect_get_all_domain_stats_args *args, uint32_t wanted,
                           remote_connect_get_all_domain_stats_ret *ret)
{
        ret->retStats.val = vh_call_new(call, remote_domain_stats_record, args->doms.len);
        for (uint32_t i = 0; i < args->doms.len; i++) {
                const VhDomainObj *dom = vh_domain_by_uuid(&qemu_driver(call)->domains, args->doms.val[i].uuid);

                if (dom && passes(dom, args->flags))
                        fill(call, dom, wanted, &ret->retStats.val[ret->retStats.len++]);
        }
}

QEMU_OP_RET(connect_get_all_domain_stats)
{
        uint32_t wanted = args->stats ? args->stats : GROUPS;
        int r = vh_check_flags(args->flags, FILTERS | MODIFIERS, VIR_FROM_QEMU, "qemuConnectGetAllDomainStats", err);

        if (r < 0)
                return r;
        if (args->flags & VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS && wanted & ~(uint32_t)GROUPS)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_ARGUMENT_UNSUPPORTED,
                                    "Stats types bits 0x%x are not supported by this daemon or QEMU",
                                    wanted & ~(uint32_t)GROUPS);
        if (args->doms.len)
                listed_domains(call, args, wanted, ret);
        else
                all_domains(call, wanted, args->flags, ret);
        return 0;
}
