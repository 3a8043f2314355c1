/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which pools there are, and what they are: lists, lookups, information, definitions. */

#include "job.h"

#include "storage-ops.h"

/* ---- lists ---- */

static bool is_active(const VhRegNode *node)
{
        const StoragePool *pool = VH_CONTAINER_OF(node, StoragePool, node);

        return pool->active;
}

static bool is_inactive(const VhRegNode *node)
{
        const StoragePool *pool = VH_CONTAINER_OF(node, StoragePool, node);

        return !pool->active && !pool->arriving;
}

STORAGE_OP_NOARGS(connect_num_of_storage_pools)
{
        ret->num = (int)vh_registry_count_picked(&storage_driver(call)->pools, is_active);
        return storage_pools_known(call);
}

STORAGE_OP_NOARGS(connect_num_of_defined_storage_pools)
{
        ret->num = (int)vh_registry_count_picked(&storage_driver(call)->pools, is_inactive);
        return storage_pools_known(call);
}

STORAGE_OP_RET(connect_list_storage_pools)
{
        ret->names.val = vh_registry_names(&storage_driver(call)->pools, is_active, args->maxnames, &call->arena,
                                           &ret->names.len);
        return storage_pools_known(call);
}

STORAGE_OP_RET(connect_list_defined_storage_pools)
{
        ret->names.val = vh_registry_names(&storage_driver(call)->pools, is_inactive, args->maxnames, &call->arena,
                                           &ret->names.len);
        return storage_pools_known(call);
}

static uint32_t facts(const StoragePool *pool)
{
        return vh_list_pool_facts(pool->active, pool->persistent, pool->autostart, pool->def->type);
}

STORAGE_OP_RET(connect_list_all_storage_pools)
{
        const VhRegistry *reg = &storage_driver(call)->pools;
        remote_nonnull_storage_pool *val = vh_call_new(call, remote_nonnull_storage_pool, vh_registry_count(reg));
        int r = vh_check_flags(args->flags, vh_list_mask(&vh_filter_storage_pools), VIR_FROM_STORAGE,
                               "storageConnectListAllStoragePools", err);

        if (r == 0)
                r = storage_pools_known(call);
        if (r != 0)
                return r;
        VH_REGISTRY_FOREACH(reg, node)
        {
                const StoragePool *pool = storage_pool_of(node);

                if (!pool->arriving && vh_list_match(&vh_filter_storage_pools, args->flags, facts(pool)))
                        storage_pool_wire(pool, &val[ret->ret++]);
        }
        if (args->need_results) {
                ret->pools.len = ret->ret;
                ret->pools.val = val;
        }
        return 0;
}

/* ---- lookups ---- */

STORAGE_OP_RET(storage_pool_lookup_by_name)
{
        StoragePool *pool = NULL;
        int r = storage_pool_named(call, args->name, STORAGE_LOOK, &pool, err);

        if (r == 0)
                storage_pool_wire(pool, &ret->pool);
        return r;
}

STORAGE_OP_RET(storage_pool_lookup_by_uuid)
{
        VhRegNode *node = vh_registry_by_uuid(&storage_driver(call)->pools, (const uint8_t *)args->uuid);
        char uuid[VH_UUID_TEXT_LEN + 1];

        if (!node)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_NO_STORAGE_POOL,
                                    "no storage pool with matching uuid '%s'",
                                    vh_uuid_format((const uint8_t *)args->uuid, uuid));
        storage_pool_wire(storage_pool_of(node), &ret->pool);
        return 0;
}

STORAGE_OP_RET(storage_pool_lookup_by_volume)
{
        StoragePool *pool = NULL;
        int r = storage_pool_named(call, args->vol.pool, STORAGE_LOOK, &pool, err);

        if (r == 0)
                storage_pool_wire(pool, &ret->pool);
        return r;
}

STORAGE_OP_RET(storage_pool_lookup_by_target_path)
{
        _vh_free_ char *path = storage_clean_path(args->path);
        int r;

        VH_REGISTRY_FOREACH(&storage_driver(call)->pools, node)
        {
                const StoragePool *pool = storage_pool_of(node);

                if (pool->active && vh_streq(pool->def->target_path, path)) {
                        storage_pool_wire(pool, &ret->pool);
                        return 0;
                }
        }
        r = storage_pools_known(call);
        return r ? r
                 : vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_NO_STORAGE_POOL,
                                "no storage pool with matching target path '%s'", path);
}

/* ---- what they are ---- */

STORAGE_OP_RET(storage_pool_is_active)
{
        StoragePool *pool = NULL;
        int r = storage_pool(call, &args->pool, STORAGE_SHARE, &pool, err);

        if (r == 0)
                ret->active = pool->active;
        return r;
}

STORAGE_OP_RET(storage_pool_is_persistent)
{
        StoragePool *pool = NULL;
        int r = storage_pool(call, &args->pool, STORAGE_LOOK, &pool, err);

        if (r == 0)
                ret->persistent = pool->persistent;
        return r;
}

STORAGE_OP_RET(storage_pool_get_info)
{
        StoragePool *pool = NULL;
        int r = storage_pool(call, &args->pool, STORAGE_SHARE, &pool, err);

        if (r != 0)
                return r;
        ret->state = pool->active ? VIR_STORAGE_POOL_RUNNING : VIR_STORAGE_POOL_INACTIVE;
        ret->capacity = pool->def->capacity;
        ret->allocation = pool->def->allocation;
        ret->available = pool->def->available;
        return 0;
}

STORAGE_OP_RET(storage_pool_get_xml_desc)
{
        StoragePool *pool = NULL;
        const VhPoolDef *def;
        int r = vh_check_flags(args->flags, VIR_STORAGE_XML_INACTIVE, VIR_FROM_STORAGE, "storagePoolGetXMLDesc", err);

        if (r == 0)
                r = storage_pool(call, &args->pool, STORAGE_SHARE, &pool, err);
        if (r != 0)
                return r;
        def = args->flags & VIR_STORAGE_XML_INACTIVE && pool->new_def ? pool->new_def : pool->def;
        ret->xml = vh_call_own(call, vh_storage_pool_format(def, 0));
        return 0;
}

STORAGE_OP_RET(storage_pool_get_autostart)
{
        StoragePool *pool = NULL;
        int r = storage_pool(call, &args->pool, STORAGE_LOOK, &pool, err);

        if (r == 0)
                ret->autostart = pool->persistent && pool->autostart;
        return r;
}
