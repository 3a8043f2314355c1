/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Storage volumes of the test driver. */

#include "testdriver/storage.h"

static TestVol *of_node(VhRegNode *node)
{
        return VH_REG_OBJECT(node, TestVol, node);
}

static void vol_remove(TestPool *pool, TestVol *vol)
{
        vh_registry_remove(&pool->vols, &vol->node);
        vh_storage_vol_free(vol->def);
        free(vol->node.name);
        free(vol);
}

void test_vols_clear(TestPool *pool)
{
        VH_REGISTRY_FOREACH(&pool->vols, node)
        vol_remove(pool, of_node(node));
}

static void set_wire(const TestPool *pool, const TestVol *vol, remote_nonnull_storage_vol *wire)
{
        wire->pool = pool->node.name;
        wire->name = vol->node.name;
        wire->key = vol->def->key;
}

static int find(const TestPool *pool, const char *name, TestVol **ret, VhError **err)
{
        *ret = of_node(vh_registry_by_name(&pool->vols, name));
        if (*ret)
                return 0;
        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_NO_STORAGE_VOL, "no storage vol with matching name '%s'", name);
}

/* The pool of a volume's handle and the volume. */
static int lookup(VhCall *call, const remote_nonnull_storage_vol *wire, TestPool **pool, TestVol **vol, VhError **err)
{
        int r = test_active_pool(call, wire->pool, pool, err);

        return r < 0 ? r : find(*pool, wire->name, vol, err);
}

/* Takes def over and charges the pool. */
static TestVol *vol_add(TestPool *pool, VhVolDef *def)
{
        TestVol *vol = vh_new(TestVol, 1);

        vh_reg_node_init(&vol->node, def->name, NULL);
        vh_registry_add(&pool->vols, &vol->node);
        vol->def = def;
        def->type = VH_VOL_FILE;
        if (!def->target.path)
                def->target.path =
                        vh_xasprintf("%s/%s", pool->def->target_path ? pool->def->target_path : "", def->name);
        if (!def->key)
                def->key = vh_xstrdup(def->target.path);
        pool->def->allocation += def->allocation;
        pool->def->available = pool->def->capacity - pool->def->allocation;
        return vol;
}

static int check_new(const TestPool *pool, const VhVolDef *def, VhError **err)
{
        if (!vh_registry_by_name(&pool->vols, def->name))
                return 0;
        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_FAILED, "storage vol already exists");
}

int test_vol_load(TestPool *pool, const char *xml, VhError **err)
{
        VhVolDef *def;
        int r = vh_storage_vol_parse_for(pool->def->type, xml, 0, &def, err);

        if (r < 0)
                return r;
        r = check_new(pool, def, err);
        if (r < 0)
                vh_storage_vol_free(def);
        else
                vol_add(pool, def);
        return r;
}

static int check_room(const TestPool *pool, const VhVolDef *def, VhError **err)
{
        if (pool->def->allocation + def->allocation <= pool->def->capacity)
                return 0;
        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INTERNAL_ERROR, "Not enough free space in pool for volume '%s'",
                            def->name);
}

static int create(VhCall *call, const char *pool_name, const char *xml, const char *origin,
                  remote_nonnull_storage_vol *wire, VhError **err)
{
        TestPool *pool;
        TestVol *source;
        VhVolDef *def;
        int r = test_active_pool(call, pool_name, &pool, err);

        if (r == 0)
                r = vh_storage_vol_parse_for(pool->def->type, xml, VH_XML_STRICT, &def, err);
        if (r < 0)
                return r;
        r = check_new(pool, def, err);
        if (r == 0 && origin)
                r = find(pool, origin, &source, err);
        if (r == 0)
                r = check_room(pool, def, err);
        if (r < 0) {
                vh_storage_vol_free(def);
                return r;
        }
        free(VH_TAKE_PTR(def->target.path));
        free(VH_TAKE_PTR(def->key));
        set_wire(pool, vol_add(pool, def), wire);
        return 0;
}

TEST_OP_SHARED(storage_vol_create_xml)
{
        int r = test_check_flags(args->flags, VIR_STORAGE_VOL_CREATE_VALIDATE, "testStorageVolCreateXML", err);

        return r < 0 ? r : create(call, args->pool.name, args->xml, NULL, &ret->vol, err);
}

TEST_OP_SHARED(storage_vol_create_xml_from)
{
        int r = test_check_flags(args->flags, VIR_STORAGE_VOL_CREATE_VALIDATE, "testStorageVolCreateXMLFrom", err);

        return r < 0 ? r : create(call, args->pool.name, args->xml, args->clonevol.name, &ret->vol, err);
}

int test_op_storage_vol_delete(VhCall *call, const remote_storage_vol_delete_args *args, VhError **err)
{
        TestPool *pool;
        TestVol *vol;
        int r = test_check_flags(args->flags, 0, "testStorageVolDelete", err);

        if (r == 0)
                r = lookup(call, &args->vol, &pool, &vol, err);
        if (r < 0)
                return r;
        pool->def->allocation -= vol->def->allocation;
        pool->def->available = pool->def->capacity - pool->def->allocation;
        vol_remove(pool, vol);
        return 0;
}

