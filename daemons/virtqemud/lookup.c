/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finding domains, and what can be said about one without looking into its devices. */

#include "group.h"
#include "qemu-ops.h"

#include <errno.h>

static const VhDomainList *domains(const VhCall *call)
{
        return &qemu_driver(call)->domains;
}

QEMU_OP_NOARGS(connect_num_of_domains)
{
        ret->num = (int)domains(call)->n_active;
        return 0;
}

QEMU_OP_NOARGS(connect_num_of_defined_domains)
{
        ret->num = (int)(vh_registry_count(&domains(call)->reg) - domains(call)->n_active);
        return 0;
}

QEMU_OP_RET(connect_list_domains)
{
        return vh_domain_list_ids(domains(call), call, args->maxids, ret);
}

QEMU_OP_RET(connect_list_defined_domains)
{
        return vh_domain_list_defined(domains(call), call, args->maxnames, ret);
}

QEMU_OP_RET(connect_list_all_domains)
{
        int r = vh_check_flags(args->flags, vh_list_mask(&vh_filter_domains), VIR_FROM_QEMU,
                               "qemuConnectListAllDomains", err);

        return r < 0 ? r : vh_domain_list_all(domains(call), call, args, ret);
}

/* Fills a reply's domain; dom NULL: not found, the error is set. */
static int found(const VhDomainObj *dom, remote_nonnull_domain *wire)
{
        if (!dom)
                return -ENOENT;
        vh_domain_obj_wire(dom, wire);
        return 0;
}

QEMU_OP_RET(domain_lookup_by_id)
{
        return found(vh_domain_find_id(domains(call), args->id, VIR_FROM_QEMU, err), &ret->dom);
}

QEMU_OP_RET(domain_lookup_by_name)
{
        return found(vh_domain_find_name(domains(call), args->name, VIR_FROM_QEMU, err), &ret->dom);
}

QEMU_OP_RET(domain_lookup_by_uuid)
{
        return found(vh_domain_find_uuid(domains(call), args->uuid, VIR_FROM_QEMU, err), &ret->dom);
}

QEMU_OP_RET(domain_get_state)
{
        const VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainGetState", err);

        if (!dom || r < 0)
                return dom ? r : -ENOENT;
        ret->state = dom->state;
        ret->reason = dom->reason;
        return 0;
}

QEMU_OP_RET(domain_get_os_type)
{
        const VhDomainObj *dom = qemu_domain(call, &args->dom, err);

        if (!dom)
                return -ENOENT;
        ret->type = (char *)vh_xml_names_text(&vh_os_type_names, dom->def->os.type);
        return 0;
}

QEMU_OP_RET(domain_is_active)
{
        const VhDomainObj *dom = qemu_domain(call, &args->dom, err);

        if (!dom)
                return -ENOENT;
        ret->active = vh_domain_obj_active(dom);
        return 0;
}

QEMU_OP_RET(domain_is_persistent)
{
        const VhDomainObj *dom = qemu_domain(call, &args->dom, err);

        if (!dom)
                return -ENOENT;
        ret->persistent = dom->persistent;
        return 0;
}

QEMU_OP_RET(domain_is_updated)
{
        const VhDomainObj *dom = qemu_domain(call, &args->dom, err);

        if (!dom)
                return -ENOENT;
        ret->updated = dom->updated;
        return 0;
}

QEMU_OP_RET(domain_get_autostart)
{
        const VhDomainObj *dom = qemu_domain(call, &args->dom, err);

        if (!dom)
                return -ENOENT;
        ret->autostart = dom->autostart;
        return 0;
}

QEMU_OP(domain_set_autostart)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        bool autostart = args->autostart != 0;
        int r;

        if (!dom)
                return -ENOENT;
        if (!dom->persistent)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "cannot set autostart for transient domain");
        r = vh_persist_set_autostart(qemu_driver(call)->persist, dom->node.name, autostart, err);
        if (r == 0)
                dom->autostart = autostart;
        return r;
}

QEMU_OP_RET(domain_has_managed_save_image)
{
        const VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainHasManagedSaveImage", err);

        if (!dom || r < 0)
                return dom ? r : -ENOENT;
        ret->result = dom->has_managed_save;
        return 0;
}

/* A scheduler of the kernel's control groups. */
QEMU_OP_RET(domain_get_scheduler_type)
{
        enum { N_PARAMS = 9 };
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        int r = !dom ? -ENOENT : vh_domain_obj_active(dom) ? qemu_group_need(qemu_process(dom), QEMU_CG_CPU, err) : 0;

        if (r < 0)
                return r;
        ret->type = (char *)"posix";
        ret->nparams = N_PARAMS;
        return 0;
}
