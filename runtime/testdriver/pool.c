/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Storage pools of the test driver. */

#include "testdriver/test.h"
#include "testdriver/storage.h"
#include <errno.h>

/* What every pool can hold, bytes. */
static const uint64_t default_capacity = UINT64_C(100) << 30;

static TestPool *of_node(VhRegNode *node)
{
        return VH_REG_OBJECT(node, TestPool, node);
}

static bool is_active(const VhRegNode *node)
{
        return VH_CONTAINER_OF(node, TestPool, node)->active;
}

static bool is_inactive(const VhRegNode *node)
{
        return !is_active(node);
}

int test_pool(VhCall *call, const char *name, TestPool **ret, VhError **err)
{
        *ret = of_node(vh_registry_by_name(&test_host(call)->pools, name));
        if (*ret)
                return 0;
        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_NO_STORAGE_POOL, "no storage pool with matching name '%s'",
                            name);
}

int test_active_pool(VhCall *call, const char *name, TestPool **ret, VhError **err)
{
        int r = test_pool(call, name, ret, err);

        if (r == 0 && !(*ret)->active)
                r = vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_INVALID, "storage pool '%s' is not active",
                                 name);
        return r;
}

static int inactive_pool(VhCall *call, const char *name, TestPool **ret, VhError **err)
{
        int r = test_pool(call, name, ret, err);

        if (r == 0 && (*ret)->active)
                r = vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_INVALID, "storage pool '%s' is active", name);
        return r;
}

int test_pool_by_uuid(VhCall *call, const uint8_t uuid[VH_UUID_LEN], TestPool **ret, VhError **err)
{
        char text[VH_UUID_TEXT_LEN + 1];

        *ret = of_node(vh_registry_by_uuid(&test_host(call)->pools, uuid));
        if (*ret)
                return 0;
        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_NO_STORAGE_POOL, "no storage pool with matching uuid '%s'",
                            vh_uuid_format(uuid, text));
}

static void pool_remove(TestHost *host, TestPool *pool)
{
        vh_registry_remove(&host->pools, &pool->node);
        test_vols_clear(pool);
        vh_storage_pool_free(pool->def);
        vh_storage_pool_free(pool->new_def);
        free(pool->node.name);
        free(pool);
}

void test_pools_clear(TestHost *host)
{
        VH_REGISTRY_FOREACH(&host->pools, node)
        pool_remove(host, of_node(node));
}

static void set_wire(const TestPool *pool, remote_nonnull_storage_pool *wire)
{
        wire->name = pool->node.name;
        memcpy(wire->uuid, pool->node.uuid, VH_UUID_LEN);
}

static void emit(TestHost *host, const TestPool *pool, int event)
{
        remote_nonnull_storage_pool wire;

        set_wire(pool, &wire);
        vh_event_storage_pool_lifecycle(host->hub, &wire, event);
}

/* Pools of local paths must not share one. */
static int check_source(const TestHost *host, const VhPoolDef *def, VhError **err)
{
        VH_REGISTRY_FOREACH(&host->pools, node)
        {
                const TestPool *other = of_node(node);

                if (memcmp(other->node.uuid, def->uuid, VH_UUID_LEN) == 0 || other->def->type != def->type)
                        continue;
                if (def->type == VH_POOL_DIR && vh_streq(def->target_path, other->def->target_path))
                        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_OPERATION_FAILED,
                                            "Storage source conflict with pool: '%s'", other->node.name);
        }
        return 0;
}

static TestPool *pool_new(TestHost *host, const VhPoolDef *def)
{
        TestPool *pool = vh_new(TestPool, 1);

        vh_reg_node_init(&pool->node, def->name, def->uuid);
        vh_registry_add(&host->pools, &pool->node);
        return pool;
}

/* Takes def over. must_stand: a running pool of the same name and uuid is refused. */
static int adopt(TestHost *host, VhPoolDef *def, bool must_stand, TestPool **ret, VhError **err)
{
        VhRegNode *same;
        TestPool *pool = NULL;
        VhPoolDef **place;
        int r = vh_registry_check_identity(&host->pools, "pool", VIR_FROM_STORAGE, def->name, def->uuid, &same, err);

        pool = of_node(same);
        if (r == 0 && pool && pool->active && must_stand)
                r = vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_OPERATION_INVALID, "pool is already active as '%s'",
                                 pool->node.name);
        if (r == 0)
                r = check_source(host, def, err);
        if (r < 0) {
                vh_storage_pool_free(def);
                return r;
        }
        if (!pool)
                pool = pool_new(host, def);
        def->capacity = default_capacity;
        def->allocation = pool->def ? pool->def->allocation : 0;
        def->available = def->capacity - def->allocation;
        place = pool->active ? &pool->new_def : &pool->def;
        vh_storage_pool_free(*place);
        *place = def;
        *ret = pool;
        return 0;
}

