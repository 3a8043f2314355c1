/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domains: finding and listing them, their states and plain facts. */

#include "testdriver/domain-ops.h"
#include <time.h>

/* Nanoseconds since 1970 in steps of microseconds: what the driver shows as CPU time of every guest. */
uint64_t test_clock_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return ((uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000) * 1000;
}

static int found(const VhDomainObj *dom, remote_nonnull_domain *wire, VhError **err)
{
        if (!dom)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_NO_DOMAIN, NULL);
        vh_domain_obj_wire(dom, wire);
        return 0;
}

TEST_OP_SHARED(domain_lookup_by_id)
{
        return found(vh_domain_by_id(&test_host(call)->domains, args->id), &ret->dom, err);
}

TEST_OP_SHARED(domain_lookup_by_uuid)
{
        return found(vh_domain_by_uuid(&test_host(call)->domains, args->uuid), &ret->dom, err);
}

TEST_OP_SHARED(domain_lookup_by_name)
{
        return found(vh_domain_by_name(&test_host(call)->domains, args->name), &ret->dom, err);
}

TEST_OP_SHARED(connect_list_all_domains)
{
        int r = test_check_flags(args->flags, vh_list_mask(&vh_filter_domains), "testConnectListAllDomains", err);

        return r < 0 ? r : vh_domain_list_all(&test_host(call)->domains, call, args, ret);
}

TEST_OP_SHARED(connect_list_domains)
{
        return vh_domain_list_ids(&test_host(call)->domains, call, args->maxids, ret);
}

TEST_OP_SHARED(connect_list_defined_domains)
{
        return vh_domain_list_defined(&test_host(call)->domains, call, args->maxnames, ret);
}

TEST_OP_SHARED_GET(connect_num_of_domains)
{
        ret->num = test_host(call)->domains.n_active;
        return 0;
}

TEST_OP_SHARED_GET(connect_num_of_defined_domains)
{
        const VhDomainList *list = &test_host(call)->domains;

        ret->num = vh_registry_count(&list->reg) - list->n_active;
        return 0;
}

TEST_OP_SHARED(domain_get_info)
{
        VhDomainObj *dom;
        int r = test_domain(call, &args->dom, &dom, err);

        if (r < 0)
                return r;
        ret->state = dom->state;
        ret->maxMem = dom->def->memory;
        ret->memory = dom->def->current_memory;
        ret->nrVirtCpu = vh_domain_def_vcpus_current(dom->def);
        ret->cpuTime = test_clock_ns();
        return 0;
}

TEST_OP_SHARED(domain_get_state)
{
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, 0, "testDomainGetState", err);

        if (r == 0)
                r = test_domain(call, &args->dom, &dom, err);
        if (r < 0)
                return r;
        ret->state = dom->state;
        ret->reason = dom->reason;
        return 0;
}

TEST_OP_SHARED(domain_get_control_info)
{
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, 0, "testDomainGetControlInfo", err);

        if (r == 0)
                r = test_active_domain(call, &args->dom, &dom, err);
        if (r == 0)
                ret->state = VIR_DOMAIN_CONTROL_OK;
        return r;
}

TEST_OP_SHARED(domain_get_os_type)
{
        ret->type = (char *)"linux";
        return 0;
}

TEST_OP_SHARED(domain_get_max_memory)
{
        VhDomainObj *dom;
        int r = test_domain(call, &args->dom, &dom, err);

        if (r == 0)
                ret->memory = dom->def->memory;
        return r;
}

TEST_OP_SHARED(domain_is_active)
{
        VhDomainObj *dom;
        int r = test_domain(call, &args->dom, &dom, err);

        if (r == 0)
                ret->active = vh_domain_obj_active(dom);
        return r;
}

TEST_OP_SHARED(domain_is_persistent)
{
        VhDomainObj *dom;
        int r = test_domain(call, &args->dom, &dom, err);

        if (r == 0)
                ret->persistent = dom->persistent;
        return r;
}

TEST_OP_SHARED(domain_is_updated)
{
        return 0;
}

TEST_OP_SHARED(domain_get_autostart)
{
        VhDomainObj *dom;
        int r = test_domain(call, &args->dom, &dom, err);

        if (r == 0)
                ret->autostart = dom->autostart;
        return r;
}

TEST_OP_SHARED_DO(domain_set_autostart)
{
        VhDomainObj *dom;
        int r = test_domain(call, &args->dom, &dom, err);

        if (r == 0)
                dom->autostart = args->autostart;
        return r;
}
