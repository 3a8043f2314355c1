/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How many processors, how much memory. */

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

/* The maximum of a running guest, as the public function asks for it. */
QEMU_OP_RET(domain_get_max_vcpus)
{
        const VhDomainDef *def = qemu_config(call, &args->dom, VIR_DOMAIN_AFFECT_LIVE, err);

        if (!def)
                return -EINVAL;
        ret->num = (int)def->vcpus;
        return 0;
}

QEMU_OP_RET(domain_get_vcpus_flags)
{
        enum { KNOWN = QEMU_AFFECT | VIR_DOMAIN_VCPU_MAXIMUM | VIR_DOMAIN_VCPU_GUEST };
        const VhDomainDef *def;
        int r = vh_check_flags(args->flags, KNOWN, VIR_FROM_QEMU, "qemuDomainGetVcpusFlags", err);

        if (r < 0)
                return r;
        def = qemu_config(call, &args->dom, args->flags, err);
        if (!def)
                return -EINVAL;
        if (args->flags & VIR_DOMAIN_VCPU_GUEST)
                return qemu_agent_get_vcpus(call, &args->dom, args->flags, &ret->num, err);
        ret->num = (int)(args->flags & VIR_DOMAIN_VCPU_MAXIMUM ? def->vcpus : vh_domain_def_vcpus_current(def));
        return 0;
}

static int set_max_vcpus(VhDomainDef *def, unsigned n, VhError **err)
{
        unsigned current;

        if (n > UINT16_MAX)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "argument out of range: %u", n);
        current = vh_domain_def_vcpus_current(def);
        def->vcpus = n;
        def->vcpus_current = current < n ? current : 0;
        return 0;
}

static int set_current_vcpus(VhDomainDef *def, unsigned n, VhError **err)
{
        if (n > def->vcpus)
                return vh_error_set(
                        err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                        "requested vcpus is greater than max allowable vcpus for the persistent domain: %u > %u", n,
                        def->vcpus);
        def->vcpus_current = n < def->vcpus ? n : 0;
        return 0;
}

/* Single processors lose their settings: their numbers would no longer fit. */
static int check_list(const VhDomainDef *def, unsigned n, VhError **err)
{
        for (uint32_t i = 0; i < def->vcpu_list.n; i++)
                if (def->vcpu_list.items[i]->id >= n)
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "domain '%s' lists its vCPUs one by one; change the list instead",
                                            def->name);
        return 0;
}

int qemu_config_vcpus(VhDomainDef *def, unsigned n, VhError **err)
{
        int r = check_list(def, n, err);

        return r < 0 ? r : set_current_vcpus(def, n, err);
}

static int edit_max_vcpus(VhDomainDef *def, const void *args, VhError **err)
{
        unsigned n = *(const unsigned *)args;
        int r = check_list(def, n, err);

        return r < 0 ? r : set_max_vcpus(def, n, err);
}

static int set_vcpus_config(VhCall *call, const remote_nonnull_domain *wire, unsigned n, uint32_t flags, VhError **err)
{
        _qemu_edit_ QemuEdit edit = { 0 };
        int r = qemu_edit_begin(&edit, call, wire, VIR_DOMAIN_AFFECT_CONFIG, err);

        if (r == 0)
                r = flags & VIR_DOMAIN_VCPU_MAXIMUM ? edit_max_vcpus(edit.def, &n, err)
                                                    : qemu_config_vcpus(edit.def, n, err);
        return r < 0 ? r : qemu_edit_commit(&edit, err);
}

static int check_vcpus(const VhDomainObj *dom, unsigned n, uint32_t flags, uint32_t affect, VhError **err)
{
        if (n == 0)
                return vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "nvcpus in %s must not be zero",
                                      "virDomainSetVcpusFlags");
        if (flags & VIR_DOMAIN_VCPU_MAXIMUM && affect & VIR_DOMAIN_AFFECT_LIVE)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                    "cannot adjust maximum vcpus on running domain");
        return 0;
}

static int set_vcpus(VhCall *call, const remote_nonnull_domain *wire, unsigned n, uint32_t flags, VhError **err)
{
        enum {
                KNOWN = QEMU_AFFECT | VIR_DOMAIN_VCPU_MAXIMUM | VIR_DOMAIN_VCPU_GUEST | VIR_DOMAIN_VCPU_HOTPLUGGABLE,
        };
        VhDomainObj *dom = qemu_domain(call, wire, err);
        uint32_t affect = flags & QEMU_AFFECT;
        int r;

        if (!dom)
                return -ENOENT;
        r = vh_check_flags(flags, KNOWN, VIR_FROM_QEMU, "qemuDomainSetVcpusFlags", err);
        if (r == 0)
                r = vh_domain_obj_affect(dom, &affect, VIR_FROM_DOMAIN, err);
        if (r == 0)
                r = check_vcpus(dom, n, flags, affect, err);
        if (r < 0)
                return r;
        if (flags & VIR_DOMAIN_VCPU_GUEST)
                return qemu_agent_set_vcpus(call, wire, n, err);
        return affect & VIR_DOMAIN_AFFECT_LIVE ? qemu_vcpus_change(call, dom, n, affect)
                                               : set_vcpus_config(call, wire, n, flags, err);
}

QEMU_OP(domain_set_vcpus)
{
        return set_vcpus(call, &args->dom, args->nvcpus, VIR_DOMAIN_AFFECT_LIVE, err);
}

QEMU_OP(domain_set_vcpus_flags)
{
        return set_vcpus(call, &args->dom, args->nvcpus, args->flags, err);
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
