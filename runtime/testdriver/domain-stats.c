/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domains: CPU time, and statistics of many domains at once. */

#include "testdriver/domain-ops.h"

/* Each guest has used two CPUs for ever the same time, nanoseconds. */
enum { STAT_CPUS = 2 };
static const uint64_t total_cpu_time = UINT64_C(48772617035), total_vcpu_time = UINT64_C(46303481255);
static const uint64_t user_time = UINT64_C(5540000000), system_time = UINT64_C(6460000000);

enum { TOTAL_PARAMS = 3, CPU_PARAMS = 2 };

static void total_stats(VhTypedList *list)
{
        vh_typed_add_ullong(list, VIR_DOMAIN_CPU_STATS_CPUTIME, total_cpu_time);
        vh_typed_add_ullong(list, VIR_DOMAIN_CPU_STATS_USERTIME, user_time);
        vh_typed_add_ullong(list, VIR_DOMAIN_CPU_STATS_SYSTEMTIME, system_time);
}

static void cpu_stats(VhTypedList *list, unsigned cpu)
{
        vh_typed_add_ullong(list, VIR_DOMAIN_CPU_STATS_CPUTIME, total_cpu_time / STAT_CPUS + cpu);
        vh_typed_add_ullong(list, VIR_DOMAIN_CPU_STATS_VCPUTIME, total_vcpu_time / STAT_CPUS + cpu);
}

/* The three steps of this call: number of CPUs (nparams and ncpus 0), number of fields, values. */
TEST_OP_SHARED(domain_get_cpu_stats)
{
        VhTypedList list = VH_TYPED_LIST(call);
        VhDomainObj *dom;
        unsigned end;
        int r = test_check_flags(args->flags, VIR_TYPED_PARAM_STRING_OKAY, "testDomainGetCPUStats", err);

        if (r == 0)
                r = test_active_domain(call, &args->dom, &dom, err);
        if (r < 0)
                return r;
        if (args->start_cpu == -1) {
                ret->nparams = TOTAL_PARAMS;
                if (!args->nparams)
                        return 0;
                total_stats(&list);
                list.len = VH_MIN(list.len, args->nparams);
                VH_TYPED_MOVE(&ret->params, &list);
                return 0;
        }
        if (!args->ncpus) {
                ret->nparams = STAT_CPUS;
                return 0;
        }
        if (args->start_cpu < 0 || args->start_cpu >= STAT_CPUS)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG, "start_cpu %d larger than maximum of %d",
                                    args->start_cpu, STAT_CPUS - 1);
        ret->nparams = CPU_PARAMS;
        if (!args->nparams)
                return 0;
        end = VH_MIN((uint64_t)args->start_cpu + args->ncpus, (uint64_t)STAT_CPUS);
        for (unsigned cpu = (unsigned)args->start_cpu; cpu < end; cpu++)
                cpu_stats(&list, cpu);
        VH_TYPED_MOVE(&ret->params, &list);
        return 0;
}

static const uint32_t known_stats = VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_IOTHREAD;

static void iothread_stats(const VhDomainObj *dom, VhTypedList *list)
{
        const TestDomain *priv = test_domain_priv(dom);

        if (!vh_domain_obj_active(dom) || !priv->iothreads.n)
                return;
        vh_typed_add_uint(list, "iothread.count", priv->iothreads.n);
        for (uint32_t i = 0; i < priv->iothreads.n; i++) {
                const TestIothread *t = priv->iothreads.items[i];

                vh_typed_add_ullong(list, vh_typed_name(list, "iothread.%u.poll-max-ns", t->id), t->poll_max_ns);
                vh_typed_add_uint(list, vh_typed_name(list, "iothread.%u.poll-grow", t->id), t->poll_grow);
                vh_typed_add_uint(list, vh_typed_name(list, "iothread.%u.poll-shrink", t->id), t->poll_shrink);
        }
}

static void fill_record(VhCall *call, const VhDomainObj *dom, uint32_t stats, remote_domain_stats_record *record)
{
        VhTypedList list = VH_TYPED_LIST(call);

        vh_domain_obj_wire(dom, &record->dom);
        if (stats & VIR_DOMAIN_STATS_STATE) {
                vh_typed_add_int(&list, "state.state", dom->state);
                vh_typed_add_int(&list, "state.reason", dom->reason);
        }
        if (stats & VIR_DOMAIN_STATS_IOTHREAD)
                iothread_stats(dom, &list);
        VH_TYPED_MOVE(&record->params, &list);
}

static const uint32_t enforce = 1u << 31; /* VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS */

/* Domains of a list that exist and pass the filter; all if the list is empty. */
static uint32_t select_domains(VhCall *call, const remote_connect_get_all_domain_stats_args *args,
                               const VhDomainObj ***ret)
{
        const VhDomainList *list = &test_host(call)->domains;
        uint32_t filter = args->flags & vh_list_mask(&vh_filter_domains), n = 0;
        uint32_t room = VH_MAX(args->doms.len, vh_registry_count(&list->reg));
        const VhDomainObj **found = vh_call_new(call, const VhDomainObj *, room);

        for (uint32_t i = 0; i < args->doms.len; i++) {
                const VhDomainObj *dom = vh_domain_by_uuid(list, args->doms.val[i].uuid);

                if (dom && vh_list_match(&vh_filter_domains, filter, vh_domain_obj_facts(dom)))
                        found[n++] = dom;
        }
        if (!args->doms.len)
                VH_REGISTRY_FOREACH(&list->reg, node)
                {
                        const VhDomainObj *dom = VH_REG_OBJECT(node, VhDomainObj, node);

                        if (vh_list_match(&vh_filter_domains, filter, vh_domain_obj_facts(dom)))
                                found[n++] = dom;
                }
        *ret = found;
        return n;
}

TEST_OP_SHARED(connect_get_all_domain_stats)
{
        const uint32_t domain_flags =
                vh_list_mask(&vh_filter_domains) &
                ~(uint32_t)(VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE | VIR_CONNECT_LIST_DOMAINS_NO_MANAGEDSAVE |
                            VIR_CONNECT_LIST_DOMAINS_AUTOSTART | VIR_CONNECT_LIST_DOMAINS_NO_AUTOSTART |
                            VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT | VIR_CONNECT_LIST_DOMAINS_NO_SNAPSHOT |
                            VIR_CONNECT_LIST_DOMAINS_HAS_CHECKPOINT | VIR_CONNECT_LIST_DOMAINS_NO_CHECKPOINT);
        const VhDomainObj **found;
        const uint32_t for_others =
                VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT | VIR_CONNECT_GET_ALL_DOMAINS_STATS_BACKING;
        int r = test_check_flags(args->flags, domain_flags | for_others | enforce, "testConnectGetAllDomainStats", err);

        if (r < 0)
                return r;
        if ((args->flags & enforce) && (args->stats & ~known_stats))
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_ARGUMENT_UNSUPPORTED,
                                    "Stats types bits 0x%x are not supported by this daemon",
                                    args->stats & ~known_stats);
        ret->retStats.len = select_domains(call, args, &found);
        ret->retStats.val = vh_call_new(call, remote_domain_stats_record, ret->retStats.len);
        for (uint32_t i = 0; i < ret->retStats.len; i++)
                fill_record(call, found[i], args->stats ? args->stats : known_stats, &ret->retStats.val[i]);
        return 0;
}
