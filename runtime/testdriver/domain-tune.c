/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domains: typed parameters of scheduler, memory, block I/O weight, NUMA placement and performance events. */

#include "model/domain-tune.h"
#include "testdriver/domain-ops.h"
#include <errno.h>

/* How "no limit" travels, KiB. */
static const uint64_t unlimited = UINT64_C(9007199254740991);

enum { SCHEDULER_WEIGHT = 50 };

TEST_OP_SHARED(domain_get_scheduler_type)
{
        ret->type = (char *)"fair";
        ret->nparams = 1;
        return 0;
}

static int get_scheduler(VhCall *call, const remote_nonnull_domain *handle, int nparams, uint32_t flags,
                         VhTypedList *list, VhError **err)
{
        VhDomainObj *dom;
        int r = test_check_flags(flags, 0, "testDomainGetSchedulerParametersFlags", err);

        if (r == 0)
                r = test_domain(call, handle, &dom, err);
        if (r == 0 && nparams > 0)
                vh_typed_add_uint(list, VIR_DOMAIN_SCHEDULER_WEIGHT, SCHEDULER_WEIGHT);
        return r;
}

TEST_OP_SHARED(domain_get_scheduler_parameters)
{
        VhTypedList list = VH_TYPED_LIST(call);
        int r = get_scheduler(call, &args->dom, args->nparams, 0, &list, err);

        VH_TYPED_MOVE(&ret->params, &list);
        return r;
}

TEST_OP_SHARED(domain_get_scheduler_parameters_flags)
{
        VhTypedList list = VH_TYPED_LIST(call);
        int r = get_scheduler(call, &args->dom, args->nparams, args->flags, &list, err);

        VH_TYPED_MOVE(&ret->params, &list);
        return r;
}

static const VhTypedField scheduler_fields[] = {
        { VIR_DOMAIN_SCHEDULER_WEIGHT, VIR_TYPED_PARAM_UINT, false },
};

/* The weight is checked and, as everybody's weight is the same, forgotten. */
static int set_scheduler(VhCall *call, const remote_nonnull_domain *handle, const remote_typed_param *params,
                         uint32_t n, uint32_t flags, VhError **err)
{
        VhDomainObj *dom;
        int r = test_check_flags(flags, 0, "testDomainSetSchedulerParametersFlags", err);

        if (r == 0)
                r = vh_typed_validate(params, n, scheduler_fields, VH_ARRAY_SIZE(scheduler_fields), err);
        return r < 0 ? r : test_domain(call, handle, &dom, err);
}

TEST_OP_SHARED_DO(domain_set_scheduler_parameters)
{
        return set_scheduler(call, &args->dom, args->params.val, args->params.len, 0, err);
}

TEST_OP_SHARED_DO(domain_set_scheduler_parameters_flags)
{
        return set_scheduler(call, &args->dom, args->params.val, args->params.len, args->flags, err);
}

static const uint32_t getter_flags = VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG | VIR_TYPED_PARAM_STRING_OKAY;

/* Memory limits: field and place. */
static const struct {
        const char *field;
        size_t at;
} memory_limits[] = {
        { VIR_DOMAIN_MEMORY_HARD_LIMIT, offsetof(VhMemtune, hard_limit) },
        { VIR_DOMAIN_MEMORY_SOFT_LIMIT, offsetof(VhMemtune, soft_limit) },
        { VIR_DOMAIN_MEMORY_SWAP_HARD_LIMIT, offsetof(VhMemtune, swap_hard_limit) },
};

static uint64_t *limit_at(VhMemtune *tune, unsigned i)
{
        return (uint64_t *)((char *)tune + memory_limits[i].at);
}

/* A limit of zero in the definition is none. */
static uint64_t limit_of(VhMemtune *tune, unsigned i)
{
        uint64_t v = tune ? *limit_at(tune, i) : 0;

        return v ? v : unlimited;
}

TEST_OP_SHARED(domain_get_memory_parameters)
{
        VhTypedList list = VH_TYPED_LIST(call);
        VhDomainDef *def;
        int r = test_check_flags(args->flags, getter_flags, "testDomainGetMemoryParameters", err);

        if (r == 0 && !args->nparams) {
                ret->nparams = VH_ARRAY_SIZE(memory_limits);
                return 0;
        }
        if (r == 0)
                r = test_domain_def(call, &args->dom, args->flags, &def, err);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < VH_ARRAY_SIZE(memory_limits); i++)
                vh_typed_add_ullong(&list, memory_limits[i].field, limit_of(def->memtune, i));
        VH_TYPED_ANSWER(args, ret, &list);
        return 0;
}

static void set_limits(VhDomainDef *def, const remote_domain_set_memory_parameters_args *args)
{
        if (!def)
                return;
        if (!def->memtune)
                def->memtune = vh_new(VhMemtune, 1);
        for (unsigned i = 0; i < VH_ARRAY_SIZE(memory_limits); i++) {
                const remote_typed_param *p = vh_typed_find(args->params.val, args->params.len, memory_limits[i].field);

                if (p)
                        *limit_at(def->memtune, i) = p->value.ul >= unlimited ? 0 : p->value.ul;
        }
}

