/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How much memory. */

#include "live-edit.h"
#include "qemu-ops.h"

#include <errno.h>

#include "model/domain-cpu.h"

QEMU_OP_RET(domain_get_max_memory)
{
        const VhDomainObj *dom = qemu_domain(call, &args->dom, err);

        if (!dom)
                return -ENOENT;
        ret->memory = dom->def->memory;
        return 0;
}

static int set_max_memory(VhDomainDef *def, uint64_t kib, VhError **err)
{
        if (def->cpu && def->cpu->numa && def->cpu->numa->cells.n)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "initial memory size of a domain with NUMA nodes cannot be modified with this API");
        def->memory = kib;
        def->current_memory = VH_MIN(def->current_memory, kib);
        return 0;
}

static int set_current_memory(VhDomainDef *def, uint64_t kib, VhError **err)
{
        if (kib > def->memory)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                    "cannot set memory higher than max memory");
        def->current_memory = kib;
        return 0;
}

static int edit_max_memory(VhDomainDef *def, const void *args, VhError **err)
{
        return set_max_memory(def, *(const uint64_t *)args, err);
}

static int edit_current_memory(VhDomainDef *def, const void *args, VhError **err)
{
        return set_current_memory(def, *(const uint64_t *)args, err);
}

static int plan_max_memory(QemuPlan *plan, const VhDomainDef *def, const void *args, VhError **err)
{
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                            "cannot resize the maximum memory on an active domain");
}

static int plan_balloon(QemuPlan *plan, const VhDomainDef *def, const void *args, VhError **err)
{
        enum { KIB = 1024 };
        json_int_t kib = (json_int_t) * (const uint64_t *)args;

        if (!def->memballoon || def->memballoon->model == VH_MEMBALLOON_NONE)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "Unable to change memory of active domain without the balloon device and guest OS "
                                    "balloon driver");
        qemu_plan_add(plan, qmp_command("balloon", "{s:I}", "value", kib * KIB), NULL);
        return 0;
}

/* How much the guest really has follows from its balloon's events: only what is stored is set here. */
static int edit_ballooned(VhDomainDef *def, const void *args, VhError **err)
{
        if (def->id.set)
                return *(const uint64_t *)args > def->memory ? vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                                                            "cannot set memory higher than max memory")
                                                             : 0;
        return edit_current_memory(def, args, err);
}

static int set_memory(VhCall *call, const remote_nonnull_domain *wire, const uint64_t *kib, uint32_t flags,
                      VhError **err)
{
        static const QemuValues maximum = { edit_max_memory, plan_max_memory };
        static const QemuValues current = { edit_ballooned, plan_balloon };
        int r = vh_check_flags(flags, QEMU_AFFECT | VIR_DOMAIN_MEM_MAXIMUM, VIR_FROM_QEMU, "qemuDomainSetMemoryFlags",
                               err);

        if (r < 0)
                return r;
        if (*kib == 0)
                return vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "memory in %s must not be zero",
                                      "virDomainSetMemoryFlags");
        return qemu_values_change(call, wire, flags, flags & VIR_DOMAIN_MEM_MAXIMUM ? &maximum : &current, kib, err);
}

QEMU_OP(domain_set_memory)
{
        return set_memory(call, &args->dom, &args->memory, VIR_DOMAIN_AFFECT_LIVE, err);
}

QEMU_OP(domain_set_memory_flags)
{
        return set_memory(call, &args->dom, &args->memory, args->flags, err);
}

QEMU_OP(domain_set_max_memory)
{
        return set_memory(call, &args->dom, &args->memory, VIR_DOMAIN_MEM_MAXIMUM, err);
}

static int edit_period(VhDomainDef *def, const void *args, VhError **err)
{
        if (!def->memballoon || def->memballoon->model == VH_MEMBALLOON_NONE)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "No memory balloon device configured, can not set the collection period");
        def->memballoon->stats_period = *(const uint32_t *)args;
        return 0;
}

static int plan_period(QemuPlan *plan, const VhDomainDef *def, const void *args, VhError **err)
{
        _vh_free_ char *path = vh_xasprintf("/machine/peripheral/%s", def->memballoon->info.alias);

        qemu_plan_add(plan,
                      qmp_command("qom-set", "{s:s,s:s,s:i}", "path", path, "property", "guest-stats-polling-interval",
                                  "value", (int)def->memballoon->stats_period),
                      NULL);
        return 0;
}

QEMU_OP(domain_set_memory_stats_period)
{
        static const QemuValues period = { edit_period, plan_period };
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainSetMemoryStatsPeriod", err);

        if (r < 0)
                return r;
        if (args->period < 0)
                return vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "period in %s must be zero or greater",
                                      "virDomainSetMemoryStatsPeriod");
        return qemu_values_change(call, &args->dom, args->flags, &period, &args->period, err);
}