int test_pool_load(TestHost *host, const char *xml, TestPool **ret, VhError **err)
{
        VhPoolDef *def;
        TestPool *pool = NULL;
        int r = vh_storage_pool_parse(xml, 0, &def, err);

        if (r == 0)
                r = adopt(host, def, false, &pool, err);
        if (r < 0)
                return r;
        pool->active = pool->persistent = true;
        if (ret)
                *ret = pool;
        return 0;
}

/* The virtual adapter of a pool on one, NULL for other pools. */
static const VhPoolAdapter *vport_of(const TestPool *pool)
{
        const VhPoolAdapter *a = pool->def->source.adapter;

        return a && a->type == VH_ADAPTER_FC_HOST ? a : NULL;
}

static void pool_start(TestHost *host, TestPool *pool)
{
        const VhPoolAdapter *vport = vport_of(pool);

        if (vport)
                test_vport_create(host, vport->parent, vport->wwnn, vport->wwpn);
        pool->active = true;
}

TEST_OP(storage_pool_create_xml)
{
        TestHost *host = test_host(call);
        VhPoolDef *def;
        TestPool *pool = NULL;
        int r = test_check_flags(args->flags, 0, "testStoragePoolCreateXML", err);

        if (r == 0)
                r = vh_storage_pool_parse(args->xml, VH_XML_STRICT, &def, err);
        if (r == 0)
                r = adopt(host, def, true, &pool, err);
        if (r < 0)
                return r;
        pool_start(host, pool);
        emit(host, pool, VIR_STORAGE_POOL_EVENT_STARTED);
        set_wire(pool, &ret->pool);
        return 0;
}

TEST_OP(storage_pool_define_xml)
{
        TestHost *host = test_host(call);
        VhPoolDef *def;
        TestPool *pool = NULL;
        int r = test_check_flags(args->flags, VIR_STORAGE_POOL_DEFINE_VALIDATE, "testStoragePoolDefineXML", err);

        if (r == 0)
                r = vh_storage_pool_parse(args->xml, VH_XML_STRICT, &def, err);
        if (r == 0)
                r = adopt(host, def, false, &pool, err);
        if (r < 0)
                return r;
        pool->persistent = true;
        emit(host, pool, VIR_STORAGE_POOL_EVENT_DEFINED);
        set_wire(pool, &ret->pool);
        return 0;
}

TEST_OP_DO(storage_pool_build)
{
        TestPool *pool = NULL;
        int r = test_check_flags(args->flags, 0, "testStoragePoolBuild", err);

        if (r == 0)
                r = inactive_pool(call, args->pool.name, &pool, err);
        if (r == 0)
                emit(test_host(call), pool, VIR_STORAGE_POOL_EVENT_CREATED);
        return r;
}

TEST_OP_DO(storage_pool_create)
{
        TestPool *pool = NULL;
        int r = test_check_flags(args->flags, 0, "testStoragePoolCreate", err);

        if (r == 0)
                r = inactive_pool(call, args->pool.name, &pool, err);
        if (r < 0)
                return r;
        pool->active = true;
        emit(test_host(call), pool, VIR_STORAGE_POOL_EVENT_STARTED);
        return 0;
}

static void remove_vport(TestHost *host, const TestPool *pool)
{
        const VhPoolAdapter *vport = vport_of(pool);
        TestDevice *dev = vport ? test_vport_find(host, vport->wwnn, vport->wwpn) : NULL;

        if (dev)
                test_device_remove(host, dev);
}

TEST_OP_DO(storage_pool_destroy)
{
        TestHost *host = test_host(call);
        TestPool *pool = NULL;
        int r = test_active_pool(call, args->pool.name, &pool, err);

        if (r < 0)
                return r;
        pool->active = false;
        remove_vport(host, pool);
        emit(host, pool, VIR_STORAGE_POOL_EVENT_STOPPED);
        if (!pool->persistent) {
                pool_remove(host, pool);
        } else if (pool->new_def) {
                vh_storage_pool_free(pool->def);
                pool->def = VH_TAKE_PTR(pool->new_def);
        }
        return 0;
}

TEST_OP_DO(storage_pool_delete)
{
        TestPool *pool = NULL;
        int r = test_check_flags(args->flags, 0, "testStoragePoolDelete", err);

        if (r == 0)
                r = inactive_pool(call, args->pool.name, &pool, err);
        if (r == 0)
                emit(test_host(call), pool, VIR_STORAGE_POOL_EVENT_DELETED);
        return r;
}

TEST_OP_DO(storage_pool_undefine)
{
        TestPool *pool = NULL;
        int r = inactive_pool(call, args->pool.name, &pool, err);

        if (r < 0)
                return r;
        emit(test_host(call), pool, VIR_STORAGE_POOL_EVENT_UNDEFINED);
        pool_remove(test_host(call), pool);
        return 0;
}