static const VhTypedField memory_fields[] = {
        { VIR_DOMAIN_MEMORY_HARD_LIMIT, VIR_TYPED_PARAM_ULLONG, false },
        { VIR_DOMAIN_MEMORY_SOFT_LIMIT, VIR_TYPED_PARAM_ULLONG, false },
        { VIR_DOMAIN_MEMORY_SWAP_HARD_LIMIT, VIR_TYPED_PARAM_ULLONG, false },
};

/* The hard limit must stay below that with swap. */
static int check_limits(const VhDomainDef *def, const remote_domain_set_memory_parameters_args *args, VhError **err)
{
        const remote_typed_param *hard =
                vh_typed_find(args->params.val, args->params.len, VIR_DOMAIN_MEMORY_HARD_LIMIT);
        const remote_typed_param *swap =
                vh_typed_find(args->params.val, args->params.len, VIR_DOMAIN_MEMORY_SWAP_HARD_LIMIT);
        uint64_t h, s;

        if (!def || (!hard && !swap))
                return 0;
        h = hard ? hard->value.ul : limit_of(def->memtune, 0);
        s = swap ? swap->value.ul : limit_of(def->memtune, 2);
        if (h <= s || (!hard && h == unlimited))
                return 0;
        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG,
                            "memory hard_limit tunable value must be lower than or equal to swap_hard_limit");
}

TEST_OP_SHARED_DO(domain_set_memory_parameters)
{
        TestTargets t = {};
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, TEST_AFFECT, "testDomainSetMemoryParameters", err);

        if (r == 0)
                r = vh_typed_validate(args->params.val, args->params.len, memory_fields, VH_ARRAY_SIZE(memory_fields),
                                      err);
        if (r == 0)
                r = test_domain_targets(call, &args->dom, args->flags, &dom, &t, err);
        if (r == 0)
                r = check_limits(t.live, args, err);
        if (r == 0)
                r = check_limits(t.config, args, err);
        if (r < 0)
                return r;
        set_limits(t.live, args);
        set_limits(t.config, args);
        return 0;
}

static const VhTypedField numa_fields[] = {
        { VIR_DOMAIN_NUMA_MODE, VIR_TYPED_PARAM_INT, false },
        { VIR_DOMAIN_NUMA_NODESET, VIR_TYPED_PARAM_STRING, false },
};

/* Modes of NUMA placement: value on the wire is the model's minus one. */
TEST_OP_SHARED(domain_get_numa_parameters)
{
        VhTypedList list = VH_TYPED_LIST(call);
        VhDomainDef *def;
        VhBuf b = {};
        int r = test_check_flags(args->flags, getter_flags, "testDomainGetNumaParameters", err);

        if (r == 0 && !args->nparams) {
                ret->nparams = VH_ARRAY_SIZE(numa_fields);
                return 0;
        }
        if (r == 0)
                r = test_domain_def(call, &args->dom, args->flags, &def, err);
        if (r < 0)
                return r;
        if (def->numatune && def->numatune->nodeset)
                vh_cpuset_format(def->numatune->nodeset, &b);
        vh_typed_add_int(&list, VIR_DOMAIN_NUMA_MODE,
                         def->numatune && def->numatune->mode ? def->numatune->mode - 1 : 0);
        vh_typed_add_string(&list, VIR_DOMAIN_NUMA_NODESET, vh_call_own(call, vh_buf_take(&b)));
        VH_TYPED_ANSWER(args, ret, &list);
        return 0;
}

static int check_numa(const VhDomainDef *def, const remote_typed_param *mode, const VhCpuset *nodes, bool live,
                      VhError **err)
{
        if (!def)
                return 0;
        if (!nodes && !(def->numatune && def->numatune->nodeset))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "nodeset for NUMA memory tuning must be set if 'placement' is 'static'");
        if (live && mode && mode->value.i != (def->numatune && def->numatune->mode ? def->numatune->mode - 1 : 0))
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_INVALID,
                                    "can't change numatune mode for running domain");
        return 0;
}

static void apply_numa(VhDomainDef *def, const remote_typed_param *mode, const char *nodes)
{
        if (!def)
                return;
        if (!def->numatune)
                def->numatune = vh_new(VhNumatune, 1);
        if (mode)
                def->numatune->mode = mode->value.i + 1;
        else if (!def->numatune->mode)
                def->numatune->mode = VIR_DOMAIN_NUMATUNE_MEM_STRICT + 1;
        if (nodes) {
                free(VH_TAKE_PTR(def->numatune->nodeset));
                vh_cpuset_parse(nodes, &def->numatune->nodeset);
        }
}

