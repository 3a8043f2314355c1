/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domains of the test driver: making, finding, starting and stopping them. */

#include "testdriver/domain-ops.h"
#include "driver/moment-ops.h"
#include <errno.h>
#include <stdio.h>

/* What a guest's clock shows until somebody sets it, seconds since 1970. */
const uint64_t test_first_guest_time = 627319920;

static const VhDomainParseEnv parse_env = {
        .arch = "i686",
        .error_domain = VIR_FROM_DOMAIN,
};

int test_domain_parse(const char *xml, unsigned flags, VhDomainDef **ret, VhError **err)
{
        return vh_domain_def_parse(ret, xml, flags | VH_XML_INACTIVE, &parse_env, err);
}

int test_domain_parse_node(const xmlNode *node, VhDomainDef **ret, VhError **err)
{
        return vh_domain_def_parse_node(ret, node, VH_XML_INACTIVE, &parse_env, err);
}

int test_domain(VhCall *call, const remote_nonnull_domain *wire, VhDomainObj **ret, VhError **err)
{
        *ret = vh_domain_find(&test_host(call)->domains, wire, VIR_FROM_TEST, err);
        return *ret ? 0 : -ENOENT;
}

int test_active_domain(VhCall *call, const remote_nonnull_domain *wire, VhDomainObj **ret, VhError **err)
{
        int r = test_domain(call, wire, ret, err);

        return r < 0 ? r : vh_domain_obj_check_active(*ret, VIR_FROM_DOMAIN, err);
}

static void priv_free(void *opaque)
{
        TestDomain *priv = opaque;

        while (priv->iothreads.n)
                free(vh_list_take(&priv->iothreads, priv->iothreads.n - 1));
        free(priv->iothreads.items);
        free(priv);
}

VhDomainObj *test_domain_add(TestHost *host, VhDomainDef *def)
{
        VhDomainObj *dom = vh_domain_list_add(&host->domains, def);
        TestDomain *priv;

        if (!dom)
                return NULL;
        priv = vh_new(TestDomain, 1);
        priv->time_seconds = test_first_guest_time;
        dom->priv = priv;
        dom->priv_free = priv_free;
        vh_moments_init(dom);
        return dom;
}

/* A second definition of a domain that is there: takes def over. live: def is going to run. */
static void replace_def(VhDomainObj *dom, VhDomainDef *def, bool live)
{
        if (!live) {
                vh_domain_obj_set_persistent_def(dom, def);
                return;
        }
        if (dom->persistent && !dom->new_def)
                dom->new_def = VH_TAKE_PTR(dom->def);
        vh_domain_def_free(dom->def);
        dom->def = def;
}

int test_domain_adopt(TestHost *host, VhDomainDef *def, bool live, VhDomainObj **ret, bool *old, VhError **err)
{
        VhRegNode *same;
        VhDomainObj *dom;
        int r = vh_registry_check_identity(&host->domains.reg, "domain", VIR_FROM_DOMAIN, def->name, def->uuid, &same,
                                           err);

        dom = VH_REG_OBJECT(same, VhDomainObj, node);
        if (r == 0 && dom && live && vh_domain_obj_active(dom))
                r = vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_INVALID, "domain '%s' is already active",
                                 dom->node.name);
        if (r < 0) {
                vh_domain_def_free(def);
                return r;
        }
        if (old)
                *old = dom;
        if (dom)
                replace_def(dom, def, live);
        else
                dom = test_domain_add(host, def);
        *ret = dom;
        return 0;
}

static bool target_used(const VhDomainDef *def, const char *name)
{
        for (uint32_t i = 0; i < def->nets.n; i++)
                if (vh_streq(def->nets.items[i]->target, name))
                        return true;
        return false;
}

/* Names the host side of each network interface that has no name. */
static void name_taps(VhDomainDef *def)
{
        unsigned next = 0;

        for (uint32_t i = 0; i < def->nets.n; i++) {
                VhNet *net = def->nets.items[i];

                while (!net->target) {
                        char *name = vh_xasprintf("testnet%u", next++);

                        if (target_used(def, name))
                                free(name);
                        else
                                net->target = name;
                }
        }
}

void test_domain_start(TestHost *host, VhDomainObj *dom, int reason)
{
        vh_domain_obj_begin_run(dom);
        name_taps(dom->def);
        vh_domain_obj_set_id(dom, host->next_id++);
        vh_domain_obj_set_state(dom, VIR_DOMAIN_RUNNING, reason);
        dom->has_managed_save = false;
}

void test_domain_stop(VhDomainObj *dom, int reason)
{
        vh_domain_obj_end_run(dom);
        vh_domain_obj_set_state(dom, VIR_DOMAIN_SHUTOFF, reason);
}

void test_domain_event(TestHost *host, const VhDomainObj *dom, int event, int detail)
{
        remote_nonnull_domain wire;

        vh_domain_obj_wire(dom, &wire);
        vh_event_domain_lifecycle(host->hub, &wire, event, detail);
}

void test_domain_halt(TestHost *host, VhDomainObj *dom, int reason, int detail)
{
        int id = dom->id;
        remote_nonnull_domain wire;

        test_domain_stop(dom, reason);
        vh_domain_obj_wire(dom, &wire);
        if (!dom->persistent)
                wire.id = id; /* the last that clients hear of it */
        vh_event_domain_lifecycle(host->hub, &wire, VIR_DOMAIN_EVENT_STOPPED, detail);
        test_domain_drop_if_gone(host, dom);
}

void test_domain_drop_if_gone(TestHost *host, VhDomainObj *dom)
{
        if (!dom->persistent && !vh_domain_obj_active(dom))
                vh_domain_list_remove(&host->domains, dom);
}

int test_targets(VhDomainObj *dom, uint32_t flags, TestTargets *t, VhError **err)
{
        int r = vh_domain_obj_affect(dom, &flags, VIR_FROM_DOMAIN, err);

        if (r < 0)
                return r;
        t->live = flags & VIR_DOMAIN_AFFECT_LIVE ? dom->def : NULL;
        t->config = flags & VIR_DOMAIN_AFFECT_CONFIG ? vh_domain_obj_persistent_def(dom) : NULL;
        return 0;
}

int test_domain_targets(VhCall *call, const remote_nonnull_domain *wire, uint32_t flags, VhDomainObj **dom,
                        TestTargets *t, VhError **err)
{
        int r = test_domain(call, wire, dom, err);

        return r < 0 ? r : test_targets(*dom, flags, t, err);
}

int test_domain_def(VhCall *call, const remote_nonnull_domain *wire, uint32_t flags, VhDomainDef **def, VhError **err)
{
        TestTargets t = {};
        VhDomainObj *dom;
        int r = test_domain_targets(call, wire, flags & TEST_AFFECT, &dom, &t, err);

        if (r == 0)
                *def = t.live ? t.live : t.config;
        return r;
}

/* The id of a running domain is part of its live XML. */
void test_domain_format(const VhDomainObj *dom, const VhDomainDef *def, unsigned flags, VhBuf *b)
{
        VhDomainDef *live = dom->def;

        if (def == live)
                live->id = (VhOptInt){ .val = dom->id, .set = vh_domain_obj_active(dom) };
        vh_domain_def_format_to(def, flags, b);
}
