/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How many processors, and which ones. */

#include "hotplug.h"
#include "qemu-ops.h"

#include <errno.h>

#include "model/domain-cpu.h"

/* ---- how many there are ---- */

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

/* ---- stored definitions: as many ---- */

/* What came in which order is no longer true. */
static void forget_order(VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->vcpu_list.n; i++)
                def->vcpu_list.items[i]->order = 0;
}

/* New ones are not said to be hotpluggable before they come and go. */
static void list_new(VhDomainDef *def, uint32_t before)
{
        if (!def->vcpu_list.n)
                return;
        vh_domain_list_vcpus(def);
        for (uint32_t i = before; i < def->vcpu_list.n; i++)
                def->vcpu_list.items[i]->hotpluggable = 0;
}

static int set_max_vcpus(VhDomainDef *def, unsigned n, VhError **err)
{
        uint32_t before = def->vcpus;
        const VhCpuTopology *t = def->cpu ? def->cpu->topology : NULL;
        uint32_t current = VH_MIN(vh_domain_def_vcpus_current(def), n);

        if (t && t->sockets && (uint64_t)t->sockets * t->dies * t->cores * t->threads != n)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                    "CPU topology doesn't match the desired vcpu count");
        forget_order(def);
        def->vcpus = n;
        def->vcpus_current = current < n ? current : 0;
        list_new(def, before);
        vh_domain_count_vcpus(def);
        return 0;
}

/* Those that join behind one that may leave may leave too. */
static void switch_on(VhDomainDef *def, unsigned count, bool hotpluggable)
{
        for (uint32_t i = 0; i < def->vcpu_list.n && count; i++) {
                VhVcpu *v = def->vcpu_list.items[i];

                if (v->enabled == VH_YES) {
                        hotpluggable |= v->hotpluggable == VH_YES;
                        continue;
                }
                v->enabled = VH_YES;
                v->hotpluggable = hotpluggable ? VH_YES : VH_NO;
                count--;
        }
}

static void switch_off(VhDomainDef *def, unsigned count)
{
        for (uint32_t i = def->vcpu_list.n; i-- > 0 && count;) {
                VhVcpu *v = def->vcpu_list.items[i];

                if (v->enabled == VH_NO)
                        continue;
                v->enabled = VH_NO;
                v->hotpluggable = VH_YES;
                count--;
        }
}

static int set_current_vcpus(VhDomainDef *def, const QemuVcpuWish *wish, VhError **err)
{
        unsigned n = wish->n, current = vh_domain_def_vcpus_current(def);

        if (n > def->vcpus)
                return vh_error_set(
                        err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                        "requested vcpus is greater than max allowable vcpus for the persistent domain: %u > %u", n,
                        def->vcpus);
        forget_order(def);
        if (!def->vcpu_list.n && !(wish->hotpluggable && n > current)) {
                def->vcpus_current = n < def->vcpus ? n : 0;
                return 0;
        }
        vh_domain_list_vcpus(def);
        if (n > current)
                switch_on(def, n - current, wish->hotpluggable);
        else
                switch_off(def, current - n);
        vh_domain_count_vcpus(def);
        return 0;
}

/* ---- stored definitions: these ---- */

static int check_range(const VhDomainDef *def, const VhCpuset *set, VhError **err)
{
        int last = vh_cpuset_last(set);

        if (last >= 0 && (uint32_t)last >= def->vcpus)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "vcpu %d is not present in %s config",
                                    last, def->id.set ? "live" : "persistent");
        return 0;
}

/* One that a machine has from its start leaves only together with those of its kind that follow. */
static int check_followers(const VhDomainDef *def, const VhCpuset *set, VhError **err)
{
        bool followed = false;

        for (uint32_t id = def->vcpu_list.n; id-- > 0;) {
                const VhVcpu *v = def->vcpu_list.items[id];

                if (v->enabled != VH_YES || v->hotpluggable == VH_YES)
                        continue;
                if (!vh_cpuset_has(set, id))
                        followed = true;
                else if (followed && !(id && vh_cpuset_has(set, id - 1)))
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                            "vcpu '%u' can't be modified as it is followed by non-hotpluggable online "
                                            "vcpus",
                                            id);
        }
        return 0;
}

static int set_these_vcpus(VhDomainDef *def, const QemuVcpuWish *wish, VhError **err)
{
        int r = check_range(def, wish->set, err);

        if (r < 0)
                return r;
        if (vh_cpuset_has(wish->set, 0))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "vCPU '0' can't be modified");
        vh_domain_list_vcpus(def);
        r = check_followers(def, wish->set, err);
        if (r < 0)
                return r;
        forget_order(def);
        for (uint32_t i = 0; i < def->vcpu_list.n; i++) {
                VhVcpu *v = def->vcpu_list.items[i];

                if (!vh_cpuset_has(wish->set, v->id))
                        continue;
                v->enabled = wish->on ? VH_YES : VH_NO;
                v->hotpluggable = VH_YES;
        }
        vh_domain_count_vcpus(def);
        return 0;
}

