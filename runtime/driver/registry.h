/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The objects of a driver instance, found by name and by uuid and listed in the order they came. A registry belongs to
 * the loop thread. Objects embed a VhRegNode and own its memory; the registry only links them.
 *
 * Listing walks the links, so a list of n objects costs O(n) and copies no strings: replies point at node.name. */

#include "base/arena.h"
#include "base/error.h"
#include "base/uuid.h"
#include <uthash.h>

/* What every named object has. The first two members have the layout of remote_nonnull_network, _storage_pool and
 * _nwfilter. */
typedef struct VhRegNode {
        char *name; /* malloc()ed, owned by the object */
        uint8_t uuid[VH_UUID_LEN];
        bool has_uuid; /* false: kinds without uuids (node devices, interfaces), found by name only */
        UT_hash_handle by_name;
        UT_hash_handle by_uuid;
} VhRegNode;

/* All zero is a valid empty registry. */
typedef struct VhRegistry {
        VhRegNode *names;
        VhRegNode *uuids;
} VhRegistry;

/* Links node, whose name (and uuid, if has_uuid) are set. Returns 0, or -EEXIST if the name or the uuid is taken. */
int vh_registry_add(VhRegistry *reg, VhRegNode *node);
/* Unlinks; a node that is in no registry is left alone. */
void vh_registry_remove(VhRegistry *reg, VhRegNode *node);
/* Gives a linked node another name (copied). Returns 0 or -EEXIST. */
int vh_registry_rename(VhRegistry *reg, VhRegNode *node, const char *name);
VhRegNode *vh_registry_by_name(const VhRegistry *reg, const char *name);
VhRegNode *vh_registry_by_uuid(const VhRegistry *reg, const uint8_t uuid[VH_UUID_LEN]);
unsigned vh_registry_count(const VhRegistry *reg);

static inline VhRegNode *vh_registry_first(const VhRegistry *reg)
{
        return reg->names;
}

static inline VhRegNode *vh_registry_next(const VhRegNode *node)
{
        return node->by_name.next;
}

/* Walks all nodes; the current one may be removed on the way. */
#define VH_REGISTRY_FOREACH(reg, node)                                                                                 \
        for (VhRegNode *node = vh_registry_first(reg), *node##_next;                                                   \
             node && (node##_next = vh_registry_next(node), 1); node = node##_next)

/* The object around a node: VH_REG_OBJECT(node, VhNetworkObj, node). NULL for NULL. */
#define VH_REG_OBJECT(n, type, member)                                                                                 \
        ({                                                                                                             \
                VhRegNode *_n = (n);                                                                                   \
                _n ? VH_CONTAINER_OF(_n, type, member) : (type *)NULL;                                                 \
        })

/* Makes node ready for a registry; name is copied. uuid NULL: the kind has none. */
void vh_reg_node_init(VhRegNode *node, const char *name, const uint8_t *uuid);

/* Whether a new definition may have its name and uuid: *same is the node of both (to be updated), or NULL; else
 * VIR_ERR_OPERATION_FAILED from domain (VIR_FROM_*). kind is the word for texts ("network"). */
int vh_registry_check_identity(const VhRegistry *reg, const char *kind, int domain, const char *name,
                               const uint8_t uuid[VH_UUID_LEN], VhRegNode **same, VhError **err);

/* For the list calls that every kind has: how many are picked, and their names up to a maximum (the array is the
 * arena's, the names are the objects'). */
typedef bool (*VhRegPick)(const VhRegNode *node);
unsigned vh_registry_count_picked(const VhRegistry *reg, VhRegPick pick);
char **vh_registry_names(const VhRegistry *reg, VhRegPick pick, int max, VhArena *arena, uint32_t *n);

/* Filters of the ListAll calls. Their flags come in groups (active | inactive, ...): an object passes if each group
 * that the caller used names one of the object's facts. facts is what is true of the object, in the same bits. */
typedef struct VhListFilter {
        const uint32_t *groups;
        unsigned n_groups;
} VhListFilter;

extern const VhListFilter vh_filter_domains;       /* VIR_CONNECT_LIST_DOMAINS_* */
extern const VhListFilter vh_filter_networks;      /* VIR_CONNECT_LIST_NETWORKS_* */
extern const VhListFilter vh_filter_interfaces;    /* VIR_CONNECT_LIST_INTERFACES_* */
extern const VhListFilter vh_filter_storage_pools; /* VIR_CONNECT_LIST_STORAGE_POOLS_* */
extern const VhListFilter vh_filter_node_devices;  /* VIR_CONNECT_LIST_NODE_DEVICES_* */
extern const VhListFilter vh_filter_secrets;       /* VIR_CONNECT_LIST_SECRETS_* */

bool vh_list_match(const VhListFilter *filter, uint32_t flags, uint32_t facts);
/* All bits that the filter knows: what a ListAll call accepts. */
uint32_t vh_list_mask(const VhListFilter *filter);
/* What is true of a storage pool in the bits of vh_filter_storage_pools; type is a VhPoolType. */
uint32_t vh_list_pool_facts(bool active, bool persistent, bool autostart, unsigned type);
