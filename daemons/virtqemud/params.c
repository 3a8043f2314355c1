/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Typed parameters that tune a whole guest: scheduler, memory limits, NUMA placement. A table says where the definition
 * keeps each. */

#include "group.h"
#include "live-edit.h"
#include "qemu-ops.h"

#include <errno.h>

#include "model/domain-tune.h"

/* ---- scheduler ---- */

enum {
        PERIOD_MIN = 1000,
        PERIOD_MAX = 1000000,
        QUOTA_MIN = 1000,
};
#define QUOTA_MAX 17592186044415 /* microseconds; more does not fit into what the kernel counts in */

typedef enum SchedKind {
        SCHED_SHARES,
        SCHED_PERIOD,
        SCHED_QUOTA,
} SchedKind;

static const struct {
        const char *name;
        SchedKind kind;
        size_t offset; /* in VhCputune */
} sched_rows[] = {
        { "cpu_shares", SCHED_SHARES, offsetof(VhCputune, shares) },
        { "vcpu_period", SCHED_PERIOD, offsetof(VhCputune, period) },
        { "vcpu_quota", SCHED_QUOTA, offsetof(VhCputune, quota) },
        { "emulator_period", SCHED_PERIOD, offsetof(VhCputune, emulator_period) },
        { "emulator_quota", SCHED_QUOTA, offsetof(VhCputune, emulator_quota) },
        { "global_period", SCHED_PERIOD, offsetof(VhCputune, global_period) },
        { "global_quota", SCHED_QUOTA, offsetof(VhCputune, global_quota) },
        { "iothread_period", SCHED_PERIOD, offsetof(VhCputune, iothread_period) },
        { "iothread_quota", SCHED_QUOTA, offsetof(VhCputune, iothread_quota) },
};

static void add_sched(VhTypedList *list, const VhCputune *tune, size_t row)
{
        const char *field = (const char *)tune + sched_rows[row].offset;

        switch (sched_rows[row].kind) {
        case SCHED_SHARES:
                vh_typed_add_ullong(list, sched_rows[row].name, ((const VhOptU64 *)field)->val);
                break;
        case SCHED_PERIOD:
                vh_typed_add_ullong(list, sched_rows[row].name, *(const uint64_t *)field);
                break;
        case SCHED_QUOTA:
                vh_typed_add_llong(list, sched_rows[row].name, ((const VhOptInt64 *)field)->val);
        }
}

/* Whether def is what runs, in a group that counts processor time. */
static bool is_running_def(VhCall *call, const remote_nonnull_domain *wire, const VhDomainDef *def)
{
        VhDomainObj *dom = qemu_domain(call, wire, NULL);
        const QemuProcess *proc = dom ? qemu_process(dom) : NULL;

        return proc && dom->def == def && qemu_cgroup_has(proc->group, QEMU_CG_CPU);
}

static int get_sched(VhCall *call, const remote_nonnull_domain *wire, int nparams, uint32_t flags, VhTypedList *list,
                     VhError **err)
{
        static const VhCputune none;
        const VhDomainDef *def = qemu_config(call, wire, flags, err);

        if (!def)
                return -EINVAL;
        if (is_running_def(call, wire, def)) {
                VhCputune now = qemu_group_read_cpu(qemu_process(qemu_domain(call, wire, NULL)), def);

                for (size_t i = 0; i < VH_ARRAY_SIZE(sched_rows); i++)
                        add_sched(list, &now, i);
        } else {
                for (size_t i = 0; i < VH_ARRAY_SIZE(sched_rows); i++)
                        add_sched(list, def->cputune ? def->cputune : &none, i);
        }
        list->len = VH_MIN(list->len, (uint32_t)VH_MAX(nparams, 0));
        return 0;
}

QEMU_OP_RET(domain_get_scheduler_parameters)
{
        VhTypedList list = VH_TYPED_LIST(call);
        int r = get_sched(call, &args->dom, args->nparams, 0, &list, err);

        VH_TYPED_MOVE(&ret->params, &list);
        return r;
}

