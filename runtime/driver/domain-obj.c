/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domain objects and the list of them. */

#include "driver/domain-obj.h"
#include "api.h"
#include "model/domain.h"
#include <errno.h>

VhDomainObj *vh_domain_list_add(VhDomainList *list, VhDomainDef *def)
{
        VhDomainObj *dom = vh_new(VhDomainObj, 1);

        dom->node.name = vh_xstrdup(def->name);
        memcpy(dom->node.uuid, def->uuid, VH_UUID_LEN);
        dom->node.has_uuid = true;
        if (vh_registry_add(&list->reg, &dom->node) < 0) {
                free(dom->node.name);
                free(dom);
                return NULL;
        }
        dom->refs = 1;
        dom->id = -1;
        dom->list = list;
        dom->def = def;
        dom->state = VIR_DOMAIN_SHUTOFF;
        return dom;
}

void vh_domain_list_remove(VhDomainList *list, VhDomainObj *dom)
{
        if (dom->list != list)
                return;
        vh_domain_obj_set_id(dom, -1);
        vh_registry_remove(&list->reg, &dom->node);
        dom->list = NULL;
        vh_domain_obj_unref(dom);
}

void vh_domain_list_clear(VhDomainList *list)
{
        VH_REGISTRY_FOREACH(&list->reg, node)
        vh_domain_list_remove(list, VH_REG_OBJECT(node, VhDomainObj, node));
}

VhDomainObj *vh_domain_obj_ref(VhDomainObj *dom)
{
        dom->refs++;
        return dom;
}

VhDomainObj *vh_domain_obj_unref(VhDomainObj *dom)
{
        if (!dom || --dom->refs)
                return NULL;
        vh_moment_clear(&dom->snapshots);
        vh_moment_clear(&dom->checkpoints);
        if (dom->priv_free)
                dom->priv_free(dom->priv);
        vh_domain_def_free(dom->def);
        vh_domain_def_free(dom->new_def);
        free(dom->node.name);
        free(dom);
        return NULL;
}

VhDomainObj *vh_domain_by_id(const VhDomainList *list, int id)
{
        VhDomainObj *dom;

        HASH_FIND(by_id, list->ids, &id, sizeof(id), dom);
        return dom;
}

VhDomainObj *vh_domain_by_uuid(const VhDomainList *list, const uint8_t uuid[VH_UUID_LEN])
{
        return VH_REG_OBJECT(vh_registry_by_uuid(&list->reg, uuid), VhDomainObj, node);
}

VhDomainObj *vh_domain_by_name(const VhDomainList *list, const char *name)
{
        return VH_REG_OBJECT(vh_registry_by_name(&list->reg, name), VhDomainObj, node);
}

VhDomainObj *vh_domain_find_id(const VhDomainList *list, int id, int domain, VhError **err)
{
        VhDomainObj *dom = vh_domain_by_id(list, id);

        if (!dom)
                vh_error_set(err, domain, VIR_ERR_NO_DOMAIN, "no domain with matching id %d", id);
        return dom;
}

VhDomainObj *vh_domain_find_uuid(const VhDomainList *list, const uint8_t uuid[VH_UUID_LEN], int domain, VhError **err)
{
        VhDomainObj *dom = vh_domain_by_uuid(list, uuid);
        char text[VH_UUID_TEXT_LEN + 1];

        if (!dom)
                vh_error_set(err, domain, VIR_ERR_NO_DOMAIN, "no domain with matching uuid '%s'",
                             vh_uuid_format(uuid, text));
        return dom;
}

VhDomainObj *vh_domain_find_name(const VhDomainList *list, const char *name, int domain, VhError **err)
{
        VhDomainObj *dom = vh_domain_by_name(list, name);

        if (!dom)
                vh_error_set(err, domain, VIR_ERR_NO_DOMAIN, "no domain with matching name '%s'", name);
        return dom;
}

VhDomainObj *vh_domain_find(const VhDomainList *list, const remote_nonnull_domain *wire, int domain, VhError **err)
{
        VhDomainObj *dom = vh_domain_by_uuid(list, wire->uuid);
        char text[VH_UUID_TEXT_LEN + 1];

        if (!dom)
                vh_error_set(err, domain, VIR_ERR_NO_DOMAIN, "no domain with matching uuid '%s' (%s)",
                             vh_uuid_format(wire->uuid, text), wire->name);
        return dom;
}

void vh_domain_obj_set_id(VhDomainObj *dom, int id)
{
        VhDomainList *list = dom->list;

        if (dom->id == id || !list)
                return;
        if (dom->id != -1) {
                HASH_DELETE(by_id, list->ids, dom);
                list->n_active--;
        }
        dom->id = id;
        if (id != -1) {
                HASH_ADD(by_id, list->ids, id, sizeof(dom->id), dom);
                list->n_active++;
        }
}

void vh_domain_obj_set_state(VhDomainObj *dom, int state, int reason)
{
        dom->state = state;
        dom->reason = reason;
}

int vh_domain_obj_check_active(const VhDomainObj *dom, int domain, VhError **err)
{
        if (vh_domain_obj_active(dom))
                return 0;
        return vh_error_set(err, domain, VIR_ERR_OPERATION_INVALID, "domain is not running");
}

int vh_domain_obj_check_inactive(const VhDomainObj *dom, int domain, VhError **err)
{
        if (!vh_domain_obj_active(dom))
                return 0;
        return vh_error_set(err, domain, VIR_ERR_OPERATION_INVALID, "domain is already running");
}