TEST_OP_DO(storage_pool_refresh)
{
        remote_nonnull_storage_pool wire;
        TestPool *pool = NULL;
        int r = test_check_flags(args->flags, 0, "testStoragePoolRefresh", err);

        if (r == 0)
                r = test_active_pool(call, args->pool.name, &pool, err);
        if (r < 0)
                return r;
        set_wire(pool, &wire);
        vh_event_storage_pool_refresh(test_host(call)->hub, &wire);
        return 0;
}

TEST_OP(storage_pool_get_info)
{
        TestPool *pool = NULL;
        int r = test_pool(call, args->pool.name, &pool, err);

        if (r < 0)
                return r;
        ret->state = pool->active ? VIR_STORAGE_POOL_RUNNING : VIR_STORAGE_POOL_INACTIVE;
        ret->capacity = pool->def->capacity;
        ret->allocation = pool->def->allocation;
        ret->available = pool->def->available;
        return 0;
}

TEST_OP(storage_pool_get_xml_desc)
{
        TestPool *pool = NULL;
        int r = test_check_flags(args->flags, 0, "testStoragePoolGetXMLDesc", err);

        if (r == 0)
                r = test_pool(call, args->pool.name, &pool, err);
        if (r == 0)
                ret->xml = vh_call_own(call, vh_storage_pool_format(pool->def, 0));
        return r;
}

TEST_OP(storage_pool_get_autostart)
{
        TestPool *pool = NULL;
        int r = test_pool(call, args->pool.name, &pool, err);

        if (r == 0)
                ret->autostart = pool->persistent && pool->autostart;
        return r;
}

TEST_OP_DO(storage_pool_set_autostart)
{
        TestPool *pool = NULL;
        int r = test_pool(call, args->pool.name, &pool, err);

        if (r < 0)
                return r;
        if (!pool->persistent)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG, "pool has no config file");
        pool->autostart = args->autostart;
        return 0;
}

TEST_OP(storage_pool_is_active)
{
        TestPool *pool = NULL;
        int r = test_pool_by_uuid(call, args->pool.uuid, &pool, err);

        if (r == 0)
                ret->active = pool->active;
        return r;
}

TEST_OP(storage_pool_is_persistent)
{
        TestPool *pool = NULL;
        int r = test_pool_by_uuid(call, args->pool.uuid, &pool, err);

        if (r == 0)
                ret->persistent = pool->persistent;
        return r;
}

TEST_OP(storage_pool_lookup_by_name)
{
        TestPool *pool = NULL;
        int r = test_pool(call, args->name, &pool, err);

        if (r == 0)
                set_wire(pool, &ret->pool);
        return r;
}

TEST_OP(storage_pool_lookup_by_uuid)
{
        TestPool *pool = NULL;
        int r = test_pool_by_uuid(call, args->uuid, &pool, err);

        if (r == 0)
                set_wire(pool, &ret->pool);
        return r;
}

TEST_OP(storage_pool_lookup_by_volume)
{
        TestPool *pool = NULL;
        int r = test_pool(call, args->vol.pool, &pool, err);

        if (r == 0)
                set_wire(pool, &ret->pool);
        return r;
}

TEST_OP_GET(connect_num_of_storage_pools)
{
        ret->num = vh_registry_count_picked(&test_host(call)->pools, is_active);
        return 0;
}

TEST_OP_GET(connect_num_of_defined_storage_pools)
{
        ret->num = vh_registry_count_picked(&test_host(call)->pools, is_inactive);
        return 0;
}

TEST_OP(connect_list_storage_pools)
{
        ret->names.val =
                vh_registry_names(&test_host(call)->pools, is_active, args->maxnames, &call->arena, &ret->names.len);
        return 0;
}

TEST_OP(connect_list_defined_storage_pools)
{
        ret->names.val =
                vh_registry_names(&test_host(call)->pools, is_inactive, args->maxnames, &call->arena, &ret->names.len);
        return 0;
}

static uint32_t facts(const TestPool *pool)
{
        return vh_list_pool_facts(pool->active, pool->persistent, pool->autostart, pool->def->type);
}

TEST_OP(connect_list_all_storage_pools)
{
        const VhRegistry *reg = &test_host(call)->pools;
        remote_nonnull_storage_pool *val = vh_call_new(call, remote_nonnull_storage_pool, vh_registry_count(reg));
        int r = test_check_flags(args->flags, vh_list_mask(&vh_filter_storage_pools), "testConnectListAllStoragePools",
                                 err);

        if (r < 0)
                return r;
        VH_REGISTRY_FOREACH(reg, node)
        if (vh_list_match(&vh_filter_storage_pools, args->flags, facts(of_node(node))))
                set_wire(of_node(node), &val[ret->ret++]);
        if (args->need_results) {
                ret->pools.len = ret->ret;
                ret->pools.val = val;
        }
        return 0;
}

