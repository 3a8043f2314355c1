/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A domain as a driver holds it, whatever the hypervisor, and the list of them, found by id, uuid and name. Belongs to
 * the loop thread. */

#include "driver/driver.h"
#include "driver/moment.h"
#include "driver/registry.h"

typedef struct VhDomainDef VhDomainDef; /* model/domain.h */
typedef struct VhDomainList VhDomainList;

typedef struct VhDomainObj {
        VhRegNode node; /* name and uuid */
        int id;         /* -1 while inactive; changed by vh_domain_obj_set_id() only */
        UT_hash_handle by_id;
        VhDomainList *list; /* NULL once removed */

        /* def is what runs, or the stored definition while nothing runs; new_def is the stored definition of a running
         * persistent domain if it differs from (or must not change with) def, else NULL. Both owned. */
        VhDomainDef *def;
        VhDomainDef *new_def;

        int state;  /* VIR_DOMAIN_* of virDomainState */
        int reason; /* of the state's reason enum */
        bool persistent;
        bool autostart;
        bool updated; /* answer of DOMAIN_IS_UPDATED */
        bool has_managed_save;

        VhMomentList snapshots;
        VhMomentList checkpoints;

        void *priv; /* the driver's own */
        void (*priv_free)(void *priv);

        /* A job that outlives a loop turn holds a reference: the memory stays until it lets go. */
        unsigned refs;
} VhDomainObj;

struct VhDomainList {
        VhRegistry reg;
        VhDomainObj *ids;
        unsigned n_active;
};

/* Makes an inactive domain around def (taken over) and links it; name and uuid are those of def. Returns NULL if one of
 * them is taken (def stays with the caller). */
VhDomainObj *vh_domain_list_add(VhDomainList *list, VhDomainDef *def);
/* Unlinks the domain and drops the list's reference. */
void vh_domain_list_remove(VhDomainList *list, VhDomainObj *dom);
/* Removes all; the list can be used again. */
void vh_domain_list_clear(VhDomainList *list);

VhDomainObj *vh_domain_obj_ref(VhDomainObj *dom);
/* Frees with the last reference; accepts NULL, returns NULL. */
VhDomainObj *vh_domain_obj_unref(VhDomainObj *dom);
VH_DEFINE_CLEANUP(VhDomainObj *, vh_domain_obj_unref)

VhDomainObj *vh_domain_by_id(const VhDomainList *list, int id);
VhDomainObj *vh_domain_by_uuid(const VhDomainList *list, const uint8_t uuid[VH_UUID_LEN]);
VhDomainObj *vh_domain_by_name(const VhDomainList *list, const char *name);

/* Lookups for calls: on failure VIR_ERR_NO_DOMAIN from `domain` (VIR_FROM_*) with the reference's text. */
VhDomainObj *vh_domain_find_id(const VhDomainList *list, int id, int domain, VhError **err);
VhDomainObj *vh_domain_find_uuid(const VhDomainList *list, const uint8_t uuid[VH_UUID_LEN], int domain, VhError **err);
VhDomainObj *vh_domain_find_name(const VhDomainList *list, const char *name, int domain, VhError **err);
/* The domain that a client's handle means: by uuid. */
VhDomainObj *vh_domain_find(const VhDomainList *list, const remote_nonnull_domain *dom, int domain, VhError **err);

/* Sets the id (-1: inactive) and keeps the list's index and count right. */
void vh_domain_obj_set_id(VhDomainObj *dom, int id);
void vh_domain_obj_set_state(VhDomainObj *dom, int state, int reason);
static inline bool vh_domain_obj_active(const VhDomainObj *dom)
{
        return dom->id != -1;
}

/* VIR_ERR_OPERATION_INVALID "domain is not running" / "domain is already running"; 0 if the state is the wanted one. */
int vh_domain_obj_check_active(const VhDomainObj *dom, int domain, VhError **err);
int vh_domain_obj_check_inactive(const VhDomainObj *dom, int domain, VhError **err);

/* Resolves VIR_DOMAIN_AFFECT_CURRENT/LIVE/CONFIG in *flags to LIVE and/or CONFIG. Errors as the reference: live asked
 * of an inactive domain, config asked of a transient one. */
int vh_domain_obj_affect(const VhDomainObj *dom, uint32_t *flags, int domain, VhError **err);
/* The stored definition: new_def, else def. NULL for a transient running domain. */
VhDomainDef *vh_domain_obj_persistent_def(VhDomainObj *dom);
/* The definition that one of AFFECT_LIVE or AFFECT_CONFIG (resolved) means. */
VhDomainDef *vh_domain_obj_def_for(VhDomainObj *dom, uint32_t affect);

/* Replaces the stored definition by def (taken over): new_def while running, else def. */
void vh_domain_obj_set_persistent_def(VhDomainObj *dom, VhDomainDef *def);
/* The domain starts: keeps a copy of the stored definition of a persistent one in new_def. */
void vh_domain_obj_begin_run(VhDomainObj *dom);
/* The domain stopped: id -1, new_def becomes def. The caller sets the state, and removes a transient domain. */
void vh_domain_obj_end_run(VhDomainObj *dom);

/* Fills the wire form; the name is shared with the object. */
static inline void vh_domain_obj_wire(const VhDomainObj *dom, remote_nonnull_domain *wire)
{
        wire->name = dom->node.name;
        memcpy(wire->uuid, dom->node.uuid, VH_UUID_LEN);
        wire->id = dom->id;
}

/* What is true of the domain in bits of VIR_CONNECT_LIST_DOMAINS_*. */
uint32_t vh_domain_obj_facts(const VhDomainObj *dom);

/* The calls that need nothing but the list; drivers call them from the members of their ops struct. */
int vh_domain_list_all(const VhDomainList *list, VhCall *call, const remote_connect_list_all_domains_args *args,
                       remote_connect_list_all_domains_ret *ret);
int vh_domain_list_ids(const VhDomainList *list, VhCall *call, int max, remote_connect_list_domains_ret *ret);
int vh_domain_list_defined(const VhDomainList *list, VhCall *call, int max,
                           remote_connect_list_defined_domains_ret *ret);