int vh_domain_obj_affect(const VhDomainObj *dom, uint32_t *flags, int domain, VhError **err)
{
        const uint32_t both = VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG;
        bool active = vh_domain_obj_active(dom);

        if (!(*flags & both))
                *flags |= active ? VIR_DOMAIN_AFFECT_LIVE : VIR_DOMAIN_AFFECT_CONFIG;
        if ((*flags & VIR_DOMAIN_AFFECT_LIVE) && !active)
                return vh_error_set(err, domain, VIR_ERR_OPERATION_INVALID, "domain is not running");
        if ((*flags & VIR_DOMAIN_AFFECT_CONFIG) && !dom->persistent)
                return vh_error_set(err, domain, VIR_ERR_OPERATION_INVALID,
                                    "transient domains do not have any persistent config");
        return 0;
}

VhDomainDef *vh_domain_obj_persistent_def(VhDomainObj *dom)
{
        if (!vh_domain_obj_active(dom))
                return dom->def;
        return dom->persistent ? dom->new_def : NULL;
}

VhDomainDef *vh_domain_obj_def_for(VhDomainObj *dom, uint32_t affect)
{
        return affect & VIR_DOMAIN_AFFECT_LIVE ? dom->def : vh_domain_obj_persistent_def(dom);
}

void vh_domain_obj_set_persistent_def(VhDomainObj *dom, VhDomainDef *def)
{
        VhDomainDef **place = vh_domain_obj_active(dom) ? &dom->new_def : &dom->def;

        vh_domain_def_free(*place);
        *place = def;
}

void vh_domain_obj_begin_run(VhDomainObj *dom)
{
        if (dom->persistent && !dom->new_def)
                dom->new_def = vh_domain_def_copy(dom->def);
}

void vh_domain_obj_end_run(VhDomainObj *dom)
{
        vh_domain_obj_set_id(dom, -1);
        if (!dom->new_def)
                return;
        vh_domain_def_free(dom->def);
        dom->def = VH_TAKE_PTR(dom->new_def);
}

/* Facts that follow from a state of virDomainState. */
static uint32_t state_fact(int state)
{
        switch (state) {
        case VIR_DOMAIN_RUNNING:
                return VIR_CONNECT_LIST_DOMAINS_RUNNING;
        case VIR_DOMAIN_PAUSED:
                return VIR_CONNECT_LIST_DOMAINS_PAUSED;
        case VIR_DOMAIN_SHUTOFF:
                return VIR_CONNECT_LIST_DOMAINS_SHUTOFF;
        default:
                return VIR_CONNECT_LIST_DOMAINS_OTHER;
        }
}

uint32_t vh_domain_obj_facts(const VhDomainObj *dom)
{
#define EITHER(cond, YES, NO) ((cond) ? VIR_CONNECT_LIST_DOMAINS_##YES : VIR_CONNECT_LIST_DOMAINS_##NO)
        return EITHER(vh_domain_obj_active(dom), ACTIVE, INACTIVE) | EITHER(dom->persistent, PERSISTENT, TRANSIENT) |
               state_fact(dom->state) | EITHER(dom->has_managed_save, MANAGEDSAVE, NO_MANAGEDSAVE) |
               EITHER(dom->autostart, AUTOSTART, NO_AUTOSTART) | EITHER(dom->snapshots.all, HAS_SNAPSHOT, NO_SNAPSHOT) |
               EITHER(dom->checkpoints.all, HAS_CHECKPOINT, NO_CHECKPOINT);
#undef EITHER
}

int vh_domain_list_all(const VhDomainList *list, VhCall *call, const remote_connect_list_all_domains_args *args,
                       remote_connect_list_all_domains_ret *ret)
{
        unsigned total = vh_registry_count(&list->reg);
        remote_nonnull_domain *val = vh_call_new(call, remote_nonnull_domain, total);
        unsigned n = 0;

        VH_REGISTRY_FOREACH(&list->reg, node)
        {
                const VhDomainObj *dom = VH_REG_OBJECT(node, VhDomainObj, node);

                if (!args->flags || vh_list_match(&vh_filter_domains, args->flags, vh_domain_obj_facts(dom)))
                        vh_domain_obj_wire(dom, &val[n++]);
        }
        ret->ret = n;
        if (args->need_results) {
                ret->domains.len = n;
                ret->domains.val = val;
        }
        return 0;
}

int vh_domain_list_ids(const VhDomainList *list, VhCall *call, int max, remote_connect_list_domains_ret *ret)
{
        unsigned room = VH_MIN((unsigned)VH_MAX(max, 0), list->n_active);

        ret->ids.val = vh_call_new(call, int, room);
        VH_REGISTRY_FOREACH(&list->reg, node)
        {
                const VhDomainObj *dom = VH_REG_OBJECT(node, VhDomainObj, node);

                if (ret->ids.len < room && vh_domain_obj_active(dom))
                        ret->ids.val[ret->ids.len++] = dom->id;
        }
        return 0;
}

int vh_domain_list_defined(const VhDomainList *list, VhCall *call, int max,
                           remote_connect_list_defined_domains_ret *ret)
{
        unsigned room = VH_MIN((unsigned)VH_MAX(max, 0), vh_registry_count(&list->reg) - list->n_active);

        ret->names.val = vh_call_new(call, char *, room);
        VH_REGISTRY_FOREACH(&list->reg, node)
        {
                const VhDomainObj *dom = VH_REG_OBJECT(node, VhDomainObj, node);

                if (ret->names.len < room && !vh_domain_obj_active(dom))
                        ret->names.val[ret->names.len++] = dom->node.name;
        }
        return 0;
}
