/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pools as objects: found for calls, made, changed, removed. */

#include "job.h"

#include <errno.h>

/* ---- for calls ---- */

static int no_pool(const char *what, const char *text, VhError **err)
{
        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_NO_STORAGE_POOL, "no storage pool with matching %s '%s'",
                            what, text);
}

static int wait_or_take(VhCall *call, StoragePool *pool, StorageWant want, StoragePool **ret)
{
        *ret = pool;
        return want != STORAGE_LOOK && storage_must_wait(pool, call, want) ? storage_wait(pool, call) : 0;
}

int storage_pool(VhCall *call, const remote_nonnull_storage_pool *wire, StorageWant want, StoragePool **ret,
                 VhError **err)
{
        StoragePool *pool =
                storage_pool_of(vh_registry_by_uuid(&storage_driver(call)->pools, (const uint8_t *)wire->uuid));
        char uuid[VH_UUID_TEXT_LEN + 1];

        if (!pool)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_NO_STORAGE_POOL,
                                    "no storage pool with matching uuid '%s' (%s)",
                                    vh_uuid_format((const uint8_t *)wire->uuid, uuid), wire->name);
        return wait_or_take(call, pool, want, ret);
}

int storage_pool_named(VhCall *call, const char *name, StorageWant want, StoragePool **ret, VhError **err)
{
        StoragePool *pool = storage_pool_of(vh_registry_by_name(&storage_driver(call)->pools, name));

        return pool ? wait_or_take(call, pool, want, ret) : no_pool("name", name, err);
}

int storage_pool_check_active(const StoragePool *pool, VhError **err)
{
        if (pool->active)
                return 0;
        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_OPERATION_INVALID, "storage pool '%s' is not active",
                            pool->node.name);
}

int storage_pool_check_idle(const StoragePool *pool, VhError **err)
{
        if (!pool->long_jobs)
                return 0;
        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INTERNAL_ERROR, "pool '%s' has asynchronous jobs running.",
                            pool->node.name);
}

int storage_active_pool(VhCall *call, const remote_nonnull_storage_pool *wire, StorageWant want, StoragePool **ret,
                        VhError **err)
{
        int r = storage_pool(call, wire, want, ret, err);

        return r == 0 ? storage_pool_check_active(*ret, err) : r;
}

int storage_inactive_pool(VhCall *call, const remote_nonnull_storage_pool *wire, StorageWant want, StoragePool **ret,
                          VhError **err)
{
        int r = storage_pool(call, wire, want, ret, err);

        if (r == 0 && (*ret)->active)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_OPERATION_INVALID,
                                    "storage pool '%s' is still active", (*ret)->node.name);
        return r;
}

int storage_pools_known(VhCall *call)
{
        VH_REGISTRY_FOREACH(&storage_driver(call)->pools, node)
        if (storage_pool_of(node)->waking)
                return storage_wait(storage_pool_of(node), call);
        return 0;
}

/* ---- objects ---- */

StoragePool *storage_pool_new(StorageDriver *driver, VhPoolDef *def)
{
        StoragePool *pool = vh_new(StoragePool, 1);

        vh_reg_node_init(&pool->node, def->name, def->uuid);
        pool->def = def;
        vh_registry_add(&driver->pools, &pool->node);
        return pool;
}

void storage_pool_remove(StorageDriver *driver, StoragePool *pool)
{
        vh_registry_remove(&driver->pools, &pool->node);
        storage_vols_clear(pool);
        vh_storage_pool_free(pool->def);
        vh_storage_pool_free(pool->new_def);
        free(pool->node.name);
        free(pool);
}

void storage_pool_set_def(StoragePool *pool, VhPoolDef *def)
{
        VhPoolDef **place = pool->active ? &pool->new_def : &pool->def;

        vh_storage_pool_free(*place);
        *place = def;
}

void storage_vols_clear(StoragePool *pool)
{
        VH_REGISTRY_FOREACH(&pool->vols, node)
        storage_vol_remove(pool, storage_vol_of(node));
}

void storage_pool_started(StorageDriver *driver, StoragePool *pool)
{
        pool->active = true;
        pool->arriving = false;
        storage_pool_tell(driver, pool, VIR_STORAGE_POOL_EVENT_STARTED);
}

void storage_pool_stopped(StorageDriver *driver, StoragePool *pool)
{
        storage_vols_clear(pool);
        storage_state_remove(driver, pool);
        pool->active = false;
        storage_pool_tell(driver, pool, VIR_STORAGE_POOL_EVENT_STOPPED);
        if (pool->new_def)
                storage_pool_set_def(pool, VH_TAKE_PTR(pool->new_def));
}

/* ---- for clients ---- */

void storage_pool_wire(const StoragePool *pool, remote_nonnull_storage_pool *wire)
{
        wire->name = pool->node.name;
        memcpy(wire->uuid, pool->node.uuid, VH_UUID_LEN);
}

void storage_pool_tell(StorageDriver *driver, const StoragePool *pool, int event)
{
        remote_nonnull_storage_pool wire;

        storage_pool_wire(pool, &wire);
        vh_event_storage_pool_lifecycle(driver->hub, &wire, event);
}

void storage_pool_tell_refresh(StorageDriver *driver, const StoragePool *pool)
{
        remote_nonnull_storage_pool wire;

        storage_pool_wire(pool, &wire);
        vh_event_storage_pool_refresh(driver->hub, &wire);
}
