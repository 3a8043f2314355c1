/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domains: definitions, their XML, names, metadata and what happens at the end of a run. */

#include "testdriver/domain-ops.h"
#include <errno.h>

static int define(VhCall *call, const char *xml, uint32_t flags, remote_nonnull_domain *wire, VhError **err)
{
        TestHost *host = test_host(call);
        VhDomainDef *def;
        VhDomainObj *dom;
        bool old;
        int r = test_check_flags(flags, VIR_DOMAIN_DEFINE_VALIDATE, "testDomainDefineXMLFlags", err);

        if (r == 0)
                r = test_domain_parse(xml, VH_XML_STRICT, &def, err);
        if (r == 0)
                r = test_domain_adopt(host, def, false, &dom, &old, err);
        if (r < 0)
                return r;
        dom->persistent = true;
        test_domain_event(host, dom, VIR_DOMAIN_EVENT_DEFINED,
                          old ? VIR_DOMAIN_EVENT_DEFINED_UPDATED : VIR_DOMAIN_EVENT_DEFINED_ADDED);
        vh_domain_obj_wire(dom, wire);
        return 0;
}

TEST_OP_SHARED(domain_define_xml)
{
        return define(call, args->xml, 0, &ret->dom, err);
}

TEST_OP_SHARED(domain_define_xml_flags)
{
        return define(call, args->xml, args->flags, &ret->dom, err);
}

static int check_undefine(const VhDomainObj *dom, uint32_t flags, VhError **err)
{
        unsigned n = vh_moment_count(&dom->snapshots);

        if (dom->has_managed_save && !(flags & VIR_DOMAIN_UNDEFINE_MANAGED_SAVE))
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_INVALID,
                                    "Refusing to undefine while domain managed save image exists");
        if (!vh_domain_obj_active(dom) && n && !(flags & VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA))
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_INVALID,
                                    "cannot delete inactive domain with %u snapshots", n);
        return 0;
}

static int undefine(VhCall *call, const remote_nonnull_domain *handle, uint32_t flags, VhError **err)
{
        TestHost *host = test_host(call);
        VhDomainObj *dom;
        int r = test_check_flags(flags, VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA,
                                 "testDomainUndefineFlags", err);

        if (r == 0)
                r = test_domain(call, handle, &dom, err);
        if (r == 0)
                r = check_undefine(dom, flags, err);
        if (r < 0)
                return r;
        dom->has_managed_save = false;
        dom->persistent = false;
        test_domain_event(host, dom, VIR_DOMAIN_EVENT_UNDEFINED, VIR_DOMAIN_EVENT_UNDEFINED_REMOVED);
        test_domain_drop_if_gone(host, dom);
        return 0;
}

TEST_OP_SHARED_DO(domain_undefine)
{
        return undefine(call, &args->dom, 0, err);
}

TEST_OP_SHARED_DO(domain_undefine_flags)
{
        return undefine(call, &args->dom, args->flags, err);
}

TEST_OP_SHARED(domain_get_xml_desc)
{
        const uint32_t known = VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_MIGRATABLE;
        const VhDomainDef *def;
        VhDomainObj *dom;
        VhBuf b = {};
        uint32_t flags;
        int r = test_check_flags(args->flags, known, "testDomainGetXMLDesc", err);

        if (r == 0)
                r = test_domain(call, &args->dom, &dom, err);
        if (r < 0)
                return r;
        def = (args->flags & VIR_DOMAIN_XML_INACTIVE) && dom->new_def ? dom->new_def : dom->def;
        /* Nothing of ours has to be left out for another host. */
        flags = args->flags & ~(uint32_t)VIR_DOMAIN_XML_MIGRATABLE;
        test_domain_format(dom, def, vh_domain_format_flags(flags, vh_domain_obj_active(dom)), &b);
        ret->xml = vh_call_own(call, vh_buf_take(&b));
        return 0;
}

static int set_metadata(VhDomainDef *def, const remote_domain_set_metadata_args *args, VhError **err)
{
        switch (args->type) {
        case VIR_DOMAIN_METADATA_DESCRIPTION:
                vh_strset(&def->description, args->metadata && *args->metadata ? args->metadata : NULL);
                return 0;
        case VIR_DOMAIN_METADATA_TITLE:
                vh_strset(&def->title, args->metadata && *args->metadata ? args->metadata : NULL);
                return 0;
        case VIR_DOMAIN_METADATA_ELEMENT:
                return vh_domain_set_metadata(def, args->uri, args->key, args->metadata, err);
        default:
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "unknown metadata type '%d'",
                                    args->type);
        }
}