TEST_OP_SHARED_DO(domain_set_numa_parameters)
{
        const remote_typed_param *mode, *nodes;
        _vh_free_ VhCpuset *set = NULL;
        TestTargets t = {};
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, TEST_AFFECT, "testDomainSetNumaParameters", err);

        if (r == 0)
                r = vh_typed_validate(args->params.val, args->params.len, numa_fields, VH_ARRAY_SIZE(numa_fields), err);
        if (r == 0)
                r = test_domain_targets(call, &args->dom, args->flags, &dom, &t, err);
        if (r < 0)
                return r;
        mode = vh_typed_find(args->params.val, args->params.len, VIR_DOMAIN_NUMA_MODE);
        nodes = vh_typed_find(args->params.val, args->params.len, VIR_DOMAIN_NUMA_NODESET);
        if (mode && (mode->value.i < 0 || mode->value.i > VIR_DOMAIN_NUMATUNE_MEM_RESTRICTIVE))
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG, "unsupported numatune mode: '%d'",
                                    mode->value.i);
        if (nodes && vh_cpuset_parse(nodes->value.s, &set) < 0)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG, "Failed to parse bitmap '%s'",
                                    nodes->value.s);
        r = check_numa(t.live, mode, set, true, err);
        if (r == 0)
                r = check_numa(t.config, mode, set, false, err);
        if (r < 0)
                return r;
        apply_numa(t.live, mode, nodes ? nodes->value.s : NULL);
        apply_numa(t.config, mode, nodes ? nodes->value.s : NULL);
        return 0;
}

/* In the order of the model's values, which begin with 1. */
static const char *const perf_events[] = {
        VIR_PERF_PARAM_CMT,
        VIR_PERF_PARAM_MBMT,
        VIR_PERF_PARAM_MBML,
        VIR_PERF_PARAM_CPU_CYCLES,
        VIR_PERF_PARAM_INSTRUCTIONS,
        VIR_PERF_PARAM_CACHE_REFERENCES,
        VIR_PERF_PARAM_CACHE_MISSES,
        VIR_PERF_PARAM_BRANCH_INSTRUCTIONS,
        VIR_PERF_PARAM_BRANCH_MISSES,
        VIR_PERF_PARAM_BUS_CYCLES,
        VIR_PERF_PARAM_STALLED_CYCLES_FRONTEND,
        VIR_PERF_PARAM_STALLED_CYCLES_BACKEND,
        VIR_PERF_PARAM_REF_CPU_CYCLES,
        VIR_PERF_PARAM_CPU_CLOCK,
        VIR_PERF_PARAM_TASK_CLOCK,
        VIR_PERF_PARAM_PAGE_FAULTS,
        VIR_PERF_PARAM_CONTEXT_SWITCHES,
        VIR_PERF_PARAM_CPU_MIGRATIONS,
        VIR_PERF_PARAM_PAGE_FAULTS_MIN,
        VIR_PERF_PARAM_PAGE_FAULTS_MAJ,
        VIR_PERF_PARAM_ALIGNMENT_FAULTS,
        VIR_PERF_PARAM_EMULATION_FAULTS,
};

static VhPerfEvent *perf_event(const VhDomainDef *def, unsigned name)
{
        for (uint32_t i = 0; i < def->perf.n; i++)
                if (def->perf.items[i]->name == name)
                        return def->perf.items[i];
        return NULL;
}

TEST_OP_SHARED(domain_get_perf_events)
{
        VhTypedList list = VH_TYPED_LIST(call);
        VhDomainDef *def;
        int r = test_check_flags(args->flags, getter_flags, "testDomainGetPerfEvents", err);

        if (r == 0)
                r = test_domain_def(call, &args->dom, args->flags, &def, err);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < VH_ARRAY_SIZE(perf_events); i++) {
                const VhPerfEvent *event = perf_event(def, i + 1);

                vh_typed_add_bool(&list, perf_events[i], event && event->enabled == VH_YES);
        }
        VH_TYPED_MOVE(&ret->params, &list);
        return 0;
}

static void set_perf(VhDomainDef *def, unsigned name, bool enabled)
{
        VhPerfEvent *event;

        if (!def)
                return;
        event = perf_event(def, name);
        if (!event) {
                event = vh_new(VhPerfEvent, 1);
                event->name = name;
                vh_list_add(&def->perf, event);
        }
        event->enabled = enabled ? VH_YES : VH_NO;
}

TEST_OP_SHARED_DO(domain_set_perf_events)
{
        VhTypedField fields[VH_ARRAY_SIZE(perf_events)];
        TestTargets t = {};
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, TEST_AFFECT, "testDomainSetPerfEvents", err);

        for (unsigned i = 0; i < VH_ARRAY_SIZE(perf_events); i++)
                fields[i] = (VhTypedField){ perf_events[i], VIR_TYPED_PARAM_BOOLEAN, false };
        if (r == 0)
                r = vh_typed_validate(args->params.val, args->params.len, fields, VH_ARRAY_SIZE(fields), err);
        if (r == 0)
                r = test_domain_targets(call, &args->dom, args->flags, &dom, &t, err);
        for (unsigned i = 0; r == 0 && i < VH_ARRAY_SIZE(perf_events); i++) {
                const remote_typed_param *p = vh_typed_find(args->params.val, args->params.len, perf_events[i]);

                if (!p)
                        continue;
                set_perf(t.live, i + 1, p->value.b);
                set_perf(t.config, i + 1, p->value.b);
        }
        return r;
}