TEST_OP_SHARED(storage_vol_lookup_by_name)
{
        TestPool *pool;
        TestVol *vol;
        int r = test_active_pool(call, args->pool.name, &pool, err);

        if (r == 0)
                r = find(pool, args->name, &vol, err);
        if (r == 0)
                set_wire(pool, vol, &ret->vol);
        return r;
}

/* Looks through all running pools for a volume with that key, or (by_path) that path. */
static bool search(VhCall *call, const char *text, bool by_path, remote_nonnull_storage_vol *wire)
{
        VH_REGISTRY_FOREACH(&test_host(call)->pools, pnode)
        {
                const TestPool *pool = VH_REG_OBJECT(pnode, TestPool, node);

                if (!pool->active)
                        continue;
                VH_REGISTRY_FOREACH(&pool->vols, vnode)
                {
                        const TestVol *vol = of_node(vnode);

                        if (vh_streq(by_path ? vol->def->target.path : vol->def->key, text)) {
                                set_wire(pool, vol, wire);
                                return true;
                        }
                }
        }
        return false;
}

TEST_OP_SHARED(storage_vol_lookup_by_key)
{
        if (search(call, args->key, false, &ret->vol))
                return 0;
        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_NO_STORAGE_VOL, "no storage vol with matching key '%s'",
                            args->key);
}

TEST_OP_SHARED(storage_vol_lookup_by_path)
{
        if (search(call, args->path, true, &ret->vol))
                return 0;
        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_NO_STORAGE_VOL, "no storage vol with matching path '%s'",
                            args->path);
}

/* What volumes of a pool are, in terms of virStorageVolType. */
static int vol_type(const TestPool *pool)
{
        switch (pool->def->type) {
        case VH_POOL_DIR:
        case VH_POOL_FS:
        case VH_POOL_NETFS:
        case VH_POOL_VSTORAGE:
                return VIR_STORAGE_VOL_FILE;
        case VH_POOL_RBD:
        case VH_POOL_SHEEPDOG:
        case VH_POOL_GLUSTER:
                return VIR_STORAGE_VOL_NETWORK;
        default:
                return VIR_STORAGE_VOL_BLOCK;
        }
}

TEST_OP_SHARED(storage_vol_get_info)
{
        TestPool *pool;
        TestVol *vol;
        int r = lookup(call, &args->vol, &pool, &vol, err);

        if (r < 0)
                return r;
        ret->type = vol_type(pool);
        ret->capacity = vol->def->capacity;
        ret->allocation = vol->def->allocation;
        return 0;
}

TEST_OP_SHARED(storage_vol_get_xml_desc)
{
        TestPool *pool;
        TestVol *vol;
        int r = test_check_flags(args->flags, 0, "testStorageVolGetXMLDesc", err);

        if (r == 0)
                r = lookup(call, &args->vol, &pool, &vol, err);
        if (r == 0)
                ret->xml = vh_call_own(call, vh_storage_vol_format(vol->def, 0));
        return r;
}

TEST_OP_SHARED(storage_vol_get_path)
{
        TestPool *pool;
        TestVol *vol;
        int r = lookup(call, &args->vol, &pool, &vol, err);

        if (r == 0)
                ret->name = vol->def->target.path;
        return r;
}

static bool any(const VhRegNode *node)
{
        return true;
}

TEST_OP_SHARED(storage_pool_num_of_volumes)
{
        TestPool *pool;
        int r = test_active_pool(call, args->pool.name, &pool, err);

        if (r == 0)
                ret->num = vh_registry_count(&pool->vols);
        return r;
}

TEST_OP_SHARED(storage_pool_list_volumes)
{
        TestPool *pool;
        int r = test_active_pool(call, args->pool.name, &pool, err);

        if (r == 0)
                ret->names.val = vh_registry_names(&pool->vols, any, args->maxnames, &call->arena, &ret->names.len);
        return r;
}

TEST_OP_SHARED(storage_pool_list_all_volumes)
{
        TestPool *pool;
        remote_nonnull_storage_vol *val;
        int r = test_check_flags(args->flags, 0, "testStoragePoolListAllVolumes", err);

        if (r == 0)
                r = test_pool_by_uuid(call, args->pool.uuid, &pool, err);
        if (r == 0 && !pool->active)
                r = vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_INVALID, "storage pool is not active");
        if (r < 0)
                return r;
        val = vh_call_new(call, remote_nonnull_storage_vol, vh_registry_count(&pool->vols));
        VH_REGISTRY_FOREACH(&pool->vols, node)
        set_wire(pool, of_node(node), &val[ret->ret++]);
        if (args->need_results) {
                ret->vols.len = ret->ret;
                ret->vols.val = val;
        }
        return 0;
}