#define LV_SOURCE(device, group)                                                                                       \
        "  <source>\n    <device path='" device "'/>\n    <name>" group                                                \
        "</name>\n    <format type='lvm2'/>\n  </source>\n"

static int find_netfs_sources(VhCall *call, const char *spec, char **xml, VhError **err)
{
        VhPoolSource source = {};
        int r;

        if (!spec)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG,
                                    "hostname must be specified for netfs sources");
        r = vh_pool_source_parse(spec, &source, err);
        if (r == 0 && source.hosts.n != 1)
                r = vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG,
                                 "Expected exactly 1 host for the storage pool");
        if (r == 0)
                *xml = vh_call_printf(call,
                                      "<sources>\n  <source>\n    <host name='%s'/>\n    <dir path='/testshare'/>\n"
                                      "    <format type='nfs'/>\n  </source>\n</sources>\n",
                                      source.hosts.items[0]->name);
        vh_pool_source_clear(&source);
        return r;
}

TEST_OP(connect_find_storage_pool_sources)
{
        int type = vh_pool_type_find(args->type);
        int r = test_check_flags(args->flags, 0, "testConnectFindStoragePoolSources", err);

        if (r < 0)
                return r;
        if (type == VH_POOL_NETFS)
                return find_netfs_sources(call, args->srcSpec, &ret->xml, err);
        if (type == VH_POOL_DIR)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INTERNAL_ERROR, "unknown storage pool type %s",
                                    args->type);
        if (type != VH_POOL_LOGICAL)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_NO_SUPPORT,
                                    "pool type '%s' does not support source discovery", args->type);
        ret->xml = (char *)"<sources>\n" LV_SOURCE("/dev/sda20", "testvg1")
                LV_SOURCE("/dev/sda21", "testvg2") "</sources>\n";
        return 0;
}

const VhStorageOps test_storage_ops = {
        .connect_num_of_storage_pools = connect_num_of_storage_pools,
        .connect_list_storage_pools = connect_list_storage_pools,
        .connect_num_of_defined_storage_pools = connect_num_of_defined_storage_pools,
        .connect_list_defined_storage_pools = connect_list_defined_storage_pools,
        .connect_list_all_storage_pools = connect_list_all_storage_pools,
        .connect_find_storage_pool_sources = connect_find_storage_pool_sources,
        .connect_storage_pool_event_register_any = vh_op_connect_storage_pool_event_register_any,
        .connect_storage_pool_event_deregister_any = vh_op_connect_storage_pool_event_deregister_any,
        .storage_pool_create_xml = storage_pool_create_xml,
        .storage_pool_define_xml = storage_pool_define_xml,
        .storage_pool_build = storage_pool_build,
        .storage_pool_create = storage_pool_create,
        .storage_pool_destroy = storage_pool_destroy,
        .storage_pool_delete = storage_pool_delete,
        .storage_pool_undefine = storage_pool_undefine,
        .storage_pool_refresh = storage_pool_refresh,
        .storage_pool_get_info = storage_pool_get_info,
        .storage_pool_get_xml_desc = storage_pool_get_xml_desc,
        .storage_pool_get_autostart = storage_pool_get_autostart,
        .storage_pool_set_autostart = storage_pool_set_autostart,
        .storage_pool_is_active = storage_pool_is_active,
        .storage_pool_is_persistent = storage_pool_is_persistent,
        .storage_pool_lookup_by_name = storage_pool_lookup_by_name,
        .storage_pool_lookup_by_uuid = storage_pool_lookup_by_uuid,
        .storage_pool_lookup_by_volume = storage_pool_lookup_by_volume,
        .storage_pool_num_of_volumes = test_op_storage_pool_num_of_volumes,
        .storage_pool_list_volumes = test_op_storage_pool_list_volumes,
        .storage_pool_list_all_volumes = test_op_storage_pool_list_all_volumes,
        .storage_vol_create_xml = test_op_storage_vol_create_xml,
        .storage_vol_create_xml_from = test_op_storage_vol_create_xml_from,
        .storage_vol_delete = test_op_storage_vol_delete,
        .storage_vol_lookup_by_name = test_op_storage_vol_lookup_by_name,
        .storage_vol_lookup_by_key = test_op_storage_vol_lookup_by_key,
        .storage_vol_lookup_by_path = test_op_storage_vol_lookup_by_path,
        .storage_vol_get_info = test_op_storage_vol_get_info,
        .storage_vol_get_xml_desc = test_op_storage_vol_get_xml_desc,
        .storage_vol_get_path = test_op_storage_vol_get_path,
};
