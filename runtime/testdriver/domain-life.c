/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domains: create, start, stop, suspend, resume, reboot. */

#include "testdriver/domain-ops.h"

static int create_xml(VhCall *call, const char *xml, uint32_t flags, remote_nonnull_domain *wire, VhError **err)
{
        TestHost *host = test_host(call);
        VhDomainDef *def;
        VhDomainObj *dom;
        int r = test_check_flags(flags, VIR_DOMAIN_START_VALIDATE, "testDomainCreateXML", err);

        if (r == 0)
                r = test_domain_parse(xml, VH_XML_STRICT, &def, err);
        if (r == 0)
                r = test_domain_adopt(host, def, true, &dom, NULL, err);
        if (r < 0)
                return r;
        test_domain_start(host, dom, VIR_DOMAIN_RUNNING_BOOTED);
        test_domain_event(host, dom, VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_BOOTED);
        vh_domain_obj_wire(dom, wire);
        return 0;
}

TEST_OP_SHARED(domain_create_xml)
{
        return create_xml(call, args->xml_desc, args->flags, &ret->dom, err);
}

TEST_OP_SHARED(domain_create_xml_with_files)
{
        return create_xml(call, args->xml_desc, args->flags, &ret->dom, err);
}

/* Starts a domain that is defined. wire may be NULL. */
static int create(VhCall *call, const remote_nonnull_domain *handle, uint32_t flags, remote_nonnull_domain *wire,
                  VhError **err)
{
        TestHost *host = test_host(call);
        VhDomainObj *dom;
        int r = test_check_flags(flags, 0, "testDomainCreateWithFlags", err);

        if (r == 0)
                r = test_domain(call, handle, &dom, err);
        if (r < 0)
                return r;
        if (dom->state != VIR_DOMAIN_SHUTOFF)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INTERNAL_ERROR, "Domain '%s' is already running",
                                    handle->name);
        test_domain_start(host, dom, VIR_DOMAIN_RUNNING_BOOTED);
        test_domain_event(host, dom, VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_BOOTED);
        if (wire)
                vh_domain_obj_wire(dom, wire);
        return 0;
}

TEST_OP_SHARED_DO(domain_create)
{
        return create(call, &args->dom, 0, NULL, err);
}

TEST_OP_SHARED(domain_create_with_flags)
{
        return create(call, &args->dom, args->flags, &ret->dom, err);
}

TEST_OP_SHARED(domain_create_with_files)
{
        return create(call, &args->dom, args->flags, &ret->dom, err);
}

static int destroy(VhCall *call, const remote_nonnull_domain *handle, uint32_t flags, VhError **err)
{
        TestHost *host = test_host(call);
        VhDomainObj *dom;
        int r = test_check_flags(flags, VIR_DOMAIN_DESTROY_GRACEFUL, "testDomainDestroyFlags", err);

        if (r == 0)
                r = test_active_domain(call, handle, &dom, err);
        if (r < 0)
                return r;
        test_domain_halt(host, dom, VIR_DOMAIN_SHUTOFF_DESTROYED, VIR_DOMAIN_EVENT_STOPPED_DESTROYED);
        return 0;
}

TEST_OP_SHARED_DO(domain_destroy)
{
        return destroy(call, &args->dom, 0, err);
}

TEST_OP_SHARED_DO(domain_destroy_flags)
{
        return destroy(call, &args->dom, args->flags, err);
}

static int shutdown_domain(VhCall *call, const remote_nonnull_domain *handle, uint32_t flags, VhError **err)
{
        TestHost *host = test_host(call);
        VhDomainObj *dom;
        int r = test_check_flags(flags, 0, "testDomainShutdownFlags", err);

        if (r == 0)
                r = test_domain(call, handle, &dom, err);
        if (r < 0)
                return r;
        if (dom->state == VIR_DOMAIN_SHUTOFF)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INTERNAL_ERROR, "domain '%s' not running",
                                    handle->name);
        test_domain_halt(host, dom, VIR_DOMAIN_SHUTOFF_SHUTDOWN, VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN);
        return 0;
}

TEST_OP_SHARED_DO(domain_shutdown)
{
        return shutdown_domain(call, &args->dom, 0, err);
}

TEST_OP_SHARED_DO(domain_shutdown_flags)
{
        return shutdown_domain(call, &args->dom, args->flags, err);
}

TEST_OP_SHARED_DO(domain_suspend)
{
        VhDomainObj *dom;
        int r = test_domain(call, &args->dom, &dom, err);

        if (r < 0)
                return r;
        if (dom->state == VIR_DOMAIN_SHUTOFF || dom->state == VIR_DOMAIN_PAUSED)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INTERNAL_ERROR, "domain '%s' not running",
                                    args->dom.name);
        vh_domain_obj_set_state(dom, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER);
        test_domain_event(test_host(call), dom, VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED);
        return 0;
}

TEST_OP_SHARED_DO(domain_resume)
{
        VhDomainObj *dom;
        int r = test_domain(call, &args->dom, &dom, err);

        if (r < 0)
                return r;
        if (dom->state != VIR_DOMAIN_PAUSED)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INTERNAL_ERROR, "domain '%s' not paused",
                                    args->dom.name);
        vh_domain_obj_set_state(dom, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNPAUSED);
        test_domain_event(test_host(call), dom, VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED);
        return 0;
}

TEST_OP_SHARED_DO(domain_reboot)
{
        const uint32_t ways = VIR_DOMAIN_REBOOT_ACPI_POWER_BTN | VIR_DOMAIN_REBOOT_GUEST_AGENT |
                              VIR_DOMAIN_REBOOT_INITCTL | VIR_DOMAIN_REBOOT_SIGNAL | VIR_DOMAIN_REBOOT_PARAVIRT;
        TestHost *host = test_host(call);
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, ways, "testDomainReboot", err);

        if (r == 0)
                r = test_active_domain(call, &args->dom, &dom, err);
        if (r < 0)
                return r;
        if (dom->def->on_reboot != VH_LIFECYCLE_DESTROY) {
                vh_domain_obj_set_state(dom, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED);
                return 0;
        }
        test_domain_halt(host, dom, VIR_DOMAIN_SHUTOFF_SHUTDOWN, VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN);
        return 0;
}

TEST_OP_SHARED_DO(domain_reset)
{
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, 0, "testDomainReset", err);

        return r < 0 ? r : test_active_domain(call, &args->dom, &dom, err);
}