QEMU_OP_RET(domain_get_scheduler_parameters_flags)
{
        VhTypedList list = VH_TYPED_LIST(call);
        int r = vh_check_flags(args->flags, QEMU_AFFECT | VIR_TYPED_PARAM_STRING_OKAY, VIR_FROM_QEMU,
                               "qemuDomainGetSchedulerParametersFlags", err);

        if (r == 0)
                r = get_sched(call, &args->dom, args->nparams, args->flags, &list, err);
        VH_TYPED_MOVE(&ret->params, &list);
        return r;
}

static int out_of_range(const char *name, long long min, long long max, VhError **err)
{
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "value of '%s' is out of range [%lld, %lld]", name,
                            min, max);
}

static int set_sched_one(VhCputune *tune, size_t row, const remote_typed_param_value *value, VhError **err)
{
        char *field = (char *)tune + sched_rows[row].offset;

        switch (sched_rows[row].kind) {
        case SCHED_SHARES:
                *(VhOptU64 *)field = (VhOptU64){ value->ul, true };
                return 0;
        case SCHED_PERIOD:
                if (value->ul && (value->ul < PERIOD_MIN || value->ul > PERIOD_MAX))
                        return out_of_range(sched_rows[row].name, PERIOD_MIN, PERIOD_MAX, err);
                *(uint64_t *)field = value->ul;
                return 0;
        case SCHED_QUOTA:
                if (value->l > 0 && (value->l < QUOTA_MIN || value->l > QUOTA_MAX))
                        return out_of_range(sched_rows[row].name, QUOTA_MIN, QUOTA_MAX, err);
                *(VhOptInt64 *)field = (VhOptInt64){ value->l, value->l != 0 };
        }
        return 0;
}

typedef remote_domain_set_scheduler_parameters_flags_args SchedArgs;

static int edit_sched(VhDomainDef *def, const void *opaque, VhError **err)
{
        const SchedArgs *args = opaque;
        int r = 0;

        if (!def->cputune)
                def->cputune = vh_new(VhCputune, 1);
        for (size_t i = 0; r == 0 && i < VH_ARRAY_SIZE(sched_rows); i++) {
                const remote_typed_param *p = vh_typed_find(args->params.val, args->params.len, sched_rows[i].name);

                r = p ? set_sched_one(def->cputune, i, &p->value, err) : 0;
        }
        return r;
}

static int touch_sched(QemuProcess *proc, const VhDomainDef *def, const void *args, VhError **err)
{
        int r = qemu_group_need(proc, QEMU_CG_CPU, err);

        return r < 0 ? r : qemu_group_apply_cpu(proc, def, err);
}

static void tell_sched(VhTypedList *list, const VhDomainDef *def, const void *opaque)
{
        const SchedArgs *args = opaque;

        qemu_tell_params(list, "cputune.", args->params.val, args->params.len);
}

static int set_sched(VhCall *call, const SchedArgs *args, VhError **err)
{
        static const QemuValues values = { .edit = edit_sched, .touch = touch_sched, .tell = tell_sched };
        VhTypedField fields[VH_ARRAY_SIZE(sched_rows)];
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainSetSchedulerParametersFlags", err);

        for (size_t i = 0; i < VH_ARRAY_SIZE(sched_rows); i++)
                fields[i] = (VhTypedField){ sched_rows[i].name,
                                            sched_rows[i].kind == SCHED_QUOTA ? VIR_TYPED_PARAM_LLONG
                                                                              : VIR_TYPED_PARAM_ULLONG,
                                            false };
        if (r == 0)
                r = vh_typed_validate(args->params.val, args->params.len, fields, VH_ARRAY_SIZE(fields), err);
        return r < 0 ? r : qemu_values_change(call, &args->dom, args->flags, &values, args, err);
}