TEST_OP_SHARED_DO(domain_set_metadata)
{
        VhDomainObj *dom;
        remote_nonnull_domain wire;
        TestTargets t = {};
        int r = test_check_flags(args->flags, TEST_AFFECT, "testDomainSetMetadata", err);

        if (r == 0)
                r = test_domain(call, &args->dom, &dom, err);
        if (r == 0)
                r = test_targets(dom, args->flags, &t, err);
        if (r == 0 && t.live)
                r = set_metadata(t.live, args, err);
        if (r == 0 && t.config)
                r = set_metadata(t.config, args, err);
        if (r < 0)
                return r;
        vh_domain_obj_wire(dom, &wire);
        vh_event_domain_metadata_change(test_host(call)->hub, &wire, args->type, args->uri);
        return 0;
}

static int get_metadata(VhCall *call, const VhDomainDef *def, const remote_domain_get_metadata_args *args, char **ret,
                        VhError **err)
{
        int r;

        switch (args->type) {
        case VIR_DOMAIN_METADATA_DESCRIPTION:
                *ret = def->description;
                break;
        case VIR_DOMAIN_METADATA_TITLE:
                *ret = def->title;
                break;
        case VIR_DOMAIN_METADATA_ELEMENT:
                r = vh_domain_get_metadata(def, args->uri, ret, err);
                if (r == 0)
                        vh_call_own(call, *ret);
                return r;
        default:
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "unknown metadata type '%d'",
                                    args->type);
        }
        if (*ret)
                return 0;
        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_NO_DOMAIN_METADATA,
                            "Requested metadata element is not present");
}

TEST_OP_SHARED(domain_get_metadata)
{
        VhDomainObj *dom;
        TestTargets t = {};
        int r = test_check_flags(args->flags, TEST_AFFECT, "testDomainGetMetadata", err);

        if (r == 0)
                r = test_domain(call, &args->dom, &dom, err);
        if (r == 0)
                r = test_targets(dom, args->flags, &t, err);
        return r < 0 ? r : get_metadata(call, t.live ? t.live : t.config, args, &ret->metadata, err);
}

static int check_rename(const VhDomainObj *dom, const VhDomainList *list, const char *name, VhError **err)
{
        if (strchr(name, '/'))
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_XML_ERROR, "name %s cannot contain '/'", name);
        if (vh_domain_obj_active(dom))
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_INVALID, "cannot rename active domain");
        if (!dom->persistent)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_INVALID, "cannot rename a transient domain");
        if (vh_streq(dom->node.name, name))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_INVALID, "Can't rename domain to itself");
        if (vh_domain_by_name(list, name))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_INVALID,
                                    "domain with name '%s' already exists", name);
        return 0;
}

TEST_OP_SHARED(domain_rename)
{
        TestHost *host = test_host(call);
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, 0, "testDomainRename", err);

        if (r == 0)
                r = test_domain(call, &args->dom, &dom, err);
        if (r == 0)
                r = check_rename(dom, &host->domains, args->new_name ? args->new_name : "", err);
        if (r < 0)
                return r;
        test_domain_event(host, dom, VIR_DOMAIN_EVENT_UNDEFINED, VIR_DOMAIN_EVENT_UNDEFINED_RENAMED);
        vh_registry_rename(&host->domains.reg, &dom->node, args->new_name);
        vh_strset(&dom->def->name, args->new_name);
        test_domain_event(host, dom, VIR_DOMAIN_EVENT_DEFINED, VIR_DOMAIN_EVENT_DEFINED_RENAMED);
        return 0;
}

/* Members of a definition by virDomainLifecycle, and which actions each may have. */
static VhLifecycle *lifecycle_of(VhDomainDef *def, unsigned type)
{
        if (type == VIR_DOMAIN_LIFECYCLE_POWEROFF)
                return &def->on_poweroff;
        return type == VIR_DOMAIN_LIFECYCLE_REBOOT ? &def->on_reboot : &def->on_crash;
}

static int check_lifecycle(unsigned type, unsigned action, VhError **err)
{
        static const char *const types[] = { "poweroff", "reboot", "crash" };
        static const char *const actions[] = { "destroy",  "restart",          "rename-restart",
                                               "preserve", "coredump-destroy", "coredump-restart" };

        if (type != VIR_DOMAIN_LIFECYCLE_CRASH && action >= VIR_DOMAIN_LIFECYCLE_ACTION_COREDUMP_DESTROY)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "Lifecycle event '%s' doesn't support '%s' action", types[type], actions[action]);
        return 0;
}

TEST_OP_SHARED_DO(domain_set_lifecycle_action)
{
        VhDomainObj *dom;
        TestTargets t = {};
        int r = test_check_flags(args->flags, TEST_AFFECT, "testDomainSetLifecycleAction", err);

        if (r == 0)
                r = check_lifecycle(args->type, args->action, err);
        if (r == 0)
                r = test_domain(call, &args->dom, &dom, err);
        if (r == 0)
                r = test_targets(dom, args->flags, &t, err);
        if (r < 0)
                return r;
        if (t.live)
                *lifecycle_of(t.live, args->type) = VH_LIFECYCLE_DESTROY + args->action;
        if (t.config)
                *lifecycle_of(t.config, args->type) = VH_LIFECYCLE_DESTROY + args->action;
        return 0;
}