int qemu_config_vcpus(VhDomainDef *def, const QemuVcpuWish *wish, VhError **err)
{
        return wish->set ? set_these_vcpus(def, wish, err) : set_current_vcpus(def, wish, err);
}

static int change_config(VhCall *call, const remote_nonnull_domain *wire, const QemuVcpuWish *wish, bool maximum,
                         VhError **err)
{
        _qemu_edit_ QemuEdit edit = { 0 };
        int r = qemu_edit_begin(&edit, call, wire, VIR_DOMAIN_AFFECT_CONFIG, err);

        if (r == 0)
                r = maximum ? set_max_vcpus(edit.def, wish->n, err) : qemu_config_vcpus(edit.def, wish, err);
        return r < 0 ? r : qemu_edit_commit(&edit, err);
}

/* ---- the calls ---- */

static int check_number(unsigned n, uint32_t flags, uint32_t affect, VhError **err)
{
        if (n == 0)
                return vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "nvcpus in %s must not be zero",
                                      "virDomainSetVcpusFlags");
        if (flags & VIR_DOMAIN_VCPU_MAXIMUM && affect & VIR_DOMAIN_AFFECT_LIVE)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "maximum vcpu count of a live domain can't be modified");
        return 0;
}

static int set_vcpus(VhCall *call, const remote_nonnull_domain *wire, unsigned n, uint32_t flags, VhError **err)
{
        enum {
                KNOWN = QEMU_AFFECT | VIR_DOMAIN_VCPU_MAXIMUM | VIR_DOMAIN_VCPU_GUEST | VIR_DOMAIN_VCPU_HOTPLUGGABLE,
        };
        const QemuVcpuWish wish = { .n = n, .hotpluggable = flags & VIR_DOMAIN_VCPU_HOTPLUGGABLE };
        VhDomainObj *dom = qemu_domain(call, wire, err);
        uint32_t affect = flags & QEMU_AFFECT;
        int r;

        if (!dom)
                return -ENOENT;
        r = vh_check_flags(flags, KNOWN, VIR_FROM_QEMU, "qemuDomainSetVcpusFlags", err);
        if (r == 0)
                r = vh_domain_obj_affect(dom, &affect, VIR_FROM_DOMAIN, err);
        if (r == 0)
                r = check_number(n, flags, affect, err);
        if (r < 0)
                return r;
        if (flags & VIR_DOMAIN_VCPU_GUEST)
                return qemu_agent_set_vcpus(call, wire, n, err);
        return affect & VIR_DOMAIN_AFFECT_LIVE ? qemu_vcpus_change(call, dom, &wish, affect)
                                               : change_config(call, wire, &wish, flags & VIR_DOMAIN_VCPU_MAXIMUM, err);
}

QEMU_OP(domain_set_vcpus)
{
        return set_vcpus(call, &args->dom, args->nvcpus, VIR_DOMAIN_AFFECT_LIVE, err);
}

QEMU_OP(domain_set_vcpus_flags)
{
        return set_vcpus(call, &args->dom, args->nvcpus, args->flags, err);
}

static int check_set_args(const remote_domain_set_vcpu_args *args, VhCpuset **set, VhError **err)
{
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainSetVcpu", err);

        if (r < 0)
                return r;
        if (args->state != 0 && args->state != 1)
                return vh_error_plain(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "unsupported state value");
        if (vh_cpuset_parse(args->cpumap, set) < 0)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG, "Failed to parse bitmap '%s'",
                                    args->cpumap);
        return 0;
}

/* What is refused is known before anything changes. */
static int check_both(VhDomainObj *dom, const VhCpuset *set, uint32_t affect, VhError **err)
{
        int r = affect & VIR_DOMAIN_AFFECT_CONFIG ? check_range(vh_domain_obj_persistent_def(dom), set, err) : 0;

        return r == 0 && affect & VIR_DOMAIN_AFFECT_LIVE ? check_range(dom->def, set, err) : r;
}

static int set_these(VhCall *call, const remote_domain_set_vcpu_args *args, const QemuVcpuWish *wish, VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        uint32_t affect = args->flags & QEMU_AFFECT;
        int r = dom ? vh_domain_obj_affect(dom, &affect, VIR_FROM_DOMAIN, err) : -ENOENT;

        if (r == 0)
                r = check_both(dom, wish->set, affect, err);
        if (r < 0)
                return r;
        return affect & VIR_DOMAIN_AFFECT_LIVE ? qemu_vcpus_change(call, dom, wish, affect)
                                               : change_config(call, &args->dom, wish, false, err);
}

QEMU_OP(domain_set_vcpu)
{
        VhCpuset *set = NULL;
        int r = check_set_args(args, &set, err);

        if (r == 0)
                r = set_these(call, args, &(QemuVcpuWish){ .set = set, .on = args->state }, err);
        free(set);
        return r;
}