QEMU_OP(domain_set_scheduler_parameters)
{
        SchedArgs *flagged = vh_call_new(call, SchedArgs, 1);

        flagged->dom = args->dom;
        flagged->params.val = args->params.val;
        flagged->params.len = args->params.len;
        return set_sched(call, flagged, err);
}

QEMU_OP(domain_set_scheduler_parameters_flags)
{
        return set_sched(call, args, err);
}

/* ---- memory limits ---- */

#define UNLIMITED 9007199254740991 /* KiB: as clients know "no limit" */

static const struct {
        const char *name;
        size_t offset; /* in VhMemtune */
} memory_rows[] = {
        { "hard_limit", offsetof(VhMemtune, hard_limit) },
        { "soft_limit", offsetof(VhMemtune, soft_limit) },
        { "swap_hard_limit", offsetof(VhMemtune, swap_hard_limit) },
};

QEMU_OP_RET(domain_get_memory_parameters)
{
        VhTypedList list = VH_TYPED_LIST(call);
        const VhDomainDef *def;
        int r = vh_check_flags(args->flags, QEMU_AFFECT | VIR_TYPED_PARAM_STRING_OKAY, VIR_FROM_QEMU,
                               "qemuDomainGetMemoryParameters", err);

        if (r < 0)
                return r;
        def = qemu_config(call, &args->dom, args->flags, err);
        if (!def)
                return -EINVAL;
        for (size_t i = 0; i < VH_ARRAY_SIZE(memory_rows); i++) {
                uint64_t v = def->memtune ? *(const uint64_t *)((const char *)def->memtune + memory_rows[i].offset) : 0;

                vh_typed_add_ullong(&list, memory_rows[i].name, v ? v : UNLIMITED);
        }
        VH_TYPED_ANSWER(args, ret, &list);
        return 0;
}

static int edit_memory(VhDomainDef *def, const void *opaque, VhError **err)
{
        const remote_domain_set_memory_parameters_args *args = opaque;
        VhMemtune *tune = def->memtune ? def->memtune : vh_new(VhMemtune, 1);

        def->memtune = tune;
        for (size_t i = 0; i < VH_ARRAY_SIZE(memory_rows); i++) {
                const remote_typed_param *p = vh_typed_find(args->params.val, args->params.len, memory_rows[i].name);

                if (p)
                        *(uint64_t *)((char *)tune + memory_rows[i].offset) = p->value.ul < UNLIMITED ? p->value.ul : 0;
        }
        if (tune->swap_hard_limit && tune->hard_limit > tune->swap_hard_limit)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                                    "memory hard_limit tunable value must be lower than or equal to swap_hard_limit");
        return 0;
}

static int touch_memory(QemuProcess *proc, const VhDomainDef *def, const void *args, VhError **err)
{
        int r = qemu_group_need(proc, QEMU_CG_MEMORY, err);

        return r < 0 ? r : qemu_group_apply_memory(proc, def, err);
}

QEMU_OP(domain_set_memory_parameters)
{
        static const QemuValues values = { .edit = edit_memory, .touch = touch_memory };
        static const VhTypedField fields[] = {
                { "hard_limit", VIR_TYPED_PARAM_ULLONG, false },
                { "soft_limit", VIR_TYPED_PARAM_ULLONG, false },
                { "swap_hard_limit", VIR_TYPED_PARAM_ULLONG, false },
        };
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainSetMemoryParameters", err);

        if (r == 0)
                r = vh_typed_validate(args->params.val, args->params.len, fields, VH_ARRAY_SIZE(fields), err);
        return r < 0 ? r : qemu_values_change(call, &args->dom, args->flags, &values, args, err);
}

/* ---- NUMA ---- */

