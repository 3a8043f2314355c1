/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How many processors, how much memory. */

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
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                    "vCPU count provided by the guest agent can only be requested for live domains");
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

static int set_vcpus(VhCall *call, const remote_nonnull_domain *wire, unsigned n, uint32_t flags, VhError **err)
{
        enum {
                KNOWN = QEMU_AFFECT | VIR_DOMAIN_VCPU_MAXIMUM | VIR_DOMAIN_VCPU_GUEST | VIR_DOMAIN_VCPU_HOTPLUGGABLE,
        };
        _qemu_edit_ QemuEdit edit = { 0 };
        int r = vh_check_flags(flags, KNOWN, VIR_FROM_QEMU, "qemuDomainSetVcpusFlags", err);

        if (r == 0)
                r = qemu_edit_begin(&edit, call, wire, flags, err);
        if (r < 0)
                return r;
        if (n == 0)
                return vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "nvcpus in %s must not be zero",
                                      "virDomainSetVcpusFlags");
        if (flags & VIR_DOMAIN_VCPU_GUEST)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_INVALID, "domain is not running");
        /* Single processors lose their settings: their numbers would no longer fit. */
        for (uint32_t i = 0; i < edit.def->vcpu_list.n; i++)
                if (edit.def->vcpu_list.items[i]->id >= n)
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "domain '%s' lists its vCPUs one by one; change the list instead",
                                            edit.dom->node.name);
        r = flags & VIR_DOMAIN_VCPU_MAXIMUM ? set_max_vcpus(edit.def, n, err) : set_current_vcpus(edit.def, n, err);
        return r < 0 ? r : qemu_edit_commit(&edit, err);
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

static int set_memory(VhCall *call, const remote_nonnull_domain *wire, uint64_t kib, uint32_t flags, VhError **err)
{
        _qemu_edit_ QemuEdit edit = { 0 };
        int r = vh_check_flags(flags, QEMU_AFFECT | VIR_DOMAIN_MEM_MAXIMUM, VIR_FROM_QEMU, "qemuDomainSetMemoryFlags",
                               err);

        if (r == 0)
                r = qemu_edit_begin(&edit, call, wire, flags, err);
        if (r < 0)
                return r;
        if (kib == 0)
                return vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "memory in %s must not be zero",
                                      "virDomainSetMemoryFlags");
        r = flags & VIR_DOMAIN_MEM_MAXIMUM ? set_max_memory(edit.def, kib, err)
                                           : set_current_memory(edit.def, kib, err);
        return r < 0 ? r : qemu_edit_commit(&edit, err);
}

QEMU_OP(domain_set_memory)
{
        return set_memory(call, &args->dom, args->memory, VIR_DOMAIN_AFFECT_LIVE, err);
}

QEMU_OP(domain_set_memory_flags)
{
        return set_memory(call, &args->dom, args->memory, args->flags, err);
}

QEMU_OP(domain_set_max_memory)
{
        return set_memory(call, &args->dom, args->memory, VIR_DOMAIN_MEM_MAXIMUM, err);
}

QEMU_OP(domain_set_memory_stats_period)
{
        _qemu_edit_ QemuEdit edit = { 0 };
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainSetMemoryStatsPeriod", err);

        if (r == 0)
                r = qemu_edit_begin(&edit, call, &args->dom, args->flags, err);
        if (r < 0)
                return r;
        if (args->period < 0)
                return vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "period in %s must be zero or greater",
                                      "virDomainSetMemoryStatsPeriod");
        if (!edit.def->memballoon || edit.def->memballoon->model == VH_MEMBALLOON_NONE)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "No memory balloon device configured, can not set the collection period");
        edit.def->memballoon->stats_period = (uint32_t)args->period;
        return qemu_edit_commit(&edit, err);
}