QEMU_OP_RET(domain_get_numa_parameters)
{
        VhTypedList list = VH_TYPED_LIST(call);
        const VhNumatune *tune;
        const VhDomainDef *def;
        VhBuf nodes = { 0 };
        int r = vh_check_flags(args->flags, QEMU_AFFECT | VIR_TYPED_PARAM_STRING_OKAY, VIR_FROM_QEMU,
                               "qemuDomainGetNumaParameters", err);

        if (r < 0)
                return r;
        def = qemu_config(call, &args->dom, args->flags, err);
        if (!def)
                return -EINVAL;
        tune = def->numatune;
        if (tune && tune->nodeset)
                vh_cpuset_format(tune->nodeset, &nodes);
        /* The model counts its words from 1, the public enum from 0. */
        vh_typed_add_int(&list, "numa_mode", tune && tune->mode ? tune->mode - 1 : VIR_DOMAIN_NUMATUNE_MEM_STRICT);
        vh_typed_add_string(&list, "numa_nodeset", vh_call_own(call, vh_buf_take(&nodes)));
        VH_TYPED_ANSWER(args, ret, &list);
        return 0;
}

static int set_numa(VhNumatune *tune, const remote_typed_param *mode, const remote_typed_param *nodeset, VhError **err)
{
        VhCpuset *set = NULL;

        if (mode &&
            (mode->value.i < VIR_DOMAIN_NUMATUNE_MEM_STRICT || mode->value.i > VIR_DOMAIN_NUMATUNE_MEM_RESTRICTIVE))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "unsupported numatune mode: '%d'",
                                    mode->value.i);
        if (nodeset && (vh_cpuset_parse(nodeset->value.s, &set) < 0 || vh_cpuset_last(set) < 0)) {
                free(set);
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG, "Failed to parse bitmap '%s'",
                                    nodeset->value.s);
        }
        if (mode)
                tune->mode = (uint8_t)(mode->value.i + 1);
        if (set) {
                free(tune->nodeset);
                tune->nodeset = set;
        }
        return 0;
}

static int edit_numa(VhDomainDef *def, const void *opaque, VhError **err)
{
        const remote_domain_set_numa_parameters_args *args = opaque;

        if (!def->numatune)
                def->numatune = vh_new(VhNumatune, 1);
        if (!def->numatune->mode)
                def->numatune->mode = VIR_DOMAIN_NUMATUNE_MEM_STRICT + 1;
        return set_numa(def->numatune, vh_typed_find(args->params.val, args->params.len, "numa_mode"),
                        vh_typed_find(args->params.val, args->params.len, "numa_nodeset"), err);
}

/* Memory of a running guest stays where QEMU put it, unless the kernel alone decides about that. */
static int touch_numa(QemuProcess *proc, const VhDomainDef *def, const void *opaque, VhError **err)
{
        const remote_domain_set_numa_parameters_args *args = opaque;
        const VhNumatune *now = proc->dom->def->numatune;
        int mode = now && now->mode ? now->mode - 1 : VIR_DOMAIN_NUMATUNE_MEM_STRICT;
        const remote_typed_param *wanted = vh_typed_find(args->params.val, args->params.len, "numa_mode");

        if (wanted && wanted->value.i != mode)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "can't change numatune mode for running domain");
        if (vh_typed_find(args->params.val, args->params.len, "numa_nodeset") && now && now->mode &&
            mode != VIR_DOMAIN_NUMATUNE_MEM_RESTRICTIVE)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "change of nodeset for running domain requires restrictive numa mode");
        if (qemu_group_need(proc, QEMU_CG_CPUSET, err) < 0)
                return -EINVAL;
        return qemu_group_apply_numa(proc, def, err);
}

QEMU_OP(domain_set_numa_parameters)
{
        static const QemuValues values = { .edit = edit_numa, .touch = touch_numa };
        static const VhTypedField fields[] = {
                { "numa_mode", VIR_TYPED_PARAM_INT, false },
                { "numa_nodeset", VIR_TYPED_PARAM_STRING, false },
        };
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainSetNumaParameters", err);

        if (r == 0)
                r = vh_typed_validate(args->params.val, args->params.len, fields, VH_ARRAY_SIZE(fields), err);
        return r < 0 ? r : qemu_values_change(call, &args->dom, args->flags, &values, args, err);
}
